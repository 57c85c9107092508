/* Lanes of each width, read one by one and in bulk. */
#include "base/hash.h"
#include "base/test.h"
#include "store/segment.h"

static void lanes_unpack_as_they_read(void **state)
{
    (void)state;
    static uint64_t words[64];
    uint32_t out[256];
    static const uint8_t widths[] = {0, 1, 2, 4, 8, 16, 32};

    for (size_t i = 0; i < COUNT(words); i++)
        words[i] = hash_mix(i);
    for (size_t w = 0; w < COUNT(widths); w++) {
        struct column c = {
            .kind = COLUMN_NAME, .lane_bits = widths[w], .lanes = words, .lane_count = 128};
        for (uint32_t from = 0; from < 20; from++) {
            column_unpack(&c, from, 128 - from, out);
            for (uint32_t i = from; i < 128 - from; i++)
                assert_int_equal(out[i - from], column_lane(&c, i));
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(lanes_unpack_as_they_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
