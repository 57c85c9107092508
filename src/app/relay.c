#include "app/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/site.h"
#include "codec/bytes.h"

enum {
    CLIENTS_MAX = 32,
    STACK_BYTES = 2 << 20,
    HANDLES = 3,
    READ_SECONDS = 5, /* a client sends its message at once */
};

struct client {
    struct relay *relay;
    int fd;
    int handles[HANDLES];
    struct buf message;
    struct cancel cancel;
    _Atomic bool is_done;
    bool is_used;
    pthread_t thread;
};

struct relay {
    struct site *site;
    int listen_fd;
    int wake[2]; /* a byte ends the watching thread */
    pthread_t thread;
    struct client clients[CLIENTS_MAX];
};

/* A socket's path may be longer than sun_path: go through the folder's handle. */
static bool socket_address(struct str dir, struct sockaddr_un *out, int *folder, struct err *e)
{
    char path[OS_PATH_BYTES + 1];

    snprintf(path, sizeof path, "%.*s", STR_ARG(dir));
    *folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*folder < 0)
        return err_set(e, ERR_IO, "opening %s: %s", path, strerror(errno));
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(out->sun_path, sizeof out->sun_path, "/proc/self/fd/%d/socket", *folder);
    return true;
}

static bool read_whole(int fd, void *into, size_t len)
{
    char *at = into;

    while (len) {
        ssize_t got = recv(fd, at, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        len -= (size_t)got;
    }
    return true;
}

/* The length and the handles come in one piece; the rest follows. */
static bool receive(struct client *c)
{
    uint32_t bytes = 0;
    char control[CMSG_SPACE(sizeof(int) * HANDLES)];
    struct iovec part = {&bytes, sizeof bytes};
    struct msghdr head = {.msg_iov = &part,
                          .msg_iovlen = 1,
                          .msg_control = control,
                          .msg_controllen = sizeof control};
    struct timeval limit = {.tv_sec = READ_SECONDS};

    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (recvmsg(c->fd, &head, MSG_CMSG_CLOEXEC) != sizeof bytes)
        return false;
    struct cmsghdr *item = CMSG_FIRSTHDR(&head);
    if (!item || item->cmsg_type != SCM_RIGHTS || item->cmsg_len != CMSG_LEN(sizeof(int) * HANDLES))
        return false;
    memcpy(c->handles, CMSG_DATA(item), sizeof(int) * HANDLES);
    if (bytes > COMMAND_TEXT_BYTES)
        return false;
    char *at = buf_reserve(&c->message, bytes);
    if (!read_whole(c->fd, at, bytes))
        return false;
    c->message.len = bytes;
    return true;
}

static bool same_user(int fd)
{
    struct ucred who = {0};
    socklen_t len = sizeof who;

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 &&
           (who.uid == geteuid() || who.uid == 0);
}

static struct terminal terminal_of(struct str text)
{
    int64_t width = 0;
    struct str flags;

    str_cut(&text, ' ', &flags);
    str_to_i64(text, &width);
    return (struct terminal){
        .out_is_terminal = str_find(flags, 'o') < flags.len,
        .err_is_terminal = str_find(flags, 'e') < flags.len,
        .colour = str_find(flags, 'c') < flags.len,
        .is_thai = str_find(flags, 't') < flags.len,
        .width = (unsigned)MAX(width, 0),
    };
}

static FILE *take_handle(int *fd, const char *mode)
{
    FILE *f = fdopen(*fd, mode);

    REQUIRE(f);
    *fd = -1;
    return f;
}

static int run_words(struct client *c, struct run *run, struct str text)
{
    struct str words[ARGS_MAX + 2 * OPTIONS_MAX], version, facts;
    size_t count = 0;
    struct err e = {0};

    if (!varint_get_text(&text, &version) || !varint_get_text(&text, &run->cwd) ||
        !varint_get_text(&text, &facts))
        return 1;
    run->terminal = terminal_of(facts);
    while (text.len && count < COUNT(words) && varint_get_text(&text, &words[count]))
        count++;
    bool ok = count && !text.len;
    if (!ok)
        err_set(&e, ERR_USAGE, "too many words");
    else if (!str_equal(version, STR(TENURE_VERSION)))
        ok = err_set(&e, ERR_CONFLICT,
                     "the running server is tenure %s, this command is tenure %.*s", TENURE_VERSION,
                     STR_ARG(version));
    run->site = c->relay->site;
    ok = ok && command_parse(run, words, count, &e) && command_needs_site(run) &&
         run->command->run(run, &e);
    if (!ok)
        command_error(run, &e);
    return command_exit(run, ok, &e);
}

static void *run_client(void *context)
{
    struct client *c = context;
    unsigned char code = 1;

    if (receive(c)) {
        AUTO(arena) *arena = arena_create(0);
        struct run run = {.arena = arena, .cancel = &c->cancel};
        run.in = take_handle(&c->handles[0], "r");
        run.out = take_handle(&c->handles[1], "w");
        run.err = take_handle(&c->handles[2], "w");
        setvbuf(run.err, NULL, _IOLBF, 4096);
        code = (unsigned char)run_words(c, &run, buf_str(&c->message));
        fclose(run.in);
        if (fclose(run.out) != 0 && code == 0)
            code = 1; /* the result did not reach the typist */
        fclose(run.err);
        (void)!send(c->fd, &code, 1, MSG_NOSIGNAL);
    }
    atomic_store(&c->is_done, true);
    (void)!write(c->relay->wake[1], "d", 1);
    return NULL;
}

static void reap(struct client *c)
{
    pthread_join(c->thread, NULL);
    for (size_t i = 0; i < HANDLES; i++) {
        if (c->handles[i] >= 0)
            close(c->handles[i]);
    }
    close(c->fd);
    buf_free(&c->message);
    memset(c, 0, sizeof *c);
}

static void accept_client(struct relay *r)
{
    int fd = accept4(r->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    struct client *c = NULL;
    pthread_attr_t attributes;

    for (size_t i = 0; i < CLIENTS_MAX && !c; i++) {
        if (!r->clients[i].is_used)
            c = &r->clients[i];
    }
    if (fd < 0)
        return;
    if (!c || !same_user(fd)) {
        close(fd);
        return;
    }
    c->relay = r;
    c->fd = fd;
    c->is_used = true;
    for (size_t i = 0; i < HANDLES; i++)
        c->handles[i] = -1;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    if (pthread_create(&c->thread, &attributes, run_client, c) != 0) {
        close(fd);
        memset(c, 0, sizeof *c);
    }
    pthread_attr_destroy(&attributes);
}

/* Waits for clients, for their going away, and for their end. */
static void *watch(void *context)
{
    struct relay *r = context;

    for (;;) {
        struct pollfd list[2 + CLIENTS_MAX] = {{.fd = r->wake[0], .events = POLLIN},
                                               {.fd = r->listen_fd, .events = POLLIN}};
        for (size_t i = 0; i < CLIENTS_MAX; i++) {
            struct client *c = &r->clients[i];
            bool watched = c->is_used && !c->cancel.flag;
            list[2 + i] = (struct pollfd){.fd = watched ? c->fd : -1, .events = POLLRDHUP};
        }
        if (poll(list, COUNT(list), -1) < 0)
            continue;
        char why = 0;
        if (list[0].revents && read(r->wake[0], &why, 1) == 1 && why == 'e')
            return NULL;
        for (size_t i = 0; i < CLIENTS_MAX; i++) {
            struct client *c = &r->clients[i];
            if (list[2 + i].revents & (POLLRDHUP | POLLHUP | POLLERR))
                cancel_set(&c->cancel);
            if (c->is_used && atomic_load(&c->is_done))
                reap(c);
        }
        if (list[1].revents)
            accept_client(r);
    }
}

static bool open_socket(struct relay *r, struct err *e)
{
    struct sockaddr_un address;
    int folder = -1;

    if (!socket_address(r->site->dir, &address, &folder, e))
        return false;
    struct str path = arena_printf(r->site->arena, "%.*s/socket", STR_ARG(r->site->dir));
    bool ok = os_remove(r->site->os, path, e); /* of a server that was killed: the lock is ours */
    r->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (ok &&
        (r->listen_fd < 0 || bind(r->listen_fd, (struct sockaddr *)&address, sizeof address) < 0 ||
         chmod(path.at, 0600) < 0 || listen(r->listen_fd, CLIENTS_MAX) < 0))
        ok = err_set(e, ERR_IO, "opening the private socket %s: %s", path.at, strerror(errno));
    close(folder);
    return ok;
}

bool relay_start(struct site *site, struct relay **out, struct err *e)
{
    struct relay *r = mem_zero(sizeof *r);

    r->site = site;
    r->listen_fd = r->wake[0] = r->wake[1] = -1;
    if (!open_socket(r, e) || pipe2(r->wake, O_CLOEXEC) < 0 ||
        pthread_create(&r->thread, NULL, watch, r) != 0) {
        if (!e->kind)
            err_set(e, ERR_IO, "starting the private socket: %s", strerror(errno));
        close(r->listen_fd);
        mem_free(r);
        return false;
    }
    *out = r;
    return true;
}

void relay_stop(struct relay *r)
{
    struct err ignored = {0};

    if (!r)
        return;
    (void)!write(r->wake[1], "e", 1);
    pthread_join(r->thread, NULL);
    struct str path = arena_printf(r->site->arena, "%.*s/socket", STR_ARG(r->site->dir));
    if (!os_remove(r->site->os, path, &ignored))
        ignored = (struct err){0}; /* the next start removes it */
    close(r->listen_fd);
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        if (!r->clients[i].is_used)
            continue;
        cancel_set(&r->clients[i].cancel);
        shutdown(r->clients[i].fd, SHUT_RD); /* one that has not sent its message yet */
        reap(&r->clients[i]);
    }
    close(r->wake[0]);
    close(r->wake[1]);
    mem_free(r);
}

/* --- the client's side --------------------------------------------------------------------- */

static void compose(const struct run *run, const struct str *words, size_t count, struct buf *out)
{
    const struct terminal *t = &run->terminal;
    char facts[40];

    snprintf(facts, sizeof facts, "-%s%s%s%s %u", t->out_is_terminal ? "o" : "",
             t->err_is_terminal ? "e" : "", t->colour ? "c" : "", t->is_thai ? "t" : "", t->width);
    buf_add_u32(out, 0);
    varint_put_text(out, STR(TENURE_VERSION));
    varint_put_text(out, run->cwd);
    varint_put_text(out, str_of(facts));
    for (size_t i = 0; i < count; i++)
        varint_put_text(out, words[i]);
    uint32_t bytes = (uint32_t)(out->len - sizeof bytes);
    memcpy(out->at, &bytes, sizeof bytes);
}

static bool send_all(const struct run *run, int fd, struct str message)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int) * HANDLES)];
        struct cmsghdr align;
    } control = {0};
    int handles[HANDLES] = {fileno(run->in), fileno(run->out), fileno(run->err)};
    struct iovec part = {(void *)(uintptr_t)message.at, sizeof(uint32_t)};
    struct msghdr head = {.msg_iov = &part,
                          .msg_iovlen = 1,
                          .msg_control = control.bytes,
                          .msg_controllen = sizeof control.bytes};
    struct cmsghdr *item = CMSG_FIRSTHDR(&head);

    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(sizeof handles);
    memcpy(CMSG_DATA(item), handles, sizeof handles);
    if (sendmsg(fd, &head, MSG_NOSIGNAL) != (ssize_t)sizeof(uint32_t))
        return false;
    for (size_t at = sizeof(uint32_t); at < message.len;) {
        ssize_t n = send(fd, message.at + at, message.len - at, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    return true;
}

/* -1: nobody answers, or (with `e` set) there is no such folder. */
static int call(struct str dir, struct err *e)
{
    struct sockaddr_un address;
    int folder = -1;

    if (!socket_address(dir, &address, &folder, e))
        return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        close(fd);
        fd = -1;
    }
    close(folder);
    return fd;
}

bool relay_answers(struct str dir)
{
    struct err ignored = {0};
    int fd = call(dir, &ignored);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

bool relay_call(const struct run *run, struct str dir, const struct str *words, size_t count,
                int *exit_code, struct err *e)
{
    unsigned char code = 1;
    BUF_AUTO message = {0};

    compose(run, words, count, &message);
    if (message.len > COMMAND_TEXT_BYTES)
        return err_set(e, ERR_USAGE, "the words of this command are over %d bytes long",
                       COMMAND_TEXT_BYTES);
    int fd = call(dir, e);
    if (fd < 0)
        return e->kind ? false : err_set(e, ERR_BUSY, "the server does not answer");
    bool ok = send_all(run, fd, buf_str(&message)) && read_whole(fd, &code, 1);
    close(fd);
    *exit_code = code;
    return ok || err_set(e, ERR_IO, "the server ended before the command was done");
}
