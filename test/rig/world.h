/*
 * world: a store on a simulated disk, and what it must hold: the batches of two writers (ledger.h)
 * and merges of pairs of people. What was refused by a failure may be in, whole, or out; looking
 * settles which.
 */
#pragma once
#include "ledger.h"
#include "rig.h"

enum { PAIRS = SAMPLE_PEOPLE / 2, WRITER = 0, IMPORTER = 1, PAST_MAX = 12 };

enum known { OUT, IN, MAYBE };

struct world {
    struct os *os;
    struct store *s;
    struct ledger ledger;
    enum known merged[PAIRS]; /* "person 2i + 1" into "person 2i" */
    uint64_t seed, dice;
    bool sync_lies; /* the control */
    bool is_erased; /* "leaver", who has traits and no events */
    bool has_rule;  /* to keep events of a name that none has */
    struct arena *arena;
};

static inline uint64_t throw(struct world * w, uint64_t limit)
{
    return hash_mix(w->seed ^ (w->dice++ << 20)) % limit;
}

static inline bool world_open(struct world *w, struct err *e)
{
    struct store_options options = {
        .project = STR("main"), .no_background = true, .chunk_rows = 24, .seal_rows = 96};
    return store_open(w->os, STR("/data"), &options, &w->s, e);
}

/* ---- comparing ---- */

static inline bool world_check_merges(struct world *w, struct err *e)
{
    struct snapshot *v = NULL;
    if (!store_snapshot(w->s, &v, e))
        return false;
    for (uint32_t i = 0; i < PAIRS && !e->kind; i++) {
        uint32_t a, b;
        bool is_one = sample_unit(v, 2 * i, &a) && sample_unit(v, 2 * i + 1, &b) && a == b;
        if (is_one && w->merged[i] == OUT)
            err_set(e, ERR_CORRUPT, "a merge of %u is there and was never sent", 2 * i);
        if (!is_one && w->merged[i] == IN)
            err_set(e, ERR_CORRUPT, "the merge of %u was acknowledged and is lost", 2 * i);
        w->merged[i] = is_one ? IN : OUT;
    }
    snapshot_release(v);
    return !e->kind;
}

/* What the store was told beside events and merges, and acknowledged, stands. */
static inline bool world_check_orders(struct world *w, struct err *e)
{
    struct keep_rule *rules;
    size_t count;
    uint32_t unit;
    struct snapshot *v = NULL;
    store_keep_list(w->s, w->arena, &rules, &count);
    if (w->has_rule && count != 1)
        return err_set(e, ERR_CORRUPT, "a rule was acknowledged and is lost");
    if (!store_snapshot(w->s, &v, e))
        return false;
    if (w->is_erased && snapshot_unit_find(v, STR("leaver"), &unit))
        err_set(e, ERR_CORRUPT, "an erasure was acknowledged, and the person is there");
    snapshot_release(v);
    return !e->kind;
}

static inline bool world_check(struct world *w, const char *when, struct err *e)
{
    return (ledger_check(&w->ledger, w->s, e) && world_check_merges(w, e) &&
            world_check_orders(w, e)) ||
           err_while(e, "%s", when);
}

/* Reading right after a failure: what was refused may be there or not, and is not settled by it. */
static inline bool world_check_reading(struct world *w, struct err *e)
{
    struct ledger ledger = w->ledger;
    enum known merged[PAIRS];
    memcpy(merged, w->merged, sizeof merged);
    bool ok = world_check(w, "reading after the failure", e);
    w->ledger = ledger;
    memcpy(w->merged, merged, sizeof merged);
    return ok;
}

/* ---- operations ---- */

/* The writer's next batch; what was refused is sent again. */
static inline struct store_batch world_batch(struct world *w, uint32_t writer, uint32_t ahead)
{
    uint32_t batch = w->ledger.acknowledged[writer] + ahead;
    w->ledger.sent[writer] = MAX(w->ledger.sent[writer], batch + 1);
    return ledger_batch(w->arena, writer, batch);
}

static inline bool world_append(struct world *w, struct err *e)
{
    struct store_receipt r;
    struct store_batch batch = world_batch(w, WRITER, 0);
    if (!store_append(w->s, &batch, &r, e))
        return false;
    w->ledger.acknowledged[WRITER]++;
    return true;
}

static inline bool world_fill(struct world *w, struct err *e)
{
    for (int i = 0; i < 6; i++) /* more than a chunk */
        if (!world_append(w, e))
            return false;
    return true;
}

static inline bool world_import(struct world *w, struct err *e)
{
    struct store_import *i = NULL;
    struct store_receipt r;
    bool ok = store_import_begin(w->s, &i, e);
    enum { BATCHES = 5 };
    for (uint32_t n = 0; ok && n < BATCHES; n++) {
        struct store_batch batch = world_batch(w, IMPORTER, n);
        ok = store_import_add(i, &batch, e);
    }
    ok = ok && store_import_finish(i, &r, e);
    store_import_close(i);
    if (ok)
        w->ledger.acknowledged[IMPORTER] += BATCHES;
    return ok;
}

static inline bool world_merge(struct world *w, struct err *e)
{
    uint32_t pair = (uint32_t) throw(w, PAIRS);
    struct fact f = {.kind = FACT_MERGE,
                     .subject = arena_printf(w->arena, "person %u", 2 * pair),
                     .other = arena_printf(w->arena, "person %u", 2 * pair + 1),
                     .received = SAMPLE_START,
                     .created = FACT_CREATED_NONE};
    struct store_receipt r;
    if (w->merged[pair] == OUT)
        w->merged[pair] = MAYBE;
    if (!store_append(w->s, &(struct store_batch){.facts = &f, .fact_count = 1}, &r, e))
        return false;
    w->merged[pair] = IN;
    return true;
}

static inline bool world_maintain(struct world *w, struct err *e)
{
    return store_maintain(w->s, e);
}

static inline bool world_reopen(struct world *w, struct err *e)
{
    store_close(TAKE(w->s));
    return world_open(w, e);
}

/* As after a kill: nothing was said at the end. */
static inline bool world_recover(struct world *w, struct err *e)
{
    struct os *old = w->os;
    w->os = os_sim_copy(old);
    store_close(TAKE(w->s));
    os_destroy(old);
    return world_open(w, e);
}

/* An open store with a past. */
static inline bool world_past(struct world *w, struct err *e)
{
    static bool (*const steps[])(struct world *, struct err *) = {
        world_append, world_append,   world_fill,   world_import,
        world_merge,  world_maintain, world_reopen,
    };
    bool ok = world_open(w, e);
    for (uint64_t i = 0, count = throw(w, PAST_MAX); ok && i < count; i++)
        ok = steps[throw(w, COUNT(steps))](w, e);
    return ok;
}

static inline void world_drop(struct world *w)
{
    store_close(w->s);
    os_destroy(w->os);
    arena_destroy(w->arena);
}
