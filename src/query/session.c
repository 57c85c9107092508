/* query/session: the rules of sessions, and the cutting. */
#include "query/session.h"

#include "query/operator.h"

enum { GAP_MS = 30 * 60000, DAY_MS = 86400000 };

/* ---- cutting ---- */

void session_cutter_begin(struct session_cutter *c)
{
    c->count = 0;
    c->current = SESSION_NONE;
    if (c->ids.count)
        key_map_clear(&c->ids);
    c->id_count = 0;
}

void session_cutter_free(struct session_cutter *c)
{
    mem_free(c->list);
    mem_free(c->id_sessions);
    key_map_free(&c->ids);
    *c = (struct session_cutter){0};
}

static int64_t day_end(struct session_cutter *c, int64_t time)
{
    const struct zone *zone = c->rules->zone;

    if (time < c->day_from || time >= c->day_to) {
        c->day_from = interval_floor(zone, INTERVAL_DAY, WEEK_MONDAY, time);
        c->day_to = interval_step(zone, INTERVAL_DAY, WEEK_MONDAY, c->day_from, 1);
    }
    return c->day_to;
}

static uint32_t session_begin(struct session_cutter *c, int64_t time, uint32_t id)
{
    int64_t until = time < INT64_MAX - c->rules->longest ? time + c->rules->longest : INT64_MAX;

    if (c->rules->cuts_midnight)
        until = MIN(until, day_end(c, time));
    ARRAY_PUSH(c->list, c->count, c->room) =
        (struct session){.start = time, .last = time, .until = until, .id = id, .events = 1};
    return c->current = (uint32_t)(c->count - 1);
}

static uint32_t session_join(struct session_cutter *c, uint32_t at, int64_t time)
{
    c->list[at].last = time;
    c->list[at].events++;
    return c->current = at;
}

uint32_t session_switch(struct session_cutter *c, int64_t time, uint32_t id)
{
    if (id == SESSION_NONE)
        return c->rules->ids == SESSION_IDS_ONLY ? (uint32_t)SESSION_NONE
                                                 : session_begin(c, time, id);
    struct session *open = c->current == SESSION_NONE ? NULL : &c->list[c->current];
    size_t known = c->ids.count;
    uint32_t at = key_map_put(&c->ids, id);
    if (at == known)
        ARRAY_PUSH(c->id_sessions, c->id_count, c->id_room) = SESSION_NONE;
    uint32_t named = c->id_sessions[at];
    if (named != SESSION_NONE && time < c->list[named].until)
        return session_join(c, named, time);
    /* What began without an id is that of the next event that has one: a server's event often
     * comes just before the first of the page. */
    if (open && open->id == SESSION_NONE && time < open->until &&
        time - open->last < c->rules->gap) {
        open->id = id;
        c->id_sessions[at] = c->current;
        return session_join(c, c->current, time);
    }
    return c->id_sessions[at] = session_begin(c, time, id);
}

/* ---- what is known of a session ---- */

static const struct session_fact facts[] = {
    {"length", SESSION_LENGTH, SESSION_NUMBER, VIEW_VALUE},
    {"events", SESSION_EVENTS, SESSION_NUMBER, VIEW_VALUE},
    {"pages", SESSION_PAGES, SESSION_NUMBER, VIEW_VALUE},
    {"bounce", SESSION_BOUNCE, SESSION_NUMBER, VIEW_VALUE},
    {"start", SESSION_START, SESSION_TIME, VIEW_TIME},
    {"end", SESSION_END, SESSION_TIME, VIEW_TIME},
    {"hour", SESSION_START, SESSION_TIME, VIEW_HOUR},
    {"weekday", SESSION_START, SESSION_TIME, VIEW_WEEKDAY},
    {"position", SESSION_POSITION, SESSION_NUMBER, VIEW_VALUE},
    {"entry_page", SESSION_ENTRY_PAGE, SESSION_TEXT, VIEW_VALUE},
    {"exit_page", SESSION_EXIT_PAGE, SESSION_TEXT, VIEW_VALUE},
    {"entry_event", SESSION_ENTRY_EVENT, SESSION_TEXT, VIEW_VALUE},
    {"exit_event", SESSION_EXIT_EVENT, SESSION_TEXT, VIEW_VALUE},
};

const struct session_fact *session_fact_find(struct str name)
{
    for (size_t i = 0; i < COUNT(facts); i++)
        if (str_equal(name, str_of(facts[i].name)))
            return &facts[i];
    return NULL;
}

struct value session_fact_shown(const struct session_fact *fact, const struct zone *zone,
                                struct value v)
{
    if (fact->view != VIEW_HOUR && fact->view != VIEW_WEEKDAY)
        return v;
    struct local_time local = zone_local(zone, v.integer);
    v.integer = fact->view == VIEW_HOUR ? local.hour : local.weekday;
    return v;
}

bool session_fact_unknown(const struct ask *place, struct err *e)
{
    const char *names[COUNT(facts)], *near;
    struct str text = STR_NONE;

    for (size_t i = 0; i < COUNT(facts); i++)
        names[i] = facts[i].name;
    (void)json_string(place->json, &text);
    ask_fail(place, e, "query.unknown_value", "a session has no \"%.*s\"",
             (int)MIN(text.len, (size_t)60), text.at);
    near = ask_nearest(text, names, COUNT(names));
    return near ? err_hint(e, "did you mean %s?", near)
                : err_hint(e, "it has length, events, pages, bounce, start, end, hour, weekday, "
                              "entry_page, exit_page, entry_event, exit_event; its events a "
                              "position");
}

/* ---- rules ---- */

static bool length_read(struct question *q, const char *member, int64_t preset, int64_t *out,
                        struct err *e)
{
    struct ask a = ask_member(&q->root, member);
    struct duration d;

    *out = preset;
    if (!ask_is_there(&a))
        return true;
    if (!duration_read(&a, false, &d, e))
        return false;
    *out = duration_ms(d);
    return true;
}

bool session_rules_read(struct question *q, struct err *e)
{
    static const char *const names[] = {"override", "only", "ignore"};
    static const struct {
        bool cuts_midnight;
        enum session_ids ids;
    } presets[] = {
        [SEMANTICS_TENURE] = {false, SESSION_IDS_OVERRIDE},
        [SEMANTICS_POSTHOG] = {false, SESSION_IDS_ONLY},
        [SEMANTICS_MIXPANEL] = {true, SESSION_IDS_IGNORE},
        [SEMANTICS_AMPLITUDE] = {false, SESSION_IDS_ONLY},
    };
    struct session_rules *r = arena_alloc(q->arena, sizeof *r);
    struct ask midnight = ask_member(&q->root, "session_midnight"),
               ids = ask_member(&q->root, "session_ids");
    unsigned choice = presets[q->semantics].ids;

    *r = (struct session_rules){.cuts_midnight = presets[q->semantics].cuts_midnight,
                                .zone = q->zone};
    if (!length_read(q, "session_gap", GAP_MS, &r->gap, e) ||
        !length_read(q, "session_max", DAY_MS, &r->longest, e))
        return false;
    if (ask_is_there(&midnight) && !ask_bool(&midnight, &r->cuts_midnight, e))
        return false;
    if (ask_is_there(&ids) && !ask_choice(&ids, names, COUNT(names), &choice, e))
        return false;
    r->ids = (enum session_ids)choice;
    q->session_rules = r;
    return true;
}

static void rule_echo(struct question *q, const char *member, struct str preset)
{
    struct ask a = ask_member(&q->root, member);
    struct str text;

    question_rule(q, member, ask_is_there(&a) && json_string(a.json, &text) ? text : preset);
}

bool sessions_use(struct question *q, struct err *e)
{
    static const char *const ids[] = {"override", "only", "ignore"};
    const struct session_rules *r = q->session_rules;
    struct ask gap = ask_member(&q->root, "session_gap"),
               longest = ask_member(&q->root, "session_max"), unit = ask_member(&q->root, "unit");

    if (q->has_sessions)
        return true;
    if (q->unit == COUNTED_ACCOUNT) {
        ask_fail(&unit, e, "query.unsupported", "sessions are of persons; this counts accounts");
        return err_hint(e,
                        "ask about sessions without \"unit\":\"account\", by account if you like");
    }
    if (r->gap < 1000 || r->gap > DAY_MS)
        return ask_fail(&gap, e, "query.limit",
                        "a session ends after a pause of 1 second to 24 hours");
    if (r->longest < r->gap || r->longest > 7 * DAY_MS)
        return ask_fail(&longest, e, "query.limit",
                        "a session lasts at most 7 days, and at least as long as the pause that "
                        "ends it");
    q->has_sessions = true;
    if (!str_equal(str_of(q->insight->name), STR("paths"))) /* they say their gap anyway */
        rule_echo(q, "session_gap", STR("30m"));
    rule_echo(q, "session_max", STR("24h"));
    question_rule_raw(q, "session_midnight", r->cuts_midnight ? STR("true") : STR("false"));
    question_rule(q, "session_ids", str_of(ids[r->ids]));
    return true;
}
