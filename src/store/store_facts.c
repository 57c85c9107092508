/*
 * store/store_facts: the facts file anew, without traits that newer ones replaced.
 *
 * A fact about traits is needed as long as one of its values is the newest of its name for that
 * person or account, or its `created` the earliest. Merges, unmerges and whatever else is a fact
 * stay: they are history. What stays keeps its order, so reading the new file gives the same state.
 * Which facts are needed is found out by going through the file, a part of all (subject, name) at a
 * time. Memory: 128 MiB, and a bit a fact. Readers and writers notice nothing.
 */
#include <stdio.h>

#include "store/store_inner.h"

enum {
    ENTRIES_AT_ONCE = 1 << 21,
    SLOTS = 2 * ENTRIES_AT_ONCE,
    BLOCK_BYTES = 1 << 20,
    SEED_PERSON = 0x51,
    SEED_ACCOUNT = 0x52,
    SEED_CREATED = 0x53,
};

struct newest {
    struct hash128 key;
    uint64_t number; /* of the fact, from 1; 0: free */
    int64_t created;
};

struct facts_run {
    struct store *s;
    struct str old, path; /* blocks, and of which file */
    struct batch_reader reader;
    uint64_t number;  /* of the fact at hand */
    uint64_t entries; /* values and times of creation in all */
    uint64_t part, parts;
    struct newest *slots;
    uint8_t *needed; /* bit by number */
    struct buf facts;
    struct os_file *file;
    uint64_t bytes;
    uint32_t salt;
};

static bool is_traits(const struct fact *f)
{
    return (f->kind == FACT_PERSON_TRAITS || f->kind == FACT_ACCOUNT_TRAITS) &&
           (f->property_count || f->created != (int64_t)FACT_CREATED_NONE);
}

static bool count_fact(void *context, const struct fact *f, struct str payload, struct err *e)
{
    struct facts_run *r = context;

    (void)payload;
    (void)e;
    r->number++;
    if (is_traits(f))
        r->entries += f->property_count + 1;
    return true;
}

/* The entry of a key, if it is of the part at hand. */
static struct newest *entry_of(struct facts_run *r, struct hash128 key)
{
    if (key.high % r->parts != r->part)
        return NULL;
    size_t at = key.low % SLOTS;
    while (r->slots[at].number &&
           (r->slots[at].key.low != key.low || r->slots[at].key.high != key.high))
        at = (at + 1) % SLOTS;
    r->slots[at].key = key;
    return &r->slots[at];
}

static struct hash128 key_of(struct hash128 subject, struct str name, uint64_t seed)
{
    struct hash128 key = hash128(name, subject.low ^ seed);

    key.high ^= subject.high;
    return key;
}

static bool note_newest(void *context, const struct fact *f, struct str payload, struct err *e)
{
    struct facts_run *r = context;
    struct newest *n;

    (void)payload;
    (void)e;
    r->number++;
    if (!is_traits(f)) {
        r->needed[r->number / 8] |= (uint8_t)(1u << r->number % 8);
        return true;
    }
    struct hash128 subject =
        hash128(f->subject, f->kind == FACT_PERSON_TRAITS ? SEED_PERSON : SEED_ACCOUNT);
    for (size_t i = 0; i < f->property_count; i++)
        if ((n = entry_of(r, key_of(subject, f->properties[i].name, 0))) != NULL)
            n->number = r->number;
    if (f->created != (int64_t)FACT_CREATED_NONE &&
        (n = entry_of(r, key_of(subject, STR(""), SEED_CREATED))) != NULL &&
        (!n->number || f->created < n->created)) {
        n->number = r->number;
        n->created = f->created;
    }
    return true;
}

static bool put_block(struct facts_run *r, struct err *e)
{
    BUF_AUTO block = {0};

    store_facts_block(&block, r->salt, buf_str(&r->facts));
    buf_clear(&r->facts);
    struct str part = buf_str(&block);
    r->bytes += part.len;
    return os_file_write_at(r->file, r->bytes - part.len, &part, 1, e);
}

static bool put_needed(void *context, const struct fact *f, struct str payload, struct err *e)
{
    struct facts_run *r = context;

    (void)f;
    r->number++;
    if (!(r->needed[r->number / 8] >> r->number % 8 & 1))
        return true;
    buf_add_u32(&r->facts, (uint32_t)payload.len);
    buf_add(&r->facts, payload);
    return r->facts.len < BLOCK_BYTES || put_block(r, e);
}

static bool walk(struct facts_run *r, store_fact_visit *visit, struct err *e)
{
    r->number = 0;
    return store_walk_facts(&r->reader, r->old, r->path, r->s->facts_salt, visit, r, e);
}

static bool find_needed(struct facts_run *r, struct err *e)
{
    if (!walk(r, count_fact, e))
        return false;
    r->needed = mem_array(r->number / 8 + 1, 1);
    r->parts = r->entries / ENTRIES_AT_ONCE + 1;
    bool ok = true;
    for (r->part = 0; ok && r->part < r->parts; r->part++) {
        r->slots = mem_array(SLOTS, sizeof *r->slots);
        ok = walk(r, note_newest, e);
        for (size_t i = 0; ok && i < SLOTS; i++)
            if (r->slots[i].number)
                r->needed[r->slots[i].number / 8] |= (uint8_t)(1u << r->slots[i].number % 8);
        mem_free(TAKE(r->slots));
    }
    return ok;
}

/* The new file under its name, durable. The manifest does not name it yet. */
static bool write_new(struct facts_run *r, struct str path, uint64_t number, struct err *e)
{
    struct store *s = r->s;
    char room[STORE_NAME_BYTES];
    int len = snprintf(room, sizeof room, "%.*s.tmp", STR_ARG(path));
    REQUIRE(len > 0 && len < STORE_NAME_BYTES);
    struct str temporary = {room, (size_t)len};
    BUF_AUTO head = {0};

    head_put(&head, &(struct head){.kind = HEAD_FACTS,
                                   .salt = r->salt,
                                   .number = number,
                                   .store = s->identity,
                                   .project = s->project});
    struct str part = buf_str(&head);
    r->bytes = part.len;
    bool ok = os_file_open(s->os, temporary, OS_CREATE, &r->file, e) &&
              os_file_write_at(r->file, 0, &part, 1, e) && walk(r, put_needed, e) &&
              put_block(r, e) && os_file_sync(r->file, e);
    os_file_close(TAKE(r->file));
    ok = ok && os_rename(s->os, temporary, path, e) && os_dir_sync(s->os, s->dir, e);
    struct err ignored = {0};
    if (!ok) /* if it stays, the next open removes it */
        (void)!os_remove(s->os, temporary, &ignored);
    return ok;
}

static bool change_over(struct facts_run *r, uint64_t number, struct err *e)
{
    struct store *s = r->s;
    struct manifest_edit edit = {.marks = manifest_content(s->manifest)->marks};

    edit.marks.facts_file = number;
    edit.marks.facts_bytes = r->bytes;
    if (!manifest_edit(s->manifest, &edit, e))
        return false;
    s->facts_salt = r->salt;
    return os_remove(s->os, r->path, e);
}

bool store_compact_facts(struct store *s, struct err *e)
{
    const struct manifest_marks *marks = &manifest_content(s->manifest)->marks;
    char room[STORE_NAME_BYTES], new_room[STORE_NAME_BYTES];
    uint64_t number = marks->facts_file + 1;
    struct facts_run r = {.s = s, .salt = head_salt(s->os)};
    struct os_map map = {0};
    struct err ignored = {0};

    if (marks->facts_bytes <= HEAD_BYTES)
        return true;
    r.path = store_facts_path(s, room, marks->facts_file);
    struct str path = store_facts_path(s, new_room, number);
    bool ok = os_map(s->os, r.path, &map, e);
    if (ok && map.len < marks->facts_bytes)
        ok = err_set(e, ERR_CORRUPT, "%.*s is cut", STR_ARG(r.path));
    if (ok)
        r.old = (struct str){map.at + HEAD_BYTES, marks->facts_bytes - HEAD_BYTES};
    ok = ok && find_needed(&r, e) && write_new(&r, path, number, e);
    if (ok) {
        ok = change_over(&r, number, e);
        s->facts_kept = r.bytes;
    }
    if (!ok && e->kind == ERR_NO_SPACE)
        (void)!os_remove(s->os, path, &ignored);
    if (map.at)
        os_unmap(s->os, &map);
    batch_reader_free(&r.reader);
    buf_free(&r.facts);
    mem_free(r.needed);
    if (!ok && e->kind != ERR_NO_SPACE) {
        pthread_mutex_lock(&s->lock);
        store_stop(s, e);
        pthread_mutex_unlock(&s->lock);
    }
    return ok || err_while(e, "writing the facts of %.*s anew", STR_ARG(s->dir));
}

bool store_facts_are_long(const struct store *s)
{
    uint64_t bytes = manifest_content(s->manifest)->marks.facts_bytes;

    return bytes >= s->options.facts_bytes && bytes >= 2 * s->facts_kept;
}
