/*
 * query: one JSON document asks, one JSON document answers (the query contract, version 1).
 *
 * A question may also be a line of words (docs/query-text.md), as it is or as {"text":"…"}: it is
 * made into that JSON, which the answer then echoes as `question`. Its errors have code query.text
 * where the line cannot be read; `at` is always "character 14".
 *
 * query_answer reads a question, checks all of it before touching an event, runs the insight's
 * kernel over the source (usually one pass, all threads) and writes the answer. Rules that the
 * contract leaves open are in docs/query-rules.md.
 *
 * Errors: ERR_INVALID (400) for a wrong question: code query.unknown_member, query.wrong_type,
 * query.missing_member, query.empty_list, query.unknown_value, query.bad_time, query.limit,
 * query.unsupported or json.*; ERR_UNKNOWN_NAME (422): query.unknown_event, query.unknown_property;
 * ERR_TOO_MANY or ERR_BUSY for limits, cancel and deadline. `at` is a JSON pointer into the
 * question. Limits: base/limits.h. Memory: beside the source's, counts and the times of converted
 * runs. Thread: any number of questions at once, each with its own source.
 */
#pragma once
#include "base/buf.h"
#include "calendar/calendar.h"
#include "query/source.h"
#include "query/vocabulary.h"

struct segment_cache;

/* What an answer cost, for --explain. */
struct query_stats {
    uint32_t passes;
    int64_t memory_bytes; /* the most it took at once, beside the source's */
    uint64_t rows; /* in the segments looked at, all passes */
    uint64_t matched;
    uint64_t bytes_read;
    uint32_t segments, segments_skipped;
    double milliseconds; /* 0 when the context has no os */
};

struct query_context {
    struct str timezone;                 /* the project's; empty = UTC */
    enum week_start week_start;          /* the project's */
    const struct vocabulary *vocabulary; /* the project's own names; may be NULL */
    struct segment_cache *segments;      /* sets of people that were found; may be NULL */
    struct str project;                  /* for the keys of these sets; the source's */
    uint64_t salt;                       /* of the property "bucket" */
    size_t rows_bytes;                   /* 0 = LIMIT_QUERY_ROWS_BYTES; less in tests */
    int64_t now_ms;                      /* as_of where the question names none */
    uint64_t deadline_ns;                /* os_monotonic_ns; 0 = none */
    int64_t memory_bytes;                /* it may take; 0 = LIMIT_QUERY_MEMORY_MIB */
    const volatile bool *cancel;         /* NULL = none */
    struct os *os;                       /* only for query_stats.milliseconds; may be NULL */
    struct query_stats *stats;           /* filled also when the question fails; may be NULL */
    struct buf *explain; /* gets the JSON asked and a plan for each pass; may be NULL */
};

MUST_USE bool query_answer(struct source *source, const struct query_context *context,
                           struct str question, struct buf *answer, struct err *e);

/* {"error":{"code":…,"at":…,"message":…,"hint":…}} as contract section 8. */
void query_error_json(const struct err *e, struct buf *out);

enum query_language { QUERY_ENGLISH, QUERY_THAI };

struct query_text_options {
    unsigned width; /* columns of the terminal; 0 = 100 */
    bool colour;    /* 24-bit colour, block characters; otherwise plain ASCII */
    enum query_language language;
};

/* An answer of query_answer (also of people_of) as text for a terminal: table, bars, shaded grid.
 */
MUST_USE bool query_render_text(struct str answer, const struct query_text_options *options,
                                struct buf *out, struct err *e);
/* The same as RFC 4180 rows with a header; cells are safe for spreadsheets. */
MUST_USE bool query_render_csv(struct str answer, struct buf *out, struct err *e);

/* The figures of `stats` in one line. */
void query_render_stats(const struct query_stats *stats, struct buf *out);
