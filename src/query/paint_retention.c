/* query/paint_retention: the shaded grid: a cohort a row, a period a column. */
#include <math.h>
#include <stdio.h>

#include "query/paint.h"

enum { CELL = 7, SIZE = 9 };

struct grid {
    struct json cohorts, average, columns;
    size_t label, shown, count;
    bool is_people; /* shares of the cohort; otherwise values as they are */
};

static void paint_head(struct paint *p, const struct grid *g)
{
    struct json_each it = json_each(g->columns);
    struct str text;

    paint_cell(p, PAINT_DIM, str_of(p->words->cohort), g->label, false);
    paint_cell(p, PAINT_DIM, str_of(p->words->size), SIZE, true);
    paint_spaces(p, 1);
    for (size_t i = 0; json_next(&it) && i < g->shown; i++) {
        if (!json_string(it.value, &text))
            continue;
        paint_cell(p, PAINT_DIM, text, CELL - 1, true);
        paint_spaces(p, 1);
    }
    paint_line(p);
}

static void paint_value(struct paint *p, const struct grid *g, double value, double base,
                        bool is_open)
{
    char room[NUMBER_BYTES], text[NUMBER_BYTES + 2];
    double share = base > 0 ? value / base : NAN;
    struct str figure = g->is_people ? percent_text(share, room) : number_of_double(value, room);

    snprintf(text, sizeof text, "%.*s%s", STR_ARG(figure), is_open ? "*" : "");
    if (p->colour) {
        paint_shaded(p, g->is_people ? share : 0, is_open, text, CELL);
        return;
    }
    paint_cell(p, PAINT_PLAIN, str_of(text), CELL - !is_open, true);
    paint_spaces(p, !is_open);
}

static void paint_row(struct paint *p, const struct grid *g, struct json cohort)
{
    char room[NUMBER_BYTES];
    double size = member_number(cohort, "size"), final = member_number(cohort, "final"), v;
    struct json_each it = json_each(member(cohort, "counts"));

    paint_cell(p, PAINT_PLAIN, member_text(cohort, "start"), g->label, false);
    paint_cell(p, PAINT_BOLD, number_of_double(size, room), SIZE, true);
    paint_spaces(p, 1);
    for (size_t i = 0; json_next(&it) && i < g->shown; i++) {
        if (!json_number(it.value, &v))
            paint_spaces(p, CELL);
        else if (size == 0)
            paint_cell(p, PAINT_DIM, p->colour ? STR("· ") : STR(". "), CELL, true);
        else
            paint_value(p, g, v, size, (double)i >= final);
    }
    paint_line(p);
}

static void paint_average(struct paint *p, const struct grid *g)
{
    struct json_each it = json_each(member(g->average, "pooled"));
    char room[NUMBER_BYTES];
    double v;

    paint_cell(p, PAINT_BOLD, str_of(p->words->average), g->label + SIZE, false);
    paint_spaces(p, 1);
    for (size_t i = 0; json_next(&it) && i < g->shown; i++) {
        struct str text = STR("");
        if (json_number(it.value, &v))
            text = g->is_people ? percent_text(v, room) : number_of_double(v, room);
        paint_cell(p, PAINT_BOLD, text, CELL - 1, true);
        paint_spaces(p, 1);
    }
    paint_line(p);
}

static bool has_open_cell(const struct grid *g)
{
    struct json_each it = json_each(g->cohorts);
    double v;

    while (json_next(&it)) {
        struct json_each cell = json_each(member(it.value, "counts"));
        double final = member_number(it.value, "final");
        for (size_t i = 0; json_next(&cell); i++)
            if (json_number(cell.value, &v) && (double)i >= final)
                return true;
    }
    return false;
}

static void paint_grid(struct paint *p, struct json answer, struct json part)
{
    struct grid g = {.cohorts = member(part, "cohorts"),
                     .average = member(part, "average"),
                     .columns = member(answer, "columns"),
                     .label = 10};
    struct str measure = member_text(member(answer, "rules"), "measure");
    struct json_each it = json_each(g.cohorts);

    g.is_people = measure.len == 0 || str_equal(measure, STR("people"));
    while (json_next(&it))
        g.label = MAX(g.label, text_columns(member_text(it.value, "start")));
    g.label = MAX(g.label, text_columns(str_of(p->words->cohort)));
    g.count = json_count(g.columns);
    size_t used = g.label + SIZE + 1;
    g.shown = MIN(g.count, p->width > used + CELL ? (p->width - used) / CELL : 1);
    paint_head(p, &g);
    it = json_each(g.cohorts);
    while (json_next(&it))
        paint_row(p, &g, it.value);
    paint_average(p, &g);
    if (has_open_cell(&g)) {
        paint_text(p, PAINT_DIM, str_of(p->words->unfinished));
        paint_line(p);
    }
    if (g.shown < g.count) {
        paint_printf(p, PAINT_DIM, "+ %zu %s", g.count - g.shown, p->words->more_columns);
        paint_line(p);
    }
}

void paint_retention(struct paint *p, struct json answer)
{
    BUF_AUTO room = {0};
    struct json_each it = json_each(member(answer, "groups"));

    paint_grid(p, answer, answer);
    while (json_next(&it)) {
        paint_line(p);
        paint_text(p, PAINT_BOLD, group_label(p, member(it.value, "value"), &room));
        paint_line(p);
        paint_grid(p, answer, it.value);
    }
}
