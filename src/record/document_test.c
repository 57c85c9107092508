#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/os.h"
#include "record/finding.h"

static const struct record_migration steps[] = {
    {1, "CREATE TABLE project(name TEXT PRIMARY KEY) STRICT;"
        "INSERT INTO project(name) VALUES ('shop'), ('farm')"},
    {2, DOCUMENT_SCHEMA},
    {3, FINDING_SCHEMA},
};

struct place {
    char dir[64], path[96];
    struct record *record;
    struct arena *arena;
};

static int make_place(void **state)
{
    struct place *p = mem_zero(sizeof *p);
    struct err e = {0};

    snprintf(p->dir, sizeof p->dir, "/tmp/tenure-document-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    snprintf(p->path, sizeof p->path, "%s/records.db", p->dir);
    assert_works(record_open(str_of(p->path), steps, COUNT(steps), &p->record, &e), e);
    p->arena = arena_create(0);
    *state = p;
    return 0;
}

static int drop_place(void **state)
{
    static const char *const names[] = {"", "-wal", "-shm"};
    struct place *p = *state;
    AUTO(os) *os = os_linux_create();
    struct err e = {0};
    char path[128];

    record_close(p->record);
    arena_destroy(p->arena);
    for (size_t i = 0; i < COUNT(names); i++) {
        snprintf(path, sizeof path, "%s%s", p->path, names[i]);
        assert_works(os_remove(os, str_of(path), &e), e);
    }
    rmdir(p->dir);
    mem_free(p);
    return 0;
}

static struct document doc(const char *id, const char *name, const char *body)
{
    return (struct document){.project = STR("shop"),
                             .kind = STR("insight"),
                             .id = str_of(id),
                             .name = str_of(name),
                             .body = str_of(body)};
}

static void add(struct place *p, int64_t now, struct document d)
{
    struct err e = {0};
    bool made;

    assert_works(document_create(p->record, now, &d, &made, &e), e);
    assert_true(made);
}

static struct document find(struct place *p, const char *id)
{
    struct document_key key = {STR("shop"), STR("insight"), str_of(id)};
    struct document d = {0};
    struct err e = {0};

    assert_works(document_find(p->record, &key, p->arena, &d, &e), e);
    return d;
}

static void a_document_is_made_once(void **state)
{
    struct place *p = *state;
    struct document d = doc("a1", "Weekly", "{\"x\":1}"), other = doc("a1", "Weekly", "{\"x\":2}");
    struct err e = {0};
    bool made = false;

    assert_works(document_create(p->record, 1000, &d, &made, &e), e);
    assert_true(made);
    assert_int_equal(d.version, 1);
    assert_int_equal(d.created, 1000);
    d = doc("a1", "Weekly", "{\"x\":1}");
    assert_works(document_create(p->record, 2000, &d, &made, &e), e);
    assert_false(made);
    assert_int_equal(d.created, 1000);

    assert_false(document_create(p->record, 3000, &other, &made, &e));
    assert_int_equal(e.kind, ERR_CONFLICT);
    assert_string_equal(e.code, "document.exists");
    assert_str(find(p, "a1").body, STR("{\"x\":1}"));
}

static void names_are_unique_within_a_kind_of_a_project(void **state)
{
    struct place *p = *state;
    struct document twin = doc("a2", "Weekly", "{}"), elsewhere = doc("a2", "Weekly", "{}");
    struct document board = doc("a2", "Weekly", "{}"), found;
    struct err e = {0};
    bool made;

    add(p, 1, doc("a1", "Weekly", "{}"));
    assert_false(document_create(p->record, 1, &twin, &made, &e));
    assert_int_equal(e.kind, ERR_CONFLICT);
    assert_string_equal(e.code, "document.taken");
    assert_string_equal(e.at, "/name");
    elsewhere.project = STR("farm");
    add(p, 1, elsewhere);
    board.kind = STR("dashboard");
    add(p, 1, board);
    add(p, 1, doc("n1", "", "{}")); /* without a name: any number */
    add(p, 1, doc("n2", "", "{}"));

    assert_works(document_find_name(p->record, STR("shop"), STR("insight"), STR("Weekly"), p->arena,
                                    &found, &e),
                 e);
    assert_str(found.id, STR("a1"));
    assert_false(document_find_name(p->record, STR("shop"), STR("insight"), STR("weekly"), p->arena,
                                    &found, &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);

    twin = doc("n1", "Weekly", "{}"); /* nor may one be renamed to it */
    assert_false(document_replace(p->record, 2, 0, &twin, &e));
    assert_string_equal(e.code, "document.taken");
    assert_str(find(p, "n1").name, STR_NONE);
    assert_int_equal(find(p, "n1").version, 1);
    twin = doc("a1", "Weekly", "{\"same\":\"name\"}");
    assert_works(document_replace(p->record, 2, 0, &twin, &e), e);
}

static void only_the_version_that_was_meant_is_replaced(void **state)
{
    struct place *p = *state;
    struct document d = doc("a1", "Monthly", "{\"x\":2}");
    struct document_key key = {d.project, d.kind, d.id};
    struct err e = {0};

    assert_false(document_replace(p->record, 1, 0, &d, &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    add(p, 1000, doc("a1", "Weekly", "{\"x\":1}"));
    assert_works(document_replace(p->record, 2000, 1, &d, &e), e);
    assert_int_equal(d.version, 2);
    assert_int_equal(d.created, 1000);
    assert_int_equal(d.changed, 2000);

    d = doc("a1", "Daily", "{\"x\":3}");
    assert_false(document_replace(p->record, 3000, 1, &d, &e));
    assert_int_equal(e.kind, ERR_STALE);
    assert_int_equal(err_status(e.kind), 412);
    assert_str(find(p, "a1").name, STR("Monthly"));
    assert_str(find(p, "a1").body, STR("{\"x\":2}"));
    assert_int_equal(find(p, "a1").changed, 2000);

    assert_false(document_remove(p->record, &key, 1, &e));
    assert_int_equal(e.kind, ERR_STALE);
    assert_works(document_remove(p->record, &key, 2, &e), e);
    assert_false(document_remove(p->record, &key, 0, &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    add(p, 4000, doc("a1", "Monthly", "{}")); /* name and id are free again */
}

static void a_list_is_read_page_by_page(void **state)
{
    struct place *p = *state;
    struct document_page page;
    struct err e = {0};
    char seen[64] = "";
    struct str after = STR_NONE;
    unsigned pages = 0;

    add(p, 30, doc("b", "B", "{}"));
    add(p, 20, doc("z", "Z", "{}"));
    add(p, 20, doc("y.x", "Y", "{}")); /* made at the same moment; an id may hold a dot */
    add(p, 10, doc("q", "Q", "{}"));
    add(p, 40, doc("a", "A", "{}"));
    do {
        assert_works(
            document_list(p->record, STR("shop"), STR("insight"), after, 2, p->arena, &page, &e),
            e);
        for (size_t i = 0; i < page.count; i++)
            snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%.*s ",
                     STR_ARG(page.list[i].id));
        if (page.has_more)
            assert_int_equal(page.count, 2);
        if (page.count)
            after = document_cursor(&page.list[page.count - 1], p->arena);
        pages++;
    } while (page.has_more);
    assert_string_equal(seen, "q y.x z b a ");
    assert_int_equal(pages, 3);

    assert_works(
        document_list(p->record, STR("farm"), STR("insight"), STR_NONE, 2, p->arena, &page, &e), e);
    assert_int_equal(page.count, 0);
    assert_false(document_list(p->record, STR("shop"), STR("insight"), STR("later"), 2, p->arena,
                               &page, &e));
    assert_int_equal(e.kind, ERR_INVALID);
    assert_string_equal(e.code, "document.cursor");
}

static void what_is_saved_survives_opening_again(void **state)
{
    struct place *p = *state;
    struct err e = {0};

    add(p, 1000, doc("a1", "การคงอยู่", "{\"x\":\"ไทย\"}"));
    record_close(p->record);
    assert_works(record_open(str_of(p->path), steps, COUNT(steps), &p->record, &e), e);
    assert_str(find(p, "a1").name, STR("การคงอยู่"));
    assert_str(find(p, "a1").body, STR("{\"x\":\"ไทย\"}"));

    struct document lost = doc("a1", "x", "{}");
    lost.project = STR("nowhere");
    bool made;
    assert_false(document_create(p->record, 1, &lost, &made, &e));
    assert_int_equal(e.kind, ERR_CONFLICT);
    assert_str(document_id((const unsigned char *)"\x01\x23\x45\x67\x89\xab\xcd\xef", p->arena),
               STR("1032547698badcfe"));
}

static void a_moment_is_found_out_once(void **state)
{
    struct place *p = *state;
    struct document_key key = {STR("shop"), STR("insight"), STR("a1")};
    struct finding f = {.moment = 100, .state = STR("ok"), .body = STR("{}"), .found = 1};
    struct finding *list = NULL;
    size_t count = 0;
    struct err e = {0};
    bool added;

    assert_works(finding_add(p->record, &key, &f, &added, &e), e); /* no such document */
    assert_false(added);
    add(p, 1, doc("a1", "Weekly", "{}"));
    assert_works(finding_add(p->record, &key, &f, &added, &e), e);
    assert_true(added);
    f.state = STR("firing");
    assert_works(finding_add(p->record, &key, &f, &added, &e), e);
    assert_false(added);
    record_close(p->record);
    assert_works(record_open(str_of(p->path), steps, COUNT(steps), &p->record, &e), e);
    assert_works(finding_add(p->record, &key, &f, &added, &e), e);
    assert_false(added);
    for (f.moment = 200; f.moment <= 500; f.moment += 100) {
        assert_works(finding_add(p->record, &key, &f, &added, &e), e);
        assert_true(added);
    }

    assert_works(finding_list(p->record, &key, INT64_MAX, 2, p->arena, &list, &count, &e), e);
    assert_int_equal(count, 2);
    assert_int_equal(list[0].moment, 500);
    assert_str(list[1].state, STR("firing"));
    assert_works(finding_list(p->record, &key, 300, 9, p->arena, &list, &count, &e), e);
    assert_int_equal(count, 2);
    assert_int_equal(list[1].moment, 100);
    assert_str(list[1].state, STR("ok"));

    assert_works(document_remove(p->record, &key, 0, &e), e);
    assert_works(finding_list(p->record, &key, INT64_MAX, 9, p->arena, &list, &count, &e), e);
    assert_int_equal(count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_document_is_made_once, make_place, drop_place),
        cmocka_unit_test_setup_teardown(names_are_unique_within_a_kind_of_a_project, make_place,
                                        drop_place),
        cmocka_unit_test_setup_teardown(only_the_version_that_was_meant_is_replaced, make_place,
                                        drop_place),
        cmocka_unit_test_setup_teardown(a_list_is_read_page_by_page, make_place, drop_place),
        cmocka_unit_test_setup_teardown(a_moment_is_found_out_once, make_place, drop_place),
        cmocka_unit_test_setup_teardown(what_is_saved_survives_opening_again, make_place,
                                        drop_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
