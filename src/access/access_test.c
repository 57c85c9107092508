#include "access/testing.h"

static void a_key_opens_its_project_only(void **state)
{
    struct place *p = *state;
    AUTO(arena) *arena = arena_create(0);
    char text[ACCESS_KEY_BYTES + 1];
    struct access_grant grant;
    struct err e = {0};

    place_project(p, "shop");
    assert_works(access_key_create(p->access, STR("shop"), ACCESS_WRITE, text, &e), e);
    assert_int_equal(strlen(text), ACCESS_KEY_BYTES);
    assert_memory_equal(text, "tw_", 3);
    assert_true(access_key_check(p->access, str_of(text), arena, &grant));
    assert_str(grant.project, STR("shop"));
    assert_int_equal(grant.scope, ACCESS_WRITE);

    for (size_t i = 0; i < ACCESS_KEY_BYTES; i++) { /* any other character, anywhere */
        char was = text[i];
        text[i] = was == 'x' ? 'y' : 'x';
        if (access_key_check(p->access, str_of(text), arena, &grant))
            fail_msg("a key with another character at %zu was taken", i);
        text[i] = was;
    }
    assert_false(access_key_check(p->access, str_sub(str_of(text), 0, 54), arena, &grant));
    assert_false(access_key_check(p->access, STR_NONE, arena, &grant));
    assert_false(access_key_create(p->access, STR("nowhere"), ACCESS_WRITE, text, &e));
}

static void keys_survive_reopening_and_are_stored_hashed(void **state)
{
    struct place *p = *state;
    AUTO(arena) *arena = arena_create(0);
    char text[ACCESS_KEY_BYTES + 1], again[ACCESS_KEY_BYTES + 1];
    struct record_value *cells = NULL;
    struct access_grant grant;
    struct err e = {0};

    place_project(p, "shop");
    assert_works(access_key_create(p->access, STR("shop"), ACCESS_READ, text, &e), e);
    assert_works(access_key_create(p->access, STR("shop"), ACCESS_READ, again, &e), e);
    assert_string_not_equal(text, again);
    place_close(p);
    place_open(p);
    assert_true(access_key_check(p->access, str_of(text), arena, &grant));
    assert_int_equal(grant.scope, ACCESS_READ);

    struct record_value prefix = RECORD_T(((struct str){text, ACCESS_PREFIX_BYTES}));
    assert_works(record_one(p->record, "SELECT hash FROM access_key WHERE prefix = $1", &prefix, 1,
                            arena, &cells, &e),
                 e);
    assert_int_equal(cells[0].text.len, 32);
    assert_null(memmem(cells[0].text.at, 32, text + ACCESS_PREFIX_BYTES + 1, 8));
}

static void a_revoked_key_stops_at_once(void **state)
{
    struct place *p = *state;
    AUTO(arena) *arena = arena_create(0);
    char text[ACCESS_KEY_BYTES + 1], other[ACCESS_KEY_BYTES + 1];
    struct access_key *list = NULL;
    struct access_grant grant;
    size_t count = 0;
    struct err e = {0};

    place_project(p, "shop");
    place_project(p, "farm");
    assert_works(access_key_create(p->access, STR("shop"), ACCESS_WRITE, text, &e), e);
    assert_works(access_key_create(p->access, STR("farm"), ACCESS_ADMIN, other, &e), e);
    access_key_list(p->access, STR_NONE, arena, &list, &count);
    assert_int_equal(count, 2);

    assert_false(access_key_revoke(p->access, STR("farm"), str_of(text), &e)); /* not its project */
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_works(access_key_revoke(p->access, STR("shop"), str_of(text), &e), e);
    assert_false(access_key_check(p->access, str_of(text), arena, &grant));
    assert_true(access_key_check(p->access, str_of(other), arena, &grant));
    assert_false(access_key_revoke(p->access, STR("shop"), str_of(text), &e)); /* only once */
    access_key_list(p->access, STR("shop"), arena, &list, &count);
    assert_int_equal(count, 0);

    place_close(p);
    place_open(p);
    assert_false(access_key_check(p->access, str_of(text), arena, &grant));
    assert_true(access_key_check(p->access, str_of(other), arena, &grant));
}

static void scopes(void **state)
{
    enum access_scope scope;
    struct err e = {0};

    (void)state;
    assert_true(access_scope_allows(ACCESS_WRITE, ACCESS_WRITE));
    assert_false(access_scope_allows(ACCESS_WRITE, ACCESS_READ));
    assert_false(access_scope_allows(ACCESS_READ, ACCESS_WRITE));
    assert_false(access_scope_allows(ACCESS_READ, ACCESS_ADMIN));
    assert_true(access_scope_allows(ACCESS_ADMIN, ACCESS_READ));
    assert_true(access_scope_allows(ACCESS_ADMIN, ACCESS_WRITE));
    assert_works(access_scope_from(STR("admin"), &scope, &e), e);
    assert_int_equal(scope, ACCESS_ADMIN);
    assert_false(access_scope_from(STR("root"), &scope, &e));
    assert_int_equal(e.kind, ERR_USAGE);
}

static void a_link_works_once_and_for_15_minutes(void **state)
{
    struct place *p = *state;
    char token[ACCESS_SECRET_BYTES + 1], session[ACCESS_SECRET_BYTES + 1];
    struct err e = {0};

    assert_works(access_link_create(p->access, token, &e), e);
    assert_works(access_link_use(p->access, str_of(token), session, &e), e);
    assert_works(access_session_check(p->access, str_of(session), &e), e);
    assert_false(access_link_use(p->access, str_of(token), session, &e));
    assert_int_equal(e.kind, ERR_UNAUTHORIZED);
    assert_non_null(strstr(e.hint, "tenure signin"));

    assert_works(access_link_create(p->access, token, &e), e);
    os_sim_advance(p->sim, ACCESS_LINK_MS);
    assert_works(access_link_use(p->access, str_of(token), session, &e), e);
    assert_works(access_link_create(p->access, token, &e), e);
    os_sim_advance(p->sim, ACCESS_LINK_MS + 1);
    assert_false(access_link_use(p->access, str_of(token), session, &e));
    assert_false(access_link_use(p->access, STR("guess"), session, &e));
}

static void a_session_ends_when_idle_and_after_a_week(void **state)
{
    struct place *p = *state;
    char token[ACCESS_SECRET_BYTES + 1], session[ACCESS_SECRET_BYTES + 1];
    struct err e = {0};

    assert_works(access_link_create(p->access, token, &e), e);
    assert_works(access_link_use(p->access, str_of(token), session, &e), e);
    os_sim_advance(p->sim, ACCESS_SESSION_IDLE_MS + 1);
    assert_false(access_session_check(p->access, str_of(session), &e));
    assert_int_equal(e.kind, ERR_UNAUTHORIZED);

    assert_works(access_link_create(p->access, token, &e), e);
    assert_works(access_link_use(p->access, str_of(token), session, &e), e);
    int64_t passed = 0;
    while (passed + ACCESS_SESSION_IDLE_MS <= ACCESS_SESSION_MS) { /* used all the time */
        assert_works(access_session_check(p->access, str_of(session), &e), e);
        os_sim_advance(p->sim, ACCESS_SESSION_IDLE_MS);
        passed += ACCESS_SESSION_IDLE_MS;
    }
    assert_works(access_session_check(p->access, str_of(session), &e), e);
    os_sim_advance(p->sim, 1);
    assert_false(access_session_check(p->access, str_of(session), &e));
}

static void signing_out_ends_one_session(void **state)
{
    struct place *p = *state;
    char token[ACCESS_SECRET_BYTES + 1];
    char one[ACCESS_SECRET_BYTES + 1], two[ACCESS_SECRET_BYTES + 1];
    struct err e = {0};

    assert_works(access_link_create(p->access, token, &e), e);
    assert_works(access_link_use(p->access, str_of(token), one, &e), e);
    assert_works(access_link_create(p->access, token, &e), e);
    assert_works(access_link_use(p->access, str_of(token), two, &e), e);
    assert_works(access_session_end(p->access, str_of(one), &e), e);
    assert_false(access_session_check(p->access, str_of(one), &e));
    assert_works(access_session_check(p->access, str_of(two), &e), e);
}

int main(void)
{
#define IN_PLACE(f) cmocka_unit_test_setup_teardown(f, place_make, place_drop)
    static const struct CMUnitTest tests[] = {
        IN_PLACE(a_key_opens_its_project_only),
        IN_PLACE(keys_survive_reopening_and_are_stored_hashed),
        IN_PLACE(a_revoked_key_stops_at_once),
        IN_PLACE(scopes),
        IN_PLACE(a_link_works_once_and_for_15_minutes),
        IN_PLACE(a_session_ends_when_idle_and_after_a_week),
        IN_PLACE(signing_out_ends_one_session),
    };
    return cmocka_run_group_tests_name("access/access", tests, NULL, NULL);
}
