#include "base/test.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "os/thread.h"

enum { TASKS = 5000 };

struct tally {
    atomic_int done[TASKS];
    atomic_int out_of_range;
    unsigned threads;
};

static void count_task(void *context, size_t task, unsigned thread)
{
    struct tally *t = context;
    atomic_fetch_add(&t->done[task], 1);
    if (thread >= t->threads)
        atomic_fetch_add(&t->out_of_range, 1);
}

static void each_task_runs_once(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads <= 4; threads++) {
        AUTO(pool) *pool = pool_create(threads);
        assert_int_equal(pool_threads(pool), threads);
        struct tally *t = mem_zero(sizeof *t);
        t->threads = threads;
        for (size_t tasks = 0; tasks <= TASKS; tasks = tasks * 3 + 1) {
            memset(t->done, 0, sizeof t->done);
            pool_run(pool, tasks, count_task, t);
            for (size_t i = 0; i < TASKS; i++)
                assert_int_equal(atomic_load(&t->done[i]), i < tasks);
        }
        assert_int_equal(atomic_load(&t->out_of_range), 0);
        mem_free(t);
    }
}

struct caller {
    struct pool *pool;
    size_t sum;
};

static void add_task(void *context, size_t task, unsigned thread)
{
    (void)thread;
    atomic_fetch_add((atomic_size_t *)context, task);
}

static void *call_often(void *context)
{
    struct caller *c = context;
    for (int i = 0; i < 200; i++) {
        atomic_size_t sum = 0;
        pool_run(c->pool, 100, add_task, &sum);
        c->sum += atomic_load(&sum);
    }
    return NULL;
}

static void callers_take_turns(void **state)
{
    (void)state;
    AUTO(pool) *pool = pool_create(3);
    struct caller callers[4];
    pthread_t threads[COUNT(callers)];
    for (size_t i = 0; i < COUNT(callers); i++) {
        callers[i] = (struct caller){.pool = pool};
        assert_int_equal(pthread_create(&threads[i], NULL, call_often, &callers[i]), 0);
    }
    for (size_t i = 0; i < COUNT(callers); i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(callers[i].sum, 200 * 4950);
    }
}

static void takes_the_processors_it_may_use(void **state)
{
    (void)state;
    AUTO(pool) *pool = pool_create(0);
    assert_in_range(pool_threads(pool), 1, 1024);
    pool_destroy(NULL);
}

static void waiting_ends_by_itself(void **state)
{
    (void)state;
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t never;
    wait_init(&never);
    pthread_mutex_lock(&mutex);
    wait_some(&never, &mutex, 1);
    wait_some(&never, &mutex, 0);
    assert_int_equal(pthread_mutex_trylock(&mutex), EBUSY); /* and holds the mutex again */
    pthread_mutex_unlock(&mutex);
    pthread_cond_destroy(&never);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_task_runs_once),
        cmocka_unit_test(callers_take_turns),
        cmocka_unit_test(waiting_ends_by_itself),
        cmocka_unit_test(takes_the_processors_it_may_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
