/* query/trends_run: the kernels of trends: one batch of the scan at a time, into the thread's
 * cells. */
#include <math.h>
#include <stdlib.h>

#include "query/changes.h"
#include "query/trends.h"

/* One thread of one pass. */
struct worker {
    struct trend_pass *p;
    struct keyer keyer;
    struct cells cells[LIMIT_QUERY_SERIES];
    uint32_t *slots;   /* of the batch's events, where there is a breakdown */
    uint32_t *changes; /* room for the batch */
    size_t room;
    struct people people;
    struct key_map picked; /* accounts that are among them */
    bool is_too_large, by_session;
    uint32_t *rows_of_codes; /* breakdown by one text: where a code's cells begin */
    size_t codes_known;
    /* look-back series: which buckets a day belongs to, [first, last] */
    const struct look_back *look_back;
};

struct look_back {
    size_t series;
    struct edges days;
    uint32_t *first, *last; /* by day; first > last: none */
};

static inline bool matches(const struct scan_batch *b, uint32_t bits, size_t i)
{
    return !b->mask || (b->mask[i] & bits);
}

/* ---- kernels: each adds one series of one batch ---- */

static void add_events(struct worker *w, const struct series *s, struct cells *c,
                       const struct scan_batch *b)
{
    /* totals are the sums, so they are not counted here */
    if (w->slots) {
        for (size_t i = 0; i < b->count; i++)
            if (matches(b, s->bits, i) && w->slots[i] != SLOT_NONE)
                c->counts[w->slots[i] * c->stride + b->interval[i]]++;
        return;
    }
    for (size_t i = 0; i < b->count; i++)
        if (matches(b, s->bits, i))
            c->counts[b->interval[i]]++;
}

/* A unit counts where its interval changes, and at its first event. The changes are found first,
 * over the whole batch; unit borders where nothing changes are added. */
static void add_people_of_one_selector(struct worker *w, struct cells *c,
                                       const struct scan_batch *b)
{
    const uint16_t *interval = b->interval;
    bool only_first = w->p->t->cumulative;
    size_t changes = only_first ? 0 : changes_find(interval, b->count, w->changes);

    for (size_t i = 0; i < changes; i++)
        c->people[interval[w->changes[i]]]++;
    for (size_t u = 0; u < b->unit_count; u++) {
        size_t i = b->starts[u];
        c->people[interval[i]] += only_first || i == 0 || interval[i] == interval[i - 1];
    }
    c->people[c->stride - 1] += b->unit_count;
}

static void add_people_plain(struct worker *w, const struct series *s, struct cells *c,
                             const struct scan_batch *b)
{
    bool only_first = w->p->t->cumulative;

    if (!b->mask) {
        add_people_of_one_selector(w, c, b);
        return;
    }
    for (size_t u = 0; u < b->unit_count; u++) {
        uint16_t previous = UINT16_MAX;
        size_t n = 0;
        for (size_t i = b->starts[u]; i < b->starts[u + 1]; i++) {
            bool is = (b->mask[i] & s->bits) != 0;
            w->changes[n] = b->interval[i];
            n += is & (b->interval[i] != previous);
            previous = is ? b->interval[i] : previous;
        }
        for (size_t i = 0; i < (only_first && n ? 1 : n); i++)
            c->people[w->changes[i]]++;
        c->people[c->stride - 1] += n != 0;
    }
}

static bool stamp(struct cells *c, size_t place, uint32_t unit)
{
    bool is_new = c->stamps[place] != unit + 1;

    c->stamps[place] = unit + 1;
    return is_new;
}

static void add_people(struct worker *w, const struct series *s, struct cells *c,
                       const struct scan_batch *b)
{
    size_t total = c->stride - 1;
    bool only_first = w->p->t->cumulative;

    if (!w->slots) {
        add_people_plain(w, s, c, b);
        return;
    }
    for (size_t u = 0; u < b->unit_count; u++)
        for (size_t i = b->starts[u]; i < b->starts[u + 1]; i++) {
            if (!matches(b, s->bits, i) || w->slots[i] == SLOT_NONE)
                continue;
            size_t row = w->slots[i] * c->stride;
            bool is_first = stamp(c, row + total, b->units[u]);
            c->people[row + total] += is_first;
            if (stamp(c, row + b->interval[i], b->units[u]))
                c->people[row + b->interval[i]] += is_first || !only_first;
        }
}

static void add_per_person(struct worker *w, const struct series *s, struct cells *c,
                           const struct scan_batch *b)
{
    size_t total = c->stride - 1;

    for (size_t u = 0; u < b->unit_count; u++)
        for (size_t i = b->starts[u]; i < b->starts[u + 1]; i++) {
            uint32_t slot = w->slots ? w->slots[i] : 0;
            if (!matches(b, s->bits, i) || slot == SLOT_NONE)
                continue;
            size_t row = slot * c->stride;
            c->counts[row + b->interval[i]]++;
            c->counts[row + total]++;
            c->people[row + b->interval[i]] += stamp(c, row + b->interval[i], b->units[u]);
            c->people[row + total] += stamp(c, row + total, b->units[u]);
        }
}

/* The unit's first matching event of all history; its place, or SIZE_MAX when out of range. */
static size_t first_event(const struct series *s, const struct scan_batch *b, size_t u)
{
    for (size_t i = b->starts[u]; i < b->starts[u + 1]; i++)
        if (matches(b, s->bits, i))
            return !b->mask || (b->mask[i] & s->range_bits) ? i : SIZE_MAX;
    return SIZE_MAX;
}

static void add_first(struct worker *w, const struct series *s, struct cells *c,
                      const struct scan_batch *b)
{
    for (size_t u = 0; u < b->unit_count; u++) {
        size_t i = first_event(s, b, u);
        uint32_t slot = i == SIZE_MAX ? SLOT_NONE : w->slots ? w->slots[i] : 0;
        if (slot == SLOT_NONE || b->interval[i] >= w->p->edges.count)
            continue;
        c->counts[slot * c->stride + b->interval[i]]++;
        c->counts[slot * c->stride + c->stride - 1]++;
    }
}

/* A session's number counts once a group, at its first event there. */
static bool counts_now(const struct series *s, struct cells *c, size_t row, uint32_t unit)
{
    return !s->fact || stamp(c, row + c->stride - 1, unit);
}

static inline void number_put(const struct series *s, struct cells *c, const struct scan_batch *b,
                              size_t i, size_t row, uint32_t unit)
{
    double v = b->numbers[s->column][i];

    if (isnan(v) || !counts_now(s, c, row, unit))
        return;
    cells_number(c, row + b->interval[i], v);
    cells_number(c, row + c->stride - 1, v);
}

static inline void quantile_put(const struct series *s, struct cells *c, const struct scan_batch *b,
                                size_t i, size_t row, uint32_t unit)
{
    double v = b->numbers[s->column][i];

    if (isnan(v) || !counts_now(s, c, row, unit))
        return;
    ARRAY_PUSH(c->values, c->value_count, c->value_room) =
        (struct trend_value){(uint32_t)(row + b->interval[i]), v};
    c->counts[row + c->stride - 1]++;
}

/* The value's code, of an account that of the unit it belongs to; SCAN_CODE_NONE: none. */
static uint32_t code_at(const struct series *s, const struct scan_batch *b, size_t i)
{
    uint32_t code = b->codes[s->column][i];
    return s->units && code != SCAN_CODE_NONE ? s->units[code] : code;
}

static inline void distinct_put(const struct series *s, struct cells *c, const struct scan_batch *b,
                                size_t i, size_t row, uint32_t unit)
{
    uint32_t code = code_at(s, b, i);

    if (code == SCAN_CODE_NONE || !counts_now(s, c, row, unit))
        return;
    key_map_put(&c->distinct, (uint64_t)(row + b->interval[i]) << 32 | code);
    key_map_put(&c->distinct, (uint64_t)(row + c->stride - 1) << 32 | code);
}

typedef void put_fn(const struct series *, struct cells *, const struct scan_batch *, size_t,
                    size_t, uint32_t);

/* Each matching event's value; of sessions it is asked whose the event is. */
static inline __attribute__((always_inline)) void
values_put(struct worker *w, const struct series *s, struct cells *c, const struct scan_batch *b,
           put_fn *put)
{
    size_t u = 0;

    for (size_t i = 0; i < b->count; i++) {
        uint32_t slot = w->slots ? w->slots[i] : 0;
        while (s->fact && i >= b->starts[u + 1])
            u++;
        if (matches(b, s->bits, i) && slot != SLOT_NONE)
            put(s, c, b, i, slot * c->stride, s->fact ? b->units[u] : 0);
    }
}

static void add_number(struct worker *w, const struct series *s, struct cells *c,
                       const struct scan_batch *b)
{
    values_put(w, s, c, b, number_put);
}

static void add_quantile(struct worker *w, const struct series *s, struct cells *c,
                         const struct scan_batch *b)
{
    values_put(w, s, c, b, quantile_put);
}

static void add_distinct(struct worker *w, const struct series *s, struct cells *c,
                         const struct scan_batch *b)
{
    values_put(w, s, c, b, distinct_put);
}

/* Each active day makes the unit count in the buckets whose look-back holds it, once each. */
static void add_active(struct worker *w, const struct series *s, struct cells *c,
                       const struct scan_batch *b)
{
    const struct look_back *l = w->look_back;

    for (size_t u = 0; u < b->unit_count; u++)
        for (size_t i = b->starts[u]; i < b->starts[u + 1]; i++) {
            uint32_t slot = w->slots ? w->slots[i] : 0;
            if (!matches(b, s->bits, i) || slot == SLOT_NONE || b->interval[i] >= l->days.count)
                continue;
            size_t row = slot * c->stride, day = b->interval[i];
            for (uint32_t k = l->first[day]; k <= l->last[day] && k < c->stride - 1; k++)
                c->people[row + k] += stamp(c, row + k, b->units[u]);
            if (l->first[day] <= l->last[day])
                c->people[row + c->stride - 1] += stamp(c, row + c->stride - 1, b->units[u]);
        }
}

/* ---- events by one text, the shape of most breakdowns ---- */

enum { STREAMS = 4 };

static bool is_by_one_text(const struct worker *w, const struct scan_batch *b)
{
    const struct trends *t = w->p->t;

    return grouping_is_one_text(w->keyer.grouping) && t->series_count == 1 &&
           t->series[0].kind == KIND_EVENTS && !b->mask && !w->p->picks && !b->unit_count &&
           (!w->p->chosen || w->p->chosen->has_other);
}

/* Where each code's cells begin: all codes get them at once, so that no event has to ask. */
static bool codes_make_known(struct worker *w)
{
    struct cells *c = &w->cells[0];
    size_t known = (size_t)intern_count(w->keyer.grouping->parts[0].codes) + 1;

    if (known == w->codes_known)
        return true;
    if (known * c->stride > CELLS_MAX || known > LIMIT_QUERY_GROUPS)
        return false;
    w->rows_of_codes = mem_grow(w->rows_of_codes, known, sizeof *w->rows_of_codes);
    for (size_t i = w->codes_known; i < known; i++)
        w->rows_of_codes[i] = keyer_slot(&w->keyer, i) * (uint32_t)c->stride;
    w->codes_known = known;
    cells_grow(c, &w->p->t->series[0], keyer_slots(&w->keyer));
    return true;
}

/* A person's neighbouring events often fall into the same cell, and each count would wait for the
 * one before; so several distant parts of the batch are counted side by side. */
static void add_events_by_text(struct worker *w, const struct scan_batch *b)
{
    const uint32_t *codes = b->codes[w->keyer.grouping->parts[0].column];
    const uint32_t *rows = w->rows_of_codes;
    uint64_t *cells = w->cells[0].counts;
    size_t part = b->count / STREAMS;

    for (size_t i = 0; i < part; i++)
        for (size_t s = 0; s < STREAMS; s++) {
            size_t k = i + s * part;
            cells[rows[codes[k] + 1U] + b->interval[k]]++;
        }
    for (size_t k = part * STREAMS; k < b->count; k++)
        cells[rows[codes[k] + 1U] + b->interval[k]]++;
}

typedef void add_fn(struct worker *, const struct series *, struct cells *,
                    const struct scan_batch *);
static add_fn *const add_by_kind[] = {
    [KIND_EVENTS] = add_events,     [KIND_PEOPLE] = add_people,         [KIND_ACTIVE] = add_active,
    [KIND_FIRST] = add_first,       [KIND_PER_PERSON] = add_per_person, [KIND_NUMBER] = add_number,
    [KIND_QUANTILE] = add_quantile, [KIND_DISTINCT] = add_distinct,
};

/* ---- picking: the units behind one cell ---- */

static bool event_is_picked(const struct worker *w, const struct series *s,
                            const struct scan_batch *b, size_t i)
{
    const struct trend_pass *p = w->p;
    size_t at = b->interval[i];

    if (!matches(b, s->bits, i) || (w->slots && w->slots[i] != p->pick_slot))
        return false;
    if (s->kind == KIND_ACTIVE) {
        const struct look_back *l = w->look_back;
        if (at >= l->days.count || l->first[at] > l->last[at])
            return false;
        return p->pick_interval == p->edges.count ||
               (p->pick_interval >= l->first[at] && p->pick_interval <= l->last[at]);
    }
    if (s->kind == KIND_NUMBER || s->kind == KIND_QUANTILE)
        if (isnan(b->numbers[s->column][i]))
            return false;
    if (s->kind == KIND_DISTINCT && code_at(s, b, i) == SCAN_CODE_NONE)
        return false;
    return p->pick_interval == p->edges.count || at == p->pick_interval ||
           (p->t->cumulative && at < p->pick_interval);
}

/* The event at which a session's number counts in the picked group. */
static size_t first_with_value(const struct worker *w, const struct series *s,
                               const struct scan_batch *b, size_t u)
{
    bool is_text = s->kind == KIND_DISTINCT;

    for (size_t i = b->starts[u]; i < b->starts[u + 1]; i++)
        if (matches(b, s->bits, i) && (!w->slots || w->slots[i] == w->p->pick_slot) &&
            (is_text ? b->codes[s->column][i] != SCAN_CODE_NONE : !isnan(b->numbers[s->column][i])))
            return i;
    return SIZE_MAX;
}

/* The accounts of the picked events: they may come again, on other threads, too. */
static void pick_accounts(struct worker *w, const struct scan_batch *b)
{
    const struct series *s = &w->p->t->series[w->p->pick_series];

    for (size_t i = 0; i < b->count; i++) {
        if (!event_is_picked(w, s, b, i))
            continue;
        size_t known = w->picked.count;
        uint32_t unit = code_at(s, b, i);
        if (key_map_put(&w->picked, unit) == known)
            ARRAY_PUSH(w->people.units, w->people.count, w->people.room) = unit;
    }
}

static void pick(struct worker *w, const struct scan_batch *b)
{
    const struct series *s = &w->p->t->series[w->p->pick_series];

    if (s->units) {
        pick_accounts(w, b);
        return;
    }
    for (size_t u = 0; u < b->unit_count; u++) {
        bool is_picked = false;
        if (s->fact) {
            size_t i = first_with_value(w, s, b, u);
            is_picked = i != SIZE_MAX && event_is_picked(w, s, b, i);
        } else if (s->kind == KIND_FIRST) {
            size_t i = first_event(s, b, u);
            is_picked =
                i != SIZE_MAX && b->interval[i] < w->p->edges.count && event_is_picked(w, s, b, i);
        } else {
            for (size_t i = b->starts[u]; i < b->starts[u + 1] && !is_picked; i++)
                is_picked = event_is_picked(w, s, b, i);
        }
        if (is_picked)
            ARRAY_PUSH(w->people.units, w->people.count, w->people.room) = b->units[u];
    }
}

/* ---- a batch ---- */

static void slots_find(struct worker *w, const struct scan_batch *b)
{
    if (!b->unit_count) {
        for (size_t i = 0; i < b->count; i++)
            w->slots[i] = keyer_slot(&w->keyer, keyer_event_key(&w->keyer, b, i));
        return;
    }
    for (size_t u = 0; u < b->unit_count; u++) {
        uint64_t key = keyer_unit_key(&w->keyer, scan_person(b, u));
        for (size_t i = b->starts[u]; i < b->starts[u + 1]; i++)
            w->slots[i] = keyer_slot(&w->keyer, key | keyer_event_key(&w->keyer, b, i));
    }
}

static bool sink(void *context, const struct scan_batch *b)
{
    struct worker *w = context;
    struct trends *t = w->p->t;

    if (is_by_one_text(w, b) && codes_make_known(w)) {
        add_events_by_text(w, b);
        return true;
    }
    if (b->count > w->room) {
        w->room = b->count;
        w->changes = mem_grow(w->changes, w->room + 1, sizeof *w->changes);
        if (w->keyer.grouping)
            w->slots = mem_grow(w->slots, w->room, sizeof *w->slots);
    }
    if (w->slots)
        slots_find(w, b);
    if (w->p->picks) {
        pick(w, b);
        return true;
    }
    size_t slots = keyer_slots(&w->keyer);
    if (slots * (w->p->edges.count + 1) * t->series_count > CELLS_MAX) {
        w->is_too_large = true;
        return false;
    }
    for (size_t i = 0; i < t->series_count; i++) {
        const struct series *s = &t->series[i];
        if (w->look_back ? i != w->look_back->series
                         : s->kind == KIND_ACTIVE || s->by_session != w->by_session)
            continue;
        cells_grow(&w->cells[i], s, slots);
        add_by_kind[s->kind](w, s, &w->cells[i], b);
        if (w->cells[i].value_count > VALUES_MAX || w->cells[i].distinct.count > VALUES_MAX) {
            w->keyer.is_full = true;
            return false;
        }
    }
    return !w->keyer.is_full;
}

/* ---- a pass ---- */

static bool series_plan(struct trend_pass *p, struct reading *r, size_t i, struct err *e)
{
    struct question *q = p->t->q;
    struct series *s = &p->t->series[i];
    int64_t to = range_seen_to(q, p->to);
    int64_t from = s->kind == KIND_FIRST ? INT64_MIN : p->from;
    struct scan_column c = {SCAN_NUMBER, SCAN_PROPERTY, s->property, NULL};

    if (!reading_role(q, r, &s->role, true, from, to, &s->bits, e))
        return false;
    if (s->kind == KIND_FIRST &&
        !reading_role(q, r, &s->role, true, p->from, to, &s->range_bits, e))
        return false;
    if (s->kind == KIND_DISTINCT)
        c = (struct scan_column){SCAN_CODE, s->math->subject, s->property, s->codes};
    if (s->fact)
        c.subject = SCAN_SESSION_FACT;
    bool has_column =
        s->kind == KIND_NUMBER || s->kind == KIND_QUANTILE || s->kind == KIND_DISTINCT;
    return !has_column || reading_column(q, r, c, &s->column, e);
}

static bool workers_join(struct trend_pass *p, struct worker *workers, unsigned threads,
                         struct err *e)
{
    struct trends *t = p->t;

    for (unsigned i = 0; i < threads; i++) {
        struct worker *w = &workers[i];
        p->is_too_large = p->is_too_large || w->is_too_large;
        if (!keyer_check(t->q, &w->keyer, e))
            return false;
    }
    for (unsigned i = 0; i < threads && !p->is_too_large; i++) {
        struct worker *w = &workers[i];
        size_t slots = keyer_slots(&w->keyer);
        uint32_t *map = mem_array(slots + 1, sizeof *map);
        for (size_t k = 0; k < slots; k++)
            map[k] = p->chosen || !t->q->grouping ? (uint32_t)k
                                                  : key_map_put(&p->keys, w->keyer.map.keys[k]);
        p->slots = t->q->grouping && !p->chosen ? p->keys.count : slots;
        for (size_t k = 0; k < t->series_count; k++) {
            cells_grow(&p->cells[k], &t->series[k], p->slots);
            w->cells[k].slots = MIN(w->cells[k].slots, slots);
            cells_add(&p->cells[k], &w->cells[k], &t->series[k], map);
        }
        for (size_t k = 0; k < w->people.count; k++)
            if (!p->picks || !t->series[p->pick_series].units ||
                key_map_put(&p->picked, w->people.units[k]) == p->people.count)
                ARRAY_PUSH(p->people.units, p->people.count, p->people.room) = w->people.units[k];
        mem_free(map);
    }
    return true;
}

static bool pass_scan(struct trend_pass *p, struct reading *r, const struct look_back *l,
                      struct err *e)
{
    struct question *q = p->t->q;
    unsigned threads = q->source->does->threads(q->source);
    struct worker *workers = mem_array(threads, sizeof *workers);
    void **contexts = arena_array(q->arena, threads, sizeof *contexts);

    for (unsigned i = 0; i < threads; i++) {
        workers[i].p = p;
        workers[i].look_back = l;
        workers[i].by_session = r->by_session;
        keyer_init(&workers[i].keyer, q, p->chosen);
        for (size_t k = 0; k < p->t->series_count; k++)
            cells_init(&workers[i].cells[k], &p->t->series[k], p->edges.count + 1);
        contexts[i] = &workers[i];
    }
    bool ok = reading_run(q, r, sink, contexts, e) && workers_join(p, workers, threads, e);
    for (unsigned i = 0; i < threads; i++) {
        keyer_free(&workers[i].keyer);
        for (size_t k = 0; k < p->t->series_count; k++)
            cells_free(&workers[i].cells[k]);
        mem_free(workers[i].slots);
        mem_free(workers[i].changes);
        mem_free(workers[i].rows_of_codes);
        people_free(&workers[i].people);
        key_map_free(&workers[i].picked);
    }
    mem_free(workers);
    return ok;
}

/* Which buckets each day of the look-back counts for. */
static bool look_back_make(struct trend_pass *p, struct look_back *l, size_t series, struct err *e)
{
    struct question *q = p->t->q;
    int days = p->t->series[series].math->look_back;
    int64_t first_end = interval_floor(q->zone, INTERVAL_DAY, q->week_start, p->edges.at[1] - 1);
    int64_t from = interval_step(q->zone, INTERVAL_DAY, q->week_start, first_end, 1 - days);
    from = MIN(from, interval_floor(q->zone, INTERVAL_DAY, q->week_start, p->edges.at[0]));

    l->series = series;
    if (!question_edges(q, INTERVAL_DAY, from, p->edges.at[p->edges.count], &l->days, e))
        return false;
    l->first = arena_array(q->arena, l->days.count, sizeof *l->first);
    l->last = arena_array(q->arena, l->days.count, sizeof *l->last);
    for (size_t d = 0; d < l->days.count; d++)
        l->first[d] = UINT32_MAX;
    size_t end = 0;
    for (size_t b = 0; b < p->edges.count; b++) {
        while (end + 1 < l->days.count && l->days.at[end + 1] < p->edges.at[b + 1])
            end++;
        for (size_t d = end + 1 > (size_t)days ? end + 1 - (size_t)days : 0; d <= end; d++) {
            l->first[d] = MIN(l->first[d], (uint32_t)b);
            l->last[d] = (uint32_t)b;
        }
    }
    return true;
}

static bool active_scan(struct trend_pass *p, size_t series, struct err *e)
{
    struct question *q = p->t->q;
    struct series *s = &p->t->series[series];
    struct look_back l = {0};
    struct reading r = {0};

    if (!look_back_make(p, &l, series, e) ||
        !reading_role(q, &r, &s->role, true, l.days.at[0], range_seen_to(q, p->to), &s->bits, e) ||
        !grouping_plan(q, &r, e))
        return false;
    r.by_session = s->by_session;
    r.plan.by_unit = true;
    r.plan.edges = l.days.at;
    r.plan.edge_count = l.days.count + 1;
    return pass_scan(p, &r, &l, e);
}

/* The series that one scan can count together: those of sessions, or the others. */
static bool series_scan(struct trend_pass *p, bool by_session, struct err *e)
{
    struct trends *t = p->t;
    struct reading r = {.by_session = by_session};
    bool has_any = false;

    for (size_t i = 0; i < t->series_count; i++) {
        const struct series *s = &t->series[i];
        if (s->kind == KIND_ACTIVE || s->by_session != by_session ||
            (p->picks && i != p->pick_series))
            continue;
        if (!series_plan(p, &r, i, e))
            return false;
        has_any = true;
    }
    if (!has_any)
        return true;
    if (!grouping_plan(t->q, &r, e))
        return false;
    r.plan.by_unit = t->by_unit || p->picks || by_session;
    r.plan.edges = p->edges.at;
    r.plan.edge_count = p->edges.count + 1;
    return pass_scan(p, &r, NULL, e);
}

bool trend_pass_run(struct trend_pass *p, struct err *e)
{
    struct trends *t = p->t;

    for (size_t i = 0; i < t->series_count; i++)
        cells_init(&p->cells[i], &t->series[i], p->edges.count + 1);
    p->slots = p->chosen ? p->chosen->count + p->chosen->has_other : !t->q->grouping;
    for (size_t i = 0; i < t->series_count; i++) {
        if (p->picks && i != p->pick_series)
            continue;
        if (t->series[i].kind == KIND_ACTIVE && !active_scan(p, i, e))
            return false;
    }
    if (!series_scan(p, false, e) || !series_scan(p, true, e))
        return false;
    for (size_t i = 0; i < t->series_count && !p->is_too_large; i++)
        cells_grow(&p->cells[i], &t->series[i], p->slots);
    return true;
}

void trend_pass_free(struct trend_pass *p)
{
    for (size_t i = 0; i < p->t->series_count; i++)
        cells_free(&p->cells[i]);
    key_map_free(&p->keys);
    key_map_free(&p->picked);
    people_free(&p->people);
}

/* ---- values ---- */

double quantile_of(const double *sorted, size_t count, double quantile)
{
    double at = quantile * (double)(count - 1);
    size_t low = (size_t)at, high = MIN(low + 1, count - 1);

    return sorted[low] + (sorted[high] - sorted[low]) * (at - (double)low);
}

static int by_place(const void *a, const void *b)
{
    const struct trend_value *x = a, *y = b;

    if (x->place != y->place)
        return x->place < y->place ? -1 : 1;
    return (x->value > y->value) - (x->value < y->value);
}

void trend_values_sort(struct trend_pass *p)
{
    for (size_t i = 0; i < p->t->series_count; i++)
        if (p->cells[i].value_count)
            qsort(p->cells[i].values, p->cells[i].value_count, sizeof *p->cells[i].values,
                  by_place);
}

static size_t first_at(const struct cells *c, size_t place)
{
    size_t low = 0, high = c->value_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (c->values[middle].place < place)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of one interval, or of all of a group's. */
static double quantile_value(const struct cells *c, size_t place, double quantile)
{
    bool is_total = place % c->stride == c->stride - 1;
    size_t from = first_at(c, is_total ? place + 1 - c->stride : place),
           to = first_at(c, place + 1);

    if (from == to)
        return NAN;
    double *list = mem_array(to - from, sizeof *list);
    for (size_t i = from; i < to; i++)
        list[i - from] = c->values[i].value;
    if (is_total)
        qsort(list, to - from, sizeof *list, ascending);
    double v = quantile_of(list, to - from, quantile);
    mem_free(list);
    return v;
}

static double events_value(const struct cells *c, size_t place)
{
    size_t total = c->stride - 1;
    uint64_t sum = 0;

    if (place % c->stride != total)
        return (double)c->counts[place];
    for (size_t i = 1; i <= total; i++)
        sum += c->counts[place - i];
    return (double)sum;
}

double trend_value(const struct trend_pass *p, size_t series, size_t slot, size_t interval)
{
    const struct series *s = &p->t->series[series];
    const struct cells *c = &p->cells[series];
    size_t place = slot * c->stride + interval;

    switch (s->kind) {
    case KIND_EVENTS:
        return events_value(c, place);
    case KIND_PEOPLE:
    case KIND_ACTIVE:
        return (double)c->people[place];
    case KIND_PER_PERSON:
        return c->people[place] ? (double)c->counts[place] / (double)c->people[place] : NAN;
    case KIND_NUMBER:
        if (s->math->figure == 's')
            return c->sum[place] + c->rest[place];
        if (!c->counts[place])
            return NAN;
        return s->math->figure == 'a' ? (c->sum[place] + c->rest[place]) / (double)c->counts[place]
               : s->math->figure == '<' ? c->min[place]
                                        : c->max[place];
    case KIND_QUANTILE:
        return quantile_value(c, place, s->math->quantile);
    default:
        return (double)c->counts[place];
    }
}

uint64_t trend_size(const struct trend_pass *p, size_t slot)
{
    const struct series *s = &p->t->series[0];
    const struct cells *c = &p->cells[0];
    size_t total = slot * c->stride + c->stride - 1;

    if (s->kind == KIND_EVENTS)
        return (uint64_t)events_value(c, total);
    return s->kind == KIND_PEOPLE || s->kind == KIND_ACTIVE ? c->people[total] : c->counts[total];
}
