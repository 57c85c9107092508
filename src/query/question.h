/*
 * query/question (private to the room): what all insights share: range, zone, filter, breakdown,
 * rules, and the one way to run a scan.
 *
 * A question lives as long as one call of query_answer; everything it holds is in its arena.
 */
#pragma once
#include "base/limits.h"
#include "query/accounts.h"
#include "query/ask.h"
#include "query/query.h"

enum { LIMIT_DEFAULT = 25 };

struct accounts;
struct behaviour;
struct grouping;
struct insight;
struct named;
struct saved;
struct condition_leaf;
struct presences;

/* Events that fill a role (a series, a step, start, return): any of these. */
struct matcher {
    struct matcher_option {
        struct str event; /* .at == NULL: any */
        const struct scan_condition *filter;
        struct str said; /* the virtual event it stands for; .at == NULL: none */
    } * options;
    size_t count;
};

struct question {
    struct arena *arena;
    struct source *source;       /* whose units are counted: persons, or accounts */
    struct source *persons;      /* whose units are persons; the same, or what lies under it */
    struct accounts *accounts;   /* NULL: not asked for yet (question_accounts) */
    struct account_level level;  /* of accounts, where nothing else is said */
    struct presences *presences; /* query/unit_value.h */
    const struct query_context *context;
    const struct insight *insight;
    struct ask root;
    struct zone *zone;
    enum week_start week_start;
    enum interval interval;
    enum semantics {
        SEMANTICS_TENURE,
        SEMANTICS_POSTHOG,
        SEMANTICS_MIXPANEL,
        SEMANTICS_AMPLITUDE
    } semantics;
    enum counted { COUNTED_PERSON, COUNTED_ACCOUNT, COUNTED_SESSION } unit;
    bool has_from, has_to;
    int64_t from, to; /* [from, to) */
    int64_t as_of;
    const struct scan_condition *filter; /* NULL = none */
    struct grouping *grouping;           /* NULL = no breakdown */
    size_t limit;
    bool other;
    struct ask people_of; /* absent = the answer itself */
    size_t conditions;    /* leaves so far, for the limit */
    /* what the conditions being read may look at: a segment's not at single events */
    enum condition_level { LEVEL_EVENT, LEVEL_SEGMENT, LEVEL_PERSON } condition_level;
    struct behaviour *behaviours; /* all that were read (query/behaviour.h) */
    unsigned behaviour_depth;     /* of filters of behaviours, while reading */
    bool finds_behaviours;
    struct named *named;  /* by entry of the vocabulary (query/named.h); NULL: not needed yet */
    unsigned named_depth; /* of bodies of the vocabulary that are being read */
    struct saved *saved;  /* segments whose sets are to be found */
    const struct session_rules *session_rules;
    bool has_sessions;                       /* it looks at sessions: their rules are echoed */
    bool sessions_of_all;                    /* they are cut from the first event on */
    struct session_records *session_records; /* what people_of lists; NULL: people */

    struct ask why_not;            /* absent = the answer itself (query/why.h) */
    struct condition_leaf *leaves; /* all conditions that were read, with their places */

    struct buf rules; /* members of `rules`, as JSON */
    /* names asked for, checked once all are known */
    struct name_asked {
        struct str name;
        const struct ask *place; /* in the arena */
        bool is_known;
    } * events, *properties;
    size_t event_count, event_room, property_count, property_room;
    struct str *unseen; /* event names that no event has */
    size_t unseen_count;
    struct pattern **patterns; /* compiled, ended with the question */
    size_t pattern_count, pattern_room;
    struct query_stats stats;
    struct str said; /* the JSON that a line of words was made into; .at == NULL: it was JSON */
};

/* A copy that lives as long as the question (places of errors found later). */
const struct ask *question_keep(struct question *q, struct ask a);

/* Up to three names near enough to be meant, as a list; "" if there is none. */
void names_near(struct str asked, const struct str *names, size_t count, char *room, size_t size);

/* Members every insight has. */
#define QUESTION_MEMBERS                                                                           \
    "insight", "from", "to", "last", "as_of", "timezone", "week_start", "interval", "unit",        \
        "level", "filter", "segment", "breakdown", "limit", "other", "semantics", "people_of",     \
        SESSION_MEMBERS
/* How sessions are cut (query/session.h). */
#define SESSION_MEMBERS "session_gap", "session_max", "session_midnight", "session_ids"

/* Reads them; the range is resolved for insights that want one (see range.c). */
MUST_USE bool question_read(struct question *q, struct err *e);
void question_free(struct question *q);

/* Which accounts there are, read when first needed; NULL: it failed. */
struct accounts *question_accounts(struct question *q, struct err *e);
/* A level's name, or how many levels up; the question's own if nothing is said. */
MUST_USE bool level_read(struct question *q, const struct ask *a, struct account_level *out,
                         struct err *e);

/* After the insight read its own members: 422 for names that cannot be meant. */
MUST_USE bool question_check_names(struct question *q, struct err *e);

/* With `a` the question itself, its filter is left to the question. */
MUST_USE bool matcher_read(struct question *q, const struct ask *a, struct matcher *out,
                           struct err *e);
/* An event's name, or null, that stands outside an object; `filter` may be NULL or absent. */
MUST_USE bool matcher_of(struct question *q, const struct ask *event, const struct ask *filter,
                         struct matcher *out, struct err *e);
/* A list of events with their filters: any of them. */
MUST_USE bool matcher_any_of(struct question *q, const struct ask *list, struct matcher *out,
                             struct err *e);
/* "Signed Up", "A or B", "any event" */
struct str matcher_name(const struct question *q, const struct matcher *m);
void question_asks_property(struct question *q, struct str name, const struct ask *place);

/* One more rule for the echo. */
void question_rule(struct question *q, const char *name, struct str value);
void question_rule_int(struct question *q, const char *name, int64_t value);
void question_rule_raw(struct question *q, const char *name, struct str json);
void question_rule_number(struct question *q, const char *name, double value);

/* ---- time (range.c) ---- */

/* A local date (`is_end`: the end of it) or an instant. */
MUST_USE bool moment_read(struct question *q, const struct ask *a, bool is_end, int64_t *ms,
                          struct err *e);
MUST_USE bool moment_parse(struct question *q, struct str text, bool is_end, int64_t *ms,
                           struct err *e);
struct duration {
    int64_t count;
    enum duration_unit { UNIT_S, UNIT_M, UNIT_H, UNIT_D, UNIT_W, UNIT_MO, UNIT_Y } unit;
};
MUST_USE bool duration_read(const struct ask *a, bool may_be_negative, struct duration *out,
                            struct err *e);
int64_t duration_ms(struct duration d); /* elapsed: mo = 30 d, y = 365 d */
/* Local calendar arithmetic; the clock time stays where it exists. */
int64_t moment_shift(const struct question *q, int64_t at, struct duration d, int sign);
/* Reads from, to, last; sets q->from, q->to. */
MUST_USE bool range_read(struct question *q, struct err *e);
/* The end of what may be seen: the smaller of `to` and just after as_of. */
int64_t range_seen_to(const struct question *q, int64_t to);

struct edges {
    int64_t *at; /* count + 1 */
    size_t count;
};
/* "previous", or how far back: the range that the question's own is compared with; `intervals` is
 * how many that one has. */
MUST_USE bool compare_read(struct question *q, size_t intervals, bool *is_asked, int64_t *from,
                           int64_t *to, struct err *e);
MUST_USE bool question_edges(struct question *q, enum interval interval, int64_t from, int64_t to,
                             struct edges *out, struct err *e);

/* ---- scanning ---- */

enum { READING_COLUMNS_MAX = SCAN_COLUMNS_MAX - 1 }; /* one is the account's */

/* A plan that grows by roles. Same (event, filter, range) share a selector. */
struct reading {
    bool by_session; /* units are sessions (query/session_scan.h) */
    struct scan_selector selectors[SCAN_SELECTORS_MAX];
    struct scan_column columns[READING_COLUMNS_MAX];
    struct scan_plan plan;
    struct source *source; /* NULL = the question's */
};
/* Bits of the matcher's selectors within [from, to), the question's filter added. */
MUST_USE bool reading_role(struct question *q, struct reading *r, const struct matcher *m,
                           bool with_filter, int64_t from, int64_t to, uint32_t *bits,
                           struct err *e);
/* Number of the column; the same one is used again. */
MUST_USE bool reading_column(struct question *q, struct reading *r, struct scan_column c,
                             size_t *out, struct err *e);
/* What a pass will look at, for --explain (explain.c). */
void explain_pass(const struct question *q, const struct scan_plan *plan, struct buf *out);
/* Past its deadline: the next scan stops. */
bool question_is_late(const struct question *q);
/* A plan as it is, without what is found beforehand. */
MUST_USE bool reading_scan(struct question *q, struct reading *r, scan_sink *sink,
                           void *const *contexts, struct err *e);
MUST_USE bool reading_run(struct question *q, struct reading *r, scan_sink *sink,
                          void *const *contexts, struct err *e);

/* ---- answers ---- */

/* Opens the answer's object with what every answer echoes; the caller adds members and ends it. */
void answer_begin(struct question *q, struct jwrite *w);
void answer_time(const struct question *q, struct jwrite *w, const char *key, int64_t ms);
struct str answer_label(const struct question *q, enum interval i, int64_t start);
void answer_count_or_null(struct jwrite *w, const char *key, bool is_there, double value);

void answer_intervals(const struct question *q, struct jwrite *w, const char *key,
                      const struct edges *edges, size_t from);

/* People in no order, each once; writes the page that people_of asks for. */
struct people {
    uint32_t *units;
    size_t count, room;
    const struct intern *names;             /* units are its codes. NULL = the question's */
    const struct session_records *sessions; /* units are sessions */
};
void people_free(struct people *p);
MUST_USE bool answer_people(struct question *q, struct people *p, struct buf *out, struct err *e);
enum { PEOPLE_PAGE = 1000, PEOPLE_PAGE_MAX = 10000 };
/* Members that people_of always may have, beside the insight's coordinates. */
#define PEOPLE_MEMBERS "cursor", "page"

/* Reads a coordinate that names an interval start; its index. */
MUST_USE bool coordinate_interval(struct question *q, const char *member, const struct edges *edges,
                                  size_t *out, struct err *e);
MUST_USE bool coordinate_int(struct question *q, const char *member, int64_t low, int64_t high,
                             int64_t *out, struct err *e);

/* ---- insights ---- */

struct insight {
    const char *name;
    bool wants_range; /* from, to, last with their defaults */
    enum interval interval;
    bool counts_accounts;    /* unit may be account */
    const char *no_sessions; /* why unit may not be session; NULL: it may */
    bool of_people;          /* conditions on persons only */
    const char *const *members;
    size_t member_count;
    bool (*answer)(struct question *q, struct buf *out, struct err *e);
};
extern const struct insight insight_trends, insight_funnel, insight_retention, insight_lifecycle,
    insight_stickiness, insight_paths, insight_impact, insight_people;
