/* Each column takes the form that docs/format/segment.md promises, at the edges too. */
#include "store/encoder.h"
#include "store/segment_file.h"
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

/* More names than 16 bits can number: nothing above allows it, the format does. */
static void names_have_lanes_of_every_width(void **state)
{
    (void)state;
    enum { NAMES = 65600 };
    AUTO(arena) *arena = arena_create(0);
    struct event *events = arena_array(arena, NAMES, sizeof *events);
    struct err e = {0};

    for (uint32_t i = 0; i < NAMES; i++)
        events[i] = (struct event){
            .time = i, .name = arena_printf(arena, "event %u", i), .person = STR("p")};
    AUTO(segment) *g = segment_of(events, NAMES);
    assert_int_equal(g->name->lane_bits, 32);
    assert_works(segment_check(g, &e), e);
    for (uint32_t row = 0; row < NAMES; row += 97)
        assert_str(column_value(g->name, row).text, events[row].name);
}

/* A property that ends long before the last row: whole blocks say "missing". */
static void a_column_may_end_in_empty_blocks(void **state)
{
    (void)state;
    enum { ALL = 140000, WITH = 60000 };
    AUTO(arena) *arena = arena_create(0);
    struct event *events = arena_array(arena, ALL, sizeof *events);
    struct property p = {STR("n"), {.type = VALUE_INT}};
    struct err e = {0};

    for (uint32_t i = 0; i < ALL; i++) {
        struct property *own = arena_array(arena, 1, sizeof *own);
        *own = p;
        own->value.integer = i % 1000;
        events[i] = (struct event){.time = i,
                                   .name = STR("e"),
                                   .person = STR("p"),
                                   .properties = own,
                                   .property_count = i < WITH};
    }
    AUTO(segment) *g = segment_of(events, ALL);
    const struct column *c = property_of(g, STR("n"));
    assert_true(c->is_optional && !c->is_sparse);
    assert_works(segment_pin(g, c, 0, g->rows, &e), e);
    for (uint32_t row = 0; row < ALL; row++) {
        struct value v = column_value(c, row);
        assert_int_equal(v.type, row < WITH ? VALUE_INT : VALUE_MISSING);
        if (row < WITH)
            assert_int_equal(v.integer, row % 1000);
    }
}

/* ---- the encoder by itself, with limits that can be crossed ---- */

enum { IDS = 3000, ID_BYTES = 7, TEXT_BYTES = 12 };

static struct id_key some_id(const void *context, uint32_t i)
{
    return id_key_of(((const struct str *)context)[i]);
}

static struct str some_text(const void *context, uint32_t code)
{
    return ((const struct str *)context)[code];
}

static bool encode(struct buf *out, uint32_t ids_at_once, uint64_t texts_max, bool packs,
                   struct err *e)
{
    AUTO(arena) *arena = arena_create(0);
    struct encode_room room = {0};
    struct encoder n;
    uint32_t *codes = arena_array(arena, IDS, sizeof *codes);
    struct str *ids = arena_array(arena, IDS, sizeof *ids);
    struct str *texts = arena_array(arena, IDS, sizeof *texts), name = STR("e");
    const uint32_t person = 1, starts[] = {0, IDS};

    encoder_begin(&n, out, NULL, &room, STR("main"), IDS);
    n.ids_at_once = ids_at_once;
    n.texts_max = texts_max;
    n.packs = packs;
    for (uint32_t i = 0; i < IDS; i++) {
        ids[i] = arena_printf(arena, "id-%04u", i);
        texts[i] = arena_printf(arena, "a text, %04u", i);
    }
    encoder_people(&n, &person, starts, 1);
    encoder_time(&n, codes); /* all at once */
    encoder_texts(&n, COLUMN_NAME, STR(""), VALUE_TEXT,
                  &(struct cells){.count = IDS, .codes = codes},
                  &(struct texts){some_text, &name, 1});
    encoder_constant(&n, COLUMN_RECEIVED, 1);
    encoder_constant(&n, COLUMN_OFFSET, 0);
    encoder_ids(&n, IDS, NULL, some_id, ids);
    for (uint32_t i = 0; i < IDS; i++)
        codes[i] = i;
    encoder_texts(&n, COLUMN_PROPERTY, STR("text"), VALUE_TEXT,
                  &(struct cells){.count = IDS, .codes = codes},
                  &(struct texts){some_text, texts, IDS});
    bool is_good = encoder_finish(&n, 1, 1, 0, e);
    encode_room_free(&room);
    return is_good;
}

/* Ids that are sorted in parts, of whatever number, come out as those that are sorted at once. */
static void ids_are_sorted_in_parts(void **state)
{
    (void)state;
    BUF_AUTO whole = {0};
    struct err e = {0};

    assert_works(encode(&whole, IDS, UINT32_MAX, false, &e), e);
    for (uint32_t at_once = IDS - 1; at_once; at_once /= 4) {
        struct buf parts = {0};
        assert_works(encode(&parts, at_once, UINT32_MAX, false, &e), e);
        assert_int_equal(parts.len, whole.len);
        assert_memory_equal(parts.at, whole.at, whole.len);
        AUTO(segment) *g = NULL;
        assert_works(segment_of_bytes(&parts, false, &g, &e), e);
        assert_works(segment_check(g, &e), e);
    }
}

static void too_many_bytes_are_refused(void **state)
{
    (void)state;
    const uint64_t ids = (uint64_t)IDS * ID_BYTES, texts = (uint64_t)IDS * TEXT_BYTES;

    for (unsigned packs = 0; packs < 2; packs++) {
        BUF_AUTO fits = {0};
        BUF_AUTO none = {0};
        struct err e = {0};
        /* packed texts have their lengths beside them, and stay plain where that is too much */
        assert_works(encode(&fits, IDS, texts, packs, &e), e);
        AUTO(segment) *g = NULL;
        assert_works(segment_of_bytes(&fits, false, &g, &e), e);
        assert_non_null(property_of(g, STR("text"))->text_at);
        assert_works(segment_check(g, &e), e);
        assert_false(encode(&none, IDS, texts - 1, packs, &e));
        assert_int_equal(e.kind, ERR_TOO_LARGE);
        assert_non_null(strstr(e.text, "texts of one column exceed"));
        buf_clear(&none);
        assert_false(encode(&none, IDS, ids - 1, packs, &e));
        assert_int_equal(e.kind, ERR_TOO_LARGE);
        assert_non_null(strstr(e.text, "ids exceed"));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_take_the_smallest_form),
        cmocka_unit_test(dictionaries_end_where_they_should),
        cmocka_unit_test(names_have_lanes_of_every_width),
        cmocka_unit_test(a_column_may_end_in_empty_blocks),
        cmocka_unit_test(ids_are_sorted_in_parts),
        cmocka_unit_test(too_many_bytes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
