#include "base/test.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void memory_is_zeroed_and_grows(void **state)
{
    (void)state;
    unsigned char *bytes = mem_zero(100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(bytes[i], 0);
    memset(bytes, 7, 100);
    bytes = mem_grow(bytes, 1000, 4);
    for (int i = 0; i < 100; i++)
        assert_int_equal(bytes[i], 7);
    mem_free(bytes);
    mem_free(NULL);
    void *none = mem_zero(0);
    assert_non_null(none);
    mem_free(none);
}

static void push_keeps_every_item(void **state)
{
    (void)state;
    int *list = NULL;
    size_t count = 0, room = 0;
    for (int i = 0; i < 1000; i++)
        ARRAY_PUSH(list, count, room) = i;
    assert_int_equal(count, 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(list[i], i);
    mem_free(list);
}

struct thing {
    int closed;
};

static void thing_close(struct thing *t)
{
    if (t)
        t->closed++;
}

AUTO_DEFINE(thing, thing_close)

static struct thing *hand_on(struct thing *owned, bool keep)
{
    AUTO(thing) *t = owned;
    return keep ? TAKE(t) : NULL;
}

static void scopes_close_what_is_not_taken(void **state)
{
    (void)state;
    struct thing t = {0};
    assert_null(hand_on(&t, false));
    assert_int_equal(t.closed, 1);
    assert_ptr_equal(hand_on(&t, true), &t);
    assert_int_equal(t.closed, 1);
}

static void too_much(void)
{
    mem_free(mem_array(SIZE_MAX / 2, 4));
}

/* mem_try says no; a request for it can be refused. */
static void a_try_may_fail(void **state)
{
    (void)state;
    assert_null(mem_try(SIZE_MAX / 2));
    unsigned char *bytes = mem_try(1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(bytes[i], 0);
    mem_free(bytes);
}

static void broken_promise(void)
{
    REQUIRE(1 + 1 == 3);
}

static void kept_promise(void)
{
    REQUIRE(1 + 1 == 2);
}

/* The signal that ends it; negative: its exit code. */
static int end_of(void (*run)(void))
{
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        close(STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        run();
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

static void promises_stop_the_process(void **state)
{
    (void)state;
    assert_int_equal(end_of(kept_promise), 0);
    assert_int_equal(end_of(broken_promise), SIGABRT);
    assert_int_equal(end_of(too_much), -MEM_EXHAUSTED_EXIT);
}

/* Under AddressSanitizer, too much memory is to be refused, as it is without. */
const char *__asan_default_options(void);
__attribute__((visibility("default"))) const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_grows),
        cmocka_unit_test(push_keeps_every_item),
        cmocka_unit_test(scopes_close_what_is_not_taken),
        cmocka_unit_test(promises_stop_the_process),
        cmocka_unit_test(a_try_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
