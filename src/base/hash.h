/*
 * base/hash: XXH3 of byte strings, for tables and content ids (not for secrets).
 * Source: Debian's libxxhash, https://github.com/Cyan4973/xxHash (specification in its doc/).
 */
#pragma once
#include "base/base.h"

struct hash128 {
    uint64_t low, high;
};

uint64_t hash64(struct str s, uint64_t seed);
struct hash128 hash128(struct str s, uint64_t seed);
uint64_t hash_mix(uint64_t v); /* a strong mix of one word */

/* hash128 (seed 0) of bytes that come in parts. In the caller's frame. */
struct hash_stream {
    _Alignas(64) unsigned char state[640];
};
void hash_stream_begin(struct hash_stream *h);
void hash_stream_add(struct hash_stream *h, struct str part);
struct hash128 hash_stream_end(const struct hash_stream *h); /* of all so far */

/* hash64 of bytes that come in parts. */
void hash64_begin(struct hash_stream *h, uint64_t seed);
void hash64_add(struct hash_stream *h, const void *bytes, size_t count);
uint64_t hash64_end(const struct hash_stream *h);
