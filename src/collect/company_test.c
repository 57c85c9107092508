/* collect/company_test: the causes that docs/demo.md promises are in the data, counted from the
 * stream of events alone. */
#include <stdlib.h>

#include "base/hash.h"
#include "base/intern.h"
#include "base/test.h"
#include "collect/batch_text.h"
#include "collect/company.h"

#define NOW_MS INT64_C(1796083200000) /* 2026-12-01T00:00:00Z */
#define DAY_MS INT64_C(86400000)
enum { DAYS = 728, ACCOUNTS = 1200, PEOPLE = 9600, EVENTS = 450000, RISE = 399, BAD = 553 };

/* What the test keeps of an account. */
struct seen {
    int64_t signed_up;
    unsigned invites;       /* in its first seven days */
    uint32_t weeks;         /* bit per week after the signup with a session */
    int started, cancelled; /* days */
    char reason[24];
    bool is_small, has_started, has_cancelled;
    int last_session;
};

struct counts {
    struct intern *accounts, *people, *names;
    struct seen of[ACCOUNTS];
    uint64_t sum; /* of the content of all events, in any order */
    uint64_t events;
    unsigned sessions[DAYS + 1][2], errors[DAYS + 1][2]; /* by day; [1] = Android */
    int64_t start, end, first, last;
};

static struct str text_of(const struct event *event, struct str name)
{
    for (size_t i = 0; i < event->property_count; i++)
        if (str_equal(event->properties[i].name, name))
            return event->properties[i].value.text;
    return STR_NONE;
}

static void count_event(struct counts *k, const struct event *event)
{
    struct seen *a = &k->of[intern_put(k->accounts, event->account)];
    int day = (int)((event->time - k->start) / DAY_MS);
    intern_put(k->people, event->person);
    intern_put(k->names, event->name);
    k->first = k->events++ ? MIN(k->first, event->time) : event->time;
    k->last = MAX(k->last, event->time);
    k->sum += hash64(event->name, hash64(event->person, (uint64_t)event->time));
    for (size_t i = 0; i < event->property_count; i++)
        k->sum += hash64(event->properties[i].name, (uint64_t)event->time);
    assert_int_equal(event->id.len, 0);
    if (str_equal(event->name, STR("Trial Started")))
        a->signed_up = event->time;
    else if (str_equal(event->name, STR("Teammate Invited")) && a->signed_up &&
             event->time < a->signed_up + 7 * DAY_MS)
        a->invites++;
    else if (str_equal(event->name, STR("Subscription Started"))) {
        a->started = day;
        a->has_started = true;
    } else if (str_equal(event->name, STR("Subscription Cancelled"))) {
        struct str reason = text_of(event, STR("reason"));
        a->cancelled = day;
        a->has_cancelled = true;
        memcpy(a->reason, reason.at, MIN(reason.len, sizeof a->reason - 1));
    }
    bool is_session = str_equal(event->name, STR("Session Started"));
    if (!is_session && !str_equal(event->name, STR("App Error")))
        return;
    bool is_android = str_equal(text_of(event, STR("platform")), STR("android"));
    (is_session ? k->sessions : k->errors)[day][is_android]++;
    int64_t week = (event->time - a->signed_up) / (7 * DAY_MS);
    if (is_session && week >= 0 && week < 32)
        a->weeks |= 1u << week;
    a->last_session = MAX(a->last_session, day);
}

static bool add(void *context, const struct store_batch *batch, struct err *e)
{
    struct counts *k = context;
    (void)e;
    for (size_t i = 0; i < batch->event_count; i++)
        count_event(k, &batch->events[i]);
    for (size_t i = 0; i < batch->fact_count; i++) {
        const struct fact *f = &batch->facts[i];
        if (f->kind != FACT_ACCOUNT_TRAITS)
            continue;
        for (size_t n = 0; n < f->property_count; n++)
            if (str_equal(f->properties[n].name, STR("size")))
                k->of[intern_put(k->accounts, f->subject)].is_small =
                    str_equal(f->properties[n].value.text, STR("1-5"));
    }
    return true;
}

static bool finish(void *context, struct store_receipt *receipt, struct err *e)
{
    (void)context;
    (void)e;
    *receipt = (struct store_receipt){0};
    return true;
}

static struct counts *generate(uint64_t seed, uint32_t accounts)
{
    struct counts *k = mem_zero(sizeof *k);
    struct err e = {0};
    struct company_report report;
    struct company_options o = {.seed = seed,
                                .accounts = accounts,
                                .people = accounts * 8,
                                .events = (uint64_t)accounts * 375,
                                .end_ms = company_end(NOW_MS),
                                .now_ms = NOW_MS};
    k->accounts = intern_create();
    k->people = intern_create();
    k->names = intern_create();
    k->end = o.end_ms;
    k->start = o.end_ms - DAYS * DAY_MS - DAY_MS / 2; /* east of Bangkok days begin earlier */
    struct collect_sink sink = {.add = add, .finish = finish, .context = k};
    assert_works(company_generate(&o, sink, NULL, NULL, &report, &e), e);
    assert_int_equal(report.events, k->events);
    return k;
}

static void counts_free(struct counts *k)
{
    intern_destroy(k->accounts);
    intern_destroy(k->people);
    intern_destroy(k->names);
    mem_free(k);
}

static int setup(void **state)
{
    *state = generate(0, ACCOUNTS);
    return 0;
}

static int teardown(void **state)
{
    counts_free(*state);
    return 0;
}

static void sizes_are_as_asked(void **state)
{
    const struct counts *k = *state;
    assert_in_range(k->events, EVENTS * 95 / 100, EVENTS * 105 / 100);
    assert_in_range(intern_count(k->people), PEOPLE * 88 / 100, PEOPLE * 112 / 100);
    assert_int_equal(intern_count(k->accounts), ACCOUNTS);
    assert_in_range(intern_count(k->names), 24, 30);
    assert_true(k->last < k->end && k->last > k->end - DAY_MS);
    assert_true(k->first >= k->start);
}

/* Of 1000 accounts that signed up early enough: how many still have a session in that week or
 * later. */
static unsigned stay(const struct counts *k, bool has_invited, int week)
{
    unsigned all = 0, there = 0;
    for (size_t i = 0; i < ACCOUNTS; i++) {
        const struct seen *a = &k->of[i];
        if (a->signed_up > k->end - (week + 4) * 7 * DAY_MS || (a->invites >= 3) != has_invited)
            continue;
        all++;
        there += a->weeks >> week != 0;
    }
    assert_true(all > 200);
    return there * 1000 / all;
}

static void accounts_that_invite_three_stay(void **state)
{
    const struct counts *k = *state;
    assert_in_range(stay(k, true, 12), 850, 970);
    assert_in_range(stay(k, false, 12), 350, 560);
}

/* Of 1000 that paid on `day`: how many cancelled in the 35 days from then on. */
static unsigned cancel_after(const struct counts *k, int day, bool is_small)
{
    unsigned all = 0, gone = 0;
    for (size_t i = 0; i < ACCOUNTS; i++) {
        const struct seen *a = &k->of[i];
        bool pays = a->has_started && a->started < day && !(a->has_cancelled && a->cancelled < day);
        if (!pays || a->is_small != is_small)
            continue;
        all++;
        gone += a->has_cancelled && a->cancelled < day + 35;
    }
    assert_true(all > 20);
    return gone * 1000 / all;
}

static void the_price_rise_costs_small_accounts(void **state)
{
    const struct counts *k = *state;
    unsigned small = cancel_after(k, RISE, true), large = cancel_after(k, RISE, false);
    assert_in_range(small, 150, 400);
    assert_true(small > 3 * MAX(1u, cancel_after(k, RISE - 36, true)));
    assert_true(large < small / 2);
    unsigned by_price = 0;
    for (size_t i = 0; i < ACCOUNTS; i++) {
        if (strcmp(k->of[i].reason, "price") != 0)
            continue;
        by_price++;
        assert_in_range(k->of[i].cancelled, RISE, RISE + 32);
    }
    assert_true(by_price >= 10);
}

static void the_bad_release_is_on_android_alone(void **state)
{
    const struct counts *k = *state;
    unsigned before[2] = {0}, during[2] = {0}, errors[2] = {0}, errors_before[2] = {0};
    for (int day = BAD; day < BAD + 14; day++)
        for (int p = 0; p < 2; p++) {
            during[p] += k->sessions[day + 1][p];
            errors[p] += k->errors[day + 1][p];
            before[p] += k->sessions[day - 13][p];
            errors_before[p] += k->errors[day - 13][p];
        }
    assert_in_range(during[1] * 1000 / before[1], 350, 600);
    assert_in_range(during[0] * 1000 / before[0], 900, 1200);
    assert_in_range(errors[1] * 1000 / during[1], 420, 620);
    assert_true(errors[0] * 1000 / during[0] < 40);
    assert_true(errors_before[1] * 1000 / before[1] < 40);
}

/* Accounts whose card failed for good were in use to the end. */
static void failing_cards_take_active_accounts(void **state)
{
    const struct counts *k = *state;
    unsigned failed = 0, all = 0, in_use = 0;
    for (size_t i = 0; i < ACCOUNTS; i++) {
        const struct seen *a = &k->of[i];
        all += a->has_cancelled;
        if (strcmp(a->reason, "payment_failed") != 0)
            continue;
        failed++;
        in_use += a->last_session >= a->cancelled - 7;
    }
    assert_in_range(failed * 1000 / all, 90, 280);
    assert_true(in_use * 10 >= failed * 8);
}

static void the_calendar_shows(void **state)
{
    const struct counts *k = *state;
    unsigned week[7] = {0};
    for (int day = DAYS - 84; day < DAYS; day++)
        week[day % 7] += k->sessions[day][0] + k->sessions[day][1];
    unsigned least = week[0], most = week[0];
    for (int i = 1; i < 7; i++) {
        least = MIN(least, week[i]);
        most = MAX(most, week[i]);
    }
    assert_true(most > 3 * least);
    unsigned early = 0, late = 0; /* growth */
    for (int day = 0; day < 84; day++) {
        early += k->sessions[180 + day][0];
        late += k->sessions[DAYS - 84 + day][0];
    }
    assert_true(late > 3 * early);
}

static void the_same_options_make_the_same_company(void **state)
{
    (void)state;
    struct counts *a = generate(5, 60), *b = generate(5, 60), *c = generate(6, 60);
    assert_true(a->sum == b->sum && a->events == b->events);
    assert_true(a->sum != c->sum);
    counts_free(a);
    counts_free(b);
    counts_free(c);
}

static void it_ends_on_a_monday_in_bangkok(void **state)
{
    (void)state;
    int64_t monday = INT64_C(1795971600000); /* 2026-11-30T00:00:00+07:00 */
    assert_true(company_end(monday) == monday);
    assert_true(company_end(monday - 1) == monday - 7 * DAY_MS);
    assert_true(company_end(monday + 7 * DAY_MS - 1) == monday);
}

static void a_failing_sink_ends_it(void **state)
{
    (void)state;
    struct text_sink sink = {.fail_at = 2, .is_quiet = true};
    struct company_options o = {
        .accounts = 60, .people = 480, .events = 60000, .end_ms = company_end(NOW_MS)};
    struct company_report report;
    struct err e = {0};
    assert_false(company_generate(&o, text_sink(&sink), NULL, NULL, &report, &e));
    assert_int_equal(e.kind, ERR_NO_SPACE);
    assert_int_equal(sink.finishes, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_as_asked),
        cmocka_unit_test(accounts_that_invite_three_stay),
        cmocka_unit_test(the_price_rise_costs_small_accounts),
        cmocka_unit_test(the_bad_release_is_on_android_alone),
        cmocka_unit_test(failing_cards_take_active_accounts),
        cmocka_unit_test(the_calendar_shows),
        cmocka_unit_test(the_same_options_make_the_same_company),
        cmocka_unit_test(it_ends_on_a_monday_in_bangkok),
        cmocka_unit_test(a_failing_sink_ends_it),
    };
    return cmocka_run_group_tests_name("collect/company", tests, setup, teardown);
}
