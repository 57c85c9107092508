/*
 * store/radix (private to the room): a stable sort of 64-bit keys that carry a number.
 * Digits that are the same in all keys cost nothing. Thread: any.
 */
#pragma once
#include "base/base.h"

struct radix_item {
    uint64_t key;
    uint32_t row;
};

/* `spare` holds as many items as the list. The list is sorted in place. */
void radix_sort(struct radix_item *list, struct radix_item *spare, size_t count);
