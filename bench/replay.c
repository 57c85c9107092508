/*
 * replay: how long opening takes after a crash. Writes ordinary events (a UUID as id, six
 * properties) into a new store until its log holds so many MiB, ends without closing, opens it
 * again and prints what that took.
 *
 *   replay DIR [MIB [BATCH]]      DIR is made, and must not be there
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/hash.h"
#include "store/store.h"

enum { PEOPLE = 200000, PROPERTIES = 6, NAMES = 12, COUNTRIES = 40, PATHS = 500 };
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

static struct event make_event(struct arena *arena, uint64_t k)
{
    static const char *const plans[] = {"free", "team", "business"};
    uint64_t dice = hash_mix(k ^ 0x5eed);
    struct property *p = arena_array(arena, PROPERTIES, sizeof *p);
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
    return (struct event){
        .id = uuid(arena, k),
        .time = START_MS + (int64_t)(k * 37),
        .received = START_MS + (int64_t)(k / 100 * 3700),
        .offset_minutes = 420,
        .name = arena_printf(arena, "Event number %u", (unsigned)(dice >> 24) % NAMES),
        .person = arena_printf(arena, "user-%u", (unsigned)(hash_mix(k / 4) % PEOPLE)),
        .properties = p,
        .property_count = PROPERTIES,
    };
}

static struct store *open_store(struct os *os, struct str dir)
{
    struct store_options options = {.project = STR("main"), .seal_rows = 1u << 31};
    struct store *s = NULL;
    struct err e = {0};
    if (!store_open(os, dir, &options, &s, &e)) {
        fprintf(stderr, "%s\n", e.text);
        exit(1);
    }
    return s;
}

static void write_log(struct os *os, struct str dir, uint64_t bytes, size_t batch)
{
    struct store *s = open_store(os, dir);
    struct store_import *i = NULL;
    struct err e = {0};
    AUTO(arena) *arena = arena_create(1 << 20);
    struct store_state state = {0};
    struct store_receipt receipt;
    bool ok = store_import_begin(s, &i, &e);
    for (uint64_t k = 0; ok && state.log_bytes < bytes;) {
        arena_reset(arena);
        struct event *list = arena_array(arena, batch, sizeof *list);
        for (size_t n = 0; n < batch; n++)
            list[n] = make_event(arena, k++);
        ok = store_import_add(i, &(struct store_batch){.events = list, .event_count = batch}, &e);
        if (k % (1 << 19) < batch)
            store_state(s, &state);
    }
    if (!ok || !store_import_finish(i, &receipt, &e)) {
        fprintf(stderr, "%s\n", e.text);
        _exit(1);
    }
    _exit(0);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return fprintf(stderr, "usage: replay DIR [MIB [BATCH]]\n"), 2;
    uint64_t bytes = (argc > 2 ? strtoull(argv[2], NULL, 10) : 1024) << 20;
    size_t batch = argc > 3 ? strtoull(argv[3], NULL, 10) : 100;
    AUTO(os) *os = os_linux_create();
    struct str dir = str_of(argv[1]);
    if (!os_exists(os, dir)) {
        pid_t child = fork();
        if (child == 0)
            write_log(os, dir, bytes, batch);
        int status;
        if (waitpid(child, &status, 0) != child || status != 0)
            return 1;
    }
    uint64_t began = os_monotonic_ns(os);
    struct store *s = open_store(os, dir);
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
    printf("%llu events, %.3f GiB of log: open %.2f s (%.2f s a GiB, %.0f ns an event), state %.2f "
           "s, first "
           "answer %.2f s; cpu %.2f s; %.0f MiB\n",
           (unsigned long long)state.unsealed_events, gib, open_s, open_s / gib,
           open_s * 1e9 / (double)state.unsealed_events, usable_s, seen_s,
           (double)use.ru_utime.tv_sec + (double)use.ru_utime.tv_usec / 1e6 +
               (double)use.ru_stime.tv_sec + (double)use.ru_stime.tv_usec / 1e6,
           (double)use.ru_maxrss / 1024);
    fflush(stdout);
    _exit(ok ? 0 : 1); /* as a crash would: the log stays as it is, for the next run */
}
