#include "base/test.h"

#include "base/value.h"

static struct value integer(int64_t v)
{
    return (struct value){VALUE_INT, .integer = v};
}

static struct value number(double v)
{
    return (struct value){VALUE_DOUBLE, .number = v};
}

static struct value text(const char *v)
{
    return (struct value){VALUE_TEXT, .text = str_of(v)};
}

static struct value boolean(bool v)
{
    return (struct value){VALUE_BOOL, .boolean = v};
}

static void reads_as_people_write(void **state)
{
    (void)state;
    char room[VALUE_TEXT_BYTES];
    assert_str(value_text(integer(INT64_MIN), room), STR("-9223372036854775808"));
    assert_str(value_text(number(0.1), room), STR("0.1"));
    assert_str(value_text(number(0.1 + 0.2), room), STR("0.30000000000000004"));
    assert_str(value_text(number(-0.0), room), STR("0"));
    assert_str(value_text(number(2), room), STR("2"));
    assert_str(value_text(number(1e300), room), STR("1e+300"));
    assert_str(value_text(boolean(true), room), STR("true"));
    assert_str(value_text(text("ก"), room), STR("ก"));
    assert_str(value_text((struct value){VALUE_NULL}, room), STR(""));
}

static void is_compares_across_types(void **state)
{
    (void)state;
    assert_true(value_is(integer(1), text("1")));
    assert_true(value_is(text("1.5"), number(1.5)));
    assert_true(value_is(integer(1), number(1.0)));
    assert_true(value_is(boolean(true), text("true")));
    assert_true(value_is(number(0.0), number(-0.0)));
    assert_false(value_is(boolean(true), integer(1)));
    assert_false(value_is(text("A"), text("a")));
    assert_false(value_is(integer(INT64_MAX), number(0x1p63)));
    assert_false(value_is(integer((1LL << 53) + 1), number(0x1p53)));
    assert_true(value_is(integer(INT64_MIN), number(-0x1p63)));
    struct value absent[] = {{VALUE_MISSING}, {VALUE_NULL}};
    for (int i = 0; i < 2; i++) {
        assert_true(value_is_absent(absent[i]));
        assert_false(value_is(absent[i], absent[i]));
        assert_false(value_is(absent[i], text("")));
    }
}

static void numbers_may_be_texts(void **state)
{
    (void)state;
    double v = 0;
    assert_true(value_number(text("12.5"), &v) && v == 12.5);
    assert_true(value_number(integer(-3), &v) && v == -3);
    assert_true(value_number(number(0.5), &v) && v == 0.5);
    assert_false(value_number(text("12 baht"), &v));
    assert_false(value_number(boolean(true), &v));
    assert_false(value_number((struct value){VALUE_NULL}, &v));
}

static void same_means_type_and_content(void **state)
{
    (void)state;
    assert_true(value_same(integer(1), integer(1)));
    assert_false(value_same(integer(1), number(1)));
    assert_false(value_same(integer(1), text("1")));
    assert_true(value_same(text("a"), text("a")));
    assert_true(value_same(number(0.5), number(0.5)));
    assert_false(value_same(number(0.5), number(0.25)));
    assert_true(value_same((struct value){VALUE_NULL}, (struct value){VALUE_NULL}));
    assert_false(value_same((struct value){VALUE_NULL}, (struct value){VALUE_MISSING}));
    assert_false(value_same(boolean(true), boolean(false)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_as_people_write),
        cmocka_unit_test(is_compares_across_types),
        cmocka_unit_test(numbers_may_be_texts),
        cmocka_unit_test(same_means_type_and_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
