/* query/paths: reading a paths question and writing its answer. */
#include "query/paths.h"

#include <stdlib.h>

#include "query/operator.h"
#include "query/page.h"

/* ---- nodes ---- */

void path_node(const struct paths *t, struct str value, bool replaces, struct buf *out)
{
    if (!value.len || (t->by_name && value.at[0] == '$'))
        return;
    if (t->by_page)
        value = page_of(value);
    if (value.len > 1 && value.at[value.len - 1] == '/')
        value.len--;
    buf_add(out, value);
    for (size_t i = 0; replaces && i < t->replace_count; i++) {
        BUF_AUTO now = {0};
        pattern_replace(t->replaces[i].pattern, buf_str(out), t->replaces[i].with, &now);
        buf_clear(out);
        buf_add(out, buf_str(&now));
    }
}

/* ---- reading ---- */

static void any_event(struct paths *t)
{
    t->role.count = 1;
    t->role.options = arena_array(t->q->arena, 1, sizeof *t->role.options);
}

/* The events of a kind, whatever sent them, and the properties that may name their node. */
static void kind_read(struct paths *t, const char *const *events, const char *const *properties)
{
    t->role.options = arena_array(t->q->arena, 4, sizeof *t->role.options);
    for (; events[t->role.count]; t->role.count++)
        t->role.options[t->role.count].event = str_of(events[t->role.count]);
    for (; properties[t->column_count]; t->column_count++)
        t->columns[t->column_count] = (struct scan_column){
            SCAN_CODE, SCAN_PROPERTY, str_of(properties[t->column_count]), t->codes};
}

static bool property_nodes_read(struct paths *t, const struct ask *nodes, struct err *e)
{
    static const char *const known[] = {"property"};
    struct question *q = t->q;
    const struct ask *property = question_keep(q, ask_member(nodes, "property"));
    struct str name;

    if (!ask_members(nodes, known, COUNT(known), e))
        return false;
    if (!ask_is_there(property))
        return ask_missing(nodes, "property", "name the property whose values are the nodes", e);
    if (!ask_text(property, &name, e))
        return false;
    question_asks_property(q, name, property);
    any_event(t);
    t->columns[t->column_count++] = (struct scan_column){SCAN_CODE, SCAN_PROPERTY, name, t->codes};
    BUF_AUTO rule = {0};
    json_print(nodes->json, &rule);
    question_rule_raw(q, "nodes", buf_str(&rule));
    return true;
}

static bool nodes_read(struct paths *t, struct err *e)
{
    static const char *const kinds[] = {"event", "page", "screen"};
    static const char *const screens[] = {"Screen Viewed", "$screen", "screen_view", NULL};
    static const char *const screen_properties[] = {"name", "$screen_name", NULL};
    struct question *q = t->q;
    const struct ask *nodes = question_keep(q, ask_member(&q->root, "nodes"));
    unsigned kind = 0;

    if (json_type(nodes->json) == JSON_OBJECT)
        return property_nodes_read(t, nodes, e);
    if (ask_is_there(nodes) && !ask_choice(nodes, kinds, COUNT(kinds), &kind, e))
        return err_hint(e, "event, page, screen, or {\"property\":\"…\"}");
    question_rule(q, "nodes", str_of(kinds[kind]));
    t->by_name = kind == 0;
    t->by_page = kind == 1;
    if (kind)
        kind_read(t, kind == 1 ? page_events : screens,
                  kind == 1 ? page_properties : screen_properties);
    if (kind)
        return true;
    any_event(t);
    t->columns[t->column_count++] = (struct scan_column){SCAN_CODE, SCAN_NAME, STR_NONE, t->codes};
    return true;
}

static bool point_read(struct paths *t, const char *member, struct str *out, struct err *e)
{
    struct ask a = ask_member(&t->q->root, member);
    BUF_AUTO node = {0};
    struct str text;

    *out = STR_NONE;
    if (!ask_is_there(&a))
        return true;
    if (!ask_text(&a, &text, e))
        return false;
    if (!text.len)
        return ask_fail(&a, e, "query.unknown_value", "%s names a node; it is empty", member);
    path_node(t, text, false, &node);
    *out = arena_copy(t->q->arena, node.len ? buf_str(&node) : text);
    question_rule(t->q, member, *out);
    return true;
}

static bool replaces_read(struct paths *t, struct err *e)
{
    struct question *q = t->q;
    const struct ask *list = question_keep(q, ask_member(&q->root, "replace"));

    if (!ask_is_there(list))
        return true;
    if (!ask_list(list, 1, REPLACES_MAX, &t->replace_count, e))
        return false;
    struct json_each it = json_each(list->json);
    for (size_t i = 0; json_next(&it); i++) {
        const struct ask *pair = question_keep(q, ask_item(list, it.value, i));
        size_t count;
        if (!ask_list(pair, 2, 2, &count, e))
            return err_hint(e, "each is a pair: [\"pattern\",\"text\"]");
        struct json_each part = json_each(pair->json);
        (void)json_next(&part);
        const struct ask *pattern = question_keep(q, ask_item(pair, part.value, 0));
        (void)json_next(&part);
        struct ask with = ask_item(pair, part.value, 1);
        if (!pattern_read(q, pattern, &t->replaces[i].pattern, e) ||
            !ask_text(&with, &t->replaces[i].with, e))
            return false;
    }
    BUF_AUTO rule = {0};
    json_print(list->json, &rule);
    question_rule_raw(q, "replace", buf_str(&rule));
    return true;
}

static bool numbers_read(struct paths *t, struct err *e)
{
    static const char *const counts[] = {"people", "traversals"};
    struct question *q = t->q;
    struct ask steps = ask_member(&q->root, "steps"), gap = ask_member(&q->root, "session_gap"),
               count = ask_member(&q->root, "count"), limit = ask_member(&q->root, "limit");
    int64_t step_count = 5, edge_limit = 50;
    struct duration pause = {30, UNIT_M};
    struct str pause_text = STR("30m");
    unsigned choice = 0;
    bool has_both = t->start.at && t->end.at;

    if (ask_is_there(&steps) && !ask_int(&steps, has_both ? 3 : 2, PATH_STEPS_MAX, &step_count, e))
        return err_hint(e, "2 to %d nodes; with start and end at least 3", PATH_STEPS_MAX);
    if (ask_is_there(&gap) &&
        (!duration_read(&gap, false, &pause, e) || !ask_text(&gap, &pause_text, e)))
        return false;
    if (ask_is_there(&count) && !ask_choice(&count, counts, COUNT(counts), &choice, e))
        return false;
    if (ask_is_there(&limit) && !ask_int(&limit, 1, 1000, &edge_limit, e))
        return false;
    t->steps = (size_t)step_count;
    t->cuts = (struct session_rules){
        .gap = duration_ms(pause), .longest = INT64_MAX, .ids = SESSION_IDS_IGNORE};
    t->by_people = choice == 0;
    t->limit = (size_t)edge_limit;
    q->limit = LIMIT_DEFAULT; /* of groups; the member is the edges' */
    question_rule_int(q, "steps", step_count);
    question_rule(q, "session_gap", pause_text);
    question_rule(q, "count", str_of(counts[choice]));
    question_rule_int(q, "limit", edge_limit);
    return true;
}

static bool paths_read(struct paths *t, struct err *e)
{
    t->codes = intern_create();
    return nodes_read(t, e) && replaces_read(t, e) && point_read(t, "start", &t->start, e) &&
           point_read(t, "end", &t->end, e) && numbers_read(t, e) && question_check_names(t->q, e);
}

/* ---- answering ---- */

struct shown {
    struct path_place place;
    const struct path_cell *cell;
    uint64_t number;
    struct str from, to;
};

static int by_number(const void *a, const void *b)
{
    const struct shown *x = a, *y = b;

    if (x->number != y->number)
        return x->number < y->number ? 1 : -1;
    if (x->place.position != y->place.position)
        return x->place.position < y->place.position ? -1 : 1;
    int order = str_compare(x->from, y->from);
    return order ? order : str_compare(x->to, y->to);
}

static bool is_kind(uint32_t to, uint32_t kind)
{
    return kind ? to == kind : to < NODE_MAX;
}

/* Cells of a group: edges (kind 0), nodes reached, or nodes where paths end; largest first. */
static struct shown *places_list(const struct paths_pass *p, uint32_t slot, uint32_t kind,
                                 size_t *count)
{
    const struct path_cells *c = &p->cells;
    bool has_groups = p->t->q->grouping != NULL;
    size_t all = has_groups ? c->map.count : c->places.count;
    struct shown *list = mem_array(all + 1, sizeof *list);

    *count = 0;
    for (size_t i = 0; i < all; i++) {
        uint64_t key = has_groups ? c->map.keys[i] : i;
        struct path_place place = path_place_of(c->places.keys[(uint32_t)key]);
        if (key >> 32 != slot || !place.position || !is_kind(place.to, kind))
            continue;
        const struct path_cell *cell = &c->cells[i];
        list[(*count)++] = (struct shown){place, cell, p->t->by_people ? cell->people : cell->paths,
                                          intern_at(p->nodes, place.from),
                                          kind ? STR("") : intern_at(p->nodes, place.to)};
    }
    qsort(list, *count, sizeof *list, by_number);
    return list;
}

static void node_write(struct question *q, struct jwrite *w, const char *key, uint32_t position,
                       struct str node)
{
    jwrite_pair_string(w, key, arena_printf(q->arena, "%u:%.*s", position, STR_ARG(node)));
}

/* All paths of the group, or the people of them. */
static uint64_t group_total(const struct paths_pass *p, uint32_t slot)
{
    const struct path_cells *c = &p->cells;
    bool has_groups = p->t->q->grouping != NULL;
    size_t all = has_groups ? c->map.count : c->places.count;

    for (size_t i = 0; i < all; i++) {
        uint64_t key = has_groups ? c->map.keys[i] : i;
        if (key >> 32 == slot && !path_place_of(c->places.keys[(uint32_t)key]).position)
            return p->t->by_people ? c->cells[i].people : c->cells[i].paths;
    }
    return 0;
}

static uint64_t node_key(uint32_t position, uint32_t node)
{
    return (uint64_t)position << 32 | node;
}

/* The ends of the edges that are shown come to `ends`. */
static void edges_write(const struct paths_pass *p, uint32_t slot, struct key_map *ends,
                        struct jwrite *w)
{
    struct question *q = p->t->q;
    size_t count;
    struct shown *list = places_list(p, slot, 0, &count);

    jwrite_key(w, STR("edges"));
    jwrite_array(w);
    for (size_t i = 0; i < MIN(count, p->t->limit); i++) {
        const struct path_cell *c = list[i].cell;
        struct path_place place = list[i].place;
        jwrite_object(w);
        node_write(q, w, "from", place.position, list[i].from);
        node_write(q, w, "to", place.position + 1, list[i].to);
        jwrite_pair_int(w, "count", (int64_t)list[i].number);
        jwrite_pair_double(w, "average_seconds", (double)c->milliseconds / 1000 / (double)c->paths);
        jwrite_end(w);
        key_map_put(ends, node_key(place.position, place.from));
        key_map_put(ends, node_key(place.position + 1, place.to));
    }
    jwrite_end(w);
    jwrite_pair_int(w, "more", (int64_t)(count - MIN(count, p->t->limit)));
    mem_free(list);
}

/* The largest `limit` nodes, and those at the ends of an edge that is shown. */
static void nodes_write(const struct paths_pass *p, uint32_t slot, const char *key, uint32_t kind,
                        struct key_map *ends, struct jwrite *w)
{
    size_t count, of_edges = ends->count;
    struct shown *list = places_list(p, slot, kind, &count);

    jwrite_key(w, str_of(key));
    jwrite_array(w);
    for (size_t i = 0; i < count; i++) {
        struct path_place place = list[i].place;
        if (i >= p->t->limit && key_map_put(ends, node_key(place.position, place.from)) >= of_edges)
            continue;
        jwrite_object(w);
        node_write(p->t->q, w, "node", place.position, list[i].from);
        jwrite_pair_int(w, "count", (int64_t)list[i].number);
        jwrite_end(w);
    }
    jwrite_end(w);
    mem_free(list);
}

static void part_write(const struct paths_pass *p, uint32_t slot, struct jwrite *w)
{
    struct key_map ends = {0}, same = {0};

    jwrite_pair_int(w, "total", (int64_t)group_total(p, slot));
    edges_write(p, slot, &ends, w);
    for (size_t i = 0; i < ends.count; i++)
        key_map_put(&same, ends.keys[i]);
    nodes_write(p, slot, "nodes", PATH_REACHED, &ends, w);
    nodes_write(p, slot, "drop_off", PATH_ENDED, &same, w);
    key_map_free(&ends);
    key_map_free(&same);
}

static bool groups_run(struct paths_pass *p, struct groups *groups, uint32_t **slots, struct err *e)
{
    struct question *q = p->t->q;
    bool again;

    if (!paths_pass_run(p, e))
        return false;
    uint64_t *sizes = mem_array(p->slots + 1, sizeof *sizes);
    for (size_t i = 0; i < p->cells.map.count; i++) {
        uint64_t key = p->cells.map.keys[i];
        if (!path_place_of(p->cells.places.keys[(uint32_t)key]).position)
            sizes[key >> 32] = p->t->by_people ? p->cells.cells[i].people : p->cells.cells[i].paths;
    }
    groups_choose(q, p->keys.keys, sizes, p->slots, groups, &again);
    mem_free(sizes);
    size_t shown = groups->count + groups->has_other;
    *slots = arena_array(q->arena, shown + 1, sizeof **slots);
    for (size_t i = 0; i < shown; i++)
        (*slots)[i] = again ? (uint32_t)i : key_map_put(&p->keys, groups->keys[i]);
    if (!again)
        return true;
    struct paths_pass chosen = {.t = p->t, .chosen = groups};
    paths_pass_free(p);
    *p = chosen;
    return paths_pass_run(p, e);
}

static bool groups_write(struct paths *t, struct jwrite *w, struct err *e)
{
    struct paths_pass p = {.t = t};
    struct groups groups;
    uint32_t *slots;
    bool ok = groups_run(&p, &groups, &slots, e);

    if (ok) {
        jwrite_key(w, STR("groups"));
        jwrite_array(w);
        for (size_t i = 0; i < groups.count + groups.has_other; i++) {
            jwrite_object(w);
            jwrite_key(w, STR("value"));
            group_write(t->q, w, &groups, i);
            part_write(&p, slots[i], w);
            jwrite_end(w);
        }
        jwrite_end(w);
    }
    paths_pass_free(&p);
    return ok;
}

static bool paths_write(struct paths *t, struct buf *out, struct err *e)
{
    struct question *q = t->q;
    struct grouping *grouping = q->grouping;
    struct paths_pass p = {.t = t};

    if (grouping)
        question_rule_raw(q, "other", q->other ? STR("true") : STR("false"));
    q->grouping = NULL; /* the whole first, then by group */
    bool ok = paths_pass_run(&p, e);
    if (ok) {
        struct jwrite w = jwrite_to(out);
        answer_begin(q, &w);
        part_write(&p, 0, &w);
        jwrite_pair_bool(&w, "final", q->to <= q->as_of);
        q->grouping = grouping;
        ok = !grouping || groups_write(t, &w, e);
        if (ok)
            jwrite_end(&w);
    }
    q->grouping = grouping;
    paths_pass_free(&p);
    return ok;
}

/* ---- people ---- */

/* "2:/about" */
static bool place_read(struct question *q, const struct ask *a, int64_t *position, struct str *node,
                       struct err *e)
{
    struct str text;

    if (!ask_text(a, &text, e))
        return false;
    size_t colon = str_find(text, ':');
    *node = arena_copy(q->arena, str_sub(text, colon + 1, text.len));
    if (colon < text.len && str_to_i64(str_sub(text, 0, colon), position) && *position >= 1 &&
        *position <= PATH_STEPS_MAX)
        return true;
    ask_fail(a, e, "query.unknown_value", "\"%.*s\" is no node of an answer",
             (int)MIN(text.len, (size_t)60), text.at);
    return err_hint(e, "a position and a node as the answer names them, such as 1:/");
}

/* {"from":…,"to":…}: an edge; {"node":…}: who gets there; with "dropped":true who ends there;
 * nothing: all. */
static bool place_pick(struct paths *t, struct paths_pass *p, struct err *e)
{
    struct question *q = t->q;
    struct ask from = ask_member(&q->people_of, "from"), to = ask_member(&q->people_of, "to"),
               node = ask_member(&q->people_of, "node"),
               dropped = ask_member(&q->people_of, "dropped");
    int64_t position = 0, next = 0;
    bool is_dropped = false;

    p->pick_special = PATH_REACHED;
    if (ask_is_there(&dropped) && !ask_bool(&dropped, &is_dropped, e))
        return false;
    if (ask_is_there(&node) && (ask_is_there(&from) || ask_is_there(&to)))
        return ask_fail(&node, e, "query.unknown_value", "node stands instead of from and to");
    if (is_dropped && !ask_is_there(&node))
        return ask_missing(&q->people_of, "node", "say where the paths end", e);
    if (ask_is_there(&node)) {
        if (!place_read(q, &node, &position, &p->pick_from, e))
            return false;
        p->pick_special = is_dropped ? PATH_ENDED : PATH_REACHED;
    } else if (ask_is_there(&from) || ask_is_there(&to)) {
        if (!ask_is_there(&from) || !ask_is_there(&to))
            return ask_missing(&q->people_of, ask_is_there(&from) ? "to" : "from",
                               "an edge has two ends; for one node write node", e);
        if (!place_read(q, &from, &position, &p->pick_from, e) ||
            !place_read(q, &to, &next, &p->pick_to, e))
            return false;
        if (next != position + 1)
            return ask_fail(&to, e, "query.unknown_value", "an edge goes one position on");
        p->pick_special = 0;
    }
    p->pick_position = (uint32_t)position;
    return true;
}

static bool paths_pick(struct paths *t, struct buf *out, struct err *e)
{
    static const char *const known[] = {"from",    "to",        "node",
                                        "dropped", "breakdown", PEOPLE_MEMBERS};
    struct question *q = t->q;
    struct ask breakdown = ask_member(&q->people_of, "breakdown");
    struct grouping *grouping = q->grouping;
    struct paths_pass p = {.t = t}, picked = {.t = t, .picks = true};
    struct groups groups = {.count = 1};
    uint32_t *slots;

    if (!ask_members(&q->people_of, known, COUNT(known), e) || !place_pick(t, &picked, e))
        return false;
    if (!ask_is_there(&breakdown))
        q->grouping = NULL; /* of all groups together */
    bool ok = !q->grouping || groups_run(&p, &groups, &slots, e);
    picked.chosen = q->grouping ? &groups : NULL;
    ok = ok && groups_find(q, &groups, &picked.pick_slot, e) && paths_pass_run(&picked, e) &&
         answer_people(q, &picked.people, out, e);
    q->grouping = grouping;
    paths_pass_free(&p);
    paths_pass_free(&picked);
    return ok;
}

static bool paths_answer(struct question *q, struct buf *out, struct err *e)
{
    struct paths t = {.q = q};
    bool ok = paths_read(&t, e) &&
              (ask_is_there(&q->people_of) ? paths_pick(&t, out, e) : paths_write(&t, out, e));
    intern_destroy(t.codes);
    return ok;
}

static const char *const members[] = {QUESTION_MEMBERS, "nodes", "start",       "end",
                                      "steps",          "count", "session_gap", "replace"};

const struct insight insight_paths = {
    .name = "paths",
    .no_sessions =
        "paths follow one session each; write \"count\":\"traversals\" to count sessions",
    .wants_range = true,
    .interval = INTERVAL_DAY,
    .counts_accounts = true,
    .members = members,
    .member_count = COUNT(members),
    .answer = paths_answer,
};
