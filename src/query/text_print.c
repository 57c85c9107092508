/* query/text_print: a JSON question as a line of words, where the words can say it. */
#include "query/text_print.h"

#include <stdio.h>

static bool is_bare(struct str s)
{
    static const char *const taken[] = {"any", "optional", "not",   "true",
                                        "set", "of",       "event", "property"};

    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool is_letter = (c | 32) >= 'a' && (c | 32) <= 'z';
        bool is_later = (c >= '0' && c <= '9') || c == '_' || c == '-' || c == ':' || c == '/';
        if (!is_letter && (i == 0 || !is_later))
            return false;
    }
    for (size_t i = 0; i < COUNT(taken); i++)
        if (str_equal_fold(s, str_of(taken[i])) || str_equal_fold(s, STR("false")))
            return false;
    return s.len > 0;
}

static void print_name(struct str s, struct buf *out)
{
    if (is_bare(s)) {
        buf_add(out, s);
        return;
    }
    buf_add_char(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] == '"' || s.at[i] == '\\')
            buf_add_char(out, '\\');
        buf_add_char(out, s.at[i]);
    }
    buf_add_char(out, '"');
}

static bool print_scalar(struct json j, struct buf *out)
{
    struct str s;

    if (json_string(j, &s))
        print_name(s, out);
    else
        json_print(j, out);
    return json_type(j) != JSON_OBJECT && json_type(j) != JSON_ARRAY && json_type(j) != JSON_NULL;
}

static bool print_items(struct json list, struct buf *out)
{
    struct json_each it = json_each(list);
    bool ok = json_count(list) > 0;

    for (size_t i = 0; ok && json_next(&it); i++) {
        buf_add(out, i ? STR(", ") : STR(""));
        ok = print_scalar(it.value, out);
    }
    return ok;
}

static struct str text_of(struct json object, const char *member)
{
    struct str s = STR_NONE;
    (void)json_string(json_member(object, str_of(member)), &s);
    return s;
}

static bool has(struct json object, const char *member)
{
    return json_type(json_member(object, str_of(member))) != JSON_ABSENT;
}

static void print_property(struct json leaf, struct buf *out)
{
    struct str of = text_of(leaf, "of");

    if (of.len)
        buf_printf(out, "%.*s.", STR_ARG(of));
    print_name(text_of(leaf, "property"), out);
}

/* ---- conditions ---- */

static bool print_leaf(struct json leaf, struct buf *out)
{
    static const struct {
        const char *op, *words;
    } ops[] = {{"is", "="},
               {"is_not", "!="},
               {"contains", "contains"},
               {"not_contains", "not contains"},
               {"starts_with", "starts with"},
               {"ends_with", "ends with"},
               {"matches", "matches"},
               {"gt", ">"},
               {"gte", ">="},
               {"lt", "<"},
               {"lte", "<="},
               {"before", "before"},
               {"after", "after"},
               {"between", "between"},
               {"exists", NULL}};
    bool wanted, found = false;

    if (!has(leaf, "property") || json_count(leaf) != (size_t)2 + has(leaf, "of"))
        return false;
    print_property(leaf, out);
    for (size_t i = 0; i < COUNT(ops) && !found; i++) {
        struct json v = json_member(leaf, str_of(ops[i].op));
        struct json_each it = json_each(v);
        if (json_type(v) == JSON_ABSENT)
            continue;
        found = true;
        if (!ops[i].words) {
            found = json_bool(v, &wanted);
            buf_add(out, wanted ? STR(" is set") : STR(" is not set"));
            return found;
        }
        buf_printf(out, " %s ", ops[i].words);
        if (str_equal(str_of(ops[i].op), STR("between"))) {
            if (json_count(v) != 2 || !json_next(&it) || !print_scalar(it.value, out))
                return false;
            buf_add(out, STR(" and "));
            return json_next(&it) && print_scalar(it.value, out);
        }
        if (json_type(v) != JSON_ARRAY)
            return print_scalar(v, out);
        buf_add_char(out, '(');
        found = print_items(v, out);
        buf_add_char(out, ')');
    }
    return found;
}

static bool print_condition(struct json c, struct buf *out);

static bool print_joined(struct json list, const char *word, struct buf *out)
{
    struct json_each it = json_each(list);
    bool ok = true;

    for (size_t i = 0; ok && json_next(&it); i++) {
        buf_add(out, i ? str_of(word) : STR(""));
        ok = print_condition(it.value, out);
    }
    return ok;
}

/* One part, in brackets where it is a list. */
static bool print_condition(struct json c, struct buf *out)
{
    const char *kind = has(c, "all") ? "all" : has(c, "any") ? "any" : NULL;

    if (has(c, "not")) {
        buf_add(out, STR("not "));
        return print_condition(json_member(c, STR("not")), out);
    }
    if (has(c, "in_segment")) {
        buf_add(out, STR("in segment "));
        return print_scalar(json_member(c, STR("in_segment")), out);
    }
    if (!kind)
        return print_leaf(c, out);
    struct json list = json_member(c, str_of(kind));
    if (json_count(list) < 2)
        return false;
    buf_add_char(out, '(');
    bool ok = print_joined(list, kind[1] == 'l' ? " and " : " or ", out);
    buf_add_char(out, ')');
    return ok;
}

static bool print_conditions(struct json list, struct buf *out)
{
    return json_count(list) > 0 && print_joined(list, " and ", out);
}

/* ---- events ---- */

static bool print_filter(struct json o, struct buf *out)
{
    if (!has(o, "filter"))
        return true;
    buf_add(out, STR(" ["));
    bool ok = print_conditions(json_member(o, STR("filter")), out);
    buf_add_char(out, ']');
    return ok;
}

static void print_event(struct json o, struct buf *out)
{
    struct str name = text_of(o, "event");

    if (name.at)
        print_name(name, out);
    else
        buf_add(out, STR("any event"));
}

static bool print_events(struct json o, bool is_alone, struct buf *out)
{
    struct json any = json_member(o, STR("any_of"));
    struct json_each it = json_each(any);

    if (json_type(any) == JSON_ABSENT) {
        print_event(o, out);
        return is_alone || print_filter(o, out);
    }
    if (json_count(any) < 2)
        return false;
    buf_add_char(out, '(');
    for (size_t i = 0; json_next(&it); i++) {
        buf_add(out, i ? STR(" or ") : STR(""));
        print_event(it.value, out);
        if (!print_filter(it.value, out))
            return false;
    }
    buf_add_char(out, ')');
    return is_alone || print_filter(o, out);
}

static bool print_figure(struct json o, const char *member, struct buf *out)
{
    buf_add(out, text_of(o, member));
    if (has(o, "property")) {
        buf_add_char(out, '(');
        print_property(o, out);
        buf_add_char(out, ')');
    }
    return true;
}

static bool print_list(struct json list, const char *between, struct buf *out)
{
    struct json_each it = json_each(list);
    bool is_optional = false;

    for (size_t i = 0; json_next(&it); i++) {
        buf_add(out, i ? str_of(between) : STR(""));
        if (has(it.value, "optional")) {
            if (!json_bool(json_member(it.value, STR("optional")), &is_optional) || !is_optional)
                return false;
            buf_add(out, STR("optional "));
        }
        if (has(it.value, "math") && print_figure(it.value, "math", out))
            buf_add(out, STR(" of "));
        if (!print_events(it.value, false, out))
            return false;
        if (has(it.value, "between")) {
            struct json pair = json_member(it.value, STR("between"));
            struct json_each ends = json_each(pair);
            buf_add(out, STR(" between "));
            if (!json_next(&ends) || !print_scalar(ends.value, out))
                return false;
            buf_add(out, STR(" and "));
            if (!json_next(&ends) || !print_scalar(ends.value, out))
                return false;
        }
    }
    return true;
}

static bool print_breakdown(struct json list, struct buf *out)
{
    struct json_each it = json_each(list);

    for (size_t i = 0; json_next(&it); i++) {
        buf_add(out, i ? STR(", ") : STR(""));
        if (has(it.value, "level")) /* words cannot say it */
            return false;
        print_property(it.value, out);
        if (!has(it.value, "buckets"))
            continue;
        buf_add(out, STR(" buckets ("));
        if (!print_items(json_member(it.value, STR("buckets")), out))
            return false;
        buf_add_char(out, ')');
    }
    return true;
}

/* ---- the line ---- */

/* impact on retention of A then B weekly 4 …; impact on funnel A > B over 8d */
static bool print_goal(struct json goal, struct buf *out)
{
    struct json kept = json_member(goal, STR("retained")),
                through = json_member(goal, STR("converted"));
    struct json_each it = json_each(kept);
    struct str key, interval = text_of(kept, "interval"), window = text_of(through, "window");
    static const char *const said[] = {"start", "return", "interval", "period"};

    if (json_type(through) == JSON_OBJECT) {
        buf_add(out, STR("on funnel "));
        if (!print_list(json_member(through, STR("steps")), " > ", out))
            return false;
        if (window.at)
            buf_printf(out, " over %.*s", STR_ARG(window));
        return true;
    }
    buf_add(out, STR("on retention of "));
    if (!interval.at || !print_events(json_member(kept, STR("start")), false, out))
        return false;
    buf_add(out, STR(" then "));
    if (!print_events(json_member(kept, STR("return")), false, out))
        return false;
    buf_printf(out, " %.*sly ", STR_ARG(str_equal(interval, STR("day")) ? STR("dai") : interval));
    json_print(json_member(kept, STR("period")), out);
    while (json_next(&it)) {
        bool is_said = false;
        key = it.key;
        for (size_t i = 0; i < COUNT(said); i++)
            is_said = is_said || str_equal(key, str_of(said[i]));
        if (is_said)
            continue;
        buf_printf(out, " %.*s ", STR_ARG(key));
        if (!print_scalar(it.value, out))
            return false;
    }
    return true;
}

static bool print_head(struct json q, struct str insight, struct buf *out)
{
    struct json nodes = json_member(q, STR("nodes"));

    if (str_equal(insight, STR("trends"))) {
        buf_add(out, STR("trend "));
        return print_list(json_member(q, STR("series")), ", ", out);
    }
    if (str_equal(insight, STR("impact"))) {
        buf_add(out, STR("impact "));
        return print_goal(json_member(q, STR("goal")), out);
    }
    buf_add(out, insight);
    buf_add(out, str_equal(insight, STR("funnel")) ? STR(" ") : STR(" of "));
    if (str_equal(insight, STR("funnel")))
        return print_list(json_member(q, STR("steps")), " > ", out);
    if (str_equal(insight, STR("retention"))) {
        if (!print_events(json_member(q, STR("start")), false, out))
            return false;
        if (!has(q, "return"))
            return true;
        buf_add(out, STR(" then "));
        return print_events(json_member(q, STR("return")), false, out);
    }
    if (!str_equal(insight, STR("paths")))
        return print_events(q, true, out);
    if (json_type(nodes) == JSON_ABSENT)
        out->len -= 4;
    else if (json_type(nodes) == JSON_OBJECT)
        buf_add(out, STR("property "));
    if (json_type(nodes) == JSON_OBJECT)
        print_name(text_of(nodes, "property"), out);
    else
        buf_add(out, text_of(q, "nodes"));
    return true;
}

static bool print_pairs(struct json list, struct buf *out)
{
    struct json_each pairs = json_each(list);

    for (size_t n = 0; json_next(&pairs); n++) {
        struct json_each pair = json_each(pairs.value);
        buf_add(out, n ? STR(", ") : STR(""));
        if (!json_next(&pair) || !print_scalar(pair.value, out))
            return false;
        buf_add(out, STR(" with "));
        if (!json_next(&pair) || !print_scalar(pair.value, out))
            return false;
    }
    return true;
}

static bool is_list_of_items(struct str key)
{
    static const char *const keys[] = {"hold", "brackets", "counts", "candidates"};

    for (size_t i = 0; i < COUNT(keys); i++)
        if (str_equal(key, str_of(keys[i])))
            return true;
    return false;
}

static bool print_member(struct json q, struct str insight, struct str key, struct json v,
                         struct buf *out)
{
    static const struct {
        const char *member, *words; /* NULL: said by the head or by another member */
    } names[] = {{"insight", NULL},
                 {"series", NULL},
                 {"goal", NULL},
                 {"start", NULL},
                 {"return", NULL},
                 {"event", NULL},
                 {"any_of", NULL},
                 {"nodes", NULL},
                 {"step", NULL},
                 {"property", NULL},
                 {"filter", "where"},
                 {"breakdown", "by"},
                 {"timezone", "in"},
                 {"as_of", "as of"},
                 {"week_start", "weeks start"},
                 {"order", ""},
                 {"interval", ""},
                 {"cumulative", "cumulative"},
                 {"inputs", "with inputs"},
                 {"other", "without other"},
                 {"session_gap", "session gap"},
                 {"session_max", "session max"},
                 {"session_midnight", "session midnight"},
                 {"session_ids", "session ids"},
                 {"on_exclude", "on exclude"},
                 {"new_by", "new by"}};
    bool is_funnel = str_equal(insight, STR("funnel")), is_paths = str_equal(insight, STR("paths"));
    const char *words = NULL;
    size_t i = 0;

    while (i < COUNT(names) && !str_equal(key, str_of(names[i].member)))
        i++;
    if ((is_funnel && str_equal(key, STR("steps"))) ||
        (i < COUNT(names) && !names[i].words && !(is_paths && str_equal(key, STR("start")))))
        return true;
    words = i < COUNT(names) ? names[i].words : NULL;
    if (str_equal(key, STR("window")) && is_funnel)
        words = "within";
    buf_add_char(out, ' ');
    buf_add(out, words ? str_of(words) : key);
    buf_add_char(out, ' ');
    if (str_equal(key, STR("filter")))
        return print_conditions(v, out);
    if (str_equal(key, STR("breakdown")))
        return print_breakdown(v, out);
    if (str_equal(key, STR("exclude")))
        return print_list(v, ", ", out);
    if (is_list_of_items(key))
        return print_items(v, out);
    if (str_equal(key, STR("measure")))
        return print_figure(q, "measure", out);
    if (str_equal(key, STR("replace")))
        return print_pairs(v, out);
    if (str_equal(key, STR("interval"))) {
        struct str s = text_of(q, "interval");
        buf_printf(out, "%.*s", STR_ARG(str_equal(s, STR("day")) ? STR("dai") : s));
        buf_add(out, STR("ly"));
        return true;
    }
    bool is_said = true;
    if (json_type(v) == JSON_BOOL) /* the words say true, but for "without other" */
        return json_bool(v, &is_said) && (is_said || str_equal(key, STR("other")));
    if (str_equal(key, STR("attribution")) && has(q, "step")) {
        buf_add(out, STR("step "));
        return print_scalar(json_member(q, STR("step")), out);
    }
    return print_scalar(v, out);
}

bool text_print(struct json q, struct buf *out)
{
    struct json_each it = json_each(q);
    struct str insight = text_of(q, "insight");

    if (!print_head(q, insight, out))
        return false;
    while (json_next(&it))
        if (!print_member(q, insight, it.key, it.value, out))
            return false;
    return true;
}
