/* query/text_goal: what an impact is on: "retention of A then B weekly 4", "funnel A > B over 30d".
 */
#include "query/text_event.h"

static const struct rule {
    const char *words, *what;
    const char *names[4];
    size_t count; /* 0: a whole number */
} rules[] = {
    {"match", "a match rule", {"on", "on_or_after", "on_or_before", "streak"}, 4},
    {"cohort", "a cohort rule", {"first_matching", "first_ever", "first_in_range"}, 3},
    {"window", "a window", {"calendar", "rolling", "rolling_hour"}, 3},
    {"minimum", "a whole number", {NULL}, 0},
};

/* weekly 4: in which interval after the start */
static bool period_read(struct text *t)
{
    static const char *const words[] = {"hourly",  "daily",     "weekly",
                                        "monthly", "quarterly", "yearly"};
    static const char *const names[] = {"hour", "day", "week", "month", "quarter", "year"};
    int64_t n;

    for (size_t i = 0; i < COUNT(words); i++) {
        const struct text_token *k = text_now(t);
        if (!text_take(t, words[i]))
            continue;
        text_up(t, text_down(t, "interval", k));
        jwrite_string(&t->w, str_of(names[i]));
        text_up(t, text_down(t, "period", text_now(t)));
        if (!text_whole(t, &n))
            return false;
        jwrite_int(&t->w, n);
        return true;
    }
    const struct text_token *k = text_now(t);
    text_expected(t, "when to look, as weekly 4");
    return text_hint_names(t, k->text, words, COUNT(words));
}

static bool rule_read(struct text *t, const struct rule *r)
{
    const char *name = "";
    int64_t n;

    text_up(t, text_down(t, r->words, text_now(t)));
    if (!r->count) {
        if (!text_whole(t, &n))
            return false;
        jwrite_int(&t->w, n);
        return true;
    }
    if (!text_choice(t, r->what, r->names, r->count, &name))
        return false;
    jwrite_string(&t->w, str_of(name));
    return true;
}

static bool retained_read(struct text *t)
{
    bool is_said[COUNT(rules)] = {false};

    (void)text_take(t, "of");
    if (!text_role(t, "start") || (text_take(t, "then") && !text_role(t, "return")) ||
        !period_read(t))
        return false;
    for (size_t i = 0; i < COUNT(rules); i++) {
        const struct text_token *k = text_now(t);
        if (!text_take(t, rules[i].words))
            continue;
        if (is_said[i])
            return text_wrong(t, k, "%s is said twice", rules[i].words);
        is_said[i] = true;
        if (!rule_read(t, &rules[i]))
            return false;
        i = SIZE_MAX; /* they come in any order */
    }
    return true;
}

static bool converted_read(struct text *t)
{
    struct str length;

    if (!text_steps(t))
        return false;
    if (!text_take(t, "over"))
        return true;
    text_up(t, text_down(t, "window", text_now(t)));
    if (!text_name(t, "a length of time, as 30d", &length))
        return false;
    jwrite_string(&t->w, length);
    return true;
}

bool text_goal(struct text *t)
{
    static const char *const names[] = {"retention", "funnel"};

    if (!(text_take(t, "on") || text_expected(t, "\"on\" and a goal")))
        return false;
    const struct text_token *k = text_now(t);
    bool is_funnel = text_take(t, "funnel");
    if (!is_funnel && !text_take(t, "retention")) {
        text_expected(t, "a goal");
        return text_hint_names(t, k->text, names, COUNT(names));
    }
    size_t goal = text_down(t, "goal", k);
    jwrite_object(&t->w);
    size_t kind = text_down(t, is_funnel ? "converted" : "retained", k);
    jwrite_object(&t->w);
    if (!(is_funnel ? converted_read(t) : retained_read(t)))
        return false;
    jwrite_end(&t->w);
    text_up(t, kind);
    jwrite_end(&t->w);
    text_up(t, goal);
    return true;
}
