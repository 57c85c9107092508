/* calendar/instant: times as text, in and out. Strict on the way in: one form, no guessing. */
#include <stdio.h>

#include "calendar/zone.h"

enum { BUDDHIST_ERA = 543, BUDDHIST_FROM = 2400, BUDDHIST_TO = 2699 };

static bool refuse(struct err *e, struct str text, const char *code, const char *problem)
{
    struct str shown = str_sub(text, 0, 48);
    while (shown.len && !str_is_utf8(shown))
        shown.len--;
    err_set(e, ERR_INVALID, "\"%.*s\" %s", STR_ARG(shown), problem);
    return err_code(e, code);
}

static bool has_thai_digit(struct str s)
{
    for (size_t i = 0; i + 2 < s.len; i++)
        if (memcmp(s.at + i, "\xE0\xB9", 2) == 0 && (unsigned char)s.at[i + 2] >= 0x90 &&
            (unsigned char)s.at[i + 2] <= 0x99)
            return true;
    return false;
}

static bool wrong_form(struct err *e, struct str text, const char *form)
{
    refuse(e, text, "time.format", "is not in the form of a time");
    if (has_thai_digit(text))
        return err_hint(e, "write the digits 0-9, as in %s", form);
    return err_hint(e, "write it as %s", form);
}

/* `count` digits off the front */
static bool take_number(struct str *rest, size_t count, int *out)
{
    if (rest->len < count)
        return false;
    int v = 0;
    for (size_t i = 0; i < count; i++) {
        char c = rest->at[i];
        if (c < '0' || c > '9')
            return false;
        v = v * 10 + (c - '0');
    }
    *rest = str_sub(*rest, count, rest->len);
    *out = v;
    return true;
}

static bool take_one_of(struct str *rest, const char *choices, char *out)
{
    if (rest->len == 0 || rest->at[0] == 0 || !strchr(choices, rest->at[0]))
        return false;
    *out = rest->at[0];
    *rest = str_sub(*rest, 1, rest->len);
    return true;
}

struct fields {
    int year, month, day, hour, minute, second, millisecond;
    int offset; /* minutes */
};

static bool take_date(struct str *rest, struct fields *f)
{
    char dash;
    return take_number(rest, 4, &f->year) && take_one_of(rest, "-", &dash) &&
           take_number(rest, 2, &f->month) && take_one_of(rest, "-", &dash) &&
           take_number(rest, 2, &f->day);
}

static bool take_time(struct str *rest, struct fields *f)
{
    char mark;
    return take_one_of(rest, "Tt ", &mark) && take_number(rest, 2, &f->hour) &&
           take_one_of(rest, ":", &mark) && take_number(rest, 2, &f->minute) &&
           take_one_of(rest, ":", &mark) && take_number(rest, 2, &f->second);
}

/* Nothing, or a point and 1 to 9 digits of which three count. */
static bool take_fraction(struct str *rest, struct fields *f)
{
    char mark;
    if (!take_one_of(rest, ".", &mark))
        return true;
    int digit, count = 0, weight = 100;
    for (; count < 10 && take_number(rest, 1, &digit); count++, weight /= 10)
        f->millisecond += digit * weight;
    return count >= 1 && count <= 9;
}

static bool take_offset(struct str *rest, struct fields *f)
{
    char sign;
    if (take_one_of(rest, "Zz", &sign))
        return true;
    int hours, minutes;
    char colon;
    if (!take_one_of(rest, "+-", &sign) || !take_number(rest, 2, &hours) ||
        !take_one_of(rest, ":", &colon) || !take_number(rest, 2, &minutes) || hours > 23 ||
        minutes > 59)
        return false;
    f->offset = (hours * 60 + minutes) * (sign == '-' ? -1 : 1);
    return true;
}

/* The year first: a Buddhist-era leap day is right in its own calendar. */
static bool check_date(const struct fields *f, struct str text, struct err *e)
{
    if (f->year >= BUDDHIST_FROM && f->year <= BUDDHIST_TO) {
        refuse(e, text, "time.buddhist_era", "has a year of the Buddhist era");
        return err_hint(e, "write the year %d", f->year - BUDDHIST_ERA);
    }
    if (f->year < YEAR_MIN || f->year > YEAR_MAX) {
        refuse(e, text, "time.range", "is outside the years 1900 to 2199");
        return err_hint(e, "check the year");
    }
    if (f->month < 1 || f->month > 12 || f->day < 1 || f->day > days_in_month(f->year, f->month)) {
        refuse(e, text, "time.invalid", "is a date that does not exist");
        return err_hint(e, "check month and day");
    }
    return true;
}

static bool no_such_time(struct str text, struct err *e)
{
    refuse(e, text, "time.invalid", "is a time of day that does not exist");
    return err_hint(e, "hours run from 00 to 23, minutes and seconds from 00 to 59");
}

/* Two digits, or a number above 99 when they are none. */
static unsigned pair(const char *at)
{
    unsigned tens = (unsigned char)at[0] - '0', ones = (unsigned char)at[1] - '0';
    return tens > 9 || ones > 9 ? 100 : tens * 10 + ones;
}

/* What programs write, in one step: "2026-02-03T09:15:00Z", with ".250", with "+07:00" for Z.
 * False: of another form or wrong; the careful way then takes or refuses it. */
static bool usual_form(struct str text, int64_t *ms, int *offset_minutes)
{
    enum { BASE = 19, FRACTION = 4 }; /* "2026-02-03T09:15:00", ".250" */
    const char *at = text.at;
    if (text.len <= BASE || at[4] != '-' || at[7] != '-' || at[10] != 'T' || at[13] != ':' ||
        at[16] != ':')
        return false;
    unsigned century = pair(at), year = pair(at + 2), month = pair(at + 5), day = pair(at + 8);
    unsigned hour = pair(at + 11), minute = pair(at + 14), second = pair(at + 17);
    if (century < 19 || century > 21 || year > 99 || month - 1 > 11 || day - 1 > 30 || hour > 23 ||
        minute > 59 || second > 59)
        return false;
    if (day > 28 && (int)day > days_in_month(century * 100 + year, (int)month))
        return false;
    unsigned milli = 0, offset = 0;
    size_t rest = BASE;
    if (at[rest] == '.' && text.len > BASE + FRACTION) {
        unsigned tens = pair(at + rest + 1), ones = (unsigned char)at[rest + 3] - '0';
        if (tens > 99 || ones > 9)
            return false;
        milli = tens * 10 + ones;
        rest += FRACTION;
    }
    bool is_utc = text.len == rest + 1 && at[rest] == 'Z';
    if (!is_utc) {
        if (text.len != rest + 6 || (at[rest] != '+' && at[rest] != '-') || at[rest + 3] != ':')
            return false;
        unsigned hours = pair(at + rest + 1), minutes = pair(at + rest + 4);
        if (hours > 23 || minutes > 59)
            return false;
        offset = hours * 60 + minutes;
    }
    *offset_minutes = at[rest] == '-' ? -(int)offset : (int)offset;
    int64_t days = days_from_civil(century * 100 + year, (int)month, (int)day);
    int64_t minutes_utc = days * 1440 + hour * 60 + minute - *offset_minutes;
    *ms = minutes_utc * 60000 + second * 1000 + milli;
    return true;
}

bool instant_parse(struct str text, int64_t *ms, int *offset_minutes, struct err *e)
{
    if (LIKELY(usual_form(text, ms, offset_minutes)))
        return true;
    static const char form[] = "2026-02-03T09:15:00Z or 2026-02-03T09:15:00.250+07:00";
    struct fields f = {0};
    struct str rest = text;
    if (!take_date(&rest, &f) || (rest.len && !take_time(&rest, &f)))
        return wrong_form(e, text, form);
    bool is_date = text.len == 10;
    if (!take_fraction(&rest, &f))
        return wrong_form(e, text, form);
    if (rest.len == 0) {
        refuse(e, text, "time.zone_missing",
               is_date ? "is a date without a time and an offset" : "lacks an offset");
        return is_date ? err_hint(e, "write it as %s", form)
                       : err_hint(e, "add Z for UTC or an offset like +07:00");
    }
    if (!take_offset(&rest, &f) || rest.len)
        return wrong_form(e, text, form);
    if (!check_date(&f, text, e))
        return false;
    if (f.hour > 23 || f.minute > 59 || f.second > 60)
        return no_such_time(text, e);
    int64_t minute = days_from_civil(f.year, f.month, f.day) * 1440 + f.hour * 60 + f.minute;
    minute -= f.offset;
    if (f.second == 60) { /* leap seconds end a UTC day; Unix time has no room for them */
        if ((minute + 1) % 1440 != 0)
            return no_such_time(text, e);
        f.millisecond = 0;
    }
    *ms = minute * 60000 + f.second * 1000 + f.millisecond;
    *offset_minutes = f.offset;
    return true;
}

bool date_parse(struct str text, int *year, int *month, int *day, struct err *e)
{
    struct fields f = {0};
    struct str rest = text;
    if (!take_date(&rest, &f) || rest.len)
        return wrong_form(e, text, "2026-01-31");
    if (!check_date(&f, text, e))
        return false;
    *year = f.year;
    *month = f.month;
    *day = f.day;
    return true;
}

/* Date and time of `ms` counted as if it were UTC, without an offset. */
static int put_time(int64_t ms, char *room)
{
    int64_t days = floor_div(ms, DAY_MS);
    int left = (int)(ms - days * DAY_MS);
    struct civil date = civil_from_days(days);
    int len =
        snprintf(room, INSTANT_TEXT_BYTES, "%04lld-%02d-%02dT%02d:%02d:%02d", (long long)date.year,
                 date.month, date.day, left / HOUR_MS, left / 60000 % 60, left / 1000 % 60);
    if (left % 1000)
        len += snprintf(room + len, (size_t)(INSTANT_TEXT_BYTES - len), ".%03d", left % 1000);
    return len;
}

struct str instant_text(int64_t ms, char *room)
{
    int len = put_time(ms, room);
    room[len++] = 'Z';
    room[len] = 0;
    return (struct str){room, (size_t)len};
}

struct str instant_local_text(const struct zone *z, int64_t ms, char *room)
{
    /* Whole minutes only: old local mean times have seconds, which the form has no place for. */
    int offset = zone_offset_minutes(z, ms);
    int len = put_time(ms + offset * (int64_t)60000, room);
    int size = offset < 0 ? -offset : offset;
    len += snprintf(room + len, (size_t)(INSTANT_TEXT_BYTES - len), "%c%02d:%02d",
                    offset < 0 ? '-' : '+', size / 60, size % 60);
    return (struct str){room, (size_t)len};
}

struct str interval_label(const struct zone *z, enum interval i, int64_t start, char *room)
{
    if (i == INTERVAL_HOUR)
        return instant_local_text(z, start, room);
    struct civil date = civil_from_days(zone_days(z, start));
    int len = snprintf(room, INSTANT_TEXT_BYTES, "%04lld-%02d-%02d", (long long)date.year,
                       date.month, date.day);
    return (struct str){room, (size_t)len};
}
