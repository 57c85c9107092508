#include "api/asset.h"
#include "api/route.h"

static const struct asset *find_asset(struct str path)
{
    size_t low = 0, high = asset_count;

    while (low < high) {
        size_t at = (low + high) / 2;
        int order = str_compare(str_of(assets[at].path), path);
        if (order == 0)
            return &assets[at];
        if (order < 0)
            low = at + 1;
        else
            high = at;
    }
    return NULL;
}

/* A page of the dashboard is a path without a file's ending, outside the API's own folders. */
static bool is_page(struct str path)
{
    size_t slash = path.len;

    while (slash > 0 && path.at[slash - 1] != '/')
        slash--;
    struct str last = str_sub(path, slash, path.len);
    return str_find(last, '.') == last.len && !str_starts(path, STR("/api/")) &&
           !str_starts(path, STR("/v1/")) && !str_starts(path, STR("/assets/"));
}

static bool takes_gzip(const struct http_request *q)
{
    struct str all = http_header(q, "Accept-Encoding"), part;

    while (str_cut(&all, ',', &part)) {
        struct str name;
        part = str_trim(part);
        str_cut(&part, ';', &name);
        if (str_equal_fold(str_trim(name), STR("gzip")))
            return !str_equal(str_trim(part), STR("q=0"));
    }
    return false;
}

bool reply_dashboard(struct http_reply *r)
{
    const struct asset *page = find_asset(STR("/index.html"));

    if (!page || asset_count < 2) /* one page alone is the notice that there is no dashboard */
        return false;
    r->type = page->type;
    r->body = (struct str){(const char *)page->plain, page->plain_len};
    return true;
}

bool get_asset(void *context, struct http_request *q, struct http_reply *r, struct err *e)
{
    const struct asset *asset = find_asset(q->path);

    (void)context;
    if (!asset && is_page(q->path))
        asset = find_asset(STR("/index.html"));
    if (!asset) {
        err_set(e, ERR_NOT_FOUND, "there is nothing at %.*s", (int)MIN(q->path.len, 120),
                q->path.at);
        return err_hint(e, "GET /openapi.json lists every path");
    }
    r->type = asset->type;
    http_reply_header(r, "ETag", str_of(asset->etag));
    http_reply_header(r, "Vary", STR("Accept-Encoding"));
    http_reply_header(r, "Cache-Control",
                      asset->is_immutable ? STR("public, max-age=31536000, immutable")
                                          : STR("no-cache"));
    if (str_equal(http_header(q, "If-None-Match"), str_of(asset->etag))) {
        r->status = 304;
        return true;
    }
    if (asset->gzip && takes_gzip(q)) {
        http_reply_header(r, "Content-Encoding", STR("gzip"));
        r->body = (struct str){(const char *)asset->gzip, asset->gzip_len};
    } else {
        r->body = (struct str){(const char *)asset->plain, asset->plain_len};
    }
    return true;
}
