/*
 * store/segment_event: a row back as an event, and what an event's content hashes to.
 *
 * The hash of the properties is a sum, so that their order does not count; that of the person is
 * mixed in last, since rows are compared within one person.
 */
#include "store/segment_event.h"

#include "store/segment_file.h"

enum { NAME_SEED = 0x6e, PERSON_SEED = 0x70 };

uint64_t property_seed(struct str name, enum value_type type)
{
    return hash64(name, NAME_SEED + (uint64_t)type);
}

uint64_t property_hash(uint64_t seed, const struct value *v)
{
    uint64_t word = 0;

    switch (v->type) {
    case VALUE_TEXT:
    case VALUE_LIST:
        return hash64(v->text, seed);
    case VALUE_BOOL:
        word = v->boolean;
        break;
    case VALUE_INT:
        word = (uint64_t)v->integer;
        break;
    case VALUE_DOUBLE:
        memcpy(&word, &v->number, sizeof word);
        break;
    default:
        break;
    }
    return hash_mix(seed ^ hash_mix(word));
}

uint64_t event_name_hash(struct str name)
{
    return hash64(name, NAME_SEED);
}

uint64_t event_text_hash(struct str text)
{
    return text.len ? hash64(text, 0) : 0;
}

uint64_t event_body_hash(const struct event *event, const struct event_parts *parts)
{
    const uint64_t words[] = {
        (uint64_t)event->time, (uint64_t)event->offset_minutes,
        event->sequence,       parts->name,
        parts->account,        parts->session,
        parts->properties,
    };
    return hash64((struct str){(const char *)words, sizeof words}, 0);
}

/* The sum of an event's property hashes, whatever their order. */
static uint64_t event_property_sum(const struct event *event)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < event->property_count; i++) {
        const struct property *p = &event->properties[i];
        sum += property_hash(property_seed(p->name, p->value.type), &p->value);
    }
    return sum;
}

uint64_t event_whole_hash(uint64_t body, struct str person)
{
    return hash_mix(body ^ hash64(person, PERSON_SEED));
}

struct event_parts event_parts_of(const struct event *event)
{
    return (struct event_parts){
        .name = event_name_hash(event->name),
        .account = event_text_hash(event->account),
        .session = event_text_hash(event->session),
        .properties = event_property_sum(event),
    };
}

uint64_t event_content_hash(const struct event *event)
{
    struct event_parts parts = event_parts_of(event);
    return event_whole_hash(event_body_hash(event, &parts), event->person);
}

static bool row_id(struct segment *g, uint32_t row, struct arena *arena, struct str *id,
                   struct err *e)
{
    uint64_t place;

    if (!g->id || !segment_pin(g, g->id, row, row + 1, e))
        return !g->id;
    if (!column_place(g->id, row, &place))
        return true;
    struct id_key key = column_id_key(g->id, (uint32_t)place);
    if (!key.is_uuid) {
        *id = key.text;
        return true;
    }
    char *text = arena_alloc(arena, UUID_TEXT_BYTES);
    uuid_text(key.uuid, text);
    *id = (struct str){text, UUID_TEXT_BYTES};
    return true;
}

bool segment_event(struct segment *g, uint32_t row, struct arena *arena, struct event *out,
                   struct err *e)
{
    REQUIRE(row < g->rows);
    *out = (struct event){.id = STR(""), .account = STR(""), .session = STR("")};
    if (!row_id(g, row, arena, &out->id, e))
        return false;
    struct property *properties = arena_array(arena, g->column_count, sizeof *properties);
    out->properties = properties;
    for (size_t i = 0; i < g->column_count; i++) {
        const struct column *c = &g->columns[i];
        if (c->kind == COLUMN_ID)
            continue;
        if (!segment_pin(g, c, row, row + 1, e))
            return false;
        struct value v = column_value(c, row);
        if (v.type == VALUE_MISSING)
            continue;
        if (c->kind == COLUMN_PROPERTY)
            properties[out->property_count++] = (struct property){c->property, v};
        else if (c->kind == COLUMN_NAME)
            out->name = v.text;
        else if (c->kind == COLUMN_ACCOUNT)
            out->account = v.text;
        else if (c->kind == COLUMN_SESSION)
            out->session = v.text;
        else if (c->kind == COLUMN_TIME)
            out->time = g->month_start + v.integer;
        else if (c->kind == COLUMN_RECEIVED)
            out->received = v.integer;
        else if (c->kind == COLUMN_OFFSET)
            out->offset_minutes = (int16_t)v.integer;
        else if (c->kind == COLUMN_SEQUENCE)
            out->sequence = (uint32_t)v.integer;
    }
    return true;
}
