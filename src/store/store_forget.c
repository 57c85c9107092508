/*
 * store/store_forget: erased people leave the files.
 *
 * Sealing does a part of it by the way: when the log that it is about to remove holds an erasure,
 * it writes the people file anew, without the ids, and the facts file, without what they are in,
 * and names both in the manifest in the same record in which the persons become hidden. So what
 * the manifest names is always a state between two batches, and the log goes on behind it.
 *
 * The rest is segments: those that have rows of hidden persons are written anew without them, one
 * after the other; then the persons are hidden no longer, for they are gone.
 */
#include "base/intern.h"
#include "store/store_inner.h"

/* ---- the facts file without the erased ---- */

enum { BLOCK_BYTES = 16 << 20 };

struct sieve {
    struct intern *ids;
    uint64_t *erased; /* by id: number of the last fact that erases it; facts count from 1 */
    size_t room;
    uint64_t number; /* of the fact at hand */
    struct batch_reader reader;
    struct buf facts; /* that stay; u32 length, payload, each */
    struct buf *out;  /* blocks of them */
    uint32_t salt;
    bool is_second;
};

static uint64_t *erased_at(struct sieve *q, struct str id)
{
    uint32_t code = intern_put(q->ids, id);
    if (code >= q->room) {
        size_t room = MAX(q->room * 2, (size_t)code + 1024);
        q->erased = mem_grow(q->erased, room, sizeof *q->erased);
        memset(q->erased + q->room, 0, (room - q->room) * sizeof *q->erased);
        q->room = room;
    }
    return &q->erased[code];
}

/* Only ids that are erased somewhere are in the table. */
static bool goes(const struct sieve *q, struct str id)
{
    uint32_t code = intern_find(q->ids, id);
    return code != INTERN_NONE && q->erased[code] > q->number;
}

static void keep(struct sieve *q, struct str payload)
{
    buf_add_u32(&q->facts, (uint32_t)payload.len);
    buf_add(&q->facts, payload);
    if (q->facts.len < BLOCK_BYTES)
        return;
    store_facts_block(q->out, q->salt, buf_str(&q->facts));
    buf_clear(&q->facts);
}

static bool sift(void *context, const struct fact *f, struct str payload, struct err *e)
{
    struct sieve *q = context;
    bool is_erasure = f->kind == FACT_ERASE || f->kind == FACT_ERASE_ID;
    bool is_merge = f->kind == FACT_MERGE || f->kind == FACT_UNMERGE;
    (void)e;
    q->number++;
    if (!q->is_second) {
        if (is_erasure)
            *erased_at(q, f->subject) = q->number;
        return true;
    }
    bool is_of_person = f->kind != FACT_ACCOUNT_TRAITS;
    if (!is_erasure && !(is_of_person && goes(q, f->subject)) && !(is_merge && goes(q, f->other)))
        keep(q, payload);
    return true;
}

static bool sift_all(struct store *s, struct sieve *q, struct str old, struct str path,
                     const struct str *more, size_t more_count, struct err *e)
{
    q->number = 0;
    if (!store_walk_facts(&q->reader, old, path, s->facts_salt, sift, q, e))
        return false;
    for (size_t i = 0; i < more_count; i++)
        if (!store_each_fact(&q->reader, more[i], sift, q, e))
            return false;
    return true;
}

static bool map_facts(struct store *s, const struct manifest_marks *marks, struct str path,
                      struct os_map *map, struct str *blocks, struct err *e)
{
    *blocks = STR("");
    if (marks->facts_bytes == 0)
        return true;
    if (!os_map(s->os, path, map, e))
        return false;
    if (map->len < marks->facts_bytes)
        return err_set(e, ERR_CORRUPT, "%.*s is cut", STR_ARG(path));
    *blocks = (struct str){map->at + HEAD_BYTES, marks->facts_bytes - HEAD_BYTES};
    return true;
}

bool store_sift_facts(struct store *s, const struct manifest_marks *marks, const struct str *more,
                      size_t more_count, uint32_t salt, struct buf *blocks, struct err *e)
{
    char room[STORE_NAME_BYTES];
    struct str path = store_facts_path(s, room, marks->facts_file), old;
    struct os_map map = {0};
    struct sieve q = {.ids = intern_create(), .salt = salt, .out = blocks};
    bool ok =
        map_facts(s, marks, path, &map, &old, e) && sift_all(s, &q, old, path, more, more_count, e);
    q.is_second = true;
    ok = ok && sift_all(s, &q, old, path, more, more_count, e);
    if (ok)
        store_facts_block(blocks, salt, buf_str(&q.facts));
    if (map.at)
        os_unmap(s->os, &map);
    intern_destroy(q.ids);
    batch_reader_free(&q.reader);
    buf_free(&q.facts);
    mem_free(q.erased);
    return ok;
}

/* ---- segments without the erased ---- */

/* The first segment with rows of one of them; counted, or NULL. */
static struct segment *next_with(struct store *s, const struct hidden *who)
{
    struct segment *found = NULL;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->live_count && !found; i++)
        if (hidden_row_count(who, s->live[i]))
            found = segment_keep(s->live[i]);
    pthread_mutex_unlock(&s->lock);
    return found;
}

static bool rewrite_one(struct store *s, struct segment *old, const struct hidden *who,
                        bool is_paced, struct err *e)
{
    struct merge_choice choice = {.drop = hidden_has, .context = who};
    bool ok = store_rewrite(s, &old, 1, &choice, is_paced, e);
    if (ok || e->kind != ERR_NO_SPACE || !s->has_reserve)
        return ok;
    store_spend_reserve(s);
    *e = (struct err){0};
    return store_rewrite(s, &old, 1, &choice, is_paced, e);
}

static bool rewrite_all(struct store *s, const struct hidden *who, bool is_paced,
                        struct store_forgotten *out, struct err *e)
{
    for (;;) {
        AUTO(segment) *old = next_with(s, who);
        if (!old)
            return true;
        if (!rewrite_one(s, old, who, is_paced, e))
            return false;
        out->segments++;
        out->bytes += old->bytes;
    }
}

/* No file has a row of them: they need not be hidden any longer. */
static bool let_go(struct store *s, const struct hidden *who, struct err *e)
{
    struct manifest_edit edit = {
        .gone = who->list, .gone_count = who->count, .marks = manifest_content(s->manifest)->marks};
    if (!manifest_edit(s->manifest, &edit, e))
        return false;
    pthread_mutex_lock(&s->lock);
    struct hidden *rest = hidden_with(s->hidden, NULL, 0, who->list, who->count);
    hidden_release(s->hidden);
    s->hidden = rest;
    pthread_mutex_unlock(&s->lock);
    return true;
}

bool store_forget_step(struct store *s, bool is_paced, struct store_forgotten *out, struct err *e)
{
    *out = (struct store_forgotten){0};
    pthread_mutex_lock(&s->lock);
    AUTO(hidden) *who = hidden_keep(s->hidden);
    int64_t since = s->forget_since;
    pthread_mutex_unlock(&s->lock);
    /* Also when nobody is hidden: the log may name somebody who was not known. */
    if (!since && !who) {
        out->done = os_now_ms(s->os);
        return true;
    }
    out->ids = who ? who->count : 0;
    bool ok = store_close_stage(s, e) && store_seal(s, e) &&
              (!who || rewrite_all(s, who, is_paced, out, e)) && os_dir_sync(s->os, s->dir, e) &&
              (!who || let_go(s, who, e));
    pthread_mutex_lock(&s->lock);
    if (ok && s->forget_since == since && !s->hidden)
        s->forget_since = 0;
    if (!ok && e->kind != ERR_NO_SPACE && e->kind != ERR_BUSY && !s->is_stopped)
        store_stop(s, e);
    pthread_mutex_unlock(&s->lock);
    out->done = os_now_ms(s->os);
    return ok || err_while(e, "taking erased people out of the files");
}

bool store_forget_is_due(const struct store *s)
{
    return s->forget_since && os_now_ms(s->os) - s->forget_since >= STORE_FORGET_AFTER_MS;
}

bool store_forget(struct store *s, struct store_forgotten *out, struct err *e)
{
    if (s->options.read_only)
        return err_set(e, ERR_INVALID, "%.*s is open for reading only", STR_ARG(s->dir));
    store_take_maintain_lock(s);
    bool ok = store_forget_step(s, false, out, e);
    pthread_mutex_unlock(&s->maintain_lock);
    return ok;
}
