/*
 * record/document: saved documents of a project: insights, dashboards, annotations, alerts,
 * segments and whatever else is a name with a JSON body.
 *
 * One table for all kinds. What a body may hold is the business of the kind's room: here it is a
 * text. `version` counts from 1 and rises with each change, so it is also the ETag. A kind's names
 * are unique within a project (an empty name is none and may be there often). Ids are the caller's:
 * so who sends the same document twice makes it once.
 * Errors: ERR_NOT_FOUND (document.unknown), ERR_CONFLICT (document.taken: the name;
 * document.exists: the id, with another content), ERR_STALE (document.changed: not the version that
 * was meant), and what record/record.h gives. Thread: any.
 */
#pragma once
#include "record/record.h"

/* The table, for the list of migrations. */
#define DOCUMENT_SCHEMA                                                                            \
    "CREATE TABLE document("                                                                       \
    "  project TEXT NOT NULL REFERENCES project(name), kind TEXT NOT NULL, id TEXT NOT NULL,"      \
    "  name TEXT, body TEXT NOT NULL, version INTEGER NOT NULL, created INTEGER NOT NULL,"         \
    "  changed INTEGER NOT NULL, PRIMARY KEY(project, kind, id)) STRICT;"                          \
    "CREATE UNIQUE INDEX document_name ON document(project, kind, name);"                          \
    "CREATE INDEX document_order ON document(project, kind, created, id)"

struct document {
    struct str project, kind, id;
    struct str name; /* may be empty */
    struct str body;
    int64_t version, created, changed; /* Unix milliseconds */
};

/* Which one: project, kind and id. */
struct document_key {
    struct str project, kind, id;
};

/* Makes it, or finds that it is there already with the same name and body; then *made is false.
 * `d->version`, `created` and `changed` are filled in. */
MUST_USE bool document_create(struct record *r, int64_t now_ms, struct document *d, bool *made,
                              struct err *e);
MUST_USE bool document_find(struct record *r, const struct document_key *key, struct arena *arena,
                            struct document *out, struct err *e);
MUST_USE bool document_find_name(struct record *r, struct str project, struct str kind,
                                 struct str name, struct arena *arena, struct document *out,
                                 struct err *e);
/* Name and body of `d` take the place of what is there. `version`: which one is meant; 0 = any.
 * `d->version`, `created` and `changed` are filled in. */
MUST_USE bool document_replace(struct record *r, int64_t now_ms, int64_t version,
                               struct document *d, struct err *e);
MUST_USE bool document_remove(struct record *r, const struct document_key *key, int64_t version,
                              struct err *e);

/* A list is in the order in which documents were made; a page begins after a place in it. */
struct document_page {
    struct document *list; /* in the arena */
    size_t count;
    bool has_more;
};
/* The first page has an empty `after`; the next one begins after the last document's cursor. */
MUST_USE bool document_list(struct record *r, struct str project, struct str kind, struct str after,
                            size_t limit, struct arena *arena, struct document_page *out,
                            struct err *e);
struct str document_cursor(const struct document *d, struct arena *arena);
/* A new id: the caller's random bits as 16 letters. */
struct str document_id(const unsigned char bits[8], struct arena *arena);
