/* store/batch: see batch.h. */
#include "store/batch.h"

#include <math.h>

#include "base/hash.h"
#include "base/limits.h"
#include "codec/bytes.h"

/* Which parts of an event follow its first byte. */
enum {
    HAS_COPY = 1,
    HAS_ACCOUNT = 2,
    HAS_SESSION = 4,
    HAS_SEQUENCE = 8,
    NEW_RECEIVED = 16, /* differs from the row before */
    NEW_OFFSET = 32,
    SAME_SHAPE = 64, /* property names and types as in the row before */
};
/* Of a fact: the kind in the low bits, and */
enum {
    FACT_KIND_MASK = 15,
    FACT_HAS_CREATED = 16,
    FACT_SAME_SHAPE = 32,
    FACT_HAS_BY = 64,
    FACT_HAS_REASON = 128,
    FACT_FLAGS_END = 256
};

/* A text is 0 and its bytes (it gets the next number), 1 and its bytes (too long to be worth one),
 * or its number + 2. */
enum { TEXT_NEW, TEXT_LITERAL, TEXT_NUMBERS };
enum { TEXT_NUMBERED_BYTES_MAX = 64, VARINT_BYTES_MAX = 10 };

/* ---- writing ---- */

struct slot {
    uint32_t generation; /* of the payload it belongs to: nothing is cleared between payloads */
    uint32_t tag;
    uint32_t code;
};

/* Texts of one payload, numbered as they come. */
struct numbering {
    struct slot *slots;
    size_t slot_count; /* a power of two */
    struct str *texts; /* by number; the caller's memory */
    size_t count, room;
};

struct batch_encoder {
    uint32_t generation;
    struct numbering persons, texts;
    uint32_t *person_of; /* each event's */
    size_t person_of_room;
    const struct property *shape;
    size_t shape_count;
    bool has_shape;
};

enum { SLOTS_MIN = 256 };

static void numbering_init(struct numbering *n)
{
    n->slot_count = SLOTS_MIN;
    n->slots = mem_array(n->slot_count, sizeof *n->slots);
}

static void numbering_free(struct numbering *n)
{
    mem_free(n->slots);
    mem_free(n->texts);
}

struct batch_encoder *batch_encoder_create(void)
{
    struct batch_encoder *b = mem_zero(sizeof *b);
    numbering_init(&b->persons);
    numbering_init(&b->texts);
    return b;
}

void batch_encoder_destroy(struct batch_encoder *b)
{
    if (!b)
        return;
    numbering_free(&b->persons);
    numbering_free(&b->texts);
    mem_free(b->person_of);
    mem_free(b);
}

static void grow_slots(struct numbering *n, uint32_t generation)
{
    size_t count = n->slot_count * 2;
    struct slot *slots = mem_array(count, sizeof *slots);
    for (size_t i = 0; i < n->slot_count; i++) {
        if (n->slots[i].generation != generation)
            continue;
        size_t at = n->slots[i].tag & (count - 1);
        while (slots[at].generation == generation)
            at = (at + 1) & (count - 1);
        slots[at] = n->slots[i];
    }
    mem_free(n->slots);
    n->slots = slots;
    n->slot_count = count;
}

static uint32_t number_of(struct numbering *n, uint32_t generation, struct str s, bool *is_new)
{
    uint32_t tag = (uint32_t)hash64(s, 0);
    size_t at = tag & (n->slot_count - 1);
    for (; n->slots[at].generation == generation; at = (at + 1) & (n->slot_count - 1)) {
        uint32_t code = n->slots[at].code;
        if (n->slots[at].tag == tag && n->texts[code].len == s.len &&
            (s.len == 0 || memcmp(n->texts[code].at, s.at, s.len) == 0)) {
            *is_new = false;
            return code;
        }
    }
    uint32_t code = (uint32_t)n->count;
    n->slots[at] = (struct slot){generation, tag, code};
    ARRAY_PUSH(n->texts, n->count, n->room) = s;
    if (n->count * 2 > n->slot_count)
        grow_slots(n, generation);
    *is_new = true;
    return code;
}

static inline char *room_for(struct buf *b, size_t more)
{
    return LIKELY(b->room - b->len >= more) ? b->at + b->len : buf_reserve(b, more);
}

static inline void put_number(struct buf *into, uint64_t v)
{
    char *start = room_for(into, VARINT_BYTES_MAX), *at = start;
    while (v >= 128) {
        *at++ = (char)(v | 128);
        v >>= 7;
    }
    *at++ = (char)v;
    into->len += (size_t)(at - start);
}

static void put_bytes(struct buf *into, struct str s)
{
    put_number(into, s.len);
    char *at = room_for(into, s.len);
    if (s.len)
        memcpy(at, s.at, s.len);
    into->len += s.len;
}

static void put_text(struct batch_encoder *b, struct buf *into, struct str s)
{
    if (UNLIKELY(s.len > TEXT_NUMBERED_BYTES_MAX)) {
        put_number(into, TEXT_LITERAL);
        put_bytes(into, s);
        return;
    }
    bool is_new;
    uint32_t code = number_of(&b->texts, b->generation, s, &is_new);
    if (!is_new) {
        put_number(into, code + (uint64_t)TEXT_NUMBERS);
        return;
    }
    put_number(into, TEXT_NEW);
    put_bytes(into, s);
}

/* All persons first, then all ids: who reads them looks them up together, not one by one. */
static void put_persons(struct batch_encoder *b, struct buf *into, const struct event *events,
                        size_t count)
{
    if (b->person_of_room < count) {
        b->person_of_room = count;
        b->person_of = mem_grow(b->person_of, count, sizeof *b->person_of);
    }
    bool is_new;
    for (size_t i = 0; i < count; i++)
        b->person_of[i] = number_of(&b->persons, b->generation, events[i].person, &is_new);
    put_number(into, b->persons.count);
    for (size_t i = 0; i < b->persons.count; i++)
        put_bytes(into, b->persons.texts[i]);
}

static void put_ids(struct buf *into, const struct event *events, size_t count)
{
    bool has_ids = false;
    for (size_t i = 0; i < count && !has_ids; i++)
        has_ids = events[i].id.len != 0;
    put_number(into, has_ids);
    for (size_t i = 0; i < count && has_ids; i++)
        put_bytes(into, events[i].id);
}

static bool same_shape(const struct batch_encoder *b, const struct property *list, size_t count)
{
    if (!b->has_shape || count != b->shape_count)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct str a = list[i].name, z = b->shape[i].name;
        if (list[i].value.type != b->shape[i].value.type || a.len != z.len ||
            (a.at != z.at && a.len && memcmp(a.at, z.at, a.len) != 0))
            return false;
    }
    return true;
}

static void put_value(struct batch_encoder *b, struct buf *into, struct value v)
{
    switch (v.type) {
    case VALUE_BOOL:
        put_number(into, v.boolean);
        break;
    case VALUE_INT:
        put_number(into, zigzag(v.integer));
        break;
    case VALUE_DOUBLE:
        buf_add_bytes(into, &v.number, sizeof v.number);
        break;
    case VALUE_TEXT:
    case VALUE_LIST:
        put_text(b, into, v.text);
        break;
    default:
        REQUIRE(v.type == VALUE_NULL);
    }
}

static void put_properties(struct batch_encoder *b, struct buf *into, const struct property *list,
                           size_t count, bool is_same_shape)
{
    if (!is_same_shape) {
        put_number(into, count);
        for (size_t i = 0; i < count; i++) {
            put_number(into, list[i].value.type);
            put_text(b, into, list[i].name);
        }
        b->shape = list;
        b->shape_count = count;
        b->has_shape = true;
    }
    for (size_t i = 0; i < count; i++)
        put_value(b, into, list[i].value);
}

static void put_event(struct batch_encoder *b, struct buf *into, const struct event *ev,
                      const struct event *before, uint32_t person)
{
    bool is_same_shape = same_shape(b, ev->properties, ev->property_count);
    int flags = (ev->copy ? HAS_COPY : 0) | (ev->account.len ? HAS_ACCOUNT : 0) |
                (ev->session.len ? HAS_SESSION : 0) | (ev->sequence ? HAS_SEQUENCE : 0) |
                (ev->received != before->received ? NEW_RECEIVED : 0) |
                (ev->offset_minutes != before->offset_minutes ? NEW_OFFSET : 0) |
                (is_same_shape ? SAME_SHAPE : 0);
    *room_for(into, 1) = (char)flags;
    into->len++;
    if (ev->copy)
        put_number(into, ev->copy);
    put_number(into, zigzag((int64_t)((uint64_t)ev->time - (uint64_t)before->time)));
    if (flags & NEW_RECEIVED)
        put_number(into, zigzag((int64_t)((uint64_t)ev->received - (uint64_t)before->received)));
    if (flags & NEW_OFFSET)
        put_number(into, zigzag(ev->offset_minutes));
    if (ev->sequence)
        put_number(into, ev->sequence);
    put_text(b, into, ev->name);
    put_number(into, person);
    if (ev->account.len)
        put_text(b, into, ev->account);
    if (ev->session.len)
        put_text(b, into, ev->session);
    put_properties(b, into, ev->properties, ev->property_count, is_same_shape);
}

static bool fact_has_traits(enum fact_kind kind)
{
    return kind == FACT_PERSON_TRAITS || kind == FACT_ACCOUNT_TRAITS;
}

static void put_fact(struct batch_encoder *b, struct buf *into, const struct fact *f,
                     int64_t received_before)
{
    bool has_created = f->created != (int64_t)FACT_CREATED_NONE;
    bool is_same_shape =
        fact_has_traits(f->kind) && same_shape(b, f->properties, f->property_count);
    put_number(into, (uint64_t)f->kind | (has_created ? FACT_HAS_CREATED : 0) |
                         (is_same_shape ? FACT_SAME_SHAPE : 0) | (f->by.len ? FACT_HAS_BY : 0) |
                         (f->reason.len ? FACT_HAS_REASON : 0));
    put_text(b, into, f->subject);
    put_number(into, zigzag((int64_t)((uint64_t)f->received - (uint64_t)received_before)));
    if (has_created)
        put_number(into, zigzag(f->created));
    if (fact_has_traits(f->kind))
        put_properties(b, into, f->properties, f->property_count, is_same_shape);
    else
        put_text(b, into, f->other);
    if (f->by.len)
        put_text(b, into, f->by);
    if (f->reason.len)
        put_text(b, into, f->reason);
}

void batch_encode(struct batch_encoder *b, const struct store_batch *batch, struct buf *into)
{
    if (++b->generation == 0) {
        memset(b->persons.slots, 0, b->persons.slot_count * sizeof *b->persons.slots);
        memset(b->texts.slots, 0, b->texts.slot_count * sizeof *b->texts.slots);
        b->generation = 1;
    }
    b->persons.count = b->texts.count = 0;
    b->has_shape = false;
    put_number(into, batch->event_count);
    put_number(into, batch->fact_count);
    put_persons(b, into, batch->events, batch->event_count);
    put_ids(into, batch->events, batch->event_count);
    static const struct event nothing;
    const struct event *before = &nothing;
    for (size_t i = 0; i < batch->event_count; i++) {
        put_event(b, into, &batch->events[i], before, b->person_of[i]);
        before = &batch->events[i];
    }
    int64_t received = before->received;
    for (size_t i = 0; i < batch->fact_count; i++) {
        put_fact(b, into, &batch->facts[i], received);
        received = batch->facts[i].received;
    }
}

/* ---- reading ---- */

static bool damaged(struct err *e, const char *what)
{
    return err_set(e, ERR_CORRUPT, "a batch has %s", what);
}

static inline bool get_number(struct batch_reader *r, uint64_t *v, struct err *e)
{
    if (LIKELY(r->rest.len && (unsigned char)*r->rest.at < 128)) {
        *v = (unsigned char)*r->rest.at;
        r->rest.at++;
        r->rest.len--;
        return true;
    }
    if (!varint_get(&r->rest, v))
        return damaged(e, "a number that is cut");
    return true;
}

static bool get_i64(struct batch_reader *r, int64_t *v, struct err *e)
{
    uint64_t raw;
    if (!get_number(r, &raw, e))
        return false;
    *v = unzigzag(raw);
    return true;
}

/* Adds the next difference to a running value; wraps as the writer's did. */
static bool get_step(struct batch_reader *r, int64_t *v, struct err *e)
{
    int64_t step;
    if (!get_i64(r, &step, e))
        return false;
    *v = (int64_t)((uint64_t)*v + (uint64_t)step);
    return true;
}

static bool get_u32(struct batch_reader *r, uint32_t *v, struct err *e)
{
    uint64_t raw;
    if (!get_number(r, &raw, e))
        return false;
    if (raw > UINT32_MAX)
        return damaged(e, "a number out of range");
    *v = (uint32_t)raw;
    return true;
}

static bool get_bytes(struct batch_reader *r, struct str *s, struct err *e)
{
    uint64_t len;
    if (!get_number(r, &len, e))
        return false;
    if (len > r->rest.len)
        return damaged(e, "a text that is cut");
    *s = (struct str){r->rest.at, (size_t)len};
    r->rest.at += len;
    r->rest.len -= (size_t)len;
    return true;
}

static bool get_text(struct batch_reader *r, struct str *s, struct err *e)
{
    uint64_t code;
    if (!get_number(r, &code, e))
        return false;
    if (LIKELY(code >= TEXT_NUMBERS)) {
        if (code - TEXT_NUMBERS >= r->text_count)
            return damaged(e, "a text number that is not there");
        *s = r->texts[code - TEXT_NUMBERS];
        return true;
    }
    if (!get_bytes(r, s, e))
        return false;
    if (code == TEXT_NEW)
        ARRAY_PUSH(r->texts, r->text_count, r->text_room) = *s;
    return true;
}

static bool get_value(struct batch_reader *r, struct value *v, struct err *e)
{
    uint64_t raw;
    switch (v->type) {
    case VALUE_BOOL:
        if (!get_number(r, &raw, e))
            return false;
        v->boolean = raw != 0;
        return true;
    case VALUE_INT:
        return get_i64(r, &v->integer, e);
    case VALUE_DOUBLE:
        if (r->rest.len < sizeof v->number)
            return damaged(e, "a number that is cut");
        memcpy(&v->number, r->rest.at, sizeof v->number);
        r->rest.at += sizeof v->number;
        r->rest.len -= sizeof v->number;
        if (!isfinite(v->number))
            return damaged(e, "a number that is not finite");
        return true;
    case VALUE_TEXT:
    case VALUE_LIST:
        return get_text(r, &v->text, e);
    default:
        return true; /* null; get_shape let no other type in */
    }
}

static bool get_shape(struct batch_reader *r, struct err *e)
{
    uint64_t count, type;
    if (!get_number(r, &count, e))
        return false;
    if (count > r->rest.len)
        return damaged(e, "more properties than bytes");
    r->property_count = 0;
    for (uint64_t i = 0; i < count; i++) {
        struct property *p = &ARRAY_PUSH(r->properties, r->property_count, r->property_room);
        if (!get_number(r, &type, e))
            return false;
        if (type < VALUE_NULL || type >= VALUE_TYPE_COUNT)
            return damaged(e, "a property of an unknown type");
        *p = (struct property){.value.type = (enum value_type)type};
        if (!get_text(r, &p->name, e))
            return false;
    }
    return true;
}

static bool get_properties(struct batch_reader *r, bool is_same_shape, struct err *e)
{
    if (!is_same_shape && !get_shape(r, e))
        return false;
    for (size_t i = 0; i < r->property_count; i++)
        if (!get_value(r, &r->properties[i].value, e))
            return false;
    return true;
}

/* A list of texts that stand one after the other. */
static bool get_list(struct batch_reader *r, uint64_t count, struct str **list, size_t *room,
                     struct err *e)
{
    if (count > r->rest.len)
        return damaged(e, "more texts than bytes");
    if (*room < count) {
        *room = (size_t)count;
        *list = mem_grow(*list, *room, sizeof **list);
    }
    for (uint64_t i = 0; i < count; i++)
        if (!get_bytes(r, &(*list)[i], e))
            return false;
    return true;
}

bool batch_read(struct batch_reader *r, struct str payload, struct err *e)
{
    uint64_t person_count, has_ids;
    r->rest = payload;
    r->text_count = 0;
    r->property_count = 0;
    r->time = r->received = 0;
    r->offset = 0;
    r->event = r->event_count = r->person_count = 0;
    if (!get_number(r, &r->event_count, e) || !get_number(r, &r->facts_left, e))
        return false;
    if (r->event_count > r->rest.len || r->facts_left > r->rest.len - r->event_count)
        return damaged(e, "more rows than bytes");
    if (!get_number(r, &person_count, e) ||
        !get_list(r, person_count, &r->persons, &r->person_room, e) || !get_number(r, &has_ids, e))
        return false;
    r->person_count = person_count;
    r->has_ids = has_ids != 0;
    return !has_ids || get_list(r, r->event_count, &r->ids, &r->id_room, e);
}

static bool get_person(struct batch_reader *r, struct str *text, uint32_t *person, struct err *e)
{
    uint64_t number;
    if (!get_number(r, &number, e))
        return false;
    if (number >= r->person_count)
        return damaged(e, "a person's number that is not there");
    *person = (uint32_t)number;
    *text = r->persons[number];
    return true;
}

static bool get_offset(struct batch_reader *r, struct err *e)
{
    int64_t offset;
    if (!get_i64(r, &offset, e))
        return false;
    if (offset < INT16_MIN || offset > INT16_MAX)
        return damaged(e, "a time zone offset out of range");
    r->offset = (int16_t)offset;
    return true;
}

bool batch_next_event(struct batch_reader *r, struct event *out, uint32_t *person, struct err *e)
{
    if (r->event == r->event_count)
        return false;
    *out = (struct event){.id = r->has_ids ? r->ids[r->event] : STR("")};
    r->event++;
    if (r->rest.len == 0)
        return damaged(e, "fewer events than it says");
    int flags = (unsigned char)*r->rest.at;
    r->rest.at++;
    r->rest.len--;
    bool ok = (!(flags & HAS_COPY) || get_u32(r, &out->copy, e)) && get_step(r, &r->time, e) &&
              (!(flags & NEW_RECEIVED) || get_step(r, &r->received, e)) &&
              (!(flags & NEW_OFFSET) || get_offset(r, e)) &&
              (!(flags & HAS_SEQUENCE) || get_u32(r, &out->sequence, e)) &&
              get_text(r, &out->name, e) && get_person(r, &out->person, person, e) &&
              (!(flags & HAS_ACCOUNT) || get_text(r, &out->account, e)) &&
              (!(flags & HAS_SESSION) || get_text(r, &out->session, e)) &&
              get_properties(r, flags & SAME_SHAPE, e);
    out->time = r->time;
    out->received = r->received;
    out->offset_minutes = r->offset;
    out->properties = r->properties;
    out->property_count = r->property_count;
    return ok;
}

bool batch_next_fact(struct batch_reader *r, struct fact *out, struct err *e)
{
    REQUIRE(r->event == r->event_count);
    if (r->facts_left == 0)
        return false;
    r->facts_left--;
    uint64_t flags;
    *out = (struct fact){.created = (int64_t)FACT_CREATED_NONE};
    if (!get_number(r, &flags, e))
        return false;
    if (flags >= FACT_FLAGS_END || (flags & FACT_KIND_MASK) > FACT_ERASE_ID)
        return damaged(e, "a fact of an unknown kind");
    out->kind = (enum fact_kind)(flags & FACT_KIND_MASK);
    if (!get_text(r, &out->subject, e) || !get_step(r, &r->received, e) ||
        ((flags & FACT_HAS_CREATED) && !get_i64(r, &out->created, e)))
        return false;
    out->received = r->received;
    if (!fact_has_traits(out->kind)) {
        if (!get_text(r, &out->other, e))
            return false;
    } else if (get_properties(r, flags & FACT_SAME_SHAPE, e)) {
        out->properties = r->properties;
        out->property_count = r->property_count;
    } else {
        return false;
    }
    return (!(flags & FACT_HAS_BY) || get_text(r, &out->by, e)) &&
           (!(flags & FACT_HAS_REASON) || get_text(r, &out->reason, e));
}

void batch_reader_free(struct batch_reader *r)
{
    mem_free(r->texts);
    mem_free(r->persons);
    mem_free(r->ids);
    mem_free(r->properties);
    *r = (struct batch_reader){0};
}
