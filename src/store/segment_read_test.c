/*
 * Forged segments: one field is changed and all checksums count as right, so that each of the
 * reader's own questions is asked. Each must be refused with words that fit, and never read past.
 */
#include "store/segment_file.h"

#include "codec/unpack.h"
#include "store/segment_sample.h"

/* Where the field is that is changed. */
enum place { HEADER, FRONT, COLUMN, BYTES };

struct forgery {
    enum place place;
    uint16_t at; /* in the header, the front or the column's record */
    uint8_t width;
    uint64_t value;
    const char *says;
    enum column_kind kind; /* of COLUMN */
    const char *property;
};

/* One kind of segment after the other: with ids of both kinds, with UUIDs only, without ids, and as
 * merging writes it. */
enum shape { MIXED_IDS, UUIDS, NO_IDS, PACKED };
enum { ROWS = 900 };

static struct str id_of(struct arena *arena, enum shape shape, uint32_t i)
{
    if (shape >= NO_IDS || i % 3)
        return STR("");
    if (shape == UUIDS || i % 2)
        return arena_printf(arena, "%08x-0000-4000-8000-0123456789ab", i);
    return arena_printf(arena, "id%u", i);
}

static void make_bytes(enum shape shape, struct buf *out)
{
    AUTO(chunk) *c = chunk_create();
    AUTO(arena) *arena = arena_create(0);
    struct chunk_result r;
    struct err e = {0};

    for (uint32_t i = 0; i < ROWS; i++) {
        struct property p[] = {
            {STR("plan"), {.type = VALUE_TEXT, .text = str_sub(STR("abcdefg"), i % 5, 1)}},
            {STR("same"), {.type = VALUE_INT, .integer = 12}},
            {STR("seats"), {.type = VALUE_INT, .integer = (int64_t)(hash_mix(i % 9) >> 2)}},
            {STR("price"), {.type = VALUE_DOUBLE, .number = i / 3.0}},
            {STR("size"), {.type = VALUE_DOUBLE, .number = i % 3 + 0.5}},
            {STR("url"), {.type = VALUE_TEXT, .text = arena_printf(arena, "/things/%u", i * i)}},
            {STR("note"), {.type = VALUE_TEXT, .text = arena_printf(arena, "n%u", i * 7919)}},
            {STR("rare"), {.type = VALUE_BOOL, .boolean = true}},
        };
        struct event v = {.id = id_of(arena, shape, i),
                          .time = (int64_t)i * 3600000 % (30 * INT64_C(86400000)),
                          .received = i % 2,
                          .sequence = i % 3,
                          .name = str_sub(STR("xyz"), i % 3, 1),
                          .person = STR("p"),
                          .account = i % 2 ? STR("acme") : STR(""),
                          .properties = p,
                          .property_count = i % 90 ? i % 40 ? 6 : 7 : 8};
        chunk_add(c, &v, i % 7, 0);
    }
    assert_works(chunk_images(c, STR("main"), 1, NULL, 0, 1, &r, &e), e);
    assert_int_equal(r.image_count, 1);
    buf_clear(out);
    if (shape == PACKED)
        assert_works(merge_segments(r.images, 1, STR("main"), 1, NULL, NULL, out, &e), e);
    else
        buf_add(out, buf_str(&((const struct segment_own *)r.images[0]->own)->image));
    chunk_result_free(&r);
}

static size_t directory_at(const struct buf *b)
{
    struct segment_header h;
    memcpy(&h, b->at, sizeof h);
    return h.directory_at;
}

/* Where a column's record stands; 0 when the segment has no such column. */
static size_t record_at(const struct buf *b, enum column_kind kind, const char *property)
{
    size_t front = directory_at(b);
    struct segment_header h;
    struct segment_front f;
    memcpy(&h, b->at, sizeof h);
    memcpy(&f, b->at + front, sizeof f);
    for (uint32_t i = 0; i < h.column_count; i++) {
        size_t at = front + f.columns_at + i * sizeof(struct column_record);
        struct column_record d;
        memcpy(&d, b->at + at, sizeof d);
        struct str name = {b->at + front + d.property_at, d.property_bytes};
        if (d.kind == kind && str_equal(name, str_of(property ? property : "")))
            return at;
    }
    return 0;
}

static void put(struct buf *b, size_t at, unsigned width, uint64_t value)
{
    assert_true(at + width <= b->len);
    memcpy(b->at + at, &value, width); /* little-endian, as the file */
}

/* Opens and reads all of it, with every checksum taken as right: false and the words, or true. */
static bool read_all(struct buf *bytes, struct err *e)
{
    AUTO(segment) *g = NULL;
    return segment_of_bytes(bytes, true, &g, e) && segment_check(g, e);
}

static void expect(const struct buf *good, size_t at, const struct forgery *f, unsigned row)
{
    struct buf forged = {0};
    struct err e = {0};
    buf_add(&forged, buf_str(good));
    put(&forged, at, f->width, f->value);
    if (read_all(&forged, &e))
        fail_msg("forgery %u (%s) is read", row, f->says);
    if (!strstr(e.text, f->says))
        fail_msg("forgery %u: \"%s\" does not say \"%s\"", row, e.text, f->says);
    buf_free(&forged);
}

static void refuse_all(enum shape shape, const struct forgery *list, size_t count)
{
    BUF_AUTO good = {0};
    struct buf copy = {0};
    struct err e = {0};

    make_bytes(shape, &good);
    buf_add(&copy, buf_str(&good));
    assert_works(read_all(&copy, &e), e);
    for (unsigned i = 0; i < count; i++) {
        const struct forgery *f = &list[i];
        size_t base = f->place == FRONT    ? directory_at(&good)
                      : f->place == COLUMN ? record_at(&good, f->kind, f->property)
                                           : 0;
        if (f->place == COLUMN && base == 0)
            fail_msg("forgery %u: there is no such column", i);
        expect(&good, base + f->at, f, i);
    }
}

#define IN_HEADER(member, value, says)                                                             \
    {                                                                                              \
        HEADER, offsetof(struct segment_header, member),                                           \
            sizeof(((struct segment_header *)0)->member) > 8                                       \
                ? 1                                                                                \
                : sizeof(((struct segment_header *)0)->member),                                    \
            (uint64_t)(value), says, 0, NULL                                                       \
    }
#define IN_FRONT(member, value, says)                                                              \
    {                                                                                              \
        FRONT, offsetof(struct segment_front, member), 8, (uint64_t)(value), says, 0, NULL         \
    }
#define IN_COLUMN(kind, property, member, value, says)                                             \
    {                                                                                              \
        COLUMN, offsetof(struct column_record, member),                                            \
            sizeof(((struct column_record *)0)->member) > 8                                        \
                ? 1                                                                                \
                : sizeof(((struct column_record *)0)->member),                                     \
            (uint64_t)(value), says, kind, property                                                \
    }
#define NO_FORM "is of no known form"
#define OUTSIDE "lies outside of it"
#define FAR ((uint64_t)1 << 62)

static void a_forged_header_is_refused(void **state)
{
    (void)state;
    static const struct forgery list[] = {
        IN_HEADER(magic, 'x', "does not begin as a segment does"),
        IN_HEADER(version, SEGMENT_VERSION + 1, "written by a newer Tenure"),
        IN_HEADER(version, 0, "its header is not of format"),
        IN_HEADER(header_bytes, 128, "its header is not of format"),
        IN_HEADER(project_bytes, 65, "its header is not of format"),
        IN_HEADER(zero, 1, "its header is not of format"),
        IN_HEADER(file_bytes, 7, "bytes long and should be 7"),
        IN_HEADER(rows, 0, "counts of rows and persons"),
        IN_HEADER(rows, SEGMENT_ROWS_MAX + 1, "counts of rows and persons"),
        IN_HEADER(person_count, 0, "counts of rows and persons"),
        IN_HEADER(person_count, ROWS + 1, "counts of rows and persons"),
        IN_HEADER(id_count, ROWS + 1, "counts of rows and persons"),
        IN_HEADER(month_start, FAR, "do not lie in its month"),
        IN_HEADER(month_start, -FAR, "do not lie in its month"),
        IN_HEADER(month_start, 1, "do not lie in its month"),
        IN_HEADER(time_min, -1, "do not lie in its month"),
        IN_HEADER(time_max, -1, "do not lie in its month"),
        IN_HEADER(time_max, FAR, "do not lie in its month"),
        IN_HEADER(directory_at, 65, "directory is not where"),
        IN_HEADER(directory_at, 64, "directory is not where"),
        IN_HEADER(directory_at, FAR, "directory is not where"),
        IN_HEADER(directory_bytes, 64, "directory is not where"),
        IN_HEADER(column_count, 0, "its list of columns lies outside"),
        IN_HEADER(column_count, 10000, "its list of columns lies outside"),
        IN_HEADER(column_count, 3, "lacks a column"),
        IN_HEADER(id_count, 0, NO_FORM),
    };
    refuse_all(MIXED_IDS, list, COUNT(list));
    refuse_all(NO_IDS, list, COUNT(list) - 1);
    static const struct forgery ids[] = {IN_HEADER(id_count, 5, "lacks a column")};
    refuse_all(NO_IDS, ids, COUNT(ids));
}

static void a_forged_directory_is_refused(void **state)
{
    (void)state;
    static const struct forgery list[] = {
        IN_FRONT(zero, 1, "directory is not of format"),
        IN_FRONT(persons_at, FAR, "list of persons lies outside"),
        IN_FRONT(persons_at, 64, "list of persons lies outside"),
        IN_FRONT(persons_at, 257, "list of persons lies outside"),
        IN_FRONT(starts_at, FAR, "list of persons lies outside"),
        IN_FRONT(columns_at, FAR, "list of columns lies outside"),
        IN_FRONT(columns_at, 1, "list of columns lies outside"),
        IN_FRONT(blocks_at, FAR, "its statistics lie outside"),
        IN_FRONT(names_at, FAR, "its statistics lie outside"),
        IN_FRONT(id_filter_words, 0, "its id filter cannot have that size"),
        IN_FRONT(id_filter_words, 9, "its id filter cannot have that size"),
        IN_FRONT(id_filter_words, FAR, "its id filter cannot have that size"),
        IN_FRONT(id_order_at, FAR, "its id index lies outside"),
        IN_FRONT(id_filter_at, FAR, "its id index lies outside"),
    };
    refuse_all(MIXED_IDS, list, COUNT(list));
    refuse_all(UUIDS, list, COUNT(list));
}

static void a_forged_list_of_persons_is_refused(void **state)
{
    (void)state;
    BUF_AUTO good = {0};
    struct segment_front f;
    make_bytes(NO_IDS, &good);
    memcpy(&f, good.at + directory_at(&good), sizeof f);
    const struct forgery list[] = {
        {BYTES, 0, 4, 1, "list of persons is out of order", 0, NULL},            /* starts[0] */
        {BYTES, 7 * 4, 4, ROWS + 1, "list of persons is out of order", 0, NULL}, /* the last */
        {BYTES, 4, 4, 0, "list of persons is out of order", 0, NULL}, /* an empty person */
    };
    for (unsigned i = 0; i < COUNT(list); i++)
        expect(&good, f.starts_at + list[i].at, &list[i], i);
    const struct forgery twice = {BYTES, 4, 4, 0, "list of persons is out of order", 0, NULL};
    const struct forgery never = {BYTES, 6 * 4, 4, UINT32_MAX, "list of persons is out of order",
                                  0,     NULL};
    expect(&good, f.persons_at + twice.at, &twice, 0);
    expect(&good, f.persons_at + never.at, &never, 1);
}

static void a_forged_column_is_refused(void **state)
{
    (void)state;
    static const struct forgery list[] = {
        /* numbers that mean nothing */
        IN_COLUMN(COLUMN_NAME, NULL, kind, 9, NO_FORM),
        IN_COLUMN(COLUMN_NAME, NULL, form, 5, NO_FORM),
        IN_COLUMN(COLUMN_NAME, NULL, type, VALUE_TYPE_COUNT, NO_FORM),
        IN_COLUMN(COLUMN_NAME, NULL, zero, 1, NO_FORM),
        IN_COLUMN(COLUMN_NAME, NULL, zero_end, 1, NO_FORM),
        IN_COLUMN(COLUMN_NAME, NULL, property_bytes, 4, NO_FORM),
        IN_COLUMN(COLUMN_PROPERTY, "plan", flags, 16, NO_FORM),
        /* forms that a type or a kind cannot have */
        IN_COLUMN(COLUMN_PROPERTY, "plan", type, VALUE_BOOL, NO_FORM),
        IN_COLUMN(COLUMN_PROPERTY, "price", form, FORM_TEXT, NO_FORM),
        IN_COLUMN(COLUMN_TIME, NULL, lane_bits, 16, NO_FORM),
        IN_COLUMN(COLUMN_TIME, NULL, base, 1, NO_FORM),
        IN_COLUMN(COLUMN_TIME, NULL, scale, 2, NO_FORM),
        IN_COLUMN(COLUMN_TIME, NULL, flags, COLUMN_OPTIONAL, NO_FORM),
        IN_COLUMN(COLUMN_TIME, NULL, form, FORM_DICTIONARY, NO_FORM),
        IN_COLUMN(COLUMN_TIME, NULL, type, VALUE_NULL, NO_FORM),
        IN_COLUMN(COLUMN_NAME, NULL, lane_bits, 4, NO_FORM),
        IN_COLUMN(COLUMN_NAME, NULL, flags, COLUMN_SPARSE, NO_FORM),
        IN_COLUMN(COLUMN_NAME, NULL, type, VALUE_LIST, NO_FORM),
        IN_COLUMN(COLUMN_NAME, NULL, form, FORM_TEXT, NO_FORM),
        IN_COLUMN(COLUMN_ACCOUNT, NULL, type, VALUE_LIST, NO_FORM),
        IN_COLUMN(COLUMN_RECEIVED, NULL, flags, COLUMN_OPTIONAL, NO_FORM),
        IN_COLUMN(COLUMN_RECEIVED, NULL, form, FORM_DICTIONARY, NO_FORM),
        IN_COLUMN(COLUMN_OFFSET, NULL, type, VALUE_NULL, NO_FORM),
        IN_COLUMN(COLUMN_ID, NULL, flags, COLUMN_OPTIONAL, NO_FORM),
        IN_COLUMN(COLUMN_ID, NULL, type, VALUE_LIST, NO_FORM),
        IN_COLUMN(COLUMN_ID, NULL, form, FORM_DICTIONARY, NO_FORM),
        /* widths */
        IN_COLUMN(COLUMN_RECEIVED, NULL, lane_bits, 3, NO_FORM),
        IN_COLUMN(COLUMN_RECEIVED, NULL, lane_bits, 40, NO_FORM),
        IN_COLUMN(COLUMN_PROPERTY, "plan", lane_bits, 64, NO_FORM),
        IN_COLUMN(COLUMN_PROPERTY, "price", lane_bits, 32, NO_FORM),
        IN_COLUMN(COLUMN_PROPERTY, "url", lane_bits, 16, NO_FORM),
        IN_COLUMN(COLUMN_ID, NULL, lane_bits, 32, NO_FORM),
        IN_COLUMN(COLUMN_PROPERTY, "rare", lane_bits, 1, NO_FORM),
        /* sparse, optional, dictionaries */
        IN_COLUMN(COLUMN_PROPERTY, "rare", flags, COLUMN_SPARSE | COLUMN_OPTIONAL, NO_FORM),
        IN_COLUMN(COLUMN_PROPERTY, "rare", row_count, 0, NO_FORM),
        IN_COLUMN(COLUMN_PROPERTY, "rare", row_count, ROWS + 1, NO_FORM),
        IN_COLUMN(COLUMN_PROPERTY, "plan", row_count, 1, NO_FORM),
        IN_COLUMN(COLUMN_PROPERTY, "price", flags, COLUMN_OPTIONAL, NO_FORM),
        IN_COLUMN(COLUMN_PROPERTY, "same", flags, COLUMN_OPTIONAL, NO_FORM),
        IN_COLUMN(COLUMN_PROPERTY, "plan", dictionary_count, 0, NO_FORM),
        IN_COLUMN(COLUMN_PROPERTY, "plan", dictionary_count, ROWS + 1, NO_FORM),
        IN_COLUMN(COLUMN_PROPERTY, "price", dictionary_count, 1, NO_FORM),
        IN_COLUMN(COLUMN_PROPERTY, "price", values_bytes, 8, NO_FORM),
        IN_COLUMN(COLUMN_PROPERTY, "plan", flags, COLUMN_PACKED, NO_FORM),
        IN_COLUMN(COLUMN_PROPERTY, "plan", flags, COLUMN_UUIDS, NO_FORM),
        IN_COLUMN(COLUMN_ID, NULL, dictionary_count, 7, NO_FORM),
        IN_COLUMN(COLUMN_ID, NULL, row_count, 301, NO_FORM),
        IN_COLUMN(COLUMN_ID, NULL, flags, COLUMN_SPARSE | COLUMN_PACKED, NO_FORM),
        /* places */
        IN_COLUMN(COLUMN_PROPERTY, "plan", lanes_at, FAR, OUTSIDE),
        IN_COLUMN(COLUMN_PROPERTY, "plan", sums_at, FAR, OUTSIDE),
        IN_COLUMN(COLUMN_PROPERTY, "plan", property_at, 1 << 30, OUTSIDE),
        IN_COLUMN(COLUMN_PROPERTY, "rare", rows_at, FAR, OUTSIDE),
        IN_COLUMN(COLUMN_PROPERTY, "plan", values_at, FAR, "the dictionary of column"),
        IN_COLUMN(COLUMN_PROPERTY, "plan", offsets_at, FAR, "the dictionary of column"),
        IN_COLUMN(COLUMN_PROPERTY, "seats", values_bytes, 8, "the dictionary of column"),
        IN_COLUMN(COLUMN_PROPERTY, "size", values_bytes, 8, "the dictionary of column"),
        IN_COLUMN(COLUMN_ID, NULL, bits_at, FAR, "the dictionary of column"),
        IN_COLUMN(COLUMN_SESSION + 1, NULL, kind, COLUMN_TIME, NO_FORM),
        IN_COLUMN(COLUMN_PROPERTY, "plan", property_bytes, 0, "is out of order"),
    };
    refuse_all(MIXED_IDS, list, COUNT(list));
}

static void forged_uuids_are_refused(void **state)
{
    (void)state;
    static const struct forgery list[] = {
        IN_COLUMN(COLUMN_ID, NULL, values_bytes, 16, "the dictionary of column"),
        IN_COLUMN(COLUMN_ID, NULL, values_at, FAR, "the dictionary of column"),
    };
    refuse_all(UUIDS, list, COUNT(list));
}

/* Texts packed into one frame: what the frame holds is not trusted, however it is made. */
static void forged_packs_are_refused(void **state)
{
    (void)state;
    static const struct forgery list[] = {
        IN_COLUMN(COLUMN_PROPERTY, "url", values_bytes, 0, "the dictionary of column"),
        IN_COLUMN(COLUMN_PROPERTY, "url", plain_bytes, 1, "the dictionary of column"),
        IN_COLUMN(COLUMN_PROPERTY, "url", plain_bytes, FAR, "the dictionary of column"),
        IN_COLUMN(COLUMN_PROPERTY, "url", plain_bytes, UINT32_MAX, "the dictionary of column"),
        IN_COLUMN(COLUMN_PROPERTY, "url", plain_bytes, 60000, "cannot be unpacked"),
    };
    refuse_all(PACKED, list, COUNT(list));

    BUF_AUTO good = {0};
    struct column_record d;
    make_bytes(PACKED, &good);
    size_t at = record_at(&good, COLUMN_PROPERTY, "url");
    memcpy(&d, good.at + at, sizeof d);
    assert_true(d.flags & COLUMN_PACKED);
    const struct {
        uint8_t first, rest;
    } fills[] = {
        {0xff, 0xff}, /* no number at all */
        {0x7f, 0x7f}, /* together longer than the frame */
        {0, 0},       /* bytes are left over */
    };
    for (size_t i = 0; i < COUNT(fills); i++) {
        struct buf forged = {0};
        BUF_AUTO frame = {0};
        struct err e = {0};
        char *plain = mem_array(d.plain_bytes, 1);
        memset(plain, fills[i].rest, d.plain_bytes);
        plain[0] = (char)fills[i].first;
        zstd_pack((struct str){plain, d.plain_bytes}, 1, &frame);
        assert_true(frame.len < d.values_bytes);
        buf_add(&forged, buf_str(&good));
        memcpy(forged.at + d.values_at, frame.at, frame.len);
        put(&forged, at + offsetof(struct column_record, values_bytes), 8, frame.len);
        assert_false(read_all(&forged, &e));
        assert_int_equal(e.kind, ERR_CORRUPT);
        assert_non_null(strstr(e.text, "column property url: its texts cannot be unpacked"));
        mem_free(plain);
    }
}

static void a_short_file_is_refused(void **state)
{
    (void)state;
    struct buf bytes = {0};
    struct err e = {0};
    buf_add(&bytes, STR("TENURSEG"));
    assert_false(read_all(&bytes, &e));
    assert_non_null(strstr(e.text, "it is only 8 bytes long"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_forged_header_is_refused),
        cmocka_unit_test(a_forged_directory_is_refused),
        cmocka_unit_test(a_forged_list_of_persons_is_refused),
        cmocka_unit_test(a_forged_column_is_refused),
        cmocka_unit_test(forged_uuids_are_refused),
        cmocka_unit_test(forged_packs_are_refused),
        cmocka_unit_test(a_short_file_is_refused),
    };
    return cmocka_run_group_tests_name("store/segment_read", tests, NULL, NULL);
}
