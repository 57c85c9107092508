/*
 * store/store_background: the thread that makes images, seals, compacts, removes what is too old,
 * and starts the store anew after a failure.
 */
#include "os/thread.h"
#include "store/store_inner.h"

void store_take_maintain_lock(struct store *s)
{
    s->maintain_waiting++;
    pthread_mutex_lock(&s->maintain_lock);
    s->maintain_waiting--;
}

enum step { STEP_SEAL, STEP_FOLD, STEP_COMPACT, STEP_KEEP, STEP_FORGET, STEP_LEARN };

/* One step, with the store's lock let go meanwhile. */
static void maintain_step(struct store *s, enum step step)
{
    struct err e = {0};
    struct keep_report removed = {0};
    struct store_forgotten forgotten;
    bool did;
    pthread_mutex_unlock(&s->lock);
    pthread_mutex_lock(&s->maintain_lock);
    bool ok = step == STEP_SEAL     ? store_seal(s, &e)
              : step == STEP_FOLD   ? store_fold(s, &e)
              : step == STEP_KEEP   ? store_keep_run(s, os_now_ms(s->os), true, &removed, &e)
              : step == STEP_FORGET ? store_forget_step(s, true, &forgotten, &e)
              : step == STEP_LEARN  ? store_learn(s, &did, &e)
                                    : store_compact(s, false, &did, &e);
    if (ok && step == STEP_SEAL && store_facts_are_long(s))
        ok = store_compact_facts(s, &e);
    pthread_mutex_unlock(&s->maintain_lock);
    pthread_mutex_lock(&s->lock);
    if (!ok && e.kind == ERR_NO_SPACE) {
        s->is_waiting_for_space = true;
        pthread_cond_broadcast(&s->changed);
    }
}

/* Starts anew after a failure; by turns quickly and patiently, as the disk may be away for long. */
static void restart_step(struct store *s, unsigned *tries)
{
    enum { FIRST_MS = 50, LAST_MS = 10000 };
    struct err ignored = {0}; /* it stays stopped for the first reason, and tries again */
    unsigned wait_ms = *tries < 8 ? MIN((unsigned)FIRST_MS << *tries, (unsigned)LAST_MS) : LAST_MS;
    wait_some(&s->work, &s->lock, wait_ms);
    if (s->is_closing || !s->is_stopped)
        return;
    pthread_mutex_unlock(&s->lock);
    bool ok = store_restart(s, &ignored);
    pthread_mutex_lock(&s->lock);
    *tries = ok ? 0 : *tries + 1;
}

void *store_background_main(void *store)
{
    enum { SPACE_WAIT_MS = 2000, KEEP_WAIT_MS = 60000 };
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
            maintain_step(s, STEP_SEAL);
        } else if (may_work && store_fold_is_due(s)) {
            maintain_step(s, STEP_FOLD);
        } else if (may_work && store_keep_is_due(s)) {
            maintain_step(s, STEP_KEEP);
        } else if (may_work && store_compaction_is_due(s)) {
            maintain_step(s, STEP_COMPACT);
        } else if (may_work && store_forget_is_due(s)) {
            maintain_step(s, STEP_FORGET);
        } else if (may_work && store_learn_is_due(s)) {
            maintain_step(s, STEP_LEARN);
        } else if (s->is_waiting_for_space) {
            wait_some(&s->work, &s->lock, SPACE_WAIT_MS);
            s->is_waiting_for_space = false;
        } else if (s->has_rules || s->forget_since) {
            wait_some(&s->work, &s->lock, KEEP_WAIT_MS);
        } else {
            pthread_cond_wait(&s->work, &s->lock);
        }
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}
