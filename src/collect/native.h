/*
 * collect/native (private to the room): one native record, as JSON cursor or as the bytes of a
 * line. docs/import.md describes the format.
 */
#pragma once
#include "collect/build.h"

/* Adds the event or facts of one record; on false nothing is added and `at` is below the record. */
MUST_USE bool native_record(struct build *b, struct json record, struct err *e);

/*
 * The same for the bytes of one line, when it is an event of the usual shape: an object of the
 * known members without escapes, nested objects or lists. False: not of that shape, or wrong in
 * some way; nothing is added, and native_record is to be asked, which knows all and explains.
 * Texts are slices of the line. Some eight times as fast as the JSON reader.
 */
bool native_line(struct build *b, struct str line);
