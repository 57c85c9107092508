/* store/segment_event (private to the room): parts of event_content_hash, for the chunk. */
#pragma once
#include "store/chunk.h"

/* Of a property's name and its value's type; worth keeping per column. */
uint64_t property_seed(struct str name, enum value_type type);
uint64_t property_hash(uint64_t seed, const struct value *v);
uint64_t event_name_hash(struct str name);
uint64_t event_text_hash(struct str text); /* of an account or session; 0 if there is none */
/* The hashes of an event's texts, and the sum of its properties'. */
struct event_parts {
    uint64_t name, account, session, properties;
};
struct event_parts event_parts_of(const struct event *event);
/* All but person, id, copy and arrival. */
uint64_t event_body_hash(const struct event *event, const struct event_parts *parts);
uint64_t event_whole_hash(uint64_t body, struct str person); /* event_content_hash */
