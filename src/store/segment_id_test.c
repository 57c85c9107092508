/* Ids are found by filter and order; few others pass the filter. */
#include "store/segment_file.h"
#include "store/segment_sample.h"

enum { DAY = 86400000 };

static void ids_are_found(void **state)
{
    (void)state;
    struct sample_plan plan = {
        .seed = 12, .rows = 20000, .persons = 500, .names = 5, .span = 28LL * DAY, .has_ids = true};
    struct sample s = sample_make(&plan);
    struct sample_row *rows = sample_sorted(&s);
    struct chunk_result r = sample_images(&s, 0, s.count, 1);
    struct segment *g = r.images[0];
    struct err e = {0};
    uint32_t row, with = 0;

    for (uint32_t i = 0; i < g->rows; i++) {
        struct str id = rows[i].event->id;
        if (!id.len)
            continue;
        with++;
        assert_true(segment_find_id(g, id, &row, &e));
        assert_int_equal(row, i);
        assert_works(segment_pin(g, g->id, i, i + 1, &e), e);
        assert_str(column_value(g->id, i).text, id);
    }
    assert_int_equal(with, g->id_count);
    for (uint64_t seed = 1; seed < 5000; seed++) {
        uint64_t dice = seed << 32;
        assert_false(segment_find_id(g, sample_id(s.arena, &dice), &row, &e));
    }
    assert_int_equal(e.kind, ERR_NONE);
    chunk_result_free(&r);
    sample_free(&s);
}

static void id_filter_lets_few_pass(void **state)
{
    (void)state;
    enum { IDS = 20000 };
    uint64_t words = id_filter_words_for(IDS), passed = 0;
    uint64_t *filter = mem_array(words, sizeof *filter);
    char text[32];

    assert_true(words * 64 < IDS * 11);
    for (unsigned i = 0; i < 2 * IDS; i++) {
        int len = snprintf(text, sizeof text, "id-%u", i);
        struct hash128 h = event_id_hash((struct str){text, (size_t)len});
        if (i < IDS)
            id_filter_set(filter, words, h);
        else
            passed += id_filter_has(filter, words, h);
    }
    assert_true(passed < IDS / 40);
    mem_free(filter);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_found),
        cmocka_unit_test(id_filter_lets_few_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
