/* collect/content: hashes of events and tables of hashes. */
#include "collect/content.h"

#include "base/hash.h"

enum { SHARD_BITS = 8, SHARDS = 1 << SHARD_BITS, SHARD_ROOM_MIN = 64, AHEAD = 12 };

static uint64_t value_hash(struct value v, uint64_t seed)
{
    uint64_t bits = 0;
    switch (v.type) {
    case VALUE_TEXT:
    case VALUE_LIST:
        return hash64(v.text, seed ^ v.type);
    case VALUE_BOOL:
        bits = v.boolean;
        break;
    case VALUE_INT:
        bits = (uint64_t)v.integer;
        break;
    case VALUE_DOUBLE:
        memcpy(&bits, &v.number, sizeof bits);
        break;
    default:
        break;
    }
    return hash_mix(bits ^ seed ^ ((uint64_t)v.type << 56));
}

uint64_t content_hash(const struct event *event, uint64_t seed)
{
    uint64_t properties = 0;
    for (size_t i = 0; i < event->property_count; i++) /* a sum: in any order */
        properties +=
            value_hash(event->properties[i].value, hash64(event->properties[i].name, seed));
    uint64_t order = (uint64_t)event->sequence << 16 | (uint16_t)event->offset_minutes;
    uint64_t h = hash64(event->person, hash_mix((uint64_t)event->time ^ seed) ^ hash_mix(order));
    h = hash64(event->name, h);
    if (event->account.len)
        h = hash64(event->account, h ^ 1);
    if (event->session.len)
        h = hash64(event->session, h ^ 2);
    return hash_mix(h ^ properties);
}

/* An entry of 0 is free; the hash 0 is kept as 1. */
struct shard {
    uint64_t *entries;
    size_t room, count;
};

struct hash_set {
    struct shard shards[SHARDS];
    uint64_t count;
};

struct hash_set *hash_set_create(void)
{
    return mem_zero(sizeof(struct hash_set));
}

void hash_set_clear(struct hash_set *s)
{
    for (size_t i = 0; i < SHARDS; i++)
        mem_free(s->shards[i].entries);
    *s = (struct hash_set){0};
}

void hash_set_destroy(struct hash_set *s)
{
    if (!s)
        return;
    hash_set_clear(s);
    mem_free(s);
}

uint64_t hash_set_count(const struct hash_set *s)
{
    return s->count;
}

static struct shard *shard_of(const struct hash_set *s, uint64_t hash)
{
    return (struct shard *)&s->shards[hash >> (64 - SHARD_BITS)];
}

static void shard_grow(struct shard *shard)
{
    struct shard old = *shard;
    shard->room = old.room ? old.room * 2 : SHARD_ROOM_MIN;
    shard->entries = mem_array(shard->room, sizeof *shard->entries);
    for (size_t i = 0; i < old.room; i++) {
        if (!old.entries[i])
            continue;
        size_t at = old.entries[i] & (shard->room - 1);
        while (shard->entries[at])
            at = (at + 1) & (shard->room - 1);
        shard->entries[at] = old.entries[i];
    }
    mem_free(old.entries);
}

bool hash_set_add(struct hash_set *s, uint64_t hash)
{
    hash += hash == 0;
    struct shard *shard = shard_of(s, hash);
    if (UNLIKELY(shard->count * 5 >= shard->room * 4))
        shard_grow(shard);
    size_t at = hash & (shard->room - 1);
    while (shard->entries[at]) {
        if (shard->entries[at] == hash)
            return false;
        at = (at + 1) & (shard->room - 1);
    }
    shard->entries[at] = hash;
    shard->count++;
    s->count++;
    return true;
}

void hash_set_prefetch(const struct hash_set *s, uint64_t hash)
{
    const struct shard *shard = shard_of(s, hash);
    if (shard->room)
        __builtin_prefetch(&shard->entries[hash & (shard->room - 1)], 1);
}

struct repeat {
    uint64_t hash; /* 0 = free */
    uint64_t seen; /* records that had it so far */
};

struct copies {
    struct hash_set *first;
    struct repeat *repeats; /* of those that came at least twice */
    size_t repeat_count, repeat_room;
};

struct copies *copies_create(void)
{
    struct copies *c = mem_zero(sizeof *c);
    c->first = hash_set_create();
    return c;
}

void copies_clear(struct copies *c)
{
    hash_set_clear(c->first);
    mem_free(c->repeats);
    c->repeats = NULL;
    c->repeat_count = c->repeat_room = 0;
}

void copies_destroy(struct copies *c)
{
    if (!c)
        return;
    hash_set_destroy(c->first);
    mem_free(c->repeats);
    mem_free(c);
}

static struct repeat *repeat_at(struct repeat *list, size_t room, uint64_t hash)
{
    size_t at = hash & (room - 1);
    while (list[at].hash && list[at].hash != hash)
        at = (at + 1) & (room - 1);
    return &list[at];
}

/* The second and later records with a hash: returns how many came before. */
static uint32_t repeat_count(struct copies *c, uint64_t hash)
{
    hash += hash == 0;
    if (c->repeat_count * 4 >= c->repeat_room * 3) {
        size_t room = c->repeat_room ? c->repeat_room * 2 : SHARD_ROOM_MIN;
        struct repeat *list = mem_array(room, sizeof *list);
        for (size_t i = 0; i < c->repeat_room; i++)
            if (c->repeats[i].hash)
                *repeat_at(list, room, c->repeats[i].hash) = c->repeats[i];
        mem_free(c->repeats);
        c->repeats = list;
        c->repeat_room = room;
    }
    struct repeat *r = repeat_at(c->repeats, c->repeat_room, hash);
    if (!r->hash) {
        *r = (struct repeat){hash, 1};
        c->repeat_count++;
    }
    REQUIRE(r->seen < UINT32_MAX);
    return (uint32_t)r->seen++;
}

void copies_count(struct copies *c, const uint64_t *hashes, uint32_t *before, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i + AHEAD < count)
            hash_set_prefetch(c->first, hashes[i + AHEAD]);
        before[i] = hash_set_add(c->first, hashes[i]) ? 0 : repeat_count(c, hashes[i]);
    }
}
