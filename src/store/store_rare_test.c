/* What rarely happens: damage that is met on the way into memory, a stop or a failing read in the
 * middle of something longer. */
#include <unistd.h>

#include "store/store_check.h"
#include "store/store_inner.h"
#include "store/store_sample.h"

enum { EVENTS = 90, BATCH = EVENTS / 2 };

struct world {
    struct os *os;
    struct store *s;
    struct arena *arena;
    struct err e;
};

static bool open_with(struct world *w, bool has_threads)
{
    struct store_options o = {.project = STR("main"),
                              .no_background = !has_threads,
                              .chunk_rows = has_threads ? BATCH : 0};
    return store_open(w->os, STR("/data"), &o, &w->s, &w->e);
}

/* The events without ids, which are known by what is in them. */
static struct store_batch odd_ones(struct world *w)
{
    struct event *list = arena_array(w->arena, BATCH, sizeof *list);
    for (uint32_t i = 0; i < BATCH; i++)
        list[i] = sample_event(w->arena, 2 * i + 1);
    return (struct store_batch){.events = list, .event_count = BATCH};
}

static void append_odd_ones(struct world *w, uint64_t accepted)
{
    struct store_batch b = odd_ones(w);
    struct store_receipt r;
    assert_works(store_append(w->s, &b, &r, &w->e), w->e);
    assert_int_equal(r.accepted, accepted);
}

/* The events without ids, in a segment of each month. */
static struct world *world_create(void)
{
    struct world *w = mem_zero(sizeof *w);
    w->os = os_sim_create((struct os_sim_plan){.seed = 1});
    w->arena = arena_create(0);
    assert_works(open_with(w, false), w->e);
    append_odd_ones(w, BATCH);
    assert_works(store_maintain(w->s, &w->e), w->e);
    return w;
}

static void world_destroy(struct world *w)
{
    if (!w)
        return;
    store_close(w->s);
    os_destroy(w->os);
    arena_destroy(w->arena);
    mem_free(w);
}
AUTO_DEFINE(world, world_destroy)

static struct str segment_file(struct world *w)
{
    char room[STORE_NAME_BYTES];
    return arena_copy(w->arena, store_segment_path(w->s, room, w->s->live[0]->number));
}

/* A copy of the world whose first segment has a changed byte at `at`; it is not open. */
static struct world *damaged(const struct world *w, struct str path, uint64_t at)
{
    struct world *c = mem_zero(sizeof *c);
    c->arena = arena_create(0);
    c->os = os_sim_copy(w->os);
    if (!os_sim_flip(c->os, path, at, 16)) {
        world_destroy(c);
        return NULL;
    }
    return c;
}

static bool import_odd_ones(struct world *w, struct store_receipt *r)
{
    struct store_import *i = NULL;
    struct store_batch b = odd_ones(w);
    bool ok = store_import_begin(w->s, &i, &w->e) && store_import_add(i, &b, &w->e) &&
              store_import_finish(i, r, &w->e);
    store_import_close(i);
    return ok;
}

/* Rows known by content are compared with those of a damaged segment: counted right, or an error. A
 * place where the damage is met is left in `*at`. */
static size_t import_over_damage(struct world *w, struct str path, uint64_t *met_at)
{
    size_t refused = 0;
    for (uint64_t at = 0;; at += 3) {
        AUTO(world) *c = damaged(w, path, at);
        struct store_receipt r = {0};
        if (!c)
            return refused;
        if (!open_with(c, false)) {
            assert_true(c->e.kind == ERR_CORRUPT || c->e.kind == ERR_UNSUPPORTED);
            continue;
        }
        if (import_odd_ones(c, &r)) {
            assert_int_equal(r.accepted, 0);
            assert_int_equal(r.duplicates, BATCH);
            continue;
        }
        assert_int_equal(c->e.kind, ERR_CORRUPT);
        refused++;
        *met_at = at;
    }
}

static bool has_stopped(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    bool is_stopped = s->is_stopped;
    pthread_mutex_unlock(&s->lock);
    return is_stopped;
}

static void damage_is_met_by_equal_events(void **state)
{
    (void)state;
    AUTO(world) *w = world_create();
    uint64_t at = 0;
    struct str path = segment_file(w);
    store_close(TAKE(w->s));
    assert_true(import_over_damage(w, path, &at) > 10);

    /* The background meets it while it makes images, and the store stops for good. */
    AUTO(world) *c = damaged(w, path, at);
    struct store_import *i = NULL;
    struct store_batch b = odd_ones(c);
    struct store_receipt r;
    assert_works(open_with(c, true), c->e);
    assert_works(store_import_begin(c->s, &i, &c->e) && store_import_add(i, &b, &c->e), c->e);
    for (unsigned tries = 0; !has_stopped(c->s); tries++) {
        assert_true(tries < 100000);
        usleep(1000);
    }
    assert_false(store_import_finish(i, &r, &c->e));
    assert_int_equal(c->e.kind, ERR_CORRUPT);
    store_import_close(i);
}

/* The same while the log is replayed: by the thread that makes images, by the one that decodes,
 * when it has to wait for that, or where there is one only. */
static void damage_is_met_by_a_replay(void **state)
{
    (void)state;
    AUTO(world) *w = world_create();
    uint64_t at = 0;
    struct str path = segment_file(w);
    store_close(TAKE(w->s));
    import_over_damage(w, path, &at);
    assert_works(open_with(w, false), w->e);
    for (int chunks = 0; chunks < 3; chunks++) {
        append_odd_ones(w, 0); /* fills one */
        for (int has_threads = 0; has_threads < 2; has_threads++) {
            AUTO(world) *c = damaged(w, path, at);
            struct store_options o = {
                .project = STR("main"), .no_background = !has_threads, .chunk_rows = BATCH};
            os_sim_crash_as(c->os, OS_SIM_KEEP);
            assert_false(store_open(c->os, STR("/data"), &o, &c->s, &c->e));
            assert_int_equal(c->e.kind, ERR_CORRUPT);
        }
    }
    store_close(TAKE(w->s));
    assert_works(open_with(w, true), w->e); /* and without the damage nothing is wrong */
    struct store_state now;
    store_state(w->s, &now);
    assert_int_equal(now.events, BATCH);
}

/* More rows than a preview may have are frozen first, and so are met there; the next view tries
 * again. */
static void damage_is_met_by_a_view(void **state)
{
    (void)state;
    enum { TIMES = STORE_PREVIEW_ROWS / BATCH + 1 };
    AUTO(world) *w = world_create();
    uint64_t at = 0;
    struct str path = segment_file(w);
    store_close(TAKE(w->s));
    import_over_damage(w, path, &at);
    AUTO(world) *c = damaged(w, path, at);
    struct store_import *i = NULL;
    struct store_batch b = odd_ones(c);
    struct store_receipt r;
    assert_works(open_with(c, false) && store_import_begin(c->s, &i, &c->e), c->e);
    for (int n = 0; n < TIMES; n++)
        assert_works(store_import_add(i, &b, &c->e), c->e);
    for (int n = 0; n < 2; n++) {
        struct snapshot *v = NULL;
        struct err e = {0};
        assert_false(store_snapshot(c->s, &v, &e));
        assert_int_equal(e.kind, ERR_CORRUPT);
    }
    assert_false(store_import_finish(i, &r, &c->e));
    assert_int_equal(c->e.kind, ERR_CORRUPT);
    store_import_close(i);
}

/* An import's batches are written, and the sync that its end asks for fails. */
static void an_import_ends_with_a_failed_sync(void **state)
{
    (void)state;
    AUTO(world) *w = world_create();
    struct store_import *i = NULL;
    struct store_batch b = odd_ones(w);
    struct store_receipt r;
    assert_works(store_import_begin(w->s, &i, &w->e) && store_import_add(i, &b, &w->e), w->e);
    os_sim_set_plan(w->os, (struct os_sim_plan){.seed = 1, .fail_at = 1});
    assert_false(store_import_finish(i, &r, &w->e));
    assert_int_equal(w->e.kind, ERR_BUSY);
    assert_true(has_stopped(w->s));
    store_import_close(i);
}

/* A batch of it could not be written: adding says so, and so does the end. */
static void an_import_ends_after_a_failed_write(void **state)
{
    (void)state;
    AUTO(world) *w = world_create();
    struct store_import *i = NULL;
    struct store_batch b = odd_ones(w);
    struct store_receipt r;
    struct err e = {0};
    assert_works(store_import_begin(w->s, &i, &w->e), w->e);
    os_sim_set_plan(w->os, (struct os_sim_plan){.seed = 1, .fail_at = 1});
    assert_false(store_import_add(i, &b, &w->e));
    assert_int_equal(w->e.kind, ERR_BUSY);
    assert_false(store_import_finish(i, &r, &e));
    assert_int_equal(e.kind, ERR_BUSY);
    store_import_close(i);
}

/* ---- stopped in the middle ---- */

struct stopper {
    struct store *s;
    uint64_t left;
};

static void stop_it(void *context, struct os *os)
{
    struct stopper *x = context;
    struct err why = {0};
    (void)os;
    if (x->left == 0 || --x->left || pthread_mutex_trylock(&x->s->lock) != 0)
        return;
    err_set(&why, ERR_IO, "for a test");
    store_stop(x->s, &why);
    pthread_mutex_unlock(&x->s->lock);
}

/* Somebody else meets a failure while segments are merged: the merge ends, and nothing is lost. */
static void a_merge_ends_when_the_store_stops(void **state)
{
    (void)state;
    size_t refused = 0;
    bool ok = false;
    for (uint64_t n = 1; !ok; n++) {
        AUTO(world) *w = world_create();
        struct stopper x = {w->s, n};
        struct store_receipt r;
        for (uint32_t k = 0; k < 2 * BATCH; k += 2) {
            struct event ev = sample_event(w->arena, k);
            struct store_batch b = {.events = &ev, .event_count = 1};
            assert_works(store_append(w->s, &b, &r, &w->e), w->e);
        }
        pthread_mutex_lock(&w->s->maintain_lock);
        bool did = true;
        assert_works(store_close_stage(w->s, &w->e) && store_seal(w->s, &w->e), w->e);
        os_sim_watch(w->os, stop_it, &x);
        for (ok = true; ok && did;)
            ok = store_compact(w->s, true, &did, &w->e);
        os_sim_watch(w->os, NULL, NULL);
        pthread_mutex_unlock(&w->s->maintain_lock);
        refused += !ok;
        if (!ok)
            assert_int_equal(w->e.kind, ERR_BUSY);
        ok &= x.left > 0;
        store_close(TAKE(w->s));
        w->e = (struct err){0};
        assert_works(open_with(w, false), w->e);
        struct store_state now;
        store_state(w->s, &now);
        assert_int_equal(now.events, EVENTS);
    }
    assert_true(refused > 0);
}

static void nothing_found(void *context, struct str file, struct str what)
{
    (void)context;
    fail_msg("%.*s: %.*s", STR_ARG(file), STR_ARG(what));
}

static bool stop_later(void *context, uint64_t bytes)
{
    uint64_t *left = context;
    (void)bytes;
    return --*left != 0;
}

/* A check may be stopped wherever it tells that it moves. */
static void a_check_stops_anywhere(void **state)
{
    (void)state;
    AUTO(world) *w = world_create();
    struct store_receipt r;
    struct event ev = sample_event(w->arena, 2); /* an id, so that ids are checked, too */
    assert_works(store_append(w->s, &(struct store_batch){&ev, 1, NULL, 0}, &r, &w->e), w->e);
    assert_works(store_maintain(w->s, &w->e), w->e);
    uint64_t n = 1;
    for (bool is_over = false; !is_over; n++) {
        uint64_t left = n;
        struct store_check_options o = {
            .found = nothing_found, .progress = stop_later, .context = &left};
        struct store_check_report report;
        struct err e = {0};
        is_over = store_check(w->s, &o, &report, &e);
        assert_int_equal(is_over, left != 0);
    }
    assert_true(n > 5);
}

/* All kinds of files: segments, people, facts, the erased, two logs, and one that is not ours. */
static struct world *world_of_all_files(void)
{
    struct world *w = world_create();
    struct property level = {STR("level"), {.type = VALUE_INT, .integer = 1}};
    struct fact f = {.kind = FACT_PERSON_TRAITS,
                     .subject = STR("person 1"),
                     .created = (int64_t)FACT_CREATED_NONE,
                     .properties = &level,
                     .property_count = 1};
    struct store_receipt r;
    struct store_erasure x;
    assert_works(store_append(w->s, &(struct store_batch){NULL, 0, &f, 1}, &r, &w->e), w->e);
    assert_works(store_erase(w->s, STR("nobody"), &x, &w->e), w->e);
    assert_works(store_maintain(w->s, &w->e), w->e);
    append_odd_ones(w, 0);
    store_take_maintain_lock(w->s);
    assert_works(store_close_stage(w->s, &w->e), w->e);
    pthread_mutex_unlock(&w->s->maintain_lock);
    append_odd_ones(w, 0);
    assert_int_equal(w->s->log_count, 2);
    assert_works(os_write_whole(w->os, STR("/data/notes"), STR("mine"), &w->e), w->e);
    return w;
}

/* A backup meets a read that fails: it says so, and the next one works. */
static void a_backup_may_meet_any_failing_read(void **state)
{
    (void)state;
    AUTO(world) *w = world_of_all_files();
    uint64_t n = 1;
    for (bool ok = false; !ok; n++) {
        struct store_backup_options o = {0};
        struct store_backup_receipt r;
        struct err e = {0};
        os_sim_set_plan(w->os, (struct os_sim_plan){.seed = 1, .read_fail_at = n});
        ok = store_backup(w->s, arena_printf(w->arena, "/b%u", (unsigned)n), &o, w->arena, &r, &e);
        assert_true(ok || e.kind == ERR_IO);
    }
    assert_true(n > 10);
}

static void note_found(void *context, struct str file, struct str what)
{
    (void)file, (void)what;
    ++*(uint64_t *)context;
}

/* So does a check of a closed directory: an error, or something that it could not read. */
static void a_check_may_meet_any_failing_read(void **state)
{
    (void)state;
    AUTO(world) *w = world_of_all_files();
    store_close(TAKE(w->s));
    uint64_t n = 1, refused = 0, found = 0;
    for (bool is_over = false; !is_over; n++) {
        uint64_t seen = 0;
        struct store_check_options o = {.found = note_found, .context = &seen};
        struct store_check_report report;
        struct err e = {0};
        os_sim_set_plan(w->os, (struct os_sim_plan){.seed = 1, .read_fail_at = n});
        bool ok = store_check_dir(w->os, STR("/data"), &o, &report, &e);
        assert_true(ok || e.kind == ERR_IO);
        is_over = ok && !seen && os_sim_reads(w->os) < n;
        refused += !ok;
        found += seen != 0;
        assert_true(is_over || !ok || seen); /* never a good report over what was not read */
    }
    assert_true(refused > 3 && found > 3);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(damage_is_met_by_equal_events),
        cmocka_unit_test(damage_is_met_by_a_replay),
        cmocka_unit_test(damage_is_met_by_a_view),
        cmocka_unit_test(an_import_ends_with_a_failed_sync),
        cmocka_unit_test(an_import_ends_after_a_failed_write),
        cmocka_unit_test(a_merge_ends_when_the_store_stops),
        cmocka_unit_test(a_check_stops_anywhere),
        cmocka_unit_test(a_backup_may_meet_any_failing_read),
        cmocka_unit_test(a_check_may_meet_any_failing_read),
    };
    return cmocka_run_group_tests_name("store/store_rare", tests, NULL, NULL);
}
