/*
 * collect/segment: Segment's calls (RudderStack's are the same) as events and facts.
 *
 * Source of the shapes: Segment's HTTP tracking API and "common fields" specification, and what
 * their SDKs send. docs/import.md says what becomes of each member; members that it does not name
 * (integrations, channel, _metadata, …) are not kept.
 */
#include "collect/segment.h"

#include <stdio.h>

#include "calendar/calendar.h"
#include "collect/decode.h"

/* A sender's clock is corrected when it is off by more than the way of a request explains. */
#define SKEW_MS_MIN INT64_C(10000)
/* A `timestamp` may have been set by hand, so it follows the clock only within a day. */
#define SKEW_MS_MAX INT64_C(86400000)

static const struct call_name {
    const char *word, *letter;
} call_names[SEGMENT_CALL_COUNT] = {
    [SEGMENT_BATCH] = {"batch", "b"},       [SEGMENT_TRACK] = {"track", "t"},
    [SEGMENT_IDENTIFY] = {"identify", "i"}, [SEGMENT_PAGE] = {"page", "p"},
    [SEGMENT_SCREEN] = {"screen", "s"},     [SEGMENT_GROUP] = {"group", "g"},
    [SEGMENT_ALIAS] = {"alias", "a"},       [SEGMENT_IMPORT] = {"import", "import"},
};

#define S(text)                                                                                    \
    {                                                                                              \
        "" text, sizeof(text) - 1                                                                  \
    }

/* Parts of the context that become properties "context.…" of the event; all else is dropped. */
static const struct kept {
    struct str group, name; /* without a group: a member of the context itself */
    struct str property;
} context_kept[] = {
    {S("page"), S("url"), S("context.page.url")},
    {S("page"), S("path"), S("context.page.path")},
    {S("page"), S("referrer"), S("context.page.referrer")},
    {S("page"), S("title"), S("context.page.title")},
    {S("page"), S("search"), S("context.page.search")},
    {S("campaign"), S("source"), S("context.campaign.source")},
    {S("campaign"), S("medium"), S("context.campaign.medium")},
    {S("campaign"), S("name"), S("context.campaign.name")},
    {S("campaign"), S("term"), S("context.campaign.term")},
    {S("campaign"), S("content"), S("context.campaign.content")},
    {S("app"), S("name"), S("context.app.name")},
    {S("app"), S("version"), S("context.app.version")},
    {S("device"), S("type"), S("context.device.type")},
    {S("device"), S("model"), S("context.device.model")},
    {S("os"), S("name"), S("context.os.name")},
    {S("os"), S("version"), S("context.os.version")},
    {S("library"), S("name"), S("context.library.name")},
    {S("library"), S("version"), S("context.library.version")},
    {S(""), S("locale"), S("context.locale")},
    {S(""), S("timezone"), S("context.timezone")},
    {S(""), S("userAgent"), S("context.userAgent")},
};

/* The members of a call that mean something, found in one pass. */
enum member {
    USER_ID,
    ANONYMOUS_ID,
    MESSAGE_ID,
    EVENT,
    PROPERTIES,
    TRAITS,
    CONTEXT,
    TIMESTAMP,
    ORIGINAL_TIMESTAMP,
    SENT_AT,
    NAME,
    CATEGORY,
    GROUP_ID,
    PREVIOUS_ID,
    MEMBER_COUNT,
};
static const struct str members[MEMBER_COUNT] = {
    S("userId"),  S("anonymousId"), S("messageId"),
    S("event"),   S("properties"),  S("traits"),
    S("context"), S("timestamp"),   S("originalTimestamp"),
    S("sentAt"),  S("name"),        S("category"),
    S("groupId"), S("previousId"),
};

struct call {
    struct json of[MEMBER_COUNT]; /* .at == 0: absent */
};

static void call_read(struct json j, struct call *call)
{
    struct json_each it = json_each(j);
    *call = (struct call){0};
    while (json_next(&it))
        for (size_t m = 0; m < MEMBER_COUNT; m++)
            if (it.key.len == members[m].len && !memcmp(it.key.at, members[m].at, it.key.len)) {
                call->of[m] = it.value;
                break;
            }
}

bool segment_call_from(struct str word, enum segment_call *out)
{
    for (size_t i = 0; i < SEGMENT_CALL_COUNT; i++)
        if (str_equal(word, str_of(call_names[i].word)) ||
            str_equal(word, str_of(call_names[i].letter))) {
            *out = (enum segment_call)i;
            return true;
        }
    return false;
}

bool segment_type(struct json call, enum segment_call *out, struct err *e)
{
    struct str word;
    struct json type = json_member(call, STR("type"));
    if (json_type(call) != JSON_OBJECT) {
        err_set(e, ERR_INVALID, "a call must be an object, not %s",
                json_type_name(json_type(call)));
        return err_code(e, "schema.type");
    }
    if (json_type(type) == JSON_ABSENT) {
        err_set(e, ERR_INVALID, "a call of a batch needs type");
        err_code(e, "schema.required");
        return err_at(e, "/type");
    }
    if (!json_string(type, &word))
        return wrong_type(e, "type", "a text", type);
    for (size_t i = SEGMENT_TRACK; i <= SEGMENT_ALIAS; i++)
        if (str_equal(word, str_of(call_names[i].word))) {
            *out = (enum segment_call)i;
            return true;
        }
    err_set(e, ERR_INVALID, "the type \"%.*s\" is not known", (int)MIN(word.len, 60), word.at);
    err_hint(e, "known are track, identify, page, screen, group and alias");
    err_code(e, "schema.type");
    return err_at(e, "/type");
}

/* Who did it: userId, else anonymousId. Both may be null or empty, but not both at once. */
struct who {
    struct str user, anonymous, person;
    const char *member; /* which of the two */
};

static bool who_read(struct build *b, const struct call *call, struct who *who, struct err *e)
{
    struct json user = call->of[USER_ID];
    if (!build_id(b, user, "userId", true, &who->user, e) ||
        !build_id(b, call->of[ANONYMOUS_ID], "anonymousId", true, &who->anonymous, e))
        return false;
    who->person = who->user.len ? who->user : who->anonymous;
    who->member = who->user.len ? "userId" : "anonymousId";
    if (who->person.len)
        return true;
    err_set(e, ERR_INVALID, "a call needs userId or anonymousId");
    err_code(e, json_type(user) == JSON_ABSENT ? "schema.required" : "schema.type");
    return err_at(e, "/userId");
}

static bool is_there(struct json j)
{
    return json_type(j) != JSON_ABSENT && json_type(j) != JSON_NULL;
}

static bool time_problem(const char *member, struct err *e)
{
    err_while(e, "%s", member);
    return err_at(e, "/%s", member);
}

/* What to add to the sender's times: 0 unless its clock is off. */
static bool clock_skew(const struct build *b, struct str sent, bool is_by_hand, int64_t *skew,
                       struct err *e)
{
    int64_t sent_ms;
    int offset;
    *skew = 0;
    if (!instant_parse(sent, &sent_ms, &offset, e))
        return time_problem("sentAt", e);
    int64_t off = b->now_ms - sent_ms;
    bool is_off = off > SKEW_MS_MIN || off < -SKEW_MS_MIN;
    if (is_off && (!is_by_hand || (off < SKEW_MS_MAX && off > -SKEW_MS_MAX)))
        *skew = off;
    return true;
}

/* The event's time, after correction of the sender's clock (docs/import.md, "Times"). */
static bool time_read(const struct build *b, const struct call *call,
                      const struct segment_around *around, int64_t *ms, int16_t *offset,
                      struct err *e)
{
    struct json timestamp = call->of[TIMESTAMP];
    struct json original = call->of[ORIGINAL_TIMESTAMP];
    struct json sent = call->of[SENT_AT];
    bool has_timestamp = is_there(timestamp);
    struct json own = has_timestamp ? timestamp : original;
    const char *member = has_timestamp ? "timestamp" : "originalTimestamp";
    struct str text, sent_text;
    int64_t skew;
    int minutes;

    *ms = BUILD_TIME_NONE;
    *offset = 0;
    if (!is_there(own))
        return true;
    if (!is_there(sent))
        sent = around->sent_at;
    bool is_corrected_already = has_timestamp && is_there(original);
    if (!around->is_live || is_corrected_already || !json_string(own, &text) ||
        !json_string(sent, &sent_text))
        return build_time(b, own, member, ms, offset, e);

    if (!instant_parse(text, ms, &minutes, e))
        return time_problem(member, e);
    if (!clock_skew(b, sent_text, has_timestamp, &skew, e))
        return false;
    *ms += skew;
    *offset = (int16_t)minutes;
    return build_time_range(b->now_ms, *ms, e) || time_problem(member, e);
}

static bool add_text(struct build *b, struct str name, struct json j, struct err *e)
{
    struct str text;
    if (!json_string(j, &text) || text.len == 0 || build_property_find(b, name))
        return true;
    if (text.len > LIMIT_TEXT_BYTES) {
        err_set(e, ERR_INVALID, "%.*s is a text of %zu bytes; the limit is %d", STR_ARG(name),
                text.len, LIMIT_TEXT_BYTES);
        return err_code(e, "schema.too_large");
    }
    struct value v = {.type = VALUE_TEXT, .text = build_text(b, text)};
    return build_property(b, name, v, e);
}

/* Members of one object against the rows of one group. */
static bool context_group(struct build *b, struct json object, struct str group, struct err *e)
{
    struct json_each it = json_each(object);
    while (json_next(&it)) {
        if (json_type(it.value) != JSON_STRING)
            continue;
        for (const struct kept *k = context_kept; k < context_kept + COUNT(context_kept); k++)
            if (k->name.len == it.key.len && str_equal(k->name, it.key) &&
                str_equal(k->group, group) && !add_text(b, k->property, it.value, e))
                return false;
    }
    return true;
}

static bool context_read(struct build *b, struct json context, struct event *event, struct err *e)
{
    int64_t number;
    struct json_each it = json_each(context);
    while (json_next(&it)) {
        bool is_good = true;
        if (str_equal(it.key, STR("groupId")))
            is_good = build_id(b, it.value, "groupId", true, &event->account, e);
        else if (str_equal(it.key, STR("sessionId")) && json_type(it.value) == JSON_INT &&
                 json_int(it.value, &number)) /* RudderStack's browser library */
            event->session = arena_printf(b->arena, "%lld", (long long)number);
        else if (str_equal(it.key, STR("sessionId")))
            is_good = build_id(b, it.value, "sessionId", true, &event->session, e);
        else if (json_type(it.value) == JSON_OBJECT && it.key.len)
            is_good = context_group(b, it.value, it.key, e);
        if (!is_good)
            return at_member(e, STR("context"));
    }
    return context_group(b, context, STR(""), e) || at_member(e, STR("context"));
}

static bool object_or_nothing(struct json j, const char *member, struct err *e)
{
    return !is_there(j) || json_type(j) == JSON_OBJECT || wrong_type(e, member, "an object", j);
}

/* track, page and screen. `name` is given for the latter two. */
static bool event_call(struct build *b, enum segment_call type, const struct call *call,
                       const struct segment_around *around, struct err *e)
{
    struct event event = {.received = b->now_ms};
    struct who who;
    struct json id = call->of[MESSAGE_ID];
    struct json properties = call->of[PROPERTIES];
    struct json context = call->of[CONTEXT];

    if (type == SEGMENT_PAGE)
        event.name = STR("Page Viewed");
    else if (type == SEGMENT_SCREEN)
        event.name = STR("Screen Viewed");
    else if (!is_there(call->of[EVENT])) {
        err_set(e, ERR_INVALID, "a track call needs event");
        err_code(e, "schema.required");
        return err_at(e, "/event");
    } else if (!build_event_name(b, call->of[EVENT], "event", &event.name, e))
        return false;
    if (json_type(id) != JSON_ABSENT && !build_message_id(b, id, "messageId", &event.id, e))
        return false;
    if (!who_read(b, call, &who, e) ||
        !time_read(b, call, around, &event.time, &event.offset_minutes, e) ||
        !object_or_nothing(properties, "properties", e) ||
        !object_or_nothing(context, "context", e))
        return false;
    event.person = who.person;
    build_properties_begin(b);
    if (!build_properties(b, properties, STR_NONE, e))
        return at_member(e, STR("properties"));
    if (type != SEGMENT_TRACK && (!add_text(b, STR("name"), call->of[NAME], e) ||
                                  !add_text(b, STR("category"), call->of[CATEGORY], e)))
        return false;
    if (!context_read(b, context, &event, e))
        return false;
    size_t bytes = b->open_bytes;
    if (!build_take(b, &event.properties, &event.property_count, e))
        return at_member(e, STR("properties"));
    if (!build_event_check(&event, bytes, e))
        return false;
    *build_event(b) = event;
    return true;
}

static bool traits_read(struct build *b, struct json traits, struct fact *fact, struct err *e)
{
    static const char *const created_names[] = {"createdAt", "created_at"};
    struct err ignored = {0};
    int16_t offset;

    build_properties_begin(b);
    if (!build_properties(b, traits, STR_NONE, e))
        return at_member(e, STR("traits"));
    if (b->open_bytes > LIMIT_EVENT_BYTES) {
        err_set(e, ERR_INVALID, "traits of %zu bytes; the limit is %d", b->open_bytes,
                LIMIT_EVENT_BYTES);
        err_code(e, "schema.too_large");
        return err_at(e, "/traits");
    }
    for (size_t i = 0; i < COUNT(created_names); i++) {
        struct json created = json_member(traits, str_of(created_names[i]));
        int64_t ms;
        if (is_there(created) && build_time(b, created, "createdAt", &ms, &offset, &ignored))
            fact->created = ms; /* in another shape it stays a trait like any other */
    }
    if (!build_take(b, &fact->properties, &fact->property_count, e))
        return at_member(e, STR("traits"));
    return true;
}

/* The call is the reason: that is all that these protocols say. */
static void same_person(struct build *b, struct str person, struct str other, struct str call)
{
    struct fact *fact = build_fact(b, FACT_MERGE, person);
    fact->other = other;
    fact->reason = call;
}

static bool identify_call(struct build *b, const struct call *call, struct err *e)
{
    struct who who;
    struct json traits = call->of[TRAITS];

    if (!is_there(traits)) /* mobile libraries keep them in the context */
        traits = json_member(call->of[CONTEXT], STR("traits"));
    if (!who_read(b, call, &who, e) || !build_junk(who.person, who.member, e) ||
        !object_or_nothing(traits, "traits", e))
        return false;
    bool is_merge = who.user.len && who.anonymous.len && !str_equal(who.user, who.anonymous);
    if (is_merge && !build_junk(who.anonymous, "anonymousId", e))
        return false;
    struct fact fact = {.kind = FACT_PERSON_TRAITS,
                        .subject = who.person,
                        .received = b->now_ms,
                        .created = FACT_CREATED_NONE};
    if (!traits_read(b, traits, &fact, e))
        return false;
    if (is_merge)
        same_person(b, who.user, who.anonymous, STR("identify"));
    if (fact.property_count || fact.created != FACT_CREATED_NONE || !is_merge)
        *build_fact(b, FACT_PERSON_TRAITS, who.person) = fact;
    return true;
}

/* Traits of the account; and the person's trait "account" says where they belong. */
static bool group_call(struct build *b, const struct call *call, struct err *e)
{
    struct who who;
    struct str account;
    struct json traits = call->of[TRAITS];
    struct fact fact = {
        .kind = FACT_ACCOUNT_TRAITS, .received = b->now_ms, .created = FACT_CREATED_NONE};

    if (!who_read(b, call, &who, e) || !object_or_nothing(traits, "traits", e) ||
        !build_id(b, call->of[GROUP_ID], "groupId", false, &account, e) ||
        !build_junk(account, "groupId", e))
        return false;
    fact.subject = account;
    if (!traits_read(b, traits, &fact, e))
        return false;
    *build_fact(b, FACT_ACCOUNT_TRAITS, account) = fact;
    if (collect_is_junk_id(who.person))
        return true;
    struct fact member = {.kind = FACT_PERSON_TRAITS,
                          .subject = who.person,
                          .received = b->now_ms,
                          .created = FACT_CREATED_NONE};
    build_properties_begin(b);
    struct value v = {.type = VALUE_TEXT, .text = account};
    if (!build_property(b, STR("account"), v, e) ||
        !build_take(b, &member.properties, &member.property_count, e))
        return false;
    *build_fact(b, FACT_PERSON_TRAITS, who.person) = member;
    return true;
}

static bool alias_call(struct build *b, const struct call *call, struct err *e)
{
    struct str user, previous;

    if (!build_id(b, call->of[USER_ID], "userId", false, &user, e) ||
        !build_id(b, call->of[PREVIOUS_ID], "previousId", false, &previous, e) ||
        !build_junk(user, "userId", e) || !build_junk(previous, "previousId", e))
        return false;
    if (!str_equal(user, previous))
        same_person(b, user, previous, STR("alias"));
    return true;
}

static bool record_of_type(struct build *b, enum segment_call type, struct json j,
                           const struct segment_around *around, struct err *e)
{
    struct call call;
    if (json_type(j) != JSON_OBJECT) {
        err_set(e, ERR_INVALID, "a call must be an object, not %s", json_type_name(json_type(j)));
        return err_code(e, "schema.type");
    }
    call_read(j, &call);
    switch (type) {
    case SEGMENT_IDENTIFY:
        return identify_call(b, &call, e);
    case SEGMENT_GROUP:
        return group_call(b, &call, e);
    case SEGMENT_ALIAS:
        return alias_call(b, &call, e);
    default:
        return event_call(b, type, &call, around, e);
    }
}

bool segment_record(struct build *b, enum segment_call type, struct json call,
                    const struct segment_around *around, struct err *e)
{
    struct build_mark mark = build_mark(b);
    if (LIKELY(record_of_type(b, type, call, around, e)))
        return true;
    build_back(b, mark);
    return false;
}

static bool segment_batch(struct collect_decoder *d, struct json root, struct json batch,
                          struct err *e)
{
    struct segment_around around = {.is_live = true, .sent_at = json_member(root, STR("sentAt"))};
    if (json_type(batch) != JSON_ARRAY)
        return wrong_type(e, "batch", "a list of calls", batch);
    if (json_count(batch) > LIMIT_BATCH_EVENTS) {
        err_set(e, ERR_TOO_LARGE, "a batch of %zu calls; the limit is %d", json_count(batch),
                LIMIT_BATCH_EVENTS);
        err_hint(e, "lower the batch size of the library");
        err_code(e, "batch.too_many");
        return err_at(e, "/batch");
    }
    struct json_each it = json_each(batch);
    for (size_t i = 0; json_next(&it); i++) {
        enum segment_call type;
        if (!segment_type(it.value, &type, e) ||
            !segment_record(&d->build, type, it.value, &around, e)) {
            at_index(e, i);
            return at_member(e, STR("batch"));
        }
    }
    return true;
}

static bool segment_single(struct collect_decoder *d, enum segment_call call, struct json root,
                           struct err *e)
{
    struct segment_around around = {.is_live = true};
    enum segment_call type = call;
    if (json_type(root) == JSON_OBJECT &&
        json_type(json_member(root, STR("type"))) != JSON_ABSENT) {
        if (!segment_type(root, &type, e))
            return false;
        if (call != SEGMENT_BATCH && call != SEGMENT_IMPORT && type != call) {
            err_set(e, ERR_INVALID, "a call of type %s came to the path of %s",
                    call_names[type].word, call_names[call].word);
            err_code(e, "schema.type");
            return err_at(e, "/type");
        }
    } else if (call == SEGMENT_BATCH || call == SEGMENT_IMPORT) {
        return wrong_type(e, "batch", "a list of calls", json_member(root, STR("batch")));
    }
    return segment_record(&d->build, type, root, &around, e);
}

bool collect_decode_segment(struct collect_decoder *d, enum segment_call call, struct str body,
                            int64_t now_ms, struct store_batch *out, struct err *e)
{
    struct json root;
    REQUIRE((size_t)call < SEGMENT_CALL_COUNT);
    decode_begin(d, now_ms);
    if (!json_parse(d->parser, body, &root, e))
        return false;
    if (json_type(root) != JSON_OBJECT) {
        err_set(e, ERR_INVALID, "the body must be an object, not %s",
                json_type_name(json_type(root)));
        return err_code(e, "schema.type");
    }
    struct json batch = json_member(root, STR("batch"));
    bool is_batch =
        (call == SEGMENT_BATCH || call == SEGMENT_IMPORT) && json_type(batch) != JSON_ABSENT;
    if (is_batch ? !segment_batch(d, root, batch, e) : !segment_single(d, call, root, e))
        return false;
    decode_fill(d);
    *out = build_batch(&d->build);
    return true;
}

bool collect_segment_write_key(struct collect_decoder *d, struct str body, struct str *key,
                               struct err *e)
{
    struct json root;
    *key = STR_NONE;
    if (!json_parse(d->parser, body, &root, e))
        return false;
    struct json member = json_member(root, STR("writeKey"));
    if (is_there(member) && !json_string(member, key))
        return wrong_type(e, "writeKey", "a text", member);
    return true;
}
