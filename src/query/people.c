/* query/people: the insight that lists the people for whom conditions hold. */
#include "query/behaviour.h"
#include "query/condition.h"
#include "query/operator.h"
#include "query/why.h"

/* Numbers of those merged into somebody else, or erased, are nobody's. */
static bool is_somebody(const struct question *q, uint32_t unit)
{
    uint32_t found;
    struct str id = q->source->does->unit_id(q->source, unit);

    return q->source->does->unit_find(q->source, id, &found) && found == unit;
}

static bool people_answer(struct question *q, struct buf *out, struct err *e)
{
    struct people p = {0};
    uint32_t units = q->source->does->units(q->source);
    int64_t last;

    if (!q->source->does->span(q->source, &q->from, &last))
        q->from = q->as_of;
    q->to = q->as_of + 1;
    q->people_of = q->root; /* page and cursor stand in the question itself */
    if (!question_check_names(q, e))
        return false;
    if (ask_is_there(&q->why_not))
        return why_people(q, out, e);
    if (!behaviours_run(q, e) || !patterns_check(q, e))
        return false;
    for (uint32_t unit = 0; unit < units; unit++)
        if (condition_holds(q->filter, unit) && is_somebody(q, unit))
            ARRAY_PUSH(p.units, p.count, p.room) = unit;
    bool ok = answer_people(q, &p, out, e);
    people_free(&p);
    return ok;
}

static const char *const members[] = {"insight",  "filter",        "segment",     "as_of",
                                      "timezone", "week_start",    "semantics",   "unit",
                                      "why_not",  SESSION_MEMBERS, PEOPLE_MEMBERS};

const struct insight insight_people = {
    .name = "people",
    .no_sessions = "people are listed, not sessions",
    .of_people = true,
    .interval = INTERVAL_DAY,
    .members = members,
    .member_count = COUNT(members),
    .answer = people_answer,
};
