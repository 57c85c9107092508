/* query/source: the own store behind the seam. */
#include "query/source.h"

static struct snapshot *view(const struct source *s)
{
    return ((const struct store_source *)s)->snapshot;
}

static bool store_scan(struct source *s, const struct scan_plan *plan, scan_sink *sink,
                       void *const *contexts, struct scan_stats *stats, struct err *e)
{
    return scan_run(view(s), plan, ((struct store_source *)s)->pool, sink, contexts, stats, e);
}

static unsigned store_threads(const struct source *s)
{
    return pool_threads(((const struct store_source *)s)->pool);
}

static uint32_t store_units(const struct source *s)
{
    return snapshot_units(view(s));
}

static struct str store_unit_id(const struct source *s, uint32_t unit)
{
    return snapshot_unit_id(view(s), unit);
}

static bool store_unit_find(const struct source *s, struct str id, uint32_t *unit)
{
    return snapshot_unit_find(view(s), id, unit);
}

static struct value store_trait(const struct source *s, uint32_t unit, struct str name)
{
    return snapshot_trait(view(s), unit, name);
}

static int64_t store_created(const struct source *s, uint32_t unit)
{
    return snapshot_created(view(s), unit);
}

static int64_t store_account_created(const struct source *s, struct str account)
{
    return snapshot_account_created(view(s), account);
}

static struct value store_account_trait(const struct source *s, struct str account, struct str name)
{
    return snapshot_account_trait(view(s), account, name);
}

static void store_events(const struct source *s, struct arena *arena, struct event_name_info **list,
                         size_t *count)
{
    snapshot_events(view(s), arena, list, count);
}

static void store_properties(const struct source *s, struct arena *arena,
                             struct property_info **list, size_t *count)
{
    snapshot_properties(view(s), arena, list, count);
}

static bool store_span(const struct source *s, int64_t *first, int64_t *last)
{
    return snapshot_span(view(s), first, last);
}

static uint64_t store_state_of(const struct source *s)
{
    return snapshot_state(view(s));
}

static bool store_accounts(const struct source *s, struct intern *names, uint32_t *described,
                           struct err *e)
{
    return snapshot_accounts(view(s), names, described, e);
}

static void store_run(struct source *s, size_t tasks, void (*work)(void *, size_t, unsigned),
                      void *context)
{
    pool_run(((struct store_source *)s)->pool, tasks, work, context);
}

static const struct source_vtable store_vtable = {
    .scan = store_scan,
    .threads = store_threads,
    .units = store_units,
    .unit_id = store_unit_id,
    .unit_find = store_unit_find,
    .trait = store_trait,
    .created = store_created,
    .account_created = store_account_created,
    .account_trait = store_account_trait,
    .events = store_events,
    .properties = store_properties,
    .span = store_span,
    .state = store_state_of,
    .accounts = store_accounts,
    .run = store_run,
};

struct source *source_of_snapshot(struct store_source *room, struct snapshot *snapshot,
                                  struct pool *pool)
{
    *room = (struct store_source){{&store_vtable}, snapshot, pool, {0}};
    return &room->source;
}

/* ---- names only ---- */

static bool no_scan(struct source *s, const struct scan_plan *plan, scan_sink *sink,
                    void *const *contexts, struct scan_stats *stats, struct err *e)
{
    (void)s;
    (void)plan;
    (void)sink;
    (void)contexts;
    (void)e;
    *stats = (struct scan_stats){0};
    return true;
}

static uint32_t no_units(const struct source *s)
{
    (void)s;
    return 0;
}

static bool no_unit_find(const struct source *s, struct str id, uint32_t *unit)
{
    (void)s;
    (void)id;
    (void)unit;
    return false;
}

/* What is found of nobody must not be taken for what was found of everybody. */
static uint64_t no_state(const struct source *s)
{
    (void)s;
    return 0;
}

struct source *source_of_names(struct store_source *room, struct snapshot *snapshot,
                               struct pool *pool)
{
    struct source *source = source_of_snapshot(room, snapshot, pool);

    room->own = store_vtable;
    room->own.scan = no_scan;
    room->own.units = no_units;
    room->own.unit_find = no_unit_find;
    room->own.state = no_state;
    room->source.does = &room->own;
    return source;
}
