#include "base/test.h"

#include "codec/bytes.h"

static void crc_has_its_check_value(void **state)
{
    (void)state;
    assert_int_equal(crc32c(0, "123456789", 9), 0xE3069283);
    assert_int_equal(crc32c(0, "", 0), 0);
    /* RFC 3720 B.4 */
    unsigned char bytes[32] = {0};
    assert_int_equal(crc32c(0, bytes, 32), 0x8A9136AA);
    memset(bytes, 0xFF, 32);
    assert_int_equal(crc32c(0, bytes, 32), 0x62A8AB43);
    for (unsigned char i = 0; i < 32; i++)
        bytes[i] = i;
    assert_int_equal(crc32c(0, bytes, 32), 0x46DD794E);
    /* in two pieces, at every cut and alignment */
    for (size_t cut = 0; cut <= 32; cut++)
        assert_int_equal(crc32c(crc32c(0, bytes, cut), bytes + cut, 32 - cut), 0x46DD794E);
}

static void varints_return(void **state)
{
    (void)state;
    BUF_AUTO b = {0};
    uint64_t v;
    for (int bit = 0; bit < 64; bit++)
        for (int less = 0; less < 2; less++) {
            uint64_t want = ((uint64_t)1 << bit) - (uint64_t)less;
            buf_clear(&b);
            varint_put(&b, want);
            for (size_t cut = 0; cut < b.len; cut++) {
                struct str part = {b.at, cut};
                assert_false(varint_get(&part, &v));
                assert_int_equal(part.len, cut);
            }
            buf_add_char(&b, 'x');
            struct str rest = buf_str(&b);
            assert_true(varint_get(&rest, &v));
            assert_true(v == want);
            assert_str(rest, STR("x"));
        }
    buf_clear(&b);
    varint_put(&b, UINT64_MAX);
    assert_int_equal(b.len, 10);
    struct str rest = buf_str(&b);
    assert_true(varint_get(&rest, &v) && v == UINT64_MAX);
    rest = STR("\x80\x00"); /* 0 in two bytes */
    assert_false(varint_get(&rest, &v));
    rest = STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02");
    assert_false(varint_get(&rest, &v));
    const int64_t signs[] = {0, -1, 1, -2, INT64_MAX, INT64_MIN};
    const uint64_t zigzags[] = {0, 1, 2, 3, UINT64_MAX - 1, UINT64_MAX};
    for (size_t i = 0; i < COUNT(signs); i++) {
        assert_true(zigzag(signs[i]) == zigzags[i]);
        assert_true(unzigzag(zigzags[i]) == signs[i]);
    }
}

static void texts_return(void **state)
{
    (void)state;
    BUF_AUTO b = {0};
    varint_put_text(&b, STR("a\0b"));
    varint_put_text(&b, STR(""));
    struct str rest = buf_str(&b), s;
    assert_true(varint_get_text(&rest, &s));
    assert_str(s, STR("a\0b"));
    assert_true(varint_get_text(&rest, &s));
    assert_str(s, STR(""));
    assert_false(varint_get_text(&rest, &s));
    rest = STR("\5abcd"); /* one byte short */
    assert_false(varint_get_text(&rest, &s));
    assert_int_equal(rest.len, 5);
}

static void base64_is_rfc_4648(void **state)
{
    (void)state;
    const struct {
        struct str plain, text;
    } pairs[] = {
        {STR(""), STR("")},
        {STR("f"), STR("Zg==")},
        {STR("fo"), STR("Zm8=")},
        {STR("foo"), STR("Zm9v")},
        {STR("foob"), STR("Zm9vYg==")},
        {STR("fooba"), STR("Zm9vYmE=")},
        {STR("foobar"), STR("Zm9vYmFy")},
        {STR("\xfb\xff\xfe"), STR("+//+")},
    };
    BUF_AUTO b = {0};
    for (size_t i = 0; i < COUNT(pairs); i++) {
        buf_clear(&b);
        base64_put(&b, pairs[i].plain);
        assert_str(buf_str(&b), pairs[i].text);
        buf_clear(&b);
        assert_true(base64_get(pairs[i].text, &b));
        assert_str(buf_str(&b), pairs[i].plain);
    }
    buf_clear(&b);
    assert_true(base64_get(STR("Zm9vYg"), &b));
    assert_true(base64_get(STR("-__-"), &b));
    assert_str(buf_str(&b), STR("foob\xfb\xff\xfe"));
    const struct str wrong[] = {STR("Z"),         STR("Zm9vY"),    STR("Zg="),
                                STR("Zm9v Yg=="), STR("===="),     STR("Zh=="),
                                STR("Zm9="),      STR("Zg==Zg=="), STR("\xe0==")};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        buf_clear(&b);
        assert_false(base64_get(wrong[i], &b));
        assert_int_equal(b.len, 0);
    }
}

static void hex_and_percent_return(void **state)
{
    (void)state;
    BUF_AUTO b = {0};
    hex_put(&b, STR("\x00\xff\x1a"));
    assert_str(buf_str(&b), STR("00ff1a"));
    buf_clear(&b);
    assert_true(hex_get(STR("00fF1A"), &b));
    assert_str(buf_str(&b), STR("\x00\xff\x1a"));
    buf_clear(&b);
    assert_false(hex_get(STR("0"), &b));
    assert_false(hex_get(STR("00g0"), &b));
    assert_int_equal(b.len, 0);
    assert_true(percent_get(STR("a%20b%2Fc+d%e0%b8%81"), false, &b));
    assert_str(buf_str(&b), STR("a b/c+d\xe0\xb8\x81"));
    buf_clear(&b);
    assert_true(percent_get(STR("a+b"), true, &b));
    assert_str(buf_str(&b), STR("a b"));
    buf_clear(&b);
    assert_false(percent_get(STR("100%"), false, &b));
    assert_false(percent_get(STR("%2"), false, &b));
    assert_false(percent_get(STR("%2x"), false, &b));
    assert_int_equal(b.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc_has_its_check_value),
        cmocka_unit_test(varints_return),
        cmocka_unit_test(texts_return),
        cmocka_unit_test(base64_is_rfc_4648),
        cmocka_unit_test(hex_and_percent_return),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
