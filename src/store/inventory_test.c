/* The inventory reads back what was written, and nothing else; copies are compared with it. */
#include <stdio.h>

#include "base/hash.h"
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

/* The sum once more, after the text was changed. */
static void sum_again(struct buf *text)
{
    static const char before[] = ",\n\"sum\":\"";
    const size_t tail = sizeof before - 1 + 32 + 3;
    struct hash128 h = hash128(str_sub(buf_str(text), 0, text->len - tail), 0);

    char sum[40];
    snprintf(sum, sizeof sum, "%016llx%016llx", (unsigned long long)h.high,
             (unsigned long long)h.low);
    memcpy(text->at + text->len - 35, sum, 32);
}

static void forged_members_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to; /* of one length */
    } changes[] = {
        {"\"made_by\"", "\"made_xx\""},
        {"\"made_ms\"", "\"made_xx\""},
        {"\"project\"", "\"projecx\""},
        {"\"sequence\"", "\"sequencx\""},
        {"\"store\"", "\"storx\""},
        {"fedcba9876543210", "fedcba987654321z"},
        {"fedcba9876543210", "fedcba98765432\"\""},
        {"\"name\"", "\"namx\""},
        {"\"bytes\"", "\"bytex\""},
        {"\"xxh3_128\"", "\"xxh3_12x\""},
        {"ffffffffffffffff", "fffffffffffffffz"},
        {"0123456789abcdef", "z123456789abcdef"},
    };
    struct inventory want = sample(), got;

    for (size_t i = 0; i < COUNT(changes); i++) {
        AUTO(arena) *arena = arena_create(0);
        BUF_AUTO text = {0};
        struct err e = {0};
        inventory_put(&want, &text);
        size_t at = str_find(buf_str(&text), changes[i].from[0]);
        size_t len = strlen(changes[i].from);
        while (at + len <= text.len && memcmp(text.at + at, changes[i].from, len) != 0)
            at++;
        if (at + len > text.len)
            fail_msg("no %s in %.*s", changes[i].from, (int)text.len, text.at);
        sum_again(&text);
        assert_works(inventory_parse(buf_str(&text), STR("b"), arena, &got, &e), e);
        memcpy(text.at + at, changes[i].to, len);
        sum_again(&text);
        if (inventory_parse(buf_str(&text), STR("b"), arena, &got, &e))
            fail_msg("%s instead of %s is read", changes[i].to, changes[i].from);
        assert_int_equal(e.kind, ERR_CORRUPT);
    }
}

static void odd_texts_are_refused(void **state)
{
    (void)state;
    enum { LONG = OS_PATH_BYTES / 2 + 1 };
    AUTO(arena) *arena = arena_create(0);
    char *name = arena_alloc(arena, LONG);
    memset(name, 'a', LONG);
    const struct str names[] = {{name, LONG}, {"a\0b", 3}};
    struct inventory got;
    struct err e = {0};

    for (size_t i = 0; i < COUNT(names); i++) {
        BUF_AUTO text = {0};
        struct inventory_file f = {.name = names[i]};
        inventory_put(&(struct inventory){.made_by = STR("x"), .files = &f, .file_count = 1},
                      &text);
        e = (struct err){0};
        assert_false(inventory_parse(buf_str(&text), STR("b"), arena, &got, &e));
        assert_int_equal(e.kind, ERR_CORRUPT);
    }
    e = (struct err){0};
    assert_false(inventory_parse(STR("{\"backup\":1}"), STR("b"), arena, &got, &e));
    assert_non_null(strstr(e.text, "its checksum does not fit"));
    e = (struct err){0};
    assert_false(inventory_parse(STR("{\"backup\":0}"), STR("b"), arena, &got, &e));
    assert_non_null(strstr(e.text, "does not say its version"));
    e = (struct err){0}; /* so long that it is not looked at */
    assert_false(inventory_parse((struct str){"{", 1 << 30}, STR("b"), arena, &got, &e));
    assert_non_null(strstr(e.text, "not what was written"));
}

static bool count_bytes(void *context, uint64_t bytes)
{
    *(uint64_t *)context += bytes;
    return true;
}

/* Each call that reads or writes fails once: the reason is told, and the next try works. */
static void failing_disks_are_told(void **state)
{
    (void)state;
    struct inventory v = sample(), got;
    BUF_AUTO text = {0};
    inventory_put(&v, &text);
    for (uint64_t n = 1; n < 40; n++) {
        struct os *os = os_sim_create((struct os_sim_plan){.seed = 1});
        AUTO(arena) *arena = arena_create(0);
        uint64_t seen = 0;
        struct copy_options counting = {.progress = count_bytes, .context = &seen};
        struct inventory_file f = {STR("p/a"), 5, hash128(STR("hello"), 0)};
        struct err e = {0};
        assert_works(os_dir_make(os, STR("from"), &e) && os_dir_make(os, STR("from/p"), &e) &&
                         os_dir_make(os, STR("to"), &e) &&
                         os_write_whole(os, STR("from/p/a"), STR("hello"), &e) &&
                         os_write_whole(os, STR("from/" INVENTORY_NAME), buf_str(&text), &e),
                     e);
        for (unsigned way = 0; way < 4; way++) {
            os_sim_set_plan(os, n < 20 ? (struct os_sim_plan){.seed = 1, .read_fail_at = n}
                                       : (struct os_sim_plan){.seed = 1, .fail_at = n - 19});
            bool works = way == 0   ? inventory_read(os, STR("from"), arena, &got, &e)
                         : way == 1 ? inventory_file_look(os, STR("from"), &f, &e)
                         : way == 2
                             ? inventory_file_check(os, STR("from"), &f, &counting, &e)
                             : inventory_file_copy(os, STR("from"), STR("to"), &f, &counting, &e);
            assert_int_equal(e.kind, works ? ERR_NONE : ERR_IO);
            if (n == 1)
                assert_false(works); /* each reads at least once */
            e = (struct err){0};
        }
        os_sim_set_plan(os, (struct os_sim_plan){.seed = 1});
        seen = 0;
        assert_works(inventory_file_copy(os, STR("from"), STR("to"), &f, &counting, &e), e);
        assert_int_equal(seen, 5);

        AUTO(os_file) *file = NULL; /* one that became shorter */
        struct hash128 hash;
        assert_works(os_file_open(os, STR("from/p/a"), OS_READ, &file, &e), e);
        assert_false(file_hash(file, 6, &counting, &hash, &e));
        assert_non_null(strstr(e.text, "it ends at byte 5"));
        os_file_close(TAKE(file));
        os_destroy(os);
    }
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
        cmocka_unit_test(forged_members_are_refused),
        cmocka_unit_test(odd_texts_are_refused),
        cmocka_unit_test(failing_disks_are_told),
        cmocka_unit_test(copies_are_compared),
        cmocka_unit_test(a_directory_without_one_is_no_backup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
