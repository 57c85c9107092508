/*
 * replay: how long opening takes after a crash. Writes ordinary events (a UUID as id, six
 * properties) into a new store as fast as it takes them, ends without closing, opens it again and
 * prints what that took.
 *
 *   replay DIR [EVENTS [BATCH [MONTHS [SEAL_ROWS [WIDTH]]]]]
 *
 * DIR is made; one that is there is only opened. The events' times are spread over MONTHS.
 * SEAL_ROWS 0: as a server does it; 2000000000: never, so that all of the log is replayed. WIDTH:
 * so many flags more an event, each a byte of log: what takes longest for each byte.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/hash.h"
#include "store/store.h"

enum { PEOPLE = 200000, PROPERTIES = 6, NAMES = 12, COUNTRIES = 40, PATHS = 500, FLAGS_MAX = 1000 };
#define MONTH_MS (INT64_C(30) * 86400 * 1000)
#define START_MS INT64_C(1767225600000) /* 2026-01-01 */

static struct str uuid(struct arena *arena, uint64_t k)
{
    uint64_t a = hash_mix(k), b = hash_mix(~k);
    return arena_printf(arena, "%08x-%04x-4%03x-8%03x-%012llx", (unsigned)(a >> 32),
                        (unsigned)(a & 0xffff), (unsigned)(a >> 16 & 0xfff), (unsigned)(b & 0xfff),
                        (unsigned long long)(b >> 16));
}

static struct value text(struct str s)
{
    return (struct value){.type = VALUE_TEXT, .text = s};
}

static struct event make_event(struct arena *arena, uint64_t k, unsigned months, size_t width)
{
    static const char *const plans[] = {"free", "team", "business"};
    uint64_t dice = hash_mix(k ^ 0x5eed);
    struct property *p = arena_array(arena, PROPERTIES + width, sizeof *p);
    p[0] = (struct property){STR("country"),
                             text(arena_printf(arena, "c%02u", (unsigned)(dice % COUNTRIES)))};
    p[1] = (struct property){STR("plan"), text(str_of(plans[dice >> 8 & 1]))};
    p[2] = (struct property){
        STR("path"), text(arena_printf(arena, "/pages/%u/view", (unsigned)(dice >> 16) % PATHS))};
    p[3] = (struct property){STR("amount"),
                             {.type = VALUE_DOUBLE, .number = (double)(dice >> 40 & 4095) / 4}};
    p[4] =
        (struct property){STR("items"), {.type = VALUE_INT, .integer = (int64_t)(dice >> 52 & 15)}};
    p[5] = (struct property){STR("first_visit"), {.type = VALUE_BOOL, .boolean = dice >> 60 & 1}};
    for (size_t i = 0; i < width; i++)
        p[PROPERTIES + i] =
            (struct property){arena_printf(arena, "flag %zu", i),
                              {.type = VALUE_BOOL, .boolean = hash_mix(dice + i) & 1}};
    return (struct event){
        .id = uuid(arena, k),
        .time = START_MS + (int64_t)(k * 37) - (int64_t)(k % months) * MONTH_MS,
        .received = START_MS + (int64_t)(k / 100 * 3700),
        .offset_minutes = 420,
        .name = arena_printf(arena, "Event number %u", (unsigned)(dice >> 24) % NAMES),
        .person = arena_printf(arena, "user-%u", (unsigned)(hash_mix(k / 4) % PEOPLE)),
        .properties = p,
        .property_count = PROPERTIES + width,
    };
}

/* What was asked for. */
struct run {
    struct str dir;
    uint64_t events;
    size_t batch, seal_rows;
    unsigned months;
    size_t width;
};

static struct store *open_store(struct os *os, const struct run *run)
{
    struct store_options options = {.project = STR("main"), .seal_rows = run->seal_rows};
    struct store *s = NULL;
    struct err e = {0};
    if (!store_open(os, run->dir, &options, &s, &e)) {
        fprintf(stderr, "%s\n", e.text);
        exit(1);
    }
    return s;
}

static void write_log(struct os *os, const struct run *run)
{
    struct store *s = open_store(os, run);
    struct store_import *i = NULL;
    struct err e = {0};
    AUTO(arena) *arena = arena_create(1 << 20);
    struct store_receipt receipt;
    uint64_t began = os_monotonic_ns(os);
    bool ok = store_import_begin(s, &i, &e);
    for (uint64_t k = 0; ok && k < run->events;) {
        arena_reset(arena);
        struct event *list = arena_array(arena, run->batch, sizeof *list);
        for (size_t n = 0; n < run->batch; n++)
            list[n] = make_event(arena, k++, run->months, run->width);
        struct store_batch batch = {.events = list, .event_count = run->batch};
        ok = store_import_add(i, &batch, &e);
    }
    if (!ok || !store_import_finish(i, &receipt, &e)) {
        fprintf(stderr, "%s\n", e.text);
        _exit(1);
    }
    printf("written in %.2f s\n", (double)(os_monotonic_ns(os) - began) / 1e9);
    fflush(stdout);
    _exit(0);
}

static double cpu_s(void)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return fprintf(stderr, "usage: replay DIR [EVENTS [BATCH [MONTHS [SEAL_ROWS [WIDTH]]]]]\n"),
               2;
    struct run run = {
        .dir = str_of(argv[1]),
        .events = argc > 2 ? strtoull(argv[2], NULL, 10) : 14000000,
        .batch = argc > 3 ? strtoull(argv[3], NULL, 10) : 100,
        .months = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : 1,
        .seal_rows = argc > 5 ? strtoull(argv[5], NULL, 10) : 0,
        .width = argc > 6 ? MIN(strtoull(argv[6], NULL, 10), (unsigned long long)FLAGS_MAX) : 0,
    };
    AUTO(os) *os = os_linux_create();
    if (!os_exists(os, run.dir)) {
        pid_t child = fork();
        if (child == 0)
            write_log(os, &run);
        int status;
        if (waitpid(child, &status, 0) != child || status != 0)
            return 1;
    }
    uint64_t began = os_monotonic_ns(os);
    struct store *s = open_store(os, &run);
    double open_cpu_s = cpu_s();
    double open_s = (double)(os_monotonic_ns(os) - began) / 1e9;
    struct store_state state;
    store_state(s, &state);
    double usable_s = (double)(os_monotonic_ns(os) - began) / 1e9;
    struct snapshot *v = NULL;
    struct err e = {0};
    bool ok = store_snapshot(s, &v, &e);
    double seen_s = (double)(os_monotonic_ns(os) - began) / 1e9;
    snapshot_release(v);
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    double gib = (double)state.log_bytes / (1 << 30);
    printf("%llu events, %llu to replay, %.3f GiB of log: open %.2f s (%.2f s a GiB), of the "
           "processor %.2f s (%.2f s a GiB, %.0f ns an event replayed); state %.2f s, first answer "
           "%.2f s; %.0f MiB\n",
           (unsigned long long)state.events, (unsigned long long)state.unsealed_events, gib, open_s,
           open_s / gib, open_cpu_s, open_cpu_s / gib,
           open_cpu_s * 1e9 / (double)state.unsealed_events, usable_s, seen_s,
           (double)use.ru_maxrss / 1024);
    fflush(stdout);
    _exit(ok ? 0 : 1); /* as a crash would: the log stays as it is, for the next run */
}
