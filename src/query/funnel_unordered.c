/*
 * query/funnel_unordered: steps in any order, all inside one window.
 *
 * A step's queue holds its events inside the window that ends now. An event goes to the step, of
 * those it matches, whose newest event is oldest (an empty queue first), so one event never fills
 * two steps. The result is the most steps ever present at once; its times are the oldest event of
 * each queue when that number was first reached, in order.
 */
#include "query/funnel.h"

static void queue_push(struct step_queue *q, uint32_t event)
{
    if (q->head && q->head == q->count)
        q->head = q->count = 0;
    ARRAY_PUSH(q->events, q->count, q->room) = event;
}

static bool is_empty(const struct step_queue *q)
{
    return q->head == q->count;
}

static size_t present(const struct walk *w)
{
    size_t n = 0;

    for (size_t s = 0; s < w->f->step_count; s++)
        n += !is_empty(&w->queues[s]);
    return n;
}

/* Drops what lies outside the window that ends at `time`. */
static void expire(struct walk *w, int64_t time)
{
    for (size_t s = 0; s < w->f->step_count; s++) {
        struct step_queue *q = &w->queues[s];
        while (!is_empty(q) && time - w->events[q->events[q->head]].time > w->f->window_ms)
            q->head++;
    }
}

static void place(struct walk *w, uint32_t event)
{
    const struct funnel_event *events = w->events;
    struct step_queue *best = NULL;

    for (size_t s = 0; s < w->f->step_count; s++) {
        struct step_queue *q = &w->queues[s];
        if (!(events[event].steps >> s & 1))
            continue;
        if (!best || (is_empty(q) && !is_empty(best)) ||
            (!is_empty(q) && !is_empty(best) &&
             events[q->events[q->count - 1]].time < events[best->events[best->count - 1]].time))
            best = q;
    }
    if (best)
        queue_push(best, event);
}

static void report(struct walk *w, size_t depth)
{
    struct run *run = &w->best;
    uint32_t n = 0;

    run->depth = (uint32_t)depth;
    run->taken = step_bit(depth) - 1;
    run->is_excluded = false;
    run->hold = 0;
    for (size_t s = 0; s < w->f->step_count; s++) {
        if (is_empty(&w->queues[s]))
            continue;
        uint32_t event = w->queues[s].events[w->queues[s].head];
        uint32_t at = n++;
        for (; at > 0 && run->places[at - 1].at > w->events[event].time; at--)
            run->places[at] = run->places[at - 1]; /* insertion by time */
        run->places[at] = (struct run_place){w->events[event].time, event};
    }
    run->start = run->places[0].at;
    run->start_event = run->places[0].event;
}

/* An exclusion ends what is under way; progress made before it stays. */
static void exclude(struct walk *w, int64_t time)
{
    struct run *best = &w->best;

    expire(w, time);
    if (best->depth && best->depth < w->f->step_count && run_in_window(w->f, best, time))
        best->is_excluded = true;
    for (size_t s = 0; s < w->f->step_count; s++)
        w->queues[s].head = w->queues[s].count = 0;
}

/* In a bucket, a window may only begin with one of the bucket's events. */
static bool may_begin(const struct walk *w, const struct funnel_event *e)
{
    return w->bucket == BUCKET_ANY || e->bucket == w->bucket || present(w) > 0;
}

const struct run *walk_unordered(struct walk *w, const struct funnel_event *events, size_t count,
                                 uint32_t bucket)
{
    w->events = events;
    w->count = count;
    w->bucket = bucket;
    w->best.depth = 0;
    w->best.is_excluded = false;
    for (size_t s = 0; s < w->f->step_count; s++)
        w->queues[s].head = w->queues[s].count = 0;
    for (uint32_t i = 0; i < count && w->best.depth < w->f->step_count; i++) {
        const struct funnel_event *e = &events[i];
        bool is_alone = (i == 0 || events[i - 1].time != e->time) &&
                        (i + 1 == count || events[i + 1].time != e->time);
        if (e->exclusions && (is_alone || !e->steps))
            exclude(w, e->time);
        expire(w, e->time);
        if (!e->steps || !may_begin(w, e))
            continue;
        place(w, i);
        size_t depth = present(w);
        if (depth > w->best.depth || (w->f->drops && w->best.is_excluded && depth == w->best.depth))
            report(w, depth);
    }
    return &w->best;
}
