/* query/why: the person, all their events, and what each of them matches. */
#include "query/why.h"

#include <math.h>

#include "query/behaviour.h"

static bool is_unit(const void *context, uint32_t unit)
{
    return *(const uint32_t *)context == unit;
}

bool why_read(struct why *w, struct question *q, const char *const *known, size_t count,
              struct err *e)
{
    struct ask person = ask_member(&q->why_not, "person");
    struct scan_condition *only = arena_alloc(q->arena, sizeof *only);
    uint32_t *unit = arena_alloc(q->arena, sizeof *unit);

    *w = (struct why){.q = q, .names = intern_create()};
    if (!ask_members(&q->why_not, known, count, e))
        return false;
    if (!ask_is_there(&person))
        return ask_missing(&q->why_not, "person", "say whose way is to be explained", e);
    if (!ask_text(&person, &w->asked, e))
        return false;
    if (q->unit != COUNTED_PERSON)
        return ask_fail(&person, e, "query.unsupported",
                        "why_not is of a person; the question counts others");
    if (!q->source->does->unit_find(q->source, w->asked, &w->unit)) {
        ask_fail(&person, e, "query.unknown_person", "nobody has the id \"%.*s\"",
                 (int)MIN(w->asked.len, (size_t)80), w->asked.at);
        e->kind = ERR_UNKNOWN_NAME;
        return err_hint(e, "ids are case-sensitive");
    }
    w->id = q->source->does->unit_id(q->source, w->unit);
    *unit = w->unit;
    *only = (struct scan_condition){
        .kind = SCAN_TEST, .subject = SCAN_UNIT, .test_unit = is_unit, .context = unit};
    w->only = only;
    return true;
}

void why_free(struct why *w)
{
    intern_destroy(w->names);
    mem_free(w->roles);
    mem_free(w->has);
    mem_free(w->time);
    mem_free(w->name);
}

size_t why_role(struct why *w, struct why_role role)
{
    for (size_t i = 0; i < w->role_count; i++) {
        const struct why_role *o = &w->roles[i];
        if (o->filter == role.filter && o->from == role.from && o->to == role.to &&
            !o->event.at == !role.event.at && str_equal(o->event, role.event))
            return i;
    }
    ARRAY_PUSH(w->roles, w->role_count, w->role_room) = role;
    return w->role_count - 1;
}

/* ---- scans of one person ---- */

struct collecting {
    struct why *w;
    size_t first, count; /* roles of this scan */
    struct str *values;  /* of the second column, if wanted */
    const struct intern *codes;
};

/* The person's events come in one batch. */
static bool collect_sink(void *context, const struct scan_batch *b)
{
    struct collecting *c = context;
    struct why *w = c->w;

    if (!w->time) {
        w->count = b->count;
        w->time = mem_array(w->count + 1, sizeof *w->time);
        w->name = mem_array(w->count + 1, sizeof *w->name);
        w->has = mem_array(w->count + 1, w->role_count + 1);
        memcpy(w->time, b->time + b->starts[0], w->count * sizeof *w->time);
        memcpy(w->name, b->codes[0] + b->starts[0], w->count * sizeof *w->name);
    }
    REQUIRE(b->count == w->count);
    for (size_t i = 0; i < w->count; i++) {
        uint32_t mask = b->mask ? b->mask[b->starts[0] + i] : 1;
        for (size_t k = 0; k < c->count; k++)
            w->has[(c->first + k) * w->count + i] = mask >> (k + 1) & 1;
        uint32_t code = c->values ? b->codes[1][b->starts[0] + i] : SCAN_CODE_NONE;
        if (c->values && code != SCAN_CODE_NONE)
            c->values[i] = intern_at(c->codes, code);
    }
    return true;
}

/* Selector 0 is every event of the person, so that all scans show the same ones. */
static bool collect(struct why *w, struct collecting *c, const struct scan_column *column,
                    struct err *e)
{
    struct question *q = w->q;
    unsigned threads = q->source->does->threads(q->source);
    void **contexts = arena_array(q->arena, threads, sizeof *contexts);
    struct reading *r = arena_alloc(q->arena, sizeof *r);
    size_t unused;

    for (size_t k = 0; k <= c->count; k++) {
        struct why_role role = {STR_NONE, NULL, INT64_MIN, INT64_MAX};
        if (k)
            role = w->roles[c->first + k - 1];
        r->selectors[k] = (struct scan_selector){role.event, role.from, role.to,
                                                 condition_both(q, w->only, role.filter)};
    }
    r->plan.selector_count = c->count + 1;
    r->plan.by_unit = r->plan.want_time = true;
    for (unsigned i = 0; i < threads; i++)
        contexts[i] = c;
    struct scan_column name = {SCAN_CODE, SCAN_NAME, STR_NONE, w->names};
    return reading_column(q, r, name, &unused, e) &&
           (!column || reading_column(q, r, *column, &unused, e)) &&
           reading_run(q, r, collect_sink, contexts, e);
}

bool why_collect(struct why *w, struct err *e)
{
    struct collecting c = {.w = w};

    mem_free(w->time);
    mem_free(w->name);
    mem_free(w->has);
    w->time = NULL;
    w->name = NULL;
    w->has = NULL;
    w->count = 0;
    do {
        c.count = MIN(w->role_count - c.first, (size_t)SCAN_SELECTORS_MAX - 1);
        if (!collect(w, &c, NULL, e))
            return false;
        c.first += c.count;
    } while (c.first < w->role_count);
    return true;
}

bool why_values(struct why *w, enum scan_subject subject, struct str property, struct str *values,
                struct err *e)
{
    struct intern *codes = intern_create();
    struct scan_column column = {SCAN_CODE, subject, property, codes};
    struct collecting c = {.w = w, .values = values, .codes = codes};
    bool ok = collect(w, &c, &column, e);

    for (size_t i = 0; ok && i < w->count; i++)
        if (values[i].at)
            values[i] = arena_copy(w->q->arena, values[i]);
    intern_destroy(codes);
    return ok;
}

/* ---- places ---- */

enum { BY_NAME, WITH_OWN, WITH_ALL, EACH };

void why_place_add(struct why *w, struct why_place *p, const struct matcher *role, int64_t from,
                   int64_t to)
{
    struct question *q = w->q;

    *p = (struct why_place){.role = role, .from = from, .to = to};
    p->roles = arena_array(q->arena, role->count * EACH + 1, sizeof *p->roles);
    for (size_t i = 0; i < role->count; i++) {
        const struct matcher_option *o = &role->options[i];
        size_t *at = p->roles + i * EACH;
        at[BY_NAME] = why_role(w, (struct why_role){o->event, NULL, INT64_MIN, INT64_MAX});
        at[WITH_OWN] = why_role(w, (struct why_role){o->event, o->filter, INT64_MIN, INT64_MAX});
        at[WITH_ALL] =
            why_role(w, (struct why_role){o->event, condition_both(q, o->filter, q->filter), from,
                                          MIN(to, q->as_of + 1)});
    }
}

static bool is_any(const struct why *w, const struct why_place *p, size_t kind, size_t event)
{
    for (size_t i = 0; i < p->role->count; i++)
        if (why_has(w, p->roles[i * EACH + kind], event))
            return true;
    return false;
}

bool why_is_named(const struct why *w, const struct why_place *p, size_t event)
{
    return is_any(w, p, BY_NAME, event);
}

bool why_fills(const struct why *w, const struct why_place *p, size_t event)
{
    return is_any(w, p, WITH_ALL, event);
}

struct why_reason why_reason(enum why_rule rule, size_t event, struct str name)
{
    return (struct why_reason){.rule = rule,
                               .event = event,
                               .name = name,
                               .other_at = INT64_MIN,
                               .by_seconds = NAN,
                               .number = -1,
                               .of = -1};
}

bool why_keeps_out(const struct why *w, const struct why_place *p, size_t event, struct str name,
                   struct why_reason *out)
{
    const struct question *q = w->q;
    int64_t time = w->time[event];

    if (!why_is_named(w, p, event) || why_fills(w, p, event))
        return false;
    *out = why_reason(time > q->as_of  ? WHY_AFTER_AS_OF
                      : time < p->from ? WHY_BEFORE_RANGE
                      : time >= p->to  ? WHY_AFTER_RANGE
                                       : WHY_FILTER,
                      event, name);
    if (out->rule != WHY_FILTER)
        return true;
    out->condition = q->filter;
    if (is_any(w, p, WITH_OWN, event))
        return true;
    out->rule = WHY_EVENT_FILTER;
    for (size_t i = p->role->count; i-- > 0;)
        if (why_has(w, p->roles[i * EACH + BY_NAME], event))
            out->condition = p->role->options[i].filter;
    return true;
}
