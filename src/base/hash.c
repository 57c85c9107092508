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

/* The finalizer of SplitMix64 (Steele, Lea, Flood 2014; public domain version by S. Vigna). */
uint64_t hash_mix(uint64_t v)
{
    v += 0x9E3779B97F4A7C15u;
    v = (v ^ (v >> 30)) * 0xBF58476D1CE4E5B9u;
    v = (v ^ (v >> 27)) * 0x94D049BB133111EBu;
    return v ^ (v >> 31);
}
