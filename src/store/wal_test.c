/* The log file by file: what was synced is there, tails are cut, damage is told from tails. */
#include "base/hash.h"
#include "base/test.h"
#include "codec/bytes.h"
#include "os/os_sim.h"
#include "store/wal.h"

static const struct identity owner = {{"main", 4}, 77};

struct log {
    struct os *os;
    struct wal *w;
    struct err e;
};

static struct log *log_create(void)
{
    struct log *l = mem_zero(sizeof *l);
    l->os = os_sim_create((struct os_sim_plan){.seed = 3});
    assert_works(os_dir_make(l->os, STR("/d"), &l->e), l->e);
    assert_works(os_dir_sync(l->os, STR("/"), &l->e), l->e);
    assert_works(wal_create(l->os, STR("/d"), &owner, 1, 1, &l->w, &l->e), l->e);
    return l;
}

static void log_destroy(struct log *l)
{
    wal_close(l->w);
    os_destroy(l->os);
    mem_free(l);
}
AUTO_DEFINE(log, log_destroy)

/* Batch n is (n * 37 % 200) bytes that say n. */
static struct str payload_of(char *room, uint64_t n)
{
    size_t len = 8 + n * 37 % 200;
    memset(room, (int)n, len);
    memcpy(room, &n, 8);
    return (struct str){room, len};
}

static bool write_batches(struct log *l, uint64_t count)
{
    char rooms[8][208];
    struct str list[8];
    REQUIRE(count <= COUNT(list));
    for (uint64_t i = 0; i < count; i++)
        list[i] = payload_of(rooms[i], wal_next_sequence(l->w) + i);
    return wal_write(l->w, list, count, &l->e);
}

static bool check_batch(void *context, uint64_t sequence, struct str payload, struct err *e)
{
    (void)e;
    char room[208];
    assert_int_equal(sequence, ++*(uint64_t *)context);
    assert_str(payload, payload_of(room, sequence));
    return true;
}

/* How many batches the file holds; UINT64_MAX when it is damaged. */
static uint64_t read_back(struct log *l, bool is_last, struct wal_end *end)
{
    struct os_map map;
    uint64_t count = 0;
    assert_works(os_map(l->os, STR("/d/wal-0000000001"), &map, &l->e), l->e);
    bool ok = wal_read((struct str){map.at, map.len}, STR("wal-1"), &owner, is_last, check_batch,
                       &count, end, &l->e);
    os_unmap(l->os, &map);
    return ok ? count : UINT64_MAX;
}

static void comes_back_in_order(void **state)
{
    (void)state;
    AUTO(log) *l = log_create();
    struct wal_end end;
    assert_int_equal(read_back(l, true, &end), 0);
    assert_false(end.has_frames);
    for (uint64_t n = 1; n <= 8; n++)
        assert_works(write_batches(l, n) && wal_sync(l->w, &l->e), l->e);
    assert_int_equal(read_back(l, true, &end), 36);
    assert_int_equal(end.sequence, 37);
    assert_int_equal(end.torn_bytes, 0); /* reserved space is zeros, not a tail */
    assert_int_equal(end.bytes, wal_bytes(l->w));
    assert_works(wal_finish(l->w, &l->e), l->e);
    assert_int_equal(read_back(l, false, &end), 36);
    uint64_t size;
    AUTO(os_file) * file;
    assert_works(os_file_open(l->os, STR("/d/wal-0000000001"), OS_READ, &file, &l->e), l->e);
    assert_works(os_file_size(file, &size, &l->e), l->e);
    assert_int_equal(size, end.bytes); /* and is given back at the end */
}

/* Any crash: all that was synced is there, what was not is there from the front or not at all. */
static void a_crash_leaves_a_prefix(void **state)
{
    (void)state;
    size_t torn = 0;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        AUTO(log) *l = log_create();
        os_sim_set_plan(l->os, (struct os_sim_plan){.seed = seed});
        uint64_t synced = 0, dice = seed;
        for (int i = 0; i < 6; i++) {
            assert_works(write_batches(l, 1 + hash_mix(dice++) % 8), l->e);
            if (hash_mix(dice++) % 3 == 0) {
                assert_works(wal_sync(l->w, &l->e), l->e);
                synced = wal_next_sequence(l->w) - 1;
            }
        }
        uint64_t written = wal_next_sequence(l->w) - 1;
        os_sim_crash(l->os);
        struct wal_end end;
        uint64_t held = read_back(l, true, &end);
        assert_in_range(held, synced, written);
        torn += end.torn_bytes != 0;

        wal_close(TAKE(l->w));
        assert_works(wal_resume(l->os, STR("/d/wal-0000000001"), &end, false, &l->w, &l->e), l->e);
        assert_works(write_batches(l, 3) && wal_sync(l->w, &l->e), l->e);
        os_sim_crash(l->os);
        assert_int_equal(read_back(l, true, &end), held + 3);
    }
    assert_true(torn > 10);
}

static void damage_is_told_from_a_torn_tail(void **state)
{
    (void)state;
    size_t damaged = 0, cut = 0;
    for (uint64_t at = HEAD_BYTES; at < 3000; at += 7) {
        AUTO(log) *l = log_create();
        for (uint64_t n = 0; n < 5; n++)
            assert_works(write_batches(l, 2) && wal_sync(l->w, &l->e), l->e);
        assert_works(wal_finish(l->w, &l->e), l->e);
        if (at >= wal_bytes(l->w))
            break;
        assert_true(os_sim_flip(l->os, STR("/d/wal-0000000001"), at, 0x20));
        struct wal_end end;
        uint64_t held = read_back(l, true, &end);
        if (held == UINT64_MAX) {
            assert_int_equal(l->e.kind, ERR_CORRUPT);
            assert_non_null(strstr(l->e.text, "wal-1 is damaged at byte"));
            damaged++;
        } else { /* only padding, and the mark at the end, may go unnoticed: all batches are there
                  */
            assert_int_equal(held, 10);
            cut++;
        }
    }
    assert_true(damaged > 50 && cut < damaged / 5);
}

static void in_an_older_file_a_tail_is_damage(void **state)
{
    (void)state;
    AUTO(log) *l = log_create();
    assert_works(write_batches(l, 2) && wal_sync(l->w, &l->e), l->e);
    assert_works(write_batches(l, 2), l->e);
    os_sim_set_plan(l->os, (struct os_sim_plan){.seed = 4, .fail_at = 1});
    assert_false(write_batches(l, 8)); /* of which a part is written */
    struct wal_end end;
    assert_int_equal(read_back(l, true, &end), 4);
    assert_true(end.torn_bytes > 0);
    assert_int_equal(read_back(l, false, &end), UINT64_MAX);
}

/* The newest frame has no later one that vouches for it; that no sector of it is missing does. */
static void rot_in_the_newest_frame_is_damage(void **state)
{
    (void)state;
    AUTO(log) *l = log_create();
    assert_works(write_batches(l, 2) && wal_sync(l->w, &l->e), l->e);
    uint64_t from = wal_bytes(l->w);
    assert_works(write_batches(l, 8) && wal_sync(l->w, &l->e), l->e);
    size_t unnoticed = 0;
    for (uint64_t at = from; at < wal_bytes(l->w); at++) {
        for (unsigned mask = 1; mask < 256; mask <<= 1) {
            struct wal_end end;
            assert_true(os_sim_flip(l->os, STR("/d/wal-0000000001"), at, (unsigned char)mask));
            uint64_t held = read_back(l, true, &end);
            assert_true(held == UINT64_MAX || held == 10);
            unnoticed += held == 10; /* of padding and the end, which no batch needs */
            assert_true(os_sim_flip(l->os, STR("/d/wal-0000000001"), at, (unsigned char)mask));
        }
    }
    assert_in_range(unnoticed, 1, 16 * 8);
}

/* A sync that fails, then a new start, then a power cut: what was acknowledged after the start is
 * behind bytes that only the system's memory had. */
static void what_a_failed_sync_left_is_written_again(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        AUTO(log) *l = log_create();
        assert_works(write_batches(l, 2) && wal_sync(l->w, &l->e), l->e);
        os_sim_set_plan(l->os, (struct os_sim_plan){.seed = seed, .fail_at = 2});
        assert_false(write_batches(l, 3) && wal_sync(l->w, &l->e));
        wal_close(TAKE(l->w));
        struct wal_end end;
        uint64_t held = read_back(l, true, &end);
        assert_in_range(held, 2, 5);
        assert_works(wal_resume(l->os, STR("/d/wal-0000000001"), &end, false, &l->w, &l->e), l->e);
        assert_works(write_batches(l, 4) && wal_sync(l->w, &l->e), l->e);
        os_sim_crash(l->os);
        assert_int_equal(read_back(l, true, &end), held + 4);
    }
}

static void bytes_that_a_sender_made_up_are_no_frames(void **state)
{
    (void)state;
    AUTO(log) *l = log_create();
    assert_works(write_batches(l, 1) && wal_sync(l->w, &l->e), l->e);
    AUTO(arena) *arena = arena_create(0);
    struct str copy;
    assert_works(os_read_whole(l->os, STR("/d/wal-0000000001"), arena, &copy, &l->e), l->e);
    /* The whole file as a batch of another log: its frames vouch for nothing there. */
    AUTO(log) *other = log_create();
    os_sim_set_plan(other->os, (struct os_sim_plan){.seed = 9});
    wal_close(TAKE(other->w));
    assert_works(wal_create(other->os, STR("/d"), &owner, 1, 1, &other->w, &other->e), other->e);
    assert_works(wal_write(other->w, &copy, 1, &other->e), other->e);
    assert_true(os_sim_flip(other->os, STR("/d/wal-0000000001"), HEAD_BYTES + 5, 1));
    struct wal_end end;
    assert_int_equal(read_back(other, true, &end), 0);
}

static void a_full_disk_takes_the_write_back(void **state)
{
    (void)state;
    AUTO(log) *l = log_create();
    assert_works(write_batches(l, 2) && wal_sync(l->w, &l->e), l->e);
    os_sim_set_plan(l->os,
                    (struct os_sim_plan){.seed = 1, .disk_bytes_max = os_sim_used_bytes(l->os)});
    uint64_t before = 0, after = 0;
    while (before = wal_next_sequence(l->w), write_batches(l, 8))
        assert_true(before < 10000);
    after = wal_next_sequence(l->w);
    assert_int_equal(l->e.kind, ERR_NO_SPACE);
    assert_non_null(strstr(l->e.text, "writing batch"));
    assert_int_equal(before, after);
    assert_false(wal_is_broken(l->w));
    os_sim_set_plan(l->os, (struct os_sim_plan){.seed = 1});
    assert_works(write_batches(l, 1) && wal_sync(l->w, &l->e), l->e);
    struct wal_end end;
    assert_int_equal(read_back(l, true, &end), after);
}

static void after_a_failure_nothing_is_tried_again(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= 3; n++) { /* reserve, write, sync */
        AUTO(log) *l = log_create();
        os_sim_set_plan(l->os, (struct os_sim_plan){.seed = 1, .fail_at = n});
        assert_false(write_batches(l, 2) && wal_sync(l->w, &l->e));
        assert_int_equal(l->e.kind, ERR_IO);
        assert_true(wal_is_broken(l->w));
        uint64_t calls = os_sim_calls(l->os);
        assert_false(write_batches(l, 2));
        assert_int_equal(l->e.kind, ERR_BUSY);
        assert_false(wal_sync(l->w, &l->e));
        assert_int_equal(os_sim_calls(l->os), calls);
    }
}

static void names(void **state)
{
    (void)state;
    char room[WAL_PATH_BYTES];
    uint64_t n;
    assert_str(wal_path(room, STR("/d"), 12), STR("/d/wal-0000000012"));
    assert_true(wal_name(STR("wal-0000000012"), &n) && n == 12);
    assert_false(wal_name(STR("wal-0000000000"), &n));
    assert_false(wal_name(STR("wal-0000000012.tmp"), &n));
    assert_false(wal_name(STR("wal-00000000x2"), &n));
    assert_false(wal_name(STR("manifest"), &n));
}

/* A frame whose checksum is right and whose batches are not what it says. */
static void forged_frames_are_refused(void **state)
{
    (void)state;
    enum { SALT_AT = 40, FRAME = HEAD_BYTES, BATCHES = HEAD_BYTES + WAL_FRAME_BYTES };
    static const struct {
        size_t at;
        uint32_t value;
        const char *says;
    } cases[] = {
        {FRAME + 12, 3, "fewer batches than it says"},
        {FRAME + 12, 1, "more bytes than batches"},
        {BATCHES, 1 << 20, "a batch that is cut"},
        {BATCHES, UINT32_MAX, "a batch that is cut"},
    };
    AUTO(log) *l = log_create();
    AUTO(arena) *arena = arena_create(0);
    struct str file;
    assert_works(write_batches(l, 2) && wal_sync(l->w, &l->e), l->e);
    assert_works(os_read_whole(l->os, STR("/d/wal-0000000001"), arena, &file, &l->e), l->e);
    for (size_t i = 0; i < COUNT(cases); i++) {
        BUF_AUTO forged = {0};
        struct wal_end end;
        struct err e = {0};
        uint64_t count = 0;
        uint32_t salt, bytes;
        buf_add(&forged, file);
        memcpy(forged.at + cases[i].at, &cases[i].value, 4);
        memcpy(&salt, forged.at + SALT_AT, 4);
        memcpy(&bytes, forged.at + FRAME + 8, 4);
        uint32_t crc = crc32c(salt, forged.at + FRAME + 8, WAL_FRAME_BYTES - 8 + bytes);
        memcpy(forged.at + FRAME + 4, &crc, 4);
        assert_false(
            wal_read(buf_str(&forged), STR("wal-1"), NULL, true, check_batch, &count, &end, &e));
        assert_int_equal(e.kind, ERR_CORRUPT);
        if (!strstr(e.text, cases[i].says))
            fail_msg("\"%s\" does not say \"%s\"", e.text, cases[i].says);
    }
    /* Frames of another place in the order, after a cut, or in half a head: the end. */
    for (size_t len = HEAD_BYTES; len < BATCHES; len += 5) {
        struct wal_end end;
        struct err e = {0};
        uint64_t count = 0;
        assert_works(wal_read(str_sub(file, 0, len), STR("wal-1"), NULL, true, check_batch, &count,
                              &end, &e),
                     e);
        assert_int_equal(count, 0);
        assert_str(end.head.project, STR("main"));
    }
}

static struct wal_fresh fresh_of(struct log *l)
{
    struct os_map map;
    struct wal_fresh f = {0};
    assert_works(os_map(l->os, STR("/d/wal-0000000001"), &map, &l->e), l->e);
    wal_find_fresh((struct str){map.at, map.len}, &f);
    os_unmap(l->os, &map);
    return f;
}

static void frames_say_which_batches_were_fresh(void **state)
{
    /* What each frame of three batches claims before it: from this batch on; 0: nothing. */
    static const uint64_t claims[] = {1, 0, 4, 5, 12, 13, 12, 22, 15, 0};
    static const struct wal_range want[] = {{4, 10}, {12, 19}, {15, 25}};
    (void)state;
    AUTO(log) *l = log_create();
    for (size_t i = 0; i < COUNT(claims); i++) {
        if (claims[i])
            wal_note_fresh(l->w, claims[i]);
        assert_works(write_batches(l, 3), l->e);
    }
    struct wal_fresh f = fresh_of(l);
    assert_int_equal(f.count, 2); /* the last two of `want` are one */
    for (uint64_t n = 0; n < 40; n++) {
        bool is_fresh = false;
        for (size_t i = 0; i < COUNT(want); i++)
            is_fresh |= n >= want[i].from && n < want[i].to;
        assert_int_equal(wal_is_fresh(&f, n), is_fresh);
    }
    wal_fresh_free(&f);
    assert_works(wal_sync(l->w, &l->e), l->e);
    wal_note_fresh(l->w, 20);
    assert_works(wal_finish(l->w, &l->e), l->e); /* its empty frame, and that one alone */
    f = fresh_of(l);
    assert_true(wal_is_fresh(&f, 30));
    wal_fresh_free(&f);
    wal_find_fresh(STR("no log"), &f);
    assert_int_equal(f.count, 0);
}

static void a_write_beyond_the_limit_is_refused(void **state)
{
    (void)state;
    AUTO(log) *l = log_create();
    struct str huge = {"x", (size_t)WAL_FRAME_PAYLOAD_MAX}; /* refused before it is read */
    assert_false(wal_write(l->w, &huge, 1, &l->e));
    assert_int_equal(l->e.kind, ERR_TOO_LARGE);
    assert_false(wal_is_broken(l->w));
    l->e = (struct err){0};
    assert_works(write_batches(l, 2) && wal_sync(l->w, &l->e), l->e);
}

/* Each call of starting a log, and of going on with one, fails once. */
static void a_failing_start_is_told_and_loses_nothing(void **state)
{
    (void)state;
    uint64_t created = 0, resumed = 0;
    for (uint64_t n = 1; n < 24; n++) {
        struct os_sim_plan plan = {.seed = n};
        plan.read_fail_at = n < 12 ? n : 0;
        plan.fail_at = n < 12 ? 0 : n - 11;
        AUTO(log) *l = log_create();
        AUTO(wal) *second = NULL;
        struct wal_end end;
        wal_close(TAKE(l->w)); /* one without batches is begun anew */
        assert_int_equal(read_back(l, true, &end), 0);
        os_sim_set_plan(l->os, plan);
        if (!wal_resume(l->os, STR("/d/wal-0000000001"), &end, false, &l->w, &l->e))
            assert_int_equal(l->e.kind, ERR_IO);
        os_sim_set_plan(l->os, (struct os_sim_plan){.seed = n});
        l->e = (struct err){0};
        wal_close(TAKE(l->w));
        assert_int_equal(read_back(l, true, &end), 0);
        assert_works(wal_resume(l->os, STR("/d/wal-0000000001"), &end, false, &l->w, &l->e), l->e);
        assert_works(write_batches(l, 8) && wal_sync(l->w, &l->e), l->e);
        os_sim_set_plan(l->os, plan);
        if (wal_create(l->os, STR("/d"), &owner, 2, 9, &second, &l->e))
            created++;
        else
            assert_int_equal(l->e.kind, ERR_IO);
        os_sim_set_plan(l->os, (struct os_sim_plan){.seed = n});
        l->e = (struct err){0};
        wal_close(TAKE(l->w));
        assert_int_equal(read_back(l, true, &end), 8);
        os_sim_set_plan(l->os, plan);
        if (wal_resume(l->os, STR("/d/wal-0000000001"), &end, false, &l->w, &l->e))
            resumed++;
        else
            assert_int_equal(l->e.kind, ERR_IO);
        os_sim_set_plan(l->os, (struct os_sim_plan){.seed = n});
        l->e = (struct err){0};
        wal_close(TAKE(l->w));
        assert_int_equal(read_back(l, true, &end), 8);
        assert_works(wal_resume(l->os, STR("/d/wal-0000000001"), &end, true, &l->w, &l->e), l->e);
        assert_works(write_batches(l, 1) && wal_sync(l->w, &l->e), l->e);
    }
    assert_in_range(created, 1, 22);
    assert_in_range(resumed, 1, 22);
}

/* A full disk, and a call that fails beside it: what was confirmed is there. */
static void a_full_disk_that_fails_keeps_what_was_confirmed(void **state)
{
    (void)state;
    uint64_t broken = 0;
    for (uint64_t n = 1; n < 12; n++)
        for (uint64_t room = 0; room < 4; room++) {
            AUTO(log) *l = log_create();
            struct wal_end end;
            if (room) {
                assert_works(write_batches(l, 2) && wal_sync(l->w, &l->e), l->e);
                assert_works(wal_finish(l->w, &l->e), l->e);
                wal_close(TAKE(l->w));
                assert_int_equal(read_back(l, true, &end), 2);
                assert_works(wal_resume(l->os, STR("/d/wal-0000000001"), &end, false, &l->w, &l->e),
                             l->e);
            }
            os_sim_set_plan(
                l->os, (struct os_sim_plan){.seed = n,
                                            .disk_bytes_max = os_sim_used_bytes(l->os) + room * 100,
                                            .fail_at = n});
            uint64_t confirmed = room ? 2 : 0;
            while (write_batches(l, 1) && wal_sync(l->w, &l->e))
                confirmed++;
            assert_true(l->e.kind == ERR_NO_SPACE || l->e.kind == ERR_IO);
            broken += wal_is_broken(l->w);
            os_sim_set_plan(l->os, (struct os_sim_plan){.seed = n});
            l->e = (struct err){0};
            if (!wal_is_broken(l->w))
                assert_works(wal_finish(l->w, &l->e), l->e);
            assert_in_range(read_back(l, true, &end), confirmed, confirmed + 1);
        }
    assert_in_range(broken, 5, 43);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_in_order),
        cmocka_unit_test(a_crash_leaves_a_prefix),
        cmocka_unit_test(damage_is_told_from_a_torn_tail),
        cmocka_unit_test(in_an_older_file_a_tail_is_damage),
        cmocka_unit_test(rot_in_the_newest_frame_is_damage),
        cmocka_unit_test(what_a_failed_sync_left_is_written_again),
        cmocka_unit_test(bytes_that_a_sender_made_up_are_no_frames),
        cmocka_unit_test(a_full_disk_takes_the_write_back),
        cmocka_unit_test(after_a_failure_nothing_is_tried_again),
        cmocka_unit_test(forged_frames_are_refused),
        cmocka_unit_test(frames_say_which_batches_were_fresh),
        cmocka_unit_test(a_write_beyond_the_limit_is_refused),
        cmocka_unit_test(a_failing_start_is_told_and_loses_nothing),
        cmocka_unit_test(a_full_disk_that_fails_keeps_what_was_confirmed),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests_name("store/wal", tests, NULL, NULL);
}
