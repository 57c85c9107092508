/*
 * base/buf: a growing run of bytes. `struct buf b = {0};` is empty and ready; buf_free ends it.
 * Thread: one at a time.
 */
#pragma once
#include "base/base.h"

struct buf {
    char *at;
    size_t len;
    size_t room;
};

void buf_free(struct buf *b);
void buf_clear(struct buf *b);                 /* keeps the memory */
char *buf_reserve(struct buf *b, size_t more); /* room for `more`; returns the end; len unchanged */
/* The same for what a request's input asks for: false, and nothing has changed, if memory is out.
 */
MUST_USE bool buf_try_reserve(struct buf *b, size_t more);
void buf_add(struct buf *b, struct str s);
void buf_add_bytes(struct buf *b, const void *bytes, size_t count);
void buf_add_char(struct buf *b, char c);
void buf_add_u16(struct buf *b, uint16_t v); /* little-endian, as all of our formats */
void buf_add_u32(struct buf *b, uint32_t v);
void buf_add_u64(struct buf *b, uint64_t v);
void buf_printf(struct buf *b, const char *format, ...) PRINTF(2, 3);
struct str buf_str(const struct buf *b); /* valid until the next change */

static inline void buf_auto(struct buf *b)
{
    buf_free(b);
}
#define BUF_AUTO __attribute__((cleanup(buf_auto))) struct buf
