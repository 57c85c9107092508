/* collect/segment_test: golden bodies of Segment's and RudderStack's calls, and the bad ones. */
#include "base/limits.h"
#include "base/test.h"
#include "collect/batch_text.h"

#define NOW_MS INT64_C(1796083200000) /* 2026-12-01T00:00:00Z */
#define U "\"userId\":\"u\",\"messageId\":\"m\",\"timestamp\":\"2026-11-21T10:00:00Z\""
#define AT "by u at 2026-11-21T10:00:00Z id m "

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

static void good(struct world *w, enum segment_call call, const char *body, const char *expected)
{
    struct err e = {0};
    struct store_batch batch;
    BUF_AUTO text = {0};
    if (!collect_decode_segment(w->decoder, call, str_of(body), NOW_MS, &batch, &e))
        fail_msg("%s\n refused: %s at \"%s\" (%s)", body, err_code_of(&e), e.at, e.text);
    batch_text(&batch, &text);
    assert_str(buf_str(&text), str_of(expected));
}

static void bad(struct world *w, enum segment_call call, const char *body, const char *code,
                const char *at)
{
    struct err e = {0};
    struct store_batch batch;
    if (collect_decode_segment(w->decoder, call, str_of(body), NOW_MS, &batch, &e))
        fail_msg("taken: %.200s", body);
    if (!str_equal(str_of(err_code_of(&e)), str_of(code)) ||
        (at && !str_equal(str_of(e.at), str_of(at))))
        fail_msg("%.200s\n gave %s at \"%s\" (%s)\n not %s at \"%s\"", body, err_code_of(&e), e.at,
                 e.text, code, at ? at : "");
}

static void every_call_has_its_meaning(void **state)
{
    struct world *w = *state;
    good(w, SEGMENT_TRACK,
         "{" U ",\"event\":\"Signed Up\",\"properties\":{\"plan\":\"pro\",\"o\":{\"n\":1}},"
         "\"integrations\":{\"All\":true},\"_metadata\":{},\"writeKey\":\"k\"}",
         "event \"Signed Up\" " AT "{plan:text=pro, o.n:int=1}\n");
    good(w, SEGMENT_PAGE,
         "{" U ",\"name\":\"Home\",\"category\":\"Docs\",\"properties\":{\"path\":\"/\"}}",
         "event \"Page Viewed\" " AT "{path:text=/, name:text=Home, category:text=Docs}\n");
    good(w, SEGMENT_PAGE, "{" U ",\"name\":\"Home\",\"properties\":{\"name\":\"Own\"}}",
         "event \"Page Viewed\" " AT "{name:text=Own}\n");
    good(w, SEGMENT_SCREEN, "{" U ",\"name\":\"หน้าแรก\"}",
         "event \"Screen Viewed\" " AT "{name:text=หน้าแรก}\n");
    good(w, SEGMENT_IDENTIFY,
         "{" U ",\"anonymousId\":\"a\",\"traits\":{\"email\":\"a@b.c\",\"createdAt\":"
         "\"2026-01-30T00:00:00Z\"}}",
         "merge u with a because identify {}\nperson u created 2026-01-30T00:00:00Z "
         "{email:text=a@b.c, createdAt:text=2026-01-30T00:00:00Z}\n");
    good(w, SEGMENT_IDENTIFY, "{\"anonymousId\":\"a\",\"userId\":null,\"traits\":{\"x\":1}}",
         "person a {x:int=1}\n");
    good(w, SEGMENT_IDENTIFY, "{\"userId\":\"u\",\"context\":{\"traits\":{\"x\":1}}}",
         "person u {x:int=1}\n");
    good(w, SEGMENT_IDENTIFY, "{\"userId\":\"u\",\"anonymousId\":\"a\"}",
         "merge u with a because identify {}\n");
    good(w, SEGMENT_GROUP,
         "{" U ",\"groupId\":\"acme\",\"traits\":{\"seats\":40,\"created_at\":\"spring\"}}",
         "account acme {seats:int=40, created_at:text=spring}\nperson u {account:text=acme}\n");
    good(w, SEGMENT_ALIAS, "{" U ",\"previousId\":\"a\"}", "merge u with a because alias {}\n");
    good(w, SEGMENT_ALIAS, "{" U ",\"previousId\":\"u\"}", "");
}

static void who_did_it(void **state)
{
    struct world *w = *state;
#define T "\"event\":\"E\",\"messageId\":\"m\",\"timestamp\":\"2026-11-21T10:00:00Z\""
    good(w, SEGMENT_TRACK, "{" T ",\"anonymousId\":\"u\"}", "event \"E\" " AT "{}\n");
    good(w, SEGMENT_TRACK, "{" T ",\"anonymousId\":\"u\",\"userId\":null}",
         "event \"E\" " AT "{}\n");
    good(w, SEGMENT_TRACK, "{" T ",\"anonymousId\":\"u\",\"userId\":\"\"}",
         "event \"E\" " AT "{}\n");
    good(w, SEGMENT_TRACK, "{" T ",\"anonymousId\":\"a\",\"userId\":\"u\"}",
         "event \"E\" " AT "{}\n");
    bad(w, SEGMENT_TRACK, "{" T "}", "schema.required", "/userId");
    static const char *const wrong[] = {"1", "1.0", "true", "[]", "{}"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        BUF_AUTO body = {0};
        buf_printf(&body, "{%s,\"userId\":%s}", T, wrong[i]);
        buf_add_char(&body, 0);
        bad(w, SEGMENT_TRACK, body.at, "schema.type", "/userId");
        buf_clear(&body);
        buf_printf(&body, "{%s,\"userId\":\"u\",\"anonymousId\":%s}", T, wrong[i]);
        buf_add_char(&body, 0);
        bad(w, SEGMENT_TRACK, body.at, "schema.type", "/anonymousId");
    }
    bad(w, SEGMENT_TRACK, "{" T ",\"userId\":null}", "schema.type", "/userId");
}

static void junk_ids_never_merge(void **state)
{
    struct world *w = *state;
    static const char *const junk[] = {
        "null",      "undefined", "[object Object]", "NaN",  "None", "0",
        "anonymous", "guest",     "distinct_id",     "true", " ",    "\\\"null\\\""};
    for (size_t i = 0; i < COUNT(junk); i++) {
        BUF_AUTO body = {0};
        bool is_blank = !strcmp(junk[i], " ");
        const char *code = is_blank ? "schema.person" : "identity.illegal_id";
        buf_printf(&body, "{\"type\":\"identify\",\"userId\":\"%s\",\"anonymousId\":\"anon-0\"}",
                   junk[i]);
        buf_add_char(&body, 0);
        bad(w, SEGMENT_IDENTIFY, body.at, code, "/userId");
        buf_clear(&body);
        buf_printf(&body, "{\"type\":\"alias\",\"userId\":\"u\",\"previousId\":\"%s\"}", junk[i]);
        buf_add_char(&body, 0);
        bad(w, SEGMENT_ALIAS, body.at, code, "/previousId");
        buf_clear(&body);
        buf_printf(&body, "{\"type\":\"alias\",\"userId\":\"%s\",\"previousId\":\"a\"}", junk[i]);
        buf_add_char(&body, 0);
        bad(w, SEGMENT_ALIAS, body.at, code, "/userId");
        buf_clear(&body);
        buf_printf(&body, "{\"userId\":\"u\",\"anonymousId\":\"%s\"}", junk[i]);
        buf_add_char(&body, 0);
        bad(w, SEGMENT_IDENTIFY, body.at, code, "/anonymousId");
    }
    assert_true(collect_is_junk_id(STR("'Undefined'")));
    assert_true(collect_is_junk_id(STR("")));
    assert_false(collect_is_junk_id(STR("u_17")));
    assert_false(collect_is_junk_id(STR("01")));
    assert_false(collect_is_junk_id(STR("nullah")));
}

static void context_is_kept_by_a_list(void **state)
{
    struct world *w = *state;
    good(w, SEGMENT_TRACK,
         "{" U ",\"event\":\"E\",\"context\":{\"groupId\":\"acme\",\"sessionId\":1685000000000,"
         "\"ip\":\"192.0.2.7\",\"locale\":\"th-TH\",\"userAgent\":\"UA\",\"page\":{\"url\":"
         "\"https://x/\",\"path\":\"/\",\"unknown\":1},\"campaign\":{\"source\":\"mail\"},"
         "\"library\":{\"name\":\"analytics.js\",\"version\":\"2\"},\"screen\":{\"width\":7}}}",
         "event \"E\" by u at 2026-11-21T10:00:00Z account acme session 1685000000000 id m "
         "{context.page.url:text=https://x/, context.page.path:text=/, "
         "context.campaign.source:text=mail, context.library.name:text=analytics.js, "
         "context.library.version:text=2, context.locale:text=th-TH, context.userAgent:text=UA}\n");
    good(w, SEGMENT_TRACK,
         "{" U ",\"event\":\"E\",\"context\":{\"sessionId\":\"s\"},"
         "\"properties\":{\"context.locale\":\"own\"}}",
         "event \"E\" by u at 2026-11-21T10:00:00Z session s id m {context.locale:text=own}\n");
    bad(w, SEGMENT_TRACK, "{" U ",\"event\":\"E\",\"context\":{\"sessionId\":{}}}", "schema.type",
        "/context/sessionId");
    bad(w, SEGMENT_TRACK, "{" U ",\"event\":\"E\",\"context\":[]}", "schema.type", "/context");
    bad(w, SEGMENT_TRACK, "{" U ",\"event\":\"E\",\"context\":{\"groupId\":7}}", "schema.type",
        "/context/groupId");
}

static void times_follow_the_senders_clock(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *members, *expected;
    } cases[] = {
        /* the formula of the protocol: arrival less (sent less original) */
        {"\"originalTimestamp\":\"2026-11-30T22:00:00Z\",\"sentAt\":\"2026-11-30T22:59:00Z\"",
         "2026-11-30T23:01:00Z"},
        /* a clock years behind counts only by the difference */
        {"\"originalTimestamp\":\"2001-01-01T00:00:00Z\",\"sentAt\":\"2001-01-01T00:00:05Z\"",
         "2026-11-30T23:59:55Z"},
        {"\"originalTimestamp\":\"2098-01-01T00:00:00Z\",\"sentAt\":\"2098-01-01T00:00:05Z\"",
         "2026-11-30T23:59:55Z"},
        /* the way of a request is no error of a clock, so a re-sent call keeps its time */
        {"\"timestamp\":\"2026-11-30T22:00:00Z\",\"sentAt\":\"2026-11-30T23:59:51Z\"",
         "2026-11-30T22:00:00Z"},
        {"\"timestamp\":\"2026-11-30T22:00:00Z\",\"sentAt\":\"2026-11-30T23:00:00Z\"",
         "2026-11-30T23:00:00Z"},
        /* set by hand or replayed: days apart is no clock */
        {"\"timestamp\":\"2026-01-01T00:00:00Z\",\"sentAt\":\"2026-01-01T00:00:05Z\"",
         "2026-01-01T00:00:00Z"},
        /* both: corrected by who passed it on */
        {"\"timestamp\":\"2026-11-30T22:00:00Z\",\"originalTimestamp\":\"2026-11-30T21:00:00Z\","
         "\"sentAt\":\"2026-11-30T23:00:00Z\"",
         "2026-11-30T22:00:00Z"},
        {"\"sentAt\":\"2026-11-30T22:59:00Z\"", "2026-12-01T00:00:00Z"},
        {"\"timestamp\":null", "2026-12-01T00:00:00Z"},
        {"\"timestamp\":1763719200000", "2025-11-21T10:00:00Z"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        BUF_AUTO body = {0}, expected = {0};
        buf_printf(&body, "{\"event\":\"E\",\"userId\":\"u\",\"messageId\":\"m\",%s}",
                   cases[i].members);
        buf_add_char(&body, 0);
        buf_printf(&expected, "event \"E\" by u at %s id m {}\n", cases[i].expected);
        buf_add_char(&expected, 0);
        good(w, SEGMENT_TRACK, body.at, expected.at);
    }
    /* the batch's sentAt stands for all calls in it */
    good(w, SEGMENT_BATCH,
         "{\"batch\":[{\"type\":\"track\",\"event\":\"E\",\"userId\":\"u\",\"messageId\":\"m\","
         "\"originalTimestamp\":\"2026-11-30T22:00:00Z\"}],\"sentAt\":\"2026-11-30T22:59:00Z\"}",
         "event \"E\" by u at 2026-11-30T23:01:00Z id m {}\n");
    bad(w, SEGMENT_TRACK,
        "{\"event\":\"E\",\"userId\":\"u\",\"timestamp\":\"2026-12-03T00:00:00Z\"}", "time.future",
        "/timestamp");
    bad(w, SEGMENT_TRACK,
        "{\"event\":\"E\",\"userId\":\"u\",\"timestamp\":\"2026-11-30T22:00:00Z\",\"sentAt\":"
        "\"soon\"}",
        "time.format", "/sentAt");
    bad(w, SEGMENT_TRACK,
        "{\"event\":\"E\",\"userId\":\"u\",\"originalTimestamp\":\"2569-01-01T00:00:00Z\"}",
        "time.buddhist_era", "/originalTimestamp");
    bad(w, SEGMENT_TRACK, "{\"event\":\"E\",\"userId\":\"u\",\"timestamp\":1795255200}",
        "time.unit_ambiguous", "/timestamp");
}

static void batches_are_whole_or_refused(void **state)
{
    struct world *w = *state;
    good(w, SEGMENT_BATCH,
         "{\"batch\":[{\"type\":\"track\",\"event\":\"E\"," U "},{\"type\":\"identify\",\"userId\":"
         "\"u\",\"traits\":{\"x\":1}},{\"type\":\"page\"," U "}],\"writeKey\":\"k\",\"sentAt\":"
         "\"2026-12-01T00:00:00Z\"}",
         "event \"E\" " AT "{}\nevent \"Page Viewed\" " AT "{}\nperson u {x:int=1}\n");
    good(w, SEGMENT_BATCH, "{\"batch\":[]}", "");
    good(w, SEGMENT_IMPORT, "{\"batch\":[{\"type\":\"track\",\"event\":\"E\"," U "}]}",
         "event \"E\" " AT "{}\n");
    good(w, SEGMENT_BATCH, "{\"type\":\"track\",\"event\":\"E\"," U "}", "event \"E\" " AT "{}\n");
    bad(w, SEGMENT_BATCH,
        "{\"batch\":[{\"type\":\"track\",\"event\":\"E\"," U "},{\"type\":\"track\","
        "\"messageId\":7,\"event\":\"E\",\"userId\":\"u\"},{\"type\":\"track\",\"event\":\"E\"," U
        "}]}",
        "schema.type", "/batch/1/messageId");
    bad(w, SEGMENT_BATCH, "{\"batch\":[{\"event\":\"E\"," U "}]}", "schema.required",
        "/batch/0/type");
    bad(w, SEGMENT_BATCH, "{\"batch\":[{\"type\":\"merge\"}]}", "schema.type", "/batch/0/type");
    bad(w, SEGMENT_BATCH, "{\"batch\":[{\"type\":7}]}", "schema.type", "/batch/0/type");
    bad(w, SEGMENT_BATCH, "{\"batch\":[7]}", "schema.type", "/batch/0");
    bad(w, SEGMENT_BATCH, "{\"batch\":{}}", "schema.type", "/batch");
    bad(w, SEGMENT_BATCH, "{}", "schema.type", "/batch");
    bad(w, SEGMENT_TRACK, "[]", "schema.type", "");
    bad(w, SEGMENT_TRACK, "42", "schema.type", "");
    bad(w, SEGMENT_TRACK, "{\"type\":\"identify\"," U "}", "schema.type", "/type");
    bad(w, SEGMENT_TRACK, "{" U "}", "schema.required", "/event");
    bad(w, SEGMENT_TRACK, "{" U ",\"event\":null}", "schema.required", "/event");
    bad(w, SEGMENT_TRACK, "{" U ",\"event\":\"\"}", "schema.event_name", "/event");
    bad(w, SEGMENT_TRACK, "{\"event\":\"E\",\"userId\":\"u\",\"messageId\":\"\"}",
        "schema.message_id", "/messageId");
    bad(w, SEGMENT_TRACK, "{" U ",\"event\":\"E\",\"properties\":{\"\":1}}", "schema.empty_key",
        "/properties/");
    bad(w, SEGMENT_TRACK, "{" U ",\"event\":\"E\",\"properties\":7}", "schema.type", "/properties");
    bad(w, SEGMENT_IDENTIFY, "{\"userId\":\"u\",\"traits\":[]}", "schema.type", "/traits");
    bad(w, SEGMENT_GROUP, "{\"userId\":\"u\",\"traits\":{}}", "schema.type", "/groupId");
    bad(w, SEGMENT_ALIAS, "{\"userId\":\"u\"}", "schema.type", "/previousId");

    BUF_AUTO body = {0};
    buf_add(&body, STR("{\"batch\":[{}"));
    for (int i = 0; i < LIMIT_BATCH_EVENTS; i++)
        buf_add(&body, STR(",{}"));
    buf_add(&body, STR("]}\0"));
    bad(w, SEGMENT_BATCH, body.at, "batch.too_many", "/batch");
}

/* The JSON reader's refusals come through with its codes. */
static void broken_json_is_refused(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *body, *code;
    } cases[] = {
        {"{" U ",\"event\":\"E\",\"messageId\":\"b\"}", "json.duplicate_key"},
        {"{" U ",\"event\":\"E\",\"properties\":{\"a\":1,\"\\u0061\":2}}", "json.duplicate_key"},
        {"{\"writeKey\":\"OWN\",\"writeKey\":\"OTHER\",\"batch\":[]}", "json.duplicate_key"},
        {"{" U ",\"event\":\"E\",\"properties\":{\"v\":1e400}}", "json.number_range"},
        {"{" U ",\"event\":\"E\",\"properties\":{\"v\":9223372036854775808}}", "json.number_range"},
        {"{" U ",\"event\":\"E\",\"properties\":{\"v\":NaN}}", "json.syntax"},
        {"{" U ",\"event\":\"E\",\"properties\":{\"v\":01}}", "json.syntax"},
        {"{" U ",\"event\":\"E\",\"properties\":{\"v\":\"\\ud800\"}}", "json.unicode"},
        {"{" U ",\"event\":\"E\",\"properties\":{\"v\":\"\xC0\xAF\"}}", "json.utf8"},
        {"{" U ",\"event\":\"E\",\"properties\":{\"v\":\"a\\u0000b\"}}", "json.nul"},
        {"\xEF\xBB\xBF{" U "}", "json.bom"},
        {"{" U ",\"event\":\"E\",}", "json.syntax"},
        {"{'type':'track'}", "json.syntax"},
        {"{" U ",\"event\":\"E\"}{" U "}", "json.trailing"},
        {"", "json.empty"},
        {" \n\t", "json.empty"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        bad(w, SEGMENT_TRACK, cases[i].body, cases[i].code, NULL);
}

static void paths_and_keys(void **state)
{
    struct world *w = *state;
    struct err e = {0};
    enum segment_call call;
    struct str key;
    static const char *const words[] = {"batch", "b", "track",  "t",     "identify", "i",
                                        "page",  "p", "screen", "s",     "group",    "g",
                                        "alias", "a", "import", "import"};
    for (size_t i = 0; i < COUNT(words); i++) {
        assert_true(segment_call_from(str_of(words[i]), &call));
        assert_int_equal(call, i / 2);
    }
    assert_false(segment_call_from(STR("merge"), &call));
    assert_false(segment_call_from(STR(""), &call));
    assert_works(
        collect_segment_write_key(w->decoder, STR("{\"batch\":[],\"writeKey\":\"k1\"}"), &key, &e),
        e);
    assert_str(key, STR("k1"));
    assert_works(collect_segment_write_key(w->decoder, STR("{\"batch\":[]}"), &key, &e), e);
    assert_int_equal(key.len, 0);
    assert_false(collect_segment_write_key(w->decoder, STR("{\"writeKey\":7}"), &key, &e));
    assert_string_equal(e.at, "/writeKey");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_has_its_meaning),
        cmocka_unit_test(who_did_it),
        cmocka_unit_test(junk_ids_never_merge),
        cmocka_unit_test(context_is_kept_by_a_list),
        cmocka_unit_test(times_follow_the_senders_clock),
        cmocka_unit_test(batches_are_whole_or_refused),
        cmocka_unit_test(broken_json_is_refused),
        cmocka_unit_test(paths_and_keys),
    };
    return cmocka_run_group_tests_name("collect/segment", tests, setup, teardown);
}
