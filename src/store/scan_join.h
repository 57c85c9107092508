/*
 * store/scan_join (private to the room): merged persons brought together, segment by segment.
 *
 * A segment lies by person. For the units of a task, what persons merged into them have elsewhere
 * in the segment (guests) is put beside what they have themselves, as lists of row numbers in order
 * of (time, client sequence); persons of the range who were merged away are left out. What comes
 * out is read like any other list. Cost: a few ns for each row of the range, more for guests, whose
 * rows lie anywhere.
 */
#pragma once
#include "store/people.h"
#include "store/scan_units.h"

struct guest {
    uint32_t unit;   /* whom the rows belong to */
    uint32_t person; /* ordinal */
};

/* Who of a range of units is where; made once a task. */
struct joining {
    uint32_t low, high;
    uint8_t *is_away; /* by ordinal - low: merged into somebody else */
    size_t away_room;
    bool has_away;
    struct guest *guests; /* by unit */
    size_t guest_count, guest_room;
};

void joining_make(struct joining *j, const struct people_view *people, uint32_t low, uint32_t high);
void joining_free(struct joining *j);

/* The lists that joined pieces are made of, grown as needed; a worker's, kept from task to task. */
struct joined {
    uint32_t *units;
    size_t *places; /* one more for each piece than units */
    size_t unit_count, place_count, unit_room, place_room;
    size_t *bounds; /* of the runs of the unit at hand */
    size_t bound_count, bound_room;
    uint32_t *spare; /* for merging runs */
    size_t spare_room;
};

void joined_free(struct joined *j);

/*
 * Makes one piece of a segment's pieces: raw[0] is the range's when `has_range`, the others are
 * guests' by unit. Rows and masks are lists with room for as many entries more as the pieces have,
 * from place `at` on; raw pieces lie before it. Masks are not touched when every row matches.
 */
struct piece pieces_join(struct joined *j, const struct joining *who, const struct piece *raw,
                         size_t count, bool has_range, uint32_t *rows, uint32_t *masks, size_t at);
