/*
 * collect: bytes from outside become events and facts of the store.
 *
 * Two decoders turn HTTP bodies (native, and Segment's family, which RudderStack shares) into a
 * store_batch; the importer does the same with files of any size and hands batches to a sink.
 * docs/import.md says for users what is read how. Limits: base/limits.h. Nothing is cut silently:
 * what exceeds a limit or has the wrong type is refused with a sentence that names the member.
 *
 * Errors of a decoder: ERR_INVALID or ERR_TOO_LARGE with `code` one of json.*, schema.type,
 * schema.required, schema.unknown_member, schema.empty_key, schema.message_id, schema.person,
 * schema.event_name, schema.duplicate_property, schema.too_large, batch.too_many, batch.empty,
 * identity.illegal_id, time.*; ERR_CONFLICT with message_id.conflict; `at` is a JSON pointer into
 * the body ("/events/3/properties/plan"; of JSON lines: "line 4 /properties/plan").
 */
#pragma once
#include <signal.h>
#include <stdio.h>

#include "base/buf.h"
#include "os/os.h"
#include "store/store.h"

/*
 * Decodes bodies, one at a time. Its parser, arena and arrays are used again for the next body.
 * Owner: the caller. Thread: one at a time (an HTTP worker has its own).
 */
struct collect_decoder;

struct collect_decoder *collect_decoder_create(struct os *os); /* os: dice for fresh ids */
void collect_decoder_destroy(struct collect_decoder *d);       /* NULL is fine */
AUTO_DEFINE(collect_decoder, collect_decoder_destroy)

/* Who sends what is decoded next: "key tw_9c0f12ab". It stands in merges as `by`, and lives as long
 * as the batch. */
void collect_decoder_by(struct collect_decoder *d, struct str by);

/*
 * POST /api/v1/events: {"events":[…]}, a JSON array, JSON lines, or a single record
 * (docs/import.md). All or nothing: at most LIMIT_BATCH_EVENTS records,
 * else ERR_TOO_LARGE. An event without id gets a fresh one (UUID v4); without time, now_ms; the
 * same id twice in a body with different content is ERR_CONFLICT. `body` is plain (already
 * unpacked) and may be released after the call. `out` lives until the next call with the same
 * decoder.
 */
MUST_USE bool collect_decode_native(struct collect_decoder *d, struct str body, int64_t now_ms,
                                    struct store_batch *out, struct err *e);

/* Segment's calls, by path: /v1/{batch,track,…} and the one-letter forms of its browser SDK. */
enum segment_call {
    SEGMENT_BATCH, /* {"batch":[…]}: each has its own "type" */
    SEGMENT_TRACK,
    SEGMENT_IDENTIFY,
    SEGMENT_PAGE,
    SEGMENT_SCREEN,
    SEGMENT_GROUP,
    SEGMENT_ALIAS,
    SEGMENT_IMPORT, /* as batch, for history */
    SEGMENT_CALL_COUNT,
};
/* The call of the last part of a path: "batch", "b", "track", "t", "identify", "i", "page", "p",
 * "screen", "s", "group", "g", "alias", "a", "import". False: no such call. */
bool segment_call_from(struct str word, enum segment_call *out);

/*
 * One body of a Segment or RudderStack call. Same promises as collect_decode_native, except that a
 * repeated id is left to the store (the first is kept). A call without messageId gets a fresh id.
 */
MUST_USE bool collect_decode_segment(struct collect_decoder *d, enum segment_call call,
                                     struct str body, int64_t now_ms, struct store_batch *out,
                                     struct err *e);

/* The "writeKey" member of such a body, for requests without an Authorization header; empty when
 * there is none. It lives until the next call with the same decoder. */
MUST_USE bool collect_segment_write_key(struct collect_decoder *d, struct str body, struct str *key,
                                        struct err *e);

/* Is it an id that broken front ends send for everybody ("undefined", "null", "[object Object]")?
 * Such an id may never take part in a merge. */
bool collect_is_junk_id(struct str id);

/*
 * Where batches go. `add` may keep nothing of the batch after it returns. `finish` makes all
 * durable; no add follows. Both are called from the thread that called collect_import.
 */
struct collect_sink {
    bool (*add)(void *context, const struct store_batch *batch, struct err *e);
    bool (*finish)(void *context, struct store_receipt *receipt, struct err *e);
    void *context;
};
/* A sink into a store; the context is the store_import, which stays the caller's. */
struct collect_sink collect_store_sink(struct store_import *import);

enum import_format { IMPORT_AUTO, IMPORT_EVENTS, IMPORT_SEGMENT, IMPORT_CSV };
enum import_time { IMPORT_TIME_ISO, IMPORT_TIME_S, IMPORT_TIME_MS, IMPORT_TIME_US };
enum { IMPORT_SHOWN_REJECTS = 20 };

/* False: no such name; `e` (ERR_USAGE) lists the names. */
MUST_USE bool import_format_from(struct str name, enum import_format *out, struct err *e);
MUST_USE bool import_time_from(struct str name, enum import_time *out, struct err *e);

struct import_options {
    const struct str *files; /* paths; "-" is `standard_input` */
    size_t file_count;
    FILE *standard_input;      /* may be NULL when no file is "-" */
    FILE *messages;            /* rejected lines and the progress bar (stderr); NULL = none */
    bool show_progress;        /* only when messages is a terminal */
    enum import_format format; /* AUTO: by the file's name and first bytes */
    char delimiter;            /* CSV: between cells; 0 = ',' */
    struct str map; /* CSV: "person=user_id,event=action,time=ts,account=…,id=…,session=…" */
    struct str types; /* CSV: "mrr=number,zip=text,beta=bool": refuses rows that are not */
    enum import_time time;
    bool time_is_given; /* false: ISO for text; CSV with bare numbers is refused with a hint */
    struct str rejects; /* path of a file for bad lines as JSON lines; empty = none */
    bool dry_run;       /* reads and checks, stores nothing */
    bool strict;        /* reads all files once to check; stores only if no line is bad */
    int64_t now_ms;     /* arrival time of every record */
    const volatile sig_atomic_t *cancel; /* set by a signal handler; NULL = never */
};

struct import_report {
    uint64_t records; /* good ones: events and facts */
    uint64_t events;
    uint64_t people; /* distinct person ids of the events */
    uint64_t rejected;
    uint64_t bytes; /* of the files as they are */
    double seconds;
    struct store_receipt receipt; /* zero after a dry run */
    bool is_cancelled;            /* what was read before is stored; a second run completes it */
    bool is_dry_run;
};

/*
 * Reads files (gzip and zstd recognised by content) and hands their records to the sink. A bad line
 * is counted and shown, the rest goes on; what makes reading on impossible (cut gzip, a quote that
 * never closes) ends with an error after what stood before it has been made durable, since a
 * second run adds only what is missing. A wrong mapping is ERR_USAGE before anything is added.
 * An event without id is known by its content and the number of equal records before it in its
 * file; for that 8 bytes of hash are kept for each such record (about 14 with the table's room).
 * `report` is filled on errors too.
 */
MUST_USE bool collect_import(const struct import_options *options, struct collect_sink sink,
                             struct os *os, struct import_report *report, struct err *e);

/* The summary as text for people or as one JSON object. */
void import_report_print(const struct import_report *report, bool as_json, struct buf *out);
