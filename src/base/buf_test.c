#include "base/test.h"

#include "base/buf.h"

static void grows_with_what_is_added(void **state)
{
    (void)state;
    BUF_AUTO b = {0};
    assert_str(buf_str(&b), STR(""));
    buf_add(&b, STR_NONE);
    for (int i = 0; i < 1000; i++)
        buf_add(&b, STR("0123456789"));
    buf_add_char(&b, '!');
    assert_int_equal(b.len, 10001);
    for (size_t i = 0; i < 10000; i++)
        assert_int_equal(b.at[i], (char)('0' + i % 10));
    assert_int_equal(b.at[10000], '!');
    size_t room = b.room;
    buf_clear(&b);
    assert_int_equal(b.len, 0);
    assert_int_equal(b.room, room);
}

static void words_are_little_endian(void **state)
{
    (void)state;
    BUF_AUTO b = {0};
    buf_add_u16(&b, 0x0102);
    buf_add_u32(&b, 0x01020304);
    buf_add_u64(&b, 0x0102030405060708);
    assert_str(buf_str(&b), STR("\2\1\4\3\2\1\x8\7\6\5\4\3\2\1"));
}

static void prints_at_any_length(void **state)
{
    (void)state;
    BUF_AUTO b = {0};
    for (int width = 1; width < 300; width++) {
        size_t before = b.len;
        buf_printf(&b, "%*d", width, 7);
        assert_int_equal(b.len - before, width);
        assert_int_equal(b.at[b.len - 1], '7');
    }
}

static void reserve_leaves_the_length(void **state)
{
    (void)state;
    BUF_AUTO b = {0};
    buf_add(&b, STR("ab"));
    char *end = buf_reserve(&b, 1000);
    assert_ptr_equal(end, b.at + 2);
    assert_int_equal(b.len, 2);
    memset(end, 1, 1000);
}

static void a_buffer_may_try_to_grow(void **state)
{
    (void)state;
    BUF_AUTO b = {0};
    assert_true(buf_try_reserve(&b, 10));
    buf_add(&b, STR("text"));
    assert_true(buf_try_reserve(&b, 100000));
    assert_true(b.room >= 100004);
    assert_str(buf_str(&b), STR("text"));
    assert_false(buf_try_reserve(&b, SIZE_MAX / 8));
    assert_str(buf_str(&b), STR("text"));
}

/* Under AddressSanitizer, too much memory is to be refused, as it is without. */
const char *__asan_default_options(void);
__attribute__((visibility("default"))) const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_with_what_is_added), cmocka_unit_test(words_are_little_endian),
        cmocka_unit_test(prints_at_any_length),     cmocka_unit_test(reserve_leaves_the_length),
        cmocka_unit_test(a_buffer_may_try_to_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
