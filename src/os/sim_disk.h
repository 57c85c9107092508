/*
 * os/sim_disk: private: the disk of the simulated world: a tree of nodes that is kept twice.
 *
 * `live` is what a running program sees. `durable` is what a crash cannot take. In between lie the
 * changes that were not synced, in order: of a file's bytes in its node, of names in the disk's own
 * list. A sync moves changes into the durable half; a crash decides which ones made it.
 * Functions return 0 or an errno value. Thread: one at a time (the world locks).
 */
#pragma once
#include "base/err.h"
#include "os/os_sim.h"
#include "os/sim_bytes.h"

enum { SIM_SECTOR_BYTES = 512 };

struct sim_entry {
    char *name;
    struct sim_node *node;
};

struct sim_names {
    struct sim_entry *list;
    size_t count, room;
};

/* What one write wrote; counted, since copies of the world share it. */
struct sim_blob {
    _Atomic uint32_t references;
    size_t len;
    char at[];
};

/* One unsynced change of a file: bytes written at `at`, or (bytes NULL) a new length of `at`. */
struct sim_change {
    uint64_t at;
    uint64_t order; /* among all changes of the disk */
    struct sim_blob *bytes;
};

struct sim_node {
    bool is_dir;
    bool is_locked;
    unsigned sharers; /* who hold a shared lock */
    bool is_marked;   /* while unreachable nodes are looked for */
    unsigned handles;
    struct sim_node *twin;                      /* while the disk is copied */
    struct sim_names live_names, durable_names; /* of a directory */
    struct sim_bytes live, durable;             /* of a file */
    struct sim_change *changes;
    size_t change_count, change_room;
};

/* A name that was set (or, without a node, taken away) in a directory, not yet durable. */
struct sim_naming {
    struct sim_node *dir;
    char *name;
    struct sim_node *node;
};

/* What one call did to names: one of them, or two at once for a rename. */
struct sim_name_change {
    struct sim_naming parts[2];
    size_t part_count;
    uint64_t order;
    bool is_chosen; /* while a sync gathers what it takes along */
};

struct sim_disk {
    struct sim_node *root;
    struct sim_node **nodes; /* all there are */
    size_t node_count, node_room, node_count_kept;
    struct sim_name_change *name_changes;
    size_t name_change_count, name_change_room;
    uint64_t dice;  /* advances with each throw */
    uint64_t order; /* of the next change */
};

void sim_disk_init(struct sim_disk *d, uint64_t seed);
void sim_disk_clear(struct sim_disk *d);
/* A copy of all that a crash could leave: names, bytes, changes; nobody has its files open. */
void sim_disk_copy(struct sim_disk *into, struct sim_disk *from);
bool sim_has_changes(const struct sim_disk *d); /* that a crash could take */
uint64_t sim_throw(struct sim_disk *d);         /* 64 random bits */

int sim_find(struct sim_disk *d, const char *path, struct sim_node **out);
int sim_make(struct sim_disk *d, const char *path, bool is_dir, struct sim_node **out);
int sim_remove(struct sim_disk *d, const char *path);
int sim_rename(struct sim_disk *d, const char *from, const char *to);

void sim_write(struct sim_disk *d, struct sim_node *file, uint64_t at, struct str bytes);
void sim_resize(struct sim_disk *d, struct sim_node *file, uint64_t bytes);
void sim_sync(struct sim_node *file);
/* A sync that fails: each change reached the disk or is forgotten, and no later sync brings it. */
void sim_sync_failed(struct sim_disk *d, struct sim_node *file);
void sim_sync_names(struct sim_disk *d, struct sim_node *dir);
void sim_sync_names_failed(struct sim_disk *d, struct sim_node *dir);
void sim_crash(struct sim_disk *d, enum os_sim_damage damage);
uint64_t sim_used_bytes(struct sim_disk *d); /* of files that have a name or are open */
