/* query/question: what all insights share: reading, names, rules, scanning. */
#include "query/question.h"

#include <stdio.h>

#include "query/behaviour.h"
#include "query/computed.h"
#include "query/condition.h"
#include "query/group.h"
#include "query/named.h"
#include "query/operator.h"
#include "query/session_scan.h"

const struct ask *question_keep(struct question *q, struct ask a)
{
    struct ask *kept = arena_alloc(q->arena, sizeof *kept);

    *kept = a;
    return kept;
}

/* ---- rules ---- */

void question_rule_raw(struct question *q, const char *name, struct str json)
{
    buf_printf(&q->rules, "%s\"%s\":%.*s", q->rules.len ? "," : "", name, STR_ARG(json));
}

void question_rule(struct question *q, const char *name, struct str value)
{
    BUF_AUTO json = {0};
    struct jwrite w = jwrite_to(&json);

    jwrite_string(&w, value);
    question_rule_raw(q, name, buf_str(&json));
}

void question_rule_int(struct question *q, const char *name, int64_t value)
{
    BUF_AUTO json = {0};
    struct jwrite w = jwrite_to(&json);

    jwrite_int(&w, value);
    question_rule_raw(q, name, buf_str(&json));
}

void question_rule_number(struct question *q, const char *name, double value)
{
    BUF_AUTO json = {0};
    struct jwrite w = jwrite_to(&json);

    jwrite_double(&w, value);
    question_rule_raw(q, name, buf_str(&json));
}

/* ---- common members ---- */

static bool zone_read(struct question *q, struct err *e)
{
    static const char *const weeks[] = {"monday", "sunday"};
    struct ask zone = ask_member(&q->root, "timezone"), week = ask_member(&q->root, "week_start");
    struct str name = q->context->timezone.len ? q->context->timezone : STR("UTC");
    struct err why = {0};
    unsigned choice = q->context->week_start;

    if (ask_is_there(&zone) && !ask_text(&zone, &name, e))
        return false;
    if (!zone_open(name, &q->zone, &why)) {
        ask_fail(&zone, e, "query.unknown_value", "%s", why.text);
        return err_hint(e, "%s", why.hint);
    }
    if (ask_is_there(&week) && !ask_choice(&week, weeks, COUNT(weeks), &choice, e))
        return false;
    q->week_start = (enum week_start)choice;
    return true;
}

/* Conditions on persons and accounts, added to the question's filter. */
static bool segment_read(struct question *q, struct err *e)
{
    const struct ask *segment = question_keep(q, ask_member(&q->root, "segment"));
    const struct scan_condition *condition;

    q->condition_level = q->insight->of_people ? LEVEL_PERSON : LEVEL_SEGMENT;
    bool is_name = json_type(segment->json) == JSON_STRING;
    bool ok = is_name ? segment_named_read(q, segment, &condition, e)
                      : condition_read(q, segment, &condition, e);
    struct str name;
    if (ok && is_name && json_string(segment->json, &name))
        question_rule(q, "segment", name);
    q->condition_level = LEVEL_EVENT;
    if (ok)
        q->filter = condition_both(q, q->filter, condition);
    return ok;
}

static bool breakdown_members_read(struct question *q, struct err *e)
{
    const struct ask *breakdown = question_keep(q, ask_member(&q->root, "breakdown"));
    struct ask limit = ask_member(&q->root, "limit"), other = ask_member(&q->root, "other");
    int64_t most = LIMIT_DEFAULT;

    q->other = true;
    if (ask_is_there(&limit) && !ask_int(&limit, 1, 1000, &most, e))
        return false;
    if (ask_is_there(&other) && !ask_bool(&other, &q->other, e))
        return false;
    q->limit = (size_t)most;
    return !ask_is_there(breakdown) || grouping_read(q, breakdown, e);
}

/* ---- accounts ---- */

struct accounts *question_accounts(struct question *q, struct err *e)
{
    size_t bytes = q->context->rows_bytes ? q->context->rows_bytes : LIMIT_QUERY_ROWS_BYTES;

    if (!q->accounts)
        q->accounts = accounts_open(q->arena, q->persons, bytes, e);
    return q->accounts;
}

/* No account has the level: it cannot be meant. */
static bool level_is_known(struct question *q, const struct ask *a, struct str name, struct err *e)
{
    AUTO(intern) *levels = intern_create();
    struct accounts *accounts = question_accounts(q, e);
    char list[160];
    size_t len = 0;

    if (!accounts)
        return false;
    accounts_levels(accounts, levels);
    if (intern_find(levels, name) != INTERN_NONE)
        return true;
    list[0] = 0;
    for (uint32_t i = 0; i < intern_count(levels) && len < sizeof list; i++)
        len += (size_t)snprintf(list + len, sizeof list - len, "%s%.*s", i ? ", " : "",
                                (int)MIN(intern_at(levels, i).len, (size_t)40),
                                intern_at(levels, i).at);
    ask_fail(a, e, "query.unknown_level", "no account has the level \"%.*s\"",
             (int)MIN(name.len, (size_t)80), name.at);
    e->kind = ERR_UNKNOWN_NAME;
    return list[0] ? err_hint(e, "the levels there are: %s", list)
                   : err_hint(e, "give accounts the traits \"level\" (team, company) and "
                                 "\"parent\" (the id of the account above)");
}

bool level_read(struct question *q, const struct ask *a, struct account_level *out, struct err *e)
{
    int64_t up;

    *out = q->level;
    if (!ask_is_there(a))
        return true;
    *out = (struct account_level){0};
    if (json_type(a->json) == JSON_STRING)
        return ask_text(a, &out->name, e) && level_is_known(q, a, out->name, e);
    if (json_type(a->json) != JSON_INT)
        return ask_wrong_type(a, "a level's name, or how many levels up", e);
    if (!ask_int(a, 0, LIMIT_ACCOUNT_STEPS, &up, e))
        return false;
    out->up = (uint32_t)up;
    return true;
}

static bool unit_read(struct question *q, struct err *e)
{
    static const char *const units[] = {"person", "account", "session"};
    struct ask unit = ask_member(&q->root, "unit");
    const struct ask *level = question_keep(q, ask_member(&q->root, "level"));
    unsigned choice = COUNTED_PERSON;

    if (!level_read(q, level, &q->level, e))
        return false;
    if (ask_is_there(level)) {
        BUF_AUTO json = {0};
        json_print(level->json, &json);
        question_rule_raw(q, "level", buf_str(&json));
    }
    if (ask_is_there(&unit) && !ask_choice(&unit, units, COUNT(units), &choice, e))
        return false;
    q->unit = (enum counted)choice;
    if (q->unit == COUNTED_PERSON)
        return true;
    if (q->unit == COUNTED_SESSION)
        return !q->insight->no_sessions ||
               ask_fail(&unit, e, "query.unsupported", "%s", q->insight->no_sessions);
    if (q->unit == COUNTED_ACCOUNT && q->insight->counts_accounts) {
        struct accounts *accounts = question_accounts(q, e);
        if (accounts)
            q->source = accounts_source(accounts, q->level);
        question_rule(q, "unit", STR("account"));
        return accounts != NULL;
    }
    return ask_fail(&unit, e, "query.unsupported",
                    "%s can count persons%s; counting by %s is not known yet", q->insight->name,
                    q->insight->counts_accounts ? " and accounts" : "", units[choice]);
}

bool question_read(struct question *q, struct err *e)
{
    static const char *const semantics[] = {"tenure", "posthog", "mixpanel", "amplitude"};
    struct ask interval = ask_member(&q->root, "interval"), as_of = ask_member(&q->root, "as_of"),
               preset = ask_member(&q->root, "semantics");
    const struct ask *filter = question_keep(q, ask_member(&q->root, "filter"));
    unsigned choice = q->insight->interval;

    if (!zone_read(q, e))
        return false;
    q->as_of = q->context->now_ms;
    if (ask_is_there(&as_of) && !moment_read(q, &as_of, true, &q->as_of, e))
        return false;
    if (ask_is_there(&as_of) && json_type(as_of.json) == JSON_STRING) {
        struct str text;
        if (json_string(as_of.json, &text) && text.len == 10)
            q->as_of--; /* a date: its last instant is seen */
    }
    if (ask_is_there(&interval) &&
        !ask_choice(&interval, interval_names, INTERVAL_COUNT, &choice, e))
        return false;
    q->interval = (enum interval)choice;
    if (!unit_read(q, e))
        return false;
    choice = 0;
    if (ask_is_there(&preset) && !ask_choice(&preset, semantics, COUNT(semantics), &choice, e))
        return false;
    q->semantics = (enum semantics)choice;
    question_rule(q, "semantics", str_of(semantics[choice]));
    q->people_of = ask_member(&q->root, "people_of");
    q->why_not = ask_member(&q->root, "why_not");
    if (!session_rules_read(q, e) || (q->unit == COUNTED_SESSION && !sessions_use(q, e)))
        return false;
    if (q->insight->wants_range && !range_read(q, e))
        return false;
    q->condition_level = q->insight->of_people ? LEVEL_PERSON : LEVEL_EVENT;
    return condition_read(q, filter, &q->filter, e) && segment_read(q, e) &&
           breakdown_members_read(q, e);
}

void question_free(struct question *q)
{
    zone_close(q->zone);
    session_records_free(q->session_records);
    accounts_close(q->accounts);
    grouping_free(q->grouping);
    patterns_free(q);
    buf_free(&q->rules);
    named_free(q);
    mem_free(q->events);
    mem_free(q->properties);
}

/* ---- matchers ---- */

static bool option_push(struct question *q, struct matcher *m, struct matcher_option o,
                        const struct ask *place, struct err *e)
{
    for (size_t i = 0; i < m->count; i++) {
        const struct matcher_option *p = &m->options[i];
        if (p->filter == o.filter && p->event.at && o.event.at && str_equal(p->event, o.event))
            return true;
    }
    if (m->count == SCAN_SELECTORS_MAX)
        return ask_fail(place, e, "query.limit", "this stands for more than %d kinds of events",
                        SCAN_SELECTORS_MAX);
    if (!m->count || (m->count & (m->count - 1)) == 0) { /* full: 1, 2, 4… */
        struct matcher_option *more =
            arena_array(q->arena, MAX(m->count * 2, (size_t)1), sizeof *more);
        if (m->count)
            memcpy(more, m->options, m->count * sizeof *more);
        m->options = more;
    }
    m->options[m->count++] = o;
    return true;
}

/* Names inside saved segments and virtual events were checked when these were saved: an answer must
 * not depend on whether their conditions had to be read. */
static void event_asked(struct question *q, struct str name, const struct ask *place, bool is_known)
{
    if (q->named_depth)
        return;
    ARRAY_PUSH(q->events, q->event_count, q->event_room) =
        (struct name_asked){name, place, is_known};
}

/* A virtual event's own events, each with `filter`, too. */
static bool virtual_add(struct question *q, struct named *n, const struct ask *event,
                        const struct scan_condition *filter, struct matcher *out, struct err *e)
{
    struct matcher own = {0};

    if (!named_event(q, n, event, &own, e))
        return false;
    event_asked(q, n->entry->name, event, true);
    for (size_t i = 0; i < own.count; i++) {
        struct matcher_option o = own.options[i];
        o.filter = condition_both(q, o.filter, filter);
        o.said = n->entry->name;
        if (!option_push(q, out, o, event, e))
            return false;
    }
    return true;
}

/* Adds an event (or null for any) to what matches. */
static bool option_read(struct question *q, const struct ask *event,
                        const struct scan_condition *filter, struct matcher *out, struct err *e)
{
    struct matcher_option o = {.event = STR_NONE, .filter = filter};
    bool is_virtual = false;

    if (!ask_is_there(event))
        return option_push(q, out, o, event, e);
    if (!ask_text(event, &o.event, e))
        return false;
    struct named *n = named_find(q, VOCABULARY_EVENT, o.event);
    if (n && !named_is_event(q, n, &is_virtual, e))
        return false;
    if (is_virtual)
        return virtual_add(q, n, event, filter, out, e);
    if (!o.event.at) /* an empty text is a name, not "any" */
        o.event.at = "";
    event_asked(q, o.event, event, false);
    return option_push(q, out, o, event, e);
}

bool matcher_of(struct question *q, const struct ask *event, const struct ask *filter,
                struct matcher *out, struct err *e)
{
    const struct scan_condition *condition = NULL;

    *out = (struct matcher){0};
    return (!filter || condition_read(q, filter, &condition, e)) &&
           option_read(q, event, condition, out, e);
}

bool matcher_any_of(struct question *q, const struct ask *list, struct matcher *out, struct err *e)
{
    static const char *const known[] = {"event", "filter"};
    size_t count;

    *out = (struct matcher){0};
    if (!ask_list(list, 1, SCAN_SELECTORS_MAX, &count, e))
        return false;
    struct json_each it = json_each(list->json);
    for (size_t i = 0; json_next(&it); i++) {
        const struct ask *item = question_keep(q, ask_item(list, it.value, i)),
                         *filter = question_keep(q, ask_member(item, "filter"));
        const struct scan_condition *condition = NULL;
        if (!ask_members(item, known, COUNT(known), e) ||
            !condition_read(q, filter, &condition, e) ||
            !option_read(q, question_keep(q, ask_member(item, "event")), condition, out, e))
            return false;
    }
    return true;
}

bool matcher_read(struct question *q, const struct ask *place, struct matcher *out, struct err *e)
{
    const struct ask *a = question_keep(q, *place);
    const struct ask *any = question_keep(q, ask_member(a, "any_of"));
    const struct ask *event = question_keep(q, ask_member(a, "event")),
                     *filter = question_keep(q, ask_member(a, "filter"));
    bool has_filter = place != &q->root;

    if (!ask_is_there(any)) {
        if (json_type(event->json) == JSON_ABSENT) {
            ask_missing(a, "event", "name an event, or null for any event", e);
            return err_hint(e, "for example \"event\":\"Signed Up\" or \"event\":null");
        }
        return matcher_of(q, event, has_filter ? filter : NULL, out, e);
    }
    if (ask_is_there(event))
        return ask_fail(any, e, "query.unknown_value", "any_of stands instead of event");
    const struct scan_condition *shared = NULL;
    if ((has_filter && !condition_read(q, filter, &shared, e)) || !matcher_any_of(q, any, out, e))
        return false;
    for (size_t i = 0; i < out->count; i++)
        out->options[i].filter = condition_both(q, out->options[i].filter, shared);
    return true;
}

struct str matcher_name(const struct question *q, const struct matcher *m)
{
    BUF_AUTO name = {0};

    for (size_t i = 0; i < m->count; i++) {
        const struct matcher_option *o = &m->options[i];
        if (i && o->said.at && str_equal(o->said, o[-1].said))
            continue;
        buf_add(&name, i ? STR(" or ") : STR(""));
        buf_add(&name, o->said.at ? o->said : o->event.at ? o->event : STR("any event"));
    }
    return arena_copy(q->arena, buf_str(&name));
}

void question_asks_property(struct question *q, struct str name, const struct ask *place)
{
    struct err ignored = {0};
    bool is_made = false;

    if (q->named_depth)
        return;
    struct named *n = named_find(q, VOCABULARY_PROPERTY, name);
    if (n && !named_is_property(q, n, &is_made, &ignored))
        is_made = true; /* it is damaged: whoever reads it says so */
    ARRAY_PUSH(q->properties, q->property_count, q->property_room) =
        (struct name_asked){name, place, is_made};
}

/* ---- names that nobody has ---- */

static size_t edits_allowed(struct str name)
{
    return name.len < 4 ? 0 : name.len < 8 ? 1 : 2;
}

void names_near(struct str asked, const struct str *names, size_t count, char *room, size_t size)
{
    size_t len = 0, found = 0;

    room[0] = 0;
    for (size_t i = 0; i < count && found < 3 && len < size; i++)
        if (str_equal_fold(asked, names[i]) ||
            str_distance(asked, names[i], edits_allowed(asked)) <= edits_allowed(asked)) {
            len += (size_t)snprintf(room + len, size - len, "%s\"%.*s\"", len ? ", " : "",
                                    (int)MIN(names[i].len, (size_t)40), names[i].at);
            found++;
        }
}

static bool is_asked(const struct name_asked *asked, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal(asked[i].name, name))
            return true;
    return false;
}

static bool unknown_name(const struct name_asked *n, const char *what, const char *near,
                         struct err *e)
{
    ask_fail(n->place, e, what[0] == 'e' ? "query.unknown_event" : "query.unknown_property",
             "no event of this project has the %s \"%.*s\"", what[0] == 'e' ? "name" : "property",
             (int)MIN(n->name.len, (size_t)80), n->name.at);
    e->kind = ERR_UNKNOWN_NAME;
    return near[0] ? err_hint(e, "did you mean %s?", near)
                   : err_hint(e, "names are case-sensitive; the list is in the project's "
                                 "definitions");
}

/* Marks what is known; *others gets the known names that the question does not itself use. */
static size_t names_mark(struct name_asked *asked, size_t count, const struct str *names,
                         size_t name_count, struct str *others)
{
    size_t kept = 0;

    for (size_t i = 0; i < name_count; i++) {
        for (size_t k = 0; k < count; k++)
            asked[k].is_known = asked[k].is_known || str_equal(asked[k].name, names[i]);
        if (!is_asked(asked, count, names[i]))
            others[kept++] = names[i];
    }
    return kept;
}

/* Names that may be meant by one that is not known. */
static struct str near_names(struct question *q, enum vocabulary_kind kind, struct str asked,
                             struct str *others, size_t count)
{
    char near[120];

    named_offer(q, kind, &others, &count);
    names_near(asked, others, count, near, sizeof near);
    return arena_copy(q->arena, str_of(near));
}

/* An event that nobody has done yet counts as nothing, unless it looks mistyped or the question has
 * no known event at all (docs/query-rules.md). */
static bool events_check(struct question *q, struct err *e)
{
    struct event_name_info *list;
    size_t count, known = 0;

    if (!q->event_count)
        return true;
    q->source->does->events(q->source, q->arena, &list, &count);
    struct str *names = arena_array(q->arena, count + 1, sizeof *names),
               *others = arena_array(q->arena, count + 1, sizeof *others);
    for (size_t i = 0; i < count; i++)
        names[i] = list[i].name;
    size_t other_count = names_mark(q->events, q->event_count, names, count, others);
    q->unseen = arena_array(q->arena, q->event_count, sizeof *q->unseen);
    for (size_t i = 0; i < q->event_count; i++) {
        known += q->events[i].is_known;
        if (q->events[i].is_known || !count)
            continue;
        struct str near = near_names(q, VOCABULARY_EVENT, q->events[i].name, others, other_count);
        if (near.len)
            return unknown_name(&q->events[i], "event", near.at, e);
        size_t k = 0;
        while (k < q->unseen_count && !str_equal(q->unseen[k], q->events[i].name))
            k++;
        q->unseen[k] = q->events[i].name;
        q->unseen_count = MAX(q->unseen_count, k + 1);
    }
    for (size_t i = 0; i < q->event_count && count && !known; i++)
        return unknown_name(&q->events[i], "event", "", e);
    return true;
}

static bool properties_check(struct question *q, struct err *e)
{
    struct property_info *list;
    size_t count;

    if (!q->property_count)
        return true;
    q->source->does->properties(q->source, q->arena, &list, &count);
    struct str *names = arena_array(q->arena, count + 1, sizeof *names),
               *others = arena_array(q->arena, count + 1, sizeof *others);
    int64_t first, last;
    for (size_t i = 0; i < count; i++)
        names[i] = list[i].name;
    size_t other_count = names_mark(q->properties, q->property_count, names, count, others);
    for (size_t i = 0; i < q->property_count; i++) {
        if (q->properties[i].is_known || !q->source->does->span(q->source, &first, &last))
            continue;
        struct str near =
            near_names(q, VOCABULARY_PROPERTY, q->properties[i].name, others, other_count);
        return unknown_name(&q->properties[i], "property", near.at, e);
    }
    return true;
}

/* Wrong expressions are found here, where the place of the name is known. */
static bool computed_check(struct question *q, struct err *e)
{
    const struct scan_computed *unused;

    for (size_t i = 0; i < q->property_count; i++)
        if (!computed_find(q, q->properties[i].name, q->properties[i].place, &unused, e))
            return false;
    return true;
}

bool question_check_names(struct question *q, struct err *e)
{
    return computed_check(q, e) && events_check(q, e) && properties_check(q, e);
}

/* ---- scanning ---- */

static bool too_many_selectors(struct question *q, struct err *e)
{
    ask_fail(&q->root, e, "query.limit", "the question needs more than %d kinds of events",
             SCAN_SELECTORS_MAX);
    return err_hint(e, "ask with fewer series, steps, exclusions or alternatives");
}

bool reading_role(struct question *q, struct reading *r, const struct matcher *m, bool with_filter,
                  int64_t from, int64_t to, uint32_t *bits, struct err *e)
{
    *bits = 0;
    for (size_t i = 0; i < m->count; i++) {
        struct scan_selector s = {m->options[i].event, from, to, NULL};
        size_t k = 0;
        if (with_filter) {
            const struct scan_condition *own = m->options[i].filter;
            s.filter = own ? condition_both(q, own, q->filter) : q->filter;
        }
        for (; k < r->plan.selector_count; k++) {
            const struct scan_selector *o = &r->selectors[k];
            if (o->from == from && o->to == to && o->filter == s.filter &&
                !o->event.at == !s.event.at && str_equal(o->event, s.event))
                break;
        }
        if (k == SCAN_SELECTORS_MAX)
            return too_many_selectors(q, e);
        r->selectors[k] = s;
        r->plan.selector_count = MAX(r->plan.selector_count, k + 1);
        *bits |= (uint32_t)1 << k;
    }
    return true;
}

bool reading_column(struct question *q, struct reading *r, struct scan_column c, size_t *out,
                    struct err *e)
{
    size_t k = 0;

    if (c.subject == SCAN_PROPERTY && !computed_find(q, c.property, &q->root, &c.computed, e))
        return false;
    if (c.computed)
        c.subject = SCAN_COMPUTED;
    for (; k < r->plan.column_count; k++) {
        const struct scan_column *o = &r->columns[k];
        if (o->kind == c.kind && o->subject == c.subject && o->codes == c.codes &&
            o->unit_codes == c.unit_codes && str_equal(o->property, c.property))
            break;
    }
    if (k == READING_COLUMNS_MAX)
        return ask_fail(&q->root, e, "query.limit",
                        "the question needs the values of more than %d properties",
                        READING_COLUMNS_MAX);
    r->columns[k] = c;
    r->plan.column_count = MAX(r->plan.column_count, k + 1);
    *out = k;
    return true;
}

bool question_is_late(const struct question *q)
{
    return q->context->os && q->context->deadline_ns &&
           os_monotonic_ns(q->context->os) > q->context->deadline_ns;
}

bool reading_run(struct question *q, struct reading *r, scan_sink *sink, void *const *contexts,
                 struct err *e)
{
    if (!behaviours_run(q, e))
        return false;
    return session_scan_is_needed(r) ? session_scan_run(q, r, sink, contexts, e)
                                     : reading_scan(q, r, sink, contexts, e);
}

bool reading_scan(struct question *q, struct reading *r, scan_sink *sink, void *const *contexts,
                  struct err *e)
{
    struct scan_stats stats = {0};

    r->plan.selectors = r->selectors;
    r->plan.columns = r->columns;
    r->plan.os = q->context->os;
    r->plan.deadline_ns = q->context->deadline_ns;
    r->plan.cancel = q->context->cancel;
    if (q->context->explain)
        explain_pass(q, &r->plan, q->context->explain);
    struct source *source = r->source ? r->source : q->source;
    bool ok = source->does->scan(source, &r->plan, sink, contexts, &stats, e);
    if (!ok && question_is_late(q)) {
        err_set(e, ERR_BUSY, "the question was stopped: it took longer than %d s",
                LIMIT_QUERY_SECONDS);
        err_code(e, "query.limit");
        err_hint(e, "ask for a shorter time range, fewer breakdowns or simpler conditions");
    }
    q->stats.passes++;
    q->stats.rows += stats.rows;
    q->stats.matched += stats.matched;
    q->stats.bytes_read += stats.bytes_read;
    q->stats.segments = MAX(q->stats.segments, stats.segments);
    q->stats.segments_skipped = MAX(q->stats.segments_skipped, stats.segments_skipped);
    if (q->context->explain)
        buf_printf(q->context->explain,
                   "  %u segments read, %u skipped; %llu of %llu rows matched\n", stats.segments,
                   stats.segments_skipped, (unsigned long long)stats.matched,
                   (unsigned long long)stats.rows);
    return ok && patterns_check(q, e);
}
