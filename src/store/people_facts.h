/*
 * store/people_facts (private to the room): traits of things with dense ordinals, as
 * store/people_write.h describes. The writer's state, and what views hold of it.
 */
#pragma once
#include "base/value.h"

struct traits;
struct trait_set; /* all traits of one thing at one time; immutable */

struct traits *traits_create(void);
void traits_destroy(struct traits *t);
/* One trait to set: its name's number, and the value. */
struct trait_change {
    uint32_t name;
    struct value value;
};
/* `version` rises from call to call. True: something changed. */
bool traits_set(struct traits *t, uint32_t ordinal, uint32_t version, int64_t created,
                const struct trait_change *list, size_t count);
/* All are gone from `version` on. Returns how many there were. */
size_t traits_clear(struct traits *t, uint32_t ordinal, uint32_t version);
/* Sets that no view older than `version` may need are freed. */
void traits_forget(struct traits *t, uint32_t version);
/* As of `version`; NULL if there is none. Any thread that holds a view of that version. */
const struct trait_set *traits_at(const struct traits *t, uint32_t ordinal, uint32_t version);
/* The value and when it was set; VALUE_MISSING if there is none. */
struct value trait_set_value(const struct trait_set *s, uint32_t name, uint32_t *version);
int64_t trait_set_created(const struct trait_set *s);
/* One after the other; `s` may be NULL, as above. */
uint32_t trait_set_count(const struct trait_set *s);
struct value trait_set_at(const struct trait_set *s, uint32_t i, uint32_t *name, uint32_t *version);
/* When the set itself came to be: not before any of its traits. */
uint32_t trait_set_version(const struct trait_set *s);
