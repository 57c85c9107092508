/*
 * store/store_recall: which of the log's ids are in the segments already?
 *
 * Mostly the log says so itself: a frame names the batches before it that were fresh when they were
 * applied, and what came to the segments since then came from batches that are not replayed. Left
 * are the batches of the last frame, and those around ids that were sent twice.
 *
 * Of these replaying must know, and asking each segment for each event takes longer than all the
 * rest: 24 months are up to 144 filters, each a miss of the cache, with a false alarm or two an
 * event. So before the replay the ids of the log are collected, sorted by hash, and asked for a
 * segment at a time: both sides are in the order of their hashes, and walked through once. What was
 * not found is in no segment; what was found is looked at again, one by one, when its event is
 * replayed.
 *
 * This only saves time: without it (damage, which the replay itself will name) each is asked for.
 */
#include "store/radix.h"
#include "store/segment_file.h"
#include "store/store_inner.h"

enum { TOGETHER = 1 << 16 }; /* so many ids are sorted at once */

struct recall {
    struct store *store;
    uint64_t from; /* first sequence that is replayed */
    struct wal_fresh fresh;
    bool is_fresh; /* the batch that is replayed now */
    struct hash128 *ids, *sorted;
    size_t id_count, id_room;
    struct radix_item *items, *spare;
    struct radix_item *found; /* key: the low half of a hash */
    size_t found_count, found_room;
    uint64_t *lows; /* found in one segment */
};

static struct recall *recall_create(struct store *s, uint64_t from)
{
    struct recall *r = mem_zero(sizeof *r);
    r->store = s;
    r->from = from;
    return r;
}

static void forget_ids(struct recall *r)
{
    mem_free(TAKE(r->ids));
    mem_free(TAKE(r->sorted));
    mem_free(TAKE(r->items));
    mem_free(TAKE(r->spare));
    mem_free(TAKE(r->lows));
    r->id_count = r->id_room = 0;
}

void store_recall_end(struct store *s)
{
    struct recall *r = TAKE(s->recall);
    if (!r)
        return;
    forget_ids(r);
    wal_fresh_free(&r->fresh);
    mem_free(r->found);
    mem_free(r);
}

static void sort_ids(struct recall *r)
{
    for (size_t i = 0; i < r->id_count; i++)
        r->items[i] = (struct radix_item){r->ids[i].low, (uint32_t)i};
    radix_sort(r->items, r->spare, r->id_count);
    for (size_t i = 0; i < r->id_count; i++)
        r->sorted[i] = r->ids[r->items[i].row];
}

/* Asks all segments for the ids that were collected. */
static bool ask(struct recall *r, struct err *e)
{
    const struct store *s = r->store;
    sort_ids(r);
    for (size_t i = 0; i < s->live_count; i++) {
        size_t count;
        if (!segment_find_hashes(s->live[i], r->sorted, r->id_count, r->lows, &count, e))
            return false;
        for (size_t k = 0; k < count; k++)
            ARRAY_PUSH(r->found, r->found_count, r->found_room) = (struct radix_item){r->lows[k]};
    }
    r->id_count = 0;
    return true;
}

static void make_room(struct recall *r, size_t more)
{
    if (r->id_count + more <= r->id_room)
        return;
    r->id_room = MAX(r->id_count + more, MIN(2 * r->id_room, (size_t)TOGETHER));
    r->ids = mem_grow(r->ids, r->id_room, sizeof *r->ids);
    r->sorted = mem_grow(r->sorted, r->id_room, sizeof *r->sorted);
    r->items = mem_grow(r->items, r->id_room, sizeof *r->items);
    r->spare = mem_grow(r->spare, r->id_room, sizeof *r->spare);
    r->lows = mem_grow(r->lows, r->id_room, sizeof *r->lows);
}

static bool collect(void *context, uint64_t sequence, struct str payload, struct err *e)
{
    struct recall *r = context;
    struct batch_reader *batch = &r->store->reader;
    if (sequence < r->from || wal_is_fresh(&r->fresh, sequence))
        return true;
    if (!batch_read(batch, payload, e))
        return false;
    if (!batch->has_ids)
        return true;
    if (r->id_count && r->id_count + batch->event_count > TOGETHER && !ask(r, e))
        return false;
    make_room(r, batch->event_count);
    for (size_t i = 0; i < batch->event_count; i++)
        if (batch->ids[i].len)
            r->ids[r->id_count++] = event_id_hash(batch->ids[i]);
    return true;
}

/* What the log says itself, or the ids of the batches of which it says nothing. */
static bool read_log(struct recall *r, uint64_t number, bool is_last, bool is_survey, struct err *e)
{
    char room[WAL_PATH_BYTES];
    struct store *s = r->store;
    struct identity who = {s->project, s->identity};
    struct str path = wal_path(room, s->dir, number);
    struct wal_end end;
    struct os_map map;
    if (!os_map(s->os, path, &map, e))
        return false;
    struct str bytes = {map.at, map.len};
    bool ok = true;
    if (is_survey)
        wal_find_fresh(bytes, &r->fresh);
    else
        ok = wal_read(bytes, path, &who, is_last, collect, r, &end, e);
    os_unmap(s->os, &map);
    return ok;
}

static void sort_found(struct recall *r)
{
    struct radix_item *spare = mem_array(r->found_count, sizeof *spare);
    radix_sort(r->found, spare, r->found_count);
    mem_free(spare);
}

void store_recall(struct store *s, uint64_t from, const uint64_t *logs, size_t count)
{
    struct err ignored = {0}; /* the replay meets it, too, and says more */
    bool has_ids = false, ok = true;
    for (size_t i = 0; i < s->live_count; i++)
        has_ids |= s->live[i]->id_count != 0;
    if (!has_ids)
        return;
    struct recall *r = s->recall = recall_create(s, from);
    for (size_t i = 0; ok && i < count; i++)
        ok = read_log(r, logs[i], false, true, &ignored);
    for (size_t i = 0; ok && i < count; i++)
        ok = read_log(r, logs[i], i + 1 == count, false, &ignored);
    if (!ok || !ask(r, &ignored)) {
        store_recall_end(s);
        return;
    }
    forget_ids(r);
    sort_found(r);
}

void store_recall_batch(struct store *s, uint64_t sequence)
{
    if (s->recall)
        s->recall->is_fresh = wal_is_fresh(&s->recall->fresh, sequence);
}

bool store_recalls_none(const struct store *s, struct hash128 hash)
{
    const struct recall *r = s->recall;
    if (!r || r->is_fresh)
        return r;
    size_t low = 0, high = r->found_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (r->found[middle].key < hash.low)
            low = middle + 1;
        else
            high = middle;
    }
    return low == r->found_count || r->found[low].key != hash.low;
}
