/* Rows are the same however the bytes are cut: whole, and in pieces as long as the first byte says.
 */
#include "codec/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Writes each row down: line, and cells with their lengths. */
static bool note(void *context, uint64_t line, const struct str *cells, size_t count, struct err *e)
{
    struct buf *rows = context;

    (void)e;
    buf_add_u64(rows, line);
    for (size_t i = 0; i < count; i++) {
        buf_add_u64(rows, cells[i].len);
        buf_add(rows, cells[i]);
    }
    buf_add_char(rows, '\n');
    return true;
}

static bool read_in_pieces(struct str text, size_t piece, struct buf *rows)
{
    AUTO(csv) *c = csv_create(',', note, rows);
    struct err e = {0};

    for (size_t at = 0; at < text.len; at += piece) {
        if (!csv_feed(c, str_sub(text, at, piece), &e))
            return false;
    }
    return csv_finish(c, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    BUF_AUTO whole = {0}, pieces = {0};

    if (size < 2)
        return 0;
    struct str text = {(const char *)data + 1, size - 1};
    bool is_good = read_in_pieces(text, text.len, &whole);
    REQUIRE(read_in_pieces(text, 1 + data[0] % 16, &pieces) == is_good);
    if (is_good)
        REQUIRE(str_equal(buf_str(&whole), buf_str(&pieces)));
    return 0;
}
