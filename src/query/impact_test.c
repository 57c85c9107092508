/*
 * Impact against a reference written from the contract's words, table by table; and tables written
 * out by hand.
 */
#include <math.h>
#include <stdio.h>

#include "query/case_data.h"
#include "query/reference.h"

enum { ROUNDS = 3000, CANDIDATES = 4 };

static const int64_t start_ms = INT64_C(1772323200000); /* 2026-03-01T00:00:00Z */
static const int64_t hour_ms = 3600000;

struct spec {
    char start, back;
    bool start_has_filter; /* plan is p1 */
    const char *cohort, *match, *window, *interval, *zone;
    int64_t period, minimum, as_of, within_hours;
};

static struct spec spec_roll(struct dice *d)
{
    static const char *const cohorts[] = {"first_matching", "first_ever", "first_in_range"};
    static const char *const matches[] = {"on", "on_or_after", "on_or_before", "streak"};
    static const char *const windows[] = {"calendar", "calendar", "rolling", "rolling_hour"};
    static const char *const intervals[] = {"day", "week", "hour"};
    static const char *const zones[] = {"UTC", "Asia/Bangkok", "America/New_York"};
    static const int64_t within[] = {3, 20, 24, 24 * 7};
    struct spec s = {.start = "AB*"[roll(d, 3)], .back = "ABC*"[roll(d, 4)]};

    s.start_has_filter = chance(d, 30);
    s.cohort = cohorts[roll(d, 3)];
    s.match = matches[roll(d, 4)];
    s.window = windows[roll(d, 4)];
    s.interval = intervals[chance(d, 60) ? 0 : roll(d, 3)];
    s.zone = zones[roll(d, 3)];
    s.period = 1 + roll(d, 3);
    s.minimum = 1 + chance(d, 25);
    s.as_of = start_ms + (100 + roll(d, 400)) * hour_ms;
    s.within_hours = within[roll(d, 4)];
    return s;
}

static void question_write(const struct spec *s, int64_t to, struct buf *out)
{
    char room[INSTANT_TEXT_BYTES], start[8] = "null", back[8] = "null";
    const char *filter =
        s->start_has_filter ? ",\"filter\":[{\"property\":\"plan\",\"is\":\"p1\"}]" : "";

    if (s->start != '*')
        snprintf(start, sizeof start, "\"%c\"", s->start);
    if (s->back != '*')
        snprintf(back, sizeof back, "\"%c\"", s->back);
    buf_printf(out,
               "{\"insight\":\"impact\",\"goal\":{\"retained\":{\"start\":{\"event\":%s%s},"
               "\"return\":{\"event\":%s}",
               start, filter, back);
    buf_printf(out, ",\"cohort\":\"%s\",\"match\":\"%s\",\"window\":\"%s\",\"interval\":\"%s\"",
               s->cohort, s->match, s->window, s->interval);
    buf_printf(out, ",\"period\":%lld,\"minimum\":%lld}}", (long long)s->period,
               (long long)s->minimum);
    buf_printf(out, ",\"timezone\":\"%s\",\"within\":\"%lldh\",\"counts\":[1,2,4]", s->zone,
               (long long)s->within_hours);
    buf_printf(out, ",\"as_of\":\"%.*s\"", STR_ARG(instant_text(s->as_of, room)));
    buf_printf(out, ",\"from\":\"2026-03-02\",\"to\":\"%.*s\"}", STR_ARG(instant_text(to, room)));
}

/* ---- the reference ---- */

struct frame {
    const struct spec *s;
    struct zone *zone;
    enum interval interval;
    int64_t from, to, unit_ms;
};

static bool starts(const struct frame *f, const struct event *e)
{
    char room[VALUE_TEXT_BYTES];
    return ref_matches(e, f->s->start) &&
           (!f->s->start_has_filter || str_equal(ref_property(e, "plan", room), STR("p1")));
}

static const struct event *start_of(const struct frame *f, const struct ref_person *p)
{
    for (size_t i = 0; i < p->count; i++) {
        const struct event *e = p->events[i];
        bool is_in = e->time >= f->from && e->time < f->to, fits = starts(f, e);
        if (e->time > f->s->as_of)
            continue;
        if (strcmp(f->s->cohort, "first_ever") == 0)
            fits = ref_matches(e, f->s->start);
        if (strcmp(f->s->cohort, "first_in_range") == 0)
            fits = fits && is_in;
        if (fits)
            return is_in && starts(f, e) ? e : NULL;
    }
    return NULL;
}

/* The interval `k` after the start, as [from, to). */
static void interval_after(const struct frame *f, int64_t start, int64_t k, int64_t *from,
                           int64_t *to)
{
    if (f->s->window[0] == 'c') {
        int64_t row = interval_floor(f->zone, f->interval, WEEK_MONDAY, start);
        *from = interval_step(f->zone, f->interval, WEEK_MONDAY, row, k);
        *to = interval_step(f->zone, f->interval, WEEK_MONDAY, row, k + 1);
        return;
    }
    if (strlen(f->s->window) > 7)
        start -= start % hour_ms; /* after 1970 */
    *from = start + k * f->unit_ms;
    *to = *from + f->unit_ms;
}

static bool did_return(const struct frame *f, const struct ref_person *p, int64_t start, int64_t k)
{
    int64_t from, to, count = 0;

    interval_after(f, start, k, &from, &to);
    for (size_t i = 0; i < p->count; i++) {
        const struct event *e = p->events[i];
        count +=
            e->time >= from && e->time < to && e->time <= f->s->as_of && ref_matches(e, f->s->back);
    }
    return count >= f->s->minimum;
}

static bool is_reached(const struct frame *f, const struct ref_person *p, int64_t start)
{
    const struct spec *s = f->s;
    bool all = true, any = false;

    if (strcmp(s->match, "on") == 0)
        return did_return(f, p, start, s->period);
    if (strcmp(s->match, "on_or_after") == 0) {
        for (int64_t k = s->period; k < 600; k++)
            any = any || did_return(f, p, start, k);
        return any;
    }
    for (int64_t k = 1; k <= s->period; k++) {
        bool is = did_return(f, p, start, k);
        all = all && is;
        any = any || is;
    }
    return strcmp(s->match, "streak") == 0 ? all : any;
}

struct expected {
    double table[CANDIDATES + 1][3][2][2]; /* candidate, count, did, reached */
    double open, cut;
};

static void expect(const struct frame *f, const struct ref_world *w, struct expected *x)
{
    static const int64_t counts[] = {1, 2, 4};
    bool is_later = f->s->match[0] == 's' || strcmp(f->s->match, "on_or_before") == 0;

    *x = (struct expected){0};
    for (size_t p = 0; p < w->person_count; p++) {
        const struct ref_person *person = &w->people[p];
        const struct event *start = start_of(f, person);
        int64_t goal_from, goal_to, unused;
        if (!start)
            continue;
        interval_after(f, start->time, is_later ? 1 : f->s->period, &goal_from, &unused);
        interval_after(f, start->time, f->s->period, &unused, &goal_to);
        if (goal_to > f->s->as_of) {
            x->open++;
            continue;
        }
        int64_t until = start->time + f->s->within_hours * hour_ms;
        x->cut += until >= goal_from;
        for (size_t c = 0; c <= CANDIDATES; c++) {
            int64_t times = 0;
            for (size_t i = 0; i < person->count; i++) {
                const struct event *e = person->events[i];
                times += e != start && e->time >= start->time && e->time <= until &&
                         e->time < goal_from && e->name.at[0] == (char)('A' + c);
            }
            for (size_t k = 0; k < COUNT(counts); k++)
                x->table[c][k][times >= counts[k]][is_reached(f, person, start->time)]++;
        }
    }
}

static double side(struct json row, const char *key, bool is_reached)
{
    struct json s = json_member(row, str_of(key));
    double reached = ref_number(json_member(s, STR("reached")));

    return is_reached ? reached : ref_number(json_member(s, STR("units"))) - reached;
}

static void rows_check(const struct expected *x, struct json answer, struct str question)
{
    struct json_each it = json_each(json_member(answer, STR("rows")));
    struct json units = json_member(answer, STR("units"));
    size_t seen = 0, wanted = 0;

    while (json_next(&it)) {
        struct str name;
        assert_true(json_string(json_member(it.value, STR("event")), &name));
        double count = ref_number(json_member(it.value, STR("count")));
        size_t c = (size_t)(name.at[0] - 'A'), k = count == 1 ? 0 : count == 2 ? 1 : 2;
        for (int reached = 0; reached < 2; reached++) {
            double did = side(it.value, "did", reached), not = side(it.value, "did_not", reached);
            if (did != x->table[c][k][1][reached] || not != x->table[c][k][0][reached])
                fail_msg("%.*s\n%.*s %g, reached %d: %g and %g, not %g and %g", STR_ARG(question),
                         STR_ARG(name), count, reached, did, not, x->table[c][k][1][reached],
                         x->table[c][k][0][reached]);
        }
        seen++;
    }
    for (size_t c = 0; c <= CANDIDATES; c++)
        for (size_t k = 0; k < 3; k++)
            wanted += x->table[c][k][1][0] + x->table[c][k][1][1] > 0;
    assert_int_equal(seen, wanted); /* a row for each that anybody did */
    double open = ref_number(json_member(units, STR("open"))),
           cut = ref_number(json_member(units, STR("cut")));
    if (open != x->open || cut != x->cut)
        fail_msg("%.*s\nopen %g, cut %g, not %g, %g", STR_ARG(question), open, cut, x->open,
                 x->cut);
}

static bool is_asked_and_known(const struct spec *s, const struct ref_world *w)
{
    bool start = s->start == '*', back = s->back == '*', has_plan = !s->start_has_filter;
    char room[VALUE_TEXT_BYTES];

    for (size_t i = 0; i < w->world.event_count; i++) {
        const struct event *e = &w->world.events[i];
        start = start || ref_matches(e, s->start);
        back = back || ref_matches(e, s->back);
        has_plan = has_plan || ref_property(e, "plan", room).len;
    }
    return start && back && has_plan;
}

static void tables_are_the_reference(void **state)
{
    struct dice d = {47};

    (void)state;
    for (size_t i = random_rounds(ROUNDS) / 4; i > 0; i--) {
        static const int64_t hours[] = {1, 24, 168};
        AUTO(arena) *arena = arena_create(0);
        AUTO(json_parser) *parser = json_parser_create();
        BUF_AUTO question = {0}, text = {0};
        struct spec s = spec_roll(&d);
        struct frame f = {.s = &s, .to = start_ms + (60 + roll(&d, 280)) * hour_ms};
        struct ref_world w;
        struct expected x;
        struct err e = {0};
        struct world_shape shape = {.people = REF_PEOPLE,
                                    .events = 90,
                                    .start = start_ms,
                                    .step_ms = s.interval[0] == 'h' ? 1800000 : 5 * hour_ms,
                                    .steps = s.interval[0] == 'h' ? 120 : 90};
        assert_works(zone_open(str_of(s.zone), &f.zone, &e), e);
        assert_true(interval_from(str_of(s.interval), &f.interval));
        assert_true(zone_date(f.zone, 2026, 3, 2, &f.from));
        f.unit_ms = hours[f.interval] * hour_ms;
        ref_world_make(&w, &d, arena, &shape);
        question_write(&s, f.to, &question);
        if (is_asked_and_known(&s, &w)) {
            expect(&f, &w, &x);
            rows_check(&x, ref_ask(&w, parser, buf_str(&question), start_ms + 900 * hour_ms, &text),
                       buf_str(&question));
        }
        zone_close(f.zone);
        plain_source_free(&w.source);
    }
}

/* ---- written out by hand ---- */

struct hand {
    struct arena *arena;
    struct json_parser *parser;
    struct buf data, text;
    struct json root;
    const struct vocabulary *vocabulary;
};

static void hand_add(struct hand *h, const char *person, const char *event, const char *time)
{
    buf_printf(&h->data, "%s{\"person\":\"%s\",\"event\":\"%s\",\"time\":\"2026-03-%sZ\"}",
               h->data.len ? "," : "{\"events\":[", person, event, time);
}

static void hand_ask(struct hand *h, const char *question)
{
    struct plain_source source;
    struct query_context context = {.now_ms = start_ms + 900 * hour_ms,
                                    .vocabulary = h->vocabulary};
    struct err e = {0};
    size_t len = h->data.len;

    buf_add(&h->data, STR("]}"));
    buf_add_char(&h->data, 0);
    case_source_parse(h->data.at, h->arena, &source);
    h->data.len = len;
    buf_clear(&h->text);
    if (!query_answer(&source.source, &context, str_of(question), &h->text, &e))
        fail_msg("%s: %s (%s)", e.at, e.text, e.hint);
    assert_works(json_parse(h->parser, buf_str(&h->text), &h->root, &e), e);
    plain_source_free(&source);
}

static struct json hand_row(const struct hand *h, const char *event, double count)
{
    struct json_each it = json_each(json_member(h->root, STR("rows")));
    struct str name;

    while (json_next(&it))
        if (json_string(json_member(it.value, STR("event")), &name) &&
            str_equal(name, str_of(event)) &&
            ref_number(json_member(it.value, STR("count"))) == count)
            return it.value;
    fail_msg("no row of %s %g", event, count);
    return (struct json){0};
}

static void is_text(struct json j, const char *wanted)
{
    BUF_AUTO text = {0};

    json_print(j, &text);
    assert_str(buf_str(&text), str_of(wanted));
}

/* 4 people start on March 2; the goal is a return on March 4. */
static void hand_people(struct hand *h)
{
    hand_add(h, "a", "S", "02T10:00:00"); /* invites twice, returns */
    hand_add(h, "a", "Invite", "02T10:00:00");
    hand_add(h, "a", "Invite", "03T09:00:00");
    hand_add(h, "a", "R", "04T09:00:00");
    hand_add(h, "b", "S", "02T10:00:00"); /* invites once, exactly a day later */
    hand_add(h, "b", "Invite", "03T10:00:00");
    hand_add(h, "b", "R", "05T00:00:00"); /* too late by nothing */
    hand_add(h, "c", "S", "02T10:00:00"); /* invites a second too late, returns */
    hand_add(h, "c", "Invite", "03T10:00:01");
    hand_add(h, "c", "R", "04T00:00:00");
    hand_add(h, "d", "S", "02T10:00:00"); /* starts again; never returns */
    hand_add(h, "d", "S", "02T11:00:00");
    hand_add(h, "e", "S", "08T10:00:00"); /* goal's day is not over */
    hand_add(h, "e", "Invite", "08T11:00:00");
}

#define HAND_GOAL                                                                                  \
    "{\"insight\":\"impact\",\"goal\":{\"retained\":{\"start\":{\"event\":\"S\"},"                 \
    "\"return\":{\"event\":\"R\"},\"interval\":\"day\",\"period\":2}},\"within\":\"1d\","          \
    "\"from\":\"2026-03-01\",\"to\":\"2026-03-31\",\"as_of\":\"2026-03-10T23:00:00Z\""

static void edges_by_hand(void **state)
{
    AUTO(arena) *arena = arena_create(0);
    AUTO(json_parser) *parser = json_parser_create();
    struct hand h = {.arena = arena, .parser = parser};

    (void)state;
    hand_people(&h);
    hand_ask(&h, HAND_GOAL "}");
    is_text(json_member(h.root, STR("units")),
            "{\"counted\":4,\"reached\":2,\"rate\":0.5,\"open\":1,\"cut\":0}");
    struct json one = hand_row(&h, "Invite", 1), two = hand_row(&h, "Invite", 2);
    is_text(json_member(one, STR("did")), "{\"units\":2,\"reached\":1,\"rate\":0.5}");
    is_text(json_member(one, STR("did_not")), "{\"units\":2,\"reached\":1,\"rate\":0.5}");
    is_text(json_member(two, STR("did")), "{\"units\":1,\"reached\":1,\"rate\":1}");
    is_text(json_member(one, STR("warnings")), "[\"few\"]");
    is_text(json_member(one, STR("test")), "\"fisher\"");
    is_text(json_member(one, STR("p")), "1");
    /* the start itself is no behaviour, a second one is */
    struct json again = hand_row(&h, "S", 1);
    is_text(json_member(again, STR("did")), "{\"units\":1,\"reached\":0,\"rate\":0}");
    is_text(json_member(again, STR("warnings")), "[\"few\",\"is_start\"]");
    is_text(json_member(again, STR("lift")), "0");
    is_text(json_member(again, STR("lift_interval")), "null");
    assert_int_equal(json_count(json_member(h.root, STR("rows"))), 3);
    /* behaviour ends where the goal's time begins, however long `within` is */
    hand_ask(&h, "{\"insight\":\"impact\",\"goal\":{\"retained\":{\"start\":{\"event\":\"S\"},"
                 "\"return\":{\"event\":\"R\"},\"interval\":\"day\",\"period\":1}},"
                 "\"from\":\"2026-03-01\",\"to\":\"2026-03-31\",\"candidates\":[\"Invite\"]}");
    is_text(json_member(h.root, STR("units")),
            "{\"counted\":5,\"reached\":0,\"rate\":0,\"open\":0,\"cut\":5}");
    is_text(json_member(hand_row(&h, "Invite", 1), STR("did")),
            "{\"units\":2,\"reached\":0,\"rate\":0}");
    buf_free(&h.data);
    buf_free(&h.text);
}

static void people_of_cells(void **state)
{
    static const struct {
        const char *coordinates, *people;
    } cases[] = {
        {"{\"event\":\"Invite\"}", "[{\"id\":\"a\"},{\"id\":\"b\"}]"},
        {"{\"event\":\"Invite\",\"reached\":true}", "[{\"id\":\"a\"}]"},
        {"{\"event\":\"Invite\",\"reached\":false}", "[{\"id\":\"b\"}]"},
        {"{\"event\":\"Invite\",\"did\":false}", "[{\"id\":\"c\"},{\"id\":\"d\"}]"},
        {"{\"event\":\"Invite\",\"count\":2,\"did\":false,\"reached\":true}", "[{\"id\":\"c\"}]"},
        {"{\"reached\":true}", "[{\"id\":\"a\"},{\"id\":\"c\"}]"},
        {"{\"open\":true}", "[{\"id\":\"e\"}]"},
        {"{}", "[{\"id\":\"a\"},{\"id\":\"b\"},{\"id\":\"c\"},{\"id\":\"d\"}]"},
    };
    AUTO(arena) *arena = arena_create(0);
    AUTO(json_parser) *parser = json_parser_create();
    struct hand h = {.arena = arena, .parser = parser};

    (void)state;
    hand_people(&h);
    for (size_t i = 0; i < COUNT(cases); i++) {
        BUF_AUTO question = {0};
        buf_printf(&question, HAND_GOAL ",\"people_of\":%s}%c", cases[i].coordinates, 0);
        hand_ask(&h, question.at);
        is_text(json_member(h.root, STR("people")), cases[i].people);
    }
    buf_free(&h.data);
    buf_free(&h.text);
}

/* Who had converted before the behaviour was over is left out; a run is the start's own. */
static void converted_by_hand(void **state)
{
    AUTO(arena) *arena = arena_create(0);
    AUTO(json_parser) *parser = json_parser_create();
    struct hand h = {.arena = arena, .parser = parser};

    (void)state;
    hand_add(&h, "a", "S", "02T10:00:00"); /* helped, paid on day 3 */
    hand_add(&h, "a", "Help", "02T11:00:00");
    hand_add(&h, "a", "Try", "02T12:00:00");
    hand_add(&h, "a", "Pay", "05T10:00:00");
    hand_add(&h, "b", "S", "02T10:00:00"); /* paid at once: early */
    hand_add(&h, "b", "Try", "02T11:00:00");
    hand_add(&h, "b", "Pay", "02T11:00:00");
    hand_add(&h, "c", "S", "02T10:00:00"); /* paid without trying */
    hand_add(&h, "c", "Help", "02T11:00:00");
    hand_add(&h, "c", "Pay", "05T10:00:00");
    hand_add(&h, "d", "S", "02T10:00:00"); /* paid a second too late for the first start */
    hand_add(&h, "d", "S", "03T10:00:00");
    hand_add(&h, "d", "Try", "04T11:00:00");
    hand_add(&h, "d", "Pay", "09T10:00:01");
    hand_add(&h, "e", "S", "25T10:00:00"); /* its week is not over */
    hand_ask(&h, "{\"insight\":\"impact\",\"goal\":{\"converted\":{\"steps\":[{\"event\":\"S\"},"
                 "{\"event\":\"Try\"},{\"event\":\"Pay\"}],\"window\":\"7d\"}},\"within\":\"1d\","
                 "\"from\":\"2026-03-01\",\"to\":\"2026-03-31\",\"as_of\":\"2026-03-31\","
                 "\"counts\":[1]}");
    is_text(json_member(h.root, STR("units")),
            "{\"counted\":3,\"reached\":1,\"rate\":0.3333333333333333,\"open\":1,\"early\":1}");
    is_text(json_member(hand_row(&h, "Help", 1), STR("did")),
            "{\"units\":2,\"reached\":1,\"rate\":0.5}");
    struct json try = hand_row(&h, "Try", 1);
    is_text(json_member(try, STR("did")), "{\"units\":1,\"reached\":1,\"rate\":1}");
    is_text(json_member(try, STR("warnings")), "[\"few\",\"is_goal\"]");
    is_text(json_member(h.root, STR("goal")), "\"Pay after S\"");
    buf_free(&h.data);
    buf_free(&h.text);
}

/* 60 who could, 40 whose day was over before the event was ever seen. */
static void what_began_late_says_so(void **state)
{
    AUTO(arena) *arena = arena_create(0);
    AUTO(json_parser) *parser = json_parser_create();
    struct hand h = {.arena = arena, .parser = parser};

    (void)state;
    for (int i = 0; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof name, "u%d", i);
        hand_add(&h, name, "S", i < 40 ? "02T10:00:00" : "04T10:00:00");
        if (i >= 40 && i < 75)
            hand_add(&h, name, "New", "04T12:00:00");
        if (i % 2)
            hand_add(&h, name, "R", i < 40 ? "04T10:00:00" : "06T10:00:00");
    }
    hand_ask(&h, HAND_GOAL "}");
    struct json row = hand_row(&h, "New", 1);
    is_text(json_member(row, STR("warnings")), "[\"began_late\"]");
    is_text(json_member(row, STR("could_not")), "40");
    is_text(json_member(row, STR("first_seen")), "\"2026-03-04T12:00:00+00:00\"");
    is_text(json_member(row, STR("test")), "\"chi_square\"");
    is_text(json_member(row, STR("best")), "true");
    is_text(json_member(h.root, STR("tests")), "1");
    buf_free(&h.data);
    buf_free(&h.text);
}

/* Merged and virtual events count under their own name; the hidden ones are no candidates. */
static void names_of_the_project(void **state)
{
    static const struct vocabulary_entry entries[] = {
        {VOCABULARY_EVENT, {"Asked", 5}, {"{\"merges\":[\"Invite\"]}", 21}},
        {VOCABULARY_EVENT, {"Twice", 5}, {"{\"any_of\":[{\"event\":\"S\"}]}", 26}},
        {VOCABULARY_EVENT, {"R", 1}, {"{\"hidden\":true}", 15}}};
    static const struct vocabulary vocabulary = {.entries = entries, .count = COUNT(entries)};
    AUTO(arena) *arena = arena_create(0);
    AUTO(json_parser) *parser = json_parser_create();
    struct hand h = {.arena = arena, .parser = parser, .vocabulary = &vocabulary};

    (void)state;
    hand_people(&h);
    hand_ask(&h, HAND_GOAL "}");
    is_text(json_member(hand_row(&h, "Asked", 1), STR("did")),
            "{\"units\":2,\"reached\":1,\"rate\":0.5}");
    is_text(json_member(hand_row(&h, "Twice", 1), STR("warnings")), "[\"few\",\"is_start\"]");
    hand_row(&h, "S", 1);
    assert_int_equal(json_count(json_member(h.root, STR("rows"))), 4); /* Asked twice */
    hand_ask(&h, HAND_GOAL ",\"candidates\":[\"Asked\",\"S\"]}");
    is_text(json_member(hand_row(&h, "Asked", 2), STR("did")),
            "{\"units\":1,\"reached\":1,\"rate\":1}");
    buf_free(&h.data);
    buf_free(&h.text);
}

/* ---- wrong questions ---- */

static void wrong_questions(void **state)
{
    static const struct {
        const char *question, *code, *at;
    } cases[] = {
        {"{\"insight\":\"impact\"}", "query.missing_member", "/goal"},
        {"{\"insight\":\"impact\",\"goal\":{}}", "query.missing_member", "/goal"},
        {"{\"insight\":\"impact\",\"goal\":{\"kept\":{}}}", "query.unknown_member", "/goal/kept"},
        {"{\"insight\":\"impact\",\"goal\":{\"retained\":{\"period\":1}}}", "query.missing_member",
         "/goal/retained/start"},
        {"{\"insight\":\"impact\",\"goal\":{\"retained\":{\"start\":{\"event\":\"S\"}}}}",
         "query.missing_member", "/goal/retained/period"},
        {"{\"insight\":\"impact\",\"goal\":{\"retained\":{\"start\":{\"event\":\"S\"},"
         "\"period\":0}}}",
         "query.limit", "/goal/retained/period"},
        {"{\"insight\":\"impact\",\"goal\":{\"converted\":{\"steps\":[{\"event\":\"S\"}]}}}",
         "query.limit", "/goal/converted/steps"},
        {"{\"insight\":\"impact\",\"goal\":{\"converted\":{\"steps\":[{\"event\":\"S\"},"
         "{\"event\":\"R\"}],\"window\":\"7d\"}}}",
         "query.unknown_value", "/within"},
        {HAND_GOAL ",\"candidates\":\"properties\"}", "query.unknown_value", "/candidates"},
        {HAND_GOAL ",\"candidates\":[]}", "query.empty_list", "/candidates"},
        {HAND_GOAL ",\"candidates\":[\"R\",\"R\"]}", "query.unknown_value", "/candidates/1"},
        {HAND_GOAL ",\"candidates\":[\"Invitee\"]}", "query.unknown_event", "/candidates/0"},
        {HAND_GOAL ",\"counts\":[2,1]}", "query.limit", "/counts/1"},
        {HAND_GOAL ",\"people_of\":{\"event\":\"X\"}}", "query.unknown_value", "/people_of/event"},
        {HAND_GOAL ",\"people_of\":{\"event\":\"R\",\"count\":4}}", "query.unknown_value",
         "/people_of/count"},
        {HAND_GOAL ",\"people_of\":{\"count\":1}}", "query.missing_member", "/people_of/event"},
        {HAND_GOAL ",\"unit\":\"session\"}", "query.unsupported", "/unit"},
    };
    AUTO(arena) *arena = arena_create(0);
    AUTO(json_parser) *parser = json_parser_create();
    struct hand h = {.arena = arena, .parser = parser};
    struct plain_source source;

    (void)state;
    hand_people(&h);
    buf_add(&h.data, STR("]}"));
    buf_add_char(&h.data, 0);
    case_source_parse(h.data.at, h.arena, &source);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct query_context context = {.now_ms = start_ms + 900 * hour_ms};
        struct err e = {0};
        assert_false(
            query_answer(&source.source, &context, str_of(cases[i].question), &h.text, &e));
        if (strcmp(e.code, cases[i].code) != 0 || strcmp(e.at, cases[i].at) != 0)
            fail_msg("%s\n%s at %s: %s", cases[i].question, e.code, e.at, e.text);
    }
    plain_source_free(&source);
    buf_free(&h.data);
    buf_free(&h.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_the_reference), cmocka_unit_test(edges_by_hand),
        cmocka_unit_test(people_of_cells),          cmocka_unit_test(converted_by_hand),
        cmocka_unit_test(what_began_late_says_so),  cmocka_unit_test(names_of_the_project),
        cmocka_unit_test(wrong_questions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
