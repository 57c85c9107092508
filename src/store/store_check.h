/* store/store_check (private to the room): what the parts of a check share. */
#pragma once
#include "store/segment.h"
#include "store/store_capture.h"

struct check {
    const struct capture *capture;
    const struct store_check_options *options;
    struct store_check_report *report;
    struct arena *arena;
    struct identity who;
    struct segment **segments; /* those that are whole; counted */
    size_t segment_count;
    bool is_stopped;
};

/* Damage of one file; `what` names it or its place. */
void check_found(struct check *c, struct str file, const char *format, ...) PRINTF(3, 4);
/* Progress; false: stop. */
bool check_moves(struct check *c, uint64_t bytes);
/* No id is in two rows of all segments. */
void check_ids(struct check *c);
