/*
 * query/text_event (private to query/text): the parts of a line that name events.
 */
#pragma once
#include "query/text_words.h"

/* Members event or any_of, and filter, of the object that is open. `is_alone`: it is the question
 * itself, whose filter is another one. */
MUST_USE bool text_events(struct text *t, bool is_alone);
/* sum(amount): `member` and "property" */
MUST_USE bool text_figure(struct text *t, const char *member, const char *const *names,
                          size_t count);
MUST_USE bool text_series(struct text *t);
MUST_USE bool text_steps(struct text *t);
/* {"start": {…}} */
MUST_USE bool text_role(struct text *t, const char *member);
/* `member`: a list of objects, with a word or sign between them. */
MUST_USE bool text_list(struct text *t, const char *member, const char *between,
                        bool (*item)(struct text *));
/* text_goal.c: {"goal": {…}} of an impact, from "on" */
MUST_USE bool text_goal(struct text *t);
