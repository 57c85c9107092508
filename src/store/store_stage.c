/* store/store_stage: from rows to images: stages, imaging, and the preview of the newest rows. */
#include "store/store_inner.h"

/* ---- tallies ---- */

struct tally *tally_create(void)
{
    struct tally *t = mem_zero(sizeof *t);
    t->references = 1;
    return t;
}

void tally_release(struct tally *t)
{
    if (t && --t->references == 0)
        mem_free(t);
}

/* ---- stages ---- */

struct stage *stage_create(uint64_t age)
{
    struct stage *g = mem_zero(sizeof *g);
    g->chunk = chunk_create();
    g->age = age;
    return g;
}

void stage_destroy(struct stage *g)
{
    if (!g)
        return;
    chunk_destroy(g->chunk);
    buf_free(&g->facts);
    mem_free(g->erased);
    for (size_t i = 0; i < g->tally_count; i++)
        tally_release(g->tallies[i]);
    mem_free(g->tallies);
    mem_free(g);
}

uint64_t stage_work(const struct stage *g)
{
    return MAX((uint64_t)chunk_rows(g->chunk), chunk_values(g->chunk) / STORE_ROW_VALUES);
}

uint32_t stage_origin(struct stage *g, struct tally *t)
{
    if (t->stage_age != g->age) {
        t->references++;
        ARRAY_PUSH(g->tallies, g->tally_count, g->tally_room) = t;
        t->stage_age = g->age;
        t->origin = (uint32_t)g->tally_count; /* 0 is nobody's */
    }
    return t->origin;
}

void imaged_free(struct imaged *i)
{
    for (size_t k = 0; k < i->image_count; k++)
        segment_release(i->images[k]);
    mem_free(i->images);
    buf_free(&i->facts);
    mem_free(i->erased);
    *i = (struct imaged){0};
}

/* ---- stopping ---- */

void store_stop(struct store *s, const struct err *why)
{
    if (!s->is_stopped) {
        s->is_stopped = true;
        s->stop = s->last_stop = *why;
    }
    pthread_cond_broadcast(&s->changed);
    pthread_cond_broadcast(&s->work);
}

bool store_refuse_stopped(const struct store *s, struct err *e)
{
    if (s->stop.kind == ERR_CORRUPT) {
        *e = s->stop;
        return false;
    }
    err_set(e, ERR_BUSY, "the store takes no events since a write failed: %s", s->stop.text);
    return err_hint(e, "send it again soon: the store starts anew by itself; what was acknowledged "
                       "is safe");
}

/* ---- imaging ---- */

/* All segments and images, older first, each counted once more. */
static struct segment **gather_others(struct store *s, size_t *count)
{
    size_t room = s->live_count;
    for (size_t i = 0; i < s->imaged_count; i++)
        room += s->imaged[i].image_count;
    struct segment **list = mem_array(room, sizeof *list);
    *count = 0;
    for (size_t i = 0; i < s->live_count; i++)
        list[(*count)++] = segment_keep(s->live[i]);
    for (size_t i = 0; i < s->imaged_count; i++)
        for (size_t k = 0; k < s->imaged[i].image_count; k++)
            list[(*count)++] = segment_keep(s->imaged[i].images[k]);
    return list;
}

static bool make_images(struct store *s, const struct stage *g, struct segment *const *others,
                        size_t other_count, struct chunk_result *out, struct err *e)
{
    return chunk_images(g->chunk, s->project, g->age, others, other_count,
                        (uint32_t)g->tally_count + 1, out, e);
}

static void free_others(struct segment **list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        segment_release(list[i]);
    mem_free(list);
}

/* The frozen stage's rows become images of the store; its dropped rows go into the tallies. */
static void take_images(struct store *s, struct chunk_result *r)
{
    struct stage *g = s->frozen;
    for (size_t i = 0; i < g->tally_count; i++)
        g->tallies[i]->dropped += r->dropped_by_origin[i + 1];
    struct imaged made = {
        .images = TAKE(r->images),
        .image_count = r->image_count,
        .log_bytes = g->log_bytes,
        .work = stage_work(g),
        .sequence_end = g->sequence_end,
        .people_end = g->people_end,
        .id_count = g->id_count,
        .facts = g->facts,
        .erased = TAKE(g->erased),
        .erased_count = g->erased_count,
    };
    r->image_count = 0;
    g->facts = (struct buf){0};
    for (size_t i = 0; i < made.image_count; i++)
        made.rows += made.images[i]->rows;
    s->imaged_work += made.work;
    s->imaged_log_bytes += made.log_bytes;
    ARRAY_PUSH(s->imaged, s->imaged_count, s->imaged_room) = made;
    stage_destroy(g);
    s->frozen = NULL;
}

static bool image_frozen(struct store *s, struct err *e)
{
    struct stage *g = s->frozen;
    size_t other_count;
    struct segment **others = gather_others(s, &other_count);
    s->is_imaging = true;
    pthread_mutex_unlock(&s->lock);

    struct chunk_result result = {0};
    bool ok = make_images(s, g, others, other_count, &result, e);

    pthread_mutex_lock(&s->lock);
    s->is_imaging = false;
    if (ok)
        take_images(s, &result);
    else
        store_stop(s, e);
    pthread_cond_broadcast(&s->changed);
    pthread_cond_broadcast(&s->work);
    chunk_result_free(&result);
    free_others(others, other_count);
    return ok;
}

bool store_settle(struct store *s, struct err *e)
{
    while (s->frozen) {
        if (s->is_imaging)
            pthread_cond_wait(&s->changed, &s->lock);
        else if (!image_frozen(s, e))
            return err_while(e, "sorting the newest events");
    }
    return true;
}

bool store_freeze(struct store *s, struct err *e)
{
    if (!store_settle(s, e))
        return false;
    s->frozen = s->active;
    s->frozen->people_end = people_ordinals(s->people);
    s->active = stage_create(s->next_age++);
    s->active->sequence_end = s->frozen->sequence_end;
    store_preview_clear(s);
    s->is_waiting_for_space = false; /* there may be some by now: sealing is tried again */
    if (!s->has_threads && !s->has_imager)
        return store_settle(s, e);
    pthread_cond_broadcast(&s->work);
    return true;
}

/* ---- the preview: images of the active chunk as it is now ---- */

void store_preview_clear(struct store *s)
{
    chunk_result_free(&s->preview.result);
    s->preview = (struct preview){0};
}

static bool make_preview(struct store *s, struct err *e)
{
    REQUIRE(!s->frozen);
    size_t rows = chunk_rows(s->active->chunk);
    if (s->preview.rows == rows && s->preview.age == s->active->age)
        return true;
    store_preview_clear(s);
    if (rows == 0)
        return true;
    size_t other_count;
    struct segment **others = gather_others(s, &other_count);
    bool ok = make_images(s, s->active, others, other_count, &s->preview.result, e);
    free_others(others, other_count);
    if (!ok)
        return err_while(e, "sorting the newest events");
    s->preview.rows = rows;
    s->preview.age = s->active->age;
    return true;
}

bool store_show(struct store *s, struct err *e)
{
    if (!store_settle(s, e))
        return false;
    while (chunk_rows(s->active->chunk) > STORE_PREVIEW_ROWS)
        if (!store_freeze(s, e) || !store_settle(s, e))
            return false;
    return make_preview(s, e);
}

bool store_count_dropped(struct store *s, struct tally *t, uint64_t *dropped, struct err *e)
{
    if (!store_show(s, e))
        return false;
    *dropped = t->dropped;
    if (t->stage_age == s->active->age && s->preview.rows)
        *dropped += s->preview.result.dropped_by_origin[t->origin];
    return true;
}
