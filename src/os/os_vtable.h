/*
 * os/os_vtable: private to this room: what a world must be able to do. os.c checks paths and
 * promises once, for every world; os_linux.c and os_sim.c fill the table.
 */
#pragma once
#include "os/os.h"

struct os_vtable {
    void (*destroy)(struct os *);
    bool (*open)(struct os *, const char *path, enum os_open_mode, struct os_file **, struct err *);
    void (*close)(struct os_file *);
    bool (*size)(struct os_file *, uint64_t *, struct err *);
    bool (*read_at)(struct os_file *, uint64_t at, char *into, size_t len, size_t *got,
                    struct err *);
    bool (*write_at)(struct os_file *, uint64_t at, const struct str *, size_t, struct err *);
    bool (*truncate)(struct os_file *, uint64_t bytes, struct err *);
    bool (*reserve)(struct os_file *, uint64_t bytes, struct err *);
    bool (*sync)(struct os_file *, struct err *);
    bool (*map)(struct os *, const char *path, struct os_map *, struct err *);
    void (*unmap)(struct os *, struct os_map *);
    bool (*rename)(struct os *, const char *from, const char *to, struct err *);
    bool (*remove)(struct os *, const char *path, struct err *);
    bool (*dir_make)(struct os *, const char *path, struct err *);
    bool (*dir_sync)(struct os *, const char *path, struct err *);
    bool (*dir_list)(struct os *, const char *path, struct arena *, struct str **, size_t *,
                     struct err *);
    bool (*exists)(struct os *, const char *path);
    bool (*lock)(struct os *, const char *path, bool is_shared, struct os_file **, struct err *);
    bool (*free_bytes)(struct os *, const char *path, uint64_t *, struct err *);
    int64_t (*now_ms)(struct os *);
    uint64_t (*monotonic_ns)(struct os *);
    void (*random)(struct os *, void *, size_t);
};

/* First members of every world and of every file handle. */
struct os {
    const struct os_vtable *does;
};

struct os_file {
    const struct os_vtable *does;
};

/* "cannot <verb> <path>: <the system's words>", with the kind that os.h promises. */
bool os_error(struct err *e, int error_number, const char *verb, const char *path);

/* Sorts names by bytes. */
void os_sort_names(struct str *names, size_t count);
