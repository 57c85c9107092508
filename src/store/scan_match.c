#include "store/scan_match.h"

/* Rows [row, to), of which `row` begins a word; `count` were found before. */
static size_t match_rest(const struct segment_plan *s, uint32_t from, uint32_t row, uint32_t to,
                         size_t count, const struct found_rows *out)
{
    const struct column *c = s->segment->name;

    for (;; row++) {
        size_t word = (row - from) / 32, bit = (row - from) % 32;
        if (bit == 0) {
            out->words[word] = 0;
            out->ranks[word] = (uint32_t)count;
        }
        if (row == to)
            return count;
        uint32_t is_found = s->selectors[column_lane(c, row)] != 0;
        out->rows[count] = row;
        out->words[word] |= is_found << bit;
        count += is_found;
    }
}

size_t match_names_plain(const struct segment_plan *s, uint32_t from, uint32_t to,
                         const struct found_rows *out)
{
    return match_rest(s, from, from, to, 0, out);
}

static inline __attribute__((always_inline)) void starts_write(const struct found_rows *found,
                                                               uint32_t first, const uint32_t *ends,
                                                               size_t count, uint32_t at,
                                                               uint32_t *starts)
{
    const uint32_t *words = found->words, *ranks = found->ranks;

    starts[0] = at;
    for (size_t i = 0; i < count; i++) {
        uint32_t row = ends[i] - first, word = row / 32;
        uint32_t below = words[word] & (((uint32_t)1 << row % 32) - 1);
        starts[i + 1] = at + ranks[word] + (uint32_t)__builtin_popcount(below);
    }
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

enum { NAMES_A_TABLE = 16, TABLES_MAX = 4 };

/* Few names and few selectors: a byte shuffle for each 16 names looks 32 rows up at once. */
struct mask_tables {
    __m256i list[TABLES_MAX];
};

__attribute__((target("avx2"))) static inline void tables_make(const struct segment_plan *s,
                                                               struct mask_tables *t)
{
    for (size_t n = 0; n < s->small_tables; n++) {
        uint8_t bytes[NAMES_A_TABLE];
        for (size_t i = 0; i < NAMES_A_TABLE; i++)
            bytes[i] = (uint8_t)s->selectors[n * NAMES_A_TABLE + i];
        t->list[n] = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(void *)bytes));
    }
}

__attribute__((target("avx2"))) static inline __m256i
masks_look(const struct mask_tables *t, size_t tables, const uint8_t *names)
{
    const __m256i nibble = _mm256_set1_epi8(15);
    __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)names);
    __m256i low = _mm256_and_si256(v, nibble);
    __m256i high = _mm256_and_si256(_mm256_srli_epi16(v, 4), nibble);
    __m256i masks = _mm256_setzero_si256();

    for (size_t n = 0; n < tables; n++) {
        __m256i here = _mm256_cmpeq_epi8(high, _mm256_set1_epi8((char)n));
        masks =
            _mm256_or_si256(masks, _mm256_and_si256(here, _mm256_shuffle_epi8(t->list[n], low)));
    }
    return masks;
}

/* Takes the rows of one word down. Eight are written, needed or not: more than eight matches among
 * 32 are rare enough for the branch to be foreseen, which their exact number is not. */
__attribute__((target("avx2,bmi,popcnt"))) static inline size_t
rows_take(uint32_t found, uint32_t row, size_t count, uint32_t *restrict rows)
{
    size_t end = count + (size_t)__builtin_popcount(found);

    do {
#pragma GCC unroll 8
        for (size_t i = 0; i < 8; i++) {
            rows[count + i] = row + _tzcnt_u32(found);
            found &= found - 1;
        }
        count += 8;
    } while (UNLIKELY(count < end));
    return end;
}

__attribute__((target("avx2,bmi,popcnt"))) static size_t
match_names_avx2(const struct segment_plan *s, uint32_t from, uint32_t to,
                 const struct found_rows *out)
{
    const uint8_t *lanes = s->segment->name->lanes;
    __m256i low = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)s->set_low));
    __m256i high = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)s->set_high));
    size_t count = 0, word = 0;
    uint32_t row = from;

    for (; row + 32 <= to; row += 32, word++) {
        uint32_t found =
            in_set(_mm256_loadu_si256((const __m256i *)(const void *)(lanes + row)), low, high);
        out->words[word] = found;
        out->ranks[word] = (uint32_t)count;
        count = rows_take(found, row, count, out->rows);
    }
    return match_rest(s, from, row, to, count, out);
}

__attribute__((target("popcnt,bmi"))) static void starts_popcnt(const struct found_rows *found,
                                                                uint32_t first,
                                                                const uint32_t *ends, size_t count,
                                                                uint32_t at, uint32_t *starts)
{
    starts_write(found, first, ends, count, at, starts);
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

#if defined __x86_64__
__attribute__((target("avx2"))) static size_t
masks_avx2(const struct segment_plan *s, const uint8_t *names, size_t count, uint32_t *out)
{
    struct mask_tables tables;
    size_t k = 0;

    tables_make(s, &tables);
    for (; k + 32 <= count; k += 32) {
        uint8_t bytes[32];
        _mm256_storeu_si256((__m256i *)(void *)bytes,
                            masks_look(&tables, s->small_tables, names + k));
        for (size_t i = 0; i < 32; i += 8)
            _mm256_storeu_si256(
                (__m256i *)(void *)(out + k + i),
                _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)(bytes + i))));
    }
    return k;
}
#endif

void masks_of_bytes(const struct segment_plan *s, uint32_t first, size_t count, uint32_t *out)
{
    const uint8_t *names = (const uint8_t *)s->segment->name->lanes + first;
    const uint32_t *selectors = s->selectors;
    size_t k = 0;

#if defined __x86_64__
    if (s->small_tables && s->has_avx2)
        k = masks_avx2(s, names, count, out);
#endif
    for (; k < count; k++)
        out[k] = selectors[names[k]];
}

void intervals_even(const struct segment_plan *s, uint32_t first, size_t count, uint16_t *out)
{
#if defined __x86_64__
    if (s->has_avx2) {
        intervals_avx2(s, first, count, out);
        return;
    }
#endif
    for (size_t k = 0; k < count; k++) {
        uint64_t half = (s->time[first + k] + s->even.phase) >> 1;
        out[k] = (uint16_t)(s->even.first + (half * s->even.magic >> s->even.shift));
    }
}

void starts_of_ranks(const struct segment_plan *s, const struct found_rows *found, uint32_t first,
                     const uint32_t *ends, size_t count, uint32_t at, uint32_t *starts)
{
#if defined __x86_64__
    if (s->has_avx2) {
        starts_popcnt(found, first, ends, count, at, starts);
        return;
    }
#else
    (void)s;
#endif
    starts_write(found, first, ends, count, at, starts);
}

match_names_fn *match_names_best(const struct segment_plan *s)
{
#if defined __x86_64__
    if (s->has_avx2 && s->segment->name->lane_bits == 8)
        return match_names_avx2;
#else
    (void)s;
#endif
    return match_names_plain;
}
