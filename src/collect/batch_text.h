/* collect/batch_text (private to the room): a batch as text, one record a line, for golden tests.
 */
#pragma once
#include "collect/collect.h"

/* Appends such as: event "Bought" by u1 at 2026-01-01T00:00:00Z+420 account a session s id i copy 2
 * {plan:text=pro, seats:int=4}. Parts that are empty are left out. */
void batch_text(const struct store_batch *batch, struct buf *out);

/* A sink that keeps what it gets as text, and counts. */
struct text_sink {
    struct buf text;
    uint64_t events, facts, batches, finishes;
    uint64_t fail_at; /* the n-th add fails; 0 = never */
    bool is_quiet;    /* counts only */
};
struct collect_sink text_sink(struct text_sink *s);
