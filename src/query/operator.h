/*
 * query/operator (private to the room): the operators of a property condition.
 *
 * A leaf holds one or more tests; all must hold. Negative operators are the negation of the
 * positive one, so they also hold for a missing property. A list holds if any of its items does.
 */
#pragma once
#include <stdatomic.h>

#include "query/question.h"

enum leaf_operator {
    OPERATOR_IS,
    OPERATOR_IS_NOT,
    OPERATOR_CONTAINS,
    OPERATOR_NOT_CONTAINS,
    OPERATOR_STARTS_WITH,
    OPERATOR_ENDS_WITH,
    OPERATOR_MATCHES,
    OPERATOR_GT,
    OPERATOR_GTE,
    OPERATOR_LT,
    OPERATOR_LTE,
    OPERATOR_BETWEEN,
    OPERATOR_BEFORE,
    OPERATOR_AFTER,
    OPERATOR_EXISTS,
    OPERATOR_COUNT,
};
#define LEAF_OPERATORS                                                                             \
    "is", "is_not", "contains", "not_contains", "starts_with", "ends_with", "matches", "gt",       \
        "gte", "lt", "lte", "between", "before", "after", "exists"

/* How the value under test is looked at. */
enum leaf_view { VIEW_VALUE, VIEW_TIME, VIEW_HOUR, VIEW_WEEKDAY };

struct pattern; /* a compiled text search */

struct leaf_test {
    enum leaf_operator op;
    struct value *values; /* is, is_not */
    size_t value_count;
    struct pattern **patterns; /* contains … matches: any of them */
    size_t pattern_count;
    double low, high; /* numbers: low ≤ or < v */
    bool low_is_open, high_is_open;
    bool is_time; /* from ≤ v < to, in ms */
    int64_t from, to;
    bool wanted; /* exists */
};

struct leaf {
    struct str property;
    bool built_in;
    enum leaf_view view;
    const struct zone *zone;
    struct leaf_test *tests;
    size_t test_count;
};

MUST_USE bool leaf_tests_read(struct question *q, const struct ask *a, struct leaf *l,
                              struct err *e);
bool leaf_test(const struct leaf *l, struct value v);
bool leaf_test_except_is(const struct leaf *l, struct value v);
/* A `matches` that ran into its limit gave no answer: the question fails with this. */
MUST_USE bool patterns_check(const struct question *q, struct err *e);
void patterns_free(struct question *q);

/* A pattern and what stands in for its matches; in `text`, $1 is the pattern's first group. */
MUST_USE bool pattern_read(struct question *q, const struct ask *pattern, struct pattern **out,
                           struct err *e);
/* All matches replaced, into `out`; as it is where the pattern runs into its limit (then
 * patterns_check fails) or does not match. */
void pattern_replace(struct pattern *p, struct str text, struct str with, struct buf *out);
