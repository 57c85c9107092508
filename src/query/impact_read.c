/* query/impact_read: reading an impact question: goal, range, behaviour, candidates. */
#include <stdlib.h>

#include "query/impact.h"
#include "query/named.h"

enum { PERIOD_MAX = 1000, STEPS_LIMIT = 10, INTERVALS_DEFAULT = 12, DAYS_DEFAULT = 30 };

/* ---- goal ---- */

static bool rule_read(struct impact *m, const struct ask *goal, const char *name,
                      const char *const *names, size_t count, unsigned *out, struct err *e)
{
    struct ask a = ask_member(goal, name);

    *out = 0;
    if (ask_is_there(&a) && !ask_choice(&a, names, count, out, e))
        return false;
    question_rule(m->q, name, str_of(names[*out]));
    return true;
}

static bool retained_rules_read(struct impact *m, const struct ask *goal, struct err *e)
{
    static const char *const cohorts[] = {"first_matching", "first_ever", "first_in_range"};
    static const char *const matches[] = {"on", "on_or_after", "on_or_before", "streak"};
    static const char *const windows[] = {"calendar", "rolling", "rolling_hour"};
    static const int64_t hours[INTERVAL_COUNT] = {1, 24, 24 * 7, 24 * 30, 24 * 90, 24 * 365};
    struct question *q = m->q;
    struct ask interval = ask_member(goal, "interval"), period = ask_member(goal, "period"),
               minimum = ask_member(goal, "minimum");
    unsigned cohort, match, window, choice = q->interval;

    if (!rule_read(m, goal, "cohort", cohorts, COUNT(cohorts), &cohort, e) ||
        !rule_read(m, goal, "match", matches, COUNT(matches), &match, e) ||
        !rule_read(m, goal, "window", windows, COUNT(windows), &window, e))
        return false;
    m->cohort = (enum retention_cohort)cohort;
    m->match = (enum retention_match)match;
    m->window = (enum retention_window)window;
    if (ask_is_there(&interval) &&
        !ask_choice(&interval, interval_names, INTERVAL_COUNT, &choice, e))
        return false;
    q->interval = (enum interval)choice;
    m->unit_ms = hours[q->interval] * 3600000;
    if (!ask_is_there(&period))
        return ask_missing(goal, "period", "say in which interval after the start, such as 4", e);
    if (!ask_int(&period, 1, PERIOD_MAX, &m->period, e))
        return false;
    m->minimum = 1;
    if (ask_is_there(&minimum) && !ask_int(&minimum, 1, 1000000, &m->minimum, e))
        return false;
    question_rule_int(q, "period", m->period);
    question_rule_int(q, "minimum", m->minimum);
    return true;
}

static bool retained_read(struct impact *m, const struct ask *goal, struct err *e)
{
    static const char *const known[] = {"start",  "return", "interval", "period",
                                        "cohort", "match",  "window",   "minimum"};
    static const char *const role[] = {"event", "any_of", "filter"};
    struct question *q = m->q;
    const struct ask *start = question_keep(q, ask_member(goal, "start")),
                     *returns = question_keep(q, ask_member(goal, "return"));

    if (!ask_members(goal, known, COUNT(known), e))
        return false;
    if (!ask_is_there(start))
        return ask_missing(goal, "start", "name the event that makes somebody start", e);
    if (!ask_members(start, role, COUNT(role), e) || !matcher_read(q, start, &m->start, e))
        return false;
    if (ask_is_there(returns)) {
        if (!ask_members(returns, role, COUNT(role), e) ||
            !matcher_read(q, returns, &m->returns, e))
            return false;
    } else { /* any event brings somebody back */
        m->returns.count = 1;
        m->returns.options = arena_array(q->arena, 1, sizeof *m->returns.options);
    }
    return retained_rules_read(m, goal, e);
}

static bool steps_read(struct impact *m, const struct ask *goal, struct err *e)
{
    static const char *const known[] = {"event", "any_of", "filter", "name"};
    struct question *q = m->q;
    const struct ask *steps = question_keep(q, ask_member(goal, "steps"));
    struct funnel *f = m->walk;

    if (!ask_is_there(steps))
        return ask_missing(goal, "steps", "list the events of the funnel in order", e);
    if (!ask_list(steps, 2, STEPS_LIMIT, &f->step_count, e))
        return false;
    struct json_each it = json_each(steps->json);
    for (size_t i = 0; json_next(&it); i++) {
        const struct ask *item = question_keep(q, ask_item(steps, it.value, i));
        if (!ask_members(item, known, COUNT(known), e) ||
            !matcher_read(q, item, &f->steps[i].role, e))
            return false;
        f->steps[i].name = matcher_name(q, &f->steps[i].role);
    }
    m->start = f->steps[0].role;
    return true;
}

static bool converted_read(struct impact *m, const struct ask *goal, struct err *e)
{
    static const char *const known[] = {"steps", "window"};
    struct question *q = m->q;
    struct ask window = ask_member(goal, "window");
    struct duration d = {14, UNIT_D};

    if (!ask_members(goal, known, COUNT(known), e))
        return false;
    m->walk = arena_alloc(q->arena, sizeof *m->walk);
    m->walk->q = q;
    m->walk->entry = ENTRY_FIRST;
    m->cohort = COHORT_FIRST_IN_RANGE;
    if (!steps_read(m, goal, e) || (ask_is_there(&window) && !duration_read(&window, false, &d, e)))
        return false;
    m->walk->window_ms = duration_ms(d);
    question_rule(q, "entry", STR("first"));
    question_rule_int(q, "window_seconds", m->walk->window_ms / 1000);
    return true;
}

static bool goal_read(struct impact *m, struct err *e)
{
    static const char *const kinds[] = {"retained", "converted"};
    struct question *q = m->q;
    const struct ask *goal = question_keep(q, ask_member(&q->root, "goal"));

    if (!ask_is_there(goal))
        return ask_missing(&q->root, "goal", "say what is to be reached", e) ||
               err_hint(e, "for example {\"retained\":{\"start\":{\"event\":\"Signed Up\"},"
                           "\"interval\":\"week\",\"period\":4}}");
    if (!ask_members(goal, kinds, COUNT(kinds), e))
        return false;
    const struct ask *retained = question_keep(q, ask_member(goal, kinds[GOAL_RETAINED])),
                     *converted = question_keep(q, ask_member(goal, kinds[GOAL_CONVERTED]));
    if (ask_is_there(retained) == ask_is_there(converted))
        return ask_fail(goal, e, "query.missing_member",
                        "a goal is either \"retained\" or \"converted\"");
    m->goal = ask_is_there(converted) ? GOAL_CONVERTED : GOAL_RETAINED;
    question_rule(q, "goal", str_of(kinds[m->goal]));
    return m->goal == GOAL_RETAINED ? retained_read(m, retained, e)
                                    : converted_read(m, converted, e);
}

/* ---- when ---- */

/* Without a range: the newest whole intervals (days, of a funnel) whose goal's time is over. */
static void range_default(struct impact *m)
{
    struct question *q = m->q;
    int64_t over = q->as_of;
    int64_t count = INTERVALS_DEFAULT;
    enum interval i = q->interval;

    if (m->goal == GOAL_CONVERTED) {
        over -= m->walk->window_ms;
        count = DAYS_DEFAULT;
        i = INTERVAL_DAY;
    } else if (m->window != WINDOW_CALENDAR) {
        over -= (m->period + 1) * m->unit_ms;
    }
    q->to = interval_floor(q->zone, i, q->week_start, over);
    if (m->goal == GOAL_RETAINED && m->window == WINDOW_CALENDAR)
        q->to = interval_step(q->zone, i, q->week_start, q->to, -m->period);
    q->from = interval_step(q->zone, i, q->week_start, q->to, -count);
}

static bool when_read(struct impact *m, struct err *e)
{
    struct question *q = m->q;
    struct ask last = ask_member(&q->root, "last");
    struct edges rows;

    if (!range_read(q, e))
        return false;
    if (!q->has_from && !q->has_to && !ask_is_there(&last))
        range_default(m);
    if (m->goal == GOAL_CONVERTED)
        return true;
    if (!question_edges(q, q->interval, q->from, q->to, &rows, e))
        return false;
    m->rows = rows.count;
    int64_t end =
        interval_step(q->zone, q->interval, q->week_start, rows.at[rows.count], m->period + 1);
    if (m->match == MATCH_ON_OR_AFTER)
        end = MAX(end, q->as_of + 1);
    return question_edges(q, q->interval, q->from, end, &m->edges, e);
}

static bool within_read(struct impact *m, struct err *e)
{
    struct question *q = m->q;
    struct ask within = ask_member(&q->root, "within");
    struct duration d = {7, UNIT_D};
    struct str text = STR("7d");

    if (ask_is_there(&within) &&
        (!duration_read(&within, false, &d, e) || !ask_text(&within, &text, e)))
        return false;
    m->within_ms = duration_ms(d);
    question_rule(q, "within", text);
    if (m->goal == GOAL_CONVERTED && m->within_ms >= m->walk->window_ms)
        return ask_fail(&within, e, "query.unknown_value",
                        "the behaviour must be over before the funnel's window is: within is not "
                        "shorter");
    return true;
}

/* ---- candidates ---- */

static bool matcher_names(const struct matcher *role, struct str event)
{
    for (size_t i = 0; i < role->count; i++)
        if (role->options[i].event.at && str_equal(role->options[i].event, event))
            return true;
    return false;
}

static void candidate_mark(const struct impact *m, struct impact_candidate *c)
{
    const struct matcher *role = &c->role;

    for (size_t i = 0; i < role->count; i++) {
        struct str event = role->options[i].event;
        if (!event.at)
            continue;
        c->is_start = c->is_start || matcher_names(&m->start, event);
        c->is_goal = c->is_goal || matcher_names(&m->returns, event);
        for (size_t s = 1; m->walk && s < m->walk->step_count; s++)
            c->is_goal = c->is_goal || matcher_names(&m->walk->steps[s].role, event);
    }
}

/* Candidates as they are read; those that are one event as it was sent, and no more, are found by
 * its name in one column, however many there are. */
struct reader {
    struct impact *m;
    struct impact_candidate *others;
    size_t other_count;
};

static struct reader reader_of(struct impact *m, size_t count)
{
    struct question *q = m->q;

    m->candidates = arena_array(q->arena, count + 1, sizeof *m->candidates);
    return (struct reader){m, arena_array(q->arena, count + 1, sizeof *m->candidates), 0};
}

static bool is_plain_name(const struct impact_candidate *c)
{
    const struct matcher_option *o = c->role.options;
    return c->role.count == 1 && o->event.at && !o->filter && str_equal(o->event, c->name);
}

static bool reader_put(struct reader *r, const struct impact_candidate *c)
{
    struct impact *m = r->m;
    bool is_plain = is_plain_name(c);

    if (!is_plain && r->other_count == IMPACT_ROLES_MAX)
        return false;
    if (is_plain)
        m->candidates[m->named_count++] = *c;
    else
        r->others[r->other_count++] = *c;
    return true;
}

static void reader_end(struct reader *r)
{
    struct impact *m = r->m;

    for (size_t i = 0; i < m->named_count; i++)
        (void)intern_put(m->names, m->candidates[i].name);
    memcpy(m->candidates + m->named_count, r->others, r->other_count * sizeof *r->others);
    m->candidate_count = m->named_count + r->other_count;
}

/* Every event there is, the most frequent first, under the names the project shows. */
static bool candidates_all(struct impact *m, const struct ask *place, struct err *e)
{
    struct question *q = m->q;
    struct event_name_info *list;
    size_t count;

    q->source->does->events(q->source, q->arena, &list, &count);
    struct str *names = arena_array(q->arena, count + 1, sizeof *names);
    for (size_t i = 0; i < count; i++)
        names[i] = list[i].name;
    named_offer(q, VOCABULARY_EVENT, &names, &count);
    struct reader r = reader_of(m, count);
    m->is_all = true;
    for (size_t i = 0; i < count; i++) {
        struct named *n = named_find(q, VOCABULARY_EVENT, names[i]);
        struct impact_candidate c = {.name = names[i]};
        bool is_own = false;
        if (n && !named_is_event(q, n, &is_own, e))
            return false;
        if (is_own && !named_event(q, n, place, &c.role, e))
            return false;
        if (!is_own) {
            c.role.count = 1;
            c.role.options = arena_array(q->arena, 1, sizeof *c.role.options);
            c.role.options[0].event = c.name;
        }
        bool is_one = m->named_count < IMPACT_CANDIDATES_MAX && reader_put(&r, &c);
        m->more += !is_one;
    }
    reader_end(&r);
    return true;
}

static bool listed_read(struct impact *m, const struct ask *item, struct impact_candidate *c,
                        struct err *e)
{
    static const char *const known[] = {"event", "any_of", "filter", "name"};
    struct question *q = m->q;

    if (json_type(item->json) != JSON_OBJECT)
        return ask_text(item, &c->name, e) && matcher_of(q, item, NULL, &c->role, e);
    if (!ask_members(item, known, COUNT(known), e) || !matcher_read(q, item, &c->role, e))
        return false;
    struct ask name = ask_member(item, "name");
    c->name = matcher_name(q, &c->role);
    return !ask_is_there(&name) || ask_text(&name, &c->name, e);
}

/* Each name once, so that a coordinate is one row. */
static bool candidates_listed(struct impact *m, const struct ask *a, struct err *e)
{
    struct question *q = m->q;
    size_t count;

    if (!ask_list(a, 1, IMPACT_CANDIDATES_MAX, &count, e))
        return false;
    struct reader r = reader_of(m, count);
    AUTO(intern) *names = intern_create();
    struct json_each it = json_each(a->json);
    for (size_t i = 0; json_next(&it); i++) {
        const struct ask *item = question_keep(q, ask_item(a, it.value, i));
        struct impact_candidate c = {.first = INT64_MIN};
        if (!listed_read(m, item, &c, e))
            return false;
        if (intern_put(names, c.name) != i)
            return ask_fail(item, e, "query.unknown_value",
                            "two candidates have the name \"%.*s\"; give one of them a \"name\"",
                            (int)MIN(c.name.len, (size_t)60), c.name.at);
        if (!reader_put(&r, &c))
            return ask_fail(item, e, "query.limit",
                            "at most %d candidates may have conditions or alternatives",
                            IMPACT_ROLES_MAX);
    }
    reader_end(&r);
    return true;
}

/* Few names are looked for one by one, so that the scan passes over all else. */
static void names_plan(struct impact *m)
{
    enum { ONE_BY_ONE = 8 };
    struct question *q = m->q;
    bool is_few = !m->is_all && m->named_count <= ONE_BY_ONE;

    m->any.count = is_few ? m->named_count : 1;
    m->any.options = arena_array(q->arena, m->any.count + 1, sizeof *m->any.options);
    for (size_t i = 0; is_few && i < m->named_count; i++)
        m->any.options[i].event = m->candidates[i].name;
}

static int descending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x < y) - (x > y);
}

/* The first of any of the events the candidate names; INT64_MIN: unknown. */
static int64_t first_of(const struct matcher *role, const struct intern *names,
                        const struct event_name_info *list)
{
    int64_t first = INT64_MAX;

    for (size_t i = 0; i < role->count; i++) {
        uint32_t code = INTERN_NONE;
        if (!role->options[i].event.at)
            return INT64_MIN;
        code = intern_find(names, role->options[i].event);
        if (code != INTERN_NONE)
            first = MIN(first, list[code].first);
    }
    return first == INT64_MAX ? INT64_MIN : first;
}

/* When each was first seen in all history: those that began after the range did are late. */
static void firsts_find(struct impact *m)
{
    struct question *q = m->q;
    struct event_name_info *list;
    AUTO(intern) *names = intern_create();
    size_t count;

    q->source->does->events(q->source, q->arena, &list, &count);
    for (size_t i = 0; i < count; i++)
        (void)intern_put(names, list[i].name);
    m->late = arena_array(q->arena, m->candidate_count + 1, sizeof *m->late);
    for (size_t c = 0; c < m->candidate_count; c++) {
        struct impact_candidate *one = &m->candidates[c];
        one->first = first_of(&one->role, names, list);
        candidate_mark(m, one);
        if (one->first > q->from)
            m->late[m->late_count++] = one->first;
    }
    if (m->late_count)
        qsort(m->late, m->late_count, sizeof *m->late, descending);
    for (size_t c = 0; c < m->candidate_count; c++)
        while (m->candidates[c].late_at < m->late_count &&
               m->late[m->candidates[c].late_at] > m->candidates[c].first)
            m->candidates[c].late_at++;
}

static bool candidates_read(struct impact *m, struct err *e)
{
    struct question *q = m->q;
    const struct ask *a = question_keep(q, ask_member(&q->root, "candidates"));
    struct str text;

    m->names = intern_create();
    if (ask_is_there(a) && !json_string(a->json, &text))
        return candidates_listed(m, a, e);
    if (ask_is_there(a) && !str_equal(text, STR("events"))) {
        ask_fail(a, e, "query.unknown_value", "candidates cannot be \"%.*s\"",
                 (int)MIN(text.len, (size_t)60), text.at);
        return err_hint(e, "\"events\" for every event, or a list of events");
    }
    return candidates_all(m, a, e);
}

static bool counts_read(struct impact *m, struct err *e)
{
    static const int64_t preset[] = {1, 2, 3, 5, 10};
    struct question *q = m->q;
    struct ask a = ask_member(&q->root, "counts");
    BUF_AUTO text = {0};

    m->count_count = COUNT(preset);
    memcpy(m->counts, preset, sizeof preset);
    if (ask_is_there(&a)) {
        if (!ask_list(&a, 1, IMPACT_COUNTS_MAX, &m->count_count, e))
            return false;
        struct json_each it = json_each(a.json);
        for (size_t i = 0; json_next(&it); i++) {
            struct ask item = ask_item(&a, it.value, i);
            if (!ask_int(&item, i ? m->counts[i - 1] + 1 : 1, 1000000, &m->counts[i], e))
                return err_hint(e, "counts ascend, such as [1,2,3,5,10]");
        }
    }
    struct jwrite w = jwrite_to(&text);
    jwrite_array(&w);
    for (size_t i = 0; i < m->count_count; i++)
        jwrite_int(&w, m->counts[i]);
    jwrite_end(&w);
    question_rule_raw(q, "counts", buf_str(&text));
    return true;
}

/* ---- all of it ---- */

static const char *const ordinal_of_match[] = {"in", "in or after", "in or before", "in all up to"};

static void goal_name(struct impact *m)
{
    struct question *q = m->q;
    struct str start = matcher_name(q, &m->start);

    if (m->goal == GOAL_CONVERTED) {
        struct str last = m->walk->steps[m->walk->step_count - 1].name;
        m->goal_text = arena_printf(q->arena, "%.*s after %.*s", STR_ARG(last), STR_ARG(start));
        return;
    }
    struct str back = matcher_name(q, &m->returns);
    m->goal_text = arena_printf(q->arena, "%.*s %s %s %lld after %.*s", STR_ARG(back),
                                ordinal_of_match[m->match], interval_names[q->interval],
                                (long long)m->period, STR_ARG(start));
}

bool impact_read(struct impact *m, struct err *e)
{
    struct question *q = m->q;

    if (!goal_read(m, e) || !when_read(m, e) || !within_read(m, e) || !candidates_read(m, e) ||
        !counts_read(m, e))
        return false;
    goal_name(m);
    names_plan(m);
    firsts_find(m);
    question_rule(q, "candidates", m->is_all ? STR("events") : STR("listed"));
    question_rule(q, "p", STR("chi_square; fisher where a cell is expected below 5"));
    question_rule(q, "q", STR("benjamini_hochberg"));
    if (q->grouping) {
        question_rule_int(q, "limit", (int64_t)q->limit);
        question_rule_raw(q, "other", q->other ? STR("true") : STR("false"));
    }
    return question_check_names(q, e);
}

void impact_free(struct impact *m)
{
    intern_destroy(m->names);
}
