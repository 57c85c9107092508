/* query/funnel_tally: counting runs, and exact averages and quantiles of their times. */
#include <math.h>

#include "query/funnel.h"

void times_push(struct times *t, int64_t ms)
{
    ARRAY_PUSH(t->list, t->count, t->room) = ms;
}

void times_reserve(struct times *t, size_t more)
{
    if (t->room > t->count + more)
        return;
    t->room = (t->count + more) * 2 + 1;
    t->list = mem_grow(t->list, t->room, sizeof *t->list);
}

static double times_average(const struct times *t)
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

/*
 * Long lists: the nth smallest is found by counting. A branch for each value, which selection
 * needs, costs more than three passes without one.
 *
 * Buckets are a 32nd of their power of two wide: most people take minutes, a few take days.
 */
enum { PARTS_LOG2 = 5, PARTS = 1 << PARTS_LOG2 };
enum { BUCKETS = (65 - PARTS_LOG2) * PARTS, COUNTED_MIN = 8192, QUANTILES = 2 };

static size_t bucket_of(uint64_t above)
{
    unsigned scale = 63 - PARTS_LOG2 - (unsigned)__builtin_clzll(above | PARTS);
    return scale * PARTS + (above >> scale);
}

/* Where a place lies. When the place after it is in another bucket, `next` is that one. */
struct bucket_pair {
    size_t before; /* values in buckets below */
    size_t bucket, next;
    int64_t *list; /* the values of `bucket` */
    size_t held;
    int64_t high, low; /* the largest of `bucket`, the smallest of `next` */
};

static struct bucket_pair bucket_find(const size_t *counts, size_t nth, size_t count)
{
    struct bucket_pair p = {.high = INT64_MIN, .low = INT64_MAX};

    while (p.before + counts[p.bucket] <= nth)
        p.before += counts[p.bucket++];
    p.next = p.bucket;
    if (p.before + counts[p.bucket] == nth + 1 && nth + 1 < count)
        do
            p.next++;
        while (!counts[p.next]);
    p.list = mem_array(counts[p.bucket], sizeof *p.list);
    return p;
}

static void bucket_put(struct bucket_pair *p, size_t bucket, int64_t value)
{
    if (bucket == p->bucket) {
        p->list[p->held++] = value;
        p->high = MAX(p->high, value);
    } else if (bucket == p->next) {
        p->low = MIN(p->low, value);
    }
}

static void pairs_find(int64_t *list, size_t count, const size_t *nth, size_t quantiles,
                       int64_t pairs[][2]);

/* Values are counted by bucket; only those of the buckets in question are looked at, in the same
 * way if they are many. */
static void pairs_counted(const int64_t *list, size_t count, const size_t *nth, size_t quantiles,
                          int64_t pairs[][2])
{
    size_t counts[BUCKETS] = {0};
    uint8_t wanted[BUCKETS] = {0}; /* bit q: for quantile q */
    struct bucket_pair found[QUANTILES];
    int64_t low = list[0];

    for (size_t i = 1; i < count; i++)
        low = MIN(low, list[i]);
    for (size_t i = 0; i < count; i++)
        counts[bucket_of((uint64_t)(list[i] - low))]++;
    for (size_t q = 0; q < quantiles; q++) {
        found[q] = bucket_find(counts, nth[q], count);
        wanted[found[q].bucket] |= (uint8_t)(1U << q);
        wanted[found[q].next] |= (uint8_t)(1U << q);
    }
    for (size_t i = 0; i < count; i++) {
        size_t bucket = bucket_of((uint64_t)(list[i] - low));
        unsigned bits = wanted[bucket];
        for (size_t q = 0; UNLIKELY(bits != 0) && q < quantiles; q++)
            if (bits >> q & 1)
                bucket_put(&found[q], bucket, list[i]);
    }
    for (size_t q = 0; q < quantiles; q++) {
        struct bucket_pair *p = &found[q];
        size_t place = nth[q] - p->before;
        if (p->next != p->bucket)
            memcpy(pairs[q], (int64_t[]){p->high, p->low}, sizeof pairs[q]);
        else if (p->high == low) /* one value, however often: the smallest has its own bucket */
            memcpy(pairs[q], (int64_t[]){low, low}, sizeof pairs[q]);
        else
            pairs_find(p->list, p->held, &place, 1, &pairs[q]);
        mem_free(p->list);
    }
}

static void pairs_find(int64_t *list, size_t count, const size_t *nth, size_t quantiles,
                       int64_t pairs[][2])
{
    if (count >= COUNTED_MIN) {
        pairs_counted(list, count, nth, quantiles, pairs);
        return;
    }
    for (size_t q = 0; q < quantiles; q++)
        select_pair(list, count, nth[q], pairs[q]);
}

struct times_summary times_summarise(struct times *t)
{
    static const double quantiles[QUANTILES] = {0.5, 0.9};
    double at[QUANTILES], seconds[QUANTILES];
    int64_t pairs[QUANTILES][2];
    size_t nth[QUANTILES];

    if (!t->count)
        return (struct times_summary){NAN, NAN, NAN};
    for (size_t q = 0; q < QUANTILES; q++) {
        at[q] = quantiles[q] * (double)(t->count - 1);
        nth[q] = (size_t)at[q];
    }
    pairs_find(t->list, t->count, nth, QUANTILES, pairs);
    for (size_t q = 0; q < QUANTILES; q++)
        seconds[q] =
            ((double)pairs[q][0] + (double)(pairs[q][1] - pairs[q][0]) * (at[q] - (double)nth[q])) /
            1000;
    return (struct times_summary){times_average(t), seconds[0], seconds[1]};
}

/* Time from the last required step before `step`. */
static int64_t time_of(const struct funnel *f, const struct run *run, size_t step)
{
    size_t before = step;

    while (before > 0 && ((f->optional >> (before - 1) & 1) || !(run->taken >> (before - 1) & 1)))
        before--;
    return before ? MAX(run->places[step].at - run->places[before - 1].at, 0) : 0;
}

void tally_begin(const struct funnel *f, struct tally *t)
{
    if (t->step_count)
        return;
    t->step_count = f->step_count;
    t->times = mem_array(f->step_count, sizeof *t->times);
    t->counts = mem_array(f->step_count * 2, sizeof *t->counts);
    t->stopped = t->counts + f->step_count;
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
        times_push(&t->samples, MAX(run->places[f->to_step].at - run->places[f->from_step].at, 0));
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
    if (from->step_count)
        tally_begin(f, into);
    for (size_t s = 0; s < from->step_count; s++) {
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
    for (size_t s = 0; s < t->step_count; s++)
        mem_free(t->times[s].list);
    mem_free(t->times);
    mem_free(t->counts);
    mem_free(t->samples.list);
    mem_free(t->from);
    mem_free(t->to);
}
