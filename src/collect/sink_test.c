/* collect/sink_test: the importer and the simulated company into a real store, twice. */
#include <stdio.h>
#include <stdlib.h>

#include "base/test.h"
#include "collect/collect.h"
#include "collect/company.h"
#include "os/os_sim.h"

#define NOW_MS INT64_C(1796083200000) /* 2026-12-01T00:00:00Z */

struct world {
    struct os *os;
    struct store *store;
    struct err e;
};

static int setup(void **state)
{
    struct world *w = mem_zero(sizeof *w);
    struct store_options options = {.project = STR("main"), .no_background = true};
    w->os = os_sim_create((struct os_sim_plan){.seed = 3, .now_ms = NOW_MS});
    if (!store_open(w->os, STR("data"), &options, &w->store, &w->e))
        fail_msg("%s", w->e.text);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    store_close(w->store);
    os_destroy(w->os);
    mem_free(w);
    return 0;
}

static struct import_report import(struct world *w, struct os *from, struct import_options options)
{
    AUTO(store_import) *import = NULL;
    struct import_report report;
    options.now_ms = NOW_MS;
    assert_works(store_import_begin(w->store, &import, &w->e), w->e);
    assert_works(collect_import(&options, collect_store_sink(import), from, &report, &w->e), w->e);
    return report;
}

static uint64_t stored(struct world *w)
{
    struct store_state s;
    store_state(w->store, &s);
    return s.events;
}

static void a_second_import_adds_nothing(void **state)
{
    struct world *w = *state;
    struct str file = STR("a.jsonl");
    struct str lines = STR(
        "{\"event\":\"A\",\"person\":\"u\",\"time\":\"2026-01-01T00:00:00Z\"}\n"
        "{\"event\":\"A\",\"person\":\"u\",\"time\":\"2026-01-01T00:00:00Z\"}\n"
        "{\"person\":\"u\",\"time\":\"2026-01-01T07:00:00+07:00\",\"event\":\"A\"}\n"
        "{\"event\":\"A\",\"person\":\"u\",\"time\":\"2026-01-01T00:00:00Z\",\"properties\":{\"a\":"
        "1,"
        "\"b\":\"x\"}}\n"
        "{\"event\":\"A\",\"person\":\"u\",\"time\":\"2026-01-01T00:00:00Z\",\"properties\":{\"b\":"
        "\"x\",\"a\":1}}\n"
        "{\"event\":\"A\",\"person\":\"u\",\"time\":\"2026-01-01T00:00:00Z\",\"properties\":{\"b\":"
        "\"x\",\"a\":1.0}}\n"
        "{\"event\":\"A\",\"person\":\"u\",\"id\":\"1\"}\n"
        "{\"event\":\"A\",\"person\":\"u\"}\n"
        "{\"event\":\"A\",\"person\":\"u\"}\n"
        "{\"person\":\"u\",\"traits\":{\"plan\":\"pro\"}}\n");
    struct import_options options = {.files = &file, .file_count = 1};
    assert_works(os_write_whole(w->os, file, lines, &w->e), w->e);
    struct import_report first = import(w, w->os, options);
    assert_int_equal(first.receipt.accepted, 10);
    assert_int_equal(first.receipt.duplicates, 0);
    assert_int_equal(stored(w), 9);
    struct import_report second = import(w, w->os, options);
    assert_int_equal(second.receipt.accepted, 0);
    assert_int_equal(stored(w), 9);
    assert_works(store_maintain(w->store, &w->e), w->e);
    assert_int_equal(import(w, w->os, options).receipt.accepted, 0);
    assert_int_equal(stored(w), 9);
}

static void a_cancelled_import_is_completed(void **state)
{
    struct world *w = *state;
    enum { LINES = 60000 };
    struct str file = STR("big.jsonl");
    volatile sig_atomic_t cancel = 1;
    BUF_AUTO lines = {0};
    for (int i = 0; i < LINES; i++)
        buf_printf(&lines, "{\"event\":\"E\",\"person\":\"u%d\",\"time\":%lld}\n", i % 50,
                   1763719200000LL + i / 2);
    assert_works(os_write_whole(w->os, file, buf_str(&lines), &w->e), w->e);
    struct import_options options = {.files = &file, .file_count = 1, .cancel = &cancel};
    assert_true(import(w, w->os, options).is_cancelled);
    cancel = 0;
    /* half of it is there already */
    struct str half = STR("half.jsonl");
    size_t cut = lines.len / 2;
    while (lines.at[cut - 1] != '\n')
        cut++;
    assert_works(os_write_whole(w->os, half, (struct str){lines.at, cut}, &w->e), w->e);
    struct import_options first = {.files = &half, .file_count = 1};
    uint64_t half_count = import(w, w->os, first).events;
    assert_int_equal(stored(w), half_count);
    struct import_report rest = import(w, w->os, options);
    assert_int_equal(rest.receipt.accepted, LINES - half_count);
    assert_int_equal(rest.receipt.duplicates, half_count);
    assert_int_equal(stored(w), LINES);
}

static void the_company_comes_once(void **state)
{
    struct world *w = *state;
    struct company_options o = {.accounts = 60,
                                .people = 480,
                                .events = 60000,
                                .end_ms = company_end(NOW_MS),
                                .now_ms = NOW_MS};
    for (int run = 0; run < 2; run++) {
        AUTO(store_import) *import = NULL;
        struct company_report report;
        assert_works(store_import_begin(w->store, &import, &w->e), w->e);
        assert_works(company_generate(&o, collect_store_sink(import), NULL, NULL, &report, &w->e),
                     w->e);
        assert_int_equal(report.receipt.accepted, run ? 0 : report.events + report.facts);
        assert_int_equal(stored(w), report.events);
    }
}

/* The real event log of git's contributors, as the issue asks for it. */
static void the_contributors_of_git(void **state)
{
    struct world *w = *state;
    static const char *const places[] = {"../shared/data/git_contributors/events.csv.gz",
                                         "../../shared/data/git_contributors/events.csv.gz"};
    AUTO(os) *disk = os_linux_create();
    struct str file = str_of(places[0]);
    const char *root = getenv("MESON_SOURCE_ROOT");
    AUTO(arena) *arena = arena_create(0);
    if (root)
        file = arena_printf(arena, "%s/%s", root, places[0]);
    else if (!os_exists(disk, file))
        file = str_of(places[1]);
    if (!os_exists(disk, file)) {
        printf("skipped: %.*s is not there\n", STR_ARG(file));
        skip();
    }
    struct import_options options = {
        .files = &file,
        .file_count = 1,
        .map = STR("person=actor_id,event=event,time=ts"),
        .time = IMPORT_TIME_S,
        .time_is_given = true,
    };
    struct import_report first = import(w, disk, options);
    assert_int_equal(first.events, 157653);
    assert_int_equal(first.people, 3048);
    assert_int_equal(first.rejected, 0);
    assert_int_equal(first.receipt.accepted, 157653);
    struct import_report second = import(w, disk, options);
    assert_int_equal(second.receipt.accepted, 0);
    assert_int_equal(second.receipt.duplicates, 157653);
    assert_int_equal(stored(w), 157653);
}

int main(void)
{
#define EACH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    static const struct CMUnitTest tests[] = {
        EACH(a_second_import_adds_nothing),
        EACH(a_cancelled_import_is_completed),
        EACH(the_company_comes_once),
        EACH(the_contributors_of_git),
    };
    return cmocka_run_group_tests_name("collect/sink", tests, NULL, NULL);
}
