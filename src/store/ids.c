/* store/ids: see ids.h. */
#include "store/ids.h"

struct entry {
    struct hash128 id;
    uint64_t content;
};

struct ids {
    struct entry *entries; /* oldest first */
    size_t count, room;
    uint64_t *slots; /* the hash's high half, entry number + 1; 0 = empty */
    size_t slot_count;
};

enum { SLOTS_MIN = 1024 };

struct ids *ids_create(void)
{
    struct ids *t = mem_zero(sizeof *t);
    t->slot_count = SLOTS_MIN;
    t->slots = mem_array(t->slot_count, sizeof *t->slots);
    return t;
}

void ids_destroy(struct ids *t)
{
    if (!t)
        return;
    mem_free(t->entries);
    mem_free(t->slots);
    mem_free(t);
}

static uint64_t slot_of(struct hash128 id, size_t number)
{
    return (id.low >> 32 << 32) | (number + 1);
}

static size_t number_in(uint64_t slot)
{
    return (uint32_t)slot - 1;
}

/* Where the id is, or the empty slot it belongs in. The slot's half of the hash tells nearly all
 * others apart, so that no entry is touched for a new id. */
static size_t place_of(const struct ids *t, struct hash128 id)
{
    size_t at = id.low & (t->slot_count - 1);
    for (; t->slots[at]; at = (at + 1) & (t->slot_count - 1)) {
        if (t->slots[at] >> 32 != id.low >> 32)
            continue;
        const struct entry *n = &t->entries[number_in(t->slots[at])];
        if (n->id.low == id.low && n->id.high == id.high)
            break;
    }
    return at;
}

bool ids_find(const struct ids *t, struct hash128 id, uint64_t *content)
{
    uint64_t slot = t->slots[place_of(t, id)];
    if (!slot)
        return false;
    *content = t->entries[number_in(slot)].content;
    return true;
}

void ids_expect(const struct ids *t, struct hash128 id)
{
    __builtin_prefetch(&t->slots[id.low & (t->slot_count - 1)], 1);
}

static bool is_cancelled(const struct entry *n)
{
    return n->id.low == 0 && n->id.high == 0;
}

/* Moves what stands behind the gap up, so that probing needs no tombstones. */
void ids_cancel(struct ids *t, struct hash128 id)
{
    size_t mask = t->slot_count - 1, gap = place_of(t, id);
    if (!t->slots[gap])
        return;
    t->entries[number_in(t->slots[gap])].id = (struct hash128){0};
    for (size_t at = (gap + 1) & mask; t->slots[at]; at = (at + 1) & mask) {
        size_t home = t->entries[number_in(t->slots[at])].id.low & mask;
        if (((at - home) & mask) >= ((at - gap) & mask)) {
            t->slots[gap] = t->slots[at];
            gap = at;
        }
    }
    t->slots[gap] = 0;
}

static size_t free_place(const struct ids *t, struct hash128 id)
{
    size_t at = id.low & (t->slot_count - 1);
    while (t->slots[at])
        at = (at + 1) & (t->slot_count - 1);
    return at;
}

static void rebuild(struct ids *t, size_t slot_count)
{
    mem_free(t->slots);
    t->slot_count = slot_count;
    t->slots = mem_array(slot_count, sizeof *t->slots);
    for (size_t i = 0; i < t->count; i++)
        if (!is_cancelled(&t->entries[i]))
            t->slots[free_place(t, t->entries[i].id)] = slot_of(t->entries[i].id, i);
}

void ids_put(struct ids *t, struct hash128 id, uint64_t content)
{
    REQUIRE(t->count < UINT32_MAX - 1);
    if ((t->count + 1) * 4 > t->slot_count * 3)
        rebuild(t, t->slot_count * 2);
    size_t at = place_of(t, id);
    REQUIRE(!t->slots[at]);
    ARRAY_PUSH(t->entries, t->count, t->room) = (struct entry){id, content};
    t->slots[at] = slot_of(id, t->count - 1);
}

void ids_forget(struct ids *t, size_t oldest)
{
    REQUIRE(oldest <= t->count);
    if (oldest == 0)
        return;
    t->count -= oldest;
    memmove(t->entries, t->entries + oldest, t->count * sizeof *t->entries);
    size_t slots = SLOTS_MIN;
    while ((t->count + 1) * 4 > slots * 3)
        slots *= 2;
    t->room = MAX(t->count, 8);
    t->entries = mem_grow(t->entries, t->room, sizeof *t->entries);
    rebuild(t, slots);
}

size_t ids_count(const struct ids *t)
{
    return t->count;
}

struct hash128 ids_at(const struct ids *t, size_t number)
{
    REQUIRE(number < t->count);
    return t->entries[number].id;
}
