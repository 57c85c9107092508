/*
 * Bytes that claim to be a segment: whatever they hold, opening, reading, searching, checking and
 * merging them must end in an answer or an error. An input that begins with an even byte is taken
 * as a file. An odd one is a list of changes (place, new byte) to a good segment, read as if all
 * its checksums were right, so that what lies behind them is reached too.
 */
#include <stdlib.h>

#include "base/arena.h"
#include "store/segment_file.h"

#include "store/chunk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A small segment with a bit of everything. */
static void good_segment(struct buf *out)
{
    AUTO(chunk) *c = chunk_create();
    AUTO(arena) *arena = arena_create(0);
    struct chunk_result r;
    struct err e = {0};

    for (uint32_t i = 0; i < 70; i++) {
        struct property p[] = {
            {STR("plan"), {.type = VALUE_TEXT, .text = str_sub(STR("abcdefg"), i % 5, 1)}},
            {STR("seats"), {.type = VALUE_INT, .integer = i % 9 * 1000003}},
            {STR("price"), {.type = VALUE_DOUBLE, .number = i / 3.0}},
            {STR("url"), {.type = VALUE_TEXT, .text = arena_printf(arena, "/item/%u", i * i)}},
            {STR("rare"), {.type = VALUE_BOOL, .boolean = true}},
        };
        struct event v = {.id = i % 3 ? STR("") : arena_printf(arena, "id%u", i),
                          .time = (int64_t)i / 4 * 86400000,
                          .received = i % 2,
                          .sequence = i % 3,
                          .name = str_sub(STR("xyz"), i % 3, 1),
                          .person = STR("p"),
                          .account = i % 2 ? STR("acme") : STR(""),
                          .properties = p,
                          .property_count = i % 33 ? 2 + i % 3 : 5};
        if (i % 6 == 0)
            v.id = arena_printf(arena, "%08x-0000-4000-8000-0123456789ab", i);
        chunk_add(c, &v, i % 7, 0);
    }
    if (!chunk_images(c, STR("main"), 1, NULL, 0, 1, &r, &e))
        abort();
    const struct segment_own *own = r.images[0]->own;
    buf_add(out, buf_str(&own->image));
    chunk_result_free(&r);
}

static uint64_t walk_columns(struct segment *g)
{
    uint64_t sum = 0;
    uint32_t codes[64];
    struct err e = {0};

    for (size_t i = 0; i < g->column_count; i++) {
        const struct column *c = &g->columns[i];
        if (!segment_pin(g, c, 0, g->rows, &e))
            continue;
        for (uint32_t row = 0; row < MIN(g->rows, 5000); row++) {
            struct value v = column_value(c, row);
            sum += v.type == VALUE_TEXT || v.type == VALUE_LIST ? hash64(v.text, 0) : v.type;
        }
        for (uint32_t code = 0; code < MIN(c->dictionary_count, 5000); code++)
            sum += column_dictionary_value(c, code).type;
        if (c->lane_bits <= 32 && c->lane_count >= COUNT(codes)) {
            column_unpack(c, c->lane_count - COUNT(codes), c->lane_count, codes);
            sum += codes[0];
        }
    }
    return sum;
}

/* So that no read is optimized away. */
static void keep(uint64_t sum)
{
    __asm__ volatile("" : : "r"(sum));
}

static void walk(struct segment *g)
{
    AUTO(arena) *arena = arena_create(0);
    BUF_AUTO merged = {0};
    const struct column *list[VALUE_TYPE_COUNT];
    struct segment *pair[] = {g, g};
    struct event event;
    struct err e = {0};
    uint32_t found;
    uint64_t sum = walk_columns(g) + segment_property(g, STR("plan"), list);

    for (uint32_t row = 0; row < MIN(g->rows, 300); row++) {
        arena_reset(arena);
        e = (struct err){0};
        if (!segment_event(g, row, arena, &event, &e))
            continue;
        sum += event_content_hash(&event);
        sum += segment_find_id(g, event.id, &found, &e);
    }
    e = (struct err){0};
    sum += segment_find_id(g, STR("id3"), &found, &e);
    sum += segment_check(g, &e);
    e = (struct err){0};
    keep(sum);
    if (!merge_segments(pair, 2, STR("main"), 2, NULL, NULL, &merged, &e))
        return;
    struct segment *again = NULL;
    if (!segment_of_bytes(&merged, false, &again, &e))
        abort(); /* what is merged from what could be read can be read */
    segment_release(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf bytes = {0};
    struct segment *g = NULL;
    struct err e = {0};
    bool is_change = size && data[0] & 1;

    if (is_change) {
        good_segment(&bytes);
        for (size_t i = 1; i + 3 <= size; i += 3)
            bytes.at[(data[i] | (size_t)data[i + 1] << 8) % bytes.len] = (char)data[i + 2];
    } else if (size) {
        buf_add_bytes(&bytes, data + 1, size - 1);
    }
    if (segment_of_bytes(&bytes, is_change, &g, &e)) {
        walk(g);
        segment_release(g);
    }
    buf_free(&bytes);
    return 0;
}
