/* query/named: bodies of the vocabulary, virtual events, and what may be meant. */
#include "query/named.h"

#include "query/condition.h"

static const char *const kind_names[] = {"segment", "event", "property"};

struct named *named_find(struct question *q, enum vocabulary_kind kind, struct str name)
{
    const struct vocabulary *v = q->context->vocabulary;

    if (!v)
        return NULL;
    if (!q->named) {
        q->named = mem_array(v->count + 1, sizeof *q->named);
        for (size_t i = 0; i < v->count; i++)
            q->named[i].entry = &v->entries[i];
    }
    for (size_t i = 0; i < v->count; i++)
        if (v->entries[i].kind == kind && str_equal(v->entries[i].name, name))
            return &q->named[i];
    return NULL;
}

bool named_open(struct question *q, struct named *n, struct err *e)
{
    struct err why = {0};

    (void)q;
    if (n->parser)
        return true;
    struct json_parser *parser = json_parser_create();
    if (json_parse(parser, n->entry->body, &n->body, &why) && json_type(n->body) == JSON_OBJECT) {
        n->parser = parser;
        return true;
    }
    json_parser_destroy(parser);
    return err_set(e, ERR_CORRUPT, "the saved %s \"%.*s\" is damaged: %s",
                   kind_names[n->entry->kind], STR_ARG(n->entry->name), why.text);
}

struct ask named_body(const struct named *n, const struct ask *place)
{
    struct ask body = *place;

    body.json = n->body;
    body.is_saved = true;
    return body;
}

void named_free(struct question *q)
{
    for (size_t i = 0; q->named && i < q->context->vocabulary->count; i++)
        json_parser_destroy(q->named[i].parser);
    mem_free(q->named);
}

/* ---- events ---- */

bool named_is_event(struct question *q, struct named *n, bool *is, struct err *e)
{
    if (!named_open(q, n, e))
        return false;
    *is = json_type(json_member(n->body, STR("any_of"))) == JSON_ARRAY ||
          json_type(json_member(n->body, STR("merges"))) == JSON_ARRAY;
    return true;
}

bool named_is_property(struct question *q, struct named *n, bool *is, struct err *e)
{
    if (!named_open(q, n, e))
        return false;
    *is = json_type(json_member(n->body, STR("expression"))) != JSON_ABSENT ||
          json_type(json_member(n->body, STR("merges"))) == JSON_ARRAY;
    return true;
}

/* It and the names it stands for, as they were sent. */
static bool merged_read(struct question *q, const struct named *n, const struct ask *list,
                        struct matcher *out, struct err *e)
{
    size_t count;

    if (!ask_list(list, 1, SCAN_SELECTORS_MAX - 1, &count, e))
        return false;
    out->options = arena_array(q->arena, count + 1, sizeof *out->options);
    out->options[out->count++].event = n->entry->name;
    struct json_each it = json_each(list->json);
    for (size_t i = 0; json_next(&it); i++) {
        struct ask item = ask_item(list, it.value, i);
        struct str name;
        if (!ask_text(&item, &name, e))
            return false;
        if (!str_equal(name, n->entry->name))
            out->options[out->count++].event = name;
    }
    return true;
}

static bool body_read(struct question *q, const struct named *n, const struct ask *place,
                      struct matcher *out, struct err *e)
{
    const struct ask *body = question_keep(q, named_body(n, place)),
                     *merges = question_keep(q, ask_member(body, "merges")),
                     *any_of = question_keep(q, ask_member(body, "any_of"));

    if (ask_is_there(merges))
        return merged_read(q, n, merges, out, e);
    return matcher_any_of(q, any_of, out, e);
}

bool named_event(struct question *q, struct named *n, const struct ask *place, struct matcher *out,
                 struct err *e)
{
    enum condition_level level = q->condition_level;

    if (n->is_reading) {
        ask_fail(place, e, "query.circle", "the event \"%.*s\" is made of itself",
                 STR_ARG(n->entry->name));
        return err_hint(e, "take it out of one of the events it is made of");
    }
    if (++q->named_depth > VOCABULARY_DEPTH)
        return ask_fail(place, e, "query.limit", "virtual events are nested more than %d deep",
                        VOCABULARY_DEPTH);
    n->is_reading = true;
    q->condition_level = LEVEL_EVENT;
    bool ok = body_read(q, n, place, out, e);
    q->condition_level = level;
    n->is_reading = false;
    q->named_depth--;
    return ok;
}

/* ---- names that may be meant ---- */

static bool is_hidden(const struct named *n)
{
    bool hidden = false;

    return json_bool(json_member(n->body, STR("hidden")), &hidden) && hidden;
}

static void name_take_away(struct str name, struct str *names, size_t *count)
{
    for (size_t i = 0; i < *count; i++)
        if (str_equal(names[i], name))
            names[i--] = names[--*count];
}

static void merged_take_away(const struct named *n, struct str *names, size_t *count)
{
    struct json_each it = json_each(json_member(n->body, STR("merges")));
    struct str name;

    while (json_next(&it))
        if (json_string(it.value, &name) && !str_equal(name, n->entry->name))
            name_take_away(name, names, count);
}

void named_offer(struct question *q, enum vocabulary_kind kind, struct str **names, size_t *count)
{
    const struct vocabulary *v = q->context->vocabulary;
    struct err ignored = {0};

    if (!v)
        return;
    struct str *all = arena_array(q->arena, *count + v->count + 1, sizeof *all);
    memcpy(all, *names, *count * sizeof *all);
    for (size_t i = 0; i < v->count; i++) {
        struct named *n =
            v->entries[i].kind == kind ? named_find(q, kind, v->entries[i].name) : NULL;
        if (!n || !named_open(q, n, &ignored))
            continue;
        name_take_away(n->entry->name, all, count);
        if (!is_hidden(n))
            all[(*count)++] = n->entry->name;
    }
    for (size_t i = 0; i < v->count; i++)
        if (v->entries[i].kind == kind && q->named[i].parser)
            merged_take_away(&q->named[i], all, count);
    *names = all;
}
