/* query/computed: reading and computing expressions over an event's properties. */
#include "query/computed.h"

#include <math.h>

#include "query/named.h"
#include "query/operator.h"

enum { NODES_MAX = 200, WHENS_MAX = 50 };

enum function {
    F_CONSTANT,
    F_INPUT,
    F_LOWER,
    F_UPPER,
    F_TRIM,
    F_DOMAIN,
    F_PATH,
    F_TEXT,
    F_NUMBER,
    F_ROUND,
    F_FLOOR,
    F_CONCAT,
    F_ADD,
    F_MULTIPLY,
    F_COALESCE,
    F_SUBTRACT,
    F_DIVIDE,
    F_WHEN, /* condition, then, condition, then …, else */
    F_TEST, /* of a condition: its one child's value */
    F_ALL,
    F_ANY,
    F_NOT,
};

static const struct {
    const char *name;
    enum function function;
    size_t least, most; /* operands; 0: one, which is no list */
} functions[] = {
    {"lower", F_LOWER, 0, 0},        {"upper", F_UPPER, 0, 0},
    {"trim", F_TRIM, 0, 0},          {"domain", F_DOMAIN, 0, 0},
    {"path", F_PATH, 0, 0},          {"text", F_TEXT, 0, 0},
    {"number", F_NUMBER, 0, 0},      {"round", F_ROUND, 0, 0},
    {"floor", F_FLOOR, 0, 0},        {"concat", F_CONCAT, 1, 20},
    {"add", F_ADD, 2, 20},           {"multiply", F_MULTIPLY, 2, 20},
    {"coalesce", F_COALESCE, 1, 20}, {"subtract", F_SUBTRACT, 2, 2},
    {"divide", F_DIVIDE, 2, 2},
};

struct expression {
    enum function function;
    struct value constant;
    size_t input;
    struct leaf *leaf; /* of F_TEST */
    struct expression **children;
    size_t count;
};

struct computed {
    struct scan_computed scan;
    struct str inputs[SCAN_INPUTS_MAX];
    struct expression *root;
};

/* ---- reading ---- */

struct reader {
    struct question *q;
    struct computed *made;
    struct named *named; /* whose expression it is: its own name means what was sent */
    size_t nodes;
};

static bool expression_read(struct reader *r, const struct ask *a, struct expression **out,
                            struct err *e);

static struct expression *node_new(struct reader *r, enum function function, size_t children)
{
    struct expression *x = arena_alloc(r->q->arena, sizeof *x);

    x->function = function;
    x->children = arena_array(r->q->arena, children + 1, sizeof *x->children);
    return x;
}

static bool input_read(struct reader *r, struct str name, const struct ask *place,
                       struct expression *x, struct err *e)
{
    struct scan_computed *s = &r->made->scan;

    for (x->input = 0; x->input < s->input_count; x->input++)
        if (str_equal(r->made->inputs[x->input], name))
            return true;
    if (s->input_count == SCAN_INPUTS_MAX)
        return ask_fail(place, e, "query.limit",
                        "a computed property can be made of at most %d properties",
                        SCAN_INPUTS_MAX);
    r->made->inputs[s->input_count++] = name;
    return true;
}

static bool body_read(struct reader *r, const struct ask *place, struct expression **out,
                      struct err *e);

/* Another computed property stands in its place. */
static bool property_read(struct reader *r, const struct ask *a, struct expression **out,
                          struct err *e)
{
    struct str name;

    if (!ask_text(a, &name, e))
        return false;
    struct named *n = named_find(r->q, VOCABULARY_PROPERTY, name);
    bool is_made = false;
    if (n && n != r->named && !named_is_property(r->q, n, &is_made, e))
        return false;
    if (!is_made) {
        *out = node_new(r, F_INPUT, 0);
        return input_read(r, name, a, *out, e);
    }
    if (n->is_reading) {
        ask_fail(a, e, "query.circle", "the property \"%.*s\" is made of itself", STR_ARG(name));
        return err_hint(e, "take it out of one of the properties it is made of");
    }
    struct named *outer = r->named;
    r->named = n;
    bool ok = body_read(r, a, out, e);
    r->named = outer;
    return ok;
}

static bool constant_read(struct reader *r, const struct ask *a, struct expression **out,
                          struct err *e)
{
    struct value *v;

    *out = node_new(r, F_CONSTANT, 0);
    v = &(*out)->constant;
    v->type = VALUE_MISSING;
    switch (json_type(a->json)) {
    case JSON_NULL:
        return true;
    case JSON_BOOL:
        v->type = VALUE_BOOL;
        return json_bool(a->json, &v->boolean);
    case JSON_INT:
        v->type = VALUE_INT;
        return json_int(a->json, &v->integer);
    case JSON_DOUBLE:
        v->type = VALUE_DOUBLE;
        return json_number(a->json, &v->number);
    case JSON_STRING:
        v->type = VALUE_TEXT;
        return json_string(a->json, &v->text);
    default:
        return ask_wrong_type(a, "a constant or a function", e);
    }
}

static bool list_read(struct reader *r, const struct ask *a, enum function function, size_t least,
                      size_t most, struct expression **out, struct err *e)
{
    size_t count;

    if (!ask_list(a, least, most, &count, e))
        return false;
    *out = node_new(r, function, count);
    struct json_each it = json_each(a->json);
    for (size_t i = 0; json_next(&it); i++) {
        const struct ask *item = question_keep(r->q, ask_item(a, it.value, i));
        if (!expression_read(r, item, &(*out)->children[(*out)->count++], e))
            return false;
    }
    return true;
}

/* ---- conditions of `when` ---- */

static bool conditions_read(struct reader *r, const struct ask *a, enum function function,
                            struct expression **out, struct err *e);

static bool test_read(struct reader *r, const struct ask *a, struct expression **out, struct err *e)
{
    static const char *const known[] = {"property", LEAF_OPERATORS, "all", "any", "not"};
    const struct ask *property = question_keep(r->q, ask_member(a, "property"));

    if (!ask_members(a, known, COUNT(known) - 3, e))
        return false;
    if (!ask_is_there(property))
        return ask_missing(a, "property", "a condition here looks at a property of the event", e);
    *out = node_new(r, F_TEST, 1);
    (*out)->leaf = arena_alloc(r->q->arena, sizeof *(*out)->leaf);
    (*out)->count = 1;
    return ask_text(property, &(*out)->leaf->property, e) &&
           property_read(r, property, (*out)->children, e) &&
           leaf_tests_read(r->q, a, (*out)->leaf, e);
}

static bool condition_part_read(struct reader *r, const struct ask *a, struct expression **out,
                                struct err *e)
{
    static const struct {
        const char *name;
        enum function function;
    } joins[] = {{"all", F_ALL}, {"any", F_ANY}, {"not", F_NOT}};

    for (size_t i = 0; i < COUNT(joins); i++) {
        const struct ask *member = question_keep(r->q, ask_member(a, joins[i].name));
        if (!ask_is_there(member))
            continue;
        return ask_members(a, &joins[i].name, 1, e) &&
               conditions_read(r, member, joins[i].function, out, e);
    }
    return test_read(r, a, out, e);
}

static bool conditions_read(struct reader *r, const struct ask *a, enum function function,
                            struct expression **out, struct err *e)
{
    size_t count;

    if (++r->nodes > NODES_MAX)
        return ask_fail(a, e, "query.limit", "the expression has more than %d parts", NODES_MAX);
    if (json_type(a->json) == JSON_OBJECT) {
        *out = node_new(r, function, 1);
        (*out)->count = 1;
        return condition_part_read(r, a, (*out)->children, e);
    }
    if (!ask_list(a, 1, WHENS_MAX, &count, e))
        return false;
    *out = node_new(r, function, count);
    struct json_each it = json_each(a->json);
    for (size_t i = 0; json_next(&it); i++) {
        const struct ask *item = question_keep(r->q, ask_item(a, it.value, i));
        if (json_type(item->json) != JSON_OBJECT)
            return ask_wrong_type(item, "a condition", e);
        if (!condition_part_read(r, item, &(*out)->children[(*out)->count++], e))
            return false;
    }
    return true;
}

static bool when_read(struct reader *r, const struct ask *a, struct expression **out, struct err *e)
{
    static const char *const known[] = {"when", "else"}, *const parts[] = {"if", "then"};
    const struct ask *list = question_keep(r->q, ask_member(a, "when")),
                     *otherwise = question_keep(r->q, ask_member(a, "else"));
    size_t count;

    if (!ask_members(a, known, COUNT(known), e) || !ask_list(list, 1, WHENS_MAX, &count, e))
        return false;
    *out = node_new(r, F_WHEN, 2 * count + 1);
    struct json_each it = json_each(list->json);
    for (size_t i = 0; json_next(&it); i++) {
        const struct ask *item = question_keep(r->q, ask_item(list, it.value, i)),
                         *condition = question_keep(r->q, ask_member(item, "if")),
                         *then = question_keep(r->q, ask_member(item, "then"));
        struct expression **child = (*out)->children + 2 * i;
        if (!ask_members(item, parts, COUNT(parts), e))
            return false;
        if (!ask_is_there(condition) || json_type(then->json) == JSON_ABSENT)
            return ask_missing(item, ask_is_there(condition) ? "then" : "if",
                               "a case has a condition and a value", e);
        if (!conditions_read(r, condition, F_ALL, &child[0], e) ||
            !expression_read(r, then, &child[1], e))
            return false;
    }
    (*out)->count = 2 * count + 1;
    struct expression **last = &(*out)->children[2 * count];
    if (json_type(otherwise->json) != JSON_ABSENT)
        return expression_read(r, otherwise, last, e);
    *last = node_new(r, F_CONSTANT, 0);
    (*last)->constant.type = VALUE_MISSING;
    return true;
}

static bool function_read(struct reader *r, const struct ask *a, struct expression **out,
                          struct err *e)
{
    const char *names[COUNT(functions) + 3];
    size_t count = 0;

    for (size_t i = 0; i < COUNT(functions); i++) {
        const struct ask *operand = question_keep(r->q, ask_member(a, functions[i].name));
        names[count++] = functions[i].name;
        if (json_type(operand->json) == JSON_ABSENT)
            continue;
        if (!ask_members(a, &functions[i].name, 1, e))
            return false;
        if (functions[i].most)
            return list_read(r, operand, functions[i].function, functions[i].least,
                             functions[i].most, out, e);
        *out = node_new(r, functions[i].function, 1);
        (*out)->count = 1;
        return expression_read(r, operand, (*out)->children, e);
    }
    names[count++] = "property";
    names[count++] = "when";
    names[count++] = "else";
    return ask_members(a, names, count, e) &&
           ask_fail(a, e, "query.missing_member", "this names no function and no property");
}

static bool expression_read(struct reader *r, const struct ask *a, struct expression **out,
                            struct err *e)
{
    static const char *const alone[] = {"property"};
    const struct ask *property = question_keep(r->q, ask_member(a, "property"));
    struct ask when = ask_member(a, "when");

    if (++r->nodes > NODES_MAX)
        return ask_fail(a, e, "query.limit", "the expression has more than %d parts", NODES_MAX);
    if (json_type(a->json) != JSON_OBJECT)
        return constant_read(r, a, out, e);
    if (ask_is_there(property))
        return ask_members(a, alone, 1, e) && property_read(r, property, out, e);
    return ask_is_there(&when) ? when_read(r, a, out, e) : function_read(r, a, out, e);
}

/* The first that is there, of its own name and those merged under it. */
static bool merged_read(struct reader *r, const struct ask *list, struct expression **out,
                        struct err *e)
{
    size_t count;

    if (!ask_list(list, 1, SCAN_INPUTS_MAX - 1, &count, e))
        return false;
    *out = node_new(r, F_COALESCE, count + 1);
    struct json_each it = json_each(list->json);
    for (size_t i = 0; i <= count; i++) {
        const struct ask *item =
            i && json_next(&it) ? question_keep(r->q, ask_item(list, it.value, i - 1)) : list;
        struct str name = r->named->entry->name;
        if (i && !ask_text(item, &name, e))
            return false;
        struct expression *x = node_new(r, F_INPUT, 0);
        (*out)->children[(*out)->count++] = x;
        if (!input_read(r, name, item, x, e))
            return false;
    }
    return true;
}

static bool body_read(struct reader *r, const struct ask *place, struct expression **out,
                      struct err *e)
{
    struct named *n = r->named;
    const struct ask *body, *merges;
    bool ok;

    if (!named_open(r->q, n, e))
        return false;
    if (r->q->named_depth >= VOCABULARY_DEPTH)
        return ask_fail(place, e, "query.limit", "computed properties are nested more than %d deep",
                        VOCABULARY_DEPTH);
    body = question_keep(r->q, named_body(n, place));
    merges = question_keep(r->q, ask_member(body, "merges"));
    n->is_reading = true;
    r->q->named_depth++;
    if (ask_is_there(merges))
        ok = merged_read(r, merges, out, e);
    else
        ok = expression_read(r, question_keep(r->q, ask_member(body, "expression")), out, e);
    r->q->named_depth--;
    n->is_reading = false;
    return ok;
}

/* ---- computing ---- */

static struct value missing(void)
{
    return (struct value){.type = VALUE_MISSING};
}

static struct value of_number(double v)
{
    return isfinite(v) ? (struct value){VALUE_DOUBLE, .number = v} : missing();
}

/* A text in the room, from `from` on. It may move as the room grows: nothing else is read from it
 * then, since each value is copied or used up before the next one is made. */
static struct value of_room(struct buf *room, size_t from)
{
    if (room->len - from > LIMIT_TEXT_BYTES)
        return missing();
    return (struct value){VALUE_TEXT, .text = str_sub(buf_str(room), from, room->len - from)};
}

static char cased(char c, bool upper)
{
    if (upper)
        return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static struct value recased(struct str s, bool upper, struct buf *room)
{
    size_t from = room->len;

    for (size_t i = 0; i < s.len; i++)
        buf_add_char(room, cased(s.at[i], upper));
    return of_room(room, from);
}

/* What stands between scheme and path; the whole text where it has neither. */
static struct str authority(struct str s, struct str *rest)
{
    size_t at = 0, end;

    for (size_t i = 0; i + 2 < s.len && !at; i++)
        if (s.at[i] == ':' && s.at[i + 1] == '/' && s.at[i + 2] == '/')
            at = i + 3;
    if (!at && str_starts(s, STR("//")))
        at = 2;
    for (end = at; end < s.len && s.at[end] != '/' && s.at[end] != '?' && s.at[end] != '#';)
        end++;
    *rest = str_sub(s, end, s.len);
    return str_sub(s, at, end - at);
}

static struct value domain_of(struct str s, struct buf *room)
{
    struct str rest, host = authority(str_trim(s), &rest);
    size_t at = host.len, colon = host.len;

    for (size_t i = 0; i < host.len; i++) {
        if (host.at[i] == '@')
            at = i;
        if (host.at[i] == ':')
            colon = i;
    }
    size_t from = at < host.len ? at + 1 : 0, to = colon >= from ? colon : host.len;
    struct str domain = str_sub(host, from, to - from);
    return domain.len ? recased(domain, false, room) : missing();
}

static struct value path_of(struct str s)
{
    struct str rest, path = str_trim(s);
    size_t end = 0;

    if (!str_starts(path, STR("/")) || str_starts(path, STR("//"))) {
        (void)authority(path, &rest);
        path = rest;
    }
    while (end < path.len && path.at[end] != '?' && path.at[end] != '#')
        end++;
    return (struct value){VALUE_TEXT, .text = end ? str_sub(path, 0, end) : STR("/")};
}

static struct value compute(const struct expression *x, const struct value *values,
                            struct buf *room);

/* The text of a value that is one, or a number or a truth; false: it has none. */
static bool text_of(struct value v, char *small, struct str *out)
{
    if (value_is_absent(v) || v.type == VALUE_LIST)
        return false;
    *out = value_text(v, small);
    return true;
}

static struct value of_text(const struct expression *x, const struct value *values,
                            struct buf *room)
{
    char small[VALUE_TEXT_BYTES];
    BUF_AUTO own = {0}; /* what it is made of, apart from the room it goes to */
    struct value v = compute(x->children[0], values, &own);
    struct str s;

    if (!text_of(v, small, &s))
        return missing();
    size_t from = room->len;
    switch (x->function) {
    case F_LOWER:
    case F_UPPER:
        return recased(s, x->function == F_UPPER, room);
    case F_DOMAIN:
        return domain_of(s, room);
    case F_PATH:
        s = path_of(s).text;
        break;
    case F_TRIM:
        s = str_trim(s);
        break;
    default: /* F_TEXT */
        break;
    }
    buf_add(room, s);
    return of_room(room, from);
}

static struct value concat(const struct expression *x, const struct value *values, struct buf *room)
{
    size_t from = room->len;
    bool any = false;

    for (size_t i = 0; i < x->count; i++) {
        char small[VALUE_TEXT_BYTES];
        BUF_AUTO own = {0};
        struct str s;
        if (!text_of(compute(x->children[i], values, &own), small, &s))
            continue;
        any = true;
        buf_add(room, s);
    }
    return any ? of_room(room, from) : missing();
}

static struct value arithmetic(const struct expression *x, const struct value *values,
                               struct buf *room)
{
    double total = 0, v;

    for (size_t i = 0; i < x->count; i++) {
        if (!value_number(compute(x->children[i], values, room), &v))
            return missing();
        if (i == 0)
            total = v;
        else if (x->function == F_ADD)
            total += v;
        else if (x->function == F_SUBTRACT)
            total -= v;
        else if (x->function == F_MULTIPLY)
            total *= v;
        else
            total = v == 0 ? NAN : total / v; /* NAN is missing */
    }
    if (x->function == F_ROUND)
        total = round(total);
    if (x->function == F_FLOOR)
        total = floor(total);
    return of_number(total == 0 ? 0 : total); /* no -0 */
}

static bool holds(const struct expression *x, const struct value *values)
{
    if (x->function == F_TEST) {
        BUF_AUTO own = {0};
        return leaf_test(x->leaf, compute(x->children[0], values, &own));
    }
    for (size_t i = 0; i < x->count; i++)
        if (holds(x->children[i], values) != (x->function != F_ANY))
            return x->function != F_ALL;
    return x->function == F_ALL;
}

static struct value compute(const struct expression *x, const struct value *values,
                            struct buf *room)
{
    switch (x->function) {
    case F_CONSTANT:
        return x->constant;
    case F_INPUT:
        return values[x->input];
    case F_COALESCE:
        for (size_t i = 0; i < x->count; i++) {
            struct value v = compute(x->children[i], values, room);
            if (!value_is_absent(v))
                return v;
        }
        return missing();
    case F_WHEN:
        for (size_t i = 0; i + 1 < x->count; i += 2)
            if (holds(x->children[i], values))
                return compute(x->children[i + 1], values, room);
        return compute(x->children[x->count - 1], values, room);
    case F_CONCAT:
        return concat(x, values, room);
    case F_LOWER:
    case F_UPPER:
    case F_TRIM:
    case F_DOMAIN:
    case F_PATH:
    case F_TEXT:
        return of_text(x, values, room);
    default:
        return arithmetic(x, values, room);
    }
}

static struct value compute_root(const void *context, const struct value *values, struct buf *room)
{
    return compute(((const struct computed *)context)->root, values, room);
}

/* ---- asking for one ---- */

bool computed_find(struct question *q, struct str name, const struct ask *place,
                   const struct scan_computed **out, struct err *e)
{
    struct named *n = named_find(q, VOCABULARY_PROPERTY, name);
    bool is_made = false;

    *out = NULL;
    if (!n)
        return true;
    if (n->computed) {
        *out = n->computed;
        return true;
    }
    if (!named_is_property(q, n, &is_made, e) || !is_made)
        return is_made || e->kind == ERR_NONE;
    struct computed *c = arena_alloc(q->arena, sizeof *c);
    struct reader r = {.q = q, .made = c, .named = n};
    c->scan = (struct scan_computed){.inputs = c->inputs, .compute = compute_root, .context = c};
    if (!body_read(&r, place, &c->root, e))
        return false;
    if (!c->scan.input_count) /* a constant: of any event, so of a property that none has */
        c->inputs[c->scan.input_count++] = STR("");
    n->computed = &c->scan;
    *out = n->computed;
    return true;
}
