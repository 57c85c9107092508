#include "base/test.h"

#include <math.h>

#include "base/limits.h"
#include "codec/json.h"

static void commas_come_by_themselves(void **state)
{
    (void)state;
    BUF_AUTO b = {0};
    struct jwrite w = jwrite_to(&b);
    jwrite_object(&w);
    jwrite_pair_string(&w, "name", STR("ก"));
    jwrite_key(&w, STR("list"));
    jwrite_array(&w);
    jwrite_int(&w, INT64_MIN);
    jwrite_object(&w);
    jwrite_end(&w);
    jwrite_array(&w);
    jwrite_end(&w);
    jwrite_null(&w);
    jwrite_raw(&w, STR("[1,2]"));
    jwrite_end(&w);
    jwrite_pair_int(&w, "n", -1);
    jwrite_pair_double(&w, "d", 0.25);
    jwrite_pair_bool(&w, "yes", true);
    jwrite_end(&w);
    assert_int_equal(w.depth, 0);
    assert_str(buf_str(&b), STR("{\"name\":\"ก\",\"list\":[-9223372036854775808,{},[],null,[1,2]],"
                                "\"n\":-1,\"d\":0.25,\"yes\":true}"));
}

static void texts_are_escaped(void **state)
{
    (void)state;
    const struct {
        struct str plain, json;
    } pairs[] = {
        {STR(""), STR("\"\"")},
        {STR("a\"b\\c/"), STR("\"a\\\"b\\\\c/\"")},
        {STR("\n\r\t\b\x1f\x7f"), STR("\"\\n\\r\\t\\u0008\\u001f\\u007f\"")},
        {STR("a\0b"), STR("\"a\\u0000b\"")},
        {STR("</script>"), STR("\"\\u003c/script>\"")},
        {STR("x\xe2\x80\xa8y\xe2\x80\xa9z\xe2\x80\xaa"), STR("\"x\\u2028y\\u2029z\xe2\x80\xaa\"")},
        {STR("\xe0\xb8\x81\xf0\x9f\x90\x98"), STR("\"\xe0\xb8\x81\xf0\x9f\x90\x98\"")},
        {STR("a\xff"
             "b\xe0\xb8\xe0\xb8\x81"),
         STR("\"a\xef\xbf\xbd"
             "b\xef\xbf\xbd\xef\xbf\xbd\xe0\xb8\x81\"")},
        {STR("cut\xe2\x80"), STR("\"cut\xef\xbf\xbd\xef\xbf\xbd\"")},
    };
    for (size_t i = 0; i < COUNT(pairs); i++) {
        BUF_AUTO b = {0};
        struct jwrite w = jwrite_to(&b);
        jwrite_string(&w, pairs[i].plain);
        assert_str(buf_str(&b), pairs[i].json);
    }
}

static void doubles_are_short_and_exact(void **state)
{
    (void)state;
    const struct {
        double v;
        struct str json;
    } pairs[] = {
        {0.1, STR("0.1")},
        {-0.0, STR("0")},
        {2, STR("2")},
        {1e300, STR("1e+300")},
        {0x1p63, STR("9.223372036854776e+18")},
        {NAN, STR("null")},
        {INFINITY, STR("null")},
        {-INFINITY, STR("null")},
        {5e-324, STR("4.94065645841247e-324")},
    };
    for (size_t i = 0; i < COUNT(pairs); i++) {
        BUF_AUTO b = {0};
        struct jwrite w = jwrite_to(&b);
        jwrite_double(&w, pairs[i].v);
        assert_str(buf_str(&b), pairs[i].json);
    }
}

static void values_keep_their_type(void **state)
{
    (void)state;
    BUF_AUTO b = {0};
    struct jwrite w = jwrite_to(&b);
    jwrite_array(&w);
    jwrite_value(&w, (struct value){VALUE_INT, .integer = 7});
    jwrite_value(&w, (struct value){VALUE_TEXT, .text = STR("7")});
    jwrite_value(&w, (struct value){VALUE_BOOL, .boolean = false});
    jwrite_value(&w, (struct value){VALUE_LIST, .text = STR("[1,\"a\"]")});
    jwrite_value(&w, (struct value){VALUE_DOUBLE, .number = 1.5});
    jwrite_value(&w, (struct value){VALUE_NULL});
    jwrite_value(&w, (struct value){VALUE_MISSING});
    jwrite_end(&w);
    assert_str(buf_str(&b), STR("[7,\"7\",false,[1,\"a\"],1.5,null,null]"));
}

static void writes_as_deep_as_it_reads(void **state)
{
    (void)state;
    BUF_AUTO b = {0};
    struct jwrite w = jwrite_to(&b);
    for (int i = 0; i < LIMIT_JSON_DEPTH; i++)
        jwrite_array(&w);
    for (int i = 0; i < LIMIT_JSON_DEPTH; i++)
        jwrite_end(&w);
    AUTO(json_parser) *p = json_parser_create();
    struct json root;
    struct err e = {0};
    assert_works(json_parse(p, buf_str(&b), &root, &e), e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_come_by_themselves),   cmocka_unit_test(texts_are_escaped),
        cmocka_unit_test(doubles_are_short_and_exact), cmocka_unit_test(values_keep_their_type),
        cmocka_unit_test(writes_as_deep_as_it_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
