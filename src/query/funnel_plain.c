/*
 * query/funnel_plain: the funnel most people ask: ordered, newest entry, whole time stamps, nothing
 * excluded, held or optional, and no event that could fill two steps. For each step it keeps the
 * newest run that got there: its start and its times. It agrees with funnel_walk (a property test
 * holds them together).
 */
#include "query/funnel.h"

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

static inline void copy(int64_t *to, const int64_t *from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] = from[i];
}

static inline void begin(struct plain *s, int64_t time)
{
    s->start[0] = s->at[0][0] = time;
    if (!s->depth) {
        s->depth = 1;
        s->best[0] = time;
    }
}

static inline void advance(struct plain *s, size_t k, int64_t time, int64_t window)
{
    int64_t start = s->start[k - 1];

    if (start == INT64_MIN || time - start > window)
        return;
    copy(s->at[k], s->at[k - 1], k);
    s->at[k][k] = time;
    s->start[k] = start;
    if (k >= s->depth) {
        s->depth = k + 1;
        copy(s->best, s->at[k], k + 1);
    }
}

void funnel_plain_unit(const struct funnel *f, struct plain *s, const struct scan_batch *b,
                       size_t from, size_t to, struct tally *t)
{
    size_t begin_at = from;

    while (begin_at < to && b->mask && !(b->mask[begin_at] & 1))
        begin_at++;
    if (begin_at == to)
        return;
    while (begin_at > from && b->time[begin_at - 1] == b->time[begin_at])
        begin_at--; /* what happens with the first step 1 counts, what comes before does not */
    from = begin_at;
    s->depth = 0;
    for (size_t k = 0; k < f->step_count; k++)
        s->start[k] = INT64_MIN;
    while (from < to && s->depth < f->step_count) {
        int64_t time = b->time[from];
        uint32_t mask = 0;
        do /* the events of one time stamp count in funnel order */
            mask |= b->mask ? b->mask[from] : 1;
        while (++from < to && b->time[from] == time);
        if (mask & 1)
            begin(s, time);
        for (mask &= ~(uint32_t)1; mask; mask &= mask - 1)
            advance(s, (size_t)__builtin_ctz(mask), time, f->window_ms);
    }
    for (size_t k = 0; k < s->depth; k++) {
        t->counts[k]++;
        if (k)
            times_push(&t->times[k], s->best[k] - s->best[k - 1]);
    }
}
