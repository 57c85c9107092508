#include "store/scan_units.h"

#include "store/scan_match.h"

enum {
    NO_UNIT = UINT32_MAX,
    STREAMS_USUAL = 64,
    WIDE = UNITS_SPARE,
    GROUP = 4,
    PREFETCH_ROWS = 64
};

/* One piece, walked unit by unit. */
struct stream {
    const struct piece *piece;
    const uint32_t *units; /* of the piece, ascending */
    size_t next, end;      /* in `units`: the unit it stands at */
    size_t found;          /* next entry of the list */
    uint32_t unit;         /* units[next]; NO_UNIT at the end */
};

/* ---- streams ---- */

static void streams_make(const struct units_job *job, struct stream *streams)
{
    for (size_t i = 0; i < job->piece_count; i++) {
        const struct piece *p = &job->pieces[i];
        struct stream *s = &streams[i];
        *s = (struct stream){.piece = p, .found = p->found_from};
        s->units = p->is_joined ? job->units + p->unit_from
                                : p->segment->segment->persons + p->person_from;
        s->end = p->is_joined ? p->unit_count : p->person_to - p->person_from;
        s->unit = s->end ? s->units[0] : NO_UNIT;
    }
}

/* ---- runs ---- */

/*
 * The usual shapes of output, written without a question asked per run: runs are short (a person's
 * month), so deciding what to write would cost more than writing it. Values are written in small
 * groups, past the run's end if need be: the next run overwrites what was too much.
 */
enum { SHAPE_TIME = 1, SHAPE_INTERVAL = 2, SHAPE_MASK = 4 };

#define INLINE static inline __attribute__((always_inline))

/* Block-scoped restrict pointers: a store of one array must not make the others be read again. */
INLINE void write_every(const struct segment_plan *p, uint32_t first, size_t count,
                        struct output *o, size_t at, int shape)
{
    const uint32_t *restrict time = p->time + first;
    const uint8_t *restrict names = (const uint8_t *)p->segment->name->lanes + first;
    const uint32_t *restrict selectors = p->selectors;
    const uint16_t *restrict quarters = p->quarters;
    const int64_t start = p->segment->month_start;
    const unsigned shift = p->quarter_shift;
    int64_t *restrict out_time = o->time + at;
    uint16_t *restrict out_interval = o->interval + at;
    uint32_t *restrict out_mask = o->mask + at;
    bool in_groups = first + count + WIDE <= p->segment->rows;
    size_t wide = in_groups ? (count + WIDE - 1) / WIDE * WIDE : count, k = 0;

#define WRITE(i)                                                                                   \
    do {                                                                                           \
        if (shape & SHAPE_TIME)                                                                    \
            out_time[i] = start + time[i];                                                         \
        if (shape & SHAPE_MASK)                                                                    \
            out_mask[i] = selectors[names[i]];                                                     \
    } while (0)

    if ((shape & SHAPE_INTERVAL) && p->even.is_known && in_groups)
        intervals_even(p, first, count, out_interval);
    else if (shape & SHAPE_INTERVAL)
        for (size_t i = 0; i < count; i++)
            out_interval[i] = quarters[(time[i] >> shift) / QUARTER_ODD];
    if (!(shape & (SHAPE_TIME | SHAPE_MASK)))
        return;
    for (; k + WIDE <= wide; k += WIDE) {
#pragma GCC unroll 8
        for (size_t j = k; j < k + WIDE; j++)
            WRITE(j);
    }
    for (; k < wide; k++)
        WRITE(k);
#undef WRITE
}

INLINE void write_list(const struct segment_plan *p, const uint32_t *restrict rows,
                       const uint32_t *restrict masks, size_t count, struct output *o, size_t at,
                       int shape)
{
    const uint32_t *restrict time = p->time;
    const uint16_t *restrict quarters = p->quarters;
    const int64_t start = p->segment->month_start;
    const unsigned shift = p->quarter_shift;
    const uint32_t last = p->segment->rows - 1;
    int64_t *restrict out_time = o->time + at;
    uint16_t *restrict out_interval = o->interval + at;
    uint32_t *restrict out_mask = o->mask + at;

    /* Four at a time without asking how many there are: past the run stand the next run's rows, or
     * padding, which is brought back into the segment. */
    for (size_t k = 0; k < count || k == 0; k += GROUP) {
#pragma GCC unroll 4
        for (size_t j = k; j < k + GROUP; j++) {
            uint32_t t = time[MIN(rows[j], last)];
            if (shape & SHAPE_TIME)
                out_time[j] = start + t;
            if (shape & SHAPE_INTERVAL)
                out_interval[j] = quarters[(t >> shift) / QUARTER_ODD];
            if (shape & SHAPE_MASK)
                out_mask[j] = masks[j];
        }
    }
}

/* How many entries from `found` on lie below `row`: most persons have a few, so four at a time. */
INLINE size_t list_count(const uint32_t *rows, size_t found, uint32_t row)
{
    size_t count = 0;

    for (;;) {
        const uint32_t *r = rows + found + count;
        size_t below = (size_t)(r[0] < row) + (r[1] < row) + (r[2] < row) + (r[3] < row);
        count += below;
        if (below < GROUP)
            return count;
    }
}

/* Appends the stream's run of its unit, and goes on to the next. Returns its length. */
INLINE size_t stream_write(const struct units_job *job, struct stream *s, struct output *o,
                           size_t at, int shape)
{
    const struct piece *piece = s->piece;
    const struct segment_plan *p = piece->segment;
    struct row_run run = {0};

    if (piece->is_joined) {
        const size_t *places = job->places + piece->place_from + s->next;
        run.count = places[1] - places[0];
    } else {
        const uint32_t *starts = p->segment->starts + piece->person_from + s->next;
        run.first = starts[0];
        run.count =
            piece->is_every ? starts[1] - starts[0] : list_count(job->rows, s->found, starts[1]);
        /* Several segments are read in turns, which the machine does not foresee by itself. */
        __builtin_prefetch(p->time + starts[1] + PREFETCH_ROWS);
    }
    if (!piece->is_every) {
        run.rows = job->rows + s->found;
        run.masks = job->plan->selector_count > 1 ? job->masks + s->found : NULL;
        s->found += run.count;
    }
    if (!shape)
        output_emit(o, job->plan, p, &run, at);
    else if (piece->is_every)
        write_every(p, run.first, run.count, o, at, shape);
    else
        write_list(p, run.rows, run.masks, run.count, o, at, shape);
    s->unit = LIKELY(++s->next < s->end) ? s->units[s->next] : NO_UNIT;
    return run.count;
}

/* ---- units ---- */

INLINE size_t write_shape(const struct units_job *job, struct stream *streams, size_t count,
                          struct output *o, size_t at, uint32_t *units, uint32_t *starts, int shape)
{
    size_t unit_count = 0;

    for (uint32_t unit = job->low; unit < job->high; unit++) {
        units[unit_count] = unit;
        starts[unit_count] = (uint32_t)at;
        size_t before = at;
        for (size_t i = 0; i < count; i++)
            while (streams[i].unit == unit)
                at += stream_write(job, &streams[i], o, at, shape);
        unit_count += at > before;
    }
    starts[unit_count] = (uint32_t)at;
    return unit_count;
}

#define SHAPES(X) X(0) X(1) X(2) X(5) X(6)
#define X(shape)                                                                                   \
    static __attribute__((noinline))                                                               \
    size_t write_shape_##shape(const struct units_job *job, struct stream *streams, size_t count,  \
                               struct output *o, size_t at, uint32_t *units, uint32_t *starts)     \
    {                                                                                              \
        return write_shape(job, streams, count, o, at, units, starts, shape);                      \
    }
SHAPES(X)
#undef X

typedef size_t shape_fn(const struct units_job *job, struct stream *streams, size_t count,
                        struct output *o, size_t at, uint32_t *units, uint32_t *starts);

/* The writer for what the plan wants; shape 0 asks output_emit, which can do everything. */
static shape_fn *shape_best(const struct units_job *job, const struct output *o)
{
    static shape_fn *const shaped[8] = {
#define X(shape) [shape] = write_shape_##shape,
        SHAPES(X)
#undef X
    };
    int shape = (o->has_time ? SHAPE_TIME : 0) | (o->has_interval ? SHAPE_INTERVAL : 0) |
                (o->has_mask ? SHAPE_MASK : 0);
    bool is_usual = !o->has_sequence && !o->column_count;

    for (size_t i = 0; i < job->piece_count && is_usual; i++)
        is_usual = job->pieces[i].segment->segment->name->lane_bits == 8 &&
                   (!o->has_interval || job->pieces[i].segment->quarters);
    return is_usual && shaped[shape] ? shaped[shape] : write_shape_0;
}

size_t piece_events(const struct piece *p)
{
    const uint32_t *starts = p->segment->segment->starts;

    return p->is_every ? starts[p->person_to] - starts[p->person_from]
                       : p->found_to - p->found_from;
}

size_t units_write(const struct units_job *job, struct output *out, size_t at, uint32_t *units,
                   uint32_t *starts)
{
    struct stream usual[STREAMS_USUAL];
    struct stream *streams = usual;

    if (job->piece_count > STREAMS_USUAL)
        streams = mem_array(job->piece_count, sizeof *streams);
    streams_make(job, streams);
    size_t unit_count =
        shape_best(job, out)(job, streams, job->piece_count, out, at, units, starts);
    if (streams != usual)
        mem_free(streams);
    return unit_count;
}

/* ---- a piece alone ---- */

/* starts[i] = `at` and the entries of the list below the i-th person's first row. */
INLINE void list_starts(const uint32_t *rows, const uint32_t *persons, size_t count, uint32_t at,
                        uint32_t *starts)
{
    size_t found = 0;

    starts[0] = at;
    for (size_t i = 0; i < count; i++) {
        found += list_count(rows, found, persons[i + 1]);
        starts[i + 1] = at + (uint32_t)found;
    }
}

size_t piece_write(const struct units_job *job, const struct piece *piece, struct output *out,
                   size_t at, const uint32_t **units, uint32_t *starts)
{
    const struct segment_plan *p = piece->segment;
    struct row_run run = {.count = piece_events(piece)};
    struct found_rows found = {.words = job->words + piece->words_from,
                               .ranks = job->ranks + piece->words_from};

    if (!piece->is_every) {
        run.rows = job->rows + piece->found_from;
        run.masks = job->plan->selector_count > 1 ? job->masks + piece->found_from : NULL;
    }
    if (piece->is_joined) {
        const size_t *places = job->places + piece->place_from;
        for (size_t i = 0; i <= piece->unit_count; i++)
            starts[i] = (uint32_t)(at + places[i] - places[0]);
        output_emit(out, job->plan, p, &run, at);
        *units = job->units + piece->unit_from;
        return piece->unit_count;
    }
    const uint32_t *rows = p->segment->starts + piece->person_from;
    size_t count = piece->person_to - piece->person_from;
    run.first = rows[0];
    output_emit(out, job->plan, p, &run, at);
    *units = p->segment->persons + piece->person_from;
    if (piece->is_every)
        for (size_t i = 0; i <= count; i++)
            starts[i] = (uint32_t)at + rows[i] - rows[0];
    else if (piece->has_ranks)
        starts_of_ranks(p, &found, rows[0], rows + 1, count, (uint32_t)at, starts);
    else
        list_starts(run.rows, rows, count, (uint32_t)at, starts);
    return count;
}
