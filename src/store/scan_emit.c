#include "store/scan_emit.h"
#include "store/scan_match.h"

#include <math.h>

#include "base/buf.h"

void output_init(struct output *o, const struct scan_plan *p, bool needs_order, bool has_sequence)
{
    *o = (struct output){
        .has_time = p->want_time || needs_order,
        .has_interval = p->edges != NULL,
        .has_mask = p->selector_count > 1,
        .has_sequence = needs_order && has_sequence,
        .column_count = p->column_count,
    };
    for (size_t i = 0; i < p->column_count; i++)
        o->is_number[i] = p->columns[i].kind == SCAN_NUMBER;
}

/* Calls `each` for every array in use, with its item size. */
static void arrays_each(struct output *o,
                        void (*each)(void **array, size_t item, const void *context),
                        const void *context)
{
    if (o->has_time)
        each((void **)&o->time, sizeof *o->time, context);
    if (o->has_interval)
        each((void **)&o->interval, sizeof *o->interval, context);
    if (o->has_mask)
        each((void **)&o->mask, sizeof *o->mask, context);
    if (o->has_sequence)
        each((void **)&o->sequence, sizeof *o->sequence, context);
    for (size_t i = 0; i < o->column_count; i++) {
        if (o->is_number[i])
            each((void **)&o->numbers[i], sizeof *o->numbers[i], context);
        else
            each((void **)&o->codes[i], sizeof *o->codes[i], context);
    }
}

static void array_free(void **array, size_t item, const void *context)
{
    (void)item;
    (void)context;
    mem_free(*array);
    *array = NULL;
}

static void array_resize(void **array, size_t item, const void *context)
{
    mem_free(*array); /* what was there belongs to the batch before */
    *array = mem_array(*(const size_t *)context, item);
}

void output_free(struct output *o)
{
    arrays_each(o, array_free, NULL);
}

void output_room(struct output *o, size_t count)
{
    if (count + 8 <= o->room)
        return;
    o->room = count + count / 4 + 1024; /* more than the groups of eight may write too much */
    arrays_each(o, array_resize, &o->room);
}

#define RUN_ROW(run, k) ((run)->rows ? (run)->rows[k] : (run)->first + (uint32_t)(k))

/* One loop for listed rows, one for consecutive ones: the compiler can do better with each. */
#define RUN_EACH(run, row, k, body)                                                                \
    do {                                                                                           \
        if ((run)->rows) {                                                                         \
            const uint32_t *rows_ = (run)->rows;                                                   \
            for (size_t k = 0; k < (run)->count; k++) {                                            \
                const uint32_t row = rows_[k];                                                     \
                body;                                                                              \
            }                                                                                      \
        } else {                                                                                   \
            for (size_t k = 0; k < (run)->count; k++) {                                            \
                const uint32_t row = (run)->first + (uint32_t)k;                                   \
                body;                                                                              \
            }                                                                                      \
        }                                                                                          \
    } while (0)

static void emit_time(const struct segment_plan *s, const struct row_run *run,
                      int64_t *restrict out)
{
    const uint32_t *time = s->time;
    int64_t start = s->segment->month_start;

    RUN_EACH(run, row, k, out[k] = start + time[row]);
}

static void emit_interval(const struct scan_plan *p, const struct segment_plan *s,
                          const struct row_run *run, uint16_t *restrict out)
{
    const uint32_t *time = s->time;
    const uint16_t *quarters = s->quarters;

    const unsigned shift = s->quarter_shift;
    if (s->even.is_known && !run->rows && run->first + run->count + 8 <= s->segment->rows)
        intervals_even(s, run->first, run->count, out);
    else if (quarters)
        RUN_EACH(run, row, k, out[k] = quarters[(time[row] >> shift) / QUARTER_ODD]);
    else
        RUN_EACH(run, row, k, out[k] = plan_interval(p, s->segment->month_start + time[row]));
}

/* A list of rows always comes with its masks. */
static void emit_mask(const struct segment_plan *s, const struct row_run *run,
                      uint32_t *restrict out)
{
    const struct column *names = s->segment->name;
    const uint32_t *selectors = s->selectors;

    if (run->masks)
        memcpy(out, run->masks, run->count * sizeof *out);
    else if (names->lane_bits == 8)
        masks_of_bytes(s, run->first, run->count, out);
    else
        for (size_t k = 0; k < run->count; k++)
            out[k] = selectors[column_lane(names, run->first + k)];
}

static void emit_sequence(const struct segment_plan *s, const struct row_run *run, uint32_t *out)
{
    const struct column *c = NULL;

    for (size_t i = 0; i < s->segment->column_count; i++)
        if (s->segment->columns[i].kind == COLUMN_SEQUENCE)
            c = &s->segment->columns[i];
    for (size_t k = 0; k < run->count; k++) {
        struct value v = c ? column_value(c, RUN_ROW(run, k)) : (struct value){0};
        out[k] = v.type == VALUE_INT ? (uint32_t)v.integer : 0;
    }
}

/* Bits of the lane at `row`; missing = 0 when the column is optional. False when not there. */
static bool part_lane(const struct column *c, uint32_t row, uint64_t *lane)
{
    uint64_t place;

    if (!column_place(c, row, &place))
        return false;
    *lane = column_lane(c, place);
    return !lane_is_missing(c, *lane);
}

static uint32_t code_at(const struct wanted *w, uint32_t row)
{
    for (size_t i = 0; i < w->parts.count; i++) {
        const struct part *p = &w->parts.list[i];
        uint64_t lane;
        if (p->codes) {
            if (part_lane(p->column, row, &lane))
                return p->codes[lane];
            continue;
        }
        struct value v = column_value(p->column, row);
        if (!value_is_absent(v)) {
            char room[VALUE_TEXT_BYTES];
            return intern_find(w->column->codes, value_text(v, room));
        }
    }
    return SCAN_CODE_NONE;
}

/* The computed value of a row; `made` holds its text. */
static struct value made_at(const struct wanted *w, uint32_t row, struct buf *made)
{
    return w->computed ? computed_at(w->computed, row, made)
                       : computed_of_one(w->column->computed, parts_value(&w->parts, row), made);
}

static void emit_made_codes(const struct wanted *w, const struct row_run *run, uint32_t *out)
{
    BUF_AUTO made = {0};

    for (size_t k = 0; k < run->count; k++) {
        char room[VALUE_TEXT_BYTES];
        struct str text = value_text(made_at(w, RUN_ROW(run, k), &made), room);
        out[k] = text.len ? intern_find(w->column->codes, text) : SCAN_CODE_NONE;
    }
}

static void emit_made_numbers(const struct wanted *w, const struct row_run *run, double *out)
{
    BUF_AUTO made = {0};

    for (size_t k = 0; k < run->count; k++)
        if (!value_number(made_at(w, RUN_ROW(run, k), &made), &out[k]))
            out[k] = NAN;
}

/* The usual column: one type, a dictionary, in most rows. */
static bool is_plain(const struct wanted *w, bool has_table)
{
    return w->parts.count == 1 && has_table && !w->parts.list[0].column->is_sparse;
}

static void emit_codes(const struct wanted *w, const struct row_run *run, uint32_t *restrict out)
{
    const struct column *c = w->parts.count ? w->parts.list[0].column : NULL;
    const uint32_t *codes = c ? w->parts.list[0].codes : NULL;

    if (!is_plain(w, codes != NULL) && w->column->subject == SCAN_COMPUTED)
        emit_made_codes(w, run, out);
    else if (!is_plain(w, codes != NULL))
        RUN_EACH(run, row, k, out[k] = code_at(w, row));
    else if (c->lane_bits == 8)
        RUN_EACH(run, row, k, out[k] = codes[((const uint8_t *)c->lanes)[row]]);
    else
        RUN_EACH(run, row, k, out[k] = codes[column_lane(c, row)]);
}

static double number_at(const struct wanted *w, uint32_t row)
{
    for (size_t i = 0; i < w->parts.count; i++) {
        const struct part *p = &w->parts.list[i];
        double number;
        uint64_t lane;
        if (p->numbers) {
            if (part_lane(p->column, row, &lane))
                return p->numbers[lane];
            continue;
        }
        struct value v = column_value(p->column, row);
        if (!value_is_absent(v))
            return value_number(v, &number) ? number : NAN;
    }
    return NAN;
}

static void emit_numbers(const struct wanted *w, const struct row_run *run, double *restrict out)
{
    const struct column *c = w->parts.count ? w->parts.list[0].column : NULL;
    const double *numbers = c ? w->parts.list[0].numbers : NULL;

    if (is_plain(w, numbers != NULL))
        RUN_EACH(run, row, k, out[k] = numbers[column_lane(c, row)]);
    else if (w->column->subject == SCAN_COMPUTED)
        emit_made_numbers(w, run, out);
    else
        RUN_EACH(run, row, k, out[k] = number_at(w, row));
}

void output_emit(struct output *o, const struct scan_plan *p, const struct segment_plan *s,
                 const struct row_run *run, size_t at)
{
    if (o->has_time && (p->want_time || !o->is_ordered))
        emit_time(s, run, o->time + at);
    if (o->has_interval)
        emit_interval(p, s, run, o->interval + at);
    if (o->has_mask)
        emit_mask(s, run, o->mask + at);
    if (o->has_sequence && !o->is_ordered)
        emit_sequence(s, run, o->sequence + at);
    for (size_t i = 0; i < o->column_count; i++) {
        if (o->is_number[i])
            emit_numbers(&s->wanted[i], run, o->numbers[i] + at);
        else
            emit_codes(&s->wanted[i], run, o->codes[i] + at);
    }
}

/* ---- order ---- */

static bool stands_before(const struct output *o, size_t a, size_t b)
{
    if (o->time[a] != o->time[b])
        return o->time[a] < o->time[b];
    return o->has_sequence && o->sequence[a] < o->sequence[b];
}

/* Bottom-up merge sort of places: stable, n log n, also for a unit with a million events. */
static void places_sort(const struct output *o, size_t *places, size_t *spare, size_t count)
{
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t from = 0; from < count; from += 2 * width) {
            size_t middle = MIN(from + width, count), to = MIN(from + 2 * width, count);
            size_t a = from, b = middle, k = from;
            while (a < middle && b < to)
                spare[k++] = stands_before(o, places[b], places[a]) ? places[b++] : places[a++];
            while (a < middle)
                spare[k++] = places[a++];
            while (b < to)
                spare[k++] = places[b++];
        }
        memcpy(places, spare, count * sizeof *places);
    }
}

struct reorder {
    const size_t *places;
    size_t from, count;
    void *spare;
};

static void array_reorder(void **array, size_t item, const void *context)
{
    const struct reorder *r = context;
    char *base = *array, *spare = r->spare;

    for (size_t i = 0; i < r->count; i++)
        memcpy(spare + i * item, base + r->places[i] * item, item);
    memcpy(base + r->from * item, spare, r->count * item);
}

void output_order(struct output *o, size_t from, size_t to)
{
    bool is_sorted = true;

    for (size_t i = from + 1; i < to && is_sorted; i++)
        is_sorted = !stands_before(o, i, i - 1);
    if (is_sorted)
        return;

    size_t count = to - from;
    size_t *places = mem_array(count, sizeof *places), *spare = mem_array(count, sizeof *spare);
    for (size_t i = 0; i < count; i++)
        places[i] = from + i;
    places_sort(o, places, spare, count);
    struct reorder r = {places, from, count, spare};
    arrays_each(o, array_reorder, &r);
    mem_free(places);
    mem_free(spare);
}
