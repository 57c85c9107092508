/* A backup holds what was acknowledged before it, whatever goes on, and opens as the store did. */
#include <pthread.h>

#include "store/inventory.h"
#include "store/store_sample.h"

struct writer {
    struct store *store;
    uint32_t from;
    _Atomic uint32_t acknowledged; /* events */
    _Atomic bool is_over;
};

static void append_one(struct store *s, struct arena *arena, uint32_t k)
{
    struct event event = sample_event(arena, k);
    struct store_batch batch = {.events = &event, .event_count = 1};
    struct store_receipt r;
    struct err e = {0};
    assert_works(store_append(s, &batch, &r, &e), e);
}

static void *write_events(void *context)
{
    struct writer *w = context;
    AUTO(arena) *arena = arena_create(0);
    struct err e = {0};

    for (uint32_t k = w->from; !atomic_load(&w->is_over) && k < MODEL_EVENTS_MAX; k++) {
        append_one(w->store, arena, k);
        atomic_store(&w->acknowledged, k + 1);
        if (k % 400 == 399 && !store_maintain(w->store, &e))
            return w;
    }
    return NULL;
}

static uint32_t count_in(struct os *os, struct str dir, bool read_only)
{
    struct store_options options = {
        .project = STR("main"), .no_background = true, .read_only = read_only};
    AUTO(arena) *arena = arena_create(0);
    struct store *s;
    struct snapshot *v;
    struct err e = {0};
    uint32_t *list;
    size_t count;

    assert_works(store_open(os, dir, &options, &s, &e), e);
    assert_works(store_snapshot(s, &v, &e), e);
    sample_numbers(v, arena, &list, &count); /* compares each row with what was sent */
    for (size_t i = 0; i < count; i++)
        assert_int_equal(list[i], i); /* a prefix: no hole */
    snapshot_release(v);
    store_close(s);
    return (uint32_t)count;
}

static void holds_a_prefix_while_all_goes_on(void **state)
{
    (void)state;
    enum { BACKUPS = 12 };
    struct os *os = os_sim_create((struct os_sim_plan){.seed = 3});
    struct store_options options = {.project = STR("main"), .chunk_rows = 32, .seal_rows = 128};
    struct store_backup_options quietly = {0};
    AUTO(arena) *arena = arena_create(0);
    uint32_t least[BACKUPS];
    struct writer w = {0};
    struct err e = {0};
    pthread_t thread;
    void *failed;

    assert_works(store_open(os, STR("/data"), &options, &w.store, &e), e);
    append_one(w.store, arena, 0);
    w.from = w.acknowledged = 1;
    assert_int_equal(pthread_create(&thread, NULL, write_events, &w), 0);
    for (uint32_t i = 0; i < BACKUPS; i++) {
        struct store_backup_receipt r;
        least[i] = atomic_load(&w.acknowledged);
        struct str to = arena_printf(arena, "/backup-%u", i);
        assert_works(store_backup(w.store, to, &quietly, arena, &r, &e), e);
        assert_true(r.sequence >= least[i]); /* a batch is one event here */
        assert_true(r.file_count >= 2 && r.bytes > 0);
    }
    atomic_store(&w.is_over, true);
    assert_int_equal(pthread_join(thread, &failed), 0);
    assert_null(failed);
    store_close(w.store);
    for (uint32_t i = 0; i < BACKUPS; i++) {
        struct str to = arena_printf(arena, "/backup-%u", i);
        uint32_t there = count_in(os, to, true);
        if (there < least[i])
            fail_msg("backup %u has %u events of %u", i, there, least[i]);
        assert_int_equal(count_in(os, to, false), there);
        assert_int_equal(count_in(os, to, true), there);
    }
    os_destroy(os);
}

static void the_point_is_exact_and_a_crash_keeps_it(void **state)
{
    (void)state;
    for (uint32_t sealed = 0; sealed < 2; sealed++) {
        struct os *os = os_sim_create((struct os_sim_plan){.seed = 5 + sealed});
        struct store_options options = {.project = STR("main"), .no_background = true};
        struct store_backup_options quietly = {0};
        AUTO(arena) *arena = arena_create(0);
        struct store_backup_receipt r;
        struct store *s;
        struct err e = {0};

        assert_works(store_open(os, STR("/data"), &options, &s, &e), e);
        for (uint32_t k = 0; k < 100; k++)
            append_one(s, arena, k);
        if (sealed)
            assert_works(store_maintain(s, &e), e);
        assert_works(store_backup(s, STR("/copy"), &quietly, arena, &r, &e), e);
        assert_works(os_dir_sync(os, STR("/"), &e), e);
        assert_int_equal(r.sequence, 100);
        for (uint32_t k = 100; k < 150; k++)
            append_one(s, arena, k);
        os_sim_crash(os);
        store_close(s);
        assert_int_equal(count_in(os, STR("/copy"), false), 100);
        assert_int_equal(count_in(os, STR("/data"), false), 150);
        os_destroy(os);
    }
}

static bool stop_at_once(void *context, uint64_t bytes)
{
    (void)context;
    return bytes == 0;
}

static void failures_name_the_file(void **state)
{
    (void)state;
    struct os *os = os_sim_create((struct os_sim_plan){.seed = 9});
    struct store_options options = {.project = STR("main"), .no_background = true};
    struct store_backup_options quietly = {0}, stopped = {.progress = stop_at_once};
    AUTO(arena) *arena = arena_create(0);
    struct store_backup_receipt r;
    struct store *s;
    struct err e = {0};

    assert_works(store_open(os, STR("/data"), &options, &s, &e), e);
    for (uint32_t k = 0; k < 20; k++)
        append_one(s, arena, k);
    assert_works(store_maintain(s, &e), e);
    assert_false(store_backup(s, STR("/copy"), &stopped, arena, &r, &e));
    assert_int_equal(e.kind, ERR_BUSY);
    assert_false(store_backup(s, STR("/none/copy"), &quietly, arena, &r, &e));
    assert_non_null(strstr(e.text, "/none/copy"));
    assert_works(os_remove(os, STR("/data/seg-0000000001.tns"), &e), e);
    assert_false(store_backup(s, STR("/copy"), &quietly, arena, &r, &e));
    assert_int_equal(e.kind, ERR_CORRUPT);
    assert_non_null(strstr(e.text, "seg-0000000001.tns is missing"));
    store_close(s);
    os_destroy(os);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_a_prefix_while_all_goes_on),
        cmocka_unit_test(the_point_is_exact_and_a_crash_keeps_it),
        cmocka_unit_test(failures_name_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
