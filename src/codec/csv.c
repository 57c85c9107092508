/*
 * codec/csv: libcsv splits cells; line numbers, limits and the byte order mark are ours.
 *
 * Bytes are taken one line at a time, so that at most one row ends in each step and a row's size is
 * known before it is taken in. Whole lines without a quote are split here, all others by libcsv.
 */
#include "codec/csv.h"

#include <csv.h>

static const char byte_order_mark[] = "\xEF\xBB\xBF";

struct csv {
    struct csv_parser parser;
    char delimiter;
    csv_row_fn *row;
    void *context;
    struct buf bytes; /* of the cells of the current row, one after the other */
    size_t *ends;     /* where each cell ends in `bytes` */
    struct str *cells;
    size_t count, room, cell_room;
    uint64_t line, row_line;
    size_t row_bytes; /* as read, with quotes and commas */
    size_t mark_len;  /* bytes of the byte order mark seen; 3 = past it */
    bool after_cr;
    bool has_failed;
    struct err *e; /* of the call that runs */
};

static int is_no_space(unsigned char c)
{
    (void)c;
    return 0; /* RFC 4180: spaces are part of a cell */
}

struct csv *csv_create(char delimiter, csv_row_fn *row, void *context)
{
    struct csv *c = mem_zero(sizeof *c);
    REQUIRE(csv_init(&c->parser, CSV_STRICT | CSV_STRICT_FINI) == 0);
    csv_set_delim(&c->parser, (unsigned char)delimiter);
    csv_set_space_func(&c->parser, is_no_space);
    c->delimiter = delimiter;
    c->row = row;
    c->context = context;
    c->line = c->row_line = 1;
    return c;
}

void csv_destroy(struct csv *c)
{
    if (!c)
        return;
    csv_free(&c->parser);
    buf_free(&c->bytes);
    mem_free(c->ends);
    mem_free(c->cells);
    mem_free(c);
}

static bool refuse(struct csv *c, const char *code, uint64_t line, struct err *e)
{
    c->has_failed = true;
    err_code(e, code);
    return err_at(e, "line %llu", (unsigned long long)line);
}

static void take_cell(void *bytes, size_t len, void *context)
{
    struct csv *c = context;
    if (c->count > CSV_COLUMNS_MAX)
        return;
    buf_add_bytes(&c->bytes, bytes, len);
    ARRAY_PUSH(c->ends, c->count, c->room) = c->bytes.len;
}

/* Hands a row to the sink. */
static void give_row(struct csv *c, size_t count)
{
    if (count > CSV_COLUMNS_MAX) {
        err_set(c->e, ERR_INVALID, "line %llu has more than %d columns",
                (unsigned long long)c->row_line, CSV_COLUMNS_MAX);
        refuse(c, "csv.columns", c->row_line, c->e);
    } else if (!c->row(c->context, c->row_line, c->cells, count, c->e)) {
        c->has_failed = true;
    }
    c->row_bytes = 0;
}

static void end_row(int terminator, void *context)
{
    (void)terminator;
    struct csv *c = context;
    size_t from = 0, count = 0;
    for (size_t i = 0; i < c->count; i++) {
        ARRAY_PUSH(c->cells, count, c->cell_room) =
            str_sub(buf_str(&c->bytes), from, c->ends[i] - from);
        from = c->ends[i];
    }
    give_row(c, count);
    buf_clear(&c->bytes);
    c->count = 0;
}

static bool is_line_end(char byte)
{
    return byte == '\n' || byte == '\r';
}

/* A whole line without a quote: most lines are, and splitting them needs no copy and no states. */
static bool is_plain_line(const struct csv *c, struct str piece)
{
    return c->row_bytes == piece.len && is_line_end(piece.at[piece.len - 1]) &&
           str_find(piece, '"') == piece.len;
}

static void split_plain_line(struct csv *c, struct str line)
{
    while (line.len && is_line_end(line.at[line.len - 1]))
        line.len--;
    if (line.len == 0) {
        c->row_bytes = 0; /* an empty line: no row began */
        return;
    }
    struct str cell;
    size_t count = 0;
    while (count <= CSV_COLUMNS_MAX && str_cut(&line, c->delimiter, &cell))
        ARRAY_PUSH(c->cells, count, c->cell_room) = cell;
    give_row(c, count);
}

static bool parse_piece(struct csv *c, struct str piece)
{
    return csv_parse(&c->parser, piece.at, piece.len, take_cell, end_row, c) == piece.len;
}

static bool wrong_quote(struct csv *c, struct err *e)
{
    err_set(e, ERR_INVALID, "line %llu has a quote where none may stand",
            (unsigned long long)c->line);
    err_hint(e, "put the whole cell in quotes and write each quote inside it twice");
    return refuse(c, "csv.quote", c->line, e);
}

static bool row_too_long(struct csv *c, struct err *e)
{
    err_set(e, ERR_INVALID, "the row that starts in line %llu is longer than %d bytes",
            (unsigned long long)c->row_line, CSV_ROW_BYTES_MAX);
    err_hint(e, "look for a quote that is not closed");
    return refuse(c, "csv.row_bytes", c->row_line, e);
}

/* One line with its end, or a part of one. */
static bool feed_line(struct csv *c, struct str piece, struct err *e)
{
    if (c->row_bytes == 0)
        c->row_line = c->line;
    c->row_bytes += piece.len;
    if (c->row_bytes > CSV_ROW_BYTES_MAX)
        return row_too_long(c, e);
    if (is_plain_line(c, piece)) {
        split_plain_line(c, piece);
    } else if (!parse_piece(c, piece) && !c->has_failed) {
        REQUIRE(csv_error(&c->parser) == CSV_EPARSE); /* the others are about memory */
        return wrong_quote(c, e);
    }
    if (c->has_failed)
        return false;
    bool is_second_half = c->after_cr && piece.at[0] == '\n';
    char last = piece.at[piece.len - 1];
    c->line += is_line_end(last) && !is_second_half;
    c->after_cr = last == '\r';
    return true;
}

/* Bytes up to and with the next LF, CR LF or CR. */
static size_t line_len(struct str bytes)
{
    size_t len = MIN(str_find(bytes, '\n') + 1, bytes.len);
    size_t cr = str_find(str_sub(bytes, 0, len), '\r');
    bool is_pair = cr + 2 == len && bytes.at[len - 1] == '\n';
    return is_pair ? len : MIN(cr + 1, len);
}

static struct str without_mark(struct csv *c, struct str bytes)
{
    while (c->mark_len < 3 && bytes.len && bytes.at[0] == byte_order_mark[c->mark_len]) {
        c->mark_len++;
        bytes = str_sub(bytes, 1, bytes.len);
    }
    return bytes;
}

bool csv_feed(struct csv *c, struct str bytes, struct err *e)
{
    REQUIRE(!c->has_failed);
    c->e = e;
    if (c->mark_len < 3) {
        bytes = without_mark(c, bytes);
        if (bytes.len && c->mark_len < 3) {
            struct str begun = {byte_order_mark, c->mark_len}; /* it was no mark after all */
            c->mark_len = 3;
            if (begun.len && !feed_line(c, begun, e))
                return false;
        }
    }
    while (bytes.len) {
        size_t len = line_len(bytes);
        if (!feed_line(c, str_sub(bytes, 0, len), e))
            return false;
        bytes = str_sub(bytes, len, bytes.len);
    }
    return true;
}

bool csv_finish(struct csv *c, struct err *e)
{
    REQUIRE(!c->has_failed);
    c->e = e;
    if (c->mark_len > 0 && c->mark_len < 3) {
        struct str begun = {byte_order_mark, c->mark_len};
        c->mark_len = 3;
        if (!feed_line(c, begun, e))
            return false;
    }
    if (csv_fini(&c->parser, take_cell, end_row, c) != 0) {
        err_set(e, ERR_INVALID,
                "a quote opens in the row that starts in line %llu and never closes",
                (unsigned long long)c->row_line);
        return refuse(c, "csv.unclosed", c->row_line, e);
    }
    return !c->has_failed;
}

/* Would a spreadsheet take it for a formula? https://owasp.org/www-community/attacks/CSV_Injection
 */
static bool looks_like_formula(struct str text)
{
    double number;
    return text.len && memchr("=+-@\t\r", text.at[0], 6) && !str_to_f64(text, &number);
}

void csv_cell(struct buf *out, struct str text, bool is_first)
{
    if (!is_first)
        buf_add_char(out, ',');
    bool is_formula = looks_like_formula(text);
    bool is_quoted = false;
    for (size_t i = 0; i < text.len && !is_quoted; i++)
        is_quoted = memchr(",\"\r\n", text.at[i], 4) != NULL;
    if (is_quoted)
        buf_add_char(out, '"');
    if (is_formula)
        buf_add_char(out, '\'');
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '"')
            buf_add_char(out, '"');
        buf_add_char(out, text.at[i]);
    }
    if (is_quoted)
        buf_add_char(out, '"');
}
