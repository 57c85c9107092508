#include "api/route.h"

#include "base/limits.h"

#define SAVED(kind, one, bytes)                                                                    \
    {HTTP_GET,   "/api/v1/projects/{project}/" kind,                                               \
     SCOPE_ASK,  HTTP_SHORT,                                                                       \
     0,          false,                                                                            \
     list_saved, "Saved " kind ", as they were made; ?limit=, ?cursor="},                          \
        {HTTP_POST,    "/api/v1/projects/{project}/" kind,                                         \
         SCOPE_CHANGE, HTTP_LONG,                                                                  \
         bytes,        false,                                                                      \
         create_saved, "Saves " one "; the same id (or Idempotency-Key) again makes nothing new"}, \
        {HTTP_GET,  "/api/v1/projects/{project}/" kind "/{id}",                                    \
         SCOPE_ASK, HTTP_SHORT,                                                                    \
         0,         false,                                                                         \
         get_saved, "Reads " one "; with ETag"},                                                   \
        {HTTP_PUT,      "/api/v1/projects/{project}/" kind "/{id}",                                \
         SCOPE_CHANGE,  HTTP_LONG,                                                                 \
         bytes,         false,                                                                     \
         replace_saved, "Replaces " one "; If-Match: what was read"},                              \
    {                                                                                              \
        HTTP_DELETE, "/api/v1/projects/{project}/" kind "/{id}", SCOPE_CHANGE, HTTP_SHORT, 0,      \
            false, delete_saved, "Removes " one                                                    \
    }

#define DEFINITIONS(kind, one)                                                                     \
    {HTTP_GET,                                                                                     \
     "/api/v1/projects/{project}/definitions/" kind "/{name}",                                     \
     SCOPE_ASK,                                                                                    \
     HTTP_LONG,                                                                                    \
     0,                                                                                            \
     false,                                                                                        \
     get_definition,                                                                               \
     "What is known of " one},                                                                     \
        {HTTP_PUT,                                                                                 \
         "/api/v1/projects/{project}/definitions/" kind "/{name}",                                 \
         SCOPE_CHANGE,                                                                             \
         HTTP_LONG,                                                                                \
         LIMIT_SAVED_BYTES,                                                                        \
         false,                                                                                    \
         put_definition,                                                                           \
         "Says what " one " means, merges others under it, or makes it of others; If-Match"},      \
    {                                                                                              \
        HTTP_DELETE, "/api/v1/projects/{project}/definitions/" kind "/{name}", SCOPE_CHANGE,       \
            HTTP_LONG, 0, false, delete_definition, "Forgets what was said of " one                \
    }

#define SEGMENT(word)                                                                              \
    {HTTP_POST,        "/v1/" word, SCOPE_SEGMENT, HTTP_SHORT,                                     \
     LIMIT_BODY_BYTES, true,        post_segment,  "Segment and RudderStack: " word},              \
    {                                                                                              \
        HTTP_POST, "/segment/v1/" word, SCOPE_SEGMENT, HTTP_SHORT, LIMIT_BODY_BYTES, true,         \
            post_segment, "Segment and RudderStack: " word                                         \
    }

const struct http_route api_routes[] = {
    {HTTP_POST, "/api/v1/events", SCOPE_WRITE, HTTP_SHORT, LIMIT_BODY_BYTES, true, post_events,
     "Takes in events: {\"events\":[…]} or JSON lines"},
    SEGMENT("batch"),
    SEGMENT("b"),
    SEGMENT("track"),
    SEGMENT("t"),
    SEGMENT("identify"),
    SEGMENT("i"),
    SEGMENT("page"),
    SEGMENT("p"),
    SEGMENT("screen"),
    SEGMENT("s"),
    SEGMENT("group"),
    SEGMENT("g"),
    SEGMENT("alias"),
    SEGMENT("a"),
    SEGMENT("import"),
    {HTTP_POST, "/api/v1/projects/{project}/query", SCOPE_ASK, HTTP_LONG, LIMIT_QUERY_BYTES, false,
     post_query,
     "Asks one question: JSON of the query contract, {\"text\":\"…\"}, or the line as text/plain"},
    {HTTP_GET, "/api/v1/projects/{project}/definitions", SCOPE_ASK, HTTP_LONG, 0, false,
     get_definitions,
     "Events and properties: seen since when, how often, and what is said of them; ?hidden=true"},
    DEFINITIONS("events", "an event"),
    DEFINITIONS("properties", "a property"),
    {HTTP_GET, "/api/v1/projects/{project}/people/{id}/export", SCOPE_ASK, HTTP_LONG, 0, false,
     get_person_export, "Everything about a person, as JSON lines"},
    {HTTP_DELETE, "/api/v1/projects/{project}/people/{id}", SCOPE_CHANGE, HTTP_LONG, 0, false,
     delete_person, "Erases a person for good; ?now=true waits until the files are rewritten"},
    {HTTP_GET, "/api/v1/projects/{project}/people/{id}/identity", SCOPE_ASK, HTTP_LONG, 0, false,
     get_identity,
     "Which ids are this person (?at=DATE: were, then), and who merged them, when, why"},
    {HTTP_GET, "/api/v1/projects/{project}/insights/{id}/answer", SCOPE_ASK, HTTP_LONG, 0, false,
     get_insight_answer, "Asks a saved insight; ?last= or ?from=&to= instead of its range"},
    {HTTP_GET, "/api/v1/projects/{project}/dashboards/{id}/answers", SCOPE_ASK, HTTP_LONG, 0, false,
     get_board_answers, "Asks a dashboard's tiles; ?tile= only one, ?last= or ?from=&to="},
    {HTTP_POST, "/api/v1/projects/{project}/alerts/try", SCOPE_ASK, HTTP_LONG, LIMIT_SAVED_BYTES,
     false, post_alert_try, "What an alert would say of the newest interval; keeps nothing"},
    {HTTP_GET, "/api/v1/projects/{project}/alerts/{id}/history", SCOPE_ASK, HTTP_SHORT, 0, false,
     get_alert_history, "An alert's evaluations, the newest first; ?limit=, ?cursor="},
    SAVED("insights", "an insight: a question with a name", LIMIT_SAVED_BYTES),
    SAVED("dashboards", "a dashboard: tiles under one range and filter", LIMIT_SAVED_BYTES),
    SAVED("annotations", "an annotation: what happened, and when", LIMIT_SAVED_BYTES),
    SAVED("alerts", "an alert: a number that is watched", LIMIT_SAVED_BYTES),
    SAVED("segments", "a segment: conditions on people, or a list of them", LIMIT_BODY_BYTES),
    {HTTP_GET, "/api/v1/me", SCOPE_SESSION, HTTP_LONG, 0, false, get_me,
     "The signed-in browser's projects"},
    {HTTP_POST, "/api/v1/signout", SCOPE_SESSION, HTTP_SHORT, 1024, false, post_signout,
     "Ends the session"},
    {HTTP_GET, "/signin", SCOPE_PUBLIC, HTTP_SHORT, 0, false, get_signin,
     "Uses a sign-in link: sets the session and goes to the dashboard"},
    {HTTP_GET, "/healthz", SCOPE_PUBLIC, HTTP_NOW, 0, false, get_healthz, "Is the process alive?"},
    {HTTP_GET, "/readyz", SCOPE_PUBLIC, HTTP_SHORT, 0, false, get_readyz, "Can it take in events?"},
    {HTTP_GET, "/metrics", SCOPE_LOCAL, HTTP_SHORT, 0, false, get_metrics,
     "Figures in Prometheus' text format; from this machine or with an admin key"},
    {HTTP_GET, "/openapi.json", SCOPE_PUBLIC, HTTP_NOW, 0, false, get_openapi,
     "This list, as OpenAPI"},
    {HTTP_GET, "/", SCOPE_PUBLIC, HTTP_NOW, 0, false, get_asset, "The dashboard"},
    {HTTP_GET, "/*", SCOPE_PUBLIC, HTTP_NOW, 0, false, get_asset,
     "The dashboard's files and pages"},
};
const size_t api_route_count = COUNT(api_routes);

struct api *api_create(const struct api_options *options)
{
    struct api *api = mem_zero(sizeof *api);

    api->options = *options;
    api->started_ns = os_monotonic_ns(options->os);
    pthread_mutex_init(&api->decoders.mutex, NULL);
    return api;
}

void api_destroy(struct api *api)
{
    if (!api)
        return;
    for (size_t i = 0; i < api->decoders.count; i++)
        collect_decoder_destroy(api->decoders.list[i]);
    pthread_mutex_destroy(&api->decoders.mutex);
    mem_free(api);
}

void api_http_options(struct api *api, struct http_options *out)
{
    out->routes = api_routes;
    out->route_count = api_route_count;
    out->guard = api_guard;
    out->enter = api_enter;
    out->dress = api_dress;
    out->context = api;
}

void api_set_server(struct api *api, struct http_server *server)
{
    api->server = server;
}

void api_cancel(struct api *api)
{
    if (api->server)
        http_cancel(api->server);
}
