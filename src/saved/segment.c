/* saved/segment: what a segment is: conditions, or a list of people. */
#include "base/limits.h"
#include "saved/inner.h"
#include "saved/names.h"

enum { LIST_PAGE = 10000 };

/* Asks as if the body were saved under this name: errors become those of `place`. */
bool saved_ask_as(const struct saved_project *p, const struct vocabulary_entry *entry,
                  struct str question, const struct ask *place, struct err *e)
{
    const struct vocabulary *old = p->query->vocabulary;
    struct vocabulary_entry *entries =
        arena_array(p->arena, (old ? old->count : 0) + 1, sizeof *entries);
    struct vocabulary names = {0};
    struct query_context context = *p->query;
    BUF_AUTO answer = {0};

    if (old)
        names = *old;
    names.count = 0;
    for (size_t i = 0; old && i < old->count; i++)
        if (old->entries[i].kind != entry->kind || !str_equal(old->entries[i].name, entry->name))
            entries[names.count++] = old->entries[i];
    entries[names.count++] = *entry;
    names.entries = entries;
    context.vocabulary = &names;
    context.segments = NULL;
    if (query_answer(p->source, &context, question, &answer, e))
        return true;
    ask_point(place, e);
    return false;
}

/* The conditions themselves: their places are those of the document. */
static bool filter_check(const struct saved_project *p, const struct ask *filter, struct err *e)
{
    BUF_AUTO text = {0}, answer = {0};
    struct err why = {0};

    buf_add(&text, STR("{\"insight\":\"trends\",\"series\":[{\"event\":null}],\"segment\":"));
    json_print(filter->json, &text);
    buf_add_char(&text, '}');
    struct query_context context = *p->query;
    context.segments = NULL;
    if (query_answer(p->source, &context, buf_str(&text), &answer, e))
        return true;
    struct str at = str_of(e->at), inner = STR("");
    if (str_starts(at, STR("/segment")))
        inner = arena_copy(p->arena, str_sub(at, strlen("/segment"), at.len));
    ask_point(filter, &why);
    return err_at(e, "%s%.*s", why.at, STR_ARG(inner));
}

static bool conditions_put(const struct saved_project *p, struct str name, const struct ask *filter,
                           struct jwrite *w, struct err *e)
{
    BUF_AUTO text = {0}, body = {0};

    if (json_type(filter->json) != JSON_ARRAY)
        return ask_wrong_type(filter, "a list of conditions", e);
    if (!filter_check(p, filter, e))
        return false;
    json_print(filter->json, &text);
    buf_printf(&body, "{\"filter\":%.*s}", STR_ARG(buf_str(&text)));
    struct vocabulary_entry entry = {VOCABULARY_SEGMENT, name, buf_str(&body)};
    BUF_AUTO question = {0};
    struct jwrite q = jwrite_to(&question);
    jwrite_object(&q);
    jwrite_pair_string(&q, "insight", STR("trends"));
    jwrite_key(&q, STR("series"));
    jwrite_raw(&q, STR("[{\"event\":null}]"));
    jwrite_pair_string(&q, "segment", name);
    jwrite_end(&q);
    if (!saved_ask_as(p, &entry, buf_str(&question), filter, e))
        return false;
    jwrite_key(w, STR("filter"));
    jwrite_raw(w, buf_str(&text));
    return true;
}

/* ---- lists ---- */

static bool people_put(const struct saved_project *p, const struct ask *people, struct json ids,
                       struct jwrite *w, struct err *e)
{
    struct str id;
    size_t count;

    struct json_each it = json_each(ids);
    for (size_t i = 0; json_next(&it); i++) {
        struct ask item = ask_item(people, it.value, i);
        struct str person;
        if (i == VOCABULARY_LIST_PEOPLE)
            return ask_fail(people, e, "query.limit", "a list may have at most %d people",
                            VOCABULARY_LIST_PEOPLE);
        if (!ask_text(&item, &person, e))
            return false;
        if (!person.len || person.len > LIMIT_ID_BYTES)
            return ask_fail(&item, e, "query.limit", "a person's id has 1 to %d bytes",
                            LIMIT_ID_BYTES);
    }
    if (!saved_list_put(p, ids, &id, &count, e))
        return false;
    jwrite_pair_string(w, "list", id);
    jwrite_pair_int(w, "count", (int64_t)count);
    return true;
}

/* A list that is there already, as it was read. */
static bool list_keep(const struct saved_project *p, const struct ask *list, struct jwrite *w,
                      struct err *e)
{
    AUTO(json_parser) *parser = json_parser_create();
    struct document d;
    struct json ids;
    struct str id;

    if (!ask_text(list, &id, e))
        return false;
    struct document_key key = {p->name, STR("list"), id};
    if (!document_find(p->record, &key, p->arena, &d, e)) {
        if (e->kind != ERR_NOT_FOUND)
            return false;
        ask_fail(list, e, "query.unknown_value", "there is no such list");
        return err_hint(e, "send \"people\":[ids]");
    }
    if (!json_parse(parser, d.body, &ids, e))
        return false;
    jwrite_pair_string(w, "list", id);
    jwrite_pair_int(w, "count", (int64_t)json_count(ids));
    return true;
}

/* The question once more, from a cursor on. */
static void page_ask(struct json question, struct str cursor, struct buf *out)
{
    struct jwrite w = jwrite_to(out);
    BUF_AUTO text = {0};
    struct json place = json_member(question, STR("people_of"));
    bool stands_outside = json_type(place) != JSON_OBJECT; /* the people insight */
    struct json_each it = json_each(question);

    jwrite_object(&w);
    while (json_next(&it)) {
        if (str_equal(it.key, STR("people_of")) ||
            (stands_outside &&
             (str_equal(it.key, STR("page")) || str_equal(it.key, STR("cursor")))))
            continue;
        buf_clear(&text);
        json_print(it.value, &text);
        jwrite_key(&w, it.key);
        jwrite_raw(&w, buf_str(&text));
    }
    if (!stands_outside) {
        jwrite_key(&w, STR("people_of"));
        jwrite_object(&w);
        it = json_each(place);
        while (json_next(&it)) {
            if (str_equal(it.key, STR("page")) || str_equal(it.key, STR("cursor")))
                continue;
            buf_clear(&text);
            json_print(it.value, &text);
            jwrite_key(&w, it.key);
            jwrite_raw(&w, buf_str(&text));
        }
    }
    jwrite_pair_int(&w, "page", LIST_PAGE);
    if (cursor.len)
        jwrite_pair_string(&w, "cursor", cursor);
    if (!stands_outside)
        jwrite_end(&w);
    jwrite_end(&w);
}

/* One page of the people behind a number; *cursor becomes empty after the last. */
static bool page_take(const struct saved_project *p, const struct ask *from, struct str *cursor,
                      struct jwrite *ids, size_t *count, struct err *e)
{
    AUTO(json_parser) *parser = json_parser_create();
    BUF_AUTO question = {0}, answer = {0};
    struct json root;
    struct str id;

    page_ask(from->json, *cursor, &question);
    if (!query_answer(p->source, p->query, buf_str(&question), &answer, e))
        return saved_blame(from, e);
    if (!json_parse(parser, buf_str(&answer), &root, e))
        return false;
    struct json people = json_member(root, STR("people"));
    if (json_type(people) != JSON_ARRAY)
        return ask_fail(from, e, "query.unknown_value", "the answer is no list of people");
    struct json_each it = json_each(people);
    while (json_next(&it))
        if (json_string(json_member(it.value, STR("id")), &id)) {
            jwrite_string(ids, id);
            ++*count;
        }
    if (*count > VOCABULARY_LIST_PEOPLE)
        return ask_fail(from, e, "query.limit", "a list may have at most %d people",
                        VOCABULARY_LIST_PEOPLE);
    *cursor = STR_NONE;
    if (json_string(json_member(root, STR("cursor")), &id))
        *cursor = arena_copy(p->arena, id);
    return true;
}

/* {"question":…} with people_of: who is behind the number now. */
static bool from_put(const struct saved_project *p, const struct ask *from, struct jwrite *w,
                     struct err *e)
{
    AUTO(json_parser) *parser = json_parser_create();
    struct ask people_of = ask_member(from, "people_of"), insight = ask_member(from, "insight"),
               unit = ask_member(from, "unit");
    BUF_AUTO ids = {0};
    struct jwrite list = jwrite_to(&ids);
    struct str text, cursor = STR_NONE;
    struct json root;
    size_t count = 0;

    if (json_type(from->json) != JSON_OBJECT)
        return ask_wrong_type(from, "a question: an object", e);
    bool is_people = json_string(insight.json, &text) && str_equal(text, STR("people"));
    if (!is_people && json_type(people_of.json) != JSON_OBJECT)
        return ask_missing(from, "people_of", "say which number's people are meant", e);
    if (json_string(unit.json, &text) && !str_equal(text, STR("person")))
        return ask_fail(&unit, e, "query.unsupported", "a list is of persons, not of %.*ss",
                        STR_ARG(text));
    jwrite_array(&list);
    do {
        if (!page_take(p, from, &cursor, &list, &count, e))
            return false;
    } while (cursor.len);
    jwrite_end(&list);
    return json_parse(parser, buf_str(&ids), &root, e) && people_put(p, from, root, w, e);
}

bool saved_segment_check(const struct saved_project *p, const struct ask *root, struct jwrite *w,
                         struct err *e)
{
    static const char *const known[] = {"name", "description", "filter", "people",
                                        "from", "list",        "count",  SAVED_OWN};
    struct ask ways[] = {ask_member(root, "filter"), ask_member(root, "people"),
                         ask_member(root, "from"), ask_member(root, "list")};
    struct ask name = ask_member(root, "name");
    struct str text;
    size_t way = COUNT(ways);

    if (!ask_members(root, known, COUNT(known), e) || !saved_heading(root, w, e) ||
        !ask_text(&name, &text, e))
        return false;
    for (size_t i = 0; i < COUNT(ways); i++) {
        if (!ask_is_there(&ways[i]))
            continue;
        if (way < COUNT(ways))
            return ask_fail(&ways[i], e, "query.unknown_value",
                            "a segment has one of filter, people, from and list");
        way = i;
    }
    switch (way) {
    case 0:
        return conditions_put(p, text, &ways[0], w, e);
    case 1:
        return json_type(ways[1].json) == JSON_ARRAY ? people_put(p, &ways[1], ways[1].json, w, e)
                                                     : ask_wrong_type(&ways[1], "a list of ids", e);
    case 2:
        return from_put(p, &ways[2], w, e);
    case 3:
        return list_keep(p, &ways[3], w, e);
    default:
        ask_missing(root, "filter", "a segment has conditions, or a list of people", e);
        return err_hint(e, "for example \"filter\":[{\"did\":\"Signed Up\",\"within\":\"30d\"}]");
    }
}
