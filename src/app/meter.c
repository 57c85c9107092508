#include "app/meter.h"

bool meter_move(void *meter, uint64_t bytes)
{
    enum { DRAW_EVERY_NS = 100000000 };
    struct meter *m = meter;
    uint64_t now = os_monotonic_ns(m->os);

    m->done += bytes;
    if (m->run->terminal.err_is_terminal && now - m->drawn_ns >= DRAW_EVERY_NS) {
        m->drawn_ns = now;
        m->is_drawn = true;
        fprintf(m->run->err, "\r\033[K%s %.1f MB", m->verb, (double)m->done / 1e6);
        fflush(m->run->err);
    }
    return !m->run->cancel->signal;
}

void meter_clear(struct meter *m)
{
    if (m->is_drawn)
        fputs("\r\033[K", m->run->err);
    m->is_drawn = false;
}
