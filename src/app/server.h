/*
 * app/server (private to the room): serving an open data directory until told to stop.
 */
#pragma once
#include "app/command.h"
#include "app/site.h"

struct os;
struct server;

/* Where to listen and how people reach it, from options and variables. */
struct server_settings {
    struct str listen;
    struct str public_url; /* may be empty; without a trailing slash */
};
MUST_USE bool server_settings(const struct run *run, struct server_settings *out, struct err *e);

/* Starts HTTP and the private socket; site->url is set. */
MUST_USE bool server_start(struct site *site, const struct server_settings *settings,
                           struct server **out, struct err *e);
void server_stop(struct server *s); /* within 10 s; NULL is fine */

/*
 * Opens the data directory for a command that keeps it. ERR_CONFLICT when a server has it already.
 * A command that holds it for a moment is waited for. Signals are blocked from here on.
 */
MUST_USE bool server_open_site(struct run *run, struct os *os, enum site_use use, struct site **out,
                               struct err *e);

/* Prints a sign-in link and waits for SIGINT or SIGTERM; false when a store has stopped. */
MUST_USE bool server_run(struct run *run, struct site *site, struct err *e);
