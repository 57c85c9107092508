#include "base/test.h"

#include "base/hash.h"
#include "codec/json.h"
#include "codec/json_blame.h"

static const struct str documents[] = {
    STR("{\"event\":\"Signed Up\",\"properties\":{\"plan\":\"pro\",\"n\":-12.5e-3,\"ok\":true}}"),
    STR("[1,22,333,null,false,\"\\u0e01\\ud83d\\udc18 \\\"x\\\"\",[],{},[[{\"a\":[0]}]]]"),
    STR(" { \"ก\" : \"ข้อความ\" , \"b\" : 9007199254740993 } "),
    STR("-0.5e+10"),
};

/* simdjson and our own reader agree on every document with a byte or two changed. */
static void finds_a_fault_where_simdjson_does(void **state)
{
    (void)state;
    static const char bytes[] =
        "\"\\{}[],:0123456789.eE+-tfnuldxa \n\t\x01\x1f\x7f\x80\xb8\xc3\xe0\xff";
    AUTO(json_parser) *p = json_parser_create();
    size_t right = 0, wrong = 0;
    for (uint64_t dice = 0; dice < 60000; dice++) {
        uint64_t bits = hash_mix(dice);
        struct str from = documents[bits % COUNT(documents)];
        char text[128];
        memcpy(text, from.at, from.len);
        for (uint64_t i = 0; i <= (bits >> 8) % 2; i++) {
            bits = hash_mix(bits);
            text[(bits >> 16) % from.len] = bytes[(bits >> 40) % (sizeof bytes - 1)];
        }
        struct str changed = {text, (bits >> 60) ? from.len : (bits >> 50) % (from.len + 1)};
        struct json root;
        struct err e = {0}, blamed = {0};
        bool is_json = json_parse(p, changed, &root, &e);
        bool has_fault = json_blame(changed, &blamed);
        if (is_json == has_fault && strcmp(e.code, "json.duplicate_key") != 0)
            fail_msg("%.*s: parsed %d (%s), blamed %d (%s)", STR_ARG(changed), is_json, e.text,
                     has_fault, blamed.text);
        right += is_json;
        wrong += !is_json;
        if (has_fault)
            assert_true(str_is_utf8(str_of(blamed.text)) && blamed.code[0] && blamed.at[0]);
    }
    assert_true(right > 1000 && wrong > 1000);
}

static void sentences_name_what_was_expected(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        const char *sentence, *at;
    } rows[] = {
        {STR("{\"a\":1 \"b\":2}"), "the JSON has '\"' where a comma or } should stand", "byte 7"},
        {STR("{\"a\"}"), "the JSON has '}' where a colon should stand", "byte 4"},
        {STR("[1,"), "the JSON ends where a value should follow", "byte 3"},
        {STR("[\x01]"), "the JSON has byte 0x01 where a value should stand", "byte 1"},
        {STR("[-]"), "the JSON has ']' where a digit should stand", "byte 2"},
        {STR("[\"a"), "the JSON ends where the closing quote of a text should follow", "byte 3"},
        {STR("[\"\\u12g4\"]"), "the JSON has 'g' where a hexadecimal digit should stand", "byte 6"},
        {STR("{\"a\":1}x"), "something follows the end of the JSON", "byte 7"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err e = {0};
        assert_true(json_blame(rows[i].text, &e));
        assert_string_equal(e.text, rows[i].sentence);
        assert_string_equal(e.at, rows[i].at);
    }
    struct err e = {0};
    assert_false(json_blame(STR(" [1, {\"a\": null}] "), &e));
    assert_int_equal(e.kind, ERR_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_a_fault_where_simdjson_does),
        cmocka_unit_test(sentences_name_what_was_expected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
