/* query/paint_paths: the flow, node by node: where people go from it, and how many leave there. */
#include <math.h>

#include "query/paint.h"

enum { NAME_MAX = 40, BAR = 20 };

/* "2:/about" -> 2; its text in *name. */
static int64_t node_read(struct str node, struct str *name)
{
    size_t colon = str_find(node, ':');
    int64_t position = 0;

    (void)str_to_i64(str_sub(node, 0, colon), &position);
    *name = str_sub(node, colon + 1, node.len);
    return position;
}

static double count_at(struct json list, struct str node)
{
    struct json_each it = json_each(list);

    while (json_next(&it))
        if (str_equal(member_text(it.value, "node"), node))
            return member_number(it.value, "count");
    return 0;
}

static size_t name_columns(struct json edges)
{
    struct json_each it = json_each(edges);
    struct str name;
    size_t widest = 12;

    while (json_next(&it)) {
        (void)node_read(member_text(it.value, "to"), &name);
        widest = MAX(widest, text_columns(name));
    }
    return MIN(widest, (size_t)NAME_MAX);
}

struct flow {
    struct json edges, nodes, ends;
    size_t name;
    struct str from;
    double reached;
};

static void paint_share(struct paint *p, const struct flow *f, double count, bool is_dim)
{
    char room[NUMBER_BYTES];
    double share = f->reached > 0 ? count / f->reached : NAN;

    paint_cell(p, PAINT_BOLD, number_of_double(count, room), 9, true);
    paint_cell(p, PAINT_DIM, percent_text(share, room), 8, true);
    paint_spaces(p, 2);
    paint_bar(p, share, BAR, is_dim);
}

static void paint_ends(struct paint *p, const struct flow *f)
{
    double count = count_at(f->ends, f->from);

    if (count <= 0)
        return;
    paint_text(p, PAINT_WARN, p->colour ? STR("   × ") : STR("   x "));
    paint_cell(p, PAINT_DIM, str_of(p->words->left), f->name, false);
    paint_share(p, f, count, true);
    paint_line(p);
}

static void paint_edge(struct paint *p, const struct flow *f, struct json edge)
{
    char room[NUMBER_BYTES];
    struct str to;

    (void)node_read(member_text(edge, "to"), &to);
    paint_text(p, PAINT_ACCENT, p->colour ? STR("   → ") : STR("  -> "));
    paint_cell(p, PAINT_PLAIN, to, f->name, false);
    paint_share(p, f, member_number(edge, "count"), false);
    paint_spaces(p, 2);
    paint_text(p, PAINT_DIM, seconds_text(member_number(edge, "average_seconds"), room));
    paint_line(p);
}

/* A node, what follows it, and who left; nodes where nothing is known to follow are left out. */
static void paint_node(struct paint *p, struct flow *f, int64_t position)
{
    struct json_each it = json_each(f->edges);
    char room[NUMBER_BYTES];
    struct str name;
    bool is_begun = false;

    (void)node_read(f->from, &name);
    while (json_next(&it)) {
        if (!str_equal(member_text(it.value, "from"), f->from))
            continue;
        if (!is_begun) {
            paint_printf(p, PAINT_DIM, "%2lld ", (long long)position);
            paint_cell(p, PAINT_BOLD, name, f->name + 2, false);
            if (f->reached > 0)
                paint_cell(p, PAINT_BOLD, number_of_double(f->reached, room), 9, true);
            paint_line(p);
        }
        is_begun = true;
        paint_edge(p, f, it.value);
    }
    if (is_begun)
        paint_ends(p, f);
}

/* Is this edge the first with its `from`? The others of it were painted with it. */
static bool is_first_of(struct json edges, size_t index, struct str from)
{
    struct json_each it = json_each(edges);

    for (size_t i = 0; json_next(&it) && i < index; i++)
        if (str_equal(member_text(it.value, "from"), from))
            return false;
    return true;
}

static void paint_flow(struct paint *p, struct json part)
{
    struct flow f = {.edges = member(part, "edges"),
                     .nodes = member(part, "nodes"),
                     .ends = member(part, "drop_off"),
                     .name = name_columns(member(part, "edges"))};
    size_t left = json_count(f.edges);
    char room[NUMBER_BYTES];
    struct str name;

    for (int64_t position = 1; left && position <= 64; position++) {
        struct json_each it = json_each(f.edges);
        for (size_t i = 0; json_next(&it); i++) {
            f.from = member_text(it.value, "from");
            if (node_read(f.from, &name) != position)
                continue;
            left--;
            f.reached = count_at(f.nodes, f.from);
            if (is_first_of(f.edges, i, f.from))
                paint_node(p, &f, position);
        }
    }
    paint_printf(p, PAINT_BOLD, "%s %.*s", p->words->total,
                 STR_ARG(number_text(member(part, "total"), room)));
    paint_line(p);
    if (member_number(part, "more") > 0) {
        paint_printf(p, PAINT_DIM, "+ %.*s %s", STR_ARG(number_text(member(part, "more"), room)),
                     p->words->more_edges);
        paint_line(p);
    }
}

void paint_paths(struct paint *p, struct json answer)
{
    BUF_AUTO room = {0};
    struct json_each it = json_each(member(answer, "groups"));

    paint_flow(p, answer);
    while (json_next(&it)) {
        paint_line(p);
        paint_text(p, PAINT_BOLD, group_label(p, member(it.value, "value"), &room));
        paint_line(p);
        paint_flow(p, it.value);
    }
}
