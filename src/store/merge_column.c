/*
 * store/merge_column: the columns of a merge. Sources hold their columns in the same order, so
 * equal ones are found side by side. Each source is read forward, in pieces; the runs of the order
 * copy cells out of the pieces into windows, which the encoder asks for as often as it needs them.
 */
#include "store/merge.h"

#include "base/intern.h"

enum { PIECE = 1024, NONE = ENCODE_NONE };

/* One source's part of the column at hand. */
struct stream {
    const struct column *c; /* NULL: this source lacks it */
    uint32_t rows;          /* of the segment */
    uint32_t *map;          /* lane -> code in the output; missing -> NONE */
    uint32_t row;           /* the next one that a run takes */
    uint32_t from, to;      /* rows of the piece that is decoded */
    uint32_t cursor;        /* sparse: next of c->rows */
    uint32_t codes[PIECE];
    uint64_t numbers[PIECE];
    bool has[PIECE];
};

struct column_merge {
    struct merge *m;
    struct stream *streams; /* by source */
    size_t stream_count;
    const struct column *like; /* any of them: kind, property, type */
    struct intern *union_texts;
    bool is_full; /* every row of the output has a value */
    /* where the windows stand */
    size_t run;
    uint32_t run_done, at; /* rows of the run that are done; row of the output */
    /* a window */
    uint32_t *rows, *codes;
    uint64_t *numbers;
    struct id_key *keys;
};

static bool is_coded(const struct column *c)
{
    return c->type == VALUE_TEXT || c->type == VALUE_LIST;
}

/* ---- pieces: of columns with a lane for each row ---- */

static void piece_codes(struct stream *s, uint32_t row)
{
    const uint32_t *map = s->map;

    s->from = row;
    s->to = MIN(s->rows, row + PIECE);
    column_unpack(s->c, s->from, s->to, s->codes);
    for (uint32_t i = 0; i < s->to - s->from; i++)
        s->codes[i] = map[s->codes[i]];
}

/* A number as the encoder takes it. `lane` is not missing. */
static uint64_t number_of(const struct column *c, uint64_t lane)
{
    uint64_t word = lane - c->is_optional;

    if (c->form == FORM_DICTIONARY && c->type == VALUE_INT)
        return (uint64_t)c->integers[word];
    if (c->form == FORM_DICTIONARY) {
        memcpy(&word, &c->doubles[word], sizeof word);
        return word;
    }
    return c->form == FORM_DOUBLE ? word : (uint64_t)c->base + (uint64_t)c->scale * word;
}

static void piece_numbers(struct stream *s, uint32_t row)
{
    const struct column *c = s->c;

    s->from = row;
    s->to = MIN(s->rows, row + PIECE);
    for (uint32_t at = s->from; at < s->to; at++) {
        uint64_t lane = column_lane(c, at);
        s->has[at - row] = !c->is_optional || lane;
        s->numbers[at - row] = s->has[at - row] ? number_of(c, lane) : 0;
    }
}

/* ---- windows ---- */

/* Cells of a source's next `count` rows, which are rows `at` … of the output. The window has room
 * for as many. Returns how many cells there are. */
static uint32_t sparse_cells(struct column_merge *q, struct stream *s, uint32_t count,
                             uint32_t kept)
{
    const struct column *c = s->c;
    uint32_t end = s->row + count, shift = q->at - s->row, before = kept;

    for (; s->cursor < c->row_count && c->rows[s->cursor] < end; s->cursor++, kept++) {
        uint64_t lane = column_lane(c, s->cursor);
        q->rows[kept] = c->rows[s->cursor] + shift;
        if (q->codes)
            q->codes[kept] = s->map[lane];
        else
            q->numbers[kept] = number_of(c, lane);
    }
    return kept - before;
}

static uint32_t coded_cells(struct column_merge *q, struct stream *s, uint32_t count, uint32_t kept)
{
    const uint32_t *codes = s->codes + (s->row - s->from);
    uint32_t before = kept;

    if (q->is_full) {
        memcpy(q->codes + kept, codes, (size_t)count * 4);
        return count;
    }
    for (uint32_t i = 0; i < count; i++) {
        q->rows[kept] = q->at + i;
        q->codes[kept] = codes[i];
        kept += codes[i] != NONE;
    }
    return kept - before;
}

static uint32_t number_cells(struct column_merge *q, struct stream *s, uint32_t count,
                             uint32_t kept)
{
    uint32_t place = s->row - s->from, before = kept;

    if (q->is_full) {
        memcpy(q->numbers + kept, s->numbers + place, (size_t)count * 8);
        return count;
    }
    for (uint32_t i = 0; i < count; i++) {
        q->rows[kept] = q->at + i;
        q->numbers[kept] = s->numbers[place + i];
        kept += s->has[place + i];
    }
    return kept - before;
}

/* A part of a run: at most `*count` rows, in which the source's piece does not change. */
static uint32_t part_cells(struct column_merge *q, struct stream *s, uint32_t *count, uint32_t kept)
{
    if (!s->c && q->like->kind == COLUMN_SEQUENCE) { /* one that is not there is 0 */
        memset(q->numbers + kept, 0, (size_t)*count * 8);
        return *count; /* those that are there have all rows, so the window is full */
    }
    if (!s->c)
        return 0;
    if (s->c->is_sparse)
        return sparse_cells(q, s, *count, kept);
    if (s->row >= s->to) {
        if (q->codes)
            piece_codes(s, s->row);
        else
            piece_numbers(s, s->row);
    }
    *count = MIN(*count, s->to - s->row);
    return q->codes ? coded_cells(q, s, *count, kept) : number_cells(q, s, *count, kept);
}

/* What a run left out still stands in the source. */
static void skip_rows(struct stream *s, uint32_t count)
{
    s->row += count;
    if (s->c && s->c->is_sparse)
        while (s->cursor < s->c->row_count && s->c->rows[s->cursor] < s->row)
            s->cursor++;
}

/* The run in hand, past those that are done or skipped; false: no row is left. */
static bool next_run(struct column_merge *q, struct stream **s, uint32_t *left)
{
    for (; q->run < q->m->run_count; q->run++, q->run_done = 0) {
        uint32_t run = q->m->runs[q->run];
        *s = &q->streams[run_source(run)];
        *left = run_count(run) - q->run_done;
        if (run & RUN_SKIPS)
            skip_rows(*s, *left);
        else if (*left)
            return true;
    }
    return false;
}

static void take_rows(struct column_merge *q, struct stream *s, uint32_t count)
{
    s->row += count;
    q->at += count;
    q->run_done += count;
}

static bool windows_next(void *context, struct cells *w)
{
    struct column_merge *q = context;
    struct stream *s;
    uint32_t left, kept = 0;

    while (kept < ENCODE_WINDOW && next_run(q, &s, &left)) {
        uint32_t count = MIN(left, ENCODE_WINDOW - kept);
        kept += part_cells(q, s, &count, kept);
        take_rows(q, s, count);
    }
    *w = (struct cells){kept, q->is_full ? NULL : q->rows, q->codes, q->numbers};
    return kept != 0;
}

static void windows_rewind(void *context)
{
    struct column_merge *q = context;

    q->run = 0;
    q->run_done = q->at = 0;
    for (size_t i = 0; i < q->stream_count; i++) {
        struct stream *s = &q->streams[i];
        s->row = s->from = s->to = s->cursor = 0;
    }
}

/* ---- one column ---- */

static struct str union_text(const void *context, uint32_t code)
{
    return intern_at(context, code);
}

static struct str column_text(const void *context, uint32_t code)
{
    return column_dictionary_value(context, code).text;
}

/* Maps of each source's codes to those of the output; alone, a source keeps its own. */
static struct texts texts_unite(struct column_merge *q)
{
    size_t with = 0;

    for (size_t i = 0; i < q->stream_count; i++)
        with += q->streams[i].c != NULL;
    if (with > 1)
        q->union_texts = intern_create();
    for (size_t i = 0; i < q->stream_count; i++) {
        struct stream *s = &q->streams[i];
        if (!s->c)
            continue;
        uint32_t shift = s->c->is_optional;
        s->map = mem_array((size_t)s->c->dictionary_count + 1, sizeof *s->map);
        s->map[0] = NONE; /* overwritten when nothing is missing */
        for (uint32_t code = 0; code < s->c->dictionary_count; code++)
            s->map[code + shift] =
                with > 1 ? intern_put(q->union_texts, column_dictionary_value(s->c, code).text)
                         : code;
    }
    if (with > 1)
        return (struct texts){union_text, q->union_texts, intern_count(q->union_texts)};
    return (struct texts){column_text, q->like, q->like->dictionary_count};
}

/* All sources hold the same number in all rows; both kinds are in every segment, in each row. */
static bool constant_put(struct column_merge *q)
{
    const struct column *like = q->like;

    if (like->kind != COLUMN_RECEIVED && like->kind != COLUMN_OFFSET)
        return false;
    for (size_t i = 0; i < q->stream_count; i++) {
        const struct column *c = q->streams[i].c;
        if (c->lane_bits || c->base != like->base)
            return false;
    }
    encoder_constant(&q->m->encoder, like->kind, like->base);
    return true;
}

static void windows_make(struct column_merge *q)
{
    if (is_coded(q->like) || q->like->kind == COLUMN_TIME)
        q->codes = mem_array(ENCODE_WINDOW, sizeof *q->codes);
    else
        q->numbers = mem_array(ENCODE_WINDOW, sizeof *q->numbers);
    q->is_full = true;
    for (size_t i = 0; i < q->stream_count; i++) {
        const struct column *c = q->streams[i].c;
        q->is_full &= c ? !c->is_optional && !c->is_sparse : q->like->kind == COLUMN_SEQUENCE;
    }
    if (!q->is_full)
        q->rows = mem_array(ENCODE_WINDOW, sizeof *q->rows);
}

static void values_put(struct column_merge *q)
{
    const struct column *like = q->like;
    struct encoder *n = &q->m->encoder;
    struct cell_source source = {windows_next, windows_rewind, q};

    windows_make(q);
    if (is_coded(like)) {
        struct texts texts = texts_unite(q);
        encoder_texts_from(n, like->kind, like->property, like->type, &source, &texts);
    } else {
        encoder_numbers_from(n, like->kind, like->property, like->type, &source);
    }
}

static bool times_next(void *context, struct cells *w)
{
    struct column_merge *q = context;
    struct stream *s;
    uint32_t left, kept = 0;

    while (kept < ENCODE_WINDOW && next_run(q, &s, &left)) {
        uint32_t count = MIN(left, ENCODE_WINDOW - kept);
        memcpy(q->codes + kept, (const uint32_t *)s->c->lanes + s->row, (size_t)count * 4);
        kept += count;
        take_rows(q, s, count);
    }
    *w = (struct cells){.count = kept, .codes = q->codes};
    return kept != 0;
}

static void times_put(struct column_merge *q)
{
    struct cell_source source = {times_next, windows_rewind, q};

    windows_make(q);
    encoder_time_from(&q->m->encoder, &source);
}

/* ---- ids ---- */

enum { KEYS = 1024 };

static uint32_t part_ids(struct column_merge *q, struct stream *s, uint32_t count, uint32_t kept)
{
    const struct column *c = s->c;
    uint32_t end = s->row + count, shift = q->at - s->row, before = kept;

    if (!c)
        return 0;
    if (!c->is_sparse) {
        for (uint32_t i = 0; i < count; i++, kept++) {
            q->rows[kept] = q->at + i;
            q->keys[kept] = column_id_key(c, s->row + i);
        }
        return count;
    }
    for (; s->cursor < c->row_count && c->rows[s->cursor] < end; s->cursor++, kept++) {
        q->rows[kept] = c->rows[s->cursor] + shift;
        q->keys[kept] = column_id_key(c, s->cursor);
    }
    return kept - before;
}

static bool ids_next(void *context, struct id_window *w)
{
    struct column_merge *q = context;
    struct stream *s;
    uint32_t left, kept = 0;

    while (kept < KEYS && next_run(q, &s, &left)) {
        uint32_t count = MIN(left, KEYS - kept);
        kept += part_ids(q, s, count, kept);
        take_rows(q, s, count);
    }
    *w = (struct id_window){kept, q->rows, q->keys};
    return kept != 0;
}

static void ids_put(struct column_merge *q)
{
    struct id_source source = {ids_next, windows_rewind, q};

    q->rows = mem_array(KEYS, sizeof *q->rows);
    q->keys = mem_array(KEYS, sizeof *q->keys);
    encoder_ids_from(&q->m->encoder, &source);
}

/* ---- all ---- */

static int column_compare(const struct column *a, const struct column *b)
{
    return column_order(a->kind, a->property, a->type, b->kind, b->property, b->type);
}

static bool column_put(struct column_merge *q, struct err *e)
{
    for (size_t i = 0; i < q->stream_count; i++) {
        struct segment *g = q->m->sources[i];
        if (q->streams[i].c && !segment_pin(g, q->streams[i].c, 0, g->rows, e))
            return false;
    }
    if (q->like->kind == COLUMN_TIME)
        times_put(q);
    else if (q->like->kind == COLUMN_ID)
        ids_put(q);
    else if (!constant_put(q))
        values_put(q);
    return true;
}

static void column_done(struct column_merge *q)
{
    for (size_t i = 0; i < q->stream_count; i++) {
        struct stream *s = &q->streams[i];
        mem_free(s->map);
        s->map = NULL;
        s->c = NULL;
    }
    intern_destroy(TAKE(q->union_texts));
    mem_free(TAKE(q->rows));
    mem_free(TAKE(q->codes));
    mem_free(TAKE(q->numbers));
    mem_free(TAKE(q->keys));
}

bool merge_columns(struct merge *m, struct err *e)
{
    struct column_merge q = {.m = m, .stream_count = m->source_count};
    size_t *next = mem_array(m->source_count, sizeof *next);
    bool is_good = true;

    q.streams = mem_array(m->source_count, sizeof *q.streams);
    for (size_t i = 0; i < m->source_count; i++)
        q.streams[i].rows = m->sources[i]->rows;
    while (is_good) {
        q.like = NULL;
        for (size_t i = 0; i < m->source_count; i++) {
            const struct segment *g = m->sources[i];
            const struct column *c = next[i] < g->column_count ? &g->columns[next[i]] : NULL;
            if (c && (!q.like || column_compare(c, q.like) < 0))
                q.like = c;
        }
        if (!q.like)
            break;
        for (size_t i = 0; i < m->source_count; i++) {
            const struct segment *g = m->sources[i];
            const struct column *c = next[i] < g->column_count ? &g->columns[next[i]] : NULL;
            if (c && column_compare(c, q.like) == 0) {
                q.streams[i].c = c;
                next[i]++;
            }
        }
        is_good = column_put(&q, e);
        column_done(&q);
    }
    mem_free(q.streams);
    mem_free(next);
    return is_good;
}
