/* query/named_segment: saved segments in a question: their conditions, or the set itself. */
#include "query/behaviour.h"
#include "query/condition.h"
#include "query/named.h"
#include "query/segment_cache.h"
#include "query/session.h"

/* ---- errors ---- */

static bool unknown_segment(struct question *q, const struct ask *place, struct str name,
                            struct err *e)
{
    struct str *names = NULL;
    size_t count = 0;
    char near[120];

    named_offer(q, VOCABULARY_SEGMENT, &names, &count);
    names_near(name, names, count, near, sizeof near);
    ask_fail(place, e, "query.unknown_segment", "there is no segment \"%.*s\"",
             (int)MIN(name.len, (size_t)80), name.at);
    e->kind = ERR_UNKNOWN_NAME;
    return near[0] ? err_hint(e, "did you mean %s?", near)
                   : err_hint(e, "`tenure segment list` shows them");
}

static bool circle(const struct ask *place, struct str name, struct err *e)
{
    ask_fail(place, e, "query.circle", "the segment \"%.*s\" is made of itself", STR_ARG(name));
    return err_hint(e, "take it out of one of the segments it is made of");
}

/* ---- what a segment's text says ---- */

typedef bool says_fn(struct json object);

static bool says(struct question *q, struct json j, says_fn *it);

static bool named_says(struct question *q, struct str name, says_fn *it)
{
    struct err ignored = {0};

    for (size_t i = 0; i < q->context->vocabulary->count; i++) {
        struct named *n = &q->named[i];
        if (n->is_walked || !str_equal(n->entry->name, name) || !named_open(q, n, &ignored))
            continue;
        n->is_walked = true;
        bool does = says(q, n->body, it);
        n->is_walked = false;
        if (does)
            return true;
    }
    return false;
}

/* In it, or in what it names. Any text may be a name: too often is no harm. */
static bool says(struct question *q, struct json j, says_fn *it)
{
    struct str text;

    if (json_string(j, &text))
        return named_says(q, text, it);
    if (json_type(j) == JSON_OBJECT && it(j))
        return true;
    struct json_each each = json_each(j);
    while (json_next(&each))
        if (says(q, each.value, it))
            return true;
    return false;
}

/* The set changes as time goes by, with the same events. */
static bool moves(struct json object)
{
    return json_type(json_member(object, STR("sequence"))) == JSON_ABSENT &&
           json_type(json_member(object, STR("within"))) != JSON_ABSENT;
}

static bool is_of_session(struct json object)
{
    struct str of, property;

    return json_string(json_member(object, STR("of")), &of) && str_equal(of, STR("session")) &&
           json_string(json_member(object, STR("property")), &property) &&
           !str_equal(property, STR("id"));
}

/* ---- the cache ---- */

static bool key_make(struct question *q, const struct named *n, struct hash128 *key)
{
    const struct query_context *c = q->context;
    const struct source *s = q->persons;
    uint64_t state = s->does->state ? s->does->state(s) : 0;
    int64_t first, last, as_of = q->as_of;
    BUF_AUTO text = {0};

    if (!c->segments || !state)
        return false;
    if (!says(q, n->body, moves) && (!s->does->span(s, &first, &last) || last <= as_of))
        as_of = INT64_MAX; /* nothing lies after it: the same set until something does */
    buf_add_u64(&text, state);
    buf_add_u32(&text, s->does->units(s));
    buf_add_u64(&text, c->vocabulary->revision);
    buf_add_u64(&text, (uint64_t)as_of);
    buf_printf(&text, "%.*s\n%d\n%.*s\n", STR_ARG(c->project), (int)q->week_start,
               STR_ARG(zone_name(q->zone)));
    const struct session_rules *r = q->session_rules; /* conditions may look at sessions */
    buf_printf(&text, "%lld %lld %d %d\n", (long long)r->gap, (long long)r->longest,
               r->cuts_midnight, (int)r->ids);
    buf_add(&text, n->entry->name);
    *key = hash128(buf_str(&text), 0);
    return true;
}

/* ---- reading ---- */

static bool is_of_people(const struct scan_condition *c)
{
    if (c->kind == SCAN_TEST)
        return c->subject == SCAN_UNIT;
    for (size_t i = 0; i < c->child_count; i++)
        if (!is_of_people(c->children[i]))
            return false;
    return true;
}

static struct saved *saved_new(struct question *q, struct named *n)
{
    struct saved *s = arena_alloc(q->arena, sizeof *s);

    s->words =
        arena_array(q->arena, q->persons->does->units(q->persons) / 64 + 1, sizeof *s->words);
    s->condition = unit_bits_condition(q, s->words);
    s->depth = q->behaviour_depth;
    s->level = q->condition_level;
    s->next = n->read;
    n->read = s;
    return s;
}

static bool list_read(struct question *q, struct str id, struct saved *s, struct err *e)
{
    AUTO(json_parser) *parser = json_parser_create();
    const struct vocabulary *v = q->context->vocabulary;
    struct json root;
    struct str text;

    if (!v->list(v->context, id, q->arena, &text, e) || !json_parse(parser, text, &root, e))
        return false;
    struct json_each it = json_each(root);
    while (json_next(&it)) {
        struct str person;
        uint32_t unit;
        if (json_string(it.value, &person) &&
            q->persons->does->unit_find(q->persons, person, &unit))
            s->words[unit >> 6] |= (uint64_t)1 << (unit & 63);
    }
    return true;
}

/* Its conditions; the set is found when what they need is. */
static bool tree_read(struct question *q, struct named *n, const struct ask *place, struct saved *s,
                      struct err *e)
{
    static const struct scan_condition everybody = {.kind = SCAN_ALL};
    const struct ask *body = question_keep(q, named_body(n, place)),
                     *filter = question_keep(q, ask_member(body, "filter"));
    enum condition_level level = q->condition_level;

    if (++q->named_depth > VOCABULARY_DEPTH)
        return ask_fail(place, e, "query.limit", "segments are nested more than %d deep",
                        VOCABULARY_DEPTH);
    if (level == LEVEL_EVENT)
        q->condition_level = LEVEL_SEGMENT;
    n->is_reading = true;
    bool ok = condition_read(q, filter, &s->tree, e);
    n->is_reading = false;
    q->condition_level = level;
    q->named_depth--;
    if (!ok)
        return e->at[0] && e->kind != ERR_UNKNOWN_NAME
                   ? err_while(e, "segment \"%.*s\"", (int)MIN(n->entry->name.len, (size_t)80),
                               n->entry->name.at)
                   : false;
    if (!s->tree)
        s->tree = &everybody;
    if (q->unit != COUNTED_PERSON || !is_of_people(s->tree)) { /* it stands where it is asked for */
        s->condition = s->tree;
        return true;
    }
    s->next_found = NULL; /* inner ones were added before: they are found first */
    struct saved **last = &q->saved;
    while (*last)
        last = &(*last)->next_found;
    *last = s;
    return true;
}

bool segment_named_read(struct question *q, const struct ask *place,
                        const struct scan_condition **out, struct err *e)
{
    struct str name, list;

    if (!ask_text(place, &name, e))
        return false;
    struct named *n = named_find(q, VOCABULARY_SEGMENT, name);
    if (!n)
        return unknown_segment(q, place, name, e);
    if (n->is_reading)
        return circle(place, name, e);
    if (!named_open(q, n, e))
        return false;
    for (struct saved *s = n->read; s; s = s->next)
        if (s->depth == q->behaviour_depth && s->level == q->condition_level) {
            *out = s->condition;
            return true;
        }
    if (says(q, n->body, is_of_session) && !sessions_use(q, e)) /* also where the set is kept */
        return false;
    struct saved *s = saved_new(q, n);
    s->may_keep = key_make(q, n, &s->key);
    uint32_t units = q->persons->does->units(q->persons);
    bool is_list = json_string(json_member(n->body, STR("list")), &list);
    if (is_list && q->unit == COUNTED_ACCOUNT && q->condition_level == LEVEL_PERSON)
        return ask_fail(place, e, "query.unsupported",
                        "this list is of accounts, and \"%.*s\" one of persons", STR_ARG(name));
    s->may_keep = s->may_keep && (is_list || q->unit != COUNTED_ACCOUNT);
    bool is_there = s->may_keep && segment_cache_get(q->context->segments, s->key, units, s->words);
    if (!is_there && is_list) {
        if (!list_read(q, list, s, e))
            return false;
        if (s->may_keep)
            segment_cache_put(q->context->segments, s->key, units, s->words);
    } else if (!is_there && !tree_read(q, n, place, s, e)) {
        return false;
    }
    *out = s->condition;
    return true;
}

/* ---- finding ---- */

void segments_settle(struct question *q, unsigned depth)
{
    uint32_t units = q->persons->does->units(q->persons);

    for (struct saved *s = q->saved; s; s = s->next_found) {
        if (!s->tree || s->depth != depth)
            continue;
        for (uint32_t unit = 0; unit < units; unit++)
            if (condition_holds(s->tree, unit))
                s->words[unit >> 6] |= (uint64_t)1 << (unit & 63);
        s->tree = NULL;
        if (s->may_keep)
            segment_cache_put(q->context->segments, s->key, units, s->words);
    }
}
