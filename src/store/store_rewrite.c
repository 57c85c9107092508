/*
 * store/store_rewrite: some segments of a month become one, or none, while everybody goes on.
 *
 * The new bytes go to a temporary file, block by block. Between blocks the rewriting rests, so that
 * it keeps within its budget, and sees to what cannot wait: rows in memory that have to be sealed.
 * Readers and writers never wait for it: it holds maintain_lock, which neither takes, and the
 * store's lock only to exchange the segments in the list. A crash at any step leaves the old
 * segments or the new one: only the manifest's record decides.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "os/thread.h"
#include "store/encoder.h"
#include "store/store_inner.h"

enum {
    SYNC_BYTES = 32 << 20, /* so that a large file does not reach the disk in one piece */
    REST_MS_MAX = 50,      /* then it looks again whether somebody waits */
};

struct rewrite {
    struct store *s;
    struct segment *const *old;
    size_t count;
    const struct merge_choice *choice;
    bool is_paced;
    struct os_file *file;
    uint64_t number, unsynced;
    uint64_t turned_ns; /* when the last turn ended */
    uint32_t rows;
    struct segment *made; /* NULL: no row is left */
};

uint64_t store_take_number(struct store *s)
{
    uint64_t next = manifest_content(s->manifest)->marks.next_segment;
    s->numbers_from = MAX(s->numbers_from, next) + 1;
    return s->numbers_from - 1;
}

/* ---- between blocks ---- */

/* How long to rest after so many bytes, given what writing them took. */
static uint64_t rest_ms(struct rewrite *w, uint64_t bytes)
{
    const struct store *s = w->s;
    uint64_t now = os_monotonic_ns(s->os), took_ms = (now - w->turned_ns) / 1000000;
    uint64_t budget = s->options.compact_bytes_per_second;
    uint64_t due_ms = w->is_paced ? bytes * 1000 / budget : 0;

    w->turned_ns = now;
    return due_ms > took_ms ? due_ms - took_ms : 0;
}

/* Under lock. */
static bool may_go_on(const struct rewrite *w, struct err *e)
{
    const struct store *s = w->s;

    if (s->is_stopped)
        return store_refuse_stopped(s, e);
    if (s->is_closing && w->is_paced)
        return err_set(e, ERR_BUSY, "the store is being closed");
    return true;
}

/* Under lock, which it lets go. What is urgent comes before the next block. */
static bool see_to_others(struct rewrite *w, struct err *e)
{
    struct store *s = w->s;
    bool ok = !s->frozen || s->is_imaging || store_settle(s, e);

    if (ok && store_seal_is_due(s)) {
        pthread_mutex_unlock(&s->lock);
        ok = store_seal(s, e);
        pthread_mutex_lock(&s->lock);
    }
    return ok;
}

static bool turn(void *context, uint64_t bytes, struct err *e)
{
    struct rewrite *w = context;
    struct store *s = w->s;

    w->unsynced += bytes;
    if (w->unsynced >= SYNC_BYTES) {
        w->unsynced = 0;
        if (!os_file_sync(w->file, e))
            return false;
    }
    pthread_mutex_lock(&s->lock);
    bool ok = may_go_on(w, e) && see_to_others(w, e) && may_go_on(w, e);
    for (uint64_t left = rest_ms(w, bytes); ok && left && !s->maintain_waiting;) {
        unsigned ms = (unsigned)MIN(left, (uint64_t)REST_MS_MAX);
        wait_some(&s->work, &s->lock, ms);
        left -= ms;
        ok = may_go_on(w, e) && see_to_others(w, e);
    }
    pthread_mutex_unlock(&s->lock);
    w->turned_ns = os_monotonic_ns(s->os);
    return ok;
}

/* ---- the steps ---- */

static bool write_file(struct rewrite *w, struct str path, struct err *e)
{
    struct store *s = w->s;
    struct encode_output output = {.turn = turn, .context = w};

    if (!os_file_open(s->os, path, OS_CREATE, &w->file, e))
        return false;
    output.file = w->file;
    bool ok =
        merge_to_file(w->old, w->count, s->project, w->number, w->choice, &output, &w->rows, e) &&
        (!w->rows || os_file_sync(w->file, e));
    os_file_close(TAKE(w->file));
    return ok;
}

static bool make(struct rewrite *w, struct err *e)
{
    struct store *s = w->s;
    char room[STORE_NAME_BYTES], temporary_room[STORE_NAME_BYTES];
    struct err ignored = {0};
    struct str path = store_segment_path(s, room, w->number);
    int len = snprintf(temporary_room, sizeof temporary_room, "%.*s.tmp", STR_ARG(path));
    REQUIRE(len > 0 && len < STORE_NAME_BYTES);
    struct str temporary = {temporary_room, (size_t)len};

    bool ok = write_file(w, temporary, e);
    if (ok && w->rows)
        ok = os_rename(s->os, temporary, path, e) && os_dir_sync(s->os, s->dir, e) &&
             segment_open(s->os, path, s->project, &w->made, e);
    if ((!ok || !w->rows) && !os_remove(s->os, temporary, &ignored))
        return ok; /* the left-over goes at the next open */
    return ok;
}

/* After a full disk: the manifest does not name it. Left-overs of other failures go at the open. */
static void remove_made(const struct rewrite *w)
{
    char room[STORE_NAME_BYTES];
    struct err ignored = {0};
    (void)!os_remove(w->s->os, store_segment_path(w->s, room, w->number), &ignored);
}

static bool replace_in_manifest(struct rewrite *w, struct err *e)
{
    struct store *s = w->s;
    struct manifest_segment added = {0};
    uint64_t *removed = mem_array(w->count, sizeof *removed);
    for (size_t i = 0; i < w->count; i++)
        removed[i] = w->old[i]->number;
    if (w->made)
        added = store_segment_entry(w->made);
    struct manifest_edit edit = {.removed = removed,
                                 .removed_count = w->count,
                                 .added = &added,
                                 .added_count = w->made != NULL,
                                 .marks = manifest_content(s->manifest)->marks};
    edit.marks.next_segment = MAX(edit.marks.next_segment, w->number + 1);
    bool ok = manifest_edit(s->manifest, &edit, e);
    mem_free(removed);
    return ok;
}

static bool is_old(const struct rewrite *w, const struct segment *g)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->old[i] == g)
            return true;
    return false;
}

static void publish(struct rewrite *w)
{
    struct store *s = w->s;
    size_t kept = 0;
    uint64_t rows = 0;

    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->live_count; i++) {
        if (is_old(w, s->live[i])) {
            rows += s->live[i]->rows;
            segment_release(s->live[i]);
        } else {
            s->live[kept++] = s->live[i];
        }
    }
    REQUIRE(s->live_count - kept == w->count);
    if (w->made)
        s->live[kept++] = segment_keep(w->made); /* at least one has gone: there is room */
    s->live_count = kept;
    s->changes += rows != (w->made ? w->made->rows : 0);
    if (kept)
        qsort(s->live, kept, sizeof *s->live, store_segment_order);
    s->rewritten_bytes += w->made ? w->made->bytes : 0;
    pthread_mutex_unlock(&s->lock);
}

/* The manifest no longer names them; snapshots that read them keep them mapped. */
static bool remove_old(struct rewrite *w, struct err *e)
{
    char room[STORE_NAME_BYTES];
    for (size_t i = 0; i < w->count; i++)
        if (!os_remove(w->s->os, store_segment_path(w->s, room, w->old[i]->number), e))
            return err_while(e, "removing a segment that was replaced");
    return true;
}

bool store_rewrite(struct store *s, struct segment *const *old, size_t count,
                   const struct merge_choice *choice, bool is_paced, struct err *e)
{
    struct rewrite w = {.s = s,
                        .old = old,
                        .count = count,
                        .choice = choice,
                        .is_paced = is_paced,
                        .number = store_take_number(s),
                        .turned_ns = os_monotonic_ns(s->os)};
    bool ok = make(&w, e) && replace_in_manifest(&w, e);
    if (!ok && e->kind == ERR_NO_SPACE)
        remove_made(&w);
    if (ok) {
        publish(&w);
        ok = remove_old(&w, e);
    }
    segment_release(w.made);
    if (!ok && e->kind != ERR_NO_SPACE && e->kind != ERR_TOO_LARGE && e->kind != ERR_BUSY) {
        pthread_mutex_lock(&s->lock);
        store_stop(s, e);
        pthread_mutex_unlock(&s->lock);
    }
    return ok;
}

bool store_drop_segments(struct store *s, struct segment *const *old, size_t count, struct err *e)
{
    struct rewrite w = {.s = s, .old = old, .count = count};
    bool ok = replace_in_manifest(&w, e);

    if (ok) {
        publish(&w);
        ok = remove_old(&w, e);
    }
    if (!ok && e->kind != ERR_NO_SPACE) {
        pthread_mutex_lock(&s->lock);
        store_stop(s, e);
        pthread_mutex_unlock(&s->lock);
    }
    return ok;
}
