#include "base/test.h"

#include "saved/alert.h"
#include "saved/number.h"

#define TRENDS                                                                                     \
    "{\"insight\":\"trends\",\"intervals\":[\"d1\",\"d2\",\"d3\"],\"series\":["                    \
    "{\"name\":\"A\",\"values\":[5,7,9],\"final\":[true,true,false]},"                             \
    "{\"name\":\"A\",\"values\":[50,null,90],\"final\":[true,true,false]},"                        \
    "{\"name\":\"B\",\"values\":[1,2,3],\"final\":[false,false,false]}]}"
#define SPLIT                                                                                      \
    "{\"insight\":\"trends\",\"intervals\":[\"d1\"],\"series\":["                                  \
    "{\"name\":\"A\",\"breakdown\":[\"pro\"],\"values\":[1],\"final\":[true]},"                    \
    "{\"name\":\"A\",\"breakdown\":[null],\"values\":[2],\"final\":[true]},"                       \
    "{\"name\":\"B\",\"breakdown\":[\"pro\"],\"values\":[3],\"final\":[true]}]}"
#define RETENTION                                                                                  \
    "{\"insight\":\"retention\",\"columns\":[\"0\",\"1\",\"2\"],\"cohorts\":["                     \
    "{\"start\":\"w1\",\"size\":10,\"counts\":[10,6,5],\"final\":3},"                              \
    "{\"start\":\"w2\",\"size\":20,\"counts\":[20,8,3],\"final\":2},"                              \
    "{\"start\":\"w3\",\"size\":40,\"counts\":[40,1,null],\"final\":1}],"                          \
    "\"groups\":[{\"value\":[\"pro\",1],\"cohorts\":["                                             \
    "{\"start\":\"w1\",\"size\":4,\"counts\":[4,3,2],\"final\":3}]},{\"value\":[\"free\",1],"      \
    "\"cohorts\":[{\"start\":\"w1\",\"size\":0,\"counts\":[0,0,0],\"final\":3}]}]}"
#define STEPS                                                                                      \
    "{\"insight\":\"funnel\",\"steps\":[{\"count\":8,\"conversion\":1},"                           \
    "{\"count\":2,\"conversion\":0.25,\"median_seconds\":60}]}"
#define OVER_TIME                                                                                  \
    "{\"insight\":\"funnel\",\"buckets\":["                                                        \
    "{\"start\":\"d1\",\"from\":4,\"to\":1,\"rate\":0.25,\"final\":true},"                         \
    "{\"start\":\"d2\",\"from\":0,\"to\":0,\"rate\":null,\"final\":true},"                         \
    "{\"start\":\"d3\",\"from\":4,\"to\":4,\"rate\":1,\"final\":false}]}"
#define LIFECYCLE                                                                                  \
    "{\"insight\":\"lifecycle\",\"intervals\":[\"m1\",\"m2\"],\"dormant\":[-3,-4],"                \
    "\"active\":[9,8],\"final\":[true,false]}"
#define STICKY "{\"insight\":\"stickiness\",\"counts\":[9,5,1]}"
#define RATIO                                                                                      \
    "{\"insight\":\"stickiness\",\"counts\":[9],\"ratio\":{\"intervals\":[\"d1\",\"d2\"],"         \
    "\"of\":[10,20],\"values\":[0.5,0.6],\"final\":[true,false]}}"
#define OTHER "{\"insight\":\"paths\",\"a/b\":{\"m~n\":[{\"x\":1},{\"x\":7}]},\"t\":\"7\"}"

static void a_number_is_the_newest_final_one(void **state)
{
    static const struct {
        const char *pick, *answer;
        bool is_there;
        double value;
        const char *start;
        double base;
    } c[] = {
        {"{}", TRENDS, true, 7, "d2", 0},
        {"{\"series\":0}", TRENDS, true, 7, "d2", 0},
        {"{\"series\":1}", TRENDS, false, 0, "d2", 0},
        {"{\"series\":\"B\"}", TRENDS, false, 0, "", 0},
        {"{\"series\":2}", TRENDS, false, 0, "", 0},
        {"{\"breakdown\":[\"pro\"]}", SPLIT, true, 1, "d1", 0},
        {"{\"breakdown\":[null]}", SPLIT, true, 2, "d1", 0},
        {"{\"series\":1,\"breakdown\":[\"pro\"]}", SPLIT, true, 3, "d1", 0},
        {"{\"series\":\"B\",\"breakdown\":[\"pro\"]}", SPLIT, true, 3, "d1", 0},
        {"{\"breakdown\":[\"gone\"]}", SPLIT, false, 0, "", 0},
        {"{\"period\":0,\"as\":\"count\"}", RETENTION, true, 40, "w3", 40},
        {"{\"period\":1}", RETENTION, true, 0.4, "w2", 20},
        {"{\"period\":1,\"as\":\"count\"}", RETENTION, true, 8, "w2", 20},
        {"{\"period\":2}", RETENTION, true, 0.5, "w1", 10},
        {"{\"period\":1,\"breakdown\":[\"pro\",1]}", RETENTION, true, 0.75, "w1", 4},
        {"{\"period\":1,\"breakdown\":[\"free\",1]}", RETENTION, false, 0, "w1", 0},
        {"{\"period\":1,\"breakdown\":[\"gone\",1]}", RETENTION, false, 0, "", 0},
        {"{\"step\":2}", STEPS, true, 0.25, "", 8},
        {"{\"step\":2,\"as\":\"count\"}", STEPS, true, 2, "", 8},
        {"{\"step\":2,\"as\":\"median_seconds\"}", STEPS, true, 60, "", 8},
        {"{\"step\":1,\"as\":\"median_seconds\"}", STEPS, false, 0, "", 8},
        {"{}", OVER_TIME, false, 0, "d2", 0},
        {"{\"as\":\"from\"}", OVER_TIME, true, 0, "d2", 0},
        {"{\"state\":\"dormant\"}", LIFECYCLE, true, -3, "m1", 0},
        {"{\"intervals\":3}", STICKY, true, 1, "", 0},
        {"{}", RATIO, true, 0.5, "d1", 10},
        {"{\"pointer\":\"/a~1b/m~0n/1/x\"}", OTHER, true, 7, "", 0},
        {"{\"pointer\":\"/a~1b/m~0n/2/x\"}", OTHER, false, 0, "", 0},
        {"{\"pointer\":\"/t\"}", OTHER, false, 0, "", 0},
        {"{\"pointer\":\"/steps/1/count\"}", STEPS, true, 2, "", 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(c); i++) {
        AUTO(json_parser) *one = json_parser_create(), *two = json_parser_create();
        struct ask pick = {0};
        struct json answer;
        struct number n;
        struct err e = {0};

        assert_works(json_parse(one, str_of(c[i].pick), &pick.json, &e), e);
        assert_works(json_parse(two, str_of(c[i].answer), &answer, &e), e);
        if (!number_find(&pick, answer, &n, &e))
            fail_msg("%s: %s", c[i].pick, e.text);
        if (n.is_there != c[i].is_there || (n.is_there && n.value != c[i].value))
            fail_msg("%zu %s: %g, %s", i, c[i].pick, n.value, n.is_there ? "there" : "not there");
        assert_str(n.start, str_of(c[i].start));
        assert_true((n.has_base ? n.base : 0) == c[i].base);
        assert_int_equal(n.is_of_intervals, strstr(c[i].pick, "pointer") == NULL &&
                                                strcmp(c[i].answer, STEPS) != 0 &&
                                                strcmp(c[i].answer, STICKY) != 0);
    }
}

static void coordinates_that_cannot_be_are_refused(void **state)
{
    static const struct {
        const char *pick, *answer, *at;
    } c[] = {
        {"[]", TRENDS, ""},
        {"{\"serie\":0}", TRENDS, "/serie"},
        {"{\"series\":3}", TRENDS, "/series"},
        {"{\"series\":\"C\"}", TRENDS, "/series"},
        {"{\"breakdown\":[\"pro\"]}", TRENDS, "/breakdown"},
        {"{}", SPLIT, "/breakdown"},
        {"{}", RETENTION, "/period"},
        {"{\"period\":3}", RETENTION, "/period"},
        {"{\"period\":1,\"as\":\"size\"}", RETENTION, "/as"},
        {"{\"period\":1,\"breakdown\":[]}", RETENTION, "/breakdown"},
        {"{\"step\":3}", STEPS, "/step"},
        {"{\"step\":0}", STEPS, "/step"},
        {"{}", STEPS, "/step"},
        {"{\"step\":1,\"breakdown\":[\"x\"]}", STEPS, "/breakdown"},
        {"{\"as\":\"count\"}", OVER_TIME, "/as"},
        {"{}", LIFECYCLE, "/state"},
        {"{\"state\":\"asleep\"}", LIFECYCLE, "/state"},
        {"{}", STICKY, "/intervals"},
        {"{\"intervals\":4}", STICKY, "/intervals"},
        {"{}", OTHER, "/pointer"},
        {"{\"pointer\":\"t\"}", OTHER, "/pointer"},
        {"{\"pointer\":\"/t\",\"step\":1}", STEPS, "/step"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(c); i++) {
        AUTO(json_parser) *one = json_parser_create(), *two = json_parser_create();
        struct ask pick = {0};
        struct json answer;
        struct number n;
        struct err e = {0};

        assert_works(json_parse(one, str_of(c[i].pick), &pick.json, &e), e);
        assert_works(json_parse(two, str_of(c[i].answer), &answer, &e), e);
        if (number_find(&pick, answer, &n, &e))
            fail_msg("%s should be refused", c[i].pick);
        assert_int_equal(e.kind, ERR_INVALID);
        assert_string_equal(e.at, c[i].at);
        assert_true(e.text[0] != 0);
    }
}

static void read_rule(struct json_parser *parser, const char *when, struct ask *root,
                      struct alert_rule *rule)
{
    BUF_AUTO text = {0};
    struct err e = {0};

    buf_printf(&text, "{\"question\":{},\"number\":{},%s}", when);
    assert_works(json_parse(parser, buf_str(&text), &root->json, &e), e);
    assert_works(alert_read(root, rule, &e), e);
}

static void an_alert_speaks_up_when_it_should(void **state)
{
    static const struct {
        const char *when;
        double now, before;
        double base;
        bool is_there, was_there;
        enum alert_verdict expected;
    } c[] = {
        {"\"when\":{\"below\":5}", 4.9, 0, 0, true, false, ALERT_FIRING},
        {"\"when\":{\"below\":5}", 5, 0, 0, true, false, ALERT_OK},
        {"\"when\":{\"above\":5}", 5, 0, 0, true, false, ALERT_OK},
        {"\"when\":{\"above\":5}", 5.1, 0, 0, true, false, ALERT_FIRING},
        {"\"when\":{\"below\":5}", 0, 0, 0, false, false, ALERT_NO_DATA},
        {"\"when\":{\"falls_by_percent\":10}", 90, 100, 0, true, true, ALERT_FIRING},
        {"\"when\":{\"falls_by_percent\":10}", 91, 100, 0, true, true, ALERT_OK},
        {"\"when\":{\"falls_by_percent\":10}", 200, 100, 0, true, true, ALERT_OK},
        {"\"when\":{\"rises_by_percent\":10}", 110, 100, 0, true, true, ALERT_FIRING},
        {"\"when\":{\"rises_by_percent\":10}", 109, 100, 0, true, true, ALERT_OK},
        {"\"when\":{\"rises_by_percent\":10}", -90, -100, 0, true, true, ALERT_FIRING},
        {"\"when\":{\"falls_by_percent\":10}", 90, 0, 0, true, true, ALERT_NO_DATA},
        {"\"when\":{\"falls_by_percent\":10}", 90, 0, 0, true, false, ALERT_NO_DATA},
        {"\"when\":{\"below\":50,\"falls_by_percent\":10}", 90, 0, 0, true, false, ALERT_OK},
        {"\"when\":{\"below\":95,\"falls_by_percent\":10}", 90, 0, 0, true, false, ALERT_FIRING},
        {"\"when\":{\"below\":50,\"falls_by_percent\":10}", 90, 100, 0, true, true, ALERT_FIRING},
        {"\"when\":{\"below\":5},\"at_least\":10", 4, 0, 9, true, false, ALERT_NO_DATA},
        {"\"when\":{\"below\":5},\"at_least\":10", 4, 0, 10, true, false, ALERT_FIRING},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(c); i++) {
        AUTO(json_parser) *parser = json_parser_create();
        struct ask root = {0};
        struct alert_rule rule;
        struct number now = {c[i].is_there, c[i].now, c[i].base > 0, c[i].base, true, STR_NONE};
        struct number before = {c[i].was_there, c[i].before, false, 0, true, STR_NONE};

        read_rule(parser, c[i].when, &root, &rule);
        if (alert_judge(&rule, &now, &before) != c[i].expected)
            fail_msg("%s with %g after %g", c[i].when, c[i].now, c[i].before);
    }
}

static void alerts_that_cannot_be_are_refused(void **state)
{
    static const struct {
        const char *body, *at;
    } c[] = {
        {"{\"number\":{},\"when\":{\"below\":1}}", "/question"},
        {"{\"question\":{},\"when\":{\"below\":1}}", "/number"},
        {"{\"question\":{},\"number\":{}}", "/when"},
        {"{\"question\":{},\"number\":{},\"when\":{}}", "/when"},
        {"{\"question\":{},\"number\":{},\"when\":{\"under\":1}}", "/when/under"},
        {"{\"question\":{},\"number\":{},\"when\":{\"below\":\"1\"}}", "/when/below"},
        {"{\"question\":{},\"number\":{},\"when\":{\"falls_by_percent\":0}}",
         "/when/falls_by_percent"},
        {"{\"question\":{},\"number\":{},\"when\":{\"below\":1},\"wait\":\"1w\"}", "/wait"},
        {"{\"question\":{},\"number\":{},\"when\":{\"below\":1},\"wait\":\"32d\"}", "/wait"},
        {"{\"question\":{},\"number\":{},\"when\":{\"below\":1},\"wait\":\"-1h\"}", "/wait"},
        {"{\"question\":{},\"number\":{},\"when\":{\"below\":1},\"wait\":\"\"}", "/wait"},
        {"{\"question\":{},\"number\":{},\"when\":{\"below\":1},\"at_least\":-1}", "/at_least"},
        {"{\"question\":{},\"number\":{},\"when\":{\"below\":1},\"enabled\":1}", "/enabled"},
    };
    AUTO(json_parser) *parser = json_parser_create();
    struct alert_rule rule;
    struct ask root = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(c); i++) {
        struct err e = {0};
        assert_works(json_parse(parser, str_of(c[i].body), &root.json, &e), e);
        if (alert_read(&root, &rule, &e))
            fail_msg("%s should be refused", c[i].body);
        assert_string_equal(e.at, c[i].at);
    }
    read_rule(parser, "\"when\":{\"below\":1}", &root, &rule);
    assert_int_equal(rule.wait_ms, 3600000);
    assert_true(rule.is_enabled);
    read_rule(parser, "\"when\":{\"below\":1},\"wait\":\"31d\"", &root, &rule);
    assert_int_equal(rule.wait_ms, INT64_C(31) * 86400000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_is_the_newest_final_one),
        cmocka_unit_test(coordinates_that_cannot_be_are_refused),
        cmocka_unit_test(an_alert_speaks_up_when_it_should),
        cmocka_unit_test(alerts_that_cannot_be_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
