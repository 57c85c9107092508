/* collect/decode (private to the room): what a decoder is made of, shared by its two protocols. */
#pragma once
#include "collect/build.h"

struct collect_decoder {
    struct json_parser *parser;
    struct build build;
    struct fresh_ids ids;
    uint32_t *seen; /* ids of the body: places in an open table, event number + 1 */
    size_t seen_room;
};

/* Starts a body: empties the build. */
void decode_begin(struct collect_decoder *d, int64_t now_ms);
/* Events and facts so far against LIMIT_BATCH_EVENTS. */
MUST_USE bool decode_limit(const struct collect_decoder *d, struct err *e);
/* Gives every event without id a fresh one, and without time the time of arrival. */
void decode_fill(struct collect_decoder *d);
/* The same id twice in the body with another content: ERR_CONFLICT, message_id.conflict. */
MUST_USE bool decode_conflicts(struct collect_decoder *d, const char *list, struct err *e);
