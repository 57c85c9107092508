/* collect/import_lines: JSON files: lines, or one document. */
#include "collect/import.h"
#include "collect/native.h"
#include "collect/segment.h"

enum shape { SHAPE_UNKNOWN, SHAPE_LINES, SHAPE_DOCUMENT };

struct lines {
    struct import *import;
    enum shape shape;
    struct buf rest; /* the start of a line, or all of a document */
    uint64_t line;   /* number of the line that comes next, from 1 */
};

struct lines *lines_create(struct import *i)
{
    struct lines *l = mem_zero(sizeof *l);
    l->import = i;
    l->line = 1;
    return l;
}

void lines_destroy(struct lines *l)
{
    if (!l)
        return;
    buf_free(&l->rest);
    mem_free(l);
}

static bool segment_one(struct build *b, struct json call, struct err *e)
{
    static const struct segment_around around = {.is_live = false};
    enum segment_call type;
    return segment_type(call, &type, e) && segment_record(b, type, call, &around, e);
}

static bool one_record(struct import *i, struct json j, struct err *e)
{
    return i->format == IMPORT_SEGMENT ? segment_one(&i->build, j, e)
                                       : native_record(&i->build, j, e);
}

/* The list inside {"events":[…]} or {"batch":[…]}, or the list itself; absent: a single record. */
static struct json list_of(const struct import *i, struct json root)
{
    if (json_type(root) == JSON_ARRAY)
        return root;
    struct json list =
        json_member(root, i->format == IMPORT_SEGMENT ? STR("batch") : STR("events"));
    return json_type(list) == JSON_ARRAY ? list : (struct json){0};
}

/* Each record of a list for itself; `what` and `number` name where the list stands. */
static bool each_record(struct import *i, struct json list, const char *what, uint64_t line,
                        struct err *e)
{
    struct json_each it = json_each(list);
    for (uint64_t n = 1; json_next(&it); n++) {
        struct err why = {0};
        if (!one_record(i, it.value, &why)) {
            BUF_AUTO text = {0};
            json_print(it.value, &text);
            if (!import_reject(i, what, line ? line : n, buf_str(&text), &why, e))
                return false;
        }
        if (i->build.event_count + i->build.fact_count >= IMPORT_BATCH_RECORDS &&
            !import_flush(i, e))
            return false;
    }
    return true;
}

static bool slow_line(struct import *i, struct str line, uint64_t number, struct err *e)
{
    struct json root;
    struct err why = {0};
    i->build.copy_texts = true; /* the next line's parse ends this one's texts */
    if (json_parse(i->parser, line, &root, &why)) {
        struct json list = list_of(i, root);
        if (json_type(list) == JSON_ARRAY)
            return each_record(i, list, "line", number, e);
        if (one_record(i, root, &why))
            return true;
    }
    return import_reject(i, "line", number, line, &why, e);
}

static bool one_line(struct lines *l, struct str line, struct err *e)
{
    struct import *i = l->import;
    uint64_t number = l->line++;
    if (i->format == IMPORT_EVENTS && LIKELY(native_line(&i->build, line)))
        return true;
    struct str bytes = str_trim(line);
    return bytes.len == 0 || slow_line(i, bytes, number, e);
}

static bool too_long(const struct lines *l, struct err *e)
{
    if (l->shape == SHAPE_DOCUMENT) {
        err_set(e, ERR_TOO_LARGE, "%.*s is one JSON document of more than %d MiB",
                STR_ARG(l->import->file), IMPORT_DOCUMENT_BYTES_MAX >> 20);
        return err_hint(e, "write one record a line (JSON lines): such files may be of any size");
    }
    err_set(e, ERR_TOO_LARGE, "line %llu of %.*s is longer than %d MiB",
            (unsigned long long)l->line, STR_ARG(l->import->file), IMPORT_DOCUMENT_BYTES_MAX >> 20);
    return err_hint(e, "write one record a line");
}

static bool keep_rest(struct lines *l, struct str rest, struct err *e)
{
    if (l->rest.len + rest.len > IMPORT_DOCUMENT_BYTES_MAX)
        return too_long(l, e);
    buf_add(&l->rest, rest);
    return true;
}

/* A document begins with '[', or its first line only opens things: pretty-printed JSON. */
static enum shape shape_of(struct str text)
{
    struct str start = str_trim(text);
    if (start.len == 0)
        return SHAPE_UNKNOWN;
    if (start.at[0] == '[')
        return SHAPE_DOCUMENT;
    struct str first = str_trim(str_sub(start, 0, str_find(start, '\n')));
    char last = first.at[first.len - 1];
    return first.at[0] == '{' && (last == '{' || last == '[' || last == ',') &&
                   first.len < start.len
               ? SHAPE_DOCUMENT
               : SHAPE_LINES;
}

bool lines_feed(struct lines *l, struct str piece, struct err *e)
{
    if (l->shape == SHAPE_UNKNOWN)
        l->shape = shape_of(piece);
    if (l->shape == SHAPE_DOCUMENT)
        return keep_rest(l, piece, e);

    size_t end = str_find(piece, '\n');
    if (end == piece.len)
        return keep_rest(l, piece, e);
    struct str first = str_sub(piece, 0, end);
    if (l->rest.len) {
        if (!keep_rest(l, first, e))
            return false;
        first = buf_str(&l->rest);
    }
    if (!one_line(l, first, e))
        return false;
    struct str rest = str_sub(piece, end + 1, piece.len);
    while ((end = str_find(rest, '\n')) < rest.len) {
        if (!one_line(l, (struct str){rest.at, end}, e))
            return false;
        rest = (struct str){rest.at + end + 1, rest.len - end - 1};
    }
    /* the batch holds slices of the piece and of what was kept of the one before */
    if (!import_flush(l->import, e))
        return false;
    buf_clear(&l->rest);
    return keep_rest(l, rest, e);
}

static bool document(struct lines *l, struct err *e)
{
    struct import *i = l->import;
    struct json root;
    i->build.copy_texts = false;
    if (!json_parse(i->parser, buf_str(&l->rest), &root, e))
        return err_while(e, "reading %.*s", STR_ARG(i->file));
    struct json list = list_of(i, root);
    if (json_type(list) == JSON_ARRAY)
        return each_record(i, list, "record", 0, e) && import_flush(i, e);
    struct err why = {0};
    if (!one_record(i, root, &why) && !import_reject(i, "record", 1, buf_str(&l->rest), &why, e))
        return false;
    return import_flush(i, e);
}

bool lines_finish(struct lines *l, struct err *e)
{
    if (l->shape == SHAPE_DOCUMENT)
        return document(l, e);
    if (l->rest.len && !one_line(l, buf_str(&l->rest), e))
        return false;
    return import_flush(l->import, e);
}
