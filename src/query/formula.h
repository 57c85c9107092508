/*
 * query/formula (private to the room): arithmetic over series: + - * / ( ) numbers and series,
 * named by letter (A is the first) or by a series' own one-letter name, and the functions
 * cumulative(x), rolling(x, n) and previous(x[, n]), which look along the intervals. Nothing is
 * NaN: x/0, and all that rests on it, is NaN, which answers show as null.
 */
#pragma once
#include "query/question.h"

enum { FORMULA_STEPS_MAX = 256 };

struct formula {
    struct str text;
    struct formula_step {
        enum {
            FORMULA_NUMBER,
            FORMULA_SERIES,
            FORMULA_NEGATE,
            FORMULA_ADD,
            FORMULA_SUBTRACT,
            FORMULA_MULTIPLY,
            FORMULA_DIVIDE,
            FORMULA_CUMULATIVE,
            FORMULA_ROLLING,
            FORMULA_PREVIOUS
        } kind;
        double number;
        size_t series; /* or how many intervals, of rolling and previous */
    } * steps;         /* postfix */
    size_t count;
};

/* `names[i]` is series i's own name, or empty. */
MUST_USE bool formula_read(struct question *q, const struct ask *a, const struct str *names,
                           size_t name_count, struct formula *out, struct err *e);
/* By interval, and at [intervals] of the totals; series k's values begin at k * (intervals + 1). A
 * function changes intervals only, but the total of previous() is nothing. */
void formula_values(const struct formula *f, const double *series, size_t intervals, double *out);
/* The mean of up to the last n values that are there. */
void formula_roll(const double *values, size_t count, size_t n, double *out);
