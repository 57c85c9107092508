/* collect/company_out: rows of the simulated company into batches for the sink. */
#include "collect/company_inner.h"

enum {
    OUT_EVENTS = 8192,
    OUT_FACTS = 1024,
    OUT_PROPERTIES = 6, /* at most, of one row */
};

struct company_out {
    struct collect_sink sink;
    int64_t now_ms;
    struct event events[OUT_EVENTS];
    struct fact facts[OUT_FACTS];
    struct property properties[(OUT_EVENTS + OUT_FACTS) * OUT_PROPERTIES];
    size_t event_count, fact_count, property_count;
    size_t *row_count; /* of the row that takes properties now */
    struct arena *arena;
    uint64_t events_made, facts_made;
};

struct company_out *company_out_create(struct collect_sink sink, const struct company_options *o)
{
    struct company_out *out = mem_zero(sizeof *out);
    out->sink = sink;
    out->now_ms = o->now_ms;
    out->arena = arena_create(0);
    return out;
}

void company_out_destroy(struct company_out *out)
{
    if (!out)
        return;
    arena_destroy(out->arena);
    mem_free(out);
}

struct arena *company_out_arena(struct company *c)
{
    return c->out->arena;
}

static void flush(struct company *c)
{
    struct company_out *out = c->out;
    struct store_batch batch = {
        .events = out->events,
        .event_count = out->event_count,
        .facts = out->facts,
        .fact_count = out->fact_count,
    };
    if (!c->has_failed && batch.event_count + batch.fact_count &&
        !out->sink.add(out->sink.context, &batch, c->e))
        c->has_failed = true;
    out->events_made += out->event_count;
    out->facts_made += out->fact_count;
    out->event_count = out->fact_count = out->property_count = 0;
    out->row_count = NULL;
    arena_reset(out->arena);
}

bool company_event(struct company *c, const struct company_account *a,
                   const struct company_person *p, int64_t time, struct str name)
{
    struct company_out *out = c->out;
    c->events++;
    if (!out)
        return false;
    out->row_count = NULL;
    if (time >= c->options->end_ms) /* west of Bangkok the last day ends later */
        return false;
    if (out->event_count == OUT_EVENTS)
        flush(c);
    struct event *event = &out->events[out->event_count++];
    *event = (struct event){
        .time = time,
        .received = out->now_ms,
        .offset_minutes = company_places[a->country].offset_minutes,
        .name = name,
        .person = p->id,
        .account = a->id,
        .properties = out->properties + out->property_count,
    };
    out->row_count = &event->property_count;
    return true;
}

void company_fact(struct company *c, enum fact_kind kind, struct str subject, int64_t created)
{
    struct company_out *out = c->out;
    if (out->fact_count == OUT_FACTS)
        flush(c);
    struct fact *fact = &out->facts[out->fact_count++];
    *fact = (struct fact){
        .kind = kind,
        .subject = subject,
        .received = out->now_ms,
        .created = created,
        .properties = out->properties + out->property_count,
    };
    out->row_count = &fact->property_count;
}

static void put(struct company *c, struct str name, struct value value)
{
    struct company_out *out = c->out;
    if (!out || !out->row_count) /* only counting, or a row after the end */
        return;
    REQUIRE(*out->row_count < OUT_PROPERTIES);
    out->properties[out->property_count++] = (struct property){name, value};
    ++*out->row_count;
}

void company_put_text(struct company *c, struct str name, struct str value)
{
    put(c, name, (struct value){.type = VALUE_TEXT, .text = value});
}

void company_put_int(struct company *c, struct str name, int64_t value)
{
    put(c, name, (struct value){.type = VALUE_INT, .integer = value});
}

void company_put_bool(struct company *c, struct str name, bool value)
{
    put(c, name, (struct value){.type = VALUE_BOOL, .boolean = value});
}

bool company_out_finish(struct company *c, struct company_report *report, struct err *e)
{
    flush(c);
    report->events = c->out->events_made;
    report->facts = c->out->facts_made;
    return !c->has_failed && c->out->sink.finish(c->out->sink.context, &report->receipt, e);
}
