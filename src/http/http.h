/*
 * http/http: an HTTP/1.1 server for tables of routes, over libmicrohttpd (TLS is a proxy's task).
 *
 * The server owns everything around a handler: routing, limits, framing checks, unpacking gzip and
 * zstd by content, HEAD, OPTIONS, 404, 405 with Allow, CORS where a route asks for it, JSON errors,
 * Retry-After, request ids, and stopping with grace. A handler reads a request whose body is
 * complete, and fills in a reply. It knows nothing of keys and sessions: the guard does, which is
 * asked before a body is read.
 *
 * Threads: a few read and write sockets and never wait for anything else; short handlers that may
 * wait for the disk run on one set of workers, long ones on another, so a heavy question cannot
 * hold up intake. A queue that is full answers 503 with Retry-After. Memory: one arena per request
 * in flight, kept for the next one; bodies in flight are limited in all (HTTP_BODIES_BYTES).
 * Limits: base/limits.h, and HTTP_* below.
 */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "os/os.h"

enum {
    HTTP_CONNECTIONS_MAX = 4096,
    HTTP_CONNECTIONS_PER_ADDRESS = 64, /* not while listening on loopback: a proxy is one address */
    HTTP_IDLE_SECONDS = 60,
    HTTP_HEADER_SECONDS = 10,  /* from the first byte of a connection, or of a request line */
    HTTP_BODY_SLOW_AFTER = 5,  /* seconds, from then on at least … */
    HTTP_BODY_RATE_MIN = 1024, /* bytes a second over the whole body so far */
    HTTP_BODIES_BYTES = 256 << 20,
    HTTP_QUEUE_MAX = 1024, /* requests waiting for a worker, per lane */
    HTTP_HEADERS_MAX = 100,
    HTTP_PATH_BYTES = 8 << 10,
    HTTP_REPLY_HEADERS_MAX = 24,
};

enum http_method { HTTP_GET = 1, HTTP_POST = 2, HTTP_PUT = 4, HTTP_PATCH = 8, HTTP_DELETE = 16 };

enum http_lane {
    HTTP_NOW,   /* on the socket's own thread: must not wait for anything */
    HTTP_SHORT, /* may wait for the disk */
    HTTP_LONG,  /* may compute for seconds */
};

struct http_server;
struct http_connection;
struct http_request;
struct http_reply;

/* On false `e` becomes the reply; the error's kind gives the status. */
typedef bool http_handler(void *context, struct http_request *q, struct http_reply *r,
                          struct err *e);

struct http_route {
    enum http_method method; /* HEAD and OPTIONS come by themselves */
    const char *path; /* "/a/{name}/b/{other}"; a last segment "*" takes any rest, also none */
    int scope;        /* means something to the guard only */
    enum http_lane lane;
    size_t body_max;      /* after unpacking */
    bool is_cross_origin; /* browsers of other sites may call it: CORS with the origin echoed */
    http_handler *handler;
    const char *doc; /* one line */
};

struct http_request {
    enum http_method method;
    bool is_head;        /* a GET of which only the head is sent */
    struct str path;     /* as sent, without the question mark and what follows */
    struct str query;    /* what follows it, as sent */
    struct str name;     /* what stood for {name} */
    struct str rest;     /* what stood for "*", or for a second {name}; as sent */
    struct str body;     /* unpacked; empty in the guard */
    struct str id;       /* of this request; also in the X-Request-Id header of the reply */
    struct arena *arena; /* until the reply has been sent */
    const struct http_route *route;
    const void *guarded; /* the guard's finding, for the handler */
    struct http_connection *connection;
};

struct http_header {
    const char *name;
    struct str value;
};

struct http_reply {
    int status;       /* 0 = 200 */
    const char *type; /* Content-Type; NULL = JSON */
    struct str body;  /* lives in the request's arena or for ever */
    struct http_header headers[HTTP_REPLY_HEADERS_MAX];
    size_t header_count;
};

/* Values live in the request's arena or for ever, and hold no line ends (checked). */
void http_reply_header(struct http_reply *r, const char *name, struct str value);
void http_reply_error(struct http_request *q, struct http_reply *r, const struct err *e);

/* First header of that name (without case), or STR_NONE. */
struct str http_header(const struct http_request *q, const char *name);
struct str http_cookie(const struct http_request *q, struct str name); /* or STR_NONE */
/* A value of the query string, decoded into the arena; STR_NONE if it is not there. */
struct str http_argument(struct http_request *q, struct str name);

/* True once nobody waits for the answer: the client has gone (seen within about a second), or the
 * server stops (http_cancel). Long work looks at it now and then. Lives as long as the request. */
const volatile bool *http_gone(const struct http_request *q);

/* Does the other end of the socket lie on this machine? (A proxy may stand between.) */
bool http_peer_is_local(const struct http_request *q);

struct http_options {
    struct os *os;
    struct str listen; /* "127.0.0.1:8080", "[::1]:0" (0 = any free port), "localhost:80", ":80" */
    const struct http_route *routes;
    size_t route_count;
    http_handler *guard; /* before the body, on the socket's thread; false = refused with `e` */
    http_handler *enter; /* after the body, on the lane's thread, before the handler; may be NULL */
    void (*dress)(void *context, const struct http_request *q,
                  struct http_reply *r); /* headers
                                          of every reply */
    void *context;
    /* Names the Host header may have while listening on loopback, besides the loopback's own: keeps
     * a web page from reaching the server under a name of its own (DNS rebinding). */
    const struct str *hosts;
    size_t host_count;
    unsigned short_workers, long_workers; /* 0 = 16 and 4 */
};

/* ERR_CONFLICT when the port is in use, ERR_USAGE for an address it cannot read. */
MUST_USE bool http_start(const struct http_options *options, struct http_server **out,
                         struct err *e);
/* All requests, and those to come, see http_gone. */
void http_cancel(struct http_server *s);
/* Takes no new connections, finishes what has begun for at most `seconds`, then closes all. */
void http_stop(struct http_server *s, unsigned seconds);
uint16_t http_port(const struct http_server *s);

struct http_stats {
    uint64_t requests;
    uint64_t replies[6]; /* by first digit of the status */
    uint64_t refused_busy;
    uint32_t in_flight;
    uint32_t connections;
};
void http_stats(struct http_server *s, struct http_stats *out);
