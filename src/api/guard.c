#include "api/route.h"
#include "codec/bytes.h"

bool api_is_secure(const struct api *api)
{
    return str_starts(api->options.public_url, STR("https://"));
}

struct str api_cookie_name(const struct api *api)
{
    return api_is_secure(api) ? STR("__Host-tenure") : STR("tenure_session");
}

/* "Bearer KEY", or "Basic base64(KEY:)" as Segment's SDKs send it. Empty if there is none. */
static struct str key_of(struct http_request *q)
{
    struct str all = http_header(q, "Authorization"), kind, key;
    BUF_AUTO plain = {0};

    if (!str_cut(&all, ' ', &kind))
        return STR_NONE;
    if (str_equal_fold(kind, STR("Bearer")))
        return str_trim(all);
    if (!str_equal_fold(kind, STR("Basic")) || !base64_get(str_trim(all), &plain))
        return STR_NONE;
    struct str pair = arena_copy(q->arena, buf_str(&plain));
    return str_cut(&pair, ':', &key) ? key : STR_NONE;
}

static bool no_key(struct err *e, const char *what)
{
    err_set(e, ERR_UNAUTHORIZED, "this needs %s", what);
    return err_hint(e, "send it as Authorization: Bearer KEY; `tenure key create` makes one");
}

/* Finds the key and checks that it may do what is needed. */
static bool grant(struct api *api, struct http_request *q, enum access_scope needs,
                  struct caller *caller, struct err *e)
{
    struct access_grant found;
    struct str key = key_of(q);

    if (!key.len)
        return no_key(e,
                      needs == ACCESS_WRITE ? "a project's write key" : "a project's secret key");
    if (!access_key_check(api->options.access, key, q->arena, &found)) {
        err_set(e, ERR_UNAUTHORIZED, "this key is not known, or was revoked");
        err_code(e, "key.unknown");
        return err_hint(e, "`tenure key list` shows the keys in force");
    }
    if (!access_scope_allows(found.scope, needs)) {
        err_set(e, ERR_FORBIDDEN, "a %s key may not do this", access_scope_names[found.scope]);
        err_code(e, "key.scope");
        return err_hint(e, "use a key with the scope %s", access_scope_names[needs]);
    }
    caller->project = found.project;
    caller->scope = found.scope;
    caller->key = found.prefix;
    return true;
}

/* Requests that change something come from our own page, or not at all: a form or a page of another
 * site can send neither this header nor this content type without a preflight. */
static bool check_same_site(struct http_request *q, struct err *e)
{
    struct str site = http_header(q, "Sec-Fetch-Site"), origin = http_header(q, "Origin");
    struct str host = http_header(q, "Host"), type = http_header(q, "Content-Type"), kind;

    if (q->method == HTTP_GET)
        return true;
    str_cut(&type, ';', &kind);
    if (!type.at && !kind.at)
        kind = STR_NONE;
    if (!str_equal_fold(str_trim(kind), STR("application/json"))) {
        err_set(e, ERR_UNSUPPORTED, "a signed-in browser sends application/json here");
        return err_code(e, "csrf.content_type");
    }
    size_t scheme = str_starts(origin, STR("https://")) ? 8 : 7;
    bool same_origin = origin.len > scheme && str_equal(str_sub(origin, scheme, origin.len), host);
    if (str_equal(site, STR("same-origin")) || (!site.at && same_origin))
        return true;
    err_set(e, ERR_FORBIDDEN, "this request does not come from Tenure's own page");
    return err_code(e, "csrf.origin");
}

static bool take_session(struct api *api, struct http_request *q, struct caller *caller,
                         struct err *e)
{
    caller->session = http_cookie(q, api_cookie_name(api));
    if (!caller->session.len) {
        err_set(e, ERR_UNAUTHORIZED, "not signed in");
        err_code(e, "signin.session");
        return err_hint(e, "run `tenure signin` for a sign-in link");
    }
    return check_same_site(q, e);
}

static bool check_local(struct api *api, struct http_request *q, struct caller *caller,
                        struct err *e)
{
    /* A proxy on this machine speaks for others: it says so. */
    if (http_peer_is_local(q) && !http_header(q, "X-Forwarded-For").at &&
        !http_header(q, "Forwarded").at)
        return true;
    return grant(api, q, ACCESS_ADMIN, caller, e);
}

static bool identify(struct api *api, struct http_request *q, struct caller *caller, struct err *e)
{
    bool has_key = http_header(q, "Authorization").len > 0;

    switch ((enum scope)q->route->scope) {
    case SCOPE_PUBLIC:
        return true;
    case SCOPE_LOCAL:
        return check_local(api, q, caller, e);
    case SCOPE_WRITE:
        return grant(api, q, ACCESS_WRITE, caller, e);
    case SCOPE_SEGMENT:
        return !has_key || grant(api, q, ACCESS_WRITE, caller, e);
    case SCOPE_SESSION:
        return take_session(api, q, caller, e);
    case SCOPE_ASK:
    case SCOPE_CHANGE:
        break;
    }
    if (!has_key)
        return take_session(api, q, caller, e);
    bool changes = q->route->scope == SCOPE_CHANGE;
    if (!grant(api, q, changes ? ACCESS_ADMIN : ACCESS_READ, caller, e))
        return false;
    if (str_equal(caller->project, q->name))
        return true;
    err_set(e, ERR_FORBIDDEN, "this key belongs to project \"%.*s\"", STR_ARG(caller->project));
    return err_code(e, "key.project");
}

/* A server that was started read-only: 503, so that whoever sends keeps it and tries again. */
static bool refuse_change(const struct api *api, enum scope scope, struct err *e)
{
    bool changes = scope == SCOPE_WRITE || scope == SCOPE_SEGMENT || scope == SCOPE_CHANGE;

    return !api->options.is_read_only || !changes || projects_refuse(e);
}

bool api_guard(void *context, struct http_request *q, struct http_reply *r, struct err *e)
{
    struct api *api = context;
    struct caller *caller = arena_alloc(q->arena, sizeof *caller);

    (void)r;
    q->guarded = caller;
    return identify(api, q, caller, e) && refuse_change(api, (enum scope)q->route->scope, e);
}

/* Sessions live in the records database, so they are looked up where waiting is allowed. */
bool api_enter(void *context, struct http_request *q, struct http_reply *r, struct err *e)
{
    struct api *api = context;
    const struct caller *caller = q->guarded;

    (void)r;
    if (!caller->session.len)
        return true;
    return access_session_check(api->options.access, caller->session, e);
}

static bool has_header(const struct http_reply *r, const char *name)
{
    for (size_t i = 0; i < r->header_count; i++) {
        if (strcmp(r->headers[i].name, name) == 0)
            return true;
    }
    return false;
}

void api_dress(void *context, const struct http_request *q, struct http_reply *r)
{
    struct api *api = context;
    bool is_cross = q->route && q->route->is_cross_origin;

    http_reply_header(r, "X-Content-Type-Options", STR("nosniff"));
    http_reply_header(r, "Referrer-Policy", STR("no-referrer"));
    http_reply_header(r, "Content-Security-Policy",
                      STR("default-src 'none'; script-src 'self'; style-src 'self'; "
                          "img-src 'self' data:; font-src 'self'; connect-src 'self'; "
                          "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"));
    http_reply_header(r, "Cross-Origin-Opener-Policy", STR("same-origin"));
    http_reply_header(r, "Cross-Origin-Resource-Policy",
                      is_cross ? STR("cross-origin") : STR("same-origin"));
    if (api_is_secure(api))
        http_reply_header(r, "Strict-Transport-Security", STR("max-age=31536000"));
    if (!has_header(r, "Cache-Control"))
        http_reply_header(r, "Cache-Control", STR("no-store"));
    if (r->status == 401)
        http_reply_header(r, "WWW-Authenticate", STR("Bearer"));
}
