/*
 * collect/company: the simulated company of `tenure demo`: 24 months of a made-up Thai-English
 * SaaS, the same for the same options on every machine (integer arithmetic only).
 *
 * docs/demo.md lists the causes that are built in and the numbers to find. Events have no ids of
 * their own: they are known by content, so generating twice into one store adds nothing.
 */
#pragma once
#include "collect/collect.h"

struct company_options {
    uint64_t seed;     /* 0 = the demo's own */
    uint32_t accounts; /* 0 = 5,000 */
    uint32_t people;   /* 0 = 40,000 */
    uint64_t events;   /* 0 = 5,000,000; reached within a few percent */
    int64_t end_ms; /* first instant after the last event, UTC; company_end gives the usual one */
    int64_t now_ms; /* arrival time of every record */
};

/* Where the demo ends: the last Monday 00:00 in Bangkok at or before now_ms, so that the last week
 * is a whole one and generating again within that week adds nothing. */
int64_t company_end(int64_t now_ms);

struct company_report {
    uint64_t events, facts;
    struct store_receipt receipt;
};

/* Generates into the sink and finishes it. `progress` (may be NULL) gets 0…1000. */
MUST_USE bool company_generate(const struct company_options *options, struct collect_sink sink,
                               void (*progress)(void *context, unsigned permille), void *context,
                               struct company_report *report, struct err *e);
