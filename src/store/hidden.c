/* store/hidden: the erased persons whose rows are still in segments (snapshot.h). */
#include <stdlib.h>

#include "store/snapshot.h"

static int ascending(const void *a, const void *b)
{
    uint32_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x < y ? -1 : x > y;
}

static bool is_in(const uint32_t *list, size_t count, uint32_t ordinal)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list[middle] < ordinal)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && list[low] == ordinal;
}

struct hidden *hidden_with(const struct hidden *h, const uint32_t *more, size_t more_count,
                           const uint32_t *less, size_t less_count)
{
    size_t old_count = h ? h->count : 0, kept = 0;
    struct hidden *made = mem_zero(sizeof *made + (old_count + more_count) * sizeof made->list[0]);
    atomic_init(&made->references, 1);
    if (old_count)
        memcpy(made->list, h->list, old_count * sizeof made->list[0]);
    if (more_count)
        memcpy(made->list + old_count, more, more_count * sizeof made->list[0]);
    made->count = old_count + more_count;
    if (made->count)
        qsort(made->list, made->count, sizeof made->list[0], ascending);
    for (size_t i = 0; i < made->count; i++) {
        bool is_again = kept && made->list[kept - 1] == made->list[i];
        if (!is_again && !is_in(less, less_count, made->list[i]))
            made->list[kept++] = made->list[i];
    }
    made->count = kept;
    if (kept)
        return made;
    mem_free(made);
    return NULL;
}

struct hidden *hidden_keep(struct hidden *h)
{
    if (h)
        atomic_fetch_add_explicit(&h->references, 1, memory_order_relaxed);
    return h;
}

void hidden_release(struct hidden *h)
{
    if (h && atomic_fetch_sub_explicit(&h->references, 1, memory_order_acq_rel) == 1)
        mem_free(h);
}

bool hidden_has(const void *hidden, uint32_t ordinal)
{
    const struct hidden *h = hidden;
    return h && is_in(h->list, h->count, ordinal);
}

/* Index of the first person of the segment, from `from` on, that is not below `ordinal`. */
static uint32_t person_from(const struct segment *g, uint32_t from, uint32_t ordinal)
{
    uint32_t low = from, high = g->person_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (g->persons[middle] < ordinal)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint64_t hidden_row_count(const struct hidden *h, const struct segment *g)
{
    uint64_t rows = 0;
    for (size_t i = 0, person = 0; h && i < h->count; i++) {
        person = person_from(g, (uint32_t)person, h->list[i]);
        if (person < g->person_count && g->persons[person] == h->list[i])
            rows += g->starts[person + 1] - g->starts[person];
    }
    return rows;
}

size_t hidden_rows(const struct hidden *h, const struct segment *g, struct arena *arena,
                   const struct row_range **list)
{
    struct row_range *ranges = NULL;
    size_t count = 0;
    *list = NULL;
    for (size_t i = 0, person = 0; h && i < h->count; i++) {
        person = person_from(g, (uint32_t)person, h->list[i]);
        if (person == g->person_count)
            break;
        if (g->persons[person] != h->list[i])
            continue;
        if (!ranges)
            ranges = arena_array(arena, MIN(h->count, g->person_count), sizeof *ranges);
        struct row_range rows = {g->starts[person], g->starts[person + 1]};
        if (count && ranges[count - 1].to == rows.from)
            ranges[count - 1].to = rows.to;
        else
            ranges[count++] = rows;
    }
    *list = ranges;
    return count;
}
