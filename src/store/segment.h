/*
 * store/segment (private to the room): an immutable run of rows of one calendar month (UTC), in
 * columns, sorted by (person, time, sequence). docs/format/segment.md holds the bytes.
 *
 * The same bytes serve as a file (mapped) and as an image in memory (a sealed chunk that is not yet
 * on disk), so there is one encoder, one merger and one reader. All lanes are little-endian arrays,
 * aligned to 64 bytes, each column one contiguous array over all rows: a person's run is a slice of
 * it, with no copy. A lane is 0, 1, 2, 4, 8, 16, 32 or 64 bits wide (0: all rows hold `base`).
 *
 * Checksums: XXH3-64 of every 64 KiRow block of each column and of each directory, checked when a
 * block is first touched (segment_pin); the header and the directory when it is opened.
 * Ownership: counted; segment_keep / segment_release. Thread: immutable, any thread.
 */
#pragma once
#include <stdatomic.h>

#include "base/buf.h"
#include "base/value.h"
#include "os/os.h"

enum {
    SEGMENT_VERSION = 1,
    SEGMENT_BLOCK_ROWS = 65536,
    SEGMENT_ROWS_MAX = 1 << 30,
};

enum column_kind {
    COLUMN_TIME,     /* ms since the month's start: always u32 lanes, base 0, scale 1, each row */
    COLUMN_NAME,     /* event name: text dictionary */
    COLUMN_ACCOUNT,  /* texts, optional */
    COLUMN_SESSION,  /* texts, optional */
    COLUMN_RECEIVED, /* ms: integer */
    COLUMN_OFFSET,   /* minutes: integer */
    COLUMN_SEQUENCE, /* integer; absent when all 0 */
    COLUMN_ID,       /* the sender's ids; absent when no row has one. No lanes: an id's code is its
                        place; read through column_value only */
    COLUMN_PROPERTY, /* one for each (property, value type) */
};

enum column_form {
    FORM_INTEGER,    /* base + scale * (lane - is_optional); lane 0 = missing when is_optional */
    FORM_DICTIONARY, /* lane = code of the dictionary, + 1 with 0 = missing when is_optional */
    FORM_DOUBLE,     /* 64-bit IEEE lanes; never optional unless sparse */
    FORM_TEXT,     /* code lanes are 32 bits over a dictionary in first-seen order; its bytes may be
                      packed with zstd: read texts only through column_value */
    FORM_PRESENCE, /* no lanes: a row that has it holds null, or the one boolean `base` */
};

struct column {
    enum column_kind kind;
    enum column_form form;
    enum value_type type; /* what its values are */
    struct str property;  /* COLUMN_PROPERTY: name */
    uint8_t lane_bits;
    bool is_optional; /* some rows are missing */
    bool is_sparse;   /* lanes only for the rows listed in `rows`; then not is_optional in lanes */
    int64_t base, scale;
    const void *lanes;
    uint64_t lane_count;  /* segment rows, or row_count when sparse */
    const uint32_t *rows; /* sparse: ascending row numbers */
    uint32_t row_count;
    /* dictionary of FORM_DICTIONARY / FORM_TEXT */
    uint32_t dictionary_count;
    const uint32_t
        *text_at; /* texts and lists: count+1 offsets into text_bytes; NULL while packed */
    const char *text_bytes;  /* NULL while packed */
    const int64_t *integers; /* dictionaries of integers */
    const double *doubles;   /* dictionaries of doubles */
    void *own;               /* reader's own: checksums, which blocks are checked, unpacked bytes */
};

struct block_info {
    uint32_t time_min, time_max; /* ms since the month's start */
    uint64_t names[4]; /* which of the name codes 0…255 occur; all ones when there are more */
};

struct segment {
    _Atomic uint32_t references;
    struct str project;  /* identity, from the header */
    uint64_t number;     /* unique in the project, rising */
    uint64_t age;        /* number of the oldest chunk in it: orders equal times across segments */
    int64_t month_start; /* UTC ms */
    int64_t time_min, time_max;
    uint32_t rows;
    uint32_t person_count;
    const uint32_t *persons; /* ascending ordinals */
    const uint32_t *starts;  /* person_count + 1 row numbers */
    struct column *columns;
    size_t column_count;
    const struct column *time; /* shortcuts, never NULL */
    const struct column *name;
    const struct column *id;  /* NULL when no row has one */
    const uint32_t *id_order; /* rows that have an id, by hash of the id; NULL without ids */
    uint32_t id_count;
    const uint64_t *id_filter; /* blocked Bloom filter of the ids' hashes */
    uint64_t id_filter_words;
    const uint64_t *name_counts; /* rows per name code */
    const int64_t *name_first;   /* first and last time per name code */
    const int64_t *name_last;
    const struct block_info *blocks; /* ceil(rows / SEGMENT_BLOCK_ROWS) */
    uint64_t bytes;
    struct str path; /* empty for an image in memory */
    void *own;
};

MUST_USE bool segment_open(struct os *os, struct str path, struct str project, struct segment **out,
                           struct err *e);
/* Takes the bytes of an image: `bytes` is empty afterwards. */
struct segment *segment_of_image(struct buf *bytes);
struct segment *segment_keep(struct segment *g);
void segment_release(struct segment *g); /* NULL is fine */
AUTO_DEFINE(segment, segment_release)

/* Checks the blocks of a column that hold rows [from, to), and its dictionary, if not done yet.
 * Call before touching lanes. ERR_CORRUPT names file, column and block. Cheap when done before. */
MUST_USE bool segment_pin(struct segment *g, const struct column *c, uint32_t from, uint32_t to,
                          struct err *e);
/* Everything, for `tenure check`. */
MUST_USE bool segment_check(struct segment *g, struct err *e);

/* Columns of a property: at most one a value type. Fills up to VALUE_TYPE_COUNT; returns how many.
 */
size_t segment_property(const struct segment *g, struct str name, const struct column **list);
/* The dictionary's value for a code (0 …, without the optional shift). Pinned columns only. */
struct value column_dictionary_value(const struct column *c, uint32_t code);
/* A row's value; VALUE_MISSING when it has none. Any form; the slow path. Pinned columns only. */
struct value column_value(const struct column *c, uint32_t row);
/* Lane of a row (dense) or of a place in a sparse column, widened. */
static inline uint64_t column_lane(const struct column *c, uint64_t at)
{
    switch (c->lane_bits) {
    case 0:
        return c->kind == COLUMN_ID ? at : 0; /* an id's code is its place */
    case 8:
        return ((const uint8_t *)c->lanes)[at];
    case 16:
        return ((const uint16_t *)c->lanes)[at];
    case 32:
        return ((const uint32_t *)c->lanes)[at];
    case 64:
        return ((const uint64_t *)c->lanes)[at];
    default: { /* 1, 2, 4: low bits first */
        unsigned bits = c->lane_bits, shift = (unsigned)(at * bits % 8);
        return ((const uint8_t *)c->lanes)[at * bits / 8] >> shift & ((1U << bits) - 1);
    }
    }
}
/* Where in the lanes a row stands; false when a sparse column lacks it. */
static inline bool column_place(const struct column *c, uint32_t row, uint64_t *place)
{
    *place = row;
    if (LIKELY(!c->is_sparse))
        return true;
    uint32_t low = 0, high = c->row_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (c->rows[middle] < row)
            low = middle + 1;
        else
            high = middle;
    }
    *place = low;
    return low < c->row_count && c->rows[low] == row;
}
/* Widens lanes [from, to) into 32-bit codes; lane_bits <= 32. */
void column_unpack(const struct column *c, uint64_t from, uint64_t to, uint32_t *into);
