/*
 * restore: backups under load. One thread appends batches, in order; another seals and compacts
 * again and again, beside the store's own background. At a random moment a backup is taken, which
 * says its point: a sequence of the log, and one batch is one sequence here. The backup is restored
 * as the command does it (each file compared with the inventory), opened, and asked the 50
 * questions and for all it holds. The same is asked of a fresh store that was given exactly the
 * batches up to the point. The restored store then takes batches again, some for the second time.
 *
 * One trial is one backup. --control forgets the last batch in the fresh store: it must be seen.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "content.h"
#include "questions.h"
#include "rig.h"

#include "os/os_sim.h"
#include "store/inventory.h"

enum { BATCH = 8, BATCHES = 120, AGAIN = 6, PAUSE_US = 2000, WORLDS = 1000 };

struct load {
    struct store *store;
    uint64_t seed;
    uint32_t batches;              /* to be sent */
    _Atomic uint32_t acknowledged; /* batches */
    _Atomic bool is_over, has_failed;
};

/* Batch n of the world `seed`: some rows without ids, facts, one row of the batch before. */
static bool send(struct store *s, uint64_t seed, uint32_t n, struct store_receipt *r, struct err *e)
{
    AUTO(arena) *arena = arena_create(0);
    struct event events[BATCH];
    uint64_t first = seed * 100000 + (uint64_t)n * BATCH;

    for (uint32_t i = 0; i < BATCH; i++)
        events[i] = rig_event(arena, first + i - (n && i == 0));
    struct fact facts[2] = {rig_fact(arena, first), rig_fact(arena, first + 1)};
    struct store_batch batch = {
        .events = events, .event_count = BATCH, .facts = facts, .fact_count = n % 3};
    return store_append(s, &batch, r, e);
}

static void *append_all(void *context)
{
    struct load *l = context;

    for (uint32_t n = 0; n < l->batches && !atomic_load(&l->is_over); n++) {
        struct store_receipt r;
        struct err e = {0};
        if (!send(l->store, l->seed, n, &r, &e)) {
            fprintf(stderr, "appending: %s\n", e.text);
            atomic_store(&l->has_failed, true);
            return NULL;
        }
        atomic_store(&l->acknowledged, n + 1);
    }
    return NULL;
}

static void *maintain_all(void *context)
{
    struct load *l = context;

    while (!atomic_load(&l->is_over)) {
        struct err e = {0};
        if (!store_maintain(l->store, &e)) {
            fprintf(stderr, "maintaining: %s\n", e.text);
            atomic_store(&l->has_failed, true);
            return NULL;
        }
        usleep(PAUSE_US);
    }
    return NULL;
}

static bool open_store(struct os *os, const char *dir, bool has_background, struct store **out,
                       struct err *e)
{
    struct store_options options = {.project = STR("main"),
                                    .no_background = !has_background,
                                    .chunk_rows = 40,
                                    .seal_rows = 120};
    return store_open(os, str_of(dir), &options, out, e);
}

struct answers {
    struct content content;
    struct rig_digest digest;
};

static bool ask(struct store *s, struct pool *pool, struct answers *out, struct err *e)
{
    return content_of_store(s, &out->content, e) && rig_ask_store(s, pool, &out->digest, e);
}

/* A store that was given batches [0, count), and nothing else happened to it. */
static bool expected(uint64_t seed, uint32_t count, struct pool *pool, struct answers *out,
                     struct err *e)
{
    struct os *os = os_sim_create((struct os_sim_plan){.seed = 1});
    struct store *s = NULL;
    struct store_receipt r;
    bool ok = open_store(os, "/fresh", false, &s, e);

    for (uint32_t n = 0; ok && n < count; n++)
        ok = send(s, seed, n, &r, e);
    ok = ok && ask(s, pool, out, e);
    store_close(s);
    os_destroy(os);
    return ok;
}

/* As `tenure restore`: the inventory's files, compared while they are copied. */
static bool copy_back(struct os *os, const struct store_backup_receipt *r, struct err *e)
{
    struct copy_options quietly = {0};

    if (!os_dir_make(os, STR("/restored"), e))
        return false;
    for (size_t i = 0; i < r->file_count; i++)
        if (!inventory_file_copy(os, STR("/kept"), STR("/restored"), &r->files[i], &quietly, e))
            return false;
    return os_dir_sync(os, STR("/restored"), e) && os_dir_sync(os, STR("/"), e);
}

static bool same(struct rig *rig, uint64_t seed, const char *when, const struct answers *a,
                 const struct answers *b)
{
    unsigned differs = rig_differs(&a->digest, &b->digest);

    if (!content_equal(&a->content, &b->content))
        return rig_fail(rig, seed, "%s: %llu rows, and %llu should be there, or another content",
                        when, (unsigned long long)a->content.rows,
                        (unsigned long long)b->content.rows);
    return differs == RIG_QUESTIONS ||
           rig_fail(rig, seed, "%s: question %u has another answer", when, differs);
}

/* The restored store against a fresh one; then both go on. */
static bool compare(struct rig *rig, uint64_t seed, struct os *os, uint32_t batches,
                    struct pool *pool, struct err *e)
{
    struct answers got, want;
    struct store *s = NULL;
    uint32_t from = batches > AGAIN ? batches - AGAIN : 0;
    uint64_t world = seed % WORLDS;

    if (!expected(world, batches - rig->is_control, pool, &want, e) ||
        !open_store(os, "/restored", false, &s, e))
        return false;
    bool ok = ask(s, pool, &got, e);
    bool is_same = ok && same(rig, seed, "restored", &got, &want);
    for (uint32_t n = from; ok && is_same && n < batches + AGAIN; n++) {
        struct store_receipt r;
        ok = send(s, world, n, &r, e);
        if (ok && n < batches && (r.accepted > n % 3 || r.conflicts))
            is_same = rig_fail(rig, seed, "batch %u was taken for new after the restore", n);
    }
    ok = ok && ask(s, pool, &got, e);
    store_close(s);
    if (!ok)
        return false;
    if (is_same && !expected(world, batches + AGAIN, pool, &want, e))
        return false;
    /* facts of the batches that came again may say again what was changed since */
    is_same = is_same && got.content.rows == want.content.rows &&
              got.content.events == want.content.events;
    if (!is_same && !rig->failed)
        rig_fail(rig, seed, "going on after the restore: other rows than without it");
    return is_same;
}

static bool back_up(struct load *l, uint64_t dice, struct os *os, struct arena *arena,
                    struct store_backup_receipt *r, uint32_t *least, struct err *e)
{
    struct store_backup_options quietly = {0};
    uint32_t moment = 1 + (uint32_t)(dice % (BATCHES - 20));

    while (atomic_load(&l->acknowledged) < moment && !atomic_load(&l->has_failed))
        sched_yield();
    *least = atomic_load(&l->acknowledged);
    if (!store_backup(l->store, STR("/kept"), &quietly, arena, r, e) ||
        !os_dir_sync(os, STR("/"), e))
        return false;
    return !atomic_load(&l->has_failed) || err_set(e, ERR_IO, "the load failed");
}

static bool try_one(struct rig *rig, uint64_t seed, struct pool *pool, struct err *e)
{
    struct os *os = os_sim_create((struct os_sim_plan){.seed = seed});
    AUTO(arena) *arena = arena_create(0);
    struct load l = {.seed = seed % WORLDS, .batches = BATCHES};
    struct store_backup_receipt r = {0};
    pthread_t threads[2];
    uint32_t least = 0;

    bool ok = open_store(os, "/data", true, &l.store, e);
    if (ok) {
        REQUIRE(pthread_create(&threads[0], NULL, append_all, &l) == 0);
        REQUIRE(pthread_create(&threads[1], NULL, maintain_all, &l) == 0);
        ok = back_up(&l, hash_mix(seed), os, arena, &r, &least, e);
        atomic_store(&l.is_over, true);
        REQUIRE(pthread_join(threads[0], NULL) == 0 && pthread_join(threads[1], NULL) == 0);
    }
    if (ok && hash_mix(seed) >> 40 & 1)
        os_sim_crash(os); /* a backup is durable when it is there */
    store_close(l.store);
    bool is_right = ok && (r.sequence >= least ||
                           rig_fail(rig, seed, "the point is %llu, and %u were acknowledged before",
                                    (unsigned long long)r.sequence, least));
    if (is_right) {
        ok = copy_back(os, &r, e);
        is_right = ok && compare(rig, seed, os, (uint32_t)r.sequence, pool, e);
    }
    os_destroy(os);
    return is_right;
}

int main(int argc, char **argv)
{
    struct rig rig = rig_begin(argc, argv, "restore", NULL);
    AUTO(pool) *pool = pool_create(1);

    for (uint64_t i = 0; i < rig.trials; i++) {
        struct err e = {0};
        if (try_one(&rig, rig.seed + i, pool, &e))
            rig.passed++;
        else if (e.kind)
            rig_fail(&rig, rig.seed + i, "%s", e.text);
    }
    if (!rig.is_control)
        return rig_end(&rig);
    printf("control: %llu of %llu seen\n", (unsigned long long)rig.failed,
           (unsigned long long)rig.trials);
    struct rig verdict = {.passed = rig.passed == 0, .failed = rig.passed != 0};
    return rig_end(&verdict);
}
