/* query/trends: reading a trends question and writing its answer. */
#include "query/trends.h"

#include <math.h>

#include "query/condition.h"
#include "query/operator.h"

static const struct math maths[] = {
    {"events", KIND_EVENTS, .can_cumulate = true},
    {"people", KIND_PEOPLE, .by_unit = true, .can_cumulate = true},
    {"accounts", KIND_DISTINCT, .subject = SCAN_ACCOUNT},
    {"sessions", KIND_PEOPLE, .by_session = true, .can_cumulate = true},
    {"weekly_active", KIND_ACTIVE, .by_unit = true, .look_back = 7},
    {"monthly_active", KIND_ACTIVE, .by_unit = true, .look_back = 30},
    {"first_time", KIND_FIRST, .by_unit = true, .can_cumulate = true},
    {"per_person", KIND_PER_PERSON, .by_unit = true},
    {"sum", KIND_NUMBER, .needs_property = true, .can_cumulate = true, .figure = 's'},
    {"avg", KIND_NUMBER, .needs_property = true, .figure = 'a'},
    {"min", KIND_NUMBER, .needs_property = true, .figure = '<'},
    {"max", KIND_NUMBER, .needs_property = true, .figure = '>'},
    {"median", KIND_QUANTILE, .needs_property = true, .quantile = 0.5},
    {"p75", KIND_QUANTILE, .needs_property = true, .quantile = 0.75},
    {"p90", KIND_QUANTILE, .needs_property = true, .quantile = 0.9},
    {"p95", KIND_QUANTILE, .needs_property = true, .quantile = 0.95},
    {"p99", KIND_QUANTILE, .needs_property = true, .quantile = 0.99},
    {"distinct", KIND_DISTINCT, .needs_property = true, .subject = SCAN_PROPERTY},
};

/* ---- reading ---- */

/* A number of the sessions: each counts once, where its first matching event lies. */
static bool fact_read(struct trends *t, const struct ask *property, struct series *s, struct err *e)
{
    const struct session_fact *fact = session_fact_find(s->property);

    if (!fact)
        return session_fact_unknown(property, e);
    if (fact->kind == SESSION_POSITION)
        return ask_fail(property, e, "query.unsupported",
                        "a position is of an event in its session; filter by it");
    if (fact->view == VIEW_TIME || (fact->type == SESSION_TEXT && s->kind != KIND_DISTINCT)) {
        ask_fail(property, e, "query.unsupported", "the %s of a session is no number", fact->name);
        return err_hint(e, fact->view == VIEW_TIME ? "its length and its hour are"
                                                   : "\"distinct\" counts its values");
    }
    s->fact = fact;
    s->by_session = true;
    return sessions_use(t->q, e);
}

static bool subject_read(const struct ask *a, bool *is_of_session, struct err *e)
{
    static const char *const subjects[] = {"event", "session"};
    struct ask of = ask_member(a, "of");
    unsigned choice = 0;

    if (ask_is_there(&of) && !ask_choice(&of, subjects, COUNT(subjects), &choice, e))
        return false;
    *is_of_session = choice == 1;
    return true;
}

static bool math_read(struct trends *t, const struct ask *a, struct series *s, struct err *e)
{
    const char *names[COUNT(maths)];
    struct question *q = t->q;
    struct ask math = ask_member(a, "math");
    const struct ask *property = question_keep(q, ask_member(a, "property"));
    unsigned choice = 0;
    bool is_of_session;

    for (size_t i = 0; i < COUNT(maths); i++)
        names[i] = maths[i].name;
    if (ask_is_there(&math) && !ask_choice(&math, names, COUNT(names), &choice, e))
        return false;
    s->math = &maths[choice];
    s->kind = s->math->kind;
    if (s->kind == KIND_ACTIVE &&
        q->interval >= (s->math->look_back == 7 ? INTERVAL_WEEK : INTERVAL_MONTH))
        s->kind = KIND_PEOPLE;
    t->by_unit = t->by_unit || s->math->by_unit;
    s->by_session = s->math->by_session || q->unit == COUNTED_SESSION;
    q->sessions_of_all = q->sessions_of_all || s->kind == KIND_FIRST;
    if (s->by_session && !sessions_use(q, e))
        return false;
    if (!subject_read(a, &is_of_session, e))
        return false;
    if (ask_is_there(property) != s->math->needs_property)
        return s->math->needs_property
                   ? ask_missing(a, "property", "this math needs a property of the event", e)
                   : ask_fail(property, e, "query.unknown_value",
                              "\"%s\" takes no property; sum, avg, median and the like do",
                              s->math->name);
    if (!s->math->needs_property)
        return true;
    if (!ask_text(property, &s->property, e))
        return false;
    if (is_of_session)
        return fact_read(t, property, s, e);
    question_asks_property(q, s->property, property);
    return true;
}

static bool series_read(struct trends *t, const struct ask *a, struct series *s, struct err *e)
{
    static const char *const known[] = {"event",    "any_of", "filter", "math",
                                        "property", "of",     "name"};
    struct ask name = ask_member(a, "name");

    if (!ask_members(a, known, COUNT(known), e) || !math_read(t, a, s, e) ||
        !matcher_read(t->q, a, &s->role, e))
        return false;
    s->name = matcher_name(t->q, &s->role);
    if (s->fact) /* "avg session length of Login" */
        s->name = arena_printf(t->q->arena, "%s session %s of %.*s", s->math->name, s->fact->name,
                               STR_ARG(s->name));
    if (!ask_is_there(&name))
        return true;
    if (!ask_text(&name, &s->own_name, e))
        return false;
    s->name = s->own_name;
    return true;
}

static bool options_read(struct trends *t, struct err *e)
{
    struct question *q = t->q;
    struct ask formula = ask_member(&q->root, "formula"), inputs = ask_member(&q->root, "inputs"),
               cumulative = ask_member(&q->root, "cumulative"),
               rolling = ask_member(&q->root, "rolling");
    struct str names[LIMIT_QUERY_SERIES];

    for (size_t i = 0; i < t->series_count; i++)
        names[i] = t->series[i].own_name;
    if (ask_is_there(&formula) &&
        !formula_read(q, &formula, names, t->series_count, &t->formula, e))
        return false;
    if (ask_is_there(&inputs) && !ask_bool(&inputs, &t->inputs, e))
        return false;
    if (ask_is_there(&rolling) && !ask_int(&rolling, 1, 1000, &t->rolling, e))
        return false;
    if (ask_is_there(&cumulative) && !ask_bool(&cumulative, &t->cumulative, e))
        return false;
    for (size_t i = 0; t->cumulative && i < t->series_count; i++)
        if (!t->series[i].math->can_cumulate)
            return ask_fail(&cumulative, e, "query.unknown_value",
                            "\"%s\" cannot be cumulative; events, people, first_time and sum can",
                            t->series[i].math->name);
    if (t->cumulative)
        question_rule_raw(q, "cumulative", STR("true"));
    if (t->rolling)
        question_rule_int(q, "rolling", t->rolling);
    return true;
}

static bool is_of_accounts(const struct series *s)
{
    return s->math->subject == SCAN_ACCOUNT;
}

/* Accounts are counted at the question's level. */
static bool codes_find(struct trends *t, struct series *s, struct err *e)
{
    struct question *q = t->q;

    if (!is_of_accounts(s)) {
        s->codes = intern_create();
        return true;
    }
    struct accounts *accounts = question_accounts(q, e);
    if (!accounts)
        return false;
    s->codes = accounts_names(accounts);
    s->units = accounts_units(accounts, q->level);
    return true;
}

static bool trends_read(struct trends *t, struct err *e)
{
    struct question *q = t->q;
    const struct ask *series = question_keep(q, ask_member(&q->root, "series"));

    if (!ask_is_there(series))
        return ask_missing(&q->root, "series", "list at least one event to count", e);
    if (!ask_list(series, 1, LIMIT_QUERY_SERIES, &t->series_count, e))
        return false;
    struct json_each it = json_each(series->json);
    for (size_t i = 0; json_next(&it); i++) {
        const struct ask *item = question_keep(q, ask_item(series, it.value, i));
        if (!series_read(t, item, &t->series[i], e))
            return false;
        if (t->series[i].kind == KIND_DISTINCT && !codes_find(t, &t->series[i], e))
            return false;
    }
    t->by_unit = t->by_unit || grouping_has_unit_part(q->grouping);
    return options_read(t, e) && question_check_names(q, e);
}

/* ---- answering ---- */

/* A series by interval, the total last. */
static void series_values(const struct trend_pass *p, size_t series, size_t slot, double *values)
{
    size_t n = p->edges.count;
    double running = 0;

    for (size_t i = 0; i <= n; i++) {
        values[i] = trend_value(p, series, slot, i);
        if (p->t->cumulative && i < n)
            values[i] = running += values[i];
    }
}

/* Values of one line of the answer: a series, or the formula over all. */
static void line_values(const struct trend_pass *p, size_t series, size_t slot, double *values)
{
    const struct trends *t = p->t;
    size_t n = p->edges.count;

    if (series < t->series_count) {
        series_values(p, series, slot, values);
        return;
    }
    double *inputs = mem_array(t->series_count * (n + 1), sizeof *inputs);
    for (size_t k = 0; k < t->series_count; k++)
        series_values(p, k, slot, inputs + k * (n + 1));
    formula_values(&t->formula, inputs, n, values);
    mem_free(inputs);
}

static void line_write(const struct trend_pass *p, struct jwrite *w, const struct groups *groups,
                       size_t series, size_t answer_slot, size_t slot, bool is_current)
{
    struct trends *t = p->t;
    struct question *q = t->q;
    size_t n = p->edges.count;
    double *values = mem_array(n + 1, sizeof *values), *rolled = mem_array(n + 1, sizeof *rolled);
    bool is_formula = series == t->series_count;

    line_values(p, series, slot, values);
    formula_roll(values, n, t->rolling ? (size_t)t->rolling : 1, rolled);
    jwrite_object(w);
    jwrite_pair_string(w, "name", is_formula ? t->formula.text : t->series[series].name);
    if (!is_formula)
        jwrite_pair_string(w, "math", str_of(t->series[series].math->name));
    if (!is_formula && t->series[series].fact) {
        jwrite_pair_string(w, "property", t->series[series].property);
        jwrite_pair_string(w, "of", STR("session"));
    }
    if (q->grouping) {
        jwrite_key(w, STR("breakdown"));
        group_write(q, w, groups, answer_slot);
    }
    jwrite_key(w, STR("values"));
    jwrite_array(w);
    for (size_t i = 0; i < n; i++)
        jwrite_double(w, t->rolling ? rolled[i] : values[i]);
    jwrite_end(w);
    jwrite_pair_double(w, "total", values[n]);
    jwrite_key(w, STR("final"));
    jwrite_array(w);
    for (size_t i = 0; i < n; i++)
        jwrite_bool(w, p->edges.at[i + 1] <= q->as_of);
    jwrite_end(w);
    if (t->rolling && is_current) {
        jwrite_key(w, STR("partial"));
        jwrite_array(w);
        for (size_t i = 0; i < n; i++)
            jwrite_bool(w, i + 1 < (size_t)t->rolling);
        jwrite_end(w);
    }
    jwrite_end(w);
    mem_free(values);
    mem_free(rolled);
}

/* `slots[i]`: where the answer's group i stands in the pass. */
static void lines_write(const struct trend_pass *p, struct jwrite *w, const char *key,
                        const struct groups *groups, const uint32_t *slots, bool is_current)
{
    const struct trends *t = p->t;
    size_t shown = t->q->grouping ? groups->count + groups->has_other : 1;

    jwrite_key(w, str_of(key));
    jwrite_array(w);
    for (size_t s = t->formula.count && !t->inputs ? t->series_count : 0;
         s < t->series_count + (t->formula.count > 0); s++)
        for (size_t i = 0; i < shown; i++)
            line_write(p, w, groups, s, i, slots[i], is_current);
    jwrite_end(w);
}

/* Reads the range, and again with the chosen groups if there are too many. */
static bool pass_with_groups(struct trend_pass *p, struct groups *groups, uint32_t **slots,
                             struct err *e)
{
    struct question *q = p->t->q;
    struct edges edges = p->edges, whole = {(int64_t[]){p->from, p->to}, 1};
    bool again = false;

    if (!trend_pass_run(p, e))
        return false;
    if (p->is_too_large) { /* first only how large the groups are */
        trend_pass_free(p);
        *p = (struct trend_pass){.t = p->t, .edges = whole, .from = p->from, .to = p->to};
        if (!trend_pass_run(p, e))
            return false;
        again = true;
    }
    *groups = (struct groups){.count = !q->grouping};
    if (q->grouping) {
        bool is_cut;
        uint64_t *sizes = mem_array(p->slots + 1, sizeof *sizes);
        for (size_t i = 0; i < p->slots; i++)
            sizes[i] = trend_size(p, i);
        groups_choose(q, p->keys.keys, sizes, p->slots, groups, &is_cut);
        mem_free(sizes);
        again = again || is_cut;
    }
    size_t shown = groups->count + groups->has_other;
    *slots = arena_array(q->arena, shown + 1, sizeof **slots);
    for (size_t i = 0; i < shown; i++)
        (*slots)[i] = again || !q->grouping ? (uint32_t)i : key_map_put(&p->keys, groups->keys[i]);
    if (!again)
        return true;
    trend_pass_free(p);
    *p = (struct trend_pass){
        .t = p->t, .edges = edges, .from = p->from, .to = p->to, .chosen = groups};
    if (!trend_pass_run(p, e))
        return false;
    if (p->is_too_large)
        return ask_fail(&q->root, e, "query.limit",
                        "the answer would hold more than %d numbers; ask for fewer groups, series "
                        "or intervals",
                        CELLS_MAX);
    return true;
}

static bool pick_run(struct trend_pass *p, const struct groups *groups, struct buf *out,
                     struct err *e)
{
    static const char *const known[] = {"series", "interval", "breakdown", PEOPLE_MEMBERS};
    struct question *q = p->t->q;
    struct ask interval = ask_member(&q->people_of, "interval"),
               number = ask_member(&q->people_of, "series");
    int64_t series = 0;
    struct trend_pass picked = {.t = p->t,
                                .edges = p->edges,
                                .from = p->from,
                                .to = p->to,
                                .chosen = q->grouping ? groups : NULL,
                                .picks = true,
                                .pick_interval = p->edges.count};

    if (!ask_members(&q->people_of, known, COUNT(known), e))
        return false;
    if (p->t->formula.count && !p->t->inputs)
        return ask_fail(&q->people_of, e, "query.unsupported",
                        "a formula's number has no people of its own; ask for those of a series, "
                        "without the formula");
    if (p->t->rolling)
        return ask_fail(&q->people_of, e, "query.unsupported",
                        "a rolling average has no people; ask without rolling");
    if (ask_is_there(&number) && !ask_int(&number, 0, (int64_t)p->t->series_count - 1, &series, e))
        return false;
    if (ask_is_there(&interval) &&
        !coordinate_interval(q, "interval", &p->edges, &picked.pick_interval, e))
        return false;
    picked.pick_series = (size_t)series;
    if (p->t->series[series].units)
        picked.people.names = p->t->series[series].codes;
    bool ok = groups_find(q, groups, &picked.pick_slot, e) && trend_pass_run(&picked, e);
    if (p->t->series[series].by_session)
        picked.people.sessions = q->session_records;
    ok = ok && answer_people(q, &picked.people, out, e);
    trend_pass_free(&picked);
    return ok;
}

static bool previous_write(struct trends *t, struct jwrite *w, const struct groups *groups,
                           int64_t from, int64_t to, struct err *e)
{
    struct question *q = t->q;
    struct trend_pass p = {.t = t, .from = from, .to = to, .chosen = q->grouping ? groups : NULL};
    size_t shown = groups->count + groups->has_other;
    uint32_t *slots = arena_array(q->arena, shown + 1, sizeof *slots);

    for (size_t i = 0; i < shown; i++)
        slots[i] = (uint32_t)i;
    bool ok = question_edges(q, q->interval, from, to, &p.edges, e) && trend_pass_run(&p, e);
    if (ok) {
        trend_values_sort(&p);
        answer_intervals(q, w, "previous_intervals", &p.edges, 0);
        lines_write(&p, w, "previous", groups, slots, false);
    }
    trend_pass_free(&p);
    return ok;
}

static bool trends_write(struct trends *t, struct trend_pass *p, struct buf *out, struct err *e)
{
    struct question *q = t->q;
    struct groups groups;
    uint32_t *slots;
    int64_t before_from = 0, before_to = 0;
    bool compares;

    if (!compare_read(q, p->edges.count, &compares, &before_from, &before_to, e) ||
        !pass_with_groups(p, &groups, &slots, e))
        return false;
    if (q->grouping) {
        question_rule_int(q, "limit", (int64_t)q->limit);
        question_rule_raw(q, "other", q->other ? STR("true") : STR("false"));
    }
    if (ask_is_there(&q->people_of))
        return pick_run(p, &groups, out, e);
    trend_values_sort(p);
    struct jwrite w = jwrite_to(out);
    answer_begin(q, &w);
    answer_intervals(q, &w, "intervals", &p->edges, 0);
    lines_write(p, &w, "series", &groups, slots, true);
    if (compares && !previous_write(t, &w, &groups, before_from, before_to, e))
        return false;
    jwrite_end(&w);
    return true;
}

static bool trends_answer(struct question *q, struct buf *out, struct err *e)
{
    struct trends *t = arena_alloc(q->arena, sizeof *t);
    struct trend_pass *p = arena_alloc(q->arena, sizeof *p);

    t->q = q;
    p->t = t;
    p->from = q->from;
    p->to = q->to;
    bool ok = trends_read(t, e) && question_edges(q, q->interval, q->from, q->to, &p->edges, e) &&
              trends_write(t, p, out, e);
    trend_pass_free(p);
    for (size_t i = 0; i < t->series_count; i++)
        if (!t->series[i].units)
            intern_destroy(t->series[i].codes);
    return ok;
}

static const char *const members[] = {QUESTION_MEMBERS, "series",  "formula", "inputs",
                                      "cumulative",     "rolling", "compare"};

const struct insight insight_trends = {
    .name = "trends",
    .wants_range = true,
    .interval = INTERVAL_DAY,
    .counts_accounts = true,
    .members = members,
    .member_count = COUNT(members),
    .answer = trends_answer,
};
