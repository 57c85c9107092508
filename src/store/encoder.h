/*
 * store/encoder (private to the room): writes one segment's bytes, a column at a time.
 *
 * Columns may come in any order (names after times); each at most once; texts that are given must
 * live until encoder_finish. The rows are in their final order already: by (person, time,
 * sequence). A column's cells come from arrays, or in windows from a source that is asked several
 * times over (what the values are decides how they are written).
 * Memory: a column's dictionary; and the bytes themselves, unless they go to a file, then about
 * 2 MiB. Thread: one at a time; encoders that take turns may share an encode_room.
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
    void *lanes; /* of a window */
};
void encode_room_free(struct encode_room *room);
enum { ENCODE_NONE = UINT32_MAX, ENCODE_WINDOW = SEGMENT_BLOCK_ROWS };

/* Where the bytes go when they do not stay in memory. */
struct encode_output {
    struct os_file *file; /* empty */
    /* Now and then, with how many bytes were written since; false (with `e`) gives it all up. */
    bool (*turn)(void *context, uint64_t bytes, struct err *e);
    void *context;
};

struct encoder {
    struct buf *out; /* what is not in the file: all, or the end */
    const struct encode_output *output;
    uint64_t flushed;
    struct encode_room *work;
    struct segment_header header;
    struct segment_front front;
    bool packs;           /* long texts with zstd: for files */
    uint64_t texts_max;   /* bytes of one column's texts, or of all ids: what 32 bits can say */
    uint32_t ids_at_once; /* that many are sorted; more are in parts of their hashes' range */
    struct err failure;   /* the first: writing, or texts of a column beyond 4 GiB */
    struct encoded_column *columns;
    size_t column_count, column_room;
    uint64_t time_at, name_at; /* lanes, for the statistics */
    uint32_t name_count;
    unsigned name_bits;
};

/* The present cells of a column, by row. */
struct cells {
    uint32_t count;
    const uint32_t *rows;    /* ascending; NULL = every row */
    const uint32_t *codes;   /* of texts */
    const uint64_t *numbers; /* int64, bits of double, 0 or 1, 0 for null */
};

/* Cells in windows of ENCODE_WINDOW, the last one shorter. */
struct cell_source {
    bool (*next)(void *context, struct cells *window); /* false: there are no more */
    void (*rewind)(void *context);
    void *context;
};

/* What codes stand for; each text is asked for at most three times. */
struct texts {
    struct str (*at)(const void *context, uint32_t code);
    const void *context;
    uint32_t count;
};

/* The ids that rows have, and which rows; in windows, and asked several times over. */
struct id_window {
    uint32_t count;
    const uint32_t *rows; /* NULL = every row */
    const struct id_key *keys;
};
struct id_source {
    bool (*next)(void *context, struct id_window *window);
    void (*rewind)(void *context);
    void *context;
};

/* `out` is empty and stays the caller's. `output` may be NULL. rows > 0. */
void encoder_begin(struct encoder *n, struct buf *out, const struct encode_output *output,
                   struct encode_room *work, struct str project, uint32_t rows);
/* persons ascending; starts has one more. */
void encoder_people(struct encoder *n, const uint32_t *persons, const uint32_t *starts,
                    uint32_t count);
/* Codes: ms since the month's start; every row. */
void encoder_time_from(struct encoder *n, const struct cell_source *source);
void encoder_texts_from(struct encoder *n, enum column_kind kind, struct str property,
                        enum value_type type, const struct cell_source *source,
                        const struct texts *texts);
void encoder_numbers_from(struct encoder *n, enum column_kind kind, struct str property,
                          enum value_type type, const struct cell_source *source);
void encoder_ids_from(struct encoder *n, const struct id_source *source);
void encoder_constant(struct encoder *n, enum column_kind kind, int64_t value); /* every row */

/* The same of arrays. */
void encoder_time(struct encoder *n, const uint32_t *ms);
void encoder_texts(struct encoder *n, enum column_kind kind, struct str property,
                   enum value_type type, const struct cells *cells, const struct texts *texts);
void encoder_numbers(struct encoder *n, enum column_kind kind, struct str property,
                     enum value_type type, const struct cells *cells);
/* `count` rows have an id; `at` gives the id of the i-th of them. */
void encoder_ids(struct encoder *n, uint32_t count, const uint32_t *rows,
                 struct id_key (*at)(const void *context, uint32_t i), const void *context);

/* Sets number, age and month too. ERR_TOO_LARGE when a column's texts do not fit. Frees all but
 * `out`. With an output all is in the file, not synced. */
MUST_USE bool encoder_finish(struct encoder *n, uint64_t number, uint64_t age, int64_t month_start,
                             struct err *e);
void encoder_drop(struct encoder *n); /* instead of finish */
