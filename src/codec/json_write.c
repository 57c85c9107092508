/* codec/json: writing. Whatever it is given, what comes out is valid JSON and valid UTF-8. */
#include "codec/json.h"

#include <math.h>

#include "base/limits.h"

struct jwrite jwrite_to(struct buf *out)
{
    return (struct jwrite){.out = out};
}

static uint64_t level(const struct jwrite *w)
{
    return (uint64_t)1 << (w->depth - 1);
}

/* What stands before a value: nothing after a key, a comma after a neighbour. */
static void before_value(struct jwrite *w)
{
    if (w->depth == 0)
        return;
    if (w->is_object & level(w)) {
        REQUIRE(w->after_key);
        w->after_key = false;
        return;
    }
    if (w->has_item & level(w))
        buf_add_char(w->out, ',');
    w->has_item |= level(w);
}

static void open_level(struct jwrite *w, char c, bool is_object)
{
    before_value(w);
    buf_add_char(w->out, c);
    REQUIRE(w->depth < LIMIT_JSON_DEPTH);
    w->depth++;
    w->has_item &= ~level(w);
    w->is_object = is_object ? w->is_object | level(w) : w->is_object & ~level(w);
}

void jwrite_object(struct jwrite *w)
{
    open_level(w, '{', true);
}

void jwrite_array(struct jwrite *w)
{
    open_level(w, '[', false);
}

void jwrite_end(struct jwrite *w)
{
    REQUIRE(w->depth > 0 && !w->after_key);
    buf_add_char(w->out, w->is_object & level(w) ? '}' : ']');
    w->depth--;
}

/* Two letters after a backslash, or 0. */
static char short_escape(unsigned char c)
{
    switch (c) {
    case '"':
    case '\\':
        return (char)c;
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 0;
    }
}

/* Bytes that may not stand as they are; 0xE2 may begin U+2028. */
static const bool is_special[256] = {
    [0 ... 0x1F] = true, ['"'] = true, ['\\'] = true, ['<'] = true, [0x7F] = true, [0xE2] = true,
};

static bool is_line_separator(struct str s)
{
    return s.len >= 3 && s.at[0] == '\xE2' && s.at[1] == '\x80' &&
           (s.at[2] == '\xA8' || s.at[2] == '\xA9');
}

static void put_text(struct buf *out, struct str s)
{
    size_t from = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];
        if (LIKELY(!is_special[c]))
            continue;
        bool is_separator = is_line_separator(str_sub(s, i, 3));
        if (c == 0xE2 && !is_separator)
            continue;
        buf_add(out, str_sub(s, from, i - from));
        if (is_separator) {
            buf_add(out, s.at[i + 2] == '\xA8' ? STR("\\u2028") : STR("\\u2029"));
            i += 2;
        } else if (short_escape(c)) {
            buf_add_char(out, '\\');
            buf_add_char(out, short_escape(c));
        } else {
            buf_printf(out, "\\u%04x", c);
        }
        from = i + 1;
    }
    buf_add(out, str_sub(s, from, s.len - from));
}

/* A text that is no UTF-8 (a file name in an error, say): U+FFFD stands for each wrong byte. */
static void put_repaired(struct buf *out, struct str s)
{
    while (s.len) {
        size_t len = 1;
        while (len < 4 && len < s.len && !str_is_utf8(str_sub(s, 0, len)))
            len++;
        if (str_is_utf8(str_sub(s, 0, len))) {
            put_text(out, str_sub(s, 0, len));
        } else {
            buf_add(out, STR("\xEF\xBF\xBD"));
            len = 1;
        }
        s = str_sub(s, len, s.len);
    }
}

static void put_quoted(struct buf *out, struct str s)
{
    buf_add_char(out, '"');
    if (LIKELY(str_is_utf8(s)))
        put_text(out, s);
    else
        put_repaired(out, s);
    buf_add_char(out, '"');
}

void jwrite_key(struct jwrite *w, struct str key)
{
    REQUIRE(w->depth > 0 && (w->is_object & level(w)) && !w->after_key);
    if (w->has_item & level(w))
        buf_add_char(w->out, ',');
    w->has_item |= level(w);
    put_quoted(w->out, key);
    buf_add_char(w->out, ':');
    w->after_key = true;
}

void jwrite_string(struct jwrite *w, struct str s)
{
    before_value(w);
    put_quoted(w->out, s);
}

void jwrite_raw(struct jwrite *w, struct str json)
{
    before_value(w);
    buf_add(w->out, json);
}

static void put_value(struct jwrite *w, struct value v)
{
    char room[VALUE_TEXT_BYTES];
    jwrite_raw(w, value_text(v, room));
}

void jwrite_int(struct jwrite *w, int64_t v)
{
    put_value(w, (struct value){VALUE_INT, .integer = v});
}

void jwrite_double(struct jwrite *w, double v)
{
    if (isfinite(v))
        put_value(w, (struct value){VALUE_DOUBLE, .number = v});
    else
        jwrite_null(w);
}

void jwrite_bool(struct jwrite *w, bool v)
{
    jwrite_raw(w, v ? STR("true") : STR("false"));
}

void jwrite_null(struct jwrite *w)
{
    jwrite_raw(w, STR("null"));
}

void jwrite_value(struct jwrite *w, struct value v)
{
    switch (v.type) {
    case VALUE_TEXT:
        jwrite_string(w, v.text);
        break;
    case VALUE_DOUBLE:
        jwrite_double(w, v.number);
        break;
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_LIST: /* its text is JSON */
        put_value(w, v);
        break;
    default:
        jwrite_null(w);
    }
}

void jwrite_pair_string(struct jwrite *w, const char *key, struct str s)
{
    jwrite_key(w, str_of(key));
    jwrite_string(w, s);
}

void jwrite_pair_int(struct jwrite *w, const char *key, int64_t v)
{
    jwrite_key(w, str_of(key));
    jwrite_int(w, v);
}

void jwrite_pair_double(struct jwrite *w, const char *key, double v)
{
    jwrite_key(w, str_of(key));
    jwrite_double(w, v);
}

void jwrite_pair_bool(struct jwrite *w, const char *key, bool v)
{
    jwrite_key(w, str_of(key));
    jwrite_bool(w, v);
}
