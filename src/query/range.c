/* query/range: dates, instants, durations and the range a question is about. */
#include <stdio.h>

#include "query/question.h"

enum { DEFAULT_DAYS = 30, DAY_MS = 86400000 };
static const int64_t LENGTH_MAX_MS = INT64_C(36525) * DAY_MS;

static bool bad_time(const struct ask *a, const struct err *why, struct err *e)
{
    char hint[sizeof e->hint];

    memcpy(hint, why->hint, sizeof hint);
    ask_fail(a, e, "query.bad_time", "%s", why->text);
    return err_hint(e, "%s",
                    hint[0] ? hint
                            : "a date 2026-01-31, or an instant with offset "
                              "2026-01-31T09:00:00+07:00");
}

bool moment_parse(struct question *q, struct str text, bool is_end, int64_t *ms, struct err *e)
{
    int offset, year, month, day;

    if (text.len != 10)
        return instant_parse(text, ms, &offset, e);
    if (!date_parse(text, &year, &month, &day, e))
        return false;
    if (!zone_date(q->zone, year, month, day, ms))
        return err_set(e, ERR_INVALID, "the day %.*s does not exist in %.*s", STR_ARG(text),
                       STR_ARG(zone_name(q->zone)));
    if (is_end)
        *ms = interval_step(q->zone, INTERVAL_DAY, q->week_start, *ms, 1);
    return true;
}

bool moment_read(struct question *q, const struct ask *a, bool is_end, int64_t *ms, struct err *e)
{
    struct str text;
    struct err why = {0};

    if (!ask_text(a, &text, e))
        return false;
    return moment_parse(q, text, is_end, ms, &why) || bad_time(a, &why, e);
}

bool duration_read(const struct ask *a, bool may_be_negative, struct duration *out, struct err *e)
{
    static const char *const units[] = {"s", "m", "h", "d", "w", "mo", "y"};
    struct str text;
    size_t digits = 0;

    if (!ask_text(a, &text, e))
        return false;
    bool is_negative = may_be_negative && str_starts(text, STR("-"));
    struct str rest = str_sub(text, is_negative, text.len);
    while (digits < rest.len && rest.at[digits] >= '0' && rest.at[digits] <= '9')
        digits++;
    struct str unit = str_sub(rest, digits, rest.len);
    if (digits && digits <= 9 && str_to_i64(str_sub(rest, 0, digits), &out->count) && out->count)
        for (size_t i = 0; i < COUNT(units); i++)
            if (str_equal(unit, str_of(units[i]))) {
                out->unit = (enum duration_unit)i;
                if (out->count > LENGTH_MAX_MS / duration_ms((struct duration){1, out->unit}))
                    return ask_fail(a, e, "query.limit", "\"%.*s\" is more than 100 years",
                                    STR_ARG(text));
                out->count = is_negative ? -out->count : out->count;
                return true;
            }
    ask_fail(a, e, "query.bad_time", "\"%.*s\" is not a duration", (int)MIN(text.len, (size_t)60),
             text.at);
    return err_hint(e, "a whole number from 1 and s, m, h, d, w, mo or y, for example %s",
                    may_be_negative ? "-7d" : "14d");
}

int64_t duration_ms(struct duration d)
{
    static const int64_t ms[] = {1000,
                                 60000,
                                 3600000,
                                 DAY_MS,
                                 7 * (int64_t)DAY_MS,
                                 30 * (int64_t)DAY_MS,
                                 365 * (int64_t)DAY_MS};
    return d.count * ms[d.unit];
}

static int days_of_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && is_leap);
}

int64_t moment_shift(const struct question *q, int64_t at, struct duration d, int sign)
{
    int64_t count = d.count * sign;

    if (d.unit <= UNIT_H)
        return at + sign * duration_ms(d);
    int64_t day = interval_floor(q->zone, INTERVAL_DAY, q->week_start, at);
    int64_t clock = at - day, moved;
    if (d.unit == UNIT_D || d.unit == UNIT_W)
        return interval_step(q->zone, INTERVAL_DAY, q->week_start, day,
                             d.unit == UNIT_W ? count * 7 : count) +
               clock;
    struct local_time local = zone_local(q->zone, day);
    int64_t months =
        (int64_t)local.year * 12 + local.month - 1 + (d.unit == UNIT_Y ? count * 12 : count);
    int year = (int)(months / 12), month = (int)(months % 12) + 1;
    if (!zone_date(q->zone, year, month, MIN(local.day, days_of_month(year, month)), &moved))
        return at + sign * duration_ms(d);
    return moved + clock;
}

int64_t range_seen_to(const struct question *q, int64_t to)
{
    return MIN(to, q->as_of + 1);
}

static int64_t interval_end(const struct question *q, int64_t at)
{
    int64_t start = interval_floor(q->zone, q->interval, q->week_start, at);
    return interval_step(q->zone, q->interval, q->week_start, start, 1);
}

static bool last_read(struct question *q, const struct ask *a, struct err *e)
{
    struct duration d;

    if (!duration_read(a, false, &d, e))
        return false;
    if (d.unit < UNIT_H)
        return ask_fail(a, e, "query.bad_time", "last counts in h, d, w, mo or y");
    if (q->has_from || q->has_to)
        return ask_fail(a, e, "query.unknown_value", "last stands instead of from and to");
    q->to = interval_end(q, q->as_of);
    q->from = moment_shift(q, q->to, d, -1);
    q->has_from = q->has_to = true;
    return true;
}

bool range_read(struct question *q, struct err *e)
{
    struct ask from = ask_member(&q->root, "from"), to = ask_member(&q->root, "to"),
               last = ask_member(&q->root, "last");
    struct duration days = {DEFAULT_DAYS, UNIT_D};

    q->has_from = ask_is_there(&from);
    q->has_to = ask_is_there(&to);
    if (ask_is_there(&last))
        return last_read(q, &last, e);
    if (q->has_from && !moment_read(q, &from, false, &q->from, e))
        return false;
    if (q->has_to && !moment_read(q, &to, true, &q->to, e))
        return false;
    if (!q->has_to)
        q->to = q->has_from ? interval_end(q, q->as_of)
                            : interval_floor(q->zone, INTERVAL_DAY, q->week_start, q->as_of);
    if (!q->has_from)
        q->from = moment_shift(q, q->to, days, -1);
    if (q->from < q->to)
        return true;
    ask_fail(q->has_from ? &from : &to, e, "query.bad_time", "from is not before to");
    return err_hint(e, "a date as \"to\" includes its whole day; an instant is exclusive");
}

bool question_edges(struct question *q, enum interval interval, int64_t from, int64_t to,
                    struct edges *out, struct err *e)
{
    struct err why = {0};

    if (interval_edges(q->zone, interval, q->week_start, from, to, LIMIT_QUERY_BUCKETS, q->arena,
                       &out->at, &out->count, &why))
        return true;
    struct ask place = ask_member(&q->root, "interval");
    ask_fail(&place, e, "query.limit", "this range has more than %d intervals of one %s",
             LIMIT_QUERY_BUCKETS, interval_names[interval]);
    return err_hint(e, "shorten the range or take a longer interval");
}

/* ---- compare ---- */

static bool is_aligned(const struct question *q, enum interval i, int64_t at)
{
    return interval_floor(q->zone, i, q->week_start, at) == at;
}

/* The range of equal length just before: in whole intervals or days where it is made of them. */
static void range_before(const struct question *q, size_t intervals, int64_t *from, int64_t *to)
{
    if (is_aligned(q, q->interval, q->from) && is_aligned(q, q->interval, q->to)) {
        *to = q->from;
        *from = interval_step(q->zone, q->interval, q->week_start, q->from, -(int64_t)intervals);
        return;
    }
    *to = q->from;
    *from = q->from - (q->to - q->from);
    if (!is_aligned(q, INTERVAL_DAY, q->from) || !is_aligned(q, INTERVAL_DAY, q->to))
        return;
    int64_t days = (q->to - q->from + 43200000) / 86400000;
    *from = interval_step(q->zone, INTERVAL_DAY, q->week_start, q->from, -days);
}

bool compare_read(struct question *q, size_t intervals, bool *is_asked, int64_t *from, int64_t *to,
                  struct err *e)
{
    struct ask a = ask_member(&q->root, "compare");
    struct duration d;
    struct str text;

    *is_asked = ask_is_there(&a);
    if (!*is_asked)
        return true;
    if (!ask_text(&a, &text, e))
        return false;
    question_rule(q, "compare", text);
    if (str_equal(text, STR("previous"))) {
        range_before(q, intervals, from, to);
        return true;
    }
    if (!duration_read(&a, true, &d, e))
        return err_hint(e, "\"previous\", or how far back: -7d, -1y");
    if (d.count > 0)
        return ask_fail(&a, e, "query.unknown_value", "compare looks back: write -%.*s",
                        STR_ARG(text));
    *from = moment_shift(q, q->from, d, 1);
    *to = moment_shift(q, q->to, d, 1);
    return true;
}
