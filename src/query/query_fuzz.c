/*
 * Any bytes as a question, over a small store: no crash, an answer that is JSON and can be drawn,
 * or an error with a sentence.
 */
#include "codec/json.h"
#include "os/os_sim.h"
#include "query/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void store_fill(struct store *store)
{
    static const struct str names[] = {{"A", 1}, {"B", 1}, {"C", 1}};
    struct err e = {0};
    struct store_receipt receipt;
    struct property plan = {STR("plan"), {.type = VALUE_TEXT, .text = STR("pro")}};

    for (int64_t i = 0; i < 24; i++) {
        struct event event = {
            .time = INT64_C(1772323200000) + i * 20000000,
            .received = INT64_C(1772323200000),
            .name = names[i % 3],
            .person = i % 2 ? STR("u1") : STR("u2"),
            .copy = 0,
            .properties = &plan,
            .property_count = (size_t)(i % 2),
        };
        struct store_batch batch = {.events = &event, .event_count = 1};
        REQUIRE(store_append(store, &batch, &receipt, &e));
    }
}

static bool is_json(struct str text)
{
    AUTO(json_parser) *parser = json_parser_create();
    struct json root;
    struct err e = {0};

    return json_parse(parser, text, &root, &e);
}

static void ask(struct source *source, struct str question)
{
    struct query_context context = {.now_ms = INT64_C(1773323200000)};
    struct query_text_options options = {.width = 80, .colour = true};
    BUF_AUTO answer = {0}, text = {0}, table = {0};
    struct err e = {0};

    if (!query_answer(source, &context, question, &answer, &e)) {
        REQUIRE(e.text[0] && answer.len == 0);
        query_error_json(&e, &text);
        REQUIRE(is_json(buf_str(&text)));
        return;
    }
    REQUIRE(is_json(buf_str(&answer)));
    REQUIRE(query_render_text(buf_str(&answer), &options, &text, &e));
    REQUIRE(query_render_csv(buf_str(&answer), &table, &e));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    AUTO(os) *os = os_sim_create((struct os_sim_plan){.seed = 1});
    AUTO(store) *store = NULL;
    AUTO(snapshot) *snapshot = NULL;
    AUTO(pool) *pool = pool_create(1);
    struct store_options options = {.no_background = true, .project = STR("p")};
    struct store_source room;
    struct err e = {0};

    REQUIRE(store_open(os, STR("p"), &options, &store, &e));
    store_fill(store);
    REQUIRE(store_snapshot(store, &snapshot, &e));
    ask(source_of_snapshot(&room, snapshot, pool), (struct str){(const char *)bytes, size});
    return 0;
}
