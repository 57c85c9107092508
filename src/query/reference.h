/*
 * query/reference: what the reference tests share: random events of a few people as flat lists, and
 * asking. The references themselves are written from the contract's words, slow and apart from the
 * kernels.
 */
#pragma once
#include "base/test.h"
#include "codec/json.h"
#include "query/query.h"
#include "query/random_case.h"

enum { REF_PEOPLE = 6, REF_EVENTS_MAX = 200 };

/* One person's events in order of time, then sequence. */
struct ref_person {
    const struct event *events[REF_EVENTS_MAX];
    size_t count;
};
struct ref_world {
    struct random_world world;
    struct plain_source source;
    struct ref_person people[REF_PEOPLE];
    size_t person_count;
    struct dice *dice; /* counts what is asked */
};
void ref_world_make(struct ref_world *w, struct dice *d, struct arena *arena,
                    const struct world_shape *shape);
/* The answer, parsed; fails the test with the error's sentence. `text` keeps it alive. */
struct json ref_ask(struct ref_world *w, struct json_parser *parser, struct str question,
                    int64_t now_ms, struct buf *text);
struct json ref_item(struct json list, size_t index);
double ref_number(struct json j);     /* NaN for null */
bool ref_is_near(double a, double b); /* NaN equals NaN */
/* Text of an event's property; empty if missing. Of `room`'s lifetime. */
struct str ref_property(const struct event *e, const char *name, char *room);
bool ref_matches(const struct event *e, char name); /* '*' = any */
