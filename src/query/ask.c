/* query/ask: a question's members, and what is wrong with them. */
#include "query/ask.h"

#include <stdarg.h>
#include <stdio.h>

enum { DEPTH_MAX = 70, NEAR_EDITS = 3 };

struct ask ask_member(const struct ask *up, const char *key)
{
    return (struct ask){json_member(up->json, str_of(key)), up, str_of(key), 0, false};
}

struct ask ask_item(const struct ask *up, struct json item, size_t index)
{
    return (struct ask){item, up, STR_NONE, index, false};
}

bool ask_is_there(const struct ask *a)
{
    enum json_type type = json_type(a->json);
    return type != JSON_ABSENT && type != JSON_NULL;
}

/* RFC 6901, cut at the room there is. */
void ask_point(const struct ask *a, struct err *e)
{
    const struct ask *path[DEPTH_MAX];
    size_t depth = 0, len = 0;

    for (; a && a->up && depth < DEPTH_MAX; a = a->up) {
        if (a->is_saved)
            depth = 0;
        path[depth++] = a;
    }
    while (depth-- && len + 24 < sizeof e->at) {
        const struct ask *p = path[depth];
        if (!p->key.at) {
            len += (size_t)snprintf(e->at + len, sizeof e->at - len, "/%zu", p->index);
            continue;
        }
        e->at[len++] = '/';
        for (size_t i = 0; i < p->key.len && len + 3 < sizeof e->at; i++) {
            char c = p->key.at[i];
            if (c == '~' || c == '/') {
                e->at[len++] = '~';
                c = c == '~' ? '0' : '1';
            }
            e->at[len++] = c;
        }
    }
    e->at[len] = 0;
}

bool ask_fail(const struct ask *a, struct err *e, const char *code, const char *format, ...)
{
    char text[sizeof e->text];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    err_set(e, ERR_INVALID, "%s", text);
    err_code(e, code);
    ask_point(a, e);
    return false;
}

bool ask_missing(const struct ask *object, const char *member, const char *why, struct err *e)
{
    struct ask place = ask_member(object, member);
    return ask_fail(&place, e, "query.missing_member", "%s is missing: %s", member, why);
}

static const char *place_name(const struct ask *a, char *room, size_t size)
{
    if (!a->up)
        return "the question";
    if (a->key.at)
        snprintf(room, size, "%.*s", (int)MIN(a->key.len, (size_t)40), a->key.at);
    else
        snprintf(room, size, "item %zu", a->index + 1);
    return room;
}

bool ask_wrong_type(const struct ask *a, const char *wanted, struct err *e)
{
    char room[48];
    return ask_fail(a, e, "query.wrong_type", "%s must be %s, not %s",
                    place_name(a, room, sizeof room), wanted, json_type_name(json_type(a->json)));
}

const char *ask_nearest(struct str given, const char *const *names, size_t count)
{
    const char *best = NULL;
    size_t best_edits = MIN((size_t)NEAR_EDITS, given.len / 2) + 1;

    for (size_t i = 0; i < count; i++) {
        size_t edits = str_distance(given, str_of(names[i]), NEAR_EDITS);
        if (edits < best_edits) {
            best_edits = edits;
            best = names[i];
        }
    }
    return best;
}

static void names_join(const char *const *names, size_t count, char *room, size_t size)
{
    size_t len = 0;

    room[0] = 0;
    for (size_t i = 0; i < count && len < size; i++)
        len += (size_t)snprintf(room + len, size - len, "%s%s", i ? ", " : "", names[i]);
}

bool ask_members(const struct ask *object, const char *const *known, size_t count, struct err *e)
{
    if (json_type(object->json) != JSON_OBJECT)
        return ask_wrong_type(object, "an object", e);
    struct json_each it = json_each(object->json);
    while (json_next(&it)) {
        size_t i = 0;
        while (i < count && !str_equal(it.key, str_of(known[i])))
            i++;
        if (i < count)
            continue;
        struct ask member = {it.value, object, it.key, 0, false};
        const char *near = ask_nearest(it.key, known, count);
        char list[sizeof e->hint - 16];
        ask_fail(&member, e, "query.unknown_member", "unknown member \"%.*s\"",
                 (int)MIN(it.key.len, (size_t)60), it.key.at);
        if (near)
            return err_hint(e, "did you mean %s?", near);
        names_join(known, count, list, sizeof list);
        return err_hint(e, "known here: %s", list);
    }
    return true;
}

bool ask_text(const struct ask *a, struct str *out, struct err *e)
{
    return json_string(a->json, out) || ask_wrong_type(a, "a text", e);
}

bool ask_bool(const struct ask *a, bool *out, struct err *e)
{
    return json_bool(a->json, out) || ask_wrong_type(a, "true or false", e);
}

bool ask_int(const struct ask *a, int64_t low, int64_t high, int64_t *out, struct err *e)
{
    char room[48];

    if (!json_int(a->json, out))
        return ask_wrong_type(a, "a whole number", e);
    if (*out < low || *out > high)
        return ask_fail(a, e, "query.limit", "%s is %lld; it must be from %lld to %lld",
                        place_name(a, room, sizeof room), (long long)*out, (long long)low,
                        (long long)high);
    return true;
}

bool ask_choice(const struct ask *a, const char *const *names, size_t count, unsigned *out,
                struct err *e)
{
    struct str given;
    char room[48], list[sizeof e->hint - 16];

    if (!ask_text(a, &given, e))
        return false;
    for (size_t i = 0; i < count; i++)
        if (str_equal(given, str_of(names[i]))) {
            *out = (unsigned)i;
            return true;
        }
    const char *near = ask_nearest(given, names, count);
    ask_fail(a, e, "query.unknown_value", "%s cannot be \"%.*s\"", place_name(a, room, sizeof room),
             (int)MIN(given.len, (size_t)60), given.at);
    if (near)
        return err_hint(e, "did you mean %s?", near);
    names_join(names, count, list, sizeof list);
    return err_hint(e, "one of: %s", list);
}

bool ask_list(const struct ask *a, size_t low, size_t high, size_t *count, struct err *e)
{
    char room[48];

    if (json_type(a->json) != JSON_ARRAY)
        return ask_wrong_type(a, "a list", e);
    *count = json_count(a->json);
    if (*count == 0 && low > 0)
        return ask_fail(a, e, "query.empty_list", "%s is an empty list; it needs at least %zu",
                        place_name(a, room, sizeof room), low);
    if (*count < low || *count > high)
        return ask_fail(a, e, "query.limit", "%s has %zu items; it must have from %zu to %zu",
                        place_name(a, room, sizeof room), *count, low, high);
    return true;
}
