/*
 * store/scan_emit (private to the room): a worker's output arrays, and filling them.
 */
#pragma once
#include "store/scan_plan.h"

/* Rows of one segment that matched: `rows` if not NULL, else first, first+1, … */
struct row_run {
    const uint32_t *rows;
    const uint32_t *masks; /* with `rows`, when there are several selectors */
    uint32_t first;
    size_t count;
};

struct output {
    size_t room;
    int64_t *time;
    uint16_t *interval;
    uint32_t *mask;
    uint32_t *sequence; /* only where units must be put in order */
    uint32_t *codes[SCAN_COLUMNS_MAX];
    double *numbers[SCAN_COLUMNS_MAX];
    bool has_time, has_interval, has_mask, has_sequence;
    bool is_ordered; /* what comes is in order by itself: time and sequence only if wanted */
    size_t column_count;
    bool is_number[SCAN_COLUMNS_MAX];
};

void output_init(struct output *o, const struct scan_plan *p, bool needs_order, bool has_sequence);
void output_free(struct output *o);
void output_room(struct output *o, size_t count);
/* Writes the run's values at `at`, `at`+1, … */
void output_emit(struct output *o, const struct scan_plan *p, const struct segment_plan *s,
                 const struct row_run *run, size_t at);
/* Puts events [from, to) in order of (time, sequence), equal ones as they stand. */
void output_order(struct output *o, size_t from, size_t to);
