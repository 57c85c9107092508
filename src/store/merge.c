/*
 * store/merge: one segment's bytes of several of the same month.
 *
 * First the order: people ascending; a person's rows by time, ties by sequence, then by age of the
 * segment, then by row. It is kept as runs of rows, since a person's rows mostly come from one
 * segment or in long stretches. Then a column at a time (merge_column.c).
 *
 * Memory: 4 bytes a run (at worst a row), 8 bytes a person, the texts of the column at hand, for
 * ids 10 bits each and 128 MiB at most; and the bytes made, unless they go to a file.
 */
#include "store/merge.h"

struct source {
    struct segment *g;
    const uint32_t *times;
    const struct column *sequence; /* NULL = all 0 */
    uint32_t person;               /* next of g->persons */
    uint32_t row, end;             /* of the person at hand */
    uint32_t *before; /* by name code: rows earlier than this go; NULL: none go for their age */
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

/* What the rules say, by name code of this source. */
static bool source_rules(struct source *s, const struct merge_choice *choice, struct err *e)
{
    const struct column *name = s->g->name;

    for (size_t i = 0; i < choice->rule_count; i++) {
        const struct merge_rule *rule = &choice->rules[i];
        if (rule->before <= s->g->time_min)
            continue;
        if (!segment_pin(s->g, name, 0, s->g->rows, e))
            return false;
        for (uint32_t code = 0; code < name->dictionary_count; code++) {
            if (!str_equal(column_dictionary_value(name, code).text, rule->name))
                continue;
            if (!s->before)
                s->before = mem_array(name->dictionary_count, sizeof *s->before);
            int64_t ms = rule->before - s->g->month_start;
            s->before[code] = ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
        }
    }
    return true;
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

static void run_add(struct merge *m, uint32_t source, uint32_t count, bool skips)
{
    uint32_t kind = source << RUN_COUNT_BITS | (skips ? RUN_SKIPS : 0);
    uint32_t *last = m->run_count ? &m->runs[m->run_count - 1] : NULL;

    m->rows += skips ? 0 : count;
    if (last && (*last & ~(uint32_t)RUN_COUNT_MAX) == kind) {
        uint32_t more = MIN(count, RUN_COUNT_MAX - run_count(*last));
        *last += more;
        count -= more;
    }
    for (; count; count -= MIN(count, (uint32_t)RUN_COUNT_MAX))
        ARRAY_PUSH(m->runs, m->run_count, m->run_room) = kind | MIN(count, (uint32_t)RUN_COUNT_MAX);
}

/* A stretch of a source's rows, without those that the rules drop. */
static void stretch_add(struct merge *m, const struct source *s, uint32_t number, uint32_t to)
{
    if (!s->before) {
        run_add(m, number, to - s->row, false);
        return;
    }
    for (uint32_t row = s->row; row < to; row++) {
        uint32_t code = (uint32_t)column_lane(s->g->name, row);
        run_add(m, number, 1, s->times[row] < s->before[code]);
    }
}

/* One person's rows out of the sources that have any, listed by `with`: one at least. */
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
        stretch_add(m, f, with[first], to);
        f->row = to;
        if (to == f->end)
            with[first] = with[--count];
    }
    stretch_add(m, &sources[with[0]], with[0], sources[with[0]].end);
}

static uint32_t person_at(const struct source *s)
{
    return s->person < s->g->person_count ? s->g->persons[s->person] : UINT32_MAX;
}

/* `heads`: the next person of each source; UINT32_MAX is never an ordinal. */
static void order_make(struct merge *m, struct source *sources, uint32_t *heads, uint32_t *with,
                       const struct merge_choice *choice)
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
        if (choice->drop && choice->drop(choice->context, person)) {
            for (size_t i = 0; i < count; i++)
                run_add(m, with[i], sources[with[i]].end - sources[with[i]].row, true);
            continue;
        }
        if (m->person_count == m->person_room) {
            m->person_room = MAX(m->person_room * 2, 64);
            m->persons = mem_grow(m->persons, m->person_room, sizeof *m->persons);
            m->starts = mem_grow(m->starts, m->person_room + 1, sizeof *m->starts);
        }
        m->persons[m->person_count] = person;
        m->starts[m->person_count++] = m->rows;
        m->starts[m->person_count] = 0;
        person_merge(m, sources, with, count);
        if (m->starts[m->person_count - 1] == m->rows)
            m->person_count--; /* all of them were dropped */
    }
}

static bool order_of(struct merge *m, const struct merge_choice *choice, struct err *e)
{
    struct source *sources = mem_array(m->source_count, sizeof *sources);
    uint32_t *heads = mem_array(m->source_count, sizeof *heads);
    uint32_t *with = mem_array(m->source_count, sizeof *with);
    bool is_good = true;

    for (size_t i = 0; is_good && i < m->source_count; i++) {
        is_good =
            source_open(&sources[i], m->sources[i], e) && source_rules(&sources[i], choice, e);
        heads[i] = person_at(&sources[i]);
    }
    if (is_good)
        order_make(m, sources, heads, with, choice);
    if (is_good && m->person_count)
        m->starts[m->person_count] = m->rows;
    for (size_t i = 0; i < m->source_count; i++)
        mem_free(sources[i].before);
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
    encode_room_free(&m->work);
}

static bool write_all(struct merge *m, struct str project, uint64_t number, struct buf *into,
                      const struct encode_output *output, struct err *e)
{
    uint64_t age = UINT64_MAX;

    for (size_t i = 0; i < m->source_count; i++)
        age = MIN(age, m->sources[i]->age);
    encoder_begin(&m->encoder, into, output, &m->work, project, m->rows);
    m->encoder.packs = true;
    encoder_people(&m->encoder, m->persons, m->starts, (uint32_t)m->person_count);
    mem_free(TAKE(m->persons));
    mem_free(TAKE(m->starts));
    if (!merge_columns(m, e)) {
        encoder_drop(&m->encoder);
        return false;
    }
    return encoder_finish(&m->encoder, number, age, m->sources[0]->month_start, e);
}

static bool check_size(struct segment *const *list, size_t count, struct err *e)
{
    uint64_t rows = 0;

    REQUIRE(count > 0 && count <= MERGE_SOURCES_MAX);
    for (size_t i = 0; i < count; i++) {
        REQUIRE(list[i]->month_start == list[0]->month_start);
        rows += list[i]->rows;
    }
    if (rows <= SEGMENT_ROWS_MAX)
        return true;
    err_set(e, ERR_TOO_LARGE, "%llu rows are more than the %d that a segment holds",
            (unsigned long long)rows, SEGMENT_ROWS_MAX);
    return err_hint(e, "segments this large stay apart");
}

static bool merge(struct segment *const *list, size_t count, struct str project, uint64_t number,
                  const struct merge_choice *choice, struct buf *into,
                  const struct encode_output *output, uint32_t *rows, struct err *e)
{
    struct merge m = {.sources = list, .source_count = count};

    REQUIRE(into->len == 0);
    bool is_good = check_size(list, count, e) && order_of(&m, choice, e);
    if (is_good && m.rows)
        is_good = write_all(&m, project, number, into, output, e);
    *rows = m.rows;
    merge_free(&m);
    return is_good;
}

bool merge_segments(struct segment *const *list, size_t count, struct str project, uint64_t number,
                    merge_drop_fn *drop, const void *context, struct buf *into, struct err *e)
{
    struct merge_choice choice = {.drop = drop, .context = context};
    uint64_t bytes = 0;
    uint32_t rows;

    for (size_t i = 0; i < count; i++)
        bytes += list[i]->bytes;
    buf_reserve(into, bytes);
    bool is_good = merge(list, count, project, number, &choice, into, NULL, &rows, e);
    if (!is_good)
        buf_clear(into);
    return is_good;
}

bool merge_to_file(struct segment *const *list, size_t count, struct str project, uint64_t number,
                   const struct merge_choice *choice, const struct encode_output *output,
                   uint32_t *rows, struct err *e)
{
    BUF_AUTO window = {0};

    return merge(list, count, project, number, choice, &window, output, rows, e);
}
