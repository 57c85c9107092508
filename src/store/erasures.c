/* store/erasures: see erasures.h. */
#include "store/erasures.h"

#include <sodium.h>

#include "codec/bytes.h"

/* Behind the head: u32 entries, u32 crc32c of them (from the file's salt), then each: hash, i64. */
enum { ENTRIES_AT = HEAD_BYTES + 8 };

void erasures_free(struct erasures *l)
{
    mem_free(l->list);
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

bool erasures_have(const struct erasures *l, const struct erasure *x)
{
    for (size_t i = l->count; i-- > 0;)
        if (l->list[i].time == x->time && memcmp(l->list[i].hash, x->hash, ERASURE_HASH_BYTES) == 0)
            return true;
    return false;
}

bool erasures_add(struct erasures *l, const struct erasure *x)
{
    if (erasures_have(l, x))
        return false;
    ARRAY_PUSH(l->list, l->count, l->room) = *x;
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
    if (head)
        *head = own;
    return true;
}
