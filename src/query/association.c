/* query/association: figures of 2x2 tables; formulas and sources are in the header. */
#include "query/association.h"

#include <math.h>
#include <stdlib.h>

static const double z95 = 1.959963984540054; /* the normal distribution's 97.5 % point */
static const double expected_min = 5;

/* ---- Fisher's exact test ---- */

/* Sums of hypergeometric weights, the mode's being 1: all, and those no larger than `bound`. */
struct weights {
    double all, no_larger;
};

static void weight_add(struct weights *s, double w, double bound)
{
    s->all += w;
    if (w <= bound)
        s->no_larger += w;
}

/* What the weight of x + 1 is, of that of x: of `row` units that did and `column` that reached. */
static double step_up(double x, double row, double column, double n)
{
    return (row - x) * (column - x) / ((x + 1) * (n - row - column + x + 1));
}

static double fisher(const struct association_table *t)
{
    double a = (double)t->a, row = a + (double)t->b, column = a + (double)t->c;
    double n = row + (double)t->c + (double)t->d;
    double low = fmax(0, row + column - n), high = fmin(row, column);
    double mode = fmin(high, fmax(low, floor((row + 1) * (column + 1) / (n + 2))));
    double w = 1, found = 1;
    struct weights s = {0};
    enum { NEVER = -300 }; /* powers of ten below the mode's: nothing any more */
    const double nothing = pow(10, NEVER);

    for (double x = mode; x < a && w > nothing; x++)
        found = w *= step_up(x, row, column, n);
    for (double x = mode; x > a && w > nothing; x--)
        found = w /= step_up(x - 1, row, column, n);
    double bound = found * (1 + 1e-7); /* equal ones that rounding set apart */
    weight_add(&s, 1, bound);
    w = 1;
    for (double x = mode; x < high && w > nothing; x++)
        weight_add(&s, w *= step_up(x, row, column, n), bound);
    w = 1;
    for (double x = mode; x > low && w > nothing; x--)
        weight_add(&s, w /= step_up(x - 1, row, column, n), bound);
    return fmin(1, s.no_larger / s.all);
}

/* ---- figures ---- */

/* v * exp(± z * error) */
static void log_interval(double v, double error, double *low, double *high)
{
    *low = v * exp(-z95 * error);
    *high = v * exp(z95 * error);
}

static void lift_find(double a, double b, double c, double d, struct association *out)
{
    double did = a + b, did_not = c + d;

    if (did == 0 || did_not == 0 || c == 0)
        return;
    out->lift = a / did / (c / did_not);
    if (a > 0)
        log_interval(out->lift, sqrt(1 / a - 1 / did + 1 / c - 1 / did_not), &out->lift_low,
                     &out->lift_high);
}

static void phi_find(double a, double b, double c, double d, struct association *out)
{
    double n = a + b + c + d, margins = (a + b) * (c + d) * (a + c) * (b + d);

    if (margins == 0)
        return;
    out->phi = (a * d - b * c) / sqrt(margins);
    if (n <= 3)
        return;
    double z = atanh(out->phi), error = 1 / sqrt(n - 3); /* ±1 has no width */
    out->phi_low = tanh(z - z95 * error);
    out->phi_high = tanh(z + z95 * error);
}

struct association association_of(const struct association_table *t)
{
    double a = (double)t->a, b = (double)t->b, c = (double)t->c, d = (double)t->d;
    double n = a + b + c + d;
    struct association out = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, false};

    out.odds_ratio = (a + 1) / (b + 1) * ((d + 1) / (c + 1));
    log_interval(out.odds_ratio, sqrt(1 / (a + 1) + 1 / (b + 1) + 1 / (c + 1) + 1 / (d + 1)),
                 &out.odds_low, &out.odds_high);
    lift_find(a, b, c, d, &out);
    phi_find(a, b, c, d, &out);
    if (n > 0)
        out.expected = fmin(a + b, c + d) * fmin(a + c, b + d) / n;
    if (isnan(out.phi)) /* a margin is empty: there is nothing to compare */
        return out;
    out.is_exact = out.expected < expected_min;
    out.p = out.is_exact ? fisher(t) : erfc(sqrt(n / 2) * fabs(out.phi));
    return out;
}

/* ---- many at once ---- */

struct ranked {
    double p;
    size_t at;
};

static int by_p(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    return (x->p > y->p) - (x->p < y->p);
}

size_t discovery_rates(const double *p, double *q, size_t count)
{
    struct ranked *list = mem_array(count + 1, sizeof *list);
    size_t tests = 0;
    double least = 1;

    for (size_t i = 0; i < count; i++) {
        q[i] = NAN;
        if (!isnan(p[i]))
            list[tests++] = (struct ranked){p[i], i};
    }
    if (tests)
        qsort(list, tests, sizeof *list, by_p);
    for (size_t i = tests; i-- > 0;) {
        least = fmin(least, list[i].p * (double)tests / (double)(i + 1));
        q[list[i].at] = least;
    }
    mem_free(list);
    return tests;
}
