#include "http/router.h"

/* Does the path fit the pattern? Fills in what stood for the first {name}, and for "*" or a second
 * {name}. */
static bool fits(const char *pattern, struct str path, struct str *name, struct str *rest)
{
    const char *p = pattern;
    size_t at = 0;

    while (*p) {
        if (*p == '*' && !p[1]) {
            *rest = str_sub(path, at, path.len - at);
            return true;
        }
        if (*p == '{') {
            size_t from = at;
            while (at < path.len && path.at[at] != '/')
                at++;
            if (at == from)
                return false;
            *(name->at ? rest : name) = str_sub(path, from, at - from);
            while (*p && *p != '}')
                p++;
            if (*p)
                p++;
            continue;
        }
        if (at == path.len || path.at[at] != *p)
            return false;
        at++;
        p++;
    }
    return at == path.len;
}

struct http_match http_match(const struct http_route *routes, size_t count, enum http_method method,
                             struct str path)
{
    struct http_match m = {0};

    if (path.len > 1 && path.at[path.len - 1] == '/')
        path.len--;
    for (size_t i = 0; i < count; i++) {
        struct str name = STR_NONE, rest = STR_NONE;

        if (!fits(routes[i].path, path, &name, &rest))
            continue;
        if (m.methods && strcmp(routes[i].path, "/*") == 0)
            continue; /* the catch-all is for paths that nothing else has */
        if (routes[i].method != method && strcmp(routes[i].path, "/*") == 0)
            continue;
        m.methods |= routes[i].method;
        if (routes[i].method != method || m.route)
            continue;
        m.route = &routes[i];
        m.name = name;
        m.rest = rest;
    }
    return m;
}

struct str http_allow(unsigned methods, char *room)
{
    static const struct {
        unsigned bit;
        struct str word;
    } words[] = {
        {HTTP_GET, {"GET, HEAD, ", 11}}, {HTTP_POST, {"POST, ", 6}},     {HTTP_PUT, {"PUT, ", 5}},
        {HTTP_PATCH, {"PATCH, ", 7}},    {HTTP_DELETE, {"DELETE, ", 8}},
    };
    size_t len = 0;

    for (size_t i = 0; i < COUNT(words); i++) {
        if (!(methods & words[i].bit))
            continue;
        memcpy(room + len, words[i].word.at, words[i].word.len);
        len += words[i].word.len;
    }
    memcpy(room + len, "OPTIONS", 7);
    return (struct str){room, len + 7};
}
