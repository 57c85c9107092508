/* Traits against the plainest model. */
#include "base/test.h"
#include "store/people_facts.h"
#include "store/store.h"

static struct value integer(int64_t v)
{
    return (struct value){.type = VALUE_INT, .integer = v};
}

static struct value text(struct str v)
{
    return (struct value){.type = VALUE_TEXT, .text = v};
}

static bool set_one(struct traits *t, uint32_t who, uint32_t version, uint32_t name, struct value v)
{
    return traits_set(t, who, version, (int64_t)FACT_CREATED_NONE, &(struct trait_change){name, v},
                      1);
}

static void the_newest_value_counts(void **state)
{
    (void)state;
    struct traits *t = traits_create();
    uint32_t version = 0;
    assert_true(set_one(t, 5, 1, 0, integer(10)));
    assert_false(set_one(t, 5, 2, 0, integer(10)));
    assert_true(set_one(t, 5, 2, 0, text(STR("ten"))));
    assert_true(set_one(t, 5, 3, 1, (struct value){.type = VALUE_BOOL, .boolean = true}));
    assert_true(set_one(t, 5, 4, 2, (struct value){.type = VALUE_DOUBLE, .number = 0.5}));
    assert_false(set_one(t, 5, 5, 3, (struct value){.type = VALUE_NULL}));
    assert_true(set_one(t, 5, 5, 1, (struct value){.type = VALUE_NULL}));
    const struct trait_set *s = traits_at(t, 5, 5);
    assert_str(trait_set_value(s, 0, &version).text, STR("ten"));
    assert_int_equal(version, 2);
    assert_int_equal(trait_set_value(s, 1, &version).type, VALUE_NULL);
    assert_true(trait_set_value(s, 2, &version).number == 0.5);
    assert_int_equal(trait_set_value(s, 3, &version).type, VALUE_MISSING);
    assert_null(traits_at(t, 6, 5));
    assert_null(traits_at(t, 3000000, 5));
    traits_destroy(t);
}

static void older_views_see_older_values(void **state)
{
    (void)state;
    enum { VERSIONS = 50 };
    struct traits *t = traits_create();
    for (uint32_t v = 1; v <= VERSIONS; v++)
        assert_true(set_one(t, 2000, v, 0, integer(v)));
    uint32_t at;
    for (uint32_t v = 1; v <= VERSIONS; v++)
        assert_int_equal(trait_set_value(traits_at(t, 2000, v), 0, &at).integer, v);
    traits_forget(t, 30);
    for (uint32_t v = 30; v <= VERSIONS; v++)
        assert_int_equal(trait_set_value(traits_at(t, 2000, v), 0, &at).integer, v);
    traits_destroy(t);
}

static void the_earliest_creation_counts(void **state)
{
    (void)state;
    struct traits *t = traits_create();
    assert_int_equal(trait_set_created(NULL), (int64_t)FACT_CREATED_NONE);
    assert_true(set_one(t, 1, 1, 0, integer(1)));
    assert_int_equal(trait_set_created(traits_at(t, 1, 1)), (int64_t)FACT_CREATED_NONE);
    assert_true(traits_set(t, 1, 2, 500, NULL, 0));
    assert_false(traits_set(t, 1, 3, 600, NULL, 0));
    assert_true(traits_set(t, 1, 3, -400, NULL, 0));
    assert_int_equal(trait_set_created(traits_at(t, 1, 3)), -400);
    uint32_t version;
    assert_int_equal(trait_set_value(traits_at(t, 1, 3), 0, &version).integer, 1);
    traits_destroy(t);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_value_counts),
        cmocka_unit_test(older_views_see_older_values),
        cmocka_unit_test(the_earliest_creation_counts),
    };
    return cmocka_run_group_tests_name("store/people_facts", tests, NULL, NULL);
}
