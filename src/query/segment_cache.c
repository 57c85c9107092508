/* query/segment_cache: a few dozen sets at most, so a list is enough. */
#include "query/segment_cache.h"

#include <pthread.h>

struct set {
    struct hash128 key;
    uint32_t units;
    uint64_t used; /* the cache's clock when it was last asked for */
    uint64_t *words;
};

struct segment_cache {
    pthread_mutex_t mutex; /* of everything; docs/threads.md */
    size_t max_bytes, bytes;
    uint64_t clock, hits, misses;
    struct set *sets;
    size_t count, room;
};

struct segment_cache *segment_cache_create(size_t max_bytes)
{
    struct segment_cache *c = mem_zero(sizeof *c);

    c->max_bytes = max_bytes;
    pthread_mutex_init(&c->mutex, NULL);
    return c;
}

void segment_cache_destroy(struct segment_cache *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->count; i++)
        mem_free(c->sets[i].words);
    mem_free(c->sets);
    pthread_mutex_destroy(&c->mutex);
    mem_free(c);
}

static size_t words_of(uint32_t units)
{
    return (size_t)units / 64 + 1;
}

static size_t bytes_of(uint32_t units)
{
    return words_of(units) * sizeof(uint64_t) + sizeof(struct set);
}

static struct set *find(const struct segment_cache *c, struct hash128 key)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->sets[i].key.low == key.low && c->sets[i].key.high == key.high)
            return &c->sets[i];
    return NULL;
}

bool segment_cache_get(struct segment_cache *c, struct hash128 key, uint32_t units, uint64_t *words)
{
    pthread_mutex_lock(&c->mutex);
    struct set *s = find(c, key);
    bool is_there = s && s->units == units;
    if (is_there) {
        s->used = ++c->clock;
        memcpy(words, s->words, words_of(units) * sizeof *words);
    }
    c->hits += is_there;
    c->misses += !is_there;
    pthread_mutex_unlock(&c->mutex);
    return is_there;
}

static void remove_at(struct segment_cache *c, size_t i)
{
    c->bytes -= bytes_of(c->sets[i].units);
    mem_free(c->sets[i].words);
    c->sets[i] = c->sets[--c->count];
}

static void make_room(struct segment_cache *c, size_t bytes)
{
    while (c->count && c->bytes + bytes > c->max_bytes) {
        size_t oldest = 0;
        for (size_t i = 1; i < c->count; i++)
            if (c->sets[i].used < c->sets[oldest].used)
                oldest = i;
        remove_at(c, oldest);
    }
}

void segment_cache_put(struct segment_cache *c, struct hash128 key, uint32_t units,
                       const uint64_t *words)
{
    size_t bytes = bytes_of(units);

    pthread_mutex_lock(&c->mutex);
    if (bytes <= c->max_bytes && !find(c, key)) {
        make_room(c, bytes);
        struct set s = {.key = key, .units = units, .used = ++c->clock};
        s.words = mem_array(words_of(units), sizeof *s.words);
        memcpy(s.words, words, words_of(units) * sizeof *words);
        ARRAY_PUSH(c->sets, c->count, c->room) = s;
        c->bytes += bytes;
    }
    pthread_mutex_unlock(&c->mutex);
}

void segment_cache_stats(struct segment_cache *c, struct segment_cache_stats *out)
{
    pthread_mutex_lock(&c->mutex);
    *out = (struct segment_cache_stats){c->count, c->bytes, c->hits, c->misses};
    pthread_mutex_unlock(&c->mutex);
}
