/*
 * Averages and quantiles of times against a sorted copy: lists short and long, of times that are
 * all one, all different, close together, far apart, or mostly one with a few far away.
 */
#include <math.h>
#include <stdlib.h>

#include "query/funnel.h"
#include "query/random_case.h"
#include "query/reference.h"

enum { ROUNDS = 60, LONGEST = 40000 };

typedef int64_t shape_fn(struct dice *d);

static int64_t one_value(struct dice *d)
{
    (void)d;
    return 510000;
}

static int64_t two_values(struct dice *d)
{
    return roll(d, 2) ? 1 : INT64_C(1209600000);
}

static int64_t minutes(struct dice *d)
{
    return roll(d, 3600000);
}

static int64_t seconds_or_days(struct dice *d)
{
    return roll(d, 50) ? 1000 + roll(d, 3) : (int64_t)roll(d, 1000000) * 1209600;
}

static int64_t any_magnitude(struct dice *d)
{
    return (int64_t)((uint64_t)roll(d, UINT32_MAX) << roll(d, 30));
}

static shape_fn *const shapes[] = {one_value, two_values, minutes, seconds_or_days, any_magnitude};

static int by_value(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static double quantile_of(const int64_t *sorted, size_t count, double quantile)
{
    double at = quantile * (double)(count - 1);
    size_t low = (size_t)at, high = low + 1 < count ? low + 1 : low;

    return ((double)sorted[low] + (double)(sorted[high] - sorted[low]) * (at - (double)low)) / 1000;
}

static void summary_is_that_of_the_sorted_list(void **state)
{
    (void)state;
    struct dice d = {20261122};

    for (size_t round = 0; round < ROUNDS; round++) {
        struct times t = {0};
        size_t count = 1 + roll(&d, round % 3 ? LONGEST : 20);
        shape_fn *shape = shapes[round % COUNT(shapes)];
        double sum = 0;
        times_reserve(&t, count);
        for (size_t i = 0; i < count; i++) {
            times_push(&t, shape(&d));
            sum += (double)t.list[i];
        }
        int64_t *sorted = mem_array(count, sizeof *sorted);
        memcpy(sorted, t.list, count * sizeof *sorted);
        qsort(sorted, count, sizeof *sorted, by_value);
        struct times_summary s = times_summarise(&t);
        assert_true(fabs(s.average - sum / (double)count / 1000) <= 1e-9 * s.average);
        assert_true(s.median == quantile_of(sorted, count, 0.5));
        assert_true(s.p90 == quantile_of(sorted, count, 0.9));
        mem_free(sorted);
        mem_free(t.list);
    }
    struct times none = {0};
    assert_true(isnan(times_summarise(&none).median));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(summary_is_that_of_the_sorted_list)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
