/* base/hash: the border to libxxhash. */
#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t hash64(struct str s, uint64_t seed)
{
    return XXH3_64bits_withSeed(s.at ? s.at : "", s.len, seed);
}

struct hash128 hash128(struct str s, uint64_t seed)
{
    XXH128_hash_t h = XXH3_128bits_withSeed(s.at ? s.at : "", s.len, seed);
    return (struct hash128){h.low64, h.high64};
}

_Static_assert(sizeof(XXH3_state_t) <= sizeof(struct hash_stream), "the state fits");

void hash_stream_begin(struct hash_stream *h)
{
    REQUIRE(XXH3_128bits_reset((XXH3_state_t *)(void *)h->state) == XXH_OK);
}

void hash_stream_add(struct hash_stream *h, struct str part)
{
    REQUIRE(XXH3_128bits_update((XXH3_state_t *)(void *)h->state, part.at ? part.at : "",
                                part.len) == XXH_OK);
}

struct hash128 hash_stream_end(const struct hash_stream *h)
{
    XXH128_hash_t v = XXH3_128bits_digest((const XXH3_state_t *)(const void *)h->state);
    return (struct hash128){v.low64, v.high64};
}

void hash64_begin(struct hash_stream *h, uint64_t seed)
{
    XXH3_state_t *state = (XXH3_state_t *)(void *)h->state;
    XXH3_INITSTATE(state);
    REQUIRE(XXH3_64bits_reset_withSeed(state, seed) == XXH_OK);
}

void hash64_add(struct hash_stream *h, const void *bytes, size_t count)
{
    if (count)
        REQUIRE(XXH3_64bits_update((XXH3_state_t *)(void *)h->state, bytes, count) == XXH_OK);
}

uint64_t hash64_end(const struct hash_stream *h)
{
    return XXH3_64bits_digest((const XXH3_state_t *)(const void *)h->state);
}

/* The finalizer of SplitMix64 (Steele, Lea, Flood 2014; public domain version by S. Vigna). */
uint64_t hash_mix(uint64_t v)
{
    v += 0x9E3779B97F4A7C15u;
    v = (v ^ (v >> 30)) * 0xBF58476D1CE4E5B9u;
    v = (v ^ (v >> 27)) * 0x94D049BB133111EBu;
    return v ^ (v >> 31);
}
