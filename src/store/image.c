/*
 * store/image: a chunk's rows in order, as one image a month. One sort for all rows; then a column
 * at a time for all months, so that work memory is that of one column.
 */
#include "store/chunk_rows.h"
#include "store/encoder.h"
#include "store/radix.h"

enum { PLACE_NONE = UINT32_MAX, DAY_MS = 86400000, SPARSE_SHARE = 16 };

struct month {
    int64_t start;
    uint32_t from, to; /* in `order` */
    struct buf bytes;
    struct encoder encoder;
};

struct imager {
    const struct chunk *c;
    uint32_t *order;  /* kept rows, by (month, person, time, sequence, arrival) */
    uint64_t *keys;   /* person << 32 | ms of the month, in that order */
    uint32_t *places; /* row -> where it stands in `order`, or PLACE_NONE */
    uint32_t count;   /* of order */
    struct month *months;
    size_t month_count, month_room;
    struct encode_room work;
    /* work memory of one column */
    uint32_t *rows, *cells, *codes, *dense;
    uint64_t *numbers;
};

/* ---- order ---- */

/* Recent months: events of one month come together, or jump about a few. */
struct month_cache {
    struct {
        int64_t start, next;
    } slots[64];
};

static int64_t month_cached(struct month_cache *cache, int64_t ms)
{
    unsigned slot = (unsigned)((uint64_t)ms >> 30) % COUNT(cache->slots); /* 12 days */

    if (UNLIKELY(ms < cache->slots[slot].start || ms >= cache->slots[slot].next)) {
        cache->slots[slot].start = month_start(ms);
        cache->slots[slot].next = month_next(cache->slots[slot].start);
    }
    return cache->slots[slot].start;
}

/* Cuts the sorted rows into months. */
static void months_cut(struct imager *m, const struct radix_item *items, const int64_t *starts)
{
    for (uint32_t i = 0; i < m->c->row_count; i++) {
        uint32_t row = items[i].row;
        int64_t start = starts[row];
        m->order[i] = row;
        m->keys[i] =
            (uint64_t)m->c->rows[row].person << 32 | (uint32_t)(m->c->rows[row].time - start);
        if (i == 0 || start != m->months[m->month_count - 1].start)
            ARRAY_PUSH(m->months, m->month_count, m->month_room) =
                (struct month){.start = start, .from = i};
        m->months[m->month_count - 1].to = i + 1;
    }
}

static void rows_sort(struct imager *m)
{
    const struct chunk *c = m->c;
    size_t count = c->row_count;
    struct radix_item *items = mem_array(count, sizeof *items);
    struct radix_item *spare = mem_array(count, sizeof *spare);
    int64_t *starts = mem_array(count, sizeof *starts);
    struct month_cache cache = {0};
    bool has_months = false;

    for (uint32_t i = 0; i < count; i++) {
        const struct chunk_row *row = &c->rows[i];
        starts[i] = month_cached(&cache, row->time);
        has_months |= starts[i] != starts[0];
        items[i].row = i;
        items[i].key = c->has_sequence
                           ? row->sequence
                           : (uint64_t)row->person << 32 | (uint32_t)(row->time - starts[i]);
    }
    radix_sort(items, spare, count);
    for (uint32_t i = 0; c->has_sequence && i < count; i++) {
        const struct chunk_row *row = &c->rows[items[i].row];
        items[i].key = (uint64_t)row->person << 32 | (uint32_t)(row->time - starts[items[i].row]);
    }
    if (c->has_sequence)
        radix_sort(items, spare, count);
    if (has_months) {
        for (uint32_t i = 0; i < count; i++)
            items[i].key = (uint64_t)(starts[items[i].row] / DAY_MS) ^ (uint64_t)1 << 63;
        radix_sort(items, spare, count);
    }
    months_cut(m, items, starts);
    mem_free(items);
    mem_free(spare);
    mem_free(starts);
}

/* Leaves out the rows that are there already, and months without any row left. */
static bool rows_settle(struct imager *m, struct segment *const *others, size_t other_count,
                        uint32_t origin_count, uint64_t *dropped, struct err *e)
{
    bool *is_known = mem_array(m->c->row_count, sizeof *is_known);
    uint32_t kept = 0;
    size_t months = 0;
    bool is_good = true;

    for (size_t i = 0; is_good && i < m->month_count; i++) {
        const struct month *q = &m->months[i];
        struct chunk_month month = {q->start, m->order + q->from, m->keys + q->from,
                                    q->to - q->from};
        is_good = chunk_known(m->c, &month, others, other_count, is_known + q->from, e);
    }
    memset(m->places, 0xff, m->c->row_count * sizeof *m->places);
    for (size_t i = 0; is_good && i < m->month_count; i++) {
        struct month q = m->months[i];
        uint32_t from = kept;
        for (uint32_t at = q.from; at < q.to; at++) {
            uint32_t row = m->order[at];
            if (is_known[at]) {
                REQUIRE(m->c->rows[row].origin < origin_count);
                dropped[m->c->rows[row].origin]++;
                continue;
            }
            m->places[row] = kept;
            m->keys[kept] = m->keys[at];
            m->order[kept++] = row;
        }
        if (kept > from)
            m->months[months++] = (struct month){.start = q.start, .from = from, .to = kept};
    }
    m->month_count = months;
    m->count = kept;
    mem_free(is_known);
    return is_good;
}

/* ---- columns ---- */

static void people_put(struct imager *m)
{
    uint32_t *persons = m->codes, *starts = m->rows;

    for (size_t i = 0; i < m->month_count; i++) {
        struct month *q = &m->months[i];
        uint32_t count = 0;
        for (uint32_t at = q->from; at < q->to; at++) {
            uint32_t person = (uint32_t)(m->keys[at] >> 32);
            if (count == 0 || persons[count - 1] != person) {
                persons[count] = person;
                starts[count++] = at - q->from;
            }
        }
        starts[count] = q->to - q->from;
        encoder_people(&q->encoder, persons, starts, count);
    }
}

static void constant_put(struct imager *m, enum column_kind kind, int64_t value)
{
    for (size_t i = 0; i < m->month_count; i++)
        encoder_constant(&m->months[i].encoder, kind, value);
}

static void gathered_put(struct imager *m, enum column_kind kind)
{
    for (size_t i = 0; i < m->month_count; i++) {
        struct month *q = &m->months[i];
        struct cells cells = {.count = q->to - q->from, .numbers = m->numbers + q->from};
        bool is_needed = kind != COLUMN_SEQUENCE;
        for (uint32_t j = 0; !is_needed && j < cells.count; j++)
            is_needed = cells.numbers[j] != 0;
        if (is_needed)
            encoder_numbers(&q->encoder, kind, STR(""), VALUE_INT, &cells);
    }
}

/* The numbers that each row has. Mostly they are all the same, which the chunk knows. */
static void row_numbers_put(struct imager *m)
{
    const struct chunk_row *rows = m->c->rows;

    if (m->c->received_differs) {
        for (uint32_t i = 0; i < m->count; i++)
            m->numbers[i] = (uint64_t)rows[m->order[i]].received;
        gathered_put(m, COLUMN_RECEIVED);
    } else if (m->count) {
        constant_put(m, COLUMN_RECEIVED, rows[0].received);
    }
    if (m->c->offset_differs) {
        for (uint32_t i = 0; i < m->count; i++)
            m->numbers[i] = (uint64_t)rows[m->order[i]].offset;
        gathered_put(m, COLUMN_OFFSET);
    } else if (m->count) {
        constant_put(m, COLUMN_OFFSET, rows[0].offset);
    }
    if (m->c->has_sequence) {
        for (uint32_t i = 0; i < m->count; i++)
            m->numbers[i] = rows[m->order[i]].sequence;
        gathered_put(m, COLUMN_SEQUENCE);
    }
}

static struct str intern_text(const void *context, uint32_t code)
{
    return intern_at(context, code);
}

static void times_and_names_put(struct imager *m)
{
    struct texts names = {intern_text, m->c->names, intern_count(m->c->names)};

    for (size_t i = 0; i < m->month_count; i++) {
        struct month *q = &m->months[i];
        for (uint32_t at = q->from; at < q->to; at++)
            m->codes[at] = (uint32_t)m->keys[at];
        encoder_time(&q->encoder, m->codes + q->from);
    }
    for (uint32_t i = 0; i < m->count; i++)
        m->codes[i] = m->c->row_names[m->order[i]];
    for (size_t i = 0; i < m->month_count; i++) {
        struct month *q = &m->months[i];
        struct cells cells = {.count = q->to - q->from, .codes = m->codes + q->from};
        encoder_texts(&q->encoder, COLUMN_NAME, STR(""), VALUE_TEXT, &cells, &names);
    }
}

/* Sorts a column's cells by where their rows stand: fills m->rows (places) and m->cells. */
static uint32_t cells_sort(struct imager *m, uint32_t count, const void *list, size_t each)
{
    uint32_t kept = 0;
    const char *row_of = list; /* the row number is the first member of what is listed */
#define ROW(i) (*(const uint32_t *)(const void *)(row_of + (size_t)(i)*each))

    if (count >= m->count / SPARSE_SHARE) {
        memset(m->dense, 0xff, m->count * sizeof *m->dense);
        for (uint32_t i = 0; i < count; i++)
            if (m->places[ROW(i)] != PLACE_NONE)
                m->dense[m->places[ROW(i)]] = i;
        for (uint32_t at = 0; at < m->count; at++) {
            m->rows[kept] = at;
            m->cells[kept] = m->dense[at];
            kept += m->dense[at] != PLACE_NONE;
        }
        return kept;
    }
    struct radix_item *items = mem_array(count, sizeof *items);
    struct radix_item *spare = mem_array(count, sizeof *spare);
    for (uint32_t i = 0; i < count; i++)
        if (m->places[ROW(i)] != PLACE_NONE)
            items[kept++] = (struct radix_item){m->places[ROW(i)], i};
    radix_sort(items, spare, kept);
    for (uint32_t i = 0; i < kept; i++) {
        m->rows[i] = (uint32_t)items[i].key;
        m->cells[i] = items[i].row;
    }
#undef ROW
    mem_free(items);
    mem_free(spare);
    return kept;
}

/* The next month's part [*from, to) of sorted cells, rows counted from the month's first. */
static struct cells month_cells(struct imager *m, const struct month *q, uint32_t *from,
                                uint32_t kept)
{
    uint32_t first = *from, to = first;

    while (to < kept && m->rows[to] < q->to)
        m->rows[to++] -= q->from;
    *from = to;
    return (struct cells){.count = to - first,
                          .rows = to - first == q->to - q->from ? NULL : m->rows + first,
                          .codes = m->codes + first,
                          .numbers = m->numbers + first};
}

static void column_put(struct imager *m, const struct chunk_column *column)
{
    uint32_t kept = cells_sort(m, column->count, column->rows, sizeof *column->rows), from = 0;
    struct texts texts = {intern_text, column->texts, 0};

    if (column->texts) {
        texts.count = intern_count(column->texts);
        for (uint32_t i = 0; i < kept; i++)
            m->codes[i] = column->codes[m->cells[i]];
    } else {
        for (uint32_t i = 0; i < kept; i++)
            m->numbers[i] = column->numbers[m->cells[i]];
    }
    for (size_t i = 0; i < m->month_count; i++) {
        struct month *q = &m->months[i];
        struct cells cells = month_cells(m, q, &from, kept);
        if (column->texts) {
            cells.numbers = NULL;
            encoder_texts(&q->encoder, column->kind, column->property, column->type, &cells,
                          &texts);
        } else {
            cells.codes = NULL;
            encoder_numbers(&q->encoder, column->kind, column->property, column->type, &cells);
        }
    }
}

struct id_list {
    const struct chunk *c;
    const uint32_t *cells;
};

static struct id_key id_at(const void *context, uint32_t i)
{
    const struct id_list *list = context;
    const struct chunk_id *id = &list->c->ids[list->cells[i]];
    struct id_key key = {.is_uuid = id->is_uuid};

    key.text = (struct str){list->c->id_bytes.at + id->at, id->len};
    if (key.is_uuid)
        memcpy(key.uuid, key.text.at, SEGMENT_ID_BYTES);
    return key;
}

static void ids_put(struct imager *m)
{
    const struct chunk *c = m->c;
    uint32_t from = 0;
    uint32_t kept = cells_sort(m, (uint32_t)c->id_count, c->ids, sizeof *c->ids);

    for (size_t i = 0; i < m->month_count; i++) {
        struct id_list list = {c, m->cells + from};
        struct cells cells = month_cells(m, &m->months[i], &from, kept);
        encoder_ids(&m->months[i].encoder, cells.count, cells.rows, id_at, &list);
    }
}

/* ---- the whole ---- */

static bool months_encode(struct imager *m, struct str project, uint64_t age,
                          struct chunk_result *out, struct err *e)
{
    bool all_good = true;

    for (size_t i = 0; i < m->month_count; i++) {
        struct month *q = &m->months[i];
        encoder_begin(&q->encoder, &q->bytes, NULL, &m->work, project, q->to - q->from);
    }
    people_put(m);
    times_and_names_put(m);
    row_numbers_put(m);
    column_put(m, &m->c->account);
    column_put(m, &m->c->session);
    ids_put(m);
    for (size_t i = 0; i < m->c->column_count; i++)
        column_put(m, &m->c->columns[i]);
    out->images = mem_array(m->month_count, sizeof(struct segment *));
    for (size_t i = 0; i < m->month_count; i++) {
        struct month *q = &m->months[i];
        bool is_good = encoder_finish(&q->encoder, 0, age, q->start, e);
        if (is_good)
            out->images[out->image_count++] = segment_of_image(&q->bytes);
        all_good &= is_good;
        buf_free(&q->bytes);
    }
    return all_good;
}

static void imager_free(struct imager *m)
{
    mem_free(m->order);
    mem_free(m->keys);
    mem_free(m->places);
    mem_free(m->months);
    mem_free(m->rows);
    mem_free(m->cells);
    mem_free(m->codes);
    mem_free(m->dense);
    mem_free(m->numbers);
    encode_room_free(&m->work);
}

bool chunk_images(const struct chunk *c, struct str project, uint64_t age,
                  struct segment *const *others, size_t other_count, uint32_t origin_count,
                  struct chunk_result *out, struct err *e)
{
    size_t count = c->row_count;
    struct imager m = {
        .c = c,
        .order = mem_array(count, sizeof *m.order),
        .keys = mem_array(count, sizeof *m.keys),
        .places = mem_array(count, sizeof *m.places),
        .rows = mem_array(count + 1, sizeof *m.rows),
        .cells = mem_array(count + 1, sizeof *m.cells),
        .codes = mem_array(count + 1, sizeof *m.codes),
        .dense = mem_array(count, sizeof *m.dense),
        .numbers = mem_array(count + 1, sizeof *m.numbers),
    };

    *out = (struct chunk_result){.dropped_by_origin =
                                     mem_array(origin_count, sizeof *out->dropped_by_origin)};
    rows_sort(&m);
    bool is_good = rows_settle(&m, others, other_count, origin_count, out->dropped_by_origin, e) &&
                   months_encode(&m, project, age, out, e);
    imager_free(&m);
    if (!is_good)
        chunk_result_free(out);
    return is_good;
}

void chunk_result_free(struct chunk_result *r)
{
    for (size_t i = 0; i < r->image_count; i++)
        segment_release(r->images[i]);
    mem_free(r->images);
    mem_free(r->dropped_by_origin);
    *r = (struct chunk_result){0};
}
