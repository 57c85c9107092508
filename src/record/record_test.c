#include "base/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/os.h"
#include "record/record.h"

static const struct record_migration steps[] = {
    {1,
     "CREATE TABLE pet(name TEXT PRIMARY KEY, age INTEGER NOT NULL, weight REAL, tag BLOB) STRICT"},
    {2, "CREATE TABLE owner(pet TEXT NOT NULL REFERENCES pet(name)) STRICT;"
        "CREATE INDEX owner_pet ON owner(pet)"},
};

struct place {
    char dir[64];
    char path[96];
};

static int make_place(void **state)
{
    struct place *p = mem_zero(sizeof *p);

    snprintf(p->dir, sizeof p->dir, "/tmp/tenure-record-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    snprintf(p->path, sizeof p->path, "%s/records.db", p->dir);
    *state = p;
    return 0;
}

static int drop_place(void **state)
{
    static const char *const names[] = {"records.db", "records.db-wal", "records.db-shm"};
    struct place *p = *state;
    char path[128];

    AUTO(os) *os = os_linux_create();
    struct err e = {0};
    for (size_t i = 0; i < COUNT(names); i++) {
        snprintf(path, sizeof path, "%s/%s", p->dir, names[i]);
        assert_works(os_remove(os, str_of(path), &e), e);
    }
    rmdir(p->dir);
    mem_free(p);
    return 0;
}

static bool add_pet(struct record *r, const char *name, int64_t age, struct err *e)
{
    struct record_value values[] = {RECORD_T(str_of(name)), RECORD_I(age), RECORD_D(1.5),
                                    RECORD_B(((struct str){"\0\1", 2}))};

    return record_run(r, "INSERT INTO pet(name, age, weight, tag) VALUES ($1, $2, $3, $4)", values,
                      COUNT(values), NULL, e);
}

static int64_t count_pets(struct record *r)
{
    AUTO(arena) *arena = arena_create(0);
    struct record_value *cells = NULL;
    struct err e = {0};

    assert_works(record_one(r, "SELECT count(*) FROM pet", NULL, 0, arena, &cells, &e), e);
    return cells[0].integer;
}

static void values_come_back_with_their_types(void **state)
{
    struct place *p = *state;
    AUTO(arena) *arena = arena_create(0);
    AUTO(record) *r = NULL;
    struct record_value *cells = NULL;
    struct err e = {0};

    assert_works(record_open(str_of(p->path), steps, COUNT(steps), &r, &e), e);
    assert_works(add_pet(r, "มะลิ", 7, &e), e);
    struct record_value name = RECORD_T(str_of("มะลิ"));
    assert_works(record_one(r, "SELECT name, age, weight, tag, NULL FROM pet WHERE name = $1",
                            &name, 1, arena, &cells, &e),
                 e);
    assert_non_null(cells);
    assert_str(cells[0].text, str_of("มะลิ"));
    assert_int_equal(cells[1].integer, 7);
    assert_true(cells[2].type == RECORD_DOUBLE && cells[2].number == 1.5);
    assert_true(cells[3].type == RECORD_BLOB);
    assert_str(cells[3].text, ((struct str){"\0\1", 2}));
    assert_int_equal(cells[4].type, RECORD_NULL);

    name.text = STR("nobody");
    assert_works(record_one(r, "SELECT name FROM pet WHERE name = $1", &name, 1, arena, &cells, &e),
                 e);
    assert_null(cells);
}

static void constraints_and_strict_types_are_conflicts(void **state)
{
    struct place *p = *state;
    AUTO(record) *r = NULL;
    struct err e = {0};

    assert_works(record_open(str_of(p->path), steps, COUNT(steps), &r, &e), e);
    assert_works(add_pet(r, "a", 1, &e), e);
    assert_false(add_pet(r, "a", 2, &e));
    assert_int_equal(e.kind, ERR_CONFLICT);
    assert_non_null(strstr(e.text, p->path));

    struct record_value orphan = RECORD_T(STR("nobody"));
    assert_false(record_run(r, "INSERT INTO owner(pet) VALUES ($1)", &orphan, 1, NULL, &e));
    assert_int_equal(e.kind, ERR_CONFLICT);

    struct record_value words = RECORD_T(STR("old"));
    assert_false(record_run(r, "UPDATE pet SET age = $1 WHERE name = 'a'", &words, 1, NULL, &e));
    assert_int_equal(e.kind, ERR_CONFLICT);
}

static void a_rolled_back_transaction_leaves_nothing(void **state)
{
    struct place *p = *state;
    AUTO(record) *r = NULL;
    struct err e = {0};

    assert_works(record_open(str_of(p->path), steps, COUNT(steps), &r, &e), e);
    assert_works(record_begin(r, &e), e);
    assert_works(add_pet(r, "a", 1, &e), e);
    record_rollback(r);
    assert_int_equal(count_pets(r), 0);
    assert_works(record_begin(r, &e), e);
    assert_works(add_pet(r, "a", 1, &e), e);
    assert_works(record_commit(r, &e), e);

    /* Another opening of the file sees it: it is on disk, not in this handle. */
    AUTO(record) *again = NULL;
    assert_works(record_open(str_of(p->path), steps, COUNT(steps), &again, &e), e);
    assert_int_equal(count_pets(again), 1);
}

static void migrations_run_once_and_a_newer_schema_is_refused(void **state)
{
    struct place *p = *state;
    struct err e = {0};

    for (int round = 0; round < 2; round++) {
        AUTO(record) *r = NULL;
        assert_works(record_open(str_of(p->path), steps, 1 + (size_t)round, &r, &e), e);
        if (round == 0)
            assert_works(add_pet(r, "kept", 3, &e), e);
        else
            assert_int_equal(count_pets(r), 1);
    }
    AUTO(record) *older = NULL;
    assert_false(record_open(str_of(p->path), steps, 1, &older, &e));
    assert_int_equal(e.kind, ERR_CONFLICT);
    assert_non_null(strstr(e.text, "schema 2"));
    assert_null(older);
}

static void a_failing_migration_leaves_the_old_schema(void **state)
{
    static const struct record_migration bad[] = {
        {1, "CREATE TABLE pet(name TEXT PRIMARY KEY) STRICT"},
        {2, "CREATE TABLE second(a TEXT) STRICT; CREATE TABLE pet(x TEXT) STRICT"},
    };
    struct place *p = *state;
    struct err e = {0};
    AUTO(record) *r = NULL;
    AUTO(record) *broken = NULL;

    assert_false(record_open(str_of(p->path), bad, 2, &broken, &e));
    assert_non_null(strstr(e.text, "step 2"));
    assert_works(record_open(str_of(p->path), bad, 1, &r, &e), e);
    assert_false(record_run(r, "DELETE FROM second", NULL, 0, NULL, &e));
}

static void a_file_that_is_no_database_is_named(void **state)
{
    struct place *p = *state;
    struct err e = {0};
    AUTO(record) *r = NULL;
    static const char junk[4096] = "this is not a database at all, but it is long enough";
    int fd = open(p->path, O_CREAT | O_WRONLY, 0600);

    assert_true(fd >= 0 && write(fd, junk, sizeof junk) == sizeof junk);
    close(fd);
    assert_false(record_open(str_of(p->path), steps, COUNT(steps), &r, &e));
    assert_int_equal(e.kind, ERR_CORRUPT);
    assert_non_null(strstr(e.text, p->path));
    assert_false(record_open(STR("/nonexistent/dir/records.db"), steps, 1, &r, &e));
    assert_int_equal(e.kind, ERR_IO);
}

static bool stop_at_two(void *context, const struct record_value *cells, size_t count,
                        struct err *e)
{
    int *seen = context;

    assert_int_equal(count, 1);
    assert_int_equal(cells[0].type, RECORD_TEXT);
    return ++*seen < 2 || err_set(e, ERR_INVALID, "enough");
}

static void a_row_function_can_stop(void **state)
{
    struct place *p = *state;
    AUTO(record) *r = NULL;
    struct err e = {0};
    int seen = 0;

    assert_works(record_open(str_of(p->path), steps, COUNT(steps), &r, &e), e);
    assert_works(add_pet(r, "a", 1, &e) && add_pet(r, "b", 1, &e) && add_pet(r, "c", 1, &e), e);
    assert_false(record_each(r, "SELECT name FROM pet", NULL, 0, stop_at_two, &seen, &e));
    assert_int_equal(seen, 2);
    assert_string_equal(e.text, "enough");
    assert_int_equal(count_pets(r), 3); /* the statement was reset: the handle still works */
}

static void *add_many(void *context)
{
    struct record *r = context;
    struct err e = {0};

    for (int i = 0; i < 50; i++) {
        if (!record_begin(r, &e))
            return "begin";
        if (!record_run(r, "UPDATE pet SET age = age + 1 WHERE name = 'a'", NULL, 0, NULL, &e)) {
            record_rollback(r);
            return "update";
        }
        if (!record_commit(r, &e))
            return "commit";
    }
    return NULL;
}

static void threads_take_turns(void **state)
{
    struct place *p = *state;
    AUTO(arena) *arena = arena_create(0);
    AUTO(record) *r = NULL;
    struct record_value *cells = NULL;
    struct err e = {0};
    pthread_t threads[4];

    assert_works(record_open(str_of(p->path), steps, COUNT(steps), &r, &e), e);
    assert_works(add_pet(r, "a", 0, &e), e);
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, r), 0);
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *failed = NULL;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_works(record_one(r, "SELECT age FROM pet", NULL, 0, arena, &cells, &e), e);
    assert_int_equal(cells[0].integer, 200);
}

int main(void)
{
#define IN_PLACE(f) cmocka_unit_test_setup_teardown(f, make_place, drop_place)
    static const struct CMUnitTest tests[] = {
        IN_PLACE(values_come_back_with_their_types),
        IN_PLACE(constraints_and_strict_types_are_conflicts),
        IN_PLACE(a_rolled_back_transaction_leaves_nothing),
        IN_PLACE(migrations_run_once_and_a_newer_schema_is_refused),
        IN_PLACE(a_failing_migration_leaves_the_old_schema),
        IN_PLACE(a_file_that_is_no_database_is_named),
        IN_PLACE(a_row_function_can_stop),
        IN_PLACE(threads_take_turns),
    };
    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
