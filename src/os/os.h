/*
 * os/os: the world behind one table of functions: files, directories, clock, dice.
 *
 * Every room that touches the disk, the clock or randomness takes a `struct os *`. os_linux_create
 * makes the real one; os_sim_create (os/os_sim.h) makes a simulated one that keeps files in memory,
 * loses what was not synced, fills up, fails on the n-th call, and replays from a seed.
 *
 * Errors: ERR_IO with the system's words, ERR_NO_SPACE on a full disk or quota, ERR_NOT_FOUND for a
 * missing file, ERR_BUSY when a lock is held by another process. Texts name the path.
 * Durability: a file's bytes are durable after os_file_sync; a new name, a rename or a removal is
 * durable after os_dir_sync of its directory. A failed sync must never be retried.
 * Thread: an os may be used from any thread; a file handle from one thread at a time, except
 * os_file_read_at, which any number of threads may call.
 * Paths: `struct str`, no NUL inside, at most OS_PATH_BYTES.
 */
#pragma once
#include "base/arena.h"
#include "base/err.h"

enum { OS_PATH_BYTES = 1024 };

struct os;
struct os_file;

enum os_open_mode {
    OS_READ,   /* must exist */
    OS_WRITE,  /* read and write, made if missing, kept if there */
    OS_CREATE, /* read and write, emptied if there */
};

/* A read-only view of a whole file. Lives until os_unmap, also when the file is unlinked. */
struct os_map {
    const char *at;
    size_t len;
    void *keep; /* the implementation's own */
};

struct os *os_linux_create(void);
void os_destroy(struct os *os); /* NULL is fine */

MUST_USE bool os_file_open(struct os *os, struct str path, enum os_open_mode mode,
                           struct os_file **out, struct err *e);
void os_file_close(struct os_file *file); /* NULL is fine; does not sync */
MUST_USE bool os_file_size(struct os_file *file, uint64_t *bytes, struct err *e);
/* Reads up to `len` bytes; *got < len only at the end of the file. */
MUST_USE bool os_file_read_at(struct os_file *file, uint64_t at, void *into, size_t len,
                              size_t *got, struct err *e);
/* Writes all parts, one after the other, from byte `at` on. On false the file may hold a part. */
MUST_USE bool os_file_write_at(struct os_file *file, uint64_t at, const struct str *parts,
                               size_t part_count, struct err *e);
MUST_USE bool os_file_truncate(struct os_file *file, uint64_t bytes, struct err *e);
/* Takes disk space now: the file becomes at least `bytes` long, new bytes are zero. */
MUST_USE bool os_file_reserve(struct os_file *file, uint64_t bytes, struct err *e);
MUST_USE bool os_file_sync(struct os_file *file, struct err *e); /* fdatasync */

/* Maps a file for reading. A file of 0 bytes maps to len 0. */
MUST_USE bool os_map(struct os *os, struct str path, struct os_map *out, struct err *e);
void os_unmap(struct os *os, struct os_map *map);

MUST_USE bool os_rename(struct os *os, struct str from, struct str to, struct err *e);
MUST_USE bool os_remove(struct os *os, struct str path, struct err *e);   /* missing is fine */
MUST_USE bool os_dir_make(struct os *os, struct str path, struct err *e); /* 0700; there is fine */
MUST_USE bool os_dir_sync(struct os *os, struct str path, struct err *e);
/* Names in a directory without . and .., sorted by bytes; they live in `arena`. */
MUST_USE bool os_dir_list(struct os *os, struct str path, struct arena *arena, struct str **names,
                          size_t *count, struct err *e);
bool os_exists(struct os *os, struct str path);
/* Takes an exclusive lock on a file (made if missing) until it is closed; ERR_BUSY if held. */
MUST_USE bool os_lock(struct os *os, struct str path, struct os_file **out, struct err *e);
/* The same for those who only read: many may hold it, and while one does, os_lock is ERR_BUSY.
 * Changes nothing: ERR_NOT_FOUND if the file is missing. */
MUST_USE bool os_lock_shared(struct os *os, struct str path, struct os_file **out, struct err *e);
MUST_USE bool os_free_bytes(struct os *os, struct str path, uint64_t *bytes, struct err *e);

/* Writes a small file as a whole: temporary name, sync, rename, sync of the directory. */
MUST_USE bool os_write_whole(struct os *os, struct str path, struct str bytes, struct err *e);
/* Reads a whole file into the arena. */
MUST_USE bool os_read_whole(struct os *os, struct str path, struct arena *arena, struct str *out,
                            struct err *e);

int64_t os_now_ms(struct os *os);        /* wall clock, UTC, Unix milliseconds */
uint64_t os_monotonic_ns(struct os *os); /* for durations only */
void os_random(struct os *os, void *into, size_t len);

AUTO_DEFINE(os, os_destroy)
AUTO_DEFINE(os_file, os_file_close)
