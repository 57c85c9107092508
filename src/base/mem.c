/* base/mem: allocation that never returns NULL, what work takes of it, and the end of a broken
 * promise. */
#include "base/base.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

_Noreturn void require_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "tenure: %s:%d: this must hold but does not: %s\n", file, line, condition);
    abort();
}

/* No memory is asked for here, and nothing that needs any runs at the end: no buffers, no atexit.
 */
_Noreturn void mem_exhausted(size_t bytes)
{
    char line[200];
    int len =
        snprintf(line, sizeof line,
                 "tenure: out of memory (asked for %zu bytes); what was acknowledged is kept: "
                 "give it more memory and start it again\n",
                 bytes);
    if (write(STDERR_FILENO, line, (size_t)len) < 0)
        _exit(MEM_EXHAUSTED_EXIT); /* nobody reads it; the code says the same */
    _exit(MEM_EXHAUSTED_EXIT);
}

static size_t product(size_t items, size_t item_bytes)
{
    size_t bytes;
    if (__builtin_mul_overflow(items, item_bytes, &bytes))
        mem_exhausted(SIZE_MAX);
    return bytes;
}

/* ---- budgets ---- */

/* The one thing here that changes: whose work this thread does. An argument to every function that
 * allocates would say the same. */
static _Thread_local struct mem_budget *budget;

struct mem_budget *mem_enter(struct mem_budget *b)
{
    struct mem_budget *before = budget;
    budget = b;
    return before;
}

void mem_leave(struct mem_budget *before)
{
    budget = before;
}

struct mem_budget *mem_budget(void)
{
    return budget;
}

bool mem_is_over(const struct mem_budget *b)
{
    return b && b->limit && atomic_load_explicit(&b->most, memory_order_relaxed) > b->limit;
}

static void count(int64_t bytes)
{
    int64_t used = atomic_fetch_add_explicit(&budget->used, bytes, memory_order_relaxed) + bytes;
    int64_t most = atomic_load_explicit(&budget->most, memory_order_relaxed);

    while (used > most &&
           !atomic_compare_exchange_weak_explicit(&budget->most, &most, used, memory_order_relaxed,
                                                  memory_order_relaxed))
        continue;
}

static int64_t size_of(void *memory)
{
    return memory ? (int64_t)malloc_usable_size(memory) : 0;
}

/* ---- allocation ---- */

void *mem_try(size_t bytes)
{
    void *memory = calloc(1, bytes ? bytes : 1);
    if (UNLIKELY(budget != NULL))
        count(size_of(memory));
    return memory;
}

void *mem_zero(size_t bytes)
{
    void *memory = mem_try(bytes);
    if (!memory)
        mem_exhausted(bytes);
    return memory;
}

void *mem_array(size_t items, size_t item_bytes)
{
    return mem_zero(product(items, item_bytes));
}

void *mem_grow(void *old, size_t items, size_t item_bytes)
{
    size_t bytes = product(items, item_bytes);
    int64_t before = budget ? size_of(old) : 0;
    void *memory = realloc(old, bytes ? bytes : 1);
    if (!memory)
        mem_exhausted(bytes);
    if (UNLIKELY(budget != NULL))
        count(size_of(memory) - before);
    return memory;
}

void mem_free(void *memory)
{
    if (UNLIKELY(budget != NULL))
        count(-size_of(memory));
    free(memory);
}
