/*
 * store/store_inner (private to the room): the parts of a store and who may touch them.
 *
 * An event's way: queue -> log (writer) -> active stage -> frozen stage -> images (imaging) ->
 * segment files (sealing) -> larger ones (compaction).
 *
 * Locks, in the order in which they may be taken (docs/threads.md):
 *   maintain_lock   sealing and compaction, one at a time; the manifest and the data files
 *   writer_lock     the log file
 *   lock            everything that a snapshot sees: stages, images, segments, people, ids
 *   queue_lock      the queue of batches; nothing is taken under it
 * (and inside people: the lock of its list of views). Imaging runs without a lock: a frozen stage
 * does not change. The writer never waits for maintain_lock.
 */
#pragma once
#include <pthread.h>

#include "base/buf.h"
#include "store/batch.h"
#include "store/chunk.h"
#include "store/erasures.h"
#include "store/head.h"
#include "store/ids.h"
#include "store/manifest.h"
#include "store/people_write.h"
#include "store/snapshot.h"
#include "store/wal.h"

enum {
    STORE_CHUNK_ROWS = 65536,
    /* What is not sealed is replayed after a crash. So it is sealed early, but not before a month's
     * file is worth its name: unsealed rows for each month that they are of, from … to …; */
    STORE_SEAL_MONTH_ROWS = 32 << 10,
    STORE_SEAL_ROWS_MIN = 128 << 10,
    STORE_SEAL_ROWS_MAX = 512 << 10,
    STORE_SEAL_ROWS_MORE = 256 << 10, /* and so many more at most while a sealing is under way */
    STORE_ROW_VALUES = 24,            /* of properties; a row with more takes as long as several */
    STORE_SEAL_LOG_BYTES = 16 << 20,  /* also sealed with so much in the log, */
    STORE_ROW_LOG_BYTES = 128,        /* if it is as much as that for each of the rows */
    STORE_STAGE_LOG_BYTES = 8 << 20,  /* of one stage: facts count, too */
    STORE_LOG_FILE_BYTES = 16 << 20,  /* then the next file begins; it goes as a whole */
    STORE_UNSYNCED_BYTES =
        64 << 20, /* imports do not wait for syncs; the disk should not, either */
    STORE_QUEUE_BYTES = 32 << 20,
    STORE_GROUP_BYTES = 4 << 20, /* written at once */
    STORE_BATCH_BYTES_MAX = 512 << 20,
    STORE_RESERVE_BYTES = 1 << 20,
    STORE_SEEN_SEGMENTS = 32,
    STORE_MONTH_SEGMENTS_MAX = 6,   /* at rest; besides those that stay apart */
    STORE_COMPACT_BYTES = 64 << 20, /* a second */
    STORE_PREVIEW_ROWS = 2048,      /* more are made images with the lock let go */
    STORE_FACTS_BYTES = 64 << 20, /* the facts file is written anew from here on, when it doubled */
    STORE_FOLD_MIN = 8,           /* so many images of similar size become one */
};

/* Rows of one import, or of one append, that turned out to be there already. */
struct tally {
    uint32_t references;
    uint64_t dropped;
    uint64_t stage_age; /* where `origin` counts */
    uint32_t origin;
};

/* A chunk, and what came in with it. */
struct stage {
    struct chunk *chunk;
    struct buf facts;      /* those that changed something: u32 length, payload, each */
    uint64_t age;          /* number; rises */
    uint64_t sequence_end; /* of the first batch that is not in it */
    uint64_t log_bytes;
    uint32_t people_end; /* set when it is frozen */
    size_t id_count;
    struct tally **tallies; /* of origin 1, 2… */
    size_t tally_count, tally_room;
    uint32_t *erased; /* ordinals of people erased by its facts */
    size_t erased_count, erased_room;
    bool has_batches;
};

/* A stage whose rows are images, waiting to be sealed. */
struct imaged {
    struct segment **images;
    size_t image_count;
    uint64_t rows, log_bytes, sequence_end;
    uint64_t work; /* of replaying it, in rows */
    uint32_t people_end;
    size_t id_count;
    struct buf facts;
    uint32_t *erased;
    size_t erased_count;
};

struct preview {
    struct chunk_result result;
    uint64_t age;
    size_t rows; /* of the chunk when it was made; 0 = there is none */
};

/* One batch on its way. */
struct item {
    struct item *next;
    struct str payload;
    struct buf own;              /* the payload's memory, of an import */
    struct store_import *import; /* NULL: an append, and somebody waits */
    struct tally *tally;         /* NULL: every event has an id */
    bool must_sync, is_done, is_ok;
    bool is_stale; /* of an import from before a restart */
    struct err err;
    struct store_receipt receipt;
    struct store_erasure *erasure; /* counts what its erasures took; NULL: nobody asks */
};

struct log_file {
    uint64_t number, first, bytes;
};

/*
 * What is read from the disk at the open lies between PARTS_FIRST and PARTS_END, and is taken over
 * as a whole by store_restart; what lives as long as the handle (locks, queue, threads) lies around
 * it. So a new field belongs where it is made anew.
 */
#define PARTS_FIRST identity
#define PARTS_END is_closing
struct store {
    struct os *os;
    struct str dir, project; /* own memory */
    struct store_options options;
    struct os_file *lock_file;
    pthread_mutex_t maintain_lock, writer_lock, lock;
    pthread_cond_t changed;    /* imaging or sealing got on, or the store stopped */
    pthread_cond_t work;       /* for the background */
    pthread_mutex_t list_lock; /* the file of erased ids */

    uint64_t identity;

    /* under maintain_lock */
    struct manifest *manifest;
    uint32_t people_salt, facts_salt;
    bool has_reserve;
    uint64_t facts_kept;   /* bytes of the facts file when it was last written anew; 0: not yet */
    uint64_t numbers_from; /* segment numbers from here on are free, also for files being written */

    /* under writer_lock */
    struct wal *wal;

    /* under lock */
    struct people *people;
    struct stage *active, *frozen; /* frozen: NULL, or being made into images */
    bool is_imaging;
    uint64_t next_age;
    struct imaged *imaged;
    size_t imaged_count, imaged_room;
    uint64_t imaged_work, imaged_log_bytes;
    struct hidden *hidden; /* erased people of whom there may be rows; counted; NULL: none */
    struct erasures erasures;
    bool erasures_unwritten;
    int64_t forget_since; /* the files hold something of the erased since then; 0: they do not */
    struct store_erasure *erasure; /* of the batch that is being applied, or NULL */
    struct segment **live;         /* by (month, age); counted */
    size_t live_count;
    uint64_t *apart; /* numbers of segments that are too large to be merged */
    size_t apart_count, apart_room;
    bool has_rules;   /* of how long events are kept */
    int64_t keep_day; /* UTC day of the last run, since 1970; INT64_MIN: none yet */
    int64_t opened_ms;
    uint64_t opened_ns;
    uint64_t sealed_bytes, rewritten_bytes; /* of segments, since the open */
    struct ids *ids;
    /* all ids, once there are many segments (store_seen.c): of the segments there were when that
     * began (NULL until learnt), being learnt (maintain_lock), and of all that came since */
    struct seen *seen_old, *seen_learnt, *seen_young;
    struct segment **learning; /* still to be learnt; counted */
    size_t learning_count;
    uint64_t fresh_from;   /* all batches applied from this one on had no id that was there */
    struct recall *recall; /* while the log is replayed (store_recall.c) */
    struct preview preview;
    struct log_file *logs;
    size_t log_count, log_room;
    struct batch_reader reader; /* of the batch that is being applied */
    uint32_t *ordinals;         /* of its persons; UINT32_MAX: not known yet */
    size_t ordinal_room;
    struct hash128 *id_hashes; /* of its events */
    struct id_key *id_keys;
    size_t id_room;
    struct arena *arena;
    bool is_stopped;
    bool is_waiting_for_space;
    struct err stop; /* why */
    uint64_t torn_bytes_cut;

    bool is_closing;                   /* under lock */
    _Atomic uint32_t maintain_waiting; /* somebody wants maintain_lock: no resting */
    _Atomic uint32_t restarts;         /* rises under all locks but the queue's */
    struct err last_stop;              /* under lock: why it was the last time */
    uint64_t changes; /* under lock: rises with all that makes a snapshot show something else */

    pthread_mutex_t queue_lock;
    pthread_cond_t queue_filled, queue_moved;
    struct item *queue, **queue_end;
    uint64_t queue_bytes;
    bool queue_is_closing;
    struct batch_encoder **encoders; /* idle */
    size_t encoder_count, encoder_room;

    pthread_t writer, background;
    bool has_threads;
    bool has_imager; /* while the log is replayed: a thread that makes images of frozen stages */
};

struct store_import {
    struct store *store;
    struct tally *tally;
    uint32_t restarts; /* of the store when it began */
    size_t pending;    /* under the queue lock, as the rest */
    bool has_failed;
    struct err err;
    struct store_receipt receipt;
};

/* ---- store_file.c ---- */
enum { STORE_NAME_BYTES = OS_PATH_BYTES };
struct str store_path(const struct store *s, char *room, const char *name);
struct str store_segment_path(const struct store *s, char *room, uint64_t number);
bool store_segment_name(struct str name, uint64_t *number);
struct str store_people_path(const struct store *s, char *room, uint64_t number);
struct str store_facts_path(const struct store *s, char *room, uint64_t number);
/* Writes a segment under its temporary name, synced, then renames it; the directory is not synced.
 */
MUST_USE bool store_write_segment(struct store *s, uint64_t number, struct str bytes,
                                  struct err *e);
/* Appends to people-<n> or facts-<n>, which has `*bytes` valid ones (0: it is made); synced. */
MUST_USE bool store_extend_file(struct store *s, struct str path, enum head_kind kind,
                                uint64_t number, uint32_t *salt, struct str more, uint64_t *bytes,
                                struct err *e);
void store_facts_block(struct buf *into, uint32_t salt, struct str facts);
/* Calls `visit` with each fact of blocks, or of a run of (u32 length, payload). */
typedef bool store_fact_visit(void *context, const struct fact *f, struct str payload,
                              struct err *e);
MUST_USE bool store_walk_facts(struct batch_reader *r, struct str blocks, struct str path,
                               uint32_t salt, store_fact_visit *visit, void *context,
                               struct err *e);
MUST_USE bool store_each_fact(struct batch_reader *r, struct str facts, store_fact_visit *visit,
                              void *context, struct err *e);
MUST_USE bool store_read_facts(struct store *s, struct str blocks, struct str path, struct err *e);
/* A few MiB that sealing may fall back on when the disk is full. */
void store_keep_reserve(struct store *s);
void store_spend_reserve(struct store *s);

/* ---- store_stage.c: all under `lock` ---- */
struct stage *stage_create(uint64_t age);
void stage_destroy(struct stage *g);
/* How long replaying it takes, in ordinary rows. */
uint64_t stage_work(const struct stage *g);
uint32_t stage_origin(struct stage *g, struct tally *t);
struct tally *tally_create(void);
void tally_release(struct tally *t); /* NULL is fine */
void imaged_free(struct imaged *i);
/* Makes the active stage the frozen one, and a new one active. Waits while one is frozen. */
MUST_USE bool store_freeze(struct store *s, struct err *e);
/* Waits until, or sees to it that, no stage is frozen. Lets go of the lock meanwhile. */
MUST_USE bool store_settle(struct store *s, struct err *e);
/*
 * Makes everything that was applied visible as images: settles, and brings the images of the active
 * chunk (the preview) up to date; a chunk that is not small is frozen instead, so that the lock is
 * let go while its images are made.
 */
MUST_USE bool store_show(struct store *s, struct err *e);
void store_preview_clear(struct store *s);
/* Rows of the tally that were there already, in all stages. */
MUST_USE bool store_count_dropped(struct store *s, struct tally *t, uint64_t *dropped,
                                  struct err *e);
/* Marks the store as stopped (first reason wins) and wakes all who wait. */
void store_stop(struct store *s, const struct err *why);
bool store_refuse_stopped(const struct store *s, struct err *e);

/* ---- store_apply.c: under `lock` ---- */
MUST_USE bool store_apply(struct store *s, struct str payload, uint64_t sequence,
                          struct tally *tally, struct store_receipt *receipt, struct err *e);
bool store_stage_is_full(const struct store *s);
/* Keeps a fact for the facts file. */
void store_keep_fact(struct store *s, struct batch_encoder *b, const struct fact *f);

/* ---- store_erase.c ---- */
/* Under `lock`; may let go of it for a while. */
MUST_USE bool store_erase_apply(struct store *s, const struct fact *f, bool *changed,
                                struct err *e);
MUST_USE bool store_load_erasures(struct store *s, struct err *e);
/* If there is something new in it. Takes list_lock and `lock`. */
MUST_USE bool store_write_erasures(struct store *s, struct err *e);

/* ---- store_forget.c: under maintain_lock ---- */
/* Blocks of all facts of the facts file and of `more`, in order, but those of the erased. */
MUST_USE bool store_sift_facts(struct store *s, const struct manifest_marks *marks,
                               const struct str *more, size_t more_count, uint32_t salt,
                               struct buf *blocks, struct err *e);
MUST_USE bool store_forget_step(struct store *s, bool is_paced, struct store_forgotten *out,
                                struct err *e);
bool store_forget_is_due(const struct store *s); /* under lock */

/* ---- store_seen.c ---- */
/* Looks for an event's id in the sealed segments; under `lock`. */
MUST_USE bool store_find_sealed(struct store *s, const struct event *ev, struct hash128 hash,
                                bool *found, uint64_t *content, struct err *e);
bool store_learn_is_due(const struct store *s); /* under lock */
/* Learns the ids of one segment, under maintain_lock; `*did` false: nothing was due. */
MUST_USE bool store_learn(struct store *s, bool *did, struct err *e);
void store_seen_free(struct store *s);

/* ---- store_recall.c: while the log is replayed; nobody else has the store ---- */
/* Looks for all ids of these log files, from a sequence on, in the segments: those of batches of
 * which the log does not say that they were fresh. */
void store_recall(struct store *s, uint64_t from, const uint64_t *logs, size_t count);
/* The batch that is replayed next. */
void store_recall_batch(struct store *s, uint64_t sequence);
/* True: the id, of that batch, is in no segment. False: ask them. */
bool store_recalls_none(const struct store *s, struct hash128 hash);
void store_recall_end(struct store *s);

/* ---- store_append.c ---- */
struct batch_encoder *store_take_encoder(struct store *s);
void store_give_encoder(struct store *s, struct batch_encoder *b);
/* Hands an item to the writer; waits for room in the queue first. */
MUST_USE bool store_enqueue(struct store *s, struct item *item, struct err *e);
void store_wait_for(struct store *s, struct item *item);
void *store_writer_main(void *store);
/* Writes and applies what is queued, in the caller's thread, when there is no writer. */
void store_drain(struct store *s);
/* The log's next frame says which batches were fresh; all that it has are applied. */
void store_note_fresh(struct store *s);
MUST_USE bool store_next_log(struct store *s, struct err *e); /* under writer_lock */
bool store_refuse_stale(struct err *e);                       /* store_import.c */
bool store_has_unnamed(const struct store_batch *batch);

/* ---- store_seal.c: under maintain_lock ---- */
MUST_USE bool store_seal(struct store *s, struct err *e); /* all images there are */
bool store_seal_is_due(const struct store *s);            /* under lock */
bool store_seal_is_behind(const struct store *s);         /* under lock: writers have to wait */
uint64_t store_seal_rows(const struct store *s);          /* under lock: so many make it due */
struct manifest_segment store_segment_entry(const struct segment *g);

/* ---- store_rewrite.c: under maintain_lock ---- */
/*
 * Replaces segments of one month, older first (at most MERGE_SOURCES_MAX), by one with the rows
 * that the choice leaves, or by none. They must be live, and neighbours if they are several.
 * `is_paced`: within the budget, and given up when the store is closed (ERR_BUSY). ERR_TOO_LARGE,
 * ERR_NO_SPACE: all is as it was; other failures stop the store.
 */
MUST_USE bool store_rewrite(struct store *s, struct segment *const *old, size_t count,
                            const struct merge_choice *choice, bool is_paced, struct err *e);
/* Takes live segments away. */
MUST_USE bool store_drop_segments(struct store *s, struct segment *const *old, size_t count,
                                  struct err *e);
uint64_t store_take_number(struct store *s); /* for a segment that is about to be written */

/* ---- store_compact.c: under maintain_lock ---- */
/* One step; `*did` false: nothing was due. `all`: each month to one segment. */
MUST_USE bool store_compact(struct store *s, bool all, bool *did, struct err *e);
bool store_compaction_is_due(const struct store *s); /* under lock */

/* ---- store_facts.c: under maintain_lock ---- */
/* Writes the facts file anew, without traits that newer ones replaced. */
MUST_USE bool store_compact_facts(struct store *s, struct err *e);
bool store_facts_are_long(const struct store *s);

/* ---- store_fold.c: under maintain_lock ---- */
/* Makes one of many small images of one month. Only memory is touched. */
MUST_USE bool store_fold(struct store *s, struct err *e);
bool store_fold_is_due(const struct store *s); /* under lock */

/* ---- store_keep.c: under maintain_lock ---- */
MUST_USE bool store_keep_run(struct store *s, int64_t now_ms, bool is_paced,
                             struct keep_report *out, struct err *e);
bool store_keep_is_due(const struct store *s); /* under lock */

/* ---- store_open.c ---- */
/* Everything in memory becomes images, and the log goes on in a new file: so all of the old ones
 * can go once the images are sealed. Under maintain_lock. */
MUST_USE bool store_close_stage(struct store *s, struct err *e);

/* ---- store_background.c ---- */
void *store_background_main(void *store);
/* Takes maintain_lock; who holds it for something patient hurries up. */
void store_take_maintain_lock(struct store *s);
int store_segment_order(const void *a, const void *b); /* of two struct segment *: month, age */
