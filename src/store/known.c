/*
 * store/known: which rows known by content are there already.
 *
 * Rows of one (person, time) form a group; in a group, rows with the same content hash form a
 * cluster, in order of arrival. Nearly all groups are a single row, and their content is not even
 * looked at unless another segment has a row of that person and time: each other segment is joined
 * by person, then by time, both ascending and by galloping. Only where both are equal, and the name
 * too, is a stored row read back and its content hashed. A row is kept while its cluster, stored
 * and kept before, has no more than `copy` rows.
 */
#include <stdlib.h>

#include "store/chunk_rows.h"
#include "store/segment_event.h"

/* A row known by content in a group of several rows, by (content, arrival). */
struct entry {
    uint64_t content;
    uint32_t at;     /* in month->order */
    uint32_t stored; /* equal rows of the others; counted at the first of a cluster */
};

/* A group of several rows. */
struct crowd {
    uint32_t from, to;             /* rows: places in month->order */
    uint32_t entry_from, entry_to; /* those of them known by content */
};

struct search {
    const struct chunk *c;
    const struct chunk_month *month;
    struct crowd *crowds; /* by place */
    size_t crowd_count, crowd_room;
    struct entry *entries;
    size_t entry_count, entry_room;
    uint32_t
        *stored; /* by place, of single rows: equal rows of the others; NULL before the first */
    uint32_t ms_min, ms_max;
    struct arena *events;
    /* of the other segment at hand */
    struct segment *g;
    struct arena *arena;
    uint32_t *names; /* its name codes -> the chunk's, INTERN_NONE if the chunk lacks it; lazily */
};

static const struct chunk_row *row_at(const struct search *s, uint32_t at)
{
    return &s->c->rows[s->month->order[at]];
}

static int by_content(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    if (x->content != y->content)
        return x->content < y->content ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

static void crowd_add(struct search *s, uint32_t from, uint32_t to)
{
    uint32_t first = (uint32_t)s->entry_count;

    for (uint32_t at = from; at < to; at++)
        if (!row_at(s, at)->has_id)
            ARRAY_PUSH(s->entries, s->entry_count, s->entry_room) =
                (struct entry){.content = row_at(s, at)->content, .at = at};
    uint32_t end = (uint32_t)s->entry_count;
    if (end - first > 1)
        qsort(s->entries + first, end - first, sizeof *s->entries, by_content);
    ARRAY_PUSH(s->crowds, s->crowd_count, s->crowd_room) = (struct crowd){from, to, first, end};
}

static void crowds_make(struct search *s)
{
    const uint64_t *keys = s->month->keys;
    uint32_t count = s->month->count;

    s->ms_min = UINT32_MAX;
    for (uint32_t i = 0; i < count; i++) {
        s->ms_min = MIN(s->ms_min, (uint32_t)keys[i]);
        s->ms_max = MAX(s->ms_max, (uint32_t)keys[i]);
        if (LIKELY(i + 1 == count || keys[i] != keys[i + 1]))
            continue;
        uint32_t from = i;
        while (i + 1 < count && keys[i + 1] == keys[from])
            i++;
        crowd_add(s, from, i + 1);
    }
}

/* The first place from `from` on whose value is not below `value`: doubling steps, then halving. */
#define GALLOP(type, name, of)                                                                     \
    static uint32_t name(const type *list, uint32_t from, uint32_t count, uint32_t value)          \
    {                                                                                              \
        uint32_t step = 1, low = from, high = from;                                                \
        while (high < count && of(list[high]) < value) {                                           \
            low = high + 1;                                                                        \
            high = count - high > step ? high + step : count;                                      \
            step *= 2;                                                                             \
        }                                                                                          \
        while (low < high) {                                                                       \
            uint32_t middle = low + (high - low) / 2;                                              \
            if (of(list[middle]) < value)                                                          \
                low = middle + 1;                                                                  \
            else                                                                                   \
                high = middle;                                                                     \
        }                                                                                          \
        return low;                                                                                \
    }
#define ITSELF(v) (v)
#define PERSON(key) ((uint32_t)((key) >> 32))
GALLOP(uint32_t, gallop, ITSELF)
GALLOP(uint64_t, gallop_person, PERSON)

static void names_make(struct search *s)
{
    const struct column *c = s->g->name;

    s->names = arena_array(s->arena, c->dictionary_count, sizeof *s->names);
    for (uint32_t i = 0; i < c->dictionary_count; i++)
        s->names[i] = intern_find(s->c->names, column_dictionary_value(c, i).text);
}

static const struct crowd *crowd_at(const struct search *s, uint32_t from)
{
    size_t low = 0, high = s->crowd_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->crowds[middle].from < from)
            low = middle + 1;
        else
            high = middle;
    }
    return low < s->crowd_count && s->crowds[low].from == from ? &s->crowds[low] : NULL;
}

static struct entry *cluster_find(const struct search *s, const struct crowd *q, uint64_t content)
{
    uint32_t low = q->entry_from, high = q->entry_to;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (s->entries[middle].content < content)
            low = middle + 1;
        else
            high = middle;
    }
    bool is_there = low < q->entry_to && s->entries[low].content == content;
    return is_there ? &s->entries[low] : NULL;
}

/* Whether a stored row can equal one of the group that begins at `at`, by what is cheap to see. */
static bool may_equal(struct search *s, uint32_t at, const struct crowd *q, uint32_t row, bool *may,
                      struct err *e)
{
    struct segment *g = s->g;
    uint64_t place;

    *may = false;
    if (!segment_pin(g, g->name, row, row + 1, e))
        return false;
    if (!s->names)
        names_make(s);
    uint32_t name = s->names[column_lane(g->name, row)];
    if (name == INTERN_NONE)
        return true;
    if (!q && (row_at(s, at)->has_id || s->c->row_names[s->month->order[at]] != name))
        return true;
    if (g->id) {
        if (!segment_pin(g, g->id, row, row + 1, e))
            return false;
        if (column_place(g->id, row, &place))
            return true; /* known by its id */
    }
    *may = true;
    return true;
}

/* A stored row of the group's person and time: counts if its content is that of a cluster. */
static bool row_compare(struct search *s, uint32_t at, uint32_t row, struct err *e)
{
    const struct crowd *q = crowd_at(s, at);
    struct event event;
    bool may;

    if (!may_equal(s, at, q, row, &may, e))
        return false;
    if (!may)
        return true;
    arena_reset(s->events);
    if (!segment_event(s->g, row, s->events, &event, e))
        return false;
    struct event_parts parts = event_parts_of(&event);
    uint64_t content = event_body_hash(&event, &parts);
    if (q) {
        struct entry *found = cluster_find(s, q, content);
        if (found)
            found->stored++;
    } else if (row_at(s, at)->content == content) {
        if (!s->stored)
            s->stored = mem_array(s->month->count, sizeof *s->stored);
        s->stored[at]++;
    }
    return true;
}

/* Rows [at, to) of one person against the person's stored rows [row, end). */
static bool person_join(struct search *s, uint32_t at, uint32_t to, uint32_t row, uint32_t end,
                        struct err *e)
{
    const uint32_t *times = s->g->time->lanes;
    const uint64_t *keys = s->month->keys;

    if (!segment_pin(s->g, s->g->time, row, end, e))
        return false;
    while (at < to && row < end) {
        uint32_t ms = (uint32_t)keys[at], group = at;
        row = gallop(times, row, end, ms);
        for (; row < end && times[row] == ms; row++)
            if (!row_compare(s, group, row, e))
                return false;
        while (at < to && (uint32_t)keys[at] == ms)
            at++;
    }
    return true;
}

static bool segment_join(struct search *s, struct err *e)
{
    const struct segment *g = s->g;
    const uint64_t *keys = s->month->keys;
    uint32_t count = s->month->count, person = 0;

    for (uint32_t at = gallop_person(keys, 0, count, g->persons[0]); at < count;) {
        uint32_t who = PERSON(keys[at]);
        person = gallop(g->persons, person, g->person_count, who);
        if (person == g->person_count)
            break;
        if (g->persons[person] != who) {
            at = gallop_person(keys, at + 1, count, g->persons[person]);
            continue;
        }
        uint32_t to = at + 1;
        while (to < count && PERSON(keys[to]) == who)
            to++;
        if (!person_join(s, at, to, g->starts[person], g->starts[person + 1], e))
            return false;
        at = to;
    }
    return true;
}

static bool overlaps(const struct search *s, const struct segment *g)
{
    const struct chunk_month *m = s->month;

    return g->month_start == m->start && g->time_max >= m->start + s->ms_min &&
           g->time_min <= m->start + s->ms_max && g->persons[0] <= PERSON(m->keys[m->count - 1]) &&
           g->persons[g->person_count - 1] >= PERSON(m->keys[0]);
}

static bool others_join(struct search *s, struct segment *const *others, size_t other_count,
                        struct err *e)
{
    AUTO(arena) *events = arena_create(0);
    AUTO(arena) *arena = arena_create(0);

    s->events = events;
    s->arena = arena;
    for (size_t i = 0; i < other_count; i++) {
        if (!overlaps(s, others[i]))
            continue;
        s->g = others[i];
        s->names = NULL;
        arena_reset(arena);
        if (!segment_join(s, e))
            return false;
    }
    return true;
}

/* Which rows are one too many, now that equal rows are counted. */
static void settle(const struct search *s, bool *is_known)
{
    for (uint32_t at = 0; s->stored && at < s->month->count; at++)
        is_known[at] = s->stored[at] > 0 && s->stored[at] > row_at(s, at)->copy;
    for (size_t i = 0; i < s->crowd_count; i++) {
        uint64_t there = 0;
        for (uint32_t j = s->crowds[i].entry_from; j < s->crowds[i].entry_to; j++) {
            const struct entry *n = &s->entries[j];
            if (j == s->crowds[i].entry_from || n->content != n[-1].content)
                there = n->stored;
            is_known[n->at] = there > row_at(s, n->at)->copy;
            there += !is_known[n->at];
        }
    }
}

bool chunk_known(const struct chunk *c, const struct chunk_month *month,
                 struct segment *const *others, size_t other_count, bool *is_known, struct err *e)
{
    struct search s = {.c = c, .month = month};

    if (!c->has_content)
        return true;
    crowds_make(&s);
    bool is_good = others_join(&s, others, other_count, e);
    if (is_good)
        settle(&s, is_known);
    mem_free(s.crowds);
    mem_free(s.entries);
    mem_free(s.stored);
    return is_good;
}
