/* base/arena: a chain of blocks; pieces are handed out from the newest. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>

enum { ALIGN = 16, BLOCK_BYTES_USUAL = 64 << 10 };

struct block {
    struct block *older;
    size_t room, used; /* bytes after this header */
};

struct arena {
    struct block *newest;
    size_t block_bytes;
    size_t handed_out;
};

static size_t rounded(size_t bytes)
{
    REQUIRE(bytes <= SIZE_MAX - 2 * ALIGN);
    return (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

static char *bytes_of(struct block *b)
{
    return (char *)b + rounded(sizeof *b);
}

static struct block *block_create(size_t room, struct block *older)
{
    struct block *b = mem_zero(rounded(sizeof *b) + room);
    b->older = older;
    b->room = room;
    return b;
}

struct arena *arena_create(size_t block_bytes)
{
    struct arena *arena = mem_zero(sizeof *arena);
    arena->block_bytes = rounded(block_bytes ? block_bytes : BLOCK_BYTES_USUAL);
    return arena;
}

void arena_destroy(struct arena *arena)
{
    if (!arena)
        return;
    for (struct block *b = arena->newest; b;) {
        struct block *older = b->older;
        mem_free(b);
        b = older;
    }
    mem_free(arena);
}

void arena_reset(struct arena *arena)
{
    arena->handed_out = 0;
    while (arena->newest && arena->newest->older) {
        struct block *b = arena->newest;
        arena->newest = b->older;
        mem_free(b);
    }
    struct block *first = arena->newest;
    if (first && first->room > arena->block_bytes) { /* one giant piece: not worth keeping */
        mem_free(first);
        arena->newest = NULL;
    } else if (first) {
        memset(bytes_of(first), 0, first->used);
        first->used = 0;
    }
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
    size_t size = rounded(bytes ? bytes : 1);
    struct block *b = arena->newest;
    arena->handed_out += size;
    if (LIKELY(b && b->room - b->used >= size)) {
        b->used += size;
        return bytes_of(b) + b->used - size;
    }
    if (b && size > arena->block_bytes / 4) { /* behind the newest, whose rest stays in use */
        b->older = block_create(size, b->older);
        b->older->used = size;
        return bytes_of(b->older);
    }
    arena->newest = block_create(MAX(size, arena->block_bytes), b);
    arena->newest->used = size;
    return bytes_of(arena->newest);
}

void *arena_array(struct arena *arena, size_t count, size_t item_bytes)
{
    size_t bytes;
    REQUIRE(!__builtin_mul_overflow(count, item_bytes, &bytes));
    return arena_alloc(arena, bytes);
}

struct str arena_copy(struct arena *arena, struct str s)
{
    char *copy = arena_alloc(arena, s.len + 1);
    if (s.len)
        memcpy(copy, s.at, s.len);
    return (struct str){copy, s.len};
}

struct str arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    REQUIRE(len >= 0);
    char *text = arena_alloc(arena, (size_t)len + 1);
    va_start(args, format);
    vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    return (struct str){text, (size_t)len};
}

size_t arena_bytes(const struct arena *arena)
{
    return arena->handed_out;
}
