/*
 * query/funnel_unordered: steps in any order, all inside one window.
 *
 * A step's queue holds its events inside the window that ends now. An event goes to the step, of
 * those it matches, whose newest event is oldest (an empty queue first), so one event never fills
 * two steps. The result is the most steps ever present at once; its times are the oldest event of
 * each queue when that number was first reached, in order.
 */
#include "query/funnel.h"

struct queue {
    uint32_t *events;
    size_t head, count, room;
};

struct unordered {
    struct walk *w;
    struct queue queues[STEPS_MAX];
};

static void queue_push(struct queue *q, uint32_t event)
{
    if (q->head && q->head == q->count)
        q->head = q->count = 0;
    ARRAY_PUSH(q->events, q->count, q->room) = event;
}

static bool is_empty(const struct queue *q)
{
    return q->head == q->count;
}

static size_t present(const struct unordered *u)
{
    size_t n = 0;

    for (size_t s = 0; s < u->w->f->step_count; s++)
        n += !is_empty(&u->queues[s]);
    return n;
}

/* Drops what lies outside the window that ends at `time`. */
static void expire(struct unordered *u, int64_t time)
{
    for (size_t s = 0; s < u->w->f->step_count; s++) {
        struct queue *q = &u->queues[s];
        while (!is_empty(q) && time - u->w->events[q->events[q->head]].time > u->w->f->window_ms)
            q->head++;
    }
}

static void place(struct unordered *u, uint32_t event)
{
    const struct funnel_event *events = u->w->events;
    struct queue *best = NULL;

    for (size_t s = 0; s < u->w->f->step_count; s++) {
        struct queue *q = &u->queues[s];
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

static void report(struct unordered *u, size_t depth)
{
    struct walk *w = u->w;
    struct run *run = &w->best;
    uint32_t n = 0;

    *run = (struct run){.depth = (uint32_t)depth, .taken = (uint32_t)(((uint64_t)1 << depth) - 1)};
    for (size_t s = 0; s < w->f->step_count; s++) {
        if (is_empty(&u->queues[s]))
            continue;
        uint32_t event = u->queues[s].events[u->queues[s].head];
        uint32_t at = n++;
        for (; at > 0 && run->at[at - 1] > w->events[event].time; at--) { /* insertion by time */
            run->at[at] = run->at[at - 1];
            run->used[at] = run->used[at - 1];
        }
        run->at[at] = w->events[event].time;
        run->used[at] = event;
    }
    run->start = run->at[0];
    run->start_event = run->used[0];
}

/* An exclusion ends what is under way; progress made before it stays. */
static void exclude(struct unordered *u, int64_t time)
{
    struct run *best = &u->w->best;

    expire(u, time);
    if (best->depth && best->depth < u->w->f->step_count && run_in_window(u->w->f, best, time))
        best->is_excluded = true;
    for (size_t s = 0; s < u->w->f->step_count; s++)
        u->queues[s].head = u->queues[s].count = 0;
}

/* In a bucket, a window may only begin with one of the bucket's events. */
static bool may_begin(const struct unordered *u, const struct funnel_event *e)
{
    return u->w->bucket == BUCKET_ANY || e->bucket == u->w->bucket || present(u) > 0;
}

const struct run *walk_unordered(struct walk *w, const struct funnel_event *events, size_t count,
                                 uint32_t bucket)
{
    struct unordered u = {.w = w};

    w->events = events;
    w->count = count;
    w->bucket = bucket;
    w->best.depth = 0;
    w->best.is_excluded = false;
    for (uint32_t i = 0; i < count && w->best.depth < w->f->step_count; i++) {
        const struct funnel_event *e = &events[i];
        bool is_alone = (i == 0 || events[i - 1].time != e->time) &&
                        (i + 1 == count || events[i + 1].time != e->time);
        if (e->exclusions && (is_alone || !e->steps))
            exclude(&u, e->time);
        expire(&u, e->time);
        if (!e->steps || !may_begin(&u, e))
            continue;
        place(&u, i);
        size_t depth = present(&u);
        if (depth > w->best.depth || (w->f->drops && w->best.is_excluded && depth == w->best.depth))
            report(&u, depth);
    }
    for (size_t s = 0; s < w->f->step_count; s++)
        mem_free(u.queues[s].events);
    return &w->best;
}
