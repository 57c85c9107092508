/*
 * http/exchange (private to the room): one request and its reply while they are in flight, and the
 * shelf that keeps their memory for the next.
 */
#pragma once
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "http/http.h"

struct exchange {
    struct http_request q;
    struct http_reply r;
    struct http_server *server;
    struct MHD_Connection *mhd;
    struct line *line; /* the connection's watch */
    struct arena *arena;
    struct buf packed;   /* the body as sent */
    struct buf unpacked; /* if it was packed */
    uint64_t began_ns;
    uint64_t counted; /* bytes of `packed` counted in the server's total */
    uint64_t discarded;
    bool has_begun;  /* the header was looked at */
    bool is_settled; /* the reply stands; what still comes of the body is dropped */
    bool is_waiting; /* handed to a worker */
    bool must_close; /* the rest of the body will not be read */
    struct exchange *next;
};

/* Exchanges that are not in use. Thread: any. */
struct shelf {
    pthread_mutex_t mutex;
    struct exchange *first;
    size_t count;
};

void shelf_init(struct shelf *s);
void shelf_clear(struct shelf *s);
struct exchange *shelf_take(struct shelf *s);
void shelf_return(struct shelf *s, struct exchange *x);

/* Threads that run exchanges from a bounded queue. */
struct lane;
struct lane *lane_create(unsigned workers, void (*run)(struct exchange *x));
/* False when the queue is full, or the lane has ended. */
bool lane_push(struct lane *l, struct exchange *x);
void lane_end(struct lane *l);     /* runs what is queued, then ends the threads */
void lane_destroy(struct lane *l); /* after lane_end */
