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
