#include "flow/alerts.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/limits.h"
#include "codec/json.h"
#include "flow/asking.h"

enum { PAGE = 50, MEMORY_MAX = 20000 };

/* What is remembered of an alert between turns, only to spare work. */
struct memory {
    uint64_t key;     /* of project, id and version */
    int64_t next_ms;  /* nothing is due before */
    uint64_t wait_ns; /* tried again not before: of the steady clock */
    unsigned tries;
};

struct alerts {
    struct alerts_options options;
    struct memory *memory;
    size_t memory_count, memory_room;
    int64_t wall_ms; /* of the last turn */
    uint64_t steady_ns, hold_until_ns;
    bool has_turned;
};

struct alerts *alerts_create(const struct alerts_options *options)
{
    struct alerts *a = mem_zero(sizeof *a);

    a->options = *options;
    return a;
}

void alerts_destroy(struct alerts *a)
{
    if (!a)
        return;
    mem_free(a->memory);
    mem_free(a);
}

static bool is_cancelled(const struct alerts *a)
{
    return a->options.cancel && __atomic_load_n(a->options.cancel, __ATOMIC_RELAXED);
}

/* ---- one alert ---- */

/* An alert that is looked at: what it asks, and when its intervals end. */
struct watch {
    struct alerts *a;
    const struct project_settings *project;
    struct snapshot *snapshot;
    struct arena *arena;
    struct json_parser *body, *answer; /* of the alert, and of an answer */
    struct alert_rule rule;
    struct ask root; /* the rule points into it */
    struct str question;
    struct zone *zone;
    enum interval interval;
    enum week_start week_start;
    bool is_of_intervals;
};

static void watch_close(struct watch *w)
{
    json_parser_destroy(w->body);
    json_parser_destroy(w->answer);
    zone_close(w->zone);
}
#define WATCH_AUTO __attribute__((cleanup(watch_close))) struct watch

static bool ask(struct watch *w, bool names_only, int64_t now_ms, struct buf *answer, struct err *e)
{
    const struct alerts_options *o = &w->a->options;
    struct asking_room asking = {.os = o->os,
                                 .record = o->record,
                                 .projects = o->projects,
                                 .pool = o->pool,
                                 .cancel = o->cancel};
    struct saved_vocabulary names;
    struct query_context context;
    struct store_source room;

    if (!asking_context(&asking, w->project, w->arena, &names, &context, e))
        return false;
    context.now_ms = now_ms;
    struct source *source = names_only ? source_of_names(&room, w->snapshot, o->pool)
                                       : source_of_snapshot(&room, w->snapshot, o->pool);
    return query_answer(source, &context, w->question, answer, e);
}

static bool find(struct watch *w, const struct buf *answer, struct number *out, struct json *root,
                 struct err *e)
{
    return json_parse(w->answer, buf_str(answer), root, e) &&
           number_find(&w->rule.number, *root, out, e);
}

static struct str text_of(struct json object, const char *member)
{
    struct str text = STR_NONE;

    return json_string(json_member(object, str_of(member)), &text) ? text : STR_NONE;
}

/* Interval, zone and first day of the week of an answer, or of a question that has none. */
static bool watch_calendar(struct watch *w, struct json of, struct err *e)
{
    struct str zone = text_of(of, "timezone"), week = text_of(of, "week_start");

    if (!interval_from(text_of(of, "interval"), &w->interval))
        w->interval = INTERVAL_DAY;
    w->week_start = week.len ? (str_equal(week, STR("sunday")) ? WEEK_SUNDAY : WEEK_MONDAY)
                             : w->project->week_start;
    zone = zone.len ? zone : w->project->timezone;
    return zone_open(zone.len ? zone : STR("UTC"), &w->zone, e);
}

/* A question that can no longer be asked has intervals all the same: each of them is an error. */
static bool watch_open(struct watch *w, struct str body, struct err *e)
{
    BUF_AUTO text = {0}, answer = {0};
    struct err why = {0};
    struct number number;
    struct json shape;

    w->body = json_parser_create();
    w->answer = json_parser_create();
    if (!json_parse(w->body, body, &w->root.json, e) || !alert_read(&w->root, &w->rule, e))
        return err_while(e, "reading a saved alert");
    json_print(w->rule.question.json, &text);
    w->question = arena_copy(w->arena, buf_str(&text));
    if (!ask(w, true, os_now_ms(w->a->options.os), &answer, &why) ||
        !find(w, &answer, &number, &shape, &why))
        return watch_calendar(w, w->rule.question.json, e);
    w->is_of_intervals = number.is_of_intervals;
    return watch_calendar(w, shape, e);
}

/* The end of the newest interval that has been over for the alert's wait. */
static int64_t newest_end(const struct watch *w, int64_t now_ms)
{
    return interval_floor(w->zone, w->interval, w->week_start, now_ms - w->rule.wait_ms);
}

static int64_t step(const struct watch *w, int64_t end, int64_t n)
{
    return interval_step(w->zone, w->interval, w->week_start, end, n);
}

/* The number as it was when the interval ended. A number of the whole range is of the range that
 * ends with the interval, so "now" is its last moment. */
static bool number_at(struct watch *w, int64_t end, struct number *out, struct str *start,
                      struct err *e)
{
    BUF_AUTO answer = {0};
    struct json root;

    if (!ask(w, false, w->is_of_intervals ? end : end - 1, &answer, e) ||
        !find(w, &answer, out, &root, e))
        return false;
    *start = arena_copy(w->arena, out->start);
    out->start = *start;
    return true;
}

/* What the question's own fault is will not pass. */
static bool may_pass(const struct err *e)
{
    return err_status(e->kind) >= 429;
}

/* False: a failure that may pass. */
static bool evaluate(struct watch *w, int64_t end, struct alert_result *out, struct err *e)
{
    static const char *const states[] = {
        [ALERT_OK] = "ok", [ALERT_FIRING] = "firing", [ALERT_NO_DATA] = "no_data"};
    struct err why = {0};
    struct str ignored;

    *out = (struct alert_result){.ended = end};
    bool ok = number_at(w, end, &out->now, &out->start, &why);
    if (ok && alert_compares(&w->rule))
        ok = number_at(w, step(w, end, -1), &out->before, &ignored, &why);
    if (ok) {
        out->state = str_of(states[alert_judge(&w->rule, &out->now, &out->before)]);
        return true;
    }
    if (may_pass(&why)) {
        *e = why;
        return false;
    }
    out->state = STR("error");
    out->why = why;
    return true;
}

/* ---- what is kept and told ---- */

static void put_number(struct jwrite *w, const char *key, const struct number *n)
{
    jwrite_key(w, str_of(key));
    if (n->is_there)
        jwrite_double(w, n->value);
    else
        jwrite_null(w);
}

/* The members that a finding's body holds. */
static void put_members(const struct alert_result *r, struct jwrite *w)
{
    if (r->start.len)
        jwrite_pair_string(w, "start", r->start);
    put_number(w, "number", &r->now);
    put_number(w, "before", &r->before);
    if (!r->why.kind)
        return;
    jwrite_key(w, STR("error"));
    jwrite_object(w);
    jwrite_pair_string(w, "code", str_of(err_code_of(&r->why)));
    jwrite_pair_string(w, "message", str_of(r->why.text));
    jwrite_pair_string(w, "at", str_of(r->why.at));
    jwrite_pair_string(w, "hint", str_of(r->why.hint));
    jwrite_end(w);
}

void alerts_write(const struct alert_result *r, struct jwrite *w)
{
    char room[INSTANT_TEXT_BYTES];

    jwrite_object(w);
    jwrite_pair_string(w, "state", r->state);
    jwrite_pair_string(w, "ended", instant_text(r->ended, room));
    put_members(r, w);
    jwrite_end(w);
}

void alerts_finding_write(const struct finding *f, struct jwrite *w)
{
    char room[INSTANT_TEXT_BYTES];

    jwrite_object(w);
    jwrite_pair_string(w, "state", f->state);
    jwrite_pair_string(w, "ended", instant_text(f->moment, room));
    jwrite_pair_string(w, "evaluated", instant_text(f->found, room));
    if (f->body.len > 2) { /* an object that we wrote: its members follow ours */
        buf_add_char(w->out, ',');
        buf_add(w->out, str_sub(f->body, 1, f->body.len - 2));
    }
    jwrite_end(w);
}

static void tell(const struct document *alert, const struct alert_result *r, struct str before,
                 struct buf *news)
{
    static const struct {
        const char *state, *words;
    } says[] = {{"ok", "is ok again"},
                {"firing", "fires"},
                {"no_data", "has no data"},
                {"error", "cannot be evaluated"}};
    bool is_first_ok = !before.len && str_equal(r->state, STR("ok"));

    if (str_equal(before, r->state) || is_first_ok)
        return;
    for (size_t i = 0; i < COUNT(says); i++)
        if (str_equal(r->state, str_of(says[i].state)))
            buf_printf(news, "Alert \"%.*s\" of project \"%.*s\" %s", STR_ARG(alert->name),
                       STR_ARG(alert->project), says[i].words);
    if (r->why.kind)
        buf_printf(news, ": %s", r->why.text);
    else if (r->now.is_there)
        buf_printf(news, ": %.6g", r->now.value);
    if (r->start.len)
        buf_printf(news, " (%.*s)", STR_ARG(r->start));
    buf_add_char(news, '\n');
}

/* ---- what is due ---- */

static struct memory *memory_of(struct alerts *a, const struct document *d)
{
    BUF_AUTO name = {0};

    buf_printf(&name, "%.*s/%.*s/%lld", STR_ARG(d->project), STR_ARG(d->id), (long long)d->version);
    uint64_t key = hash64(buf_str(&name), 0);
    for (size_t i = 0; i < a->memory_count; i++)
        if (a->memory[i].key == key)
            return &a->memory[i];
    if (a->memory_count == MEMORY_MAX)
        a->memory_count = 0;
    ARRAY_PUSH(a->memory, a->memory_count, a->memory_room) =
        (struct memory){.key = key, .next_ms = INT64_MIN};
    return &a->memory[a->memory_count - 1];
}

/* The first interval to evaluate, and the state before it. */
static bool find_first(struct watch *w, const struct document_key *key, int64_t newest,
                       int64_t *first, struct str *state, struct err *e)
{
    struct finding *last = NULL;
    size_t count = 0;

    if (!finding_list(w->a->options.record, key, INT64_MAX, 1, w->arena, &last, &count, e))
        return false;
    *first = newest;
    *state = STR_NONE;
    if (!count)
        return true;
    *state = last->state;
    /* The question's interval may have been another then. */
    *first = step(w, interval_floor(w->zone, w->interval, w->week_start, last->moment), 1);
    int64_t oldest = step(w, newest, -(ALERTS_CATCH_UP - 1));
    *first = MAX(*first, oldest);
    return true;
}

/* One interval. *is_done: it has its finding; else it is tried again later. */
static bool run_one(struct watch *w, const struct document *alert, int64_t end, struct memory *m,
                    struct str *state, struct alerts_turn *done, struct buf *news, bool *is_done,
                    struct err *e)
{
    struct alert_result result;
    struct err why = {0};
    bool added;

    *is_done = false;
    if (!evaluate(w, end, &result, &why)) {
        if (is_cancelled(w->a))
            return true;
        done->failed++;
        if (++m->tries < ALERTS_TRIES) {
            m->wait_ns = os_monotonic_ns(w->a->options.os) +
                         ALERTS_RETRY_SECONDS * UINT64_C(1000000000) * m->tries;
            return true;
        }
        result.state = STR("error");
        result.why = why;
    }
    m->tries = 0;
    BUF_AUTO body = {0};
    struct jwrite j = jwrite_to(&body);
    jwrite_object(&j);
    put_members(&result, &j);
    jwrite_end(&j);
    struct document_key key = {alert->project, alert->kind, alert->id};
    struct finding finding = {end, result.state, buf_str(&body), os_now_ms(w->a->options.os)};
    if (!finding_add(w->a->options.record, &key, &finding, &added, e))
        return err_while(e, "keeping what an alert found");
    *is_done = true;
    if (!added) /* somebody else was faster, or it is gone */
        return true;
    done->evaluated++;
    done->firing += str_equal(result.state, STR("firing"));
    tell(alert, &result, *state, news);
    *state = result.state;
    return true;
}

static bool run_alert(struct alerts *a, const struct project_settings *project,
                      struct snapshot *snapshot, const struct document *alert,
                      struct alerts_turn *done, struct buf *news, struct err *e)
{
    AUTO(arena) *arena = arena_create(4 << 10);
    struct document_key key = {alert->project, alert->kind, alert->id};
    struct memory *m = memory_of(a, alert);
    int64_t now = os_now_ms(a->options.os), first;
    struct str state;

    if (now < m->next_ms || (m->wait_ns && os_monotonic_ns(a->options.os) < m->wait_ns))
        return true;
    WATCH_AUTO w = {.a = a, .project = project, .snapshot = snapshot, .arena = arena};
    if (!watch_open(&w, alert->body, e))
        return false;
    if (!w.rule.is_enabled) {
        m->next_ms = INT64_MAX; /* of this version */
        return true;
    }
    int64_t newest = newest_end(&w, now);
    if (!find_first(&w, &key, newest, &first, &state, e))
        return false;
    for (int64_t end = first; end <= newest; end = step(&w, end, 1)) {
        bool is_done;
        if (is_cancelled(a))
            return true;
        if (!run_one(&w, alert, end, m, &state, done, news, &is_done, e))
            return false;
        if (!is_done)
            return true;
    }
    m->next_ms = step(&w, newest, 1) + w.rule.wait_ms;
    return true;
}

/* Alerts of one project; its store is opened for the first of them. */
static bool run_project(struct alerts *a, const struct project_settings *project,
                        struct alerts_turn *done, struct buf *news, struct err *e)
{
    AUTO(arena) *arena = arena_create(16 << 10);
    AUTO(snapshot) *snapshot = NULL;
    struct store *store = NULL;
    struct document_page page = {.has_more = true};
    struct str after = STR_NONE;

    while (page.has_more) {
        if (!document_list(a->options.record, project->name, str_of(saved_names[SAVED_ALERT]),
                           after, PAGE, arena, &page, e))
            return false;
        if (!page.count)
            return true;
        if (!snapshot && (!project_store(a->options.projects, project->name, false, &store, e) ||
                          !store_snapshot(store, &snapshot, e)))
            return false;
        for (size_t i = 0; i < page.count && !is_cancelled(a); i++) {
            done->alerts++;
            if (!run_alert(a, project, snapshot, &page.list[i], done, news, e))
                return err_while(e, "alert \"%.*s\"", STR_ARG(page.list[i].name));
        }
        after = document_cursor(&page.list[page.count - 1], arena);
    }
    return true;
}

/* Did the wall clock go another way than the steady one since the last turn? */
static bool is_held(struct alerts *a)
{
    int64_t wall = os_now_ms(a->options.os);
    uint64_t steady = os_monotonic_ns(a->options.os);
    int64_t apart = wall - a->wall_ms - (int64_t)((steady - a->steady_ns) / 1000000);

    if (a->has_turned && llabs(apart) > ALERTS_JUMP_MS)
        a->hold_until_ns = steady + ALERTS_HOLD_SECONDS * UINT64_C(1000000000);
    a->wall_ms = wall;
    a->steady_ns = steady;
    a->has_turned = true;
    return steady < a->hold_until_ns;
}

bool alerts_turn(struct alerts *a, struct alerts_turn *done, struct buf *news, struct err *e)
{
    AUTO(arena) *arena = arena_create(4 << 10);
    struct project_settings *list = NULL;
    size_t count = 0;
    bool ok = true;

    *done = (struct alerts_turn){.is_held = is_held(a)};
    if (done->is_held)
        return true;
    if (!project_list(a->options.projects, arena, &list, &count, e))
        return false;
    for (size_t i = 0; i < count && !is_cancelled(a); i++) {
        struct err why = {0};
        if (run_project(a, &list[i], done, news, &why))
            continue;
        if (ok) /* the first failure is told; the other projects go on */
            *e = why;
        ok = false;
    }
    return ok;
}

bool alerts_try(struct alerts *a, const struct project_settings *project, struct str text,
                struct alert_result *out, struct arena *arena, struct err *e)
{
    AUTO(snapshot) *snapshot = NULL;
    struct store *store = NULL;

    if (!project_store(a->options.projects, project->name, false, &store, e) ||
        !store_snapshot(store, &snapshot, e))
        return false;
    WATCH_AUTO w = {.a = a, .project = project, .snapshot = snapshot, .arena = arena};
    return watch_open(&w, text, e) &&
           evaluate(&w, newest_end(&w, os_now_ms(a->options.os)), out, e);
}
