#include "base/test.h"

#include "base/hash.h"
#include "os/sim_bytes.h"

enum { ROOM = 20000 };

/* Beside a plain array: any writes, lengths and copies, and a copy never sees its twin's writes. */
static void same_as_a_plain_array(void **state)
{
    (void)state;
    struct sim_bytes b[2] = {0};
    static char plain[2][ROOM], got[ROOM], noise[ROOM];
    size_t len[2] = {0};
    for (size_t i = 0; i < ROOM; i++)
        noise[i] = (char)(1 + i % 250);
    for (uint64_t step = 0; step < 20000; step++) {
        uint64_t dice = hash_mix(step);
        unsigned k = dice & 1;
        size_t at = (dice >> 8) % ROOM, count = (dice >> 32) % (dice & 2 ? ROOM : 700);
        count = MIN(count, ROOM - at);
        switch ((dice >> 2) % 8) {
        case 0:
            sim_bytes_resize(&b[k], at);
            if (at > len[k])
                memset(plain[k] + len[k], 0, at - len[k]);
            len[k] = at;
            break;
        case 1:
            sim_bytes_copy(&b[k], &b[!k]);
            memcpy(plain[k], plain[!k], ROOM);
            len[k] = len[!k];
            break;
        case 2:
            sim_bytes_clear(&b[k]);
            len[k] = 0;
            break;
        default:
            sim_bytes_write(&b[k], at, noise, count);
            if (count && at > len[k])
                memset(plain[k] + len[k], 0, at - len[k]);
            memcpy(plain[k] + at, noise, count);
            len[k] = count ? MAX(len[k], at + count) : len[k];
        }
        for (unsigned j = 0; j < 2; j++) {
            assert_int_equal(b[j].len, len[j]);
            size_t from = (dice >> 20) % ROOM;
            assert_int_equal(sim_bytes_read(&b[j], from, got, ROOM),
                             from < len[j] ? len[j] - from : 0);
            if (from < len[j])
                assert_memory_equal(got, plain[j] + from, len[j] - from);
        }
    }
    sim_bytes_clear(&b[0]);
    sim_bytes_clear(&b[1]);
}

static void a_copy_of_itself_is_itself(void **state)
{
    (void)state;
    struct sim_bytes b = {0};
    sim_bytes_write(&b, 5000, "x", 1);
    sim_bytes_copy(&b, &b);
    char got[2];
    assert_int_equal(sim_bytes_read(&b, 4999, got, 2), 2);
    assert_memory_equal(got, "\0x", 2);
    sim_bytes_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_a_plain_array),
        cmocka_unit_test(a_copy_of_itself_is_itself),
    };
    return cmocka_run_group_tests_name("os/sim_bytes", tests, NULL, NULL);
}
