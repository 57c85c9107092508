/*
 * query/impact (private to the room): what goes with staying. For each candidate event, and each
 * count of it, a 2x2 table: who did it soon after the start, and who reached the goal later.
 *
 * A unit counts once, by its start. Its behaviour is what it did from the start on, for `within`,
 * and always before the time in which the goal is looked at; the start itself is none of it. Units
 * whose goal's time is not over by as_of are left out ("open"); of a funnel's goal those, too, who
 * had reached it before the behaviour was over ("early"): they had less time to do anything.
 */
#pragma once
#include "query/funnel.h"
#include "query/retention.h"

enum { IMPACT_CANDIDATES_MAX = 1000, IMPACT_COUNTS_MAX = 10, IMPACT_ROLES_MAX = 20 };
enum impact_goal { GOAL_RETAINED, GOAL_CONVERTED };

struct impact {
    struct question *q;
    enum impact_goal goal;
    struct matcher start, returns;
    struct str goal_text;
    enum retention_cohort cohort;
    enum retention_match match;
    enum retention_window window;
    int64_t minimum, period, unit_ms;
    size_t rows;         /* intervals in which units may start */
    struct edges edges;  /* of the rows, and of the intervals looked at after them */
    struct funnel *walk; /* of GOAL_CONVERTED: its steps and window */
    int64_t within_ms;

    struct impact_candidate {
        struct str name;
        struct matcher role; /* only of those with conditions or alternatives of their own */
        uint32_t bits;
        bool is_goal, is_start;
        int64_t first;  /* the first of all history; INT64_MIN: unknown */
        size_t late_at; /* among the late ones, the latest first */
    } * candidates;     /* those known by name only come first: they are the codes of `names` */
    size_t candidate_count, named_count, more;
    bool is_all;        /* "events" */
    struct matcher any; /* brings in the rows of those known by name */
    struct intern *names;
    int64_t counts[IMPACT_COUNTS_MAX]; /* ascending */
    size_t count_count;
    int64_t *late; /* firsts after the range began, descending */
    size_t late_count;

    uint32_t start_bits, ever_bits, return_bits, name_bits;
    size_t name_column;
};

/* Numbers of one group. [1] reached the goal, [0] did not. */
struct impact_tally {
    uint64_t units[2], open, early, cut;
};

struct impact_pass {
    struct impact *m;
    bool only_sizes; /* learns groups: no candidates are looked at */
    const struct groups *chosen;
    struct key_map keys;
    size_t slots;
    struct impact_tally *tallies;
    uint64_t *done; /* by slot, candidate, count: units that did it so often; [2] each */
    uint64_t *late; /* by slot: units over before the first n late ones began; late_count + 1 */
    /* who is wanted: of one row of the answer, or of its totals */
    bool picks, pick_open, pick_early, pick_any_goal, pick_reached, pick_did;
    size_t pick_slot, pick_candidate; /* SIZE_MAX: everybody */
    int64_t pick_count;
    struct people people;
};

size_t impact_cells(const struct impact *m); /* of `done`, a slot */
MUST_USE bool impact_pass_run(struct impact_pass *p, struct err *e);
void impact_pass_free(struct impact_pass *p);

/* impact_read.c */
MUST_USE bool impact_read(struct impact *m, struct err *e);
void impact_free(struct impact *m);
