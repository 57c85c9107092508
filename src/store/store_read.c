/*
 * store/store_read: what a snapshot holds, given back as events and facts: for export.
 *
 * Without a person, rows come as they lie: months in order, in a month people in the order in which
 * they first came, each person's events in time order but for months of several segments. With a
 * person, all of its rows are found first and come in time order.
 */
#include <stdlib.h>

#include "base/arena.h"
#include "store/chunk.h"
#include "store/identity_log.h"
#include "store/people_read.h"
#include "store/scan.h"
#include "store/snapshot.h"

enum { CANCEL_ROWS = 1024 };

struct reading {
    const struct snapshot *view;
    const struct read_options *options;
    read_event_fn *visit;
    void *context;
    struct arena *arena;
    uint64_t since_look;
};

static bool goes_on(struct reading *r, struct err *e)
{
    const volatile bool *cancel = r->options->cancel;
    if (++r->since_look < CANCEL_ROWS)
        return true;
    r->since_look = 0;
    return !cancel || !__atomic_load_n(cancel, __ATOMIC_RELAXED) ||
           err_set(e, ERR_BUSY, "stopped before the end");
}

static bool is_wanted(const struct read_options *o, const struct event *ev)
{
    return ev->time >= o->from && ev->time < o->to &&
           (!o->event.at || str_equal(o->event, ev->name));
}

static bool read_row(struct reading *r, struct segment *g, uint32_t row, uint32_t person,
                     struct err *e)
{
    struct event ev;
    arena_reset(r->arena);
    if (!goes_on(r, e) || !segment_event(g, row, r->arena, &ev, e))
        return false;
    ev.person = people_id(r->view->people, person);
    return !is_wanted(r->options, &ev) || r->visit(r->context, &ev, e);
}

static bool may_have(const struct read_options *o, const struct segment *g)
{
    return g->time_max >= o->from && g->time_min < o->to;
}

/* ---- everybody ---- */

static bool read_segment(struct reading *r, struct segment *g, struct err *e)
{
    for (uint32_t p = 0; p < g->person_count; p++) {
        if (hidden_has(r->view->hidden, g->persons[p]))
            continue;
        for (uint32_t row = g->starts[p]; row < g->starts[p + 1]; row++)
            if (!read_row(r, g, row, g->persons[p], e))
                return false;
    }
    return true;
}

/* ---- one person ---- */

struct place {
    int64_t time;
    uint32_t segment, row, person;
};

static int by_time(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    if (x->segment != y->segment)
        return x->segment < y->segment ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static uint32_t person_index(const struct segment *g, uint32_t ordinal)
{
    uint32_t low = 0, high = g->person_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (g->persons[middle] < ordinal)
            low = middle + 1;
        else
            high = middle;
    }
    return low < g->person_count && g->persons[low] == ordinal ? low : UINT32_MAX;
}

static bool read_person(struct reading *r, struct err *e)
{
    const struct snapshot *v = r->view;
    const uint32_t *members;
    size_t member_count = people_members(v->people, r->options->unit, &members);
    struct place *places = NULL;
    size_t count = 0, room = 0;
    bool ok = true;
    for (uint32_t i = 0; ok && i < v->segment_count; i++) {
        struct segment *g = v->segments[i];
        const uint32_t *time = g->time->lanes;
        for (size_t m = 0; ok && m < member_count && may_have(r->options, g); m++) {
            uint32_t person = members ? members[m] : r->options->unit;
            uint32_t p = person_index(g, person);
            if (p == UINT32_MAX)
                continue;
            ok = segment_pin(g, g->time, g->starts[p], g->starts[p + 1], e);
            for (uint32_t row = g->starts[p]; ok && row < g->starts[p + 1]; row++)
                ARRAY_PUSH(places, count, room) =
                    (struct place){g->month_start + time[row], i, row, person};
        }
    }
    if (count)
        qsort(places, count, sizeof *places, by_time);
    for (size_t i = 0; ok && i < count; i++)
        ok = read_row(r, v->segments[places[i].segment], places[i].row, places[i].person, e);
    mem_free(places);
    return ok;
}

bool snapshot_read(const struct snapshot *v, const struct read_options *options,
                   read_event_fn *visit, void *context, struct err *e)
{
    AUTO(arena) *arena = arena_create(0);
    struct reading r = {
        .view = v, .options = options, .visit = visit, .context = context, .arena = arena};
    if (options->is_person)
        return read_person(&r, e);
    for (size_t i = 0; i < v->segment_count; i++)
        if (may_have(options, v->segments[i]) && !read_segment(&r, v->segments[i], e))
            return false;
    return true;
}

uint64_t snapshot_rows(const struct snapshot *v)
{
    uint64_t rows = 0;
    for (size_t i = 0; i < v->segment_count; i++)
        rows += v->segments[i]->rows - hidden_row_count(v->hidden, v->segments[i]);
    return rows;
}

/* ---- facts ---- */

static bool is_erased(const struct snapshot *v, uint32_t ordinal)
{
    return hidden_has(v->hidden, ordinal) || people_id(v->people, ordinal).len == 0;
}

/* Each trait with the moment it was set: the newest of several persons' counts, so order matters.
 */
static int by_version(const void *a, const void *b)
{
    const struct trait_item *x = a, *y = b;
    if (x->version != y->version)
        return x->version < y->version ? -1 : 1;
    return x->ordinal < y->ordinal ? -1 : x->ordinal > y->ordinal;
}

struct traits_out {
    struct trait_item *items;
    size_t count, room;
};

static void take_item(void *context, const struct trait_item *item)
{
    struct traits_out *t = context;
    ARRAY_PUSH(t->items, t->count, t->room) = *item;
}

/* Those set together by one record are given together. */
static bool give_traits(const struct snapshot *v, struct traits_out *t, enum fact_kind kind,
                        struct arena *arena, read_fact_fn *visit, void *context, struct err *e)
{
    bool ok = true;
    if (t->count)
        qsort(t->items, t->count, sizeof *t->items, by_version);
    for (size_t from = 0, to; ok && from < t->count; from = to) {
        const struct trait_item *first = &t->items[from];
        for (to = from + 1; to < t->count && t->items[to].version == first->version &&
                            t->items[to].ordinal == first->ordinal;)
            to++;
        arena_reset(arena);
        struct property *list = arena_array(arena, to - from, sizeof *list);
        size_t count = 0;
        for (size_t i = from; i < to; i++)
            if (t->items[i].name.at)
                list[count++] = (struct property){t->items[i].name, t->items[i].value};
        bool is_person = kind == FACT_PERSON_TRAITS;
        struct fact f = {.kind = kind,
                         .subject = is_person ? people_id(v->people, first->ordinal)
                                              : people_account(v->people, first->ordinal),
                         .created = first->created,
                         .properties = list,
                         .property_count = count};
        ok = visit(context, &f, e);
    }
    t->count = 0;
    return ok;
}

/* Of one person: all that was ever said, in order. */
static bool give_history(const struct snapshot *v, uint32_t unit, read_fact_fn *visit,
                         void *context, struct err *e)
{
    uint32_t count;
    const struct identity_log *log = people_log(v->people, &count);
    for (uint32_t i = 0; i < count; i++) {
        const struct identity_entry *n = identity_log_at(log, i);
        if (is_erased(v, n->subject) || is_erased(v, n->other))
            continue;
        if (people_unit(v->people, n->subject) != unit && people_unit(v->people, n->other) != unit)
            continue;
        struct fact f = {.kind = n->is_part ? FACT_UNMERGE : FACT_MERGE,
                         .subject = people_id(v->people, n->subject),
                         .other = people_id(v->people, n->other),
                         .received = n->at,
                         .created = (int64_t)FACT_CREATED_NONE,
                         .by = identity_log_text(log, n->by),
                         .reason = identity_log_text(log, n->reason)};
        if (!visit(context, &f, e))
            return false;
    }
    return true;
}

/* Of everybody: what it comes to, so that saying it again changes nothing. */
static bool give_merges(const struct snapshot *v, uint32_t unit, read_fact_fn *visit, void *context,
                        struct err *e)
{
    const uint32_t *members;
    size_t count = people_members(v->people, unit, &members);
    for (size_t i = 0; members && i < count; i++) {
        struct fact f = {.kind = FACT_MERGE,
                         .subject = people_id(v->people, unit),
                         .other = people_id(v->people, members[i]),
                         .created = (int64_t)FACT_CREATED_NONE};
        if (members[i] != unit && !visit(context, &f, e))
            return false;
    }
    return true;
}

bool snapshot_read_facts(const struct snapshot *v, const struct read_options *options,
                         read_fact_fn *visit, void *context, struct err *e)
{
    AUTO(arena) *arena = arena_create(0);
    struct traits_out t = {0};
    uint32_t units = options->is_person ? 1 : people_count(v->people);
    bool ok = !options->is_person || give_history(v, options->unit, visit, context, e);
    for (uint32_t i = 0; ok && !options->is_person && i < people_accounts(v->people); i++) {
        people_each_account_trait(v->people, i, take_item, &t);
        ok = give_traits(v, &t, FACT_ACCOUNT_TRAITS, arena, visit, context, e);
    }
    for (uint32_t i = 0; ok && i < units; i++) {
        uint32_t unit = options->is_person ? options->unit : i;
        const uint32_t *members;
        if (is_erased(v, unit) || people_unit(v->people, unit) != unit)
            continue;
        size_t count = people_members(v->people, unit, &members);
        ok = options->is_person || give_merges(v, unit, visit, context, e);
        for (size_t m = 0; ok && m < count; m++)
            people_each_trait(v->people, members ? members[m] : unit, take_item, &t);
        ok = ok && give_traits(v, &t, FACT_PERSON_TRAITS, arena, visit, context, e);
    }
    mem_free(t.items);
    return ok;
}
