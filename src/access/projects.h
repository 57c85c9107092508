/*
 * access/projects: the projects of a data directory: their settings, and their event stores, each
 * opened when it is first needed and kept open.
 *
 * A project is the record (name, time zone, week start, simulated) and the directory
 * projects/<name>. Names: 1 to LIMIT_PROJECT_BYTES of a-z 0-9 - _, beginning with a letter or
 * digit. Errors: ERR_NOT_FOUND (code project.unknown) with the nearest name, ERR_CONFLICT for a
 * name that is taken, ERR_USAGE for a name or setting that cannot be, and what store and record
 * give. Thread: any.
 */
#pragma once
#include "base/buf.h"
#include "calendar/calendar.h"
#include "record/record.h"
#include "store/store.h"

struct projects;

struct project_settings {
    struct str name;
    struct str timezone; /* IANA */
    enum week_start week_start;
    bool is_simulated;
    int64_t created;
};

/* `dir` is the folder of the projects' folders. Os and record stay the caller's. */
struct projects *projects_create(struct os *os, struct record *record, struct str dir);
/* Rows that a store keeps in memory before it writes segments, instead of its own measure; before
 * the first store is opened. Small numbers let tests meet sealing and compaction often. */
void projects_seal_rows(struct projects *p, size_t rows);
/* Sets of people that questions found, of all projects. */
struct segment_cache;
struct segment_cache *projects_segments(struct projects *p);
/* Before the first store is opened: nothing on the disk is changed. */
void projects_read_only(struct projects *p);
void projects_destroy(struct projects *p); /* closes the stores; NULL is fine */
AUTO_DEFINE(projects, projects_destroy)

MUST_USE bool project_name_check(struct str name, struct err *e);
/* Empty timezone: UTC. */
MUST_USE bool project_create(struct projects *p, const struct project_settings *settings,
                             struct err *e);
/* Changes time zone, week start and mark of a project that exists. */
MUST_USE bool project_change(struct projects *p, const struct project_settings *settings,
                             struct err *e);
MUST_USE bool project_find(struct projects *p, struct str name, struct arena *arena,
                           struct project_settings *out, struct err *e);
/* By name, in the arena. */
MUST_USE bool project_list(struct projects *p, struct arena *arena, struct project_settings **list,
                           size_t *count, struct err *e);

/* The event store, open until projects_destroy. `make`: a project that is not there is made. */
MUST_USE bool project_store(struct projects *p, struct str name, bool make, struct store **out,
                            struct err *e);

/* One line for each open store that has stopped, gone on, or cut a torn tail off its log since the
 * last call. By one thread. */
void projects_news(struct projects *p, struct buf *out);

/* What whoever wants to change something is told then: ERR_BUSY, code server.read_only. */
bool projects_refuse(struct err *e);

/* Can all open stores take events? False: `e` names one that has stopped, or says that all are open
 * for reading only. */
MUST_USE bool projects_ready(struct projects *p, struct err *e);
