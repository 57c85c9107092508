/* collect/company: the simulated company: founding accounts and people, running the days. */
#include "collect/company_inner.h"

#include "calendar/calendar.h"

enum {
    ACCOUNTS_USUAL = 5000,
    PEOPLE_USUAL = 40000,
    EVENTS_USUAL = 5000000,
};
#define SEED_USUAL UINT64_C(20260101)
#define DAY_MS INT64_C(86400000)
#define BANGKOK_MS (7 * INT64_C(3600000))

enum what { WHAT_FOUND = 101, WHAT_HIRE };

uint64_t dice_next(struct dice *d) /* splitmix64: Steele, Lea, Flood 2014 */
{
    uint64_t v = d->state += UINT64_C(0x9E3779B97F4A7C15);
    v = (v ^ v >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    v = (v ^ v >> 27) * UINT64_C(0x94D049BB133111EB);
    return v ^ v >> 31;
}

struct dice dice_of(uint64_t seed, uint64_t what, uint64_t who, uint64_t day)
{
    struct dice d = {seed * UINT64_C(0xD1342543DE82EF95) + what};
    d.state = dice_next(&d) + who * UINT64_C(0x2545F4914F6CDD1D);
    d.state = dice_next(&d) + day;
    return d;
}

uint32_t dice_below(struct dice *d, uint32_t bound)
{
    return (uint32_t)((dice_next(d) >> 32) * bound >> 32);
}

uint32_t dice_between(struct dice *d, uint32_t least, uint32_t most)
{
    return least + dice_below(d, most - least + 1);
}

bool dice_million(struct dice *d, uint32_t chance)
{
    return dice_below(d, 1000000) < chance;
}

size_t dice_weighted(struct dice *d, const uint16_t *weights, size_t count)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += weights[i];
    uint32_t at = dice_below(d, sum);
    size_t i = 0;
    while (at >= weights[i])
        at -= weights[i++];
    return i;
}

int64_t company_end(int64_t now_ms)
{
    int64_t local_days = (now_ms + BANGKOK_MS) / DAY_MS;
    int64_t since_monday = (local_days + 3) % 7; /* 1970-01-01 was a Thursday */
    return (local_days - since_monday) * DAY_MS - BANGKOK_MS;
}

/* Sizes are drawn so that an account has `mean` people, in 1/100, when it has grown. */
static void draw_size(struct company_account *a, struct dice *d, uint32_t mean)
{
    static const uint16_t weights[SIZE_COUNT] = {55, 33, 12};
    static const struct {
        uint16_t least, most;
    } people[SIZE_COUNT] = {{1, 5}, {6, 16}, {21, 60}};
    enum { MEAN_DRAWN = 1014 }; /* of the table above, in 1/100 */
    a->size = (enum company_size)dice_weighted(d, weights, SIZE_COUNT);
    uint32_t count = dice_between(d, people[a->size].least, people[a->size].most);
    a->person_count = MAX(1u, (count * mean + MEAN_DRAWN / 2) / MEAN_DRAWN);
}

/* More of them each month. */
static int16_t draw_signup(struct dice *d)
{
    uint32_t a = dice_below(d, COMPANY_DAYS), b = dice_below(d, COMPANY_DAYS);
    return (int16_t)(dice_million(d, 400000) ? a : MAX(a, b));
}

static void found(struct company *c, uint32_t number, uint32_t mean)
{
    struct company_account *a = &c->accounts[number];
    struct dice d = dice_of(c->seed, WHAT_FOUND, number, 0);
    uint16_t weights[COUNTRY_COUNT];
    static const uint32_t activates[SIZE_COUNT] = {330000, 450000, 560000};

    for (size_t i = 0; i < COUNTRY_COUNT; i++)
        weights[i] = company_places[i].weight;
    draw_size(a, &d, mean);
    a->id = arena_printf(c->arena, "acc_%05u", number + 1);
    a->country = (uint8_t)dice_weighted(&d, weights, COUNTRY_COUNT);
    a->industry = (uint8_t)dice_below(&d, INDUSTRY_COUNT);
    a->signup_day = draw_signup(&d);
    a->invoice_day = a->retry_day = -1;
    a->is_activated = dice_million(&d, activates[a->size]);
    a->name =
        company_account_name(&d, a->country == COUNTRY_TH && dice_million(&d, 700000), c->arena);
    a->first_person = c->person_count;
    c->person_count += a->person_count;
    uint32_t teammates = a->person_count - 1;
    if (a->is_activated && teammates < COMPANY_ACTIVATING_INVITES)
        a->ghost_invites = (uint8_t)(COMPANY_ACTIVATING_INVITES - teammates);
}

/* When the i-th teammate is invited, counted from the signup. */
static uint32_t invite_after(const struct company_account *a, uint32_t i, struct dice *d)
{
    enum { LATE_DAYS = 150 };
    uint32_t in_week_1 = a->is_activated ? COMPANY_ACTIVATING_INVITES + a->person_count / 6
                                         : 1 + (a->person_count > 8);
    return i <= in_week_1 ? dice_below(d, 7) : 7 + dice_below(d, LATE_DAYS);
}

static void hire(struct company *c, const struct company_account *a, uint32_t i)
{
    static const uint16_t platforms[PLATFORM_COUNT] = {48, 22, 30};
    uint32_t number = a->first_person + i;
    struct company_person *p = &c->people[number];
    struct dice d = dice_of(c->seed, WHAT_HIRE, number, 0);

    p->id = arena_printf(c->arena, "u_%06u", number + 1);
    p->is_thai_speaker = dice_million(&d, a->country == COUNTRY_TH ? 880000 : 20000);
    p->name = company_person_name(&d, p->is_thai_speaker, c->arena);
    p->platform = (enum company_platform)dice_weighted(&d, platforms, PLATFORM_COUNT);
    p->left_day = INT16_MAX;
    /* a few come daily, most now and then */
    uint32_t x = dice_below(&d, 1000), y = dice_below(&d, 1000);
    p->activity = (uint16_t)(350 + 4200 * x / 1000 * y / 1000);
    p->invite_day = p->join_day = a->signup_day;
    if (i > 0) {
        p->invite_day = (int16_t)(a->signup_day + (int)invite_after(a, i, &d));
        p->join_day = (int16_t)(p->invite_day + (int)dice_below(&d, 3));
    }
}

static void found_all(struct company *c)
{
    const struct company_options *o = c->options;
    uint32_t people = o->people ? o->people : PEOPLE_USUAL;
    c->account_count = o->accounts ? o->accounts : ACCOUNTS_USUAL;
    c->seed = o->seed ? o->seed : SEED_USUAL;
    c->person_count = 0;
    c->accounts = mem_array(c->account_count, sizeof *c->accounts);
    /* a quarter never joins: their account leaves first, or the end comes */
    uint32_t mean = (uint32_t)((uint64_t)people * 100 / c->account_count * 100 / 75);
    for (uint32_t i = 0; i < c->account_count; i++)
        found(c, i, mean);
    c->people = mem_array(c->person_count, sizeof *c->people);
    for (uint32_t i = 0; i < c->account_count; i++)
        for (uint32_t k = 0; k < c->accounts[i].person_count; k++)
            hire(c, &c->accounts[i], k);
}

static void company_clear(struct company *c)
{
    mem_free(c->accounts);
    mem_free(c->people);
    arena_destroy(c->arena);
}

/* How busy a date is: week ends, the turn of the year, and Songkran in Thailand. */
static void day_begin(struct company *c, const struct zone *bangkok, int index)
{
    static const uint16_t weekdays[8] = {0, 1000, 1040, 1030, 1000, 880, 300, 230};
    struct company_day *day = &c->day;
    day->index = index;
    day->midnight = c->options->end_ms - (COMPANY_DAYS - index) * DAY_MS;
    struct local_time date = zone_local(bangkok, day->midnight);
    day->usual = weekdays[date.weekday];
    if ((date.month == 12 && date.day >= 30) || (date.month == 1 && date.day == 1))
        day->usual = (uint16_t)(day->usual * 25 / 100);
    day->in_thailand = day->usual;
    if (date.month == 4 && date.day >= 12 && date.day <= 16)
        day->in_thailand =
            (uint16_t)(day->usual * (date.day >= 13 && date.day <= 15 ? 12 : 50) / 100);
}

static void run_days(struct company *c, const struct zone *bangkok,
                     void (*progress)(void *context, unsigned permille), void *context)
{
    for (int day = 0; day < COMPANY_DAYS && !c->has_failed; day++) {
        day_begin(c, bangkok, day);
        for (uint32_t i = 0; i < c->account_count; i++)
            if (c->accounts[i].signup_day <= day && !c->accounts[i].is_gone)
                company_account_day(c, i);
        if (progress)
            progress(context, (unsigned)(day + 1) * 1000 / COMPANY_DAYS);
    }
}

/* Traits as they are at the end, so that a second run changes none of them. */
static void tell_traits(struct company *c)
{
    int64_t start = c->options->end_ms - COMPANY_DAYS * DAY_MS;
    for (uint32_t i = 0; i < c->account_count; i++) {
        const struct company_account *a = &c->accounts[i];
        company_fact(c, FACT_ACCOUNT_TRAITS, a->id, start + a->signup_day * DAY_MS);
        company_put_text(c, STR("name"), a->name);
        company_put_text(c, STR("plan"), a->is_gone ? STR("none") : plan_names[a->plan]);
        company_put_text(c, STR("size"), size_names[a->size]);
        company_put_text(c, STR("industry"), industry_names[a->industry]);
        company_put_text(c, STR("country"), company_places[a->country].code);
        company_put_text(c, STR("currency"), company_places[a->country].currency);
        for (uint32_t k = 0; k < a->person_count; k++) {
            const struct company_person *p = &c->people[a->first_person + k];
            if (!p->is_there)
                continue;
            company_fact(c, FACT_PERSON_TRAITS, p->id, start + p->join_day * DAY_MS);
            company_put_text(c, STR("name"), p->name);
            company_put_text(c, STR("language"), p->is_thai_speaker ? STR("th") : STR("en"));
            company_put_text(c, STR("country"), company_places[a->country].code);
            company_put_text(c, STR("platform"), platform_names[p->platform]);
            company_put_text(c, STR("account"), a->id);
            company_put_text(c, STR("role"), k == 0 ? STR("owner") : STR("member"));
        }
    }
}

/* The state alone, without actions: how many of them a session must have to reach the wanted sum.
 */
static uint32_t actions_mean(const struct company_options *options, const struct zone *bangkok)
{
    struct company c = {.options = options, .arena = arena_create(0)};
    uint64_t wanted = options->events ? options->events : EVENTS_USUAL;
    found_all(&c);
    run_days(&c, bangkok, NULL, NULL);
    uint64_t left = wanted > c.events ? wanted - c.events : 0;
    uint64_t mean = c.sessions ? left * 1000 / c.sessions : 0;
    company_clear(&c);
    return (uint32_t)MIN(mean, 1000000u);
}

bool company_generate(const struct company_options *options, struct collect_sink sink,
                      void (*progress)(void *context, unsigned permille), void *context,
                      struct company_report *report, struct err *e)
{
    AUTO(zone) *bangkok = NULL;
    *report = (struct company_report){0};
    REQUIRE(options->end_ms > 0);
    if (!zone_open(STR("Asia/Bangkok"), &bangkok, e))
        return false;
    struct company c = {.options = options, .arena = arena_create(0), .e = e};
    c.actions_mean = actions_mean(options, bangkok);
    c.out = company_out_create(sink, options);
    found_all(&c);
    run_days(&c, bangkok, progress, context);
    if (!c.has_failed)
        tell_traits(&c);
    bool is_good = company_out_finish(&c, report, e);
    company_out_destroy(c.out);
    company_clear(&c);
    return is_good;
}
