/* store/chunk_rows (private to chunk, image and known): how the newest rows lie in memory. */
#pragma once
#include "base/intern.h"
#include "store/chunk.h"
#include "store/segment_file.h"

struct chunk_row {
    int64_t time, received;
    uint64_t content; /* event_body_hash; only of rows without an id */
    uint32_t person, origin, sequence, copy;
    int16_t offset;
    bool has_id;
};

/* The values of one kind that rows have: parallel lists, rows ascending. */
struct chunk_column {
    enum column_kind kind;
    enum value_type type;
    struct str property;  /* lives in the chunk's property names */
    uint64_t seed;        /* property_seed */
    struct intern *texts; /* of texts and lists; NULL for numbers */
    uint64_t *hashes;     /* property_hash by code, so that each text is hashed for it once */
    size_t hash_count, hash_room;
    uint32_t *rows;
    uint32_t *codes;   /* with texts */
    uint64_t *numbers; /* without */
    uint32_t count, room;
};

struct chunk_id {
    uint32_t row; /* first, as image.c sorts by it */
    uint16_t len;
    bool is_uuid;
    uint64_t at; /* into id_bytes */
};

/* Columns of a property by value type: index + 1, 0 = none yet. */
struct chunk_property {
    uint32_t column_next[VALUE_TYPE_COUNT];
};

/* What was at this place of the last event's properties: senders repeat themselves. */
struct chunk_place {
    struct str name;
    uint32_t code;   /* of property_names */
    uint32_t batch;  /* in which `name` is that very memory, and what follows is known */
    uint32_t column; /* of `type` */
    enum value_type type;
};

/* A text of this batch that was looked up: the same memory is the same text. */
struct chunk_memo {
    const char *at;
    uint32_t len, batch, owner, code;
};
enum { CHUNK_MEMOS = 2048 };

struct chunk {
    struct chunk_row *rows;
    size_t row_count, row_room;
    uint32_t *row_names; /* by row: code of its name */
    size_t row_name_room;
    struct intern *names;
    uint64_t *name_hashes; /* by code */
    size_t name_count, name_room;
    bool has_content;      /* a row is known by content */
    bool has_sequence;     /* a row's is not 0 */
    bool received_differs; /* from the first row's */
    bool offset_differs;
    struct chunk_column account, session;
    struct chunk_column *columns;
    size_t column_count, column_room;
    struct intern *property_names;
    struct chunk_property *properties; /* by code of property_names */
    size_t property_count, property_room;
    struct chunk_place *places;
    size_t place_count, place_room;
    uint32_t batch, batches; /* chunk_begin; 0: none */
    struct chunk_memo *memos;
    struct chunk_id *ids;
    size_t id_count, id_room;
    struct buf id_bytes;
    size_t bytes;
    uint64_t values; /* of properties, in all rows */
};

/* Rows of one month, in order. */
struct chunk_month {
    int64_t start;
    const uint32_t *order; /* row numbers by (person, time, sequence, arrival) */
    const uint64_t *keys;  /* person << 32 | ms since `start`, in that order */
    uint32_t count;
};

/*
 * Marks the rows known by content that are there already: `is_known[i]` for month->order[i].
 * Looks only at others of the same month that overlap in time and person.
 */
MUST_USE bool chunk_known(const struct chunk *c, const struct chunk_month *month,
                          struct segment *const *others, size_t other_count, bool *is_known,
                          struct err *e);
