/*
 * query/computed (private to the room): properties that a project computes of others
 * (docs/query-rules.md, "Computed properties").
 *
 * An expression is a constant, {"property":name}, or one function:
 *   text      lower upper trim domain path text, concat [list]
 *   number    number round floor, add multiply [list], subtract divide [two]
 *   choice    coalesce [list], {"when":[{"if":conditions,"then":x}],"else":x}
 * It is read once a question and computed by the scan, once for each distinct value where it has a
 * single input. What has no value (a missing input, a text that is no number, x/0) is missing.
 */
#pragma once
#include "query/question.h"

/* *out is NULL where the name is not one of these. `place`: where it is asked for. */
MUST_USE bool computed_find(struct question *q, struct str name, const struct ask *place,
                            const struct scan_computed **out, struct err *e);
