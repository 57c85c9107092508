/*
 * store/people_facts (private to the room): merges and traits, as store/people_write.h describes.
 * The writer's state, and what views hold of it.
 */
#pragma once
#include "base/value.h"

/* ---- merges ---- */

struct merges;      /* the writer's */
struct merges_view; /* immutable, counted */

struct merges *merges_create(void);
void merges_destroy(struct merges *m);
bool merges_join(struct merges *m, uint32_t subject, uint32_t other); /* true: changed */
bool merges_part(struct merges *m, uint32_t subject, uint32_t other);
/* NULL when nobody is merged. */
struct merges_view *merges_look(struct merges *m);
void merges_release(struct merges_view *v); /* NULL is fine */
uint32_t merges_unit(const struct merges_view *v, uint32_t ordinal);
size_t merges_members(const struct merges_view *v, uint32_t unit, const uint32_t **list);

/* ---- traits: of things with dense ordinals ---- */

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
/* Sets that no view older than `version` may need are freed. */
void traits_forget(struct traits *t, uint32_t version);
/* As of `version`; NULL if there is none. Any thread that holds a view of that version. */
const struct trait_set *traits_at(const struct traits *t, uint32_t ordinal, uint32_t version);
/* The value and when it was set; VALUE_MISSING if there is none. */
struct value trait_set_value(const struct trait_set *s, uint32_t name, uint32_t *version);
int64_t trait_set_created(const struct trait_set *s);
