/* store/snapshot: a counted, immutable view, and what it knows of people. */
#include <stdlib.h>

#include "store/scan.h"
#include "store/store_inner.h"

static void add(struct snapshot *v, struct segment *g)
{
    v->segments[v->segment_count++] = segment_keep(g);
}

/* Under the store's lock, settled and previewed. */
static struct snapshot *collect(struct store *s)
{
    struct snapshot *v = mem_zero(sizeof *v);
    atomic_init(&v->references, 1);
    size_t count = s->live_count + s->preview.result.image_count;
    for (size_t i = 0; i < s->imaged_count; i++)
        count += s->imaged[i].image_count;
    v->segments = mem_array(count, sizeof *v->segments);
    for (size_t i = 0; i < s->live_count; i++)
        add(v, s->live[i]);
    for (size_t i = 0; i < s->imaged_count; i++)
        for (size_t k = 0; k < s->imaged[i].image_count; k++)
            add(v, s->imaged[i].images[k]);
    for (size_t i = 0; i < s->preview.result.image_count; i++)
        add(v, s->preview.result.images[i]);
    v->hidden = hidden_keep(s->hidden);
    v->people = people_look(s->people);
    v->state = s->changes + 1;
    return v;
}

bool store_snapshot(struct store *s, struct snapshot **out, struct err *e)
{
    pthread_mutex_lock(&s->lock);
    bool ok = store_show(s, e);
    struct snapshot *v = ok ? collect(s) : NULL;
    pthread_mutex_unlock(&s->lock);
    if (!ok)
        return err_while(e, "taking a snapshot of %.*s", STR_ARG(s->dir));
    if (v->segment_count)
        qsort(v->segments, v->segment_count, sizeof *v->segments, store_segment_order);
    *out = v;
    return true;
}

void snapshot_release(struct snapshot *v)
{
    if (!v || atomic_fetch_sub_explicit(&v->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < v->segment_count; i++)
        segment_release(v->segments[i]);
    mem_free(v->segments);
    hidden_release(v->hidden);
    people_view_release(v->people);
    mem_free(v);
}

uint64_t snapshot_state(const struct snapshot *v)
{
    return v->state;
}

uint32_t snapshot_units(const struct snapshot *v)
{
    return people_count(v->people);
}

struct str snapshot_unit_id(const struct snapshot *v, uint32_t unit)
{
    return people_id(v->people, unit);
}

bool snapshot_unit_find(const struct snapshot *v, struct str id, uint32_t *unit)
{
    uint32_t ordinal;
    if (!people_find(v->people, id, &ordinal))
        return false;
    *unit = people_unit(v->people, ordinal);
    return true;
}

struct value snapshot_trait(const struct snapshot *v, uint32_t unit, struct str name)
{
    return people_trait(v->people, unit, name);
}

int64_t snapshot_created(const struct snapshot *v, uint32_t unit)
{
    return people_created(v->people, unit);
}

int64_t snapshot_account_created(const struct snapshot *v, struct str account)
{
    return people_account_created(v->people, account);
}

struct value snapshot_account_trait(const struct snapshot *v, struct str account, struct str name)
{
    return people_account_trait(v->people, account, name);
}
