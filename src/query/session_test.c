/*
 * Sessions: by hand; their numbers in trends against the slow reference; and conditions, groups and
 * units of sessions against the same question on a world where each event carries the facts of its
 * session, or where each session is a person.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "query/case_data.h"
#include "query/session_reference.h"

enum { ROUNDS = 1500, EDGES_MAX = 900, NUMBERS_MAX = 400 };

static const int64_t start_ms = INT64_C(1772323200000); /* 2026-03-01T00:00:00Z */
static const int64_t minute_ms = 60000, hour_ms = 3600000;

/* ---- by hand ---- */

static void answer_is(const char *data, const char *question, const char *member,
                      const char *wanted)
{
    AUTO(arena) *arena = arena_create(0);
    AUTO(json_parser) *parser = json_parser_create();
    BUF_AUTO text = {0}, list = {0};
    struct plain_source source;
    struct query_context context = {.now_ms = start_ms + 24 * 60 * hour_ms};
    struct json root;
    struct err e = {0};

    case_source_parse(data, arena, &source);
    bool ok = query_answer(&source.source, &context, str_of(question), &text, &e);
    if (!member) {
        assert_false(ok);
        assert_str(str_of(e.at), str_of(wanted));
        assert_true(e.text[0]);
    } else {
        assert_works(ok, e);
        assert_works(json_parse(parser, buf_str(&text), &root, &e), e);
        struct json found = root;
        struct str rest = str_of(member), part;
        while (str_cut(&rest, '/', &part)) {
            int64_t index;
            found = str_to_i64(part, &index) ? ref_item(found, (size_t)index)
                                             : json_member(found, part);
        }
        json_print(found, &list);
        if (!str_equal(buf_str(&list), str_of(wanted)))
            fail_msg("%s\n%.*s\n%s: %.*s, not %s", question, STR_ARG(buf_str(&text)), member,
                     STR_ARG(buf_str(&list)), wanted);
    }
    plain_source_free(&source);
}

#define EVENT(person, name, time)                                                                  \
    "{\"person\":\"" person "\",\"event\":\"" name "\",\"time\":\"" time "\"}"
#define NAMED(person, name, time, id)                                                              \
    "{\"person\":\"" person "\",\"event\":\"" name "\",\"time\":\"" time "\",\"session\":\"" id    \
    "\"}"
#define PAGE(person, time, path)                                                                   \
    "{\"person\":\"" person "\",\"event\":\"Page Viewed\",\"time\":\"" time                        \
    "\",\"properties\":{\"path\":\"" path "\"}}"
#define TREND(series, more)                                                                        \
    "{\"insight\":\"trends\",\"from\":\"2026-03-01\",\"to\":\"2026-03-02\",\"series\":[{" series   \
    "}]" more "}"
#define SESSIONS "\"event\":null,\"math\":\"sessions\""
#define FACT(math, fact)                                                                           \
    "\"event\":null,\"math\":\"" math "\",\"property\":\"" fact "\",\"of\":\"session\""

static void pauses_end_sessions(void **state)
{
    /* 29:59.999 goes on, 30 minutes exactly do not */
    static const char *const data =
        "{\"events\":[" EVENT("u", "A", "2026-03-01T10:00:00Z") "," EVENT("u", "B", "2026-03-01T10:29:59.999Z") "," EVENT(
            "u", "C",
            "2026-03-01T10:59:59.999Z") "," EVENT("v", "A",
                                                  "2026-03-01T10:00:00Z") "," EVENT("v", "A",
                                                                                    "2026-03-01T10:"
                                                                                    "00:00Z") "]}";

    (void)state;
    answer_is(data, TREND(SESSIONS, ""), "series/0/values", "[3,0]");
    answer_is(data, TREND(FACT("max", "length"), ""), "series/0/total", "1799.999");
    answer_is(data, TREND(FACT("sum", "events"), ""), "series/0/total", "5");
    answer_is(data, TREND(FACT("median", "events"), ""), "series/0/total", "2");
    answer_is(data, TREND(FACT("avg", "bounce"), ""), "series/0/total", "0.3333333333333333");
    answer_is(data, TREND(FACT("distinct", "entry_event"), ""), "series/0/total", "2");
    answer_is(data, TREND(SESSIONS, ",\"session_gap\":\"31m\""), "series/0/total", "2");
    answer_is(data, TREND(SESSIONS, ",\"session_gap\":\"29m\""), "series/0/total", "4");
    answer_is(data, TREND(SESSIONS, ",\"people_of\":{\"series\":0}"), "total", "3");
    answer_is(data, TREND(SESSIONS, ",\"people_of\":{\"series\":0}"), "people",
              "[{\"id\":\"u\",\"session\":null,\"start\":\"2026-03-01T10:00:00+00:00\",\"end\":"
              "\"2026-03-01T10:29:59.999+00:00\",\"events\":2},"
              "{\"id\":\"u\",\"session\":null,\"start\":\"2026-03-01T10:59:59.999+00:00\",\"end\":"
              "\"2026-03-01T10:59:59.999+00:00\",\"events\":1},"
              "{\"id\":\"v\",\"session\":null,\"start\":\"2026-03-01T10:00:00+00:00\",\"end\":"
              "\"2026-03-01T10:00:00+00:00\",\"events\":2}]");
    answer_is(data, TREND(SESSIONS, ",\"people_of\":{\"series\":0,\"page\":2}"), "cursor", "\"2\"");
    answer_is(data, TREND(SESSIONS, ",\"people_of\":{\"series\":0,\"page\":2,\"cursor\":\"2\"}"),
              "people/0/id", "\"v\"");
    /* a filter says which sessions count, not where they are cut */
    answer_is(
        data,
        TREND("\"event\":\"B\",\"math\":\"avg\",\"property\":\"length\",\"of\":\"session\"", ""),
        "series/0/total", "1799.999");
    answer_is(data,
              TREND("\"event\":null",
                    ",\"filter\":[{\"property\":\"position\",\"of\":\"session\",\"is\":1}]"),
              "series/0/total", "3");
}

static void ids_decide_instead_of_pauses(void **state)
{
    /* the same id after two hours is the same session; another id a second later another one; an
     * event without an id goes with the one before it; one before the first id joins that */
    static const char *const data =
        "{\"events\":[" EVENT("u", "Server", "2026-03-01T09:59:59Z") "," NAMED("u", "A", "2026-03-01T10:00:00Z", "s1") "," NAMED(
            "u", "A", "2026-03-01T12:00:00Z",
            "s1") "," NAMED("u", "A", "2026-03-01T12:00:01Z",
                            "s2") "," EVENT("u", "Server",
                                            "2026-03-01T12:00:02Z") "," NAMED("u", "A",
                                                                              "2026-03-01T12:00:"
                                                                              "03Z",
                                                                              "s1") "," EVENT("u",
                                                                                              "Serv"
                                                                                              "er",
                                                                                              "2026"
                                                                                              "-03-"
                                                                                              "01T1"
                                                                                              "2:"
                                                                                              "40:"
                                                                                              "00Z") "]}";

    (void)state;
    answer_is(data, TREND(SESSIONS, ""), "series/0/total", "3");
    answer_is(data, TREND(SESSIONS, ",\"people_of\":{\"series\":0}"), "people/0",
              "{\"id\":\"u\",\"session\":\"s1\",\"start\":\"2026-03-01T09:59:59+00:00\",\"end\":"
              "\"2026-03-01T12:00:03+00:00\",\"events\":4}");
    answer_is(data, TREND(SESSIONS, ",\"people_of\":{\"series\":0}"), "people/1/events", "2");
    answer_is(data, TREND(SESSIONS, ",\"session_ids\":\"only\""), "series/0/total", "2");
    answer_is(data, TREND(FACT("sum", "events"), ",\"session_ids\":\"only\""), "series/0/total",
              "4");
    answer_is(data, TREND(SESSIONS, ",\"session_ids\":\"ignore\""), "series/0/total", "3");
    answer_is(data, TREND(SESSIONS, ",\"semantics\":\"posthog\""), "series/0/total", "2");
    answer_is(data, TREND(SESSIONS, ",\"semantics\":\"mixpanel\""), "rules",
              "{\"semantics\":\"mixpanel\",\"session_gap\":\"30m\",\"session_max\":\"24h\","
              "\"session_midnight\":true,\"session_ids\":\"ignore\"}");
    /* of no session nothing is known */
    answer_is(data,
              TREND("\"event\":null", ",\"session_ids\":\"only\",\"filter\":[{\"property\":"
                                      "\"events\",\"of\":\"session\",\"exists\":false}]"),
              "series/0/total", "3");
    /* an id that never changes makes a session a day, from the first event on */
    static const char *const stuck =
        "{\"events\":[" NAMED("u", "A", "2026-02-28T20:00:00Z", "0") "," NAMED(
            "u", "A", "2026-03-01T19:59:59Z",
            "0") "," NAMED("u", "A", "2026-03-01T20:00:00Z",
                           "0") "," NAMED("u", "A", "2026-03-02T19:00:00Z", "0") "]}";
    answer_is(stuck, TREND(SESSIONS, ""), "series/0/values", "[2,1]");
    answer_is(stuck, TREND(SESSIONS, ""), "series/0/total", "2");
    answer_is(stuck, TREND(SESSIONS, ",\"session_max\":\"7d\""), "series/0/total", "1");
}

static void midnight_cuts_where_asked(void **state)
{
    /* New York, 8 March 2026: the clock goes from 2 to 3. 23:50 and 00:10 local, then the day of
     * 23 hours to its end */
    static const char *const data = "{\"events\":[" EVENT("u", "A", "2026-03-08T04:50:00Z") "," EVENT(
        "u", "A",
        "2026-03-08T05:10:00Z") "," EVENT("v", "A",
                                          "2026-03-09T03:50:00Z") "," EVENT("v", "A",
                                                                            "2026-03-09T04:00:"
                                                                            "00Z") "," EVENT("v",
                                                                                             "A",
                                                                                             "2"
                                                                                             "0"
                                                                                             "2"
                                                                                             "6"
                                                                                             "-"
                                                                                             "0"
                                                                                             "3"
                                                                                             "-"
                                                                                             "0"
                                                                                             "9"
                                                                                             "T"
                                                                                             "0"
                                                                                             "4"
                                                                                             ":"
                                                                                             "0"
                                                                                             "5"
                                                                                             ":"
                                                                                             "0"
                                                                                             "0"
                                                                                             "Z") "]}";
#define DST(more)                                                                                  \
    "{\"insight\":\"trends\",\"from\":\"2026-03-07\",\"to\":\"2026-03-09\",\"timezone\":"          \
    "\"America/New_York\",\"series\":[{" SESSIONS "}]" more "}"

    (void)state;
    answer_is(data, DST(""), "series/0/total", "2");
    answer_is(data, DST(""), "series/0/values", "[1,2,1]");
    answer_is(data, DST(",\"session_midnight\":true"), "series/0/total", "4");
    answer_is(data, DST(",\"session_midnight\":true"), "series/0/values", "[1,2,1]");
    answer_is(data, DST(",\"session_midnight\":true,\"people_of\":{\"series\":0}"), "people/3",
              "{\"id\":\"v\",\"session\":null,\"start\":\"2026-03-09T00:00:00-04:00\",\"end\":"
              "\"2026-03-09T00:05:00-04:00\",\"events\":2}");
    answer_is(data, DST(",\"semantics\":\"mixpanel\""), "series/0/total", "4");
}

static void sessions_are_whole_at_the_edges_of_the_range(void **state)
{
    static const char *const data =
        "{\"events\":[" PAGE("u", "2026-02-28T23:40:00Z", "/in/") "," PAGE(
            "u", "2026-03-01T00:05:00Z",
            "/b") "," PAGE("w", "2026-03-02T23:50:00Z",
                           "/c") "," PAGE("w", "2026-03-03T00:10:00Z",
                                          "https://x.com/out?q") "," PAGE("z",
                                                                          "2026-03-03T00:01:00Z",
                                                                          "/late") "]}";

    (void)state;
    answer_is(data, TREND(FACT("sum", "length"), ""), "series/0/values", "[1500,1200]");
    answer_is(data,
              TREND(SESSIONS, ",\"breakdown\":[{\"property\":\"entry_page\",\"of\":"
                              "\"session\"},{\"property\":\"exit_page\",\"of\":\"session\"}]"),
              "series/0/breakdown", "[\"/c\",\"/out\"]");
    answer_is(data,
              TREND(SESSIONS, ",\"breakdown\":[{\"property\":\"entry_page\",\"of\":"
                              "\"session\"},{\"property\":\"exit_page\",\"of\":\"session\"}]"),
              "series/1/breakdown", "[\"/in\",\"/b\"]");
    /* what as_of hides is not in them */
    answer_is(data, TREND(FACT("sum", "length"), ",\"as_of\":\"2026-03-02T23:55:00Z\""),
              "series/0/values", "[1500,0]");
    answer_is(data, TREND(SESSIONS, ",\"breakdown\":[{\"property\":\"hour\",\"of\":\"session\"}]"),
              "series/0/breakdown", "[\"23\"]");
    answer_is(data,
              TREND(SESSIONS, ",\"breakdown\":[{\"property\":\"length\",\"of\":\"session\","
                              "\"buckets\":[0,1300]}]"),
              "series/0/breakdown", "[\">= 1300\"]");
}

static void merged_people_have_sessions_together(void **state)
{
    static const char *const events =
        "\"events\":[" EVENT("anon", "A", "2026-03-01T10:00:00Z") "," NAMED(
            "u", "B", "2026-03-01T10:05:00Z", "s") "," EVENT("anon", "A",
                                                             "2026-03-01T10:06:00Z") "]}";
    char apart[1024], merged[1024];

    (void)state;
    snprintf(apart, sizeof apart, "{%s", events);
    snprintf(merged, sizeof merged, "{\"aliases\":{\"u\":[\"anon\"]},%s", events);
    answer_is(apart, TREND(SESSIONS, ""), "series/0/total", "2");
    answer_is(merged, TREND(SESSIONS, ""), "series/0/total", "1");
    answer_is(merged, TREND(SESSIONS, ",\"people_of\":{\"series\":0}"), "people",
              "[{\"id\":\"u\",\"session\":\"s\",\"start\":\"2026-03-01T10:00:00+00:00\",\"end\":"
              "\"2026-03-01T10:06:00+00:00\",\"events\":3}]");
}

static void bounces_overlook_what_sdks_send(void **state)
{
    static const char *const data =
        "{\"events\":[" EVENT("u", "$pageview", "2026-03-01T10:00:00Z") "," EVENT(
            "u", "$pageleave",
            "2026-03-01T10:00:09Z") "," EVENT("v", "$pageview",
                                              "2026-03-01T10:00:00Z") "," EVENT("v", "$pageview",
                                                                                "2026-03-01T10:00:"
                                                                                "03Z") "]}";

    (void)state;
    answer_is(data, TREND(FACT("avg", "bounce"), ""), "series/0/total", "0.5");
    answer_is(data,
              TREND("\"event\":null,\"math\":\"people\"",
                    ",\"filter\":[{\"property\":\"bounce\",\"of\":\"session\",\"is\":true}],"
                    "\"people_of\":{\"series\":0}"),
              "people", "[{\"id\":\"u\"}]");
    answer_is(data, TREND(FACT("sum", "pages"), ""), "series/0/total", "3");
}

static void funnels_stay_in_a_session(void **state)
{
    static const char *const data =
        "{\"events\":[" EVENT("u", "A", "2026-03-01T10:00:00Z") "," EVENT(
            "u", "B",
            "2026-03-01T11:00:00Z") "," EVENT("u", "A",
                                              "2026-03-01T11:01:00Z") "," EVENT("u", "B",
                                                                                "2026-03-01T11:02:"
                                                                                "00Z") "]}";
#define STEPS(more)                                                                                \
    "{\"insight\":\"funnel\",\"from\":\"2026-03-01\",\"to\":\"2026-03-02\",\"steps\":[{\"event\":" \
    "\"A\"},{\"event\":\"B\"}]" more "}"

    (void)state;
    answer_is(data, STEPS(""), "steps/0/count", "1");
    answer_is(data, STEPS(",\"count\":\"sessions\""), "steps/0/count", "2");
    answer_is(data, STEPS(",\"unit\":\"session\""), "steps/1/count", "1");
    answer_is(data, STEPS(",\"unit\":\"session\""), "steps/1/average_seconds", "60");
    answer_is(data, STEPS(",\"unit\":\"session\",\"people_of\":{\"step\":2,\"dropped\":true}"),
              "people/0/end", "\"2026-03-01T10:00:00+00:00\"");
    answer_is(data, STEPS(",\"count\":\"sessions\",\"session_gap\":\"2h\""), "steps/0/count", "1");
}

static void what_means_nothing_is_refused(void **state)
{
    static const char *const none = "{\"events\":[" EVENT("u", "A", "2026-03-01T10:00:00Z") "]}";

    (void)state;
    answer_is(none, "{\"insight\":\"retention\",\"start\":{\"event\":\"A\"},\"unit\":\"session\"}",
              NULL, "/unit");
    answer_is(none, "{\"insight\":\"lifecycle\",\"event\":\"A\",\"unit\":\"session\"}", NULL,
              "/unit");
    answer_is(none, "{\"insight\":\"paths\",\"unit\":\"session\"}", NULL, "/unit");
    answer_is(none, TREND(FACT("avg", "lenght"), ""), NULL, "/series/0/property");
    answer_is(none, TREND(FACT("avg", "entry_page"), ""), NULL, "/series/0/property");
    answer_is(none, TREND(FACT("max", "start"), ""), NULL, "/series/0/property");
    answer_is(none, TREND(FACT("avg", "position"), ""), NULL, "/series/0/property");
    answer_is(none,
              TREND("\"event\":null,\"math\":\"sum\",\"property\":\"n\",\"of\":\"person\"", ""),
              NULL, "/series/0/of");
    answer_is(none, TREND(SESSIONS, ",\"session_gap\":\"0s\""), NULL, "/session_gap");
    answer_is(none, TREND(SESSIONS, ",\"session_gap\":\"25h\""), NULL, "/session_gap");
    answer_is(none, TREND(SESSIONS, ",\"session_max\":\"8d\""), NULL, "/session_max");
    answer_is(none, TREND(SESSIONS, ",\"session_max\":\"10m\""), NULL, "/session_max");
    answer_is(none, TREND(SESSIONS, ",\"session_ids\":\"maybe\""), NULL, "/session_ids");
    answer_is(none, TREND(SESSIONS, ",\"session_midnight\":1"), NULL, "/session_midnight");
    answer_is(none, TREND(SESSIONS, ",\"breakdown\":[{\"property\":\"start\",\"of\":\"session\"}]"),
              NULL, "/breakdown/0/property");
    answer_is(none,
              TREND(SESSIONS, ",\"breakdown\":[{\"property\":\"exit_page\",\"of\":\"session\","
                              "\"buckets\":[1]}]"),
              NULL, "/breakdown/0/property");
    answer_is(none,
              TREND(SESSIONS, ",\"segment\":[{\"property\":\"events\",\"of\":\"session\","
                              "\"gt\":1}]"),
              NULL, "/segment/0");
}

/* ---- numbers against the reference ---- */

struct spec {
    char event;
    const char *math, *fact, *interval, *zone, *condition, *by;
    bool is_cumulative;
    struct ref_session_rules rules;
    const char *gap, *longest;
    int64_t from, to, as_of;
};

static const char *const conditions[] = {
    "{\"property\":\"events\",\"of\":\"session\",\"gte\":2}",
    "{\"property\":\"bounce\",\"of\":\"session\",\"is\":false}",
    "{\"not\":{\"property\":\"entry_page\",\"of\":\"session\",\"is\":\"/p1\"}}",
    "{\"any\":[{\"property\":\"plan\",\"is\":\"p0\"},{\"all\":[{\"property\":\"length\",\"of\":"
    "\"session\",\"gt\":0},{\"property\":\"hour\",\"of\":\"session\",\"lt\":12}]}]}",
    "{\"property\":\"position\",\"of\":\"session\",\"lte\":2}",
};

/* The same in words of the reference. */
static bool condition_holds(size_t which, const struct ref_session *s, size_t position,
                            const struct event *e, const struct zone *zone)
{
    char room[VALUE_TEXT_BYTES];

    switch (which) {
    case 0:
        return s && s->events >= 2;
    case 1:
        return s && s->acts > 1;
    case 2:
        return !s || !str_equal(s->entry_page, STR("/p1"));
    case 3:
        return str_equal(ref_property(e, "plan", room), STR("p0")) ||
               (s && s->last > s->start && zone_local(zone, s->start).hour < 12);
    default:
        return s && position <= 2;
    }
}

static struct spec spec_roll(struct dice *d)
{
    static const char *const maths[] = {"sessions", "avg",    "sum", "min",
                                        "max",      "median", "p90", "distinct"};
    static const char *const facts[] = {"length", "events", "bounce", "pages", "hour", "weekday"};
    static const char *const texts[] = {"entry_page", "exit_page", "entry_event", "exit_event"};
    static const char *const zones[] = {"UTC", "Asia/Bangkok", "America/New_York"};
    static const struct {
        const char *text;
        int64_t ms;
    } gaps[] = {{"30m", 1800000}, {"1h", 3600000}, {"3h", 10800000}, {"24h", 86400000}},
      longests[] = {{"24h", 86400000}, {"1d", 86400000}, {"5d", 432000000}};
    struct spec s = {.event = "ABC*"[roll(d, 4)], .math = maths[roll(d, COUNT(maths))]};
    uint32_t gap = roll(d, COUNT(gaps)), longest = roll(d, COUNT(longests));

    s.fact = str_equal(str_of(s.math), STR("distinct")) && chance(d, 70)
                 ? texts[roll(d, COUNT(texts))]
                 : facts[roll(d, COUNT(facts))];
    s.interval = chance(d, 30) ? "hour" : chance(d, 60) ? "day" : "week";
    s.zone = zones[roll(d, COUNT(zones))];
    s.condition = chance(d, 50) ? conditions[roll(d, COUNT(conditions))] : NULL;
    s.by = chance(d, 30) ? "plan" : chance(d, 30) ? texts[roll(d, COUNT(texts))] : NULL;
    s.is_cumulative = chance(d, 25) && (s.math[0] == 's');
    s.gap = gaps[gap].text;
    s.longest = longests[longest].text;
    s.from = start_ms + roll(d, 200) * hour_ms;
    s.to = s.from + (1 + roll(d, 200)) * hour_ms;
    s.as_of = start_ms + (100 + roll(d, 400)) * hour_ms;
    s.rules = (struct ref_session_rules){.gap = gaps[gap].ms,
                                         .longest = longests[longest].ms,
                                         .cuts_midnight = chance(d, 30),
                                         .ids = "oni"[roll(d, 3)]};
    return s;
}

static void question_write(const struct spec *s, struct buf *out)
{
    char a[INSTANT_TEXT_BYTES], b[INSTANT_TEXT_BYTES], c[INSTANT_TEXT_BYTES];
    bool is_count = str_equal(str_of(s->math), STR("sessions"));

    buf_add(out, STR("{\"insight\":\"trends\",\"series\":[{\"event\":"));
    if (s->event == '*')
        buf_add(out, STR("null"));
    else
        buf_printf(out, "\"%c\"", s->event);
    buf_printf(out, ",\"math\":\"%s\"", s->math);
    if (!is_count)
        buf_printf(out, ",\"of\":\"session\",\"property\":\"%s\"", s->fact);
    buf_printf(out, "}],\"interval\":\"%s\",\"timezone\":\"%s\"", s->interval, s->zone);
    buf_printf(out, ",\"from\":\"%.*s\",\"to\":\"%.*s\",\"as_of\":\"%.*s\"",
               STR_ARG(instant_text(s->from, a)), STR_ARG(instant_text(s->to, b)),
               STR_ARG(instant_text(s->as_of, c)));
    buf_printf(out,
               ",\"session_gap\":\"%s\",\"session_max\":\"%s\",\"session_midnight\":%s,"
               "\"session_ids\":\"%s\"",
               s->gap, s->longest, s->rules.cuts_midnight ? "true" : "false",
               s->rules.ids == 'o'   ? "override"
               : s->rules.ids == 'n' ? "only"
                                     : "ignore");
    if (s->condition)
        buf_printf(out, ",\"filter\":[%s]", s->condition);
    if (s->by)
        buf_printf(out, ",\"breakdown\":[{\"property\":\"%s\"%s}]", s->by,
                   s->by[0] == 'p' ? "" : ",\"of\":\"session\"");
    if (s->is_cumulative)
        buf_add(out, STR(",\"cumulative\":true"));
    buf_add(out, STR("}"));
}

struct frame {
    const struct spec *s;
    const struct ref_world *w;
    struct zone *zone;
    struct ref_sessions sessions;
    int64_t edges[EDGES_MAX + 1];
    size_t count;
    bool has_group; /* only events of this one */
    struct str group;
};

static struct str event_group(const struct frame *f, size_t i, char *room)
{
    const struct event *e = &f->w->world.events[i];

    if (f->s->by[0] == 'p')
        return ref_property(e, "plan", room);
    if (f->sessions.of[i] == REF_NO_SESSION)
        return STR("");
    return value_text(ref_session_fact(&f->sessions.list[f->sessions.of[i]], f->zone, f->s->by),
                      room);
}

static bool event_counts(const struct frame *f, size_t i)
{
    const struct event *e = &f->w->world.events[i];
    size_t session = f->sessions.of[i];
    char room[VALUE_TEXT_BYTES];

    if (e->time < f->s->from || e->time >= f->s->to || e->time > f->s->as_of ||
        !ref_matches(e, f->s->event))
        return false;
    for (size_t c = 0; f->s->condition && c < COUNT(conditions); c++)
        if (f->s->condition == conditions[c] &&
            !condition_holds(c, session == REF_NO_SESSION ? NULL : &f->sessions.list[session],
                             f->sessions.position[i], e, f->zone))
            return false;
    return session != REF_NO_SESSION &&
           (!f->has_group || str_equal(event_group(f, i, room), f->group));
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(double *list, size_t count, double q)
{
    if (!count)
        return NAN;
    qsort(list, count, sizeof *list, ascending);
    double at = q * (double)(count - 1), low = floor(at);
    double next = list[MIN((size_t)low + 1, count - 1)];
    return list[(size_t)low] + (next - list[(size_t)low]) * (at - low);
}

/* Time of the session's first event that counts and has a value; false if there is none. */
static bool counts_at(const struct frame *f, size_t session, int64_t *at)
{
    bool is = false;

    for (size_t i = 0; i < f->w->world.event_count; i++) {
        int64_t time = f->w->world.events[i].time;
        if (f->sessions.of[i] != session || !event_counts(f, i) || (is && time >= *at))
            continue;
        *at = time;
        is = true;
    }
    return is;
}

/* Sessions with an event that counts in [from, to). */
static double sessions_figure(const struct frame *f, int64_t from, int64_t to)
{
    double count = 0;

    for (size_t s = 0; s < f->sessions.count; s++) {
        bool is = false;
        for (size_t i = 0; i < f->w->world.event_count; i++)
            is = is || (f->sessions.of[i] == s && event_counts(f, i) &&
                        f->w->world.events[i].time >= from && f->w->world.events[i].time < to);
        count += is;
    }
    return count;
}

static double figure(const struct frame *f, int64_t from, int64_t to)
{
    AUTO(intern) *seen = intern_create();
    double list[NUMBERS_MAX], sum = 0, v;
    char room[VALUE_TEXT_BYTES];
    struct str math = str_of(f->s->math);
    size_t n = 0;

    if (str_equal(math, STR("sessions")))
        return sessions_figure(f, from, to);
    for (size_t s = 0; s < f->sessions.count; s++) {
        int64_t at = 0;
        if (!counts_at(f, s, &at) || at < from || at >= to)
            continue;
        struct value value = ref_session_fact(&f->sessions.list[s], f->zone, f->s->fact);
        if (value.type != VALUE_MISSING)
            (void)intern_put(seen, value_text(value, room));
        if (value.type == VALUE_BOOL)
            value = (struct value){VALUE_INT, .integer = value.boolean};
        if (!value_number(value, &v))
            continue;
        list[n++] = v;
        sum += v;
    }
    if (str_equal(math, STR("distinct")))
        return intern_count(seen);
    if (str_equal(math, STR("sum")))
        return sum;
    if (str_equal(math, STR("avg")))
        return n ? sum / (double)n : NAN;
    return quantile(list, n,
                    str_equal(math, STR("min"))      ? 0
                    : str_equal(math, STR("max"))    ? 1
                    : str_equal(math, STR("median")) ? 0.5
                                                     : 0.9);
}

static void frame_make(struct frame *f, const struct spec *s, const struct ref_world *w)
{
    struct ref_session_rules rules = s->rules;
    enum interval interval;
    struct err e = {0};

    *f = (struct frame){.s = s, .w = w};
    assert_works(zone_open(str_of(s->zone), &f->zone, &e), e);
    rules.zone = f->zone;
    rules.from = s->from - 2 * rules.longest;
    rules.to = MIN(s->to + rules.longest, s->as_of + 1);
    ref_sessions_cut(w, &rules, &f->sessions);
    assert_true(interval_from(str_of(s->interval), &interval));
    int64_t at = interval_floor(f->zone, interval, WEEK_MONDAY, s->from);
    for (; at < s->to; at = interval_step(f->zone, interval, WEEK_MONDAY, at, 1))
        f->edges[f->count++] = at;
    f->edges[f->count] = at;
}

static void line_check(const struct frame *f, struct str question, struct json line)
{
    struct json values = json_member(line, STR("values"));

    assert_int_equal(json_count(values), f->count);
    for (size_t i = 0; i <= f->count; i++) {
        bool is_total = i == f->count;
        double got = ref_number(is_total ? json_member(line, STR("total")) : ref_item(values, i));
        /* cumulative: a session counts where it first did */
        int64_t from = is_total || f->s->is_cumulative ? f->edges[0] : f->edges[i];
        double wanted = figure(f, from, is_total ? f->edges[f->count] : f->edges[i + 1]);
        if (!ref_is_near(wanted, got))
            fail_msg("%.*s\n%.*s interval %zu: %g, not %g", STR_ARG(question), STR_ARG(f->group), i,
                     got, wanted);
    }
}

static bool is_known(const struct ref_world *w, char event)
{
    char room[VALUE_TEXT_BYTES];
    bool name = event == '*', plan = false;

    for (size_t i = 0; i < w->world.event_count; i++) {
        name = name || ref_matches(&w->world.events[i], event);
        plan = plan || ref_property(&w->world.events[i], "plan", room).len;
    }
    return name && plan;
}

static void numbers_are_the_reference(void **state)
{
    size_t rounds = random_rounds(ROUNDS), lines = 0;
    struct dice d = {424242};

    (void)state;
    for (size_t i = 0; i < rounds; i++) {
        AUTO(arena) *arena = arena_create(0);
        AUTO(json_parser) *parser = json_parser_create();
        struct spec s = spec_roll(&d);
        struct world_shape shape = {.people = 4,
                                    .events = 90,
                                    .start = start_ms - 30 * hour_ms,
                                    .step_ms = chance(&d, 50) ? 20 * minute_ms : hour_ms,
                                    .steps = chance(&d, 50) ? 150 : 500,
                                    .has_pages = true};
        struct ref_world w;
        struct frame f;
        BUF_AUTO question = {0}, answer = {0};
        ref_world_make(&w, &d, arena, &shape);
        w.source.batch_units = roll(&d, 3);
        if (is_known(&w, s.event)) {
            question_write(&s, &question);
            frame_make(&f, &s, &w);
            struct json root =
                ref_ask(&w, parser, buf_str(&question), start_ms + 900 * hour_ms, &answer);
            struct json_each it = json_each(json_member(root, STR("series")));
            for (; json_next(&it); lines++) {
                struct str group = STR("");
                f.has_group = s.by != NULL;
                (void)json_string(ref_item(json_member(it.value, STR("breakdown")), 0), &group);
                f.group = group;
                line_check(&f, buf_str(&question), it.value);
            }
            zone_close(f.zone);
        }
        plain_source_free(&w.source);
    }
    print_message("%zu questions, %zu lines\n", rounds, lines);
    assert_true(lines > rounds / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pauses_end_sessions),
        cmocka_unit_test(ids_decide_instead_of_pauses),
        cmocka_unit_test(midnight_cuts_where_asked),
        cmocka_unit_test(sessions_are_whole_at_the_edges_of_the_range),
        cmocka_unit_test(merged_people_have_sessions_together),
        cmocka_unit_test(bounces_overlook_what_sdks_send),
        cmocka_unit_test(funnels_stay_in_a_session),
        cmocka_unit_test(what_means_nothing_is_refused),
        cmocka_unit_test(numbers_are_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
