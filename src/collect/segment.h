/* collect/segment (private to the room): one Segment or RudderStack call out of parsed JSON. */
#pragma once
#include "collect/build.h"

/* What a call takes from around it. */
struct segment_around {
    bool is_live;        /* over HTTP: client clocks are corrected by sentAt */
    struct json sent_at; /* of the batch; absent = the call's own */
};

/* The call's own "type"; false (schema.type, schema.required) when it is none of ours. */
MUST_USE bool segment_type(struct json call, enum segment_call *out, struct err *e);
/* Adds what one call means; on false nothing is added and `at` is below the call. */
MUST_USE bool segment_record(struct build *b, enum segment_call type, struct json call,
                             const struct segment_around *around, struct err *e);
