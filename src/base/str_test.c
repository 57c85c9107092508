#include "base/test.h"

static void compares_bytes(void **state)
{
    (void)state;
    assert_true(str_equal(STR(""), STR_NONE));
    assert_true(str_equal(STR("a\0b"), ((struct str){"a\0b", 3})));
    assert_false(str_equal(STR("a\0b"), STR("a\0c")));
    assert_true(str_equal_fold(STR("Content-TYPE"), STR("content-type")));
    assert_false(str_equal_fold(STR("a"), STR("ab")));
    assert_false(str_equal_fold(STR("@"), STR("`"))); /* 32 apart but no letters */
    assert_true(str_compare(STR("a"), STR("ab")) < 0);
    assert_true(str_compare(STR("b"), STR("ab")) > 0);
    assert_true(str_compare(STR("\xff"), STR("a")) > 0);
    assert_int_equal(str_compare(STR("ab"), STR("ab")), 0);
    assert_int_equal(str_compare(STR_NONE, STR("")), 0);
    assert_true(str_starts(STR("wal-12"), STR("wal-")));
    assert_false(str_starts(STR("wa"), STR("wal-")));
    assert_true(str_ends(STR("a.csv.gz"), STR(".gz")));
    assert_false(str_ends(STR("gz"), STR(".gz")));
    assert_true(str_ends(STR("gz"), STR("")));
}

static void cuts_and_trims(void **state)
{
    (void)state;
    assert_int_equal(str_find(STR("a=b"), '='), 1);
    assert_int_equal(str_find(STR("ab"), '='), 2);
    assert_str(str_sub(STR("hello"), 1, 3), STR("ell"));
    assert_str(str_sub(STR("hello"), 4, 99), STR("o"));
    assert_str(str_sub(STR("hello"), 9, 1), STR(""));
    assert_str(str_trim(STR(" \t a b\r\n")), STR("a b"));
    assert_str(str_trim(STR("  ")), STR(""));

    struct str rest = STR("a,,b,"), part;
    const struct str want[] = {STR("a"), STR(""), STR("b"), STR("")};
    for (size_t i = 0; i < COUNT(want); i++) {
        assert_true(str_cut(&rest, ',', &part));
        assert_str(part, want[i]);
    }
    assert_false(str_cut(&rest, ',', &part));
    rest = STR("");
    assert_true(str_cut(&rest, ',', &part)); /* one empty part */
    assert_false(str_cut(&rest, ',', &part));
}

static void reads_whole_numbers(void **state)
{
    (void)state;
    int64_t v = 99;
    assert_true(str_to_i64(STR("0"), &v));
    assert_int_equal(v, 0);
    assert_true(str_to_i64(STR("-9223372036854775808"), &v));
    assert_true(v == INT64_MIN);
    assert_true(str_to_i64(STR("9223372036854775807"), &v));
    assert_true(v == INT64_MAX);
    const struct str wrong[] = {STR("9223372036854775808"),
                                STR("-9223372036854775809"),
                                STR(""),
                                STR("-"),
                                STR("+1"),
                                STR(" 1"),
                                STR("1 "),
                                STR("1.0"),
                                STR("0x1"),
                                STR("99999999999999999999"),
                                STR("\xe0\xb9\x91")};
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_false(str_to_i64(wrong[i], &v));
    assert_true(v == INT64_MAX); /* untouched */
}

static void reads_decimal_numbers(void **state)
{
    (void)state;
    double v = 0;
    const struct {
        struct str text;
        double value;
    } right[] = {
        {STR("0.5"), 0.5},
        {STR("-1e3"), -1000},
        {STR(".5"), 0.5},
        {STR("5."), 5},
        {STR("+2"), 2},
        {STR("1E-2"), 0.01},
        {STR("0.1000000000000000055511151231257827021181583404541015625000000000000"), 0.1}};
    for (size_t i = 0; i < COUNT(right); i++) {
        assert_true(str_to_f64(right[i].text, &v));
        assert_true(v == right[i].value);
    }
    const struct str wrong[] = {STR(""),     STR("."),   STR("nan"), STR("inf"),
                                STR("0x10"), STR("1e"),  STR("1e+"), STR("1e400"),
                                STR("1 "),   STR("1,5"), STR("-"),   STR("e5")};
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_false(str_to_f64(wrong[i], &v));
}

static void knows_utf8(void **state)
{
    (void)state;
    const struct str right[] = {STR(""),
                                STR("plain"),
                                STR("ก้าวหน้า"),
                                STR("\xf0\x9f\x8e\x89"),
                                STR("\xc2\x80"),
                                STR("\xef\xbf\xbf"),
                                STR("\xf4\x8f\xbf\xbf"),
                                STR("12345678\xc3\xa9"),
                                STR("\xed\x9f\xbf"),
                                STR("a\0b")};
    for (size_t i = 0; i < COUNT(right); i++)
        assert_true(str_is_utf8(right[i]));
    const struct str wrong[] = {STR("\x80"),
                                STR("\xc0\xaf"),
                                STR("\xc1\xbf"),
                                STR("\xe0\x80\xaf"),
                                STR("\xed\xa0\x80"),
                                STR("\xf0\x80\x80\xaf"),
                                STR("\xf4\x90\x80\x80"),
                                STR("\xf5\x80\x80\x80"),
                                STR("\xff"),
                                STR("\xc3"),
                                STR("\xe0\xb8"),
                                STR("12345678\xe0\xb8"),
                                STR("\xc3("),
                                STR("1234567\xe9")};
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_false(str_is_utf8(wrong[i]));
}

static void measures_distance(void **state)
{
    (void)state;
    assert_int_equal(str_distance(STR("event"), STR("event"), 3), 0);
    assert_int_equal(str_distance(STR("evnt"), STR("event"), 3), 1);
    assert_int_equal(str_distance(STR("evetn"), STR("event"), 3), 1); /* swap of neighbours */
    assert_int_equal(str_distance(STR("kitten"), STR("sitting"), 5), 3);
    assert_int_equal(str_distance(STR(""), STR("abc"), 5), 3);
    assert_int_equal(str_distance(STR("abc"), STR("xyz"), 2), 3); /* limit + 1 */
    char much[300];
    memset(much, 'a', sizeof much);
    assert_int_equal(str_distance((struct str){much, 300}, (struct str){much, 299}, 2), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares_bytes),      cmocka_unit_test(cuts_and_trims),
        cmocka_unit_test(reads_whole_numbers), cmocka_unit_test(reads_decimal_numbers),
        cmocka_unit_test(knows_utf8),          cmocka_unit_test(measures_distance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
