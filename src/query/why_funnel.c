/* query/why_funnel: how far somebody came in a funnel, and what kept them from the next step. */
#include <math.h>

#include "query/funnel.h"
#include "query/why.h"

enum { REASONS_MAX = 10 };

/* Which of several near misses says most; the first is the nearest to getting there. */
static const enum why_rule order_of_rules[] = {
    WHY_EXCLUDED,     WHY_STRICT, WHY_HOLD,  WHY_WINDOW,      WHY_ENTRY,       WHY_SAME_EVENT,
    WHY_EVENT_FILTER, WHY_FILTER, WHY_EARLY, WHY_AFTER_AS_OF, WHY_AFTER_RANGE, WHY_BEFORE_RANGE};

struct miss {
    struct why why;
    struct funnel *f;
    struct run run;
    size_t next; /* the step that is missing; step_count: none */
    struct why_place steps[STEPS_MAX], exclusions[EXCLUSIONS_MAX];
    struct str *holds[HOLDS_MAX];
    struct why_reason *reasons;
    size_t reason_count, reason_room;
};

/* ---- what the kernel says ---- */

static bool run_find(struct miss *m, struct err *e)
{
    struct funnel *f = m->f;
    struct question *q = f->q;
    const struct scan_condition *filter = q->filter;
    struct grouping *grouping = q->grouping;
    struct funnel_pass p = {.f = f, .reports = true};

    q->filter = condition_both(q, m->why.only, filter);
    q->grouping = NULL;
    f->show = SHOW_STEPS;
    bool ok = funnel_pass_run(&p, e);
    q->filter = filter;
    q->grouping = grouping;
    m->run = p.reported;
    funnel_pass_free(&p);
    m->next = 0;
    while (m->next < f->step_count &&
           (step_in(f->optional, m->next) || (m->run.depth && step_in(m->run.taken, m->next))))
        m->next++;
    return ok;
}

/* ---- near misses ---- */

/* The step that must come before the missing one, in the run: its number from 1; 0: none. */
static size_t step_before(const struct miss *m)
{
    size_t s = m->next;

    if (m->f->order == ORDER_UNORDERED || !m->run.depth)
        return 0;
    while (s > 0 && !step_in(m->run.taken, s - 1))
        s--;
    return s;
}

/* A held value of the event; "" where it has none. */
static struct str held(const struct miss *m, size_t h, size_t event)
{
    struct str v = m->holds[h][event];
    return v.at ? v : STR("");
}

static size_t run_event(const struct miss *m, size_t step)
{
    for (size_t i = 0; i < m->why.count; i++)
        if (m->why.time[i] == m->run.places[step].at && why_fills(&m->why, &m->steps[step], i))
            return i;
    return SIZE_MAX;
}

static bool hold_differs(const struct miss *m, size_t event, struct why_reason *r)
{
    size_t first = 0, count = m->f->hold_count;

    while (first + 1 < m->f->step_count && !step_in(m->run.taken, first))
        first++;
    size_t start = count ? run_event(m, first) : SIZE_MAX;
    for (size_t h = 0; start != SIZE_MAX && h < count; h++)
        if (!str_equal(held(m, h, event), held(m, h, start))) {
            *r = why_reason(WHY_HOLD, event, m->f->steps[m->next].name);
            r->was = held(m, h, event);
            r->wanted = held(m, h, start);
            return true;
        }
    return false;
}

/* In a strict funnel: anything that lies between the step before and the event. */
static bool is_between(const struct miss *m, size_t event, int64_t after, struct why_reason *r)
{
    const struct why *w = &m->why;

    for (size_t i = 0; m->f->order == ORDER_STRICT && i < event; i++) {
        if (w->time[i] <= after || w->time[i] >= w->time[event])
            continue;
        *r = why_reason(WHY_STRICT, event, m->f->steps[m->next].name);
        r->other = intern_at(w->names, w->name[i]);
        r->other_at = w->time[i];
        return true;
    }
    return false;
}

/* Why an event that passes all conditions did not fill the missing step. */
static struct why_reason placed(const struct miss *m, size_t event)
{
    const struct funnel *f = m->f;
    const struct why *w = &m->why;
    size_t before = step_before(m);
    struct why_reason r = why_reason(WHY_ENTRY, event, f->steps[m->next].name);
    int64_t after = before ? m->run.places[before - 1].at : INT64_MIN, time = w->time[event];

    if (!m->run.depth)
        return r;
    r.other_at = m->run.start;
    if (before && time + f->tie_ms < after) {
        r.rule = WHY_EARLY;
        r.other = f->steps[before - 1].name;
        r.other_at = after;
        return r;
    }
    if (hold_differs(m, event, &r))
        return r;
    if (time - m->run.start > f->window_ms) {
        r.rule = WHY_WINDOW;
        r.by_seconds = (double)(time - m->run.start - f->window_ms) / 1000;
        return r;
    }
    if (before && is_between(m, event, after, &r))
        return r;
    for (size_t s = 0; s < f->step_count; s++)
        if (step_in(m->run.taken, s) && m->run.places[s].at == time &&
            why_fills(w, &m->steps[s], event)) {
            r.rule = WHY_SAME_EVENT;
            r.other = f->steps[s].name;
            r.other_at = INT64_MIN;
        }
    return r;
}

static size_t rank_of(enum why_rule rule)
{
    size_t i = 0;

    while (i < COUNT(order_of_rules) && order_of_rules[i] != rule)
        i++;
    return i;
}

/* Of two of one rule the one that missed by less: the first too late, the last too early. */
static bool is_nearer(const struct why_reason *a, const struct why_reason *b)
{
    bool is_last = a->rule == WHY_EARLY || a->rule == WHY_BEFORE_RANGE;

    if (rank_of(a->rule) != rank_of(b->rule))
        return rank_of(a->rule) < rank_of(b->rule);
    return is_last ? a->event > b->event : a->event < b->event;
}

static void reason_add(struct miss *m, struct why_reason r)
{
    size_t i = m->reason_count;

    ARRAY_PUSH(m->reasons, m->reason_count, m->reason_room) = r;
    for (; i > 0 && is_nearer(&r, &m->reasons[i - 1]); i--)
        m->reasons[i] = m->reasons[i - 1];
    m->reasons[i] = r;
    m->reason_count = MIN(m->reason_count, (size_t)REASONS_MAX);
}

/* The event that excluded the run, where it stood. */
static void exclusion_find(struct miss *m)
{
    const struct funnel *f = m->f;
    const struct why *w = &m->why;
    struct why_reason r = why_reason(WHY_EXCLUDED, SIZE_MAX, f->steps[m->next].name);
    int64_t after = m->run.places[m->run.depth - 1].at;

    if (f->order == ORDER_UNORDERED)
        after = m->run.start;
    for (size_t i = 0; i < w->count && r.other_at == INT64_MIN; i++)
        for (size_t x = 0; x < f->exclusion_count; x++)
            if (why_fills(w, &m->exclusions[x], i) &&
                step_in(f->exclusions[x].blocks, m->run.depth - 1) &&
                w->time[i] + f->tie_ms >= after && w->time[i] - m->run.start <= f->window_ms) {
                r.other = intern_at(w->names, w->name[i]);
                r.other_at = w->time[i];
            }
    reason_add(m, r);
}

static void reasons_find(struct miss *m)
{
    const struct why *w = &m->why;
    struct str name = m->f->steps[m->next].name;
    struct why_reason r;

    if (m->run.depth && m->run.is_excluded)
        exclusion_find(m);
    if (m->run.is_excluded && m->f->drops)
        return; /* all else was done */
    for (size_t i = 0; i < w->count; i++) {
        if (why_fills(w, &m->steps[m->next], i))
            reason_add(m, placed(m, i));
        else if (why_keeps_out(w, &m->steps[m->next], i, name, &r))
            reason_add(m, r);
    }
    if (!m->reason_count)
        reason_add(m, why_reason(WHY_NEVER, SIZE_MAX, name));
}

/* ---- reading and writing ---- */

static bool events_find(struct miss *m, struct err *e)
{
    struct funnel *f = m->f;
    struct question *q = f->q;

    for (size_t s = 0; s < f->step_count; s++)
        why_place_add(&m->why, &m->steps[s], &f->steps[s].role, q->from, q->to);
    for (size_t x = 0; x < f->exclusion_count; x++)
        why_place_add(&m->why, &m->exclusions[x], &f->exclusions[x].role, q->from, q->to);
    if (!why_collect(&m->why, e))
        return false;
    for (size_t h = 0; h < f->hold_count; h++) {
        m->holds[h] = arena_array(q->arena, m->why.count + 1, sizeof *m->holds[h]);
        if (!why_values(&m->why, SCAN_PROPERTY, f->holds[h], m->holds[h], e))
            return false;
    }
    return true;
}

static void steps_write(const struct miss *m, struct jwrite *w)
{
    const struct funnel *f = m->f;

    jwrite_key(w, STR("steps"));
    jwrite_array(w);
    for (size_t s = 0; s < f->step_count; s++) {
        jwrite_object(w);
        jwrite_pair_int(w, "step", (int64_t)s + 1);
        jwrite_pair_string(w, "name", f->steps[s].name);
        if (step_in(f->optional, s))
            jwrite_pair_bool(w, "optional", true);
        if (m->run.depth && step_in(m->run.taken, s)) {
            answer_time(f->q, w, "at", m->run.places[s].at);
        } else {
            jwrite_key(w, STR("at"));
            jwrite_null(w);
        }
        jwrite_end(w);
    }
    jwrite_end(w);
}

/* The step asked for; of a funnel that drops excluded units nobody excluded is in any. */
static bool is_in_step(const struct miss *m, size_t step)
{
    bool is_dropped = m->f->drops && m->run.is_excluded;
    return m->run.depth && !is_dropped && step_in(m->run.taken, step);
}

static bool miss_write(struct miss *m, size_t step, struct buf *out, struct err *e)
{
    struct jwrite w = jwrite_to(out);
    bool is_in = is_in_step(m, step);

    if (!is_in && (m->next == m->f->step_count || m->next > step))
        m->next = step; /* an optional one, or one of a run that was dropped */
    if (!is_in)
        reasons_find(m);
    why_begin(&m->why, is_in, &w);
    jwrite_pair_int(&w, "step", (int64_t)step + 1);
    jwrite_pair_int(&w, "reached", m->run.depth);
    steps_write(m, &w);
    bool ok = why_reasons_write(&m->why, m->reasons, m->reason_count, &w, e);
    if (ok) {
        jwrite_end(&w);
        jwrite_end(&w);
    }
    return ok;
}

bool why_funnel(struct funnel *f, struct buf *out, struct err *e)
{
    static const char *const known[] = {"person", "step"};
    struct question *q = f->q;
    struct miss *m = arena_alloc(q->arena, sizeof *m);
    struct ask at = ask_member(&q->why_not, "step");
    int64_t step = (int64_t)f->step_count;

    m->f = f;
    bool ok = why_read(&m->why, q, known, COUNT(known), e) &&
              (!ask_is_there(&at) || ask_int(&at, 1, (int64_t)f->step_count, &step, e)) &&
              run_find(m, e) && events_find(m, e) && miss_write(m, (size_t)step - 1, out, e);
    mem_free(m->reasons);
    why_free(&m->why);
    return ok;
}
