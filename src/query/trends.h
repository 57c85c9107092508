/*
 * query/trends (private to the room): what a trends question is, and the cells its kernels fill.
 *
 * A cell is one (group, interval); the place after the last interval holds the whole range. Every
 * thread has its own cells; they are added up at the end.
 */
#pragma once
#include "query/formula.h"
#include "query/session_scan.h"

enum math_kind {
    KIND_EVENTS,
    KIND_PEOPLE,
    KIND_ACTIVE, /* people within a look-back */
    KIND_FIRST,
    KIND_PER_PERSON,
    KIND_NUMBER, /* sum, avg, min, max */
    KIND_QUANTILE,
    KIND_DISTINCT, /* values of a property, accounts, sessions */
};

struct math {
    const char *name;
    enum math_kind kind;
    bool needs_property, by_unit, can_cumulate, by_session;
    int look_back; /* days, of KIND_ACTIVE */
    double quantile;
    char figure;               /* of KIND_NUMBER: s a < > */
    enum scan_subject subject; /* of KIND_DISTINCT */
};

struct series {
    const struct math *math;
    enum math_kind kind; /* the math's, but people where a look-back is no longer than a bucket */
    struct matcher role;
    struct str name, own_name, property;
    uint32_t bits, range_bits; /* selectors; range_bits: [from, to) only, of KIND_FIRST */
    size_t column;
    struct intern *codes;            /* of KIND_DISTINCT */
    const uint32_t *units;           /* math accounts: by code, the unit of the question's level */
    bool by_session;                 /* its units are sessions */
    const struct session_fact *fact; /* its numbers are the sessions'; NULL: the events' */
};

/* The sums of one series. Arrays have slots * stride places; those not needed stay NULL. */
struct cells {
    size_t slots, stride;
    uint64_t *counts, *people;
    uint32_t *stamps;               /* unit + 1 that was last counted */
    double *sum, *rest, *min, *max; /* sum + rest: exact to 106 bits, so order does not matter */
    struct key_map distinct;        /* place << 32 | code */
    struct trend_value {
        uint32_t place;
        double value;
    } * values;
    size_t value_count, value_room;
};

struct trends {
    struct question *q;
    struct series series[LIMIT_QUERY_SERIES];
    size_t series_count;
    struct formula formula; /* count 0 = none */
    bool inputs, cumulative;
    int64_t rolling; /* 0 = none */
    bool by_unit;
};

/* One reading of a range: groups by slot, cells by series. */
struct trend_pass {
    struct trends *t;
    struct edges edges;
    int64_t from, to;
    const struct groups *chosen; /* NULL: learn */
    struct key_map keys;         /* learned, all threads */
    size_t slots;
    struct cells cells[LIMIT_QUERY_SERIES];
    bool is_too_large; /* too many groups to keep each one's intervals */
    /* people_of: units of one cell of one series */
    bool picks;
    size_t pick_series, pick_interval, pick_slot; /* interval == edges.count: the whole range */
    struct people people;
    struct key_map picked; /* those of them that are accounts of a series of accounts */
};

enum { CELLS_MAX = 4 << 20, VALUES_MAX = 32 << 20 };

MUST_USE bool trend_pass_run(struct trend_pass *p, struct err *e);
void trend_pass_free(struct trend_pass *p);
/* NaN = nothing to show. */
double trend_value(const struct trend_pass *p, size_t series, size_t slot, size_t interval);
/* How large a group is, for choosing. */
uint64_t trend_size(const struct trend_pass *p, size_t slot);
/* Sorts values that come in order of place, so that quantiles can be taken. */
void trend_values_sort(struct trend_pass *p);
double quantile_of(const double *sorted, size_t count, double quantile);

/* ---- cells.c ---- */
void cells_init(struct cells *c, const struct series *s, size_t stride);
void cells_grow(struct cells *c, const struct series *s, size_t slots);
void cells_free(struct cells *c);
void cells_add(struct cells *into, const struct cells *from, const struct series *s,
               const uint32_t *slot_map);
void cells_number(struct cells *c, size_t place, double v);
