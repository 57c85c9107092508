/* The manifest against a plain list, through crashes, damage, a full disk and rewriting. */
#include <stdio.h>

#include "base/hash.h"
#include "base/test.h"
#include "codec/bytes.h"
#include "os/os_sim.h"
#include "store/head.h"
#include "store/manifest.h"

static const struct identity owner = {{"main", 4}, 77};

struct world {
    struct os *os;
    struct manifest *m;
    struct err e;
};

static void reopen(struct world *w)
{
    manifest_close(TAKE(w->m));
    assert_works(manifest_open(w->os, STR("/d"), STR("main"), &w->m, &w->e), w->e);
    assert_works(manifest_resume(w->m, &w->e), w->e);
}

static struct world *world_create(void)
{
    struct world *w = mem_zero(sizeof *w);
    w->os = os_sim_create((struct os_sim_plan){.seed = 3});
    assert_works(os_dir_make(w->os, STR("/d"), &w->e), w->e);
    assert_works(os_dir_sync(w->os, STR("/"), &w->e), w->e);
    assert_works(manifest_create(w->os, STR("/d"), &owner, &w->e), w->e);
    reopen(w);
    return w;
}

static void world_destroy(struct world *w)
{
    manifest_close(w->m);
    os_destroy(w->os);
    mem_free(w);
}
AUTO_DEFINE(world, world_destroy)

/* Edit n adds segments 2n + 1 and 2n + 2, and removes 2n - 1 (from the second on). */
static bool edit(struct world *w, uint64_t n)
{
    uint64_t removed = 2 * n - 1;
    struct manifest_segment added[2];
    for (uint64_t i = 0; i < 2; i++)
        added[i] = (struct manifest_segment){.number = 2 * n + 1 + i,
                                             .age = n,
                                             .month_start = -86400000,
                                             .rows = 1000 * n,
                                             .bytes = UINT64_MAX - n};
    struct manifest_edit edit = {.removed = &removed,
                                 .removed_count = n > 0,
                                 .added = added,
                                 .added_count = 2,
                                 .marks = {.people_bytes = n,
                                           .log_file = 1 + n,
                                           .log_sequence = n * n,
                                           .next_segment = 2 * n + 3}};
    return manifest_edit(w->m, &edit, &w->e);
}

/* As after `edits` edits. */
static void check(struct world *w, uint64_t edits)
{
    const struct manifest_content *c = manifest_content(w->m);
    assert_int_equal(c->segment_count, edits ? edits + 1 : 0);
    for (size_t i = 0; i < c->segment_count; i++) {
        uint64_t number = i + 1 < c->segment_count ? 2 * i + 2 : 2 * edits;
        if (i + 2 == c->segment_count)
            number = 2 * edits - 1;
        assert_int_equal(c->segments[i].number, number);
        assert_int_equal(c->segments[i].month_start, -86400000);
        assert_true(c->segments[i].bytes == UINT64_MAX - (number - 1) / 2);
    }
    assert_int_equal(c->marks.log_sequence, edits ? (edits - 1) * (edits - 1) : 1);
    assert_int_equal(c->head.store, 77);
    assert_str(c->head.project, STR("main"));
}

static void comes_back(void **state)
{
    (void)state;
    AUTO(world) *w = world_create();
    check(w, 0);
    for (uint64_t n = 0; n < 20; n++) {
        assert_works(edit(w, n), w->e);
        check(w, n + 1);
        if (n % 3 == 0)
            reopen(w);
        check(w, n + 1);
    }
}

static void is_rewritten_when_long(void **state)
{
    (void)state;
    AUTO(world) *w = world_create();
    uint64_t largest = 0, rewritten = 0, before = 0;
    struct manifest_marks marks = {.log_file = 1, .log_sequence = 1};
    for (uint64_t n = 1; n < 6000; n++) {
        struct manifest_segment added = {.number = n, .rows = n};
        uint64_t removed = n - 1;
        struct manifest_edit one = {.removed = &removed,
                                    .removed_count = n > 1,
                                    .added = &added,
                                    .added_count = 1,
                                    .marks = marks};
        assert_works(manifest_edit(w->m, &one, &w->e), w->e);
        uint64_t bytes = manifest_content(w->m)->bytes;
        rewritten += bytes < before;
        before = bytes;
        largest = MAX(largest, bytes);
    }
    assert_true(rewritten >= 2 && largest < 80000);
    reopen(w);
    assert_int_equal(manifest_content(w->m)->segment_count, 1);
    assert_int_equal(manifest_content(w->m)->segments[0].number, 5999);
}

static void a_crash_leaves_whole_edits(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 40; n++) {
        AUTO(world) *w = world_create();
        os_sim_set_plan(w->os, (struct os_sim_plan){.seed = n, .stop_at = n});
        uint64_t done = 0;
        while (done < 30 && edit(w, done))
            done++;
        if (done == 30)
            break;
        assert_int_equal(w->e.kind, ERR_IO);
        w->e = (struct err){0};
        assert_false(edit(w, done)); /* whether the last one is durable is unknown: no more */
        assert_int_equal(w->e.kind, ERR_BUSY);
        os_sim_crash(w->os);
        os_sim_set_plan(w->os, (struct os_sim_plan){.seed = n});
        reopen(w);
        uint64_t held = manifest_content(w->m)->segment_count;
        held = held ? held - 1 : 0;
        assert_in_range(held, done, done + 1);
        check(w, held);
        assert_works(edit(w, held), w->e);
        reopen(w);
        check(w, held + 1);
    }
}

static void a_full_disk_takes_the_edit_back(void **state)
{
    (void)state;
    AUTO(world) *w = world_create();
    os_sim_set_plan(
        w->os, (struct os_sim_plan){.seed = 1, .disk_bytes_max = os_sim_used_bytes(w->os) + 500});
    uint64_t done = 0;
    while (edit(w, done))
        assert_true(++done < 1000);
    assert_int_equal(w->e.kind, ERR_NO_SPACE);
    os_sim_set_plan(w->os, (struct os_sim_plan){.seed = 1});
    assert_works(edit(w, done), w->e);
    reopen(w);
    check(w, done + 1);
}

static void damage_is_named(void **state)
{
    (void)state;
    AUTO(world) *w = world_create();
    for (uint64_t n = 0; n < 5; n++)
        assert_works(edit(w, n), w->e);
    uint64_t bytes = manifest_content(w->m)->bytes;
    manifest_close(TAKE(w->m));
    size_t named = 0;
    for (uint64_t at = 0; at < bytes; at++) {
        assert_true(os_sim_flip(w->os, STR("/d/manifest"), at, 0x40));
        w->e = (struct err){0};
        if (manifest_open(w->os, STR("/d"), STR("main"), &w->m, &w->e)) {
            check(w, 5); /* only what says twice how long a record is may go unnoticed */
            manifest_close(TAKE(w->m));
        } else {
            assert_int_equal(w->e.kind, ERR_CORRUPT);
            assert_non_null(strstr(w->e.text, "/d/manifest"));
            named++;
        }
        assert_true(os_sim_flip(w->os, STR("/d/manifest"), at, 0x40));
    }
    assert_true(named >= bytes - 6 * 8);
}

static void another_project_is_refused(void **state)
{
    (void)state;
    AUTO(world) *w = world_create();
    manifest_close(TAKE(w->m));
    assert_false(manifest_open(w->os, STR("/d"), STR("other"), &w->m, &w->e));
    assert_int_equal(w->e.kind, ERR_CONFLICT);
    assert_non_null(strstr(w->e.text, "holds project \"main\", not \"other\""));
    assert_false(manifest_open(w->os, STR("/nothing"), STR("main"), &w->m, &w->e));
    assert_int_equal(w->e.kind, ERR_NOT_FOUND);
}

/* Each edit hides one more person and lets another go; long enough that the file is rewritten. */
static void the_hidden_are_kept(void **state)
{
    (void)state;
    AUTO(world) *w = world_create();
    struct manifest_marks marks = {.log_file = 1, .log_sequence = 1};
    for (uint32_t n = 0; n < 6000; n++) {
        uint32_t hidden = n ^ 5, gone = (n - 40) ^ 5;
        struct manifest_edit one = {.hidden = &hidden,
                                    .hidden_count = 1,
                                    .gone = &gone,
                                    .gone_count = n >= 40,
                                    .marks = marks};
        assert_works(manifest_edit(w->m, &one, &w->e), w->e);
    }
    assert_true(manifest_content(w->m)->bytes < 80000);
    reopen(w);
    const struct manifest_content *c = manifest_content(w->m);
    assert_int_equal(c->hidden_count, 40);
    for (uint32_t i = 0; i < 40; i++)
        assert_int_equal(c->hidden[i], 5960 + i);
}

static void rules_come_change_and_go(void **state)
{
    (void)state;
    AUTO(world) *w = world_create();
    struct manifest_marks marks = {.log_file = 1, .log_sequence = 1};
    for (uint32_t n = 0; n < 3000; n++) { /* long enough to be written anew on the way */
        char room[16];
        int len = snprintf(room, sizeof room, "name %u", n % 50);
        struct manifest_rule rules[2] = {{{room, (size_t)len}, 1 + n}, {STR("gone"), n % 2 == 0}};
        struct manifest_edit one = {.rules = rules, .rule_count = 2, .marks = marks};
        assert_works(manifest_edit(w->m, &one, &w->e), w->e);
    }
    assert_true(manifest_content(w->m)->bytes < 80000);
    reopen(w);
    const struct manifest_content *c = manifest_content(w->m);
    assert_int_equal(c->rule_count, 50);
    for (uint32_t n = 0; n < 50; n++) {
        char room[16];
        int len = snprintf(room, sizeof room, "name %u", n);
        assert_str(c->rules[n].name, ((struct str){room, (size_t)len}));
        assert_int_equal(c->rules[n].period_ms, 1 + 2950 + n);
    }
}

/* One call fails, each in turn: then the file is as before the edit, or as after it. */
static void each_failing_call_leaves_whole_edits(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 2; first++) { /* a call of resuming, or of editing */
        for (uint64_t n = 1; n < 40; n++) {
            AUTO(world) *w = world_create();
            uint64_t done = 0;
            for (; done < 3; done++)
                assert_works(edit(w, done), w->e);
            manifest_close(TAKE(w->m));
            assert_works(manifest_open(w->os, STR("/d"), STR("main"), &w->m, &w->e), w->e);
            if (first)
                assert_works(manifest_resume(w->m, &w->e), w->e);
            os_sim_set_plan(w->os, (struct os_sim_plan){.seed = n, .fail_at = n});
            bool works = first || manifest_resume(w->m, &w->e);
            while (works && done < 9 && (works = edit(w, done)))
                done++;
            assert_true(works || w->e.kind == ERR_IO);
            os_sim_set_plan(w->os, (struct os_sim_plan){.seed = n});
            w->e = (struct err){0};
            reopen(w);
            uint64_t held = manifest_content(w->m)->segment_count - 1;
            assert_in_range(held, done, done + 1);
            check(w, held);
        }
    }
}

/* However little room there is when it is resumed or rewritten: nothing is lost. */
static void a_full_disk_lets_it_resume(void **state)
{
    (void)state;
    uint64_t resumed = 0, refused = 0;
    for (uint64_t room = 0; room < 1500; room += 50) {
        AUTO(world) *w = world_create();
        for (uint64_t n = 0; n < 8; n++)
            assert_works(edit(w, n), w->e);
        manifest_close(TAKE(w->m));
        assert_works(manifest_open(w->os, STR("/d"), STR("main"), &w->m, &w->e), w->e);
        os_sim_set_plan(w->os, (struct os_sim_plan){
                                   .seed = 1, .disk_bytes_max = os_sim_used_bytes(w->os) + room});
        if (manifest_resume(w->m, &w->e))
            resumed++;
        else
            refused++;
        assert_true(w->e.kind == ERR_NONE || w->e.kind == ERR_NO_SPACE);
        os_sim_set_plan(w->os, (struct os_sim_plan){.seed = 1});
        w->e = (struct err){0};
        reopen(w);
        check(w, 8);
    }
    assert_true(resumed > 0);
}

/* Records with right checksums and wrong contents are refused, or mean something; nothing is read
 * that is not there. */
static void forged_records_are_refused(void **state)
{
    (void)state;
    enum { HEAD_OF_RECORD = 16, NUMBER_AT = 8 };
    AUTO(world) *w = world_create();
    AUTO(arena) *arena = arena_create(0);
    uint32_t hidden[] = {3, 9}, gone = 3;
    struct manifest_segment added = {.number = 5, .rows = 7};
    struct manifest_edit one = {
        .added = &added, .added_count = 1, .hidden = hidden, .hidden_count = 2};
    struct manifest_edit two = {
        .removed = &added.number, .removed_count = 1, .gone = &gone, .gone_count = 1};
    struct str file;
    uint64_t starts[3], refused = 0, read = 0;
    starts[0] = manifest_content(w->m)->bytes;
    assert_works(manifest_edit(w->m, &one, &w->e), w->e);
    starts[1] = manifest_content(w->m)->bytes;
    assert_works(manifest_edit(w->m, &two, &w->e), w->e);
    starts[2] = manifest_content(w->m)->bytes;
    assert_works(os_read_whole(w->os, STR("/d/manifest"), arena, &file, &w->e), w->e);
    uint32_t salt = manifest_content(w->m)->head.salt;
    for (unsigned r = 0; r < 2; r++)
        for (uint64_t at = starts[r] + HEAD_OF_RECORD; at < starts[r + 1] - 8; at++)
            for (unsigned value = 0; value < 256; value += value < 16 ? 1 : 13) {
                char *copy = mem_zero(file.len);
                struct manifest_content c;
                uint32_t len, crc;
                memcpy(copy, file.at, file.len);
                copy[at] = (char)value;
                memcpy(&len, copy + starts[r], sizeof len);
                crc = crc32c(salt, copy + starts[r] + NUMBER_AT, 8 + len);
                memcpy(copy + starts[r] + 4, &crc, sizeof crc);
                w->e = (struct err){0};
                if (manifest_read((struct str){copy, file.len}, STR("m"), &c, &w->e))
                    read++;
                else
                    refused++;
                manifest_content_free(&c);
                mem_free(copy);
            }
    assert_true(refused > 500 && read > 50);
    w->e = (struct err){0};
}

/* Items of any kind that are cut, or say what cannot be, in records whose checksums are right. */
static void forged_items_are_refused(void **state)
{
    (void)state;
    static const struct { /* 1 add, 2 remove, 3 marks, 4 hide, 5 gone, 6 keep */
        const char *items;
        size_t len;
        bool is_good;
    } cases[] = {
#define ITEMS(bytes, is_good) {bytes, sizeof bytes - 1, is_good}
        ITEMS("\4\3", true),
        ITEMS("\4\3\5\3", true),
        ITEMS("\4", false),                    /* hides nobody */
        ITEMS("\4\xff\xff\xff\xff\xf", false), /* whom no number has */
        ITEMS("\4\3\4\3", false),              /* twice */
        ITEMS("\5\3", false),                  /* who was not hidden goes */
        ITEMS("\6\1a\5", true),                /* a rule */
        ITEMS("\6\1a\5\6\1a\0", true),         /* and gone again */
        ITEMS("\6\1a\0", false),               /* one that was not there goes */
        ITEMS("\6", false),                    /* and cut everywhere */
        ITEMS("\6\0\5", false),
        ITEMS("\6\1", false),
        ITEMS("\6\2a", false),
        ITEMS("\6\1a", false),
        ITEMS("\6\xff\xff\3"
              "a\5",
              false),                                                /* a name of 65,535 bytes */
        ITEMS("\6\1a\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", false), /* 2^64 - 1 ms */
        ITEMS("\1\7\1\0\5\6", true),                                 /* a segment */
        ITEMS("\1\7\1\0\5", false),
        ITEMS("\1\7\1\0", false),
        ITEMS("\1\7\1", false),
        ITEMS("\1\7", false),
        ITEMS("\1", false),
        ITEMS("\1\7\1\0\5\6\1\7\1\0\5\6", false), /* twice */
        ITEMS("\2", false),
        ITEMS("\2\7", false), /* one that is not there */
        ITEMS("\1\7\1\0\5\6\2\7", true),
        ITEMS("\3\1\1\1\1\1\1\1\1\1\1", true),
        ITEMS("\3\1\1\1\1\1\1\1\1\1", false),
        ITEMS("\3\1\1", false),
        ITEMS("\7", false), /* no such item */
        ITEMS("\xff", false),
#undef ITEMS
    };
    AUTO(world) *w = world_create();
    AUTO(arena) *arena = arena_create(0);
    struct str file;
    assert_works(os_read_whole(w->os, STR("/d/manifest"), arena, &file, &w->e), w->e);
    uint32_t salt = manifest_content(w->m)->head.salt;
    for (size_t i = 0; i < COUNT(cases); i++) {
        BUF_AUTO bytes = {0};
        struct manifest_content c;
        struct err e = {0};
        buf_add(&bytes, file);
        size_t at = bytes.len;
        buf_add_u32(&bytes, (uint32_t)cases[i].len);
        buf_add_u32(&bytes, 0);
        buf_add_u64(&bytes, manifest_content(w->m)->records);
        buf_add_bytes(&bytes, cases[i].items, cases[i].len);
        uint32_t crc = crc32c(salt, bytes.at + at + 8, bytes.len - at - 8);
        memcpy(bytes.at + at + 4, &crc, 4);
        buf_add_u32(&bytes, (uint32_t)cases[i].len);
        buf_add(&bytes, STR("MEND"));
        if (manifest_read(buf_str(&bytes), STR("m"), &c, &e) != cases[i].is_good)
            fail_msg("items %zu: %s", i, e.text);
        manifest_content_free(&c);
        /* Nor is a length believed that ends beyond the file. */
        assert_false(manifest_read(str_sub(buf_str(&bytes), 0, HEAD_BYTES), STR("m"), &c, &e));
        manifest_content_free(&c);
    }
}

/* On a full disk the cut that takes an edit back may fail as well: then no more is written. */
static void what_cannot_be_taken_back_stops_it(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= 3; n++) { /* the write, the cut, its sync */
        AUTO(world) *w = world_create();
        for (uint64_t done = 0; done < 3; done++)
            assert_works(edit(w, done), w->e);
        os_sim_set_plan(w->os, (struct os_sim_plan){.seed = n,
                                                    .disk_bytes_max = os_sim_used_bytes(w->os),
                                                    .fail_at = n});
        uint64_t done = 3;
        while (edit(w, done))
            done++;
        assert_true(w->e.kind == ERR_NO_SPACE || w->e.kind == ERR_IO);
        w->e = (struct err){0};
        os_sim_set_plan(w->os, (struct os_sim_plan){.seed = n});
        if (!edit(w, done)) {
            assert_int_equal(w->e.kind, ERR_BUSY);
            w->e = (struct err){0};
            reopen(w);
        } else {
            done++;
        }
        uint64_t held = manifest_content(w->m)->segment_count - 1;
        assert_in_range(held, done, done + 1);
        check(w, held);
    }
}

/* Resuming with a torn end, on a disk with little room or none, while a call that reads or changes
 * fails: whatever was durable is there the next time. */
static void resuming_in_trouble_loses_nothing(void **state)
{
    (void)state;
    uint64_t resumed = 0, refused = 0;
    for (uint64_t room = 0; room < 3; room++)
        for (uint64_t n = 0; n < 24; n++)
            for (unsigned is_torn = 0; is_torn < 2; is_torn++) {
                AUTO(world) *w = world_create();
                for (uint64_t k = 0; k < 8; k++)
                    assert_works(edit(w, k), w->e);
                if (is_torn) {
                    os_sim_set_plan(w->os, (struct os_sim_plan){.seed = 5 + n, .fail_at = 1});
                    assert_false(edit(w, 8));
                    w->e = (struct err){0};
                }
                os_sim_set_plan(w->os, (struct os_sim_plan){.seed = 1});
                manifest_close(TAKE(w->m));
                assert_works(manifest_open(w->os, STR("/d"), STR("main"), &w->m, &w->e), w->e);
                uint64_t held = manifest_content(w->m)->segment_count - 1;
                assert_in_range(held, 8, 9);
                struct os_sim_plan plan = {.seed = 1};
                plan.disk_bytes_max = room == 2 ? 0 : os_sim_used_bytes(w->os) + room * 400;
                plan.read_fail_at = n < 12 ? n : 0;
                plan.fail_at = n < 12 ? 0 : n - 11;
                os_sim_set_plan(w->os, plan);
                if (manifest_resume(w->m, &w->e))
                    resumed++;
                else
                    refused++;
                assert_true(w->e.kind == ERR_NONE || w->e.kind == ERR_NO_SPACE ||
                            w->e.kind == ERR_IO);
                os_sim_set_plan(w->os, (struct os_sim_plan){.seed = 1});
                w->e = (struct err){0};
                reopen(w);
                check(w, held);
            }
    assert_true(resumed > 20 && refused > 20);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back),
        cmocka_unit_test(is_rewritten_when_long),
        cmocka_unit_test(the_hidden_are_kept),
        cmocka_unit_test(rules_come_change_and_go),
        cmocka_unit_test(a_crash_leaves_whole_edits),
        cmocka_unit_test(a_full_disk_takes_the_edit_back),
        cmocka_unit_test(each_failing_call_leaves_whole_edits),
        cmocka_unit_test(a_full_disk_lets_it_resume),
        cmocka_unit_test(forged_records_are_refused),
        cmocka_unit_test(forged_items_are_refused),
        cmocka_unit_test(what_cannot_be_taken_back_stops_it),
        cmocka_unit_test(resuming_in_trouble_loses_nothing),
        cmocka_unit_test(damage_is_named),
        cmocka_unit_test(another_project_is_refused),
    };
    return cmocka_run_group_tests_name("store/manifest", tests, NULL, NULL);
}
