/* query/activity: what lifecycle and stickiness do around a pass: groups, compare, people. */
#include "query/activity.h"

bool activity_read(struct activity *a, struct err *e)
{
    struct question *q = a->q;

    if (!matcher_read(q, &q->root, &a->role, e))
        return false;
    if (q->grouping) {
        question_rule_int(q, "limit", (int64_t)q->limit);
        question_rule_raw(q, "other", q->other ? STR("true") : STR("false"));
    }
    return question_check_names(q, e);
}

bool activity_edges(const struct activity *a, int64_t from, int64_t to, struct edges *out,
                    struct err *e)
{
    struct question *q = a->q;

    if (a->lead) {
        from = interval_floor(q->zone, q->interval, q->week_start, from);
        from = interval_step(q->zone, q->interval, q->week_start, from, -(int64_t)a->lead);
    }
    return question_edges(q, q->interval, from, to, out, e);
}

size_t activity_begun(const struct activity_pass *p)
{
    size_t begun = 0;

    for (size_t i = p->a->lead; i < p->edges.count; i++)
        begun += p->edges.at[i] <= p->a->q->as_of;
    return begun;
}

/* One pass, two if there are more groups than shown; `slots[i]` is where group i stands. */
static bool groups_run(struct activity_pass *p, struct groups *groups, uint32_t **slots,
                       struct err *e)
{
    struct question *q = p->a->q;
    bool again;

    if (!activity_pass_run(p, e))
        return false;
    groups_choose(q, p->keys.keys, p->sizes, p->slots, groups, &again);
    size_t shown = groups->count + groups->has_other;
    *slots = arena_array(q->arena, shown + 1, sizeof **slots);
    for (size_t i = 0; i < shown; i++)
        (*slots)[i] = again ? (uint32_t)i : key_map_put(&p->keys, groups->keys[i]);
    if (!again)
        return true;
    struct activity_pass chosen = {.a = p->a, .from = p->from, .to = p->to, .chosen = groups};
    activity_pass_free(p);
    *p = chosen;
    return activity_pass_run(p, e);
}

static void groups_write(const struct activity_pass *p, const struct groups *groups,
                         const uint32_t *slots, struct jwrite *w)
{
    jwrite_key(w, STR("groups"));
    jwrite_array(w);
    for (size_t i = 0; i < groups->count + groups->has_other; i++) {
        jwrite_object(w);
        jwrite_key(w, STR("value"));
        group_write(p->a->q, w, groups, i);
        p->a->kind->write(p, slots[i], w);
        jwrite_end(w);
    }
    jwrite_end(w);
}

/* The same groups of the range before. */
static bool previous_groups_write(struct activity *a, const struct groups *groups, int64_t from,
                                  int64_t to, struct jwrite *w, struct err *e)
{
    struct activity_pass p = {.a = a, .from = from, .to = to, .chosen = groups};
    size_t shown = groups->count + groups->has_other;
    uint32_t *slots = arena_array(a->q->arena, shown + 1, sizeof *slots);
    bool ok = activity_pass_run(&p, e);

    for (size_t i = 0; i < shown; i++)
        slots[i] = (uint32_t)i;
    if (ok)
        groups_write(&p, groups, slots, w);
    activity_pass_free(&p);
    return ok;
}

static bool previous_write(struct activity *a, const struct groups *groups, int64_t from,
                           int64_t to, struct jwrite *w, struct err *e)
{
    struct question *q = a->q;
    struct grouping *grouping = q->grouping;
    struct activity_pass p = {.a = a, .from = from, .to = to};

    q->grouping = NULL;
    bool ok = activity_pass_run(&p, e);
    q->grouping = grouping;
    if (ok) {
        answer_intervals(q, w, "previous_intervals", &p.edges, a->lead);
        jwrite_key(w, STR("previous"));
        jwrite_object(w);
        a->kind->write(&p, 0, w);
        ok = !grouping || previous_groups_write(a, groups, from, to, w, e);
        if (ok)
            jwrite_end(w);
    }
    activity_pass_free(&p);
    return ok;
}

bool activity_write(struct activity *a,
                    bool (*head)(struct activity *a, struct activity_pass *p, struct jwrite *w,
                                 struct err *e),
                    struct buf *out, struct err *e)
{
    struct question *q = a->q;
    struct grouping *grouping = q->grouping;
    struct activity_pass whole = {.a = a, .from = q->from, .to = q->to}, by_group = whole;
    struct groups groups = {.count = 1};
    struct edges edges;
    struct jwrite w = jwrite_to(out);
    uint32_t *slots = NULL;
    int64_t before_from, before_to;
    bool compares;

    if (!activity_edges(a, q->from, q->to, &edges, e) ||
        !compare_read(q, edges.count - a->lead, &compares, &before_from, &before_to, e))
        return false;
    q->grouping = NULL; /* the whole first, then by group */
    bool ok = activity_pass_run(&whole, e);
    q->grouping = grouping;
    if (ok) {
        answer_begin(q, &w);
        answer_intervals(q, &w, "intervals", &whole.edges, a->lead);
        a->kind->write(&whole, 0, &w);
        ok = !head || head(a, &whole, &w, e);
    }
    if (ok && grouping) {
        ok = groups_run(&by_group, &groups, &slots, e);
        if (ok)
            groups_write(&by_group, &groups, slots, &w);
    }
    ok = ok && (!compares || previous_write(a, &groups, before_from, before_to, &w, e));
    if (ok)
        jwrite_end(&w);
    activity_pass_free(&whole);
    activity_pass_free(&by_group);
    return ok;
}

bool activity_pick(struct activity *a, struct activity_pass *picked, struct buf *out, struct err *e)
{
    struct question *q = a->q;
    struct ask breakdown = ask_member(&q->people_of, "breakdown");
    struct grouping *grouping = q->grouping;
    struct activity_pass p = {.a = a, .from = q->from, .to = q->to};
    struct groups groups = {.count = 1};
    uint32_t *slots;

    picked->a = a;
    picked->from = q->from;
    picked->to = q->to;
    picked->picks = true;
    if (!ask_is_there(&breakdown))
        q->grouping = NULL; /* of all groups together */
    bool ok = !q->grouping || groups_run(&p, &groups, &slots, e);
    picked->chosen = q->grouping ? &groups : NULL;
    ok = ok && groups_find(q, &groups, &picked->pick_slot, e) && activity_pass_run(picked, e) &&
         answer_people(q, &picked->people, out, e);
    q->grouping = grouping;
    activity_pass_free(&p);
    activity_pass_free(picked);
    return ok;
}
