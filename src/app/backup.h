/*
 * app/backup (private to the room): a data directory's backup, and a data directory of a backup.
 *
 * Both are made under another name ("DIR.partial", marked by a file "partial"), synced, and
 * renamed: a half is never taken for a whole. docs/format/backup.md has the layout. A left-over of
 * a run that was cut short is removed by the next one.
 */
#pragma once
#include "app/site.h"
#include "store/inventory.h"

/* What is told to a person while bytes pass. */
struct backup_options {
    copy_progress *progress;
    void *context;
    bool may_replace;    /* restore: put a data directory that is there aside */
    struct str erasures; /* restore: a data directory or a newer backup that knows who was erased
                            since; empty: the one that is put aside */
};

struct backup_result {
    struct inventory inventory; /* in the arena */
    struct str put_aside;       /* restore: where the old directory went, or empty */
    uint64_t erased;            /* restore: ids that were erased again */
};

/* Into `dir`, absolute, which must be empty or not there. */
MUST_USE bool backup_make(struct site *site, struct str dir, const struct backup_options *options,
                          struct arena *arena, struct backup_result *out, struct err *e);
/* The backup in `dir` as the data directory `data`. */
MUST_USE bool backup_restore(struct os *os, struct str dir, struct str data,
                             const struct backup_options *options, struct arena *arena,
                             struct backup_result *out, struct err *e);
