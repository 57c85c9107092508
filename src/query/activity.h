/*
 * query/activity (private to the room): in which intervals each unit was active: what lifecycle and
 * stickiness count.
 *
 * A unit (a person, or an account) has one track for each group it is in: a bit an interval, and
 * whether anything came before the first. Without a breakdown tracks are kept between the parts of
 * a scan; with one, a unit's tracks are made and counted at a time. Nothing is kept for an event.
 */
#pragma once
#include "query/group.h"

struct activity_pass;

/* What becomes of a track: the two insights' own part. */
struct track {
    const uint64_t *bits; /* by interval of the pass's edges */
    bool was_before;      /* active before the first of them */
    size_t created;       /* the interval the unit came to be in; SIZE_MAX: another, or unknown */
    bool has_created;
};
struct activity_kind {
    size_t rows; /* of numbers: rows * edges.count a group */
    void (*add)(const struct activity_pass *p, const struct track *t, uint64_t *numbers);
    bool (*is_picked)(const struct activity_pass *p, const struct track *t);
    void (*write)(const struct activity_pass *p, size_t slot, struct jwrite *w);
};

struct activity {
    struct question *q;
    const struct activity_kind *kind;
    struct matcher role;
    int64_t minimum; /* events that make an interval active */
    bool by_history; /* wants track.was_before */
    bool by_created; /* wants track.created */
    size_t lead;     /* intervals before the range that are looked at, but not shown */
};

struct activity_pass {
    const struct activity *a;
    struct edges edges; /* the lead's, too */
    int64_t from, to;
    const struct groups *chosen; /* NULL: learn */
    struct key_map keys;         /* learned, all threads */
    size_t slots, room;
    uint64_t *numbers, *sizes; /* by slot; size = units with a track that is not empty */
    bool picks;
    size_t pick_slot, pick_interval, pick_state; /* what they mean is the kind's */
    struct people people;
};

/* Finds edges, runs the scan. */
MUST_USE bool activity_pass_run(struct activity_pass *p, struct err *e);
void activity_pass_free(struct activity_pass *p);
/* Intervals of the answer that have begun by as_of; the others have no number. */
size_t activity_begun(const struct activity_pass *p);

/* ---- activity.c: what both do around a pass ---- */

MUST_USE bool activity_read(struct activity *a, struct err *e); /* event, any_of; names */
/* The whole, by group, and the range compared with; `head` writes what stands before. */
MUST_USE bool activity_write(struct activity *a,
                             bool (*head)(struct activity *a, struct activity_pass *p,
                                          struct jwrite *w, struct err *e),
                             struct buf *out, struct err *e);
/* The people that `picked` (slot and edges still unset) asks for. */
MUST_USE bool activity_pick(struct activity *a, struct activity_pass *picked, struct buf *out,
                            struct err *e);
/* Edges of the question's own range, the lead's included. */
MUST_USE bool activity_edges(const struct activity *a, int64_t from, int64_t to, struct edges *out,
                             struct err *e);
