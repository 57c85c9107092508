/* query/paint_trends: a bar a row for one line, a sparkline each for several. */
#include <math.h>

#include "query/paint.h"

enum { LABEL_MAX = 32, BAR_MAX = 60 };

static double values_max(struct json values)
{
    double max = 0, v;
    struct json_each it = json_each(values);

    while (json_next(&it))
        if (json_number(it.value, &v))
            max = fmax(max, v);
    return max;
}

/* Name, or the group where there are some. */
static struct str line_label(const struct paint *p, struct json line, bool has_names,
                             struct buf *room)
{
    struct json groups = member(line, "breakdown");

    if (json_type(groups) != JSON_ARRAY)
        return member_text(line, "name");
    BUF_AUTO group = {0};
    (void)group_label(p, groups, &group);
    buf_clear(room);
    if (has_names)
        buf_printf(room, "%.*s: ", STR_ARG(member_text(line, "name")));
    buf_add(room, buf_str(&group));
    return buf_str(room);
}

static size_t widest_number(struct json list)
{
    char room[NUMBER_BYTES];
    size_t widest = 1;
    struct json_each it = json_each(list);

    while (json_next(&it))
        widest = MAX(widest, number_text(it.value, room).len);
    return widest;
}

static void total_line(struct paint *p, struct json line, size_t label, size_t number)
{
    char room[NUMBER_BYTES];

    paint_cell(p, PAINT_BOLD, str_of(p->words->total), label, false);
    paint_spaces(p, 2);
    paint_cell(p, PAINT_BOLD, number_text(member(line, "total"), room), number, true);
    paint_line(p);
}

/* One line: interval, number, bar; beside it what it was before. */
static void paint_one(struct paint *p, struct json answer, struct json line, struct json before)
{
    struct json values = member(line, "values"), finals = member(line, "final"),
                partials = member(line, "partial"), old = member(before, "values");
    char room[NUMBER_BYTES];
    size_t label = text_columns(str_of(p->words->total));
    size_t number = MAX(widest_number(values), number_text(member(line, "total"), room).len);
    size_t old_number = json_type(old) == JSON_ARRAY
                            ? MAX(widest_number(old), text_columns(str_of(p->words->previous)))
                            : 0;
    double max = fmax(values_max(values), values_max(old)), v;
    struct json_each it = json_each(member(answer, "intervals"));
    struct str text;

    while (json_next(&it))
        if (json_string(it.value, &text))
            label = MAX(label, text_columns(text));
    size_t used = label + 2 + number + 2 + (old_number ? old_number + 2 : 0);
    size_t bar = p->width > used + 10 ? MIN(p->width - used - 1, (size_t)BAR_MAX) : 10;
    if (old_number) {
        paint_spaces(p, label + 2 + number + 2);
        paint_cell(p, PAINT_DIM, str_of(p->words->previous), old_number, true);
        paint_line(p);
    }
    it = json_each(member(answer, "intervals"));
    struct json_each value = json_each(values), final = json_each(finals),
                     partial = json_each(partials), past = json_each(old);
    while (json_next(&it) && json_next(&value)) {
        bool is_final = true, is_partial = false;
        if (json_next(&final))
            (void)json_bool(final.value, &is_final);
        if (json_next(&partial))
            (void)json_bool(partial.value, &is_partial);
        (void)json_string(it.value, &text);
        paint_cell(p, PAINT_DIM, text, label, false);
        paint_spaces(p, 2);
        paint_cell(p, PAINT_PLAIN, number_text(value.value, room), number, true);
        paint_text(p, PAINT_WARN, is_final ? (is_partial ? STR("~ ") : STR("  ")) : STR("* "));
        if (old_number && json_next(&past)) {
            paint_cell(p, PAINT_DIM, number_text(past.value, room), old_number, true);
            paint_spaces(p, 2);
        }
        paint_bar(p, json_number(value.value, &v) && max > 0 ? v / max : 0, bar, !is_final);
        paint_line(p);
    }
    total_line(p, line, label, number);
}

/* A sparkline; neighbours share a character where there are more than fit. */
static void paint_sparkline(struct paint *p, struct json values, double max, size_t columns)
{
    size_t count = json_count(values), each = (count + columns - 1) / MAX(columns, (size_t)1);
    struct json_each it = json_each(values);
    double sum = 0, v;
    size_t n = 0, drawn = 0;

    while (json_next(&it)) {
        sum += json_number(it.value, &v) ? v : 0;
        if (++n < each)
            continue;
        paint_spark(p, max > 0 ? sum / (double)n / max : 0, false);
        drawn++;
        sum = 0;
        n = 0;
    }
    if (n) {
        paint_spark(p, max > 0 ? sum / (double)n / max : 0, true);
        drawn++;
    }
    paint_spaces(p, columns > drawn ? columns - drawn : 0);
}

static void paint_several(struct paint *p, struct json answer, struct json lines, bool has_names)
{
    BUF_AUTO room = {0};
    char digits[NUMBER_BYTES];
    size_t label = 5, number = text_columns(str_of(p->words->total));
    struct json_each it = json_each(lines);

    while (json_next(&it)) {
        label = MAX(label, text_columns(line_label(p, it.value, has_names, &room)));
        number = MAX(number, number_text(member(it.value, "total"), digits).len);
    }
    label = MIN(label, (size_t)LABEL_MAX);
    size_t intervals = json_count(member(answer, "intervals"));
    size_t spark =
        MIN(intervals, p->width > label + number + 14 ? p->width - label - number - 6 : (size_t)8);
    if (!has_names) {
        paint_text(p, PAINT_BOLD, member_text(list_item(lines, 0), "name"));
        paint_line(p);
    }
    it = json_each(lines);
    while (json_next(&it)) {
        struct json values = member(it.value, "values");
        paint_cell(p, PAINT_PLAIN, line_label(p, it.value, has_names, &room), label, false);
        paint_spaces(p, 2);
        paint_sparkline(p, values, values_max(values), spark);
        paint_spaces(p, 2);
        paint_cell(p, PAINT_BOLD, number_text(member(it.value, "total"), digits), number, true);
        paint_line(p);
    }
}

static bool names_differ(struct json lines)
{
    struct str first = member_text(list_item(lines, 0), "name");
    struct json_each it = json_each(lines);

    while (json_next(&it))
        if (!str_equal(member_text(it.value, "name"), first))
            return true;
    return false;
}

void paint_trends(struct paint *p, struct json answer)
{
    struct json lines = member(answer, "series"), previous = member(answer, "previous");
    struct json first = list_item(lines, 0);
    bool has_open = false, has_partial = json_type(member(first, "partial")) == JSON_ARRAY;
    struct json_each it = json_each(member(first, "final"));

    while (json_next(&it)) {
        bool is_final;
        has_open = has_open || (json_bool(it.value, &is_final) && !is_final);
    }
    if (!json_count(
            lines)) { /* a breakdown of nothing has no groups, so there is no line to draw */
        paint_text(p, PAINT_DIM, str_of(p->words->no_events));
        paint_line(p);
    } else if (json_count(lines) == 1 && json_type(member(first, "breakdown")) != JSON_ARRAY) {
        paint_text(p, PAINT_BOLD, member_text(first, "name"));
        paint_line(p);
        paint_one(p, answer, first, list_item(previous, 0));
    } else {
        paint_several(p, answer, lines, names_differ(lines));
        if (json_count(previous)) {
            paint_text(p, PAINT_DIM, str_of(p->words->previous));
            paint_line(p);
            paint_several(p, answer, previous, names_differ(previous));
        }
    }
    if (has_open) {
        paint_text(p, PAINT_DIM, str_of(p->words->unfinished));
        paint_line(p);
    }
    if (has_partial) {
        paint_text(p, PAINT_DIM, str_of(p->words->partial));
        paint_line(p);
    }
}
