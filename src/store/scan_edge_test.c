/*
 * A scan that does not come to its end: cancelled, too late, told to stop, over damaged segments,
 * or with more values than a breakdown may have. It says why, or gives the right answer.
 */
#include "store/segment_file.h"

#include "store/segment_sample.h"

#include <math.h>

#include "base/intern.h"
#include "os/os_sim.h"
#include "store/people_write.h"
#include "store/scan.h"
#include "store/snapshot.h"

enum { DAY = 86400000, ROWS = 700, PEOPLE = 40, NAMES = 320 };

struct scene {
    struct sample s;
    struct pool *pool;
    struct people *people;
    struct str bytes; /* of the good segment */
};

static void set_scene(struct scene *c, uint32_t names)
{
    struct sample_plan plan = {.seed = 51,
                               .rows = ROWS,
                               .persons = PEOPLE,
                               .names = names,
                               .span = 20LL * DAY,
                               .step = DAY,
                               .has_properties = true};

    *c =
        (struct scene){.s = sample_make(&plan), .pool = pool_create(2), .people = people_create(1)};
    for (uint32_t i = 0; i < 3 * PEOPLE; i++)
        people_put(c->people, arena_printf(c->s.arena, "u%u", i));
    struct chunk_result r = sample_images(&c->s, 0, c->s.count, 1);
    c->bytes = arena_copy(c->s.arena, buf_str(&((struct segment_own *)r.images[0]->own)->image));
    chunk_result_free(&r);
}

static void clear_scene(struct scene *c)
{
    people_destroy(c->people);
    pool_destroy(c->pool);
    sample_free(&c->s);
}

/* A snapshot of the scene's segment with one byte changed; NULL when the segment is refused. */
static struct snapshot *look(struct scene *c, size_t at, uint8_t change)
{
    struct snapshot *v = mem_zero(sizeof *v);
    struct buf bytes = {0};
    struct err e = {0};

    buf_add(&bytes, c->bytes);
    bytes.at[at] = (char)((uint8_t)bytes.at[at] ^ change);
    v->references = 1;
    v->people = people_look(c->people);
    v->segments = mem_array(1, sizeof(struct segment *));
    if (segment_of_bytes(&bytes, false, &v->segments[0], &e)) {
        v->segment_count = 1;
        return v;
    }
    snapshot_release(v);
    return NULL;
}

struct sum {
    uint64_t rows, digest;
    bool stops;
};

static bool add_up(void *context, const struct scan_batch *b)
{
    struct sum *sum = context;

    for (size_t i = 0; i < b->count; i++) {
        uint64_t row = b->mask ? b->mask[i] : 1;
        row = hash_mix(row ^ (b->time ? (uint64_t)b->time[i] : 0));
        row = hash_mix(row ^ (b->codes[0] ? b->codes[0][i] : 0));
        if (b->numbers[1])
            row = hash_mix(row ^ (isnan(b->numbers[1][i]) ? 7 : (uint64_t)b->numbers[1][i]));
        sum->digest += row; /* whatever the order */
    }
    sum->rows += b->count;
    return !sum->stops;
}

static bool is_big(const void *context, struct value v)
{
    (void)context;
    return v.type == VALUE_INT && v.integer > 100;
}

static bool is_odd(const void *context, uint32_t unit)
{
    (void)context;
    return unit % 2;
}

/* Reads as much as a question can: names, a filter of every kind, two columns, times. */
static struct scan_plan plan_of(bool by_unit, struct intern *codes)
{
    static const struct scan_condition big = {
        .kind = SCAN_TEST, .subject = SCAN_PROPERTY, .property = {"small", 5}, .test = is_big};
    static const struct scan_condition odd = {
        .kind = SCAN_TEST, .subject = SCAN_UNIT, .test_unit = is_odd};
    static const struct scan_condition *const one[] = {&big};
    static const struct scan_condition not_big = {
        .kind = SCAN_NOT, .children = one, .child_count = 1};
    static const struct scan_condition *const any[] = {&not_big, &odd};
    static const struct scan_condition either = {
        .kind = SCAN_ANY, .children = any, .child_count = 2};
    static const struct scan_selector selectors[] = {
        {.event = {"event 1", 7}, .from = INT64_MIN, .to = INT64_MAX},
        {.event = {0}, .from = 0, .to = 10LL * DAY, .filter = &either}};
    static struct scan_column columns[2];

    columns[0] =
        (struct scan_column){SCAN_CODE, SCAN_PROPERTY, by_unit ? STR("plan") : STR("note"), codes};
    columns[1] = (struct scan_column){SCAN_NUMBER, SCAN_PROPERTY, STR("price"), NULL};
    return (struct scan_plan){.selectors = selectors,
                              .selector_count = COUNT(selectors),
                              .columns = columns,
                              .column_count = COUNT(columns),
                              .by_unit = by_unit,
                              .want_time = true};
}

static bool run(struct scene *c, struct snapshot *v, struct scan_plan *plan, bool stops,
                struct sum *out, struct err *e)
{
    struct sum sums[2] = {{.stops = stops}, {.stops = stops}};
    void *contexts[] = {&sums[0], &sums[1]};
    struct scan_stats stats = {0};
    bool is_done = scan_run(v, plan, c->pool, add_up, contexts, &stats, e);

    *out = (struct sum){sums[0].rows + sums[1].rows, sums[0].digest + sums[1].digest, false};
    return is_done;
}

static void damage_ends_a_scan(void **state)
{
    (void)state;
    struct scene c;
    set_scene(&c, 9);
    for (unsigned by_unit = 0; by_unit < 2; by_unit++) {
        struct sum good, sum;
        struct err e = {0};
        uint64_t noticed = 0;
        struct intern *codes = intern_create();
        struct scan_plan plan = plan_of(by_unit, codes);
        struct snapshot *v = look(&c, 0, 0);
        assert_works(run(&c, v, &plan, false, &good, &e), e);
        assert_true(good.rows > 50);
        snapshot_release(v);
        for (size_t at = by_unit; at < c.bytes.len; at += 41) {
            e = (struct err){0};
            v = look(&c, at, 16);
            if (!v || !run(&c, v, &plan, false, &sum, &e)) {
                assert_true(!v || e.kind == ERR_CORRUPT);
                noticed++;
            } else if (sum.rows != good.rows || sum.digest != good.digest) {
                fail_msg("byte %zu is wrong and gives a wrong answer", at);
            }
            snapshot_release(v);
        }
        assert_true(noticed > 50);
        intern_destroy(codes);
    }
    clear_scene(&c);
}

static bool is_p1(const void *context, struct value v)
{
    (void)context;
    return v.type == VALUE_TEXT && str_equal(v.text, STR("p1"));
}

/* A condition is asked of a dictionary while the scan is planned: however deep, damage there ends
 * it. */
static void damage_of_a_condition_ends_a_scan(void **state)
{
    (void)state;
    static const struct scan_condition p1 = {
        .kind = SCAN_TEST, .subject = SCAN_PROPERTY, .property = {"plan", 4}, .test = is_p1};
    static const struct scan_condition *const one[] = {&p1};
    static const struct scan_condition no = {.kind = SCAN_NOT, .children = one, .child_count = 1};
    static const struct scan_condition *const two[] = {&no};
    static const struct scan_condition all = {.kind = SCAN_ALL, .children = two, .child_count = 1};
    static const struct scan_condition *const filters[] = {&p1, &no, &all};
    struct scene c;
    set_scene(&c, 9);
    struct snapshot *v = look(&c, 0, 0);
    const struct segment_own *own = v->segments[0]->own;
    const struct column *list[VALUE_TYPE_COUNT];
    assert_int_equal(segment_property(v->segments[0], STR("plan"), list), 1);
    size_t at = (size_t)(list[0]->text_bytes - own->image.at);
    snapshot_release(v);
    for (size_t i = 0; i < COUNT(filters); i++) {
        struct scan_selector selector = {.from = 0, .to = INT64_MAX, .filter = filters[i]};
        struct scan_plan plan = {.selectors = &selector, .selector_count = 1, .want_time = true};
        struct sum sum;
        struct err e = {0};
        v = look(&c, 0, 0);
        assert_works(run(&c, v, &plan, false, &sum, &e), e);
        assert_true(sum.rows > 20 && sum.rows < ROWS);
        snapshot_release(v);
        v = look(&c, at, 1);
        assert_false(run(&c, v, &plan, false, &sum, &e));
        assert_int_equal(e.kind, ERR_CORRUPT);
        assert_non_null(strstr(e.text, "column property plan"));
        snapshot_release(v);
    }
    clear_scene(&c);
}

/* What there is to ask for, with persons left out: damaged parts are left out, never wrong. */
static void damage_is_left_out_of_lists(void **state)
{
    (void)state;
    struct scene c;
    static const uint32_t erased[] = {3, 6, 9, 60, 61};
    uint64_t good_events = 0, good_properties = 0, less = 0;
    int64_t first = 0, last = 0;

    set_scene(&c, 9);
    for (size_t at = 0; at < c.bytes.len; at += at ? 37 : 1) {
        AUTO(arena) *arena = arena_create(0);
        struct event_name_info *names;
        struct property_info *properties;
        size_t name_count, property_count;
        uint64_t events = 0, values = 0;
        int64_t from, to;
        struct snapshot *v = look(&c, at, at ? 8 : 0);
        if (!v)
            continue;
        v->hidden = hidden_with(NULL, erased, COUNT(erased), NULL, 0);
        bool has_span = snapshot_span(v, &from, &to);
        snapshot_events(v, arena, &names, &name_count);
        snapshot_properties(v, arena, &properties, &property_count);
        for (size_t i = 0; i < name_count; i++)
            events += names[i].count;
        for (size_t i = 0; i < property_count; i++)
            values += properties[i].count;
        if (at == 0) {
            good_events = events;
            good_properties = values;
            first = from;
            last = to;
            assert_true(has_span && events > 100 && events < ROWS && values > events);
        }
        assert_true(!has_span || (from == first && to == last));
        assert_true(events == 0 || events == good_events);
        assert_true(values <= good_properties);
        less += !has_span || !events || values < good_properties;
        snapshot_release(v);
    }
    assert_true(less > 20);
    clear_scene(&c);
}

static void cancelled_and_late_scans_say_so(void **state)
{
    (void)state;
    struct scene c;
    AUTO(os) *os = os_sim_create((struct os_sim_plan){.seed = 1});
    set_scene(&c, 9);
    for (unsigned by_unit = 0; by_unit < 2; by_unit++) {
        struct sum sum;
        struct err e = {0};
        volatile bool is_cancelled = true;
        struct intern *codes = intern_create();
        struct scan_plan plan = plan_of(by_unit, codes);
        struct snapshot *v = look(&c, 0, 0);

        plan.cancel = &is_cancelled;
        assert_false(run(&c, v, &plan, false, &sum, &e));
        assert_int_equal(e.kind, ERR_BUSY);
        assert_non_null(strstr(e.text, "cancelled"));
        is_cancelled = false;
        e = (struct err){0};
        assert_works(run(&c, v, &plan, false, &sum, &e), e);

        plan.os = os;
        os_sim_advance(os, 10);
        plan.deadline_ns = 1;
        assert_false(run(&c, v, &plan, false, &sum, &e));
        assert_int_equal(e.kind, ERR_BUSY);
        assert_non_null(strstr(e.text, "longer than its limit"));
        plan.deadline_ns = 0;
        e = (struct err){0};
        assert_works(run(&c, v, &plan, false, &sum, &e), e);
        plan.deadline_ns = UINT64_MAX;
        assert_works(run(&c, v, &plan, false, &sum, &e), e);
        assert_works(run(&c, v, &plan, true, &sum, &e), e); /* told to stop: no error */
        assert_true(sum.rows > 0);
        snapshot_release(v);
        intern_destroy(codes);
    }
    clear_scene(&c);
}

/* Name codes that do not fit a byte take other ways through the scan. */
static void many_names_are_matched(void **state)
{
    (void)state;
    struct scene c;
    set_scene(&c, NAMES);
    for (unsigned by_unit = 0; by_unit < 2; by_unit++) {
        struct sum sum;
        struct err e = {0};
        struct intern *codes = intern_create();
        struct scan_plan plan = plan_of(by_unit, codes);
        struct snapshot *v = look(&c, 0, 0);
        uint64_t wanted = 0;

        assert_int_equal(v->segments[0]->name->lane_bits, 16);
        for (size_t i = 0; i < c.s.count; i++) {
            const struct event *event = &c.s.events[i];
            const struct value *small = sample_property(event, STR("small"));
            bool is_first = str_equal(event->name, STR("event 1"));
            bool is_in =
                event->time < 10LL * DAY && (c.s.persons[i] % 2 || !small || !is_big(NULL, *small));
            wanted += is_first || is_in;
        }
        assert_works(run(&c, v, &plan, false, &sum, &e), e);
        assert_int_equal(sum.rows, wanted);
        plan.selector_count = 1;
        wanted = 0;
        for (size_t i = 0; i < c.s.count; i++)
            wanted += str_equal(c.s.events[i].name, STR("event 1"));
        assert_works(run(&c, v, &plan, false, &sum, &e), e);
        assert_int_equal(sum.rows, wanted);
        snapshot_release(v);
        intern_destroy(codes);
    }
    clear_scene(&c);
}

static void too_many_values_are_refused(void **state)
{
    (void)state;
    struct scene c;
    struct sum sum;
    struct err e = {0};
    struct intern *codes = intern_create();
    static char text[1 << 20];

    set_scene(&c, 9);
    memset(text, 'x', sizeof text);
    for (uint32_t i = 0; i < 40; i++) {
        memcpy(text, &i, sizeof i);
        intern_put(codes, (struct str){text, sizeof text});
    }
    struct scan_plan plan = plan_of(false, codes);
    struct snapshot *v = look(&c, 0, 0);
    assert_false(run(&c, v, &plan, false, &sum, &e));
    assert_int_equal(e.kind, ERR_INVALID);
    assert_non_null(strstr(e.text, "too many different values"));
    snapshot_release(v);
    intern_destroy(codes);
    clear_scene(&c);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(damage_ends_a_scan),
        cmocka_unit_test(damage_of_a_condition_ends_a_scan),
        cmocka_unit_test(damage_is_left_out_of_lists),
        cmocka_unit_test(cancelled_and_late_scans_say_so),
        cmocka_unit_test(many_names_are_matched),
        cmocka_unit_test(too_many_values_are_refused),
    };
    return cmocka_run_group_tests_name("store/scan_edge", tests, NULL, NULL);
}
