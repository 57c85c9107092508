/* query/why_people: which conditions of a list of people somebody meets, and which not. */
#include "query/behaviour.h"
#include "query/operator.h"
#include "query/why.h"

static bool people_write(struct why *w, struct buf *out, struct err *e)
{
    struct question *q = w->q;
    struct jwrite json = jwrite_to(out);
    bool is_in = condition_holds(q->filter, w->unit);
    struct why_reason reason = why_reason(WHY_CONDITION, SIZE_MAX, STR_NONE);

    reason.condition = q->filter;
    why_begin(w, is_in, &json);
    bool ok = why_reasons_write(w, &reason, !is_in, &json, e);
    if (ok) {
        jwrite_end(&json);
        jwrite_end(&json);
    }
    return ok;
}

bool why_people(struct question *q, struct buf *out, struct err *e)
{
    static const char *const known[] = {"person"};
    struct why w;
    bool ok = why_read(&w, q, known, COUNT(known), e) && behaviours_run(q, e) &&
              patterns_check(q, e) && people_write(&w, out, e);

    why_free(&w);
    return ok;
}
