/*
 * Accounts as units. An account is a person of another world: one whose events are those of all its
 * people, in order. So the same question about that world has the same answer, byte for byte; the
 * other world is made here by plain loops. Then small worlds with the answer one can see.
 */
#include <stdio.h>
#include <stdlib.h>

#include "query/case_data.h"
#include "query/reference.h"

enum { ROUNDS = 3000, QUESTIONS_A_WORLD = 20 };

static const int64_t world_start = INT64_C(1772323200000); /* 2026-03-01T00:00:00Z */
static const int64_t day_ms = 86400000;

/* ---- the other world ---- */

static struct str trait_of(const struct random_world *w, struct str account, const char *name)
{
    for (size_t i = 0; i < COUNT(w->accounts); i++)
        for (size_t k = 0; k < w->accounts[i].trait_count; k++)
            if (str_equal(w->accounts[i].id, account) &&
                str_equal(w->accounts[i].traits[k].name, str_of(name)))
                return w->accounts[i].traits[k].value.text;
    return STR_NONE;
}

/* "" = the account itself, "1" = the one above, else the nearest of that level. */
static struct str unit_of(const struct random_world *w, struct str account, const char *level)
{
    if (!account.len || !level[0])
        return account.len ? account : STR_NONE;
    if (level[0] == '1')
        return trait_of(w, account, "parent");
    for (size_t steps = 0; account.len && steps < 20; steps++) {
        if (str_equal(trait_of(w, account, "level"), str_of(level)))
            return account;
        account = trait_of(w, account, "parent");
    }
    return STR_NONE;
}

struct other {
    struct random_world world;
    struct plain_source source;
};

struct moved {
    struct event event;
    size_t person;
    uint32_t sequence;
};

static int by_time(const void *a, const void *b)
{
    const struct moved *x = a, *y = b;

    if (x->event.time != y->event.time)
        return x->event.time < y->event.time ? -1 : 1;
    if (x->person != y->person)
        return x->person < y->person ? -1 : 1;
    return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

static int by_id(const void *a, const void *b)
{
    return str_compare(((const struct plain_person *)a)->id, ((const struct plain_person *)b)->id);
}

static void person_take(struct random_world *to, const struct random_world *w, struct str id)
{
    for (size_t i = 0; i < to->person_count; i++)
        if (str_equal(to->people[i].id, id))
            return;
    struct plain_person *p = &to->people[to->person_count++];
    *p = (struct plain_person){.id = id, .created = FACT_CREATED_NONE};
    for (size_t i = 0; i < COUNT(w->accounts); i++)
        if (str_equal(w->accounts[i].id, id))
            *p = w->accounts[i];
}

/* Events that are of no unit stay known by name, but nobody sees them: they lie in the future. */
static void other_make(struct other *o, const struct random_world *w, const char *level,
                       struct arena *arena)
{
    struct moved *list = arena_array(arena, w->event_count + 1, sizeof *list);

    o->world.events = arena_array(arena, w->event_count + 1, sizeof *o->world.events);
    o->world.people = arena_array(arena, w->event_count + 8, sizeof *o->world.people);
    o->world.person_count = 0;
    for (size_t i = 0; i < w->event_count; i++) {
        struct moved *m = &list[i];
        struct str unit = unit_of(w, w->events[i].account, level);
        *m = (struct moved){w->events[i], 0, w->events[i].sequence};
        while (!str_equal(w->people[m->person].id, m->event.person))
            m->person++;
        m->event.account = unit.len ? unit : STR_NONE;
        m->event.person = unit.len ? unit : STR("~nobody");
        if (!unit.len)
            m->event.time += 1000 * day_ms;
        person_take(&o->world, w, m->event.person);
    }
    qsort(list, w->event_count, sizeof *list, by_time);
    qsort(o->world.people, o->world.person_count, sizeof *o->world.people, by_id);
    for (size_t i = 0; i < w->event_count; i++) {
        o->world.events[i] = list[i].event;
        o->world.events[i].sequence = (uint32_t)i + 1;
    }
    o->world.event_count = w->event_count;
    plain_source_init(&o->source, o->world.events, o->world.event_count, o->world.people,
                      o->world.person_count);
    o->source.accounts = w->accounts;
    o->source.account_count = COUNT(w->accounts);
}

/* ---- the two questions ---- */

static bool holds_text(struct str text, const char *part)
{
    size_t n = strlen(part);

    for (size_t i = 0; i + n <= text.len; i++)
        if (memcmp(text.at + i, part, n) == 0)
            return true;
    return false;
}

static void replace(struct str text, const char *from, const char *to, struct buf *out)
{
    size_t n = strlen(from);

    buf_clear(out);
    for (size_t i = 0; i < text.len;)
        if (i + n <= text.len && memcmp(text.at + i, from, n) == 0) {
            buf_add(out, str_of(to));
            i += n;
        } else {
            buf_add_char(out, text.at[i++]);
        }
}

static bool ask(struct source *s, struct str question, size_t rows_bytes, struct buf *out)
{
    struct query_context context = {.now_ms = world_start + 25 * day_ms, .rows_bytes = rows_bytes};
    struct err e = {0};

    buf_clear(out);
    if (query_answer(s, &context, question, out, &e))
        return true;
    buf_printf(out, "%s %s", e.code, e.at);
    return false;
}

/* Questions about accounts that can be put to the other world, too. */
static bool question_roll(struct dice *d, const char *level, struct buf *mine, struct buf *theirs)
{
    BUF_AUTO text = {0};

    random_question(d, &text);
    if (holds_text(buf_str(&text), "\"level\"") || holds_text(buf_str(&text), "\"unit\"") ||
        holds_text(buf_str(&text), "\"of\":\"person\""))
        return false;
    replace(buf_str(&text), "\"of\":\"account\"", "\"of\":\"person\"", theirs);
    buf_clear(mine);
    text.len--;
    buf_printf(mine, "%.*s", STR_ARG(buf_str(&text)));
    if (level[0])
        buf_printf(mine, level[0] == '1' ? ",\"level\":%s" : ",\"level\":\"%s\"", level);
    buf_add(mine, STR(",\"unit\":\"account\"}"));
    return true;
}

/* What only the echo says. */
static void echo_cut(struct buf *answer, const char *level)
{
    BUF_AUTO without = {0};
    char echo[64];

    replace(buf_str(answer), "\"unit\":\"account\",", "", &without);
    snprintf(echo, sizeof echo, level[0] == '1' ? "\"level\":%s," : "\"level\":\"%s\",", level);
    replace(buf_str(&without), level[0] ? echo : "\"level\":\"\",", "", answer);
}

static void accounts_are_people_of_another_world(void **state)
{
    static const char *const levels[] = {"", "", "1", "team", "company"};
    static const size_t bytes[] = {0, 0, 3000, 9000};
    size_t rounds = random_rounds(ROUNDS), right = 0;
    struct dice d = {4711};

    (void)state;
    for (size_t i = 0; i < rounds;) {
        AUTO(arena) *arena = arena_create(0);
        struct random_world world;
        struct world_shape shape = {.people = 6,
                                    .events = 120,
                                    .start = world_start,
                                    .step_ms = chance(&d, 50) ? 3600000 : 6 * 3600000,
                                    .steps = 24 * 7};
        const char *level = levels[roll(&d, COUNT(levels))];
        struct plain_source own;
        struct other other;
        random_world_make(&d, arena, &shape, &world);
        plain_source_init(&own, world.events, world.event_count, world.people, world.person_count);
        own.accounts = world.accounts;
        own.account_count = COUNT(world.accounts);
        own.threads = 1 + roll(&d, 3);
        own.batch_units = roll(&d, 3);
        own.part_ms = chance(&d, 50) ? 3 * day_ms : 0;
        other_make(&other, &world, level, arena);
        for (size_t k = 0; k < QUESTIONS_A_WORLD && i < rounds; k++) {
            BUF_AUTO mine = {0}, theirs = {0}, answer = {0}, wanted = {0};
            if (!question_roll(&d, level, &mine, &theirs))
                continue;
            i++;
            bool ok = ask(&own.source, buf_str(&mine), bytes[roll(&d, COUNT(bytes))], &answer);
            if (!ok && (holds_text(buf_str(&answer), "query.unknown_level") ||
                        holds_text(buf_str(&answer), "query.unsupported /unit"))) /* sessions */
                continue;
            ask(&other.source.source, buf_str(&theirs), 0, &wanted);
            right += ok;
            echo_cut(&answer, level);
            /* when an event was first seen anywhere is another time where nobody sees some */
            bool is_other = holds_text(buf_str(&answer), "began_late") ||
                            holds_text(buf_str(&wanted), "began_late");
            if (!is_other && !str_equal(buf_str(&answer), buf_str(&wanted)))
                fail_msg("%.*s\n  %.*s\nas people:\n  %.*s", STR_ARG(buf_str(&mine)),
                         STR_ARG(buf_str(&answer)), STR_ARG(buf_str(&wanted)));
        }
        plain_source_free(&own);
        plain_source_free(&other.source);
    }
    print_message("%zu questions, %zu of them right\n", rounds, right);
    assert_true(right > rounds / 2);
}

/* ---- a world one can see ---- */

#define EVENT(person, event, account, time, plan)                                                  \
    "{\"person\":\"" person "\",\"event\":\"" event "\",\"time\":\"2026-03-" time                  \
    ":00Z\",\"account\":\"" account "\",\"properties\":{\"plan\":\"" plan "\"}}"

/* u1 changes from t1 to t2; anon is u3; u4 has no account; quiet has no event; nobody said anything
 * about lone. t1 and t2 are teams of acme, which is of globex. */
/* clang-format off */
static const char *const house =
    "{\"events\":["
    EVENT("u1", "A", "t1", "01T08:00", "p") ","
    EVENT("u1", "B", "t2", "02T08:00", "q") ","
    EVENT("u2", "A", "t2", "01T09:00", "p") ","
    EVENT("u2", "B", "t2", "03T08:00", "p") ","
    EVENT("anon", "B", "t1", "02T08:00", "p") ","
    EVENT("u3", "A", "lone", "02T09:00", "p") ","
    EVENT("u4", "A", "", "01T07:00", "q") "],"
    "\"aliases\":{\"u3\":[\"anon\"]},\"accounts\":{"
    "\"t1\":{\"level\":\"team\",\"parent\":\"acme\"},"
    "\"t2\":{\"level\":\"team\",\"parent\":\"acme\"},"
    "\"acme\":{\"level\":\"company\",\"parent\":\"globex\",\"tier\":\"gold\"},"
    "\"globex\":{\"level\":\"group\"},\"quiet\":{\"level\":\"company\"}}}";
/* clang-format on */

#define RANGE ",\"from\":\"2026-03-01\",\"to\":\"2026-03-04\""
#define FUNNEL "{\"insight\":\"funnel\",\"steps\":[{\"event\":\"A\"},{\"event\":\"B\"}]" RANGE
#define STEPS(a, b) "\"name\":\"A\",\"count\":" #a ",", "\"name\":\"B\",\"count\":" #b ","
#define TREND(more) "{\"insight\":\"trends\",\"series\":[{\"event\":null" more "}]" RANGE
#define LIST "{\"insight\":\"people\",\"as_of\":\"2026-03-05\""
#define RETENTION                                                                                  \
    "{\"insight\":\"retention\",\"start\":{\"event\":\"A\"},\"return\":{\"event\":\"B\"},"         \
    "\"periods\":3,\"as_of\":\"2026-03-05\",\"from\":\"2026-03-01\",\"to\":\"2026-03-03\""
#define ACCOUNT ",\"unit\":\"account\""
#define COMPANY ACCOUNT ",\"level\":\"company\""

static const struct seen {
    const char *question, *parts[3]; /* of the answer, or of the error */
} seens[] = {
    {FUNNEL "}", {STEPS(4, 2)}},
    {FUNNEL ACCOUNT "}", {STEPS(3, 2)}},
    {FUNNEL COMPANY "}", {STEPS(1, 1)}},
    {FUNNEL ACCOUNT ",\"level\":1}", {STEPS(1, 1)}},
    {FUNNEL ACCOUNT ",\"level\":\"group\"}", {STEPS(1, 1)}},
    {FUNNEL ACCOUNT ",\"level\":3}", {STEPS(0, 0)}},
    {FUNNEL ACCOUNT ",\"people_of\":{\"step\":1}}",
     {"[{\"id\":\"lone\"},{\"id\":\"t1\"},{\"id\":\"t2\"}],\"total\":3"}},
    {FUNNEL COMPANY ",\"people_of\":{\"step\":2}}", {"[{\"id\":\"acme\"}],\"total\":1"}},
    {FUNNEL ACCOUNT ",\"level\":\"compny\"}", {"query.unknown_level", "team, company, group"}},
    {TREND(",\"math\":\"accounts\"") "}", {"\"values\":[2,3,1,0],\"total\":3"}},
    {TREND(",\"math\":\"accounts\"") ",\"level\":\"company\"}",
     {"\"values\":[1,1,1,0],\"total\":1"}},
    {TREND(",\"math\":\"accounts\"") ",\"people_of\":{\"interval\":\"2026-03-02\"}}",
     {"[{\"id\":\"lone\"},{\"id\":\"t1\"},{\"id\":\"t2\"}],\"total\":3"}},
    {TREND(",\"math\":\"people\"") ACCOUNT "}", {"\"values\":[2,3,1,0],\"total\":3"}},
    {TREND("") COMPANY "}", {"\"values\":[2,2,1,0],\"total\":5"}},
    {TREND("") ACCOUNT
     ",\"breakdown\":[{\"property\":\"tier\",\"of\":\"account\",\"level\":\"company\"}]}",
     {"\"breakdown\":[\"gold\"],\"values\":[2,2,1,0]",
      "\"breakdown\":[null],\"values\":[0,1,0,0]"}},
    {TREND("") ",\"breakdown\":[{\"property\":\"first_seen\",\"of\":\"person\"}]}",
     {"\"breakdown\":[\"2026-03-01\"],\"values\":[3,1,1,0]",
      "\"breakdown\":[\"2026-03-02\"],\"values\":[0,2,0,0]"}},
    {TREND("") ",\"interval\":\"month\",\"breakdown\":[{\"property\":\"last_seen\",\"of\":"
               "\"account\"}]}",
     {"\"breakdown\":[\"2026-03-01\"],\"values\":[6]", "\"breakdown\":[null],\"values\":[1]"}},
    {LIST ACCOUNT "}", {"\"total\":6", "quiet"}},
    {LIST COMPANY "}", {"[{\"id\":\"acme\"},{\"id\":\"quiet\"}],\"total\":2"}},
    {LIST COMPANY ",\"filter\":[{\"did\":\"B\",\"times\":{\"gte\":3}}]}",
     {"[{\"id\":\"acme\"}],\"total\":1"}},
    {LIST COMPANY ",\"filter\":[{\"did_not\":\"B\"}]}", {"[{\"id\":\"quiet\"}],\"total\":1"}},
    {LIST ACCOUNT ",\"filter\":[{\"first_did\":\"B\",\"after\":\"2026-03-01\"}]}",
     {"[{\"id\":\"t1\"},{\"id\":\"t2\"}],\"total\":2"}},
    {LIST ACCOUNT ",\"filter\":[{\"property\":\"tier\",\"of\":\"account\",\"level\":\"company\","
                  "\"is\":\"gold\"}]}",
     {"[{\"id\":\"acme\"},{\"id\":\"t1\"},{\"id\":\"t2\"}],\"total\":3"}},
    {LIST ",\"filter\":[{\"property\":\"tier\",\"of\":\"account\",\"level\":\"company\",\"is\":"
          "\"gold\"}]}",
     {"[{\"id\":\"u1\"},{\"id\":\"u2\"}],\"total\":2"}},
    {LIST ",\"filter\":[{\"property\":\"id\",\"of\":\"account\",\"is\":\"lone\"}]}",
     {"[{\"id\":\"u3\"}],\"total\":1"}},
    {RETENTION ACCOUNT "}", {"\"size\":2,\"counts\":[2,2,1]", "\"size\":1,\"counts\":[1,0,null]"}},
    {RETENTION ",\"breakdown\":[{\"property\":\"plan\"}]}",
     {"\"value\":[\"p\"],\"cohorts\":[{\"start\":\"2026-03-01\",\"size\":2,\"counts\":[2,0,1]"}},
    {RETENTION ",\"breakdown\":[{\"property\":\"plan\",\"of\":\"person\",\"at\":\"start\"}]}",
     {"\"value\":[\"p\"],\"cohorts\":[{\"start\":\"2026-03-01\",\"size\":2,\"counts\":[2,1,1]"}},
    {RETENTION ",\"breakdown\":[{\"property\":\"plan\",\"at\":\"start\"},{\"property\":\"plan\"}]}",
     {"query.unsupported /breakdown"}},
    {TREND("") ",\"breakdown\":[{\"property\":\"plan\",\"at\":\"start\"}]}",
     {"query.unsupported /breakdown/0/at"}},
    {RETENTION ",\"measure\":\"revenue\"}", {"query.unsupported /measure", "subscriptions"}},
};

static void a_small_house_can_be_counted(void **state)
{
    AUTO(arena) *arena = arena_create(0);
    struct plain_source source;

    (void)state;
    case_source_parse(house, arena, &source);
    for (size_t i = 0; i < COUNT(seens); i++) {
        struct query_context context = {.now_ms = world_start + 25 * day_ms};
        BUF_AUTO answer = {0};
        struct err e = {0};
        if (!query_answer(&source.source, &context, str_of(seens[i].question), &answer, &e)) {
            buf_clear(&answer);
            buf_printf(&answer, "%s %s %s %s", e.code, e.at, e.text, e.hint);
        }
        for (size_t k = 0; k < COUNT(seens[i].parts) && seens[i].parts[k]; k++)
            if (!holds_text(buf_str(&answer), seens[i].parts[k]))
                fail_msg("%s\n%.*s\nhas no %s", seens[i].question, STR_ARG(buf_str(&answer)),
                         seens[i].parts[k]);
    }
    plain_source_free(&source);
}

/* More events of one account than may be held: said with its name, not answered by half. */
static void what_does_not_fit_is_refused(void **state)
{
    enum { MANY = 900 };
    AUTO(arena) *arena = arena_create(0);
    struct event *events = arena_array(arena, MANY, sizeof *events);
    struct plain_source source;
    BUF_AUTO answer = {0};
    struct err e = {0};
    struct query_context context = {.now_ms = world_start + 25 * day_ms, .rows_bytes = 8000};
    struct str question = STR(FUNNEL ACCOUNT "}");

    (void)state;
    for (uint32_t i = 0; i < MANY; i++)
        events[i] = (struct event){.time = world_start + i * 1000,
                                   .name = i % 2 ? STR("B") : STR("A"),
                                   .person = arena_printf(arena, "u%u", i % 7),
                                   .account = i % 9 ? STR("big") : STR("small")};
    plain_source_init(&source, events, MANY, NULL, 0);
    assert_false(query_answer(&source.source, &context, question, &answer, &e));
    assert_int_equal(err_status(e.kind), 503);
    assert_string_equal(e.code, "query.limit");
    assert_non_null(strstr(e.text, "\"big\" has 800 events"));
    context.rows_bytes = 40000; /* each by itself fits */
    e = (struct err){0};
    assert_works(query_answer(&source.source, &context, question, &answer, &e), e);
    assert_true(holds_text(buf_str(&answer), "\"name\":\"B\",\"count\":2,"));
    plain_source_free(&source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accounts_are_people_of_another_world),
        cmocka_unit_test(a_small_house_can_be_counted),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
