/* store/inventory: see inventory.h. */
#include "store/inventory.h"

#include "codec/bytes.h"
#include "codec/json.h"

enum {
    COPY_BYTES = 1 << 20,
    INVENTORY_BYTES_MAX = 64 << 20,
    WORD_TEXT_BYTES = 16,
    HASH_TEXT_BYTES = 32
};
#define SUM_BEFORE ",\n\"sum\":\""
#define SUM_AFTER "\"}\n"

/* ---- hashes as text: 32 hex digits, the high half first ---- */

static void word_put(uint64_t v, struct buf *into)
{
    unsigned char bytes[8];

    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(v >> (56 - 8 * i));
    hex_put(into, (struct str){(const char *)bytes, sizeof bytes});
}

static void hash_put(struct hash128 h, struct buf *into)
{
    word_put(h.high, into);
    word_put(h.low, into);
}

static bool word_get(struct str text, uint64_t *out)
{
    BUF_AUTO bytes = {0};

    if (text.len != WORD_TEXT_BYTES || !hex_get(text, &bytes))
        return false;
    *out = 0;
    for (size_t i = 0; i < bytes.len; i++)
        *out = *out << 8 | (unsigned char)bytes.at[i];
    return true;
}

static bool hash_get(struct str text, struct hash128 *out)
{
    return text.len == HASH_TEXT_BYTES && word_get(str_sub(text, 0, WORD_TEXT_BYTES), &out->high) &&
           word_get(str_sub(text, WORD_TEXT_BYTES, WORD_TEXT_BYTES), &out->low);
}

static bool hash_equal(struct hash128 a, struct hash128 b)
{
    return a.low == b.low && a.high == b.high;
}

/* ---- writing ---- */

static void put_hash(struct jwrite *w, const char *key, struct hash128 h)
{
    BUF_AUTO text = {0};

    hash_put(h, &text);
    jwrite_pair_string(w, key, buf_str(&text));
}

static void put_project(struct jwrite *w, const struct inventory_project *p)
{
    BUF_AUTO store = {0};

    word_put(p->store, &store);
    jwrite_object(w);
    jwrite_pair_string(w, "project", p->name);
    jwrite_pair_int(w, "sequence", (int64_t)p->sequence);
    jwrite_pair_string(w, "store", buf_str(&store));
    jwrite_end(w);
}

static void put_file(struct jwrite *w, const struct inventory_file *f)
{
    jwrite_object(w);
    jwrite_pair_string(w, "name", f->name);
    jwrite_pair_int(w, "bytes", (int64_t)f->bytes);
    put_hash(w, "xxh3_128", f->hash);
    jwrite_end(w);
}

void inventory_put(const struct inventory *v, struct buf *into)
{
    size_t start = into->len;
    struct jwrite w = jwrite_to(into);

    jwrite_object(&w);
    jwrite_pair_int(&w, "backup", INVENTORY_VERSION);
    jwrite_pair_string(&w, "made_by", v->made_by);
    jwrite_pair_int(&w, "made_ms", v->made_ms);
    jwrite_key(&w, STR("projects"));
    jwrite_array(&w);
    for (size_t i = 0; i < v->project_count; i++)
        put_project(&w, &v->projects[i]);
    jwrite_end(&w);
    jwrite_key(&w, STR("files"));
    jwrite_array(&w);
    for (size_t i = 0; i < v->file_count; i++)
        put_file(&w, &v->files[i]);
    jwrite_end(&w);
    struct hash128 sum = hash128(str_sub(buf_str(into), start, into->len), 0);
    buf_add(into, STR(SUM_BEFORE));
    hash_put(sum, into);
    buf_add(into, STR(SUM_AFTER));
}

/* ---- reading ---- */

static bool damaged(struct str path, const char *what, struct err *e)
{
    err_set(e, ERR_CORRUPT, "the backup's inventory %.*s is damaged: %s", STR_ARG(path), what);
    return err_hint(e, "use another backup");
}

/* Each part is a plain name: nothing leads out of the directory. */
static bool is_safe(struct str name)
{
    struct str rest = name, part;

    if (!name.len || name.len > OS_PATH_BYTES / 2 || str_find(name, 0) < name.len)
        return false;
    while (str_cut(&rest, '/', &part))
        if (!part.len || str_equal(part, STR(".")) || str_equal(part, STR("..")))
            return false;
    return true;
}

static bool sum_fits(struct str text)
{
    struct str before = STR(SUM_BEFORE), after = STR(SUM_AFTER);
    size_t tail = before.len + HASH_TEXT_BYTES + after.len;
    struct hash128 sum;

    if (text.len < tail)
        return false;
    struct str end = str_sub(text, text.len - tail, tail);
    return str_starts(end, before) && str_ends(end, after) &&
           hash_get(str_sub(end, before.len, HASH_TEXT_BYTES), &sum) &&
           hash_equal(sum, hash128(str_sub(text, 0, text.len - tail), 0));
}

static bool get_text(struct json object, const char *name, struct arena *arena, struct str *out)
{
    if (!json_string(json_member(object, str_of(name)), out))
        return false;
    *out = arena_copy(arena, *out);
    return true;
}

static bool get_number(struct json object, const char *name, uint64_t *out)
{
    int64_t v;

    if (!json_int(json_member(object, str_of(name)), &v) || v < 0)
        return false;
    *out = (uint64_t)v;
    return true;
}

static bool get_hash(struct json object, const char *name, struct hash128 *out)
{
    struct str text;

    return json_string(json_member(object, str_of(name)), &text) && hash_get(text, out);
}

static bool get_lists(struct json root, struct arena *arena, struct inventory *out)
{
    struct json projects = json_member(root, STR("projects"));
    struct json files = json_member(root, STR("files"));

    out->projects = arena_array(arena, json_count(projects), sizeof *out->projects);
    for (struct json_each it = json_each(projects); json_next(&it);) {
        struct inventory_project *p = &out->projects[out->project_count++];
        struct str store;
        if (!get_text(it.value, "project", arena, &p->name) ||
            !get_number(it.value, "sequence", &p->sequence) ||
            !json_string(json_member(it.value, STR("store")), &store) ||
            !word_get(store, &p->store))
            return false;
    }
    out->files = arena_array(arena, json_count(files), sizeof *out->files);
    for (struct json_each it = json_each(files); json_next(&it);) {
        struct inventory_file *f = &out->files[out->file_count++];
        if (!get_text(it.value, "name", arena, &f->name) || !is_safe(f->name) ||
            !get_number(it.value, "bytes", &f->bytes) || !get_hash(it.value, "xxh3_128", &f->hash))
            return false;
        out->bytes += f->bytes;
    }
    return true;
}

bool inventory_parse(struct str text, struct str path, struct arena *arena, struct inventory *out,
                     struct err *e)
{
    AUTO(json_parser) *parser = json_parser_create();
    struct json root;
    uint64_t version = 0, made = 0;

    *out = (struct inventory){0};
    if (text.len > INVENTORY_BYTES_MAX || !json_parse(parser, text, &root, e))
        return damaged(path, "it is not what was written", e);
    if (!get_number(root, "backup", &version) || version == 0)
        return damaged(path, "it does not say its version", e);
    if (version > INVENTORY_VERSION) {
        err_set(e, ERR_UNSUPPORTED, "%.*s was written by a newer Tenure (version %llu)",
                STR_ARG(path), (unsigned long long)version);
        return err_hint(e, "restore it with the newer Tenure");
    }
    if (!sum_fits(text))
        return damaged(path, "its checksum does not fit", e);
    if (!get_text(root, "made_by", arena, &out->made_by) || !get_number(root, "made_ms", &made) ||
        !get_lists(root, arena, out))
        return damaged(path, "a member is missing or wrong", e);
    out->made_ms = (int64_t)made;
    return true;
}

bool inventory_read(struct os *os, struct str dir, struct arena *arena, struct inventory *out,
                    struct err *e)
{
    struct str path = arena_printf(arena, "%.*s/" INVENTORY_NAME, STR_ARG(dir)), text;

    if (os_read_whole(os, path, arena, &text, e))
        return inventory_parse(text, path, arena, out, e);
    if (e->kind == ERR_NOT_FOUND) {
        err_set(e, ERR_NOT_FOUND, "%.*s is not a whole backup: it has no " INVENTORY_NAME,
                STR_ARG(dir));
        return err_hint(e, "a backup that was cut short is left as DIR.partial");
    }
    return false;
}

/* ---- files ---- */

/* Reads the next part; every byte counts. */
static bool read_part(struct os_file *from, uint64_t at, struct str room, uint64_t left,
                      struct str *part, struct err *e)
{
    size_t want = (size_t)MIN(left, (uint64_t)room.len), got;

    if (!os_file_read_at(from, at, (char *)room.at, want, &got, e))
        return false;
    if (got < want)
        return err_set(e, ERR_CORRUPT, "the file is cut: it ends at byte %llu",
                       (unsigned long long)(at + got));
    *part = (struct str){room.at, got};
    return true;
}

/* Through all of it, into `to` if there is one. */
static bool go_through(struct os_file *from, uint64_t bytes, struct os_file *to,
                       const struct copy_options *options, struct hash128 *hash, struct err *e)
{
    struct hash_stream h;
    BUF_AUTO memory = {0};
    struct str room = {buf_reserve(&memory, COPY_BYTES), COPY_BYTES}, part;

    hash_stream_begin(&h);
    for (uint64_t at = 0; at < bytes; at += part.len) {
        if (!read_part(from, at, room, bytes - at, &part, e) ||
            (to && !os_file_write_at(to, at, &part, 1, e)))
            return false;
        hash_stream_add(&h, part);
        if (options->progress && !options->progress(options->context, part.len))
            return err_set(e, ERR_BUSY, "stopped before the end");
    }
    *hash = hash_stream_end(&h);
    return true;
}

bool file_hash(struct os_file *from, uint64_t bytes, const struct copy_options *options,
               struct hash128 *hash, struct err *e)
{
    return go_through(from, bytes, NULL, options, hash, e);
}

bool file_copy(struct os *os, struct os_file *from, uint64_t bytes, struct str to,
               const struct copy_options *options, struct hash128 *hash, struct err *e)
{
    AUTO(os_file) *file = NULL;

    return os_file_open(os, to, OS_CREATE, &file, e) &&
           go_through(from, bytes, file, options, hash, e) && os_file_sync(file, e);
}

static bool open_listed(struct os *os, struct str dir, const struct inventory_file *f,
                        struct os_file **out, struct err *e)
{
    AUTO(arena) *arena = arena_create(1 << 10);
    struct str path = arena_printf(arena, "%.*s/%.*s", STR_ARG(dir), STR_ARG(f->name));
    uint64_t bytes;

    if (!os_file_open(os, path, OS_READ, out, e)) {
        if (e->kind == ERR_NOT_FOUND)
            err_set(e, ERR_CORRUPT, "%.*s is missing from the backup", STR_ARG(path));
        return false;
    }
    if (!os_file_size(*out, &bytes, e))
        return false;
    if (bytes == f->bytes)
        return true;
    err_set(e, ERR_CORRUPT, "%.*s is damaged: it has %llu bytes, and the inventory names %llu",
            STR_ARG(path), (unsigned long long)bytes, (unsigned long long)f->bytes);
    return err_hint(e, "use another backup");
}

bool inventory_file_look(struct os *os, struct str dir, const struct inventory_file *f,
                         struct err *e)
{
    AUTO(os_file) *file = NULL;

    return open_listed(os, dir, f, &file, e);
}

static bool compare(struct str dir, const struct inventory_file *f, struct hash128 seen,
                    struct err *e)
{
    if (hash_equal(seen, f->hash))
        return true;
    err_set(e, ERR_CORRUPT, "%.*s/%.*s is damaged: its bytes are not those of the inventory",
            STR_ARG(dir), STR_ARG(f->name));
    return err_hint(e, "use another backup");
}

bool inventory_file_check(struct os *os, struct str dir, const struct inventory_file *f,
                          const struct copy_options *options, struct err *e)
{
    AUTO(os_file) *file = NULL;
    struct hash128 seen;

    return open_listed(os, dir, f, &file, e) && file_hash(file, f->bytes, options, &seen, e) &&
           compare(dir, f, seen, e);
}

/* Makes the folders of "projects/shop/manifest" below `to`. */
static bool make_folders(struct os *os, struct str to, struct str name, struct arena *arena,
                         struct err *e)
{
    for (size_t i = 0; i < name.len; i++) {
        struct str folder = arena_printf(arena, "%.*s/%.*s", STR_ARG(to), (int)i, name.at);
        if (name.at[i] == '/' && !os_dir_make(os, folder, e))
            return false;
    }
    return true;
}

bool inventory_file_copy(struct os *os, struct str dir, struct str to,
                         const struct inventory_file *f, const struct copy_options *options,
                         struct err *e)
{
    AUTO(arena) *arena = arena_create(1 << 10);
    AUTO(os_file) *file = NULL;
    struct str path = arena_printf(arena, "%.*s/%.*s", STR_ARG(to), STR_ARG(f->name));
    struct hash128 seen;

    return open_listed(os, dir, f, &file, e) && make_folders(os, to, f->name, arena, e) &&
           file_copy(os, file, f->bytes, path, options, &seen, e) && compare(dir, f, seen, e);
}
