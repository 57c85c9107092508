/* store/column: values out of lanes. */
#include "store/segment_file.h"

static void unpack_bits(const struct column *c, uint64_t from, uint64_t to, uint32_t *into)
{
    const unsigned bits = c->lane_bits, each = 8 / bits, mask = (1U << bits) - 1;
    const uint8_t *bytes = c->lanes;

    for (; from < to && from % each; from++)
        *into++ = (uint32_t)column_lane(c, from);
    for (; from + each <= to; from += each) {
        uint32_t byte = bytes[from / each];
        for (unsigned i = 0; i < each; i++, byte >>= bits)
            *into++ = byte & mask;
    }
    for (; from < to; from++)
        *into++ = (uint32_t)column_lane(c, from);
}

void column_unpack(const struct column *c, uint64_t from, uint64_t to, uint32_t *restrict into)
{
    REQUIRE(from <= to && to <= c->lane_count && c->lane_bits <= 32);
    uint64_t count = to - from;

    if (c->lane_bits == 0) {
        for (uint64_t i = 0; i < count; i++)
            into[i] = c->kind == COLUMN_ID ? (uint32_t)(from + i) : 0;
    } else if (c->lane_bits == 8) {
        const uint8_t *restrict lanes = (const uint8_t *)c->lanes + from;
        for (uint64_t i = 0; i < count; i++)
            into[i] = lanes[i];
    } else if (c->lane_bits == 16) {
        const uint16_t *restrict lanes = (const uint16_t *)c->lanes + from;
        for (uint64_t i = 0; i < count; i++)
            into[i] = lanes[i];
    } else if (c->lane_bits == 32) {
        if (count)
            memcpy(into, (const uint32_t *)c->lanes + from, count * 4);
    } else {
        unpack_bits(c, from, to, into);
    }
}

/* ---- ids ---- */

struct id_key column_id_key(const struct column *c, uint32_t place)
{
    const struct column_own *own = c->own;
    struct id_key key = {.is_uuid = true};

    REQUIRE(place < c->dictionary_count);
    if (!own->bits) {
        memcpy(key.uuid, own->values + (size_t)place * SEGMENT_ID_BYTES, SEGMENT_ID_BYTES);
        return key;
    }
    key.text =
        (struct str){c->text_bytes + c->text_at[place], c->text_at[place + 1] - c->text_at[place]};
    key.is_uuid = own->bits[place / 8] >> (place % 8) & 1;
    if (key.is_uuid)
        memcpy(key.uuid, key.text.at, SEGMENT_ID_BYTES);
    return key;
}

/* UUIDs as texts are made a block at a time when first asked for, and kept with the segment. */
static struct str id_text(const struct column *c, uint32_t place)
{
    struct column_own *own = c->own;
    struct id_key key = column_id_key(c, place);

    if (!key.is_uuid)
        return key.text;
    _Atomic(char *) *slot = &own->id_texts[place / SEGMENT_BLOCK_ROWS];
    char *texts = atomic_load(slot);
    if (!texts) {
        uint32_t from = place / SEGMENT_BLOCK_ROWS * SEGMENT_BLOCK_ROWS;
        uint32_t to = MIN(c->dictionary_count, from + SEGMENT_BLOCK_ROWS);
        char *made = mem_array(to - from, UUID_TEXT_BYTES);
        for (uint32_t i = from; i < to; i++) {
            struct id_key each = column_id_key(c, i);
            if (each.is_uuid)
                uuid_text(each.uuid, made + (size_t)(i - from) * UUID_TEXT_BYTES);
        }
        if (atomic_compare_exchange_strong(slot, &texts, made))
            texts = made;
        else
            mem_free(made);
    }
    return (struct str){texts + (size_t)(place % SEGMENT_BLOCK_ROWS) * UUID_TEXT_BYTES,
                        UUID_TEXT_BYTES};
}

/* ---- values ---- */

struct value column_dictionary_value(const struct column *c, uint32_t code)
{
    const struct column_own *own = c->own;
    struct value v = {.type = c->type};

    REQUIRE(code < c->dictionary_count);
    if (c->kind == COLUMN_ID) {
        v.text = id_text(c, code);
    } else if (c->type == VALUE_INT) {
        v.integer = c->integers[code];
    } else if (c->type == VALUE_DOUBLE) {
        v.number = c->doubles[code];
    } else {
        const uint32_t *at = own->text_at ? own->text_at : c->text_at;
        const char *bytes = own->text_bytes ? own->text_bytes : c->text_bytes;
        v.text = (struct str){bytes + at[code], at[code + 1] - at[code]};
    }
    return v;
}

struct value column_value(const struct column *c, uint32_t row)
{
    struct value v = {.type = VALUE_MISSING};
    uint64_t place;

    if (!column_place(c, row, &place))
        return v;
    uint64_t lane = column_lane(c, place);
    if (c->is_optional && lane-- == 0)
        return v;
    if (c->form == FORM_DICTIONARY || c->form == FORM_TEXT)
        return column_dictionary_value(c, (uint32_t)lane);
    v.type = c->type;
    uint64_t word = (uint64_t)c->base + (uint64_t)c->scale * lane;
    if (c->type == VALUE_DOUBLE)
        memcpy(&v.number, &lane, sizeof v.number);
    else if (c->type == VALUE_BOOL)
        v.boolean = word != 0;
    else if (c->type == VALUE_INT)
        v.integer = (int64_t)word;
    return v;
}
