/*
 * A scan of a segment of several blocks whose persons lie in two far clusters, among many units
 * that have no event, with rare names in one block only: each way of asking, with the machine's
 * vector instructions and without, against a plain list.
 */
#include "store/segment_file.h"
#include "store/segment_sample.h"

#include "base/intern.h"
#include "store/people_write.h"
#include "store/scan.h"
#include "store/snapshot.h"

enum { DAY = 86400000, PERSONS = 450, EACH = 310, ROWS = PERSONS * EACH, UNITS = 90500 };
enum { NO_NAME = 99, EDGES_MAX = 65000 };

static const char *const names[] = {"common", "early", "late"};

struct row {
    uint32_t person, name;
    int64_t time;
};

struct scene {
    struct arena *arena;
    struct row *rows;
    size_t count;
    struct pool *pool;
    struct people *people;
    struct snapshot *v;
};

/* The first lie 30 apart, the last fifty far behind them, side by side. */
static uint32_t ordinal_of(uint32_t i)
{
    return i < 400 ? 1000 + i * 30 : 90000 + i;
}

static uint32_t name_of(uint32_t i, uint32_t k)
{
    if (i < 3 && k % 50 == 0)
        return 1;
    return i >= PERSONS - 3 && k % 20 == 0 ? 2 : 0;
}

static void set_scene(struct scene *c)
{
    AUTO(chunk) *chunk = chunk_create();
    struct chunk_result r;
    struct err e = {0};

    *c = (struct scene){
        .arena = arena_create(0), .pool = pool_create(2), .people = people_create(1)};
    c->rows = arena_array(c->arena, ROWS, sizeof *c->rows);
    c->count = ROWS;
    for (uint32_t i = 0; i < UNITS; i++)
        people_put(c->people, arena_printf(c->arena, "u%u", i));
    for (uint32_t at = 0; at < ROWS; at++) {
        uint32_t i = at / EACH, k = at % EACH;
        struct row *row = &c->rows[at];
        *row = (struct row){ordinal_of(i), name_of(i, k), (int64_t)k * (DAY / 11) + i};
        struct property p = {STR("note"),
                             {.type = VALUE_TEXT, .text = arena_printf(c->arena, "n%u", at)}};
        struct event v = {.time = row->time,
                          .name = str_of(names[row->name]),
                          .person = STR("p"),
                          .properties = &p,
                          .property_count = at % 100 == 0};
        chunk_add(chunk, &v, row->person, 0);
    }
    assert_works(chunk_images(chunk, STR("main"), 1, NULL, 0, 1, &r, &e), e);
    assert_int_equal(r.image_count, 1);
    c->v = mem_zero(sizeof *c->v);
    c->v->references = 1;
    c->v->people = people_look(c->people);
    c->v->segments = mem_array(1, sizeof(struct segment *));
    c->v->segments[0] = segment_keep(r.images[0]);
    c->v->segment_count = 1;
    chunk_result_free(&r);
}

static void clear_scene(struct scene *c)
{
    snapshot_release(c->v);
    people_destroy(c->people);
    pool_destroy(c->pool);
    arena_destroy(c->arena);
}

/* ---- what is asked, and what must come ---- */

struct ask {
    uint32_t name[3]; /* NO_NAME: any */
    size_t count;
    int64_t from, to;
    int64_t edge, step; /* step 0: no intervals */
    size_t edge_count;
    bool by_unit, in_parts, is_plain, no_time;
};

struct sum {
    uint64_t rows, digest;
    bool has_units;
};

static void sum_add(struct sum *sum, uint32_t unit, int64_t time, uint32_t mask, uint16_t interval)
{
    uint64_t row = hash_mix(((uint64_t)unit << 32 | mask) + 1);
    row = hash_mix(row ^ (uint64_t)time);
    sum->digest += hash_mix(row + interval);
    sum->rows++;
}

static bool add_up(void *context, const struct scan_batch *b)
{
    struct sum *sum = context;

    for (size_t i = 0; !sum->has_units && i < b->count; i++)
        sum_add(sum, 0, b->time ? b->time[i] : 0, b->mask ? b->mask[i] : 1,
                b->interval ? b->interval[i] : 0);
    for (size_t u = 0; sum->has_units && u < b->unit_count; u++)
        for (size_t i = b->starts[u]; i < b->starts[u + 1]; i++)
            sum_add(sum, b->units[u], b->time ? b->time[i] : 0, b->mask ? b->mask[i] : 1,
                    b->interval ? b->interval[i] : 0);
    for (size_t i = 0; i < b->count && b->numbers[0]; i++)
        assert_true(b->numbers[0][i] != b->numbers[0][i]); /* a text is no number */
    return true;
}

static struct sum expected(const struct scene *c, const struct ask *a)
{
    struct sum sum = {0};

    for (size_t i = 0; i < c->count; i++) {
        const struct row *row = &c->rows[i];
        uint32_t mask = 0;
        uint16_t interval = 0;
        for (size_t s = 0; s < a->count; s++)
            if ((a->name[s] == NO_NAME || a->name[s] == row->name) && row->time >= a->from &&
                row->time < a->to)
                mask |= 1U << s;
        if (!mask)
            continue;
        if (a->step) {
            int64_t since = row->time - a->edge, last = (int64_t)a->edge_count - 1;
            interval = since < 0                 ? SCAN_BEFORE
                       : since / a->step >= last ? SCAN_AFTER
                                                 : (uint16_t)(since / a->step);
        }
        sum_add(&sum, a->by_unit ? row->person : 0, a->no_time ? 0 : row->time, mask, interval);
    }
    return sum;
}

static void ask(const struct scene *c, const struct ask *a)
{
    static int64_t edges[EDGES_MAX];
    struct scan_column note = {SCAN_NUMBER, SCAN_PROPERTY, STR("note"), NULL};
    struct scan_selector selectors[3];
    struct sum sums[2] = {{.has_units = a->by_unit}, {.has_units = a->by_unit}};
    void *contexts[] = {&sums[0], &sums[1]};
    struct sum want = expected(c, a);
    struct err e = {0};

    for (size_t i = 0; i < a->count; i++)
        selectors[i] = (struct scan_selector){
            .event = a->name[i] == NO_NAME ? STR_NONE : str_of(names[a->name[i]]),
            .from = a->from,
            .to = a->to};
    for (size_t i = 0; i < a->edge_count; i++)
        edges[i] = a->edge + (int64_t)i * a->step;
    struct scan_plan plan = {.selectors = selectors,
                             .selector_count = a->count,
                             .columns = &note,
                             .column_count = a->in_parts || a->no_time ? 0 : 1,
                             .by_unit = a->by_unit,
                             .in_parts = a->in_parts,
                             .want_time = !a->no_time,
                             .edges = a->step ? edges : NULL,
                             .edge_count = a->edge_count,
                             .is_plain = a->is_plain};
    assert_works(scan_run(c->v, &plan, c->pool, add_up, contexts, NULL, &e), e);
    assert_int_equal(sums[0].rows + sums[1].rows, want.rows);
    assert_true(sums[0].digest + sums[1].digest == want.digest);
}

static void ask_each_way(const struct scene *c, struct ask a)
{
    for (unsigned way = 0; way < 12; way++) {
        a.by_unit = way % 3 > 0;
        a.in_parts = way % 3 > 1;
        a.is_plain = way / 3 % 2;
        a.no_time = way / 6;
        ask(c, &a);
    }
}

static void far_apart_persons_and_rare_names_are_found(void **state)
{
    (void)state;
    static const struct ask asks[] = {
        {.name = {2}, .count = 1},    {.name = {1}, .count = 1},
        {.name = {0}, .count = 1},    {.name = {NO_NAME}, .count = 1},
        {.name = {1, 2}, .count = 2}, {.name = {NO_NAME, 2, 1}, .count = 3},
    };
    struct scene c;

    set_scene(&c);
    for (size_t i = 0; i < COUNT(asks); i++) {
        struct ask a = asks[i];
        a.from = INT64_MIN;
        a.to = INT64_MAX;
        ask_each_way(&c, a);
        a.from = a.to = 5LL * DAY; /* nothing */
        ask_each_way(&c, a);
        a.from = 3LL * DAY;
        a.to = 9LL * DAY;
        ask_each_way(&c, a);
    }
    clear_scene(&c);
}

/* Intervals as a division, as a table, and one by one, where the division would not be exact. */
static void intervals_of_every_step(void **state)
{
    (void)state;
    static const struct {
        int64_t edge, step;
        size_t count;
    } list[] = {
        {0, DAY, 40},
        {-DAY, 2LL * DAY, 40},
        {5LL * DAY, DAY, 10},             /* some lie before and behind */
        {0, 7200001, 400},                /* odd */
        {0, 7200002, 400},                /* on no quarter hour */
        {0, 1 << 27, 40},                 /* a power of two */
        {-DAY, 30LL * DAY, 4},            /* longer than 2^31 ms */
        {-24LL * DAY, 49LL * DAY / 2, 6}, /* from the edge to the last time more than 2^32 ms */
    };
    struct scene c;

    set_scene(&c);
    for (size_t i = 0; i < COUNT(list); i++) {
        struct ask a = {.name = {NO_NAME},
                        .count = 1,
                        .from = INT64_MIN,
                        .to = INT64_MAX,
                        .edge = list[i].edge,
                        .step = list[i].step,
                        .edge_count = list[i].count};
        ask_each_way(&c, a);
        a.name[0] = 1;
        ask_each_way(&c, a);
    }
    clear_scene(&c);
}

/* Whoever was merged from afar is read with whom they belong to: damage there ends the scan. */
static void damage_of_a_guest_ends_a_scan(void **state)
{
    (void)state;
    const uint32_t block = 2 * SEGMENT_BLOCK_ROWS;
    struct fact merge = {.kind = FACT_MERGE,
                         .subject = STR("u5"),
                         .other = STR("u90449"),
                         .created = (int64_t)FACT_CREATED_NONE};
    struct scan_selector selector = {.from = INT64_MIN, .to = INT64_MAX};
    struct scan_plan plan = {
        .selectors = &selector, .selector_count = 1, .want_time = true, .by_unit = true};
    struct buf bytes = {0};
    struct sum sums[2] = {{0}, {0}};
    void *contexts[] = {&sums[0], &sums[1]};
    struct err e = {0};
    struct scene c;

    set_scene(&c);
    assert_true(people_apply(c.people, &merge));
    people_view_release(c.v->people);
    c.v->people = people_look(c.people);
    assert_works(scan_run(c.v, &plan, c.pool, add_up, contexts, NULL, &e), e);
    assert_int_equal(sums[0].rows + sums[1].rows, ROWS);

    struct segment *good = c.v->segments[0];
    const struct segment_own *own = good->own;
    assert_true(good->rows > block);
    buf_add(&bytes, buf_str(&own->image));
    bytes.at[(const char *)good->time->lanes - own->image.at + (size_t)block * 4 + 4000] ^= 1;
    segment_release(good);
    assert_works(segment_of_bytes(&bytes, false, &c.v->segments[0], &e), e);
    assert_false(scan_run(c.v, &plan, c.pool, add_up, contexts, NULL, &e));
    assert_int_equal(e.kind, ERR_CORRUPT);
    assert_non_null(strstr(e.text, "block 2"));
    clear_scene(&c);
}

/* ---- many months ---- */

enum { MONTHS = 70, MONTH_PEOPLE = 8, MONTH_EACH = 8 };

static void set_months(struct scene *c)
{
    AUTO(chunk) *chunk = chunk_create();
    struct chunk_result r;
    struct err e = {0};
    int64_t start = 0;

    *c = (struct scene){.arena = arena_create(0),
                        .pool = pool_create(2),
                        .people = people_create(1),
                        .count = MONTHS * MONTH_PEOPLE * MONTH_EACH};
    c->rows = arena_array(c->arena, c->count, sizeof *c->rows);
    for (uint32_t i = 0; i < MONTH_PEOPLE; i++)
        people_put(c->people, arena_printf(c->arena, "u%u", i));
    for (uint32_t at = 0; at < c->count; at++) {
        uint32_t within = at % (MONTH_PEOPLE * MONTH_EACH), person = within / MONTH_EACH;
        start = at && !within ? month_next(start) : start;
        c->rows[at] = (struct row){person, at % 3, start + (int64_t)(within % MONTH_EACH) * DAY};
        struct property p[] = {
            {STR("who"), {.type = VALUE_TEXT, .text = arena_printf(c->arena, "w%u", person)}},
            {STR("first"), {.type = VALUE_INT, .integer = 7}},
        };
        struct event v = {.time = c->rows[at].time,
                          .name = str_of(names[c->rows[at].name]),
                          .person = STR("p"),
                          .properties = p,
                          .property_count = within ? 1 : 2};
        chunk_add(chunk, &v, person, 0);
    }
    assert_works(chunk_images(chunk, STR("main"), 1, NULL, 0, 1, &r, &e), e);
    assert_int_equal(r.image_count, MONTHS);
    c->v = mem_zero(sizeof *c->v);
    c->v->references = 1;
    c->v->people = people_look(c->people);
    c->v->segments = mem_array(MONTHS, sizeof(struct segment *));
    for (size_t i = 0; i < MONTHS; i++)
        c->v->segments[i] = segment_keep(r.images[i]);
    c->v->segment_count = MONTHS;
    chunk_result_free(&r);
}

static void units_over_many_months(void **state)
{
    (void)state;
    static const struct ask asks[] = {
        {.name = {2}, .count = 1},
        {.name = {NO_NAME}, .count = 1},
        {.name = {NO_NAME, 1}, .count = 2},
    };
    struct scene c;

    set_months(&c);
    for (size_t i = 0; i < COUNT(asks); i++) {
        struct ask a = asks[i];
        a.from = INT64_MIN;
        a.to = INT64_MAX;
        ask_each_way(&c, a);
        a.edge = 0;
        a.step = 10LL * DAY;
        a.edge_count = 300;
        ask_each_way(&c, a);
    }
    clear_scene(&c);
}

/* What only an erased person had is not offered; one whom no segment has changes nothing. */
static void values_of_the_erased_are_not_offered(void **state)
{
    (void)state;
    static const uint32_t erased[] = {5, MONTH_PEOPLE + 1};
    struct property_info *list;
    size_t count;
    struct scene c;

    set_months(&c);
    for (unsigned is_erased = 0; is_erased < 2; is_erased++) {
        AUTO(arena) *arena = arena_create(0);
        size_t people = MONTH_PEOPLE - is_erased;
        bool offers_erased = false;
        if (is_erased)
            c.v->hidden = hidden_with(NULL, erased, COUNT(erased), NULL, 0);
        snapshot_properties(c.v, arena, &list, &count);
        assert_int_equal(count, 2);
        assert_str(list[0].name, STR("first"));
        assert_int_equal(list[0].count, MONTHS);
        assert_str(list[1].name, STR("who"));
        assert_int_equal(list[1].count, MONTHS * people * MONTH_EACH);
        assert_int_equal(list[1].example_count, people);
        for (size_t i = 0; i < people; i++)
            offers_erased |= str_equal(list[1].examples[i], STR("w5"));
        assert_int_equal(offers_erased, !is_erased);
    }
    clear_scene(&c);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(far_apart_persons_and_rare_names_are_found),
        cmocka_unit_test(intervals_of_every_step),
        cmocka_unit_test(damage_of_a_guest_ends_a_scan),
        cmocka_unit_test(units_over_many_months),
        cmocka_unit_test(values_of_the_erased_are_not_offered),
    };
    return cmocka_run_group_tests_name("store/scan_wide", tests, NULL, NULL);
}
