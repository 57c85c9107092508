/* What is exported and read again is the same events and facts: compared as a store counts them. */
#include "base/buf.h"
#include "base/hash.h"
#include "base/test.h"
#include "collect/collect.h"
#include "collect/export.h"
#include "os/os_sim.h"
#include "store/scan.h"

struct world {
    struct os *os;
    struct store *s;
    struct err e;
};

static void open_at(struct world *w, struct str dir)
{
    struct store_options o = {.project = STR("main"), .no_background = true, .chunk_rows = 64};
    assert_works(store_open(w->os, dir, &o, &w->s, &w->e), w->e);
}

static bool put_event(void *context, const struct event *event, struct err *e)
{
    (void)e;
    export_event(event, context);
    return true;
}

static bool put_fact(void *context, const struct fact *fact, struct err *e)
{
    (void)e;
    export_fact(fact, false, context);
    return true;
}

static void export_all(struct world *w, struct buf *into)
{
    AUTO(snapshot) *v = NULL;
    struct read_options o = {.from = INT64_MIN, .to = INT64_MAX};
    assert_works(store_snapshot(w->s, &v, &w->e), w->e);
    assert_works(snapshot_read_facts(v, &o, put_fact, into, &w->e), w->e);
    assert_works(snapshot_read(v, &o, put_event, into, &w->e), w->e);
}

/* As `tenure import FILE` would. */
static struct import_report import(struct world *w, struct str bytes)
{
    struct import_report report = {0};
    AUTO(store_import) *i = NULL;
    struct str path = STR("/lines.jsonl");
    struct import_options o = {.files = &path,
                               .file_count = 1,
                               .messages = stderr,
                               .format = IMPORT_EVENTS,
                               .now_ms = os_now_ms(w->os)};
    assert_works(os_write_whole(w->os, path, bytes, &w->e), w->e);
    assert_works(store_import_begin(w->s, &i, &w->e), w->e);
    assert_works(collect_import(&o, collect_store_sink(i), w->os, &report, &w->e), w->e);
    return report;
}

static const char *const values[] = {
    "1",    "-7",      "4.0",   "0.1",     "1e300",       "true", "null",
    "\"\"", "\"a<b\"", "[1,2]", "[\"x\"]", "\"\\u0e01\"", "1e-9", "9007199254740993",
};
static const char *const times[] = {"2026-02-03T09:15:00+07:00", "2025-12-31T23:59:59.999Z",
                                    "2026-01-01T00:00:00-09:30", "1770000000123"};

/* Two lines in three have no id, some lines are equal, values are of every type. */
static void write_lines(uint64_t seed, struct buf *into)
{
    for (uint32_t i = 0; i < 400; i++) {
        uint64_t dice = hash_mix(seed * 1000 + i);
        const char *time = times[dice >> 8 & 3];
        const char *quote = time[0] == '1' ? "" : "\"";
        buf_printf(into, "{\"event\":\"e%u\",\"person\":\"p%u\",\"time\":%s%s%s",
                   (unsigned)(dice & 3), (unsigned)(dice >> 10 & 7), quote, time, quote);
        if (i % 3 == 0)
            buf_printf(into, ",\"id\":\"id-%u\"", i);
        if (dice >> 20 & 1)
            buf_printf(into, ",\"account\":\"a\\\"%u\",\"session\":\"s\"",
                       (unsigned)(dice >> 21 & 1));
        if (dice >> 22 & 1)
            buf_printf(into, ",\"properties\":{\"k\":%s,\"n.m\":{\"deep\":%u}}",
                       values[(dice >> 24) % COUNT(values)], (unsigned)(dice >> 40 & 1));
        buf_add(into, STR("}\n"));
        if (i % 20 == 7)
            buf_printf(into,
                       "{\"person\":\"p%u\",\"traits\":{\"t%u\":%s},\"created\":\"2025-01-0%uT00:"
                       "00:00Z\"}\n",
                       (unsigned)(dice >> 44 & 7), (unsigned)(dice >> 47 & 1),
                       values[(dice >> 48) % COUNT(values)], (unsigned)(dice >> 52 & 7) + 1);
        if (i % 40 == 9)
            buf_printf(into, "{\"person\":\"p%u\",\"%s\":[\"p%u\"],\"reason\":\"why\"}\n",
                       (unsigned)(dice >> 54 & 3), dice >> 56 & 3 ? "merge" : "unmerge",
                       (unsigned)(dice >> 58 & 3) + 4);
        if (i % 50 == 9)
            buf_printf(into, "{\"account\":\"a%u\",\"traits\":{\"plan\":\"pro\"}}\n", i);
    }
}

static void comes_back_the_same(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct world w = {.os = os_sim_create((struct os_sim_plan){
                              .seed = seed, .now_ms = INT64_C(1790000000000)})};
        BUF_AUTO lines = {0}, first = {0}, second = {0};
        write_lines(seed, &lines);
        open_at(&w, STR("/one"));
        struct import_report r = import(&w, buf_str(&lines));
        assert_int_equal(r.rejected, 0);
        assert_true(r.receipt.accepted > 300);
        if (seed % 2)
            assert_works(store_maintain(w.s, &w.e), w.e);
        export_all(&w, &first);
        r = import(&w, buf_str(&first)); /* into itself: nothing is new */
        assert_int_equal(r.rejected, 0);
        struct store_state before;
        store_state(w.s, &before);
        assert_int_equal(r.receipt.conflicts, 0);
        export_all(&w, &second);
        assert_str(buf_str(&second), buf_str(&first));
        store_close(w.s);

        buf_clear(&second); /* into another: the same, in another order */
        open_at(&w, STR("/two"));
        r = import(&w, buf_str(&first));
        assert_int_equal(r.rejected, 0);
        struct store_state after;
        store_state(w.s, &after);
        assert_int_equal(after.events, before.events);
        r = import(&w, buf_str(&lines)); /* what came first is known there */
        store_state(w.s, &after);
        assert_int_equal(after.events, before.events);
        assert_int_equal(r.receipt.conflicts, 0);
        store_close(w.s);
        os_destroy(w.os);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_the_same),
    };
    return cmocka_run_group_tests_name("collect/export", tests, NULL, NULL);
}
