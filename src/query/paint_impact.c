/* query/paint_impact: a forest: for each event how much likelier the goal is, and how sure that is.
 */
#include <math.h>
#include <stdio.h>

#include "query/paint.h"

enum { NAME_MAX = 34, FOREST_MAX = 36, ROWS_MAX = 20, WIDE = 9, GAP = 2 };

/* Only an event's strongest count, unless nothing can be judged. */
static bool is_shown(struct json row, bool only_best)
{
    return !only_best || member_is_true(row, "best");
}

static struct str label_of(const struct paint *p, struct json row, struct buf *room)
{
    double count = member_number(row, "count");

    buf_clear(room);
    buf_add(room, member_text(row, "event"));
    if (count > 1)
        buf_printf(room, p->colour ? " ≥%.0f" : " %.0f+", count);
    return buf_str(room);
}

/* A ratio's axis: logarithmic, the same both ways from 1. */
struct forest {
    size_t columns, name;
    double reach; /* the logarithm at either end */
    bool only_best;
    size_t shown;
};

static double log_of(struct json j)
{
    double v;
    return json_number(j, &v) && v > 0 ? log(v) : NAN;
}

static struct forest forest_of(const struct paint *p, struct json rows)
{
    struct forest f = {.name = 12};
    struct json_each it = json_each(rows);
    BUF_AUTO room = {0};

    while (json_next(&it))
        f.only_best = f.only_best || member_is_true(it.value, "best");
    it = json_each(rows);
    while (json_next(&it) && f.shown < ROWS_MAX) {
        struct json ends = member(it.value, "lift_interval");
        if (!is_shown(it.value, f.only_best))
            continue;
        f.shown++;
        f.name = MAX(f.name, text_columns(label_of(p, it.value, &room)));
        for (size_t i = 0; i < 2; i++)
            f.reach = fmax(f.reach, fabs(log_of(list_item(ends, i)))); /* fmax passes NaN over */
    }
    f.reach = fmin(fmax(f.reach, log(1.25)), log(20));
    f.name = MIN(f.name, (size_t)NAME_MAX);
    size_t used = f.name + 5 * WIDE + 4 * GAP;
    f.columns = p->width > used + 9 ? MIN(p->width - used, (size_t)FOREST_MAX) | 1 : 0;
    return f;
}

static size_t column_of(const struct forest *f, double at)
{
    double part = (fmin(fmax(at, -f->reach), f->reach) + f->reach) / (2 * f->reach);
    return (size_t)lround(part * (double)(f->columns - 1));
}

static void paint_forest(struct paint *p, const struct forest *f, struct json row)
{
    struct json ends = member(row, "lift_interval");
    double low = log_of(list_item(ends, 0)), high = log_of(list_item(ends, 1)),
           middle = log_of(member(row, "lift"));
    size_t one = f->columns ? column_of(f, 0) : 0;

    for (size_t i = 0; i < f->columns; i++) {
        bool is_in = !isnan(low) && i >= column_of(f, low) && i <= column_of(f, high);
        if (!isnan(middle) && i == column_of(f, middle))
            paint_text(p, PAINT_BOLD, p->colour ? STR("●") : STR("o"));
        else if (is_in)
            paint_text(p, PAINT_ACCENT, p->colour ? STR("━") : STR("-"));
        else
            paint_text(p, PAINT_DIM, i != one ? STR(" ") : p->colour ? STR("│") : STR("|"));
    }
}

static struct str chance_text(double q, char *room)
{
    if (isnan(q))
        return STR("-");
    if (q < 0.001)
        return STR("<0.001");
    return (struct str){room, (size_t)snprintf(room, NUMBER_BYTES, "%.3f", q)};
}

static void paint_row(struct paint *p, const struct forest *f, struct json row)
{
    struct json did = member(row, "did"), did_not = member(row, "did_not");
    struct json_each it = json_each(member(row, "warnings"));
    BUF_AUTO label = {0};
    char room[NUMBER_BYTES];
    double lift = member_number(row, "lift");
    struct str name;

    paint_cell(p, PAINT_PLAIN, label_of(p, row, &label), f->name, false);
    paint_cell(p, PAINT_PLAIN, number_text(member(did, "units"), room), WIDE + GAP, true);
    paint_cell(p, PAINT_BOLD, percent_text(member_number(did, "rate"), room), WIDE, true);
    paint_cell(p, PAINT_PLAIN, percent_text(member_number(did_not, "rate"), room), WIDE + GAP,
               true);
    paint_spaces(p, GAP);
    paint_forest(p, f, row);
    if (isnan(lift))
        snprintf(room, sizeof room, "-");
    else
        snprintf(room, sizeof room, "%.2fx", lift);
    paint_cell(p, PAINT_BOLD, str_of(room), WIDE, true);
    paint_cell(p, PAINT_DIM, chance_text(member_number(row, "q"), room), WIDE, true);
    for (bool is_first = true; json_next(&it); is_first = false) {
        size_t i = 0;
        if (!json_string(it.value, &name))
            continue;
        while (i < WARNINGS && !str_equal(name, str_of(impact_warnings[i])))
            i++;
        if (i < WARNINGS)
            paint_printf(p, PAINT_WARN, "%s%s", is_first ? "  " : ", ", p->words->warnings[i]);
    }
    paint_line(p);
}

static void paint_head(struct paint *p, const struct forest *f)
{
    paint_spaces(p, f->name);
    paint_cell(p, PAINT_DIM, str_of(p->words->did_it), WIDE + GAP, true);
    paint_cell(p, PAINT_DIM, str_of(p->words->of_them), WIDE, true);
    paint_cell(p, PAINT_DIM, str_of(p->words->of_others), WIDE + GAP, true);
    paint_spaces(p, GAP);
    bool has_both = f->columns >=
                    text_columns(str_of(p->words->less)) + text_columns(str_of(p->words->more)) + 1;
    paint_cell(p, PAINT_DIM, has_both ? str_of(p->words->less) : STR(""), f->columns / 2, false);
    paint_cell(p, PAINT_DIM, has_both ? str_of(p->words->more) : STR(""),
               f->columns - f->columns / 2, true);
    paint_cell(p, PAINT_DIM, STR("lift"), WIDE, true);
    paint_cell(p, PAINT_DIM, STR("q"), WIDE, true);
    paint_line(p);
}

static void paint_units(struct paint *p, struct json part)
{
    struct json units = member(part, "units");
    char room[NUMBER_BYTES];
    double open = member_number(units, "open"), early = member_number(units, "early"),
           cut = member_number(units, "cut");

    paint_text(p, PAINT_BOLD, number_text(member(units, "counted"), room));
    paint_printf(p, PAINT_PLAIN, " %s, ", p->words->people);
    paint_text(p, PAINT_BOLD, percent_text(member_number(units, "rate"), room));
    paint_printf(p, PAINT_PLAIN, " %s", p->words->reached_it);
    if (open > 0)
        paint_printf(p, PAINT_DIM, "; %.*s %s", STR_ARG(number_of_double(open, room)),
                     p->words->too_new);
    if (early > 0)
        paint_printf(p, PAINT_DIM, "; %.*s %s", STR_ARG(number_of_double(early, room)),
                     p->words->too_early);
    if (cut > 0)
        paint_printf(p, PAINT_DIM, "; %.*s %s", STR_ARG(number_of_double(cut, room)),
                     p->words->cut_short);
    paint_line(p);
}

static void paint_part(struct paint *p, struct json part)
{
    struct json rows = member(part, "rows");
    struct forest f = forest_of(p, rows);
    struct json_each it = json_each(rows);
    size_t shown = 0;

    paint_units(p, part);
    if (!f.shown)
        return;
    paint_head(p, &f);
    while (json_next(&it) && shown < f.shown) {
        if (!is_shown(it.value, f.only_best))
            continue;
        paint_row(p, &f, it.value);
        shown++;
    }
    if (shown < json_count(rows)) {
        paint_printf(p, PAINT_DIM, "+ %zu %s", json_count(rows) - shown, p->words->more_rows);
        paint_line(p);
    }
}

void paint_impact(struct paint *p, struct json answer)
{
    BUF_AUTO room = {0};
    struct json_each it = json_each(member(answer, "groups"));

    paint_text(p, PAINT_BOLD, member_text(answer, "goal"));
    paint_line(p);
    paint_part(p, answer);
    while (json_next(&it)) {
        paint_line(p);
        paint_text(p, PAINT_BOLD, group_label(p, member(it.value, "value"), &room));
        paint_line(p);
        paint_part(p, it.value);
    }
    paint_text(p, PAINT_DIM, str_of(p->words->goes_with));
    paint_line(p);
}
