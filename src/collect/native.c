/* collect/native: native records out of parsed JSON, and HTTP bodies made of them. */
#include "collect/native.h"

#include "calendar/calendar.h"

static const char *const members[] = {"event",   "person",  "time",   "id",
                                      "account", "session", "traits", "created",
                                      "merge",   "unmerge", "reason", "properties"};
enum member {
    EVENT,
    PERSON,
    TIME,
    ID,
    ACCOUNT,
    SESSION,
    TRAITS,
    CREATED,
    MERGE,
    UNMERGE,
    REASON,
    PROPERTIES,
    MEMBER_COUNT,
};
_Static_assert(COUNT(members) == MEMBER_COUNT, "a name for each");

struct record {
    struct json of[MEMBER_COUNT]; /* .at == 0: absent */
};

static bool has(const struct record *r, enum member m)
{
    return json_type(r->of[m]) != JSON_ABSENT;
}

static bool record_read(struct json j, struct record *r, struct err *e)
{
    struct json_each it = json_each(j);
    *r = (struct record){0};
    while (json_next(&it)) {
        size_t m = 0;
        while (m < MEMBER_COUNT && !str_equal(it.key, str_of(members[m])))
            m++;
        if (m == MEMBER_COUNT)
            return unknown_member(e, it.key, members, COUNT(members));
        r->of[m] = it.value;
    }
    return true;
}

/* Members that the record's kind cannot have: better refused than lost. */
static bool only(const struct record *r, uint32_t allowed, const char *kind, struct err *e)
{
    for (size_t m = 0; m < MEMBER_COUNT; m++)
        if (has(r, (enum member)m) && !(allowed & 1u << m)) {
            err_set(e, ERR_INVALID, "%s cannot have %s", kind, members[m]);
            err_code(e, "schema.unknown_member");
            return err_at(e, "/%s", members[m]);
        }
    return true;
}

static bool missing(struct err *e, const char *member, const char *kind)
{
    err_set(e, ERR_INVALID, "%s needs %s", kind, member);
    err_code(e, "schema.required");
    return err_at(e, "/%s", member);
}

static bool properties_of(struct build *b, struct json object, const char *member,
                          const struct property **list, size_t *count, struct err *e)
{
    build_properties_begin(b);
    enum json_type type = json_type(object);
    if (type == JSON_OBJECT) {
        if (!build_properties(b, object, STR_NONE, e))
            return at_member(e, str_of(member));
    } else if (type != JSON_ABSENT && type != JSON_NULL) {
        return wrong_type(e, member, "an object", object);
    }
    size_t bytes = b->open_bytes;
    if (!build_take(b, list, count, e))
        return at_member(e, str_of(member));
    b->open_bytes = bytes;
    return true;
}

static bool event_record(struct build *b, const struct record *r, struct err *e)
{
    static const uint32_t allowed = 1u << EVENT | 1u << PERSON | 1u << TIME | 1u << ID |
                                    1u << ACCOUNT | 1u << SESSION | 1u << PROPERTIES;
    struct event event = {.received = b->now_ms, .time = BUILD_TIME_NONE};

    if (!only(r, allowed, "an event", e))
        return false;
    if (!has(r, PERSON))
        return missing(e, "person", "an event");
    if (!build_event_name(b, r->of[EVENT], "event", &event.name, e) ||
        !build_id(b, r->of[PERSON], "person", false, &event.person, e) ||
        !build_id(b, r->of[ACCOUNT], "account", true, &event.account, e) ||
        !build_id(b, r->of[SESSION], "session", true, &event.session, e))
        return false;
    if (has(r, ID) && !build_message_id(b, r->of[ID], "id", &event.id, e))
        return false;
    if (has(r, TIME) && json_type(r->of[TIME]) != JSON_NULL &&
        !build_time(b, r->of[TIME], "time", &event.time, &event.offset_minutes, e))
        return false;
    if (!properties_of(b, r->of[PROPERTIES], "properties", &event.properties, &event.property_count,
                       e) ||
        !build_event_check(&event, b->open_bytes, e))
        return false;
    *build_event(b) = event;
    return true;
}

static bool traits_record(struct build *b, const struct record *r, struct err *e)
{
    static const uint32_t allowed = 1u << PERSON | 1u << ACCOUNT | 1u << TRAITS | 1u << CREATED;
    struct fact fact = {.received = b->now_ms, .created = FACT_CREATED_NONE};
    int16_t offset;

    if (!only(r, allowed, "a record of traits", e))
        return false;
    if (has(r, PERSON) && has(r, ACCOUNT)) {
        err_set(e, ERR_INVALID, "traits belong to a person or to an account, not to both");
        err_code(e, "schema.unknown_member");
        return err_at(e, "/account");
    }
    bool is_account = has(r, ACCOUNT);
    if (!is_account && !has(r, PERSON))
        return missing(e, "person", "a record of traits");
    const char *member = is_account ? "account" : "person";
    fact.kind = is_account ? FACT_ACCOUNT_TRAITS : FACT_PERSON_TRAITS;
    if (!build_id(b, r->of[is_account ? ACCOUNT : PERSON], member, false, &fact.subject, e) ||
        !build_junk(fact.subject, member, e))
        return false;
    if (has(r, CREATED) && json_type(r->of[CREATED]) != JSON_NULL &&
        !build_time(b, r->of[CREATED], "created", &fact.created, &offset, e))
        return false;
    if (!properties_of(b, r->of[TRAITS], "traits", &fact.properties, &fact.property_count, e))
        return false;
    if (b->open_bytes > LIMIT_EVENT_BYTES) {
        err_set(e, ERR_INVALID, "traits of %zu bytes; the limit is %d", b->open_bytes,
                LIMIT_EVENT_BYTES);
        err_code(e, "schema.too_large");
        return err_at(e, "/traits");
    }
    *build_fact(b, fact.kind, fact.subject) = fact;
    return true;
}

static bool reason_of(struct build *b, struct json j, struct str *out, struct err *e)
{
    struct str text = STR_NONE;
    enum json_type type = json_type(j);
    *out = STR_NONE;
    if (type == JSON_ABSENT || type == JSON_NULL)
        return true;
    if (!json_string(j, &text))
        return wrong_type(e, "reason", "a text", j);
    if (text.len > LIMIT_REASON_BYTES) {
        err_set(e, ERR_INVALID, "reason has %zu bytes; the limit is %d", text.len,
                LIMIT_REASON_BYTES);
        err_code(e, "schema.too_large");
        return err_at(e, "/reason");
    }
    *out = build_text(b, text);
    return true;
}

static bool merge_record(struct build *b, const struct record *r, struct err *e)
{
    enum member which = has(r, MERGE) ? MERGE : UNMERGE;
    struct str person, other, reason;

    if (!only(r, 1u << PERSON | 1u << which | 1u << REASON, "a merge", e))
        return false;
    if (!has(r, PERSON))
        return missing(e, "person", "a merge");
    if (!build_id(b, r->of[PERSON], "person", false, &person, e) ||
        !build_junk(person, "person", e) || !reason_of(b, r->of[REASON], &reason, e))
        return false;
    if (json_type(r->of[which]) != JSON_ARRAY || json_count(r->of[which]) == 0)
        return wrong_type(e, members[which], "a list of person ids", r->of[which]);
    if (json_count(r->of[which]) > LIMIT_LIST_ITEMS) {
        err_set(e, ERR_INVALID, "%s has %zu ids; the limit is %d", members[which],
                json_count(r->of[which]), LIMIT_LIST_ITEMS);
        err_code(e, "schema.too_large");
        return err_at(e, "/%s", members[which]);
    }
    struct json_each it = json_each(r->of[which]);
    for (size_t i = 0; json_next(&it); i++) {
        if (!build_id(b, it.value, members[which], false, &other, e) ||
            !build_junk(other, members[which], e))
            return err_at(e, "/%s/%zu", members[which], i);
        struct fact *fact = build_fact(b, which == MERGE ? FACT_MERGE : FACT_UNMERGE, person);
        fact->other = other;
        fact->reason = reason;
    }
    return true;
}

static bool record_of_a_kind(struct build *b, struct json j, struct err *e)
{
    struct record r;
    if (json_type(j) != JSON_OBJECT) {
        err_set(e, ERR_INVALID, "a record must be an object, not %s", json_type_name(json_type(j)));
        return err_code(e, "schema.type");
    }
    if (!record_read(j, &r, e))
        return false;
    if (has(&r, EVENT))
        return event_record(b, &r, e);
    if (has(&r, TRAITS))
        return traits_record(b, &r, e);
    if (has(&r, MERGE) || has(&r, UNMERGE))
        return merge_record(b, &r, e);
    err_set(e, ERR_INVALID, "a record needs event, traits, merge or unmerge");
    err_code(e, "schema.required");
    return err_at(e, "/event");
}

bool native_record(struct build *b, struct json record, struct err *e)
{
    struct build_mark mark = build_mark(b);
    if (LIKELY(record_of_a_kind(b, record, e)))
        return true;
    build_back(b, mark);
    return false;
}
