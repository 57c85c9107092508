/* The head of our files: what is read back, and every single flipped bit is noticed. */
#include "base/limits.h"
#include "base/test.h"
#include "codec/bytes.h"
#include "store/head.h"

static const struct identity owner = {{"main", 4}, 77};

static void make(struct buf *b)
{
    head_put(b, &(struct head){.kind = HEAD_LOG,
                               .salt = 5,
                               .number = 6,
                               .first = 7,
                               .store = owner.store,
                               .project = owner.project});
    assert_int_equal(b->len, HEAD_BYTES);
}

static void comes_back(void **state)
{
    (void)state;
    BUF_AUTO b = {0};
    struct err e = {0};
    struct head h;
    make(&b);
    assert_works(head_read(buf_str(&b), STR("f"), HEAD_LOG, &owner, &h, &e), e);
    assert_int_equal(h.salt, 5);
    assert_int_equal(h.number, 6);
    assert_int_equal(h.first, 7);
    assert_int_equal(h.store, 77);
    assert_str(h.project, STR("main"));
}

/* A store of no name, read by who does not care whose it is. */
static void a_name_may_be_empty(void **state)
{
    (void)state;
    BUF_AUTO b = {0};
    struct err e = {0};
    struct head h;
    head_put(&b, &(struct head){.kind = HEAD_LOG, .salt = 5});
    assert_works(head_read(buf_str(&b), STR("f"), HEAD_LOG, NULL, &h, &e), e);
    assert_int_equal(h.project.len, 0);
}

static void every_flipped_bit_is_noticed(void **state)
{
    (void)state;
    BUF_AUTO b = {0};
    make(&b);
    for (size_t bit = 0; bit < HEAD_BYTES * 8; bit++) {
        struct err e = {0};
        struct head h;
        b.at[bit / 8] = (char)(b.at[bit / 8] ^ 1 << bit % 8);
        assert_false(head_read(buf_str(&b), STR("f"), HEAD_LOG, &owner, &h, &e));
        assert_int_equal(e.kind, ERR_CORRUPT);
        b.at[bit / 8] = (char)(b.at[bit / 8] ^ 1 << bit % 8);
    }
}

static void strangers_and_newer_files_are_refused(void **state)
{
    (void)state;
    BUF_AUTO b = {0};
    struct head h;
    make(&b);
    struct err e = {0};
    struct identity other = {STR("other"), 77};
    assert_false(head_read(buf_str(&b), STR("f"), HEAD_LOG, &other, &h, &e));
    assert_non_null(strstr(e.text, "project \"main\", not of \"other\""));
    other = (struct identity){STR("main"), 78};
    assert_false(head_read(buf_str(&b), STR("f"), HEAD_LOG, &other, &h, &e));
    assert_non_null(strstr(e.text, "another store"));
    assert_false(head_read(buf_str(&b), STR("f"), HEAD_PEOPLE, &owner, &h, &e));
    assert_non_null(strstr(e.text, "not a people file"));
    assert_false(head_read(str_sub(buf_str(&b), 0, 127), STR("f"), HEAD_LOG, &owner, &h, &e));
    assert_non_null(strstr(e.text, "is cut"));

    BUF_AUTO named = {0};
    uint32_t name_bytes = LIMIT_PROJECT_BYTES + 1;
    make(&named);
    memcpy(named.at + 44, &name_bytes, 4);
    uint32_t named_sum = crc32c(0, named.at, 124);
    memcpy(named.at + 124, &named_sum, 4);
    assert_false(head_read(buf_str(&named), STR("f"), HEAD_LOG, &owner, &h, &e));
    assert_non_null(strstr(e.text, "is damaged (name)"));

    uint32_t version = HEAD_VERSION + 1;
    memcpy(b.at + 8, &version, 4);
    uint32_t sum = crc32c(0, b.at, 124);
    memcpy(b.at + 124, &sum, 4);
    assert_false(head_read(buf_str(&b), STR("f"), HEAD_LOG, &owner, &h, &e));
    assert_int_equal(e.kind, ERR_UNSUPPORTED);
    assert_non_null(strstr(e.text, "newer Tenure"));
    assert_non_null(strstr(e.hint, "nothing was changed"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back),
        cmocka_unit_test(a_name_may_be_empty),
        cmocka_unit_test(every_flipped_bit_is_noticed),
        cmocka_unit_test(strangers_and_newer_files_are_refused),
    };
    return cmocka_run_group_tests_name("store/head", tests, NULL, NULL);
}
