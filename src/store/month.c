/*
 * store/month: UTC months of the proleptic Gregorian calendar.
 *
 * Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms": years begin in March, so that
 * the leap day comes last, and 400-year eras all have the same days.
 */
#include "store/chunk.h"

enum {
    DAY_MS = 86400000,
    ERA_DAYS = 146097,
    EPOCH_DAYS = 719468 /* from 0000-03-01 to 1970-01-01 */
};

/* Days since 1970-01-01 of the first of a month; months count from March of year 0. */
static int64_t month_day(int64_t months)
{
    int64_t year = months >= 0 ? months / 12 : -((11 - months) / 12);
    int64_t month = months - year * 12;
    int64_t era = year >= 0 ? year / 400 : -((399 - year) / 400);
    int64_t of_era = year - era * 400;
    int64_t day = of_era * 365 + of_era / 4 - of_era / 100 + (153 * month + 2) / 5;

    return era * ERA_DAYS + day - EPOCH_DAYS;
}

/* The month, counted from March of year 0, that holds a day. */
static int64_t month_of_day(int64_t days)
{
    int64_t since = days + EPOCH_DAYS;
    int64_t era = since >= 0 ? since / ERA_DAYS : -((ERA_DAYS - 1 - since) / ERA_DAYS);
    int64_t of_era = since - era * ERA_DAYS;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / (ERA_DAYS - 1)) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);

    return (era * 400 + year) * 12 + (5 * of_year + 2) / 153;
}

static int64_t month_of(int64_t ms)
{
    /* Beyond this the sums would overflow; limits on input are far inside. */
    REQUIRE(ms > INT64_MIN / 4 && ms < INT64_MAX / 4);
    return month_of_day(ms >= 0 ? ms / DAY_MS : -((DAY_MS - 1 - ms) / DAY_MS));
}

int64_t month_start(int64_t ms)
{
    return month_day(month_of(ms)) * DAY_MS;
}

int64_t month_next(int64_t start)
{
    return month_day(month_of(start) + 1) * DAY_MS;
}
