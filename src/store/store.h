/*
 * store: the event store of one project: one directory, our own columnar format (docs/format/).
 *
 * Writing: store_append takes a batch whole or not at all, and returns when it is durable (one sync
 * for all that wait). Events then lie in a chunk in memory, are sealed into immutable segments by
 * calendar month (UTC), sorted by (person, time, client sequence), and compacted in the background.
 *
 * Exactly once. An event with an id counts once for as long as it is kept; the same id with another
 * body is counted as a conflict, and the first is kept. An event without an id of its own
 * (id empty) is known by its content and by `copy`: how many equal records stand before it in its
 * file; it counts if the store holds no more than `copy` equal ones. Nothing is stored for that.
 *
 * Reading: store_snapshot gives a counted, immutable view; store/scan.h reads it.
 *
 * Failure: a failed write or sync is never retried: the store then refuses appends (ERR_BUSY) and
 * starts anew from the write-ahead log (store_restart), by itself where it has a background.
 * Reading goes on meanwhile. A full disk gives ERR_NO_SPACE and clears by itself; reading goes on.
 * Damage gives ERR_CORRUPT and names the file; never a wrong answer. Thread: all functions from any
 * thread, unless said otherwise. Memory: the chunk and unsealed segments (about 64 MiB at most),
 * person ids (about 40 bytes each), open segments are mapped.
 */
#pragma once
#include "base/value.h"
#include "os/os.h"

struct store;
struct snapshot;

struct event {
    struct str id;          /* the sender's id; empty = known by content and `copy` */
    uint32_t copy;          /* for an empty id */
    int64_t time;           /* UTC milliseconds */
    int64_t received;       /* UTC milliseconds; give one import a single value */
    int16_t offset_minutes; /* the client's offset from UTC */
    uint32_t sequence;      /* the client's own order inside one time stamp; 0 = none */
    struct str name;        /* required, as are time and person */
    struct str person;
    struct str account;                /* may be empty */
    struct str session;                /* may be empty */
    const struct property *properties; /* names differ; none is VALUE_MISSING */
    size_t property_count;
};

enum fact_kind {
    FACT_PERSON_TRAITS,  /* properties of `subject`, a person */
    FACT_ACCOUNT_TRAITS, /* of an account */
    FACT_MERGE,          /* `other` is the same person as `subject` */
    FACT_UNMERGE,
    FACT_ERASE,    /* store_erase only: `subject`, and all that are merged with it */
    FACT_ERASE_ID, /* the same of one id by itself */
};
enum { FACT_CREATED_NONE = INT64_MIN };

struct fact {
    enum fact_kind kind;
    struct str subject;
    struct str other;
    int64_t received;
    int64_t created;   /* when the subject came to be, or (int64_t)FACT_CREATED_NONE */
    struct str by;     /* merge, unmerge: who said it: a key, an import, a user. May be empty */
    struct str reason; /* merge, unmerge: and why. May be empty */
    const struct property *properties;
    size_t property_count;
};

struct store_batch {
    const struct event *events;
    size_t event_count;
    const struct fact *facts;
    size_t fact_count;
};

struct store_receipt {
    uint64_t accepted;   /* events that are new, and facts that changed something */
    uint64_t duplicates; /* already there */
    uint64_t conflicts;  /* of the duplicates: same id, another body */
};

struct store_options {
    bool read_only;     /* changes nothing on the disk; others may read beside it */
    bool or_empty;      /* with read_only: where no store is yet, an empty one is shown */
    bool no_background; /* tests: nothing runs but store_maintain */
    size_t chunk_rows;  /* 0 = 65,536: rows of the chunk before it becomes an image */
    /* unsealed rows before they are written as segments; 0 = 32,768 for each month that they are
     * of, at least 131,072, at most 524,288: what is not sealed is replayed after a crash */
    size_t seal_rows;
    size_t seen_segments; /* 0 = 32: from so many on a set of all ids is kept in memory */
    /* 0 = 64 MiB: what compaction in the background writes in a second, and reads about as much */
    uint64_t compact_bytes_per_second;
    uint64_t facts_bytes; /* 0 = 64 MiB: the facts file is written anew from here on */
    struct str project;   /* name, part of each file's identity */
};

/* Makes the directory when missing (not when read_only). Replays the log. */
MUST_USE bool store_open(struct os *os, struct str dir, const struct store_options *options,
                         struct store **out, struct err *e);
void store_close(struct store *s); /* waits for the background; what was acknowledged is durable */

/* The batch's memory stays the caller's. Limits (base/limits.h) are the caller's to check. */
MUST_USE bool store_append(struct store *s, const struct store_batch *batch,
                           struct store_receipt *receipt, struct err *e);

/*
 * Bulk: adds are taken in order, without waiting for the disk, with bounded memory (add blocks when
 * the writer is behind); finish makes all durable and gives the receipt. Several may run at once.
 */
struct store_import;
MUST_USE bool store_import_begin(struct store *s, struct store_import **out, struct err *e);
MUST_USE bool store_import_add(struct store_import *i, const struct store_batch *batch,
                               struct err *e);
MUST_USE bool store_import_finish(struct store_import *i, struct store_receipt *receipt,
                                  struct err *e);
void store_import_close(
    struct store_import *i); /* NULL is fine; without finish: nothing promised */
AUTO_DEFINE(store_import, store_import_close)

/* Seals what is in memory and compacts what is due, in the caller's thread, to the end. */
MUST_USE bool store_maintain(struct store *s, struct err *e);

/*
 * After a failed write: forgets what is in memory and reads the disk again, as a new process would;
 * what was acknowledged is there. A batch that was refused by the failure may be there too, whole.
 * The background does this by itself until it works; without a background, call it. True at once
 * when the store has not stopped. Imports that began before it fail (ERR_BUSY): run them again.
 */
MUST_USE bool store_restart(struct store *s, struct err *e);

/* ---- how long events are kept (store_keep.c) ---- */

/*
 * Events of a name that are older than its period are removed, by the background (five minutes
 * after the open, then once a UTC day) and by store_keep_apply: an event goes in the first run on a
 * day that begins a period or more after it. Until then it counts; in a run it goes from answers
 * and disk a segment at a time (segments with nothing else in them just go). Rules are durable when
 * the call returns. An event that was removed and is sent again with its old time is taken in, and
 * removed by the next run.
 */
struct keep_rule {
    struct str name; /* of the event */
    int64_t period_ms;
};
/* A period of 0: for ever; ERR_NOT_FOUND when there was no rule. */
MUST_USE bool store_keep_set(struct store *s, struct keep_rule rule, struct err *e);
/* In the order in which they were made; in the arena. */
void store_keep_list(struct store *s, struct arena *arena, struct keep_rule **list, size_t *count);
/* How many rows a run at `now_ms` would remove by this rule, of those in a snapshot. */
MUST_USE bool store_keep_count(const struct snapshot *v, struct keep_rule rule, int64_t now_ms,
                               uint64_t *rows, struct err *e);
struct keep_report {
    uint64_t rows;      /* removed; also of people erased before, whom nobody saw any more */
    uint64_t dropped;   /* segments that went as a whole */
    uint64_t rewritten; /* segments that lost some of their rows */
};
/* A run now, in the caller's thread. On a full disk what only has to be dropped goes first. */
MUST_USE bool store_keep_apply(struct store *s, int64_t now_ms, struct keep_report *out,
                               struct err *e);

/* ---- erasing people (store_erase.c, store_forget.c) ---- */

/*
 * Erasing a person for good, with all ids that are merged with it: events, traits, merges, the ids.
 *
 * store_erase returns when the erasure is durable; from then on no snapshot, count or list shows
 * the person. The same id in a later event is somebody new and unrelated; an event that was erased
 * counts as new if it is sent again. An id that is not known is erased all the same (was_known is
 * false): an older backup may know it. On a full disk the reserve is used.
 *
 * store_forget rewrites the files that hold anything of erased people, to the end: people, facts,
 * log, and each segment with rows of theirs. The background does so within hours, and
 * store_maintain at once. ERR_NO_SPACE: they stay hidden, and it is tried again. What others keep
 * of a person is not found by this: an account's traits, a backup elsewhere (below).
 *
 * The file "erased" lists salted hashes of the erased ids with the times, and outlives the data.
 * Restoring an older backup: open the restored store, call store_erasures_apply with the path of
 * the newest list there is (that of the directory which is being replaced, or of a newer backup of
 * the same store), then close it or go on. It erases every id that is in that list and was not yet
 * erased when the backup was made, adopts the list, and rewrites all files. It may be interrupted
 * and done again. ERR_CONFLICT: the list of another store; ERR_NOT_FOUND: there is none.
 */
#define STORE_ERASURES_FILE "erased"
struct store_erasure {
    bool was_known;
    uint64_t ids; /* those merged with it, and itself */
    uint64_t events, traits, merges;
    int64_t asked; /* UTC ms */
    char hash[33]; /* of the id, as the list has it; hexadecimal */
};
struct store_forgotten {
    uint64_t ids;             /* whose rows were looked for */
    uint64_t segments, bytes; /* rewritten, and how large they were */
    int64_t done;             /* UTC ms */
};
enum {
    STORE_FORGET_AFTER_MS = 6 * 3600 * 1000, /* the background begins */
    STORE_FORGET_PROMISE_MS = 24 * 3600 * 1000,
};
MUST_USE bool store_erase(struct store *s, struct str person, struct store_erasure *out,
                          struct err *e);
MUST_USE bool store_forget(struct store *s, struct store_forgotten *out, struct err *e);
MUST_USE bool store_erasures_apply(struct store *s, struct str list_path, struct store_erasure *out,
                                   struct err *e);
/* Whether this id is in the list of the erased, be it somebody new's by now. Looks at the whole list:
 * for restoring. */
bool store_was_erased(struct store *s, struct str id);

struct store_state {
    uint64_t events; /* live */
    uint64_t people;
    uint64_t segments;
    uint64_t segment_bytes; /* on disk */
    uint64_t log_bytes;
    uint64_t unsealed_events;
    uint64_t sealed_bytes;    /* of segments written for new rows, since it was opened */
    uint64_t rewritten_bytes; /* of segments made of others, since it was opened */
    uint64_t torn_bytes_cut;  /* at the last open */
    uint64_t restarts;        /* since it was opened */
    bool is_stopped;          /* a write failed; appends are refused */
};
void store_state(struct store *s, struct store_state *out);
/* Drawn when the store was made; a backup and what is restored from it have the same. */
uint64_t store_number(struct store *s);

/* The part of it that costs nothing to ask. */
struct store_health {
    bool is_stopped;
    struct err why; /* the failure that stopped it the last time; kind ERR_NONE: none did */
    uint64_t restarts, torn_bytes_cut;
};
void store_health(struct store *s, struct store_health *out);

/* ---- backup (store_backup.c) ---- */

struct inventory_file; /* store/inventory.h */
struct store_backup_options {
    bool (*progress)(void *context,
                     uint64_t bytes); /* as they are copied; false stops. May be NULL */
    void *context;
};
struct store_backup_receipt {
    uint64_t store;    /* the store's own number */
    uint64_t sequence; /* the point: all batches of the log up to here are in, none after it */
    struct inventory_file *files; /* what was written, with hashes, in the arena */
    size_t file_count;
    uint64_t bytes;
};
/*
 * Copies the store as it is at one moment into the directory `to` (made when missing), while
 * writing, sealing and compaction go on; everything acknowledged before the call is in it. Every
 * file is synced, and the directory; the name of the directory is the caller's to sync. The copy
 * opens as the store did. Damage is not looked for: see store_check_dir.
 */
MUST_USE bool store_backup(struct store *s, struct str to,
                           const struct store_backup_options *options, struct arena *arena,
                           struct store_backup_receipt *out, struct err *e);

/* ---- check (store_check.c) ---- */

struct store_check_options {
    /* Each damage: the file's name in the directory (empty: no single one), and a sentence. */
    void (*found)(void *context, struct str file, struct str what);
    bool (*progress)(void *context,
                     uint64_t bytes); /* as they are read; false stops. May be NULL */
    void *context;
};
struct store_check_report {
    uint64_t files, bytes, segments, events, people; /* looked at; events: rows of segments */
    uint64_t batches;                                /* of the log, behind the segments */
    uint64_t log_events; /* in these, as they were sent: an event may be in twice */
    uint64_t
        torn_bytes;   /* at the log's end: writes that were never confirmed, which is no damage */
    uint64_t damaged; /* how often `found` was called */
};
/*
 * Reads every byte of the store as it is at one moment, while all goes on, and checks all that it
 * promises: every checksum; that each file is of this store, of the length and content that the
 * manifest names; the order of rows; what segments say of themselves; that ids are in once; that
 * facts, people and the log can be read. Damage goes to `found` and the check goes on. False: it
 * could not be done (ERR_BUSY: stopped).
 */
MUST_USE bool store_check(struct store *s, const struct store_check_options *options,
                          struct store_check_report *out, struct err *e);
/* The same of a directory that nobody has open; nothing in it is changed. */
MUST_USE bool store_check_dir(struct os *os, struct str dir,
                              const struct store_check_options *options,
                              struct store_check_report *out, struct err *e);

/* A view of everything acknowledged so far. Release it soon: it keeps replaced files alive. */
MUST_USE bool store_snapshot(struct store *s, struct snapshot **out, struct err *e);
void snapshot_release(struct snapshot *v);
/* The same number of two snapshots of one handle: they show the same. Sealing and compaction keep
 * it; whatever is taken in, erased or removed changes it. Never 0. */
uint64_t snapshot_state(const struct snapshot *v);
AUTO_DEFINE(snapshot, snapshot_release)
AUTO_DEFINE(store, store_close)

/*
 * Identity: which ids are one person, now or at an earlier moment, and how that came about.
 * Merges and unmerges that changed something are kept for ever, in the order in which they were
 * acknowledged. "At a moment": what had been received by then (by the server's clock), in that
 * order.
 */
enum identity_standing {
    IDENTITY_STANDS,  /* counts */
    IDENTITY_BEHIND,  /* would count if a newer merge of `other` were taken back */
    IDENTITY_UNDONE,  /* an unmerge took it back */
    IDENTITY_UNMERGE, /* is itself an unmerge */
};
struct identity_change {
    enum fact_kind kind; /* FACT_MERGE, FACT_UNMERGE */
    struct str subject, other, by, reason;
    int64_t at;                      /* received */
    enum identity_standing standing; /* at the moment asked for */
};
struct person_identity {
    struct str person;     /* the id that stands for all of them */
    const struct str *ids; /* all that are this person, in the order in which they came */
    size_t id_count;
    const struct identity_change *changes; /* those that name one of the ids, or the id asked for */
    size_t change_count;
};
#define IDENTITY_NOW INT64_MAX
/* ERR_NOT_FOUND: nobody has that id. What `out` points to lives as long as arena and snapshot.
 * Costs a walk through the log, and for an earlier moment the replay of what touches this person.
 */
MUST_USE bool snapshot_identity(const struct snapshot *v, struct str id, int64_t as_of,
                                struct arena *arena, struct person_identity *out, struct err *e);
