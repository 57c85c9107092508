/*
 * access/access: who may do what: keys of projects, sign-in links, browser sessions.
 *
 * Keys and tokens are 256 random bits, shown once; the records keep their SHA-256 and, of a key, a
 * short public beginning by which people can tell keys apart. Comparisons take constant time.
 * A signed-in browser may read and change every project of the data directory: there is one owner.
 * Errors: ERR_UNAUTHORIZED for a link or session that is unknown, used or old; ERR_NOT_FOUND for an
 * unknown key; what record/record.h gives. Thread: any.
 */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "os/os.h"
#include "record/record.h"

/* The schema of the records database: projects, keys, links, sessions, saved documents. */
extern const struct record_migration access_migrations[];
extern const size_t access_migration_count;

struct access;

/* The record stays the caller's and must outlive it. */
MUST_USE bool access_open(struct os *os, struct record *record, struct access **out, struct err *e);
void access_close(struct access *a); /* NULL is fine */
AUTO_DEFINE(access, access_close)

/* What a key may: write sends events; read asks; admin does both and changes settings. */
enum access_scope { ACCESS_WRITE, ACCESS_READ, ACCESS_ADMIN, ACCESS_SCOPE_COUNT };
extern const char *const access_scope_names[ACCESS_SCOPE_COUNT];
MUST_USE bool access_scope_from(struct str name, enum access_scope *out, struct err *e);
bool access_scope_allows(enum access_scope has, enum access_scope needs);

enum {
    ACCESS_PREFIX_BYTES = 11, /* "tw_9c0f12ab" */
    ACCESS_SECRET_BYTES = 43, /* 32 bytes as base64url */
    ACCESS_KEY_BYTES = ACCESS_PREFIX_BYTES + 1 + ACCESS_SECRET_BYTES,
    ACCESS_LINK_MS = 15 * 60 * 1000,
    ACCESS_SESSION_IDLE_MS = 12 * 3600 * 1000,
    ACCESS_SESSION_MS = 7 * 24 * 3600 * 1000,
};

/* Makes a key for a project that exists; `text` gets it with a NUL: it is nowhere else. */
MUST_USE bool access_key_create(struct access *a, struct str project, enum access_scope scope,
                                char text[ACCESS_KEY_BYTES + 1], struct err *e);

struct access_grant {
    struct str project; /* in the arena */
    struct str prefix;  /* the key's public beginning; in the arena */
    enum access_scope scope;
};
/* What a key allows; false if it is unknown or revoked. From memory: fast enough for every request.
 */
bool access_key_check(struct access *a, struct str text, struct arena *arena,
                      struct access_grant *out);

struct access_key {
    struct str prefix;
    struct str project;
    enum access_scope scope;
    int64_t created;
};
/* Keys in force, of one project or (empty name) all, oldest first; in the arena. */
void access_key_list(struct access *a, struct str project, struct arena *arena,
                     struct access_key **list, size_t *count);
/* By its public beginning, or the whole key. It stops working at once. */
MUST_USE bool access_key_revoke(struct access *a, struct str project, struct str prefix,
                                struct err *e);

/* A new one-time link token, good for 15 minutes. */
MUST_USE bool access_link_create(struct access *a, char token[ACCESS_SECRET_BYTES + 1],
                                 struct err *e);
/* Uses the link up and makes a session. */
MUST_USE bool access_link_use(struct access *a, struct str token,
                              char session[ACCESS_SECRET_BYTES + 1], struct err *e);
/* Is the session good? Keeps it alive: 12 hours without use end it, and 7 days in any case. */
MUST_USE bool access_session_check(struct access *a, struct str session, struct err *e);
MUST_USE bool access_session_end(struct access *a, struct str session, struct err *e);
