/* The chunk holds what it was given, counts its bytes, and starts anew when cleared. */
#include "store/segment_sample.h"

enum { DAY = 86400000 };

static void a_cleared_chunk_is_as_new(void **state)
{
    (void)state;
    struct sample_plan plan = {.seed = 8,
                               .rows = 500,
                               .persons = 5,
                               .names = 4,
                               .span = 10LL * DAY,
                               .has_properties = true,
                               .has_ids = true};
    struct sample s = sample_make(&plan);
    AUTO(chunk) *c = sample_chunk(&s, 0, 250);
    size_t bytes = chunk_bytes(c);
    struct chunk_result r;
    struct err e = {0};

    chunk_clear(c);
    assert_int_equal(chunk_rows(c), 0);
    assert_true(chunk_bytes(c) < bytes);
    assert_works(chunk_images(c, STR("main"), 1, NULL, 0, 0, &r, &e), e);
    assert_int_equal(r.image_count, 0);
    chunk_result_free(&r);
    for (size_t i = 0; i < s.count; i++)
        chunk_add(c, &s.events[i], s.persons[i], 0);
    assert_works(chunk_images(c, STR("main"), 1, NULL, 0, 1, &r, &e), e);
    sample_check(r.images[0], sample_sorted(&s), s.count);
    chunk_result_free(&r);
    sample_free(&s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cleared_chunk_is_as_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
