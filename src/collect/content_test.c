/* collect/content_test: what counts as the same record, and the counting of equal ones. */
#include "base/hash.h"
#include "base/test.h"
#include "collect/content.h"

static const struct property plan = {{"plan", 4}, {.type = VALUE_TEXT, .text = {"pro", 3}}};
static const struct property seats = {{"seats", 5}, {.type = VALUE_INT, .integer = 1}};

static struct event usual(const struct property *list, size_t count)
{
    return (struct event){
        .name = STR("E"),
        .person = STR("u"),
        .time = 1000,
        .properties = list,
        .property_count = count,
    };
}

static void equal_records_have_equal_hashes(void **state)
{
    (void)state;
    const struct property ab[] = {plan, seats}, ba[] = {seats, plan};
    struct event a = usual(ab, 2), b = usual(ba, 2);
    assert_true(content_hash(&a, 0) == content_hash(&b, 0));
    assert_true(content_hash(&a, 0) != content_hash(&a, 1));
    b.id = STR("x");
    b.copy = 3;
    b.received = 77;
    assert_true(content_hash(&a, 0) == content_hash(&b, 0));
}

static void each_part_counts(void **state)
{
    (void)state;
    const struct property ab[] = {plan, seats};
    const struct property one_double[] = {plan,
                                          {{"seats", 5}, {.type = VALUE_DOUBLE, .number = 1}}};
    const struct property one_true[] = {plan,
                                        {{"seats", 5}, {.type = VALUE_BOOL, .boolean = true}}};
    const struct property null[] = {plan, {{"seats", 5}, {.type = VALUE_NULL}}};
    const struct property swapped[] = {{{"seats", 5}, {.type = VALUE_TEXT, .text = {"pro", 3}}},
                                       {{"plan", 4}, {.type = VALUE_INT, .integer = 1}}};
    struct event list[13];
    for (size_t i = 0; i < COUNT(list); i++)
        list[i] = usual(ab, 2);
    list[1].name = STR("F");
    list[2].person = STR("v");
    list[3].time = 1001;
    list[4].offset_minutes = 420;
    list[5].sequence = 1;
    list[6].account = STR("s");
    list[7].session = STR("s");
    list[8].properties = one_double;
    list[9].properties = one_true;
    list[10].properties = null;
    list[11].properties = swapped;
    list[12].property_count = 1;
    for (size_t i = 0; i < COUNT(list); i++)
        for (size_t k = i + 1; k < COUNT(list); k++)
            if (content_hash(&list[i], 0) == content_hash(&list[k], 0))
                fail_msg("%zu and %zu are held equal", i, k);
}

static void a_set_knows_what_it_has_seen(void **state)
{
    (void)state;
    enum { MANY = 200000 };
    AUTO(hash_set) *s = hash_set_create();
    assert_true(hash_set_add(s, 0));
    assert_false(hash_set_add(s, 0));
    for (uint64_t i = 2; i < MANY; i++)
        assert_true(hash_set_add(s, hash_mix(i)));
    for (uint64_t i = 2; i < MANY; i++)
        assert_false(hash_set_add(s, hash_mix(i)));
    assert_int_equal(hash_set_count(s), MANY - 1);
    hash_set_clear(s);
    assert_int_equal(hash_set_count(s), 0);
    assert_true(hash_set_add(s, hash_mix(5)));
}

/* Against counting by hand, with hashes that share their low and their high bits. */
static void copies_are_counted_in_order(void **state)
{
    (void)state;
    enum { KINDS = 300, ROUNDS = 50 };
    AUTO(copies) *c = copies_create();
    uint64_t hashes[KINDS];
    uint32_t before[KINDS];
    for (int round = 0; round < ROUNDS; round++) {
        for (uint64_t k = 0; k < KINDS; k++)
            hashes[k] = k % 3 == 0 ? k : k % 3 == 1 ? k << 40 : hash_mix(k);
        copies_count(c, hashes, before, KINDS);
        for (size_t k = 0; k < KINDS; k++)
            assert_int_equal(before[k], round);
    }
    uint64_t same[] = {9, 9, 9};
    copies_clear(c);
    copies_count(c, same, before, 3);
    assert_int_equal(before[0], 0);
    assert_int_equal(before[1], 1);
    assert_int_equal(before[2], 2);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_records_have_equal_hashes),
        cmocka_unit_test(each_part_counts),
        cmocka_unit_test(a_set_knows_what_it_has_seen),
        cmocka_unit_test(copies_are_counted_in_order),
    };
    return cmocka_run_group_tests_name("collect/content", tests, NULL, NULL);
}
