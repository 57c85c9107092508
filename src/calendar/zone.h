/*
 * calendar/zone: private: a zone as its list of spans with one offset each.
 *
 * Span i reaches from starts[i] to starts[i + 1] (exclusive); the first and the last reach to the
 * ends of time. Local time is instant + offset; here it is counted in ms as if it were UTC.
 */
#pragma once
#include "calendar/calendar.h"
#include "calendar/civil.h"

struct span {
    int64_t start, end; /* instants */
    int64_t offset;     /* ms east of UTC */
};

struct zone {
    char name[64];
    struct span *spans;
    size_t count;
    int64_t *skipped_days; /* local dates that never were, as days since 1970; sorted */
    size_t skipped_count;
};

const struct span *zone_span(const struct zone *z, int64_t at);
/* First instant whose local date is `days` or, where that date never was, a later one. */
int64_t zone_start_of(const struct zone *z, int64_t days);
/* Local date of an instant, as days since 1970-01-01. */
int64_t zone_days(const struct zone *z, int64_t at);
