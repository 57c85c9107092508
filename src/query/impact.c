/* query/impact: rows of the answer, and the people behind each of their numbers. */
#include "query/impact.h"

#include <math.h>
#include <stdlib.h>

#include "query/association.h"
#include "query/paint.h"

/* Below these an association says little, whatever its p. */
enum { FEW_UNITS = 25 };
static const double share_min = 0.02; /* of units that did it, or did not; and that began late */
static const double expected_min = 5;

enum warning {
    WARN_FEW,
    WARN_NEARLY_ALL,
    WARN_NEARLY_NONE,
    WARN_START,
    WARN_GOAL,
    WARN_LATE,
};

struct row {
    const struct impact_candidate *candidate;
    size_t count_at;
    struct association_table table;
    struct association figures;
    double q;
    uint64_t could_not;
    uint32_t warnings; /* bits */
    bool is_best;      /* of its event's */
};

struct rows {
    struct row *list;
    size_t count, tests;
};

/* ---- rows ---- */

static uint64_t could_not(const struct impact_pass *p, size_t slot,
                          const struct impact_candidate *c)
{
    const uint64_t *late = p->late + slot * (p->m->late_count + 1);
    uint64_t sum = 0;

    if (c->first <= p->m->q->from)
        return 0;
    for (size_t n = c->late_at + 1; n <= p->m->late_count; n++)
        sum += late[n];
    return sum;
}

static uint32_t warnings_of(const struct row *r)
{
    const struct association_table *t = &r->table;
    double did = (double)(t->a + t->b), did_not = (double)(t->c + t->d), all = did + did_not;
    uint32_t bits = 0;

    if (did < FEW_UNITS || did_not < FEW_UNITS || !(r->figures.expected >= expected_min))
        bits |= 1U << WARN_FEW;
    if (did_not < share_min * all)
        bits |= 1U << WARN_NEARLY_ALL;
    if (did < share_min * all)
        bits |= 1U << WARN_NEARLY_NONE;
    if (r->candidate->is_start)
        bits |= 1U << WARN_START;
    if (r->candidate->is_goal)
        bits |= 1U << WARN_GOAL;
    if ((double)r->could_not >= share_min * all && r->could_not)
        bits |= 1U << WARN_LATE;
    return bits;
}

/* What can be judged first; of that what goes with the goal most, either way. */
static int by_strength(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    bool x_few = x->warnings & 1U << WARN_FEW, y_few = y->warnings & 1U << WARN_FEW;
    double x_phi = isnan(x->figures.phi) ? -1 : fabs(x->figures.phi),
           y_phi = isnan(y->figures.phi) ? -1 : fabs(y->figures.phi);

    if (x_few != y_few)
        return x_few ? 1 : -1;
    if (x_phi != y_phi)
        return x_phi < y_phi ? 1 : -1;
    int order = str_compare(x->candidate->name, y->candidate->name);
    return order ? order : (x->count_at > y->count_at) - (x->count_at < y->count_at);
}

/* Rows are sorted: the first of an event is its strongest. */
static void best_mark(const struct impact *m, struct rows *rows)
{
    bool *has = arena_array(m->q->arena, m->candidate_count + 1, sizeof *has);

    for (size_t i = 0; i < rows->count; i++) {
        struct row *r = &rows->list[i];
        bool *mine = &has[r->candidate - m->candidates];
        r->is_best = !*mine && !(r->warnings & 1U << WARN_FEW);
        *mine = true;
    }
}

static void rates_find(struct question *q, struct rows *rows)
{
    double *p = arena_array(q->arena, rows->count + 1, sizeof *p),
           *rate = arena_array(q->arena, rows->count + 1, sizeof *rate);

    for (size_t i = 0; i < rows->count; i++)
        p[i] = rows->list[i].figures.p;
    rows->tests = discovery_rates(p, rate, rows->count);
    for (size_t i = 0; i < rows->count; i++)
        rows->list[i].q = rate[i];
}

/* A row for each count that anybody got to; of a listed event the first one in any case. */
static struct rows rows_make(const struct impact_pass *p, size_t slot)
{
    const struct impact *m = p->m;
    struct question *q = m->q;
    const struct impact_tally *t = &p->tallies[slot];
    const uint64_t *done = p->done + slot * impact_cells(m);
    struct rows rows = {0};

    rows.list = arena_array(q->arena, m->candidate_count * m->count_count + 1, sizeof *rows.list);
    for (size_t c = 0; c < m->candidate_count; c++)
        for (size_t k = 0; k < m->count_count; k++, done += 2) {
            struct row r = {.candidate = &m->candidates[c], .count_at = k};
            if (done[0] + done[1] == 0 && (m->is_all || k))
                continue;
            r.table = (struct association_table){done[1], done[0], t->units[1] - done[1],
                                                 t->units[0] - done[0]};
            r.figures = association_of(&r.table);
            r.could_not = could_not(p, slot, r.candidate);
            r.warnings = warnings_of(&r);
            rows.list[rows.count++] = r;
        }
    rates_find(q, &rows);
    if (rows.count)
        qsort(rows.list, rows.count, sizeof *rows.list, by_strength);
    best_mark(m, &rows);
    return rows;
}

/* ---- writing ---- */

static double ratio(uint64_t part, uint64_t whole)
{
    return whole ? (double)part / (double)whole : NAN;
}

static void side_write(struct jwrite *w, const char *key, uint64_t reached, uint64_t not_reached)
{
    jwrite_key(w, str_of(key));
    jwrite_object(w);
    jwrite_pair_int(w, "units", (int64_t)(reached + not_reached));
    jwrite_pair_int(w, "reached", (int64_t)reached);
    jwrite_pair_double(w, "rate", ratio(reached, reached + not_reached));
    jwrite_end(w);
}

static void figure_write(struct jwrite *w, const char *key, double v, double low, double high)
{
    BUF_AUTO interval = {0};

    jwrite_pair_double(w, key, v);
    buf_printf(&interval, "%s_interval", key);
    jwrite_key(w, buf_str(&interval));
    if (isnan(low) || isnan(high)) {
        jwrite_null(w);
        return;
    }
    jwrite_array(w);
    jwrite_double(w, low);
    jwrite_double(w, high);
    jwrite_end(w);
}

static void row_write(const struct impact *m, const struct row *r, struct jwrite *w)
{
    const struct association *f = &r->figures;

    jwrite_object(w);
    jwrite_pair_string(w, "event", r->candidate->name);
    jwrite_pair_int(w, "count", m->counts[r->count_at]);
    side_write(w, "did", r->table.a, r->table.b);
    side_write(w, "did_not", r->table.c, r->table.d);
    figure_write(w, "lift", f->lift, f->lift_low, f->lift_high);
    figure_write(w, "odds_ratio", f->odds_ratio, f->odds_low, f->odds_high);
    figure_write(w, "phi", f->phi, f->phi_low, f->phi_high);
    jwrite_pair_double(w, "p", f->p);
    jwrite_key(w, STR("test"));
    if (isnan(f->p))
        jwrite_null(w);
    else
        jwrite_string(w, f->is_exact ? STR("fisher") : STR("chi_square"));
    jwrite_pair_double(w, "q", r->q);
    jwrite_pair_bool(w, "best", r->is_best);
    jwrite_key(w, STR("warnings"));
    jwrite_array(w);
    for (size_t i = 0; i < WARNINGS; i++)
        if (r->warnings >> i & 1)
            jwrite_string(w, str_of(impact_warnings[i]));
    jwrite_end(w);
    if (r->warnings >> WARN_LATE & 1) {
        answer_time(m->q, w, "first_seen", r->candidate->first);
        jwrite_pair_int(w, "could_not", (int64_t)r->could_not);
    }
    jwrite_end(w);
}

static void part_write(const struct impact_pass *p, size_t slot, struct jwrite *w)
{
    const struct impact_tally *t = &p->tallies[slot];
    struct rows rows = rows_make(p, slot);
    uint64_t counted = t->units[0] + t->units[1];

    jwrite_key(w, STR("units"));
    jwrite_object(w);
    jwrite_pair_int(w, "counted", (int64_t)counted);
    jwrite_pair_int(w, "reached", (int64_t)t->units[1]);
    jwrite_pair_double(w, "rate", ratio(t->units[1], counted));
    jwrite_pair_int(w, "open", (int64_t)t->open);
    if (p->m->goal == GOAL_CONVERTED)
        jwrite_pair_int(w, "early", (int64_t)t->early);
    else
        jwrite_pair_int(w, "cut", (int64_t)t->cut);
    jwrite_end(w);
    jwrite_pair_int(w, "tests", (int64_t)rows.tests);
    jwrite_key(w, STR("rows"));
    jwrite_array(w);
    for (size_t i = 0; i < rows.count; i++)
        row_write(p->m, &rows.list[i], w);
    jwrite_end(w);
}

/* Groups are learned by size first, then counted with the rest as one. */
static bool groups_find_all(struct impact *m, struct groups *groups, struct err *e)
{
    struct impact_pass sizes = {.m = m, .only_sizes = true};
    bool again, ok = impact_pass_run(&sizes, e);

    if (ok) {
        uint64_t *list = mem_array(sizes.slots + 1, sizeof *list);
        for (size_t i = 0; i < sizes.slots; i++)
            list[i] = sizes.tallies[i].units[0] + sizes.tallies[i].units[1];
        groups_choose(m->q, sizes.keys.keys, list, sizes.slots, groups, &again);
        mem_free(list);
    }
    impact_pass_free(&sizes);
    return ok;
}

static bool groups_write(struct impact *m, struct jwrite *w, struct err *e)
{
    struct groups groups;
    struct impact_pass p = {.m = m, .chosen = &groups};
    bool ok = groups_find_all(m, &groups, e) && impact_pass_run(&p, e);

    if (ok) {
        jwrite_key(w, STR("groups"));
        jwrite_array(w);
        for (size_t i = 0; i < groups.count + groups.has_other; i++) {
            jwrite_object(w);
            jwrite_key(w, STR("value"));
            group_write(m->q, w, &groups, i);
            part_write(&p, i, w);
            jwrite_end(w);
        }
        jwrite_end(w);
    }
    impact_pass_free(&p);
    return ok;
}

static bool impact_write(struct impact *m, struct buf *out, struct err *e)
{
    struct question *q = m->q;
    struct grouping *grouping = q->grouping;
    struct impact_pass p = {.m = m};

    q->grouping = NULL; /* the whole first, then by group */
    bool ok = impact_pass_run(&p, e);
    q->grouping = grouping;
    if (ok) {
        struct jwrite w = jwrite_to(out);
        answer_begin(q, &w);
        jwrite_pair_string(&w, "goal", m->goal_text);
        jwrite_pair_string(&w, "says",
                           STR("what goes with the goal, not what causes it: who does one thing "
                               "often differs in others, too"));
        part_write(&p, 0, &w);
        jwrite_pair_int(&w, "more", (int64_t)m->more);
        ok = !grouping || groups_write(m, &w, e);
        if (ok)
            jwrite_end(&w);
    }
    impact_pass_free(&p);
    return ok;
}

/* ---- people ---- */

static bool candidate_find(struct impact *m, size_t *out, struct err *e)
{
    struct question *q = m->q;
    struct ask event = ask_member(&q->people_of, "event");
    struct str name;

    *out = SIZE_MAX;
    if (!ask_is_there(&event))
        return true;
    if (!ask_text(&event, &name, e))
        return false;
    for (*out = 0; *out < m->candidate_count; (*out)++)
        if (str_equal(m->candidates[*out].name, name))
            return true;
    return ask_fail(&event, e, "query.unknown_value", "the answer has no row of \"%.*s\"",
                    (int)MIN(name.len, (size_t)60), name.at);
}

static bool flag_read(struct question *q, const char *name, bool preset, bool *out, struct err *e)
{
    struct ask a = ask_member(&q->people_of, name);

    *out = preset;
    return !ask_is_there(&a) || ask_bool(&a, out, e);
}

static bool coordinates_read(struct impact_pass *picked, struct err *e)
{
    static const char *const known[] = {"event", "count", "did",       "reached",
                                        "open",  "early", "breakdown", PEOPLE_MEMBERS};
    struct impact *m = picked->m;
    struct question *q = m->q;
    struct ask count = ask_member(&q->people_of, "count"),
               reached = ask_member(&q->people_of, "reached");

    if (!ask_members(&q->people_of, known, COUNT(known), e) ||
        !candidate_find(m, &picked->pick_candidate, e) ||
        !flag_read(q, "did", true, &picked->pick_did, e) ||
        !flag_read(q, "reached", true, &picked->pick_reached, e) ||
        !flag_read(q, "open", false, &picked->pick_open, e) ||
        !flag_read(q, "early", false, &picked->pick_early, e))
        return false;
    picked->picks = true;
    picked->pick_any_goal = !ask_is_there(&reached);
    picked->pick_count = m->counts[0];
    if (!ask_is_there(&count))
        return true;
    if (picked->pick_candidate == SIZE_MAX)
        return ask_missing(&q->people_of, "event", "a count is of an event", e);
    if (!ask_int(&count, 1, 1000000, &picked->pick_count, e))
        return false;
    for (size_t i = 0; i < m->count_count; i++)
        if (m->counts[i] == picked->pick_count)
            return true;
    return ask_fail(&count, e, "query.unknown_value", "the answer has no row of this count");
}

static bool impact_pick(struct impact *m, struct buf *out, struct err *e)
{
    struct question *q = m->q;
    struct ask breakdown = ask_member(&q->people_of, "breakdown");
    struct grouping *grouping = q->grouping;
    struct impact_pass picked = {.m = m};
    struct groups groups = {.count = 1};

    if (!coordinates_read(&picked, e))
        return false;
    if (!ask_is_there(&breakdown))
        q->grouping = NULL; /* of all groups together */
    bool ok = !q->grouping || groups_find_all(m, &groups, e);
    picked.chosen = q->grouping ? &groups : NULL;
    ok = ok && groups_find(q, &groups, &picked.pick_slot, e) && impact_pass_run(&picked, e) &&
         answer_people(q, &picked.people, out, e);
    q->grouping = grouping;
    impact_pass_free(&picked);
    return ok;
}

static bool impact_answer(struct question *q, struct buf *out, struct err *e)
{
    struct impact *m = arena_alloc(q->arena, sizeof *m);

    m->q = q;
    bool ok = impact_read(m, e);
    if (ok)
        ok = ask_is_there(&q->people_of) ? impact_pick(m, out, e) : impact_write(m, out, e);
    impact_free(m);
    return ok;
}

static const char *const members[] = {QUESTION_MEMBERS, "goal", "within", "candidates", "counts"};

const struct insight insight_impact = {
    .name = "impact",
    .no_sessions = "who stays is a person or an account; a session does not come back",
    .interval = INTERVAL_DAY,
    .counts_accounts = true,
    .members = members,
    .member_count = COUNT(members),
    .answer = impact_answer,
};
