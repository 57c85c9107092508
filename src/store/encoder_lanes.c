/* store/encoder_lanes: the bytes of a segment as they come: areas, and lanes block by block. */
#include "store/encoder_inner.h"

#include <stdlib.h>

enum {
    SPARSE_SHARE = 16,     /* rarer than one row in so many: listing rows is preferred */
    FLUSH_BYTES = 1 << 20, /* to the file when so much has gathered */
};

void encode_room_free(struct encode_room *room)
{
    mem_free(room->map);
    mem_free(room->used);
    mem_free(room->lanes);
    buf_free(&room->bytes);
    buf_free(&room->packed);
    *room = (struct encode_room){0};
}

/* ---- out ---- */

void encoder_fail(struct encoder *n, const struct err *why)
{
    if (n->failure.kind == ERR_NONE)
        n->failure = *why;
}

void encoder_flush(struct encoder *n, bool all)
{
    const struct encode_output *o = n->output;
    struct err e = {0};
    struct str part = buf_str(n->out);

    if (!o || part.len == 0 || (!all && part.len < FLUSH_BYTES))
        return;
    if (n->failure.kind == ERR_NONE && (!os_file_write_at(o->file, n->flushed, &part, 1, &e) ||
                                        (o->turn && !o->turn(o->context, part.len, &e))))
        encoder_fail(n, &e);
    n->flushed += part.len;
    buf_clear(n->out);
}

const char *encoder_look(struct encoder *n, uint64_t at, uint64_t bytes, char *room)
{
    struct err e = {0};
    size_t got = 0;

    if (at >= n->flushed)
        return n->out->at + (at - n->flushed);
    encoder_flush(n, true);
    memset(room, 0, bytes);
    if (n->failure.kind == ERR_NONE && !os_file_read_at(n->output->file, at, room, bytes, &got, &e))
        encoder_fail(n, &e);
    return room;
}

/* ---- areas ---- */

char *area_make(struct encoder *n, uint64_t bytes, uint64_t *at)
{
    encoder_flush(n, false);
    uint64_t end = n->flushed + n->out->len;
    size_t gap = (size_t)(-end % SEGMENT_ALIGN);
    char *into = buf_reserve(n->out, gap + bytes);

    memset(into, 0, gap + bytes);
    n->out->len += gap + bytes;
    *at = end + gap;
    return into + gap;
}

uint64_t area_copy(struct encoder *n, const void *from, uint64_t bytes, uint64_t *at, uint64_t seed)
{
    area_make(n, 0, at);
    buf_add_bytes(n->out, from, bytes);
    encoder_flush(n, false);
    return hash64((struct str){from, bytes}, seed);
}

void area_begin(struct area *a, struct encoder *n, uint64_t *at, uint64_t seed)
{
    area_make(n, 0, at);
    a->n = n;
    hash64_begin(&a->sum, seed);
}

void area_add(struct area *a, const void *bytes, size_t count)
{
    buf_add_bytes(a->n->out, bytes, count);
    hash64_add(&a->sum, bytes, count);
    encoder_flush(a->n, false);
}

uint64_t area_end(struct area *a)
{
    return hash64_end(&a->sum);
}

struct encoded_column *encoder_column(struct encoder *n, enum column_kind kind, struct str property,
                                      enum value_type type)
{
    struct encoded_column *c = &ARRAY_PUSH(n->columns, n->column_count, n->column_room);

    *c = (struct encoded_column){.property = property};
    c->record.kind = (uint8_t)kind;
    c->record.type = (uint8_t)type;
    return c;
}

/* ---- shapes ---- */

unsigned lane_width_of(uint64_t max)
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
struct shape shape_of(uint32_t rows, uint32_t count, uint64_t max, unsigned bits_min,
                      bool may_be_optional)
{
    struct shape sparse = {.bits = MAX(lane_width_of(max), bits_min), .is_sparse = true};

    if (count == rows)
        return (struct shape){.bits = sparse.bits};
    if (!may_be_optional || max == UINT64_MAX)
        return sparse;
    struct shape dense = {.bits = MAX(lane_width_of(max + 1), bits_min), .is_optional = true};
    uint64_t sparse_bytes = shape_bytes(rows, sparse, count);
    uint64_t dense_bytes = shape_bytes(rows, dense, count);
    /* Lists of rows are slower to read, so away from rare columns they must halve the size. */
    bool is_smaller =
        count <= rows / SPARSE_SHARE ? sparse_bytes < dense_bytes : sparse_bytes * 2 <= dense_bytes;
    return is_smaller ? sparse : dense;
}

uint64_t shape_bytes(uint32_t rows, struct shape s, uint32_t count)
{
    return s.is_sparse ? (uint64_t)count * 4 + lane_bytes(count, s.bits) : lane_bytes(rows, s.bits);
}

/* ---- lanes ---- */

/* One loop for each width up to 32 bits; `into` is zero. */
static void lanes_pack(const uint32_t *restrict v, size_t count, unsigned bits, void *restrict into)
{
    if (bits == 8)
        for (size_t i = 0; i < count; i++)
            ((uint8_t *)into)[i] = (uint8_t)v[i];
    else if (bits == 16)
        for (size_t i = 0; i < count; i++)
            ((uint16_t *)into)[i] = (uint16_t)v[i];
    else if (bits == 32)
        memcpy(into, v, count * sizeof *v);
    else
        for (size_t i = 0; i < count; i++)
            ((uint8_t *)into)[i * bits / 8] |= (uint8_t)(v[i] << (i * bits % 8));
}

static void lane_set(void *lanes, unsigned bits, uint64_t at, uint64_t v)
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

struct laner {
    struct encoder *n;
    struct encoded_column *c;
    struct shape shape;
    uint64_t total, from, to; /* lanes; the block in hand is [from, to) */
    size_t at;                /* of the block, in n->out */
    void *values;             /* of a window: uint64_t when 64 bits wide, else uint32_t */
};

static void block_open(struct laner *l, uint64_t from)
{
    l->from = from;
    l->to = MIN(from + SEGMENT_BLOCK_ROWS, l->total);
    size_t bytes = lane_bytes(l->to - l->from, l->shape.bits);
    memset(buf_reserve(l->n->out, bytes), 0, bytes);
    l->at = l->n->out->len;
    l->n->out->len += bytes;
}

static void block_close(struct laner *l)
{
    struct encoded_column *c = l->c;
    struct str lanes = {l->n->out->at + l->at, l->n->out->len - l->at};

    ARRAY_PUSH(c->sums, c->sum_count, c->sum_room) = hash64(lanes, 0);
    encoder_flush(l->n, false);
}

static void window_values(struct laner *l, const struct cells *w, const struct lane_rule *rule)
{
    uint32_t step = l->shape.is_optional, *narrow = l->values;
    uint64_t *wide = l->values;

    if (w->codes && rule->map)
        for (uint32_t i = 0; i < w->count; i++)
            narrow[i] = rule->map[w->codes[i]] + step;
    else if (w->codes)
        for (uint32_t i = 0; i < w->count; i++)
            narrow[i] = w->codes[i] + step;
    else if (l->shape.bits == 64)
        for (uint32_t i = 0; i < w->count; i++)
            wide[i] = (w->numbers[i] - rule->base) / rule->scale + step;
    else
        for (uint32_t i = 0; i < w->count; i++)
            narrow[i] = (uint32_t)((w->numbers[i] - rule->base) / rule->scale) + step;
}

static void window_put(struct laner *l, const struct cells *w, uint64_t *done)
{
    unsigned bits = l->shape.bits;
    const uint32_t *narrow = l->values;
    const uint64_t *wide = l->values;

    if (!l->shape.is_optional) { /* windows are as long as blocks */
        block_open(l, *done);
        REQUIRE(l->to - l->from == w->count);
        char *into = l->n->out->at + l->at;
        if (bits == 64)
            memcpy(into, wide, w->count * sizeof *wide);
        else
            lanes_pack(narrow, w->count, bits, into);
        block_close(l);
        *done += w->count;
        return;
    }
    for (uint32_t i = 0; i < w->count; i++) {
        while (w->rows[i] >= l->to) {
            block_close(l);
            block_open(l, l->to);
        }
        lane_set(l->n->out->at + l->at, bits, w->rows[i] - l->from,
                 bits == 64 ? wide[i] : narrow[i]);
    }
}

static void lanes_fill(struct laner *l, const struct cell_source *source,
                       const struct lane_rule *rule)
{
    struct cells w;
    uint64_t done = 0;

    source->rewind(source->context);
    if (l->shape.is_optional)
        block_open(l, 0);
    while (source->next(source->context, &w)) {
        window_values(l, &w, rule);
        window_put(l, &w, &done);
    }
    while (l->shape.is_optional) {
        block_close(l);
        if (l->to == l->total)
            break;
        block_open(l, l->to);
    }
}

static void rows_write(struct encoder *n, struct encoded_column *c,
                       const struct cell_source *source)
{
    struct cells w;
    struct area area;

    source->rewind(source->context);
    area_begin(&area, n, &c->record.rows_at, 0);
    while (source->next(source->context, &w))
        area_add(&area, w.rows, (size_t)w.count * 4);
    c->record.dictionary_sum = area_end(&area);
}

void lanes_write(struct encoder *n, struct encoded_column *c, struct shape s, uint32_t count,
                 const struct cell_source *source, const struct lane_rule *rule)
{
    struct laner l = {.n = n, .c = c, .shape = s, .total = s.is_sparse ? count : n->header.rows};

    c->record.lane_bits = (uint8_t)s.bits;
    c->record.flags |= s.is_sparse ? COLUMN_SPARSE : s.is_optional ? COLUMN_OPTIONAL : 0;
    c->record.dictionary_sum = hash64(STR(""), 0);
    area_make(n, 0, &c->record.lanes_at);
    if (s.bits) {
        if (!n->work->lanes)
            n->work->lanes = mem_array(ENCODE_WINDOW, sizeof(uint64_t));
        l.values = n->work->lanes;
        lanes_fill(&l, source, rule);
    }
    if (s.is_sparse) {
        c->record.row_count = count;
        rows_write(n, c, source);
    }
}

/* ---- arrays as a source ---- */

static bool array_next(void *context, struct cells *w)
{
    struct cell_array *a = context;
    const struct cells *all = a->all;
    uint32_t at = a->at;

    if (at == all->count)
        return false;
    *w = (struct cells){.count = MIN(all->count - at, (uint32_t)ENCODE_WINDOW),
                        .rows = all->rows ? all->rows + at : NULL,
                        .codes = all->codes ? all->codes + at : NULL,
                        .numbers = all->numbers ? all->numbers + at : NULL};
    a->at += w->count;
    return true;
}

static void array_rewind(void *context)
{
    struct cell_array *a = context;
    a->at = 0;
}

struct cell_source cell_array_source(struct cell_array *a)
{
    return (struct cell_source){array_next, array_rewind, a};
}
