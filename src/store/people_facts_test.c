/* Merges and traits against the plainest model. */
#include "base/hash.h"
#include "base/test.h"
#include "store/people_facts.h"
#include "store/store.h"

enum { PEOPLE = 40 };

static uint32_t plain_root(const uint32_t *parent, uint32_t i)
{
    while (parent[i] != i)
        i = parent[i];
    return i;
}

static void same_units(struct merges *m, const uint32_t *parent)
{
    struct merges_view *v = merges_look(m);
    for (uint32_t i = 0; i < PEOPLE; i++) {
        assert_int_equal(merges_unit(v, i), plain_root(parent, i));
        const uint32_t *list;
        size_t count = merges_members(v, i, &list), want = 0;
        if (parent[i] != i)
            continue;
        for (uint32_t k = 0; k < PEOPLE; k++) {
            if (plain_root(parent, k) != i)
                continue;
            if (list)
                assert_int_equal(list[want], k); /* ascending, itself included */
            want++;
        }
        assert_int_equal(count, want);
        assert_int_equal(list == NULL, want == 1);
    }
    merges_release(v);
}

static void merges_are_a_forest(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct merges *m = merges_create();
        uint32_t parent[PEOPLE];
        uint64_t dice = seed << 32;
        for (uint32_t i = 0; i < PEOPLE; i++)
            parent[i] = i;
        for (int step = 0; step < 120; step++) {
            uint32_t a = (uint32_t)(hash_mix(dice++) % PEOPLE);
            uint32_t b = (uint32_t)(hash_mix(dice++) % PEOPLE);
            bool joins = hash_mix(dice++) % 3 != 0;
            bool same = plain_root(parent, a) == plain_root(parent, b);
            bool changes = joins ? !same : same && parent[b] != b;
            /* `b` may stand above `a` only within one unit, where a merge changes nothing */
            assert_int_equal(joins ? merges_join(m, a, b) : merges_part(m, a, b), changes);
            if (changes)
                parent[b] = joins ? a : b;
            if (step % 7 == 0)
                same_units(m, parent);
        }
        same_units(m, parent);
        merges_destroy(m);
    }
}

static void ten_thousand_into_one_and_in_a_chain(void **state)
{
    (void)state;
    enum { MANY = 10000 };
    for (int chain = 0; chain < 2; chain++) {
        struct merges *m = merges_create();
        for (uint32_t i = 1; i <= MANY; i++)
            assert_true(merges_join(m, chain ? i : 0, chain ? i - 1 : i));
        struct merges_view *v = merges_look(m);
        const uint32_t *list;
        uint32_t root = chain ? MANY : 0;
        assert_int_equal(merges_members(v, root, &list), MANY + 1);
        for (uint32_t i = 0; i <= MANY; i++) {
            assert_int_equal(list[i], i);
            assert_int_equal(merges_unit(v, i), root);
        }
        merges_release(v);
        merges_destroy(m);
    }
}

static void a_view_keeps_its_merges(void **state)
{
    (void)state;
    struct merges *m = merges_create();
    assert_null(merges_look(m));
    assert_true(merges_join(m, 1, 2));
    struct merges_view *v = merges_look(m);
    assert_true(merges_part(m, 1, 2));
    assert_null(merges_look(m));
    assert_int_equal(merges_unit(v, 2), 1);
    merges_destroy(m);
    merges_release(v);
}

/* ---- traits ---- */

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
        cmocka_unit_test(merges_are_a_forest),
        cmocka_unit_test(ten_thousand_into_one_and_in_a_chain),
        cmocka_unit_test(a_view_keeps_its_merges),
        cmocka_unit_test(the_newest_value_counts),
        cmocka_unit_test(older_views_see_older_values),
        cmocka_unit_test(the_earliest_creation_counts),
    };
    return cmocka_run_group_tests_name("store/people_facts", tests, NULL, NULL);
}
