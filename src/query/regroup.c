/* query/regroup: rows are kept in blocks, referred to by number, sorted unit by unit. */
#include "query/regroup.h"

#include <stdatomic.h>

enum {
    BLOCK_BITS_MIN = 4, /* rows of a block: 16 … 4096 */
    BLOCK_BITS_MAX = 12,
    BATCH_ROWS = 32768,  /* of whole units, about */
    BATCH_UNITS = 16384, /* kernels keep state for each unit of a range */
    UNIT_NONE = UINT32_MAX,
};

/* What is kept of an event; its columns follow, numbers first. */
struct row {
    int64_t time;
    uint32_t unit, person, mask;
    uint16_t interval;
};

/* A row of a unit, to be sorted. Rows of one person ascend as the person's events do. */
struct place {
    int64_t time;
    uint32_t person, row;
};

struct block {
    uint32_t used;
    char *rows;
};

struct part {
    uint32_t from, to; /* units */
    size_t rows;       /* at most; 0 = not known */
};

struct job {
    const struct regrouping *r;
    struct scan_plan base; /* of the scan by person */
    struct scan_selector selectors[SCAN_SELECTORS_MAX];
    struct scan_condition *filters; /* two a selector */
    struct scan_column columns[SCAN_COLUMNS_MAX];
    size_t unit_column;                   /* in the scan by person */
    size_t base_column[SCAN_COLUMNS_MAX]; /* of an asked column */
    size_t at[SCAN_COLUMNS_MAX];          /* of an asked column, in a row */
    size_t stride;                        /* bytes a row */
    struct part part;
    struct block *blocks;
    unsigned block_bits;
    uint32_t block_room;
    _Atomic uint32_t block_count;
    atomic_bool is_full, is_stopped;
    struct filler *fillers;
    uint32_t *starts; /* by unit of the part: first of its places */
    struct place *places;
    struct range {
        uint32_t from, to;
    } * ranges; /* of units, from the part's first on */
    size_t range_count, range_room;
    struct sender *senders;
    scan_sink *sink;
    void *const *contexts;
};

struct filler {
    struct job *job;
    struct block *block;
    uint64_t *counts; /* by unit, when only counting */
};

/* One thread's arrays of a batch. */
struct sender {
    struct place *spare;
    uint32_t *units, *starts, *mask;
    int64_t *time;
    uint16_t *interval;
    uint32_t *codes[SCAN_COLUMNS_MAX];
    double *numbers[SCAN_COLUMNS_MAX];
    size_t room, unit_room;
};

/* ---- the scan by person ---- */

/* Only events whose account is a unit, and of the part at hand. */
static bool is_of_part(const void *context, struct value v)
{
    const struct job *j = context;

    if (v.type != VALUE_TEXT)
        return false;
    uint32_t code = intern_find(j->r->names, v.text);
    if (code == INTERN_NONE)
        return false;
    uint32_t unit = j->r->unit_of[code];
    return unit >= j->part.from && unit < j->part.to;
}

static const struct scan_condition *filter_make(struct job *j, size_t i, struct arena *arena)
{
    struct scan_condition *test = &j->filters[2 * i], *both = test + 1;
    const struct scan_condition *own = j->r->plan->selectors[i].filter;

    *test = (struct scan_condition){
        .kind = SCAN_TEST, .subject = SCAN_ACCOUNT, .test = is_of_part, .context = j};
    if (!own)
        return test;
    const struct scan_condition **children = arena_array(arena, 2, sizeof *children);
    children[0] = test;
    children[1] = own;
    *both = (struct scan_condition){.kind = SCAN_ALL, .children = children, .child_count = 2};
    return both;
}

static bool is_of_person(const struct scan_column *c)
{
    return c->subject == SCAN_UNIT;
}

static bool has_persons_column(const struct scan_plan *plan)
{
    for (size_t i = 0; i < plan->column_count; i++)
        if (is_of_person(&plan->columns[i]))
            return true;
    return false;
}

static void base_make(struct job *j, struct arena *arena)
{
    const struct scan_plan *asked = j->r->plan;

    j->base = *asked;
    j->base.column_count = 0;
    j->filters = arena_array(arena, 2 * asked->selector_count, sizeof *j->filters);
    for (size_t i = 0; i < asked->selector_count; i++) {
        j->selectors[i] = asked->selectors[i];
        j->selectors[i].filter = filter_make(j, i, arena);
    }
    for (size_t i = 0; i < asked->column_count; i++) {
        j->base_column[i] = j->base.column_count;
        if (!is_of_person(&asked->columns[i]))
            j->columns[j->base.column_count++] = asked->columns[i];
    }
    j->base.selectors = j->selectors;
    j->base.columns = j->columns;
}

/* For whole units: the account, too, and where each value lies in a row. */
static void rows_make(struct job *j)
{
    const struct scan_plan *asked = j->r->plan;
    size_t at = (sizeof(struct row) + 7) & ~(size_t)7;

    REQUIRE(j->base.column_count < SCAN_COLUMNS_MAX);
    j->unit_column = j->base.column_count;
    j->columns[j->base.column_count++] =
        (struct scan_column){SCAN_CODE, SCAN_ACCOUNT, STR_NONE, j->r->names, NULL};
    j->base.by_unit = j->base.in_parts = j->base.want_time = true;
    for (size_t i = 0; i < asked->column_count; i++)
        if (asked->columns[i].kind == SCAN_NUMBER) {
            j->at[i] = at;
            at += sizeof(double);
        }
    for (size_t i = 0; i < asked->column_count; i++)
        if (asked->columns[i].kind == SCAN_CODE) {
            j->at[i] = at;
            at += is_of_person(&asked->columns[i]) ? 0 : sizeof(uint32_t);
        }
    j->stride = (at + 7) & ~(size_t)7;
}

/* ---- keeping rows ---- */

static char *row_at(const struct job *j, uint32_t row)
{
    return j->blocks[row >> j->block_bits].rows +
           (row & (((uint32_t)1 << j->block_bits) - 1)) * j->stride;
}

static char *row_new(struct filler *f)
{
    struct job *j = f->job;

    if (!f->block || f->block->used == (uint32_t)1 << j->block_bits) {
        uint32_t at = atomic_fetch_add(&j->block_count, 1);
        if (at >= j->block_room) {
            atomic_store(&j->is_full, true);
            return NULL;
        }
        f->block = &j->blocks[at];
        f->block->rows = mem_array((size_t)1 << j->block_bits, j->stride);
        f->block->used = 0;
    }
    return f->block->rows + f->block->used++ * j->stride;
}

static void row_fill(const struct job *j, const struct scan_batch *b, size_t i, uint32_t unit,
                     uint32_t person, char *out)
{
    const struct scan_plan *asked = j->r->plan;
    struct row row = {b->time[i], unit, person, b->mask ? b->mask[i] : 1,
                      b->interval ? b->interval[i] : 0};

    memcpy(out, &row, sizeof row);
    for (size_t c = 0; c < asked->column_count; c++) {
        size_t from = j->base_column[c];
        if (asked->columns[c].kind == SCAN_NUMBER)
            memcpy(out + j->at[c], &b->numbers[from][i], sizeof(double));
        else if (!is_of_person(&asked->columns[c]))
            memcpy(out + j->at[c], &b->codes[from][i], sizeof(uint32_t));
    }
}

static bool sink_fill(void *context, const struct scan_batch *b)
{
    struct filler *f = context;
    struct job *j = f->job;
    const uint32_t *codes = b->codes[j->unit_column];

    for (size_t u = 0; u < b->unit_count; u++)
        for (size_t i = b->starts[u]; i < b->starts[u + 1]; i++) {
            uint32_t unit = codes[i] == SCAN_CODE_NONE ? UNIT_NONE : j->r->unit_of[codes[i]];
            if (unit < j->part.from || unit >= j->part.to)
                continue;
            char *row = row_new(f);
            if (!row)
                return false;
            row_fill(j, b, i, unit, b->units[u], row);
        }
    return !atomic_load_explicit(&j->is_full, memory_order_relaxed);
}

static bool sink_count(void *context, const struct scan_batch *b)
{
    struct filler *f = context;
    const struct job *j = f->job;
    const uint32_t *codes = b->codes[j->unit_column];

    for (size_t i = 0; i < b->count; i++)
        if (codes[i] != SCAN_CODE_NONE && j->r->unit_of[codes[i]] != UNIT_NONE)
            f->counts[j->r->unit_of[codes[i]]]++;
    return true;
}

static void rows_free(struct job *j)
{
    uint32_t count = MIN(atomic_load(&j->block_count), j->block_room);

    for (uint32_t i = 0; i < count; i++)
        mem_free(j->blocks[i].rows);
    mem_free(j->blocks);
    mem_free(j->places);
    mem_free(j->starts);
    j->blocks = NULL;
    j->places = NULL;
    j->starts = NULL;
    atomic_store(&j->block_count, 0);
}

/* ---- order ---- */

static inline bool comes_before(const struct place *a, const struct place *b)
{
    if (a->time != b->time)
        return a->time < b->time;
    return a->person != b->person ? a->person < b->person : a->row < b->row;
}

static void runs_merge(const struct place *a, size_t a_count, const struct place *b, size_t b_count,
                       struct place *out)
{
    while (a_count && b_count) {
        if (comes_before(b, a)) {
            *out++ = *b++;
            b_count--;
        } else {
            *out++ = *a++;
            a_count--;
        }
    }
    memcpy(out, a_count ? a : b, (a_count + b_count) * sizeof *out);
}

static size_t run_end(const struct place *list, size_t from, size_t count)
{
    while (++from < count && !comes_before(&list[from], &list[from - 1]))
        ;
    return from;
}

/* A unit's rows come as few runs that are in order already, about one a person: neighbouring runs
 * are merged until one is left. `spare` holds as many; the result is in either. */
static struct place *places_sort(struct place *list, size_t count, struct place *spare)
{
    while (run_end(list, 0, count) < count) {
        for (size_t from = 0; from < count;) {
            size_t middle = run_end(list, from, count);
            size_t to = middle < count ? run_end(list, middle, count) : count;
            runs_merge(list + from, middle - from, list + middle, to - middle, spare + from);
            from = to;
        }
        struct place *swap = list;
        list = spare;
        spare = swap;
    }
    return list;
}

static uint32_t places_make(struct job *j)
{
    uint32_t units = j->part.to - j->part.from, blocks = atomic_load(&j->block_count), total = 0;

    j->starts = mem_array((size_t)units + 2, sizeof *j->starts);
    for (uint32_t b = 0; b < blocks; b++)
        for (uint32_t i = 0; i < j->blocks[b].used; i++) {
            const struct row *row = (const void *)(j->blocks[b].rows + i * j->stride);
            j->starts[row->unit - j->part.from + 2]++;
        }
    for (uint32_t u = 0; u < units; u++)
        j->starts[u + 2] += j->starts[u + 1];
    total = j->starts[units + 1];
    j->places = mem_array((size_t)total + 1, sizeof *j->places);
    for (uint32_t b = 0; b < blocks; b++)
        for (uint32_t i = 0; i < j->blocks[b].used; i++) {
            const struct row *row = (const void *)(j->blocks[b].rows + i * j->stride);
            j->places[j->starts[row->unit - j->part.from + 1]++] =
                (struct place){row->time, row->person, (b << j->block_bits) + i};
        }
    return total;
}

static void ranges_make(struct job *j)
{
    uint32_t units = j->part.to - j->part.from, from = 0;

    j->range_count = 0;
    for (uint32_t u = 0; u < units; u++) {
        if (j->starts[u] == j->starts[from] && j->starts[u + 1] == j->starts[u]) {
            from = u + 1; /* nothing yet: begin later */
            continue;
        }
        bool is_whole = j->starts[u + 1] - j->starts[from] >= BATCH_ROWS ||
                        u + 1 - from >= BATCH_UNITS || u + 1 == units;
        if (!is_whole)
            continue;
        ARRAY_PUSH(j->ranges, j->range_count, j->range_room) = (struct range){from, u + 1};
        from = u + 1;
    }
}

/* ---- handing on ---- */

static void sender_room(struct sender *s, const struct job *j, size_t rows, size_t units)
{
    const struct scan_plan *asked = j->r->plan;

    if (units > s->unit_room) {
        s->unit_room = units;
        s->units = mem_grow(s->units, units, sizeof *s->units);
        s->starts = mem_grow(s->starts, units + 1, sizeof *s->starts);
    }
    if (rows <= s->room)
        return;
    s->room = rows + rows / 4;
    s->spare = mem_grow(s->spare, s->room, sizeof *s->spare);
    s->mask = mem_grow(s->mask, s->room, sizeof *s->mask);
    s->time = mem_grow(s->time, s->room, sizeof *s->time);
    s->interval = mem_grow(s->interval, s->room, sizeof *s->interval);
    for (size_t c = 0; c < asked->column_count; c++)
        if (asked->columns[c].kind == SCAN_NUMBER)
            s->numbers[c] = mem_grow(s->numbers[c], s->room, sizeof *s->numbers[c]);
        else
            s->codes[c] = mem_grow(s->codes[c], s->room, sizeof *s->codes[c]);
}

static void row_send(const struct job *j, const struct sender *s, const struct place *p, size_t to)
{
    const struct scan_plan *asked = j->r->plan;
    const char *from = row_at(j, p->row);
    const struct row *row = (const void *)from;

    s->time[to] = row->time;
    s->mask[to] = row->mask;
    s->interval[to] = row->interval;
    for (size_t c = 0; c < asked->column_count; c++)
        if (asked->columns[c].kind == SCAN_NUMBER)
            memcpy(&s->numbers[c][to], from + j->at[c], sizeof(double));
        else if (is_of_person(&asked->columns[c]))
            s->codes[c][to] = asked->columns[c].unit_codes[row->person] - 1; /* 0: none */
        else
            memcpy(&s->codes[c][to], from + j->at[c], sizeof(uint32_t));
}

static void batch_send(struct job *j, struct scan_batch *b, const struct sender *s)
{
    const struct scan_plan *asked = j->r->plan;

    b->units = s->units;
    b->starts = s->starts;
    b->mask = asked->selector_count > 1 ? s->mask : NULL;
    b->time = asked->want_time ? s->time : NULL;
    b->interval = asked->edges ? s->interval : NULL;
    for (size_t c = 0; c < asked->column_count; c++) {
        b->codes[c] = asked->columns[c].kind == SCAN_CODE ? s->codes[c] : NULL;
        b->numbers[c] = asked->columns[c].kind == SCAN_NUMBER ? s->numbers[c] : NULL;
    }
    b->is_first = asked->in_parts;
    bool goes_on = j->sink(j->contexts[b->thread], b);
    if (goes_on && asked->in_parts) {
        b->is_first = false;
        b->is_last = true;
        b->count = b->unit_count = 0;
        goes_on = j->sink(j->contexts[b->thread], b);
    }
    if (!goes_on)
        atomic_store(&j->is_stopped, true);
}

static bool is_cancelled(const struct scan_plan *plan)
{
    return (plan->cancel && __atomic_load_n(plan->cancel, __ATOMIC_RELAXED)) ||
           (plan->os && plan->deadline_ns && os_monotonic_ns(plan->os) > plan->deadline_ns);
}

static void range_send(void *context, size_t task, unsigned thread)
{
    struct job *j = context;
    struct sender *s = &j->senders[thread];
    const struct range *range = &j->ranges[task];
    uint32_t first = j->starts[range->from];
    struct scan_batch b = {.thread = thread, .count = j->starts[range->to] - first};

    if (atomic_load_explicit(&j->is_stopped, memory_order_relaxed))
        return;
    if (is_cancelled(&j->base)) {
        atomic_store(&j->is_stopped, true);
        return;
    }
    sender_room(s, j, b.count, range->to - range->from);
    for (uint32_t u = range->from; u < range->to; u++) {
        size_t count = j->starts[u + 1] - j->starts[u];
        if (!count)
            continue;
        const struct place *sorted = places_sort(j->places + j->starts[u], count, s->spare);
        s->units[b.unit_count] = j->part.from + u;
        s->starts[b.unit_count++] = j->starts[u] - first;
        for (size_t i = 0; i < count; i++)
            row_send(j, s, &sorted[i], j->starts[u] - first + i);
    }
    s->starts[b.unit_count] = (uint32_t)b.count;
    if (j->r->plan->in_parts) {
        b.low = j->part.from + range->from;
        b.high = j->part.from + range->to;
    }
    batch_send(j, &b, s);
}

/* ---- a part ---- */

static bool base_scan(struct job *j, scan_sink *sink, struct scan_stats *stats, struct err *e)
{
    unsigned threads = j->r->below->does->threads(j->r->below);
    void **contexts = mem_array(threads, sizeof *contexts);
    struct scan_stats more = {0};

    for (unsigned i = 0; i < threads; i++) {
        j->fillers[i].job = j;
        j->fillers[i].block = NULL;
        contexts[i] = &j->fillers[i];
    }
    /* a filter is asked event by event: where all are wanted, the rows themselves are looked at */
    bool is_whole = j->part.from == 0 && j->part.to == j->r->units;
    j->base.selectors = is_whole ? j->r->plan->selectors : j->selectors;
    bool ok = j->r->below->does->scan(j->r->below, &j->base, sink, contexts, &more, e);
    mem_free(contexts);
    stats->rows += more.rows;
    stats->matched += more.matched;
    stats->bytes_read += more.bytes_read;
    stats->segments = MAX(stats->segments, more.segments);
    stats->segments_skipped = MAX(stats->segments_skipped, more.segments_skipped);
    return ok;
}

static bool stopped(const struct scan_plan *plan, struct err *e)
{
    if (!is_cancelled(plan))
        return true;
    return err_set(e, ERR_BUSY, "the question was cancelled, or took longer than its limit");
}

/* Reads the part's rows and hands them on; *is_full: there are more than fit, nothing was sent. */
static bool part_run(struct job *j, bool *is_full, struct scan_stats *stats, struct err *e)
{
    unsigned threads = j->r->below->does->threads(j->r->below);
    size_t row_bytes = j->stride + sizeof(struct place);
    size_t rows = j->part.rows ? j->part.rows : j->r->bytes / row_bytes;

    j->block_bits = BLOCK_BITS_MIN;
    while (j->block_bits < BLOCK_BITS_MAX && (size_t)threads << (j->block_bits + 3) < rows)
        j->block_bits++;
    j->block_room = (uint32_t)(rows >> j->block_bits) + threads + 1;
    j->blocks = mem_array(j->block_room, sizeof *j->blocks);
    atomic_store(&j->is_full, false);
    bool ok = base_scan(j, sink_fill, stats, e);
    *is_full = ok && atomic_load(&j->is_full);
    if (ok && !*is_full && places_make(j)) {
        ranges_make(j);
        j->r->below->does->run(j->r->below, j->range_count, range_send, j);
        ok = stopped(&j->base, e);
    }
    rows_free(j);
    return ok;
}

/* ---- several parts ---- */

static bool counts_find(struct job *j, uint64_t *counts, struct scan_stats *stats, struct err *e)
{
    unsigned threads = j->r->below->does->threads(j->r->below);
    struct scan_plan base = j->base;
    struct scan_column column = {SCAN_CODE, SCAN_ACCOUNT, STR_NONE, j->r->names, NULL};
    size_t unit_column = j->unit_column;

    for (unsigned i = 0; i < threads; i++)
        j->fillers[i].counts = mem_array(j->r->units, sizeof *counts);
    j->base.by_unit = j->base.in_parts = j->base.want_time = false;
    j->base.columns = &column;
    j->base.column_count = 1;
    j->base.edges = NULL;
    j->base.edge_count = 0;
    j->unit_column = 0;
    bool ok = base_scan(j, sink_count, stats, e);
    j->base = base;
    j->unit_column = unit_column;
    for (unsigned i = 0; i < threads; i++) {
        for (uint32_t u = 0; u < j->r->units; u++)
            counts[u] += j->fillers[i].counts[u];
        mem_free(j->fillers[i].counts);
        j->fillers[i].counts = NULL;
    }
    return ok;
}

static bool too_many(const struct job *j, uint32_t unit, uint64_t rows, struct err *e)
{
    struct str name = intern_at(j->r->names, unit);

    err_set(e, ERR_BUSY,
            "the account \"%.*s\" has %llu events that match: more than can be put in order at "
            "once",
            (int)MIN(name.len, (size_t)60), name.at, (unsigned long long)rows);
    err_code(e, "query.limit");
    return err_hint(e, "ask for a shorter time range, or filter that account out");
}

/* Units [from, …) whose rows fit together. */
static bool part_choose(struct job *j, const uint64_t *counts, uint32_t from, struct err *e)
{
    size_t row_bytes = j->stride + sizeof(struct place), fit = j->r->bytes / row_bytes;
    uint64_t rows = counts[from];
    uint32_t to = from + 1;

    if (rows * row_bytes > 2 * (uint64_t)j->r->bytes)
        return too_many(j, from, rows, e);
    while (to < j->r->units && rows + counts[to] <= fit)
        rows += counts[to++];
    j->part = (struct part){from, to, (size_t)rows + 1};
    return true;
}

static bool parts_run(struct job *j, struct scan_stats *stats, struct err *e)
{
    uint64_t *counts = mem_array((size_t)j->r->units + 1, sizeof *counts);
    bool ok = counts_find(j, counts, stats, e), is_full;

    for (uint32_t from = 0; ok && from < j->r->units && !atomic_load(&j->is_stopped);
         from = j->part.to) {
        ok = part_choose(j, counts, from, e) && part_run(j, &is_full, stats, e);
        REQUIRE(!ok || !is_full); /* it was counted */
    }
    mem_free(counts);
    return ok;
}

static bool units_run(struct job *j, struct scan_stats *stats, struct err *e)
{
    unsigned threads = j->r->below->does->threads(j->r->below);
    bool is_full = false;

    rows_make(j);
    j->fillers = mem_array(threads, sizeof *j->fillers);
    j->senders = mem_array(threads, sizeof *j->senders);
    j->part = (struct part){0, j->r->units, 0};
    bool ok = part_run(j, &is_full, stats, e);
    ok = ok && (!is_full || parts_run(j, stats, e));
    for (unsigned i = 0; i < threads; i++) {
        struct sender *s = &j->senders[i];
        void *const lists[] = {s->spare, s->units, s->starts, s->mask, s->time, s->interval};
        for (size_t k = 0; k < COUNT(lists); k++)
            mem_free(lists[k]);
        for (size_t c = 0; c < SCAN_COLUMNS_MAX; c++) {
            mem_free(s->codes[c]);
            mem_free(s->numbers[c]);
        }
    }
    mem_free(j->senders);
    mem_free(j->fillers);
    mem_free(j->ranges);
    return ok;
}

/* ---- by rows ---- */

/* Batches by person become batches of rows: the columns of persons are filled in. */
struct passer {
    struct job *job;
    void *context;
    uint32_t *codes[SCAN_COLUMNS_MAX];
    size_t room;
};

static bool sink_pass(void *context, const struct scan_batch *b)
{
    struct passer *p = context;
    const struct scan_plan *asked = p->job->r->plan;
    struct scan_batch rows = *b;

    rows.unit_count = 0;
    if (b->count > p->room) {
        p->room = b->count;
        for (size_t c = 0; c < asked->column_count; c++)
            p->codes[c] = mem_grow(p->codes[c], p->room, sizeof *p->codes[c]);
    }
    for (size_t c = 0; c < asked->column_count; c++) {
        rows.codes[c] = b->codes[p->job->base_column[c]];
        rows.numbers[c] = b->numbers[p->job->base_column[c]];
        if (!is_of_person(&asked->columns[c]))
            continue;
        for (size_t u = 0; u < b->unit_count; u++)
            for (size_t i = b->starts[u]; i < b->starts[u + 1]; i++)
                p->codes[c][i] = asked->columns[c].unit_codes[b->units[u]] - 1;
        rows.codes[c] = p->codes[c];
        rows.numbers[c] = NULL;
    }
    return p->job->sink(p->context, &rows);
}

static bool rows_run(struct job *j, struct scan_stats *stats, struct err *e)
{
    struct source *below = j->r->below;
    unsigned threads = below->does->threads(below);

    if (!has_persons_column(j->r->plan))
        return below->does->scan(below, &j->base, j->sink, j->contexts, stats, e);
    struct passer *passers = mem_array(threads, sizeof *passers);
    void **contexts = mem_array(threads, sizeof *contexts);
    for (unsigned i = 0; i < threads; i++) {
        passers[i] = (struct passer){.job = j, .context = j->contexts[i]};
        contexts[i] = &passers[i];
    }
    j->base.by_unit = true;
    bool ok = below->does->scan(below, &j->base, sink_pass, contexts, stats, e);
    for (unsigned i = 0; i < threads; i++)
        for (size_t c = 0; c < SCAN_COLUMNS_MAX; c++)
            mem_free(passers[i].codes[c]);
    mem_free(passers);
    mem_free(contexts);
    return ok;
}

bool regroup_run(const struct regrouping *r, scan_sink *sink, void *const *contexts,
                 struct scan_stats *stats, struct err *e)
{
    AUTO(arena) *arena = arena_create(0);
    struct job *j = mem_zero(sizeof *j);

    *stats = (struct scan_stats){0};
    j->r = r;
    j->sink = sink;
    j->contexts = contexts;
    j->part = (struct part){0, r->units, 0};
    base_make(j, arena);
    bool ok = r->plan->by_unit ? units_run(j, stats, e) : rows_run(j, stats, e);
    mem_free(j);
    return ok;
}
