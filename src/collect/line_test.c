/* collect/line_test: the quick reader of lines against the reader that knows everything. */
#include "base/limits.h"
#include "base/test.h"
#include "collect/batch_text.h"
#include "collect/native.h"

#define NOW_MS INT64_C(1796083200000) /* 2026-12-01T00:00:00Z */

struct world {
    struct build fast, slow;
    struct json_parser *parser;
    unsigned taken; /* by the quick reader */
};

static int setup(void **state)
{
    struct world *w = mem_zero(sizeof *w);
    build_init(&w->fast);
    build_init(&w->slow);
    w->fast.now_ms = w->slow.now_ms = NOW_MS;
    w->parser = json_parser_create();
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    build_clear(&w->fast);
    build_clear(&w->slow);
    json_parser_destroy(w->parser);
    mem_free(w);
    return 0;
}

/* Taken quickly: then the full reader takes it too and makes the same of it. */
static bool compare(struct world *w, struct str line)
{
    struct json root;
    struct err e = {0};
    build_reset(&w->fast);
    build_reset(&w->slow);
    /* exact memory, so that a read past the end is seen by the sanitizer */
    char *copy = mem_array(line.len + 1, 1);
    struct str exact = {mem_grow(copy, line.len ? line.len : 1, 1), line.len};
    if (line.len)
        memcpy((char *)exact.at, line.at, line.len);
    bool is_taken = native_line(&w->fast, exact);
    if (is_taken) {
        w->taken++;
        if (!json_parse(w->parser, line, &root, &e) || !native_record(&w->slow, root, &e))
            fail_msg("only the quick reader takes %.*s (%s)", STR_ARG(line), e.text);
        struct store_batch fast = build_batch(&w->fast), slow = build_batch(&w->slow);
        BUF_AUTO a = {0}, b = {0};
        assert_int_equal(fast.event_count, 1);
        assert_int_equal(slow.event_count, 1);
        for (size_t i = 0; i < 2; i++) { /* a time that is missing has no text */
            struct event *event = (struct event *)(i ? slow.events : fast.events);
            if (event->time == BUILD_TIME_NONE)
                event->time = 1;
        }
        batch_text(&fast, &a);
        batch_text(&slow, &b);
        assert_str(buf_str(&a), buf_str(&b));
        assert_int_equal(fast.events[0].received, slow.events[0].received);
    } else {
        assert_int_equal(w->fast.event_count, 0);
    }
    mem_free((char *)exact.at);
    return is_taken;
}

static void usual_lines_are_quick(void **state)
{
    struct world *w = *state;
    static const char *const lines[] = {
        "{\"event\":\"E\",\"person\":\"u\"}",
        "{\"event\":\"E\",\"person\":\"u\"}\r",
        "  { \"event\" : \"E\" , \"person\" : \"u\" } ",
        "{\"event\": \"Project Created\", \"person\": \"u_17\", \"time\": "
        "\"2026-02-03T09:15:00+07:00\", \"id\": \"9f1c\", \"account\": \"acme\", \"session\": "
        "\"s\", "
        "\"properties\": {\"plan\": \"pro\", \"seats\": 4, \"share\": 0.25, \"beta\": true, "
        "\"off\": false, \"note\": null, \"low\": -12, \"minus\": -0.5, \"zero\": -0}}",
        "{\"properties\":{},\"person\":\"u\",\"time\":1763719200000,\"event\":\"สมัคร\"}",
        "{\"event\":\"E\",\"person\":\"u\",\"properties\":{\"ชื่อ\":\"กรุงเทพมหานคร\",\"e\":"
        "\"\xF0\x9F\x90\x98\"}}",
        "{\"event\":\"E\",\"person\":\"u\",\"properties\":{\"a\":\"\",\"b\":0.1,\"c\":"
        "999999999999999999}}",
        "{\"event\":\"E\",\"person\":\"u\",\"properties\":{\"ab\":1,\"ba\":2,\"aab\":3,\"abb\":4}}",
    };
    for (size_t i = 0; i < COUNT(lines); i++)
        if (!compare(w, str_of(lines[i])))
            fail_msg("not quick: %s", lines[i]);
}

static void all_else_is_left_alone(void **state)
{
    struct world *w = *state;
    static const char *const lines[] = {
        "",
        "{",
        "{}",
        "[]",
        "{\"event\":\"E\"}",
        "{\"person\":\"u\"}",
        "{\"event\":\"E\",\"person\":\"u\"",
        "{\"event\":\"E\",\"person\":\"u\"},",
        "{\"event\":\"E\",\"person\":\"u\"}{}",
        "{\"event\":\"E\",\"person\":\"u\",}",
        "{\"event\":\"E\",\"event\":\"E\",\"person\":\"u\"}",
        "{\"event\":\"E\",\"person\":\"u\",\"other\":1}",
        "{\"event\":\"E\\n\",\"person\":\"u\"}",
        "{\"event\":\"E\t\",\"person\":\"u\"}",
        "{\"event\":\"\",\"person\":\"u\"}",
        "{\"event\":\"E\",\"person\":\"\"}",
        "{\"event\":\"E\",\"person\":\" \"}",
        "{\"event\":\"E\",\"person\":7}",
        "{\"event\":\"E\",\"person\":\"u\",\"id\":\"\"}",
        "{\"event\":\"E\",\"person\":\"u\",\"id\":null}",
        "{\"event\":\"E\",\"person\":\"u\",\"time\":0}",
        "{\"event\":\"E\",\"person\":\"u\",\"time\":\"2569-01-01T00:00:00Z\"}",
        "{\"event\":\"E\",\"person\":\"u\",\"properties\":{\"a\":1,\"a\":2}}",
        "{\"event\":\"E\",\"person\":\"u\",\"properties\":{\"\":1}}",
        "{\"event\":\"E\",\"person\":\"u\",\"properties\":{\"a\":{}}}",
        "{\"event\":\"E\",\"person\":\"u\",\"properties\":{\"a\":[]}}",
        "{\"event\":\"E\",\"person\":\"u\",\"properties\":{\"a\":01}}",
        "{\"event\":\"E\",\"person\":\"u\",\"properties\":{\"a\":1.}}",
        "{\"event\":\"E\",\"person\":\"u\",\"properties\":{\"a\":.5}}",
        "{\"event\":\"E\",\"person\":\"u\",\"properties\":{\"a\":-}}",
        "{\"event\":\"E\",\"person\":\"u\",\"properties\":{\"a\":+1}}",
        "{\"event\":\"E\",\"person\":\"u\",\"properties\":{\"a\":1e5}}",
        "{\"event\":\"E\",\"person\":\"u\",\"properties\":{\"a\":9223372036854775808}}",
        "{\"event\":\"E\",\"person\":\"u\",\"properties\":{\"a\":tru}}",
        "{\"event\":\"E\",\"person\":\"u\",\"properties\":{\"a\":nulls}}",
        "{\"event\":\"E\",\"person\":\"u\",\"properties\":{\"a\":\"\xC0\xAF\"}}",
        "{\"event\":\"E\",\"person\":\"u\",\"properties\":{\"a\":\"\xE0\xB8\"}}",
    };
    for (size_t i = 0; i < COUNT(lines); i++)
        if (compare(w, str_of(lines[i])))
            fail_msg("taken: %s", lines[i]);
}

/* Small steps from good lines: whatever the quick reader takes, the full one takes alike. */
static void mutants_are_read_alike(void **state)
{
    struct world *w = *state;
    static const char seed[] =
        "{\"event\":\"Signed "
        "Up\",\"person\":\"u_17\",\"time\":\"2026-02-03T09:15:00.5+07:00\",\"id\":\"x\","
        "\"account\":\"acme\",\"properties\":{\"plan\":\"pro\",\"n\":-12.75,\"k\":7,\"t\":true,"
        "\"z\":null}}";
    static const char bytes[] =
        "\"\\{}[]:,.-+0123456789eEtrufalsn \t\r\x01\x7F\x80\xE0\xB8\xA1\xFF";
    uint64_t dice = 42;
    for (int i = 0; i < 200000; i++) {
        char line[sizeof seed];
        size_t len = sizeof seed - 1;
        memcpy(line, seed, sizeof seed);
        dice = dice * 6364136223846793005u + 1442695040888963407u;
        for (unsigned n = 0; n <= (dice >> 60 & 1); n++) {
            dice = dice * 6364136223846793005u + 1442695040888963407u;
            size_t at = (size_t)(dice >> 33) % len;
            if (dice >> 20 & 1) {
                line[at] = bytes[(size_t)(dice >> 48) % (sizeof bytes - 1)];
            } else {
                memmove(line + at, line + at + 1, len - at - 1);
                len--;
            }
        }
        compare(w, (struct str){line, len});
    }
    assert_true(w->taken > 10000);
}

static void long_texts_meet_their_limits(void **state)
{
    struct world *w = *state;
    for (size_t len = LIMIT_ID_BYTES - 1; len <= LIMIT_ID_BYTES + 1; len++) {
        BUF_AUTO line = {0};
        buf_add(&line, STR("{\"event\":\"E\",\"person\":\""));
        memset(buf_reserve(&line, len), 'x', len);
        line.len += len;
        buf_add(&line, STR("\"}"));
        assert_int_equal(compare(w, buf_str(&line)), len <= LIMIT_ID_BYTES);
    }
    for (size_t len = LIMIT_TEXT_BYTES; len <= LIMIT_TEXT_BYTES + 1; len++) {
        BUF_AUTO line = {0};
        buf_add(&line, STR("{\"event\":\"E\",\"person\":\"u\",\"properties\":{\"p\":\""));
        memset(buf_reserve(&line, len), 'x', len);
        line.len += len;
        buf_add(&line, STR("\"}}"));
        assert_int_equal(compare(w, buf_str(&line)), len <= LIMIT_TEXT_BYTES);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(usual_lines_are_quick),
        cmocka_unit_test(all_else_is_left_alone),
        cmocka_unit_test(mutants_are_read_alike),
        cmocka_unit_test(long_texts_meet_their_limits),
    };
    return cmocka_run_group_tests_name("collect/line", tests, setup, teardown);
}
