#include "flow/alerts.h"

#include <pthread.h>
#include <stdio.h>

#include "access/testing.h"
#include "collect/collect.h"

enum { HOUR_MS = 3600000, DAY_MS = 24 * HOUR_MS };

/* A project "shop" in a world whose clock the test moves. */
struct world {
    struct place *place;
    struct projects *projects;
    struct pool *pool;
    struct alerts *alerts;
    struct arena *arena;
    unsigned sent;
};

static int64_t at(const char *text)
{
    struct err e = {0};
    int64_t ms;
    int offset;

    assert_works(instant_parse(str_of(text), &ms, &offset, &e), e);
    return ms;
}

/* As after the clock was set by hand: the steady one goes on. */
static void set_clock(struct world *w, const char *text)
{
    os_sim_set_plan(w->place->sim, (struct os_sim_plan){.seed = 7, .now_ms = at(text)});
}

static void evaluator_start(struct world *w)
{
    struct alerts_options options = {
        .os = w->place->sim, .record = w->place->record, .projects = w->projects, .pool = w->pool};
    w->alerts = alerts_create(&options);
}

/* As a new process does: nothing is remembered but the records. */
static void restart(struct world *w)
{
    alerts_destroy(w->alerts);
    evaluator_start(w);
}

static int world_make(void **state)
{
    struct world *w = mem_zero(sizeof *w);
    struct project_settings shop = {.name = STR("shop"), .timezone = STR("Asia/Bangkok")};
    struct err e = {0};
    void *place;

    assert_int_equal(place_make(&place), 0);
    w->place = place;
    w->arena = arena_create(0);
    w->pool = pool_create(1);
    set_clock(w, "2026-03-02T09:00:00+07:00"); /* a Monday */
    w->projects = projects_create(w->place->sim, w->place->record, STR("projects"));
    assert_works(project_create(w->projects, &shop, &e), e);
    evaluator_start(w);
    *state = w;
    return 0;
}

static int world_drop(void **state)
{
    struct world *w = *state;
    void *place = w->place;

    alerts_destroy(w->alerts);
    projects_destroy(w->projects);
    pool_destroy(w->pool);
    arena_destroy(w->arena);
    mem_free(w);
    return place_drop(&place);
}

static void send(struct world *w, const char *event, const char *person, const char *time)
{
    AUTO(collect_decoder) *d = collect_decoder_create(w->place->sim);
    struct store_receipt receipt;
    struct store_batch batch;
    struct store *store = NULL;
    BUF_AUTO body = {0};
    struct err e = {0};

    buf_printf(&body, "{\"event\":\"%s\",\"person\":\"%s\",\"time\":\"%s\",\"id\":\"%u\"}", event,
               person, time, w->sent++);
    assert_works(collect_decode_native(d, buf_str(&body), os_now_ms(w->place->sim), &batch, &e), e);
    assert_works(project_store(w->projects, STR("shop"), true, &store, &e), e);
    assert_works(store_append(store, &batch, &receipt, &e), e);
}

static void send_many(struct world *w, unsigned count, const char *event, const char *time)
{
    char person[16];

    for (unsigned i = 0; i < count; i++) {
        snprintf(person, sizeof person, "u%u", i);
        send(w, event, person, time);
    }
}

static void save(struct world *w, const char *id, const char *body)
{
    struct document d = {.project = STR("shop"),
                         .kind = STR("alert"),
                         .id = str_of(id),
                         .name = str_of(id),
                         .body = str_of(body)};
    struct err e = {0};
    bool made;

    assert_works(document_create(w->place->record, 0, &d, &made, &e), e);
    assert_true(made);
}

/* One turn: how many intervals it evaluated; what it told is compared with `news`. */
static uint64_t turn(struct world *w, const char *news)
{
    struct alerts_turn done;
    BUF_AUTO told = {0};
    struct err e = {0};

    assert_works(alerts_turn(w->alerts, &done, &told, &e), e);
    if (news)
        assert_str(buf_str(&told), str_of(news));
    return done.evaluated;
}

static size_t history(struct world *w, const char *id, struct finding **list)
{
    struct document_key key = {STR("shop"), STR("alert"), str_of(id)};
    struct err e = {0};
    size_t count = 0;

    assert_works(finding_list(w->place->record, &key, INT64_MAX, 1000, w->arena, list, &count, &e),
                 e);
    return count;
}

/* The newest finding: its state, its interval's end and its members. */
static void assert_latest(struct world *w, const char *id, const char *state, const char *ended,
                          const char *body)
{
    struct finding *list = NULL;

    assert_true(history(w, id, &list) > 0);
    assert_str(list->state, str_of(state));
    assert_int_equal(list->moment, at(ended));
    if (body)
        assert_str(list->body, str_of(body));
}

#define LOGINS                                                                                     \
    "{\"question\":{\"insight\":\"trends\",\"interval\":\"day\",\"last\":\"7d\","                  \
    "\"series\":[{\"event\":\"Login\"}]},\"number\":{\"series\":0},"

static void each_interval_is_evaluated_once(void **state)
{
    struct world *w = *state;
    struct finding *list = NULL;

    send_many(w, 4, "Login", "2026-03-01T12:00:00+07:00");
    send_many(w, 9, "Login", "2026-03-02T01:00:00+07:00"); /* of the day that goes on */
    save(w, "few", LOGINS "\"when\":{\"below\":5},\"wait\":\"0m\"}");
    assert_int_equal(turn(w, "Alert \"few\" of project \"shop\" fires: 4 (2026-03-01)\n"), 1);
    assert_latest(w, "few", "firing", "2026-03-02T00:00:00+07:00",
                  "{\"start\":\"2026-03-01\",\"number\":4,\"before\":null}");
    assert_int_equal(turn(w, ""), 0);
    restart(w);
    assert_int_equal(turn(w, ""), 0);
    os_sim_advance(w->place->sim, 14 * HOUR_MS); /* 23:00 */
    assert_int_equal(turn(w, ""), 0);

    os_sim_advance(w->place->sim, 2 * HOUR_MS);
    assert_int_equal(turn(w, "Alert \"few\" of project \"shop\" is ok again: 9 (2026-03-02)\n"), 1);
    assert_int_equal(turn(w, ""), 0);
    restart(w);
    assert_int_equal(turn(w, ""), 0);
    assert_int_equal(history(w, "few", &list), 2);
    assert_latest(w, "few", "ok", "2026-03-03T00:00:00+07:00", NULL);

    /* What comes later changes nothing of what was said. */
    send_many(w, 20, "Login", "2026-03-01T13:00:00+07:00");
    restart(w);
    assert_int_equal(turn(w, ""), 0);
}

static void late_events_are_waited_for(void **state)
{
    struct world *w = *state;

    send_many(w, 4, "Login", "2026-03-01T12:00:00+07:00");
    set_clock(w, "2026-03-02T01:59:00+07:00");
    save(w, "few", LOGINS "\"when\":{\"below\":5},\"wait\":\"2h\"}");
    assert_int_equal(turn(w, NULL), 1); /* the day before: a new alert begins at once */
    assert_latest(w, "few", "firing", "2026-03-01T00:00:00+07:00", NULL);
    send_many(w, 4, "Login", "2026-03-01T23:00:00+07:00");
    os_sim_advance(w->place->sim, 60 * 1000);
    assert_int_equal(turn(w, "Alert \"few\" of project \"shop\" is ok again: 8 (2026-03-01)\n"), 1);
}

static void a_clock_that_jumps_leaves_no_trace(void **state)
{
    struct world *w = *state;
    struct finding *list = NULL;
    struct alerts_turn done;
    BUF_AUTO news = {0};
    struct err e = {0};

    send_many(w, 9, "Login", "2026-03-01T12:00:00+07:00");
    save(w, "few", LOGINS "\"when\":{\"below\":5},\"wait\":\"0m\"}");
    assert_int_equal(turn(w, ""), 1);

    set_clock(w, "2027-01-01T09:00:00+07:00"); /* wrong: a year that has not been */
    assert_works(alerts_turn(w->alerts, &done, &news, &e), e);
    assert_true(done.is_held);
    os_sim_advance(w->place->sim, 60 * 1000);
    assert_int_equal(turn(w, ""), 0);
    set_clock(w, "2026-03-02T09:02:00+07:00"); /* put right */
    assert_int_equal(turn(w, ""), 0);
    assert_int_equal(history(w, "few", &list), 1);

    /* Days that were evaluated come a second time. */
    os_sim_advance(w->place->sim, ALERTS_HOLD_SECONDS * 1000);
    os_sim_advance(w->place->sim, DAY_MS);
    assert_int_equal(turn(w, NULL), 1);
    set_clock(w, "2026-03-01T09:00:00+07:00");
    restart(w);
    for (int hour = 0; hour < 48; hour++) {
        os_sim_advance(w->place->sim, HOUR_MS);
        if (os_now_ms(w->place->sim) < at("2026-03-04T00:00:00+07:00"))
            assert_int_equal(turn(w, ""), 0);
    }
    assert_int_equal(history(w, "few", &list), 2);

    /* A clock that stays where it jumped to is right after a while. */
    set_clock(w, "2026-03-05T09:00:00+07:00");
    assert_int_equal(turn(w, ""), 0);
    os_sim_advance(w->place->sim, ALERTS_HOLD_SECONDS * 1000 + 1000);
    assert_int_equal(turn(w, NULL), 2);
    assert_int_equal(history(w, "few", &list), 4);
}

static void what_ended_during_a_pause_is_caught_up(void **state)
{
    struct world *w = *state;
    struct finding *list = NULL;

    send_many(w, 4, "Login", "2026-03-01T12:00:00+07:00");
    save(w, "few", LOGINS "\"when\":{\"below\":5},\"wait\":\"0m\"}");
    assert_int_equal(turn(w, NULL), 1);
    send_many(w, 6, "Login", "2026-03-02T08:00:00+07:00");
    os_sim_advance(w->place->sim, 3 * DAY_MS);
    restart(w);
    assert_int_equal(turn(w, "Alert \"few\" of project \"shop\" is ok again: 6 (2026-03-02)\n"
                             "Alert \"few\" of project \"shop\" fires: 0 (2026-03-03)\n"),
                     3);
    assert_int_equal(history(w, "few", &list), 4);
    assert_int_equal(list[2].moment, at("2026-03-03T00:00:00+07:00"));
    assert_str(list[2].body, STR("{\"start\":\"2026-03-02\",\"number\":6,\"before\":null}"));

    os_sim_advance(w->place->sim, (int64_t)400 * DAY_MS);
    restart(w);
    assert_int_equal(turn(w, NULL), ALERTS_CATCH_UP);
    assert_int_equal(turn(w, NULL), 0);
}

static void the_newest_final_cohort_of_retention(void **state)
{
    struct world *w = *state;
    const char *const body =
        "{\"question\":{\"insight\":\"retention\",\"interval\":\"week\",\"last\":\"6w\","
        "\"periods\":4,\"start\":{\"event\":\"Signed Up\"},\"return\":{\"event\":\"Login\"}},"
        "\"number\":{\"period\":1},\"when\":{\"falls_by_percent\":10},\"wait\":\"0m\"}";

    /* Cohort of 9 Feb: 8 of 10 came back the week after; of 16 Feb: 7 of 10. */
    send_many(w, 10, "Signed Up", "2026-02-09T12:00:00+07:00");
    send_many(w, 8, "Login", "2026-02-17T12:00:00+07:00");
    for (int i = 0; i < 10; i++) {
        char person[16];
        snprintf(person, sizeof person, "v%d", i);
        send(w, "Signed Up", person, "2026-02-18T12:00:00+07:00");
        if (i < 7)
            send(w, "Login", person, "2026-02-24T12:00:00+07:00");
    }
    /* Of 23 Feb: their week 1 goes on, and must not count. */
    send(w, "Signed Up", "x", "2026-02-24T12:00:00+07:00");
    save(w, "kept", body);
    assert_int_equal(turn(w, "Alert \"kept\" of project \"shop\" fires: 0.7 (2026-02-16)\n"), 1);
    assert_latest(w, "kept", "firing", "2026-03-02T00:00:00+07:00",
                  "{\"start\":\"2026-02-16\",\"number\":0.7,\"before\":0.8}");
    for (int day = 0; day < 6; day++) {
        os_sim_advance(w->place->sim, DAY_MS);
        assert_int_equal(turn(w, ""), 0);
    }
    send(w, "Login", "x", "2026-03-04T12:00:00+07:00");
    os_sim_advance(w->place->sim, DAY_MS);
    assert_int_equal(turn(w, "Alert \"kept\" of project \"shop\" is ok again: 1 (2026-02-23)\n"),
                     1);
}

static void numbers_of_a_whole_range_end_with_the_interval(void **state)
{
    struct world *w = *state;

    send_many(w, 10, "Signed Up", "2026-02-27T12:00:00+07:00");
    send_many(w, 3, "Login", "2026-02-28T12:00:00+07:00");
    send_many(w, 10, "Login", "2026-03-02T08:00:00+07:00"); /* after the interval */
    save(w, "funnel",
         "{\"question\":{\"insight\":\"funnel\",\"last\":\"4d\",\"steps\":[{\"event\":\"Signed "
         "Up\"},{\"event\":\"Login\"}]},\"number\":{\"step\":2},\"when\":{\"below\":0.5},"
         "\"wait\":\"0m\"}");
    save(w, "pointer",
         "{\"question\":{\"insight\":\"funnel\",\"last\":\"4d\",\"steps\":[{\"event\":\"Signed "
         "Up\"},{\"event\":\"Login\"}]},\"number\":{\"pointer\":\"/steps/1/count\"},"
         "\"when\":{\"above\":5},\"wait\":\"0m\"}");
    assert_int_equal(turn(w, NULL), 2);
    assert_latest(w, "funnel", "firing", "2026-03-02T00:00:00+07:00",
                  "{\"number\":0.3,\"before\":null}");
    assert_latest(w, "pointer", "ok", "2026-03-02T00:00:00+07:00",
                  "{\"number\":3,\"before\":null}");
}

static void no_data_and_errors_are_states(void **state)
{
    struct world *w = *state;
    struct finding *list = NULL;

    send_many(w, 3, "Login", "2026-03-01T12:00:00+07:00");
    save(w, "small",
         "{\"question\":{\"insight\":\"funnel\",\"last\":\"4d\",\"steps\":[{\"event\":\"Login\"},"
         "{\"event\":\"Login\"}]},\"number\":{\"step\":2},\"when\":{\"below\":0.5},\"at_least\":10,"
         "\"wait\":\"0m\"}");
    save(w, "gone",
         "{\"question\":{\"insight\":\"trends\",\"series\":[{\"event\":\"Gone\"}]},"
         "\"number\":{},\"when\":{\"below\":1},\"wait\":\"0m\"}");
    save(w, "off", LOGINS "\"when\":{\"below\":5},\"enabled\":false}");
    assert_int_equal(turn(w, NULL), 2);
    assert_latest(w, "small", "no_data", "2026-03-02T00:00:00+07:00", NULL);
    assert_latest(w, "gone", "error", "2026-03-02T00:00:00+07:00", NULL);
    assert_int_equal(history(w, "gone", &list), 1);
    assert_true(memmem(list->body.at, list->body.len, "query.unknown_event", 19) != NULL);
    assert_int_equal(history(w, "off", &list), 0);
    assert_int_equal(turn(w, ""), 0);
}

static void two_processes_find_it_once(void **state)
{
    struct world *w = *state;
    struct finding *list = NULL;
    struct alerts *first = w->alerts;

    send_many(w, 4, "Login", "2026-03-01T12:00:00+07:00");
    save(w, "few", LOGINS "\"when\":{\"below\":5},\"wait\":\"0m\"}");
    evaluator_start(w);
    assert_int_equal(turn(w, NULL), 1);
    alerts_destroy(w->alerts);
    w->alerts = first;
    assert_int_equal(turn(w, ""), 0); /* told once, too */
    assert_int_equal(history(w, "few", &list), 1);
}

struct racer {
    struct alerts *alerts;
    struct alerts_turn done;
    struct buf news;
    struct err why;
    bool is_fine;
};

static void *race(void *context)
{
    struct racer *r = context;

    r->is_fine = alerts_turn(r->alerts, &r->done, &r->news, &r->why);
    return NULL;
}

static size_t lines(const struct buf *b)
{
    size_t count = 0;

    for (size_t i = 0; i < b->len; i++)
        count += b->at[i] == '\n';
    return count;
}

/* Both at once: what one finds the other may be asking at that very moment. */
static void two_at_once_find_each_interval_once(void **state)
{
    enum { ALERTS = 12 };
    struct world *w = *state;
    struct racer two[2] = {0};
    pthread_t threads[2];
    struct finding *list = NULL;
    char name[16];

    send_many(w, 4, "Login", "2026-03-01T12:00:00+07:00");
    for (int i = 0; i < ALERTS; i++) {
        snprintf(name, sizeof name, "few%d", i);
        save(w, name, LOGINS "\"when\":{\"below\":5},\"wait\":\"0m\"}");
    }
    two[0].alerts = w->alerts;
    evaluator_start(w);
    two[1].alerts = w->alerts;
    for (int k = 0; k < 2; k++)
        assert_int_equal(pthread_create(&threads[k], NULL, race, &two[k]), 0);
    for (int k = 0; k < 2; k++)
        pthread_join(threads[k], NULL);
    for (int k = 0; k < 2; k++)
        assert_works(two[k].is_fine, two[k].why);
    assert_int_equal(two[0].done.evaluated + two[1].done.evaluated, ALERTS);
    assert_int_equal(lines(&two[0].news) + lines(&two[1].news), ALERTS); /* told once, too */
    for (int i = 0; i < ALERTS; i++) {
        snprintf(name, sizeof name, "few%d", i);
        assert_int_equal(history(w, name, &list), 1);
    }
    alerts_destroy(two[0].alerts);
    for (int k = 0; k < 2; k++)
        buf_free(&two[k].news);
}

static void trying_keeps_nothing(void **state)
{
    struct world *w = *state;
    struct project_settings shop = {.name = STR("shop"), .timezone = STR("Asia/Bangkok")};
    struct alert_result result;
    struct err e = {0};
    BUF_AUTO out = {0};
    struct jwrite j = jwrite_to(&out);

    send_many(w, 4, "Login", "2026-03-01T12:00:00+07:00");
    assert_works(alerts_try(w->alerts, &shop,
                            STR(LOGINS "\"when\":{\"falls_by_percent\":5},\"wait\":\"0m\"}"),
                            &result, w->arena, &e),
                 e);
    alerts_write(&result, &j);
    assert_str(buf_str(&out), STR("{\"state\":\"no_data\",\"ended\":\"2026-03-01T17:00:00Z\","
                                  "\"start\":\"2026-03-01\",\"number\":4,\"before\":0}"));
    assert_int_equal(turn(w, ""), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_make, world_drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_interval_is_evaluated_once),
        TEST(late_events_are_waited_for),
        TEST(a_clock_that_jumps_leaves_no_trace),
        TEST(what_ended_during_a_pause_is_caught_up),
        TEST(the_newest_final_cohort_of_retention),
        TEST(numbers_of_a_whole_range_end_with_the_interval),
        TEST(no_data_and_errors_are_states),
        TEST(two_processes_find_it_once),
        TEST(two_at_once_find_each_interval_once),
        TEST(trying_keeps_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
