/* query/funnel: reading a funnel question and writing its answer. */
#include "query/funnel.h"

#include <math.h>

#include "query/why.h"

enum { BINS_MAX = 90, BINS_AUTO_MAX = 60, EMPTY_WIDTH_SECONDS = 60 };

/* ---- reading: steps and exclusions ---- */

static bool steps_read(struct funnel *f, struct err *e)
{
    static const char *const known[] = {"event", "any_of", "filter", "optional", "name"};
    struct question *q = f->q;
    const struct ask *steps = question_keep(q, ask_member(&q->root, "steps"));

    if (!ask_is_there(steps))
        return ask_missing(&q->root, "steps", "list the events of the funnel in order", e);
    if (!ask_list(steps, 1, STEPS_MAX, &f->step_count, e))
        return false;
    struct json_each it = json_each(steps->json);
    for (size_t i = 0; json_next(&it); i++) {
        const struct ask *item = question_keep(q, ask_item(steps, it.value, i));
        struct funnel_step *s = &f->steps[i];
        bool is_optional = false;
        if (!ask_members(item, known, COUNT(known), e) || !matcher_read(q, item, &s->role, e))
            return false;
        struct ask optional = ask_member(item, "optional"), name = ask_member(item, "name");
        s->name = matcher_name(q, &s->role);
        if (ask_is_there(&name) && !ask_text(&name, &s->name, e))
            return false;
        if (ask_is_there(&optional) && !ask_bool(&optional, &is_optional, e))
            return false;
        if (is_optional && i == 0)
            return ask_fail(&optional, e, "query.unknown_value",
                            "step 1 begins the run and cannot be optional");
        f->optional |= (step_set)is_optional << i;
    }
    return true;
}

static bool between_read(struct funnel *f, const struct ask *item, struct funnel_exclusion *x,
                         struct err *e)
{
    struct ask between = ask_member(item, "between");
    int64_t bound[2] = {1, (int64_t)f->step_count};
    size_t count;

    if (ask_is_there(&between)) {
        if (!ask_list(&between, 2, 2, &count, e))
            return false;
        struct json_each it = json_each(between.json);
        for (size_t i = 0; json_next(&it); i++) {
            struct ask step = ask_item(&between, it.value, i);
            if (!ask_int(&step, 1, (int64_t)f->step_count, &bound[i], e))
                return false;
        }
        if (bound[0] >= bound[1])
            return ask_fail(&between, e, "query.unknown_value",
                            "between goes from a step to a later one, such as [1,2]");
    }
    if (f->order == ORDER_UNORDERED && (bound[0] != 1 || bound[1] != (int64_t)f->step_count)) {
        ask_fail(&between, e, "query.unsupported",
                 "an unordered funnel takes exclusions only over the whole funnel");
        return err_hint(e, "leave out between");
    }
    for (int64_t d = bound[0]; d < bound[1]; d++)
        x->blocks |= step_bit((size_t)d - 1);
    return true;
}

static bool exclusions_read(struct funnel *f, struct err *e)
{
    static const char *const known[] = {"event", "any_of", "filter", "between"};
    struct question *q = f->q;
    const struct ask *list = question_keep(q, ask_member(&q->root, "exclude"));

    if (!ask_is_there(list))
        return true;
    if (!ask_list(list, 0, EXCLUSIONS_MAX, &f->exclusion_count, e))
        return false;
    struct json_each it = json_each(list->json);
    for (size_t i = 0; json_next(&it); i++) {
        const struct ask *item = question_keep(q, ask_item(list, it.value, i));
        if (!ask_members(item, known, COUNT(known), e) ||
            !matcher_read(q, item, &f->exclusions[i].role, e) ||
            !between_read(f, item, &f->exclusions[i], e))
            return false;
    }
    return true;
}

/* ---- reading: rules ---- */

/* What the presets change; the first value is tenure's. */
struct preset {
    const char *window, *entry, *tie, *on_exclude;
};
static const struct preset presets[] = {
    [SEMANTICS_TENURE] = {"14d", "latest", "exact", "stop"},
    [SEMANTICS_POSTHOG] = {"14d", "latest", "exact", "drop"},
    [SEMANTICS_MIXPANEL] = {"7d", "first", "2s", "stop"},
    [SEMANTICS_AMPLITUDE] = {"1d", "latest", "1s", "drop"},
};

static bool rule_read(struct funnel *f, const char *name, const char *const *names, size_t count,
                      const char *preset, unsigned *out, struct err *e)
{
    struct ask a = ask_member(&f->q->root, name);

    *out = 0;
    for (unsigned i = 0; preset && i < count; i++)
        if (str_equal(str_of(names[i]), str_of(preset)))
            *out = i;
    if (ask_is_there(&a) && !ask_choice(&a, names, count, out, e))
        return false;
    question_rule(f->q, name, str_of(names[*out]));
    return true;
}

/* "5m", or the preset's text. */
static bool length_read(struct funnel *f, const char *name, const char *preset, int64_t *ms,
                        struct err *e)
{
    struct question *q = f->q;
    struct ask a = ask_member(&q->root, name);
    struct duration d = {0};
    static const struct {
        const char *text;
        int64_t ms;
    } known[] = {{"exact", 0},     {"1s", 1000},      {"2s", 2000},
                 {"1d", 86400000}, {"7d", 604800000}, {"14d", 1209600000}};
    struct str text = str_of(preset);

    if (ask_is_there(&a)) {
        if (!ask_text(&a, &text, e))
            return false;
        if (!str_equal(text, STR("exact")) || name[0] != 't') {
            if (!duration_read(&a, false, &d, e))
                return false;
            *ms = duration_ms(d);
            question_rule(q, name, text);
            return true;
        }
    }
    for (size_t i = 0; i < COUNT(known); i++)
        if (str_equal(text, str_of(known[i].text)))
            *ms = known[i].ms;
    question_rule(q, name, text);
    return true;
}

static bool tie_check(struct funnel *f, struct err *e)
{
    struct ask tie = ask_member(&f->q->root, "tie");

    if (f->tie_ms > 60000)
        return ask_fail(&tie, e, "query.limit", "a tie is a grace of at most 60 s");
    if (f->tie_ms && f->order != ORDER_ORDERED) {
        if (ask_is_there(&tie))
            return ask_fail(&tie, e, "query.unsupported",
                            "a grace between events works with ordered funnels only");
        f->tie_ms = 0; /* a preset's */
        question_rule(f->q, "tie_used", STR("exact"));
    }
    return true;
}

static bool hold_read(struct funnel *f, struct err *e)
{
    struct question *q = f->q;
    const struct ask *hold = question_keep(q, ask_member(&q->root, "hold"));

    if (ask_is_there(hold)) {
        if (!ask_list(hold, 1, HOLDS_MAX, &f->hold_count, e))
            return false;
        struct json_each it = json_each(hold->json);
        for (size_t i = 0; json_next(&it); i++) {
            const struct ask *item = question_keep(q, ask_item(hold, it.value, i));
            if (!ask_text(item, &f->holds[i], e))
                return false;
            question_asks_property(q, f->holds[i], item);
        }
    }
    if (f->count == COUNT_HELD && !f->hold_count)
        return ask_missing(&q->root, "hold", "count \"held\" needs the properties to hold", e);
    if (f->hold_count)
        f->hold_codes = intern_create();
    return true;
}

static bool attribution_read(struct funnel *f, struct err *e)
{
    static const char *const touches[] = {"first_touch", "last_touch", "step", "all_events"};
    struct question *q = f->q;
    struct ask attribution = ask_member(&q->root, "attribution"),
               step = ask_member(&q->root, "step");
    int64_t number = 1;
    unsigned choice = 0;

    if (ask_is_there(&attribution) &&
        !ask_choice(&attribution, touches, COUNT(touches), &choice, e))
        return false;
    if (ask_is_there(&step) && !ask_int(&step, 1, (int64_t)f->step_count, &number, e))
        return false;
    f->attribution = (enum funnel_attribution)choice;
    f->attribution_step = (size_t)number - 1;
    if (f->attribution == TOUCH_STEP && f->order == ORDER_UNORDERED && number != 1)
        return ask_fail(&step, e, "query.unsupported",
                        "an unordered funnel attributes to step 1 only, since any step may come "
                        "first");
    if (f->attribution == TOUCH_STEP && !ask_is_there(&step))
        return ask_missing(&q->root, "step", "attribution \"step\" needs the step's number", e);
    if (!q->grouping)
        return true;
    question_rule(q, "attribution", str_of(touches[choice]));
    if (f->attribution == TOUCH_STEP)
        question_rule_int(q, "step", number);
    return true;
}

static bool rules_read(struct funnel *f, struct err *e)
{
    static const char *const orders[] = {"ordered", "strict", "unordered"};
    static const char *const entries[] = {"latest", "first", "every"};
    static const char *const counts[] = {"people", "totals", "sessions", "held"};
    static const char *const excludes[] = {"stop", "drop"};
    const struct preset *p = &presets[f->q->semantics];
    struct ask entry_place = ask_member(&f->q->root, "entry"),
               count_place = ask_member(&f->q->root, "count");
    unsigned order, entry, count, on_exclude;

    if (!rule_read(f, "order", orders, COUNT(orders), NULL, &order, e) ||
        !length_read(f, "window", p->window, &f->window_ms, e) ||
        !rule_read(f, "entry", entries, COUNT(entries), p->entry, &entry, e) ||
        !length_read(f, "tie", p->tie, &f->tie_ms, e) ||
        !rule_read(f, "count", counts, COUNT(counts), NULL, &count, e) ||
        !rule_read(f, "on_exclude", excludes, COUNT(excludes), p->on_exclude, &on_exclude, e))
        return false;
    f->order = (enum funnel_order)order;
    f->entry = (enum funnel_entry)entry;
    f->count = (enum funnel_count)count;
    if (f->count == COUNT_SESSIONS) { /* each session is a unit of its own */
        f->q->unit = COUNTED_SESSION;
        f->count = COUNT_PEOPLE;
    }
    if (f->q->unit == COUNTED_SESSION && !sessions_use(f->q, e))
        return false;
    f->drops = on_exclude == 1;
    if (f->order == ORDER_UNORDERED && ask_is_there(&entry_place) && f->entry != ENTRY_LATEST)
        return ask_fail(&entry_place, e, "query.unsupported",
                        "an unordered funnel has no entry rule: any step may come first");
    if (f->order == ORDER_UNORDERED && f->count == COUNT_TOTALS)
        return ask_fail(&count_place, e, "query.unsupported",
                        "totals are counted in ordered and strict funnels only");
    if (f->order == ORDER_UNORDERED && f->optional)
        return ask_fail(&f->q->root, e, "query.unsupported",
                        "an unordered funnel has no optional steps");
    return tie_check(f, e);
}

static bool step_number_read(struct funnel *f, const char *name, size_t preset, size_t *out,
                             struct err *e)
{
    struct ask a = ask_member(&f->q->root, name);
    int64_t number = (int64_t)preset;

    if (ask_is_there(&a) && !ask_int(&a, 1, (int64_t)f->step_count, &number, e))
        return false;
    *out = (size_t)number - 1;
    return true;
}

static bool show_read(struct funnel *f, struct err *e)
{
    static const char *const shows[] = {"steps", "over_time", "time_to_convert"};
    struct question *q = f->q;
    struct ask bins = ask_member(&q->root, "bins"), from = ask_member(&q->root, "from_step"),
               count = ask_member(&q->root, "count");
    unsigned show;

    if (!rule_read(f, "show", shows, COUNT(shows), NULL, &show, e) ||
        !step_number_read(f, "from_step", 1, &f->from_step, e) ||
        !step_number_read(f, "to_step", f->step_count, &f->to_step, e))
        return false;
    f->show = (enum funnel_show)show;
    if (f->from_step > f->to_step)
        return ask_fail(&from, e, "query.unknown_value", "from_step comes after to_step");
    if (ask_is_there(&bins) && !ask_int(&bins, 1, BINS_MAX, &f->bins, e))
        return false;
    if (f->show != SHOW_OVER_TIME)
        return true;
    if (f->count == COUNT_TOTALS)
        return ask_fail(&count, e, "query.unsupported",
                        "conversion over time counts people, sessions or held values");
    return question_edges(q, q->interval, q->from, q->to, &f->buckets, e);
}

static bool funnel_read(struct funnel *f, struct err *e)
{
    return steps_read(f, e) && rules_read(f, e) && exclusions_read(f, e) && hold_read(f, e) &&
           attribution_read(f, e) && show_read(f, e) && question_check_names(f->q, e);
}

/* ---- answering ---- */

static void ratio_write(struct jwrite *w, const char *key, uint64_t part, uint64_t whole)
{
    jwrite_pair_double(w, key, whole ? (double)part / (double)whole : NAN);
}

static void summary_write(struct jwrite *w, struct times *t)
{
    struct times_summary s = times_summarise(t);

    jwrite_pair_double(w, "average_seconds", s.average);
    jwrite_pair_double(w, "median_seconds", s.median);
    jwrite_pair_double(w, "p90_seconds", s.p90);
}

static void steps_write(const struct funnel *f, struct tally *t, struct jwrite *w)
{
    struct times none = {0};
    size_t before = 0;

    tally_begin(f, t);
    jwrite_key(w, STR("steps"));
    jwrite_array(w);
    for (size_t s = 0; s < f->step_count; s++) {
        bool is_optional = f->optional >> s & 1;
        bool has_times = s && !is_optional;
        jwrite_object(w);
        jwrite_pair_string(w, "name", f->steps[s].name);
        jwrite_pair_int(w, "count", (int64_t)t->counts[s]);
        ratio_write(w, "conversion", t->counts[s], t->counts[0]);
        ratio_write(w, "from_previous", t->counts[s], t->counts[before]);
        summary_write(w, has_times ? &t->times[s] : &none);
        jwrite_pair_int(w, "stopped", (int64_t)t->stopped[s]);
        if (is_optional)
            jwrite_pair_bool(w, "optional", true);
        jwrite_end(w);
        if (!is_optional)
            before = s;
    }
    jwrite_end(w);
}

static void buckets_write(const struct funnel *f, const struct tally *t, struct jwrite *w)
{
    const struct question *q = f->q;

    jwrite_key(w, STR("buckets"));
    jwrite_array(w);
    for (size_t i = 0; i < f->buckets.count; i++) {
        uint64_t from = t->from ? t->from[i] : 0, to = t->to ? t->to[i] : 0;
        jwrite_object(w);
        jwrite_pair_string(w, "start", answer_label(q, q->interval, f->buckets.at[i]));
        jwrite_pair_int(w, "from", (int64_t)from);
        jwrite_pair_int(w, "to", (int64_t)to);
        ratio_write(w, "rate", to, from);
        jwrite_pair_bool(w, "final", f->buckets.at[i + 1] + f->window_ms <= q->as_of);
        jwrite_end(w);
    }
    jwrite_end(w);
}

static int64_t bins_auto(size_t samples)
{
    int64_t bins = 1;

    while (bins < BINS_AUTO_MAX && bins * bins * bins < (int64_t)samples)
        bins++; /* ceil of the cube root */
    return bins;
}

static void bars_write(const struct funnel *f, struct tally *t, struct jwrite *w)
{
    const struct times *s = &t->samples;
    uint64_t counts[BINS_MAX + 1] = {0};
    int64_t low = 0, high = 0, bins = f->bins ? f->bins : bins_auto(s->count);

    for (size_t i = 0; i < s->count; i++) { /* whole seconds around all samples */
        int64_t floor = s->list[i] / 1000, ceil = (s->list[i] + 999) / 1000;
        low = i && low < floor ? low : floor;
        high = i && high > ceil ? high : ceil;
    }
    int64_t width = (high - low + bins - 1) / bins;
    if (!width)
        width = EMPTY_WIDTH_SECONDS;
    for (size_t i = 0; i < s->count; i++)
        counts[(s->list[i] / 1000 - low) / width]++;
    jwrite_key(w, STR("bars"));
    jwrite_array(w);
    for (int64_t i = 0; s->count && i <= bins; i++) {
        jwrite_array(w);
        jwrite_int(w, low + i * width);
        jwrite_int(w, (int64_t)counts[i]);
        jwrite_end(w);
    }
    jwrite_end(w);
    jwrite_pair_int(w, "samples", (int64_t)s->count);
    summary_write(w, &t->samples);
}

static void tally_write(const struct funnel *f, struct tally *t, struct jwrite *w)
{
    if (f->show == SHOW_OVER_TIME)
        buckets_write(f, t, w);
    else if (f->show == SHOW_TIME_TO_CONVERT)
        bars_write(f, t, w);
    else
        steps_write(f, t, w);
}

static uint64_t tally_size(const struct funnel *f, const struct tally *t)
{
    uint64_t size = t->counts ? t->counts[0] : 0;

    for (size_t i = 0; t->from && i < f->buckets.count; i++)
        size += t->from[i];
    return size;
}

static bool groups_run(struct funnel_pass *p, struct groups *groups, uint32_t **slots,
                       struct err *e)
{
    struct question *q = p->f->q;
    bool again;

    if (!funnel_pass_run(p, e))
        return false;
    uint64_t *sizes = mem_array(p->slots + 1, sizeof *sizes);
    for (size_t i = 0; i < p->slots; i++)
        sizes[i] = tally_size(p->f, &p->tallies[i]);
    groups_choose(q, p->keys.keys, sizes, p->slots, groups, &again);
    mem_free(sizes);
    size_t shown = groups->count + groups->has_other;
    *slots = arena_array(q->arena, shown + 1, sizeof **slots);
    for (size_t i = 0; i < shown; i++)
        (*slots)[i] = again ? (uint32_t)i : key_map_put(&p->keys, groups->keys[i]);
    if (!again)
        return true;
    funnel_pass_free(p);
    *p = (struct funnel_pass){.f = p->f, .chosen = groups};
    return funnel_pass_run(p, e);
}

static bool groups_write(struct funnel *f, struct jwrite *w, struct err *e)
{
    struct funnel_pass p = {.f = f};
    struct groups groups;
    uint32_t *slots;
    bool ok = groups_run(&p, &groups, &slots, e);

    if (ok) {
        jwrite_key(w, STR("groups"));
        jwrite_array(w);
        for (size_t i = 0; i < groups.count + groups.has_other; i++) {
            jwrite_object(w);
            jwrite_key(w, STR("value"));
            group_write(f->q, w, &groups, i);
            tally_write(f, &p.tallies[slots[i]], w);
            jwrite_end(w);
        }
        jwrite_end(w);
    }
    funnel_pass_free(&p);
    return ok;
}

static bool pick_read(struct funnel *f, struct funnel_pass *p, struct err *e)
{
    static const char *const known[] = {"step",      "dropped", "stopped",
                                        "breakdown", "bucket",  PEOPLE_MEMBERS};
    struct question *q = f->q;
    struct ask dropped = ask_member(&q->people_of, "dropped"),
               stopped = ask_member(&q->people_of, "stopped");
    int64_t step;
    size_t bucket;

    if (!ask_members(&q->people_of, known, COUNT(known), e) ||
        !coordinate_int(q, "step", 1, (int64_t)f->step_count, &step, e))
        return false;
    if (f->count != COUNT_PEOPLE)
        return ask_fail(&q->people_of, e, "query.unsupported",
                        "numbers of people have people behind them; this question counts runs");
    if (ask_is_there(&dropped) && !ask_bool(&dropped, &p->pick_dropped, e))
        return false;
    if (ask_is_there(&stopped) && !ask_bool(&stopped, &p->pick_stopped, e))
        return false;
    if (p->pick_stopped && (p->pick_dropped || f->show == SHOW_OVER_TIME))
        return ask_fail(&stopped, e, "query.unknown_value",
                        "\"stopped\" is a number of the steps, and not of those who dropped");
    if (p->pick_dropped && step == 1)
        return ask_fail(&dropped, e, "query.unknown_value",
                        "nobody drops before step 1; name step 2 or a later one");
    p->pick_step = (size_t)step - 1;
    p->pick_bucket = BUCKET_ANY;
    if (f->show != SHOW_OVER_TIME)
        return true;
    if (!coordinate_interval(q, "bucket", &f->buckets, &bucket, e))
        return false;
    p->pick_bucket = (uint32_t)bucket;
    return true;
}

static bool pick_run(struct funnel *f, struct buf *out, struct err *e)
{
    struct question *q = f->q;
    struct grouping *grouping = q->grouping;
    struct ask breakdown = ask_member(&q->people_of, "breakdown");
    struct funnel_pass p = {.f = f}, picked = {.f = f, .picks = true};
    struct groups groups = {.count = 1};
    uint32_t *slots;

    if (!pick_read(f, &picked, e))
        return false;
    if (!ask_is_there(&breakdown))
        q->grouping = NULL; /* all groups together */
    bool ok = !q->grouping || groups_run(&p, &groups, &slots, e);
    picked.chosen = q->grouping ? &groups : NULL;
    ok = ok && groups_find(q, &groups, &picked.pick_slot, e) && funnel_pass_run(&picked, e);
    if (q->unit == COUNTED_SESSION)
        picked.people.sessions = q->session_records;
    ok = ok && answer_people(q, &picked.people, out, e);
    q->grouping = grouping;
    funnel_pass_free(&p);
    funnel_pass_free(&picked);
    return ok;
}

static bool funnel_write(struct funnel *f, struct buf *out, struct err *e)
{
    struct question *q = f->q;
    struct grouping *grouping = q->grouping;
    struct funnel_pass p = {.f = f};

    q->grouping = NULL; /* the whole first, then by group */
    bool ok = funnel_pass_run(&p, e);
    q->grouping = grouping;
    if (ok) {
        struct jwrite w = jwrite_to(out);
        answer_begin(q, &w);
        tally_write(f, &p.tallies[0], &w);
        ok = !grouping || groups_write(f, &w, e);
        if (ok)
            jwrite_end(&w);
    }
    funnel_pass_free(&p);
    return ok;
}

static bool funnel_answer(struct question *q, struct buf *out, struct err *e)
{
    struct funnel *f = arena_alloc(q->arena, sizeof *f);

    f->q = q;
    bool ok = funnel_read(f, e) && (ask_is_there(&q->why_not)     ? why_funnel(f, out, e)
                                    : ask_is_there(&q->people_of) ? pick_run(f, out, e)
                                                                  : funnel_write(f, out, e));
    intern_destroy(f->hold_codes);
    wide_free(f->wide);
    return ok;
}

static const char *const members[] = {
    QUESTION_MEMBERS, "why_not",     "steps",      "order", "window", "entry",     "tie",
    "count",          "exclude",     "on_exclude", "hold",  "show",   "from_step", "to_step",
    "bins",           "attribution", "step",
};

const struct insight insight_funnel = {
    .name = "funnel",
    .wants_range = true,
    .interval = INTERVAL_DAY,
    .counts_accounts = true,
    .members = members,
    .member_count = COUNT(members),
    .answer = funnel_answer,
};
