/* store/encoder_inner (private to the encoder's files): areas of the file, and lanes in blocks. */
#pragma once
#include "store/encoder.h"

struct encoded_column {
    struct column_record record;
    struct str property;
    uint64_t *sums;
    size_t sum_count, sum_room;
};

/* How the lanes of a column lie. */
struct shape {
    unsigned bits;
    bool is_optional, is_sparse;
};

/* How a window's cells become lanes. */
struct lane_rule {
    const uint32_t *map;  /* of codes; NULL: as they are */
    uint64_t base, scale; /* of numbers: (number - base) / scale */
};

struct encoded_column *encoder_column(struct encoder *n, enum column_kind kind, struct str property,
                                      enum value_type type);

/* ---- areas: each begins at a multiple of 64 ---- */

/* Room for `bytes`, all zero; the pointer is good until the next area. */
char *area_make(struct encoder *n, uint64_t bytes, uint64_t *at);
/* Returns the sum, seeded. */
uint64_t area_copy(struct encoder *n, const void *from, uint64_t bytes, uint64_t *at,
                   uint64_t seed);

/* An area that grows part by part, and may go to the file meanwhile. */
struct area {
    struct encoder *n;
    uint64_t at;
    struct hash_stream sum;
};
void area_begin(struct area *a, struct encoder *n, uint64_t *at, uint64_t seed);
void area_add(struct area *a, const void *bytes, size_t count);
uint64_t area_end(struct area *a); /* the sum */

/* To the file, when there is one and enough has gathered. */
void encoder_flush(struct encoder *n, bool all);
/* Bytes written before; `room` (of `bytes`) is used when they are in the file. */
const char *encoder_look(struct encoder *n, uint64_t at, uint64_t bytes, char *room);
void encoder_fail(struct encoder *n, const struct err *why);

/* ---- lanes ---- */

unsigned lane_width_of(uint64_t max);
struct shape shape_of(uint32_t rows, uint32_t count, uint64_t max, unsigned bits_min,
                      bool may_be_optional);
uint64_t shape_bytes(uint32_t rows, struct shape s, uint32_t count);
/* Lanes and, when sparse, rows; sets the sum of the dictionary to that of the rows. `count`: all
 * cells of the source. */
void lanes_write(struct encoder *n, struct encoded_column *c, struct shape s, uint32_t count,
                 const struct cell_source *source, const struct lane_rule *rule);

/* ---- arrays as a source ---- */
struct cell_array {
    const struct cells *all;
    uint32_t at;
};
struct cell_source cell_array_source(struct cell_array *a);
