/*
 * store/wal (private to the room): the write-ahead log: files wal-<n>, one after the other.
 *
 * A file is a head (store/head.h) and frames. A frame holds the batches of one write, each with the
 * next sequence number, under one CRC-32C; it also says through which batch all was durable when it
 * was written. That tells a torn tail from damage: a bad frame may be cut off only if no later
 * frame (and no later file) says that it was durable, and if a sector of it is missing. And it says
 * which batches before it were fresh, so that they need not be looked for again when they are
 * replayed. docs/format/wal.md has the bytes.
 *
 * Writing: wal_write puts frames behind the last; wal_sync makes them durable. Space is reserved
 * ahead, so that a sync has little but data to write. After a failed write or sync the handle
 * refuses work (wal_is_broken): what reached the disk is unknown. A full disk is the exception: the
 * write is taken back (ERR_NO_SPACE), and the next one is tried as usual. Thread: one at a time.
 * Payloads are the caller's.
 */
#pragma once
#include "store/head.h"

enum {
    WAL_FRAME_BYTES = 40,    /* a frame before its batches */
    WAL_FRAME_END_BYTES = 8, /* and behind them */
    WAL_FRAME_PAYLOAD_MAX = 1 << 30,
    WAL_RESERVE_BYTES = 8 << 20,
};

struct wal;

/* Makes file wal-<number>, durable with its name. */
MUST_USE bool wal_create(struct os *os, struct str dir, const struct identity *who, uint64_t number,
                         uint64_t first_sequence, struct wal **out, struct err *e);
void wal_close(struct wal *w); /* NULL is fine; does not sync */
AUTO_DEFINE(wal, wal_close)

/* What the next frame, and only that one, says: all batches from this one up to that frame had no
 * event whose id was there already. */
void wal_note_fresh(struct wal *w, uint64_t from);
/* One frame with `count` batches, whole or not at all after a crash. Not durable yet. */
MUST_USE bool wal_write(struct wal *w, const struct str *payloads, size_t count, struct err *e);
MUST_USE bool wal_sync(struct wal *w, struct err *e);
/* Writes that all is durable, gives reserved space back, syncs. Before a clean close. */
MUST_USE bool wal_finish(struct wal *w, struct err *e);

bool wal_is_broken(const struct wal *w);
uint64_t wal_number(const struct wal *w);
uint64_t wal_next_sequence(const struct wal *w);
uint64_t wal_bytes(const struct wal *w); /* head and frames, without reserved space */
uint64_t wal_unsynced_bytes(const struct wal *w);

/* ---- reading ---- */

/* Gets each batch in order. Return false (with `e` set) to stop. */
typedef bool wal_visit(void *context, uint64_t sequence, struct str payload, struct err *e);

struct wal_end {
    struct head head;
    uint64_t sequence;      /* of the next batch */
    uint64_t bytes;         /* where the valid frames end */
    uint64_t durable_bytes; /* so many were durable when a later frame was written */
    uint64_t torn_bytes;    /* behind that: bytes of writes that were never confirmed */
    bool has_frames;
};
/*
 * Reads the bytes of one file. `is_last` false: it was closed before the next file began, so a torn
 * tail is damage too. ERR_CORRUPT names the file and the offset.
 */
MUST_USE bool wal_read(struct str bytes, struct str path, const struct identity *who, bool is_last,
                       wal_visit *visit, void *context, struct wal_end *out, struct err *e);
/* Batches that were fresh, as frames say: ranges, ascending, apart. */
struct wal_range {
    uint64_t from, to;
};
struct wal_fresh {
    struct wal_range *list;
    size_t count, room;
};
/* Adds what the frames of one file say, as far as they are good; files in order. */
void wal_find_fresh(struct str bytes, struct wal_fresh *into);
bool wal_is_fresh(const struct wal_fresh *f, uint64_t sequence);
void wal_fresh_free(struct wal_fresh *f);
/*
 * Opens a file that was read, cuts the torn tail off, and goes on behind it. A file without batches
 * is made anew, which takes 128 bytes of disk; `is_full`: there are none, the file is taken as it
 * is.
 */
MUST_USE bool wal_resume(struct os *os, struct str path, const struct wal_end *end, bool is_full,
                         struct wal **out, struct err *e);

enum { WAL_PATH_BYTES = OS_PATH_BYTES };
/* "<dir>/wal-0000000007" in `room`, which holds WAL_PATH_BYTES. */
struct str wal_path(char *room, struct str dir, uint64_t number);
/* Is this name a log file's? */
bool wal_name(struct str name, uint64_t *number);
