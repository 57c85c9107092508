#include "base/test.h"

#include <stdio.h>
#include <unicode/ucal.h>
#include <unicode/uenum.h>
#include <unicode/ustring.h>

#include "base/hash.h"
#include "calendar/calendar.h"
#include "calendar/civil.h"

static struct zone *opened(const char *name)
{
    struct zone *z = NULL;
    struct err e = {0};
    assert_works(zone_open(str_of(name), &z, &e), e);
    return z;
}

/* Two dates a day apart are neighbours, over all years we handle and beyond. */
static void civil_dates_run_without_gaps(void **state)
{
    (void)state;
    assert_int_equal(days_from_civil(1970, 1, 1), 0);
    assert_int_equal(days_from_civil(2000, 2, 29), 11016);
    assert_int_equal(weekday_of(days_from_civil(2026, 11, 22)), 7);
    struct civil before = civil_from_days(days_from_civil(1599, 12, 31));
    int64_t end = days_from_civil(2401, 1, 1);
    for (int64_t d = days_from_civil(1600, 1, 1); d <= end; d++) {
        struct civil now = civil_from_days(d);
        assert_int_equal(days_from_civil(now.year, now.month, now.day), d);
        bool next_day =
            now.year == before.year && now.month == before.month && now.day == before.day + 1;
        bool first_day = now.day == 1 && before.day == days_in_month(before.year, before.month);
        assert_true(next_day || first_day);
        before = now;
    }
}

static void names_are_iana_names(void **state)
{
    (void)state;
    static const char *const right[] = {"UTC",       "Asia/Bangkok", "America/Argentina/Ushuaia",
                                        "Etc/GMT+7", "Europe/Kyiv",  "GMT",
                                        "EST5EDT"};
    for (size_t i = 0; i < COUNT(right); i++) {
        AUTO(zone) *z = opened(right[i]);
        assert_str(zone_name(z), str_of(right[i]));
    }
    static const struct {
        const char *name, *hint;
    } wrong[] = {
        {"", "use an IANA name"},
        {"GMT+7", "use an IANA"},
        {"+07:00", "use an IANA"},
        {"Bangkok", "did you mean Asia/Bangkok?"},
        {"asia/bangkok", "did you mean Asia/Bangkok?"},
        {"America/New_Yrok", "did you mean America/New_York?"},
        {"PST", ""},
        {"Etc/Unknown", ""},
        {"../../etc/passwd", "use an IANA"},
        {"\xff\xfe", "use an IANA"},
        {"An/Endless/Name/That/No/Zone/Has/And/That/Would/Not/Fit/Into/The/Room", "use an IANA"},
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct zone *z = NULL;
        struct err e = {0};
        assert_false(zone_open(str_of(wrong[i].name), &z, &e));
        assert_null(z);
        assert_string_equal(e.code, "time.unknown_zone");
        assert_true(str_is_utf8(str_of(e.text)));
        if (!strstr(e.hint, wrong[i].hint))
            fail_msg("%s: %s", wrong[i].name, e.hint);
    }
    assert_int_equal(strlen(zone_database_version()), 5); /* like 2025b */
}

static void local_times_are_right(void **state)
{
    (void)state;
    AUTO(zone) *z = opened("Asia/Kathmandu");
    struct local_time t = zone_local(z, 1770084900250); /* 2026-02-03T02:15:00.250Z */
    assert_int_equal(t.year, 2026);
    assert_int_equal(t.month, 2);
    assert_int_equal(t.day, 3);
    assert_int_equal(t.hour, 8);
    assert_int_equal(t.minute, 0);
    assert_int_equal(t.second, 0);
    assert_int_equal(t.millisecond, 250);
    assert_int_equal(t.weekday, 2);
    assert_int_equal(zone_offset_minutes(z, 1770084900250), 345);
    AUTO(zone) *ny = opened("America/New_York");
    assert_int_equal(zone_offset_minutes(ny, 1770084900250), -300);
    assert_int_equal(zone_offset_minutes(ny, 1783000000000), -240);
    t = zone_local(ny, -1);
    assert_int_equal(t.year, 1969);
    assert_int_equal(t.millisecond, 999);
    assert_int_equal(t.weekday, 3);
}

static void dates_that_never_were_are_refused(void **state)
{
    (void)state;
    AUTO(zone) *apia = opened("Pacific/Apia");
    AUTO(zone) *utc = opened("UTC");
    int64_t at = 7;
    assert_true(zone_date(apia, 2011, 12, 29, &at));
    assert_int_equal(at, 1325152800000); /* 10:00 UTC */
    assert_true(zone_date(apia, 2011, 12, 31, &at));
    assert_int_equal(at, 1325239200000); /* 24 hours later */
    assert_false(zone_date(apia, 2011, 12, 30, &at));
    assert_true(zone_date(utc, 2011, 12, 30, &at));
    assert_false(zone_date(utc, 2026, 2, 29, &at));
    assert_false(zone_date(utc, 2026, 13, 1, &at));
    assert_false(zone_date(utc, 2026, 0, 1, &at));
    assert_false(zone_date(utc, 1899, 12, 31, &at));
    assert_false(zone_date(utc, 2200, 1, 1, &at));
    assert_true(zone_date(utc, 2000, 2, 29, &at));
}

static int64_t icu_local(UCalendar *c, int64_t at)
{
    UErrorCode status = U_ZERO_ERROR;
    ucal_setMillis(c, (UDate)at, &status);
    int64_t local =
        at + ucal_get(c, UCAL_ZONE_OFFSET, &status) + ucal_get(c, UCAL_DST_OFFSET, &status);
    assert_true(U_SUCCESS(status));
    return local;
}

static int64_t date_floor(enum interval i, enum week_start w, int64_t days)
{
    struct civil d = civil_from_days(days);
    switch (i) {
    case INTERVAL_DAY:
        return days;
    case INTERVAL_WEEK:
        while (weekday_of(days) != (w == WEEK_MONDAY ? 1 : 7))
            days--;
        return days;
    case INTERVAL_MONTH:
        return days_from_civil(d.year, d.month, 1);
    case INTERVAL_QUARTER:
        return days_from_civil(d.year, d.month - (d.month - 1) % 3, 1);
    default:
        return days_from_civil(d.year, 1, 1);
    }
}

/* One instant of one zone, each interval, against ICU's idea of local time. */
static void check_instant(const struct zone *z, UCalendar *icu, int64_t at)
{
    assert_int_equal(zone_offset_minutes(z, at), floor_div(icu_local(icu, at) - at, 60000));
    for (enum interval i = INTERVAL_HOUR; i < INTERVAL_COUNT; i++)
        for (enum week_start w = WEEK_MONDAY; w <= WEEK_SUNDAY; w++) {
            int64_t start = interval_floor(z, i, w, at);
            int64_t next = interval_step(z, i, w, start, 1);
            assert_true(start <= at && at < next);
            assert_int_equal(interval_floor(z, i, w, start), start);
            assert_int_equal(interval_floor(z, i, w, next - 1), start);
            assert_int_equal(interval_floor(z, i, w, next), next);
            assert_int_equal(interval_step(z, i, w, next, -1), start);
            assert_int_equal(interval_step(z, i, w, start, 0), start);
            int64_t here = icu_local(icu, start), before = icu_local(icu, start - 1);
            if (i == INTERVAL_HOUR) {
                assert_true(here != before + 1 || here % HOUR_MS == 0);
                assert_true(next - start <= HOUR_MS);
            } else { /* the first instant whose date is in the interval or after it */
                int64_t first = date_floor(i, w, floor_div(here, DAY_MS));
                assert_true(floor_div(before, DAY_MS) < first);
            }
        }
}

static void agrees_with_icu_everywhere(void **state)
{
    (void)state;
    UErrorCode status = U_ZERO_ERROR;
    UEnumeration *names =
        ucal_openTimeZoneIDEnumeration(UCAL_ZONE_TYPE_CANONICAL_LOCATION, NULL, NULL, &status);
    int64_t from = days_from_civil(1901, 1, 1) * DAY_MS;
    int64_t to = days_from_civil(2199, 1, 1) * DAY_MS;
    const char *name;
    uint64_t dice = 1;
    size_t zones = 0;
    while ((name = uenum_next(names, NULL, &status))) {
        if (zones++ % 4) /* a quarter of them is enough for each run */
            continue;
        AUTO(zone) *z = opened(name);
        UChar id[64];
        u_charsToUChars(name, id, (int32_t)strlen(name) + 1);
        UCalendar *icu = ucal_open(id, -1, "en", UCAL_GREGORIAN, &status);
        assert_true(U_SUCCESS(status));
        for (int i = 0; i < 40; i++) {
            int64_t at = from + (int64_t)(hash_mix(dice++) % (uint64_t)(to - from));
            check_instant(z, icu, at);
            UDate change;
            ucal_setMillis(icu, (UDate)at, &status);
            if (ucal_getTimeZoneTransitionDate(icu, UCAL_TZ_TRANSITION_NEXT, &change, &status) &&
                change < (UDate)to)
                for (int64_t near = -2; near <= 2; near++) {
                    check_instant(z, icu, (int64_t)change + near);
                    check_instant(z, icu, (int64_t)change + near * 11 * HOUR_MS);
                }
        }
        ucal_close(icu);
    }
    uenum_close(names);
    assert_true(zones > 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(civil_dates_run_without_gaps),
        cmocka_unit_test(names_are_iana_names),
        cmocka_unit_test(local_times_are_right),
        cmocka_unit_test(dates_that_never_were_are_refused),
        cmocka_unit_test(agrees_with_icu_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
