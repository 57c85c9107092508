/* The questions themselves: each is answered, each says something, and a lost event is seen. */
#include "rig/questions.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/test.h"
#include "os/os_sim.h"

enum { EVENTS = 3000, FACTS = 60 };

struct world {
    struct os *os;
    struct store *s;
    struct pool *pool;
    struct rig_digest digest;
};

static void fill(struct world *w, uint64_t left_out)
{
    AUTO(arena) *arena = arena_create(0);
    struct store_options options = {
        .project = STR("main"), .no_background = true, .chunk_rows = 256, .seal_rows = 1024};
    struct store_receipt r;
    struct err e = {0};

    w->os = os_sim_create((struct os_sim_plan){.seed = 1});
    w->pool = pool_create(2);
    assert_works(store_open(w->os, STR("/data"), &options, &w->s, &e), e);
    for (uint64_t k = 0; k < EVENTS; k++) {
        struct event ev = rig_event(arena, k);
        struct fact f = rig_fact(arena, k);
        struct store_batch batch = {&ev, 1, &f, k < FACTS};
        batch.event_count = k != left_out;
        assert_works(store_append(w->s, &batch, &r, &e), e);
        arena_reset(arena);
    }
    assert_works(rig_ask_store(w->s, w->pool, &w->digest, &e), e);
}

static void empty(struct world *w)
{
    store_close(w->s);
    pool_destroy(w->pool);
    os_destroy(w->os);
}

static void all_are_answered(void **state)
{
    struct world w;
    (void)state;
    fill(&w, UINT64_MAX);
    struct snapshot *v = NULL;
    struct err e = {0};
    assert_works(store_snapshot(w.s, &v, &e), e);
    struct store_source room;
    struct source *source = source_of_snapshot(&room, v, w.pool);
    for (unsigned i = 0; i < RIG_QUESTIONS; i++) {
        BUF_AUTO answer = {0};
        struct query_stats stats;
        struct query_context context = {.now_ms = RIG_NOW_MS, .stats = &stats};
        if (!query_answer(source, &context, str_of(rig_questions[i]), &answer, &e))
            fail_msg("question %u: %s at %s: %s (%s)", i, e.code, e.at, e.text, e.hint);
        if (!stats.matched)
            fail_msg("question %u sees no event: %s", i, rig_questions[i]);
        if (getenv("TENURE_SHOW"))
            printf("%u %s\n  %.*s\n", i, rig_questions[i], STR_ARG(buf_str(&answer)));
    }
    snapshot_release(v);
    assert_int_equal(w.digest.errors, 0);
    empty(&w);
}

/* Nearly all questions see nearly all events: what is lost does not stay hidden. */
static void a_lost_event_changes_answers(void **state)
{
    struct world whole, less;
    (void)state;
    fill(&whole, UINT64_MAX);
    for (uint64_t lost = 100; lost < EVENTS; lost += 700) {
        fill(&less, lost);
        unsigned changed = 0;
        for (unsigned i = 0; i < RIG_QUESTIONS; i++)
            changed += whole.digest.answers[i] != less.digest.answers[i];
        if (changed < 3)
            fail_msg("event %u is missing, and only %u answers changed", (unsigned)lost, changed);
        empty(&less);
    }
    empty(&whole);
}

static void the_same_again(void **state)
{
    struct world a, b;
    (void)state;
    fill(&a, UINT64_MAX);
    fill(&b, UINT64_MAX);
    assert_int_equal(rig_differs(&a.digest, &b.digest), RIG_QUESTIONS);
    empty(&a);
    empty(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_are_answered),
        cmocka_unit_test(a_lost_event_changes_answers),
        cmocka_unit_test(the_same_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
