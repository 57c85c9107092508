/* store/manifest: see manifest.h. */
#include "store/manifest.h"

#include <inttypes.h>
#include <stdio.h>

#include "codec/bytes.h"

/*
 * A record: u32 bytes of its items, u32 crc32c of what follows (starts from the file's salt), u64
 * record number, items; u32 bytes of its items again, u32 mark. Items are varints; the first says
 * which item it is.
 */
enum {
    RECORD_HEAD_BYTES = 16,
    RECORD_END_BYTES = 8,
    CHECKED_FROM = 8,
    RECORD_BYTES_MAX = 64 << 20
};
#define END_MARK 0x444E454Du /* "MEND" */
enum { ITEM_END, ITEM_ADD, ITEM_REMOVE, ITEM_MARKS, ITEM_HIDE, ITEM_GONE, ITEM_KEEP };
/* Rewritten when this long, and four times as long as need be. */
enum { REWRITE_BYTES = 64 << 10 };

struct manifest {
    struct os *os;
    struct os_file *file; /* NULL before manifest_resume */
    char path_room[OS_PATH_BYTES];
    struct str path;
    struct buf owner; /* the head's bytes: the content's project points into them */
    struct manifest_content now;
    bool is_broken;
};

static struct str manifest_path(char *room, struct str dir)
{
    int len = snprintf(room, OS_PATH_BYTES, "%.*s/manifest", STR_ARG(dir));
    REQUIRE(len > 0 && len < OS_PATH_BYTES);
    return (struct str){room, (size_t)len};
}

/* ---- items ---- */

static void put_segment(struct buf *b, const struct manifest_segment *g)
{
    varint_put(b, ITEM_ADD);
    varint_put(b, g->number);
    varint_put(b, g->age);
    varint_put(b, zigzag(g->month_start));
    varint_put(b, g->rows);
    varint_put(b, g->bytes);
}

static void put_marks(struct buf *b, const struct manifest_marks *m)
{
    const uint64_t list[] = {m->people_file, m->people_bytes, m->people_count, m->facts_file,
                             m->facts_bytes, m->log_file,     m->log_sequence, m->next_segment,
                             m->next_age,    m->log_durable};
    varint_put(b, ITEM_MARKS);
    for (size_t i = 0; i < COUNT(list); i++)
        varint_put(b, list[i]);
}

static bool get_segment(struct str *rest, struct manifest_segment *g)
{
    uint64_t month;
    bool ok = varint_get(rest, &g->number) && varint_get(rest, &g->age) &&
              varint_get(rest, &month) && varint_get(rest, &g->rows) && varint_get(rest, &g->bytes);
    g->month_start = ok ? unzigzag(month) : 0;
    return ok;
}

static bool get_marks(struct str *rest, struct manifest_marks *m)
{
    return varint_get(rest, &m->people_file) && varint_get(rest, &m->people_bytes) &&
           varint_get(rest, &m->people_count) && varint_get(rest, &m->facts_file) &&
           varint_get(rest, &m->facts_bytes) && varint_get(rest, &m->log_file) &&
           varint_get(rest, &m->log_sequence) && varint_get(rest, &m->next_segment) &&
           varint_get(rest, &m->next_age) && varint_get(rest, &m->log_durable);
}

/* ---- the list ---- */

/* Where a segment's number is, or belongs. */
static size_t place_of(const struct manifest_content *c, uint64_t number)
{
    size_t low = 0, high = c->segment_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (c->segments[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct manifest_content *c, size_t at, uint64_t number)
{
    return at < c->segment_count && c->segments[at].number == number;
}

static bool add_segment(struct manifest_content *c, const struct manifest_segment *g)
{
    size_t at = place_of(c, g->number);
    if (is_at(c, at, g->number))
        return false;
    (void)ARRAY_PUSH(c->segments, c->segment_count, c->segment_room);
    memmove(c->segments + at + 1, c->segments + at,
            (c->segment_count - 1 - at) * sizeof *c->segments);
    c->segments[at] = *g;
    return true;
}

static bool remove_segment(struct manifest_content *c, uint64_t number)
{
    size_t at = place_of(c, number);
    if (!is_at(c, at, number))
        return false;
    c->segment_count--;
    memmove(c->segments + at, c->segments + at + 1, (c->segment_count - at) * sizeof *c->segments);
    return true;
}

/* ---- erased persons whose rows are there still ---- */

static size_t hidden_place(const struct manifest_content *c, uint32_t ordinal)
{
    size_t low = 0, high = c->hidden_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (c->hidden[middle] < ordinal)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool take_hidden(struct manifest_content *c, struct str *rest, bool comes)
{
    uint64_t number;
    if (!varint_get(rest, &number) || number >= UINT32_MAX)
        return false;
    uint32_t ordinal = (uint32_t)number;
    size_t at = hidden_place(c, ordinal);
    bool is_there = at < c->hidden_count && c->hidden[at] == ordinal;
    if (is_there == comes)
        return false;
    if (comes)
        (void)ARRAY_PUSH(c->hidden, c->hidden_count, c->hidden_room);
    else
        c->hidden_count--;
    memmove(c->hidden + at + comes, c->hidden + at + !comes,
            (c->hidden_count - at - comes) * sizeof *c->hidden);
    if (comes)
        c->hidden[at] = ordinal;
    return true;
}

static void put_hidden(struct buf *b, uint64_t item, const uint32_t *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        varint_put(b, item);
        varint_put(b, list[i]);
    }
}

/* ---- how long events are kept ---- */

enum { RULE_NAME_BYTES_MAX = 65535 };

static void put_rule(struct buf *b, const struct manifest_rule *r)
{
    REQUIRE(r->name.len && r->name.len <= RULE_NAME_BYTES_MAX);
    varint_put(b, ITEM_KEEP);
    varint_put(b, r->name.len);
    buf_add(b, r->name);
    varint_put(b, r->period_ms);
}

static bool get_rule(struct str *rest, struct manifest_rule *r)
{
    uint64_t len;
    if (!varint_get(rest, &len) || len == 0 || len > RULE_NAME_BYTES_MAX || len > rest->len)
        return false;
    r->name = str_sub(*rest, 0, len);
    *rest = str_sub(*rest, len, rest->len);
    return varint_get(rest, &r->period_ms) && r->period_ms <= INT64_MAX;
}

static bool take_rule(struct manifest_content *c, struct str *rest)
{
    struct manifest_rule r;
    size_t at = 0;
    if (!get_rule(rest, &r))
        return false;
    while (at < c->rule_count && !str_equal(c->rules[at].name, r.name))
        at++;
    if (at < c->rule_count && r.period_ms) {
        c->rules[at].period_ms = r.period_ms;
    } else if (at < c->rule_count) {
        mem_free((void *)c->rules[at].name.at);
        c->rule_count--;
        memmove(c->rules + at, c->rules + at + 1, (c->rule_count - at) * sizeof *c->rules);
    } else if (r.period_ms) {
        char *name = mem_zero(r.name.len);
        memcpy(name, r.name.at, r.name.len);
        r.name.at = name;
        ARRAY_PUSH(c->rules, c->rule_count, c->rule_room) = r;
    } else {
        return false;
    }
    return true;
}

static uint64_t rule_bytes(const struct manifest_content *c)
{
    enum { ITEM_BYTES = 12 };
    uint64_t bytes = 0;
    for (size_t i = 0; i < c->rule_count; i++)
        bytes += c->rules[i].name.len + ITEM_BYTES;
    return bytes;
}

/* ---- reading ---- */

static bool take_item(struct manifest_content *c, uint64_t item, struct str *rest)
{
    struct manifest_segment g;
    uint64_t number;
    switch (item) {
    case ITEM_ADD:
        return get_segment(rest, &g) && add_segment(c, &g);
    case ITEM_REMOVE:
        return varint_get(rest, &number) && remove_segment(c, number);
    case ITEM_MARKS:
        return get_marks(rest, &c->marks);
    case ITEM_HIDE:
        return take_hidden(c, rest, true);
    case ITEM_GONE:
        return take_hidden(c, rest, false);
    case ITEM_KEEP:
        return take_rule(c, rest);
    default:
        return false;
    }
}

static bool take_items(struct manifest_content *c, struct str rest)
{
    uint64_t item;
    while (rest.len)
        if (!varint_get(&rest, &item) || !take_item(c, item, &rest))
            return false;
    return true;
}

static uint64_t whole_record(uint64_t items)
{
    return RECORD_HEAD_BYTES + items + RECORD_END_BYTES;
}

static bool record_at(struct str bytes, uint64_t at, uint32_t salt, uint64_t *number,
                      struct str *items)
{
    if (at > bytes.len || bytes.len - at < whole_record(0))
        return false;
    const char *head = bytes.at + at;
    uint32_t len, crc;
    memcpy(&len, head, 4);
    memcpy(&crc, head + 4, 4);
    memcpy(number, head + 8, 8);
    if (len > RECORD_BYTES_MAX || whole_record(len) > bytes.len - at ||
        crc != crc32c(salt, head + CHECKED_FROM, RECORD_HEAD_BYTES - CHECKED_FROM + len))
        return false;
    *items = (struct str){head + RECORD_HEAD_BYTES, len};
    return true;
}

/* Every record was durable before the next was written, so a valid one behind a bad one means that
 * the bad one is damaged, not torn. */
static bool is_followed(const struct manifest_content *c, struct str bytes)
{
    uint64_t number;
    struct str items;
    for (uint64_t at = c->bytes + 1; at + RECORD_HEAD_BYTES <= bytes.len; at++) {
        memcpy(&number, bytes.at + at + 8, sizeof number);
        if (number > c->records && number - c->records < UINT32_MAX &&
            record_at(bytes, at, c->head.salt, &number, &items))
            return true;
    }
    return false;
}

/* Did all of the bad record behind the good ones reach the disk? Its length is told twice. */
static bool was_complete(const struct manifest_content *c, struct str bytes)
{
    uint64_t at = c->bytes, left = bytes.len - at;
    uint32_t items, tail[2];
    if (left < whole_record(0))
        return false;
    memcpy(&items, bytes.at + at, sizeof items);
    if (whole_record(items) <= left && head_is_filled(bytes, at, at + whole_record(items)))
        return true;
    for (uint64_t end = at + whole_record(0); end <= bytes.len; end++) {
        memcpy(tail, bytes.at + end - RECORD_END_BYTES, sizeof tail);
        if (tail[1] == END_MARK && at + whole_record(tail[0]) == end)
            return head_is_filled(bytes, at, end);
    }
    return false;
}

static bool damaged(struct str path, uint64_t at, struct err *e)
{
    err_set(e, ERR_CORRUPT, "%.*s is damaged at byte %" PRIu64, STR_ARG(path), at);
    return err_hint(e, "restore the directory from a backup");
}

bool manifest_read(struct str bytes, struct str path, struct manifest_content *out, struct err *e)
{
    *out = (struct manifest_content){0};
    if (!head_read(bytes, path, HEAD_MANIFEST, NULL, &out->head, e))
        return false;
    out->bytes = HEAD_BYTES;
    uint64_t number;
    struct str items;
    while (record_at(bytes, out->bytes, out->head.salt, &number, &items) &&
           number == out->records) {
        if (!take_items(out, items))
            return damaged(path, out->bytes, e);
        out->records++;
        out->bytes += whole_record(items.len);
    }
    out->torn_bytes = bytes.len - out->bytes;
    /* The first record came into being with the file: it cannot be torn. */
    if (out->records == 0 || is_followed(out, bytes) || was_complete(out, bytes))
        return damaged(path, out->bytes, e);
    return true;
}

void manifest_content_free(struct manifest_content *c)
{
    mem_free(c->segments);
    mem_free(c->hidden);
    for (size_t i = 0; i < c->rule_count; i++)
        mem_free((void *)c->rules[i].name.at);
    mem_free(c->rules);
    *c = (struct manifest_content){0};
}

/* ---- writing ---- */

static void put_record(struct buf *b, uint32_t salt, uint64_t number, struct str items)
{
    REQUIRE(items.len <= RECORD_BYTES_MAX);
    uint32_t crc = crc32c(salt, &number, sizeof number);
    crc = crc32c(crc, items.at, items.len);
    buf_add_u32(b, (uint32_t)items.len);
    buf_add_u32(b, crc);
    buf_add_u64(b, number);
    buf_add(b, items);
    buf_add_u32(b, (uint32_t)items.len);
    buf_add_u32(b, END_MARK);
}

/* A manifest of one record. */
static bool write_whole(struct os *os, struct str path, const struct identity *who, uint32_t salt,
                        const struct manifest_content *c, uint64_t *bytes, struct err *e)
{
    BUF_AUTO file = {0};
    BUF_AUTO items = {0};
    head_put(&file, &(struct head){.kind = HEAD_MANIFEST,
                                   .salt = salt,
                                   .store = who->store,
                                   .project = who->project});
    put_marks(&items, &c->marks);
    for (size_t i = 0; i < c->segment_count; i++)
        put_segment(&items, &c->segments[i]);
    put_hidden(&items, ITEM_HIDE, c->hidden, c->hidden_count);
    for (size_t i = 0; i < c->rule_count; i++)
        put_rule(&items, &c->rules[i]);
    put_record(&file, salt, 0, buf_str(&items));
    *bytes = file.len;
    return os_write_whole(os, path, buf_str(&file), e);
}

static const struct manifest_marks marks_of_new = {
    .log_file = 1, .log_sequence = 1, .next_segment = 1, .next_age = 1, .log_durable = 1};

bool manifest_create(struct os *os, struct str dir, const struct identity *who, struct err *e)
{
    char room[OS_PATH_BYTES];
    struct manifest_content empty = {.marks = marks_of_new};
    uint64_t bytes;
    if (!write_whole(os, manifest_path(room, dir), who, head_salt(os), &empty, &bytes, e))
        return err_while(e, "starting the manifest");
    return true;
}

bool manifest_open(struct os *os, struct str dir, struct str project, struct manifest **out,
                   struct err *e)
{
    AUTO(manifest) *m = mem_zero(sizeof *m);
    AUTO(arena) *arena = arena_create(0);
    struct str bytes;
    m->os = os;
    m->path = manifest_path(m->path_room, dir);
    if (!os_read_whole(os, m->path, arena, &bytes, e) || !manifest_read(bytes, m->path, &m->now, e))
        return false;
    struct str owner = m->now.head.project;
    if (!str_equal(owner, project)) {
        err_set(e, ERR_CONFLICT, "%.*s holds project \"%.*s\", not \"%.*s\"", STR_ARG(dir),
                STR_ARG(owner), STR_ARG(project));
        return err_hint(e, "name that project, or use another directory");
    }
    buf_add(&m->owner, owner);
    m->now.head.project = buf_str(&m->owner);
    *out = TAKE(m);
    return true;
}

struct manifest *manifest_empty(struct os *os, struct str dir, struct str project)
{
    struct manifest *m = mem_zero(sizeof *m);
    m->os = os;
    m->path = manifest_path(m->path_room, dir);
    buf_add(&m->owner, project);
    m->now.head.project = buf_str(&m->owner);
    m->now.marks = marks_of_new;
    return m;
}

void manifest_close(struct manifest *m)
{
    if (!m)
        return;
    os_file_close(m->file);
    manifest_content_free(&m->now);
    buf_free(&m->owner);
    mem_free(m);
}

const struct manifest_content *manifest_content(const struct manifest *m)
{
    return &m->now;
}

static bool refuse_broken(struct err *e)
{
    return err_set(e, ERR_BUSY, "the manifest stopped after a failed write");
}

static bool append(struct manifest *m, struct str items, struct err *e)
{
    BUF_AUTO record = {0};
    put_record(&record, m->now.head.salt, m->now.records, items);
    struct str part = buf_str(&record);
    if (!os_file_write_at(m->file, m->now.bytes, &part, 1, e)) {
        struct err ignored = {0};
        /* The cut is synced: a record goes where there is nothing, or torn ones look damaged. */
        if (e->kind != ERR_NO_SPACE || !os_file_truncate(m->file, m->now.bytes, &ignored) ||
            !os_file_sync(m->file, &ignored))
            m->is_broken = true;
        return err_while(e, "writing the manifest");
    }
    if (!os_file_sync(m->file, e)) {
        m->is_broken = true; /* durable or not: nobody knows until it is read again */
        e->kind = ERR_IO;
        return err_while(e, "syncing the manifest");
    }
    m->now.records++;
    m->now.bytes += record.len;
    return true;
}

/* Is the file that the name stands for still the one we hold? */
static bool name_is_ours(struct manifest *m)
{
    char bytes[HEAD_BYTES];
    size_t got;
    struct head head;
    struct err ignored = {0};
    AUTO(os_file) *file = NULL;
    return os_file_open(m->os, m->path, OS_READ, &file, &ignored) &&
           os_file_read_at(file, 0, bytes, sizeof bytes, &got, &ignored) &&
           head_read((struct str){bytes, got}, m->path, HEAD_MANIFEST, NULL, &head, &ignored) &&
           head.salt == m->now.head.salt;
}

/* One record in a file of its own, under the old name. After a failure `is_broken` says whether it
 * is unsure which file the name stands for. */
static bool rewrite(struct manifest *m, struct err *e)
{
    struct identity who = {m->now.head.project, m->now.head.store};
    uint32_t salt = head_salt(m->os);
    uint64_t bytes;
    AUTO(os_file) *file = NULL;
    if (!write_whole(m->os, m->path, &who, salt, &m->now, &bytes, e) ||
        !os_file_open(m->os, m->path, OS_WRITE, &file, e)) {
        m->is_broken = e->kind != ERR_NO_SPACE || !name_is_ours(m);
        return false;
    }
    os_file_close(m->file);
    m->file = TAKE(file);
    m->now.head.salt = salt;
    m->now.records = 1;
    m->now.bytes = bytes;
    return true;
}

/* The same bytes once more where they are, and nothing behind them. */
static bool write_in_place(struct manifest *m, struct err *e)
{
    AUTO(arena) *arena = arena_create(0);
    struct str bytes;
    if (!os_read_whole(m->os, m->path, arena, &bytes, e) ||
        !os_file_open(m->os, m->path, OS_WRITE, &m->file, e) ||
        (bytes.len > m->now.bytes && !os_file_truncate(m->file, m->now.bytes, e)))
        return false;
    bytes = str_sub(bytes, 0, m->now.bytes);
    return os_file_write_at(m->file, 0, &bytes, 1, e) && os_file_sync(m->file, e);
}

bool manifest_resume(struct manifest *m, struct err *e)
{
    bool ok = rewrite(m, e);
    if (!ok && e->kind == ERR_NO_SPACE && !m->is_broken) {
        *e = (struct err){0};
        ok = write_in_place(m, e);
    }
    return ok || err_while(e, "opening the manifest for writing");
}

static bool is_long(const struct manifest *m)
{
    enum { SEGMENT_ITEM_BYTES = 40, HIDDEN_ITEM_BYTES = 6 };
    return m->now.bytes > REWRITE_BYTES &&
           m->now.bytes > 4 * (HEAD_BYTES + m->now.segment_count * SEGMENT_ITEM_BYTES +
                               m->now.hidden_count * HIDDEN_ITEM_BYTES + rule_bytes(&m->now));
}

bool manifest_edit(struct manifest *m, const struct manifest_edit *edit, struct err *e)
{
    REQUIRE(m->file);
    if (m->is_broken)
        return refuse_broken(e);
    BUF_AUTO items = {0};
    for (size_t i = 0; i < edit->removed_count; i++) {
        varint_put(&items, ITEM_REMOVE);
        varint_put(&items, edit->removed[i]);
    }
    for (size_t i = 0; i < edit->added_count; i++)
        put_segment(&items, &edit->added[i]);
    put_hidden(&items, ITEM_HIDE, edit->hidden, edit->hidden_count);
    put_hidden(&items, ITEM_GONE, edit->gone, edit->gone_count);
    for (size_t i = 0; i < edit->rule_count; i++)
        put_rule(&items, &edit->rules[i]);
    put_marks(&items, &edit->marks);
    if (!append(m, buf_str(&items), e))
        return false;
    REQUIRE(take_items(&m->now, buf_str(&items)));
    /* Only to save space: the edit is durable already, and on a full disk the old file goes on. */
    struct err ignored = {0};
    if (is_long(m))
        rewrite(m, &ignored);
    return true;
}
