/*
 * query/funnel_wide: funnels with more kinds of events than a scan has selectors. There is one
 * selector for each filter, over all names that go with it, and the event's name comes as a column.
 */
#include "query/condition.h"
#include "query/funnel.h"

struct wide_option {
    struct str event;                    /* .at == NULL: any */
    const struct scan_condition *filter; /* its own, or the question's, or NULL */
    uint32_t code;                       /* of the name */
    uint32_t bit;                        /* of the selector */
    uint32_t number;                     /* of the step, or of the exclusion */
    enum { WIDE_STEP, WIDE_EXCLUSION, WIDE_OTHER } kind;
};

static void options_add(struct wide *w, const struct matcher *m, bool with_filter, int kind,
                        size_t number, const struct scan_condition *shared)
{
    for (size_t i = 0; i < m->count; i++) {
        const struct matcher_option *o = &m->options[i];
        ARRAY_PUSH(w->options, w->count, w->room) = (struct wide_option){
            .event = o->event,
            .filter = !with_filter ? NULL
                      : o->filter  ? o->filter
                                   : shared,
            .code = o->event.at ? intern_put(w->names, o->event) : SCAN_CODE_NONE,
            .number = (uint32_t)number,
            .kind = kind,
        };
    }
}

bool wide_is_needed(const struct funnel *f)
{
    size_t options = f->order == ORDER_STRICT;

    for (size_t s = 0; s < f->step_count; s++)
        options += f->steps[s].role.count;
    for (size_t x = 0; x < f->exclusion_count; x++)
        options += f->exclusions[x].role.count;
    return options > SCAN_SELECTORS_MAX;
}

void wide_free(struct wide *w)
{
    if (!w)
        return;
    intern_destroy(w->names);
    mem_free(w->options);
    mem_free(w);
}

/* Is an event's name one of those that go with the filter? */
struct name_set {
    const struct str *names;
    size_t count;
};

static bool is_in_set(const void *context, struct value v)
{
    const struct name_set *set = context;

    for (size_t i = 0; v.type == VALUE_TEXT && i < set->count; i++)
        if (str_equal(set->names[i], v.text))
            return true;
    return false;
}

/* All options with the filter of the first one share a selector; NULL: it takes any name. */
static const struct scan_condition *names_of(struct question *q, struct wide *w, size_t first)
{
    struct name_set *set = arena_alloc(q->arena, sizeof *set);
    struct scan_condition *c = arena_alloc(q->arena, sizeof *c);
    struct str *names = arena_array(q->arena, w->count, sizeof *names);
    bool takes_any = false;

    for (size_t i = first; i < w->count; i++)
        if (w->options[i].filter == w->options[first].filter) {
            takes_any = takes_any || !w->options[i].event.at;
            names[set->count++] = w->options[i].event;
        }
    set->names = names;
    *c = (struct scan_condition){
        .kind = SCAN_TEST, .subject = SCAN_NAME, .test = is_in_set, .context = set};
    return takes_any ? NULL : c;
}

static bool too_many_filters(struct question *q, struct err *e)
{
    ask_fail(&q->root, e, "query.limit", "the funnel has more than %d different filters",
             SCAN_SELECTORS_MAX);
    return err_hint(e, "put what the steps share into the question's own filter");
}

static bool selectors_make(struct funnel *f, struct reading *r, int64_t to, struct err *e)
{
    struct question *q = f->q;
    struct wide *w = f->wide;

    for (size_t i = 0; i < w->count; i++) {
        struct wide_option *o = &w->options[i];
        size_t same = 0;
        while (same < i && w->options[same].filter != o->filter)
            same++;
        if (same < i) {
            o->bit = w->options[same].bit;
            continue;
        }
        if (r->plan.selector_count == SCAN_SELECTORS_MAX)
            return too_many_filters(q, e);
        const struct scan_condition *whole = names_of(q, w, i);
        if (o->filter)
            whole = condition_both(q, whole, o->filter);
        if (o->filter && o->filter != q->filter)
            whole = condition_both(q, whole, q->filter);
        o->bit = (uint32_t)1 << r->plan.selector_count;
        r->selectors[r->plan.selector_count++] =
            (struct scan_selector){STR_NONE, q->from, to, whole};
    }
    return true;
}

bool wide_read(struct funnel *f, struct reading *r, int64_t to, struct err *e)
{
    struct question *q = f->q;
    struct matcher_option any = {STR_NONE, NULL};
    struct matcher all = {&any, 1};
    struct scan_column names = {SCAN_CODE, SCAN_NAME, STR_NONE, NULL};

    wide_free(f->wide);
    f->wide = mem_zero(sizeof *f->wide);
    f->wide->names = names.codes = intern_create();
    for (size_t s = 0; s < f->step_count; s++)
        options_add(f->wide, &f->steps[s].role, true, WIDE_STEP, s, q->filter);
    for (size_t x = 0; x < f->exclusion_count; x++)
        options_add(f->wide, &f->exclusions[x].role, true, WIDE_EXCLUSION, x, q->filter);
    if (f->order == ORDER_STRICT) /* whatever lies between breaks a run */
        options_add(f->wide, &all, false, WIDE_OTHER, 0, NULL);
    return selectors_make(f, r, to, e) && reading_column(q, r, names, &f->wide->column, e);
}

void wide_event(const struct funnel *f, uint32_t mask, uint32_t name, struct funnel_event *out)
{
    for (size_t i = 0; i < f->wide->count; i++) {
        const struct wide_option *o = &f->wide->options[i];
        if (!(mask & o->bit) || (o->event.at && o->code != name))
            continue;
        if (o->kind == WIDE_STEP)
            out->steps |= step_bit(o->number);
        if (o->kind == WIDE_EXCLUSION) {
            out->exclusions |= (uint32_t)1 << o->number;
            out->blocks |= f->exclusions[o->number].blocks;
        }
    }
}
