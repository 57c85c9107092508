#include "http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static bool bad_address(struct str where, struct err *e)
{
    err_set(e, ERR_USAGE, "\"%.*s\" is not an address to listen on", STR_ARG(where));
    return err_hint(e, "give ADDRESS:PORT, such as 127.0.0.1:8080, [::1]:8080 or 0.0.0.0:80");
}

/* Cuts "[::1]:80", "127.0.0.1:80", "localhost:80", ":80" into host and port texts. */
static bool split(struct str where, char *host, size_t host_room, char *port, size_t port_room)
{
    size_t colon = where.len;
    int64_t number = 0;

    while (colon > 0 && where.at[colon - 1] != ':')
        colon--;
    if (colon == 0)
        return false;
    struct str name = str_sub(where, 0, colon - 1);
    struct str digits = str_sub(where, colon, where.len);
    if (!str_to_i64(digits, &number) || number < 0 || number > 65535)
        return false;
    if (name.len >= 2 && name.at[0] == '[' && name.at[name.len - 1] == ']')
        name = str_sub(name, 1, name.len - 2);
    if (str_equal_fold(name, STR("localhost")))
        name = STR("127.0.0.1");
    if (name.len == 0)
        name = STR("0.0.0.0");
    if (name.len >= host_room || digits.len >= port_room)
        return false;
    snprintf(host, host_room, "%.*s", STR_ARG(name));
    snprintf(port, port_room, "%.*s", STR_ARG(digits));
    return true;
}

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)address;
        return (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
    }
    const struct sockaddr_in6 *v6 = (const void *)address;
    return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

static bool open_at(struct str where, const struct addrinfo *address, struct listener *out,
                    struct err *e)
{
    struct sockaddr_storage bound = {0};
    socklen_t len = sizeof bound;
    int on = 1;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return err_set(e, ERR_IO, "opening a socket: %s", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, address->ai_addr, address->ai_addrlen) < 0 || listen(fd, 1024) < 0) {
        int why = errno;
        close(fd);
        if (why == EADDRINUSE) {
            err_set(e, ERR_CONFLICT, "%.*s is in use by another program", STR_ARG(where));
            return err_hint(e, "stop it, or choose another port with --listen");
        }
        err_set(e, ERR_IO, "listening on %.*s: %s", STR_ARG(where), strerror(why));
        return why == EACCES ? err_hint(e, "ports below 1024 need a privilege; choose a higher one")
                             : err_hint(e, "choose an address of this machine with --listen");
    }
    getsockname(fd, (struct sockaddr *)&bound, &len);
    *out = (struct listener){
        .fd = fd,
        .port = ntohs(bound.ss_family == AF_INET ? ((struct sockaddr_in *)&bound)->sin_port
                                                 : ((struct sockaddr_in6 *)&bound)->sin6_port),
        .is_loopback = is_loopback((const struct sockaddr *)&bound),
    };
    return true;
}

bool listen_open(struct str where, struct listener *out, struct err *e)
{
    struct addrinfo want = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                            .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char host[64], port[8];

    if (!split(where, host, sizeof host, port, sizeof port) ||
        getaddrinfo(host, port, &want, &found) != 0 || !found)
        return bad_address(where, e);
    bool ok = open_at(where, found, out, e);
    freeaddrinfo(found);
    return ok;
}
