/*
 * query/funnel_run: a unit's events made ready, split by held and breakdown values, walked,
 * counted.
 */
#include "query/funnel.h"

struct worker {
    struct funnel_pass *p;
    const struct funnel *f;
    struct keyer keyer;
    struct walk walk;
    struct run best; /* of the held values */
    struct plain plain;
    struct key_map hold_levels[HOLDS_MAX];
    struct funnel_event *events, *part, *held; /* of the unit; of one group; of one held value */
    size_t room;
    struct tally *tallies;
    size_t tally_count;
    struct tally *tally; /* being counted into */
    uint32_t *values;    /* distinct slots or held values of the unit */
    size_t value_count, value_room;
    uint32_t *held_values;
    size_t held_count, held_room;
    bool is_picked;
    /* totals: entries of the unit, kept until it is known whether the unit is dropped */
    struct run *runs;
    size_t run_count, run_room;
    struct people people;
    struct run reported;
};

/* ---- events ---- */

static uint32_t hold_of(struct worker *w, const struct scan_batch *b, size_t i)
{
    const struct funnel *f = w->f;
    uint32_t id = 0;

    for (size_t h = 0; h < f->hold_count; h++) {
        uint32_t code = b->codes[f->hold_columns[h]][i] + 1;
        id = h ? key_map_put(&w->hold_levels[h], (uint64_t)id << 32 | code) : code;
    }
    return id;
}

static void event_make(struct worker *w, const struct scan_batch *b, size_t i, uint64_t unit_key,
                       struct funnel_event *out)
{
    const struct funnel *f = w->f;
    uint32_t mask = b->mask ? b->mask[i] : 1;

    *out = (struct funnel_event){.time = b->time[i], .bucket = b->interval ? b->interval[i] : 0};
    if (f->wide)
        wide_event(f, mask, b->codes[f->wide->column][i], out);
    for (size_t s = 0; !f->wide && s < f->step_count; s++)
        out->steps |= (step_set)((mask & f->steps[s].bits) != 0) << s;
    for (size_t x = 0; !f->wide && x < f->exclusion_count; x++)
        if (mask & f->exclusions[x].bits) {
            out->exclusions |= (uint32_t)1 << x;
            out->blocks |= f->exclusions[x].blocks;
        }
    if (f->hold_count)
        out->hold = hold_of(w, b, i);
    if (!w->keyer.grouping)
        return;
    out->has_value = keyer_has_value(&w->keyer, b, i);
    out->slot =
        out->steps ? keyer_slot(&w->keyer, unit_key | keyer_event_key(&w->keyer, b, i)) : SLOT_NONE;
}

static size_t events_make(struct worker *w, const struct scan_batch *b, size_t u)
{
    size_t from = b->starts[u], count = b->starts[u + 1] - from;
    uint64_t key = keyer_unit_key(&w->keyer, scan_person(b, u));

    if (count > w->room) {
        w->room = count * 2;
        w->events = mem_grow(w->events, w->room, sizeof *w->events);
        w->part = mem_grow(w->part, w->room, sizeof *w->part);
        w->held = mem_grow(w->held, w->room, sizeof *w->held);
    }
    for (size_t i = 0; i < count; i++)
        event_make(w, b, from + i, key, &w->events[i]);
    return count;
}

static void value_add(uint32_t **list, size_t *count, size_t *room, uint32_t value)
{
    for (size_t i = *count; i-- > 0;)
        if ((*list)[i] == value)
            return;
    ARRAY_PUSH(*list, *count, *room) = value;
}

/* ---- outcomes ---- */

static bool reaches(const struct run *run, size_t step)
{
    return run->depth && (run->taken >> step & 1);
}

static bool outcome_is_picked(const struct funnel_pass *p, const struct run *run)
{
    const struct funnel *f = p->f;
    size_t before = p->pick_step;

    if (!p->pick_dropped)
        return reaches(run, p->pick_step);
    while (before > 0 && (f->optional >> (before - 1) & 1))
        before--; /* an optional step is nobody's condition */
    return before && reaches(run, before - 1) && !reaches(run, p->pick_step);
}

/* The furthest of a person's runs, without an exclusion if there is one. */
static void run_report(struct worker *w, const struct run *run)
{
    struct run *best = &w->reported;

    if (run->depth > best->depth ||
        (run->depth == best->depth && best->is_excluded && !run->is_excluded))
        *best = *run;
}

static void outcome_add(struct worker *w, const struct run *run)
{
    const struct funnel *f = w->f;

    if (w->p->reports) {
        run_report(w, run);
        return;
    }
    if (w->p->pick_stopped) {
        w->is_picked =
            w->is_picked || (run->is_excluded && run->depth == (uint32_t)w->p->pick_step + 1);
        return;
    }
    if (f->drops && run->is_excluded) {
        if (!w->p->picks && run->depth)
            w->tally->stopped[run->depth - 1]++;
        return;
    }
    if (!w->p->picks)
        tally_add(f, w->tally, run);
    else if (w->p->pick_bucket == BUCKET_ANY && outcome_is_picked(w->p, run))
        w->is_picked = true;
}

static void run_keep(void *context, const struct run *run)
{
    struct worker *w = context;
    run_copy(&ARRAY_PUSH(w->runs, w->run_count, w->run_room), run);
}

/* With `drop`, the unit is out if an excluded entry got further than every clean one. */
static void totals_add(struct worker *w, const struct funnel_event *events, size_t count)
{
    uint32_t clean = 0, excluded = 0;

    w->run_count = 0;
    walk_totals(&w->walk, events, count, run_keep, w);
    for (size_t i = 0; w->p->reports && i < w->run_count; i++)
        run_report(w, &w->runs[i]);
    for (size_t i = 0; i < w->run_count; i++) {
        uint32_t *depth = w->runs[i].is_excluded ? &excluded : &clean;
        *depth = MAX(*depth, w->runs[i].depth);
    }
    if (w->f->drops && excluded > clean) {
        w->tally->stopped[excluded - 1]++;
        return;
    }
    for (size_t i = 0; i < w->run_count; i++)
        tally_add(w->f, w->tally, &w->runs[i]);
}

/* Only events with this held value may fill steps. */
static void held_mask(struct worker *w, const struct funnel_event *events, size_t count,
                      uint32_t value)
{
    for (size_t i = 0; i < count; i++) {
        w->held[i] = events[i];
        if (events[i].hold != value)
            w->held[i].steps = 0;
    }
}

static int64_t reached_at(const struct run *run)
{
    return run->places[run->depth - 1].at;
}

static void held_values_find(struct worker *w, const struct funnel_event *events, size_t count)
{
    w->held_count = 0;
    for (size_t i = 0; i < count; i++)
        if (events[i].steps)
            value_add(&w->held_values, &w->held_count, &w->held_room, events[i].hold);
}

/* The run of the unit that is reported. With held values and the newest entry each value has runs
 * of its own, and the first that gets furthest counts. */
static const struct run *people_run(struct worker *w, const struct funnel_event *events,
                                    size_t count, uint32_t bucket)
{
    const struct funnel *f = w->f;
    struct run *best = &w->best;

    if (!f->hold_count || f->count != COUNT_PEOPLE || f->entry != ENTRY_LATEST)
        return walk_people(&w->walk, events, count, bucket);
    best->depth = 0;
    best->is_excluded = false;
    held_values_find(w, events, count);
    for (size_t h = 0; h < w->held_count; h++) {
        held_mask(w, events, count, w->held_values[h]);
        const struct run *run = walk_people(&w->walk, w->held, count, bucket);
        bool is_better =
            run->depth > best->depth || (run->depth && run->depth == best->depth &&
                                         (f->drops && best->is_excluded != run->is_excluded
                                              ? best->is_excluded
                                              : reached_at(run) < reached_at(best)));
        if (is_better)
            run_copy(best, run);
    }
    return best;
}

/* One run a bucket: of those that start in it, the one that gets furthest. */
static void buckets_add(struct worker *w, const struct funnel_event *events, size_t count)
{
    const struct funnel *f = w->f;
    struct tally *t = w->tally;
    uint32_t done = BUCKET_ANY;
    step_set begins = f->order == ORDER_UNORDERED ? ~(step_set)0 : 1;

    if (!t->from) {
        t->from = mem_array(f->buckets.count, sizeof *t->from);
        t->to = mem_array(f->buckets.count, sizeof *t->to);
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t bucket = events[i].bucket;
        if (!(events[i].steps & begins) || bucket == done || bucket >= f->buckets.count)
            continue;
        done = bucket;
        size_t from = i; /* all of its time stamp */
        while (from > 0 && events[i].time - events[from - 1].time <= f->tie_ms)
            from--;
        const struct run *run = people_run(w, events + from, count - from, bucket);
        if (f->drops && run->is_excluded)
            continue;
        if (w->p->picks) {
            if (w->p->pick_bucket == bucket && reaches(run, f->from_step) &&
                outcome_is_picked(w->p, run))
                w->is_picked = true;
            continue;
        }
        t->from[bucket] += reaches(run, f->from_step);
        t->to[bucket] += reaches(run, f->from_step) && reaches(run, f->to_step);
    }
}

static void one_add(struct worker *w, const struct funnel_event *events, size_t count)
{
    if (w->f->show == SHOW_OVER_TIME) {
        buckets_add(w, events, count);
    } else if (w->f->count == COUNT_TOTALS) {
        totals_add(w, events, count);
    } else {
        outcome_add(w, people_run(w, events, count, BUCKET_ANY));
    }
}

/* Held values are counted one by one. */
static void held_add(struct worker *w, const struct funnel_event *events, size_t count)
{
    if (w->f->count != COUNT_HELD) {
        one_add(w, events, count);
        return;
    }
    held_values_find(w, events, count);
    for (size_t h = 0; h < w->held_count; h++) {
        held_mask(w, events, count, w->held_values[h]);
        one_add(w, w->held, count);
    }
}

/* ---- breakdown ---- */

static bool tally_take(struct worker *w, uint32_t slot)
{
    if (slot == SLOT_NONE)
        return false;
    size_t slots = keyer_slots(&w->keyer);
    if (slots > w->tally_count) {
        size_t now = MAX(slots, w->tally_count * 2);
        w->tallies = mem_grow(w->tallies, now, sizeof *w->tallies);
        memset(w->tallies + w->tally_count, 0, (now - w->tally_count) * sizeof *w->tallies);
        w->tally_count = now;
    }
    w->tally = &w->tallies[slot];
    tally_begin(w->f, w->tally);
    return !w->p->picks || slot == w->p->pick_slot;
}

/* The first or last step event with a value decides; without one, the first step event. */
static uint32_t touch_slot(const struct worker *w, size_t count)
{
    uint32_t slot = SLOT_NONE;
    bool has_value = false, is_found = false;

    for (size_t i = 0; i < count; i++) {
        const struct funnel_event *e = &w->events[i];
        if (!e->steps || (is_found && !e->has_value))
            continue;
        if (has_value && w->f->attribution == TOUCH_FIRST)
            break;
        slot = e->slot;
        has_value = e->has_value;
        is_found = true;
    }
    return slot;
}

/* One funnel a value: of all events, or of those that fill the attribution step. */
static void values_add(struct worker *w, size_t count, uint64_t unit_key)
{
    const struct funnel *f = w->f;
    step_set judged = f->attribution == TOUCH_STEP ? step_bit(f->attribution_step) : ~(step_set)0;

    if (f->order == ORDER_UNORDERED && f->attribution == TOUCH_STEP)
        judged = 1;
    w->value_count = 0;
    for (size_t i = 0; i < count; i++)
        if (w->events[i].steps & judged)
            value_add(&w->values, &w->value_count, &w->value_room, w->events[i].slot);
    if (!w->value_count) /* nobody decides: the group without a value */
        value_add(&w->values, &w->value_count, &w->value_room, keyer_slot(&w->keyer, unit_key));
    for (size_t v = 0; v < w->value_count; v++) {
        if (!tally_take(w, w->values[v]))
            continue;
        for (size_t i = 0; i < count; i++) {
            w->part[i] = w->events[i];
            if (w->events[i].slot != w->values[v])
                w->part[i].steps &= ~judged;
        }
        held_add(w, w->part, count);
    }
}

static void unit_add(struct worker *w, const struct scan_batch *b, size_t u)
{
    const struct funnel *f = w->f;
    size_t count = events_make(w, b, u);
    bool by_event = w->keyer.grouping && w->keyer.grouping->has_event_part;
    uint64_t key = keyer_unit_key(&w->keyer, scan_person(b, u));

    w->is_picked = false;
    if (by_event && (f->attribution == TOUCH_STEP || f->attribution == TOUCH_ALL_EVENTS))
        values_add(w, count, key);
    else if (tally_take(w, by_event ? touch_slot(w, count) : keyer_slot(&w->keyer, key)))
        held_add(w, w->events, count);
    if (w->is_picked)
        ARRAY_PUSH(w->people.units, w->people.count, w->people.room) = b->units[u];
}

/* ---- a pass ---- */

static bool sink(void *context, const struct scan_batch *b)
{
    struct worker *w = context;

    for (size_t u = 0; u < b->unit_count; u++)
        unit_add(w, b, u);
    return !w->keyer.is_full;
}

static bool sink_plain(void *context, const struct scan_batch *b)
{
    struct worker *w = context;

    if (tally_take(w, 0))
        funnel_plain_batch(w->f, &w->plain, b, w->tally);
    return true;
}

static bool roles_read(struct funnel *f, struct reading *r, int64_t to, struct err *e)
{
    struct question *q = f->q;

    for (size_t s = 0; s < f->step_count; s++)
        if (!reading_role(q, r, &f->steps[s].role, true, q->from, to, &f->steps[s].bits, e))
            return false;
    for (size_t x = 0; x < f->exclusion_count; x++)
        if (!reading_role(q, r, &f->exclusions[x].role, true, q->from, to, &f->exclusions[x].bits,
                          e))
            return false;
    if (f->order == ORDER_STRICT) { /* whatever lies between breaks a run */
        struct matcher_option any = {STR_NONE, NULL};
        struct matcher all = {&any, 1};
        if (!reading_role(q, r, &all, false, q->from, to, &f->other_bits, e))
            return false;
    }
    return true;
}

static bool reading_make(struct funnel_pass *p, struct reading *r, struct err *e)
{
    struct funnel *f = p->f;
    struct question *q = f->q;
    int64_t to = range_seen_to(q, q->to);

    if (wide_is_needed(f) ? !wide_read(f, r, to, e) : !roles_read(f, r, to, e))
        return false;
    for (size_t h = 0; h < f->hold_count; h++) {
        struct scan_column c = {SCAN_CODE, SCAN_PROPERTY, f->holds[h], f->hold_codes};
        if (!reading_column(q, r, c, &f->hold_columns[h], e))
            return false;
    }
    r->by_session = q->unit == COUNTED_SESSION;
    r->plan.by_unit = r->plan.want_time = true;
    r->plan.in_parts = funnel_is_plain(p);
    if (f->show == SHOW_OVER_TIME) {
        r->plan.edges = f->buckets.at;
        r->plan.edge_count = f->buckets.count + 1;
    }
    return grouping_plan(q, r, e);
}

static void worker_join(struct funnel_pass *p, struct worker *w)
{
    size_t slots = MIN(keyer_slots(&w->keyer), w->tally_count);

    for (size_t i = 0; i < slots; i++) {
        size_t slot =
            p->f->q->grouping && !p->chosen ? key_map_put(&p->keys, w->keyer.map.keys[i]) : i;
        if (slot >= p->tally_room) {
            size_t now = MAX(slot + 1, p->tally_room * 2);
            p->tallies = mem_grow(p->tallies, now, sizeof *p->tallies);
            memset(p->tallies + p->tally_room, 0, (now - p->tally_room) * sizeof *p->tallies);
            p->tally_room = now;
        }
        p->slots = MAX(p->slots, slot + 1);
        tally_merge(p->f, &p->tallies[slot], &w->tallies[i]);
    }
    for (size_t i = 0; i < w->people.count; i++)
        ARRAY_PUSH(p->people.units, p->people.count, p->people.room) = w->people.units[i];
    if (w->reported.depth > p->reported.depth)
        p->reported = w->reported;
}

static void worker_free(struct worker *w)
{
    keyer_free(&w->keyer);
    walk_free(&w->walk);
    for (size_t i = 0; i < HOLDS_MAX; i++)
        key_map_free(&w->hold_levels[i]);
    for (size_t i = 0; i < w->tally_count; i++)
        tally_free(&w->tallies[i]);
    mem_free(w->events);
    mem_free(w->part);
    mem_free(w->held);
    mem_free(w->tallies);
    mem_free(w->values);
    mem_free(w->held_values);
    mem_free(w->runs);
    people_free(&w->people);
    funnel_plain_free(&w->plain);
}

bool funnel_pass_run(struct funnel_pass *p, struct err *e)
{
    struct question *q = p->f->q;
    unsigned threads = q->source->does->threads(q->source);
    struct reading reading = {0};
    void **contexts = arena_array(q->arena, threads, sizeof *contexts);

    if (!reading_make(p, &reading, e))
        return false;
    struct worker *workers = mem_array(threads, sizeof *workers);
    for (unsigned i = 0; i < threads; i++) {
        workers[i].p = p;
        workers[i].f = workers[i].walk.f = p->f;
        keyer_init(&workers[i].keyer, q, p->chosen);
        contexts[i] = &workers[i];
    }
    bool ok = reading_run(q, &reading, funnel_is_plain(p) ? sink_plain : sink, contexts, e);
    p->slots = p->tally_room = p->chosen ? p->chosen->count + p->chosen->has_other : !q->grouping;
    p->tallies = mem_array(p->slots + 1, sizeof *p->tallies);
    for (unsigned i = 0; i < threads; i++) {
        ok = ok && keyer_check(q, &workers[i].keyer, e);
        if (ok)
            worker_join(p, &workers[i]);
        worker_free(&workers[i]);
    }
    mem_free(workers);
    return ok;
}

void funnel_pass_free(struct funnel_pass *p)
{
    for (size_t i = 0; i < p->tally_room; i++)
        tally_free(&p->tallies[i]);
    mem_free(p->tallies);
    key_map_free(&p->keys);
    people_free(&p->people);
}
