/*
 * os/thread: the workers sleep on `wake` until the job number changes, draw task numbers from one
 * atomic counter, and the last one to leave wakes the caller.
 */
#include "os/thread.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

enum { THREADS_MAX = 1024 };

struct worker {
    struct pool *pool;
    pthread_t thread;
    unsigned number;
};

struct pool {
    unsigned threads;
    struct worker *workers; /* number 0 is the caller, its thread unused */
    pthread_mutex_t turn;   /* held by the caller whose job runs */
    pthread_mutex_t lock;   /* guards the rest */
    pthread_cond_t wake, done;
    uint64_t job;
    unsigned busy;
    bool is_ending;
    void (*work)(void *context, size_t task, unsigned thread);
    void *context;
    size_t tasks;
    struct mem_budget *budget; /* the caller's: what the workers take is his */
    atomic_size_t next;
};

static void draw_tasks(struct pool *pool, unsigned number)
{
    for (;;) {
        size_t task = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
        if (task >= pool->tasks)
            return;
        pool->work(pool->context, task, number);
    }
}

static void *worker_main(void *context)
{
    struct worker *self = context;
    struct pool *pool = self->pool;
    uint64_t seen = 0;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (pool->job == seen && !pool->is_ending)
            pthread_cond_wait(&pool->wake, &pool->lock);
        if (pool->is_ending)
            break;
        seen = pool->job;
        pthread_mutex_unlock(&pool->lock);
        struct mem_budget *before = mem_enter(pool->budget);
        draw_tasks(pool, self->number);
        mem_leave(before);
        pthread_mutex_lock(&pool->lock);
        if (--pool->busy == 0)
            pthread_cond_signal(&pool->done);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static unsigned processors(void)
{
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return count > 0 ? (unsigned)count : 1;
}

struct pool *pool_create(unsigned threads)
{
    struct pool *pool = mem_zero(sizeof *pool);
    pool->threads = MIN(threads ? threads : processors(), (unsigned)THREADS_MAX);
    pool->workers = mem_array(pool->threads, sizeof *pool->workers);
    pthread_mutex_init(&pool->turn, NULL);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_cond_init(&pool->done, NULL);

    sigset_t all, before; /* signals belong to the main thread */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (unsigned i = 1; i < pool->threads; i++) {
        struct worker *w = &pool->workers[i];
        *w = (struct worker){.pool = pool, .number = i};
        if (pthread_create(&w->thread, NULL, worker_main, w) != 0) {
            pool->threads = i; /* fewer threads than wished still do all the work */
            break;
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return pool;
}

void pool_destroy(struct pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->is_ending = true;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 1; i < pool->threads; i++)
        pthread_join(pool->workers[i].thread, NULL);
    pthread_mutex_destroy(&pool->turn);
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->wake);
    pthread_cond_destroy(&pool->done);
    mem_free(pool->workers);
    mem_free(pool);
}

unsigned pool_threads(const struct pool *pool)
{
    return pool->threads;
}

void pool_run(struct pool *pool, size_t tasks,
              void (*work)(void *context, size_t task, unsigned thread), void *context)
{
    REQUIRE(tasks < SIZE_MAX / 2); /* the counter runs past the end, once per thread */
    pthread_mutex_lock(&pool->turn);
    pool->work = work;
    pool->context = context;
    pool->tasks = tasks;
    pool->budget = mem_budget();
    atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
    bool alone = tasks < 2 || pool->threads < 2; /* not worth waking anybody */
    if (!alone) {
        pthread_mutex_lock(&pool->lock);
        pool->job++;
        pool->busy = pool->threads - 1;
        pthread_cond_broadcast(&pool->wake);
        pthread_mutex_unlock(&pool->lock);
    }
    draw_tasks(pool, 0);
    if (!alone) {
        pthread_mutex_lock(&pool->lock);
        while (pool->busy)
            pthread_cond_wait(&pool->done, &pool->lock);
        pthread_mutex_unlock(&pool->lock);
    }
    pthread_mutex_unlock(&pool->turn);
}

/* ---- waiting ---- */

void wait_init(pthread_cond_t *condition)
{
    pthread_condattr_t monotonic;
    REQUIRE(pthread_condattr_init(&monotonic) == 0);
    REQUIRE(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
    REQUIRE(pthread_cond_init(condition, &monotonic) == 0);
    pthread_condattr_destroy(&monotonic);
}

void wait_some(pthread_cond_t *condition, pthread_mutex_t *mutex, unsigned ms)
{
    struct timespec until;
    REQUIRE(clock_gettime(CLOCK_MONOTONIC, &until) == 0);
    uint64_t ns = (uint64_t)until.tv_nsec + (uint64_t)ms * 1000000;
    until.tv_sec += (time_t)(ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    pthread_cond_timedwait(condition, mutex, &until);
}
