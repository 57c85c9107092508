/*
 * query/funnel_instant: what a run can do with the events of one instant, which are
 * interchangeable.
 *
 * Filling steps with distinct events is a matching; it grows by augmenting paths, so any order that
 * takes the run further is found. Source: H. W. Kuhn, "The Hungarian method for the assignment
 * problem", Naval Research Logistics 2 (1955), the bipartite step.
 */
#include "query/funnel.h"

enum { EVENT_NONE = UINT32_MAX };

struct matching {
    const struct walk *w;
    const uint32_t *list;
    size_t count;
    const struct run *run;
    uint32_t start_event;
    uint32_t hold;
    bool has_hold;
    uint32_t filled[STEPS_MAX]; /* place in the list, by step */
    uint64_t seen[4];           /* of one augmentation; the list is cut to 256 */
};

enum { LIST_MAX = 256 };

bool run_in_window(const struct funnel *f, const struct run *run, int64_t time)
{
    return time - run->start <= f->window_ms;
}

static bool is_used(const struct run *run, uint32_t event)
{
    for (size_t s = 0; s < run->depth; s++)
        if (step_in(run->taken, s) && run->places[s].event == event)
            return true;
    return false;
}

static bool may_fill(const struct matching *m, size_t step, size_t place)
{
    const struct walk *w = m->w;
    const struct funnel_event *e = &w->events[m->list[place]];

    if (!(e->steps >> step & 1) || (m->has_hold && e->hold != m->hold))
        return false;
    if (step == 0) {
        if (m->start_event != EVENT_NONE && m->list[place] != m->start_event)
            return false;
        return w->bucket == BUCKET_ANY || e->bucket == w->bucket;
    }
    if (m->run->depth == 0)
        return true;
    return run_in_window(w->f, m->run, e->time) &&
           (!w->f->tie_ms || !is_used(m->run, m->list[place]));
}

static bool augment(struct matching *m, size_t step)
{
    for (size_t place = 0; place < m->count; place++) {
        size_t holder = STEPS_MAX;
        if (m->seen[place >> 6] >> (place & 63) & 1 || !may_fill(m, step, place))
            continue;
        m->seen[place >> 6] |= (uint64_t)1 << (place & 63);
        for (size_t s = 0; s < m->w->f->step_count; s++)
            if (m->filled[s] == place)
                holder = s;
        if (holder == STEPS_MAX || augment(m, holder)) {
            m->filled[step] = (uint32_t)place;
            return true;
        }
    }
    return false;
}

static bool fill(struct matching *m, size_t step)
{
    memset(m->seen, 0, sizeof m->seen);
    return augment(m, step);
}

static bool extend_with_hold(struct matching *m, uint32_t depth, struct run *out)
{
    const struct funnel *f = m->w->f;

    for (size_t s = 0; s < f->step_count; s++)
        m->filled[s] = EVENT_NONE;
    for (size_t s = m->run->depth; s < depth; s++) /* what must be filled */
        if ((s + 1 == depth || !(f->optional >> s & 1)) && !fill(m, s))
            return false;
    for (size_t s = m->run->depth; s + 1 < depth; s++) /* what may */
        if (f->optional >> s & 1)
            (void)fill(m, s);
    run_copy(out, m->run);
    for (size_t s = m->run->depth; s < depth; s++) {
        if (m->filled[s] == EVENT_NONE)
            continue;
        uint32_t event = m->list[m->filled[s]];
        out->places[s] = (struct run_place){m->w->events[event].time, event};
        out->taken |= step_bit(s);
    }
    if (m->run->depth == 0) {
        out->start = out->places[0].at;
        out->start_event = out->places[0].event;
        out->hold = m->w->events[out->start_event].hold;
        for (size_t s = 1; s < depth; s++)
            if ((out->taken >> s & 1) && !run_in_window(f, out, out->places[s].at))
                return false; /* a tie longer than the window */
    }
    out->depth = depth;
    return true;
}

bool instant_extend(const struct walk *w, const uint32_t *list, size_t count, const struct run *run,
                    uint32_t start_event, uint32_t depth, struct run *out)
{
    struct matching m; /* what else it holds is set before it is looked at */

    m.w = w;
    m.list = list;
    m.count = MIN(count, (size_t)LIST_MAX);
    m.run = run;
    m.start_event = start_event;
    m.hold = 0;
    m.has_hold = false;

    if (!w->f->hold_count || run->depth) {
        m.has_hold = w->f->hold_count > 0;
        m.hold = run->hold;
        return extend_with_hold(&m, depth, out);
    }
    m.has_hold = true; /* a new run: with each of the values that may begin one */
    for (size_t i = 0; i < m.count; i++) {
        const struct funnel_event *e = &w->events[list[i]];
        m.hold = e->hold;
        if ((e->steps & 1) && may_fill(&m, 0, i) && extend_with_hold(&m, depth, out))
            return true;
    }
    return false;
}

unsigned run_gained(const struct run *out, const struct run *run)
{
    return steps_in(out->taken & ~run->taken);
}
