/* What a snapshot gives back as events and facts: whose, in which order, and when it ends early. */
#include "store/store_inner.h"
#include "store/store_sample.h"

#define MINUTE INT64_C(60000)

struct world {
    struct os *os;
    struct store *s;
    struct arena *arena;
    struct err e;
};

static struct world *world_create(void)
{
    struct store_options options = {.project = STR("main"), .no_background = true};
    struct world *w = mem_zero(sizeof *w);
    w->os = os_sim_create((struct os_sim_plan){.seed = 1});
    w->arena = arena_create(0);
    assert_works(store_open(w->os, STR("/data"), &options, &w->s, &w->e), w->e);
    return w;
}

static void world_destroy(struct world *w)
{
    store_close(w->s);
    os_destroy(w->os);
    arena_destroy(w->arena);
    mem_free(w);
}
AUTO_DEFINE(world, world_destroy)

static void add(struct world *w, const char *person, const char *name, int64_t minute)
{
    struct store_receipt r;
    struct event ev = {.id = arena_printf(w->arena, "%s-%s-%d", person, name, (int)minute),
                       .time = SAMPLE_START + minute * MINUTE,
                       .received = SAMPLE_START,
                       .name = str_of(name),
                       .person = str_of(person)};
    assert_works(store_append(w->s, &(struct store_batch){&ev, 1, NULL, 0}, &r, &w->e), w->e);
}

static void say(struct world *w, enum fact_kind kind, const char *subject, const char *other)
{
    bool is_trait = kind == FACT_PERSON_TRAITS || kind == FACT_ACCOUNT_TRAITS;
    struct property p[] = {{STR("plan"), {.type = VALUE_TEXT, .text = str_of(other)}},
                           {STR("seats"), {.type = VALUE_INT, .integer = 4}}};
    struct fact f = {.kind = kind,
                     .subject = str_of(subject),
                     .other = is_trait ? STR_NONE : str_of(other),
                     .created = is_trait ? SAMPLE_START : (int64_t)FACT_CREATED_NONE,
                     .received = SAMPLE_START,
                     .by = is_trait ? STR_NONE : STR("support"),
                     .reason = is_trait ? STR_NONE : STR("they said so"),
                     .properties = p,
                     .property_count = is_trait ? COUNT(p) : 0};
    struct store_receipt r;
    assert_works(store_append(w->s, &(struct store_batch){NULL, 0, &f, 1}, &r, &w->e), w->e);
}

static void seal(struct world *w)
{
    store_take_maintain_lock(w->s);
    bool ok = store_close_stage(w->s, &w->e) && store_seal(w->s, &w->e);
    pthread_mutex_unlock(&w->s->maintain_lock);
    assert_works(ok, w->e);
}

/* Three segments of one month, which two people who are one are in, with times that interleave and
 * times that are equal; and somebody else. */
static void fill(struct world *w)
{
    add(w, "ann", "c", 30);
    add(w, "bob", "z", 15);
    add(w, "ann", "a", 10);
    seal(w);
    add(w, "anna", "d", 30);
    add(w, "ann", "b", 20);
    seal(w);
    add(w, "cid", "z", 5);
    add(w, "anna", "far", 60 * 24 * 40); /* in the next month */
    seal(w);
    add(w, "anna", "e", 40);
    say(w, FACT_MERGE, "ann", "anna");
    say(w, FACT_MERGE, "bob", "cid");
    say(w, FACT_UNMERGE, "bob", "cid");
    say(w, FACT_PERSON_TRAITS, "anna", "free");
    say(w, FACT_PERSON_TRAITS, "ann", "pro");
    say(w, FACT_ACCOUNT_TRAITS, "acme", "gold");
}

/* ---- what is given ---- */

struct given {
    char text[2000];
    size_t calls, stop_at;
};

static bool note(struct given *g, struct str text, struct err *e)
{
    size_t len = strlen(g->text);
    snprintf(g->text + len, sizeof g->text - len, "%.*s;", STR_ARG(text));
    return ++g->calls != g->stop_at || err_set(e, ERR_TOO_MANY, "enough");
}

static bool take_event(void *context, const struct event *ev, struct err *e)
{
    char text[80];
    int len = snprintf(text, sizeof text, "%.*s %.*s", STR_ARG(ev->person), STR_ARG(ev->name));
    return note(context, (struct str){text, (size_t)len}, e);
}

static bool take_fact(void *context, const struct fact *f, struct err *e)
{
    static const char *const kinds[] = {"traits of", "account", "merge", "unmerge"};
    char text[160];
    int len =
        snprintf(text, sizeof text, "%s %.*s %.*s%.*s %.*s%zu", kinds[f->kind], STR_ARG(f->subject),
                 STR_ARG(f->other), STR_ARG(f->by), STR_ARG(f->reason), f->property_count);
    return note(context, (struct str){text, (size_t)len}, e);
}

static const struct read_options everything = {.from = INT64_MIN, .to = INT64_MAX};

static struct read_options person_options(const struct snapshot *v, const char *id)
{
    struct read_options o = everything;
    o.is_person = true;
    assert_true(snapshot_unit_find(v, str_of(id), &o.unit));
    return o;
}

static void assert_events(struct world *w, const struct snapshot *v, struct read_options o,
                          const char *want)
{
    struct given g = {0};
    assert_works(snapshot_read(v, &o, take_event, &g, &w->e), w->e);
    assert_string_equal(g.text, want);
}

static void a_person_comes_in_time_order(void **state)
{
    (void)state;
    AUTO(world) *w = world_create();
    AUTO(snapshot) *v = NULL;
    fill(w);
    assert_works(store_snapshot(w->s, &v, &w->e), w->e);
    struct read_options o = person_options(v, "anna");
    assert_events(w, v, o, "ann a;ann b;ann c;anna d;anna e;anna far;");
    o.from = SAMPLE_START + 20 * MINUTE;
    o.to = SAMPLE_START + 40 * MINUTE;
    assert_events(w, v, o, "ann b;ann c;anna d;");
    o.event = STR("c");
    assert_events(w, v, o, "ann c;");
    assert_events(w, v, person_options(v, "bob"), "bob z;");
    assert_int_equal(snapshot_rows(v), 8);
}

/* What happened at one moment comes by segment, and in it as it lies. */
static void equal_times_have_an_order(void **state)
{
    (void)state;
    AUTO(world) *w = world_create();
    AUTO(snapshot) *v = NULL;
    add(w, "ann", "a", 30);
    add(w, "ann", "b", 30);
    add(w, "ann", "c", 30);
    seal(w);
    add(w, "ann", "d", 30);
    add(w, "ann", "e", 30);
    seal(w);
    assert_works(store_snapshot(w->s, &v, &w->e), w->e);
    assert_events(w, v, person_options(v, "ann"), "ann a;ann b;ann c;ann d;ann e;");
}

static void everybody_comes_by_month_and_person(void **state)
{
    (void)state;
    AUTO(world) *w = world_create();
    AUTO(snapshot) *v = NULL;
    fill(w);
    assert_works(store_snapshot(w->s, &v, &w->e), w->e);
    struct read_options o = everything;
    assert_events(w, v, o, "ann a;ann c;bob z;ann b;anna d;cid z;anna e;anna far;");
    o.to = SAMPLE_START + 15 * MINUTE;
    assert_events(w, v, o, "ann a;cid z;");
    o = (struct read_options){.from = SAMPLE_START + 40 * MINUTE, .to = INT64_MAX};
    assert_events(w, v, o, "anna e;anna far;");
    o = everything;
    o.event = STR("z");
    assert_events(w, v, o, "bob z;cid z;");
}

static void facts_say_what_holds_or_how_it_came(void **state)
{
    (void)state;
    AUTO(world) *w = world_create();
    AUTO(snapshot) *v = NULL;
    struct given all = {0}, one = {0}, other = {0};
    fill(w);
    assert_works(store_snapshot(w->s, &v, &w->e), w->e);
    assert_works(snapshot_read_facts(v, &everything, take_fact, &all, &w->e), w->e);
    assert_string_equal(all.text, "account acme  2;merge ann anna 0;traits of anna  2;"
                                  "traits of ann  2;");
    struct read_options o = person_options(v, "ann");
    assert_works(snapshot_read_facts(v, &o, take_fact, &one, &w->e), w->e);
    assert_string_equal(one.text, "merge ann annasupport they said so0;traits of anna  2;"
                                  "traits of ann  2;");
    o = person_options(v, "cid");
    assert_works(snapshot_read_facts(v, &o, take_fact, &other, &w->e), w->e);
    assert_string_equal(other.text, "merge bob cidsupport they said so0;"
                                    "unmerge bob cidsupport they said so0;");
}

static void a_visitor_may_stop_anywhere(void **state)
{
    (void)state;
    AUTO(world) *w = world_create();
    AUTO(snapshot) *v = NULL;
    fill(w);
    assert_works(store_snapshot(w->s, &v, &w->e), w->e);
    for (int way = 0; way < 4; way++) {
        struct read_options o = way % 2 ? person_options(v, "ann") : everything;
        bool is_over = false;
        size_t stops = 0;
        for (; !is_over; stops++) {
            struct given g = {.stop_at = stops + 1};
            struct err e = {0};
            is_over = way < 2 ? snapshot_read(v, &o, take_event, &g, &e)
                              : snapshot_read_facts(v, &o, take_fact, &g, &e);
            assert_int_equal(g.calls, is_over ? stops : g.stop_at);
            assert_int_equal(e.kind, is_over ? ERR_NONE : ERR_TOO_MANY);
        }
        static const size_t calls[] = {8, 6, 4, 3};
        assert_int_equal(stops - 1, calls[way]);
    }
}

static void nobody_hears_of_the_erased(void **state)
{
    (void)state;
    AUTO(world) *w = world_create();
    struct store_erasure x;
    fill(w);
    seal(w);
    say(w, FACT_MERGE, "bob", "dan");
    say(w, FACT_UNMERGE, "bob", "dan");
    assert_works(store_erase(w->s, STR("bob"), &x, &w->e), w->e);
    for (int is_forgotten = 0; is_forgotten < 2; is_forgotten++) {
        AUTO(snapshot) *v = NULL;
        struct given all = {0}, one = {0};
        struct person_identity who;
        assert_works(store_snapshot(w->s, &v, &w->e), w->e);
        assert_int_equal(snapshot_rows(v), 7);
        assert_events(w, v, everything, "ann a;ann c;ann b;anna d;cid z;anna e;anna far;");
        struct read_options o = person_options(v, "cid");
        assert_works(snapshot_read_facts(v, &o, take_fact, &one, &w->e), w->e);
        assert_string_equal(one.text, "");
        assert_works(snapshot_read_facts(v, &everything, take_fact, &all, &w->e), w->e);
        assert_null(strstr(all.text, "bob"));
        assert_works(snapshot_identity(v, STR("cid"), IDENTITY_NOW, w->arena, &who, &w->e), w->e);
        assert_int_equal(who.change_count, 0);
        assert_int_equal(who.id_count, 1);
        assert_false(snapshot_identity(v, STR("bob"), IDENTITY_NOW, w->arena, &who, &w->e));
        assert_int_equal(w->e.kind, ERR_NOT_FOUND);
        w->e = (struct err){0};
        snapshot_release(TAKE(v));
        struct store_forgotten f;
        assert_works(store_forget(w->s, &f, &w->e), w->e);
    }
}

static void it_can_be_cancelled(void **state)
{
    (void)state;
    AUTO(world) *w = world_create();
    AUTO(snapshot) *v = NULL;
    enum { MANY = 2500 };
    struct event *list = arena_array(w->arena, MANY, sizeof *list);
    struct store_receipt r;
    for (uint32_t k = 0; k < MANY; k++)
        list[k] = sample_event(w->arena, k);
    assert_works(store_append(w->s, &(struct store_batch){list, MANY, NULL, 0}, &r, &w->e), w->e);
    assert_works(store_snapshot(w->s, &v, &w->e), w->e);
    volatile bool cancel = false;
    struct read_options o = everything;
    for (int way = 0; way < 3; way++) {
        struct given g = {0};
        cancel = way == 2;
        o.cancel = way ? &cancel : NULL;
        bool ok = snapshot_read(v, &o, take_event, &g, &w->e);
        assert_int_equal(ok, !cancel);
        assert_true(cancel ? g.calls < MANY / 2 : g.calls == MANY);
        assert_int_equal(w->e.kind, cancel ? ERR_BUSY : ERR_NONE);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_person_comes_in_time_order),
        cmocka_unit_test(equal_times_have_an_order),
        cmocka_unit_test(everybody_comes_by_month_and_person),
        cmocka_unit_test(facts_say_what_holds_or_how_it_came),
        cmocka_unit_test(a_visitor_may_stop_anywhere),
        cmocka_unit_test(nobody_hears_of_the_erased),
        cmocka_unit_test(it_can_be_cancelled),
    };
    return cmocka_run_group_tests_name("store/store_read", tests, NULL, NULL);
}
