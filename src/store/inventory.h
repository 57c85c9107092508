/*
 * store/inventory: the list of a backup's files, with size and hash of each, that makes it whole.
 *
 * `backup.json` is written last: a directory without it is no backup. It ends in a checksum of
 * itself; docs/format/backup.md has the members. Reading trusts nothing: names that lead out of the
 * directory are refused. Thread: any, one at a time on one inventory.
 */
#pragma once
#include "base/buf.h"
#include "base/hash.h"
#include "os/os.h"

enum { INVENTORY_VERSION = 1 };
#define INVENTORY_NAME "backup.json"

struct inventory_file {
    struct str name; /* relative: "projects/shop/manifest" */
    uint64_t bytes;
    struct hash128 hash; /* XXH3-128, seed 0 */
};

struct inventory_project {
    struct str name;
    uint64_t store;    /* the number drawn when it was made */
    uint64_t sequence; /* the point: all batches of its log up to here are in */
};

struct inventory {
    struct str made_by;
    int64_t made_ms;
    struct inventory_project *projects;
    size_t project_count;
    struct inventory_file *files;
    size_t file_count;
    uint64_t bytes; /* of all files */
};

/* The text of an inventory. */
void inventory_put(const struct inventory *v, struct buf *into);
/* ERR_CORRUPT names `path`; ERR_UNSUPPORTED: a newer one. Texts are in the arena. */
MUST_USE bool inventory_parse(struct str text, struct str path, struct arena *arena,
                              struct inventory *out, struct err *e);
/* Reads DIR/backup.json. ERR_NOT_FOUND: `dir` is no (whole) backup. */
MUST_USE bool inventory_read(struct os *os, struct str dir, struct arena *arena,
                             struct inventory *out, struct err *e);

/* Called as bytes are copied or read. False stops, and the caller gets ERR_BUSY. */
typedef bool copy_progress(void *context, uint64_t bytes);
struct copy_options {
    copy_progress *progress; /* may be NULL */
    void *context;
};
/* The first `bytes` of a file into a new one, synced (its name is not), and their hash. */
MUST_USE bool file_copy(struct os *os, struct os_file *from, uint64_t bytes, struct str to,
                        const struct copy_options *options, struct hash128 *hash, struct err *e);
/* Reads the first `bytes` of a file. ERR_CORRUPT: there are fewer. */
MUST_USE bool file_hash(struct os_file *from, uint64_t bytes, const struct copy_options *options,
                        struct hash128 *hash, struct err *e);
/* Is the file there, with the right size? ERR_CORRUPT names it. */
MUST_USE bool inventory_file_look(struct os *os, struct str dir, const struct inventory_file *f,
                                  struct err *e);
/* Is the file in `dir` as the inventory says? ERR_CORRUPT names it. */
MUST_USE bool inventory_file_check(struct os *os, struct str dir, const struct inventory_file *f,
                                   const struct copy_options *options, struct err *e);
/* The same while copying it into `to` (made as needed, synced). */
MUST_USE bool inventory_file_copy(struct os *os, struct str dir, struct str to,
                                  const struct inventory_file *f,
                                  const struct copy_options *options, struct err *e);
