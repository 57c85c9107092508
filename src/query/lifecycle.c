/* query/lifecycle: who is new, who stayed, who came back, who went to sleep, interval by interval.
 */
#include "query/activity.h"

enum { STATE_NEW, STATE_RETURNING, STATE_RESURRECTING, STATE_DORMANT, STATE_COUNT, LEAD = 1 };

static const char *const state_names[] = {"new", "returning", "resurrecting", "dormant", "active"};

/* The interval a track is new in: its first of all history, or that of its creation. */
static size_t fresh_at(const struct activity_pass *p, const struct track *t)
{
    if (p->a->by_created && t->has_created)
        return t->created;
    for (size_t i = 0; !t->was_before && i < (p->edges.count + 63) / 64; i++)
        if (t->bits[i])
            return i * 64 + (size_t)__builtin_ctzll(t->bits[i]);
    return SIZE_MAX;
}

struct states {
    uint64_t bits[STATE_COUNT];
};

/* States of the intervals 64 * i …: each active interval has one of three; what follows an active
 * one without being one is dormant. Who was active in the interval before is never new, so that the
 * four always add up to the change. */
static struct states states_of(const struct activity_pass *p, const struct track *t, size_t i,
                               size_t fresh)
{
    uint64_t now = t->bits[i], before = now << 1 | (i ? t->bits[i - 1] >> 63 : 0);
    uint64_t first = fresh / 64 == i ? (uint64_t)1 << (fresh & 63) : 0;
    size_t left = p->edges.count - i * 64;
    uint64_t shown = left >= 64 ? UINT64_MAX : ((uint64_t)1 << left) - 1;
    struct states s;

    if (i == 0)
        shown &= ~(uint64_t)LEAD; /* bit 0 is the interval before the range */
    first &= now & ~before;
    s.bits[STATE_NEW] = first & shown;
    s.bits[STATE_RETURNING] = now & before & shown;
    s.bits[STATE_RESURRECTING] = now & ~before & ~first & shown;
    s.bits[STATE_DORMANT] = ~now & before & shown;
    return s;
}

static void lifecycle_add(const struct activity_pass *p, const struct track *t, uint64_t *numbers)
{
    size_t fresh = fresh_at(p, t);

    for (size_t i = 0; i < (p->edges.count + 63) / 64; i++) {
        struct states s = states_of(p, t, i, fresh);
        for (size_t state = 0; state < STATE_COUNT; state++) {
            uint64_t *row = numbers + state * p->edges.count + i * 64;
            for (uint64_t bits = s.bits[state]; bits; bits &= bits - 1)
                row[__builtin_ctzll(bits)]++;
        }
    }
}

static bool lifecycle_is_picked(const struct activity_pass *p, const struct track *t)
{
    size_t i = p->pick_interval / 64;
    struct states s = states_of(p, t, i, fresh_at(p, t));
    uint64_t bits = 0;

    for (size_t state = 0; state < STATE_COUNT; state++)
        if (p->pick_state == STATE_COUNT ? state != STATE_DORMANT : state == p->pick_state)
            bits |= s.bits[state];
    return bits >> (p->pick_interval & 63) & 1;
}

/* Intervals that have not begun have no number. */
static void lifecycle_write(const struct activity_pass *p, size_t slot, struct jwrite *w)
{
    size_t n = p->edges.count, end = LEAD + activity_begun(p);
    const uint64_t *numbers = p->numbers + slot * STATE_COUNT * n;

    for (size_t state = 0; state < COUNT(state_names); state++) {
        jwrite_key(w, str_of(state_names[state]));
        jwrite_array(w);
        for (size_t i = LEAD; i < n; i++) {
            int64_t v = 0;
            for (size_t k = 0; k < STATE_DORMANT; k++)
                v += (int64_t)numbers[k * n + i];
            if (state < STATE_COUNT)
                v = (int64_t)numbers[state * n + i];
            if (i >= end)
                jwrite_null(w);
            else
                jwrite_int(w, state == STATE_DORMANT ? -v : v);
        }
        jwrite_end(w);
    }
    jwrite_key(w, STR("final"));
    jwrite_array(w);
    for (size_t i = LEAD; i < n; i++)
        jwrite_bool(w, p->edges.at[i + 1] <= p->a->q->as_of);
    jwrite_end(w);
}

static const struct activity_kind lifecycle_kind = {
    .rows = STATE_COUNT,
    .add = lifecycle_add,
    .is_picked = lifecycle_is_picked,
    .write = lifecycle_write,
};

static bool lifecycle_pick(struct activity *a, struct buf *out, struct err *e)
{
    static const char *const known[] = {"interval", "state", "breakdown", PEOPLE_MEMBERS};
    struct question *q = a->q;
    struct ask state = ask_member(&q->people_of, "state");
    struct activity_pass picked = {0};
    struct edges edges, shown;
    unsigned choice;

    if (!ask_members(&q->people_of, known, COUNT(known), e) ||
        !activity_edges(a, q->from, q->to, &edges, e))
        return false;
    shown = (struct edges){edges.at + LEAD, edges.count - LEAD};
    if (!coordinate_interval(q, "interval", &shown, &picked.pick_interval, e))
        return false;
    if (!ask_is_there(&state))
        return ask_missing(&q->people_of, "state",
                           "say new, returning, resurrecting, dormant or active", e);
    if (!ask_choice(&state, state_names, COUNT(state_names), &choice, e))
        return false;
    if (shown.at[picked.pick_interval] > q->as_of) /* no number, nobody */
        return answer_people(q, &picked.people, out, e);
    picked.pick_interval += LEAD;
    picked.pick_state = choice;
    return activity_pick(a, &picked, out, e);
}

static bool lifecycle_run(struct activity *a, struct buf *out, struct err *e)
{
    static const char *const rules[] = {"first_event", "created"};
    struct question *q = a->q;
    struct ask new_by = ask_member(&q->root, "new_by");
    unsigned choice = 0;

    if (ask_is_there(&new_by) && !ask_choice(&new_by, rules, COUNT(rules), &choice, e))
        return false;
    a->by_created = choice == 1;
    question_rule(q, "new_by", str_of(rules[choice]));
    if (!activity_read(a, e))
        return false;
    /* A cut interval would make people dormant who are not: whole ones only. */
    q->from = interval_floor(q->zone, q->interval, q->week_start, q->from);
    int64_t last = interval_floor(q->zone, q->interval, q->week_start, q->to - 1);
    q->to = interval_step(q->zone, q->interval, q->week_start, last, 1);
    return ask_is_there(&q->people_of) ? lifecycle_pick(a, out, e)
                                       : activity_write(a, NULL, out, e);
}

static bool lifecycle_answer(struct question *q, struct buf *out, struct err *e)
{
    struct activity a = {
        .q = q, .kind = &lifecycle_kind, .minimum = 1, .by_history = true, .lead = LEAD};

    return lifecycle_run(&a, out, e);
}

static const char *const members[] = {QUESTION_MEMBERS, "event", "any_of", "new_by", "compare"};

const struct insight insight_lifecycle = {
    .name = "lifecycle",
    .no_sessions = "a session lives but once; count persons or accounts",
    .wants_range = true,
    .interval = INTERVAL_DAY,
    .counts_accounts = true,
    .members = members,
    .member_count = COUNT(members),
    .answer = lifecycle_answer,
};
