/* collect/decode_test: bodies of native records: what they become, and how each bad one is told. */
#include "base/limits.h"
#include "base/test.h"
#include "collect/batch_text.h"
#include "collect/collect.h"

#define NOW_MS INT64_C(1796083200000) /* 2026-12-01T00:00:00Z */

struct world {
    struct os *os;
    struct collect_decoder *decoder;
};

static int setup(void **state)
{
    struct world *w = mem_zero(sizeof *w);
    w->os = os_linux_create();
    w->decoder = collect_decoder_create(w->os);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    collect_decoder_destroy(w->decoder);
    os_destroy(w->os);
    mem_free(w);
    return 0;
}

static void good(struct world *w, struct str body, const char *expected)
{
    struct err e = {0};
    struct store_batch batch;
    BUF_AUTO text = {0};
    assert_works(collect_decode_native(w->decoder, body, NOW_MS, &batch, &e), e);
    batch_text(&batch, &text);
    assert_str(buf_str(&text), str_of(expected));
}

static void bad(struct world *w, struct str body, const char *code, const char *at)
{
    struct err e = {0};
    struct store_batch batch;
    if (collect_decode_native(w->decoder, body, NOW_MS, &batch, &e))
        fail_msg("taken: %.*s", (int)MIN(body.len, 200), body.at);
    if (!str_equal(str_of(err_code_of(&e)), str_of(code)) ||
        (at && !str_equal(str_of(e.at), str_of(at))))
        fail_msg("%.*s\n gave %s at \"%s\" (%s)\n not %s at \"%s\"", (int)MIN(body.len, 200),
                 body.at, err_code_of(&e), e.at, e.text, code, at ? at : "");
    assert_true(e.text[0] != 0);
}

static void records_become_events_and_facts(void **state)
{
    struct world *w = *state;
    good(w,
         STR("{\"event\":\"Project "
             "Created\",\"person\":\"u_17\",\"time\":\"2026-02-03T09:15:00+07:00\","
             "\"id\":\"9f1c\",\"account\":\"acme\",\"session\":\"s1\",\"properties\":{\"plan\":"
             "\"pro\","
             "\"seats\":4,\"share\":0.25,\"beta\":true,\"note\":null,\"tags\":[\"a\",1,null],"
             "\"address\":{\"city\":\"กรุงเทพ\",\"zip\":{\"code\":\"10110\"}},\"none\":{}}}"),
         "event \"Project Created\" by u_17 at 2026-02-03T02:15:00Z+420 account acme session s1 "
         "id 9f1c {plan:text=pro, seats:int=4, share:double=0.25, beta:bool=true, note:null=null, "
         "tags:list=[\"a\",1,null], address.city:text=กรุงเทพ, address.zip.code:text=10110}\n");
    good(w,
         STR("{\"person\":\"u_17\",\"traits\":{\"email\":\"a@example.com\",\"plan\":\"pro\"},"
             "\"created\":\"2026-01-30T00:00:00Z\"}"),
         "person u_17 created 2026-01-30T00:00:00Z {email:text=a@example.com, plan:text=pro}\n");
    good(w, STR("{\"account\":\"acme\",\"traits\":{\"seats\":40}}"),
         "account acme {seats:int=40}\n");
    good(w, STR("{\"person\":\"u_17\",\"merge\":[\"anon_88\",\"anon_89\"]}"),
         "merge u_17 with anon_88 {}\nmerge u_17 with anon_89 {}\n");
    good(w, STR("{\"person\":\"u_17\",\"unmerge\":[\"anon_88\"]}"),
         "unmerge u_17 with anon_88 {}\n");
    good(w, STR("{\"person\":\"u_17\",\"merge\":[\"a\",\"b\"],\"reason\":\"ticket\"}"),
         "merge u_17 with a because ticket {}\nmerge u_17 with b because ticket {}\n");
}

static void bodies_have_four_shapes(void **state)
{
    struct world *w = *state;
    static const char two[] = "event \"A\" by u at 2026-01-01T00:00:00Z id 1 {}\n"
                              "event \"B\" by u at 2026-01-01T00:00:00Z id 2 {x:int=1}\n";
#define A "{\"event\":\"A\",\"person\":\"u\",\"time\":\"2026-01-01T00:00:00Z\",\"id\":\"1\"}"
#define B                                                                                          \
    "{\"event\":\"B\",\"person\":\"u\",\"time\":1767225600000,\"id\":\"2\",\"properties\":{\"x\":" \
    "1}}"
    good(w, STR("{\"events\":[" A "," B "]}"), two);
    good(w, STR(" [" A ",\n" B "]\n"), two);
    good(w, STR(A "\n" B), two);
    good(w, STR("\n" A "\r\n\r\n  " B "\r\n\n"), two);
    good(w, STR(A "\n"), "event \"A\" by u at 2026-01-01T00:00:00Z id 1 {}\n");
    good(w, STR("{\"events\":[]}"), "");
    /* equal records with one id are left to the store, which counts the second as a duplicate */
    good(w, STR("[" A "," A "]"),
         "event \"A\" by u at 2026-01-01T00:00:00Z id 1 {}\n"
         "event \"A\" by u at 2026-01-01T00:00:00Z id 1 {}\n");
    bad(w, STR("[" A ",{\"event\":\"Z\",\"person\":\"u\",\"time\":1767225600000,\"id\":\"1\"}]"),
        "message_id.conflict", "");
    bad(w, STR(A "\n{\"event\":\"A\"}"), "schema.required", "line 2 /person");
    bad(w, STR(A "\n{\"event\":\"A\""), "json.syntax", NULL);
    bad(w, STR(A B), "json.trailing", NULL);
    bad(w, STR("{\"events\":[" A ",{\"event\":\"B\",\"person\":7}]}"), "schema.type",
        "/events/1/person");
    bad(w, STR("{\"events\":[],\"event\":\"x\"}"), "schema.unknown_member", "/event");
    bad(w, STR("{\"events\":{}}"), "schema.type", "/events");
}

static void missing_ids_and_times_are_filled(void **state)
{
    struct world *w = *state;
    struct err e = {0};
    struct store_batch batch;
    struct str body = STR("[{\"event\":\"A\",\"person\":\"u\"},{\"event\":\"A\",\"person\":\"u\","
                          "\"time\":null,\"account\":null,\"session\":\"\",\"properties\":null}]");
    assert_works(collect_decode_native(w->decoder, body, NOW_MS, &batch, &e), e);
    assert_int_equal(batch.event_count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(batch.events[i].time, NOW_MS);
        assert_int_equal(batch.events[i].received, NOW_MS);
        assert_int_equal(batch.events[i].id.len, 36);
        assert_int_equal(batch.events[i].id.at[14], '4');
        assert_non_null(strchr("89ab", batch.events[i].id.at[19]));
        assert_int_equal(batch.events[i].account.len, 0);
    }
    assert_false(str_equal(batch.events[0].id, batch.events[1].id));
}

static void wrong_records_are_named(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *body, *code, *at;
    } cases[] = {
        {"{\"event\":\"E\"}", "schema.required", "/person"},
        {"{}", "schema.required", "/event"},
        {"42", "schema.type", ""},
        {"null", "schema.type", ""},
        {"[1]", "schema.type", "/0"},
        {"{\"evnt\":\"E\",\"person\":\"u\"}", "schema.unknown_member", "/evnt"},
        {"{\"event\":\"E\",\"person\":\"u\",\"userId\":\"u\"}", "schema.unknown_member", "/userId"},
        {"{\"event\":\"E\",\"person\":\"u\",\"traits\":{}}", "schema.unknown_member", "/traits"},
        {"{\"event\":\"\",\"person\":\"u\"}", "schema.event_name", "/event"},
        {"{\"event\":\"  \",\"person\":\"u\"}", "schema.event_name", "/event"},
        {"{\"event\":7,\"person\":\"u\"}", "schema.type", "/event"},
        {"{\"event\":\"E\",\"person\":\"\"}", "schema.person", "/person"},
        {"{\"event\":\"E\",\"person\":\" \"}", "schema.person", "/person"},
        {"{\"event\":\"E\",\"person\":null}", "schema.type", "/person"},
        {"{\"event\":\"E\",\"person\":1}", "schema.type", "/person"},
        {"{\"event\":\"E\",\"person\":1.0}", "schema.type", "/person"},
        {"{\"event\":\"E\",\"person\":true}", "schema.type", "/person"},
        {"{\"event\":\"E\",\"person\":[]}", "schema.type", "/person"},
        {"{\"event\":\"E\",\"person\":{}}", "schema.type", "/person"},
        {"{\"event\":\"E\",\"person\":\"u\",\"id\":\"\"}", "schema.message_id", "/id"},
        {"{\"event\":\"E\",\"person\":\"u\",\"id\":null}", "schema.type", "/id"},
        {"{\"event\":\"E\",\"person\":\"u\",\"id\":7}", "schema.type", "/id"},
        {"{\"event\":\"E\",\"person\":\"u\",\"account\":7}", "schema.type", "/account"},
        {"{\"event\":\"E\",\"person\":\"u\",\"properties\":[]}", "schema.type", "/properties"},
        {"{\"event\":\"E\",\"person\":\"u\",\"properties\":{\"\":1}}", "schema.empty_key",
         "/properties/"},
        {"{\"event\":\"E\",\"person\":\"u\",\"properties\":{\"a\":{\"\":1}}}", "schema.empty_key",
         "/properties/a/"},
        {"{\"event\":\"E\",\"person\":\"u\",\"properties\":{\"a\":{\"b\":1},\"a.b\":2}}",
         "schema.duplicate_property", "/properties"},
        {"{\"person\":\"u\",\"account\":\"a\",\"traits\":{}}", "schema.unknown_member", "/account"},
        {"{\"person\":\"u\",\"traits\":[]}", "schema.type", "/traits"},
        {"{\"traits\":{}}", "schema.required", "/person"},
        {"{\"person\":\"u\",\"merge\":[]}", "schema.type", "/merge"},
        {"{\"person\":\"u\",\"merge\":\"a\"}", "schema.type", "/merge"},
        {"{\"person\":\"u\",\"merge\":[\"a\",7]}", "schema.type", "/merge/1"},
        {"{\"person\":\"u\",\"merge\":[\"a\",\"undefined\"]}", "identity.illegal_id", "/merge/1"},
        {"{\"person\":\"u\",\"merge\":[\"a\"],\"reason\":7}", "schema.type", "/reason"},
        {"{\"person\":\"u\",\"traits\":{},\"reason\":\"x\"}", "schema.unknown_member", "/reason"},
        {"{\"person\":\"null\",\"merge\":[\"a\"]}", "identity.illegal_id", "/person"},
        {"{\"person\":\"u\",\"merge\":[\"a\"],\"unmerge\":[\"b\"]}", "schema.unknown_member",
         "/unmerge"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        bad(w, str_of(cases[i].body), cases[i].code, cases[i].at);
}

static void nearest_member_is_hinted(void **state)
{
    struct world *w = *state;
    struct err e = {0};
    struct store_batch batch;
    assert_false(collect_decode_native(w->decoder, STR("{\"event\":\"E\",\"persn\":\"u\"}"), NOW_MS,
                                       &batch, &e));
    assert_string_equal(e.hint, "did you mean person?");
}

static void times_are_exact_or_refused(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *time, *expected; /* a code, or the instant as text */
    } cases[] = {
        {"\"2026-11-21T17:00:00+07:00\"", "2026-11-21T10:00:00Z"},
        {"\"2026-11-21T10:00:00-00:00\"", "2026-11-21T10:00:00Z"},
        {"\"2026-11-21t10:00:00z\"", "2026-11-21T10:00:00Z"},
        {"\"2026-11-21T09:59:59.999999999Z\"", "2026-11-21T09:59:59.999Z"},
        {"\"2016-12-31T23:59:60Z\"", "2017-01-01T00:00:00Z"},
        {"\"1969-07-20T20:17:40Z\"", "1969-07-20T20:17:40Z"},
        {"1763719200000", "2025-11-21T10:00:00Z"},
        {"1763719200000.75", "2025-11-21T10:00:00Z"},
        {"1763719200000.0", "2025-11-21T10:00:00Z"},
        {"-157766400000", "1965-01-01T00:00:00Z"},
        {"\"2569-11-21T10:00:00+07:00\"", "time.buddhist_era"},
        {"\"21/11/2569\"", "time.format"},
        {"\"๒๕๖๙-๑๑-๒๑T10:00:00Z\"", "time.format"},
        {"\"2567-02-29T00:00:00Z\"", "time.buddhist_era"},
        {"1795255200", "time.unit_ambiguous"},
        {"1795255200000000", "time.range"},
        {"1e300", "time.range"},
        {"-1", "time.range"},
        {"0", "time.range"},
        {"9223372036854775808", "json.number_range"},
        {"9223372036854775807", "time.range"},
        {"\"0000-01-01T00:00:00Z\"", "time.range"},
        {"\"9999-12-31T23:59:59Z\"", "time.range"},
        {"\"+010000-01-01T00:00:00Z\"", "time.format"},
        {"\"2038-01-19T03:14:08Z\"", "time.future"},
        {"\"2026-12-02T00:00:01Z\"", "time.future"},
        {"\"1900-02-01T00:00:00Z\"", "time.range"},
        {"\"2023-02-29T00:00:00Z\"", "time.invalid"},
        {"\"2024-02-30T00:00:00Z\"", "time.invalid"},
        {"\"1900-02-29T00:00:00Z\"", "time.invalid"},
        {"\"2026-13-01T00:00:00Z\"", "time.invalid"},
        {"\"2026-00-10T00:00:00Z\"", "time.invalid"},
        {"\"2026-04-31T00:00:00Z\"", "time.invalid"},
        {"\"2026-11-21T24:00:01Z\"", "time.invalid"},
        {"\"2026-11-21T25:00:00Z\"", "time.invalid"},
        {"\"2026-11-21T10:60:00Z\"", "time.invalid"},
        {"\"2026-11-21T10:00:00\"", "time.zone_missing"},
        {"\"2026-11-21T10:00:00+24:00\"", "time.format"},
        {"\"2026-11-21T17:00:00+0700\"", "time.format"},
        {"\"2026-11-21T17:00:00[Asia/Bangkok]\"", "time.format"},
        {"\"2026-11-21T10:00:00,5Z\"", "time.format"},
        {"\"2026-11-21T10:00:00Z; DROP\"", "time.format"},
        {"true", "schema.type"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        BUF_AUTO body = {0}, expected = {0};
        buf_printf(&body, "{\"event\":\"E\",\"person\":\"u\",\"id\":\"1\",\"time\":%s}",
                   cases[i].time);
        bool is_code = !(cases[i].expected[0] >= '0' && cases[i].expected[0] <= '9');
        if (is_code) {
            bool is_json = !strncmp(cases[i].expected, "json.", 5);
            bad(w, buf_str(&body), cases[i].expected, is_json ? NULL : "/time");
            continue;
        }
        buf_printf(&expected, "event \"E\" by u at %s%s id 1 {}\n", cases[i].expected,
                   strstr(cases[i].time, "+07:00") ? "+420" : "");
        good(w, buf_str(&body), (buf_add_char(&expected, 0), expected.at));
    }
}

/* `count` bytes of 'x' between two texts. */
static struct str padded(struct buf *b, const char *before, size_t count, const char *after)
{
    buf_clear(b);
    buf_add(b, str_of(before));
    memset(buf_reserve(b, count), 'x', count);
    b->len += count;
    buf_add(b, str_of(after));
    return buf_str(b);
}

static void each_limit_holds_and_is_named(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *before, *after, *code, *at;
        size_t limit;
    } cases[] = {
        {"{\"event\":\"", "\",\"person\":\"u\"}", "schema.event_name", "/event", LIMIT_NAME_BYTES},
        {"{\"event\":\"E\",\"person\":\"", "\"}", "schema.too_large", "/person", LIMIT_ID_BYTES},
        {"{\"event\":\"E\",\"person\":\"u\",\"id\":\"", "\"}", "schema.message_id", "/id",
         LIMIT_ID_BYTES},
        {"{\"event\":\"E\",\"person\":\"u\",\"account\":\"", "\"}", "schema.too_large", "/account",
         LIMIT_ID_BYTES},
        {"{\"event\":\"E\",\"person\":\"u\",\"session\":\"", "\"}", "schema.too_large", "/session",
         LIMIT_ID_BYTES},
        {"{\"event\":\"E\",\"person\":\"u\",\"properties\":{\"plan\":\"", "\"}}",
         "schema.too_large", "/properties/plan", LIMIT_TEXT_BYTES},
        {"{\"event\":\"E\",\"person\":\"u\",\"properties\":{\"plan\":[\"", "\"]}}",
         "schema.too_large", "/properties/plan", LIMIT_TEXT_BYTES - 4},
        {"{\"person\":\"u\",\"traits\":{\"plan\":\"", "\"}}", "schema.too_large", "/traits/plan",
         LIMIT_TEXT_BYTES},
    };
    BUF_AUTO body = {0};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct err e = {0};
        struct store_batch batch;
        struct str fits = padded(&body, cases[i].before, cases[i].limit, cases[i].after);
        assert_works(collect_decode_native(w->decoder, fits, NOW_MS, &batch, &e), e);
        bad(w, padded(&body, cases[i].before, cases[i].limit + 1, cases[i].after), cases[i].code,
            cases[i].at);
    }
    /* a nested name of 256 bytes fits, of 257 does not */
    BUF_AUTO long_key = {0};
    struct str key = padded(&long_key, "", 200, "");
    for (int more = 55; more <= 56; more++) {
        buf_clear(&body);
        buf_printf(&body,
                   "{\"event\":\"E\",\"person\":\"u\",\"properties\":{\"%.*s\":{\"%.*s\":1}}}",
                   STR_ARG(key), more, key.at);
        struct err e = {0};
        struct store_batch batch;
        bool is_good = collect_decode_native(w->decoder, buf_str(&body), NOW_MS, &batch, &e);
        assert_int_equal(is_good, more == 55);
    }
}

static void counts_hold_and_are_named(void **state)
{
    struct world *w = *state;
    struct err e = {0};
    struct store_batch batch;
    BUF_AUTO body = {0};
    static const struct {
        int from, to;
    } batches[] = {{1, LIMIT_BATCH_EVENTS}, {1, LIMIT_BATCH_EVENTS + 1}};
    for (size_t i = 0; i < COUNT(batches); i++) {
        for (int shape = 0; shape < 2; shape++) {
            buf_clear(&body);
            if (shape == 0)
                buf_add_char(&body, '[');
            for (int n = batches[i].from; n <= batches[i].to; n++)
                buf_printf(&body, "%s{\"event\":\"E\",\"person\":\"u\"}",
                           n == 1  ? ""
                           : shape ? "\n"
                                   : ",");
            if (shape == 0)
                buf_add_char(&body, ']');
            e = (struct err){0};
            bool is_good = collect_decode_native(w->decoder, buf_str(&body), NOW_MS, &batch, &e);
            assert_int_equal(is_good, i == 0);
            if (!is_good) {
                assert_int_equal(e.kind, ERR_TOO_LARGE);
                assert_string_equal(err_code_of(&e), "batch.too_many");
            }
        }
    }
    for (int items = LIMIT_LIST_ITEMS; items <= LIMIT_LIST_ITEMS + 1; items++) {
        buf_clear(&body);
        buf_add(&body, STR("{\"event\":\"E\",\"person\":\"u\",\"properties\":{\"l\":["));
        for (int n = 0; n < items; n++)
            buf_add(&body, n ? STR(",1") : STR("1"));
        buf_add(&body, STR("]}}"));
        bool is_good = collect_decode_native(w->decoder, buf_str(&body), NOW_MS, &batch, &e);
        assert_int_equal(is_good, items == LIMIT_LIST_ITEMS);
    }
    for (int count = LIMIT_EVENT_PROPERTIES; count <= LIMIT_EVENT_PROPERTIES + 1; count++) {
        buf_clear(&body);
        buf_add(&body, STR("{\"event\":\"E\",\"person\":\"u\",\"properties\":{"));
        for (int n = 0; n < count; n++)
            buf_printf(&body, "%s\"k%d\":1", n ? "," : "", n);
        buf_add(&body, STR("}}"));
        bool is_good = collect_decode_native(w->decoder, buf_str(&body), NOW_MS, &batch, &e);
        assert_int_equal(is_good, count == LIMIT_EVENT_PROPERTIES);
    }
    /* an event of more than 64 KiB although each of its texts is short enough */
    buf_clear(&body);
    buf_add(&body, STR("{\"event\":\"E\",\"person\":\"u\",\"properties\":{"));
    for (int n = 0; n < 3; n++) {
        buf_printf(&body, "%s\"k%d\":\"", n ? "," : "", n);
        memset(buf_reserve(&body, 30000), 'x', 30000);
        body.len += 30000;
        buf_add_char(&body, '"');
    }
    buf_add(&body, STR("}}"));
    bad(w, buf_str(&body), "schema.too_large", "");
}

/* After any refusal the decoder works on as if nothing had been. */
static void a_refused_body_leaves_nothing(void **state)
{
    struct world *w = *state;
    bad(w, STR("[{\"event\":\"A\",\"person\":\"u\"},{\"event\":\"A\"}]"), "schema.required",
        "/1/person");
    good(w, STR("[{\"event\":\"B\",\"person\":\"v\",\"id\":\"1\",\"time\":1763719200000}]"),
         "event \"B\" by v at 2025-11-21T10:00:00Z id 1 {}\n");
}

static void strange_but_good_is_kept_as_it_is(void **state)
{
    struct world *w = *state;
    static const char *const names[] = {
        "toString",
        "x\\r\\n2026-11-21 INFO admin login ok",
        "%n%n%n%s%s%s%1000000d",
        "น้ำ้้้",
        "pay\\u200dment",
        "\\ud83d\\udc68\\u200d\\ud83d\\udc69",
        "<script>alert(1)</script>",
    };
    for (size_t i = 0; i < COUNT(names); i++) {
        struct err e = {0};
        struct store_batch batch;
        BUF_AUTO body = {0};
        buf_printf(&body,
                   "{\"event\":\"%s\",\"person\":\"u\",\"properties\":{\"__proto__\":{\"isAdmin\":"
                   "true},\"constructor\":{\"prototype\":{\"x\":1}},\"$tenant\":\"other\"}}",
                   names[i]);
        assert_works(collect_decode_native(w->decoder, buf_str(&body), NOW_MS, &batch, &e), e);
        assert_int_equal(batch.events[0].property_count, 3);
        assert_str(batch.events[0].properties[0].name, STR("__proto__.isAdmin"));
        assert_str(batch.events[0].properties[1].name, STR("constructor.prototype.x"));
        assert_str(batch.events[0].properties[2].name, STR("$tenant"));
    }
    good(w,
         STR("{\"event\":\"E\",\"person\":\"u\",\"id\":\"1\",\"time\":1763719200000,\"properties\":"
             "{\"caf\xC3\xA9\":1,\"cafe\xCC\x81\":2,\"big\":9007199254740993,\"zero\":-0,"
             "\"tiny\":1e-400}}"),
         "event \"E\" by u at 2025-11-21T10:00:00Z id 1 {caf\xC3\xA9:int=1, cafe\xCC\x81:int=2, "
         "big:int=9007199254740993, zero:int=0, tiny:double=0}\n");
    /* ids are compared as bytes */
    good(w,
         STR("[{\"event\":\"A\",\"person\":\"u\",\"id\":\"1\",\"time\":1763719200000},"
             "{\"event\":\"B\",\"person\":\"u\",\"id\":\"1 \",\"time\":1763719200000}]"),
         "event \"A\" by u at 2025-11-21T10:00:00Z id 1 {}\n"
         "event \"B\" by u at 2025-11-21T10:00:00Z id 1  {}\n");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_become_events_and_facts),
        cmocka_unit_test(bodies_have_four_shapes),
        cmocka_unit_test(missing_ids_and_times_are_filled),
        cmocka_unit_test(wrong_records_are_named),
        cmocka_unit_test(nearest_member_is_hinted),
        cmocka_unit_test(times_are_exact_or_refused),
        cmocka_unit_test(each_limit_holds_and_is_named),
        cmocka_unit_test(counts_hold_and_are_named),
        cmocka_unit_test(a_refused_body_leaves_nothing),
        cmocka_unit_test(strange_but_good_is_kept_as_it_is),
    };
    return cmocka_run_group_tests_name("collect/decode", tests, setup, teardown);
}
