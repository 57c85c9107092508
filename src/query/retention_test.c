/* Retention against a reference written from the contract's words, cell by cell. */
#include <math.h>
#include <stdio.h>

#include "query/case_data.h"
#include "query/reference.h"

enum { ROUNDS = 3000, ROWS_MAX = 40, COLUMNS_MAX = 40 };

static const int64_t start_ms = INT64_C(1772323200000); /* 2026-03-01T00:00:00Z */
static const int64_t hour_ms = 3600000;

struct spec {
    char start, back;
    bool start_has_filter; /* plan is p1 */
    const char *cohort, *match, *window, *interval, *zone;
    size_t periods;
    bool has_brackets;
    int64_t minimum, as_of;
    size_t low[COLUMNS_MAX], high[COLUMNS_MAX], columns;
};

static struct spec spec_roll(struct dice *d)
{
    static const char *const cohorts[] = {"first_matching", "first_ever", "first_in_range",
                                          "every"};
    static const char *const matches[] = {"on", "on_or_after", "on_or_before", "streak"};
    static const char *const windows[] = {"calendar", "calendar", "rolling", "rolling_hour"};
    static const char *const intervals[] = {"day", "week", "hour", "month"};
    static const char *const zones[] = {"UTC", "Asia/Bangkok", "America/New_York"};
    struct spec s = {.start = "AB*"[roll(d, 3)], .back = "ABC*"[roll(d, 4)]};

    s.start_has_filter = chance(d, 30);
    s.cohort = cohorts[roll(d, 4)];
    s.match = matches[roll(d, 4)];
    s.window = windows[roll(d, 4)];
    s.interval = intervals[chance(d, 60) ? 0 : roll(d, 4)];
    s.zone = zones[roll(d, 3)];
    s.periods = 1 + roll(d, 10);
    s.minimum = 1 + chance(d, 25);
    s.as_of = start_ms + (30 + roll(d, 300)) * hour_ms;
    s.has_brackets = chance(d, 20);
    s.columns = s.has_brackets ? 4 : s.periods;
    size_t offset = 1;
    for (size_t c = 0; c < s.columns; c++) {
        size_t length = c && s.has_brackets ? c : 1; /* 0, 1, 2-3, 4-6 */
        s.low[c] = c ? offset : 0;
        s.high[c] = c ? offset + length - 1 : 0;
        offset += c ? length : 0;
    }
    return s;
}

static void question_write(const struct spec *s, int64_t to, struct buf *out)
{
    char room[INSTANT_TEXT_BYTES];
    const char *filter =
        s->start_has_filter ? ",\"filter\":[{\"property\":\"plan\",\"is\":\"p1\"}]" : "";

    char start[8] = "null", back[8] = "null";

    if (s->start != '*')
        snprintf(start, sizeof start, "\"%c\"", s->start);
    if (s->back != '*')
        snprintf(back, sizeof back, "\"%c\"", s->back);
    buf_printf(out,
               "{\"insight\":\"retention\",\"start\":{\"event\":%s%s},\"return\":{\"event\":%s}",
               start, filter, back);
    buf_printf(out, ",\"cohort\":\"%s\",\"match\":\"%s\",\"window\":\"%s\",\"interval\":\"%s\"",
               s->cohort, s->match, s->window, s->interval);
    buf_printf(out, ",\"timezone\":\"%s\",\"minimum\":%lld", s->zone, (long long)s->minimum);
    if (s->has_brackets)
        buf_add(out, STR(",\"brackets\":[1,2,3]"));
    else
        buf_printf(out, ",\"periods\":%zu", s->periods);
    buf_printf(out, ",\"as_of\":\"%.*s\"", STR_ARG(instant_text(s->as_of, room)));
    buf_printf(out, ",\"from\":\"2026-03-02\",\"to\":\"%.*s\"}", STR_ARG(instant_text(to, room)));
}

/* ---- the reference ---- */

struct frame {
    const struct spec *s;
    struct zone *zone;
    enum interval interval;
    int64_t edges[ROWS_MAX * 24 + 1];
    size_t rows;
    int64_t from, to, unit_ms;
};

static bool sees(const struct frame *f, const struct event *e)
{
    return e->time <= f->s->as_of && e->time < f->to;
}

static bool starts(const struct frame *f, const struct event *e)
{
    char room[VALUE_TEXT_BYTES];
    return ref_matches(e, f->s->start) &&
           (!f->s->start_has_filter || str_equal(ref_property(e, "plan", room), STR("p1")));
}

static int row_of(const struct frame *f, int64_t time)
{
    if (time < f->from || time >= f->to)
        return -1;
    for (size_t i = 0; i < f->rows; i++)
        if (time >= f->edges[i] && time < f->edges[i + 1])
            return (int)i;
    return -1;
}

static int64_t hour_of(int64_t at)
{
    return at / hour_ms; /* after 1970 */
}

/* Returns of the person k periods after an entry. */
static int64_t returns_at(const struct frame *f, const struct ref_person *p, size_t row, int64_t at,
                          size_t k)
{
    int64_t count = 0;

    for (size_t i = 0; i < p->count; i++) {
        const struct event *e = p->events[i];
        int64_t offset = -1;
        if (!sees(f, e) || e->time < f->from || !ref_matches(e, f->s->back))
            continue;
        if (f->s->window[0] == 'c')
            offset = row_of(f, e->time) - (int64_t)row;
        else if (e->time >= at && strlen(f->s->window) > 7)
            offset = (hour_of(e->time) - hour_of(at)) * hour_ms / f->unit_ms;
        else if (e->time >= at)
            offset = (e->time - at) / f->unit_ms;
        count += offset == (int64_t)k;
    }
    return count;
}

static bool did(const struct frame *f, const struct ref_person *p, size_t row, int64_t at,
                size_t low, size_t high)
{
    int64_t count = 0;

    for (size_t k = low; k <= high; k++)
        count += returns_at(f, p, row, at, k);
    return count >= f->s->minimum;
}

static bool counts_in(const struct frame *f, const struct ref_person *p, size_t row, int64_t at,
                      size_t column)
{
    const struct spec *s = f->s;

    if (column == 0)
        return true;
    if (strcmp(s->match, "on") == 0)
        return did(f, p, row, at, s->low[column], s->high[column]);
    if (strcmp(s->match, "on_or_after") == 0) {
        for (size_t c = column; c < s->columns; c++)
            if (did(f, p, row, at, s->low[c], s->high[c]))
                return true;
        for (size_t k = s->high[s->columns - 1] + 1; k < 900; k++) /* later ones of the range */
            if (did(f, p, row, at, k, k))
                return true;
        return false;
    }
    for (size_t c = 1; c <= column; c++) {
        bool is = did(f, p, row, at, s->low[c], s->high[c]);
        if (strcmp(s->match, "streak") == 0 ? !is : is)
            return strcmp(s->match, "streak") != 0;
    }
    return strcmp(s->match, "streak") == 0;
}

/* Where the person enters this row, or no. */
static bool enters(const struct frame *f, const struct ref_person *p, size_t row, int64_t *at)
{
    const char *cohort = f->s->cohort;

    for (size_t i = 0; i < p->count; i++) {
        const struct event *e = p->events[i];
        bool is_in = row_of(f, e->time) >= 0;
        if (!sees(f, e))
            continue;
        if (strcmp(cohort, "first_ever") == 0) {
            if (!ref_matches(e, f->s->start))
                continue;
            *at = e->time;
            return starts(f, e) && row_of(f, e->time) == (int)row;
        }
        if (!starts(f, e))
            continue;
        if (strcmp(cohort, "every") == 0) {
            if (row_of(f, e->time) != (int)row)
                continue;
        } else if (strcmp(cohort, "first_in_range") == 0 && !is_in) {
            continue;
        }
        *at = e->time;
        return row_of(f, e->time) == (int)row;
    }
    return false;
}

/* -1 = null, 0 = open, 1 = final */
static int cell_state(const struct frame *f, size_t row, size_t column)
{
    const struct spec *s = f->s;
    int64_t start, end;

    if (s->window[0] == 'c') {
        if (row + s->low[column] >= f->rows)
            return -1;
        start = f->edges[row + s->low[column]];
        if (start > s->as_of)
            return -1;
        if (row + s->high[column] >= f->rows)
            return 0;
        end = f->edges[row + s->high[column] + 1];
    } else {
        start = f->edges[row] + (int64_t)s->low[column] * f->unit_ms;
        if (start > s->as_of || start >= f->to)
            return -1;
        end = f->edges[row + 1];
        if (column) /* the last of the cohort has had the whole period */
            end += ((int64_t)s->high[column] + 1) * f->unit_ms - 1;
    }
    return end <= s->as_of && end <= f->to;
}

static void frame_make(struct frame *f, const struct spec *s, int64_t to)
{
    static const int64_t hours[] = {1, 24, 168, 720};
    struct err e = {0};

    f->s = s;
    assert_works(zone_open(str_of(s->zone), &f->zone, &e), e);
    assert_true(interval_from(str_of(s->interval), &f->interval));
    assert_true(zone_date(f->zone, 2026, 3, 2, &f->from));
    f->to = to;
    f->unit_ms = hours[f->interval] * hour_ms;
    int64_t at = interval_floor(f->zone, f->interval, WEEK_MONDAY, f->from);
    f->rows = 0;
    for (; at < to; at = interval_step(f->zone, f->interval, WEEK_MONDAY, at, 1))
        f->edges[f->rows++] = at;
    f->edges[f->rows] = at;
}

static void cell_check(const struct frame *f, const struct ref_world *w, struct str question,
                       struct json counts, size_t row, size_t column)
{
    double got = ref_number(ref_item(counts, column)), wanted = 0;
    int64_t at;

    if (cell_state(f, row, column) < 0)
        wanted = NAN;
    for (size_t p = 0; p < w->person_count; p++)
        if (enters(f, &w->people[p], row, &at) && counts_in(f, &w->people[p], row, at, column))
            wanted += 1;
    if (!ref_is_near(wanted, got))
        fail_msg("%.*s\nrow %zu column %zu: %g, not %g", STR_ARG(question), row, column, got,
                 wanted);
}

static void averages_check(const struct frame *f, struct json answer, size_t column)
{
    struct json average = json_member(answer, STR("average"));
    struct json cohorts = json_member(answer, STR("cohorts"));
    double count = 0, size = 0, heavy = 0, heavy_size = 0, n = 0;

    for (size_t row = 0; row < f->rows; row++) {
        struct json cohort = ref_item(cohorts, row);
        double s = ref_number(json_member(cohort, STR("size")));
        double c = ref_number(ref_item(json_member(cohort, STR("counts")), column));
        if (cell_state(f, row, column) != 1 || s == 0)
            continue;
        count += c;
        size += s;
        heavy += c * s;
        heavy_size += s * s;
        n++;
    }
    assert_true(ref_is_near(size > 0 ? count / size : NAN,
                            ref_number(ref_item(json_member(average, STR("pooled")), column))));
    assert_true(ref_is_near(size > 0 ? heavy / heavy_size : NAN,
                            ref_number(ref_item(json_member(average, STR("weighted")), column))));
    assert_true(n == ref_number(ref_item(json_member(average, STR("cohorts")), column)));
}

static bool is_asked_and_known(const struct spec *s, const struct ref_world *w)
{
    bool start = s->start == '*', back = s->back == '*', has_plan = !s->start_has_filter;
    char room[VALUE_TEXT_BYTES];

    for (size_t i = 0; i < w->world.event_count; i++) {
        const struct event *e = &w->world.events[i];
        start = start || ref_matches(e, s->start);
        back = back || ref_matches(e, s->back);
        has_plan = has_plan || ref_property(e, "plan", room).len;
    }
    return start && back && has_plan;
}

static void cells_are_the_reference(void **state)
{
    struct dice d = random_dice(31);

    (void)state;
    for (size_t i = random_rounds(ROUNDS) / 4; i > 0; i--) {
        AUTO(arena) *arena = arena_create(0);
        AUTO(json_parser) *parser = json_parser_create();
        BUF_AUTO question = {0}, text = {0};
        struct ref_world w;
        struct frame f;
        struct spec s = spec_roll(&d);
        bool by_hour = s.interval[0] == 'h';
        struct world_shape shape = {.people = REF_PEOPLE,
                                    .events = 60,
                                    .start = start_ms,
                                    .step_ms = by_hour ? 1800000 : 7 * hour_ms + 1800000,
                                    .steps = by_hour ? 96 : 40};
        int64_t to = start_ms + (30 + roll(&d, by_hour ? 20 : 280)) * hour_ms;
        ref_world_make(&w, &d, arena, &shape);
        frame_make(&f, &s, to);
        question_write(&s, to, &question);
        if (is_asked_and_known(&s, &w)) {
            struct json answer =
                ref_ask(&w, parser, buf_str(&question), start_ms + 900 * hour_ms, &text);
            struct json cohorts = json_member(answer, STR("cohorts"));
            assert_int_equal(json_count(cohorts), f.rows);
            for (size_t row = 0; row < f.rows; row++) {
                struct json cohort = ref_item(cohorts, row);
                struct json counts = json_member(cohort, STR("counts"));
                size_t final = 0;
                assert_int_equal(json_count(counts), s.columns);
                for (size_t c = 0; c < s.columns; c++) {
                    cell_check(&f, &w, buf_str(&question), counts, row, c);
                    final += final == c && cell_state(&f, row, c) == 1;
                }
                assert_true(ref_number(json_member(cohort, STR("final"))) == (double) final);
            }
            for (size_t c = 0; c < s.columns; c++)
                averages_check(&f, answer, c);
        }
        zone_close(f.zone);
        plain_source_free(&w.source);
    }
    random_report(&d);
}

/* ---- written out by hand ---- */

static void answer_of(const char *data, const char *question, struct json_parser *parser,
                      struct arena *arena, struct buf *text, struct json *root)
{
    struct plain_source source;
    struct query_context context = {.now_ms = start_ms + 900 * hour_ms};
    struct err e = {0};

    case_source_parse(data, arena, &source);
    assert_works(query_answer(&source.source, &context, str_of(question), text, &e), e);
    assert_works(json_parse(parser, buf_str(text), root, &e), e);
    plain_source_free(&source);
}

/* analytics.md 2.5: 1000 with 500 back and 500 with 400 back; here 10 and 5. */
static void weighted_average_is_of_both_parts(void **state)
{
    AUTO(arena) *arena = arena_create(0);
    AUTO(json_parser) *parser = json_parser_create();
    BUF_AUTO data = {0}, text = {0};
    struct json root;

    (void)state;
    buf_add(&data, STR("{\"events\":["));
    for (int i = 0; i < 15; i++) {
        int day = i < 10 ? 1 : 2;
        bool is_back = i < 10 ? i < 5 : i < 14;
        buf_printf(&data,
                   "%s{\"person\":\"u%d\",\"event\":\"S\",\"time\":\"2026-03-0%dT10:00:00Z\"}",
                   i ? "," : "", i, day);
        if (is_back)
            buf_printf(&data,
                       ",{\"person\":\"u%d\",\"event\":\"R\",\"time\":\"2026-03-0%dT11:00:00Z\"}",
                       i, day + 1);
    }
    buf_add(&data, STR("]}"));
    buf_add_char(&data, 0);
    answer_of(data.at,
              "{\"insight\":\"retention\",\"start\":{\"event\":\"S\"},\"return\":{\"event\":\"R\"},"
              "\"from\":\"2026-03-01\",\"to\":\"2026-03-03\",\"periods\":2}",
              parser, arena, &text, &root);
    struct json average = json_member(root, STR("average"));
    assert_true(ref_is_near(ref_number(ref_item(json_member(average, STR("pooled")), 1)), 0.6));
    assert_true(ref_is_near(ref_number(ref_item(json_member(average, STR("weighted")), 1)),
                            (5.0 * 10 + 4.0 * 5) / (10.0 * 10 + 5.0 * 5)));
    assert_true(ref_number(ref_item(json_member(average, STR("cohorts")), 1)) == 2);
}

/* A returning event only counts for its own value. */
static void event_breakdown_shares_the_value(void **state)
{
    AUTO(arena) *arena = arena_create(0);
    AUTO(json_parser) *parser = json_parser_create();
    BUF_AUTO text = {0}, counts = {0};
    struct json root;

    (void)state;
    answer_of("{\"events\":["
              "{\"person\":\"a\",\"event\":\"S\",\"time\":\"2026-03-01T10:00:00Z\",\"properties\":{"
              "\"k\":\"x\"}},"
              "{\"person\":\"a\",\"event\":\"R\",\"time\":\"2026-03-02T10:00:00Z\",\"properties\":{"
              "\"k\":\"y\"}},"
              "{\"person\":\"a\",\"event\":\"R\",\"time\":\"2026-03-03T10:00:00Z\",\"properties\":{"
              "\"k\":\"x\"}}]}",
              "{\"insight\":\"retention\",\"start\":{\"event\":\"S\"},\"return\":{\"event\":\"R\"},"
              "\"from\":\"2026-03-01\",\"to\":\"2026-03-03\",\"periods\":3,"
              "\"breakdown\":[{\"property\":\"k\"}]}",
              parser, arena, &text, &root);
    json_print(json_member(ref_item(json_member(root, STR("cohorts")), 0), STR("counts")), &counts);
    assert_str(buf_str(&counts), STR("[1,1,1]"));
    struct json groups = json_member(root, STR("groups"));
    assert_int_equal(json_count(groups), 1);
    buf_clear(&counts);
    json_print(
        json_member(ref_item(json_member(ref_item(groups, 0), STR("cohorts")), 0), STR("counts")),
        &counts);
    assert_str(buf_str(&counts), STR("[1,0,1]"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_are_the_reference),
        cmocka_unit_test(weighted_average_is_of_both_parts),
        cmocka_unit_test(event_breakdown_shares_the_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
