/* store/radix: least significant digit first, 11 bits a pass; short lists by insertion. */
#include "store/radix.h"

enum { DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS, SHORT = 32 };

static void sort_short(struct radix_item *list, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct radix_item item = list[i];
        size_t at = i;
        for (; at > 0 && list[at - 1].key > item.key; at--)
            list[at] = list[at - 1];
        list[at] = item;
    }
}

static void pass(const struct radix_item *from, struct radix_item *to, size_t count, unsigned shift)
{
    size_t starts[DIGITS] = {0};
    size_t sum = 0;

    for (size_t i = 0; i < count; i++)
        starts[from[i].key >> shift & (DIGITS - 1)]++;
    for (size_t digit = 0; digit < DIGITS; digit++) {
        size_t here = starts[digit];
        starts[digit] = sum;
        sum += here;
    }
    for (size_t i = 0; i < count; i++)
        to[starts[from[i].key >> shift & (DIGITS - 1)]++] = from[i];
}

void radix_sort(struct radix_item *list, struct radix_item *spare, size_t count)
{
    struct radix_item *from = list, *to = spare;
    uint64_t differs = 0;
    bool is_sorted = true;

    for (size_t i = 1; i < count; i++) {
        differs |= list[i].key ^ list[0].key;
        is_sorted &= list[i - 1].key <= list[i].key;
    }
    if (is_sorted)
        return;
    if (count <= SHORT) {
        sort_short(list, count);
        return;
    }
    while (differs) {
        unsigned shift = (unsigned)__builtin_ctzll(differs);
        pass(from, to, count, shift);
        differs =
            shift + DIGIT_BITS < 64 ? differs >> (shift + DIGIT_BITS) << (shift + DIGIT_BITS) : 0;
        struct radix_item *swap = from;
        from = to;
        to = swap;
    }
    if (from != list)
        memcpy(list, from, count * sizeof *list);
}
