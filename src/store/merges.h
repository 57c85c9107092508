/*
 * store/merges (private to the room): who is the same person as whom. The writer's forest, and what
 * readers see of it.
 *
 * "`other` is the same person as `subject`" hangs `other`, and all that hangs under it, under
 * `subject`. Of several such words about one `other` the newest counts; the older ones stand
 * behind it. A part takes exactly one word back: if it was the one that counted, the newest that
 * still stands and makes no circle counts again. The root of a tree is the unit of all in it.
 *
 * Cost: join and part O(log n) amortised, however deep the trees are (link-cut trees), and the
 * number of words that stand about `other`. A look after changes costs the size of the units that
 * changed, not of all. A reader's unit or members: three loads. Memory: about 60 bytes for each
 * ordinal that ever took part, and for readers 8 to 16 bytes more.
 *
 * Source: D. Sleator, R. Tarjan, "A data structure for dynamic trees" (1983).
 *
 * Thread: one writer at a time; a view by any thread while the writer goes on.
 */
#pragma once
#include "base/base.h"

struct merges;
struct merges_view; /* immutable */

struct merges *merges_create(void);
void merges_destroy(struct merges *m); /* with all views; NULL is fine */
AUTO_DEFINE(merges, merges_destroy)
bool merges_join(struct merges *m, uint32_t subject, uint32_t other); /* true: changed */
bool merges_part(struct merges *m, uint32_t subject, uint32_t other);
/* Whose word about `other` such a part takes back: that of `subject`, or, where it never said so,
 * of whom `other` hangs under in the same unit; `subject` if there is nothing to take back. */
uint32_t merges_meant(struct merges *m, uint32_t subject, uint32_t other);
/* Takes back every word about `ordinal`. Those under it stay there: for when a whole component, all
 * that any word ever tied to one another, is cleared, one ordinal after the other. */
void merges_clear(struct merges *m, uint32_t ordinal);
/* The writer's questions, about now: the unit; under whom it hangs (false: nobody, `*parent` as it
 * was); whether the word stands, even behind a newer one. */
uint32_t merges_root(struct merges *m, uint32_t ordinal);
bool merges_parent(const struct merges *m, uint32_t ordinal, uint32_t *parent);
bool merges_stands(struct merges *m, uint32_t subject, uint32_t other);
/* The present state; NULL when nobody is merged. `version` has risen if something changed since the
 * last look. It lives until merges_forget is told that no older version is in use. */
const struct merges_view *merges_look(struct merges *m, uint32_t version);
/* Frees what only views older than `version` may need. */
void merges_forget(struct merges *m, uint32_t version);

/* Of a view, which may be NULL. */
uint32_t merges_unit(const struct merges_view *v, uint32_t ordinal);
/* All of a unit, itself included, ascending; 1 and a NULL list when nobody hangs under it. */
size_t merges_members(const struct merges_view *v, uint32_t unit, const uint32_t **list);
