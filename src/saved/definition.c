/* saved/definition: what people say of events and properties, and those they make of others. */
#include "base/hash.h"
#include "base/limits.h"
#include "saved/inner.h"
#include "saved/names.h"

enum { OWNER_BYTES = 200, MERGES_MAX = 31 };

struct document_key definition_key(struct str project, enum definition_kind kind, struct str name,
                                   struct arena *arena)
{
    struct hash128 h = hash128(name, 0);

    return (struct document_key){project, str_of(definition_kinds[kind]),
                                 arena_printf(arena, "d%016llx%016llx", (unsigned long long)h.high,
                                              (unsigned long long)h.low)};
}

/* ---- notes ---- */

static bool flag_check(const struct ask *root, const char *member, struct jwrite *w, struct err *e)
{
    struct ask a = ask_member(root, member);
    bool is;

    if (!ask_is_there(&a))
        return true;
    if (!ask_bool(&a, &is, e))
        return false;
    if (is)
        jwrite_pair_bool(w, member, true);
    return true;
}

static bool note_check(const struct ask *root, const char *member, size_t max, struct jwrite *w,
                       struct err *e)
{
    struct ask a = ask_member(root, member);
    struct str text;

    if (!ask_is_there(&a))
        return true;
    if (!saved_text(&a, max, &text, e))
        return false;
    jwrite_pair_string(w, member, text);
    return true;
}

/* ---- names merged under one ---- */

static bool is_merged_elsewhere(const struct saved_project *p, enum definition_kind kind,
                                struct str own, struct str name)
{
    const struct vocabulary *v = p->query->vocabulary;
    enum vocabulary_kind wanted = kind == DEFINITION_EVENT ? VOCABULARY_EVENT : VOCABULARY_PROPERTY;
    AUTO(json_parser) *parser = json_parser_create();
    struct err ignored = {0};
    struct json root;
    struct str other;

    for (size_t i = 0; i < v->count; i++) {
        if (v->entries[i].kind != wanted || str_equal(v->entries[i].name, own) ||
            !json_parse(parser, v->entries[i].body, &root, &ignored))
            continue;
        struct json_each it = json_each(json_member(root, STR("merges")));
        while (json_next(&it))
            if (json_string(it.value, &other) && str_equal(other, name))
                return true;
    }
    return false;
}

static bool merges_check(const struct saved_project *p, enum definition_kind kind, struct str name,
                         const struct ask *merges, struct jwrite *w, struct err *e)
{
    BUF_AUTO text = {0};
    size_t count;

    if (!ask_list(merges, 1, kind == DEFINITION_EVENT ? MERGES_MAX : SCAN_INPUTS_MAX - 1, &count,
                  e))
        return false;
    struct json_each it = json_each(merges->json);
    for (size_t i = 0; json_next(&it); i++) {
        struct ask item = ask_item(merges, it.value, i);
        struct str other;
        if (!ask_text(&item, &other, e))
            return false;
        if (!other.len || other.len > LIMIT_NAME_BYTES)
            return ask_fail(&item, e, "query.limit", "a name has 1 to %d bytes", LIMIT_NAME_BYTES);
        if (str_equal(other, name))
            return ask_fail(&item, e, "query.circle", "a name is not merged under itself");
        if (is_merged_elsewhere(p, kind, name, other))
            return ask_fail(&item, e, "definition.merged",
                            "\"%.*s\" is merged under another name already",
                            (int)MIN(other.len, 80), other.at);
    }
    json_print(merges->json, &text);
    jwrite_key(w, STR("merges"));
    jwrite_raw(w, buf_str(&text));
    return true;
}

/* ---- what is made of others ---- */

/* An event that was sent keeps its meaning. */
static bool name_is_free(const struct saved_project *p, struct str name, const struct ask *place,
                         struct err *e)
{
    struct event_name_info *list;
    size_t count;

    p->source->does->events(p->source, p->arena, &list, &count);
    for (size_t i = 0; i < count; i++)
        if (str_equal(list[i].name, name)) {
            ask_fail(place, e, "definition.taken", "events named \"%.*s\" were sent",
                     (int)MIN(name.len, 80), name.at);
            return err_hint(e, "choose a name of its own for a virtual event, or use merges");
        }
    return true;
}

/* The question about a series; its errors get the member's place. */
static bool series_ask(const struct saved_project *p, const struct ask *any_of, struct err *e)
{
    BUF_AUTO question = {0}, answer = {0};
    struct err why = {0};

    buf_add(&question, STR("{\"insight\":\"trends\",\"series\":[{\"any_of\":"));
    json_print(any_of->json, &question);
    buf_add(&question, STR("}]}"));
    if (query_answer(p->source, p->query, buf_str(&question), &answer, e))
        return true;
    struct str at = str_of(e->at), inner = STR("");
    const char *head = "/series/0/any_of";
    if (str_starts(at, str_of(head)))
        inner = arena_copy(p->arena, str_sub(at, strlen(head), at.len));
    ask_point(any_of, &why);
    return err_at(e, "%s%.*s", why.at, STR_ARG(inner));
}

static bool virtual_check(const struct saved_project *p, struct str name, const struct ask *any_of,
                          struct jwrite *w, struct err *e)
{
    BUF_AUTO text = {0}, body = {0}, question = {0};
    struct jwrite q = jwrite_to(&question);

    if (json_type(any_of->json) != JSON_ARRAY)
        return ask_wrong_type(any_of, "a list of events", e);
    if (!name_is_free(p, name, any_of, e) || !series_ask(p, any_of, e))
        return false;
    json_print(any_of->json, &text);
    buf_printf(&body, "{\"any_of\":%.*s}", STR_ARG(buf_str(&text)));
    struct vocabulary_entry entry = {VOCABULARY_EVENT, name, buf_str(&body)};
    jwrite_object(&q);
    jwrite_pair_string(&q, "insight", STR("trends"));
    jwrite_key(&q, STR("series"));
    jwrite_array(&q);
    jwrite_object(&q);
    jwrite_pair_string(&q, "event", name);
    jwrite_end(&q);
    jwrite_end(&q);
    jwrite_end(&q);
    if (!saved_ask_as(p, &entry, buf_str(&question), any_of, e))
        return false;
    jwrite_key(w, STR("any_of"));
    jwrite_raw(w, buf_str(&text));
    return true;
}

/* Conditions that ask for each property an expression names: unknown ones are found so. */
static void inputs_write(struct json j, struct str own, struct jwrite *w)
{
    struct str name;

    if (json_string(json_member(j, STR("property")), &name) && !str_equal(name, own)) {
        jwrite_object(w);
        jwrite_pair_string(w, "property", name);
        jwrite_pair_bool(w, "exists", true);
        jwrite_end(w);
    }
    struct json_each it = json_each(j);
    while (json_next(&it))
        inputs_write(it.value, own, w);
}

static bool inputs_check(const struct saved_project *p, struct str name,
                         const struct ask *expression, struct err *e)
{
    BUF_AUTO question = {0}, answer = {0};
    struct jwrite w = jwrite_to(&question);

    jwrite_object(&w);
    jwrite_pair_string(&w, "insight", STR("trends"));
    jwrite_key(&w, STR("series"));
    jwrite_raw(&w, STR("[{\"event\":null}]"));
    jwrite_key(&w, STR("filter"));
    jwrite_array(&w);
    inputs_write(expression->json, name, &w);
    jwrite_end(&w);
    jwrite_end(&w);
    if (query_answer(p->source, p->query, buf_str(&question), &answer, e))
        return true;
    ask_point(expression, e);
    return false;
}

static bool computed_check(const struct saved_project *p, struct str name,
                           const struct ask *expression, struct jwrite *w, struct err *e)
{
    BUF_AUTO text = {0}, body = {0}, question = {0};
    struct jwrite q = jwrite_to(&question);

    json_print(expression->json, &text);
    buf_printf(&body, "{\"expression\":%.*s}", STR_ARG(buf_str(&text)));
    struct vocabulary_entry entry = {VOCABULARY_PROPERTY, name, buf_str(&body)};
    jwrite_object(&q);
    jwrite_pair_string(&q, "insight", STR("trends"));
    jwrite_key(&q, STR("series"));
    jwrite_raw(&q, STR("[{\"event\":null}]"));
    jwrite_key(&q, STR("breakdown"));
    jwrite_array(&q);
    jwrite_object(&q);
    jwrite_pair_string(&q, "property", name);
    jwrite_end(&q);
    jwrite_end(&q);
    jwrite_end(&q);
    if (!saved_ask_as(p, &entry, buf_str(&question), expression, e) ||
        !inputs_check(p, name, expression, e))
        return false;
    jwrite_key(w, STR("expression"));
    jwrite_raw(w, buf_str(&text));
    return true;
}

/* ---- saving ---- */

static bool body_check(const struct saved_project *p, enum definition_kind kind, struct str name,
                       const struct ask *root, struct jwrite *w, struct err *e)
{
    static const char *const known[2][7] = {
        {"description", "owner", "hidden", "verified", "merges", "any_of", "name"},
        {"description", "owner", "hidden", "verified", "merges", "expression", "name"}};
    struct ask merges = ask_member(root, "merges"),
               made = ask_member(root, kind == DEFINITION_EVENT ? "any_of" : "expression");

    if (!ask_members(root, known[kind], COUNT(known[kind]), e) ||
        !note_check(root, "description", SAVED_TEXT_BYTES, w, e) ||
        !note_check(root, "owner", OWNER_BYTES, w, e) || !flag_check(root, "hidden", w, e) ||
        !flag_check(root, "verified", w, e))
        return false;
    if (ask_is_there(&merges) && ask_is_there(&made))
        return ask_fail(&merges, e, "query.unknown_value", "merges stands instead of %s",
                        kind == DEFINITION_EVENT ? "any_of" : "expression");
    if (ask_is_there(&merges))
        return merges_check(p, kind, name, &merges, w, e);
    if (!ask_is_there(&made))
        return true;
    return kind == DEFINITION_EVENT ? virtual_check(p, name, &made, w, e)
                                    : computed_check(p, name, &made, w, e);
}

static bool name_check(struct str name, struct err *e)
{
    if (name.len && name.len <= LIMIT_NAME_BYTES && str_is_utf8(name))
        return true;
    err_set(e, ERR_INVALID, "a name has 1 to %d bytes of UTF-8", LIMIT_NAME_BYTES);
    return err_code(e, "definition.name");
}

bool definition_put(const struct saved_project *p, enum definition_kind kind, struct str name,
                    struct str text, int64_t version, struct document *out, struct err *e)
{
    AUTO(json_parser) *parser = json_parser_create();
    struct document_key key = definition_key(p->name, kind, name, p->arena);
    struct ask root = {0};
    BUF_AUTO body = {0};
    struct jwrite w = jwrite_to(&body);
    struct document old;
    bool made;

    if (!name_check(name, e) || !json_parse(parser, text, &root.json, e))
        return false;
    jwrite_object(&w);
    if (!body_check(p, kind, name, &root, &w, e))
        return false;
    jwrite_end(&w);
    *out = (struct document){.project = p->name,
                             .kind = key.kind,
                             .id = key.id,
                             .name = arena_copy(p->arena, name),
                             .body = arena_copy(p->arena, buf_str(&body))};
    struct err why = {0};
    if (document_find(p->record, &key, p->arena, &old, &why))
        return document_replace(p->record, p->query->now_ms, version, out, e);
    if (why.kind != ERR_NOT_FOUND) {
        *e = why;
        return false;
    }
    return document_create(p->record, p->query->now_ms, out, &made, e);
}

bool definition_remove(const struct saved_project *p, enum definition_kind kind, struct str name,
                       struct err *e)
{
    struct document_key key = definition_key(p->name, kind, name, p->arena);
    AUTO(json_parser) *parser = json_parser_create();
    struct document d;
    struct json root;

    if (!document_find(p->record, &key, p->arena, &d, e)) {
        if (e->kind != ERR_NOT_FOUND)
            return false;
        err_set(e, ERR_NOT_FOUND, "nothing was said about the %s \"%.*s\"", definition_kinds[kind],
                (int)MIN(name.len, 80), name.at);
        return err_code(e, "document.unknown");
    }
    /* Notes on what is sent may always go. */
    bool is_made = json_parse(parser, d.body, &root, e) &&
                   (json_type(json_member(root, STR("any_of"))) != JSON_ABSENT ||
                    json_type(json_member(root, STR("expression"))) != JSON_ABSENT);
    return (!is_made || saved_may_go(p, &d, e)) && document_remove(p->record, &key, 0, e);
}
