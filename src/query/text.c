/* query/text: a line of words is an insight and clauses; each clause writes a member. */
#include "query/text.h"

#include <stdio.h>

#include "query/text_event.h"

enum {
    TRENDS = 1,
    FUNNEL = 2,
    RETENTION = 4,
    LIFECYCLE = 8,
    STICKINESS = 16,
    PATHS = 32,
    IMPACT = 64,
    ALL = 127,
    NAMES_MAX = 80,
};

struct clause {
    const char *words, *member;
    unsigned insights;
    bool (*read)(struct text *t, const struct clause *c);
    const char *fixed; /* JSON */
    const char *const *names;
    size_t name_count;
};

/* ---- kinds of clauses ---- */

static bool fixed_read(struct text *t, const struct clause *c)
{
    text_up(t, text_down(t, c->member, &t->tokens[t->at - 1]));
    jwrite_raw(&t->w, str_of(c->fixed));
    return true;
}

static bool word_read(struct text *t, const struct clause *c)
{
    struct str word;

    text_up(t, text_down(t, c->member, text_now(t)));
    if (!text_name(t, c->fixed, &word))
        return false;
    jwrite_string(&t->w, word);
    return true;
}

static bool whole_read(struct text *t, const struct clause *c)
{
    int64_t n;

    text_up(t, text_down(t, c->member, text_now(t)));
    if (!text_whole(t, &n))
        return false;
    jwrite_int(&t->w, n);
    return true;
}

static bool choice_read(struct text *t, const struct clause *c)
{
    const char *name = "";

    text_up(t, text_down(t, c->member, text_now(t)));
    if (!text_choice(t, c->fixed, c->names, c->name_count, &name))
        return false;
    jwrite_string(&t->w, str_of(name));
    return true;
}

/* A name, or a number. */
static bool value_read(struct text *t, const struct clause *c)
{
    const struct text_token *k = text_now(t);
    struct str ignored;

    text_up(t, text_down(t, c->member, k));
    if (!text_name(t, c->fixed, &ignored))
        return false;
    text_value_write(&t->w, k);
    return true;
}

static bool names_read(struct text *t, const struct clause *c)
{
    struct str name;

    text_up(t, text_down(t, c->member, text_now(t)));
    jwrite_array(&t->w);
    do {
        if (!text_name(t, c->fixed, &name))
            return false;
        jwrite_string(&t->w, name);
    } while (text_take(t, ","));
    jwrite_end(&t->w);
    return true;
}

static bool numbers_read(struct text *t, const struct clause *c)
{
    text_up(t, text_down(t, c->member, text_now(t)));
    jwrite_array(&t->w);
    do {
        const struct text_token *k = text_now(t);
        if (k->kind != TEXT_WORD || !text_is_number(k->text))
            return text_expected(t, "a number");
        text_value_write(&t->w, k);
        t->at++;
    } while (text_take(t, ","));
    jwrite_end(&t->w);
    return true;
}

/* ---- clauses with a form of their own ---- */

/* weekly 12: the number is that of the periods, where the insight has any */
static bool interval_read(struct text *t, const struct clause *c)
{
    int64_t n;

    text_up(t, text_down(t, "interval", &t->tokens[t->at - 1]));
    jwrite_string(&t->w, str_of(c->fixed));
    if (c->insights != RETENTION || text_now(t)->kind != TEXT_WORD ||
        !str_to_i64(text_now(t)->text, &n))
        return true;
    text_up(t, text_down(t, "periods", text_now(t)));
    jwrite_int(&t->w, n);
    t->at++;
    return true;
}

static bool where_read(struct text *t, const struct clause *c)
{
    size_t was = text_down(t, c->member, text_now(t));

    if (!text_conditions(t))
        return false;
    text_up(t, was);
    return true;
}

static bool group_read(struct text *t)
{
    struct str property;
    const char *of;

    text_up(t, text_down(t, "property", text_now(t)));
    if (!text_property(t, &of, &property))
        return false;
    jwrite_string(&t->w, property);
    if (of[0])
        jwrite_pair_string(&t->w, "of", str_of(of));
    if (!text_take(t, "buckets"))
        return true;
    static const struct clause buckets = {.member = "buckets"};
    return text_sign(t, "(") && numbers_read(t, &buckets) &&
           (text_take(t, ")") || text_expected(t, "a comma or \")\""));
}

static bool by_read(struct text *t, const struct clause *c)
{
    return text_list(t, c->member, ",", group_read);
}

static bool exclusion_read(struct text *t)
{
    int64_t from, to;

    if (!text_events(t, false))
        return false;
    const struct text_token *k = text_now(t);
    if (!text_take(t, "between"))
        return true;
    if (!text_whole(t, &from) || !(text_take(t, "and") || text_expected(t, "\"and\"")) ||
        !text_whole(t, &to))
        return false;
    text_up(t, text_down(t, "between", k));
    jwrite_array(&t->w);
    jwrite_int(&t->w, from);
    jwrite_int(&t->w, to);
    jwrite_end(&t->w);
    return true;
}

static bool exclude_read(struct text *t, const struct clause *c)
{
    return text_list(t, c->member, ",", exclusion_read);
}

/* first touch; step 2 */
static bool attribution_read(struct text *t, const struct clause *c)
{
    static const struct clause step = {.member = "step"};
    bool is_step = text_token_is(text_now(t), "step");

    return choice_read(t, c) && (!is_step || whole_read(t, &step));
}

static bool measure_read(struct text *t, const struct clause *c)
{
    return text_figure(t, c->member, c->names, c->name_count);
}

static bool compare_read(struct text *t, const struct clause *c)
{
    const struct text_token *k = text_now(t);
    struct str word;

    text_up(t, text_down(t, c->member, k));
    if (!text_name(t, "previous, or how far back, as 7d", &word))
        return false;
    bool is_length = word.len && word.at[0] >= '0' && word.at[0] <= '9';
    jwrite_string(&t->w, is_length ? arena_printf(t->arena, "-%.*s", STR_ARG(word)) : word);
    return true;
}

static const struct clause *clause_find(const struct text *t, unsigned insight, size_t *taken);

/* Up to the next clause; what stands between is the formula as it is. */
static bool formula_read(struct text *t, unsigned insight, const struct clause *c)
{
    const struct text_token *first = text_now(t);
    size_t depth = 0, taken;

    text_up(t, text_down(t, c->member, first));
    if (first->kind == TEXT_QUOTED) {
        t->at++;
        jwrite_string(&t->w, first->text);
        return true;
    }
    for (; text_now(t)->kind != TEXT_END; t->at++) {
        const struct clause *next = clause_find(t, insight, &taken);
        if (!depth && next && !text_token_is(text_ahead(t, taken), "("))
            break;
        depth += text_token_is(text_now(t), "(");
        depth -= depth && text_token_is(text_now(t), ")");
    }
    if (text_now(t) == first)
        return text_expected(t, "a formula, as B/A*100");
    size_t to = t->tokens[t->at - 1].to;
    jwrite_string(&t->w, str_sub(t->out->line, first->from, to - first->from));
    return true;
}

static bool trends_formula_read(struct text *t, const struct clause *c)
{
    return formula_read(t, TRENDS, c);
}

static bool replacement_read(struct text *t, const struct clause *c)
{
    struct str pattern, with;

    text_up(t, text_down(t, c->member, text_now(t)));
    jwrite_array(&t->w);
    do {
        if (!text_name(t, "a pattern", &pattern) ||
            !(text_take(t, "with") || text_expected(t, "\"with\" and a text")) ||
            !text_name(t, "a text", &with))
            return false;
        jwrite_array(&t->w);
        jwrite_string(&t->w, pattern);
        jwrite_string(&t->w, with);
        jwrite_end(&t->w);
    } while (text_take(t, ","));
    jwrite_end(&t->w);
    return true;
}

#define NAMES(...)                                                                                 \
    .names = (const char *const[]){__VA_ARGS__},                                                   \
    .name_count = COUNT(((const char *[]){__VA_ARGS__}))
#define EACH_INTERVAL(words, name)                                                                 \
    {words, "interval", RETENTION, interval_read, name},                                           \
    {                                                                                              \
        words, "interval", ALL - RETENTION, interval_read, name                                    \
    }

static const struct clause clauses[] = {
    {"where", "filter", ALL, where_read},
    {"by account", "unit", ALL, fixed_read, "\"account\""}, /* a property of this name: in quotes */
    {"by accounts", "unit", ALL, fixed_read, "\"account\""},
    {"by", "breakdown", ALL, by_read},
    {"last", "last", ALL, word_read, "a length of time, as 30d"},
    {"from step", "from_step", FUNNEL, whole_read},
    {"to step", "to_step", FUNNEL, whole_read},
    {"from", "from", ALL, word_read, "a date, as 2026-01-31"},
    {"to", "to", ALL, word_read, "a date, as 2026-01-31"},
    {"as of", "as_of", ALL, word_read, "a date, as 2026-01-31"},
    EACH_INTERVAL("hourly", "hour"),
    EACH_INTERVAL("daily", "day"),
    EACH_INTERVAL("weekly", "week"),
    EACH_INTERVAL("monthly", "month"),
    EACH_INTERVAL("quarterly", "quarter"),
    EACH_INTERVAL("yearly", "year"),
    {"within", "window", FUNNEL, word_read, "a length of time, as 14d"},
    {"within", "within", IMPACT, word_read, "a length of time, as 7d"},
    {"candidates", "candidates", IMPACT, names_read, "the name of an event"},
    {"counts", "counts", IMPACT, numbers_read},
    {"ordered", "order", FUNNEL, fixed_read, "\"ordered\""},
    {"strict", "order", FUNNEL, fixed_read, "\"strict\""},
    {"unordered", "order", FUNNEL, fixed_read, "\"unordered\""},
    {"entry", "entry", FUNNEL, choice_read, "an entry", NAMES("latest", "first", "every")},
    {"tie", "tie", FUNNEL, word_read, "exact, 1s or 2s"},
    {"count", "count", FUNNEL, choice_read, "what to count",
     NAMES("people", "totals", "sessions", "held")},
    {"count", "count", PATHS, choice_read, "what to count", NAMES("people", "traversals")},
    {"hold", "hold", FUNNEL, names_read, "the name of a property"},
    {"exclude", "exclude", FUNNEL, exclude_read},
    {"on exclude", "on_exclude", FUNNEL, choice_read, "stop or drop", NAMES("stop", "drop")},
    {"attribution", "attribution", FUNNEL, attribution_read, "an attribution",
     NAMES("first_touch", "last_touch", "step", "all_events")},
    {"show", "show", FUNNEL, choice_read, "what to show",
     NAMES("steps", "over_time", "time_to_convert")},
    {"bins", "bins", FUNNEL, whole_read},
    {"formula", "formula", TRENDS, trends_formula_read},
    {"with inputs", "inputs", TRENDS, fixed_read, "true"},
    {"cumulative", "cumulative", TRENDS, fixed_read, "true"},
    {"rolling", "rolling", TRENDS, whole_read},
    {"compare", "compare", TRENDS | LIFECYCLE | STICKINESS, compare_read},
    {"periods", "periods", RETENTION, whole_read},
    {"cohort", "cohort", RETENTION, choice_read, "a cohort rule",
     NAMES("first_matching", "first_ever", "first_in_range", "every")},
    {"match", "match", RETENTION, choice_read, "a match rule",
     NAMES("on", "on_or_after", "on_or_before", "streak")},
    {"window", "window", RETENTION, choice_read, "a window",
     NAMES("calendar", "rolling", "rolling_hour")},
    {"minimum", "minimum", RETENTION | STICKINESS, whole_read},
    {"brackets", "brackets", RETENTION, numbers_read},
    {"measure", "measure", RETENTION, measure_read, "a measure",
     NAMES("people", "sum", "avg", "revenue")},
    {"reference", "reference", RETENTION, choice_read, "start or previous",
     NAMES("start", "previous")},
    {"new by", "new_by", LIFECYCLE, choice_read, "first_event or created",
     NAMES("first_event", "created")},
    {"ratio", "ratio", STICKINESS, choice_read, "a ratio", NAMES("dau/wau", "dau/mau", "wau/mau")},
    {"start", "start", PATHS, word_read, "the name of a node"},
    {"end", "end", PATHS, word_read, "the name of a node"},
    {"steps", "steps", PATHS, whole_read},
    {"gap", "session_gap", PATHS, word_read, "a length of time, as 30m"},
    {"session gap", "session_gap", ALL, word_read, "a length of time, as 30m"},
    {"session max", "session_max", ALL, word_read, "a length of time, as 24h"},
    {"session midnight", "session_midnight", ALL, fixed_read, "true"},
    {"session ids", "session_ids", ALL, choice_read, "how ids are used",
     NAMES("override", "only", "ignore")},
    {"replace", "replace", PATHS, replacement_read},
    {"limit", "limit", ALL, whole_read},
    {"without other", "other", ALL, fixed_read, "false"},
    {"unit", "unit", ALL, choice_read, "a unit", NAMES("person", "account", "session")},
    {"level", "level", ALL, value_read, "the name of a level of accounts, or how many levels up"},
    {"segment", "segment", ALL, word_read, "the name of a segment"},
    {"in", "timezone", ALL, word_read, "a time zone, as Asia/Bangkok"},
    {"weeks start", "week_start", ALL, choice_read, "monday or sunday", NAMES("monday", "sunday")},
    {"semantics", "semantics", ALL, choice_read, "a preset",
     NAMES("tenure", "posthog", "mixpanel", "amplitude")},
};

static const struct clause *clause_find(const struct text *t, unsigned insight, size_t *taken)
{
    for (size_t i = 0; i < COUNT(clauses); i++) {
        *taken = text_spells(t, 0, clauses[i].words);
        if (*taken && (clauses[i].insights & insight))
            return &clauses[i];
    }
    return NULL;
}

/* ---- insights ---- */

static bool lone_read(struct text *t)
{
    (void)text_take(t, "of");
    return text_events(t, true);
}

static bool retention_read(struct text *t)
{
    (void)text_take(t, "of");
    return text_role(t, "start") && (!text_take(t, "then") || text_role(t, "return"));
}

static bool paths_read(struct text *t)
{
    static const char *const kinds[] = {"events", "pages", "screens"};
    static const char *const names[] = {"event", "page", "screen"};
    struct str property;

    if (!text_take(t, "of"))
        return true;
    const struct text_token *k = text_now(t);
    text_up(t, text_down(t, "nodes", k));
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (text_take(t, kinds[i]) || text_take(t, names[i])) {
            jwrite_string(&t->w, str_of(names[i]));
            return true;
        }
    if (!text_take(t, "property")) {
        static const char *const all[] = {"events", "pages", "screens", "property NAME"};
        text_expected(t, "what the nodes are");
        return text_hint_names(t, k->text, all, COUNT(all));
    }
    jwrite_object(&t->w);
    if (!text_name(t, "the name of a property", &property))
        return false;
    jwrite_pair_string(&t->w, "property", property);
    jwrite_end(&t->w);
    return true;
}

static const struct head {
    const char *word, *insight;
    unsigned bit;
    bool (*read)(struct text *t);
} heads[] = {
    {"trend", "trends", TRENDS, text_series},
    {"trends", "trends", TRENDS, text_series},
    {"funnel", "funnel", FUNNEL, text_steps},
    {"retention", "retention", RETENTION, retention_read},
    {"lifecycle", "lifecycle", LIFECYCLE, lone_read},
    {"stickiness", "stickiness", STICKINESS, lone_read},
    {"paths", "paths", PATHS, paths_read},
    {"impact", "impact", IMPACT, text_goal},
};

static const struct head *head_find(struct text *t)
{
    const struct text_token *k = text_now(t);
    const char *names[COUNT(heads)];

    for (size_t i = 0; i < COUNT(heads); i++) {
        if (text_take(t, heads[i].word))
            return &heads[i];
        names[i] = heads[i].word;
    }
    text_expected(t, "what is asked");
    text_hint_names(t, k->text, names, COUNT(names));
    return NULL;
}

static bool no_clause(struct text *t, unsigned insight)
{
    const struct text_token *k = text_now(t);
    const char *words[COUNT(clauses)];
    size_t count = 0;
    bool after_name = t->at && t->tokens[t->at - 1].kind == TEXT_WORD && k->kind == TEXT_WORD;

    for (size_t i = 0; i < COUNT(clauses); i++)
        if (clauses[i].insights & insight)
            words[count++] = clauses[i].words;
    if (insight == FUNNEL)
        text_expected(t, "\">\" and a step, or a clause");
    else
        text_expected(t, "a clause");
    text_hint_names(t, k->text, words, count);
    if (after_name && str_starts(str_of(t->e->hint), STR("one of")))
        return err_hint(t->e, "a name of several words stands in quotes: \"%.*s %.*s\"",
                        (int)MIN(t->tokens[t->at - 1].text.len, (size_t)40),
                        t->tokens[t->at - 1].text.at, (int)MIN(k->text.len, (size_t)40),
                        k->text.at);
    return false;
}

static bool clauses_read(struct text *t, unsigned insight)
{
    const char *seen[COUNT(clauses)];
    size_t seen_count = 0, taken;

    while (text_now(t)->kind != TEXT_END) {
        const struct text_token *k = text_now(t);
        const struct clause *c = clause_find(t, insight, &taken);
        if (!c)
            return no_clause(t, insight);
        for (size_t i = 0; i < seen_count; i++)
            if (strcmp(seen[i], c->member) == 0)
                return text_wrong(t, k, "%s is said twice", c->member);
        seen[seen_count++] = c->member;
        t->at += taken;
        size_t before = t->at;
        if (!c->read(t, c))
            return false;
        if (c->read == interval_read && t->at > before && seen_count < COUNT(clauses))
            seen[seen_count++] = "periods";
    }
    return true;
}

/* why not u_17 in step 3 of funnel …: before the insight; written after it */
struct asked_for {
    const struct text_token *person;
    struct str id;
    const char *member; /* step, period; NULL: none */
    int64_t number;
};

static bool why_not_read(struct text *t, struct asked_for *a)
{
    static const char *const members[] = {"step", "period"};

    if (!text_take(t, "why not"))
        return true;
    a->person = text_now(t);
    if (!text_name(t, "a person's id", &a->id) ||
        !(text_take(t, "in") || text_expected(t, "\"in\" and what is asked")))
        return false;
    for (size_t i = 0; i < COUNT(members) && !a->member; i++)
        if (text_take(t, members[i]))
            a->member = members[i];
    return !a->member || (text_whole(t, &a->number) &&
                          (text_take(t, "of") || text_expected(t, "\"of\" and what is asked")));
}

static void why_not_write(struct text *t, const struct asked_for *a)
{
    if (!a->person)
        return;
    size_t was = text_down(t, "why_not", a->person);
    jwrite_object(&t->w);
    text_up(t, text_down(t, "person", a->person));
    jwrite_string(&t->w, a->id);
    if (a->member) {
        text_up(t, text_down(t, a->member, a->person));
        jwrite_int(&t->w, a->number);
    }
    jwrite_end(&t->w);
    text_up(t, was);
}

/* ---- the line ---- */

bool text_is_line(struct str question)
{
    struct str s = str_trim(question);
    return s.len && ((s.at[0] | 32) >= 'a' && (s.at[0] | 32) <= 'z');
}

static bool line_read(struct text *t)
{
    struct str line = t->out->line;

    if (line.len > TEXT_BYTES_MAX) {
        err_set(t->e, ERR_TOO_LARGE, "the line has %zu bytes; the limit is %d", line.len,
                TEXT_BYTES_MAX);
        return err_code(t->e, "query.limit");
    }
    struct text_token all = {TEXT_END, STR_NONE, 0, 0, false};
    if (!str_is_utf8(line) || str_find(line, 0) < line.len)
        return text_wrong(t, &all, "the line is not UTF-8 text");
    if (!text_split(t))
        return false;
    struct asked_for person = {0};
    if (!why_not_read(t, &person))
        return false;
    const struct text_token *first = text_now(t);
    const struct head *head = head_find(t);
    if (!head)
        return false;
    jwrite_object(&t->w);
    text_up(t, text_down(t, "insight", first));
    jwrite_string(&t->w, str_of(head->insight));
    if (!head->read(t) || !clauses_read(t, head->bit))
        return false;
    why_not_write(t, &person);
    jwrite_end(&t->w);
    return true;
}

bool text_read(struct arena *arena, struct str line, struct text_question *out, struct err *e)
{
    BUF_AUTO json = {0};
    struct text t = {.arena = arena, .out = out, .w = jwrite_to(&json), .e = e};

    *out = (struct text_question){.line = line};
    bool ok = line_read(&t);
    buf_free(&t.path);
    if (ok)
        out->json = arena_copy(arena, buf_str(&json));
    return ok;
}

void text_question_free(struct text_question *t)
{
    mem_free(t->spots);
    t->spots = NULL;
}
