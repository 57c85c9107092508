/*
 * Why somebody is not in a number: each rule by hand; and at random, that whoever is in the list of
 * people behind a number is told so, and whoever is not is told a reason.
 */
#include <stdio.h>

#include "query/case_data.h"
#include "query/reference.h"

enum { ROUNDS = 600 };

static const int64_t start_ms = INT64_C(1772323200000); /* 2026-03-01T00:00:00Z */
static const int64_t day_ms = 86400000;

struct told {
    struct arena *arena;
    struct json_parser *parser;
    struct buf text;
    struct json root, why;
    char error[300];
};

static void tell(struct told *t, struct source *source, const char *question)
{
    struct query_context context = {.now_ms = start_ms + 30 * day_ms};
    struct err e = {0};

    buf_clear(&t->text);
    if (!query_answer(source, &context, str_of(question), &t->text, &e))
        fail_msg("%s\n%s: %s (%s)", question, e.at, e.text, e.hint);
    assert_works(json_parse(t->parser, buf_str(&t->text), &t->root, &e), e);
    t->why = json_member(t->root, STR("why"));
}

static struct str text_of(struct json j, const char *key)
{
    struct str s = STR("");
    (void)json_string(json_member(j, str_of(key)), &s);
    return s;
}

static bool is_true(struct json j, const char *key)
{
    bool v = false;
    return json_bool(json_member(j, str_of(key)), &v) && v;
}

/* Events as "person name day hour:minute property=value". */
static void source_make(struct told *t, const char *const *events, size_t count,
                        struct plain_source *out)
{
    BUF_AUTO data = {0};

    for (size_t i = 0; i < count; i++) {
        char person[8], name[8], time[24], property[24] = "";
        int read = sscanf(events[i], "%7s %7s %23s %23s", person, name, time, property);
        assert_true(read >= 3);
        buf_printf(&data,
                   "%s{\"person\":\"%s\",\"event\":\"%s\",\"time\":\"2026-03-%sZ\",\"properties\":{"
                   "\"plan\":\"%s\"}}",
                   i ? "," : "{\"events\":[", person, name, time, property);
    }
    buf_add(&data, STR("]}"));
    struct str text = arena_copy(t->arena, buf_str(&data));
    case_source_parse(arena_printf(t->arena, "%.*s", STR_ARG(text)).at, t->arena, out);
}

static const char *const events[] = {
    /* window: C two hours and ten minutes late */
    "win A 02T10:00:00 pro", "win B 02T11:00:00 pro", "win C 03T12:10:00 pro",
    /* excluded by X between */
    "exc A 02T10:00:00 pro", "exc X 02T10:30:00 pro", "exc B 02T11:00:00 pro",
    "exc C 02T12:00:00 pro",
    /* plan changes at C */
    "hold A 02T10:00:00 pro", "hold B 02T11:00:00 pro", "hold C 02T12:00:00 free",
    /* C comes before B only */
    "early A 02T10:00:00 pro", "early C 02T10:30:00 pro", "early B 02T11:00:00 pro",
    /* never did B; one A before the range, C after as_of */
    "never A 02T10:00:00 pro", "never C 02T11:00:00 pro",
    /* all of it */
    "all A 02T10:00:00 pro", "all B 02T11:00:00 pro", "all C 02T12:00:00 pro",
    /* before the range */
    "old A 01T10:00:00 pro"};

static void funnel_rules(void **state)
{
    static const struct {
        const char *person, *more, *rule, *message;
        int reached;
    } cases[] = {
        {"win", "", "window",
         "did C at 2026-03-03T12:10:00+00:00, 2h 10m after the window that began at "
         "2026-03-02T10:00:00+00:00 was over",
         2},
        {"exc", ",\"exclude\":[{\"event\":\"X\"}]", "excluded",
         "stopped before B by X at 2026-03-02T10:30:00+00:00", 1},
        {"hold", ",\"hold\":[\"plan\"]", "hold",
         "did C at 2026-03-02T12:00:00+00:00 with \"free\"; the run began with \"pro\"", 2},
        {"hold", ",\"filter\":[{\"property\":\"plan\",\"is\":\"pro\"}]", "filter",
         "did C at 2026-03-02T12:00:00+00:00, but the question's filter leaves it out: plan was "
         "\"free\"; wanted is {\"property\":\"plan\",\"is\":\"pro\"}",
         2},
        {"early", "", "too_early",
         "did C at 2026-03-02T10:30:00+00:00, before B at 2026-03-02T11:00:00+00:00", 2},
        {"never", "", "never", "never did B", 1},
        {"exc", ",\"order\":\"strict\"", "strict",
         "did B at 2026-03-02T11:00:00+00:00, but X at 2026-03-02T10:30:00+00:00 lies between", 1},
        {"old", "", "before_range", "did A at 2026-03-01T10:00:00+00:00, before the range begins",
         0},
        {"all", ",\"as_of\":\"2026-03-02T11:30:00Z\"", "after_as_of",
         "did C at 2026-03-02T12:00:00+00:00, after as_of", 2},
        {"all",
         ",\"filter\":[{\"any\":[{\"property\":\"plan\",\"is\":\"x\"},"
         "{\"not\":{\"property\":\"name\",\"is\":\"C\"}}]}]",
         "filter",
         "did C at 2026-03-02T12:00:00+00:00, but the question's filter leaves it out: plan was "
         "\"pro\"; wanted is {\"property\":\"plan\",\"is\":\"x\"}; name was \"C\"; not wanted "
         "is "
         "{\"property\":\"name\",\"is\":\"C\"}",
         2},
        {"all", ",\"segment\":[{\"did\":\"X\"}]", "filter",
         "did A at 2026-03-02T10:00:00+00:00, but the question's filter leaves it out: this does "
         "not "
         "hold: {\"did\":\"X\"}; never did it",
         0},
        {"all", "", NULL, NULL, 3},
    };
    AUTO(arena) *arena = arena_create(0);
    AUTO(json_parser) *parser = json_parser_create();
    struct told t = {.arena = arena, .parser = parser};
    struct plain_source source;

    (void)state;
    source_make(&t, events, COUNT(events), &source);
    for (size_t i = 0; i < COUNT(cases); i++) {
        BUF_AUTO question = {0};
        buf_printf(&question,
                   "{\"insight\":\"funnel\",\"steps\":[{\"event\":\"A\"},{\"event\":\"B\"},"
                   "{\"event\":\"C\"}],\"window\":\"1d\",\"from\":\"2026-03-02\","
                   "\"to\":\"2026-03-20\",\"why_not\":{\"person\":\"%s\"}%s}%c",
                   cases[i].person, cases[i].more, 0);
        tell(&t, &source.source, question.at);
        struct json reason = ref_item(json_member(t.why, STR("reasons")), 0);
        assert_int_equal(is_true(t.why, "is_in"), !cases[i].rule);
        assert_true(ref_number(json_member(t.why, STR("reached"))) == cases[i].reached);
        if (!cases[i].rule)
            continue;
        assert_str(text_of(reason, "rule"), str_of(cases[i].rule));
        assert_str(text_of(reason, "message"), str_of(cases[i].message));
    }
    plain_source_free(&source);
    buf_free(&t.text);
}

static void retention_rules(void **state)
{
    static const struct {
        const char *person, *where, *more, *rule, *message;
    } cases[] = {
        {"win", ",\"cohort\":\"2026-03-02\",\"period\":1", "", NULL, NULL},
        {"win", ",\"period\":2", "", "other_period",
         "did any event at 2026-03-02T11:00:00+00:00, in interval 0, not 2"},
        {"win", ",\"cohort\":\"2026-03-03\"", "", "other_cohort",
         "started at 2026-03-02T10:00:00+00:00, in the cohort 2026-03-02"},
        {"win", ",\"period\":1", ",\"minimum\":2", "minimum",
         "did any event 1 times; at least 2 are asked"},
        {"win", ",\"period\":2", ",\"match\":\"streak\"", "streak",
         "did not do any event in interval 2; all up to 2 are asked"},
        {"win", ",\"period\":1", ",\"as_of\":\"2026-03-02T23:00:00Z\"", "not_begun",
         "interval 1 after the start has no number: it is not in the range, or has not begun"},
        {"old", "", "", "before_range",
         "did A at 2026-03-01T10:00:00+00:00, before the range begins"},
        {"nobody", "", "", "never", "never did A"},
        {"hold", ",\"period\":1", ",\"filter\":[{\"property\":\"plan\",\"is\":\"x\"}]", "filter",
         "did A at 2026-03-02T10:00:00+00:00, but the question's filter leaves it out: plan was "
         "\"pro\"; wanted is {\"property\":\"plan\",\"is\":\"x\"}"},
    };
    AUTO(arena) *arena = arena_create(0);
    AUTO(json_parser) *parser = json_parser_create();
    struct told t = {.arena = arena, .parser = parser};
    struct plain_source source;
    const char *more[COUNT(events) + 1];

    (void)state;
    memcpy(more, events, sizeof events);
    more[COUNT(events)] = "nobody B 02T10:00:00 pro";
    source_make(&t, more, COUNT(more), &source);
    for (size_t i = 0; i < COUNT(cases); i++) {
        BUF_AUTO question = {0};
        buf_printf(&question,
                   "{\"insight\":\"retention\",\"start\":{\"event\":\"A\"},\"periods\":4,"
                   "\"from\":\"2026-03-02\",\"to\":\"2026-03-10\","
                   "\"why_not\":{\"person\":\"%s\"%s}%s}%c",
                   cases[i].person, cases[i].where, cases[i].more, 0);
        tell(&t, &source.source, question.at);
        struct json reason = ref_item(json_member(t.why, STR("reasons")), 0);
        assert_int_equal(is_true(t.why, "is_in"), !cases[i].rule);
        if (!cases[i].rule)
            continue;
        assert_str(text_of(reason, "rule"), str_of(cases[i].rule));
        assert_str(text_of(reason, "message"), str_of(cases[i].message));
    }
    plain_source_free(&source);
    buf_free(&t.text);
}

static void lists_of_people(void **state)
{
    AUTO(arena) *arena = arena_create(0);
    AUTO(json_parser) *parser = json_parser_create();
    struct told t = {.arena = arena, .parser = parser};
    struct plain_source source;

    (void)state;
    source_make(&t, events, COUNT(events), &source);
    tell(
        &t, &source.source,
        "{\"insight\":\"people\",\"filter\":[{\"did\":\"A\"},{\"did\":\"B\",\"times\":{\"gte\":2}},"
        "{\"not\":{\"did\":\"C\"}}],\"why_not\":{\"person\":\"win\"}}");
    assert_false(is_true(t.why, "is_in"));
    struct json conditions =
        json_member(ref_item(json_member(t.why, STR("reasons")), 0), STR("conditions"));
    assert_int_equal(json_count(conditions), 2); /* that A was done is fine */
    struct json b = ref_item(conditions, 0), c = ref_item(conditions, 1);
    assert_str(text_of(b, "at"), STR("/filter/1"));
    assert_true(ref_number(json_member(b, STR("times"))) == 1 && is_true(b, "must_hold"));
    assert_str(text_of(b, "last_at"), STR("2026-03-02T11:00:00+00:00"));
    assert_str(text_of(c, "at"), STR("/filter/2/not"));
    assert_false(is_true(c, "must_hold"));
    tell(&t, &source.source,
         "{\"insight\":\"people\",\"filter\":[{\"did\":\"A\"}],\"why_not\":{\"person\":\"win\"}}");
    assert_true(is_true(t.why, "is_in"));
    assert_int_equal(json_count(json_member(t.why, STR("reasons"))), 0);
    plain_source_free(&source);
    buf_free(&t.text);
}

/* ---- at random ---- */

/* Is the person among those behind the number? */
static bool is_listed(struct json root, struct str id)
{
    struct json_each it = json_each(json_member(root, STR("people")));

    while (json_next(&it))
        if (str_equal(text_of(it.value, "id"), id))
            return true;
    return false;
}

static bool answer_of(struct told *t, struct source *source, struct str question,
                      const char *member, const char *what)
{
    struct query_context context = {.now_ms = start_ms + 25 * day_ms};
    BUF_AUTO full = {0};
    struct err e = {0};

    buf_printf(&full, "%.*s,\"%s\":%s}", (int)question.len - 1, question.at, member, what);
    buf_clear(&t->text);
    if (!query_answer(source, &context, buf_str(&full), &t->text, &e)) {
        snprintf(t->error, sizeof t->error, "%s", e.text);
        return false;
    }
    assert_works(json_parse(t->parser, buf_str(&t->text), &t->root, &e), e);
    t->why = json_member(t->root, STR("why"));
    return true;
}

static void everybody_is_told(struct told *t, struct ref_world *w, struct str question,
                              const char *where, size_t *told)
{
    bool is_in[REF_PEOPLE];
    BUF_AUTO room = {0};

    buf_printf(&room, "{%s}%c", where, 0);
    if (!answer_of(t, &w->source.source, question, "people_of", room.at))
        return;
    for (size_t i = 0; i < w->person_count; i++)
        is_in[i] = is_listed(t->root, w->world.people[i].id);
    for (size_t i = 0; i < w->person_count; i++) {
        struct str id = w->world.people[i].id;
        buf_clear(&room);
        buf_printf(&room, "{\"person\":\"%.*s\",%s}%c", STR_ARG(id), where, 0);
        bool has_answer = answer_of(t, &w->source.source, question, "why_not", room.at);
        if (!has_answer && strstr(t->error, "why_not is of a person"))
            return; /* the question counts sessions */
        if (!has_answer)
            fail_msg("%.*s\n%s has no answer: %s", STR_ARG(question), room.at, t->error);
        if (is_true(t->why, "is_in") != is_in[i])
            fail_msg("%.*s\n%s: is %s", STR_ARG(question), room.at, is_in[i] ? "in" : "not in");
        size_t reasons = json_count(json_member(t->why, STR("reasons")));
        if (is_in[i] ? reasons != 0 : reasons == 0)
            fail_msg("%.*s\n%s: %zu reasons", STR_ARG(question), room.at, reasons);
        *told += !is_in[i];
    }
}

static void the_list_and_the_reason_agree(void **state)
{
    struct dice d = {4711};
    size_t told = 0, rounds = random_rounds(ROUNDS);

    (void)state;
    for (size_t i = 0; i < rounds; i++) {
        AUTO(arena) *arena = arena_create(0);
        AUTO(json_parser) *parser = json_parser_create();
        struct told t = {.arena = arena, .parser = parser};
        struct ref_world w;
        struct world_shape shape = {.people = REF_PEOPLE,
                                    .events = 80,
                                    .start = start_ms,
                                    .step_ms = 3600000,
                                    .steps = 24 * 20};
        ref_world_make(&w, &d, arena, &shape);
        for (size_t k = 0; k < 8; k++) {
            BUF_AUTO question = {0};
            char where[64];
            random_question(&d, &question);
            struct str q = buf_str(&question);
            bool is_funnel = str_starts(q, STR("{\"insight\":\"funnel\""));
            if (is_funnel)
                snprintf(where, sizeof where, "\"step\":%u", 1 + roll(&d, 3));
            else if (str_starts(q, STR("{\"insight\":\"retention\"")))
                snprintf(where, sizeof where, "\"cohort\":\"2026-03-%02u\",\"period\":%u",
                         2 + roll(&d, 12), roll(&d, 4));
            else
                continue;
            everybody_is_told(&t, &w, q, where, &told);
        }
        plain_source_free(&w.source);
        buf_free(&t.text);
    }
    print_message("%zu were told why\n", told);
    assert_true(told > rounds);
}

static void wrong_questions(void **state)
{
    static const struct {
        const char *more, *code, *at;
    } cases[] = {
        {"{}", "query.missing_member", "/why_not/person"},
        {"{\"person\":\"zed\"}", "query.unknown_person", "/why_not/person"},
        {"{\"person\":\"win\",\"step\":4}", "query.limit", "/why_not/step"},
        {"{\"person\":\"win\",\"stp\":1}", "query.unknown_member", "/why_not/stp"},
        {"7", "query.wrong_type", "/why_not"},
    };
    AUTO(arena) *arena = arena_create(0);
    AUTO(json_parser) *parser = json_parser_create();
    struct told t = {.arena = arena, .parser = parser};
    struct plain_source source;

    (void)state;
    source_make(&t, events, COUNT(events), &source);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct query_context context = {.now_ms = start_ms + 30 * day_ms};
        BUF_AUTO question = {0};
        struct err e = {0};
        buf_printf(&question,
                   "{\"insight\":\"funnel\",\"steps\":[{\"event\":\"A\"},{\"event\":\"B\"},"
                   "{\"event\":\"C\"}],\"why_not\":%s}",
                   cases[i].more);
        assert_false(query_answer(&source.source, &context, buf_str(&question), &t.text, &e));
        if (strcmp(e.code, cases[i].code) != 0 || strcmp(e.at, cases[i].at) != 0)
            fail_msg("%s\n%s at %s: %s", cases[i].more, e.code, e.at, e.text);
    }
    plain_source_free(&source);
    buf_free(&t.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(funnel_rules),    cmocka_unit_test(retention_rules),
        cmocka_unit_test(lists_of_people), cmocka_unit_test(the_list_and_the_reason_agree),
        cmocka_unit_test(wrong_questions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
