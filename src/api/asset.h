/*
 * api/asset: the dashboard's files, embedded in the binary by tool/embed from web/dist.
 *
 * Built without a dashboard there is one page, /index.html, that says so. Read-only; any thread.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct asset {
    const char *path; /* "/index.html", "/assets/main-3f2a.js"; sorted by path */
    const char *type; /* Content-Type */
    const char *etag; /* strong, with its quotes */
    const unsigned char *plain;
    size_t plain_len;
    const unsigned char *gzip; /* NULL where gzip does not make it smaller */
    size_t gzip_len;
    bool is_immutable; /* the name holds a hash of the content: may be cached for ever */
};

extern const struct asset assets[];
extern const size_t asset_count;
