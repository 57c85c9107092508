/*
 * store/encoder: for each column, what is smallest: how wide the lanes, a dictionary or not, lanes
 * for all rows or only for those that have a value. The rules are in docs/format/segment.md.
 * A first look at all cells decides, a second one writes.
 */
#include "store/encoder_inner.h"

#include "codec/bytes.h"
#include "codec/unpack.h"

enum {
    DICTIONARY_MAX = 65536, /* distinct values */
    DICTIONARY_SMALL = 256, /* always worth one */
    PACK_BYTES_MIN = 4096,
    PACK_LEVEL = 3,
};

/* ---- texts ---- */

static void map_expect(struct encode_room *work, uint32_t code_count)
{
    if (code_count > work->map_room) {
        work->map = mem_grow(work->map, code_count, sizeof *work->map);
        memset(work->map + work->map_room, 0xff, (code_count - work->map_room) * sizeof *work->map);
        work->map_room = code_count;
    }
    if (code_count > work->used_room) {
        work->used_room = code_count;
        work->used = mem_grow(work->used, work->used_room, sizeof *work->used);
    }
}

/* Gives codes of the segment in order of first sight; returns how many cells there are. */
static uint32_t codes_number(struct encode_room *work, const struct cell_source *source,
                             uint32_t code_count, uint32_t *used)
{
    uint32_t count = 0, next = 0;
    struct cells w;

    map_expect(work, code_count);
    uint32_t *map = work->map, *list = work->used;
    source->rewind(source->context);
    while (source->next(source->context, &w)) {
        count += w.count;
        for (uint32_t i = 0; i < w.count; i++) {
            uint32_t code = w.codes[i];
            if (UNLIKELY(map[code] == ENCODE_NONE)) {
                map[code] = next;
                list[next++] = code;
            }
        }
    }
    *used = next;
    return count;
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
    if (plain->len + total > n->texts_max)
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
    c->record.dictionary_sum =
        area_copy(n, packed->at, packed->len, &c->record.values_at, c->record.dictionary_sum);
    return true;
}

static void too_large(struct encoder *n)
{
    struct err e = {0};
    err_set(&e, ERR_TOO_LARGE, "the texts of one column exceed the 4 GiB that a segment holds");
    err_hint(&e, "segments this large stay apart");
    encoder_fail(n, &e);
}

static void texts_write(struct encoder *n, struct encoded_column *c, const struct texts *texts,
                        uint32_t used)
{
    const uint32_t *list = n->work->used;
    struct column_record *d = &c->record;
    struct area area;
    uint64_t total = 0;
    uint32_t end = 0;

    for (uint32_t i = 0; i < used; i++)
        total += texts->at(texts->context, list[i]).len;
    if (total > n->texts_max) {
        too_large(n);
        return;
    }
    if (n->packs && d->form == FORM_TEXT && total >= PACK_BYTES_MIN &&
        texts_pack(n, c, texts, used, total))
        return;
    area_begin(&area, n, &d->offsets_at, d->dictionary_sum);
    area_add(&area, &end, sizeof end);
    for (uint32_t i = 0; i < used; i++) {
        end += (uint32_t)texts->at(texts->context, list[i]).len;
        area_add(&area, &end, sizeof end);
    }
    d->dictionary_sum = area_end(&area);
    area_begin(&area, n, &d->values_at, d->dictionary_sum);
    for (uint32_t i = 0; i < used; i++) {
        struct str text = texts->at(texts->context, list[i]);
        area_add(&area, text.at, text.len);
    }
    d->dictionary_sum = area_end(&area);
    d->values_bytes = total;
}

void encoder_texts_from(struct encoder *n, enum column_kind kind, struct str property,
                        enum value_type type, const struct cell_source *source,
                        const struct texts *texts)
{
    uint32_t used, count = codes_number(n->work, source, texts->count, &used);
    if (count == 0)
        return;
    struct encoded_column *c = encoder_column(n, kind, property, type);
    bool has_few = used <= DICTIONARY_SMALL || (used <= DICTIONARY_MAX && used <= count / 2);
    /* The scan compares bytes of names, so these are never narrower. */
    unsigned bits_min = kind == COLUMN_NAME ? 8 : 0;

    c->record.form = kind == COLUMN_NAME || has_few ? FORM_DICTIONARY : FORM_TEXT;
    c->record.dictionary_count = used;
    if (c->record.form == FORM_TEXT)
        bits_min = 32;
    struct shape s = shape_of(n->header.rows, count, used - 1, bits_min, true);
    lanes_write(n, c, s, count, source, &(struct lane_rule){.map = n->work->map});
    for (uint32_t i = 0; i < used; i++)
        n->work->map[n->work->used[i]] = ENCODE_NONE;
    texts_write(n, c, texts, used);
    if (kind == COLUMN_NAME) {
        REQUIRE(count == n->header.rows);
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

static uint32_t number_place(const struct number_table *t, uint64_t v)
{
    uint32_t at = (uint32_t)hash_mix(v) & t->mask;
    while (t->codes_next[at] && t->keys[at] != v)
        at = (at + 1) & t->mask;
    return at;
}

/* Codes of the distinct numbers, or false when there are more than `limit`. */
static bool numbers_count(struct number_table *t, const struct cell_source *source, uint32_t limit)
{
    uint32_t room = 16;
    struct cells w;

    while (room < limit * 2)
        room *= 2;
    t->mask = room - 1;
    t->keys = mem_array(room, sizeof *t->keys);
    t->codes_next = mem_array(room, sizeof *t->codes_next);
    t->list = mem_array((size_t)limit + 1, sizeof *t->list);
    source->rewind(source->context);
    while (source->next(source->context, &w)) {
        for (uint32_t i = 0; i < w.count; i++) {
            uint64_t v = w.numbers[i];
            uint32_t at = number_place(t, v);
            if (!t->codes_next[at]) {
                if (t->count == limit)
                    return false;
                t->keys[at] = v;
                t->list[t->count] = v;
                t->codes_next[at] = ++t->count;
            }
        }
    }
    return true;
}

static void number_table_free(struct number_table *t)
{
    mem_free(t->keys);
    mem_free(t->codes_next);
    mem_free(t->list);
}

/* A source of codes over one of numbers. */
struct coder {
    const struct cell_source *numbers;
    const struct number_table *table;
    uint32_t *codes; /* of a window */
};

static bool coder_next(void *context, struct cells *w)
{
    struct coder *r = context;
    if (!r->numbers->next(r->numbers->context, w))
        return false;
    for (uint32_t i = 0; i < w->count; i++)
        r->codes[i] = r->table->codes_next[number_place(r->table, w->numbers[i])] - 1;
    w->codes = r->codes;
    w->numbers = NULL;
    return true;
}

static void coder_rewind(void *context)
{
    struct coder *r = context;
    r->numbers->rewind(r->numbers->context);
}

/* As a dictionary, if that is smaller than `bytes`. */
static bool numbers_as_dictionary(struct encoder *n, struct encoded_column *c, uint32_t count,
                                  const struct cell_source *source, uint64_t bytes)
{
    uint32_t limit = MIN(DICTIONARY_MAX, MAX(count / 2, 1));
    struct number_table t = {0};
    bool is_used = numbers_count(&t, source, limit);

    if (is_used) {
        struct shape s = shape_of(n->header.rows, count, t.count - 1, 0, true);
        is_used = shape_bytes(n->header.rows, s, count) + (uint64_t)t.count * 8 < bytes;
        if (is_used) {
            struct coder coder = {source, &t, mem_array(ENCODE_WINDOW, sizeof *coder.codes)};
            struct cell_source coded = {coder_next, coder_rewind, &coder};
            c->record.form = FORM_DICTIONARY;
            c->record.dictionary_count = t.count;
            lanes_write(n, c, s, count, &coded, &(struct lane_rule){0});
            c->record.values_bytes = (uint64_t)t.count * 8;
            c->record.dictionary_sum = area_copy(n, t.list, c->record.values_bytes,
                                                 &c->record.values_at, c->record.dictionary_sum);
            mem_free(coder.codes);
        }
    }
    number_table_free(&t);
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
static uint64_t scale_of(const struct cell_source *source, uint64_t base)
{
    uint64_t scale = 0;
    struct cells w;

    source->rewind(source->context);
    while (scale != 1 && source->next(source->context, &w))
        for (uint32_t i = 0; i < w.count && scale != 1; i++)
            if (w.numbers[i] != base && (scale == 0 || (w.numbers[i] - base) % scale))
                scale = common_divisor(w.numbers[i] - base, scale);
    return MAX(scale, 1);
}

static void no_values(struct encoded_column *c)
{
    c->record.dictionary_sum = hash64(STR(""), c->record.dictionary_sum);
}

static void integers_write(struct encoder *n, struct encoded_column *c, uint32_t count,
                           const struct cell_source *source, int64_t low, int64_t high)
{
    uint64_t base = (uint64_t)low, range = (uint64_t)high - base, scale = 1;
    struct shape s = shape_of(n->header.rows, count, range, 0, true);

    if (s.bits > 1) {
        uint64_t step = scale_of(source, base);
        struct shape scaled = shape_of(n->header.rows, count, range / step, 0, true);
        if (scaled.bits < s.bits) {
            s = scaled;
            scale = step;
        }
    }
    if (s.bits > 16 && c->record.kind == COLUMN_PROPERTY &&
        numbers_as_dictionary(n, c, count, source, shape_bytes(n->header.rows, s, count)))
        return;
    bool is_presence = s.bits == 0 && c->record.type != VALUE_INT;
    c->record.form = is_presence ? FORM_PRESENCE : FORM_INTEGER;
    c->record.base = low;
    c->record.scale = (int64_t)scale;
    lanes_write(n, c, s, count, source, &(struct lane_rule){.base = base, .scale = scale});
    no_values(c);
}

void encoder_numbers_from(struct encoder *n, enum column_kind kind, struct str property,
                          enum value_type type, const struct cell_source *source)
{
    int64_t low = INT64_MAX, high = INT64_MIN;
    uint32_t count = 0;
    struct cells w;

    source->rewind(source->context);
    while (source->next(source->context, &w)) {
        count += w.count;
        for (uint32_t i = 0; i < w.count; i++) {
            low = MIN(low, (int64_t)w.numbers[i]);
            high = MAX(high, (int64_t)w.numbers[i]);
        }
    }
    if (count == 0)
        return;
    struct encoded_column *c = encoder_column(n, kind, property, type);
    if (type != VALUE_DOUBLE) {
        integers_write(n, c, count, source, low, high);
        return;
    }
    struct shape s = shape_of(n->header.rows, count, UINT64_MAX, 64, false);
    if (numbers_as_dictionary(n, c, count, source, shape_bytes(n->header.rows, s, count)))
        return;
    c->record.form = FORM_DOUBLE;
    c->record.scale = 1;
    lanes_write(n, c, s, count, source, &(struct lane_rule){.scale = 1});
    no_values(c);
}

void encoder_constant(struct encoder *n, enum column_kind kind, int64_t value)
{
    struct encoded_column *c = encoder_column(n, kind, STR(""), VALUE_INT);

    c->record.form = FORM_INTEGER;
    c->record.base = value;
    c->record.scale = 1;
    lanes_write(n, c, (struct shape){0}, n->header.rows, NULL, NULL);
    no_values(c);
}

void encoder_time_from(struct encoder *n, const struct cell_source *source)
{
    struct encoded_column *c = encoder_column(n, COLUMN_TIME, STR(""), VALUE_INT);

    c->record.form = FORM_INTEGER;
    c->record.scale = 1;
    lanes_write(n, c, (struct shape){.bits = 32}, n->header.rows, source, &(struct lane_rule){0});
    no_values(c);
    n->time_at = c->record.lanes_at;
}

/* ---- of arrays ---- */

void encoder_time(struct encoder *n, const uint32_t *ms)
{
    struct cells cells = {.count = n->header.rows, .codes = ms};
    struct cell_array a = {&cells, 0};
    struct cell_source source = cell_array_source(&a);
    encoder_time_from(n, &source);
}

void encoder_texts(struct encoder *n, enum column_kind kind, struct str property,
                   enum value_type type, const struct cells *cells, const struct texts *texts)
{
    struct cell_array a = {cells, 0};
    struct cell_source source = cell_array_source(&a);
    if (cells->count)
        encoder_texts_from(n, kind, property, type, &source, texts);
}

void encoder_numbers(struct encoder *n, enum column_kind kind, struct str property,
                     enum value_type type, const struct cells *cells)
{
    struct cell_array a = {cells, 0};
    struct cell_source source = cell_array_source(&a);
    encoder_numbers_from(n, kind, property, type, &source);
}
