/*
 * query/funnel_walk: runs through one unit's events, ordered and strict.
 *
 * entry latest keeps, for each depth, the newest run that got there: it has the latest deadline, so
 * an older one at the same depth can do nothing that it cannot. As with step 1, a step that happens
 * again before the next one counts where it happened last. The other entry rules, and totals,
 * follow one run at a time.
 */
#include "query/funnel.h"

/* What happens at one time stamp. */
struct instant {
    uint32_t *list; /* events that may fill steps */
    size_t count;
    size_t total; /* all events, for strict */
    step_set steps;
    step_set blocks; /* of exclusions that hold here */
    int64_t time;
};

void walk_free(struct walk *w)
{
    mem_free(w->instant);
    for (size_t s = 0; s < STEPS_MAX; s++)
        mem_free(w->queues[s].events);
}

static void instant_keep(struct walk *w, struct instant *n, size_t index)
{
    const struct funnel_event *e = &w->events[index];
    size_t same = 0;

    n->total++;
    if (!e->steps)
        return;
    n->steps |= e->steps;
    for (size_t i = 0; i < n->count && same < w->f->step_count; i++)
        same += w->events[n->list[i]].steps == e->steps && w->events[n->list[i]].hold == e->hold;
    if (same == w->f->step_count)
        return; /* more of a kind than there are steps can do nothing */
    if (n->count == w->instant_room) {
        w->instant_room = w->instant_room ? w->instant_room * 2 : 16;
        w->instant = mem_grow(w->instant, w->instant_room, sizeof *w->instant);
        n->list = w->instant;
    }
    n->list[n->count++] = (uint32_t)index;
}

/* With a grace: the events up to `tie_ms` before take part; an exclusion near a step does not hold.
 */
static size_t instant_with_grace(struct walk *w, size_t i, struct instant *n)
{
    const struct funnel_event *e = w->events;
    size_t from = i, to = i;
    bool is_alone = true;

    while (from > 0 && e[i].time - e[from - 1].time <= w->f->tie_ms)
        from--;
    while (to + 1 < w->count && e[to + 1].time - e[i].time <= w->f->tie_ms)
        to++;
    for (size_t k = from; k <= to; k++)
        is_alone = is_alone && (k == i || !e[k].steps);
    for (size_t k = from; k <= i; k++)
        instant_keep(w, n, k);
    n->blocks = is_alone ? e[i].blocks : 0;
    return i + 1;
}

/* Events that are all alike are taken one by one if they are exclusions; among different ones at
 * one time stamp no exclusion lies between. */
static size_t instant_next(struct walk *w, size_t i, struct instant *n)
{
    const struct funnel_event *e = w->events;
    size_t end = i + 1;
    bool alike = true;

    *n = (struct instant){.list = w->instant, .time = e[i].time};
    if (w->f->tie_ms)
        return instant_with_grace(w, i, n);
    for (; end < w->count && e[end].time == e[i].time; end++)
        alike = alike && e[end].steps == e[i].steps && e[end].exclusions == e[i].exclusions;
    if (alike && e[i].exclusions) {
        n->blocks = e[i].blocks;
        end = i + 1;
    }
    for (size_t k = i; k < end; k++)
        instant_keep(w, n, k);
    return end;
}

static bool is_complete(const struct funnel *f, const struct run *run)
{
    return run->depth == f->step_count && !run->is_excluded;
}

/* The first run that gets furthest; for `drop`, one without exclusion that gets as far. A run that
 * is anchored anew at step 1 is still the same one. */
static void best_offer(struct walk *w, const struct run *run)
{
    bool is_anchored_anew = w->f->entry == ENTRY_LATEST && run->depth == 1 && w->best.depth == 1 &&
                            !w->best.is_excluded;

    if (run->depth > w->best.depth || is_anchored_anew ||
        (w->f->drops && run->depth == w->best.depth && w->best.is_excluded && !run->is_excluded))
        run_copy(&w->best, run);
}

/* ---- entry latest ---- */

static void exclude(struct walk *w, const struct instant *n)
{
    for (uint32_t d = 1; d < w->f->step_count; d++) {
        struct run *run = &w->entered[d];
        if (!(n->blocks >> (d - 1) & 1))
            continue;
        /* Where the same run stands further on it goes on from there; the step after this one it
         * cannot repeat, or the exclusion would lie between the two. */
        if (run->depth && run_in_window(w->f, run, n->time))
            run->is_excluded = true;
        if (w->best.depth == d && run_in_window(w->f, &w->best, n->time))
            w->best.is_excluded = true;
    }
}

/* The newest run that the instant takes to `depth`; of one run, the way with most optional steps,
 * then with most of its steps in this instant. */
static bool newest_at(const struct walk *w, const struct instant *n, uint32_t depth,
                      struct run *found, bool *keeps_all)
{
    static const struct run fresh;
    struct run out;
    size_t needed = 0;
    bool is_found = false;

    for (uint32_t i = depth; i-- > 0;) {
        const struct run *run = i ? &w->entered[i] : &fresh;
        needed += i + 1 == depth || !(w->f->optional >> i & 1);
        if (needed > n->count)
            break;
        if (i && (!run->depth || run->is_excluded || !run_in_window(w->f, run, n->time) ||
                  (is_found && run->start < found->start)))
            continue;
        if (!i && !(n->steps & 1))
            break;
        if (!instant_extend(w, n->list, n->count, run, UINT32_MAX, depth, &out))
            continue;
        bool is_newer =
            !is_found || out.start > found->start ||
            (out.start == found->start && steps_in(out.taken) >= steps_in(found->taken));
        if (!is_newer)
            continue;
        run_copy(found, &out);
        *keeps_all = !i || run_gained(&out, run) == n->total;
        is_found = true;
    }
    return is_found;
}

static void latest_instant(struct walk *w, const struct instant *n)
{
    bool is_strict = w->f->order == ORDER_STRICT, is_first = true;
    struct run found;

    if (n->blocks)
        exclude(w, n);
    for (uint32_t d = (uint32_t)w->f->step_count; d > 0; d--) {
        struct run *here = &w->entered[d];
        bool keeps_all = true;
        if (!(n->steps >> (d - 1) & 1) || !newest_at(w, n, d, &found, &keeps_all)) {
            if (is_strict)
                here->depth = 0;
            continue;
        }
        bool is_blocked =
            here->depth && here->is_excluded && here->start_event == found.start_event;
        if (is_blocked) /* that run goes no further, however often it repeats the step */
            continue;
        run_copy(here, &found);
        if (is_strict && !keeps_all)
            here->depth = 0;
        if (is_first) /* the furthest that moved */
            best_offer(w, &found);
        is_first = false;
    }
}

/* No run of the bucket can move any more. */
static bool bucket_is_over(const struct walk *w, size_t i)
{
    if (w->bucket == BUCKET_ANY || w->events[i].bucket == w->bucket)
        return false;
    for (size_t d = 1; d <= w->f->step_count; d++)
        if (w->entered[d].depth && run_in_window(w->f, &w->entered[d], w->events[i].time))
            return false;
    return true;
}

static void walk_latest(struct walk *w)
{
    struct instant n;

    for (size_t d = 0; d <= w->f->step_count; d++)
        w->entered[d].depth = 0;
    for (size_t i = 0; i < w->count && !is_complete(w->f, &w->best);) {
        if (bucket_is_over(w, i))
            return;
        i = instant_next(w, i, &n);
        if (n.steps || n.blocks || w->f->order == ORDER_STRICT)
            latest_instant(w, &n);
    }
}

/* ---- one run at a time ---- */

struct follow {
    struct walk *w;
    uint32_t start_event; /* UINT32_MAX: any */
    bool re_anchors;      /* a newer step 1 replaces a run that is still there */
    bool once;            /* one run and no more */
    run_fn *each;
    void *context;
    struct run run;
    bool is_done;
};

static void follow_end(struct follow *f)
{
    if (f->run.depth)
        f->each(f->context, &f->run);
    f->run.depth = 0;
    f->is_done = f->once;
}

/* The furthest the instant takes the run, or a new one. */
static bool furthest(const struct follow *f, const struct instant *n, const struct run *run,
                     struct run *out)
{
    const struct funnel *funnel = f->w->f;

    for (uint32_t d = (uint32_t)funnel->step_count; d > run->depth; d--)
        if ((n->steps >> (d - 1) & 1) &&
            instant_extend(f->w, n->list, n->count, run, f->start_event, d, out))
            return true;
    return false;
}

static void follow_advance(struct follow *f, const struct instant *n)
{
    static const struct run fresh;
    const struct funnel *funnel = f->w->f;
    struct run further, newer;
    uint32_t depth = f->run.depth;
    bool moves = furthest(f, n, &f->run, &further);
    bool has_newer = f->re_anchors && depth == 1 && (n->steps & 1) &&
                     furthest(f, n, &fresh, &newer) && (!moves || newer.depth >= further.depth);

    if (has_newer) {
        run_copy(&f->run, &newer);
    } else if (moves) {
        bool is_broken = funnel->order == ORDER_STRICT && run_gained(&further, &f->run) != n->total;
        run_copy(&f->run, &further);
        if (is_broken) {
            follow_end(f);
            return;
        }
    } else if (funnel->order == ORDER_STRICT) {
        follow_end(f);
    }
    if (f->run.depth && is_complete(funnel, &f->run))
        follow_end(f);
}

static void follow_instant(struct follow *f, const struct instant *n)
{
    static const struct run fresh;
    const struct funnel *funnel = f->w->f;

    if (f->run.depth && !run_in_window(funnel, &f->run, n->time))
        follow_end(f);
    if (f->run.depth && (n->blocks >> (f->run.depth - 1) & 1)) {
        f->run.is_excluded = true;
        follow_end(f);
        return; /* what excludes does not begin */
    }
    if (f->run.depth) {
        follow_advance(f, n);
        if (f->run.depth || funnel->order != ORDER_STRICT)
            return;
    }
    if (f->is_done || !(n->steps & 1) || !furthest(f, n, &fresh, &f->run))
        return;
    if (is_complete(funnel, &f->run))
        follow_end(f);
}

static void follow_from(struct follow *f, size_t from)
{
    struct instant n;

    for (size_t i = from; i < f->w->count && !f->is_done;) {
        i = instant_next(f->w, i, &n);
        if (n.steps || n.blocks || f->w->f->order == ORDER_STRICT)
            follow_instant(f, &n);
        if (f->w->bucket != BUCKET_ANY && i < f->w->count && !f->run.depth &&
            f->w->events[i].bucket != f->w->bucket)
            return;
    }
    if (!f->is_done)
        follow_end(f);
}

static void follow_all(struct walk *w, bool is_people, run_fn *each, void *context)
{
    struct follow f = {.w = w, .start_event = UINT32_MAX, .each = each, .context = context};

    if (w->f->entry != ENTRY_EVERY) {
        f.re_anchors = w->f->entry == ENTRY_LATEST;
        follow_from(&f, 0);
        return;
    }
    for (size_t i = 0; i < w->count && !(is_people && is_complete(w->f, &w->best)); i++) {
        size_t from = i;
        if (!(w->events[i].steps & 1) ||
            (w->bucket != BUCKET_ANY && w->events[i].bucket != w->bucket))
            continue;
        while (from > 0 && w->events[i].time - w->events[from - 1].time <= w->f->tie_ms)
            from--;
        f = (struct follow){
            .w = w, .start_event = (uint32_t)i, .once = true, .each = each, .context = context};
        follow_from(&f, from);
    }
}

static void offer(void *context, const struct run *run)
{
    best_offer(context, run);
}

const struct run *walk_people(struct walk *w, const struct funnel_event *events, size_t count,
                              uint32_t bucket)
{
    if (w->f->order == ORDER_UNORDERED)
        return walk_unordered(w, events, count, bucket);
    w->events = events;
    w->count = count;
    w->bucket = bucket;
    w->best.depth = 0;
    w->best.is_excluded = false;
    if (w->f->entry == ENTRY_LATEST)
        walk_latest(w);
    else
        follow_all(w, true, offer, w);
    return &w->best;
}

void walk_totals(struct walk *w, const struct funnel_event *events, size_t count, run_fn *each,
                 void *context)
{
    w->events = events;
    w->count = count;
    w->bucket = BUCKET_ANY;
    follow_all(w, false, each, context);
}
