#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "codec/bytes.h"
#include "codec/json.h"
#include "http/exchange.h"

struct http_connection;

static struct MHD_Connection *mhd_of(const struct http_request *q)
{
    return (struct MHD_Connection *)q->connection;
}

void http_reply_header(struct http_reply *r, const char *name, struct str value)
{
    REQUIRE(r->header_count < HTTP_REPLY_HEADERS_MAX);
    REQUIRE(str_find(value, '\n') == value.len && str_find(value, '\r') == value.len);
    r->headers[r->header_count++] = (struct http_header){name, value};
}

/* How long a client should wait: a full disk takes someone's hand. */
static const char *retry_after(enum err_kind kind)
{
    if (kind == ERR_NO_SPACE)
        return "60";
    return kind == ERR_TOO_MANY ? "10" : "2";
}

void http_reply_error(struct http_request *q, struct http_reply *r, const struct err *e)
{
    BUF_AUTO out = {0};
    struct jwrite w = jwrite_to(&out);

    jwrite_object(&w);
    jwrite_key(&w, STR("error"));
    jwrite_object(&w);
    jwrite_pair_string(&w, "code", str_of(err_code_of(e)));
    jwrite_pair_string(&w, "message", str_of(e->text));
    jwrite_pair_string(&w, "at", str_of(e->at));
    jwrite_pair_string(&w, "hint", str_of(e->hint));
    jwrite_end(&w);
    jwrite_end(&w);

    r->status = err_status(e->kind);
    r->type = NULL;
    r->body = arena_copy(q->arena, buf_str(&out));
    if (err_may_retry(e->kind))
        http_reply_header(r, "Retry-After", str_of(retry_after(e->kind)));
}

struct str http_header(const struct http_request *q, const char *name)
{
    const char *value = NULL;
    size_t len = 0;

    if (MHD_lookup_connection_value_n(mhd_of(q), MHD_HEADER_KIND, name, strlen(name), &value,
                                      &len) != MHD_YES ||
        !value)
        return STR_NONE;
    return (struct str){value, len};
}

struct str http_cookie(const struct http_request *q, struct str name)
{
    struct str all = http_header(q, "Cookie"), part;

    while (str_cut(&all, ';', &part)) {
        struct str key;
        part = str_trim(part);
        if (str_cut(&part, '=', &key) && str_equal(str_trim(key), name))
            return str_trim(part);
    }
    return STR_NONE;
}

struct str http_argument(struct http_request *q, struct str name)
{
    struct str all = q->query, part;

    while (str_cut(&all, '&', &part)) {
        struct str key;
        BUF_AUTO plain = {0};
        if (!str_cut(&part, '=', &key) || !str_equal(key, name))
            continue;
        if (!percent_get(part, true, &plain))
            return STR_NONE;
        return arena_copy(q->arena, buf_str(&plain));
    }
    return STR_NONE;
}

bool http_peer_is_local(const struct http_request *q)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd_of(q), MHD_CONNECTION_INFO_CLIENT_ADDRESS);

    if (!info || !info->client_addr)
        return false;
    if (info->client_addr->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)info->client_addr;
        return (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
    }
    const struct sockaddr_in6 *v6 = (const void *)info->client_addr;
    return info->client_addr->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}
