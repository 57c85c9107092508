/* The facts file written anew: smaller, and the same people, through every crash. */
#include "store/store_inner.h"
#include "store/store_sample.h"

enum { FACTS = 1500, PEOPLE = 20, NAMES = 4 };

static struct store *open_it(struct os *os)
{
    struct store_options options = {
        .project = STR("main"), .no_background = true, .chunk_rows = 48, .seal_rows = 96};
    struct store *s = NULL;
    struct err e = {0};
    assert_works(store_open(os, STR("/data"), &options, &s, &e), e);
    return s;
}

static struct str name_of(struct arena *arena, uint64_t n)
{
    return arena_printf(arena, "trait %u", (unsigned)(n % NAMES));
}

static void add_facts(struct store *s, uint64_t from, uint64_t to)
{
    AUTO(arena) *arena = arena_create(0);
    for (uint64_t k = from; k < to; k++) {
        uint64_t dice = hash_mix(k);
        struct property *p = arena_array(arena, 2, sizeof *p);
        p[0] = (struct property){name_of(arena, dice >> 8),
                                 {.type = VALUE_INT, .integer = (int64_t)k}};
        p[1] = (struct property){STR("all"), {.type = VALUE_INT, .integer = (int64_t)k}};
        struct str one = arena_printf(arena, "p%u", (unsigned)(dice >> 16) % PEOPLE);
        struct str other = arena_printf(arena, "p%u", (unsigned)(dice >> 24) % PEOPLE);
        struct fact f = {.kind = dice % 16 == 0   ? FACT_MERGE
                                 : dice % 16 == 1 ? FACT_UNMERGE
                                 : dice % 4 == 2  ? FACT_ACCOUNT_TRAITS
                                                  : FACT_PERSON_TRAITS,
                         .subject = one,
                         .created = dice >> 32 & 3 ? (int64_t)FACT_CREATED_NONE
                                                   : SAMPLE_START + (int64_t)(dice >> 34) % 100000};
        if (f.kind == FACT_MERGE || f.kind == FACT_UNMERGE) {
            f.other = other;
            f.created = (int64_t)FACT_CREATED_NONE;
        } else {
            f.properties = p;
            f.property_count = 1 + (dice >> 40) % 8 / 7;
        }
        struct store_receipt r;
        struct err e = {0};
        assert_works(store_append(s, &(struct store_batch){NULL, 0, &f, 1}, &r, &e), e);
        arena_reset(arena);
    }
}

/* Everything that is known of everybody, as one number. */
static uint64_t state_of(struct store *s)
{
    AUTO(arena) *arena = arena_create(0);
    struct snapshot *v = NULL;
    struct err e = {0};
    uint64_t sum = 0;
    assert_works(store_snapshot(s, &v, &e), e);
    for (uint32_t i = 0; i < PEOPLE; i++) {
        struct str id = arena_printf(arena, "p%u", i);
        uint32_t unit;
        if (!snapshot_unit_find(v, id, &unit))
            continue;
        sum = hash_mix(sum ^ unit);
        sum = hash_mix(sum ^ (uint64_t)snapshot_created(v, unit));
        for (uint32_t n = 0; n <= NAMES; n++) {
            struct str name = n < NAMES ? name_of(arena, n) : STR("all");
            struct value mine = snapshot_trait(v, unit, name);
            struct value account = people_account_trait(v->people, id, name);
            sum = hash_mix(sum ^ (uint64_t)mine.integer ^ (uint64_t)mine.type << 60);
            sum = hash_mix(sum ^ (uint64_t)account.integer ^ (uint64_t)account.type << 60);
        }
    }
    snapshot_release(v);
    return sum;
}

static bool compact_now(struct store *s, struct err *e)
{
    pthread_mutex_lock(&s->maintain_lock);
    bool ok = store_compact_facts(s, e);
    pthread_mutex_unlock(&s->maintain_lock);
    return ok;
}

static uint64_t facts_bytes(struct store *s)
{
    return manifest_content(s->manifest)->marks.facts_bytes;
}

static void only_what_counts_is_kept(void **state)
{
    (void)state;
    AUTO(os) *os = os_sim_create((struct os_sim_plan){.seed = 1});
    AUTO(store) *s = open_it(os);
    struct err e = {0};
    assert_works(compact_now(s, &e), e); /* nothing there yet */
    for (uint64_t round = 0; round < 3; round++) {
        add_facts(s, round * FACTS, (round + 1) * FACTS);
        assert_works(store_maintain(s, &e), e);
        uint64_t before = state_of(s), bytes = facts_bytes(s);
        assert_works(compact_now(s, &e), e);
        assert_true(facts_bytes(s) < bytes / 2);
        assert_true(state_of(s) == before);
        store_close(TAKE(s));
        os_sim_crash(os);
        s = open_it(os);
        assert_true(state_of(s) == before);
        bytes = facts_bytes(s);
        assert_works(compact_now(s, &e), e); /* nothing more to leave out */
        assert_int_equal(facts_bytes(s), bytes);
    }
}

static void a_crash_changes_nothing(void **state)
{
    (void)state;
    AUTO(os) *first = os_sim_create((struct os_sim_plan){.seed = 2});
    struct store *s = open_it(first);
    struct err e = {0};
    add_facts(s, 0, FACTS);
    assert_works(store_maintain(s, &e), e);
    uint64_t before = state_of(s);
    store_close(s);
    bool is_over = false;
    for (uint64_t call = 1; !is_over; call++) {
        AUTO(os) *os = os_sim_copy(first);
        struct err ignored = {0};
        s = open_it(os);
        os_sim_set_plan(os, (struct os_sim_plan){.seed = call, .stop_at = call});
        is_over = compact_now(s, &ignored);
        store_close(s);
        os_sim_crash(os);
        s = open_it(os);
        assert_true(state_of(s) == before);
        add_facts(s, FACTS, FACTS + 20);
        assert_works(store_maintain(s, &e), e);
        uint64_t after = state_of(s);
        store_close(s);
        s = open_it(os);
        assert_true(state_of(s) == after);
        store_close(s);
        assert_true(call < 100);
    }
}

/* More traits than are looked at together: each is looked at in its turn, once. */
static void many_traits_are_kept_by_turns(void **state)
{
    (void)state;
    enum { BATCHES = 32, TOGETHER = 1000, TRAITS = 66 };
    AUTO(os) *os = os_sim_create((struct os_sim_plan){.seed = 3});
    AUTO(store) *s = open_it(os);
    AUTO(arena) *arena = arena_create(0);
    struct property *p = arena_array(arena, TRAITS, sizeof *p);
    struct fact *list = arena_array(arena, TOGETHER, sizeof *list);
    struct store_receipt r;
    struct err e = {0};
    for (size_t i = 0; i < TRAITS; i++)
        p[i] = (struct property){arena_printf(arena, "t%zu", i), {.type = VALUE_BOOL}};
    for (size_t i = 0; i < TOGETHER; i++)
        list[i] = (struct fact){.kind = FACT_PERSON_TRAITS,
                                .subject = arena_printf(arena, "p%zu", i % (PEOPLE * 4)),
                                .created = (int64_t)FACT_CREATED_NONE,
                                .properties = p,
                                .property_count = TRAITS};
    for (size_t b = 0; b < BATCHES; b++) {
        for (size_t i = 0; i < TRAITS; i++)
            p[i].value = (struct value){.type = VALUE_INT, .integer = (int64_t)b};
        assert_works(store_append(s, &(struct store_batch){NULL, 0, list, TOGETHER}, &r, &e), e);
    }
    add_facts(s, 0, FACTS);
    assert_works(store_maintain(s, &e), e);
    uint64_t before = state_of(s), bytes = facts_bytes(s);
    assert_works(compact_now(s, &e), e);
    assert_true(facts_bytes(s) < bytes / 4);
    store_close(TAKE(s));
    s = open_it(os);
    assert_true(state_of(s) == before);
}

/* By itself, when it is long and has doubled. */
static void a_long_file_is_written_anew(void **state)
{
    (void)state;
    AUTO(os) *os = os_sim_create((struct os_sim_plan){.seed = 4});
    struct store_options options = {.project = STR("main"), .no_background = true};
    AUTO(store) *s = NULL;
    struct err e = {0};
    options.facts_bytes = 20000;
    assert_works(store_open(os, STR("/data"), &options, &s, &e), e);
    add_facts(s, 0, FACTS / 10);
    assert_works(store_maintain(s, &e), e);
    assert_int_equal(manifest_content(s->manifest)->marks.facts_file, 1);
    add_facts(s, FACTS / 10, FACTS);
    uint64_t before = state_of(s);
    assert_works(store_maintain(s, &e), e);
    assert_int_equal(manifest_content(s->manifest)->marks.facts_file, 2);
    assert_true(state_of(s) == before);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_counts_is_kept),
        cmocka_unit_test(a_crash_changes_nothing),
        cmocka_unit_test(many_traits_are_kept_by_turns),
        cmocka_unit_test(a_long_file_is_written_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
