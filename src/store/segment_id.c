/*
 * store/segment_id: the senders' ids of a segment: a blocked Bloom filter says "surely not" with
 * one touch of memory; the rows in order of their ids' hashes find the rest. Hashes are spread
 * evenly, so the search begins near where the hash should stand.
 *
 * Source: F. Putze, P. Sanders, J. Singler, "Cache-, Hash- and Space-Efficient Bloom Filters"
 * (2009).
 */
#include "store/chunk.h"
#include "store/segment_file.h"

enum {
    FILTER_BITS_EACH = 10, /* of memory for each id: about 1.2 % false positives */
    FILTER_PROBES = 7,
    FILTER_PROBE_BITS = 9, /* place in a block of 512 bits */
    ID_SEED = 0x1d,
};

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_dash_at(size_t i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

/* Only the canonical text, since the text must come back as it was. */
static bool uuid_read(struct str text, uint8_t *uuid)
{
    size_t nibbles = 0;

    if (text.len != UUID_TEXT_BYTES)
        return false;
    for (size_t i = 0; i < UUID_TEXT_BYTES; i++) {
        int digit = hex_digit(text.at[i]);
        if (is_dash_at(i)) {
            if (text.at[i] != '-')
                return false;
            continue;
        }
        if (digit < 0)
            return false;
        uuid[nibbles / 2] = (uint8_t)(uuid[nibbles / 2] << 4 | digit);
        nibbles++;
    }
    return true;
}

void uuid_text(const uint8_t *uuid, char *into)
{
    for (size_t i = 0, nibble = 0; i < UUID_TEXT_BYTES; i++) {
        if (is_dash_at(i)) {
            into[i] = '-';
            continue;
        }
        into[i] = "0123456789abcdef"[uuid[nibble / 2] >> (nibble % 2 ? 0 : 4) & 15];
        nibble++;
    }
}

struct id_key id_key_of(struct str id)
{
    struct id_key key = {.text = id};

    key.is_uuid = uuid_read(id, key.uuid);
    return key;
}

struct hash128 id_key_hash(const struct id_key *key)
{
    struct str bytes = key->text;

    if (key->is_uuid)
        bytes = (struct str){(const char *)key->uuid, SEGMENT_ID_BYTES};
    return hash128(bytes, ID_SEED + key->is_uuid);
}

bool id_key_equal(const struct id_key *a, const struct id_key *b)
{
    if (a->is_uuid != b->is_uuid)
        return false;
    return a->is_uuid ? memcmp(a->uuid, b->uuid, SEGMENT_ID_BYTES) == 0
                      : str_equal(a->text, b->text);
}

struct hash128 event_id_hash(struct str id)
{
    struct id_key key = id_key_of(id);
    return id_key_hash(&key);
}

/* ---- the filter ---- */

uint64_t id_filter_words_for(uint32_t id_count)
{
    const uint64_t block_bits = SEGMENT_FILTER_BLOCK * 64;
    uint64_t blocks = ((uint64_t)id_count * FILTER_BITS_EACH + block_bits - 1) / block_bits;

    return MAX(blocks, 1) * SEGMENT_FILTER_BLOCK;
}

static uint64_t filter_block(uint64_t words, struct hash128 hash)
{
    uint64_t blocks = words / SEGMENT_FILTER_BLOCK;
    return (uint64_t)((unsigned __int128)hash.low * blocks >> 64) * SEGMENT_FILTER_BLOCK;
}

void id_filter_set(uint64_t *filter, uint64_t words, struct hash128 hash)
{
    uint64_t *block = filter + filter_block(words, hash);
    uint64_t bits = hash.high;

    for (int i = 0; i < FILTER_PROBES; i++, bits >>= FILTER_PROBE_BITS)
        block[bits >> 6 & 7] |= (uint64_t)1 << (bits & 63);
}

bool id_filter_has(const uint64_t *filter, uint64_t words, struct hash128 hash)
{
    const uint64_t *block = filter + filter_block(words, hash);
    uint64_t bits = hash.high;
    bool has_all = true;

    for (int i = 0; i < FILTER_PROBES; i++, bits >>= FILTER_PROBE_BITS)
        has_all &= block[bits >> 6 & 7] >> (bits & 63) & 1;
    return has_all;
}

/* ---- the search ---- */

static bool ids_check(const struct segment *g, struct err *e)
{
    const struct segment_own *own = g->own;
    struct str order = {(const char *)g->id_order, (uint64_t)g->id_count * 4};
    struct str filter = {(const char *)g->id_filter, g->id_filter_words * 8};
    bool is_good = true;

    if (own->is_trusted)
        return true;
    if (!own->skips_sums && hash64(filter, hash64(order, 0)) != own->front->ids_sum)
        return segment_damaged(g, e, "the checksum of its id index is wrong");
    for (uint32_t i = 0; i < g->id_count; i++)
        is_good &= g->id_order[i] < g->rows;
    return is_good || segment_damaged(g, e, "its id index names a row that is not there");
}

bool segment_ids_ready(struct segment *g, struct err *e)
{
    struct segment_own *own = g->own;

    if (LIKELY(atomic_load(&own->ids_ready)))
        return true;
    if (!ids_check(g, e))
        return false;
    atomic_store(&own->ids_ready, true);
    return true;
}

static bool key_at(const struct segment *g, uint32_t i, struct id_key *key, struct err *e)
{
    uint64_t place;

    if (!column_place(g->id, g->id_order[i], &place))
        return segment_damaged(g, e, "its id index names a row without an id");
    *key = column_id_key(g->id, (uint32_t)place);
    return true;
}

/* First entry whose hash is not below `low`. Each step halves the range at least every other time.
 */
static bool lower_bound(const struct segment *g, uint64_t low, uint32_t *out, struct err *e)
{
    uint32_t from = 0, to = g->id_count;
    uint64_t from_hash = 0, to_hash = UINT64_MAX;

    for (unsigned step = 0; from < to; step++) {
        uint32_t middle = from + (to - from) / 2;
        if (step % 2 == 0 && to_hash > from_hash && low >= from_hash && low <= to_hash) {
            unsigned __int128 part = (unsigned __int128)(low - from_hash) * (to - from);
            middle = from + (uint32_t)(part / ((unsigned __int128)(to_hash - from_hash) + 1));
        }
        struct id_key key;
        if (!key_at(g, middle, &key, e))
            return false;
        uint64_t hash = id_key_hash(&key).low;
        if (hash < low) {
            from = middle + 1;
            from_hash = hash;
        } else {
            to = middle;
            to_hash = hash;
        }
    }
    *out = from;
    return true;
}

bool segment_find_id(struct segment *g, struct str id, uint32_t *row, struct err *e)
{
    struct id_key key = id_key_of(id), other;
    struct hash128 hash = id_key_hash(&key);
    uint32_t i;

    if (!g->id_count || !id.len || !segment_ids_ready(g, e))
        return false;
    if (!id_filter_has(g->id_filter, g->id_filter_words, hash))
        return false;
    if (!segment_pin(g, g->id, 0, g->rows, e) || !lower_bound(g, hash.low, &i, e))
        return false;
    for (; i < g->id_count; i++) {
        if (!key_at(g, i, &other, e) || id_key_hash(&other).low != hash.low)
            return false;
        if (id_key_equal(&key, &other)) {
            *row = g->id_order[i];
            return true;
        }
    }
    return false;
}
