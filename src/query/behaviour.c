/* query/behaviour: reading conditions on what people did, and one scan that finds them. */
#include "query/behaviour.h"

#include "query/condition.h"
#include "query/named.h"

enum { SEQUENCE_MAX = 10, TIMES_MAX = 1000000000 };
/* Times of runs are kept with this added, so that 0 can say that there is none. */
#define TIME_ZERO (INT64_C(1) << 61)

static const char *const kinds[] = {BEHAVIOUR_KINDS};
enum behaviour_kind_number { KIND_DID, KIND_DID_NOT, KIND_FIRST, KIND_SEQUENCE };

struct behaviour {
    enum behaviour_kind_number kind;
    struct matcher roles[SEQUENCE_MAX]; /* of a sequence its steps; else one */
    uint32_t bits[SEQUENCE_MAX];
    size_t role_count;
    int64_t from, to;  /* [from, to): which events count; when the first must be */
    int64_t low, high; /* times */
    int64_t within_ms; /* of a sequence, from its first event to its last, inclusive */
    size_t at;         /* first of its words in a person's state */
    unsigned depth;    /* of filters it lies in */
    bool is_found;
    uint64_t *words;
    struct behaviour *next;
};

bool unit_bit_test(const void *context, uint32_t unit)
{
    const struct unit_bits *b = context;
    return b->words[unit >> 6] >> (unit & 63) & 1;
}

bool account_bit_test(const void *context, struct value v)
{
    const struct unit_bits *b = context;
    uint32_t code = v.type == VALUE_TEXT ? intern_find(b->names, v.text) : INTERN_NONE;
    uint32_t unit = code == INTERN_NONE ? ACCOUNT_NONE : b->unit_of[code];

    return unit == ACCOUNT_NONE ? b->otherwise : unit_bit_test(b, unit);
}

struct scan_condition *unit_bits_condition(struct question *q, const uint64_t *words)
{
    struct scan_condition *c = arena_alloc(q->arena, sizeof *c);
    struct unit_bits *bits = arena_alloc(q->arena, sizeof *bits);

    bits->words = words;
    *c = (struct scan_condition){
        .kind = SCAN_TEST, .subject = SCAN_UNIT, .test_unit = unit_bit_test, .context = bits};
    if (q->unit == COUNTED_ACCOUNT) {
        bits->names = accounts_names(q->accounts);
        bits->unit_of = accounts_units(q->accounts, q->level);
        c->subject = SCAN_ACCOUNT;
        c->test = account_bit_test;
    }
    return c;
}

/* ---- reading ---- */

const char *behaviour_kind(const struct ask *condition)
{
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct ask member = ask_member(condition, kinds[i]);
        if (json_type(member.json) != JSON_ABSENT)
            return kinds[i];
    }
    return NULL;
}

static bool times_read(const struct ask *a, struct behaviour *b, struct err *e)
{
    static const char *const known[] = {"is", "gt", "gte", "lt", "lte", "between"};
    enum { IS, GT, GTE, LT, LTE, BETWEEN };

    if (!ask_is_there(a))
        return true;
    if (!ask_members(a, known, COUNT(known), e))
        return false;
    b->low = 0;
    for (size_t i = 0; i < COUNT(known); i++) {
        struct ask member = ask_member(a, known[i]);
        int64_t bound[2];
        size_t count;
        if (!ask_is_there(&member))
            continue;
        if (i != BETWEEN) {
            if (!ask_int(&member, 0, TIMES_MAX, &bound[0], e))
                return false;
            bound[1] = bound[0];
        } else {
            if (!ask_list(&member, 2, 2, &count, e))
                return false;
            struct json_each it = json_each(member.json);
            for (size_t k = 0; json_next(&it); k++) {
                struct ask item = ask_item(&member, it.value, k);
                if (!ask_int(&item, 0, TIMES_MAX, &bound[k], e))
                    return false;
            }
        }
        if (i == IS || i == GT || i == GTE || i == BETWEEN)
            b->low = MAX(b->low, bound[0] + (i == GT));
        if (i == IS || i == LT || i == LTE || i == BETWEEN)
            b->high = MIN(b->high, bound[1] - (i == LT));
    }
    if (json_count(a->json) == 0)
        return ask_missing(a, "gte", "\"times\" says how often, such as {\"gte\":3}", e);
    return true;
}

/* after, before and within, as the operators of the same names mean them; a sequence's within is
 * its length. */
static bool span_read(struct question *q, const struct ask *a, struct behaviour *b, struct err *e)
{
    struct ask after = ask_member(a, "after"), before = ask_member(a, "before"),
               within = ask_member(a, "within");
    struct duration d;
    int64_t at, end;

    if (ask_is_there(&after)) {
        if (!moment_read(q, &after, false, &at, e) || !moment_read(q, &after, true, &end, e))
            return false;
        b->from = end == at ? at + 1 : end;
    }
    if (ask_is_there(&before) && !moment_read(q, &before, false, &b->to, e))
        return false;
    b->to = MIN(b->to, q->as_of + 1);
    if (!ask_is_there(&within))
        return true;
    if (!duration_read(&within, false, &d, e))
        return false;
    if (b->kind == KIND_SEQUENCE)
        b->within_ms = duration_ms(d);
    else
        b->from = MAX(b->from, q->as_of - duration_ms(d));
    return true;
}

static bool sequence_read(struct question *q, const struct ask *list, struct behaviour *b,
                          struct err *e)
{
    static const char *const known[] = {"event", "any_of", "filter"};

    if (!ask_list(list, 2, SEQUENCE_MAX, &b->role_count, e))
        return false;
    struct json_each it = json_each(list->json);
    for (size_t i = 0; json_next(&it); i++) {
        const struct ask *item = question_keep(q, ask_item(list, it.value, i));
        bool ok = json_type(item->json) == JSON_OBJECT
                      ? ask_members(item, known, COUNT(known), e) &&
                            matcher_read(q, item, &b->roles[i], e)
                      : matcher_of(q, item, NULL, &b->roles[i], e);
        if (!ok)
            return false;
    }
    return true;
}

static bool roles_read(struct question *q, const struct ask *a, struct behaviour *b, struct err *e)
{
    const struct ask *what = question_keep(q, ask_member(a, kinds[b->kind])),
                     *filter = question_keep(q, ask_member(a, "filter"));
    enum condition_level level = q->condition_level;
    bool ok;

    b->role_count = 1;
    q->condition_level = LEVEL_EVENT; /* its own filters look at events again */
    q->behaviour_depth++;
    ok = b->kind == KIND_SEQUENCE ? sequence_read(q, what, b, e)
                                  : matcher_of(q, what, filter, &b->roles[0], e);
    q->behaviour_depth--;
    q->condition_level = level;
    return ok;
}

bool behaviour_read(struct question *q, const struct ask *a, const struct scan_condition **out,
                    struct err *e)
{
    static const char *const members[][6] = {
        {"did", "filter", "times", "within", "after", "before"},
        {"did_not", "filter", "times", "within", "after", "before"},
        {"first_did", "filter", "within", "after", "before"},
        {"sequence", "within", "after", "before"},
    };
    static const size_t member_counts[] = {6, 6, 5, 4};
    const char *name = behaviour_kind(a);
    struct behaviour *b = arena_alloc(q->arena, sizeof *b);
    struct ask times = ask_member(a, "times");

    *b = (struct behaviour){
        .from = INT64_MIN, .to = INT64_MAX, .low = 1, .high = INT64_MAX, .within_ms = INT64_MAX};
    while (kinds[b->kind] != name)
        b->kind++;
    if (!ask_members(a, members[b->kind], member_counts[b->kind], e) || !times_read(&times, b, e) ||
        !span_read(q, a, b, e))
        return false;
    if (++q->conditions > LIMIT_QUERY_CONDITIONS)
        return ask_fail(a, e, "query.limit", "the question has more than %d conditions",
                        LIMIT_QUERY_CONDITIONS);
    if (!roles_read(q, a, b, e))
        return false;
    b->depth = q->behaviour_depth;
    b->words = arena_array(q->arena, q->source->does->units(q->source) / 64 + 1, sizeof *b->words);
    b->next = q->behaviours;
    q->behaviours = b;
    *out = unit_bits_condition(q, b->words);
    return true;
}

/* ---- one person ---- */

static bool holds(const struct behaviour *b, const int64_t *state)
{
    switch (b->kind) {
    case KIND_FIRST:
        return state[0] == 1;
    case KIND_SEQUENCE:
        return state[b->role_count - 1] != 0;
    default:
        return (state[0] >= b->low && state[0] <= b->high) == (b->kind == KIND_DID);
    }
}

static inline bool matches(const struct scan_batch *b, uint32_t bits, size_t i)
{
    return !b->mask || (b->mask[i] & bits);
}

static void count_add(const struct behaviour *x, int64_t *state, const struct scan_batch *b,
                      size_t from, size_t to)
{
    if (!b->mask || (b->always & x->bits[0])) {
        state[0] += (int64_t)(to - from);
        return;
    }
    for (size_t i = from; i < to; i++)
        state[0] += (b->mask[i] & x->bits[0]) != 0;
}

/* 1: the first event lies in the span, 2: it does not. */
static void first_add(const struct behaviour *x, int64_t *state, const struct scan_batch *b,
                      size_t from, size_t to)
{
    for (size_t i = from; i < to && !state[0]; i++)
        if (matches(b, x->bits[0], i))
            state[0] = b->time[i] >= x->from && b->time[i] < x->to ? 1 : 2;
}

/* Events of one instant that may fill each step: as many as there are steps are enough to choose
 * from. `events[s]`: the one that fills step s. */
struct choice {
    size_t candidates[SEQUENCE_MAX][SEQUENCE_MAX], counts[SEQUENCE_MAX];
    size_t events[SEQUENCE_MAX];
    bool is_filled[SEQUENCE_MAX], is_tried[SEQUENCE_MAX];
};

/* Finds step s an event, moving others if that helps: an augmenting path. */
static bool step_fill(struct choice *c, size_t first, size_t s)
{
    for (size_t k = 0; k < c->counts[s]; k++) {
        size_t event = c->candidates[s][k], owner = first;
        while (owner < SEQUENCE_MAX && !(c->is_filled[owner] && c->events[owner] == event))
            owner++;
        if (owner < SEQUENCE_MAX) {
            if (c->is_tried[owner])
                continue;
            c->is_tried[owner] = true;
            if (!step_fill(c, first, owner))
                continue;
        }
        c->events[s] = event;
        c->is_filled[s] = true;
        return true;
    }
    return false;
}

/* How many steps from `first` on different events of one instant can fill. */
static size_t steps_filled(const struct behaviour *x, struct choice *c, size_t first)
{
    memset(c->is_filled, 0, sizeof c->is_filled);
    for (size_t s = first; s < x->role_count; s++) {
        memset(c->is_tried, 0, sizeof c->is_tried);
        if (!step_fill(c, first, s))
            return s - first;
    }
    return x->role_count - first;
}

/* best[s]: the latest start of a run that got through step s (TIME_ZERO added; 0 = none). */
static void tie_add(const struct behaviour *x, int64_t *best, const struct scan_batch *b,
                    size_t from, size_t to)
{
    struct choice c = {0};
    int64_t before[SEQUENCE_MAX], time = b->time[from] + TIME_ZERO;

    memcpy(before, best, x->role_count * sizeof *before);
    for (size_t s = 0; s < x->role_count; s++)
        for (size_t i = from; i < to && c.counts[s] < x->role_count; i++)
            if (matches(b, x->bits[s], i))
                c.candidates[s][c.counts[s]++] = i;
    for (size_t first = 0; first < x->role_count; first++) {
        int64_t start = first ? before[first - 1] : time;
        if (!start || time - start > x->within_ms)
            continue;
        size_t filled = steps_filled(x, &c, first);
        for (size_t s = first; s < first + filled; s++)
            best[s] = MAX(best[s], start);
    }
}

static void sequence_add(const struct behaviour *x, int64_t *best, const struct scan_batch *b,
                         size_t from, size_t to)
{
    for (size_t i = from, end; i < to && !best[x->role_count - 1]; i = end) {
        end = i + 1;
        while (end < to && b->time[end] == b->time[i])
            end++;
        if (end > i + 1) {
            tie_add(x, best, b, i, end);
            continue;
        }
        int64_t time = b->time[i] + TIME_ZERO;
        for (size_t s = x->role_count; s-- > 0;) { /* from the last: an event fills one step */
            int64_t start = s ? best[s - 1] : time;
            if (start && time - start <= x->within_ms && matches(b, x->bits[s], i))
                best[s] = MAX(best[s], start);
        }
    }
}

typedef void add_fn(const struct behaviour *, int64_t *, const struct scan_batch *, size_t, size_t);
static add_fn *const add_by_kind[] = {[KIND_DID] = count_add,
                                      [KIND_DID_NOT] = count_add,
                                      [KIND_FIRST] = first_add,
                                      [KIND_SEQUENCE] = sequence_add};

/* ---- one scan ---- */

struct worker {
    struct behaviour *const *list;
    size_t count, words; /* of state, a person */
    int64_t *state;      /* of the range at hand */
    size_t room;
};

/* Neighbouring ranges of persons share a word of bits. */
static void bit_set(uint64_t *words, uint32_t unit, bool is)
{
    uint64_t bit = (uint64_t)1 << (unit & 63);

    if (is)
        __atomic_fetch_or(&words[unit >> 6], bit, __ATOMIC_RELAXED);
    else
        __atomic_fetch_and(&words[unit >> 6], ~bit, __ATOMIC_RELAXED);
}

static bool sink(void *context, const struct scan_batch *b)
{
    struct worker *w = context;
    size_t units = b->high - b->low;

    if (b->is_first) {
        if (units * w->words > w->room) {
            w->room = units * w->words;
            w->state = mem_grow(w->state, w->room, sizeof *w->state);
        }
        memset(w->state, 0, units * w->words * sizeof *w->state);
    }
    for (size_t u = 0; u < b->unit_count; u++) {
        int64_t *state = w->state + (b->units[u] - b->low) * w->words;
        for (size_t i = 0; i < w->count; i++)
            add_by_kind[w->list[i]->kind](w->list[i], state + w->list[i]->at, b, b->starts[u],
                                          b->starts[u + 1]);
    }
    for (size_t u = 0; b->is_last && u < units; u++)
        for (size_t i = 0; i < w->count; i++)
            bit_set(w->list[i]->words, b->low + (uint32_t)u,
                    holds(w->list[i], w->state + u * w->words + w->list[i]->at));
    return true;
}

static bool list_scan(struct question *q, struct reading *r, struct behaviour *const *list,
                      size_t count, struct err *e)
{
    unsigned threads = q->source->does->threads(q->source);
    struct worker *workers = mem_array(threads, sizeof *workers);
    void **contexts = arena_array(q->arena, threads, sizeof *contexts);
    size_t words = 0;

    for (size_t i = 0; i < count; i++) {
        struct behaviour *b = list[i];
        static const int64_t nothing[SEQUENCE_MAX];
        b->at = words;
        words += b->kind == KIND_SEQUENCE ? b->role_count : 1;
        r->plan.want_time = r->plan.want_time || b->kind >= KIND_FIRST;
        if (holds(b, nothing)) /* who did nothing at all is in no batch */
            memset(b->words, 0xff, (q->source->does->units(q->source) / 64 + 1) * sizeof *b->words);
        b->is_found = true;
    }
    r->plan.by_unit = r->plan.in_parts = true;
    for (unsigned i = 0; i < threads; i++) {
        workers[i] = (struct worker){.list = list, .count = count, .words = words};
        contexts[i] = &workers[i];
    }
    bool ok = reading_run(q, r, sink, contexts, e);
    for (unsigned i = 0; i < threads; i++)
        mem_free(workers[i].state);
    mem_free(workers);
    return ok;
}

static size_t selectors_needed(const struct behaviour *b)
{
    size_t needed = 0;

    for (size_t i = 0; i < b->role_count; i++)
        needed += b->roles[i].count;
    return needed;
}

/* As many of one depth as one scan can hold. */
static bool some_run(struct question *q, unsigned depth, bool *is_done, struct err *e)
{
    struct behaviour *list[LIMIT_QUERY_CONDITIONS];
    struct reading r = {0};
    size_t count = 0, needed = 0;

    *is_done = true;
    for (struct behaviour *b = q->behaviours; b; b = b->next) {
        if (b->is_found || b->depth != depth)
            continue;
        if (count && needed + selectors_needed(b) > SCAN_SELECTORS_MAX) {
            *is_done = false;
            continue;
        }
        needed += selectors_needed(b);
        list[count++] = b;
        for (size_t i = 0; i < b->role_count; i++)
            if (!reading_role(q, &r, &b->roles[i], true,
                              b->kind == KIND_FIRST ? INT64_MIN : b->from,
                              b->kind == KIND_FIRST ? q->as_of + 1 : b->to, &b->bits[i], e))
                return false;
    }
    return !count || list_scan(q, &r, list, count, e);
}

bool behaviours_run(struct question *q, struct err *e)
{
    const struct scan_condition *filter = q->filter;
    unsigned depth = 0;
    bool ok = true;

    if (q->finds_behaviours) /* this is their own scan */
        return true;
    for (const struct behaviour *b = q->behaviours; b; b = b->next)
        depth = b->is_found ? depth : MAX(depth, b->depth + 1);
    q->finds_behaviours = true;
    q->filter = NULL; /* the question's filter is not for what makes people match */
    for (const struct saved *s = q->saved; s; s = s->next_found)
        depth = s->tree ? MAX(depth, s->depth + 1) : depth;
    while (ok && depth-- > 0) {
        for (bool is_done = false; ok && !is_done;)
            ok = some_run(q, depth, &is_done, e);
        if (ok)
            segments_settle(q, depth);
    }
    q->filter = filter;
    q->finds_behaviours = false;
    return ok;
}
