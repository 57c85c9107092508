/*
 * api/route (private to the room): what all handlers see.
 */
#pragma once
#include <pthread.h>
#include <stdatomic.h>

#include "api/api.h"
#include "collect/collect.h"
#include "flow/asking.h"

/* Who may call a route. */
enum scope {
    SCOPE_PUBLIC,
    SCOPE_LOCAL,   /* from this machine, or with an admin key */
    SCOPE_WRITE,   /* a key that may write */
    SCOPE_SEGMENT, /* the same, but it may also stand in the body */
    SCOPE_ASK,     /* a key of the {project} that may read, or a session */
    SCOPE_CHANGE,  /* a key of the {project} that may do everything, or a session */
    SCOPE_SESSION, /* a signed-in browser */
};

/* What the guard found out. */
struct caller {
    struct str project; /* of the key; empty for a session */
    enum access_scope scope;
    struct str key;     /* its public beginning; empty for a session */
    struct str session; /* its cookie; checked before the handler */
};

/* Decoders keep parsers and arrays from body to body: as many as requests decode at once. */
struct decoder_shelf {
    pthread_mutex_t mutex;
    struct collect_decoder *list[64];
    size_t count;
};

struct api {
    struct api_options options;
    struct http_server *server;
    uint64_t started_ns;
    struct decoder_shelf decoders;
    _Atomic uint64_t events_accepted, events_duplicate, events_conflict, events_refused, questions;
};

extern const struct http_route api_routes[];
extern const size_t api_route_count;

/* The version that If-Match means: 0 = any. */
MUST_USE bool api_match(const struct http_request *q, int64_t *version, struct err *e);
/* For flow/asking. */
struct asking_room api_asking(struct api *api, struct http_request *q);
bool api_is_secure(const struct api *api);
/* Cookie's name: with https it cannot be set by another host or over http. */
struct str api_cookie_name(const struct api *api);

http_handler api_guard, api_enter;
void api_dress(void *context, const struct http_request *q, struct http_reply *r);

http_handler post_events, post_segment;
http_handler post_query, get_definitions, get_me, get_identity;
/* Puts the dashboard into the reply, whatever its status; false in a build without a dashboard. */
bool reply_dashboard(struct http_reply *r);

http_handler get_person_export, delete_person;
/* api/definition.c: events and properties by the route's path. */
http_handler get_definition, put_definition, delete_definition;
/* api/saved.c: insights, dashboards, annotations and alerts by the route's path. */
http_handler list_saved, create_saved, get_saved, replace_saved, delete_saved;
http_handler get_insight_answer, get_board_answers, post_alert_try, get_alert_history;
http_handler get_signin, post_signout;
http_handler get_healthz, get_readyz, get_metrics, get_openapi, get_asset;
