/*
 * store/store_open: opening, recovery and closing.
 *
 * Recovery only reads until all is read and checked: manifest, people, facts, segments, log. Then,
 * unless the store is read-only, it removes left-overs, cuts the log's torn tail and goes on behind
 * it. It may be interrupted at any point and done again.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "os/thread.h"
#include "store/store_inner.h"

/* ---- the parts ---- */

static struct str copy_of(struct str s)
{
    char *at = mem_zero(s.len + 1);
    if (s.len)
        memcpy(at, s.at, s.len);
    return (struct str){at, s.len};
}

static struct store *create(struct os *os, struct str dir, const struct store_options *options)
{
    struct store *s = mem_zero(sizeof *s);
    s->os = os;
    s->dir = copy_of(dir);
    s->options = *options;
    s->project = s->options.project = copy_of(options->project);
    if (!s->options.chunk_rows)
        s->options.chunk_rows = STORE_CHUNK_ROWS;
    if (!s->options.seen_segments)
        s->options.seen_segments = STORE_SEEN_SEGMENTS;
    if (!s->options.compact_bytes_per_second)
        s->options.compact_bytes_per_second = STORE_COMPACT_BYTES;
    if (!s->options.facts_bytes)
        s->options.facts_bytes = STORE_FACTS_BYTES;
    pthread_mutex_t *mutexes[] = {&s->maintain_lock, &s->writer_lock, &s->lock, &s->queue_lock,
                                  &s->list_lock};
    for (size_t i = 0; i < COUNT(mutexes); i++)
        REQUIRE(pthread_mutex_init(mutexes[i], NULL) == 0);
    pthread_cond_t *conditions[] = {&s->changed, &s->work, &s->queue_filled, &s->queue_moved};
    for (size_t i = 0; i < COUNT(conditions); i++)
        wait_init(conditions[i]);
    s->queue_end = &s->queue;
    s->ids = ids_create();
    s->arena = arena_create(0);
    return s;
}

static void destroy(struct store *s)
{
    store_preview_clear(s);
    stage_destroy(s->active);
    stage_destroy(s->frozen);
    for (size_t i = 0; i < s->imaged_count; i++)
        imaged_free(&s->imaged[i]);
    for (size_t i = 0; i < s->live_count; i++)
        segment_release(s->live[i]);
    for (size_t i = 0; i < s->encoder_count; i++)
        batch_encoder_destroy(s->encoders[i]);
    mem_free(s->imaged);
    mem_free(s->live);
    mem_free(s->apart);
    mem_free(s->encoders);
    mem_free(s->logs);
    mem_free(s->ordinals);
    mem_free(s->id_hashes);
    mem_free(s->id_keys);
    batch_reader_free(&s->reader);
    hidden_release(s->hidden);
    erasures_free(&s->erasures);
    people_destroy(s->people);
    ids_destroy(s->ids);
    store_seen_free(s);
    store_recall_end(s);
    arena_destroy(s->arena);
    wal_close(s->wal);
    manifest_close(s->manifest);
    os_file_close(s->lock_file);
    pthread_mutex_t *mutexes[] = {&s->maintain_lock, &s->writer_lock, &s->lock, &s->queue_lock,
                                  &s->list_lock};
    for (size_t i = 0; i < COUNT(mutexes); i++)
        pthread_mutex_destroy(mutexes[i]);
    pthread_cond_t *conditions[] = {&s->changed, &s->work, &s->queue_filled, &s->queue_moved};
    for (size_t i = 0; i < COUNT(conditions); i++)
        pthread_cond_destroy(conditions[i]);
    mem_free((void *)s->dir.at);
    mem_free((void *)s->project.at);
    mem_free(s);
}

/* ---- the directory ---- */

static bool take_lock(struct store *s, struct err *e)
{
    char room[STORE_NAME_BYTES];
    struct str path = store_path(s, room, "lock");
    bool is_reader = s->options.read_only;
    if (is_reader ? os_lock_shared(s->os, path, &s->lock_file, e)
                  : os_lock(s->os, path, &s->lock_file, e))
        return true;
    if (is_reader && e->kind == ERR_NOT_FOUND) { /* whoever writes makes it first */
        *e = (struct err){0};
        return true;
    }
    if (e->kind == ERR_BUSY) {
        err_set(e, ERR_BUSY, "%.*s is in use by another process", STR_ARG(s->dir));
        return err_hint(e, "stop that process, or ask it instead of opening its directory");
    }
    return false;
}

static bool is_data_file(struct str name)
{
    uint64_t number;
    return wal_name(name, &number) || store_segment_name(name, &number) ||
           str_starts(name, STR("people-")) || str_starts(name, STR("facts-"));
}

/* The directory's own name must be durable before anything in it counts. */
static bool sync_parent(struct store *s, struct err *e)
{
    struct str parent = s->dir;
    while (parent.len > 1 && parent.at[parent.len - 1] == '/')
        parent.len--;
    while (parent.len && parent.at[parent.len - 1] != '/')
        parent.len--;
    while (parent.len > 1 && parent.at[parent.len - 1] == '/')
        parent.len--;
    return os_dir_sync(s->os, parent.len ? parent : STR("."), e);
}

/* An empty directory is made anew: whether its name is durable is unknown if a sync failed, and a
 * second sync would say nothing about the first. */
static bool make_dir(struct store *s, struct err *e)
{
    AUTO(arena) *arena = arena_create(0);
    struct str *names;
    size_t count = 0;
    if (os_exists(s->os, s->dir)) {
        if (!os_dir_list(s->os, s->dir, arena, &names, &count, e))
            return false;
        if (count)
            return true;
        if (!os_remove(s->os, s->dir, e))
            return false;
    }
    return os_dir_make(s->os, s->dir, e) && sync_parent(s, e);
}

/* Data without a manifest is damage, not a new store. */
static bool refuse_orphans(struct store *s, struct err *e)
{
    AUTO(arena) *arena = arena_create(0);
    struct str *names;
    size_t count;
    if (!os_dir_list(s->os, s->dir, arena, &names, &count, e))
        return false;
    for (size_t i = 0; i < count; i++)
        if (is_data_file(names[i])) {
            err_set(e, ERR_CORRUPT, "%.*s has data files (%.*s) but no manifest", STR_ARG(s->dir),
                    STR_ARG(names[i]));
            return err_hint(e, "restore the directory from a backup");
        }
    return true;
}

static bool make_manifest(struct store *s, struct err *e)
{
    struct identity who = {.project = s->project};
    os_random(s->os, &who.store, sizeof who.store);
    return sync_parent(s, e) && manifest_create(s->os, s->dir, &who, e);
}

static bool open_manifest(struct store *s, struct err *e)
{
    if (manifest_open(s->os, s->dir, s->project, &s->manifest, e))
        return true;
    if (e->kind != ERR_NOT_FOUND)
        return false;
    *e = (struct err){0};
    bool has_dir = os_exists(s->os, s->dir);
    if ((has_dir || !s->options.or_empty) && !refuse_orphans(s, e))
        return false;
    if (s->options.read_only && s->options.or_empty) {
        s->manifest = manifest_empty(s->os, s->dir, s->project);
        return true;
    }
    if (s->options.read_only)
        return err_set(e, ERR_NOT_FOUND, "%.*s holds no store", STR_ARG(s->dir));
    return make_manifest(s, e) && manifest_open(s->os, s->dir, s->project, &s->manifest, e);
}

/* ---- people, facts, segments ---- */

/* Maps the first `bytes` of a file of ours and checks its head. */
static bool map_part(struct store *s, struct str path, enum head_kind kind, uint64_t bytes,
                     uint32_t *salt, struct os_map *map, struct str *rest, struct err *e)
{
    struct identity who = {s->project, s->identity};
    struct head head;
    if (!os_map(s->os, path, map, e)) {
        if (e->kind == ERR_NOT_FOUND)
            err_set(e, ERR_CORRUPT, "%.*s is missing", STR_ARG(path));
        return false;
    }
    if (map->len < bytes || bytes < HEAD_BYTES) {
        err_set(e, ERR_CORRUPT, "%.*s is cut: it has %zu bytes, and must have %" PRIu64,
                STR_ARG(path), map->len, bytes);
        return err_hint(e, "restore the directory from a backup");
    }
    if (!head_read((struct str){map->at, map->len}, path, kind, &who, &head, e))
        return false;
    *salt = head.salt;
    *rest = (struct str){map->at + HEAD_BYTES, bytes - HEAD_BYTES};
    return true;
}

static bool load_people(struct store *s, const struct manifest_marks *marks, struct err *e)
{
    char room[STORE_NAME_BYTES];
    struct str path = store_people_path(s, room, marks->people_file), blocks;
    s->people = people_create(s->identity);
    s->people_salt = head_salt(s->os);
    if (marks->people_bytes == 0)
        return true;
    if (marks->people_count >= UINT32_MAX)
        return err_set(e, ERR_CORRUPT, "the manifest counts %" PRIu64 " people",
                       marks->people_count);
    struct os_map map = {0};
    bool ok =
        map_part(s, path, HEAD_PEOPLE, marks->people_bytes, &s->people_salt, &map, &blocks, e) &&
        people_load(s->people, blocks, path, s->people_salt, (uint32_t)marks->people_count, e);
    people_own_map(s->people, s->os, map); /* the ids stay where they are */
    return ok;
}

static bool load_facts(struct store *s, const struct manifest_marks *marks, struct err *e)
{
    char room[STORE_NAME_BYTES];
    struct str path = store_facts_path(s, room, marks->facts_file), blocks;
    s->facts_salt = head_salt(s->os);
    if (marks->facts_bytes == 0)
        return true;
    struct os_map map = {0};
    bool ok = map_part(s, path, HEAD_FACTS, marks->facts_bytes, &s->facts_salt, &map, &blocks, e) &&
              store_read_facts(s, blocks, path, e);
    os_unmap(s->os, &map);
    return ok;
}

static bool load_segments(struct store *s, const struct manifest_content *c, struct err *e)
{
    char room[STORE_NAME_BYTES];
    s->live = mem_array(c->segment_count, sizeof *s->live);
    for (size_t i = 0; i < c->segment_count; i++) {
        const struct manifest_segment *want = &c->segments[i];
        struct str path = store_segment_path(s, room, want->number);
        struct segment *g;
        if (!segment_open(s->os, path, s->project, &g, e)) {
            if (e->kind == ERR_NOT_FOUND)
                err_set(e, ERR_CORRUPT, "%.*s is missing", STR_ARG(path));
            return false;
        }
        s->live[s->live_count++] = g;
        if (g->number != want->number || g->age != want->age || g->rows != want->rows ||
            g->bytes != want->bytes || g->month_start != want->month_start)
            return err_set(e, ERR_CORRUPT, "%.*s is not the segment that the manifest names",
                           STR_ARG(path));
    }
    if (s->live_count)
        qsort(s->live, s->live_count, sizeof *s->live, store_segment_order);
    return true;
}

/* ---- the log ---- */

struct replay {
    struct store *store;
    uint64_t from; /* first sequence that is not in the segments */
};

static bool replay_batch(void *context, uint64_t sequence, struct str payload, struct err *e)
{
    struct replay *r = context;
    struct store *s = r->store;
    if (sequence < r->from)
        return true;
    struct store_receipt receipt = {0};
    struct err inner = {0};
    pthread_mutex_lock(&s->lock);
    store_recall_batch(s, sequence);
    bool ok = store_apply(s, payload, sequence, NULL, &receipt, &inner) &&
              (!store_stage_is_full(s) || store_freeze(s, &inner));
    pthread_mutex_unlock(&s->lock);
    if (!ok)
        *e = inner;
    return ok;
}

static bool replay_file(struct store *s, uint64_t number, bool is_last, struct replay *r,
                        struct wal_end *end, struct err *e)
{
    char room[WAL_PATH_BYTES];
    struct identity who = {s->project, s->identity};
    struct str path = wal_path(room, s->dir, number);
    struct os_map map;
    if (!os_map(s->os, path, &map, e))
        return false;
    bool ok = wal_read((struct str){map.at, map.len}, path, &who, is_last, replay_batch, r, end, e);
    os_unmap(s->os, &map);
    if (ok && end->head.number != number)
        return err_set(e, ERR_CORRUPT, "%.*s is log file %" PRIu64 " under a wrong name",
                       STR_ARG(path), end->head.number);
    return ok;
}

/* Numbers of the log files from `first` on, ascending. */
static bool list_logs(struct store *s, uint64_t first, uint64_t **list, size_t *count,
                      struct err *e)
{
    AUTO(arena) *arena = arena_create(0);
    struct str *names;
    size_t name_count = 0;
    if (os_exists(s->os, s->dir) && !os_dir_list(s->os, s->dir, arena, &names, &name_count, e))
        return false;
    *list = mem_array(name_count, sizeof **list);
    *count = 0;
    for (size_t i = 0; i < name_count; i++) { /* names are sorted, and of one width */
        uint64_t number;
        if (wal_name(names[i], &number) && number >= first)
            (*list)[(*count)++] = number;
    }
    return true;
}

static bool gap(struct store *s, uint64_t number, uint64_t sequence, struct err *e)
{
    err_set(e, ERR_CORRUPT, "the log in %.*s lacks batch %" PRIu64 " (file wal-%010" PRIu64 ")",
            STR_ARG(s->dir), sequence, number);
    return err_hint(e, "restore the directory from a backup");
}

static bool replay_logs(struct store *s, const struct manifest_marks *marks, const uint64_t *list,
                        size_t count, struct wal_end *end, struct err *e)
{
    struct replay r = {s, marks->log_sequence};
    uint64_t expected = 0;
    s->fresh_from = r.from;
    for (size_t i = 0; i < count; i++) {
        if (list[i] != marks->log_file + i)
            return gap(s, marks->log_file + i, expected ? expected : r.from, e);
        if (!replay_file(s, list[i], i + 1 == count, &r, end, e))
            return false;
        if (i == 0 ? end->head.first > r.from : end->head.first != expected)
            return gap(s, list[i], i == 0 ? r.from : expected, e);
        expected = end->sequence;
        ARRAY_PUSH(s->logs, s->log_count, s->log_room) =
            (struct log_file){list[i], end->head.first, end->bytes};
    }
    if (expected < MAX(r.from, marks->log_durable) && count)
        return gap(s, list[count - 1], expected, e);
    s->torn_bytes_cut = count ? end->torn_bytes : 0;
    return true;
}

/* Only a store that was just made may lack its log. */
static bool is_new(const struct manifest_content *c)
{
    return c->marks.log_file == 1 && c->marks.log_sequence == 1 && c->segment_count == 0;
}

/* On a full disk the reserve is given up for it: the name of a log file must be sure to be there.
 */
static bool resume_log(struct store *s, const struct wal_end *end, struct err *e)
{
    char room[WAL_PATH_BYTES];
    struct str path = wal_path(room, s->dir, end->head.number);
    if (wal_resume(s->os, path, end, false, &s->wal, e))
        return true;
    if (e->kind != ERR_NO_SPACE)
        return false;
    store_spend_reserve(s);
    *e = (struct err){0};
    if (wal_resume(s->os, path, end, false, &s->wal, e))
        return true;
    if (e->kind != ERR_NO_SPACE)
        return false;
    *e = (struct err){0};
    return wal_resume(s->os, path, end, true, &s->wal, e);
}

static bool open_log(struct store *s, size_t file_count, const struct wal_end *end, struct err *e)
{
    struct identity who = {s->project, s->identity};
    if (s->options.read_only)
        return true;
    if (file_count)
        return resume_log(s, end, e);
    if (!wal_create(s->os, s->dir, &who, 1, 1, &s->wal, e))
        return false;
    ARRAY_PUSH(s->logs, s->log_count, s->log_room) = (struct log_file){1, 1, wal_bytes(s->wal)};
    return true;
}

/* Makes images of what was replayed while the next events are; as the background does later. */
static void *imager_main(void *store)
{
    struct store *s = store;
    struct err ignored = {0}; /* it stopped the store, which keeps the reason */
    pthread_mutex_lock(&s->lock);
    while (!s->is_stopped && (s->has_imager || s->frozen)) {
        if (!s->frozen)
            pthread_cond_wait(&s->work, &s->lock);
        else if (!store_settle(s, &ignored))
            break;
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* With threads where the store has any: they share nothing with the disk. */
static bool replay_together(struct store *s, const struct manifest_marks *marks,
                            const uint64_t *list, size_t count, struct wal_end *end, struct err *e)
{
    pthread_t imager;
    if (s->options.no_background || count == 0)
        return replay_logs(s, marks, list, count, end, e);
    s->has_imager = true;
    if (pthread_create(&imager, NULL, imager_main, s) != 0)
        mem_exhausted(0);
    bool ok = replay_logs(s, marks, list, count, end, e);
    pthread_mutex_lock(&s->lock);
    s->has_imager = false;
    pthread_cond_broadcast(&s->work);
    pthread_mutex_unlock(&s->lock);
    REQUIRE(pthread_join(imager, NULL) == 0);
    if (ok && s->is_stopped)
        *e = s->stop;
    return ok && !s->is_stopped;
}

static bool recover_log(struct store *s, struct err *e)
{
    const struct manifest_content *c = manifest_content(s->manifest);
    uint64_t *list = NULL;
    size_t count = 0;
    struct wal_end end = {0};
    bool ok = list_logs(s, c->marks.log_file, &list, &count, e);
    if (ok && count == 0 && !is_new(c))
        ok = gap(s, c->marks.log_file, c->marks.log_sequence, e);
    if (ok)
        store_recall(s, c->marks.log_sequence, list, count);
    ok = ok && replay_together(s, &c->marks, list, count, &end, e) && open_log(s, count, &end, e);
    store_recall_end(s);
    mem_free(list);
    return ok;
}

/* ---- left-overs ---- */

static bool is_live(const struct store *s, uint64_t number)
{
    for (size_t i = 0; i < s->live_count; i++)
        if (s->live[i]->number == number)
            return true;
    return false;
}

/* "people-7" and "facts-7": another number than the manifest's is an older or unfinished file. */
static bool is_replaced(struct str name, struct str prefix, uint64_t current)
{
    int64_t number;
    return str_starts(name, prefix) && str_to_i64(str_sub(name, prefix.len, name.len), &number) &&
           number > 0 && (uint64_t)number != current;
}

static bool is_left_over(const struct store *s, struct str name)
{
    const struct manifest_marks *marks = &manifest_content(s->manifest)->marks;
    uint64_t number;
    if (str_ends(name, STR(".tmp")))
        return true;
    if (wal_name(name, &number))
        return number < s->logs[0].number;
    if (is_replaced(name, STR("people-"), MAX(marks->people_file, 1)) ||
        is_replaced(name, STR("facts-"), MAX(marks->facts_file, 1)))
        return true;
    return store_segment_name(name, &number) && !is_live(s, number);
}

static bool remove_left_overs(struct store *s, struct err *e)
{
    AUTO(arena) *arena = arena_create(0);
    struct str *names;
    size_t count;
    if (!os_dir_list(s->os, s->dir, arena, &names, &count, e))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!is_left_over(s, names[i]))
            continue;
        struct str path = arena_printf(arena, "%.*s/%.*s", STR_ARG(s->dir), STR_ARG(names[i]));
        if (!os_remove(s->os, path, e))
            return false;
    }
    return true;
}

/* ---- opening and closing ---- */

/* What the disk holds, read and checked whole; nothing is changed but the log's torn tail, last. */
static bool recover(struct store *s, struct err *e)
{
    if (!open_manifest(s, e))
        return false;
    const struct manifest_content *c = manifest_content(s->manifest);
    s->identity = c->head.store;
    s->next_age = c->marks.next_age;
    s->has_rules = c->rule_count != 0;
    s->keep_day = INT64_MIN;
    s->opened_ms = os_now_ms(s->os);
    s->opened_ns = os_monotonic_ns(s->os);
    s->hidden = hidden_with(NULL, c->hidden, c->hidden_count, NULL, 0);
    s->forget_since = s->hidden ? 1 : 0; /* for how long is not known: at the next occasion */
    if (!load_people(s, &c->marks, e) || !load_facts(s, &c->marks, e) ||
        !store_load_erasures(s, e) || !load_segments(s, c, e))
        return false;
    s->active = stage_create(s->next_age++);
    s->active->sequence_end = c->marks.log_sequence;
    if (!recover_log(s, e))
        return false;
    if (s->options.read_only)
        return true;
    if (!manifest_resume(s->manifest, e))
        return false;
    store_keep_reserve(s);
    return remove_left_overs(s, e);
}

/* A last record that is rotten may read as a torn one, and then other files do not fit. */
static bool blame_manifest(const struct store *s, struct err *e)
{
    if (e->kind == ERR_CORRUPT && s->manifest && manifest_content(s->manifest)->torn_bytes)
        err_hint(e, "the last record of the manifest is torn or damaged, too: "
                    "restore the directory from a backup");
    return false;
}

static void start_threads(struct store *s)
{
    if (s->options.no_background || s->options.read_only)
        return;
    s->has_threads = true;
    if (pthread_create(&s->writer, NULL, store_writer_main, s) != 0 ||
        pthread_create(&s->background, NULL, store_background_main, s) != 0)
        mem_exhausted(0);
}

bool store_open(struct os *os, struct str dir, const struct store_options *options,
                struct store **out, struct err *e)
{
    enum { NAMES_BYTES = 40 }; /* the longest name of ours, and ".tmp" */
    REQUIRE(options->project.len && options->project.len <= LIMIT_PROJECT_BYTES);
    if (dir.len == 0 || dir.len > OS_PATH_BYTES - NAMES_BYTES)
        return err_set(e, ERR_INVALID, "a directory's path of %zu bytes; the limit is %d", dir.len,
                       OS_PATH_BYTES - NAMES_BYTES);
    struct store *s = create(os, dir, options);
    bool has_dir = options->read_only || make_dir(s, e);
    if (!has_dir || !take_lock(s, e) || (!recover(s, e) && !blame_manifest(s, e))) {
        destroy(s);
        return err_while(e, "opening %.*s", STR_ARG(dir));
    }
    start_threads(s);
    *out = s;
    return true;
}

/* ---- starting anew after a failure ---- */

static bool read_again(struct store *s, struct store *fresh, struct err *e)
{
    return recover(fresh, e) || blame_manifest(fresh, e) ||
           err_while(e, "opening %.*s again", STR_ARG(s->dir));
}

/* Takes over what a fresh store has read. Under all locks, with nobody making images. */
static void swap_parts(struct store *s, struct store *fresh)
{
    enum {
        FROM = offsetof(struct store, PARTS_FIRST),
        BYTES = offsetof(struct store, PARTS_END) - FROM
    };
    char spare[BYTES];
    memcpy(spare, (char *)s + FROM, BYTES);
    memcpy((char *)s + FROM, (char *)fresh + FROM, BYTES);
    memcpy((char *)fresh + FROM, spare, BYTES);
}

bool store_restart(struct store *s, struct err *e)
{
    store_take_maintain_lock(s);
    pthread_mutex_lock(&s->writer_lock);
    pthread_mutex_lock(&s->lock);
    bool is_stopped = s->is_stopped;
    pthread_mutex_unlock(&s->lock);
    bool ok = true;
    if (is_stopped) {
        struct store *fresh = create(s->os, s->dir, &s->options);
        ok = read_again(s, fresh, e);
        if (ok) {
            pthread_mutex_lock(&s->lock);
            while (s->is_imaging)
                pthread_cond_wait(&s->changed, &s->lock);
            swap_parts(s, fresh);
            s->restarts++;
            s->changes++;
            pthread_cond_broadcast(&s->changed);
            pthread_cond_broadcast(&s->work);
            pthread_mutex_unlock(&s->lock);
        }
        destroy(fresh);
    }
    pthread_mutex_unlock(&s->writer_lock);
    pthread_mutex_unlock(&s->maintain_lock);
    return ok;
}

static void join_threads(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    s->is_closing = true;
    pthread_cond_broadcast(&s->changed);
    pthread_cond_broadcast(&s->work);
    pthread_mutex_unlock(&s->lock);
    pthread_mutex_lock(&s->queue_lock);
    s->queue_is_closing = true;
    pthread_cond_broadcast(&s->queue_filled);
    pthread_cond_broadcast(&s->queue_moved);
    pthread_mutex_unlock(&s->queue_lock);
    if (s->has_threads) {
        REQUIRE(pthread_join(s->writer, NULL) == 0);
        REQUIRE(pthread_join(s->background, NULL) == 0);
    }
}

/* The manifest says how far the log goes, so that a part of it that is lost later is missed. */
static bool finish_log(struct store *s, struct err *e)
{
    struct manifest_edit edit = {.marks = manifest_content(s->manifest)->marks};
    uint64_t end = wal_next_sequence(s->wal);
    store_note_fresh(s);
    if (!wal_finish(s->wal, e))
        return false;
    bool is_said = edit.marks.log_durable >= end;
    edit.marks.log_durable = end;
    return is_said || manifest_edit(s->manifest, &edit, e);
}

void store_close(struct store *s)
{
    if (!s)
        return;
    join_threads(s);
    struct err ignored = {0}; /* what was acknowledged is durable with or without a tidy end */
    if (s->wal && !s->is_stopped && !finish_log(s, &ignored))
        s->is_stopped = true;
    destroy(s);
}

/* ---- maintenance and state ---- */

bool store_close_stage(struct store *s, struct err *e)
{
    pthread_mutex_lock(&s->writer_lock);
    pthread_mutex_lock(&s->lock);
    bool ok = !s->is_stopped || store_refuse_stopped(s, e);
    bool has_batches = s->active->has_batches;
    ok = ok && (!has_batches || store_freeze(s, e)) && store_settle(s, e);
    pthread_mutex_unlock(&s->lock);
    if (ok && wal_next_sequence(s->wal) != s->logs[s->log_count - 1].first) {
        ok = store_next_log(s, e);
        if (!ok && e->kind != ERR_NO_SPACE) {
            pthread_mutex_lock(&s->lock);
            store_stop(s, e);
            pthread_mutex_unlock(&s->lock);
        }
    }
    pthread_mutex_unlock(&s->writer_lock);
    return ok;
}

bool store_maintain(struct store *s, struct err *e)
{
    if (s->options.read_only)
        return err_set(e, ERR_INVALID, "%.*s is open for reading only", STR_ARG(s->dir));
    store_take_maintain_lock(s);
    bool ok = store_close_stage(s, e) && store_seal(s, e);
    struct store_forgotten forgotten;
    ok = ok && store_forget_step(s, false, &forgotten, e);
    for (bool did = true; ok && did;)
        ok = store_compact(s, true, &did, e);
    for (bool did = true; ok && did;)
        ok = store_learn(s, &did, e);
    pthread_mutex_unlock(&s->maintain_lock);
    return ok;
}

static uint64_t shown(const struct store *s, const struct segment *g)
{
    return g->rows - hidden_row_count(s->hidden, g);
}

void store_state(struct store *s, struct store_state *out)
{
    *out = (struct store_state){0};
    struct err ignored = {0};
    pthread_mutex_lock(&s->lock);
    /* Rows known by content count only if they are new: ask the preview where it can be made. */
    bool is_exact = store_show(s, &ignored);
    if (!is_exact || !s->preview.rows)
        out->unsealed_events = chunk_rows(s->active->chunk);
    for (size_t i = 0; is_exact && i < s->preview.result.image_count; i++)
        out->unsealed_events += shown(s, s->preview.result.images[i]);
    for (size_t i = 0; i < s->imaged_count; i++)
        for (size_t k = 0; k < s->imaged[i].image_count; k++)
            out->unsealed_events += shown(s, s->imaged[i].images[k]);
    out->events = out->unsealed_events;
    for (size_t i = 0; i < s->live_count; i++) {
        out->events += shown(s, s->live[i]);
        out->segment_bytes += s->live[i]->bytes;
    }
    for (size_t i = 0; i < s->log_count; i++)
        out->log_bytes += s->logs[i].bytes;
    out->people = people_ordinals(s->people) - people_erased_count(s->people);
    out->segments = s->live_count;
    out->sealed_bytes = s->sealed_bytes;
    out->rewritten_bytes = s->rewritten_bytes;
    out->torn_bytes_cut = s->torn_bytes_cut;
    out->restarts = s->restarts;
    out->is_stopped = s->is_stopped;
    pthread_mutex_unlock(&s->lock);
}

uint64_t store_number(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    uint64_t number = s->identity;
    pthread_mutex_unlock(&s->lock);
    return number;
}

void store_health(struct store *s, struct store_health *out)
{
    pthread_mutex_lock(&s->lock);
    *out = (struct store_health){.is_stopped = s->is_stopped,
                                 .why = s->last_stop,
                                 .restarts = s->restarts,
                                 .torn_bytes_cut = s->torn_bytes_cut};
    pthread_mutex_unlock(&s->lock);
}
