/*
 * store/chunk: events taken apart into growing columns. This is the hot path of an import: no
 * allocation but the growth of arrays, and texts become codes by one look into a table.
 */
#include "store/chunk_rows.h"
#include "store/segment_event.h"

enum { ROWS_MAX = 1 << 30 };

static void column_start(struct chunk *c, struct chunk_column *column)
{
    if (column->type == VALUE_TEXT || column->type == VALUE_LIST) {
        column->texts = intern_create();
        c->bytes += intern_bytes(column->texts);
    }
}

static void column_end(struct chunk_column *column)
{
    intern_destroy(column->texts);
    mem_free(column->rows);
    mem_free(column->codes);
    mem_free(column->numbers);
    mem_free(column->hashes);
    *column = (struct chunk_column){0};
}

static void contents_make(struct chunk *c)
{
    c->names = intern_create();
    c->property_names = intern_create();
    c->account = (struct chunk_column){.kind = COLUMN_ACCOUNT, .type = VALUE_TEXT};
    c->session = (struct chunk_column){.kind = COLUMN_SESSION, .type = VALUE_TEXT};
    c->bytes = sizeof *c;
    column_start(c, &c->account);
    column_start(c, &c->session);
}

/* All but the rows, whose memory is kept for the next ones. */
static void contents_free(struct chunk *c)
{
    intern_destroy(c->names);
    intern_destroy(c->property_names);
    mem_free(c->name_hashes);
    column_end(&c->account);
    column_end(&c->session);
    for (size_t i = 0; i < c->column_count; i++)
        column_end(&c->columns[i]);
    mem_free(c->columns);
    mem_free(c->properties);
    mem_free(c->places);
    mem_free(c->memos);
    mem_free(c->ids);
    buf_free(&c->id_bytes);
}

struct chunk *chunk_create(void)
{
    struct chunk *c = mem_zero(sizeof *c);

    contents_make(c);
    return c;
}

void chunk_destroy(struct chunk *c)
{
    if (!c)
        return;
    contents_free(c);
    mem_free(c->rows);
    mem_free(c->row_names);
    mem_free(c);
}

void chunk_clear(struct chunk *c)
{
    struct chunk kept = {.rows = c->rows,
                         .row_room = c->row_room,
                         .row_names = c->row_names,
                         .row_name_room = c->row_name_room};

    contents_free(c);
    *c = kept;
    contents_make(c);
}

size_t chunk_rows(const struct chunk *c)
{
    return c->row_count;
}

size_t chunk_bytes(const struct chunk *c)
{
    return c->bytes + c->row_count * (sizeof *c->rows + sizeof *c->row_names);
}

uint64_t chunk_values(const struct chunk *c)
{
    return c->values;
}

static uint32_t text_code(struct chunk *c, struct intern *texts, struct str text)
{
    size_t before = intern_bytes(texts);
    uint32_t code = intern_put(texts, text);

    c->bytes += intern_bytes(texts) - before;
    return code;
}

static void column_grow(struct chunk *c, struct chunk_column *column)
{
    uint32_t room = column->room ? column->room * 2 : 8;
    size_t each = sizeof *column->rows + (column->texts ? 4 : 8);

    column->rows = mem_grow(column->rows, room, sizeof *column->rows);
    if (column->texts)
        column->codes = mem_grow(column->codes, room, sizeof *column->codes);
    else
        column->numbers = mem_grow(column->numbers, room, sizeof *column->numbers);
    c->bytes += (room - column->room) * each;
    column->room = room;
}

enum { OWNER_NAMES, OWNER_ACCOUNT, OWNER_SESSION, OWNER_COLUMNS };

/* A text of a batch is mostly one that the batch had before. */
static uint32_t batch_code(struct chunk *c, uint32_t owner, struct intern *texts, struct str text)
{
    if (!c->batch)
        return text_code(c, texts, text);
    uintptr_t at = (uintptr_t)text.at;
    struct chunk_memo *m = &c->memos[(at ^ at / CHUNK_MEMOS) % CHUNK_MEMOS];
    if (m->at != text.at || m->batch != c->batch || m->owner != owner || m->len != text.len)
        *m = (struct chunk_memo){text.at, (uint32_t)text.len, c->batch, owner,
                                 text_code(c, texts, text)};
    return m->code;
}

/* Returns the value's part of the content hash. */
static uint64_t text_add(struct chunk *c, struct chunk_column *column, uint32_t owner, uint32_t row,
                         struct str text)
{
    if (UNLIKELY(column->count == column->room))
        column_grow(c, column);
    uint32_t code = batch_code(c, owner, column->texts, text);
    column->codes[column->count] = code;
    column->rows[column->count++] = row;
    if (UNLIKELY(code == column->hash_count)) {
        struct value v = {.type = column->type, .text = text};
        ARRAY_PUSH(column->hashes, column->hash_count, column->hash_room) =
            property_hash(column->seed, &v);
        c->bytes += sizeof *column->hashes;
    }
    return column->hashes[code];
}

static void number_add(struct chunk *c, struct chunk_column *column, uint32_t row,
                       const struct value *v)
{
    uint64_t word = 0;

    if (UNLIKELY(column->count == column->room))
        column_grow(c, column);
    if (v->type == VALUE_INT)
        word = (uint64_t)v->integer;
    else if (v->type == VALUE_DOUBLE)
        memcpy(&word, &v->number, sizeof word);
    else if (v->type == VALUE_BOOL)
        word = v->boolean;
    column->numbers[column->count] = word;
    column->rows[column->count++] = row;
}

static uint32_t property_code(struct chunk *c, size_t place, struct str name)
{
    if (LIKELY(place < c->place_count) &&
        LIKELY(str_equal(intern_at(c->property_names, c->places[place].code), name)))
        return c->places[place].code;
    uint32_t code = text_code(c, c->property_names, name);
    if (code == c->property_count)
        ARRAY_PUSH(c->properties, c->property_count, c->property_room) = (struct chunk_property){0};
    if (place == c->place_count)
        ARRAY_PUSH(c->places, c->place_count, c->place_room) = (struct chunk_place){0};
    c->places[place].code = code;
    return code;
}

static uint32_t property_column(struct chunk *c, size_t place, struct str name,
                                enum value_type type)
{
    if (LIKELY(place < c->place_count)) {
        const struct chunk_place *p = &c->places[place];
        if (c->batch && p->batch == c->batch && p->name.at == name.at && p->name.len == name.len &&
            p->type == type)
            return p->column;
    }
    uint32_t code = property_code(c, place, name);
    uint32_t *next = &c->properties[code].column_next[type];

    if (UNLIKELY(*next == 0)) {
        struct chunk_column *made = &ARRAY_PUSH(c->columns, c->column_count, c->column_room);
        *made = (struct chunk_column){.kind = COLUMN_PROPERTY,
                                      .type = type,
                                      .property = intern_at(c->property_names, code),
                                      .seed = property_seed(name, type)};
        c->bytes += sizeof *made;
        column_start(c, made);
        *next = (uint32_t)c->column_count;
    }
    struct chunk_place *p = &c->places[place];
    *p = (struct chunk_place){name, code, c->batch, *next - 1, type};
    return p->column;
}

static void id_add(struct chunk *c, uint32_t row, const struct id_key *id)
{
    struct str bytes =
        id->is_uuid ? (struct str){(const char *)id->uuid, SEGMENT_ID_BYTES} : id->text;

    REQUIRE(bytes.len <= UINT16_MAX);
    ARRAY_PUSH(c->ids, c->id_count, c->id_room) =
        (struct chunk_id){row, (uint16_t)bytes.len, id->is_uuid, c->id_bytes.len};
    buf_add(&c->id_bytes, bytes);
    c->bytes += sizeof *c->ids + bytes.len;
}

static uint32_t name_add(struct chunk *c, struct str name)
{
    uint32_t code = batch_code(c, OWNER_NAMES, c->names, name);

    if (UNLIKELY(code == c->name_count)) {
        ARRAY_PUSH(c->name_hashes, c->name_count, c->name_room) = event_name_hash(name);
        c->bytes += sizeof *c->name_hashes;
    }
    size_t at = c->row_count;
    ARRAY_PUSH(c->row_names, at, c->row_name_room) = code;
    return code;
}

/* The sum of the properties' hashes. */
static uint64_t properties_add(struct chunk *c, uint32_t row, const struct event *event)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < event->property_count; i++) {
        const struct property *p = &event->properties[i];
        REQUIRE(p->value.type > VALUE_MISSING && p->value.type < VALUE_TYPE_COUNT);
        uint32_t place = property_column(c, i, p->name, p->value.type);
        struct chunk_column *column = &c->columns[place];
        if (column->texts) {
            sum += text_add(c, column, OWNER_COLUMNS + place, row, p->value.text);
        } else {
            number_add(c, column, row, &p->value);
            sum += property_hash(column->seed, &p->value);
        }
    }
    return sum;
}

uint64_t chunk_put(struct chunk *c, const struct event *event, const struct id_key *id,
                   uint32_t person, uint32_t origin)
{
    REQUIRE(c->row_count < ROWS_MAX);
    uint32_t row = (uint32_t)c->row_count;
    struct event_parts parts = {.properties = properties_add(c, row, event)};

    uint32_t name = name_add(c, event->name); /* may move the list of hashes */
    parts.name = c->name_hashes[name];
    if (event->account.len)
        parts.account = text_add(c, &c->account, OWNER_ACCOUNT, row, event->account);
    if (event->session.len)
        parts.session = text_add(c, &c->session, OWNER_SESSION, row, event->session);
    if (id)
        id_add(c, row, id);
    uint64_t body = event_body_hash(event, &parts);
    c->values += event->property_count;
    c->has_content |= !id;
    c->has_sequence |= event->sequence != 0;
    c->received_differs |= row && event->received != c->rows[0].received;
    c->offset_differs |= row && event->offset_minutes != c->rows[0].offset;
    ARRAY_PUSH(c->rows, c->row_count, c->row_room) = (struct chunk_row){
        .time = event->time,
        .received = event->received,
        .content = id ? 0 : body,
        .person = person,
        .origin = origin,
        .sequence = event->sequence,
        .copy = event->copy,
        .offset = event->offset_minutes,
        .has_id = id,
    };
    return body;
}

void chunk_add(struct chunk *c, const struct event *event, uint32_t person, uint32_t origin)
{
    struct id_key id = id_key_of(event->id);
    chunk_put(c, event, event->id.len ? &id : NULL, person, origin);
}

void chunk_begin(struct chunk *c)
{
    if (!c->memos) {
        c->memos = mem_array(CHUNK_MEMOS, sizeof *c->memos);
        c->bytes += CHUNK_MEMOS * sizeof *c->memos;
    }
    REQUIRE(c->batches < UINT32_MAX);
    c->batch = ++c->batches;
}

void chunk_end(struct chunk *c)
{
    c->batch = 0;
}
