/*
 * flow/asking: a project, ready to be asked: its settings, a snapshot, its own names, and what is
 * kept between questions. The one place where a question's context is made.
 *
 * Ownership: in the caller's frame; asking_close lets the snapshot go. Texts live in the arena.
 * Thread: each question its own.
 */
#pragma once
#include "access/projects.h"
#include "query/query.h"
#include "saved/names.h"

struct asking_room {
    struct os *os;
    struct record *record;
    struct projects *projects;
    struct pool *pool;
    const volatile bool *cancel; /* may be NULL */
    bool is_patient;             /* no time limit: a command at the terminal */
};

struct asking {
    struct project_settings settings;
    struct store *store;
    struct snapshot *snapshot;
    struct store_source stored;
    struct source *source;
    struct saved_vocabulary names;
    struct query_context context;
    struct saved_project project; /* to save into, and to ask what is saved */
};

/* `names_only`: the source answers as if nothing had happened: to check what is to be saved. */
MUST_USE bool asking_open(const struct asking_room *room, struct str project, bool names_only,
                          struct arena *arena, struct asking *out, struct err *e);
void asking_close(struct asking *a);
#define ASKING_AUTO __attribute__((cleanup(asking_close))) struct asking

/* Takes a person out of the project's saved lists. Before the person is erased: afterwards nobody
 * knows which ids were theirs. */
MUST_USE bool asking_forget(const struct asking_room *room, struct str project, struct str person,
                            struct err *e);

/* The part of it that needs no snapshot. */
MUST_USE bool asking_context(const struct asking_room *room,
                             const struct project_settings *settings, struct arena *arena,
                             struct saved_vocabulary *names, struct query_context *out,
                             struct err *e);
