/*
 * store/batch (private to the room): a batch of events and facts as bytes, for the write-ahead log
 * and the facts file. docs/format/wal.md has the bytes ("payload").
 *
 * The persons come first, each once, then the ids, so that both can be looked up together. Then row
 * by row: every text stands once, at its first use, and is a small number after that; times are
 * differences; an event with the same property names and types as the one before does not repeat
 * them. The reader trusts nothing: any bytes give events or ERR_CORRUPT.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "store/store.h"

struct batch_encoder; /* reusable; one thread at a time */

struct batch_encoder *batch_encoder_create(void);
void batch_encoder_destroy(struct batch_encoder *b); /* NULL is fine */
AUTO_DEFINE(batch_encoder, batch_encoder_destroy)
/* Appends the payload. The batch's texts must stay until it returns. */
void batch_encode(struct batch_encoder *b, const struct store_batch *batch, struct buf *into);

/* Reads a payload: all events, then all facts. Texts point into the payload, properties into the
 * reader, both until the next call. `struct batch_reader r = {0};`, reusable, batch_reader_free. */
struct batch_reader {
    struct str rest;
    uint64_t event, event_count; /* the next one, and how many there are */
    uint64_t facts_left;
    uint64_t person_count;
    struct str *persons; /* of the payload, each once */
    struct str *ids;     /* of each event, if has_ids */
    bool has_ids;
    size_t person_room, id_room;
    struct str *texts;
    size_t text_count, text_room;
    struct property *properties; /* of the event or fact read last; names and types: the shape */
    size_t property_count, property_room;
    int64_t time, received;
    int16_t offset;
};

MUST_USE bool batch_read(struct batch_reader *r, struct str payload, struct err *e);
/* The next event; `*person` is its person's place in `persons`. False: no more events, or damage
 * (e->kind is set). */
bool batch_next_event(struct batch_reader *r, struct event *out, uint32_t *person, struct err *e);
bool batch_next_fact(struct batch_reader *r, struct fact *out, struct err *e);
void batch_reader_free(struct batch_reader *r);
