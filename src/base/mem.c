/* base/mem: allocation that never returns NULL, and the end of a broken promise. */
#include "base/base.h"

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

static size_t product(size_t count, size_t item_bytes)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, item_bytes, &bytes))
        mem_exhausted(SIZE_MAX);
    return bytes;
}

void *mem_zero(size_t bytes)
{
    void *memory = calloc(1, bytes ? bytes : 1);
    if (!memory)
        mem_exhausted(bytes);
    return memory;
}

void *mem_try(size_t bytes)
{
    return calloc(1, bytes ? bytes : 1);
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
        mem_exhausted(bytes);
    return memory;
}

void mem_free(void *memory)
{
    free(memory);
}
