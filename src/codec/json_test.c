#include "base/test.h"

#include <math.h>

#include "base/limits.h"
#include "codec/json.h"

struct place {
    struct json_parser *p;
    struct err e;
    struct buf text;
};

static int open_place(void **state)
{
    struct place *t = mem_zero(sizeof *t);
    t->p = json_parser_create();
    *state = t;
    return 0;
}

static int close_place(void **state)
{
    struct place *t = *state;
    json_parser_destroy(t->p);
    buf_free(&t->text);
    mem_free(t);
    return 0;
}

static struct json parse(struct place *t, struct str text)
{
    struct json root = {0};
    assert_works(json_parse(t->p, text, &root, &t->e), t->e);
    return root;
}

static void refuses(struct place *t, struct str text, const char *code, const char *at)
{
    struct json root = {0};
    t->e = (struct err){0};
    if (json_parse(t->p, text, &root, &t->e))
        fail_msg("should refuse %.*s", (int)MIN(text.len, 100), text.at);
    if (strcmp(t->e.code, code) != 0 || (at && strcmp(t->e.at, at) != 0))
        fail_msg("%.*s: %s at %s: %s", (int)MIN(text.len, 100), text.at, t->e.code, t->e.at,
                 t->e.text);
    assert_int_equal(t->e.kind, ERR_INVALID);
    assert_true(t->e.text[0] != 0);
    assert_true(str_is_utf8(str_of(t->e.text)));
}

static void reads_each_type(void **state)
{
    struct place *t = *state;
    struct json root =
        parse(t, STR(" {\"a\":[1,-2.5,\"ก\\n\",true,false,null,{}],\"b\":{\"c\":7}} "));
    assert_int_equal(json_type(root), JSON_OBJECT);
    assert_int_equal(json_count(root), 2);
    struct json list = json_member(root, STR("a"));
    assert_int_equal(json_count(list), 7);
    const enum json_type types[] = {JSON_INT,  JSON_DOUBLE, JSON_STRING, JSON_BOOL,
                                    JSON_BOOL, JSON_NULL,   JSON_OBJECT};
    struct json items[7];
    struct json_each it = json_each(list);
    for (size_t i = 0; i < 7; i++) {
        assert_true(json_next(&it));
        assert_int_equal(json_type(it.value), types[i]);
        items[i] = it.value;
    }
    assert_false(json_next(&it));
    assert_false(json_next(&it));
    int64_t n;
    double d;
    bool yes;
    struct str s;
    assert_true(json_int(items[0], &n) && n == 1);
    assert_true(json_number(items[0], &d) && d == 1);
    assert_true(json_number(items[1], &d) && d == -2.5);
    assert_false(json_int(items[1], &n));
    assert_true(json_string(items[2], &s));
    assert_str(s, STR("ก\n"));
    assert_true(json_bool(items[3], &yes) && yes);
    assert_true(json_bool(items[4], &yes) && !yes);
    assert_false(json_string(items[0], &s) || json_bool(items[0], &yes));
    assert_false(json_number(items[2], &d) || json_int(items[2], &n));
    struct json absent = json_member(root, STR("none"));
    assert_int_equal(json_type(absent), JSON_ABSENT);
    assert_int_equal(json_type(json_member(absent, STR("x"))), JSON_ABSENT);
    assert_int_equal(json_type(json_member(list, STR("a"))), JSON_ABSENT);
    assert_int_equal(json_count(absent), 0);
    it = json_each(absent);
    assert_false(json_next(&it));
    it = json_each(root);
    assert_true(json_next(&it));
    assert_str(it.key, STR("a"));
    assert_true(json_next(&it));
    assert_str(it.key, STR("b"));
    assert_true(json_int(json_member(it.value, STR("c")), &n) && n == 7);
    assert_string_equal(json_type_name(JSON_STRING), "a text");
}

static void scalars_may_stand_alone(void **state)
{
    struct place *t = *state;
    int64_t n;
    assert_true(json_int(parse(t, STR("42")), &n) && n == 42);
    assert_int_equal(json_type(parse(t, STR("null"))), JSON_NULL);
    assert_int_equal(json_type(parse(t, STR("\"x\""))), JSON_STRING);
}

static void integers_are_exact(void **state)
{
    struct place *t = *state;
    int64_t n;
    double d;
    assert_true(json_int(parse(t, STR("9007199254740993")), &n) && n == 9007199254740993);
    assert_true(json_int(parse(t, STR("9223372036854775807")), &n) && n == INT64_MAX);
    assert_true(json_int(parse(t, STR("-9223372036854775808")), &n) && n == INT64_MIN);
    assert_true(json_int(parse(t, STR("5.0")), &n) && n == 5);
    assert_true(json_int(parse(t, STR("-0")), &n) && n == 0);
    assert_true(json_number(parse(t, STR("-0.0")), &d) && !signbit(d));
    assert_true(json_number(parse(t, STR("1e-400")), &d) && d == 0); /* reads as 0 */
    assert_false(json_int(parse(t, STR("1e19")), &n));
    assert_true(json_number(parse(t, STR("1e19")), &d) && d == 1e19);
}

/* Families N01 to N08 of the shared nasty inputs: the same facts, one row each. */
static void refuses_nasty_inputs(void **state)
{
    static const struct {
        struct str text;
        const char *code, *at;
    } rows[] = {
        {STR("{\"m\":\"a\",\"m\":\"b\"}"), "json.duplicate_key", ""},
        {STR("{\"p\":[0,{\"a\":1,\"\\u0061\":2}]}"), "json.duplicate_key", "/p/1"},
        {STR("{\"a/b~\":{\"x\":1,\"x\":1}}"), "json.duplicate_key", "/a~1b~0"},
        {STR("{\"v\":1e400}"), "json.number_range", "byte 5"},
        {STR("{\"v\":-1e400}"), "json.number_range", "byte 5"},
        {STR("{\"v\":9223372036854775808}"), "json.number_range", NULL},
        {STR("{\"v\":[1,18446744073709551615]}"), "json.number_range", "/v/1"},
        {STR("{\"v\":-9223372036854775809}"), "json.number_range", "byte 5"},
        {STR("{\"v\":123456789012345678901234567890}"), "json.number_range", "byte 5"},
        {STR("{\"v\":NaN}"), "json.syntax", "byte 5"},
        {STR("{\"v\":-NaN}"), "json.syntax", "byte 6"},
        {STR("{\"v\":Infinity}"), "json.syntax", "byte 5"},
        {STR("{\"v\":-Infinity}"), "json.syntax", "byte 6"},
        {STR("{\"v\":0x1F}"), "json.syntax", "byte 6"},
        {STR("{\"v\":+1}"), "json.syntax", "byte 5"},
        {STR("{\"v\":01}"), "json.syntax", "byte 5"},
        {STR("{\"v\":.5}"), "json.syntax", "byte 5"},
        {STR("{\"v\":1.}"), "json.syntax", "byte 7"},
        {STR("{\"v\":1_000}"), "json.syntax", "byte 6"},
        {STR("{\"v\":１}"), "json.syntax", "byte 5"},
        {STR("{\"v\":\"\\ud800\"}"), "json.unicode", "byte 6"},
        {STR("{\"v\":\"\\udc00\"}"), "json.unicode", "byte 6"},
        {STR("{\"v\":\"\\udc00\\ud800\"}"), "json.unicode", "byte 6"},
        {STR("{\"v\":\"\\ud800\\u0041\"}"), "json.unicode", "byte 6"},
        {STR("{\"\\ud800\":1}"), "json.unicode", "byte 2"},
        {STR("{\"v\":\"\xc0\xaf\"}"), "json.utf8", "byte 6"},
        {STR("{\"v\":\"\xed\xa0\x80\"}"), "json.utf8", "byte 6"},
        {STR("{\"v\":\"\xf4\x90\x80\x80\"}"), "json.utf8", "byte 6"},
        {STR("{\"v\":\"\xff\"}"), "json.utf8", "byte 6"},
        {STR("{\"v\":\"\xe0\xb8\"}"), "json.utf8", "byte 6"},
        {STR("{\"v\":\"a\\u0000b\"}"), "json.nul", "/v"},
        {STR("{\"a\\u0000b\":1}"), "json.nul", NULL},
        {STR("{\"v\":\"a\0b\"}"), "json.syntax", "byte 7"},
        {STR("{}\0"), "json.trailing", "byte 2"},
        {STR("\xef\xbb\xbf{}"), "json.bom", "byte 0"},
        {STR("\xff\xfe{\0}\0"), "json.utf8", "byte 0"},
        {STR("\0{\0}"), "json.syntax", "byte 0"},
        {STR("{\"a\":1,}"), "json.syntax", "byte 7"},
        {STR("[1,]"), "json.syntax", "byte 3"},
        {STR("{\"a\"/*x*/:1}"), "json.syntax", "byte 4"},
        {STR("{'a':1}"), "json.syntax", "byte 1"},
        {STR("{}{}"), "json.trailing", "byte 2"},
        {STR(""), "json.empty", "byte 0"},
        {STR(" \n\t"), "json.empty", "byte 0"},
        {STR("{\"a\":\"\\u00"), "json.syntax", "byte 10"},
        {STR("{\"a\":\"a\nb\"}"), "json.syntax", "byte 7"},
        {STR("{\"a\":\"\\x\"}"), "json.syntax", "byte 7"},
        {STR("{\"a\" 1}"), "json.syntax", "byte 5"},
        {STR("{\"a\":tru}"), "json.syntax", "byte 5"},
        {STR("[1 2]"), "json.syntax", "byte 3"},
        {STR("{\"a\":1"), "json.syntax", "byte 6"},
        {STR("\"abc"), "json.syntax", "byte 4"},
        {STR("[1}"), "json.syntax", "byte 2"},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        refuses(*state, rows[i].text, rows[i].code, rows[i].at);
}

static void accepts_odd_but_right_inputs(void **state)
{
    struct place *t = *state;
    struct str s;
    /* keys that differ only in Unicode normalisation are two keys */
    assert_int_equal(json_count(parse(t, STR("{\"caf\xc3\xa9\":1,\"cafe\xcc\x81\":2}"))), 2);
    struct json root = parse(t, STR("{\"v\":\"\\ud83d\\udc18\"}"));
    assert_true(json_string(json_member(root, STR("v")), &s));
    assert_str(s, STR("\xf0\x9f\x90\x98"));
    assert_int_equal(json_count(parse(t, STR("{\"\":0,\"a\":0,\"A\":0,\"aa\":0}"))), 4);
}

static struct str repeat(struct place *t, const char *before, const char *unit, size_t count,
                         const char *after)
{
    buf_clear(&t->text);
    buf_add(&t->text, str_of(before));
    for (size_t i = 0; i < count; i++)
        buf_add(&t->text, str_of(unit));
    buf_add(&t->text, str_of(after));
    return buf_str(&t->text);
}

static void depth_has_a_limit(void **state)
{
    struct place *t = *state;
    refuses(t, repeat(t, "", "[", 100000, ""), "json.depth", "byte 64");
    refuses(t, repeat(t, "", "{\"a\":", 100000, ""), "json.depth", NULL);
    char close[LIMIT_JSON_DEPTH + 2];
    memset(close, ']', sizeof close);
    close[LIMIT_JSON_DEPTH] = 0;
    struct json root = parse(t, repeat(t, "", "[", LIMIT_JSON_DEPTH, close));
    assert_int_equal(json_count(root), 1);
    close[LIMIT_JSON_DEPTH] = ']';
    close[LIMIT_JSON_DEPTH + 1] = 0;
    refuses(t, repeat(t, "", "[", LIMIT_JSON_DEPTH + 1, close), "json.depth", NULL);
}

static struct str object_of(struct place *t, size_t keys, size_t twice)
{
    buf_clear(&t->text);
    buf_add_char(&t->text, '{');
    for (size_t i = 0; i < keys; i++)
        buf_printf(&t->text, "%s\"a long prefix %05zu and the end\":%zu", i ? "," : "", i, i);
    if (twice < keys)
        buf_printf(&t->text, ",\"a long prefix %05zu and the end\":0", twice);
    buf_add_char(&t->text, '}');
    return buf_str(&t->text);
}

/* These keys have one sign: only their middles differ. */
static void keys_are_told_apart_at_any_count(void **state)
{
    struct place *t = *state;
    for (size_t keys = 1; keys < LIMIT_OBJECT_KEYS; keys = keys * 2 + 1) {
        assert_int_equal(json_count(parse(t, object_of(t, keys, SIZE_MAX))), keys);
        refuses(t, object_of(t, keys, 0), "json.duplicate_key", "");
        refuses(t, object_of(t, keys, keys - 1), "json.duplicate_key", "");
    }
    parse(t, object_of(t, LIMIT_OBJECT_KEYS, SIZE_MAX));
    refuses(t, object_of(t, LIMIT_OBJECT_KEYS + 1, SIZE_MAX), "json.too_many_keys", "");
}

static void keys_have_a_length_limit(void **state)
{
    struct place *t = *state;
    struct json root = parse(t, repeat(t, "{\"", "k", LIMIT_KEY_BYTES, "\":1}"));
    assert_int_equal(json_count(root), 1);
    refuses(t, repeat(t, "{\"", "k", LIMIT_KEY_BYTES + 1, "\":1}"), "json.key_too_long", "");
    refuses(t, repeat(t, "[{\"", "ก", LIMIT_KEY_BYTES, "\":1}]"), "json.key_too_long", "/0");
}

static void long_numbers_and_lists_work(void **state)
{
    struct place *t = *state;
    refuses(t, repeat(t, "[", "9", 1000000, "]"), "json.number_range", "byte 1");
    struct json root = parse(t, repeat(t, "[0", ",0", 100000, "]"));
    assert_int_equal(json_count(root), 100001);
    int64_t n; /* and the room it took is given back by a small one */
    assert_true(json_int(parse(t, STR("1")), &n) && n == 1);
}

static void an_error_leaves_the_parser_usable(void **state)
{
    struct place *t = *state;
    for (int i = 0; i < 3; i++) {
        refuses(t, STR("{\"a\":"), "json.syntax", NULL);
        struct str s;
        assert_true(json_string(json_member(parse(t, STR("{\"a\":\"b\"}")), STR("a")), &s));
        assert_str(s, STR("b"));
    }
}

static void print_is_stable(void **state)
{
    struct place *t = *state;
    BUF_AUTO out = {0};
    json_print(
        parse(t, STR(" { \"a\" : [ 1 , 1.50, -0.0, 1e2, \"\\u0041<\\/\" , null , true , { } ] , "
                     "\"b\":{\"c\":[[]]} } ")),
        &out);
    assert_str(buf_str(&out),
               STR("{\"a\":[1,1.5,0,100,\"A\\u003c/\",null,true,{}],\"b\":{\"c\":[[]]}}"));
    BUF_AUTO again = {0};
    json_print(parse(t, buf_str(&out)), &again);
    assert_str(buf_str(&again), buf_str(&out));
    json_print((struct json){0}, &again);
    assert_true(str_ends(buf_str(&again), STR("null")));
}

int main(void)
{
#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, open_place, close_place)
    const struct CMUnitTest tests[] = {
        IN_PLACE(reads_each_type),
        IN_PLACE(scalars_may_stand_alone),
        IN_PLACE(integers_are_exact),
        IN_PLACE(refuses_nasty_inputs),
        IN_PLACE(accepts_odd_but_right_inputs),
        IN_PLACE(depth_has_a_limit),
        IN_PLACE(keys_are_told_apart_at_any_count),
        IN_PLACE(keys_have_a_length_limit),
        IN_PLACE(long_numbers_and_lists_work),
        IN_PLACE(an_error_leaves_the_parser_usable),
        IN_PLACE(print_is_stable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
