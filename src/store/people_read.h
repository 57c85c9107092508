/*
 * store/people_read (private to the room): all traits of a person or an account, one by one.
 * Thread: as a view (store/people.h).
 */
#pragma once
#include "store/people.h"

/* A trait of an ordinal and when it was set (a number that rises). An ordinal without traits has
 * one item without a name, if it has `created`. */
struct trait_item {
    uint32_t ordinal, version;
    int64_t created; /* of the ordinal, or FACT_CREATED_NONE */
    struct str name;
    struct value value;
};
typedef void trait_fn(void *context, const struct trait_item *item);

void people_each_trait(const struct people_view *v, uint32_t ordinal, trait_fn *visit,
                       void *context);
void people_each_account_trait(const struct people_view *v, uint32_t account, trait_fn *visit,
                               void *context);
uint32_t people_accounts(const struct people_view *v);
struct str people_account(const struct people_view *v, uint32_t account);
