/*
 * codec/json: strict JSON (RFC 8259), read over simdjson's validated tape, written by a small
 * writer.
 *
 * Reading: json_parse checks everything before it returns: one document, UTF-8, no NUL, no lone
 * surrogate, depth (LIMIT_JSON_DEPTH), duplicate keys (after unescaping), keys per object, key
 * length, numbers in range. A `struct json` is then a cheap cursor by value. Strings are slices
 * into the document's own memory: valid until the next json_parse with the same parser or its end.
 * Integers are exact in -2^63…2^63-1 (2^64-1 is refused as out of range, never rounded); a number
 * with fraction or exponent, or one that is not an exact integer, is a double; 1e400 is refused.
 * Errors: ERR_INVALID; `at` = JSON pointer, or "byte 57" counted from 0. Codes: json.syntax,
 * json.empty, json.trailing, json.bom, json.utf8, json.unicode (a lone surrogate), json.nul,
 * json.depth, json.number_range, json.duplicate_key, json.too_many_keys, json.key_too_long.
 * 1e-400 reads as 0, and -0 as 0.
 * Thread: a parser belongs to one thread at a time; cursors of a parsed document may be read by
 * many.
 */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/value.h"

struct json_parser;

struct json_parser *json_parser_create(void);
void json_parser_destroy(struct json_parser *p);
AUTO_DEFINE(json_parser, json_parser_destroy)

enum json_type {
    JSON_ABSENT, /* no such member */
    JSON_NULL,
    JSON_BOOL,
    JSON_INT,
    JSON_DOUBLE,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

struct json {
    const struct json_parser *parser;
    uint32_t at; /* 0 = absent */
};

MUST_USE bool json_parse(struct json_parser *p, struct str text, struct json *root, struct err *e);

enum json_type json_type(struct json j);
const char *json_type_name(enum json_type type); /* "a text", "a number", … for messages */
struct json json_member(struct json object, struct str name); /* absent if not an object either */
size_t json_count(struct json array_or_object);               /* items or members */
/* Iteration: struct json_each it = json_each(x); while (json_next(&it)) use it.key, it.value */
struct json_each {
    struct json value;
    struct str key; /* of an object's member */
    uint32_t next, end;
    bool is_object;
};
struct json_each json_each(struct json array_or_object);
bool json_next(struct json_each *it);

/* Each returns false if the type is another. */
bool json_string(struct json j, struct str *out);
bool json_bool(struct json j, bool *out);
bool json_int(struct json j, int64_t *out); /* a double with an exact integer value too */
bool json_number(struct json j, double *out);
/* Appends the JSON text of `j`, without white space. */
void json_print(struct json j, struct buf *out);

/*
 * Writing. Commas and colons come by themselves:
 *   struct jwrite w = jwrite_to(&buf); jwrite_object(&w); jwrite_key(&w, STR("n")); jwrite_int(&w,
 * 1); jwrite_end(&w); Doubles are written shortest that read back equal; NaN and infinities become
 * null. `<`, U+2028 and U+2029 are escaped so that an answer may stand inside a page.
 */
struct jwrite {
    struct buf *out;
    uint32_t depth;
    uint64_t has_item; /* bit per depth */
    uint64_t is_object;
    bool after_key;
};
struct jwrite jwrite_to(struct buf *out);
void jwrite_object(struct jwrite *w);
void jwrite_array(struct jwrite *w);
void jwrite_end(struct jwrite *w); /* closes the innermost object or array */
void jwrite_key(struct jwrite *w, struct str key);
void jwrite_string(struct jwrite *w, struct str s);
void jwrite_int(struct jwrite *w, int64_t v);
void jwrite_double(struct jwrite *w, double v);
void jwrite_bool(struct jwrite *w, bool v);
void jwrite_null(struct jwrite *w);
void jwrite_raw(struct jwrite *w, struct str json); /* a value that is JSON already */
void jwrite_value(struct jwrite *w, struct value v);
/* key and value in one call */
void jwrite_pair_string(struct jwrite *w, const char *key, struct str s);
void jwrite_pair_int(struct jwrite *w, const char *key, int64_t v);
void jwrite_pair_double(struct jwrite *w, const char *key, double v);
void jwrite_pair_bool(struct jwrite *w, const char *key, bool v);
