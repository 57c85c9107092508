/* query/impact_run: one pass over whole units: start, behaviour, goal. */
#include "query/impact.h"

enum { CELLS_MAX = 4 << 20, HOUR_MS = 3600000 };

struct worker {
    struct impact_pass *p;
    const struct impact *m;
    struct keyer keyer;
    struct impact_tally *tallies;
    uint64_t *done, *late;
    size_t room;     /* slots */
    uint32_t *often; /* by candidate, of the unit at hand */
    uint32_t *touched;
    size_t touched_count;
    struct walk walk;
    struct funnel_event *events;
    size_t event_room;
    struct people people;
    bool is_too_large;
};

/* A unit's times. */
struct life {
    int64_t start;
    size_t row;
    int64_t until; /* behaviour: [start, until] */
    int64_t end;   /* of the goal's time */
    bool is_cut;   /* the goal's time began before `within` was over */
};

size_t impact_cells(const struct impact *m)
{
    return m->candidate_count * m->count_count * 2;
}

static inline uint32_t mask_at(const struct scan_batch *b, size_t i)
{
    return b->mask ? b->mask[i] : 1;
}

/* ---- start ---- */

/* The event that starts the unit, or SIZE_MAX. */
static size_t start_find(const struct impact *m, const struct scan_batch *b, size_t u)
{
    const struct question *q = m->q;

    for (size_t i = b->starts[u]; i < b->starts[u + 1]; i++) {
        uint32_t mask = mask_at(b, i);
        if (!(mask & m->ever_bits))
            continue;
        bool is_in = b->time[i] >= q->from && b->time[i] < q->to;
        return is_in && (mask & m->start_bits) ? i : SIZE_MAX;
    }
    return SIZE_MAX;
}

static int64_t hour_floor(int64_t at)
{
    int64_t hours = at / HOUR_MS - (at % HOUR_MS < 0);
    return hours * HOUR_MS;
}

static struct life life_of(const struct impact *m, const struct scan_batch *b, size_t at)
{
    struct life l = {.start = b->time[at], .row = b->interval ? b->interval[at] : 0};
    size_t first = m->match == MATCH_ON || m->match == MATCH_ON_OR_AFTER ? (size_t)m->period : 1;
    int64_t goal_from, wanted = l.start + m->within_ms;

    if (m->goal == GOAL_CONVERTED) {
        l.until = wanted;
        l.end = l.start + m->walk->window_ms;
        return l;
    }
    if (m->window == WINDOW_CALENDAR) {
        goal_from = m->edges.at[l.row + first];
        l.end = m->edges.at[l.row + (size_t)m->period + 1];
    } else {
        int64_t zero = m->window == WINDOW_ROLLING_HOUR ? hour_floor(l.start) : l.start;
        goal_from = zero + (int64_t)first * m->unit_ms;
        l.end = zero + (m->period + 1) * m->unit_ms;
    }
    l.is_cut = goal_from - 1 < wanted;
    l.until = l.is_cut ? goal_from - 1 : wanted;
    return l;
}

/* ---- behaviour ---- */

static inline void candidate_add(struct worker *w, size_t c)
{
    if (w->often[c]++ == 0)
        w->touched[w->touched_count++] = (uint32_t)c;
}

/* How often each candidate was done from the start on; all of one time stamp are at the start. */
static void behaviour_find(struct worker *w, const struct scan_batch *b, size_t u, size_t at,
                           const struct life *l)
{
    const struct impact *m = w->m;
    size_t i = at;

    while (i > b->starts[u] && b->time[i - 1] == l->start)
        i--;
    for (; i < b->starts[u + 1] && b->time[i] <= l->until; i++) {
        uint32_t mask = mask_at(b, i);
        if (i == at)
            continue;
        if ((mask & m->name_bits) && b->codes[m->name_column][i] < m->named_count)
            candidate_add(w, b->codes[m->name_column][i]);
        for (size_t c = m->named_count; c < m->candidate_count; c++)
            if (mask & m->candidates[c].bits)
                candidate_add(w, c);
    }
}

static void behaviour_clear(struct worker *w)
{
    for (size_t i = 0; i < w->touched_count; i++)
        w->often[w->touched[i]] = 0;
    w->touched_count = 0;
}

/* ---- goal: retained ---- */

/* Returns come in time order, so their intervals do, too. */
struct returns {
    uint64_t offset, streak;
    int64_t count;
    bool is_reached;
};

static void return_add(const struct impact *m, struct returns *r, uint64_t offset)
{
    uint64_t period = (uint64_t)m->period;

    if (offset != r->offset) {
        r->offset = offset;
        r->count = 0;
    }
    if (++r->count != m->minimum)
        return;
    switch (m->match) {
    case MATCH_ON:
        r->is_reached |= offset == period;
        break;
    case MATCH_ON_OR_AFTER:
        r->is_reached |= offset >= period;
        break;
    case MATCH_ON_OR_BEFORE:
        r->is_reached |= offset >= 1 && offset <= period;
        break;
    default:
        r->streak += offset == r->streak + 1;
        r->is_reached = r->streak >= period;
    }
}

static bool is_retained(const struct impact *m, const struct scan_batch *b, size_t u, size_t at,
                        const struct life *l)
{
    struct returns r = {.offset = UINT64_MAX};
    int64_t zero = m->window == WINDOW_ROLLING_HOUR ? hour_floor(l->start) : l->start;

    for (size_t i = at; i < b->starts[u + 1] && !r.is_reached; i++) {
        if (b->time[i] >= l->end && m->match != MATCH_ON_OR_AFTER)
            break;
        if (!(mask_at(b, i) & m->return_bits))
            continue;
        int64_t time = m->window == WINDOW_ROLLING_HOUR ? hour_floor(b->time[i]) : b->time[i];
        return_add(m, &r,
                   m->window == WINDOW_CALENDAR ? b->interval[i] - l->row
                                                : (uint64_t)((time - zero) / m->unit_ms));
    }
    return r.is_reached;
}

/* ---- goal: converted ---- */

/* The run that the start begins: whether it gets through, and when. */
static bool is_converted(struct worker *w, const struct scan_batch *b, size_t u, size_t at,
                         const struct life *l, int64_t *when)
{
    const struct funnel *f = w->m->walk;
    size_t count = 0, i = at;

    while (i > b->starts[u] && b->time[i - 1] == l->start)
        i--;
    for (; i < b->starts[u + 1] && b->time[i] <= l->end; i++) {
        struct funnel_event event = {.time = b->time[i]};
        for (size_t s = 0; s < f->step_count; s++)
            event.steps |= (step_set)((mask_at(b, i) & f->steps[s].bits) != 0) << s;
        if (event.steps)
            ARRAY_PUSH(w->events, count, w->event_room) = event;
    }
    const struct run *run = walk_people(&w->walk, w->events, count, BUCKET_ANY);
    if (run->depth != f->step_count)
        return false;
    *when = run->places[f->step_count - 1].at;
    return true;
}

/* ---- counting ---- */

static void slots_grow(const struct impact_pass *p, struct impact_tally **tallies, uint64_t **done,
                       uint64_t **late, size_t *room, size_t slots)
{
    size_t cells = p->only_sizes ? 0 : impact_cells(p->m), lates = p->m->late_count + 1;
    size_t was = *room;

    if (slots <= was)
        return;
    *room = MAX(slots, was * 2);
    *tallies = mem_grow(*tallies, *room, sizeof **tallies);
    *done = mem_grow(*done, *room * cells + 1, sizeof **done);
    *late = mem_grow(*late, *room * lates, sizeof **late);
    memset(*tallies + was, 0, (*room - was) * sizeof **tallies);
    memset(*done + was * cells, 0, (*room - was) * cells * sizeof **done);
    memset(*late + was * lates, 0, (*room - was) * lates * sizeof **late);
}

/* How many of the late ones had not begun when the unit's behaviour was over. */
static size_t late_find(const struct impact *m, int64_t until)
{
    size_t low = 0, high = m->late_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (m->late[middle] > until)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void unit_count(struct worker *w, uint32_t slot, const struct life *l, bool is_reached)
{
    const struct impact *m = w->m;

    w->tallies[slot].units[is_reached]++;
    w->tallies[slot].cut += l->is_cut;
    if (w->p->only_sizes)
        return;
    w->late[slot * (m->late_count + 1) + late_find(m, l->until)]++;
    uint64_t *done = w->done + slot * impact_cells(m);
    for (size_t i = 0; i < w->touched_count; i++) {
        uint32_t c = w->touched[i];
        for (size_t k = 0; k < m->count_count && w->often[c] >= m->counts[k]; k++)
            done[(c * m->count_count + k) * 2 + is_reached]++;
    }
}

enum fate { FATE_OPEN, FATE_EARLY, FATE_COUNTED };

static bool is_picked(const struct worker *w, uint32_t slot, enum fate fate, bool is_reached)
{
    const struct impact_pass *p = w->p;

    if (slot != p->pick_slot)
        return false;
    if (p->pick_open || p->pick_early)
        return fate == (p->pick_open ? FATE_OPEN : FATE_EARLY);
    if (fate != FATE_COUNTED || (!p->pick_any_goal && is_reached != p->pick_reached))
        return false;
    return p->pick_candidate == SIZE_MAX ||
           (w->often[p->pick_candidate] >= p->pick_count) == p->pick_did;
}

static enum fate fate_find(struct worker *w, const struct scan_batch *b, size_t u, size_t at,
                           const struct life *l, bool *is_reached)
{
    const struct impact *m = w->m;
    int64_t when;

    if (l->end > m->q->as_of)
        return FATE_OPEN;
    if (m->goal == GOAL_RETAINED) {
        *is_reached = is_retained(m, b, u, at, l);
        return FATE_COUNTED;
    }
    *is_reached = is_converted(w, b, u, at, l, &when);
    return *is_reached && when <= l->until ? FATE_EARLY : FATE_COUNTED;
}

static void unit_add(struct worker *w, const struct scan_batch *b, size_t u)
{
    size_t at = start_find(w->m, b, u);
    bool is_reached = false;

    if (at == SIZE_MAX)
        return;
    uint64_t key = keyer_unit_key(&w->keyer, b->units[u]);
    uint32_t slot = keyer_slot(&w->keyer, key | keyer_event_key(&w->keyer, b, at));
    if (slot == SLOT_NONE)
        return;
    slots_grow(w->p, &w->tallies, &w->done, &w->late, &w->room, keyer_slots(&w->keyer));
    struct life life = life_of(w->m, b, at);
    enum fate fate = fate_find(w, b, u, at, &life, &is_reached);
    if (fate == FATE_COUNTED && !w->p->only_sizes)
        behaviour_find(w, b, u, at, &life);
    w->tallies[slot].open += fate == FATE_OPEN;
    w->tallies[slot].early += fate == FATE_EARLY;
    if (fate == FATE_COUNTED)
        unit_count(w, slot, &life, is_reached);
    if (w->p->picks && is_picked(w, slot, fate, is_reached))
        ARRAY_PUSH(w->people.units, w->people.count, w->people.room) = b->units[u];
    behaviour_clear(w);
}

static bool sink(void *context, const struct scan_batch *b)
{
    struct worker *w = context;
    size_t cells = w->p->only_sizes ? 1 : impact_cells(w->m);

    for (size_t u = 0; u < b->unit_count && !w->is_too_large; u++) {
        unit_add(w, b, u);
        w->is_too_large = w->room * cells > CELLS_MAX;
    }
    return !w->keyer.is_full && !w->is_too_large;
}

/* ---- a pass ---- */

/* The last instant that any unit's goal is looked at, exclusive. */
static int64_t seen_to(const struct impact *m)
{
    const struct question *q = m->q;

    if (m->goal == GOAL_CONVERTED)
        return MIN(q->as_of, q->to + m->walk->window_ms) + 1;
    if (m->match == MATCH_ON_OR_AFTER)
        return q->as_of + 1;
    int64_t last = m->window == WINDOW_CALENDAR ? m->edges.at[m->edges.count]
                                                : q->to + (m->period + 1) * m->unit_ms;
    return MIN(q->as_of + 1, last);
}

static bool goal_plan(struct impact *m, struct reading *r, int64_t to, struct err *e)
{
    struct question *q = m->q;

    if (m->goal == GOAL_RETAINED)
        return reading_role(q, r, &m->returns, true, q->from, to, &m->return_bits, e);
    for (size_t s = 0; s < m->walk->step_count; s++)
        if (!reading_role(q, r, &m->walk->steps[s].role, true, q->from, to, &m->walk->steps[s].bits,
                          e))
            return false;
    return true;
}

static bool candidates_plan(struct impact *m, struct reading *r, int64_t to, struct err *e)
{
    struct question *q = m->q;
    struct scan_column name = {SCAN_CODE, SCAN_NAME, STR_NONE, m->names};

    for (size_t c = m->named_count; c < m->candidate_count; c++)
        if (!reading_role(q, r, &m->candidates[c].role, true, q->from, to, &m->candidates[c].bits,
                          e))
            return false;
    m->name_bits = 0;
    return !m->named_count || (reading_role(q, r, &m->any, true, q->from, to, &m->name_bits, e) &&
                               reading_column(q, r, name, &m->name_column, e));
}

static bool reading_make(struct impact_pass *p, struct reading *r, struct err *e)
{
    struct impact *m = p->m;
    struct question *q = m->q;
    int64_t start_to = range_seen_to(q, q->to), to = seen_to(m);
    bool is_all = m->cohort == COHORT_FIRST_MATCHING || m->cohort == COHORT_FIRST_EVER;

    if (!reading_role(q, r, &m->start, true, is_all ? INT64_MIN : q->from, start_to, &m->start_bits,
                      e))
        return false;
    m->ever_bits = m->start_bits;
    if (m->cohort == COHORT_FIRST_EVER &&
        !reading_role(q, r, &m->start, false, INT64_MIN, start_to, &m->ever_bits, e))
        return false;
    if (!goal_plan(m, r, to, e) || (!p->only_sizes && !candidates_plan(m, r, to, e)))
        return false;
    r->plan.by_unit = r->plan.want_time = true;
    if (m->goal == GOAL_RETAINED) {
        r->plan.edges = m->edges.at;
        r->plan.edge_count = m->edges.count + 1;
    }
    return grouping_plan(q, r, e);
}

static void worker_init(struct worker *w, struct impact_pass *p)
{
    w->p = p;
    w->m = p->m;
    w->walk.f = p->m->walk;
    keyer_init(&w->keyer, p->m->q, p->chosen);
    w->often = mem_array(p->m->candidate_count + 1, sizeof *w->often);
    w->touched = mem_array(p->m->candidate_count + 1, sizeof *w->touched);
}

static void worker_free(struct worker *w)
{
    keyer_free(&w->keyer);
    walk_free(&w->walk);
    mem_free(w->tallies);
    mem_free(w->done);
    mem_free(w->late);
    mem_free(w->often);
    mem_free(w->touched);
    mem_free(w->events);
    people_free(&w->people);
}

static void worker_join(struct impact_pass *p, const struct worker *w, size_t *room)
{
    size_t cells = p->only_sizes ? 0 : impact_cells(p->m), lates = p->m->late_count + 1;
    bool learns = p->m->q->grouping && !p->chosen;

    for (size_t i = 0; i < MIN(keyer_slots(&w->keyer), w->room); i++) {
        size_t slot = learns ? key_map_put(&p->keys, w->keyer.map.keys[i]) : i;
        p->slots = MAX(p->slots, slot + 1);
        slots_grow(p, &p->tallies, &p->done, &p->late, room, p->slots);
        struct impact_tally *to = &p->tallies[slot];
        const struct impact_tally *from = &w->tallies[i];
        to->units[0] += from->units[0];
        to->units[1] += from->units[1];
        to->open += from->open;
        to->early += from->early;
        to->cut += from->cut;
        for (size_t k = 0; k < cells; k++)
            p->done[slot * cells + k] += w->done[i * cells + k];
        for (size_t k = 0; k < lates; k++)
            p->late[slot * lates + k] += w->late[i * lates + k];
    }
    for (size_t i = 0; i < w->people.count; i++)
        ARRAY_PUSH(p->people.units, p->people.count, p->people.room) = w->people.units[i];
}

static bool too_large(struct question *q, struct err *e)
{
    ask_fail(&q->root, e, "query.limit", "the answer would hold too many numbers");
    return err_hint(e, "ask for fewer groups, candidates or counts");
}

bool impact_pass_run(struct impact_pass *p, struct err *e)
{
    struct question *q = p->m->q;
    unsigned threads = q->source->does->threads(q->source);
    struct reading reading = {0};
    void **contexts = arena_array(q->arena, threads, sizeof *contexts);
    size_t room = 0;

    if (!reading_make(p, &reading, e))
        return false;
    struct worker *workers = mem_array(threads, sizeof *workers);
    for (unsigned i = 0; i < threads; i++) {
        worker_init(&workers[i], p);
        contexts[i] = &workers[i];
    }
    bool ok = reading_run(q, &reading, sink, contexts, e);
    p->slots = p->chosen ? p->chosen->count + p->chosen->has_other : !q->grouping;
    slots_grow(p, &p->tallies, &p->done, &p->late, &room, MAX(p->slots, (size_t)1));
    for (unsigned i = 0; i < threads; i++) {
        ok = ok && keyer_check(q, &workers[i].keyer, e);
        if (ok && workers[i].is_too_large)
            ok = too_large(q, e);
        if (ok)
            worker_join(p, &workers[i], &room);
        worker_free(&workers[i]);
    }
    mem_free(workers);
    return ok;
}

void impact_pass_free(struct impact_pass *p)
{
    key_map_free(&p->keys);
    mem_free(p->tallies);
    mem_free(p->done);
    mem_free(p->late);
    people_free(&p->people);
}
