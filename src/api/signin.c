#include "api/route.h"

/* For a build without the dashboard, which says the same. Text only: the strict policy of our pages
 * allows no style of its own here. */
static const char old_link_page[] =
    "<!doctype html>\n"
    "<html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
    "<title>Tenure: sign in</title></head>\n"
    "<body><main><h1>This sign-in link no longer works</h1>\n"
    "<p>A link works once, for 15 minutes. Run <code>tenure signin</code> for a new one.</p>\n"
    "<p lang=\"th\">ลิงก์ลงชื่อเข้าใช้นี้ใช้ไม่ได้แล้ว ลิงก์ใช้ได้ครั้งเดียวภายใน 15 นาที "
    "เรียกใช้ <code>tenure signin</code> เพื่อขอลิงก์ใหม่</p>\n"
    "</main></body></html>\n";

static void set_cookie(struct api *api, struct http_request *q, struct http_reply *r,
                       const char *value, int seconds)
{
    http_reply_header(r, "Set-Cookie",
                      arena_printf(q->arena,
                                   "%.*s=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Lax%s",
                                   STR_ARG(api_cookie_name(api)), value, seconds,
                                   api_is_secure(api) ? "; Secure" : ""));
}

bool get_signin(void *context, struct http_request *q, struct http_reply *r, struct err *e)
{
    struct api *api = context;
    struct str token = http_argument(q, STR("token"));
    char session[ACCESS_SECRET_BYTES + 1];

    r->type = "text/html; charset=utf-8";
    if (q->is_head) { /* only looking must not use the link up */
        r->status = 200;
        return true;
    }
    if (access_link_use(api->options.access, token, session, e)) {
        set_cookie(api, q, r, session, ACCESS_SESSION_MS / 1000);
        http_reply_header(r, "Location", STR("/"));
        r->status = 303;
        return true;
    }
    if (e->kind != ERR_UNAUTHORIZED)
        return false;
    r->status = 401;
    if (!reply_dashboard(r))
        r->body = (struct str){old_link_page, sizeof old_link_page - 1};
    return true;
}

bool post_signout(void *context, struct http_request *q, struct http_reply *r, struct err *e)
{
    struct api *api = context;
    const struct caller *caller = q->guarded;

    if (!access_session_end(api->options.access, caller->session, e))
        return false;
    set_cookie(api, q, r, "", 0);
    r->body = STR("{\"signed_in\":false}");
    return true;
}
