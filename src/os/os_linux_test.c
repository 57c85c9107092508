/* What only the real world has; the rest is in os_test.c, for both worlds. */
#include "base/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <dirent.h>

#include "os/os.h"

/* ---- calls that fail ---- */

/*
 * The linker puts these before the system's calls (--wrap, meson.build). The first `times` calls of
 * `call` fail with `error`; error 0: they do half of what they were asked, or nothing (`is_none`).
 */
static struct {
    const char *call;
    int times, error;
    bool is_none;
} fault;

static bool fails(const char *call)
{
    if (!fault.call || !fault.times || strcmp(fault.call, call) != 0)
        return false;
    fault.times--;
    errno = fault.error;
    return true;
}

static void set_fault(const char *call, int times, int error)
{
    fault.call = call;
    fault.times = times;
    fault.error = error;
    fault.is_none = false;
}

#define WRAP(type, name, parameters, arguments)                                                    \
    type __real_##name parameters; /* NOLINT(bugprone-reserved-identifier): the linker's name */   \
    type __wrap_##name parameters; /* NOLINT(bugprone-reserved-identifier) */                      \
    type __wrap_##name parameters                                                                  \
    {                                                                                              \
        return fails(#name) ? -1 : __real_##name arguments;                                        \
    }

WRAP(int, ftruncate64, (int fd, off_t bytes), (fd, bytes))
WRAP(int, fallocate64, (int fd, int mode, off_t at, off_t len), (fd, mode, at, len))
WRAP(int, fdatasync, (int fd), (fd))
WRAP(int, fsync, (int fd), (fd))
WRAP(int, flock, (int fd, int operation), (fd, operation))
WRAP(int, fstat64, (int fd, struct stat *out), (fd, out))
WRAP(int, open64, (const char *path, int flags, mode_t mode), (path, flags, mode))

struct dirent *__real_readdir64(DIR *dir);
struct dirent *__wrap_readdir64(DIR *dir);
struct dirent *__wrap_readdir64(DIR *dir)
{
    return fails("readdir64") ? NULL : __real_readdir64(dir);
}

ssize_t __real_pread64(int fd, void *into, size_t len, off_t at);
ssize_t __wrap_pread64(int fd, void *into, size_t len, off_t at);
ssize_t __wrap_pread64(int fd, void *into, size_t len, off_t at)
{
    if (!fails("pread64"))
        return __real_pread64(fd, into, len, at);
    return fault.error ? -1 : __real_pread64(fd, into, (len + 1) / 2, at);
}

/* Half: the first part and one byte of the second. */
ssize_t __real_pwritev64(int fd, const struct iovec *parts, int count, off_t at);
ssize_t __wrap_pwritev64(int fd, const struct iovec *parts, int count, off_t at);
ssize_t __wrap_pwritev64(int fd, const struct iovec *parts, int count, off_t at)
{
    if (!fails("pwritev64"))
        return __real_pwritev64(fd, parts, count, at);
    if (fault.error)
        return -1;
    if (fault.is_none)
        return 0;
    struct iovec half[2] = {parts[0], {parts[count > 1].iov_base, 1}};
    return __real_pwritev64(fd, half, count > 1 ? 2 : 1, at);
}

struct place {
    struct os *os;
    struct arena *arena;
    struct os_file *file; /* root/f, which holds "hello" */
    char root[64];
    struct err e;
};

static struct str in(struct place *p, const char *name)
{
    return arena_printf(p->arena, "%s/%s", p->root, name);
}

static int make_place(void **state)
{
    struct place *p = mem_zero(sizeof *p);
    const char *tmp = getenv("TMPDIR");
    snprintf(p->root, sizeof p->root, "%.40s/tenure-os-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(p->root))
        return -1;
    p->os = os_linux_create();
    p->arena = arena_create(0);
    *state = p;
    return os_write_whole(p->os, in(p, "f"), STR("hello"), &p->e) &&
                   os_file_open(p->os, in(p, "f"), OS_WRITE, &p->file, &p->e)
               ? 0
               : -1;
}

static int clear_place(void **state)
{
    struct place *p = *state;
    struct str *names;
    size_t count = 0;
    bool ok = os_dir_list(p->os, str_of(p->root), p->arena, &names, &count, &p->e);
    set_fault(NULL, 0, 0);
    for (size_t i = 0; ok && i < count; i++)
        ok = os_remove(p->os, in(p, names[i].at), &p->e);
    ok = ok && os_remove(p->os, str_of(p->root), &p->e);
    os_file_close(p->file);
    os_destroy(p->os);
    arena_destroy(p->arena);
    mem_free(p);
    return ok ? 0 : -1;
}

static void assert_text(struct place *p, struct str want)
{
    struct str text;
    assert_works(os_read_whole(p->os, in(p, "f"), p->arena, &text, &p->e), p->e);
    assert_str(text, want);
}

/* The call failed with these words, and all of the plan's faults were met. */
static void assert_failed(struct place *p, bool ok, enum err_kind kind, const char *words)
{
    assert_false(ok);
    assert_int_equal(fault.times, 0);
    assert_int_equal(p->e.kind, kind);
    if (!strstr(p->e.text, words))
        fail_msg("\"%s\" lacks \"%s\"", p->e.text, words);
    p->e = (struct err){0};
}

static void a_signal_stops_nothing(void **state)
{
    struct place *p = *state;
    struct str parts[] = {STR("ab"), STR("cde")};
    char room[8];
    size_t got;
    AUTO(os_file) *lock = NULL;
    set_fault("pwritev64", 2, EINTR);
    assert_works(os_file_write_at(p->file, 0, parts, 2, &p->e), p->e);
    assert_int_equal(fault.times, 0);
    set_fault("pread64", 2, EINTR);
    assert_works(os_file_read_at(p->file, 0, room, 5, &got, &p->e), p->e);
    assert_str(((struct str){room, got}), STR("abcde"));
    set_fault("ftruncate64", 2, EINTR);
    assert_works(os_file_truncate(p->file, 2, &p->e), p->e);
    assert_text(p, STR("ab"));
    set_fault("fallocate64", 2, EINTR);
    assert_works(os_file_reserve(p->file, 3, &p->e), p->e);
    assert_text(p, (struct str){"ab\0", 3});
    set_fault("flock", 2, EINTR);
    assert_works(os_lock(p->os, in(p, "lock"), &lock, &p->e), p->e);
    set_fault("open64", 2, EINTR);
    assert_works(os_dir_sync(p->os, str_of(p->root), &p->e), p->e);
    assert_int_equal(fault.times, 0);
}

static void what_the_system_cuts_is_done_to_the_end(void **state)
{
    struct place *p = *state;
    struct str parts[] = {STR("one"), STR("two"), STR("three")};
    char room[16];
    size_t got;
    set_fault("pwritev64", 3, 0);
    assert_works(os_file_write_at(p->file, 0, parts, 3, &p->e), p->e);
    assert_int_equal(fault.times, 0);
    assert_text(p, STR("onetwothree"));
    set_fault("pread64", 2, 0);
    assert_works(os_file_read_at(p->file, 0, room, sizeof room, &got, &p->e), p->e);
    assert_str(((struct str){room, got}), STR("onetwothree"));
    set_fault("pwritev64", 1, 0); /* a system that takes nothing and says nothing */
    fault.is_none = true;
    assert_failed(p, os_file_write_at(p->file, 0, parts, 3, &p->e), ERR_IO, "cannot write");
}

static void what_fails_says_why(void **state)
{
    struct place *p = *state;
    struct str x = STR("x");
    struct str *names;
    struct os_map map;
    struct os_file *lock = NULL;
    char room[8];
    size_t got;
    uint64_t bytes;
    set_fault("pwritev64", 1, EDQUOT);
    assert_failed(p, os_file_write_at(p->file, 0, &x, 1, &p->e), ERR_NO_SPACE, "quota");
    set_fault("pread64", 1, EIO);
    assert_failed(p, os_file_read_at(p->file, 0, room, 5, &got, &p->e), ERR_IO, "cannot read");
    set_fault("pread64", 1, EIO);
    assert_failed(p, os_read_whole(p->os, in(p, "f"), p->arena, &x, &p->e), ERR_IO, "cannot read");
    set_fault("ftruncate64", 1, EIO);
    assert_failed(p, os_file_truncate(p->file, 0, &p->e), ERR_IO, "cannot truncate");
    set_fault("fdatasync", 1, EIO);
    assert_failed(p, os_file_sync(p->file, &p->e), ERR_IO, "cannot sync");
    set_fault("fsync", 1, EIO);
    assert_failed(p, os_dir_sync(p->os, str_of(p->root), &p->e), ERR_IO, "cannot sync the dir");
    set_fault("flock", 1, ENOLCK);
    assert_failed(p, os_lock(p->os, in(p, "lock"), &lock, &p->e), ERR_IO, "cannot lock");
    set_fault("fstat64", 1, EIO);
    assert_failed(p, os_file_size(p->file, &bytes, &p->e), ERR_IO, "cannot read the size");
    set_fault("fstat64", 1, EIO);
    assert_failed(p, os_read_whole(p->os, in(p, "f"), p->arena, &x, &p->e), ERR_IO, "the size of");
    set_fault("fstat64", 1, EIO);
    assert_failed(p, os_map(p->os, in(p, "f"), &map, &p->e), ERR_IO, "cannot map");
    set_fault("readdir64", 1, EIO);
    assert_failed(p, os_dir_list(p->os, str_of(p->root), p->arena, &names, &got, &p->e), ERR_IO,
                  "cannot list");
    set_fault("fallocate64", 1, 524); /* the kernel's own, which has no words */
    assert_failed(p, os_file_reserve(p->file, 9, &p->e), ERR_IO, "unknown error");
    assert_failed(p, os_map(p->os, str_of(p->root), &map, &p->e), ERR_IO, "cannot map");
    assert_failed(p, os_dir_sync(p->os, in(p, "none"), &p->e), ERR_NOT_FOUND, "cannot open");
    assert_failed(p, os_lock(p->os, in(p, "none/lock"), &lock, &p->e), ERR_NOT_FOUND, "none/lock");
    assert_failed(p, os_free_bytes(p->os, in(p, "none"), &bytes, &p->e), ERR_NOT_FOUND, "free");
    assert_int_equal(symlink("nowhere", in(p, "link").at), 0);
    assert_failed(p, os_dir_make(p->os, in(p, "link"), &p->e), ERR_IO, "cannot make");
    assert_failed(p, os_dir_make(p->os, in(p, "none/d"), &p->e), ERR_NOT_FOUND, "cannot make");
    assert_text(p, STR("hello"));
}

/* File systems that cannot reserve: the file grows all the same, and never shrinks. */
static void without_fallocate_files_grow(void **state)
{
    struct place *p = *state;
    assert_works(os_file_reserve(p->file, 0, &p->e), p->e);
    set_fault("fallocate64", 2, EOPNOTSUPP);
    assert_works(os_file_reserve(p->file, 3, &p->e), p->e);
    assert_text(p, STR("hello"));
    assert_works(os_file_reserve(p->file, 7, &p->e), p->e);
    assert_int_equal(fault.times, 0);
    assert_text(p, (struct str){"hello\0\0", 7});
}

static void failed_reserving_without_fallocate(void **state)
{
    struct place *p = *state;
    set_fault("fallocate64", 1, EOPNOTSUPP);
    os_file_close(TAKE(p->file));
    assert_works(os_file_open(p->os, in(p, "f"), OS_READ, &p->file, &p->e), p->e);
    assert_failed(p, os_file_reserve(p->file, 7, &p->e), ERR_IO, "cannot truncate");
    assert_text(p, STR("hello"));
}

/* Some network file systems cannot sync a directory. */
static void directories_that_cannot_be_synced(void **state)
{
    struct place *p = *state;
    set_fault("fsync", 1, EINVAL);
    assert_works(os_dir_sync(p->os, str_of(p->root), &p->e), p->e);
    assert_int_equal(fault.times, 0);
}

static void full_disk_has_its_own_kind(void **state)
{
    (void)state;
    AUTO(os) *os = os_linux_create();
    struct err e = {0};
    AUTO(os_file) *full = NULL;
    if (access("/dev/full", W_OK) != 0)
        skip();
    assert_works(os_file_open(os, STR("/dev/full"), OS_WRITE, &full, &e), e);
    struct str x = STR("x");
    assert_false(os_file_write_at(full, 0, &x, 1, &e));
    assert_int_equal(e.kind, ERR_NO_SPACE);
    assert_true(e.hint[0] != 0);
}

static void clock_and_dice_move(void **state)
{
    (void)state;
    AUTO(os) *os = os_linux_create();
    struct err e = {0};
    assert_true(os_now_ms(os) > 1767225600000); /* 2026-01-01 */
    uint64_t before = os_monotonic_ns(os);
    assert_true(os_monotonic_ns(os) >= before);
    unsigned char a[64] = {0}, b[64] = {0};
    os_random(os, a, sizeof a);
    os_random(os, b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
    uint64_t bytes = 0;
    assert_works(os_free_bytes(os, STR("/"), &bytes, &e), e);
    assert_true(bytes > 0);
}

int main(void)
{
#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, clear_place)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_disk_has_its_own_kind),
        cmocka_unit_test(clock_and_dice_move),
        IN_PLACE(a_signal_stops_nothing),
        IN_PLACE(what_the_system_cuts_is_done_to_the_end),
        IN_PLACE(what_fails_says_why),
        IN_PLACE(without_fallocate_files_grow),
        IN_PLACE(failed_reserving_without_fallocate),
        IN_PLACE(directories_that_cannot_be_synced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
