/*
 * record/image (private to the room): a database and its log as one image, without opening files.
 *
 * SQLite reads a database that has a log only where it may make files beside it, so reading from a
 * read-only medium puts the log's finished transactions in place here. Pure. The bytes of the log:
 * the "WAL file format" part of SQLite's description of its file format.
 */
#pragma once
#include "base/buf.h"

/* Frames behind the last finished transaction, or that do not fit their checksums, do not count. */
void record_image(struct str db, struct str log, struct buf *out);
