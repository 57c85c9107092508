/*
 * query/named (private to the room): names of the project's vocabulary while a question is read.
 *
 * A segment becomes one bit a person, from the cache where it holds them; where it also looks at
 * accounts, its conditions stand in its place. A virtual event becomes the events it is made of.
 * Names may be made of other names; a circle is refused.
 */
#pragma once
#include "base/hash.h"
#include "query/question.h"

struct named {
    const struct vocabulary_entry *entry;
    struct json_parser *parser; /* NULL until its body was needed */
    struct json body;
    bool is_reading;                      /* its own conditions: to find circles */
    bool is_walked;                       /* while looking for times that move */
    struct saved *read;                   /* of a segment: what was read of it so far */
    const struct scan_computed *computed; /* of a property, once it was asked for */
};

/* A segment whose set is found before the question's own scan. */
struct saved {
    unsigned depth; /* of behaviours, and level, at which it was read */
    enum condition_level level;
    const struct scan_condition *condition; /* what stands in the question */
    const struct scan_condition *tree;      /* its conditions; NULL: the set is known */
    uint64_t *words;
    struct hash128 key;
    bool may_keep;
    struct saved *next;       /* of the same name */
    struct saved *next_found; /* of the question, in the order in which sets can be found */
};

/* NULL: the vocabulary does not have it. */
struct named *named_find(struct question *q, enum vocabulary_kind kind, struct str name);
/* Its body, parsed; false: it is damaged. */
MUST_USE bool named_open(struct question *q, struct named *n, struct err *e);
/* The body as part of the question: errors in it point at `place`. */
struct ask named_body(const struct named *n, const struct ask *place);
void named_free(struct question *q);

/* Is it an event of the project's own making (not just a note on one that is sent)? */
MUST_USE bool named_is_event(struct question *q, struct named *n, bool *is, struct err *e);
/* Is it a property that is computed, or that others are merged under? */
MUST_USE bool named_is_property(struct question *q, struct named *n, bool *is, struct err *e);
/* Its events, as options of a matcher without a filter of its own. */
MUST_USE bool named_event(struct question *q, struct named *n, const struct ask *place,
                          struct matcher *out, struct err *e);

/* `place` holds the segment's name. */
MUST_USE bool segment_named_read(struct question *q, const struct ask *place,
                                 const struct scan_condition **out, struct err *e);
/* After the behaviours of a depth were found: the sets of segments that were read at it. */
void segments_settle(struct question *q, unsigned depth);

/* Adds the vocabulary's names of a kind to names that may be meant, and takes away those that are
 * hidden or merged into another. In the arena. */
void named_offer(struct question *q, enum vocabulary_kind kind, struct str **names, size_t *count);
