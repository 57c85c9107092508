/*
 * store/store_compact: segments of a month into larger ones, and the thread that does it all.
 *
 * Only neighbours in age are merged, so that rows of equal time keep their order. In the background
 * a month is merged when its newest segments are at least four of similar size (each no more than
 * all younger ones together, twice), or when there are more than six; store_maintain makes one of
 * them.
 */
#include <stdlib.h>
#include <time.h>

#include "store/store_inner.h"

enum {
    SIMILAR_MIN = 4, /* so many of similar size are merged */
    MONTH_SEGMENTS_MAX = 6,
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
    if (count > MONTH_SEGMENTS_MAX && r.to - r.from < count - MONTH_SEGMENTS_MAX + 1)
        r.from = r.to - (count - MONTH_SEGMENTS_MAX + 1);
    if (r.to - r.from < SIMILAR_MIN && count <= MONTH_SEGMENTS_MAX)
        r.from = r.to;
    if (rows_of(s, r) > SEGMENT_ROWS_MAX)
        r.from = r.to;
    return r;
}

static bool choose(const struct store *s, bool all, struct range *out)
{
    for (size_t from = 0, to; from < s->live_count; from = to) {
        to = from + 1;
        while (to < s->live_count && s->live[to]->month_start == s->live[from]->month_start)
            to++;
        struct range month = {from, to};
        *out = all && rows_of(s, month) <= WHOLE_ROWS_MAX ? month : choose_young(s, month);
        if (out->to - out->from > 1)
            return true;
    }
    return false;
}

bool store_compaction_is_due(const struct store *s)
{
    struct range r;
    return choose(s, false, &r);
}

struct compaction {
    struct segment **old; /* counted */
    size_t count;
    struct segment *made;
    uint64_t number;
};

static void take_old(struct store *s, bool all, struct compaction *w)
{
    struct range r;
    pthread_mutex_lock(&s->lock);
    if (choose(s, all, &r)) {
        w->count = r.to - r.from;
        w->old = mem_array(w->count, sizeof *w->old);
        for (size_t i = 0; i < w->count; i++)
            w->old[i] = segment_keep(s->live[r.from + i]);
    }
    pthread_mutex_unlock(&s->lock);
}

static bool write_merged(struct store *s, struct compaction *w, struct err *e)
{
    char room[STORE_NAME_BYTES];
    BUF_AUTO bytes = {0};
    w->number = manifest_content(s->manifest)->marks.next_segment;
    struct str path = store_segment_path(s, room, w->number);
    if (!merge_segments(w->old, w->count, s->project, w->number, NULL, NULL, &bytes, e))
        return false;
    return store_write_segment(s, w->number, buf_str(&bytes), e) && os_dir_sync(s->os, s->dir, e) &&
           segment_open(s->os, path, s->project, &w->made, e);
}

/* After a full disk: the manifest does not name it. Left-overs of other failures go at the open. */
static void remove_made(struct store *s, const struct compaction *w)
{
    char room[STORE_NAME_BYTES];
    struct err ignored = {0};
    if (!os_remove(s->os, store_segment_path(s, room, w->number), &ignored))
        return;
}

static bool replace_in_manifest(struct store *s, struct compaction *w, struct err *e)
{
    uint64_t *removed = mem_array(w->count, sizeof *removed);
    for (size_t i = 0; i < w->count; i++)
        removed[i] = w->old[i]->number;
    struct manifest_segment added = {.number = w->made->number,
                                     .age = w->made->age,
                                     .month_start = w->made->month_start,
                                     .rows = w->made->rows,
                                     .bytes = w->made->bytes};
    struct manifest_edit edit = {.removed = removed,
                                 .removed_count = w->count,
                                 .added = &added,
                                 .added_count = 1,
                                 .marks = manifest_content(s->manifest)->marks};
    edit.marks.next_segment = w->number + 1;
    bool ok = manifest_edit(s->manifest, &edit, e);
    mem_free(removed);
    return ok;
}

static bool is_old(const struct compaction *w, const struct segment *g)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->old[i] == g)
            return true;
    return false;
}

static void publish(struct store *s, struct compaction *w)
{
    pthread_mutex_lock(&s->lock);
    size_t kept = 0;
    for (size_t i = 0; i < s->live_count; i++) {
        if (is_old(w, s->live[i]))
            segment_release(s->live[i]);
        else
            s->live[kept++] = s->live[i];
    }
    REQUIRE(s->live_count - kept == w->count);
    s->live[kept++] = segment_keep(w->made); /* at least two have gone: there is room */
    s->live_count = kept;
    qsort(s->live, s->live_count, sizeof *s->live, store_segment_order);
    pthread_mutex_unlock(&s->lock);
}

/* The manifest no longer names them; snapshots that read them keep them mapped. */
static bool remove_old(struct store *s, struct compaction *w, struct err *e)
{
    char room[STORE_NAME_BYTES];
    for (size_t i = 0; i < w->count; i++)
        if (!os_remove(s->os, store_segment_path(s, room, w->old[i]->number), e))
            return err_while(e, "removing a segment that was merged");
    return true;
}

bool store_compact(struct store *s, bool all, bool *did, struct err *e)
{
    struct compaction w = {0};
    take_old(s, all, &w);
    *did = w.count != 0;
    bool ok = true;
    if (*did) {
        ok = write_merged(s, &w, e) && replace_in_manifest(s, &w, e);
        if (!ok && e->kind == ERR_NO_SPACE)
            remove_made(s, &w);
        if (ok) {
            publish(s, &w);
            ok = remove_old(s, &w, e);
        }
    }
    for (size_t i = 0; i < w.count; i++)
        segment_release(w.old[i]);
    mem_free(w.old);
    segment_release(w.made);
    if (!ok && e->kind != ERR_NO_SPACE) {
        pthread_mutex_lock(&s->lock);
        store_stop(s, e);
        pthread_mutex_unlock(&s->lock);
    }
    return ok || err_while(e, "compacting %.*s", STR_ARG(s->dir));
}

/* ---- the background ---- */

/* Sealing or one compaction, with the store's lock let go meanwhile. */
static void maintain_step(struct store *s, bool seals)
{
    struct err e = {0};
    bool did;
    pthread_mutex_unlock(&s->lock);
    pthread_mutex_lock(&s->maintain_lock);
    bool ok = seals ? store_seal(s, &e) : store_compact(s, false, &did, &e);
    pthread_mutex_unlock(&s->maintain_lock);
    pthread_mutex_lock(&s->lock);
    if (!ok && e.kind == ERR_NO_SPACE) {
        s->is_waiting_for_space = true;
        pthread_cond_broadcast(&s->changed);
    }
}

static void wait_for_work(struct store *s, unsigned ms)
{
    struct timespec until;
    REQUIRE(clock_gettime(CLOCK_MONOTONIC, &until) == 0);
    uint64_t ns = (uint64_t)until.tv_nsec + (uint64_t)ms * 1000000;
    until.tv_sec += (time_t)(ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    pthread_cond_timedwait(&s->work, &s->lock, &until);
}

/* Starts anew after a failure; by turns quickly and patiently, as the disk may be away for long. */
static void restart_step(struct store *s, unsigned *tries)
{
    enum { FIRST_MS = 50, LAST_MS = 10000 };
    struct err ignored = {0}; /* it stays stopped for the first reason, and tries again */
    unsigned wait_ms = *tries < 8 ? MIN((unsigned)FIRST_MS << *tries, (unsigned)LAST_MS) : LAST_MS;
    wait_for_work(s, wait_ms);
    if (s->is_closing || !s->is_stopped)
        return;
    pthread_mutex_unlock(&s->lock);
    bool ok = store_restart(s, &ignored);
    pthread_mutex_lock(&s->lock);
    *tries = ok ? 0 : *tries + 1;
}

void *store_background_main(void *store)
{
    enum { SPACE_WAIT_MS = 2000 };
    struct store *s = store;
    unsigned tries = 0;
    pthread_mutex_lock(&s->lock);
    while (!s->is_closing) {
        struct err ignored = {0}; /* a failure has stopped the store, which says so */
        bool may_work = !s->is_stopped && !s->is_waiting_for_space;
        if (s->is_stopped && s->stop.kind != ERR_CORRUPT) {
            restart_step(s, &tries);
        } else if (!s->is_stopped && s->frozen && !s->is_imaging) {
            if (!store_settle(s, &ignored))
                continue;
        } else if (may_work && store_seal_is_due(s)) {
            maintain_step(s, true);
        } else if (may_work && store_compaction_is_due(s)) {
            maintain_step(s, false);
        } else if (s->is_waiting_for_space) {
            wait_for_work(s, SPACE_WAIT_MS);
            s->is_waiting_for_space = false;
        } else {
            pthread_cond_wait(&s->work, &s->lock);
        }
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}
