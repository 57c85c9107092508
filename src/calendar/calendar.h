/*
 * calendar: time zones, interval edges and times as text, over ICU.
 *
 * Instants are Unix milliseconds, UTC, int64. An interval is [start, next start) in a zone with
 * real DST: a local day may have 23, 24 or 25 hours (or begin at 01:00 where midnight does not
 * exist). Years handled: 1900…2199; outside is refused by the parsers. Thread: a zone is immutable
 * after zone_open and may be shared by threads.
 */
#pragma once
#include "base/arena.h"
#include "base/err.h"

struct zone;

enum interval {
    INTERVAL_HOUR,
    INTERVAL_DAY,
    INTERVAL_WEEK,
    INTERVAL_MONTH,
    INTERVAL_QUARTER,
    INTERVAL_YEAR,
    INTERVAL_COUNT,
};
enum week_start { WEEK_MONDAY, WEEK_SUNDAY };

extern const char *const interval_names[INTERVAL_COUNT]; /* "hour" … "year" */
bool interval_from(struct str name, enum interval *out);

/* Makes ICU take its memory from base, so that it ends the process where there is none instead of
 * running into its own NULL. Once, before the first zone and before there are threads. */
void zone_memory_from_base(void);

/*
 * IANA names only ("Asia/Bangkok", "UTC"); others: ERR_INVALID, code time.unknown_zone, with the
 * nearest name as hint. Takes about 2 ms for a zone with summer time: open once and keep it.
 */
MUST_USE bool zone_open(struct str name, struct zone **out, struct err *e);
void zone_close(struct zone *z);
struct str zone_name(const struct zone *z);
const char *zone_database_version(void); /* e.g. "2025b" */
AUTO_DEFINE(zone, zone_close)

int zone_offset_minutes(const struct zone *z, int64_t at);
/* Start of the interval that holds `at`. */
int64_t interval_floor(const struct zone *z, enum interval i, enum week_start w, int64_t at);
/* Start of the interval n after (before, when negative) the one that starts at `start`. */
int64_t interval_step(const struct zone *z, enum interval i, enum week_start w, int64_t start,
                      int64_t n);
/*
 * Starts of all intervals that touch [from, to), then the end of the last one: count+1 edges.
 * ERR_INVALID when more than `count_max`.
 */
MUST_USE bool interval_edges(const struct zone *z, enum interval i, enum week_start w, int64_t from,
                             int64_t to, size_t count_max, struct arena *arena, int64_t **edges,
                             size_t *count, struct err *e);

struct local_time {
    int year, month, day, hour, minute, second, millisecond; /* month 1…12, day 1…31 */
    int weekday;                                             /* 1 = Monday … 7 = Sunday */
};
struct local_time zone_local(const struct zone *z, int64_t at);
/* First instant of a local date; false if there is no such date. */
bool zone_date(const struct zone *z, int year, int month, int day, int64_t *out);

/*
 * RFC 3339 with offset ("2026-02-03T09:15:00.250+07:00", "…Z"; a space for T is fine; up to 9
 * digits of fraction, cut to ms). A leap second :60 reads as the next minute's start. Refused with
 * a hint: no offset, Buddhist-era years (2400…2699), Thai digits, dates that do not exist.
 * Codes: time.format, time.zone_missing, time.buddhist_era, time.range, time.invalid.
 */
MUST_USE bool instant_parse(struct str text, int64_t *ms, int *offset_minutes, struct err *e);
/* "2026-01-31" */
MUST_USE bool date_parse(struct str text, int *year, int *month, int *day, struct err *e);
enum { INSTANT_TEXT_BYTES = 40 };
/* "2026-02-03T02:15:00Z" or with ".250" when not a whole second. `room` holds INSTANT_TEXT_BYTES.
 */
struct str instant_text(int64_t ms, char *room);
/* As people name an interval's start in that zone: "2026-01-05"; hours "2026-01-05T09:00:00+07:00".
 */
struct str interval_label(const struct zone *z, enum interval i, int64_t start, char *room);
/* As instant_text, but in the zone's own offset: "2026-02-03T09:15:00+07:00". */
struct str instant_local_text(const struct zone *z, int64_t ms, char *room);
