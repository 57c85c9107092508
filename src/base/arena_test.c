#include "base/test.h"

#include "base/arena.h"

static bool all_zero(const char *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (at[i])
            return false;
    return true;
}

static void pieces_are_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    AUTO(arena) *a = arena_create(1024);
    for (int round = 0; round < 3; round++) {
        char *pieces[200];
        for (size_t i = 0; i < COUNT(pieces); i++) {
            size_t size = i * 7 % 400;
            pieces[i] = arena_alloc(a, size);
            assert_int_equal((uintptr_t)pieces[i] % 16, 0);
            assert_true(all_zero(pieces[i], size));
            memset(pieces[i], (int)(i + 1), size);
        }
        for (size_t i = 0; i < COUNT(pieces); i++)
            for (size_t j = 0; j < i * 7 % 400; j++)
                assert_int_equal((unsigned char)pieces[i][j], (unsigned char)(i + 1));
        assert_true(arena_bytes(a) >= 200 * 100);
        arena_reset(a);
        assert_int_equal(arena_bytes(a), 0);
    }
}

static void large_pieces_stand_alone(void **state)
{
    (void)state;
    AUTO(arena) *a = arena_create(0);
    char *small = arena_alloc(a, 10);
    char *large = arena_alloc(a, 1 << 20);
    char *next = arena_alloc(a, 10);
    assert_true(all_zero(large, 1 << 20));
    memset(large, 1, 1 << 20);
    assert_ptr_equal(next, small + 16); /* the newest block goes on being used */
    arena_reset(a);
    assert_true(all_zero(arena_alloc(a, 1 << 10), 1 << 10));
}

static void first_piece_may_be_giant(void **state)
{
    (void)state;
    AUTO(arena) *a = arena_create(64);
    memset(arena_alloc(a, 1 << 20), 1, 1 << 20);
    arena_reset(a);
    assert_true(all_zero(arena_alloc(a, 1 << 20), 1 << 20));
}

static void copies_and_prints_texts(void **state)
{
    (void)state;
    AUTO(arena) *a = arena_create(0);
    struct str copy = arena_copy(a, STR("a\0b"));
    assert_str(copy, STR("a\0b"));
    assert_int_equal(copy.at[3], 0);
    assert_str(arena_copy(a, STR_NONE), STR(""));
    assert_str(arena_printf(a, "%s-%03d", "wal", 7), STR("wal-007"));
    assert_int_equal(arena_printf(a, "%0*d", 5000, 1).len, 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_zeroed_aligned_and_apart),
        cmocka_unit_test(large_pieces_stand_alone),
        cmocka_unit_test(first_piece_may_be_giant),
        cmocka_unit_test(copies_and_prints_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
