#include "base/test.h"

#include <unistd.h>

#include "os/os.h"

/* What only the real world has; the rest is in os_test.c, for both worlds. */
static void full_disk_has_its_own_kind(void **state)
{
    (void)state;
    AUTO(os) *os = os_linux_create();
    struct err e = {0};
    AUTO(os_file) *full = NULL;
    if (access("/dev/full", W_OK) != 0)
        skip();
    assert_works(os_file_open(os, STR("/dev/full"), OS_WRITE, &full, &e), e);
    struct str x = STR("x");
    assert_false(os_file_write_at(full, 0, &x, 1, &e));
    assert_int_equal(e.kind, ERR_NO_SPACE);
    assert_true(e.hint[0] != 0);
}

static void clock_and_dice_move(void **state)
{
    (void)state;
    AUTO(os) *os = os_linux_create();
    struct err e = {0};
    assert_true(os_now_ms(os) > 1767225600000); /* 2026-01-01 */
    uint64_t before = os_monotonic_ns(os);
    assert_true(os_monotonic_ns(os) >= before);
    unsigned char a[64] = {0}, b[64] = {0};
    os_random(os, a, sizeof a);
    os_random(os, b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
    uint64_t bytes = 0;
    assert_works(os_free_bytes(os, STR("/"), &bytes, &e), e);
    assert_true(bytes > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_disk_has_its_own_kind),
        cmocka_unit_test(clock_and_dice_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
