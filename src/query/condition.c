/* query/condition: reading conditions into trees for the scan. The operators are in operator.c. */
#include "query/condition.h"

#include "base/hash.h"
#include "query/behaviour.h"
#include "query/computed.h"
#include "query/named.h"
#include "query/operator.h"
#include "query/session.h"

static const char *const subject_names[] = {"event", "person", "account", "session"};
enum { OF_EVENT, OF_PERSON, OF_ACCOUNT, OF_SESSION };

struct built_in {
    const char *name;
    unsigned of;
    enum scan_subject subject;
    enum leaf_view view;
};

static const struct built_in built_ins[] = {
    {"name", OF_EVENT, SCAN_NAME, VIEW_VALUE},
    {"id", OF_EVENT, SCAN_ID, VIEW_VALUE},
    {"time", OF_EVENT, SCAN_TIME, VIEW_TIME},
    {"hour", OF_EVENT, SCAN_TIME, VIEW_HOUR},
    {"weekday", OF_EVENT, SCAN_TIME, VIEW_WEEKDAY},
    {"id", OF_PERSON, SCAN_UNIT, VIEW_VALUE},
    {"bucket", OF_PERSON, SCAN_UNIT, VIEW_VALUE},
    {"created", OF_PERSON, SCAN_UNIT, VIEW_TIME},
    {"first_seen", OF_PERSON, SCAN_UNIT, VIEW_TIME},
    {"last_seen", OF_PERSON, SCAN_UNIT, VIEW_TIME},
    {"id", OF_ACCOUNT, SCAN_ACCOUNT, VIEW_VALUE},
    {"created", OF_ACCOUNT, SCAN_ACCOUNT, VIEW_TIME},
    {"id", OF_SESSION, SCAN_SESSION, VIEW_VALUE},
};

static struct scan_condition *node_new(struct question *q, int kind)
{
    struct scan_condition *c = arena_alloc(q->arena, sizeof *c);

    *c = (struct scan_condition){.kind = kind};
    return c;
}

const struct scan_condition *condition_both(struct question *q, const struct scan_condition *a,
                                            const struct scan_condition *b)
{
    if (!a || !b)
        return a ? a : b;
    struct scan_condition *c = node_new(q, SCAN_ALL);
    const struct scan_condition **children = arena_array(q->arena, 2, sizeof *children);
    children[0] = a;
    children[1] = b;
    c->children = children;
    c->child_count = 2;
    return c;
}

bool condition_holds(const struct scan_condition *c, uint32_t unit)
{
    if (!c)
        return true;
    if (c->kind == SCAN_TEST)
        return c->test_unit(c->context, unit);
    if (c->kind == SCAN_NOT)
        return !condition_holds(c->children[0], unit);
    for (size_t i = 0; i < c->child_count; i++)
        if (condition_holds(c->children[i], unit) != (c->kind == SCAN_ALL))
            return c->kind == SCAN_ANY;
    return c->kind == SCAN_ALL;
}

/* ---- persons: one bit a unit, found once ---- */

struct seen {
    int64_t *first, *last; /* by unit; first > last: never */
};

static bool seen_sink(void *context, const struct scan_batch *b)
{
    struct seen *s = context;

    for (size_t u = 0; u < b->unit_count; u++) {
        s->first[b->units[u]] = b->time[b->starts[u]];
        s->last[b->units[u]] = b->time[b->starts[u + 1] - 1];
    }
    return true;
}

/* First and last event of each unit, up to as_of. */
static bool seen_find(struct question *q, uint32_t units, struct seen *s, struct err *e)
{
    unsigned threads = q->source->does->threads(q->source);
    void **contexts = arena_array(q->arena, threads, sizeof *contexts);
    struct reading r = {0};

    s->first = arena_array(q->arena, (size_t)units + 1, sizeof *s->first);
    s->last = arena_array(q->arena, (size_t)units + 1, sizeof *s->last);
    for (uint32_t i = 0; i < units; i++) {
        s->first[i] = INT64_MAX;
        s->last[i] = INT64_MIN;
    }
    r.selectors[0] = (struct scan_selector){STR_NONE, INT64_MIN, q->as_of + 1, NULL};
    r.plan.selector_count = 1;
    r.plan.by_unit = r.plan.want_time = true;
    for (unsigned i = 0; i < threads; i++)
        contexts[i] = s;
    return reading_run(q, &r, seen_sink, contexts, e);
}

struct value person_bucket(const struct question *q, uint32_t unit)
{
    enum { BUCKETS = 10000 };
    struct str id = q->source->does->unit_id(q->source, unit);

    return (struct value){VALUE_INT, .integer = (int64_t)(hash64(id, q->context->salt) % BUCKETS)};
}

static struct value unit_value(const struct question *q, const struct leaf *l,
                               const struct seen *seen, uint32_t unit)
{
    const struct source_vtable *does = q->source->does;
    struct value v = {.type = VALUE_MISSING};

    if (!l->built_in)
        return does->trait(q->source, unit, l->property);
    if (str_equal(l->property, STR("id")))
        return (struct value){VALUE_TEXT, .text = does->unit_id(q->source, unit)};
    if (str_equal(l->property, STR("bucket")))
        return person_bucket(q, unit);
    int64_t at = str_equal(l->property, STR("created"))      ? does->created(q->source, unit)
                 : seen->first[unit] > seen->last[unit]      ? FACT_CREATED_NONE
                 : str_equal(l->property, STR("first_seen")) ? seen->first[unit]
                                                             : seen->last[unit];
    if (at != FACT_CREATED_NONE)
        v = (struct value){VALUE_INT, .integer = at};
    return v;
}

/* A person matches `is` by any of its ids. */
static bool unit_is(const struct question *q, const struct leaf *l, uint32_t unit, bool *all)
{
    bool is_only_ids = true;

    *all = true;
    for (size_t i = 0; i < l->test_count; i++) {
        const struct leaf_test *t = &l->tests[i];
        if (t->op != OPERATOR_IS && t->op != OPERATOR_IS_NOT) {
            is_only_ids = false;
            continue;
        }
        bool is_one = false;
        for (size_t k = 0; k < t->value_count && !is_one; k++) {
            char room[VALUE_TEXT_BYTES];
            uint32_t found;
            is_one =
                q->source->does->unit_find(q->source, value_text(t->values[k], room), &found) &&
                found == unit;
        }
        if (is_one != (t->op == OPERATOR_IS))
            *all = false;
    }
    return is_only_ids;
}

static bool unit_passes(const struct question *q, const struct leaf *l, const struct seen *seen,
                        uint32_t unit)
{
    if (l->built_in && str_equal(l->property, STR("id"))) {
        bool all;
        if (unit_is(q, l, unit, &all) || !all)
            return all;
        return leaf_test_except_is(l, unit_value(q, l, seen, unit));
    }
    return leaf_test(l, unit_value(q, l, seen, unit));
}

static bool unit_condition(struct question *q, struct leaf *l, struct scan_condition *c,
                           struct err *e)
{
    uint32_t units = q->source->does->units(q->source);
    uint64_t *words = arena_array(q->arena, units / 64 + 1, sizeof *words);
    struct person_bits *bits = arena_alloc(q->arena, sizeof *bits);
    struct seen seen = {0};

    if (l->built_in && str_ends(l->property, STR("_seen")) && !seen_find(q, units, &seen, e))
        return false;
    for (uint32_t unit = 0; unit < units; unit++)
        if (unit_passes(q, l, &seen, unit))
            words[unit >> 6] |= (uint64_t)1 << (unit & 63);
    bits->words = words;
    c->subject = SCAN_UNIT;
    c->test_unit = person_bit_test;
    c->context = bits;
    return true;
}

/* ---- reading ---- */

static bool event_test(const void *context, struct value v)
{
    return leaf_test(context, v);
}

/* A trait of the event's account, which has its current value. */
struct account_leaf {
    const struct leaf *leaf;
    const struct source *source;
};

static bool account_test(const void *context, struct value v)
{
    const struct account_leaf *a = context;
    const struct source_vtable *does = a->source->does;
    struct value missing = {.type = VALUE_MISSING};

    if (value_is_absent(v))
        return leaf_test(a->leaf, missing);
    if (!a->leaf->built_in)
        return leaf_test(a->leaf, does->account_trait(a->source, v.text, a->leaf->property));
    int64_t at = does->account_created(a->source, v.text);
    return leaf_test(a->leaf, at == (int64_t)FACT_CREATED_NONE
                                  ? missing
                                  : (struct value){VALUE_INT, .integer = at});
}

/* What a segment may look at: the person, or the account; a list of people only at the person. */
static bool level_check(const struct question *q, const struct ask *a, unsigned subject,
                        struct err *e)
{
    if (q->condition_level == LEVEL_EVENT || subject == OF_PERSON ||
        (q->condition_level == LEVEL_SEGMENT && subject == OF_ACCOUNT))
        return true;
    ask_fail(a, e, "query.unsupported", "a segment is of people: it cannot look at one %s",
             subject_names[subject]);
    return err_hint(e, "write \"of\":\"person\", or what they did: {\"did\":…,\"filter\":[…]}");
}

static bool leaf_read(struct question *q, const struct ask *a, const struct scan_condition **out,
                      struct err *e)
{
    static const char *const known[] = {"property", "of", LEAF_OPERATORS};
    struct ask property = ask_member(a, "property"), of = ask_member(a, "of");
    struct leaf *l = arena_alloc(q->arena, sizeof *l);
    struct scan_condition *c = node_new(q, SCAN_TEST);
    unsigned subject = OF_EVENT;

    if (!ask_members(a, known, COUNT(known), e))
        return false;
    if (!ask_text(&property, &l->property, e))
        return false;
    if (ask_is_there(&of) && !ask_choice(&of, subject_names, COUNT(subject_names), &subject, e))
        return false;
    if (++q->conditions > LIMIT_QUERY_CONDITIONS)
        return ask_fail(a, e, "query.limit", "the question has more than %d conditions",
                        LIMIT_QUERY_CONDITIONS);
    c->subject = subject == OF_PERSON ? SCAN_UNIT : SCAN_PROPERTY;
    c->property = l->property;
    for (size_t i = 0; i < COUNT(built_ins); i++)
        if (built_ins[i].of == subject && str_equal(l->property, str_of(built_ins[i].name))) {
            l->built_in = true;
            l->view = built_ins[i].view;
            c->subject = built_ins[i].subject;
        }
    if (!level_check(q, a, subject, e))
        return false;
    if (subject == OF_SESSION && !l->built_in) {
        const struct session_fact *fact = session_fact_find(l->property);
        if (!fact)
            return session_fact_unknown(&property, e);
        if (!sessions_use(q, e))
            return false;
        l->built_in = true;
        l->view = (enum leaf_view)fact->view;
        c->subject = SCAN_SESSION_FACT;
    }
    if (subject == OF_EVENT && !l->built_in) {
        struct ask *place = arena_alloc(q->arena, sizeof *place);
        *place = property;
        question_asks_property(q, l->property, place);
    }
    if (c->subject == SCAN_PROPERTY && subject == OF_EVENT &&
        !computed_find(q, l->property, question_keep(q, property), &c->computed, e))
        return false;
    if (c->computed)
        c->subject = SCAN_COMPUTED;
    if (!leaf_tests_read(q, a, l, e))
        return false;
    c->test = event_test;
    c->context = l;
    if (subject == OF_ACCOUNT && (!l->built_in || l->view == VIEW_TIME)) {
        struct account_leaf *account = arena_alloc(q->arena, sizeof *account);
        *account = (struct account_leaf){l, q->source};
        c->subject = SCAN_ACCOUNT;
        c->test = account_test;
        c->context = account;
    }
    *out = c;
    return c->subject != SCAN_UNIT || unit_condition(q, l, c, e);
}

static bool list_read(struct question *q, const struct ask *a, int kind,
                      const struct scan_condition **out, struct err *e)
{
    struct scan_condition *c = node_new(q, kind);
    size_t count, i = 0;

    if (!ask_list(a, kind == SCAN_ANY, LIMIT_LIST_ITEMS, &count, e))
        return false;
    const struct scan_condition **children = arena_array(q->arena, count + 1, sizeof *children);
    struct json_each it = json_each(a->json);
    for (size_t at = 0; json_next(&it); at++) {
        struct ask *item = arena_alloc(q->arena, sizeof *item);
        *item = ask_item(a, it.value, at);
        if (!condition_read(q, item, &children[i], e))
            return false;
        i += children[i] != NULL;
    }
    c->children = children;
    c->child_count = i;
    *out = i == 0 && kind == SCAN_ALL ? NULL : i == 1 ? children[0] : c;
    return true;
}

static bool not_read(struct question *q, const struct ask *a, const struct scan_condition **out,
                     struct err *e)
{
    struct scan_condition *c = node_new(q, SCAN_NOT);
    const struct scan_condition **child = arena_array(q->arena, 1, sizeof *child);

    if (!condition_read(q, a, child, e))
        return false;
    if (!*child)
        return ask_fail(a, e, "query.missing_member", "\"not\" needs a condition");
    c->children = child;
    c->child_count = 1;
    *out = c;
    return true;
}

static bool leaf_keep(struct question *q, const struct ask *place, const struct scan_condition *c)
{
    struct condition_leaf *leaf = arena_alloc(q->arena, sizeof *leaf);

    *leaf = (struct condition_leaf){c, place, q->leaves};
    q->leaves = leaf;
    return true;
}

bool condition_read(struct question *q, const struct ask *a, const struct scan_condition **out,
                    struct err *e)
{
    static const char *const only[] = {"all", "any", "not"};

    *out = NULL;
    if (!ask_is_there(a))
        return true;
    struct ask *here = arena_alloc(q->arena, sizeof *here); /* places outlive this call */
    *here = *a;
    if (json_type(here->json) == JSON_ARRAY)
        return list_read(q, here, SCAN_ALL, out, e);
    if (json_type(here->json) != JSON_OBJECT)
        return ask_wrong_type(here, "a condition or a list of them", e);
    if (behaviour_kind(here))
        return behaviour_read(q, here, out, e) && leaf_keep(q, here, *out);
    const struct ask *segment = question_keep(q, ask_member(here, "in_segment"));
    if (json_type(segment->json) != JSON_ABSENT) {
        static const char *const alone[] = {"in_segment"};
        return ask_members(here, alone, 1, e) && segment_named_read(q, segment, out, e) &&
               leaf_keep(q, here, *out);
    }
    struct ask *member = arena_alloc(q->arena, sizeof *member);
    for (size_t i = 0; i < COUNT(only); i++) {
        *member = ask_member(here, only[i]);
        if (json_type(member->json) == JSON_ABSENT)
            continue;
        if (!ask_members(here, &only[i], 1, e))
            return false;
        return i == 2 ? not_read(q, member, out, e)
                      : list_read(q, member, i ? SCAN_ANY : SCAN_ALL, out, e);
    }
    *member = ask_member(here, "property");
    if (!ask_is_there(member)) {
        static const char *const known[] = {
            "property", "of", "all", "any", "not", "in_segment", BEHAVIOUR_KINDS, LEAF_OPERATORS};
        return ask_members(here, known, COUNT(known), e) &&
               ask_missing(here, "property",
                           "a condition names a property, what was done (\"did\"), or is all, any "
                           "or not",
                           e);
    }
    return leaf_read(q, here, out, e) && leaf_keep(q, here, *out);
}
