/*
 * store/scan_plan (private to the room): a scan plan made concrete for one segment.
 *
 * Names become a table from name code to selectors; conditions become tables over dictionary codes;
 * columns become tables from lane to group code or number; interval edges become a table of quarter
 * hours. Everything lives in the scan's arena and is read-only while the scan runs.
 */
#pragma once
#include "store/scan.h"
#include "store/snapshot.h"

/* Edges of intervals mostly lie on whole hours, else on quarter hours: 2^7 or 2^5 times QUARTER_ODD
 * ms. The coarser table is a quarter of the size, so that those of many months stay in the nearest
 * cache. */
enum { QUARTER_ODD = 28125, HOUR_SHIFT = 7, QUARTER_SHIFT = 5, MONTH_QUARTERS = 31 * 96 + 1 };

/* One typed column of what a test or a wanted column looks at. */
struct part {
    const struct column *column;
    const uint8_t *pass;   /* tests: by lane, for dictionaries; NULL = call the test on the value */
    const uint32_t *codes; /* code columns: by lane; NULL = look the value's text up */
    const double *numbers; /* number columns: by lane; NULL = take the value's number */
};

struct parts {
    struct part list[VALUE_TYPE_COUNT];
    size_t count;
};

/* A computed value in one segment: where its inputs stand. */
struct computed_plan {
    const struct scan_computed *what;
    struct parts *inputs; /* by input; without parts: no row of the segment has it */
};

enum node_kind { NODE_FALSE, NODE_TRUE, NODE_ALL, NODE_ANY, NODE_NOT, NODE_TEST };

/* A condition for one segment. */
struct node {
    enum node_kind kind;
    const struct node **children;
    size_t child_count;
    const struct scan_condition *condition; /* NODE_TEST */
    struct parts parts;
    bool missing_passes;
    const struct computed_plan *computed; /* of several inputs: asked for each row; else NULL */
};

struct wanted {
    struct parts parts;
    const struct scan_column *column;
    const struct computed_plan *computed; /* of several inputs; else NULL */
    uint32_t missing_code;                /* where no part has a value */
    double missing_number;
};

/* scan_computed.c. `room` is cleared first. */
struct buf;
struct value parts_value(const struct parts *parts, uint32_t row);
struct value computed_at(const struct computed_plan *p, uint32_t row, struct buf *room);
/* Of its first input alone. */
struct value computed_of_one(const struct scan_computed *what, struct value v, struct buf *room);
/* Does the value of the condition's subject (of a computed one: of its only input) pass? */
bool computed_passes(const struct scan_condition *c, struct value v);
bool computed_row_passes(const struct computed_plan *p, const struct scan_condition *c,
                         uint32_t row);

struct segment_plan {
    struct segment *segment;
    bool has_avx2;             /* and the plan lets it be used */
    const uint32_t *time;      /* its lanes */
    const uint32_t *selectors; /* by name code: bit per selector */
    uint8_t set_low[16],
        set_high[16];    /* which name codes match any: by low nibble, bit = high nibble */
    uint64_t names[4];   /* the same as a bit set, for skipping blocks */
    bool every_name;     /* all name codes match something */
    uint32_t always;     /* selectors that every row matches */
    size_t small_tables; /* of 16 names each, when few names and few selectors; else 0 */
    bool clips_time;     /* rows outside [time_from, time_to) are left out */
    uint32_t time_from, time_to;
    uint32_t checked; /* selectors that need a look at each row */
    struct {
        uint32_t from, to;
        const struct node *filter; /* NULL = none */
    } check[SCAN_SELECTORS_MAX];
    unsigned quarter_shift;
    struct {
        bool is_known; /* interval = first + (time + phase) / step, for every row */
        uint32_t first, phase, magic, shift; /* the division as (half * magic) >> shift */
    } even;                   /* where the edges stand at equal distances all month */
    const uint16_t *quarters; /* interval by quarter hour; NULL when edges are finer */
    struct wanted wanted[SCAN_COLUMNS_MAX];
    const struct column **touched; /* columns to pin before rows are read */
    size_t touched_count;
    const struct row_range *hidden; /* rows of erased persons, left out */
    size_t hidden_count;
    size_t row_bits; /* read for each row, for the figures */
};

struct segment_context {
    const struct scan_plan *plan;
    struct snapshot *snapshot;
    struct arena *arena;
};

/* False with e->kind == ERR_NONE: nothing in this segment can match. */
bool segment_plan_make(const struct segment_context *c, struct segment *g, struct segment_plan *out,
                       struct err *e);

/* Does the row pass? `person` is its ordinal's unit. */
bool node_passes(const struct node *n, const struct segment_plan *s, uint32_t row, uint32_t unit);
bool node_wants_unit(const struct node *n);

/* The interval that holds `at`, by the plan's edges. */
uint16_t plan_interval(const struct scan_plan *p, int64_t at);

static inline bool lane_is_missing(const struct column *c, uint64_t lane)
{
    return c->is_optional && lane == 0;
}
