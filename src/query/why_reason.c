/* query/why_reason: what kept somebody out, as JSON with a sentence; and which leaf of a condition.
 */
#include <math.h>
#include <stdio.h>

#include "query/behaviour.h"
#include "query/paint.h"
#include "query/why.h"

const char *const why_rule_names[WHY_RULES] = {
    "never",        "after_as_of", "before_range", "after_range",  "event_filter",
    "filter",       "too_early",   "same_event",   "window",       "hold",
    "strict",       "excluded",    "entry",        "other_cohort", "first_ever",
    "other_period", "minimum",     "streak",       "not_begun",    "condition"};

enum { LEAVES_MAX = 16 };

/* ---- conditions ---- */

/* A leaf that is to blame: it should be `wanted` and is not. */
struct blamed {
    const struct condition_leaf *leaf;
    bool wanted;
};

struct blame {
    struct why *all; /* each leaf as a role, over all events of the person */
    struct question *q;
    size_t event;
    struct blamed list[LEAVES_MAX];
    size_t count;
};

static void leaves_add(struct why *all, const struct scan_condition *c)
{
    if (!c)
        return;
    if (c->kind == SCAN_TEST && c->subject != SCAN_UNIT)
        (void)why_role(all, (struct why_role){STR_NONE, c, INT64_MIN, INT64_MAX});
    for (size_t i = 0; i < c->child_count; i++)
        leaves_add(all, c->children[i]);
}

static bool holds(const struct blame *b, const struct scan_condition *c)
{
    if (c->kind == SCAN_TEST && c->subject == SCAN_UNIT)
        return c->test_unit(c->context, b->all->unit);
    if (c->kind == SCAN_TEST) {
        struct why_role role = {STR_NONE, c, INT64_MIN, INT64_MAX};
        return b->event != SIZE_MAX && why_has(b->all, why_role(b->all, role), b->event);
    }
    if (c->kind == SCAN_NOT)
        return !holds(b, c->children[0]);
    for (size_t i = 0; i < c->child_count; i++)
        if (holds(b, c->children[i]) != (c->kind == SCAN_ALL))
            return c->kind == SCAN_ANY;
    return c->kind == SCAN_ALL;
}

static const struct condition_leaf *leaf_of(const struct question *q,
                                            const struct scan_condition *c)
{
    for (const struct condition_leaf *l = q->leaves; l; l = l->next)
        if (l->condition == c)
            return l;
    return NULL;
}

/* Leaves that would have to be otherwise for `c` to be as wanted. */
static void blame_find(struct blame *b, const struct scan_condition *c, bool wanted)
{
    const struct condition_leaf *leaf = leaf_of(b->q, c);

    if (holds(b, c) == wanted || b->count == LEAVES_MAX)
        return;
    if (leaf) { /* a saved segment's, too: its name says more than its parts */
        b->list[b->count++] = (struct blamed){leaf, wanted};
        return;
    }
    for (size_t i = 0; i < c->child_count; i++)
        blame_find(b, c->children[i], c->kind == SCAN_NOT ? !wanted : wanted);
}

/* What the event, or the person, has where the leaf looks; .at == NULL: nothing, or not known. */
static bool value_find(struct blame *b, const struct ask *place, struct str *out, struct err *e)
{
    static const struct {
        const char *of, *property;
        enum scan_subject subject;
    } known[] = {{"event", "name", SCAN_NAME},
                 {"event", "id", SCAN_ID},
                 {"account", "id", SCAN_ACCOUNT},
                 {"session", "id", SCAN_SESSION},
                 {"event", NULL, SCAN_PROPERTY}};
    struct ask property = ask_member(place, "property"), of = ask_member(place, "of");
    struct str name, subject = STR("event");
    char room[VALUE_TEXT_BYTES];

    *out = STR_NONE;
    (void)json_string(of.json, &subject);
    if (!json_string(property.json, &name))
        return true;
    if (str_equal(subject, STR("person"))) {
        struct value v = b->q->source->does->trait(b->q->source, b->all->unit, name);
        if (str_equal(name, STR("id")))
            *out = b->all->id;
        else if (!value_is_absent(v))
            *out = arena_copy(b->q->arena, value_text(v, room));
        return true;
    }
    if (b->event == SIZE_MAX)
        return true;
    struct str *values = arena_array(b->q->arena, b->all->count + 1, sizeof *values);
    for (size_t i = 0; i < COUNT(known); i++) {
        if (!str_equal(subject, str_of(known[i].of)) ||
            (known[i].property && !str_equal(name, str_of(known[i].property))))
            continue;
        if (!why_values(b->all, known[i].subject, name, values, e))
            return false;
        *out = values[b->event];
        return true;
    }
    return true;
}

/* How often the person did what a condition on what people did names, up to as_of. */
struct times {
    bool is_known;
    int64_t count, last;
};

static bool times_find(struct blame *b, const struct ask *place, struct times *out, struct err *e)
{
    static const char *const kinds[] = {"did", "did_not", "first_did"};
    struct question *q = b->q;
    const struct scan_condition *filter = q->filter;
    const char *kind = behaviour_kind(place);
    size_t k = 0;
    struct matcher role;
    struct why_place did;

    *out = (struct times){0};
    while (k < COUNT(kinds) && (!kind || strcmp(kind, kinds[k]) != 0))
        k++;
    if (k == COUNT(kinds))
        return true;
    struct why all = {.q = q, .unit = b->all->unit, .only = b->all->only, .names = intern_create()};
    q->filter = NULL; /* such a condition looks at all events */
    bool ok = matcher_of(q, question_keep(q, ask_member(place, kind)),
                         question_keep(q, ask_member(place, "filter")), &role, e);
    if (ok) {
        why_place_add(&all, &did, &role, INT64_MIN, INT64_MAX);
        ok = why_collect(&all, e);
    }
    q->filter = filter;
    for (size_t i = 0; ok && i < all.count; i++)
        if (why_fills(&all, &did, i)) {
            out->count++;
            out->last = all.time[i];
        }
    out->is_known = ok;
    why_free(&all);
    return ok;
}

/* plan was "free", and not {"is":"pro"} */
static void leaf_say(const struct blame *all, const struct blamed *b, struct str was,
                     struct times times, struct buf *out)
{
    char room[INSTANT_TEXT_BYTES];

    BUF_AUTO json = {0};
    const struct ask *place = b->leaf->place;
    struct ask property = ask_member(place, "property");
    struct str name;

    if (json_string(property.json, &name)) {
        buf_printf(out, "%.*s ", STR_ARG(name));
        if (was.at)
            buf_printf(out, "was \"%.*s\"", STR_ARG(was));
        else
            buf_add(out, STR("was not there"));
        buf_add(out, b->wanted ? STR("; wanted is ") : STR("; not wanted is "));
    } else {
        buf_add(out, b->wanted ? STR("this does not hold: ") : STR("this holds, and must not: "));
    }
    json_print(place->json, &json);
    buf_add(out, buf_str(&json));
    if (times.is_known && !times.count)
        buf_add(out, STR("; never did it"));
    else if (times.is_known)
        buf_printf(out, "; did it %lld %s, last at %.*s", (long long)times.count,
                   times.count == 1 ? "time" : "times",
                   STR_ARG(instant_local_text(all->q->zone, times.last, room)));
}

static bool leaves_write(struct blame *b, struct jwrite *w, struct buf *sentence, struct err *e)
{
    jwrite_key(w, STR("conditions"));
    jwrite_array(w);
    for (size_t i = 0; i < b->count; i++) {
        const struct ask *place = b->list[i].leaf->place;
        struct err point = {0};
        BUF_AUTO json = {0};
        struct str was;
        struct times times;
        if (!value_find(b, place, &was, e) || !times_find(b, place, &times, e))
            return false;
        ask_point(place, &point);
        json_print(place->json, &json);
        jwrite_object(w);
        jwrite_pair_string(w, "at", str_of(point.at));
        jwrite_key(w, STR("condition"));
        jwrite_raw(w, buf_str(&json));
        jwrite_pair_bool(w, "must_hold", b->list[i].wanted);
        jwrite_key(w, STR("was"));
        if (was.at)
            jwrite_string(w, was);
        else
            jwrite_null(w);
        if (times.is_known) {
            jwrite_pair_int(w, "times", times.count);
            if (times.count)
                answer_time(b->q, w, "last_at", times.last);
        }
        jwrite_end(w);
        buf_add(sentence, i ? STR("; ") : STR(""));
        leaf_say(b, &b->list[i], was, times, sentence);
    }
    jwrite_end(w);
    return true;
}

/* ---- sentences ---- */

static struct str when(const struct why *w, int64_t ms, char *room)
{
    return instant_local_text(w->q->zone, ms, room);
}

/* Of retentions and lists of people. */
static void retention_say(const struct why_reason *r, struct str at, struct str conditions,
                          struct buf *out)
{
    int number = (int)r->number, of = (int)r->of;

#define SAY(...) buf_printf(out, __VA_ARGS__)
    switch (r->rule) {
    case WHY_OTHER_COHORT:
        SAY("started at %.*s, in the cohort %.*s", STR_ARG(at), STR_ARG(r->other));
        break;
    case WHY_FIRST_EVER:
        SAY("the first %.*s of all, at %.*s, does not pass", STR_ARG(r->name), STR_ARG(at));
        break;
    case WHY_OTHER_PERIOD:
        SAY("did %.*s at %.*s, in interval %d, not %d", STR_ARG(r->name), STR_ARG(at), number, of);
        break;
    case WHY_MINIMUM:
        SAY("did %.*s %d times; at least %d are asked", STR_ARG(r->name), number, of);
        break;
    case WHY_STREAK:
        SAY("did not do %.*s in interval %d; all up to %d are asked", STR_ARG(r->name), number, of);
        break;
    case WHY_NOT_BEGUN:
        SAY("interval %d after the start has no number: it is not in the range, or has not begun",
            of);
        break;
    default:
        SAY("%.*s", STR_ARG(conditions));
    }
#undef SAY
}

/* `conditions`: what their leaves say. */
static void sentence_write(const struct why *w, const struct why_reason *r, struct str conditions,
                           struct buf *out)
{
    char at_room[INSTANT_TEXT_BYTES], other_room[INSTANT_TEXT_BYTES], by_room[NUMBER_BYTES];
    struct str at = r->event == SIZE_MAX ? STR("") : when(w, w->time[r->event], at_room);
    struct str other_at = r->other_at == INT64_MIN ? STR("") : when(w, r->other_at, other_room);
    struct str by = seconds_text(r->by_seconds, by_room);

#define SAY(...) buf_printf(out, __VA_ARGS__)
    switch (r->rule) {
    case WHY_NEVER:
        SAY("never did %.*s", STR_ARG(r->name));
        break;
    case WHY_AFTER_AS_OF:
    case WHY_BEFORE_RANGE:
    case WHY_AFTER_RANGE:
        SAY("did %.*s at %.*s, %s", STR_ARG(r->name), STR_ARG(at),
            r->rule == WHY_AFTER_AS_OF    ? "after as_of"
            : r->rule == WHY_BEFORE_RANGE ? "before the range begins"
                                          : "after the range ends");
        break;
    case WHY_EVENT_FILTER:
    case WHY_FILTER:
        SAY("did %.*s at %.*s, but %s filter leaves it out: %.*s", STR_ARG(r->name), STR_ARG(at),
            r->rule == WHY_FILTER ? "the question's" : "its own", STR_ARG(conditions));
        break;
    case WHY_EARLY:
        SAY("did %.*s at %.*s, before %.*s at %.*s", STR_ARG(r->name), STR_ARG(at),
            STR_ARG(r->other), STR_ARG(other_at));
        break;
    case WHY_SAME_EVENT:
        SAY("%.*s at %.*s is %.*s already; an event fills one step", STR_ARG(r->name), STR_ARG(at),
            STR_ARG(r->other));
        break;
    case WHY_WINDOW:
        SAY("did %.*s at %.*s, %.*s after the window that began at %.*s was over", STR_ARG(r->name),
            STR_ARG(at), STR_ARG(by), STR_ARG(other_at));
        break;
    case WHY_HOLD:
        SAY("did %.*s at %.*s with \"%.*s\"; the run began with \"%.*s\"", STR_ARG(r->name),
            STR_ARG(at), STR_ARG(r->was), STR_ARG(r->wanted));
        break;
    case WHY_STRICT:
        SAY("did %.*s at %.*s, but %.*s at %.*s lies between", STR_ARG(r->name), STR_ARG(at),
            STR_ARG(r->other), STR_ARG(other_at));
        break;
    case WHY_EXCLUDED:
        SAY("stopped before %.*s by %.*s at %.*s", STR_ARG(r->name), STR_ARG(r->other),
            STR_ARG(other_at));
        break;
    case WHY_ENTRY:
        SAY("did %.*s at %.*s, but the run that counts began at %.*s", STR_ARG(r->name),
            STR_ARG(at), STR_ARG(other_at));
        break;
    default:
        retention_say(r, at, conditions, out);
    }
#undef SAY
}

/* ---- writing ---- */

static bool reason_write(struct why *w, struct blame *b, const struct why_reason *r,
                         struct jwrite *out, struct err *e)
{
    BUF_AUTO conditions = {0}, sentence = {0};

    jwrite_object(out);
    jwrite_pair_string(out, "rule", str_of(why_rule_names[r->rule]));
    if (r->name.at)
        jwrite_pair_string(out, "name", r->name);
    if (r->event != SIZE_MAX) {
        jwrite_pair_string(out, "event", intern_at(w->names, w->name[r->event]));
        answer_time(w->q, out, "at", w->time[r->event]);
    }
    if (r->other.at)
        jwrite_pair_string(out, "other", r->other);
    if (r->other_at != INT64_MIN)
        answer_time(w->q, out, "other_at", r->other_at);
    if (!isnan(r->by_seconds))
        jwrite_pair_double(out, "by_seconds", r->by_seconds);
    if (r->rule == WHY_HOLD) {
        jwrite_pair_string(out, "was", r->was);
        jwrite_pair_string(out, "wanted", r->wanted);
    }
    if (r->number >= 0)
        jwrite_pair_int(out, "number", r->number);
    if (r->of >= 0)
        jwrite_pair_int(out, "of", r->of);
    if (r->condition) {
        b->event = r->event;
        b->count = 0;
        blame_find(b, r->condition, true);
        if (!leaves_write(b, out, &conditions, e))
            return false;
    }
    sentence_write(w, r, buf_str(&conditions), &sentence);
    jwrite_pair_string(out, "message", buf_str(&sentence));
    jwrite_end(out);
    return true;
}

bool why_reasons_write(struct why *w, const struct why_reason *reasons, size_t count,
                       struct jwrite *out, struct err *e)
{
    struct why all = {.q = w->q,
                      .unit = w->unit,
                      .asked = w->asked,
                      .id = w->id,
                      .only = w->only,
                      .names = intern_create()};
    struct blame b = {.all = &all, .q = w->q};
    bool ok = true;

    for (size_t i = 0; i < count; i++)
        leaves_add(&all, reasons[i].condition);
    if (all.role_count)
        ok = why_collect(&all, e);
    jwrite_key(out, STR("reasons"));
    jwrite_array(out);
    for (size_t i = 0; ok && i < count; i++)
        ok = reason_write(w, &b, &reasons[i], out, e);
    if (ok)
        jwrite_end(out);
    why_free(&all);
    return ok;
}

void why_begin(struct why *w, bool is_in, struct jwrite *out)
{
    answer_begin(w->q, out);
    jwrite_key(out, STR("why"));
    jwrite_object(out);
    jwrite_pair_string(out, "person", w->asked);
    jwrite_pair_string(out, "id", w->id);
    jwrite_pair_bool(out, "is_in", is_in);
}
