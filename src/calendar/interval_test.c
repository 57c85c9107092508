#include "base/test.h"

#include <stdio.h>

#include "base/hash.h"
#include "calendar/calendar.h"

static struct zone *opened(const char *name)
{
    struct zone *z = NULL;
    struct err e = {0};
    assert_works(zone_open(str_of(name), &z, &e), e);
    return z;
}

static int64_t ms_of(const char *text)
{
    int64_t ms = 0;
    int offset;
    struct err e = {0};
    assert_works(instant_parse(str_of(text), &ms, &offset, &e), e);
    return ms;
}

static const struct {
    const char *zone, *interval, *at, *start, *next;
    bool sunday;
} golden[] = {
    /* New York: 23 and 25 hours */
    {"America/New_York", "day", "2026-03-08T12:00:00Z", "2026-03-08T00:00:00-05:00",
     "2026-03-09T00:00:00-04:00", 0},
    {"America/New_York", "day", "2026-11-01T12:00:00Z", "2026-11-01T00:00:00-04:00",
     "2026-11-02T00:00:00-05:00", 0},
    {"America/New_York", "hour", "2026-11-01T01:30:00-04:00", "2026-11-01T01:00:00-04:00",
     "2026-11-01T01:00:00-05:00", 0},
    {"America/New_York", "hour", "2026-11-01T01:30:00-05:00", "2026-11-01T01:00:00-05:00",
     "2026-11-01T02:00:00-05:00", 0},
    {"America/New_York", "hour", "2026-03-08T01:59:59-05:00", "2026-03-08T01:00:00-05:00",
     "2026-03-08T03:00:00-04:00", 0},
    /* London: a week, a month and a quarter over the change */
    {"Europe/London", "week", "2026-03-29T12:00:00+01:00", "2026-03-23T00:00:00Z",
     "2026-03-30T00:00:00+01:00", 0},
    {"Europe/London", "month", "2026-03-31T23:30:00+01:00", "2026-03-01T00:00:00Z",
     "2026-04-01T00:00:00+01:00", 0},
    {"Europe/London", "quarter", "2026-12-31T23:59:59Z", "2026-10-01T00:00:00+01:00",
     "2027-01-01T00:00:00Z", 0},
    /* Cairo: clocks go forward at midnight on a Friday, so that day begins at 01:00 */
    {"Africa/Cairo", "day", "2010-04-30T12:00:00Z", "2010-04-30T01:00:00+03:00",
     "2010-05-01T00:00:00+03:00", 0},
    {"Africa/Cairo", "day", "2010-04-29T12:00:00Z", "2010-04-29T00:00:00+02:00",
     "2010-04-30T01:00:00+03:00", 0},
    /* São Paulo: no midnight on the first summer day, two 23:00 hours on the last */
    {"America/Sao_Paulo", "day", "2018-11-04T12:00:00Z", "2018-11-04T01:00:00-02:00",
     "2018-11-05T00:00:00-02:00", 0},
    {"America/Sao_Paulo", "day", "2018-02-17T23:30:00-03:00", "2018-02-17T00:00:00-02:00",
     "2018-02-18T00:00:00-03:00", 0},
    {"America/Sao_Paulo", "week", "2018-11-04T12:00:00Z", "2018-11-04T01:00:00-02:00",
     "2018-11-11T00:00:00-02:00", 1},
    /* Bangkok: never changes */
    {"Asia/Bangkok", "day", "2026-02-03T16:59:59.999Z", "2026-02-03T00:00:00+07:00",
     "2026-02-04T00:00:00+07:00", 0},
    {"Asia/Bangkok", "hour", "2026-02-03T16:59:59.999Z", "2026-02-03T23:00:00+07:00",
     "2026-02-04T00:00:00+07:00", 0},
    {"Asia/Bangkok", "year", "2025-12-31T17:00:00Z", "2026-01-01T00:00:00+07:00",
     "2027-01-01T00:00:00+07:00", 0},
    /* Lord Howe: half an hour */
    {"Australia/Lord_Howe", "day", "2026-10-04T12:00:00+11:00", "2026-10-04T00:00:00+10:30",
     "2026-10-05T00:00:00+11:00", 0},
    {"Australia/Lord_Howe", "hour", "2026-10-04T02:45:00+11:00", "2026-10-04T02:30:00+11:00",
     "2026-10-04T03:00:00+11:00", 0},
    {"Australia/Lord_Howe", "hour", "2026-04-05T01:45:00+10:30", "2026-04-05T01:30:00+10:30",
     "2026-04-05T02:00:00+10:30", 0},
    /* Apia: no 2011-12-30 */
    {"Pacific/Apia", "day", "2011-12-29T12:00:00-10:00", "2011-12-29T00:00:00-10:00",
     "2011-12-31T00:00:00+14:00", 0},
    {"Pacific/Apia", "week", "2011-12-31T12:00:00+14:00", "2011-12-26T00:00:00-10:00",
     "2012-01-02T00:00:00+14:00", 0},
    {"Pacific/Apia", "month", "2011-12-31T12:00:00+14:00", "2011-12-01T00:00:00-10:00",
     "2012-01-01T00:00:00+14:00", 0},
    /* St John's until 2011: back over midnight at 00:01; Sunday has begun and stays */
    {"America/St_Johns", "day", "2010-11-06T23:30:00-03:30", "2010-11-07T00:00:00-02:30",
     "2010-11-08T00:00:00-03:30", 0},
    /* week starts, leap day, year edges */
    {"UTC", "week", "2026-02-01T00:00:00Z", "2026-01-26T00:00:00Z", "2026-02-02T00:00:00Z", 0},
    {"UTC", "week", "2026-02-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-02-08T00:00:00Z", 1},
    {"UTC", "week", "2026-01-31T23:59:59Z", "2026-01-25T00:00:00Z", "2026-02-01T00:00:00Z", 1},
    {"UTC", "week", "2026-01-01T00:00:00Z", "2025-12-29T00:00:00Z", "2026-01-05T00:00:00Z", 0},
    {"UTC", "day", "2024-02-29T23:59:59.999Z", "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z", 0},
    {"UTC", "month", "2024-02-29T12:00:00Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z", 0},
    {"UTC", "quarter", "2025-12-31T23:59:59Z", "2025-10-01T00:00:00Z", "2026-01-01T00:00:00Z", 0},
    {"UTC", "quarter", "2026-05-15T00:00:00Z", "2026-04-01T00:00:00Z", "2026-07-01T00:00:00Z", 0},
    {"UTC", "year", "1969-07-20T20:17:00Z", "1969-01-01T00:00:00Z", "1970-01-01T00:00:00Z", 0},
    {"UTC", "hour", "1969-12-31T23:59:59.999Z", "1969-12-31T23:00:00Z", "1970-01-01T00:00:00Z", 0},
};

static void known_edges_are_met(void **state)
{
    (void)state;
    for (size_t k = 0; k < COUNT(golden); k++) {
        AUTO(zone) *z = opened(golden[k].zone);
        enum interval i;
        assert_true(interval_from(str_of(golden[k].interval), &i));
        enum week_start w = golden[k].sunday ? WEEK_SUNDAY : WEEK_MONDAY;
        int64_t start = interval_floor(z, i, w, ms_of(golden[k].at));
        int64_t next = interval_step(z, i, w, start, 1);
        char room[2][INSTANT_TEXT_BYTES];
        if (start != ms_of(golden[k].start) || next != ms_of(golden[k].next))
            fail_msg("%s %s of %s: %s to %s", golden[k].zone, golden[k].interval, golden[k].at,
                     instant_local_text(z, start, room[0]).at,
                     instant_local_text(z, next, room[1]).at);
    }
}

/* n steps are n times one step, there and back, from random starts of zones with odd histories. */
static void steps_add_up(void **state)
{
    (void)state;
    static const char *const zones[] = {
        "UTC",
        "America/New_York",
        "Pacific/Apia",
        "Pacific/Kwajalein",
        "Australia/Lord_Howe",
        "America/Sao_Paulo",
        "Africa/Cairo",
        "Asia/Kathmandu",
        "America/St_Johns",
        "Africa/Casablanca",
    };
    uint64_t dice = 1;
    for (size_t k = 0; k < COUNT(zones); k++) {
        AUTO(zone) *z = opened(zones[k]);
        for (enum interval i = INTERVAL_HOUR; i < INTERVAL_COUNT; i++)
            for (int round = 0; round < 20; round++) {
                int64_t at = (int64_t)(hash_mix(dice++) % 4102444800000u) - 1500000000000;
                if (round == 0)
                    at = ms_of("2011-12-25T00:00:00Z"); /* just before Apia's jump */
                int64_t start = interval_floor(z, i, WEEK_MONDAY, at), edge = start;
                for (int64_t n = 1; n <= 120; n++) {
                    int64_t next = interval_step(z, i, WEEK_MONDAY, edge, 1);
                    assert_true(next > edge);
                    assert_int_equal(interval_step(z, i, WEEK_MONDAY, start, n), next);
                    assert_int_equal(interval_step(z, i, WEEK_MONDAY, next, -n), start);
                    edge = next;
                }
                int64_t far = interval_step(z, i, WEEK_MONDAY, start, 5000);
                if (i == INTERVAL_HOUR)
                    assert_int_equal(interval_step(z, i, WEEK_MONDAY, far, -5000), start);
            }
    }
}

static void edges_cover_the_range(void **state)
{
    (void)state;
    AUTO(arena) *a = arena_create(0);
    AUTO(zone) *z = opened("America/New_York");
    struct err e = {0};
    int64_t *edges;
    size_t count;
    int64_t from = ms_of("2026-11-01T00:00:00-04:00"), to = ms_of("2026-11-02T00:00:00-05:00");
    assert_works(interval_edges(z, INTERVAL_HOUR, WEEK_MONDAY, from, to, 25, a, &edges, &count, &e),
                 e);
    assert_int_equal(count, 25);
    assert_int_equal(edges[0], from);
    assert_int_equal(edges[25], to);
    for (size_t i = 0; i < 25; i++)
        assert_int_equal(edges[i + 1] - edges[i], 3600000);
    assert_false(
        interval_edges(z, INTERVAL_HOUR, WEEK_MONDAY, from, to, 24, a, &edges, &count, &e));
    assert_string_equal(e.code, "time.too_many_intervals");
    assert_non_null(strstr(e.text, "24 intervals of one hour"));
    /* a range inside one interval, one that ends on an edge, and an empty one */
    assert_works(
        interval_edges(z, INTERVAL_DAY, WEEK_MONDAY, from + 5, from + 6, 9, a, &edges, &count, &e),
        e);
    assert_int_equal(count, 1);
    assert_int_equal(edges[0], from);
    assert_int_equal(edges[1], to);
    assert_works(interval_edges(z, INTERVAL_DAY, WEEK_MONDAY, from, to, 1, a, &edges, &count, &e),
                 e);
    assert_int_equal(count, 1);
    assert_works(
        interval_edges(z, INTERVAL_DAY, WEEK_MONDAY, from, to + 1, 2, a, &edges, &count, &e), e);
    assert_int_equal(count, 2);
    assert_works(interval_edges(z, INTERVAL_DAY, WEEK_MONDAY, from, from, 9, a, &edges, &count, &e),
                 e);
    assert_int_equal(count, 0);
}

static void labels_name_the_start(void **state)
{
    (void)state;
    AUTO(zone) *z = opened("Asia/Bangkok");
    AUTO(zone) *sp = opened("America/Sao_Paulo");
    char room[INSTANT_TEXT_BYTES];
    int64_t at = ms_of("2026-01-05T09:00:00+07:00");
    assert_str(interval_label(z, INTERVAL_HOUR, at, room), STR("2026-01-05T09:00:00+07:00"));
    at = ms_of("2026-01-05T00:00:00+07:00");
    assert_str(interval_label(z, INTERVAL_WEEK, at, room), STR("2026-01-05"));
    at = ms_of("2018-11-04T01:00:00-02:00");
    assert_str(interval_label(sp, INTERVAL_DAY, at, room), STR("2018-11-04"));
    enum interval i = INTERVAL_COUNT;
    assert_false(interval_from(STR("fortnight"), &i));
    assert_false(interval_from(STR("Day"), &i));
    assert_int_equal(i, INTERVAL_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_edges_are_met),
        cmocka_unit_test(steps_add_up),
        cmocka_unit_test(edges_cover_the_range),
        cmocka_unit_test(labels_name_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
