/*
 * store/store_keep: how long events of a name are kept; the run that removes what is older.
 *
 * The rules lie in the manifest. A run looks at each segment's statistics: most have nothing to
 * lose, some nothing to keep, and only the rest are written anew without the rows that go.
 */
#include <inttypes.h>

#include "store/store_inner.h"

#define DAY_MS INT64_C(86400000)
#define JUMP_MS (25 * INT64_C(3600000))
enum { KEEP_START_MS = 300000 };

/* ---- rules ---- */

static bool has_rule(const struct manifest_content *c, struct str name)
{
    for (size_t i = 0; i < c->rule_count; i++)
        if (str_equal(c->rules[i].name, name))
            return true;
    return false;
}

/* A full disk must not keep anybody from making room: the reserve is for that. */
static bool edit_manifest(struct store *s, const struct manifest_edit *edit, struct err *e)
{
    bool ok = manifest_edit(s->manifest, edit, e);
    if (!ok && e->kind == ERR_NO_SPACE && s->has_reserve) {
        store_spend_reserve(s);
        *e = (struct err){0};
        ok = manifest_edit(s->manifest, edit, e);
    }
    if (!ok && e->kind != ERR_NO_SPACE) {
        pthread_mutex_lock(&s->lock);
        store_stop(s, e);
        pthread_mutex_unlock(&s->lock);
    }
    return ok;
}

static bool set_rule(struct store *s, struct keep_rule rule, struct err *e)
{
    const struct manifest_content *c = manifest_content(s->manifest);
    struct manifest_rule item = {rule.name, (uint64_t)rule.period_ms};
    struct manifest_edit edit = {.rules = &item, .rule_count = 1, .marks = c->marks};

    if (rule.period_ms == 0 && !has_rule(c, rule.name))
        return err_set(e, ERR_NOT_FOUND, "events \"%.*s\" have no period: they are kept for ever",
                       STR_ARG(rule.name));
    if (!edit_manifest(s, &edit, e))
        return err_while(e, "noting how long \"%.*s\" is kept", STR_ARG(rule.name));
    pthread_mutex_lock(&s->lock);
    s->has_rules = c->rule_count != 0;
    pthread_cond_broadcast(&s->work);
    pthread_mutex_unlock(&s->lock);
    return true;
}

bool store_keep_set(struct store *s, struct keep_rule rule, struct err *e)
{
    REQUIRE(rule.name.len && rule.period_ms >= 0);
    if (s->options.read_only)
        return err_set(e, ERR_INVALID, "%.*s is open for reading only", STR_ARG(s->dir));
    store_take_maintain_lock(s);
    pthread_mutex_lock(&s->lock);
    bool ok = !s->is_stopped || store_refuse_stopped(s, e);
    pthread_mutex_unlock(&s->lock);
    ok = ok && set_rule(s, rule, e);
    pthread_mutex_unlock(&s->maintain_lock);
    return ok;
}

void store_keep_list(struct store *s, struct arena *arena, struct keep_rule **list, size_t *count)
{
    store_take_maintain_lock(s);
    const struct manifest_content *c = manifest_content(s->manifest);
    *count = c->rule_count;
    *list = arena_array(arena, c->rule_count, sizeof **list);
    for (size_t i = 0; i < c->rule_count; i++)
        (*list)[i] =
            (struct keep_rule){arena_copy(arena, c->rules[i].name), (int64_t)c->rules[i].period_ms};
    pthread_mutex_unlock(&s->maintain_lock);
}

/* ---- what is too old ---- */

static int64_t day_of(int64_t ms)
{
    return ms >= 0 ? ms / DAY_MS : -((-ms + DAY_MS - 1) / DAY_MS);
}

static struct merge_rule rule_at(struct str name, int64_t period_ms, int64_t now_ms)
{
    int64_t day = day_of(now_ms) * DAY_MS, before;
    if (__builtin_sub_overflow(day, period_ms, &before))
        before = INT64_MIN;
    return (struct merge_rule){name, before};
}

static bool count_rows(struct segment *g, uint32_t code, int64_t before, uint64_t *rows,
                       struct err *e)
{
    const uint32_t *times = g->time->lanes;
    if (!segment_pin(g, g->name, 0, g->rows, e) || !segment_pin(g, g->time, 0, g->rows, e))
        return false;
    for (uint32_t row = 0; row < g->rows; row++)
        *rows += column_lane(g->name, row) == code && g->month_start + times[row] < before;
    return true;
}

/* Rows of a segment that a rule drops. Mostly the statistics know. */
static bool count_old(struct segment *g, const struct merge_rule *rule, uint64_t *rows,
                      struct err *e)
{
    if (g->time_min >= rule->before)
        return true;
    if (!segment_pin(g, g->name, 0, 0, e))
        return false;
    for (uint32_t code = 0; code < g->name->dictionary_count; code++) {
        if (!str_equal(column_dictionary_value(g->name, code).text, rule->name))
            continue;
        if (g->name_last[code] < rule->before)
            *rows += g->name_counts[code];
        else if (g->name_first[code] < rule->before)
            return count_rows(g, code, rule->before, rows, e);
        return true;
    }
    return true;
}

bool store_keep_count(const struct snapshot *v, struct keep_rule rule, int64_t now_ms,
                      uint64_t *rows, struct err *e)
{
    struct merge_rule old = rule_at(rule.name, rule.period_ms, now_ms);
    *rows = 0;
    for (size_t i = 0; i < v->segment_count; i++)
        if (!count_old(v->segments[i], &old, rows, e))
            return err_while(e, "looking for old events");
    return true;
}

/* ---- a run ---- */

struct run {
    struct store *s;
    struct merge_choice choice;
    struct segment **whole, **part; /* counted */
    size_t whole_count, part_count;
    bool is_paced;
    struct keep_report *out;
    uint64_t whole_rows;
    uint64_t *part_rows; /* by segment: how many go */
};

static bool sort_out(struct run *r, struct err *e)
{
    struct store *s = r->s;
    pthread_mutex_lock(&s->lock);
    size_t count = s->live_count;
    struct segment **live = mem_array(count, sizeof *live);
    for (size_t i = 0; i < count; i++)
        live[i] = segment_keep(s->live[i]);
    pthread_mutex_unlock(&s->lock);
    r->whole = mem_array(count, sizeof(struct segment *));
    r->part = mem_array(count, sizeof(struct segment *));
    r->part_rows = mem_array(count, sizeof *r->part_rows);
    bool ok = true;
    for (size_t i = 0; i < count; i++) {
        uint64_t rows = 0;
        for (size_t k = 0; ok && k < r->choice.rule_count; k++)
            ok = count_old(live[i], &r->choice.rules[k], &rows, e);
        if (ok && rows == live[i]->rows) {
            r->whole[r->whole_count++] = segment_keep(live[i]);
            r->whole_rows += rows;
        } else if (ok && rows) {
            r->part_rows[r->part_count] = rows;
            r->part[r->part_count++] = segment_keep(live[i]);
        }
        segment_release(live[i]);
    }
    mem_free(live);
    return ok;
}

static bool drop_whole(struct run *r, struct err *e)
{
    struct store *s = r->s;
    if (!r->whole_count)
        return true;
    bool ok = store_drop_segments(s, r->whole, r->whole_count, e);
    if (!ok && e->kind == ERR_NO_SPACE && s->has_reserve) {
        store_spend_reserve(s);
        *e = (struct err){0};
        ok = store_drop_segments(s, r->whole, r->whole_count, e);
    }
    if (ok) {
        r->out->dropped += r->whole_count;
        r->out->rows += r->whole_rows;
    }
    return ok;
}

static bool rewrite_parts(struct run *r, struct err *e)
{
    struct store *s = r->s;
    for (size_t i = 0; i < r->part_count; i++) {
        bool ok = store_rewrite(s, &r->part[i], 1, &r->choice, r->is_paced, e);
        if (!ok && e->kind == ERR_NO_SPACE && s->has_reserve) {
            store_spend_reserve(s);
            *e = (struct err){0};
            ok = store_rewrite(s, &r->part[i], 1, &r->choice, r->is_paced, e);
        }
        if (!ok)
            return false;
        r->out->rewritten++;
        r->out->rows += r->part_rows[i];
    }
    return true;
}

static void run_free(struct run *r)
{
    for (size_t i = 0; i < r->whole_count; i++)
        segment_release(r->whole[i]);
    for (size_t i = 0; i < r->part_count; i++)
        segment_release(r->part[i]);
    mem_free(r->whole);
    mem_free(r->part);
    mem_free(r->part_rows);
    mem_free((void *)r->choice.rules);
}

bool store_keep_run(struct store *s, int64_t now_ms, bool is_paced, struct keep_report *out,
                    struct err *e)
{
    const struct manifest_content *c = manifest_content(s->manifest);
    struct merge_rule *rules = mem_array(c->rule_count, sizeof *rules);
    struct run r = {.s = s, .is_paced = is_paced, .out = out};
    for (size_t i = 0; i < c->rule_count; i++)
        rules[i] = rule_at(c->rules[i].name, (int64_t)c->rules[i].period_ms, now_ms);
    r.choice.rules = rules;
    r.choice.rule_count = c->rule_count;
    bool ok = sort_out(&r, e) && drop_whole(&r, e) && rewrite_parts(&r, e);
    if (ok) {
        pthread_mutex_lock(&s->lock);
        s->keep_day = day_of(now_ms);
        pthread_mutex_unlock(&s->lock);
    }
    if (ok && !s->has_reserve)
        store_keep_reserve(s);
    run_free(&r);
    return ok || err_while(e, "removing old events of %.*s", STR_ARG(s->dir));
}

bool store_keep_apply(struct store *s, int64_t now_ms, struct keep_report *out, struct err *e)
{
    *out = (struct keep_report){0};
    if (s->options.read_only)
        return err_set(e, ERR_INVALID, "%.*s is open for reading only", STR_ARG(s->dir));
    store_take_maintain_lock(s);
    /* On a full disk what is in memory stays there, and what goes from the disk makes room. */
    bool ok = store_close_stage(s, e) && store_seal(s, e);
    bool is_full = !ok && e->kind == ERR_NO_SPACE;
    if (is_full)
        *e = (struct err){0};
    ok = (ok || is_full) && store_keep_run(s, now_ms, false, out, e);
    if (ok && is_full && store_close_stage(s, e) && store_seal(s, e))
        ok = store_keep_run(s, now_ms, false, out, e);
    pthread_mutex_unlock(&s->maintain_lock);
    return ok;
}

/*
 * A while after the start, so that only a process that stays does it, and then once a UTC day; a
 * new rule waits for the next run, in case it was a mistake. By the wall clock, unless it has run
 * away from the monotonic one: a clock that is set a year ahead must not cost a year of events. It
 * is believed again when the store is opened the next time.
 */
bool store_keep_is_due(const struct store *s)
{
    if (!s->has_rules)
        return false;
    int64_t now = os_now_ms(s->os);
    int64_t passed = (int64_t)((os_monotonic_ns(s->os) - s->opened_ns) / 1000000);
    return passed >= KEEP_START_MS && day_of(now) > s->keep_day &&
           now - s->opened_ms - passed < JUMP_MS;
}
