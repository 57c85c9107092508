/* The inventory reads back what was written, and nothing else; copies are compared with it. */
#include "base/test.h"

#include "os/os_sim.h"
#include "store/inventory.h"

static struct inventory_file files[] = {
    {STR("projects/shop/manifest"), 5, {1, 2}},
    {STR("records.db"), 0, {UINT64_MAX, 0x0123456789abcdefu}},
};
static struct inventory_project projects[] = {{STR("shop"), 0xfedcba9876543210u, 77}};

static struct inventory sample(void)
{
    return (struct inventory){STR("tenure 1"), 1234567, projects, 1, files, 2, 5};
}

static void reads_back_what_was_written(void **state)
{
    (void)state;
    AUTO(arena) *arena = arena_create(0);
    BUF_AUTO text = {0};
    struct inventory want = sample(), got;
    struct err e = {0};

    inventory_put(&want, &text);
    assert_works(inventory_parse(buf_str(&text), STR("b"), arena, &got, &e), e);
    assert_str(got.made_by, want.made_by);
    assert_int_equal(got.made_ms, want.made_ms);
    assert_int_equal(got.bytes, 5);
    assert_int_equal(got.project_count, 1);
    assert_str(got.projects[0].name, projects[0].name);
    assert_true(got.projects[0].store == projects[0].store);
    assert_int_equal(got.projects[0].sequence, 77);
    assert_int_equal(got.file_count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_str(got.files[i].name, files[i].name);
        assert_int_equal(got.files[i].bytes, files[i].bytes);
        assert_true(got.files[i].hash.low == files[i].hash.low);
        assert_true(got.files[i].hash.high == files[i].hash.high);
    }
}

static void any_changed_bit_is_refused(void **state)
{
    (void)state;
    AUTO(arena) *arena = arena_create(0);
    BUF_AUTO text = {0};
    struct inventory want = sample(), got;

    inventory_put(&want, &text);
    for (size_t bit = 0; bit < 8 * text.len; bit++) {
        struct err e = {0};
        text.at[bit / 8] = (char)(text.at[bit / 8] ^ (1 << bit % 8));
        if (inventory_parse(buf_str(&text), STR("b"), arena, &got, &e)) {
            /* hex digits have two cases, and mean the same */
            assert_int_equal(bit % 8, 5);
            assert_true(bit / 8 > text.len - 36);
        }
        text.at[bit / 8] = (char)(text.at[bit / 8] ^ (1 << bit % 8));
    }
    for (size_t len = 0; len < text.len; len++) {
        struct err e = {0};
        assert_false(inventory_parse(str_sub(buf_str(&text), 0, len), STR("b"), arena, &got, &e));
        assert_int_equal(e.kind, ERR_CORRUPT);
        assert_non_null(strstr(e.text, "b is damaged"));
    }
}

static void names_that_lead_out_and_newer_versions_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"../a", "/etc/passwd", "a//b", "a/./b", "a/..", "", "a/"};
    AUTO(arena) *arena = arena_create(0);

    for (size_t i = 0; i < COUNT(bad); i++) {
        BUF_AUTO text = {0};
        struct inventory_file f = {.name = str_of(bad[i])};
        struct inventory v = {.made_by = STR("x"), .files = &f, .file_count = 1}, got;
        struct err e = {0};
        inventory_put(&v, &text);
        assert_false(inventory_parse(buf_str(&text), STR("b"), arena, &got, &e));
        assert_int_equal(e.kind, ERR_CORRUPT);
    }
    struct inventory got;
    struct err e = {0};
    assert_false(inventory_parse(STR("{\"backup\":2}"), STR("b"), arena, &got, &e));
    assert_int_equal(e.kind, ERR_UNSUPPORTED);
}

static bool stop_at_once(void *context, uint64_t bytes)
{
    (void)context;
    return bytes == 0;
}

static void copies_are_compared(void **state)
{
    (void)state;
    struct os *os = os_sim_create((struct os_sim_plan){.seed = 1});
    AUTO(arena) *arena = arena_create(0);
    struct copy_options quietly = {0}, stopped = {.progress = stop_at_once};
    struct inventory_file f = {STR("p/a"), 5, hash128(STR("hello"), 0)};
    struct err e = {0};
    struct str got;

    assert_works(os_dir_make(os, STR("from"), &e) && os_dir_make(os, STR("from/p"), &e) &&
                     os_dir_make(os, STR("to"), &e) &&
                     os_write_whole(os, STR("from/p/a"), STR("hello"), &e),
                 e);
    assert_works(inventory_file_check(os, STR("from"), &f, &quietly, &e), e);
    assert_works(inventory_file_copy(os, STR("from"), STR("to"), &f, &quietly, &e), e);
    assert_works(os_read_whole(os, STR("to/p/a"), arena, &got, &e), e);
    assert_str(got, STR("hello"));

    assert_false(inventory_file_copy(os, STR("from"), STR("to"), &f, &stopped, &e));
    assert_int_equal(e.kind, ERR_BUSY);
    assert_true(os_sim_flip(os, STR("from/p/a"), 2, 4));
    assert_false(inventory_file_copy(os, STR("from"), STR("to"), &f, &quietly, &e));
    assert_int_equal(e.kind, ERR_CORRUPT);
    assert_non_null(strstr(e.text, "from/p/a"));
    assert_works(os_write_whole(os, STR("from/p/a"), STR("hell"), &e), e);
    assert_false(inventory_file_look(os, STR("from"), &f, &e));
    assert_non_null(strstr(e.text, "4 bytes"));
    assert_works(os_remove(os, STR("from/p/a"), &e), e);
    assert_false(inventory_file_check(os, STR("from"), &f, &quietly, &e));
    assert_non_null(strstr(e.text, "missing"));
    os_destroy(os);
}

static void a_directory_without_one_is_no_backup(void **state)
{
    (void)state;
    struct os *os = os_sim_create((struct os_sim_plan){.seed = 1});
    AUTO(arena) *arena = arena_create(0);
    struct inventory v = sample(), got;
    BUF_AUTO text = {0};
    struct err e = {0};

    assert_works(os_dir_make(os, STR("b"), &e), e);
    assert_false(inventory_read(os, STR("b"), arena, &got, &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    inventory_put(&v, &text);
    assert_works(os_write_whole(os, STR("b/" INVENTORY_NAME), buf_str(&text), &e), e);
    assert_works(inventory_read(os, STR("b"), arena, &got, &e), e);
    os_destroy(os);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_back_what_was_written),
        cmocka_unit_test(any_changed_bit_is_refused),
        cmocka_unit_test(names_that_lead_out_and_newer_versions_are_refused),
        cmocka_unit_test(copies_are_compared),
        cmocka_unit_test(a_directory_without_one_is_no_backup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
