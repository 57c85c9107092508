#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "os/os.h"
#include "os/os_sim.h"

/* What os.h promises, of every world: each test runs on the real disk and on the simulated one. */
struct place {
    struct os *os;
    struct arena *arena;
    char root[64];
};

static struct str in(struct place *p, const char *name)
{
    return arena_printf(p->arena, "%s/%s", p->root, name);
}

static int make_real_place(void **state)
{
    struct place *p = mem_zero(sizeof *p);
    const char *tmp = getenv("TMPDIR");
    snprintf(p->root, sizeof p->root, "%.40s/tenure-os-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(p->root))
        return -1;
    p->os = os_linux_create();
    p->arena = arena_create(0);
    *state = p;
    return 0;
}

static int make_simulated_place(void **state)
{
    struct place *p = mem_zero(sizeof *p);
    snprintf(p->root, sizeof p->root, "/data");
    p->os = os_sim_create((struct os_sim_plan){.seed = 1});
    p->arena = arena_create(0);
    struct err e = {0};
    if (!os_dir_make(p->os, str_of(p->root), &e))
        return -1;
    *state = p;
    return 0;
}

static int clear_place(void **state)
{
    struct place *p = *state;
    struct err e = {0};
    struct str *names;
    size_t count = 0;
    if (os_dir_list(p->os, str_of(p->root), p->arena, &names, &count, &e))
        for (size_t i = 0; i < count; i++)
            if (!os_remove(p->os, in(p, names[i].at), &e))
                return -1;
    bool ok = os_remove(p->os, str_of(p->root), &e);
    os_destroy(p->os);
    arena_destroy(p->arena);
    mem_free(p);
    return ok ? 0 : -1;
}

static void writes_in_parts_and_reads_back(void **state)
{
    struct place *p = *state;
    struct err e = {0};
    AUTO(os_file) *f = NULL;
    assert_works(os_file_open(p->os, in(p, "f"), OS_CREATE, &f, &e), e);
    struct str parts[200];
    for (size_t i = 0; i < COUNT(parts); i++)
        parts[i] = i % 3 ? STR("0123456789") : STR("");
    assert_works(os_file_write_at(f, 5, parts, COUNT(parts), &e), e);
    assert_works(os_file_sync(f, &e), e);
    uint64_t size = 0;
    assert_works(os_file_size(f, &size, &e), e);
    assert_int_equal(size, 5 + 133 * 10);
    char room[2000];
    size_t got = 0;
    assert_works(os_file_read_at(f, 0, room, sizeof room, &got, &e), e);
    assert_int_equal(got, size);
    for (size_t i = 0; i < got; i++)
        assert_int_equal(room[i], i < 5 ? 0 : '0' + (i - 5) % 10);
    assert_works(os_file_read_at(f, size, room, 10, &got, &e), e);
    assert_int_equal(got, 0);
    assert_works(os_file_truncate(f, 7, &e), e);
    assert_works(os_file_size(f, &size, &e), e);
    assert_int_equal(size, 7);
    assert_works(os_file_reserve(f, 4096, &e), e);
    assert_works(os_file_reserve(f, 10, &e), e); /* never shrinks */
    assert_works(os_file_size(f, &size, &e), e);
    assert_int_equal(size, 4096);
    assert_works(os_file_read_at(f, 0, room, 16, &got, &e), e);
    assert_memory_equal(room,
                        "\0\0\0\0\0"
                        "01\0\0",
                        9);
}

static void opening_keeps_or_empties(void **state)
{
    struct place *p = *state;
    struct err e = {0};
    assert_works(os_write_whole(p->os, in(p, "f"), STR("hello"), &e), e);
    AUTO(os_file) *kept = NULL;
    assert_works(os_file_open(p->os, in(p, "f"), OS_WRITE, &kept, &e), e);
    uint64_t size = 0;
    assert_works(os_file_size(kept, &size, &e), e);
    assert_int_equal(size, 5);
    AUTO(os_file) *emptied = NULL;
    assert_works(os_file_open(p->os, in(p, "f"), OS_CREATE, &emptied, &e), e);
    assert_works(os_file_size(kept, &size, &e), e);
    assert_int_equal(size, 0);
    AUTO(os_file) *reader = NULL;
    assert_works(os_file_open(p->os, in(p, "f"), OS_READ, &reader, &e), e);
    struct str x = STR("x");
    assert_false(os_file_write_at(reader, 0, &x, 1, &e));
    assert_int_equal(e.kind, ERR_IO);
    assert_non_null(strstr(e.text, "/f: "));
}

static void missing_files_are_told_apart(void **state)
{
    struct place *p = *state;
    struct err e = {0};
    AUTO(os_file) *f = NULL;
    struct os_map map;
    struct str text;
    assert_false(os_file_open(p->os, in(p, "none"), OS_READ, &f, &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_non_null(strstr(e.text, "none: No such file"));
    assert_false(os_map(p->os, in(p, "none"), &map, &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_false(os_read_whole(p->os, in(p, "none"), p->arena, &text, &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_false(os_rename(p->os, in(p, "none"), in(p, "b"), &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_works(os_remove(p->os, in(p, "none"), &e), e);
    assert_false(os_exists(p->os, in(p, "none")));
    assert_false(os_exists(p->os, STR("")));
    assert_false(os_file_open(p->os, STR("a\0b"), OS_READ, &f, &e));
    assert_int_equal(e.kind, ERR_INVALID);
    struct str far = arena_printf(p->arena, "/%0*d", OS_PATH_BYTES, 0);
    assert_false(os_file_open(p->os, far, OS_READ, &f, &e));
    assert_int_equal(e.kind, ERR_INVALID);
}

static void maps_outlive_names(void **state)
{
    struct place *p = *state;
    struct err e = {0};
    struct os_map map = {0}, empty = {0};
    assert_works(os_write_whole(p->os, in(p, "f"), STR("mapped"), &e), e);
    assert_works(os_write_whole(p->os, in(p, "zero"), STR(""), &e), e);
    assert_works(os_map(p->os, in(p, "f"), &map, &e), e);
    assert_works(os_map(p->os, in(p, "zero"), &empty, &e), e);
    assert_works(os_remove(p->os, in(p, "f"), &e), e);
    assert_str(((struct str){map.at, map.len}), STR("mapped"));
    assert_int_equal(empty.len, 0);
    os_unmap(p->os, &map);
    os_unmap(p->os, &empty);
    assert_null(map.at);
    os_unmap(p->os, &map); /* twice is fine */
}

static void directories_list_in_order(void **state)
{
    struct place *p = *state;
    struct err e = {0};
    assert_works(os_dir_make(p->os, in(p, "d"), &e), e);
    assert_works(os_dir_make(p->os, in(p, "d"), &e), e);
    const char *names[] = {"c", "a", "B", "a0"};
    for (size_t i = 0; i < COUNT(names); i++)
        assert_works(os_write_whole(p->os, arena_printf(p->arena, "%s/d/%s", p->root, names[i]),
                                    STR("1"), &e),
                     e);
    struct str *list;
    size_t count;
    assert_works(os_dir_list(p->os, in(p, "d"), p->arena, &list, &count, &e), e);
    const struct str want[] = {STR("B"), STR("a"), STR("a0"), STR("c")}; /* no temporary left */
    assert_int_equal(count, COUNT(want));
    for (size_t i = 0; i < count; i++) {
        assert_str(list[i], want[i]);
        assert_works(os_remove(p->os, arena_printf(p->arena, "%s/d/%s", p->root, list[i].at), &e),
                     e);
    }
    assert_works(os_dir_list(p->os, in(p, "d"), p->arena, &list, &count, &e), e);
    assert_int_equal(count, 0);
    assert_works(os_dir_sync(p->os, in(p, "d"), &e), e);
    assert_works(os_write_whole(p->os, in(p, "f"), STR("1"), &e), e);
    assert_false(os_dir_make(p->os, in(p, "f"), &e)); /* a file has that name */
    assert_false(os_dir_list(p->os, in(p, "f"), p->arena, &list, &count, &e));
    assert_works(os_remove(p->os, in(p, "d"), &e), e);
    assert_false(os_exists(p->os, in(p, "d")));
}

static void whole_files_replace_at_once(void **state)
{
    struct place *p = *state;
    struct err e = {0};
    struct str text;
    assert_works(os_write_whole(p->os, in(p, "f"), STR("one"), &e), e);
    assert_works(os_write_whole(p->os, in(p, "f"), STR("two"), &e), e);
    assert_works(os_read_whole(p->os, in(p, "f"), p->arena, &text, &e), e);
    assert_str(text, STR("two"));
    assert_works(os_dir_make(p->os, in(p, "d"), &e), e);
    assert_false(os_write_whole(p->os, in(p, "d"), STR("x"), &e)); /* a directory has that name */
    assert_false(os_exists(p->os, in(p, "d.tmp")));
}

static void one_holder_of_a_lock(void **state)
{
    struct place *p = *state;
    struct err e = {0};
    AUTO(os_file) *first = NULL;
    AUTO(os_file) *second = NULL;
    assert_works(os_lock(p->os, in(p, "lock"), &first, &e), e);
    assert_false(os_lock(p->os, in(p, "lock"), &second, &e));
    assert_int_equal(e.kind, ERR_BUSY);
    assert_non_null(strstr(e.text, "/lock is locked by another process"));
    os_file_close(TAKE(first));
    assert_works(os_lock(p->os, in(p, "lock"), &second, &e), e);
}

static void those_who_read_share_a_lock(void **state)
{
    struct place *p = *state;
    struct err e = {0};
    AUTO(os_file) *first = NULL;
    AUTO(os_file) *second = NULL;
    AUTO(os_file) *writer = NULL;
    assert_false(os_lock_shared(p->os, in(p, "lock"), &first, &e)); /* and makes nothing */
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_false(os_exists(p->os, in(p, "lock")));
    assert_works(os_lock(p->os, in(p, "lock"), &writer, &e), e);
    assert_false(os_lock_shared(p->os, in(p, "lock"), &first, &e));
    assert_int_equal(e.kind, ERR_BUSY);
    os_file_close(TAKE(writer));
    assert_works(os_lock_shared(p->os, in(p, "lock"), &first, &e), e);
    assert_works(os_lock_shared(p->os, in(p, "lock"), &second, &e), e);
    os_file_close(TAKE(first));
    assert_false(os_lock(p->os, in(p, "lock"), &writer, &e));
    assert_int_equal(e.kind, ERR_BUSY);
    os_file_close(TAKE(second));
    assert_works(os_lock(p->os, in(p, "lock"), &writer, &e), e);
}

static void directories_move_with_what_is_in_them(void **state)
{
    struct place *p = *state;
    struct err e = {0};
    struct str text;
    assert_works(os_dir_make(p->os, in(p, "a"), &e), e);
    assert_works(os_write_whole(p->os, in(p, "a/f"), STR("1"), &e), e);
    assert_false(os_remove(p->os, in(p, "a"), &e)); /* not empty */
    assert_false(os_rename(p->os, in(p, "a"), in(p, "a/b"), &e));
    assert_works(os_rename(p->os, in(p, "a"), in(p, "b"), &e), e);
    assert_false(os_exists(p->os, in(p, "a")));
    assert_works(os_read_whole(p->os, in(p, "b/f"), p->arena, &text, &e), e);
    assert_str(text, STR("1"));
    assert_works(os_remove(p->os, in(p, "b/f"), &e), e);
    struct os_file *f = NULL;
    assert_false(os_file_open(p->os, in(p, "none/f"), OS_CREATE, &f, &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
}

static void unlinked_files_stay_readable(void **state)
{
    struct place *p = *state;
    struct err e = {0};
    AUTO(os_file) *f = NULL;
    assert_works(os_write_whole(p->os, in(p, "f"), STR("still here"), &e), e);
    assert_works(os_file_open(p->os, in(p, "f"), OS_READ, &f, &e), e);
    assert_works(os_remove(p->os, in(p, "f"), &e), e);
    for (int i = 0; i < 300; i++) { /* many others come and go meanwhile */
        assert_works(os_write_whole(p->os, in(p, "g"), STR("other"), &e), e);
        assert_works(os_remove(p->os, in(p, "g"), &e), e);
    }
    char room[32];
    size_t got;
    assert_works(os_file_read_at(f, 0, room, sizeof room, &got, &e), e);
    assert_str(((struct str){room, got}), STR("still here"));
}

static void no_call_takes_a_path_that_is_none(void **state)
{
    struct place *p = *state;
    struct str none = STR("a\0b"), good = in(p, "f"), text, *names;
    struct os_file *f = NULL;
    struct os_map map;
    size_t count;
    uint64_t bytes;
    enum { CALLS = 11 };
    struct err e[CALLS] = {0};
    bool ok[CALLS] = {
        os_map(p->os, none, &map, &e[0]),
        os_rename(p->os, none, good, &e[1]),
        os_rename(p->os, good, none, &e[2]),
        os_remove(p->os, none, &e[3]),
        os_dir_make(p->os, none, &e[4]),
        os_dir_sync(p->os, none, &e[5]),
        os_dir_list(p->os, none, p->arena, &names, &count, &e[6]),
        os_lock(p->os, none, &f, &e[7]),
        os_free_bytes(p->os, none, &bytes, &e[8]),
        os_write_whole(p->os, none, STR("x"), &e[9]),
        os_read_whole(p->os, none, p->arena, &text, &e[10]),
    };
    for (size_t i = 0; i < CALLS; i++) {
        assert_false(ok[i]);
        assert_int_equal(e[i].kind, ERR_INVALID);
        assert_non_null(strstr(e[i].text, "NUL"));
    }
    /* a temporary name beside it must be possible, too */
    struct str far = arena_printf(p->arena, "/%0*d", OS_PATH_BYTES - 4, 0);
    assert_false(os_write_whole(p->os, far, STR("x"), &e[0]));
    assert_int_equal(e[0].kind, ERR_INVALID);
    assert_non_null(strstr(e[0].text, "longer than 1020"));
}

int main(void)
{
#define IN_BOTH(test)                                                                              \
    cmocka_unit_test_setup_teardown(test, make_real_place, clear_place),                           \
        cmocka_unit_test_setup_teardown(test, make_simulated_place, clear_place)
    const struct CMUnitTest tests[] = {
        IN_BOTH(writes_in_parts_and_reads_back), IN_BOTH(opening_keeps_or_empties),
        IN_BOTH(missing_files_are_told_apart),   IN_BOTH(maps_outlive_names),
        IN_BOTH(directories_list_in_order),      IN_BOTH(whole_files_replace_at_once),
        IN_BOTH(one_holder_of_a_lock),           IN_BOTH(directories_move_with_what_is_in_them),
        IN_BOTH(unlinked_files_stay_readable),   IN_BOTH(no_call_takes_a_path_that_is_none),
        IN_BOTH(those_who_read_share_a_lock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
