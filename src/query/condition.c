/* query/condition: reading conditions into trees for the scan. The operators are in operator.c. */
#include "query/condition.h"

#include "query/behaviour.h"
#include "query/computed.h"
#include "query/named.h"
#include "query/operator.h"
#include "query/session.h"
#include "query/unit_value.h"

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
    {"bucket", OF_ACCOUNT, SCAN_ACCOUNT, VIEW_VALUE},
    {"created", OF_ACCOUNT, SCAN_ACCOUNT, VIEW_TIME},
    {"first_seen", OF_ACCOUNT, SCAN_ACCOUNT, VIEW_TIME},
    {"last_seen", OF_ACCOUNT, SCAN_ACCOUNT, VIEW_TIME},
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

/* ---- persons and accounts: one bit a unit, found once ---- */

/* A person matches `is` by any of its ids, an account by its own. */
static bool unit_is(const struct source *s, const struct leaf *l, uint32_t unit, bool *all)
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
            is_one = s->does->unit_find(s, value_text(t->values[k], room), &found) && found == unit;
        }
        if (is_one != (t->op == OPERATOR_IS))
            *all = false;
    }
    return is_only_ids;
}

static bool unit_passes(const struct leaf *l, const struct unit_value *v, uint32_t unit)
{
    if (v->kind == UNIT_ID) {
        bool all;
        if (unit_is(v->source, l, unit, &all) || !all)
            return all;
        return leaf_test_except_is(l, unit_value_of(v, unit));
    }
    return leaf_test(l, unit_value_of(v, unit));
}

static uint64_t *bits_of(struct question *q, const struct leaf *l, const struct unit_value *v)
{
    uint64_t *words = arena_array(q->arena, v->units / 64 + 1, sizeof *words);

    for (uint32_t unit = 0; unit < v->units; unit++)
        if (unit_passes(l, v, unit))
            words[unit >> 6] |= (uint64_t)1 << (unit & 63);
    return words;
}

static bool person_condition(struct question *q, struct leaf *l, struct scan_condition *c,
                             struct err *e)
{
    struct unit_bits *bits = arena_alloc(q->arena, sizeof *bits);
    struct unit_value v;

    if (!unit_value_open(q, l->property, false, (struct account_level){0}, &v, e))
        return false;
    bits->words = bits_of(q, l, &v);
    c->subject = SCAN_UNIT;
    c->test_unit = unit_bit_test;
    c->context = bits;
    return true;
}

static bool bit_at(const uint64_t *words, uint32_t unit)
{
    return words[unit >> 6] >> (unit & 63) & 1;
}

/* What holds for the account of each unit that is listed: the unit itself, the one above it, or
 * that of a person's newest event. */
static bool list_bits(struct question *q, const uint32_t *units, struct unit_bits *bits,
                      struct err *e)
{
    uint32_t count = q->source->does->units(q->source);
    const uint32_t *newest = NULL;

    if (q->unit == COUNTED_PERSON && !presence_accounts(q, &newest, e))
        return false;
    uint64_t *words = arena_array(q->arena, count / 64 + 1, sizeof *words);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t own = newest ? newest[i] : i;
        uint32_t unit = own == ACCOUNT_NONE ? own : units[own];
        if (unit == ACCOUNT_NONE ? bits->otherwise : bit_at(bits->words, unit))
            words[i >> 6] |= (uint64_t)1 << (i & 63);
    }
    bits->words = words;
    return true;
}

/* A condition on the account of the event; in a list, on that of what is listed. */
static bool account_condition(struct question *q, const struct ask *level, struct leaf *l,
                              struct scan_condition *c, struct err *e)
{
    struct unit_bits *bits = arena_alloc(q->arena, sizeof *bits);
    struct account_level at;
    struct unit_value v;

    if (!level_read(q, level, &at, e) || !unit_value_open(q, l->property, true, at, &v, e))
        return false;
    *bits = (struct unit_bits){.words = bits_of(q, l, &v),
                               .names = accounts_names(q->accounts),
                               .unit_of = accounts_units(q->accounts, at),
                               .otherwise = leaf_test(l, (struct value){.type = VALUE_MISSING})};
    c->subject = SCAN_ACCOUNT;
    c->test = account_bit_test;
    c->test_unit = unit_bit_test;
    c->context = bits;
    if (q->condition_level != LEVEL_PERSON)
        return true;
    bool is_of_unit = q->unit == COUNTED_ACCOUNT && account_level_same(at, q->level);
    if (q->unit == COUNTED_ACCOUNT && !is_of_unit &&
        !account_level_same(q->level, (struct account_level){0}))
        return ask_fail(level, e, "query.unsupported",
                        "a list of accounts of one level cannot look at another level");
    c->subject = SCAN_UNIT;
    return is_of_unit || list_bits(q, bits->unit_of, bits, e);
}

/* ---- reading ---- */

static bool event_test(const void *context, struct value v)
{
    return leaf_test(context, v);
}

/* What a segment may look at: the person, or the account; a list only at what it lists, and a list
 * of people at the account they were last seen in. */
static bool level_check(const struct question *q, const struct ask *a, unsigned subject,
                        struct err *e)
{
    bool is_list_of_accounts = q->condition_level == LEVEL_PERSON && q->unit == COUNTED_ACCOUNT;

    if (q->condition_level == LEVEL_EVENT || subject == OF_ACCOUNT ||
        (subject == OF_PERSON && !is_list_of_accounts))
        return true;
    ask_fail(a, e, "query.unsupported", "%s: it cannot look at one %s",
             is_list_of_accounts ? "this list is of accounts" : "a segment is of people",
             subject_names[subject]);
    return err_hint(e, "write \"of\":\"%s\", or what they did: {\"did\":…,\"filter\":[…]}",
                    is_list_of_accounts ? "account" : "person");
}

static bool leaf_read(struct question *q, const struct ask *a, const struct scan_condition **out,
                      struct err *e)
{
    static const char *const known[] = {"property", "of", "level", LEAF_OPERATORS};
    struct ask property = ask_member(a, "property"), of = ask_member(a, "of");
    const struct ask *level = question_keep(q, ask_member(a, "level"));
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
    if (ask_is_there(level) && subject != OF_ACCOUNT)
        return ask_fail(level, e, "query.unknown_value", "only an account has a level");
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
    *out = c;
    if (subject == OF_PERSON)
        return person_condition(q, l, c, e);
    return subject != OF_ACCOUNT || account_condition(q, level, l, c, e);
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
