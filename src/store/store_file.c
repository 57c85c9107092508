/* store/store_file: names and plain bytes of a store's files. */
#include <inttypes.h>
#include <stdio.h>

#include "codec/bytes.h"
#include "store/store_inner.h"

struct str store_path(const struct store *s, char *room, const char *name)
{
    int len = snprintf(room, STORE_NAME_BYTES, "%.*s/%s", STR_ARG(s->dir), name);
    REQUIRE(len > 0 && len < STORE_NAME_BYTES);
    return (struct str){room, (size_t)len};
}

struct str store_segment_path(const struct store *s, char *room, uint64_t number)
{
    char name[40];
    snprintf(name, sizeof name, "seg-%010" PRIu64 ".tns", number);
    return store_path(s, room, name);
}

bool store_segment_name(struct str name, uint64_t *number)
{
    int64_t v;
    if (name.len != 18 || !str_starts(name, STR("seg-")) || !str_ends(name, STR(".tns")) ||
        !str_to_i64(str_sub(name, 4, 10), &v) || v < 1)
        return false;
    *number = (uint64_t)v;
    return true;
}

struct str store_people_path(const struct store *s, char *room, uint64_t number)
{
    char name[40];
    snprintf(name, sizeof name, "people-%" PRIu64, number);
    return store_path(s, room, name);
}

struct str store_facts_path(const struct store *s, char *room, uint64_t number)
{
    char name[40];
    snprintf(name, sizeof name, "facts-%" PRIu64, number);
    return store_path(s, room, name);
}

static bool write_temporary(struct store *s, struct str path, struct str bytes, struct err *e)
{
    AUTO(os_file) *file = NULL;
    return os_file_open(s->os, path, OS_CREATE, &file, e) &&
           os_file_write_at(file, 0, &bytes, 1, e) && os_file_sync(file, e);
}

bool store_write_segment(struct store *s, uint64_t number, struct str bytes, struct err *e)
{
    char room[STORE_NAME_BYTES], temporary_room[STORE_NAME_BYTES];
    struct str path = store_segment_path(s, room, number);
    int len = snprintf(temporary_room, sizeof temporary_room, "%.*s.tmp", STR_ARG(path));
    REQUIRE(len > 0 && len < STORE_NAME_BYTES);
    struct str temporary = {temporary_room, (size_t)len};
    if (write_temporary(s, temporary, bytes, e) && os_rename(s->os, temporary, path, e))
        return true;
    struct err ignored = {0};
    if (!os_remove(s->os, temporary, &ignored))
        return false; /* the first error says more; the left-over goes at the next open */
    return false;
}

bool store_extend_file(struct store *s, struct str path, enum head_kind kind, uint64_t number,
                       uint32_t *salt, struct str more, uint64_t *bytes, struct err *e)
{
    if (more.len == 0)
        return true;
    if (*bytes == 0) {
        BUF_AUTO whole = {0};
        head_put(&whole, &(struct head){.kind = kind,
                                        .salt = *salt,
                                        .number = number,
                                        .store = s->identity,
                                        .project = s->project});
        buf_add(&whole, more);
        if (!os_write_whole(s->os, path, buf_str(&whole), e))
            return false;
        *bytes = whole.len;
        return true;
    }
    AUTO(os_file) *file = NULL;
    if (!os_file_open(s->os, path, OS_WRITE, &file, e) ||
        !os_file_write_at(file, *bytes, &more, 1, e) || !os_file_sync(file, e))
        return false;
    *bytes += more.len;
    return true;
}

/* ---- facts-<n>: blocks of u32 bytes, u32 crc32c of them (from the file's salt), facts ---- */

enum { FACTS_HEAD_BYTES = 8 };

void store_facts_block(struct buf *into, uint32_t salt, struct str facts)
{
    REQUIRE(facts.len < UINT32_MAX);
    if (facts.len == 0)
        return;
    buf_add_u32(into, (uint32_t)facts.len);
    buf_add_u32(into, crc32c(salt, facts.at, facts.len));
    buf_add(into, facts);
}

static uint32_t get32(const char *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

bool store_each_fact(struct batch_reader *r, struct str facts, store_fact_visit *visit,
                     void *context, struct err *e)
{
    while (facts.len) {
        if (facts.len < sizeof(uint32_t) || get32(facts.at) > facts.len - sizeof(uint32_t))
            return err_set(e, ERR_CORRUPT, "a fact is cut");
        struct str payload = str_sub(facts, sizeof(uint32_t), get32(facts.at));
        facts = str_sub(facts, sizeof(uint32_t) + payload.len, facts.len);
        struct fact f;
        if (!batch_read(r, payload, e))
            return false;
        if (r->event_count)
            return err_set(e, ERR_CORRUPT, "an event among the facts");
        while (batch_next_fact(r, &f, e))
            if (!visit(context, &f, payload, e))
                return false;
        if (e->kind)
            return false;
    }
    return true;
}

bool store_walk_facts(struct batch_reader *r, struct str blocks, struct str path, uint32_t salt,
                      store_fact_visit *visit, void *context, struct err *e)
{
    for (size_t at = 0; at < blocks.len;) {
        size_t left = blocks.len - at;
        const char *head = blocks.at + at;
        struct str facts = {head + FACTS_HEAD_BYTES, 0};
        bool is_whole = left >= FACTS_HEAD_BYTES && get32(head) <= left - FACTS_HEAD_BYTES;
        if (is_whole)
            facts.len = get32(head);
        if (!is_whole || get32(head + 4) != crc32c(salt, facts.at, facts.len)) {
            err_set(e, ERR_CORRUPT, "%.*s is damaged at byte %zu", STR_ARG(path), HEAD_BYTES + at);
            return err_hint(e, "restore the directory from a backup");
        }
        if (!store_each_fact(r, facts, visit, context, e))
            return err_while(e, "reading %.*s at byte %zu", STR_ARG(path), HEAD_BYTES + at);
        at += FACTS_HEAD_BYTES + facts.len;
    }
    return true;
}

static bool apply_fact(void *context, const struct fact *f, struct str payload, struct err *e)
{
    struct store *s = context;
    (void)payload, (void)e;
    people_load_fact(s->people, f);
    return true;
}

bool store_read_facts(struct store *s, struct str blocks, struct str path, struct err *e)
{
    return store_walk_facts(&s->reader, blocks, path, s->facts_salt, apply_fact, s, e);
}

/* ---- the reserve ---- */

void store_keep_reserve(struct store *s)
{
    char room[STORE_NAME_BYTES];
    struct err ignored = {0};
    AUTO(os_file) *file = NULL;
    struct str path = store_path(s, room, "reserve");
    s->has_reserve = os_file_open(s->os, path, OS_WRITE, &file, &ignored) &&
                     os_file_reserve(file, STORE_RESERVE_BYTES, &ignored);
    if (!s->has_reserve) /* the disk is full, or nearly; it is tried again later */
        (void)!os_remove(s->os, path, &ignored);
}

void store_spend_reserve(struct store *s)
{
    char room[STORE_NAME_BYTES];
    struct err ignored = {0};
    s->has_reserve = false;
    /* If that fails there is no more space than before, and the caller's next try says so. */
    (void)!os_remove(s->os, store_path(s, room, "reserve"), &ignored);
}
