/* query/session_reference: one event after the other, each looking back over all before it. */
#include "query/session_reference.h"

struct cut {
    const struct ref_world *w;
    const struct ref_session_rules *rules;
    struct ref_sessions *out;
};

/* May the session still take an event at that time, whatever the pause? */
static bool is_open(const struct cut *c, size_t session, int64_t time)
{
    const struct ref_session *s = &c->out->list[session];

    if (time - s->start >= c->rules->longest)
        return false;
    if (!c->rules->cuts_midnight)
        return true;
    struct local_time a = zone_local(c->rules->zone, s->start),
                      b = zone_local(c->rules->zone, time);
    return a.year == b.year && a.month == b.month && a.day == b.day;
}

static size_t index_of(const struct cut *c, const struct event *e)
{
    return (size_t)(e - c->w->world.events);
}

/* The session that the event goes on with, or REF_NO_SESSION for a new one. */
static size_t going_on(const struct cut *c, size_t person, const struct event *before,
                       const struct event *e, struct str id)
{
    size_t previous = before ? c->out->of[index_of(c, before)] : (size_t)REF_NO_SESSION;
    bool is_near = before && e->time - before->time < c->rules->gap && previous < REF_NO_SESSION &&
                   is_open(c, previous, e->time);

    if (!id.len)
        return is_near ? previous : (size_t)REF_NO_SESSION;
    for (size_t s = c->out->count; s-- > 0;) /* the newest of that id */
        if (c->out->list[s].person == person && str_equal(c->out->list[s].id, id)) {
            if (is_open(c, s, e->time))
                return s;
            break;
        }
    return is_near && !c->out->list[previous].id.len ? previous : (size_t)REF_NO_SESSION;
}

static struct str page_text(const struct event *e)
{
    struct str path = STR("");

    for (size_t i = 0; i < e->property_count; i++)
        if (str_equal(e->properties[i].name, STR("path")))
            path = e->properties[i].value.text;
    if (path.len > 1 && path.at[path.len - 1] == '/')
        path.len--;
    return path;
}

static void join(const struct cut *c, size_t session, const struct event *e, struct str id)
{
    struct ref_session *s = &c->out->list[session];
    bool is_page = str_equal(e->name, STR("Page Viewed"));
    struct str page = is_page ? page_text(e) : STR("");

    if (!s->events) {
        s->start = e->time;
        s->entry_event = e->name;
    }
    s->last = e->time;
    s->exit_event = e->name;
    s->id = s->id.len ? s->id : id;
    s->pages += is_page;
    s->acts += e->name.at[0] != '$';
    if (page.len && !s->entry_page.len)
        s->entry_page = page;
    if (page.len)
        s->exit_page = page;
    c->out->of[index_of(c, e)] = session;
    c->out->position[index_of(c, e)] = ++s->events;
}

static void person_cut(const struct cut *c, size_t person)
{
    const struct ref_person *p = &c->w->people[person];
    const struct event *before = NULL;

    for (size_t i = 0; i < p->count; i++) {
        const struct event *e = p->events[i];
        struct str id = c->rules->ids == 'i' ? STR("") : e->session;
        if (e->time < c->rules->from || e->time >= c->rules->to)
            continue;
        if (c->rules->ids == 'n' && !id.len)
            continue;
        size_t session = going_on(c, person, before, e, id);
        if (session == REF_NO_SESSION) {
            session = c->out->count++;
            c->out->list[session].person = person;
        }
        join(c, session, e, id);
        before = e;
    }
}

void ref_sessions_cut(const struct ref_world *w, const struct ref_session_rules *rules,
                      struct ref_sessions *out)
{
    struct cut c = {w, rules, out};

    *out = (struct ref_sessions){0};
    for (size_t i = 0; i < REF_EVENTS_MAX; i++)
        out->of[i] = REF_NO_SESSION;
    for (size_t p = 0; p < w->person_count; p++)
        person_cut(&c, p);
}

static struct value text_or_none(struct str text)
{
    return text.len ? (struct value){VALUE_TEXT, .text = text}
                    : (struct value){.type = VALUE_MISSING};
}

struct value ref_session_fact(const struct ref_session *s, const struct zone *zone,
                              const char *fact)
{
    struct str name = str_of(fact);
    struct local_time local = zone_local(zone, s->start);

    if (str_equal(name, STR("length")))
        return (struct value){VALUE_DOUBLE, .number = (double)(s->last - s->start) / 1000};
    if (str_equal(name, STR("bounce")))
        return (struct value){VALUE_BOOL, .boolean = s->acts < 2};
    if (str_equal(name, STR("entry_page")))
        return text_or_none(s->entry_page);
    if (str_equal(name, STR("exit_page")))
        return text_or_none(s->exit_page);
    if (str_equal(name, STR("entry_event")))
        return text_or_none(s->entry_event);
    if (str_equal(name, STR("exit_event")))
        return text_or_none(s->exit_event);
    int64_t number = str_equal(name, STR("events"))  ? (int64_t)s->events
                     : str_equal(name, STR("pages")) ? (int64_t)s->pages
                     : str_equal(name, STR("hour"))  ? local.hour
                                                     : local.weekday;
    return (struct value){VALUE_INT, .integer = number};
}
