/*
 * store/store_compact: which segments of a month become one, and when.
 *
 * Only neighbours in age are merged, so that rows of equal time keep their order. In the background
 * a month is merged when its youngest segments are at least four of similar size (each no more than
 * all younger ones together, twice), or when there are more than six; the month with the most
 * segments comes first. store_maintain makes one of each month.
 *
 * A merge that would not fit (texts of more than 4 GiB in a column) is not tried again: the largest
 * of its segments stays apart, and only those on the same side of it are merged from then on.
 */
#include <stdlib.h>

#include "store/store_inner.h"

enum {
    SIMILAR_MIN = 4,          /* so many of similar size are merged */
    WHOLE_ROWS_MAX = 1 << 28, /* a month is not merged to more by store_maintain */
};

/* Neighbours in `live`: [from, to). */
struct range {
    size_t from, to;
};

static uint64_t rows_of(const struct store *s, struct range r)
{
    uint64_t rows = 0;
    for (size_t i = r.from; i < r.to; i++)
        rows += s->live[i]->rows;
    return rows;
}

/* The youngest that are worth merging; empty when none. */
static struct range choose_young(const struct store *s, struct range month)
{
    struct range r = {month.to - 1, month.to};
    uint64_t rows = s->live[r.from]->rows;
    while (r.from > month.from && s->live[r.from - 1]->rows <= 2 * rows)
        rows += s->live[--r.from]->rows;
    size_t count = month.to - month.from;
    /* Merging these leaves at most the allowed number. */
    if (count > STORE_MONTH_SEGMENTS_MAX && r.to - r.from < count - STORE_MONTH_SEGMENTS_MAX + 1)
        r.from = r.to - (count - STORE_MONTH_SEGMENTS_MAX + 1);
    if (r.to - r.from < SIMILAR_MIN && count <= STORE_MONTH_SEGMENTS_MAX)
        r.from = r.to;
    r.from = MAX(r.from, r.to > MERGE_SOURCES_MAX ? r.to - MERGE_SOURCES_MAX : 0);
    if (rows_of(s, r) > SEGMENT_ROWS_MAX)
        r.from = r.to;
    return r;
}

static bool stays_apart(const struct store *s, const struct segment *g)
{
    for (size_t i = 0; i < s->apart_count; i++)
        if (s->apart[i] == g->number)
            return true;
    return false;
}

/* The next neighbours of one month, none of which stays apart; empty at the end. */
static struct range next_month(const struct store *s, size_t from)
{
    while (from < s->live_count && stays_apart(s, s->live[from]))
        from++;
    size_t to = from;
    while (to < s->live_count && s->live[to]->month_start == s->live[from]->month_start &&
           !stays_apart(s, s->live[to]))
        to++;
    return (struct range){from, to};
}

static bool choose(const struct store *s, bool all, struct range *out)
{
    size_t most = 0;

    for (struct range month = next_month(s, 0); month.to > month.from;
         month = next_month(s, month.to)) {
        bool is_whole = all && rows_of(s, month) <= WHOLE_ROWS_MAX &&
                        month.to - month.from <= MERGE_SOURCES_MAX;
        struct range r = is_whole ? month : choose_young(s, month);
        if (r.to - r.from > 1 && month.to - month.from > most) {
            most = month.to - month.from;
            *out = r;
        }
    }
    return most != 0;
}

bool store_compaction_is_due(const struct store *s)
{
    struct range r;
    return choose(s, false, &r);
}

static struct segment **take_old(struct store *s, bool all, size_t *count)
{
    struct segment **old = NULL;
    struct range r;

    *count = 0;
    pthread_mutex_lock(&s->lock);
    if (choose(s, all, &r)) {
        *count = r.to - r.from;
        old = mem_array(*count, sizeof(struct segment *));
        for (size_t i = 0; i < *count; i++)
            old[i] = segment_keep(s->live[r.from + i]);
    }
    pthread_mutex_unlock(&s->lock);
    return old;
}

static void keep_apart(struct store *s, struct segment *const *old, size_t count)
{
    const struct segment *largest = old[0];

    for (size_t i = 1; i < count; i++)
        if (old[i]->bytes > largest->bytes)
            largest = old[i];
    pthread_mutex_lock(&s->lock);
    ARRAY_PUSH(s->apart, s->apart_count, s->apart_room) = largest->number;
    pthread_mutex_unlock(&s->lock);
}

bool store_compact(struct store *s, bool all, bool *did, struct err *e)
{
    size_t count;
    struct segment **old = take_old(s, all, &count);
    pthread_mutex_lock(&s->lock);
    AUTO(hidden) *hidden = hidden_keep(s->hidden);
    pthread_mutex_unlock(&s->lock);
    /* Rows of erased persons are left out: no answer shows them any more. */
    struct merge_choice choice = {.drop = hidden ? hidden_has : NULL, .context = hidden};

    *did = count != 0;
    if (!*did && all && store_facts_are_long(s))
        return store_compact_facts(s, e);
    bool ok = !*did || store_rewrite(s, old, count, &choice, !all, e);
    if (!ok && e->kind == ERR_TOO_LARGE) {
        *e = (struct err){0};
        keep_apart(s, old, count);
        ok = true;
    }
    for (size_t i = 0; i < count; i++)
        segment_release(old[i]);
    mem_free(old);
    return ok || err_while(e, "compacting %.*s", STR_ARG(s->dir));
}
