/*
 * store/merge_column: the columns of a merge. Sources hold their columns in the same order, so
 * equal ones are found side by side. Each source is read forward, in pieces; the runs of the order
 * copy rows out of the pieces. A column that is rare everywhere goes by its cells instead of its
 * rows.
 */
#include "store/merge.h"

#include "base/intern.h"
#include "store/radix.h"

enum { PIECE = 1024, SPARSE_SHARE = 16, NONE = ENCODE_NONE };

/* One source's part of the column at hand. */
struct stream {
    const struct column *c; /* NULL: this source lacks it */
    uint32_t rows;          /* of the segment */
    uint32_t *map;          /* lane -> code in the output; missing -> NONE */
    uint32_t from, to;      /* rows of the piece that is decoded */
    uint32_t cursor;        /* next of c->rows */
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
    uint32_t *rows, *codes;
    uint64_t *numbers;
};

static bool is_coded(const struct column *c)
{
    return c->type == VALUE_TEXT || c->type == VALUE_LIST;
}

/* ---- pieces ---- */

/* First place in a sparse column at or after `row`, from the cursor on. */
static uint32_t place_from(const struct column *c, uint32_t from, uint32_t row)
{
    uint32_t low = from, high = from, step = 1;

    while (high < c->row_count && c->rows[high] < row) {
        low = high + 1;
        high = c->row_count - high > step ? high + step : c->row_count;
        step *= 2;
    }
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (c->rows[middle] < row)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void piece_codes(struct stream *s, uint32_t row)
{
    const struct column *c = s->c;
    const uint32_t *map = s->map;

    s->from = row;
    s->to = MIN(s->rows, row + PIECE);
    if (!c->is_sparse) {
        column_unpack(c, s->from, s->to, s->codes);
        for (uint32_t i = 0; i < s->to - s->from; i++)
            s->codes[i] = map[s->codes[i]];
        return;
    }
    memset(s->codes, 0xff, sizeof s->codes);
    s->cursor = place_from(c, s->cursor, row);
    for (; s->cursor < c->row_count && c->rows[s->cursor] < s->to; s->cursor++)
        s->codes[c->rows[s->cursor] - row] = map[column_lane(c, s->cursor)];
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
    memset(s->has, c && !c->is_sparse, sizeof s->has);
    if (!c) { /* a sequence that is not there is 0 */
        memset(s->numbers, 0, sizeof s->numbers);
        memset(s->has, true, sizeof s->has);
        return;
    }
    if (!c->is_sparse) {
        for (uint32_t at = s->from; at < s->to; at++) {
            uint64_t lane = column_lane(c, at);
            s->has[at - row] = !c->is_optional || lane;
            s->numbers[at - row] = s->has[at - row] ? number_of(c, lane) : 0;
        }
        return;
    }
    s->cursor = place_from(c, s->cursor, row);
    for (; s->cursor < c->row_count && c->rows[s->cursor] < s->to; s->cursor++) {
        s->has[c->rows[s->cursor] - row] = true;
        s->numbers[c->rows[s->cursor] - row] = number_of(c, column_lane(c, s->cursor));
    }
}

/* ---- rows by runs ---- */

static uint32_t codes_by_runs(struct column_merge *q)
{
    uint32_t at = 0, kept = 0;

    for (size_t r = 0; r < q->m->run_count; r++) {
        const struct merge_run *run = &q->m->runs[r];
        struct stream *s = &q->streams[run->source];
        uint32_t row = run->from, end = row + run->count;
        if (!s->c) {
            at += run->count;
            continue;
        }
        while (row < end) {
            if (row < s->from || row >= s->to)
                piece_codes(s, row);
            const uint32_t *codes = s->codes + (row - s->from);
            uint32_t count = MIN(end, s->to) - row;
            if (q->is_full)
                memcpy(q->codes + at, codes, (size_t)count * 4);
            for (uint32_t i = 0; !q->is_full && i < count; i++) {
                q->rows[kept] = at + i;
                q->codes[kept] = codes[i];
                kept += codes[i] != NONE;
            }
            row += count;
            at += count;
        }
    }
    return q->is_full ? at : kept;
}

static uint32_t numbers_by_runs(struct column_merge *q)
{
    bool fills = q->like->kind == COLUMN_SEQUENCE;
    uint32_t at = 0, kept = 0;

    for (size_t r = 0; r < q->m->run_count; r++) {
        const struct merge_run *run = &q->m->runs[r];
        struct stream *s = &q->streams[run->source];
        uint32_t row = run->from, end = row + run->count;
        if (!s->c && !fills) {
            at += run->count;
            continue;
        }
        for (; row < end; row++, at++) {
            if (row < s->from || row >= s->to)
                piece_numbers(s, row);
            if (!q->is_full)
                q->rows[kept] = at;
            q->numbers[kept] = s->numbers[row - s->from];
            kept += s->has[row - s->from];
        }
    }
    return kept;
}

/* ---- rare columns by cells ---- */

/* Each source's runs, and where runs begin in the output. */
static void run_index_make(struct merge *m)
{
    uint32_t at = 0;

    if (m->runs_of)
        return;
    m->runs_of = mem_array(m->run_count, sizeof *m->runs_of);
    m->run_at = mem_array(m->run_count, sizeof *m->run_at);
    m->runs_of_from = mem_array(m->source_count + 2, sizeof *m->runs_of_from);
    for (size_t r = 0; r < m->run_count; r++) {
        m->runs_of_from[m->runs[r].source + 2]++;
        m->run_at[r] = at;
        at += m->runs[r].count;
    }
    for (size_t i = 1; i < m->source_count + 2; i++)
        m->runs_of_from[i] += m->runs_of_from[i - 1];
    for (uint32_t r = 0; r < m->run_count; r++)
        m->runs_of[m->runs_of_from[m->runs[r].source + 1]++] = r;
}

/* Where a source's row stands in the output; NONE when it was left out. */
static uint32_t place_of_row(const struct merge *m, uint32_t source, uint32_t row)
{
    uint32_t low = m->runs_of_from[source], high = m->runs_of_from[source + 1], from = low;

    while (low < high) { /* the first run that begins after the row */
        uint32_t middle = low + (high - low) / 2;
        if (m->runs[m->runs_of[middle]].from <= row)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == from)
        return NONE;
    const struct merge_run *run = &m->runs[m->runs_of[low - 1]];
    return row - run->from < run->count ? m->run_at[m->runs_of[low - 1]] + (row - run->from) : NONE;
}

static bool is_rare(const struct column_merge *q)
{
    uint64_t cells = 0;

    for (size_t i = 0; i < q->stream_count; i++) {
        const struct column *c = q->streams[i].c;
        if (c && !c->is_sparse)
            return false;
        cells += c ? c->row_count : 0;
    }
    return cells < q->m->rows / SPARSE_SHARE;
}

/* Fills rows and codes or numbers, like the runs do. */
static uint32_t rare_by_cells(struct column_merge *q)
{
    size_t room = 0, count = 0;

    run_index_make(q->m);
    for (size_t i = 0; i < q->stream_count; i++)
        room += q->streams[i].c ? q->streams[i].c->row_count : 0;
    struct radix_item *items = mem_array(room, sizeof *items);
    struct radix_item *spare = mem_array(room, sizeof *spare);
    uint64_t *values = mem_array(room, sizeof *values);
    for (uint32_t i = 0; i < q->stream_count; i++) {
        const struct stream *s = &q->streams[i];
        for (uint32_t p = 0; s->c && p < s->c->row_count; p++) {
            uint32_t at = place_of_row(q->m, i, s->c->rows[p]);
            if (at == NONE)
                continue;
            uint64_t lane = column_lane(s->c, p);
            values[count] = s->map ? s->map[lane] : number_of(s->c, lane);
            items[count] = (struct radix_item){at, (uint32_t)count};
            count++;
        }
    }
    radix_sort(items, spare, count);
    for (size_t i = 0; i < count; i++) {
        q->rows[i] = (uint32_t)items[i].key;
        if (q->codes)
            q->codes[i] = (uint32_t)values[items[i].row];
        else
            q->numbers[i] = values[items[i].row];
    }
    mem_free(items);
    mem_free(spare);
    mem_free(values);
    return (uint32_t)count;
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

/* All sources hold the same number in all rows. */
static bool constant_put(struct column_merge *q)
{
    const struct column *like = q->like;

    if (like->kind != COLUMN_RECEIVED && like->kind != COLUMN_OFFSET)
        return false;
    for (size_t i = 0; i < q->stream_count; i++) {
        const struct column *c = q->streams[i].c;
        if (!c || c->lane_bits || c->is_sparse || c->base != like->base)
            return false;
    }
    encoder_constant(&q->m->encoder, like->kind, like->base);
    return true;
}

static void time_put(struct column_merge *q)
{
    uint32_t at = 0;

    q->codes = mem_array(q->m->rows, sizeof *q->codes);
    for (size_t r = 0; r < q->m->run_count; r++) {
        const struct merge_run *run = &q->m->runs[r];
        const uint32_t *times = q->streams[run->source].c->lanes;
        for (uint32_t i = 0; i < run->count; i++)
            q->codes[at + i] = times[run->from + i];
        at += run->count;
    }
    encoder_time(&q->m->encoder, q->codes);
}

static void values_put(struct column_merge *q)
{
    uint32_t rows = q->m->rows;
    const struct column *like = q->like;
    struct texts texts = {0};

    if (is_coded(like)) {
        texts = texts_unite(q);
        q->codes = mem_array(rows, sizeof *q->codes);
    } else {
        q->numbers = mem_array(rows, sizeof *q->numbers);
    }
    q->is_full = true;
    for (size_t i = 0; i < q->stream_count; i++) {
        const struct column *c = q->streams[i].c;
        q->is_full &= c ? !c->is_optional && !c->is_sparse : like->kind == COLUMN_SEQUENCE;
    }
    if (!q->is_full)
        q->rows = mem_array(rows, sizeof *q->rows);
    uint32_t kept = is_rare(q)       ? rare_by_cells(q)
                    : is_coded(like) ? codes_by_runs(q)
                                     : numbers_by_runs(q);
    struct cells cells = {kept, kept == rows ? NULL : q->rows, q->codes, q->numbers};
    if (is_coded(like))
        encoder_texts(&q->m->encoder, like->kind, like->property, like->type, &cells, &texts);
    else
        encoder_numbers(&q->m->encoder, like->kind, like->property, like->type, &cells);
}

/* ---- ids ---- */

struct id_place {
    uint32_t source, place;
};

struct id_list {
    const struct stream *streams;
    const struct id_place *places;
};

static struct id_key id_at(const void *context, uint32_t i)
{
    const struct id_list *list = context;

    return column_id_key(list->streams[list->places[i].source].c, list->places[i].place);
}

static void ids_put(struct column_merge *q)
{
    struct id_place *places = NULL;
    size_t count = 0, room = 0, row_count = 0, row_room = 0;
    uint32_t at = 0;

    for (size_t r = 0; r < q->m->run_count; r++) {
        const struct merge_run *run = &q->m->runs[r];
        struct stream *s = &q->streams[run->source];
        uint32_t end = run->from + run->count;
        uint32_t place = run->from, last = end;
        if (s->c && s->c->is_sparse) {
            place = place_from(s->c, s->cursor, run->from);
            s->cursor = last = place_from(s->c, place, end);
        }
        for (; s->c && place < last; place++) {
            uint32_t row = s->c->is_sparse ? s->c->rows[place] : place;
            ARRAY_PUSH(places, count, room) = (struct id_place){run->source, place};
            ARRAY_PUSH(q->rows, row_count, row_room) = at + (row - run->from);
        }
        at += run->count;
    }
    struct id_list list = {q->streams, places};
    encoder_ids(&q->m->encoder, (uint32_t)count, count == q->m->rows ? NULL : q->rows, id_at,
                &list);
    mem_free(places);
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
        time_put(q);
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
        s->from = s->to = s->cursor = 0;
    }
    intern_destroy(TAKE(q->union_texts));
    mem_free(TAKE(q->rows));
    mem_free(TAKE(q->codes));
    mem_free(TAKE(q->numbers));
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
