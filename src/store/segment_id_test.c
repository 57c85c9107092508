/* Ids are found by filter and order; few others pass the filter. */
#include "store/segment_file.h"
#include "store/segment_sample.h"

enum { DAY = 86400000 };
#define GOOD_UUID "0189abcd-ef01-2345-6789-abcdef9876fa"

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

/* Every byte at every place of a UUID's text: it is one only in small hexadecimal digits. */
static void only_canonical_uuids_are_uuids(void **state)
{
    (void)state;
    static const char good[] = GOOD_UUID;
    static const uint8_t bytes[] = {0x01, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45,
                                    0x67, 0x89, 0xab, 0xcd, 0xef, 0x98, 0x76, 0xfa};
    struct id_key key = id_key_of(STR(GOOD_UUID));
    assert_true(key.is_uuid);
    assert_memory_equal(key.uuid, bytes, sizeof bytes);
    for (size_t at = 0; at < sizeof good - 1; at++)
        for (unsigned byte = 0; byte < 256; byte++) {
            char text[sizeof good];
            char back[sizeof good - 1];
            memcpy(text, good, sizeof good);
            text[at] = (char)byte;
            bool is_dash = at == 8 || at == 13 || at == 18 || at == 23;
            bool is_hex = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f');
            key = id_key_of((struct str){text, sizeof good - 1});
            assert_int_equal(key.is_uuid, is_dash ? byte == '-' : is_hex);
            if (!key.is_uuid)
                continue;
            uuid_text(key.uuid, back);
            assert_memory_equal(back, text, sizeof back);
        }
    assert_false(id_key_of(str_sub(STR(GOOD_UUID), 0, 35)).is_uuid);
    assert_false(id_key_of(STR(GOOD_UUID "0")).is_uuid);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_found),
        cmocka_unit_test(id_filter_lets_few_pass),
        cmocka_unit_test(only_canonical_uuids_are_uuids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
