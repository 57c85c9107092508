/* query/retention_run: the kernels of retention. */
#include <math.h>

#include "query/retention.h"

enum { BITS = 64, CELLS_MAX = 4 << 20, HOUR_MS = 3600000 };

/* A row that a unit starts in. */
struct entry {
    uint32_t row, slot;
    int64_t time;
};

/* Returns of one unit: neighbours of the same interval and slot are one. */
struct back {
    uint32_t interval, slot;
    uint32_t count;
    int64_t time;
    double sum;
    uint64_t values;
};

struct worker {
    struct retention_pass *p;
    const struct retention *r;
    struct keyer keyer;
    struct matrix matrix;
    struct kept *kept; /* by unit of the range at hand */
    size_t kept_room;
    struct entry *entries;
    size_t entry_count, entry_room;
    struct back *backs;
    size_t back_count, back_room;
    struct back *tally; /* by column, of one entry */
    bool *did;
    struct people people;
    bool is_too_large;
};

static inline uint32_t mask_at(const struct scan_batch *b, size_t i)
{
    return b->mask ? b->mask[i] : 1;
}

static void matrix_grow(struct matrix *m, size_t slots, bool has_values)
{
    size_t slot_cells = m->rows * m->columns, now = MAX(slots, m->slots * 2);
    size_t from = m->slots * slot_cells, to = now * slot_cells;

    if (slots <= m->slots)
        return;
    m->counts = mem_grow(m->counts, to, sizeof *m->counts);
    memset(m->counts + from, 0, (to - from) * sizeof *m->counts);
    if (has_values) {
        m->sum = mem_grow(m->sum, to, sizeof *m->sum);
        m->rest = mem_grow(m->rest, to, sizeof *m->rest);
        m->events = mem_grow(m->events, to, sizeof *m->events);
        memset(m->sum + from, 0, (to - from) * sizeof *m->sum);
        memset(m->rest + from, 0, (to - from) * sizeof *m->rest);
        memset(m->events + from, 0, (to - from) * sizeof *m->events);
    }
    m->slots = now;
}

static void matrix_free(struct matrix *m)
{
    mem_free(m->counts);
    mem_free(m->sum);
    mem_free(m->rest);
    mem_free(m->events);
}

/* ---- which cells there are ---- */

enum cell_state retention_cell(const struct retention *r, size_t row, size_t column)
{
    const struct question *q = r->q;
    int64_t start, end, seen = MIN(q->as_of, q->to);

    if (r->window == WINDOW_CALENDAR) {
        size_t first = row + r->low[column], last = row + r->high[column];
        if (first >= r->rows.count)
            return CELL_NULL;
        start = r->rows.at[first];
        end = last < r->rows.count ? r->rows.at[last + 1] : INT64_MAX;
    } else {
        start = r->rows.at[row] + r->low[column] * r->unit_ms;
        end = column ? r->rows.at[row + 1] + ((int64_t)r->high[column] + 1) * r->unit_ms - 1
                     : r->rows.at[row + 1];
        if (start >= q->to)
            return CELL_NULL;
    }
    if (start > q->as_of)
        return CELL_NULL;
    return end <= seen ? CELL_FINAL : CELL_OPEN;
}

/* ---- the fast kernel: calendar, once is enough, no breakdown, at most 64 rows ---- */

/* Bit k-1 of the result: the unit counts in column k. `back` has bit j-1 for a return j intervals
 * after the start; `cells` those that exist. */
static uint64_t columns_of_bits(const struct retention *r, uint64_t back, uint64_t cells)
{
    switch (r->match) {
    case MATCH_ON:
        return back & cells;
    case MATCH_ON_OR_AFTER: /* all up to the highest */
        return back ? (UINT64_MAX >> __builtin_clzll(back)) & cells : 0;
    case MATCH_ON_OR_BEFORE: /* all from the lowest */
        return back ? (UINT64_MAX << __builtin_ctzll(back)) & cells : 0;
    default: /* the ones from the bottom */
        return ~back ? (((uint64_t)1 << __builtin_ctzll(~back)) - 1) & cells : cells;
    }
}

static void bits_add(struct worker *w, size_t row, uint64_t returns)
{
    const struct retention *r = w->r;
    uint64_t *counts = w->matrix.counts + row * w->matrix.columns;
    size_t later = MIN(r->rows.count - 1 - row, r->columns - 1);
    uint64_t cells = later ? UINT64_MAX >> (BITS - later) : 0;
    uint64_t columns = columns_of_bits(r, returns >> row >> 1, cells);

    counts[0]++;
    for (; columns; columns &= columns - 1)
        counts[__builtin_ctzll(columns) + 1]++;
}

/* What is known of a unit between the batches of its range. */
struct kept {
    uint64_t starts, returns; /* bit = row */
    bool is_settled;          /* its first start was seen */
};

/* The one start that counts: the first of them all, if it lies in the range. */
static void start_find(const struct retention *r, const struct scan_batch *b, size_t from,
                       size_t to, struct kept *k)
{
    size_t i = from;

    if (b->mask)
        while (i < to && !(b->mask[i] & r->ever_bits))
            i++;
    if (i == to)
        return;
    k->is_settled = true;
    if ((mask_at(b, i) & r->range_bits) && b->interval[i] < r->rows.count)
        k->starts = (uint64_t)1 << b->interval[i];
}

static inline uint64_t bits_where(const struct scan_batch *b, uint32_t bits, size_t from, size_t to)
{
    uint64_t found = 0;

    for (size_t i = from; i < to; i++)
        found |= (uint64_t)((b->mask[i] & bits) != 0) << (b->interval[i] & (BITS - 1));
    return found;
}

static inline uint64_t bits_of_all(const uint16_t *intervals, size_t from, size_t to)
{
    uint64_t found = 0;

    for (size_t i = from; i < to; i++)
        found |= (uint64_t)1 << (intervals[i] & (BITS - 1));
    return found;
}

static inline uint64_t bits_find(const struct scan_batch *b, uint32_t bits, size_t from, size_t to)
{
    return !b->mask || (b->always & bits) ? bits_of_all(b->interval, from, to)
                                          : bits_where(b, bits, from, to);
}

static inline __attribute__((always_inline)) void
units_keep(const struct retention *r, const struct scan_batch *b, struct kept *kept)
{
    for (size_t u = 0; u < b->unit_count; u++) {
        struct kept *k = &kept[b->units[u] - b->low];
        size_t from = b->starts[u], to = b->starts[u + 1];
        if (r->cohort == COHORT_EVERY)
            k->starts |= bits_find(b, r->start_bits, from, to);
        else if (!k->is_settled)
            start_find(r, b, from, to, k);
        k->returns |= bits_find(b, r->return_bits, from, to);
    }
}

static bool is_fast(const struct retention_pass *p)
{
    const struct retention *r = p->r;

    return !r->q->grouping && !p->picks && r->window == WINDOW_CALENDAR && r->minimum == 1 &&
           r->measure == MEASURE_PEOPLE && r->rows.count <= BITS &&
           r->low[r->columns - 1] == r->columns - 1 && r->high[r->columns - 1] == r->columns - 1;
}

static void units_count(struct worker *w, size_t units)
{
    for (size_t u = 0; u < units; u++)
        for (uint64_t starts = w->kept[u].starts; starts; starts &= starts - 1)
            bits_add(w, (size_t)__builtin_ctzll(starts), w->kept[u].returns);
}

static bool sink_fast(void *context, const struct scan_batch *b)
{
    struct worker *w = context;
    size_t units = b->high - b->low;

    if (b->is_first) {
        if (units > w->kept_room)
            w->kept = mem_grow(w->kept, w->kept_room = units, sizeof *w->kept);
        memset(w->kept, 0, units * sizeof *w->kept);
    }
    units_keep(w->r, b, w->kept);
    if (b->is_last)
        units_count(w, units);
    return true;
}

/* ---- the general kernel ---- */

static void entry_add(struct worker *w, uint32_t row, uint32_t slot, int64_t time)
{
    for (size_t i = w->entry_count; i > 0 && w->entries[i - 1].row == row; i--)
        if (w->entries[i - 1].slot == slot)
            return;
    ARRAY_PUSH(w->entries, w->entry_count, w->entry_room) = (struct entry){row, slot, time};
}

static uint32_t slot_at(struct worker *w, const struct scan_batch *b, size_t i, uint64_t unit_key)
{
    if (!w->keyer.grouping)
        return 0;
    return keyer_slot(&w->keyer, unit_key | keyer_event_key(&w->keyer, b, i));
}

static void entries_find(struct worker *w, const struct scan_batch *b, size_t u, uint64_t key)
{
    const struct retention *r = w->r;

    w->entry_count = 0;
    for (size_t i = b->starts[u]; i < b->starts[u + 1]; i++) {
        uint32_t mask = mask_at(b, i);
        bool is_every = r->cohort == COHORT_EVERY;
        if (!(mask & (is_every ? r->start_bits : r->ever_bits)))
            continue;
        bool counts = is_every || (mask & r->range_bits);
        uint32_t slot =
            counts && b->interval[i] < r->rows.count ? slot_at(w, b, i, key) : SLOT_NONE;
        if (slot != SLOT_NONE)
            entry_add(w, b->interval[i], slot, b->time ? b->time[i] : 0);
        if (!is_every)
            return;
    }
}

static void backs_find(struct worker *w, const struct scan_batch *b, size_t u, uint64_t key)
{
    const struct retention *r = w->r;

    w->back_count = 0;
    for (size_t i = b->starts[u]; i < b->starts[u + 1]; i++) {
        if (!(mask_at(b, i) & r->return_bits))
            continue;
        bool is_free = w->keyer.grouping && w->keyer.grouping->at_start;
        uint32_t slot = is_free ? 0 : slot_at(w, b, i, key);
        int64_t time = b->time ? b->time[i] : 0;
        struct back *last = w->back_count ? &w->backs[w->back_count - 1] : NULL;
        if (slot == SLOT_NONE)
            continue;
        if (!last || last->interval != b->interval[i] || last->slot != slot || last->time != time) {
            last = &ARRAY_PUSH(w->backs, w->back_count, w->back_room);
            *last = (struct back){b->interval[i], slot, 0, time, 0, 0};
        }
        last->count++;
        if (r->measure != MEASURE_PEOPLE && !isnan(b->numbers[r->value_column][i])) {
            last->sum += b->numbers[r->value_column][i];
            last->values++;
        }
    }
}

static int64_t hour_floor(int64_t at)
{
    int64_t hours = at / HOUR_MS - (at % HOUR_MS < 0);
    return hours * HOUR_MS;
}

/* How many periods after the entry; false if before it. */
static bool offset_of(const struct retention *r, const struct entry *n, const struct back *k,
                      uint64_t *offset)
{
    int64_t elapsed = k->time - n->time;

    if (r->window == WINDOW_CALENDAR) {
        *offset = k->interval - n->row;
        return k->interval >= n->row && (k->interval > n->row || k->time >= n->time);
    }
    if (elapsed < 0)
        return false;
    if (r->window == WINDOW_ROLLING_HOUR)
        elapsed = hour_floor(k->time) - hour_floor(n->time);
    *offset = (uint64_t)(elapsed / r->unit_ms);
    return true;
}

static void tally_make(struct worker *w, const struct entry *n)
{
    const struct retention *r = w->r;
    const struct grouping *g = w->keyer.grouping;
    bool shares = g && g->has_event_part && !g->at_start;

    memset(w->tally, 0, r->all_columns * sizeof *w->tally);
    for (size_t i = 0; i < w->back_count; i++) {
        const struct back *k = &w->backs[i];
        uint64_t offset;
        if ((shares && k->slot != n->slot) || !offset_of(r, n, k, &offset) || offset >= r->offsets)
            continue;
        struct back *t = &w->tally[r->column_of[offset]];
        t->count += k->count;
        t->sum += k->sum;
        t->values += k->values;
    }
    for (size_t c = 1; c < r->all_columns; c++)
        w->did[c] = w->tally[c].count >= r->minimum;
}

/* Whether the unit counts in each column; the match rule in one place. */
static void did_match(const struct retention *r, bool *did)
{
    if (r->match == MATCH_ON_OR_AFTER)
        for (size_t c = r->all_columns - 1; c > 1; c--)
            did[c - 1] = did[c - 1] || did[c];
    if (r->match == MATCH_ON_OR_BEFORE)
        for (size_t c = 2; c < r->all_columns; c++)
            did[c] = did[c] || did[c - 1];
    if (r->match == MATCH_STREAK)
        for (size_t c = 2; c < r->all_columns; c++)
            did[c] = did[c] && did[c - 1];
}

/* Values of a column by the match rule: of it, of it and later, of it and earlier. */
static void values_match(const struct retention *r, struct back *tally, const bool *did)
{
    if (r->match == MATCH_ON_OR_AFTER)
        for (size_t c = r->all_columns - 1; c > 0; c--) {
            tally[c - 1].sum += tally[c].sum;
            tally[c - 1].values += tally[c].values;
        }
    if (r->match == MATCH_ON_OR_BEFORE)
        for (size_t c = 1; c < r->all_columns; c++) {
            tally[c].sum += tally[c - 1].sum;
            tally[c].values += tally[c - 1].values;
        }
    for (size_t c = 1; r->match != MATCH_ON_OR_BEFORE && c < r->all_columns; c++)
        if (!did[c])
            tally[c].sum = 0, tally[c].values = 0;
}

static void value_add(struct matrix *m, size_t at, double v, uint64_t events)
{
    double s = m->sum[at] + v, part = s - m->sum[at];

    m->rest[at] += (m->sum[at] - (s - part)) + (v - part);
    m->sum[at] = s;
    m->events[at] += events;
}

static void entry_count_in(struct worker *w, const struct entry *n, uint32_t unit)
{
    const struct retention *r = w->r;
    const struct retention_pass *p = w->p;
    size_t row = (n->slot * w->matrix.rows + n->row) * w->matrix.columns;

    tally_make(w, n);
    did_match(r, w->did);
    w->did[0] = true;
    if (p->picks) {
        if (n->slot == p->pick_slot && n->row == p->pick_row && w->did[p->pick_column])
            ARRAY_PUSH(w->people.units, w->people.count, w->people.room) = unit;
        return;
    }
    if (r->measure != MEASURE_PEOPLE)
        values_match(r, w->tally, w->did);
    for (size_t c = 0; c < r->columns; c++) {
        if (c && retention_cell(r, n->row, c) == CELL_NULL)
            continue;
        w->matrix.counts[row + c] += w->did[c];
        if (r->measure != MEASURE_PEOPLE)
            value_add(&w->matrix, row + c, w->tally[c].sum, w->tally[c].values);
    }
}

static bool sink_general(void *context, const struct scan_batch *b)
{
    struct worker *w = context;
    const struct retention *r = w->r;

    for (size_t u = 0; u < b->unit_count; u++) {
        uint64_t key = keyer_unit_key(&w->keyer, scan_person(b, u));
        entries_find(w, b, u, key);
        if (!w->entry_count)
            continue;
        backs_find(w, b, u, key);
        size_t slots = keyer_slots(&w->keyer);
        if (slots * w->matrix.rows * w->matrix.columns > CELLS_MAX) {
            w->is_too_large = true;
            return false;
        }
        matrix_grow(&w->matrix, slots, r->measure != MEASURE_PEOPLE);
        for (size_t i = 0; i < w->entry_count; i++)
            entry_count_in(w, &w->entries[i], b->units[u]);
    }
    return !w->keyer.is_full;
}

/* ---- a pass ---- */

static void worker_join(struct retention_pass *p, struct worker *w)
{
    bool has_values = p->r->measure != MEASURE_PEOPLE;
    size_t slots = keyer_slots(&w->keyer), cells = w->matrix.rows * w->matrix.columns;

    for (size_t i = 0; i < MIN(slots, w->matrix.slots); i++) {
        size_t slot =
            p->r->q->grouping && !p->chosen ? key_map_put(&p->keys, w->keyer.map.keys[i]) : i;
        p->slots = MAX(p->slots, slot + 1);
        matrix_grow(&p->matrix, p->slots, has_values);
        for (size_t k = 0; k < cells; k++) {
            size_t to = slot * cells + k, from = i * cells + k;
            p->matrix.counts[to] += w->matrix.counts[from];
            if (!has_values)
                continue;
            value_add(&p->matrix, to, w->matrix.sum[from], w->matrix.events[from]);
            p->matrix.rest[to] += w->matrix.rest[from];
        }
    }
    for (size_t i = 0; i < w->people.count; i++)
        ARRAY_PUSH(p->people.units, p->people.count, p->people.room) = w->people.units[i];
}

static bool reading_make(struct retention_pass *p, struct reading *reading, struct err *e)
{
    struct retention *r = p->r;
    struct question *q = r->q;
    int64_t to = range_seen_to(q, q->to);
    bool is_all = r->cohort == COHORT_FIRST_MATCHING || r->cohort == COHORT_FIRST_EVER;
    struct scan_column value = {SCAN_NUMBER, SCAN_PROPERTY, r->property, NULL};

    if (!reading_role(q, reading, &r->start, true, is_all ? INT64_MIN : q->from, to, &r->start_bits,
                      e) ||
        !reading_role(q, reading, &r->returns, true, q->from, to, &r->return_bits, e))
        return false;
    r->range_bits = r->ever_bits = r->start_bits;
    /* A first event in the first interval, but before `from`, is out of range. */
    if (is_all && r->rows.at[0] != q->from &&
        !reading_role(q, reading, &r->start, true, q->from, to, &r->range_bits, e))
        return false;
    if (r->cohort == COHORT_FIRST_EVER &&
        !reading_role(q, reading, &r->start, false, INT64_MIN, to, &r->ever_bits, e))
        return false;
    if (r->measure != MEASURE_PEOPLE && !reading_column(q, reading, value, &r->value_column, e))
        return false;
    reading->plan.by_unit = true;
    reading->plan.in_parts = is_fast(p);
    reading->plan.want_time = r->window != WINDOW_CALENDAR || r->measure != MEASURE_PEOPLE;
    reading->plan.edges = r->rows.at;
    reading->plan.edge_count = r->rows.count + 1;
    return grouping_plan(q, reading, e);
}

static void worker_init(struct worker *w, struct retention_pass *p)
{
    const struct retention *r = p->r;

    w->p = p;
    w->r = r;
    keyer_init(&w->keyer, r->q, p->chosen);
    w->matrix = (struct matrix){.rows = r->rows.count, .columns = r->columns};
    w->tally = mem_array(r->all_columns, sizeof *w->tally);
    w->did = mem_array(r->all_columns, sizeof *w->did);
    if (!r->q->grouping)
        matrix_grow(&w->matrix, 1, r->measure != MEASURE_PEOPLE);
}

static void worker_free(struct worker *w)
{
    keyer_free(&w->keyer);
    matrix_free(&w->matrix);
    mem_free(w->kept);
    mem_free(w->entries);
    mem_free(w->backs);
    mem_free(w->tally);
    mem_free(w->did);
    people_free(&w->people);
}

bool retention_pass_run(struct retention_pass *p, struct err *e)
{
    struct question *q = p->r->q;
    unsigned threads = q->source->does->threads(q->source);
    struct reading reading = {0};
    void **contexts = arena_array(q->arena, threads, sizeof *contexts);

    if (!reading_make(p, &reading, e))
        return false;
    struct worker *workers = mem_array(threads, sizeof *workers);
    for (unsigned i = 0; i < threads; i++) {
        worker_init(&workers[i], p);
        contexts[i] = &workers[i];
    }
    bool ok = reading_run(q, &reading, is_fast(p) ? sink_fast : sink_general, contexts, e);
    p->matrix = (struct matrix){.rows = p->r->rows.count, .columns = p->r->columns};
    p->slots = p->chosen ? p->chosen->count + p->chosen->has_other : !q->grouping;
    matrix_grow(&p->matrix, p->slots, p->r->measure != MEASURE_PEOPLE);
    for (unsigned i = 0; i < threads; i++) {
        ok = ok && keyer_check(q, &workers[i].keyer, e);
        if (ok && workers[i].is_too_large)
            ok = ask_fail(&q->root, e, "query.limit",
                          "the answer would hold too many numbers; ask for fewer groups, rows or "
                          "columns");
        if (ok)
            worker_join(p, &workers[i]);
        worker_free(&workers[i]);
    }
    mem_free(workers);
    return ok;
}

void retention_pass_free(struct retention_pass *p)
{
    key_map_free(&p->keys);
    matrix_free(&p->matrix);
    people_free(&p->people);
}
