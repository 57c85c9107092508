/* query/render_csv: an answer as rows: one number a row where it has coordinates. */
#include <stdio.h>

#include "codec/csv.h"
#include "query/paint.h"

struct rows {
    struct buf *out;
    bool is_first;
};

static void cell(struct rows *r, struct str text)
{
    csv_cell(r->out, text, r->is_first);
    r->is_first = false;
}

static void row_end(struct rows *r)
{
    buf_add(r->out, STR("\r\n"));
    r->is_first = true;
}

static void header(struct rows *r, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cell(r, str_of(names[i]));
    row_end(r);
}

/* A JSON value as it is; null is an empty cell. */
static void value(struct rows *r, struct json j)
{
    BUF_AUTO text = {0};
    struct str s;

    if (json_string(j, &s)) {
        cell(r, s);
        return;
    }
    if (json_type(j) != JSON_NULL && json_type(j) != JSON_ABSENT)
        json_print(j, &text);
    cell(r, buf_str(&text));
}

static void group(struct rows *r, struct json values)
{
    struct paint p = {.words = words_of(QUERY_ENGLISH)};
    BUF_AUTO room = {0};

    cell(r, json_type(values) == JSON_ARRAY ? group_label(&p, values, &room) : STR(""));
}

/* ---- trends ---- */

static void series_rows(struct rows *r, struct json answer, const char *period, const char *lines,
                        const char *intervals)
{
    struct json_each line = json_each(member(answer, lines));

    while (json_next(&line)) {
        struct json_each at = json_each(member(answer, intervals)),
                         v = json_each(member(line.value, "values")),
                         final = json_each(member(line.value, "final"));
        while (json_next(&at) && json_next(&v) && json_next(&final)) {
            cell(r, str_of(period));
            value(r, member(line.value, "name"));
            group(r, member(line.value, "breakdown"));
            value(r, at.value);
            value(r, v.value);
            value(r, final.value);
            row_end(r);
        }
    }
}

static void csv_trends(struct rows *r, struct json answer)
{
    static const char *const names[] = {"period",   "series", "breakdown",
                                        "interval", "value",  "final"};
    header(r, names, COUNT(names));
    series_rows(r, answer, "current", "series", "intervals");
    series_rows(r, answer, "previous", "previous", "previous_intervals");
}

/* ---- funnel ---- */

/* A table of objects: one row each, the named members as columns, the group in front. */
static void object_rows(struct rows *r, struct json list, struct json groups, bool has_number,
                        const char *const *columns, size_t count)
{
    struct json_each it = json_each(list);
    char number[24];

    for (size_t i = 1; json_next(&it); i++) {
        group(r, groups);
        if (has_number) {
            snprintf(number, sizeof number, "%zu", i);
            cell(r, str_of(number));
        }
        for (size_t c = 0; c < count; c++)
            value(r, member(it.value, columns[c]));
        row_end(r);
    }
}

static void bar_rows(struct rows *r, struct json part, struct json groups)
{
    struct json_each it = json_each(member(part, "bars"));

    while (json_next(&it)) {
        group(r, groups);
        value(r, list_item(it.value, 0));
        value(r, list_item(it.value, 1));
        row_end(r);
    }
}

static void csv_funnel(struct rows *r, struct json answer)
{
    static const char *const step_head[] = {
        "breakdown",       "step",           "name",        "count",  "conversion", "from_previous",
        "average_seconds", "median_seconds", "p90_seconds", "stopped"};
    static const char *const bucket_head[] = {"breakdown", "start", "from", "to", "rate", "final"};
    static const char *const bar_head[] = {"breakdown", "from_seconds", "count"};
    bool has_steps = json_type(member(answer, "steps")) == JSON_ARRAY;
    bool has_buckets = json_type(member(answer, "buckets")) == JSON_ARRAY;
    struct json none = {0};

    if (has_steps) {
        header(r, step_head, COUNT(step_head));
        object_rows(r, member(answer, "steps"), none, true, step_head + 2, COUNT(step_head) - 2);
    } else if (has_buckets) {
        header(r, bucket_head, COUNT(bucket_head));
        object_rows(r, member(answer, "buckets"), none, false, bucket_head + 1,
                    COUNT(bucket_head) - 1);
    } else {
        header(r, bar_head, COUNT(bar_head));
        bar_rows(r, answer, none);
    }
    struct json_each it = json_each(member(answer, "groups"));
    while (json_next(&it)) {
        struct json name = member(it.value, "value");
        if (has_steps)
            object_rows(r, member(it.value, "steps"), name, true, step_head + 2,
                        COUNT(step_head) - 2);
        else if (has_buckets)
            object_rows(r, member(it.value, "buckets"), name, false, bucket_head + 1,
                        COUNT(bucket_head) - 1);
        else
            bar_rows(r, it.value, name);
    }
}

/* ---- retention ---- */

static void cohort_rows(struct rows *r, struct json part, struct json groups)
{
    struct json_each it = json_each(member(part, "cohorts"));

    while (json_next(&it)) {
        group(r, groups);
        value(r, member(it.value, "start"));
        value(r, member(it.value, "size"));
        value(r, member(it.value, "final"));
        struct json_each count = json_each(member(it.value, "counts"));
        while (json_next(&count))
            value(r, count.value);
        row_end(r);
    }
}

static void csv_retention(struct rows *r, struct json answer)
{
    static const char *const names[] = {"breakdown", "cohort", "size", "final"};
    struct json_each it = json_each(member(answer, "columns"));

    for (size_t i = 0; i < COUNT(names); i++)
        cell(r, str_of(names[i]));
    while (json_next(&it))
        value(r, it.value);
    row_end(r);
    cohort_rows(r, answer, (struct json){0});
    it = json_each(member(answer, "groups"));
    while (json_next(&it))
        cohort_rows(r, it.value, member(it.value, "value"));
}

/* ---- lifecycle and stickiness ---- */

/* One row for each label, with the part's lists side by side. */
static void list_rows(struct rows *r, struct json labels, struct json part, const char *period,
                      struct json groups, const char *const *lists, size_t count)
{
    struct json_each label = json_each(labels);

    for (size_t i = 0; json_next(&label); i++) {
        if (period) {
            cell(r, str_of(period));
            group(r, groups);
        }
        value(r, label.value);
        for (size_t k = 0; k < count; k++)
            value(r, list_item(member(part, lists[k]), i));
        row_end(r);
    }
}

static void csv_lifecycle(struct rows *r, struct json answer)
{
    static const char *const names[] = {"period",  "breakdown", "interval",
                                        "new",     "returning", "resurrecting",
                                        "dormant", "active",    "final"};
    static const char *const periods[] = {"current", "previous"};
    struct json parts[] = {answer, member(answer, "previous")};
    struct json labels[] = {member(answer, "intervals"), member(answer, "previous_intervals")};

    header(r, names, COUNT(names));
    for (size_t i = 0; i < COUNT(parts) && json_type(parts[i]) == JSON_OBJECT; i++) {
        struct json_each it = json_each(member(parts[i], "groups"));
        list_rows(r, labels[i], parts[i], periods[i], (struct json){0}, names + 3,
                  COUNT(names) - 3);
        while (json_next(&it))
            list_rows(r, labels[i], it.value, periods[i], member(it.value, "value"), names + 3,
                      COUNT(names) - 3);
    }
}

static void count_rows(struct rows *r, struct json part, const char *period, struct json groups)
{
    struct json_each it = json_each(member(part, "counts")),
                     all = json_each(member(part, "cumulative"));
    char number[24];

    for (size_t k = 1; json_next(&it) && json_next(&all); k++) {
        snprintf(number, sizeof number, "%zu", k);
        cell(r, str_of(period));
        group(r, groups);
        cell(r, str_of(number));
        value(r, it.value);
        value(r, all.value);
        row_end(r);
    }
}

/* Who asks for a ratio gets its rows. */
static void csv_stickiness(struct rows *r, struct json answer)
{
    static const char *const names[] = {"period", "breakdown", "intervals", "count", "cumulative"};
    static const char *const of_ratio[] = {"interval", "active", "of", "values", "final"};
    static const char *const periods[] = {"current", "previous"};
    struct json parts[] = {answer, member(answer, "previous")}, ratio = member(answer, "ratio");

    if (json_type(ratio) == JSON_OBJECT) {
        header(r, of_ratio, COUNT(of_ratio));
        list_rows(r, member(ratio, "intervals"), ratio, NULL, (struct json){0}, of_ratio + 1,
                  COUNT(of_ratio) - 1);
        return;
    }
    header(r, names, COUNT(names));
    for (size_t i = 0; i < COUNT(parts) && json_type(parts[i]) == JSON_OBJECT; i++) {
        struct json_each it = json_each(member(parts[i], "groups"));
        count_rows(r, parts[i], periods[i], (struct json){0});
        while (json_next(&it))
            count_rows(r, it.value, periods[i], member(it.value, "value"));
    }
}

/* ---- paths ---- */

/* Edges, then where paths end: rows without "to". */
static void csv_paths(struct rows *r, struct json answer)
{
    static const char *const names[] = {"breakdown", "from", "to", "count", "average_seconds"};
    static const char *const end_names[] = {"node", "", "count", ""};
    struct json_each it = json_each(member(answer, "groups"));
    struct json part = answer, groups = {0};

    header(r, names, COUNT(names));
    do {
        object_rows(r, member(part, "edges"), groups, false, names + 1, COUNT(names) - 1);
        object_rows(r, member(part, "drop_off"), groups, false, end_names, COUNT(end_names));
        if (!json_next(&it))
            return;
        part = it.value;
        groups = member(it.value, "value");
    } while (true);
}

/* ---- impact ---- */

static void impact_rows(struct rows *r, struct json part, struct json groups)
{
    static const char *const figures[] = {"lift", "odds_ratio", "phi"};
    static const char *const sides[] = {"did", "did_not"};
    struct json_each it = json_each(member(part, "rows"));

    while (json_next(&it)) {
        group(r, groups);
        value(r, member(it.value, "event"));
        value(r, member(it.value, "count"));
        for (size_t i = 0; i < COUNT(sides); i++) {
            struct json side = member(it.value, sides[i]);
            value(r, member(side, "units"));
            value(r, member(side, "reached"));
            value(r, member(side, "rate"));
        }
        for (size_t i = 0; i < COUNT(figures); i++) {
            BUF_AUTO key = {0};
            buf_printf(&key, "%s_interval%c", figures[i], 0);
            struct json ends = member(it.value, key.at);
            value(r, member(it.value, figures[i]));
            value(r, list_item(ends, 0));
            value(r, list_item(ends, 1));
        }
        value(r, member(it.value, "p"));
        value(r, member(it.value, "test"));
        value(r, member(it.value, "q"));
        BUF_AUTO notes = {0};
        struct json_each note = json_each(member(it.value, "warnings"));
        struct str text;
        while (json_next(&note))
            if (json_string(note.value, &text))
                buf_printf(&notes, "%s%.*s", notes.len ? " " : "", STR_ARG(text));
        cell(r, buf_str(&notes));
        row_end(r);
    }
}

static void csv_impact(struct rows *r, struct json answer)
{
    static const char *const names[] = {"breakdown",
                                        "event",
                                        "count",
                                        "did",
                                        "did_reached",
                                        "did_rate",
                                        "did_not",
                                        "did_not_reached",
                                        "did_not_rate",
                                        "lift",
                                        "lift_low",
                                        "lift_high",
                                        "odds_ratio",
                                        "odds_ratio_low",
                                        "odds_ratio_high",
                                        "phi",
                                        "phi_low",
                                        "phi_high",
                                        "p",
                                        "test",
                                        "q",
                                        "warnings"};
    struct json_each it = json_each(member(answer, "groups"));

    header(r, names, COUNT(names));
    impact_rows(r, answer, (struct json){0});
    while (json_next(&it))
        impact_rows(r, it.value, member(it.value, "value"));
}

static void csv_people(struct rows *r, struct json answer)
{
    static const char *const names[] = {"id", "session", "start", "end", "events"};
    struct json people = member(answer, "people");
    bool has_sessions = json_type(member(list_item(people, 0), "start")) == JSON_STRING;
    size_t count = has_sessions ? COUNT(names) : 1;

    header(r, names, count);
    struct json_each it = json_each(people);
    while (json_next(&it)) {
        for (size_t i = 0; i < count; i++)
            value(r, member(it.value, names[i]));
        row_end(r);
    }
}

static void csv_why(struct rows *r, struct json answer)
{
    static const char *const names[] = {"person", "rule", "name", "event", "at", "message"};
    struct json why = member(answer, "why");
    struct json_each it = json_each(member(why, "reasons"));

    header(r, names, COUNT(names));
    while (json_next(&it)) {
        value(r, member(why, "person"));
        for (size_t i = 1; i < COUNT(names); i++)
            value(r, member(it.value, names[i]));
        row_end(r);
    }
}

bool query_render_csv(struct str answer, struct buf *out, struct err *e)
{
    static const struct {
        const char *insight;
        void (*write)(struct rows *, struct json);
    } writers[] = {{"trends", csv_trends},         {"funnel", csv_funnel},
                   {"retention", csv_retention},   {"lifecycle", csv_lifecycle},
                   {"stickiness", csv_stickiness}, {"paths", csv_paths},
                   {"impact", csv_impact}};
    AUTO(json_parser) *parser = json_parser_create();
    struct rows r = {out, true};
    struct json root;

    if (!json_parse(parser, answer, &root, e))
        return err_while(e, "reading the answer");
    if (json_type(member(root, "people")) == JSON_ARRAY) {
        csv_people(&r, root);
        return true;
    }
    if (json_type(member(root, "why")) == JSON_OBJECT) {
        csv_why(&r, root);
        return true;
    }
    for (size_t i = 0; i < COUNT(writers); i++)
        if (str_equal(member_text(root, "insight"), str_of(writers[i].insight))) {
            writers[i].write(&r, root);
            return true;
        }
    return err_set(e, ERR_UNSUPPORTED, "no table is known for this insight");
}
