/*
 * store/ids (private to the room): which event ids the rows that are not sealed yet have, and what
 * their events' contents hash to. First in, first out: sealing forgets the oldest.
 * Memory: 24 bytes an id, and 11 to 22 bytes of index. Thread: one at a time.
 */
#pragma once
#include "base/hash.h"

struct ids;

struct ids *ids_create(void);
void ids_destroy(struct ids *t); /* NULL is fine */
AUTO_DEFINE(ids, ids_destroy)
/* The event with this id: true, and its content hash. */
bool ids_find(const struct ids *t, struct hash128 id, uint64_t *content);
/* Fetches what ids_find will touch, some events ahead of it. */
void ids_expect(const struct ids *t, struct hash128 id);
void ids_put(struct ids *t, struct hash128 id, uint64_t content); /* must not be in */
void ids_forget(struct ids *t, size_t oldest);
/* Forgets one id, if it is in: its event is gone. Its place in the line stays. */
void ids_cancel(struct ids *t, struct hash128 id);
size_t ids_count(const struct ids *t);
struct hash128 ids_at(const struct ids *t, size_t number); /* oldest first; below the count */
