#include "base/test.h"

#include <stdio.h>

#include "base/hash.h"
#include "base/intern.h"

static void codes_are_dense_and_stable(void **state)
{
    (void)state;
    AUTO(intern) *t = intern_create();
    enum { TEXTS = 50000 };
    char text[32];
    for (uint32_t i = 0; i < TEXTS; i++) {
        int len = snprintf(text, sizeof text, "%x", (unsigned)hash_mix(i));
        uint32_t code = intern_put(t, (struct str){text, (size_t)len});
        assert_true(code <= i);
    }
    uint32_t count = intern_count(t);
    assert_true(count > TEXTS - 10); /* 32-bit names rarely meet */
    for (uint32_t i = 0; i < TEXTS; i++) {
        int len = snprintf(text, sizeof text, "%x", (unsigned)hash_mix(i));
        struct str name = {text, (size_t)len};
        uint32_t code = intern_find(t, name);
        assert_true(code < count);
        assert_str(intern_at(t, code), name);
        assert_int_equal(intern_put(t, name), code);
    }
    assert_int_equal(intern_count(t), count);
    assert_int_equal(intern_find(t, STR("not there")), INTERN_NONE);
    assert_in_range(intern_bytes(t), count * 24, count * 80);
}

static void takes_odd_texts(void **state)
{
    (void)state;
    AUTO(intern) *t = intern_create();
    assert_int_equal(intern_find(t, STR("")), INTERN_NONE);
    assert_int_equal(intern_put(t, STR("")), 0);
    assert_int_equal(intern_put(t, STR("a\0b")), 1);
    assert_int_equal(intern_put(t, STR("a\0c")), 2);
    char *large = mem_zero(1 << 20);
    memset(large, 'x', 1 << 20);
    assert_int_equal(intern_put(t, (struct str){large, 1 << 20}), 3);
    assert_int_equal(intern_put(t, STR("after")), 4);
    assert_int_equal(intern_put(t, STR_NONE), 0);
    assert_int_equal(intern_find(t, (struct str){large, 1 << 20}), 3);
    assert_str(intern_at(t, 4), STR("after"));
    assert_true(intern_at(t, 3).at != large); /* a copy */
    mem_free(large);
}

static void starts_again_after_clear(void **state)
{
    (void)state;
    AUTO(intern) *t = intern_create();
    size_t empty = intern_bytes(t);
    for (int round = 0; round < 3; round++) {
        char text[8];
        for (int i = 0; i < 500; i++)
            intern_put(t, (struct str){text, (size_t)snprintf(text, sizeof text, "%d", i)});
        intern_clear(t);
        assert_int_equal(intern_count(t), 0);
        assert_int_equal(intern_bytes(t), empty);
        assert_int_equal(intern_find(t, STR("7")), INTERN_NONE);
        assert_int_equal(intern_put(t, STR("x")), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_are_dense_and_stable),
        cmocka_unit_test(takes_odd_texts),
        cmocka_unit_test(starts_again_after_clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
