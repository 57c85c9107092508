/* The importer over any file as CSV and as JSON: no crash; each record that is handed over keeps
 * the limits; a second run hands over the same. */
#include "base/limits.h"
#include "collect/collect.h"
#include "collect/content.h"
#include "os/os_sim.h"

#define NOW_MS INT64_C(1796083200000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sum {
    uint64_t events, facts, content;
};

static bool add(void *context, const struct store_batch *batch, struct err *e)
{
    struct sum *sum = context;
    (void)e;
    for (size_t i = 0; i < batch->event_count; i++) {
        const struct event *event = &batch->events[i];
        REQUIRE(event->name.len > 0 && event->name.len <= LIMIT_NAME_BYTES);
        REQUIRE(event->person.len > 0 && event->person.len <= LIMIT_ID_BYTES);
        REQUIRE(event->property_count <= LIMIT_EVENT_PROPERTIES);
        REQUIRE(event->time <= NOW_MS + LIMIT_FUTURE_HOURS * INT64_C(3600000));
        sum->content += content_hash(event, event->copy) + event->id.len;
    }
    sum->events += batch->event_count;
    sum->facts += batch->fact_count;
    return true;
}

static bool finish(void *context, struct store_receipt *receipt, struct err *e)
{
    (void)context;
    (void)e;
    *receipt = (struct store_receipt){0};
    return true;
}

static struct sum run(struct os *os, struct import_options *options)
{
    struct sum sum = {0};
    struct import_report report;
    struct err e = {0};
    struct collect_sink sink = {.add = add, .finish = finish, .context = &sum};
    if (collect_import(options, sink, os, &report, &e))
        REQUIRE(report.events == sum.events && report.records == sum.events + sum.facts);
    else
        REQUIRE(e.kind != ERR_NONE && e.text[0] && str_is_utf8(str_of(e.text)));
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct str maps[] = {
        {"person=a,event=b,time=c", 23},
        {"person=a,event==E,time=c,account=d,id=e,session=f", 49},
    };
    struct err e = {0};
    struct str file = {"f", 1};
    if (size == 0)
        return 0;
    AUTO(os) *os = os_sim_create((struct os_sim_plan){.seed = 1});
    REQUIRE(os_write_whole(os, file, (struct str){(const char *)data + 1, size - 1}, &e));
    struct import_options options = {
        .files = &file,
        .file_count = 1,
        .format = (enum import_format)(data[0] & 3),
        .map = maps[data[0] >> 2 & 1],
        .time = (enum import_time)(data[0] >> 3 & 3),
        .time_is_given = true,
        .strict = data[0] >> 5 & 1,
        .rejects = data[0] >> 6 & 1 ? (struct str){"r", 1} : STR_NONE,
        .types = data[0] >> 7 ? (struct str){"g=number,h=bool", 15} : STR_NONE,
        .now_ms = NOW_MS,
    };
    struct sum first = run(os, &options), second = run(os, &options);
    REQUIRE(first.content == second.content && first.events == second.events);
    return 0;
}
