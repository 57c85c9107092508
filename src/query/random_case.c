/* query/random_case: dice, worlds and questions. */
#include "query/random_case.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"

uint32_t roll(struct dice *d, uint32_t below)
{
    d->state += 0x9E3779B97F4A7C15U;
    return (uint32_t)(hash_mix(d->state) % below);
}

bool chance(struct dice *d, uint32_t percent)
{
    return roll(d, 100) < percent;
}

struct dice random_dice(uint64_t own)
{
    const char *text = getenv("QUERY_SEED");
    int64_t seed;

    if (text && str_to_i64(str_of(text), &seed))
        own = hash_mix(own ^ hash_mix((uint64_t)seed));
    return (struct dice){.state = own};
}

void random_report(const struct dice *d)
{
    printf("asked %llu\n", (unsigned long long)d->asked);
}

size_t random_rounds(size_t preset)
{
    const char *text = getenv("QUERY_RANDOM");
    int64_t count;

    return text && str_to_i64(str_of(text), &count) && count > 0 ? (size_t)count : preset;
}

static const struct str names[] = {{"A", 1}, {"B", 1}, {"C", 1}, {"D", 1}, {"E", 1}};

struct str random_name(uint32_t i)
{
    return names[i];
}

static struct value text_value(struct arena *arena, const char *format, uint32_t n)
{
    return (struct value){VALUE_TEXT, .text = arena_printf(arena, "%s%u", format, n)};
}

static size_t properties_make(struct dice *d, struct arena *arena, struct property **out)
{
    struct property *p = arena_array(arena, 4, sizeof *p); /* one is for the caller */
    size_t n = 0;

    if (chance(d, 80))
        p[n++] = (struct property){STR("plan"), text_value(arena, "p", roll(d, 3))};
    if (chance(d, 70))
        p[n++] = (struct property){
            STR("n"), chance(d, 50) ? (struct value){VALUE_INT, .integer = roll(d, 9)}
                                    : (struct value){VALUE_DOUBLE, .number = roll(d, 90) / 8.0}};
    if (chance(d, 60)) {
        uint32_t kind = roll(d, 4);
        struct value mixed = kind == 0   ? text_value(arena, "", roll(d, 3))
                             : kind == 1 ? (struct value){VALUE_INT, .integer = roll(d, 3)}
                             : kind == 2 ? (struct value){VALUE_BOOL, .boolean = chance(d, 50)}
                                         : (struct value){VALUE_NULL};
        p[n++] = (struct property){STR("mixed"), mixed};
    }
    *out = p;
    return n;
}

static bool is_taken(const struct random_world *w, size_t count, uint32_t person, int64_t time)
{
    for (size_t i = 0; i < count; i++)
        if (w->events[i].time == time && str_equal(w->events[i].person, w->people[person].id))
            return true;
    return false;
}

/* Some stand above others, some of them above themselves. */
static struct plain_person account_make(struct dice *d, struct arena *arena, uint32_t i,
                                        const struct world_shape *shape)
{
    static const char *const levels[] = {"team", "company"};
    struct property *traits = arena_array(arena, 3, sizeof *traits);
    struct plain_person a = {
        .id = arena_printf(arena, "acc%u", i), .created = FACT_CREATED_NONE, .traits = traits};

    if (chance(d, 30))
        a.created = shape->start + roll(d, 1000000) * (int64_t)1000;
    if (chance(d, 70))
        traits[a.trait_count++] = (struct property){STR("tier"), text_value(arena, "x", i / 2)};
    if (chance(d, 60))
        traits[a.trait_count++] = (struct property){
            STR("parent"), text_value(arena, "acc", chance(d, 70) ? i / 2 + 2 : roll(d, 7))};
    if (chance(d, 60))
        traits[a.trait_count++] = (struct property){
            STR("level"), {VALUE_TEXT, .text = str_of(levels[chance(d, 80) ? i > 1 : i % 2])}};
    return a;
}

void random_world_make(struct dice *d, struct arena *arena, const struct world_shape *shape,
                       struct random_world *out)
{
    uint32_t people = 1 + roll(d, shape->people), events = 1 + roll(d, shape->events);

    *out = (struct random_world){.person_count = people};
    out->people = arena_array(arena, people, sizeof *out->people);
    out->events = arena_array(arena, events, sizeof *out->events);
    for (uint32_t i = 0; i < people; i++) {
        struct property *traits = arena_array(arena, 1, sizeof *traits);
        traits[0] = (struct property){STR("team"), text_value(arena, "t", roll(d, 3))};
        out->people[i] = (struct plain_person){
            .id = arena_printf(arena, "u%u", i),
            .created =
                chance(d, 50) ? shape->start + roll(d, 1000000) * (int64_t)1000 : FACT_CREATED_NONE,
            .traits = traits,
            .trait_count = chance(d, 70),
        };
    }
    for (uint32_t i = 0; i < COUNT(out->accounts); i++)
        out->accounts[i] = account_make(d, arena, i, shape);
    for (uint32_t i = 0; i < events; i++) {
        uint32_t person = roll(d, people);
        int64_t time = shape->start + roll(d, shape->steps) * shape->step_ms;
        struct property *properties;
        if (shape->unique_times && is_taken(out, out->event_count, person, time))
            continue;
        size_t count = properties_make(d, arena, &properties);
        uint32_t name = roll(d, 9);
        bool is_page = shape->has_pages && name == 4 && chance(d, 60);
        if (is_page)
            properties[count++] =
                (struct property){STR("path"), text_value(arena, "/p", roll(d, 3))};
        out->events[out->event_count++] = (struct event){
            .id = arena_printf(arena, "e%u", i),
            .time = time,
            .received = time,
            .sequence = i + 1,
            .name = is_page ? STR("Page Viewed") : names[name < 5 ? name : 0],
            .person = out->people[person].id,
            .account = chance(d, 50) ? text_value(arena, "acc", roll(d, 4)).text : STR_NONE,
            .session = chance(d, 70) ? text_value(arena, "s", roll(d, 4)).text : STR_NONE,
            .properties = properties,
            .property_count = count,
        };
    }
}

/* ---- questions ---- */

static void add(struct buf *out, const char *text)
{
    buf_add(out, str_of(text));
}

static void pick_text(struct dice *d, struct buf *out, const char *const *list, uint32_t count)
{
    add(out, list[roll(d, count)]);
}
#define PICK(d, out, ...)                                                                          \
    pick_text((d), (out), (const char *const[]){__VA_ARGS__},                                      \
              (uint32_t)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)))

static void condition(struct dice *d, struct buf *out, unsigned depth)
{
    if (depth < 2 && chance(d, 25)) {
        PICK(d, out, "{\"all\":[", "{\"any\":[");
        condition(d, out, depth + 1);
        add(out, ",");
        condition(d, out, depth + 1);
        add(out, "]}");
        return;
    }
    if (depth < 2 && chance(d, 10)) {
        add(out, "{\"not\":");
        condition(d, out, depth + 1);
        add(out, "}");
        return;
    }
    PICK(d, out, "{\"property\":\"plan\",\"is\":\"p1\"}",
         "{\"property\":\"plan\",\"is_not\":[\"p0\",\"p2\"]}",
         "{\"property\":\"plan\",\"exists\":true}", "{\"property\":\"n\",\"gt\":3}",
         "{\"property\":\"n\",\"between\":[1,5]}", "{\"property\":\"n\",\"lte\":\"2.5\"}",
         "{\"property\":\"plan\",\"contains\":\"P\"}",
         "{\"property\":\"plan\",\"matches\":\"^p[01]$\"}", "{\"property\":\"mixed\",\"is\":1}",
         "{\"property\":\"mixed\",\"is_not\":\"true\"}",
         "{\"property\":\"mixed\",\"exists\":false}",
         "{\"property\":\"weekday\",\"is\":\"monday\"}", "{\"property\":\"hour\",\"lt\":12}",
         "{\"property\":\"name\",\"is_not\":\"E\"}",
         "{\"property\":\"team\",\"of\":\"person\",\"is\":\"t1\"}",
         "{\"property\":\"id\",\"of\":\"person\",\"is\":[\"u0\",\"u1\"]}",
         "{\"property\":\"created\",\"of\":\"person\",\"exists\":true}",
         "{\"property\":\"first_seen\",\"of\":\"person\",\"after\":\"2026-03-05\"}",
         "{\"property\":\"id\",\"of\":\"account\",\"is\":\"acc0\"}",
         "{\"property\":\"tier\",\"of\":\"account\",\"is\":\"x0\"}",
         "{\"property\":\"tier\",\"of\":\"account\",\"exists\":false}",
         "{\"property\":\"tier\",\"of\":\"account\",\"level\":1,\"is\":\"x1\"}",
         "{\"property\":\"created\",\"of\":\"account\",\"after\":\"2026-03-05\"}",
         "{\"property\":\"first_seen\",\"of\":\"account\",\"before\":\"2026-03-03\"}",
         "{\"property\":\"last_seen\",\"of\":\"account\",\"exists\":true}", "{\"did\":\"A\"}",
         "{\"did\":\"B\",\"times\":{\"gte\":2},\"within\":\"14d\"}",
         "{\"did_not\":\"C\",\"within\":\"10d\"}", "{\"did\":null,\"times\":{\"lte\":4}}",
         "{\"did\":\"A\",\"filter\":[{\"property\":\"plan\",\"is\":\"p1\"},{\"did\":\"B\"}]}",
         "{\"first_did\":\"A\",\"after\":\"2026-03-08\"}",
         "{\"first_did\":null,\"before\":\"2026-03-12T06:00:00Z\"}",
         "{\"sequence\":[\"A\",\"B\"],\"within\":\"7d\"}", "{\"sequence\":[\"A\",\"A\",null]}",
         "{\"sequence\":[null,{\"event\":\"A\",\"filter\":[{\"property\":\"n\",\"gt\":3}]}],"
         "\"within\":\"1d\"}",
         "{\"property\":\"time\",\"before\":\"2026-03-20\"}",
         "{\"property\":\"events\",\"of\":\"session\",\"gte\":2}",
         "{\"property\":\"length\",\"of\":\"session\",\"between\":[1,20000]}",
         "{\"property\":\"bounce\",\"of\":\"session\",\"is\":true}",
         "{\"property\":\"position\",\"of\":\"session\",\"is\":1}",
         "{\"property\":\"entry_page\",\"of\":\"session\",\"is_not\":\"/p1\"}",
         "{\"property\":\"exit_event\",\"of\":\"session\",\"is\":[\"A\",\"B\"]}",
         "{\"property\":\"hour\",\"of\":\"session\",\"lt\":12}",
         "{\"property\":\"start\",\"of\":\"session\",\"after\":\"2026-03-08\"}",
         "{\"did\":\"A\",\"filter\":[{\"property\":\"pages\",\"of\":\"session\",\"gt\":0}]}",
         "{\"property\":\"id\",\"ends_with\":\"1\"}");
}

void random_condition(struct dice *d, struct buf *out)
{
    condition(d, out, 0);
}

static void matcher(struct dice *d, struct buf *out)
{
    if (chance(d, 10))
        add(out, "\"any_of\":[{\"event\":\"A\"},{\"event\":\"B\"}]");
    else
        PICK(d, out, "\"event\":\"A\"", "\"event\":\"B\"", "\"event\":\"C\"", "\"event\":\"D\"",
             "\"event\":null");
    if (chance(d, 20)) {
        add(out, ",\"filter\":[");
        condition(d, out, 0);
        add(out, "]");
    }
}

static void maybe(struct dice *d, struct buf *out, uint32_t percent, const char *text)
{
    if (chance(d, percent))
        add(out, text);
}

/* Sessions of any kind, long enough that none begins before what a question reads. */
static void session_rules(struct dice *d, struct buf *out, bool has_gap)
{
    if (!has_gap)
        PICK(d, out, "", ",\"session_gap\":\"6h\"", ",\"session_gap\":\"90m\"");
    PICK(d, out, ",\"session_max\":\"6d\"", ",\"session_max\":\"7d\"");
    PICK(d, out, "", "", ",\"session_midnight\":true");
    PICK(d, out, "", "", ",\"session_ids\":\"only\"", ",\"session_ids\":\"ignore\"");
}

static void common(struct dice *d, struct buf *out, bool may_have_interval)
{
    session_rules(d, out, !may_have_interval); /* paths have a gap of their own */
    PICK(d, out, ",\"from\":\"2026-03-01\",\"to\":\"2026-03-31\"",
         ",\"from\":\"2026-03-06\",\"to\":\"2026-03-18\"",
         ",\"from\":\"2026-03-03T07:30:00Z\",\"to\":\"2026-03-20T13:15:00Z\"", ",\"last\":\"3w\"");
    PICK(d, out, "", ",\"timezone\":\"Asia/Bangkok\"", ",\"timezone\":\"America/New_York\"");
    PICK(d, out, "", ",\"as_of\":\"2026-03-15T10:00:00Z\"");
    PICK(d, out, "", ",\"week_start\":\"sunday\"");
    if (!memmem(out->at, out->len, ",\"unit\":", 8)) /* sessions */
        maybe(d, out, 30, ",\"unit\":\"account\"");
    PICK(d, out, "", "", "", "", ",\"level\":1", ",\"level\":\"company\"", ",\"level\":\"team\"");
    if (may_have_interval)
        PICK(d, out, "", ",\"interval\":\"week\"", ",\"interval\":\"day\"",
             ",\"interval\":\"month\"");
    if (chance(d, 25)) {
        add(out, ",\"filter\":[");
        condition(d, out, 0);
        add(out, "]");
    }
    maybe(d, out, 10, ",\"segment\":[{\"did\":\"B\"},{\"not\":{\"sequence\":[\"C\",\"D\"]}}]");
    if (chance(d, 35)) {
        PICK(
            d, out, ",\"breakdown\":[{\"property\":\"plan\"}]",
            ",\"breakdown\":[{\"property\":\"team\",\"of\":\"person\"}]",
            ",\"breakdown\":[{\"property\":\"plan\"},{\"property\":\"mixed\"}]",
            ",\"breakdown\":[{\"property\":\"n\",\"buckets\":[2,5]}]",
            ",\"breakdown\":[{\"property\":\"mixed\"},{\"property\":\"team\",\"of\":\"person\"}]",
            ",\"breakdown\":[{\"property\":\"tier\",\"of\":\"account\"}]",
            ",\"breakdown\":[{\"property\":\"id\",\"of\":\"account\",\"level\":1}]",
            ",\"breakdown\":[{\"property\":\"created\",\"of\":\"account\"}]",
            ",\"breakdown\":[{\"property\":\"last_seen\",\"of\":\"person\"}]",
            ",\"breakdown\":[{\"property\":\"tier\",\"of\":\"account\"},"
            "{\"property\":\"team\",\"of\":\"person\"}]",
            ",\"breakdown\":[{\"property\":\"entry_page\",\"of\":\"session\"}]",
            ",\"breakdown\":[{\"property\":\"bounce\",\"of\":\"session\"},{\"property\":\"plan\"}]",
            ",\"breakdown\":[{\"property\":\"length\",\"of\":\"session\",\"buckets\":[1,9000]}]");
        PICK(d, out, "", "", ",\"limit\":1", ",\"limit\":2", ",\"limit\":2,\"other\":false");
    }
}

static void trends(struct dice *d, struct buf *out)
{
    uint32_t series = 1 + roll(d, 2);

    add(out, "{\"insight\":\"trends\",\"series\":[");
    for (uint32_t i = 0; i < series; i++) {
        add(out, i ? ",{" : "{");
        matcher(d, out);
        PICK(d, out, "", ",\"math\":\"people\"", ",\"math\":\"first_time\"",
             ",\"math\":\"per_person\"", ",\"math\":\"weekly_active\"",
             ",\"math\":\"monthly_active\"", ",\"math\":\"accounts\"", ",\"math\":\"sessions\"",
             ",\"math\":\"sum\",\"property\":\"n\"", ",\"math\":\"avg\",\"property\":\"n\"",
             ",\"math\":\"min\",\"property\":\"n\"", ",\"math\":\"max\",\"property\":\"n\"",
             ",\"math\":\"median\",\"property\":\"n\"", ",\"math\":\"p90\",\"property\":\"n\"",
             ",\"math\":\"distinct\",\"property\":\"mixed\"",
             ",\"math\":\"avg\",\"of\":\"session\",\"property\":\"length\"",
             ",\"math\":\"p75\",\"of\":\"session\",\"property\":\"events\"",
             ",\"math\":\"sum\",\"of\":\"session\",\"property\":\"bounce\"",
             ",\"math\":\"distinct\",\"of\":\"session\",\"property\":\"exit_page\"");
        add(out, "}");
    }
    add(out, "]");
    if (series == 2)
        PICK(d, out, "", "", "", ",\"formula\":\"B/A*100\"",
             ",\"formula\":\"cumulative(A)-rolling(B,3)\"", ",\"formula\":\"A/previous(A)+B\"");
    maybe(d, out, 15, ",\"cumulative\":true");
    maybe(d, out, 15, ",\"rolling\":3");
    PICK(d, out, "", "", ",\"compare\":\"previous\"", ",\"compare\":\"-7d\"");
    maybe(d, out, 15, ",\"unit\":\"session\"");
    common(d, out, true);
    add(out, "}");
}

static void funnel(struct dice *d, struct buf *out)
{
    uint32_t steps = 1 + roll(d, 4);

    add(out, "{\"insight\":\"funnel\",\"steps\":[");
    for (uint32_t i = 0; i < steps; i++) {
        add(out, i ? ",{" : "{");
        matcher(d, out);
        if (i)
            maybe(d, out, 10, ",\"optional\":true");
        add(out, "}");
    }
    add(out, "]");
    PICK(d, out, "", "", ",\"order\":\"strict\"", ",\"order\":\"unordered\"");
    PICK(d, out, "", ",\"window\":\"2d\"", ",\"window\":\"6h\"");
    PICK(d, out, "", "", ",\"entry\":\"first\"", ",\"entry\":\"every\"");
    maybe(d, out, 10, ",\"tie\":\"2s\"");
    PICK(d, out, "", "", "", ",\"count\":\"totals\"", ",\"count\":\"sessions\"",
         ",\"count\":\"held\",\"hold\":[\"plan\"]", ",\"hold\":[\"plan\"]",
         ",\"hold\":[\"plan\",\"mixed\"]");
    if (chance(d, 25)) {
        add(out, ",\"exclude\":[{");
        matcher(d, out);
        add(out, chance(d, 40) && steps > 2 ? ",\"between\":[2,3]}]" : "}]");
        PICK(d, out, "", ",\"on_exclude\":\"drop\"");
    }
    PICK(d, out, "", "", ",\"attribution\":\"last_touch\"", ",\"attribution\":\"all_events\"",
         ",\"attribution\":\"step\",\"step\":1");
    PICK(d, out, "", "", ",\"show\":\"over_time\"", ",\"show\":\"time_to_convert\"");
    maybe(d, out, 15, ",\"unit\":\"session\"");
    common(d, out, true);
    add(out, "}");
}

static void retention(struct dice *d, struct buf *out)
{
    add(out, "{\"insight\":\"retention\",\"start\":{");
    matcher(d, out);
    add(out, "}");
    if (chance(d, 80)) {
        add(out, ",\"return\":{");
        matcher(d, out);
        add(out, "}");
    }
    PICK(d, out, "", ",\"cohort\":\"every\"", ",\"cohort\":\"first_ever\"",
         ",\"cohort\":\"first_in_range\"");
    PICK(d, out, "", ",\"match\":\"on_or_after\"", ",\"match\":\"on_or_before\"",
         ",\"match\":\"streak\"");
    PICK(d, out, "", "", ",\"window\":\"rolling\"", ",\"window\":\"rolling_hour\"");
    PICK(d, out, "", "", ",\"minimum\":2");
    PICK(d, out, "", "", ",\"brackets\":[1,3,7]", ",\"periods\":5", ",\"periods\":40");
    PICK(d, out, "", "", ",\"measure\":\"sum\",\"property\":\"n\"",
         ",\"measure\":\"avg\",\"property\":\"n\"");
    PICK(d, out, "", ",\"reference\":\"previous\"");
    common(d, out, true);
    add(out, "}");
}

static void lifecycle(struct dice *d, struct buf *out)
{
    add(out, "{\"insight\":\"lifecycle\",");
    PICK(d, out, "\"event\":\"A\"", "\"event\":\"B\"", "\"event\":null",
         "\"any_of\":[{\"event\":\"A\"},{\"event\":\"C\"}]");
    PICK(d, out, "", "", ",\"new_by\":\"created\"");
    PICK(d, out, "", "", ",\"compare\":\"previous\"", ",\"compare\":\"-7d\"");
    common(d, out, true);
    add(out, "}");
}

static void stickiness(struct dice *d, struct buf *out)
{
    add(out, "{\"insight\":\"stickiness\",");
    PICK(d, out, "\"event\":\"A\"", "\"event\":\"B\"", "\"event\":null",
         "\"any_of\":[{\"event\":\"A\"},{\"event\":\"C\"}]");
    PICK(d, out, "", "", ",\"minimum\":2");
    PICK(d, out, "", "", ",\"ratio\":\"dau/mau\"", ",\"ratio\":\"wau/mau\"");
    PICK(d, out, "", "", ",\"compare\":\"previous\"");
    common(d, out, true);
    add(out, "}");
}

static void paths(struct dice *d, struct buf *out)
{
    add(out, "{\"insight\":\"paths\"");
    PICK(d, out, "", ",\"nodes\":{\"property\":\"plan\"}", ",\"nodes\":{\"property\":\"mixed\"}",
         ",\"nodes\":\"page\"", ",\"replace\":[[\"[AB]\",\"x\"]]");
    PICK(d, out, "", "", ",\"start\":\"A\"", ",\"end\":\"B\"", ",\"start\":\"p1\"",
         ",\"start\":\"C\",\"end\":\"A\"");
    PICK(d, out, "", ",\"steps\":3", ",\"steps\":4", ",\"steps\":12");
    PICK(d, out, "", ",\"session_gap\":\"6h\"", ",\"session_gap\":\"3d\"",
         ",\"session_gap\":\"10h\"");
    PICK(d, out, "", "", ",\"count\":\"traversals\"");
    common(d, out, false);
    add(out, "}");
}

static void impact(struct dice *d, struct buf *out)
{
    if (chance(d, 75)) {
        add(out, "{\"insight\":\"impact\",\"goal\":{\"retained\":{\"start\":{");
        matcher(d, out);
        add(out, "},\"return\":{");
        matcher(d, out);
        add(out, "}");
        PICK(d, out, "", ",\"cohort\":\"first_ever\"", ",\"cohort\":\"first_in_range\"");
        PICK(d, out, "", ",\"match\":\"on_or_after\"", ",\"match\":\"on_or_before\"",
             ",\"match\":\"streak\"");
        PICK(d, out, "", "", ",\"window\":\"rolling\"", ",\"window\":\"rolling_hour\"");
        PICK(d, out, "", "", ",\"minimum\":2");
        PICK(d, out, ",\"interval\":\"day\",\"period\":1}", ",\"interval\":\"day\",\"period\":2}",
             ",\"interval\":\"day\",\"period\":5}", ",\"interval\":\"week\",\"period\":1}");
    } else {
        add(out, "{\"insight\":\"impact\",\"goal\":{\"converted\":{\"steps\":[{");
        matcher(d, out);
        add(out, "},{");
        matcher(d, out);
        PICK(d, out, "}]", "},{\"event\":\"C\"}]");
        PICK(d, out, "}", ",\"window\":\"8d\"}");
    }
    PICK(d, out, "}", "},\"within\":\"1d\"", "},\"within\":\"6h\"");
    PICK(d, out, "", "", "", ",\"candidates\":\"events\"", ",\"candidates\":[\"C\"]",
         ",\"candidates\":[\"A\",\"B\"]",
         ",\"candidates\":[{\"event\":\"A\",\"filter\":[{\"property\":\"n\",\"gt\":3}]},\"B\"]");
    PICK(d, out, "", ",\"counts\":[1,3]");
    common(d, out, false);
    add(out, "}");
}

void random_question(struct dice *d, struct buf *out)
{
    static void (*const kinds[])(struct dice *, struct buf *) = {
        trends, funnel, retention, lifecycle, stickiness, paths, impact,
    };

    kinds[roll(d, COUNT(kinds))](d, out);
}
