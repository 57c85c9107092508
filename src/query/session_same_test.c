/*
 * A question about sessions, asked of events as they are, must get the answer that the same
 * question without sessions gets where each event carries the facts of its session as properties,
 * and, counting sessions, where each session is a person.
 */
#include <stdio.h>
#include <stdlib.h>

#include "query/session_reference.h"

enum { ROUNDS = 3000 };

static const int64_t start_ms = INT64_C(1772323200000); /* 2026-03-01T00:00:00Z */
static const int64_t now_ms = INT64_C(1772323200000) + INT64_C(25) * 86400000;

static const char *const facts[] = {"length",      "events",    "pages",      "bounce",
                                    "hour",        "weekday",   "entry_page", "exit_page",
                                    "entry_event", "exit_event"};

static bool has(struct str text, const char *part)
{
    size_t len = strlen(part);

    for (size_t i = 0; i + len <= text.len; i++)
        if (memcmp(text.at + i, part, len) == 0)
            return true;
    return false;
}

static void replace(struct buf *text, const char *what, const char *with)
{
    BUF_AUTO out = {0};
    size_t len = strlen(what);

    for (size_t i = 0; i < text->len;) {
        bool is = i + len <= text->len && memcmp(buf_str(text).at + i, what, len) == 0;
        if (is)
            buf_add(&out, str_of(with));
        else
            buf_add_char(&out, buf_str(text).at[i]);
        i += is ? len : 1;
    }
    buf_clear(text);
    buf_add(text, buf_str(&out));
}

/* {"property":"events","of":"session",…} -> {"property":"session_events",…} */
static void question_plain(struct str question, struct buf *out)
{
    buf_clear(out);
    buf_add(out, question);
    for (size_t i = 0; i < COUNT(facts) + 2; i++) {
        const char *fact = i < COUNT(facts) ? facts[i] : i == COUNT(facts) ? "position" : "start";
        char what[80], with[80];
        snprintf(what, sizeof what, "\"property\":\"%s\",\"of\":\"session\"", fact);
        snprintf(with, sizeof with, "\"property\":\"session_%s\"", fact);
        replace(out, what, with);
    }
    replace(out, ",\"unit\":\"session\"", "");
}

static struct ref_session_rules rules_of(struct str question, struct zone **zone)
{
    bool is_paths = has(question, "\"paths\"");
    struct ref_session_rules r = {.from = INT64_MIN, .gap = 1800000, .ids = 'o'};
    struct err e = {0};

    if (has(question, "\"session_gap\":\"6h\""))
        r.gap = 6 * 3600000;
    if (has(question, "\"session_gap\":\"90m\""))
        r.gap = 90 * 60000;
    if (is_paths && has(question, "\"session_gap\":\"10h\""))
        r.gap = 10 * 3600000;
    r.longest = (has(question, "\"session_max\":\"6d\"") ? 6 : 7) * INT64_C(86400000);
    r.cuts_midnight = has(question, "\"session_midnight\":true");
    r.ids = has(question, "\"session_ids\":\"only\"")     ? 'n'
            : has(question, "\"session_ids\":\"ignore\"") ? 'i'
                                                          : 'o';
    r.to = now_ms + 1;
    if (has(question, "\"as_of\":\"2026-03-15T10:00:00Z\""))
        r.to = start_ms + (14 * 24 + 10) * INT64_C(3600000) + 1;
    assert_works(zone_open(has(question, "Asia/Bangkok")       ? STR("Asia/Bangkok")
                           : has(question, "America/New_York") ? STR("America/New_York")
                                                               : STR("UTC"),
                           zone, &e),
                 e);
    r.zone = *zone;
    return r;
}

/* The events with their sessions' facts; `by_session`: each session a person of its own, and what
 * is in none left out. */
static size_t events_make(const struct ref_world *w, const struct ref_session_rules *rules,
                          bool by_session, struct arena *arena, struct event **out)
{
    struct ref_sessions *sessions = arena_alloc(arena, sizeof *sessions);
    struct event *events = arena_array(arena, w->world.event_count + 1, sizeof *events);
    size_t count = 0;

    ref_sessions_cut(w, rules, sessions);
    for (size_t i = 0; i < w->world.event_count; i++) {
        struct event e = w->world.events[i];
        size_t session = sessions->of[i], n = e.property_count;
        struct property *list = arena_array(arena, n + COUNT(facts) + 2, sizeof *list);
        if (by_session && session == REF_NO_SESSION)
            continue;
        memcpy(list, e.properties, n * sizeof *list);
        for (size_t k = 0; session != REF_NO_SESSION && k < COUNT(facts); k++) {
            struct value v = ref_session_fact(&sessions->list[session], rules->zone, facts[k]);
            if (v.type != VALUE_MISSING)
                list[n++] = (struct property){arena_printf(arena, "session_%s", facts[k]), v};
        }
        if (session != REF_NO_SESSION) {
            list[n++] = (struct property){STR("session_position"),
                                          {VALUE_INT, .integer = (int64_t)sessions->position[i]}};
            list[n++] = (struct property){STR("session_start"),
                                          {VALUE_INT, .integer = sessions->list[session].start}};
        }
        e.properties = list;
        e.property_count = n;
        if (by_session)
            e.person = arena_printf(arena, "session %zu", session);
        events[count++] = e;
    }
    *out = events;
    return count;
}

/* All members but the rules, which sessions have of their own, and names without events (those
 * after as_of are left out); an error's code and place. */
static bool ask(struct source *source, struct str question, struct buf *out)
{
    AUTO(json_parser) *parser = json_parser_create();
    struct query_context context = {.now_ms = now_ms};
    BUF_AUTO text = {0};
    struct json root;
    struct err e = {0};

    buf_clear(out);
    if (!query_answer(source, &context, question, &text, &e)) {
        buf_printf(out, "%s %s", e.code, e.text);
        return false;
    }
    assert_works(json_parse(parser, buf_str(&text), &root, &e), e);
    struct json_each it = json_each(root);
    while (json_next(&it)) {
        if (str_equal(it.key, STR("rules")) || str_equal(it.key, STR("unseen")))
            continue;
        buf_printf(out, "%.*s: ", STR_ARG(it.key));
        json_print(it.value, out);
        buf_add_char(out, '\n');
    }
    return true;
}

static bool is_of_sessions(struct str q)
{
    bool by_session = has(q, "\"unit\":\"session\"");

    if (!by_session && !has(q, "\"of\":\"session\""))
        return false;
    /* a series' own number counts each session once, not each event */
    if (has(q, "\"of\":\"session\",\"property\"") || has(q, "\"math\":\"sessions\"") ||
        has(q, "\"count\":\"sessions\""))
        return false;
    /* what persons are and did, sessions are and did not; an account's or a list's rows neither */
    return !by_session || (!has(q, "\"of\":\"person\"") && !has(q, "\"did") && !has(q, "_seen\"") &&
                           !has(q, "\"first_did\"") && !has(q, "\"sequence\""));
}

static void one_round(struct dice *d, size_t *compared, size_t *by_session)
{
    AUTO(arena) *arena = arena_create(0);
    struct world_shape shape = {.people = 5,
                                .events = 110,
                                .start = start_ms,
                                .step_ms = chance(d, 50) ? 3600000 : 1800000 + 7001,
                                .steps = 24 * 28,
                                .has_pages = true};
    BUF_AUTO question = {0}, plain = {0}, first = {0}, second = {0};
    struct ref_world w;
    struct plain_source other;
    struct zone *zone;
    struct event *events;

    while (buf_clear(&question), random_question(d, &question), !is_of_sessions(buf_str(&question)))
        ;
    ref_world_make(&w, d, arena, &shape);
    w.source.batch_units = roll(d, 3);
    w.source.accounts = w.world.accounts;
    w.source.account_count = COUNT(w.world.accounts);
    struct ref_session_rules rules = rules_of(buf_str(&question), &zone);
    bool units = has(buf_str(&question), "\"unit\":\"session\"");
    size_t count = events_make(&w, &rules, units, arena, &events);
    plain_source_init(&other, events, count, w.world.people, units ? 0 : w.world.person_count);
    other.accounts = w.world.accounts;
    other.account_count = COUNT(w.world.accounts);
    question_plain(buf_str(&question), &plain);
    bool ok = ask(&w.source.source, buf_str(&question), &first);
    bool other_ok = ask(&other.source, buf_str(&plain), &second);
    /* a property that no event got is unknown there */
    if (ok && !other_ok && !has(buf_str(&second), "session_") && !has(buf_str(&second), "unknown"))
        fail_msg("%.*s\n%.*s", STR_ARG(buf_str(&question)), STR_ARG(buf_str(&second)));
    if (ok && other_ok && !str_equal(buf_str(&first), buf_str(&second))) {
        fprintf(stderr, "%.*s\nwith facts as properties:\n%.*s\n", STR_ARG(buf_str(&first)),
                STR_ARG(buf_str(&second)));
        fail_msg("%.*s", STR_ARG(buf_str(&question)));
    }
    *compared += ok && other_ok;
    *by_session += ok && other_ok && units;
    zone_close(zone);
    plain_source_free(&w.source);
    plain_source_free(&other);
}

static void facts_are_as_good_as_properties(void **state)
{
    size_t rounds = random_rounds(ROUNDS), compared = 0, by_session = 0;
    struct dice d = {31337};

    (void)state;
    for (size_t i = 0; i < rounds; i++)
        one_round(&d, &compared, &by_session);
    print_message("%zu questions, %zu compared, %zu of them by session\n", rounds, compared,
                  by_session);
    assert_true(compared > rounds / 3 && by_session > rounds / 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(facts_are_as_good_as_properties)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
