/* What was added is never denied; what was not, seldom claimed; memory as promised. */
#include "store/seen.h"

#include "base/test.h"

static struct hash128 id_of(uint64_t k)
{
    return (struct hash128){hash_mix(k), hash_mix(~k)};
}

static void nothing_is_denied_and_little_claimed(void **state)
{
    (void)state;
    enum { MANY = 300000, EVERY = 997 };
    static const uint64_t expected[] = {0, 1000, MANY, MANY * 2};
    for (size_t i = 0; i < COUNT(expected); i++) {
        AUTO(seen) *s = seen_create(expected[i]);
        for (uint64_t k = 0; k < MANY; k++) {
            seen_add(s, id_of(k));
            if (k % EVERY == 0)
                for (uint64_t old = k % 7; old <= k; old += EVERY)
                    assert_true(seen_may_have(s, id_of(old)));
        }
        uint64_t claimed = 0;
        for (uint64_t k = 0; k < MANY; k++) {
            assert_true(seen_may_have(s, id_of(k)));
            claimed += seen_may_have(s, id_of(k + MANY));
        }
        /* one filter: 0.4 %; one that grew: the sum of its filters' */
        assert_in_range(claimed, expected[i] > MANY ? 0 : 1,
                        expected[i] < MANY ? MANY / 30 : MANY / 150);
        assert_in_range(seen_bytes(s), MANY * 3 / 2, (uint64_t)MANY * 4);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_denied_and_little_claimed),
    };
    return cmocka_run_group_tests_name("store/seen", tests, NULL, NULL);
}
