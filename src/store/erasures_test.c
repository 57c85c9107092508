#include "base/test.h"

#include <stdio.h>

#include "store/erasures.h"

static struct erasure numbered(uint32_t i)
{
    struct erasure x = {.time = 1700000000000 + i % 1000};
    char id[24];
    snprintf(id, sizeof id, "person-%u", i);
    erasure_hash(77, str_of(id), x.hash);
    return x;
}

/* As many as a large store may see in years, added and read again; sized so that a search of the
 * whole list for each would take minutes. */
static void a_long_list_knows_each_once(void **state)
{
    (void)state;
    enum { MANY = 100000 };
    struct erasures list = {0}, again;
    struct err e = {0};
    for (uint32_t i = 0; i < MANY; i++) {
        struct erasure x = numbered(i);
        assert_false(erasures_have(&list, &x));
        assert_true(erasures_add(&list, &x));
        assert_false(erasures_add(&list, &x));
    }
    assert_int_equal(list.count, MANY);
    struct identity who = {.project = STR("main"), .store = 77};
    BUF_AUTO bytes = {0};
    erasures_put(&list, &who, 5, &bytes);
    assert_works(erasures_read(buf_str(&bytes), STR("erased"), &who, NULL, &again, &e), e);
    assert_int_equal(again.count, MANY);
    for (uint32_t i = 0; i < 2 * MANY; i++) {
        struct erasure x = numbered(i);
        assert_int_equal(erasures_have(&again, &x), i < MANY);
        x.time += 5000; /* the same id, erased another time */
        assert_false(erasures_have(&again, &x));
    }
    struct erasure more = numbered(MANY);
    assert_true(erasures_add(&again, &more)); /* what was read goes on */
    assert_false(erasures_add(&again, &more));
    for (uint32_t i = 0; i < MANY; i++)
        assert_memory_equal(&again.list[i], &list.list[i], sizeof *list.list); /* in order */
    erasures_free(&list);
    erasures_free(&again);
    struct erasure x = numbered(0);
    assert_false(erasures_have(&list, &x));
}

/* One id, erased again and again: equal hashes, other times. */
static void one_id_often(void **state)
{
    (void)state;
    enum { TIMES = 20000 };
    struct erasures list = {0};
    struct erasure x = numbered(1);
    for (x.time = 0; x.time < TIMES; x.time++)
        assert_true(erasures_add(&list, &x));
    for (x.time = 0; x.time < TIMES; x.time++)
        assert_true(erasures_have(&list, &x));
    assert_false(erasures_have(&list, &x));
    erasures_free(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_list_knows_each_once),
        cmocka_unit_test(one_id_often),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
