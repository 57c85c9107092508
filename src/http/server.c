#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/limits.h"
#include "codec/unpack.h"
#include "http/exchange.h"
#include "http/listen.h"
#include "http/router.h"
#include "http/watch.h"

enum {
    CONNECTION_BYTES = 64 << 10,  /* libmicrohttpd's memory per connection: header and reads */
    DISCARD_BYTES_MAX = 64 << 20, /* of a refused body, so that the refusal can be read */
    IO_STACK_BYTES = 256 << 10,
    IO_THREADS = 2,
};

struct http_server {
    struct http_options options;
    struct MHD_Daemon *daemon;
    struct listener listener;
    struct shelf shelf;
    struct watch *watch;
    struct lane *short_lane, *long_lane;
    uint64_t id_seed;
    _Atomic uint64_t id_next;
    _Atomic uint64_t body_bytes; /* of all bodies in flight */
    _Atomic uint64_t requests;
    _Atomic uint64_t replies[6];
    _Atomic uint64_t refused_busy;
    _Atomic uint32_t in_flight;
    _Atomic bool is_stopping;
};

static bool is_method(const char *text, enum http_method *out)
{
    static const struct {
        const char *word;
        enum http_method method;
    } words[] = {{"GET", HTTP_GET}, {"HEAD", HTTP_GET},    {"POST", HTTP_POST},
                 {"PUT", HTTP_PUT}, {"PATCH", HTTP_PATCH}, {"DELETE", HTTP_DELETE}};

    for (size_t i = 0; i < COUNT(words); i++) {
        if (strcmp(text, words[i].word) == 0) {
            *out = words[i].method;
            return true;
        }
    }
    return false;
}

/* The reply is an error; the body, if any, is dropped. */
static void settle(struct exchange *x, const struct err *e)
{
    http_reply_error(&x->q, &x->r, e);
    x->is_settled = true;
}

struct header_scan {
    unsigned all, length, encoding, host;
};

static enum MHD_Result count_header(void *context, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
    struct header_scan *scan = context;
    struct str n = str_of(name);

    (void)kind;
    (void)value;
    scan->all++;
    scan->length += str_equal_fold(n, STR("Content-Length"));
    scan->encoding += str_equal_fold(n, STR("Transfer-Encoding"));
    scan->host += str_equal_fold(n, STR("Host"));
    return MHD_YES;
}

/* Two readings of where a body ends are a way to smuggle a request past a proxy: refuse them. */
static bool check_framing(struct exchange *x, bool *has_body, uint64_t *length, struct err *e)
{
    struct header_scan scan = {0};
    struct str text;
    int64_t number = 0;

    MHD_get_connection_values(x->mhd, MHD_HEADER_KIND, count_header, &scan);
    x->must_close = true;
    if (scan.all > HTTP_HEADERS_MAX)
        return err_set(e, ERR_TOO_LARGE, "the request has %u headers; the limit is %d", scan.all,
                       HTTP_HEADERS_MAX);
    if (scan.length > 1 || scan.encoding > 1 || (scan.length && scan.encoding) || scan.host > 1)
        return err_set(e, ERR_INVALID,
                       "Content-Length, Transfer-Encoding or Host are given more than once or "
                       "contradict each other");
    text = http_header(&x->q, "Transfer-Encoding");
    if (scan.encoding && !str_equal_fold(text, STR("chunked")))
        return err_set(e, ERR_UNSUPPORTED, "Transfer-Encoding %.*s is not supported",
                       STR_ARG(text));
    text = http_header(&x->q, "Content-Length");
    if (scan.length && (!str_to_i64(text, &number) || number < 0))
        return err_set(e, ERR_INVALID, "Content-Length %.*s is not a length", STR_ARG(text));
    x->must_close = false;
    *length = (uint64_t)number;
    *has_body = scan.encoding || number > 0;
    return true;
}

/* While listening on loopback only its own names and the configured ones are answered. */
static bool check_host(struct exchange *x, struct err *e)
{
    static const struct str own[] = {{"localhost", 9}, {"127.0.0.1", 9}, {"[::1]", 5}};
    const struct http_options *o = &x->server->options;
    struct str host = http_header(&x->q, "Host");
    size_t end = host.len;

    if (!x->server->listener.is_loopback || !host.at)
        return true;
    while (end > 0 && host.at[end - 1] >= '0' && host.at[end - 1] <= '9')
        end--;
    if (end > 0 && host.at[end - 1] == ':')
        host = str_sub(host, 0, end - 1);
    for (size_t i = 0; i < COUNT(own); i++) {
        if (str_equal_fold(host, own[i]))
            return true;
    }
    for (size_t i = 0; i < o->host_count; i++) {
        if (str_equal_fold(host, o->hosts[i]))
            return true;
    }
    err_set(e, ERR_FORBIDDEN, "this server does not answer to the name \"%.*s\"", STR_ARG(host));
    err_code(e, "http.host");
    return err_hint(e, "start it with --public-url and the address that people use");
}

/* OPTIONS, and what is wrong with the path or method: the reply stands without a handler. */
static void settle_unrouted(struct exchange *x, const struct http_match *m, const char *method)
{
    struct err e = {0};
    char room[64];

    if (!m->methods) {
        err_set(&e, ERR_NOT_FOUND, "there is nothing at %.*s", STR_ARG(x->q.path));
        err_hint(&e, "GET /openapi.json lists every path");
        settle(x, &e);
        return;
    }
    struct str allow = arena_copy(x->arena, http_allow(m->methods, room));
    if (strcmp(method, "OPTIONS") == 0) {
        x->r.status = 204;
        x->is_settled = true;
    } else {
        err_set(&e, ERR_INVALID, "%.40s is not possible at %.*s", method, STR_ARG(x->q.path));
        err_code(&e, "method_not_allowed");
        settle(x, &e);
        x->r.status = 405;
    }
    http_reply_header(&x->r, "Allow", allow);
}

static bool check_length(struct exchange *x, uint64_t length, struct err *e)
{
    struct http_server *s = x->server;

    if (length > x->q.route->body_max) {
        x->must_close = length > DISCARD_BYTES_MAX;
        return err_set(e, ERR_TOO_LARGE, "the body has %llu bytes; the limit here is %zu",
                       (unsigned long long)length, x->q.route->body_max);
    }
    if (atomic_load(&s->body_bytes) + length > HTTP_BODIES_BYTES) {
        atomic_fetch_add(&s->refused_busy, 1);
        return err_set(e, ERR_BUSY, "too many bodies are being read at once");
    }
    return true;
}

/* Looks at the header: everything that can be refused before the body is. */
static void begin(struct exchange *x, const char *method)
{
    struct http_server *s = x->server;
    struct http_match m = {0};
    bool has_body = false;
    uint64_t length = 0;
    struct err e = {0};

    x->has_begun = true;
    x->began_ns = os_monotonic_ns(s->options.os);
    watch_state(s->watch, x->line, LINE_BUSY);
    if (!check_framing(x, &has_body, &length, &e) || !check_host(x, &e)) {
        settle(x, &e);
        return;
    }
    bool is_known = is_method(method, &x->q.method);
    x->q.is_head = strcmp(method, "HEAD") == 0;
    m = http_match(s->options.routes, s->options.route_count, is_known ? x->q.method : 0,
                   x->q.path);
    if (!m.route) {
        /* For CORS the preflight needs the route that the real request will have. */
        struct http_match post =
            http_match(s->options.routes, s->options.route_count,
                       m.methods & HTTP_POST ? HTTP_POST : HTTP_GET, x->q.path);
        x->q.route = post.route;
        settle_unrouted(x, &m, method);
        return;
    }
    x->q.route = m.route;
    x->q.name = m.name;
    x->q.rest = m.rest;
    if (!check_length(x, length, &e) ||
        (s->options.guard && !s->options.guard(s->options.context, &x->q, &x->r, &e)))
        settle(x, &e);
    else if (length && !buf_try_reserve(&x->packed, length)) {
        x->must_close = true;
        err_no_memory(&e, "the body");
        settle(x, &e);
    }
}

static bool check_speed(struct exchange *x, struct err *e)
{
    uint64_t seconds = (os_monotonic_ns(x->server->options.os) - x->began_ns) / 1000000000;

    if (seconds <= HTTP_BODY_SLOW_AFTER || x->packed.len >= seconds * HTTP_BODY_RATE_MIN)
        return true;
    x->must_close = true;
    return err_set(e, ERR_INVALID, "the body came too slowly: %zu bytes in %llu seconds",
                   x->packed.len, (unsigned long long)seconds);
}

/* A piece of the body. False: the connection must end. */
static bool collect(struct exchange *x, const char *bytes, size_t len)
{
    struct http_server *s = x->server;
    struct err e = {0};

    if (x->is_settled) {
        x->discarded += len;
        return x->discarded <= DISCARD_BYTES_MAX;
    }
    if (x->packed.len + len > x->q.route->body_max) {
        err_set(&e, ERR_TOO_LARGE, "the body is larger than the %zu bytes allowed here",
                x->q.route->body_max);
    } else if (atomic_fetch_add(&s->body_bytes, len) + len > HTTP_BODIES_BYTES) {
        x->counted += len;
        err_set(&e, ERR_BUSY, "too many bodies are being read at once");
    } else if (x->counted += len, !buf_try_reserve(&x->packed, len)) {
        err_no_memory(&e, "the body");
    } else {
        buf_add_bytes(&x->packed, bytes, len);
        check_speed(x, &e);
    }
    if (e.kind)
        settle(x, &e);
    return true;
}

/* Runs the handler, on whatever thread the lane says. */
static void answer(struct exchange *x)
{
    const struct http_options *o = &x->server->options;
    struct err e = {0};

    if (!unpack_body(buf_str(&x->packed), x->q.route->body_max, &x->unpacked, &x->q.body, &e) ||
        (o->enter && !o->enter(o->context, &x->q, &x->r, &e)) ||
        !x->q.route->handler(o->context, &x->q, &x->r, &e))
        settle(x, &e);
    x->is_settled = true;
}

static void answer_and_resume(struct exchange *x)
{
    answer(x);
    MHD_resume_connection(x->mhd);
}

/* The whole request is there. True: the reply stands; false: a worker will make it. */
static bool dispatch(struct exchange *x)
{
    struct http_server *s = x->server;

    if (x->is_settled)
        return true;
    if (x->q.route->lane == HTTP_NOW) {
        answer(x);
        return true;
    }
    MHD_suspend_connection(x->mhd);
    x->is_waiting = true;
    if (lane_push(x->q.route->lane == HTTP_SHORT ? s->short_lane : s->long_lane, x))
        return false;
    struct err e = {0};
    err_set(&e, ERR_BUSY, "more than %d requests are waiting", HTTP_QUEUE_MAX);
    settle(x, &e);
    atomic_fetch_add(&s->refused_busy, 1);
    MHD_resume_connection(x->mhd);
    return false; /* it is sent when the connection wakes up */
}

static bool add_header(struct MHD_Response *response, const char *name, const char *value)
{
    return MHD_add_response_header(response, name, value) == MHD_YES;
}

/* Other sites' pages may read replies of cross-origin routes: they carry no cookie of ours. */
static bool add_cors(struct exchange *x, struct MHD_Response *response)
{
    struct str origin = http_header(&x->q, "Origin");
    struct str wanted = http_header(&x->q, "Access-Control-Request-Headers");

    if (!add_header(response, "Vary", "Origin"))
        return false;
    if (!origin.at)
        return true;
    if (!add_header(response, "Access-Control-Allow-Origin", origin.at) ||
        !add_header(response, "Access-Control-Allow-Credentials", "true"))
        return false;
    return x->r.status != 204 ||
           (add_header(response, "Access-Control-Allow-Methods", "GET, POST, OPTIONS") &&
            add_header(response, "Access-Control-Allow-Headers",
                       wanted.at ? wanted.at : "Authorization, Content-Type") &&
            add_header(response, "Access-Control-Max-Age", "86400"));
}

static bool add_headers(struct exchange *x, struct MHD_Response *response)
{
    const struct http_reply *r = &x->r;
    bool ok = !r->body.len ||
              add_header(response, "Content-Type", r->type ? r->type : "application/json");

    for (size_t i = 0; ok && i < r->header_count; i++) {
        struct str value = arena_copy(x->arena, r->headers[i].value);
        ok = add_header(response, r->headers[i].name, value.at);
    }
    if (ok && x->q.route && x->q.route->is_cross_origin)
        ok = add_cors(x, response);
    if (ok && x->q.id.len)
        ok = add_header(response, "X-Request-Id", x->q.id.at);
    if (ok && (x->must_close || atomic_load(&x->server->is_stopping)))
        ok = add_header(response, "Connection", "close");
    return ok;
}

static enum MHD_Result send_reply(struct exchange *x)
{
    struct http_server *s = x->server;
    struct http_reply *r = &x->r;

    if (!r->status)
        r->status = 200;
    atomic_fetch_add(&s->replies[MIN(r->status / 100, 5)], 1);
    if (s->options.dress)
        s->options.dress(s->options.context, &x->q, r);
    struct MHD_Response *response = MHD_create_response_from_buffer(
        r->body.len, (void *)(uintptr_t)r->body.at, MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    /* A reply without one of its headers (a cookie, say) would be a wrong one: rather none. */
    enum MHD_Result ok = add_headers(x, response)
                             ? MHD_queue_response(x->mhd, (unsigned)r->status, response)
                             : MHD_NO;
    MHD_destroy_response(response);
    return ok;
}

static struct line *line_of(struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info ? info->socket_context : NULL;
}

/* The request line has been read: the first that is known of a request. */
static void *on_line(void *context, const char *uri, struct MHD_Connection *c)
{
    struct http_server *s = context;
    struct exchange *x = shelf_take(&s->shelf);
    struct str all = arena_copy(x->arena, str_of(uri));

    x->server = s;
    x->mhd = c;
    x->line = line_of(c);
    x->q.connection = (struct http_connection *)c;
    x->q.arena = x->arena;
    str_cut(&all, '?', &x->q.path);
    x->q.query = all;
    uint64_t number = hash_mix(s->id_seed + atomic_fetch_add(&s->id_next, 1));
    x->q.id = arena_printf(x->arena, "%016llx", (unsigned long long)number);
    atomic_fetch_add(&s->in_flight, 1);
    atomic_fetch_add(&s->requests, 1);
    watch_state(s->watch, x->line, LINE_HEADER);
    return x;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_len, void **keep)
{
    struct exchange *x = *keep;

    (void)context;
    (void)c;
    (void)url;
    (void)version;
    if (!x->has_begun) {
        begin(x, method);
        return x->must_close ? send_reply(x) : MHD_YES;
    }
    if (*upload_len) {
        bool goes_on = collect(x, upload, *upload_len);
        *upload_len = 0;
        return goes_on ? MHD_YES : MHD_NO;
    }
    if (x->is_waiting)
        return x->is_settled ? send_reply(x) : MHD_YES;
    return dispatch(x) ? send_reply(x) : MHD_YES;
}

static void on_end(void *context, struct MHD_Connection *c, void **keep,
                   enum MHD_RequestTerminationCode why)
{
    struct http_server *s = context;
    struct exchange *x = *keep;

    (void)c;
    (void)why;
    if (!x)
        return;
    atomic_fetch_sub(&s->body_bytes, x->counted);
    atomic_fetch_sub(&s->in_flight, 1);
    watch_state(s->watch, x->line, LINE_IDLE);
    shelf_return(&s->shelf, x);
    *keep = NULL;
}

static void on_connection(void *context, struct MHD_Connection *c, void **keep,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http_server *s = context;
    int on = 1;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
        setsockopt(info->connect_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        *keep = watch_add(s->watch, info->connect_fd);
    } else if (*keep) {
        watch_remove(s->watch, *keep);
        *keep = NULL;
    }
}

/* Paths stay as they were sent: nothing of ours needs decoding there. */
static size_t keep_escapes(void *context, struct MHD_Connection *c, char *text)
{
    (void)context;
    (void)c;
    return strlen(text);
}

static bool start_daemon(struct http_server *s, struct err *e)
{
    unsigned per_address = s->listener.is_loopback ? 0 : HTTP_CONNECTIONS_PER_ADDRESS;

    s->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC, 0, NULL, NULL,
        on_request, s, MHD_OPTION_LISTEN_SOCKET, s->listener.fd, MHD_OPTION_THREAD_POOL_SIZE,
        (unsigned)IO_THREADS, MHD_OPTION_THREAD_STACK_SIZE, (size_t)IO_STACK_BYTES,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_MAX,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, per_address, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)HTTP_IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_URI_LOG_CALLBACK, on_line, s,
        MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_NOTIFY_COMPLETED, on_end, s,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_END);
    if (s->daemon)
        return true;
    return err_set(e, ERR_IO, "the HTTP server cannot start: %s", strerror(errno));
}

bool http_start(const struct http_options *options, struct http_server **out, struct err *e)
{
    struct http_server *s = NULL;
    struct listener listener = {0};

    if (!listen_open(options->listen, &listener, e))
        return false;
    s = mem_zero(sizeof *s);
    s->options = *options;
    s->listener = listener;
    os_random(options->os, &s->id_seed, sizeof s->id_seed);
    shelf_init(&s->shelf);
    s->watch = watch_create(options->os);
    s->short_lane =
        lane_create(options->short_workers ? options->short_workers : 16, answer_and_resume);
    s->long_lane =
        lane_create(options->long_workers ? options->long_workers : 4, answer_and_resume);
    if (!start_daemon(s, e)) {
        close(listener.fd);
        http_stop(s, 0);
        return false;
    }
    *out = s;
    return true;
}

const volatile bool *http_gone(const struct http_request *q)
{
    return watch_gone(((const struct exchange *)q)->line);
}

void http_cancel(struct http_server *s)
{
    watch_cancel(s->watch);
}

void http_stop(struct http_server *s, unsigned seconds)
{
    if (!s)
        return;
    atomic_store(&s->is_stopping, true);
    if (s->daemon) {
        MHD_socket fd = MHD_quiesce_daemon(s->daemon);
        if (fd != MHD_INVALID_SOCKET)
            close(fd);
        for (unsigned i = 0; i < seconds * 50 && atomic_load(&s->in_flight); i++)
            usleep(20000);
    }
    /* Handlers end before the sockets do: no connection may be asleep when the daemon stops. */
    lane_end(s->short_lane);
    lane_end(s->long_lane);
    if (s->daemon)
        MHD_stop_daemon(s->daemon);
    lane_destroy(s->short_lane);
    lane_destroy(s->long_lane);
    watch_destroy(s->watch);
    shelf_clear(&s->shelf);
    mem_free(s);
}

uint16_t http_port(const struct http_server *s)
{
    return s->listener.port;
}

void http_stats(struct http_server *s, struct http_stats *out)
{
    *out = (struct http_stats){
        .requests = atomic_load(&s->requests),
        .refused_busy = atomic_load(&s->refused_busy),
        .in_flight = atomic_load(&s->in_flight),
        .connections = watch_count(s->watch),
    };
    for (size_t i = 0; i < COUNT(out->replies); i++)
        out->replies[i] = atomic_load(&s->replies[i]);
}
