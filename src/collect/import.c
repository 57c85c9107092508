/* collect/import: the run: options, files, unpacking, passes. */
#include "collect/import.h"

#include <stdio.h>

#include "codec/unpack.h"

#define NS_PER_SECOND 1e9
enum { BLOCK_BYTES_MIN = 256 << 10 };

struct word {
    const char *name;
    int value;
};
static const struct word formats[] = {
    {"auto", IMPORT_AUTO},
    {"events", IMPORT_EVENTS},
    {"segment", IMPORT_SEGMENT},
    {"csv", IMPORT_CSV},
};
static const struct word times[] = {
    {"iso", IMPORT_TIME_ISO},
    {"s", IMPORT_TIME_S},
    {"ms", IMPORT_TIME_MS},
    {"us", IMPORT_TIME_US},
};

static bool word_find(const struct word *list, size_t count, struct str name, const char *what,
                      int *out, struct err *e)
{
    BUF_AUTO known = {0};
    for (size_t i = 0; i < count; i++) {
        if (str_equal(name, str_of(list[i].name))) {
            *out = list[i].value;
            return true;
        }
        buf_printf(&known, "%s%s", i ? ", " : "", list[i].name);
    }
    err_set(e, ERR_USAGE, "\"%.*s\" is no %s", STR_ARG(name), what);
    return err_hint(e, "known are %.*s", STR_ARG(buf_str(&known)));
}

bool import_format_from(struct str name, enum import_format *out, struct err *e)
{
    int value = 0;
    bool is_known = word_find(formats, COUNT(formats), name, "format of a file", &value, e);
    *out = (enum import_format)value;
    return is_known;
}

bool import_time_from(struct str name, enum import_time *out, struct err *e)
{
    int value = 0;
    bool is_known = word_find(times, COUNT(times), name, "format of a time", &value, e);
    *out = (enum import_time)value;
    return is_known;
}

/* One file on its way through the unpacker to its reader. */
struct reading {
    struct import *import;
    const struct csv_map *map;
    struct str path;
    bool is_look; /* only the header is wanted */
    bool is_seen; /* and it has been found good */
    struct lines *lines;
    struct csv_reader *csv;
    struct buf block; /* small pieces of unpacked bytes, until there are enough */
};

static void reading_clear(struct reading *r)
{
    lines_destroy(r->lines);
    csv_reader_destroy(r->csv);
    buf_free(&r->block);
}

static bool is_cancelled(const struct import *i)
{
    return i->options->cancel && __atomic_load_n(i->options->cancel, __ATOMIC_RELAXED);
}

static bool ends_in(struct str path, const char *const *list, size_t count)
{
    static const char *const packed[] = {".gz", ".zst", ".zstd"};
    for (size_t i = 0; i < COUNT(packed); i++)
        if (str_ends(path, str_of(packed[i])))
            path = str_sub(path, 0, path.len - strlen(packed[i]));
    for (size_t i = 0; i < count; i++)
        if (str_ends(path, str_of(list[i])))
            return true;
    return false;
}

static bool format_of(const struct reading *r, struct str start, enum import_format *out,
                      struct err *e)
{
    static const char *const csv[] = {".csv", ".tsv"};
    static const char *const json[] = {".jsonl", ".ndjson", ".json"};
    const struct import_options *o = r->import->options;
    start = str_trim(start);
    char first = start.len ? start.at[0] : 0;

    *out = o->format;
    if (*out == IMPORT_AUTO && (ends_in(r->path, csv, COUNT(csv))))
        *out = IMPORT_CSV;
    else if (*out == IMPORT_AUTO &&
             (ends_in(r->path, json, COUNT(json)) || first == '{' || first == '[' || first == 0))
        *out = IMPORT_EVENTS;
    else if (*out == IMPORT_AUTO && o->map.len)
        *out = IMPORT_CSV;
    if (*out == IMPORT_AUTO) {
        err_set(e, ERR_USAGE, "the format of %.*s cannot be told from its name or first bytes",
                STR_ARG(r->import->file));
        return err_hint(e, "say --format events, segment or csv");
    }
    if (*out == IMPORT_CSV && !r->map) {
        err_set(e, ERR_USAGE, "%.*s is CSV, so a map of its columns is needed",
                STR_ARG(r->import->file));
        return err_hint(e, "such as --map person=user_id,event=action,time=ts");
    }
    return true;
}

static struct str without_mark(struct str start)
{
    static const struct str mark = {"\xEF\xBB\xBF", 3};
    return str_starts(start, mark) ? str_sub(start, mark.len, start.len) : start;
}

static bool reader_open(struct reading *r, struct str *start, struct err *e)
{
    struct import *i = r->import;
    if (!format_of(r, without_mark(*start), &i->format, e))
        return false;
    if (i->format == IMPORT_CSV) {
        r->csv = csv_reader_create(r->is_look ? NULL : i, r->map, i->options);
    } else {
        r->lines = lines_create(i);
        *start = without_mark(*start);
    }
    return true;
}

static bool reader_feed(struct reading *r, struct str piece, struct err *e)
{
    if (!r->lines && !r->csv && !reader_open(r, &piece, e))
        return false;
    if (r->is_look) {
        r->is_seen = r->lines != NULL;
        if (r->csv && csv_reader_feed(r->csv, piece, e))
            r->is_seen = csv_reader_is_checked(r->csv);
        else if (r->csv)
            return false;
        return !r->is_seen || err_set(e, ERR_BUSY, "seen enough");
    }
    return r->csv ? csv_reader_feed(r->csv, piece, e) : lines_feed(r->lines, piece, e);
}

/* Unpacked bytes; gathered, so that batches do not get as small as an unpacker's pieces. */
static bool on_bytes(void *context, struct str bytes, struct err *e)
{
    struct reading *r = context;
    if (is_cancelled(r->import))
        return err_set(e, ERR_BUSY, "cancelled");
    import_bar(r->import);
    if (r->block.len == 0 && (bytes.len >= BLOCK_BYTES_MIN || r->is_look))
        return reader_feed(r, bytes, e);
    buf_add(&r->block, bytes);
    if (r->block.len < IMPORT_PIECE_BYTES)
        return true;
    bool is_good = reader_feed(r, buf_str(&r->block), e);
    buf_clear(&r->block);
    return is_good;
}

static bool reader_finish(struct reading *r, struct err *e)
{
    if (r->block.len && !reader_feed(r, buf_str(&r->block), e))
        return false;
    if (!r->lines && !r->csv) { /* an empty file: of JSON it is fine, CSV lacks its header */
        struct str nothing = STR_NONE;
        if (!reader_open(r, &nothing, e))
            return false;
    }
    if (r->csv)
        return csv_reader_finish(r->csv, e) && (r->is_look || import_flush(r->import, e));
    return r->is_look || lines_finish(r->lines, e);
}

static bool read_stdin(struct import *i, struct unpack *u, char *room, struct err *e)
{
    FILE *from = i->options->standard_input;
    if (!from)
        return err_set(e, ERR_USAGE, "there is no standard input to read");
    for (;;) {
        size_t got = fread(room, 1, IMPORT_PIECE_BYTES, from);
        i->bytes_done += got;
        if (got && !unpack_feed(u, (struct str){room, got}, e))
            return false;
        if (got == IMPORT_PIECE_BYTES)
            continue;
        return !ferror(from) || err_set(e, ERR_IO, "standard input cannot be read");
    }
}

static bool read_file(struct import *i, struct str path, struct unpack *u, char *room,
                      struct err *e)
{
    AUTO(os_file) *file = NULL;
    if (!os_file_open(i->os, path, OS_READ, &file, e))
        return false;
    for (uint64_t at = 0;;) {
        size_t got;
        if (!os_file_read_at(file, at, room, IMPORT_PIECE_BYTES, &got, e))
            return false;
        at += got;
        i->bytes_done += got;
        if (got && !unpack_feed(u, (struct str){room, got}, e))
            return false;
        if (got < IMPORT_PIECE_BYTES)
            return true;
    }
}

static bool is_stdin(struct str path)
{
    return str_equal(path, STR("-"));
}

/* Who said what the file says: its name without folders, which mean nothing elsewhere. */
static struct str by_of(struct import *i)
{
    struct str name = i->file;
    for (size_t at = name.len; at-- > 0;)
        if (name.at[at] == '/') {
            name = str_sub(name, at + 1, name.len);
            break;
        }
    return arena_printf(i->arena, "import %.*s", STR_ARG(name));
}

static bool reading_run(struct reading *r, char *room, struct err *e)
{
    struct import *i = r->import;
    i->file = is_stdin(r->path) ? STR("standard input") : r->path;
    i->build.by = by_of(i);
    AUTO(unpack) *u = unpack_create(on_bytes, r);
    bool is_good =
        is_stdin(r->path) ? read_stdin(i, u, room, e) : read_file(i, r->path, u, room, e);
    return is_good && unpack_finish(u, e) && reader_finish(r, e);
}

/* Opens every file and looks at its header, so that a wrong name or map is told before anything is
 * stored. */
static bool look(struct import *i, const struct csv_map *map, char *room, struct err *e)
{
    for (size_t n = 0; n < i->options->file_count; n++) {
        struct str path = i->options->files[n];
        if (is_stdin(path))
            continue;
        struct reading r = {.import = i, .map = map, .path = path, .is_look = true};
        bool is_good = reading_run(&r, room, e) || r.is_seen;
        bool is_named = e->kind == ERR_NOT_FOUND || e->kind == ERR_IO || e->kind == ERR_USAGE;
        reading_clear(&r);
        if (!is_good && !is_cancelled(i))
            return is_named ? false : err_while(e, "%.*s", STR_ARG(path));
    }
    *e = (struct err){0};
    return true;
}

/* All files once. False with e->kind ERR_NONE: cancelled. */
static bool pass(struct import *i, const struct csv_map *map, char *room, struct err *e)
{
    *i->report = (struct import_report){.is_dry_run = i->options->dry_run};
    i->bytes_done = 0;
    hash_set_clear(i->people);
    for (size_t n = 0; n < i->options->file_count; n++) {
        struct reading r = {.import = i, .map = map, .path = i->options->files[n]};
        copies_clear(i->copies);
        bool is_good = reading_run(&r, room, e);
        reading_clear(&r);
        if (is_good)
            continue;
        if (!is_cancelled(i))
            return i->has_sink_failed ? false : err_while(e, "%.*s", STR_ARG(i->file));
        i->report->is_cancelled = true;
        return true;
    }
    return true;
}

static bool check_options(const struct import_options *o, struct err *e)
{
    if (o->file_count == 0)
        return err_set(e, ERR_USAGE, "no file to import was named");
    for (size_t n = 0; n < o->file_count; n++)
        if (is_stdin(o->files[n]) && o->strict) {
            err_set(e, ERR_USAGE, "standard input cannot be read twice, as a strict import does");
            return err_hint(e, "put the records into a file");
        }
    return true;
}

static void count_bytes(struct import *i)
{
    struct err ignored = {0};
    for (size_t n = 0; n < i->options->file_count; n++) {
        AUTO(os_file) *file = NULL;
        uint64_t bytes;
        struct str path = i->options->files[n];
        if (!is_stdin(path) && os_file_open(i->os, path, OS_READ, &file, &ignored) &&
            os_file_size(file, &bytes, &ignored))
            i->bytes_total += bytes;
        else
            ignored = (struct err){0};
    }
}

/* What was handed over before an error is made durable: a second run then adds only the rest. */
static bool finish(struct import *i, bool is_good, struct err *e)
{
    struct err second = {0};
    if (!i->is_storing || i->has_sink_failed || (!is_good && i->report->records == 0))
        return is_good;
    if (!i->sink.finish(i->sink.context, &i->report->receipt, &second)) {
        if (is_good)
            *e = second;
        return false;
    }
    if (!is_good && !e->hint[0])
        err_hint(e, "the %llu records before it are stored; a second run adds only what is missing",
                 (unsigned long long)i->report->records);
    return is_good;
}

static bool run(struct import *i, struct arena *arena, char *room, struct err *e)
{
    const struct import_options *o = i->options;
    struct csv_map *map = NULL;

    if (!check_options(o, e) || (o->map.len && !csv_map_parse(o, arena, &map, e)) ||
        !look(i, map, room, e))
        return false;
    if (o->rejects.len && !os_file_open(i->os, o->rejects, OS_CREATE, &i->rejects, e))
        return err_while(e, "opening the file for rejected lines");
    count_bytes(i);
    if (o->strict) {
        if (!pass(i, map, room, e))
            return false;
        if (i->report->rejected) {
            err_set(e, ERR_INVALID, "%llu bad lines, so nothing was stored",
                    (unsigned long long)i->report->rejected);
            return err_hint(e, "correct them, or import without --strict to leave them out");
        }
        if (i->report->is_cancelled)
            return true;
    }
    i->is_storing = !o->dry_run;
    return finish(i, pass(i, map, room, e), e);
}

bool collect_import(const struct import_options *options, struct collect_sink sink, struct os *os,
                    struct import_report *report, struct err *e)
{
    struct import i = {.options = options, .sink = sink, .os = os, .report = report};
    AUTO(arena) *arena = arena_create(0);

    *report = (struct import_report){.is_dry_run = options->dry_run};
    build_init(&i.build);
    i.arena = arena;
    i.build.now_ms = options->now_ms;
    i.parser = json_parser_create();
    i.copies = copies_create();
    i.people = hash_set_create();
    i.started_ns = os_monotonic_ns(os);
    char *room = mem_array(IMPORT_PIECE_BYTES, 1);

    bool is_good = run(&i, arena, room, e);

    import_bar_clear(&i);
    report->people = hash_set_count(i.people);
    report->bytes = i.bytes_done;
    report->seconds = (double)(os_monotonic_ns(os) - i.started_ns) / NS_PER_SECOND;
    mem_free(room);
    mem_free(i.hashes);
    mem_free(i.before);
    hash_set_destroy(i.people);
    copies_destroy(i.copies);
    json_parser_destroy(i.parser);
    build_clear(&i.build);
    os_file_close(i.rejects);
    return is_good;
}
