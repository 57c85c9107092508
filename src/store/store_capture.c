/* store/store_capture: see store_capture.h. */
#include "store/store_capture.h"

#include <inttypes.h>

#include "store/store_inner.h"

void capture_free(struct capture *c)
{
    for (size_t i = 0; i < c->count; i++)
        os_file_close(c->files[i].file);
    mem_free(c->files);
    manifest_content_free(&c->content);
    arena_destroy(c->arena);
    *c = (struct capture){0};
}

/* Opens one file. A missing one is kept without a handle, except the manifest. */
static bool add(struct capture *c, enum capture_kind kind, struct str name, uint64_t bytes,
                struct capture_file **out, struct err *e)
{
    struct capture_file f = {.kind = kind, .name = arena_copy(c->arena, name), .bytes = bytes};
    struct str path = arena_printf(c->arena, "%.*s/%.*s", STR_ARG(c->dir), STR_ARG(name));

    if (!os_file_open(c->os, path, OS_READ, &f.file, e)) {
        if (e->kind != ERR_NOT_FOUND || kind == CAPTURE_MANIFEST)
            return false;
        *e = (struct err){0};
    }
    ARRAY_PUSH(c->files, c->count, c->room) = f;
    if (out)
        *out = &c->files[c->count - 1];
    return true;
}

static void begin(struct capture *c, struct os *os, struct str dir)
{
    *c = (struct capture){.os = os, .arena = arena_create(0)};
    c->dir = arena_copy(c->arena, dir);
}

/* Before the log: a list that knew of an erasure which the log lacks would keep a restore from
 * erasing that person again. */
static bool add_erased(struct capture *c, struct err *e)
{
    struct str path = arena_printf(c->arena, "%.*s/" STORE_ERASURES_FILE, STR_ARG(c->dir));
    struct capture_file *f;

    return !os_exists(c->os, path) || (add(c, CAPTURE_OTHER, STR(STORE_ERASURES_FILE), 0, &f, e) &&
                                       (!f->file || os_file_size(f->file, &f->bytes, e)));
}

static bool add_named(struct capture *c, struct err *e)
{
    const struct manifest_marks *m = &c->content.marks;
    struct capture_file *f;

    if (!add(c, CAPTURE_MANIFEST, STR("manifest"), c->content.bytes, NULL, e))
        return false;
    struct str people = arena_printf(c->arena, "people-%" PRIu64, m->people_file);
    if (m->people_bytes && !add(c, CAPTURE_PEOPLE, people, m->people_bytes, NULL, e))
        return false;
    struct str facts = arena_printf(c->arena, "facts-%" PRIu64, m->facts_file);
    if (m->facts_bytes && !add(c, CAPTURE_FACTS, facts, m->facts_bytes, NULL, e))
        return false;
    for (size_t i = 0; i < c->content.segment_count; i++) {
        const struct manifest_segment *g = &c->content.segments[i];
        struct str name = arena_printf(c->arena, "seg-%010" PRIu64 ".tns", g->number);
        if (!add(c, CAPTURE_SEGMENT, name, g->bytes, &f, e))
            return false;
        f->number = g->number;
    }
    return add_erased(c, e);
}

static bool is_known(const struct capture *c, struct str name)
{
    for (size_t i = 0; i < c->count; i++)
        if (str_equal(c->files[i].name, name))
            return true;
    return false;
}

/* Left-overs, and what is remade: they are not part of a store's content. */
static bool is_idle(struct str name)
{
    uint64_t number;

    return wal_name(name, &number) || store_segment_name(name, &number) ||
           str_equal(name, STR("lock")) || str_equal(name, STR("reserve")) ||
           str_starts(name, STR("people-")) || str_starts(name, STR("facts-")) ||
           str_ends(name, STR(".tmp"));
}

static bool add_others(struct capture *c, struct err *e)
{
    struct str *names;
    size_t count;

    if (!os_dir_list(c->os, c->dir, c->arena, &names, &count, e))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct capture_file *f;
        if (is_known(c, names[i]) || is_idle(names[i]))
            continue;
        if (!add(c, CAPTURE_OTHER, names[i], 0, &f, e) ||
            (f->file && !os_file_size(f->file, &f->bytes, e)))
            return false;
    }
    return true;
}

/* ---- of an open store ---- */

static void copy_content(struct capture *c, const struct manifest_content *from)
{
    c->content = *from;
    c->content.head.project = arena_copy(c->arena, from->head.project);
    c->content.hidden = NULL; /* the manifest's own bytes are what counts */
    c->content.hidden_count = c->content.hidden_room = 0;
    c->content.rules = NULL;
    c->content.rule_count = c->content.rule_room = 0;
    c->content.segments = mem_array(from->segment_count, sizeof *from->segments);
    c->content.segment_room = from->segment_count;
    if (from->segment_count)
        memcpy(c->content.segments, from->segments, from->segment_count * sizeof *from->segments);
}

/* Under writer_lock and lock: whatever was acknowledged is in these lengths. And under
 * maintain_lock: the first log is the one that the manifest names. */
static bool add_logs(struct store *s, struct capture *c, struct err *e)
{
    for (size_t i = 0; i < s->log_count; i++) {
        const struct log_file *log = &s->logs[i];
        struct str name = arena_printf(c->arena, "wal-%010" PRIu64, log->number);
        struct capture_file *f;
        if (!add(c, CAPTURE_LOG, name, log->bytes, &f, e))
            return false;
        f->number = log->number;
        f->is_last_log = i + 1 == s->log_count;
        if (f->is_last_log && s->wal)
            f->bytes = wal_bytes(s->wal);
        /* Those before it were ended with a frame that vouches for them. */
        if (!f->is_last_log && f->file && !os_file_size(f->file, &f->bytes, e))
            return false;
    }
    return true;
}

static bool capture_logs(struct store *s, struct capture *c, struct err *e)
{
    pthread_mutex_lock(&s->writer_lock);
    pthread_mutex_lock(&s->lock);
    bool ok = !s->is_stopped || store_refuse_stopped(s, e);
    pthread_mutex_unlock(&s->lock);
    if (ok && s->wal && wal_unsynced_bytes(s->wal) && !wal_sync(s->wal, e)) {
        ok = false;
        pthread_mutex_lock(&s->lock);
        store_stop(s, e);
        pthread_mutex_unlock(&s->lock);
    }
    pthread_mutex_lock(&s->lock);
    ok = ok && add_logs(s, c, e);
    c->sequence = (s->wal ? wal_next_sequence(s->wal) : s->active->sequence_end) - 1;
    pthread_mutex_unlock(&s->lock);
    pthread_mutex_unlock(&s->writer_lock);
    return ok;
}

bool store_capture(struct store *s, struct capture *out, struct err *e)
{
    begin(out, s->os, s->dir);
    store_take_maintain_lock(s);
    copy_content(out, manifest_content(s->manifest));
    bool ok = add_named(out, e) && capture_logs(s, out, e) && add_others(out, e);
    pthread_mutex_unlock(&s->maintain_lock);
    return ok;
}

/* ---- of a closed directory ---- */

static bool add_log_files(struct capture *c, struct err *e)
{
    struct str *names;
    size_t count;
    struct capture_file *f = NULL;

    if (!os_dir_list(c->os, c->dir, c->arena, &names, &count, e))
        return false;
    for (size_t i = 0; i < count; i++) { /* sorted, and of one width */
        uint64_t number;
        if (!wal_name(names[i], &number) || number < c->content.marks.log_file)
            continue;
        if (!add(c, CAPTURE_LOG, names[i], 0, &f, e) ||
            (f->file && !os_file_size(f->file, &f->bytes, e)))
            return false;
        f->number = number;
    }
    if (f)
        f->is_last_log = true;
    return true;
}

bool store_capture_dir(struct os *os, struct str dir, struct capture *out, struct err *e)
{
    struct str bytes, path;

    begin(out, os, dir);
    path = arena_printf(out->arena, "%.*s/manifest", STR_ARG(out->dir));
    if (!os_read_whole(os, path, out->arena, &bytes, e) ||
        !manifest_read(bytes, path, &out->content, e))
        return false;
    return add_named(out, e) && add_log_files(out, e) && add_others(out, e);
}
