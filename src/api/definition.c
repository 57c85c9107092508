/*
 * api/definition: events and properties: what the store has seen of them, and what people said.
 *
 * Hidden names and names merged under another are left out of the list unless ?hidden=true asks for
 * them: what is offered comes from it.
 */
#include "query/definition.h"
#include "api/route.h"
#include "base/intern.h"
#include "codec/bytes.h"
#include "codec/json.h"

static void instant_put(struct jwrite *w, const char *key, int64_t ms)
{
    char room[INSTANT_TEXT_BYTES];

    jwrite_pair_string(w, key, instant_text(ms, room));
}

/* ---- what is said ---- */

struct said {
    struct json_parser *parser;
    struct json body; /* JSON_ABSENT: nothing */
    bool is_hidden, is_made;
};

static void said_free(struct said *s)
{
    json_parser_destroy(s->parser);
}
#define SAID_AUTO __attribute__((cleanup(said_free))) struct said

static bool said_read(const struct vocabulary_entry *entry, struct said *s, struct err *e)
{
    s->parser = json_parser_create();
    s->body = (struct json){0};
    if (!entry)
        return true;
    if (!json_parse(s->parser, entry->body, &s->body, e))
        return err_while(e, "reading what is said of \"%.*s\"", STR_ARG(entry->name));
    (void)json_bool(json_member(s->body, STR("hidden")), &s->is_hidden);
    s->is_made = json_type(json_member(s->body, STR("any_of"))) != JSON_ABSENT ||
                 json_type(json_member(s->body, STR("expression"))) != JSON_ABSENT ||
                 json_type(json_member(s->body, STR("merges"))) != JSON_ABSENT;
    return true;
}

/* The body's members follow those that are there. */
static void said_write(const struct said *s, struct str merged_under, struct jwrite *w)
{
    struct json_each it = json_each(s->body);
    BUF_AUTO text = {0};

    while (json_next(&it)) {
        buf_clear(&text);
        json_print(it.value, &text);
        jwrite_key(w, it.key);
        jwrite_raw(w, buf_str(&text));
    }
    if (merged_under.at)
        jwrite_pair_string(w, "merged_under", merged_under);
}

/* ---- a list ---- */

struct listing {
    struct asking *asking;
    struct arena *arena;
    enum vocabulary_kind kind;
    bool with_hidden;
    struct intern *merged; /* names merged under another, and under which */
    struct str *under;
    size_t merged_count, merged_room;
    struct intern *written;
    struct jwrite *w;
};

static const struct vocabulary_entry *entry_find(const struct vocabulary *v,
                                                 enum vocabulary_kind kind, struct str name)
{
    for (size_t i = 0; i < v->count; i++)
        if (v->entries[i].kind == kind && str_equal(v->entries[i].name, name))
            return &v->entries[i];
    return NULL;
}

static bool merged_find(struct listing *l, struct err *e)
{
    const struct vocabulary *v = &l->asking->names.vocabulary;

    for (size_t i = 0; i < v->count; i++) {
        SAID_AUTO s = {0};
        struct str name;
        if (v->entries[i].kind != l->kind)
            continue;
        if (!said_read(&v->entries[i], &s, e))
            return false;
        struct json_each it = json_each(json_member(s.body, STR("merges")));
        while (json_next(&it))
            if (json_string(it.value, &name) && intern_put(l->merged, name) == l->merged_count)
                ARRAY_PUSH(l->under, l->merged_count, l->merged_room) = v->entries[i].name;
    }
    return true;
}

static struct str merged_under(const struct listing *l, struct str name)
{
    uint32_t at = intern_find(l->merged, name);

    return at == INTERN_NONE ? STR_NONE : l->under[at];
}

/* Begins a name's object; *is_shown: false, it is left out. */
static bool entry_begin(struct listing *l, struct str name, struct said *s, bool *is_shown,
                        struct err *e)
{
    const struct vocabulary *v = &l->asking->names.vocabulary;

    intern_put(l->written, name);
    if (!said_read(entry_find(v, l->kind, name), s, e))
        return false;
    *is_shown = l->with_hidden || (!s->is_hidden && !merged_under(l, name).at);
    if (*is_shown) {
        jwrite_object(l->w);
        jwrite_pair_string(l->w, "name", name);
    }
    return true;
}

static bool event_write(struct listing *l, const struct event_name_info *info, struct err *e)
{
    SAID_AUTO s = {0};
    bool is_shown;

    if (!entry_begin(l, info->name, &s, &is_shown, e) || !is_shown)
        return !is_shown && e->kind == ERR_NONE;
    jwrite_pair_int(l->w, "count", (int64_t)info->count);
    instant_put(l->w, "first_seen", info->first);
    instant_put(l->w, "last_seen", info->last);
    said_write(&s, merged_under(l, info->name), l->w);
    jwrite_end(l->w);
    return true;
}

static void types_write(uint32_t types, struct jwrite *w)
{
    static const char *const type_names[VALUE_TYPE_COUNT] = {
        [VALUE_NULL] = "null",     [VALUE_BOOL] = "boolean", [VALUE_INT] = "number",
        [VALUE_DOUBLE] = "number", [VALUE_TEXT] = "text",    [VALUE_LIST] = "list"};
    const char *last = "";

    jwrite_key(w, STR("types"));
    jwrite_array(w);
    for (size_t t = 0; t < VALUE_TYPE_COUNT; t++) {
        /* Whole and other numbers are one type to people, and neighbours in the enum. */
        if (!(types & (1U << t)) || !type_names[t] || strcmp(last, type_names[t]) == 0)
            continue;
        last = type_names[t];
        jwrite_string(w, str_of(last));
    }
    jwrite_end(w);
}

static bool property_write(struct listing *l, const struct property_info *info, struct err *e)
{
    SAID_AUTO s = {0};
    bool is_shown;

    if (!entry_begin(l, info->name, &s, &is_shown, e) || !is_shown)
        return !is_shown && e->kind == ERR_NONE;
    jwrite_pair_int(l->w, "count", (int64_t)info->count);
    types_write(info->types, l->w);
    jwrite_key(l->w, STR("values"));
    jwrite_array(l->w);
    for (size_t n = 0; n < info->example_count; n++)
        jwrite_string(l->w, info->examples[n]);
    jwrite_end(l->w);
    said_write(&s, merged_under(l, info->name), l->w);
    jwrite_end(l->w);
    return true;
}

/* Names that are made of others, or that nobody has sent yet. */
static bool made_write(struct listing *l, struct err *e)
{
    const struct vocabulary *v = &l->asking->names.vocabulary;

    for (size_t i = 0; i < v->count; i++) {
        SAID_AUTO s = {0};
        bool is_shown;
        if (v->entries[i].kind != l->kind ||
            intern_find(l->written, v->entries[i].name) != INTERN_NONE)
            continue;
        if (!entry_begin(l, v->entries[i].name, &s, &is_shown, e))
            return false;
        if (!is_shown)
            continue;
        if (l->kind == VOCABULARY_PROPERTY) {
            types_write(0, l->w);
            jwrite_key(l->w, STR("values"));
            jwrite_raw(l->w, STR("[]"));
        }
        said_write(&s, merged_under(l, v->entries[i].name), l->w);
        jwrite_end(l->w);
    }
    return true;
}

static bool list_write(struct listing *l, struct err *e)
{
    const struct source_vtable *does = l->asking->source->does;
    struct event_name_info *events = NULL;
    struct property_info *properties = NULL;
    size_t count = 0;
    bool ok = true;

    jwrite_key(l->w, l->kind == VOCABULARY_EVENT ? STR("events") : STR("properties"));
    jwrite_array(l->w);
    if (l->kind == VOCABULARY_EVENT)
        does->events(l->asking->source, l->arena, &events, &count);
    else
        does->properties(l->asking->source, l->arena, &properties, &count);
    for (size_t i = 0; ok && i < count; i++)
        ok = events ? event_write(l, &events[i], e) : property_write(l, &properties[i], e);
    ok = ok && made_write(l, e);
    jwrite_end(l->w);
    return ok;
}

static bool kind_write(struct asking *asking, enum vocabulary_kind kind, bool with_hidden,
                       struct arena *arena, struct jwrite *w, struct err *e)
{
    AUTO(intern) *merged = intern_create(), *written = intern_create();
    struct listing l = {.asking = asking,
                        .arena = arena,
                        .kind = kind,
                        .with_hidden = with_hidden,
                        .merged = merged,
                        .written = written,
                        .w = w};
    bool ok = merged_find(&l, e) && list_write(&l, e);

    mem_free(l.under);
    return ok;
}

bool api_definitions_write(struct asking *asking, bool with_hidden, struct arena *arena,
                           struct jwrite *w, struct err *e)
{
    jwrite_object(w);
    bool ok = kind_write(asking, VOCABULARY_EVENT, with_hidden, arena, w, e) &&
              kind_write(asking, VOCABULARY_PROPERTY, with_hidden, arena, w, e);
    jwrite_end(w);
    return ok;
}

bool get_definitions(void *context, struct http_request *q, struct http_reply *r, struct err *e)
{
    struct asking_room room = api_asking(context, q);
    bool with_hidden = str_equal(http_argument(q, STR("hidden")), STR("true"));
    ASKING_AUTO asking = {0};
    BUF_AUTO out = {0};
    struct jwrite w = jwrite_to(&out);

    if (!asking_open(&room, q->name, false, q->arena, &asking, e) ||
        !api_definitions_write(&asking, with_hidden, q->arena, &w, e))
        return false;
    r->body = arena_copy(q->arena, buf_str(&out));
    return true;
}

/* ---- one ---- */

static enum definition_kind kind_of(const struct http_request *q)
{
    return strstr(q->route->path, "/definitions/events/") ? DEFINITION_EVENT : DEFINITION_PROPERTY;
}

static bool name_of(struct http_request *q, struct str *name, struct err *e)
{
    BUF_AUTO text = {0};

    if (!percent_get(q->rest, false, &text))
        return err_set(e, ERR_INVALID, "the name in the path is not percent-encoded text");
    *name = arena_copy(q->arena, buf_str(&text));
    return true;
}

static bool one_write(struct asking *asking, enum definition_kind kind, struct str name,
                      const struct document *d, struct jwrite *w, struct err *e)
{
    struct definition_span span;
    SAID_AUTO s = {0};
    const struct vocabulary_entry entry = {VOCABULARY_EVENT, name, d ? d->body : STR_NONE};

    if (!definition_span(asking->source, &asking->context, kind == DEFINITION_PROPERTY, name, &span,
                         e) ||
        !said_read(d ? &entry : NULL, &s, e))
        return false;
    if (!span.count && !d) {
        err_set(e, ERR_NOT_FOUND, "no event of this project has the %s \"%.*s\"",
                kind == DEFINITION_EVENT ? "name" : "property", (int)MIN(name.len, 80), name.at);
        return err_code(e, "definition.unknown");
    }
    jwrite_object(w);
    jwrite_pair_string(w, "name", name);
    jwrite_pair_int(w, "version", d ? d->version : 0);
    jwrite_pair_int(w, "count", (int64_t)span.count);
    jwrite_key(w, STR("first_seen"));
    if (span.count) {
        char room[INSTANT_TEXT_BYTES];
        jwrite_string(w, instant_text(span.first, room));
        instant_put(w, "last_seen", span.last);
    } else {
        jwrite_null(w);
        jwrite_key(w, STR("last_seen"));
        jwrite_null(w);
    }
    said_write(&s, STR_NONE, w);
    jwrite_end(w);
    return true;
}

static bool reply_one(struct asking *asking, struct http_request *q, struct str name,
                      const struct document *d, struct http_reply *r, struct err *e)
{
    BUF_AUTO out = {0};
    struct jwrite w = jwrite_to(&out);

    if (!one_write(asking, kind_of(q), name, d, &w, e))
        return false;
    if (d)
        http_reply_header(r, "ETag", arena_printf(q->arena, "\"%lld\"", (long long)d->version));
    r->body = arena_copy(q->arena, buf_str(&out));
    return true;
}

bool get_definition(void *context, struct http_request *q, struct http_reply *r, struct err *e)
{
    struct asking_room room = api_asking(context, q);
    ASKING_AUTO asking = {0};
    struct document d;
    struct err why = {0};
    struct str name;

    if (!name_of(q, &name, e) || !asking_open(&room, q->name, false, q->arena, &asking, e))
        return false;
    struct document_key key = definition_key(asking.settings.name, kind_of(q), name, q->arena);
    bool is_there = document_find(room.record, &key, q->arena, &d, &why);
    if (!is_there && why.kind != ERR_NOT_FOUND) {
        *e = why;
        return false;
    }
    return reply_one(&asking, q, name, is_there ? &d : NULL, r, e);
}

bool put_definition(void *context, struct http_request *q, struct http_reply *r, struct err *e)
{
    struct asking_room room = api_asking(context, q);
    ASKING_AUTO checking = {0}, asking = {0};
    struct document d;
    int64_t version;
    struct str name;

    if (!name_of(q, &name, e) || !api_match(q, &version, e) ||
        !asking_open(&room, q->name, true, q->arena, &checking, e) ||
        !definition_put(&checking.project, kind_of(q), name, q->body, version, &d, e))
        return false;
    return asking_open(&room, q->name, false, q->arena, &asking, e) &&
           reply_one(&asking, q, name, &d, r, e);
}

bool delete_definition(void *context, struct http_request *q, struct http_reply *r, struct err *e)
{
    struct asking_room room = api_asking(context, q);
    ASKING_AUTO asking = {0};
    struct str name;

    if (!name_of(q, &name, e) || !asking_open(&room, q->name, true, q->arena, &asking, e) ||
        !definition_remove(&asking.project, kind_of(q), name, e))
        return false;
    r->body = STR("{\"removed\":true}");
    return true;
}
