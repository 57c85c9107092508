/*
 * store/segment_file (private to encoder, reader and merger): the bytes of a segment, version 1.
 *
 * header | areas (persons, starts, ids, lanes, dictionaries), each at a multiple of 64 | directory
 * All numbers little-endian. docs/format/segment.md is the same in words; both change together.
 */
#pragma once
#include <pthread.h>

#include "base/buf.h"
#include "base/hash.h"
#include "store/segment.h"

enum {
    SEGMENT_ALIGN = 64,
    SEGMENT_ID_BYTES = 16,          /* a UUID, as stored */
    SEGMENT_FILTER_BLOCK = 8,       /* words of a block of the id filter */
    SEGMENT_PACK_RATIO_MAX = 40000, /* what zstd can reach is below */
};

#define SEGMENT_MAGIC "TENURSEG"

struct segment_header {
    char magic[8];
    uint32_t version;
    uint32_t header_bytes;
    uint64_t number;
    uint64_t age;
    int64_t month_start;
    int64_t time_min, time_max;
    uint32_t rows, person_count, column_count, id_count;
    uint64_t file_bytes;
    uint64_t directory_at, directory_bytes;
    uint64_t directory_sum;
    uint8_t project_bytes;
    char project[64];
    uint8_t zero[79];
    uint64_t sum; /* of all before */
};
_Static_assert(sizeof(struct segment_header) == 256, "docs/format/segment.md");

/* How the directory begins. `_at` into the file, except the last three: into the directory. */
struct segment_front {
    uint64_t persons_at, starts_at;
    uint64_t people_sum; /* of starts, seeded with the sum of persons */
    uint64_t id_order_at, id_filter_at, id_filter_words;
    uint64_t ids_sum; /* of the filter, seeded with the sum of the order */
    uint64_t columns_at, blocks_at, names_at;
    uint64_t zero[6];
};
_Static_assert(sizeof(struct segment_front) == 128, "docs/format/segment.md");

enum column_flags {
    COLUMN_OPTIONAL = 1,
    COLUMN_SPARSE = 2,
    COLUMN_PACKED = 4, /* FORM_TEXT: `values` is one zstd frame of lengths and texts */
    COLUMN_UUIDS = 8,  /* COLUMN_ID: `values` is 16 bytes an id */
    COLUMN_FLAGS = 15,
};

struct column_record {
    uint8_t kind, form, type, lane_bits;
    uint8_t flags, zero[3];
    int64_t base, scale;
    uint32_t row_count;        /* sparse: rows listed, else 0 */
    uint32_t dictionary_count; /* of COLUMN_ID: ids */
    uint64_t lanes_at;
    uint64_t rows_at;
    uint64_t offsets_at; /* texts: count + 1 offsets into the values */
    uint64_t values_at, values_bytes;
    uint64_t plain_bytes;    /* of packed texts */
    uint64_t bits_at;        /* COLUMN_ID: which ids are UUIDs, unless all are */
    uint64_t dictionary_sum; /* of rows, offsets, bits and values, each seeding the next */
    uint64_t sums_at;        /* in the directory: one u64 a block of lanes */
    uint32_t property_at, property_bytes; /* in the directory */
    uint64_t zero_end[2];
};
_Static_assert(sizeof(struct column_record) == 128, "docs/format/segment.md");

/* What the reader keeps for a column. */
struct column_own {
    const struct column_record *record;
    const uint64_t *sums;
    size_t block_count;
    _Atomic uint64_t *checked; /* bit per block */
    _Atomic bool is_ready;     /* rows and dictionary are checked, texts unpacked */
    const char *values;        /* as they lie in the file */
    const uint8_t *bits;
    /* packed texts, once unpacked */
    uint32_t *text_at;
    char *text_bytes;
    /* texts of UUIDs, 36 bytes each, an array a block, made when first asked for */
    _Atomic(char *) *id_texts;
};

struct segment_own {
    struct os *os;
    struct os_map map;
    struct buf image;
    bool is_trusted; /* our own image: nothing to check */
    bool skips_sums; /* fuzzing: checksums count as right, all else is checked */
    _Atomic bool ids_ready;
    const struct segment_front *front;
    pthread_mutex_t lock; /* while a dictionary is checked or unpacked */
};

/*
 * The reader over any bytes; they stay the caller's (g->own->map or image).
 * Checks header and directory; `g` is half filled on false and still to be released.
 */
struct segment *segment_make(void);
MUST_USE bool segment_read(struct segment *g, struct str bytes, struct err *e);
/* As segment_of_image, for bytes nobody vouches for. The bytes are taken. */
MUST_USE bool segment_of_bytes(struct buf *bytes, bool skips_sums, struct segment **out,
                               struct err *e);
/* Raises ERR_CORRUPT with the segment's name in front; `what` says the place and the damage. */
bool segment_damaged(const struct segment *g, struct err *e, const char *format, ...) PRINTF(3, 4);

/* An id as it is stored and hashed: a canonical lower-case UUID as 16 bytes, or its text. */
struct id_key {
    bool is_uuid;
    uint8_t uuid[SEGMENT_ID_BYTES];
    struct str text; /* unless is_uuid */
};
struct id_key id_key_of(struct str id);
struct hash128 id_key_hash(const struct id_key *key);
bool id_key_equal(const struct id_key *a, const struct id_key *b);
enum { UUID_TEXT_BYTES = 36 };
void uuid_text(const uint8_t *uuid, char *into); /* 36 bytes */
/* The id at a place of a pinned id column. */
struct id_key column_id_key(const struct column *c, uint32_t place);
/* Checks order and filter once. */
MUST_USE bool segment_ids_ready(struct segment *g, struct err *e);
/* Words of the filter for so many ids, and setting and asking it. */
uint64_t id_filter_words_for(uint32_t id_count);
void id_filter_set(uint64_t *filter, uint64_t words, struct hash128 hash);
bool id_filter_has(const uint64_t *filter, uint64_t words, struct hash128 hash);

/* Order of columns in a segment: kind, property, type. */
int column_order(enum column_kind a_kind, struct str a_property, enum value_type a_type,
                 enum column_kind b_kind, struct str b_property, enum value_type b_type);
static inline uint64_t lane_bytes(uint64_t lanes, unsigned bits)
{
    return (lanes * bits + 7) / 8;
}
