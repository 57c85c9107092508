/* store/segment_event (private to the room): parts of event_content_hash, for the chunk. */
#pragma once
#include "store/chunk.h"

/* Of a property's name and its value's type; worth keeping per column. */
uint64_t property_seed(struct str name, enum value_type type);
uint64_t property_hash(uint64_t seed, const struct value *v);
/* The sum of an event's property hashes, whatever their order. */
uint64_t event_property_sum(const struct event *event);
uint64_t event_name_hash(struct str name);
/* All but person, id, copy and arrival. */
uint64_t event_body_hash(const struct event *event, uint64_t name_hash, uint64_t property_sum);
