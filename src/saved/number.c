#include "saved/number.h"

#include <math.h>

/* The last item of `finals` that is true. */
static bool newest(struct json finals, size_t *at)
{
    struct json_each it = json_each(finals);
    bool is_found = false, value = false;

    for (size_t i = 0; json_next(&it); i++) {
        if (!json_bool(it.value, &value) || !value)
            continue;
        *at = i;
        is_found = true;
    }
    return is_found;
}

static struct json item(struct json list, size_t n)
{
    struct json_each it = json_each(list);

    for (size_t i = 0; json_next(&it); i++)
        if (i == n)
            return it.value;
    return json_member(list, STR_NONE);
}

static void take(struct json json, struct number *out)
{
    out->is_there = json_number(json, &out->value) && isfinite(out->value);
}

static bool same(struct json a, struct json b)
{
    BUF_AUTO x = {0}, y = {0};

    json_print(a, &x);
    json_print(b, &y);
    return str_equal(buf_str(&x), buf_str(&y));
}

/* The group that is meant, or the whole answer. False: it is not there (now). */
static bool group_find(const struct ask *pick, struct json answer, struct json *out)
{
    struct ask wanted = ask_member(pick, "breakdown");

    *out = answer;
    if (!ask_is_there(&wanted))
        return true;
    struct json_each it = json_each(json_member(answer, STR("groups")));
    while (json_next(&it)) {
        *out = it.value;
        if (same(wanted.json, json_member(it.value, STR("value"))))
            return true;
    }
    return false;
}

static bool check_breakdown(const struct ask *pick, bool is_grouped, struct err *e)
{
    struct ask wanted = ask_member(pick, "breakdown");
    size_t count;

    if (!ask_is_there(&wanted))
        return true;
    if (!is_grouped)
        return ask_fail(&wanted, e, "query.unknown_value", "the question has no breakdown");
    return ask_list(&wanted, 1, 4, &count, e);
}

/* ---- trends ---- */

static bool series_is(const struct ask *wanted, struct json series, size_t index)
{
    struct str name, own;
    int64_t n;

    if (!ask_is_there(wanted))
        return index == 0;
    if (json_int(wanted->json, &n))
        return n == (int64_t)index;
    return json_string(wanted->json, &name) &&
           json_string(json_member(series, STR("name")), &own) && str_equal(name, own);
}

/* Series with a breakdown follow each other by series, then group: an index then counts names. */
static bool trends_number(const struct ask *pick, struct json answer, struct number *out,
                          struct err *e)
{
    struct ask wanted = ask_member(pick, "series"), group = ask_member(pick, "breakdown");
    struct json_each it = json_each(json_member(answer, STR("series")));
    struct str last = STR_NONE, name = STR_NONE;
    size_t index = 0, shown = 0, at;
    bool is_known = false;

    out->is_of_intervals = true;
    while (json_next(&it)) {
        struct json values = json_member(it.value, STR("breakdown"));
        bool is_grouped = json_type(values) == JSON_ARRAY && json_count(values) > 0;
        if (json_string(json_member(it.value, STR("name")), &name) && shown++ &&
            (!is_grouped || !str_equal(name, last)))
            index++;
        last = name;
        if (!series_is(&wanted, it.value, index))
            continue;
        is_known = true;
        if (is_grouped != ask_is_there(&group)) {
            if (!is_grouped)
                return check_breakdown(pick, false, e);
            ask_missing(pick, "breakdown", "the question has one: say which group", e);
            return err_hint(e, "for example \"breakdown\":[\"pro\"]");
        }
        if (is_grouped && !same(group.json, values))
            continue;
        if (newest(json_member(it.value, STR("final")), &at)) {
            take(item(json_member(it.value, STR("values")), at), out);
            json_string(item(json_member(answer, STR("intervals")), at), &out->start);
        }
        return true;
    }
    if (is_known || !shown)
        return true; /* such a group is not there now */
    ask_fail(&wanted, e, "query.unknown_value", "the answer has no such series");
    return err_hint(e, "0 is the first, or the series' name");
}

/* ---- the others ---- */

static bool lifecycle_number(const struct ask *pick, struct json answer, struct number *out,
                             struct err *e)
{
    static const char *const states[] = {"new", "returning", "resurrecting", "dormant", "active"};
    struct ask state = ask_member(pick, "state");
    struct json group;
    unsigned choice;
    size_t at;

    out->is_of_intervals = true;
    if (!ask_is_there(&state))
        return ask_missing(pick, "state", "new, returning, resurrecting, dormant or active", e);
    if (!ask_choice(&state, states, COUNT(states), &choice, e))
        return false;
    if (!group_find(pick, answer, &group) || !newest(json_member(group, STR("final")), &at))
        return true;
    take(item(json_member(group, str_of(states[choice])), at), out);
    json_string(item(json_member(answer, STR("intervals")), at), &out->start);
    return true;
}

static void cohort_number(struct json cohort, int64_t period, bool is_rate, struct number *out)
{
    take(item(json_member(cohort, STR("counts")), (size_t)period), out);
    out->has_base = json_number(json_member(cohort, STR("size")), &out->base);
    if (is_rate) {
        out->is_there = out->is_there && out->has_base && out->base > 0;
        out->value = out->is_there ? out->value / out->base : 0;
    }
    json_string(json_member(cohort, STR("start")), &out->start);
}

/* The newest cohort whose cell of that period is over. */
static bool retention_number(const struct ask *pick, struct json answer, struct number *out,
                             struct err *e)
{
    static const char *const forms[] = {"rate", "count"};
    struct ask period = ask_member(pick, "period"), as = ask_member(pick, "as");
    struct json columns = json_member(answer, STR("columns")), group;
    unsigned form = 0;
    int64_t n, final;

    out->is_of_intervals = true;
    if (!ask_is_there(&period))
        return ask_missing(pick, "period", "which column: 1 is the interval after the start's", e);
    if (!ask_int(&period, 0, MAX((int64_t)json_count(columns), 1) - 1, &n, e) ||
        (ask_is_there(&as) && !ask_choice(&as, forms, COUNT(forms), &form, e)))
        return false;
    if (!group_find(pick, answer, &group))
        return true;
    struct json_each it = json_each(json_member(group, STR("cohorts")));
    while (json_next(&it))
        if (json_int(json_member(it.value, STR("final")), &final) && final > n)
            cohort_number(it.value, n, form == 0, out);
    return true;
}

static bool buckets_number(const struct ask *as, struct json buckets, struct number *out,
                           struct err *e)
{
    static const char *const forms[] = {"rate", "from", "to"};
    struct json_each it = json_each(buckets);
    unsigned form = 0;
    bool is_final;

    out->is_of_intervals = true;
    if (ask_is_there(as) && !ask_choice(as, forms, COUNT(forms), &form, e))
        return false;
    while (json_next(&it)) {
        if (!json_bool(json_member(it.value, STR("final")), &is_final) || !is_final)
            continue;
        take(json_member(it.value, str_of(forms[form])), out);
        out->has_base = json_number(json_member(it.value, STR("from")), &out->base);
        json_string(json_member(it.value, STR("start")), &out->start);
    }
    return true;
}

static bool funnel_number(const struct ask *pick, struct json answer, struct number *out,
                          struct err *e)
{
    static const char *const forms[] = {"conversion",      "count",          "from_previous",
                                        "average_seconds", "median_seconds", "p90_seconds"};
    struct ask step = ask_member(pick, "step"), as = ask_member(pick, "as");
    struct json group, steps = json_member(answer, STR("steps"));
    bool is_there = group_find(pick, answer, &group);
    unsigned form = 0;
    int64_t n;

    if (json_type(json_member(answer, STR("buckets"))) == JSON_ARRAY)
        return buckets_number(&as, json_member(is_there ? group : pick->json, STR("buckets")), out,
                              e);
    if (json_type(steps) != JSON_ARRAY) {
        ask_missing(pick, "pointer", "this answer has no steps", e);
        return err_hint(e, "point at the number: {\"pointer\":\"/median_seconds\"}");
    }
    if (!ask_is_there(&step))
        return ask_missing(pick, "step", "which one; the first is 1", e);
    if (!ask_int(&step, 1, (int64_t)json_count(steps), &n, e) ||
        (ask_is_there(&as) && !ask_choice(&as, forms, COUNT(forms), &form, e)))
        return false;
    if (!is_there)
        return true;
    steps = json_member(group, STR("steps"));
    take(json_member(item(steps, (size_t)n - 1), str_of(forms[form])), out);
    out->has_base = json_number(json_member(item(steps, 0), STR("count")), &out->base);
    return true;
}

static bool stickiness_number(const struct ask *pick, struct json answer, struct number *out,
                              struct err *e)
{
    struct json ratio = json_member(answer, STR("ratio"));
    struct ask intervals = ask_member(pick, "intervals");
    size_t at;
    int64_t n;

    if (json_type(ratio) == JSON_OBJECT) {
        out->is_of_intervals = true;
        if (!newest(json_member(ratio, STR("final")), &at))
            return true;
        take(item(json_member(ratio, STR("values")), at), out);
        out->has_base = json_number(item(json_member(ratio, STR("of")), at), &out->base);
        json_string(item(json_member(ratio, STR("intervals")), at), &out->start);
        return true;
    }
    if (!ask_is_there(&intervals))
        return ask_missing(pick, "intervals", "in how many people were active", e);
    struct json counts = json_member(answer, STR("counts"));
    if (!ask_int(&intervals, 1, MAX((int64_t)json_count(counts), 1), &n, e))
        return false;
    take(item(counts, (size_t)n - 1), out);
    return true;
}

/* RFC 6901; a member of the answer that is not there is no number. */
static bool pointer_number(const struct ask *pointer, struct json answer, struct number *out,
                           struct err *e)
{
    struct str rest, part;

    if (!ask_text(pointer, &rest, e))
        return false;
    if (!rest.len || rest.at[0] != '/') {
        ask_fail(pointer, e, "query.unknown_value", "this is no JSON pointer");
        return err_hint(e, "for example \"/steps/1/count\"");
    }
    rest = str_sub(rest, 1, rest.len);
    while (str_cut(&rest, '/', &part)) {
        BUF_AUTO key = {0};
        int64_t n;
        for (size_t i = 0; i < part.len; i++) {
            bool is_escape = part.at[i] == '~' && i + 1 < part.len;
            buf_add_char(&key, !is_escape ? part.at[i] : part.at[++i] == '1' ? '/' : '~');
        }
        if (json_type(answer) == JSON_ARRAY)
            answer = str_to_i64(part, &n) && n >= 0 ? item(answer, (size_t)n)
                                                    : json_member(answer, STR_NONE);
        else
            answer = json_member(answer, buf_str(&key));
    }
    take(answer, out);
    return true;
}

typedef bool number_finder(const struct ask *pick, struct json answer, struct number *out,
                           struct err *e);

static const struct kind {
    const char *insight;
    number_finder *find;
    const char *members[4];
    size_t member_count;
} kinds[] = {
    {"trends", trends_number, {"series", "breakdown"}, 2},
    {"lifecycle", lifecycle_number, {"state", "breakdown"}, 2},
    {"retention", retention_number, {"period", "as", "breakdown"}, 3},
    {"funnel", funnel_number, {"step", "as", "breakdown"}, 3},
    {"stickiness", stickiness_number, {"intervals"}, 1},
};

bool number_find(const struct ask *pick, struct json answer, struct number *out, struct err *e)
{
    struct ask pointer = ask_member(pick, "pointer");
    static const char *const only[] = {"pointer"};
    struct str insight = STR_NONE;

    *out = (struct number){0};
    if (json_type(pick->json) != JSON_OBJECT)
        return ask_wrong_type(pick, "an object", e);
    if (ask_is_there(&pointer))
        return ask_members(pick, only, 1, e) && pointer_number(&pointer, answer, out, e);
    if (!json_string(json_member(answer, STR("insight")), &insight))
        insight = STR_NONE;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        const struct kind *k = &kinds[i];
        if (!str_equal(insight, str_of(k->insight)))
            continue;
        bool is_grouped = json_type(json_member(answer, STR("groups"))) == JSON_ARRAY;
        return ask_members(pick, k->members, k->member_count, e) &&
               (k->find == trends_number || check_breakdown(pick, is_grouped, e)) &&
               k->find(pick, answer, out, e);
    }
    ask_missing(pick, "pointer", "this insight's numbers have no other coordinates", e);
    return err_hint(e, "for example {\"pointer\":\"/total\"}");
}
