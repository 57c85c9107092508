/*
 * query/session (private to the room): cutting a unit's events into sessions, and what is known of
 * a session.
 *
 * Events come in time order, one unit after the other. A session ends by a pause, by its greatest
 * length, at midnight if asked; ids that an SDK sent decide instead of the pause. Everything that
 * speaks of sessions (metrics, conditions, groups, paths) cuts with this.
 * Memory: the sessions of one unit. Thread: a cutter belongs to one.
 */
#pragma once
#include "query/group.h"

enum { SESSION_NONE = UINT32_MAX };

struct session_rules {
    int64_t gap;     /* ms; a pause of that length ends a session */
    int64_t longest; /* ms from its start; an event that late begins another */
    bool cuts_midnight;
    /* override: an id decides instead of the pause; only: events without one are in no session;
     * ignore: the caller hands out none */
    enum session_ids { SESSION_IDS_OVERRIDE, SESSION_IDS_ONLY, SESSION_IDS_IGNORE } ids;
    const struct zone *zone;
};

struct session {
    int64_t start, last;
    int64_t until; /* no event from then on */
    uint32_t id;   /* code of the SDK's; SESSION_NONE */
    uint32_t events;
};

struct session_cutter {
    const struct session_rules *rules;
    struct session *list; /* of the unit so far, in order of their starts */
    size_t count, room;
    uint32_t current; /* that of the event before */
    struct key_map ids;
    uint32_t *id_sessions; /* the newest of each id */
    size_t id_count, id_room;
    int64_t day_from, day_to; /* a local day, kept since the next session is often in it */
};

void session_cutter_begin(struct session_cutter *c); /* the next unit */
void session_cutter_free(struct session_cutter *c);
/* The session that this event does not go on with the current one for. */
uint32_t session_switch(struct session_cutter *c, int64_t time, uint32_t id);

/* Place of the event's session in the list; SESSION_NONE where it is in none. */
static inline uint32_t session_cut(struct session_cutter *c, int64_t time, uint32_t id)
{
    if (LIKELY(c->current != SESSION_NONE)) {
        struct session *s = &c->list[c->current];
        bool goes_on = id == SESSION_NONE
                           ? time - s->last < c->rules->gap && c->rules->ids != SESSION_IDS_ONLY
                           : id == s->id;
        if (LIKELY(goes_on && time < s->until)) {
            s->last = time;
            s->events++;
            return c->current;
        }
    }
    return session_switch(c, time, id);
}

/* ---- what is known of a session ---- */

struct session_fact {
    const char *name;
    enum session_fact_kind {
        SESSION_LENGTH,
        SESSION_EVENTS,
        SESSION_PAGES,
        SESSION_BOUNCE,
        SESSION_START, /* hour and weekday, too */
        SESSION_END,
        SESSION_POSITION, /* of the event in its session, from 1 */
        SESSION_ENTRY_PAGE,
        SESSION_EXIT_PAGE,
        SESSION_ENTRY_EVENT,
        SESSION_EXIT_EVENT,
    } kind;
    enum session_fact_type { SESSION_NUMBER, SESSION_TIME, SESSION_TEXT } type;
    uint8_t view; /* enum leaf_view */
};
const struct session_fact *session_fact_find(struct str name);
/* As it is counted and grouped by: of a start its local hour or weekday. */
struct value session_fact_shown(const struct session_fact *fact, const struct zone *zone,
                                struct value v);
/* An error at `place` that names them all. */
bool session_fact_unknown(const struct ask *place, struct err *e);

/* The members that say how sessions are cut, into q->session_rules. */
MUST_USE bool session_rules_read(struct question *q, struct err *e);
/* The question looks at sessions: the rules are checked and echoed, once. */
MUST_USE bool sessions_use(struct question *q, struct err *e);
