/*
 * query/formula (private to the room): arithmetic over series: + - * / ( ) numbers and series,
 * named by letter (A is the first) or by a series' own one-letter name. Nothing is NaN: x/0, and
 * all that rests on it, is NaN, which answers show as null.
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
            FORMULA_DIVIDE
        } kind;
        double number;
        size_t series;
    } * steps; /* postfix */
    size_t count;
};

/* `names[i]` is series i's own name, or empty. */
MUST_USE bool formula_read(struct question *q, const struct ask *a, const struct str *names,
                           size_t name_count, struct formula *out, struct err *e);
double formula_value(const struct formula *f, const double *series);
