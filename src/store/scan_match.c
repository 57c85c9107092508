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

__attribute__((target("avx2"))) static void
intervals_avx2(const struct segment_plan *s, uint32_t first, size_t count, uint16_t *out)
{
    const uint32_t *time = s->time + first;
    const __m256i phase = _mm256_set1_epi32((int)s->even.phase);
    const __m256i magic = _mm256_set1_epi32((int)s->even.magic);
    const __m256i start = _mm256_set1_epi32((int)s->even.first);
    const __m128i shift = _mm_cvtsi32_si128((int)s->even.shift);
    const __m128i odd_shift = _mm_cvtsi32_si128((int)s->even.shift - 32);
    const __m256i high = _mm256_set1_epi64x((long long)0xFFFFFFFF00000000U);

    for (size_t k = 0; k < count; k += 8) {
        __m256i t = _mm256_loadu_si256((const __m256i *)(const void *)(time + k));
        __m256i half = _mm256_srli_epi32(_mm256_add_epi32(t, phase), 1);
        __m256i even = _mm256_srl_epi64(_mm256_mul_epu32(half, magic), shift);
        __m256i odd =
            _mm256_srl_epi64(_mm256_mul_epu32(_mm256_srli_epi64(half, 32), magic), odd_shift);
        __m256i both = _mm256_add_epi32(_mm256_or_si256(even, _mm256_and_si256(odd, high)), start);
        __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(both, both), 0xD8);
        _mm_storeu_si128((__m128i *)(void *)(out + k), _mm256_castsi256_si128(packed));
    }
}
#endif

void intervals_even(const struct segment_plan *s, uint32_t first, size_t count, uint16_t *out)
{
#if defined __x86_64__
    if (__builtin_cpu_supports("avx2")) {
        intervals_avx2(s, first, count, out);
        return;
    }
#endif
    for (size_t k = 0; k < count; k++) {
        uint64_t half = (s->time[first + k] + s->even.phase) >> 1;
        out[k] = (uint16_t)(s->even.first + (half * s->even.magic >> s->even.shift));
    }
}

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
