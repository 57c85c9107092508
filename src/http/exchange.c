#include "http/exchange.h"

enum {
    SHELF_MAX = 64,
    KEEP_BODY_BYTES = 256 << 10, /* larger bodies are given back to the system */
    WORKER_STACK_BYTES = 512 << 10,
};

void shelf_init(struct shelf *s)
{
    pthread_mutex_init(&s->mutex, NULL);
}

static void exchange_destroy(struct exchange *x)
{
    arena_destroy(x->arena);
    buf_free(&x->packed);
    buf_free(&x->unpacked);
    mem_free(x);
}

void shelf_clear(struct shelf *s)
{
    while (s->first) {
        struct exchange *x = s->first;
        s->first = x->next;
        exchange_destroy(x);
    }
    pthread_mutex_destroy(&s->mutex);
}

struct exchange *shelf_take(struct shelf *s)
{
    pthread_mutex_lock(&s->mutex);
    struct exchange *x = s->first;
    if (x) {
        s->first = x->next;
        s->count--;
    }
    pthread_mutex_unlock(&s->mutex);
    if (!x) {
        x = mem_zero(sizeof *x);
        x->arena = arena_create(8 << 10);
    }
    return x;
}

static void trim(struct buf *b)
{
    if (b->room > KEEP_BODY_BYTES)
        buf_free(b);
    else
        buf_clear(b);
}

void shelf_return(struct shelf *s, struct exchange *x)
{
    struct arena *arena = x->arena;
    struct buf packed, unpacked;

    arena_reset(arena);
    trim(&x->packed);
    trim(&x->unpacked);
    packed = x->packed;
    unpacked = x->unpacked;
    *x = (struct exchange){.arena = arena, .packed = packed, .unpacked = unpacked};

    pthread_mutex_lock(&s->mutex);
    bool keep = s->count < SHELF_MAX;
    if (keep) {
        x->next = s->first;
        s->first = x;
        s->count++;
    }
    pthread_mutex_unlock(&s->mutex);
    if (!keep)
        exchange_destroy(x);
}

struct lane {
    pthread_mutex_t mutex;
    pthread_cond_t work;
    struct exchange *first, *last;
    size_t waiting;
    bool is_ending;
    void (*run)(struct exchange *x);
    pthread_t *threads;
    unsigned thread_count;
};

static struct exchange *lane_next(struct lane *l)
{
    pthread_mutex_lock(&l->mutex);
    while (!l->first && !l->is_ending)
        pthread_cond_wait(&l->work, &l->mutex);
    struct exchange *x = l->first;
    if (x) {
        l->first = x->next;
        l->waiting--;
        x->next = NULL;
    }
    pthread_mutex_unlock(&l->mutex);
    return x;
}

static void *lane_work(void *context)
{
    struct lane *l = context;
    struct exchange *x;

    while ((x = lane_next(l)))
        l->run(x);
    return NULL;
}

struct lane *lane_create(unsigned workers, void (*run)(struct exchange *x))
{
    struct lane *l = mem_zero(sizeof *l);
    pthread_attr_t attributes;

    pthread_mutex_init(&l->mutex, NULL);
    pthread_cond_init(&l->work, NULL);
    l->run = run;
    l->threads = mem_array(workers, sizeof *l->threads);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, WORKER_STACK_BYTES);
    while (l->thread_count < workers &&
           pthread_create(&l->threads[l->thread_count], &attributes, lane_work, l) == 0)
        l->thread_count++;
    pthread_attr_destroy(&attributes);
    if (l->thread_count == 0)
        mem_exhausted(0);
    return l;
}

bool lane_push(struct lane *l, struct exchange *x)
{
    pthread_mutex_lock(&l->mutex);
    bool fits = l->waiting < HTTP_QUEUE_MAX && !l->is_ending;
    if (fits) {
        x->next = NULL;
        if (l->first)
            l->last->next = x;
        else
            l->first = x;
        l->last = x;
        l->waiting++;
        pthread_cond_signal(&l->work);
    }
    pthread_mutex_unlock(&l->mutex);
    return fits;
}

void lane_end(struct lane *l)
{
    pthread_mutex_lock(&l->mutex);
    l->is_ending = true;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->mutex);
    for (unsigned i = 0; i < l->thread_count; i++)
        pthread_join(l->threads[i], NULL);
    l->thread_count = 0;
}

void lane_destroy(struct lane *l)
{
    REQUIRE(l->thread_count == 0);
    pthread_cond_destroy(&l->work);
    pthread_mutex_destroy(&l->mutex);
    mem_free(l->threads);
    mem_free(l);
}
