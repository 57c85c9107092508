/*
 * query/accounts (private to the room): accounts as units, at any level.
 *
 * An event names one account. An account's trait `parent` names the account above it, its trait
 * `level` says what it is (team, company, …): so a question may count the account of the event, the
 * nearest one of a level, itself included, or the one so many steps up. Each account's unit is
 * found once; then `accounts_source` is a source like any other (query/source.h): its units are
 * accounts, its traits theirs, and its scans by unit come account by account (query/regroup.h).
 * Unit numbers are the codes of `names`, in which accounts that are no units of the level have
 * theirs, too.
 *
 * Everything lives as long as the question. Thread: the question's; tests of events from any.
 */
#pragma once
#include "base/arena.h"
#include "query/source.h"

struct account_level {
    struct str name; /* .at == NULL: by steps */
    uint32_t up;     /* 0: the account that the event names */
};
bool account_level_same(struct account_level a, struct account_level b);

struct accounts;

enum { ACCOUNT_NONE = UINT32_MAX };

/* Reads which accounts there are. NULL: the source failed. `bytes`: see query/regroup.h. */
struct accounts *accounts_open(struct arena *arena, struct source *persons, size_t bytes,
                               struct err *e);
void accounts_close(struct accounts *a); /* NULL is fine */
struct source *accounts_source(struct accounts *a, struct account_level level);
struct intern *accounts_names(struct accounts *a);
/* How many have traits or a creation: they exist without any event. The first codes. */
uint32_t accounts_described(const struct accounts *a);
/* By code: the unit of the level, or ACCOUNT_NONE. */
const uint32_t *accounts_units(struct accounts *a, struct account_level level);
/* All the names that `level` has as a trait; for a name that none has. */
void accounts_levels(const struct accounts *a, struct intern *out);
