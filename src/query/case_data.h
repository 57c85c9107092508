/*
 * query/case_data: test data as JSON (the form of the golden cases) made into a plain source.
 *
 *   {"events":[{"person":"u1","event":"A","time":"2026-01-01T00:00:00Z","properties":{…}}],
 *    "aliases":{"u1":["anon"]}, "traits":{"u1":{…}}, "created":{"u1":"…"},
 *    "accounts":{"acme":{"level":"company"}}}
 * Everything lives in the arena. For tests.
 */
#pragma once
#include "codec/json.h"
#include "query/plain_source.h"

void case_source_init(struct json data, struct arena *arena, struct plain_source *out);
/* The same from text; stops the test process on text that is no JSON. */
void case_source_parse(const char *text, struct arena *arena, struct plain_source *out);
