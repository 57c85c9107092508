/*
 * store/store_check: every file of a store against all that it promises.
 *
 * Each file is first read through its handle, so that a bad sector is an error with a name and not
 * a signal; what is mapped afterwards has just been read.
 */
#include "store/store_check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "codec/bytes.h"
#include "store/batch.h"
#include "store/chunk.h"
#include "store/erasures.h"
#include "store/people_write.h"
#include "store/store_inner.h"

void check_found(struct check *c, struct str file, const char *format, ...)
{
    char what[400];
    va_list args;

    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    c->report->damaged++;
    c->options->found(c->options->context, file, str_of(what));
}

bool check_moves(struct check *c, uint64_t bytes)
{
    if (c->options->progress && !c->options->progress(c->options->context, bytes))
        c->is_stopped = true;
    return !c->is_stopped;
}

static struct str path_of(struct check *c, const struct capture_file *f)
{
    return arena_printf(c->arena, "%.*s/%.*s", STR_ARG(c->capture->dir), STR_ARG(f->name));
}

/* Errors name the file by its whole path; here its name stands beside. */
static void found_err(struct check *c, const struct capture_file *f, const struct err *e)
{
    check_found(c, f->name, "%s", e->text);
}

/* All that counts of a file, through `into` (NULL: only read). */
static bool read_all(struct check *c, const struct capture_file *f, struct buf *into)
{
    enum { PART_BYTES = 1 << 20 };
    BUF_AUTO part = {0};
    struct err e = {0};

    for (uint64_t at = 0; at < f->bytes;) {
        struct buf *room = into ? into : &part;
        size_t want = (size_t)MIN((uint64_t)PART_BYTES, f->bytes - at), got;
        char *to = buf_reserve(room, want);
        if (!os_file_read_at(f->file, at, to, want, &got, &e)) {
            found_err(c, f, &e);
            return false;
        }
        if (got < want) {
            check_found(c, f->name, "it is cut: it has %" PRIu64 " bytes, and must have %" PRIu64,
                        at + got, f->bytes);
            return false;
        }
        if (into)
            into->len += got;
        at += got;
        c->report->bytes += got;
        if (!check_moves(c, got))
            return false;
    }
    return true;
}

/* ---- the log, people, facts ---- */

/* Can the payload be read to its end? */
static bool read_batch(struct batch_reader *r, struct str payload, uint64_t *events, struct err *e)
{
    struct event event;
    struct fact fact;
    uint32_t person;

    if (!batch_read(r, payload, e))
        return false;
    while (batch_next_event(r, &event, &person, e))
        ++*events;
    if (e->kind)
        return false;
    while (batch_next_fact(r, &fact, e))
        continue;
    return e->kind == ERR_NONE;
}

struct log_check {
    struct check *check;
    struct batch_reader reader;
    uint64_t next; /* sequence that the next file must begin with; 0: any */
};

static bool check_batch(void *context, uint64_t sequence, struct str payload, struct err *e)
{
    struct log_check *l = context;

    uint64_t events = 0;
    bool ok = read_batch(&l->reader, payload, &events, e);

    if (sequence >= l->check->capture->content.marks.log_sequence) {
        l->check->report->batches++;
        l->check->report->log_events += events;
    }
    return ok;
}

static void check_log(struct log_check *l, const struct capture_file *f)
{
    struct check *c = l->check;
    const struct manifest_marks *marks = &c->capture->content.marks;
    BUF_AUTO bytes = {0};
    struct wal_end end;
    struct err e = {0};

    if (!read_all(c, f, &bytes))
        return;
    if (!wal_read(buf_str(&bytes), path_of(c, f), &c->who, f->is_last_log, check_batch, l, &end,
                  &e)) {
        found_err(c, f, &e);
        return;
    }
    if (end.head.number != f->number)
        check_found(c, f->name, "it is log file %" PRIu64 " under a wrong name", end.head.number);
    if (l->next ? end.head.first != l->next : end.head.first > marks->log_sequence)
        check_found(c, f->name,
                    "it begins with batch %" PRIu64 ", and batch %" PRIu64 " is missing",
                    end.head.first, l->next ? l->next : marks->log_sequence);
    uint64_t durable = MAX(marks->log_sequence, marks->log_durable);
    if (f->is_last_log && end.sequence < durable)
        check_found(c, f->name, "the log ends before batch %" PRIu64 ", which was durable",
                    durable - 1);
    if (f->is_last_log)
        c->report->torn_bytes = end.torn_bytes;
    l->next = end.sequence;
}

static bool head_fits(struct check *c, const struct capture_file *f, struct str bytes,
                      enum head_kind kind, uint64_t number, struct head *head)
{
    struct err e = {0};

    if (!head_read(bytes, path_of(c, f), kind, &c->who, head, &e)) {
        found_err(c, f, &e);
        return false;
    }
    if (head->number == number)
        return true;
    check_found(c, f->name, "it is file %" PRIu64 " under a wrong name", head->number);
    return false;
}

static void check_people(struct check *c, const struct capture_file *f)
{
    const struct manifest_marks *marks = &c->capture->content.marks;
    struct people *people = people_create(c->who.store);
    BUF_AUTO bytes = {0};
    struct head head;
    struct err e = {0};

    c->report->people = marks->people_count;
    if (read_all(c, f, &bytes) &&
        head_fits(c, f, buf_str(&bytes), HEAD_PEOPLE, marks->people_file, &head)) {
        struct str blocks = str_sub(buf_str(&bytes), HEAD_BYTES, bytes.len);
        if (marks->people_count >= UINT32_MAX)
            check_found(c, f->name, "the manifest counts %" PRIu64 " people", marks->people_count);
        else if (!people_load(people, blocks, path_of(c, f), head.salt,
                              (uint32_t)marks->people_count, &e))
            found_err(c, f, &e);
    }
    people_destroy(people);
}

static uint32_t get32(const char *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

/* A block of facts: u32 length and a batch without events, each. */
static bool read_facts(struct batch_reader *r, struct str facts)
{
    while (facts.len) {
        struct err e = {0};
        uint64_t events = 0;
        if (facts.len < 4 || get32(facts.at) > facts.len - 4 ||
            !read_batch(r, str_sub(facts, 4, get32(facts.at)), &events, &e) || r->event_count)
            return false;
        facts = str_sub(facts, 4 + (size_t)get32(facts.at), facts.len);
    }
    return true;
}

static void check_facts(struct check *c, const struct capture_file *f)
{
    enum { BLOCK_HEAD_BYTES = 8 };
    struct batch_reader reader = {0};
    BUF_AUTO bytes = {0};
    struct head head;

    if (!read_all(c, f, &bytes) ||
        !head_fits(c, f, buf_str(&bytes), HEAD_FACTS, c->capture->content.marks.facts_file, &head))
        return;
    for (size_t at = HEAD_BYTES; at < bytes.len;) {
        const char *block = bytes.at + at;
        size_t left = bytes.len - at;
        bool is_whole = left >= BLOCK_HEAD_BYTES && get32(block) <= left - BLOCK_HEAD_BYTES;
        size_t len = is_whole ? get32(block) : 0;
        struct str facts = {block + BLOCK_HEAD_BYTES, len};
        if (!is_whole || get32(block + 4) != crc32c(head.salt, facts.at, facts.len) ||
            !read_facts(&reader, facts)) {
            check_found(c, f->name, "it is damaged at byte %zu", at);
            break;
        }
        at += BLOCK_HEAD_BYTES + len;
    }
    batch_reader_free(&reader);
}

static bool is_erased_list(const struct capture_file *f)
{
    return f->kind == CAPTURE_OTHER && str_equal(f->name, STR(STORE_ERASURES_FILE));
}

static void check_erased(struct check *c, const struct capture_file *f)
{
    struct erasures list = {0};
    BUF_AUTO bytes = {0};
    struct err e = {0};

    if (read_all(c, f, &bytes) &&
        !erasures_read(buf_str(&bytes), path_of(c, f), &c->who, NULL, &list, &e))
        found_err(c, f, &e);
    erasures_free(&list);
}

/* ---- segments ---- */

static const struct manifest_segment *entry_of(const struct check *c, uint64_t number)
{
    const struct manifest_content *m = &c->capture->content;

    size_t i = 0;
    while (m->segments[i].number != number) /* it is there: the capture was made of these */
        i++;
    return &m->segments[i];
}

/* What the manifest and the people say of it. */
static void check_place(struct check *c, const struct capture_file *f, const struct segment *g)
{
    const struct manifest_segment *want = entry_of(c, f->number);
    const struct manifest_marks *marks = &c->capture->content.marks;

    if (g->number != want->number || g->age != want->age || g->rows != want->rows ||
        g->bytes != want->bytes || g->month_start != want->month_start)
        check_found(c, f->name, "it is not the segment that the manifest names");
    if (g->number >= marks->next_segment || g->age >= marks->next_age)
        check_found(c, f->name, "its number or age is not yet given out");
    if (g->person_count && g->persons[g->person_count - 1] >= marks->people_count)
        check_found(c, f->name, "it names person %u of %" PRIu64, g->persons[g->person_count - 1],
                    marks->people_count);
}

static void check_segment(struct check *c, const struct capture_file *f, struct segment *g)
{
    struct err e = {0};

    c->report->segments++;
    if (!read_all(c, f, NULL) || !g)
        return;
    c->report->events += g->rows;
    if (!segment_check(g, &e)) {
        found_err(c, f, &e);
        return;
    }
    check_place(c, f, g);
    c->segments[c->segment_count++] = segment_keep(g);
}

/* ---- all ---- */

/* An empty handle: the file is not there. */
static bool is_there(struct check *c, const struct capture_file *f)
{
    c->report->files++;
    if (f->file)
        return true;
    check_found(c, f->name, "it is missing");
    return false;
}

static void check_file(struct check *c, size_t at, struct log_check *log,
                       struct segment *const *opened)
{
    const struct capture_file *f = &c->capture->files[at];

    if (!is_there(c, f))
        return;
    if (is_erased_list(f)) {
        check_erased(c, f);
        return;
    }
    switch (f->kind) {
    case CAPTURE_PEOPLE:
        check_people(c, f);
        return;
    case CAPTURE_FACTS:
        check_facts(c, f);
        return;
    case CAPTURE_LOG:
        check_log(log, f);
        return;
    case CAPTURE_SEGMENT:
        check_segment(c, f, opened[at]);
        return;
    case CAPTURE_MANIFEST: /* read when it was captured */
    case CAPTURE_OTHER:
        read_all(c, f, NULL);
        return;
    }
}

static void check_all(struct check *c, struct segment *const *opened)
{
    const struct manifest_content *m = &c->capture->content;
    struct log_check log = {.check = c};
    bool has_log = false;

    for (size_t i = 0; i < c->capture->count && !c->is_stopped; i++) {
        check_file(c, i, &log, opened);
        has_log |= c->capture->files[i].kind == CAPTURE_LOG;
    }
    batch_reader_free(&log.reader);
    bool is_new = m->marks.log_file == 1 && m->marks.log_sequence == 1 && m->segment_count == 0;
    if (!has_log && !is_new && !c->is_stopped)
        check_found(c, STR_NONE, "the log is missing from batch %" PRIu64 " on",
                    m->marks.log_sequence);
    if (!c->is_stopped)
        check_ids(c);
}

/* Segments are opened at once: compaction may remove their names while others are checked. */
static struct segment **open_segments(struct check *c)
{
    const struct capture *k = c->capture;
    struct segment **list = mem_array(k->count, sizeof *list);

    for (size_t i = 0; i < k->count; i++) {
        struct err e = {0};
        if (k->files[i].kind == CAPTURE_SEGMENT && k->files[i].file &&
            !segment_open(k->os, path_of(c, &k->files[i]), c->who.project, &list[i], &e)) {
            list[i] = NULL;
            if (e.kind != ERR_NOT_FOUND)
                found_err(c, &k->files[i], &e);
        }
    }
    return list;
}

static bool run(const struct capture *k, const struct store_check_options *options,
                struct store_check_report *out, struct err *e)
{
    struct check c = {.capture = k, .options = options, .report = out, .arena = arena_create(0)};
    c.who = (struct identity){k->content.head.project, k->content.head.store};
    c.segments = mem_array(k->count, sizeof *c.segments);
    struct segment **opened = open_segments(&c);

    check_all(&c, opened);
    for (size_t i = 0; i < k->count; i++)
        segment_release(opened[i]);
    for (size_t i = 0; i < c.segment_count; i++)
        segment_release(c.segments[i]);
    mem_free(opened);
    mem_free(c.segments);
    arena_destroy(c.arena);
    return !c.is_stopped || err_set(e, ERR_BUSY, "stopped before the end");
}

/* A manifest that cannot be read is a finding, too: there is nothing else to go by. */
static bool blame_manifest(const struct store_check_options *options,
                           struct store_check_report *out, const struct err *why)
{
    out->files++;
    out->damaged++;
    options->found(options->context, STR("manifest"), str_of(why->text));
    return true;
}

bool store_check(struct store *s, const struct store_check_options *options,
                 struct store_check_report *out, struct err *e)
{
    struct capture k;

    *out = (struct store_check_report){0};
    bool ok = store_capture(s, &k, e) && run(&k, options, out, e);
    capture_free(&k);
    return ok;
}

bool store_check_dir(struct os *os, struct str dir, const struct store_check_options *options,
                     struct store_check_report *out, struct err *e)
{
    struct capture k;

    *out = (struct store_check_report){0};
    bool ok = store_capture_dir(os, dir, &k, e);
    if (ok)
        ok = run(&k, options, out, e);
    else if (e->kind == ERR_CORRUPT || e->kind == ERR_UNSUPPORTED)
        ok = blame_manifest(options, out, e);
    capture_free(&k);
    return ok;
}
