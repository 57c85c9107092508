/*
 * record/finding: what was found out about a saved document at one moment, at most once for each:
 * an alert's evaluations.
 *
 * The pair of document and moment is the table's key, so that two threads, two processes or a
 * process that was killed and came back cannot both add one. Findings go with their document.
 * Errors: what record/record.h gives. Thread: any.
 */
#pragma once
#include "record/document.h"

/* The table, for the list of migrations; after DOCUMENT_SCHEMA. */
#define FINDING_SCHEMA                                                                             \
    "CREATE TABLE finding("                                                                        \
    "  project TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, moment INTEGER NOT NULL,"      \
    "  state TEXT NOT NULL, body TEXT NOT NULL, found INTEGER NOT NULL,"                           \
    "  PRIMARY KEY(project, kind, id, moment),"                                                    \
    "  FOREIGN KEY(project, kind, id) REFERENCES document(project, kind, id) ON DELETE CASCADE)"   \
    "  STRICT"

struct finding {
    int64_t moment; /* Unix milliseconds, as `found` */
    struct str state;
    struct str body; /* JSON */
    int64_t found;
};

/* *added: false if there is one of that moment already, or the document is gone. */
MUST_USE bool finding_add(struct record *r, const struct document_key *of,
                          const struct finding *finding, bool *added, struct err *e);
/* The newest `limit` before that moment (INT64_MAX: of all), newest first, in the arena. */
MUST_USE bool finding_list(struct record *r, const struct document_key *of, int64_t before,
                           size_t limit, struct arena *arena, struct finding **list, size_t *count,
                           struct err *e);
