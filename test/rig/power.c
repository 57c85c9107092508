/*
 * power: power cuts under a real file system.
 *
 * A store is written on a file system on a loop device over a disk whose every write and flush is
 * recorded (qemu-storage-daemon: blklogwrites behind a FUSE export). At each acknowledgement the
 * writing process notes how long that log is. A trial cuts the power at entry k of the log: what
 * stands before the last flush is on the disk; of what came after it, whole writes and single
 * sectors are lost, and the rest arrives in any order. The image is mounted (which replays the file
 * system's journal), the store opened, and everything acknowledged before entry k must be there.
 *
 * The control runs with syncing switched off; if no cut then loses anything, the rig is blind, and
 * fails. Needs root, loop devices, FUSE, qemu-storage-daemon and mkfs; says so and ends with 77
 * where they are missing. All mounts are made in a name space of our own, so nothing is left over.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ledger.h"
#include "os/os_vtable.h"
#include "rig.h"

enum {
    SECTOR = 512,
    SUPER_SECTORS = 8,
    IMAGES_A_RUN = 150,
    CONTROL_IMAGES = 40,
    LIVES = 3,           /* of the writing process, in one run */
    BATCHES_A_LIFE = 14, /* of each writer */
    IMPORT_BATCHES = 4,
    IMPORTER = LEDGER_WRITERS - 1,
    ACKS_MAX = LIVES * BATCHES_A_LIFE * LEDGER_WRITERS,
};
#define LOG_BYTES (INT64_C(8) << 30) /* sparse */

/* The dm-log-writes format: a super block, then for each entry one sector of these and the data. */
enum { LOG_FLUSH = 1, LOG_FUA = 2, LOG_DISCARD = 4, LOG_COUNT_AT = 16 };
#define LOG_MAGIC UINT64_C(0x6a736677736872)
struct log_super {
    uint64_t magic, version, count;
    uint32_t sector_bytes;
};
struct log_entry {
    uint64_t sector, sectors, flags, data_bytes;
};

struct file_system {
    const char *name, *mkfs[8];
    const char *options;
    int64_t bytes;
};
static const struct file_system file_systems[] = {
    {"ext4", {"mkfs.ext4", "-qF", "-J", "size=4", NULL}, "", 64 << 20},
    {"xfs", {"mkfs.xfs", "-qf", NULL}, "nouuid", 320 << 20},
};

static const struct store_options options = {
    .project = {"main", 4}, .chunk_rows = 32, .seal_rows = 100};

struct ack {
    uint32_t writer, batch;
    uint64_t entries; /* in the log when it was known to be durable */
};

struct bench {
    struct rig *rig;
    const struct file_system *fs;
    char dir[64]; /* of the images */
    char disk[96], log[96], face[96], mount[96], work[96];
    int log_file;

    struct ack acks[ACKS_MAX];
    size_t ack_count;
    struct ledger sent; /* at the end of the run */

    const char *at; /* the log */
    uint64_t log_bytes;
    struct log_entry *entries;
    uint64_t *offsets; /* of each one's data */
    uint64_t count, first_cut;

    char *sure; /* the disk with all up to the last flush */
    uint64_t applied;
    int work_file, work_loop;
    char work_device[32];
};

static _Noreturn void skip_rig(const char *what)
{
    printf("skipped: %s (%s)\n", what, strerror(errno));
    exit(RIG_SKIPPED);
}

/* ---- the outer world ---- */

static bool run_program(const char *const *words, const char *last)
{
    extern char **environ;
    char *list[12] = {0};
    pid_t child;
    int status;
    size_t n = 0;
    for (; words[n]; n++)
        list[n] = (char *)(uintptr_t)words[n];
    list[n] = (char *)(uintptr_t)last;
    return posix_spawnp(&child, list[0], NULL, NULL, list, environ) == 0 &&
           waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void make_file(const char *path, int64_t bytes)
{
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, bytes) != 0)
        skip_rig("a large sparse file cannot be made");
    close(file);
}

/* A loop device over the file; it goes away with its last user. */
static int loop_attach(const char *path, char *device, size_t room)
{
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    int file = open(path, O_RDWR | O_CLOEXEC);
    int loop = -1;
    for (int tries = 0; control >= 0 && file >= 0 && loop < 0 && tries < 20; tries++) {
        int number = ioctl(control, LOOP_CTL_GET_FREE);
        struct loop_config config = {.fd = (uint32_t)file, .info.lo_flags = LO_FLAGS_AUTOCLEAR};
        if (number < 0)
            break;
        snprintf(device, room, "/dev/loop%d", number);
        loop = open(device, O_RDWR | O_CLOEXEC);
        if (loop >= 0 && ioctl(loop, LOOP_CONFIGURE, &config) != 0) {
            close(loop); /* another process was quicker */
            loop = -1;
        }
    }
    if (control >= 0)
        close(control);
    if (file >= 0)
        close(file);
    if (loop < 0)
        skip_rig("no loop device");
    return loop;
}

static pid_t start_disk(struct bench *b, bool is_exact)
{
    char disk[160], log[160], writes[160], export[200];
    struct stat st;
    make_file(b->disk, b->fs->bytes);
    make_file(b->log, LOG_BYTES);
    make_file(b->face, 0);
    snprintf(disk, sizeof disk, "driver=file,filename=%s,node-name=disk", b->disk);
    snprintf(log, sizeof log, "driver=file,filename=%s,node-name=log", b->log);
    snprintf(writes, sizeof writes,
             "driver=blklogwrites,file=disk,log=log,node-name=writes,log-sector-size=512,"
             "log-super-update-interval=%d",
             is_exact ? 1 : 4096);
    snprintf(export, sizeof export, "type=fuse,id=face,node-name=writes,mountpoint=%s,writable=on",
             b->face);
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execlp("qemu-storage-daemon", "qemu-storage-daemon", "--blockdev", disk, "--blockdev", log,
               "--blockdev", writes, "--export", export, (char *)NULL);
        _exit(127);
    }
    for (int tries = 0; tries < 500; tries++) {
        if (stat(b->face, &st) == 0 && st.st_size == b->fs->bytes)
            return child;
        if (waitpid(child, NULL, WNOHANG) == child)
            break;
        usleep(10000);
    }
    errno = ENOENT;
    skip_rig("qemu-storage-daemon with a FUSE export does not work here");
}

static uint64_t log_count(const struct bench *b)
{
    uint64_t count = 0;
    REQUIRE(pread(b->log_file, &count, sizeof count, LOG_COUNT_AT) == sizeof count);
    return count;
}

/* ---- the process that writes ---- */

/* The real world, but a sync does nothing. */
static struct os_vtable quiet;
static const struct os_vtable *loud;

static bool sync_nothing(struct os_file *file, struct err *e)
{
    (void)file, (void)e;
    return true;
}

static bool dir_sync_nothing(struct os *os, const char *path, struct err *e)
{
    (void)os, (void)path, (void)e;
    return true;
}

static bool open_quietly(struct os *os, const char *path, enum os_open_mode mode,
                         struct os_file **out, struct err *e)
{
    if (!loud->open(os, path, mode, out, e))
        return false;
    (*out)->does = &quiet;
    return true;
}

static void stop_syncing(struct os *os)
{
    loud = os->does;
    quiet = *loud;
    quiet.sync = sync_nothing;
    quiet.dir_sync = dir_sync_nothing;
    quiet.open = open_quietly;
    os->does = &quiet;
}

struct writer {
    const struct bench *bench;
    struct store *store;
    uint32_t writer, first;
    int pipe;
    const volatile bool *is_over;
};

static void say(const struct writer *c, uint32_t batch, uint64_t entries)
{
    struct ack a = {c->writer, batch, entries};
    REQUIRE(write(c->pipe, &a, sizeof a) == sizeof a);
}

static void import_some(const struct writer *c, uint32_t from, uint32_t end, struct arena *arena)
{
    struct store_import *import = NULL;
    struct store_receipt r;
    struct err e = {0};
    REQUIRE(store_import_begin(c->store, &import, &e));
    for (uint32_t b = from; b < end; b++) {
        arena_reset(arena);
        struct store_batch batch = ledger_batch(arena, c->writer, b);
        REQUIRE(store_import_add(import, &batch, &e));
    }
    REQUIRE(store_import_finish(import, &r, &e));
    uint64_t entries = log_count(c->bench);
    for (uint32_t b = from; b < end; b++)
        say(c, b, entries);
    store_import_close(import);
}

static void *write_some(void *context)
{
    struct writer *c = context;
    AUTO(arena) *arena = arena_create(0);
    for (uint32_t b = c->first, end = c->first + BATCHES_A_LIFE; b < end; b++) {
        struct store_receipt r;
        struct err e = {0};
        if (c->writer == IMPORTER) {
            uint32_t to = MIN(b + IMPORT_BATCHES, end);
            import_some(c, b, to, arena);
            b = to - 1;
            continue;
        }
        arena_reset(arena);
        struct store_batch batch = ledger_batch(arena, c->writer, b);
        REQUIRE(store_append(c->store, &batch, &r, &e));
        say(c, b, log_count(c->bench));
    }
    return NULL;
}

static void *maintain_often(void *context)
{
    struct writer *c = context;
    struct err e = {0};
    while (!*c->is_over) {
        usleep(5000);
        REQUIRE(store_maintain(c->store, &e));
    }
    return NULL;
}

/* One life: opens, writes, and ends with or without closing the store. */
static _Noreturn void live(struct bench *b, uint32_t life, int pipe, bool syncs)
{
    char path[128];
    struct os *os = os_linux_create();
    struct store *s;
    struct err e = {0};
    volatile bool is_over = false;
    if (!syncs)
        stop_syncing(os);
    snprintf(path, sizeof path, "%s/store", b->mount);
    if (!store_open(os, str_of(path), &options, &s, &e)) {
        fprintf(stderr, "opening: %s\n", e.text);
        _exit(3);
    }
    struct writer writers[LEDGER_WRITERS + 1];
    pthread_t threads[LEDGER_WRITERS + 1];
    for (uint32_t w = 0; w <= LEDGER_WRITERS; w++) {
        writers[w] = (struct writer){b, s, w, life * BATCHES_A_LIFE, pipe, &is_over};
        REQUIRE(pthread_create(&threads[w], NULL, w < LEDGER_WRITERS ? write_some : maintain_often,
                               &writers[w]) == 0);
    }
    for (uint32_t w = 0; w < LEDGER_WRITERS; w++)
        pthread_join(threads[w], NULL);
    is_over = true;
    if (life % 2 == 0) {
        pthread_join(threads[LEDGER_WRITERS], NULL);
        store_close(s);
    }
    _exit(0);
}

static void run_life(struct bench *b, uint32_t life, bool syncs)
{
    int ends[2], status = 0;
    REQUIRE(pipe(ends) == 0);
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(ends[0]);
        live(b, life, ends[1], syncs);
    }
    close(ends[1]);
    struct ack a;
    while (read(ends[0], &a, sizeof a) == sizeof a) {
        REQUIRE(b->ack_count < ACKS_MAX);
        b->acks[b->ack_count++] = a;
        b->sent.sent[a.writer] = a.batch + 1;
    }
    close(ends[0]);
    REQUIRE(waitpid(child, &status, 0) == child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        printf("the writing process ended with status %d\n", status);
        exit(1);
    }
}

/* ---- the log ---- */

static void map_log(struct bench *b)
{
    b->log_bytes = (uint64_t)LOG_BYTES;
    b->at = mmap(NULL, (size_t)LOG_BYTES, PROT_READ, MAP_SHARED, b->log_file, 0);
    REQUIRE(b->at != MAP_FAILED);
    struct log_super super;
    memcpy(&super, b->at, sizeof super);
    REQUIRE(super.magic == LOG_MAGIC && super.version == 1 && super.sector_bytes == SECTOR);
    b->count = super.count;
    b->entries = mem_array(b->count, sizeof *b->entries);
    b->offsets = mem_array(b->count, sizeof *b->offsets);
    uint64_t at = SECTOR;
    for (uint64_t i = 0; i < b->count; i++) {
        memcpy(&b->entries[i], b->at + at, sizeof *b->entries);
        struct log_entry *entry = &b->entries[i];
        REQUIRE((entry->sector + entry->sectors) * SECTOR <= (uint64_t)b->fs->bytes);
        b->offsets[i] = at += SECTOR;
        if (!(entry->flags & LOG_DISCARD))
            at += entry->sectors * SECTOR;
    }
}

static void apply_sectors(const struct bench *b, char *disk, uint64_t i, uint64_t from, uint64_t n)
{
    const struct log_entry *entry = &b->entries[i];
    char *to = disk + (entry->sector + from) * SECTOR;
    if (entry->flags & LOG_DISCARD)
        memset(to, 0, n * SECTOR);
    else
        memcpy(to, b->at + b->offsets[i] + from * SECTOR, n * SECTOR);
}

static void apply(const struct bench *b, char *disk, uint64_t i)
{
    apply_sectors(b, disk, i, 0, b->entries[i].sectors);
}

/*
 * What a disk without power does with one write that was not flushed. ext4 writes its super block
 * in place, and cannot be mounted without repair when that is torn: what is there is not torn here.
 */
static void apply_maybe(const struct bench *b, char *disk, uint64_t i, unsigned keep, uint64_t dice)
{
    if (b->entries[i].flags & LOG_FUA || dice % 8 < keep) {
        apply(b, disk, i);
    } else if (dice & 8 && b->entries[i].sector >= SUPER_SECTORS) { /* torn */
        for (uint64_t s = 0; s < b->entries[i].sectors; s++)
            if (hash_mix(dice + s) % 8 < keep)
                apply_sectors(b, disk, i, s, 1);
    }
}

/* The image of the disk after a cut before entry k; dice decide what became of unflushed writes. */
static void make_image(struct bench *b, char *disk, uint64_t k, uint64_t dice)
{
    uint64_t flushed = b->applied;
    for (uint64_t i = b->applied; i < k; i++)
        if (b->entries[i].flags & LOG_FLUSH)
            flushed = i + 1;
    for (; b->applied < flushed; b->applied++)
        apply(b, b->sure, b->applied);

    int sure = open(b->disk, O_RDWR | O_CLOEXEC);
    REQUIRE(sure >= 0 && ftruncate(b->work_file, 0) == 0 &&
            ftruncate(b->work_file, b->fs->bytes) == 0);
    for (off_t at = 0, end; (at = lseek(sure, at, SEEK_DATA)) >= 0; at = end) {
        end = lseek(sure, at, SEEK_HOLE);
        REQUIRE(pwrite(b->work_file, b->sure + at, (size_t)(end - at), at) == end - at);
    }
    close(sure);

    uint64_t n = k - flushed, *order = mem_array(n + 1, sizeof *order);
    unsigned keep = (unsigned)(dice % 9); /* of eight writes */
    for (uint64_t i = 0; i < n; i++) {    /* a shuffle, unless the disk keeps the order */
        uint64_t j = dice & 16 ? i : hash_mix(dice ^ i) % (i + 1);
        order[i] = order[j];
        order[j] = flushed + i;
    }
    for (uint64_t i = 0; i < n; i++)
        apply_maybe(b, disk, order[i], keep, hash_mix(dice + order[i]));
    mem_free(order);
}

/* ---- one trial ---- */

static bool open_and_compare(struct bench *b, uint64_t k, struct err *e)
{
    char path[128];
    struct ledger l = b->sent;
    AUTO(os) *os = os_linux_create();
    AUTO(arena) *arena = arena_create(0);
    AUTO(store) *s = NULL;
    for (size_t i = 0; i < b->ack_count; i++)
        if (b->acks[i].entries <= k)
            l.acknowledged[b->acks[i].writer] =
                MAX(l.acknowledged[b->acks[i].writer], b->acks[i].batch + 1);
    snprintf(path, sizeof path, "%s/store", b->mount);
    if (!store_open(os, str_of(path), &options, &s, e) || !ledger_check(&l, s, e))
        return false;
    /* It works on: the next batch counts once, and those before it not again. */
    struct store_receipt r;
    uint32_t next = l.acknowledged[0];
    struct store_batch batch = ledger_batch(arena, 0, next);
    if (!store_append(s, &batch, &r, e))
        return false;
    if (r.duplicates || r.accepted < LEDGER_BATCH)
        return err_set(e, ERR_CORRUPT, "a batch that was lost is taken for a duplicate");
    l.sent[0] = l.acknowledged[0] = next + 1;
    return store_maintain(s, e) && ledger_check(&l, s, e);
}

static bool one_cut(struct bench *b, uint64_t k, uint64_t dice, struct err *e)
{
    char *disk =
        mmap(NULL, (size_t)b->fs->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, b->work_file, 0);
    REQUIRE(disk != MAP_FAILED);
    make_image(b, disk, k, dice);
    munmap(disk, (size_t)b->fs->bytes);
    REQUIRE(ioctl(b->work_loop, BLKFLSBUF, 0) == 0);
    if (mount(b->work_device, b->mount, b->fs->name, MS_NOATIME, b->fs->options) != 0)
        return err_set(e, ERR_IO, "the file system cannot be mounted: %s", strerror(errno));
    bool ok = open_and_compare(b, k, e);
    if (umount2(b->mount, 0) != 0)
        return err_set(e, ERR_IO, "the file system cannot be unmounted: %s", strerror(errno));
    return ok;
}

/* ---- a run: write once, cut often ---- */

static void record(struct bench *b, bool syncs)
{
    char device[32];
    b->ack_count = 0;
    b->sent = (struct ledger){0};
    pid_t disk = start_disk(b, !syncs);
    b->log_file = open(b->log, O_RDONLY | O_CLOEXEC);
    REQUIRE(b->log_file >= 0);
    int loop = loop_attach(b->face, device, sizeof device);
    if (!run_program(b->fs->mkfs, device))
        skip_rig("mkfs does not work here");
    if (mount(device, b->mount, b->fs->name, MS_NOATIME, b->fs->options) != 0)
        skip_rig("the file system cannot be mounted");
    sync();
    b->first_cut = log_count(b);
    for (uint32_t life = 0; life < LIVES; life++)
        run_life(b, life, syncs);
    REQUIRE(umount2(b->mount, 0) == 0);
    close(loop);
    kill(disk, SIGTERM); /* it writes the log to its end */
    waitpid(disk, NULL, 0);
    umount2(b->face, MNT_DETACH);
    map_log(b);
}

static void begin_cuts(struct bench *b)
{
    make_file(b->disk, b->fs->bytes);
    make_file(b->work, b->fs->bytes);
    int disk = open(b->disk, O_RDWR | O_CLOEXEC);
    b->sure = mmap(NULL, (size_t)b->fs->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, disk, 0);
    REQUIRE(disk >= 0 && b->sure != MAP_FAILED);
    close(disk);
    b->applied = 0;
    b->work_file = open(b->work, O_RDWR | O_CLOEXEC);
    b->work_loop = loop_attach(b->work, b->work_device, sizeof b->work_device);
}

static void end_run(struct bench *b)
{
    munmap(b->sure, (size_t)b->fs->bytes);
    munmap((char *)(uintptr_t)b->at, b->log_bytes);
    close(b->work_loop);
    close(b->work_file);
    close(b->log_file);
    mem_free(b->entries);
    mem_free(b->offsets);
    unlink(b->work);
    unlink(b->disk);
    unlink(b->log);
    unlink(b->face);
}

struct cut {
    uint64_t at, seed;
};

static int cut_order(const void *a, const void *b)
{
    const struct cut *x = a, *y = b;
    return x->at < y->at ? -1 : x->at > y->at;
}

static void run(struct bench *b, uint64_t seed, uint64_t images, bool syncs)
{
    struct cut *cuts = mem_array(images, sizeof *cuts);
    record(b, syncs);
    begin_cuts(b);
    for (uint64_t i = 0; i < images; i++) {
        cuts[i].seed = seed + i;
        cuts[i].at = b->first_cut + hash_mix(seed + i) % (b->count + 1 - b->first_cut);
    }
    qsort(cuts, images, sizeof *cuts, cut_order);
    for (uint64_t i = 0; i < images; i++) {
        struct err e = {0};
        if (one_cut(b, cuts[i].at, hash_mix(~cuts[i].seed), &e))
            b->rig->passed++;
        else
            rig_fail(b->rig, cuts[i].seed, "cut at entry %llu of %llu: %s",
                     (unsigned long long)cuts[i].at, (unsigned long long)b->count, e.text);
    }
    mem_free(cuts);
    end_run(b);
}

static void prepare(struct bench *b)
{
    if (geteuid() != 0) {
        errno = EPERM;
        skip_rig("power cuts need root");
    }
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        skip_rig("no mounts of our own");
    static const char *const tool[] = {"qemu-storage-daemon", NULL};
    static const char *const fuse[] = {"test", "-c", NULL};
    if (!run_program(fuse, "/dev/fuse"))
        skip_rig("no /dev/fuse");
    int out = dup(1), nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(nothing, 1);
    bool has_tool = run_program(tool, "--version");
    dup2(out, 1);
    close(out);
    close(nothing);
    if (!has_tool)
        skip_rig("no qemu-storage-daemon");
    snprintf(b->dir, sizeof b->dir, "%s/tenure-power-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(b->dir))
        skip_rig("no folder for the images");
    snprintf(b->disk, sizeof b->disk, "%s/disk", b->dir);
    snprintf(b->log, sizeof b->log, "%s/log", b->dir);
    snprintf(b->face, sizeof b->face, "%s/face", b->dir);
    snprintf(b->work, sizeof b->work, "%s/work", b->dir);
    snprintf(b->mount, sizeof b->mount, "%s/mount", b->dir);
    REQUIRE(mkdir(b->mount, 0700) == 0);
}

int main(int argc, char **argv)
{
    struct rig r = rig_begin(argc, argv, "power", "--fs");
    struct bench b = {.rig = &r};
    for (size_t i = 0; i < COUNT(file_systems); i++)
        if (strcmp(r.value ? r.value : "ext4", file_systems[i].name) == 0)
            b.fs = &file_systems[i];
    if (!b.fs) {
        fprintf(stderr, "power: --fs is ext4 or xfs\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    prepare(&b);
    for (uint64_t i = 0; i < r.trials; i += IMAGES_A_RUN) {
        run(&b, r.seed + i, MIN(r.trials - i, IMAGES_A_RUN), !r.is_control);
        if (i == 0)
            printf("one run: %llu entries in the log of the disk, %zu acknowledgements\n",
                   (unsigned long long)b.count, b.ack_count);
    }
    if (!r.is_control) {
        struct rig control = {.name = r.name, .failed = RIG_FAILURES_SHOWN};
        b.rig = &control;
        run(&b, r.seed, CONTROL_IMAGES, false);
        control.failed -= RIG_FAILURES_SHOWN;
        printf("control: without syncing %llu of %d cuts lose something acknowledged\n",
               (unsigned long long)control.failed, CONTROL_IMAGES);
        if (!control.failed)
            rig_fail(&r, r.seed, "the control lost nothing: the rig is blind");
    }
    rmdir(b.mount);
    rmdir(b.dir);
    return rig_end(&r);
}
