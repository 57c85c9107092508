/*
 * kill -9 with the real system: a child appends from two threads and says over a pipe what was
 * acknowledged; it is killed at some moment; the store is opened again and compared. Sealing and
 * compaction run meanwhile, since chunks are small.
 *
 * TENURE_KILLS sets how many kills (default 40), TENURE_SEED where the dice start.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/store_sample.h"

enum { WRITERS = 2, BATCH = 5, KILLS_A_STORE = 10, BATCHES_MAX = 800 };

/* Writer w's batch b holds the events of this number on. */
static uint32_t first_event(uint32_t writer, uint32_t batch)
{
    return (batch * WRITERS + writer) * BATCH;
}
_Static_assert(BATCHES_MAX *WRITERS *BATCH <= MODEL_EVENTS_MAX, "the model holds them all");

struct child {
    struct store *store;
    int pipe;
    uint32_t writer, batch;
};

static struct store *open_store(struct os *os, struct str dir)
{
    struct store_options options = {.project = STR("main"), .chunk_rows = 64, .seal_rows = 200};
    struct store *s;
    struct err e = {0};
    if (!store_open(os, dir, &options, &s, &e))
        fail_msg("opening after a kill: %s", e.text);
    return s;
}

static void *child_writer(void *context)
{
    struct child *c = context;
    AUTO(arena) *arena = arena_create(0);
    for (; c->batch < BATCHES_MAX; c->batch++) {
        struct event events[BATCH];
        struct store_receipt r;
        struct err e = {0};
        arena_reset(arena);
        for (uint32_t i = 0; i < BATCH; i++)
            events[i] = sample_event(arena, first_event(c->writer, c->batch) + i);
        struct store_batch batch = {.events = events, .event_count = BATCH};
        /* A batch may be there already, unacknowledged, from before the last kill. */
        REQUIRE(store_append(c->store, &batch, &r, &e));
        REQUIRE(r.accepted + r.duplicates == BATCH && r.conflicts == 0);
        uint32_t acknowledged[2] = {c->writer, c->batch};
        REQUIRE(write(c->pipe, acknowledged, sizeof acknowledged) == sizeof acknowledged);
        if (c->writer == 0 && c->batch % 50 == 49)
            REQUIRE(store_maintain(c->store, &e));
    }
    return NULL;
}

static _Noreturn void child_main(struct str dir, int pipe, const uint32_t *next)
{
    struct os *os = os_linux_create();
    struct store_options options = {.project = STR("main"), .chunk_rows = 64, .seal_rows = 200};
    struct store *s;
    struct err e = {0};
    REQUIRE(store_open(os, dir, &options, &s, &e));
    struct child children[WRITERS];
    pthread_t threads[WRITERS];
    for (uint32_t w = 0; w < WRITERS; w++) {
        children[w] = (struct child){s, pipe, w, next[w]};
        REQUIRE(pthread_create(&threads[w], NULL, child_writer, &children[w]) == 0);
    }
    for (uint32_t w = 0; w < WRITERS; w++)
        pthread_join(threads[w], NULL);
    _exit(0);
}

/* Reads acknowledgements until `count` of them came and `wait_ms` passed, kills, reads the rest. */
static void listen_and_kill(pid_t child, int pipe, uint32_t count, int wait_ms, uint32_t *next)
{
    uint32_t got[2];
    bool is_killed = false;
    while (read(pipe, got, sizeof got) == sizeof got) {
        assert_int_equal(got[1], next[got[0]]);
        next[got[0]]++;
        if (is_killed || count-- > 0)
            continue;
        if (wait_ms)
            (void)!poll(&(struct pollfd){.fd = -1}, 1, wait_ms);
        kill(child, SIGKILL);
        is_killed = true;
    }
    if (!is_killed)
        kill(child, SIGKILL);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
}

static void compare(struct model *m, struct os *os, struct str dir, const uint32_t *next,
                    uint64_t seed)
{
    char where[64];
    snprintf(where, sizeof where, "dice %llu", (unsigned long long)seed);
    for (uint32_t w = 0; w < WRITERS; w++) {
        for (uint32_t b = 0; b < next[w]; b++)
            for (uint32_t i = 0; i < BATCH; i++)
                m->state[first_event(w, b) + i] = MODEL_IN;
        for (uint32_t i = 0; next[w] < BATCHES_MAX && i < BATCH; i++)
            if (m->state[first_event(w, next[w]) + i] == MODEL_OUT)
                m->state[first_event(w, next[w]) + i] = MODEL_MAYBE + w;
    }
    struct store *s = open_store(os, dir);
    model_check(m, s, where);
    store_close(s);
}

static void remove_dir(struct os *os, struct str dir)
{
    AUTO(arena) *arena = arena_create(0);
    struct str *names;
    size_t count;
    struct err e = {0};
    assert_works(os_dir_list(os, dir, arena, &names, &count, &e), e);
    for (size_t i = 0; i < count; i++)
        assert_works(
            os_remove(os, arena_printf(arena, "%.*s/%.*s", STR_ARG(dir), STR_ARG(names[i])), &e),
            e);
    assert_int_equal(rmdir(dir.at), 0);
}

static void one_store(uint64_t seed, int kills)
{
    AUTO(os) *os = os_linux_create();
    char name[] = "/tmp/tenure-kill-XXXXXX";
    assert_non_null(mkdtemp(name));
    struct str dir = str_of(name);
    struct model *m = mem_zero(sizeof *m);
    uint32_t next[WRITERS] = {0};
    model_init(m);
    for (int i = 0; i < kills; i++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            close(ends[0]);
            child_main(dir, ends[1], next);
        }
        close(ends[1]);
        uint64_t dice = hash_mix(seed + (uint64_t)i);
        listen_and_kill(child, ends[0], (uint32_t)(dice % 90), (int)(dice >> 60) % 4, next);
        close(ends[0]);
        compare(m, os, dir, next, seed + (uint64_t)i);
    }
    mem_free(m);
    remove_dir(os, dir);
}

static void what_was_acknowledged_survives_kill_9(void **state)
{
    (void)state;
    const char *kills = getenv("TENURE_KILLS"), *first = getenv("TENURE_SEED");
    uint64_t seed = first ? strtoull(first, NULL, 10) : 1;
    int left = kills ? (int)strtol(kills, NULL, 10) : 40;
    for (; left > 0; left -= KILLS_A_STORE, seed += KILLS_A_STORE)
        one_store(seed, MIN(left, KILLS_A_STORE));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_acknowledged_survives_kill_9)};
    return cmocka_run_group_tests_name("store/store_kill", tests, NULL, NULL);
}
