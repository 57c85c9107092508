/*
 * collect/company_day: a day of an account and of its people: who comes, what they do, who pays,
 * who leaves and why. The causes that docs/demo.md lists are the tables and constants here.
 */
#include "collect/company_inner.h"

enum what { WHAT_ACCOUNT = 1, WHAT_PERSON, WHAT_SESSION, WHAT_BILLING, WHAT_WORDS };

#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)

/* Chances of leaving, a day, of 1,000,000: by (invited three in week 1, first eight weeks). */
static const uint32_t leaving[2][2] = {{2300, 9500}, {350, 500}};
enum {
    EARLY_DAYS = 56,
    FREE_LEAVES_PERCENT = 180, /* of the above, for those who did not buy */
    BUYS_ACTIVATED = 760000,   /* at the end of the trial */
    BUYS_OTHERWISE = 380000,
    CARD_FAILS = 42000,   /* an invoice */
    RETRY_WORKS = 330000, /* each of three */
    PLAN_GROWS = 12000,   /* at an invoice */
    PERSON_LEAVES = 1300, /* a day, while the account stays */
    PERSON_LEAVES_BAD_RELEASE = 9000,
    BAD_RELEASE_SESSIONS_PERCENT = 45, /* of the usual ones */
    ERROR_USUAL = 12000,               /* a session */
    ERROR_BAD_RELEASE = 520000,
    TICKET = 4000,
    SURVEY = 9000,
};
/* Who cancels at the first invoice after the price rise, by size. */
static const uint32_t rise_leaves[SIZE_COUNT] = {240000, 50000, 8000};
static const int retry_after[] = {3, 4, 7}; /* days after the one before */
enum { PRICE_RISE_PERCENT = 25 };

static bool is_bad_release(const struct company *c, const struct company_person *p)
{
    return p->platform == PLATFORM_ANDROID && c->day.index >= COMPANY_BAD_RELEASE_DAY &&
           c->day.index < COMPANY_GOOD_RELEASE_DAY;
}

/* A release every four weeks; the bad one of Android is 4.2.0, repaired by 4.2.1. */
static struct str version_of(const struct company *c, enum company_platform platform)
{
    int day = c->day.index;
    if (platform == PLATFORM_ANDROID && day >= COMPANY_BAD_RELEASE_DAY)
        return day < COMPANY_GOOD_RELEASE_DAY ? STR("4.2.0")
               : day < 621                    ? STR("4.2.1")
                                              : STR("4.3.0");
    static const struct str versions[] = {
        {"3.0.0", 5}, {"3.1.0", 5}, {"3.2.0", 5}, {"3.3.0", 5}, {"3.4.0", 5}, {"3.5.0", 5},
        {"3.6.0", 5}, {"3.7.0", 5}, {"3.8.0", 5}, {"4.0.0", 5}, {"4.1.0", 5}, {"4.1.1", 5},
    };
    return versions[MIN((size_t)day / 56, COUNT(versions) - 1)];
}

/* A moment of a person's working day, local time: most in the morning and after lunch. */
static int64_t moment(struct company *c, const struct company_account *a, struct dice *d)
{
    static const uint16_t hours[24] = {0, 0, 0,  0,  0, 0, 1, 3, 9, 14, 13, 10,
                                       5, 9, 12, 12, 9, 6, 4, 3, 3, 2,  1,  0};
    /* the day begins at Bangkok's midnight; elsewhere the same date begins earlier or later */
    int64_t start = c->day.midnight + (company_places[COUNTRY_TH].offset_minutes -
                                       company_places[a->country].offset_minutes) *
                                          MINUTE;
    return start + (int64_t)dice_weighted(d, hours, COUNT(hours)) * HOUR +
           dice_below(d, (uint32_t)HOUR);
}

static struct company_person *owner_of(struct company *c, const struct company_account *a)
{
    return &c->people[a->first_person];
}

static int64_t price_of(const struct company *c, const struct company_account *a)
{
    int64_t price = company_places[a->country].prices[a->plan];
    return c->day.index < COMPANY_PRICE_RISE_DAY ? price : price + price * PRICE_RISE_PERCENT / 100;
}

static void put_money(struct company *c, const struct company_account *a)
{
    company_put_text(c, STR("plan"), plan_names[a->plan]);
    company_put_int(c, STR("amount_minor"), price_of(c, a));
    company_put_text(c, STR("currency"), company_places[a->country].currency);
}

/* The account's end: nobody of it comes again. */
static void leave(struct company *c, struct company_account *a, struct dice *d, struct str reason)
{
    a->is_gone = true;
    if (a->plan < PLAN_STARTER)
        return;
    bool is_involuntary = str_equal(reason, STR("payment_failed"));
    company_event(c, a, owner_of(c, a), moment(c, a, d), STR("Subscription Cancelled"));
    company_put_text(c, STR("plan"), plan_names[a->plan]);
    company_put_text(c, STR("reason"), reason);
    company_put_bool(c, STR("involuntary"), is_involuntary);
}

static void sign_up(struct company *c, struct company_account *a, struct dice *d)
{
    struct company_person *owner = owner_of(c, a);
    int64_t at = moment(c, a, d);
    static const struct str sources[] = {{"search", 6}, {"friend", 6}, {"ad", 2}, {"event", 5}};
    owner->is_there = true;
    company_event(c, a, owner, at, STR("Signed Up"));
    company_put_text(c, STR("source"), sources[dice_below(d, COUNT(sources))]);
    company_put_text(c, STR("platform"), platform_names[owner->platform]);
    company_put_text(c, STR("country"), company_places[a->country].code);
    company_event(c, a, owner, at + 5000, STR("Trial Started"));
    if (dice_million(d, 900000)) {
        company_event(c, a, owner, at + dice_between(d, 60000, 900000), STR("Project Created"));
        company_put_text(c, STR("project"), company_project_name(d, owner->is_thai_speaker));
    }
}

static void invite(struct company *c, struct company_account *a, struct dice *d)
{
    static const struct str roles[] = {{"member", 6}, {"admin", 5}, {"guest", 5}};
    company_event(c, a, owner_of(c, a), moment(c, a, d), STR("Teammate Invited"));
    company_put_text(c, STR("role"), roles[dice_below(d, COUNT(roles))]);
}

static void arrivals(struct company *c, struct company_account *a, struct dice *d)
{
    int age = c->day.index - a->signup_day;
    if (age == 0)
        sign_up(c, a, d);
    for (int i = 0; i < a->ghost_invites; i++)
        if (age == (i * 2 + 1) % 7)
            invite(c, a, d);
    /* the list helps nobody: those who would stay anyway finish it more often */
    if (age == 5 && dice_million(d, a->is_activated ? 620000 : 240000))
        company_event(c, a, owner_of(c, a), moment(c, a, d), STR("Checklist Finished"));
    for (uint32_t i = 1; i < a->person_count; i++) {
        struct company_person *p = &c->people[a->first_person + i];
        if (p->invite_day == c->day.index)
            invite(c, a, d);
        if (p->join_day != c->day.index)
            continue;
        int64_t at = moment(c, a, d) + 8 * HOUR; /* after the invitation of the same day */
        p->is_there = true;
        company_event(c, a, p, at, STR("Invite Accepted"));
        company_event(c, a, p, at + 20000, STR("Signed Up"));
        company_put_text(c, STR("source"), STR("invite"));
        company_put_text(c, STR("platform"), platform_names[p->platform]);
        company_put_text(c, STR("country"), company_places[a->country].code);
    }
}

static void trial_end(struct company *c, struct company_account *a, struct dice *d)
{
    static const enum company_plan plans[SIZE_COUNT] = {PLAN_STARTER, PLAN_TEAM, PLAN_BUSINESS};
    if (!dice_million(d, a->is_activated ? BUYS_ACTIVATED : BUYS_OTHERWISE)) {
        a->plan = PLAN_FREE;
        return;
    }
    a->plan = plans[a->size];
    a->has_seen_rise = c->day.index >= COMPANY_PRICE_RISE_DAY; /* bought at the new price */
    int64_t at = moment(c, a, d);
    company_event(c, a, owner_of(c, a), at, STR("Subscription Started"));
    put_money(c, a);
    company_event(c, a, owner_of(c, a), at + 2000, STR("Invoice Paid"));
    put_money(c, a);
    a->invoice_day = (int16_t)(c->day.index + COMPANY_INVOICE_DAYS);
}

static void payment_failed(struct company *c, struct company_account *a, struct dice *d)
{
    static const struct str reasons[] = {
        {"expired_card", 12}, {"insufficient_funds", 18}, {"declined", 8}};
    company_event(c, a, owner_of(c, a), moment(c, a, d), STR("Payment Failed"));
    put_money(c, a);
    company_put_text(c, STR("reason"), reasons[dice_below(d, COUNT(reasons))]);
    company_put_int(c, STR("attempt"), a->retries + 1);
    if (a->retries < COUNT(retry_after))
        a->retry_day = (int16_t)(c->day.index + retry_after[a->retries]);
    a->retries++;
}

static void paid(struct company *c, struct company_account *a, struct dice *d)
{
    company_event(c, a, owner_of(c, a), moment(c, a, d), STR("Invoice Paid"));
    put_money(c, a);
    a->retries = 0;
    a->retry_day = -1;
}

static void invoice(struct company *c, struct company_account *a, struct dice *d)
{
    a->invoice_day = (int16_t)(c->day.index + COMPANY_INVOICE_DAYS);
    if (c->day.index >= COMPANY_PRICE_RISE_DAY && !a->has_seen_rise) {
        a->has_seen_rise = true;
        if (dice_million(d, rise_leaves[a->size])) {
            leave(c, a, d, STR("price"));
            return;
        }
    }
    if (dice_million(d, CARD_FAILS)) {
        payment_failed(c, a, d);
        return;
    }
    if (a->plan < PLAN_BUSINESS && dice_million(d, PLAN_GROWS)) {
        company_event(c, a, owner_of(c, a), moment(c, a, d), STR("Plan Changed"));
        company_put_text(c, STR("from"), plan_names[a->plan]);
        a->plan++;
        company_put_text(c, STR("to"), plan_names[a->plan]);
    }
    paid(c, a, d);
}

static void billing(struct company *c, struct company_account *a, uint32_t number)
{
    struct dice d = dice_of(c->seed, WHAT_BILLING, number, (uint64_t)c->day.index);
    if (c->day.index - a->signup_day == COMPANY_TRIAL_DAYS)
        trial_end(c, a, &d);
    if (a->retry_day == c->day.index) {
        if (dice_million(&d, RETRY_WORKS)) {
            company_event(c, a, owner_of(c, a), moment(c, a, &d), STR("Card Updated"));
            paid(c, a, &d);
        } else if (a->retries == COUNT(retry_after)) {
            leave(c, a, &d, STR("payment_failed"));
        } else {
            payment_failed(c, a, &d);
        }
    } else if (a->invoice_day == c->day.index) {
        invoice(c, a, &d);
    }
}

static void churn(struct company *c, struct company_account *a, struct dice *d)
{
    static const struct str reasons[] = {
        {"not_used", 8}, {"missing_feature", 15}, {"competitor", 10}, {"project_ended", 13}};
    int age = c->day.index - a->signup_day;
    uint32_t chance = leaving[a->is_activated][age < EARLY_DAYS];
    if (age < 2)
        return;
    if (a->plan == PLAN_FREE)
        chance = chance * FREE_LEAVES_PERCENT / 100;
    if (dice_million(d, chance))
        leave(c, a, d, reasons[dice_below(d, COUNT(reasons))]);
}

static void ticket(struct company *c, const struct company_account *a,
                   const struct company_person *p, int64_t at, struct dice *d)
{
    company_event(c, a, p, at, STR("Support Ticket Opened"));
    company_put_text(c, STR("subject"), company_ticket_subject(d, p->is_thai_speaker));
    company_put_text(c, STR("language"), p->is_thai_speaker ? STR("th") : STR("en"));
    company_event(c, a, p, at + dice_between(d, 1, 72) * HOUR, STR("Support Ticket Closed"));
    company_put_int(c, STR("stars"), dice_between(d, 1, 5));
}

struct action {
    struct str name;
    struct str property; /* .len == 0: none */
    struct str values[4];
    uint16_t weight;
};

static void act(struct company *c, const struct company_account *a, const struct company_person *p,
                int64_t at, struct dice *d)
{
    static const struct action actions[] = {
        {{"Task Created", 12},
         {"priority", 8},
         {{"low", 3}, {"normal", 6}, {"high", 4}, {"normal", 6}},
         20},
        {{"Task Completed", 14}, {"", 0}, {{0}}, 17},
        {{"Comment Added", 13}, {"", 0}, {{0}}, 15},
        {{"Report Viewed", 13},
         {"report", 6},
         {{"progress", 8}, {"time", 4}, {"budget", 6}, {"team", 4}},
         12},
        {{"Dashboard Opened", 16}, {"", 0}, {{0}}, 12},
        {{"Search Done", 11}, {"", 0}, {{0}}, 9},
        {{"File Uploaded", 13},
         {"kind", 4},
         {{"image", 5}, {"document", 8}, {"sheet", 5}, {"video", 5}},
         8},
        {{"File Exported", 13},
         {"format", 6},
         {{"csv", 3}, {"pdf", 3}, {"xlsx", 4}, {"pdf", 3}},
         5},
        {{"Project Created", 15}, {"", 0}, {{0}}, 1},
        {{"Integration Connected", 21},
         {"service", 7},
         {{"calendar", 8}, {"mail", 4}, {"chat", 4}, {"drive", 5}},
         1},
    };
    static const uint16_t weights[COUNT(actions)] = {20, 17, 15, 12, 12, 9, 8, 5, 1, 1};
    const struct action *action = &actions[dice_weighted(d, weights, COUNT(weights))];
    company_event(c, a, p, at, action->name);
    company_put_text(c, STR("platform"), platform_names[p->platform]);
    company_put_text(c, STR("plan"), plan_names[a->plan]);
    if (action->property.len)
        company_put_text(c, action->property, action->values[dice_below(d, COUNT(action->values))]);
}

static void session(struct company *c, const struct company_account *a,
                    const struct company_person *p, struct dice *d)
{
    int64_t at = moment(c, a, d);
    bool is_bad = is_bad_release(c, p);
    bool has_error = dice_million(d, is_bad ? ERROR_BAD_RELEASE : ERROR_USUAL);
    bool has_ticket = dice_million(d, is_bad ? TICKET * 8 : TICKET);
    c->sessions++;
    company_event(c, a, p, at, STR("Session Started"));
    company_put_text(c, STR("platform"), platform_names[p->platform]);
    company_put_text(c, STR("version"), version_of(c, p->platform));
    company_put_text(c, STR("country"), company_places[a->country].code);
    company_put_text(c, STR("language"), p->is_thai_speaker ? STR("th") : STR("en"));
    company_put_text(c, STR("plan"), plan_names[a->plan]);
    if (has_error) {
        company_event(c, a, p, at + dice_between(d, 1000, 120000), STR("App Error"));
        company_put_text(c, STR("platform"), platform_names[p->platform]);
        company_put_text(c, STR("version"), version_of(c, p->platform));
        company_put_text(c, STR("message"), is_bad ? STR("sync: null document") : STR("timeout"));
    }
    if (has_ticket)
        ticket(c, a, p, at + 10 * MINUTE, d);
    if (dice_million(d, SURVEY)) {
        company_event(c, a, p, at + 5 * MINUTE, STR("Survey Answered"));
        company_put_int(c, STR("score"),
                        dice_between(d, a->is_activated ? 6 : 3, a->is_activated ? 10 : 9));
    }
    if (!c->out) /* the actions are counted by their mean */
        return;
    /* an error ends the session early */
    uint32_t mean = has_error ? c->actions_mean / 3 : c->actions_mean;
    uint32_t count = (dice_below(d, 2 * mean + 1) + 500) / 1000;
    uint64_t before = c->events;
    for (uint32_t i = 0; i < count; i++) {
        at += dice_between(d, 4000, 240000);
        act(c, a, p, at, d);
    }
    c->events = before;
}

/* How likely a person comes today, of 10,000. */
static uint32_t presence(const struct company *c, const struct company_account *a,
                         const struct company_person *p)
{
    int age = c->day.index - p->join_day;
    uint32_t novelty = age < 7 ? 1900 : age < 28 ? 1300 : age < 90 ? 1000 : 850;
    uint32_t busy = a->country == COUNTRY_TH ? c->day.in_thailand : c->day.usual;
    uint32_t chance = p->activity * novelty / 1000 * busy / 1000;
    if (!a->is_activated)
        chance = chance * 80 / 100;
    if (is_bad_release(c, p))
        chance = chance * BAD_RELEASE_SESSIONS_PERCENT / 100;
    return chance;
}

static void person_day(struct company *c, const struct company_account *a, uint32_t number)
{
    struct company_person *p = &c->people[number];
    if (!p->is_there || p->left_day <= c->day.index)
        return;
    struct dice d = dice_of(c->seed, WHAT_PERSON, number, (uint64_t)c->day.index);
    bool is_owner = number == a->first_person;
    if (!is_owner &&
        dice_million(&d, is_bad_release(c, p) ? PERSON_LEAVES_BAD_RELEASE : PERSON_LEAVES)) {
        p->left_day = (int16_t)c->day.index;
        return;
    }
    if (dice_below(&d, 10000) >= presence(c, a, p))
        return;
    session(c, a, p, &d);
    if (dice_million(&d, 280000))
        session(c, a, p, &d);
}

void company_account_day(struct company *c, uint32_t account)
{
    struct company_account *a = &c->accounts[account];
    struct dice d = dice_of(c->seed, WHAT_ACCOUNT, account, (uint64_t)c->day.index);
    arrivals(c, a, &d);
    billing(c, a, account);
    if (!a->is_gone)
        churn(c, a, &d);
    if (a->is_gone)
        return;
    for (uint32_t i = 0; i < a->person_count; i++)
        person_day(c, a, a->first_person + i);
}
