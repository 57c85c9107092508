/* query/paint_funnel: bars with counts and shares; rates over time; a histogram of times. */
#include <math.h>

#include "query/paint.h"

enum { LABEL_MAX = 28, BAR_MAX = 40 };

static size_t label_width(const struct paint *p, struct json list, const char *key)
{
    BUF_AUTO room = {0};
    size_t width = 5;
    struct json_each it = json_each(list);

    while (json_next(&it)) {
        struct json label = member(it.value, key);
        struct str text = json_type(label) == JSON_ARRAY ? group_label(p, label, &room)
                                                         : member_text(it.value, key);
        width = MAX(width, text_columns(text));
    }
    return MIN(width, (size_t)LABEL_MAX);
}

static void paint_drop(struct paint *p, struct json step, double before, size_t indent)
{
    char number[NUMBER_BYTES], share[NUMBER_BYTES];
    double count = member_number(step, "count"), lost = before - count;

    if (member_is_true(step, "optional") || !(lost > 0))
        return;
    paint_spaces(p, indent);
    paint_text(p, PAINT_DIM, p->colour ? STR("↓ ") : STR("v "));
    paint_printf(p, PAINT_DIM, "%.*s %s (%.*s)", STR_ARG(number_of_double(lost, number)),
                 p->words->dropped, STR_ARG(percent_text(lost / before, share)));
    paint_line(p);
}

static void paint_step(struct paint *p, struct json step, size_t index, double first, size_t label,
                       size_t bar)
{
    char room[NUMBER_BYTES];
    double count = member_number(step, "count"), median = member_number(step, "median_seconds"),
           stopped = member_number(step, "stopped");

    paint_printf(p, PAINT_DIM, "%2zu ", index + 1);
    paint_cell(p, PAINT_BOLD, member_text(step, "name"), label, false);
    paint_spaces(p, 2);
    paint_bar(p, first > 0 ? count / first : 0, bar, member_is_true(step, "optional"));
    paint_spaces(p, 2);
    paint_cell(p, PAINT_BOLD, number_of_double(count, room), 11, true);
    paint_spaces(p, 2);
    paint_cell(p, PAINT_ACCENT, percent_text(member_number(step, "conversion"), room), 6, true);
    if (isfinite(median)) {
        paint_spaces(p, 3);
        paint_printf(p, PAINT_DIM, "%s %.*s", p->words->typical,
                     STR_ARG(seconds_text(median, room)));
    }
    if (stopped > 0)
        paint_printf(p, PAINT_WARN, "   %.*s %s", STR_ARG(number_of_double(stopped, room)),
                     p->words->stopped);
    paint_line(p);
}

static void paint_steps(struct paint *p, struct json steps)
{
    size_t label = label_width(p, steps, "name"), index = 0;
    double first = member_number(list_item(steps, 0), "count"), before = first;
    size_t bar = p->width > label + 60 ? MIN(p->width - label - 50, (size_t)BAR_MAX) : 12;
    struct json_each it = json_each(steps);

    while (json_next(&it)) {
        if (index)
            paint_drop(p, it.value, before, label + 5);
        paint_step(p, it.value, index++, first, label, bar);
        if (!member_is_true(it.value, "optional"))
            before = member_number(it.value, "count");
    }
}

/* One line a group: its counts step by step, and its conversion. */
static void paint_groups(struct paint *p, struct json groups)
{
    BUF_AUTO room = {0};
    char number[NUMBER_BYTES];
    size_t label = label_width(p, groups, "value");
    struct json_each it = json_each(groups);

    paint_line(p);
    while (json_next(&it)) {
        struct json steps = member(it.value, "steps");
        struct json last = list_item(steps, json_count(steps) ? json_count(steps) - 1 : 0);
        struct json_each step = json_each(steps);
        paint_cell(p, PAINT_PLAIN, group_label(p, member(it.value, "value"), &room), label, false);
        while (json_next(&step)) {
            paint_spaces(p, 1);
            paint_cell(p, PAINT_PLAIN, number_text(member(step.value, "count"), number), 10, true);
        }
        paint_spaces(p, 2);
        paint_cell(p, PAINT_ACCENT, percent_text(member_number(last, "conversion"), number), 6,
                   true);
        paint_spaces(p, 2);
        paint_bar(p, member_number(last, "conversion"), 20, false);
        paint_line(p);
    }
}

static void paint_buckets(struct paint *p, struct json buckets)
{
    char room[NUMBER_BYTES];
    size_t label = label_width(p, buckets, "start");
    size_t bar = p->width > label + 50 ? MIN(p->width - label - 40, (size_t)BAR_MAX) : 12;
    double max = 0;
    struct json_each it = json_each(buckets);

    while (json_next(&it))
        max = fmax(max, member_number(it.value, "rate"));
    paint_spaces(p, label);
    paint_cell(p, PAINT_DIM, str_of(p->words->entered), 11, true);
    paint_cell(p, PAINT_DIM, str_of(p->words->converted), 11, true);
    paint_cell(p, PAINT_DIM, str_of(p->words->rate), 9, true);
    paint_line(p);
    it = json_each(buckets);
    while (json_next(&it)) {
        bool is_final = member_is_true(it.value, "final");
        double rate = member_number(it.value, "rate");
        paint_cell(p, PAINT_DIM, member_text(it.value, "start"), label, false);
        paint_cell(p, PAINT_PLAIN, number_text(member(it.value, "from"), room), 11, true);
        paint_cell(p, PAINT_PLAIN, number_text(member(it.value, "to"), room), 11, true);
        paint_cell(p, PAINT_ACCENT, percent_text(rate, room), 9, true);
        paint_text(p, PAINT_WARN, is_final ? STR("  ") : STR("* "));
        paint_bar(p, max > 0 ? rate / max : 0, bar, !is_final);
        paint_line(p);
    }
    paint_text(p, PAINT_DIM, str_of(p->words->unfinished));
    paint_line(p);
}

static void paint_bars(struct paint *p, struct json answer)
{
    char room[NUMBER_BYTES];
    double max = 0, low, count;
    struct json_each it = json_each(member(answer, "bars"));

    while (json_next(&it))
        if (json_number(list_item(it.value, 1), &count))
            max = fmax(max, count);
    it = json_each(member(answer, "bars"));
    while (json_next(&it)) {
        if (!json_number(list_item(it.value, 0), &low) ||
            !json_number(list_item(it.value, 1), &count))
            continue;
        paint_cell(p, PAINT_DIM, seconds_text(low, room), 10, true);
        paint_cell(p, PAINT_PLAIN, number_of_double(count, room), 11, true);
        paint_spaces(p, 2);
        paint_bar(p, max > 0 ? count / max : 0, BAR_MAX, false);
        paint_line(p);
    }
    paint_printf(p, PAINT_BOLD, "%s %.*s", p->words->samples,
                 STR_ARG(number_text(member(answer, "samples"), room)));
    paint_printf(p, PAINT_BOLD, "   %s %.*s", p->words->average,
                 STR_ARG(seconds_text(member_number(answer, "average_seconds"), room)));
    paint_printf(p, PAINT_BOLD, "   %s %.*s", p->words->median,
                 STR_ARG(seconds_text(member_number(answer, "median_seconds"), room)));
    paint_line(p);
}

void paint_funnel(struct paint *p, struct json answer)
{
    struct json groups = member(answer, "groups");
    bool has_steps = json_type(member(answer, "steps")) == JSON_ARRAY;

    if (has_steps)
        paint_steps(p, member(answer, "steps"));
    else if (json_type(member(answer, "buckets")) == JSON_ARRAY)
        paint_buckets(p, member(answer, "buckets"));
    else
        paint_bars(p, answer);
    if (json_count(groups) && has_steps) {
        paint_groups(p, groups);
        return;
    }
    BUF_AUTO room = {0};
    struct json_each it = json_each(groups);
    while (json_next(&it)) {
        paint_line(p);
        paint_text(p, PAINT_BOLD, group_label(p, member(it.value, "value"), &room));
        paint_line(p);
        if (json_type(member(it.value, "buckets")) == JSON_ARRAY)
            paint_buckets(p, member(it.value, "buckets"));
        else
            paint_bars(p, it.value);
    }
}
