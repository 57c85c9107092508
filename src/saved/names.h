/*
 * saved/names: a project's own names: segments, and what is known of its events and properties.
 *
 * They are documents of the kinds "segment", "event" and "property" (record/document.h); static
 * lists of people are documents of the kind "list", whose id is a hash of the content. The bodies
 * of the first three are what query/vocabulary.h reads. Definitions are found by the name they
 * define: their id is made of it. Thread: any.
 */
#pragma once
#include "saved/saved.h"

/* For questions. Lives as the arena and the record do; in the caller's frame. */
struct saved_vocabulary {
    struct vocabulary vocabulary;
    struct record *record;
    struct str project;
};
MUST_USE bool saved_vocabulary_read(struct record *record, struct str project, struct arena *arena,
                                    struct saved_vocabulary *out, struct err *e);

/* ---- definitions ---- */

enum definition_kind { DEFINITION_EVENT, DEFINITION_PROPERTY };
extern const char *const definition_kinds[2]; /* "event", "property" */

/* The document that describes it; its project and kind as given. */
struct document_key definition_key(struct str project, enum definition_kind kind, struct str name,
                                   struct arena *arena);
/*
 * Checks the members that were sent and saves them in place of what was there: description, owner,
 * hidden, verified, merges; of events any_of, of properties expression. `version`: which one is
 * meant; 0 = any.
 */
MUST_USE bool definition_put(const struct saved_project *p, enum definition_kind kind,
                             struct str name, struct str text, int64_t version,
                             struct document *out, struct err *e);
/* ERR_NOT_FOUND; ERR_CONFLICT (document.in_use) where others are made of it. */
MUST_USE bool definition_remove(const struct saved_project *p, enum definition_kind kind,
                                struct str name, struct err *e);

/* ---- lists of people ---- */

/* Saves the ids (JSON texts), each once; *id is the list's. */
MUST_USE bool saved_list_put(const struct saved_project *p, struct json ids, struct str *id,
                             size_t *count, struct err *e);
/* Those of a person's ids leave all lists, before the person is erased. `v` knows who it is. */
struct snapshot;
MUST_USE bool saved_lists_forget(struct record *record, struct str project,
                                 const struct snapshot *v, struct str person, int64_t now_ms,
                                 struct err *e);
/* The same for all ids of which `is_gone` says so. */
typedef bool saved_is_gone(const void *context, struct str id);
MUST_USE bool saved_lists_drop(struct record *record, struct str project, saved_is_gone *is_gone,
                               const void *context, int64_t now_ms, struct err *e);
/* Removes lists that no segment has, made more than an hour ago. */
MUST_USE bool saved_lists_sweep(struct record *record, struct str project, int64_t now_ms,
                                struct err *e);

/* May the document go, or take another name? ERR_CONFLICT (document.in_use) names who needs it.
 * True for kinds that nothing refers to. */
MUST_USE bool saved_may_go(const struct saved_project *p, const struct document *d, struct err *e);
