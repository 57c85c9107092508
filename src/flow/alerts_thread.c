#include "flow/alerts_thread.h"

#include <pthread.h>
#include <sys/resource.h>

enum { TURN_MS = 10000, FIRST_MS = 1000, NICE = 10 };

struct alerts_thread {
    struct alerts *alerts;
    struct pool *pool; /* of this thread alone */
    void (*tell)(void *context, struct str lines);
    void *context;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    volatile bool is_stopped;
};

static bool is_stopped(struct alerts_thread *t)
{
    return __atomic_load_n(&t->is_stopped, __ATOMIC_RELAXED);
}

/* What is wrong is told once, not every ten seconds. */
static void turn(struct alerts_thread *t, struct buf *told)
{
    BUF_AUTO news = {0}, trouble = {0};
    struct alerts_turn done;
    struct err e = {0};

    if (!alerts_turn(t->alerts, &done, &news, &e) && !is_stopped(t))
        buf_printf(&trouble, "Alerts are not evaluated: %s\n", e.text);
    if (!str_equal(buf_str(&trouble), buf_str(told)))
        buf_add(&news, buf_str(&trouble));
    buf_clear(told);
    buf_add(told, buf_str(&trouble));
    if (news.len && t->tell)
        t->tell(t->context, buf_str(&news));
}

static void *run(void *context)
{
    struct alerts_thread *t = context;
    BUF_AUTO told = {0};
    unsigned wait_ms = FIRST_MS;

    setpriority(PRIO_PROCESS, 0, NICE); /* on Linux: of this thread */
    for (;;) {
        pthread_mutex_lock(&t->mutex);
        if (!is_stopped(t))
            wait_some(&t->changed, &t->mutex, wait_ms);
        pthread_mutex_unlock(&t->mutex);
        if (is_stopped(t))
            return NULL;
        turn(t, &told);
        wait_ms = TURN_MS;
    }
}

struct alerts_thread *alerts_thread_start(const struct alerts_options *options,
                                          void (*tell)(void *context, struct str lines),
                                          void *context)
{
    struct alerts_thread *t = mem_zero(sizeof *t);
    struct alerts_options own = *options;

    t->pool = pool_create(1);
    t->tell = tell;
    t->context = context;
    own.pool = t->pool;
    own.cancel = &t->is_stopped;
    t->alerts = alerts_create(&own);
    pthread_mutex_init(&t->mutex, NULL);
    wait_init(&t->changed);
    REQUIRE(pthread_create(&t->thread, NULL, run, t) == 0);
    return t;
}

void alerts_thread_stop(struct alerts_thread *t)
{
    if (!t)
        return;
    pthread_mutex_lock(&t->mutex);
    __atomic_store_n(&t->is_stopped, true, __ATOMIC_RELAXED);
    pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->mutex);
    pthread_join(t->thread, NULL);
    alerts_destroy(t->alerts);
    pool_destroy(t->pool);
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->mutex);
    mem_free(t);
}
