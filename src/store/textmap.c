/* store/textmap: see textmap.h. */
#include "store/textmap.h"

#include <stdatomic.h>

#include "base/hash.h"

/*
 * Piece k of the ordinal list holds 1024 << k entries, so 22 pieces cover all of uint32 and none
 * ever moves. A slot is tag << 32 | ordinal + 1, 0 when empty: a reader sees it whole or not at
 * all.
 */
enum { FIRST_PIECE_BITS = 10, PIECES = 23, TEXT_BLOCK_BYTES = 64 << 10, SLOTS_MIN = 64 };
/* The slot of a hidden text: stays in the way of those behind it, and is never the one looked for.
 * No ordinal is so high. */
#define SLOT_HIDDEN ((uint64_t)UINT32_MAX)

struct textmap_index {
    _Atomic uint32_t references;
    size_t slot_count; /* a power of two */
    _Atomic uint64_t slots[];
};

struct text_block {
    struct text_block *next;
    size_t used, room;
    char bytes[];
};

struct textmap {
    uint64_t seed;
    uint32_t count;
    struct textmap_index *index;
    const char **pieces[PIECES];
    struct text_block *blocks;
    uint64_t *hidden; /* a bit an ordinal; NULL while none is hidden */
    size_t hidden_words;
    uint32_t hidden_count;
};

static struct textmap_index *index_create(size_t slot_count)
{
    struct textmap_index *x = mem_zero(sizeof *x + slot_count * sizeof x->slots[0]);
    atomic_init(&x->references, 1);
    x->slot_count = slot_count;
    return x;
}

static void index_release(struct textmap_index *x)
{
    if (atomic_fetch_sub_explicit(&x->references, 1, memory_order_acq_rel) == 1)
        mem_free(x);
}

static void place_of(uint32_t ordinal, unsigned *piece, uint32_t *at)
{
    uint64_t shifted = ((uint64_t)ordinal >> FIRST_PIECE_BITS) + 1;
    *piece = 63u - (unsigned)__builtin_clzll(shifted);
    *at = (uint32_t)(ordinal - (((1ull << *piece) - 1) << FIRST_PIECE_BITS));
}

struct textmap *textmap_create(uint64_t seed)
{
    struct textmap *m = mem_zero(sizeof *m);
    m->seed = seed;
    m->index = index_create(SLOTS_MIN);
    return m;
}

void textmap_destroy(struct textmap *m)
{
    if (!m)
        return;
    for (struct text_block *b = m->blocks, *next; b; b = next) {
        next = b->next;
        mem_free(b);
    }
    for (size_t i = 0; i < PIECES; i++)
        mem_free(m->pieces[i]);
    index_release(m->index);
    mem_free(m->hidden);
    mem_free(m);
}

uint32_t textmap_count(const struct textmap *m)
{
    return m->count;
}

struct str textmap_at(const struct textmap *m, uint32_t ordinal)
{
    unsigned piece;
    uint32_t at;
    place_of(ordinal, &piece, &at);
    const char *text = __atomic_load_n(&m->pieces[piece][at], __ATOMIC_RELAXED);
    uint16_t len;
    memcpy(&len, text, sizeof len);
    return (struct str){text + sizeof len, len};
}

/* Slots come from the middle bits of the hash, tags from the high ones. */
static void index_add(struct textmap_index *x, uint64_t hash, uint32_t ordinal)
{
    size_t at = hash & (x->slot_count - 1);
    while (atomic_load_explicit(&x->slots[at], memory_order_relaxed))
        at = (at + 1) & (x->slot_count - 1);
    uint64_t slot = (hash & 0xFFFFFFFF00000000u) | (ordinal + 1u);
    atomic_store_explicit(&x->slots[at], slot, memory_order_release);
}

static uint32_t index_find(const struct textmap *m, const struct textmap_index *x, struct str text,
                           uint64_t hash)
{
    for (size_t at = hash & (x->slot_count - 1);; at = (at + 1) & (x->slot_count - 1)) {
        uint64_t slot = atomic_load_explicit(&x->slots[at], memory_order_acquire);
        if (!slot)
            return TEXTMAP_NONE;
        if ((slot >> 32) == (hash >> 32) && slot != SLOT_HIDDEN) {
            uint32_t ordinal = (uint32_t)slot - 1;
            if (str_equal(textmap_at(m, ordinal), text))
                return ordinal;
        }
    }
}

/* A new index for `count` texts; readers keep the old one as long as they need it. */
static void grow(struct textmap *m, size_t slot_count)
{
    enum { AHEAD = 16 };
    struct textmap_index *x = index_create(slot_count);
    uint64_t hashes[AHEAD];
    for (uint32_t from = 0; from < m->count; from += AHEAD) {
        uint32_t n = MIN(m->count - from, (uint32_t)AHEAD);
        for (uint32_t i = 0; i < n; i++) {
            hashes[i] = hash64(textmap_at(m, from + i), m->seed);
            __builtin_prefetch(&x->slots[hashes[i] & (slot_count - 1)], 1);
        }
        for (uint32_t i = 0; i < n; i++)
            if (!textmap_is_hidden(m, from + i))
                index_add(x, hashes[i], from + i);
    }
    index_release(m->index);
    m->index = x;
}

static void list_text(struct textmap *m, const char *text)
{
    REQUIRE(m->count < TEXTMAP_NONE - 1);
    unsigned piece;
    uint32_t at;
    place_of(m->count, &piece, &at);
    if (!m->pieces[piece])
        m->pieces[piece] = mem_array((size_t)1 << (piece + FIRST_PIECE_BITS), sizeof(char *));
    m->pieces[piece][at] = text;
}

/* Before the text is listed: a reader that finds the slot must find the text too. */
static void make_room(struct textmap *m)
{
    if (((size_t)m->count + 1) * 4 > m->index->slot_count * 3)
        grow(m, m->index->slot_count * 2);
}

static const char *keep_text(struct textmap *m, struct str text)
{
    REQUIRE(text.len <= TEXTMAP_TEXT_BYTES_MAX);
    size_t bytes = sizeof(uint16_t) + text.len;
    if (!m->blocks || m->blocks->room - m->blocks->used < bytes) {
        /* The first block is small: most maps of a small project hold a handful of texts. */
        size_t room = MAX(bytes, (size_t)(m->blocks ? TEXT_BLOCK_BYTES : 1024));
        struct text_block *b = mem_zero(sizeof *b + room);
        b->next = m->blocks;
        b->room = room;
        m->blocks = b;
    }
    char *at = m->blocks->bytes + m->blocks->used;
    uint16_t len = (uint16_t)text.len;
    memcpy(at, &len, sizeof len);
    if (text.len)
        memcpy(at + sizeof len, text.at, text.len);
    m->blocks->used += bytes;
    return at;
}

uint32_t textmap_put(struct textmap *m, struct str text, bool *is_new)
{
    uint64_t hash = hash64(text, m->seed);
    uint32_t found = index_find(m, m->index, text, hash);
    if (is_new)
        *is_new = found == TEXTMAP_NONE;
    if (found != TEXTMAP_NONE)
        return found;
    make_room(m);
    list_text(m, keep_text(m, text));
    index_add(m->index, hash, m->count);
    return m->count++;
}

/* Three steps, each of which touches what the one before made the processor fetch. */
void textmap_find_many(const struct textmap *m, const struct str *texts, size_t count,
                       uint32_t *ordinals)
{
    enum { TOGETHER = 16 };
    const struct textmap_index *x = m->index;
    for (size_t from = 0; from < count; from += TOGETHER) {
        size_t n = MIN(count - from, (size_t)TOGETHER);
        uint64_t hashes[TOGETHER];
        const char **listed[TOGETHER] = {0};
        for (size_t i = 0; i < n; i++) {
            hashes[i] = hash64(texts[from + i], m->seed);
            __builtin_prefetch(&x->slots[hashes[i] & (x->slot_count - 1)]);
        }
        for (size_t i = 0; i < n; i++) {
            uint64_t slot = atomic_load_explicit(&x->slots[hashes[i] & (x->slot_count - 1)],
                                                 memory_order_relaxed);
            if (slot && slot >> 32 == hashes[i] >> 32 && slot != SLOT_HIDDEN) {
                unsigned piece;
                uint32_t at;
                place_of((uint32_t)slot - 1, &piece, &at);
                listed[i] = &m->pieces[piece][at];
                __builtin_prefetch(listed[i]);
            }
        }
        for (size_t i = 0; i < n; i++)
            if (listed[i])
                __builtin_prefetch(*listed[i]);
        for (size_t i = 0; i < n; i++)
            ordinals[from + i] = index_find(m, x, texts[from + i], hashes[i]);
    }
}

bool textmap_is_hidden(const struct textmap *m, uint32_t ordinal)
{
    size_t word = ordinal / 64;
    return word < m->hidden_words && (m->hidden[word] >> (ordinal % 64) & 1);
}

uint32_t textmap_hidden(const struct textmap *m)
{
    return m->hidden_count;
}

static void mark_hidden(struct textmap *m, uint32_t ordinal)
{
    size_t words = ordinal / 64 + 1;
    if (words > m->hidden_words) {
        size_t room = MAX(words, m->count / 64 + 1);
        m->hidden = mem_grow(m->hidden, room, sizeof *m->hidden);
        memset(m->hidden + m->hidden_words, 0, (room - m->hidden_words) * sizeof *m->hidden);
        m->hidden_words = room;
    }
    m->hidden[ordinal / 64] |= (uint64_t)1 << (ordinal % 64);
    m->hidden_count++;
}

void textmap_hide(struct textmap *m, uint32_t ordinal)
{
    REQUIRE(ordinal < m->count);
    if (textmap_is_hidden(m, ordinal))
        return;
    struct textmap_index *x = m->index;
    uint64_t hash = hash64(textmap_at(m, ordinal), m->seed);
    uint64_t wanted = (hash & 0xFFFFFFFF00000000u) | (ordinal + 1u);
    for (size_t at = hash & (x->slot_count - 1);; at = (at + 1) & (x->slot_count - 1)) {
        uint64_t slot = atomic_load_explicit(&x->slots[at], memory_order_relaxed);
        if (slot == wanted)
            atomic_store_explicit(&x->slots[at], SLOT_HIDDEN, memory_order_release);
        if (slot == wanted || !slot) /* none: it is being loaded */
            break;
    }
    mark_hidden(m, ordinal);
}

void textmap_blank(struct textmap *m, uint32_t ordinal)
{
    static const char nothing[sizeof(uint16_t)];
    unsigned piece;
    uint32_t at;
    REQUIRE(textmap_is_hidden(m, ordinal));
    place_of(ordinal, &piece, &at);
    __atomic_store_n(&m->pieces[piece][at], nothing, __ATOMIC_RELAXED);
}

void textmap_load(struct textmap *m, const char *at)
{
    list_text(m, at);
    m->count++;
}

void textmap_loaded(struct textmap *m)
{
    size_t slots = SLOTS_MIN;
    while (((size_t)m->count + 1) * 4 > slots * 3)
        slots *= 2;
    grow(m, slots);
}

struct textmap_view textmap_look(struct textmap *m)
{
    atomic_fetch_add_explicit(&m->index->references, 1, memory_order_relaxed);
    return (struct textmap_view){m, m->index, m->count};
}

void textmap_drop(struct textmap_view *v)
{
    if (v->index)
        index_release(v->index);
    *v = (struct textmap_view){0};
}

uint32_t textmap_find(const struct textmap_view *v, struct str text)
{
    uint32_t found = index_find(v->map, v->index, text, hash64(text, v->map->seed));
    return found < v->count ? found : TEXTMAP_NONE;
}
