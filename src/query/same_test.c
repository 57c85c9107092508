/*
 * One question, several ways to read the same events: plain arrays whole, cut into single units on
 * three threads, backwards, and the real store. All must give the same answer, byte for byte; and
 * the people behind a number must be as many as the number says.
 */
#include "base/test.h"

#include <math.h>
#include <stdio.h>

#include "codec/json.h"
#include "os/os_sim.h"
#include "query/query.h"
#include "query/random_case.h"

enum { ROUNDS = 2000, QUESTIONS_A_WORLD = 15 };

static const int64_t world_start = INT64_C(1772323200000); /* 2026-03-01T00:00:00Z */

struct ways {
    struct plain_source whole, cut;
    struct os *os;
    struct store *store;
    struct snapshot *snapshot;
    struct pool *pool;
    struct store_source stored;
    struct source *sources[3];
};

static void store_fill(struct ways *w, const struct random_world *world)
{
    struct store_options options = {
        .no_background = true, .chunk_rows = 16, .seal_rows = 40, .project = STR("p")};
    struct store_receipt receipt;
    struct err e = {0};

    w->os = os_sim_create((struct os_sim_plan){.seed = 1});
    assert_works(store_open(w->os, STR("p"), &options, &w->store, &e), e);
    for (size_t i = 0; i < world->person_count; i++) {
        const struct plain_person *p = &world->people[i];
        struct fact fact = {.kind = FACT_PERSON_TRAITS,
                            .subject = p->id,
                            .received = world_start,
                            .created = p->created,
                            .properties = p->traits,
                            .property_count = p->trait_count};
        struct store_batch batch = {.facts = &fact, .fact_count = 1};
        assert_works(store_append(w->store, &batch, &receipt, &e), e);
    }
    for (size_t i = 0; i < COUNT(world->accounts); i++) {
        const struct plain_person *a = &world->accounts[i];
        struct fact fact = {.kind = FACT_ACCOUNT_TRAITS,
                            .subject = a->id,
                            .received = world_start,
                            .created = a->created,
                            .properties = a->traits,
                            .property_count = a->trait_count};
        struct store_batch batch = {.facts = &fact, .fact_count = 1};
        assert_works(store_append(w->store, &batch, &receipt, &e), e);
    }
    for (size_t i = 0; i < world->event_count; i += 7) {
        struct store_batch batch = {.events = world->events + i,
                                    .event_count = MIN((size_t)7, world->event_count - i)};
        assert_works(store_append(w->store, &batch, &receipt, &e), e);
        if (i % 3 == 0)
            assert_works(store_maintain(w->store, &e), e);
    }
    assert_works(store_snapshot(w->store, &w->snapshot, &e), e);
    w->sources[2] = source_of_snapshot(&w->stored, w->snapshot, w->pool);
}

static void ways_make(struct ways *w, const struct random_world *world)
{
    *w = (struct ways){.pool = pool_create(2)};
    plain_source_init(&w->whole, world->events, world->event_count, world->people,
                      world->person_count);
    plain_source_init(&w->cut, world->events, world->event_count, world->people,
                      world->person_count);
    w->whole.accounts = w->cut.accounts = world->accounts;
    w->whole.account_count = w->cut.account_count = COUNT(world->accounts);
    w->cut.threads = 3;
    w->cut.batch_units = 1;
    w->cut.backwards = true;
    w->cut.part_ms = INT64_C(3) * 86400000;
    w->sources[0] = &w->whole.source;
    w->sources[1] = &w->cut.source;
    store_fill(w, world);
}

static void ways_free(struct ways *w)
{
    plain_source_free(&w->whole);
    plain_source_free(&w->cut);
    snapshot_release(w->snapshot);
    store_close(w->store);
    os_destroy(w->os);
    pool_destroy(w->pool);
}

/* The answer, or the error's code and place. */
static bool ask(struct source *s, struct str question, struct buf *out)
{
    struct query_context context = {.now_ms = world_start + INT64_C(25) * 86400000};
    struct err e = {0};

    buf_clear(out);
    if (query_answer(s, &context, question, out, &e))
        return true;
    buf_printf(out, "%s %s %s", e.code, e.at, e.text);
    return false;
}

static void same_every_way(struct ways *w, struct str question, size_t *right)
{
    BUF_AUTO first = {0}, other = {0};
    bool ok = ask(w->sources[0], question, &first);

    *right += ok;
    for (size_t i = 1; i < COUNT(w->sources); i++) {
        ask(w->sources[i], question, &other);
        if (!str_equal(buf_str(&first), buf_str(&other)))
            fail_msg("%.*s\n  way 0: %.*s\n  way %zu: %.*s", STR_ARG(question),
                     STR_ARG(buf_str(&first)), i, STR_ARG(buf_str(&other)));
    }
}

/* ---- people behind numbers ---- */

static struct json at(struct json j, const char *key)
{
    return json_member(j, str_of(key));
}

static struct json item(struct json list, size_t index)
{
    struct json_each it = json_each(list);

    for (size_t i = 0; json_next(&it); i++)
        if (i == index)
            return it.value;
    return (struct json){0};
}

/* Asks again with the coordinates; the total must be the number. */
static void people_are(struct ways *w, struct str question, struct str coordinates, double number)
{
    AUTO(json_parser) *parser = json_parser_create();
    BUF_AUTO full = {0}, answer = {0};
    struct json root;
    struct err e = {0};
    double total;

    buf_printf(&full, "%.*s,\"people_of\":%.*s}", (int)question.len - 1, question.at,
               STR_ARG(coordinates));
    for (size_t i = 0; i < COUNT(w->sources); i++) {
        if (!ask(w->sources[i], buf_str(&full), &answer))
            fail_msg("%.*s\n  %.*s", STR_ARG(buf_str(&full)), STR_ARG(buf_str(&answer)));
        assert_works(json_parse(parser, buf_str(&answer), &root, &e), e);
        assert_true(json_number(at(root, "total"), &total));
        if (total != number || json_count(at(root, "people")) != (size_t)total)
            fail_msg("%.*s: %g people, not %g", STR_ARG(buf_str(&full)), total, number);
    }
}

static void breakdown_add(struct buf *out, struct json values)
{
    if (json_type(values) != JSON_ARRAY)
        return;
    buf_add(out, STR(",\"breakdown\":"));
    json_print(values, out);
}

static void trends_people(struct ways *w, struct dice *d, struct str question, struct json root)
{
    struct json line = item(at(root, "series"), roll(d, (uint32_t)json_count(at(root, "series"))));
    struct json intervals = at(root, "intervals");
    uint32_t i = roll(d, (uint32_t)json_count(intervals));
    BUF_AUTO place = {0};
    struct str math;
    double number;

    if (!json_string(at(line, "math"), &math) || json_type(at(line, "partial")) == JSON_ARRAY ||
        json_type(at(at(root, "rules"), "compare")) != JSON_ABSENT)
        return;
    bool counts_people = str_equal(math, STR("people")) || str_equal(math, STR("first_time")) ||
                         str_equal(math, STR("weekly_active")) ||
                         str_equal(math, STR("monthly_active")) || str_equal(math, STR("sessions"));
    if (!counts_people || json_count(at(root, "series")) == 0)
        return;
    /* only the first series is sure to be number 0 */
    struct json first = item(at(root, "series"), 0);
    struct str name, first_name;
    assert_true(json_string(at(line, "name"), &name));
    assert_true(json_string(at(first, "name"), &first_name));
    if (!str_equal(name, first_name) || line.at != first.at)
        return;
    assert_true(json_number(item(at(line, "values"), i), &number));
    buf_add(&place, STR("{\"series\":0,\"interval\":"));
    json_print(item(intervals, i), &place);
    breakdown_add(&place, at(line, "breakdown"));
    buf_add(&place, STR("}"));
    people_are(w, question, buf_str(&place), number);
    buf_clear(&place);
    buf_add(&place, STR("{\"series\":0"));
    breakdown_add(&place, at(line, "breakdown"));
    buf_add(&place, STR("}"));
    assert_true(json_number(at(line, "total"), &number));
    people_are(w, question, buf_str(&place), number);
}

/* Number of the last step of a question. */
static int last_step(struct str question)
{
    AUTO(json_parser) *parser = json_parser_create();
    struct json root;
    struct err e = {0};

    assert_works(json_parse(parser, question, &root, &e), e);
    return (int)json_count(at(root, "steps"));
}

/* Conversion over time: who entered in a bucket, and who of them got through. */
static void bucket_people(struct ways *w, struct dice *d, struct str question, struct json part)
{
    struct json buckets = at(part, "buckets");
    struct json bucket = item(buckets, roll(d, (uint32_t)json_count(buckets)));
    static const char *const ends[] = {"from", "to"};

    for (size_t i = 0; i < COUNT(ends); i++) {
        BUF_AUTO place = {0};
        double number;
        assert_true(json_number(at(bucket, ends[i]), &number));
        buf_printf(&place, "{\"step\":%d,\"bucket\":", i ? last_step(question) : 1);
        json_print(at(bucket, "start"), &place);
        breakdown_add(&place, at(part, "value"));
        buf_add(&place, STR("}"));
        people_are(w, question, buf_str(&place), number);
    }
}

static void funnel_people(struct ways *w, struct dice *d, struct str question, struct json root)
{
    struct json part = root, groups = at(root, "groups"), rules = at(root, "rules");
    struct str count;
    BUF_AUTO place = {0};
    double number, before, stopped;

    assert_true(json_string(at(rules, "count"), &count));
    if (json_count(groups) && chance(d, 50))
        part = item(groups, roll(d, (uint32_t)json_count(groups)));
    struct json steps = at(part, "steps");
    bool is_one_each = str_equal(count, STR("people")) || str_equal(count, STR("sessions"));
    if (is_one_each && json_count(at(part, "buckets")))
        bucket_people(w, d, question, part);
    if (!is_one_each || !json_count(steps))
        return;
    uint32_t step = roll(d, (uint32_t)json_count(steps));
    assert_true(json_number(at(item(steps, step), "count"), &number));
    buf_printf(&place, "{\"step\":%u", step + 1);
    breakdown_add(&place, at(part, "value"));
    buf_add(&place, STR("}"));
    people_are(w, question, buf_str(&place), number);
    place.len--;
    buf_add(&place, STR(",\"stopped\":true}"));
    assert_true(json_number(at(item(steps, step), "stopped"), &stopped));
    people_are(w, question, buf_str(&place), stopped);
    place.len -= strlen(",\"stopped\":true}");
    buf_add(&place, STR("}"));
    bool is_plain = step > 0;
    for (uint32_t i = 0; i <= step; i++)
        is_plain = is_plain && json_type(at(item(steps, i), "optional")) == JSON_ABSENT;
    if (!is_plain)
        return;
    assert_true(json_number(at(item(steps, step - 1), "count"), &before));
    place.len--;
    buf_add(&place, STR(",\"dropped\":true}"));
    people_are(w, question, buf_str(&place), before - number);
}

static void retention_people(struct ways *w, struct dice *d, struct str question, struct json root)
{
    struct json part = root, groups = at(root, "groups");
    struct str measure;
    BUF_AUTO place = {0};
    double number, size;

    assert_true(json_string(at(at(root, "rules"), "measure"), &measure));
    if (!str_equal(measure, STR("people")))
        return;
    if (json_count(groups) && chance(d, 50))
        part = item(groups, roll(d, (uint32_t)json_count(groups)));
    struct json cohorts = at(part, "cohorts");
    struct json row = item(cohorts, roll(d, (uint32_t)json_count(cohorts)));
    struct json counts = at(row, "counts");
    uint32_t column = roll(d, (uint32_t)json_count(counts));
    if (!json_number(item(counts, column), &number))
        return;
    buf_add(&place, STR("{\"cohort\":"));
    json_print(at(row, "start"), &place);
    buf_printf(&place, ",\"period\":%u", column);
    breakdown_add(&place, at(part, "value"));
    buf_add(&place, STR("}"));
    people_are(w, question, buf_str(&place), number);
    assert_true(json_number(item(counts, 0), &number));
    assert_true(json_number(at(row, "size"), &size));
    assert_true(number == size); /* cell 0 is the cohort */
}

/* Each state of an interval is people; the states make the identities of the contract. */
static void lifecycle_people(struct ways *w, struct dice *d, struct str question, struct json root)
{
    static const char *const states[] = {"new", "returning", "resurrecting", "dormant", "active"};
    struct json part = root, groups = at(root, "groups"), intervals = at(root, "intervals");
    double v[COUNT(states)], before;

    if (json_count(groups) && chance(d, 50))
        part = item(groups, roll(d, (uint32_t)json_count(groups)));
    uint32_t i = roll(d, (uint32_t)json_count(intervals)), state = roll(d, COUNT(states));
    for (size_t s = 0; s < COUNT(states); s++)
        if (!json_number(item(at(part, states[s]), i), &v[s]))
            return;
    assert_true(v[0] + v[1] + v[2] == v[4] && v[3] <= 0);
    if (i && json_number(item(at(part, "active"), i - 1), &before))
        assert_true(v[4] - before == v[0] + v[2] + v[3]);
    BUF_AUTO place = {0};
    buf_add(&place, STR("{\"interval\":"));
    json_print(item(intervals, i), &place);
    buf_printf(&place, ",\"state\":\"%s\"", states[state]);
    breakdown_add(&place, at(part, "value"));
    buf_add(&place, STR("}"));
    people_are(w, question, buf_str(&place), fabs(v[state]));
}

static void ratio_people(struct ways *w, struct dice *d, struct str question, struct json ratio)
{
    uint32_t i = roll(d, (uint32_t)json_count(at(ratio, "intervals")));
    static const char *const parts[] = {"active", "of"};

    for (size_t k = 0; k < COUNT(parts); k++) {
        BUF_AUTO place = {0};
        double number;
        if (!json_number(item(at(ratio, parts[k]), i), &number))
            continue;
        buf_printf(&place, "{\"ratio\":\"%s\",\"interval\":", parts[k]);
        json_print(item(at(ratio, "intervals"), i), &place);
        buf_add(&place, STR("}"));
        people_are(w, question, buf_str(&place), number);
    }
}

static void stickiness_people(struct ways *w, struct dice *d, struct str question, struct json root)
{
    struct json part = root, groups = at(root, "groups");
    double exactly, at_least, active, sum = 0, v;

    if (json_count(groups) && chance(d, 50))
        part = item(groups, roll(d, (uint32_t)json_count(groups)));
    struct json_each it = json_each(at(part, "counts"));
    while (json_next(&it))
        sum += json_number(it.value, &v) ? v : 0;
    assert_true(json_number(at(part, "active"), &active) && sum == active);
    if (json_type(at(root, "ratio")) == JSON_OBJECT && chance(d, 50)) {
        ratio_people(w, d, question, at(root, "ratio"));
        return;
    }
    uint32_t k = roll(d, (uint32_t)json_count(at(part, "counts")));
    if (!json_number(item(at(part, "counts"), k), &exactly) ||
        !json_number(item(at(part, "cumulative"), k), &at_least))
        return;
    BUF_AUTO place = {0};
    buf_printf(&place, "{\"intervals\":%u", k + 1);
    breakdown_add(&place, at(part, "value"));
    buf_add(&place, STR("}"));
    people_are(w, question, buf_str(&place), exactly);
    place.len--;
    buf_add(&place, STR(",\"cumulative\":true}"));
    people_are(w, question, buf_str(&place), at_least);
}

/* The people of one edge, of one node, of its end, and of everything. */
static void paths_people(struct ways *w, struct dice *d, struct str question, struct json root)
{
    static const char *const lists[] = {"nodes", "drop_off", "edges"};
    struct json part = root, groups = at(root, "groups");
    struct str count;
    double number;

    assert_true(json_string(at(at(root, "rules"), "count"), &count));
    if (!str_equal(count, STR("people")))
        return;
    if (json_count(groups) && chance(d, 50))
        part = item(groups, roll(d, (uint32_t)json_count(groups)));
    for (size_t i = 0; i <= COUNT(lists); i++) {
        struct json list = i < COUNT(lists) ? at(part, lists[i]) : part;
        struct json one = i < COUNT(lists) ? item(list, roll(d, 1 + (uint32_t)json_count(list)))
                                           : (struct json){0};
        BUF_AUTO place = {0};
        if (i < COUNT(lists) && json_type(one) != JSON_OBJECT)
            continue;
        buf_add(&place, i == 2  ? STR("{\"from\":")
                        : i < 2 ? STR("{\"node\":")
                                : STR("{\"page\":99"));
        if (i < COUNT(lists))
            json_print(at(one, i == 2 ? "from" : "node"), &place);
        if (i == 2) {
            buf_add(&place, STR(",\"to\":"));
            json_print(at(one, "to"), &place);
        }
        buf_add(&place, i == 1 ? STR(",\"dropped\":true") : STR(""));
        breakdown_add(&place, at(part, "value"));
        buf_add(&place, STR("}"));
        assert_true(json_number(i < COUNT(lists) ? at(one, "count") : at(part, "total"), &number));
        people_are(w, question, buf_str(&place), number);
    }
}

/* The people of one side of one row, of one of its cells, and of the totals. */
static void impact_people(struct ways *w, struct dice *d, struct str question, struct json root)
{
    static const char *const totals[] = {"open", "early", "reached"};
    struct json part = root, groups = at(root, "groups"), units;
    double number, reached;

    if (json_count(groups) && chance(d, 50))
        part = item(groups, roll(d, (uint32_t)json_count(groups)));
    units = at(part, "units");
    for (size_t i = 0; i < COUNT(totals); i++) {
        BUF_AUTO place = {0};
        if (!json_number(at(units, totals[i]), &number))
            continue;
        buf_printf(&place, "{\"%s\":true", totals[i]);
        breakdown_add(&place, at(part, "value"));
        buf_add(&place, STR("}"));
        people_are(w, question, buf_str(&place), number);
    }
    if (!json_count(at(part, "rows")))
        return;
    struct json row = item(at(part, "rows"), roll(d, (uint32_t)json_count(at(part, "rows"))));
    bool did = chance(d, 50);
    struct json side = at(row, did ? "did" : "did_not");
    BUF_AUTO place = {0};
    buf_add(&place, STR("{\"event\":"));
    json_print(at(row, "event"), &place);
    buf_add(&place, STR(",\"count\":"));
    json_print(at(row, "count"), &place);
    buf_printf(&place, ",\"did\":%s", did ? "true" : "false");
    breakdown_add(&place, at(part, "value"));
    buf_add(&place, STR("}"));
    assert_true(json_number(at(side, "units"), &number));
    people_are(w, question, buf_str(&place), number);
    place.len--;
    buf_add(&place, STR(",\"reached\":false}"));
    assert_true(json_number(at(side, "reached"), &reached));
    people_are(w, question, buf_str(&place), number - reached);
}

static void people_match(struct ways *w, struct dice *d, struct str question)
{
    AUTO(json_parser) *parser = json_parser_create();
    BUF_AUTO answer = {0};
    struct json root;
    struct err e = {0};
    struct str insight;

    if (!ask(w->sources[0], question, &answer))
        return;
    assert_works(json_parse(parser, buf_str(&answer), &root, &e), e);
    assert_true(json_string(at(root, "insight"), &insight));
    if (str_equal(insight, STR("trends")) && json_count(at(root, "series")))
        trends_people(w, d, question, root);
    if (str_equal(insight, STR("funnel")))
        funnel_people(w, d, question, root);
    if (str_equal(insight, STR("retention")))
        retention_people(w, d, question, root);
    if (str_equal(insight, STR("lifecycle")))
        lifecycle_people(w, d, question, root);
    if (str_equal(insight, STR("stickiness")))
        stickiness_people(w, d, question, root);
    if (str_equal(insight, STR("paths")))
        paths_people(w, d, question, root);
    if (str_equal(insight, STR("impact")))
        impact_people(w, d, question, root);
}

static void every_way_is_the_same(void **state)
{
    size_t rounds = random_rounds(ROUNDS), right = 0;
    struct ways w;
    struct dice d = random_dice(2026);

    (void)state;
    for (size_t i = 0; i < rounds;) {
        AUTO(arena) *arena = arena_create(0);
        struct random_world world;
        struct world_shape shape = {.people = 8,
                                    .events = 120,
                                    .start = world_start,
                                    .step_ms = chance(&d, 50) ? 3600000 : 1800000 + 7001,
                                    .steps = 24 * 28,
                                    .has_pages = true};
        random_world_make(&d, arena, &shape, &world);
        ways_make(&w, &world);
        for (size_t k = 0; k < QUESTIONS_A_WORLD && i < rounds; k++, i++) {
            BUF_AUTO question = {0};
            random_question(&d, &question);
            d.asked++;
            same_every_way(&w, buf_str(&question), &right);
            people_match(&w, &d, buf_str(&question));
        }
        ways_free(&w);
    }
    print_message("%zu questions, %zu of them right\n", rounds, right);
    assert_true(right > rounds / 3);
    random_report(&d);
}

/* One person's way, too: read from the store, and from plain arrays. */
static void everybody_is_told_the_same(void **state)
{
    size_t rounds = random_rounds(ROUNDS) / 40, right = 0, told = 0;
    struct dice d = {2027};

    (void)state;
    for (size_t i = 0; i < rounds; i++) {
        AUTO(arena) *arena = arena_create(0);
        struct random_world world;
        struct world_shape shape = {8, 120, world_start, 3600000, 24 * 28, false};
        struct ways w;
        random_world_make(&d, arena, &shape, &world);
        ways_make(&w, &world);
        for (size_t k = 0; k < QUESTIONS_A_WORLD; k++) {
            BUF_AUTO question = {0};
            random_question(&d, &question);
            question.len--;
            buf_printf(&question, ",\"why_not\":{\"person\":\"u%u\"}}", roll(&d, 3));
            same_every_way(&w, buf_str(&question), &right);
            told++;
        }
        ways_free(&w);
    }
    print_message("%zu questions, %zu of them right\n", told, right);
    assert_true(right > told / 12); /* funnels and retentions, of people there are */
}

/* The store's scan looks at the clock it is given. */
static void late_questions_are_stopped(void **state)
{
    static const char *const questions[] = {
        "{\"insight\":\"trends\",\"series\":[{\"event\":null}],\"from\":\"2026-03-01\"}",
        "{\"insight\":\"people\",\"filter\":[{\"did\":null}]}"};
    AUTO(arena) *arena = arena_create(0);
    struct dice d = random_dice(77);
    struct random_world world;
    struct world_shape shape = {5, 90, world_start, 3600000, 500, false};
    struct ways w;

    (void)state;
    random_world_make(&d, arena, &shape, &world);
    ways_make(&w, &world);
    for (size_t i = 0; i < COUNT(questions); i++) {
        struct query_context context = {
            .now_ms = world_start + INT64_C(25) * 86400000, .os = w.os, .deadline_ns = UINT64_MAX};
        BUF_AUTO out = {0};
        struct err e = {0};
        assert_works(query_answer(w.sources[2], &context, str_of(questions[i]), &out, &e), e);
        context.deadline_ns = 1;
        assert_false(query_answer(w.sources[2], &context, str_of(questions[i]), &out, &e));
        assert_int_equal(err_status(e.kind), 503);
        assert_string_equal(e.code, "query.limit");
        assert_non_null(strstr(e.text, "30 s"));
    }
    ways_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_way_is_the_same),
                                       cmocka_unit_test(everybody_is_told_the_same),
                                       cmocka_unit_test(late_questions_are_stopped)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
