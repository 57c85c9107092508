/*
 * The scan: segments are planned one by one (scan_plan), then tasks go to the threads of a pool.
 *
 * By unit, a task is a range of person ordinals. For each segment it finds the matching rows of
 * that range (scan_match) and writes each unit's values side by side (scan_units), in the order of
 * segments, which is the order of time but for months with several segments: there, units are put
 * in order at the end. Merged persons are brought together within each segment (scan_join). In
 * parts, each group of segments whose times overlap is done by itself, and the group of one
 * segment, the usual one, needs no laying side by side. By rows, a task is one block of a segment.
 */
#include "store/scan.h"

#include <pthread.h>
#include <stdatomic.h>

#include "store/people.h"
#include "store/scan_emit.h"
#include "store/scan_join.h"
#include "store/scan_match.h"
#include "store/scan_units.h"
#include "store/snapshot.h"

enum { TASK_ROWS = 32768 };

/* A thread's own memory, kept from task to task. */
struct worker {
    struct output out;
    struct piece *pieces;
    size_t piece_count, piece_room;
    uint32_t *rows;
    uint32_t *masks;
    size_t row_count, row_room;
    uint32_t *words, *ranks; /* of the lists as bit sets (struct found_rows) */
    size_t word_count, word_room;
    uint32_t *units;
    uint32_t *starts;
    size_t unit_room;
    struct joining joining;
    struct joined joined;
    struct scan_stats stats;
};

struct scan {
    struct scan_plan plan;
    struct people_view *people;
    struct segment_plan *segments;
    match_names_fn **match;
    size_t segment_count;
    uint32_t unit_count;
    uint32_t task_units;
    bool has_merges;
    bool needs_order;
    size_t *group_ends; /* groups of segments that overlap in time, in order of time */
    size_t group_count;
    uint32_t *block_task; /* by rows: first task of each segment */
    struct worker *workers;
    scan_sink *sink;
    void *const *contexts;
    atomic_bool stopped;
    pthread_mutex_t error_lock;
    struct err error;
};

/* ---- stopping ---- */

static void scan_fail(struct scan *s, const struct err *e)
{
    pthread_mutex_lock(&s->error_lock);
    if (s->error.kind == ERR_NONE)
        s->error = *e;
    pthread_mutex_unlock(&s->error_lock);
    atomic_store(&s->stopped, true);
}

static bool scan_goes_on(struct scan *s)
{
    struct err e = {0};

    if (atomic_load_explicit(&s->stopped, memory_order_relaxed))
        return false;
    if (s->plan.cancel && __atomic_load_n(s->plan.cancel, __ATOMIC_RELAXED)) {
        err_set(&e, ERR_BUSY, "the question was cancelled");
    } else if (s->plan.os && s->plan.deadline_ns &&
               os_monotonic_ns(s->plan.os) > s->plan.deadline_ns) {
        err_set(&e, ERR_BUSY, "the question took longer than its limit");
        err_hint(&e, "ask for a shorter time range or fewer breakdowns");
    } else if (mem_is_over(mem_budget())) {
        err_set(&e, ERR_NO_MEMORY, "the question takes more memory than its limit");
    } else {
        return true;
    }
    scan_fail(s, &e);
    return false;
}

/* ---- matching ---- */

static void worker_rows(struct worker *w, size_t more)
{
    size_t wanted = w->row_count + more;

    if (wanted <= w->row_room)
        return;
    w->row_room = wanted + wanted / 2 + 4096;
    w->rows = mem_grow(w->rows, w->row_room, sizeof *w->rows);
    w->masks = mem_grow(w->masks, w->row_room, sizeof *w->masks);
}

static void worker_words(struct worker *w, size_t more)
{
    size_t wanted = w->word_count + more;

    if (wanted <= w->word_room)
        return;
    w->word_room = wanted + wanted / 2 + 256;
    w->words = mem_grow(w->words, w->word_room, sizeof *w->words);
    w->ranks = mem_grow(w->ranks, w->word_room, sizeof *w->ranks);
}

static bool block_may_match(const struct segment_plan *s, uint32_t from, uint32_t to)
{
    if (s->segment->name->lane_bits != 8)
        return true;
    for (uint32_t b = from / SEGMENT_BLOCK_ROWS; b <= (to - 1) / SEGMENT_BLOCK_ROWS; b++) {
        const uint64_t *names = s->segment->blocks[b].names;
        if ((names[0] & s->names[0]) | (names[1] & s->names[1]) | (names[2] & s->names[2]) |
            (names[3] & s->names[3]))
            return true;
    }
    return false;
}

static uint32_t person_at(const struct segment *g, uint32_t row)
{
    uint32_t low = 0, high = g->person_count;

    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (g->starts[middle] <= row)
            low = middle;
        else
            high = middle;
    }
    return g->persons[low];
}

/* Which selectors a candidate row really matches. */
static uint32_t row_mask(const struct scan *s, const struct segment_plan *p, uint32_t row)
{
    uint32_t mask = p->selectors[column_lane(p->segment->name, row)];
    uint32_t unsure = mask & p->checked;

    for (; unsure; unsure &= unsure - 1) {
        unsigned i = (unsigned)__builtin_ctz(unsure);
        uint32_t time = p->time[row];
        bool passes = time >= p->check[i].from && time < p->check[i].to;
        if (passes && p->check[i].filter) {
            uint32_t unit = 0;
            if (node_wants_unit(p->check[i].filter))
                unit = people_unit(s->people, person_at(p->segment, row));
            passes = node_passes(p->check[i].filter, p, row, unit);
        }
        if (!passes)
            mask &= ~((uint32_t)1 << i);
    }
    return mask;
}

/* Drops rows outside the common time range, without a branch a row. */
static size_t keep_in_time(const struct segment_plan *p, uint32_t *rows, size_t count)
{
    uint32_t from = p->time_from, width = p->time_to - p->time_from;
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        uint32_t row = rows[i];
        rows[kept] = row;
        kept += p->time[row] - from < width;
    }
    return kept;
}

/* Settles the selectors of each candidate; rows that match none after all are dropped. */
static size_t keep_passing(const struct scan *s, const struct segment_plan *p, uint32_t *rows,
                           uint32_t *masks, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        uint32_t mask = row_mask(s, p, rows[i]);
        rows[kept] = rows[i];
        masks[kept] = mask;
        kept += mask != 0;
    }
    return kept;
}

static void masks_of_names(const struct segment_plan *p, const uint32_t *rows,
                           uint32_t *restrict masks, size_t count)
{
    const struct column *names = p->segment->name;
    const uint32_t *selectors = p->selectors;

    if (names->lane_bits == 8) {
        const uint8_t *lanes = names->lanes;
        for (size_t i = 0; i < count; i++)
            masks[i] = selectors[lanes[rows[i]]];
    } else {
        for (size_t i = 0; i < count; i++)
            masks[i] = selectors[column_lane(names, rows[i])];
    }
}

/* Drops rows of erased persons; `rows` ascends. */
static size_t keep_shown(const struct segment_plan *p, uint32_t *rows, size_t count)
{
    size_t kept = 0, next = 0, high = p->hidden_count;

    while (count && next < high) { /* the first range that ends behind the first row */
        size_t middle = next + (high - next) / 2;
        if (p->hidden[middle].to <= rows[0])
            next = middle + 1;
        else
            high = middle;
    }
    for (size_t i = 0; i < count; i++) {
        while (next < p->hidden_count && p->hidden[next].to <= rows[i])
            next++;
        rows[kept] = rows[i];
        kept += next == p->hidden_count || rows[i] < p->hidden[next].from;
    }
    return kept;
}

/* The rows that match are those with the right names, no more and no less: the bit set is exact. */
static bool is_by_name(const struct segment_plan *p)
{
    return !p->every_name && !p->clips_time && !p->checked && !p->hidden_count;
}

/* Adds the matching rows of [from, to) to the worker's lists. False: all of them match, no list. */
static bool match_rows(const struct scan *s, struct worker *w, const struct segment_plan *p,
                       uint32_t from, uint32_t to)
{
    bool wants_masks = s->plan.selector_count > 1;
    size_t count;

    w->stats.rows += to - from;
    if (p->every_name && !p->clips_time && !p->checked && !p->hidden_count)
        return false;
    if (!block_may_match(p, from, to))
        return true;
    worker_rows(w, (size_t)(to - from) + 32);
    worker_words(w, found_words(from, to));
    uint32_t *rows = w->rows + w->row_count, *masks = w->masks + w->row_count;
    if (p->every_name) {
        count = to - from;
        for (size_t i = 0; i < count; i++)
            rows[i] = from + (uint32_t)i;
    } else {
        struct found_rows found = {rows, w->words + w->word_count, w->ranks + w->word_count};
        count = s->match[p - s->segments](p, from, to, &found);
    }
    if (p->hidden_count)
        count = keep_shown(p, rows, count);
    if (p->clips_time)
        count = keep_in_time(p, rows, count);
    if (p->checked)
        count = keep_passing(s, p, rows, masks, count);
    else if (wants_masks)
        masks_of_names(p, rows, masks, count);
    w->row_count += count;
    return true;
}

static bool pin_rows(const struct segment_plan *p, uint32_t from, uint32_t to, struct err *e)
{
    for (size_t i = 0; i < p->touched_count; i++)
        if (!segment_pin(p->segment, p->touched[i], from, to, e))
            return false;
    return true;
}

/* ---- by rows ---- */

/* Adds the output's arrays to the batch and hands it over. */
static void send(struct scan *s, unsigned thread, struct scan_batch *b)
{
    struct worker *w = &s->workers[thread];
    const struct output *o = &w->out;

    b->thread = thread;
    b->mask = o->mask;
    b->time = s->plan.want_time ? o->time : NULL;
    b->interval = o->interval;
    for (size_t i = 0; i < o->column_count; i++) {
        b->codes[i] = o->codes[i];
        b->numbers[i] = o->numbers[i];
    }
    w->stats.matched += b->count;
    if (!s->sink(s->contexts[thread], b))
        atomic_store(&s->stopped, true);
}

static void task_of_rows(void *context, size_t task, unsigned thread)
{
    struct scan *s = context;
    struct worker *w = &s->workers[thread];
    size_t i = 0;
    struct err e = {0};

    if (!scan_goes_on(s))
        return;
    while (i + 1 < s->segment_count && s->block_task[i + 1] <= task)
        i++;
    const struct segment_plan *p = &s->segments[i];
    uint32_t from = (uint32_t)(task - s->block_task[i]) * TASK_ROWS;
    uint32_t to = MIN(p->segment->rows, from + TASK_ROWS);

    if (!pin_rows(p, from, to, &e)) {
        scan_fail(s, &e);
        return;
    }
    w->row_count = w->word_count = 0;
    struct row_run run = {.first = from, .count = to - from};
    if (match_rows(s, w, p, from, to))
        run = (struct row_run){.rows = w->rows,
                               .masks = s->plan.selector_count > 1 ? w->masks : NULL,
                               .count = w->row_count};
    output_room(&w->out, run.count);
    output_emit(&w->out, &s->plan, p, &run, 0);
    if (run.count)
        send(s, thread, &(struct scan_batch){.count = run.count});
}

/* ---- by unit ---- */

/* Index of the first person of the segment that is not below `ordinal`: persons lie nearly evenly,
 * so the search begins where it should be. */
static uint32_t person_index(const struct segment *g, uint32_t ordinal)
{
    const uint32_t *persons = g->persons;
    uint32_t count = g->person_count, step = 16;

    if (persons[count - 1] < ordinal)
        return count;
    uint64_t span = (uint64_t)persons[count - 1] - persons[0] + 1;
    uint32_t low = 0, high = count;
    if (ordinal <= persons[0])
        return 0;
    uint32_t guess = (uint32_t)((uint64_t)(ordinal - persons[0]) * count / span);
    if (persons[guess] < ordinal) {
        low = guess + 1;
        while (low + step < count && persons[low + step] < ordinal) {
            low += step + 1;
            step *= 2;
        }
        high = MIN(count, low + step + 1);
    } else {
        high = guess + 1;
        while (high > step + 1 && persons[high - 1 - step] >= ordinal) {
            high -= step;
            step *= 2;
        }
        low = high > step + 1 ? high - 1 - step : 0;
    }
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (persons[middle] < ordinal)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void list_end(struct worker *w)
{
    worker_rows(w, LIST_PADDING);
    for (size_t i = 0; i < LIST_PADDING; i++)
        w->rows[w->row_count++] = LIST_END;
}

/* The segment's rows of persons [from, to), by index. False when reading fails; a piece without
 * rows is left away. */
static bool piece_add(struct scan *s, struct worker *w, const struct segment_plan *p, uint32_t from,
                      uint32_t to, uint32_t unit, struct err *e)
{
    const struct segment *g = p->segment;
    struct piece piece = {.segment = p,
                          .person_from = from,
                          .person_to = to,
                          .unit = unit,
                          .found_from = w->row_count};

    if (from >= to)
        return true;
    if (!pin_rows(p, g->starts[from], g->starts[to], e))
        return false;
    piece.is_every = !match_rows(s, w, p, g->starts[from], g->starts[to]);
    piece.found_to = w->row_count;
    piece.words_from = w->word_count;
    piece.has_ranks = !piece.is_every && is_by_name(p);
    w->word_count += piece.has_ranks ? found_words(g->starts[from], g->starts[to]) : 0;
    list_end(w);
    if (piece.is_every || piece.found_to > piece.found_from)
        ARRAY_PUSH(w->pieces, w->piece_count, w->piece_room) = piece;
    return true;
}

/* Joins the pieces from `first` on, all of one segment, into one. */
static void pieces_settle(struct scan *s, struct worker *w, size_t first, bool has_range)
{
    const struct piece *raw = w->pieces + first;
    size_t count = w->piece_count - first, events = 0;

    for (size_t i = 0; i < count; i++)
        events += piece_events(&raw[i]);
    worker_rows(w, events);
    struct piece joined = pieces_join(&w->joined, &w->joining, raw, count, has_range, w->rows,
                                      w->masks, w->row_count);
    if (raw[0].is_every && s->plan.selector_count > 1)
        masks_of_names(joined.segment, w->rows + joined.found_from, w->masks + joined.found_from,
                       joined.found_to - joined.found_from);
    w->row_count = joined.found_to;
    list_end(w);
    w->pieces[first] = joined;
    w->piece_count = first + (joined.unit_count > 0);
}

/* What the segment has of the task's units: of the persons of the range, and of those merged into
 * one of them from elsewhere. */
static bool pieces_find(struct scan *s, struct worker *w, const struct segment_plan *p,
                        struct err *e)
{
    const struct segment *g = p->segment;
    const struct joining *who = &w->joining;
    size_t first = w->piece_count;
    uint32_t from = person_index(g, who->low), to = person_index(g, who->high);

    if (!piece_add(s, w, p, from, to, 0, e))
        return false;
    bool has_range = w->piece_count > first;
    for (size_t i = 0; i < who->guest_count; i++) {
        uint32_t at = person_index(g, who->guests[i].person);
        if (at < g->person_count && g->persons[at] == who->guests[i].person &&
            !piece_add(s, w, p, at, at + 1, who->guests[i].unit, e))
            return false;
    }
    if (w->piece_count > first && (who->has_away || w->piece_count > first + has_range))
        pieces_settle(s, w, first, has_range);
    return true;
}

static void worker_units(struct worker *w, size_t units)
{
    if (units <= w->unit_room)
        return;
    w->unit_room = units;
    w->units = mem_grow(w->units, units, sizeof *w->units);
    w->starts = mem_grow(w->starts, units + 1, sizeof *w->starts);
}

/* The pieces of one group of segments, as one batch; events from place `at` on. */
static void group_write(struct scan *s, struct worker *w, struct units_job *job, size_t at,
                        struct scan_batch *b)
{
    b->units = w->units;
    b->starts = w->starts;
    b->always = 0;
    w->out.is_ordered = s->plan.in_parts && job->piece_count == 1;
    if (w->out.is_ordered) {
        b->unit_count = piece_write(job, job->pieces, &w->out, at, &b->units, w->starts);
        b->always = job->pieces->segment->always;
    } else {
        b->unit_count = units_write(job, &w->out, at, w->units, w->starts);
        for (size_t i = 0; s->needs_order && i < b->unit_count; i++)
            output_order(&w->out, w->starts[i], w->starts[i + 1]);
    }
    b->count = w->starts[b->unit_count] - at;
}

/* Sends what the pieces hold, group after group. */
static void groups_send(struct scan *s, unsigned thread, struct units_job *job,
                        struct scan_batch *b)
{
    struct worker *w = &s->workers[thread];
    const struct piece *end = w->pieces + w->piece_count;
    size_t at = 0;

    b->is_first = true;
    for (size_t g = 0; g < s->group_count && job->pieces < end; g++) {
        const struct segment_plan *last = s->segments + s->group_ends[g];
        job->piece_count = 0;
        while (job->pieces + job->piece_count < end && job->pieces[job->piece_count].segment < last)
            job->piece_count++;
        if (job->piece_count)
            group_write(s, w, job, at, b);
        job->pieces += job->piece_count;
        if (!job->piece_count || !b->count)
            continue;
        at += b->count;
        send(s, thread, b);
        b->is_first = false;
        if (!scan_goes_on(s))
            return;
    }
    if (s->plan.in_parts && at)
        send(s, thread, &(struct scan_batch){.low = b->low, .high = b->high, .is_last = true});
}

static void task_of_units(void *context, size_t task, unsigned thread)
{
    struct scan *s = context;
    struct worker *w = &s->workers[thread];
    uint32_t low = (uint32_t)task * s->task_units, high = MIN(s->unit_count, low + s->task_units);
    struct scan_batch b = {.low = low, .high = high};
    size_t events = 0;
    struct err e = {0};

    if (!scan_goes_on(s))
        return;
    w->row_count = w->word_count = w->piece_count = 0;
    w->joined.unit_count = w->joined.place_count = 0;
    worker_units(w, high - low);
    if (s->has_merges)
        joining_make(&w->joining, s->people, low, high);
    w->joining.low = low;
    w->joining.high = high;
    for (size_t i = 0; i < s->segment_count; i++)
        if (!pieces_find(s, w, &s->segments[i], &e)) {
            scan_fail(s, &e);
            return;
        }
    for (size_t i = 0; i < w->piece_count; i++)
        events += piece_events(&w->pieces[i]);
    output_room(&w->out, events + UNITS_SPARE);
    struct units_job job = {
        .plan = &s->plan,
        .pieces = w->pieces,
        .rows = w->rows,
        .masks = w->masks,
        .words = w->words,
        .ranks = w->ranks,
        .units = w->joined.units,
        .places = w->joined.places,
        .low = low,
        .high = high,
    };
    groups_send(s, thread, &job, &b);
}

/* ---- set-up ---- */

static bool has_sequence(const struct segment *g)
{
    for (size_t i = 0; i < g->column_count; i++)
        if (g->columns[i].kind == COLUMN_SEQUENCE)
            return true;
    return false;
}

/* Plans every segment that can match. */
static bool segments_plan(struct scan *s, struct snapshot *v, struct arena *arena, struct err *e)
{
    struct segment_context c = {&s->plan, v, arena};

    s->segments = arena_array(arena, v->segment_count + 1, sizeof *s->segments);
    s->match = arena_array(arena, v->segment_count + 1, sizeof *s->match);
    for (size_t i = 0; i < v->segment_count; i++) {
        struct segment_plan *p = &s->segments[s->segment_count];
        struct err skip = {0};
        if (!segment_plan_make(&c, v->segments[i], p, &skip)) {
            if (skip.kind != ERR_NONE) {
                *e = skip;
                return false;
            }
            s->workers[0].stats.segments_skipped++;
            continue;
        }
        s->match[s->segment_count] = match_names_best(p);
        s->segment_count++;
        s->workers[0].stats.segments++;
    }
    return true;
}

/*
 * Units come in time order by themselves, unless a month has two segments.
 * Segments stand in order of months; one group of them all when the sink wants whole units.
 */
static void groups_make(struct scan *s, struct arena *arena)
{
    bool overlap = false;

    s->group_ends = arena_array(arena, s->segment_count + 1, sizeof *s->group_ends);
    for (size_t i = 0; i < s->segment_count; i++) {
        const struct segment *g = s->segments[i].segment;
        bool goes_on = i > 0 && g->month_start == s->segments[i - 1].segment->month_start;
        overlap = overlap || goes_on;
        if (!s->group_count || (s->plan.in_parts && !goes_on))
            s->group_count++;
        s->group_ends[s->group_count - 1] = i + 1;
    }
    s->needs_order = overlap;
}

static size_t tasks_by_unit(struct scan *s)
{
    uint64_t rows = 0;

    for (size_t i = 0; i < s->segment_count; i++)
        rows += s->segments[i].segment->rows;
    if (!rows)
        return 0;
    uint64_t units = (uint64_t)s->unit_count * TASK_ROWS / rows;
    s->task_units = (uint32_t)MIN(MAX(units, 16U), 65536U);
    return (s->unit_count + s->task_units - 1) / s->task_units;
}

static size_t tasks_by_rows(struct scan *s, struct arena *arena)
{
    size_t tasks = 0;

    s->block_task = arena_array(arena, s->segment_count + 1, sizeof *s->block_task);
    for (size_t i = 0; i < s->segment_count; i++) {
        s->block_task[i] = (uint32_t)tasks;
        tasks += (s->segments[i].segment->rows + TASK_ROWS - 1) / TASK_ROWS;
    }
    s->block_task[s->segment_count] = (uint32_t)tasks;
    return tasks;
}

static void workers_free(struct scan *s, unsigned threads, struct scan_stats *stats)
{
    for (unsigned i = 0; i < threads; i++) {
        struct worker *w = &s->workers[i];
        stats->rows += w->stats.rows;
        stats->matched += w->stats.matched;
        stats->segments += w->stats.segments;
        stats->segments_skipped += w->stats.segments_skipped;
        output_free(&w->out);
        mem_free(w->pieces);
        mem_free(w->rows);
        mem_free(w->masks);
        mem_free(w->words);
        mem_free(w->ranks);
        mem_free(w->units);
        mem_free(w->starts);
        joining_free(&w->joining);
        joined_free(&w->joined);
    }
    for (size_t i = 0; i < s->segment_count; i++) {
        const struct segment_plan *p = &s->segments[i];
        stats->bytes_read += (uint64_t)p->segment->rows * p->row_bits / 8;
        if (s->plan.by_unit)
            stats->bytes_read += (uint64_t)p->segment->person_count * 8;
    }
}

bool scan_run(struct snapshot *v, const struct scan_plan *plan, struct pool *pool, scan_sink *sink,
              void *const *contexts, struct scan_stats *stats, struct err *e)
{
    REQUIRE(plan->selector_count > 0 && plan->selector_count <= SCAN_SELECTORS_MAX);
    REQUIRE(plan->column_count <= SCAN_COLUMNS_MAX);
    REQUIRE(plan->by_unit || !plan->in_parts);
    REQUIRE(!plan->edges || (plan->edge_count >= 2 && plan->edge_count <= 65000));

    AUTO(arena) *arena = arena_create(0);
    unsigned threads = pool_threads(pool);
    struct scan s = {
        .plan = *plan,
        .people = v->people,
        .unit_count = people_count(v->people),
        .has_merges = people_has_merges(v->people),
        .sink = sink,
        .contexts = contexts,
        .error_lock = PTHREAD_MUTEX_INITIALIZER,
    };
    struct scan_stats figures = {0};
    bool sequences = false;

    s.workers = arena_array(arena, threads, sizeof *s.workers);
    bool planned = segments_plan(&s, v, arena, e);
    if (planned) {
        if (plan->by_unit)
            groups_make(&s, arena);
        for (size_t i = 0; i < s.segment_count; i++)
            sequences = sequences || has_sequence(s.segments[i].segment);
        for (unsigned i = 0; i < threads; i++)
            output_init(&s.workers[i].out, &s.plan, s.needs_order, sequences);
        if (plan->by_unit)
            pool_run(pool, tasks_by_unit(&s), task_of_units, &s);
        else
            pool_run(pool, tasks_by_rows(&s, arena), task_of_rows, &s);
    }
    workers_free(&s, threads, &figures);
    if (stats)
        *stats = figures;
    if (planned && s.error.kind != ERR_NONE) {
        *e = s.error;
        return false;
    }
    return planned;
}
