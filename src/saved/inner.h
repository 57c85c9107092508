/* saved/inner (private to the room): checks of the kinds, and what they share. */
#pragma once
#include "saved/saved.h"

/* The members every document may have besides its own. */
#define SAVED_OWN "id", "version", "created", "changed"

/* Writes the checked members into `w`, an object that is open. */
typedef bool saved_check(const struct saved_project *p, const struct ask *root, struct jwrite *w,
                         struct err *e);
saved_check insight_check, board_check, annotation_check, alert_check, saved_segment_check;

/* Asks as if the entry were the project's: an error gets the place. */
struct vocabulary_entry;
MUST_USE bool saved_ask_as(const struct saved_project *p, const struct vocabulary_entry *entry,
                           struct str question, const struct ask *place, struct err *e);

/* A text of 1 … max bytes without control characters but line ends; required. */
MUST_USE bool saved_text(const struct ask *a, size_t max, struct str *out, struct err *e);
/* name and description, which most kinds have. */
MUST_USE bool saved_heading(const struct ask *root, struct jwrite *w, struct err *e);
/* A member as it stands, if it is there. */
void saved_keep(const struct ask *root, const char *member, struct jwrite *w);

/* Checks the question at `place`; `json` gets it as JSON, `answer` (may be NULL) what an answer
 * looks like. */
MUST_USE bool saved_question(const struct saved_project *p, const struct ask *place,
                             struct str *json, struct buf *answer, struct err *e);
/* An error of a document within another: its pointer becomes the place's and its own. */
bool saved_blame(const struct ask *place, struct err *e);
