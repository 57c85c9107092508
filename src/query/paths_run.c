/* query/paths_run: from events to paths, from paths to cells. */
#include "query/paths.h"

enum { CELLS_MAX = 2 << 20, NODE_UNKNOWN = UINT32_MAX, NODE_NONE = UINT32_MAX - 1 };

struct step {
    uint32_t node;
    int64_t time;
    size_t event; /* in the batch */
};

struct worker {
    const struct paths_pass *p;
    struct keyer keyer;
    struct intern *nodes;
    uint32_t *node_of_code; /* + NODE_UNKNOWN where not asked yet */
    size_t code_count;
    struct step *steps; /* of the path at hand */
    size_t step_count, step_room;
    struct session_cutter cutter; /* a path is a session of events that are nodes */
    uint32_t start, end, middle;  /* nodes */
    uint64_t picked;              /* key of the picked place */
    uint32_t last_picked;
    struct path_cells cells;
    struct people people;
    struct buf text;
    bool is_begun, is_too_large;
};

/* ---- places and cells ---- */

uint64_t path_key(struct path_place place)
{
    return (uint64_t)place.position << (2 * NODE_BITS) | (uint64_t)place.from << NODE_BITS |
           place.to;
}

struct path_place path_place_of(uint64_t key)
{
    const uint32_t all = ((uint32_t)1 << NODE_BITS) - 1;
    return (struct path_place){(uint32_t)(key >> (2 * NODE_BITS)),
                               (uint32_t)(key >> NODE_BITS) & all, (uint32_t)key & all};
}

enum { DENSE_NODES_MAX = 128 };

/* Nodes are known to be fewer than `nodes`. */
static void cells_dense(struct path_cells *c, size_t steps, size_t nodes)
{
    if (nodes > DENSE_NODES_MAX)
        return;
    c->dense_nodes = (uint32_t)nodes;
    c->dense = mem_array((steps + 1) * nodes * (nodes + 2), sizeof *c->dense);
}

static uint32_t place_find(struct path_cells *c, uint64_t key)
{
    struct path_place p = path_place_of(key);
    uint32_t n = c->dense_nodes, to = p.to < NODE_MAX ? p.to : n + (p.to - PATH_REACHED);

    if (!c->dense || p.from >= n || (p.to < NODE_MAX && p.to >= n))
        return key_map_put(&c->places, key);
    uint32_t *at = &c->dense[((size_t)p.position * n + p.from) * (n + 2) + to];
    if (!*at)
        *at = key_map_put(&c->places, key) + 1;
    return *at - 1;
}

static struct path_cell *cell_of(struct path_cells *c, bool has_groups, uint32_t slot, uint64_t key)
{
    uint32_t at = place_find(c, key);

    if (has_groups)
        at = key_map_put(&c->map, (uint64_t)slot << 32 | at);
    if (at >= c->room) {
        size_t room = MAX(c->room * 2, (size_t)64);
        c->cells = mem_grow(c->cells, room, sizeof *c->cells);
        memset(c->cells + c->room, 0, (room - c->room) * sizeof *c->cells);
        c->room = room;
    }
    return &c->cells[at];
}

static void cells_free(struct path_cells *c)
{
    key_map_free(&c->places);
    key_map_free(&c->map);
    mem_free(c->dense);
    mem_free(c->cells);
}

static void place_add(struct worker *w, uint32_t slot, uint32_t unit, struct path_place place,
                      int64_t milliseconds)
{
    uint64_t key = path_key(place);

    if (w->p->picks) {
        if (key == w->picked && slot == w->p->pick_slot && w->last_picked != unit + 1) {
            ARRAY_PUSH(w->people.units, w->people.count, w->people.room) = unit;
            w->last_picked = unit + 1;
        }
        return;
    }
    struct path_cell *c = cell_of(&w->cells, w->keyer.grouping != NULL, slot, key);
    c->paths++;
    c->milliseconds += (uint64_t)milliseconds;
    c->people += c->last_unit != unit + 1;
    c->last_unit = unit + 1;
}

/* ---- nodes ---- */

static uint32_t node_of(struct worker *w, uint32_t code)
{
    if (code == SCAN_CODE_NONE)
        return NODE_NONE;
    if (code >= w->code_count) {
        size_t count = MAX((size_t)code + 1, (size_t)intern_count(w->p->t->codes));
        w->node_of_code = mem_grow(w->node_of_code, count, sizeof *w->node_of_code);
        for (size_t i = w->code_count; i < count; i++)
            w->node_of_code[i] = NODE_UNKNOWN;
        w->code_count = count;
    }
    if (w->node_of_code[code] == NODE_UNKNOWN) {
        buf_clear(&w->text);
        path_node(w->p->t, intern_at(w->p->t->codes, code), true, &w->text);
        w->node_of_code[code] =
            w->text.len ? intern_put(w->nodes, buf_str(&w->text)) : (uint32_t)NODE_NONE;
    }
    return w->node_of_code[code];
}

static uint32_t event_node(struct worker *w, const struct scan_batch *b, size_t i)
{
    const struct paths *t = w->p->t;

    for (size_t c = 0; c < t->column_count; c++) {
        uint32_t node = node_of(w, b->codes[t->column_at[c]][i]);
        if (node != NODE_NONE)
            return node;
    }
    return NODE_NONE;
}

/* ---- one path ---- */

/* Cuts what is before `start` and after `end`; false if one of them is missing. */
static bool path_cut(const struct worker *w, size_t *from, size_t *to)
{
    const struct paths *t = w->p->t;

    *from = 0;
    *to = w->step_count;
    while (t->start.at && *from < *to && w->steps[*from].node != w->start)
        (*from)++;
    if (t->end.at) {
        size_t i = t->start.at ? *from + 1 : 0;
        while (i < *to && w->steps[i].node != w->end)
            i++;
        if (i >= *to)
            return false;
        *to = i + 1;
    }
    return *from < *to;
}

/* At most `steps` of them: the first; the last, where there is an end; or both ends of the path
 * with "..." for what lies between. */
static size_t path_pick(const struct worker *w, size_t from, size_t to, struct step *out)
{
    const struct paths *t = w->p->t;
    size_t length = to - from, n = MIN(length, t->steps), head = t->steps / 2;

    if (length > t->steps && t->end.at && !t->start.at)
        from = to - n;
    memcpy(out, w->steps + from, n * sizeof *out);
    if (length <= t->steps || !t->end.at || !t->start.at)
        return n;
    size_t tail = t->steps - 1 - head;
    out[head] = w->steps[to - tail - 1];
    out[head].node = w->middle;
    memcpy(out + head + 1, w->steps + to - tail, tail * sizeof *out);
    return n;
}

static void path_end(struct worker *w, const struct scan_batch *b, uint32_t unit, uint64_t unit_key)
{
    const struct paths *t = w->p->t;
    struct step nodes[PATH_STEPS_MAX];
    size_t from, to;
    uint32_t slot = 0;

    if (!w->step_count || !path_cut(w, &from, &to))
        return;
    if (w->keyer.grouping)
        slot =
            keyer_slot(&w->keyer, unit_key | keyer_event_key(&w->keyer, b, w->steps[from].event));
    if (slot == SLOT_NONE)
        return;
    size_t n = path_pick(w, from, to, nodes);
    place_add(w, slot, unit, (struct path_place){0, 0, PATH_REACHED}, 0);
    for (uint32_t i = 0; i < n; i++) {
        place_add(w, slot, unit, (struct path_place){i + 1, nodes[i].node, PATH_REACHED}, 0);
        if (i + 1 < n)
            place_add(w, slot, unit, (struct path_place){i + 1, nodes[i].node, nodes[i + 1].node},
                      nodes[i + 1].time - nodes[i].time);
    }
    if (!t->end.at && to - from <= t->steps)
        place_add(w, slot, unit, (struct path_place){(uint32_t)n, nodes[n - 1].node, PATH_ENDED},
                  0);
}

static void unit_walk(struct worker *w, const struct scan_batch *b, size_t u)
{
    uint64_t key = keyer_unit_key(&w->keyer, scan_person(b, u));
    uint32_t path = SESSION_NONE;

    session_cutter_begin(&w->cutter);
    w->step_count = 0;
    for (size_t i = b->starts[u]; i < b->starts[u + 1]; i++) {
        uint32_t node = event_node(w, b, i);
        if (node == NODE_NONE)
            continue;
        uint32_t now = session_cut(&w->cutter, b->time[i], SESSION_NONE);
        if (now != path) {
            path_end(w, b, b->units[u], key);
            w->step_count = 0;
            path = now;
        }
        struct step *last = w->step_count ? &w->steps[w->step_count - 1] : NULL;
        if (!last || last->node != node)
            last = &ARRAY_PUSH(w->steps, w->step_count, w->step_room);
        *last = (struct step){node, b->time[i], i};
    }
    path_end(w, b, b->units[u], key);
}

static bool sink(void *context, const struct scan_batch *b)
{
    struct worker *w = context;

    if (!w->is_begun) /* now all codes are known: each makes a node at most */
        cells_dense(&w->cells, w->p->t->steps,
                    (size_t)intern_count(w->p->t->codes) + intern_count(w->nodes) + 1);
    w->is_begun = true;
    for (size_t u = 0; u < b->unit_count; u++)
        unit_walk(w, b, u);
    w->is_too_large = w->cells.places.count > CELLS_MAX || w->cells.map.count > CELLS_MAX ||
                      intern_count(w->nodes) >= NODE_MAX;
    return !w->keyer.is_full && !w->is_too_large;
}

/* ---- a pass ---- */

static void worker_init(struct worker *w, const struct paths_pass *p)
{
    const struct paths *t = p->t;
    struct path_place place = {p->pick_position, 0, p->pick_special};

    w->p = p;
    w->cutter.rules = &t->cuts;
    keyer_init(&w->keyer, t->q, p->chosen);
    w->nodes = intern_create();
    w->middle = intern_put(w->nodes, STR("..."));
    if (t->start.at)
        w->start = intern_put(w->nodes, t->start);
    if (t->end.at)
        w->end = intern_put(w->nodes, t->end);
    if (p->picks && p->pick_position)
        place.from = intern_put(w->nodes, p->pick_from);
    if (p->picks && !p->pick_special)
        place.to = intern_put(w->nodes, p->pick_to);
    w->picked = path_key(place);
}

static void worker_free(struct worker *w)
{
    keyer_free(&w->keyer);
    session_cutter_free(&w->cutter);
    intern_destroy(w->nodes);
    mem_free(w->node_of_code);
    mem_free(w->steps);
    cells_free(&w->cells);
    people_free(&w->people);
    buf_free(&w->text);
}

/* The thread's cells into those of all; its nodes and slots have other numbers there. */
static void worker_join(struct paths_pass *p, const struct worker *w)
{
    bool has_groups = p->t->q->grouping != NULL;
    size_t count = has_groups ? w->cells.map.count : w->cells.places.count;
    uint32_t *nodes = mem_array((size_t)intern_count(w->nodes) + 1, sizeof *nodes);

    for (uint32_t i = 0; i < intern_count(w->nodes); i++)
        nodes[i] = intern_put(p->nodes, intern_at(w->nodes, i));
    for (size_t i = 0; i < count; i++) {
        uint64_t key = has_groups ? w->cells.map.keys[i] : i;
        struct path_place place = path_place_of(w->cells.places.keys[(uint32_t)key]);
        uint32_t slot = (uint32_t)(key >> 32);
        if (has_groups && !p->chosen)
            slot = key_map_put(&p->keys, w->keyer.map.keys[slot]);
        if (place.position)
            place.from = nodes[place.from];
        if (place.to < NODE_MAX)
            place.to = nodes[place.to];
        struct path_cell *c = cell_of(&p->cells, has_groups, slot, path_key(place));
        c->people += w->cells.cells[i].people;
        c->paths += w->cells.cells[i].paths;
        c->milliseconds += w->cells.cells[i].milliseconds;
    }
    for (size_t i = 0; i < w->people.count; i++)
        ARRAY_PUSH(p->people.units, p->people.count, p->people.room) = w->people.units[i];
    mem_free(nodes);
}

static bool reading_make(struct paths_pass *p, struct reading *r, struct err *e)
{
    struct paths *t = p->t;
    struct question *q = t->q;
    uint32_t bits;

    if (!reading_role(q, r, &t->role, true, q->from, range_seen_to(q, q->to), &bits, e))
        return false;
    for (size_t i = 0; i < t->column_count; i++)
        if (!reading_column(q, r, t->columns[i], &t->column_at[i], e))
            return false;
    r->plan.by_unit = true;
    r->plan.want_time = true;
    return grouping_plan(q, r, e);
}

static bool worker_check(const struct paths_pass *p, const struct worker *w, struct err *e)
{
    struct question *q = p->t->q;

    if (!keyer_check(q, &w->keyer, e))
        return false;
    if (!w->is_too_large)
        return true;
    ask_fail(&q->root, e, "query.limit", "there are more than %d different steps", CELLS_MAX);
    return err_hint(e, "put similar nodes together with replace, filter, or take fewer steps");
}

bool paths_pass_run(struct paths_pass *p, struct err *e)
{
    struct question *q = p->t->q;
    unsigned threads = q->source->does->threads(q->source);
    struct reading reading = {0};
    void **contexts = arena_array(q->arena, threads, sizeof *contexts);

    if (!reading_make(p, &reading, e))
        return false;
    struct worker *workers = mem_array(threads, sizeof *workers);
    for (unsigned i = 0; i < threads; i++) {
        worker_init(&workers[i], p);
        contexts[i] = &workers[i];
    }
    bool ok = reading_run(q, &reading, sink, contexts, e);
    p->nodes = intern_create();
    for (unsigned i = 0; i < threads; i++)
        ok = ok && worker_check(p, &workers[i], e);
    for (unsigned i = 0; i < threads; i++) {
        if (ok)
            worker_join(p, &workers[i]);
        worker_free(&workers[i]);
    }
    mem_free(workers);
    p->slots =
        p->chosen ? p->chosen->count + p->chosen->has_other : (q->grouping ? p->keys.count : 1);
    return ok;
}

void paths_pass_free(struct paths_pass *p)
{
    key_map_free(&p->keys);
    intern_destroy(p->nodes);
    cells_free(&p->cells);
    people_free(&p->people);
}
