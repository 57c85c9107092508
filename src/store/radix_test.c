/* The radix sort against a plain one: same order, and equal keys stay as they came. */
#include "store/radix.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/test.h"

static int by_key_and_row(const void *a, const void *b)
{
    const struct radix_item *x = a, *y = b;

    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* Keys under `mask`; rows tell where an item stood. */
static void sort_and_compare(size_t count, uint64_t mask, uint64_t seed)
{
    struct radix_item *list = mem_array(count, sizeof *list);
    struct radix_item *want = mem_array(count, sizeof *want);
    struct radix_item *spare = mem_array(count, sizeof *spare);

    for (size_t i = 0; i < count; i++)
        want[i] = list[i] = (struct radix_item){hash_mix(seed + i) & mask, (uint32_t)i};
    qsort(want, count, sizeof *want, by_key_and_row);
    radix_sort(list, spare, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(list[i].key, want[i].key);
        assert_int_equal(list[i].row, want[i].row);
    }
    mem_free(list);
    mem_free(want);
    mem_free(spare);
}

static void sorts_as_a_plain_sort_does(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 2, 31, 32, 33, 100, 5000};
    static const uint64_t masks[] = {0,
                                     1,
                                     0xff,
                                     0x7ff,
                                     0xfff,
                                     0xf00000000000000f,
                                     UINT64_MAX,
                                     0x8000000000000000,
                                     0xffffffff00000000};

    for (size_t c = 0; c < COUNT(counts); c++)
        for (size_t m = 0; m < COUNT(masks); m++)
            sort_and_compare(counts[c], masks[m], c * 7919 + m * 104729);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(sorts_as_a_plain_sort_does)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
