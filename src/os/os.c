/* os/os: checks paths, hands each call to its world, and builds whole-file calls from small ones.
 */
#include "os/os.h"

#include <errno.h>
#include <stdlib.h>

#include "os/os_vtable.h"

bool os_error(struct err *e, int error_number, const char *verb, const char *path)
{
    enum err_kind kind = ERR_IO;
    if (error_number == ENOSPC || error_number == EDQUOT)
        kind = ERR_NO_SPACE;
    else if (error_number == ENOENT)
        kind = ERR_NOT_FOUND;
    const char *words = strerrordesc_np(error_number);
    err_set(e, kind, "cannot %s %s: %s", verb, path, words ? words : "unknown error");
    if (kind == ERR_NO_SPACE)
        err_hint(e, "free some space on that disk, then try again");
    return false;
}

static int by_bytes(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

void os_sort_names(struct str *names, size_t count)
{
    if (count)
        qsort(names, count, sizeof *names, by_bytes);
}

/* A checked path with its NUL, for the system's functions. */
struct path {
    char text[OS_PATH_BYTES + 1];
};

static bool path_from(struct str s, struct path *out, struct err *e)
{
    if (s.len == 0)
        return err_set(e, ERR_INVALID, "a path is empty");
    if (s.len > OS_PATH_BYTES)
        return err_set(e, ERR_INVALID, "a path of %zu bytes is longer than %d: %.60s…", s.len,
                       OS_PATH_BYTES, s.at);
    if (str_find(s, 0) < s.len)
        return err_set(e, ERR_INVALID, "a path holds a NUL byte");
    memcpy(out->text, s.at, s.len);
    out->text[s.len] = 0;
    return true;
}

void os_destroy(struct os *os)
{
    if (os)
        os->does->destroy(os);
}

bool os_file_open(struct os *os, struct str path, enum os_open_mode mode, struct os_file **out,
                  struct err *e)
{
    struct path p;
    return path_from(path, &p, e) && os->does->open(os, p.text, mode, out, e);
}

void os_file_close(struct os_file *file)
{
    if (file)
        file->does->close(file);
}

bool os_file_size(struct os_file *file, uint64_t *bytes, struct err *e)
{
    return file->does->size(file, bytes, e);
}

bool os_file_read_at(struct os_file *file, uint64_t at, void *into, size_t len, size_t *got,
                     struct err *e)
{
    return file->does->read_at(file, at, into, len, got, e);
}

bool os_file_write_at(struct os_file *file, uint64_t at, const struct str *parts, size_t part_count,
                      struct err *e)
{
    return file->does->write_at(file, at, parts, part_count, e);
}

bool os_file_truncate(struct os_file *file, uint64_t bytes, struct err *e)
{
    return file->does->truncate(file, bytes, e);
}

bool os_file_reserve(struct os_file *file, uint64_t bytes, struct err *e)
{
    return file->does->reserve(file, bytes, e);
}

bool os_file_sync(struct os_file *file, struct err *e)
{
    return file->does->sync(file, e);
}

bool os_map(struct os *os, struct str path, struct os_map *out, struct err *e)
{
    struct path p;
    return path_from(path, &p, e) && os->does->map(os, p.text, out, e);
}

void os_unmap(struct os *os, struct os_map *map)
{
    os->does->unmap(os, map);
    *map = (struct os_map){0};
}

bool os_rename(struct os *os, struct str from, struct str to, struct err *e)
{
    struct path old_path, new_path;
    return path_from(from, &old_path, e) && path_from(to, &new_path, e) &&
           os->does->rename(os, old_path.text, new_path.text, e);
}

bool os_remove(struct os *os, struct str path, struct err *e)
{
    struct path p;
    return path_from(path, &p, e) && os->does->remove(os, p.text, e);
}

bool os_dir_make(struct os *os, struct str path, struct err *e)
{
    struct path p;
    return path_from(path, &p, e) && os->does->dir_make(os, p.text, e);
}

bool os_dir_sync(struct os *os, struct str path, struct err *e)
{
    struct path p;
    return path_from(path, &p, e) && os->does->dir_sync(os, p.text, e);
}

bool os_dir_list(struct os *os, struct str path, struct arena *arena, struct str **names,
                 size_t *count, struct err *e)
{
    struct path p;
    return path_from(path, &p, e) && os->does->dir_list(os, p.text, arena, names, count, e);
}

bool os_exists(struct os *os, struct str path)
{
    struct path p;
    struct err ignored = {0};
    return path_from(path, &p, &ignored) && os->does->exists(os, p.text);
}

bool os_lock(struct os *os, struct str path, struct os_file **out, struct err *e)
{
    struct path p;
    return path_from(path, &p, e) && os->does->lock(os, p.text, false, out, e);
}

bool os_lock_shared(struct os *os, struct str path, struct os_file **out, struct err *e)
{
    struct path p;
    return path_from(path, &p, e) && os->does->lock(os, p.text, true, out, e);
}

bool os_free_bytes(struct os *os, struct str path, uint64_t *bytes, struct err *e)
{
    struct path p;
    return path_from(path, &p, e) && os->does->free_bytes(os, p.text, bytes, e);
}

static struct str directory_of(struct str path)
{
    size_t len = path.len;
    while (len > 0 && path.at[len - 1] != '/')
        len--;
    return len ? str_sub(path, 0, MAX(len - 1, 1)) : STR(".");
}

static bool write_synced(struct os *os, struct str path, struct str bytes, struct err *e)
{
    AUTO(os_file) *file = NULL;
    return os_file_open(os, path, OS_CREATE, &file, e) && os_file_write_at(file, 0, &bytes, 1, e) &&
           os_file_sync(file, e);
}

bool os_write_whole(struct os *os, struct str path, struct str bytes, struct err *e)
{
    char room[OS_PATH_BYTES];
    if (path.len + 4 > sizeof room)
        return err_set(e, ERR_INVALID, "a path of %zu bytes is longer than %d", path.len,
                       OS_PATH_BYTES - 4);
    memcpy(room, path.at, path.len);
    memcpy(room + path.len, ".tmp", 4);
    struct str temporary = {room, path.len + 4};
    if (write_synced(os, temporary, bytes, e) && os_rename(os, temporary, path, e))
        return os_dir_sync(os, directory_of(path), e);
    struct err ignored = {0};
    if (!os_remove(os, temporary, &ignored))
        return false; /* the first error says more; the left-over is overwritten next time */
    return false;
}

bool os_read_whole(struct os *os, struct str path, struct arena *arena, struct str *out,
                   struct err *e)
{
    AUTO(os_file) *file = NULL;
    uint64_t bytes = 0;
    if (!os_file_open(os, path, OS_READ, &file, e) || !os_file_size(file, &bytes, e))
        return false;
    char *room = arena_alloc(arena, bytes + 1); /* a NUL follows */
    size_t got = 0;
    if (!os_file_read_at(file, 0, room, bytes, &got, e))
        return false;
    *out = (struct str){room, got};
    return true;
}

int64_t os_now_ms(struct os *os)
{
    return os->does->now_ms(os);
}

uint64_t os_monotonic_ns(struct os *os)
{
    return os->does->monotonic_ns(os);
}

void os_random(struct os *os, void *into, size_t len)
{
    os->does->random(os, into, len);
}
