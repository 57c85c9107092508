/*
 * query/group (private to the room): breakdowns. An event's (or a unit's) values become one key;
 * keys become slots, numbered as they come or by the chosen groups; slots become groups of the
 * answer.
 *
 * A pass first learns: every key gets a slot of its own, per thread. When more groups turn up than
 * the answer may hold, the largest are chosen and the pass runs again with the rest in one slot,
 * "Other", so that people are counted once in it.
 */
#pragma once
#include "query/question.h"

enum { GROUP_PARTS_MAX = LIMIT_QUERY_BREAKDOWNS, SLOT_NONE = UINT32_MAX };

struct grouping {
    struct part {
        bool of_unit; /* a unit has one value; else each event has its own */
        enum scan_subject subject;
        struct str property;
        bool of_person, of_account; /* whose property it is, if not the event's */
        bool at_start; /* of retention: the start event's value is the group; returns share nothing
                        */
        struct account_level level;
        bool is_numeric;
        double *edges; /* buckets */
        size_t edge_count;
        struct intern *codes;    /* of texts */
        uint32_t *unit_codes;    /* of_unit, or of the event's person: 0 = none, else code + 1 */
        uint32_t *account_codes; /* of the event's account, by its code: the same */
        size_t column;           /* where not of_unit: in the plan */
    } parts[GROUP_PARTS_MAX];
    size_t count;
    bool has_event_part;
    bool at_start; /* its event parts are all so */
    const struct ask *place;
};

MUST_USE bool grouping_read(struct question *q, const struct ask *a, struct err *e);
void grouping_free(struct grouping *g);
/* Adds the columns that the parts need. */
MUST_USE bool grouping_plan(struct question *q, struct reading *r, struct err *e);

/* A breakdown by one text of the event, whose codes are the keys but for one. */
bool grouping_is_one_text(const struct grouping *g);
bool grouping_has_unit_part(const struct grouping *g);

/* Groups of an answer in order. `other`: the last slot is everything else. */
struct groups {
    uint64_t *keys;
    uint64_t *sizes;
    size_t count; /* without Other */
    bool has_other;
    /* hash table: key -> slot, for passes with chosen groups */
    uint64_t *table_keys;
    uint32_t *table_slots;
    size_t table_size;
};

/* A table from key to place that grows: used where threads' groups are put together. */
struct key_map {
    uint64_t *keys;
    size_t count, room;
    uint64_t *table_keys;
    uint32_t *table_slots;
    size_t table_size;
};

/* One thread's keys and slots. */
struct keyer {
    const struct grouping *grouping; /* NULL: everything is slot 0 */
    const struct groups *chosen;     /* NULL: learn */
    bool is_full;                    /* over the limit of groups, or of values of one part */
    unsigned bits;                   /* of the key, for each part */
    struct key_map map;              /* learned: keys by slot */
};

void keyer_init(struct keyer *k, const struct question *q, const struct groups *chosen);
void keyer_free(struct keyer *k);
uint64_t keyer_unit_key(struct keyer *k, uint32_t unit); /* the units' parts */
uint64_t keyer_event_key(struct keyer *k, const struct scan_batch *b, size_t i); /* the others */
/* Does the event have a value in any of its own parts? */
bool keyer_has_value(const struct keyer *k, const struct scan_batch *b, size_t i);
uint32_t keyer_slot(struct keyer *k, uint64_t key); /* SLOT_NONE: left out */
size_t keyer_slots(const struct keyer *k);
MUST_USE bool keyer_check(const struct question *q, const struct keyer *k, struct err *e);

/* The key's values as texts; .at == NULL where there is none. */
void group_values(const struct question *q, uint64_t key, struct str *values);
void group_write(const struct question *q, struct jwrite *w, const struct groups *g, size_t slot);

/*
 * Chooses the answer's groups of learned keys with sizes: largest first, then by value. True in
 * *again if some were left over, so that the pass must run again.
 */
void groups_choose(struct question *q, const uint64_t *keys, const uint64_t *sizes, size_t count,
                   struct groups *out, bool *again);
/* Slot of a group named by people_of's "breakdown". */
MUST_USE bool groups_find(struct question *q, const struct groups *g, size_t *slot, struct err *e);

uint32_t key_map_put(struct key_map *m, uint64_t key);
void key_map_clear(struct key_map *m); /* keeps a small table's room */
void key_map_free(struct key_map *m);
