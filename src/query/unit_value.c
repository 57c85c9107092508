/* query/unit_value: traits and built-ins of persons and accounts. */
#include "query/unit_value.h"

#include "base/hash.h"

enum { BUCKETS = 10000 };

struct presences {
    struct presence persons, accounts;
    uint32_t *newest; /* account by person */
};

static struct presences *presences_of(struct question *q)
{
    if (!q->presences)
        q->presences = arena_alloc(q->arena, sizeof *q->presences);
    return q->presences;
}

static void presence_make(struct question *q, uint32_t units, struct presence *p)
{
    p->first = arena_array(q->arena, (size_t)units + 1, sizeof *p->first);
    p->last = arena_array(q->arena, (size_t)units + 1, sizeof *p->last);
    for (uint32_t i = 0; i < units; i++) {
        p->first[i] = INT64_MAX;
        p->last[i] = INT64_MIN;
    }
}

/* A scan of all events up to as_of. */
static bool everything_read(struct question *q, struct reading *r, scan_sink *sink,
                            void *const *contexts, struct err *e)
{
    r->source = q->persons;
    r->selectors[0] = (struct scan_selector){STR_NONE, INT64_MIN, q->as_of + 1, NULL};
    r->plan.selector_count = 1;
    return reading_run(q, r, sink, contexts, e);
}

/* ---- persons ---- */

static bool persons_sink(void *context, const struct scan_batch *b)
{
    struct presence *p = context;

    for (size_t u = 0; u < b->unit_count; u++) {
        p->first[b->units[u]] = b->time[b->starts[u]];
        p->last[b->units[u]] = b->time[b->starts[u + 1] - 1];
    }
    return true;
}

bool presence_of_persons(struct question *q, const struct presence **out, struct err *e)
{
    struct presences *all = presences_of(q);
    unsigned threads = q->persons->does->threads(q->persons);
    void **contexts = arena_array(q->arena, threads, sizeof *contexts);
    struct reading r = {.plan = {.by_unit = true, .want_time = true}};

    *out = &all->persons;
    if (all->persons.first)
        return true;
    presence_make(q, q->persons->does->units(q->persons), &all->persons);
    for (unsigned i = 0; i < threads; i++)
        contexts[i] = &all->persons;
    return everything_read(q, &r, persons_sink, contexts, e);
}

static bool newest_sink(void *context, const struct scan_batch *b)
{
    uint32_t *newest = context;

    for (size_t u = 0; u < b->unit_count; u++)
        for (size_t i = b->starts[u + 1]; i-- > b->starts[u];)
            if (b->codes[0][i] != SCAN_CODE_NONE) {
                newest[b->units[u]] = b->codes[0][i];
                break;
            }
    return true;
}

bool presence_accounts(struct question *q, const uint32_t **out, struct err *e)
{
    struct presences *all = presences_of(q);
    uint32_t persons = q->persons->does->units(q->persons);
    unsigned threads = q->persons->does->threads(q->persons);
    void **contexts = arena_array(q->arena, threads, sizeof *contexts);
    struct reading r = {.plan = {.by_unit = true}};
    struct accounts *accounts = question_accounts(q, e);
    size_t column;

    if (!accounts)
        return false;
    if (!all->newest) {
        struct scan_column c = {
            .kind = SCAN_CODE, .subject = SCAN_ACCOUNT, .codes = accounts_names(accounts)};
        all->newest = arena_array(q->arena, (size_t)persons + 1, sizeof *all->newest);
        for (uint32_t i = 0; i < persons; i++)
            all->newest[i] = ACCOUNT_NONE;
        for (unsigned i = 0; i < threads; i++)
            contexts[i] = all->newest;
        if (!reading_column(q, &r, c, &column, e) ||
            !everything_read(q, &r, newest_sink, contexts, e))
            return false;
    }
    *out = all->newest;
    return true;
}

/* ---- accounts ---- */

/* Rows come in any order, an account's on all threads. */
static bool accounts_sink(void *context, const struct scan_batch *b)
{
    struct presence *p = context;

    for (size_t i = 0; i < b->count; i++) {
        uint32_t account = b->codes[0][i];
        if (account == SCAN_CODE_NONE)
            continue;
        p->first[account] = MIN(p->first[account], b->time[i]);
        p->last[account] = MAX(p->last[account], b->time[i]);
    }
    return true;
}

bool presence_of_accounts(struct question *q, const struct presence **out, struct err *e)
{
    struct presences *all = presences_of(q);
    unsigned threads = q->persons->does->threads(q->persons);
    void **contexts = arena_array(q->arena, threads, sizeof *contexts);
    struct presence *each = arena_array(q->arena, threads, sizeof *each);
    struct reading r = {.plan = {.want_time = true}};
    struct accounts *accounts = question_accounts(q, e);
    size_t column;

    if (!accounts)
        return false;
    *out = &all->accounts;
    if (all->accounts.first)
        return true;
    uint32_t count = intern_count(accounts_names(accounts));
    struct scan_column c = {
        .kind = SCAN_CODE, .subject = SCAN_ACCOUNT, .codes = accounts_names(accounts)};
    for (unsigned i = 0; i < threads; i++) {
        presence_make(q, count, &each[i]);
        contexts[i] = &each[i];
    }
    if (!reading_column(q, &r, c, &column, e) ||
        !everything_read(q, &r, accounts_sink, contexts, e))
        return false;
    presence_make(q, count, &all->accounts);
    for (unsigned i = 0; i < threads; i++)
        for (uint32_t k = 0; k < count; k++) {
            all->accounts.first[k] = MIN(all->accounts.first[k], each[i].first[k]);
            all->accounts.last[k] = MAX(all->accounts.last[k], each[i].last[k]);
        }
    return true;
}

/* An account above others is seen when any of them is. */
static bool presence_of_level(struct question *q, struct account_level level,
                              const struct presence **out, struct err *e)
{
    const struct presence *own;

    if (!presence_of_accounts(q, &own, e))
        return false;
    const uint32_t *units = accounts_units(q->accounts, level);
    uint32_t count = intern_count(accounts_names(q->accounts));
    struct presence *p = arena_alloc(q->arena, sizeof *p);
    presence_make(q, count, p);
    for (uint32_t i = 0; i < count; i++)
        if (units[i] != ACCOUNT_NONE) {
            p->first[units[i]] = MIN(p->first[units[i]], own->first[i]);
            p->last[units[i]] = MAX(p->last[units[i]], own->last[i]);
        }
    *out = p;
    return true;
}

/* ---- values ---- */

bool unit_value_open(struct question *q, struct str property, bool of_account,
                     struct account_level level, struct unit_value *out, struct err *e)
{
    static const char *const built_in[] = {
        [UNIT_ID] = "id",
        [UNIT_BUCKET] = "bucket",
        [UNIT_CREATED] = "created",
        [UNIT_FIRST_SEEN] = "first_seen",
        [UNIT_LAST_SEEN] = "last_seen",
    };

    *out = (struct unit_value){
        .of_account = of_account, .property = property, .salt = q->context->salt};
    for (unsigned i = UNIT_ID; i < COUNT(built_in); i++)
        if (str_equal(property, str_of(built_in[i])))
            out->kind = i;
    if (of_account) {
        struct accounts *accounts = question_accounts(q, e);
        if (!accounts)
            return false;
        out->source = accounts_source(accounts, level);
    } else {
        out->source = q->persons;
    }
    out->units = out->source->does->units(out->source);
    if (out->kind < UNIT_FIRST_SEEN)
        return true;
    return of_account ? presence_of_level(q, level, &out->presence, e)
                      : presence_of_persons(q, &out->presence, e);
}

bool unit_value_is_time(const struct unit_value *v)
{
    return v->kind >= UNIT_CREATED;
}

struct value unit_value_of(const struct unit_value *v, uint32_t unit)
{
    const struct source_vtable *does = v->source->does;
    int64_t at = FACT_CREATED_NONE;

    if (v->kind == UNIT_TRAIT)
        return does->trait(v->source, unit, v->property);
    if (v->kind == UNIT_ID)
        return (struct value){VALUE_TEXT, .text = does->unit_id(v->source, unit)};
    if (v->kind == UNIT_BUCKET)
        return (struct value){
            VALUE_INT,
            .integer = (int64_t)(hash64(does->unit_id(v->source, unit), v->salt) % BUCKETS)};
    if (v->kind == UNIT_CREATED)
        at = does->created(v->source, unit);
    else if (v->presence->first[unit] <= v->presence->last[unit])
        at = v->kind == UNIT_FIRST_SEEN ? v->presence->first[unit] : v->presence->last[unit];
    if (at == (int64_t)FACT_CREATED_NONE)
        return (struct value){.type = VALUE_MISSING};
    return (struct value){VALUE_INT, .integer = at};
}
