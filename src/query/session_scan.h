/*
 * query/session_scan (private to the room): scans that know sessions.
 *
 * It stands between a scan and a kernel. The scan reads all events of each unit, also some before
 * and after the kernel's range; here they are cut into sessions, what is known of these is found,
 * conditions and columns of sessions are filled in, and the kernel gets the batch it asked for: its
 * own events only, or, by session, sessions as units.
 * Memory: one batch more, and the facts of one unit's sessions. No allocation an event.
 */
#pragma once
#include "query/session.h"

/* How far before its range a question's sessions are cut from, in lengths of the longest. */
enum { SESSION_LOOK_BACK = 2 };

/* Does the reading ask anything of sessions? */
bool session_scan_is_needed(const struct reading *r);
MUST_USE bool session_scan_run(struct question *q, struct reading *r, scan_sink *sink,
                               void *const *contexts, struct err *e);

/* Sessions that people_of may list: what a unit number of a scan by session stands for. */
struct session_record {
    uint32_t unit, person, id; /* id: code of `ids`, or SESSION_NONE */
    uint32_t events;
    int64_t start, last;
};
struct session_records {
    struct session_record *list;
    size_t count, room;
    struct intern *ids;
};
void session_records_free(struct session_records *r);
/* The page of a list of sessions (session_people.c); answer_people calls it. */
MUST_USE bool answer_sessions(struct question *q, const struct people *p, struct buf *out,
                              struct err *e);
