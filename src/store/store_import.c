/* store/store_import: bulk: the same log in the same order, without waiting for the disk. */
#include "store/store_inner.h"

enum { IMPORT_BATCH_EVENTS = 16384 }; /* larger batches are cut: an import promises no atomicity */

bool store_refuse_stale(struct err *e)
{
    err_set(e, ERR_BUSY, "a write failed, and the store started anew, while this import ran");
    return err_hint(e, "run the import again; what is there already will not count twice");
}

bool store_import_begin(struct store *s, struct store_import **out, struct err *e)
{
    if (s->options.read_only)
        return err_set(e, ERR_INVALID, "%.*s is open for reading only", STR_ARG(s->dir));
    pthread_mutex_lock(&s->lock);
    bool is_stopped = s->is_stopped && !store_refuse_stopped(s, e);
    pthread_mutex_unlock(&s->lock);
    if (is_stopped)
        return false;
    struct store_import *i = mem_zero(sizeof *i);
    i->store = s;
    i->restarts = s->restarts;
    i->tally = tally_create();
    *out = i;
    return true;
}

static bool has_failed(struct store_import *i, struct err *e)
{
    pthread_mutex_lock(&i->store->queue_lock);
    bool failed = i->has_failed;
    if (failed)
        *e = i->err;
    pthread_mutex_unlock(&i->store->queue_lock);
    return failed;
}

static bool add_piece(struct store_import *i, const struct store_batch *batch, struct err *e)
{
    struct store *s = i->store;
    struct item *item = mem_zero(sizeof *item);
    item->import = i;
    struct batch_encoder *b = store_take_encoder(s);
    batch_encode(b, batch, &item->own);
    store_give_encoder(s, b);
    item->payload = buf_str(&item->own);
    if (store_has_unnamed(batch))
        item->tally = i->tally;
    if (!store_enqueue(s, item, e)) {
        buf_free(&item->own);
        mem_free(item);
        return false;
    }
    if (!s->has_threads)
        store_drain(s);
    return true;
}

bool store_import_add(struct store_import *i, const struct store_batch *batch, struct err *e)
{
    struct store_batch rest = *batch;
    while (rest.event_count + rest.fact_count) {
        struct store_batch piece = rest;
        piece.event_count = MIN(rest.event_count, (size_t)IMPORT_BATCH_EVENTS);
        piece.fact_count = piece.event_count == rest.event_count ? rest.fact_count : 0;
        if (has_failed(i, e) || !add_piece(i, &piece, e))
            return false;
        rest.events += piece.event_count;
        rest.event_count -= piece.event_count;
        rest.fact_count -= piece.fact_count;
    }
    return !has_failed(i, e);
}

bool store_import_finish(struct store_import *i, struct store_receipt *receipt, struct err *e)
{
    struct store *s = i->store;
    struct item item = {.must_sync = true}; /* behind all batches, and it asks for the sync */
    if (!store_enqueue(s, &item, e))
        return false;
    store_wait_for(s, &item);
    if (has_failed(i, e))
        return false;
    if (!item.is_ok) {
        *e = item.err;
        return false;
    }
    if (i->restarts != s->restarts)
        return store_refuse_stale(e);
    uint64_t dropped = 0;
    pthread_mutex_lock(&s->lock);
    bool ok = store_count_dropped(s, i->tally, &dropped, e);
    pthread_mutex_unlock(&s->lock);
    if (!ok)
        return false;
    *receipt = i->receipt; /* nothing is pending: nobody else writes it */
    receipt->accepted -= dropped;
    receipt->duplicates += dropped;
    return true;
}

void store_import_close(struct store_import *i)
{
    if (!i)
        return;
    struct store *s = i->store;
    if (!s->has_threads)
        store_drain(s);
    pthread_mutex_lock(&s->queue_lock);
    while (i->pending)
        pthread_cond_wait(&s->queue_moved, &s->queue_lock);
    pthread_mutex_unlock(&s->queue_lock);
    pthread_mutex_lock(&s->lock);
    tally_release(i->tally);
    pthread_mutex_unlock(&s->lock);
    mem_free(i);
}
