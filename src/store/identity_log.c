/* store/identity_log: see identity_log.h. */
#include "store/identity_log.h"

#include <stdatomic.h>

#include "store/textmap.h"

enum { FIRST_PIECE_BITS = 8, PIECES = 25 };

struct identity_log {
    _Atomic(struct identity_entry *) pieces[PIECES]; /* piece k holds 256 << k; none ever moves */
    uint32_t count;
    struct textmap *texts; /* 0 is the empty one */
};

struct identity_log *identity_log_create(void)
{
    struct identity_log *l = mem_zero(sizeof *l);
    l->texts = textmap_create(0);
    textmap_put(l->texts, STR(""), NULL);
    return l;
}

void identity_log_destroy(struct identity_log *l)
{
    if (!l)
        return;
    for (unsigned i = 0; i < PIECES; i++)
        mem_free(atomic_load_explicit(&l->pieces[i], memory_order_relaxed));
    textmap_destroy(l->texts);
    mem_free(l);
}

static uint32_t place_of(uint32_t number, unsigned *piece)
{
    uint64_t shifted = ((uint64_t)number >> FIRST_PIECE_BITS) + 1;
    *piece = 63u - (unsigned)__builtin_clzll(shifted);
    return (uint32_t)(number - (((1ull << *piece) - 1) << FIRST_PIECE_BITS));
}

void identity_log_add(struct identity_log *l, const struct fact *f, uint32_t subject,
                      uint32_t other)
{
    unsigned piece;
    uint32_t at = place_of(l->count, &piece);
    struct identity_entry *list = atomic_load_explicit(&l->pieces[piece], memory_order_relaxed);
    if (!list) {
        list = mem_array((size_t)1 << (piece + FIRST_PIECE_BITS), sizeof *list);
        atomic_store_explicit(&l->pieces[piece], list, memory_order_release);
    }
    list[at] = (struct identity_entry){.at = f->received,
                                       .subject = subject,
                                       .other = other,
                                       .by = textmap_put(l->texts, f->by, NULL),
                                       .reason = textmap_put(l->texts, f->reason, NULL),
                                       .is_part = f->kind == FACT_UNMERGE};
    l->count++;
}

uint32_t identity_log_count(const struct identity_log *l)
{
    return l->count;
}

const struct identity_entry *identity_log_at(const struct identity_log *l, uint32_t number)
{
    unsigned piece;
    uint32_t at = place_of(number, &piece);
    return &atomic_load_explicit(&l->pieces[piece], memory_order_acquire)[at];
}

struct str identity_log_text(const struct identity_log *l, uint32_t text)
{
    return textmap_at(l->texts, text);
}
