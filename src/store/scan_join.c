#include "store/scan_join.h"

void joining_make(struct joining *j, const struct people_view *people, uint32_t low, uint32_t high)
{
    j->low = low;
    j->high = high;
    j->has_away = false;
    j->guest_count = 0;
    if (high - low > j->away_room) {
        j->away_room = high - low;
        j->is_away = mem_grow(j->is_away, j->away_room, sizeof *j->is_away);
    }
    for (uint32_t unit = low; unit < high; unit++) {
        const uint32_t *members;
        bool is_away = people_unit(people, unit) != unit;
        size_t count = is_away ? 0 : people_members(people, unit, &members);
        j->is_away[unit - low] = is_away;
        j->has_away = j->has_away || is_away;
        for (size_t i = 0; count > 1 && i < count; i++)
            if (members[i] != unit)
                ARRAY_PUSH(j->guests, j->guest_count, j->guest_room) =
                    (struct guest){unit, members[i]};
    }
}

void joining_free(struct joining *j)
{
    mem_free(j->is_away);
    mem_free(j->guests);
}

void joined_free(struct joined *j)
{
    mem_free(j->units);
    mem_free(j->places);
    mem_free(j->bounds);
    mem_free(j->spare);
}

/* ---- order within a unit ---- */

/* Lists that are being written, and what their rows are ordered by. */
struct lists {
    const struct segment_plan *segment;
    const struct column *sequence; /* NULL: no event has one */
    uint32_t *rows, *masks;        /* masks: NULL when every row matches */
    size_t count;
};

static uint32_t sequence_at(const struct column *c, uint32_t row)
{
    struct value v = column_value(c, row);

    return v.type == VALUE_INT ? (uint32_t)v.integer : 0;
}

static inline __attribute__((always_inline)) bool row_before(const struct lists *l, uint32_t a,
                                                             uint32_t b)
{
    const uint32_t *time = l->segment->time;

    if (LIKELY(time[a] != time[b]))
        return time[a] < time[b];
    return l->sequence && sequence_at(l->sequence, a) < sequence_at(l->sequence, b);
}

/* Merges the neighbouring runs [from, middle) and [middle, to); equal ones as they stand. */
static void runs_merge(struct joined *j, struct lists *l, size_t from, size_t middle, size_t to)
{
    size_t left = middle - from, a = 0, b = middle, at = from;

    if (!row_before(l, l->rows[middle], l->rows[middle - 1]))
        return; /* they follow each other */
    if (2 * left > j->spare_room) {
        j->spare_room = 3 * left;
        j->spare = mem_grow(j->spare, j->spare_room, sizeof *j->spare);
    }
    uint32_t *rows = j->spare, *masks = j->spare + left;
    memcpy(rows, l->rows + from, left * sizeof *rows);
    if (l->masks)
        memcpy(masks, l->masks + from, left * sizeof *masks);
    for (; a < left; at++) {
        bool is_right = b < to && row_before(l, l->rows[b], rows[a]);
        uint32_t row = is_right ? l->rows[b] : rows[a];
        if (l->masks)
            l->masks[at] = is_right ? l->masks[b] : masks[a];
        l->rows[at] = row;
        b += is_right;
        a += !is_right;
    }
}

/* Brings the runs between the bounds into one, neighbours first: log(runs) times over the rows. */
static void unit_settle(struct joined *j, struct lists *l)
{
    while (j->bound_count > 2) {
        size_t kept = 0;
        for (size_t i = 0; i + 2 < j->bound_count; i += 2) {
            runs_merge(j, l, j->bounds[i], j->bounds[i + 1], j->bounds[i + 2]);
            j->bounds[kept++] = j->bounds[i];
        }
        if (j->bound_count % 2 == 0) /* a run without a neighbour */
            j->bounds[kept++] = j->bounds[j->bound_count - 2];
        j->bounds[kept++] = j->bounds[j->bound_count - 1];
        j->bound_count = kept;
    }
}

/* ---- joining ---- */

/* Takes a unit's next run of rows: of raw piece `p`, its person `index`, list entries from `found`.
 * Returns the entry after them. */
static size_t run_take(struct joined *j, struct lists *l, const struct piece *p, uint32_t index,
                       const uint32_t *rows, const uint32_t *masks, size_t found)
{
    const uint32_t *starts = p->segment->segment->starts;
    uint32_t end = starts[index + 1];

    if (p->is_every)
        for (uint32_t row = starts[index]; row < end; row++)
            l->rows[l->count++] = row;
    else
        for (; rows[found] < end; found++) {
            l->rows[l->count] = rows[found];
            if (l->masks)
                l->masks[l->count] = masks[found];
            l->count++;
        }
    if (l->count > j->bounds[j->bound_count - 1])
        ARRAY_PUSH(j->bounds, j->bound_count, j->bound_room) = l->count;
    return found;
}

static const struct column *sequence_of(const struct segment *g)
{
    for (size_t i = 0; i < g->column_count; i++)
        if (g->columns[i].kind == COLUMN_SEQUENCE)
            return &g->columns[i];
    return NULL;
}

static void unit_begin(struct joined *j, size_t at)
{
    j->bound_count = 0;
    ARRAY_PUSH(j->bounds, j->bound_count, j->bound_room) = at;
}

/* The unit's runs are complete; a unit without rows is none. */
static void unit_end(struct joined *j, struct lists *l, uint32_t unit)
{
    if (j->bound_count < 2)
        return;
    unit_settle(j, l);
    ARRAY_PUSH(j->units, j->unit_count, j->unit_room) = unit;
    ARRAY_PUSH(j->places, j->place_count, j->place_room) = l->count;
}

struct piece pieces_join(struct joined *j, const struct joining *who, const struct piece *raw,
                         size_t count, bool has_range, uint32_t *rows, uint32_t *masks, size_t at)
{
    const struct piece *range = has_range ? raw : NULL;
    const struct segment_plan *p = raw[0].segment;
    const uint32_t *persons = p->segment->persons;
    struct lists l = {p, sequence_of(p->segment), rows, raw[0].is_every ? NULL : masks, at};
    struct piece out = {.segment = p, .is_joined = true, .found_from = at};
    uint32_t own = range ? range->person_from : 0, end = range ? range->person_to : 0;
    size_t guest = has_range, found = range ? range->found_from : 0;

    out.unit_from = j->unit_count;
    out.place_from = j->place_count;
    ARRAY_PUSH(j->places, j->place_count, j->place_room) = at;
    while (own < end || guest < count) {
        uint32_t unit = own < end ? persons[own] : UINT32_MAX;
        bool is_own = guest == count || unit <= raw[guest].unit;
        if (!is_own)
            unit = raw[guest].unit;
        unit_begin(j, l.count);
        if (is_own && who->is_away[unit - who->low]) {
            if (!range->is_every)
                while (rows[found] < p->segment->starts[own + 1])
                    found++;
            own++;
            continue;
        }
        if (is_own)
            found = run_take(j, &l, range, own++, rows, masks, found);
        for (; guest < count && raw[guest].unit == unit; guest++)
            run_take(j, &l, &raw[guest], raw[guest].person_from, rows, masks,
                     raw[guest].found_from);
        unit_end(j, &l, unit);
    }
    out.unit_count = j->unit_count - out.unit_from;
    out.found_to = l.count;
    return out;
}
