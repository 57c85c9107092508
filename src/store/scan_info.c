/*
 * What there is to ask for: event names, properties and the span of time, read from the segments'
 * directories and dictionaries without touching rows.
 */
#include <stdlib.h>

#include "base/intern.h"
#include "store/scan.h"
#include "store/scan_shown.h"
#include "store/snapshot.h"

enum { EXAMPLES_MAX = 50, EXAMPLE_BYTES_MAX = 200 };

bool snapshot_span(const struct snapshot *v, int64_t *first, int64_t *last)
{
    AUTO(arena) *arena = arena_create(0);
    bool has_any = false;

    for (size_t i = 0; i < v->segment_count; i++) {
        struct segment *g = v->segments[i];
        const struct row_range *hidden;
        struct err e = {0};
        size_t count = hidden_rows(v->hidden, g, arena, &hidden);
        int64_t from = g->time_min, to = g->time_max;
        if (count && !shown_span(g, hidden, count, &from, &to, &e))
            continue;
        *first = has_any ? MIN(*first, from) : from;
        *last = has_any ? MAX(*last, to) : to;
        has_any = true;
    }
    return has_any;
}

/* ---- event names ---- */

static int by_count(const void *a, const void *b)
{
    const struct event_name_info *x = a, *y = b;

    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return str_compare(x->name, y->name);
}

static void names_add(const struct segment *g, const struct shown_names *shown,
                      struct intern *names, struct arena *arena, struct event_name_info **list,
                      size_t *count, size_t *room)
{
    for (uint32_t code = 0; code < g->name->dictionary_count; code++) {
        if (!shown->counts[code])
            continue;
        struct str name = column_dictionary_value(g->name, code).text;
        uint32_t at = intern_put(names, name);
        if (at == *count)
            ARRAY_PUSH(*list, *count, *room) = (struct event_name_info){
                arena_copy(arena, name), 0, shown->first[code], shown->last[code]};
        struct event_name_info *info = &(*list)[at];
        info->count += shown->counts[code];
        info->first = MIN(info->first, shown->first[code]);
        info->last = MAX(info->last, shown->last[code]);
    }
}

void snapshot_events(const struct snapshot *v, struct arena *arena, struct event_name_info **list,
                     size_t *count)
{
    AUTO(intern) *names = intern_create();
    struct event_name_info *found = NULL;
    size_t room = 0;

    *count = 0;
    for (size_t i = 0; i < v->segment_count; i++) {
        struct segment *g = v->segments[i];
        struct shown_names shown = {(uint64_t *)g->name_counts, (int64_t *)g->name_first,
                                    (int64_t *)g->name_last};
        const struct row_range *hidden;
        struct err e = {0};
        size_t hidden_count = hidden_rows(v->hidden, g, arena, &hidden);
        if (!hidden_count || shown_names(g, hidden, hidden_count, arena, &shown, &e))
            names_add(g, &shown, names, arena, &found, count, &room);
    }
    *list = arena_array(arena, *count, sizeof **list);
    if (*count) {
        memcpy(*list, found, *count * sizeof *found);
        qsort(*list, *count, sizeof **list, by_count);
    }
    mem_free(found);
}

/* ---- properties ---- */

struct property_sum {
    struct property_info info;
    struct str examples[EXAMPLES_MAX];
};

static int by_name(const void *a, const void *b)
{
    return str_compare(((const struct property_info *)a)->name,
                       ((const struct property_info *)b)->name);
}

static void examples_add(struct property_sum *p, const struct column *c, const bool *is_gone,
                         struct arena *arena)
{
    for (uint32_t code = 0; code < c->dictionary_count && p->info.example_count < EXAMPLES_MAX;
         code++) {
        char room[VALUE_TEXT_BYTES];
        if (is_gone && is_gone[code])
            continue;
        struct str text = value_text(column_dictionary_value(c, code), room);
        bool is_known = text.len > EXAMPLE_BYTES_MAX;
        for (size_t i = 0; i < p->info.example_count && !is_known; i++)
            is_known = str_equal(p->examples[i], text);
        if (!is_known)
            p->examples[p->info.example_count++] = arena_copy(arena, text);
    }
}

static void properties_add(struct segment *g, const struct hidden *erased, struct intern *names,
                           struct arena *arena, struct property_sum ***list, size_t *count,
                           size_t *room)
{
    const struct row_range *hidden;
    size_t hidden_count = hidden_rows(erased, g, arena, &hidden);

    for (size_t i = 0; i < g->column_count; i++) {
        const struct column *c = &g->columns[i];
        struct shown_column shown = {.rows = c->is_sparse ? c->row_count : g->rows};
        struct err e = {0};
        if (c->kind != COLUMN_PROPERTY)
            continue;
        if (hidden_count &&
            (!shown_column(g, c, hidden, hidden_count, arena, &shown, &e) || shown.rows == 0))
            continue;
        uint32_t at = intern_put(names, c->property);
        if (at == *count) {
            ARRAY_PUSH(*list, *count, *room) = arena_alloc(arena, sizeof(struct property_sum));
            (*list)[at]->info.name = arena_copy(arena, c->property);
        }
        struct property_sum *p = (*list)[at];
        p->info.types |= 1U << c->type;
        p->info.count += shown.rows;
        if (c->form == FORM_DICTIONARY && segment_pin(g, c, 0, 0, &e))
            examples_add(p, c, shown.is_gone, arena);
    }
}

void snapshot_properties(const struct snapshot *v, struct arena *arena, struct property_info **list,
                         size_t *count)
{
    AUTO(intern) *names = intern_create();
    struct property_sum **found = NULL;
    size_t room = 0;

    *count = 0;
    for (size_t i = 0; i < v->segment_count; i++)
        properties_add(v->segments[i], v->hidden, names, arena, &found, count, &room);
    *list = arena_array(arena, *count, sizeof **list);
    for (size_t i = 0; i < *count; i++) {
        (*list)[i] = found[i]->info;
        (*list)[i].examples = found[i]->examples;
    }
    if (*count)
        qsort(*list, *count, sizeof **list, by_name);
    mem_free(found);
}
