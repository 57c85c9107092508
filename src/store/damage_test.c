/*
 * Everything that reads segments meets one whose bytes are damaged, at one place after the other:
 * it must say ERR_CORRUPT, or answer as if nothing had been. With checksums that count as right
 * anything may be answered, but nothing may be read that is not there (run under ASan).
 */
#include "store/segment_file.h"

#include "store/segment_sample.h"

enum { DAY = 86400000, ROWS = 260 };

struct scene {
    struct sample s;
    struct str bytes; /* of the good segment */
    char *copy;
    uint64_t noticed, harmless;
};

/* What one reader makes of a segment; false with an error. */
typedef bool use(const struct scene *c, struct segment *g, uint64_t *digest, struct err *e);

static bool use_check(const struct scene *c, struct segment *g, uint64_t *digest, struct err *e)
{
    (void)c;
    *digest = 1;
    return segment_check(g, e);
}

static bool use_rows(const struct scene *c, struct segment *g, uint64_t *digest, struct err *e)
{
    AUTO(arena) *arena = arena_create(0);
    struct event event;

    (void)c;
    for (uint32_t row = 0; row < g->rows; row++) {
        arena_reset(arena);
        if (!segment_event(g, row, arena, &event, e))
            return false;
        *digest = hash_mix(*digest ^ event_content_hash(&event));
    }
    return true;
}

static bool use_ids(const struct scene *c, struct segment *g, uint64_t *digest, struct err *e)
{
    uint32_t row;

    for (size_t i = 0; i < c->s.count; i++) {
        bool is_found = segment_find_id(g, c->s.events[i].id, &row, e);
        if (e->kind)
            return false;
        *digest = hash_mix(*digest ^ (is_found ? row : UINT32_MAX));
    }
    return true;
}

/* The same events again, and copies of them without ids: what is there already is counted. */
static bool use_join(const struct scene *c, struct segment *g, uint64_t *digest, struct err *e)
{
    AUTO(chunk) *k = chunk_create();
    struct chunk_result r;

    for (size_t i = 0; i < c->s.count; i++) {
        struct event v = c->s.events[i];
        chunk_add(k, &v, c->s.persons[i], 0);
        v.id = STR("");
        chunk_add(k, &v, c->s.persons[i], 1);
    }
    if (!chunk_images(k, STR("main"), 2, &g, 1, 2, &r, e))
        return false;
    *digest = hash_mix(*digest ^ r.dropped_by_origin[0] ^ r.dropped_by_origin[1] << 32);
    chunk_result_free(&r);
    return true;
}

static bool use_merge(const struct scene *c, struct segment *g, uint64_t *digest, struct err *e)
{
    BUF_AUTO into = {0};
    struct segment *pair[] = {g, g};

    (void)c;
    if (!merge_segments(pair, 2, STR("main"), 7, NULL, NULL, &into, e))
        return false;
    *digest = hash64(buf_str(&into), 0);
    return true;
}

static use *const uses[] = {use_check, use_rows, use_ids, use_join, use_merge};

/* A segment as merging writes it (texts packed), of events with ids of all kinds or of UUIDs. */
static void set_scene(struct scene *c, bool only_uuids)
{
    struct sample_plan plan = {.seed = 41,
                               .rows = ROWS,
                               .persons = 5,
                               .names = 3,
                               .span = 20LL * DAY,
                               .step = DAY,
                               .has_properties = true,
                               .has_ids = true};
    struct err e = {0};
    BUF_AUTO merged = {0};

    *c = (struct scene){.s = sample_make(&plan)};
    for (size_t i = 0; i < c->s.count; i++) {
        struct event *v = &c->s.events[i];
        struct property *p = arena_array(c->s.arena, v->property_count + 1, sizeof *p);
        if (v->property_count)
            memcpy(p, v->properties, v->property_count * sizeof *p);
        p[v->property_count++] =
            (struct property){STR("path"),
                              {.type = VALUE_TEXT,
                               .text = arena_printf(c->s.arena, "/a/long/path/of/things/%zu", i)}};
        v->properties = p;
        if (only_uuids)
            v->id = arena_printf(c->s.arena, "%08zx-0000-4000-8000-0123456789ab", i);
    }
    struct chunk_result r = sample_images(&c->s, 0, c->s.count, 1);
    assert_works(merge_segments(r.images, 1, STR("main"), 3, NULL, NULL, &merged, &e), e);
    chunk_result_free(&r);
    c->copy = mem_zero(merged.len);
    c->bytes = arena_copy(c->s.arena, buf_str(&merged));
}

static void clear_scene(struct scene *c)
{
    mem_free(c->copy);
    sample_free(&c->s);
}

/* The scene's segment with one byte changed; NULL when it is refused. */
static struct segment *open_changed(struct scene *c, size_t at, uint8_t change, bool skips_sums)
{
    struct buf bytes = {0};
    struct segment *g = NULL;
    struct err e = {0};

    buf_add(&bytes, c->bytes);
    bytes.at[at] = (char)((uint8_t)bytes.at[at] ^ change);
    if (segment_of_bytes(&bytes, skips_sums, &g, &e))
        return g;
    assert_true(e.kind == ERR_CORRUPT || e.kind == ERR_UNSUPPORTED);
    return NULL;
}

static void damage_is_never_answered_from(struct scene *c, unsigned which, size_t stride)
{
    uint64_t good = 0;
    struct err e = {0};
    struct segment *whole = open_changed(c, 0, 0, false);
    assert_works(uses[which](c, whole, &good, &e), e);
    segment_release(whole);
    for (size_t at = which % stride; at < c->bytes.len; at += stride) {
        struct segment *g = open_changed(c, at, (uint8_t)(1 << at % 8), false);
        uint64_t digest = 0;
        e = (struct err){0};
        if (!g) {
            c->noticed++;
        } else if (!uses[which](c, g, &digest, &e)) {
            assert_int_equal(e.kind, ERR_CORRUPT);
            c->noticed++;
        } else {
            if (digest != good)
                fail_msg("use %u: byte %zu is wrong and gives a wrong answer", which, at);
            c->harmless++;
        }
        segment_release(g);
    }
}

static void readers_say_what_is_damaged(void **state)
{
    (void)state;
    for (unsigned shape = 0; shape < 2; shape++) {
        struct scene c;
        set_scene(&c, shape);
        for (unsigned i = 0; i < COUNT(uses); i++) {
            c.noticed = c.harmless = 0;
            damage_is_never_answered_from(&c, i, 67);
            assert_true(c.noticed > 50);
        }
        clear_scene(&c);
    }
}

static void wrong_contents_under_right_sums_stay_in_bounds(void **state)
{
    (void)state;
    for (unsigned shape = 0; shape < 2; shape++) {
        struct scene c;
        uint64_t refused = 0;
        set_scene(&c, shape);
        for (size_t at = 0; at < c.bytes.len; at += 13) {
            struct segment *g = open_changed(&c, at, (uint8_t)(0xff >> at % 7), true);
            uint64_t ignored = 0;
            struct err e = {0};
            refused += !g;
            if (g && !uses[at / 13 % COUNT(uses)](&c, g, &ignored, &e)) {
                assert_int_equal(e.kind, ERR_CORRUPT);
                refused++;
            }
            segment_release(g);
        }
        assert_true(refused > 50);
        clear_scene(&c);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_say_what_is_damaged),
        cmocka_unit_test(wrong_contents_under_right_sums_stay_in_bounds),
    };
    return cmocka_run_group_tests_name("store/damage", tests, NULL, NULL);
}
