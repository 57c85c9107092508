/*
 * store/manifest (private to the room): what is live: an append-only list of edits, each durable
 * when manifest_edit returns, and rewritten whole when it is long. docs/format/manifest.md has the
 * bytes.
 *
 * A segment, people or facts file counts only as far as the manifest says; what it does not name is
 * a left-over of an interrupted step and is removed at open. Failure: after an IO error the
 * manifest refuses edits: whether the last one is durable is unknown until it is opened again (so
 * nothing that it names, or no longer names, may be removed). On a full disk the edit is taken back
 * and may be tried again. Thread: one at a time.
 */
#pragma once
#include "store/head.h"

struct manifest_segment {
    uint64_t number, age;
    int64_t month_start;
    uint64_t rows, bytes;
};

/* Everything but the segments. */
struct manifest_marks {
    uint64_t people_file;                /* people-<n>; 0 = none yet */
    uint64_t people_bytes, people_count; /* file bytes, with the head; ids */
    uint64_t facts_file, facts_bytes;    /* facts-<n>; 0 = none yet */
    uint64_t log_file;                   /* where replay starts: file … */
    uint64_t log_sequence;               /* … and the first batch that is not in the segments */
    uint64_t next_segment, next_age;
    uint64_t log_durable; /* all batches before this one were durable when this was written: a log
                             that ends earlier is cut, or an older one */
};

/* How long events of a name are kept. */
struct manifest_rule {
    struct str name;    /* own memory in a content */
    uint64_t period_ms; /* 0 in an edit: for ever, the rule goes */
};

struct manifest_content {
    struct head head;
    struct manifest_segment *segments; /* by number */
    size_t segment_count, segment_room;
    struct manifest_marks marks;
    uint32_t *hidden; /* ordinals of erased persons whose rows are in segments still; ascending */
    size_t hidden_count, hidden_room;
    struct manifest_rule *rules; /* in order of their coming */
    size_t rule_count, rule_room;
    uint64_t records;
    uint64_t bytes;      /* where the valid records end */
    uint64_t torn_bytes; /* behind that, when it was read */
};
/* Pure: reads the bytes of a manifest. Project and store: see head.h. Free the content in any case.
 */
MUST_USE bool manifest_read(struct str bytes, struct str path, struct manifest_content *out,
                            struct err *e);
void manifest_content_free(struct manifest_content *c);

struct manifest;

/* Makes the manifest of a new store. */
MUST_USE bool manifest_create(struct os *os, struct str dir, const struct identity *who,
                              struct err *e);
/* What the manifest of a new store says, without a file: for reading only. */
struct manifest *manifest_empty(struct os *os, struct str dir, struct str project);
/* Only reads. ERR_NOT_FOUND when there is none; ERR_CONFLICT when it is another project's. */
MUST_USE bool manifest_open(struct os *os, struct str dir, struct str project,
                            struct manifest **out, struct err *e);
/*
 * Before the first edit: writes it anew as one record, without a torn tail. That makes durable what
 * was read: after a failed sync the system may show bytes and names that are not on the disk. On a
 * full disk the old file is written over in place.
 */
MUST_USE bool manifest_resume(struct manifest *m, struct err *e);
void manifest_close(struct manifest *m); /* NULL is fine */
AUTO_DEFINE(manifest, manifest_close)

struct manifest_edit {
    const uint64_t *removed; /* numbers */
    size_t removed_count;
    const struct manifest_segment *added;
    size_t added_count;
    const uint32_t *hidden; /* persons erased; each once */
    size_t hidden_count;
    const uint32_t *gone; /* of these, no segment has a row any more */
    size_t gone_count;
    const struct manifest_rule *rules; /* that come, change or go */
    size_t rule_count;
    struct manifest_marks marks; /* all of them, also those that stay */
};
MUST_USE bool manifest_edit(struct manifest *m, const struct manifest_edit *edit, struct err *e);
const struct manifest_content *manifest_content(const struct manifest *m);
