/*
 * store/snapshot (private to the room): what a snapshot is made of.
 */
#pragma once
#include "base/arena.h"
#include "store/people.h"
#include "store/segment.h"
#include "store/store.h"

/* Persons whose rows are to be left out of every answer, though they are there still: erased.
 * Counted and immutable. */
struct hidden {
    _Atomic uint32_t references;
    size_t count;
    uint32_t list[]; /* ordinals, ascending */
};

/* With those of `more` (in any order) and without those of `less` (ascending); NULL: none is left.
 * `h` may be NULL, and stays the caller's. */
struct hidden *hidden_with(const struct hidden *h, const uint32_t *more, size_t more_count,
                           const uint32_t *less, size_t less_count);
struct hidden *hidden_keep(struct hidden *h); /* NULL is fine, as in all of these */
void hidden_release(struct hidden *h);
AUTO_DEFINE(hidden, hidden_release)
uint64_t hidden_row_count(const struct hidden *h, const struct segment *g);
bool hidden_has(const void *hidden, uint32_t ordinal); /* a merge_drop_fn */

/* Rows [from, to) of a segment. */
struct row_range {
    uint32_t from, to;
};
/* The rows of hidden persons in a segment, ascending and apart; in the arena. */
size_t hidden_rows(const struct hidden *h, const struct segment *g, struct arena *arena,
                   const struct row_range **list);

struct snapshot {
    _Atomic uint32_t references;
    struct segment **segments; /* by (month, age); each counted */
    size_t segment_count;
    struct hidden *hidden;      /* counted; NULL: none */
    struct people_view *people; /* counted, immutable: ids, merges, traits */
    uint64_t state;
};
