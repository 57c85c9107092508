/*
 * store/store_append: batches into the log and then into memory: the queue and its one writer.
 *
 * Callers encode in their own threads and wait; the writer takes all that wait, writes them with
 * one write and one sync, applies them in order and wakes the callers. Without threads (tests) the
 * caller does the writer's work itself.
 */
#include "base/limits.h"
#include "store/store_inner.h"

/* ---- encoders ---- */

struct batch_encoder *store_take_encoder(struct store *s)
{
    struct batch_encoder *b = NULL;
    pthread_mutex_lock(&s->queue_lock);
    if (s->encoder_count)
        b = s->encoders[--s->encoder_count];
    pthread_mutex_unlock(&s->queue_lock);
    return b ? b : batch_encoder_create();
}

void store_give_encoder(struct store *s, struct batch_encoder *b)
{
    pthread_mutex_lock(&s->queue_lock);
    ARRAY_PUSH(s->encoders, s->encoder_count, s->encoder_room) = b;
    pthread_mutex_unlock(&s->queue_lock);
}

/* ---- the queue ---- */

bool store_enqueue(struct store *s, struct item *item, struct err *e)
{
    if (item->payload.len > STORE_BATCH_BYTES_MAX)
        return err_set(e, ERR_TOO_LARGE, "a batch takes %zu bytes in the log; the limit is %d",
                       item->payload.len, STORE_BATCH_BYTES_MAX);
    pthread_mutex_lock(&s->queue_lock);
    /* A batch of any size may go in when nothing else waits. */
    while (s->has_threads && s->queue_bytes &&
           s->queue_bytes + item->payload.len > STORE_QUEUE_BYTES && !s->queue_is_closing)
        pthread_cond_wait(&s->queue_moved, &s->queue_lock);
    bool is_closing = s->queue_is_closing;
    if (!is_closing) {
        item->next = NULL;
        *s->queue_end = item;
        s->queue_end = &item->next;
        s->queue_bytes += item->payload.len;
        if (item->import)
            item->import->pending++;
        pthread_cond_signal(&s->queue_filled);
    }
    pthread_mutex_unlock(&s->queue_lock);
    return !is_closing || err_set(e, ERR_BUSY, "the store is being closed");
}

/* What is written together: everything that waits, up to a limit. By the writer, which frees the
 * bytes when it is done with them: queue_bytes counts what is in memory. */
static struct item *take_group(struct store *s)
{
    pthread_mutex_lock(&s->queue_lock);
    struct item *first = s->queue, *last = NULL;
    uint64_t bytes = 0;
    for (struct item *i = first; i && (!last || bytes + i->payload.len <= STORE_GROUP_BYTES);
         i = i->next) {
        bytes += i->payload.len;
        last = i;
    }
    if (last) {
        s->queue = last->next;
        last->next = NULL;
        if (!s->queue)
            s->queue_end = &s->queue;
    }
    pthread_mutex_unlock(&s->queue_lock);
    return first;
}

static void finish_item(struct item *item)
{
    struct store_import *import = item->import;
    if (!import) {
        item->is_done = true; /* its owner may be gone as soon as the lock is */
        return;
    }
    import->pending--;
    if (!item->is_ok && !import->has_failed) {
        import->has_failed = true;
        import->err = item->err;
    }
    import->receipt.accepted += item->receipt.accepted;
    import->receipt.duplicates += item->receipt.duplicates;
    import->receipt.conflicts += item->receipt.conflicts;
    buf_free(&item->own);
    mem_free(item);
}

static void finish_group(struct store *s, struct item *first)
{
    pthread_mutex_lock(&s->queue_lock);
    for (struct item *i = first, *next; i; i = next) {
        next = i->next;
        s->queue_bytes -= i->payload.len;
        finish_item(i);
    }
    pthread_cond_broadcast(&s->queue_moved);
    pthread_mutex_unlock(&s->queue_lock);
}

/* ---- the log ---- */

static void stop(struct store *s, const struct err *why)
{
    pthread_mutex_lock(&s->lock);
    store_stop(s, why);
    pthread_mutex_unlock(&s->lock);
}

void store_note_fresh(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    wal_note_fresh(s->wal, s->fresh_from);
    pthread_mutex_unlock(&s->lock);
}

bool store_next_log(struct store *s, struct err *e)
{
    store_note_fresh(s);
    if (!wal_finish(s->wal, e))
        return false;
    struct identity who = {s->project, s->identity};
    struct wal *next = NULL;
    if (!wal_create(s->os, s->dir, &who, wal_number(s->wal) + 1, wal_next_sequence(s->wal), &next,
                    e))
        return false;
    wal_close(s->wal);
    s->wal = next;
    pthread_mutex_lock(&s->lock);
    ARRAY_PUSH(s->logs, s->log_count, s->log_room) =
        (struct log_file){wal_number(next), wal_next_sequence(next), wal_bytes(next)};
    pthread_mutex_unlock(&s->lock);
    return true;
}

/* On a full disk the old file goes on, unless the new one's name is there already. */
static bool next_log_when_due(struct store *s, struct err *e)
{
    char room[WAL_PATH_BYTES];
    if (wal_bytes(s->wal) < STORE_LOG_FILE_BYTES)
        return true;
    if (store_next_log(s, e))
        return true;
    if (e->kind != ERR_NO_SPACE || wal_is_broken(s->wal) ||
        os_exists(s->os, wal_path(room, s->dir, wal_number(s->wal) + 1)))
        return false;
    *e = (struct err){0};
    return true;
}

static bool is_logged(const struct item *i)
{
    return i->payload.len && !i->is_stale;
}

/* What an import wrote before a restart may be lost, so nothing more of it is taken. */
static void find_stale(struct store *s, struct item *first)
{
    for (struct item *i = first; i; i = i->next) {
        i->is_stale = i->import && i->import->restarts != s->restarts;
        if (i->is_stale)
            store_refuse_stale(&i->err);
    }
}

static bool log_group(struct store *s, struct item *first, struct err *e)
{
    size_t count = 0;
    bool must_sync = false;
    for (struct item *i = first; i; i = i->next) {
        count += is_logged(i);
        must_sync |= i->must_sync;
    }
    struct str *payloads = mem_array(count, sizeof *payloads);
    count = 0;
    for (struct item *i = first; i; i = i->next)
        if (is_logged(i))
            payloads[count++] = i->payload;
    bool ok = next_log_when_due(s, e);
    store_note_fresh(s);
    ok = ok && (!count || wal_write(s->wal, payloads, count, e));
    mem_free(payloads);
    if (ok && wal_unsynced_bytes(s->wal) &&
        (must_sync || wal_unsynced_bytes(s->wal) >= STORE_UNSYNCED_BYTES))
        ok = wal_sync(s->wal, e);
    return ok;
}

/* A full disk costs these batches and no more; anything else stops the store. */
static void fail_group(struct store *s, struct item *first, struct err *why)
{
    bool is_full = why->kind == ERR_NO_SPACE && !wal_is_broken(s->wal);
    if (is_full) {
        err_hint(why, "make room on the disk and send it again; nothing of it was stored");
        pthread_mutex_lock(&s->lock);
        s->is_waiting_for_space = false; /* sealing frees log files: worth a try now */
        pthread_cond_broadcast(&s->work);
        pthread_mutex_unlock(&s->lock);
    } else {
        stop(s, why);
        pthread_mutex_lock(&s->lock);
        store_refuse_stopped(s, why);
        pthread_mutex_unlock(&s->lock);
    }
    for (struct item *i = first; i; i = i->next)
        i->err = *why;
}

/* ---- into memory ---- */

static bool apply_item(struct store *s, struct item *item, uint64_t sequence, struct err *e)
{
    pthread_mutex_lock(&s->lock);
    bool ok = !s->is_stopped || store_refuse_stopped(s, e);
    s->erasure = item->erasure;
    if (ok)
        ok = store_apply(s, item->payload, sequence, item->tally, &item->receipt, e);
    if (ok && store_stage_is_full(s))
        ok = store_freeze(s, e);
    s->erasure = NULL;
    if (!ok)
        store_stop(s, e);
    pthread_mutex_unlock(&s->lock);
    return ok;
}

/* Appends of rows without ids learn here how many of them were there already. */
static bool count_dropped(struct store *s, struct item *item, struct err *e)
{
    uint64_t dropped = 0;
    pthread_mutex_lock(&s->lock);
    bool ok = store_count_dropped(s, item->tally, &dropped, e);
    pthread_mutex_unlock(&s->lock);
    item->receipt.accepted -= dropped;
    item->receipt.duplicates += dropped;
    return ok;
}

static void apply_group(struct store *s, struct item *first, uint64_t sequence)
{
    for (struct item *i = first; i; i = i->next) {
        i->is_ok = !i->is_stale && (!i->payload.len || apply_item(s, i, sequence, &i->err));
        sequence += is_logged(i);
    }
    for (struct item *i = first; i; i = i->next)
        if (i->is_ok && i->tally && !i->import)
            i->is_ok = count_dropped(s, i, &i->err);
    pthread_mutex_lock(&s->lock);
    s->logs[s->log_count - 1].bytes = wal_bytes(s->wal);
    pthread_mutex_unlock(&s->lock);
}

/* One group; false when nothing waits. */
static bool take_turn(struct store *s)
{
    pthread_mutex_lock(&s->writer_lock);
    struct item *first = take_group(s);
    if (first) {
        struct err e = {0};
        pthread_mutex_lock(&s->lock);
        bool ok = !s->is_stopped || store_refuse_stopped(s, &e);
        pthread_mutex_unlock(&s->lock);
        uint64_t sequence = wal_next_sequence(s->wal);
        find_stale(s, first);
        if (ok && log_group(s, first, &e))
            apply_group(s, first, sequence);
        else
            fail_group(s, first, &e);
        finish_group(s, first);
    }
    pthread_mutex_unlock(&s->writer_lock);
    return first != NULL;
}

void store_drain(struct store *s)
{
    while (take_turn(s))
        continue;
}

/* Sealing is behind: rows in memory are bounded, so the queue has to wait. */
static void wait_for_sealing(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    while (store_seal_is_behind(s) && !s->is_stopped && !s->is_closing && !s->is_waiting_for_space)
        pthread_cond_wait(&s->changed, &s->lock);
    pthread_mutex_unlock(&s->lock);
}

void *store_writer_main(void *store)
{
    struct store *s = store;
    for (;;) {
        pthread_mutex_lock(&s->queue_lock);
        while (!s->queue && !s->queue_is_closing)
            pthread_cond_wait(&s->queue_filled, &s->queue_lock);
        bool is_done = !s->queue;
        pthread_mutex_unlock(&s->queue_lock);
        if (is_done)
            return NULL;
        wait_for_sealing(s);
        take_turn(s);
    }
}

/* ---- appending ---- */

void store_wait_for(struct store *s, struct item *item)
{
    if (!s->has_threads)
        store_drain(s);
    pthread_mutex_lock(&s->queue_lock);
    while (!item->is_done)
        pthread_cond_wait(&s->queue_moved, &s->queue_lock);
    pthread_mutex_unlock(&s->queue_lock);
}

bool store_has_unnamed(const struct store_batch *batch)
{
    for (size_t i = 0; i < batch->event_count; i++)
        if (!batch->events[i].id.len)
            return true;
    return false;
}

static bool append_payload(struct store *s, struct str payload, bool has_unnamed,
                           struct store_receipt *receipt, struct err *e)
{
    struct item item = {.payload = payload, .must_sync = true};
    if (has_unnamed)
        item.tally = tally_create();
    bool ok = store_enqueue(s, &item, e);
    if (ok) {
        store_wait_for(s, &item);
        ok = item.is_ok;
        *receipt = item.receipt;
        if (!ok)
            *e = item.err;
    }
    pthread_mutex_lock(&s->lock);
    tally_release(item.tally);
    pthread_mutex_unlock(&s->lock);
    return ok;
}

bool store_append(struct store *s, const struct store_batch *batch, struct store_receipt *receipt,
                  struct err *e)
{
    enum { KEEP_BYTES = 64 << 10 };
    *receipt = (struct store_receipt){0};
    if (s->options.read_only)
        return err_set(e, ERR_INVALID, "%.*s is open for reading only", STR_ARG(s->dir));
    if (batch->event_count + batch->fact_count == 0)
        return true;
    BUF_AUTO payload = {0};
    buf_reserve(&payload, KEEP_BYTES);
    struct batch_encoder *b = store_take_encoder(s);
    batch_encode(b, batch, &payload);
    store_give_encoder(s, b);
    return append_payload(s, buf_str(&payload), store_has_unnamed(batch), receipt, e);
}
