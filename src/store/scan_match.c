#include "store/scan_match.h"

size_t match_names_plain(const struct segment_plan *s, uint32_t from, uint32_t to, uint32_t *rows)
{
    const struct column *c = s->segment->name;
    size_t count = 0;

    for (uint32_t row = from; row < to; row++) {
        rows[count] = row;
        count += s->selectors[column_lane(c, row)] != 0;
    }
    return count;
}

#if defined __x86_64__
#include <immintrin.h>

/* Bit i: byte i of `v` is in the set. */
__attribute__((target("avx2"))) static inline uint32_t in_set(__m256i v, __m256i low_table,
                                                              __m256i high_table)
{
    const __m256i nibble = _mm256_set1_epi8(15);
    const __m256i bits =
        _mm256_setr_epi8(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16,
                         32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128);
    __m256i low = _mm256_and_si256(v, nibble);
    __m256i high = _mm256_and_si256(_mm256_srli_epi16(v, 4), nibble);
    __m256i set = _mm256_blendv_epi8(_mm256_shuffle_epi8(low_table, low),
                                     _mm256_shuffle_epi8(high_table, low), v);
    __m256i bit = _mm256_shuffle_epi8(bits, high);
    __m256i none = _mm256_cmpeq_epi8(_mm256_and_si256(set, bit), _mm256_setzero_si256());

    return ~(uint32_t)_mm256_movemask_epi8(none);
}

__attribute__((target("avx2,bmi"))) static size_t
match_names_avx2(const struct segment_plan *s, uint32_t from, uint32_t to, uint32_t *rows)
{
    const uint8_t *lanes = s->segment->name->lanes;
    __m256i low = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)s->set_low));
    __m256i high = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)s->set_high));
    size_t count = 0;
    uint32_t row = from;

    for (; row + 32 <= to; row += 32) {
        uint32_t found =
            in_set(_mm256_loadu_si256((const __m256i *)(const void *)(lanes + row)), low, high);
        while (found) {
            rows[count++] = row + (uint32_t)__builtin_ctz(found);
            found &= found - 1;
        }
    }
    return count + match_names_plain(s, row, to, rows + count);
}
#endif

match_names_fn *match_names_best(const struct segment_plan *s)
{
#if defined __x86_64__
    if (s->segment->name->lane_bits == 8 && __builtin_cpu_supports("avx2"))
        return match_names_avx2;
#else
    (void)s;
#endif
    return match_names_plain;
}
