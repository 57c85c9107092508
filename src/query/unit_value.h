/*
 * query/unit_value (private to the room): what is known of a person or an account: a trait, its id,
 * when it came to be, when it was first and last seen. Conditions and breakdowns read it here.
 *
 * `bucket` is a random number 0 … 9,999 that stays with the id. First and last are of events up to
 * as_of; they take a scan, once a question.
 */
#pragma once
#include "query/accounts.h"
#include "query/question.h"

/* When each unit was seen; first > last: never. */
struct presence {
    int64_t *first, *last;
};
MUST_USE bool presence_of_persons(struct question *q, const struct presence **out, struct err *e);
/* By code of the account's name; of the account that events name. */
MUST_USE bool presence_of_accounts(struct question *q, const struct presence **out, struct err *e);
/* By person: the account of the newest event that names one, or ACCOUNT_NONE. */
MUST_USE bool presence_accounts(struct question *q, const uint32_t **out, struct err *e);

struct unit_value {
    enum { UNIT_TRAIT, UNIT_ID, UNIT_BUCKET, UNIT_CREATED, UNIT_FIRST_SEEN, UNIT_LAST_SEEN } kind;
    bool of_account;
    struct str property;
    struct source *source;           /* whose units */
    const struct presence *presence; /* of the level */
    uint32_t units;
    uint64_t salt; /* of buckets */
};
/* `level` is of accounts only. */
MUST_USE bool unit_value_open(struct question *q, struct str property, bool of_account,
                              struct account_level level, struct unit_value *out, struct err *e);
bool unit_value_is_time(const struct unit_value *v);
/* Times are VALUE_INT, in UTC ms. */
struct value unit_value_of(const struct unit_value *v, uint32_t unit);
