/*
 * query/plain_source: the slow reference behind the seam (query/source.h): events in plain arrays,
 * read one by one. For tests: what the kernels answer over it must be what they answer over the
 * store, and it can cut batches and threads in any way.
 *
 * Ownership: events, people and texts stay the caller's. Thread: one.
 */
#pragma once
#include "query/source.h"

struct plain_person {
    struct str id;
    struct str aliases[4]; /* other ids, merged into this one */
    size_t alias_count;
    int64_t created; /* or FACT_CREATED_NONE */
    const struct property *traits;
    size_t trait_count;
};

struct plain_source {
    struct source source;
    const struct event *events;
    size_t event_count;
    struct plain_person *people; /* grows with the ids that events bring */
    size_t person_count, person_room;
    uint32_t *units;                     /* by event */
    const struct plain_person *accounts; /* with traits; set after init */
    size_t account_count;
    unsigned threads;
    size_t batch_units; /* units, or rows, a batch; 0 = all in one */
    bool backwards;     /* rows in reverse, where order is free */
    uint64_t state;     /* what the source says it is; 0 = not known */
    int64_t part_ms;    /* of scans in parts: the time of one part; 0 = all in one */
};

/* `people` are known beforehand (traits, aliases, created); others come from the events. */
void plain_source_init(struct plain_source *s, const struct event *events, size_t event_count,
                       const struct plain_person *people, size_t person_count);
void plain_source_free(struct plain_source *s);
