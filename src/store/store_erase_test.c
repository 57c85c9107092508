/* Erasing people: what can be seen at once, what is in the files afterwards, and restored lists. */
#include "base/buf.h"
#include "store/erasures.h"
#include "store/store_sample.h"

struct world {
    struct os *os;
    struct store *s;
    struct arena *arena;
    struct store_options options;
    struct err e;
};

static struct world *world_create(void)
{
    struct world *w = mem_zero(sizeof *w);
    w->os = os_sim_create((struct os_sim_plan){.seed = 7});
    w->arena = arena_create(0);
    w->options = (struct store_options){
        .project = STR("main"), .no_background = true, .chunk_rows = 64, .seal_rows = 256};
    assert_works(store_open(w->os, STR("/data"), &w->options, &w->s, &w->e), w->e);
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

static void reopen(struct world *w)
{
    store_close(TAKE(w->s));
    assert_works(store_open(w->os, STR("/data"), &w->options, &w->s, &w->e), w->e);
}

static void maintain(struct world *w)
{
    assert_works(store_maintain(w->s, &w->e), w->e);
}

/* An event of `person` whose name, account, session, property name and value hold `word`. */
static struct event event_of(struct world *w, const char *person, const char *word, uint32_t k)
{
    struct property *p = arena_array(w->arena, 3, sizeof *p);
    p[0] =
        (struct property){arena_printf(w->arena, "%s-property", word),
                          {.type = VALUE_TEXT, .text = arena_printf(w->arena, "%s-v%u", word, k)}};
    p[1] = (struct property){STR("plan"), {.type = VALUE_TEXT, .text = STR("pro")}};
    p[2] = (struct property){STR("n"), {.type = VALUE_INT, .integer = k}};
    return (struct event){
        .id = k % 2 ? arena_printf(w->arena, "%s-id%u", word, k) : STR(""),
        .time = SAMPLE_START + (int64_t)(k % 3) * SAMPLE_MONTH_MS + k,
        .received = SAMPLE_START,
        .name = arena_printf(w->arena, "%s-name", word),
        .person = str_of(person),
        .account = arena_printf(w->arena, "%s-account", word),
        .session = arena_printf(w->arena, "%s-session", word),
        .properties = p,
        .property_count = 3,
    };
}

static struct store_receipt add(struct world *w, const char *person, const char *word,
                                uint32_t from, uint32_t count)
{
    struct store_receipt r;
    struct event *list = arena_array(w->arena, count, sizeof *list);
    for (uint32_t i = 0; i < count; i++)
        list[i] = event_of(w, person, word, from + i);
    struct store_batch batch = {.events = list, .event_count = count};
    assert_works(store_append(w->s, &batch, &r, &w->e), w->e);
    return r;
}

static void fact(struct world *w, enum fact_kind kind, const char *subject, const char *other)
{
    struct store_receipt r;
    struct property p = {STR("email"), {.type = VALUE_TEXT, .text = str_of(other)}};
    bool is_merge = kind == FACT_MERGE || kind == FACT_UNMERGE;
    struct fact f = {.kind = kind,
                     .subject = str_of(subject),
                     .other = is_merge ? str_of(other) : STR_NONE,
                     .created = is_merge ? (int64_t)FACT_CREATED_NONE : SAMPLE_START,
                     .properties = &p,
                     .property_count = is_merge ? 0 : 1};
    struct store_batch batch = {.facts = &f, .fact_count = 1};
    assert_works(store_append(w->s, &batch, &r, &w->e), w->e);
}

static struct store_erasure erase(struct world *w, const char *person)
{
    struct store_erasure x;
    assert_works(store_erase(w->s, str_of(person), &x, &w->e), w->e);
    return x;
}

/* ---- what can be seen ---- */

struct sums {
    uint64_t events, people;
};

static bool count_batch(void *context, const struct scan_batch *b)
{
    struct sums *s = context;
    s->events += b->count;
    for (size_t i = 0; i < b->unit_count; i++)
        s->people += b->starts[i + 1] > b->starts[i];
    return true;
}

static struct sums seen(struct world *w, bool by_unit, const char *event)
{
    AUTO(snapshot) *v = NULL;
    AUTO(pool) *pool = pool_create(2);
    struct sums each[2] = {0};
    void *contexts[2] = {&each[0], &each[1]};
    struct scan_selector all = {
        .event = event ? str_of(event) : STR_NONE, .from = INT64_MIN / 4, .to = INT64_MAX / 4};
    struct scan_plan plan = {
        .selectors = &all, .selector_count = 1, .by_unit = by_unit, .want_time = true};
    assert_works(store_snapshot(w->s, &v, &w->e), w->e);
    assert_works(scan_run(v, &plan, pool, count_batch, contexts, NULL, &w->e), w->e);
    return (struct sums){each[0].events + each[1].events, each[0].people + each[1].people};
}

/* Events and people by every way of counting. */
static void assert_held(struct world *w, uint64_t events, uint64_t people)
{
    assert_int_equal(seen(w, false, NULL).events, events);
    assert_int_equal(seen(w, true, NULL).events, events);
    assert_int_equal(seen(w, true, NULL).people, people);
    struct store_state state;
    store_state(w->s, &state);
    assert_int_equal(state.events, events);
}

static bool has(struct str text, const char *word)
{
    return memmem(text.at, text.len, word, strlen(word)) != NULL;
}

/* No list that is made without reading rows says anything of it, and nobody has the id. */
static void assert_unknown(struct world *w, const char *word)
{
    AUTO(snapshot) *v = NULL;
    struct event_name_info *names;
    struct property_info *properties;
    size_t count;
    uint32_t unit;
    int64_t first, last;
    assert_works(store_snapshot(w->s, &v, &w->e), w->e);
    assert_false(snapshot_unit_find(v, str_of(word), &unit));
    snapshot_events(v, w->arena, &names, &count);
    for (size_t i = 0; i < count; i++) {
        assert_false(has(names[i].name, word));
        assert_int_equal(
            names[i].count,
            seen(w, false, arena_printf(w->arena, "%.*s%c", STR_ARG(names[i].name), 0).at).events);
    }
    snapshot_properties(v, w->arena, &properties, &count);
    for (size_t i = 0; i < count; i++) {
        assert_false(has(properties[i].name, word));
        for (size_t k = 0; k < properties[i].example_count; k++)
            assert_false(has(properties[i].examples[k], word));
    }
    assert_int_equal(snapshot_span(v, &first, &last), seen(w, false, NULL).events > 0);
}

/* ---- what is in the files ---- */

static void assert_column_lacks(struct segment *g, const struct column *c, const char *word)
{
    struct err e = {0};
    assert_works(segment_pin(g, c, 0, g->rows, &e), e);
    assert_false(has(c->property, word));
    bool is_text = c->type == VALUE_TEXT || c->type == VALUE_LIST;
    for (uint32_t i = 0; is_text && i < c->dictionary_count; i++)
        assert_false(has(column_dictionary_value(c, i).text, word));
}

/* Raw bytes, and what lies packed in segments. */
static void assert_gone(struct world *w, const char *word)
{
    struct str *names, bytes;
    size_t count;
    assert_works(os_dir_list(w->os, STR("/data"), w->arena, &names, &count, &w->e), w->e);
    for (size_t i = 0; i < count; i++) {
        struct str path = arena_printf(w->arena, "/data/%.*s", STR_ARG(names[i]));
        assert_works(os_read_whole(w->os, path, w->arena, &bytes, &w->e), w->e);
        if (has(bytes, word))
            fail_msg("%.*s has \"%s\"", STR_ARG(path), word);
        if (!str_ends(path, STR(".tns")))
            continue;
        AUTO(segment) *g = NULL;
        assert_works(segment_open(w->os, path, STR("main"), &g, &w->e), w->e);
        for (size_t k = 0; k < g->column_count; k++)
            assert_column_lacks(g, &g->columns[k], word);
    }
}

static bool is_in_files(struct world *w, const char *word)
{
    struct str *names, bytes;
    size_t count;
    bool found = false;
    assert_works(os_dir_list(w->os, STR("/data"), w->arena, &names, &count, &w->e), w->e);
    for (size_t i = 0; i < count; i++) {
        struct str path = arena_printf(w->arena, "/data/%.*s", STR_ARG(names[i]));
        assert_works(os_read_whole(w->os, path, w->arena, &bytes, &w->e), w->e);
        found |= has(bytes, word);
    }
    return found;
}

/* ---- tests ---- */

static void nobody_sees_them_at_once(void **state)
{
    (void)state;
    for (int sealed = 0; sealed < 3; sealed++) {
        AUTO(world) *w = world_create();
        add(w, "ann", "canary", 0, 40);
        add(w, "bob", "other", 0, 30);
        fact(w, FACT_PERSON_TRAITS, "ann", "canary@mail");
        if (sealed == 1)
            maintain(w);
        if (sealed == 2)
            add(w, "bob", "other", 30, 100); /* ann is in an image now */
        uint64_t rest = sealed == 2 ? 130 : 30;
        assert_held(w, 40 + rest, 2);
        assert_true(is_in_files(w, "canary"));
        struct store_erasure x = erase(w, "ann");
        assert_true(x.was_known);
        assert_int_equal(x.ids, 1);
        assert_int_equal(x.events, 40);
        assert_int_equal(x.traits, 1);
        assert_int_equal(x.merges, 0);
        assert_int_equal(strlen(x.hash), 32);
        for (int again = 0; again < 2; again++) {
            assert_held(w, rest, 1);
            assert_unknown(w, "ann");
            assert_unknown(w, "canary");
            reopen(w);
        }
        maintain(w);
        assert_held(w, rest, 1);
        assert_gone(w, "canary");
        assert_gone(w, "ann");
        reopen(w);
        assert_held(w, rest, 1);
        assert_gone(w, "canary");
    }
}

static void all_merged_ids_go_and_others_stay(void **state)
{
    (void)state;
    for (int sealed = 0; sealed < 4; sealed++) {
        AUTO(world) *w = world_create();
        AUTO(snapshot) *v = NULL;
        uint32_t unit;
        add(w, "ann", "canary", 0, 3);
        add(w, "ann-phone", "canary", 10, 4);
        add(w, "shared", "other", 20, 5);
        add(w, "bob", "other", 30, 6);
        fact(w, FACT_MERGE, "bob", "shared");
        fact(w, FACT_MERGE, "ann", "ann-phone");
        fact(w, FACT_MERGE, "ann-phone", "shared"); /* moved … */
        if (sealed & 1)
            maintain(w);
        fact(w, FACT_UNMERGE, "ann", "shared"); /* … and back again: bob's */
        fact(w, FACT_PERSON_TRAITS, "ann-phone", "canary@mail");
        struct store_erasure x = erase(w, sealed & 2 ? "ann-phone" : "ann");
        assert_int_equal(x.ids, 2);
        assert_int_equal(x.events, 7);
        assert_int_equal(x.merges, 3); /* entries of the log that name one of them */
        assert_held(w, 11, 1);
        maintain(w);
        reopen(w);
        assert_held(w, 11, 1);
        assert_gone(w, "canary");
        assert_gone(w, "ann");
        assert_works(store_snapshot(w->s, &v, &w->e), w->e);
        assert_true(snapshot_unit_find(v, STR("shared"), &unit));
        assert_str(snapshot_unit_id(v, unit), STR("bob"));
    }
}

static void the_same_id_is_somebody_new(void **state)
{
    (void)state;
    for (int sealed = 0; sealed < 4; sealed++) {
        AUTO(world) *w = world_create();
        AUTO(snapshot) *v = NULL;
        uint32_t unit;
        fact(w, FACT_PERSON_TRAITS, "ann", "old@mail");
        fact(w, FACT_MERGE, "ann", "ann-phone");
        add(w, "ann", "canary", 0, 8);
        add(w, "ann-phone", "canary", 8, 2);
        if (sealed & 1)
            maintain(w);
        erase(w, "ann");
        if (sealed & 2)
            maintain(w);
        struct store_receipt r = add(w, "ann", "canary", 0, 4); /* sent again: counts as new */
        assert_int_equal(r.accepted, 4);
        assert_int_equal(r.duplicates, 0);
        assert_int_equal(add(w, "ann", "canary", 0, 4).duplicates, 4);
        add(w, "ann-phone", "fresh", 100, 1);
        for (int again = 0; again < 3; again++) {
            assert_held(w, 5, 2);
            snapshot_release(TAKE(v));
            assert_works(store_snapshot(w->s, &v, &w->e), w->e);
            assert_true(snapshot_unit_find(v, STR("ann"), &unit));
            assert_int_equal(snapshot_trait(v, unit, STR("email")).type, VALUE_MISSING);
            assert_true(snapshot_created(v, unit) == (int64_t)FACT_CREATED_NONE);
            if (again == 1)
                maintain(w);
            reopen(w);
        }
        assert_gone(w, "old@mail");
        assert_int_equal(add(w, "ann", "canary", 0, 4).duplicates, 4);
        struct store_erasure x = erase(w, "ann"); /* and can be erased as any other */
        assert_int_equal(x.events, 4);
        assert_int_equal(x.traits + x.merges, 0);
        maintain(w);
        assert_held(w, 1, 1);
        assert_gone(w, "canary");
    }
}

static void who_is_not_known_is_listed_all_the_same(void **state)
{
    (void)state;
    AUTO(world) *w = world_create();
    add(w, "bob", "other", 0, 5);
    struct store_erasure x = erase(w, "stranger");
    assert_false(x.was_known);
    assert_int_equal(x.ids + x.events + x.traits + x.merges, 0);
    assert_true(is_in_files(w, "stranger")); /* the log */
    struct store_forgotten forgotten;
    assert_works(store_forget(w->s, &forgotten, &w->e), w->e);
    assert_false(is_in_files(w, "stranger"));
    assert_held(w, 5, 1);
    assert_false(store_erase(w->s, STR(""), &x, &w->e));
    assert_int_equal(w->e.kind, ERR_INVALID);
}

static void a_full_disk_keeps_nobody_from_being_erased(void **state)
{
    (void)state;
    AUTO(world) *w = world_create();
    add(w, "ann", "canary", 0, 40);
    add(w, "bob", "other", 0, 40);
    maintain(w);
    os_sim_set_plan(w->os, (struct os_sim_plan){.seed = 9, .disk_bytes_max = 1});
    struct store_receipt r;
    struct event ev = event_of(w, "bob", "other", 1000);
    struct store_batch batch = {.events = &ev, .event_count = 1};
    for (uint32_t k = 0; store_append(w->s, &batch, &r, &w->e); k++)
        ev = event_of(w, "bob", "other", 1000 + k); /* until what the log reserved is used up */
    assert_int_equal(w->e.kind, ERR_NO_SPACE);
    w->e = (struct err){0};
    os_sim_set_plan(w->os,
                    (struct os_sim_plan){.seed = 9, .disk_bytes_max = os_sim_used_bytes(w->os)});
    struct store_erasure x = erase(w, "ann");
    assert_int_equal(x.events, 40);
    assert_unknown(w, "canary");
    os_sim_set_plan(w->os, (struct os_sim_plan){.seed = 9});
    maintain(w);
    assert_gone(w, "canary");
}

/* The directory as a backup made now would have it. */
static struct os *copy_of(struct world *w)
{
    return os_sim_copy(w->os);
}

static void an_older_backup_is_cleared(void **state)
{
    (void)state;
    AUTO(world) *w = world_create();
    AUTO(world) *b = mem_zero(sizeof *b);
    b->arena = arena_create(0);
    b->options = w->options;
    add(w, "ann", "canary", 0, 30);
    add(w, "early", "before", 0, 3);
    fact(w, FACT_MERGE, "ann", "ann-phone");
    fact(w, FACT_MERGE, "ann", "friend"); /* one person then, not later */
    add(w, "friend", "other", 50, 3);
    add(w, "bob", "other", 0, 30);
    erase(w, "early");
    add(w, "early", "second-life", 0, 5); /* before the backup: stays */
    maintain(w);
    store_close(TAKE(w->s));
    b->os = copy_of(w);
    reopen(w);
    fact(w, FACT_UNMERGE, "ann", "friend");
    erase(w, "ann");
    erase(w, "only in a later life");
    struct str list;
    assert_works(os_read_whole(w->os, STR("/data/erased"), w->arena, &list, &w->e), w->e);
    assert_false(has(list, "ann"));

    assert_works(os_write_whole(b->os, STR("/list"), list, &b->e), b->e);
    for (int again = 0; again < 2; again++) {
        struct store_erasure x;
        assert_works(store_open(b->os, STR("/data"), &b->options, &b->s, &b->e), b->e);
        assert_held(b, again ? 38 : 68, again ? 3 : 3);
        assert_works(store_erasures_apply(b->s, STR("/list"), &x, &b->e), b->e);
        assert_int_equal(x.events, again ? 0 : 30);
        assert_int_equal(x.ids, again ? 0 : 2);
        assert_held(b, 38, 3);
        assert_gone(b, "canary");
        assert_gone(b, "ann");
        store_close(TAKE(b->s));
    }
    struct str adopted;
    assert_works(os_read_whole(b->os, STR("/data/erased"), b->arena, &adopted, &b->e), b->e);
    assert_int_equal(adopted.len, list.len);
}

static void a_damaged_list_is_named(void **state)
{
    (void)state;
    AUTO(world) *w = world_create();
    add(w, "ann", "canary", 0, 3);
    erase(w, "ann");
    maintain(w);
    struct str list;
    assert_works(os_read_whole(w->os, STR("/data/erased"), w->arena, &list, &w->e), w->e);
    for (size_t at = 0; at < list.len; at++) {
        store_close(TAKE(w->s));
        assert_true(os_sim_flip(w->os, STR("/data/erased"), at, 0x10));
        assert_false(store_open(w->os, STR("/data"), &w->options, &w->s, &w->e));
        assert_true(w->e.kind == ERR_CORRUPT || w->e.kind == ERR_UNSUPPORTED);
        assert_non_null(strstr(w->e.text, "/data/erased"));
        w->e = (struct err){0};
        assert_true(os_sim_flip(w->os, STR("/data/erased"), at, 0x10));
        assert_works(store_open(w->os, STR("/data"), &w->options, &w->s, &w->e), w->e);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_sees_them_at_once),
        cmocka_unit_test(all_merged_ids_go_and_others_stay),
        cmocka_unit_test(the_same_id_is_somebody_new),
        cmocka_unit_test(who_is_not_known_is_listed_all_the_same),
        cmocka_unit_test(a_full_disk_keeps_nobody_from_being_erased),
        cmocka_unit_test(an_older_backup_is_cleared),
        cmocka_unit_test(a_damaged_list_is_named),
    };
    return cmocka_run_group_tests_name("store/erase", tests, NULL, NULL);
}
