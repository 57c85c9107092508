/* store/encoder_ids: the column of ids, their order by hash, and the filter. */
#include "store/encoder_inner.h"

#include "store/radix.h"

enum { PARTS_BITS_MAX = 10 };

struct id_totals {
    uint32_t count;
    uint64_t bytes;
    bool all_uuids;
};

static struct id_totals totals_of(const struct id_source *source)
{
    struct id_totals t = {.all_uuids = true};
    struct id_window w;

    source->rewind(source->context);
    while (source->next(source->context, &w)) {
        t.count += w.count;
        for (uint32_t i = 0; i < w.count; i++) {
            t.all_uuids &= w.keys[i].is_uuid;
            t.bytes += w.keys[i].is_uuid ? SEGMENT_ID_BYTES : w.keys[i].text.len;
        }
    }
    return t;
}

static void id_rows_write(struct encoder *n, struct column_record *d,
                          const struct id_source *source, uint32_t count)
{
    struct area area;
    struct id_window w;

    area_make(n, 0, &d->lanes_at);
    d->dictionary_sum = hash64(STR(""), 0);
    if (count == n->header.rows)
        return;
    d->flags |= COLUMN_SPARSE;
    d->row_count = count;
    source->rewind(source->context);
    area_begin(&area, n, &d->rows_at, 0);
    while (source->next(source->context, &w))
        area_add(&area, w.rows, (size_t)w.count * 4);
    d->dictionary_sum = area_end(&area);
}

static void id_bytes_write(struct encoder *n, struct column_record *d,
                           const struct id_source *source)
{
    struct area area;
    struct id_window w;

    source->rewind(source->context);
    area_begin(&area, n, &d->values_at, d->dictionary_sum);
    while (source->next(source->context, &w))
        for (uint32_t i = 0; i < w.count; i++) {
            const struct id_key *key = &w.keys[i];
            if (key->is_uuid)
                area_add(&area, key->uuid, SEGMENT_ID_BYTES);
            else
                area_add(&area, key->text.at, key->text.len);
        }
    d->dictionary_sum = area_end(&area);
}

/* Where each begins, and which are UUIDs. */
static void id_offsets_write(struct encoder *n, struct column_record *d,
                             const struct id_source *source)
{
    struct area area;
    struct id_window w;
    uint32_t end = 0, done = 0;
    uint8_t bits = 0;

    source->rewind(source->context);
    area_begin(&area, n, &d->offsets_at, d->dictionary_sum);
    area_add(&area, &end, sizeof end);
    while (source->next(source->context, &w))
        for (uint32_t i = 0; i < w.count; i++) {
            end += w.keys[i].is_uuid ? SEGMENT_ID_BYTES : (uint32_t)w.keys[i].text.len;
            area_add(&area, &end, sizeof end);
        }
    d->dictionary_sum = area_end(&area);

    source->rewind(source->context);
    area_begin(&area, n, &d->bits_at, d->dictionary_sum);
    while (source->next(source->context, &w))
        for (uint32_t i = 0; i < w.count; i++) {
            bits = (uint8_t)(bits | (unsigned)w.keys[i].is_uuid << (done % 8));
            if (++done % 8 == 0) {
                area_add(&area, &bits, 1);
                bits = 0;
            }
        }
    if (done % 8)
        area_add(&area, &bits, 1);
    d->dictionary_sum = area_end(&area);
}

/* Rows by the low half of their ids' hashes, a part of the hashes' range at a time. */
static void id_index_write(struct encoder *n, const struct id_source *source, uint32_t count)
{
    uint64_t words = id_filter_words_for(count);
    uint64_t *filter = mem_array(words, sizeof *filter);
    unsigned bits = 0;
    struct id_window w;
    struct area area;

    while (bits < PARTS_BITS_MAX && count >> bits > n->ids_at_once)
        bits++;
    struct radix_item *order = NULL, *spare = NULL;
    size_t room = 0, spare_room = 0;
    area_begin(&area, n, &n->front.id_order_at, 0);
    for (uint64_t part = 0; part < UINT64_C(1) << bits; part++) {
        size_t found = 0;
        uint32_t done = 0;
        source->rewind(source->context);
        while (source->next(source->context, &w)) {
            for (uint32_t i = 0; i < w.count; i++) {
                struct hash128 hash = id_key_hash(&w.keys[i]);
                if (bits && hash.low >> (64 - bits) != part)
                    continue;
                id_filter_set(filter, words, hash);
                ARRAY_PUSH(order, found, room) =
                    (struct radix_item){hash.low, w.rows ? w.rows[i] : done + i};
            }
            done += w.count;
        }
        if (spare_room < found) {
            spare_room = room;
            spare = mem_grow(spare, spare_room, sizeof *spare);
        }
        radix_sort(order, spare, found);
        for (size_t i = 0; i < found; i++)
            area_add(&area, &order[i].row, sizeof order[i].row);
    }
    uint64_t sum = area_end(&area);
    n->front.id_filter_words = words;
    n->front.ids_sum = area_copy(n, filter, words * 8, &n->front.id_filter_at, sum);
    mem_free(order);
    mem_free(spare);
    mem_free(filter);
}

void encoder_ids_from(struct encoder *n, const struct id_source *source)
{
    struct id_totals t = totals_of(source);

    if (t.count == 0)
        return;
    if (!t.all_uuids && t.bytes > n->texts_max) {
        struct err e = {0};
        err_set(&e, ERR_TOO_LARGE, "the ids exceed the 4 GiB that a segment holds");
        encoder_fail(n, &e);
        return;
    }
    struct encoded_column *c = encoder_column(n, COLUMN_ID, STR(""), VALUE_TEXT);
    struct column_record *d = &c->record;
    d->form = FORM_TEXT;
    d->dictionary_count = n->header.id_count = t.count;
    d->flags = t.all_uuids ? COLUMN_UUIDS : 0;
    d->values_bytes = t.bytes;
    id_rows_write(n, d, source, t.count);
    if (!t.all_uuids)
        id_offsets_write(n, d, source);
    id_bytes_write(n, d, source);
    id_index_write(n, source, t.count);
}

/* ---- of arrays ---- */

enum { KEYS = 512 };

struct id_array {
    uint32_t count, at;
    const uint32_t *rows;
    struct id_key (*key_at)(const void *context, uint32_t i);
    const void *context;
    struct id_key keys[KEYS];
};

static bool array_next(void *context, struct id_window *w)
{
    struct id_array *a = context;
    uint32_t count = MIN(a->count - a->at, (uint32_t)KEYS);

    for (uint32_t i = 0; i < count; i++)
        a->keys[i] = a->key_at(a->context, a->at + i);
    *w = (struct id_window){count, a->rows ? a->rows + a->at : NULL, a->keys};
    a->at += count;
    return count != 0;
}

static void array_rewind(void *context)
{
    struct id_array *a = context;
    a->at = 0;
}

void encoder_ids(struct encoder *n, uint32_t count, const uint32_t *rows,
                 struct id_key (*at)(const void *context, uint32_t i), const void *context)
{
    struct id_array *a = mem_zero(sizeof *a);

    a->count = count;
    a->rows = rows;
    a->key_at = at;
    a->context = context;
    encoder_ids_from(n, &(struct id_source){array_next, array_rewind, a});
    mem_free(a);
}
