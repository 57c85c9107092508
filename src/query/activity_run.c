/* query/activity_run: from events to tracks, from tracks to numbers. */
#include "query/activity.h"

enum { WORDS_MAX = 16 << 20, NUMBERS_MAX = 4 << 20 };

/* Tracks by slot. Each is `stride` words: bits, then the flag. */
struct tracks {
    struct key_map map;
    size_t intervals, words, stride;
    uint64_t *bits;
    size_t room;
    uint32_t *counts; /* events by interval, where one is not enough */
    uint32_t minimum;
};

struct worker {
    struct activity_pass *p;
    struct keyer keyer;
    struct tracks tracks;
    uint64_t *kept; /* tracks of the range at hand, by unit */
    size_t kept_room;
    uint64_t *numbers, *sizes;
    size_t slots;
    struct people people;
    bool is_too_large;
};

/* ---- tracks ---- */

static void tracks_init(struct tracks *t, const struct activity_pass *p)
{
    t->intervals = p->edges.count;
    t->words = (t->intervals + 63) / 64;
    t->stride = t->words + 1;
    t->minimum = (uint32_t)p->a->minimum;
}

static void tracks_free(struct tracks *t)
{
    key_map_free(&t->map);
    mem_free(t->bits);
    mem_free(t->counts);
}

static size_t track_of(struct tracks *t, uint64_t key)
{
    size_t before = t->map.count, at = key_map_put(&t->map, key);

    if (t->map.count == before)
        return at;
    if (t->map.count > t->room) {
        t->room = MAX(t->room * 2, (size_t)16);
        t->bits = mem_grow(t->bits, t->room * t->stride, sizeof *t->bits);
        if (t->minimum > 1)
            t->counts = mem_grow(t->counts, t->room * t->intervals, sizeof *t->counts);
    }
    memset(t->bits + at * t->stride, 0, t->stride * sizeof *t->bits);
    if (t->minimum > 1)
        memset(t->counts + at * t->intervals, 0, t->intervals * sizeof *t->counts);
    return at;
}

static inline void bit_set(uint64_t *bits, size_t i)
{
    bits[i >> 6] |= (uint64_t)1 << (i & 63);
}

static void track_mark(struct tracks *t, size_t at, uint16_t interval, uint32_t events)
{
    uint64_t *bits = t->bits + at * t->stride;

    if (interval >= t->intervals) {
        bits[t->words] |= interval == SCAN_BEFORE;
        return;
    }
    if (t->minimum > 1) {
        uint32_t *count = &t->counts[at * t->intervals + interval];
        *count = *count > UINT32_MAX - events ? UINT32_MAX : *count + events;
        if (*count < t->minimum)
            return;
    }
    bit_set(bits, interval);
}

static bool is_too_large(const struct tracks *t)
{
    return t->map.count * (t->stride + (t->minimum > 1 ? t->intervals / 2 : 0)) > WORDS_MAX;
}

/* ---- from tracks to numbers ---- */

static void numbers_grow(const struct activity_pass *p, uint64_t **numbers, uint64_t **sizes,
                         size_t *room, size_t slots)
{
    size_t each = p->a->kind->rows * p->edges.count;

    if (slots <= *room)
        return;
    size_t now = MAX(slots, *room * 2);
    *numbers = mem_grow(*numbers, now * each, sizeof **numbers);
    *sizes = mem_grow(*sizes, now, sizeof **sizes);
    memset(*numbers + *room * each, 0, (now - *room) * each * sizeof **numbers);
    memset(*sizes + *room, 0, (now - *room) * sizeof **sizes);
    *room = now;
}

static size_t interval_at(const struct edges *edges, int64_t at)
{
    size_t low = 0, high = edges->count;

    if (at < edges->at[0] || at >= edges->at[edges->count])
        return SIZE_MAX;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        *(at < edges->at[middle] ? &high : &low) = middle;
    }
    return low;
}

static struct track track_make(const struct activity_pass *p, const uint64_t *bits, uint32_t unit)
{
    const struct source *s = p->a->q->source;
    struct track t = {
        .bits = bits, .was_before = bits[(p->edges.count + 63) / 64], .created = SIZE_MAX};

    if (!p->a->by_created)
        return t;
    int64_t at = s->does->created(s, unit);
    t.has_created = at != (int64_t)FACT_CREATED_NONE;
    if (t.has_created)
        t.created = interval_at(&p->edges, at);
    return t;
}

static void track_count(struct worker *w, size_t slot, uint32_t unit, const uint64_t *bits)
{
    const struct activity_pass *p = w->p;
    const struct activity_kind *kind = p->a->kind;
    size_t words = (p->edges.count + 63) / 64;
    uint64_t any = 0;

    for (size_t i = 0; i < words; i++)
        any |= bits[i];
    if (!any)
        return;
    struct track t = track_make(p, bits, unit);
    if (p->picks) {
        if (slot == p->pick_slot && kind->is_picked(p, &t))
            ARRAY_PUSH(w->people.units, w->people.count, w->people.room) = unit;
        return;
    }
    size_t each = kind->rows * p->edges.count;
    if ((slot + 1) * each > NUMBERS_MAX) {
        w->is_too_large = true;
        return;
    }
    numbers_grow(p, &w->numbers, &w->sizes, &w->slots, slot + 1);
    w->sizes[slot]++;
    kind->add(p, &t, w->numbers + slot * each);
}

/* ---- persons, one track each, in parts ---- */

static void unit_mark(uint64_t *bits, size_t intervals, size_t words, const uint16_t *interval,
                      size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        uint16_t at = interval[i];
        if (LIKELY(at < intervals))
            bit_set(bits, at);
        else
            bits[words] |= at == SCAN_BEFORE;
    }
}

static bool sink_parts(void *context, const struct scan_batch *b)
{
    struct worker *w = context;
    size_t units = b->high - b->low, stride = w->tracks.stride;

    if (b->is_first) {
        if (units > w->kept_room)
            w->kept = mem_grow(w->kept, (w->kept_room = units) * stride, sizeof *w->kept);
        memset(w->kept, 0, units * stride * sizeof *w->kept);
    }
    for (size_t u = 0; u < b->unit_count; u++)
        unit_mark(w->kept + (b->units[u] - b->low) * stride, w->tracks.intervals, w->tracks.words,
                  b->interval, b->starts[u], b->starts[u + 1]);
    for (size_t u = 0; b->is_last && u < units; u++)
        track_count(w, 0, b->low + (uint32_t)u, w->kept + u * stride);
    return !w->is_too_large;
}

/* ---- persons by group, or where an interval takes several events ---- */

/* The codes of a breakdown by one text, the usual one: they are its keys but for one. */
static const uint32_t *codes_of_one_text(const struct grouping *g, const struct scan_batch *b)
{
    return grouping_is_one_text(g) ? b->codes[g->parts[0].column] : NULL;
}

/* Neighbours mostly fall into the same track and interval: nothing new then. */
static void person_mark(struct worker *w, const struct scan_batch *b, size_t u)
{
    struct tracks *t = &w->tracks;
    const uint32_t *codes = codes_of_one_text(w->keyer.grouping, b);
    uint64_t unit_key = keyer_unit_key(&w->keyer, scan_person(b, u)), before = UINT64_MAX;
    uint32_t slot = 0;
    size_t at = 0;

    for (size_t i = b->starts[u]; i < b->starts[u + 1]; i++) {
        uint64_t key = unit_key;
        if (codes)
            key = codes[i] + 1U; /* as keyer_event_key: none is 0 */
        else if (w->keyer.grouping)
            key |= keyer_event_key(&w->keyer, b, i);
        if (key != before) {
            slot = keyer_slot(&w->keyer, key);
            at = slot == SLOT_NONE ? 0 : track_of(t, slot);
            before = key;
        } else if (t->minimum == 1 && b->interval[i] == b->interval[i - 1]) {
            continue;
        }
        if (slot != SLOT_NONE)
            track_mark(t, at, b->interval[i], 1);
    }
}

static bool sink_persons(void *context, const struct scan_batch *b)
{
    struct worker *w = context;
    struct tracks *t = &w->tracks;

    for (size_t u = 0; u < b->unit_count && !w->is_too_large; u++) {
        key_map_clear(&t->map);
        person_mark(w, b, u);
        w->is_too_large = w->is_too_large || is_too_large(t);
        for (size_t i = 0; i < t->map.count; i++)
            track_count(w, (size_t)t->map.keys[i], b->units[u], t->bits + i * t->stride);
    }
    return !w->keyer.is_full && !w->is_too_large;
}

/* ---- a pass ---- */

static bool workers_check(const struct activity_pass *p, const struct worker *workers,
                          unsigned threads, struct err *e)
{
    struct question *q = p->a->q;

    for (unsigned i = 0; i < threads; i++) {
        if (!keyer_check(q, &workers[i].keyer, e))
            return false;
        if (!workers[i].is_too_large)
            continue;
        ask_fail(&q->root, e, "query.limit", "the answer would hold too many numbers");
        return err_hint(e, "ask for fewer groups, a shorter range or a longer interval");
    }
    return true;
}

static void worker_add(struct activity_pass *p, const struct worker *w, const uint32_t *slots)
{
    size_t each = p->a->kind->rows * p->edges.count;

    for (size_t i = 0; i < w->slots; i++) {
        if (!w->sizes[i])
            continue;
        numbers_grow(p, &p->numbers, &p->sizes, &p->room, (size_t)slots[i] + 1);
        p->sizes[slots[i]] += w->sizes[i];
        for (size_t k = 0; k < each; k++)
            p->numbers[slots[i] * each + k] += w->numbers[i * each + k];
    }
    for (size_t i = 0; i < w->people.count; i++)
        ARRAY_PUSH(p->people.units, p->people.count, p->people.room) = w->people.units[i];
}

/* Where a thread's slots stand among those of all. */
static uint32_t *slots_map(struct activity_pass *p, const struct worker *w)
{
    size_t slots = keyer_slots(&w->keyer);
    uint32_t *map = mem_array(slots + 1, sizeof *map);

    for (size_t i = 0; i < slots; i++)
        map[i] = p->chosen || !p->a->q->grouping ? (uint32_t)i
                                                 : key_map_put(&p->keys, w->keyer.map.keys[i]);
    return map;
}

static bool workers_join(struct activity_pass *p, struct worker *workers, unsigned threads,
                         struct err *e)
{
    const struct question *q = p->a->q;

    if (!workers_check(p, workers, threads, e))
        return false;
    for (unsigned i = 0; i < threads; i++) {
        uint32_t *map = slots_map(p, &workers[i]);
        worker_add(p, &workers[i], map);
        mem_free(map);
    }
    p->slots =
        p->chosen ? p->chosen->count + p->chosen->has_other : (q->grouping ? p->keys.count : 1);
    numbers_grow(p, &p->numbers, &p->sizes, &p->room, p->slots);
    return true;
}

static bool reading_make(struct activity_pass *p, struct reading *r, scan_sink **sink,
                         struct err *e)
{
    const struct activity *a = p->a;
    struct question *q = a->q;
    int64_t from = a->by_history ? INT64_MIN : a->lead ? p->edges.at[0] : p->from;
    uint32_t bits;

    if (!reading_role(q, r, &a->role, true, from, range_seen_to(q, p->to), &bits, e) ||
        !grouping_plan(q, r, e))
        return false;
    bool is_plain = !q->grouping && a->minimum == 1;
    r->plan.by_unit = true;
    r->plan.in_parts = is_plain;
    r->plan.edges = p->edges.at;
    r->plan.edge_count = p->edges.count + 1;
    *sink = is_plain ? sink_parts : sink_persons;
    return true;
}

/* With a lead the intervals are whole ones, so their edges are the range. */
static bool range_find(struct activity_pass *p, struct err *e)
{
    if (!activity_edges(p->a, p->from, p->to, &p->edges, e))
        return false;
    if (p->a->lead) {
        p->from = p->edges.at[p->a->lead];
        p->to = p->edges.at[p->edges.count];
    }
    return true;
}

bool activity_pass_run(struct activity_pass *p, struct err *e)
{
    struct question *q = p->a->q;
    unsigned threads = q->source->does->threads(q->source);
    struct reading reading = {0};
    void **contexts = arena_array(q->arena, threads, sizeof *contexts);
    scan_sink *sink;

    if (!range_find(p, e) || !reading_make(p, &reading, &sink, e))
        return false;
    struct worker *workers = mem_array(threads, sizeof *workers);
    for (unsigned i = 0; i < threads; i++) {
        workers[i].p = p;
        keyer_init(&workers[i].keyer, q, p->chosen);
        tracks_init(&workers[i].tracks, p);
        contexts[i] = &workers[i];
    }
    bool ok = reading_run(q, &reading, sink, contexts, e) && workers_join(p, workers, threads, e);
    for (unsigned i = 0; i < threads; i++) {
        keyer_free(&workers[i].keyer);
        tracks_free(&workers[i].tracks);
        mem_free(workers[i].kept);
        mem_free(workers[i].numbers);
        mem_free(workers[i].sizes);
        people_free(&workers[i].people);
    }
    mem_free(workers);
    return ok;
}

void activity_pass_free(struct activity_pass *p)
{
    key_map_free(&p->keys);
    mem_free(p->numbers);
    mem_free(p->sizes);
    people_free(&p->people);
}
