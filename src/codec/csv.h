/*
 * codec/csv: RFC 4180 rows out of chunks of bytes (libcsv, strict), and safe cells back in.
 *
 * Feed bytes in any pieces; each finished row is handed to the sink, its cells valid until the sink
 * returns. Quotes that do not close, bytes after a closing quote, and rows over the limits end
 * reading with an error that names the line (codes csv.unclosed, csv.quote, csv.columns,
 * csv.row_bytes). A UTF-8 byte order mark at the start is skipped, and so are empty lines; spaces
 * are part of a cell. After a false nothing more may be fed.
 * csv_cell writes a cell so that no spreadsheet takes it for a formula: texts that start with
 * = + - @ tab or CR get a leading apostrophe (OWASP, CSV injection), unless they are numbers.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"

struct csv;

enum { CSV_COLUMNS_MAX = 4096, CSV_ROW_BYTES_MAX = 1 << 20 };

/* `line` is where the row starts, from 1. Return false (with `e` set) to stop. */
typedef bool csv_row_fn(void *context, uint64_t line, const struct str *cells, size_t count,
                        struct err *e);

struct csv *csv_create(char delimiter, csv_row_fn *row, void *context);
void csv_destroy(struct csv *c);
MUST_USE bool csv_feed(struct csv *c, struct str bytes, struct err *e);
MUST_USE bool csv_finish(struct csv *c, struct err *e); /* the last row may lack its line end */
AUTO_DEFINE(csv, csv_destroy)

void csv_cell(struct buf *out, struct str text,
              bool is_first); /* a comma before all but the first */
