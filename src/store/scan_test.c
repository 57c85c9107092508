/*
 * The scan against a plain list: random events in small chunks, sealed, compacted or not, with
 * ties, merges, mixed types and rare properties; random plans; every array compared.
 */
#include "base/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "os/os_sim.h"
#include "store/scan.h"

enum { EVENTS = 1500, PEOPLE = 40, NAMES_MAX = 900, PLANS = 60, OUT_MAX = 1 << 14 };

static const int64_t start_ms = 1761955200000; /* 2025-11-01 */
static const int64_t hour_ms = 3600000;

struct dice {
    uint64_t state;
};

static uint32_t roll(struct dice *d, uint32_t below)
{
    d->state += 0x9E3779B97F4A7C15U;
    return (uint32_t)(hash_mix(d->state) % below);
}

/* A model event: everything by small numbers. */
struct model {
    uint32_t person, name, sequence, plan, seats; /* plan, seats: 0 = missing */
    int64_t time;
    bool is_text_seats; /* "seats" sent as text: a mixed-type property */
    bool is_rare;
    size_t order;
};

struct world {
    struct os *os;
    struct store *store;
    struct pool *pool;
    struct model events[EVENTS];
    uint32_t unit_of[PEOPLE]; /* after merges, by model person */
};

static struct str text_of(struct arena *a, const char *kind, uint32_t n)
{
    return arena_printf(a, "%s%u", kind, n);
}

static void event_of(struct arena *a, const struct model *m, struct event *out)
{
    struct property *p = arena_array(a, 3, sizeof *p);
    size_t n = 0;

    if (m->plan)
        p[n++] = (struct property){STR("plan"),
                                   {.type = VALUE_TEXT, .text = text_of(a, "plan", m->plan)}};
    if (m->seats && m->is_text_seats)
        p[n++] =
            (struct property){STR("seats"), {.type = VALUE_TEXT, .text = text_of(a, "", m->seats)}};
    else if (m->seats)
        p[n++] = (struct property){STR("seats"), {.type = VALUE_INT, .integer = m->seats}};
    if (m->is_rare)
        p[n++] = (struct property){STR("rare"), {.type = VALUE_BOOL, .boolean = true}};
    *out = (struct event){
        .id = text_of(a, "id-", (uint32_t)m->order),
        .time = m->time,
        .received = m->time + 5,
        .sequence = m->sequence,
        .name = text_of(a, "event ", m->name),
        .person = text_of(a, "person-", m->person),
        .properties = p,
        .property_count = n,
    };
}

/* Few names, some, more than byte shuffles are made for, and more than a byte can number. */
static uint32_t names_of(uint64_t seed)
{
    static const uint32_t counts[] = {12, 40, 80, NAMES_MAX};
    return counts[seed % COUNT(counts)];
}

static void world_make(struct world *w, uint64_t seed)
{
    struct dice d = {seed};
    struct err e = {0};
    AUTO(arena) *a = arena_create(0);
    struct store_options options = {
        .no_background = true, .chunk_rows = 200, .seal_rows = 700, .project = STR("p")};
    struct store_receipt receipt;
    struct event *list = arena_array(a, EVENTS, sizeof *list);

    w->os = os_sim_create((struct os_sim_plan){.seed = seed});
    w->pool = pool_create(1 + (unsigned)(seed % 3));
    assert_works(store_open(w->os, STR("store"), &options, &w->store, &e), e);
    for (size_t i = 0; i < EVENTS; i++) {
        struct model *m = &w->events[i];
        *m = (struct model){
            .person = roll(&d, PEOPLE),
            .name = roll(&d, names_of(seed)),
            .sequence = roll(&d, 3),
            .plan = roll(&d, 4),
            .seats = roll(&d, 6),
            .time = start_ms + roll(&d, 90 * 24) * hour_ms, /* many ties */
            .is_text_seats = roll(&d, 3) == 0,
            .is_rare = roll(&d, 40) == 0,
            .order = i,
        };
        event_of(a, m, &list[i]);
    }
    for (size_t i = 0; i < EVENTS;) {
        size_t n = 1 + roll(&d, 60);
        n = MIN(n, EVENTS - i);
        struct store_batch b = {.events = list + i, .event_count = n};
        assert_works(store_append(w->store, &b, &receipt, &e), e);
        assert_int_equal(receipt.accepted, n);
        i += n;
        if (roll(&d, 12) == 0)
            assert_works(store_maintain(w->store, &e), e);
    }
}

static void world_merge(struct world *w, uint64_t seed)
{
    struct dice d = {seed ^ 77};
    struct err e = {0};
    AUTO(arena) *a = arena_create(0);

    for (uint32_t i = 0; i < PEOPLE; i++)
        w->unit_of[i] = i;
    for (uint32_t i = 0; seed % 2 && i < 6; i++) {
        uint32_t into = roll(&d, PEOPLE / 2), other = PEOPLE / 2 + roll(&d, PEOPLE / 2);
        struct fact f = {.kind = FACT_MERGE,
                         .subject = text_of(a, "person-", into),
                         .other = text_of(a, "person-", other),
                         .received = start_ms,
                         .created = (int64_t)FACT_CREATED_NONE};
        struct store_batch b = {.facts = &f, .fact_count = 1};
        struct store_receipt receipt;
        if (w->unit_of[other] != other)
            continue;
        assert_works(store_append(w->store, &b, &receipt, &e), e);
        w->unit_of[other] = into;
    }
}

static void world_end(struct world *w)
{
    store_close(w->store);
    pool_destroy(w->pool);
    os_destroy(w->os);
}

/* ---- plans ---- */

struct question {
    struct scan_selector selectors[4];
    struct scan_condition conditions[4];
    uint32_t names[4];   /* NAMES_MAX = any */
    uint32_t filters[4]; /* 0 none, 1 plan is plan1, 2 seats > 2 (also as text), 3 plan missing,
                            4 rare, 5 not rare, 6 weekday-like test of time */
    size_t selector_count;
    int64_t edges[12];
    struct scan_plan plan;
};

static bool test_plan1(const void *c, struct value v)
{
    (void)c;
    return value_is(v, (struct value){.type = VALUE_TEXT, .text = STR("plan1")});
}
static bool test_seats(const void *c, struct value v)
{
    double n;
    (void)c;
    return value_number(v, &n) && n > 2;
}
static bool test_missing(const void *c, struct value v)
{
    (void)c;
    return value_is_absent(v);
}
static bool test_true(const void *c, struct value v)
{
    (void)c;
    return v.type == VALUE_BOOL && v.boolean;
}
static bool test_even_hour(const void *c, struct value v)
{
    (void)c;
    return v.integer / hour_ms % 2 == 0;
}

static bool model_passes(const struct model *m, uint32_t filter)
{
    const bool answers[] = {
        true,
        m->plan == 1,
        m->seats > 2,
        m->plan == 0,
        m->is_rare,
        !m->is_rare,
        m->time / hour_ms % 2 == 0,
    };
    return answers[filter];
}

static void question_make(struct arena *a, struct question *q, struct dice *d, uint32_t names,
                          struct scan_column *columns)
{
    static struct scan_condition rare = {
        .kind = SCAN_TEST, .subject = SCAN_PROPERTY, .property = {"rare", 4}, .test = test_true};
    static const struct scan_condition *const rare_list[] = {&rare};
    const struct scan_condition kinds[] = {
        {0},
        {.kind = SCAN_TEST, .property = STR("plan"), .test = test_plan1},
        {.kind = SCAN_TEST, .property = STR("seats"), .test = test_seats},
        {.kind = SCAN_TEST, .property = STR("plan"), .test = test_missing},
        rare,
        {.kind = SCAN_NOT, .children = rare_list, .child_count = 1},
        {.kind = SCAN_TEST, .subject = SCAN_TIME, .test = test_even_hour},
    };

    *q = (struct question){.selector_count = 1 + roll(d, 4)};
    for (size_t i = 0; i < q->selector_count; i++) {
        struct scan_selector *s = &q->selectors[i];
        q->names[i] = roll(d, names + names / 4);
        q->names[i] = q->names[i] < names ? q->names[i] : NAMES_MAX;
        q->filters[i] = roll(d, 2) ? 0 : roll(d, COUNT(kinds));
        q->conditions[i] = kinds[q->filters[i]];
        s->event = q->names[i] == NAMES_MAX ? STR_NONE : text_of(a, "event ", q->names[i]);
        s->filter = q->filters[i] ? &q->conditions[i] : NULL;
        s->from = start_ms + (roll(d, 2) ? -hour_ms : roll(d, 50 * 24) * hour_ms);
        s->to = s->from + (1 + roll(d, 100 * 24)) * hour_ms;
    }
    int64_t step = (1 + roll(d, 400)) * (roll(d, 4) ? hour_ms : 7 * 60 * 1000);
    for (size_t i = 0; i < COUNT(q->edges); i++)
        q->edges[i] = start_ms + 5 * hour_ms + (int64_t)i * step;
    q->plan = (struct scan_plan){
        .selectors = q->selectors,
        .selector_count = q->selector_count,
        .columns = columns,
        .column_count = roll(d, 3),
        .by_unit = roll(d, 3) > 0,
        .want_time = true,
        .in_parts = roll(d, 2),
        .edges = roll(d, 3) ? q->edges : NULL,
        .edge_count = COUNT(q->edges),
        .is_plain = roll(d, 2),
    };
    q->plan.in_parts = q->plan.in_parts && q->plan.by_unit;
}

/* ---- comparing ---- */

struct row {
    uint32_t unit, mask, interval, code;
    int64_t time;
    double number;
    size_t order;
    uint32_t sequence;
};

struct collected {
    struct row rows[OUT_MAX];
    size_t count;
    const struct scan_plan *plan;
    bool in_range; /* of a scan in parts */
    uint32_t low, high;
    size_t range_end;
};

static void collect_row(struct collected *c, const struct scan_batch *b, uint32_t unit, size_t i)
{
    c->rows[c->count++] = (struct row){
        .unit = unit,
        .mask = b->mask ? b->mask[i] : 1,
        .interval = c->plan->edges ? b->interval[i] : 0,
        .code = c->plan->column_count > 0 ? b->codes[0][i] : 0,
        .number = c->plan->column_count > 1 ? b->numbers[1][i] : 0,
        .time = b->time[i],
    };
    if (b->always & ~c->rows[c->count - 1].mask)
        fail_msg("not always %x: %x", b->always, c->rows[c->count - 1].mask);
}

/* In parts: a range begins, goes on and ends on one thread, and holds its units. */
static void check_part(struct collected *c, const struct scan_batch *b)
{
    assert_true(b->is_first == !c->in_range);
    if (b->is_first) {
        c->low = b->low;
        c->high = b->high;
        c->range_end = 0;
    }
    assert_int_equal(b->low, c->low);
    assert_int_equal(b->high, c->high);
    c->in_range = !b->is_last;
    if (b->is_last) {
        assert_int_equal(b->unit_count, 0);
        for (size_t i = 0; i < c->range_end; i++) /* earlier events stand where they stood */
            assert_int_equal(b->time[i], c->rows[c->count - c->range_end + i].time);
        return;
    }
    assert_int_equal(b->starts[0], c->range_end);
    c->range_end = b->starts[b->unit_count];
    assert_true(b->units[0] >= b->low && b->units[b->unit_count - 1] < b->high);
}

static bool collect_batch(void *context, const struct scan_batch *b)
{
    struct collected *c = context;

    if (c->plan->in_parts)
        check_part(c, b);
    if (!c->plan->by_unit)
        for (size_t i = 0; i < b->count; i++)
            collect_row(c, b, 0, i);
    for (size_t u = 0; u < b->unit_count; u++) {
        assert_true(u == 0 || b->units[u - 1] < b->units[u]);
        assert_true(c->plan->in_parts || b->starts[u] < b->starts[u + 1]);
        for (size_t i = b->starts[u]; i < b->starts[u + 1]; i++)
            collect_row(c, b, b->units[u], i);
    }
    return true;
}

static uint32_t interval_of(const struct question *q, int64_t time)
{
    uint32_t k = 0;

    if (!q->plan.edges)
        return 0;
    if (time < q->edges[0])
        return SCAN_BEFORE;
    if (time >= q->edges[COUNT(q->edges) - 1])
        return SCAN_AFTER;
    while (time >= q->edges[k + 1])
        k++;
    return k;
}

/* Ties of one unit and time stamp stand by sequence; within a sequence in any order. */
static int row_compare(const void *x, const void *y)
{
    const struct row *a = x, *b = y;
#define BY(field)                                                                                  \
    if (a->field != b->field)                                                                      \
        return a->field < b->field ? -1 : 1;
    BY(unit)
    BY(time)
    BY(sequence)
    BY(mask)
    BY(code)
    BY(interval)
#undef BY
    double p = isnan(a->number) ? -1 : a->number, r = isnan(b->number) ? -1 : b->number;
    return p < r ? -1 : p > r;
}

static void expect_rows(const struct world *w, struct snapshot *v, const struct question *q,
                        const struct intern *codes, struct collected *out)
{
    AUTO(arena) *a = arena_create(0);

    out->count = 0;
    for (size_t i = 0; i < EVENTS; i++) {
        const struct model *m = &w->events[i];
        struct row r = {.time = m->time, .sequence = m->sequence, .number = NAN};
        for (size_t s = 0; s < q->selector_count; s++)
            if ((q->names[s] == NAMES_MAX || q->names[s] == m->name) &&
                m->time >= q->selectors[s].from && m->time < q->selectors[s].to &&
                model_passes(m, q->filters[s]))
                r.mask |= 1U << s;
        if (!r.mask)
            continue;
        if (q->plan.by_unit)
            assert_true(
                snapshot_unit_find(v, text_of(a, "person-", w->unit_of[m->person]), &r.unit));
        r.interval = interval_of(q, m->time);
        if (q->plan.column_count > 0)
            r.code = m->plan ? intern_find(codes, text_of(a, "plan", m->plan)) : SCAN_CODE_NONE;
        r.number = q->plan.column_count > 1 ? (m->seats ? (double)m->seats : (double)NAN) : 0;
        out->rows[out->count++] = r;
    }
    qsort(out->rows, out->count, sizeof *out->rows, row_compare);
}

/* Each unit's events came in the order of time. */
static void check_order(const struct collected *c)
{
    static int64_t latest[PEOPLE + 8];

    for (size_t i = 0; i < COUNT(latest); i++)
        latest[i] = INT64_MIN;
    for (size_t i = 0; c->plan->by_unit && i < c->count; i++) {
        int64_t *before = &latest[c->rows[i].unit];
        assert_true(*before <= c->rows[i].time);
        *before = c->rows[i].time;
    }
}

static void compare(const struct world *w, struct snapshot *v, struct question *q, uint64_t seed)
{
    struct err e = {0};
    static struct collected parts[4], got, expected;
    void *contexts[4] = {&parts[0], &parts[1], &parts[2], &parts[3]};
    struct intern *codes = ((struct scan_column *)q->plan.columns)[0].codes;

    for (size_t i = 0; i < COUNT(parts); i++) {
        parts[i].count = 0;
        parts[i].in_range = false;
        parts[i].plan = &q->plan;
    }
    assert_works(scan_run(v, &q->plan, w->pool, collect_batch, contexts, NULL, &e), e);
    got.count = 0;
    for (size_t i = 0; i < COUNT(parts); i++) {
        memcpy(got.rows + got.count, parts[i].rows, parts[i].count * sizeof *got.rows);
        assert_false(parts[i].in_range);
        check_order(&parts[i]);
        got.count += parts[i].count;
    }
    expect_rows(w, v, q, codes, &expected);
    if (got.count != expected.count)
        printf("seed %llu: %zu rows, expected %zu\n", (unsigned long long)seed, got.count,
               expected.count);
    assert_int_equal(got.count, expected.count);
    for (size_t i = 0; i < expected.count; i++)
        expected.rows[i].sequence = 0; /* not visible in the output */
    qsort(expected.rows, expected.count, sizeof *expected.rows, row_compare);
    qsort(got.rows, got.count, sizeof *got.rows, row_compare);
    for (size_t i = 0; i < got.count; i++)
        assert_int_equal(row_compare(&got.rows[i], &expected.rows[i]), 0);
}

static void scan_equals_plain_list(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        static struct world w;
        struct dice d = {seed * 1000};
        struct err e = {0};
        world_make(&w, seed);
        world_merge(&w, seed);
        for (int round = 0; round < 2; round++) {
            AUTO(snapshot) *v = NULL;
            assert_works(store_snapshot(w.store, &v, &e), e);
            for (size_t i = 0; i < PLANS; i++) {
                AUTO(intern) *codes = intern_create();
                AUTO(arena) *a = arena_create(0);
                struct scan_column columns[] = {
                    {SCAN_CODE, SCAN_PROPERTY, STR("plan"), codes},
                    {SCAN_NUMBER, SCAN_PROPERTY, STR("seats"), NULL},
                };
                struct question q;
                question_make(a, &q, &d, names_of(seed), columns);
                compare(&w, v, &q, seed);
            }
            assert_works(store_maintain(w.store, &e), e); /* the same after compaction */
        }
        world_end(&w);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(scan_equals_plain_list)};
    return cmocka_run_group_tests_name("store/scan", tests, NULL, NULL);
}
