/*
 * http/listen (private to the room): from "ADDRESS:PORT" to a listening socket.
 */
#pragma once
#include "base/err.h"

struct listener {
    int fd;
    uint16_t port;
    bool is_loopback;
};

MUST_USE bool listen_open(struct str where, struct listener *out, struct err *e);
