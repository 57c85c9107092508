/*
 * query/retention (private to the room): the question, and the matrix its kernels fill.
 *
 * Rows are cohorts (intervals of the range), columns are periods or brackets. A unit has entries:
 * the rows it starts in. The fast kernel keeps one bit an interval; the general one counts returns.
 */
#pragma once
#include "query/group.h"

enum retention_cohort {
    COHORT_FIRST_MATCHING,
    COHORT_FIRST_EVER,
    COHORT_FIRST_IN_RANGE,
    COHORT_EVERY
};
enum retention_match { MATCH_ON, MATCH_ON_OR_AFTER, MATCH_ON_OR_BEFORE, MATCH_STREAK };
enum retention_window { WINDOW_CALENDAR, WINDOW_ROLLING, WINDOW_ROLLING_HOUR };
enum retention_measure { MEASURE_PEOPLE, MEASURE_SUM, MEASURE_AVG };

struct retention {
    struct question *q;
    struct matcher start, returns;
    enum retention_cohort cohort;
    enum retention_match match;
    enum retention_window window;
    enum retention_measure measure;
    bool by_previous; /* reference */
    struct str property;
    int64_t minimum;
    struct edges rows;
    size_t columns;       /* of the answer, column 0 included */
    size_t all_columns;   /* and the single intervals after them, for on_or_after */
    uint32_t *low, *high; /* by column: offsets it covers */
    uint32_t *column_of;  /* by offset */
    size_t offsets;       /* known to column_of; further ones do not exist in the range */
    int64_t unit_ms;      /* of rolling windows */
    uint32_t start_bits, range_bits, ever_bits, return_bits;
    size_t value_column;
};

/* Numbers by (slot, row, column). */
struct matrix {
    size_t slots, rows, columns;
    uint64_t *counts;   /* people; column 0 is the cohort */
    double *sum, *rest; /* of values, when measured */
    uint64_t *events;
};

struct retention_pass {
    struct retention *r;
    const struct groups *chosen;
    struct key_map keys;
    size_t slots;
    struct matrix matrix;
    bool picks;
    size_t pick_slot, pick_row, pick_column;
    struct people people;
};

MUST_USE bool retention_pass_run(struct retention_pass *p, struct err *e);
void retention_pass_free(struct retention_pass *p);

enum cell_state { CELL_NULL, CELL_OPEN, CELL_FINAL };
enum cell_state retention_cell(const struct retention *r, size_t row, size_t column);
