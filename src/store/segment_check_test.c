/*
 * What checksums cannot see: bytes that were wrong when they were written. A good segment is
 * changed and read as if its checksums were right; the check must name what is not so.
 */
#include "store/segment_file.h"
#include "store/segment_sample.h"

enum { DAY = 86400000 };

static struct buf good_bytes(void)
{
    struct sample_plan plan = {.seed = 31,
                               .rows = 400,
                               .persons = 3,
                               .names = 3,
                               .span = 20LL * DAY,
                               .step = DAY,
                               .has_properties = true,
                               .has_ids = true};
    struct sample s = sample_make(&plan);
    struct chunk_result r = sample_images(&s, 0, s.count, 3);
    const struct segment_own *own = r.images[0]->own;
    struct buf bytes = {0};

    buf_add(&bytes, buf_str(&own->image));
    chunk_result_free(&r);
    sample_free(&s);
    return bytes;
}

static struct segment *opened(struct buf *bytes)
{
    struct segment *g = NULL;
    struct err e = {0};

    assert_works(segment_of_bytes(bytes, true, &g, &e), e);
    return g;
}

static void swap_u32(const uint32_t *list, uint32_t a, uint32_t b)
{
    uint32_t *at = (uint32_t *)(uintptr_t)list, v = at[a];

    at[a] = at[b];
    at[b] = v;
}

static void times_out_of_order(struct segment *g)
{
    const uint32_t *times = g->time->lanes;
    uint32_t row = 1;

    while (times[row - 1] == times[row])
        row++;
    assert_true(row < g->starts[1]);
    swap_u32(times, row - 1, row);
}

static void sequences_out_of_order(struct segment *g)
{
    const uint32_t *times = g->time->lanes;
    const struct column *c = NULL;

    for (size_t i = 0; i < g->column_count; i++)
        if (g->columns[i].kind == COLUMN_SEQUENCE)
            c = &g->columns[i];
    assert_non_null(c);
    assert_int_equal(c->lane_bits, 2);
    for (uint32_t row = 1; row < g->starts[1]; row++)
        if (times[row - 1] == times[row] && column_lane(c, row - 1) < column_lane(c, row)) {
            uint8_t *lanes = (uint8_t *)(uintptr_t)c->lanes;
            lanes[(row - 1) / 4] |= (uint8_t)(3 << (row - 1) % 4 * 2);
            lanes[row / 4] &= (uint8_t) ~(3 << row % 4 * 2);
            return;
        }
    fail_msg("no ties in the sample");
}

static void block_time(struct segment *g)
{
    ((struct block_info *)(uintptr_t)g->blocks)->time_max--;
}

static void block_names(struct segment *g)
{
    ((struct block_info *)(uintptr_t)g->blocks)->names[0] ^= 2;
}

static void last_time(struct segment *g)
{
    g->time_max++;
}

static void name_count(struct segment *g)
{
    ((uint64_t *)(uintptr_t)g->name_counts)[1]++;
}

static void name_first(struct segment *g)
{
    ((int64_t *)(uintptr_t)g->name_first)[1] += 30LL * DAY;
}

static void id_order(struct segment *g)
{
    swap_u32(g->id_order, 0, g->id_count - 1);
}

static void id_filter(struct segment *g)
{
    memset((uint64_t *)(uintptr_t)g->id_filter, 0, g->id_filter_words * 8);
}

/* An entry of a row that has no id, where the search for the first one passes. */
static void id_order_nowhere(struct segment *g)
{
    uint32_t *order = (uint32_t *)(uintptr_t)g->id_order, row = 0;

    while (g->id->rows[row] == row)
        row++;
    for (uint32_t i = 0; i < g->id_count; i++)
        order[i] = row;
}

static void first_time(struct segment *g)
{
    g->time_min--;
}

/* Events of one moment without a sequence of their own stand in any order. */
static void ties_need_no_sequence(void **state)
{
    (void)state;
    AUTO(chunk) *c = chunk_create();
    struct chunk_result r;
    struct buf bytes = {0};
    struct err e = {0};

    for (uint32_t i = 0; i < 20; i++) {
        struct event v = {.time = i / 4, .copy = i % 4, .name = STR("e"), .person = STR("p")};
        chunk_add(c, &v, 1, 0);
    }
    assert_works(chunk_images(c, STR("main"), 1, NULL, 0, 1, &r, &e), e);
    buf_add(&bytes, buf_str(&((const struct segment_own *)r.images[0]->own)->image));
    chunk_result_free(&r);
    AUTO(segment) *g = opened(&bytes);
    assert_works(segment_check(g, &e), e);
}

static void what_is_not_so_is_named(void **state)
{
    (void)state;
    static const struct {
        void (*change)(struct segment *g);
        const char *says;
    } cases[] = {
        {times_out_of_order, "is not in the order of time"},
        {sequences_out_of_order, "is not in the order of time"},
        {block_time, "what is said of block 0 is not so"},
        {block_names, "what is said of block 0 is not so"},
        {first_time, "its first or last time is not so"},
        {last_time, "its first or last time is not so"},
        {name_count, "what is said of its event names is not so"},
        {name_first, "what is said of its event names is not so"},
        {id_order, "is not found"},
        {id_filter, "is not found"},
        {id_order_nowhere, "names a row without an id"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf bytes = good_bytes();
        AUTO(segment) *g = opened(&bytes);
        struct err e = {0};
        assert_works(segment_check(g, &e), e);
        cases[i].change(g);
        assert_false(segment_check(g, &e));
        assert_int_equal(e.kind, ERR_CORRUPT);
        if (!strstr(e.text, cases[i].says))
            fail_msg("\"%s\" does not say \"%s\"", e.text, cases[i].says);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_so_is_named),
        cmocka_unit_test(ties_need_no_sequence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
