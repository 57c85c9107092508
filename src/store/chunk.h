/*
 * store/chunk (private to the room): the newest rows, in memory, not yet an image.
 *
 * chunk_add copies an event in; chunk_images sorts the rows and makes one image a calendar month,
 * leaving out rows known by content that are there already (store.h, "exactly once").
 * merge_segments makes one segment's bytes of several of the same month. Thread: one at a time;
 * chunk_images and merge_segments only read their inputs.
 */
#pragma once
#include "base/buf.h"
#include "store/segment.h"
#include "store/store.h"

struct chunk;

struct chunk *chunk_create(void);
void chunk_destroy(struct chunk *c);
AUTO_DEFINE(chunk, chunk_destroy)
/* `person` is the ordinal of event->person; `origin` says whose receipt a dropped row counts for.
 */
void chunk_add(struct chunk *c, const struct event *event, uint32_t person, uint32_t origin);
/* The same for an id that was looked at already (NULL: there is none). Returns the event's body
 * hash (segment_event.h), which costs little here, as each text's hash is kept. */
struct id_key;
uint64_t chunk_put(struct chunk *c, const struct event *event, const struct id_key *id,
                   uint32_t person, uint32_t origin);
/* Between these, texts stay where they are and as they are: the same address is the same text, and
 * is looked up once. */
void chunk_begin(struct chunk *c);
void chunk_end(struct chunk *c);
size_t chunk_rows(const struct chunk *c);
size_t chunk_bytes(const struct chunk *c);
uint64_t chunk_values(const struct chunk *c); /* of properties */
void chunk_clear(struct chunk *c);

struct chunk_result {
    struct segment **images; /* mem_array; each counted once; by month */
    size_t image_count;
    uint64_t *dropped_by_origin; /* origin_count entries; rows that were there already */
};
/*
 * `others`: every live segment and image, older first; used to find equal rows (only those of the
 * same month, and overlapping in time and person, are touched). `age`: goes into the images.
 * ERR_CORRUPT when one of the others is damaged.
 */
MUST_USE bool chunk_images(const struct chunk *c, struct str project, uint64_t age,
                           struct segment *const *others, size_t other_count, uint32_t origin_count,
                           struct chunk_result *out, struct err *e);
void chunk_result_free(struct chunk_result *r);

/* Which persons are to be left out (erased); NULL = none. */
typedef bool merge_drop_fn(const void *context, uint32_t person);
/*
 * Segments of one month, older first, at most MERGE_SOURCES_MAX. `into` (empty) gets the bytes of
 * one segment with the given number, and stays empty when no row is left. Its age is that of the
 * oldest. ERR_CORRUPT when one is damaged; ERR_TOO_LARGE beyond SEGMENT_ROWS_MAX rows or 4 GiB of
 * texts in a column: leave them apart.
 */
MUST_USE bool merge_segments(struct segment *const *list, size_t count, struct str project,
                             uint64_t number, merge_drop_fn *drop, const void *context,
                             struct buf *into, struct err *e);

/* What a merge leaves out. `struct merge_choice c = {0};` leaves out nothing. */
struct merge_rule {
    struct str name; /* rows of this event … */
    int64_t before;  /* … that are earlier than this go */
};
struct merge_choice {
    merge_drop_fn *drop;
    const void *context;
    const struct merge_rule *rules;
    size_t rule_count;
};
struct encode_output; /* store/encoder.h */
enum { MERGE_SOURCES_MAX = 1024 };
/* The same into a file, with little memory (merge.c); `*rows` 0: no row is left, nothing was
 * written. Not synced. The output's turn may end it. */
MUST_USE bool merge_to_file(struct segment *const *list, size_t count, struct str project,
                            uint64_t number, const struct merge_choice *choice,
                            const struct encode_output *output, uint32_t *rows, struct err *e);

/* Start of the UTC month that holds `ms`, and of the next one. */
int64_t month_start(int64_t ms);
int64_t month_next(int64_t start);

/* Keyed 128-bit hash of an id (identity of "the same id"), and of an event's whole content. */
struct hash128 event_id_hash(struct str id);
uint64_t event_content_hash(const struct event *event);
/* Row `row` of a segment as an event: texts live as the segment or in the arena; columns are pinned
 * by it. `person` is left for the caller. Used by dedupe, export, check. */
MUST_USE bool segment_event(struct segment *g, uint32_t row, struct arena *arena, struct event *out,
                            struct err *e);
/* The row that holds an id; false = none (or e->kind set on damage). */
bool segment_find_id(struct segment *g, struct str id, uint32_t *row, struct err *e);
/* Which of these hashes, in ascending order of `low`, its ids may have: `found` gets their `low`s,
 * and has room for all. Others are not there. */
MUST_USE bool segment_find_hashes(struct segment *g, const struct hash128 *list, size_t count,
                                  uint64_t *found, size_t *found_count, struct err *e);
