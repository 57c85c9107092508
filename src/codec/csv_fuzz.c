/* Rows, outcome and error do not depend on how the bytes were cut. */
#include "codec/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool note_row(void *context, uint64_t line, const struct str *cells, size_t count,
                     struct err *e)
{
    (void)e;
    buf_add_u64(context, line);
    for (size_t i = 0; i < count; i++) {
        buf_add_u64(context, cells[i].len);
        buf_add(context, cells[i]);
    }
    return true;
}

static bool read_in_steps(struct str text, size_t step, struct buf *rows, struct err *e)
{
    AUTO(csv) *c = csv_create(',', note_row, rows);
    for (size_t at = 0; at < text.len; at += step)
        if (!csv_feed(c, str_sub(text, at, step), e))
            return false;
    return csv_finish(c, e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    BUF_AUTO whole = {0};
    BUF_AUTO parts = {0};
    struct err a = {0}, b = {0};
    bool first = read_in_steps(text, size + 1, &whole, &a);
    bool second = read_in_steps(text, size ? 1 + data[0] % 7 : 1, &parts, &b);
    REQUIRE(first == second && strcmp(a.text, b.text) == 0 && strcmp(a.at, b.at) == 0);
    REQUIRE(str_equal(buf_str(&whole), buf_str(&parts)));
    return 0;
}
