/*
 * query/definition: when events of a name, or with a property, were first and last seen, and how
 * often. Exact, for names of the project's own making, too; one pass over all events.
 */
#pragma once
#include "query/query.h"

struct definition_span {
    uint64_t count;      /* events */
    int64_t first, last; /* UTC ms; where count is not 0 */
};
MUST_USE bool definition_span(struct source *source, const struct query_context *context,
                              bool is_property, struct str name, struct definition_span *out,
                              struct err *e);
