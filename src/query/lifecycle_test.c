/* Lifecycle and stickiness against a reference written from the contract's words; and by hand. */
#include <math.h>
#include <stdio.h>

#include "query/case_data.h"
#include "query/reference.h"

enum { ROUNDS = 3000, EDGES_MAX = 1200, VALUES = 5 };

static const int64_t start_ms = INT64_C(1772323200000); /* 2026-03-01T00:00:00Z */
static const int64_t hour_ms = 3600000;

struct spec {
    char event;
    bool by_account, by_created, has_filter, by_plan, has_minimum;
    const char *interval, *zone;
    bool sunday;
    int64_t as_of, from, to;
};

static struct spec spec_roll(struct dice *d)
{
    static const char *const intervals[] = {"day", "day", "week", "hour", "month", "quarter"};
    static const char *const zones[] = {"UTC", "Asia/Bangkok", "America/New_York"};
    struct spec s = {.event = "AB*"[roll(d, 3)]};

    s.by_account = chance(d, 25);
    s.by_created = chance(d, 30);
    s.has_filter = chance(d, 25);
    s.by_plan = chance(d, 40);
    s.has_minimum = chance(d, 40);
    s.interval = intervals[roll(d, COUNT(intervals))];
    s.zone = zones[roll(d, COUNT(zones))];
    s.sunday = chance(d, 30);
    s.from = start_ms + roll(d, 200) * hour_ms;
    s.to = s.from + (1 + roll(d, 700)) * hour_ms;
    s.as_of = start_ms + (30 + roll(d, 900)) * hour_ms;
    if (s.interval[0] == 'h') { /* more than 64 intervals, all of them busy */
        s.from = start_ms + roll(d, 12) * hour_ms;
        s.to = s.from + (60 + roll(d, 90)) * hour_ms;
    }
    return s;
}

static void question_write(const struct spec *s, const char *insight, struct buf *out)
{
    char a[INSTANT_TEXT_BYTES], b[INSTANT_TEXT_BYTES], c[INSTANT_TEXT_BYTES];

    buf_printf(out, "{\"insight\":\"%s\",\"interval\":\"%s\",\"timezone\":\"%s\"", insight,
               s->interval, s->zone);
    if (s->event == '*')
        buf_add(out, STR(",\"event\":null"));
    else
        buf_printf(out, ",\"event\":\"%c\"", s->event);
    buf_printf(out, ",\"from\":\"%.*s\",\"to\":\"%.*s\",\"as_of\":\"%.*s\"",
               STR_ARG(instant_text(s->from, a)), STR_ARG(instant_text(s->to, b)),
               STR_ARG(instant_text(s->as_of, c)));
    buf_add(out, s->sunday ? STR(",\"week_start\":\"sunday\"") : STR(""));
    buf_add(out, s->by_account ? STR(",\"unit\":\"account\"") : STR(""));
    buf_add(out, s->has_filter ? STR(",\"filter\":[{\"property\":\"n\",\"gte\":2}]") : STR(""));
    buf_add(out, s->by_plan ? STR(",\"breakdown\":[{\"property\":\"plan\"}]") : STR(""));
    if (insight[0] == 'l')
        buf_add(out, s->by_created ? STR(",\"new_by\":\"created\"") : STR(""));
    else
        buf_add(out, s->has_minimum ? STR(",\"minimum\":2") : STR(""));
    buf_add(out, STR("}"));
}

/* ---- the reference ---- */

struct frame {
    const struct spec *s;
    const struct ref_world *w;
    struct zone *zone;
    enum interval interval;
    enum week_start week;
    int64_t edges[EDGES_MAX]; /* the first is that of the interval that holds `from` */
    size_t count;
};

static void frame_make(struct frame *f, const struct spec *s, const struct ref_world *w)
{
    struct err e = {0};

    *f = (struct frame){.s = s, .w = w, .week = s->sunday ? WEEK_SUNDAY : WEEK_MONDAY};
    assert_works(zone_open(str_of(s->zone), &f->zone, &e), e);
    assert_true(interval_from(str_of(s->interval), &f->interval));
    int64_t at = interval_floor(f->zone, f->interval, f->week, s->from);
    for (; at < s->to; at = interval_step(f->zone, f->interval, f->week, at, 1))
        f->edges[f->count++] = at;
    f->edges[f->count] = at;
}

/* Does the event count for this unit and group? A group of NULL is the whole. */
static bool qualifies(const struct frame *f, const struct event *e, struct str unit,
                      const struct str *group)
{
    char room[VALUE_TEXT_BYTES];
    double n;
    struct str id = f->s->by_account ? e->account : e->person;

    if (!str_equal(id, unit) || e->time > f->s->as_of || !ref_matches(e, f->s->event))
        return false;
    if (f->s->has_filter && (!str_to_f64(ref_property(e, "n", room), &n) || n < 2))
        return false;
    return !group || str_equal(ref_property(e, "plan", room), *group);
}

static size_t events_in(const struct frame *f, struct str unit, const struct str *group,
                        int64_t from, int64_t to)
{
    size_t count = 0;

    for (size_t i = 0; i < f->w->world.event_count; i++) {
        const struct event *e = &f->w->world.events[i];
        count += e->time >= from && e->time < to && qualifies(f, e, unit, group);
    }
    return count;
}

/* When the unit is new: its first event, or when it came to be. */
static int64_t new_at(const struct frame *f, struct str unit, const struct str *group)
{
    int64_t first = INT64_MAX;

    for (size_t i = 0; i < f->w->person_count && f->s->by_created && !f->s->by_account; i++)
        if (str_equal(f->w->world.people[i].id, unit) &&
            f->w->world.people[i].created != FACT_CREATED_NONE)
            return f->w->world.people[i].created;
    for (size_t i = 0; i < f->w->world.event_count; i++)
        if (qualifies(f, &f->w->world.events[i], unit, group))
            first = MIN(first, f->w->world.events[i].time);
    return first;
}

enum { NEW, RETURNING, RESURRECTING, DORMANT, STATES };

/* The unit's state in interval k, or STATES. */
static int state_of(const struct frame *f, struct str unit, const struct str *group, size_t k)
{
    int64_t from = f->edges[k], to = f->edges[k + 1];
    int64_t before = interval_step(f->zone, f->interval, f->week, from, -1);
    bool is_active = events_in(f, unit, group, from, to) > 0;
    bool was_active = events_in(f, unit, group, before, from) > 0;
    int64_t first = new_at(f, unit, group);

    if (!is_active)
        return was_active ? DORMANT : STATES;
    if (was_active)
        return RETURNING;
    return first >= from && first < to ? NEW : RESURRECTING;
}

/* All ids that are units. */
static size_t units_of(const struct frame *f, struct str *units)
{
    size_t count = 0;

    for (size_t i = 0; i < f->w->world.event_count; i++) {
        const struct event *e = &f->w->world.events[i];
        struct str id = f->s->by_account ? e->account : e->person;
        size_t k = 0;
        while (k < count && !str_equal(units[k], id))
            k++;
        if (k == count && id.len)
            units[count++] = id;
    }
    return count;
}

static bool is_number(struct json list, size_t i, double wanted)
{
    return ref_is_near(ref_number(ref_item(list, i)), wanted);
}

static void states_check(const struct frame *f, struct str question, struct json part,
                         const struct str *group)
{
    static const char *const names[] = {"new", "returning", "resurrecting", "dormant"};
    struct str units[REF_PEOPLE + 4];
    size_t count = units_of(f, units);

    for (size_t k = 0; k < f->count; k++) {
        double wanted[STATES + 1] = {0};
        for (size_t u = 0; u < count; u++)
            wanted[state_of(f, units[u], group, k)]++;
        wanted[DORMANT] = -wanted[DORMANT];
        for (size_t s = 0; s < STATES; s++) {
            struct json list = json_member(part, str_of(names[s]));
            double number = f->edges[k] > f->s->as_of ? NAN : wanted[s];
            assert_int_equal(json_count(list), f->count);
            if (!is_number(list, k, number))
                fail_msg("%.*s\n%s of interval %zu is %g, not %g", STR_ARG(question), names[s], k,
                         ref_number(ref_item(list, k)), number);
        }
    }
}

static void counts_check(const struct frame *f, struct str question, struct json part,
                         const struct str *group)
{
    struct str units[REF_PEOPLE + 4];
    size_t count = units_of(f, units), begun = 0;
    double wanted[EDGES_MAX + 1] = {0}, left = 0;

    for (size_t k = 0; k < f->count; k++)
        begun += f->edges[k] <= f->s->as_of;
    for (size_t u = 0; u < count; u++) {
        size_t active = 0;
        for (size_t k = 0; k < f->count; k++)
            active += events_in(f, units[u], group, MAX(f->edges[k], f->s->from),
                                MIN(f->edges[k + 1], f->s->to)) >= 1U + f->s->has_minimum;
        wanted[active]++;
        left += active > 0;
    }
    for (size_t k = 1; k <= f->count; k++) {
        struct json exactly = json_member(part, STR("counts")),
                    at_least = json_member(part, STR("cumulative"));
        if (!is_number(exactly, k - 1, k > begun ? NAN : wanted[k]) ||
            !is_number(at_least, k - 1, k > begun ? NAN : left))
            fail_msg("%.*s\nin %zu intervals: %g, not %g (at least: %g)", STR_ARG(question), k,
                     ref_number(ref_item(exactly, k - 1)), wanted[k], left);
        left -= wanted[k];
    }
}

/* The whole, and every group that is there; the groups hold everybody. */
static void answer_check(const struct frame *f, struct str question, struct json answer,
                         bool is_lifecycle)
{
    void (*check)(const struct frame *, struct str, struct json, const struct str *) =
        is_lifecycle ? states_check : counts_check;
    struct json_each it = json_each(json_member(answer, STR("groups")));

    assert_int_equal(json_count(json_member(answer, STR("intervals"))), f->count);
    check(f, question, answer, NULL);
    while (json_next(&it)) {
        struct str value;
        if (!json_string(ref_item(json_member(it.value, STR("value")), 0), &value))
            value = STR("");
        check(f, question, it.value, &value);
    }
}

static bool is_known(const struct spec *s, const struct ref_world *w)
{
    bool event = s->event == '*', plan = !s->by_plan, n = !s->has_filter;
    char room[VALUE_TEXT_BYTES];

    for (size_t i = 0; i < w->world.event_count; i++) {
        event = event || ref_matches(&w->world.events[i], s->event);
        plan = plan || ref_property(&w->world.events[i], "plan", room).len;
        n = n || ref_property(&w->world.events[i], "n", room).len;
    }
    return event && plan && n;
}

static void answers_are_the_reference(void **state)
{
    struct dice d = random_dice(77);

    (void)state;
    for (size_t i = random_rounds(ROUNDS) / 4; i > 0; i--) {
        AUTO(arena) *arena = arena_create(0);
        AUTO(json_parser) *parser = json_parser_create();
        struct ref_world w;
        struct frame f;
        struct spec s = spec_roll(&d);
        struct world_shape shape = {.people = REF_PEOPLE,
                                    .events = s.interval[0] == 'h' ? 200 : 80,
                                    .start = start_ms,
                                    .step_ms = s.interval[0] == 'h' ? 1800000 : 5 * hour_ms,
                                    .steps = s.interval[0] == 'h' ? 280 : 120};
        ref_world_make(&w, &d, arena, &shape);
        w.source.part_ms = roll(&d, 2) * 50 * hour_ms;
        w.source.batch_units = roll(&d, 3);
        w.source.threads = 1 + roll(&d, 3);
        frame_make(&f, &s, &w);
        for (int k = 0; k < 2 && is_known(&s, &w); k++) {
            BUF_AUTO question = {0}, text = {0};
            question_write(&s, k ? "stickiness" : "lifecycle", &question);
            struct json answer =
                ref_ask(&w, parser, buf_str(&question), start_ms + 2000 * hour_ms, &text);
            answer_check(&f, buf_str(&question), answer, k == 0);
        }
        zone_close(f.zone);
        plain_source_free(&w.source);
    }
    random_report(&d);
}

/* ---- written out by hand ---- */

static void answer_is(const char *data, const char *question, const char *member,
                      const char *wanted)
{
    AUTO(arena) *arena = arena_create(0);
    AUTO(json_parser) *parser = json_parser_create();
    BUF_AUTO text = {0}, list = {0};
    struct plain_source source;
    struct query_context context = {.now_ms = start_ms + 240 * hour_ms}; /* 11 March */
    struct json root;
    struct err e = {0};

    case_source_parse(data, arena, &source);
    bool ok = query_answer(&source.source, &context, str_of(question), &text, &e);
    if (!member) {
        assert_false(ok);
        assert_str(str_of(e.at), str_of(wanted));
        assert_true(e.hint[0] || e.text[0]);
    } else {
        assert_works(ok, e);
        assert_works(json_parse(parser, buf_str(&text), &root, &e), e);
        json_print(json_member(root, str_of(member)), &list);
        assert_str(buf_str(&list), str_of(wanted));
    }
    plain_source_free(&source);
}

#define EVENT(person, account, day)                                                                \
    "{\"person\":\"" person "\",\"account\":\"" account                                            \
    "\",\"event\":\"V\",\"time\":\"2026-03-" day "T10:00:00Z\"}"
#define LIFE(more)                                                                                 \
    "{\"insight\":\"lifecycle\",\"event\":\"V\",\"from\":\"2026-03-03\",\"to\":\"2026-03-"         \
    "06\"" more "}"
#define STICK(more)                                                                                \
    "{\"insight\":\"stickiness\",\"event\":\"V\",\"from\":\"2026-03-03\",\"to\":\"2026-03-"        \
    "06\"" more "}"

/* a: 2, 3, 5; b: 3, 4; both of account x; c (account y) came to be on the 4th, but was there on
 * the 3rd already. */
static const char three[] = "{\"events\":["
    /* clang-format off */
    EVENT("a", "x", "02") "," EVENT("a", "x", "03") "," EVENT("a", "x", "05") ","
    EVENT("b", "x", "03") "," EVENT("b", "x", "04") ","
    EVENT("c", "y", "03") "," EVENT("c", "y", "04")
    /* clang-format on */
    "],\"created\":{\"c\":\"2026-03-04T00:00:00Z\",\"x\":\"2026-03-05T00:00:00Z\"}}";

static void states_by_hand(void **state)
{
    (void)state;
    answer_is(three, LIFE(""), "new", "[2,0,0,0]");
    answer_is(three, LIFE(""), "returning", "[1,2,0,0]");
    answer_is(three, LIFE(""), "resurrecting", "[0,0,1,0]");
    answer_is(three, LIFE(""), "dormant", "[0,-1,-2,-1]");
    answer_is(three, LIFE(""), "active", "[3,2,1,0]");
    /* c is not new on the 3rd, before it came to be, nor on the 4th, as it returns */
    answer_is(three, LIFE(",\"new_by\":\"created\""), "new", "[1,0,0,0]");
    answer_is(three, LIFE(",\"new_by\":\"created\""), "resurrecting", "[1,0,1,0]");
    answer_is(three, LIFE(",\"unit\":\"account\""), "new", "[1,0,0,0]");
    answer_is(three, LIFE(",\"unit\":\"account\""), "returning", "[1,2,1,0]");
    answer_is(three, LIFE(",\"unit\":\"account\""), "dormant", "[0,0,-1,-1]");
    /* what has not begun by as_of has no number; what has not ended is not final */
    answer_is(three, LIFE(",\"as_of\":\"2026-03-04T12:00:00Z\""), "dormant", "[0,-1,null,null]");
    answer_is(three, LIFE(",\"as_of\":\"2026-03-04T12:00:00Z\""), "final",
              "[true,false,false,false]");
    /* a range that cuts a week is widened to whole weeks */
    answer_is(three, LIFE(",\"interval\":\"week\",\"week_start\":\"sunday\""), "intervals",
              "[\"2026-03-01\"]");
    answer_is(three, LIFE(",\"interval\":\"week\",\"week_start\":\"sunday\""), "new", "[3]");
    answer_is(three,
              LIFE(",\"compare\":\"previous\",\"people_of\":{\"interval\":\"2026-03-05\","
                   "\"state\":\"dormant\"}"),
              "people", "[{\"id\":\"c\"},{\"id\":\"b\"}]");
    answer_is(three,
              LIFE(",\"unit\":\"account\",\"people_of\":{\"interval\":\"2026-03-04\","
                   "\"state\":\"active\",\"page\":1}"),
              "cursor", "\"x\"");
    answer_is(three,
              LIFE(",\"unit\":\"account\",\"people_of\":{\"interval\":\"2026-03-04\","
                   "\"state\":\"active\",\"page\":1,\"cursor\":\"x\"}"),
              "people", "[{\"id\":\"y\"}]");
}

static void counts_by_hand(void **state)
{
    (void)state;
    answer_is(three, STICK(""), "counts", "[0,3,0,0]");
    answer_is(three, STICK(""), "cumulative", "[3,3,0,0]");
    answer_is(three, STICK(",\"unit\":\"account\""), "counts", "[0,1,1,0]");
    answer_is(three, STICK(",\"unit\":\"account\",\"minimum\":2"), "counts", "[1,0,0,0]");
    answer_is(three, STICK(",\"as_of\":\"2026-03-04\""), "counts", "[1,2,null,null]");
    answer_is(three, STICK(",\"as_of\":\"2026-03-04\""), "final", "false");
    answer_is(three, STICK(",\"ratio\":\"dau/wau\""), "ratio",
              "{\"name\":\"dau/wau\",\"intervals\":[\"2026-03-03\",\"2026-03-04\",\"2026-03-05\","
              "\"2026-03-06\"],\"active\":[3,2,1,0],\"of\":[3,3,3,3],"
              "\"values\":[1,0.6666666666666666,0.3333333333333333,0],\"average\":0.5,"
              "\"final\":[true,true,true,true]}");
}

static void wrong_questions_say_where(void **state)
{
    (void)state;
    answer_is(three, LIFE(",\"new_by\":\"creatd\""), NULL, "/new_by");
    answer_is(three, LIFE(",\"unit\":\"session\""), NULL, "/unit");
    answer_is(three, LIFE(",\"people_of\":{\"interval\":\"2026-03-04\"}"), NULL,
              "/people_of/state");
    answer_is(three, LIFE(",\"people_of\":{\"interval\":\"2026-04-04\",\"state\":\"new\"}"), NULL,
              "/people_of/interval");
    answer_is(three, LIFE(",\"minimum\":2"), NULL, "/minimum");
    answer_is(three, LIFE(",\"compare\":\"7d\""), NULL, "/compare");
    answer_is(three, "{\"insight\":\"lifecycle\"}", NULL, "/event");
    answer_is(three, STICK(",\"minimum\":0"), NULL, "/minimum");
    answer_is(three, STICK(",\"ratio\":\"dau\""), NULL, "/ratio");
    answer_is(three, STICK(",\"people_of\":{\"intervals\":5}"), NULL, "/people_of/intervals");
    answer_is(three, STICK(",\"people_of\":{\"ratio\":\"of\",\"interval\":\"2026-03-04\"}"), NULL,
              "/people_of/ratio");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_the_reference),
        cmocka_unit_test(states_by_hand),
        cmocka_unit_test(counts_by_hand),
        cmocka_unit_test(wrong_questions_say_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
