/*
 * store/merge: one segment's bytes of several of the same month.
 *
 * First the order: people ascending; a person's rows by time, ties by sequence, then by age of the
 * segment, then by row. It is kept as runs of rows, since a person's rows mostly come from one
 * segment or in long stretches. Then a column at a time (merge_column.c).
 *
 * Memory: the bytes made, 12 bytes a run (at worst a row), 8 to 16 bytes a row for the column at
 * hand, and the column's texts.
 */
#include "store/merge.h"

struct source {
    struct segment *g;
    const uint32_t *times;
    const struct column *sequence; /* NULL = all 0 */
    uint32_t person;               /* next of g->persons */
    uint32_t row, end;             /* of the person at hand */
};

static bool source_open(struct source *s, struct segment *g, struct err *e)
{
    *s = (struct source){.g = g, .times = g->time->lanes};
    for (size_t i = 0; i < g->column_count; i++)
        if (g->columns[i].kind == COLUMN_SEQUENCE)
            s->sequence = &g->columns[i];
    return segment_pin(g, g->time, 0, g->rows, e) &&
           (!s->sequence || segment_pin(g, s->sequence, 0, g->rows, e));
}

static int64_t sequence_at(const struct source *s, uint32_t row)
{
    return s->sequence ? column_value(s->sequence, row).integer : 0;
}

/* Whether row `a` of x comes before row `b` of another source y. */
static bool is_before(const struct source *x, uint32_t a, const struct source *y, uint32_t b)
{
    if (x->times[a] != y->times[b])
        return x->times[a] < y->times[b];
    int64_t p = sequence_at(x, a), q = sequence_at(y, b);
    return p != q ? p < q : x < y; /* sources lie by age */
}

static void run_add(struct merge *m, uint32_t source, uint32_t from, uint32_t count)
{
    struct merge_run *last = m->run_count ? &m->runs[m->run_count - 1] : NULL;

    if (last && last->source == source && last->from + last->count == from)
        last->count += count;
    else
        ARRAY_PUSH(m->runs, m->run_count, m->run_room) = (struct merge_run){source, from, count};
    m->rows += count;
}

/* One person's rows out of the sources that have any, listed by `with`. */
static void person_merge(struct merge *m, struct source *sources, uint32_t *with, size_t count)
{
    while (count > 1) {
        size_t first = 0, second = SIZE_MAX;
        for (size_t i = 1; i < count; i++) {
            const struct source *s = &sources[with[i]];
            const struct source *f = &sources[with[first]];
            const struct source *o = second == SIZE_MAX ? NULL : &sources[with[second]];
            if (is_before(s, s->row, f, f->row)) {
                second = first;
                first = i;
            } else if (!o || is_before(s, s->row, o, o->row)) {
                second = i;
            }
        }
        struct source *f = &sources[with[first]];
        const struct source *o = &sources[with[second]];
        uint32_t to = f->row + 1;
        while (to < f->end && is_before(f, to, o, o->row))
            to++;
        run_add(m, with[first], f->row, to - f->row);
        f->row = to;
        if (to == f->end)
            with[first] = with[--count];
    }
    if (count)
        run_add(m, with[0], sources[with[0]].row, sources[with[0]].end - sources[with[0]].row);
}

static uint32_t person_at(const struct source *s)
{
    return s->person < s->g->person_count ? s->g->persons[s->person] : UINT32_MAX;
}

/* `heads`: the next person of each source; UINT32_MAX is never an ordinal. */
static void order_make(struct merge *m, struct source *sources, uint32_t *heads, uint32_t *with,
                       merge_drop_fn *drop, const void *context)
{
    for (;;) {
        uint32_t person = UINT32_MAX;
        size_t count = 0;
        for (size_t i = 0; i < m->source_count; i++)
            person = MIN(person, heads[i]);
        if (person == UINT32_MAX)
            return;
        for (uint32_t i = 0; i < m->source_count; i++) {
            struct source *s = &sources[i];
            if (heads[i] != person)
                continue;
            s->row = s->g->starts[s->person];
            s->end = s->g->starts[++s->person];
            heads[i] = person_at(s);
            with[count++] = i;
        }
        if (drop && drop(context, person))
            continue;
        if (m->person_count == m->person_room) {
            m->person_room = MAX(m->person_room * 2, 64);
            m->persons = mem_grow(m->persons, m->person_room, sizeof *m->persons);
            m->starts = mem_grow(m->starts, m->person_room + 1, sizeof *m->starts);
        }
        m->persons[m->person_count] = person;
        m->starts[m->person_count++] = m->rows;
        m->starts[m->person_count] = 0;
        person_merge(m, sources, with, count);
    }
}

static bool order_of(struct merge *m, merge_drop_fn *drop, const void *context, struct err *e)
{
    struct source *sources = mem_array(m->source_count, sizeof *sources);
    uint32_t *heads = mem_array(m->source_count, sizeof *heads);
    uint32_t *with = mem_array(m->source_count, sizeof *with);
    bool is_good = true;

    for (size_t i = 0; is_good && i < m->source_count; i++) {
        is_good = source_open(&sources[i], m->sources[i], e);
        heads[i] = person_at(&sources[i]);
    }
    if (is_good)
        order_make(m, sources, heads, with, drop, context);
    if (is_good && m->person_count)
        m->starts[m->person_count] = m->rows;
    mem_free(sources);
    mem_free(heads);
    mem_free(with);
    return is_good;
}

static void merge_free(struct merge *m)
{
    mem_free(m->runs);
    mem_free(m->persons);
    mem_free(m->starts);
    mem_free(m->runs_of);
    mem_free(m->runs_of_from);
    mem_free(m->run_at);
    encode_room_free(&m->work);
}

static bool write_all(struct merge *m, struct str project, uint64_t number, struct buf *into,
                      struct err *e)
{
    uint64_t age = UINT64_MAX;

    for (size_t i = 0; i < m->source_count; i++)
        age = MIN(age, m->sources[i]->age);
    encoder_begin(&m->encoder, into, &m->work, project, m->rows);
    m->encoder.packs = true;
    encoder_people(&m->encoder, m->persons, m->starts, (uint32_t)m->person_count);
    if (!merge_columns(m, e)) {
        encoder_drop(&m->encoder);
        return false;
    }
    return encoder_finish(&m->encoder, number, age, m->sources[0]->month_start, e);
}

bool merge_segments(struct segment *const *list, size_t count, struct str project, uint64_t number,
                    merge_drop_fn *drop, const void *context, struct buf *into, struct err *e)
{
    struct merge m = {.sources = list, .source_count = count};
    uint64_t rows = 0, bytes = 0;

    REQUIRE(count > 0 && into->len == 0);
    for (size_t i = 0; i < count; i++) {
        REQUIRE(list[i]->month_start == list[0]->month_start);
        rows += list[i]->rows;
        bytes += list[i]->bytes;
    }
    if (rows > SEGMENT_ROWS_MAX) {
        err_set(e, ERR_TOO_LARGE, "%llu rows are more than the %d that a segment holds",
                (unsigned long long)rows, SEGMENT_ROWS_MAX);
        return err_hint(e, "segments this large stay apart");
    }
    bool is_good = order_of(&m, drop, context, e);
    if (is_good && m.rows) {
        buf_reserve(into, bytes);
        is_good = write_all(&m, project, number, into, e);
    }
    merge_free(&m);
    if (!is_good)
        buf_clear(into);
    return is_good;
}
