/* query/changes: SSE2 is part of every x86-64; elsewhere one by one. */
#include "query/changes.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

size_t changes_find(const uint16_t *v, size_t count, uint32_t *at)
{
    size_t found = 0, i = 1;

#ifdef __SSE2__
    for (; i + 8 <= count; i += 8) {
        __m128i now = _mm_loadu_si128((const __m128i *)(const void *)(v + i));
        __m128i before = _mm_loadu_si128((const __m128i *)(const void *)(v + i - 1));
        __m128i same = _mm_packs_epi16(_mm_cmpeq_epi16(now, before), _mm_setzero_si128());
        unsigned differ = ~(unsigned)_mm_movemask_epi8(same) & 0xFF;
        for (; differ; differ &= differ - 1)
            at[found++] = (uint32_t)i + (uint32_t)__builtin_ctz(differ);
    }
#endif
    for (; i < count; i++) {
        at[found] = (uint32_t)i;
        found += v[i] != v[i - 1];
    }
    return found;
}
