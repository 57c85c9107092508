/*
 * store/store_capture (private to the room): the files of a store as they count at one moment.
 *
 * Files are immutable, grow, or are replaced under their name, so a handle and a length hold a
 * moment for as long as it takes to copy or to check it, while writing, sealing and compaction go
 * on. Of an open store (store_capture) the moment is a log sequence: every batch before it is in
 * the captured bytes, durably, and none after it. Of a closed directory (store_capture_dir) it is
 * what the manifest says; nobody may change the directory meanwhile.
 */
#pragma once
#include "store/manifest.h"
#include "store/store.h"

enum capture_kind {
    CAPTURE_MANIFEST,
    CAPTURE_PEOPLE,
    CAPTURE_FACTS,
    CAPTURE_LOG,
    CAPTURE_SEGMENT,
    CAPTURE_OTHER, /* whole, whatever it is */
};

struct capture_file {
    enum capture_kind kind;
    struct str name;      /* in the store's directory; in the arena */
    struct os_file *file; /* NULL: it is missing */
    uint64_t bytes;       /* that count, from its beginning */
    uint64_t number;      /* of a segment or a log file */
    bool is_last_log;
};

struct capture {
    struct os *os;
    struct arena *arena;
    struct str dir;
    struct manifest_content content; /* own memory; the project's name is in the arena */
    struct capture_file *files;      /* the manifest first, then people, facts, logs, segments */
    size_t count, room;
    uint64_t sequence; /* of an open store: of the last batch that is in; else 0 */
};

/* Free it in any case. `s` must not have stopped. */
MUST_USE bool store_capture(struct store *s, struct capture *out, struct err *e);
/* A file that is missing or short is listed as it is; only a bad manifest is an error. */
MUST_USE bool store_capture_dir(struct os *os, struct str dir, struct capture *out, struct err *e);
void capture_free(struct capture *c);
