/*
 * query/funnel (private to the room): the question, one unit's events, and the runs through them.
 *
 * Steps are numbered from 1 in questions and answers, and from 0 in arrays and bits here; a run's
 * `depth` is how many steps in it stands: the number of its last step, 0 = not begun.
 */
#pragma once
#include "query/session_scan.h"

enum {
    STEPS_MAX = LIMIT_QUERY_STEPS,
    EXCLUSIONS_MAX = LIMIT_QUERY_EXCLUSIONS,
    HOLDS_MAX = 3,
    BUCKET_ANY = UINT32_MAX
};

/* Steps, a bit each. */
__extension__ typedef unsigned __int128 step_set;
static inline step_set step_bit(size_t step)
{
    return (step_set)1 << step;
}
static inline bool step_in(step_set set, size_t step)
{
    return set >> step & 1;
}
static inline unsigned steps_in(step_set set)
{
    return (unsigned)(__builtin_popcountll((uint64_t)set) +
                      __builtin_popcountll((uint64_t)(set >> 64)));
}

enum funnel_order { ORDER_ORDERED, ORDER_STRICT, ORDER_UNORDERED };
enum funnel_entry { ENTRY_LATEST, ENTRY_FIRST, ENTRY_EVERY };
enum funnel_count { COUNT_PEOPLE, COUNT_TOTALS, COUNT_SESSIONS, COUNT_HELD };
enum funnel_attribution { TOUCH_FIRST, TOUCH_LAST, TOUCH_STEP, TOUCH_ALL_EVENTS };
enum funnel_show { SHOW_STEPS, SHOW_OVER_TIME, SHOW_TIME_TO_CONVERT };

struct funnel {
    struct question *q;
    struct funnel_step {
        struct matcher role;
        struct str name;
        uint32_t bits; /* selectors of the scan; wide funnels have their own way (funnel_wide.c) */
    } steps[STEPS_MAX];
    size_t step_count;
    step_set optional;
    struct funnel_exclusion {
        struct matcher role;
        uint32_t bits;
        step_set blocks; /* bit k: from step k+1 (array k) on nothing further */
    } exclusions[EXCLUSIONS_MAX];
    size_t exclusion_count;
    uint32_t other_bits; /* strict: any event */
    struct wide *wide;   /* more kinds of events than a scan has selectors; NULL = no */
    enum funnel_order order;
    int64_t window_ms, tie_ms;
    enum funnel_entry entry;
    enum funnel_count count;
    bool drops; /* on_exclude */
    struct str holds[HOLDS_MAX];
    size_t hold_count;
    size_t hold_columns[HOLDS_MAX];
    struct intern *hold_codes;
    enum funnel_attribution attribution;
    size_t attribution_step; /* array index */
    enum funnel_show show;
    size_t from_step, to_step; /* array indexes */
    int64_t bins;              /* 0 = by the rule */
    struct edges buckets;      /* of over_time */
};

/* One event of the unit at hand. */
struct funnel_event {
    int64_t time;
    step_set steps;      /* it may fill */
    step_set blocks;     /* union of what its exclusions block */
    uint32_t exclusions; /* it is */
    uint32_t bucket;
    uint32_t hold;
    uint32_t slot; /* of its own values */
    bool has_value;
};

/* A run, or what became of one. */
struct run {
    uint32_t depth; /* 0 = none */
    bool is_excluded;
    uint32_t start_event;
    uint32_t hold;
    step_set taken; /* steps it filled */
    int64_t start;
    struct run_place {
        int64_t at;
        uint32_t event;
    } places[STEPS_MAX]; /* by step; nothing from `depth` on */
};

/* Most runs are short: only what a run has is copied. */
static inline void run_copy(struct run *to, const struct run *from)
{
    memcpy(to, from, offsetof(struct run, places) + from->depth * sizeof *from->places);
}

/* Called for each outcome to count. */
typedef void run_fn(void *context, const struct run *run);

struct walk {
    const struct funnel *f;
    const struct funnel_event *events;
    size_t count;
    uint32_t bucket; /* only runs that start in it; BUCKET_ANY */
    struct run best;
    struct run entered[STEPS_MAX + 1]; /* by depth */
    uint32_t *instant;                 /* indexes of the events of one instant */
    size_t instant_room;
    struct step_queue {
        uint32_t *events;
        size_t head, count, room;
    } queues[STEPS_MAX]; /* of unordered funnels, by step */
};

/* The unit's reported run, by the rules for people. best.depth 0: none, or dropped. */
const struct run *walk_people(struct walk *w, const struct funnel_event *events, size_t count,
                              uint32_t bucket);
/* Every entry. */
void walk_totals(struct walk *w, const struct funnel_event *events, size_t count, run_fn *each,
                 void *context);
void walk_free(struct walk *w);

/* ---- one instant (funnel_instant.c) ---- */

/*
 * Can events of the instant take the run on to `depth`? They may come in any order, each fills one
 * step, required steps between must be filled too. On true *out is the run there. `run->depth` 0:
 * a new run; `start_event` UINT32_MAX lets any event of the walk's bucket begin it.
 */
bool instant_extend(const struct walk *w, const uint32_t *list, size_t count, const struct run *run,
                    uint32_t start_event, uint32_t depth, struct run *out);
/* How many steps of `out` are new since `run`. */
unsigned run_gained(const struct run *out, const struct run *run);
bool run_in_window(const struct funnel *f, const struct run *run, int64_t time);

/* ---- wide funnels (funnel_wide.c) ---- */
struct wide {
    struct wide_option *options;
    size_t count, room;
    struct intern *names;
    size_t column; /* of the event's name */
};
bool wide_is_needed(const struct funnel *f);
MUST_USE bool wide_read(struct funnel *f, struct reading *r, int64_t to, struct err *e);
void wide_event(const struct funnel *f, uint32_t mask, uint32_t name, struct funnel_event *out);
void wide_free(struct wide *w); /* NULL is fine */

/* ---- unordered (funnel_unordered.c) ---- */
const struct run *walk_unordered(struct walk *w, const struct funnel_event *events, size_t count,
                                 uint32_t bucket);

/* ---- tallies ---- */

struct tally {
    size_t step_count;          /* 0: not begun, the next three are not there */
    uint64_t *counts, *stopped; /* by step */
    struct times {
        int64_t *list; /* ms */
        size_t count, room;
    } * times;
    struct times samples; /* of time_to_convert */
    uint64_t *from, *to;  /* by bucket */
};

struct funnel_pass {
    struct funnel *f;
    const struct groups *chosen;
    struct key_map keys;
    size_t slots, tally_room;
    struct tally *tallies;
    bool picks, pick_dropped, pick_stopped;
    size_t pick_slot, pick_step;
    uint32_t pick_bucket;
    struct people people;
    bool reports; /* of one person: the run that counts, instead of numbers (query/why.h) */
    struct run reported;
};

MUST_USE bool funnel_pass_run(struct funnel_pass *p, struct err *e);
void funnel_pass_free(struct funnel_pass *p);

void tally_begin(const struct funnel *f, struct tally *t); /* once, or again */
void tally_add(const struct funnel *f, struct tally *t, const struct run *run);
void tally_merge(const struct funnel *f, struct tally *into,
                 struct tally *from); /* may take lists of `from` */
void tally_free(struct tally *t);
void times_push(struct times *t, int64_t ms);
void times_reserve(struct times *t, size_t more); /* room for one beyond them, too */
/* Seconds; NaN without any. Exact; quantiles by linear interpolation between neighbours. Reorders
 * the list. */
struct times_summary {
    double average, median, p90;
};
struct times_summary times_summarise(struct times *t);

/* ---- the plain kernel: ordered, latest, exact, nothing else ---- */
bool funnel_is_plain(const struct funnel_pass *p);
/* What is known of the units of a range, between its batches. */
struct plain {
    struct plain_place *places; /* by unit of the range at hand */
    size_t place_room;
    uint32_t *before; /* by event: the newest event of the step before */
    uint32_t *owners; /* by event: the first place of its unit */
    size_t event_count, event_room;
};
/* One batch of a scan in parts into the tally. */
void funnel_plain_batch(const struct funnel *f, struct plain *s, const struct scan_batch *b,
                        struct tally *t);
void funnel_plain_free(struct plain *s);
