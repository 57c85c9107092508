/* The store as its callers see it: receipts, exactly once, snapshots, reopening, refusals. */
#include "base/buf.h"
#include "store/store_sample.h"

struct world {
    struct os *os;
    struct store *s;
    struct arena *arena;
    struct store_options options;
    struct err e;
};

static struct world *world_create(bool no_background)
{
    struct world *w = mem_zero(sizeof *w);
    w->os = os_sim_create((struct os_sim_plan){.seed = 7});
    w->arena = arena_create(0);
    w->options = (struct store_options){
        .project = STR("main"), .no_background = no_background, .chunk_rows = 64, .seal_rows = 256};
    assert_works(store_open(w->os, STR("/data"), &w->options, &w->s, &w->e), w->e);
    return w;
}

static void world_destroy(struct world *w)
{
    store_close(w->s);
    os_destroy(w->os);
    arena_destroy(w->arena);
    mem_free(w);
}
AUTO_DEFINE(world, world_destroy)

static void reopen(struct world *w)
{
    store_close(w->s);
    w->s = NULL;
    assert_works(store_open(w->os, STR("/data"), &w->options, &w->s, &w->e), w->e);
}

static struct store_receipt append(struct world *w, const struct event *events, size_t count)
{
    struct store_receipt r;
    struct store_batch batch = {.events = events, .event_count = count};
    assert_works(store_append(w->s, &batch, &r, &w->e), w->e);
    return r;
}

static struct event *numbered(struct world *w, uint32_t from, size_t count)
{
    struct event *list = arena_array(w->arena, count, sizeof *list);
    for (size_t i = 0; i < count; i++)
        list[i] = sample_event(w->arena, from + (uint32_t)i);
    return list;
}

static void assert_receipt(struct store_receipt r, uint64_t accepted, uint64_t duplicates,
                           uint64_t conflicts)
{
    assert_int_equal(r.accepted, accepted);
    assert_int_equal(r.duplicates, duplicates);
    assert_int_equal(r.conflicts, conflicts);
}

static size_t held(struct world *w)
{
    struct snapshot *v;
    uint32_t *list;
    size_t count;
    assert_works(store_snapshot(w->s, &v, &w->e), w->e);
    sample_numbers(v, w->arena, &list, &count);
    for (size_t i = 1; i < count; i++)
        assert_true(list[i - 1] < list[i]);
    snapshot_release(v);
    return count;
}

static struct store_state state_of(struct world *w)
{
    struct store_state state;
    store_state(w->s, &state);
    return state;
}

static void acknowledged_is_visible_at_once(void **state)
{
    (void)state;
    AUTO(world) *w = world_create(true);
    assert_receipt(append(w, numbered(w, 0, 10), 10), 10, 0, 0);
    assert_int_equal(held(w), 10);
    assert_receipt(append(w, numbered(w, 10, 300), 300), 300, 0, 0);
    assert_int_equal(held(w), 310);
    assert_int_equal(state_of(w).events, 310);
    assert_int_equal(state_of(w).unsealed_events, 310);
}

static void same_again_counts_once_wherever_it_lies(void **state)
{
    (void)state;
    AUTO(world) *w = world_create(true);
    append(w, numbered(w, 0, 100), 100); /* an image and a chunk */
    assert_receipt(append(w, numbered(w, 0, 100), 100), 0, 100, 0);
    assert_works(store_maintain(w->s, &w->e), w->e); /* segments */
    assert_receipt(append(w, numbered(w, 0, 101), 101), 1, 100, 0);
    reopen(w);
    assert_receipt(append(w, numbered(w, 0, 102), 102), 1, 101, 0);
    assert_int_equal(held(w), 102);
    assert_int_equal(state_of(w).events, 102);
}

static void same_id_with_another_body_is_a_conflict(void **state)
{
    (void)state;
    AUTO(world) *w = world_create(true);
    append(w, numbered(w, 0, 3), 3);
    struct event *other = numbered(w, 2, 1);
    other->name = STR("something else");
    assert_receipt(append(w, other, 1), 0, 1, 1);
    assert_works(store_maintain(w->s, &w->e), w->e);
    assert_receipt(append(w, other, 1), 0, 1, 1);
    struct event *late = numbered(w, 2, 1);
    late->received += 1000; /* when it arrived is not its content */
    assert_receipt(append(w, late, 1), 0, 1, 0);
    assert_int_equal(held(w), 3); /* and the first body is kept: compared row by row */
}

static void equal_rows_without_id_count_by_copy(void **state)
{
    (void)state;
    AUTO(world) *w = world_create(true);
    struct event *list = numbered(w, 1, 1);
    struct event twice[2] = {list[0], list[0]};
    twice[1].copy = 1;
    assert_receipt(append(w, twice, 2), 2, 0, 0);
    assert_receipt(append(w, twice, 2), 0, 2, 0);
    assert_works(store_maintain(w->s, &w->e), w->e);
    assert_receipt(append(w, twice, 2), 0, 2, 0);
    struct event third = list[0];
    third.copy = 2;
    assert_receipt(append(w, &third, 1), 1, 0, 0);
    assert_int_equal(state_of(w).events, 3);
}

static void import_is_idempotent(void **state)
{
    (void)state;
    for (int threads = 0; threads < 2; threads++) {
        AUTO(world) *w = world_create(threads == 0);
        for (int round = 0; round < 3; round++) {
            struct store_import *i;
            struct store_receipt r;
            assert_works(store_import_begin(w->s, &i, &w->e), w->e);
            for (uint32_t from = 0; from < 1000; from += 50) {
                struct store_batch batch = {.events = numbered(w, from, 50), .event_count = 50};
                assert_works(store_import_add(i, &batch, &w->e), w->e);
            }
            assert_works(store_import_finish(i, &r, &w->e), w->e);
            store_import_close(i);
            assert_receipt(r, round ? 0 : 1000, round ? 1000 : 0, 0);
            if (round == 1)
                assert_works(store_maintain(w->s, &w->e), w->e);
        }
        assert_int_equal(held(w), 1000);
    }
}

static void maintain_leaves_one_segment_a_month_and_no_log(void **state)
{
    (void)state;
    AUTO(world) *w = world_create(true);
    for (uint32_t round = 0; round < 5; round++) {
        append(w, numbered(w, round * 200, 200), 200);
        assert_works(store_maintain(w->s, &w->e), w->e);
    }
    struct store_state now = state_of(w);
    assert_int_equal(now.segments, 3);
    assert_int_equal(now.events, 1000);
    assert_int_equal(now.unsealed_events, 0);
    assert_true(now.log_bytes <= 256);
    assert_true(now.segment_bytes > 0);
    assert_int_equal(now.people, SAMPLE_PEOPLE);
    assert_int_equal(held(w), 1000);
    reopen(w);
    assert_int_equal(held(w), 1000);
    assert_int_equal(state_of(w).unsealed_events, 0);
}

static void background_seals_and_compacts_on_its_own(void **state)
{
    (void)state;
    AUTO(world) *w = world_create(false);
    for (uint32_t round = 0; round < 60; round++)
        append(w, numbered(w, round * 100, 100), 100);
    assert_int_equal(held(w), 6000);
    assert_works(store_maintain(w->s, &w->e), w->e);
    assert_int_equal(state_of(w).segments, 3);
    assert_int_equal(held(w), 6000);
    reopen(w);
    assert_int_equal(held(w), 6000);
}

static void a_snapshot_stays_as_it_was(void **state)
{
    (void)state;
    AUTO(world) *w = world_create(true);
    append(w, numbered(w, 0, 100), 100);
    assert_works(store_maintain(w->s, &w->e), w->e);
    append(w, numbered(w, 100, 30), 30);
    struct snapshot *v;
    assert_works(store_snapshot(w->s, &v, &w->e), w->e);
    append(w, numbered(w, 130, 200), 200);
    assert_works(store_maintain(w->s, &w->e), w->e); /* replaces the files it reads */
    uint32_t *list;
    size_t count;
    sample_numbers(v, w->arena, &list, &count);
    assert_int_equal(count, 130);
    for (size_t i = 1; i < v->segment_count; i++)
        assert_true(v->segments[i - 1]->month_start < v->segments[i]->month_start ||
                    (v->segments[i - 1]->month_start == v->segments[i]->month_start &&
                     v->segments[i - 1]->age < v->segments[i]->age));
    snapshot_release(v);
    assert_int_equal(held(w), 330);
}

static void facts_survive_log_and_facts_file(void **state)
{
    (void)state;
    AUTO(world) *w = world_create(true);
    struct property plan = {STR("plan"), {.type = VALUE_TEXT, .text = STR("pro")}};
    struct fact facts[] = {
        {.kind = FACT_PERSON_TRAITS,
         .subject = STR("ann"),
         .created = 1000,
         .properties = &plan,
         .property_count = 1},
        {.kind = FACT_MERGE,
         .subject = STR("ann"),
         .other = STR("anon 1"),
         .created = (int64_t)FACT_CREATED_NONE},
        {.kind = FACT_ACCOUNT_TRAITS,
         .subject = STR("acme"),
         .properties = &plan,
         .property_count = 1,
         .created = (int64_t)FACT_CREATED_NONE},
    };
    struct store_batch batch = {.facts = facts, .fact_count = COUNT(facts)};
    struct store_receipt r;
    assert_works(store_append(w->s, &batch, &r, &w->e), w->e);
    assert_receipt(r, 3, 0, 0);
    assert_works(store_append(w->s, &batch, &r, &w->e), w->e);
    assert_receipt(r, 0, 3, 0);
    for (int round = 0; round < 3; round++) {
        struct snapshot *v;
        uint32_t ann, anon;
        assert_works(store_snapshot(w->s, &v, &w->e), w->e);
        assert_true(snapshot_unit_find(v, STR("ann"), &ann));
        assert_true(snapshot_unit_find(v, STR("anon 1"), &anon));
        assert_false(snapshot_unit_find(v, STR("bob"), &anon));
        assert_int_equal(ann, anon);
        assert_str(snapshot_unit_id(v, ann), STR("ann"));
        assert_int_equal(snapshot_units(v), 2);
        assert_str(snapshot_trait(v, ann, STR("plan")).text, STR("pro"));
        assert_int_equal(snapshot_trait(v, ann, STR("none")).type, VALUE_MISSING);
        assert_int_equal(snapshot_created(v, ann), 1000);
        snapshot_release(v);
        if (round == 1)
            assert_works(store_maintain(w->s, &w->e), w->e);
        reopen(w);
    }
    assert_works(store_append(w->s, &batch, &r, &w->e), w->e);
    assert_receipt(r, 0, 3, 0);
}

/* ---- refusals ---- */

static void a_second_open_is_refused(void **state)
{
    (void)state;
    AUTO(world) *w = world_create(true);
    struct store *second;
    assert_false(store_open(w->os, STR("/data"), &w->options, &second, &w->e));
    assert_int_equal(w->e.kind, ERR_BUSY);
    assert_non_null(strstr(w->e.text, "in use by another process"));
}

static void another_project_is_refused(void **state)
{
    (void)state;
    AUTO(world) *w = world_create(true);
    store_close(TAKE(w->s));
    struct store_options other = w->options;
    struct store *s;
    other.project = STR("other");
    assert_false(store_open(w->os, STR("/data"), &other, &s, &w->e));
    assert_int_equal(w->e.kind, ERR_CONFLICT);
    assert_non_null(strstr(w->e.text, "\"main\""));
}

static void reading_only_changes_nothing(void **state)
{
    (void)state;
    AUTO(world) *w = world_create(true);
    append(w, numbered(w, 0, 100), 100);
    w->options.read_only = true;
    reopen(w);
    uint64_t calls = os_sim_calls(w->os);
    struct store_receipt r;
    struct store_batch batch = {.events = numbered(w, 0, 1), .event_count = 1};
    assert_int_equal(held(w), 100);
    assert_false(store_append(w->s, &batch, &r, &w->e));
    assert_int_equal(w->e.kind, ERR_INVALID);
    assert_false(store_maintain(w->s, &w->e));
    struct store_import *i;
    assert_false(store_import_begin(w->s, &i, &w->e));
    reopen(w);
    assert_int_equal(os_sim_calls(w->os), calls);
    struct store *none;
    w->e = (struct err){0};
    assert_false(store_open(w->os, STR("/nothing"), &w->options, &none, &w->e));
    assert_int_equal(w->e.kind, ERR_NOT_FOUND);
    AUTO(store) *beside = NULL; /* those who read share the lock */
    w->e = (struct err){0};
    assert_works(store_open(w->os, STR("/data"), &w->options, &beside, &w->e), w->e);
    w->options.read_only = false;
    assert_false(store_open(w->os, STR("/data"), &w->options, &none, &w->e));
    assert_int_equal(w->e.kind, ERR_BUSY);
}

static void an_empty_store_is_shown_where_none_is(void **state)
{
    (void)state;
    AUTO(world) *w = world_create(true);
    append(w, numbered(w, 0, 10), 10);
    w->options.read_only = w->options.or_empty = true;
    uint64_t calls = os_sim_calls(w->os);
    AUTO(store) *none = NULL;
    assert_works(store_open(w->os, STR("/nothing"), &w->options, &none, &w->e), w->e);
    struct store_state state_of;
    store_state(none, &state_of);
    assert_int_equal(state_of.events + state_of.people + state_of.segments, 0);
    AUTO(snapshot) *v = NULL;
    assert_works(store_snapshot(none, &v, &w->e), w->e);
    assert_int_equal(snapshot_rows(v), 0);
    assert_int_equal(os_sim_calls(w->os), calls);
    assert_false(os_exists(w->os, STR("/nothing")));
    reopen(w); /* what is there is shown */
    assert_int_equal(held(w), 10);
}

static void a_lost_file_is_named(void **state)
{
    (void)state;
    static const char *const names[] = {"/data/manifest", "/data/people-1", "/data/facts-1",
                                        "/data/seg-0000000001.tns", "/data/wal-0000000002"};
    for (size_t i = 0; i < COUNT(names); i++) {
        AUTO(world) *w = world_create(true);
        struct fact f = {.kind = FACT_MERGE,
                         .subject = STR("a"),
                         .other = STR("b"),
                         .created = (int64_t)FACT_CREATED_NONE};
        struct store_batch batch = {.facts = &f, .fact_count = 1};
        struct store_receipt r;
        assert_works(store_append(w->s, &batch, &r, &w->e), w->e);
        append(w, numbered(w, 0, 100), 100);
        assert_works(store_maintain(w->s, &w->e), w->e);
        store_close(TAKE(w->s));
        assert_true(os_exists(w->os, str_of(names[i])));
        assert_works(os_remove(w->os, str_of(names[i]), &w->e), w->e);
        assert_false(store_open(w->os, STR("/data"), &w->options, &w->s, &w->e));
        assert_int_equal(w->e.kind, ERR_CORRUPT);
        assert_non_null(strstr(w->e.text, strrchr(names[i], '/') + 1));
        assert_works(os_dir_make(w->os, STR("/data"), &w->e), w->e);
    }
}

static void a_full_disk_refuses_and_recovers(void **state)
{
    (void)state;
    AUTO(world) *w = world_create(true);
    append(w, numbered(w, 0, 50), 50);
    uint32_t kept = 50;
    os_sim_set_plan(
        w->os, (struct os_sim_plan){.seed = 1, .disk_bytes_max = os_sim_used_bytes(w->os) + 20000});
    struct store_receipt r;
    for (;; kept += 50) {
        struct store_batch batch = {.events = numbered(w, kept, 50), .event_count = 50};
        if (!store_append(w->s, &batch, &r, &w->e))
            break;
        assert_true(kept < 20000);
    }
    assert_int_equal(w->e.kind, ERR_NO_SPACE);
    assert_false(state_of(w).is_stopped);
    assert_int_equal(held(w), kept);
    os_sim_set_plan(w->os, (struct os_sim_plan){.seed = 1});
    append(w, numbered(w, kept, 50), 50);
    reopen(w);
    assert_int_equal(held(w), kept + 50);
}

static void a_full_disk_can_still_be_sealed_by_the_reserve(void **state)
{
    (void)state;
    AUTO(world) *w = world_create(true);
    append(w, numbered(w, 0, 2000), 2000);
    os_sim_set_plan(w->os,
                    (struct os_sim_plan){.seed = 1, .disk_bytes_max = os_sim_used_bytes(w->os)});
    assert_works(store_maintain(w->s, &w->e), w->e);
    assert_int_equal(state_of(w).unsealed_events, 0);
    assert_int_equal(held(w), 2000);
    append(w, numbered(w, 2000, 10), 10); /* the log's space is free again */
    reopen(w);
    assert_int_equal(held(w), 2010);
}

static void a_failed_sync_stops_the_store_until_it_is_opened_again(void **state)
{
    (void)state;
    AUTO(world) *w = world_create(true);
    append(w, numbered(w, 0, 50), 50);
    struct store_receipt r;
    struct store_batch batch = {.events = numbered(w, 50, 2), .event_count = 2};
    os_sim_set_plan(w->os, (struct os_sim_plan){.seed = 1, .fail_at = 1});
    assert_false(store_append(w->s, &batch, &r, &w->e));
    assert_int_equal(w->e.kind, ERR_BUSY);
    assert_true(state_of(w).is_stopped);
    w->e = (struct err){0};
    assert_false(store_append(w->s, &batch, &r, &w->e)); /* although the disk works again */
    assert_int_equal(w->e.kind, ERR_BUSY);
    w->e = (struct err){0};
    assert_false(store_maintain(w->s, &w->e));
    assert_int_equal(held(w), 50);
    reopen(w);
    assert_true(held(w) == 50 || held(w) == 52);
    append(w, numbered(w, 50, 2), 2);
    assert_int_equal(held(w), 52);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(acknowledged_is_visible_at_once),
        cmocka_unit_test(same_again_counts_once_wherever_it_lies),
        cmocka_unit_test(same_id_with_another_body_is_a_conflict),
        cmocka_unit_test(equal_rows_without_id_count_by_copy),
        cmocka_unit_test(import_is_idempotent),
        cmocka_unit_test(maintain_leaves_one_segment_a_month_and_no_log),
        cmocka_unit_test(background_seals_and_compacts_on_its_own),
        cmocka_unit_test(a_snapshot_stays_as_it_was),
        cmocka_unit_test(facts_survive_log_and_facts_file),
        cmocka_unit_test(a_second_open_is_refused),
        cmocka_unit_test(another_project_is_refused),
        cmocka_unit_test(reading_only_changes_nothing),
        cmocka_unit_test(an_empty_store_is_shown_where_none_is),
        cmocka_unit_test(a_lost_file_is_named),
        cmocka_unit_test(a_full_disk_refuses_and_recovers),
        cmocka_unit_test(a_full_disk_can_still_be_sealed_by_the_reserve),
        cmocka_unit_test(a_failed_sync_stops_the_store_until_it_is_opened_again),
    };
    return cmocka_run_group_tests_name("store/store", tests, NULL, NULL);
}
