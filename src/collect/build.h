/*
 * collect/build (private to the room): a batch under construction, and the checks that all
 * decoders share: texts, ids, names, times, values, limits.
 *
 * Texts are kept as they are given: what they point into must live as long as the batch, or be
 * copied by the caller (build_copy). Events and facts hold pointers into pools that never move.
 * A record is built between build_mark and either success or build_back, which drops what the
 * record had added. Thread: one at a time.
 */
#pragma once
#include "base/limits.h"
#include "codec/json.h"
#include "collect/collect.h"

struct property_pool;

/* The time of an event that came without one, until who drives the decoder fills it in. */
#define BUILD_TIME_NONE INT64_MIN

struct build {
    struct arena *arena;
    struct event *events;
    size_t event_count, event_room;
    struct fact *facts;
    size_t fact_count, fact_room;
    struct property_pool *pool; /* the one in use; its older ones hang behind it */
    struct property *open;      /* properties of the record being built */
    size_t open_count;
    size_t open_bytes; /* of names and values; LIMIT_EVENT_BYTES holds for an event's sum */
    bool was_flattened;
    bool copy_texts; /* texts of the JSON document do not live as long as the batch */
    int64_t now_ms;
    struct str by;     /* who sends this: stands in its merges */
    struct err unused; /* where nobody looks: to make one costs as much as a line */
};

void build_init(struct build *b);
void build_clear(struct build *b); /* frees everything */
void build_reset(struct build *b); /* a new batch; keeps the memory */
struct store_batch build_batch(const struct build *b);

struct build_mark {
    size_t events, facts;
};
struct build_mark build_mark(const struct build *b);
void build_back(struct build *b, struct build_mark mark);

/* Copies when the build says so. */
struct str build_text(struct build *b, struct str s);

/* Properties: begin, add any number, then hand the run to an event or a fact with build_take. */
void build_properties_begin(struct build *b);
/* Room for `more` properties beside those added since begin; they may move to another pool. */
void build_properties_reserve(struct build *b, size_t more);
MUST_USE bool build_property(struct build *b, struct str name, struct value value, struct err *e);
/* All members of an object; nested ones are named "outer.inner". `at` is set below `object`. */
MUST_USE bool build_properties(struct build *b, struct json object, struct str prefix,
                               struct err *e);
const struct property *build_property_find(const struct build *b, struct str name);
/* Checks that names differ (only flattening can break that) and ends the run. */
MUST_USE bool build_take(struct build *b, const struct property **list, size_t *count,
                         struct err *e);

/* Adds a zeroed event or fact with `received`, and for merges `by`, set. Valid until the next one
 * is added. */
struct event *build_event(struct build *b);
struct fact *build_fact(struct build *b, enum fact_kind kind, struct str subject);
/* The event's limits as a whole; call when it is complete. */
MUST_USE bool build_event_check(const struct event *event, size_t property_bytes, struct err *e);

/*
 * Members. Each sets `at` to "/member". An id is a text of 1 … LIMIT_ID_BYTES that is not blank.
 * `optional` ids may be null or empty: `out` is then STR_NONE.
 */
MUST_USE bool build_id(struct build *b, struct json j, const char *member, bool is_optional,
                       struct str *out, struct err *e);
MUST_USE bool build_id_text(struct str id, const char *member, struct err *e);
MUST_USE bool build_message_id(struct build *b, struct json j, const char *member, struct str *out,
                               struct err *e);
MUST_USE bool build_event_name(struct build *b, struct json j, const char *member, struct str *out,
                               struct err *e);
MUST_USE bool build_name_text(struct str name, const char *member, struct err *e);
/* RFC 3339 text or Unix milliseconds, as a number. */
MUST_USE bool build_time(const struct build *b, struct json j, const char *member, int64_t *ms,
                         int16_t *offset_minutes, struct err *e);
/* Is the instant in LIMIT_FUTURE_HOURS and LIMIT_PAST_YEARS of arrival? Sets no `at`. */
MUST_USE bool build_time_range(int64_t now_ms, int64_t ms, struct err *e);
/* As build_time_range, for a bare number of Unix milliseconds: also refuses what looks like
 * seconds or microseconds. */
MUST_USE bool build_time_number(int64_t now_ms, int64_t ms, struct err *e);
MUST_USE bool build_junk(struct str id, const char *member, struct err *e);

/* "/before" in front of e->at; a key is escaped as RFC 6901 wants. All return false. */
bool at_member(struct err *e, struct str key);
bool at_index(struct err *e, size_t index);
/* An unknown member, with the nearest of the known ones as hint. */
bool unknown_member(struct err *e, struct str key, const char *const *known, size_t known_count);
bool wrong_type(struct err *e, const char *member, const char *wanted, struct json got);

/* Fresh UUIDs (version 4) as text, 36 bytes each, out of blocks of dice. */
struct fresh_ids {
    struct os *os;
    unsigned char dice[4096];
    size_t used; /* starts as sizeof dice */
};
void fresh_ids_init(struct fresh_ids *f, struct os *os);
struct str fresh_id(struct fresh_ids *f, struct arena *arena);
