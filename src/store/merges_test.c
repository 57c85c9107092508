/* Merges against the plainest model: parents in an array, words in lists. */
#include "store/merges.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/hash.h"
#include "base/test.h"

enum { PEOPLE = 40, WORDS = 64 };

struct plain {
    uint32_t parent[PEOPLE];
    uint32_t words[PEOPLE][WORDS], word_count[PEOPLE]; /* the newest last */
};

static uint32_t plain_root(const struct plain *p, uint32_t i)
{
    while (p->parent[i] != i)
        i = p->parent[i];
    return i;
}

static bool plain_drop(struct plain *p, uint32_t subject, uint32_t other)
{
    for (uint32_t i = 0; i < p->word_count[other]; i++) {
        if (p->words[other][i] != subject)
            continue;
        for (uint32_t k = i + 1; k < p->word_count[other]; k++)
            p->words[other][k - 1] = p->words[other][k];
        p->word_count[other]--;
        return true;
    }
    return false;
}

static bool plain_join(struct plain *p, uint32_t subject, uint32_t other)
{
    if (plain_root(p, subject) == plain_root(p, other))
        return false;
    plain_drop(p, subject, other);
    p->words[other][p->word_count[other]++] = subject;
    p->parent[other] = subject;
    return true;
}

static bool plain_part(struct plain *p, uint32_t subject, uint32_t other)
{
    if (subject == other)
        return false;
    if (!plain_drop(p, subject, other)) {
        if (p->parent[other] == other || plain_root(p, subject) != plain_root(p, other))
            return false;
        subject = p->parent[other];
        plain_drop(p, subject, other);
    }
    if (p->parent[other] != subject)
        return true;
    p->parent[other] = other;
    for (uint32_t i = p->word_count[other]; i-- > 0;)
        if (plain_root(p, p->words[other][i]) != other) {
            p->parent[other] = p->words[other][i];
            break;
        }
    return true;
}

static void same_units(const struct merges_view *v, const struct plain *p)
{
    for (uint32_t i = 0; i < PEOPLE; i++) {
        assert_int_equal(merges_unit(v, i), plain_root(p, i));
        const uint32_t *list;
        size_t count = merges_members(v, i, &list), want = 0;
        if (p->parent[i] != i)
            continue;
        for (uint32_t k = 0; k < PEOPLE; k++) {
            if (plain_root(p, k) != i)
                continue;
            if (list)
                assert_int_equal(list[want], k); /* ascending, itself included */
            want++;
        }
        assert_int_equal(count, want);
        assert_int_equal(list == NULL, want == 1);
    }
}

/* Views of several versions live at once; each stays as it was when it was made. */
static void merges_are_as_in_the_model(void **state)
{
    (void)state;
    enum { STEPS = 240, KEPT = 4 };
    for (uint64_t seed = 1; seed <= 200; seed++) {
        AUTO(merges) *m = merges_create();
        struct plain p = {0}, then[KEPT];
        const struct merges_view *kept[KEPT];
        uint32_t kept_version[KEPT] = {0}, version = 0;
        uint64_t dice = seed << 32;
        uint32_t people = seed % 3 ? PEOPLE : 6; /* few: circles and old words are common */
        for (uint32_t i = 0; i < PEOPLE; i++)
            p.parent[i] = i;
        for (int step = 0; step < STEPS; step++) {
            uint32_t a = (uint32_t)(hash_mix(dice++) % people);
            uint32_t b = (uint32_t)(hash_mix(dice++) % people);
            bool joins = hash_mix(dice++) % 5 < 3;
            bool wants = joins ? plain_join(&p, a, b) : plain_part(&p, a, b);
            assert_int_equal(joins ? merges_join(m, a, b) : merges_part(m, a, b), wants);
            assert_int_equal(merges_root(m, b), plain_root(&p, b));
            version += wants;
            if (hash_mix(dice++) % 4)
                continue;
            const struct merges_view *v = merges_look(m, version);
            same_units(v, &p);
            uint32_t slot = (uint32_t)(hash_mix(dice++) % KEPT), oldest = version;
            kept[slot] = v;
            then[slot] = p;
            kept_version[slot] = version;
            for (int i = 0; i < KEPT; i++)
                if (kept_version[i])
                    oldest = MIN(oldest, kept_version[i]);
            merges_forget(m, oldest);
            for (int i = 0; i < KEPT; i++)
                if (kept_version[i])
                    same_units(kept[i], &then[i]);
        }
        same_units(merges_look(m, version), &p);
    }
}

static void an_old_word_that_would_close_a_circle_waits(void **state)
{
    (void)state;
    AUTO(merges) *m = merges_create();
    uint32_t parent = 99;
    assert_true(merges_join(m, 1, 2));
    assert_true(merges_join(m, 3, 2)); /* newer */
    assert_true(merges_join(m, 2, 1)); /* now 1 hangs under 2 */
    assert_true(merges_stands(m, 1, 2));
    assert_true(merges_part(m, 3, 2));
    assert_false(merges_parent(m, 2, &parent)); /* not back under 1, which hangs under it */
    assert_int_equal(merges_root(m, 1), 2);
    assert_true(merges_part(m, 1, 2));
    assert_false(merges_stands(m, 1, 2));
    assert_int_equal(merges_root(m, 1), 2);
    assert_false(merges_part(m, 1, 2)); /* 2 hangs under nobody */
    assert_true(merges_part(m, 2, 1));
    assert_null(merges_look(m, 1));
}

static void many_in_a_star_and_in_a_chain(void **state)
{
    (void)state;
    enum { MANY = 300000 }; /* a chain that is walked at each step would take hours */
    for (int chain = 0; chain < 2; chain++) {
        AUTO(merges) *m = merges_create();
        for (uint32_t i = 1; i <= MANY; i++) {
            assert_true(merges_join(m, chain ? i : 0, chain ? i - 1 : i));
            assert_false(merges_join(m, chain ? 0 : i, chain ? i : 0)); /* asks the deepest */
        }
        const struct merges_view *v = merges_look(m, 1);
        const uint32_t *list;
        uint32_t root = chain ? MANY : 0;
        assert_int_equal(merges_members(v, root, &list), MANY + 1);
        for (uint32_t i = 0; i <= MANY; i++) {
            assert_int_equal(list[i], i);
            assert_int_equal(merges_unit(v, i), root);
        }
        assert_true(chain ? merges_part(m, MANY / 2 + 1, MANY / 2) : merges_part(m, 0, 1));
        v = merges_look(m, 2);
        assert_int_equal(merges_members(v, root, &list), chain ? MANY / 2 : MANY);
        assert_int_equal(merges_unit(v, 1), chain ? MANY / 2 : 1);
    }
}

static void a_view_keeps_its_merges(void **state)
{
    (void)state;
    AUTO(merges) *m = merges_create();
    assert_null(merges_look(m, 0));
    assert_true(merges_join(m, 1, 2));
    const struct merges_view *v = merges_look(m, 1);
    assert_true(merges_part(m, 1, 2));
    assert_null(merges_look(m, 2));
    merges_forget(m, 1);
    assert_int_equal(merges_unit(v, 2), 1);
    assert_int_equal(merges_unit(v, 4000000000u), 4000000000u);
}

/* ---- readers beside the writer ---- */

struct shared {
    _Atomic(const struct merges_view *) view;
    _Atomic uint32_t version;
    _Atomic bool is_done;
};

/* The writer moves 0 … 999 from root to root, all at once for a reader. */
static void *reader(void *context)
{
    struct shared *s = context;
    while (!atomic_load(&s->is_done)) {
        const struct merges_view *v = atomic_load(&s->view);
        uint32_t unit = merges_unit(v, 0);
        const uint32_t *list;
        REQUIRE(merges_members(v, unit, &list) == 1001);
        for (uint32_t i = 0; i < 1000; i++)
            REQUIRE(merges_unit(v, i) == unit && list[i] == i);
    }
    return NULL;
}

static void readers_see_whole_units(void **state)
{
    (void)state;
    AUTO(merges) *m = merges_create();
    struct shared s = {0};
    pthread_t thread;
    for (uint32_t i = 1; i < 1000; i++)
        assert_true(merges_join(m, 0, i));
    assert_true(merges_join(m, 1000, 0));
    atomic_store(&s.view, merges_look(m, 1));
    assert_int_equal(pthread_create(&thread, NULL, reader, &s), 0);
    for (uint32_t i = 2; i < 500; i++) {
        assert_true(merges_join(m, 999 + i, 0));
        atomic_store(&s.view, merges_look(m, i)); /* nothing is freed: the reader may be behind */
    }
    atomic_store(&s.is_done, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

/* Who was never named stands alone, and is cleared without a trace. */
static void strangers_have_no_merges(void **state)
{
    (void)state;
    AUTO(merges) *m = merges_create();
    uint32_t parent;
    assert_true(merges_join(m, 1, 2));
    merges_clear(m, 99);
    assert_true(merges_stands(m, 1, 2));
    assert_false(merges_stands(m, 2, 1));
    assert_false(merges_stands(m, 99, 2));
    assert_false(merges_stands(m, 1, 99));
    assert_false(merges_parent(m, 99, &parent));
    assert_false(merges_parent(m, 1, &parent));
    assert_true(merges_parent(m, 2, &parent) && parent == 1);
    assert_int_equal(merges_root(m, 99), 99);
    assert_true(merges_join(m, 3, 2)); /* two words about it */
    merges_clear(m, 2);
    assert_false(merges_stands(m, 1, 2));
    assert_false(merges_stands(m, 3, 2));
    assert_int_equal(merges_root(m, 2), 2);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(merges_are_as_in_the_model),
        cmocka_unit_test(an_old_word_that_would_close_a_circle_waits),
        cmocka_unit_test(many_in_a_star_and_in_a_chain),
        cmocka_unit_test(strangers_have_no_merges),
        cmocka_unit_test(a_view_keeps_its_merges),
        cmocka_unit_test(readers_see_whole_units),
    };
    return cmocka_run_group_tests_name("store/merges", tests, NULL, NULL);
}
