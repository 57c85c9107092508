/* base/buf: see buf.h. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

void buf_free(struct buf *b)
{
    mem_free(b->at);
    *b = (struct buf){0};
}

void buf_clear(struct buf *b)
{
    b->len = 0;
}

char *buf_reserve(struct buf *b, size_t more)
{
    if (UNLIKELY(b->room - b->len < more || !b->at)) { /* NULL + 0 is not defined */
        REQUIRE(more <= SIZE_MAX / 4 && b->len <= SIZE_MAX / 4);
        size_t room = MAX(b->room * 2, 64);
        while (room - b->len < more)
            room *= 2;
        b->at = mem_grow(b->at, room, 1);
        b->room = room;
    }
    return b->at + b->len;
}

bool buf_try_reserve(struct buf *b, size_t more)
{
    if (b->at && b->room - b->len >= more)
        return true;
    REQUIRE(more <= SIZE_MAX / 4 && b->len <= SIZE_MAX / 4);
    size_t room = MAX(b->room * 2, 64);
    while (room - b->len < more)
        room *= 2;
    char *at = mem_try(room);
    if (!at)
        return false;
    if (b->len)
        memcpy(at, b->at, b->len);
    mem_free(b->at);
    b->at = at;
    b->room = room;
    return true;
}

void buf_add_bytes(struct buf *b, const void *bytes, size_t count)
{
    char *end = buf_reserve(b, count);
    if (count)
        memcpy(end, bytes, count);
    b->len += count;
}

void buf_add(struct buf *b, struct str s)
{
    buf_add_bytes(b, s.at, s.len);
}

void buf_add_char(struct buf *b, char c)
{
    *buf_reserve(b, 1) = c;
    b->len++;
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "our formats are little-endian");

void buf_add_u16(struct buf *b, uint16_t v)
{
    buf_add_bytes(b, &v, sizeof v);
}

void buf_add_u32(struct buf *b, uint32_t v)
{
    buf_add_bytes(b, &v, sizeof v);
}

void buf_add_u64(struct buf *b, uint64_t v)
{
    buf_add_bytes(b, &v, sizeof v);
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_reserve(b, 64);
    int len = vsnprintf(b->at + b->len, b->room - b->len, format, args);
    va_end(args);
    REQUIRE(len >= 0);
    if ((size_t)len >= b->room - b->len) {
        buf_reserve(b, (size_t)len + 1);
        va_start(args, format);
        vsnprintf(b->at + b->len, b->room - b->len, format, args);
        va_end(args);
    }
    b->len += (size_t)len;
}

struct str buf_str(const struct buf *b)
{
    return (struct str){b->at ? b->at : "", b->len};
}
