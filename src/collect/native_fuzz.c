/* Native bodies: no crash, what is taken keeps its promises, and the quick reader of lines agrees
 * with the full one. */
#include "base/limits.h"
#include "collect/native.h"

#define NOW_MS INT64_C(1796083200000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_properties(const struct property *list, size_t count)
{
    REQUIRE(count <= LIMIT_EVENT_PROPERTIES && (count == 0) == (list == NULL));
    for (size_t i = 0; i < count; i++) {
        REQUIRE(list[i].name.len > 0 && list[i].name.len <= LIMIT_NAME_BYTES);
        REQUIRE(list[i].value.type != VALUE_MISSING);
        for (size_t k = 0; k < i && k < 40; k++)
            REQUIRE(!str_equal(list[i].name, list[k].name));
    }
}

static void check_batch(const struct store_batch *batch)
{
    REQUIRE(batch->event_count + batch->fact_count <= LIMIT_BATCH_EVENTS);
    for (size_t i = 0; i < batch->event_count; i++) {
        const struct event *event = &batch->events[i];
        REQUIRE(event->name.len > 0 && event->name.len <= LIMIT_NAME_BYTES);
        REQUIRE(event->person.len > 0 && event->person.len <= LIMIT_ID_BYTES);
        REQUIRE(event->id.len > 0 && event->id.len <= LIMIT_ID_BYTES);
        REQUIRE(event->time <= NOW_MS + LIMIT_FUTURE_HOURS * INT64_C(3600000));
        REQUIRE(str_is_utf8(event->name) && str_is_utf8(event->person));
        check_properties(event->properties, event->property_count);
    }
    for (size_t i = 0; i < batch->fact_count; i++) {
        REQUIRE(!collect_is_junk_id(batch->facts[i].subject));
        check_properties(batch->facts[i].properties, batch->facts[i].property_count);
    }
}

/* A line that the quick reader takes, the full one takes too, with the same content. */
static void check_line(struct str line)
{
    struct build quick, full;
    struct json root;
    struct err e = {0};
    AUTO(json_parser) *parser = json_parser_create();
    build_init(&quick);
    build_init(&full);
    quick.now_ms = full.now_ms = NOW_MS;
    if (native_line(&quick, line)) {
        REQUIRE(json_parse(parser, line, &root, &e) && native_record(&full, root, &e));
        const struct event *a = quick.events, *b = full.events;
        REQUIRE(full.event_count == 1 && a->time == b->time && str_equal(a->name, b->name));
        REQUIRE(str_equal(a->person, b->person) && str_equal(a->id, b->id));
        REQUIRE(str_equal(a->account, b->account) && str_equal(a->session, b->session));
        REQUIRE(a->offset_minutes == b->offset_minutes && a->property_count == b->property_count);
        for (size_t i = 0; i < a->property_count; i++)
            REQUIRE(str_equal(a->properties[i].name, b->properties[i].name) &&
                    value_same(a->properties[i].value, b->properties[i].value));
    }
    build_clear(&quick);
    build_clear(&full);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str body = {(const char *)data, size};
    struct store_batch batch;
    struct err e = {0};
    AUTO(os) *os = os_linux_create();
    AUTO(collect_decoder) *d = collect_decoder_create(os);
    if (collect_decode_native(d, body, NOW_MS, &batch, &e))
        check_batch(&batch);
    else
        REQUIRE(e.kind != ERR_NONE && e.text[0] && str_is_utf8(str_of(e.text)));
    check_line(body);
    return 0;
}
