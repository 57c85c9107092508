#include "http/watch.h"

#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>

#include "http/http.h"

enum { SWEEP_SECONDS = 1 };

struct line {
    struct line *next, *previous;
    int fd;
    enum line_state state;
    uint64_t since_ns;
    volatile bool is_gone;
};

struct watch {
    struct os *os;
    pthread_mutex_t mutex;
    pthread_cond_t end;
    pthread_t thread;
    struct line *first;
    uint32_t count;
    bool is_ending;
    bool is_cancelled;
};

static bool is_late(const struct line *line, uint64_t now_ns)
{
    uint64_t seconds = (now_ns - line->since_ns) / 1000000000;

    switch (line->state) {
    case LINE_NEW:
    case LINE_HEADER:
        return seconds >= HTTP_HEADER_SECONDS;
    case LINE_IDLE:
        return seconds >= HTTP_IDLE_SECONDS;
    case LINE_BUSY:
        break;
    }
    return false;
}

/* Nobody reads the socket while a request is worked on. A client that has closed its half waits for
 * no answer, as far as other servers are concerned, too. */
static bool is_gone(const struct line *line)
{
    struct pollfd p = {.fd = line->fd, .events = POLLRDHUP};

    return line->state == LINE_BUSY && poll(&p, 1, 0) > 0 &&
           (p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

static void gone_set(struct line *line)
{
    __atomic_store_n(&line->is_gone, true, __ATOMIC_RELAXED);
}

static void *sweep(void *context)
{
    struct watch *w = context;

    pthread_mutex_lock(&w->mutex);
    while (!w->is_ending) {
        uint64_t now_ns = os_monotonic_ns(w->os);
        struct timespec at = {.tv_sec = (time_t)(now_ns / 1000000000) + SWEEP_SECONDS};
        pthread_cond_timedwait(&w->end, &w->mutex, &at);
        now_ns = os_monotonic_ns(w->os);
        for (struct line *line = w->first; line; line = line->next) {
            /* The owner closes the socket; it stays open while the line is on this list. */
            if (is_late(line, now_ns))
                shutdown(line->fd, SHUT_RDWR);
            if (is_gone(line))
                gone_set(line);
        }
    }
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

struct watch *watch_create(struct os *os)
{
    struct watch *w = mem_zero(sizeof *w);
    pthread_condattr_t monotonic;
    pthread_attr_t small;

    w->os = os;
    pthread_mutex_init(&w->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&w->end, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 128 << 10);
    if (pthread_create(&w->thread, &small, sweep, w) != 0)
        mem_exhausted(0);
    pthread_attr_destroy(&small);
    return w;
}

void watch_destroy(struct watch *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->mutex);
    w->is_ending = true;
    pthread_cond_signal(&w->end);
    pthread_mutex_unlock(&w->mutex);
    pthread_join(w->thread, NULL);
    while (w->first)
        watch_remove(w, w->first);
    pthread_cond_destroy(&w->end);
    pthread_mutex_destroy(&w->mutex);
    mem_free(w);
}

struct line *watch_add(struct watch *w, int fd)
{
    struct line *line = mem_zero(sizeof *line);

    line->fd = fd;
    line->since_ns = os_monotonic_ns(w->os);
    pthread_mutex_lock(&w->mutex);
    line->is_gone = w->is_cancelled;
    line->next = w->first;
    if (w->first)
        w->first->previous = line;
    w->first = line;
    w->count++;
    pthread_mutex_unlock(&w->mutex);
    return line;
}

void watch_remove(struct watch *w, struct line *line)
{
    pthread_mutex_lock(&w->mutex);
    if (line->next)
        line->next->previous = line->previous;
    if (line->previous)
        line->previous->next = line->next;
    else
        w->first = line->next;
    w->count--;
    pthread_mutex_unlock(&w->mutex);
    mem_free(line);
}

void watch_state(struct watch *w, struct line *line, enum line_state state)
{
    uint64_t now_ns = os_monotonic_ns(w->os);

    pthread_mutex_lock(&w->mutex);
    line->state = state;
    line->since_ns = now_ns;
    pthread_mutex_unlock(&w->mutex);
}

const volatile bool *watch_gone(const struct line *line)
{
    return &line->is_gone;
}

void watch_cancel(struct watch *w)
{
    pthread_mutex_lock(&w->mutex);
    w->is_cancelled = true;
    for (struct line *line = w->first; line; line = line->next)
        gone_set(line);
    pthread_mutex_unlock(&w->mutex);
}

uint32_t watch_count(struct watch *w)
{
    pthread_mutex_lock(&w->mutex);
    uint32_t count = w->count;
    pthread_mutex_unlock(&w->mutex);
    return count;
}
