/*
 * store/scan_shown (private to the room): what a segment's directory says about itself, corrected
 * for rows of erased persons, by reading rows. Only for segments that have such rows, which is
 * until they are rewritten. In the arena; ERR_CORRUPT as segment_pin.
 */
#pragma once
#include "base/arena.h"
#include "store/snapshot.h"

struct shown_names {
    uint64_t *counts; /* by name code; 0: only erased persons had it */
    int64_t *first, *last;
};
MUST_USE bool shown_names(struct segment *g, const struct row_range *hidden, size_t hidden_count,
                          struct arena *arena, struct shown_names *out, struct err *e);

struct shown_column {
    uint64_t rows; /* that have a value, or (a dense column) may have one; 0: none has */
    bool *is_gone; /* by dictionary code: only erased persons had it; NULL: none is */
};
MUST_USE bool shown_column(struct segment *g, const struct column *c,
                           const struct row_range *hidden, size_t hidden_count, struct arena *arena,
                           struct shown_column *out, struct err *e);

/* First and last time; false: no row is shown (or e->kind is set). */
bool shown_span(struct segment *g, const struct row_range *hidden, size_t hidden_count,
                int64_t *first, int64_t *last, struct err *e);
