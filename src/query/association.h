/*
 * query/association (private to the room): how two yes-or-no facts about the same units go
 * together: a 2x2 table's figures, and many of them judged at once. Pure arithmetic.
 *
 * With a = did and reached, b = did and not, c = did not but reached, d = neither:
 *   lift        (a / (a+b)) / (c / (c+d)), the ratio of the two rates; its interval by the
 * logarithm's standard error (Katz, Baptista, Azen and Pike, Biometrics 34, 1978) odds ratio
 * (a+1)(d+1) / ((b+1)(c+1)), smoothed by one in each cell; its interval by the logarithm's standard
 * error of the smoothed cells (Woolf, Annals of Human Genetics 19, 1955) phi         (ad - bc) /
 * sqrt((a+b)(c+d)(a+c)(b+d)) (Yule, JRSS 75, 1912), the correlation of the two facts; its interval
 * by Fisher's z, artanh(phi) ± z / sqrt(n - 3) p           two-sided. Pearson's chi-square without
 * correction, n phi^2 with one degree of freedom; where a cell is expected to hold fewer than 5
 * (Cochran, Biometrics 10, 1954) Fisher's exact test: the tables with these margins that are no
 * more probable, taken together q           of Benjamini and Hochberg (JRSS B 57, 1995): the share
 * of false findings among all that are at least as clear Intervals are of 95 %. What would divide
 * by nothing, or have no logarithm, is NaN.
 */
#pragma once
#include "base/base.h"

struct association_table {
    uint64_t a, b, c, d;
};

struct association {
    double lift, lift_low, lift_high;
    double odds_ratio, odds_low, odds_high;
    double phi, phi_low, phi_high;
    double p;
    double expected; /* the smallest of the four cells', by the margins alone */
    bool is_exact;   /* p is Fisher's */
};

struct association association_of(const struct association_table *t);

/* q of each p, in the same order; NaN is no test and stays NaN. Returns how many tests there are.
 */
size_t discovery_rates(const double *p, double *q, size_t count);
