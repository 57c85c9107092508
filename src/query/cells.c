/* query/cells: the sums behind a trend, by group and interval. */
#include <math.h>

#include "query/trends.h"

void cells_init(struct cells *c, const struct series *s, size_t stride)
{
    (void)s;
    *c = (struct cells){.stride = stride};
}

static void *grown(void *old, size_t from, size_t to, size_t bytes)
{
    char *now = mem_grow(old, to, bytes);

    memset(now + from * bytes, 0, (to - from) * bytes);
    return now;
}

void cells_grow(struct cells *c, const struct series *s, size_t slots)
{
    if (slots <= c->slots)
        return;
    size_t now = MAX(slots, c->slots * 2), from = c->slots * c->stride, to = now * c->stride;
    bool by_people = s->kind == KIND_PEOPLE || s->kind == KIND_PER_PERSON || s->kind == KIND_ACTIVE;

    c->counts = grown(c->counts, from, to, sizeof *c->counts);
    if (by_people)
        c->people = grown(c->people, from, to, sizeof *c->people);
    if (by_people || s->fact)
        c->stamps = grown(c->stamps, from, to, sizeof *c->stamps);
    if (s->kind == KIND_NUMBER) {
        c->sum = grown(c->sum, from, to, sizeof *c->sum);
        c->rest = grown(c->rest, from, to, sizeof *c->rest);
        c->min = grown(c->min, from, to, sizeof *c->min);
        c->max = grown(c->max, from, to, sizeof *c->max);
    }
    c->slots = now;
}

void cells_free(struct cells *c)
{
    mem_free(c->counts);
    mem_free(c->people);
    mem_free(c->stamps);
    mem_free(c->sum);
    mem_free(c->rest);
    mem_free(c->min);
    mem_free(c->max);
    key_map_free(&c->distinct);
    mem_free(c->values);
    *c = (struct cells){0};
}

/* Knuth's two-sum: what rounding loses goes to `rest`. */
static void sum_add(double *sum, double *rest, double v)
{
    double s = *sum + v, part = s - *sum;

    *rest += (*sum - (s - part)) + (v - part);
    *sum = s;
}

void cells_number(struct cells *c, size_t place, double v)
{
    bool is_first = c->counts[place]++ == 0;

    sum_add(&c->sum[place], &c->rest[place], v);
    if (is_first || v < c->min[place])
        c->min[place] = v;
    if (is_first || v > c->max[place])
        c->max[place] = v;
}

static void numbers_add(struct cells *into, size_t to, const struct cells *from, size_t at)
{
    if (!from->counts[at])
        return;
    bool is_first = into->counts[to] == 0;
    sum_add(&into->sum[to], &into->rest[to], from->sum[at]);
    into->rest[to] += from->rest[at];
    if (is_first || from->min[at] < into->min[to])
        into->min[to] = from->min[at];
    if (is_first || from->max[at] > into->max[to])
        into->max[to] = from->max[at];
}

void cells_add(struct cells *into, const struct cells *from, const struct series *s,
               const uint32_t *slot_map)
{
    for (size_t i = 0; i < from->slots * from->stride; i++) {
        size_t slot = i / from->stride;
        if (!from->counts[i] && !(from->people && from->people[i]))
            continue;
        size_t to = slot_map[slot] * from->stride + i % from->stride;
        if (s->kind == KIND_NUMBER)
            numbers_add(into, to, from, i);
        into->counts[to] += from->counts[i];
        if (from->people)
            into->people[to] += from->people[i];
    }
    for (size_t i = 0; i < from->value_count; i++) {
        struct trend_value v = from->values[i];
        v.place =
            (uint32_t)(slot_map[v.place / from->stride] * from->stride + v.place % from->stride);
        ARRAY_PUSH(into->values, into->value_count, into->value_room) = v;
    }
    for (size_t i = 0; i < from->distinct.count; i++) {
        uint64_t key = from->distinct.keys[i];
        size_t place = key >> 32;
        place = slot_map[place / from->stride] * from->stride + place % from->stride;
        size_t before = into->distinct.count;
        key_map_put(&into->distinct, (uint64_t)place << 32 | (uint32_t)key);
        into->counts[place] += into->distinct.count - before;
    }
}
