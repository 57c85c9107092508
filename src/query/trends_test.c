/* Trends against a reference: every math, interval by interval, by group or not. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "query/case_data.h"
#include "query/session_reference.h"

enum { ROUNDS = 3000, VALUES_MAX = 400, BUCKETS_MAX = 800 };

static const int64_t start_ms = INT64_C(1772323200000); /* 2026-03-01T00:00:00Z */
static const int64_t hour_ms = 3600000;

struct spec {
    char event;
    const char *math, *interval, *zone;
    bool has_filter, has_breakdown, is_cumulative;
    int64_t from, to, as_of;
};

static const char *const maths[] = {
    "events",   "people",   "first_time", "per_person", "weekly_active", "monthly_active",
    "accounts", "sessions", "sum",        "avg",        "min",           "max",
    "median",   "p75",      "p90",        "p95",        "p99",           "distinct",
};

static bool needs_property(const char *math)
{
    static const char *const list[] = {"sum", "avg", "min", "max", "median",
                                       "p75", "p90", "p95", "p99", "distinct"};
    for (size_t i = 0; i < COUNT(list); i++)
        if (strcmp(math, list[i]) == 0)
            return true;
    return false;
}

static bool is(const struct spec *s, const char *math)
{
    return strcmp(s->math, math) == 0;
}

static struct spec spec_roll(struct dice *d)
{
    static const char *const intervals[] = {"hour", "day", "day", "week", "month"};
    static const char *const zones[] = {"UTC", "Asia/Bangkok", "America/New_York"};
    struct spec s = {.event = "ABC*"[roll(d, 4)], .math = maths[roll(d, COUNT(maths))]};

    s.interval = intervals[roll(d, COUNT(intervals))];
    s.zone = zones[roll(d, 3)];
    s.has_filter = chance(d, 30);
    s.has_breakdown = chance(d, 30);
    s.is_cumulative =
        chance(d, 20) && (is(&s, "events") || is(&s, "people") || is(&s, "first_time") ||
                          is(&s, "sessions") || is(&s, "sum"));
    s.from = start_ms + roll(d, 200) * hour_ms;
    s.to = s.from + (1 + roll(d, 400)) * hour_ms;
    s.as_of = start_ms + (100 + roll(d, 600)) * hour_ms;
    return s;
}

static void question_write(const struct spec *s, struct buf *out)
{
    char a[INSTANT_TEXT_BYTES], b[INSTANT_TEXT_BYTES], c[INSTANT_TEXT_BYTES], event[8] = "null";

    if (s->event != '*')
        snprintf(event, sizeof event, "\"%c\"", s->event);
    buf_printf(out, "{\"insight\":\"trends\",\"series\":[{\"event\":%s,\"math\":\"%s\"%s}]", event,
               s->math, needs_property(s->math) ? ",\"property\":\"n\"" : "");
    buf_printf(out, ",\"interval\":\"%s\",\"timezone\":\"%s\"", s->interval, s->zone);
    buf_printf(out, ",\"from\":\"%.*s\"", STR_ARG(instant_text(s->from, a)));
    buf_printf(out, ",\"to\":\"%.*s\"", STR_ARG(instant_text(s->to, b)));
    buf_printf(out, ",\"as_of\":\"%.*s\"", STR_ARG(instant_text(s->as_of, c)));
    if (s->has_filter)
        buf_add(out, STR(",\"filter\":[{\"property\":\"plan\",\"is_not\":\"p0\"}]"));
    if (s->has_breakdown)
        buf_add(out, STR(",\"breakdown\":[{\"property\":\"plan\"}]"));
    if (s->is_cumulative)
        buf_add(out, STR(",\"cumulative\":true"));
    buf_add(out, STR("}"));
}

/* ---- the reference ---- */

struct frame {
    const struct spec *s;
    const struct ref_world *w;
    struct zone *zone;
    enum interval interval;
    int64_t edges[BUCKETS_MAX + 1];
    size_t count;
    const char *group; /* NULL = everybody */
};

static bool matches(const struct frame *f, const struct event *e)
{
    char room[VALUE_TEXT_BYTES];
    struct str plan = ref_property(e, "plan", room);

    return e->time <= f->s->as_of && ref_matches(e, f->s->event) &&
           (!f->s->has_filter || !str_equal(plan, STR("p0"))) &&
           (!f->group || str_equal(plan, str_of(f->group)));
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

/* Figures of the numbers of the events in [from, to). */
static double number_figure(const struct frame *f, int64_t from, int64_t to)
{
    double list[VALUES_MAX], sum = 0, v;
    char room[VALUE_TEXT_BYTES];
    size_t n = 0;

    for (size_t i = 0; i < f->w->world.event_count; i++) {
        const struct event *e = &f->w->world.events[i];
        if (matches(f, e) && e->time >= from && e->time < to &&
            str_to_f64(ref_property(e, "n", room), &v)) {
            list[n++] = v;
            sum += v;
        }
    }
    if (is(f->s, "sum"))
        return sum;
    if (is(f->s, "avg"))
        return n ? sum / (double)n : NAN;
    double q = is(f->s, "min")      ? 0
               : is(f->s, "max")    ? 1
               : is(f->s, "median") ? 0.5
               : is(f->s, "p75")    ? 0.75
               : is(f->s, "p90")    ? 0.9
               : is(f->s, "p95")    ? 0.95
                                    : 0.99;
    return quantile(list, n, q);
}

static double distinct_figure(const struct frame *f, int64_t from, int64_t to)
{
    AUTO(intern) *seen = intern_create();
    char room[VALUE_TEXT_BYTES];

    for (size_t i = 0; i < f->w->world.event_count; i++) {
        const struct event *e = &f->w->world.events[i];
        struct str text = is(f->s, "accounts") ? e->account : ref_property(e, "n", room);
        if (matches(f, e) && e->time >= from && e->time < to && text.len)
            (void)intern_put(seen, text);
    }
    return intern_count(seen);
}

/* Sessions, cut by the usual rules from two days before the range, with a matching event. */
static double sessions_figure(const struct frame *f, int64_t from, int64_t to)
{
    struct ref_session_rules rules = {30 * 60000,
                                      24 * hour_ms,
                                      false,
                                      'o',
                                      f->zone,
                                      f->s->from - 48 * hour_ms,
                                      MIN(f->s->to + 24 * hour_ms, f->s->as_of + 1)};
    struct ref_sessions sessions;
    bool is_in[REF_EVENTS_MAX] = {0};
    double count = 0;

    ref_sessions_cut(f->w, &rules, &sessions);
    for (size_t i = 0; i < f->w->world.event_count; i++) {
        const struct event *e = &f->w->world.events[i];
        if (!matches(f, e) || e->time < from || e->time >= to || sessions.of[i] == REF_NO_SESSION)
            continue;
        count += !is_in[sessions.of[i]];
        is_in[sessions.of[i]] = true;
    }
    return count;
}

/* People with a matching event in [from, to); their events. */
static double people_figure(const struct frame *f, int64_t from, int64_t to, double *events)
{
    double people = 0;

    *events = 0;
    for (size_t p = 0; p < f->w->person_count; p++) {
        size_t n = 0;
        for (size_t i = 0; i < f->w->people[p].count; i++) {
            const struct event *e = f->w->people[p].events[i];
            n += matches(f, e) && e->time >= from && e->time < to;
        }
        people += n > 0;
        *events += (double)n;
    }
    return people;
}

/* People whose first matching event of all history lies in [from, to): the group is that event's.
 */
static double first_figure(const struct frame *f, int64_t from, int64_t to)
{
    struct frame all = *f;
    double people = 0;

    all.group = NULL;
    for (size_t p = 0; p < f->w->person_count; p++)
        for (size_t i = 0; i < f->w->people[p].count; i++) {
            const struct event *e = f->w->people[p].events[i];
            if (!matches(&all, e))
                continue;
            people += matches(f, e) && e->time >= from && e->time < to && e->time >= f->s->from;
            break;
        }
    return people;
}

/* Look-back of whole calendar days that ends with the last day of the bucket. */
static void look_back(const struct frame *f, size_t bucket, int64_t *from, int64_t *to)
{
    int days = is(f->s, "weekly_active") ? 7 : 30;
    int64_t last = interval_floor(f->zone, INTERVAL_DAY, WEEK_MONDAY, f->edges[bucket + 1] - 1);

    *from = interval_step(f->zone, INTERVAL_DAY, WEEK_MONDAY, last, 1 - days);
    *to = MIN(interval_step(f->zone, INTERVAL_DAY, WEEK_MONDAY, last, 1), f->s->to);
}

static bool has_look_back(const struct frame *f)
{
    return (is(f->s, "weekly_active") && f->interval < INTERVAL_WEEK) ||
           (is(f->s, "monthly_active") && f->interval < INTERVAL_MONTH);
}

static double figure(const struct frame *f, int64_t from, int64_t to)
{
    double events, people;

    from = MAX(from, f->s->from);
    to = MIN(to, f->s->to);
    people = people_figure(f, from, to, &events);
    if (is(f->s, "events"))
        return events;
    if (is(f->s, "first_time"))
        return first_figure(f, from, to);
    if (is(f->s, "per_person"))
        return people > 0 ? events / people : NAN;
    if (is(f->s, "sessions"))
        return sessions_figure(f, from, to);
    if (is(f->s, "accounts") || is(f->s, "distinct"))
        return distinct_figure(f, from, to);
    return needs_property(f->s->math) ? number_figure(f, from, to) : people;
}

static double bucket_figure(const struct frame *f, size_t i)
{
    int64_t from, to;
    double events;

    if (has_look_back(f)) {
        look_back(f, i, &from, &to);
        return people_figure(f, from, to, &events);
    }
    return figure(f, f->s->is_cumulative ? f->edges[0] : f->edges[i], f->edges[i + 1]);
}

static double total_figure(const struct frame *f)
{
    double people = 0;
    int64_t from, to;

    if (!has_look_back(f))
        return figure(f, f->edges[0], f->edges[f->count]);
    for (size_t p = 0; p < f->w->person_count; p++) { /* those of any bucket */
        bool is_in = false;
        for (size_t b = 0; b < f->count; b++) {
            look_back(f, b, &from, &to);
            for (size_t i = 0; i < f->w->people[p].count; i++) {
                const struct event *e = f->w->people[p].events[i];
                is_in = is_in || (matches(f, e) && e->time >= from && e->time < to);
            }
        }
        people += is_in;
    }
    return people;
}

static void frame_make(struct frame *f, const struct spec *s, const struct ref_world *w)
{
    struct err e = {0};

    *f = (struct frame){.s = s, .w = w};
    assert_works(zone_open(str_of(s->zone), &f->zone, &e), e);
    assert_true(interval_from(str_of(s->interval), &f->interval));
    int64_t at = interval_floor(f->zone, f->interval, WEEK_MONDAY, s->from);
    for (; at < s->to; at = interval_step(f->zone, f->interval, WEEK_MONDAY, at, 1))
        f->edges[f->count++] = at;
    f->edges[f->count] = at;
}

static void line_check(const struct frame *f, struct str question, struct json line)
{
    struct json values = json_member(line, STR("values")), finals = json_member(line, STR("final"));

    assert_int_equal(json_count(values), f->count);
    for (size_t i = 0; i < f->count; i++) {
        double got = ref_number(ref_item(values, i)), wanted = bucket_figure(f, i);
        bool is_final;
        if (!ref_is_near(wanted, got))
            fail_msg("%.*s\n%s bucket %zu: %g, not %g", STR_ARG(question), f->group ? f->group : "",
                     i, got, wanted);
        assert_true(json_bool(ref_item(finals, i), &is_final));
        assert_true(is_final == (f->edges[i + 1] <= f->s->as_of));
    }
    double total = ref_number(json_member(line, STR("total"))), wanted = total_figure(f);
    if (!ref_is_near(wanted, total))
        fail_msg("%.*s\n%s total: %g, not %g", STR_ARG(question), f->group ? f->group : "", total,
                 wanted);
}

static bool is_known(const struct spec *s, const struct ref_world *w)
{
    bool event = s->event == '*', plan = false, n = false;
    char room[VALUE_TEXT_BYTES];

    for (size_t i = 0; i < w->world.event_count; i++) {
        const struct event *e = &w->world.events[i];
        event = event || ref_matches(e, s->event);
        plan = plan || ref_property(e, "plan", room).len;
        n = n || ref_property(e, "n", room).len;
    }
    return event && plan && n;
}

static void lines_check(struct frame *f, struct str question, struct json answer)
{
    static const char *const plans[] = {"p0", "p1", "p2", ""};
    struct json lines = json_member(answer, STR("series"));
    size_t shown = 0;

    if (!f->s->has_breakdown) {
        assert_int_equal(json_count(lines), 1);
        line_check(f, question, ref_item(lines, 0));
        return;
    }
    for (size_t g = 0; g < COUNT(plans); g++) {
        struct json_each it = json_each(lines);
        f->group = plans[g];
        while (json_next(&it)) {
            struct str value = STR("");
            (void)json_string(ref_item(json_member(it.value, STR("breakdown")), 0), &value);
            if (!str_equal(value, str_of(plans[g])))
                continue;
            line_check(f, question, it.value);
            shown++;
        }
    }
    assert_int_equal(shown, json_count(lines));
}

static void numbers_are_the_reference(void **state)
{
    struct dice d = random_dice(51);

    (void)state;
    for (size_t i = random_rounds(ROUNDS) / 2; i > 0; i--) {
        AUTO(arena) *arena = arena_create(0);
        AUTO(json_parser) *parser = json_parser_create();
        BUF_AUTO question = {0}, text = {0};
        struct ref_world w;
        struct frame f;
        struct spec s = spec_roll(&d);
        struct world_shape shape = {.people = REF_PEOPLE,
                                    .events = 80,
                                    .start = start_ms,
                                    .step_ms = hour_ms + 1000,
                                    .steps = 700};
        ref_world_make(&w, &d, arena, &shape);
        frame_make(&f, &s, &w);
        question_write(&s, &question);
        if (is_known(&s, &w))
            lines_check(&f, buf_str(&question),
                        ref_ask(&w, parser, buf_str(&question), start_ms + 900 * hour_ms, &text));
        zone_close(f.zone);
        plain_source_free(&w.source);
    }
    random_report(&d);
}

/* ---- written out by hand ---- */

static const char three_days[] = "{\"events\":["
                                 "{\"person\":\"a\",\"event\":\"A\",\"time\":\"2026-03-01T10:00:"
                                 "00Z\",\"properties\":{\"n\":0.1}},"
                                 "{\"person\":\"a\",\"event\":\"A\",\"time\":\"2026-03-02T10:00:"
                                 "00Z\",\"properties\":{\"n\":0.2}},"
                                 "{\"person\":\"b\",\"event\":\"A\",\"time\":\"2026-03-02T11:00:"
                                 "00Z\",\"properties\":{\"n\":\"x\"}},"
                                 "{\"person\":\"b\",\"event\":\"B\",\"time\":\"2026-03-03T11:00:"
                                 "00Z\",\"properties\":{\"n\":4}}]}";

/* Asks about three days; gives the printed member of line `line` of `lines`. */
static struct str asked(struct arena *arena, const char *rest, const char *lines, size_t line,
                        const char *key)
{
    AUTO(json_parser) *parser = json_parser_create();
    BUF_AUTO question = {0}, text = {0}, out = {0};
    struct plain_source source;
    struct query_context context = {.now_ms = start_ms + 900 * hour_ms};
    struct json root;
    struct err e = {0};

    case_source_parse(three_days, arena, &source);
    buf_printf(&question,
               "{\"insight\":\"trends\",\"from\":\"2026-03-01\",\"to\":\"2026-03-03\",%s}", rest);
    assert_works(query_answer(&source.source, &context, buf_str(&question), &text, &e), e);
    assert_works(json_parse(parser, buf_str(&text), &root, &e), e);
    struct json found = ref_item(json_member(root, str_of(lines)), line);
    json_print(json_member(found, str_of(key)), &out);
    plain_source_free(&source);
    return arena_copy(arena, buf_str(&out));
}

static void formulas_know_null(void **state)
{
    AUTO(arena) *a = arena_create(0);
    const char *two =
        "\"series\":[{\"event\":\"A\"},{\"event\":\"B\"}],\"formula\":\"A/B+-(1-B)*2\"";
    const char *named =
        "\"series\":[{\"event\":\"A\",\"name\":\"B\"},{\"event\":\"B\",\"name\":\"A\"}],"
        "\"formula\":\"B\",\"inputs\":true";

    (void)state;
    assert_str(asked(a, two, "series", 0, "values"), STR("[null,null,0]"));
    assert_str(asked(a, two, "series", 0, "name"), STR("\"A/B+-(1-B)*2\""));
    assert_str(asked(a, named, "series", 2, "values"), STR("[1,2,0]")); /* its own name wins */
}

static void formula_functions_look_along_the_intervals(void **state)
{
    AUTO(arena) *a = arena_create(0);
    static const struct {
        const char *formula, *values, *total;
    } cases[] = {
        /* A is 1, 2, 0 and B is 0, 0, 1 */
        {"cumulative(A)", "[1,3,3]", "3"},
        {"Cumulative( A / B )", "[0,0,0]", "3"},
        {"rolling(A,2)", "[1,1.5,1]", "3"},
        {"rolling(A/B, 2)", "[null,null,0]", "3"},
        {"previous(A)", "[null,1,2]", "null"},
        {"A-previous(A, 2)", "[null,null,-1]", "null"},
        {"(A-previous(A))/previous(A)*100", "[null,100,-100]", "null"},
        {"cumulative(previous(A)+1)*2+-B", "[0,4,9]", "null"},
        {"rolling(cumulative(A),3)-1", "[0,1,1.3333333333333335]", "2"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *question =
            arena_printf(a, "\"series\":[{\"event\":\"A\"},{\"event\":\"B\"}],\"formula\":\"%s\"%c",
                         cases[i].formula, 0)
                .at;
        assert_str(asked(a, question, "series", 0, "values"), str_of(cases[i].values));
        assert_str(asked(a, question, "series", 0, "total"), str_of(cases[i].total));
    }
}

static void rolling_keeps_fractions(void **state)
{
    AUTO(arena) *a = arena_create(0);
    const char *rest = "\"series\":[{\"event\":null}],\"rolling\":2";

    (void)state;
    assert_str(asked(a, rest, "series", 0, "values"), STR("[1,1.5,1.5]"));
    assert_str(asked(a, rest, "series", 0, "partial"), STR("[true,false,false]"));
    assert_str(asked(a, rest, "series", 0, "total"), STR("4"));
}

static void averages_of_nothing_are_null(void **state)
{
    AUTO(arena) *a = arena_create(0);
    const char *average = "\"series\":[{\"event\":\"A\",\"math\":\"avg\",\"property\":\"n\"}]";
    const char *sum = "\"series\":[{\"event\":\"A\",\"math\":\"sum\",\"property\":\"n\"}]";

    (void)state;
    assert_str(asked(a, average, "series", 0, "values"), STR("[0.1,0.2,null]"));
    assert_str(asked(a, sum, "series", 0, "values"), STR("[0.1,0.2,0]"));
}

static void compare_looks_back(void **state)
{
    AUTO(arena) *a = arena_create(0);

    (void)state;
    assert_str(
        asked(a, "\"series\":[{\"event\":null}],\"compare\":\"-1d\"", "previous", 0, "values"),
        STR("[0,1,2]"));
    assert_str(
        asked(a, "\"series\":[{\"event\":null}],\"compare\":\"previous\"", "previous", 0, "values"),
        STR("[0,0,0]"));
}

static void buckets_are_half_open(void **state)
{
    AUTO(arena) *a = arena_create(0);
    const char *rest = "\"series\":[{\"event\":null}],"
                       "\"breakdown\":[{\"property\":\"n\",\"buckets\":[0.2,4]}]";

    (void)state; /* one event each; equal sizes come in order of their names, nothing last */
    assert_str(asked(a, rest, "series", 0, "breakdown"), STR("[\"\\u003c 0.2\"]"));
    assert_str(asked(a, rest, "series", 1, "breakdown"), STR("[\">= 4\"]"));
    assert_str(asked(a, rest, "series", 2, "breakdown"), STR("[\"[0.2, 4)\"]"));
    assert_str(asked(a, rest, "series", 3, "breakdown"), STR("[null]"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_the_reference),
        cmocka_unit_test(formulas_know_null),
        cmocka_unit_test(formula_functions_look_along_the_intervals),
        cmocka_unit_test(rolling_keeps_fractions),
        cmocka_unit_test(averages_of_nothing_are_null),
        cmocka_unit_test(compare_looks_back),
        cmocka_unit_test(buckets_are_half_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
