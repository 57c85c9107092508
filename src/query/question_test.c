/* Questions that are wrong, names nobody has, conditions, ranges and the echo. */
#include <stdio.h>

#include "query/case_data.h"
#include "query/reference.h"

static const int64_t now_ms = INT64_C(1773576000000); /* 2026-03-15T12:00:00Z, a Sunday */

static const char data[] =
    "{\"events\":["
    "{\"person\":\"u1\",\"event\":\"Signed Up\",\"time\":\"2026-03-01T10:00:00Z\",\"id\":\"m-1\","
    "\"account\":\"acme\",\"properties\":{\"plan\":\"Pro\",\"seats\":3,\"paid\":true,"
    "\"at\":\"2026-02-01T00:00:00Z\",\"tags\":[\"a\",7],\"label\":"
    "\"\\u0e2a\\u0e21\\u0e0a\\u0e32\\u0e22\"}},"
    "{\"person\":\"u2\",\"event\":\"Signed Up\",\"time\":\"2026-03-02T22:00:00Z\",\"id\":\"m-2\","
    "\"session\":\"s1\",\"properties\":{\"plan\":\"free\",\"seats\":\"12\",\"paid\":\"false\","
    "\"at\":\"2026-02-10\",\"label\":\"\\u00c9lan\"}},"
    "{\"person\":\"anon\",\"event\":\"Project Created\",\"time\":\"2026-03-06T10:30:00Z\","
    "\"id\":\"m-3\",\"properties\":{\"plan\":null,\"seats\":0.5}}],"
    "\"aliases\":{\"u1\":[\"anon\"]},\"traits\":{\"u1\":{\"team\":\"red\"},\"u2\":{\"team\":"
    "\"blue\"}},"
    "\"created\":{\"u2\":\"2026-02-20T00:00:00Z\"}}";

static bool ask(const char *question, struct buf *answer, struct err *e)
{
    AUTO(arena) *arena = arena_create(0);
    struct plain_source source;
    struct query_context context = {.now_ms = now_ms, .timezone = STR("Asia/Bangkok")};

    case_source_parse(data, arena, &source);
    bool ok = query_answer(&source.source, &context, str_of(question), answer, e);
    plain_source_free(&source);
    return ok;
}

#define TRENDS "{\"insight\":\"trends\",\"from\":\"2026-03-01\",\"to\":\"2026-03-10\","
#define FUNNEL "{\"insight\":\"funnel\",\"steps\":[{\"event\":\"Signed Up\"},{\"event\":null}]"
#define RETENTION "{\"insight\":\"retention\",\"start\":{\"event\":\"Signed Up\"}"

static const struct wrong {
    const char *question, *code, *at, *hint; /* a part of the hint; NULL = any */
} wrongs[] = {
    {"[]", "query.wrong_type", "", NULL},
    {"{", NULL, NULL, NULL},
    {"{}", "query.missing_member", "/insight", "trends"},
    {"{\"insigt\":\"trends\"}", "query.unknown_member", "/insigt", "did you mean insight?"},
    {"{\"insight\":\"trend\"}", "query.unknown_value", "/insight", "did you mean trends?"},
    {"{\"insight\":\"revenue\"}", "query.unknown_value", "/insight", "trends, funnel, retention"},
    {"{\"insight\":\"trends\"}", "query.missing_member", "/series", NULL},
    {"{\"insight\":\"trends\",\"series\":[]}", "query.empty_list", "/series", NULL},
    {"{\"insight\":\"trends\",\"series\":{}}", "query.wrong_type", "/series", NULL},
    {TRENDS "\"series\":[{\"evnt\":\"Signed Up\"}]}", "query.unknown_member", "/series/0/evnt",
     "did you mean event?"},
    {TRENDS "\"series\":[{\"math\":\"people\"}]}", "query.missing_member", "/series/0/event", NULL},
    {TRENDS "\"series\":[{\"event\":7}]}", "query.wrong_type", "/series/0/event", NULL},
    {TRENDS "\"series\":[{\"event\":null,\"math\":\"peple\"}]}", "query.unknown_value",
     "/series/0/math", "people"},
    {TRENDS "\"series\":[{\"event\":null,\"math\":\"sum\"}]}", "query.missing_member",
     "/series/0/property", NULL},
    {TRENDS "\"series\":[{\"event\":null,\"property\":\"seats\"}]}", "query.unknown_value",
     "/series/0/property", NULL},
    {TRENDS "\"series\":[{\"event\":null}],\"formula\":\"A+\"}", "query.unknown_value", "/formula",
     NULL},
    {TRENDS "\"series\":[{\"event\":null}],\"formula\":\"A+C\"}", "query.unknown_value", "/formula",
     NULL},
    {TRENDS "\"series\":[{\"event\":null}],\"formula\":\"(A\"}", "query.unknown_value", "/formula",
     NULL},
    {TRENDS "\"series\":[{\"event\":null}],\"formula\":\"AB\"}", "query.unknown_value", "/formula",
     NULL},
    {TRENDS "\"series\":[{\"event\":null}],\"formula\":\"rolling(A)\"}", "query.unknown_value",
     "/formula", NULL},
    {TRENDS "\"series\":[{\"event\":null}],\"formula\":\"rolling(A,0)\"}", "query.unknown_value",
     "/formula", NULL},
    {TRENDS "\"series\":[{\"event\":null}],\"formula\":\"rolling(A,1001)\"}", "query.unknown_value",
     "/formula", NULL},
    {TRENDS "\"series\":[{\"event\":null}],\"formula\":\"previous A\"}", "query.unknown_value",
     "/formula", NULL},
    {TRENDS "\"series\":[{\"event\":null}],\"formula\":\"previous(A\"}", "query.unknown_value",
     "/formula", NULL},
    {TRENDS "\"series\":[{\"event\":null}],\"formula\":\"cumulative(A,2)\"}", "query.unknown_value",
     "/formula", NULL},
    {TRENDS "\"series\":[{\"event\":null}],\"formula\":\"cumulativ(A)\"}", "query.unknown_value",
     "/formula", NULL},
    {TRENDS "\"series\":[{\"event\":null}],\"rolling\":0}", "query.limit", "/rolling", NULL},
    {TRENDS "\"series\":[{\"event\":null}],\"compare\":\"7d\"}", "query.unknown_value", "/compare",
     NULL},
    {TRENDS "\"series\":[{\"event\":null,\"math\":\"avg\",\"property\":\"seats\"}],"
            "\"cumulative\":true}",
     "query.unknown_value", "/cumulative", NULL},
    {TRENDS "\"series\":[{\"event\":null}],\"interval\":\"decade\"}", "query.unknown_value",
     "/interval", "day"},
    {TRENDS "\"series\":[{\"event\":null}],\"timezone\":\"Asia/Bankok\"}", "query.unknown_value",
     "/timezone", "Asia/Bangkok"},
    {TRENDS "\"series\":[{\"event\":null}],\"last\":\"7d\"}", "query.unknown_value", "/last", NULL},
    {TRENDS "\"series\":[{\"event\":null}],\"unit\":\"acount\"}", "query.unknown_value", "/unit",
     "account"},
    {TRENDS "\"series\":[{\"event\":null}],\"unit\":\"account\",\"level\":true}",
     "query.wrong_type", "/level", NULL},
    {TRENDS "\"series\":[{\"event\":null}],\"unit\":\"account\",\"level\":65}", "query.limit",
     "/level", NULL},
    {TRENDS "\"series\":[{\"event\":null}],\"breakdown\":[{\"property\":\"created\",\"of\":"
            "\"person\",\"buckets\":[1]}]}",
     "query.unknown_value", "/breakdown/0", NULL},
    {TRENDS "\"series\":[{\"event\":null}],\"breakdown\":[{\"property\":\"plan\",\"level\":1}]}",
     "query.unknown_value", "/breakdown/0/level", NULL},
    {"{\"insight\":\"people\",\"unit\":\"account\",\"filter\":[{\"property\":\"plan\",\"of\":"
     "\"person\",\"is\":1}]}",
     "query.unsupported", "/filter/0", "account"},
    {TRENDS "\"series\":[{\"event\":null}],\"segment\":7}", "query.wrong_type", "/segment", NULL},
    {TRENDS "\"series\":[{\"event\":null}],\"breakdown\":[]}", "query.empty_list", "/breakdown",
     NULL},
    {TRENDS "\"series\":[{\"event\":null}],\"breakdown\":[{\"proprty\":\"plan\"}]}",
     "query.unknown_member", "/breakdown/0/proprty", "property"},
    {TRENDS "\"series\":[{\"event\":null}],\"breakdown\":[{\"property\":\"plan\"},"
            "{\"property\":\"plan\"},{\"property\":\"plan\"},{\"property\":\"plan\"},"
            "{\"property\":\"plan\"}]}",
     "query.limit", "/breakdown", NULL},
    {"{\"insight\":\"trends\",\"series\":[{\"event\":null}],\"from\":\"2026-02-30\"}",
     "query.bad_time", "/from", NULL},
    {"{\"insight\":\"trends\",\"series\":[{\"event\":null}],\"from\":\"2026-03-05\","
     "\"to\":\"2026-03-04\"}",
     "query.bad_time", "/from", NULL},
    {"{\"insight\":\"trends\",\"series\":[{\"event\":null}],\"from\":\"2026-03-05T10:00:00\"}",
     "query.bad_time", "/from", NULL},
    {"{\"insight\":\"trends\",\"series\":[{\"event\":null}],\"from\":\"1990-01-01\","
     "\"interval\":\"hour\"}",
     "query.limit", "/interval", NULL},
    {TRENDS "\"series\":[{\"event\":null,\"filter\":[{\"property\":\"plan\"}]}]}",
     "query.missing_member", "/series/0/filter/0", NULL},
    {TRENDS "\"series\":[{\"event\":null}],\"filter\":[{\"property\":\"plan\",\"iz\":1}]}",
     "query.unknown_member", "/filter/0/iz", "did you mean is?"},
    {TRENDS "\"series\":[{\"event\":null}],\"filter\":[{\"property\":\"plan\",\"is\":[]}]}",
     "query.empty_list", "/filter/0/is", NULL},
    {TRENDS "\"series\":[{\"event\":null}],\"filter\":[{\"property\":\"seats\",\"gt\":\"many\"}]}",
     "query.wrong_type", "/filter/0/gt", NULL},
    {TRENDS
     "\"series\":[{\"event\":null}],\"filter\":[{\"property\":\"plan\",\"matches\":\"(a\"}]}",
     "query.unknown_value", "/filter/0/matches", NULL},
    {TRENDS "\"series\":[{\"event\":null}],\"filter\":[{\"did\":7}]}", "query.wrong_type",
     "/filter/0/did", NULL},
    {TRENDS "\"series\":[{\"event\":null}],\"filter\":[{\"did\":null,\"time\":3}]}",
     "query.unknown_member", "/filter/0/time", "did you mean times?"},
    {TRENDS "\"series\":[{\"event\":null}],\"filter\":[{\"did\":null,\"times\":{}}]}",
     "query.missing_member", "/filter/0/times/gte", NULL},
    {TRENDS "\"series\":[{\"event\":null}],\"filter\":[{\"did\":null,\"times\":3}]}",
     "query.wrong_type", "/filter/0/times", NULL},
    {TRENDS "\"series\":[{\"event\":null}],\"filter\":[{\"did\":null,\"within\":\"soon\"}]}",
     "query.bad_time", "/filter/0/within", "14d"},
    {TRENDS "\"series\":[{\"event\":null}],\"filter\":[{\"sequence\":[\"Signed Up\"]}]}",
     "query.limit", "/filter/0/sequence", NULL},
    {TRENDS "\"series\":[{\"event\":null}],\"filter\":[{\"in_segment\":[\"x\"]}]}",
     "query.wrong_type", "/filter/0/in_segment", NULL},
    {TRENDS "\"series\":[{\"event\":null}],\"segment\":[{\"property\":\"plan\",\"is\":1}]}",
     "query.unsupported", "/segment/0", "person"},
    {"{\"insight\":\"people\",\"from\":\"2026-03-01\"}", "query.unknown_member", "/from", NULL},
    {TRENDS "\"series\":[{\"event\":null}],\"filter\":[{\"any\":[]}]}", "query.empty_list",
     "/filter/0/any", NULL},
    {FUNNEL ",\"order\":\"unordered\",\"exclude\":[{\"event\":null,\"between\":[1,1]}]}",
     "query.unknown_value", "/exclude/0/between", NULL},
    {FUNNEL ",\"window\":\"two weeks\"}", "query.bad_time", "/window", "14d"},
    {FUNNEL ",\"window\":\"999999999y\"}", "query.limit", "/window", NULL},
    {FUNNEL ",\"attribution\":\"step\"}", "query.missing_member", "/step", NULL},
    {FUNNEL ",\"hold\":[\"plan\",\"seats\",\"at\",\"paid\"]}", "query.limit", "/hold", NULL},
    {FUNNEL ",\"count\":\"held\"}", "query.missing_member", "/hold", NULL},
    {FUNNEL ",\"bins\":500}", "query.limit", "/bins", NULL},
    {FUNNEL ",\"from_step\":2,\"to_step\":1}", "query.unknown_value", "/from_step", NULL},
    {FUNNEL ",\"people_of\":{\"step\":3}}", "query.limit", "/people_of/step", NULL},
    {FUNNEL ",\"people_of\":{\"stp\":1}}", "query.unknown_member", "/people_of/stp", "step"},
    {FUNNEL ",\"people_of\":{\"step\":1,\"breakdown\":[\"x\"]}}", "query.unknown_value",
     "/people_of/breakdown", NULL},
    {"{\"insight\":\"funnel\",\"steps\":[{\"event\":null,\"optional\":true}]}",
     "query.unknown_value", "/steps/0/optional", NULL},
    {RETENTION ",\"periods\":0}", "query.limit", "/periods", NULL},
    {RETENTION ",\"periods\":3,\"brackets\":[1]}", "query.unknown_value", "/brackets", NULL},
    {RETENTION ",\"measure\":\"revenue\"}", "query.unsupported", "/measure", NULL},
    {RETENTION ",\"measure\":\"sum\"}", "query.missing_member", "/property", NULL},
    {RETENTION ",\"people_of\":{\"cohort\":\"1999-01-01\",\"period\":0}}", "query.unknown_value",
     "/people_of/cohort", NULL},
    {"{\"insight\":\"retention\"}", "query.missing_member", "/start", NULL},
};

static void wrong_questions_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(wrongs); i++) {
        BUF_AUTO answer = {0};
        struct err e = {0};
        if (ask(wrongs[i].question, &answer, &e))
            fail_msg("accepted: %s", wrongs[i].question);
        assert_int_equal(answer.len, 0);
        assert_int_equal(e.kind, ERR_INVALID);
        assert_true(e.text[0] != 0);
        if (wrongs[i].code && strcmp(e.code, wrongs[i].code) != 0)
            fail_msg("%s\n  %s (%s), not %s", wrongs[i].question, e.code, e.text, wrongs[i].code);
        if (wrongs[i].at && strcmp(e.at, wrongs[i].at) != 0)
            fail_msg("%s\n  at %s, not %s", wrongs[i].question, e.at, wrongs[i].at);
        if (wrongs[i].hint && !strstr(e.hint, wrongs[i].hint))
            fail_msg("%s\n  hint \"%s\" lacks \"%s\"", wrongs[i].question, e.hint, wrongs[i].hint);
    }
}

static void unknown_names_are_422(void **state)
{
    static const struct {
        const char *question, *code, *at, *hint;
    } cases[] = {
        {TRENDS "\"series\":[{\"event\":\"signed up\"}]}", "query.unknown_event", "/series/0/event",
         "\"Signed Up\""},
        {TRENDS "\"series\":[{\"event\":\"Logged In\"}]}", "query.unknown_event", "/series/0/event",
         "case-sensitive"},
        {TRENDS "\"series\":[{\"event\":null,\"math\":\"sum\",\"property\":\"seat\"}]}",
         "query.unknown_property", "/series/0/property", "\"seats\""},
        {TRENDS "\"series\":[{\"event\":null}],\"breakdown\":[{\"property\":\"colour\"}]}",
         "query.unknown_property", "/breakdown/0/property", NULL},
        {TRENDS "\"series\":[{\"event\":null}],\"filter\":[{\"property\":\"Plan\",\"is\":1}]}",
         "query.unknown_property", "/filter/0/property", "\"plan\""},
    };
    BUF_AUTO answer = {0};
    struct err e = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_false(ask(cases[i].question, &answer, &e));
        assert_int_equal(err_status(e.kind), 422);
        assert_string_equal(e.code, cases[i].code);
        assert_string_equal(e.at, cases[i].at);
        assert_true(!cases[i].hint || strstr(e.hint, cases[i].hint));
    }
    /* beside a known event, one that nobody has done counts as nothing and is named */
    assert_works(ask("{\"insight\":\"funnel\",\"steps\":[{\"event\":\"Signed Up\"},"
                     "{\"event\":\"Exported\"}]}",
                     &answer, &e),
                 e);
    assert_non_null(strstr(answer.at, "\"unseen\":[\"Exported\"]"));
    assert_non_null(strstr(answer.at, "\"name\":\"Exported\",\"count\":0"));
}

static void an_empty_project_answers(void **state)
{
    AUTO(arena) *arena = arena_create(0);
    struct plain_source source;
    struct query_context context = {.now_ms = now_ms};
    BUF_AUTO answer = {0};
    struct err e = {0};

    (void)state;
    case_source_parse("{\"events\":[]}", arena, &source);
    assert_works(
        query_answer(&source.source, &context,
                     STR("{\"insight\":\"retention\",\"start\":{\"event\":\"Signed Up\"}}"),
                     &answer, &e),
        e);
    plain_source_free(&source);
}

/* ---- conditions: how many of the three events pass ---- */

static void conditions_mean_what_they_say(void **state)
{
    static const struct {
        const char *condition;
        int64_t count;
    } cases[] = {
        {"{\"property\":\"plan\",\"is\":\"Pro\"}", 1},
        {"{\"property\":\"plan\",\"is\":\"pro\"}", 0}, /* `is` is exact */
        {"{\"property\":\"plan\",\"is\":[\"Pro\",\"free\"]}", 2},
        {"{\"property\":\"plan\",\"is_not\":\"Pro\"}", 2}, /* also where it is missing */
        {"{\"property\":\"plan\",\"contains\":\"RO\"}", 1},
        {"{\"property\":\"plan\",\"not_contains\":\"r\"}", 1},
        {"{\"property\":\"plan\",\"starts_with\":\"FR\"}", 1},
        {"{\"property\":\"plan\",\"starts_with\":\"re\"}", 0},
        {"{\"property\":\"plan\",\"ends_with\":\"O\"}", 1},
        {"{\"property\":\"label\",\"contains\":\"\u00e9LA\"}", 1}, /* \u00c9lan: Unicode's case */
        {"{\"property\":\"label\",\"starts_with\":\"\u0e2a\u0e21\"}", 1},
        {"{\"property\":\"label\",\"contains\":\".\"}", 0}, /* no pattern */
        {"{\"property\":\"plan\",\"matches\":\"^(Pro|free)$\"}", 2},
        {"{\"property\":\"plan\",\"matches\":\"^pro\"}", 0},
        {"{\"property\":\"plan\",\"exists\":true}", 2}, /* null is missing */
        {"{\"property\":\"plan\",\"exists\":false}", 1},
        {"{\"property\":\"name\",\"is\":\"x\"}", 0}, /* built in: the event's name */
        {"{\"property\":\"name\",\"is\":\"Signed Up\"}", 2},
        {"{\"property\":\"seats\",\"is\":12}", 1}, /* a number and its text */
        {"{\"property\":\"seats\",\"is\":\"3\"}", 1},
        {"{\"property\":\"seats\",\"gt\":3}", 1},
        {"{\"property\":\"seats\",\"gte\":3}", 2},
        {"{\"property\":\"seats\",\"lt\":3}", 1},
        {"{\"property\":\"seats\",\"lte\":3}", 2},
        {"{\"property\":\"seats\",\"between\":[0.5,3]}", 2},
        {"{\"property\":\"seats\",\"gt\":0,\"lt\":5}", 2}, /* all of several */
        {"{\"property\":\"paid\",\"is\":true}", 1},
        {"{\"property\":\"paid\",\"is\":\"true\"}", 1},
        {"{\"property\":\"paid\",\"is\":false}", 1},
        {"{\"property\":\"at\",\"before\":\"2026-02-10\"}", 1},
        {"{\"property\":\"at\",\"after\":\"2026-02-09\"}", 1},
        {"{\"property\":\"at\",\"after\":\"2026-02-10\"}", 0}, /* after the whole day */
        {"{\"property\":\"tags\",\"is\":7}", 1},               /* any item of a list */
        {"{\"property\":\"tags\",\"is_not\":\"a\"}", 2},
        {"{\"property\":\"tags\",\"contains\":\"A\"}", 1},
        {"{\"property\":\"hour\",\"is\":17}", 2}, /* 10:00Z and 10:30Z in Bangkok */
        {"{\"property\":\"weekday\",\"is\":\"Sunday\"}", 1},
        {"{\"property\":\"weekday\",\"is\":[2,5]}", 2},
        {"{\"property\":\"time\",\"before\":\"2026-03-02\"}", 1},
        {"{\"property\":\"time\",\"between\":[\"2026-03-02\",\"2026-03-03\"]}", 1},
        {"{\"property\":\"id\",\"is\":\"m-3\"}", 1},
        {"{\"property\":\"id\",\"of\":\"account\",\"is\":\"acme\"}", 1},
        {"{\"property\":\"id\",\"of\":\"session\",\"exists\":true}", 1},
        {"{\"property\":\"id\",\"of\":\"person\",\"is\":\"anon\"}", 2}, /* any of its ids */
        {"{\"property\":\"id\",\"of\":\"person\",\"is_not\":\"u1\"}", 1},
        {"{\"property\":\"team\",\"of\":\"person\",\"is\":\"red\"}", 2},
        {"{\"property\":\"created\",\"of\":\"person\",\"after\":\"2026-02-01\"}", 1},
        {"{\"property\":\"created\",\"of\":\"person\",\"exists\":false}", 2},
        {"{\"property\":\"first_seen\",\"of\":\"person\",\"before\":\"2026-03-02\"}", 2},
        {"{\"property\":\"last_seen\",\"of\":\"person\",\"after\":\"2026-03-05\"}", 2},
        {"{\"all\":[{\"property\":\"seats\",\"gt\":1},{\"property\":\"plan\",\"is\":\"free\"}]}",
         1},
        {"{\"any\":[{\"property\":\"seats\",\"gt\":4},{\"property\":\"plan\",\"is\":\"Pro\"}]}", 2},
        {"{\"not\":{\"property\":\"plan\",\"is\":\"Pro\"}}", 2},
        {"{\"not\":[{\"property\":\"plan\",\"is\":\"Pro\"},{\"property\":\"seats\",\"is\":4}]}", 3},
        {"{\"all\":[]}", 3},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(json_parser) *parser = json_parser_create();
        BUF_AUTO question = {0}, answer = {0};
        struct json root;
        struct err e = {0};
        buf_printf(&question, TRENDS "\"series\":[{\"event\":null}],\"filter\":[%s]}",
                   cases[i].condition);
        buf_add_char(&question, 0);
        assert_works(ask(question.at, &answer, &e), e);
        assert_works(json_parse(parser, buf_str(&answer), &root, &e), e);
        double total =
            ref_number(json_member(ref_item(json_member(root, STR("series")), 0), STR("total")));
        if (total != (double)cases[i].count)
            fail_msg("%s: %g, not %lld", cases[i].condition, total, (long long)cases[i].count);
    }
}

static void slow_patterns_are_stopped(void **state)
{
    AUTO(arena) *arena = arena_create(0);
    BUF_AUTO events = {0}, answer = {0};
    struct plain_source source;
    struct query_context context = {.now_ms = now_ms};
    struct err e = {0};

    (void)state;
    buf_add(&events, STR("{\"events\":[{\"person\":\"u\",\"event\":\"A\",\"time\":"
                         "\"2026-03-01T00:00:00Z\",\"properties\":{\"p\":\""));
    for (int i = 0; i < 400; i++)
        buf_add_char(&events, 'a');
    buf_add(&events, STR("!\"}}]}"));
    buf_add_char(&events, 0);
    case_source_parse(events.at, arena, &source);
    assert_false(
        query_answer(&source.source, &context,
                     STR(TRENDS "\"series\":[{\"event\":null}],"
                                "\"filter\":[{\"property\":\"p\",\"matches\":\"^(a+)+(b|c)$\"}]}"),
                     &answer, &e));
    assert_string_equal(e.code, "query.limit");
    assert_string_equal(e.at, "/filter/0/matches");
    plain_source_free(&source);
}

/* ---- ranges and the echo ---- */

static void ranges_resolve_in_the_zone(void **state)
{
    static const struct {
        const char *members, *from, *to;
    } cases[] = {
        {"\"from\":\"2026-03-01\",\"to\":\"2026-03-02\"", "2026-03-01T00:00:00+07:00",
         "2026-03-03T00:00:00+07:00"},
        {"\"from\":\"2026-03-01T00:00:00Z\",\"to\":\"2026-03-02T00:00:00Z\"",
         "2026-03-01T07:00:00+07:00", "2026-03-02T07:00:00+07:00"},
        {"\"last\":\"7d\"", "2026-03-09T00:00:00+07:00", "2026-03-16T00:00:00+07:00"},
        {"\"last\":\"2w\",\"interval\":\"week\"", "2026-03-02T00:00:00+07:00",
         "2026-03-16T00:00:00+07:00"},
        {"\"last\":\"2w\",\"interval\":\"week\",\"week_start\":\"sunday\"",
         "2026-03-08T00:00:00+07:00", "2026-03-22T00:00:00+07:00"},
        {"\"last\":\"3mo\",\"interval\":\"month\"", "2026-01-01T00:00:00+07:00",
         "2026-04-01T00:00:00+07:00"},
        {"\"last\":\"1y\",\"interval\":\"quarter\"", "2025-04-01T00:00:00+07:00",
         "2026-04-01T00:00:00+07:00"},
        {"\"interval\":\"day\"", "2026-02-13T00:00:00+07:00", "2026-03-15T00:00:00+07:00"},
        {"\"from\":\"2026-03-08\",\"to\":\"2026-03-08\",\"timezone\":\"America/New_York\"",
         "2026-03-08T00:00:00-05:00", "2026-03-09T00:00:00-04:00"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        BUF_AUTO question = {0}, answer = {0}, wanted = {0};
        struct err e = {0};
        buf_printf(&question, "{\"insight\":\"trends\",\"series\":[{\"event\":null}],%s}",
                   cases[i].members);
        buf_add_char(&question, 0);
        assert_works(ask(question.at, &answer, &e), e);
        buf_printf(&wanted, "\"from\":\"%s\",\"to\":\"%s\"", cases[i].from, cases[i].to);
        buf_add_char(&wanted, 0);
        buf_add_char(&answer, 0);
        if (!strstr(answer.at, wanted.at))
            fail_msg("%s\n  %.300s\n  lacks %s", cases[i].members, answer.at, wanted.at);
    }
}

static void the_watermark_hides_what_is_later(void **state)
{
    BUF_AUTO answer = {0};
    struct err e = {0};

    (void)state;
    assert_works(ask(TRENDS "\"series\":[{\"event\":null}],\"as_of\":\"2026-03-02\"}", &answer, &e),
                 e);
    buf_add_char(&answer, 0);
    assert_non_null(strstr(answer.at, "\"total\":1")); /* 22:00Z is the 3rd in Bangkok */
    assert_non_null(strstr(answer.at, "\"as_of\":\"2026-03-02T23:59:59.999+07:00\""));
}

static void answers_name_their_rules(void **state)
{
    BUF_AUTO answer = {0}, preset = {0};
    struct err e = {0};

    (void)state;
    assert_works(ask(FUNNEL ",\"window\":\"3d\"}", &answer, &e), e);
    buf_add_char(&answer, 0);
    assert_non_null(strstr(answer.at, "\"rules\":{\"semantics\":\"tenure\",\"order\":\"ordered\","
                                      "\"window\":\"3d\",\"entry\":\"latest\",\"tie\":\"exact\""));
    assert_non_null(strstr(answer.at, "\"timezone\":\"Asia/Bangkok\",\"week_start\":\"monday\""));
    assert_non_null(strstr(answer.at, "\"tz_version\":\"20"));
    assert_works(ask(FUNNEL ",\"semantics\":\"mixpanel\"}", &preset, &e), e);
    buf_add_char(&preset, 0);
    assert_non_null(strstr(preset.at, "\"window\":\"7d\",\"entry\":\"first\",\"tie\":\"2s\""));
}

static void people_come_in_pages(void **state)
{
    BUF_AUTO first = {0}, second = {0};
    struct err e = {0};

    (void)state;
    assert_works(ask(FUNNEL ",\"people_of\":{\"step\":1,\"page\":1}}", &first, &e), e);
    buf_add_char(&first, 0);
    assert_non_null(strstr(first.at, "\"people\":[{\"id\":\"u1\"}],\"total\":2,\"cursor\":\"0\""));
    assert_works(
        ask(FUNNEL ",\"people_of\":{\"step\":1,\"page\":1,\"cursor\":\"0\"}}", &second, &e), e);
    buf_add_char(&second, 0);
    assert_non_null(strstr(second.at, "\"people\":[{\"id\":\"u2\"}],\"total\":2,\"cursor\":null"));
}

static void errors_are_json(void **state)
{
    BUF_AUTO answer = {0}, json = {0};
    struct err e = {0};

    (void)state;
    assert_false(ask("{\"insight\":\"funnel\",\"steps\":[{\"evnt\":\"A\"}]}", &answer, &e));
    query_error_json(&e, &json);
    assert_str(buf_str(&json),
               STR("{\"error\":{\"code\":\"query.unknown_member\",\"at\":\"/steps/0/evnt\","
                   "\"message\":\"unknown member \\\"evnt\\\"\","
                   "\"hint\":\"did you mean event?\"}}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_questions_are_refused),
        cmocka_unit_test(unknown_names_are_422),
        cmocka_unit_test(an_empty_project_answers),
        cmocka_unit_test(conditions_mean_what_they_say),
        cmocka_unit_test(slow_patterns_are_stopped),
        cmocka_unit_test(ranges_resolve_in_the_zone),
        cmocka_unit_test(the_watermark_hides_what_is_later),
        cmocka_unit_test(answers_name_their_rules),
        cmocka_unit_test(people_come_in_pages),
        cmocka_unit_test(errors_are_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
