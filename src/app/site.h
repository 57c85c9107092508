/*
 * app/site (private to the room): an open data directory: its lock and everything wired together.
 *
 *   DIR/tenure.json   layout version and who made it
 *   DIR/lock          held by the process that has it open; names it
 *   DIR/socket        a running server's private socket (app/relay.h)
 *   DIR/reserve       space that is given back when the disk is full
 *   DIR/records.db    projects, keys, sessions
 *   DIR/projects/NAME the event store of a project
 */
#pragma once
#include "access/access.h"
#include "access/projects.h"
#include "os/thread.h"

enum { SITE_LAYOUT = 1 };

struct site {
    struct arena *arena;
    struct os *os;
    struct str dir; /* absolute */
    struct os_file *lock;
    struct record *record;
    struct access *access;
    struct projects *projects;
    struct pool *pool;
    struct str reserve; /* the path of DIR/reserve */
    bool is_read_only;  /* nothing on the disk is changed; records are a copy in memory */
    struct str url; /* where people reach the server: "http://127.0.0.1:8080"; empty: none runs */
};

enum site_use {
    SITE_WRITE,
    SITE_READ_IF_MUST, /* as SITE_READ where this user or the medium does not let us write */
    SITE_READ,         /* several may have it open so at once, and nobody else */
};

/*
 * Opens the directory, making it when missing (not to read). ERR_BUSY: another process holds it,
 * and nothing was touched. ERR_CONFLICT: a newer layout, or a directory that holds something else.
 * `purpose` is written into the lock for people: "serve".
 */
MUST_USE bool site_open(struct os *os, struct str dir, enum site_use use, const char *purpose,
                        struct site **out, struct err *e);
void site_close(struct site *s); /* in reverse order; NULL is fine */
AUTO_DEFINE(site, site_close)

/* Makes the reserve again when there is space; costs little when it is there. */
void site_keep_reserve(struct site *s);

/* Who holds the lock, as "process 123 (tenure serve)"; "another process" if it does not say. */
struct str site_holder(struct os *os, struct str dir, struct arena *arena);
