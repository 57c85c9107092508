/*
 * store/erasures (private to the room): the list of erased person ids, as salted hashes, with the
 * time when each was asked for. It outlives the data, so that an older backup can be cleared of
 * them when it is restored. docs/format/erased.md has the bytes.
 *
 * The hash is BLAKE2b with 128 bits, keyed with the store's number: the same in all copies of a
 * store, different in all others. Thread: one at a time.
 */
#pragma once
#include "store/head.h"

enum { ERASURE_HASH_BYTES = 16, ERASURE_BYTES = ERASURE_HASH_BYTES + 8 };

struct erasure {
    unsigned char hash[ERASURE_HASH_BYTES];
    int64_t time; /* UTC ms */
};

struct erasures {
    struct erasure *list; /* in the order in which they came */
    size_t count, room;
    uint32_t *slots;   /* an open table of places in the list, plus one; 0: free */
    size_t slot_count; /* a power of two, at least twice the count */
};

void erasures_free(struct erasures *l);
void erasure_hash(uint64_t store, struct str id, unsigned char *hash);
/* False: it is in the list already. Both take the same time however long the list is. */
bool erasures_add(struct erasures *l, const struct erasure *x);
bool erasures_have(const struct erasures *l, const struct erasure *x);

/* A whole file. */
void erasures_put(const struct erasures *l, const struct identity *who, uint32_t salt,
                  struct buf *into);
/* ERR_CORRUPT names `path`. `want` NULL: any owner; `head` may be NULL. */
MUST_USE bool erasures_read(struct str bytes, struct str path, const struct identity *want,
                            struct head *head, struct erasures *out, struct err *e);
