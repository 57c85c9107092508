/*
 * query/text_print: for the tests of query/text: a JSON question as a line of words.
 */
#pragma once
#include "codec/json.h"

/* False where the words cannot say it: several operators in one condition, a choice of one. */
bool text_print(struct json question, struct buf *out);
