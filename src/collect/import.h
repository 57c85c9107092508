/*
 * collect/import (private to the room): one run of the importer, and what its readers share.
 *
 * import.c opens files, unpacks them, keeps the counts, and hands full builds to the sink.
 * import_lines.c and import_csv.c turn bytes into records of the build.
 */
#pragma once
#include "collect/build.h"
#include "collect/content.h"

enum {
    IMPORT_PIECE_BYTES = 1 << 20,
    IMPORT_BATCH_RECORDS = 8192,
    IMPORT_DOCUMENT_BYTES_MAX = 64 << 20, /* one JSON document, or one line */
};

struct import {
    const struct import_options *options;
    struct collect_sink sink;
    struct os *os;
    struct import_report *report;
    bool is_storing;     /* false: a dry run, or the first pass of a strict one */
    struct arena *arena; /* lives as long as the import */
    struct build build;
    struct json_parser *parser;
    struct copies *copies;
    struct hash_set *people;
    uint64_t *hashes; /* of the batch's events without id */
    uint32_t *before;
    size_t hash_room;
    uint64_t last_person; /* most files hold a person's events in runs */

    struct str file; /* as messages name it */
    enum import_format format;
    struct os_file *rejects;
    uint64_t rejects_at;
    unsigned shown;

    uint64_t bytes_total, bytes_done; /* of all files, as they lie on disk */
    uint64_t started_ns, drawn_ns;
    bool is_bar_drawn;
    bool has_sink_failed;
};

/* Hands the build to the sink and empties it. */
MUST_USE bool import_flush(struct import *i, struct err *e);
void import_bar(struct import *i); /* draws when it is time to */
void import_bar_clear(struct import *i);
/* A bad line (or the n-th record of a document): counted, shown, written. False: rejects cannot be
 * written. */
MUST_USE bool import_reject(struct import *i, const char *what, uint64_t number, struct str bytes,
                            const struct err *why, struct err *e);

/* Reads JSON: events or segment. Pieces are whole bytes of one file, in order. */
struct lines;
struct lines *lines_create(struct import *i);
void lines_destroy(struct lines *l);
MUST_USE bool lines_feed(struct lines *l, struct str piece, struct err *e);
MUST_USE bool lines_finish(struct lines *l, struct err *e);
AUTO_DEFINE(lines, lines_destroy)

/* The columns of CSV: what --map and --types say. Made once, applied to each file's header. */
struct csv_map;
MUST_USE bool csv_map_parse(const struct import_options *options, struct arena *arena,
                            struct csv_map **out, struct err *e);

struct csv_reader;
/* `i` NULL: only the header is checked, rows are ignored. */
struct csv_reader *csv_reader_create(struct import *i, const struct csv_map *map,
                                     const struct import_options *options);
void csv_reader_destroy(struct csv_reader *r);
MUST_USE bool csv_reader_feed(struct csv_reader *r, struct str piece, struct err *e);
MUST_USE bool csv_reader_finish(struct csv_reader *r, struct err *e);
/* Header and first row are good. */
bool csv_reader_is_checked(const struct csv_reader *r);
AUTO_DEFINE(csv_reader, csv_reader_destroy)
