/*
 * query/behaviour (private to the room): conditions on what a person (or an account) did: how
 * often, when first, in which order. Each becomes one bit a unit.
 *
 * They are read with the question and found together, in one scan before its first own one: those
 * inside another's filter first. Memory: a few words for each person of a range of the scan.
 */
#pragma once
#include "query/question.h"

/* Members that make a condition one of these, and those they take. */
#define BEHAVIOUR_KINDS "did", "did_not", "first_did", "sequence"

/* They are about the question's units. NULL if the condition names none of them. */
const char *behaviour_kind(const struct ask *condition);
MUST_USE bool behaviour_read(struct question *q, const struct ask *a,
                             const struct scan_condition **out, struct err *e);
/* Finds what was read and not found yet. reading_run does it; others before they look at bits. */
MUST_USE bool behaviours_run(struct question *q, struct err *e);

/* One bit a unit: the context of both tests. */
struct unit_bits {
    const uint64_t *words;
    /* of accounts: how an event's account becomes a unit, and what holds where there is none */
    const struct intern *names;
    const uint32_t *unit_of;
    bool otherwise;
};
bool unit_bit_test(const void *context, uint32_t unit);
/* A condition on the question's units: one bit each, which may be found later. */
struct scan_condition *unit_bits_condition(struct question *q, const uint64_t *words);
bool account_bit_test(const void *context, struct value v);
