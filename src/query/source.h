/*
 * query/source: the seam between questions and events. Kernels read events, people and names only
 * through this table, so they cannot know whether the own store, a plain array (the tests' slow
 * reference) or, later, ClickHouse is behind it.
 *
 * Meanings of a scan, of unit numbers and of the lists are those of store/scan.h. Units are
 * persons; query/accounts.h makes a source whose units are accounts out of one. Ownership: whoever
 * made the source ends it; texts handed out live as long as the source. Thread: a question is asked
 * from one thread; `scan` calls the sink from up to `threads` threads.
 */
#pragma once
#include "store/scan.h"

struct source;

struct source_vtable {
    /* contexts[0 … threads-1]; as scan_run */
    bool (*scan)(struct source *, const struct scan_plan *, scan_sink *, void *const *contexts,
                 struct scan_stats *, struct err *);
    unsigned (*threads)(const struct source *);
    uint32_t (*units)(const struct source *);
    struct str (*unit_id)(const struct source *, uint32_t unit);
    bool (*unit_find)(const struct source *, struct str id, uint32_t *unit);
    struct value (*trait)(const struct source *, uint32_t unit, struct str name);
    int64_t (*created)(const struct source *, uint32_t unit);
    int64_t (*account_created)(const struct source *, struct str account);
    struct value (*account_trait)(const struct source *, struct str account, struct str name);
    void (*events)(const struct source *, struct arena *, struct event_name_info **, size_t *);
    void (*properties)(const struct source *, struct arena *, struct property_info **, size_t *);
    bool (*span)(const struct source *, int64_t *first, int64_t *last);
    /* Equal numbers: it shows the same. 0: not known. */
    uint64_t (*state)(const struct source *);
    bool (*accounts)(const struct source *, struct intern *, uint32_t *described, struct err *);
    /* tasks 0 … tasks-1 on all threads; as pool_run */
    void (*run)(struct source *, size_t tasks,
                void (*work)(void *context, size_t task, unsigned thread), void *context);
};

struct source {
    const struct source_vtable *does;
};

/* The own store. Lives in the caller's frame; snapshot and pool stay the caller's. */
struct store_source {
    struct source source;
    struct snapshot *snapshot;
    struct pool *pool;
    struct source_vtable own; /* of source_of_names */
};
struct source *source_of_snapshot(struct store_source *room, struct snapshot *snapshot,
                                  struct pool *pool);
/* The same with all names and nobody and nothing else: query_answer then checks all of a question
 * and reads no event. Its answer is what one looks like when nothing happened. */
struct source *source_of_names(struct store_source *room, struct snapshot *snapshot,
                               struct pool *pool);
