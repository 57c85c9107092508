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

double times_quantile(struct times *t, double quantile)
{
    if (!t->count)
        return NAN;
    double at = quantile * (double)(t->count - 1);
    size_t nth = (size_t)at;
    /* What an earlier selection left above its place is not looked through again. */
    select_nth(t->list, t->settled <= nth ? t->settled : 0, t->count, nth);
    t->settled = nth;
    int64_t low = t->list[nth], high = low;
    for (size_t i = nth + 1; i < t->count; i++) /* the next one: the least of the rest */
        high = i == nth + 1 || t->list[i] < high ? t->list[i] : high;
    return ((double)low + (double)(high - low) * (at - (double)nth)) / 1000;
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

static void times_merge(struct times *into, const struct times *from)
{
    if (!from->count)
        return;
    into->list = mem_grow(into->list, into->count + from->count, sizeof *into->list);
    memcpy(into->list + into->count, from->list, from->count * sizeof *into->list);
    into->count += from->count;
    into->room = into->count;
}

void tally_merge(const struct funnel *f, struct tally *into, const struct tally *from)
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
