#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/os.h"
#include "record/image.h"
#include "record/record.h"

/*
 * A database as a process that was killed leaves it: with transactions that are only in its log.
 * The bytes are taken while it is open, before anything puts the log in place.
 */
enum { ROWS = 300 };

static const struct record_migration steps[] = {
    {1, "CREATE TABLE pet(name TEXT PRIMARY KEY, age INTEGER NOT NULL) STRICT"}};

struct left {
    char dir[64];
    struct os *os;
    struct arena *arena;
    struct record *record;
    struct str db, log;
    size_t ends[ROWS + 1]; /* of the log, after so many rows */
};

static struct str read_file(struct left *l, const char *name)
{
    struct err e = {0};
    struct str bytes;
    struct str path = arena_printf(l->arena, "%s/%s", l->dir, name);
    assert_works(os_read_whole(l->os, path, l->arena, &bytes, &e), e);
    return bytes;
}

static size_t log_size(struct left *l)
{
    struct err e = {0};
    AUTO(os_file) *file = NULL;
    uint64_t bytes;
    struct str path = arena_printf(l->arena, "%s/records.db-wal", l->dir);
    assert_works(os_file_open(l->os, path, OS_READ, &file, &e), e);
    assert_works(os_file_size(file, &bytes, &e), e);
    return bytes;
}

static int leave(void **state)
{
    struct left *l = mem_zero(sizeof *l);
    struct err e = {0};
    l->os = os_linux_create();
    l->arena = arena_create(0);
    snprintf(l->dir, sizeof l->dir, "/tmp/tenure-image-XXXXXX");
    assert_non_null(mkdtemp(l->dir));
    struct str path = arena_printf(l->arena, "%s/records.db", l->dir);
    assert_works(record_open(path, steps, COUNT(steps), &l->record, &e), e);
    l->ends[0] = log_size(l);
    for (int i = 0; i < ROWS; i++) {
        struct record_value values[] = {RECORD_T(arena_printf(l->arena, "pet-%04d", i)),
                                        RECORD_I(i)};
        assert_works(record_run(l->record, "INSERT INTO pet(name, age) VALUES ($1, $2)", values, 2,
                                NULL, &e),
                     e);
        l->ends[i + 1] = log_size(l);
    }
    l->db = read_file(l, "records.db");
    l->log = read_file(l, "records.db-wal");
    *state = l;
    return 0;
}

static int drop(void **state)
{
    static const char *const names[] = {"records.db", "records.db-wal", "records.db-shm"};
    struct left *l = *state;
    struct err e = {0};
    record_close(l->record);
    for (size_t i = 0; i < COUNT(names); i++)
        assert_works(os_remove(l->os, arena_printf(l->arena, "%s/%s", l->dir, names[i]), &e), e);
    rmdir(l->dir);
    arena_destroy(l->arena);
    os_destroy(l->os);
    mem_free(l);
    return 0;
}

/* Rows that a copy of these bytes holds; -1: it does not open, or is damaged. */
static int64_t rows_of(struct left *l, struct str db, struct str log)
{
    AUTO(record) *copy = NULL;
    struct record_value *cells = NULL;
    struct err e = {0};
    if (!record_open_copy(STR("records.db"), db, log, steps, COUNT(steps), &copy, &e) ||
        !record_check(copy, &e) ||
        !record_one(copy, "SELECT count(*), coalesce(max(age), -1) FROM pet", NULL, 0, l->arena,
                    &cells, &e))
        return -1;
    assert_int_equal(cells[0].integer, cells[1].integer + 1); /* a prefix of what was written */
    return cells[0].integer;
}

static void what_is_only_in_the_log_is_there(void **state)
{
    struct left *l = *state;
    assert_true(l->ends[ROWS] > l->ends[0]);
    assert_int_equal(rows_of(l, l->db, l->log), ROWS);
    /* The copy is one's own: it takes changes, and the bytes stay as they are. */
    AUTO(record) *copy = NULL;
    struct err e = {0};
    int64_t changed = 0;
    assert_works(record_open_copy(STR("x"), l->db, l->log, steps, COUNT(steps), &copy, &e), e);
    assert_works(record_run(copy, "DELETE FROM pet", NULL, 0, &changed, &e), e);
    assert_int_equal(changed, ROWS);
    assert_int_equal(rows_of(l, l->db, l->log), ROWS);
    assert_str(read_file(l, "records.db"), l->db);
    assert_str(read_file(l, "records.db-wal"), l->log);
}

static void a_torn_log_ends_with_its_last_whole_transaction(void **state)
{
    struct left *l = *state;
    for (int i = 0; i < ROWS; i += 7) {
        if (l->ends[i + 1] <= l->ends[i])
            break; /* from here on the log is written over from its start */
        for (size_t cut = l->ends[i]; cut < l->ends[i + 1]; cut += 1021)
            assert_int_equal(rows_of(l, l->db, str_sub(l->log, 0, cut)), i);
    }
}

static void a_damaged_log_gives_what_stands_before(void **state)
{
    struct left *l = *state;
    char *bytes = arena_alloc(l->arena, l->log.len);
    uint32_t dice = 7;
    for (int i = 0; i < 400; i++) {
        memcpy(bytes, l->log.at, l->log.len);
        dice = dice * 1664525 + 1013904223;
        bytes[dice % l->log.len] ^= (char)(1 << (dice >> 29));
        assert_true(rows_of(l, l->db, (struct str){bytes, l->log.len}) >= -1);
    }
    assert_int_equal(rows_of(l, STR_NONE, STR_NONE), 0); /* made and filled by the steps */
    assert_int_equal(rows_of(l,
                             STR("this is no database, and longer than its head would be: "
                                 "it has more than a hundred bytes, all of them wrong"),
                             STR_NONE),
                     -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_only_in_the_log_is_there, leave, drop),
        cmocka_unit_test_setup_teardown(a_torn_log_ends_with_its_last_whole_transaction, leave,
                                        drop),
        cmocka_unit_test_setup_teardown(a_damaged_log_gives_what_stands_before, leave, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
