/*
 * query/funnel_plain: the funnel most people ask: ordered, newest entry, whole time stamps, nothing
 * excluded, held or optional, and no event that could fill two steps. For each step it keeps the
 * start of the newest run that got there. It agrees with funnel_walk (a property test holds them
 * together).
 */
#include "query/funnel.h"

#define NEVER (INT64_MIN / 2) /* so long ago that it is in no window, and subtracting is safe */

bool funnel_is_plain(const struct funnel_pass *p)
{
    const struct funnel *f = p->f;

    for (size_t i = 0; i < f->step_count; i++) /* one selector a step, in order, none shared */
        if (f->steps[i].bits != (uint32_t)1 << i)
            return false;
    for (size_t i = 0; i < f->step_count; i++)
        for (size_t k = 0; k < i; k++) {
            const struct matcher_option *a = f->steps[i].role.options,
                                        *b = f->steps[k].role.options;
            if (!a->event.at || !b->event.at || str_equal(a->event, b->event))
                return false;
        }
    return f->order == ORDER_ORDERED && f->entry == ENTRY_LATEST && !f->tie_ms &&
           f->count == COUNT_PEOPLE && !f->exclusion_count && !f->hold_count && !f->optional &&
           f->show == SHOW_STEPS && !f->q->grouping && !p->picks;
}

/* One event of step k: the newest run of the step before goes on, if it is inside its window.
 * starts[0] stands for "a run that begins now". Branches only where a run gets further than any
 * before. */
static inline void advance(struct plain *s, size_t k, int64_t time, int64_t window, size_t event)
{
    int64_t start = s->starts[k];
    bool goes_on = time - start <= window;

    s->starts[k + 1] = goes_on ? start : s->starts[k + 1];
    if (goes_on && k >= s->depth) {
        s->depth = k + 1;
        s->last = event;
    }
}

/* The times of the reported run. It stands at the last event of each step before that of the next:
 * had that event belonged to another run, a newer one, so would the end. */
static void report(const struct plain *s, const struct scan_batch *b, size_t to, struct tally *t)
{
    size_t i = s->last;
    int64_t after = b->time[i];

    t->counts[0]++;
    for (size_t k = s->depth - 1; k > 0; k--) {
        while (i + 1 < to && b->time[i + 1] == after)
            i++; /* the whole time stamp: its events count in funnel order */
        while (!(b->mask[i] >> (k - 1) & 1))
            i--;
        t->counts[k]++;
        times_push(&t->times[k], after - b->time[i]);
        after = b->time[i];
    }
}

void funnel_plain_unit(const struct funnel *f, struct plain *s, const struct scan_batch *b,
                       size_t from, size_t to, struct tally *t)
{
    if (!b->mask) { /* one step */
        t->counts[0] += from < to;
        return;
    }
    const int64_t *restrict times = b->time, window = f->window_ms;
    const uint32_t *restrict masks = b->mask;
    const size_t steps = f->step_count;
    s->depth = 0;
    for (size_t k = 0; k <= steps; k++)
        s->starts[k] = NEVER;
    for (size_t i = from; i < to && s->depth < steps; i++) {
        int64_t time = times[i];
        uint32_t mask = masks[i];
        s->starts[0] = time;
        if (LIKELY(i + 1 == to || times[i + 1] != time)) {
            advance(s, (size_t)__builtin_ctz(mask), time, window, i);
            continue;
        }
        while (i + 1 < to && times[i + 1] == time) /* one time stamp: in funnel order */
            mask |= masks[++i];
        for (; mask; mask &= mask - 1)
            advance(s, (size_t)__builtin_ctz(mask), time, window, i);
    }
    if (s->depth)
        report(s, b, to, t);
}
