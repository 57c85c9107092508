#include "base/test.h"

#include "base/err.h"

static bool fails(struct err *e)
{
    err_set(e, ERR_NO_SPACE, "no space left on %s", "/data");
    err_at(e, "line %d", 7);
    err_code(e, "disk.full");
    return err_hint(e, "free %d MiB", 12);
}

static void carries_all_parts(void **state)
{
    (void)state;
    struct err e = {0};
    assert_false(fails(&e));
    assert_int_equal(e.kind, ERR_NO_SPACE);
    assert_string_equal(e.text, "no space left on /data");
    assert_string_equal(e.at, "line 7");
    assert_string_equal(e.hint, "free 12 MiB");
    assert_string_equal(err_code_of(&e), "disk.full");
    assert_true(e.line > 0);
    assert_non_null(strstr(e.file, "err_test.c"));
    assert_false(err_while(&e, "opening wal %d", 12));
    assert_string_equal(e.text, "opening wal 12: no space left on /data");
    assert_string_equal(e.hint, "free 12 MiB");
}

static void setting_again_clears_the_old_parts(void **state)
{
    (void)state;
    struct err e = {0};
    fails(&e);
    err_set(&e, ERR_IO, "other");
    assert_string_equal(err_code_of(&e), "io");
    assert_string_equal(e.at, "");
    assert_string_equal(e.hint, "");
}

static void kinds_have_their_status(void **state)
{
    (void)state;
    assert_int_equal(err_status(ERR_NONE), 200);
    assert_int_equal(err_status(ERR_INVALID), 400);
    assert_int_equal(err_status(ERR_NO_SPACE), 507);
    assert_true(err_may_retry(ERR_BUSY));
    assert_false(err_may_retry(ERR_CORRUPT));
    for (int kind = ERR_INVALID; kind <= ERR_USAGE; kind++)
        assert_in_range(err_status((enum err_kind)kind), 400, 599);
}

/* A long Thai name fills the sentence: it is cut between letters, at every alignment. */
static void long_texts_are_cut_between_letters(void **state)
{
    (void)state;
    char name[900];
    for (size_t lead = 0; lead < 4; lead++) {
        memset(name, 'x', lead);
        size_t len = lead;
        for (; len + 3 < sizeof name; len += 3)
            memcpy(name + len, "\xe0\xb8\x81", 3);
        name[len] = 0;
        struct err e = {0};
        err_set(&e, ERR_INVALID, "%s", name);
        assert_true(strlen(e.text) > sizeof e.text - 5);
        assert_true(str_is_utf8(str_of(e.text)));
        err_while(&e, "reading");
        assert_true(str_is_utf8(str_of(e.text)));
        err_at(&e, "%s", name);
        assert_true(str_is_utf8(str_of(e.at)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(carries_all_parts),
        cmocka_unit_test(setting_again_clears_the_old_parts),
        cmocka_unit_test(kinds_have_their_status),
        cmocka_unit_test(long_texts_are_cut_between_letters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
