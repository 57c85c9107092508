/*
 * codec/json: reading. simdjson has checked the grammar; here the tape is checked for what the
 * grammar allows and we do not, and then read through cursors.
 */
#include "codec/json.h"

#include <math.h>
#include <stdlib.h>

#include "base/limits.h"
#include "codec/json_blame.h"
#include "codec/json_simd.h"

enum { SMALL_OBJECT_KEYS = 32 };

struct key {
    uint64_t sign; /* equal keys have equal signs */
    struct str text;
};

struct json_parser {
    const uint64_t *tape;
    const uint8_t *strings;
    struct simd_parser *simd;
    struct key *keys; /* of one object, while it is checked */
    size_t key_room;
    struct key small_keys[SMALL_OBJECT_KEYS]; /* not on the stack, where it would be zeroed */
};

enum { COUNT_SATURATED = 0xFFFFFF };

static unsigned kind_at(const struct json_parser *p, uint32_t at)
{
    return (unsigned)(p->tape[at] >> 56);
}

static uint64_t payload_at(const struct json_parser *p, uint32_t at)
{
    return p->tape[at] & 0xFFFFFFFFFFFFFF;
}

static bool is_container(unsigned kind)
{
    return kind == '{' || kind == '[';
}

/* Of `{` and `[`: the place after the closing word. Of others: the place of the next value. */
static uint32_t after(const struct json_parser *p, uint32_t at)
{
    unsigned kind = kind_at(p, at);
    if (is_container(kind))
        return (uint32_t)payload_at(p, at);
    return at + (kind == 'l' || kind == 'u' || kind == 'd' ? 2 : 1);
}

static uint32_t count_at(const struct json_parser *p, uint32_t at)
{
    return (uint32_t)(payload_at(p, at) >> 32);
}

static struct str string_at(const struct json_parser *p, uint32_t at)
{
    const uint8_t *s = p->strings + payload_at(p, at);
    uint32_t len;
    memcpy(&len, s, sizeof len);
    return (struct str){(const char *)s + sizeof len, len};
}

struct json_parser *json_parser_create(void)
{
    struct json_parser *p = mem_zero(sizeof *p);
    p->simd = simd_parser_create();
    if (!p->simd)
        mem_exhausted(0);
    return p;
}

void json_parser_destroy(struct json_parser *p)
{
    if (!p)
        return;
    simd_parser_destroy(p->simd);
    mem_free(p->keys);
    mem_free(p);
}

/* Part of a key that fits a sentence, cut between letters. */
static struct str shown(struct str s)
{
    enum { SHOWN_BYTES = 60 };
    if (s.len > SHOWN_BYTES) {
        s.len = SHOWN_BYTES;
        while (s.len && ((unsigned char)s.at[s.len] & 0xC0) == 0x80)
            s.len--;
    }
    return s;
}

/* Appends a key as RFC 6901 wants it. */
static void pointer_key(struct buf *out, struct str key)
{
    buf_add_char(out, '/');
    for (size_t i = 0; i < key.len; i++) {
        if (key.at[i] == '~')
            buf_add(out, STR("~0"));
        else if (key.at[i] == '/')
            buf_add(out, STR("~1"));
        else
            buf_add_char(out, key.at[i]);
    }
}

/* Sets e->at to the JSON pointer of the tape word `target` by walking down from the root. */
static bool err_at_pointer(const struct json_parser *p, uint32_t target, struct err *e)
{
    BUF_AUTO path = {0};
    uint32_t at = 1;
    while (at != target && is_container(kind_at(p, at))) {
        bool is_object = kind_at(p, at) == '{';
        uint32_t child = at + 1, last = after(p, at) - 1;
        for (size_t i = 0; child < last; i++) {
            uint32_t value = child + is_object;
            uint32_t next = after(p, value);
            if (target < next) {
                if (is_object)
                    pointer_key(&path, string_at(p, child));
                else
                    buf_printf(&path, "/%zu", i);
                child = target < value ? target : value; /* the key itself is meant */
                break;
            }
            child = next;
        }
        at = child;
        if (at >= last)
            break;
    }
    return err_at(e, "%.*s", STR_ARG(buf_str(&path)));
}

static uint64_t load(const char *at, size_t bytes)
{
    uint64_t v = 0;
    memcpy(&v, at, bytes);
    return v;
}

/* Both ends of the key and its length, so that most keys differ without being read whole. */
static uint64_t sign_of(struct str s)
{
    uint64_t a, b;
    if (s.len >= 8) {
        a = load(s.at, 8);
        b = load(s.at + s.len - 8, 8);
    } else if (s.len >= 4) {
        a = load(s.at, 4);
        b = load(s.at + s.len - 4, 4);
    } else {
        a = s.len ? (unsigned char)s.at[0] | (uint64_t)(unsigned char)s.at[s.len / 2] << 8 : 0;
        b = s.len ? (unsigned char)s.at[s.len - 1] : 0;
    }
    a = (a ^ (b << 29 | b >> 35) ^ s.len) * 0x9E3779B97F4A7C15u;
    return a ^ a >> 32;
}

static int by_sign_and_text(const void *a, const void *b)
{
    const struct key *x = a, *y = b;
    if (x->sign != y->sign)
        return x->sign < y->sign ? -1 : 1;
    return str_compare(x->text, y->text);
}

/* NULL, or a key that appears twice. A few keys: a filter of 64 bits leaves little to compare. */
static const struct key *twice_among_few(const struct key *keys, size_t count)
{
    uint64_t seen = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t bit = (uint64_t)1 << (keys[i].sign & 63);
        if (seen & bit)
            for (size_t j = 0; j < i; j++)
                if (keys[j].sign == keys[i].sign && str_equal(keys[j].text, keys[i].text))
                    return &keys[i];
        seen |= bit;
    }
    return NULL;
}

static const struct key *twice_among_many(struct key *keys, size_t count)
{
    qsort(keys, count, sizeof *keys, by_sign_and_text);
    for (size_t i = 1; i < count; i++)
        if (by_sign_and_text(&keys[i - 1], &keys[i]) == 0)
            return &keys[i];
    return NULL;
}

static bool check_keys(struct json_parser *p, uint32_t object, struct err *e)
{
    size_t count = count_at(p, object);
    if (count > LIMIT_OBJECT_KEYS) {
        err_set(e, ERR_INVALID, "an object has more than %d keys", LIMIT_OBJECT_KEYS);
        err_code(e, "json.too_many_keys");
        return err_at_pointer(p, object, e);
    }
    struct key *keys = p->small_keys;
    if (count > SMALL_OBJECT_KEYS) {
        if (p->key_room < count) {
            p->keys = mem_grow(p->keys, LIMIT_OBJECT_KEYS, sizeof *p->keys);
            p->key_room = LIMIT_OBJECT_KEYS;
        }
        keys = p->keys;
    }
    uint32_t at = object + 1;
    for (size_t i = 0; i < count; i++, at = after(p, at + 1)) {
        keys[i].text = string_at(p, at);
        keys[i].sign = sign_of(keys[i].text);
        if (keys[i].text.len > LIMIT_KEY_BYTES) {
            err_set(e, ERR_INVALID, "the key \"%.*s…\" is longer than %d bytes",
                    STR_ARG(shown(keys[i].text)), LIMIT_KEY_BYTES);
            err_code(e, "json.key_too_long");
            return err_at_pointer(p, object, e);
        }
    }
    const struct key *twice =
        count <= SMALL_OBJECT_KEYS ? twice_among_few(keys, count) : twice_among_many(keys, count);
    if (!twice)
        return true;
    err_set(e, ERR_INVALID, "the key \"%.*s\" appears twice in one object",
            STR_ARG(shown(twice->text)));
    err_code(e, "json.duplicate_key");
    err_hint(e, "keep one of the two");
    return err_at_pointer(p, object, e);
}

static bool refuse(const struct json_parser *p, uint32_t at, const char *code, const char *sentence,
                   struct err *e)
{
    err_set(e, ERR_INVALID, "%s", sentence);
    err_code(e, code);
    return err_at_pointer(p, at, e);
}

/* `may_hold_nul`: only an escape can bring a NUL; texts without that one need no look. */
static bool check_tape(struct json_parser *p, bool may_hold_nul, struct err *e)
{
    uint32_t end = (uint32_t)payload_at(p, 0);
    int depth = 0;
    for (uint32_t at = 1; at < end;) {
        switch (kind_at(p, at)) {
        case '{':
        case '[':
            if (++depth > LIMIT_JSON_DEPTH) {
                err_set(e, ERR_INVALID, "the JSON is nested deeper than %d levels",
                        LIMIT_JSON_DEPTH);
                err_code(e, "json.depth");
                return err_at_pointer(p, at, e);
            }
            if (kind_at(p, at) == '{' && !check_keys(p, at, e))
                return false;
            at++;
            break;
        case '}':
        case ']':
            depth--;
            at++;
            break;
        case '"': {
            struct str s = string_at(p, at);
            if (may_hold_nul && str_find(s, 0) < s.len)
                return refuse(p, at, "json.nul", "a text holds a NUL character (\\u0000)", e);
            at++;
            break;
        }
        case 'u':
            refuse(p, at, "json.number_range", "a whole number is outside -2^63…2^63-1", e);
            return err_hint(e, "send it as a text if its digits matter");
        case 'l':
        case 'd':
            at += 2;
            break;
        default:
            at++;
        }
    }
    return true;
}

bool json_parse(struct json_parser *p, struct str text, struct json *root, struct err *e)
{
    if (text.len >= UINT32_MAX / 2)
        return err_set(e, ERR_TOO_LARGE, "a JSON text of %zu bytes is larger than 2 GiB", text.len);
    if (str_starts(text, STR("\xEF\xBB\xBF")) || text.len == 0) {
        json_blame(text, e);
        return false;
    }
    const char *problem = simd_parse(p->simd, text.at, text.len, &p->tape, &p->strings);
    if (problem) {
        if (simd_is_no_memory(problem))
            return err_no_memory(e, "reading JSON");
        if (!json_blame(text, e)) {
            err_set(e, ERR_INVALID, "the text is not JSON: %s", problem);
            err_code(e, "json.syntax");
        }
        return false;
    }
    if (!check_tape(p, memmem(text.at, text.len, "\\u0000", 6) != NULL, e))
        return false;
    *root = (struct json){p, 1};
    return true;
}

enum json_type json_type(struct json j)
{
    if (j.at == 0)
        return JSON_ABSENT;
    switch (kind_at(j.parser, j.at)) {
    case 'n':
        return JSON_NULL;
    case 't':
    case 'f':
        return JSON_BOOL;
    case 'l':
        return JSON_INT;
    case 'd':
        return JSON_DOUBLE;
    case '"':
        return JSON_STRING;
    case '[':
        return JSON_ARRAY;
    default:
        return JSON_OBJECT;
    }
}

const char *json_type_name(enum json_type type)
{
    static const char *const names[] = {
        [JSON_ABSENT] = "nothing",     [JSON_NULL] = "null",        [JSON_BOOL] = "true or false",
        [JSON_INT] = "a whole number", [JSON_DOUBLE] = "a number",  [JSON_STRING] = "a text",
        [JSON_ARRAY] = "a list",       [JSON_OBJECT] = "an object",
    };
    REQUIRE((size_t)type < COUNT(names));
    return names[type];
}

struct json json_member(struct json object, struct str name)
{
    const struct json_parser *p = object.parser;
    if (object.at && kind_at(p, object.at) == '{') {
        uint32_t last = after(p, object.at) - 1;
        for (uint32_t at = object.at + 1; at < last; at = after(p, at + 1))
            if (str_equal(string_at(p, at), name))
                return (struct json){p, at + 1};
    }
    return (struct json){p, 0};
}

size_t json_count(struct json j)
{
    if (j.at == 0 || !is_container(kind_at(j.parser, j.at)))
        return 0;
    uint32_t count = count_at(j.parser, j.at);
    if (count < COUNT_SATURATED)
        return count;
    size_t counted = 0;
    struct json_each it = json_each(j);
    while (json_next(&it))
        counted++;
    return counted;
}

struct json_each json_each(struct json j)
{
    struct json_each it = {.value = {j.parser, 0}};
    if (j.at && is_container(kind_at(j.parser, j.at))) {
        it.next = j.at + 1;
        it.end = after(j.parser, j.at) - 1;
        it.is_object = kind_at(j.parser, j.at) == '{';
    }
    return it;
}

bool json_next(struct json_each *it)
{
    if (it->next == it->end)
        return false;
    const struct json_parser *p = it->value.parser;
    if (it->is_object)
        it->key = string_at(p, it->next++);
    it->value.at = it->next;
    it->next = after(p, it->next);
    return true;
}

bool json_string(struct json j, struct str *out)
{
    if (json_type(j) != JSON_STRING)
        return false;
    *out = string_at(j.parser, j.at);
    return true;
}

bool json_bool(struct json j, bool *out)
{
    if (json_type(j) != JSON_BOOL)
        return false;
    *out = kind_at(j.parser, j.at) == 't';
    return true;
}

static double double_at(struct json j)
{
    double v;
    memcpy(&v, &j.parser->tape[j.at + 1], sizeof v);
    return v + 0.0; /* -0 becomes 0: they are one number to everybody who asks */
}

bool json_int(struct json j, int64_t *out)
{
    enum json_type type = json_type(j);
    if (type == JSON_INT) {
        *out = (int64_t)j.parser->tape[j.at + 1];
        return true;
    }
    if (type != JSON_DOUBLE)
        return false;
    double v = double_at(j);
    if (!(v >= -0x1p63 && v < 0x1p63) || v != trunc(v))
        return false;
    *out = (int64_t)v;
    return true;
}

bool json_number(struct json j, double *out)
{
    enum json_type type = json_type(j);
    if (type == JSON_INT)
        *out = (double)(int64_t)j.parser->tape[j.at + 1];
    else if (type == JSON_DOUBLE)
        *out = double_at(j);
    return type == JSON_INT || type == JSON_DOUBLE;
}

static void print(struct json j, struct jwrite *w)
{
    switch (json_type(j)) {
    case JSON_ABSENT:
    case JSON_NULL:
        jwrite_null(w);
        break;
    case JSON_BOOL:
        jwrite_bool(w, kind_at(j.parser, j.at) == 't');
        break;
    case JSON_INT:
        jwrite_int(w, (int64_t)j.parser->tape[j.at + 1]);
        break;
    case JSON_DOUBLE:
        jwrite_double(w, double_at(j));
        break;
    case JSON_STRING:
        jwrite_string(w, string_at(j.parser, j.at));
        break;
    default: {
        struct json_each it = json_each(j);
        if (it.is_object)
            jwrite_object(w);
        else
            jwrite_array(w);
        while (json_next(&it)) {
            if (it.is_object)
                jwrite_key(w, it.key);
            print(it.value, w);
        }
        jwrite_end(w);
    }
    }
}

void json_print(struct json j, struct buf *out)
{
    struct jwrite w = jwrite_to(out);
    print(j, &w); /* at most LIMIT_JSON_DEPTH calls deep */
}
