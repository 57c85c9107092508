/*
 * bench/http_load: how many Segment events a server acknowledges in a second.
 *
 * usage: http_load PORT WRITE_KEY CONNECTIONS BATCHES
 *
 * Sends BATCHES batches of 100 distinct events each to 127.0.0.1:PORT/v1/batch over CONNECTIONS
 * kept-open connections, one request in flight on each, and prints one JSON object: events,
 * seconds, events_per_second, p50_ms, p99_ms (request to whole reply), refused. A reply other than
 * 200 is counted as refused, and the first one is shown. Loopback only.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    EVENTS_PER_BATCH = 100,
    DIGITS = 12,
    HEAD_ROOM = 1024,
    BODY_ROOM = EVENTS_PER_BATCH * 320,
    REPLY_ROOM = 16384,
    CONNECTIONS_MAX = 256,
};

struct connection {
    int fd;
    char *request; /* head and body; ids are rewritten in place */
    size_t request_len, sent;
    char *body_at;
    size_t id_at[EVENTS_PER_BATCH]; /* offsets in the body of the digits of each id */
    size_t user_at[EVENTS_PER_BATCH];
    char reply[REPLY_ROOM + 1];
    size_t reply_len;
    double started;
};

struct load {
    int epoll;
    uint64_t batches, begun, done, refused;
    uint64_t next_id;
    double *latency_ms;
};

static void die(const char *what)
{
    fprintf(stderr, "http_load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void base64(const char *in, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t n = strlen(in);
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)(uint8_t)in[i] << 16;
        v |= i + 1 < n ? (uint32_t)(uint8_t)in[i + 1] << 8 : 0;
        v |= i + 2 < n ? (uint8_t)in[i + 2] : 0;
        *out++ = digits[v >> 18];
        *out++ = digits[v >> 12 & 63];
        *out++ = i + 1 < n ? digits[v >> 6 & 63] : '=';
        *out++ = i + 2 < n ? digits[v & 63] : '=';
    }
    *out = 0;
}

static void put_digits(char *at, uint64_t value)
{
    for (int i = DIGITS - 1; i >= 0; i--) {
        at[i] = (char)('0' + value % 10);
        value /= 10;
    }
}

/* Writes the request once; afterwards only the digits of ids and users change. */
static void prepare(struct connection *c, const char *key)
{
    static const char *const names[] = {"page_viewed", "app_opened", "item_viewed", "search_done"};
    static const char *const plans[] = {"free", "basic", "pro", "team"};
    char *body = malloc(BODY_ROOM), credentials[512], encoded[768];
    c->request = malloc(HEAD_ROOM + BODY_ROOM);
    if (!body || !c->request)
        die("memory");
    size_t n = (size_t)snprintf(body, BODY_ROOM, "{\"batch\":[");
    for (int i = 0; i < EVENTS_PER_BATCH; i++) {
        n += (size_t)snprintf(body + n, BODY_ROOM - n,
                              "%s{\"type\":\"track\",\"messageId\":\"load-", i ? "," : "");
        c->id_at[i] = n;
        n += (size_t)snprintf(body + n, BODY_ROOM - n, "%0*d\",\"userId\":\"u", DIGITS, 0);
        c->user_at[i] = n;
        n += (size_t)snprintf(
            body + n, BODY_ROOM - n,
            "%0*d\",\"event\":\"%s\",\"timestamp\":\"2026-07-03T10:%02d:%02d.%03dZ\","
            "\"properties\":{\"country\":\"TH\",\"plan\":\"%s\"}}",
            DIGITS, 0, names[i % 4], i % 60, i * 7 % 60, i * 37 % 1000, plans[i / 4 % 4]);
    }
    n += (size_t)snprintf(body + n, BODY_ROOM - n, "]}");
    snprintf(credentials, sizeof credentials, "%s:", key);
    base64(credentials, encoded);
    size_t head = (size_t)snprintf(c->request, HEAD_ROOM,
                                   "POST /v1/batch HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                                   "Authorization: Basic %s\r\nContent-Type: application/json\r\n"
                                   "Content-Length: %zu\r\n\r\n",
                                   encoded, n);
    memcpy(c->request + head, body, n);
    free(body);
    c->body_at = c->request + head;
    c->request_len = head + n;
}

static void watch(struct load *l, struct connection *c, int operation, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = c};
    if (epoll_ctl(l->epoll, operation, c->fd, &e) != 0)
        die("epoll_ctl");
}

static void push(struct load *l, struct connection *c)
{
    while (c->sent < c->request_len) {
        ssize_t n = send(c->fd, c->request + c->sent, c->request_len - c->sent,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) {
            watch(l, c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
            return;
        }
        if (n < 0)
            die("send");
        c->sent += (size_t)n;
    }
    watch(l, c, EPOLL_CTL_MOD, EPOLLIN);
}

static void begin(struct load *l, struct connection *c)
{
    if (l->begun == l->batches)
        return;
    l->begun++;
    for (int i = 0; i < EVENTS_PER_BATCH; i++) {
        uint64_t id = l->next_id++;
        put_digits(c->body_at + c->id_at[i], id);
        put_digits(c->body_at + c->user_at[i], id * 2654435761u % 50000);
    }
    c->sent = c->reply_len = 0;
    c->started = now();
    push(l, c);
}

/* True when the whole reply is there: head, then as many bytes as Content-Length says. */
static bool is_complete(struct connection *c)
{
    c->reply[c->reply_len] = 0;
    char *end = strstr(c->reply, "\r\n\r\n");
    if (!end)
        return false;
    char *length = strcasestr(c->reply, "content-length:");
    size_t body = length && length < end ? strtoul(length + 15, NULL, 10) : 0;
    return c->reply_len >= (size_t)(end + 4 - c->reply) + body;
}

static void pull(struct load *l, struct connection *c)
{
    for (;;) {
        if (c->reply_len == REPLY_ROOM) {
            errno = EMSGSIZE;
            die("reply");
        }
        ssize_t n = recv(c->fd, c->reply + c->reply_len, REPLY_ROOM - c->reply_len, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0)
            die("the server closed a connection");
        c->reply_len += (size_t)n;
        if (!is_complete(c))
            continue;
        l->latency_ms[l->done++] = (now() - c->started) * 1000;
        if (strncmp(c->reply, "HTTP/1.1 200", 12) != 0 && l->refused++ == 0)
            fprintf(stderr, "http_load: first refusal: %s\n", c->reply);
        begin(l, c);
        return;
    }
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        die("connecting to 127.0.0.1");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return fd;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    unsigned long connections = argc == 5 ? strtoul(argv[3], NULL, 10) : 0;
    struct load l = {.batches = argc == 5 ? strtoull(argv[4], NULL, 10) : 0};
    if (connections < 1 || connections > CONNECTIONS_MAX || l.batches < 1) {
        fprintf(stderr, "usage: http_load PORT WRITE_KEY CONNECTIONS BATCHES\n");
        return 2;
    }
    l.epoll = epoll_create1(0);
    l.latency_ms = calloc(l.batches, sizeof *l.latency_ms);
    struct connection *all = calloc(connections, sizeof *all);
    if (l.epoll < 0 || !all || !l.latency_ms)
        die("start");
    for (unsigned long i = 0; i < connections; i++) {
        all[i].fd = connect_to((uint16_t)strtoul(argv[1], NULL, 10));
        prepare(&all[i], argv[2]);
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = &all[i]};
        if (epoll_ctl(l.epoll, EPOLL_CTL_ADD, all[i].fd, &e) != 0)
            die("epoll_ctl");
    }
    double started = now();
    for (unsigned long i = 0; i < connections; i++)
        begin(&l, &all[i]);
    while (l.done < l.batches) {
        struct epoll_event ready[64];
        int n = epoll_wait(l.epoll, ready, 64, 30000);
        if (n == 0)
            errno = ETIMEDOUT;
        if (n <= 0)
            die("waiting for replies");
        for (int i = 0; i < n; i++) {
            if (ready[i].events & EPOLLOUT)
                push(&l, ready[i].data.ptr);
            if (ready[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                pull(&l, ready[i].data.ptr);
        }
    }
    double seconds = now() - started;
    qsort(l.latency_ms, l.done, sizeof *l.latency_ms, by_value);
    uint64_t events = (l.done - l.refused) * EVENTS_PER_BATCH;
    printf("{\"events\":%" PRIu64 ",\"seconds\":%.3f,\"events_per_second\":%.0f,\"p50_ms\":%.2f,"
           "\"p99_ms\":%.2f,\"refused\":%" PRIu64 "}\n",
           events, seconds, (double)events / seconds, l.latency_ms[l.done / 2],
           l.latency_ms[l.done * 99 / 100], l.refused);
    return l.refused != 0;
}
