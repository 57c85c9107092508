/*
 * store/people_write (private to the room): the writer's side of store/people.h.
 *
 * Holds the ids, merges and traits of one project, in memory. The ids also lie in people-<n> and
 * the facts in facts-<n> (store_seal.c); both are read back when the store opens.
 *
 * Merges are a forest (store/merges.h): `other` hangs under `subject`, with all that hangs under
 * `other`; a merge of one that hangs elsewhere moves it (the newest word counts: a shared device
 * must not melt two people into one). A merge that would make a circle, or changes nothing, is
 * refused. An unmerge takes exactly one merge back, and the one that stood before it counts again.
 * Each change goes into the identity log.
 *
 * A trait of a unit is the newest one set on any of its persons; `created` the earliest known.
 *
 * Thread: one writer at a time; views (store/people.h) by any thread, while the writer goes on.
 */
#pragma once
#include "base/buf.h"
#include "store/people.h"

struct people;

struct people *people_create(uint64_t seed);
void people_destroy(struct people *p); /* memory lives on until the last view is released */
AUTO_DEFINE(people, people_destroy)

/* `map` holds loaded ids: unmapped when the last view is gone. At most one. */
void people_own_map(struct people *p, struct os *os, struct os_map map);

uint32_t people_put(struct people *p, struct str id); /* finds or adds */
/* Ordinals of many ids at once; UINT32_MAX if absent. Cheaper than one by one. */
void people_find_many(const struct people *p, const struct str *ids, size_t count,
                      uint32_t *ordinals);
uint32_t people_ordinals(const struct people *p);
struct str people_id_at(const struct people *p, uint32_t ordinal);
/*
 * True: it changed something, and belongs in the facts file. An unmerge that names another of the
 * unit then names whose merge it took back: were that other one erased, with all that names it, the
 * two would come together again.
 */
bool people_apply(struct people *p, struct fact *f);
/* One that the facts file holds. Merges and unmerges join the log as they are, even where, without
 * those that named people erased since, they change nothing: later erasures replay them, too. */
void people_load_fact(struct people *p, const struct fact *f);
/*
 * Erasing ids: from now on nobody finds them, their traits and merges are gone, and the same text
 * is somebody new. The text itself can be read by ordinal until it is blanked, which is for when
 * no file needs it any more.
 */
struct people_erased {
    uint64_t traits, merges;
};
/* All of a unit, or of one id: then the rest of its unit stays, in parts. */
void people_erase(struct people *p, const uint32_t *list, size_t count,
                  struct people_erased *counts);
void people_blank(struct people *p, uint32_t ordinal);
uint32_t people_erased_count(const struct people *p);
/* Counted; the same one as long as nothing changes. */
struct people_view *people_look(struct people *p);
/* Of an account; VALUE_MISSING if there is none. Lives as the view. */
struct value people_account_trait(const struct people_view *v, struct str account, struct str name);
/* When the account came to be, or FACT_CREATED_NONE. */
int64_t people_account_created(const struct people_view *v, struct str account);

/* ---- people-<n>: docs/format/people.md ---- */

/* Appends blocks with the ids [from, to) of the view; those listed (ascending) without a byte. */
void people_encode(const struct people_view *v, uint32_t salt, uint32_t from, uint32_t to,
                   const uint32_t *blank, size_t blank_count, struct buf *into);
/*
 * Adds all ids in `blocks`: the bytes behind the file's head, which stay as long as the people do.
 * ERR_CORRUPT names `path` and the offset (counted from the head on). `count`: how many there must
 * be.
 */
MUST_USE bool people_load(struct people *p, struct str blocks, struct str path, uint32_t salt,
                          uint32_t count, struct err *e);
