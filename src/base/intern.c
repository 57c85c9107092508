/*
 * base/intern: open addressing over codes. A slot holds code + 1 and 32 bits of the hash, so that
 * a probe rarely touches a text; texts lie one after the other in chunks that never move.
 */
#include "base/intern.h"

#include "base/arena.h"
#include "base/hash.h"

struct slot {
    uint32_t code_next; /* code + 1; 0 = empty */
    uint32_t tag;
};

struct intern {
    struct slot *slots;
    uint32_t slot_mask;
    uint32_t count, room;
    struct str *texts;
    char *chunk; /* where the next short text goes */
    size_t chunk_left;
    char **chunks;
    size_t chunk_count, chunk_room;
    size_t bytes;
};

enum { CHUNK_BYTES_MAX = 64 << 10, SLOTS_FIRST = 16 };

struct intern *intern_create(void)
{
    struct intern *t = mem_zero(sizeof *t);
    t->slot_mask = SLOTS_FIRST - 1;
    t->slots = mem_array(SLOTS_FIRST, sizeof *t->slots);
    t->bytes = sizeof *t + SLOTS_FIRST * sizeof *t->slots;
    return t;
}

static void free_contents(struct intern *t)
{
    for (size_t i = 0; i < t->chunk_count; i++)
        mem_free(t->chunks[i]);
    mem_free(t->chunks);
    mem_free(t->texts);
    mem_free(t->slots);
}

void intern_destroy(struct intern *t)
{
    if (!t)
        return;
    free_contents(t);
    mem_free(t);
}

void intern_clear(struct intern *t)
{
    free_contents(t);
    *t = (struct intern){.slot_mask = SLOTS_FIRST - 1};
    t->slots = mem_array(SLOTS_FIRST, sizeof *t->slots);
    t->bytes = sizeof *t + SLOTS_FIRST * sizeof *t->slots;
}

/* Slot of `text`, or the empty slot where it would go. */
static struct slot *slot_of(const struct intern *t, struct str text, uint64_t hash)
{
    uint32_t tag = (uint32_t)(hash >> 32);
    for (uint32_t i = (uint32_t)hash & t->slot_mask;; i = (i + 1) & t->slot_mask) {
        struct slot *s = &t->slots[i];
        if (s->code_next == 0)
            return s;
        if (s->tag == tag && str_equal(t->texts[s->code_next - 1], text))
            return s;
    }
}

static void grow_slots(struct intern *t)
{
    REQUIRE(t->slot_mask < UINT32_MAX / 2);
    uint32_t slot_count = (t->slot_mask + 1) * 2;
    mem_free(t->slots);
    t->slots = mem_array(slot_count, sizeof *t->slots);
    t->bytes += slot_count / 2 * sizeof *t->slots;
    t->slot_mask = slot_count - 1;
    for (uint32_t code = 0; code < t->count; code++) {
        uint64_t hash = hash64(t->texts[code], 0);
        *slot_of(t, t->texts[code], hash) = (struct slot){code + 1, (uint32_t)(hash >> 32)};
    }
}

static struct str keep(struct intern *t, struct str text)
{
    if (text.len > t->chunk_left) {
        /* Small tables stay small: chunks grow with the table. */
        size_t size = MAX(text.len, MIN(CHUNK_BYTES_MAX, MAX(256, t->bytes / 2)));
        char *chunk = mem_zero(size);
        ARRAY_PUSH(t->chunks, t->chunk_count, t->chunk_room) = chunk;
        t->bytes += size;
        if (size - text.len < t->chunk_left) { /* a long text of its own; go on in the old chunk */
            memcpy(chunk, text.at, text.len);
            return (struct str){chunk, text.len};
        }
        t->chunk = chunk;
        t->chunk_left = size;
    }
    char *at = t->chunk ? t->chunk : "";
    if (text.len)
        memcpy(at, text.at, text.len);
    t->chunk += t->chunk ? text.len : 0;
    t->chunk_left -= text.len;
    return (struct str){at, text.len};
}

uint32_t intern_put(struct intern *t, struct str text)
{
    uint64_t hash = hash64(text, 0);
    struct slot *s = slot_of(t, text, hash);
    if (s->code_next)
        return s->code_next - 1;
    REQUIRE(t->count < INTERN_NONE - 1);
    if (t->count >= (t->slot_mask + 1) / 4 * 3) {
        grow_slots(t);
        s = slot_of(t, text, hash);
    }
    uint32_t room = t->room;
    struct str kept = keep(t, text);
    ARRAY_PUSH(t->texts, t->count, t->room) = kept;
    t->bytes += (t->room - room) * sizeof *t->texts;
    *s = (struct slot){t->count, (uint32_t)(hash >> 32)};
    return t->count - 1;
}

uint32_t intern_find(const struct intern *t, struct str text)
{
    return slot_of(t, text, hash64(text, 0))->code_next - 1; /* 0 - 1 = INTERN_NONE */
}

struct str intern_at(const struct intern *t, uint32_t code)
{
    REQUIRE(code < t->count);
    return t->texts[code];
}

uint32_t intern_count(const struct intern *t)
{
    return t->count;
}

size_t intern_bytes(const struct intern *t)
{
    return t->bytes;
}
