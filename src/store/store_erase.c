/*
 * store/store_erase: a person is erased: at once for everybody who asks, here; and then from every
 * file, in store_forget.c.
 *
 * An erasure is a fact in the log, so that it has its place among the events and survives a crash.
 * When it is applied, all ids of the person leave the index of people (the same id is somebody new
 * from then on), and their ordinals join `hidden`: no snapshot shows their rows any more.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "store/segment_file.h"
#include "store/store_inner.h"

/* ---- applying: under `lock`, by the writer or at the open ---- */

static void each_image(struct store *s, void (*visit)(void *context, struct segment *g),
                       void *context)
{
    for (size_t i = 0; i < s->imaged_count; i++)
        for (size_t k = 0; k < s->imaged[i].image_count; k++)
            visit(context, s->imaged[i].images[k]);
    for (size_t i = 0; i < s->preview.result.image_count; i++)
        visit(context, s->preview.result.images[i]);
}

struct leaving {
    struct store *store;
    struct hidden *who; /* only those of this erasure */
    uint64_t rows;
    struct err *e;
};

static void count_rows(void *context, struct segment *g)
{
    struct leaving *l = context;
    l->rows += hidden_row_count(l->who, g);
}

/* What has an id may come again, as somebody else's. Sealed rows are asked who they are of. */
static void cancel_ids(void *context, struct segment *g)
{
    struct leaving *l = context;
    const struct row_range *list;
    AUTO(arena) *arena = arena_create(1 << 10);
    size_t count = g->id_count ? hidden_rows(l->who, g, arena, &list) : 0;
    for (size_t i = 0; i < count && l->e->kind == ERR_NONE; i++)
        for (uint32_t row = list[i].from; row < list[i].to; row++) {
            struct event ev;
            if (!segment_event(g, row, arena, &ev, l->e))
                return;
            if (ev.id.len)
                ids_cancel(l->store->ids, event_id_hash(ev.id));
        }
}

/* Counts what goes, while it can be seen. */
static bool take_leave(struct store *s, struct leaving *l, struct err *e)
{
    l->e = e;
    if (!store_show(s, e))
        return false;
    for (size_t i = 0; i < s->live_count; i++)
        count_rows(l, s->live[i]);
    each_image(s, count_rows, l);
    each_image(s, cancel_ids, l);
    return e->kind == ERR_NONE;
}

static void list_erasure(struct store *s, struct str id, int64_t time)
{
    struct erasure x = {.time = time};
    erasure_hash(s->identity, id, x.hash);
    s->erasures_unwritten |= erasures_add(&s->erasures, &x);
}

/* The ids of the person, each as a fact by itself: what the facts file has to be cleared of. */
static void keep_ids(struct store *s, const uint32_t *list, size_t count, int64_t received)
{
    struct batch_encoder *b = store_take_encoder(s);
    for (size_t i = 0; i < count; i++) {
        struct fact f = {.kind = FACT_ERASE_ID,
                         .subject = people_id_at(s->people, list[i]),
                         .received = received,
                         .created = (int64_t)FACT_CREATED_NONE};
        store_keep_fact(s, b, &f);
        list_erasure(s, f.subject, received);
        ARRAY_PUSH(s->active->erased, s->active->erased_count, s->active->erased_room) = list[i];
    }
    store_give_encoder(s, b);
}

static bool erase_ordinals(struct store *s, const struct fact *f, const uint32_t *list,
                           size_t count, struct store_erasure *out, struct err *e)
{
    AUTO(hidden) *who = hidden_with(NULL, list, count, NULL, 0);
    struct leaving l = {.store = s, .who = who};
    struct people_erased gone = {0};
    if (!take_leave(s, &l, e))
        return false;
    keep_ids(s, list, count, f->received);
    people_erase(s->people, list, count, &gone);
    struct hidden *all = hidden_with(s->hidden, list, count, NULL, 0);
    hidden_release(s->hidden);
    s->hidden = all;
    out->was_known = true;
    out->ids += count;
    out->events += l.rows;
    out->traits += gone.traits;
    out->merges += gone.merges;
    return true;
}

bool store_erase_apply(struct store *s, const struct fact *f, bool *changed, struct err *e)
{
    struct store_erasure unused = {0};
    struct store_erasure *out = s->erasure ? s->erasure : &unused;
    const uint32_t *members = NULL;
    uint32_t ordinal;
    size_t count = 1;
    list_erasure(s, f->subject, f->received);
    if (!s->forget_since)
        s->forget_since = MAX(os_now_ms(s->os), 1);
    AUTO(people_view) *v = people_look(s->people);
    *changed = people_find(v, f->subject, &ordinal);
    if (!*changed)
        return true;
    if (f->kind == FACT_ERASE) {
        ordinal = people_unit(v, ordinal);
        count = people_members(v, ordinal, &members);
    }
    return erase_ordinals(s, f, members ? members : &ordinal, count, out, e);
}

/* ---- the list of erased ids: under list_lock ---- */

static struct str list_path(const struct store *s, char *room)
{
    return store_path(s, room, STORE_ERASURES_FILE);
}

bool store_load_erasures(struct store *s, struct err *e)
{
    char room[STORE_NAME_BYTES];
    struct identity who = {s->project, s->identity};
    struct str path = list_path(s, room), bytes;
    AUTO(arena) *arena = arena_create(0);
    if (!os_exists(s->os, path))
        return true;
    return os_read_whole(s->os, path, arena, &bytes, e) &&
           erasures_read(bytes, path, &who, NULL, &s->erasures, e);
}

bool store_write_erasures(struct store *s, struct err *e)
{
    char room[STORE_NAME_BYTES];
    struct identity who = {s->project, s->identity};
    BUF_AUTO bytes = {0};
    pthread_mutex_lock(&s->list_lock);
    pthread_mutex_lock(&s->lock);
    bool is_due = s->erasures_unwritten;
    s->erasures_unwritten = false;
    if (is_due)
        erasures_put(&s->erasures, &who, head_salt(s->os), &bytes);
    pthread_mutex_unlock(&s->lock);
    bool ok = !is_due || os_write_whole(s->os, list_path(s, room), buf_str(&bytes), e);
    if (!ok) {
        pthread_mutex_lock(&s->lock);
        s->erasures_unwritten = true;
        pthread_mutex_unlock(&s->lock);
    }
    pthread_mutex_unlock(&s->list_lock);
    return ok || err_while(e, "writing the list of erased ids");
}

/* ---- asking for it ---- */

static void hash_text(const struct store *s, struct str id, char *text)
{
    unsigned char hash[ERASURE_HASH_BYTES];
    erasure_hash(s->identity, id, hash);
    for (size_t i = 0; i < sizeof hash; i++)
        snprintf(text + 2 * i, 3, "%02x", hash[i]);
}

static bool append_facts(struct store *s, const struct fact *list, size_t count,
                         struct store_erasure *out, struct err *e)
{
    struct store_batch batch = {.facts = list, .fact_count = count};
    BUF_AUTO payload = {0};
    struct batch_encoder *b = store_take_encoder(s);
    batch_encode(b, &batch, &payload);
    store_give_encoder(s, b);
    struct item item = {.payload = buf_str(&payload), .must_sync = true, .erasure = out};
    if (!store_enqueue(s, &item, e))
        return false;
    store_wait_for(s, &item);
    if (!item.is_ok)
        *e = item.err;
    return item.is_ok;
}

/* A full disk must not keep anybody from being erased: the reserve is for that. */
static bool append_erasures(struct store *s, const struct fact *list, size_t count,
                            struct store_erasure *out, struct err *e)
{
    if (append_facts(s, list, count, out, e))
        return true;
    if (e->kind != ERR_NO_SPACE)
        return false;
    store_take_maintain_lock(s);
    store_spend_reserve(s);
    pthread_mutex_unlock(&s->maintain_lock);
    *e = (struct err){0};
    return append_facts(s, list, count, out, e);
}

/* On a full disk the list stays behind: sealing, which comes before the log may go, writes it. */
static bool write_list_if_room(struct store *s, struct err *e)
{
    if (store_write_erasures(s, e))
        return true;
    if (e->kind != ERR_NO_SPACE)
        return false;
    *e = (struct err){0};
    return true;
}

bool store_erase(struct store *s, struct str person, struct store_erasure *out, struct err *e)
{
    *out = (struct store_erasure){0};
    if (s->options.read_only)
        return err_set(e, ERR_INVALID, "%.*s is open for reading only", STR_ARG(s->dir));
    if (person.len == 0 || person.len > LIMIT_ID_BYTES)
        return err_set(e, ERR_INVALID, "a person's id of %zu bytes; it has 1 to %d", person.len,
                       LIMIT_ID_BYTES);
    out->asked = os_now_ms(s->os);
    hash_text(s, person, out->hash);
    struct fact f = {.kind = FACT_ERASE,
                     .subject = person,
                     .received = out->asked,
                     .created = (int64_t)FACT_CREATED_NONE};
    return append_erasures(s, &f, 1, out, e) && write_list_if_room(s, e);
}

/* ---- after a restore ---- */

static int by_hash(const void *a, const void *b)
{
    return memcmp(((const struct erasure *)a)->hash, ((const struct erasure *)b)->hash,
                  ERASURE_HASH_BYTES);
}

/* Those of the list that this store does not know of, by hash. */
static void keep_news(struct store *s, struct erasures *l)
{
    size_t kept = 0;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < l->count; i++)
        if (!erasures_have(&s->erasures, &l->list[i]))
            l->list[kept++] = l->list[i];
    pthread_mutex_unlock(&s->lock);
    l->count = kept;
    if (kept)
        qsort(l->list, kept, sizeof *l->list, by_hash);
}

static bool erase_listed(struct store *s, const struct erasures *news, struct store_erasure *out,
                         struct err *e)
{
    enum { TOGETHER = 1000 };
    AUTO(arena) *arena = arena_create(0);
    struct fact *facts = arena_array(arena, TOGETHER, sizeof *facts);
    size_t count = 0;
    pthread_mutex_lock(&s->lock);
    AUTO(people_view) *v = people_look(s->people);
    pthread_mutex_unlock(&s->lock);
    for (uint32_t i = 0; i < people_count(v); i++) {
        struct erasure wanted = {0};
        struct str id = people_id(v, i);
        uint32_t now;
        if (!id.len || !people_find(v, id, &now) || now != i)
            continue;
        erasure_hash(s->identity, id, wanted.hash);
        const struct erasure *x =
            bsearch(&wanted, news->list, news->count, sizeof *news->list, by_hash);
        if (!x)
            continue;
        facts[count++] = (struct fact){.kind = FACT_ERASE_ID,
                                       .subject = id,
                                       .received = x->time,
                                       .created = (int64_t)FACT_CREATED_NONE};
        if (count == TOGETHER && !append_erasures(s, facts, count, out, e))
            return false;
        count %= TOGETHER;
    }
    return !count || append_erasures(s, facts, count, out, e);
}

bool store_erasures_apply(struct store *s, struct str list_path, struct store_erasure *out,
                          struct err *e)
{
    AUTO(arena) *arena = arena_create(0);
    struct erasures news;
    struct head head;
    struct str bytes;
    *out = (struct store_erasure){.asked = os_now_ms(s->os)};
    if (!os_read_whole(s->os, list_path, arena, &bytes, e) ||
        !erasures_read(bytes, list_path, NULL, &head, &news, e))
        return false;
    if (head.store != s->identity) {
        erasures_free(&news);
        return err_set(e, ERR_CONFLICT, "%.*s is the list of another store", STR_ARG(list_path));
    }
    keep_news(s, &news);
    bool ok = !news.count || erase_listed(s, &news, out, e);
    pthread_mutex_lock(&s->lock); /* also those whom this store never knew */
    for (size_t i = 0; ok && i < news.count; i++)
        s->erasures_unwritten |= erasures_add(&s->erasures, &news.list[i]);
    pthread_mutex_unlock(&s->lock);
    erasures_free(&news);
    struct store_forgotten forgotten;
    return ok && store_write_erasures(s, e) && store_forget(s, &forgotten, e);
}

bool store_was_erased(struct store *s, struct str id)
{
    unsigned char hash[ERASURE_HASH_BYTES];
    bool is_listed = false;
    erasure_hash(s->identity, id, hash);
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->erasures.count && !is_listed; i++)
        is_listed = memcmp(s->erasures.list[i].hash, hash, sizeof hash) == 0;
    pthread_mutex_unlock(&s->lock);
    return is_listed;
}
