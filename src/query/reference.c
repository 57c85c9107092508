/* query/reference: worlds and answers for the reference tests. */
#include "query/reference.h"

#include <math.h>
#include <stdlib.h>

static int by_time(const void *a, const void *b)
{
    const struct event *x = *(const struct event *const *)a, *y = *(const struct event *const *)b;

    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

void ref_world_make(struct ref_world *w, struct dice *d, struct arena *arena,
                    const struct world_shape *shape)
{
    *w = (struct ref_world){.dice = d};
    random_world_make(d, arena, shape, &w->world);
    plain_source_init(&w->source, w->world.events, w->world.event_count, w->world.people,
                      w->world.person_count);
    w->person_count = w->world.person_count;
    REQUIRE(w->person_count <= REF_PEOPLE);
    for (size_t i = 0; i < w->world.event_count; i++) {
        const struct event *e = &w->world.events[i];
        for (size_t p = 0; p < w->person_count; p++)
            if (str_equal(w->world.people[p].id, e->person))
                w->people[p].events[w->people[p].count++] = e;
    }
    for (size_t p = 0; p < w->person_count; p++)
        if (w->people[p].count)
            qsort(w->people[p].events, w->people[p].count, sizeof *w->people[p].events, by_time);
}

struct json ref_ask(struct ref_world *w, struct json_parser *parser, struct str question,
                    int64_t now_ms, struct buf *text)
{
    struct query_context context = {.now_ms = now_ms};
    struct json root = {0};
    struct err e = {0};

    buf_clear(text);
    if (!query_answer(&w->source.source, &context, question, text, &e))
        fail_msg("%.*s\n%s: %s (%s)", STR_ARG(question), e.at, e.text, e.hint);
    assert_works(json_parse(parser, buf_str(text), &root, &e), e);
    w->dice->asked++;
    return root;
}

struct json ref_item(struct json list, size_t index)
{
    struct json_each it = json_each(list);

    for (size_t i = 0; json_next(&it); i++)
        if (i == index)
            return it.value;
    return (struct json){0};
}

double ref_number(struct json j)
{
    double v;
    return json_number(j, &v) ? v : NAN;
}

bool ref_is_near(double a, double b)
{
    return (isnan(a) && isnan(b)) || fabs(a - b) <= 1e-9 * fmax(1, fabs(a));
}

struct str ref_property(const struct event *e, const char *name, char *room)
{
    for (size_t i = 0; i < e->property_count; i++)
        if (str_equal(e->properties[i].name, str_of(name)))
            return value_text(e->properties[i].value, room);
    return STR("");
}

bool ref_matches(const struct event *e, char name)
{
    return name == '*' || e->name.at[0] == name;
}
