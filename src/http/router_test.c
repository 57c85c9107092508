#include "base/test.h"

#include "http/router.h"

static bool nothing(void *context, struct http_request *q, struct http_reply *r, struct err *e)
{
    (void)context;
    (void)q;
    (void)r;
    (void)e;
    return true;
}

static const struct http_route routes[] = {
    {HTTP_GET, "/", 0, HTTP_NOW, 0, false, nothing, "0"},
    {HTTP_POST, "/v1/batch", 0, HTTP_SHORT, 9, true, nothing, "1"},
    {HTTP_POST, "/projects/{project}/query", 0, HTTP_LONG, 9, false, nothing, "2"},
    {HTTP_GET, "/projects/{project}/query", 0, HTTP_LONG, 9, false, nothing, "3"},
    {HTTP_GET, "/projects/list", 0, HTTP_LONG, 9, false, nothing, "4"},
    {HTTP_GET, "/projects/{project}/people/{id}/identity", 0, HTTP_SHORT, 0, false, nothing, "7"},
    {HTTP_GET, "/assets/*", 0, HTTP_NOW, 0, false, nothing, "5"},
    {HTTP_GET, "/*", 0, HTTP_NOW, 0, false, nothing, "6"},
};

static void paths_find_their_routes(void **state)
{
    static const struct {
        enum http_method method;
        const char *path, *doc, *name, *rest;
    } c[] = {
        {HTTP_GET, "/", "0", "", ""},
        {HTTP_POST, "/v1/batch", "1", "", ""},
        {HTTP_POST, "/v1/batch/", "1", "", ""},
        {HTTP_POST, "/v1/batch//", NULL, "", ""},
        {HTTP_POST, "/v1/batc", NULL, "", ""},
        {HTTP_POST, "/v1/batches", NULL, "", ""},
        {HTTP_POST, "/projects/demo/query", "2", "demo", ""},
        {HTTP_GET, "/projects/demo/query/", "3", "demo", ""},
        {HTTP_POST, "/projects//query", NULL, "", ""},
        {HTTP_POST, "/projects/a/b/query", NULL, "", ""},
        {HTTP_GET, "/v1/batch", NULL, "", ""}, /* the catch-all hides no 405 */
        {HTTP_GET, "/projects/list", "4", "", ""},
        {HTTP_GET, "/projects/demo/people/a%2Fb/identity", "7", "demo", "a%2Fb"},
        {HTTP_GET, "/projects/demo/people//identity", "6", "", "projects/demo/people//identity"},
        {HTTP_GET, "/assets/a/b.js", "5", "", "a/b.js"},
        {HTTP_GET, "/assets", "6", "", "assets"},
        {HTTP_GET, "", NULL, "", ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(c); i++) {
        struct http_match m = http_match(routes, COUNT(routes), c[i].method, str_of(c[i].path));
        if (!c[i].doc) {
            assert_null(m.route);
            continue;
        }
        if (!m.route)
            fail_msg("%s has no route", c[i].path);
        assert_string_equal(m.route->doc, c[i].doc);
        assert_str(m.name, str_of(c[i].name));
        assert_str(m.rest, str_of(c[i].rest));
    }
}

static void another_method_is_told_apart_from_no_such_path(void **state)
{
    char room[64];
    struct http_match m =
        http_match(routes, COUNT(routes), HTTP_DELETE, STR("/projects/demo/query"));

    (void)state;
    assert_null(m.route);
    assert_int_equal(m.methods, HTTP_GET | HTTP_POST);
    assert_str(http_allow(m.methods, room), STR("GET, HEAD, POST, OPTIONS"));
    m = http_match(routes, COUNT(routes), HTTP_POST, STR("/nowhere"));
    assert_int_equal(m.methods, 0);
    m = http_match(routes, COUNT(routes), HTTP_GET, STR("/v1/batch"));
    assert_int_equal(m.methods, HTTP_POST);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_find_their_routes),
        cmocka_unit_test(another_method_is_told_apart_from_no_such_path),
    };
    return cmocka_run_group_tests_name("http/router", tests, NULL, NULL);
}
