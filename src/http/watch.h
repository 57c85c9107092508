/*
 * http/watch (private to the room): ends connections that send their header too slowly or sit idle,
 * and says which clients have gone away.
 * libmicrohttpd's own timeout starts again with every byte; this one does not.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "os/os.h"

struct watch;
struct line; /* one connection */

struct watch *watch_create(struct os *os);
void watch_destroy(struct watch *w); /* after the last connection has ended; NULL is fine */
struct line *watch_add(struct watch *w, int fd);
void watch_remove(struct watch *w, struct line *line);
/* What the connection is doing: between requests, sending a header, in a request. */
enum line_state { LINE_NEW, LINE_IDLE, LINE_HEADER, LINE_BUSY };
void watch_state(struct watch *w, struct line *line, enum line_state state);
uint32_t watch_count(struct watch *w);
/* Becomes true, within about a second, when the client goes away while its request is worked on,
 * and after watch_cancel. Lives as long as the line. */
const volatile bool *watch_gone(const struct line *line);
void watch_cancel(struct watch *w); /* all that is worked on, and all that comes */
