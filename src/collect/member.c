/* collect/member: the checks of single members that all decoders share (build.h). */
#include <stdio.h>

#include "calendar/calendar.h"
#include "collect/build.h"

/* Numbers of Unix milliseconds nearer to 1970 than this (March 1973) are not taken: a clock in
 * seconds gives such numbers, and a time of 0 or -1 is a missing one. */
#define MS_NUMBER_MIN INT64_C(100000000000)
#define SECONDS_LIKELY_MIN INT64_C(100000000)
#define MS_PER_HOUR INT64_C(3600000)
#define MS_PER_YEAR (INT64_C(31556952) * 1000)

bool at_member(struct err *e, struct str key)
{
    char rest[sizeof e->at];
    memcpy(rest, e->at, sizeof rest);
    BUF_AUTO escaped = {0};
    for (size_t i = 0; i < MIN(key.len, sizeof e->at); i++) {
        if (key.at[i] == '~')
            buf_add(&escaped, STR("~0"));
        else if (key.at[i] == '/')
            buf_add(&escaped, STR("~1"));
        else
            buf_add_char(&escaped, key.at[i]);
    }
    return err_at(e, "/%.*s%s", STR_ARG(buf_str(&escaped)), rest);
}

bool at_index(struct err *e, size_t index)
{
    char rest[sizeof e->at];
    memcpy(rest, e->at, sizeof rest);
    return err_at(e, "/%zu%s", index, rest);
}

bool unknown_member(struct err *e, struct str key, const char *const *known, size_t known_count)
{
    enum { FAR = 3 };
    const char *nearest = NULL;
    size_t best = FAR;
    for (size_t i = 0; i < known_count; i++) {
        size_t distance = str_distance(key, str_of(known[i]), FAR);
        if (distance < best) {
            best = distance;
            nearest = known[i];
        }
    }
    err_set(e, ERR_INVALID, "unknown member \"%.*s\"", (int)MIN(key.len, 80), key.at);
    err_code(e, "schema.unknown_member");
    if (nearest)
        err_hint(e, "did you mean %s?", nearest);
    else
        err_hint(e, "an event's own data goes into its properties");
    return at_member(e, key);
}

bool wrong_type(struct err *e, const char *member, const char *wanted, struct json got)
{
    err_set(e, ERR_INVALID, "%s must be %s, not %s", member, wanted,
            json_type_name(json_type(got)));
    err_code(e, "schema.type");
    return err_at(e, "/%s", member);
}

bool build_id_text(struct str id, const char *member, struct err *e)
{
    if (id.len > LIMIT_ID_BYTES) {
        err_set(e, ERR_INVALID, "%s has %zu bytes; the limit is %d", member, id.len,
                LIMIT_ID_BYTES);
        err_code(e, "schema.too_large");
        return err_at(e, "/%s", member);
    }
    if (UNLIKELY(id.len == 0 || ((unsigned char)id.at[0] <= ' ' && str_trim(id).len == 0))) {
        err_set(e, ERR_INVALID, "%s is empty", member);
        err_code(e, "schema.person");
        return err_at(e, "/%s", member);
    }
    return true;
}

bool build_id(struct build *b, struct json j, const char *member, bool is_optional, struct str *out,
              struct err *e)
{
    struct str text;
    enum json_type type = json_type(j);
    *out = STR_NONE;
    if (is_optional && (type == JSON_NULL || type == JSON_ABSENT))
        return true;
    if (!json_string(j, &text))
        return wrong_type(e, member, "a text", j);
    if (is_optional && text.len == 0)
        return true;
    if (!build_id_text(text, member, e))
        return false;
    *out = build_text(b, text);
    return true;
}

bool build_message_id(struct build *b, struct json j, const char *member, struct str *out,
                      struct err *e)
{
    struct str text;
    if (!json_string(j, &text))
        return wrong_type(e, member, "a text", j);
    if (text.len == 0 || text.len > LIMIT_ID_BYTES) {
        if (text.len == 0)
            err_set(e, ERR_INVALID, "%s is empty; leave it out to get a fresh one", member);
        else
            err_set(e, ERR_INVALID, "%s has %zu bytes; the limit is %d", member, text.len,
                    LIMIT_ID_BYTES);
        err_code(e, "schema.message_id");
        return err_at(e, "/%s", member);
    }
    *out = build_text(b, text);
    return true;
}

bool build_name_text(struct str name, const char *member, struct err *e)
{
    if (LIKELY(name.len > 0 && name.len <= LIMIT_NAME_BYTES &&
               ((unsigned char)name.at[0] > ' ' || str_trim(name).len > 0)))
        return true;
    if (name.len > LIMIT_NAME_BYTES)
        err_set(e, ERR_INVALID, "%s, the event's name, has %zu bytes; the limit is %d", member,
                name.len, LIMIT_NAME_BYTES);
    else
        err_set(e, ERR_INVALID, "%s, the event's name, is empty", member);
    err_code(e, "schema.event_name");
    return err_at(e, "/%s", member);
}

bool build_event_name(struct build *b, struct json j, const char *member, struct str *out,
                      struct err *e)
{
    struct str text;
    if (!json_string(j, &text))
        return wrong_type(e, member, "a text", j);
    if (!build_name_text(text, member, e))
        return false;
    *out = build_text(b, text);
    return true;
}

bool build_time_range(int64_t now_ms, int64_t ms, struct err *e)
{
    if (UNLIKELY(ms > now_ms + LIMIT_FUTURE_HOURS * MS_PER_HOUR)) {
        char room[INSTANT_TEXT_BYTES];
        bool has_text = ms < INT64_C(7258118400000); /* 2200: what the calendar can write */
        struct str text = has_text ? instant_text(ms, room) : STR("the time");
        err_set(e, ERR_INVALID, "%.*s lies more than %d hours after the event arrived",
                STR_ARG(text), LIMIT_FUTURE_HOURS);
        err_hint(e, "check the clock of the sender, and the unit of the number");
        return err_code(e, has_text ? "time.future" : "time.range");
    }
    if (UNLIKELY(ms < now_ms - LIMIT_PAST_YEARS * MS_PER_YEAR)) {
        err_set(e, ERR_INVALID, "the time lies more than %d years back", LIMIT_PAST_YEARS);
        return err_code(e, "time.range");
    }
    return true;
}

bool build_time_number(int64_t now_ms, int64_t ms, struct err *e)
{
    if (ms >= SECONDS_LIKELY_MIN && ms < MS_NUMBER_MIN) {
        err_set(e, ERR_INVALID,
                "the time %lld looks like seconds; a number is read as Unix "
                "milliseconds",
                (long long)ms);
        err_hint(e, "multiply by 1000, or send a text such as 2026-02-03T09:15:00+07:00");
        return err_code(e, "time.unit_ambiguous");
    }
    if (ms > -MS_NUMBER_MIN && ms < MS_NUMBER_MIN) {
        err_set(e, ERR_INVALID, "the time %lld is no time in Unix milliseconds", (long long)ms);
        err_hint(e, "times near 1970 can be sent as text, such as 1970-01-01T00:00:00Z");
        return err_code(e, "time.range");
    }
    return build_time_range(now_ms, ms, e);
}

bool build_time(const struct build *b, struct json j, const char *member, int64_t *ms,
                int16_t *offset_minutes, struct err *e)
{
    struct str text;
    double number;
    int offset = 0;
    bool is_good;
    *offset_minutes = 0;
    if (json_string(j, &text)) {
        is_good = instant_parse(text, ms, &offset, e) && build_time_range(b->now_ms, *ms, e);
        *offset_minutes = (int16_t)offset;
    } else if (json_int(j, ms)) {
        is_good = build_time_number(b->now_ms, *ms, e);
    } else if (json_number(j, &number)) {
        if (number > -9e15 && number < 9e15) {
            *ms = (int64_t)number - (number < (double)(int64_t)number); /* down to the whole ms */
            is_good = build_time_number(b->now_ms, *ms, e);
        } else {
            err_set(e, ERR_INVALID, "the number is no time in Unix milliseconds");
            is_good = err_code(e, "time.range");
        }
    } else {
        return wrong_type(e, member, "a time as RFC 3339 text or Unix milliseconds", j);
    }
    if (UNLIKELY(!is_good)) {
        err_while(e, "%s", member);
        return err_at(e, "/%s", member);
    }
    return true;
}

/* What front ends send for everybody when something is missing: their merge would make one person
 * of thousands. Compared without case, blanks and quotes. */
static const char *const junk_ids[] = {
    "null",
    "undefined",
    "nan",
    "none",
    "nil",
    "0",
    "-1",
    "true",
    "false",
    "anonymous",
    "guest",
    "distinct_id",
    "distinctid",
    "user_id",
    "userid",
    "id",
    "email",
    "not_authenticated",
    "unknown",
    "[object object]",
    "00000000-0000-0000-0000-000000000000",
};

bool collect_is_junk_id(struct str id)
{
    id = str_trim(id);
    while (id.len && (id.at[0] == '"' || id.at[0] == '\''))
        id = str_trim(str_sub(id, 1, id.len - 1));
    while (id.len && (id.at[id.len - 1] == '"' || id.at[id.len - 1] == '\''))
        id = str_trim(str_sub(id, 0, id.len - 1));
    if (id.len == 0)
        return true;
    for (size_t i = 0; i < COUNT(junk_ids); i++)
        if (str_equal_fold(id, str_of(junk_ids[i])))
            return true;
    return false;
}

bool build_junk(struct str id, const char *member, struct err *e)
{
    if (!collect_is_junk_id(id))
        return true;
    err_set(e, ERR_INVALID,
            "%s \"%.*s\" is what a broken page sends for everybody, so nobody is "
            "merged or described by it",
            member, (int)MIN(id.len, 80), id.at);
    err_code(e, "identity.illegal_id");
    err_hint(e, "send the person's own id, or leave the call out while nobody is signed in");
    return err_at(e, "/%s", member);
}

void fresh_ids_init(struct fresh_ids *f, struct os *os)
{
    f->os = os;
    f->used = sizeof f->dice;
}

struct str fresh_id(struct fresh_ids *f, struct arena *arena)
{
    enum { DICE = 16, TEXT = 36 };
    static const char hex[] = "0123456789abcdef";
    if (f->used + DICE > sizeof f->dice) {
        os_random(f->os, f->dice, sizeof f->dice);
        f->used = 0;
    }
    unsigned char *dice = f->dice + f->used;
    f->used += DICE;
    dice[6] = (unsigned char)((dice[6] & 0x0F) | 0x40); /* RFC 9562: version 4, variant 10 */
    dice[8] = (unsigned char)((dice[8] & 0x3F) | 0x80);
    char *text = arena_alloc(arena, TEXT);
    char *to = text;
    for (size_t i = 0; i < DICE; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *to++ = '-';
        *to++ = hex[dice[i] >> 4];
        *to++ = hex[dice[i] & 15];
    }
    return (struct str){text, TEXT};
}
