/* store/erasures: see erasures.h. */
#include "store/erasures.h"

#include <sodium.h>

#include "codec/bytes.h"

/* Behind the head: u32 entries, u32 crc32c of them (from the file's salt), then each: hash, i64. */
enum { ENTRIES_AT = HEAD_BYTES + 8 };

void erasures_free(struct erasures *l)
{
    mem_free(l->list);
    mem_free(l->slots);
    *l = (struct erasures){0};
}

void erasure_hash(uint64_t store, struct str id, unsigned char *hash)
{
    unsigned char key[crypto_generichash_KEYBYTES_MIN] = "tenure: erased ";
    _Static_assert(sizeof key == 16 && ERASURE_HASH_BYTES >= crypto_generichash_BYTES_MIN,
                   "sizes that BLAKE2b takes");
    for (size_t i = 0; i < sizeof store; i++)
        key[i] ^= (unsigned char)(store >> (8 * i));
    crypto_generichash(hash, ERASURE_HASH_BYTES, (const unsigned char *)id.at, id.len, key,
                       sizeof key);
}

/* Where it is, or where it would be put. The hashes are as good as dice already. */
static size_t slot_of(const struct erasures *l, const struct erasure *x)
{
    uint64_t at;
    memcpy(&at, x->hash, sizeof at);
    at += (uint64_t)x->time * UINT64_C(0x9e3779b97f4a7c15); /* one id may be erased often */
    at ^= at >> 32;
    for (;; at++) {
        uint32_t place = l->slots[at & (l->slot_count - 1)];
        const struct erasure *y = place ? &l->list[place - 1] : NULL;
        if (!y || (y->time == x->time && memcmp(y->hash, x->hash, ERASURE_HASH_BYTES) == 0))
            return at & (l->slot_count - 1);
    }
}

/* Room for one more, with half of the table free. */
static void make_slots(struct erasures *l)
{
    enum { FEWEST = 16 };
    if (l->slot_count >= 2 * (l->count + 1))
        return;
    size_t want = FEWEST;
    while (want < 4 * (l->count + 1))
        want *= 2;
    mem_free(l->slots);
    l->slots = mem_array(want, sizeof *l->slots);
    l->slot_count = want;
    for (size_t i = 0; i < l->count; i++)
        l->slots[slot_of(l, &l->list[i])] = (uint32_t)i + 1;
}

bool erasures_have(const struct erasures *l, const struct erasure *x)
{
    return l->slot_count && l->slots[slot_of(l, x)];
}

bool erasures_add(struct erasures *l, const struct erasure *x)
{
    if (erasures_have(l, x))
        return false;
    make_slots(l);
    ARRAY_PUSH(l->list, l->count, l->room) = *x;
    l->slots[slot_of(l, x)] = (uint32_t)l->count;
    return true;
}

void erasures_put(const struct erasures *l, const struct identity *who, uint32_t salt,
                  struct buf *into)
{
    head_put(into,
             &(struct head){
                 .kind = HEAD_ERASED, .salt = salt, .store = who->store, .project = who->project});
    BUF_AUTO entries = {0};
    for (size_t i = 0; i < l->count; i++) {
        buf_add_bytes(&entries, l->list[i].hash, ERASURE_HASH_BYTES);
        buf_add_u64(&entries, (uint64_t)l->list[i].time);
    }
    buf_add_u32(into, (uint32_t)l->count);
    buf_add_u32(into, crc32c(salt, entries.at, entries.len));
    buf_add(into, buf_str(&entries));
}

bool erasures_read(struct str bytes, struct str path, const struct identity *want,
                   struct head *head, struct erasures *out, struct err *e)
{
    struct head own;
    uint32_t count = 0, crc = 0;
    *out = (struct erasures){0};
    if (!head_read(bytes, path, HEAD_ERASED, want, &own, e))
        return false;
    if (bytes.len >= ENTRIES_AT) {
        memcpy(&count, bytes.at + HEAD_BYTES, sizeof count);
        memcpy(&crc, bytes.at + HEAD_BYTES + sizeof count, sizeof crc);
    }
    if (bytes.len != ENTRIES_AT + (uint64_t)count * ERASURE_BYTES ||
        crc != crc32c(own.salt, bytes.at + ENTRIES_AT, bytes.len - ENTRIES_AT)) {
        err_set(e, ERR_CORRUPT, "%.*s is damaged", STR_ARG(path));
        return err_hint(e, "put the copy of it from the newest backup in its place");
    }
    out->list = mem_array(count, sizeof *out->list);
    out->room = out->count = count;
    for (size_t i = 0; i < count; i++) {
        const char *at = bytes.at + ENTRIES_AT + i * ERASURE_BYTES;
        memcpy(out->list[i].hash, at, ERASURE_HASH_BYTES);
        memcpy(&out->list[i].time, at + ERASURE_HASH_BYTES, sizeof out->list[i].time);
    }
    make_slots(out);
    if (head)
        *head = own;
    return true;
}
