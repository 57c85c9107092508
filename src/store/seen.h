/*
 * store/seen (private to the room): a set of ids that says "surely not" or "perhaps", in one touch
 * of memory or a few, and grows. 12 bits an id: some 0.4 % of absent ids read as perhaps.
 * Thread: one at a time.
 */
#pragma once
#include "base/hash.h"

struct seen;

struct seen *seen_create(uint64_t expected); /* so many fit without growing */
void seen_destroy(struct seen *s);           /* NULL is fine */
AUTO_DEFINE(seen, seen_destroy)
void seen_add(struct seen *s, struct hash128 id);
bool seen_may_have(const struct seen *s, struct hash128 id);
uint64_t seen_bytes(const struct seen *s);
