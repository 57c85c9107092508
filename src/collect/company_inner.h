/*
 * collect/company_inner (private to the room): the simulated company's state and its parts.
 *
 * company.c founds accounts and people and runs the days; company_day.c is a day of an account and
 * of its people; company_out.c makes events and facts and hands batches on; company_words.c holds
 * names and texts. All chances come from dice that are cast anew for each (seed, what, who, day),
 * so that nothing depends on the order of the work, and all arithmetic is on integers, so that
 * every machine makes the same company.
 */
#pragma once
#include "collect/company.h"

enum {
    COMPANY_DAYS = 728, /* 104 weeks: 24 months */
    COMPANY_PRICE_RISE_DAY = 399,
    COMPANY_BAD_RELEASE_DAY = 553,
    COMPANY_GOOD_RELEASE_DAY = 567,
    COMPANY_TRIAL_DAYS = 14,
    COMPANY_INVOICE_DAYS = 30,
    COMPANY_ACTIVATING_INVITES = 3, /* in the first seven days */
};

struct dice {
    uint64_t state;
};
struct dice dice_of(uint64_t seed, uint64_t what, uint64_t who, uint64_t day);
uint64_t dice_next(struct dice *d);
uint32_t dice_below(struct dice *d, uint32_t bound);                  /* 0 … bound-1 */
uint32_t dice_between(struct dice *d, uint32_t least, uint32_t most); /* both included */
bool dice_million(struct dice *d, uint32_t chance);                   /* of 1,000,000 */
size_t dice_weighted(struct dice *d, const uint16_t *weights, size_t count);

enum company_plan { PLAN_TRIAL, PLAN_FREE, PLAN_STARTER, PLAN_TEAM, PLAN_BUSINESS, PLAN_COUNT };
enum company_size { SIZE_SMALL, SIZE_MIDDLE, SIZE_LARGE, SIZE_COUNT };
enum company_platform { PLATFORM_WEB, PLATFORM_IOS, PLATFORM_ANDROID, PLATFORM_COUNT };
enum company_country { COUNTRY_TH, COUNTRY_COUNT = 8 };

struct company_account {
    struct str id;
    struct str name;
    uint32_t first_person, person_count;
    int16_t signup_day;
    int16_t invoice_day; /* next one; -1 = none */
    int16_t retry_day;   /* of a failed payment; -1 = none */
    uint8_t retries;
    uint8_t ghost_invites; /* in week 1, to people who never come */
    enum company_plan plan;
    enum company_size size;
    uint8_t country, industry;
    bool is_activated; /* invites three in week 1: the cause of staying */
    bool is_gone;
    bool has_seen_rise; /* has been asked for the new price */
};

struct company_person {
    struct str id;
    struct str name;
    int16_t invite_day, join_day; /* of the company; the owner's are the signup's */
    int16_t left_day;             /* INT16_MAX = still here */
    uint16_t activity;            /* chance of an active day, of 10,000 */
    enum company_platform platform;
    bool is_thai_speaker;
    bool is_there; /* has joined */
};

struct company_day {
    int index;        /* 0 … COMPANY_DAYS-1 */
    int64_t midnight; /* Bangkok's, UTC ms */
    uint16_t usual;   /* how busy it is, of 1,000 */
    uint16_t in_thailand;
};

struct company {
    const struct company_options *options;
    uint64_t seed;
    struct company_account *accounts;
    uint32_t account_count;
    struct company_person *people;
    uint32_t person_count;
    struct arena *arena; /* names and ids */
    struct company_day day;
    uint32_t actions_mean; /* per session, in 1/1000 */
    uint64_t sessions;
    struct company_out *out; /* NULL: the state alone is run, and counted */
    uint64_t events;         /* without the actions of sessions */
    struct err *e;
    bool has_failed;
};

/* One day of an account and its people. */
void company_account_day(struct company *c, uint32_t account);

/* Events. A row is made by company_event and the properties put after it; NULL when only counting.
 */
struct company_out *company_out_create(struct collect_sink sink, const struct company_options *o);
void company_out_destroy(struct company_out *out);
bool company_event(struct company *c, const struct company_account *a,
                   const struct company_person *p, int64_t time, struct str name);
void company_put_text(struct company *c, struct str name, struct str value);
void company_put_int(struct company *c, struct str name, int64_t value);
void company_put_bool(struct company *c, struct str name, bool value);
/* Traits of a person or an account: properties put after it are its traits. */
void company_fact(struct company *c, enum fact_kind kind, struct str subject, int64_t created);
MUST_USE bool company_out_finish(struct company *c, struct company_report *report, struct err *e);
/* Text that lives until the batch is handed on. */
struct arena *company_out_arena(struct company *c);

/* Words. */
extern const struct str plan_names[PLAN_COUNT];
extern const struct str size_names[SIZE_COUNT];
extern const struct str platform_names[PLATFORM_COUNT];
struct company_place {
    struct str code;
    int16_t offset_minutes;
    uint16_t weight;
    struct str currency;
    uint32_t prices[PLAN_COUNT]; /* a month, in minor units */
};
extern const struct company_place company_places[COUNTRY_COUNT];
enum { INDUSTRY_COUNT = 8 };
extern const struct str industry_names[INDUSTRY_COUNT];
struct str company_person_name(struct dice *d, bool is_thai, struct arena *arena);
struct str company_account_name(struct dice *d, bool is_thai, struct arena *arena);
struct str company_ticket_subject(struct dice *d, bool is_thai);
struct str company_project_name(struct dice *d, bool is_thai);
