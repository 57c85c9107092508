/*
 * store/snapshot (private to the room): what a snapshot is made of.
 */
#pragma once
#include "store/people.h"
#include "store/segment.h"
#include "store/store.h"

struct snapshot {
    _Atomic uint32_t references;
    struct segment **segments; /* by (month, age); each counted */
    size_t segment_count;
    struct people_view *people; /* counted, immutable: ids, merges, traits */
};
