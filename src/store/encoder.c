/*
 * store/encoder: for each column, what is smallest: how wide the lanes, a dictionary or not, lanes
 * for all rows or only for those that have a value. The rules are in docs/format/segment.md.
 */
#include "store/encoder.h"

#include <stdlib.h>

#include "codec/bytes.h"
#include "codec/unpack.h"
#include "store/radix.h"

enum {
    DICTIONARY_MAX = 65536, /* distinct values */
    DICTIONARY_SMALL = 256, /* always worth one */
    SPARSE_SHARE = 16,      /* rarer than one row in so many: listing rows is preferred */
    PACK_BYTES_MIN = 4096,
    PACK_LEVEL = 3,
};

struct encoded_column {
    struct column_record record;
    struct str property;
    uint64_t *sums;
    size_t sum_count;
};

/* How the lanes of a column lie. */
struct shape {
    unsigned bits;
    bool is_optional, is_sparse;
};

void encode_room_free(struct encode_room *room)
{
    mem_free(room->map);
    mem_free(room->used);
    buf_free(&room->bytes);
    buf_free(&room->packed);
    *room = (struct encode_room){0};
}

/* ---- areas ---- */

/* Room for `bytes` at the next multiple of 64; all zero. */
static char *area_make(struct encoder *n, uint64_t bytes, uint64_t *at)
{
    size_t gap = (size_t)(-n->out->len % SEGMENT_ALIGN);
    char *end = buf_reserve(n->out, gap + bytes);

    memset(end, 0, gap + bytes);
    n->out->len += gap + bytes;
    *at = n->out->len - bytes;
    return end + gap;
}

static void area_copy(struct encoder *n, const void *from, uint64_t bytes, uint64_t *at)
{
    size_t gap = (size_t)(-n->out->len % SEGMENT_ALIGN);

    memset(buf_reserve(n->out, gap + bytes), 0, gap);
    n->out->len += gap;
    *at = n->out->len;
    buf_add_bytes(n->out, from, bytes);
}

static uint64_t area_sum(const struct encoder *n, uint64_t at, uint64_t bytes, uint64_t seed)
{
    return hash64((struct str){n->out->at + at, bytes}, seed);
}

static struct encoded_column *column_begin(struct encoder *n, enum column_kind kind,
                                           struct str property, enum value_type type)
{
    struct encoded_column *c = &ARRAY_PUSH(n->columns, n->column_count, n->column_room);

    *c = (struct encoded_column){.property = property};
    c->record.kind = (uint8_t)kind;
    c->record.type = (uint8_t)type;
    return c;
}

/* ---- lanes ---- */

static unsigned width_of(uint64_t max)
{
    unsigned bits = max ? 64 - (unsigned)__builtin_clzll(max) : 0;

    return bits <= 2    ? bits
           : bits <= 4  ? 4
           : bits <= 8  ? 8
           : bits <= 16 ? 16
           : bits <= 32 ? 32
                        : 64;
}

/* `max`: the largest lane without the step up that optional lanes take. */
static struct shape shape_of(const struct encoder *n, uint32_t count, uint64_t max,
                             unsigned bits_min, bool may_be_optional)
{
    uint32_t rows = n->header.rows;
    struct shape sparse = {.bits = MAX(width_of(max), bits_min), .is_sparse = true};

    if (count == rows)
        return (struct shape){.bits = sparse.bits};
    if (!may_be_optional || max == UINT64_MAX)
        return sparse;
    struct shape dense = {.bits = MAX(width_of(max + 1), bits_min), .is_optional = true};
    uint64_t sparse_bytes = (uint64_t)count * 4 + lane_bytes(count, sparse.bits);
    uint64_t dense_bytes = lane_bytes(rows, dense.bits);
    /* Lists of rows are slower to read, so away from rare columns they must halve the size. */
    bool is_smaller =
        count <= rows / SPARSE_SHARE ? sparse_bytes < dense_bytes : sparse_bytes * 2 <= dense_bytes;
    return is_smaller ? sparse : dense;
}

static uint64_t shape_bytes(const struct encoder *n, struct shape s, uint32_t count)
{
    return s.is_sparse ? (uint64_t)count * 4 + lane_bytes(count, s.bits)
                       : lane_bytes(n->header.rows, s.bits);
}

/* One loop for each width; `v` is 32 or 64 bits wide. */
#define PACK_LANES(v, count, bits, into)                                                           \
    do {                                                                                           \
        if ((bits) == 8)                                                                           \
            for (size_t i_ = 0; i_ < (count); i_++)                                                \
                ((uint8_t *)(into))[i_] = (uint8_t)(v)[i_];                                        \
        else if ((bits) == 16)                                                                     \
            for (size_t i_ = 0; i_ < (count); i_++)                                                \
                ((uint16_t *)(into))[i_] = (uint16_t)(v)[i_];                                      \
        else if ((bits) == 32)                                                                     \
            for (size_t i_ = 0; i_ < (count); i_++)                                                \
                ((uint32_t *)(into))[i_] = (uint32_t)(v)[i_];                                      \
        else if ((bits) == 64)                                                                     \
            for (size_t i_ = 0; i_ < (count); i_++)                                                \
                ((uint64_t *)(into))[i_] = (v)[i_];                                                \
        else if ((bits) > 0)                                                                       \
            for (size_t i_ = 0; i_ < (count); i_++)                                                \
                ((uint8_t *)(into))[i_ * (bits) / 8] |= (uint8_t)((v)[i_] << (i_ * (bits) % 8));   \
    } while (0)

static void lane_set(void *lanes, unsigned bits, uint32_t at, uint64_t v)
{
    if (bits == 8)
        ((uint8_t *)lanes)[at] = (uint8_t)v;
    else if (bits == 16)
        ((uint16_t *)lanes)[at] = (uint16_t)v;
    else if (bits == 32)
        ((uint32_t *)lanes)[at] = (uint32_t)v;
    else if (bits == 64)
        ((uint64_t *)lanes)[at] = v;
    else
        ((uint8_t *)lanes)[(size_t)at * bits / 8] |= (uint8_t)(v << ((size_t)at * bits % 8));
}

static void sums_make(struct encoder *n, struct encoded_column *c, uint64_t lanes)
{
    unsigned bits = c->record.lane_bits;

    if (!bits)
        return;
    c->sum_count = (lanes + SEGMENT_BLOCK_ROWS - 1) / SEGMENT_BLOCK_ROWS;
    c->sums = mem_array(c->sum_count, sizeof *c->sums);
    for (size_t b = 0; b < c->sum_count; b++) {
        uint64_t from = (uint64_t)b * SEGMENT_BLOCK_ROWS;
        uint64_t to = MIN(from + SEGMENT_BLOCK_ROWS, lanes);
        c->sums[b] = area_sum(n, c->record.lanes_at + lane_bytes(from, bits),
                              lane_bytes(to - from, bits), 0);
    }
}

/* Writes lanes and, when sparse, the rows; starts the sum of the dictionary. */
static void lanes_write(struct encoder *n, struct encoded_column *c, struct shape s,
                        const struct cells *cells)
{
    uint64_t lanes = s.is_sparse ? cells->count : n->header.rows;

    c->record.lane_bits = (uint8_t)s.bits;
    c->record.flags |= s.is_sparse ? COLUMN_SPARSE : s.is_optional ? COLUMN_OPTIONAL : 0;
    char *into = area_make(n, lane_bytes(lanes, s.bits), &c->record.lanes_at);
    if (s.is_optional && cells->codes)
        for (uint32_t i = 0; i < cells->count; i++)
            lane_set(into, s.bits, cells->rows[i], (uint64_t)cells->codes[i] + 1);
    else if (s.is_optional)
        for (uint32_t i = 0; i < cells->count; i++)
            lane_set(into, s.bits, cells->rows[i], cells->numbers[i] + 1);
    else if (cells->codes)
        PACK_LANES(cells->codes, cells->count, s.bits, into);
    else
        PACK_LANES(cells->numbers, cells->count, s.bits, into);
    sums_make(n, c, lanes);
    c->record.dictionary_sum = hash64(STR(""), 0);
    if (s.is_sparse) {
        c->record.row_count = cells->count;
        area_copy(n, cells->rows, (uint64_t)cells->count * 4, &c->record.rows_at);
        c->record.dictionary_sum = area_sum(n, c->record.rows_at, (uint64_t)cells->count * 4, 0);
    }
}

/* ---- texts ---- */

/* Codes of the segment in order of first sight; returns how many. The map is left clean. */
static uint32_t codes_compact(struct encode_room *work, const struct cells *cells,
                              uint32_t code_count)
{
    uint32_t used = 0;

    if (code_count > work->map_room) {
        work->map = mem_grow(work->map, code_count, sizeof *work->map);
        memset(work->map + work->map_room, 0xff, (code_count - work->map_room) * sizeof *work->map);
        work->map_room = code_count;
    }
    if (code_count > work->used_room) {
        work->used_room = code_count;
        work->used = mem_grow(work->used, work->used_room, sizeof *work->used);
    }
    uint32_t *map = work->map, *list = work->used;
    for (uint32_t i = 0; i < cells->count; i++) {
        uint32_t code = cells->codes[i];
        if (UNLIKELY(map[code] == ENCODE_NONE)) {
            map[code] = used;
            list[used++] = code;
        }
        cells->codes[i] = map[code];
    }
    for (uint32_t i = 0; i < used; i++)
        map[list[i]] = ENCODE_NONE;
    return used;
}

static void sum_add(const struct encoder *n, struct encoded_column *c, uint64_t at, uint64_t bytes)
{
    c->record.dictionary_sum = area_sum(n, at, bytes, c->record.dictionary_sum);
}

/* The lengths and bytes of all texts as one zstd frame, if that is worth it. */
static bool texts_pack(struct encoder *n, struct encoded_column *c, const struct texts *texts,
                       uint32_t used, uint64_t total)
{
    struct buf *plain = &n->work->bytes, *packed = &n->work->packed;

    buf_clear(plain);
    buf_clear(packed);
    for (uint32_t i = 0; i < used; i++)
        varint_put(plain, texts->at(texts->context, n->work->used[i]).len);
    if (plain->len + total > UINT32_MAX)
        return false;
    for (uint32_t i = 0; i < used; i++)
        buf_add(plain, texts->at(texts->context, n->work->used[i]));
    zstd_pack(buf_str(plain), PACK_LEVEL, packed);
    if (packed->len > (total + (uint64_t)used * 4) / 8 * 7 ||
        plain->len / SEGMENT_PACK_RATIO_MAX > packed->len)
        return false;
    c->record.flags |= COLUMN_PACKED;
    c->record.plain_bytes = plain->len;
    c->record.values_bytes = packed->len;
    area_copy(n, packed->at, packed->len, &c->record.values_at);
    sum_add(n, c, c->record.values_at, packed->len);
    return true;
}

static void texts_write(struct encoder *n, struct encoded_column *c, const struct texts *texts,
                        uint32_t used)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < used; i++)
        total += texts->at(texts->context, n->work->used[i]).len;
    if (total > UINT32_MAX) {
        n->is_too_large = true;
        return;
    }
    if (n->packs && c->record.form == FORM_TEXT && total >= PACK_BYTES_MIN &&
        texts_pack(n, c, texts, used, total))
        return;
    uint32_t *at =
        (uint32_t *)(void *)area_make(n, ((uint64_t)used + 1) * 4, &c->record.offsets_at);
    uint32_t end = 0;
    for (uint32_t i = 0; i < used; i++)
        at[i + 1] = end += (uint32_t)texts->at(texts->context, n->work->used[i]).len;
    area_make(n, 0, &c->record.values_at);
    buf_reserve(n->out, total);
    for (uint32_t i = 0; i < used; i++)
        buf_add(n->out, texts->at(texts->context, n->work->used[i]));
    c->record.values_bytes = total;
    sum_add(n, c, c->record.offsets_at, ((uint64_t)used + 1) * 4);
    sum_add(n, c, c->record.values_at, total);
}

void encoder_texts(struct encoder *n, enum column_kind kind, struct str property,
                   enum value_type type, const struct cells *cells, const struct texts *texts)
{
    if (cells->count == 0)
        return;
    struct encoded_column *c = column_begin(n, kind, property, type);
    uint32_t used = codes_compact(n->work, cells, texts->count);
    bool has_few = used <= DICTIONARY_SMALL || (used <= DICTIONARY_MAX && used <= cells->count / 2);
    /* The scan compares bytes of names, so these are never narrower. */
    unsigned bits_min = kind == COLUMN_NAME ? 8 : 0;

    c->record.form = kind == COLUMN_NAME || has_few ? FORM_DICTIONARY : FORM_TEXT;
    c->record.dictionary_count = used;
    if (c->record.form == FORM_TEXT)
        bits_min = 32;
    lanes_write(n, c, shape_of(n, cells->count, used - 1, bits_min, true), cells);
    texts_write(n, c, texts, used);
    if (kind == COLUMN_NAME) {
        REQUIRE(cells->count == n->header.rows);
        n->name_at = c->record.lanes_at;
        n->name_bits = c->record.lane_bits;
        n->name_count = used;
    }
}

/* ---- numbers ---- */

struct number_table {
    uint64_t *keys;
    uint32_t *codes_next; /* code + 1; 0 = empty */
    uint64_t *list;       /* by code */
    uint32_t mask, count;
};

/* Codes of the distinct numbers, or false when there are more than `limit`. */
static bool numbers_count(struct number_table *t, const struct cells *cells, uint32_t limit,
                          uint32_t *codes)
{
    uint32_t room = 16;

    while (room < limit * 2)
        room *= 2;
    t->mask = room - 1;
    t->keys = mem_array(room, sizeof *t->keys);
    t->codes_next = mem_array(room, sizeof *t->codes_next);
    t->list = mem_array((size_t)limit + 1, sizeof *t->list);
    for (uint32_t i = 0; i < cells->count; i++) {
        uint64_t v = cells->numbers[i];
        uint32_t at = (uint32_t)hash_mix(v) & t->mask;
        while (t->codes_next[at] && t->keys[at] != v)
            at = (at + 1) & t->mask;
        if (!t->codes_next[at]) {
            if (t->count == limit)
                return false;
            t->keys[at] = v;
            t->list[t->count] = v;
            t->codes_next[at] = ++t->count;
        }
        codes[i] = t->codes_next[at] - 1;
    }
    return true;
}

static void number_table_free(struct number_table *t)
{
    mem_free(t->keys);
    mem_free(t->codes_next);
    mem_free(t->list);
}

/* As a dictionary, if that is smaller than `bytes`. */
static bool numbers_as_dictionary(struct encoder *n, struct encoded_column *c,
                                  const struct cells *cells, uint64_t bytes)
{
    uint32_t limit = MIN(DICTIONARY_MAX, MAX(cells->count / 2, 1));
    struct number_table t = {0};
    uint32_t *codes = mem_array(cells->count, sizeof *codes);
    bool is_used = numbers_count(&t, cells, limit, codes);

    if (is_used) {
        struct shape s = shape_of(n, cells->count, t.count - 1, 0, true);
        is_used = shape_bytes(n, s, cells->count) + (uint64_t)t.count * 8 < bytes;
        if (is_used) {
            struct cells coded = {cells->count, cells->rows, codes, NULL};
            c->record.form = FORM_DICTIONARY;
            c->record.dictionary_count = t.count;
            lanes_write(n, c, s, &coded);
            c->record.values_bytes = (uint64_t)t.count * 8;
            area_copy(n, t.list, c->record.values_bytes, &c->record.values_at);
            sum_add(n, c, c->record.values_at, c->record.values_bytes);
        }
    }
    number_table_free(&t);
    mem_free(codes);
    return is_used;
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* The step that all numbers are apart of `base`, at least 1. */
static uint64_t scale_of(const struct cells *cells, uint64_t base)
{
    uint64_t scale = 0;

    for (uint32_t i = 0; i < cells->count && scale != 1; i++)
        if (cells->numbers[i] != base && (scale == 0 || (cells->numbers[i] - base) % scale))
            scale = common_divisor(cells->numbers[i] - base, scale);
    return MAX(scale, 1);
}

static void integers_write(struct encoder *n, struct encoded_column *c, const struct cells *cells)
{
    int64_t low = INT64_MAX, high = INT64_MIN;

    for (uint32_t i = 0; i < cells->count; i++) {
        low = MIN(low, (int64_t)cells->numbers[i]);
        high = MAX(high, (int64_t)cells->numbers[i]);
    }
    uint64_t base = (uint64_t)low, range = (uint64_t)high - base, scale = 1;
    struct shape s = shape_of(n, cells->count, range, 0, true);
    if (s.bits > 1) {
        uint64_t step = scale_of(cells, base);
        struct shape scaled = shape_of(n, cells->count, range / step, 0, true);
        if (scaled.bits < s.bits) {
            s = scaled;
            scale = step;
        }
    }
    if (s.bits > 16 && c->record.kind == COLUMN_PROPERTY &&
        numbers_as_dictionary(n, c, cells, shape_bytes(n, s, cells->count)))
        return;
    bool is_presence = s.bits == 0 && c->record.type != VALUE_INT;
    c->record.form = is_presence ? FORM_PRESENCE : FORM_INTEGER;
    c->record.base = low;
    c->record.scale = (int64_t)scale;
    for (uint32_t i = 0; i < cells->count; i++)
        cells->numbers[i] = (cells->numbers[i] - base) / scale;
    lanes_write(n, c, s, cells);
    sum_add(n, c, 0, 0);
}

void encoder_numbers(struct encoder *n, enum column_kind kind, struct str property,
                     enum value_type type, const struct cells *cells)
{
    if (cells->count == 0)
        return;
    struct encoded_column *c = column_begin(n, kind, property, type);
    if (type != VALUE_DOUBLE) {
        integers_write(n, c, cells);
        return;
    }
    struct shape s = shape_of(n, cells->count, UINT64_MAX, 64, false);
    if (numbers_as_dictionary(n, c, cells, shape_bytes(n, s, cells->count)))
        return;
    c->record.form = FORM_DOUBLE;
    c->record.scale = 1;
    lanes_write(n, c, s, cells);
    sum_add(n, c, 0, 0);
}

void encoder_constant(struct encoder *n, enum column_kind kind, int64_t value)
{
    struct encoded_column *c = column_begin(n, kind, STR(""), VALUE_INT);
    struct cells cells = {.count = n->header.rows};

    c->record.form = FORM_INTEGER;
    c->record.base = value;
    c->record.scale = 1;
    lanes_write(n, c, (struct shape){0}, &cells);
    sum_add(n, c, 0, 0);
}

void encoder_time(struct encoder *n, const uint32_t *ms)
{
    struct encoded_column *c = column_begin(n, COLUMN_TIME, STR(""), VALUE_INT);
    uint64_t bytes = (uint64_t)n->header.rows * 4;

    c->record.form = FORM_INTEGER;
    c->record.lane_bits = 32;
    c->record.scale = 1;
    area_copy(n, ms, bytes, &c->record.lanes_at);
    sums_make(n, c, n->header.rows);
    c->record.dictionary_sum = hash64(STR(""), hash64(STR(""), 0));
    n->time_at = c->record.lanes_at;
}

/* ---- ids ---- */

static void id_index_write(struct encoder *n, struct radix_item *order, uint32_t count,
                           const uint64_t *filter, uint64_t words)
{
    struct radix_item *spare = mem_array(count, sizeof *spare);

    radix_sort(order, spare, count);
    mem_free(spare);
    uint32_t *rows = (uint32_t *)(void *)area_make(n, (uint64_t)count * 4, &n->front.id_order_at);
    for (uint32_t i = 0; i < count; i++)
        rows[i] = order[i].row;
    n->front.id_filter_words = words;
    area_copy(n, filter, words * 8, &n->front.id_filter_at);
    n->front.ids_sum = area_sum(n, n->front.id_filter_at, words * 8,
                                area_sum(n, n->front.id_order_at, (uint64_t)count * 4, 0));
}

static void id_values_write(struct encoder *n, struct encoded_column *c, uint32_t count,
                            uint64_t total, struct id_key (*at)(const void *context, uint32_t i),
                            const void *context)
{
    struct column_record *d = &c->record;

    if (d->flags & COLUMN_UUIDS) {
        char *into = area_make(n, total, &d->values_at);
        for (uint32_t i = 0; i < count; i++)
            memcpy(into + (size_t)i * SEGMENT_ID_BYTES, at(context, i).uuid, SEGMENT_ID_BYTES);
    } else {
        uint64_t offset_bytes = ((uint64_t)count + 1) * 4, bit_bytes = ((uint64_t)count + 7) / 8;
        area_make(n, offset_bytes, &d->offsets_at);
        area_make(n, bit_bytes, &d->bits_at);
        area_make(n, total, &d->values_at);
        uint32_t *offsets = (uint32_t *)(void *)(n->out->at + d->offsets_at);
        char *bits = n->out->at + d->bits_at, *into = n->out->at + d->values_at;
        for (uint32_t i = 0; i < count; i++) {
            struct id_key key = at(context, i);
            uint32_t len = key.is_uuid ? SEGMENT_ID_BYTES : (uint32_t)key.text.len;
            memcpy(into + offsets[i], key.is_uuid ? (const char *)key.uuid : key.text.at, len);
            offsets[i + 1] = offsets[i] + len;
            bits[i / 8] = (char)(bits[i / 8] | key.is_uuid << (i % 8));
        }
        sum_add(n, c, d->offsets_at, offset_bytes);
        sum_add(n, c, d->bits_at, bit_bytes);
    }
    d->values_bytes = total;
    sum_add(n, c, d->values_at, total);
}

void encoder_ids(struct encoder *n, uint32_t count, const uint32_t *rows,
                 struct id_key (*at)(const void *context, uint32_t i), const void *context)
{
    if (count == 0)
        return;
    struct encoded_column *c = column_begin(n, COLUMN_ID, STR(""), VALUE_TEXT);
    uint64_t words = id_filter_words_for(count), total = 0;
    uint64_t *filter = mem_array(words, sizeof *filter);
    struct radix_item *order = mem_array(count, sizeof *order);
    bool all_uuids = true;

    for (uint32_t i = 0; i < count; i++) {
        struct id_key key = at(context, i);
        struct hash128 hash = id_key_hash(&key);
        id_filter_set(filter, words, hash);
        order[i] = (struct radix_item){hash.low, rows ? rows[i] : i};
        all_uuids &= key.is_uuid;
        total += key.is_uuid ? SEGMENT_ID_BYTES : key.text.len;
    }
    c->record.form = FORM_TEXT;
    c->record.dictionary_count = n->header.id_count = count;
    c->record.flags = all_uuids ? COLUMN_UUIDS : 0;
    struct cells cells = {.count = count, .rows = rows};
    lanes_write(n, c, (struct shape){.is_sparse = count < n->header.rows}, &cells);
    if (all_uuids || total <= UINT32_MAX)
        id_values_write(n, c, count, total, at, context);
    else
        n->is_too_large = true;
    id_index_write(n, order, count, filter, words);
    mem_free(filter);
    mem_free(order);
}

/* ---- the whole ---- */

void encoder_begin(struct encoder *n, struct buf *out, struct encode_room *work, struct str project,
                   uint32_t rows)
{
    uint64_t at;

    REQUIRE(out->len == 0 && rows > 0 && rows <= SEGMENT_ROWS_MAX);
    REQUIRE(project.len <= sizeof n->header.project);
    *n = (struct encoder){.out = out, .work = work};
    memcpy(n->header.magic, SEGMENT_MAGIC, sizeof n->header.magic);
    n->header.version = SEGMENT_VERSION;
    n->header.header_bytes = sizeof n->header;
    n->header.rows = rows;
    n->header.project_bytes = (uint8_t)project.len;
    if (project.len)
        memcpy(n->header.project, project.at, project.len);
    area_make(n, sizeof n->header, &at);
}

void encoder_people(struct encoder *n, const uint32_t *persons, const uint32_t *starts,
                    uint32_t count)
{
    uint64_t bytes = (uint64_t)count * 4;

    REQUIRE(count > 0 && starts[0] == 0 && starts[count] == n->header.rows);
    n->header.person_count = count;
    area_copy(n, persons, bytes, &n->front.persons_at);
    area_copy(n, starts, bytes + 4, &n->front.starts_at);
    n->front.people_sum =
        area_sum(n, n->front.starts_at, bytes + 4, area_sum(n, n->front.persons_at, bytes, 0));
}

static int by_order(const void *a, const void *b)
{
    const struct encoded_column *x = a, *y = b;

    return column_order(x->record.kind, x->property, x->record.type, y->record.kind, y->property,
                        y->record.type);
}

static uint32_t name_lane(const struct encoder *n, uint32_t row)
{
    const void *lanes = n->out->at + n->name_at;

    return n->name_bits == 8    ? ((const uint8_t *)lanes)[row]
           : n->name_bits == 16 ? ((const uint16_t *)lanes)[row]
                                : ((const uint32_t *)lanes)[row];
}

/* Blocks and names: what a scan may skip, and what events there are. */
static void statistics_write(struct encoder *n, struct buf *directory, int64_t month_start)
{
    const uint32_t *times = (const uint32_t *)(const void *)(n->out->at + n->time_at);
    uint32_t rows = n->header.rows, time_min = UINT32_MAX, time_max = 0;
    uint64_t *counts = mem_array((size_t)n->name_count * 3, sizeof *counts);
    int64_t *first = (int64_t *)counts + n->name_count, *last = first + n->name_count;

    n->front.blocks_at = directory->len;
    for (uint32_t from = 0; from < rows; from += SEGMENT_BLOCK_ROWS) {
        uint32_t to = MIN(rows, from + SEGMENT_BLOCK_ROWS);
        struct block_info b = {.time_min = UINT32_MAX};
        for (uint32_t row = from; row < to; row++) {
            uint32_t code = name_lane(n, row);
            int64_t time = times[row];
            b.time_min = MIN(b.time_min, times[row]);
            b.time_max = MAX(b.time_max, times[row]);
            first[code] = counts[code] ? MIN(first[code], time) : time;
            last[code] = counts[code]++ ? MAX(last[code], time) : time;
            b.names[code >> 6 & 3] |= (uint64_t)1 << (code & 63);
        }
        if (n->name_count > 256)
            memset(b.names, 0xff, sizeof b.names);
        time_min = MIN(time_min, b.time_min);
        time_max = MAX(time_max, b.time_max);
        buf_add_bytes(directory, &b, sizeof b);
    }
    for (uint32_t i = 0; i < n->name_count; i++) {
        first[i] += month_start;
        last[i] += month_start;
    }
    n->front.names_at = directory->len;
    buf_add_bytes(directory, counts, (size_t)n->name_count * 24);
    mem_free(counts);
    n->header.time_min = month_start + time_min;
    n->header.time_max = month_start + time_max;
}

static void align8(struct buf *b)
{
    buf_add_bytes(b, "\0\0\0\0\0\0\0", -b->len % 8);
}

static void directory_write(struct encoder *n, struct buf *directory, int64_t month_start)
{
    static const struct segment_front nothing;

    buf_add_bytes(directory, &nothing, sizeof nothing);
    statistics_write(n, directory, month_start);
    for (size_t i = 0; i < n->column_count; i++) {
        struct encoded_column *c = &n->columns[i];
        c->record.sums_at = directory->len;
        buf_add_bytes(directory, c->sums, c->sum_count * sizeof *c->sums);
        if (i > 0 && c->property.len && str_equal(c->property, c[-1].property)) {
            c->record.property_at = c[-1].record.property_at;
        } else {
            REQUIRE(directory->len <= UINT32_MAX);
            c->record.property_at = (uint32_t)directory->len;
            buf_add(directory, c->property);
            align8(directory);
        }
        c->record.property_bytes = (uint32_t)c->property.len;
    }
    n->front.columns_at = directory->len;
    for (size_t i = 0; i < n->column_count; i++)
        buf_add_bytes(directory, &n->columns[i].record, sizeof n->columns[i].record);
    memcpy(directory->at, &n->front, sizeof n->front);
}

void encoder_drop(struct encoder *n)
{
    for (size_t i = 0; i < n->column_count; i++)
        mem_free(n->columns[i].sums);
    mem_free(n->columns);
    n->columns = NULL;
    n->column_count = n->column_room = 0;
}

bool encoder_finish(struct encoder *n, uint64_t number, uint64_t age, int64_t month_start,
                    struct err *e)
{
    BUF_AUTO directory = {0};
    struct segment_header *h = &n->header;

    if (n->is_too_large) {
        encoder_drop(n);
        err_set(e, ERR_TOO_LARGE, "the texts of one column exceed the 4 GiB that a segment holds");
        return err_hint(e, "segments this large stay apart");
    }
    REQUIRE(n->time_at && n->name_count && h->person_count);
    qsort(n->columns, n->column_count, sizeof *n->columns, by_order);
    directory_write(n, &directory, month_start);
    area_copy(n, directory.at, directory.len, &h->directory_at);
    h->directory_bytes = directory.len;
    h->directory_sum = hash64(buf_str(&directory), 0);
    h->column_count = (uint32_t)n->column_count;
    h->number = number;
    h->age = age;
    h->month_start = month_start;
    h->file_bytes = n->out->len;
    h->sum = hash64((struct str){(const char *)h, offsetof(struct segment_header, sum)}, 0);
    memcpy(n->out->at, h, sizeof *h);
    encoder_drop(n);
    return true;
}
