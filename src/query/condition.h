/*
 * query/condition (private to the room): conditions of section 2 of the contract, read and compiled
 * into trees that the scan runs over dictionaries.
 */
#pragma once
#include "query/question.h"

/* A list (all of), an object, or nothing; *out is NULL where nothing is asked. */
MUST_USE bool condition_read(struct question *q, const struct ask *a,
                             const struct scan_condition **out, struct err *e);
/* Conditions on persons only (NULL: everybody), whose sets were found. */
bool condition_holds(const struct scan_condition *c, uint32_t unit);
/* Both; either may be NULL. */
const struct scan_condition *condition_both(struct question *q, const struct scan_condition *a,
                                            const struct scan_condition *b);

/* Where a condition without parts stands, for those that explain it. */
struct condition_leaf {
    const struct scan_condition *condition;
    const struct ask *place;
    struct condition_leaf *next;
};
