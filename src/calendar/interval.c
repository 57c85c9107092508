/*
 * calendar/interval: where hours, days, weeks, months, quarters and years begin in a zone.
 *
 * A day starts at the first instant that bears its date, so a start is never after an instant of
 * its interval, and intervals tile the time line: where clocks go back over midnight, the second
 * run of the evening belongs to the day that has already begun.
 */
#include "calendar/zone.h"

const char *const interval_names[INTERVAL_COUNT] = {
    [INTERVAL_HOUR] = "hour",   [INTERVAL_DAY] = "day",         [INTERVAL_WEEK] = "week",
    [INTERVAL_MONTH] = "month", [INTERVAL_QUARTER] = "quarter", [INTERVAL_YEAR] = "year",
};

bool interval_from(struct str name, enum interval *out)
{
    for (int i = 0; i < INTERVAL_COUNT; i++)
        if (str_equal(name, str_of(interval_names[i]))) {
            *out = (enum interval)i;
            return true;
        }
    return false;
}

static int months_of(enum interval i)
{
    return i == INTERVAL_MONTH ? 1 : i == INTERVAL_QUARTER ? 3 : 12;
}

/* First date of the interval (day or longer) that holds a date. */
static int64_t first_date(enum interval i, enum week_start w, int64_t days)
{
    if (i == INTERVAL_DAY)
        return days;
    if (i == INTERVAL_WEEK)
        return days - (weekday_of(days) - 1 + (w == WEEK_SUNDAY)) % 7;
    struct civil date = civil_from_days(days);
    int months = months_of(i);
    return days_from_civil(date.year, (date.month - 1) / months * months + 1, 1);
}

/* `first` is a first date; n intervals on. */
static int64_t step_date(const struct zone *z, enum interval i, int64_t first, int64_t n)
{
    if (i == INTERVAL_WEEK)
        return first + 7 * n;
    if (i != INTERVAL_DAY) {
        struct civil date = civil_from_days(first);
        int64_t month = date.year * 12 + date.month - 1 + n * months_of(i);
        int64_t year = floor_div(month, 12);
        return days_from_civil(year, (int)(month - year * 12) + 1, 1);
    }
    int64_t to = first + n; /* dates that never were are no steps */
    for (size_t k = 0; n > 0 && k < z->skipped_count; k++)
        to += z->skipped_days[k] > first && z->skipped_days[k] <= to;
    for (size_t k = z->skipped_count; n < 0 && k-- > 0;)
        to -= z->skipped_days[k] < first && z->skipped_days[k] >= to;
    return to;
}

/* Local hours run from the span's own grid; a span's start is an hour's start, full hour or not. */
static int64_t floor_hour(const struct span *s, int64_t at)
{
    int64_t grid = floor_div(at + s->offset, HOUR_MS) * HOUR_MS - s->offset;
    return MAX(grid, s->start);
}

static int64_t hours_forward(const struct zone *z, const struct span *s, int64_t start, int64_t n)
{
    const struct span *last = &z->spans[z->count - 1];
    for (;; s++) {
        int64_t next = floor_div(start + s->offset, HOUR_MS) * HOUR_MS - s->offset + HOUR_MS;
        int64_t inside = next < s->end ? (s->end - 1 - next) / HOUR_MS + 1 : 0;
        if (n <= inside || s == last)
            return next + (n - 1) * HOUR_MS;
        n -= inside + 1; /* and one to the start of the next span */
        start = s->end;
        if (n == 0)
            return start;
    }
}

static int64_t hours_back(const struct zone *z, const struct span *s, int64_t start, int64_t n)
{
    for (;; s--) {
        /* starts before `start` in this span: its grid after s->start, then s->start */
        int64_t grid = floor_div(start - 1 + s->offset, HOUR_MS) * HOUR_MS - s->offset;
        int64_t inside = grid > s->start ? (grid - s->start - 1) / HOUR_MS + 1 : 0;
        if (n <= inside || s == z->spans)
            return grid - (n - 1) * HOUR_MS;
        n -= inside;
        if (s->start < start && --n == 0)
            return s->start;
        start = s->start;
    }
}

int64_t interval_floor(const struct zone *z, enum interval i, enum week_start w, int64_t at)
{
    const struct span *s = zone_span(z, at);
    if (i == INTERVAL_HOUR)
        return floor_hour(s, at);
    int64_t first = first_date(i, w, floor_div(at + s->offset, DAY_MS));
    int64_t start = first * DAY_MS - s->offset;
    /* More than a day away from any change of offset there is nothing to look out for. */
    enum { FAR = 25 * HOUR_MS };
    if (LIKELY(start - FAR >= s->start && at + FAR < s->end))
        return start;
    start = zone_start_of(z, first);
    int64_t next = zone_start_of(z, step_date(z, i, first, 1));
    return next <= at ? next : start;
}

int64_t interval_step(const struct zone *z, enum interval i, enum week_start w, int64_t start,
                      int64_t n)
{
    const struct span *s = zone_span(z, start);
    if (i != INTERVAL_HOUR)
        return zone_start_of(z, step_date(z, i, first_date(i, w, zone_days(z, start)), n));
    if (n > 0)
        return hours_forward(z, s, start, n);
    return n < 0 ? hours_back(z, s, start, -n) : start;
}

bool interval_edges(const struct zone *z, enum interval i, enum week_start w, int64_t from,
                    int64_t to, size_t count_max, struct arena *arena, int64_t **edges,
                    size_t *count, struct err *e)
{
    int64_t *list = NULL;
    size_t list_count = 0, room = 0;
    int64_t edge = interval_floor(z, i, w, from);
    ARRAY_PUSH(list, list_count, room) = edge;
    while (edge < to && list_count <= count_max) {
        edge = interval_step(z, i, w, edge, 1);
        ARRAY_PUSH(list, list_count, room) = edge;
    }
    bool ok = edge >= to;
    if (ok) {
        *edges = arena_array(arena, list_count, sizeof **edges);
        memcpy(*edges, list, list_count * sizeof *list);
        *count = from < to ? list_count - 1 : 0;
    } else {
        err_set(e, ERR_INVALID, "the time range has more than %zu intervals of one %s", count_max,
                interval_names[i]);
        err_code(e, "time.too_many_intervals");
        err_hint(e, "ask for a shorter range or a longer interval");
    }
    mem_free(list);
    return ok;
}
