#include "query/definition.h"

#include "query/condition.h"

static bool sink(void *context, const struct scan_batch *b)
{
    struct definition_span *s = context;

    for (size_t i = 0; i < b->count; i++) {
        s->first = s->count ? MIN(s->first, b->time[i]) : b->time[i];
        s->last = s->count ? MAX(s->last, b->time[i]) : b->time[i];
        s->count++;
    }
    return true;
}

/* The name as a matcher: the event itself, or any event that has the property. */
static bool name_read(struct question *q, struct json_parser *parser, bool is_property,
                      struct str name, struct matcher *m, struct err *e)
{
    BUF_AUTO text = {0};
    struct jwrite w = jwrite_to(&text);

    jwrite_object(&w);
    if (is_property) {
        jwrite_key(&w, STR("event"));
        jwrite_null(&w);
        jwrite_key(&w, STR("filter"));
        jwrite_object(&w);
        jwrite_pair_string(&w, "property", name);
        jwrite_pair_bool(&w, "exists", true);
        jwrite_end(&w);
    } else {
        jwrite_pair_string(&w, "event", name);
    }
    jwrite_end(&w);
    struct ask a = {0};
    return json_parse(parser, buf_str(&text), &a.json, e) && matcher_read(q, &a, m, e);
}

static bool span_find(struct question *q, bool is_property, struct str name,
                      struct definition_span *out, struct err *e)
{
    AUTO(json_parser) *parser = json_parser_create();
    unsigned threads = q->source->does->threads(q->source);
    struct definition_span *spans = arena_array(q->arena, threads, sizeof *spans);
    void **contexts = arena_array(q->arena, threads, sizeof *contexts);
    struct reading r = {0};
    struct matcher m = {0};
    uint32_t bits;

    if (!name_read(q, parser, is_property, name, &m, e) ||
        !reading_role(q, &r, &m, true, INT64_MIN, INT64_MAX, &bits, e))
        return false;
    r.plan.want_time = true;
    for (unsigned i = 0; i < threads; i++)
        contexts[i] = &spans[i];
    if (!reading_run(q, &r, sink, contexts, e))
        return false;
    for (unsigned i = 0; i < threads; i++) {
        if (!spans[i].count)
            continue;
        out->first = out->count ? MIN(out->first, spans[i].first) : spans[i].first;
        out->last = out->count ? MAX(out->last, spans[i].last) : spans[i].last;
        out->count += spans[i].count;
    }
    return true;
}

bool definition_span(struct source *source, const struct query_context *context, bool is_property,
                     struct str name, struct definition_span *out, struct err *e)
{
    AUTO(arena) *arena = arena_create(0);
    struct question q = {.arena = arena,
                         .source = source,
                         .persons = source,
                         .context = context,
                         .as_of = context->now_ms};
    bool ok = false;

    *out = (struct definition_span){0};
    if (zone_open(context->timezone.len ? context->timezone : STR("UTC"), &q.zone, e))
        ok = span_find(&q, is_property, name, out, e);
    question_free(&q);
    return ok;
}
