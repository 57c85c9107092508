#include "record/record.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>

#include "base/buf.h"
#include "record/image.h"

enum { STATEMENTS_KEPT = 32, BUSY_MS = 5000, CACHE_KIB = 512 };

/* A prepared statement, known by the address of its text: statements are literals. */
struct prepared {
    const char *sql;
    sqlite3_stmt *statement;
};

struct record {
    sqlite3 *db;
    pthread_mutex_t mutex; /* recursive: held across a transaction */
    struct prepared kept[STATEMENTS_KEPT];
    size_t kept_count;
    char *path;
    bool (*make_room)(void *context);
    void *make_room_context;
};

/* The result code's kind; the rest is ERR_IO. */
static enum err_kind kind_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
        return ERR_CONFLICT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_BUSY;
    case SQLITE_FULL:
        return ERR_NO_SPACE;
    case SQLITE_NOMEM:
        return ERR_NO_MEMORY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERR_CORRUPT;
    default:
        return ERR_IO;
    }
}

static bool fail(struct record *r, int code, struct err *e)
{
    const char *words = r->db ? sqlite3_errmsg(r->db) : sqlite3_errstr(code);

    err_set(e, kind_of(code), "records database %s: %s", r->path, words);
    if (kind_of(code) == ERR_CORRUPT)
        err_hint(e, "restore it from a backup; the events themselves are in projects/");
    return false;
}

static bool execute(struct record *r, const char *sql, struct err *e)
{
    int code = sqlite3_exec(r->db, sql, NULL, NULL, NULL);

    return code == SQLITE_OK || fail(r, code, e);
}

static bool prepare(struct record *r, const char *sql, sqlite3_stmt **out, struct err *e)
{
    for (size_t i = 0; i < r->kept_count; i++) {
        if (r->kept[i].sql == sql) {
            *out = r->kept[i].statement;
            return true;
        }
    }
    int code = sqlite3_prepare_v3(r->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
    if (code != SQLITE_OK)
        return fail(r, code, e);
    if (r->kept_count == STATEMENTS_KEPT) {
        sqlite3_finalize(r->kept[0].statement);
        memmove(r->kept, r->kept + 1, sizeof r->kept - sizeof r->kept[0]);
        r->kept_count--;
    }
    r->kept[r->kept_count++] = (struct prepared){sql, *out};
    return true;
}

static int bind_one(sqlite3_stmt *s, int at, const struct record_value *v)
{
    switch (v->type) {
    case RECORD_INT:
        return sqlite3_bind_int64(s, at, v->integer);
    case RECORD_DOUBLE:
        return sqlite3_bind_double(s, at, v->number);
    case RECORD_TEXT:
        return sqlite3_bind_text64(s, at, v->text.at ? v->text.at : "", v->text.len, SQLITE_STATIC,
                                   SQLITE_UTF8);
    case RECORD_BLOB:
        return sqlite3_bind_blob64(s, at, v->text.at ? v->text.at : "", v->text.len, SQLITE_STATIC);
    case RECORD_NULL:
        break;
    }
    return sqlite3_bind_null(s, at);
}

static bool bind(struct record *r, sqlite3_stmt *s, const struct record_value *values, size_t count,
                 struct err *e)
{
    REQUIRE((size_t)sqlite3_bind_parameter_count(s) == count);
    for (size_t i = 0; i < count; i++) {
        int code = bind_one(s, (int)i + 1, &values[i]);
        if (code != SQLITE_OK)
            return fail(r, code, e);
    }
    return true;
}

static struct record_value cell(sqlite3_stmt *s, int column)
{
    switch (sqlite3_column_type(s, column)) {
    case SQLITE_INTEGER:
        return RECORD_I(sqlite3_column_int64(s, column));
    case SQLITE_FLOAT:
        return RECORD_D(sqlite3_column_double(s, column));
    case SQLITE_TEXT: {
        const char *at = (const char *)sqlite3_column_text(s, column);
        return RECORD_T(((struct str){at, (size_t)sqlite3_column_bytes(s, column)}));
    }
    case SQLITE_BLOB: {
        const char *at = sqlite3_column_blob(s, column);
        return RECORD_B(((struct str){at ? at : "", (size_t)sqlite3_column_bytes(s, column)}));
    }
    default:
        return RECORD_N;
    }
}

enum { COLUMNS_MAX = 32 };

static bool step_rows(struct record *r, sqlite3_stmt *s, record_row *row, void *context,
                      struct err *e)
{
    for (;;) {
        struct record_value cells[COLUMNS_MAX];
        int code = sqlite3_step(s);

        if (code == SQLITE_DONE)
            return true;
        if (code != SQLITE_ROW)
            return fail(r, code, e);
        int columns = sqlite3_column_count(s);
        REQUIRE(columns <= COLUMNS_MAX);
        for (int i = 0; i < columns; i++)
            cells[i] = cell(s, i);
        if (row && !row(context, cells, (size_t)columns, e))
            return false;
    }
}

bool record_each(struct record *r, const char *sql, const struct record_value *values, size_t count,
                 record_row *row, void *context, struct err *e)
{
    sqlite3_stmt *s = NULL;

    REQUIRE(r && sql);
    pthread_mutex_lock(&r->mutex);
    bool ok =
        prepare(r, sql, &s, e) && bind(r, s, values, count, e) && step_rows(r, s, row, context, e);
    if (s) {
        sqlite3_reset(s);
        sqlite3_clear_bindings(s);
    }
    pthread_mutex_unlock(&r->mutex);
    return ok;
}

bool record_run(struct record *r, const char *sql, const struct record_value *values, size_t count,
                int64_t *changed, struct err *e)
{
    pthread_mutex_lock(&r->mutex);
    bool ok = record_each(r, sql, values, count, NULL, NULL, e);
    /* Within a transaction, what came before may be undone: only its owner can try again. */
    if (!ok && e->kind == ERR_NO_SPACE && r->make_room && sqlite3_get_autocommit(r->db) &&
        r->make_room(r->make_room_context)) {
        *e = (struct err){0};
        ok = record_each(r, sql, values, count, NULL, NULL, e);
    }
    if (ok && changed)
        *changed = sqlite3_changes64(r->db);
    pthread_mutex_unlock(&r->mutex);
    return ok;
}

struct one {
    struct arena *arena;
    struct record_value *cells;
};

static bool keep_first(void *context, const struct record_value *cells, size_t count, struct err *e)
{
    struct one *one = context;

    (void)e;
    if (one->cells)
        return true;
    one->cells = arena_array(one->arena, count, sizeof *one->cells);
    for (size_t i = 0; i < count; i++) {
        one->cells[i] = cells[i];
        if (cells[i].type == RECORD_TEXT || cells[i].type == RECORD_BLOB)
            one->cells[i].text = arena_copy(one->arena, cells[i].text);
    }
    return true;
}

bool record_one(struct record *r, const char *sql, const struct record_value *values, size_t count,
                struct arena *arena, struct record_value **cells, struct err *e)
{
    struct one one = {.arena = arena};

    if (!record_each(r, sql, values, count, keep_first, &one, e))
        return false;
    *cells = one.cells;
    return true;
}

bool record_begin(struct record *r, struct err *e)
{
    pthread_mutex_lock(&r->mutex);
    if (execute(r, "BEGIN IMMEDIATE", e))
        return true;
    pthread_mutex_unlock(&r->mutex);
    return false;
}

bool record_commit(struct record *r, struct err *e)
{
    bool ok = execute(r, "COMMIT", e);

    if (!ok && !sqlite3_get_autocommit(r->db))
        sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
    pthread_mutex_unlock(&r->mutex);
    return ok;
}

void record_rollback(struct record *r)
{
    /* A full disk or a damaged page may have rolled it back already. */
    if (!sqlite3_get_autocommit(r->db))
        sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
    pthread_mutex_unlock(&r->mutex);
}

static bool schema_number(struct record *r, int64_t *out, struct err *e)
{
    AUTO(arena) *arena = arena_create(0);
    struct record_value *cells = NULL;

    if (!record_one(r, "SELECT coalesce(max(number), 0) FROM migration", NULL, 0, arena, &cells, e))
        return false;
    *out = cells ? cells[0].integer : 0;
    return true;
}

static bool migrate_one(struct record *r, const struct record_migration *m, struct err *e)
{
    struct record_value number = RECORD_I(m->number);

    if (!record_begin(r, e))
        return false;
    if (!execute(r, m->sql, e) ||
        !record_run(r, "INSERT INTO migration(number) VALUES ($1)", &number, 1, NULL, e)) {
        record_rollback(r);
        return err_while(e, "taking the schema to step %d", m->number);
    }
    return record_commit(r, e);
}

/* Reads before it writes: a newer database must not be touched. */
static bool migrate(struct record *r, const struct record_migration *list, size_t count,
                    struct err *e)
{
    AUTO(arena) *arena = arena_create(0);
    struct record_value *cells = NULL;
    int64_t at = 0;

    if (!record_one(r, "SELECT 1 FROM sqlite_schema WHERE name = 'migration'", NULL, 0, arena,
                    &cells, e))
        return false;
    if (cells && !schema_number(r, &at, e))
        return false;
    int64_t newest = count ? list[count - 1].number : 0;
    if (at > newest) {
        err_set(e, ERR_CONFLICT,
                "records database %s has schema %lld, and this tenure knows up to %lld", r->path,
                (long long)at, (long long)newest);
        return err_hint(e, "run the newer tenure that wrote it");
    }
    if (!execute(r, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL", e))
        return false;
    if (!cells && !execute(r, "CREATE TABLE migration(number INTEGER PRIMARY KEY) STRICT", e))
        return false;
    for (size_t i = 0; i < count; i++) {
        REQUIRE(list[i].number == (int)i + 1);
        if (list[i].number > at && !migrate_one(r, &list[i], e))
            return false;
    }
    return true;
}

static bool set_up(struct record *r, struct err *e)
{
    sqlite3_extended_result_codes(r->db, 1);
    sqlite3_busy_timeout(r->db, BUSY_MS);
    sqlite3_db_config(r->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(r->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(r->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(r->db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);

    /* secure_delete: what was erased must not be found in free pages */
    char settings[96];
    snprintf(settings, sizeof settings,
             "PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON; PRAGMA cache_size=-%d", CACHE_KIB);
    return execute(r, settings, e);
}

static struct record *create(struct str path)
{
    struct record *r = mem_zero(sizeof *r);
    pthread_mutexattr_t recursive;

    r->path = mem_zero(path.len + 1);
    memcpy(r->path, path.at, path.len);
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&r->mutex, &recursive);
    pthread_mutexattr_destroy(&recursive);
    return r;
}

bool record_open(struct str path, const struct record_migration *migrations, size_t count,
                 struct record **out, struct err *e)
{
    REQUIRE(path.len && out);
    AUTO(record) *r = create(path);

    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int code = sqlite3_open_v2(r->path, &r->db, flags, NULL);
    if (code != SQLITE_OK)
        return fail(r, code, e);
    if (!set_up(r, e) || !migrate(r, migrations, count, e))
        return false;
    *out = TAKE(r);
    return true;
}

/* Gives the bytes to the database; SQLite frees them. */
static bool take_image(struct record *r, struct str image, struct err *e)
{
    unsigned char *bytes = sqlite3_malloc64(image.len + 1);

    if (!bytes)
        return err_set(e, ERR_NO_MEMORY, "records database %s: no memory for a copy", r->path);
    memcpy(bytes, image.at, image.len);
    int code = sqlite3_deserialize(r->db, "main", bytes, (sqlite3_int64)image.len,
                                   (sqlite3_int64)image.len,
                                   SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE);
    return code == SQLITE_OK || fail(r, code, e);
}

bool record_open_copy(struct str path, struct str db, struct str log,
                      const struct record_migration *migrations, size_t count, struct record **out,
                      struct err *e)
{
    AUTO(record) *r = create(path);
    BUF_AUTO image = {0};

    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX;
    int code = sqlite3_open_v2(":memory:", &r->db, flags, NULL);
    if (code != SQLITE_OK)
        return fail(r, code, e);
    record_image(db, log, &image);
    if ((image.len && !take_image(r, buf_str(&image), e)) || !set_up(r, e) ||
        !migrate(r, migrations, count, e))
        return false;
    *out = TAKE(r);
    return true;
}

void record_on_full(struct record *r, bool (*make_room)(void *context), void *context)
{
    r->make_room = make_room;
    r->make_room_context = context;
}

void record_close(struct record *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->kept_count; i++)
        sqlite3_finalize(r->kept[i].statement);
    if (r->db)
        sqlite3_close(r->db);
    pthread_mutex_destroy(&r->mutex);
    mem_free(r->path);
    mem_free(r);
}

/* ---- copies and checks ---- */

static bool copy_pages(struct record *r, struct record *to, struct err *e)
{
    sqlite3_backup *b = sqlite3_backup_init(to->db, "main", r->db, "main");
    int code;

    if (!b)
        return fail(to, sqlite3_errcode(to->db), e);
    do {
        code = sqlite3_backup_step(b, -1);
        if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
            sqlite3_sleep(10); /* another process writes; a copy may wait */
    } while (code == SQLITE_OK || code == SQLITE_BUSY || code == SQLITE_LOCKED);
    code = sqlite3_backup_finish(b);
    return code == SQLITE_OK || fail(to, code, e);
}

static struct record *unopened(struct str path)
{
    struct record *r = mem_zero(sizeof *r);

    r->path = mem_zero(path.len + 1);
    memcpy(r->path, path.at, path.len);
    pthread_mutex_init(&r->mutex, NULL);
    return r;
}

bool record_copy(struct record *r, struct str path, struct err *e)
{
    AUTO(record) *to = unopened(path);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int code = sqlite3_open_v2(to->path, &to->db, flags, NULL);

    if (code != SQLITE_OK)
        return fail(to, code, e);
    if (!execute(to, "PRAGMA synchronous=FULL", e))
        return false;
    pthread_mutex_lock(&r->mutex);
    bool ok = copy_pages(r, to, e);
    pthread_mutex_unlock(&r->mutex);
    /* One file, without a log of its own beside it; whoever opens it chooses anew. */
    return ok && execute(to, "PRAGMA journal_mode=DELETE", e);
}

static bool first_complaint(void *context, const struct record_value *cells, size_t count,
                            struct err *e)
{
    struct record *r = context;

    if (count == 1 && cells[0].type == RECORD_TEXT && str_equal(cells[0].text, STR("ok")))
        return true;
    err_set(e, ERR_CORRUPT, "records database %s is damaged: %.*s", r->path,
            cells[0].type == RECORD_TEXT ? (int)MIN(cells[0].text.len, 120) : 0, cells[0].text.at);
    return err_hint(e, "restore it from a backup; the events themselves are in projects/");
}

static bool foreign_complaint(void *context, const struct record_value *cells, size_t count,
                              struct err *e)
{
    struct record *r = context;

    (void)count;
    err_set(e, ERR_CORRUPT, "records database %s is damaged: a row of %.*s belongs to nothing",
            r->path, STR_ARG(cells[0].text));
    return err_hint(e, "restore it from a backup; the events themselves are in projects/");
}

bool record_check(struct record *r, struct err *e)
{
    return record_each(r, "PRAGMA integrity_check(1)", NULL, 0, first_complaint, r, e) &&
           record_each(r, "PRAGMA foreign_key_check", NULL, 0, foreign_complaint, r, e);
}

/* Immutable: no lock, no log, nothing is made beside it. */
static void put_uri(struct buf *uri, struct str path)
{
    buf_add(uri, STR("file:"));
    for (size_t i = 0; i < path.len; i++) {
        char c = path.at[i];
        if (c == '?' || c == '#' || c == '%')
            buf_printf(uri, "%%%02X", (unsigned)(unsigned char)c);
        else
            buf_add_char(uri, c);
    }
    buf_add(uri, STR("?immutable=1"));
    buf_add_char(uri, 0);
}

bool record_check_file(struct str path, struct err *e)
{
    AUTO(record) *r = unopened(path);
    BUF_AUTO uri = {0};

    put_uri(&uri, path);
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX;
    int code = sqlite3_open_v2(uri.at, &r->db, flags, NULL);
    if (code != SQLITE_OK)
        return fail(r, code, e);
    return record_check(r, e);
}
