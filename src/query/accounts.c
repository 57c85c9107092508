/* query/accounts: names, what stands above them, and the source whose units they are. */
#include "query/accounts.h"

#include "query/regroup.h"

enum { UNKNOWN = UINT32_MAX - 1, BUSY = UINT32_MAX - 2 };

struct level_units {
    struct account_level level;
    uint32_t *units;
    struct level_units *next;
};

struct account_source {
    struct source source;
    struct accounts *accounts;
    const uint32_t *units;
};

struct accounts {
    struct arena *arena;
    struct source *persons;
    struct intern *names;
    uint32_t described;
    uint32_t *parents; /* by code */
    size_t bytes;
    struct level_units *levels;
};

bool account_level_same(struct account_level a, struct account_level b)
{
    return !a.name.at == !b.name.at && str_equal(a.name, b.name) && a.up == b.up;
}

/* The text of an account's trait; empty if it has none. */
static struct str trait_text(const struct accounts *a, uint32_t code, const char *name, char *room)
{
    if (code >= a->described)
        return STR_NONE;
    return value_text(
        a->persons->does->account_trait(a->persons, intern_at(a->names, code), str_of(name)), room);
}

/* An account that only a trait names is one, too. */
static void parents_find(struct accounts *a)
{
    char room[VALUE_TEXT_BYTES];

    for (uint32_t i = 0; i < a->described; i++) {
        struct str parent = trait_text(a, i, "parent", room);
        if (parent.len)
            (void)intern_put(a->names, parent);
    }
    uint32_t count = intern_count(a->names);
    a->parents = arena_array(a->arena, (size_t)count + 1, sizeof *a->parents);
    for (uint32_t i = 0; i < count; i++) {
        struct str parent = trait_text(a, i, "parent", room);
        a->parents[i] = parent.len ? intern_find(a->names, parent) : (uint32_t)ACCOUNT_NONE;
    }
}

struct accounts *accounts_open(struct arena *arena, struct source *persons, size_t bytes,
                               struct err *e)
{
    struct accounts *a = arena_alloc(arena, sizeof *a);

    *a = (struct accounts){
        .arena = arena, .persons = persons, .names = intern_create(), .bytes = bytes};
    if (!persons->does->accounts(persons, a->names, &a->described, e)) {
        accounts_close(a);
        return NULL;
    }
    parents_find(a);
    return a;
}

void accounts_close(struct accounts *a)
{
    if (a)
        intern_destroy(a->names);
}

struct intern *accounts_names(struct accounts *a)
{
    return a->names;
}

uint32_t accounts_described(const struct accounts *a)
{
    return a->described;
}

void accounts_levels(const struct accounts *a, struct intern *out)
{
    char room[VALUE_TEXT_BYTES];

    for (uint32_t i = 0; i < a->described; i++) {
        struct str level = trait_text(a, i, "level", room);
        if (level.len)
            (void)intern_put(out, level);
    }
}

/* ---- levels ---- */

/* Up from `code` to the first account whose unit is known or that is of the level; all on the way
 * get what was found. Who stands above itself finds nothing. */
static void unit_find_up(const struct accounts *a, struct str level, uint32_t code, uint32_t *units,
                         uint32_t *way)
{
    uint32_t at = code, found = ACCOUNT_NONE;
    size_t steps = 0;
    char room[VALUE_TEXT_BYTES];

    while (at != ACCOUNT_NONE && units[at] == UNKNOWN) {
        if (str_equal(trait_text(a, at, "level", room), level)) {
            units[at] = at;
            break;
        }
        units[at] = BUSY;
        way[steps++] = at;
        at = a->parents[at];
    }
    if (at != ACCOUNT_NONE && units[at] != BUSY)
        found = units[at];
    while (steps > 0)
        units[way[--steps]] = found;
}

static void units_of_name(const struct accounts *a, struct str level, uint32_t *units)
{
    uint32_t count = intern_count(a->names);
    uint32_t *way = mem_array((size_t)count + 1, sizeof *way);

    for (uint32_t i = 0; i < count; i++)
        units[i] = UNKNOWN;
    for (uint32_t i = 0; i < count; i++)
        unit_find_up(a, level, i, units, way);
    mem_free(way);
}

static void units_of_steps(const struct accounts *a, uint32_t up, uint32_t *units)
{
    for (uint32_t i = 0; i < intern_count(a->names); i++) {
        uint32_t at = i;
        for (uint32_t k = 0; k < up && at != ACCOUNT_NONE; k++)
            at = a->parents[at];
        units[i] = at;
    }
}

const uint32_t *accounts_units(struct accounts *a, struct account_level level)
{
    for (const struct level_units *l = a->levels; l; l = l->next)
        if (account_level_same(l->level, level))
            return l->units;
    struct level_units *l = arena_alloc(a->arena, sizeof *l);
    *l = (struct level_units){level, NULL, a->levels};
    l->units = arena_array(a->arena, (size_t)intern_count(a->names) + 1, sizeof *l->units);
    if (level.name.at)
        units_of_name(a, level.name, l->units);
    else
        units_of_steps(a, level.up, l->units);
    a->levels = l;
    return l->units;
}

/* ---- the source ---- */

static const struct account_source *of(const struct source *s)
{
    return (const struct account_source *)s;
}

static struct source *below(const struct source *s)
{
    return of(s)->accounts->persons;
}

static bool source_scan(struct source *s, const struct scan_plan *plan, scan_sink *sink,
                        void *const *contexts, struct scan_stats *stats, struct err *e)
{
    struct regrouping r = {.below = below(s),
                           .plan = plan,
                           .unit_of = of(s)->units,
                           .names = of(s)->accounts->names,
                           .units = intern_count(of(s)->accounts->names),
                           .bytes = of(s)->accounts->bytes};
    return regroup_run(&r, sink, contexts, stats, e);
}

static unsigned source_threads(const struct source *s)
{
    return below(s)->does->threads(below(s));
}

static uint32_t source_units(const struct source *s)
{
    return intern_count(of(s)->accounts->names);
}

static struct str source_unit_id(const struct source *s, uint32_t unit)
{
    return intern_at(of(s)->accounts->names, unit);
}

static bool source_unit_find(const struct source *s, struct str id, uint32_t *unit)
{
    *unit = intern_find(of(s)->accounts->names, id);
    return *unit != INTERN_NONE;
}

static int64_t source_account_created(const struct source *s, struct str account)
{
    return below(s)->does->account_created(below(s), account);
}

static struct value source_account_trait(const struct source *s, struct str account,
                                         struct str name)
{
    return below(s)->does->account_trait(below(s), account, name);
}

static struct value source_trait(const struct source *s, uint32_t unit, struct str name)
{
    return source_account_trait(s, source_unit_id(s, unit), name);
}

static int64_t source_created(const struct source *s, uint32_t unit)
{
    return source_account_created(s, source_unit_id(s, unit));
}

static void source_events(const struct source *s, struct arena *arena,
                          struct event_name_info **list, size_t *count)
{
    below(s)->does->events(below(s), arena, list, count);
}

static void source_properties(const struct source *s, struct arena *arena,
                              struct property_info **list, size_t *count)
{
    below(s)->does->properties(below(s), arena, list, count);
}

static bool source_span(const struct source *s, int64_t *first, int64_t *last)
{
    return below(s)->does->span(below(s), first, last);
}

static bool source_accounts(const struct source *s, struct intern *names, uint32_t *described,
                            struct err *e)
{
    return below(s)->does->accounts(below(s), names, described, e);
}

static void source_run(struct source *s, size_t tasks, void (*work)(void *, size_t, unsigned),
                       void *context)
{
    below(s)->does->run(below(s), tasks, work, context);
}

static const struct source_vtable account_vtable = {
    .scan = source_scan,
    .threads = source_threads,
    .units = source_units,
    .unit_id = source_unit_id,
    .unit_find = source_unit_find,
    .trait = source_trait,
    .created = source_created,
    .account_created = source_account_created,
    .account_trait = source_account_trait,
    .events = source_events,
    .properties = source_properties,
    .span = source_span,
    .accounts = source_accounts,
    .run = source_run,
};

struct source *accounts_source(struct accounts *a, struct account_level level)
{
    struct account_source *s = arena_alloc(a->arena, sizeof *s);

    *s = (struct account_source){{&account_vtable}, a, accounts_units(a, level)};
    return &s->source;
}
