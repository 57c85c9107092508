/*
 * teller: makes up batches by dice, for the rigs that compare a store with plain.h: new events,
 * events that were sent before (the same, or another body under the same id), merges, unmerges and
 * traits. The model takes each in as it is made, and the receipt says what the store must answer.
 */
#pragma once
#include "plain.h"

enum { TELLER_EVENTS = 5 /* in a batch */, TELLER_FILE = 64 };

struct teller {
    uint64_t seed, dice;
    struct plain model; /* all that was sent */
    uint32_t next_event;
    int64_t next_level;
    uint64_t batches;
};

/* The records of one import, or of one append, so far: what `copy` counts. */
struct teller_file {
    uint32_t numbers[TELLER_FILE];
    size_t count;
};

static inline uint64_t teller_dice(struct teller *t, uint64_t limit)
{
    return hash_mix(t->seed * 0x9E3779B97F4A7C15u + t->dice++) % limit;
}

static inline void teller_init(struct teller *t, uint64_t seed)
{
    *t = (struct teller){.seed = seed};
    plain_init(&t->model);
}

struct teller_batch {
    struct event events[TELLER_EVENTS];
    struct fact facts[2];
    struct property level;
    struct store_batch batch;
};

/* How often record k stands before this place in the same file. */
static inline uint32_t teller_copies(const struct teller_file *file, uint32_t k)
{
    uint32_t copies = 0;
    for (size_t i = 0; i < file->count; i++)
        copies += file->numbers[i] == k;
    return copies;
}

static inline void teller_fact(struct teller *t, struct teller_batch *b, struct arena *arena,
                               struct store_receipt *r)
{
    unsigned subject = (unsigned)teller_dice(t, PLAIN_PEOPLE),
             other = (unsigned)teller_dice(t, PLAIN_PEOPLE);
    struct fact f = {.kind = (enum fact_kind[]){FACT_MERGE, FACT_UNMERGE, FACT_PERSON_TRAITS,
                                                FACT_MERGE}[teller_dice(t, 4)],
                     .subject = arena_printf(arena, "p%u", subject),
                     .received = PLAIN_START + (int64_t)t->batches,
                     .created = (int64_t)FACT_CREATED_NONE};
    if (f.kind != FACT_PERSON_TRAITS) {
        other = subject == other ? (other + 1) % PLAIN_PEOPLE : other;
        f.other = arena_printf(arena, "p%u", other);
    } else {
        b->level = (struct property){STR("level"), {.type = VALUE_INT, .integer = ++t->next_level}};
        f.created = teller_dice(t, 2) ? PLAIN_START - (int64_t)teller_dice(t, 1000) : f.created;
        f.properties = &b->level;
        f.property_count = 1;
    }
    bool changed = plain_fact(&t->model, f.kind, subject, other, t->next_level, f.created);
    r->accepted += changed;
    r->duplicates += !changed;
    b->facts[b->batch.fact_count++] = f;
}

/* A random batch, which the model takes in at once. `file`: what stands before it in its file. */
static inline struct store_batch *teller_batch(struct teller *t, struct arena *arena,
                                               struct teller_file *file, struct store_receipt *r)
{
    struct teller_batch *b = arena_alloc(arena, sizeof *b);
    size_t count = teller_dice(t, 8) == 0 ? 0 : 1 + teller_dice(t, TELLER_EVENTS);
    for (size_t i = 0; i < count; i++) {
        bool is_old = t->next_event && teller_dice(t, 3) == 0;
        uint32_t k = is_old ? (uint32_t)teller_dice(t, t->next_event) : t->next_event++;
        unsigned variant = plain_has_id(k) ? (unsigned)teller_dice(t, 4) / 3 : 0;
        REQUIRE(k < PLAIN_EVENTS_MAX);
        uint32_t copy = teller_copies(file, k);
        b->events[i] = plain_event(arena, k, variant, copy, PLAIN_START + (int64_t)t->batches);
        plain_add(&t->model, k, variant, copy, r);
        REQUIRE(file->count < TELLER_FILE);
        file->numbers[file->count++] = k;
    }
    if (count == 0 || teller_dice(t, 4) == 0)
        teller_fact(t, b, arena, r);
    b->batch.events = b->events;
    b->batch.event_count = count;
    b->batch.facts = b->facts;
    t->batches++;
    return &b->batch;
}

/* Sends a batch once more, as a client does that got no answer: the model takes it in as it stands.
 */
static inline void teller_again(struct teller *t, const struct store_batch *b,
                                struct store_receipt *r)
{
    for (size_t i = 0; i < b->event_count; i++) {
        const struct event *ev = &b->events[i];
        plain_add(&t->model, (uint32_t)ev->properties[0].value.integer,
                  (unsigned)ev->properties[1].value.integer, ev->copy, r);
    }
    for (size_t i = 0; i < b->fact_count; i++) {
        const struct fact *f = &b->facts[i];
        bool is_trait = f->kind == FACT_PERSON_TRAITS;
        unsigned subject = plain_number(f->subject, 'p', PLAIN_PEOPLE);
        unsigned other = is_trait ? subject : plain_number(f->other, 'p', PLAIN_PEOPLE);
        bool changed = plain_fact(&t->model, f->kind, subject, other,
                                  is_trait ? f->properties[0].value.integer : 0, f->created);
        r->accepted += changed;
        r->duplicates += !changed;
    }
    t->batches++;
}

static inline bool teller_receipt(struct store_receipt got, struct store_receipt want,
                                  struct err *e)
{
    if (got.accepted == want.accepted && got.duplicates == want.duplicates &&
        got.conflicts == want.conflicts)
        return true;
    return err_set(e, ERR_CORRUPT,
                   "the receipt says %" PRIu64 " accepted, %" PRIu64 " duplicates, %" PRIu64
                   " conflicts; it must say %" PRIu64 ", %" PRIu64 ", %" PRIu64,
                   got.accepted, got.duplicates, got.conflicts, want.accepted, want.duplicates,
                   want.conflicts);
}

/* Erases somebody in the model; `*events`: how many of them the store must say went. */
static inline struct str teller_erase(struct teller *t, struct arena *arena, uint64_t *events)
{
    unsigned person = (unsigned)teller_dice(t, PLAIN_PEOPLE);
    *events = plain_erase(&t->model, person);
    return arena_printf(arena, "p%u", person);
}
