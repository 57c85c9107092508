#include "saved/alert.h"

#include <math.h>

#include "saved/inner.h"

enum { WAIT_MINUTES = 60 };
static const int64_t WAIT_MAX_MS = INT64_C(31) * 86400000;

static bool read_double(const struct ask *a, double low, bool is_over, double *out, struct err *e)
{
    if (!json_number(a->json, out))
        return ask_wrong_type(a, "a number", e);
    if (*out > low || (!is_over && *out == low))
        return true;
    return ask_fail(a, e, "query.limit", "%.*s must be %s %g", STR_ARG(a->key),
                    is_over ? "over" : "at least", low);
}

static bool read_when(const struct ask *root, struct alert_rule *r, struct err *e)
{
    struct ask when = ask_member(root, "when");
    const struct {
        const char *name;
        bool *has;
        double *value;
        double low;
        bool is_over;
    } conditions[] = {
        {"below", &r->has_below, &r->below, -INFINITY, true},
        {"above", &r->has_above, &r->above, -INFINITY, true},
        {"falls_by_percent", &r->has_fall, &r->fall, 0, true},
        {"rises_by_percent", &r->has_rise, &r->rise, 0, true},
    };
    static const char *const known[] = {"below", "above", "falls_by_percent", "rises_by_percent"};
    bool has_any = false;

    if (!ask_is_there(&when)) {
        ask_missing(root, "when", "say when to speak up", e);
        return err_hint(e, "for example {\"below\":0.3} or {\"falls_by_percent\":10}");
    }
    if (!ask_members(&when, known, COUNT(known), e))
        return false;
    for (size_t i = 0; i < COUNT(conditions); i++) {
        struct ask a = ask_member(&when, conditions[i].name);
        *conditions[i].has = ask_is_there(&a);
        has_any |= *conditions[i].has;
        if (*conditions[i].has &&
            !read_double(&a, conditions[i].low, conditions[i].is_over, conditions[i].value, e))
            return false;
    }
    if (has_any)
        return true;
    ask_fail(&when, e, "query.empty_list", "when holds no condition");
    return err_hint(e, "below, above, falls_by_percent or rises_by_percent");
}

static bool read_wait(const struct ask *a, int64_t *ms, struct err *e)
{
    static const struct {
        char unit;
        int64_t ms;
    } units[] = {{'m', 60000}, {'h', 3600000}, {'d', 86400000}};
    struct str text;
    int64_t count;

    if (!ask_text(a, &text, e))
        return false;
    size_t digits = text.len ? text.len - 1 : 0;
    for (size_t i = 0; digits && i < COUNT(units); i++) {
        if (text.at[digits] != units[i].unit || !str_to_i64(str_sub(text, 0, digits), &count) ||
            count < 0 || count > WAIT_MAX_MS / units[i].ms)
            continue;
        *ms = count * units[i].ms;
        return true;
    }
    ask_fail(a, e, "query.bad_time", "\"%.*s\" is not a time to wait", (int)MIN(text.len, 60),
             text.at);
    return err_hint(e, "0m to 31d: for example 90m, 2h or 1d");
}

bool alert_read(const struct ask *root, struct alert_rule *out, struct err *e)
{
    struct ask wait = ask_member(root, "wait"), least = ask_member(root, "at_least"),
               enabled = ask_member(root, "enabled");

    *out = (struct alert_rule){
        .question = ask_member(root, "question"),
        .number = ask_member(root, "number"),
        .wait_ms = WAIT_MINUTES * 60000,
        .is_enabled = true,
    };
    if (!ask_is_there(&out->question))
        return ask_missing(root, "question", "an alert watches a number of an answer", e);
    if (!ask_is_there(&out->number)) {
        ask_missing(root, "number", "say which number of the answer", e);
        return err_hint(e, "for example {\"series\":0}, or {\"period\":1} of retention");
    }
    return read_when(root, out, e) &&
           (!ask_is_there(&wait) || read_wait(&wait, &out->wait_ms, e)) &&
           (!ask_is_there(&least) || read_double(&least, 0, false, &out->at_least, e)) &&
           (!ask_is_there(&enabled) || ask_bool(&enabled, &out->is_enabled, e));
}

enum alert_verdict alert_judge(const struct alert_rule *r, const struct number *now,
                               const struct number *before)
{
    bool is_small = now->has_base && now->base < r->at_least;

    if (!now->is_there || is_small)
        return ALERT_NO_DATA;
    if ((r->has_below && now->value < r->below) || (r->has_above && now->value > r->above))
        return ALERT_FIRING;
    if (!alert_compares(r))
        return ALERT_OK;
    bool was_small = before->has_base && before->base < r->at_least;
    if (!before->is_there || was_small || before->value == 0)
        return r->has_below || r->has_above ? ALERT_OK : ALERT_NO_DATA;
    double change = (now->value - before->value) / fabs(before->value) * 100;
    bool fires = (r->has_fall && change <= -r->fall) || (r->has_rise && change >= r->rise);
    return fires ? ALERT_FIRING : ALERT_OK;
}

/* The range ends with each interval that is over: a question that names its own end stands still.
 */
static bool check_moves(const struct ask *question, struct err *e)
{
    static const char *const fixed[] = {"from", "to", "as_of", "people_of", "compare"};

    for (size_t i = 0; i < COUNT(fixed); i++) {
        struct ask a = ask_member(question, fixed[i]);
        if (!ask_is_there(&a))
            continue;
        ask_fail(&a, e, "query.unsupported", "an alert's question has no %s", fixed[i]);
        return err_hint(e, i < 3 ? "use last: the range moves with the intervals that end"
                                 : "leave it out");
    }
    return true;
}

bool alert_check(const struct saved_project *p, const struct ask *root, struct jwrite *w,
                 struct err *e)
{
    static const char *const known[] = {"name", "description", "question", "number", "when",
                                        "wait", "at_least",    "enabled",  SAVED_OWN};
    AUTO(json_parser) *parser = json_parser_create();
    struct alert_rule rule;
    struct number number;
    BUF_AUTO answer = {0};
    struct json shape, asked;
    struct str question;

    if (!ask_members(root, known, COUNT(known), e) || !saved_heading(root, w, e) ||
        !alert_read(root, &rule, e) || !saved_question(p, &rule.question, &question, &answer, e) ||
        !json_parse(parser, question, &asked, e))
        return false;
    struct ask made = {
        .json = asked, .up = root, .key = STR("question")}; /* of words: what they became */
    if (!check_moves(&made, e) || !json_parse(parser, buf_str(&answer), &shape, e) ||
        !number_find(&rule.number, shape, &number, e))
        return false;
    jwrite_key(w, STR("question"));
    jwrite_raw(w, question);
    saved_keep(root, "number", w);
    saved_keep(root, "when", w);
    saved_keep(root, "wait", w);
    saved_keep(root, "at_least", w);
    jwrite_pair_bool(w, "enabled", rule.is_enabled);
    return true;
}
