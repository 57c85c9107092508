/*
 * record/record: the records database: small tables that change (projects, keys, sessions).
 *
 * SQLite in WAL mode with full sync: a change is durable when its call (or its transaction's
 * commit) returns true. Statements are written so that PostgreSQL can answer them too: parameters
 * are $1, $2… in order of first use, no `INSERT OR …`, times are Unix milliseconds. Errors:
 * ERR_CONFLICT for a broken constraint, ERR_BUSY when another process holds the file, ERR_NO_SPACE,
 * ERR_CORRUPT for a damaged file or one that is not a database, ERR_IO. Texts name the file.
 * Thread: all functions from any thread; callers take turns. Between record_begin and its commit or
 * rollback the database belongs to the calling thread.
 */
#pragma once
#include "base/arena.h"
#include "base/err.h"

struct record;

/* One step of the schema; its statements run in one transaction. Numbers rise from 1, without gaps.
 * A step that has been released never changes. */
struct record_migration {
    int number;
    const char *sql;
};

/* Opens or makes the database and takes it to the newest step. A database whose schema is newer
 * than the list is refused (ERR_CONFLICT) and not touched. */
MUST_USE bool record_open(struct str path, const struct record_migration *migrations, size_t count,
                          struct record **out, struct err *e);
/* The same in memory, of the bytes of a database and of its log (may be empty), which both stay as
 * they are: changes are forgotten when it is closed. `path` is for errors. */
MUST_USE bool record_open_copy(struct str path, struct str db, struct str log,
                               const struct record_migration *migrations, size_t count,
                               struct record **out, struct err *e);
void record_close(struct record *r); /* NULL is fine */
AUTO_DEFINE(record, record_close)
/* On a full disk a statement of record_run is tried once more if `make_room` says that it made
 * some; one inside a transaction only where the caller tries the transaction again. Before others
 * use r. */
void record_on_full(struct record *r, bool (*make_room)(void *context), void *context);

enum record_type { RECORD_NULL, RECORD_INT, RECORD_DOUBLE, RECORD_TEXT, RECORD_BLOB };

/* A parameter, or a cell of a row. */
struct record_value {
    enum record_type type;
    int64_t integer;
    double number;
    struct str text; /* of RECORD_TEXT and RECORD_BLOB */
};

#define RECORD_I(v) ((struct record_value){.type = RECORD_INT, .integer = (v)})
#define RECORD_D(v) ((struct record_value){.type = RECORD_DOUBLE, .number = (v)})
#define RECORD_T(s) ((struct record_value){.type = RECORD_TEXT, .text = (s)})
#define RECORD_B(s) ((struct record_value){.type = RECORD_BLOB, .text = (s)})
#define RECORD_N ((struct record_value){.type = RECORD_NULL})

/* Runs one statement that answers no rows. `changed` (may be NULL) gets the rows it touched. */
MUST_USE bool record_run(struct record *r, const char *sql, const struct record_value *values,
                         size_t count, int64_t *changed, struct err *e);

/* One row; cells and their texts live until it returns. False (with `e` set) stops. It must not
 * call record functions with the same database. */
typedef bool record_row(void *context, const struct record_value *cells, size_t count,
                        struct err *e);
MUST_USE bool record_each(struct record *r, const char *sql, const struct record_value *values,
                          size_t count, record_row *row, void *context, struct err *e);
/* The first row's cells, copied into the arena; *cells is NULL when there is no row. */
MUST_USE bool record_one(struct record *r, const char *sql, const struct record_value *values,
                         size_t count, struct arena *arena, struct record_value **cells,
                         struct err *e);

MUST_USE bool record_begin(struct record *r, struct err *e);
/* On false everything since record_begin is undone. */
MUST_USE bool record_commit(struct record *r, struct err *e);
void record_rollback(struct record *r);

/* Copies the database, as it is at one moment, into a new file at `path`, durable when it returns;
 * others may go on reading and writing. */
MUST_USE bool record_copy(struct record *r, struct str path, struct err *e);
/* Reads every page and index. ERR_CORRUPT: the first thing that is wrong. */
MUST_USE bool record_check(struct record *r, struct err *e);
/* The same for a file that nobody has open, without changing anything. */
MUST_USE bool record_check_file(struct str path, struct err *e);
