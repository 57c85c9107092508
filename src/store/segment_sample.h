/*
 * store/segment_sample: what the tests of segments, chunks and merges share: random events from a
 * seed, the order they must come out in by a plain sort, and a comparison row by row.
 */
#pragma once
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/test.h"
#include "store/chunk.h"

struct sample {
    struct arena *arena;
    struct event *events;
    uint32_t *persons;
    size_t count;
};

struct sample_plan {
    uint64_t seed;
    size_t rows;
    uint32_t persons, names;
    int64_t from, span; /* times, ms */
    int64_t step;       /* times are multiples of it */
    bool has_ids;       /* a third of the rows: UUIDs and other texts */
    bool has_properties;
    uint32_t rich_one_in; /* properties on one row of so many; 0 = each */
};

static inline uint64_t sample_dice(uint64_t *seed)
{
    return hash_mix((*seed)++);
}

static inline uint64_t sample_below(uint64_t *seed, uint64_t limit)
{
    return sample_dice(seed) % limit;
}

/* "mixed": another type each time, at its edges. Returns how many properties were put. */
static inline size_t sample_mixed(uint64_t dice, struct property *p)
{
    static const struct value values[] = {
        {.type = VALUE_INT, .integer = INT64_MIN}, {.type = VALUE_INT, .integer = INT64_MAX},
        {.type = VALUE_TEXT, .text = {"1", 1}},    {.type = VALUE_DOUBLE, .number = -0.0},
        {.type = VALUE_BOOL, .boolean = false},    {.type = VALUE_NULL},
    };
    size_t which = dice >> 44 & 7;

    if (which >= COUNT(values))
        return 0;
    *p = (struct property){STR("mixed"), values[which]};
    return 1;
}

/* All value types under a few names. */
static inline void sample_properties(struct arena *arena, uint64_t *seed, struct event *event)
{
    struct property *p = arena_array(arena, 16, sizeof *p);
    size_t n = 0;
    uint64_t dice = sample_dice(seed);
#define PUT(name_, value_)                                                                         \
    p[n++] = (struct property)                                                                     \
    {                                                                                              \
        STR(name_), (struct value)value_                                                           \
    }
#define PAREN(...)                                                                                 \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
    if (dice & 1)
        PUT("plan",
            PAREN(.type = VALUE_TEXT,
                  .text = arena_printf(arena, "p%llu", (unsigned long long)(dice >> 8) % 4)));
    if (dice & 2)
        PUT("note", PAREN(.type = VALUE_TEXT,
                          .text = arena_printf(arena, "note %llx %llu", (unsigned long long)dice,
                                               (unsigned long long)dice % 97)));
    if (dice & 4)
        PUT("big", PAREN(.type = VALUE_INT, .integer = (int64_t)sample_dice(seed)));
    if (dice & 8)
        PUT("small", PAREN(.type = VALUE_INT, .integer = (int64_t)(dice >> 9) % 7 * 100 - 300));
    if (dice & 16)
        PUT("price", PAREN(.type = VALUE_DOUBLE, .number = (double)(dice >> 9 & 15) / 4));
    if (dice & 32)
        PUT("ratio", PAREN(.type = VALUE_DOUBLE, .number = (double)(dice >> 12) / 3));
    if (dice & 64)
        PUT("paid", PAREN(.type = VALUE_BOOL, .boolean = dice >> 20 & 1));
    if (dice & 128)
        PUT("always", PAREN(.type = VALUE_BOOL, .boolean = true));
    if ((dice >> 30 & 63) == 0)
        PUT("rare",
            PAREN(.type = VALUE_TEXT,
                  .text = arena_printf(arena, "r%llu", (unsigned long long)(dice >> 40) % 3)));
    if ((dice >> 36 & 63) == 0)
        PUT("gone", PAREN(.type = VALUE_NULL));
    if (dice >> 42 & 1)
        PUT("empty", PAREN(.type = VALUE_TEXT, .text = STR("")));
    if (dice >> 43 & 1)
        PUT("tags",
            PAREN(.type = VALUE_LIST, .text = arena_printf(arena, "[\"a\",%llu]",
                                                           (unsigned long long)(dice >> 50) % 5)));
    n += sample_mixed(dice, &p[n]);
#undef PUT
#undef PAREN
    event->properties = p;
    event->property_count = n;
}

static inline struct str sample_id(struct arena *arena, uint64_t *seed)
{
    uint64_t a = sample_dice(seed), b = sample_dice(seed);

    switch (a % 3) {
    case 0: /* as a UUID, but not canonical, so it must stay a text */
        return arena_printf(arena, "%08X-%04X-4000-8000-%012llX", (unsigned)a, (unsigned)b & 0xffff,
                            (unsigned long long)b >> 16);
    case 1:
        return arena_printf(arena, "msg-%llu", (unsigned long long)a);
    default:
        return arena_printf(arena, "%08x-%04x-4000-8000-%012llx", (unsigned)a, (unsigned)b & 0xffff,
                            (unsigned long long)b >> 16);
    }
}

static inline struct sample sample_make(const struct sample_plan *plan)
{
    struct sample s = {.arena = arena_create(0), .count = plan->rows};
    uint64_t seed = plan->seed * 1000003, step = (uint64_t)MAX(plan->step, 1);

    s.events = arena_array(s.arena, plan->rows, sizeof *s.events);
    s.persons = arena_array(s.arena, plan->rows, sizeof *s.persons);
    for (size_t i = 0; i < plan->rows; i++) {
        struct event *v = &s.events[i];
        uint64_t dice = sample_dice(&seed);
        s.persons[i] = (uint32_t)(dice % plan->persons * 3);
        v->person = arena_printf(s.arena, "u%u", s.persons[i]);
        v->time = plan->from + (int64_t)(sample_below(&seed, (uint64_t)plan->span) / step * step);
        v->name = arena_printf(s.arena, "event %llu",
                               (unsigned long long)sample_below(&seed, plan->names));
        v->received = v->time + (int64_t)(dice >> 60);
        v->offset_minutes = dice >> 33 & 1 ? 420 : -60;
        v->sequence = (uint32_t)(dice >> 40 & 3);
        v->account = dice >> 34 & 1
                         ? arena_printf(s.arena, "acme %llu", (unsigned long long)(dice >> 35) % 9)
                         : STR("");
        v->session = (dice >> 50 & 3) == 0
                         ? arena_printf(s.arena, "s%llx", (unsigned long long)dice)
                         : STR("");
        v->id = plan->has_ids && (dice >> 52) % 3 == 0 ? sample_id(s.arena, &seed) : STR("");
        v->copy = 0;
        if (plan->has_properties && (!plan->rich_one_in || (dice >> 20) % plan->rich_one_in == 0))
            sample_properties(s.arena, &seed, v);
    }
    return s;
}

static inline void sample_free(struct sample *s)
{
    arena_destroy(s->arena);
    *s = (struct sample){0};
}

struct sample_row {
    const struct event *event;
    uint32_t person;
    size_t arrival;
};

static inline int sample_order(const void *a, const void *b)
{
    const struct sample_row *x = a, *y = b;
    int64_t p = month_start(x->event->time), q = month_start(y->event->time);

    if (p != q)
        return p < q ? -1 : 1;
    if (x->person != y->person)
        return x->person < y->person ? -1 : 1;
    if (x->event->time != y->event->time)
        return x->event->time < y->event->time ? -1 : 1;
    if (x->event->sequence != y->event->sequence)
        return x->event->sequence < y->event->sequence ? -1 : 1;
    return (x->arrival > y->arrival) - (x->arrival < y->arrival);
}

/* The rows as they must come out: by month, person, time, sequence, arrival. */
static inline struct sample_row *sample_sorted(const struct sample *s)
{
    struct sample_row *rows = arena_array(s->arena, s->count + 1, sizeof *rows);

    for (size_t i = 0; i < s->count; i++)
        rows[i] = (struct sample_row){&s->events[i], s->persons[i], i};
    qsort(rows, s->count, sizeof *rows, sample_order);
    return rows;
}

static inline const struct value *sample_property(const struct event *event, struct str name)
{
    for (size_t i = 0; i < event->property_count; i++)
        if (str_equal(event->properties[i].name, name))
            return &event->properties[i].value;
    return NULL;
}

static inline bool sample_same_bits(const struct value *a, const struct value *b)
{
    return value_same(*a, *b) &&
           (a->type != VALUE_DOUBLE || memcmp(&a->number, &b->number, sizeof a->number) == 0);
}

/* Same in all but person, copy and the order of properties. */
static inline bool sample_same(const struct event *a, const struct event *b)
{
    if (a->time != b->time || a->received != b->received || a->sequence != b->sequence ||
        a->offset_minutes != b->offset_minutes || a->property_count != b->property_count ||
        !str_equal(a->id, b->id) || !str_equal(a->name, b->name) ||
        !str_equal(a->account, b->account) || !str_equal(a->session, b->session))
        return false;
    for (size_t i = 0; i < a->property_count; i++) {
        const struct value *v = sample_property(b, a->properties[i].name);
        if (!v || !sample_same_bits(&a->properties[i].value, v))
            return false;
    }
    return true;
}

/* Adds [from, to) of the sample's events. */
static inline struct chunk *sample_chunk(const struct sample *s, size_t from, size_t to)
{
    struct chunk *c = chunk_create();

    for (size_t i = from; i < to; i++)
        chunk_add(c, &s->events[i], s->persons[i], 0);
    return c;
}

static inline struct chunk_result sample_images(const struct sample *s, size_t from, size_t to,
                                                uint64_t age)
{
    AUTO(chunk) *c = sample_chunk(s, from, to);
    struct chunk_result r;
    struct err e = {0};

    assert_works(chunk_images(c, STR("main"), age, NULL, 0, 1, &r, &e), e);
    return r;
}

/* Fails unless the segment holds exactly `count` rows from `rows` on, in order. */
static inline void sample_check(struct segment *g, const struct sample_row *rows, size_t count)
{
    AUTO(arena) *arena = arena_create(0);
    struct err e = {0};
    uint32_t person = 0;

    assert_int_equal(g->rows, count);
    for (uint32_t row = 0; row < g->rows; row++) {
        struct event event;
        while (g->starts[person + 1] <= row)
            person++;
        assert_int_equal(g->persons[person], rows[row].person);
        arena_reset(arena);
        assert_works(segment_event(g, row, arena, &event, &e), e);
        if (!sample_same(&event, rows[row].event))
            fail_msg("row %u differs: time %lld, name %.*s", row, (long long)event.time,
                     STR_ARG(event.name));
    }
}
