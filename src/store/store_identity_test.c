/* Who was merged into whom, when, by whom and why: now, then, after sealing and opening again. */
#include "store/store_sample.h"

static void say(struct store *s, enum fact_kind kind, const char *subject, const char *other,
                int64_t at, const char *by, const char *reason)
{
    struct err e = {0};
    struct store_receipt receipt;
    struct fact f = {.kind = kind,
                     .subject = str_of(subject),
                     .other = str_of(other),
                     .received = at,
                     .created = (int64_t)FACT_CREATED_NONE,
                     .by = str_of(by),
                     .reason = str_of(reason)};
    struct store_batch b = {.facts = &f, .fact_count = 1};
    assert_works(store_append(s, &b, &receipt, &e), e);
    assert_int_equal(receipt.accepted, 1);
}

/* The ids of a person at a moment, the one that stands for them first: "a: a b". */
static struct str ids_at(struct store *s, struct arena *arena, const char *id, int64_t at)
{
    struct err e = {0};
    AUTO(snapshot) *v = NULL;
    struct person_identity who;
    assert_works(store_snapshot(s, &v, &e), e);
    assert_works(snapshot_identity(v, str_of(id), at, arena, &who, &e), e);
    struct str text = arena_printf(arena, "%.*s:", STR_ARG(who.person));
    for (size_t i = 0; i < who.id_count; i++)
        text = arena_printf(arena, "%.*s %.*s", STR_ARG(text), STR_ARG(who.ids[i]));
    return text;
}

static void check(struct store *s)
{
    AUTO(arena) *arena = arena_create(0);
    assert_str(ids_at(s, arena, "dev", IDENTITY_NOW), STR("ann: ann dev"));
    assert_str(ids_at(s, arena, "bob", IDENTITY_NOW), STR("bob: bob"));
    assert_str(ids_at(s, arena, "bob", 250), STR("bob: dev bob phone"));
    assert_str(ids_at(s, arena, "ann", 250), STR("ann: ann"));
    assert_str(ids_at(s, arena, "ann", 100), STR("ann: ann dev"));
    assert_str(ids_at(s, arena, "ann", 99), STR("ann: ann"));
    assert_str(ids_at(s, arena, "phone", 99), STR("phone: phone"));
    assert_str(ids_at(s, arena, "zoe", IDENTITY_NOW), STR("zoe: zoe tab"));

    struct err e = {0};
    AUTO(snapshot) *v = NULL;
    struct person_identity who;
    assert_works(store_snapshot(s, &v, &e), e);
    assert_works(snapshot_identity(v, STR("dev"), IDENTITY_NOW, arena, &who, &e), e);
    assert_int_equal(who.change_count, 3); /* the phone's are bob's business now */
    assert_int_equal(who.changes[0].kind, FACT_MERGE);
    assert_int_equal(who.changes[0].standing, IDENTITY_STANDS);
    assert_str(who.changes[0].by, STR("key tw_1"));
    assert_str(who.changes[0].reason, STR("signed in"));
    assert_int_equal(who.changes[0].at, 100);
    assert_int_equal(who.changes[1].standing, IDENTITY_UNDONE);
    assert_str(who.changes[1].subject, STR("bob"));
    assert_int_equal(who.changes[2].standing, IDENTITY_UNMERGE);
    assert_str(who.changes[2].reason, STR("a shared tablet"));
    assert_works(snapshot_identity(v, STR("dev"), 250, arena, &who, &e), e);
    assert_int_equal(who.changes[0].standing, IDENTITY_BEHIND);
    assert_int_equal(who.changes[1].standing, IDENTITY_STANDS);
    assert_false(snapshot_identity(v, STR("nobody"), IDENTITY_NOW, arena, &who, &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
}

static void history_is_told_and_replayed(void **state)
{
    (void)state;
    for (int turn = 0; turn < 2; turn++) {
        AUTO(os) *os = os_sim_create((struct os_sim_plan){.seed = 1});
        struct store_options options = {.project = STR("p"), .no_background = true};
        struct err e = {0};
        struct store *s;
        assert_works(store_open(os, STR("p"), &options, &s, &e), e);
        say(s, FACT_MERGE, "ann", "dev", 100, "key tw_1", "signed in");
        say(s, FACT_MERGE, "zoe", "tab", 110, "", "");
        if (turn)
            assert_works(store_maintain(s, &e), e); /* a part from the file, a part from the log */
        say(s, FACT_MERGE, "bob", "dev", 200, "key tw_1", "signed in");
        say(s, FACT_MERGE, "bob", "phone", 210, "import x", "");
        say(s, FACT_UNMERGE, "bob", "phone", 290, "import x", "");
        say(s, FACT_UNMERGE, "bob", "dev", 300, "user may", "a shared tablet");
        check(s);
        for (int again = 0; again < 2; again++) {
            store_close(s);
            assert_works(store_open(os, STR("p"), &options, &s, &e), e);
            check(s);
            assert_works(store_maintain(s, &e), e);
            check(s);
        }
        store_close(s);
    }
}

/* What is told of now is what the view answers, whatever was said before. */
static void replay_is_what_the_view_says(void **state)
{
    (void)state;
    enum { IDS = 12, STEPS = 150 };
    static const char *const ids[IDS] = {"a", "b", "c", "d", "e", "f",
                                         "g", "h", "i", "j", "k", "l"};
    for (uint64_t seed = 1; seed <= 20; seed++) {
        AUTO(os) *os = os_sim_create((struct os_sim_plan){.seed = seed});
        struct store_options options = {.project = STR("p"), .no_background = true};
        AUTO(arena) *arena = arena_create(0);
        AUTO(store) *s = NULL;
        struct err e = {0};
        struct store_receipt receipt;
        struct str then[STEPS];
        uint64_t dice = seed << 32;
        assert_works(store_open(os, STR("p"), &options, &s, &e), e);
        for (int step = 0; step < STEPS; step++) {
            struct fact f = {.kind = hash_mix(dice++) % 3 ? FACT_MERGE : FACT_UNMERGE,
                             .subject = str_of(ids[hash_mix(dice++) % IDS]),
                             .other = str_of(ids[hash_mix(dice++) % IDS]),
                             .received = step,
                             .created = (int64_t)FACT_CREATED_NONE};
            struct store_batch b = {.facts = &f, .fact_count = 1};
            assert_works(store_append(s, &b, &receipt, &e), e);
            assert_int_equal(receipt.accepted + receipt.duplicates, 1);
            AUTO(snapshot) *v = NULL;
            struct person_identity who;
            assert_works(store_snapshot(s, &v, &e), e);
            then[step] = STR_NONE;
            if (snapshot_identity(v, STR("a"), IDENTITY_NOW, arena, &who, &e))
                then[step] = ids_at(s, arena, "a", IDENTITY_NOW);
        }
        for (int step = 0; step < STEPS; step++)
            if (then[step].at)
                assert_str(ids_at(s, arena, "a", step), then[step]);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(history_is_told_and_replayed),
        cmocka_unit_test(replay_is_what_the_view_says),
    };
    return cmocka_run_group_tests_name("store/store_identity", tests, NULL, NULL);
}
