/*
 * codec/bytes: small byte codecs: CRC-32C, varints, zigzag, base64, hex, percent-decoding.
 */
#pragma once
#include "base/arena.h"
#include "base/buf.h"

uint32_t crc32c(uint32_t crc, const void *bytes, size_t len); /* start with 0; SSE4.2 when there */

/* LEB128. varint_get moves `*rest` past the number; false at a cut or overlong one. */
void varint_put(struct buf *out, uint64_t v);
bool varint_get(struct str *rest, uint64_t *v);
static inline uint64_t zigzag(int64_t v)
{
    return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}
static inline int64_t unzigzag(uint64_t v)
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}
void varint_put_text(struct buf *out, struct str s); /* length, bytes */
bool varint_get_text(struct str *rest, struct str *s);

void base64_put(struct buf *out, struct str bytes); /* RFC 4648, with padding */
bool base64_get(struct str text, struct buf *out);  /* both alphabets, padding optional */
void hex_put(struct buf *out, struct str bytes);    /* lower case */
bool hex_get(struct str text, struct buf *out);
bool percent_get(struct str text, bool plus_is_space, struct buf *out); /* URL decoding */
