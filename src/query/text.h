/*
 * query/text (private to the room): a question as a line of words, made into the JSON of the
 * contract; docs/query-text.md has the grammar.
 *
 * The words are read once, from left to right; JSON is written as they come. `spots` says for each
 * JSON pointer which word it came from, so that an error of the question points at its word.
 * Everything made lives in the arena.
 */
#pragma once
#include "base/arena.h"
#include "codec/json.h"

enum { TEXT_BYTES_MAX = 16 << 10 };

struct text_spot {
    struct str pointer; /* "/steps/0/event" */
    size_t at;          /* byte of the line */
};

struct text_question {
    struct str line;
    struct str json;
    struct text_spot *spots;
    size_t spot_count, spot_room;
};

/* Does it begin as a line of words, and not as a JSON document? */
bool text_is_line(struct str question);
/* Errors: query.text; `at` is "character 14", counted from 1. */
MUST_USE bool text_read(struct arena *arena, struct str line, struct text_question *out,
                        struct err *e);
void text_question_free(struct text_question *t);
/* An error about the JSON, made one about the line: its pointer becomes the word's place. */
void text_blame(const struct text_question *t, struct err *e);
