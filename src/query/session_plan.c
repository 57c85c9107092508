/* query/session_plan: a reading taken apart. */
#include "query/session_plan.h"

#include "query/condition.h"
#include "query/page.h"

/* ---- what asks of sessions ---- */

static bool has_fact(const struct scan_condition *c)
{
    if (!c)
        return false;
    if (c->kind == SCAN_TEST)
        return c->subject == SCAN_SESSION_FACT;
    for (size_t i = 0; i < c->child_count; i++)
        if (has_fact(c->children[i]))
            return true;
    return false;
}

bool session_scan_is_needed(const struct reading *r)
{
    bool is = r->by_session;

    for (size_t i = 0; i < r->plan.selector_count && !is; i++)
        is = has_fact(r->selectors[i].filter);
    for (size_t i = 0; i < r->plan.column_count && !is; i++)
        is = r->columns[i].subject == SCAN_SESSION_FACT;
    return is;
}

static void fact_wanted(struct session_plan *p, const struct session_fact *fact)
{
    p->has_facts = true;
    p->has_position = p->has_position || fact->kind == SESSION_POSITION;
    p->has_pages = p->has_pages || fact->kind == SESSION_PAGES ||
                   fact->kind == SESSION_ENTRY_PAGE || fact->kind == SESSION_EXIT_PAGE;
    p->has_names = p->has_names || p->has_pages || fact->kind == SESSION_BOUNCE ||
                   fact->kind == SESSION_ENTRY_EVENT || fact->kind == SESSION_EXIT_EVENT;
}

/* ---- selectors ---- */

static bool selector_add(struct session_plan *p, const struct scan_condition *filter, uint32_t *at,
                         struct err *e)
{
    struct reading *r = &p->inner;
    struct scan_selector s = {STR_NONE, p->from, p->to, filter};

    for (size_t i = p->outer->plan.selector_count; i < r->plan.selector_count; i++)
        if (r->selectors[i].filter == filter) {
            *at = (uint32_t)i;
            return true;
        }
    if (r->plan.selector_count == SCAN_SELECTORS_MAX) {
        ask_fail(&p->q->root, e, "query.limit", "the question needs more than %d kinds of events",
                 SCAN_SELECTORS_MAX);
        return err_hint(e, "ask with fewer series, steps, or conditions on sessions");
    }
    *at = (uint32_t)r->plan.selector_count;
    r->selectors[r->plan.selector_count++] = s;
    return true;
}

static bool leaf_add(struct session_plan *p, const struct scan_condition *c, uint32_t *at,
                     struct err *e)
{
    for (size_t i = 0; i < p->leaf_count; i++)
        if (p->leaves[i].condition == c) {
            *at = (uint32_t)i;
            return true;
        }
    if (p->leaf_count == SESSION_LEAVES_MAX)
        return ask_fail(&p->q->root, e, "query.limit",
                        "the question has more than %d conditions on sessions", SESSION_LEAVES_MAX);
    const struct session_fact *fact = session_fact_find(c->property);
    fact_wanted(p, fact);
    *at = (uint32_t)p->leaf_count;
    p->leaves[p->leaf_count++] = (struct session_leaf){c, fact};
    return true;
}

static bool node_make(struct session_plan *p, const struct scan_condition *c,
                      const struct session_node **out, struct err *e)
{
    static const int kinds[] = {
        [SCAN_ALL] = NODE_ALL, [SCAN_ANY] = NODE_ANY, [SCAN_NOT] = NODE_NOT};
    struct session_node *n = arena_alloc(p->q->arena, sizeof *n);

    *out = n;
    *n = (struct session_node){.kind = NODE_BIT};
    if (!has_fact(c))
        return selector_add(p, c, &n->at, e);
    n->kind = NODE_FACT;
    if (c->kind == SCAN_TEST)
        return leaf_add(p, c, &n->at, e);
    n->kind = kinds[c->kind];
    n->child_count = c->child_count;
    n->children = arena_array(p->q->arena, c->child_count + 1, sizeof *n->children);
    for (size_t i = 0; i < c->child_count; i++)
        if (!node_make(p, c->children[i], &n->children[i], e))
            return false;
    return true;
}

/* What the scan can test of the condition stays in it; the rest becomes part of the tree. */
static bool conjuncts_split(struct session_plan *p, const struct scan_condition *c,
                            const struct scan_condition **base, struct session_node *late,
                            struct err *e)
{
    if (!c)
        return true;
    if (!has_fact(c)) {
        *base = condition_both(p->q, *base, c);
        return true;
    }
    if (c->kind != SCAN_ALL) {
        const struct session_node **children =
            arena_array(p->q->arena, late->child_count + 1, sizeof *children);
        if (late->child_count)
            memcpy(children, late->children, late->child_count * sizeof *children);
        late->children = children;
        return node_make(p, c, &children[late->child_count++], e);
    }
    for (size_t i = 0; i < c->child_count; i++)
        if (!conjuncts_split(p, c->children[i], base, late, e))
            return false;
    return true;
}

static bool selectors_make(struct session_plan *p, struct err *e)
{
    const struct reading *o = p->outer;
    struct reading *r = &p->inner;

    r->plan.selector_count = o->plan.selector_count;
    for (size_t i = 0; i < o->plan.selector_count; i++) {
        struct session_node *late = arena_alloc(p->q->arena, sizeof *late);
        *late = (struct session_node){.kind = NODE_ALL};
        r->selectors[i] = o->selectors[i];
        r->selectors[i].filter = NULL;
        if (!conjuncts_split(p, o->selectors[i].filter, &r->selectors[i].filter, late, e))
            return false;
        p->selectors |= (uint32_t)1 << i;
        if (late->child_count)
            p->late[p->late_count++] = (struct session_late){(uint32_t)1 << i, late};
        else
            p->plain |= (uint32_t)1 << i;
    }
    return true;
}

/* ---- columns ---- */

static bool columns_make(struct session_plan *p, struct err *e)
{
    const struct reading *o = p->outer;

    for (size_t i = 0; i < o->plan.column_count; i++) {
        const struct scan_column *c = &o->columns[i];
        struct session_column *mine = &p->columns[i];
        mine->is_number = c->kind == SCAN_NUMBER;
        mine->codes = c->codes;
        if (c->subject == SCAN_SESSION_FACT) {
            mine->fact = session_fact_find(c->property);
            fact_wanted(p, mine->fact);
        } else if (!reading_column(p->q, &p->inner, *c, &mine->at, e)) {
            return false;
        }
    }
    return true;
}

/* Of the properties that name pages those that any event has. */
static bool page_columns_make(struct session_plan *p, struct err *e)
{
    const struct source_vtable *does = p->q->source->does;
    struct property_info *list;
    size_t count;

    does->properties(p->q->source, p->q->arena, &list, &count);
    for (size_t i = 0; i < PAGE_PROPERTIES; i++)
        for (size_t k = 0; k < count; k++) {
            struct scan_column c = {SCAN_CODE, SCAN_PROPERTY, list[k].name, p->pages};
            if (str_equal(list[k].name, str_of(page_properties[i])) &&
                !reading_column(p->q, &p->inner, c, &p->page_columns[p->page_column_count++], e))
                return false;
        }
    return true;
}

/* What the cutting itself reads. */
static bool own_columns_make(struct session_plan *p, struct err *e)
{
    struct scan_column c = {SCAN_CODE, SCAN_SESSION, STR_NONE, p->ids};

    if (p->has_ids && !reading_column(p->q, &p->inner, c, &p->id_column, e))
        return false;
    c = (struct scan_column){SCAN_CODE, SCAN_NAME, STR_NONE, p->names};
    if (p->has_names && !reading_column(p->q, &p->inner, c, &p->name_column, e))
        return false;
    return !p->has_pages || page_columns_make(p, e);
}

static void range_make(struct session_plan *p)
{
    const struct reading *o = p->outer;
    int64_t longest = p->q->session_rules->longest;

    p->from = INT64_MAX;
    p->to = INT64_MIN;
    for (size_t i = 0; i < o->plan.selector_count; i++) {
        p->from = MIN(p->from, o->selectors[i].from);
        p->to = MAX(p->to, o->selectors[i].to);
    }
    if (p->q->sessions_of_all || p->from < INT64_MIN / 2)
        p->from = INT64_MIN;
    else
        p->from -= SESSION_LOOK_BACK * longest;
    p->to = p->to < INT64_MAX / 2 ? p->to + longest : INT64_MAX;
    p->to = MIN(p->to, p->q->as_of + 1);
}

bool session_plan_make(struct question *q, const struct reading *outer, struct session_plan *p,
                       struct err *e)
{
    *p = (struct session_plan){.q = q, .outer = outer};
    pthread_mutex_init(&p->lock, NULL);
    p->ids = intern_create();
    p->pages = intern_create();
    p->names = intern_create();
    p->has_ids = q->session_rules->ids != SESSION_IDS_IGNORE;
    range_make(p);
    uint32_t every; /* all events, to cut by */
    if (!selectors_make(p, e) || !columns_make(p, e) || !selector_add(p, NULL, &every, e) ||
        !own_columns_make(p, e))
        return false;
    p->inner.source = outer->source;
    p->inner.plan.by_unit = p->inner.plan.want_time = true;
    p->inner.plan.edges = outer->plan.edges;
    p->inner.plan.edge_count = outer->plan.edge_count;
    return true;
}

void session_plan_free(struct session_plan *p)
{
    intern_destroy(p->ids);
    intern_destroy(p->pages);
    intern_destroy(p->names);
    pthread_mutex_destroy(&p->lock);
}
