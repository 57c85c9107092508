#include <stdio.h>

#include "base/test.h"

#include "base/hash.h"
#include "calendar/calendar.h"

/* Families N15 to N17 of the shared nasty inputs among them. */
static void reads_what_rfc_3339_allows(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        int64_t ms;
        int offset;
    } rows[] = {
        {STR("1970-01-01T00:00:00Z"), 0, 0},
        {STR("2026-11-21T17:00:00+07:00"), 1795255200000, 420},
        {STR("2026-11-21T10:00:00-00:00"), 1795255200000, 0},
        {STR("2026-11-21t10:00:00z"), 1795255200000, 0},
        {STR("2026-11-21 10:00:00Z"), 1795255200000, 0},
        {STR("2026-11-21T04:30:00.5-05:30"), 1795255200500, -330},
        {STR("2026-11-21T09:59:59.999999999Z"), 1795255199999, 0},
        {STR("2026-11-21T10:00:00.05Z"), 1795255200050, 0},
        {STR("2038-01-19T03:14:08Z"), 2147483648000, 0},
        {STR("2016-12-31T23:59:60Z"), 1483228800000, 0},
        {STR("2017-01-01T06:59:60.7+07:00"), 1483228800000, 420},
        {STR("1900-01-01T00:00:00Z"), -2208988800000, 0},
        {STR("2199-12-31T23:59:59.999Z"), 7258118399999, 0},
        {STR("2024-02-29T00:00:00+23:59"), 1709078460000, 1439},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t ms = 0;
        int offset = 9999;
        struct err e = {0};
        assert_works(instant_parse(rows[i].text, &ms, &offset, &e), e);
        assert_int_equal(ms, rows[i].ms);
        assert_int_equal(offset, rows[i].offset);
    }
}

/* Families N14 to N17. */
static void refuses_the_rest_with_a_hint(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        const char *code, *hint;
    } rows[] = {
        {STR("2569-11-21T10:00:00+07:00"), "time.buddhist_era", "2026"},
        {STR("2567-02-29T00:00:00Z"), "time.buddhist_era", "2024"},
        {STR("21/11/2569"), "time.format", "2026-02-03T"},
        {STR("๒๕๖๙-๑๑-๒๑T10:00:00Z"), "time.format", "digits 0-9"},
        {STR("0000-01-01T00:00:00Z"), "time.range", "year"},
        {STR("9999-12-31T23:59:59Z"), "time.range", "year"},
        {STR("1899-12-31T23:59:59Z"), "time.range", "year"},
        {STR("+010000-01-01T00:00:00Z"), "time.format", ""},
        {STR("2023-02-29T00:00:00Z"), "time.invalid", "day"},
        {STR("2024-02-30T00:00:00Z"), "time.invalid", ""},
        {STR("1900-02-29T00:00:00Z"), "time.invalid", ""},
        {STR("2026-13-01T00:00:00Z"), "time.invalid", ""},
        {STR("2026-00-10T00:00:00Z"), "time.invalid", ""},
        {STR("2026-04-31T00:00:00Z"), "time.invalid", ""},
        {STR("2026-04-00T00:00:00Z"), "time.invalid", ""},
        {STR("2026-11-21T24:00:01Z"), "time.invalid", "00 to 23"},
        {STR("2026-11-21T24:00:00Z"), "time.invalid", ""},
        {STR("2026-11-21T25:00:00Z"), "time.invalid", ""},
        {STR("2026-11-21T10:60:00Z"), "time.invalid", ""},
        {STR("2026-11-21T10:00:60Z"), "time.invalid", ""}, /* no leap second then */
        {STR("2026-11-21T10:00:61Z"), "time.invalid", ""},
        {STR("2026-11-21T10:00:00"), "time.zone_missing", "+07:00"},
        {STR("2026-11-21"), "time.zone_missing", "2026-02-03T"},
        {STR("2026-11-21T10:00:00+24:00"), "time.format", ""},
        {STR("2026-11-21T10:00:00+07:60"), "time.format", ""},
        {STR("2026-11-21T17:00:00+0700"), "time.format", ""},
        {STR("2026-11-21T17:00:00+07"), "time.format", ""},
        {STR("2026-11-21T17:00:00[Asia/Bangkok]"), "time.format", ""},
        {STR("2026-11-21T10:00:00,5Z"), "time.format", ""},
        {STR("2026-11-21T10:00:00.Z"), "time.format", ""},
        {STR("2026-11-21T10:00:00.1234567890Z"), "time.format", ""},
        {STR("2026-11-21T10:00:00Z; DROP"), "time.format", ""},
        {STR("2026-11-21T10:00Z"), "time.format", ""},
        {STR("2026-1-2T10:00:00Z"), "time.format", ""},
        {STR("1795255200"), "time.format", ""},
        {STR(""), "time.format", ""},
        {STR("2026-11-21T10:00:00Z\0"), "time.format", ""},
        {STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), "time.format", ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t ms = 77;
        int offset = 77;
        struct err e = {0};
        if (instant_parse(rows[i].text, &ms, &offset, &e))
            fail_msg("accepted %s", rows[i].text.at);
        assert_int_equal(ms, 77);
        assert_int_equal(e.kind, ERR_INVALID);
        if (strcmp(e.code, rows[i].code) != 0 || !strstr(e.hint, rows[i].hint))
            fail_msg("%s: %s: %s (%s)", rows[i].text.at, e.code, e.text, e.hint);
        assert_true(e.hint[0] != 0);
        assert_true(str_is_utf8(str_of(e.text)));
    }
}

static void dates_stand_alone(void **state)
{
    (void)state;
    int y, m, d;
    struct err e = {0};
    assert_works(date_parse(STR("2024-02-29"), &y, &m, &d, &e), e);
    assert_int_equal(y, 2024);
    assert_int_equal(m, 2);
    assert_int_equal(d, 29);
    static const struct {
        struct str text;
        const char *code;
    } wrong[] = {
        {STR("2023-02-29"), "time.invalid"}, {STR("2026-1-31"), "time.format"},
        {STR("2026-01-31T"), "time.format"}, {STR("2566-01-31"), "time.buddhist_era"},
        {STR("31-01-2026"), "time.format"},  {STR("2200-01-01"), "time.range"},
        {STR("2026-01-31 "), "time.format"}, {STR(""), "time.format"},
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        assert_false(date_parse(wrong[i].text, &y, &m, &d, &e));
        assert_string_equal(e.code, wrong[i].code);
    }
}

static void texts_read_back_to_the_same_instant(void **state)
{
    (void)state;
    struct zone *zones[3];
    static const char *const names[] = {"UTC", "Asia/Bangkok", "America/St_Johns"};
    struct err e = {0};
    for (size_t i = 0; i < COUNT(zones); i++)
        assert_works(zone_open(str_of(names[i]), &zones[i], &e), e);
    for (uint64_t dice = 0; dice < 20000; dice++) {
        int64_t want = (int64_t)(hash_mix(dice) % 9400000000000u) - 2200000000000, got = 0;
        if (dice % 3 == 0)
            want -= want % 1000;
        int offset;
        char room[INSTANT_TEXT_BYTES];
        assert_works(instant_parse(instant_text(want, room), &got, &offset, &e), e);
        assert_int_equal(got, want);
        const struct zone *z = zones[dice % COUNT(zones)];
        assert_works(instant_parse(instant_local_text(z, want, room), &got, &offset, &e), e);
        assert_int_equal(got, want);
        assert_int_equal(offset, zone_offset_minutes(z, want));
    }
    for (size_t i = 0; i < COUNT(zones); i++)
        zone_close(zones[i]);
    char room[INSTANT_TEXT_BYTES];
    assert_str(instant_text(1770084900000, room), STR("2026-02-03T02:15:00Z"));
    assert_str(instant_text(1770084900250, room), STR("2026-02-03T02:15:00.250Z"));
    assert_str(instant_text(-1, room), STR("1969-12-31T23:59:59.999Z"));
    assert_true(instant_text(INT64_MAX, room).len < INSTANT_TEXT_BYTES);
    assert_true(instant_text(INT64_MIN, room).len < INSTANT_TEXT_BYTES);
}

/* A space for the T is read the careful way: both must say the same of all that looks usual. */
static void the_quick_way_reads_like_the_careful_one(void **state)
{
    (void)state;
    static const char *const ends[] = {"Z",      ".250Z", ".999+07:00", "-00:30", "+23:59",
                                       "+24:00", ".25Z",  ".Z",         ".2500Z", "",
                                       "z",      "+0700", "+07:60"};
    static const char *const odd[] = {"2026-02-29", "2024-02-29", "1900-02-29", "2026-04-31",
                                      "2026-13-01", "2026-00-01", "2026-01-00", "2569-01-01",
                                      "1899-12-31", "2199-12-31", "2200-01-01", "20a6-01-01"};
    static const char *const clocks[] = {"09:15:00", "23:59:59", "24:00:00",
                                         "23:59:60", "12:60:00", "1a:00:00"};
    uint64_t dice = 7;
    for (int i = 0; i < 20000; i++) {
        dice = dice * 6364136223846793005u + 1442695040888963407u;
        unsigned r = (unsigned)(dice >> 32);
        char date[32], quick[80], careful[80];
        snprintf(date, sizeof date, "%04u-%02u-%02u", 1895 + r % 310, r / 310 % 13 + r / 7 % 2,
                 r / 4030 % 32);
        const char *day = i % 5 ? date : odd[r / 3 % COUNT(odd)];
        const char *clock = clocks[r / 11 % COUNT(clocks)], *end = ends[r / 101 % COUNT(ends)];
        snprintf(quick, sizeof quick, "%sT%s%s", day, clock, end);
        snprintf(careful, sizeof careful, "%s %s%s", day, clock, end);
        int64_t a = 0, b = 0;
        int zone_a = 0, zone_b = 0;
        struct err e = {0}, f = {0};
        bool is_quick = instant_parse(str_of(quick), &a, &zone_a, &e);
        bool is_careful = instant_parse(str_of(careful), &b, &zone_b, &f);
        if (is_quick != is_careful || strcmp(e.code, f.code) != 0 ||
            (is_quick && (a != b || zone_a != zone_b)))
            fail_msg("%s gives %lld %s, %s gives %lld %s", quick, (long long)a, e.code, careful,
                     (long long)b, f.code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_rfc_3339_allows),
        cmocka_unit_test(refuses_the_rest_with_a_hint),
        cmocka_unit_test(dates_stand_alone),
        cmocka_unit_test(texts_read_back_to_the_same_instant),
        cmocka_unit_test(the_quick_way_reads_like_the_careful_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
