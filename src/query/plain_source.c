/* query/plain_source: scans over plain arrays, naive on purpose. */
#include "query/plain_source.h"

#include "base/buf.h"

#include <math.h>
#include <stdlib.h>

static struct plain_source *plain(const struct source *s)
{
    return (struct plain_source *)(uintptr_t)s;
}

static bool unit_find(const struct source *source, struct str id, uint32_t *unit)
{
    const struct plain_source *s = plain(source);

    for (uint32_t i = 0; i < s->person_count; i++) {
        bool is = str_equal(s->people[i].id, id);
        for (size_t a = 0; a < s->people[i].alias_count; a++)
            is = is || str_equal(s->people[i].aliases[a], id);
        if (is) {
            *unit = i;
            return true;
        }
    }
    return false;
}

static struct value event_value(const struct event *e, enum scan_subject subject,
                                struct str property)
{
    struct value missing = {.type = VALUE_MISSING};
    struct str text = subject == SCAN_NAME      ? e->name
                      : subject == SCAN_ID      ? e->id
                      : subject == SCAN_ACCOUNT ? e->account
                      : subject == SCAN_SESSION ? e->session
                                                : STR_NONE;

    if (subject == SCAN_TIME)
        return (struct value){.type = VALUE_INT, .integer = e->time};
    if (subject != SCAN_PROPERTY)
        return text.len ? (struct value){.type = VALUE_TEXT, .text = text} : missing;
    for (size_t i = 0; i < e->property_count; i++)
        if (str_equal(e->properties[i].name, property))
            return e->properties[i].value;
    return missing;
}

/* Of a computed one: made of the inputs, its text in `room`. */
static struct value made_value(const struct event *e, enum scan_subject subject,
                               struct str property, const struct scan_computed *computed,
                               struct buf *room)
{
    struct value values[SCAN_INPUTS_MAX];

    if (subject != SCAN_COMPUTED)
        return event_value(e, subject, property);
    for (size_t i = 0; i < computed->input_count; i++) {
        values[i] = event_value(e, SCAN_PROPERTY, computed->inputs[i]);
        if (values[i].type == VALUE_NULL)
            values[i].type = VALUE_MISSING;
    }
    buf_clear(room);
    return computed->compute(computed->context, values, room);
}

static bool passes(const struct scan_condition *c, const struct event *e, uint32_t unit)
{
    if (!c)
        return true;
    if (c->kind == SCAN_TEST) {
        if (c->subject == SCAN_UNIT)
            return c->test_unit(c->context, unit);
        BUF_AUTO made = {0};
        struct value v = made_value(e, c->subject, c->property, c->computed, &made);
        if (v.type == VALUE_NULL)
            v.type = VALUE_MISSING;
        return c->test(c->context, v);
    }
    if (c->kind == SCAN_NOT)
        return !passes(c->children[0], e, unit);
    for (size_t i = 0; i < c->child_count; i++)
        if (passes(c->children[i], e, unit) != (c->kind == SCAN_ALL))
            return c->kind == SCAN_ANY;
    return c->kind == SCAN_ALL;
}

static uint32_t mask_of(const struct scan_plan *p, const struct event *e, uint32_t unit)
{
    uint32_t mask = 0;

    for (size_t i = 0; i < p->selector_count; i++) {
        const struct scan_selector *s = &p->selectors[i];
        if ((!s->event.at || str_equal(s->event, e->name)) && e->time >= s->from &&
            e->time < s->to && passes(s->filter, e, unit))
            mask |= (uint32_t)1 << i;
    }
    return mask;
}

static uint16_t interval_of(const struct scan_plan *p, int64_t time)
{
    if (time < p->edges[0])
        return SCAN_BEFORE;
    for (size_t i = 0; i + 1 < p->edge_count; i++)
        if (time < p->edges[i + 1])
            return (uint16_t)i;
    return SCAN_AFTER;
}

/* ---- batches ---- */

struct found {
    const struct event *event;
    uint32_t unit, mask;
    size_t index;
};

static int by_unit_time(const void *a, const void *b)
{
    const struct found *x = a, *y = b;

    if (x->unit != y->unit)
        return x->unit < y->unit ? -1 : 1;
    if (x->event->time != y->event->time)
        return x->event->time < y->event->time ? -1 : 1;
    if (x->event->sequence != y->event->sequence)
        return x->event->sequence < y->event->sequence ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static uint32_t code_of(const struct scan_column *c, const struct event *e)
{
    char room[VALUE_TEXT_BYTES];
    BUF_AUTO made = {0};
    struct str text = value_text(made_value(e, c->subject, c->property, c->computed, &made), room);

    return text.len ? intern_put(c->codes, text) : SCAN_CODE_NONE;
}

static double number_of(const struct scan_column *c, const struct event *e)
{
    BUF_AUTO made = {0};
    double v;

    return value_number(made_value(e, c->subject, c->property, c->computed, &made), &v) ? v : NAN;
}

/* The arrays of a batch that holds the list's events. */
static void arrays_make(struct arena *arena, const struct scan_plan *p, const struct found *list,
                        size_t count, struct scan_batch *b)
{
    uint32_t *mask = arena_array(arena, count + 1, sizeof *mask);
    int64_t *time = arena_array(arena, count + 1, sizeof *time);
    uint16_t *interval = arena_array(arena, count + 1, sizeof *interval);

    for (size_t i = 0; i < count; i++) {
        mask[i] = list[i].mask;
        time[i] = list[i].event->time;
        interval[i] = p->edges ? interval_of(p, time[i]) : 0;
    }
    b->mask = p->selector_count > 1 ? mask : NULL;
    b->time = p->want_time ? time : NULL;
    b->interval = p->edges ? interval : NULL;
    for (size_t c = 0; c < p->column_count; c++) {
        uint32_t *codes = arena_array(arena, count + 1, sizeof *codes);
        double *numbers = arena_array(arena, count + 1, sizeof *numbers);
        for (size_t i = 0; i < count; i++)
            if (p->columns[c].kind == SCAN_CODE)
                codes[i] = code_of(&p->columns[c], list[i].event);
            else
                numbers[i] = number_of(&p->columns[c], list[i].event);
        b->codes[c] = p->columns[c].kind == SCAN_CODE ? codes : NULL;
        b->numbers[c] = p->columns[c].kind == SCAN_NUMBER ? numbers : NULL;
    }
}

/* Events [from, to) of the list, unit by unit. */
static void units_make(struct arena *arena, const struct found *list, size_t from, size_t to,
                       struct scan_batch *b)
{
    uint32_t *units = arena_array(arena, to - from + 1, sizeof *units),
             *starts = arena_array(arena, to - from + 1, sizeof *starts);

    b->unit_count = 0;
    b->count = to - from;
    b->units = units;
    b->starts = starts;
    for (size_t i = from; i < to; i++)
        if (i == from || list[i].unit != list[i - 1].unit) {
            units[b->unit_count] = list[i].unit;
            starts[b->unit_count++] = (uint32_t)i;
        }
    starts[b->unit_count] = (uint32_t)to;
}

static bool send(const struct scan_plan *p, const struct found *list, size_t count, unsigned thread,
                 scan_sink *sink, void *context)
{
    AUTO(arena) *arena = arena_create(0);
    struct scan_batch b = {.thread = thread, .count = count};

    arrays_make(arena, p, list, count, &b);
    if (p->by_unit)
        units_make(arena, list, 0, count, &b);
    return sink(context, &b);
}

/* In parts: all units of the list, for one stretch of time after the other. */
static bool send_parts(const struct scan_plan *p, const struct found *list, size_t count,
                       int64_t part_ms, unsigned thread, scan_sink *sink, void *context)
{
    AUTO(arena) *arena = arena_create(0);
    struct found *parts = arena_array(arena, count, sizeof *parts);
    size_t *ends = arena_array(arena, count + 1, sizeof *ends), part_count = 0, held = 0;
    struct scan_batch b = {.thread = thread, .low = list[0].unit, .high = list[count - 1].unit + 1};
    bool goes_on = true;

    for (int64_t from = INT64_MIN, to; held < count; from = to) {
        int64_t first = INT64_MAX;
        for (size_t i = 0; i < count; i++)
            if (list[i].event->time >= from)
                first = MIN(first, list[i].event->time);
        to = part_ms ? first + part_ms : INT64_MAX;
        for (size_t i = 0; i < count; i++)
            if (list[i].event->time >= from && list[i].event->time < to)
                parts[held++] = list[i];
        ends[part_count++] = held;
    }
    arrays_make(arena, p, parts, count, &b);
    for (size_t i = 0; goes_on && i < part_count; i++) {
        units_make(arena, parts, i ? ends[i - 1] : 0, ends[i], &b);
        b.is_first = i == 0;
        goes_on = sink(context, &b);
    }
    b.is_first = false;
    b.is_last = true;
    b.count = b.unit_count = 0;
    return goes_on && sink(context, &b);
}

static size_t find(struct plain_source *s, const struct scan_plan *p, struct found *list)
{
    size_t count = 0;

    for (size_t i = 0; i < s->event_count; i++) {
        for (size_t c = 0; c < p->column_count; c++)
            if (p->columns[c].kind == SCAN_CODE)
                (void)code_of(&p->columns[c], &s->events[i]);
        uint32_t mask = mask_of(p, &s->events[i], s->units[i]);
        if (mask)
            list[count++] = (struct found){&s->events[i], s->units[i], mask, i};
    }
    if (count)
        qsort(list, count, sizeof *list, by_unit_time);
    for (size_t i = 0; !p->by_unit && s->backwards && i < count / 2; i++) {
        struct found swap = list[i];
        list[i] = list[count - 1 - i];
        list[count - 1 - i] = swap;
    }
    return count;
}

static bool scan(struct source *source, const struct scan_plan *p, scan_sink *sink,
                 void *const *contexts, struct scan_stats *stats, struct err *e)
{
    struct plain_source *s = plain(source);
    struct found *list = mem_array(s->event_count + 1, sizeof *list);
    size_t count = find(s, p, list), from = 0;
    unsigned thread = 0;

    (void)e;
    while (from < count) {
        size_t to = from, parts = 0;
        while (to < count && (!s->batch_units || parts < s->batch_units)) {
            uint32_t unit = list[to].unit;
            do
                to++;
            while (p->by_unit && to < count && list[to].unit == unit);
            parts++;
        }
        bool goes_on =
            p->in_parts
                ? send_parts(p, list + from, to - from, s->part_ms, thread, sink, contexts[thread])
                : send(p, list + from, to - from, thread, sink, contexts[thread]);
        if (!goes_on)
            break;
        thread = (thread + 1) % s->threads;
        from = to;
    }
    *stats = (struct scan_stats){.rows = s->event_count, .matched = count, .segments = 1};
    mem_free(list);
    return true;
}

/* ---- people and lists ---- */

static unsigned threads(const struct source *s)
{
    return plain(s)->threads;
}

static uint32_t units(const struct source *s)
{
    return (uint32_t)plain(s)->person_count;
}

static struct str unit_id(const struct source *s, uint32_t unit)
{
    return plain(s)->people[unit].id;
}

static struct value trait(const struct source *s, uint32_t unit, struct str name)
{
    const struct plain_person *p = &plain(s)->people[unit];

    for (size_t i = 0; i < p->trait_count; i++)
        if (str_equal(p->traits[i].name, name))
            return p->traits[i].value;
    return (struct value){.type = VALUE_MISSING};
}

static int64_t created(const struct source *s, uint32_t unit)
{
    return plain(s)->people[unit].created;
}

/* Test data names accounts among the persons where their creation matters, or in a list. */
static int64_t account_created(const struct source *s, struct str account)
{
    uint32_t unit;

    for (size_t i = 0; i < plain(s)->account_count; i++)
        if (str_equal(plain(s)->accounts[i].id, account) &&
            plain(s)->accounts[i].created != (int64_t)FACT_CREATED_NONE)
            return plain(s)->accounts[i].created;
    return unit_find(s, account, &unit) ? plain(s)->people[unit].created
                                        : (int64_t)FACT_CREATED_NONE;
}

static struct value account_trait(const struct source *source, struct str account, struct str name)
{
    const struct plain_source *s = plain(source);

    for (size_t i = 0; i < s->account_count; i++)
        for (size_t k = 0; k < s->accounts[i].trait_count; k++)
            if (str_equal(s->accounts[i].id, account) &&
                str_equal(s->accounts[i].traits[k].name, name))
                return s->accounts[i].traits[k].value;
    return (struct value){.type = VALUE_MISSING};
}

static void events(const struct source *source, struct arena *arena, struct event_name_info **list,
                   size_t *count)
{
    const struct plain_source *s = plain(source);

    *count = 0;
    *list = arena_array(arena, s->event_count + 1, sizeof **list);
    for (size_t i = 0; i < s->event_count; i++) {
        size_t k = 0;
        while (k < *count && !str_equal((*list)[k].name, s->events[i].name))
            k++;
        struct event_name_info *name = &(*list)[k];
        int64_t time = s->events[i].time;
        if (k == *count) {
            *name = (struct event_name_info){.name = s->events[i].name, .first = time};
            (*count)++;
        }
        name->count++;
        name->first = MIN(name->first, time);
        name->last = MAX(name->last, time);
    }
}

static void properties(const struct source *source, struct arena *arena,
                       struct property_info **list, size_t *count)
{
    const struct plain_source *s = plain(source);
    AUTO(intern) *names = intern_create();

    for (size_t i = 0; i < s->event_count; i++)
        for (size_t k = 0; k < s->events[i].property_count; k++)
            (void)intern_put(names, s->events[i].properties[k].name);
    *count = intern_count(names);
    *list = arena_array(arena, *count + 1, sizeof **list);
    for (uint32_t i = 0; i < *count; i++)
        (*list)[i].name = arena_copy(arena, intern_at(names, i));
}

static bool span(const struct source *source, int64_t *first, int64_t *last)
{
    const struct plain_source *s = plain(source);

    for (size_t i = 0; i < s->event_count; i++) {
        *first = i ? MIN(*first, s->events[i].time) : s->events[i].time;
        *last = i ? MAX(*last, s->events[i].time) : s->events[i].time;
    }
    return s->event_count > 0;
}

static uint64_t state(const struct source *source)
{
    return plain(source)->state;
}

static bool accounts(const struct source *source, struct intern *names, uint32_t *described,
                     struct err *e)
{
    const struct plain_source *s = plain(source);

    (void)e;
    for (size_t i = 0; i < s->account_count; i++)
        if (s->accounts[i].trait_count || s->accounts[i].created != (int64_t)FACT_CREATED_NONE)
            (void)intern_put(names, s->accounts[i].id);
    *described = intern_count(names);
    for (size_t i = 0; i < s->event_count; i++)
        if (s->events[i].account.len)
            (void)intern_put(names, s->events[i].account);
    return true;
}

static void run(struct source *source, size_t tasks, void (*work)(void *, size_t, unsigned),
                void *context)
{
    for (size_t i = 0; i < tasks; i++)
        work(context, i, (unsigned)(i % plain(source)->threads));
}

static const struct source_vtable vtable = {
    scan,          threads, units,      unit_id, unit_find, trait,    created, account_created,
    account_trait, events,  properties, span,    state,     accounts, run,
};

void plain_source_init(struct plain_source *s, const struct event *event_list, size_t event_count,
                       const struct plain_person *people, size_t person_count)
{
    *s = (struct plain_source){
        .source = {&vtable}, .events = event_list, .event_count = event_count, .threads = 1};
    for (size_t i = 0; i < person_count; i++)
        ARRAY_PUSH(s->people, s->person_count, s->person_room) = people[i];
    s->units = mem_array(event_count + 1, sizeof *s->units);
    for (size_t i = 0; i < event_count; i++) {
        if (unit_find(&s->source, event_list[i].person, &s->units[i]))
            continue;
        s->units[i] = (uint32_t)s->person_count;
        ARRAY_PUSH(s->people, s->person_count, s->person_room) =
            (struct plain_person){.id = event_list[i].person, .created = FACT_CREATED_NONE};
    }
}

void plain_source_free(struct plain_source *s)
{
    mem_free(s->people);
    mem_free(s->units);
}
