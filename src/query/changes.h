/*
 * query/changes (private to the room): where neighbouring interval numbers differ, eight at a time.
 */
#pragma once
#include "base/base.h"

/* Places i in 1 … count-1 with v[i] != v[i-1], ascending; `at` has room for count. */
size_t changes_find(const uint16_t *v, size_t count, uint32_t *at);
