/* os/os_sim: handles, faults by plan, the clock and the dice over the simulated disk. */
#include "os/os_sim.h"

#include <errno.h>
#include <pthread.h>

#include "base/buf.h"
#include "base/hash.h"
#include "os/os_vtable.h"
#include "os/sim_disk.h"

#define START_MS INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */

static const struct os_vtable sim_does;

struct sim_os {
    struct os head;
    pthread_mutex_t lock;
    struct sim_disk disk;
    struct os_sim_plan plan;
    uint64_t calls, reads;
    uint64_t crashes; /* handles from before the last one are stale */
    int64_t now_ms;
    uint64_t elapsed_ns;
    uint64_t random;
    void (*before)(void *context, struct os *os);
    void *before_context;
};

struct sim_file {
    struct os_file head;
    struct sim_os *world;
    struct sim_node *node;
    uint64_t crashes;
    bool can_write, has_lock, has_share;
    char *path;
};

/* What becomes of a call that would change the disk. */
enum fate {
    FATE_DONE,
    FATE_FAILS,    /* with an I/O error */
    FATE_CUT,      /* the power goes while it runs: it may have happened, nobody hears of it */
    FATE_POWERLESS /* the power is gone: nothing happens */
};

static struct sim_os *enter(struct os *os)
{
    struct sim_os *w = (struct sim_os *)os;
    pthread_mutex_lock(&w->lock);
    return w;
}

/* Ends what enter began, and passes the outcome through. */
static bool leave(struct sim_os *w, bool outcome)
{
    pthread_mutex_unlock(&w->lock);
    return outcome;
}

/* `needs_space`: may the disk be too full for it? */
static enum fate next_fate(struct sim_os *w, bool needs_space)
{
    const struct os_sim_plan *p = &w->plan;
    if (w->before) {
        pthread_mutex_unlock(&w->lock);
        w->before(w->before_context, &w->head);
        pthread_mutex_lock(&w->lock);
    }
    uint64_t n = ++w->calls;
    if (p->stop_at && n >= p->stop_at)
        return n == p->stop_at ? FATE_CUT : FATE_POWERLESS;
    bool fails = p->fail_at && (n == p->fail_at || (p->fail_for_ever && n > p->fail_at));
    if (fails && (needs_space || !p->fail_full))
        return FATE_FAILS;
    return FATE_DONE;
}

/* Counts a call that reads; EIO: it is the one that fails. */
static int next_read(struct sim_os *w)
{
    return ++w->reads == w->plan.read_fail_at ? EIO : 0;
}

static bool coin(struct sim_os *w)
{
    return sim_throw(&w->disk) & 1;
}

/* Why a call that its fate does not let happen says it failed. */
static int reason(const struct sim_os *w, enum fate fate)
{
    return fate == FATE_FAILS && w->plan.fail_full ? ENOSPC : EIO;
}

/* Result of a call on names: done, or by fate not done, or (cut) perhaps done but not reported. */
static bool name_outcome(struct sim_os *w, enum fate fate, int problem, const char *verb,
                         const char *path, struct err *e)
{
    if (fate == FATE_DONE && !problem)
        return leave(w, true);
    os_error(e, fate == FATE_DONE ? problem : reason(w, fate), verb, path);
    return leave(w, false);
}

/* Should the change itself be made? */
static bool happens(struct sim_os *w, enum fate fate)
{
    return fate == FATE_DONE || (fate == FATE_CUT && coin(w));
}

static void sim_destroy(struct os *os)
{
    struct sim_os *w = (struct sim_os *)os;
    sim_disk_clear(&w->disk);
    pthread_mutex_destroy(&w->lock);
    mem_free(w);
}

static struct os_file *new_handle(struct sim_os *w, struct sim_node *node, const char *path,
                                  bool can_write)
{
    struct sim_file *file = mem_zero(sizeof *file);
    file->head.does = &sim_does;
    file->world = w;
    file->node = node;
    file->crashes = w->crashes;
    file->can_write = can_write;
    size_t len = strlen(path);
    file->path = mem_zero(len + 1);
    memcpy(file->path, path, len);
    node->handles++;
    return &file->head;
}

/* Finds or makes the file that an open wants; 0 or an errno value. */
static int open_node(struct sim_os *w, const char *path, enum os_open_mode mode,
                     struct sim_node **out)
{
    int problem = sim_find(&w->disk, path, out);
    if (problem == ENOENT && mode != OS_READ) {
        enum fate fate = next_fate(w, true);
        problem = happens(w, fate) ? sim_make(&w->disk, path, false, out) : 0;
        return fate == FATE_DONE ? problem : reason(w, fate);
    }
    if (problem)
        return problem;
    if ((*out)->is_dir)
        return EISDIR;
    if (mode == OS_CREATE) {
        enum fate fate = next_fate(w, false);
        if (happens(w, fate))
            sim_resize(&w->disk, *out, 0);
        return fate == FATE_DONE ? 0 : reason(w, fate);
    }
    return next_read(w);
}

static bool sim_open(struct os *os, const char *path, enum os_open_mode mode, struct os_file **out,
                     struct err *e)
{
    struct sim_os *w = enter(os);
    struct sim_node *node;
    int problem = open_node(w, path, mode, &node);
    if (problem) {
        os_error(e, problem, "open", path);
        return leave(w, false);
    }
    *out = new_handle(w, node, path, mode != OS_READ);
    return leave(w, true);
}

static void sim_close(struct os_file *file)
{
    struct sim_file *f = (struct sim_file *)file;
    struct sim_os *w = enter(&f->world->head);
    if (f->crashes == w->crashes) {
        f->node->handles--;
        if (f->has_lock)
            f->node->is_locked = false;
        if (f->has_share)
            f->node->sharers--;
    }
    leave(w, true);
    mem_free(f->path);
    mem_free(f);
}

/* Enters, and refuses a handle that a crash has outlived or that may not write. */
static bool enter_file(struct os_file *file, bool to_write, const char *verb,
                       struct sim_file **f_out, struct sim_os **w_out, struct err *e)
{
    struct sim_file *f = (struct sim_file *)file;
    struct sim_os *w = enter(&f->world->head);
    if (f->crashes != w->crashes) {
        err_set(e, ERR_IO, "cannot %s %s: it was opened before the crash", verb, f->path);
        return leave(w, false);
    }
    if (to_write && !f->can_write) {
        os_error(e, EBADF, verb, f->path);
        return leave(w, false);
    }
    *f_out = f;
    *w_out = w;
    return true;
}

static bool sim_size(struct os_file *file, uint64_t *bytes, struct err *e)
{
    struct sim_file *f;
    struct sim_os *w;
    if (!enter_file(file, false, "read the size of", &f, &w, e))
        return false;
    int problem = next_read(w);
    *bytes = f->node->live.len;
    return name_outcome(w, FATE_DONE, problem, "read the size of", f->path, e);
}

static bool sim_read_at(struct os_file *file, uint64_t at, char *into, size_t len, size_t *got,
                        struct err *e)
{
    struct sim_file *f;
    struct sim_os *w;
    if (!enter_file(file, false, "read", &f, &w, e))
        return false;
    int problem = next_read(w);
    *got = problem ? 0 : sim_bytes_read(&f->node->live, at, into, len);
    return name_outcome(w, FATE_DONE, problem, "read", f->path, e);
}

/* How many bytes a file may still grow. */
static uint64_t room_left(struct sim_os *w)
{
    if (w->plan.disk_bytes_max == 0)
        return UINT64_MAX;
    uint64_t used = sim_used_bytes(&w->disk);
    return used < w->plan.disk_bytes_max ? w->plan.disk_bytes_max - used : 0;
}

static bool fits(struct sim_os *w, const struct sim_node *node, uint64_t end)
{
    return end <= node->live.len || end - node->live.len <= room_left(w);
}

static bool sim_write_at(struct os_file *file, uint64_t at, const struct str *parts,
                         size_t part_count, struct err *e)
{
    struct sim_file *f;
    struct sim_os *w;
    if (!enter_file(file, true, "write", &f, &w, e))
        return false;
    BUF_AUTO bytes = {0};
    for (size_t i = 0; i < part_count; i++)
        buf_add(&bytes, parts[i]);
    struct str whole = buf_str(&bytes);
    enum fate fate = next_fate(w, true);
    bool has_room = fits(w, f->node, at + whole.len);
    if (fate == FATE_DONE && has_room) {
        sim_write(&w->disk, f->node, at, whole);
        return leave(w, true);
    }
    if (fate == FATE_CUT && has_room)
        sim_write(&w->disk, f->node, at, whole); /* unsynced: the crash's dice decide */
    else if (fate == FATE_FAILS && has_room)
        sim_write(&w->disk, f->node, at, str_sub(whole, 0, sim_throw(&w->disk) % (whole.len + 1)));
    else if (fate == FATE_DONE && at <= f->node->live.len)
        sim_write(&w->disk, f->node, at, str_sub(whole, 0, f->node->live.len - at + room_left(w)));
    os_error(e, fate == FATE_DONE ? ENOSPC : reason(w, fate), "write", f->path);
    return leave(w, false);
}

static bool resize(struct os_file *file, uint64_t bytes, bool may_shrink, const char *verb,
                   struct err *e)
{
    struct sim_file *f;
    struct sim_os *w;
    if (!enter_file(file, true, verb, &f, &w, e))
        return false;
    enum fate fate = next_fate(w, !may_shrink);
    int problem = fits(w, f->node, bytes) ? 0 : ENOSPC;
    if (!problem && (may_shrink || bytes > f->node->live.len) && happens(w, fate))
        sim_resize(&w->disk, f->node, bytes);
    return name_outcome(w, fate, problem, verb, f->path, e);
}

static bool sim_truncate(struct os_file *file, uint64_t bytes, struct err *e)
{
    return resize(file, bytes, true, "truncate", e);
}

static bool sim_reserve(struct os_file *file, uint64_t bytes, struct err *e)
{
    return resize(file, bytes, false, "reserve space for", e);
}

static bool sim_file_sync(struct os_file *file, struct err *e)
{
    struct sim_file *f;
    struct sim_os *w;
    if (!enter_file(file, false, "sync", &f, &w, e))
        return false;
    enum fate fate = next_fate(w, false);
    if (fate == FATE_DONE && !w->plan.sync_lies)
        sim_sync(f->node);
    else if (fate == FATE_FAILS)
        sim_sync_failed(&w->disk, f->node);
    return name_outcome(w, fate, 0, "sync", f->path, e);
}

static bool sim_map(struct os *os, const char *path, struct os_map *out, struct err *e)
{
    struct sim_os *w = enter(os);
    struct sim_node *node;
    int problem = sim_find(&w->disk, path, &node);
    if (!problem && node->is_dir)
        problem = EISDIR;
    problem = problem ? problem : next_read(w);
    if (problem) {
        os_error(e, problem, "map", path);
        return leave(w, false);
    }
    size_t len = node->live.len;
    char *copy = len ? mem_zero(len) : NULL;
    sim_bytes_read(&node->live, 0, copy, len);
    *out = (struct os_map){copy ? copy : "", len, copy};
    return leave(w, true);
}

static void sim_unmap(struct os *os, struct os_map *map)
{
    (void)os;
    mem_free(map->keep);
}

static bool sim_do_rename(struct os *os, const char *from, const char *to, struct err *e)
{
    struct sim_os *w = enter(os);
    enum fate fate = next_fate(w, true);
    int problem = happens(w, fate) ? sim_rename(&w->disk, from, to) : 0;
    if (name_outcome(w, fate, problem, "rename to", to, e))
        return true;
    return err_while(e, "renaming %s", from);
}

static bool sim_do_remove(struct os *os, const char *path, struct err *e)
{
    struct sim_os *w = enter(os);
    enum fate fate = next_fate(w, false);
    int problem = happens(w, fate) ? sim_remove(&w->disk, path) : 0;
    return name_outcome(w, fate, problem == ENOENT ? 0 : problem, "remove", path, e);
}

static bool sim_dir_make(struct os *os, const char *path, struct err *e)
{
    struct sim_os *w = enter(os);
    struct sim_node *node;
    enum fate fate = next_fate(w, true);
    int problem = happens(w, fate) ? sim_make(&w->disk, path, true, &node) : 0;
    if (problem == EEXIST && sim_find(&w->disk, path, &node) == 0 && node->is_dir)
        problem = 0;
    return name_outcome(w, fate, problem, "make the directory", path, e);
}

static int find_dir(struct sim_os *w, const char *path, struct sim_node **out)
{
    int problem = sim_find(&w->disk, path, out);
    return !problem && !(*out)->is_dir ? ENOTDIR : problem;
}

static bool sim_dir_sync(struct os *os, const char *path, struct err *e)
{
    struct sim_os *w = enter(os);
    struct sim_node *dir;
    enum fate fate = next_fate(w, false);
    int problem = find_dir(w, path, &dir);
    if (!problem && fate == FATE_DONE && !w->plan.sync_lies)
        sim_sync_names(&w->disk, dir);
    else if (!problem && fate == FATE_FAILS)
        sim_sync_names_failed(&w->disk, dir);
    return name_outcome(w, fate, problem, "sync the directory", path, e);
}

static bool sim_dir_list(struct os *os, const char *path, struct arena *arena, struct str **names,
                         size_t *count, struct err *e)
{
    struct sim_os *w = enter(os);
    struct sim_node *dir;
    int problem = find_dir(w, path, &dir);
    problem = problem ? problem : next_read(w);
    if (problem) {
        os_error(e, problem, "list the directory", path);
        return leave(w, false);
    }
    *count = dir->live_names.count;
    *names = arena_array(arena, *count, sizeof **names);
    for (size_t i = 0; i < *count; i++)
        (*names)[i] = arena_copy(arena, str_of(dir->live_names.list[i].name));
    os_sort_names(*names, *count);
    return leave(w, true);
}

static bool sim_exists(struct os *os, const char *path)
{
    struct sim_os *w = enter(os);
    struct sim_node *node;
    return leave(w, sim_find(&w->disk, path, &node) == 0);
}

static bool sim_lock(struct os *os, const char *path, bool is_shared, struct os_file **out,
                     struct err *e)
{
    struct sim_os *w = enter(os);
    struct sim_node *node;
    int problem = open_node(w, path, is_shared ? OS_READ : OS_WRITE, &node);
    if (problem) {
        os_error(e, problem, "lock", path);
        return leave(w, false);
    }
    if (node->is_locked || (!is_shared && node->sharers)) {
        err_set(e, ERR_BUSY, "%s is locked by another process", path);
        err_hint(e, "stop the other process, or use another directory");
        return leave(w, false);
    }
    *out = new_handle(w, node, path, !is_shared);
    ((struct sim_file *)*out)->has_lock = !is_shared;
    ((struct sim_file *)*out)->has_share = is_shared;
    if (is_shared)
        node->sharers++;
    else
        node->is_locked = true;
    return leave(w, true);
}

static bool sim_free_bytes(struct os *os, const char *path, uint64_t *bytes, struct err *e)
{
    struct sim_os *w = enter(os);
    struct sim_node *node;
    int problem = sim_find(&w->disk, path, &node);
    if (problem) {
        os_error(e, problem, "read the free space of", path);
        return leave(w, false);
    }
    *bytes = MIN(room_left(w), (uint64_t)1 << 40);
    return leave(w, true);
}

static int64_t sim_now_ms(struct os *os)
{
    struct sim_os *w = enter(os);
    int64_t now = w->now_ms;
    leave(w, true);
    return now;
}

static uint64_t sim_monotonic_ns(struct os *os)
{
    struct sim_os *w = enter(os);
    uint64_t now = w->elapsed_ns += 1000; /* a microsecond a look, so that waiting loops end */
    leave(w, true);
    return now;
}

static void sim_random(struct os *os, void *into, size_t len)
{
    struct sim_os *w = enter(os);
    for (size_t done = 0; done < len; done += sizeof(uint64_t)) {
        uint64_t bits = hash_mix(w->random++);
        memcpy((char *)into + done, &bits, MIN(len - done, sizeof bits));
    }
    leave(w, true);
}

static const struct os_vtable sim_does = {
    .destroy = sim_destroy,
    .open = sim_open,
    .close = sim_close,
    .size = sim_size,
    .read_at = sim_read_at,
    .write_at = sim_write_at,
    .truncate = sim_truncate,
    .reserve = sim_reserve,
    .sync = sim_file_sync,
    .map = sim_map,
    .unmap = sim_unmap,
    .rename = sim_do_rename,
    .remove = sim_do_remove,
    .dir_make = sim_dir_make,
    .dir_sync = sim_dir_sync,
    .dir_list = sim_dir_list,
    .exists = sim_exists,
    .lock = sim_lock,
    .free_bytes = sim_free_bytes,
    .now_ms = sim_now_ms,
    .monotonic_ns = sim_monotonic_ns,
    .random = sim_random,
};

struct os *os_sim_create(struct os_sim_plan plan)
{
    struct sim_os *w = mem_zero(sizeof *w);
    w->head.does = &sim_does;
    pthread_mutex_init(&w->lock, NULL);
    sim_disk_init(&w->disk, plan.seed);
    w->now_ms = START_MS;
    os_sim_set_plan(&w->head, plan);
    return &w->head;
}

void os_sim_set_plan(struct os *os, struct os_sim_plan plan)
{
    struct sim_os *w = enter(os);
    w->plan = plan;
    w->calls = w->reads = 0;
    w->disk.dice = hash_mix(plan.seed);
    w->random = hash_mix(~plan.seed);
    if (plan.now_ms)
        w->now_ms = plan.now_ms;
    leave(w, true);
}

uint64_t os_sim_calls(struct os *os)
{
    struct sim_os *w = enter(os);
    uint64_t calls = w->calls;
    leave(w, true);
    return calls;
}

uint64_t os_sim_reads(struct os *os)
{
    struct sim_os *w = enter(os);
    uint64_t reads = w->reads;
    leave(w, true);
    return reads;
}

void os_sim_advance(struct os *os, int64_t ms)
{
    struct sim_os *w = enter(os);
    w->now_ms += ms;
    w->elapsed_ns += ms > 0 ? (uint64_t)ms * 1000000 : 0; /* only the wall clock may go back */
    leave(w, true);
}

void os_sim_crash(struct os *os)
{
    os_sim_crash_as(os, OS_SIM_ANY);
}

void os_sim_crash_as(struct os *os, enum os_sim_damage damage)
{
    struct sim_os *w = enter(os);
    sim_crash(&w->disk, damage);
    w->crashes++;
    w->plan.stop_at = w->plan.fail_at = 0; /* the power and the disk are back */
    leave(w, true);
}

bool os_sim_is_unsynced(struct os *os)
{
    struct sim_os *w = enter(os);
    return leave(w, sim_has_changes(&w->disk));
}

struct os *os_sim_copy(struct os *os)
{
    struct sim_os *copy = mem_zero(sizeof *copy), *w = enter(os);
    copy->head.does = &sim_does;
    pthread_mutex_init(&copy->lock, NULL);
    sim_disk_copy(&copy->disk, &w->disk);
    copy->plan = w->plan;
    copy->now_ms = w->now_ms;
    copy->elapsed_ns = w->elapsed_ns;
    copy->random = w->random;
    leave(w, true);
    return &copy->head;
}

void os_sim_watch(struct os *os, void (*before)(void *context, struct os *os), void *context)
{
    struct sim_os *w = enter(os);
    w->before = before;
    w->before_context = context;
    leave(w, true);
}

bool os_sim_flip(struct os *os, struct str path, uint64_t at, unsigned char mask)
{
    char text[OS_PATH_BYTES + 1] = {0};
    REQUIRE(path.len <= OS_PATH_BYTES);
    memcpy(text, path.at, path.len);
    struct sim_os *w = enter(os);
    struct sim_node *node;
    bool has_byte = sim_find(&w->disk, text, &node) == 0 && at < node->live.len;
    struct sim_bytes *halves[] = {&node->live, &node->durable};
    for (size_t i = 0; has_byte && i < COUNT(halves); i++) {
        char byte;
        if (!sim_bytes_read(halves[i], at, &byte, 1))
            continue;
        byte = (char)(byte ^ mask);
        sim_bytes_write(halves[i], at, &byte, 1);
    }
    return leave(w, has_byte);
}

uint64_t os_sim_used_bytes(struct os *os)
{
    struct sim_os *w = enter(os);
    uint64_t bytes = sim_used_bytes(&w->disk);
    leave(w, true);
    return bytes;
}
