/* store/merge (private to merge.c and merge_column.c): a merge at work. */
#pragma once
#include "store/chunk.h"
#include "store/encoder.h"

/*
 * The order of the output as runs of rows of one source, 4 bytes each. A source's rows come in
 * ascending order and none is left out in between, so where a run begins need not be said: a run
 * that is skipped has the highest bit set.
 */
enum { RUN_COUNT_BITS = 20, RUN_COUNT_MAX = (1 << RUN_COUNT_BITS) - 1 };
#define RUN_SKIPS (UINT32_C(1) << 31)
static inline uint32_t run_source(uint32_t run)
{
    return (run & ~RUN_SKIPS) >> RUN_COUNT_BITS;
}
static inline uint32_t run_count(uint32_t run)
{
    return run & RUN_COUNT_MAX;
}

struct merge {
    struct segment *const *sources; /* older first */
    size_t source_count;
    uint32_t *runs;
    size_t run_count, run_room;
    uint32_t rows;
    uint32_t *persons, *starts;
    size_t person_count, person_room, start_room;
    struct encoder encoder;
    struct encode_room work;
};

/* All columns into the encoder. ERR_CORRUPT when a source is damaged. */
MUST_USE bool merge_columns(struct merge *m, struct err *e);
