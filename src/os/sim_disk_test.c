#include "base/test.h"

#include "os/os_sim.h"

/* What crashes take and leave, over many seeds; through the same functions as the rooms above use.
 */
enum { SEEDS = 300 };

static struct os *world(uint64_t seed)
{
    struct os *os = os_sim_create((struct os_sim_plan){.seed = seed});
    struct err e = {0};
    assert_works(os_dir_make(os, STR("/d"), &e), e);
    assert_works(os_dir_sync(os, STR("/"), &e), e);
    return os;
}

static struct os_file *opened(struct os *os, struct str path, enum os_open_mode mode)
{
    struct os_file *f = NULL;
    struct err e = {0};
    assert_works(os_file_open(os, path, mode, &f, &e), e);
    return f;
}

static void put(struct os_file *f, uint64_t at, struct str s)
{
    struct err e = {0};
    assert_works(os_file_write_at(f, at, &s, 1, &e), e);
}

static void sync_file(struct os_file *f)
{
    struct err e = {0};
    assert_works(os_file_sync(f, &e), e);
}

static void sync_dir(struct os *os, struct str path)
{
    struct err e = {0};
    assert_works(os_dir_sync(os, path, &e), e);
}

static struct str contents(struct os *os, struct str path, struct arena *a)
{
    struct str text;
    struct err e = {0};
    return os_read_whole(os, path, a, &text, &e) ? text : STR("(none)");
}

static void what_was_synced_survives(void **state)
{
    (void)state;
    AUTO(arena) *a = arena_create(0);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        AUTO(os) *os = world(seed);
        AUTO(os_file) *f = opened(os, STR("/d/f"), OS_CREATE);
        put(f, 0, STR("hello"));
        put(f, 1, STR("u"));
        sync_file(f);
        sync_dir(os, STR("/d"));
        os_sim_crash(os);
        assert_str(contents(os, STR("/d/f"), a), STR("hullo"));
        os_sim_crash(os); /* a second one takes no more */
        assert_str(contents(os, STR("/d/f"), a), STR("hullo"));
    }
}

static void unsynced_bytes_are_kept_lost_or_torn_by_sectors(void **state)
{
    (void)state;
    enum { SECTORS = 8, BYTES = SECTORS * 512 };
    size_t kept = 0, lost = 0, torn = 0;
    char *old = mem_zero(BYTES), *new = mem_zero(BYTES);
    memset(old, 'o', BYTES);
    memset(new, 'n', BYTES);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        AUTO(arena) *a = arena_create(0);
        AUTO(os) *os = world(seed);
        AUTO(os_file) *f = opened(os, STR("/d/f"), OS_CREATE);
        put(f, 0, (struct str){old, BYTES});
        sync_file(f);
        sync_dir(os, STR("/d"));
        put(f, 0, (struct str){new, BYTES});
        os_sim_crash(os);
        struct str now = contents(os, STR("/d/f"), a);
        assert_int_equal(now.len, BYTES);
        size_t new_sectors = 0;
        for (size_t s = 0; s < SECTORS; s++) {
            const char *sector = now.at + s * 512;
            assert_true(memcmp(sector, old, 512) == 0 || memcmp(sector, new, 512) == 0);
            new_sectors += sector[0] == 'n';
        }
        kept += new_sectors == SECTORS;
        lost += new_sectors == 0;
        torn += new_sectors > 0 && new_sectors < SECTORS;
    }
    assert_true(kept > SEEDS / 10 && lost > SEEDS / 10 && torn > SEEDS / 10);
    mem_free(old);
    mem_free(new);
}

/* An appended tail is there, gone, cut, or holds zeros; the part before it is never touched. */
static void unsynced_lengths_are_kept_or_lost(void **state)
{
    (void)state;
    size_t whole = 0, gone = 0, holes = 0;
    char tail[2000];
    memset(tail, 't', sizeof tail);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        AUTO(arena) *a = arena_create(0);
        AUTO(os) *os = world(seed);
        AUTO(os_file) *f = opened(os, STR("/d/f"), OS_CREATE);
        put(f, 0, STR("head"));
        sync_file(f);
        sync_dir(os, STR("/d"));
        put(f, 4, (struct str){tail, sizeof tail});
        os_sim_crash(os);
        struct str now = contents(os, STR("/d/f"), a);
        assert_true(str_starts(now, STR("head")));
        assert_in_range(now.len, 4, 2004);
        bool has_hole = false;
        for (size_t i = 4; i < now.len; i++) {
            assert_true(now.at[i] == 't' || now.at[i] == 0);
            has_hole |= now.at[i] == 0;
        }
        holes += has_hole;
        gone += now.len == 4;
        whole += now.len == 2004 && !has_hole;
    }
    assert_true(whole > SEEDS / 10 && gone > SEEDS / 10 && holes > SEEDS / 30);
}

static void a_truncation_is_kept_or_lost(void **state)
{
    (void)state;
    size_t kept = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        AUTO(arena) *a = arena_create(0);
        AUTO(os) *os = world(seed);
        AUTO(os_file) *f = opened(os, STR("/d/f"), OS_CREATE);
        struct err e = {0};
        put(f, 0, STR("longer"));
        sync_file(f);
        sync_dir(os, STR("/d"));
        assert_works(os_file_truncate(f, 2, &e), e);
        os_sim_crash(os);
        struct str now = contents(os, STR("/d/f"), a);
        assert_true(str_equal(now, STR("lo")) || str_equal(now, STR("longer")));
        kept += now.len == 2;
    }
    assert_in_range(kept, SEEDS / 10, SEEDS * 9 / 10);
}

static void unsynced_names_are_kept_or_lost(void **state)
{
    (void)state;
    size_t kept = 0, removed = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        AUTO(os) *os = world(seed);
        struct err e = {0};
        assert_works(os_write_whole(os, STR("/d/old"), STR("1"), &e), e);
        AUTO(os_file) *f = opened(os, STR("/d/new"), OS_CREATE);
        put(f, 0, STR("synced"));
        sync_file(f); /* the bytes, not the name */
        assert_works(os_remove(os, STR("/d/old"), &e), e);
        os_sim_crash(os);
        kept += os_exists(os, STR("/d/new"));
        removed += !os_exists(os, STR("/d/old"));
        if (os_exists(os, STR("/d/new"))) {
            AUTO(arena) *a = arena_create(0);
            assert_str(contents(os, STR("/d/new"), a), STR("synced"));
        }
    }
    assert_in_range(kept, SEEDS / 10, SEEDS * 9 / 10);
    assert_in_range(removed, SEEDS / 10, SEEDS * 9 / 10);
}

static void a_lost_directory_takes_its_files(void **state)
{
    (void)state;
    size_t kept = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        AUTO(os) *os = world(seed);
        struct err e = {0};
        assert_works(os_dir_make(os, STR("/d/sub"), &e), e);
        assert_works(os_write_whole(os, STR("/d/sub/f"), STR("1"), &e), e);
        os_sim_crash(os);
        assert_int_equal(os_exists(os, STR("/d/sub")), os_exists(os, STR("/d/sub/f")));
        kept += os_exists(os, STR("/d/sub"));
    }
    assert_in_range(kept, SEEDS / 10, SEEDS * 9 / 10);
}

/* A rename is whole or not at all: one of the names, never both, never none. */
static void renames_are_whole(void **state)
{
    (void)state;
    size_t kept = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        AUTO(os) *os = world(seed);
        struct err e = {0};
        assert_works(os_dir_make(os, STR("/d/sub"), &e), e);
        assert_works(os_write_whole(os, STR("/d/a"), STR("1"), &e), e);
        struct str to = seed % 2 ? STR("/d/b") : STR("/d/sub/b");
        assert_works(os_rename(os, STR("/d/a"), to, &e), e);
        os_sim_crash(os);
        assert_true(os_exists(os, STR("/d/a")) != os_exists(os, to));
        kept += os_exists(os, to);
    }
    assert_in_range(kept, SEEDS / 10, SEEDS * 9 / 10);
}

/* A file made in one directory and moved to another: whichever is synced, it has one name after. */
static void a_sync_takes_a_moved_name_along(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        AUTO(os) *os = world(seed);
        struct err e = {0};
        assert_works(os_dir_make(os, STR("/d/sub"), &e), e);
        sync_dir(os, STR("/d"));
        os_file_close(opened(os, STR("/d/a"), OS_CREATE));
        assert_works(os_rename(os, STR("/d/a"), STR("/d/sub/a"), &e), e);
        sync_dir(os, seed % 2 ? STR("/d") : STR("/d/sub"));
        os_sim_crash(os);
        assert_false(os_exists(os, STR("/d/a")));
        assert_true(os_exists(os, STR("/d/sub/a")));
    }
}

static void a_failed_sync_is_not_made_good_by_a_second(void **state)
{
    (void)state;
    size_t lost = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        AUTO(arena) *a = arena_create(0);
        AUTO(os) *os = world(seed);
        AUTO(os_file) *f = opened(os, STR("/d/f"), OS_CREATE);
        sync_dir(os, STR("/d"));
        put(f, 0, STR("bytes"));
        os_sim_set_plan(os, (struct os_sim_plan){.seed = seed, .fail_at = 1});
        struct err e = {0};
        assert_false(os_file_sync(f, &e));
        sync_file(f); /* says yes, as Linux does */
        assert_str(contents(os, STR("/d/f"), a), STR("bytes"));
        os_sim_crash(os);
        lost += contents(os, STR("/d/f"), a).len == 0;
    }
    assert_in_range(lost, SEEDS / 10, SEEDS * 9 / 10);
}

static void handles_go_stale_and_locks_open(void **state)
{
    (void)state;
    AUTO(os) *os = world(1);
    struct err e = {0};
    AUTO(os_file) *f = opened(os, STR("/d/f"), OS_CREATE);
    AUTO(os_file) *lock = NULL;
    assert_works(os_lock(os, STR("/d/lock"), &lock, &e), e);
    sync_dir(os, STR("/d"));
    os_sim_crash(os);
    struct str x = STR("x");
    uint64_t size;
    size_t got;
    char room[4];
    assert_false(os_file_write_at(f, 0, &x, 1, &e));
    assert_non_null(strstr(e.text, "before the crash"));
    assert_false(os_file_sync(f, &e));
    assert_false(os_file_size(f, &size, &e));
    assert_false(os_file_read_at(f, 0, room, 4, &got, &e));
    assert_false(os_file_truncate(f, 0, &e));
    AUTO(os_file) *again = NULL;
    assert_works(os_lock(os, STR("/d/lock"), &again, &e), e);
    os_file_close(TAKE(lock)); /* the stale one does not open the new lock */
    struct os_file *third = NULL;
    assert_false(os_lock(os, STR("/d/lock"), &third, &e));
    assert_int_equal(e.kind, ERR_BUSY);
}

/* Power cuts at every call of a replacement: what was there or what was to come, whole. */
static void a_power_cut_leaves_old_or_new(void **state)
{
    (void)state;
    size_t came = 0;
    for (uint64_t n = 1; n <= 6; n++)
        for (uint64_t seed = 0; seed < 100; seed++) {
            AUTO(arena) *a = arena_create(0);
            AUTO(os) *os = world(seed);
            struct err e = {0};
            assert_works(os_write_whole(os, STR("/d/f"), STR("old"), &e), e);
            os_sim_set_plan(os, (struct os_sim_plan){.seed = seed, .stop_at = n});
            bool done = os_write_whole(os, STR("/d/f"), STR("new text"), &e);
            assert_int_equal(done, n == 6);
            if (!done) {
                assert_int_equal(e.kind, ERR_IO);
                assert_false(os_dir_make(os, STR("/d/late"), &e)); /* the power is gone */
            }
            os_sim_crash(os);
            struct str now = contents(os, STR("/d/f"), a);
            assert_true(str_equal(now, STR("new text")) || (!done && str_equal(now, STR("old"))));
            assert_false(os_exists(os, STR("/d/late")));
            came += !done && now.len == 8;
            assert_works(os_dir_make(os, STR("/d/late"), &e), e); /* and back */
        }
    assert_true(came > 20); /* the cut call sometimes happened all the same */
}

static void one_seed_is_one_story(void **state)
{
    (void)state;
    AUTO(arena) *a = arena_create(0);
    struct str endings[2][40];
    size_t differ = 0;
    for (size_t round = 0; round < 2; round++)
        for (uint64_t seed = 0; seed < 40; seed++) {
            AUTO(os) *os = world(seed);
            AUTO(os_file) *f = opened(os, STR("/d/f"), OS_CREATE);
            for (uint64_t i = 0; i < 20; i++)
                put(f, i * 600, STR("some bytes"));
            os_sim_crash(os);
            endings[round][seed] = contents(os, STR("/d/f"), a);
            if (round == 1)
                assert_str(endings[1][seed], endings[0][seed]);
            differ += seed > 0 && !str_equal(endings[round][seed], endings[round][seed - 1]);
        }
    assert_true(differ > 20);
}

/* ---- damage of a given kind ---- */

struct outcome {
    bool has_name, lost_name;
    struct str bytes; /* of a file that was there before */
};

/* A file of 1,024 'o' is durable; then 'n' is written over and behind it, another one is made and
 * a third removed; then the power goes. */
static struct outcome after(enum os_sim_damage damage, uint64_t seed, struct arena *a)
{
    static char old[1024], new[2048];
    memset(old, 'o', sizeof old);
    memset(new, 'n', sizeof new);
    AUTO(os) *os = world(seed);
    struct err e = {0};
    AUTO(os_file) *f = opened(os, STR("/d/f"), OS_CREATE);
    put(f, 0, (struct str){old, sizeof old});
    sync_file(f);
    assert_works(os_write_whole(os, STR("/d/gone"), STR("1"), &e), e);
    assert_false(os_sim_is_unsynced(os));
    put(f, 0, (struct str){new, sizeof new});
    assert_true(os_sim_is_unsynced(os));
    os_file_close(opened(os, STR("/d/new"), OS_CREATE));
    assert_works(os_remove(os, STR("/d/gone"), &e), e);
    os_sim_crash_as(os, damage);
    assert_false(os_sim_is_unsynced(os));
    return (struct outcome){os_exists(os, STR("/d/new")), !os_exists(os, STR("/d/gone")),
                            contents(os, STR("/d/f"), a)};
}

static size_t count_of(struct str s, char c)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += s.at[i] == c;
    return n;
}

static void damage_is_what_its_name_says(void **state)
{
    (void)state;
    static const struct {
        enum os_sim_damage damage;
        bool has_names;
        size_t len, news;
    } cases[] = {
        {OS_SIM_DROP, false, 1024, 0},   {OS_SIM_KEEP, true, 2048, 2048},
        {OS_SIM_NAMES, true, 1024, 0},   {OS_SIM_BYTES, false, 2048, 2048},
        {OS_SIM_LENGTHS, true, 2048, 0},
    };
    AUTO(arena) *a = arena_create(0);
    for (size_t i = 0; i < COUNT(cases); i++)
        for (uint64_t seed = 0; seed < 20; seed++) {
            struct outcome o = after(cases[i].damage, seed, a);
            assert_int_equal(o.has_name, cases[i].has_names);
            assert_int_equal(o.lost_name, cases[i].has_names);
            assert_int_equal(o.bytes.len, cases[i].len);
            assert_int_equal(count_of(o.bytes, 'n'), cases[i].news);
        }
    size_t torn = 0, cut = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct outcome o = after(OS_SIM_TEAR, seed, a);
        assert_int_equal(count_of(o.bytes, 'n') % 512, 0);
        torn += count_of(o.bytes, 'n') % 2048 != 0;
        o = after(OS_SIM_FIRST, seed, a); /* the write came first, then the names */
        assert_true(!o.has_name || count_of(o.bytes, 'n') == 2048);
        assert_true(!o.lost_name || o.has_name);
        cut += o.has_name && !o.lost_name;
    }
    assert_true(torn > SEEDS / 2 && cut > SEEDS / 10);
}

/* Names are one list in time with the bytes: a rename that survives brings what was before it. */
static void what_was_first_is_there_with_what_was_later(void **state)
{
    (void)state;
    size_t kept = 0, half = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        AUTO(os) *os = world(seed);
        AUTO(arena) *a = arena_create(0);
        struct err e = {0};
        AUTO(os_file) *f = opened(os, STR("/d/f.tmp"), OS_CREATE);
        put(f, 0, STR("text"));
        assert_works(os_rename(os, STR("/d/f.tmp"), STR("/d/f"), &e), e);
        os_sim_crash_as(os, OS_SIM_FIRST);
        kept += os_exists(os, STR("/d/f"));
        half += os_exists(os, STR("/d/f.tmp"));
        if (os_exists(os, STR("/d/f")))
            assert_str(contents(os, STR("/d/f"), a), STR("text"));
    }
    assert_in_range(kept, SEEDS / 10, SEEDS * 9 / 10);
    assert_in_range(half, SEEDS / 10, SEEDS * 9 / 10);
}

struct watched {
    size_t calls, texts;
};

static void look(void *context, struct os *os)
{
    struct watched *w = context;
    AUTO(arena) *a = arena_create(0);
    AUTO(os) *copy = os_sim_copy(os);
    AUTO(os_file) *f = NULL;
    struct err e = {0};
    w->calls++;
    os_sim_crash_as(copy, OS_SIM_KEEP);
    w->texts += contents(copy, STR("/d/f"), a).len == 4;
    assert_works(os_lock(copy, STR("/d/lock"), &f, &e), e); /* nobody holds it there */
    assert_works(os_write_whole(copy, STR("/d/f"), STR("other"), &e), e);
    assert_str(contents(copy, STR("/d/f"), a), STR("other"));
}

static void a_copy_lives_on_its_own(void **state)
{
    (void)state;
    AUTO(arena) *a = arena_create(0);
    AUTO(os) *os = world(1);
    AUTO(os_file) *lock = NULL;
    struct err e = {0};
    assert_works(os_lock(os, STR("/d/lock"), &lock, &e), e);
    struct watched w = {0};
    os_sim_watch(os, look, &w);
    AUTO(os_file) *f = opened(os, STR("/d/f"), OS_CREATE);
    put(f, 0, STR("text"));
    sync_file(f);
    sync_dir(os, STR("/d"));
    os_sim_watch(os, NULL, NULL);
    assert_works(os_rename(os, STR("/d/f"), STR("/d/g"), &e), e);
    assert_int_equal(w.calls, 4);
    assert_int_equal(w.texts, 2); /* before the two syncs */
    os_sim_crash(os);
    struct str text = os_exists(os, STR("/d/g")) ? STR("/d/g") : STR("/d/f");
    assert_str(contents(os, text, a), STR("text"));
}

static void a_disk_whose_syncs_lie_keeps_nothing(void **state)
{
    (void)state;
    AUTO(os) *os = world(1);
    os_sim_set_plan(os, (struct os_sim_plan){.sync_lies = true});
    struct err e = {0};
    assert_works(os_write_whole(os, STR("/d/f"), STR("text"), &e), e);
    assert_true(os_exists(os, STR("/d/f")));
    os_sim_crash_as(os, OS_SIM_DROP);
    assert_false(os_exists(os, STR("/d/f")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damage_is_what_its_name_says),
        cmocka_unit_test(what_was_first_is_there_with_what_was_later),
        cmocka_unit_test(a_copy_lives_on_its_own),
        cmocka_unit_test(a_disk_whose_syncs_lie_keeps_nothing),
        cmocka_unit_test(what_was_synced_survives),
        cmocka_unit_test(unsynced_bytes_are_kept_lost_or_torn_by_sectors),
        cmocka_unit_test(unsynced_lengths_are_kept_or_lost),
        cmocka_unit_test(a_truncation_is_kept_or_lost),
        cmocka_unit_test(unsynced_names_are_kept_or_lost),
        cmocka_unit_test(a_lost_directory_takes_its_files),
        cmocka_unit_test(renames_are_whole),
        cmocka_unit_test(a_sync_takes_a_moved_name_along),
        cmocka_unit_test(a_failed_sync_is_not_made_good_by_a_second),
        cmocka_unit_test(handles_go_stale_and_locks_open),
        cmocka_unit_test(a_power_cut_leaves_old_or_new),
        cmocka_unit_test(one_seed_is_one_story),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
