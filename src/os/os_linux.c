/* os/os_linux: the real world. Every call that a signal may interrupt is tried again. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "os/os_vtable.h"

enum { PARTS_AT_ONCE = 64 };

static const struct os_vtable linux_does;

struct linux_file {
    struct os_file head;
    int fd;
    char *path; /* for messages */
};

static struct linux_file *of(struct os_file *file)
{
    return (struct linux_file *)file;
}

static void linux_destroy(struct os *os)
{
    mem_free(os);
}

static int open_again(const char *path, int flags)
{
    int fd;
    do
        fd = open(path, flags | O_CLOEXEC, 0600);
    while (fd < 0 && errno == EINTR);
    return fd;
}

static bool linux_open(struct os *os, const char *path, enum os_open_mode mode,
                       struct os_file **out, struct err *e)
{
    static const int flags[] = {
        [OS_READ] = O_RDONLY,
        [OS_WRITE] = O_RDWR | O_CREAT,
        [OS_CREATE] = O_RDWR | O_CREAT | O_TRUNC,
    };
    (void)os;
    int fd = open_again(path, flags[mode]);
    if (fd < 0)
        return os_error(e, errno, "open", path);
    struct linux_file *file = mem_zero(sizeof *file);
    file->head.does = &linux_does;
    file->fd = fd;
    size_t len = strlen(path);
    file->path = mem_zero(len + 1);
    memcpy(file->path, path, len);
    *out = &file->head;
    return true;
}

static void linux_close(struct os_file *file)
{
    close(of(file)->fd); /* not again on EINTR: Linux has closed it by then */
    mem_free(of(file)->path);
    mem_free(file);
}

static bool linux_size(struct os_file *file, uint64_t *bytes, struct err *e)
{
    struct stat facts;
    if (fstat(of(file)->fd, &facts) != 0)
        return os_error(e, errno, "read the size of", of(file)->path);
    *bytes = (uint64_t)facts.st_size;
    return true;
}

static bool linux_read_at(struct os_file *file, uint64_t at, char *into, size_t len, size_t *got,
                          struct err *e)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = pread(of(file)->fd, into + done, len - done, (off_t)(at + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return os_error(e, errno, "read", of(file)->path);
        if (n == 0)
            break;
        done += (size_t)n;
    }
    *got = done;
    return true;
}

/* Writes one group of at most PARTS_AT_ONCE parts to the end, however the system cuts it. */
static bool write_group(struct linux_file *file, uint64_t at, struct iovec *parts, int count,
                        struct err *e)
{
    while (count > 0) {
        ssize_t n = pwritev(file->fd, parts, count, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return os_error(e, errno, "write", file->path);
        at += (uint64_t)n;
        size_t left = (size_t)n;
        while (count > 0 && left >= parts->iov_len) {
            left -= parts->iov_len;
            parts++;
            count--;
        }
        if (count > 0) {
            if (n == 0)
                return os_error(e, EIO, "write", file->path);
            parts->iov_base = (char *)parts->iov_base + left;
            parts->iov_len -= left;
        }
    }
    return true;
}

static bool linux_write_at(struct os_file *file, uint64_t at, const struct str *parts,
                           size_t part_count, struct err *e)
{
    struct iovec group[PARTS_AT_ONCE];
    for (size_t i = 0; i < part_count;) {
        int count = 0;
        uint64_t bytes = 0;
        for (; i < part_count && count < PARTS_AT_ONCE; i++) {
            group[count++] = (struct iovec){(void *)parts[i].at, parts[i].len};
            bytes += parts[i].len;
        }
        if (!write_group(of(file), at, group, count, e))
            return false;
        at += bytes;
    }
    return true;
}

static bool linux_truncate(struct os_file *file, uint64_t bytes, struct err *e)
{
    while (ftruncate(of(file)->fd, (off_t)bytes) != 0)
        if (errno != EINTR)
            return os_error(e, errno, "truncate", of(file)->path);
    return true;
}

static bool linux_reserve(struct os_file *file, uint64_t bytes, struct err *e)
{
    if (bytes == 0)
        return true;
    while (fallocate(of(file)->fd, 0, 0, (off_t)bytes) != 0) {
        if (errno == EINTR)
            continue;
        if (errno != EOPNOTSUPP)
            return os_error(e, errno, "reserve space for", of(file)->path);
        uint64_t size;
        return linux_size(file, &size, e) && (size >= bytes || linux_truncate(file, bytes, e));
    }
    return true;
}

static bool linux_sync(struct os_file *file, struct err *e)
{
    if (fdatasync(of(file)->fd) != 0)
        return os_error(e, errno, "sync", of(file)->path);
    return true;
}

static bool linux_map(struct os *os, const char *path, struct os_map *out, struct err *e)
{
    (void)os;
    int fd = open_again(path, O_RDONLY);
    if (fd < 0)
        return os_error(e, errno, "open", path);
    struct stat facts;
    void *at = NULL;
    bool ok = fstat(fd, &facts) == 0;
    if (ok && facts.st_size > 0) {
        at = mmap(NULL, (size_t)facts.st_size, PROT_READ, MAP_SHARED, fd, 0);
        ok = at != MAP_FAILED;
    }
    int problem = errno;
    close(fd);
    if (!ok)
        return os_error(e, problem, "map", path);
    *out = (struct os_map){at ? at : "", (size_t)facts.st_size, at};
    return true;
}

static void linux_unmap(struct os *os, struct os_map *map)
{
    (void)os;
    if (map->keep)
        munmap(map->keep, map->len);
}

static bool linux_rename(struct os *os, const char *from, const char *to, struct err *e)
{
    (void)os;
    if (rename(from, to) != 0) {
        os_error(e, errno, "rename to", to);
        return err_while(e, "renaming %s", from);
    }
    return true;
}

static bool linux_remove(struct os *os, const char *path, struct err *e)
{
    (void)os;
    if (remove(path) != 0 && errno != ENOENT)
        return os_error(e, errno, "remove", path);
    return true;
}

static bool linux_dir_make(struct os *os, const char *path, struct err *e)
{
    (void)os;
    if (mkdir(path, 0700) == 0)
        return true;
    int problem = errno;
    struct stat facts;
    if (problem == EEXIST && stat(path, &facts) == 0 && S_ISDIR(facts.st_mode))
        return true;
    return os_error(e, problem, "make the directory", path);
}

static bool linux_dir_sync(struct os *os, const char *path, struct err *e)
{
    (void)os;
    int fd = open_again(path, O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return os_error(e, errno, "open the directory", path);
    int problem = fsync(fd) == 0 ? 0 : errno;
    close(fd);
    /* Some network file systems cannot sync directories and say EINVAL; their renames are sync. */
    if (problem && problem != EINVAL)
        return os_error(e, problem, "sync the directory", path);
    return true;
}

static bool linux_dir_list(struct os *os, const char *path, struct arena *arena, struct str **names,
                           size_t *count, struct err *e)
{
    (void)os;
    DIR *dir = opendir(path);
    if (!dir)
        return os_error(e, errno, "list the directory", path);
    struct str *list = NULL;
    size_t list_count = 0, room = 0;
    struct dirent *entry;
    while (errno = 0, (entry = readdir(dir))) {
        struct str name = str_of(entry->d_name);
        if (!str_equal(name, STR(".")) && !str_equal(name, STR("..")))
            ARRAY_PUSH(list, list_count, room) = arena_copy(arena, name);
    }
    int problem = errno;
    closedir(dir);
    if (!problem) {
        os_sort_names(list, list_count);
        *names = arena_array(arena, list_count, sizeof **names);
        if (list_count)
            memcpy(*names, list, list_count * sizeof *list);
        *count = list_count;
    }
    mem_free(list);
    return problem ? os_error(e, problem, "list the directory", path) : true;
}

static bool linux_exists(struct os *os, const char *path)
{
    (void)os;
    return access(path, F_OK) == 0;
}

static bool linux_lock(struct os *os, const char *path, bool is_shared, struct os_file **out,
                       struct err *e)
{
    struct os_file *file = NULL;
    if (!linux_open(os, path, is_shared ? OS_READ : OS_WRITE, &file, e))
        return false;
    while (flock(of(file)->fd, (is_shared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0) {
        if (errno == EINTR)
            continue;
        if (errno == EWOULDBLOCK) {
            err_set(e, ERR_BUSY, "%s is locked by another process", path);
            err_hint(e, "stop the other process, or use another directory");
        } else {
            os_error(e, errno, "lock", path);
        }
        linux_close(file);
        return false;
    }
    *out = file;
    return true;
}

static bool linux_free_bytes(struct os *os, const char *path, uint64_t *bytes, struct err *e)
{
    (void)os;
    struct statvfs facts;
    if (statvfs(path, &facts) != 0)
        return os_error(e, errno, "read the free space of", path);
    *bytes = (uint64_t)facts.f_bavail * facts.f_frsize;
    return true;
}

static int64_t linux_now_ms(struct os *os)
{
    (void)os;
    struct timespec t;
    REQUIRE(clock_gettime(CLOCK_REALTIME, &t) == 0);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static uint64_t linux_monotonic_ns(struct os *os)
{
    (void)os;
    struct timespec t;
    REQUIRE(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void linux_random(struct os *os, void *into, size_t len)
{
    (void)os;
    for (size_t done = 0; done < len;) {
        ssize_t n = getrandom((char *)into + done, len - done, 0);
        REQUIRE(n >= 0 || errno == EINTR);
        done += n > 0 ? (size_t)n : 0;
    }
}

static const struct os_vtable linux_does = {
    .destroy = linux_destroy,
    .open = linux_open,
    .close = linux_close,
    .size = linux_size,
    .read_at = linux_read_at,
    .write_at = linux_write_at,
    .truncate = linux_truncate,
    .reserve = linux_reserve,
    .sync = linux_sync,
    .map = linux_map,
    .unmap = linux_unmap,
    .rename = linux_rename,
    .remove = linux_remove,
    .dir_make = linux_dir_make,
    .dir_sync = linux_dir_sync,
    .dir_list = linux_dir_list,
    .exists = linux_exists,
    .lock = linux_lock,
    .free_bytes = linux_free_bytes,
    .now_ms = linux_now_ms,
    .monotonic_ns = linux_monotonic_ns,
    .random = linux_random,
};

struct os *os_linux_create(void)
{
    struct os *os = mem_zero(sizeof *os);
    os->does = &linux_does;
    return os;
}
