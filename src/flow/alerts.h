/*
 * flow/alerts: evaluates alerts: once for each interval that is over, never twice for one.
 *
 * An alert's intervals are those of its question (interval, time zone, first day of the week). One
 * is due when it has been over for the alert's `wait`. Its evaluation asks the question as it was
 * then (nothing later than the interval's end is seen), and is kept as a finding under the
 * interval's end: whoever comes second, after kill -9 or by a clock that was put back, finds it
 * there. A new alert begins with the newest interval that is over; after a pause all that ended
 * meanwhile are evaluated, oldest first, at most the newest ALERTS_CATCH_UP.
 *
 * States: ok, firing, no_data, error. A failure that may pass (no memory, a question stopped at its
 * time limit) is tried ALERTS_TRIES times, then it is the interval's state.
 * When the wall clock jumps against the steady one, nothing is evaluated for ALERTS_HOLD_SECONDS: a
 * future that is wrong and put right again leaves no trace.
 * Thread: alerts_turn from one at a time; the rest any.
 */
#pragma once
#include "access/projects.h"
#include "record/finding.h"
#include "saved/alert.h"
#include "saved/saved.h"

enum {
    ALERTS_CATCH_UP = 100,
    ALERTS_TRIES = 3,
    ALERTS_RETRY_SECONDS = 60,
    ALERTS_HOLD_SECONDS = 300,
    ALERTS_JUMP_MS = 60000,
};

struct alerts;

struct alerts_options {
    struct os *os;
    struct record *record;
    struct projects *projects;
    struct pool *pool;           /* questions compute on it */
    const volatile bool *cancel; /* ends a turn soon; may be NULL */
};

struct alerts *alerts_create(const struct alerts_options *options);
void alerts_destroy(struct alerts *a); /* NULL is fine */
AUTO_DEFINE(alerts, alerts_destroy)

/* What one turn did. */
struct alerts_turn {
    uint64_t alerts, evaluated, firing, failed; /* failed: tried again later */
    bool is_held;                               /* the clock jumped */
};
/* Evaluates what is due, in all projects. `news` gets a line for each alert that begins or ends to
 * fire, or cannot be evaluated. */
MUST_USE bool alerts_turn(struct alerts *a, struct alerts_turn *done, struct buf *news,
                          struct err *e);

/* One evaluation, as it is kept and shown. */
struct alert_result {
    struct str state; /* "ok", "firing", "no_data", "error" */
    struct number now, before;
    struct str start; /* of the interval or cohort the number is of; may be empty */
    int64_t ended;    /* the interval's end */
    struct err why;   /* of an error */
};
/* Evaluates the newest interval that is over, and keeps nothing. `text` is an alert's body. */
MUST_USE bool alerts_try(struct alerts *a, const struct project_settings *project, struct str text,
                         struct alert_result *out, struct arena *arena, struct err *e);
/* {"state":…,"ended":…,"start":…,"number":…,"before":…,"error":{…}} without the last where none. */
void alerts_write(const struct alert_result *r, struct jwrite *w);
/* The same of what is kept, with "evaluated". */
void alerts_finding_write(const struct finding *f, struct jwrite *w);
