/*
 * store/store_sample: what the tests of the store share: events and facts made from a number, so
 * that what a store holds can be compared with the numbers it was given; and the plainest possible
 * model.
 *
 * Event k has the integer property "k", and everything else in it follows from k. An even k has an
 * id, an odd one is known by its content.
 */
#pragma once
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/test.h"
#include "os/os_sim.h"
#include "store/chunk.h"
#include "store/people.h"
#include "store/scan.h"
#include "store/snapshot.h"
#include "store/store.h"

enum { SAMPLE_PEOPLE = 23 };
#define SAMPLE_MONTH_MS INT64_C(2592000000) /* 30 days; three of them: January to March */
#define SAMPLE_START INT64_C(1767225600000) /* 2026-01-01 */

static inline struct event sample_event(struct arena *arena, uint32_t k)
{
    uint64_t dice = hash_mix(k);
    struct property *p = arena_array(arena, 3, sizeof *p);
    p[0] = (struct property){STR("k"), {.type = VALUE_INT, .integer = k}};
    p[1] = (struct property){
        STR("country"),
        {.type = VALUE_TEXT, .text = arena_printf(arena, "c%u", (unsigned)(dice % 7))}};
    p[2] = (struct property){STR("price"), {.type = VALUE_DOUBLE, .number = k / 8.0}};
    return (struct event){
        .id = k % 2 ? STR("") : arena_printf(arena, "id-%u", k),
        .time = SAMPLE_START + (int64_t)(dice % (3 * (uint64_t)SAMPLE_MONTH_MS)),
        .received = SAMPLE_START + k,
        .offset_minutes = 420,
        .sequence = k % 5,
        .name = arena_printf(arena, "event %u", (unsigned)(dice >> 20) % 9),
        .person = arena_printf(arena, "person %u", (unsigned)(dice >> 30) % SAMPLE_PEOPLE),
        .account = k % 3 ? STR("") : STR("acme"),
        .session = k % 4 ? STR("") : arena_printf(arena, "s%u", k / 4),
        .properties = p,
        .property_count = k % 6 ? 3 : 2,
    };
}

static inline uint32_t sample_person_of(const struct segment *g, uint32_t row)
{
    uint32_t i = 0;
    while (g->starts[i + 1] <= row)
        i++;
    return g->persons[i];
}

static inline int sample_order(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* All event numbers in a snapshot, ascending; each row is compared with what its number makes. */
static inline void sample_numbers(const struct snapshot *v, struct arena *arena, uint32_t **list,
                                  size_t *count)
{
    size_t rows = 0;
    for (size_t i = 0; i < v->segment_count; i++)
        rows += v->segments[i]->rows;
    *list = arena_array(arena, rows, sizeof **list);
    *count = 0;
    for (size_t i = 0; i < v->segment_count; i++) {
        struct segment *g = v->segments[i];
        for (uint32_t row = 0; row < g->rows; row++) {
            struct err e = {0};
            struct event got;
            assert_works(segment_event(g, row, arena, &got, &e), e);
            got.person = people_id(v->people, sample_person_of(g, row));
            uint32_t k = UINT32_MAX;
            for (size_t p = 0; p < got.property_count; p++)
                if (str_equal(got.properties[p].name, STR("k")))
                    k = (uint32_t)got.properties[p].value.integer;
            struct event want = sample_event(arena, k);
            assert_str(got.id, want.id);
            assert_str(got.person, want.person);
            assert_int_equal(got.received, want.received);
            assert_true(event_content_hash(&got) == event_content_hash(&want));
            (*list)[(*count)++] = k;
        }
    }
    if (*count)
        qsort(*list, *count, sizeof **list, sample_order);
}

/* ---- the model ---- */

enum { MODEL_EVENTS_MAX = 8192 };

/* What is known of an event: not in, in, or (after a failure) in with all of its batch or not. */
enum { MODEL_OUT, MODEL_IN, MODEL_MAYBE /* + number of the batch */ };

struct model {
    uint32_t state[MODEL_EVENTS_MAX];
    uint32_t next_batch;
    int64_t trait[SAMPLE_PEOPLE];       /* -1: none */
    int64_t trait_maybe[SAMPLE_PEOPLE]; /* -1: as it is */
    uint32_t parent[SAMPLE_PEOPLE];     /* itself: nobody's */
    int64_t merge_maybe;                /* subject * SAMPLE_PEOPLE + other, or -1 */
};

static inline void model_init(struct model *m)
{
    *m = (struct model){.next_batch = MODEL_MAYBE, .merge_maybe = -1};
    for (uint32_t i = 0; i < SAMPLE_PEOPLE; i++) {
        m->trait[i] = m->trait_maybe[i] = -1;
        m->parent[i] = i;
    }
}

static inline uint32_t model_root(const struct model *m, uint32_t person)
{
    while (m->parent[person] != person)
        person = m->parent[person];
    return person;
}

static inline bool model_merge(struct model *m, uint32_t subject, uint32_t other)
{
    if (model_root(m, subject) == model_root(m, other))
        return false;
    /* `other` is not above `subject`, since their roots differ */
    m->parent[other] = subject;
    return true;
}

/* What the store holds decides what the maybes were; a batch must be in whole or not at all. */
static inline void model_settle_events(struct model *m, const uint32_t *list, size_t count,
                                       const char *where)
{
    uint8_t *is_in = mem_array(MODEL_EVENTS_MAX, 1);
    for (size_t i = 0; i < count; i++) {
        if (list[i] >= MODEL_EVENTS_MAX || is_in[list[i]])
            fail_msg("%s: event %u is there twice", where, list[i]);
        is_in[list[i]] = 1;
    }
    for (uint32_t k = 0; k < MODEL_EVENTS_MAX; k++) {
        uint32_t state = m->state[k];
        if (state == MODEL_IN && !is_in[k])
            fail_msg("%s: event %u was acknowledged and is lost", where, k);
        if (state == MODEL_OUT && is_in[k])
            fail_msg("%s: event %u is there and was never sent", where, k);
        for (uint32_t other = k + 1; state >= MODEL_MAYBE && other < MODEL_EVENTS_MAX; other++) {
            if (m->state[other] == state && is_in[other] != is_in[k])
                fail_msg("%s: of one batch, event %u is %sthere and event %u is not alike", where,
                         k, is_in[k] ? "" : "not ", other);
        }
    }
    for (uint32_t k = 0; k < MODEL_EVENTS_MAX; k++)
        if (m->state[k] >= MODEL_MAYBE)
            m->state[k] = is_in[k] ? MODEL_IN : MODEL_OUT;
    mem_free(is_in);
}

static inline bool sample_unit(const struct snapshot *v, uint32_t person, uint32_t *unit)
{
    char room[32];
    int len = snprintf(room, sizeof room, "person %u", person);
    return snapshot_unit_find(v, (struct str){room, (size_t)len}, unit);
}

/* Traits are set on roots only and merged people keep theirs, so each unit's newest is compared
 * through the person's own id. */
static inline void model_settle_facts(struct model *m, const struct snapshot *v, const char *where)
{
    for (uint32_t i = 0; i < SAMPLE_PEOPLE; i++) {
        uint32_t ordinal;
        char room[32];
        int len = snprintf(room, sizeof room, "person %u", i);
        int64_t value = -1;
        if (people_find(v->people, (struct str){room, (size_t)len}, &ordinal)) {
            struct value t = people_trait(v->people, ordinal, STR("level"));
            value = t.type == VALUE_INT ? t.integer : -1;
        }
        if (m->parent[i] != i || m->merge_maybe >= 0)
            continue; /* compared before the merge */
        if (value != m->trait[i] && (m->trait_maybe[i] < 0 || value != m->trait_maybe[i]) &&
            people_has_merges(v->people) == false)
            fail_msg("%s: person %u has level %lld, not %lld", where, i, (long long)value,
                     (long long)m->trait[i]);
        if (m->trait_maybe[i] >= 0 && value == m->trait_maybe[i])
            m->trait[i] = value;
        m->trait_maybe[i] = -1;
    }
    if (m->merge_maybe >= 0) {
        uint32_t subject = (uint32_t)(m->merge_maybe / SAMPLE_PEOPLE);
        uint32_t other = (uint32_t)(m->merge_maybe % SAMPLE_PEOPLE), a, b;
        if (sample_unit(v, subject, &a) && sample_unit(v, other, &b) && a == b)
            model_merge(m, subject, other);
        m->merge_maybe = -1;
    }
    for (uint32_t i = 0; i < SAMPLE_PEOPLE; i++) {
        uint32_t mine, roots;
        if (m->parent[i] == i)
            continue;
        if (!sample_unit(v, i, &mine) || !sample_unit(v, model_root(m, i), &roots) || mine != roots)
            fail_msg("%s: person %u is not merged into %u", where, i, model_root(m, i));
    }
}

static inline void model_check(struct model *m, struct store *s, const char *where)
{
    struct err e = {0};
    struct snapshot *v = NULL;
    AUTO(arena) *arena = arena_create(0);
    assert_works(store_snapshot(s, &v, &e), e);
    uint32_t *list;
    size_t count;
    sample_numbers(v, arena, &list, &count);
    model_settle_events(m, list, count, where);
    model_settle_facts(m, v, where);
    snapshot_release(v);
}
