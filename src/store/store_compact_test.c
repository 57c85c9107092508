/* Which segments are merged and when, what that costs, and what goes on meanwhile. */
#include <pthread.h>
#include <unistd.h>

#include "store/store_inner.h"
#include "store/store_sample.h"

#define DAY INT64_C(86400000)
#define MONTH (30 * DAY)

static struct store *open_small(struct os *os, size_t chunk_rows, size_t seal_rows)
{
    struct store_options options = {.project = STR("main"),
                                    .no_background = true,
                                    .chunk_rows = chunk_rows,
                                    .seal_rows = seal_rows};
    struct store *s = NULL;
    struct err e = {0};
    assert_works(store_open(os, STR("/data"), &options, &s, &e), e);
    return s;
}

static size_t most_of_a_month(const struct store *s)
{
    size_t most = 0, count = 0;
    for (size_t i = 0; i < s->live_count; i++) {
        bool is_same = i && s->live[i]->month_start == s->live[i - 1]->month_start;
        count = is_same ? count + 1 : 1;
        most = MAX(most, count);
    }
    return most;
}

static void rest(struct store *s)
{
    bool did = true;
    struct err e = {0};
    pthread_mutex_lock(&s->maintain_lock);
    while (did)
        assert_works(store_compact(s, false, &did, &e), e);
    pthread_mutex_unlock(&s->maintain_lock);
}

static void seal(struct store *s)
{
    struct err e = {0};
    pthread_mutex_lock(&s->maintain_lock);
    assert_works(store_close_stage(s, &e) && store_seal(s, &e), e);
    pthread_mutex_unlock(&s->maintain_lock);
}

/* `count` events of about `months` months before the newest; most of them of the last days. */
static void add_late(struct store *s, uint64_t *next, size_t count, int64_t now, int64_t months)
{
    AUTO(arena) *arena = arena_create(0);
    struct event *events = arena_array(arena, count, sizeof *events);
    struct store_receipt r;
    struct err e = {0};
    for (size_t i = 0; i < count; i++) {
        uint64_t dice = hash_mix((*next)++);
        int64_t back = dice % 2 ? (int64_t)(dice % (uint64_t)(DAY * 2))
                                : (int64_t)(dice % (uint64_t)(MONTH * months));
        events[i] =
            (struct event){.id = arena_printf(arena, "%llu", (unsigned long long)*next),
                           .time = now - back,
                           .name = STR("n"),
                           .person = arena_printf(arena, "p%u", (unsigned)(dice >> 40) % 50)};
    }
    assert_works(store_append(s, &(struct store_batch){events, count, NULL, 0}, &r, &e), e);
    assert_int_equal(r.accepted, count);
}

/* Half of what comes is late, spread over twelve months: at rest no month has more than six
 * segments, and each byte is written a few times, not once a sealing. */
static void late_events_leave_few_segments(void **state)
{
    (void)state;
    enum { SEALINGS = 300, BATCH = 120 };
    AUTO(os) *os = os_sim_create((struct os_sim_plan){.seed = 1});
    AUTO(store) *s = open_small(os, 4096, 4096);
    uint64_t next = 1, rows_written = 0, rows_sealed = 0;
    struct store_state now;
    for (int i = 0; i < SEALINGS; i++) {
        add_late(s, &next, BATCH, SAMPLE_START + 12 * MONTH + i * DAY, 12);
        seal(s);
        rows_sealed += BATCH;
        for (bool did = true; did;) {
            struct err e = {0};
            uint64_t before = manifest_content(s->manifest)->marks.next_segment;
            pthread_mutex_lock(&s->maintain_lock);
            assert_works(store_compact(s, false, &did, &e), e);
            pthread_mutex_unlock(&s->maintain_lock);
            for (size_t k = 0; did && k < s->live_count; k++)
                rows_written += s->live[k]->number >= before ? s->live[k]->rows : 0;
        }
        assert_true(most_of_a_month(s) <= STORE_MONTH_SEGMENTS_MAX);
    }
    store_state(s, &now);
    assert_int_equal(now.events, next - 1);
    assert_true(now.rewritten_bytes > 0 && now.sealed_bytes > 0);
    if (getenv("TENURE_SHOW"))
        printf("rows sealed %llu, rewritten %.2f times\n", (unsigned long long)rows_sealed,
               (double)rows_written / (double)rows_sealed);
    assert_true(rows_written < 6 * rows_sealed);
}

/* What would not fit is not tried again and stands in nobody's way. */
static void what_is_too_large_stays_apart(void **state)
{
    (void)state;
    AUTO(os) *os = os_sim_create((struct os_sim_plan){.seed = 2});
    AUTO(store) *s = open_small(os, 4096, 4096);
    uint64_t next = 1;
    for (int i = 0; i < 3; i++) {
        add_late(s, &next, 200, SAMPLE_START + 20 * DAY, 0 + 1);
        seal(s);
    }
    struct segment *wall = s->live[s->live_count - 1];
    ARRAY_PUSH(s->apart, s->apart_count, s->apart_room) = wall->number;
    for (int i = 0; i < 20; i++) {
        add_late(s, &next, 20, SAMPLE_START + 20 * DAY, 1);
        seal(s);
        rest(s);
    }
    bool is_there = false;
    for (size_t i = 0; i < s->live_count; i++)
        is_there |= s->live[i] == wall;
    assert_true(is_there);
    assert_true(most_of_a_month(s) <= 2 * STORE_MONTH_SEGMENTS_MAX + 1);
    struct err e = {0};
    assert_works(store_maintain(s, &e), e); /* all of each side into one */
    assert_true(most_of_a_month(s) <= 3);
}

/* A snapshot of a chunk that is not small freezes it; the many small images that this leaves are
 * folded into one, and nothing of what came with them is lost. */
static void small_images_are_folded(void **state)
{
    (void)state;
    enum { BATCH = STORE_PREVIEW_ROWS + 100, ROUNDS = 9 };
    AUTO(os) *os = os_sim_create((struct os_sim_plan){.seed = 3});
    AUTO(store) *s = open_small(os, 65536, 1 << 20);
    uint64_t next = 1;
    struct err e = {0};
    for (int i = 0; i < ROUNDS; i++) {
        struct snapshot *v = NULL;
        struct property level = {STR("level"), {.type = VALUE_INT, .integer = i}};
        struct fact f = {.kind = FACT_PERSON_TRAITS,
                         .subject = STR("p1"),
                         .created = (int64_t)FACT_CREATED_NONE,
                         .properties = &level,
                         .property_count = 1};
        struct store_receipt r;
        assert_works(store_append(s, &(struct store_batch){NULL, 0, &f, 1}, &r, &e), e);
        add_late(s, &next, BATCH, SAMPLE_START + 5 * MONTH, 3);
        assert_works(store_snapshot(s, &v, &e), e);
        snapshot_release(v);
    }
    assert_int_equal(s->imaged_count, ROUNDS);
    assert_true(store_fold_is_due(s));
    assert_works(store_fold(s, &e), e);
    assert_int_equal(s->imaged_count, 1);
    assert_int_equal(s->imaged[0].rows, ROUNDS * BATCH);
    assert_int_equal(s->imaged[0].id_count, ROUNDS * BATCH);
    assert_false(store_fold_is_due(s));
    struct store_state before, after;
    store_state(s, &before);
    seal(s);
    store_state(s, &after);
    assert_int_equal(after.events, before.events);
    assert_int_equal(after.events, ROUNDS * BATCH);
    assert_int_equal(after.unsealed_events, 0);
    store_close(TAKE(s));
    os_sim_crash(os);
    s = open_small(os, 65536, 1 << 20);
    store_state(s, &after);
    assert_int_equal(after.events, ROUNDS * BATCH);
    struct snapshot *v = NULL;
    uint32_t unit;
    assert_works(store_snapshot(s, &v, &e), e);
    assert_true(snapshot_unit_find(v, STR("p1"), &unit));
    assert_int_equal(snapshot_trait(v, unit, STR("level")).integer, ROUNDS - 1);
    snapshot_release(v);
}

static size_t images_of(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    size_t count = s->imaged_count;
    pthread_mutex_unlock(&s->lock);
    return count;
}

/* The background does so by itself: there are never many, however many views were taken. */
static void the_background_folds(void **state)
{
    (void)state;
    enum { BATCH = STORE_PREVIEW_ROWS + 100, ROUNDS = 2 * STORE_FOLD_MIN };
    struct store_options options = {.project = STR("main"), .seal_rows = 1 << 20};
    AUTO(os) *os = os_sim_create((struct os_sim_plan){.seed = 7});
    AUTO(store) *s = NULL;
    struct store_state now;
    struct err e = {0};
    uint64_t next = 1;
    assert_works(store_open(os, STR("/data"), &options, &s, &e), e);
    for (int i = 0; i < ROUNDS; i++) {
        struct snapshot *v = NULL;
        add_late(s, &next, BATCH, SAMPLE_START + 5 * MONTH, 3);
        assert_works(store_snapshot(s, &v, &e), e);
        snapshot_release(v);
    }
    for (unsigned tries = 0; images_of(s) >= STORE_FOLD_MIN; tries++) {
        assert_true(tries < 100000);
        usleep(1000);
    }
    store_state(s, &now);
    assert_int_equal(now.events, ROUNDS * BATCH);
    assert_int_equal(now.segments, 0);
}

/* Whom a stage that is folded erased is still known to be gone when the fold is sealed. */
static void a_fold_keeps_who_was_erased(void **state)
{
    (void)state;
    enum { BATCH = STORE_PREVIEW_ROWS + 100 };
    AUTO(os) *os = os_sim_create((struct os_sim_plan){.seed = 6});
    AUTO(store) *s = open_small(os, 65536, 1 << 20);
    struct event ev = {.time = SAMPLE_START, .name = STR("Once"), .person = STR("ghost")};
    struct store_receipt r;
    struct store_erasure x;
    struct store_state now;
    struct err e = {0};
    uint64_t next = 1, events = 0;
    assert_works(store_append(s, &(struct store_batch){&ev, 1, NULL, 0}, &r, &e), e);
    for (int i = 0; !store_fold_is_due(s); i++) {
        struct snapshot *v = NULL;
        assert_true(i < 100);
        add_late(s, &next, BATCH, SAMPLE_START + 5 * MONTH, 3);
        events += BATCH;
        if (i == 4)
            assert_works(store_erase(s, STR("ghost"), &x, &e), e);
        assert_works(store_snapshot(s, &v, &e), e);
        snapshot_release(v);
    }
    assert_int_equal(x.events, 1);
    assert_works(store_fold(s, &e), e);
    size_t erased = 0;
    for (size_t i = 0; i < s->imaged_count; i++)
        erased += s->imaged[i].erased_count;
    assert_int_equal(erased, 1);
    seal(s);
    store_close(TAKE(s));
    os_sim_crash(os);
    s = open_small(os, 65536, 1 << 20);
    store_state(s, &now);
    assert_int_equal(now.events, events);
    assert_int_equal(people_erased_count(s->people), 1);
}

/* A compaction that has to rest for minutes does not hold up writing, reading, sealing; a
 * maintenance ends the resting, and closing ends the compaction. */
static void nobody_waits_for_a_resting_compaction(void **state)
{
    (void)state;
    enum { BATCH = 3000 };
    struct store_options options = {.project = STR("main"),
                                    .chunk_rows = 3000,
                                    .seal_rows = 3000,
                                    .compact_bytes_per_second = 1000};
    AUTO(os) *os = os_sim_create((struct os_sim_plan){.seed = 4});
    struct store *s = NULL;
    uint64_t next = 1;
    struct err e = {0};
    struct store_state now;
    assert_works(store_open(os, STR("/data"), &options, &s, &e), e);
    for (int i = 0; i < 40; i++) {
        struct snapshot *v = NULL;
        add_late(s, &next, BATCH, SAMPLE_START + 20 * DAY, 1);
        assert_works(store_snapshot(s, &v, &e), e);
        snapshot_release(v);
    }
    store_state(s, &now);
    assert_int_equal(now.events, 40 * BATCH);
    assert_works(store_maintain(s, &e), e); /* waits for the background, which hurries */
    assert_true(most_of_a_month(s) <= 1);
    for (int i = 0; i < 12; i++)
        add_late(s, &next, BATCH, SAMPLE_START + 20 * DAY, 1);
    store_close(s);
    s = open_small(os, 65536, 1 << 20);
    store_state(s, &now);
    assert_int_equal(now.events, 52 * BATCH);
    store_close(s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(late_events_leave_few_segments),
        cmocka_unit_test(what_is_too_large_stays_apart),
        cmocka_unit_test(small_images_are_folded),
        cmocka_unit_test(the_background_folds),
        cmocka_unit_test(a_fold_keeps_who_was_erased),
        cmocka_unit_test(nobody_waits_for_a_resting_compaction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
