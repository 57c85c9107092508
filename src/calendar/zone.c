/*
 * calendar/zone: ICU lists a zone's transitions once, when it is opened; everything after that is
 * our own arithmetic over a small sorted array.
 */
#include "calendar/zone.h"

#include <unicode/ucal.h>
#include <unicode/uclean.h>
#include <unicode/uenum.h>
#include <unicode/ustring.h>

/* Far beyond every instant we handle, and far from overflow. */
#define EARLIEST (-(INT64_C(1) << 60))
#define LATEST (INT64_C(1) << 60)

/* Three-letter names that ICU keeps for old Java programs; they are not IANA's, and ambiguous. */
static const char *const not_iana[] = {
    "ACT", "AET", "AGT", "ART", "AST", "BET", "BST", "CAT", "CNT", "CST", "CTT", "EAT", "ECT",
    "IET", "IST", "JST", "MIT", "NET", "NST", "PLT", "PNT", "PRT", "PST", "SST", "VST",
};

static void *icu_alloc(const void *context, size_t bytes)
{
    (void)context;
    return mem_grow(NULL, bytes, 1);
}

static void *icu_grow(const void *context, void *old, size_t bytes)
{
    (void)context;
    return mem_grow(old, bytes, 1);
}

static void icu_free(const void *context, void *memory)
{
    (void)context;
    mem_free(memory);
}

void zone_memory_from_base(void)
{
    UErrorCode status = U_ZERO_ERROR;
    u_setMemoryFunctions(NULL, icu_alloc, icu_grow, icu_free, &status);
    REQUIRE(U_SUCCESS(status));
}

static bool is_iana(struct str name)
{
    for (size_t i = 0; i < COUNT(not_iana); i++)
        if (str_equal(name, str_of(not_iana[i])))
            return false;
    return !str_starts(name, STR("SystemV/")) && !str_equal(name, STR("Etc/Unknown"));
}

static bool is_known(struct str name, UChar *id, UErrorCode *status)
{
    enum { ID_UNITS = 128 };
    if (name.len == 0 || name.len >= sizeof((struct zone *)0)->name || !is_iana(name))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(c >= '0' && c <= '9') && !strchr("/_+-", c))
            return false;
    }
    u_charsToUChars(name.at, id, (int32_t)name.len);
    id[name.len] = 0;
    UChar canonical[ID_UNITS];
    UBool is_system = false;
    ucal_getCanonicalTimeZoneID(id, (int32_t)name.len, canonical, ID_UNITS, &is_system, status);
    return U_SUCCESS(*status) && is_system;
}

static struct str lowered(struct str s, char *room, size_t room_bytes)
{
    s.len = MIN(s.len, room_bytes);
    for (size_t i = 0; i < s.len; i++)
        room[i] = (char)(s.at[i] >= 'A' && s.at[i] <= 'Z' ? s.at[i] + 32 : s.at[i]);
    return (struct str){room, s.len};
}

/* How far a name is from what was asked; its last part alone may be meant ("Bangkok"). */
static size_t distance_to(struct str wanted, struct str name, size_t limit)
{
    char rooms[2][64];
    struct str a = lowered(wanted, rooms[0], sizeof rooms[0]);
    struct str b = lowered(name, rooms[1], sizeof rooms[1]);
    size_t whole = str_distance(a, b, limit);
    struct str part, rest = b;
    while (str_cut(&rest, '/', &part))
        ;
    return MIN(whole, str_distance(a, part, limit));
}

static bool unknown_zone(struct str name, struct err *e)
{
    char best[64] = "";
    size_t best_distance = MIN(name.len / 3, 3) + 1; /* the nearest must be nearer than this */
    UErrorCode status = U_ZERO_ERROR;
    UEnumeration *names = ucal_openTimeZoneIDEnumeration(UCAL_ZONE_TYPE_ANY, NULL, NULL, &status);
    int32_t len = 0;
    const char *text;
    while (best_distance > 0 && (text = uenum_next(names, &len, &status))) {
        struct str candidate = {text, (size_t)len};
        /* Etc/GMT+7 is west of Greenwich: no name to suggest to anybody. */
        if (str_starts(candidate, STR("Etc/")) || str_starts(candidate, STR("GMT")))
            continue;
        size_t distance = distance_to(name, candidate, best_distance - 1);
        if (distance < best_distance && candidate.len < sizeof best && is_iana(candidate)) {
            best_distance = distance;
            memcpy(best, text, candidate.len);
            best[candidate.len] = 0;
        }
    }
    uenum_close(names);
    struct str shown = str_sub(name, 0, 60);
    bool can_show = str_is_utf8(shown);
    err_set(e, ERR_INVALID, "\"%.*s\" is not a known time zone", can_show ? (int)shown.len : 0,
            can_show ? shown.at : "");
    err_code(e, "time.unknown_zone");
    if (best[0])
        return err_hint(e, "did you mean %s?", best);
    return err_hint(e, "use an IANA name such as Asia/Bangkok, Europe/London or UTC");
}

static int64_t icu_offset(UCalendar *calendar, int64_t at, UErrorCode *status)
{
    ucal_setMillis(calendar, (UDate)at, status);
    return ucal_get(calendar, UCAL_ZONE_OFFSET, status) +
           ucal_get(calendar, UCAL_DST_OFFSET, status);
}

/* All spans between YEAR_MIN and YEAR_MAX; a transition that keeps the offset is none. */
static void list_spans(struct zone *z, UCalendar *calendar, UErrorCode *status)
{
    int64_t from = (days_from_civil(YEAR_MIN, 1, 1) - 2) * DAY_MS;
    int64_t to = (days_from_civil(YEAR_MAX + 1, 1, 1) + 2) * DAY_MS;
    size_t room = 0;
    ARRAY_PUSH(z->spans, z->count, room) =
        (struct span){EARLIEST, LATEST, icu_offset(calendar, from, status)};
    int64_t at = from;
    UDate next;
    while (U_SUCCESS(*status)) {
        ucal_setMillis(calendar, (UDate)at, status);
        if (!ucal_getTimeZoneTransitionDate(calendar, UCAL_TZ_TRANSITION_NEXT, &next, status) ||
            (int64_t)next > to || (int64_t)next <= at)
            break;
        at = (int64_t)next;
        int64_t offset = icu_offset(calendar, at, status);
        struct span *last = &z->spans[z->count - 1];
        if (offset == last->offset)
            continue;
        last->end = at;
        ARRAY_PUSH(z->spans, z->count, room) = (struct span){at, LATEST, offset};
    }
}

static void list_skipped_days(struct zone *z)
{
    size_t room = 0;
    for (size_t i = 1; i < z->count; i++) {
        const struct span *old = &z->spans[i - 1], *now = &z->spans[i];
        int64_t first = floor_div(now->start + old->offset + DAY_MS - 1, DAY_MS);
        int64_t last = floor_div(now->start + now->offset, DAY_MS);
        for (int64_t day = first; day < last; day++)
            ARRAY_PUSH(z->skipped_days, z->skipped_count, room) = day;
    }
}

bool zone_open(struct str name, struct zone **out, struct err *e)
{
    UChar id[64];
    UErrorCode status = U_ZERO_ERROR;
    if (!is_known(name, id, &status))
        return status == U_MEMORY_ALLOCATION_ERROR ? err_no_memory(e, "a time zone")
                                                   : unknown_zone(name, e);
    UCalendar *calendar = ucal_open(id, (int32_t)name.len, "en", UCAL_GREGORIAN, &status);
    AUTO(zone) *z = mem_zero(sizeof *z);
    memcpy(z->name, name.at, name.len);
    if (U_SUCCESS(status))
        list_spans(z, calendar, &status);
    ucal_close(calendar);
    if (status == U_MEMORY_ALLOCATION_ERROR)
        return err_no_memory(e, "a time zone");
    if (U_FAILURE(status))
        return err_set(e, ERR_IO, "cannot read time zone %s: %s", z->name, u_errorName(status));
    list_skipped_days(z);
    *out = TAKE(z);
    return true;
}

void zone_close(struct zone *z)
{
    if (!z)
        return;
    mem_free(z->spans);
    mem_free(z->skipped_days);
    mem_free(z);
}

struct str zone_name(const struct zone *z)
{
    return str_of(z->name);
}

const char *zone_database_version(void)
{
    UErrorCode status = U_ZERO_ERROR;
    const char *version = ucal_getTZDataVersion(&status);
    return U_SUCCESS(status) ? version : "unknown";
}

const struct span *zone_span(const struct zone *z, int64_t at)
{
    size_t low = 0, high = z->count - 1;
    while (low < high) {
        size_t middle = (low + high + 1) / 2;
        if (z->spans[middle].start <= at)
            low = middle;
        else
            high = middle - 1;
    }
    return &z->spans[low];
}

int64_t zone_days(const struct zone *z, int64_t at)
{
    return floor_div(at + zone_span(z, at)->offset, DAY_MS);
}

int64_t zone_start_of(const struct zone *z, int64_t days)
{
    int64_t local = days * DAY_MS;
    /* No offset is over 26 hours; the first span that reaches local midnight has it. */
    const struct span *s = zone_span(z, local - 26 * (int64_t)HOUR_MS);
    const struct span *last = &z->spans[z->count - 1];
    while (s < last && local - s->offset >= s->end)
        s++;
    return MAX(local - s->offset, s->start);
}

bool zone_date(const struct zone *z, int year, int month, int day, int64_t *out)
{
    if (year < YEAR_MIN || year > YEAR_MAX || month < 1 || month > 12 || day < 1 ||
        day > days_in_month(year, month))
        return false;
    int64_t days = days_from_civil(year, month, day);
    int64_t start = zone_start_of(z, days);
    if (zone_days(z, start) != days)
        return false;
    *out = start;
    return true;
}

int zone_offset_minutes(const struct zone *z, int64_t at)
{
    return (int)floor_div(zone_span(z, at)->offset, 60000);
}

struct local_time zone_local(const struct zone *z, int64_t at)
{
    int64_t local = at + zone_span(z, at)->offset;
    int64_t days = floor_div(local, DAY_MS);
    int ms = (int)(local - days * DAY_MS);
    struct civil date = civil_from_days(days);
    return (struct local_time){
        .year = (int)date.year,
        .month = date.month,
        .day = date.day,
        .hour = ms / HOUR_MS,
        .minute = ms / 60000 % 60,
        .second = ms / 1000 % 60,
        .millisecond = ms % 1000,
        .weekday = weekday_of(days),
    };
}
