/*
 * query/session_plan (private to session_scan): what a reading asks of sessions, taken apart into
 * what the scan can find (selectors, columns) and what is asked of each session.
 */
#pragma once
#include <pthread.h>

#include "query/session_scan.h"

enum { SESSION_LEAVES_MAX = 64 };

/* The part of a condition that looks at sessions; what in it does not is a bit of the mask. */
struct session_node {
    enum { NODE_ALL, NODE_ANY, NODE_NOT, NODE_FACT, NODE_BIT } kind;
    uint32_t at; /* of the leaf, or of the selector */
    const struct session_node **children;
    size_t child_count;
};

struct session_leaf {
    const struct scan_condition *condition;
    const struct session_fact *fact;
};

/* A column as the kernel asked for it. */
struct session_column {
    const struct session_fact *fact; /* NULL: of the event, column `at` of the scan */
    size_t at;
    bool is_number;
    struct intern *codes;
};

struct session_plan {
    struct question *q;
    const struct reading *outer;
    struct reading inner;
    uint32_t selectors, plain; /* the kernel's selectors as bits; those without conditions left */
    struct session_late {
        uint32_t bit;
        const struct session_node *tree;
    } late[SCAN_SELECTORS_MAX];
    size_t late_count;
    struct session_leaf leaves[SESSION_LEAVES_MAX];
    size_t leaf_count;
    struct session_column columns[SCAN_COLUMNS_MAX];
    bool has_ids, has_pages, has_names, has_position, has_facts;
    size_t id_column, name_column, page_columns[4], page_column_count;
    struct intern *ids, *pages, *names;
    int64_t from, to;
    pthread_mutex_t lock; /* of the kernel's codes, which sessions add to */
};

MUST_USE bool session_plan_make(struct question *q, const struct reading *outer,
                                struct session_plan *p, struct err *e);
void session_plan_free(struct session_plan *p);
