/*
 * access/testing (private to the tests of the room): a records database in a folder of its own.
 */
#pragma once
#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "access/access.h"
#include "os/os_sim.h"

struct place {
    struct os *sim;  /* clock and dice; SQLite's file is a real one */
    struct os *real; /* files */
    char dir[64], path[96];
    struct record *record;
    struct access *access;
};

static inline void place_open(struct place *p)
{
    struct err e = {0};

    assert_works(
        record_open(str_of(p->path), access_migrations, access_migration_count, &p->record, &e), e);
    assert_works(access_open(p->sim, p->record, &p->access, &e), e);
}

static inline void place_close(struct place *p)
{
    access_close(p->access);
    record_close(p->record);
    p->access = NULL;
    p->record = NULL;
}

static inline int place_make(void **state)
{
    struct place *p = mem_zero(sizeof *p);

    p->sim = os_sim_create((struct os_sim_plan){.seed = 7});
    p->real = os_linux_create();
    snprintf(p->dir, sizeof p->dir, "/tmp/tenure-access-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    snprintf(p->path, sizeof p->path, "%s/records.db", p->dir);
    place_open(p);
    *state = p;
    return 0;
}

static inline int place_drop(void **state)
{
    static const char *const names[] = {"records.db", "records.db-wal", "records.db-shm"};
    struct place *p = *state;
    struct err e = {0};
    char path[128];

    place_close(p);
    for (size_t i = 0; i < COUNT(names); i++) {
        snprintf(path, sizeof path, "%s/%s", p->dir, names[i]);
        assert_works(os_remove(p->real, str_of(path), &e), e);
    }
    rmdir(p->dir);
    os_destroy(p->sim);
    os_destroy(p->real);
    mem_free(p);
    return 0;
}

static inline void place_project(struct place *p, const char *name)
{
    struct record_value value = RECORD_T(str_of(name));
    struct err e = {0};

    assert_works(record_run(p->record,
                            "INSERT INTO project(name, created, timezone, week_start, is_simulated)"
                            " VALUES ($1, 0, 'UTC', 'monday', 0)",
                            &value, 1, NULL, &e),
                 e);
}
