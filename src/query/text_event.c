/* query/text_event: events in a line: "Signed Up" [plan = pro] or Invited; series; steps. */
#include "query/text_event.h"

static bool option_filter(struct text *t)
{
    if (!text_token_is(text_now(t), "["))
        return true;
    size_t was = text_down(t, "filter", text_now(t));
    t->at++;
    if (!text_conditions(t))
        return false;
    text_up(t, was);
    return text_take(t, "]") || text_expected(t, "and, or, or \"]\"");
}

/* event, and its own filter */
static bool option_read(struct text *t)
{
    const struct text_token *k = text_now(t);
    struct str name;

    text_up(t, text_down(t, "event", k));
    if (text_take(t, "any event") || text_take(t, "any")) {
        jwrite_null(&t->w);
    } else {
        if (!text_name(t, "the name of an event", &name))
            return false;
        jwrite_string(&t->w, name);
    }
    return option_filter(t);
}

static bool options_read(struct text *t)
{
    size_t was = text_down(t, "any_of", text_now(t));

    jwrite_array(&t->w);
    for (size_t i = 0; i == 0 || text_take(t, "or"); i++) {
        size_t item = text_down_item(t, i, text_now(t));
        jwrite_object(&t->w);
        if (!option_read(t))
            return false;
        jwrite_end(&t->w);
        text_up(t, item);
    }
    jwrite_end(&t->w);
    text_up(t, was);
    return true;
}

/* Does "or" follow the event that comes next? Its condition is skipped, brackets and all. */
static bool is_choice(const struct text *t, bool is_alone)
{
    size_t i = 0, depth = 0;

    if (text_token_is(text_ahead(t, 0), "any") && text_token_is(text_ahead(t, 1), "event"))
        i++;
    i++;
    if (!text_token_is(text_ahead(t, i), "["))
        return text_token_is(text_ahead(t, i), "or");
    if (is_alone) /* beside the question's own filter there is no other place for it */
        return true;
    for (; text_ahead(t, i)->kind != TEXT_END; i++) {
        depth += text_token_is(text_ahead(t, i), "[");
        depth -= text_token_is(text_ahead(t, i), "]");
        if (!depth)
            return text_token_is(text_ahead(t, i + 1), "or");
    }
    return false;
}

bool text_events(struct text *t, bool is_alone)
{
    if (!text_take(t, "("))
        return is_choice(t, is_alone) ? options_read(t) : option_read(t);
    return options_read(t) && (text_take(t, ")") || text_expected(t, "or, or \")\"")) &&
           (is_alone || option_filter(t));
}

static bool name_read(struct text *t)
{
    const struct text_token *k = text_ahead(t, 1);
    struct str name;

    if (!text_take(t, "as"))
        return true;
    text_up(t, text_down(t, "name", k));
    if (!text_name(t, "a name", &name))
        return false;
    jwrite_string(&t->w, name);
    return true;
}

static const char *const maths[] = {
    "events",     "people",     "accounts", "sessions", "weekly_active", "monthly_active",
    "first_time", "per_person", "sum",      "avg",      "min",           "max",
    "median",     "p75",        "p90",      "p95",      "p99",           "distinct"};

bool text_figure(struct text *t, const char *member, const char *const *names, size_t count)
{
    const struct text_token *k = text_now(t);
    const char *figure = "", *of = "";
    struct str property;
    bool is_math = strcmp(member, "math") == 0; /* only these may be of sessions */

    if (!text_choice(t, "what to count", names, count, &figure))
        return false;
    text_up(t, text_down(t, member, k));
    jwrite_string(&t->w, str_of(figure));
    if (!text_take(t, "("))
        return true;
    k = text_now(t);
    text_up(t, text_down(t, "property", k));
    if (is_math ? !text_property(t, &of, &property)
                : !text_name(t, "the name of a property", &property))
        return false;
    jwrite_string(&t->w, property);
    if (of[0])
        jwrite_pair_string(&t->w, "of", str_of(of));
    return text_sign(t, ")");
}

/* "people of", "sum(amount) of": what is counted comes first, and "of" gives it away. */
static bool has_figure(const struct text *t)
{
    size_t words = 1;

    if (text_now(t)->kind != TEXT_WORD)
        return false;
    for (size_t i = 0; i < COUNT(maths); i++)
        words = MAX(words, text_spells(t, 0, maths[i]));
    return text_token_is(text_ahead(t, words), "of") || text_token_is(text_ahead(t, words), "(");
}

static bool series_read(struct text *t)
{
    if (has_figure(t) &&
        (!text_figure(t, "math", maths, COUNT(maths)) ||
         !(text_take(t, "of") || text_expected(t, "\"of\" and the name of an event"))))
        return false;
    return text_events(t, false) && name_read(t);
}

static bool step_read(struct text *t)
{
    const struct text_token *k = text_now(t), *next = text_ahead(t, 1);
    bool is_optional =
        text_token_is(k, "optional") &&
        (next->kind == TEXT_QUOTED || next->kind == TEXT_WORD || text_token_is(next, "("));

    t->at += is_optional;
    if (!text_events(t, false) || !name_read(t))
        return false;
    if (is_optional)
        jwrite_pair_bool(&t->w, "optional", true);
    return true;
}

bool text_list(struct text *t, const char *member, const char *between, bool (*item)(struct text *))
{
    size_t was = text_down(t, member, text_now(t));

    jwrite_array(&t->w);
    for (size_t i = 0; i == 0 || text_take(t, between); i++) {
        size_t place = text_down_item(t, i, text_now(t));
        jwrite_object(&t->w);
        if (!item(t))
            return false;
        jwrite_end(&t->w);
        text_up(t, place);
    }
    jwrite_end(&t->w);
    text_up(t, was);
    return true;
}

bool text_series(struct text *t)
{
    return text_list(t, "series", ",", series_read);
}

bool text_steps(struct text *t)
{
    return text_list(t, "steps", ">", step_read);
}

bool text_role(struct text *t, const char *member)
{
    size_t was = text_down(t, member, text_now(t));

    jwrite_object(&t->w);
    if (!text_events(t, false))
        return false;
    jwrite_end(&t->w);
    text_up(t, was);
    return true;
}
