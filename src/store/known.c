/*
 * store/known: which rows known by content are there already.
 *
 * Rows of one (person, time) form a group. In a group, rows with the same content hash form a
 * cluster, in order of arrival. Each other segment is joined with the groups by person, then by
 * time, both ascending and by galloping; only where both are equal, and the name too, is a stored
 * row read back and its content hashed. A row is kept while its cluster, stored and kept before,
 * has no more than `copy` rows.
 */
#include <stdlib.h>

#include "store/chunk_rows.h"
#include "store/radix.h"
#include "store/segment_event.h"

struct group {
    uint32_t person, ms; /* since the month's start */
    uint32_t from, to;   /* places in `entries` */
};

struct entry {
    uint64_t content;
    uint32_t at;     /* in month->order */
    uint32_t stored; /* equal rows of the others; counted at the first of a cluster */
};

struct search {
    const struct chunk *c;
    const struct chunk_month *month;
    struct group *groups;
    size_t group_count;
    struct entry *entries;
    size_t entry_count;
    uint32_t ms_min, ms_max;
    struct arena *arena;
    /* of the other segment at hand */
    struct segment *g;
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

static void groups_make(struct search *s)
{
    size_t room = 0;

    s->entries = mem_array(s->month->count, sizeof *s->entries);
    s->ms_min = UINT32_MAX;
    for (uint32_t i = 0; i < s->month->count; i++) {
        const struct chunk_row *row = row_at(s, i);
        uint32_t ms = (uint32_t)(row->time - s->month->start);
        struct group *last = s->group_count ? &s->groups[s->group_count - 1] : NULL;
        if (row->has_id)
            continue;
        if (!last || last->person != row->person || last->ms != ms) {
            uint32_t from = (uint32_t)s->entry_count;
            ARRAY_PUSH(s->groups, s->group_count, room) =
                (struct group){row->person, ms, from, from};
            last = &s->groups[s->group_count - 1];
        }
        s->entries[s->entry_count++] = (struct entry){.content = row->content, .at = i};
        last->to = (uint32_t)s->entry_count;
        s->ms_min = MIN(s->ms_min, ms);
        s->ms_max = MAX(s->ms_max, ms);
    }
    for (size_t i = 0; i < s->group_count; i++) {
        const struct group *q = &s->groups[i];
        if (q->to - q->from > 1)
            qsort(s->entries + q->from, q->to - q->from, sizeof *s->entries, by_content);
    }
}

/* The first place from `from` on whose value is not below `value`: doubling steps, then halving. */
static uint32_t gallop(const uint32_t *list, uint32_t from, uint32_t count, uint32_t value)
{
    uint32_t step = 1, low = from, high = from;

    while (high < count && list[high] < value) {
        low = high + 1;
        high = count - high > step ? high + step : count;
        step *= 2;
    }
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (list[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t groups_skip(const struct search *s, size_t from, uint32_t person)
{
    size_t step = 1, low = from, high = from;

    while (high < s->group_count && s->groups[high].person < person) {
        low = high + 1;
        high = MIN(high + step, s->group_count);
        step *= 2;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->groups[middle].person < person)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void names_make(struct search *s)
{
    const struct column *c = s->g->name;

    s->names = arena_array(s->arena, c->dictionary_count, sizeof *s->names);
    for (uint32_t i = 0; i < c->dictionary_count; i++)
        s->names[i] = intern_find(s->c->names, column_dictionary_value(c, i).text);
}

static bool group_has_name(const struct search *s, const struct group *q, uint32_t name)
{
    for (uint32_t i = q->from; i < q->to; i++)
        if (row_at(s, s->entries[i].at)->name == name)
            return true;
    return false;
}

static struct entry *cluster_find(const struct search *s, const struct group *q, uint64_t content)
{
    uint32_t low = q->from, high = q->to;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (s->entries[middle].content < content)
            low = middle + 1;
        else
            high = middle;
    }
    return low < q->to && s->entries[low].content == content ? &s->entries[low] : NULL;
}

/* A stored row of a group's person and time: counts if its content is that of a cluster. */
static bool row_compare(struct search *s, const struct group *q, uint32_t row, struct arena *events,
                        struct err *e)
{
    enum { SCAN_NAMES_MAX = 16 }; /* in large groups the search by content is quicker */
    struct segment *g = s->g;
    struct event event;
    uint64_t place;

    if (!segment_pin(g, g->name, row, row + 1, e))
        return false;
    if (!s->names)
        names_make(s);
    uint32_t name = s->names[column_lane(g->name, row)];
    if (name == INTERN_NONE || (q->to - q->from <= SCAN_NAMES_MAX && !group_has_name(s, q, name)))
        return true;
    if (g->id) {
        if (!segment_pin(g, g->id, row, row + 1, e))
            return false;
        if (column_place(g->id, row, &place))
            return true; /* known by its id */
    }
    arena_reset(events);
    if (!segment_event(g, row, events, &event, e))
        return false;
    struct entry *found = cluster_find(s, q, event_body_hash(&event, event_property_sum(&event)));
    if (found)
        found->stored++;
    return true;
}

/* Groups [from, to) of one person against the person's rows [row, end). */
static bool person_join(struct search *s, size_t from, size_t to, uint32_t row, uint32_t end,
                        struct arena *events, struct err *e)
{
    const uint32_t *times = s->g->time->lanes;

    if (!segment_pin(s->g, s->g->time, row, end, e))
        return false;
    for (size_t i = from; i < to && row < end; i++) {
        const struct group *q = &s->groups[i];
        row = gallop(times, row, end, q->ms);
        for (; row < end && times[row] == q->ms; row++)
            if (!row_compare(s, q, row, events, e))
                return false;
    }
    return true;
}

static bool segment_join(struct search *s, struct arena *events, struct err *e)
{
    const struct segment *g = s->g;
    uint32_t person = 0;

    for (size_t i = groups_skip(s, 0, g->persons[0]); i < s->group_count;) {
        person = gallop(g->persons, person, g->person_count, s->groups[i].person);
        if (person == g->person_count)
            break;
        size_t next = i + 1;
        if (g->persons[person] == s->groups[i].person) {
            while (next < s->group_count && s->groups[next].person == s->groups[i].person)
                next++;
            if (!person_join(s, i, next, g->starts[person], g->starts[person + 1], events, e))
                return false;
        } else {
            next = groups_skip(s, next, g->persons[person]);
        }
        i = next;
    }
    return true;
}

static bool overlaps(const struct search *s, const struct segment *g)
{
    return g->month_start == s->month->start && g->time_max >= s->month->start + s->ms_min &&
           g->time_min <= s->month->start + s->ms_max &&
           g->persons[0] <= s->groups[s->group_count - 1].person &&
           g->persons[g->person_count - 1] >= s->groups[0].person;
}

/* In a group whose clusters are counted: which rows are one too many. */
static void group_settle(const struct search *s, const struct group *q, bool *is_known)
{
    uint64_t there = 0;

    for (uint32_t i = q->from; i < q->to; i++) {
        const struct entry *n = &s->entries[i];
        if (i == q->from || n->content != n[-1].content)
            there = n->stored;
        is_known[n->at] = there > row_at(s, n->at)->copy;
        there += !is_known[n->at];
    }
}

static bool others_join(struct search *s, struct segment *const *others, size_t other_count,
                        struct err *e)
{
    AUTO(arena) *events = arena_create(0);

    for (size_t i = 0; i < other_count && s->group_count; i++) {
        if (!overlaps(s, others[i]))
            continue;
        s->g = others[i];
        s->names = NULL;
        arena_reset(s->arena);
        if (!segment_join(s, events, e))
            return false;
    }
    return true;
}

bool chunk_known(const struct chunk *c, const struct chunk_month *month,
                 struct segment *const *others, size_t other_count, bool *is_known, struct err *e)
{
    AUTO(arena) *arena = arena_create(0);
    struct search s = {.c = c, .month = month, .arena = arena};

    groups_make(&s);
    bool is_good = others_join(&s, others, other_count, e);
    for (size_t i = 0; is_good && i < s.group_count; i++)
        group_settle(&s, &s.groups[i], is_known);
    mem_free(s.groups);
    mem_free(s.entries);
    return is_good;
}
