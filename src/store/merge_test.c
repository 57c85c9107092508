/* Merging segments gives what one chunk of all their rows would have given. */
#include "store/segment_file.h"
#include "store/segment_sample.h"

#include "os/os_sim.h"
#include "store/encoder.h"

enum { DAY = 86400000 };

/* The way through a file gives the same bytes. */
static void to_file_is_the_same(struct segment *const *list, size_t count, uint64_t number,
                                const struct merge_choice *choice, struct str bytes)
{
    struct os *os = os_sim_create((struct os_sim_plan){.seed = 1});
    struct encode_output output = {0};
    AUTO(arena) *arena = arena_create(0);
    struct err e = {0};
    struct str got;
    uint32_t rows;

    assert_works(os_file_open(os, STR("/f"), OS_CREATE, &output.file, &e), e);
    assert_works(merge_to_file(list, count, STR("main"), number, choice, &output, &rows, &e), e);
    os_file_close(output.file);
    assert_works(os_read_whole(os, STR("/f"), arena, &got, &e), e);
    assert_int_equal(rows == 0, bytes.len == 0);
    assert_int_equal(got.len, bytes.len);
    assert_true(bytes.len == 0 || memcmp(got.at, bytes.at, got.len) == 0);
    os_destroy(os);
}

static struct segment *merged(struct segment *const *list, size_t count, uint64_t number,
                              merge_drop_fn *drop, const void *context)
{
    BUF_AUTO bytes = {0};
    struct segment *g = NULL;
    struct err e = {0};

    assert_works(merge_segments(list, count, STR("main"), number, drop, context, &bytes, &e), e);
    to_file_is_the_same(list, count, number, &(struct merge_choice){drop, context, NULL, 0},
                        buf_str(&bytes));
    if (bytes.len == 0)
        return NULL;
    assert_works(segment_of_bytes(&bytes, false, &g, &e), e);
    assert_works(segment_check(g, &e), e);
    return g;
}

/* Cuts the sample into chunks, merges them by `fan` until one is left, compares with the sort. */
static void merge_and_check(const struct sample_plan *plan, size_t pieces, size_t fan)
{
    struct sample s = sample_make(plan);
    struct segment **list = mem_array(pieces, sizeof(struct segment *));
    size_t count = pieces;

    for (size_t i = 0; i < pieces; i++) {
        struct chunk_result r =
            sample_images(&s, s.count * i / pieces, s.count * (i + 1) / pieces, i + 1);
        assert_int_equal(r.image_count, 1);
        list[i] = segment_keep(r.images[0]);
        chunk_result_free(&r);
    }
    while (count > 1) {
        size_t made = 0;
        for (size_t from = 0; from < count; from += fan) {
            size_t n = MIN(fan, count - from);
            uint64_t age = list[from]->age;
            struct segment *g = merged(list + from, n, 100 + made, NULL, NULL);
            for (size_t i = from; i < from + n; i++)
                segment_release(list[i]);
            assert_int_equal(g->number, 100 + made);
            assert_int_equal(g->age, age);
            list[made++] = g;
        }
        count = made;
    }
    sample_check(list[0], sample_sorted(&s), s.count);
    segment_release(list[0]);
    mem_free(list);
    sample_free(&s);
}

static void merging_equals_building_at_once(void **state)
{
    (void)state;
    static const struct sample_plan plans[] = {
        {.seed = 1,
         .rows = 40,
         .persons = 4,
         .names = 3,
         .span = DAY,
         .has_properties = true,
         .has_ids = true},
        {.seed = 2,
         .rows = 3000,
         .persons = 60,
         .names = 9,
         .span = 28LL * DAY,
         .has_properties = true},
        {.seed = 3,
         .rows = 3000,
         .persons = 5,
         .names = 400,
         .span = 28LL * DAY,
         .step = 3LL * DAY,
         .has_properties = true,
         .has_ids = true}, /* ties everywhere */
        {.seed = 4,
         .rows = 6000,
         .persons = 500,
         .names = 3,
         .span = 28LL * DAY,
         .has_properties = true,
         .rich_one_in = 300,
         .has_ids = true}, /* rare columns */
        {.seed = 5,
         .rows = 4000,
         .persons = 4000,
         .names = 3,
         .from = -40LL * 365 * DAY - 10 * DAY,
         .span = DAY},
    };
    static const struct {
        size_t pieces, fan;
    } ways[] = {{1, 2}, {2, 2}, {7, 7}, {9, 3}};
    for (size_t i = 0; i < COUNT(plans); i++)
        for (size_t w = 0; w < COUNT(ways); w++)
            merge_and_check(&plans[i], ways[w].pieces, ways[w].fan);
}

static void large_merges_cross_blocks(void **state)
{
    (void)state;
    struct sample_plan plan = {.seed = 6,
                               .rows = 150000,
                               .persons = 2000,
                               .names = 70,
                               .span = 28LL * DAY,
                               .has_properties = true,
                               .rich_one_in = 20};
    merge_and_check(&plan, 3, 3);
}

static bool is_odd(const void *context, uint32_t person)
{
    ++*(uint32_t *)(uintptr_t)context;
    return person / 3 % 2;
}

static bool is_any(const void *context, uint32_t person)
{
    (void)context;
    (void)person;
    return true;
}

static void dropped_people_are_gone(void **state)
{
    (void)state;
    struct sample_plan plan = {.seed = 7,
                               .rows = 4000,
                               .persons = 41,
                               .names = 70,
                               .span = 28LL * DAY,
                               .has_properties = true,
                               .has_ids = true,
                               .rich_one_in = 3};
    struct sample s = sample_make(&plan);
    struct sample_row *rows = sample_sorted(&s);
    struct chunk_result a = sample_images(&s, 0, 2500, 1), b = sample_images(&s, 2500, 4000, 2);
    struct segment *list[] = {a.images[0], b.images[0]};
    uint32_t asked = 0, row;
    struct err e = {0};

    AUTO(segment) *g = merged(list, 2, 9, is_odd, &asked);
    size_t kept = 0;
    for (size_t i = 0; i < s.count; i++) {
        bool is_gone = rows[i].person / 3 % 2;
        if (rows[i].event->id.len)
            assert_int_equal(segment_find_id(g, rows[i].event->id, &row, &e), !is_gone);
        if (!is_gone)
            rows[kept++] = rows[i];
    }
    assert_int_equal(asked, 2 * 41); /* once a person, in both ways */
    sample_check(g, rows, kept);
    assert_null(merged(list, 2, 9, is_any, NULL)); /* nothing left: no bytes */
    chunk_result_free(&a);
    chunk_result_free(&b);
    sample_free(&s);
}

/* Rows of a name that are too old go; the others, and other names, stay. */
static void old_rows_go_by_name(void **state)
{
    (void)state;
    struct sample_plan plan = {.seed = 10,
                               .rows = 4000,
                               .persons = 1900, /* some have nothing else */
                               .names = 5,
                               .span = 28LL * DAY,
                               .has_properties = true,
                               .has_ids = true,
                               .rich_one_in = 3};
    struct sample s = sample_make(&plan);
    struct sample_row *rows = sample_sorted(&s);
    struct chunk_result a = sample_images(&s, 0, 2500, 1), b = sample_images(&s, 2500, 4000, 2);
    struct segment *list[] = {a.images[0], b.images[0]};
    struct merge_rule rules[] = {{rows[0].event->name, rows[0].event->time + 7LL * DAY},
                                 {STR("no such event"), INT64_MAX},
                                 {rows[1].event->name, rows[1].event->time + 1}};
    struct merge_choice choice = {.rules = rules, .rule_count = COUNT(rules)};
    struct os *os = os_sim_create((struct os_sim_plan){.seed = 1});
    struct encode_output output = {0};
    struct segment *g;
    struct err e = {0};
    uint32_t made;
    size_t kept = 0;

    assert_works(os_file_open(os, STR("/f"), OS_CREATE, &output.file, &e), e);
    assert_works(merge_to_file(list, 2, STR("main"), 9, &choice, &output, &made, &e), e);
    os_file_close(output.file);
    assert_works(segment_open(os, STR("/f"), STR("main"), &g, &e), e);
    assert_works(segment_check(g, &e), e);
    for (size_t i = 0; i < s.count; i++) {
        bool is_old = false;
        for (size_t r = 0; r < COUNT(rules); r++)
            is_old |= str_equal(rows[i].event->name, rules[r].name) &&
                      rows[i].event->time < rules[r].before;
        if (!is_old)
            rows[kept++] = rows[i];
    }
    assert_int_equal(made, kept);
    assert_true(kept < s.count && kept > s.count / 2);
    sample_check(g, rows, kept);
    segment_release(g);
    os_destroy(os);
    chunk_result_free(&a);
    chunk_result_free(&b);
    sample_free(&s);
}

/* Long texts that mostly differ are packed; merged again they are unpacked, and still the same. */
static void packed_texts_come_back(void **state)
{
    (void)state;
    struct sample_plan plan = {
        .seed = 8, .rows = 3000, .persons = 41, .names = 7, .span = 28LL * DAY};
    struct sample s = sample_make(&plan);
    for (size_t i = 0; i < s.count; i++) {
        struct property *p = arena_array(s.arena, 1, sizeof *p);
        p->name = STR("url");
        p->value = (struct value){.type = VALUE_TEXT,
                                  .text = arena_printf(s.arena, "https://example.com/item/%zu", i)};
        s.events[i].properties = p;
        s.events[i].property_count = i % 5 ? 1 : 0;
    }
    struct chunk_result a = sample_images(&s, 0, 1500, 1), b = sample_images(&s, 1500, 3000, 2);
    struct segment *list[] = {a.images[0], b.images[0]};
    const struct column *column;

    AUTO(segment) *g = merged(list, 2, 9, NULL, NULL);
    assert_int_equal(segment_property(g, STR("url"), &column), 1);
    assert_int_equal(column->form, FORM_TEXT);
    assert_null(column->text_bytes);
    assert_true(g->bytes < a.images[0]->bytes + b.images[0]->bytes);
    AUTO(segment) *again = merged(&g, 1, 10, NULL, NULL);
    sample_check(again, sample_sorted(&s), s.count);
    chunk_result_free(&a);
    chunk_result_free(&b);
    sample_free(&s);
}

/* Texts that zstd cannot make smaller stay as they are. */
static void random_texts_are_not_packed(void **state)
{
    (void)state;
    struct sample_plan plan = {
        .seed = 12, .rows = 2000, .persons = 41, .names = 7, .span = 28LL * DAY};
    struct sample s = sample_make(&plan);
    uint64_t seed = 5;
    for (size_t i = 0; i < s.count; i++) {
        struct property *p = arena_array(s.arena, 1, sizeof *p);
        uint64_t *text = arena_array(s.arena, 4, sizeof *text);
        for (size_t k = 0; k < 4; k++)
            text[k] = sample_dice(&seed);
        p->name = STR("key");
        p->value =
            (struct value){.type = VALUE_TEXT, .text = {(const char *)text, 4 * sizeof *text}};
        s.events[i].properties = p;
        s.events[i].property_count = 1;
    }
    struct chunk_result a = sample_images(&s, 0, s.count, 1);
    const struct column *column;
    AUTO(segment) *g = merged(a.images, 1, 9, NULL, NULL);
    assert_int_equal(segment_property(g, STR("key"), &column), 1);
    assert_int_equal(column->form, FORM_TEXT);
    assert_non_null(column->text_bytes);
    sample_check(g, sample_sorted(&s), s.count);
    chunk_result_free(&a);
    sample_free(&s);
}

static void too_many_rows_are_refused(void **state)
{
    (void)state;
    struct sample_plan plan = {.seed = 13, .rows = 20, .persons = 4, .names = 3, .span = DAY};
    struct sample s = sample_make(&plan);
    struct chunk_result a = sample_images(&s, 0, 10, 1), b = sample_images(&s, 10, 20, 2);
    struct segment *list[] = {a.images[0], b.images[0]};
    BUF_AUTO into = {0};
    struct err e = {0};
    uint32_t rows = list[0]->rows;

    list[0]->rows = SEGMENT_ROWS_MAX - 9; /* it is refused before anything is read */
    assert_false(merge_segments(list, 2, STR("main"), 5, NULL, NULL, &into, &e));
    assert_int_equal(e.kind, ERR_TOO_LARGE);
    list[0]->rows = rows;
    chunk_result_free(&a);
    chunk_result_free(&b);
    sample_free(&s);
}

/* ---- files that fail while a merge writes them and reads them back ---- */

struct trouble {
    struct os *os;
    uint64_t turns, at;
    enum { REFUSE, CRASH, OVERWRITE } kind;
};

/* At its turn: gives up, cuts the power, or fills what was written with something else. */
static bool make_trouble(void *context, uint64_t bytes, struct err *e)
{
    struct trouble *t = context;

    assert_true(bytes > 0);
    if (++t->turns != t->at)
        return true;
    if (t->kind == REFUSE)
        return err_set(e, ERR_BUSY, "not now");
    if (t->kind == CRASH) {
        os_sim_crash(t->os);
        return true;
    }
    AUTO(os_file) *file = NULL;
    AUTO(arena) *arena = arena_create(0);
    struct err ignored = {0};
    uint64_t size;
    assert_works(os_file_open(t->os, STR("/f"), OS_WRITE, &file, &ignored), ignored);
    assert_works(os_file_size(file, &size, &ignored), ignored);
    char *fill = arena_alloc(arena, size);
    memset(fill, 0xff, size);
    struct str part = {fill, size};
    assert_works(os_file_write_at(file, 0, &part, 1, &ignored), ignored);
    return true;
}

static bool merge_in_trouble(struct segment *const *list, size_t count, struct trouble *t,
                             struct err *e)
{
    struct encode_output output = {.turn = make_trouble, .context = t};
    struct merge_choice all = {0};
    uint32_t rows;

    t->os = os_sim_create((struct os_sim_plan){.seed = 1});
    t->turns = 0;
    *e = (struct err){0};
    assert_works(os_file_open(t->os, STR("/f"), OS_CREATE, &output.file, e), *e);
    bool is_made = merge_to_file(list, count, STR("main"), 9, &all, &output, &rows, e);
    os_file_close(output.file);
    if (is_made) { /* then it is whole, or the reader sees that it is not */
        AUTO(segment) *g = NULL;
        is_made = segment_open(t->os, STR("/f"), STR("main"), &g, e) && segment_check(g, e);
        assert_true(is_made || e->kind == ERR_CORRUPT);
    }
    os_destroy(t->os);
    return is_made;
}

static void a_failing_file_ends_a_merge(void **state)
{
    (void)state;
    struct sample_plan plan = {.seed = 11,
                               .rows = 90000,
                               .persons = 900,
                               .names = 70,
                               .span = 28LL * DAY,
                               .has_properties = true,
                               .rich_one_in = 4,
                               .has_ids = true};
    struct sample s = sample_make(&plan);
    struct chunk_result a = sample_images(&s, 0, 50000, 1), b = sample_images(&s, 50000, 90000, 2);
    struct segment *list[] = {a.images[0], b.images[0]};
    struct trouble t = {0};
    struct err e;

    assert_true(merge_in_trouble(list, 2, &t, &e));
    uint64_t turns = t.turns;
    assert_true(turns > 3);
    for (t.at = 1; t.at <= turns; t.at++) {
        t.kind = REFUSE;
        assert_false(merge_in_trouble(list, 2, &t, &e));
        assert_int_equal(e.kind, ERR_BUSY);
        t.kind = CRASH;
        assert_false(merge_in_trouble(list, 2, &t, &e));
        assert_true(e.kind == ERR_IO || e.kind == ERR_CORRUPT || e.kind == ERR_NOT_FOUND);
        t.kind = OVERWRITE;
        assert_false(merge_in_trouble(list, 2, &t, &e));
        assert_int_equal(e.kind, ERR_CORRUPT);
    }
    chunk_result_free(&a);
    chunk_result_free(&b);
    sample_free(&s);
}

/* Damage in any column that a merge reads to find the order, or what its rules say. */
static void damage_of_what_orders_stops_a_merge(void **state)
{
    (void)state;
    static const enum column_kind kinds[] = {COLUMN_TIME, COLUMN_SEQUENCE, COLUMN_NAME};
    struct sample_plan plan = {.seed = 14, .rows = 300, .persons = 4, .names = 7, .span = DAY};
    struct sample s = sample_make(&plan);
    struct chunk_result a = sample_images(&s, 0, 300, 1);
    const struct segment *good = a.images[0];
    const struct segment_own *own = good->own;
    struct merge_rule rule = {STR("event 1"), INT64_MAX};
    struct merge_choice choice = {.rules = &rule, .rule_count = 1};

    for (size_t k = 0; k < COUNT(kinds); k++) {
        const struct column *c = good->columns;
        struct os *os = os_sim_create((struct os_sim_plan){.seed = 1});
        struct encode_output output = {0};
        struct buf copy = {0};
        struct err e = {0};
        uint32_t rows;
        AUTO(segment) *g = NULL;
        while (c->kind != kinds[k])
            c++;
        buf_add(&copy, buf_str(&own->image));
        copy.at[(const char *)c->lanes - own->image.at] ^= 1;
        assert_works(segment_of_bytes(&copy, false, &g, &e), e);
        assert_works(os_file_open(os, STR("/f"), OS_CREATE, &output.file, &e), e);
        assert_false(merge_to_file(&g, 1, STR("main"), 5, &choice, &output, &rows, &e));
        assert_int_equal(e.kind, ERR_CORRUPT);
        os_file_close(output.file);
        os_destroy(os);
    }
    chunk_result_free(&a);
    sample_free(&s);
}

static void damage_stops_a_merge(void **state)
{
    (void)state;
    struct sample_plan plan = {.seed = 9,
                               .rows = 300,
                               .persons = 4,
                               .names = 7,
                               .span = 2LL * DAY,
                               .has_properties = true};
    struct sample s = sample_make(&plan);
    struct chunk_result a = sample_images(&s, 0, 300, 1);
    const struct segment_own *own = a.images[0]->own;
    struct buf copy = {0}, into = {0};
    struct segment *g = NULL;
    struct err e = {0};

    buf_add(&copy, buf_str(&own->image));
    copy.at[(const char *)a.images[0]->time->lanes - own->image.at] ^= 1;
    assert_works(segment_of_bytes(&copy, false, &g, &e), e);
    assert_false(merge_segments(&g, 1, STR("main"), 5, NULL, NULL, &into, &e));
    assert_int_equal(e.kind, ERR_CORRUPT);
    assert_int_equal(into.len, 0);
    segment_release(g);
    buf_free(&into);
    chunk_result_free(&a);
    sample_free(&s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(merging_equals_building_at_once),
        cmocka_unit_test(large_merges_cross_blocks),
        cmocka_unit_test(dropped_people_are_gone),
        cmocka_unit_test(old_rows_go_by_name),
        cmocka_unit_test(packed_texts_come_back),
        cmocka_unit_test(random_texts_are_not_packed),
        cmocka_unit_test(too_many_rows_are_refused),
        cmocka_unit_test(a_failing_file_ends_a_merge),
        cmocka_unit_test(damage_of_what_orders_stops_a_merge),
        cmocka_unit_test(damage_stops_a_merge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
