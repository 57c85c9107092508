/*
 * content: a digest of all that a snapshot holds: every value of every row, and every person with
 * unit, traits and creation. Equal digests: equal content, whatever lies in which file. It reads
 * row by row, without the scan; the 50 questions (questions.h) go the other way.
 */
#pragma once
#include "base/hash.h"
#include "store/chunk.h"
#include "store/scan.h"
#include "store/snapshot.h"

struct content {
    uint64_t rows, events, people; /* `events`, `people`: sums of hashes */
};

static inline bool content_equal(const struct content *a, const struct content *b)
{
    return a->rows == b->rows && a->events == b->events && a->people == b->people;
}

static inline uint64_t content_row(const struct event *ev)
{
    uint64_t parts[] = {
        event_content_hash(ev), hash64(ev->id, 1),      hash64(ev->person, 2),
        (uint64_t)ev->received, ev->sequence,           (uint64_t)ev->offset_minutes,
        hash64(ev->account, 3), hash64(ev->session, 4), (uint64_t)ev->time};
    return hash64((struct str){(const char *)parts, sizeof parts}, 5);
}

static inline bool content_rows(const struct snapshot *v, struct content *out, struct err *e)
{
    AUTO(arena) *arena = arena_create(0);

    for (size_t i = 0; i < v->segment_count; i++) {
        struct segment *g = v->segments[i];
        uint32_t person = 0;
        for (uint32_t row = 0; row < g->rows; row++) {
            struct event ev;
            while (g->starts[person + 1] <= row)
                person++;
            if (row % 256 == 0)
                arena_reset(arena);
            if (!segment_event(g, row, arena, &ev, e))
                return false;
            if (g->persons[person] >= people_count(v->people))
                return err_set(e, ERR_CORRUPT, "%.*s names nobody", STR_ARG(g->path));
            ev.person = people_id(v->people, g->persons[person]);
            out->rows++;
            out->events += content_row(&ev);
        }
    }
    return true;
}

static inline uint64_t content_trait(const struct snapshot *v, uint32_t unit, struct str name)
{
    struct value t = snapshot_trait(v, unit, name);
    struct value parts = {.type = t.type};

    if (t.type == VALUE_TEXT)
        return hash64(t.text, 6);
    parts.integer = t.type == VALUE_MISSING ? 0 : t.integer;
    return hash_mix((uint64_t)parts.integer) + (uint64_t)t.type;
}

/* Of all rows and all people, the latter by id: ordinals do not matter. */
static inline bool content_of(const struct snapshot *v, struct content *out, struct err *e)
{
    *out = (struct content){0};
    for (uint32_t p = 0; p < people_count(v->people); p++) {
        uint32_t unit = people_unit(v->people, p);
        uint64_t parts[] = {
            hash64(people_id(v->people, p), 7), hash64(people_id(v->people, unit), 8),
            content_trait(v, unit, STR("plan")), content_trait(v, unit, STR("level")),
            (uint64_t)snapshot_created(v, unit)};
        out->people += hash64((struct str){(const char *)parts, sizeof parts}, 9);
    }
    return content_rows(v, out, e);
}

static inline bool content_of_store(struct store *s, struct content *out, struct err *e)
{
    AUTO(snapshot) *v = NULL;

    return store_snapshot(s, &v, e) && content_of(v, out, e);
}
