/* Batches as bytes: what goes in comes out, bytes are few, and no bytes can hurt the reader. */
#include "store/batch.h"
#include "store/store_sample.h"

static void same_event(const struct event *got, const struct event *want)
{
    assert_str(got->id, want->id);
    assert_int_equal(got->copy, want->copy);
    assert_int_equal(got->time, want->time);
    assert_int_equal(got->received, want->received);
    assert_int_equal(got->offset_minutes, want->offset_minutes);
    assert_int_equal(got->sequence, want->sequence);
    assert_str(got->name, want->name);
    assert_str(got->person, want->person);
    assert_str(got->account, want->account);
    assert_str(got->session, want->session);
    assert_int_equal(got->property_count, want->property_count);
    for (size_t i = 0; i < want->property_count; i++) {
        assert_str(got->properties[i].name, want->properties[i].name);
        assert_true(value_same(got->properties[i].value, want->properties[i].value));
    }
}

static void same_fact(const struct fact *got, const struct fact *want)
{
    assert_int_equal(got->kind, want->kind);
    assert_str(got->subject, want->subject);
    assert_str(got->other, want->other);
    assert_true(got->received == want->received && got->created == want->created);
    assert_int_equal(got->property_count, want->property_count);
    for (size_t i = 0; i < want->property_count; i++)
        assert_true(value_same(got->properties[i].value, want->properties[i].value));
}

static void same_batch(struct batch_reader *r, struct str payload, const struct store_batch *want)
{
    struct err e = {0};
    struct event ev;
    struct fact f;
    uint32_t text;
    assert_works(batch_read(r, payload, &e), e);
    for (size_t i = 0; i < want->event_count; i++) {
        assert_works(batch_next_event(r, &ev, &text, &e), e);
        same_event(&ev, &want->events[i]);
        assert_str(r->persons[text], want->events[i].person);
    }
    assert_false(batch_next_event(r, &ev, &text, &e));
    for (size_t i = 0; i < want->fact_count; i++) {
        assert_works(batch_next_fact(r, &f, &e), e);
        same_fact(&f, &want->facts[i]);
    }
    assert_false(batch_next_fact(r, &f, &e));
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(r->rest.len, 0);
}

static void odd_values(struct property *p)
{
    static char long_text[40000];
    memset(long_text, 'x', sizeof long_text);
    p[0] = (struct property){STR("none"), {.type = VALUE_NULL}};
    p[1] = (struct property){STR("yes"), {.type = VALUE_BOOL, .boolean = true}};
    p[2] = (struct property){STR("low"), {.type = VALUE_INT, .integer = INT64_MIN}};
    p[3] = (struct property){STR("small"), {.type = VALUE_DOUBLE, .number = -0.0}};
    p[4] =
        (struct property){STR("long"), {.type = VALUE_TEXT, .text = {long_text, sizeof long_text}}};
    p[5] = (struct property){STR("list"), {.type = VALUE_LIST, .text = STR("[1,\"a\"]")}};
    p[6] = (struct property){STR(""), {.type = VALUE_TEXT, .text = STR("")}};
}

static void comes_back(void **state)
{
    (void)state;
    AUTO(arena) *arena = arena_create(0);
    AUTO(batch_encoder) *b = batch_encoder_create();
    struct batch_reader r = {0};
    for (size_t count = 0; count < 3000; count = count * 2 + 1) {
        struct event *events = arena_array(arena, count + 2, sizeof *events);
        for (size_t i = 0; i < count; i++)
            events[i] = sample_event(arena, (uint32_t)(i * 7919 % 5000));
        struct property odd[7];
        odd_values(odd);
        for (size_t i = count; i < count + 2; i++)
            events[i] = (struct event){.time = i % 2 ? INT64_MAX : INT64_MIN,
                                       .received = i % 2 ? INT64_MIN : INT64_MAX,
                                       .offset_minutes = i % 2 ? INT16_MIN : INT16_MAX,
                                       .sequence = UINT32_MAX,
                                       .copy = UINT32_MAX,
                                       .name = STR("odd"),
                                       .person = odd[4].value.text,
                                       .properties = odd,
                                       .property_count = COUNT(odd)};
        struct fact facts[] = {
            {.kind = FACT_PERSON_TRAITS,
             .subject = STR("p"),
             .received = 5,
             .created = 0,
             .properties = odd,
             .property_count = COUNT(odd)},
            {.kind = FACT_MERGE,
             .subject = STR("p"),
             .other = STR("q"),
             .received = -5,
             .created = (int64_t)FACT_CREATED_NONE},
            {.kind = FACT_ACCOUNT_TRAITS,
             .subject = STR("acme"),
             .created = INT64_MAX,
             .properties = odd,
             .property_count = COUNT(odd)},
            {.kind = FACT_UNMERGE,
             .subject = STR("p"),
             .other = STR("q"),
             .created = (int64_t)FACT_CREATED_NONE},
        };
        struct store_batch batch = {events, count + 2, facts, COUNT(facts)};
        BUF_AUTO bytes = {0};
        buf_add(&bytes, STR("before"));
        batch_encode(b, &batch, &bytes);
        same_batch(&r, str_sub(buf_str(&bytes), 6, bytes.len), &batch);
    }
    batch_reader_free(&r);
}

static void a_typical_event_takes_few_bytes(void **state)
{
    (void)state;
    enum { EVENTS = 1000 };
    AUTO(arena) *arena = arena_create(0);
    AUTO(batch_encoder) *b = batch_encoder_create();
    struct event *events = arena_array(arena, EVENTS, sizeof *events);
    for (uint32_t i = 0; i < EVENTS; i++) {
        events[i] = sample_event(arena, i);
        events[i].time = SAMPLE_START + i * 1000;
        events[i].received = SAMPLE_START;
        events[i].id = arena_printf(arena, "00000000-0000-4000-8000-%012u", i);
        events[i].properties++; /* two: a text and a number */
        events[i].property_count = 2;
    }
    BUF_AUTO bytes = {0};
    batch_encode(b, &(struct store_batch){.events = events, .event_count = EVENTS}, &bytes);
    assert_in_range(bytes.len / EVENTS, 37, 60); /* 37 of them are the id */
}

/* Cut anywhere, or with any byte changed: rows or ERR_CORRUPT, and never a hang. */
static void no_bytes_can_hurt(void **state)
{
    (void)state;
    AUTO(arena) *arena = arena_create(0);
    AUTO(batch_encoder) *b = batch_encoder_create();
    struct event events[20];
    for (uint32_t i = 0; i < COUNT(events); i++)
        events[i] = sample_event(arena, i);
    BUF_AUTO bytes = {0};
    batch_encode(b, &(struct store_batch){.events = events, .event_count = COUNT(events)}, &bytes);
    struct batch_reader r = {0};
    for (size_t at = 0; at < bytes.len * 64; at++) {
        size_t place = at / 64;
        char before = bytes.at[place];
        struct str payload = buf_str(&bytes);
        if (at % 64 == 0)
            payload = str_sub(payload, 0, place);
        else
            bytes.at[place] = (char)(before ^ (char)hash_mix(at));
        struct err e = {0};
        struct event ev;
        uint32_t text;
        size_t rows = 0;
        if (batch_read(&r, payload, &e))
            while (batch_next_event(&r, &ev, &text, &e))
                rows++;
        assert_true(rows <= payload.len);
        assert_true(e.kind == ERR_NONE || e.kind == ERR_CORRUPT);
        if (at % 64 == 0)
            assert_int_equal(e.kind, ERR_CORRUPT);
        bytes.at[place] = before;
    }
    batch_reader_free(&r);
}

/* Reads a payload to its end, or to where it is damaged. */
static void read_through(struct batch_reader *r, struct str payload, struct err *e)
{
    struct event event;
    struct fact f;
    uint32_t person;
    if (!batch_read(r, payload, e))
        return;
    while (batch_next_event(r, &event, &person, e))
        continue;
    while (e->kind == ERR_NONE && batch_next_fact(r, &f, e))
        continue;
}

/* All kinds of facts with all their parts, cut after each byte, and each byte changed. */
static void cut_and_changed_facts_are_refused(void **state)
{
    (void)state;
    struct property few[] = {{STR("a"), {.type = VALUE_INT, .integer = -7}},
                             {STR("b"), {.type = VALUE_TEXT, .text = STR("text")}},
                             {STR("c"), {.type = VALUE_BOOL, .boolean = true}}};
    struct fact facts[] = {
        {.kind = FACT_PERSON_TRAITS,
         .subject = STR("p"),
         .received = 5,
         .created = 17,
         .properties = few,
         .property_count = COUNT(few),
         .by = STR("me"),
         .reason = STR("r")},
        {.kind = FACT_ACCOUNT_TRAITS,
         .subject = STR("acme"),
         .received = 5,
         .created = FACT_CREATED_NONE,
         .properties = few,
         .property_count = COUNT(few)},
        {.kind = FACT_MERGE,
         .subject = STR("p"),
         .other = STR("q"),
         .received = 6,
         .created = FACT_CREATED_NONE,
         .by = STR("me"),
         .reason = STR("x")},
        {.kind = FACT_UNMERGE,
         .subject = STR("p"),
         .other = STR("q"),
         .received = 6,
         .created = FACT_CREATED_NONE,
         .reason = STR("oops")},
    };
    struct store_batch batch = {.facts = facts, .fact_count = COUNT(facts)};
    AUTO(batch_encoder) *b = batch_encoder_create();
    BUF_AUTO whole = {0};
    struct batch_reader r = {0};
    uint64_t refused = 0;
    batch_encode(b, &batch, &whole);
    same_batch(&r, buf_str(&whole), &batch);
    for (size_t len = 0; len < whole.len; len++) {
        struct err e = {0};
        read_through(&r, str_sub(buf_str(&whole), 0, len), &e);
        assert_int_equal(e.kind, ERR_CORRUPT); /* a part of a batch is no batch */
    }
    for (size_t at = 0; at < whole.len; at++)
        for (unsigned change = 1; change < 256; change++) {
            BUF_AUTO copy = {0};
            struct err e = {0};
            buf_add(&copy, buf_str(&whole));
            copy.at[at] = (char)((uint8_t)copy.at[at] ^ change);
            read_through(&r, buf_str(&copy), &e);
            assert_true(e.kind == ERR_NONE || e.kind == ERR_CORRUPT);
            refused += e.kind != ERR_NONE;
        }
    assert_true(refused > 1000);
    batch_reader_free(&r);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back),
        cmocka_unit_test(a_typical_event_takes_few_bytes),
        cmocka_unit_test(no_bytes_can_hurt),
        cmocka_unit_test(cut_and_changed_facts_are_refused),
    };
    return cmocka_run_group_tests_name("store/batch", tests, NULL, NULL);
}
