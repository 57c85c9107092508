/*
 * query/behaviour (private to the room): conditions on what a person did: how often, when first,
 * in which order. Each becomes one bit a person.
 *
 * They are read with the question and found together, in one scan before its first own one: those
 * inside another's filter first. Memory: a few words for each person of a range of the scan.
 */
#pragma once
#include "query/question.h"

/* Members that make a condition one of these, and those they take. */
#define BEHAVIOUR_KINDS "did", "did_not", "first_did", "sequence"

/* NULL if the condition names none of them. */
const char *behaviour_kind(const struct ask *condition);
MUST_USE bool behaviour_read(struct question *q, const struct ask *a,
                             const struct scan_condition **out, struct err *e);
/* Finds what was read and not found yet. reading_run does it; others before they look at bits. */
MUST_USE bool behaviours_run(struct question *q, struct err *e);

/* One bit a person, as context of person_bit_test. */
struct person_bits {
    const uint64_t *words;
};
bool person_bit_test(const void *context, uint32_t unit);
