/*
 * query/regroup (private to the room): events of other units than persons, unit by unit in order
 * of time, out of scans by person.
 *
 * The events that match are read once, kept as rows of a few words, put in order unit by unit and
 * handed on by all threads; a kernel cannot tell the batches from those of a scan by person. When
 * they take more than the memory there is, the units are taken in several parts, each with a scan
 * of its own; a single unit must fit. Events of one time stamp: person by person, in the order in
 * which the store came to know them, each person's in client sequence.
 */
#pragma once
#include "query/source.h"

struct regrouping {
    struct source *below;         /* whose units are persons */
    const struct scan_plan *plan; /* what is asked: by unit, or by rows with columns of persons */
    const uint32_t *unit_of;      /* by code of an account's name; UINT32_MAX: none */
    struct intern *names;         /* the codes; all are known */
    uint32_t units;
    size_t bytes; /* that rows may take */
};

/* As the scan of a source. */
MUST_USE bool regroup_run(const struct regrouping *r, scan_sink *sink, void *const *contexts,
                          struct scan_stats *stats, struct err *e);
