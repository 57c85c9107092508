/*
 * os/os_sim: the simulated world for tests. Same functions as os/os.h, kept in memory.
 *
 * What was written but not synced is lost in part at a crash: os_sim_crash drops or tears each
 * unsynced write (512-byte sectors) and each unsynced directory entry by the dice of the seed.
 * Faults are set by plan and may be changed while it runs. Thread: as os/os.h (one inner lock).
 *
 * The root directory is there from the start; `/a`, `a` and `./a` are one path; `..` is refused.
 * What a call meets by plan:
 *  - a failed write has written a part; a failed sync has lost for good what it did not bring to
 *    the disk (a second sync succeeds and brings nothing back); other failed calls do nothing;
 *  - the call at `stop_at` may or may not have happened when the power goes; it and all later
 *    changing calls return ERR_IO, so nothing is acknowledged that a crash could take;
 *  - on a full disk a write leaves the part that fitted, and ERR_NO_SPACE.
 * A crash brings power and disk back (stop_at and fail_at are cleared) and frees all locks.
 *
 * To crash at every call of a run without running it again: os_sim_watch tells before each changing
 * call; os_sim_copy makes a second world of what is on the disk then, which may crash on its own.
 */
#pragma once
#include "os/os.h"

/* Calls that change the disk are numbered from 1: open that creates, write, sync, truncate,
 * reserve, rename, remove, mkdir, dir sync. Those that read are numbered by themselves: open of a
 * file that is there, size, read, map, list; not lock, exists and free bytes. */
struct os_sim_plan {
    uint64_t seed;           /* of the dice, the tearing and os_random */
    int64_t now_ms;          /* where the clock starts; 0 = 2026-01-01T00:00:00Z */
    uint64_t disk_bytes_max; /* 0 = no limit */
    uint64_t fail_at;        /* the n-th changing call fails with ERR_IO; 0 = never */
    bool fail_for_ever;      /* and all later ones too */
    bool fail_full;          /* ERR_NO_SPACE instead, and only of calls that need space */
    uint64_t stop_at;      /* from the n-th changing call on nothing reaches the disk (power cut) */
    uint64_t read_fail_at; /* the n-th reading call fails with ERR_IO, once; 0 = never */
    bool sync_lies;        /* syncs say yes and do nothing: what a test must notice */
};

/* What a power cut does to what was not synced: file bytes (in 512-byte sectors), lengths, names
 * (made, renamed, removed). */
enum os_sim_damage {
    OS_SIM_ANY,     /* each file, and the names, meet one of drop, keep, first, each */
    OS_SIM_DROP,    /* all of it is lost */
    OS_SIM_KEEP,    /* all of it is there */
    OS_SIM_FIRST,   /* all up to some call is there, that call's write torn, nothing after */
    OS_SIM_EACH,    /* any subset, some of it torn */
    OS_SIM_TEAR,    /* every write is torn, any subset of the names is there */
    OS_SIM_NAMES,   /* names are there, bytes and lengths are not */
    OS_SIM_BYTES,   /* bytes are there, names are not */
    OS_SIM_LENGTHS, /* names and lengths are there, bytes are not: they read as before, or zero */
    OS_SIM_DAMAGES,
};

struct os *os_sim_create(struct os_sim_plan plan);
/* Resets the call count and the dice; a now_ms of 0 leaves the clock where it is. */
void os_sim_set_plan(struct os *os, struct os_sim_plan plan);
uint64_t os_sim_calls(struct os *os); /* changing calls so far */
uint64_t os_sim_reads(struct os *os); /* reading calls so far */
void os_sim_advance(struct os *os, int64_t ms);
/* Power cut: unsynced data and names are lost, torn or kept by the dice. Open handles go stale. */
void os_sim_crash(struct os *os); /* OS_SIM_ANY */
void os_sim_crash_as(struct os *os, enum os_sim_damage damage);
/* Is there anything on the disk that a power cut could take? */
bool os_sim_is_unsynced(struct os *os);
/* A world of its own with the same disk (shared until one writes), clock and plan, where nothing is
 * open and no call was made. */
struct os *os_sim_copy(struct os *os);
/* `before` is called before each changing call, in the caller's thread; it may copy this world but
 * not change it. NULL: no more. */
void os_sim_watch(struct os *os, void (*before)(void *context, struct os *os), void *context);
/* Changes one stored byte (bit rot): false if the file has no such byte. */
bool os_sim_flip(struct os *os, struct str path, uint64_t at, unsigned char mask);
uint64_t os_sim_used_bytes(struct os *os);
