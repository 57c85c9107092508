/* Many threads at one store: appends, imports, snapshots, facts and maintenance side by side. */
#include <pthread.h>
#include <stdatomic.h>

#include "store/store_sample.h"

enum { THREADS = 8, BATCHES = 24, BATCH = 20 };

struct shared {
    struct os *os;
    struct store *store;
    _Atomic uint32_t done; /* threads */
    _Atomic uint64_t acknowledged;
    _Atomic uint64_t accepted;
};

struct worker {
    struct shared *shared;
    uint32_t number;
};

/* Each batch is sent by two threads, in different order: it must count once. */
static uint32_t first_event(uint32_t thread, uint32_t batch)
{
    uint32_t pair = thread / 2;
    uint32_t place = thread % 2 ? BATCHES - 1 - batch : batch;
    return (pair * BATCHES + place) * BATCH;
}

static struct store_batch make(struct arena *arena, uint32_t thread, uint32_t batch)
{
    arena_reset(arena);
    struct event *events = arena_array(arena, BATCH, sizeof *events);
    for (uint32_t i = 0; i < BATCH; i++)
        events[i] = sample_event(arena, first_event(thread, batch) + i);
    return (struct store_batch){.events = events, .event_count = BATCH};
}

static void *append_all(void *context)
{
    struct worker *w = context;
    AUTO(arena) *arena = arena_create(0);
    for (uint32_t b = 0; b < BATCHES; b++) {
        struct store_batch batch = make(arena, w->number, b);
        struct store_receipt r;
        struct err e = {0};
        REQUIRE(store_append(w->shared->store, &batch, &r, &e));
        REQUIRE(r.accepted + r.duplicates == BATCH && r.conflicts == 0);
        atomic_fetch_add(&w->shared->accepted, r.accepted);
        atomic_fetch_add(&w->shared->acknowledged, 1);
    }
    atomic_fetch_add(&w->shared->done, 1);
    return NULL;
}

static void *import_all(void *context)
{
    struct worker *w = context;
    AUTO(arena) *arena = arena_create(0);
    struct store_import *i = NULL;
    struct store_receipt r;
    struct err e = {0};
    REQUIRE(store_import_begin(w->shared->store, &i, &e));
    for (uint32_t b = 0; b < BATCHES; b++) {
        struct store_batch batch = make(arena, w->number, b);
        REQUIRE(store_import_add(i, &batch, &e));
    }
    REQUIRE(store_import_finish(i, &r, &e));
    store_import_close(i);
    REQUIRE(r.accepted + r.duplicates == BATCHES * BATCH && r.conflicts == 0);
    atomic_fetch_add(&w->shared->accepted, r.accepted);
    atomic_fetch_add(&w->shared->done, 1);
    return NULL;
}

/* What was acknowledged before a snapshot is in it, and views only grow. */
static void *look(void *context)
{
    struct shared *s = context;
    uint64_t before = 0;
    while (atomic_load(&s->done) < THREADS) {
        struct snapshot *v;
        struct err e = {0};
        struct store_state state;
        REQUIRE(store_snapshot(s->store, &v, &e));
        uint64_t rows = 0;
        for (size_t i = 0; i < v->segment_count; i++) {
            const struct segment *g = v->segments[i];
            rows += g->rows;
            for (uint32_t p = 0; p < g->person_count; p++)
                REQUIRE(people_id(v->people, g->persons[p]).len);
        }
        REQUIRE(rows >= before);
        before = rows;
        snapshot_release(v);
        store_state(s->store, &state);
        REQUIRE(state.events >= before);
    }
    return NULL;
}

static void *merge_and_maintain(void *context)
{
    struct shared *s = context;
    AUTO(arena) *arena = arena_create(0);
    for (uint32_t n = 0; atomic_load(&s->done) < THREADS; n++) {
        struct property level = {STR("level"), {.type = VALUE_INT, .integer = n}};
        struct fact facts[] = {
            {.kind = FACT_MERGE,
             .subject = arena_printf(arena, "person %u", n % SAMPLE_PEOPLE),
             .other = arena_printf(arena, "person %u", n / 3 % SAMPLE_PEOPLE),
             .created = (int64_t)FACT_CREATED_NONE},
            {.kind = FACT_PERSON_TRAITS,
             .subject = STR("person 1"),
             .created = n,
             .properties = &level,
             .property_count = 1},
        };
        struct store_batch batch = {.facts = facts, .fact_count = COUNT(facts)};
        struct store_receipt r;
        struct err e = {0};
        REQUIRE(store_append(s->store, &batch, &r, &e));
        if (n % 16 == 0)
            REQUIRE(store_maintain(s->store, &e));
    }
    return NULL;
}

static size_t count_numbers(struct store *s)
{
    AUTO(arena) *arena = arena_create(0);
    struct snapshot *v;
    struct err e = {0};
    uint32_t *list;
    size_t count;
    assert_works(store_snapshot(s, &v, &e), e);
    sample_numbers(v, arena, &list, &count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(list[i], i);
    snapshot_release(v);
    return count;
}

static void each_event_counts_once(void **state)
{
    (void)state;
    struct store_options options = {.project = STR("main"), .chunk_rows = 100, .seal_rows = 400};
    AUTO(os) *os = os_sim_create((struct os_sim_plan){.seed = 5});
    struct shared shared = {.os = os};
    struct err e = {0};
    assert_works(store_open(os, STR("/data"), &options, &shared.store, &e), e);
    struct worker workers[THREADS];
    pthread_t threads[THREADS], lookers[2], merger;
    assert_int_equal(pthread_create(&merger, NULL, merge_and_maintain, &shared), 0);
    for (size_t i = 0; i < COUNT(lookers); i++)
        assert_int_equal(pthread_create(&lookers[i], NULL, look, &shared), 0);
    for (uint32_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){&shared, i};
        assert_int_equal(
            pthread_create(&threads[i], NULL, i % 3 ? append_all : import_all, &workers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (size_t i = 0; i < COUNT(lookers); i++)
        assert_int_equal(pthread_join(lookers[i], NULL), 0);
    assert_int_equal(pthread_join(merger, NULL), 0);

    enum { EVENTS = THREADS / 2 * BATCHES * BATCH };
    assert_int_equal(atomic_load(&shared.accepted), EVENTS);
    assert_int_equal(count_numbers(shared.store), EVENTS);
    store_close(shared.store);
    assert_works(store_open(os, STR("/data"), &options, &shared.store, &e), e);
    assert_int_equal(count_numbers(shared.store), EVENTS);
    store_close(shared.store);
}

/* Callers that append while the disk fails all get an answer, and none is wrong. */
static void *append_until_refused(void *context)
{
    struct worker *w = context;
    AUTO(arena) *arena = arena_create(0);
    for (uint32_t b = 0; b < BATCHES; b++) {
        struct store_batch batch = make(arena, w->number * 2, b);
        struct store_receipt r;
        struct err e = {0};
        if (!store_append(w->shared->store, &batch, &r, &e)) {
            REQUIRE(e.kind == ERR_BUSY);
            break;
        }
        atomic_fetch_add(&w->shared->acknowledged, 1);
    }
    return NULL;
}

static void all_waiting_callers_hear_of_a_failure(void **state)
{
    (void)state;
    struct store_options options = {.project = STR("main"), .chunk_rows = 100, .seal_rows = 400};
    for (uint64_t n = 1; n < 40; n += 3) {
        AUTO(os) *os = os_sim_create((struct os_sim_plan){.seed = n});
        struct shared shared = {.os = os};
        struct err e = {0};
        assert_works(store_open(os, STR("/data"), &options, &shared.store, &e), e);
        os_sim_set_plan(os, (struct os_sim_plan){.seed = n, .fail_at = n});
        struct worker workers[THREADS / 2];
        pthread_t threads[THREADS / 2];
        for (uint32_t i = 0; i < COUNT(threads); i++) {
            workers[i] = (struct worker){&shared, i};
            assert_int_equal(pthread_create(&threads[i], NULL, append_until_refused, &workers[i]),
                             0);
        }
        for (size_t i = 0; i < COUNT(threads); i++)
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        store_close(shared.store);
        os_sim_set_plan(os, (struct os_sim_plan){.seed = n});
        assert_works(store_open(os, STR("/data"), &options, &shared.store, &e), e);
        struct store_state now;
        store_state(shared.store, &now);
        assert_true(now.events % BATCH == 0);
        assert_true(now.events >= atomic_load(&shared.acknowledged) * BATCH);
        store_close(shared.store);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_event_counts_once),
        cmocka_unit_test(all_waiting_callers_hear_of_a_failure),
    };
    return cmocka_run_group_tests_name("store/store_thread", tests, NULL, NULL);
}
