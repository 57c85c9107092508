/*
 * http/router (private to the room): which route a path and a method mean.
 */
#pragma once
#include "http/http.h"

struct http_match {
    const struct http_route *route; /* NULL: no route for this path and method */
    struct str name, rest;
    unsigned methods; /* bits of all methods that this path has: 0 = no such path */
};

/* One trailing slash is ignored. The first row that fits wins, so exact paths stand before "*". */
struct http_match http_match(const struct http_route *routes, size_t count, enum http_method method,
                             struct str path);
/* "GET, HEAD, OPTIONS, POST" into `room` of at least 64 bytes. */
struct str http_allow(unsigned methods, char *room);
