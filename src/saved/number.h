/*
 * saved/number: one number of an answer, by its coordinates: what an alert watches.
 *
 *   trends      {"series":0 or "A","breakdown":["pro"]}
 *   lifecycle   {"state":"dormant","breakdown":…}
 *   retention   {"period":1,"as":"rate|count","breakdown":…}
 *   funnel      {"step":2,"as":"conversion|count|from_previous","breakdown":…}; over time
 *               {"as":"rate|from|to","breakdown":…}
 *   stickiness  {"intervals":3}, or with a ratio {}
 *   any         {"pointer":"/steps/1/count"}
 * Where an answer has intervals, cohorts or buckets, it is the newest final one's number.
 * Thread: any.
 */
#pragma once
#include "query/ask.h"

struct number {
    bool is_there; /* else nothing can be said yet: no final interval, a ratio over nothing */
    double value;
    bool has_base; /* how many the number is over: cohort, step 1 */
    double base;
    bool is_of_intervals; /* it has a newest final one; else it is of the whole range */
    struct str start;     /* of that interval, as the answer names it; of the answer's memory */
};

/* Errors: coordinates that this answer cannot have, with their place. */
MUST_USE bool number_find(const struct ask *pick, struct json answer, struct number *out,
                          struct err *e);
