/* query/text_condition: plan = pro and (country in (TH, SG) or not person.team is set). */
#include "query/text_words.h"

enum { DEPTH_MAX = 24 };

struct node {
    enum { NODE_LEAF, NODE_ALL, NODE_ANY, NODE_NOT, NODE_SEGMENT } kind;
    const struct text_token *token;
    struct node *children, *next; /* a list */
    /* of a leaf */
    const char *of, *operator;
    struct str property;       /* of NODE_SEGMENT: its name */
    size_t value, value_count; /* tokens; with a list every second one */
    enum { ONE_VALUE, LIST_OF_VALUES, PAIR_OF_VALUES, IS_SET, IS_NOT_SET } shape;
};

static const struct test_words {
    const char *words, *operator;
    int shape; /* of what follows; a list may stand where one value may */
} tests[] = {
    /* what begins with another row's words stands before it */
    {"is not set", "exists", IS_NOT_SET},
    {"is set", "exists", IS_SET},
    {"exists", "exists", IS_SET},
    {"is not", "is_not", ONE_VALUE},
    {"is", "is", ONE_VALUE},
    {"not in", "is_not", LIST_OF_VALUES},
    {"in", "is", LIST_OF_VALUES},
    {"does not contain", "not_contains", ONE_VALUE},
    {"not contains", "not_contains", ONE_VALUE},
    {"contains", "contains", ONE_VALUE},
    {"starts with", "starts_with", ONE_VALUE},
    {"ends with", "ends_with", ONE_VALUE},
    {"matches", "matches", ONE_VALUE},
    {"between", "between", PAIR_OF_VALUES},
    {"before", "before", ONE_VALUE},
    {"after", "after", ONE_VALUE},
    {"=", "is", ONE_VALUE},
    {"!=", "is_not", ONE_VALUE},
    {">=", "gte", ONE_VALUE},
    {"<=", "lte", ONE_VALUE},
    {">", "gt", ONE_VALUE},
    {"<", "lt", ONE_VALUE},
};

static bool value_read(struct text *t)
{
    struct str ignored;
    return text_name(t, "a value", &ignored);
}

static bool list_read(struct text *t, struct node *n)
{
    n->shape = LIST_OF_VALUES;
    if (!text_sign(t, "("))
        return false;
    n->value = t->at;
    do {
        if (!value_read(t))
            return false;
        n->value_count++;
    } while (text_take(t, ","));
    return text_take(t, ")") || text_expected(t, "a comma or \")\"");
}

static bool leaf_read(struct text *t, struct node *n)
{
    const struct test_words *found = NULL;

    if (!text_property(t, &n->of, &n->property))
        return false;
    for (size_t i = 0; i < COUNT(tests) && !found; i++)
        if (text_take(t, tests[i].words))
            found = &tests[i];
    if (!found) {
        static const char *const near[] = {
            "=",      "!=",       ">",       ">=",      "<",      "<=",    "is",     "in",
            "not in", "contains", "matches", "between", "before", "after", "is set", "starts with"};
        struct str given = text_now(t)->text;
        text_expected(t, "a comparison after the property");
        return text_hint_names(t, given, near, COUNT(near));
    }
    n->operator= found->operator;
    n->shape = found->shape;
    if (n->shape == IS_SET || n->shape == IS_NOT_SET)
        return true;
    if (n->shape == LIST_OF_VALUES || (n->shape == ONE_VALUE && text_token_is(text_now(t), "(")))
        return list_read(t, n);
    n->value = t->at;
    n->value_count = n->shape == PAIR_OF_VALUES ? 2 : 1;
    return value_read(t) &&
           (n->shape != PAIR_OF_VALUES ||
            ((text_take(t, "and") || text_expected(t, "\"and\" and the other end")) &&
             value_read(t)));
}

static struct node *any_read(struct text *t);

static struct node *part_read(struct text *t)
{
    struct node *n = arena_alloc(t->arena, sizeof *n);

    n->token = text_now(t);
    if (++t->depth > DEPTH_MAX) {
        text_wrong(t, n->token, "the condition is nested too deep");
        return NULL;
    }
    bool ok;
    if (text_take(t, "(")) {
        n = any_read(t);
        ok = n && (text_take(t, ")") || text_expected(t, "and, or, or \")\""));
    } else if (text_take(t, "not")) {
        n->kind = NODE_NOT;
        n->children = part_read(t);
        ok = n->children != NULL;
    } else if (text_spells(t, 0, "in segment")) { /* a property "in" is never followed by this */
        ok = text_take(t, "in segment");
        n->kind = NODE_SEGMENT;
        n->token = text_now(t);
        ok = ok && text_name(t, "the name of a segment", &n->property);
    } else {
        ok = leaf_read(t, n);
    }
    t->depth--;
    return ok ? n : NULL;
}

/* Parts with one word between them; a single part is itself. */
static struct node *parts_read(struct text *t, const char *word, int kind,
                               struct node *(*part)(struct text *))
{
    struct node *all = arena_alloc(t->arena, sizeof *all), **last = &all->children;
    size_t count = 0;

    all->kind = kind;
    all->token = text_now(t);
    do {
        struct node *n = part(t);
        if (!n)
            return NULL;
        /* The same node may already be in a list: "(a and b)" is one part of the outer one. */
        struct node *link = arena_alloc(t->arena, sizeof *link);
        *link = *n;
        link->next = NULL;
        *last = link;
        last = &link->next;
        count++;
    } while (text_take(t, word));
    return count == 1 ? all->children : all;
}

static struct node *all_read(struct text *t)
{
    return parts_read(t, "and", NODE_ALL, part_read);
}

static struct node *any_read(struct text *t)
{
    return parts_read(t, "or", NODE_ANY, all_read);
}

/* ---- writing ---- */

static void node_write(struct text *t, const struct node *n);

static void nodes_write(struct text *t, const struct node *n)
{
    jwrite_array(&t->w);
    for (size_t i = 0; n; n = n->next, i++) {
        size_t was = text_down_item(t, i, n->token);
        node_write(t, n);
        text_up(t, was);
    }
    jwrite_end(&t->w);
}

static void leaf_write(struct text *t, const struct node *n)
{
    const struct text_token *value = &t->tokens[n->value];
    bool is_list = n->shape == LIST_OF_VALUES || n->shape == PAIR_OF_VALUES;

    text_up(t, text_down(t, "property", n->token));
    jwrite_string(&t->w, n->property);
    if (n->of[0])
        jwrite_pair_string(&t->w, "of", str_of(n->of));
    bool has_value = n->shape != IS_SET && n->shape != IS_NOT_SET;
    text_up(t, text_down(t, n->operator, has_value ? value : n->token));
    if (!has_value) {
        jwrite_bool(&t->w, n->shape == IS_SET);
        return;
    }
    if (is_list)
        jwrite_array(&t->w);
    for (size_t i = 0; i < n->value_count; i++)
        text_value_write(&t->w, value + 2 * i);
    if (is_list)
        jwrite_end(&t->w);
}

static void node_write(struct text *t, const struct node *n)
{
    static const char *const keys[] = {[NODE_ALL] = "all", [NODE_ANY] = "any", [NODE_NOT] = "not"};

    jwrite_object(&t->w);
    if (n->kind == NODE_LEAF) {
        leaf_write(t, n);
    } else if (n->kind == NODE_SEGMENT) {
        text_up(t, text_down(t, "in_segment", n->token));
        jwrite_string(&t->w, n->property);
    } else {
        size_t was = text_down(t, keys[n->kind], n->token);
        if (n->kind == NODE_NOT)
            node_write(t, n->children);
        else
            nodes_write(t, n->children);
        text_up(t, was);
    }
    jwrite_end(&t->w);
}

bool text_conditions(struct text *t)
{
    bool is_bracketed = text_token_is(text_now(t), "(");
    size_t begins = t->at;
    struct node *n = any_read(t);

    if (!n)
        return false;
    /* "a and b" is the list itself; "(a and b)" one item of it. */
    bool is_one = is_bracketed;
    for (size_t depth = 0, i = begins; is_one && i < t->at; i++) {
        depth += text_token_is(&t->tokens[i], "(");
        depth -= text_token_is(&t->tokens[i], ")");
        is_one = depth > 0 || i + 1 == t->at;
    }
    nodes_write(t, n->kind == NODE_ALL && !is_one ? n->children : n);
    return true;
}
