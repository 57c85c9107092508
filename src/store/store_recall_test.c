/* Ids of the log that are in the segments already, found before the log is replayed. */
#include "store/store_inner.h"
#include "store/store_sample.h"

static const struct store_options options = {.project = {"p", 1}, .no_background = true};

static struct store_receipt send(struct store *s, uint32_t from, uint32_t to)
{
    AUTO(arena) *arena = arena_create(1 << 20);
    struct event *events = arena_array(arena, to - from, sizeof *events);
    struct store_receipt r;
    struct err e = {0};
    for (uint32_t k = from; k < to; k++)
        events[k - from] = sample_event(arena, k * 2); /* the even ones have ids */
    struct store_batch b = {.events = events, .event_count = to - from};
    assert_works(store_append(s, &b, &r, &e), e);
    return r;
}

static bool none_has(struct store *s, uint32_t k)
{
    AUTO(arena) *arena = arena_create(0);
    return store_recalls_none(s, event_id_hash(sample_event(arena, k * 2).id));
}

/* Reads the log that is there as an open would. */
static void recall(struct store *s, uint64_t from)
{
    uint64_t numbers[8];
    assert_in_range(s->log_count, 1, COUNT(numbers));
    for (size_t i = 0; i < s->log_count; i++)
        numbers[i] = s->logs[i].number;
    store_recall(s, from, numbers, s->log_count);
}

static void all_that_are_there_are_found(void **state)
{
    enum { SEALED = 3000, MANY = 70000 }; /* more than are sorted at once */
    (void)state;
    AUTO(os) *os = os_sim_create((struct os_sim_plan){.seed = 1});
    AUTO(store) *s = NULL;
    struct err e = {0};
    assert_works(store_open(os, STR("p"), &options, &s, &e), e);
    send(s, 0, 500);
    recall(s, 1);
    assert_null(s->recall); /* no segment, nothing to look for */
    assert_false(none_has(s, MANY));
    assert_int_equal(send(s, 0, SEALED).accepted, SEALED - 500);
    assert_works(store_maintain(s, &e), e);
    assert_true(s->live_count > 1);
    uint64_t from = wal_next_sequence(s->wal);
    assert_int_equal(send(s, SEALED - 100, MANY / 2).duplicates, 100);
    send(s, MANY / 2, MANY);
    assert_int_equal(send(s, 0, 50).duplicates, 50); /* of the second load */
    recall(s, from);
    assert_non_null(s->recall);
    for (uint32_t k = 0; k < SEALED; k++) /* only what the log has was asked for */
        assert_int_equal(none_has(s, k), k >= 50 && k < SEALED - 100);
    for (uint32_t k = SEALED; k < MANY; k += 7)
        assert_true(none_has(s, k));
    store_recall_end(s);
    recall(s, from + 2);
    assert_false(none_has(s, 0));
    assert_true(none_has(s, SEALED - 1)); /* before the first batch of interest */
    store_recall_end(s);
    assert_false(none_has(s, MANY)); /* nothing is known, so ask */
}

static void a_replay_counts_as_before(void **state)
{
    (void)state;
    AUTO(os) *os = os_sim_create((struct os_sim_plan){.seed = 2});
    AUTO(store) *s = NULL;
    struct err e = {0};
    struct store_state before, after;
    assert_works(store_open(os, STR("p"), &options, &s, &e), e);
    send(s, 0, 3000);
    assert_works(store_maintain(s, &e), e);
    send(s, 2000, 5000);
    send(s, 100, 200);
    store_state(s, &before);
    assert_int_equal(before.events, 5000);
    store_close(TAKE(s));
    assert_works(store_open(os, STR("p"), &options, &s, &e), e);
    assert_null(s->recall);
    store_state(s, &after);
    assert_int_equal(after.events, 5000);
    assert_int_equal(after.unsealed_events, 2000);
    assert_int_equal(after.people, before.people);
    assert_int_equal(send(s, 0, 5001).accepted, 1);
}

/* Is an id that a segment has left alone in a batch of the log, as the log vouches for it? */
static bool says_fresh(struct store *s, uint64_t sequence)
{
    recall(s, 1);
    assert_non_null(s->recall);
    store_recall_batch(s, sequence);
    bool is_fresh = none_has(s, 55);
    store_recall_end(s);
    return is_fresh;
}

/* Sent twice while in memory, sealed between the two: the replay of the second finds the first in
 * a segment alone. */
static void what_came_twice_is_not_fresh(void **state)
{
    static const struct store_options small = {
        .project = {"p", 1}, .no_background = true, .chunk_rows = 100};
    (void)state;
    AUTO(os) *os = os_sim_create((struct os_sim_plan){.seed = 3});
    AUTO(store) *s = NULL;
    struct err e = {0};
    struct store_state state_now;
    assert_works(store_open(os, STR("p"), &small, &s, &e), e);
    send(s, 0, 100);                                  /* batch 1: an image by now */
    assert_int_equal(send(s, 50, 60).duplicates, 10); /* batch 2 */
    assert_int_equal(send(s, 200, 210).accepted, 10); /* batch 3 */
    assert_int_equal(send(s, 300, 310).accepted, 10); /* batch 4 */
    assert_works(store_seal(s, &e), e);               /* batch 1 */
    assert_int_equal(manifest_content(s->manifest)->marks.log_sequence, 2);
    assert_true(says_fresh(s, 1));
    assert_false(says_fresh(s, 2));
    assert_true(says_fresh(s, 3));
    assert_false(says_fresh(s, 4));
    os_sim_crash(os);
    store_close(TAKE(s));
    assert_works(store_open(os, STR("p"), &small, &s, &e), e);
    store_state(s, &state_now);
    assert_int_equal(state_now.events, 120);
    assert_int_equal(send(s, 0, 400).duplicates, 120);
    store_state(s, &state_now);
    assert_int_equal(state_now.events, 400);
}

static uint64_t due_at(size_t months)
{
    struct imaged images = {.image_count = months};
    struct store s = {.imaged = &images, .imaged_count = 1};
    uint64_t rows = store_seal_rows(&s);
    s.imaged_work = rows - 1;
    assert_false(store_seal_is_due(&s));
    s.imaged_work = rows;
    assert_true(store_seal_is_due(&s));
    assert_false(store_seal_is_behind(&s));
    s.imaged_work = rows + STORE_SEAL_ROWS_MORE;
    assert_true(store_seal_is_behind(&s));
    s.imaged_work = 0;
    s.imaged_log_bytes = rows * STORE_ROW_LOG_BYTES;
    assert_true(store_seal_is_due(&s));
    return rows;
}

static void what_is_replayed_is_bounded(void **state)
{
    (void)state;
    assert_int_equal(due_at(1), 131072);
    assert_int_equal(due_at(4), 131072);
    assert_int_equal(due_at(5), 163840);
    assert_int_equal(due_at(16), 524288);
    assert_int_equal(due_at(400), 524288);
    struct store s = {.options.seal_rows = 96, .imaged_work = 287};
    assert_int_equal(store_seal_rows(&s), 96);
    assert_false(store_seal_is_behind(&s));
    s.imaged_work = 288;
    assert_true(store_seal_is_behind(&s));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_are_there_are_found),
        cmocka_unit_test(a_replay_counts_as_before),
        cmocka_unit_test(what_came_twice_is_not_fresh),
        cmocka_unit_test(what_is_replayed_is_bounded),
    };
    return cmocka_run_group_tests_name("store/store_recall", tests, NULL, NULL);
}
