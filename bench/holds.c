/*
 * bench/holds: how long each lock of the store is held, under steady writing, asking and
 * compaction.
 *
 * usage: holds EVENTS DIR
 *
 * One thread appends batches of 500 events of six months, half of them late, one takes a snapshot
 * every few milliseconds, the background seals and compacts. The linker wraps the calls that take
 * and let go of a lock (bench/meson.build); the longest hold of each is printed, by the clock and
 * by the holder's own time (on a busy machine a holder is made to wait).
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/hash.h"
#include "store/store_inner.h"

enum { BATCH = 500, HELD_MAX = 8 };

struct held {
    pthread_mutex_t *lock;
    uint64_t since, work; /* wall clock, and the thread's own time */
};
static _Thread_local struct held held[HELD_MAX];
static struct store *measured;
static _Atomic uint64_t longest[4], longest_work[4];
static const char *const lock_names[4] = {"maintain_lock", "writer_lock", "lock", "queue_lock"};

int __real_pthread_mutex_lock(pthread_mutex_t *m);
int __real_pthread_mutex_unlock(pthread_mutex_t *m);
int __real_pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m);
int __real_pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *t);
int __wrap_pthread_mutex_lock(pthread_mutex_t *m);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *m);
int __wrap_pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m);
int __wrap_pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *t);

static uint64_t ns_of(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t now_ns(void)
{
    return ns_of(CLOCK_MONOTONIC);
}

static void raise_to(_Atomic uint64_t *most, uint64_t ns)
{
    for (uint64_t old = *most; ns > old && !atomic_compare_exchange_weak(most, &old, ns);)
        continue;
}

static void took(pthread_mutex_t *m)
{
    for (int i = 0; i < HELD_MAX; i++)
        if (!held[i].lock) {
            held[i] = (struct held){m, now_ns(), ns_of(CLOCK_THREAD_CPUTIME_ID)};
            return;
        }
}

static void lets_go(pthread_mutex_t *m)
{
    for (int i = 0; i < HELD_MAX; i++) {
        if (held[i].lock != m)
            continue;
        held[i].lock = NULL;
        uint64_t ns = now_ns() - held[i].since;
        uint64_t work = ns_of(CLOCK_THREAD_CPUTIME_ID) - held[i].work;
        if (!measured)
            return;
        pthread_mutex_t *all[4] = {&measured->maintain_lock, &measured->writer_lock,
                                   &measured->lock, &measured->queue_lock};
        for (int k = 0; k < 4; k++)
            if (all[k] == m) {
                raise_to(&longest[k], ns);
                raise_to(&longest_work[k], work);
            }
        return;
    }
}

int __wrap_pthread_mutex_lock(pthread_mutex_t *m)
{
    int code = __real_pthread_mutex_lock(m);
    took(m);
    return code;
}

int __wrap_pthread_mutex_unlock(pthread_mutex_t *m)
{
    lets_go(m);
    return __real_pthread_mutex_unlock(m);
}

int __wrap_pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m)
{
    lets_go(m);
    int code = __real_pthread_cond_wait(c, m);
    took(m);
    return code;
}

int __wrap_pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *t)
{
    lets_go(m);
    int code = __real_pthread_cond_timedwait(c, m, t);
    took(m);
    return code;
}

struct asking {
    struct store *s;
    _Atomic bool stop;
    uint64_t count, longest_ns;
};

static void *ask(void *context)
{
    struct asking *a = context;
    while (!a->stop) {
        struct snapshot *v = NULL;
        struct err e = {0};
        uint64_t before = now_ns();
        REQUIRE(store_snapshot(a->s, &v, &e));
        a->longest_ns = MAX(a->longest_ns, now_ns() - before);
        a->count++;
        snapshot_release(v);
        nanosleep(&(struct timespec){.tv_nsec = 3000000}, NULL);
    }
    return NULL;
}

static void append_all(struct store *s, uint64_t events, uint64_t *longest_ns)
{
    AUTO(arena) *arena = arena_create(0);
    static const char *const names[] = {"viewed", "opened", "paid", "left"};
    for (uint64_t done = 0; done < events; done += BATCH) {
        arena_reset(arena);
        struct event *list = arena_array(arena, BATCH, sizeof *list);
        for (uint64_t i = 0; i < BATCH; i++) {
            uint64_t dice = hash_mix(done + i),
                     back = dice % 2 ? dice % 86400000 : dice % 15552000000;
            struct property *p = arena_array(arena, 1, sizeof *p);
            *p =
                (struct property){STR("n"), {.type = VALUE_INT, .integer = (int64_t)(dice % 1000)}};
            list[i] =
                (struct event){.id = arena_printf(arena, "00000000-0000-4000-8000-%012llx",
                                                  (unsigned long long)(done + i)),
                               .time = 1767225600000 - (int64_t)back,
                               .name = str_of(names[dice >> 20 & 3]),
                               .person = arena_printf(arena, "p%u", (unsigned)(dice >> 32) % 50000),
                               .properties = p,
                               .property_count = 1};
        }
        struct store_receipt r;
        struct err e = {0};
        uint64_t before = now_ns();
        REQUIRE(store_append(s, &(struct store_batch){list, BATCH, NULL, 0}, &r, &e));
        *longest_ns = MAX(*longest_ns, now_ns() - before);
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: holds EVENTS DIR\n");
        return 2;
    }
    struct os *os = os_linux_create();
    struct store_options options = {.project = STR("main"), .seal_rows = 1 << 18};
    struct asking asking = {0};
    struct err e = {0};
    pthread_t thread;
    uint64_t append_ns = 0;
    if (!store_open(os, str_of(argv[2]), &options, &asking.s, &e)) {
        fprintf(stderr, "holds: %s\n", e.text);
        return 1;
    }
    measured = asking.s;
    REQUIRE(pthread_create(&thread, NULL, ask, &asking) == 0);
    append_all(asking.s, strtoull(argv[1], NULL, 10), &append_ns);
    asking.stop = true;
    REQUIRE(pthread_join(thread, NULL) == 0);
    for (int k = 0; k < 4; k++)
        printf("%-14s held at most %9.3f ms, of these %9.3f ms the holder's own work\n",
               lock_names[k], (double)longest[k] / 1e6, (double)longest_work[k] / 1e6);
    printf("%llu snapshots, the slowest %.3f ms; the slowest append %.3f ms\n",
           (unsigned long long)asking.count, (double)asking.longest_ns / 1e6,
           (double)append_ns / 1e6);
    measured = NULL;
    store_close(asking.s);
    os_destroy(os);
    return 0;
}
