/*
 * crash: the power goes at every call. A story is a run of random steps (appends with resent and
 * conflicting events, imports, merges, traits, sealing, compaction, erasing, backups, reopening) on
 * a simulated disk. Before each call that changes the disk, the disk is copied and damaged in each
 * way that a power cut has (os/os_sim.h); the copy is opened, with the power going up to five times
 * more while that runs, and asked for everything. It must hold the batches 1 … n, whole and in
 * order, where n is no less than what was acknowledged and no more than what was sent. That is one
 * trial.
 *
 * --control: the disk's syncs say yes and do nothing; losses must be seen, or this rig is blind.
 */
#include "rig.h"

#include "os/os_sim.h"
#include "teller.h"

enum {
    STEPS = 24,
    IMPORT_BATCHES = 3,
    RECOVERY_CUTS = 5,
    HISTORY_MAX = 512,
};

struct story {
    struct rig *rig;
    struct pool *pool;
    uint64_t seed;
    uint64_t backups;
    uint64_t points; /* of this story so far */
    struct os *os;
    struct store *store;
    struct teller teller;
    struct plain_digest history[HISTORY_MAX];
    struct plain models[IMPORT_BATCHES + 1]; /* after batch `acknowledged` + i */
    size_t acknowledged, sent;               /* batches: where history may be read */
    const char *step;
    bool is_over;
    uint64_t *recovery_cuts, *losses;
};

static bool open_store(struct os *os, struct store **out, struct err *e)
{
    struct store_options options = {
        .project = STR("main"), .no_background = true, .chunk_rows = 12, .seal_rows = 40};
    return store_open(os, STR("/data"), &options, out, e);
}

/* ---- one crash ---- */

/* The power goes while the store is being opened, up to five times, one inside the other. */
static void cut_recovery(struct story *s, struct os *os, uint64_t *throw)
{
    for (int cut = 0; cut < RECOVERY_CUTS && (*throw = hash_mix(*throw)) % (cut ? 2 : 4) == 0;
         cut++) {
        struct store *broken = NULL;
        struct err e = {0};
        uint64_t seed = hash_mix(*throw);
        os_sim_set_plan(os, (struct os_sim_plan){.seed = seed, .stop_at = 1 + seed % 10});
        if (open_store(os, &broken, &e))
            store_close(broken);
        os_sim_crash_as(os, (enum os_sim_damage)(seed >> 32) % OS_SIM_DAMAGES);
        ++*s->recovery_cuts;
    }
    os_sim_set_plan(os, (struct os_sim_plan){.seed = *throw});
}

static bool is_in_history(const struct story *s, struct plain_digest d)
{
    for (size_t n = s->acknowledged; n <= s->sent; n++)
        if (plain_equal(d, s->history[n]))
            return true;
    return false;
}

/* It goes on as if nothing had been: one more event, and it is still there after another opening.
 */
static bool goes_on(struct story *s, struct os *os, struct store **store, struct err *e)
{
    AUTO(arena) *arena = arena_create(0);
    struct event ev = plain_event(arena, PLAIN_EVENTS_MAX - 2, 0, 0, PLAIN_START);
    struct store_receipt r;
    struct plain_digest before, after;
    if (!plain_ask_store(*store, s->pool, &before, e) ||
        !store_append(*store, &(struct store_batch){.events = &ev, .event_count = 1}, &r, e) ||
        !store_maintain(*store, e))
        return false;
    store_close(TAKE(*store));
    os_sim_crash_as(os, OS_SIM_DROP);
    if (!open_store(os, store, e) || !plain_ask_store(*store, s->pool, &after, e))
        return false;
    return (r.accepted == 1 && after.rows == before.rows + 1) ||
           err_set(e, ERR_CORRUPT, "an event that was added after recovery is not there");
}

static bool check_copy(struct story *s, struct os *os, bool is_long, struct err *e)
{
    AUTO(store) *store = NULL;
    struct plain_digest d;
    if (!open_store(os, &store, e) || !plain_ask_store(store, s->pool, &d, e))
        return false;
    if (!is_in_history(s, d)) {
        if (!s->rig->is_control)
            plain_explain(&s->teller.model, store, s->pool);
        return err_set(e, ERR_CORRUPT,
                       "what is there is not the first n batches, %zu <= n <= %zu (%" PRIu64
                       " events)",
                       s->acknowledged, s->sent, d.rows);
    }
    return !is_long || goes_on(s, os, &store, e);
}

static void crash_once(struct story *s, struct os *os, enum os_sim_damage damage)
{
    uint64_t throw = hash_mix(s->seed << 20 ^ s->points);
    struct err e = {0};
    AUTO(os) *copy = os_sim_copy(os);
    os_sim_set_plan(copy, (struct os_sim_plan){.seed = throw});
    os_sim_crash_as(copy, damage);
    cut_recovery(s, copy, &throw);
    bool ok = check_copy(s, copy, hash_mix(throw) % 16 == 0, &e);
    s->points++;
    if (ok)
        s->rig->passed++;
    else if (s->rig->is_control)
        ++*s->losses;
    else
        s->is_over = !rig_fail(s->rig, s->seed, "call %" PRIu64 ", damage %d, during %s: %s: %s",
                               os_sim_calls(os), damage, s->step, e.text, e.hint);
}

static void crash_here(void *context, struct os *os)
{
    struct story *s = context;
    unsigned kinds = os_sim_is_unsynced(os) ? OS_SIM_DAMAGES : 1;
    for (unsigned i = 0; i < kinds && !s->is_over; i++)
        crash_once(s, os, (enum os_sim_damage)i);
}

/* ---- the steps ---- */

static void note_sent(struct story *s)
{
    s->history[++s->sent] = plain_digest(&s->teller.model);
    s->models[s->sent - s->acknowledged] = s->teller.model;
}

/* The next batch, and what the store may hold once it is sent. */
static struct store_batch *send(struct story *s, struct arena *arena, struct teller_file *file,
                                struct store_receipt *want)
{
    struct store_batch *batch = teller_batch(&s->teller, arena, file, want);
    REQUIRE(s->sent + 1 < HISTORY_MAX && s->sent - s->acknowledged < IMPORT_BATCHES);
    note_sent(s);
    return batch;
}

static void acknowledge(struct story *s)
{
    s->acknowledged = s->sent;
    s->models[0] = s->teller.model;
}

static bool step_append(struct story *s, struct arena *arena, struct err *e)
{
    struct teller_file file = {0};
    struct store_receipt want = {0}, got;
    struct store_batch *batch = send(s, arena, &file, &want);
    if (!store_append(s->store, batch, &got, e))
        return false;
    acknowledge(s);
    return teller_receipt(got, want, e);
}

static bool step_import(struct story *s, struct arena *arena, struct err *e)
{
    AUTO(store_import) *import = NULL;
    struct teller_file file = {0};
    struct store_receipt want = {0}, got;
    if (!store_import_begin(s->store, &import, e))
        return false;
    for (int i = 0; i < IMPORT_BATCHES; i++)
        if (!store_import_add(import, send(s, arena, &file, &want), e))
            return false;
    if (!store_import_finish(import, &got, e))
        return false;
    acknowledge(s);
    return teller_receipt(got, want, e);
}

static bool step_maintain(struct story *s, struct arena *arena, struct err *e)
{
    (void)arena;
    return store_maintain(s->store, e);
}

static bool step_erase(struct story *s, struct arena *arena, struct err *e)
{
    struct store_erasure receipt;
    uint64_t events;
    struct str person = teller_erase(&s->teller, arena, &events);
    REQUIRE(s->sent + 1 < HISTORY_MAX);
    note_sent(s);
    if (!store_erase(s->store, person, &receipt, e))
        return false;
    acknowledge(s);
    return receipt.events == events ||
           err_set(e, ERR_CORRUPT, "%" PRIu64 " events were erased, it must be %" PRIu64,
                   receipt.events, events);
}

static bool step_forget(struct story *s, struct arena *arena, struct err *e)
{
    struct store_forgotten receipt;
    (void)arena;
    return store_forget(s->store, &receipt, e);
}

static bool step_backup(struct story *s, struct arena *arena, struct err *e)
{
    struct store_backup_options options = {0};
    struct store_backup_receipt receipt;
    struct str to = arena_printf(arena, "/backup-%" PRIu64, s->backups++);
    return store_backup(s->store, to, &options, arena, &receipt, e);
}

static bool step_reopen(struct story *s, struct arena *arena, struct err *e)
{
    (void)arena;
    store_close(TAKE(s->store));
    return open_store(s->os, &s->store, e);
}

/* After a power cut in the story itself: the first n batches, and the rest is forgotten. */
static bool settle(struct story *s, size_t *lost, struct err *e)
{
    struct plain_digest d;
    if (!plain_ask_store(s->store, s->pool, &d, e))
        return false;
    for (size_t n = s->acknowledged; n <= s->sent; n++) {
        if (!plain_equal(d, s->history[n]))
            continue;
        *lost = s->sent - n;
        s->teller.model = s->models[n - s->acknowledged];
        s->sent = n;
        acknowledge(s);
        return true;
    }
    return err_set(e, ERR_CORRUPT, "after a power cut other batches are there than were sent");
}

/* The power goes in the middle of an import. The story goes on with what is left; often the client
 * sends again what it got no answer for, so that old and new bytes of one batch meet in the log. */
static bool step_cut(struct story *s, struct arena *arena, struct err *e)
{
    struct store_batch *batches[IMPORT_BATCHES];
    struct store_receipt want = {0}, got;
    struct teller_file file = {0};
    struct store_import *import = NULL;
    struct err cut = {0};
    size_t added = 0, lost;
    uint64_t seed = teller_dice(&s->teller, UINT64_MAX);
    struct os_sim_plan plan = {.seed = seed, .stop_at = 1 + seed % 6};
    if (s->rig->is_control)
        return true; /* there the copies lose enough */
    os_sim_set_plan(s->os, plan);
    bool ok = store_import_begin(s->store, &import, &cut);
    while (ok && added < IMPORT_BATCHES) {
        batches[added] = send(s, arena, &file, &want);
        ok = store_import_add(import, batches[added++], &cut);
    }
    if (ok && store_import_finish(import, &got, &cut))
        acknowledge(s);
    store_import_close(import);
    store_close(TAKE(s->store));
    os_sim_crash(s->os);
    os_sim_set_plan(s->os, (struct os_sim_plan){.seed = ~seed});
    if (!open_store(s->os, &s->store, e) || !settle(s, &lost, e))
        return false;
    if (!lost || teller_dice(&s->teller, 4) == 0)
        return true;
    want = (struct store_receipt){0};
    teller_again(&s->teller, batches[added - lost], &want);
    note_sent(s);
    if (!store_append(s->store, batches[added - lost], &got, e))
        return false;
    acknowledge(s);
    return teller_receipt(got, want, e);
}

static const struct {
    const char *name;
    bool (*run)(struct story *, struct arena *, struct err *);
    unsigned weight;
} steps[] = {
    {"append", step_append, 10}, {"import", step_import, 2}, {"maintain", step_maintain, 3},
    {"reopen", step_reopen, 1},  {"power cut", step_cut, 2}, {"erase", step_erase, 1},
    {"forget", step_forget, 1},  {"backup", step_backup, 1},
};

static bool run_step(struct story *s, struct arena *arena, struct err *e)
{
    uint64_t all = 0, at;
    for (size_t i = 0; i < COUNT(steps); i++)
        all += steps[i].weight;
    at = teller_dice(&s->teller, all);
    size_t i = 0;
    for (; at >= steps[i].weight; i++)
        at -= steps[i].weight;
    s->step = steps[i].name;
    return steps[i].run(s, arena, e);
}

static void run_story(struct story *s)
{
    struct err e = {0};
    AUTO(arena) *arena = arena_create(0);
    teller_init(&s->teller, s->seed);
    s->history[0] = plain_digest(&s->teller.model);
    s->models[0] = s->teller.model;
    s->step = "opening";
    s->os = os_sim_create((struct os_sim_plan){.seed = s->seed, .sync_lies = s->rig->is_control});
    os_sim_watch(s->os, crash_here, s);
    bool ok = open_store(s->os, &s->store, &e);
    for (int i = 0; ok && i < STEPS && !s->is_over; i++) {
        arena_reset(arena);
        ok = run_step(s, arena, &e);
    }
    os_sim_watch(s->os, NULL, NULL);
    struct plain_digest d;
    if (ok && plain_ask_store(s->store, s->pool, &d, &e) && !plain_equal(d, s->history[s->sent])) {
        plain_explain(&s->teller.model, s->store, s->pool);
        ok = err_set(&e, ERR_CORRUPT, "without any crash the store differs from the model");
    }
    if (!ok)
        rig_fail(s->rig, s->seed, "%s: %s", s->step, e.text);
    store_close(TAKE(s->store));
    os_destroy(TAKE(s->os));
}

int main(int argc, char **argv)
{
    struct rig rig = rig_begin(argc, argv, "crash", NULL);
    AUTO(pool) *pool = pool_create(1);
    uint64_t recovery_cuts = 0, losses = 0, stories = 0;
    struct story *s = mem_zero(sizeof *s);
    while (rig.passed + losses < rig.trials && rig.failed < RIG_FAILURES_SHOWN) {
        *s = (struct story){.rig = &rig,
                            .pool = pool,
                            .seed = rig.seed + stories++,
                            .recovery_cuts = &recovery_cuts,
                            .losses = &losses};
        run_story(s);
    }
    mem_free(s);
    printf("%" PRIu64 " stories, %" PRIu64 " crashes while recovering\n", stories, recovery_cuts);
    if (rig.is_control) {
        printf("with syncs that do nothing, %" PRIu64 " of %" PRIu64 " crashes lost data\n", losses,
               losses + rig.passed);
        rig.failed = losses == 0;
        rig.passed += losses;
    }
    return rig_end(&rig);
}
