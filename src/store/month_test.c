/* Months against dates known from elsewhere, and against one another. */
#include "base/test.h"
#include "store/chunk.h"

enum { DAY = 86400000 };

static void months_follow_the_calendar(void **state)
{
    (void)state;
    static const struct {
        int64_t ms, start, next;
    } cases[] = {
        {0, 0, 31LL * DAY},
        {-1, -31LL * DAY, 0},
        {951782399999, 949363200000, 951868800000},       /* 2000-02-28T23:59:59.999Z: leap year */
        {951868799999, 949363200000, 951868800000},       /* 2000-02-29T23:59:59.999Z */
        {1798761599999, 1796083200000, 1798761600000},    /* 2026-12-31T23:59:59.999Z */
        {-2208988800000, -2208988800000, -2206310400000}, /* 1900-01 */
        {-2203891200001, -2206310400000, -2203891200000}, /* 1900-02: no leap year */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(month_start(cases[i].ms), cases[i].start);
        assert_int_equal(month_next(cases[i].start), cases[i].next);
    }
    int64_t start = month_start(-((int64_t)1 << 53));
    for (int i = 0; i < 5000; i++) { /* contiguous, 28 to 31 days each */
        int64_t next = month_next(start), days = (next - start) / DAY;
        assert_true(days >= 28 && days <= 31);
        assert_int_equal(month_start(next - 1), start);
        assert_int_equal(month_start(next), next);
        start = next;
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(months_follow_the_calendar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
