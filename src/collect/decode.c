/* collect/decode: HTTP bodies of native records; what both protocols share. */
#include "collect/decode.h"

#include "base/hash.h"
#include "collect/content.h"
#include "collect/native.h"

struct collect_decoder *collect_decoder_create(struct os *os)
{
    struct collect_decoder *d = mem_zero(sizeof *d);
    d->parser = json_parser_create();
    build_init(&d->build);
    fresh_ids_init(&d->ids, os);
    return d;
}

void collect_decoder_destroy(struct collect_decoder *d)
{
    if (!d)
        return;
    json_parser_destroy(d->parser);
    build_clear(&d->build);
    mem_free(d->seen);
    mem_free(d);
}

void collect_decoder_by(struct collect_decoder *d, struct str by)
{
    d->build.by = by;
}

void decode_begin(struct collect_decoder *d, int64_t now_ms)
{
    build_reset(&d->build);
    d->build.now_ms = now_ms;
    d->build.copy_texts = false;
}

bool decode_limit(const struct collect_decoder *d, struct err *e)
{
    if (d->build.event_count + d->build.fact_count <= LIMIT_BATCH_EVENTS)
        return true;
    err_set(e, ERR_TOO_LARGE, "a batch has more than %d records", LIMIT_BATCH_EVENTS);
    err_hint(e, "send smaller batches, or import a file");
    return err_code(e, "batch.too_many");
}

void decode_fill(struct collect_decoder *d)
{
    struct build *b = &d->build;
    for (size_t i = 0; i < b->event_count; i++) {
        struct event *event = &b->events[i];
        if (event->id.len == 0)
            event->id = fresh_id(&d->ids, b->arena);
        if (event->time == BUILD_TIME_NONE)
            event->time = b->now_ms;
    }
}

bool decode_conflicts(struct collect_decoder *d, const char *list, struct err *e)
{
    size_t count = d->build.event_count;
    size_t room = 16;
    if (count < 2)
        return true;
    while (room < count * 2)
        room *= 2;
    if (room > d->seen_room) {
        mem_free(d->seen);
        d->seen = mem_array(room, sizeof *d->seen);
        d->seen_room = room;
    }
    memset(d->seen, 0, room * sizeof *d->seen);
    const struct event *events = d->build.events;
    for (size_t i = 0; i < count; i++) {
        size_t at = hash64(events[i].id, 0) & (room - 1);
        while (d->seen[at] && !str_equal(events[d->seen[at] - 1].id, events[i].id))
            at = (at + 1) & (room - 1);
        if (d->seen[at] &&
            content_hash(&events[d->seen[at] - 1], 0) != content_hash(&events[i], 0)) {
            err_set(e, ERR_CONFLICT,
                    "the id \"%.*s\" stands twice in the batch, with different "
                    "content",
                    STR_ARG(events[i].id));
            err_code(e, "message_id.conflict");
            return err_at(e, "%s", list);
        }
        d->seen[at] = (uint32_t)i + 1;
    }
    return true;
}

/* Is the body JSON lines? It is exactly when its first line ends an object and another one begins
 * on a later line: inside one document '}' is never followed by '{', and texts hold no newline. */
static bool is_lines(struct str body)
{
    struct str rest = str_trim(body);
    if (rest.len == 0 || rest.at[0] != '{')
        return false;
    size_t end = str_find(rest, '\n');
    struct str first = str_trim(str_sub(rest, 0, end));
    if (end == rest.len || first.at[first.len - 1] != '}')
        return false;
    rest = str_trim(str_sub(rest, end, rest.len - end));
    return rest.len && rest.at[0] == '{';
}

static bool native_lines(struct collect_decoder *d, struct str body, struct err *e)
{
    struct str rest = body, line;
    d->build.copy_texts = true; /* each line's parse ends the one before */
    for (size_t number = 1; rest.len; number++) {
        size_t end = str_find(rest, '\n');
        line = str_trim(str_sub(rest, 0, end));
        rest = end < rest.len ? str_sub(rest, end + 1, rest.len) : STR_NONE;
        if (line.len == 0)
            continue;
        if (!native_line(&d->build, line)) {
            struct json root;
            if (!json_parse(d->parser, line, &root, e) || !native_record(&d->build, root, e)) {
                char at[sizeof e->at];
                memcpy(at, e->at, sizeof at);
                return err_at(e, "line %zu%s%s", number, at[0] ? " " : "", at);
            }
        }
        if (!decode_limit(d, e))
            return err_at(e, "line %zu", number);
    }
    return true;
}

static bool native_array(struct collect_decoder *d, struct json array, struct err *e)
{
    struct json_each it = json_each(array);
    if (json_count(array) > LIMIT_BATCH_EVENTS) {
        err_set(e, ERR_TOO_LARGE, "a batch of %zu records; the limit is %d", json_count(array),
                LIMIT_BATCH_EVENTS);
        err_hint(e, "send smaller batches, or import a file");
        return err_code(e, "batch.too_many");
    }
    for (size_t i = 0; json_next(&it); i++)
        if (!native_record(&d->build, it.value, e) || !decode_limit(d, e))
            return at_index(e, i);
    return true;
}

static bool native_document(struct collect_decoder *d, struct json root, const char **list,
                            struct err *e)
{
    struct json events = json_member(root, STR("events"));
    *list = "";
    if (json_type(root) == JSON_ARRAY)
        return native_array(d, root, e);
    if (json_type(events) == JSON_ABSENT)
        return native_record(&d->build, root, e);
    *list = "/events";
    if (json_type(events) != JSON_ARRAY)
        return wrong_type(e, "events", "a list of records", events);
    struct json_each it = json_each(root);
    while (json_next(&it))
        if (!str_equal(it.key, STR("events"))) {
            static const char *const known[] = {"events"};
            return unknown_member(e, it.key, known, COUNT(known));
        }
    return native_array(d, events, e) || at_member(e, STR("events"));
}

bool collect_decode_native(struct collect_decoder *d, struct str body, int64_t now_ms,
                           struct store_batch *out, struct err *e)
{
    const char *list = "";
    decode_begin(d, now_ms);
    if (is_lines(body)) {
        if (!native_lines(d, body, e))
            return false;
    } else {
        struct json root;
        if (!json_parse(d->parser, body, &root, e) || !native_document(d, root, &list, e))
            return false;
    }
    decode_fill(d);
    if (!decode_conflicts(d, list, e))
        return false;
    *out = build_batch(&d->build);
    return true;
}
