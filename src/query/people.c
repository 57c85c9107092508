/* query/people: the insight that lists the people, or accounts, for whom conditions hold. */
#include "query/behaviour.h"
#include "query/condition.h"
#include "query/operator.h"
#include "query/unit_value.h"
#include "query/why.h"

/* Numbers of those merged into somebody else, or erased, are nobody's. */
static bool is_somebody(const struct question *q, uint32_t unit)
{
    uint32_t found;
    struct str id = q->source->does->unit_id(q->source, unit);

    return q->source->does->unit_find(q->source, id, &found) && found == unit;
}

/* Accounts that are units of the level: of one that has traits, or an event up to as_of. */
static bool accounts_list(struct question *q, struct people *p, struct err *e)
{
    const struct presence *seen;

    if (!presence_of_accounts(q, &seen, e))
        return false;
    const uint32_t *units = accounts_units(q->accounts, q->level);
    uint32_t count = q->source->does->units(q->source);
    bool *is_listed = arena_array(q->arena, (size_t)count + 1, sizeof *is_listed);
    for (uint32_t i = 0; i < count; i++) {
        bool exists = i < accounts_described(q->accounts) || seen->first[i] <= seen->last[i];
        if (exists && units[i] != ACCOUNT_NONE)
            is_listed[units[i]] = true;
    }
    for (uint32_t unit = 0; unit < count; unit++)
        if (is_listed[unit] && condition_holds(q->filter, unit))
            ARRAY_PUSH(p->units, p->count, p->room) = unit;
    return true;
}

static void persons_list(struct question *q, struct people *p)
{
    uint32_t units = q->source->does->units(q->source);

    for (uint32_t unit = 0; unit < units; unit++)
        if (condition_holds(q->filter, unit) && is_somebody(q, unit))
            ARRAY_PUSH(p->units, p->count, p->room) = unit;
}

static bool people_answer(struct question *q, struct buf *out, struct err *e)
{
    struct people p = {0};
    int64_t last;
    bool ok = true;

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
    if (q->unit == COUNTED_ACCOUNT)
        ok = accounts_list(q, &p, e);
    else
        persons_list(q, &p);
    ok = ok && answer_people(q, &p, out, e);
    people_free(&p);
    return ok;
}

static const char *const members[] = {"insight",  "filter",        "segment",     "as_of",
                                      "timezone", "week_start",    "semantics",   "unit",
                                      "level",    "why_not",  SESSION_MEMBERS, PEOPLE_MEMBERS};

const struct insight insight_people = {
    .name = "people",
    .no_sessions = "people are listed, not sessions",
    .of_people = true,
    .counts_accounts = true,
    .interval = INTERVAL_DAY,
    .members = members,
    .member_count = COUNT(members),
    .answer = people_answer,
};
