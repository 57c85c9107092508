/*
 * store/segment: opening, counting and pinning. Blocks and dictionaries are checked once, when
 * first touched; two threads that touch a block at the same time both check it, which is harmless.
 */
#include "store/segment.h"

#include <stdio.h>

#include "codec/bytes.h"
#include "codec/unpack.h"
#include "store/chunk.h"
#include "store/segment_file.h"

static const char *const column_names[] = {
    [COLUMN_TIME] = "time",         [COLUMN_NAME] = "name",
    [COLUMN_ACCOUNT] = "account",   [COLUMN_SESSION] = "session",
    [COLUMN_RECEIVED] = "received", [COLUMN_OFFSET] = "offset",
    [COLUMN_SEQUENCE] = "sequence", [COLUMN_ID] = "id",
    [COLUMN_PROPERTY] = "property",
};

static bool column_damaged(const struct segment *g, const struct column *c, const char *what,
                           struct err *e)
{
    struct str property = c->kind == COLUMN_PROPERTY ? c->property : STR("");

    return segment_damaged(g, e, "column %s%s%.*s: %s", column_names[c->kind],
                           property.len ? " " : "", (int)MIN(property.len, 60), property.at, what);
}

/* ---- lifetime ---- */

static void column_free(struct column *c)
{
    struct column_own *own = c->own;

    if (!own)
        return;
    if (own->id_texts)
        for (size_t i = 0; i <= c->dictionary_count / SEGMENT_BLOCK_ROWS; i++)
            mem_free(atomic_load(&own->id_texts[i]));
    mem_free((void *)own->id_texts);
    mem_free(own->text_at);
    mem_free(own->text_bytes);
    mem_free((void *)own->checked);
    mem_free(own);
}

static void segment_free(struct segment *g)
{
    struct segment_own *own = g->own;

    for (size_t i = 0; i < g->column_count; i++)
        column_free(&g->columns[i]);
    mem_free(g->columns);
    if (own->os)
        os_unmap(own->os, &own->map);
    buf_free(&own->image);
    pthread_mutex_destroy(&own->lock);
    if (g->path.len)
        mem_free((void *)g->path.at);
    mem_free(own);
    mem_free(g);
}

struct segment *segment_keep(struct segment *g)
{
    atomic_fetch_add(&g->references, 1);
    return g;
}

void segment_release(struct segment *g)
{
    if (g && atomic_fetch_sub(&g->references, 1) == 1)
        segment_free(g);
}

bool segment_open(struct os *os, struct str path, struct str project, struct segment **out,
                  struct err *e)
{
    AUTO(segment) *g = segment_make();
    struct segment_own *own = g->own;
    char *kept = mem_zero(path.len + 1);

    memcpy(kept, path.at, path.len);
    g->path = (struct str){kept, path.len};
    if (!os_map(os, path, &own->map, e))
        return err_while(e, "opening a segment");
    own->os = os;
    if (!segment_read(g, (struct str){own->map.at, own->map.len}, e))
        return false;
    if (!str_equal(g->project, project))
        return segment_damaged(g, e, "it belongs to project \"%.*s\", not \"%.*s\"",
                               STR_ARG(g->project), STR_ARG(project));
    *out = TAKE(g);
    return true;
}

bool segment_of_bytes(struct buf *bytes, bool skips_sums, struct segment **out, struct err *e)
{
    AUTO(segment) *g = segment_make();
    struct segment_own *own = g->own;

    own->image = *bytes;
    *bytes = (struct buf){0};
    own->skips_sums = skips_sums;
    if (!segment_read(g, buf_str(&own->image), e))
        return false;
    *out = TAKE(g);
    return true;
}

struct segment *segment_of_image(struct buf *bytes)
{
    struct segment *g = segment_make();
    struct segment_own *own = g->own;
    struct err e = {0};

    own->image = *bytes;
    *bytes = (struct buf){0};
    own->skips_sums = own->is_trusted = true;
    bool is_read = segment_read(g, buf_str(&own->image), &e);
    REQUIRE(is_read);
    return g;
}

/* ---- pinning ---- */

static struct str bytes_of(const void *at, uint64_t bytes)
{
    return (struct str){at, bytes};
}

/* The largest of an array, several at a time: each block is looked through once, when first read.
 */
#define TOP_OF(name, type)                                                                         \
    static uint64_t name(const type *lanes, uint64_t count)                                        \
    {                                                                                              \
        enum { ABREAST = 64 / sizeof(type) };                                                      \
        type tops[ABREAST] = {0};                                                                  \
        uint64_t i = 0;                                                                            \
        for (; i + ABREAST <= count; i += ABREAST)                                                 \
            for (size_t k = 0; k < ABREAST; k++)                                                   \
                tops[k] = MAX(tops[k], lanes[i + k]);                                              \
        for (; i < count; i++)                                                                     \
            tops[0] = MAX(tops[0], lanes[i]);                                                      \
        for (size_t k = 1; k < ABREAST; k++)                                                       \
            tops[0] = MAX(tops[0], tops[k]);                                                       \
        return tops[0];                                                                            \
    }
TOP_OF(top_of_8, uint8_t)
TOP_OF(top_of_16, uint16_t)
TOP_OF(top_of_32, uint32_t)
#undef TOP_OF

/* The largest lane in a block. Sub-byte lanes: of every byte that occurs, each part. */
static uint64_t lane_max(const struct column *c, uint64_t from, uint64_t to)
{
    uint64_t max = 0;

    if (c->lane_bits == 8)
        return top_of_8((const uint8_t *)c->lanes + from, to - from);
    if (c->lane_bits == 16)
        return top_of_16((const uint16_t *)c->lanes + from, to - from);
    if (c->lane_bits == 32)
        return top_of_32((const uint32_t *)c->lanes + from, to - from);
    for (uint64_t i = from; i < to; i++)
        max = MAX(max, column_lane(c, i));
    return max;
}

/* Codes must name an entry of the dictionary, and times lie in the month, for all that follows. */
static bool lanes_fit(const struct segment *g, const struct column *c, uint64_t from, uint64_t to)
{
    uint64_t count = (uint64_t)c->dictionary_count + (c->is_optional ? 1 : 0);

    if (c->kind == COLUMN_TIME)
        return lane_max(c, from, to) < (uint64_t)(month_next(g->month_start) - g->month_start);
    if (c->form != FORM_DICTIONARY && c->form != FORM_TEXT)
        return true;
    if (c->lane_bits < 32 && count >> c->lane_bits)
        return true; /* any lane fits */
    return lane_max(c, from, to) < count;
}

static bool block_check(const struct segment *g, const struct column *c, size_t block,
                        struct err *e)
{
    const struct segment_own *own = g->own;
    const struct column_own *mine = c->own;
    uint64_t from = (uint64_t)block * SEGMENT_BLOCK_ROWS;
    uint64_t to = MIN(from + SEGMENT_BLOCK_ROWS, c->lane_count);
    struct str lanes = bytes_of((const char *)c->lanes + lane_bytes(from, c->lane_bits),
                                lane_bytes(to - from, c->lane_bits));
    char what[64];

    if (!own->skips_sums && hash64(lanes, 0) != mine->sums[block])
        snprintf(what, sizeof what, "the checksum of block %zu is wrong", block);
    else if (!lanes_fit(g, c, from, to))
        snprintf(what, sizeof what, "block %zu holds what cannot be", block);
    else
        return true;
    return column_damaged(g, c, what, e);
}

static bool rows_ascend(const struct segment *g, const struct column *c)
{
    bool is_good = c->row_count == 0 || c->rows[c->row_count - 1] < g->rows;

    for (uint32_t i = 1; i < c->row_count; i++)
        is_good &= c->rows[i - 1] < c->rows[i];
    return is_good;
}

static bool offsets_ascend(const uint32_t *at, uint32_t count, uint64_t end)
{
    bool is_good = at[0] == 0 && at[count] == end;

    for (uint32_t i = 0; i < count; i++)
        is_good &= at[i] <= at[i + 1];
    return is_good;
}

/* A UUID among texts must have its 16 bytes. */
static bool id_bits_fit(const struct column *c)
{
    const uint8_t *bits = ((const struct column_own *)c->own)->bits;
    bool is_good = true;

    for (uint32_t i = 0; bits && i < c->dictionary_count; i++)
        if (bits[i / 8] >> (i % 8) & 1)
            is_good &= c->text_at[i + 1] - c->text_at[i] == SEGMENT_ID_BYTES;
    return is_good;
}

/* Packed texts: the varint length of each, then all bytes. */
static bool texts_unpack(const struct segment *g, const struct column *c, struct err *e)
{
    struct column_own *mine = c->own;
    const struct column_record *d = mine->record;
    char *plain = mem_zero(d->plain_bytes);
    uint32_t *at = NULL;
    struct str rest = {plain, d->plain_bytes};
    uint64_t end = 0;
    bool is_good = zstd_unpack(bytes_of(mine->values, d->values_bytes), plain, d->plain_bytes, e);

    if (is_good)
        at = mem_array((size_t)c->dictionary_count + 1, sizeof *at);
    else
        *e = (struct err){0}; /* said better below */
    for (uint32_t i = 0; is_good && i < c->dictionary_count; i++) {
        uint64_t len = 0;
        is_good = varint_get(&rest, &len) && len <= d->plain_bytes - end;
        at[i + 1] = (uint32_t)(end += len);
    }
    if (!is_good || end != rest.len) {
        mem_free(plain);
        mem_free(at);
        return column_damaged(g, c, "its texts cannot be unpacked", e);
    }
    memmove(plain, rest.at, rest.len);
    mine->text_at = at;
    mine->text_bytes = mem_grow(plain, MAX(rest.len, 1), 1);
    return true;
}

static uint64_t dictionary_sum(const struct column *c)
{
    const struct column_own *mine = c->own;
    const struct column_record *d = mine->record;
    uint64_t count = c->dictionary_count;
    uint64_t sum = hash64(bytes_of(c->rows, (uint64_t)c->row_count * 4), 0);

    if (c->text_at)
        sum = hash64(bytes_of(c->text_at, (count + 1) * 4), sum);
    if (mine->bits)
        sum = hash64(bytes_of(mine->bits, (count + 7) / 8), sum);
    return hash64(bytes_of(mine->values, d->values_bytes), sum);
}

/* Rows and dictionary of a column: its checksum, its order, and packed texts unpacked. */
static bool dictionary_check(const struct segment *g, const struct column *c, struct err *e)
{
    const struct segment_own *own = g->own;
    struct column_own *mine = c->own;

    if (!own->skips_sums && dictionary_sum(c) != mine->record->dictionary_sum)
        return column_damaged(g, c, "the checksum of its dictionary is wrong", e);
    if (!own->is_trusted) {
        if (!rows_ascend(g, c))
            return column_damaged(g, c, "its rows are out of order", e);
        if (c->text_at &&
            !offsets_ascend(c->text_at, c->dictionary_count, mine->record->values_bytes))
            return column_damaged(g, c, "its texts are out of order", e);
        if (!id_bits_fit(c))
            return column_damaged(g, c, "an id has no 16 bytes", e);
    }
    if (mine->record->flags & COLUMN_PACKED && !texts_unpack(g, c, e))
        return false;
    if (c->kind == COLUMN_ID)
        mine->id_texts =
            mem_array(c->dictionary_count / SEGMENT_BLOCK_ROWS + 1, sizeof *mine->id_texts);
    return true;
}

static bool dictionary_pin(struct segment *g, const struct column *c, struct err *e)
{
    struct segment_own *own = g->own;
    struct column_own *mine = c->own;

    pthread_mutex_lock(&own->lock);
    bool is_good = atomic_load(&mine->is_ready) || dictionary_check(g, c, e);
    if (is_good)
        atomic_store(&mine->is_ready, true);
    pthread_mutex_unlock(&own->lock);
    return is_good;
}

bool segment_pin(struct segment *g, const struct column *c, uint32_t from, uint32_t to,
                 struct err *e)
{
    struct column_own *mine = c->own;
    const struct segment_own *own = g->own;

    if (UNLIKELY(!atomic_load_explicit(&mine->is_ready, memory_order_acquire)) &&
        !dictionary_pin(g, c, e))
        return false;
    if (own->is_trusted || c->lane_bits == 0 || from >= to)
        return true;
    if (c->is_sparse) {
        from = 0;
        to = c->row_count;
    }
    REQUIRE(to <= c->lane_count);
    for (size_t b = from / SEGMENT_BLOCK_ROWS; b <= (to - 1) / SEGMENT_BLOCK_ROWS; b++) {
        uint64_t bit = (uint64_t)1 << (b % 64);
        if (LIKELY(atomic_load_explicit(&mine->checked[b / 64], memory_order_relaxed) & bit))
            continue;
        if (!block_check(g, c, b, e))
            return false;
        atomic_fetch_or_explicit(&mine->checked[b / 64], bit, memory_order_relaxed);
    }
    return true;
}

/* ---- finding columns ---- */

int column_order(enum column_kind a_kind, struct str a_property, enum value_type a_type,
                 enum column_kind b_kind, struct str b_property, enum value_type b_type)
{
    if (a_kind != b_kind)
        return a_kind < b_kind ? -1 : 1;
    int names = str_compare(a_property, b_property);
    return names ? names : (a_type > b_type) - (a_type < b_type);
}

size_t segment_property(const struct segment *g, struct str name, const struct column **list)
{
    size_t low = 0, high = g->column_count, count = 0;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct column *c = &g->columns[middle];
        if (column_order(c->kind, c->property, c->type, COLUMN_PROPERTY, name, VALUE_MISSING) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < g->column_count && str_equal(g->columns[low].property, name); low++)
        list[count++] = &g->columns[low];
    return count;
}
