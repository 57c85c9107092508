/*
 * store/numbers (private to the room): a small map from numbers to numbers. `{0}` is empty and
 * ready; numbers_free ends it. Memory: 11 to 21 bytes an entry. Thread: one at a time.
 */
#pragma once
#include "base/hash.h"

/* Keys are stored + 1, so that 0 is an empty slot. */
struct number_pair {
    uint32_t key, value;
};

struct numbers {
    struct number_pair *slots;
    size_t slot_count; /* 0 or a power of two */
    size_t count;
};

static inline void numbers_free(struct numbers *m)
{
    mem_free(m->slots);
    *m = (struct numbers){0};
}

static inline size_t numbers_place(const struct numbers *m, uint32_t key)
{
    size_t at = (size_t)hash_mix(key) & (m->slot_count - 1);
    while (m->slots[at].key && m->slots[at].key != key + 1)
        at = (at + 1) & (m->slot_count - 1);
    return at;
}

/* 0 if it is not there. */
static inline uint32_t numbers_get(const struct numbers *m, uint32_t key)
{
    return m->count ? m->slots[numbers_place(m, key)].value : 0;
}

static inline void numbers_put(struct numbers *m, uint32_t key, uint32_t value)
{
    if ((m->count + 1) * 4 > m->slot_count * 3) {
        struct numbers grown = {.slot_count = m->slot_count ? m->slot_count * 2 : 16,
                                .count = m->count};
        grown.slots = mem_array(grown.slot_count, sizeof *grown.slots);
        for (size_t i = 0; i < m->slot_count; i++)
            if (m->slots[i].key)
                grown.slots[numbers_place(&grown, m->slots[i].key - 1)] = m->slots[i];
        mem_free(m->slots);
        *m = grown;
    }
    struct number_pair *p = &m->slots[numbers_place(m, key)];
    m->count += p->key == 0;
    *p = (struct number_pair){key + 1, value};
}
