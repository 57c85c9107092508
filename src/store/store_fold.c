/*
 * store/store_fold: many small images become one, in memory.
 *
 * Each snapshot under steady writing leaves images of a few thousand rows behind; a question looks
 * at every one of them. So the youngest that are of similar size are merged, as segments are. What
 * else came in with them (facts, lengths of the log) adds up.
 */
#include <stdlib.h>

#include "store/store_inner.h"

/* Neighbours in s->imaged: [from, to). */
struct range {
    size_t from, to;
};

static struct range choose(const struct store *s)
{
    struct range r = {s->imaged_count, s->imaged_count};
    uint64_t rows = 0;

    while (r.from > 0 && r.to - r.from < MERGE_SOURCES_MAX &&
           (r.to - r.from < 2 || s->imaged[r.from - 1].rows <= rows))
        rows += s->imaged[--r.from].rows;
    if (r.to - r.from < STORE_FOLD_MIN)
        r.from = r.to;
    return r;
}

bool store_fold_is_due(const struct store *s)
{
    struct range r = choose(s);
    return r.from < r.to;
}

/* All images of the range, each counted, by month and age. */
static struct segment **gather(const struct store *s, struct range r, size_t *count)
{
    size_t room = 0;

    for (size_t i = r.from; i < r.to; i++)
        room += s->imaged[i].image_count;
    struct segment **list = mem_array(room, sizeof *list);
    *count = 0;
    for (size_t i = r.from; i < r.to; i++)
        for (size_t k = 0; k < s->imaged[i].image_count; k++)
            list[(*count)++] = segment_keep(s->imaged[i].images[k]);
    if (*count)
        qsort(list, *count, sizeof *list, store_segment_order);
    return list;
}

static bool merge_months(struct store *s, struct segment *const *list, size_t count,
                         struct imaged *out, struct err *e)
{
    for (size_t from = 0, to; from < count; from = to) {
        BUF_AUTO bytes = {0};
        to = from + 1;
        while (to < count && list[to]->month_start == list[from]->month_start)
            to++;
        if (!merge_segments(list + from, to - from, s->project, 0, NULL, NULL, &bytes, e))
            return false;
        out->images = mem_grow(out->images, out->image_count + 1, sizeof *out->images);
        out->images[out->image_count++] = segment_of_image(&bytes);
    }
    return true;
}

/* Under lock: the range is where it was, since only sealing takes from the list. */
static void replace(struct store *s, struct range r, struct imaged *made)
{
    const struct imaged *last = &s->imaged[r.to - 1];

    made->sequence_end = last->sequence_end;
    made->people_end = last->people_end;
    for (size_t i = r.from; i < r.to; i++) {
        struct imaged *old = &s->imaged[i];
        made->rows += old->rows;
        made->work += old->work;
        made->log_bytes += old->log_bytes;
        made->id_count += old->id_count;
        buf_add(&made->facts, buf_str(&old->facts));
        made->erased =
            mem_grow(made->erased, made->erased_count + old->erased_count, sizeof *made->erased);
        for (size_t k = 0; k < old->erased_count; k++)
            made->erased[made->erased_count++] = old->erased[k];
        imaged_free(old);
    }
    s->imaged[r.from] = *made;
    *made = (struct imaged){0};
    memmove(s->imaged + r.from + 1, s->imaged + r.to, (s->imaged_count - r.to) * sizeof *s->imaged);
    s->imaged_count -= r.to - r.from - 1;
}

bool store_fold(struct store *s, struct err *e)
{
    struct imaged made = {0};
    struct segment **list;
    size_t count;

    pthread_mutex_lock(&s->lock);
    struct range r = choose(s);
    list = gather(s, r, &count);
    pthread_mutex_unlock(&s->lock);
    bool ok = merge_months(s, list, count, &made, e);
    pthread_mutex_lock(&s->lock);
    if (ok && r.from < r.to)
        replace(s, r, &made);
    if (!ok)
        store_stop(s, e);
    pthread_mutex_unlock(&s->lock);
    imaged_free(&made);
    for (size_t i = 0; i < count; i++)
        segment_release(list[i]);
    mem_free(list);
    return ok || err_while(e, "merging the newest events of %.*s", STR_ARG(s->dir));
}
