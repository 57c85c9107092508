/* query/case_data: golden cases as events in memory. */
#include "query/case_data.h"

#include "calendar/calendar.h"

static struct str member_text(struct json object, const char *key, struct arena *arena)
{
    struct str text = STR_NONE;

    if (!json_string(json_member(object, str_of(key)), &text))
        return STR_NONE;
    return arena_copy(arena, text);
}

static int64_t instant(struct str text)
{
    struct err e = {0};
    int64_t ms;
    int offset;

    REQUIRE(instant_parse(text, &ms, &offset, &e));
    return ms;
}

static struct value value_of(struct json j, struct arena *arena)
{
    struct value v = {.type = VALUE_NULL};
    BUF_AUTO list = {0};

    switch (json_type(j)) {
    case JSON_STRING:
        v.type = VALUE_TEXT;
        REQUIRE(json_string(j, &v.text));
        v.text = arena_copy(arena, v.text);
        break;
    case JSON_INT:
        v.type = VALUE_INT;
        REQUIRE(json_int(j, &v.integer));
        break;
    case JSON_DOUBLE:
        v.type = VALUE_DOUBLE;
        REQUIRE(json_number(j, &v.number));
        break;
    case JSON_BOOL:
        v.type = VALUE_BOOL;
        REQUIRE(json_bool(j, &v.boolean));
        break;
    case JSON_ARRAY:
        v.type = VALUE_LIST;
        json_print(j, &list);
        v.text = arena_copy(arena, buf_str(&list));
        break;
    default:
        break;
    }
    return v;
}

static size_t properties_of(struct json object, struct arena *arena, struct property **out)
{
    size_t count = 0;

    *out = arena_array(arena, json_count(object) + 1, sizeof **out);
    struct json_each it = json_each(object);
    while (json_next(&it))
        (*out)[count++] = (struct property){arena_copy(arena, it.key), value_of(it.value, arena)};
    return count;
}

static struct plain_person *person_take(struct plain_person *people, size_t *count, struct str id,
                                        struct arena *arena)
{
    for (size_t i = 0; i < *count; i++)
        if (str_equal(people[i].id, id))
            return &people[i];
    people[*count] =
        (struct plain_person){.id = arena_copy(arena, id), .created = FACT_CREATED_NONE};
    return &people[(*count)++];
}

static size_t people_of(struct json data, struct arena *arena, struct plain_person **out)
{
    struct json aliases = json_member(data, STR("aliases")),
                traits = json_member(data, STR("traits")),
                created = json_member(data, STR("created"));
    size_t count = 0;
    struct str text;

    *out = arena_array(arena, json_count(aliases) + json_count(traits) + json_count(created) + 1,
                       sizeof **out);
    struct json_each it = json_each(aliases);
    while (json_next(&it)) {
        struct plain_person *p = person_take(*out, &count, it.key, arena);
        struct json_each each = json_each(it.value);
        while (json_next(&each) && p->alias_count < COUNT(p->aliases))
            if (json_string(each.value, &text))
                p->aliases[p->alias_count++] = arena_copy(arena, text);
    }
    it = json_each(traits);
    while (json_next(&it)) {
        struct plain_person *p = person_take(*out, &count, it.key, arena);
        struct property *list;
        p->trait_count = properties_of(it.value, arena, &list);
        p->traits = list;
    }
    it = json_each(created);
    while (json_next(&it))
        if (json_string(it.value, &text))
            person_take(*out, &count, it.key, arena)->created = instant(text);
    return count;
}

static void accounts_of(struct json data, struct arena *arena, struct plain_source *out)
{
    struct json accounts = json_member(data, STR("accounts"));
    struct plain_person *list = arena_array(arena, json_count(accounts) + 1, sizeof *list);

    struct json_each it = json_each(accounts);
    while (json_next(&it)) {
        struct plain_person *a = &list[out->account_count++];
        struct property *traits;
        *a = (struct plain_person){.id = arena_copy(arena, it.key), .created = FACT_CREATED_NONE};
        a->trait_count = properties_of(it.value, arena, &traits);
        a->traits = traits;
    }
    out->accounts = list;
}

void case_source_init(struct json data, struct arena *arena, struct plain_source *out)
{
    struct json list = json_member(data, STR("events"));
    struct event *events = arena_array(arena, json_count(list) + 1, sizeof *events);
    struct plain_person *people;
    size_t person_count = people_of(data, arena, &people), count = 0;

    struct json_each it = json_each(list);
    while (json_next(&it)) {
        struct event *e = &events[count++];
        struct property *properties;
        int64_t sequence;
        e->name = member_text(it.value, "event", arena);
        e->person = member_text(it.value, "person", arena);
        e->account = member_text(it.value, "account", arena);
        e->session = member_text(it.value, "session", arena);
        e->id = member_text(it.value, "id", arena);
        e->time = instant(member_text(it.value, "time", arena));
        if (json_int(json_member(it.value, STR("sequence")), &sequence))
            e->sequence = (uint32_t)sequence;
        e->property_count =
            properties_of(json_member(it.value, STR("properties")), arena, &properties);
        e->properties = properties;
    }
    plain_source_init(out, events, count, people, person_count);
    accounts_of(data, arena, out);
}

void case_source_parse(const char *text, struct arena *arena, struct plain_source *out)
{
    AUTO(json_parser) *parser = json_parser_create();
    struct json root;
    struct err e = {0};

    REQUIRE(json_parse(parser, str_of(text), &root, &e));
    case_source_init(root, arena, out);
}
