/*
 * alloc_fail: a library that is loaded before the command (LD_PRELOAD) and makes the n-th
 * allocation fail, of ours and of every library's. It counts in a file that the rig maps too
 * (ALLOC_CONTROL), so that the rig may begin in the middle of a server's life. It allocates nothing
 * itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* What the file holds; test/rig/alloc.py has the same list. */
struct control {
    _Atomic uint64_t is_on;
    _Atomic uint64_t count;    /* allocations since it was switched on */
    _Atomic uint64_t fail_at;  /* 0: none */
    _Atomic uint64_t for_ever; /* and all after it */
    _Atomic uint64_t failed;
};

extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);
extern void *__libc_realloc(void *old, size_t bytes);
extern void *__libc_memalign(size_t align, size_t bytes);

EXPORT void *malloc(size_t bytes);
EXPORT void *calloc(size_t count, size_t bytes);
EXPORT void *realloc(void *old, size_t bytes);
EXPORT void *memalign(size_t align, size_t bytes);
EXPORT void *aligned_alloc(size_t align, size_t bytes);
EXPORT int posix_memalign(void **out, size_t align, size_t bytes);

static _Atomic(struct control *) control;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("ALLOC_CONTROL");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *at = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (at != MAP_FAILED)
        atomic_store(&control, at);
}

static int fails(void)
{
    struct control *c = atomic_load_explicit(&control, memory_order_acquire);
    if (!c || !atomic_load_explicit(&c->is_on, memory_order_relaxed))
        return 0;
    uint64_t n = atomic_fetch_add(&c->count, 1) + 1, at = atomic_load(&c->fail_at);
    if (!at || (n != at && !(n > at && atomic_load(&c->for_ever))))
        return 0;
    atomic_fetch_add(&c->failed, 1);
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t bytes)
{
    return fails() ? NULL : __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
    return fails() ? NULL : __libc_calloc(count, bytes);
}

void *realloc(void *old, size_t bytes)
{
    return fails() ? NULL : __libc_realloc(old, bytes);
}

void *memalign(size_t align, size_t bytes)
{
    return fails() ? NULL : __libc_memalign(align, bytes);
}

void *aligned_alloc(size_t align, size_t bytes)
{
    return memalign(align, bytes);
}

int posix_memalign(void **out, size_t align, size_t bytes)
{
    void *memory = memalign(align, bytes);
    if (memory)
        *out = memory;
    return memory ? 0 : ENOMEM;
}
