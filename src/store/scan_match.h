/*
 * store/scan_match (private to the room): which rows of a range have one of the wanted event names.
 *
 * Byte-wide name codes are compared 32 at a time where the machine has AVX2: a set of byte values
 * as two tables of 16 (by low nibble; bit = high nibble), looked up with a byte shuffle. Source of
 * the method: W. Mula, "SIMD byte lookup", http://0x80.pl/articles/simd-byte-lookup.html
 */
#pragma once
#include "store/scan_plan.h"

/*
 * What matches among the rows [from, to). `rows`: their numbers, ascending, with room for
 * to - from + 32. And as a bit set, for asking how many there are below a row: bit b of words[i] is
 * row from + 32 i + b, ranks[i] how many matches stand before that word; found_words(from, to) of
 * each.
 */
struct found_rows {
    uint32_t *rows, *words, *ranks;
};
static inline size_t found_words(uint32_t from, uint32_t to)
{
    return (to - from) / 32 + 1;
}

/* Returns how many match. The name column is pinned. */
typedef size_t match_names_fn(const struct segment_plan *s, uint32_t from, uint32_t to,
                              const struct found_rows *out);

/* starts[i] = `at` and the matches below the row ends[i - 1], starts[0] = at; `first` is the row of
 * the set's first bit. */
void starts_of_ranks(const struct segment_plan *s, const struct found_rows *found, uint32_t first,
                     const uint32_t *ends, size_t count, uint32_t at, uint32_t *starts);

/*
 * Intervals of the rows first … first+count-1 of a segment whose edges are even, eight at a time:
 * up to seven times more are read and written, so both must be there.
 */
void intervals_even(const struct segment_plan *s, uint32_t first, size_t count, uint16_t *out);

/* The selectors that the names of rows first … first+count-1 match; the name column has 8 bits. */
void masks_of_bytes(const struct segment_plan *s, uint32_t first, size_t count, uint32_t *out);

/* The best for this machine and this segment's lane width. */
match_names_fn *match_names_best(const struct segment_plan *s);
size_t match_names_plain(const struct segment_plan *s, uint32_t from, uint32_t to,
                         const struct found_rows *out);
