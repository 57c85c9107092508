/* The ids of unsealed rows against a plain list. */
#include "base/test.h"
#include "store/ids.h"

static struct hash128 id_of(uint64_t k)
{
    return (struct hash128){hash_mix(k), hash_mix(~k)};
}

static void finds_what_is_in_and_forgets_the_oldest(void **state)
{
    (void)state;
    AUTO(ids) *t = ids_create();
    uint64_t from = 0, to = 0, content;
    for (int round = 0; round < 40; round++) {
        for (int i = 0; i < 700; i++, to++)
            ids_put(t, id_of(to), to * 3);
        if (round % 3 == 2) {
            uint64_t gone = (to - from) * (uint64_t)(round % 5) / 4;
            ids_forget(t, gone);
            from += gone;
        }
        assert_int_equal(ids_count(t), to - from);
        for (uint64_t k = from > 50 ? from - 50 : 0; k < to + 50; k++) {
            bool is_in = k >= from && k < to;
            assert_int_equal(ids_find(t, id_of(k), &content), is_in);
            if (is_in)
                assert_int_equal(content, k * 3);
        }
    }
}

static void equal_low_halves_are_told_apart(void **state)
{
    (void)state;
    AUTO(ids) *t = ids_create();
    uint64_t content;
    ids_put(t, (struct hash128){1, 1}, 10);
    ids_put(t, (struct hash128){1, 2}, 20);
    assert_true(ids_find(t, (struct hash128){1, 2}, &content));
    assert_int_equal(content, 20);
    assert_false(ids_find(t, (struct hash128){1, 3}, &content));
}

/* What was taken back is gone, also when the table grows; what was never in changes nothing. */
static void what_is_cancelled_is_gone(void **state)
{
    (void)state;
    enum { IDS = 3000 };
    AUTO(ids) *t = ids_create();
    uint64_t content;
    ids_put(t, (struct hash128){0, 7}, 1); /* a half of nothing is an id like others */
    ids_put(t, (struct hash128){7, 0}, 2);
    for (uint64_t k = 0; k < IDS; k++) {
        ids_put(t, id_of(k), k);
        ids_cancel(t, id_of(k + IDS));
        if (k % 3 == 0)
            ids_cancel(t, id_of(k));
    }
    for (uint64_t k = 0; k < 2 * IDS; k++)
        assert_int_equal(ids_find(t, id_of(k), &content), k < IDS && k % 3);
    assert_true(ids_find(t, (struct hash128){0, 7}, &content) && content == 1);
    assert_true(ids_find(t, (struct hash128){7, 0}, &content) && content == 2);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_is_in_and_forgets_the_oldest),
        cmocka_unit_test(equal_low_halves_are_told_apart),
        cmocka_unit_test(what_is_cancelled_is_gone),
    };
    return cmocka_run_group_tests_name("store/ids", tests, NULL, NULL);
}
