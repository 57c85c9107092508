/* base/mem: allocation that never returns NULL, and the end of a broken promise. */
#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void require_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "tenure: %s:%d: this must hold but does not: %s\n", file, line, condition);
    abort();
}

static _Noreturn void out_of_memory(size_t bytes)
{
    fprintf(stderr, "tenure: out of memory (asked for %zu bytes)\n", bytes);
    abort();
}

static size_t product(size_t count, size_t item_bytes)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, item_bytes, &bytes))
        out_of_memory(SIZE_MAX);
    return bytes;
}

void *mem_zero(size_t bytes)
{
    void *memory = calloc(1, bytes ? bytes : 1);
    if (!memory)
        out_of_memory(bytes);
    return memory;
}

void *mem_array(size_t count, size_t item_bytes)
{
    return mem_zero(product(count, item_bytes));
}

void *mem_grow(void *old, size_t count, size_t item_bytes)
{
    size_t bytes = product(count, item_bytes);
    void *memory = realloc(old, bytes ? bytes : 1);
    if (!memory)
        out_of_memory(bytes);
    return memory;
}

void mem_free(void *memory)
{
    free(memory);
}
