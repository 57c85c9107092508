#include "access/projects.h"

#include "access/testing.h"
#include "base/limits.h"

static struct projects *open_projects(struct place *p)
{
    return projects_create(p->sim, p->record, STR("projects"));
}

static void names_are_checked(void **state)
{
    static const struct {
        const char *name;
        bool good;
    } c[] = {{"main", true},   {"a", true},    {"0-shop_2", true}, {"", false},
             {"-a", false},    {"_a", false},  {"Shop", false},    {"a b", false},
             {"../up", false}, {"a/b", false}, {"ร้าน", false},     {"a.b", false}};
    char longest[LIMIT_PROJECT_BYTES + 2];
    struct err e = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(c); i++) {
        if (project_name_check(str_of(c[i].name), &e) != c[i].good)
            fail_msg("\"%s\" should be %s", c[i].name, c[i].good ? "good" : "refused");
    }
    memset(longest, 'a', sizeof longest);
    assert_true(project_name_check((struct str){longest, LIMIT_PROJECT_BYTES}, &e));
    assert_false(project_name_check((struct str){longest, LIMIT_PROJECT_BYTES + 1}, &e));
    assert_int_equal(e.kind, ERR_USAGE);
}

static void settings_are_kept_and_changed(void **state)
{
    struct place *p = *state;
    AUTO(arena) *arena = arena_create(0);
    AUTO(projects) *projects = open_projects(p);
    struct project_settings s = {.name = STR("shop"),
                                 .timezone = STR("Asia/Bangkok"),
                                 .week_start = WEEK_SUNDAY,
                                 .is_simulated = true};
    struct project_settings found, *list = NULL;
    size_t count = 0;
    struct err e = {0};

    assert_works(project_create(projects, &s, &e), e);
    assert_works(project_find(projects, STR("shop"), arena, &found, &e), e);
    assert_str(found.timezone, STR("Asia/Bangkok"));
    assert_int_equal(found.week_start, WEEK_SUNDAY);
    assert_true(found.is_simulated);

    assert_false(project_create(projects, &s, &e));
    assert_int_equal(e.kind, ERR_CONFLICT);
    found.timezone = STR("Europe/Berlin");
    assert_works(project_change(projects, &found, &e), e);
    assert_works(project_find(projects, STR("shop"), arena, &found, &e), e);
    assert_str(found.timezone, STR("Europe/Berlin"));
    found.timezone = STR("Mars/Olympus");
    assert_false(project_change(projects, &found, &e));
    assert_int_equal(e.kind, ERR_USAGE);

    s.name = STR("a-first");
    s.timezone = STR_NONE;
    assert_works(project_create(projects, &s, &e), e);
    assert_works(project_list(projects, arena, &list, &count, &e), e);
    assert_int_equal(count, 2);
    assert_str(list[0].name, STR("a-first"));
    assert_str(list[0].timezone, STR("UTC"));
}

static void an_unknown_project_gets_the_nearest_name(void **state)
{
    struct place *p = *state;
    AUTO(arena) *arena = arena_create(0);
    AUTO(projects) *projects = open_projects(p);
    struct project_settings s = {.name = STR("bakery")}, found;
    struct store *store = NULL;
    struct err e = {0};

    assert_works(project_create(projects, &s, &e), e);
    assert_false(project_find(projects, STR("bakey"), arena, &found, &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_string_equal(e.code, "project.unknown");
    assert_non_null(strstr(e.hint, "bakery"));
    assert_false(project_store(projects, STR("zzz"), false, &store, &e));
    assert_null(strstr(e.hint, "bakery"));
}

static void a_store_is_opened_once_and_made_when_written_to(void **state)
{
    struct place *p = *state;
    AUTO(arena) *arena = arena_create(0);
    AUTO(projects) *projects = open_projects(p);
    struct store *store = NULL, *again = NULL;
    struct project_settings found;
    struct err e = {0};

    assert_false(project_store(projects, STR("main"), false, &store, &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    e = (struct err){0};
    assert_works(project_store(projects, STR("main"), true, &store, &e), e);
    assert_works(project_store(projects, STR("main"), false, &again, &e), e);
    assert_ptr_equal(store, again);
    assert_works(project_find(projects, STR("main"), arena, &found, &e), e);
    assert_true(os_exists(p->sim, STR("projects/main")));
    assert_works(projects_ready(projects, &e), e);
}

int main(void)
{
#define IN_PLACE(f) cmocka_unit_test_setup_teardown(f, place_make, place_drop)
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_checked),
        IN_PLACE(settings_are_kept_and_changed),
        IN_PLACE(an_unknown_project_gets_the_nearest_name),
        IN_PLACE(a_store_is_opened_once_and_made_when_written_to),
    };
    return cmocka_run_group_tests_name("access/projects", tests, NULL, NULL);
}
