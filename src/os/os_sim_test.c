#include "base/test.h"

#include <pthread.h>

#include "os/os_sim.h"

static struct os *world(struct os_sim_plan plan)
{
    struct os *os = os_sim_create((struct os_sim_plan){.seed = plan.seed});
    struct err e = {0};
    assert_works(os_dir_make(os, STR("/d"), &e), e);
    assert_works(os_dir_sync(os, STR("/"), &e), e);
    os_sim_set_plan(os, plan);
    return os;
}

static struct str contents(struct os *os, struct str path, struct arena *a)
{
    struct str text;
    struct err e = {0};
    return os_read_whole(os, path, a, &text, &e) ? text : STR("(none)");
}

static bool put(struct os_file *f, uint64_t at, struct str s, struct err *e)
{
    return os_file_write_at(f, at, &s, 1, e);
}

static void clock_and_dice_follow_the_plan(void **state)
{
    (void)state;
    AUTO(os) *a = os_sim_create((struct os_sim_plan){.seed = 7});
    AUTO(os) *b = os_sim_create((struct os_sim_plan){.seed = 7, .now_ms = 5});
    AUTO(os) *c = os_sim_create((struct os_sim_plan){.seed = 8});
    assert_int_equal(os_now_ms(a), 1767225600000);
    assert_int_equal(os_now_ms(b), 5);
    uint64_t before = os_monotonic_ns(a);
    os_sim_advance(a, 86400000);
    assert_int_equal(os_now_ms(a), 1767225600000 + 86400000);
    assert_true(os_monotonic_ns(a) >= before + 86400000ull * 1000000);
    os_sim_advance(a, -1000); /* the wall clock may be set back, the other one may not */
    assert_true(os_monotonic_ns(a) >= before + 86400000ull * 1000000);
    unsigned char x[20], y[20], z[20];
    os_random(a, x, sizeof x);
    os_random(b, y, sizeof y);
    os_random(c, z, sizeof z);
    assert_memory_equal(x, y, sizeof x);
    assert_memory_not_equal(x, z, sizeof x);
    os_random(a, x, sizeof x);
    assert_memory_not_equal(x, y, sizeof x);
}

static void a_full_disk_keeps_what_fits(void **state)
{
    (void)state;
    AUTO(arena) *a = arena_create(0);
    AUTO(os) *os = world((struct os_sim_plan){.seed = 1, .disk_bytes_max = 100});
    struct err e = {0};
    AUTO(os_file) *f = NULL;
    assert_works(os_file_open(os, STR("/d/f"), OS_CREATE, &f, &e), e);
    char bytes[80];
    memset(bytes, 'x', sizeof bytes);
    struct str part = {bytes, sizeof bytes};
    assert_works(put(f, 0, part, &e), e);
    assert_false(put(f, 80, part, &e));
    assert_int_equal(e.kind, ERR_NO_SPACE);
    assert_int_equal(os_sim_used_bytes(os), 100);
    assert_works(put(f, 20, part, &e), e); /* over what is there */
    assert_false(os_file_reserve(f, 101, &e));
    assert_int_equal(e.kind, ERR_NO_SPACE);
    assert_false(os_write_whole(os, STR("/d/g"), STR("1"), &e));
    assert_int_equal(e.kind, ERR_NO_SPACE);
    assert_false(os_exists(os, STR("/d/g.tmp")));
    uint64_t left = 1;
    assert_works(os_free_bytes(os, STR("/d"), &left, &e), e);
    assert_int_equal(left, 0);
    assert_works(os_file_truncate(f, 10, &e), e);
    assert_works(os_write_whole(os, STR("/d/g"), STR("1"), &e), e);
    assert_str(contents(os, STR("/d/g"), a), STR("1"));
    assert_works(os_remove(os, STR("/d/f"), &e), e);
    assert_int_equal(os_sim_used_bytes(os), 11); /* still open */
    os_file_close(TAKE(f));
    assert_int_equal(os_sim_used_bytes(os), 1);
}

/* os_write_whole makes five changing calls; whichever fails, old or new stands there whole. */
static void the_nth_call_fails_and_says_so(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= 7; n++)
        for (uint64_t seed = 0; seed < 20; seed++) {
            AUTO(arena) *a = arena_create(0);
            AUTO(os) *os = world((struct os_sim_plan){.seed = seed});
            struct err e = {0};
            assert_works(os_write_whole(os, STR("/d/f"), STR("old"), &e), e);
            assert_int_equal(os_sim_calls(os), 5);
            os_sim_set_plan(os, (struct os_sim_plan){.seed = seed, .fail_at = n});
            bool done = os_write_whole(os, STR("/d/f"), STR("new one"), &e);
            assert_int_equal(done, n > 5);
            if (!done)
                assert_int_equal(e.kind, ERR_IO);
            struct str now = contents(os, STR("/d/f"), a);
            assert_str(now, n >= 5 ? STR("new one") : STR("old"));
            os_sim_crash(os);
            now = contents(os, STR("/d/f"), a);
            assert_true(str_equal(now, STR("new one")) || (!done && str_equal(now, STR("old"))));
            assert_works(os_write_whole(os, STR("/d/f"), STR("third"), &e),
                         e); /* all is well again */
        }
}

static void faults_may_last(void **state)
{
    (void)state;
    AUTO(os) *os = world((struct os_sim_plan){.fail_at = 2, .fail_for_ever = true});
    struct err e = {0};
    assert_works(os_dir_make(os, STR("/d/a"), &e), e);
    for (int i = 0; i < 5; i++) {
        assert_false(os_dir_make(os, STR("/d/b"), &e));
        assert_int_equal(e.kind, ERR_IO);
        assert_non_null(strstr(e.text, "/d/b"));
    }
    assert_true(os_exists(os, STR("/d/a"))); /* reading goes on */
    os_sim_set_plan(os, (struct os_sim_plan){0});
    assert_works(os_dir_make(os, STR("/d/b"), &e), e);
}

static void each_kind_of_call_can_fail(void **state)
{
    (void)state;
    struct err e = {0};
    AUTO(os) *os = world((struct os_sim_plan){0});
    AUTO(os_file) *f = NULL;
    assert_works(os_file_open(os, STR("/d/f"), OS_CREATE, &f, &e), e);
    assert_works(put(f, 0, STR("text"), &e), e);
    struct os_sim_plan all_fail = {.fail_at = 1, .fail_for_ever = true};
    os_sim_set_plan(os, all_fail);
    struct os_file *none = NULL;
    assert_false(os_file_open(os, STR("/d/g"), OS_WRITE, &none, &e));
    assert_false(os_file_open(os, STR("/d/f"), OS_CREATE, &none, &e));
    assert_false(os_lock(os, STR("/d/lock"), &none, &e));
    assert_null(none);
    assert_false(os_file_truncate(f, 1, &e));
    assert_false(os_file_reserve(f, 100, &e));
    assert_false(os_file_sync(f, &e));
    assert_false(os_rename(os, STR("/d/f"), STR("/d/g"), &e));
    assert_false(os_remove(os, STR("/d/f"), &e));
    assert_false(os_dir_sync(os, STR("/d"), &e));
    assert_int_equal(os_sim_calls(os), 9);
    uint64_t size;
    assert_works(os_file_size(f, &size, &e), e);
    assert_int_equal(size, 4); /* none of them did anything */
    assert_works(os_file_open(os, STR("/d/f"), OS_WRITE, &none, &e), e); /* changes nothing */
    os_file_close(none);
}

static void a_flipped_byte_stays_flipped(void **state)
{
    (void)state;
    AUTO(arena) *a = arena_create(0);
    AUTO(os) *os = world((struct os_sim_plan){0});
    struct err e = {0};
    assert_works(os_write_whole(os, STR("/d/f"), STR("abc"), &e), e);
    assert_true(os_sim_flip(os, STR("/d/f"), 1, 3));
    assert_str(contents(os, STR("/d/f"), a), STR("aac"));
    os_sim_crash(os);
    assert_str(contents(os, STR("/d/f"), a), STR("aac"));
    assert_false(os_sim_flip(os, STR("/d/f"), 3, 1));
    assert_false(os_sim_flip(os, STR("/d/none"), 0, 1));
}

static void paths_have_one_meaning(void **state)
{
    (void)state;
    AUTO(os) *os = world((struct os_sim_plan){0});
    struct err e = {0};
    assert_works(os_write_whole(os, STR("d/f"), STR("1"), &e), e);
    assert_true(os_exists(os, STR("/d/f")));
    assert_true(os_exists(os, STR("./d//f")));
    assert_true(os_exists(os, STR("/")));
    assert_false(os_exists(os, STR("/d/../d/f")));
    assert_false(os_exists(os, STR("/d/f/g")));
    assert_false(os_remove(os, STR("/"), &e));
}

struct writer {
    struct os *os;
    struct str path;
};

static void *write_often(void *context)
{
    struct writer *w = context;
    struct err e = {0};
    for (int i = 0; i < 200; i++)
        if (!os_write_whole(w->os, w->path, STR("threads"), &e))
            return w;
    return NULL;
}

static void threads_may_share_it(void **state)
{
    (void)state;
    AUTO(os) *os = world((struct os_sim_plan){0});
    struct writer writers[] = {{os, STR("/d/a")}, {os, STR("/d/b")}, {os, STR("/d/c")}};
    pthread_t threads[COUNT(writers)];
    for (size_t i = 0; i < COUNT(writers); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_often, &writers[i]), 0);
    for (size_t i = 0; i < COUNT(writers); i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(os_sim_calls(os), COUNT(writers) * 200 * 5);
    assert_int_equal(os_sim_used_bytes(os), COUNT(writers) * 7);
}

/* Reading calls have numbers of their own, and fail once. */
static void the_nth_reading_call_fails(void **state)
{
    (void)state;
    AUTO(arena) *a = arena_create(0);
    AUTO(os) *os = world((struct os_sim_plan){.seed = 1});
    struct err e = {0};
    assert_works(os_write_whole(os, STR("/d/f"), STR("text"), &e), e);
    enum { CALLS = 5 };
    for (uint64_t n = 1; n <= CALLS + 1; n++) {
        os_sim_set_plan(os, (struct os_sim_plan){.seed = 1, .read_fail_at = n});
        AUTO(os_file) *f = NULL;
        struct os_map map = {0};
        struct str *names;
        uint64_t size;
        size_t got, count, worked = 0, failed = 0;
        char room[8];
        for (int again = 0; again < 2 && !f; again++)
            *(os_file_open(os, STR("/d/f"), OS_READ, &f, &e) ? &worked : &failed) += 1;
        *(os_file_size(f, &size, &e) ? &worked : &failed) += 1;
        *(os_file_read_at(f, 0, room, sizeof room, &got, &e) ? &worked : &failed) += 1;
        *(os_map(os, STR("/d/f"), &map, &e) ? &worked : &failed) += 1;
        *(os_dir_list(os, STR("/d"), a, &names, &count, &e) ? &worked : &failed) += 1;
        os_unmap(os, &map);
        assert_int_equal(failed, n <= CALLS);
        assert_int_equal(worked, n == 1 || n > CALLS ? CALLS : CALLS - 1);
        assert_int_equal(os_sim_reads(os), n == 1 ? CALLS + 1 : CALLS);
        assert_int_equal(os_sim_calls(os), 0);
        if (failed)
            assert_int_equal(e.kind, ERR_IO);
        e = (struct err){0};
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clock_and_dice_follow_the_plan),
        cmocka_unit_test(a_full_disk_keeps_what_fits),
        cmocka_unit_test(the_nth_call_fails_and_says_so),
        cmocka_unit_test(faults_may_last),
        cmocka_unit_test(each_kind_of_call_can_fail),
        cmocka_unit_test(a_flipped_byte_stays_flipped),
        cmocka_unit_test(paths_have_one_meaning),
        cmocka_unit_test(threads_may_share_it),
        cmocka_unit_test(the_nth_reading_call_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
