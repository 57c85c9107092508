/* People as views see them, and their file: what is written is read, damage is named. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/test.h"
#include "codec/bytes.h"
#include "store/head.h"
#include "store/people_read.h"
#include "store/people_write.h"

static struct str id_of(char *room, uint32_t k)
{
    return (struct str){room, (size_t)snprintf(room, 32, "user-%u@example.com", k)};
}

static bool merge(struct people *p, const char *subject, const char *other, enum fact_kind kind)
{
    return people_apply(p, &(struct fact){.kind = kind,
                                          .subject = str_of(subject),
                                          .other = str_of(other),
                                          .created = (int64_t)FACT_CREATED_NONE});
}

static bool set_plan(struct people *p, const char *who, const char *plan, int64_t created,
                     enum fact_kind kind)
{
    struct property property = {STR("plan"), {.type = VALUE_TEXT, .text = str_of(plan)}};
    return people_apply(p, &(struct fact){.kind = kind,
                                          .subject = str_of(who),
                                          .created = created,
                                          .properties = &property,
                                          .property_count = 1});
}

static uint32_t unit_of(const struct people_view *v, const char *id)
{
    uint32_t ordinal = UINT32_MAX;
    assert_true(people_find(v, str_of(id), &ordinal));
    return people_unit(v, ordinal);
}

static void views_stay_as_they_were(void **state)
{
    (void)state;
    AUTO(people) *p = people_create(1);
    assert_true(set_plan(p, "ann", "free", 100, FACT_PERSON_TRAITS));
    struct people_view *before = people_look(p);
    assert_true(set_plan(p, "ann", "pro", 50, FACT_PERSON_TRAITS));
    assert_false(set_plan(p, "ann", "pro", 70, FACT_PERSON_TRAITS));
    assert_true(merge(p, "ann", "anon", FACT_MERGE));
    struct people_view *after = people_look(p);
    assert_str(people_trait(before, 0, STR("plan")).text, STR("free"));
    assert_str(people_trait(after, 0, STR("plan")).text, STR("pro"));
    assert_int_equal(people_created(before, 0), 100);
    assert_int_equal(people_created(after, 0), 50);
    assert_int_equal(people_count(before), 1);
    assert_int_equal(people_count(after), 2);
    assert_false(people_has_merges(before));
    assert_true(people_has_merges(after));
    uint32_t ordinal;
    assert_false(people_find(before, STR("anon"), &ordinal));
    assert_int_equal(unit_of(after, "anon"), 0);
    people_view_release(before);
    people_view_release(after);
}

static void merges_move_refuse_circles_and_come_apart(void **state)
{
    (void)state;
    AUTO(people) *p = people_create(1);
    assert_true(merge(p, "a", "device", FACT_MERGE));
    assert_false(merge(p, "a", "device", FACT_MERGE)); /* says nothing new */
    assert_false(merge(p, "device", "a", FACT_MERGE)); /* would be a circle */
    assert_false(merge(p, "a", "a", FACT_MERGE));
    assert_true(merge(p, "b", "device", FACT_MERGE)); /* the newest word counts */
    struct people_view *v = people_look(p);
    assert_int_equal(unit_of(v, "device"), unit_of(v, "b"));
    assert_int_not_equal(unit_of(v, "a"), unit_of(v, "b"));
    people_view_release(v);
    assert_false(merge(p, "b", "nobody", FACT_UNMERGE));
    assert_int_equal(people_ordinals(p), 3);            /* and makes nobody */
    assert_true(merge(p, "b", "device", FACT_UNMERGE)); /* exactly that one is undone */
    assert_false(merge(p, "b", "device", FACT_UNMERGE));
    v = people_look(p);
    assert_int_equal(unit_of(v, "device"), unit_of(v, "a"));
    people_view_release(v);
    assert_true(merge(p, "a", "device", FACT_UNMERGE));
    v = people_look(p);
    assert_false(people_has_merges(v));
    people_view_release(v);
}

static void the_newest_trait_of_a_unit_counts(void **state)
{
    (void)state;
    AUTO(people) *p = people_create(1);
    assert_true(set_plan(p, "anon", "trial", 10, FACT_PERSON_TRAITS));
    assert_true(set_plan(p, "ann", "free", 20, FACT_PERSON_TRAITS));
    assert_true(merge(p, "ann", "anon", FACT_MERGE));
    struct people_view *v = people_look(p);
    uint32_t ann = unit_of(v, "anon");
    assert_str(people_id(v, ann), STR("ann"));
    assert_str(people_trait(v, ann, STR("plan")).text, STR("free"));
    assert_int_equal(people_created(v, ann), 10);
    people_view_release(v);
    assert_true(set_plan(p, "anon", "pro", 30, FACT_PERSON_TRAITS));
    v = people_look(p);
    assert_str(people_trait(v, ann, STR("plan")).text, STR("pro"));
    assert_int_equal(people_trait(v, ann, STR("none")).type, VALUE_MISSING);
    people_view_release(v);
}

static void accounts_have_traits_of_their_own(void **state)
{
    (void)state;
    AUTO(people) *p = people_create(1);
    assert_true(set_plan(p, "acme", "team", 10, FACT_ACCOUNT_TRAITS));
    assert_false(set_plan(p, "acme", "team", 10, FACT_ACCOUNT_TRAITS));
    assert_true(set_plan(p, "acme", "own", 10, FACT_PERSON_TRAITS));
    struct people_view *v = people_look(p);
    assert_str(people_account_trait(v, STR("acme"), STR("plan")).text, STR("team"));
    assert_int_equal(people_account_trait(v, STR("other"), STR("plan")).type, VALUE_MISSING);
    assert_int_equal(people_account_trait(v, STR("acme"), STR("x")).type, VALUE_MISSING);
    assert_int_equal(people_count(v), 1);
    assert_int_equal(people_account_created(v, STR("acme")), 10);
    assert_true(people_account_created(v, STR("other")) == (int64_t)FACT_CREATED_NONE);
    people_view_release(v);
}

static void count_trait(void *context, const struct trait_item *item)
{
    size_t *count = context;
    count[item->name.len > 0]++;
    assert_int_equal(item->created, 77);
}

static void many_traits_at_once_and_none(void **state)
{
    (void)state;
    enum { MANY = 100 };
    AUTO(people) *p = people_create(1);
    struct property list[MANY];
    char names[MANY][8];
    for (int i = 0; i < MANY; i++)
        list[i] =
            (struct property){{names[i], (size_t)snprintf(names[i], sizeof names[i], "t%d", i)},
                              {.type = VALUE_INT, .integer = i}};
    struct fact f = {.kind = FACT_PERSON_TRAITS,
                     .subject = STR("rich"),
                     .created = 77,
                     .properties = list,
                     .property_count = MANY};
    assert_true(people_apply(p, &f));
    f.subject = STR("poor"); /* all that is known is when */
    f.property_count = 0;
    assert_true(people_apply(p, &f));
    struct people_view *v = people_look(p);
    size_t rich[2] = {0}, poor[2] = {0};
    for (int i = 0; i < MANY; i++)
        assert_int_equal(people_trait(v, 0, list[i].name).integer, i);
    people_each_trait(v, 0, count_trait, rich);
    people_each_trait(v, 1, count_trait, poor);
    assert_true(rich[0] == 0 && rich[1] == MANY);
    assert_true(poor[0] == 1 && poor[1] == 0);
    people_view_release(v);
}

/* Erasing is the store's matter, as rows are erased, too; here it changes nothing. */
static void facts_do_not_erase(void **state)
{
    (void)state;
    AUTO(people) *p = people_create(1);
    people_put(p, STR("ann"));
    assert_false(people_apply(p, &(struct fact){.kind = FACT_ERASE, .subject = STR("ann")}));
    assert_false(people_apply(p, &(struct fact){.kind = FACT_ERASE_ID, .subject = STR("ann")}));
    assert_int_equal(people_erased_count(p), 0);
}

/* Who took a merge back by naming a third one of the unit: when that one is erased, and all that
 * names it, the merge stays taken back. */
static void erasing_who_parted_two_keeps_them_apart(void **state)
{
    (void)state;
    AUTO(people) *p = people_create(1);
    struct people_erased counts = {0};
    uint32_t third;
    assert_true(merge(p, "ann", "bob", FACT_MERGE) && merge(p, "ann", "cat", FACT_MERGE));
    assert_true(merge(p, "cat", "bob", FACT_UNMERGE)); /* said of neither by cat */
    assert_true(merge(p, "ann", "cat", FACT_UNMERGE));
    struct people_view *v = people_look(p);
    assert_true(people_find(v, STR("cat"), &third));
    people_view_release(v);
    people_erase(p, &third, 1, &counts);
    v = people_look(p);
    assert_int_not_equal(unit_of(v, "ann"), unit_of(v, "bob"));
    people_view_release(v);
}

/* The others of a unit stand as they stood, what was taken back stays taken back. */
static void erasing_one_keeps_the_merges_of_others(void **state)
{
    (void)state;
    AUTO(people) *p = people_create(1);
    struct people_erased counts = {0};
    assert_true(merge(p, "a", "b", FACT_MERGE));
    assert_true(merge(p, "a", "d", FACT_MERGE));
    assert_true(merge(p, "a", "b", FACT_UNMERGE));
    assert_true(merge(p, "a", "c", FACT_MERGE));
    assert_true(set_plan(p, "c", "free", 5, FACT_PERSON_TRAITS));
    uint32_t c = 3, old = people_ordinals(p);
    assert_str(people_id_at(p, c), STR("c"));
    people_erase(p, &c, 1, &counts);
    assert_int_equal(counts.traits, 1);
    assert_int_equal(counts.merges, 1);
    counts = (struct people_erased){0};
    people_erase(p, &c, 1, &counts); /* again: nothing is left of it */
    assert_int_equal(counts.traits, 0);
    assert_int_equal(people_erased_count(p), 1);
    struct people_view *v = people_look(p);
    uint32_t ordinal;
    assert_int_equal(unit_of(v, "d"), unit_of(v, "a"));
    assert_int_not_equal(unit_of(v, "b"), unit_of(v, "a"));
    assert_false(people_find(v, STR("c"), &ordinal));
    people_view_release(v);
    assert_int_equal(people_put(p, STR("c")), old); /* somebody new */
}

/* ---- the file ---- */

enum { PEOPLE = 40000, SALT = 99 };

static void encode(struct people *p, struct buf *blocks, uint32_t pieces)
{
    struct people_view *v = people_look(p);
    for (uint32_t i = 0; i < pieces; i++) {
        uint32_t from = (uint32_t)((uint64_t)PEOPLE * i / pieces);
        uint32_t to = (uint32_t)((uint64_t)PEOPLE * (i + 1) / pieces);
        people_encode(v, SALT, from, to, NULL, 0, blocks);
    }
    people_view_release(v);
}

static struct people *make_people(void)
{
    struct people *p = people_create(1);
    char room[32];
    for (uint32_t k = 0; k < PEOPLE; k++)
        assert_int_equal(people_put(p, id_of(room, k)), k);
    return p;
}

static void the_file_comes_back(void **state)
{
    (void)state;
    AUTO(people) *p = make_people();
    for (uint32_t pieces = 1; pieces < 10; pieces += 4) {
        BUF_AUTO blocks = {0};
        struct err e = {0};
        char room[32];
        encode(p, &blocks, pieces);
        AUTO(people) *q = people_create(2);
        assert_works(people_load(q, buf_str(&blocks), STR("people-1"), SALT, PEOPLE, &e), e);
        struct people_view *v = people_look(q);
        for (uint32_t k = 0; k < PEOPLE; k++) {
            uint32_t ordinal;
            assert_true(people_find(v, id_of(room, k), &ordinal) && ordinal == k);
            assert_str(people_id(v, k), id_of(room, k));
        }
        people_view_release(v);
        assert_int_equal(people_put(q, STR("new")), PEOPLE);
    }
}

static bool loads(struct str blocks, uint32_t salt, uint32_t count, struct err *e)
{
    AUTO(people) *p = people_create(1);
    return people_load(p, blocks, STR("people-1"), salt, count, e);
}

static void damage_is_named(void **state)
{
    (void)state;
    AUTO(people) *p = make_people();
    BUF_AUTO blocks = {0};
    struct err e = {0};
    encode(p, &blocks, 2);
    struct str whole = buf_str(&blocks);
    assert_works(loads(whole, SALT, PEOPLE, &e), e);
    uint64_t dice = 1;
    for (int i = 0; i < 300; i++) {
        size_t at = i < 64 ? (size_t)i : hash_mix(dice++) % blocks.len;
        blocks.at[at] = (char)(blocks.at[at] ^ 0x10);
        e = (struct err){0};
        assert_false(loads(whole, SALT, PEOPLE, &e));
        assert_int_equal(e.kind, ERR_CORRUPT);
        assert_non_null(strstr(e.text, "people-1 is damaged at byte"));
        blocks.at[at] = (char)(blocks.at[at] ^ 0x10);
    }
    assert_false(loads(whole, SALT + 1, PEOPLE, &e));
    assert_false(loads(str_sub(whole, 0, 15), SALT, PEOPLE, &e)); /* no whole head of a block */
    assert_false(loads(whole, SALT, PEOPLE - 1, &e));
    assert_false(loads(whole, SALT, PEOPLE + 1, &e));
    assert_false(loads(str_sub(whole, 0, whole.len - 1), SALT, PEOPLE, &e));
    assert_false(loads(STR(""), SALT, PEOPLE, &e));
    assert_works(loads(STR(""), SALT, 0, &e), e);
}

/* Blocks whose checksum is right, and whose ids are cut all the same. */
static void forged_blocks_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *ids;
        uint32_t bytes, count;
        bool is_good;
    } cases[] = {
        {"\3\0one\3\0two", 10, 2, true},  {"\3\0one\3\0two", 10, 3, false}, /* no length */
        {"\3\0one\3", 6, 2, false},                                         /* half of one */
        {"\3\0one\4\0two", 10, 2, false}, /* a text beyond the end */
        {"\3\0one\3\0two", 10, 1, false}, /* bytes left over */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        BUF_AUTO block = {0};
        struct err e = {0};
        buf_add_u32(&block, cases[i].bytes);
        buf_add_u32(&block, 0);
        buf_add_u32(&block, 0);
        buf_add_u32(&block, cases[i].count);
        buf_add_bytes(&block, cases[i].ids, cases[i].bytes);
        uint32_t crc = crc32c(SALT, block.at + 8, block.len - 8);
        memcpy(block.at + 4, &crc, 4);
        assert_int_equal(loads(buf_str(&block), SALT, cases[i].count, &e), cases[i].is_good);
        assert_int_equal(e.kind, cases[i].is_good ? ERR_NONE : ERR_CORRUPT);
    }
}

/* ---- readers beside the writer ---- */

struct shared {
    struct people *people;
    pthread_mutex_t lock;
    _Atomic bool is_done;
};

static void *reader(void *context)
{
    struct shared *s = context;
    while (!atomic_load(&s->is_done)) {
        pthread_mutex_lock(&s->lock);
        struct people_view *v = people_look(s->people);
        pthread_mutex_unlock(&s->lock);
        /* The writer sets person k's level to n, n + 1, …, one person after the other: in any view
         * levels never rise from one to the next, and differ by one at most. */
        int64_t first = -1, before = INT64_MAX;
        for (uint32_t k = 0; k < people_count(v); k++) {
            struct value level = people_trait(v, k, STR("level"));
            REQUIRE(level.type == VALUE_INT && level.integer <= before);
            before = level.integer;
            if (k == 0)
                first = level.integer;
            REQUIRE(first - before <= 1);
        }
        people_view_release(v);
    }
    return NULL;
}

static void readers_see_one_moment(void **state)
{
    (void)state;
    AUTO(people) *p = people_create(1);
    struct shared s = {.people = p, .lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_t threads[2];
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, reader, &s), 0);
    for (int64_t level = 0; level < 40; level++)
        for (uint32_t k = 0; k < 60; k++) {
            char room[32];
            struct property property = {STR("level"), {.type = VALUE_INT, .integer = level}};
            pthread_mutex_lock(&s.lock);
            assert_true(people_apply(p, &(struct fact){.kind = FACT_PERSON_TRAITS,
                                                       .subject = id_of(room, k),
                                                       .created = (int64_t)FACT_CREATED_NONE,
                                                       .properties = &property,
                                                       .property_count = 1}));
            pthread_mutex_unlock(&s.lock);
        }
    atomic_store(&s.is_done, true);
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_stay_as_they_were),
        cmocka_unit_test(merges_move_refuse_circles_and_come_apart),
        cmocka_unit_test(the_newest_trait_of_a_unit_counts),
        cmocka_unit_test(accounts_have_traits_of_their_own),
        cmocka_unit_test(many_traits_at_once_and_none),
        cmocka_unit_test(facts_do_not_erase),
        cmocka_unit_test(erasing_who_parted_two_keeps_them_apart),
        cmocka_unit_test(erasing_one_keeps_the_merges_of_others),
        cmocka_unit_test(the_file_comes_back),
        cmocka_unit_test(damage_is_named),
        cmocka_unit_test(forged_blocks_are_refused),
        cmocka_unit_test(readers_see_one_moment),
    };
    return cmocka_run_group_tests_name("store/people", tests, NULL, NULL);
}
