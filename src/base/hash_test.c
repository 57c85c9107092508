#include "base/test.h"

#include "base/hash.h"

/* Check values of XXH3 for the empty input with seed 0, as in the xxHash project's sanity tests. */
static void is_xxh3(void **state)
{
    (void)state;
    assert_true(hash64(STR(""), 0) == 0x2D06800538D394C2u);
    struct hash128 h = hash128(STR(""), 0);
    assert_true(h.low == 0x6001C324468D497Fu && h.high == 0x99AA06D3014798D8u);
    assert_true(hash64(STR_NONE, 0) == hash64(STR(""), 0));
}

static void seed_and_content_matter(void **state)
{
    (void)state;
    assert_true(hash64(STR("a"), 0) != hash64(STR("a"), 1));
    assert_true(hash64(STR("a"), 0) != hash64(STR("b"), 0));
    assert_true(hash128(STR("a"), 0).low != hash128(STR("a"), 1).low);
    assert_true(hash64(STR("a\0b"), 0) != hash64(STR("a\0c"), 0));
}

static void parts_hash_as_the_whole(void **state)
{
    (void)state;
    char text[3000];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)hash_mix(i);
    for (size_t len = 0; len < sizeof text; len += 1 + len / 3) {
        struct hash128 whole = hash128((struct str){text, len}, 0);
        struct hash_stream h;
        hash_stream_begin(&h);
        for (size_t at = 0; at < len; at += 37)
            hash_stream_add(&h, (struct str){text + at, MIN((size_t)37, len - at)});
        assert_true(hash_stream_end(&h).low == whole.low);
        assert_true(hash_stream_end(&h).high == whole.high);
    }
}

/* SplitMix64 from state 0 gives this sequence (its author's reference program). */
static void mix_is_splitmix64(void **state)
{
    (void)state;
    assert_true(hash_mix(0) == 0xE220A8397B1DCDAFu);
    assert_true(hash_mix(0x9E3779B97F4A7C15u) == 0x6E789E6AA1B965F4u);
}

static void parts_of_hash64_are_the_whole(void **state)
{
    char bytes[2000];
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * i >> 3);
    for (size_t len = 0; len <= sizeof bytes; len += 1 + len / 3) {
        struct hash_stream h;
        hash64_begin(&h, 77);
        for (size_t at = 0, part = 0; at < len; at += part) {
            part = MIN(len - at, 1 + at / 2);
            hash64_add(&h, bytes + at, part);
            hash64_add(&h, NULL, 0);
        }
        assert_true(hash64_end(&h) == hash64((struct str){bytes, len}, 77));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_xxh3),
        cmocka_unit_test(seed_and_content_matter),
        cmocka_unit_test(parts_hash_as_the_whole),
        cmocka_unit_test(parts_of_hash64_are_the_whole),
        cmocka_unit_test(mix_is_splitmix64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
