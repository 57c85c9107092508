/* query/paint_activity: lifecycle as a table with bars, stickiness as a bar for each number of
 * intervals. */
#include <math.h>

#include "query/paint.h"

enum { BAR_MAX = 50, ROWS_MAX = 40, GAP = 2 };

struct column {
    const char *key, *title;
    size_t wide;
};

static void columns_measure(struct json part, struct column *columns, size_t count)
{
    char room[NUMBER_BYTES];

    for (size_t i = 0; i < count; i++) {
        struct json_each it = json_each(member(part, columns[i].key));
        columns[i].wide = text_columns(str_of(columns[i].title));
        while (json_next(&it))
            columns[i].wide = MAX(columns[i].wide, number_text(it.value, room).len);
    }
}

static double largest(struct json list)
{
    struct json_each it = json_each(list);
    double max = 0, v;

    while (json_next(&it))
        if (json_number(it.value, &v))
            max = fmax(max, v);
    return max;
}

static size_t label_columns(struct json labels, size_t least)
{
    struct json_each it = json_each(labels);
    struct str text;

    while (json_next(&it))
        if (json_string(it.value, &text))
            least = MAX(least, text_columns(text));
    return least;
}

static bool has_open(struct json finals)
{
    struct json_each it = json_each(finals);
    bool is_final;

    while (json_next(&it))
        if (json_bool(it.value, &is_final) && !is_final)
            return true;
    return false;
}

static void line_of(struct paint *p, enum paint_style style, const char *text)
{
    paint_text(p, style, str_of(text));
    paint_line(p);
}

/* ---- a table by interval with a bar for its first column ---- */

struct table {
    struct json labels, finals;
    struct column *columns;
    size_t count;
};

static void table_head(struct paint *p, const struct table *t, size_t label)
{
    paint_spaces(p, label);
    for (size_t i = 0; i < t->count; i++) {
        paint_spaces(p, GAP);
        paint_cell(p, PAINT_DIM, str_of(t->columns[i].title), t->columns[i].wide, true);
    }
    paint_line(p);
}

static void paint_table(struct paint *p, struct json part, const struct table *t)
{
    char room[NUMBER_BYTES];
    size_t label = label_columns(t->labels, 10), used = 0;
    double max = largest(member(part, t->columns[0].key)), v;
    struct json_each it = json_each(t->labels), final = json_each(t->finals);
    struct str text;

    columns_measure(part, t->columns, t->count);
    used = label + GAP;
    for (size_t i = 0; i < t->count; i++)
        used += t->columns[i].wide + GAP;
    size_t bar = p->width > used + 10 ? MIN(p->width - used - 1, (size_t)BAR_MAX) : 0;
    table_head(p, t, label);
    for (size_t row = 0; json_next(&it); row++) {
        bool is_final = true;
        if (json_next(&final))
            (void)json_bool(final.value, &is_final);
        if (!json_string(it.value, &text))
            continue;
        paint_cell(p, PAINT_DIM, text, label, false);
        for (size_t i = 0; i < t->count; i++) {
            struct json cell = list_item(member(part, t->columns[i].key), row);
            paint_spaces(p, GAP);
            paint_cell(p, i ? PAINT_PLAIN : PAINT_BOLD, number_text(cell, room), t->columns[i].wide,
                       true);
        }
        paint_text(p, PAINT_WARN, is_final ? STR("  ") : STR("* "));
        bool is_there = json_number(list_item(member(part, t->columns[0].key), row), &v);
        paint_bar(p, is_there && max > 0 ? v / max : 0, bar, !is_final);
        paint_line(p);
    }
}

/* ---- lifecycle ---- */

static void paint_states(struct paint *p, struct json labels, struct json part)
{
    struct column columns[] = {{"active", p->words->active, 0},
                               {"new", p->words->is_new, 0},
                               {"returning", p->words->returning, 0},
                               {"resurrecting", p->words->resurrecting, 0},
                               {"dormant", p->words->dormant, 0}};
    struct table t = {labels, member(part, "final"), columns, COUNT(columns)};

    paint_table(p, part, &t);
}

/* The whole, each group, and the same of the range before. */
static void paint_parts(struct paint *p, struct json answer,
                        void (*paint_part)(struct paint *, struct json labels, struct json part))
{
    BUF_AUTO room = {0};
    struct json labels = member(answer, "intervals"), before = member(answer, "previous");
    struct json_each it = json_each(member(answer, "groups"));

    paint_part(p, labels, answer);
    while (json_next(&it)) {
        paint_line(p);
        paint_text(p, PAINT_BOLD, group_label(p, member(it.value, "value"), &room));
        paint_line(p);
        paint_part(p, labels, it.value);
    }
    if (json_type(before) != JSON_OBJECT)
        return;
    paint_line(p);
    line_of(p, PAINT_DIM, p->words->previous);
    paint_part(p, member(answer, "previous_intervals"), before);
}

void paint_lifecycle(struct paint *p, struct json answer)
{
    paint_parts(p, answer, paint_states);
    if (has_open(member(answer, "final")))
        line_of(p, PAINT_DIM, p->words->unfinished);
}

/* ---- stickiness ---- */

/* Exactly k, and at least k; where there are many k, only those that somebody has. */
static void paint_counts(struct paint *p, struct json labels, struct json part)
{
    struct column columns[] = {{"counts", p->words->exactly, 0},
                               {"cumulative", p->words->at_least, 0}};
    struct json counts = member(part, "counts"), cumulative = member(part, "cumulative");
    struct json_each it = json_each(counts), all = json_each(cumulative);
    char room[NUMBER_BYTES], key[24];
    double max = largest(counts), active = member_number(part, "active"), v;
    size_t label = MAX(text_columns(str_of(p->words->intervals)), (size_t)4), share = 7;

    (void)labels;
    columns_measure(part, columns, COUNT(columns));
    size_t used = label + columns[0].wide + columns[1].wide + share + 4 * GAP;
    size_t bar = p->width > used + 10 ? MIN(p->width - used - 1, (size_t)BAR_MAX) : 0;
    paint_cell(p, PAINT_DIM, str_of(p->words->intervals), label, true);
    for (size_t i = 0; i < COUNT(columns); i++) {
        paint_spaces(p, GAP);
        paint_cell(p, PAINT_DIM, str_of(columns[i].title), columns[i].wide, true);
    }
    paint_line(p);
    for (size_t k = 1; json_next(&it) && json_next(&all); k++) {
        if (!json_number(it.value, &v) || (v == 0 && json_count(counts) > ROWS_MAX))
            continue;
        struct str number = number_of_double((double)k, key);
        paint_cell(p, PAINT_PLAIN, number, label, true);
        paint_spaces(p, GAP);
        paint_cell(p, PAINT_BOLD, number_text(it.value, room), columns[0].wide, true);
        paint_spaces(p, GAP);
        paint_cell(p, PAINT_PLAIN, number_text(all.value, room), columns[1].wide, true);
        paint_spaces(p, GAP);
        paint_cell(p, PAINT_DIM, percent_text(active > 0 ? v / active : NAN, room), share, true);
        paint_spaces(p, GAP);
        paint_bar(p, max > 0 ? v / max : 0, bar, false);
        paint_line(p);
    }
}

static void paint_ratio(struct paint *p, struct json ratio)
{
    struct column columns[] = {
        {"values", p->words->rate, 0}, {"active", p->words->active, 0}, {"of", p->words->of, 0}};
    struct table t = {member(ratio, "intervals"), member(ratio, "final"), columns, COUNT(columns)};
    char room[NUMBER_BYTES];

    paint_line(p);
    paint_text(p, PAINT_BOLD, member_text(ratio, "name"));
    paint_line(p);
    paint_table(p, ratio, &t);
    paint_printf(p, PAINT_BOLD, "%s %.*s", p->words->average,
                 STR_ARG(percent_text(member_number(ratio, "average"), room)));
    paint_line(p);
}

void paint_stickiness(struct paint *p, struct json answer)
{
    bool is_final = true;

    paint_parts(p, answer, paint_counts);
    if (json_type(member(answer, "ratio")) == JSON_OBJECT)
        paint_ratio(p, member(answer, "ratio"));
    if (json_bool(member(answer, "final"), &is_final) && !is_final)
        line_of(p, PAINT_DIM, p->words->unfinished);
}
