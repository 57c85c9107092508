/*
 * ledger: what a process outside knows of a store that may be cut off at any moment.
 *
 * Writer w sends its batches 0, 1, 2… in this order, each one after the one before was acknowledged
 * (or, in an import, taken). Batch b of writer w is LEDGER_BATCH events, which follow from w and b,
 * and the trait "done" = b of the person "writer w". Of each writer the ledger knows how many
 * batches were acknowledged and how many may have been sent. What a store holds must then be, for
 * each writer: the batches 0 … n-1, whole, each once, nothing else, n between those two numbers,
 * and the trait n-1.
 */
#pragma once
#include "store/store_sample.h"

enum { LEDGER_WRITERS = 4, LEDGER_BATCH = 5, LEDGER_BATCHES_MAX = 600, LEDGER_FACTS = 1 };
enum { LEDGER_EVENTS = LEDGER_WRITERS * LEDGER_BATCHES_MAX * LEDGER_BATCH };

struct ledger {
    uint32_t acknowledged[LEDGER_WRITERS];
    uint32_t sent[LEDGER_WRITERS];
};

static inline uint32_t ledger_event(uint32_t writer, uint32_t batch)
{
    return (batch * LEDGER_WRITERS + writer) * LEDGER_BATCH;
}

static inline struct str ledger_person(struct arena *arena, uint32_t writer)
{
    return arena_printf(arena, "writer %u", writer);
}

/* The batch; it lives in the arena. */
static inline struct store_batch ledger_batch(struct arena *arena, uint32_t writer, uint32_t batch)
{
    struct event *events = arena_array(arena, LEDGER_BATCH, sizeof *events);
    struct fact *fact = arena_array(arena, 1, sizeof *fact);
    struct property *done = arena_array(arena, 1, sizeof *done);
    for (uint32_t i = 0; i < LEDGER_BATCH; i++)
        events[i] = sample_event(arena, ledger_event(writer, batch) + i);
    *done = (struct property){STR("done"), {.type = VALUE_INT, .integer = batch}};
    *fact = (struct fact){.kind = FACT_PERSON_TRAITS,
                          .subject = ledger_person(arena, writer),
                          .received = SAMPLE_START + batch,
                          .created = FACT_CREATED_NONE,
                          .properties = done,
                          .property_count = 1};
    return (struct store_batch){events, LEDGER_BATCH, fact, LEDGER_FACTS};
}

/* Marks one row; checks that it is, in every part, the event that its number makes. */
static inline bool ledger_row(const struct snapshot *v, struct segment *g, uint32_t row,
                              uint32_t person, uint8_t *is_in, struct arena *arena, struct err *e)
{
    struct event got;
    uint32_t k = UINT32_MAX;
    if (!segment_event(g, row, arena, &got, e))
        return false;
    got.person = people_id(v->people, person);
    for (size_t p = 0; p < got.property_count; p++)
        if (str_equal(got.properties[p].name, STR("k")))
            k = (uint32_t)got.properties[p].value.integer;
    if (k >= LEDGER_EVENTS)
        return err_set(e, ERR_CORRUPT, "an event with the number %u, which was never sent", k);
    struct event want = sample_event(arena, k);
    if (!str_equal(got.id, want.id) || !str_equal(got.person, want.person) ||
        got.received != want.received || event_content_hash(&got) != event_content_hash(&want))
        return err_set(e, ERR_CORRUPT, "event %u is not what was sent", k);
    if (is_in[k]++)
        return err_set(e, ERR_CORRUPT, "event %u is there twice", k);
    return true;
}

static inline bool ledger_rows(const struct snapshot *v, uint8_t *is_in, struct err *e)
{
    AUTO(arena) *arena = arena_create(0);
    for (size_t i = 0; i < v->segment_count; i++) {
        struct segment *g = v->segments[i];
        for (uint32_t row = 0, person = 0; row < g->rows; row++) {
            while (g->starts[person + 1] <= row)
                person++;
            if (row % 64 == 0)
                arena_reset(arena);
            if (!ledger_row(v, g, row, g->persons[person], is_in, arena, e))
                return false;
        }
    }
    return true;
}

static inline bool ledger_writer(const struct ledger *l, const struct snapshot *v,
                                 const uint8_t *is_in, uint32_t w, uint32_t *held, struct err *e)
{
    uint32_t n = 0, ordinal;
    for (uint32_t b = 0; b < LEDGER_BATCHES_MAX; b++) {
        uint32_t there = 0;
        for (uint32_t i = 0; i < LEDGER_BATCH; i++)
            there += is_in[ledger_event(w, b) + i];
        if (there && there < LEDGER_BATCH)
            return err_set(e, ERR_CORRUPT, "writer %u: %u of the %d events of batch %u are there",
                           w, there, LEDGER_BATCH, b);
        if (there && n < b)
            return err_set(e, ERR_CORRUPT, "writer %u: batch %u is there, batch %u is not", w, b,
                           n);
        n += there != 0;
    }
    if (n < l->acknowledged[w])
        return err_set(e, ERR_CORRUPT, "writer %u: %u batches were acknowledged, %u are there", w,
                       l->acknowledged[w], n);
    if (n > l->sent[w])
        return err_set(e, ERR_CORRUPT, "writer %u: %u batches were sent, %u are there", w,
                       l->sent[w], n);
    AUTO(arena) *arena = arena_create(0);
    int64_t done = -1;
    if (people_find(v->people, ledger_person(arena, w), &ordinal)) {
        struct value t = people_trait(v->people, people_unit(v->people, ordinal), STR("done"));
        done = t.type == VALUE_INT ? t.integer : -1;
    }
    /* Of what was not acknowledged, some may have been sent again and refused half-way: the trait
     * then stands at an earlier one of them. */
    if (done >= (int64_t)n || done < (int64_t)l->acknowledged[w] - 1)
        return err_set(e, ERR_CORRUPT, "writer %u: %u batches are there, the trait says %lld", w, n,
                       (long long)done);
    *held = n;
    return true;
}

/* Compares; on success, what is held is what is acknowledged and sent from now on. */
static inline bool ledger_check(struct ledger *l, struct store *s, struct err *e)
{
    struct snapshot *v = NULL;
    if (!store_snapshot(s, &v, e))
        return false;
    uint8_t *is_in = mem_array(LEDGER_EVENTS, 1);
    uint32_t held[LEDGER_WRITERS] = {0};
    bool ok = ledger_rows(v, is_in, e);
    for (uint32_t w = 0; ok && w < LEDGER_WRITERS; w++)
        ok = ledger_writer(l, v, is_in, w, &held[w], e);
    mem_free(is_in);
    snapshot_release(v);
    if (ok) {
        memcpy(l->acknowledged, held, sizeof held);
        memcpy(l->sent, held, sizeof held);
    }
    return ok;
}
