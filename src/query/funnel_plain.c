/*
 * query/funnel_plain: the funnel most people ask: ordered, newest entry, whole time stamps, nothing
 * excluded, held or optional, and no event that could fill two steps. For each unit and step it
 * keeps the start of the newest run that got there, so a unit's events may come in parts. It agrees
 * with funnel_walk (a property test holds them together).
 */
#include "query/funnel.h"

/* So long ago that it is in no window, and subtracting is safe. All other starts are positive. */
#define NEVER (INT64_MIN / 2)

enum { OWNER_GROUP = 16, WALK_BLOCK = 16 };

/*
 * What is known of a unit: for each step one of these, at place step + 1. Place 0 is that of "a run
 * that begins now".
 */
struct plain_place {
    int64_t start;  /* of the newest run that got here, since the range began; NEVER: none did */
    uint32_t event; /* the newest of the step */
    uint32_t first; /* at which a run got here first; nothing as long as none did */
};

static size_t places_a_unit(const struct funnel *f)
{
    return f->step_count + 1;
}

bool funnel_is_plain(const struct funnel_pass *p)
{
    const struct funnel *f = p->f;

    if (f->wide)
        return false;
    for (size_t i = 0; i < f->step_count; i++) /* one selector a step, in order, none shared */
        if (f->steps[i].bits != (uint32_t)1 << i)
            return false;
    for (size_t i = 0; i < f->step_count; i++)
        for (size_t k = 0; k < i; k++) {
            const struct matcher_option *a = f->steps[i].role.options,
                                        *b = f->steps[k].role.options;
            if (!a->event.at || !b->event.at || str_equal(a->event, b->event))
                return false;
        }
    return f->order == ORDER_ORDERED && f->entry == ENTRY_LATEST && !f->tie_ms &&
           f->count == COUNT_PEOPLE && !f->exclusion_count && !f->hold_count && !f->optional &&
           f->show == SHOW_STEPS && !f->q->grouping && !p->picks && !p->reports;
}

static void plain_begin(const struct funnel *f, struct plain *s, size_t units)
{
    size_t places = units * places_a_unit(f);

    s->event_count = 0;
    if (places > s->place_room) {
        s->places = mem_grow(s->places, places, sizeof *s->places);
        s->place_room = places;
    }
    for (size_t i = 0; i < places; i++)
        s->places[i] = (struct plain_place){.start = NEVER};
}

/* Room for what is kept of each event. */
static void plain_room(struct plain *s, size_t events)
{
    if (events + OWNER_GROUP <= s->event_room)
        return;
    s->event_room = events + events / 2 + 1024;
    s->before = mem_grow(s->before, s->event_room, sizeof *s->before);
    s->owners = mem_grow(s->owners, s->event_room, sizeof *s->owners);
}

/*
 * Whose each event is, so that the events can be walked in one loop: most runs are a few events,
 * and where one ends is what the machine cannot foresee. Written in groups, past the run's end if
 * need be: the next run overwrites what was too much.
 */
static void owners_find(const struct funnel *f, struct plain *s, const struct scan_batch *b)
{
    const uint32_t places = (uint32_t)places_a_unit(f);
    uint32_t *restrict owners = s->owners;

    for (size_t u = 0; u < b->unit_count; u++) {
        uint32_t owner = (b->units[u] - b->low) * places;
        size_t i = b->starts[u], end = b->starts[u + 1];
        do {
#pragma GCC unroll 16
            for (size_t k = i; k < i + OWNER_GROUP; k++)
                owners[k] = owner;
            i += OWNER_GROUP;
        } while (UNLIKELY(i < end));
    }
}

void funnel_plain_free(struct plain *s)
{
    mem_free(s->places);
    mem_free(s->before);
    mem_free(s->owners);
}

#define INLINE static inline __attribute__((always_inline))

/*
 * An event of step k: the newest run of the step before goes on, if it is inside its window. That
 * run stands at the newest event of that step: had that event belonged to another run, a newer one,
 * so would this one. Without a branch: which event takes whom how far is what cannot be foreseen.
 */
INLINE void advance(struct plain_place *restrict at, size_t k, int64_t time, int64_t latest,
                    uint32_t event, uint32_t *restrict before)
{
    int64_t start = at[k].start, old = at[k + 1].start;
    uint32_t first = at[k + 1].first;

    before[event] = at[k].event;
    at[k + 1].event = event;
    at[k + 1].first = old < 0 ? event : first;
    at[k + 1].start = start >= time - latest ? start : old;
}

/* Events [from, to) of one unit at one time stamp: in funnel order; one of a step is as good as
 * many. */
static void advance_together(struct plain *s, const struct funnel *f, const struct scan_batch *b,
                             size_t from, size_t to)
{
    struct plain_place *at = s->places + s->owners[from];

    at[0].start = b->time[from] - f->q->from;
    for (size_t k = 0; k < f->step_count; k++) {
        size_t i = from;
        while (b->mask && i < to && !(b->mask[i] >> k & 1))
            i++;
        if (i < to)
            advance(at, k, b->time[i], f->q->from + f->window_ms, (uint32_t)i, s->before);
    }
}

/* Whether two neighbours among times[0 … WALK_BLOCK] are equal: hardly ever. */
INLINE bool has_tie(const int64_t *times)
{
    uint64_t found = 0;

#pragma GCC unroll 16
    for (size_t i = 0; i < WALK_BLOCK; i++)
        found |= times[i] == times[i + 1];
    return found;
}

/* A unit that has come through all steps goes on without effect: asking would cost more. */
static void block_walk(struct plain *s, const struct funnel *f, const struct scan_batch *b,
                       size_t from)
{
    const int64_t *restrict times = b->time, begin = f->q->from, latest = begin + f->window_ms;
    const uint32_t *restrict masks = b->mask, *restrict owners = s->owners;
    struct plain_place *places = s->places;
    uint32_t *restrict before = s->before;

#pragma GCC unroll 16
    for (size_t i = from; i < from + WALK_BLOCK; i++) {
        struct plain_place *at = places + owners[i];
        int64_t time = times[i];
        at[0].start = time - begin;
        advance(at, (unsigned)__builtin_ctz(masks[i]), time, latest, (uint32_t)i, before);
    }
}

static void events_walk(struct plain *s, const struct funnel *f, const struct scan_batch *b)
{
    const int64_t *times = b->time;
    const uint32_t *owners = s->owners;
    size_t end = b->starts[b->unit_count], i = b->starts[0];

    while (i < end) {
        if (b->mask && i + WALK_BLOCK < end && LIKELY(!has_tie(times + i))) {
            block_walk(s, f, b, i);
            i += WALK_BLOCK;
            continue;
        }
        size_t next = i + 1;
        while (next < end && times[next] == times[i] && owners[next] == owners[i])
            next++;
        advance_together(s, f, b, i, next);
        i = next;
    }
}

/*
 * Who got how far, and how long each step took, read backwards from the event that first reached
 * the last one. Nor is there a branch here for each unit: a time that counts for nobody lies where
 * the next one goes.
 */
static void report(const struct funnel *f, const struct plain *s, const struct scan_batch *b,
                   struct tally *t)
{
    const struct plain_place *at = s->places;
    uint64_t came[STEPS_MAX + 1] = {0}; /* by depth */

    for (size_t k = 1; k < f->step_count; k++)
        times_reserve(&t->times[k], b->high - b->low);
    for (uint32_t u = b->low; u < b->high; u++, at += places_a_unit(f)) {
        size_t depth = 0;
        for (size_t k = 1; k <= f->step_count; k++)
            depth += at[k].start >= 0;
        came[depth]++;
        uint32_t event = at[depth].first;
        for (size_t k = f->step_count - 1; k > 0; k--) {
            struct times *times = &t->times[k];
            uint32_t counts = depth > k, before = s->before[event];
            times->list[times->count] = b->time[event] - b->time[before];
            times->count += counts;
            event ^= (event ^ before) & -counts;
        }
    }
    for (size_t depth = 1; depth <= f->step_count; depth++)
        for (size_t k = 0; k < depth; k++)
            t->counts[k] += came[depth];
}

void funnel_plain_batch(const struct funnel *f, struct plain *s, const struct scan_batch *b,
                        struct tally *t)
{
    if (b->is_first)
        plain_begin(f, s, b->high - b->low);
    if (b->unit_count) {
        s->event_count = b->starts[b->unit_count];
        plain_room(s, s->event_count);
        owners_find(f, s, b);
        events_walk(s, f, b);
    }
    if (b->is_last && s->event_count)
        report(f, s, b, t);
}
