/* query/stickiness: how many units were active in exactly k intervals; and how many of a month's or
 * a week's people come on a day. */
#include <math.h>

#include "query/activity.h"
#include "query/trends.h"

/* ---- exactly k intervals ---- */

static size_t intervals_active(const struct activity_pass *p, const struct track *t)
{
    size_t count = 0;

    for (size_t i = 0; i < (p->edges.count + 63) / 64; i++)
        count += (size_t)__builtin_popcountll(t->bits[i]);
    return count;
}

static void stickiness_add(const struct activity_pass *p, const struct track *t, uint64_t *numbers)
{
    numbers[intervals_active(p, t) - 1]++;
}

enum { EXACTLY, AT_LEAST };

static bool stickiness_is_picked(const struct activity_pass *p, const struct track *t)
{
    size_t count = intervals_active(p, t);
    return p->pick_state == AT_LEAST ? count >= p->pick_interval : count == p->pick_interval;
}

/* Nobody can have been active in more intervals than have begun: no number there. */
static void stickiness_write(const struct activity_pass *p, size_t slot, struct jwrite *w)
{
    static const char *const names[] = {"counts", "cumulative"};
    size_t n = p->edges.count, begun = activity_begun(p);
    const uint64_t *numbers = p->numbers + slot * n;
    uint64_t left = 0;

    for (size_t k = 0; k < n; k++)
        left += numbers[k];
    jwrite_pair_int(w, "active", (int64_t)left);
    for (size_t row = EXACTLY; row <= AT_LEAST; row++) {
        jwrite_key(w, str_of(names[row]));
        jwrite_array(w);
        for (size_t k = 0; k < n; k++) {
            if (k >= begun)
                jwrite_null(w);
            else
                jwrite_int(w, (int64_t)(row == EXACTLY ? numbers[k] : left));
            left -= row == AT_LEAST ? numbers[k] : 0;
        }
        jwrite_end(w);
    }
    jwrite_pair_bool(w, "final", p->to <= p->a->q->as_of);
}

static const struct activity_kind stickiness_kind = {
    .rows = 1,
    .add = stickiness_add,
    .is_picked = stickiness_is_picked,
    .write = stickiness_write,
};

/* ---- ratio: people of a day among those of the week or month that ends with it ---- */

static const char *const ratio_names[] = {"dau/wau", "dau/mau", "wau/mau"};
static const struct math ratio_maths[] = {
    {"people", KIND_PEOPLE, .by_unit = true},
    {"weekly_active", KIND_ACTIVE, .by_unit = true, .look_back = 7},
    {"monthly_active", KIND_ACTIVE, .by_unit = true, .look_back = 30},
};

/* A trend of two series by day, without the breakdown. */
static bool ratio_init(const struct activity *a, unsigned ratio, struct trends *t,
                       struct trend_pass *p, struct err *e)
{
    static const unsigned parts[] = {0, 0, 1}, bases[] = {1, 2, 2};
    struct question *q = a->q;

    *t = (struct trends){.q = q, .series_count = 2, .by_unit = true};
    *p = (struct trend_pass){.t = t, .from = q->from, .to = q->to};
    for (size_t i = 0; i < 2; i++) {
        t->series[i].math = &ratio_maths[i ? bases[ratio] : parts[ratio]];
        t->series[i].kind = t->series[i].math->kind;
        t->series[i].role = a->role;
    }
    return question_edges(q, INTERVAL_DAY, q->from, q->to, &p->edges, e);
}

enum { RATIO_NONE = COUNT(ratio_names) };

static bool ratio_read(const struct activity *a, unsigned *ratio, struct err *e)
{
    struct ask name = ask_member(&a->q->root, "ratio");

    *ratio = RATIO_NONE;
    if (!ask_is_there(&name))
        return true;
    return ask_choice(&name, ratio_names, COUNT(ratio_names), ratio, e);
}

static void ratio_numbers(const struct trend_pass *p, struct jwrite *w)
{
    static const char *const names[] = {"active", "of", "values"};
    int64_t as_of = p->t->q->as_of;
    double sums[2] = {0, 0};

    for (size_t row = 0; row < COUNT(names); row++) {
        jwrite_key(w, str_of(names[row]));
        jwrite_array(w);
        for (size_t i = 0; i < p->edges.count; i++) {
            double part = trend_value(p, 0, 0, i), base = trend_value(p, 1, 0, i);
            double v = row == 0 ? part : row == 1 ? base : base > 0 ? part / base : NAN;
            if (row < 2 && p->edges.at[i + 1] <= as_of)
                sums[row] += v;
            jwrite_double(w, p->edges.at[i] <= as_of ? v : NAN);
        }
        jwrite_end(w);
    }
    jwrite_pair_double(w, "average", sums[1] > 0 ? sums[0] / sums[1] : NAN);
    jwrite_key(w, STR("final"));
    jwrite_array(w);
    for (size_t i = 0; i < p->edges.count; i++)
        jwrite_bool(w, p->edges.at[i + 1] <= as_of);
    jwrite_end(w);
}

static bool ratio_write(struct activity *a, struct activity_pass *whole, struct jwrite *w,
                        struct err *e)
{
    struct question *q = a->q;
    struct grouping *grouping = q->grouping;
    struct trends t;
    struct trend_pass p;
    unsigned ratio;

    (void)whole;
    if (!ratio_read(a, &ratio, e))
        return false;
    q->grouping = NULL;
    bool ok = ratio_init(a, ratio, &t, &p, e) && trend_pass_run(&p, e);
    if (ok) {
        jwrite_key(w, STR("ratio"));
        jwrite_object(w);
        jwrite_pair_string(w, "name", str_of(ratio_names[ratio]));
        jwrite_key(w, STR("intervals"));
        jwrite_array(w);
        for (size_t i = 0; i < p.edges.count; i++)
            jwrite_string(w, answer_label(q, INTERVAL_DAY, p.edges.at[i]));
        jwrite_end(w);
        ratio_numbers(&p, w);
        jwrite_end(w);
    }
    trend_pass_free(&p);
    q->grouping = grouping;
    return ok;
}

/* {"ratio":"active","interval":"2026-01-05"}: the people of a day, or of its base. */
static bool ratio_pick(struct activity *a, struct buf *out, struct err *e)
{
    static const char *const known[] = {"ratio", "interval", PEOPLE_MEMBERS};
    static const char *const names[] = {"active", "of"};
    struct question *q = a->q;
    struct ask part = ask_member(&q->people_of, "ratio");
    struct grouping *grouping = q->grouping;
    struct trends t;
    struct trend_pass p;
    unsigned ratio, choice;

    if (!ask_members(&q->people_of, known, COUNT(known), e) ||
        !ask_choice(&part, names, COUNT(names), &choice, e) || !ratio_read(a, &ratio, e))
        return false;
    if (ratio == RATIO_NONE)
        return ask_fail(&part, e, "query.unknown_value", "the question asks for no ratio");
    q->grouping = NULL;
    q->interval = INTERVAL_DAY; /* labels of the ratio's intervals */
    bool ok = ratio_init(a, ratio, &t, &p, e) &&
              coordinate_interval(q, "interval", &p.edges, &p.pick_interval, e);
    p.picks = true;
    p.pick_series = choice;
    ok = ok && trend_pass_run(&p, e) && answer_people(q, &p.people, out, e);
    trend_pass_free(&p);
    q->grouping = grouping;
    return ok;
}

/* ---- reading ---- */

static bool stickiness_pick(struct activity *a, struct buf *out, struct err *e)
{
    static const char *const known[] = {"intervals", "cumulative", "breakdown", PEOPLE_MEMBERS};
    struct question *q = a->q;
    struct ask cumulative = ask_member(&q->people_of, "cumulative"),
               ratio = ask_member(&q->people_of, "ratio");
    struct activity_pass picked = {0};
    struct edges edges;
    int64_t intervals;
    bool at_least = false;

    if (ask_is_there(&ratio))
        return ratio_pick(a, out, e);
    if (!ask_members(&q->people_of, known, COUNT(known), e) ||
        !activity_edges(a, q->from, q->to, &edges, e) ||
        !coordinate_int(q, "intervals", 1, (int64_t)edges.count, &intervals, e) ||
        (ask_is_there(&cumulative) && !ask_bool(&cumulative, &at_least, e)))
        return false;
    picked.pick_interval = (size_t)intervals;
    picked.pick_state = at_least ? AT_LEAST : EXACTLY;
    return activity_pick(a, &picked, out, e);
}

static bool stickiness_run(struct activity *a, struct buf *out, struct err *e)
{
    struct question *q = a->q;
    struct ask minimum = ask_member(&q->root, "minimum");
    unsigned ratio;

    if (ask_is_there(&minimum) && !ask_int(&minimum, 1, 1000000, &a->minimum, e))
        return false;
    question_rule_int(q, "minimum", a->minimum);
    if (!activity_read(a, e) || !ratio_read(a, &ratio, e))
        return false;
    if (ratio != RATIO_NONE)
        question_rule(q, "ratio", str_of(ratio_names[ratio]));
    if (ask_is_there(&q->people_of))
        return stickiness_pick(a, out, e);
    return activity_write(a, ratio == RATIO_NONE ? NULL : ratio_write, out, e);
}

static bool stickiness_answer(struct question *q, struct buf *out, struct err *e)
{
    struct activity a = {.q = q, .kind = &stickiness_kind, .minimum = 1};

    return stickiness_run(&a, out, e);
}

static const char *const members[] = {QUESTION_MEMBERS, "event", "any_of",
                                      "minimum",        "ratio", "compare"};

const struct insight insight_stickiness = {
    .name = "stickiness",
    .no_sessions = "a session does not come back in other intervals; count persons or accounts",
    .wants_range = true,
    .interval = INTERVAL_DAY,
    .counts_accounts = true,
    .members = members,
    .member_count = COUNT(members),
    .answer = stickiness_answer,
};
