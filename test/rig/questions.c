#include "rig/questions.h"

#include "base/hash.h"

/* ---- the world ---- */

static const char *const names[RIG_NAMES] = {
    "Signed Up", "Project Created", "Page Viewed", "Exported", "Invited", "Paid", "Deleted"};
static const char *const countries[] = {"TH", "DE", "US", "JP", ""};
static const char *const plans[] = {"free", "basic", "pro"};
static const int64_t month_starts[RIG_MONTHS + 1] = {
    RIG_FROM_MS,
    INT64_C(1764547200000), /* 2025-12 */
    INT64_C(1767225600000), /* 2026-01 */
    INT64_C(1769904000000), /* 2026-02 */
    INT64_C(1772323200000), /* 2026-03 */
    RIG_TO_MS,
};

struct str rig_person(struct arena *arena, uint32_t number)
{
    return arena_printf(arena, number % 3 ? "user %u" : "anon-%u", number);
}

static struct value text_of(struct str text)
{
    return (struct value){.type = VALUE_TEXT, .text = text};
}

static struct value number_of(int64_t number)
{
    return (struct value){.type = VALUE_INT, .integer = number};
}

/* Rare ones, mixed types, empty and missing values: what columns may look like. */
static size_t make_properties(struct arena *arena, uint64_t k, uint64_t dice, struct property *p)
{
    size_t n = 0;

    p[n++] = (struct property){STR("k"), number_of((int64_t)k)};
    if (dice % 16)
        p[n++] = (struct property){STR("country"), text_of(str_of(countries[dice >> 4 & 3]))};
    else
        p[n++] = (struct property){STR("country"), text_of(str_of(countries[4]))};
    if (dice >> 8 & 3)
        p[n++] = (struct property){STR("plan"), text_of(str_of(plans[(dice >> 10) % 3]))};
    if (dice >> 12 & 1)
        p[n++] = (struct property){
            STR("price"), {.type = VALUE_DOUBLE, .number = (double)(dice >> 13 & 1023) / 8}};
    if ((dice >> 24) % 3 == 0)
        p[n++] =
            (struct property){STR("seats"), dice >> 30 & 7 ? number_of((int64_t)(dice >> 33 & 15))
                                                           : text_of(STR("many"))};
    if ((dice >> 24) % 37 == 0)
        p[n++] = (struct property){STR("note"),
                                   text_of(arena_printf(arena, "note %u", (unsigned)(k % 97)))};
    if ((dice >> 24) % 29 == 0)
        p[n++] =
            (struct property){STR("trial"), {.type = VALUE_BOOL, .boolean = (dice >> 40 & 1) != 0}};
    return n;
}

static struct event make_event(struct arena *arena, uint64_t k, int64_t from, int64_t to)
{
    enum { PROPERTIES_MAX = 7 };
    uint64_t dice = hash_mix(k * 2 + 1), more = hash_mix(dice);
    struct property *p = arena_array(arena, PROPERTIES_MAX, sizeof *p);
    size_t count = make_properties(arena, k, dice, p);
    int64_t time = from + (int64_t)(more % (uint64_t)(to - from));

    if (more >> 50 & 1)
        time -= time % 3600000; /* so that many times are equal */
    return (struct event){
        .id = k % 3 == 0 ? STR("")
              : k % 3 == 1
                  ? arena_printf(arena, "id-%llu", (unsigned long long)k)
                  : arena_printf(arena, "00000000-0000-4000-8000-%012llx", (unsigned long long)k),
        .time = time,
        .received = RIG_TO_MS + (int64_t)(k % 1000),
        .offset_minutes = (int16_t)(dice >> 44 & 1 ? 420 : 60),
        .sequence = (uint32_t)(dice >> 45 & 3),
        .name = str_of(names[(dice >> 47) % RIG_NAMES]),
        .person = rig_person(arena, (uint32_t)(more >> 52) % RIG_PEOPLE),
        .account =
            dice >> 50 & 3 ? arena_printf(arena, "acct %u", (unsigned)(dice >> 52 & 7)) : STR(""),
        .session =
            dice >> 55 & 1 ? arena_printf(arena, "s%u", (unsigned)(dice >> 56 & 63)) : STR(""),
        .properties = p,
        .property_count = count,
    };
}

struct event rig_event(struct arena *arena, uint64_t k)
{
    return make_event(arena, k, RIG_FROM_MS, RIG_TO_MS);
}

struct event rig_event_of_month(struct arena *arena, uint64_t k, unsigned month)
{
    REQUIRE(month < RIG_MONTHS);
    return make_event(arena, k, month_starts[month], month_starts[month + 1]);
}

struct fact rig_fact(struct arena *arena, uint64_t k)
{
    uint64_t dice = hash_mix(~k);
    uint32_t one = (uint32_t)(dice >> 8) % RIG_PEOPLE, other = (uint32_t)(dice >> 20) % RIG_PEOPLE;
    struct property *p = arena_array(arena, 2, sizeof *p);
    struct fact f = {.received = RIG_TO_MS + (int64_t)(k % 1000),
                     .created = (int64_t)FACT_CREATED_NONE};

    p[0] = (struct property){STR("plan"), text_of(str_of(plans[(dice >> 32) % 3]))};
    p[1] = (struct property){STR("level"), number_of((int64_t)(k % 9))};
    f.subject = rig_person(arena, one);
    switch (dice % 8) {
    case 0:
    case 1:
        f.kind = FACT_MERGE;
        f.other = rig_person(arena, other);
        return f;
    case 2:
        f.kind = FACT_UNMERGE;
        f.other = rig_person(arena, other);
        return f;
    case 3:
        f.kind = FACT_ACCOUNT_TRAITS;
        f.subject = arena_printf(arena, "acct %u", one & 7);
        break;
    default:
        f.kind = FACT_PERSON_TRAITS;
        f.created = dice >> 40 & 1 ? RIG_FROM_MS + (int64_t)(dice >> 44) * 1000
                                   : (int64_t)FACT_CREATED_NONE;
    }
    f.properties = p;
    f.property_count = 2;
    return f;
}

/* ---- the questions ---- */

#define RANGE "\"from\":\"2025-11-03\",\"to\":\"2026-03-29\""
#define TRENDS "{\"insight\":\"trends\"," RANGE ","
#define FUNNEL "{\"insight\":\"funnel\"," RANGE ","
#define RETENTION "{\"insight\":\"retention\","
#define TWO "\"steps\":[{\"event\":\"Page Viewed\"},{\"event\":\"Paid\"}]"
#define THREE                                                                                      \
    "\"steps\":[{\"event\":\"Signed Up\"},{\"event\":\"Page Viewed\"},{\"event\":\"Paid\"}]"
#define BY_COUNTRY "\"breakdown\":[{\"property\":\"country\",\"of\":\"event\"}]"
#define BY_PLAN "\"breakdown\":[{\"property\":\"plan\",\"of\":\"person\"}]"
#define START_RETURN "\"start\":{\"event\":\"Signed Up\"},\"return\":{\"event\":null}"

const char *const rig_questions[RIG_QUESTIONS] = {
    TRENDS "\"series\":[{\"event\":null}]}",
    TRENDS "\"series\":[{\"event\":null,\"math\":\"people\"}],\"interval\":\"week\"}",
    TRENDS "\"series\":[{\"event\":\"Paid\",\"math\":\"people\"}],\"interval\":\"month\","
           "\"timezone\":\"Asia/Bangkok\"}",
    TRENDS "\"series\":[{\"event\":\"Page Viewed\"}],\"interval\":\"hour\","
           "\"timezone\":\"Europe/Berlin\"}",
    TRENDS "\"series\":[{\"event\":\"Paid\",\"math\":\"sum\",\"property\":\"price\"}],"
           "\"interval\":\"week\",\"week_start\":\"sunday\"}",
    TRENDS "\"series\":[{\"event\":\"Paid\",\"math\":\"median\",\"property\":\"price\"},"
           "{\"event\":\"Paid\",\"math\":\"p90\",\"property\":\"price\"}],\"interval\":\"month\"}",
    TRENDS "\"series\":[{\"event\":null,\"math\":\"distinct\",\"property\":\"note\"}],"
           "\"interval\":\"month\"}",
    TRENDS "\"series\":[{\"event\":null,\"math\":\"weekly_active\"}],"
           "\"timezone\":\"America/New_York\"}",
    TRENDS "\"series\":[{\"event\":null,\"math\":\"monthly_active\"}],\"interval\":\"week\"}",
    TRENDS "\"series\":[{\"event\":\"Exported\",\"math\":\"first_time\"}],\"interval\":\"week\"}",
    TRENDS "\"series\":[{\"event\":\"Exported\",\"math\":\"per_person\"}],\"interval\":\"month\"}",
    TRENDS "\"series\":[{\"event\":\"Invited\",\"math\":\"accounts\"},"
           "{\"event\":\"Invited\",\"math\":\"sessions\"}],\"interval\":\"month\"}",
    TRENDS "\"series\":[{\"event\":\"Page Viewed\",\"math\":\"people\"}],\"interval\":\"month\"," //
    BY_COUNTRY "}",
    TRENDS "\"series\":[{\"event\":\"Page Viewed\"}],\"interval\":\"week\"," BY_PLAN "}",
    TRENDS "\"series\":[{\"event\":null}],\"interval\":\"month\",\"breakdown\":"
           "[{\"property\":\"seats\",\"of\":\"event\",\"buckets\":[0,4,8]}]}",
    TRENDS
    "\"series\":[{\"event\":null}],\"interval\":\"month\",\"limit\":3,\"breakdown\":"
    "[{\"property\":\"country\",\"of\":\"event\"},{\"property\":\"plan\",\"of\":\"event\"}]}",
    TRENDS "\"series\":[{\"event\":\"Paid\"},{\"event\":\"Page Viewed\"}],"
           "\"formula\":\"A/B*100\",\"interval\":\"week\"}",
    TRENDS "\"series\":[{\"event\":\"Paid\"}],\"cumulative\":true,\"interval\":\"week\"}",
    TRENDS "\"series\":[{\"event\":\"Paid\"}],\"rolling\":7}",
    "{\"insight\":\"trends\",\"from\":\"2026-02-01\",\"to\":\"2026-03-31\","
    "\"series\":[{\"event\":\"Paid\"}],\"compare\":\"previous\",\"interval\":\"week\"}",
    TRENDS "\"series\":[{\"event\":null,\"filter\":[{\"property\":\"country\",\"is\":"
           "[\"TH\",\"DE\"]}]}],\"interval\":\"week\"}",
    TRENDS
    "\"series\":[{\"event\":null,\"math\":\"people\"}],\"interval\":\"month\",\"filter\":"
    "[{\"any\":[{\"property\":\"price\",\"gte\":64},{\"property\":\"trial\",\"is\":true}]}]}",
    TRENDS "\"series\":[{\"event\":null}],\"interval\":\"month\",\"filter\":"
           "[{\"not\":{\"property\":\"plan\",\"is\":\"free\"}}]}",
    TRENDS "\"series\":[{\"event\":null}],\"interval\":\"month\",\"filter\":"
           "[{\"property\":\"note\",\"contains\":\"NOTE 1\"}]}",
    TRENDS "\"series\":[{\"event\":null}],\"interval\":\"month\",\"filter\":"
           "[{\"property\":\"plan\",\"of\":\"person\",\"is\":\"pro\"}]}",
    TRENDS "\"series\":[{\"event\":null}],\"filter\":[{\"property\":\"hour\",\"between\":[8,17]},"
           "{\"property\":\"weekday\",\"lte\":5}],\"timezone\":\"Asia/Bangkok\"}",
    "{\"insight\":\"trends\",\"from\":\"2025-12-20T10:00:00Z\",\"to\":\"2026-01-05T03:00:00Z\","
    "\"series\":[{\"event\":null,\"math\":\"people\"}]}",
    "{\"insight\":\"trends\",\"from\":\"2025-12-01\",\"to\":\"2025-12-31\","
    "\"series\":[{\"event\":\"Paid\",\"math\":\"accounts\"}],\"interval\":\"week\"}",
    FUNNEL TWO "}",
    FUNNEL THREE ",\"window\":\"30d\"}",
    FUNNEL THREE ",\"order\":\"strict\"}",
    FUNNEL THREE ",\"order\":\"unordered\",\"window\":\"60d\"}",
    FUNNEL THREE ",\"entry\":\"first\",\"window\":\"45d\"}",
    FUNNEL TWO ",\"count\":\"totals\",\"window\":\"7d\"}",
    FUNNEL TWO ",\"count\":\"sessions\",\"window\":\"14d\"}",
    FUNNEL TWO ",\"exclude\":[{\"event\":\"Deleted\"}],\"window\":\"21d\"}",
    FUNNEL TWO ",\"count\":\"held\",\"hold\":[\"country\"],\"window\":\"60d\"}",
    FUNNEL THREE ",\"window\":\"60d\"," BY_COUNTRY "}",
    FUNNEL THREE ",\"window\":\"60d\"," BY_PLAN "}",
    FUNNEL TWO ",\"show\":\"over_time\",\"interval\":\"week\",\"timezone\":\"Europe/Berlin\"}",
    FUNNEL TWO ",\"show\":\"time_to_convert\",\"window\":\"30d\"}",
    FUNNEL "\"steps\":[{\"event\":\"Page Viewed\",\"filter\":[{\"property\":\"price\",\"lt\":90}]},"
           "{\"event\":\"Invited\",\"optional\":true},{\"event\":\"Paid\"}],\"tie\":\"2s\"}",
    RETENTION RANGE "," START_RETURN ",\"interval\":\"week\",\"periods\":8}",
    RETENTION RANGE "," START_RETURN ",\"interval\":\"month\",\"periods\":5,"
                    "\"cohort\":\"first_ever\",\"timezone\":\"Asia/Bangkok\"}",
    RETENTION "\"from\":\"2026-02-02\",\"to\":\"2026-03-15\"," START_RETURN
              ",\"interval\":\"day\",\"periods\":10,\"cohort\":\"every\"}",
    RETENTION RANGE "," START_RETURN ",\"interval\":\"week\",\"periods\":6,"
                    "\"match\":\"on_or_after\",\"window\":\"rolling\"}",
    RETENTION RANGE "," START_RETURN ",\"interval\":\"week\",\"periods\":6," BY_COUNTRY "}",
    RETENTION RANGE "," START_RETURN ",\"interval\":\"month\",\"periods\":4," BY_PLAN "}",
    RETENTION RANGE ",\"start\":{\"event\":\"Signed Up\"},\"return\":{\"event\":\"Paid\"},"
                    "\"interval\":\"week\",\"periods\":6,\"measure\":\"sum\","
                    "\"property\":\"price\"}",
    RETENTION RANGE "," START_RETURN ",\"interval\":\"day\",\"brackets\":[1,3,7,14],"
                    "\"minimum\":2,\"cohort\":\"first_in_range\"}",
};

/* ---- asking ---- */

void rig_ask(struct snapshot *v, struct pool *pool, struct rig_digest *out)
{
    struct store_source room;
    struct source *source = source_of_snapshot(&room, v, pool);
    struct query_context context = {.now_ms = RIG_NOW_MS};
    BUF_AUTO answer = {0};

    *out = (struct rig_digest){0};
    for (unsigned i = 0; i < RIG_QUESTIONS; i++) {
        struct err e = {0};
        buf_clear(&answer);
        if (!query_answer(source, &context, str_of(rig_questions[i]), &answer, &e)) {
            out->errors++;
            buf_clear(&answer);
            query_error_json(&e, &answer);
        }
        out->answers[i] = hash64(buf_str(&answer), i);
    }
}

bool rig_ask_store(struct store *s, struct pool *pool, struct rig_digest *out, struct err *e)
{
    struct snapshot *v = NULL;

    if (!store_snapshot(s, &v, e))
        return false;
    rig_ask(v, pool, out);
    snapshot_release(v);
    return true;
}

unsigned rig_differs(const struct rig_digest *a, const struct rig_digest *b)
{
    unsigned i = 0;

    while (i < RIG_QUESTIONS && a->answers[i] == b->answers[i])
        i++;
    return i;
}
