/* Questions that are too large, over the real store: refused or stopped, and the limit is named. */
#include "base/test.h"

#include <stdatomic.h>

#include "os/os_sim.h"
#include "query/query.h"

enum { EVENTS = 6000, PEOPLE = 500, BATCH = 500 };

static const int64_t start_ms = INT64_C(1772323200000); /* 2026-03-01T00:00:00Z */

struct place {
    struct os *os;
    struct store *store;
    struct snapshot *snapshot;
    struct pool *pool;
    struct store_source room;
    struct source *source;
};

/* Every event has a value of `k` of its own, and one of `slow` on which patterns go wild. */
static void place_make(struct place *p)
{
    struct store_options options = {
        .no_background = true, .chunk_rows = 512, .seal_rows = 2048, .project = STR("p")};
    AUTO(arena) *arena = arena_create(0);
    struct event *events = arena_array(arena, BATCH, sizeof *events);
    struct store_receipt receipt;
    struct err e = {0};

    *p = (struct place){.os = os_sim_create((struct os_sim_plan){.seed = 1}),
                        .pool = pool_create(2)};
    assert_works(store_open(p->os, STR("p"), &options, &p->store, &e), e);
    for (size_t i = 0; i < EVENTS; i += BATCH) {
        for (size_t k = 0; k < BATCH; k++) {
            struct property *list = arena_array(arena, 2, sizeof *list);
            list[0] = (struct property){
                STR("k"), {VALUE_TEXT, .text = arena_printf(arena, "value %zu", i + k)}};
            list[1] = (struct property){
                STR("slow"), {VALUE_TEXT, .text = arena_printf(arena, "%040zu!", i + k)}};
            events[k] = (struct event){.id = arena_printf(arena, "e%zu", i + k),
                                       .time = start_ms + (int64_t)(i + k) * 60000,
                                       .received = start_ms,
                                       .name = STR("Viewed"),
                                       .person = arena_printf(arena, "u%zu", (i + k) % PEOPLE),
                                       .properties = list,
                                       .property_count = 2};
        }
        struct store_batch batch = {.events = events, .event_count = BATCH};
        assert_works(store_append(p->store, &batch, &receipt, &e), e);
    }
    assert_works(store_maintain(p->store, &e), e);
    assert_works(store_snapshot(p->store, &p->snapshot, &e), e);
    p->source = source_of_snapshot(&p->room, p->snapshot, p->pool);
}

static void place_free(struct place *p)
{
    snapshot_release(p->snapshot);
    store_close(p->store);
    pool_destroy(p->pool);
    os_destroy(p->os);
}

static bool ask(struct place *p, const struct query_context *more, const char *question,
                struct buf *out, struct err *e)
{
    struct query_context context = *more;

    context.now_ms = start_ms + INT64_C(20) * 86400000;
    *e = (struct err){0};
    buf_clear(out);
    return query_answer(p->source, &context, str_of(question), out, e);
}

#define BY_K                                                                                       \
    "{\"insight\":\"trends\",\"from\":\"2026-03-01\",\"to\":\"2026-03-10\",\"interval\":\"hour\"," \
    "\"limit\":1000,\"series\":[{\"event\":\"Viewed\",\"math\":\"people\"}],"                      \
    "\"breakdown\":[{\"property\":\"k\"}]}"

static void memory_is_counted_and_limited(void **state)
{
    static const char *const questions[] = {
        BY_K,
        "{\"insight\":\"funnel\",\"from\":\"2026-03-01\",\"steps\":[{\"event\":\"Viewed\"},"
        "{\"event\":null}],\"breakdown\":[{\"property\":\"k\"}]}",
        "{\"insight\":\"retention\",\"from\":\"2026-03-01\",\"to\":\"2026-03-10\","
        "\"interval\":\"day\",\"start\":{\"event\":\"Viewed\"},\"breakdown\":[{\"property\":\"k\"}]"
        "}",
    };
    struct place p;
    BUF_AUTO out = {0};
    struct err e;

    (void)state;
    place_make(&p);
    for (size_t i = 0; i < COUNT(questions); i++) {
        struct query_stats stats = {0};
        struct query_context plenty = {.stats = &stats}, little = {.memory_bytes = 1 << 20};
        assert_works(ask(&p, &plenty, questions[i], &out, &e), e);
        assert_true(stats.memory_bytes > 1 << 20); /* so that the limit below is crossed */
        assert_false(ask(&p, &little, questions[i], &out, &e));
        assert_string_equal(e.code, "query.too_large");
        assert_int_equal(err_status(e.kind), 503);
        assert_true(err_may_retry(e.kind));
        assert_non_null(strstr(e.text, "1 MiB of memory"));
        assert_int_equal(out.len, 0);
        little.memory_bytes =
            stats.memory_bytes * 2; /* the limit is what counts, not the counting */
        assert_works(ask(&p, &little, questions[i], &out, &e), e);
    }
    place_free(&p);
}

/* What is allocated on the pool's threads belongs to the question, and is given back. */
static void grow(void *context, size_t task, unsigned thread)
{
    void **list = context;

    (void)thread;
    list[task] = mem_zero(100000);
    list[task] = mem_grow(list[task], 2, 100000);
}

static void threads_share_a_budget(void **state)
{
    enum { TASKS = 64 };
    AUTO(pool) *pool = pool_create(3);
    struct mem_budget budget = {.limit = 6000000};
    void *list[TASKS];

    (void)state;
    assert_null(mem_budget());
    assert_null(mem_enter(&budget));
    pool_run(pool, TASKS, grow, list);
    assert_true(mem_is_over(&budget));
    assert_true(atomic_load(&budget.used) >= TASKS * 200000);
    assert_true(atomic_load(&budget.used) < TASKS * 210000);
    for (size_t i = 0; i < TASKS; i++)
        mem_free(list[i]);
    assert_int_equal(atomic_load(&budget.used), 0);
    assert_true(mem_is_over(&budget)); /* it has been */
    mem_leave(NULL);
    pool_run(pool, TASKS, grow, list); /* nobody counts any more */
    assert_int_equal(atomic_load(&budget.used), 0);
    for (size_t i = 0; i < TASKS; i++)
        mem_free(list[i]);
}

static void numbers_are_limited_by_name(void **state)
{
    static const struct {
        const char *question, *at, *says;
    } cases[] = {
        {"{\"insight\":\"trends\",\"series\":[{\"event\":null}],\"interval\":\"hour\","
         "\"from\":\"2020-01-01\",\"to\":\"2026-03-10\"}",
         "/interval", "10000"},
        {"{\"insight\":\"trends\",\"series\":[{\"event\":null}],\"breakdown\":[{\"property\":\"k\"}"
         ","
         "{\"property\":\"k\"},{\"property\":\"k\"},{\"property\":\"k\"},{\"property\":\"k\"}]}",
         "/breakdown", "4"},
        {"{\"insight\":\"funnel\",\"steps\":[{\"event\":null}],\"exclude\":["
         "{\"event\":\"a\"},{\"event\":\"a\"},{\"event\":\"a\"},{\"event\":\"a\"},{\"event\":\"a\"}"
         ","
         "{\"event\":\"a\"},{\"event\":\"a\"},{\"event\":\"a\"},{\"event\":\"a\"},{\"event\":\"a\"}"
         ","
         "{\"event\":\"a\"},{\"event\":\"a\"},{\"event\":\"a\"},{\"event\":\"a\"},{\"event\":\"a\"}"
         ","
         "{\"event\":\"a\"},{\"event\":\"a\"},{\"event\":\"a\"},{\"event\":\"a\"},{\"event\":\"a\"}"
         ","
         "{\"event\":\"a\"},{\"event\":\"a\"},{\"event\":\"a\"},{\"event\":\"a\"},{\"event\":\"a\"}"
         ","
         "{\"event\":\"a\"},{\"event\":\"a\"},{\"event\":\"a\"},{\"event\":\"a\"}]}",
         "/exclude", "28"},
    };
    struct place p;
    BUF_AUTO out = {0};
    struct err e;

    (void)state;
    place_make(&p);
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_false(ask(&p, &(struct query_context){0}, cases[i].question, &out, &e));
        assert_int_equal(err_status(e.kind), 400);
        assert_string_equal(e.at, cases[i].at);
        if (!strstr(e.text, cases[i].says))
            fail_msg("%s does not say %s", e.text, cases[i].says);
    }
    place_free(&p);
}

/* Patterns that take exponential time end at their limit, on every value; the question fails. */
static void wild_patterns_end(void **state)
{
    static const char *const patterns[] = {"^(0+)+$",          "(0|00)+$",
                                           "^(0*)*1$",         "(.*)(.*)(.*)(.*)(.*)(.*)x",
                                           "^((0|0)*)*[a-f]$", "(?:0?){40}0{40}x"};
    struct place p;
    BUF_AUTO out = {0}, question = {0};
    struct err e;

    (void)state;
    place_make(&p);
    for (size_t i = 0; i < COUNT(patterns); i++) {
        buf_clear(&question);
        buf_printf(&question,
                   "{\"insight\":\"trends\",\"from\":\"2026-03-01\",\"series\":[{\"event\":null}],"
                   "\"filter\":[{\"property\":\"slow\",\"matches\":\"%s\"}]}",
                   patterns[i]);
        buf_add_char(&question, 0);
        if (ask(&p, &(struct query_context){0}, question.at, &out, &e))
            continue; /* PCRE2 saw through it */
        assert_string_equal(e.code, "query.limit");
        assert_string_equal(e.at, "/filter/0/matches");
    }
    /* one that it surely cannot */
    assert_false(
        ask(&p, &(struct query_context){0},
            "{\"insight\":\"trends\",\"from\":\"2026-03-01\",\"series\":[{\"event\":null}],"
            "\"filter\":[{\"property\":\"slow\",\"matches\":\"^((0|0)*)*[a-f]$\"}]}",
            &out, &e));
    assert_string_equal(e.code, "query.limit");
    place_free(&p);
}

static void cancelled_questions_stop(void **state)
{
    volatile bool is_cancelled = true;
    struct query_stats stats = {0};
    struct query_context context = {.cancel = &is_cancelled, .stats = &stats};
    struct place p;
    BUF_AUTO out = {0};
    struct err e;

    (void)state;
    place_make(&p);
    assert_false(ask(&p, &context, BY_K, &out, &e));
    assert_int_equal(e.kind, ERR_BUSY);
    assert_non_null(strstr(e.text, "cancelled"));
    assert_true(stats.matched < EVENTS); /* it did not read on */
    is_cancelled = false;
    assert_works(ask(&p, &context, BY_K, &out, &e), e);
    place_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_counted_and_limited), cmocka_unit_test(threads_share_a_budget),
        cmocka_unit_test(numbers_are_limited_by_name),   cmocka_unit_test(wild_patterns_end),
        cmocka_unit_test(cancelled_questions_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
