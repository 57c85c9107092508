/*
 * query/ask: reading a document's members, with errors that point at them: questions, and what
 * rooms above save.
 *
 * An `ask` is a JSON value and where it stands; its parents live in the callers' frames. Members
 * that are null count as absent. Every function that can fail sets code, `at` and hint.
 */
#pragma once
#include "codec/json.h"

struct ask {
    struct json json;
    const struct ask *up;
    struct str key; /* of an object's member */
    size_t index;   /* of a list's item, when key.at is NULL */
    bool is_saved;  /* what stands in the project's vocabulary: errors in it point at its name */
};

/* The member, absent if there is none; `up` must outlive it. */
struct ask ask_member(const struct ask *up, const char *key);
struct ask ask_item(const struct ask *up, struct json item, size_t index);
bool ask_is_there(const struct ask *a); /* present and not null */

/* An object whose members are all in `known`; else query.unknown_member with a hint. */
MUST_USE bool ask_members(const struct ask *object, const char *const *known, size_t count,
                          struct err *e);
/* Required values; the caller asks ask_is_there first where they are optional. */
MUST_USE bool ask_text(const struct ask *a, struct str *out, struct err *e);
MUST_USE bool ask_bool(const struct ask *a, bool *out, struct err *e);
MUST_USE bool ask_int(const struct ask *a, int64_t low, int64_t high, int64_t *out, struct err *e);
MUST_USE bool ask_choice(const struct ask *a, const char *const *names, size_t count, unsigned *out,
                         struct err *e);
/* A list of `low` … `high` items. */
MUST_USE bool ask_list(const struct ask *a, size_t low, size_t high, size_t *count, struct err *e);

/* Return false, with code, place and sentence set. */
bool ask_fail(const struct ask *a, struct err *e, const char *code, const char *format, ...)
    PRINTF(4, 5);
bool ask_missing(const struct ask *object, const char *member, const char *why, struct err *e);
/* The place alone, for an error that is not the question's own. */
void ask_point(const struct ask *a, struct err *e);
bool ask_wrong_type(const struct ask *a, const char *wanted, struct err *e);
/* The nearest of the names, if near enough to be meant; else NULL. */
const char *ask_nearest(struct str given, const char *const *names, size_t count);
