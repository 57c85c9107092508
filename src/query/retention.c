/* query/retention: reading a retention question and writing its answer. */
#include "query/retention.h"
#include "query/why.h"

#include <math.h>

enum { PERIODS_DEFAULT = 12, COLUMNS_MAX = 1000 };

/* ---- reading ---- */

static bool rule_read(struct retention *r, const char *name, const char *const *names, size_t count,
                      unsigned *out, struct err *e)
{
    struct ask a = ask_member(&r->q->root, name);

    *out = 0;
    if (ask_is_there(&a) && !ask_choice(&a, names, count, out, e))
        return false;
    question_rule(r->q, name, str_of(names[*out]));
    return true;
}

static bool rules_read(struct retention *r, struct err *e)
{
    static const char *const cohorts[] = {"first_matching", "first_ever", "first_in_range",
                                          "every"};
    static const char *const matches[] = {"on", "on_or_after", "on_or_before", "streak"};
    static const char *const windows[] = {"calendar", "rolling", "rolling_hour"};
    static const char *const measures[] = {"people", "sum", "avg", "revenue"};
    static const char *const references[] = {"start", "previous"};
    struct question *q = r->q;
    struct ask minimum = ask_member(&q->root, "minimum"), measure = ask_member(&q->root, "measure");
    const struct ask *property = question_keep(q, ask_member(&q->root, "property"));
    unsigned cohort, match, window, figure, reference;

    if (!rule_read(r, "cohort", cohorts, COUNT(cohorts), &cohort, e) ||
        !rule_read(r, "match", matches, COUNT(matches), &match, e) ||
        !rule_read(r, "window", windows, COUNT(windows), &window, e) ||
        !rule_read(r, "measure", measures, COUNT(measures), &figure, e) ||
        !rule_read(r, "reference", references, COUNT(references), &reference, e))
        return false;
    r->cohort = (enum retention_cohort)cohort;
    r->match = (enum retention_match)match;
    r->window = (enum retention_window)window;
    r->by_previous = reference == 1;
    if (figure == COUNT(measures) - 1) {
        ask_fail(&measure, e, "query.unsupported",
                 "revenue is what is left of subscriptions, and this project has none");
        return err_hint(e, "\"measure\":\"sum\" with the \"property\" that holds the money adds up "
                           "what return events brought in");
    }
    r->measure = (enum retention_measure)figure;
    r->minimum = 1;
    if (ask_is_there(&minimum) && !ask_int(&minimum, 1, 1000000, &r->minimum, e))
        return false;
    question_rule_int(q, "minimum", r->minimum);
    if (r->measure == MEASURE_PEOPLE)
        return true;
    if (!ask_is_there(property))
        return ask_missing(&q->root, "property", "sum and avg measure a property of the returns",
                           e);
    if (!ask_text(property, &r->property, e))
        return false;
    question_asks_property(q, r->property, property);
    return true;
}

/* Columns by offset: one an interval, or as wide as the brackets say. */
static bool columns_read(struct retention *r, struct err *e)
{
    struct question *q = r->q;
    struct ask brackets = ask_member(&q->root, "brackets"),
               periods = ask_member(&q->root, "periods");
    int64_t count = PERIODS_DEFAULT, offset = 1, length;
    size_t listed = 0;

    if (ask_is_there(&brackets)) {
        if (ask_is_there(&periods))
            return ask_fail(&brackets, e, "query.unknown_value",
                            "brackets stand instead of periods");
        if (!ask_list(&brackets, 1, 100, &listed, e))
            return false;
    } else if (ask_is_there(&periods) && !ask_int(&periods, 1, COLUMNS_MAX, &count, e)) {
        return false;
    }
    r->columns = listed ? listed + 1 : (size_t)count;
    r->low = arena_array(q->arena, r->columns, sizeof *r->low);
    r->high = arena_array(q->arena, r->columns, sizeof *r->high);
    for (uint32_t i = 0; i < r->columns; i++)
        r->low[i] = r->high[i] = i;
    struct json_each it = json_each(brackets.json);
    for (size_t i = 1; listed && json_next(&it); i++) {
        struct ask item = ask_item(&brackets, it.value, i - 1);
        if (!ask_int(&item, 1, 10000, &length, e))
            return false;
        r->low[i] = (uint32_t)offset;
        offset += length;
        r->high[i] = (uint32_t)offset - 1;
    }
    return true;
}

/* Rows: the intervals of from…to, or as many as there are periods, the last one holding `to`. */
static bool rows_read(struct retention *r, struct err *e)
{
    struct question *q = r->q;
    struct ask last = ask_member(&q->root, "last"), to = ask_member(&q->root, "to");

    if (!range_read(q, e))
        return false;
    if (!q->has_from && !ask_is_there(&last)) {
        int64_t at = q->as_of;
        if (q->has_to && !moment_read(q, &to, false, &at, e))
            return false;
        int64_t start = interval_floor(q->zone, q->interval, q->week_start, at);
        size_t rows = r->high[r->columns - 1] + 1;
        q->to = interval_step(q->zone, q->interval, q->week_start, start, 1);
        q->from = interval_step(q->zone, q->interval, q->week_start, start, 1 - (int64_t)rows);
    }
    return question_edges(q, q->interval, q->from, q->to, &r->rows, e);
}

/* Offsets that the range holds, each with its column. */
static void offsets_make(struct retention *r)
{
    static const int64_t hours[INTERVAL_COUNT] = {1, 24, 24 * 7, 24 * 30, 24 * 90, 24 * 365};
    struct question *q = r->q;
    uint32_t next = r->high[r->columns - 1] + 1;

    r->unit_ms = hours[q->interval] * 3600000;
    r->offsets =
        r->window == WINDOW_CALENDAR ? r->rows.count : (size_t)((q->to - q->from) / r->unit_ms) + 2;
    r->column_of = arena_array(q->arena, r->offsets, sizeof *r->column_of);
    r->all_columns = r->columns;
    size_t column = 0;
    for (uint32_t i = 0; i < r->offsets; i++) {
        while (column + 1 < r->columns && i > r->high[column])
            column++;
        r->column_of[i] = i < next ? (uint32_t)column : (uint32_t)(r->columns + i - next);
        r->all_columns = MAX(r->all_columns, r->column_of[i] + 1);
    }
}

static bool retention_read(struct retention *r, struct err *e)
{
    static const char *const known[] = {"event", "any_of", "filter"};
    struct question *q = r->q;
    const struct ask *start = question_keep(q, ask_member(&q->root, "start")),
                     *returns = question_keep(q, ask_member(&q->root, "return"));

    if (!ask_is_there(start))
        return ask_missing(&q->root, "start", "name the event that makes somebody start", e);
    if (!ask_members(start, known, COUNT(known), e) || !matcher_read(q, start, &r->start, e))
        return false;
    if (ask_is_there(returns)) {
        if (!ask_members(returns, known, COUNT(known), e) ||
            !matcher_read(q, returns, &r->returns, e))
            return false;
    } else { /* any event brings somebody back */
        r->returns.count = 1;
        r->returns.options = arena_array(q->arena, 1, sizeof *r->returns.options);
    }
    if (!rules_read(r, e) || !columns_read(r, e) || !rows_read(r, e))
        return false;
    offsets_make(r);
    return question_check_names(q, e);
}

/* ---- answering ---- */

static double cell_value(const struct retention_pass *p, size_t slot, size_t row, size_t column)
{
    const struct matrix *m = &p->matrix;
    size_t at = (slot * m->rows + row) * m->columns + column;

    if (p->r->measure == MEASURE_PEOPLE)
        return (double)m->counts[at];
    double sum = m->sum[at] + m->rest[at];
    if (p->r->measure == MEASURE_SUM)
        return sum;
    return m->events[at] ? sum / (double)m->events[at] : NAN;
}

static double cell_size(const struct retention_pass *p, size_t slot, size_t row)
{
    const struct matrix *m = &p->matrix;
    return (double)m->counts[(slot * m->rows + row) * m->columns];
}

static void cohorts_write(const struct retention_pass *p, size_t slot, struct jwrite *w)
{
    const struct retention *r = p->r;
    const struct question *q = r->q;

    jwrite_key(w, STR("cohorts"));
    jwrite_array(w);
    for (size_t row = 0; row < r->rows.count; row++) {
        size_t final = 0;
        jwrite_object(w);
        jwrite_pair_string(w, "start", answer_label(q, q->interval, r->rows.at[row]));
        jwrite_pair_int(w, "size", (int64_t)cell_size(p, slot, row));
        jwrite_key(w, STR("counts"));
        jwrite_array(w);
        for (size_t c = 0; c < r->columns; c++) {
            enum cell_state state = retention_cell(r, row, c);
            final += state == CELL_FINAL && final == c;
            if (state == CELL_NULL)
                jwrite_null(w);
            else
                jwrite_double(w, cell_value(p, slot, row, c));
        }
        jwrite_end(w);
        jwrite_pair_int(w, "final", (int64_t) final);
        jwrite_end(w);
    }
    jwrite_end(w);
}

struct averages {
    double pooled, weighted;
    size_t cohorts;
};

/* Over final cells only: pooled = sum of counts / sum of sizes; weighted = both parts weighted by
 * the cohort's size (analytics.md 2.5, "Mixpanel"). */
static struct averages average(const struct retention_pass *p, size_t slot, size_t column)
{
    const struct retention *r = p->r;
    double counts = 0, bases = 0, heavy_counts = 0, heavy_bases = 0;
    size_t cohorts = 0;

    for (size_t row = 0; row < r->rows.count; row++) {
        double size = cell_size(p, slot, row), count = cell_value(p, slot, row, column);
        double base = r->by_previous && column ? cell_value(p, slot, row, column - 1) : size;
        if (retention_cell(r, row, column) != CELL_FINAL || size == 0 || isnan(count) ||
            isnan(base))
            continue;
        if (r->measure == MEASURE_AVG) /* an average of averages: each event counts once */
            base = (double)
                       p->matrix.events[(slot * p->matrix.rows + row) * p->matrix.columns + column],
            count *= base;
        counts += count;
        bases += base;
        heavy_counts += count * size;
        heavy_bases += base * size;
        cohorts++;
    }
    return (struct averages){bases > 0 ? counts / bases : NAN,
                             heavy_bases > 0 ? heavy_counts / heavy_bases : NAN, cohorts};
}

static void averages_write(const struct retention_pass *p, size_t slot, struct jwrite *w)
{
    static const char *const keys[] = {"pooled", "weighted", "cohorts"};

    jwrite_key(w, STR("average"));
    jwrite_object(w);
    for (size_t k = 0; k < COUNT(keys); k++) {
        jwrite_key(w, str_of(keys[k]));
        jwrite_array(w);
        for (size_t c = 0; c < p->r->columns; c++) {
            struct averages a = average(p, slot, c);
            if (k == 2)
                jwrite_int(w, (int64_t)a.cohorts);
            else
                jwrite_double(w, k ? a.weighted : a.pooled);
        }
        jwrite_end(w);
    }
    jwrite_end(w);
}

static uint64_t slot_size(const struct retention_pass *p, size_t slot)
{
    double size = 0;

    for (size_t row = 0; row < p->r->rows.count; row++)
        size += cell_size(p, slot, row);
    return (uint64_t)size;
}

/* One pass a breakdown, two if there are more groups than shown. */
static bool groups_run(struct retention_pass *p, struct groups *groups, uint32_t **slots,
                       struct err *e)
{
    struct question *q = p->r->q;
    bool again;

    if (!retention_pass_run(p, e))
        return false;
    uint64_t *sizes = mem_array(p->slots + 1, sizeof *sizes);
    for (size_t i = 0; i < p->slots; i++)
        sizes[i] = slot_size(p, i);
    groups_choose(q, p->keys.keys, sizes, p->slots, groups, &again);
    mem_free(sizes);
    size_t shown = groups->count + groups->has_other;
    *slots = arena_array(q->arena, shown + 1, sizeof **slots);
    for (size_t i = 0; i < shown; i++)
        (*slots)[i] = again ? (uint32_t)i : key_map_put(&p->keys, groups->keys[i]);
    if (!again)
        return true;
    retention_pass_free(p);
    *p = (struct retention_pass){.r = p->r, .chosen = groups};
    return retention_pass_run(p, e);
}

static bool groups_write(struct retention *r, struct jwrite *w, struct err *e)
{
    struct retention_pass p = {.r = r};
    struct groups groups;
    uint32_t *slots;
    bool ok = groups_run(&p, &groups, &slots, e);

    if (ok) {
        jwrite_key(w, STR("groups"));
        jwrite_array(w);
        for (size_t i = 0; i < groups.count + groups.has_other; i++) {
            jwrite_object(w);
            jwrite_key(w, STR("value"));
            group_write(r->q, w, &groups, i);
            cohorts_write(&p, slots[i], w);
            averages_write(&p, slots[i], w);
            jwrite_end(w);
        }
        jwrite_end(w);
    }
    retention_pass_free(&p);
    return ok;
}

static bool pick_run(struct retention *r, struct buf *out, struct err *e)
{
    static const char *const known[] = {"cohort", "period", "breakdown", PEOPLE_MEMBERS};
    struct question *q = r->q;
    struct ask breakdown = ask_member(&q->people_of, "breakdown");
    struct grouping *grouping = q->grouping;
    struct retention_pass p = {.r = r}, picked = {.r = r, .picks = true};
    struct groups groups = {.count = 1};
    uint32_t *slots;
    int64_t period;

    if (!ask_members(&q->people_of, known, COUNT(known), e) ||
        !coordinate_interval(q, "cohort", &r->rows, &picked.pick_row, e) ||
        !coordinate_int(q, "period", 0, (int64_t)r->columns - 1, &period, e))
        return false;
    picked.pick_column = (size_t)period;
    if (!ask_is_there(&breakdown))
        q->grouping = NULL; /* a cell of all groups together */
    bool ok = !q->grouping || groups_run(&p, &groups, &slots, e);
    picked.chosen = q->grouping ? &groups : NULL;
    ok = ok && groups_find(q, &groups, &picked.pick_slot, e);
    if (ok && (picked.pick_column == 0 ||
               retention_cell(r, picked.pick_row, picked.pick_column) != CELL_NULL))
        ok = retention_pass_run(&picked, e);
    ok = ok && answer_people(q, &picked.people, out, e);
    q->grouping = grouping;
    retention_pass_free(&p);
    retention_pass_free(&picked);
    return ok;
}

static void columns_write(const struct retention *r, struct jwrite *w)
{
    jwrite_key(w, STR("columns"));
    jwrite_array(w);
    for (size_t c = 0; c < r->columns; c++) {
        struct str label = r->low[c] == r->high[c]
                               ? arena_printf(r->q->arena, "%u", r->low[c])
                               : arena_printf(r->q->arena, "%u-%u", r->low[c], r->high[c]);
        jwrite_string(w, label);
    }
    jwrite_end(w);
}

static bool retention_write(struct retention *r, struct buf *out, struct err *e)
{
    struct question *q = r->q;
    struct grouping *grouping = q->grouping;
    struct retention_pass p = {.r = r};

    q->grouping = NULL; /* the whole first, then by group */
    bool ok = retention_pass_run(&p, e);
    q->grouping = grouping;
    if (ok) {
        struct jwrite w = jwrite_to(out);
        answer_begin(q, &w);
        columns_write(r, &w);
        cohorts_write(&p, 0, &w);
        averages_write(&p, 0, &w);
        ok = !grouping || groups_write(r, &w, e);
        if (ok)
            jwrite_end(&w);
    }
    retention_pass_free(&p);
    return ok;
}

static bool retention_answer(struct question *q, struct buf *out, struct err *e)
{
    struct retention *r = arena_alloc(q->arena, sizeof *r);

    r->q = q;
    if (!retention_read(r, e))
        return false;
    if (ask_is_there(&q->why_not))
        return why_retention(r, out, e);
    return ask_is_there(&q->people_of) ? pick_run(r, out, e) : retention_write(r, out, e);
}

static const char *const members[] = {
    QUESTION_MEMBERS, "why_not", "start",    "return",  "periods",  "cohort",   "match",
    "window",         "minimum", "brackets", "measure", "property", "reference"};

const struct insight insight_retention = {
    .name = "retention",
    .no_sessions = "a session does not come back; count persons or accounts",
    .interval = INTERVAL_DAY,
    .counts_accounts = true,
    .members = members,
    .member_count = COUNT(members),
    .answer = retention_answer,
};
