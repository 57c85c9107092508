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

static bool is_dash_at(size_t i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Eight small hexadecimal digits as four bytes, or a set bit in `*wrong`. All bytes at once: none
 * of the sums below carries into the next. */
static uint32_t hex8_read(uint64_t text, uint64_t *wrong)
{
    uint64_t high = text & EACH(0x80), low = text & EACH(0x7f);
    uint64_t is_from_0 = low + EACH(0x80 - '0'), is_over_9 = low + EACH(0x80 - '9' - 1);
    uint64_t is_from_a = low + EACH(0x80 - 'a'), is_over_f = low + EACH(0x80 - 'f' - 1);
    uint64_t is_letter = is_from_a & ~is_over_f & EACH(0x80);
    uint64_t is_digit = is_from_0 & ~is_over_9 & EACH(0x80);

    *wrong |= high | ((is_letter | is_digit) ^ EACH(0x80));
    uint64_t nibbles = (low & EACH(0x0f)) + (is_letter >> 7) * 9;
    nibbles = (nibbles << 4 | nibbles >> 8) & UINT64_C(0x00ff00ff00ff00ff);
    nibbles = (nibbles | nibbles >> 8) & UINT64_C(0x0000ffff0000ffff);
    return (uint32_t)(nibbles | nibbles >> 16);
}

static uint64_t word_at(const char *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

/* Only the canonical text, since the text must come back as it was. Its digits stand at 0, 9, 14,
 * 19 and 24; the words from 9 and 19 on are put together of two groups each. */
static bool uuid_read(struct str text, uint8_t *uuid)
{
    if (text.len != UUID_TEXT_BYTES || text.at[8] != '-' || text.at[13] != '-' ||
        text.at[18] != '-' || text.at[23] != '-')
        return false;
    const char *at = text.at;
    uint64_t wrong = 0;
    uint64_t second = (word_at(at + 9) & UINT32_MAX) | word_at(at + 10) >> 32 << 32;
    uint64_t third = (word_at(at + 19) & UINT32_MAX) | word_at(at + 20) >> 32 << 32;
    uint32_t words[4] = {hex8_read(word_at(at), &wrong), hex8_read(second, &wrong),
                         hex8_read(third, &wrong), hex8_read(word_at(at + 28), &wrong)};
    if (wrong)
        return false;
    memcpy(uuid, words, sizeof words);
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
    if (a->is_uuid && b->is_uuid)
        return memcmp(a->uuid, b->uuid, SEGMENT_ID_BYTES) == 0;
    return a->is_uuid == b->is_uuid && str_equal(a->text, b->text);
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
    if (!is_good)
        return segment_damaged(g, e, "its id index names a row that is not there");
    return true;
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

/* First entry whose hash is not below `low`, from `*out` on, where those before are below
 * `from_hash`. Each step halves the range at least every other time. */
static bool lower_bound(const struct segment *g, uint64_t from_hash, uint64_t low, uint32_t *out,
                        struct err *e)
{
    uint32_t from = *out, to = g->id_count;
    uint64_t to_hash = UINT64_MAX;

    for (unsigned step = 0; from < to; step++) {
        uint32_t middle = from + (to - from) / 2;
        if (step % 2 == 0) { /* from_hash <= low <= to_hash */
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
    uint32_t i = 0;

    if (!g->id_count || !id.len || !segment_ids_ready(g, e))
        return false;
    if (!id_filter_has(g->id_filter, g->id_filter_words, hash))
        return false;
    if (!segment_pin(g, g->id, 0, g->rows, e) || !lower_bound(g, 0, hash.low, &i, e))
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

bool segment_find_hashes(struct segment *g, const struct hash128 *list, size_t count,
                         uint64_t *found, size_t *found_count, struct err *e)
{
    uint32_t at = 0;
    uint64_t before = 0;
    struct id_key key;

    *found_count = 0;
    if (!g->id_count || !count)
        return true;
    if (!segment_ids_ready(g, e))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (LIKELY(!id_filter_has(g->id_filter, g->id_filter_words, list[i])))
            continue;
        if (!segment_pin(g, g->id, 0, g->rows, e) || !lower_bound(g, before, list[i].low, &at, e))
            return false;
        before = list[i].low;
        if (at == g->id_count)
            continue;
        if (!key_at(g, at, &key, e))
            return false;
        if (id_key_hash(&key).low == list[i].low)
            found[(*found_count)++] = list[i].low;
    }
    return true;
}
