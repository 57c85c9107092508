/* os/sim_bytes: see sim_bytes.h. */
#include "os/sim_bytes.h"

#include <stdatomic.h>

enum { PAGE_BYTES = 4096 };

struct sim_page {
    _Atomic uint32_t references;
    char bytes[PAGE_BYTES];
};

static void page_release(struct sim_page *page)
{
    if (page && atomic_fetch_sub_explicit(&page->references, 1, memory_order_acq_rel) == 1)
        mem_free(page);
}

static struct sim_page *page_keep(struct sim_page *page)
{
    if (page)
        atomic_fetch_add_explicit(&page->references, 1, memory_order_relaxed);
    return page;
}

static size_t pages_of(uint64_t len)
{
    return (size_t)((len + PAGE_BYTES - 1) / PAGE_BYTES);
}

/* A page that is ours alone. */
static struct sim_page *own_page(struct sim_bytes *b, size_t n)
{
    struct sim_page *old = b->pages[n];
    if (old && atomic_load_explicit(&old->references, memory_order_acquire) == 1)
        return old;
    struct sim_page *page = mem_zero(sizeof *page);
    atomic_init(&page->references, 1);
    if (old)
        memcpy(page->bytes, old->bytes, PAGE_BYTES);
    page_release(old);
    return b->pages[n] = page;
}

void sim_bytes_clear(struct sim_bytes *b)
{
    for (size_t i = 0; i < pages_of(b->len); i++)
        page_release(b->pages[i]);
    mem_free(b->pages);
    *b = (struct sim_bytes){0};
}

static void make_room(struct sim_bytes *b, size_t pages)
{
    if (pages <= b->page_room)
        return;
    size_t room = MAX(pages, b->page_room * 2);
    b->pages = mem_grow(b->pages, room, sizeof(struct sim_page *));
    memset(b->pages + b->page_room, 0, (room - b->page_room) * sizeof(struct sim_page *));
    b->page_room = room;
}

void sim_bytes_resize(struct sim_bytes *b, uint64_t len)
{
    size_t kept = pages_of(len);
    for (size_t i = kept; i < pages_of(b->len); i++) {
        page_release(b->pages[i]);
        b->pages[i] = NULL;
    }
    size_t tail = (size_t)(len % PAGE_BYTES);
    if (len < b->len && tail && b->pages[kept - 1])
        memset(own_page(b, kept - 1)->bytes + tail, 0, PAGE_BYTES - tail);
    make_room(b, kept);
    b->len = len;
}

void sim_bytes_write(struct sim_bytes *b, uint64_t at, const char *from, size_t len)
{
    if (len == 0)
        return;
    if (at + len > b->len)
        sim_bytes_resize(b, at + len);
    while (len) {
        size_t within = (size_t)(at % PAGE_BYTES), part = MIN(len, PAGE_BYTES - within);
        memcpy(own_page(b, (size_t)(at / PAGE_BYTES))->bytes + within, from, part);
        at += part;
        from += part;
        len -= part;
    }
}

size_t sim_bytes_read(const struct sim_bytes *b, uint64_t at, char *into, size_t len)
{
    if (at >= b->len)
        return 0;
    size_t whole = (size_t)MIN(len, b->len - at);
    for (size_t left = whole; left;) {
        size_t within = (size_t)(at % PAGE_BYTES), part = MIN(left, PAGE_BYTES - within);
        const struct sim_page *page = b->pages[at / PAGE_BYTES];
        if (page)
            memcpy(into, page->bytes + within, part);
        else
            memset(into, 0, part);
        at += part;
        into += part;
        left -= part;
    }
    return whole;
}

void sim_bytes_copy(struct sim_bytes *into, const struct sim_bytes *from)
{
    if (into == from)
        return;
    size_t pages = pages_of(from->len), old = pages_of(into->len);
    for (size_t i = 0; i < old; i++) {
        page_release(into->pages[i]);
        into->pages[i] = NULL;
    }
    make_room(into, pages);
    for (size_t i = 0; i < pages; i++)
        into->pages[i] = page_keep(from->pages[i]);
    into->len = from->len;
}
