/*
 * collect/line: the usual native event line, read in one pass (native.h).
 *
 * It takes a line only where it is sure that the JSON reader and native_record would take it and
 * make the same event of it (native_test and native_fuzz hold the two against each other). All
 * else, good or bad, is left to them.
 */
#include <string.h>

#include "calendar/calendar.h"
#include "collect/native.h"

enum {
    PROPERTIES_FAST = 64, /* more than this: left to the reader */
    DIGITS_EXACT = 15,    /* decimal digits that a double holds exactly */
};

struct cursor {
    const char *at, *end;
};

static void skip_blanks(struct cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t'))
        c->at++;
}

static bool take(struct cursor *c, char wanted)
{
    skip_blanks(c);
    if (UNLIKELY(c->at == c->end || *c->at != wanted))
        return false;
    c->at++;
    return true;
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))
/* High bit set in each byte of `v` that is 0; exact up to and including the lowest such byte. */
static uint64_t zero_bytes(uint64_t v)
{
    return (v - EACH(1)) & ~v & EACH(0x80);
}

/* A text after its opening quote; false at an escape, a control byte, or bad UTF-8. */
static bool text_rest(struct cursor *c, struct str *out)
{
    const char *at = c->at;
    bool is_ascii = true;
    for (;;) {
        while (c->end - at >= 8) {
            uint64_t v;
            memcpy(&v, at, sizeof v);
            uint64_t stop = zero_bytes(v ^ EACH('"')) | zero_bytes(v ^ EACH('\\')) |
                            ((v - EACH(0x20)) & ~v & EACH(0x80)) | (v & EACH(0x80));
            if (stop) {
                at += __builtin_ctzll(stop) / 8;
                break;
            }
            at += 8;
        }
        if (UNLIKELY(at == c->end))
            return false;
        unsigned char byte = (unsigned char)*at;
        if (byte == '"')
            break;
        if (UNLIKELY(byte == '\\' || byte < 0x20))
            return false;
        is_ascii = is_ascii && byte < 0x80;
        at++;
    }
    *out = (struct str){c->at, (size_t)(at - c->at)};
    c->at = at + 1;
    return LIKELY(is_ascii) || str_is_utf8(*out);
}

static bool text(struct cursor *c, struct str *out)
{
    return take(c, '"') && text_rest(c, out);
}

/* A whole number or a short decimal one, both exact; others are left to the reader. */
static bool number(struct cursor *c, struct value *out)
{
    static const double powers[] = {1,   1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    bool is_negative = *c->at == '-';
    const char *at = c->at + is_negative;
    const char *first = at;
    int64_t whole = 0;
    while (at < c->end && *at >= '0' && *at <= '9' && at - first <= 18)
        whole = whole * 10 + (*at++ - '0');
    ptrdiff_t digits = at - first;
    if (digits == 0 || digits > 18 || (digits > 1 && *first == '0') || at == c->end)
        return false;
    if (*at != '.') {
        *out = (struct value){.type = VALUE_INT, .integer = is_negative ? -whole : whole};
        c->at = at;
        return *at == ',' || *at == '}' || *at == ' ';
    }
    const char *point = at++;
    while (at < c->end && *at >= '0' && *at <= '9' && digits + (at - point) <= DIGITS_EXACT)
        whole = whole * 10 + (*at++ - '0');
    ptrdiff_t places = at - point - 1;
    if (places == 0 || digits + places > DIGITS_EXACT || at == c->end || (is_negative && !whole))
        return false;
    /* both exact doubles, so the quotient is the nearest one to the decimal number */
    double v = (double)whole / powers[places];
    *out = (struct value){.type = VALUE_DOUBLE, .number = is_negative ? -v : v};
    c->at = at;
    return *at == ',' || *at == '}' || *at == ' ';
}

static bool word(struct cursor *c, struct str wanted)
{
    if ((size_t)(c->end - c->at) < wanted.len || memcmp(c->at, wanted.at, wanted.len))
        return false;
    c->at += wanted.len;
    return true;
}

static bool value(struct cursor *c, struct value *out)
{
    skip_blanks(c);
    if (c->at == c->end)
        return false;
    *out = (struct value){.type = VALUE_TEXT};
    switch (*c->at) {
    case '"':
        c->at++;
        return text_rest(c, &out->text) && out->text.len <= LIMIT_TEXT_BYTES;
    case 't':
        *out = (struct value){.type = VALUE_BOOL, .boolean = true};
        return word(c, STR("true"));
    case 'f':
        *out = (struct value){.type = VALUE_BOOL, .boolean = false};
        return word(c, STR("false"));
    case 'n':
        *out = (struct value){.type = VALUE_NULL};
        return word(c, STR("null"));
    default:
        return number(c, out);
    }
}

/* The members of `properties`, into the build's open run. */
static bool properties(struct build *b, struct cursor *c)
{
    uint64_t seen = 0; /* a bit per kind of name: only a second one of its kind needs comparing */
    build_properties_begin(b);
    build_properties_reserve(b, PROPERTIES_FAST);
    if (!take(c, '{'))
        return false;
    if (take(c, '}'))
        return true;
    do {
        struct property *p = &b->open[b->open_count];
        if (b->open_count == PROPERTIES_FAST || !text(c, &p->name) || p->name.len == 0 ||
            p->name.len > LIMIT_NAME_BYTES || !take(c, ':') || !value(c, &p->value))
            return false;
        uint64_t kind = UINT64_C(1) << ((p->name.len + (unsigned char)p->name.at[0] * 7u +
                                         (unsigned char)p->name.at[p->name.len - 1]) &
                                        63);
        if (seen & kind && build_property_find(b, p->name))
            return false;
        seen |= kind;
        b->open_count++;
        b->open_bytes += p->name.len + (p->value.type == VALUE_TEXT ? p->value.text.len : 8);
    } while (take(c, ','));
    return take(c, '}');
}

static bool id_text(struct cursor *c, struct str *out)
{
    return text(c, out) && out->len > 0 && out->len <= LIMIT_ID_BYTES &&
           (unsigned char)out->at[0] > ' ';
}

static bool time_value(struct build *b, struct cursor *c, struct event *event)
{
    struct value v;
    int offset = 0;
    if (!value(c, &v))
        return false;
    if (v.type == VALUE_TEXT) {
        if (!instant_parse(v.text, &event->time, &offset, &b->unused))
            return false;
        event->offset_minutes = (int16_t)offset;
        return build_time_range(b->now_ms, event->time, &b->unused);
    }
    event->time = v.integer;
    return v.type == VALUE_INT && build_time_number(b->now_ms, v.integer, &b->unused);
}

enum {
    SEEN_EVENT = 1,
    SEEN_PERSON = 2,
    SEEN_TIME = 4,
    SEEN_ID = 8,
    SEEN_ACCOUNT = 16,
    SEEN_SESSION = 32,
    SEEN_PROPERTIES = 64
};

/* One member after its key: its bit, or 0 when it is not of the usual shape. */
static unsigned member(struct build *b, struct cursor *c, struct str key, struct event *event)
{
    switch (key.len) {
    case 2:
        return !memcmp(key.at, "id", 2) && text(c, &event->id) && event->id.len > 0 &&
                       event->id.len <= LIMIT_ID_BYTES
                   ? SEEN_ID
                   : 0;
    case 4:
        return !memcmp(key.at, "time", 4) && time_value(b, c, event) ? SEEN_TIME : 0;
    case 5:
        return !memcmp(key.at, "event", 5) && text(c, &event->name) && event->name.len > 0 &&
                       event->name.len <= LIMIT_NAME_BYTES && (unsigned char)event->name.at[0] > ' '
                   ? SEEN_EVENT
                   : 0;
    case 6:
        return !memcmp(key.at, "person", 6) && id_text(c, &event->person) ? SEEN_PERSON : 0;
    case 7:
        if (!memcmp(key.at, "account", 7))
            return id_text(c, &event->account) ? SEEN_ACCOUNT : 0;
        return !memcmp(key.at, "session", 7) && id_text(c, &event->session) ? SEEN_SESSION : 0;
    case 10:
        return !memcmp(key.at, "properties", 10) && properties(b, c) ? SEEN_PROPERTIES : 0;
    default:
        return 0;
    }
}

static bool line_event(struct build *b, struct cursor *c, struct event *event)
{
    unsigned seen = 0;
    if (!take(c, '{'))
        return false;
    do {
        struct str key;
        if (!text(c, &key) || !take(c, ':'))
            return false;
        unsigned bit = member(b, c, key, event);
        if (!bit || seen & bit)
            return false;
        seen |= bit;
    } while (take(c, ','));
    if (!take(c, '}') || (seen & (SEEN_EVENT | SEEN_PERSON)) != (SEEN_EVENT | SEEN_PERSON))
        return false;
    skip_blanks(c);
    if (c->at < c->end && *c->at == '\r')
        c->at++;
    return c->at == c->end;
}

bool native_line(struct build *b, struct str line)
{
    struct cursor c = {line.at, line.at + line.len};
    struct event event = {.received = b->now_ms, .time = BUILD_TIME_NONE};

    build_properties_begin(b);
    if (!line_event(b, &c, &event)) {
        b->open_count = 0;
        return false;
    }
    size_t bytes = b->open_bytes;
    if (!build_take(b, &event.properties, &event.property_count, &b->unused) ||
        !build_event_check(&event, bytes, &b->unused))
        return false;
    *build_event(b) = event;
    return true;
}
