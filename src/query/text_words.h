/*
 * query/text_words (private to query/text): the words of a line, and reading them one by one.
 */
#pragma once
#include "query/text.h"

enum text_kind { TEXT_END, TEXT_WORD, TEXT_QUOTED, TEXT_SIGN };

struct text_token {
    enum text_kind kind;
    struct str text;   /* of a quoted one what is between the quotes, unescaped */
    size_t from, to;   /* bytes of the line */
    bool joins_before; /* no space before it */
};

struct text {
    struct arena *arena;
    struct text_question *out;
    struct text_token *tokens; /* TEXT_END is last */
    size_t at;
    unsigned depth; /* of brackets in a condition */
    struct jwrite w;
    struct buf path; /* where the writer stands, as JSON pointer */
    struct err *e;
};

MUST_USE bool text_split(struct text *t);

const struct text_token *text_now(const struct text *t);
const struct text_token *text_ahead(const struct text *t, size_t by);
/* Is the token this bare word (without case) or this sign? */
bool text_token_is(const struct text_token *k, const char *word);
/* How many tokens from `by` on spell `words` ("on exclude"; with `_` for the spaces, too, and then
 * one token may hold all of them); 0 if they do not. */
size_t text_spells(const struct text *t, size_t by, const char *words);
bool text_take(struct text *t, const char *words);

/* Errors; all return false. The place is the token's. */
bool text_wrong(struct text *t, const struct text_token *k, const char *format, ...) PRINTF(3, 4);
/* "expected a name, not "within"" at the next token. */
bool text_expected(struct text *t, const char *what);
/* A hint: the nearest of the names, or all of them. */
bool text_hint_names(struct text *t, struct str given, const char *const *names, size_t count);

/* Going down to a member or an item, for the pointers; text_up takes what text_down gave. */
size_t text_down(struct text *t, const char *key, const struct text_token *k);
size_t text_down_item(struct text *t, size_t index, const struct text_token *k);
void text_up(struct text *t, size_t was);

/* A name: quoted, or one bare word. */
MUST_USE bool text_name(struct text *t, const char *what, struct str *out);
/* plan, person.plan, person."my plan": of = "" where no subject is said. */
MUST_USE bool text_property(struct text *t, const char **of, struct str *out);
MUST_USE bool text_sign(struct text *t, const char *sign);
MUST_USE bool text_whole(struct text *t, int64_t *out);
/* One of the names: as it is, or with spaces for `_`. */
MUST_USE bool text_choice(struct text *t, const char *what, const char *const *names, size_t count,
                          const char **out);
/* A word as JSON value: number, true, false, else text; a quoted one is always text. */
void text_value_write(struct jwrite *w, const struct text_token *k);
bool text_is_number(struct str word);

/* text_condition.c: what stands after `where`, and between [ and ]; writes the list. */
MUST_USE bool text_conditions(struct text *t);
