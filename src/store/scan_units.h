/*
 * store/scan_units (private to the room): whole units side by side, out of the pieces of segments.
 *
 * A piece is what one segment has for a range of units: all of their rows, or a list of those that
 * matched. The pieces of a task are walked together, one unit after another, and what each has of
 * the unit is appended to the output: segment after segment, which is the order of time but for
 * months with several segments.
 */
#pragma once
#include "store/scan_emit.h"

/* Lists end in so many entries above every row, so that four may be looked at at once. */
enum { LIST_PADDING = 4, LIST_END = UINT32_MAX };

/* Rows of one segment: whole persons person_from … person_to-1, or, where persons were merged, the
 * rows of some units as lists (scan_join.h). */
struct piece {
    const struct segment_plan *segment;
    uint32_t person_from, person_to;
    uint32_t unit; /* whom the only person's rows belong to, before they are joined */
    bool is_every; /* all rows match: no list */
    bool is_joined;
    bool has_ranks;                           /* the list is there as a bit set, too, */
    size_t words_from;                        /* from here on */
    size_t found_from, found_to;              /* in the lists of rows and masks, without padding */
    size_t unit_from, unit_count, place_from; /* joined: in the lists of units and places */
};

struct units_job {
    const struct scan_plan *plan;
    const struct piece *pieces; /* by segment, at most one of each */
    size_t piece_count;
    const uint32_t *rows, *masks;
    uint32_t *words, *ranks;
    const uint32_t *units; /* of joined pieces */
    const size_t *places;  /* where each unit's rows begin, and the last one's end */
    uint32_t low, high;    /* units of the task */
};

/* Events of a piece, and the room that the output must have for some, as values are written in
 * groups. */
size_t piece_events(const struct piece *piece);
enum { UNITS_SPARE = 8 };

/*
 * Writes everything to `out` from place `at` on; `units` has room for high - low numbers, `starts`
 * for one more. Returns the number of units that have an event; starts[that] = end of the last.
 */
size_t units_write(const struct units_job *job, struct output *out, size_t at, uint32_t *units,
                   uint32_t *starts);

/*
 * The same for a piece that stands alone: no other piece holds its time. Gives the units, which may
 * have no event, and where they begin: starts has as many places as persons or units, and one more.
 */
size_t piece_write(const struct units_job *job, const struct piece *piece, struct output *out,
                   size_t at, const uint32_t **units, uint32_t *starts);
