/*
 * rig/questions: a world of events made from numbers, and 50 fixed questions about it.
 *
 * Compaction, backup, restore and upgrade must not change an answer: a rig asks all questions
 * before and after, and compares digests. The world has 64 people, 7 event names, five months (two
 * of them across a change of daylight saving), equal times, rows with and without ids, rare and
 * mixed properties, traits, merges and unmerges. Everything in event k follows from k.
 * Thread: any number at once, each with its own arena and digests; one pool at a time.
 */
#pragma once
#include "os/thread.h"
#include "query/query.h"
#include "store/store.h"

enum { RIG_PEOPLE = 64, RIG_NAMES = 7, RIG_QUESTIONS = 50, RIG_MONTHS = 5 };
#define RIG_FROM_MS INT64_C(1761955200000) /* 2025-11-01T00:00:00Z */
#define RIG_TO_MS INT64_C(1775001600000)   /* 2026-04-01T00:00:00Z */
#define RIG_NOW_MS INT64_C(1775044800000)  /* what the questions take for now */

struct event rig_event(struct arena *arena, uint64_t k);
/* As rig_event, in the given one of the RIG_MONTHS months. */
struct event rig_event_of_month(struct arena *arena, uint64_t k, unsigned month);
struct fact rig_fact(struct arena *arena, uint64_t k);
struct str rig_person(struct arena *arena, uint32_t number); /* below RIG_PEOPLE */

extern const char *const rig_questions[RIG_QUESTIONS];

/* What was answered: a digest of each answer's bytes, or of the error's. */
struct rig_digest {
    uint64_t answers[RIG_QUESTIONS];
    uint32_t errors; /* how many of them are errors */
};
void rig_ask(struct snapshot *v, struct pool *pool, struct rig_digest *out);
/* The same over a snapshot taken now. */
MUST_USE bool rig_ask_store(struct store *s, struct pool *pool, struct rig_digest *out,
                            struct err *e);
/* The first question whose answers differ, or RIG_QUESTIONS. */
unsigned rig_differs(const struct rig_digest *a, const struct rig_digest *b);
