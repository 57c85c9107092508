/*
 * store/scan: the only way to read events: one pass over a snapshot, all threads of a pool.
 *
 * A plan names up to 32 selectors (an event name or any, a time range, a condition) and what is
 * wanted of each event that matches at least one. The scan compiles conditions over each segment's
 * dictionaries, finds matching rows, and hands the sink batches of arrays.
 *
 * by_unit: a batch holds whole units (persons, after merges), each unit's events in time order
 * (then client sequence), each unit in one batch and on one thread.
 * in_parts: by_unit for kernels that keep a little state for each unit: the units of one range come
 * in several batches, part after part of the time, so that most events need not be laid side by
 * side first. Neither: rows in any order. The sink's context is per thread: it gets
 * contexts[thread]. Memory: about 2 MiB a thread, beside what a single unit's matching events need.
 * Errors: ERR_CORRUPT names a damaged segment; ERR_BUSY on cancel or deadline.
 */
#pragma once
#include "base/intern.h"
#include "os/thread.h"
#include "store/store.h"

enum { SCAN_SELECTORS_MAX = 32, SCAN_COLUMNS_MAX = 9 };

/* What a condition or a column looks at. */
enum scan_subject {
    SCAN_PROPERTY, /* of the event, by name */
    SCAN_NAME,     /* the event's name, as text */
    SCAN_ID,       /* the event's own id, as text */
    SCAN_TIME,     /* UTC ms, as integer */
    SCAN_ACCOUNT,  /* text */
    SCAN_SESSION,  /* text */
    SCAN_UNIT,     /* the person's unit number: test_unit is called instead of test */
    SCAN_COMPUTED, /* made of properties of the event, as `computed` says */
    SCAN_SESSION_FACT, /* query/session_scan.h takes it out: never in a plan that comes here */
};

/* A value made of an event's properties: pure, and called from any thread. `values` are those of
 * the inputs (VALUE_MISSING where there is none). A text of the result lies in `room`, in an input
 * or in the context. One input costs no more than the property itself where that has a dictionary.
 */
enum { SCAN_INPUTS_MAX = 16 };
struct buf;
struct scan_computed {
    const struct str *inputs; /* different names */
    size_t input_count;       /* at least 1 */
    struct value (*compute)(const void *context, const struct value *values, struct buf *room);
    const void *context;
};

/* A tree over one event. `test` must be pure: it is called from any thread, once for each distinct
 * value where there is a dictionary, with VALUE_MISSING for an event that lacks the property. */
struct scan_condition {
    enum { SCAN_ALL, SCAN_ANY, SCAN_NOT, SCAN_TEST } kind;
    const struct scan_condition *const *children; /* SCAN_NOT has one */
    size_t child_count;
    enum scan_subject subject; /* of SCAN_TEST, as the rest */
    struct str property;
    bool (*test)(const void *context, struct value v);
    bool (*test_unit)(const void *context, uint32_t unit);
    const void *context;
    const struct scan_computed *computed; /* of SCAN_COMPUTED */
};

struct scan_selector {
    struct str event;                    /* .at == NULL: any event */
    int64_t from, to;                    /* [from, to) in UTC ms */
    const struct scan_condition *filter; /* NULL = none */
};

/* A code column gives each event's text value as a code of `codes` (added to as needed, before the
 * first batch; missing and empty = SCAN_CODE_NONE); a number column gives it as double, missing =
 * NaN. */
enum { SCAN_CODE_NONE = UINT32_MAX };
struct scan_column {
    enum { SCAN_CODE, SCAN_NUMBER } kind;
    enum scan_subject subject;
    struct str property;
    struct intern *codes;                 /* of SCAN_CODE; may be shared by columns */
    const struct scan_computed *computed; /* of SCAN_COMPUTED */
    /* SCAN_CODE of SCAN_UNIT: code + 1 by person, 0 = none. Not for scan_run: query/accounts.h */
    const uint32_t *unit_codes;
};

/* Interval numbers of events before the first and from the last edge on. */
enum { SCAN_BEFORE = 0xFFFE, SCAN_AFTER = 0xFFFF };

struct scan_plan {
    const struct scan_selector *selectors;
    size_t selector_count;
    const struct scan_column *columns;
    size_t column_count;
    bool by_unit;
    bool in_parts; /* with by_unit */
    bool want_time;
    const int64_t *edges; /* ascending; wanted intervals are [edges[i], edges[i+1]); NULL = none */
    size_t edge_count;    /* at most 65,000 */
    struct os *os;        /* for the deadline; NULL = none */
    uint64_t deadline_ns; /* os_monotonic_ns; 0 = none */
    const volatile bool *cancel; /* NULL = none */
    bool is_plain;               /* tests: without the machine's own vector instructions */
};

struct scan_batch {
    unsigned thread;
    size_t unit_count;       /* 0 unless by_unit */
    const uint32_t *units;   /* unit numbers, ascending within a batch */
    const uint32_t *persons; /* whose they are, where a unit is no person; NULL: they are persons */
    const uint32_t *starts; /* unit i has events starts[i] … starts[i+1]-1; in parts maybe none */
    size_t count;           /* events */
    /* in_parts: all units of the batch lie in [low, high). The range's first batch says is_first;
     * one more, with is_last and without units, ends it; no other range comes to this thread in
     * between. What a unit has in a later batch is later in time. Events are numbered through the
     * range: the arrays below hold those of its earlier batches, too, at the places they had. */
    uint32_t low, high;
    bool is_first, is_last;
    uint32_t always; /* selectors that all events of the batch are known to match; 0 says nothing */
    const uint32_t *mask; /* bit s: matches selector s. NULL = all match selector 0, the only one */
    const int64_t *time;  /* if want_time */
    const uint16_t *interval; /* if edges */
    const uint32_t *codes[SCAN_COLUMNS_MAX];
    const double *numbers[SCAN_COLUMNS_MAX];
};
static inline uint32_t scan_person(const struct scan_batch *b, size_t u)
{
    return b->persons ? b->persons[u] : b->units[u];
}

/* Return false to stop early (not an error). */
typedef bool scan_sink(void *context, const struct scan_batch *batch);

struct scan_stats {
    uint64_t rows; /* in the segments looked at */
    uint64_t matched;
    uint64_t bytes_read; /* of the columns touched */
    uint32_t segments, segments_skipped;
};

MUST_USE bool scan_run(struct snapshot *v, const struct scan_plan *plan, struct pool *pool,
                       scan_sink *sink, void *const *contexts, struct scan_stats *stats,
                       struct err *e);

/* People. Unit numbers are dense: 0 … snapshot_units-1; a merged-away number never appears. */
uint32_t snapshot_units(const struct snapshot *v);
struct str snapshot_unit_id(const struct snapshot *v, uint32_t unit); /* lives as the snapshot */
/* The unit that a person id belongs to now; false if unknown. */
bool snapshot_unit_find(const struct snapshot *v, struct str id, uint32_t *unit);
/* Current value of a person's trait; VALUE_MISSING if there is none. Text lives as the snapshot. */
struct value snapshot_trait(const struct snapshot *v, uint32_t unit, struct str name);
int64_t snapshot_created(const struct snapshot *v, uint32_t unit); /* or FACT_CREATED_NONE */
int64_t snapshot_account_created(const struct snapshot *v, struct str account); /* the same */
/* Current value of an account's trait, as snapshot_trait. */
struct value snapshot_account_trait(const struct snapshot *v, struct str account, struct str name);
/*
 * Adds the names of all accounts: first those that have traits or a creation (`described` is how
 * many names there are then), then those that only events name. Names of accounts whose events are
 * all gone may be among the latter.
 */
MUST_USE bool snapshot_accounts(const struct snapshot *v, struct intern *names, uint32_t *described,
                                struct err *e);

struct event_name_info {
    struct str name;
    uint64_t count;
    int64_t first, last;
};
struct property_info {
    struct str name;
    uint32_t types; /* bit per enum value_type */
    uint64_t count; /* rows of the segments that have it: at least the events that carry it */
    const struct str *examples; /* up to 50 distinct texts */
    size_t example_count;
};
/* Event names by count, most first; properties by name. In the arena. */
void snapshot_events(const struct snapshot *v, struct arena *arena, struct event_name_info **list,
                     size_t *count);
void snapshot_properties(const struct snapshot *v, struct arena *arena, struct property_info **list,
                         size_t *count);
/* First and last event time; false if there is no event. */
bool snapshot_span(const struct snapshot *v, int64_t *first, int64_t *last);

/*
 * Reading events and facts back (store_read.c). `visit` returns false, with `e` set, to stop. An
 * event's texts live until the next call. Events of one person come in time order; all events in
 * the order in which they lie. Facts come so that applying them in order gives the same people:
 * merges, traits of accounts, traits of people (`received` only of merges). Erased people are left
 * out.
 */
struct read_options {
    int64_t from, to; /* [from, to) in UTC ms; of events */
    struct str event; /* .at == NULL: any */
    bool is_person;   /* only this one, with all ids merged into it */
    uint32_t unit;
    const volatile bool *cancel; /* NULL = none */
};
typedef bool read_event_fn(void *context, const struct event *event, struct err *e);
typedef bool read_fact_fn(void *context, const struct fact *fact, struct err *e);
MUST_USE bool snapshot_read(const struct snapshot *v, const struct read_options *options,
                            read_event_fn *visit, void *context, struct err *e);
MUST_USE bool snapshot_read_facts(const struct snapshot *v, const struct read_options *options,
                                  read_fact_fn *visit, void *context, struct err *e);
uint64_t snapshot_rows(const struct snapshot *v);
