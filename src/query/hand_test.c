/*
 * Small worlds written out by hand, with the answer one can see: rules that the random references
 * leave out.
 */
#include <stdio.h>

#include "query/case_data.h"
#include "query/reference.h"

/* "u1 A 10:00" words become events of 2026-03-01: person, event, time, then property=value. */
static void data_write(const char *events, struct buf *out)
{
    struct str rest = str_of(events), one, word;
    bool is_first = true;

    buf_add(out, STR("{\"events\":["));
    while (str_cut(&rest, ';', &one)) {
        struct str parts[8];
        size_t count = 0;
        one = str_trim(one);
        while (str_cut(&one, ' ', &word))
            parts[count++] = word;
        REQUIRE(count >= 3);
        buf_printf(out, "%s{\"person\":\"%.*s\",\"event\":\"%.*s\",\"time\":\"2026-03-01T%.*sZ\"",
                   is_first ? "" : ",", STR_ARG(parts[0]), STR_ARG(parts[1]), STR_ARG(parts[2]));
        buf_add(out, STR(",\"properties\":{"));
        for (size_t i = 3; i < count; i++) {
            struct str name, value = parts[i];
            REQUIRE(str_cut(&value, '=', &name));
            buf_printf(out, "%s\"%.*s\":\"%.*s\"", i > 3 ? "," : "", STR_ARG(name), STR_ARG(value));
        }
        buf_add(out, STR("}}"));
        is_first = false;
    }
    buf_add(out, STR("]}"));
    buf_add_char(out, 0);
}

static const struct hand {
    const char *events, *question, *answer; /* a part of it */
} hands[] = {
    /* Totals: two entries convert, one times out. */
    {"u1 A 01:00:00; u1 B 01:10:00; u1 A 02:00:00; u1 A 05:00:00; u1 B 05:30:00",
     "{\"insight\":\"funnel\",\"steps\":[{\"event\":\"A\"},{\"event\":\"B\"}],\"window\":\"1h\","
     "\"count\":\"totals\"",
     "\"name\":\"A\",\"count\":3,"},
    /* Totals that drop: the only clean entry got less far than the excluded one. */
    {"u1 A 01:00:00; u1 B 01:10:00; u1 X 01:20:00; u1 A 02:00:00; u2 A 01:00:00",
     "{\"insight\":\"funnel\",\"steps\":[{\"event\":\"A\"},{\"event\":\"B\"},{\"event\":\"C\"}],"
     "\"window\":\"30m\",\"count\":\"totals\",\"exclude\":[{\"event\":\"X\"}],"
     "\"on_exclude\":\"drop\"",
     "\"name\":\"A\",\"count\":1,"},
    /* Within the grace an exclusion lies between nothing. */
    {"u1 A 01:00:00; u1 X 01:00:01; u1 B 01:00:02",
     "{\"insight\":\"funnel\",\"steps\":[{\"event\":\"A\"},{\"event\":\"B\"}],\"tie\":\"1s\","
     "\"exclude\":[{\"event\":\"X\"}]",
     "\"name\":\"B\",\"count\":1,"},
    {"u1 A 01:00:00; u1 X 01:00:05; u1 B 01:00:09",
     "{\"insight\":\"funnel\",\"steps\":[{\"event\":\"A\"},{\"event\":\"B\"}],\"tie\":\"1s\","
     "\"exclude\":[{\"event\":\"X\"}]",
     "\"name\":\"B\",\"count\":0,"},
    /* A grace goes back only so far. */
    {"u1 B 01:00:00; u1 A 01:00:02",
     "{\"insight\":\"funnel\",\"steps\":[{\"event\":\"A\"},{\"event\":\"B\"}],\"tie\":\"2s\"",
     "\"name\":\"B\",\"count\":1,"},
    {"u1 B 01:00:00; u1 A 01:00:03",
     "{\"insight\":\"funnel\",\"steps\":[{\"event\":\"A\"},{\"event\":\"B\"}],\"tie\":\"2s\"",
     "\"name\":\"B\",\"count\":0,"},
    /* One event cannot fill two steps, not even of one time stamp. */
    {"u1 A 01:00:00; u2 A 01:00:00; u2 A 01:00:00",
     "{\"insight\":\"funnel\",\"steps\":[{\"event\":\"A\"},{\"event\":null}]",
     "\"name\":\"any event\",\"count\":1,"},
    /* Held pairs: u1 converts with x and enters with y; people count once. */
    {"u1 A 01:00:00 k=y; u1 A 01:01:00 k=x; u1 B 01:02:00 k=x",
     "{\"insight\":\"funnel\",\"steps\":[{\"event\":\"A\"},{\"event\":\"B\"}],\"hold\":[\"k\"],"
     "\"count\":\"held\"",
     "\"name\":\"A\",\"count\":2,"},
    {"u1 A 01:00:00 k=y; u1 A 01:01:00 k=x; u1 B 01:02:00 k=x",
     "{\"insight\":\"funnel\",\"steps\":[{\"event\":\"A\"},{\"event\":\"B\"}],\"hold\":[\"k\"]",
     "\"name\":\"B\",\"count\":1,"},
    {"u1 A 01:00:00 k=y; u1 A 01:01:00 k=x; u1 B 01:02:00 k=x",
     "{\"insight\":\"funnel\",\"steps\":[{\"event\":\"A\"},{\"event\":\"B\"}],\"hold\":[\"k\"],"
     "\"entry\":\"first\"",
     "\"name\":\"B\",\"count\":0,"},
    /* Over time too, each held value has runs of its own. */
    {"u1 A 01:00:00 k=y; u1 A 01:01:00 k=x; u1 B 01:02:00 k=y; u1 B 01:03:00 k=x",
     "{\"insight\":\"funnel\",\"steps\":[{\"event\":\"A\"},{\"event\":\"B\"}],\"hold\":[\"k\"],"
     "\"show\":\"over_time\",\"interval\":\"day\"",
     "\"from\":1,\"to\":1,"},
    {"u1 A 01:00:00 k=y; u1 A 01:01:00 k=x; u1 B 01:02:00 k=y",
     "{\"insight\":\"funnel\",\"steps\":[{\"event\":\"A\"},{\"event\":\"B\"}],\"hold\":[\"k\"],"
     "\"show\":\"over_time\",\"interval\":\"day\"",
     "\"from\":1,\"to\":1,"},
    /* Stopped: reached step 2, not let on; counted there. */
    {"u1 A 01:00:00; u1 B 01:01:00; u1 X 01:02:00; u1 C 01:03:00",
     "{\"insight\":\"funnel\",\"steps\":[{\"event\":\"A\"},{\"event\":\"B\"},{\"event\":\"C\"}],"
     "\"exclude\":[{\"event\":\"X\",\"between\":[2,3]}]",
     "\"name\":\"B\",\"count\":1,\"conversion\":1,\"from_previous\":1,\"average_seconds\":60,"
     "\"median_seconds\":60,\"p90_seconds\":60,\"stopped\":1}"},
    /* Times skip optional steps. */
    {"u1 A 01:00:00; u1 B 01:01:00; u1 C 01:03:00",
     "{\"insight\":\"funnel\",\"steps\":[{\"event\":\"A\"},{\"event\":\"B\",\"optional\":true},"
     "{\"event\":\"C\"}]",
     "\"name\":\"C\",\"count\":1,\"conversion\":1,\"from_previous\":1,\"average_seconds\":180,"},
    /* A breaks strict runs as any other event does. */
    {"u1 A 01:00:00; u1 Z 01:01:00; u1 B 01:02:00; u2 A 01:00:00; u2 B 01:02:00",
     "{\"insight\":\"funnel\",\"steps\":[{\"event\":\"A\"},{\"event\":\"B\"}],"
     "\"order\":\"strict\"",
     "\"name\":\"B\",\"count\":1,"},
    /* Other is one group: u1 did y and z, and counts once in it. */
    {"u1 A 01:00:00 k=x; u2 A 01:00:00 k=x; u1 A 02:00:00 k=y; u1 A 03:00:00 k=z",
     "{\"insight\":\"trends\",\"series\":[{\"event\":\"A\",\"math\":\"people\"}],"
     "\"breakdown\":[{\"property\":\"k\"}],\"limit\":1",
     "\"breakdown\":[\"Other\"],\"values\":[1],\"total\":1,"},
    {"u1 A 01:00:00 k=x; u2 A 01:00:00 k=x; u1 A 02:00:00 k=y; u1 A 03:00:00 k=z",
     "{\"insight\":\"funnel\",\"steps\":[{\"event\":\"A\"},{\"event\":\"A\"}],"
     "\"breakdown\":[{\"property\":\"k\"}],\"limit\":1,\"attribution\":\"all_events\"",
     "{\"value\":[\"Other\"],\"steps\":[{\"name\":\"A\",\"count\":1,\"conversion\":1,"
     "\"from_previous\":1,\"average_seconds\":null,\"median_seconds\":null,\"p90_seconds\":null,"
     "\"stopped\":0},{\"name\":\"A\",\"count\":1,"},
    /* Without it the rest is left out. */
    {"u1 A 01:00:00 k=x; u2 A 01:00:00 k=x; u1 A 02:00:00 k=y",
     "{\"insight\":\"trends\",\"series\":[{\"event\":\"A\"}],\"breakdown\":[{\"property\":\"k\"}],"
     "\"limit\":1,\"other\":false",
     "\"series\":[{\"name\":\"A\",\"math\":\"events\",\"breakdown\":[\"x\"],\"values\":[2],"
     "\"total\":2,\"final\":[true]}]"},
    /* Sums do not lose what a double cannot hold on the way. */
    {"u1 A 01:00:00 n=10000000000000000; u2 A 01:00:00 n=1; u3 A 01:00:00 n=-10000000000000000",
     "{\"insight\":\"trends\",\"series\":[{\"event\":\"A\",\"math\":\"sum\",\"property\":\"n\"}]",
     "\"values\":[1],"},
    /* Histogram: 10 s and 29.5 s; two bins of 10 s, one more for the edge. */
    {"u1 A 01:00:00; u1 B 01:00:10; u2 A 01:00:00; u2 B 01:00:29.500",
     "{\"insight\":\"funnel\",\"steps\":[{\"event\":\"A\"},{\"event\":\"B\"}],"
     "\"show\":\"time_to_convert\"",
     "\"bars\":[[10,1],[20,1],[30,0]],\"samples\":2,\"average_seconds\":19.75,"},
    /* Two starts in one interval are one entry there; the bucket is the entry's. */
    {"u1 A 01:10:00; u1 A 01:50:00; u1 B 02:30:00; u2 A 02:00:00",
     "{\"insight\":\"funnel\",\"steps\":[{\"event\":\"A\"},{\"event\":\"B\"}],\"window\":\"1h\","
     "\"show\":\"over_time\",\"interval\":\"hour\"",
     "{\"start\":\"2026-03-01T01:00:00+00:00\",\"from\":1,\"to\":1,\"rate\":1,\"final\":true},"
     "{\"start\":\"2026-03-01T02:00:00+00:00\",\"from\":1,\"to\":0,\"rate\":0,\"final\":true}"},
};

static void answers_are_what_one_sees(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(hands); i++) {
        AUTO(arena) *arena = arena_create(0);
        BUF_AUTO data = {0}, question = {0}, answer = {0};
        struct plain_source source;
        struct query_context context = {.now_ms = INT64_C(1773323200000)};
        struct err e = {0};
        data_write(hands[i].events, &data);
        case_source_parse(data.at, arena, &source);
        source.threads = 2;
        source.batch_units = 1;
        buf_printf(&question, "%s,\"from\":\"2026-03-01\",\"to\":\"2026-03-01\"}",
                   hands[i].question);
        assert_works(query_answer(&source.source, &context, buf_str(&question), &answer, &e), e);
        buf_add_char(&answer, 0);
        if (!strstr(answer.at, hands[i].answer))
            fail_msg("%s\n%.*s\n%s\nlacks %s", hands[i].events, STR_ARG(buf_str(&question)),
                     answer.at, hands[i].answer);
        plain_source_free(&source);
    }
}

/* More groups than can be kept hour by hour: their sizes are found first, then the chosen ones. */
static void many_groups_are_found_by_size(void **state)
{
    enum { GROUPS = 600 };
    AUTO(arena) *arena = arena_create(0);
    BUF_AUTO answer = {0};
    struct event *events = arena_array(arena, GROUPS + 1, sizeof *events);
    struct plain_source source;
    struct query_context context = {.now_ms = INT64_C(1773323200000)};
    struct err e = {0};

    (void)state;
    for (uint32_t i = 0; i <= GROUPS; i++) {
        struct property *p = arena_alloc(arena, sizeof *p);
        *p = (struct property){STR("k"),
                               {VALUE_TEXT, .text = arena_printf(arena, "g%u", MAX(i, 1U))}};
        events[i] = (struct event){.time = INT64_C(1772323200000) + i,
                                   .name = STR("A"),
                                   .person = arena_printf(arena, "u%u", i % 7),
                                   .properties = p,
                                   .property_count = 1};
    }
    plain_source_init(&source, events, GROUPS + 1, NULL, 0);
    assert_works(query_answer(&source.source, &context,
                              STR("{\"insight\":\"trends\",\"series\":[{\"event\":\"A\","
                                  "\"math\":\"people\"}],\"breakdown\":[{\"property\":\"k\"}],"
                                  "\"interval\":\"hour\",\"from\":\"2025-04-01\","
                                  "\"to\":\"2026-03-15\",\"limit\":1}"),
                              &answer, &e),
                 e);
    buf_add_char(&answer, 0);
    assert_non_null(strstr(answer.at, "\"breakdown\":[\"g1\"]"));
    assert_non_null(strstr(answer.at, "\"total\":2,"));
    assert_non_null(strstr(answer.at, "\"breakdown\":[\"Other\"]"));
    assert_non_null(strstr(answer.at, "\"total\":7,"));
    plain_source_free(&source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(answers_are_what_one_sees),
                                       cmocka_unit_test(many_groups_are_found_by_size)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
