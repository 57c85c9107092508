/*
 * saved/alert: what an alert says: a question, one number of its answer, and when to speak up.
 *
 * The question's time moves: it has no from, to or as_of. `when` holds one or more of below, above,
 * falls_by_percent and rises_by_percent (against the interval before); any of them that is true
 * makes the alert fire. Thread: any.
 */
#pragma once
#include "saved/number.h"

struct alert_rule {
    struct ask question, number; /* of the caller's document */
    bool has_below, has_above, has_fall, has_rise;
    double below, above, fall, rise; /* fall and rise in percent */
    double at_least;                 /* the number must be over so many; 0 = any */
    int64_t wait_ms;                 /* how long late events are waited for */
    bool is_enabled;
};

/* `root` outlives the rule. Question and number are found, not checked. */
MUST_USE bool alert_read(const struct ask *root, struct alert_rule *out, struct err *e);

enum alert_verdict { ALERT_OK, ALERT_FIRING, ALERT_NO_DATA };
/* `before` is looked at only for falls and rises. */
enum alert_verdict alert_judge(const struct alert_rule *rule, const struct number *now,
                               const struct number *before);
static inline bool alert_compares(const struct alert_rule *rule)
{
    return rule->has_fall || rule->has_rise;
}
