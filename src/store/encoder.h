/*
 * store/encoder (private to the room): writes one segment's bytes, a column at a time.
 *
 * Columns may come in any order; each at most once; texts that are given must live until
 * encoder_finish. The rows are in their final order already: by (person, time, sequence).
 * Memory: the bytes themselves, and for a column its dictionary. Thread: one at a time; encoders
 * that take turns may share an encode_room.
 */
#pragma once
#include "store/segment_file.h"

/* Work memory shared by encoders. `struct encode_room room = {0};` is ready. */
struct encode_room {
    uint32_t *map; /* code -> code in the segment, or ENCODE_NONE; all ENCODE_NONE between uses */
    size_t map_room;
    uint32_t *used; /* codes in order of first sight */
    size_t used_room;
    struct buf bytes; /* texts before packing */
    struct buf packed;
};
void encode_room_free(struct encode_room *room);
enum { ENCODE_NONE = UINT32_MAX };

struct encoder {
    struct buf *out;
    struct encode_room *work;
    struct segment_header header;
    struct segment_front front;
    bool packs;        /* long texts with zstd: for files */
    bool is_too_large; /* texts of a column beyond 4 GiB */
    struct encoded_column *columns;
    size_t column_count, column_room;
    uint64_t time_at, name_at; /* lanes, for the statistics */
    uint32_t name_count;
    unsigned name_bits;
};

/* The present cells of a column, by row. The encoder writes over codes and numbers. */
struct cells {
    uint32_t count;
    const uint32_t *rows; /* ascending; NULL = every row */
    uint32_t *codes;      /* of texts */
    uint64_t *numbers;    /* int64, bits of double, 0 or 1, 0 for null */
};

/* What codes stand for; each text is asked for at most three times. */
struct texts {
    struct str (*at)(const void *context, uint32_t code);
    const void *context;
    uint32_t count;
};

/* `out` is empty and stays the caller's. rows > 0. */
void encoder_begin(struct encoder *n, struct buf *out, struct encode_room *work, struct str project,
                   uint32_t rows);
/* persons ascending; starts has one more. */
void encoder_people(struct encoder *n, const uint32_t *persons, const uint32_t *starts,
                    uint32_t count);
void encoder_time(struct encoder *n, const uint32_t *ms); /* since the month's start; every row */
void encoder_texts(struct encoder *n, enum column_kind kind, struct str property,
                   enum value_type type, const struct cells *cells, const struct texts *texts);
void encoder_numbers(struct encoder *n, enum column_kind kind, struct str property,
                     enum value_type type, const struct cells *cells);
void encoder_constant(struct encoder *n, enum column_kind kind, int64_t value); /* every row */
/* `count` rows have an id; `at` gives the id of the i-th of them. */
void encoder_ids(struct encoder *n, uint32_t count, const uint32_t *rows,
                 struct id_key (*at)(const void *context, uint32_t i), const void *context);
/* Sets number, age and month too. ERR_TOO_LARGE when a column's texts do not fit. Frees all but
 * `out`. */
MUST_USE bool encoder_finish(struct encoder *n, uint64_t number, uint64_t age, int64_t month_start,
                             struct err *e);
void encoder_drop(struct encoder *n); /* instead of finish */
