#include "api/route.h"
#include "codec/json.h"

bool get_healthz(void *context, struct http_request *q, struct http_reply *r, struct err *e)
{
    (void)context;
    (void)q;
    (void)e;
    r->body = STR("{\"status\":\"ok\"}");
    return true;
}

bool get_readyz(void *context, struct http_request *q, struct http_reply *r, struct err *e)
{
    struct api *api = context;

    (void)q;
    if (!projects_ready(api->options.projects, e))
        return false;
    r->body = STR("{\"status\":\"ready\"}");
    return true;
}

static void metric(struct buf *out, const char *name, const char *type, const char *help,
                   uint64_t value)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", name, help, name, type, name,
               (unsigned long long)value);
}

bool get_metrics(void *context, struct http_request *q, struct http_reply *r, struct err *e)
{
    struct api *api = context;
    struct http_stats http = {0};
    BUF_AUTO out = {0};

    (void)e;
    if (api->server)
        http_stats(api->server, &http);
    uint64_t up = (os_monotonic_ns(api->options.os) - api->started_ns) / 1000000000;
    metric(&out, "tenure_uptime_seconds", "gauge", "Seconds since the server started", up);
    metric(&out, "tenure_events_accepted_total", "counter", "Events and facts taken in over HTTP",
           atomic_load(&api->events_accepted));
    metric(&out, "tenure_events_duplicate_total", "counter", "Of those sent, already there",
           atomic_load(&api->events_duplicate));
    metric(&out, "tenure_events_conflict_total", "counter",
           "Of those already there, sent again with another content (the first is kept)",
           atomic_load(&api->events_conflict));
    metric(&out, "tenure_collect_refused_total", "counter",
           "Requests with events that were refused", atomic_load(&api->events_refused));
    metric(&out, "tenure_questions_total", "counter", "Questions asked over HTTP",
           atomic_load(&api->questions));
    metric(&out, "tenure_http_requests_total", "counter", "Requests begun", http.requests);
    metric(&out, "tenure_http_refused_busy_total", "counter", "Requests refused for load",
           http.refused_busy);
    metric(&out, "tenure_http_in_flight", "gauge", "Requests being worked on", http.in_flight);
    metric(&out, "tenure_http_connections", "gauge", "Open connections", http.connections);
    buf_printf(&out, "# HELP tenure_http_replies_total Replies by first digit of the status\n"
                     "# TYPE tenure_http_replies_total counter\n");
    for (size_t i = 1; i < COUNT(http.replies); i++)
        buf_printf(&out, "tenure_http_replies_total{class=\"%zuxx\"} %llu\n", i,
                   (unsigned long long)http.replies[i]);
    r->type = "text/plain; version=0.0.4; charset=utf-8";
    r->body = arena_copy(q->arena, buf_str(&out));
    return true;
}

/* --- /openapi.json: the route table in another spelling ----------------------------------- */

static void write_reference(struct jwrite *w, const char *status, const char *words)
{
    jwrite_key(w, str_of(status));
    jwrite_object(w);
    jwrite_pair_string(w, "description", str_of(words));
    jwrite_end(w);
}

static void write_security(struct jwrite *w, int scope)
{
    static const struct {
        bool key, cookie;
    } by[] = {[SCOPE_LOCAL] = {true, false},   [SCOPE_WRITE] = {true, false},
              [SCOPE_SEGMENT] = {true, false}, [SCOPE_ASK] = {true, true},
              [SCOPE_CHANGE] = {true, true},   [SCOPE_SESSION] = {false, true}};

    jwrite_key(w, STR("security"));
    jwrite_array(w);
    if (by[scope].key) {
        jwrite_object(w);
        jwrite_key(w, STR("key"));
        jwrite_array(w);
        jwrite_end(w);
        jwrite_end(w);
    }
    if (by[scope].cookie) {
        jwrite_object(w);
        jwrite_key(w, STR("session"));
        jwrite_array(w);
        jwrite_end(w);
        jwrite_end(w);
    }
    jwrite_end(w);
}

static void write_parameter(struct jwrite *w, const char *name)
{
    jwrite_object(w);
    jwrite_pair_string(w, "name", str_of(name));
    jwrite_pair_string(w, "in", STR("path"));
    jwrite_pair_bool(w, "required", true);
    jwrite_key(w, STR("schema"));
    jwrite_raw(w, STR("{\"type\":\"string\"}"));
    jwrite_end(w);
}

static struct str method_word(enum http_method method)
{
    switch (method) {
    case HTTP_POST:
        return STR("post");
    case HTTP_PUT:
        return STR("put");
    case HTTP_PATCH:
        return STR("patch");
    case HTTP_DELETE:
        return STR("delete");
    case HTTP_GET:
        break;
    }
    return STR("get");
}

static void write_operation(struct jwrite *w, const struct http_route *route)
{
    jwrite_key(w, method_word(route->method));
    jwrite_object(w);
    jwrite_pair_string(w, "summary", str_of(route->doc));
    write_security(w, route->scope);
    if (strstr(route->path, "{project}")) {
        jwrite_key(w, STR("parameters"));
        jwrite_array(w);
        write_parameter(w, "project");
        if (strstr(route->path, "{id}"))
            write_parameter(w, "id");
        jwrite_end(w);
    }
    if (route->body_max) {
        jwrite_key(w, STR("requestBody"));
        jwrite_raw(w, STR("{\"required\":true,\"content\":{\"application/json\":"
                          "{\"schema\":{\"type\":\"object\"}}}}"));
    }
    jwrite_key(w, STR("responses"));
    jwrite_object(w);
    write_reference(w, "200", "done");
    write_reference(w, "default", "an error: {\"error\":{\"code\",\"message\",\"at\",\"hint\"}}");
    jwrite_end(w);
    jwrite_end(w);
}

/* All methods of a path stand under it; the table may have them anywhere. */
static void write_path(struct jwrite *w, size_t first)
{
    const char *path = api_routes[first].path;

    if (strchr(path, '*'))
        return; /* OpenAPI has no word for any path */
    for (size_t i = 0; i < first; i++)
        if (strcmp(api_routes[i].path, path) == 0)
            return;
    jwrite_key(w, str_of(path));
    jwrite_object(w);
    for (size_t i = first; i < api_route_count; i++)
        if (strcmp(api_routes[i].path, path) == 0)
            write_operation(w, &api_routes[i]);
    jwrite_end(w);
}

bool get_openapi(void *context, struct http_request *q, struct http_reply *r, struct err *e)
{
    struct api *api = context;
    BUF_AUTO out = {0};
    struct jwrite w = jwrite_to(&out);

    (void)e;
    jwrite_object(&w);
    jwrite_pair_string(&w, "openapi", STR("3.1.0"));
    jwrite_key(&w, STR("info"));
    jwrite_object(&w);
    jwrite_pair_string(&w, "title", STR("Tenure"));
    jwrite_pair_string(&w, "version", str_of(api->options.version));
    jwrite_end(&w);
    jwrite_key(&w, STR("components"));
    jwrite_raw(&w, STR("{\"securitySchemes\":{\"key\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
                       "\"session\":{\"type\":\"apiKey\",\"in\":\"cookie\","
                       "\"name\":\"tenure_session\"}}}"));
    jwrite_key(&w, STR("paths"));
    jwrite_object(&w);
    for (size_t i = 0; i < api_route_count; i++)
        write_path(&w, i);
    jwrite_end(&w);
    jwrite_end(&w);
    r->body = arena_copy(q->arena, buf_str(&out));
    return true;
}
