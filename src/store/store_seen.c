/*
 * store/store_seen: is an id in the sealed segments already?
 *
 * Each segment has a filter of its own ids, and asking a few dozen of them is quick. With hundreds,
 * nearly every event would pay for all of them, and for their false alarms. So from a certain
 * number of segments on a set of all ids is kept in memory (seen.h): new ids go in as they come,
 * those of the segments are learnt in the background, a segment at a time. Once all are learnt, an
 * id that the set does not know is new. What the set knows is looked for in the segments, so a
 * false alarm, or an id whose event has gone since, costs time and no more.
 */
#include "store/seen.h"
#include "store/segment_file.h"
#include "store/store_inner.h"

/* The person of a row, by the runs of a segment. */
static uint32_t person_of(const struct segment *g, uint32_t row)
{
    uint32_t low = 0, high = g->person_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        *(g->starts[middle] <= row ? &low : &high) = middle;
    }
    return g->persons[low];
}

static bool sealed_content(struct store *s, struct segment *g, uint32_t row, uint64_t *content,
                           struct err *e)
{
    struct event old;
    arena_reset(s->arena);
    if (!segment_event(g, row, s->arena, &old, e))
        return false;
    uint32_t person = person_of(g, row);
    if (person >= people_ordinals(s->people))
        return err_set(e, ERR_CORRUPT, "%.*s names person %u, and there is none", STR_ARG(g->path),
                       person);
    old.person = people_id_at(s->people, person);
    *content = event_content_hash(&old);
    return true;
}

/* Looks in the segments of the event's own month, or in all others. Newest first: what is sent
 * again is mostly young. */
static bool find_in(struct store *s, bool own_month, const struct event *ev, struct hash128 hash,
                    bool *found, uint64_t *content, struct err *e)
{
    for (size_t i = s->live_count; i-- > 0;) {
        struct segment *g = s->live[i];
        uint32_t row;
        if (!g->id_count || own_month != (ev->time >= g->time_min && ev->time <= g->time_max))
            continue;
        if (!segment_ids_ready(g, e))
            return false;
        if (LIKELY(!id_filter_has(g->id_filter, g->id_filter_words, hash)))
            continue;
        *found = segment_find_id(g, ev->id, &row, e);
        *found = *found && !hidden_has(s->hidden, person_of(g, row));
        if (*found)
            return sealed_content(s, g, row, content, e);
        if (e->kind)
            return false;
    }
    return true;
}

bool store_find_sealed(struct store *s, const struct event *ev, struct hash128 hash, bool *found,
                       uint64_t *content, struct err *e)
{
    *found = false;
    bool is_new =
        store_recalls_none(s, hash) ||
        (s->seen_old && !seen_may_have(s->seen_old, hash) && !seen_may_have(s->seen_young, hash));
    return is_new || (find_in(s, true, ev, hash, found, content, e) &&
                      (*found || find_in(s, false, ev, hash, found, content, e)));
}

/* ---- learning ---- */

bool store_learn_is_due(const struct store *s)
{
    return !s->seen_old && (s->seen_young || s->live_count >= s->options.seen_segments);
}

/* From here on new ids are noted; those that are in now are to be learnt. Under the lock. */
static void begin(struct store *s)
{
    uint64_t ids = 0;
    s->learning = mem_array(s->live_count, sizeof *s->learning);
    for (size_t i = 0; i < s->live_count; i++) {
        if (!s->live[i]->id_count)
            continue;
        s->learning[s->learning_count++] = segment_keep(s->live[i]);
        ids += s->live[i]->id_count;
    }
    s->seen_learnt = seen_create(ids);
    s->seen_young = seen_create(MIN(store_seal_rows(s), (uint64_t)STORE_SEAL_ROWS_MAX));
    for (size_t i = 0; i < ids_count(s->ids); i++)
        seen_add(s->seen_young, ids_at(s->ids, i));
}

static bool learn_segment(struct store *s, struct segment *g, struct err *e)
{
    if (!segment_pin(g, g->id, 0, g->rows, e))
        return false;
    for (uint32_t i = 0; i < g->id_count; i++) {
        struct id_key key = column_id_key(g->id, i);
        seen_add(s->seen_learnt, id_key_hash(&key));
    }
    return true;
}

bool store_learn(struct store *s, bool *did, struct err *e)
{
    pthread_mutex_lock(&s->lock);
    *did = store_learn_is_due(s);
    if (*did && !s->seen_young)
        begin(s);
    struct segment *g = s->learning_count ? s->learning[--s->learning_count] : NULL;
    if (*did && !g) {
        s->seen_old = TAKE(s->seen_learnt);
        mem_free(TAKE(s->learning));
    }
    pthread_mutex_unlock(&s->lock);
    bool ok = !g || learn_segment(s, g, e);
    segment_release(g);
    if (!ok) {
        pthread_mutex_lock(&s->lock);
        store_stop(s, e);
        pthread_mutex_unlock(&s->lock);
    }
    return ok || err_while(e, "learning the ids in %.*s", STR_ARG(s->dir));
}

void store_seen_free(struct store *s)
{
    while (s->learning_count)
        segment_release(s->learning[--s->learning_count]);
    mem_free(s->learning);
    seen_destroy(s->seen_old);
    seen_destroy(s->seen_learnt);
    seen_destroy(s->seen_young);
}
