/*
 * query/why (private to the room): why one person is not in a step of a funnel, a cell of a
 * retention, or a list of people: which rule stopped them, at which event.
 *
 * The insight's own kernel says how far the person came; nothing here decides that. Then all events
 * of the person are looked at once more, each with what it matches: by name alone, with its own
 * conditions, with the question's. What keeps an event from filling a place is the first rule, in
 * the order in which the kernel applies them, that it breaks.
 *
 * Everything lives in the question's arena. Cost: the kernel's scan, and one scan for each 31
 * things asked of events.
 */
#pragma once
#include "query/condition.h"
#include "query/question.h"

enum why_rule {
    WHY_NEVER,        /* no event of that name at all */
    WHY_AFTER_AS_OF,  /* not seen yet */
    WHY_BEFORE_RANGE, /* of the question */
    WHY_AFTER_RANGE,
    WHY_EVENT_FILTER, /* the step's, start's or return's own conditions */
    WHY_FILTER,       /* the question's filter or segment */
    WHY_EARLY,        /* before the step, or the start, that must come first */
    WHY_SAME_EVENT,   /* an event fills one step */
    WHY_WINDOW,       /* the window ran out before */
    WHY_HOLD,         /* a held property differs */
    WHY_STRICT,       /* another event lies between */
    WHY_EXCLUDED,     /* an excluded event came first */
    WHY_ENTRY,        /* another run is the one that counts */
    WHY_OTHER_COHORT, /* started in another interval */
    WHY_FIRST_EVER,   /* the first start of all does not pass */
    WHY_OTHER_PERIOD, /* returned in other intervals only */
    WHY_MINIMUM,      /* not often enough */
    WHY_STREAK,       /* missed an interval before */
    WHY_NOT_BEGUN,    /* that interval has no number yet */
    WHY_CONDITION,    /* a condition of a list of people does not hold */
    WHY_RULES,
};

/* What is asked of each event. */
struct why_role {
    struct str event; /* .at == NULL: any */
    const struct scan_condition *filter;
    int64_t from, to;
};

struct why {
    struct question *q;
    uint32_t unit;
    struct str asked, id;              /* as asked, and the person's own */
    const struct scan_condition *only; /* holds for this person alone */
    struct why_role *roles;
    size_t role_count, role_room;
    /* all events of the person, in order */
    size_t count;
    int64_t *time;
    uint32_t *name;
    struct intern *names;
    uint8_t *has; /* [role * count + event] */
};

/* Reads why_not's person and `known` other members; false also for a person nobody knows. */
MUST_USE bool why_read(struct why *w, struct question *q, const char *const *known, size_t count,
                       struct err *e);
void why_free(struct why *w);
/* Its number; the same one is used again. */
size_t why_role(struct why *w, struct why_role role);
/* After all roles were added. */
MUST_USE bool why_collect(struct why *w, struct err *e);
static inline bool why_has(const struct why *w, size_t role, size_t event)
{
    return w->has[role * w->count + event];
}

/* One kind of place that an event may fill: a step, a start, a return. */
struct why_place {
    const struct matcher *role;
    size_t *roles; /* of each option three: by name; with its conditions; with all, in range */
    int64_t from, to;
};
void why_place_add(struct why *w, struct why_place *p, const struct matcher *role, int64_t from,
                   int64_t to);
bool why_is_named(const struct why *w, const struct why_place *p, size_t event);
bool why_fills(const struct why *w, const struct why_place *p, size_t event);

/* Something that kept the person from being counted. */
struct why_reason {
    enum why_rule rule;
    size_t event;      /* SIZE_MAX: none */
    struct str name;   /* what was to be done */
    int64_t other_at;  /* of the step before, the run's start, the exclusion; INT64_MIN: none */
    struct str other;  /* its name */
    double by_seconds; /* NaN: none */
    struct str was, wanted;                 /* of a held property */
    int64_t number, of;                     /* how often, of how many; -1: none */
    const struct scan_condition *condition; /* whose leaves are to blame, at `event` */
};
struct why_reason why_reason(enum why_rule rule, size_t event, struct str name);
/* Before filters are looked at: is the event by name only, and what keeps it out? */
bool why_keeps_out(const struct why *w, const struct why_place *p, size_t event, struct str name,
                   struct why_reason *out);
/* Writes {"rule":…,"message":…}. `reasons` may need conditions' leaves: a scan more. */
MUST_USE bool why_reasons_write(struct why *w, const struct why_reason *reasons, size_t count,
                                struct jwrite *out, struct err *e);
/* Texts of each event's property; .at == NULL where it has none. In the arena. */
MUST_USE bool why_values(struct why *w, enum scan_subject subject, struct str property,
                         struct str *values, struct err *e);
void why_begin(struct why *w, bool is_in, struct jwrite *out);

extern const char *const why_rule_names[WHY_RULES];

struct funnel;
struct retention;
MUST_USE bool why_funnel(struct funnel *f, struct buf *out, struct err *e);
MUST_USE bool why_retention(struct retention *r, struct buf *out, struct err *e);
MUST_USE bool why_people(struct question *q, struct buf *out, struct err *e);
