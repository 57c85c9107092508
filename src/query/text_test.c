/* Questions as lines of words: what each becomes, what is wrong where, and there and back again. */
#include "query/text.h"

#include "base/test.h"
#include "query/case_data.h"
#include "query/query.h"
#include "query/random_case.h"
#include "query/text_print.h"
#include "query/text_samples.h"

static const struct {
    const char *line, *at, *text, *hint; /* parts of them; NULL: any */
} wrongs[] = {
    {"funel A > B", "character 1", "expected what is asked, not \"funel\"", "did you mean funnel?"},
    {"true", "character 1", "what is asked", "trend, trends, funnel"},
    {"funnel", "character 7", "the name of an event, but the line ends here", NULL},
    {"funnel A >", "character 11", "the name of an event, but the line ends", NULL},
    {"funnel A > B witin 14d", "character 14", "a clause, not \"witin\"", "did you mean within?"},
    {"funnel Signed Up > B", "character 15", "not \"Up\"", "stands in quotes: \"Signed Up\""},
    {"funnel A > B cohort every", "character 14", "a clause, not \"cohort\"", NULL},
    {"trend A daily weekly", "character 15", "interval is said twice", NULL},
    {"retention of A weekly 12 periods 3", "character 26", "periods is said twice", NULL},
    {"trend peple of A", "character 7", "what to count, not \"peple\"", "did you mean people?"},
    {"trend sum(n of A", "character 13", "expected \")\", not \"of\"", NULL},
    {"trend people of \"A", "character 17", "quote that begins here is not closed", NULL},
    {"trend A last", "character 13", "a length of time", NULL},
    {"trend A where plan pro", "character 20", "a comparison", "one of: ="},
    {"trend A where plan contians pro", "character 20", "a comparison", "did you mean contains?"},
    {"trend A where plan in pro", "character 23", "expected \"(\", not \"pro\"", NULL},
    {"trend A where (plan = pro", "character 26", "and, or, or \")\"", NULL},
    {"trend A where n between 1 or 2", "character 27", "\"and\" and the other end", NULL},
    {"trend A [plan = pro", "character 20", "and, or, or \"]\"", NULL},
    {"trend A by person.", "character 19", "right after the dot", NULL},
    {"trend A limit many", "character 15", "a whole number, not \"many\"", NULL},
    {"retention of A match strek", "character 22", "a match rule", "did you mean streak?"},
    {"retention of A brackets 1, x", "character 28", "a number", NULL},
    {"trend A formula daily", "character 17", "a formula", NULL},
    {"paths of pagse", "character 10", "what the nodes are", "did you mean pages?"},
    {"trend \"\xe0\xb8\xaa\xe0\xb8\xa1\" x", "character 12", "a clause", NULL},
    {"why not", "character 8", "a person's id", NULL},
    {"why not u1 of funnel A", "character 12", "\"in\" and what is asked", NULL},
    {"why not u1 in step 3 funnel A", "character 22", "\"of\" and what is asked", NULL},
    {"impact of A", "character 8", "\"on\" and a goal", NULL},
    {"impact on retension of A", "character 11", "a goal", "did you mean retention?"},
    {"impact on retention of A", "character 25", "when to look", "hourly"},
    {"impact on retention of A weekly", "character 32", "a whole number", NULL},
    {"impact on retention of A daily 2 match on match on", "character 43", "match is said twice",
     NULL},
    /* what only the question itself finds out is blamed on its word, too */
    {"trend \"Sined Up\"", "character 7", "no event", "did you mean \"Signed Up\"?"},
    {"trend \"Signed Up\" where seats > 1 and plam = x", "character 39", "no event",
     "did you mean \"plan\"?"},
    {"trend \"Signed Up\" by plam", "character 22", "no event", "did you mean \"plan\"?"},
    {"funnel \"Signed Up\" > any within soon", "character 33", "not a duration", "14d"},
    {"trend \"Signed Up\" last 30d from 2026-01-01", "character 24", "instead of", NULL},
    {"trend sum of \"Signed Up\"", "character 7", "property", NULL},
    {"trend \"Signed Up\" in Asia/Bankok", "character 22", "Bankok", NULL},
    {"why not zed in funnel \"Signed Up\"", "character 9", "nobody has the id", NULL},
    {"why not u1 in step 2 of funnel \"Signed Up\"", "character 9", "step is 2", NULL},
    {"why not u1 in trend \"Signed Up\"", "character 9", "unknown member", NULL},
    {"impact on retention of \"Signed Up\" weekly 0", "character 43", "period is 0", NULL},
    {"trend \"Signed Up\" formula A+C", "character 27", "no such series", NULL},
    {"trend \"Signed Up\" [plan matches \"(\"]", "character 33", "", NULL},
};

static const char data[] =
    "{\"events\":[{\"person\":\"u1\",\"event\":\"Signed Up\",\"time\":\"2026-03-01T10:00:00Z\","
    "\"id\":\"m-1\",\"properties\":{\"plan\":\"Pro\",\"seats\":3}}]}";

static bool ask(struct str question, struct buf *answer, struct buf *explain, struct err *e)
{
    AUTO(arena) *arena = arena_create(0);
    struct plain_source source;
    struct query_context context = {.now_ms = INT64_C(1773576000000), .explain = explain};

    case_source_parse(data, arena, &source);
    bool ok = query_answer(&source.source, &context, question, answer, e);
    plain_source_free(&source);
    return ok;
}

/* The same but for the order of members. */
static bool is_same(struct json a, struct json b)
{
    BUF_AUTO x = {0}, y = {0};
    struct json_each i = json_each(a), k = json_each(b);

    if (json_type(a) != json_type(b) || json_count(a) != json_count(b))
        return false;
    if (json_type(a) != JSON_OBJECT && json_type(a) != JSON_ARRAY) {
        json_print(a, &x);
        json_print(b, &y);
        return str_equal(buf_str(&x), buf_str(&y));
    }
    while (json_next(&i)) {
        bool is_there = json_type(a) == JSON_OBJECT || json_next(&k);
        struct json other = json_type(a) == JSON_OBJECT ? json_member(b, i.key) : k.value;
        if (!is_there || !is_same(i.value, other))
            return false;
    }
    return true;
}

static void check_becomes(struct str line, struct str json)
{
    AUTO(arena) *arena = arena_create(0);
    AUTO(json_parser) *p = json_parser_create();
    AUTO(json_parser) *wanted_parser = json_parser_create();
    struct text_question t;
    struct err e = {0};
    struct json got, wanted;

    if (!text_read(arena, line, &t, &e))
        fail_msg("%.*s\n%s: %s (%s)", STR_ARG(line), e.at, e.text, e.hint);
    if (!json_parse(p, t.json, &got, &e) || !json_parse(wanted_parser, json, &wanted, &e))
        fail_msg("%.*s\n%.*s: %s", STR_ARG(line), STR_ARG(t.json), e.text);
    if (!is_same(got, wanted))
        fail_msg("%.*s\nbecame %.*s\ninstead of %.*s", STR_ARG(line), STR_ARG(t.json),
                 STR_ARG(json));
    text_question_free(&t);
}

static void lines_become_questions(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(text_samples); i++)
        check_becomes(str_of(text_samples[i].line), str_of(text_samples[i].json));
}

static void what_is_wrong_is_pointed_at(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(wrongs); i++) {
        BUF_AUTO answer = {0};
        struct err e = {0};
        if (ask(str_of(wrongs[i].line), &answer, NULL, &e))
            fail_msg("%s has an answer", wrongs[i].line);
        if (strcmp(e.at, wrongs[i].at) != 0 || !strstr(e.text, wrongs[i].text) ||
            (wrongs[i].hint && !strstr(e.hint, wrongs[i].hint)))
            fail_msg("%s\n%s: %s (%s)", wrongs[i].line, e.at, e.text, e.hint);
    }
}

/* Of every right line: cut anywhere, or with a word said twice, there is an error or a question. */
static void a_cut_line_never_breaks(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(text_samples); i++)
        for (size_t len = 0; len <= strlen(text_samples[i].line); len++) {
            AUTO(arena) *arena = arena_create(0);
            struct text_question t;
            struct err e = {0};
            if (!text_read(arena, (struct str){text_samples[i].line, len}, &t, &e))
                assert_true(e.text[0] && e.at[0]);
            text_question_free(&t);
        }
}

static void there_and_back_again(void **state)
{
    size_t said = 0, rounds = random_rounds(20000);
    struct dice d = random_dice(UINT64_C(20261122));

    (void)state;
    for (size_t i = 0; i < rounds; i++) {
        AUTO(json_parser) *p = json_parser_create();
        BUF_AUTO json = {0}, line = {0};
        struct json root;
        struct err e = {0};
        random_question(&d, &json);
        assert_true(json_parse(p, buf_str(&json), &root, &e));
        if (!text_print(root, &line))
            continue;
        said++;
        check_becomes(buf_str(&line), buf_str(&json));
    }
    if (said < rounds * 2 / 3)
        fail_msg("only %zu of %zu could be said", said, rounds);
}

static void a_line_has_the_answer_of_its_json(void **state)
{
    static const char line[] = "trend people of 'Signed Up' daily from 2026-03-01 to 2026-03-03";
    static const char json[] =
        "{\"insight\":\"trends\",\"series\":[{\"math\":\"people\",\"event\":\"Signed Up\"}],"
        "\"interval\":\"day\",\"from\":\"2026-03-01\",\"to\":\"2026-03-03\"}";
    BUF_AUTO by_line = {0}, by_member = {0}, by_json = {0}, echo = {0}, explain = {0};
    struct err e = {0};

    (void)state;
    assert_true(ask(str_of(line), &by_line, &explain, &e));
    assert_true(ask(STR("{\"text\":\"trend people of 'Signed Up' daily from 2026-03-01 to "
                        "2026-03-03\"}"),
                    &by_member, NULL, &e));
    assert_true(ask(str_of(json), &by_json, NULL, &e));
    assert_true(str_equal(buf_str(&by_line), buf_str(&by_member)));
    buf_printf(&echo, ",\"question\":%s", json);
    buf_add_char(&by_line, 0);
    buf_add_char(&by_json, 0);
    buf_add_char(&explain, 0);
    char *found = strstr(by_line.at, "\"question\":{\"insight\":\"trends\"");
    assert_non_null(found);
    assert_non_null(strstr(by_json.at, strstr(by_line.at, ",\"intervals\"")));
    assert_non_null(strstr(explain.at, "question: {\"insight\":\"trends\""));
    assert_non_null(strstr(explain.at, "pass 1, by unit"));
    assert_non_null(strstr(explain.at, "selector 1: \"Signed Up\" from 2026-03-01T00:00:00"));
    assert_non_null(strstr(explain.at, "segments read"));
}

static void a_text_member_stands_alone(void **state)
{
    BUF_AUTO answer = {0};
    struct err e = {0};

    (void)state;
    assert_false(ask(STR("{\"text\":\"trend any\",\"last\":\"7d\"}"), &answer, NULL, &e));
    assert_string_equal(e.code, "query.unknown_member");
    assert_string_equal(e.at, "/last");
    assert_false(ask(STR("{\"text\":7}"), &answer, NULL, &e));
    assert_string_equal(e.code, "query.wrong_type");
    assert_false(ask(STR("{\"text\":\"\"}"), &answer, NULL, &e));
    assert_string_equal(e.code, "query.text");
    assert_int_equal(answer.len, 0);
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(lines_become_questions),
        cmocka_unit_test(what_is_wrong_is_pointed_at),
        cmocka_unit_test(a_cut_line_never_breaks),
        cmocka_unit_test(there_and_back_again),
        cmocka_unit_test(a_line_has_the_answer_of_its_json),
        cmocka_unit_test(a_text_member_stands_alone),
    };
    return cmocka_run_group_tests_name("query/text", all, NULL, NULL);
}
