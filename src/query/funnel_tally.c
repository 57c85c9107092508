/* query/funnel_tally: counting runs, and exact averages and quantiles of their times. */
#include <math.h>

#include "query/funnel.h"

void times_push(struct times *t, int64_t ms)
{
    ARRAY_PUSH(t->list, t->count, t->room) = ms;
}

double times_average(const struct times *t)
{
    __extension__ __int128 sum = 0;

    for (size_t i = 0; i < t->count; i++)
        sum += t->list[i];
    return t->count ? (double)sum / (double)t->count / 1000 : NAN;
}

/* Hoare's selection among list[low …]: puts the nth smallest in its place, smaller ones before it.
 */
static void select_nth(int64_t *list, size_t low, size_t count, size_t nth)
{
    size_t high = count - 1;

    while (low < high) {
        int64_t pivot = list[low + (high - low) / 2];
        size_t i = low, k = high;
        for (;;) {
            while (list[i] < pivot)
                i++;
            while (list[k] > pivot)
                k--;
            if (i >= k)
                break;
            int64_t swap = list[i];
            list[i++] = list[k];
            list[k--] = swap;
        }
        if (nth <= k)
            high = k;
        else
            low = k + 1;
    }
}

/* The nth smallest and the one after it; the same, when it is the last. */
static void select_pair(int64_t *list, size_t count, size_t nth, int64_t pair[2])
{
    select_nth(list, 0, count, nth);
    pair[0] = list[nth];
    pair[1] = nth + 1 < count ? list[nth + 1] : pair[0];
    for (size_t i = nth + 2; i < count; i++)
        pair[1] = MIN(pair[1], list[i]);
}

/* Values of a long list that may be the nth smallest, found by counting: a branch for each value,
 * which selection needs, costs more than two more passes. */
enum { BUCKETS = 1024, COUNTED_MIN = 8 * BUCKETS };

/* Least and greatest of the list, which is not empty. */
static void times_span(const struct times *t, int64_t *low, int64_t *high)
{
    *low = *high = t->list[0];
    for (size_t i = 1; i < t->count; i++) {
        *low = MIN(*low, t->list[i]);
        *high = MAX(*high, t->list[i]);
    }
}

/*
 * The nth smallest and the one after it (the same, when it is the last): values are counted by
 * their leading bits, and only those of the bucket that holds the place, and of the next one that
 * holds any, are looked at.
 */
static void pair_counted(const struct times *t, size_t nth, int64_t pair[2])
{
    size_t counts[BUCKETS] = {0}, before = 0, bucket = 0, held = 0;
    unsigned shift = 0;
    int64_t low, high;

    times_span(t, &low, &high);
    while ((uint64_t)(high - low) >> shift >= BUCKETS)
        shift++;
    for (size_t i = 0; i < t->count; i++)
        counts[(uint64_t)(t->list[i] - low) >> shift]++;
    while (before + counts[bucket] <= nth)
        before += counts[bucket++];
    size_t last = bucket;
    if (before + counts[bucket] == nth + 1 && nth + 1 < t->count)
        do
            last++;
        while (!counts[last]);
    int64_t *list = mem_array(counts[bucket] + (last > bucket ? counts[last] : 0), sizeof *list);
    for (size_t i = 0; i < t->count; i++) {
        size_t own = (uint64_t)(t->list[i] - low) >> shift;
        if (UNLIKELY(own == bucket || own == last))
            list[held++] = t->list[i];
    }
    select_pair(list, held, nth - before, pair);
    mem_free(list);
}

double times_quantile(struct times *t, double quantile)
{
    int64_t pair[2];

    if (!t->count)
        return NAN;
    double at = quantile * (double)(t->count - 1);
    size_t nth = (size_t)at;
    if (t->count < COUNTED_MIN)
        select_pair(t->list, t->count, nth, pair);
    else
        pair_counted(t, nth, pair);
    return ((double)pair[0] + (double)(pair[1] - pair[0]) * (at - (double)nth)) / 1000;
}

/* Time from the last required step before `step`. */
static int64_t time_of(const struct funnel *f, const struct run *run, size_t step)
{
    size_t before = step;

    while (before > 0 && ((f->optional >> (before - 1) & 1) || !(run->taken >> (before - 1) & 1)))
        before--;
    return before ? MAX(run->at[step] - run->at[before - 1], 0) : 0;
}

void tally_add(const struct funnel *f, struct tally *t, const struct run *run)
{
    if (!run->depth)
        return;
    if (run->is_excluded)
        t->stopped[run->depth - 1]++;
    for (size_t s = 0; s < run->depth; s++) {
        if (!(run->taken >> s & 1))
            continue;
        t->counts[s]++;
        if (s && !(f->optional >> s & 1))
            times_push(&t->times[s], time_of(f, run, s));
    }
    if (f->show == SHOW_TIME_TO_CONVERT && (run->taken >> f->to_step & 1) &&
        (run->taken >> f->from_step & 1))
        times_push(&t->samples, MAX(run->at[f->to_step] - run->at[f->from_step], 0));
}

static void times_merge(struct times *into, struct times *from)
{
    if (!from->count)
        return;
    if (!into->list) { /* taken as it is: these lists are long */
        *into = *from;
        *from = (struct times){0};
        return;
    }
    into->list = mem_grow(into->list, into->count + from->count, sizeof *into->list);
    memcpy(into->list + into->count, from->list, from->count * sizeof *into->list);
    into->count += from->count;
    into->room = into->count;
}

void tally_merge(const struct funnel *f, struct tally *into, struct tally *from)
{
    for (size_t s = 0; s < f->step_count; s++) {
        into->counts[s] += from->counts[s];
        into->stopped[s] += from->stopped[s];
        times_merge(&into->times[s], &from->times[s]);
    }
    times_merge(&into->samples, &from->samples);
    if (!from->from)
        return;
    if (!into->from) {
        into->from = mem_array(f->buckets.count, sizeof *into->from);
        into->to = mem_array(f->buckets.count, sizeof *into->to);
    }
    for (size_t i = 0; i < f->buckets.count; i++) {
        into->from[i] += from->from[i];
        into->to[i] += from->to[i];
    }
}

void tally_free(struct tally *t)
{
    for (size_t s = 0; s < STEPS_MAX; s++)
        mem_free(t->times[s].list);
    mem_free(t->samples.list);
    mem_free(t->from);
    mem_free(t->to);
}
