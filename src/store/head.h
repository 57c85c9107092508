/*
 * store/head (private to the room): the first 128 bytes of the log, people, facts and manifest
 * files.
 *
 * They say what the file is, its version and whose it is; their layout is the same in every
 * version, so that an old program can refuse a newer file by name (docs/format/directory.md has the
 * offsets). The salt is random per file and starts every checksum in it: bytes of another file, or
 * bytes that a sender made up, never pass as a record of this one.
 */
#pragma once
#include "base/buf.h"
#include "os/os.h"

enum { HEAD_BYTES = 128, HEAD_VERSION = 1 };

enum head_kind { HEAD_LOG, HEAD_PEOPLE, HEAD_FACTS, HEAD_MANIFEST, HEAD_ERASED };

/* Which store a file belongs to: the project's name and a number drawn when the store was made. */
struct identity {
    struct str project;
    uint64_t store;
};

struct head {
    enum head_kind kind;
    uint32_t salt;
    uint64_t number; /* of a log or facts file */
    uint64_t first;  /* log: sequence of its first batch */
    uint64_t store;
    struct str project; /* points into the bytes that were read */
};

void head_put(struct buf *into, const struct head *head);
/*
 * Reads and checks the head of the file at `path` (for messages). `want` NULL: any owner.
 * ERR_CORRUPT: not such a file, damaged, or another store's; ERR_UNSUPPORTED: newer version.
 */
MUST_USE bool head_read(struct str bytes, struct str path, enum head_kind kind,
                        const struct identity *want, struct head *out, struct err *e);
uint32_t head_salt(struct os *os);

/*
 * Is no 512-byte sector of [from, to) all zeros, and the last byte neither? What we write goes
 * where there were zeros, and disks write sectors whole or not at all: then every sector of it was
 * written, so bytes that do not fit their checksum are damaged, not torn. from < to.
 */
bool head_is_filled(struct str bytes, uint64_t from, uint64_t to);
