#include "record/document.h"

/* All statements on the table. */
#define COLUMNS "project, kind, id, name, body, version, created, changed"
static const char insert_one[] =
    "INSERT INTO document(" COLUMNS ") VALUES ($1, $2, $3, $4, $5, 1, $6, $6)";
static const char find_one[] =
    "SELECT " COLUMNS " FROM document WHERE project = $1 AND kind = $2 AND id = $3";
static const char find_by_name[] =
    "SELECT " COLUMNS " FROM document WHERE project = $1 AND kind = $2 AND name = $3";
static const char find_page[] = "SELECT " COLUMNS " FROM document WHERE project = $1 AND kind = $2 "
                                "AND (created, id) > ($3, $4) ORDER BY created, id LIMIT $5";
static const char replace_one[] =
    "UPDATE document SET name = $1, body = $2, version = version + 1, changed = $3 "
    "WHERE project = $4 AND kind = $5 AND id = $6";
static const char remove_one[] =
    "DELETE FROM document WHERE project = $1 AND kind = $2 AND id = $3";

static struct record_value name_or_null(struct str name)
{
    return name.len ? RECORD_T(name) : RECORD_N;
}

static struct document of_cells(const struct record_value *c, struct arena *arena)
{
    return (struct document){
        .project = arena_copy(arena, c[0].text),
        .kind = arena_copy(arena, c[1].text),
        .id = arena_copy(arena, c[2].text),
        .name = c[3].type == RECORD_TEXT ? arena_copy(arena, c[3].text) : STR_NONE,
        .body = arena_copy(arena, c[4].text),
        .version = c[5].integer,
        .created = c[6].integer,
        .changed = c[7].integer,
    };
}

static bool unknown(const struct document_key *key, struct err *e)
{
    err_set(e, ERR_NOT_FOUND, "there is no %.*s \"%.*s\"", STR_ARG(key->kind),
            (int)MIN(key->id.len, 80), key->id.at);
    return err_code(e, "document.unknown");
}

/* *is_there: false leaves `out` alone. */
static bool look(struct record *r, const struct document_key *key, struct arena *arena,
                 struct document *out, bool *is_there, struct err *e)
{
    struct record_value values[] = {RECORD_T(key->project), RECORD_T(key->kind), RECORD_T(key->id)};
    struct record_value *cells = NULL;

    if (!record_one(r, find_one, values, COUNT(values), arena, &cells, e))
        return false;
    *is_there = cells != NULL;
    if (cells)
        *out = of_cells(cells, arena);
    return true;
}

bool document_find(struct record *r, const struct document_key *key, struct arena *arena,
                   struct document *out, struct err *e)
{
    bool is_there = false;

    return look(r, key, arena, out, &is_there, e) && (is_there || unknown(key, e));
}

bool document_find_name(struct record *r, struct str project, struct str kind, struct str name,
                        struct arena *arena, struct document *out, struct err *e)
{
    struct record_value values[] = {RECORD_T(project), RECORD_T(kind), RECORD_T(name)};
    struct record_value *cells = NULL;
    struct document_key key = {project, kind, name};

    if (!record_one(r, find_by_name, values, COUNT(values), arena, &cells, e))
        return false;
    if (!cells)
        return unknown(&key, e);
    *out = of_cells(cells, arena);
    return true;
}

/* Is the name another's? A broken constraint alone does not say which one. */
static bool check_name(struct record *r, const struct document *d, struct arena *arena,
                       struct err *e)
{
    struct document other;
    struct err why = {0};

    if (!d->name.len)
        return true;
    if (!document_find_name(r, d->project, d->kind, d->name, arena, &other, &why)) {
        if (why.kind == ERR_NOT_FOUND)
            return true;
        *e = why;
        return false;
    }
    if (str_equal(other.id, d->id))
        return true;
    err_set(e, ERR_CONFLICT, "there is %s %.*s \"%.*s\" already",
            d->kind.len && memchr("aeiou", d->kind.at[0], 5) ? "an" : "a", STR_ARG(d->kind),
            (int)MIN(d->name.len, 80), d->name.at);
    err_code(e, "document.taken");
    err_at(e, "/name");
    return err_hint(e, "choose another name, or replace %.*s", (int)MIN(other.id.len, 64),
                    other.id.at);
}

static bool create_within(struct record *r, int64_t now_ms, struct document *d, bool *made,
                          struct arena *arena, struct err *e)
{
    struct document_key key = {d->project, d->kind, d->id};
    struct document old;
    bool is_there = false;

    if (!look(r, &key, arena, &old, &is_there, e))
        return false;
    *made = !is_there;
    if (is_there) {
        d->version = old.version;
        d->created = old.created;
        d->changed = old.changed;
        if (str_equal(old.name, d->name) && str_equal(old.body, d->body))
            return true;
        err_set(e, ERR_CONFLICT, "%.*s \"%.*s\" is there already, with another content",
                STR_ARG(d->kind), (int)MIN(d->id.len, 80), d->id.at);
        err_code(e, "document.exists");
        err_at(e, "/id");
        return err_hint(e, "replace it with PUT, or send another id");
    }
    struct record_value values[] = {RECORD_T(d->project),  RECORD_T(d->kind), RECORD_T(d->id),
                                    name_or_null(d->name), RECORD_T(d->body), RECORD_I(now_ms)};
    d->version = 1;
    d->created = d->changed = now_ms;
    return check_name(r, d, arena, e) && record_run(r, insert_one, values, COUNT(values), NULL, e);
}

bool document_create(struct record *r, int64_t now_ms, struct document *d, bool *made,
                     struct err *e)
{
    AUTO(arena) *arena = arena_create(1 << 10);

    REQUIRE(d->id.len > 0);
    if (!record_begin(r, e))
        return false;
    if (!create_within(r, now_ms, d, made, arena, e)) {
        record_rollback(r);
        return false;
    }
    return record_commit(r, e);
}

/* Is it there, and the version that is meant? */
static bool find_version(struct record *r, const struct document_key *key, int64_t version,
                         struct arena *arena, struct document *out, struct err *e)
{
    if (!document_find(r, key, arena, out, e))
        return false;
    if (!version || version == out->version)
        return true;
    err_set(e, ERR_STALE, "%.*s \"%.*s\" was changed meanwhile: it has version %lld, not %lld",
            STR_ARG(key->kind), (int)MIN(key->id.len, 80), key->id.at, (long long)out->version,
            (long long)version);
    err_code(e, "document.changed");
    return err_hint(e, "read it again, and send your change with the new ETag");
}

static bool replace_within(struct record *r, int64_t now_ms, int64_t version, struct document *d,
                           struct arena *arena, struct err *e)
{
    struct document_key key = {d->project, d->kind, d->id};
    struct document old;

    if (!find_version(r, &key, version, arena, &old, e) || !check_name(r, d, arena, e))
        return false;
    struct record_value values[] = {name_or_null(d->name), RECORD_T(d->body), RECORD_I(now_ms),
                                    RECORD_T(d->project),  RECORD_T(d->kind), RECORD_T(d->id)};
    d->created = old.created;
    d->version = old.version + 1;
    d->changed = now_ms;
    return record_run(r, replace_one, values, COUNT(values), NULL, e);
}

bool document_replace(struct record *r, int64_t now_ms, int64_t version, struct document *d,
                      struct err *e)
{
    AUTO(arena) *arena = arena_create(1 << 10);

    if (!record_begin(r, e))
        return false;
    if (!replace_within(r, now_ms, version, d, arena, e)) {
        record_rollback(r);
        return false;
    }
    return record_commit(r, e);
}

bool document_remove(struct record *r, const struct document_key *key, int64_t version,
                     struct err *e)
{
    struct record_value values[] = {RECORD_T(key->project), RECORD_T(key->kind), RECORD_T(key->id)};
    AUTO(arena) *arena = arena_create(1 << 10);
    struct document old;

    if (!record_begin(r, e))
        return false;
    if (!find_version(r, key, version, arena, &old, e) ||
        !record_run(r, remove_one, values, COUNT(values), NULL, e)) {
        record_rollback(r);
        return false;
    }
    return record_commit(r, e);
}

/* ---- lists ---- */

struct str document_cursor(const struct document *d, struct arena *arena)
{
    return arena_printf(arena, "%lld.%.*s", (long long)d->created, STR_ARG(d->id));
}

static bool cursor_read(struct str text, int64_t *created, struct str *id, struct err *e)
{
    struct str rest = text, head;

    *created = INT64_MIN;
    *id = STR_NONE;
    if (!text.len)
        return true;
    if (str_cut(&rest, '.', &head) && str_to_i64(head, created)) {
        *id = rest;
        return true;
    }
    err_set(e, ERR_INVALID, "\"%.*s\" is no cursor that a list gave", (int)MIN(text.len, 80),
            text.at);
    err_code(e, "document.cursor");
    return err_at(e, "cursor");
}

struct filling {
    struct arena *arena;
    struct document_page *page;
    size_t limit;
};

static bool take_row(void *context, const struct record_value *cells, size_t count, struct err *e)
{
    struct filling *f = context;

    (void)e;
    REQUIRE(count == 8);
    f->page->has_more = f->page->count == f->limit; /* one more than the page is asked for */
    if (!f->page->has_more)
        f->page->list[f->page->count++] = of_cells(cells, f->arena);
    return true;
}

bool document_list(struct record *r, struct str project, struct str kind, struct str after,
                   size_t limit, struct arena *arena, struct document_page *out, struct err *e)
{
    struct filling filling = {arena, out, limit};
    int64_t created;
    struct str id;

    *out = (struct document_page){.list = arena_array(arena, limit + 1, sizeof *out->list)};
    if (!cursor_read(after, &created, &id, e))
        return false;
    struct record_value values[] = {RECORD_T(project), RECORD_T(kind), RECORD_I(created),
                                    RECORD_T(id), RECORD_I((int64_t)limit + 1)};
    return record_each(r, find_page, values, COUNT(values), take_row, &filling, e);
}

struct str document_id(const unsigned char bits[8], struct arena *arena)
{
    static const char letters[] = "0123456789abcdef";
    char text[16];

    for (size_t i = 0; i < sizeof text; i++)
        text[i] = letters[bits[i / 2] >> (i % 2 * 4) & 15];
    return arena_copy(arena, (struct str){text, sizeof text});
}
