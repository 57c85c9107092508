/*
 * query/condition (private to the room): conditions of section 2 of the contract, read and compiled
 * into trees that the scan runs over dictionaries.
 */
#pragma once
#include "query/question.h"

/* A list (all of), an object, or nothing; *out is NULL where nothing is asked. */
MUST_USE bool condition_read(struct question *q, const struct ask *a,
                             const struct scan_condition **out, struct err *e);
/* Both; either may be NULL. */
const struct scan_condition *condition_both(struct question *q, const struct scan_condition *a,
                                            const struct scan_condition *b);
