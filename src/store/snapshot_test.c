/* A snapshot that needs what is damaged says so, and the store goes on. */
#include "base/test.h"

#include <stdio.h>

#include "os/os_sim.h"
#include "store/scan.h"
#include "store/store.h"

enum { EVENTS = 60 };

static struct os *one_segment(struct event *events, struct str *file)
{
    struct os *os = os_sim_create((struct os_sim_plan){.seed = 1});
    struct store_options options = {.no_background = true, .project = STR("p")};
    struct store_batch batch = {.events = events, .event_count = EVENTS};
    struct store_receipt receipt;
    struct err e = {0};
    AUTO(arena) *arena = arena_create(0);
    AUTO(store) *s = NULL;
    struct str *names;
    size_t count;

    assert_works(store_open(os, STR("s"), &options, &s, &e), e);
    assert_works(store_append(s, &batch, &receipt, &e) && store_maintain(s, &e), e);
    assert_int_equal(receipt.accepted, EVENTS);
    assert_works(os_dir_list(os, STR("s"), arena, &names, &count, &e), e);
    for (size_t i = 0; i < count; i++)
        if (str_starts(names[i], STR("seg-")))
            file->len =
                (size_t)snprintf((char *)(uintptr_t)file->at, 64, "s/%.*s", STR_ARG(names[i]));
    assert_true(file->len > 0);
    return os;
}

static void damage_that_a_snapshot_needs_is_named(void **state)
{
    (void)state;
    struct store_options options = {.no_background = true, .project = STR("p")};
    struct event events[EVENTS];
    size_t refused = 0, taken = 0;

    for (uint32_t i = 0; i < EVENTS; i++)
        events[i] =
            (struct event){.time = i * 1000, .name = STR("e"), .person = STR("p"), .copy = 0};
    for (uint64_t at = 256;; at += 29) {
        char room[64];
        struct str file = {room, 0};
        struct os *os = one_segment(events, &file);
        struct store_batch batch = {.events = events, .event_count = EVENTS};
        struct store_receipt receipt;
        struct err e = {0};
        AUTO(store) *s = NULL;
        AUTO(snapshot) *v = NULL;
        bool is_inside = os_sim_flip(os, file, at, 1);
        /* The same events again: whether they are there is asked of the segment. */
        if (is_inside && store_open(os, STR("s"), &options, &s, &e)) {
            bool is_counted = store_append(s, &batch, &receipt, &e);
            assert_true(is_counted || e.kind == ERR_CORRUPT);
            e = (struct err){0};
            if (store_snapshot(s, &v, &e)) {
                assert_int_equal(snapshot_rows(v), EVENTS);
                taken++;
            } else {
                assert_int_equal(e.kind, ERR_CORRUPT);
                assert_non_null(strstr(e.text, "taking a snapshot of s"));
                refused++;
            }
        }
        snapshot_release(TAKE(v));
        store_close(TAKE(s));
        os_destroy(os);
        if (!is_inside)
            break;
    }
    assert_true(refused > 0 && taken > 0);
    snapshot_release(NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(damage_that_a_snapshot_needs_is_named),
    };
    return cmocka_run_group_tests_name("store/snapshot", tests, NULL, NULL);
}
