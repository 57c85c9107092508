/* Each column takes the form that docs/format/segment.md promises, at the edges too. */
#include "store/segment_sample.h"

/* A segment of events that the test gives one by one. */
static struct segment *segment_of(const struct event *events, size_t count)
{
    AUTO(chunk) *c = chunk_create();
    struct chunk_result r;
    struct err e = {0};

    for (size_t i = 0; i < count; i++)
        chunk_add(c, &events[i], 1, 0);
    assert_works(chunk_images(c, STR("main"), 1, NULL, 0, 1, &r, &e), e);
    assert_int_equal(r.image_count, 1);
    struct segment *g = segment_keep(r.images[0]);
    chunk_result_free(&r);
    return g;
}

static const struct column *property_of(const struct segment *g, struct str name)
{
    const struct column *list[VALUE_TYPE_COUNT];

    assert_int_equal(segment_property(g, name, list), 1);
    return list[0];
}

static void columns_take_the_smallest_form(void **state)
{
    (void)state;
    enum { ROWS = 4000 };
    AUTO(arena) *arena = arena_create(0);
    struct event *events = arena_array(arena, ROWS, sizeof *events);

    for (size_t i = 0; i < ROWS; i++) {
        struct property *p = arena_array(arena, 8, sizeof *p);
        size_t n = 0;
        p[n++] = (struct property){STR("four"),
                                   {.type = VALUE_TEXT, .text = str_sub(STR("abcd"), i % 4, 1)}};
        p[n++] = (struct property){STR("same"), {.type = VALUE_INT, .integer = -5}};
        p[n++] = (struct property){STR("steps"),
                                   {.type = VALUE_INT, .integer = (int64_t)(i % 200) * 1000000}};
        p[n++] = (struct property){STR("unique"),
                                   {.type = VALUE_TEXT, .text = arena_printf(arena, "%zu", i)}};
        p[n++] =
            (struct property){STR("half"), {.type = VALUE_DOUBLE, .number = (double)(i % 2) / 2}};
        if (i % 100 == 0)
            p[n++] = (struct property){STR("rare"), {.type = VALUE_BOOL, .boolean = true}};
        if (i % 2 == 0)
            p[n++] = (struct property){STR("some"), {.type = VALUE_TEXT, .text = STR("x")}};
        events[i] = (struct event){.time = (int64_t)i,
                                   .name = STR("e"),
                                   .person = STR("p"),
                                   .properties = p,
                                   .property_count = n};
    }
    AUTO(segment) *g = segment_of(events, ROWS);
    static const struct {
        const char *name;
        enum column_form form;
        uint8_t bits;
        bool is_optional, is_sparse;
    } wants[] = {
        {"four", FORM_DICTIONARY, 2, false, false}, {"same", FORM_INTEGER, 0, false, false},
        {"steps", FORM_INTEGER, 8, false, false},   {"unique", FORM_TEXT, 32, false, false},
        {"half", FORM_DICTIONARY, 1, false, false}, {"rare", FORM_PRESENCE, 0, false, true},
        {"some", FORM_DICTIONARY, 1, true, false},
    };
    for (size_t i = 0; i < COUNT(wants); i++) {
        const struct column *c = property_of(g, str_of(wants[i].name));
        assert_int_equal(c->form, wants[i].form);
        assert_int_equal(c->lane_bits, wants[i].bits);
        assert_int_equal(c->is_optional, wants[i].is_optional);
        assert_int_equal(c->is_sparse, wants[i].is_sparse);
    }
    assert_int_equal(g->name->lane_bits, 8);
    assert_int_equal(g->time->lane_bits, 32);
    assert_null(g->id);
    for (size_t i = 0; i < g->column_count; i++)
        assert_true(g->columns[i].kind != COLUMN_SEQUENCE && g->columns[i].kind != COLUMN_ACCOUNT);
}

/* Rows 0…count-1 of one person, each with one text property: number i % distinct. */
static struct segment *numbered(struct arena *arena, size_t count, size_t distinct, bool with_gap)
{
    struct event *events = arena_array(arena, count, sizeof *events);

    for (size_t i = 0; i < count; i++) {
        struct property *p = arena_array(arena, 1, sizeof *p);
        *p = (struct property){
            STR("n"), {.type = VALUE_TEXT, .text = arena_printf(arena, "%zu", i % distinct)}};
        events[i] = (struct event){.time = (int64_t)i,
                                   .name = STR("e"),
                                   .person = STR("p"),
                                   .properties = p,
                                   .property_count = !(with_gap && i == 7)};
    }
    return segment_of(events, count);
}

static void dictionaries_end_where_they_should(void **state)
{
    (void)state;
    static const struct {
        size_t rows, distinct;
        bool with_gap;
        enum column_form form;
        uint8_t bits;
    } cases[] = {
        {512, 256, false, FORM_DICTIONARY, 8},
        {512, 256, true, FORM_DICTIONARY, 16},
        {512, 257, false, FORM_TEXT, 32},
        {514, 257, false, FORM_DICTIONARY, 16},
        {131072, 65536, false, FORM_DICTIONARY, 16},
        {131080, 65536, true, FORM_DICTIONARY, 32},
        {131074, 65537, false, FORM_TEXT, 32},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(arena) *arena = arena_create(0);
        AUTO(segment) *g = numbered(arena, cases[i].rows, cases[i].distinct, cases[i].with_gap);
        const struct column *c = property_of(g, STR("n"));
        struct err e = {0};
        assert_int_equal(c->form, cases[i].form);
        assert_int_equal(c->lane_bits, cases[i].bits);
        assert_int_equal(c->dictionary_count, cases[i].distinct);
        assert_int_equal(c->is_optional, cases[i].with_gap);
        assert_works(segment_pin(g, c, 0, g->rows, &e), e);
        for (uint32_t row = 0; row < g->rows; row++) {
            struct value v = column_value(c, row);
            int64_t number = -1;
            if (cases[i].with_gap && row == 7) {
                assert_int_equal(v.type, VALUE_MISSING);
                continue;
            }
            assert_true(str_to_i64(v.text, &number));
            assert_int_equal(number, row % cases[i].distinct);
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_take_the_smallest_form),
        cmocka_unit_test(dictionaries_end_where_they_should),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
