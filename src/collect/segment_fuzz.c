/* Segment's bodies, on every path (the first byte says which): no crash, promises kept. */
#include "base/limits.h"
#include "collect/collect.h"

#define NOW_MS INT64_C(1796083200000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    enum segment_call call = data[0] % SEGMENT_CALL_COUNT;
    struct str body = {(const char *)data + 1, size - 1}, key;
    struct store_batch batch;
    struct err e = {0};
    AUTO(os) *os = os_linux_create();
    AUTO(collect_decoder) *d = collect_decoder_create(os);
    if (!collect_decode_segment(d, call, body, NOW_MS, &batch, &e)) {
        REQUIRE(e.kind != ERR_NONE && e.text[0] && str_is_utf8(str_of(e.text)));
        return 0;
    }
    for (size_t i = 0; i < batch.event_count; i++) {
        const struct event *event = &batch.events[i];
        REQUIRE(event->name.len > 0 && event->name.len <= LIMIT_NAME_BYTES);
        REQUIRE(event->person.len > 0 && event->person.len <= LIMIT_ID_BYTES);
        REQUIRE(event->id.len > 0 && event->id.len <= LIMIT_ID_BYTES);
        REQUIRE(event->time <= NOW_MS + LIMIT_FUTURE_HOURS * INT64_C(3600000));
        REQUIRE(event->property_count <= LIMIT_EVENT_PROPERTIES);
    }
    for (size_t i = 0; i < batch.fact_count; i++)
        REQUIRE(!collect_is_junk_id(batch.facts[i].subject) &&
                (batch.facts[i].kind != FACT_MERGE || !collect_is_junk_id(batch.facts[i].other)));
    REQUIRE(collect_segment_write_key(d, body, &key, &e) || e.kind != ERR_NONE);
    return 0;
}
