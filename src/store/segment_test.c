/* Round trips of all value types and shapes; damage is found, or changes nothing. */
#include "base/intern.h"
#include "os/os_sim.h"
#include "os/thread.h"
#include "store/segment_file.h"
#include "store/segment_sample.h"

enum { DAY = 86400000 };

/* What goes in comes out: images of one chunk against the plain sort. */
static void round_trip(const struct sample_plan *plan)
{
    struct sample s = sample_make(plan);
    struct sample_row *rows = sample_sorted(&s);
    struct chunk_result r = sample_images(&s, 0, s.count, 7);
    struct err e = {0};
    size_t at = 0;

    for (size_t i = 0; i < r.image_count; i++) {
        struct segment *g = r.images[i];
        assert_true(i == 0 || r.images[i - 1]->month_start < g->month_start);
        assert_int_equal(g->age, 7);
        assert_str(g->project, STR("main"));
        sample_check(g, rows + at, g->rows);
        assert_works(segment_check(g, &e), e);
        at += g->rows;
    }
    assert_int_equal(at, s.count);
    chunk_result_free(&r);
    sample_free(&s);
}

static void every_shape_round_trips(void **state)
{
    (void)state;
    static const struct sample_plan plans[] = {
        {.seed = 1, .rows = 1, .persons = 1, .names = 1, .span = 1, .has_properties = true},
        {.seed = 2,
         .rows = 500,
         .persons = 20,
         .names = 5,
         .span = 80LL * DAY,
         .has_properties = true,
         .has_ids = true},
        {.seed = 3,
         .rows = 3000,
         .persons = 40,
         .names = 300,
         .span = 20LL * DAY,
         .has_properties = true},
        {.seed = 4,
         .rows = 2000,
         .persons = 3,
         .names = 2,
         .span = DAY,
         .step = DAY / 4,
         .has_properties = true,
         .has_ids = true}, /* ties */
        {.seed = 5,
         .rows = 1500,
         .persons = 50,
         .names = 9,
         .from = -75LL * 365 * DAY,
         .span = 100LL * DAY,
         .has_properties = true},
        {.seed = 6,
         .rows = 70000,
         .persons = 900,
         .names = 60,
         .from = 1767225600000,
         .span = 25LL * DAY,
         .has_properties = true,
         .rich_one_in = 9},
        {.seed = 7,
         .rows = 5000,
         .persons = 100,
         .names = 9,
         .span = 25LL * DAY,
         .has_properties = true,
         .rich_one_in = 200,
         .has_ids = true},
    };
    for (size_t i = 0; i < COUNT(plans); i++)
        round_trip(&plans[i]);
}

static const struct column *property_of(const struct segment *g, struct str name)
{
    const struct column *list[VALUE_TYPE_COUNT];

    assert_int_equal(segment_property(g, name, list), 1);
    return list[0];
}

static void names_and_blocks_are_counted(void **state)
{
    (void)state;
    struct sample_plan plan = {
        .seed = 11, .rows = 70000, .persons = 500, .names = 5, .span = 28LL * DAY};
    struct sample s = sample_make(&plan);
    struct chunk_result r = sample_images(&s, 0, s.count, 1);
    const struct segment *g = r.images[0];

    assert_int_equal(g->name->dictionary_count, 5);
    for (uint32_t code = 0; code < 5; code++) {
        struct str name = column_dictionary_value(g->name, code).text;
        uint64_t count = 0;
        int64_t first = INT64_MAX, last = INT64_MIN;
        for (size_t i = 0; i < s.count; i++) {
            if (!str_equal(s.events[i].name, name))
                continue;
            count++;
            first = MIN(first, s.events[i].time);
            last = MAX(last, s.events[i].time);
        }
        assert_int_equal(g->name_counts[code], count);
        assert_int_equal(g->name_first[code], first);
        assert_int_equal(g->name_last[code], last);
    }
    const uint32_t *times = g->time->lanes;
    for (uint32_t b = 0; b < 2; b++) {
        uint32_t low = UINT32_MAX, high = 0, end = MIN(g->rows, (b + 1) * SEGMENT_BLOCK_ROWS);
        for (uint32_t row = b * SEGMENT_BLOCK_ROWS; row < end; row++) {
            low = MIN(low, times[row]);
            high = MAX(high, times[row]);
        }
        assert_int_equal(g->blocks[b].time_min, low);
        assert_int_equal(g->blocks[b].time_max, high);
        assert_int_equal(g->blocks[b].names[0], 31);
    }
    chunk_result_free(&r);
    sample_free(&s);
}

/* ---- files, damage ---- */

static struct str file_bytes(const struct segment *g)
{
    const struct segment_own *own = g->own;
    return buf_str(&own->image);
}

static struct segment *small_segment(struct sample *s, struct sample_row **rows)
{
    struct sample_plan plan = {.seed = 21,
                               .rows = 60,
                               .persons = 6,
                               .names = 3,
                               .span = DAY,
                               .has_properties = true,
                               .has_ids = true};
    *s = sample_make(&plan);
    *rows = sample_sorted(s);
    struct chunk_result r = sample_images(s, 0, s->count, 3);
    struct segment *g = segment_keep(r.images[0]);
    chunk_result_free(&r);
    return g;
}

/* True when every row comes out as it went in; false when damage was reported; never a wrong row.
 */
static bool opens_right(struct str bytes, const struct sample_row *rows, size_t count)
{
    struct segment *g = NULL;
    struct buf copy = {0};
    struct err e = {0};
    uint32_t row;
    bool is_good = true;

    buf_add(&copy, bytes);
    if (!segment_of_bytes(&copy, false, &g, &e)) {
        assert_true(e.kind == ERR_CORRUPT || e.kind == ERR_UNSUPPORTED);
        return false;
    }
    AUTO(arena) *arena = arena_create(0);
    assert_int_equal(g->rows, count);
    for (uint32_t i = 0; is_good && i < g->rows; i++) {
        struct event event;
        is_good = segment_event(g, i, arena, &event, &e);
        if (is_good && !sample_same(&event, rows[i].event))
            fail_msg("row %u is wrong and nothing was noticed", i);
        if (is_good && rows[i].event->id.len && !segment_find_id(g, rows[i].event->id, &row, &e)) {
            assert_int_equal(e.kind, ERR_CORRUPT); /* a lost id must not pass for a new one */
            is_good = false;
        }
    }
    if (!is_good)
        assert_int_equal(e.kind, ERR_CORRUPT);
    segment_release(g);
    return is_good;
}

static void each_flipped_byte_is_noticed_or_harmless(void **state)
{
    (void)state;
    struct sample s;
    struct sample_row *rows;
    AUTO(segment) *g = small_segment(&s, &rows);
    struct str bytes = file_bytes(g);
    char *copy = mem_zero(bytes.len);
    size_t noticed = 0;

    memcpy(copy, bytes.at, bytes.len);
    assert_true(opens_right((struct str){copy, bytes.len}, rows, s.count));
    for (size_t i = 0; i < bytes.len; i++) {
        copy[i] = (char)(copy[i] ^ (1 << i % 8));
        noticed += !opens_right((struct str){copy, bytes.len}, rows, s.count);
        copy[i] = bytes.at[i];
    }
    assert_true(noticed > bytes.len / 2); /* the rest is room between areas */
    for (size_t len = 0; len < bytes.len; len += 61)
        assert_false(opens_right((struct str){copy, len}, rows, s.count));
    mem_free(copy);
    sample_free(&s);
}

static void blocks_are_checked_when_touched(void **state)
{
    (void)state;
    struct sample_plan plan = {
        .seed = 22, .rows = 140000, .persons = 900, .names = 20, .span = 28LL * DAY};
    struct sample s = sample_make(&plan);
    struct chunk_result r = sample_images(&s, 0, s.count, 1);
    AUTO(os) *os = os_sim_create((struct os_sim_plan){.seed = 1});
    struct str path = STR("/1.seg"), bytes = file_bytes(r.images[0]);
    uint64_t name_at = (uint64_t)((const char *)r.images[0]->name->lanes - bytes.at);
    struct segment *g = NULL;
    struct err e = {0};

    assert_works(os_write_whole(os, path, bytes, &e), e);
    assert_true(os_sim_flip(os, path, name_at + 70000, 4));
    assert_works(segment_open(os, path, STR("main"), &g, &e), e);
    assert_str(g->path, path);
    assert_works(segment_pin(g, g->name, 0, 65536, &e), e);
    assert_works(segment_pin(g, g->name, 131072, 140000, &e), e);
    assert_works(segment_pin(g, g->time, 0, 140000, &e), e);
    assert_false(segment_pin(g, g->name, 65535, 65537, &e));
    assert_int_equal(e.kind, ERR_CORRUPT);
    assert_non_null(strstr(e.text, "/1.seg"));
    assert_non_null(strstr(e.text, "block 1"));
    e = (struct err){0};
    assert_false(segment_check(g, &e));
    segment_release(g);
    chunk_result_free(&r);
    sample_free(&s);
}

static void foreign_files_are_refused(void **state)
{
    (void)state;
    struct sample s;
    struct sample_row *rows;
    AUTO(segment) *g = small_segment(&s, &rows);
    AUTO(os) *os = os_sim_create((struct os_sim_plan){.seed = 1});
    struct str path = STR("/2.seg");
    struct segment *opened = NULL;
    struct err e = {0};

    assert_false(segment_open(os, path, STR("main"), &opened, &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_works(os_write_whole(os, path, file_bytes(g), &e), e);
    assert_false(segment_open(os, path, STR("other"), &opened, &e));
    assert_int_equal(e.kind, ERR_CORRUPT);
    assert_non_null(strstr(e.text, "belongs to project \"main\", not \"other\""));
    assert_true(os_sim_flip(os, path, 8, 3)); /* the version: 1 -> 2 */
    assert_false(segment_open(os, path, STR("main"), &opened, &e));
    assert_int_equal(e.kind, ERR_UNSUPPORTED);
    assert_non_null(strstr(e.text, "written by a newer Tenure"));
    assert_works(os_write_whole(os, path, STR("PK\x03\x04"), &e), e);
    assert_false(segment_open(os, path, STR("main"), &opened, &e));
    assert_int_equal(e.kind, ERR_CORRUPT);
    sample_free(&s);
}

/* Bytes with right checksums but wrong contents: never a crash, and codes without a value are
 * found. */
static void codes_beyond_the_dictionary_are_found(void **state)
{
    (void)state;
    struct sample s;
    struct sample_row *rows;
    AUTO(segment) *g = small_segment(&s, &rows);
    struct str bytes = file_bytes(g);
    struct segment *opened = NULL;
    struct buf copy = {0};
    struct err e = {0};

    buf_add(&copy, bytes);
    copy.at[(const char *)g->name->lanes - bytes.at + 5] = 3; /* three names: 0, 1, 2 */
    assert_works(segment_of_bytes(&copy, true, &opened, &e), e);
    assert_false(segment_pin(opened, opened->name, 0, 10, &e));
    assert_int_equal(e.kind, ERR_CORRUPT);
    segment_release(opened);
    sample_free(&s);
}

struct pinning {
    struct segment *g;
    _Atomic unsigned failures;
};

static void pin_and_read(void *context, size_t task, unsigned thread)
{
    struct pinning *p = context;
    struct err e = {0};
    uint32_t from = (uint32_t)(task % 8) * (p->g->rows / 8), to = from + p->g->rows / 8;

    (void)thread;
    for (size_t i = 0; i < p->g->column_count; i++) {
        const struct column *c = &p->g->columns[i];
        if (!segment_pin(p->g, c, from, to, &e)) {
            p->failures++;
            continue;
        }
        for (uint32_t row = from; row < to; row += 97)
            p->failures += c->kind == COLUMN_PROPERTY && column_value(c, row).text.len == 0;
        for (uint32_t row = from; c->kind == COLUMN_ID && row < to; row += 97)
            p->failures += column_value(c, row).text.len != UUID_TEXT_BYTES;
    }
}

/* Packed texts and the texts of UUIDs are made while several threads ask for them. */
static void threads_pin_together(void **state)
{
    (void)state;
    enum { ROWS = 80000 };
    AUTO(arena) *arena = arena_create(0);
    AUTO(chunk) *c = chunk_create();
    AUTO(pool) *pool = pool_create(4);
    struct chunk_result r;
    struct buf bytes = {0};
    struct pinning p = {0};
    struct err e = {0};

    for (size_t i = 0; i < ROWS; i++) {
        struct property url = {
            STR("url"), {.type = VALUE_TEXT, .text = arena_printf(arena, "/items/%zu/view", i)}};
        struct event v = {.id = arena_printf(arena, "%08zx-0000-4000-8000-000000000000", i),
                          .time = (int64_t)i,
                          .name = STR("e"),
                          .person = STR("p"),
                          .properties = &url,
                          .property_count = 1};
        chunk_add(c, &v, (uint32_t)i / 50, 0);
    }
    assert_works(chunk_images(c, STR("main"), 1, NULL, 0, 1, &r, &e), e);
    for (int round = 0; round < 5; round++) {
        assert_works(merge_segments(r.images, 1, STR("main"), 1, NULL, NULL, &bytes, &e), e);
        assert_works(segment_of_bytes(&bytes, false, &p.g, &e), e);
        assert_null(property_of(p.g, STR("url"))->text_bytes);
        pool_run(pool, 16, pin_and_read, &p);
        assert_int_equal(p.failures, 0);
        segment_release(p.g);
    }
    chunk_result_free(&r);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape_round_trips),
        cmocka_unit_test(names_and_blocks_are_counted),
        cmocka_unit_test(each_flipped_byte_is_noticed_or_harmless),
        cmocka_unit_test(blocks_are_checked_when_touched),
        cmocka_unit_test(foreign_files_are_refused),
        cmocka_unit_test(codes_beyond_the_dictionary_are_found),
        cmocka_unit_test(threads_pin_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
