/*
 * os/thread: a fixed pool of threads that work through numbered tasks together.
 *
 * pool_run hands out task numbers 0…tasks-1 in order to `threads` workers and returns when all are
 * done. The caller's thread is worker 0. Several callers take turns (one job at a time).
 */
#pragma once
#include <pthread.h>

#include "base/base.h"

struct pool;

struct pool *pool_create(unsigned threads); /* 0 = one per processor this process may use */
void pool_destroy(struct pool *pool);
unsigned pool_threads(const struct pool *pool);
void pool_run(struct pool *pool, size_t tasks,
              void (*work)(void *context, size_t task, unsigned thread), void *context);

AUTO_DEFINE(pool, pool_destroy)

/* A condition that may also be waited for with a limit, which no change of the wall clock moves. */
void wait_init(pthread_cond_t *condition);
/* As pthread_cond_wait, at most `ms` long. */
void wait_some(pthread_cond_t *condition, pthread_mutex_t *mutex, unsigned ms);
