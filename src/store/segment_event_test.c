/* The content hash of a row read back is that of the event that was added. */
#include "store/segment_sample.h"

enum { DAY = 86400000 };

static void content_hash_is_that_of_the_row(void **state)
{
    (void)state;
    struct sample_plan plan = {.seed = 6,
                               .rows = 300,
                               .persons = 5,
                               .names = 4,
                               .span = 10LL * DAY,
                               .has_properties = true};
    struct sample s = sample_make(&plan);
    struct sample_row *rows = sample_sorted(&s);
    struct chunk_result r = sample_images(&s, 0, s.count, 1);
    struct err e = {0};

    for (uint32_t i = 0; i < s.count; i++) {
        struct event event;
        assert_works(segment_event(r.images[0], i, s.arena, &event, &e), e);
        event.person = rows[i].event->person;
        assert_int_equal(event_content_hash(&event), event_content_hash(rows[i].event));
        event.person = STR("someone else");
        assert_int_not_equal(event_content_hash(&event), event_content_hash(rows[i].event));
    }
    chunk_result_free(&r);
    sample_free(&s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_hash_is_that_of_the_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
