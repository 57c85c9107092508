/*
 * api/api: the routes of the server: parse, hand over, answer. No SQL, no storage, no clock here.
 *
 * api_routes is the one list: routing, who may call, limits, /openapi.json and the dashboard's
 * paths all come from it. A new route is a new row and its handler. Thread: api_create and
 * api_destroy from one; handlers run on the HTTP server's threads.
 */
#pragma once
#include "access/access.h"
#include "access/projects.h"
#include "http/http.h"
#include "os/thread.h"

struct api;
struct jwrite;

struct api_options {
    struct os *os;
    struct access *access;
    struct projects *projects;
    struct record *record; /* saved documents */
    struct pool *pool;     /* questions compute on it */
    bool is_read_only;     /* whatever changes something is refused */
    struct str public_url; /* "https://…" when a proxy stands before the server; may be empty */
    const char *version;
};

struct api *api_create(const struct api_options *options);
void api_destroy(struct api *api); /* after the server has stopped; NULL is fine */
AUTO_DEFINE(api, api_destroy)

/* Routes, guard, dress and context: the caller adds where to listen. */
void api_http_options(struct api *api, struct http_options *out);
/* The answer of …/people/{id}/identity, which the command gives, too. */
void api_identity_write(const struct person_identity *who, int64_t as_of, struct jwrite *w);
/* RFC 3339, or a date: the end of that day in the zone; empty: IDENTITY_NOW. */
MUST_USE bool api_identity_moment(struct str text, struct str timezone, int64_t *as_of,
                                  struct err *e);
/* For /metrics; before the first request. */
void api_set_server(struct api *api, struct http_server *server);
/* Questions that are being answered end soon (ERR_BUSY): the server is stopping. */
void api_cancel(struct api *api);

/* What the commands print, too. */
struct buf;
struct jwrite;
struct snapshot;
struct store_erasure;
struct store_forgotten;
struct asking;
/* Events and properties, with what is said of them. */
MUST_USE bool api_definitions_write(struct asking *asking, bool with_hidden, struct arena *arena,
                                    struct jwrite *w, struct err *e);
/* Everything about a person as JSON lines. */
MUST_USE bool api_person_export(const struct snapshot *v, struct str id, struct buf *out,
                                struct err *e);
/* `done` NULL: hidden, and not rewritten yet. */
void api_receipt_write(const struct store_erasure *x, const struct store_forgotten *done,
                       struct jwrite *w);
