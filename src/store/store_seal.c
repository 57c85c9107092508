/*
 * store/store_seal: images become segment files, and the log behind them goes.
 *
 * Order matters: ids, facts and segments are durable under their names first; then one record of
 * the manifest makes all of it count at once; only then log files are removed. Whatever a crash
 * leaves behind before that record is not named anywhere and goes at the next open.
 */
#include <stdlib.h>

#include "store/store_inner.h"

/* What one sealing works on. The images stay the store's until it is published. */
struct sealing {
    struct imaged *list; /* a copy of the store's first `count` */
    size_t count;
    struct people_view *people;
    struct hidden *hidden; /* their rows are left out */
    uint32_t *erased;      /* those whom the log stops to name; ascending */
    size_t erased_count;
    uint32_t people_salt, facts_salt;
    struct manifest_marks marks;
    struct segment **sorted; /* all images by (month, age) */
    size_t sorted_count;
    struct segment **made; /* opened from their files */
    size_t made_count, made_room;
    uint64_t *log_numbers; /* to be removed */
    size_t log_count;
};

int store_segment_order(const void *a, const void *b)
{
    const struct segment *x = *(struct segment *const *)a, *y = *(struct segment *const *)b;
    if (x->month_start != y->month_start)
        return x->month_start < y->month_start ? -1 : 1;
    return x->age < y->age ? -1 : x->age > y->age;
}

uint64_t store_seal_rows(const struct store *s)
{
    if (s->options.seal_rows)
        return s->options.seal_rows;
    uint64_t months = 0; /* of the stage that has most: near enough */
    for (size_t i = 0; i < s->imaged_count; i++)
        months = MAX(months, s->imaged[i].image_count);
    uint64_t rows = MAX(months * STORE_SEAL_MONTH_ROWS, (uint64_t)STORE_SEAL_ROWS_MIN);
    return MIN(rows, (uint64_t)STORE_SEAL_ROWS_MAX);
}

static bool has_images_of(const struct store *s, uint64_t rows)
{
    uint64_t log_bytes = MAX(rows * STORE_ROW_LOG_BYTES, (uint64_t)STORE_SEAL_LOG_BYTES);
    return s->imaged_work >= rows || s->imaged_log_bytes >= log_bytes;
}

bool store_seal_is_due(const struct store *s)
{
    return has_images_of(s, store_seal_rows(s));
}

bool store_seal_is_behind(const struct store *s)
{
    uint64_t rows = store_seal_rows(s);
    return has_images_of(s, rows + MIN(2 * rows, (uint64_t)STORE_SEAL_ROWS_MORE));
}

/* The log files that hold nothing but what will be sealed, and the first one that stays. */
static void choose_logs(const struct store *s, struct sealing *w)
{
    w->log_numbers = mem_array(s->log_count, sizeof *w->log_numbers);
    for (size_t i = 0; i + 1 < s->log_count && s->logs[i + 1].first <= w->marks.log_sequence; i++)
        w->log_numbers[w->log_count++] = s->logs[i].number;
    w->marks.log_file = s->logs[w->log_count].number;
}

static int ascending(const void *a, const void *b)
{
    uint32_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x < y ? -1 : x > y;
}

static void list_erased(struct sealing *w)
{
    size_t room = 0;
    for (size_t i = 0; i < w->count; i++)
        room += w->list[i].erased_count;
    w->erased = mem_array(room, sizeof *w->erased);
    for (size_t i = 0; i < w->count; i++)
        for (size_t k = 0; k < w->list[i].erased_count; k++)
            w->erased[w->erased_count++] = w->list[i].erased[k];
    if (room)
        qsort(w->erased, room, sizeof *w->erased, ascending);
}

/* False: there is nothing to seal. */
static bool begin(struct store *s, struct sealing *w)
{
    pthread_mutex_lock(&s->lock);
    w->count = s->imaged_count;
    if (w->count) {
        w->list = mem_array(w->count, sizeof *w->list);
        memcpy(w->list, s->imaged, w->count * sizeof *w->list);
        w->people = people_look(s->people);
        w->hidden = hidden_keep(s->hidden);
        w->marks = manifest_content(s->manifest)->marks;
        w->marks.log_sequence = w->list[w->count - 1].sequence_end;
        w->marks.next_age = s->next_age;
        w->marks.next_segment = MAX(w->marks.next_segment, s->numbers_from);
        choose_logs(s, w);
    }
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < w->count; i++)
        w->sorted_count += w->list[i].image_count;
    w->sorted = mem_array(w->sorted_count, sizeof *w->sorted);
    size_t n = 0;
    for (size_t i = 0; i < w->count; i++)
        for (size_t k = 0; k < w->list[i].image_count; k++)
            w->sorted[n++] = w->list[i].images[k];
    if (n)
        qsort(w->sorted, n, sizeof *w->sorted, store_segment_order);
    list_erased(w);
    w->people_salt = w->erased_count ? head_salt(s->os) : s->people_salt;
    w->facts_salt = w->erased_count ? head_salt(s->os) : s->facts_salt;
    return w->count != 0;
}

static void end(struct sealing *w)
{
    people_view_release(w->people);
    hidden_release(w->hidden);
    mem_free(w->erased);
    for (size_t i = 0; i < w->made_count; i++)
        segment_release(w->made[i]);
    mem_free(w->made);
    mem_free(w->list);
    mem_free(w->sorted);
    mem_free(w->log_numbers);
}

/* What the segments hold must be in the log durably, or a crash would leave the log behind them. */
static bool sync_log(struct store *s, struct err *e)
{
    pthread_mutex_lock(&s->writer_lock);
    bool ok = wal_unsynced_bytes(s->wal) == 0 || wal_sync(s->wal, e);
    pthread_mutex_unlock(&s->writer_lock);
    return ok;
}

/* New ids go behind the old ones; if some were erased, all go into a new file, without those. */
static bool write_people(struct store *s, struct sealing *w, struct err *e)
{
    char room[STORE_NAME_BYTES];
    BUF_AUTO blocks = {0};
    struct manifest_marks *m = &w->marks;
    uint32_t to = w->list[w->count - 1].people_end;
    if (w->erased_count)
        m->people_bytes = m->people_count = 0;
    people_encode(w->people, w->people_salt, (uint32_t)m->people_count, to, w->erased,
                  w->erased_count, &blocks);
    m->people_file = MAX(m->people_file + (w->erased_count != 0), 1);
    if (!store_extend_file(s, store_people_path(s, room, m->people_file), HEAD_PEOPLE,
                           m->people_file, &w->people_salt, buf_str(&blocks), &m->people_bytes, e))
        return err_while(e, "writing people's ids");
    m->people_count = to;
    return true;
}

static bool facts_blocks(struct store *s, struct sealing *w, struct buf *blocks, struct err *e)
{
    struct str *facts = mem_array(w->count, sizeof *facts);
    bool ok = true;
    for (size_t i = 0; i < w->count; i++)
        facts[i] = buf_str(&w->list[i].facts);
    if (w->erased_count)
        ok = store_sift_facts(s, &w->marks, facts, w->count, w->facts_salt, blocks, e);
    for (size_t i = 0; i < w->count && !w->erased_count; i++)
        store_facts_block(blocks, w->facts_salt, facts[i]);
    mem_free(facts);
    return ok;
}

static bool write_facts(struct store *s, struct sealing *w, struct err *e)
{
    char room[STORE_NAME_BYTES];
    BUF_AUTO blocks = {0};
    struct manifest_marks *m = &w->marks;
    if (!facts_blocks(s, w, &blocks, e))
        return false;
    if (w->erased_count) {
        m->facts_file++;
        m->facts_bytes = 0;
    }
    if (blocks.len == 0)
        return true;
    m->facts_file = MAX(m->facts_file, 1);
    if (!store_extend_file(s, store_facts_path(s, room, m->facts_file), HEAD_FACTS, m->facts_file,
                           &w->facts_salt, buf_str(&blocks), &m->facts_bytes, e))
        return err_while(e, "writing facts");
    return true;
}

static bool write_month(struct store *s, struct sealing *w, size_t from, size_t to, struct err *e)
{
    BUF_AUTO bytes = {0};
    uint64_t number = w->marks.next_segment;
    if (!merge_segments(w->sorted + from, to - from, s->project, number, hidden_has, w->hidden,
                        &bytes, e))
        return false;
    if (bytes.len == 0) /* all of it is erased */
        return true;
    w->marks.next_segment++;
    return store_write_segment(s, number, buf_str(&bytes), e);
}

static bool open_made(struct store *s, struct sealing *w, uint64_t from, struct err *e)
{
    char room[STORE_NAME_BYTES];
    for (uint64_t number = from; number < w->marks.next_segment; number++) {
        struct segment *g;
        if (!segment_open(s->os, store_segment_path(s, room, number), s->project, &g, e))
            return false;
        ARRAY_PUSH(w->made, w->made_count, w->made_room) = g;
    }
    return true;
}

static bool write_segments(struct store *s, struct sealing *w, struct err *e)
{
    uint64_t first = w->marks.next_segment;
    for (size_t from = 0, to; from < w->sorted_count; from = to) {
        to = from + 1;
        while (to < w->sorted_count && to - from < MERGE_SOURCES_MAX &&
               w->sorted[to]->month_start == w->sorted[from]->month_start)
            to++;
        if (!write_month(s, w, from, to, e))
            return err_while(e, "writing a segment");
    }
    return w->marks.next_segment == first ||
           (os_dir_sync(s->os, s->dir, e) && open_made(s, w, first, e));
}

struct manifest_segment store_segment_entry(const struct segment *g)
{
    return (struct manifest_segment){.number = g->number,
                                     .age = g->age,
                                     .month_start = g->month_start,
                                     .rows = g->rows,
                                     .bytes = g->bytes};
}

static bool name_in_manifest(struct store *s, struct sealing *w, struct err *e)
{
    struct manifest_segment *added = mem_array(w->made_count, sizeof *added);
    for (size_t i = 0; i < w->made_count; i++)
        added[i] = store_segment_entry(w->made[i]);
    w->marks.log_durable = MAX(w->marks.log_durable, w->marks.log_sequence); /* sync_log */
    struct manifest_edit edit = {.added = added,
                                 .added_count = w->made_count,
                                 .hidden = w->erased,
                                 .hidden_count = w->erased_count,
                                 .marks = w->marks};
    bool ok = manifest_edit(s->manifest, &edit, e);
    mem_free(added);
    if (ok) {
        s->people_salt = w->people_salt;
        s->facts_salt = w->facts_salt;
    }
    return ok;
}

/* Snapshots from now on see the segments instead of the images. */
static void publish(struct store *s, struct sealing *w)
{
    pthread_mutex_lock(&s->lock);
    s->live = mem_grow(s->live, s->live_count + w->made_count, sizeof *s->live);
    for (size_t i = 0; i < w->made_count; i++)
        s->live[s->live_count++] = segment_keep(w->made[i]);
    for (size_t i = 0; i < w->made_count; i++)
        s->sealed_bytes += w->made[i]->bytes;
    if (s->live_count)
        qsort(s->live, s->live_count, sizeof *s->live, store_segment_order);
    size_t id_count = 0;
    for (size_t i = 0; i < w->count; i++) {
        id_count += w->list[i].id_count;
        s->imaged_work -= w->list[i].work;
        s->imaged_log_bytes -= w->list[i].log_bytes;
        imaged_free(&s->imaged[i]);
    }
    s->imaged_count -= w->count;
    memmove(s->imaged, s->imaged + w->count, s->imaged_count * sizeof *s->imaged);
    ids_forget(s->ids, id_count);
    s->log_count -= w->log_count;
    memmove(s->logs, s->logs + w->log_count, s->log_count * sizeof *s->logs);
    for (size_t i = 0; i < w->erased_count; i++)
        people_blank(s->people, w->erased[i]);
    s->is_waiting_for_space = false;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

/* A log file that stays behind is older than the manifest says: the next open removes it. */
static bool remove_logs(struct store *s, struct sealing *w, struct err *e)
{
    char room[WAL_PATH_BYTES];
    for (size_t i = 0; i < w->log_count; i++)
        if (!os_remove(s->os, wal_path(room, s->dir, w->log_numbers[i]), e))
            return err_while(e, "removing a log file");
    return true;
}

/* People and facts before an erasure. Files of other numbers go at the next open, too. */
static bool remove_replaced(struct store *s, const struct manifest_marks *old, struct sealing *w,
                            struct err *e)
{
    char room[STORE_NAME_BYTES];
    if (!w->erased_count)
        return true;
    return (!old->people_file ||
            os_remove(s->os, store_people_path(s, room, old->people_file), e)) &&
           (!old->facts_file || os_remove(s->os, store_facts_path(s, room, old->facts_file), e));
}

/* Segment files that were written and are not named in the manifest. */
static void remove_made(struct store *s, uint64_t from, uint64_t to)
{
    char room[STORE_NAME_BYTES];
    struct err ignored = {0};
    for (uint64_t number = from; number < to; number++)
        (void)!os_remove(s->os, store_segment_path(s, room, number), &ignored);
}

static bool seal_once(struct store *s, struct err *e)
{
    struct sealing w = {0};
    if (!begin(s, &w)) {
        end(&w);
        return true;
    }
    uint64_t first = w.marks.next_segment;
    struct manifest_marks old = w.marks;
    bool ok = sync_log(s, e) && store_write_erasures(s, e) && write_people(s, &w, e) &&
              write_facts(s, &w, e) && write_segments(s, &w, e) && name_in_manifest(s, &w, e);
    if (!ok && e->kind == ERR_NO_SPACE)
        remove_made(s, first, w.marks.next_segment);
    if (ok) {
        publish(s, &w);
        ok = remove_logs(s, &w, e) && remove_replaced(s, &old, &w, e);
    }
    end(&w);
    return ok;
}

bool store_seal(struct store *s, struct err *e)
{
    bool ok = seal_once(s, e);
    if (!ok && e->kind == ERR_NO_SPACE && s->has_reserve) {
        store_spend_reserve(s);
        *e = (struct err){0};
        ok = seal_once(s, e);
    }
    if (ok && !s->has_reserve)
        store_keep_reserve(s);
    if (!ok && e->kind != ERR_NO_SPACE) {
        pthread_mutex_lock(&s->lock);
        store_stop(s, e);
        pthread_mutex_unlock(&s->lock);
    }
    return ok || err_while(e, "sealing %.*s", STR_ARG(s->dir));
}
