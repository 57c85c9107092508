/* Texts and ordinals against a plain list, and readers that go on while the writer adds. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/test.h"
#include "store/textmap.h"

enum { TEXTS = 60000 };

static struct str text_of(char *room, uint32_t k)
{
    return (struct str){room, (size_t)snprintf(room, 32, "person %u", k * 2654435761u)};
}

static void finds_what_is_in(void **state)
{
    (void)state;
    AUTO(textmap) *m = textmap_create(1);
    char room[32];
    for (uint32_t k = 0; k < TEXTS; k++) {
        bool is_new;
        assert_int_equal(textmap_put(m, text_of(room, k), &is_new), k);
        assert_true(is_new);
        assert_int_equal(textmap_put(m, text_of(room, k / 2), &is_new), k / 2);
        assert_false(is_new);
    }
    struct textmap_view v = textmap_look(m);
    for (uint32_t k = 0; k < TEXTS + 100; k++) {
        assert_int_equal(textmap_find(&v, text_of(room, k)), k < TEXTS ? k : TEXTMAP_NONE);
        if (k < TEXTS)
            assert_str(textmap_at(m, k), text_of(room, k));
    }
    textmap_drop(&v);
    assert_int_equal(textmap_count(m), TEXTS);
}

static void a_view_does_not_see_what_comes_later(void **state)
{
    (void)state;
    AUTO(textmap) *m = textmap_create(1);
    textmap_put(m, STR("a"), NULL);
    struct textmap_view v = textmap_look(m);
    textmap_put(m, STR("b"), NULL);
    assert_int_equal(textmap_find(&v, STR("a")), 0);
    assert_int_equal(textmap_find(&v, STR("b")), TEXTMAP_NONE);
    textmap_drop(&v);
}

static void odd_texts(void **state)
{
    (void)state;
    AUTO(textmap) *m = textmap_create(1);
    static char large[TEXTMAP_TEXT_BYTES_MAX];
    struct str odd[] = {STR(""), STR("\0"), STR("\0\0"), {large, sizeof large}, {large, 65534}};
    for (uint32_t i = 0; i < COUNT(odd); i++)
        assert_int_equal(textmap_put(m, odd[i], NULL), i);
    for (uint32_t i = 0; i < COUNT(odd); i++) {
        assert_int_equal(textmap_put(m, odd[i], NULL), i);
        assert_str(textmap_at(m, i), odd[i]);
    }
}

static void loaded_texts_are_found(void **state)
{
    (void)state;
    AUTO(textmap) *m = textmap_create(1);
    static const char bytes[] = "\3\0one\3\0two\5\0three";
    textmap_load(m, bytes);
    textmap_load(m, bytes + 5);
    textmap_load(m, bytes + 10);
    textmap_loaded(m);
    assert_int_equal(textmap_put(m, STR("two"), NULL), 1);
    assert_int_equal(textmap_put(m, STR("four"), NULL), 3);
    assert_str(textmap_at(m, 2), STR("three"));
}

static void hiding_twice_is_hiding_once(void **state)
{
    (void)state;
    AUTO(textmap) *m = textmap_create(1);
    assert_int_equal(textmap_put(m, STR("one"), NULL), 0);
    textmap_hide(m, 0);
    textmap_hide(m, 0);
    assert_int_equal(textmap_hidden(m), 1);
    struct textmap_view v = textmap_look(m);
    assert_int_equal(textmap_find(&v, STR("one")), TEXTMAP_NONE);
    textmap_drop(&v);
    textmap_drop(&v); /* has let go already */
    assert_int_equal(textmap_put(m, STR("one"), NULL), 1);
}

struct shared {
    struct textmap *map;
    pthread_mutex_t lock; /* of put and look, as the store's */
    _Atomic bool is_done;
};

static void *reader(void *context)
{
    struct shared *s = context;
    char room[32];
    while (!atomic_load(&s->is_done)) {
        pthread_mutex_lock(&s->lock);
        struct textmap_view v = textmap_look(s->map);
        pthread_mutex_unlock(&s->lock);
        for (uint32_t k = 0; k < v.count; k += 1 + k / 16) {
            REQUIRE(textmap_find(&v, text_of(room, k)) == k);
            REQUIRE(str_equal(textmap_at(v.map, k), text_of(room, k)));
        }
        REQUIRE(textmap_find(&v, text_of(room, v.count)) == TEXTMAP_NONE);
        textmap_drop(&v);
    }
    return NULL;
}

static void readers_never_wait(void **state)
{
    (void)state;
    AUTO(textmap) *m = textmap_create(1);
    struct shared s = {.map = m, .lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_t threads[3];
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, reader, &s), 0);
    char room[32];
    for (uint32_t k = 0; k < TEXTS; k++) {
        pthread_mutex_lock(&s.lock);
        textmap_put(m, text_of(room, k), NULL);
        pthread_mutex_unlock(&s.lock);
    }
    atomic_store(&s.is_done, true);
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_is_in),
        cmocka_unit_test(a_view_does_not_see_what_comes_later),
        cmocka_unit_test(odd_texts),
        cmocka_unit_test(loaded_texts_are_found),
        cmocka_unit_test(hiding_twice_is_hiding_once),
        cmocka_unit_test(readers_never_wait),
    };
    return cmocka_run_group_tests_name("store/textmap", tests, NULL, NULL);
}
