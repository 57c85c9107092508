/* Rows that are there already: the rule of store.h, by examples and against a plain model. */
#include "store/segment_sample.h"

enum { DAY = 86400000 };

/* ---- a store as far as the rule goes: images, older first ---- */

struct shelf {
    struct segment **list;
    size_t count, room;
    uint64_t age;
};

static void shelf_free(struct shelf *s)
{
    for (size_t i = 0; i < s->count; i++)
        segment_release(s->list[i]);
    mem_free(s->list);
    *s = (struct shelf){0};
}

/* Puts events on the shelf as one chunk; returns how many were there already. */
static uint64_t shelf_put(struct shelf *s, const struct event *events, const uint32_t *persons,
                          size_t count)
{
    AUTO(chunk) *c = chunk_create();
    struct chunk_result r;
    struct err e = {0};

    for (size_t i = 0; i < count; i++)
        chunk_add(c, &events[i], persons[i], (uint32_t)(i % 2));
    assert_int_equal(chunk_rows(c), count);
    assert_works(chunk_images(c, STR("main"), ++s->age, s->list, s->count, 2, &r, &e), e);
    uint64_t dropped = r.dropped_by_origin[0] + r.dropped_by_origin[1];
    for (size_t i = 0; i < r.image_count; i++)
        ARRAY_PUSH(s->list, s->count, s->room) = segment_keep(r.images[i]);
    chunk_result_free(&r);
    return dropped;
}

static uint64_t shelf_rows(const struct shelf *s)
{
    uint64_t rows = 0;

    for (size_t i = 0; i < s->count; i++)
        rows += s->list[i]->rows;
    return rows;
}

/* ---- examples ---- */

static struct event click(uint32_t copy)
{
    return (struct event){.id = STR(""),
                          .copy = copy,
                          .time = 1000,
                          .name = STR("click"),
                          .person = STR("u"),
                          .account = STR(""),
                          .session = STR("")};
}

static const uint32_t nobody[16];

static void equal_rows_of_one_file_are_all_kept(void **state)
{
    (void)state;
    struct event file[] = {click(0), click(1), click(2)};
    struct shelf s = {0};

    assert_int_equal(shelf_put(&s, file, nobody, 3), 0);
    assert_int_equal(shelf_put(&s, file, nobody, 3), 3); /* the file again */
    assert_int_equal(shelf_rows(&s), 3);
    shelf_free(&s);
}

static void a_file_cut_anywhere_counts_the_same(void **state)
{
    (void)state;
    struct event file[] = {click(0), click(1), click(2), click(3)};

    for (size_t cut = 1; cut < 4; cut++) {
        struct shelf s = {0};
        assert_int_equal(shelf_put(&s, file, nobody, cut), 0);
        assert_int_equal(shelf_put(&s, file + cut, nobody, 4 - cut), 0);
        assert_int_equal(shelf_put(&s, file, nobody, 4), 4);
        shelf_free(&s);
    }
}

static void files_that_share_a_record_count_it_once(void **state)
{
    (void)state;
    struct event second[] = {click(0), click(1)};
    struct event both[] = {click(0), click(0), click(1)};
    struct shelf s = {0};

    assert_int_equal(shelf_put(&s, second, nobody, 1), 0);
    assert_int_equal(shelf_put(&s, second, nobody, 2), 1); /* one is there, its copy is new */
    assert_int_equal(shelf_rows(&s), 2);
    shelf_free(&s);
    assert_int_equal(shelf_put(&s, both, nobody, 3), 1); /* the same within one chunk */
    assert_int_equal(shelf_rows(&s), 2);
    shelf_free(&s);
}

static void whatever_differs_is_another_row(void **state)
{
    (void)state;
    struct property plan[] = {{STR("a"), {.type = VALUE_INT, .integer = 1}},
                              {STR("b"), {.type = VALUE_TEXT, .text = STR("x")}}};
    struct property turned[] = {plan[1], plan[0]};
    struct property real[] = {{STR("a"), {.type = VALUE_DOUBLE, .number = 1}}, plan[1]};
    struct property swapped[] = {{STR("b"), {.type = VALUE_INT, .integer = 1}},
                                 {STR("a"), {.type = VALUE_TEXT, .text = STR("x")}}};
    struct event base = click(0), list[12];
    struct shelf s = {0};
    size_t n = 0;

    base.properties = plan;
    base.property_count = 2;
    list[n++] = base;
    list[n] = base, list[n++].name = STR("view");
    list[n] = base, list[n++].time = 1001;
    list[n] = base, list[n++].sequence = 1;
    list[n] = base, list[n++].offset_minutes = 60;
    list[n] = base, list[n++].account = STR("acme");
    list[n] = base, list[n++].session = STR("acme");
    list[n] = base, list[n++].property_count = 1;
    list[n] = base, list[n++].properties = real;
    list[n] = base, list[n++].properties = swapped;
    assert_int_equal(shelf_put(&s, list, nobody, n), 0);
    for (size_t i = 0; i < n; i++) {
        if (list[i].property_count == 2 && list[i].properties == plan)
            list[i].properties = turned; /* the order of properties does not count */
        list[i].received = 5;            /* nor does arrival */
    }
    assert_int_equal(shelf_put(&s, list, nobody, n), n);
    uint32_t others[12] = {[0] = 1};
    assert_int_equal(shelf_put(&s, list, others, 1), 0); /* another person */
    shelf_free(&s);
}

static void rows_with_an_id_do_not_count(void **state)
{
    (void)state;
    struct event with = click(0), without = click(0);
    struct shelf s = {0};

    with.id = STR("m1");
    assert_int_equal(shelf_put(&s, &with, nobody, 1), 0);
    assert_int_equal(shelf_put(&s, &without, nobody, 1), 0);
    assert_int_equal(shelf_put(&s, &without, nobody, 1), 1);
    assert_int_equal(shelf_put(&s, &with, nobody, 1), 0); /* ids are looked up before the chunk */
    shelf_free(&s);
}

static void receipts_are_by_origin(void **state)
{
    (void)state;
    struct event file[] = {click(0), click(1), click(2), click(3)};
    AUTO(chunk) *c = chunk_create();
    struct shelf s = {0};
    struct chunk_result r;
    struct err e = {0};

    shelf_put(&s, file, nobody, 3);
    for (uint32_t i = 0; i < 4; i++)
        chunk_add(c, &file[i], 0, i == 1 ? 2 : 0);
    assert_works(chunk_images(c, STR("main"), 9, s.list, s.count, 3, &r, &e), e);
    assert_int_equal(r.dropped_by_origin[0], 2);
    assert_int_equal(r.dropped_by_origin[1], 0);
    assert_int_equal(r.dropped_by_origin[2], 1);
    assert_int_equal(r.image_count, 1);
    assert_int_equal(r.images[0]->rows, 1);
    chunk_result_free(&r);
    shelf_free(&s);
}

static void many_equal_times_stay_quick_and_right(void **state)
{
    (void)state;
    enum { ROWS = 20000 };
    AUTO(arena) *arena = arena_create(0);
    struct event *file = arena_array(arena, ROWS, sizeof *file);
    uint32_t *persons = arena_array(arena, ROWS, sizeof *persons);
    struct shelf s = {0};

    for (size_t i = 0; i < ROWS; i++) { /* one person, one time, half of them equal */
        file[i] = click((uint32_t)(i % 2 ? i / 2 : 0));
        if (i % 2 == 0)
            file[i].session = arena_printf(arena, "s%zu", i);
    }
    assert_int_equal(shelf_put(&s, file, persons, ROWS), 0);
    assert_int_equal(shelf_put(&s, file, persons, ROWS), ROWS);
    shelf_free(&s);
}

/* ---- against a plain model ---- */

/* Few people, times and names, so that many rows are equal. `copy` counts within the file. */
static struct sample crowded(uint64_t seed, size_t rows)
{
    struct sample_plan plan = {.seed = seed,
                               .rows = rows,
                               .persons = 3,
                               .names = 2,
                               .span = 62LL * DAY,
                               .step = 20LL * DAY};
    struct sample s = sample_make(&plan);

    for (size_t i = 0; i < rows; i++) {
        struct event *v = &s.events[i];
        v->received = 0;
        v->sequence &= 1;
        v->session = STR("");
        v->account = STR("");
        for (size_t j = 0; j < i; j++)
            v->copy += s.persons[j] == s.persons[i] && sample_same(&s.events[j], v);
    }
    return s;
}

/* How many rows the rule keeps of files imported one after the other. */
static uint64_t model_rows(const struct sample *files, size_t count)
{
    uint64_t rows = 0;

    /* A row of file f counts unless an earlier file had as many equal rows. */
    for (size_t f = 0; f < count; f++)
        for (size_t i = 0; i < files[f].count; i++) {
            bool is_there = false;
            for (size_t g = 0; g < f && !is_there; g++)
                for (size_t j = 0; j < files[g].count && !is_there; j++)
                    is_there = files[g].persons[j] == files[f].persons[i] &&
                               files[g].events[j].copy == files[f].events[i].copy &&
                               sample_same(&files[g].events[j], &files[f].events[i]);
            rows += !is_there;
        }
    return rows;
}

static void files_in_any_pieces_agree_with_the_model(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct sample files[] = {crowded(seed, 120), crowded(seed + 100, 200),
                                 crowded(seed + 200, 60)};
        uint64_t want = model_rows(files, COUNT(files));
        uint64_t dice = seed;
        struct shelf s = {0};
        for (size_t f = 0; f < COUNT(files); f++)
            for (size_t at = 0; at < files[f].count;) {
                size_t piece = 1 + sample_below(&dice, 70);
                piece = MIN(piece, files[f].count - at);
                shelf_put(&s, files[f].events + at, files[f].persons + at, piece);
                at += piece;
            }
        assert_int_equal(shelf_rows(&s), want);
        shelf_free(&s);
        for (size_t f = 0; f < COUNT(files); f++)
            sample_free(&files[f]);
    }
}

static void a_second_import_adds_nothing(void **state)
{
    (void)state;
    struct sample_plan plan = {.seed = 5,
                               .rows = 6000,
                               .persons = 70,
                               .names = 12,
                               .span = 100LL * DAY,
                               .has_properties = true};
    struct sample s = sample_make(&plan);
    struct shelf shelf = {0};

    for (size_t at = 0; at < s.count; at += 1500)
        assert_int_equal(shelf_put(&shelf, s.events + at, s.persons + at, 1500), 0);
    for (size_t at = 0; at < s.count; at += 1000)
        assert_int_equal(shelf_put(&shelf, s.events + at, s.persons + at, 1000), 1000);
    shelf_free(&shelf);
    sample_free(&s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_rows_of_one_file_are_all_kept),
        cmocka_unit_test(a_file_cut_anywhere_counts_the_same),
        cmocka_unit_test(files_that_share_a_record_count_it_once),
        cmocka_unit_test(whatever_differs_is_another_row),
        cmocka_unit_test(rows_with_an_id_do_not_count),
        cmocka_unit_test(receipts_are_by_origin),
        cmocka_unit_test(many_equal_times_stay_quick_and_right),
        cmocka_unit_test(files_in_any_pieces_agree_with_the_model),
        cmocka_unit_test(a_second_import_adds_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
