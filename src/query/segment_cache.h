/*
 * query/segment_cache: sets of people that were found, one bit a unit, for the next question with
 * the same segment and watermark.
 *
 * The key says all that the set depends on: the state of the data (snapshot_state), the project's
 * vocabulary, the segment, the time zone and as_of. So a set is never stale: when anything of it
 * changes, the key is another, and the old set is the first to go. Memory: bounded by max_bytes,
 * the least recently used go first. Thread: any.
 */
#pragma once
#include "base/arena.h"
#include "base/hash.h"

struct segment_cache;

struct segment_cache *segment_cache_create(size_t max_bytes);
void segment_cache_destroy(struct segment_cache *c); /* NULL is fine */
AUTO_DEFINE(segment_cache, segment_cache_destroy)

/* Copies the set of `units` bits to `words`; false: it is not there. */
bool segment_cache_get(struct segment_cache *c, struct hash128 key, uint32_t units,
                       uint64_t *words);
void segment_cache_put(struct segment_cache *c, struct hash128 key, uint32_t units,
                       const uint64_t *words);

struct segment_cache_stats {
    size_t sets, bytes;
    uint64_t hits, misses;
};
void segment_cache_stats(struct segment_cache *c, struct segment_cache_stats *out);
