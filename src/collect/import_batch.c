/* collect/import_batch: full builds on their way to the sink: copies of equal records, people. */
#include "base/hash.h"
#include "collect/import.h"

enum { PEOPLE_AHEAD = 12 };

/* Ids of those without one: by content, or, where the time is unknown too, a made-up id. */
static void name_by_content(struct import *i, struct event *event, uint32_t copy)
{
    if (event->time != BUILD_TIME_NONE) {
        event->copy = copy;
        return;
    }
    /* Arrival differs from run to run, so it must not be what tells two records apart. */
    event->id = arena_printf(i->build.arena, "file-%016llx%016llx-%u",
                             (unsigned long long)content_hash(event, 0),
                             (unsigned long long)content_hash(event, 1), copy);
    event->time = i->options->now_ms;
}

static void count_copies(struct import *i)
{
    struct build *b = &i->build;
    size_t count = 0;

    if (i->hash_room < b->event_count) {
        i->hash_room = b->event_count + b->event_count / 2;
        i->hashes = mem_grow(i->hashes, i->hash_room, sizeof *i->hashes);
        i->before = mem_grow(i->before, i->hash_room, sizeof *i->before);
    }
    for (size_t n = 0; n < b->event_count; n++)
        if (b->events[n].id.len == 0)
            i->hashes[count++] = content_hash(&b->events[n], 0);
    copies_count(i->copies, i->hashes, i->before, count);
    count = 0;
    for (size_t n = 0; n < b->event_count; n++) {
        if (b->events[n].id.len == 0)
            name_by_content(i, &b->events[n], i->before[count++]);
        else if (b->events[n].time == BUILD_TIME_NONE)
            b->events[n].time = i->options->now_ms;
    }
}

static void count_people(struct import *i)
{
    struct build *b = &i->build;
    for (size_t n = 0; n < b->event_count; n++)
        i->hashes[n] = hash64(b->events[n].person, 0);
    for (size_t n = 0; n < b->event_count; n++) {
        if (n + PEOPLE_AHEAD < b->event_count)
            hash_set_prefetch(i->people, i->hashes[n + PEOPLE_AHEAD]);
        if (i->hashes[n] != i->last_person)
            hash_set_add(i->people, i->hashes[n]);
        i->last_person = i->hashes[n];
    }
}

bool import_flush(struct import *i, struct err *e)
{
    struct build *b = &i->build;
    i->report->events += b->event_count;
    i->report->records += b->event_count + b->fact_count;
    if (b->event_count + b->fact_count) {
        count_copies(i);
        count_people(i);
        struct store_batch batch = build_batch(b);
        if (i->is_storing && !i->sink.add(i->sink.context, &batch, e)) {
            i->has_sink_failed = true;
            return false;
        }
    }
    build_reset(b);
    return true;
}
