/* Ids in many segments: learnt once there are enough, and found whatever the set says. */
#include "store/seen.h"
#include "store/store_inner.h"
#include "store/store_sample.h"

static struct store_receipt send(struct store *s, struct arena *arena, uint32_t from, uint32_t to,
                                 int64_t later)
{
    struct event *events = arena_array(arena, to - from, sizeof *events);
    struct store_receipt r;
    struct err e = {0};
    for (uint32_t k = from; k < to; k++) {
        events[k - from] = sample_event(arena, k * 2); /* the even ones have ids */
        events[k - from].time += later;
    }
    struct store_batch b = {.events = events, .event_count = to - from};
    assert_works(store_append(s, &b, &r, &e), e);
    return r;
}

static void is_receipt(struct store_receipt r, uint64_t accepted, uint64_t duplicates,
                       uint64_t conflicts)
{
    assert_int_equal(r.accepted, accepted);
    assert_int_equal(r.duplicates, duplicates);
    assert_int_equal(r.conflicts, conflicts);
}

static void ids_are_learnt_and_found(void **state)
{
    (void)state;
    for (size_t from = 1; from <= 9; from += 4) { /* three months: 3 segments; 9 is never reached */
        AUTO(os) *os = os_sim_create((struct os_sim_plan){.seed = 1});
        AUTO(arena) *arena = arena_create(0);
        struct store_options options = {
            .project = STR("p"), .no_background = true, .seen_segments = from};
        AUTO(store) *s = NULL;
        struct err e = {0};
        assert_works(store_open(os, STR("p"), &options, &s, &e), e);
        is_receipt(send(s, arena, 0, 600, 0), 600, 0, 0);
        assert_false(store_learn_is_due(s));
        assert_works(store_maintain(s, &e), e);
        assert_int_equal(s->seen_old != NULL, from == 1);
        is_receipt(send(s, arena, 0, 700, 0), 100, 600, 0); /* known, and not yet sealed */
        is_receipt(send(s, arena, 0, 700, SAMPLE_MONTH_MS), 0, 700, 700); /* in another month */
        assert_works(store_maintain(s, &e), e);
        is_receipt(send(s, arena, 600, 800, 0), 100, 100, 0); /* noted as they came */
        is_receipt(send(s, arena, 0, 800, 1), 0, 800, 800);
        store_close(TAKE(s));
        assert_works(store_open(os, STR("p"), &options, &s, &e), e);
        assert_int_equal(store_learn_is_due(s), from == 1);
        is_receipt(send(s, arena, 700, 900, 0), 100, 100, 0); /* before it is learnt again */
        if (from == 1)
            for (bool did = true; did;)
                assert_works(store_learn(s, &did, &e), e);
        is_receipt(send(s, arena, 0, 1000, 0), 100, 900, 0);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_learnt_and_found),
    };
    return cmocka_run_group_tests_name("store/store_seen", tests, NULL, NULL);
}
