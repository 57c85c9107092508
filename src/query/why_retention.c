/* query/why_retention: whether somebody is in a cohort and in a cell of it, and what kept them out.
 */
#include "query/retention.h"
#include "query/why.h"

enum { REASONS_MAX = 10 };

struct miss {
    struct why why;
    struct retention *r;
    struct retention_pass pass; /* of this person alone */
    struct why_place start, back;
    bool has_row; /* a cohort was named */
    size_t row, column;
    struct why_reason reasons[REASONS_MAX];
    size_t count;
};

static void reason_add(struct miss *m, struct why_reason r)
{
    if (m->count < REASONS_MAX)
        m->reasons[m->count++] = r;
}

/* ---- what the kernel says ---- */

static bool cells_find(struct miss *m, struct err *e)
{
    struct question *q = m->r->q;
    const struct scan_condition *filter = q->filter;
    struct grouping *grouping = q->grouping;

    m->pass = (struct retention_pass){.r = m->r};
    q->filter = condition_both(q, m->why.only, filter);
    q->grouping = NULL;
    bool ok = retention_pass_run(&m->pass, e);
    q->filter = filter;
    q->grouping = grouping;
    return ok;
}

static bool is_in_cell(const struct miss *m, size_t row, size_t column)
{
    const struct matrix *x = &m->pass.matrix;
    return x->counts[row * x->columns + column] > 0;
}

/* The cohort looked at: the one asked for, or the first the person is in. */
static bool row_find(struct miss *m, size_t *row)
{
    for (*row = m->has_row ? m->row : 0; *row < m->r->rows.count; (*row)++)
        if (is_in_cell(m, *row, 0) || m->has_row)
            return is_in_cell(m, *row, 0);
    return false;
}

/* ---- why no cohort ---- */

static size_t row_of(const struct retention *r, int64_t time)
{
    for (size_t i = 0; i < r->rows.count; i++)
        if (time >= r->rows.at[i] && time < r->rows.at[i + 1])
            return i;
    return SIZE_MAX;
}

/* Starts that pass all conditions but do not count: another cohort's, or before the range. */
static bool start_judge(struct miss *m, size_t i)
{
    const struct retention *r = m->r;
    const struct question *q = r->q;
    int64_t time = m->why.time[i];
    struct str name = matcher_name(q, &r->start);
    size_t row = row_of(r, time);
    struct why_reason reason = why_reason(WHY_OTHER_COHORT, i, name);

    if (!why_fills(&m->why, &m->start, i))
        return false;
    if (time < q->from || time >= q->to) {
        reason.rule = time < q->from ? WHY_BEFORE_RANGE : WHY_AFTER_RANGE;
    } else {
        if (r->cohort == COHORT_FIRST_EVER && !is_in_cell(m, row, 0))
            return false;
        reason.other = answer_label(q, q->interval, r->rows.at[row]);
        reason.other_at = r->rows.at[row];
    }
    reason_add(m, reason);
    return true;
}

static void no_cohort(struct miss *m)
{
    const struct retention *r = m->r;
    struct str name = matcher_name(r->q, &r->start);
    bool is_first = true;
    struct why_reason reason;

    for (size_t i = 0; i < m->why.count; i++) {
        if (!why_is_named(&m->why, &m->start, i))
            continue;
        bool is_firsts = r->cohort == COHORT_FIRST_MATCHING || r->cohort == COHORT_FIRST_EVER;
        if (is_first && r->cohort == COHORT_FIRST_EVER && !why_fills(&m->why, &m->start, i)) {
            reason = why_reason(WHY_FIRST_EVER, i, name);
            reason_add(m, reason);
        }
        is_first = false;
        if (start_judge(m, i) && is_firsts)
            return; /* later starts do not count */
        if (why_keeps_out(&m->why, &m->start, i, name, &reason))
            reason_add(m, reason);
    }
    if (!m->count)
        reason_add(m, why_reason(WHY_NEVER, SIZE_MAX, name));
}

/* ---- why not in the cell ---- */

static int64_t start_time(const struct miss *m, size_t row, size_t *event)
{
    const struct retention *r = m->r;

    for (*event = 0; *event < m->why.count; (*event)++)
        if (why_fills(&m->why, &m->start, *event) && row_of(r, m->why.time[*event]) == row &&
            m->why.time[*event] >= r->q->from)
            return m->why.time[*event];
    *event = SIZE_MAX;
    return r->rows.at[row];
}

static int64_t offset_of(const struct retention *r, size_t row, int64_t start, int64_t time)
{
    enum { HOUR_MS = 3600000 };

    if (r->window == WINDOW_CALENDAR) {
        size_t at = row_of(r, time);
        return at == SIZE_MAX || time < start ? -1 : (int64_t)at - (int64_t)row;
    }
    if (r->window == WINDOW_ROLLING_HOUR) {
        start -= ((start % HOUR_MS) + HOUR_MS) % HOUR_MS;
        time -= ((time % HOUR_MS) + HOUR_MS) % HOUR_MS;
    }
    return time < start ? -1 : (time - start) / r->unit_ms;
}

/* How often the person returned in the intervals of a column. */
static int64_t returns_in(const struct miss *m, size_t row, int64_t start, size_t column)
{
    const struct retention *r = m->r;
    int64_t count = 0;

    for (size_t i = 0; i < m->why.count; i++) {
        int64_t offset = offset_of(r, row, start, m->why.time[i]);
        count += why_fills(&m->why, &m->back, i) && offset >= (int64_t)r->low[column] &&
                 offset <= (int64_t)r->high[column];
    }
    return count;
}

static void no_cell(struct miss *m, size_t row)
{
    const struct retention *r = m->r;
    struct str name = matcher_name(r->q, &r->returns);
    size_t event;
    int64_t start = start_time(m, row, &event), here = returns_in(m, row, start, m->column);
    struct why_reason reason = why_reason(WHY_NOT_BEGUN, SIZE_MAX, name);

    reason.of = (int64_t)m->column;
    if (retention_cell(r, row, m->column) == CELL_NULL) {
        reason_add(m, reason);
        return;
    }
    for (size_t c = 1; r->match == MATCH_STREAK && c <= m->column; c++)
        if (returns_in(m, row, start, c) < r->minimum) {
            reason.rule = WHY_STREAK;
            reason.number = (int64_t)c;
            reason_add(m, reason);
            break;
        }
    if (here > 0 && here < r->minimum) {
        reason.rule = WHY_MINIMUM;
        reason.number = here;
        reason.of = r->minimum;
        reason_add(m, reason);
    }
    int64_t before = -1; /* one event an interval is enough to see */
    for (size_t i = 0; i < m->why.count; i++) {
        int64_t offset = offset_of(r, row, start, m->why.time[i]);
        if (i == event)
            continue;
        if (why_fills(&m->why, &m->back, i) && offset >= 0) {
            if (offset == before)
                continue;
            before = offset;
            reason = why_reason(WHY_OTHER_PERIOD, i, name);
            reason.number = offset;
            reason.of = (int64_t)m->column;
            reason_add(m, reason);
        } else if (why_keeps_out(&m->why, &m->back, i, name, &reason)) {
            reason_add(m, reason);
        }
    }
    if (!m->count)
        reason_add(m, why_reason(WHY_NEVER, SIZE_MAX, name));
}

/* ---- reading and writing ---- */

static bool coordinates_read(struct miss *m, struct err *e)
{
    static const char *const known[] = {"person", "cohort", "period"};
    struct question *q = m->r->q;
    struct ask cohort = ask_member(&q->why_not, "cohort"),
               period = ask_member(&q->why_not, "period");
    int64_t column = 0;

    if (!why_read(&m->why, q, known, COUNT(known), e))
        return false;
    if (ask_is_there(&period) && !ask_int(&period, 0, (int64_t)m->r->columns - 1, &column, e))
        return false;
    m->column = (size_t)column;
    m->has_row = ask_is_there(&cohort);
    q->people_of = q->why_not; /* the coordinate stands there */
    return !m->has_row || coordinate_interval(q, "cohort", &m->r->rows, &m->row, e);
}

static bool miss_write(struct miss *m, struct buf *out, struct err *e)
{
    struct question *q = m->r->q;
    struct jwrite w = jwrite_to(out);
    size_t row, event;
    bool has_cohort = row_find(m, &row), is_in = has_cohort && is_in_cell(m, row, m->column);

    if (has_cohort && !is_in)
        no_cell(m, row);
    else if (!has_cohort)
        no_cohort(m);
    why_begin(&m->why, is_in, &w);
    jwrite_key(&w, STR("cohort"));
    if (has_cohort)
        jwrite_string(&w, answer_label(q, q->interval, m->r->rows.at[row]));
    else
        jwrite_null(&w);
    if (has_cohort)
        answer_time(q, &w, "started", start_time(m, row, &event));
    jwrite_pair_int(&w, "period", (int64_t)m->column);
    bool ok = why_reasons_write(&m->why, m->reasons, m->count, &w, e);
    if (ok) {
        jwrite_end(&w);
        jwrite_end(&w);
    }
    return ok;
}

bool why_retention(struct retention *r, struct buf *out, struct err *e)
{
    struct question *q = r->q;
    struct miss *m = arena_alloc(q->arena, sizeof *m);
    bool is_all = r->cohort == COHORT_FIRST_MATCHING || r->cohort == COHORT_FIRST_EVER;

    m->r = r;
    bool ok = coordinates_read(m, e) && cells_find(m, e);
    if (ok) {
        why_place_add(&m->why, &m->start, &r->start, is_all ? INT64_MIN : q->from, q->to);
        why_place_add(&m->why, &m->back, &r->returns, q->from, q->to);
        ok = why_collect(&m->why, e) && miss_write(m, out, e);
    }
    retention_pass_free(&m->pass);
    why_free(&m->why);
    return ok;
}
