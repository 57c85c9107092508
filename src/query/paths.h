/*
 * query/paths (private to the room): the ways people take, step by step.
 *
 * A unit's events become nodes; a pause of `gap` begins a new path; equal neighbours are one node.
 * What is kept is a cell for each (group, position, node, next node): how many, how long. Nodes are
 * texts, so each thread numbers its own, and they are put together by text at the end.
 */
#pragma once
#include "query/session.h"

struct pattern;

enum { PATH_STEPS_MAX = 20, PATH_COLUMNS_MAX = 4, REPLACES_MAX = 20 };

struct paths {
    struct question *q;
    struct matcher role;
    struct scan_column columns[PATH_COLUMNS_MAX]; /* the first that has a value names the node */
    size_t column_count, column_at[PATH_COLUMNS_MAX];
    struct intern *codes;
    bool by_name, by_page; /* nodes are event names; pages */
    struct str start, end; /* .at == NULL: none */
    size_t steps, limit;
    struct session_rules cuts; /* by the pause alone */
    bool by_people;            /* count */
    struct path_replace {
        struct pattern *pattern;
        struct str with;
    } replaces[REPLACES_MAX];
    size_t replace_count;
};

/* The node's text of a value: replaced, without host and query if a page, without trailing slash;
 * empty if it is no node. */
void path_node(const struct paths *t, struct str value, bool replaces, struct buf *out);

/* Where a number stands: an edge, a node that is reached, one where paths end, or all paths. */
enum { NODE_BITS = 29, NODE_MAX = (1 << NODE_BITS) - 4, PATH_REACHED, PATH_ENDED };
struct path_place {
    uint32_t position, from,
        to; /* position 0: all paths of the group; `to` may be one of the two */
};

struct path_cells {
    struct key_map places; /* position, from, to */
    /* Where few nodes are possible: place + 1 by position, from, to; saves the look into the map.
     */
    uint32_t *dense;
    uint32_t dense_nodes;
    struct key_map map; /* slot << 32 | place; unused without groups */
    struct path_cell {
        uint64_t people, paths, milliseconds;
        uint32_t last_unit; /* + 1 */
    } * cells;
    size_t room;
};

struct paths_pass {
    struct paths *t;
    const struct groups *chosen; /* NULL: learn */
    struct key_map keys;
    size_t slots;
    struct intern *nodes;
    struct path_cells cells;
    bool picks;
    size_t pick_slot;
    uint32_t pick_position; /* 0: all paths */
    struct str pick_from, pick_to;
    uint32_t pick_special; /* PATH_REACHED, PATH_ENDED, or 0: the edge to pick_to */
    struct people people;
};

MUST_USE bool paths_pass_run(struct paths_pass *p, struct err *e);
void paths_pass_free(struct paths_pass *p);
struct path_place path_place_of(uint64_t key);
uint64_t path_key(struct path_place place);
