/*
 * collect/content (private to the room): is it the same record? 64-bit hashes of events, and the
 * counting of equal ones in a file.
 */
#pragma once
#include "store/store.h"

/* Equal events (store.h: known by content) have equal hashes: name, person, account, session, time
 * with its offset, sequence, and properties in any order, each with its type. Neither id, copy nor
 * arrival count. It must find the same events equal as the store does, or rows would be lost (if
 * it told apart what the store does not) or doubled by a second import. */
uint64_t content_hash(const struct event *event, uint64_t seed);

/*
 * A growing set of 64-bit hashes in shards that double one by one, so that growing never needs
 * twice the memory. 8 bytes an entry at a load of 40 to 80 percent.
 */
struct hash_set;

struct hash_set *hash_set_create(void);
void hash_set_destroy(struct hash_set *s); /* NULL is fine */
void hash_set_clear(struct hash_set *s);
/* Adds; false if it was there. */
bool hash_set_add(struct hash_set *s, uint64_t hash);
void hash_set_prefetch(const struct hash_set *s, uint64_t hash);
uint64_t hash_set_count(const struct hash_set *s);
AUTO_DEFINE(hash_set, hash_set_destroy)

/* How many equal records stood before each one: a set of the hashes seen, and counts for those seen
 * more than once. Records whose hashes collide count as equal, which loses none of them. */
struct copies;

struct copies *copies_create(void);
void copies_destroy(struct copies *c); /* NULL is fine */
void copies_clear(struct copies *c);   /* the next file */
/* For each hash in turn, how often it came before. */
void copies_count(struct copies *c, const uint64_t *hashes, uint32_t *before, size_t count);
AUTO_DEFINE(copies, copies_destroy)
