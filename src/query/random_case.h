/*
 * query/random_case: random small worlds and random questions, for the property tests. The same
 * seed gives the same case. Everything lives in the arena.
 */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "query/plain_source.h"

struct dice {
    uint64_t state;
    uint64_t asked; /* questions whose answers were compared */
};
/* QUERY_SEED, where it is set, makes other cases; without it they are always the same. */
struct dice random_dice(uint64_t own);
/* "asked N", for who counts over several programs (test/rig/reference.py). */
void random_report(const struct dice *d);
uint32_t roll(struct dice *d, uint32_t below);
bool chance(struct dice *d, uint32_t percent);

enum { RANDOM_NAMES = 4 };
struct str random_name(uint32_t i); /* "A" … "D"; "E" is never asked for */

struct world_shape {
    uint32_t people, events; /* at most */
    int64_t start;           /* of the first event, UTC ms */
    int64_t step_ms;         /* times are multiples of it after start: coarse ones make ties */
    uint32_t steps;
    bool unique_times; /* no two events of one person share a time */
    bool has_pages;    /* some events that nothing asks for are pages seen */
};

struct random_world {
    struct event *events;
    size_t event_count;
    struct plain_person *people;
    size_t person_count;
    struct plain_person accounts[5]; /* each may have traits */
};
void random_world_make(struct dice *d, struct arena *arena, const struct world_shape *shape,
                       struct random_world *out);

/* Any question of the insights there are; most are right, a few are not. */
void random_question(struct dice *d, struct buf *out);
/* Conditions of any kind: of events, persons, accounts; what people did. */
void random_condition(struct dice *d, struct buf *out);
/* How many to try: QUERY_RANDOM, or `preset`. */
size_t random_rounds(size_t preset);
