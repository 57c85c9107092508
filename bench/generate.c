/*
 * bench/generate: the events that make bench asks about, the same rows in two spellings.
 *
 * usage: generate EVENTS PEOPLE EVENTS.jsonl EVENTS.csv [more]
 *        generate EVENTS PEOPLE DAYS FIRST END
 *
 * The second form writes days FIRST … END - 1 of DAYS, from 2024-01-01 UTC, as JSON lines to
 * standard output (bench/scale pipes them on); each day by itself follows from its number, so a
 * month can be made without those before it. The first form:
 *
 * EVENTS events of PEOPLE people over 180 days from Monday 2026-01-05 UTC, in time order as a real
 * export is; 50 event names, the r-th most frequent in proportion to 1/r; each person signs up
 * once, comes in sessions with a heavy-tailed appetite, and most leave one day. country (20 values,
 * skewed) is the person's own but for one session in 32; plan (4 values) may rise once. The same
 * arguments always give the same bytes. With "more" an event has 20 properties: eighteen
 * beside those two (texts, numbers, booleans), each missing one time in four; and two people in
 * five come under two ids, of which the last lines say that they are one. The CSV file then has the
 * properties t3 and n1, too; it knows people by their number.
 */
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BENCH_DAYS = 180,
    DAYS_MAX = 3660,
    NAMES = 50,
    SIGNED_UP = 20, /* the rank whose Zipf share, 1.06 %, is nearest to one event in a hundred */
    COUNTRIES = 20,
    PLANS = 4,
    SESSION_EVENTS_MEAN = 8,
    DAY_MS = 86400000,
};

static const int64_t bench_start_ms = 1767571200000; /* 2026-01-05T00:00:00Z */
static const int64_t scale_start_ms = 1704067200000; /* 2024-01-01T00:00:00Z */

static const char *const names[NAMES] = {
    "page_viewed",      "app_opened",       "item_viewed",     "search_done",
    "cart_added",       "list_opened",      "message_read",    "filter_used",
    "checkout_started", "image_zoomed",     "review_read",     "wish_added",
    "share_clicked",    "order_paid",       "profile_viewed",  "coupon_applied",
    "help_opened",      "video_played",     "settings_opened", "notification_opened",
    "signed_up",        "review_written",   "address_changed", "card_added",
    "invite_sent",      "chat_started",     "rating_given",    "order_tracked",
    "return_started",   "refund_received",  "file_uploaded",   "file_downloaded",
    "report_exported",  "report_scheduled", "member_added",    "member_removed",
    "role_changed",     "api_key_made",     "webhook_added",   "import_started",
    "import_finished",  "plan_viewed",      "plan_upgraded",   "plan_downgraded",
    "invoice_opened",   "payment_failed",   "survey_answered", "language_changed",
    "password_changed", "account_deleted",
};
static const char *const countries[COUNTRIES] = {"TH", "US", "SG", "JP", "VN", "MY", "ID",
                                                 "PH", "IN", "GB", "DE", "FR", "AU", "CA",
                                                 "KR", "TW", "HK", "NL", "BR", "SE"};
static const char *const plans[PLANS] = {"free", "basic", "pro", "team"};

struct person {
    uint16_t first_day, last_day, rise_day;
    uint8_t country, plan;
};

struct event {
    int64_t time;
    uint32_t person;
    uint8_t name, country, plan;
};

struct world {
    uint64_t dice;
    int days;
    int64_t start_ms;
    uint32_t people_count;
    struct person *people;
    uint32_t *newcomers;                 /* people by first day */
    uint32_t newcomers_at[DAYS_MAX + 1]; /* where each day begins in it */
    double name_share[NAMES];            /* cumulative, without SIGNED_UP */
    double country_share[COUNTRIES];
    bool has_more;
    struct event *events; /* of the day in hand, and sessions that run past midnight */
    size_t event_count, event_room;
};

static void *must(void *memory)
{
    if (!memory) {
        fprintf(stderr, "generate: out of memory\n");
        exit(1);
    }
    return memory;
}

/* splitmix64 */
static uint64_t roll(struct world *w)
{
    uint64_t z = (w->dice += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static double chance(struct world *w)
{
    return (double)(roll(w) >> 11) * 0x1p-53;
}

static uint32_t below(struct world *w, uint32_t n)
{
    return (uint32_t)((roll(w) >> 32) * n >> 32);
}

static uint8_t pick(struct world *w, const double *cumulative, uint8_t n)
{
    double at = chance(w) * cumulative[n - 1];
    uint8_t i = 0;
    while (i < n - 1 && cumulative[i] <= at)
        i++;
    return i;
}

static void make_shares(struct world *w)
{
    double sum = 0;
    for (int i = 0; i < NAMES; i++)
        w->name_share[i] = sum += i == SIGNED_UP ? 0 : 1.0 / (i + 1);
    sum = 0;
    for (int i = 0; i < COUNTRIES; i++)
        w->country_share[i] = sum += pow(0.75, i);
}

static void make_people(struct world *w)
{
    w->people = must(calloc(w->people_count, sizeof *w->people));
    w->newcomers = must(calloc(w->people_count, sizeof *w->newcomers));
    for (uint32_t i = 0; i < w->people_count; i++) {
        struct person *p = &w->people[i];
        p->first_day = (uint16_t)(below(w, 4) == 0 ? below(w, 14) : below(w, (uint32_t)w->days));
        /* A third never leave; the others stay for about 40 days, some for hours. */
        double stay = below(w, 3) == 0 ? w->days : -40.0 * log(1 - chance(w));
        double last = p->first_day + stay;
        p->last_day = (uint16_t)(last < w->days - 1 ? last : w->days - 1);
        p->country = pick(w, w->country_share, COUNTRIES);
        p->plan = (uint8_t)(below(w, 10) < 7 ? 0 : 1 + below(w, PLANS - 1));
        p->rise_day =
            (uint16_t)(below(w, 8) == 0 ? below(w, (uint32_t)w->days) : (uint32_t)w->days);
        w->newcomers_at[p->first_day + 1]++;
    }
    for (int day = 0; day < w->days; day++)
        w->newcomers_at[day + 1] += w->newcomers_at[day];
    uint32_t next[DAYS_MAX + 1];
    memcpy(next, w->newcomers_at, sizeof next);
    for (uint32_t i = 0; i < w->people_count; i++)
        w->newcomers[next[w->people[i].first_day]++] = i;
}

static void add(struct world *w, uint32_t who, int64_t time, uint8_t name, uint8_t country)
{
    if (w->event_count == w->event_room) {
        w->event_room = w->event_room ? w->event_room * 2 : 1 << 16;
        w->events = must(realloc(w->events, w->event_room * sizeof *w->events));
    }
    const struct person *p = &w->people[who];
    int64_t day = (time - w->start_ms) / DAY_MS;
    bool has_risen = day >= p->rise_day && p->plan < PLANS - 1;
    w->events[w->event_count++] = (struct event){.time = time,
                                                 .person = who,
                                                 .name = name,
                                                 .country = country,
                                                 .plan = (uint8_t)(p->plan + has_risen)};
}

/* One visit: a run of events seconds to minutes apart. Returns how many. */
static uint64_t add_session(struct world *w, uint32_t who, int day, bool is_first, uint64_t most)
{
    /* The sum of two dice leans to the middle of the day. */
    int64_t time =
        w->start_ms + (int64_t)day * DAY_MS + below(w, DAY_MS / 2) + below(w, DAY_MS / 2);
    uint8_t country =
        below(w, 32) == 0 ? pick(w, w->country_share, COUNTRIES) : w->people[who].country;
    uint64_t count = 0;
    int64_t end = w->start_ms + (int64_t)w->days * DAY_MS;
    do {
        uint8_t name = is_first && count == 0 ? SIGNED_UP : pick(w, w->name_share, NAMES);
        add(w, who, time, name, country);
        count++;
        time += 800 + (int64_t)(-40000 * log(1 - chance(w)));
    } while (count < most && time < end && below(w, SESSION_EVENTS_MEAN) != 0);
    return count;
}

/* Fills one day until `want` events exist in all; `made` counts them. */
static uint64_t fill_day(struct world *w, int day, uint64_t made, uint64_t want)
{
    for (uint32_t i = w->newcomers_at[day]; i < w->newcomers_at[day + 1]; i++) {
        uint32_t left = w->people_count - i; /* keep one event for everybody still to come */
        made +=
            add_session(w, w->newcomers[i], day, true, want > made + left ? want - made - left : 1);
    }
    while (made < want) {
        double u = chance(w);
        uint32_t who = (uint32_t)(pow(u, 1.6) * w->people_count); /* low numbers come more often */
        if (day >= w->people[who].first_day && day <= w->people[who].last_day)
            made += add_session(w, who, day, false, want - made);
    }
    return made;
}

static int by_time(const void *a, const void *b)
{
    const struct event *x = a, *y = b;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    if (x->person != y->person)
        return x->person < y->person ? -1 : 1;
    if (x->name != y->name)
        return x->name < y->name ? -1 : 1;
    return (x->country > y->country) - (x->country < y->country);
}

/* ---- more ---- */

enum { TEXTS = 10, WHOLES = 2, FRACTIONS = 3, BOOLEANS = 3 };

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* What an event's further property k is drawn from; 0: it has none. */
static uint64_t draw(const struct event *e, unsigned k)
{
    uint64_t z = mix((uint64_t)e->time * 1000003 + e->person * 31u + e->name * 7u +
                     k * UINT64_C(0x9e3779b97f4a7c15));
    return z % 4 ? z >> 8 | 1 : 0;
}

static unsigned text_number(uint64_t z, unsigned k)
{
    static const unsigned kinds[TEXTS] = {2, 3, 5, 8, 12, 20, 50, 100, 300, 1000};
    return (unsigned)(z >> 8) % kinds[k];
}

/* Two in five have two ids; which one an event carries follows from it. */
static bool has_two_ids(uint32_t person)
{
    return person % 5 < 2;
}

static void write_more(const struct event *e, FILE *jsonl, FILE *csv)
{
    bool is_anonymous = has_two_ids(e->person) && mix((uint64_t)e->time) & 1;
    uint64_t z;

    fprintf(jsonl,
            "{\"event\":\"%s\",\"person\":\"%c%" PRIu32 "\",\"time\":%" PRId64
            ",\"properties\":{\"country\":\"%s\",\"plan\":\"%s\"",
            names[e->name], is_anonymous ? 'a' : 'u', e->person, e->time, countries[e->country],
            plans[e->plan]);
    for (unsigned k = 0; k < TEXTS; k++)
        if ((z = draw(e, k)))
            fprintf(jsonl, ",\"t%u\":\"v%u\"", k, text_number(z, k));
    for (unsigned k = 0; k < WHOLES; k++)
        if ((z = draw(e, 20 + k)))
            fprintf(jsonl, ",\"n%u\":%u", k, (unsigned)(z >> 8) % (k ? 100 : 100000));
    for (unsigned k = 0; k < FRACTIONS; k++)
        if ((z = draw(e, 40 + k)))
            fprintf(jsonl, ",\"d%u\":%u.25", k, (unsigned)(z >> 8) % 10000);
    for (unsigned k = 0; k < BOOLEANS; k++)
        if ((z = draw(e, 60 + k)))
            fprintf(jsonl, ",\"b%u\":%s", k, z >> 8 & 1 ? "true" : "false");
    fprintf(jsonl, "}}\n");
    fprintf(csv, "%" PRIu32 ",%s,%" PRId64 ",%s,%s,", e->person, names[e->name], e->time,
            countries[e->country], plans[e->plan]);
    if ((z = draw(e, 3)))
        fprintf(csv, "v%u", text_number(z, 3));
    fprintf(csv, ",");
    if ((z = draw(e, 21)))
        fprintf(csv, "%u", (unsigned)(z >> 8) % 100);
    fprintf(csv, "\n");
}

static void write_merges(const struct world *w, FILE *jsonl)
{
    for (uint32_t i = 0; i < w->people_count; i++)
        if (has_two_ids(i))
            fprintf(jsonl, "{\"person\":\"u%" PRIu32 "\",\"merge\":[\"a%" PRIu32 "\"]}\n", i, i);
}

/* Writes what is before `until` and keeps the rest. */
static void flush(struct world *w, int64_t until, FILE *jsonl, FILE *csv)
{
    qsort(w->events, w->event_count, sizeof *w->events, by_time);
    size_t n = 0;
    for (; n < w->event_count && w->events[n].time < until; n++) {
        const struct event *e = &w->events[n];
        if (w->has_more) {
            write_more(e, jsonl, csv);
            continue;
        }
        fprintf(jsonl,
                "{\"event\":\"%s\",\"person\":\"u%" PRIu32 "\",\"time\":%" PRId64
                ",\"properties\":{\"country\":\"%s\",\"plan\":\"%s\"}}\n",
                names[e->name], e->person, e->time, countries[e->country], plans[e->plan]);
        if (csv)
            fprintf(csv, "%" PRIu32 ",%s,%" PRId64 ",%s,%s\n", e->person, names[e->name], e->time,
                    countries[e->country], plans[e->plan]);
    }
    memmove(w->events, w->events + n, (w->event_count - n) * sizeof *w->events);
    w->event_count -= n;
}

static FILE *create(const char *path)
{
    FILE *f = fopen(path, "w");
    if (!f) {
        fprintf(stderr, "generate: cannot write %s\n", path);
        exit(1);
    }
    setvbuf(f, NULL, _IOFBF, 1 << 20);
    return f;
}

static void make_all(struct world *w, uint64_t events, FILE *jsonl, FILE *csv)
{
    uint64_t made = 0;
    fprintf(csv, "user,event,time,country,plan%s\n", w->has_more ? ",t3,n1" : "");
    for (int day = 0; day < w->days; day++) {
        made = fill_day(w, day, made, events * (uint64_t)(day + 1) / (uint64_t)w->days);
        flush(w, w->start_ms + (int64_t)(day + 1) * DAY_MS, jsonl, csv);
    }
    flush(w, INT64_MAX, jsonl, csv);
    if (w->has_more)
        write_merges(w, jsonl);
}

/* Days [first, end), each with dice of its own; what runs past midnight stays with its day. */
static void make_days(struct world *w, uint64_t events, int first, int end, FILE *jsonl)
{
    uint64_t days = (uint64_t)w->days;
    for (int day = first; day < end; day++) {
        w->dice = 20240101 + (uint64_t)day * 1000003;
        fill_day(w, day, events * (uint64_t)day / days, events * (uint64_t)(day + 1) / days);
        flush(w, INT64_MAX, jsonl, NULL);
    }
}

static int failed_to_write(bool failed)
{
    if (failed)
        fprintf(stderr, "generate: writing failed (is the disk full?)\n");
    return failed;
}

int main(int argc, char **argv)
{
    if (argc != 5 && argc != 6) {
        fprintf(stderr, "usage: generate EVENTS PEOPLE EVENTS.jsonl EVENTS.csv [more]\n"
                        "       generate EVENTS PEOPLE DAYS FIRST END\n");
        return 2;
    }
    bool has_more = argc == 6 && strcmp(argv[5], "more") == 0;
    bool is_scale = argc == 6 && !has_more;
    uint64_t events = strtoull(argv[1], NULL, 10);
    struct world w = {.dice = 20260105,
                      .people_count = (uint32_t)strtoul(argv[2], NULL, 10),
                      .has_more = has_more,
                      .days = is_scale ? (int)strtol(argv[3], NULL, 10) : BENCH_DAYS,
                      .start_ms = is_scale ? scale_start_ms : bench_start_ms};
    int first = is_scale ? (int)strtol(argv[4], NULL, 10) : 0;
    int end = is_scale ? (int)strtol(argv[5], NULL, 10) : 0;
    if (w.people_count == 0 || events < (uint64_t)w.people_count * 2) {
        fprintf(stderr, "generate: needs at least two events for each person\n");
        return 2;
    }
    if (w.days < 1 || w.days > DAYS_MAX || first < 0 || end > w.days) {
        fprintf(stderr, "generate: at most %d days, and FIRST and END among them\n", DAYS_MAX);
        return 2;
    }
    FILE *jsonl = is_scale ? stdout : create(argv[3]), *csv = is_scale ? NULL : create(argv[4]);
    make_shares(&w);
    make_people(&w);
    if (is_scale)
        make_days(&w, events, first, end, jsonl);
    else
        make_all(&w, events, jsonl, csv);
    bool failed = ferror(jsonl) || (csv && ferror(csv));
    failed |= fclose(jsonl) != 0;
    failed |= csv && fclose(csv) != 0;
    free(w.events);
    free(w.people);
    free(w.newcomers);
    return failed_to_write(failed);
}
