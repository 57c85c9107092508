/*
 * query/vocabulary: names that a project gave: saved segments, events and properties of its own
 * making. Whoever asks hands them in; where they are kept is not known here.
 *
 * Bodies are JSON objects (docs/query-rules.md, "Names of a project"):
 *   segment   {"filter":[conditions]}, or {"list":"…"}: people by name, read when needed
 *   event     {"any_of":[{"event":…,"filter":[…]}]}: a virtual event; {"merges":["a","b"]}: several
 *             names as one; {"hidden":true}: not offered where a name is unknown
 *   property  {"expression":…}: computed; {"merges":[…]}: the first that is there; {"hidden":true}
 * Other members are not looked at. Two entries of one kind have different names.
 *
 * Ownership: the caller's, as long as the question lives. Thread: read by one question at a time,
 * or by many if `list` may be.
 */
#pragma once
#include "base/arena.h"
#include "base/err.h"

enum vocabulary_kind { VOCABULARY_SEGMENT, VOCABULARY_EVENT, VOCABULARY_PROPERTY };

struct vocabulary_entry {
    enum vocabulary_kind kind;
    struct str name, body;
};

struct vocabulary {
    const struct vocabulary_entry *entries;
    size_t count;
    uint64_t revision; /* another one when an entry, or what `list` gives, is another */
    /* The ids of a static list, as a JSON list of texts; `id` is its body's "list". */
    bool (*list)(void *context, struct str id, struct arena *arena, struct str *json,
                 struct err *e);
    void *context;
};

/* Limits: what exceeds them is refused when it is saved, and when it is asked for. */
enum { VOCABULARY_DEPTH = 16, VOCABULARY_LIST_PEOPLE = 1000000 };
