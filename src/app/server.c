#include "app/server.h"

#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "api/api.h"
#include "app/interrupt.h"
#include "app/relay.h"
#include "app/site.h"
#include "flow/alerts_thread.h"

enum { DRAIN_SECONDS = 7, OPEN_WAIT_MS = 3000, OPEN_STEP_MS = 50, STORE_CHECK_SECONDS = 2 };

struct server {
    struct site *site;
    struct api *api;
    struct http_server *http;
    struct relay *relay;
    struct alerts_thread *alerts;
    struct str host; /* of the public URL */
};

static struct str from(const struct run *run, const char *option, const char *variable,
                       struct str otherwise)
{
    const char *set = getenv(variable);

    return run_value_or(run, option, set && *set ? str_of(set) : otherwise);
}

bool server_settings(const struct run *run, struct server_settings *out, struct err *e)
{
    struct str url = from(run, "--public-url", "TENURE_PUBLIC_URL", STR_NONE);

    while (url.len && url.at[url.len - 1] == '/')
        url.len--;
    out->listen = from(run, "--listen", "TENURE_LISTEN", STR("127.0.0.1:8080"));
    out->public_url = url;
    size_t scheme = str_starts(url, STR("https://")) ? 8 : str_starts(url, STR("http://")) ? 7 : 0;
    struct str host = str_sub(url, scheme, url.len);
    bool is_plain = host.len && scheme && str_find(host, '/') == host.len &&
                    str_find(host, '@') == host.len && str_find(host, ' ') == host.len;
    if (!url.len || is_plain)
        return true;
    err_set(e, ERR_USAGE, "\"%.*s\" is not an address of a site", STR_ARG(url));
    return err_hint(e, "give --public-url like https://tenure.example.com");
}

/* What people type: the public URL, or the address listened on. */
static void set_url(struct server *s, const struct server_settings *settings)
{
    struct str listen = settings->listen, host = settings->public_url;
    size_t colon = listen.len;

    while (colon > 0 && listen.at[colon - 1] != ':')
        colon--;
    struct str name = str_sub(listen, 0, colon ? colon - 1 : 0);
    if (!name.len || str_equal(name, STR("0.0.0.0")) || str_equal(name, STR("[::]")))
        name = STR("localhost");
    if (host.len) {
        s->site->url = arena_copy(s->site->arena, host);
        return;
    }
    s->site->url =
        arena_printf(s->site->arena, "http://%.*s:%u", STR_ARG(name), http_port(s->http));
}

/* "shop.example" of "https://shop.example:8443". */
static struct str host_of(struct str url)
{
    size_t start = str_starts(url, STR("https://")) ? 8 : 7;
    struct str host = str_sub(url, start, url.len);
    size_t end = host.len;

    while (end > 0 && host.at[end - 1] >= '0' && host.at[end - 1] <= '9')
        end--;
    return end > 0 && host.at[end - 1] == ':' ? str_sub(host, 0, end - 1) : host;
}

/* To the server's log, from the thread of the alerts. */
static void print_lines(void *context, struct str lines)
{
    (void)context;
    fwrite(lines.at, 1, lines.len, stderr);
    fflush(stderr);
}

static void start_alerts(struct server *s)
{
    struct alerts_options options = {
        .os = s->site->os, .record = s->site->record, .projects = s->site->projects};

    s->alerts = alerts_thread_start(&options, print_lines, NULL);
}

bool server_start(struct site *site, const struct server_settings *settings, struct server **out,
                  struct err *e)
{
    struct server *s = mem_zero(sizeof *s);
    struct api_options api = {.os = site->os,
                              .access = site->access,
                              .projects = site->projects,
                              .record = site->record,
                              .pool = site->pool,
                              .is_read_only = site->is_read_only,
                              .public_url = settings->public_url,
                              .version = TENURE_VERSION};
    struct http_options http = {.os = site->os, .listen = settings->listen};

    s->site = site;
    s->api = api_create(&api);
    api_http_options(s->api, &http);
    s->host = arena_copy(site->arena, host_of(settings->public_url));
    http.hosts = &s->host;
    http.host_count = settings->public_url.len > 0;
    if (!http_start(&http, &s->http, e)) {
        server_stop(s);
        return false;
    }
    api_set_server(s->api, s->http);
    set_url(s, settings);
    if (!site->is_read_only && !relay_start(site, &s->relay, e)) {
        server_stop(s);
        return false;
    }
    if (!site->is_read_only)
        start_alerts(s);
    *out = s;
    return true;
}

void server_stop(struct server *s)
{
    if (!s)
        return;
    /* Commands first: they may hold questions and imports that end at their next safe point. */
    relay_stop(s->relay);
    alerts_thread_stop(s->alerts);
    api_cancel(s->api);
    http_stop(s->http, DRAIN_SECONDS);
    api_destroy(s->api);
    s->site->url = STR_NONE;
    mem_free(s);
}

bool server_open_site(struct run *run, struct os *os, enum site_use use, struct site **out,
                      struct err *e)
{
    struct str dir = run_data_dir(run);

    interrupt_block(); /* before the site makes threads */
    for (unsigned waited = 0;; waited += OPEN_STEP_MS) {
        struct err held = {0};
        if (site_open(os, dir, use, run->command->name, out, &held))
            return true;
        if (held.kind != ERR_BUSY) {
            *e = held;
            return false;
        }
        if (relay_answers(dir) || waited >= OPEN_WAIT_MS)
            break;
        usleep(OPEN_STEP_MS * 1000);
    }
    struct str holder = site_holder(os, dir, run->arena);
    err_set(e, ERR_CONFLICT, "data directory %.*s is in use by %.*s", STR_ARG(dir),
            STR_ARG(holder));
    err_code(e, "data.in_use");
    return err_hint(e, "stop it first, or choose another with --data");
}

static void print_address(struct run *run, struct site *site, const char *token)
{
    fprintf(run->out,
            "\nTenure is at %.*s\n\nSign in (once, within 15 minutes):\n"
            "  %.*s/signin?token=%s\n\n",
            STR_ARG(site->url), STR_ARG(site->url), token);
    fprintf(run->err, "Data in %.*s%s. Ctrl-C stops.\n", STR_ARG(site->dir),
            site->is_read_only ? ", which is only read and not changed" : "");
    fflush(run->out);
    fflush(run->err);
}

static void print_news(struct run *run, struct site *site)
{
    BUF_AUTO news = {0};

    projects_news(site->projects, &news);
    fwrite(news.at, 1, news.len, run->err);
    fflush(run->err);
}

/* Waits for a signal, and tells meanwhile what happens to the stores. */
static void wait_to_stop(struct run *run, struct site *site)
{
    struct timespec check = {.tv_sec = STORE_CHECK_SECONDS};
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    while (sigtimedwait(&set, NULL, &check) < 0) {
        print_news(run, site);
        site_keep_reserve(site);
    }
    print_news(run, site);
}

bool server_run(struct run *run, struct site *site, struct err *e)
{
    char token[ACCESS_SECRET_BYTES + 1];

    if (!access_link_create(site->access, token, e))
        return false;
    print_address(run, site, token);
    if (!run_flag(run, "--exit-after-ready"))
        wait_to_stop(run, site);
    fprintf(run->err, "Stopping.\n");
    return true;
}

bool command_serve(struct run *run, struct err *e)
{
    AUTO(os) *os = os_linux_create();
    struct server_settings settings;
    AUTO(site) *site = NULL;
    struct server *server = NULL;
    enum site_use use = run_flag(run, "--read-only") ? SITE_READ : SITE_WRITE;

    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (!server_settings(run, &settings, e) || !server_open_site(run, os, use, &site, e) ||
        !server_start(site, &settings, &server, e))
        return false;
    bool ok = server_run(run, site, e);
    server_stop(server);
    return ok;
}
