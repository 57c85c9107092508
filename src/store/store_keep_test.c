/* How long events are kept: what goes, what stays, what it costs, and that a crash loses nothing.
 */
#include "store/store_inner.h"
#include "store/store_sample.h"

enum { EVENTS = 600 };
#define DAY INT64_C(86400000)

static const struct store_options options = {
    .project = {"main", 4}, .no_background = true, .chunk_rows = 48, .seal_rows = 96};

static void add(struct store *s, uint32_t from, uint32_t to)
{
    AUTO(arena) *arena = arena_create(0);
    for (uint32_t k = from; k < to; k++) {
        struct event ev = sample_event(arena, k);
        struct store_receipt r;
        struct err e = {0};
        assert_works(store_append(s, &(struct store_batch){&ev, 1, NULL, 0}, &r, &e), e);
        arena_reset(arena);
    }
}

static struct os *filled(void)
{
    struct os *os = os_sim_create((struct os_sim_plan){.seed = 5, .now_ms = SAMPLE_START});
    struct store *s;
    struct err e = {0};
    assert_works(store_open(os, STR("/data"), &options, &s, &e), e);
    add(s, 0, EVENTS);
    store_close(s);
    return os;
}

static bool is_old(uint32_t k, struct keep_rule rule, int64_t day)
{
    AUTO(arena) *arena = arena_create(0);
    struct event ev = sample_event(arena, k);
    return str_equal(ev.name, rule.name) && ev.time < day * DAY - rule.period_ms;
}

/* All events but those that the rules drop on that day; with `some`, these may be there too. */
static void check(struct store *s, const struct keep_rule *rules, size_t rule_count, int64_t day,
                  bool some)
{
    AUTO(arena) *arena = arena_create(0);
    struct snapshot *v = NULL;
    uint32_t *list;
    size_t count, at = 0;
    struct err e = {0};
    assert_works(store_snapshot(s, &v, &e), e);
    sample_numbers(v, arena, &list, &count);
    for (uint32_t k = 0; k < EVENTS; k++) {
        bool old = false, is_there = at < count && list[at] == k;
        for (size_t i = 0; i < rule_count; i++)
            old |= is_old(k, rules[i], day);
        if (is_there ? old && !some : !old)
            fail_msg("event %u is %sthere", k, is_there ? "" : "not ");
        at += is_there;
    }
    assert_int_equal(at, count);
    snapshot_release(v);
}

static int64_t noon(int64_t day)
{
    return day * DAY + DAY / 2;
}

static void old_events_go_and_the_others_stay(void **state)
{
    (void)state;
    AUTO(os) *os = filled();
    AUTO(store) *s = NULL;
    AUTO(arena) *arena = arena_create(0);
    struct keep_rule rules[] = {{STR("event 3"), 20 * DAY}, {STR("event 5"), 70 * DAY}}, *list;
    int64_t day = SAMPLE_START / DAY + 85;
    struct keep_report report;
    struct snapshot *v = NULL;
    uint64_t rows, expected = 0;
    size_t count;
    struct err e = {0};

    assert_works(store_open(os, STR("/data"), &options, &s, &e), e);
    assert_works(store_snapshot(s, &v, &e), e);
    for (size_t i = 0; i < COUNT(rules); i++) {
        assert_works(store_keep_count(v, rules[i], noon(day), &rows, &e), e);
        assert_true(rows > 5);
        expected += rows;
        assert_works(store_keep_set(s, rules[i], &e), e);
    }
    snapshot_release(v);
    check(s, NULL, 0, day, false); /* a rule alone removes nothing */
    assert_works(store_keep_apply(s, noon(day), &report, &e), e);
    assert_int_equal(report.rows, expected);
    assert_true(report.rewritten > 0);
    check(s, rules, COUNT(rules), day, false);
    assert_works(store_keep_apply(s, noon(day), &report, &e), e);
    assert_int_equal(report.rows + report.rewritten + report.dropped, 0);

    store_close(TAKE(s));
    os_sim_crash(os);
    assert_works(store_open(os, STR("/data"), &options, &s, &e), e);
    check(s, rules, COUNT(rules), day, false);
    store_keep_list(s, arena, &list, &count);
    assert_int_equal(count, 2);
    assert_str(list[1].name, STR("event 5"));
    assert_int_equal(list[1].period_ms, 70 * DAY);

    rules[0].period_ms = 0; /* for ever: nothing more of it goes */
    assert_works(store_keep_set(s, rules[0], &e), e);
    assert_false(store_keep_set(s, rules[0], &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    e = (struct err){0};
    assert_works(store_keep_apply(s, noon(day + 4), &report, &e), e);
    rules[0].period_ms = 20 * DAY;
    add(s, 0, EVENTS); /* sent again: what was removed counts as new */
    check(s, NULL, 0, day, false);
}

static void whole_segments_just_go(void **state)
{
    (void)state;
    AUTO(os) *os = os_sim_create((struct os_sim_plan){.seed = 6, .now_ms = SAMPLE_START});
    AUTO(store) *s = NULL;
    struct err e = {0};
    struct keep_report report;
    struct store_receipt r;
    assert_works(store_open(os, STR("/data"), &options, &s, &e), e);
    for (int month = 0; month < 3; month++)
        for (int i = 0; i < 10; i++) {
            struct event ev = {.name = STR("ping"),
                               .person = STR("p"),
                               .copy = 0,
                               .time = SAMPLE_START + month * 31 * DAY + i};
            assert_works(store_append(s, &(struct store_batch){&ev, 1, NULL, 0}, &r, &e), e);
        }
    assert_works(store_maintain(s, &e), e);
    assert_works(store_keep_set(s, (struct keep_rule){STR("ping"), 10 * DAY}, &e), e);
    uint64_t calls = os_sim_calls(os);
    assert_works(store_keep_apply(s, SAMPLE_START + 50 * DAY, &report, &e), e);
    assert_int_equal(report.rows, 20);
    assert_int_equal(report.dropped, 2);
    assert_int_equal(report.rewritten, 0);
    assert_true(os_sim_calls(os) - calls <= 4); /* one record of the manifest, two files */
    struct store_state state_now;
    store_state(s, &state_now);
    assert_int_equal(state_now.events, 10);
    assert_int_equal(state_now.segments, 1);
}

/* Room is made on a disk that is full to the last byte. */
static void it_works_on_a_full_disk(void **state)
{
    (void)state;
    AUTO(os) *os = filled();
    AUTO(store) *s = NULL;
    struct keep_rule rules[] = {{STR("event 3"), DAY}, {STR("event 0"), DAY}};
    int64_t day = SAMPLE_START / DAY + 200;
    struct keep_report report;
    struct err e = {0};
    assert_works(store_open(os, STR("/data"), &options, &s, &e), e);
    assert_works(store_maintain(s, &e), e);
    os_sim_set_plan(os, (struct os_sim_plan){.seed = 1, .disk_bytes_max = os_sim_used_bytes(os)});
    for (size_t i = 0; i < COUNT(rules); i++)
        assert_works(store_keep_set(s, rules[i], &e), e);
    assert_works(store_keep_apply(s, noon(day), &report, &e), e);
    assert_true(report.rows > 50);
    check(s, rules, COUNT(rules), day, false);
}

/* The power goes at each call of a run. */
static void a_crash_loses_nothing_else(void **state)
{
    (void)state;
    AUTO(os) *first = filled();
    struct keep_rule rules[] = {{STR("event 1"), 30 * DAY}, {STR("event 8"), 5 * DAY}};
    int64_t day = SAMPLE_START / DAY + 80;
    bool is_over = false;
    for (uint64_t call = 1; !is_over; call++) {
        AUTO(os) *os = os_sim_copy(first);
        struct store *s;
        struct keep_report report;
        struct err e = {0};
        assert_works(store_open(os, STR("/data"), &options, &s, &e), e);
        for (size_t i = 0; i < COUNT(rules); i++)
            assert_works(store_keep_set(s, rules[i], &e), e);
        os_sim_set_plan(os, (struct os_sim_plan){.seed = call, .stop_at = call});
        is_over = store_keep_apply(s, noon(day), &report, &e);
        store_close(s);
        os_sim_crash(os);
        e = (struct err){0};
        assert_works(store_open(os, STR("/data"), &options, &s, &e), e);
        check(s, rules, COUNT(rules), day, true);
        assert_works(store_keep_apply(s, noon(day), &report, &e), e);
        check(s, rules, COUNT(rules), day, false);
        store_close(s);
        assert_true(call < 400);
    }
}

/* Once a day; a clock that jumps ahead is not believed. */
static void it_is_due_once_a_day(void **state)
{
    (void)state;
    AUTO(os) *os = filled();
    AUTO(store) *s = NULL;
    struct keep_report report = {0};
    struct err e = {0};
    assert_works(store_open(os, STR("/data"), &options, &s, &e), e);
    assert_false(store_keep_is_due(s));
    assert_works(store_keep_set(s, (struct keep_rule){STR("event 3"), 900 * DAY}, &e), e);
    assert_false(store_keep_is_due(s)); /* only a process that stays does it */
    os_sim_advance(os, DAY / 24);
    assert_true(store_keep_is_due(s));
    assert_works(store_keep_run(s, os_now_ms(os), true, &report, &e), e);
    assert_false(store_keep_is_due(s));
    os_sim_advance(os, DAY);
    assert_true(store_keep_is_due(s));
    assert_works(store_keep_run(s, os_now_ms(os), true, &report, &e), e);
    os_sim_set_plan(os, (struct os_sim_plan){.now_ms = os_now_ms(os) + 400 * DAY});
    assert_false(store_keep_is_due(s));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_events_go_and_the_others_stay),
        cmocka_unit_test(whole_segments_just_go),
        cmocka_unit_test(it_works_on_a_full_disk),
        cmocka_unit_test(a_crash_loses_nothing_else),
        cmocka_unit_test(it_is_due_once_a_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
