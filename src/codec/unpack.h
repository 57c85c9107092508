/*
 * codec/unpack: plain, gzip or zstd bytes, told apart by content, out as plain bytes in pieces.
 *
 * A stream starts unknown, looks at the first bytes and decides; plain bytes pass through without
 * a copy. gzip members and zstd frames may follow one another. Truncated or damaged input is an
 * error (ERR_INVALID), never a silent end. Thread: one at a time. Codes: unpack.truncated,
 * unpack.checksum, unpack.length, unpack.damaged, unpack.trailing (other bytes after the end),
 * unpack.members (more than 1,000 empty parts in a row), unpack.header (a gzip header over 64 KiB),
 * unpack.window (zstd wants more than 128 MiB, or 8 MiB in a body); of bodies also
 * unpack.too_large and unpack.ratio.
 */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct unpack;

enum unpack_kind { UNPACK_UNKNOWN, UNPACK_PLAIN, UNPACK_GZIP, UNPACK_ZSTD };

/* Gets decompressed bytes; valid until it returns. Return false (with `e` set) to stop. */
typedef bool unpack_sink(void *context, struct str bytes, struct err *e);

struct unpack *unpack_create(unpack_sink *sink, void *context);
void unpack_destroy(struct unpack *u);
MUST_USE bool unpack_feed(struct unpack *u, struct str bytes, struct err *e);
MUST_USE bool unpack_finish(struct unpack *u, struct err *e);
enum unpack_kind unpack_kind(const struct unpack *u);
AUTO_DEFINE(unpack, unpack_destroy)

/*
 * A whole body in one call: plain bytes come back as they are, packed ones in `room`. Refuses more
 * than `bytes_max` (ERR_TOO_LARGE), and a ratio over LIMIT_BODY_RATIO after the first 64 KiB.
 */
MUST_USE bool unpack_body(struct str body, size_t bytes_max, struct buf *room, struct str *out,
                          struct err *e);

/* One zstd frame, for blocks of our own files. */
void zstd_pack(struct str plain, int level, struct buf *out);
MUST_USE bool zstd_unpack(struct str packed, void *into, size_t plain_bytes, struct err *e);
