/* All accounts are found: of facts first, of events in memory, in segments, with dictionaries or
 * not; and a scan over all of them adds no name. */
#include "base/test.h"

#include <stdio.h>

#include "os/os_sim.h"
#include "store/scan.h"
#include "store/store.h"

enum { EVENTS = 900, MANY = 700 };

static void append(struct store *s, uint32_t from, uint32_t to, uint32_t accounts)
{
    for (uint32_t i = from; i < to; i++) {
        char person[16], account[16];
        snprintf(person, sizeof person, "u%u", i % 50);
        snprintf(account, sizeof account, "a%u", i % accounts);
        struct event event = {.id = STR(""),
                              .time = i * INT64_C(1000),
                              .name = STR("e"),
                              .person = str_of(person),
                              .account = i % 10 == 9 ? STR("") : str_of(account)};
        struct store_batch batch = {.events = &event, .event_count = 1};
        struct store_receipt receipt;
        struct err e = {0};
        assert_works(store_append(s, &batch, &receipt, &e), e);
    }
}

static bool count_sink(void *context, const struct scan_batch *b)
{
    size_t *with_account = context;

    for (size_t i = 0; i < b->count; i++)
        *with_account += b->codes[0][i] != SCAN_CODE_NONE;
    return true;
}

static void check(struct store *s, uint32_t accounts)
{
    AUTO(intern) *names = intern_create();
    AUTO(snapshot) *v = NULL;
    AUTO(pool) *pool = pool_create(2);
    uint32_t described = 0;
    size_t with_account[2] = {0};
    struct err e = {0};
    struct scan_selector any = {STR_NONE, INT64_MIN, INT64_MAX, NULL};
    struct scan_column column = {.kind = SCAN_CODE, .subject = SCAN_ACCOUNT, .codes = names};
    struct scan_plan plan = {
        .selectors = &any, .selector_count = 1, .columns = &column, .column_count = 1};
    struct scan_stats stats;

    assert_works(store_snapshot(s, &v, &e), e);
    assert_works(snapshot_accounts(v, names, &described, &e), e);
    assert_int_equal(described, 2); /* a3, and one that no event names */
    assert_true(str_equal(intern_at(names, 0), STR("quiet")));
    assert_true(str_equal(intern_at(names, 1), STR("a3")));
    assert_int_equal(intern_count(names), accounts + 1);
    assert_works(scan_run(v, &plan, pool, count_sink,
                          (void *[]){&with_account[0], &with_account[1]}, &stats, &e),
                 e);
    assert_int_equal(with_account[0] + with_account[1], EVENTS - EVENTS / 10);
    assert_int_equal(intern_count(names), accounts + 1);
}

static void accounts_are_listed(void **state)
{
    static const uint32_t counts[] = {7, MANY}; /* few: a dictionary */

    (void)state;
    for (size_t k = 0; k < COUNT(counts); k++) {
        struct os *os = os_sim_create((struct os_sim_plan){.seed = 1});
        struct store_options options = {
            .no_background = true, .project = STR("p"), .chunk_rows = 64, .seal_rows = 100};
        struct property trait = {STR("plan"), {VALUE_TEXT, .text = STR("pro")}};
        struct fact facts[] = {{.kind = FACT_ACCOUNT_TRAITS, .subject = STR("quiet"), .created = 5},
                               {.kind = FACT_ACCOUNT_TRAITS,
                                .subject = STR("a3"),
                                .created = FACT_CREATED_NONE,
                                .properties = &trait,
                                .property_count = 1}};
        struct store_batch batch = {.facts = facts, .fact_count = COUNT(facts)};
        struct store_receipt receipt;
        struct err e = {0};
        AUTO(store) *s = NULL;

        assert_works(store_open(os, STR("s"), &options, &s, &e), e);
        assert_works(store_append(s, &batch, &receipt, &e), e);
        append(s, 0, EVENTS - 10, counts[k]);
        assert_works(store_maintain(s, &e), e);
        append(s, EVENTS - 10, EVENTS, counts[k]);
        uint32_t named = counts[k] - counts[k] / 10 * (counts[k] % 10 == 0); /* i % 10 == 9 */
        check(s, named);
        store_close(TAKE(s));
        os_destroy(os);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(accounts_are_listed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
