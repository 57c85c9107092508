/* collect/build: batches under construction, and their properties. */
#include "collect/build.h"

#include <stdlib.h>

enum { POOL_PROPERTIES = 16384 };
_Static_assert(POOL_PROPERTIES >= 4 * LIMIT_EVENT_PROPERTIES, "a record fits in one pool");

struct property_pool {
    struct property_pool *older, *newer;
    size_t used;
    struct property items[POOL_PROPERTIES];
};

void build_init(struct build *b)
{
    *b = (struct build){.arena = arena_create(256 << 10)};
    b->pool = mem_array(1, sizeof *b->pool);
}

void build_clear(struct build *b)
{
    struct property_pool *pool = b->pool;
    while (pool && pool->older)
        pool = pool->older;
    while (pool) {
        struct property_pool *newer = pool->newer;
        mem_free(pool);
        pool = newer;
    }
    arena_destroy(b->arena);
    mem_free(b->events);
    mem_free(b->facts);
    *b = (struct build){0};
}

void build_reset(struct build *b)
{
    arena_reset(b->arena);
    b->event_count = b->fact_count = 0;
    b->pool->used = 0;
    while (b->pool->older) {
        b->pool = b->pool->older;
        b->pool->used = 0;
    }
    b->open = NULL;
    b->open_count = 0;
}

struct store_batch build_batch(const struct build *b)
{
    return (struct store_batch){
        .events = b->events,
        .event_count = b->event_count,
        .facts = b->facts,
        .fact_count = b->fact_count,
    };
}

/* What a dropped record left in the pools and the arena is reused at the next reset. */
struct build_mark build_mark(const struct build *b)
{
    return (struct build_mark){b->event_count, b->fact_count};
}

void build_back(struct build *b, struct build_mark mark)
{
    REQUIRE(mark.events <= b->event_count && mark.facts <= b->fact_count);
    b->event_count = mark.events;
    b->fact_count = mark.facts;
    b->open_count = 0;
}

struct str build_text(struct build *b, struct str s)
{
    return b->copy_texts ? arena_copy(b->arena, s) : s;
}

void build_properties_reserve(struct build *b, size_t more)
{
    size_t need = b->open_count + more;
    REQUIRE(need <= POOL_PROPERTIES);
    if (LIKELY(POOL_PROPERTIES - b->pool->used >= need)) {
        b->open = b->pool->items + b->pool->used;
        return;
    }
    struct property *from = b->open;
    if (!b->pool->newer) {
        b->pool->newer = mem_array(1, sizeof *b->pool);
        b->pool->newer->older = b->pool;
    }
    b->pool = b->pool->newer;
    b->pool->used = 0;
    b->open = b->pool->items;
    if (b->open_count)
        memcpy(b->open, from, b->open_count * sizeof *from);
}

void build_properties_begin(struct build *b)
{
    b->open_count = b->open_bytes = 0;
    b->was_flattened = false;
    b->open = b->pool->items + b->pool->used;
}

static size_t value_bytes(struct value v)
{
    return v.type == VALUE_TEXT || v.type == VALUE_LIST ? v.text.len : 8;
}

bool build_property(struct build *b, struct str name, struct value value, struct err *e)
{
    if (name.len == 0) {
        err_set(e, ERR_INVALID, "a property has an empty name");
        return err_code(e, "schema.empty_key");
    }
    if (name.len > LIMIT_NAME_BYTES) {
        err_set(e, ERR_INVALID, "a property's name has %zu bytes; the limit is %d", name.len,
                LIMIT_NAME_BYTES);
        return err_code(e, "schema.too_large");
    }
    if (b->open_count == LIMIT_EVENT_PROPERTIES) {
        err_set(e, ERR_INVALID, "more than %d properties", LIMIT_EVENT_PROPERTIES);
        return err_code(e, "schema.too_large");
    }
    if (b->open_count == 0 || b->open + b->open_count == b->pool->items + POOL_PROPERTIES)
        build_properties_reserve(b, 1);
    b->open[b->open_count++] = (struct property){name, value};
    b->open_bytes += name.len + value_bytes(value);
    return true;
}

const struct property *build_property_find(const struct build *b, struct str name)
{
    for (size_t i = 0; i < b->open_count; i++)
        if (str_equal(b->open[i].name, name))
            return &b->open[i];
    return NULL;
}

static bool list_value(struct build *b, struct json j, struct value *out, struct err *e)
{
    if (json_count(j) > LIMIT_LIST_ITEMS) {
        err_set(e, ERR_INVALID, "a list of %zu items; the limit is %d", json_count(j),
                LIMIT_LIST_ITEMS);
        return err_code(e, "schema.too_large");
    }
    BUF_AUTO text = {0};
    json_print(j, &text);
    if (text.len > LIMIT_TEXT_BYTES) {
        err_set(e, ERR_INVALID, "a list of %zu bytes; the limit is %d", text.len, LIMIT_TEXT_BYTES);
        return err_code(e, "schema.too_large");
    }
    *out = (struct value){.type = VALUE_LIST, .text = arena_copy(b->arena, buf_str(&text))};
    return true;
}

static bool plain_value(struct build *b, struct json j, struct value *out, struct err *e)
{
    struct str text;
    *out = (struct value){.type = VALUE_NULL};
    switch (json_type(j)) {
    case JSON_BOOL:
        out->type = VALUE_BOOL;
        return json_bool(j, &out->boolean);
    case JSON_INT:
        out->type = VALUE_INT;
        return json_int(j, &out->integer);
    case JSON_DOUBLE:
        out->type = VALUE_DOUBLE;
        return json_number(j, &out->number);
    case JSON_ARRAY:
        return list_value(b, j, out, e);
    case JSON_STRING:
        REQUIRE(json_string(j, &text));
        if (text.len > LIMIT_TEXT_BYTES) {
            err_set(e, ERR_INVALID, "a text of %zu bytes; the limit is %d", text.len,
                    LIMIT_TEXT_BYTES);
            return err_code(e, "schema.too_large");
        }
        *out = (struct value){.type = VALUE_TEXT, .text = build_text(b, text)};
        return true;
    default:
        return true; /* null */
    }
}

static struct str dotted(struct arena *arena, struct str outer, struct str inner)
{
    size_t len = outer.len + 1 + inner.len;
    char *text = arena_alloc(arena, len);
    memcpy(text, outer.at, outer.len);
    text[outer.len] = '.';
    memcpy(text + outer.len + 1, inner.at, inner.len);
    return (struct str){text, len};
}

/* Depth is bounded: the reader refuses documents deeper than LIMIT_JSON_DEPTH. */
bool build_properties(struct build *b, struct json object, struct str prefix, struct err *e)
{
    struct json_each it = json_each(object);
    while (json_next(&it)) {
        if (it.key.len == 0) {
            err_set(e, ERR_INVALID, "a property has an empty name");
            err_code(e, "schema.empty_key");
            return at_member(e, it.key);
        }
        struct str name = prefix.len ? dotted(b->arena, prefix, it.key) : build_text(b, it.key);
        if (json_type(it.value) == JSON_OBJECT) {
            b->was_flattened = true;
            if (!build_properties(b, it.value, name, e))
                return at_member(e, it.key);
            continue;
        }
        struct value value;
        if (!plain_value(b, it.value, &value, e) || !build_property(b, name, value, e))
            return at_member(e, it.key);
    }
    return true;
}

static int by_name(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

bool build_take(struct build *b, const struct property **list, size_t *count, struct err *e)
{
    if (b->was_flattened && b->open_count > 1) {
        struct str *names = arena_array(b->arena, b->open_count, sizeof *names);
        for (size_t i = 0; i < b->open_count; i++)
            names[i] = b->open[i].name;
        qsort(names, b->open_count, sizeof *names, by_name);
        for (size_t i = 1; i < b->open_count; i++)
            if (str_equal(names[i - 1], names[i])) {
                err_set(e, ERR_INVALID,
                        "two properties are named \"%.*s\" once nested ones "
                        "are written with dots",
                        STR_ARG(names[i]));
                return err_code(e, "schema.duplicate_property");
            }
    }
    *list = b->open_count ? b->open : NULL;
    *count = b->open_count;
    if (b->open_count)
        b->pool->used = (size_t)(b->open - b->pool->items) + b->open_count;
    b->open_count = 0;
    return true;
}

struct event *build_event(struct build *b)
{
    struct event *event = &ARRAY_PUSH(b->events, b->event_count, b->event_room);
    *event = (struct event){.received = b->now_ms};
    return event;
}

struct fact *build_fact(struct build *b, enum fact_kind kind, struct str subject)
{
    struct fact *fact = &ARRAY_PUSH(b->facts, b->fact_count, b->fact_room);
    *fact = (struct fact){
        .kind = kind,
        .subject = subject,
        .received = b->now_ms,
        .created = FACT_CREATED_NONE,
        .by = kind == FACT_MERGE || kind == FACT_UNMERGE ? b->by : STR_NONE,
    };
    return fact;
}

bool build_event_check(const struct event *event, size_t property_bytes, struct err *e)
{
    size_t bytes = event->id.len + event->name.len + event->person.len + event->account.len +
                   event->session.len + property_bytes;
    if (bytes > LIMIT_EVENT_BYTES) {
        err_set(e, ERR_INVALID, "an event of %zu bytes; the limit is %d", bytes, LIMIT_EVENT_BYTES);
        return err_code(e, "schema.too_large");
    }
    return true;
}
