/* store/merge (private to merge.c and merge_column.c): a merge at work. */
#pragma once
#include "store/chunk.h"
#include "store/encoder.h"

/* Rows [from, from + count) of a source; runs follow one another in the order of the output. */
struct merge_run {
    uint32_t source, from, count;
};

struct merge {
    struct segment *const *sources; /* older first */
    size_t source_count;
    struct merge_run *runs;
    size_t run_count, run_room;
    uint32_t rows;
    uint32_t *persons, *starts;
    size_t person_count, person_room, start_room;
    struct encoder encoder;
    struct encode_room work;
    /* by source, made when first needed: which runs are its, and where each begins in the output */
    uint32_t *runs_of, *runs_of_from, *run_at;
};

/* All columns into the encoder. ERR_CORRUPT when a source is damaged. */
MUST_USE bool merge_columns(struct merge *m, struct err *e);
