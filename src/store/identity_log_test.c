/* The log keeps its entries where they are, and its texts once. */
#include "store/identity_log.h"

#include <stdio.h>

#include "base/test.h"

static void entries_stay_where_they_are(void **state)
{
    (void)state;
    enum { MANY = 3000 };
    AUTO(identity_log) *l = identity_log_create();
    struct fact f = {.kind = FACT_MERGE, .by = STR("key tw_1"), .received = 5};
    identity_log_add(l, &f, 1, 2);
    const struct identity_entry *first = identity_log_at(l, 0);
    for (uint32_t i = 1; i < MANY; i++) {
        char room[32];
        f.kind = i % 2 ? FACT_UNMERGE : FACT_MERGE;
        f.received = i;
        f.reason = (struct str){room, (size_t)snprintf(room, sizeof room, "because %u", i % 7)};
        identity_log_add(l, &f, i, i + 1);
    }
    assert_int_equal(identity_log_count(l), MANY);
    assert_ptr_equal(identity_log_at(l, 0), first);
    assert_int_equal(first->at, 5);
    assert_str(identity_log_text(l, first->by), STR("key tw_1"));
    assert_str(identity_log_text(l, first->reason), STR(""));
    for (uint32_t i = 1; i < MANY; i++) {
        const struct identity_entry *n = identity_log_at(l, i);
        char room[32];
        struct str want = {room, (size_t)snprintf(room, sizeof room, "because %u", i % 7)};
        assert_int_equal(n->subject, i);
        assert_int_equal(n->other, i + 1);
        assert_int_equal(n->at, i);
        assert_int_equal(n->is_part, i % 2);
        assert_str(identity_log_text(l, n->reason), want);
        assert_int_equal(n->by, first->by);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(entries_stay_where_they_are)};
    return cmocka_run_group_tests_name("store/identity_log", tests, NULL, NULL);
}
