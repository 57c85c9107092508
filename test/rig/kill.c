/*
 * kill: SIGKILL at random moments of a process that writes, imports, seals, compacts and makes
 * backups; another process (this one) keeps what was acknowledged and compares after the restart.
 * The last backup that was finished is opened, too: it must hold what was acknowledged before it
 * began, and nothing that was not sent before it ended.
 *
 * A third of the kills come after so many acknowledgements, a third at the n-th change of a file or
 * name in the store's directory (that is where sealing, compaction and log changes are cut), a
 * third so many microseconds after the start, which is during recovery. Some processes are stopped
 * and continued before. A store lives through KILLS_A_STORE kills. Half of the stores lie in
 * memory, where more happens between two kills, half on the disk.
 *
 * The control says "acknowledged" before it appends; a rig that finds nothing lost then is blind,
 * and fails.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ledger.h"
#include "rig.h"

enum {
    KILLS_A_STORE = 10,
    IMPORT_BATCHES = 6, /* between two acknowledgements of the importing writer */
    CONTROLS_MAX = 50,
    LIFE_MS_MAX = 5000,
};

enum { SAY_SENT, SAY_ACKNOWLEDGED, SAY_COPYING, SAY_COPIED };
enum { COPIES = 2 /* the newest finished one, and one that is being made */ };

struct message {
    uint32_t kind, writer, batch;
};

static const struct store_options options = {
    .project = {"main", 4}, .chunk_rows = 64, .seal_rows = 200};

static size_t str_find_last(struct str s, char c)
{
    size_t at = s.len;
    while (at > 0 && s.at[at - 1] != c)
        at--;
    return at ? at - 1 : s.len;
}

/* Missing is fine. */
static void remove_dir(struct os *os, struct str dir)
{
    AUTO(arena) *arena = arena_create(0);
    struct str *names;
    size_t count;
    struct err e = {0};
    if (!os_dir_list(os, dir, arena, &names, &count, &e))
        return;
    for (size_t i = 0; i < count; i++)
        REQUIRE(
            os_remove(os, arena_printf(arena, "%.*s/%.*s", STR_ARG(dir), STR_ARG(names[i])), &e));
    REQUIRE(rmdir(arena_printf(arena, "%.*s", STR_ARG(dir)).at) == 0);
}

/* ---- the process that is killed ---- */

struct child {
    struct store *store;
    struct str dir;
    const struct ledger *ledger;
    int pipe;
    uint32_t writer;
    uint64_t dice;
    bool is_control;
};

static void say(const struct child *c, uint32_t kind, uint32_t batch)
{
    struct message m = {kind, c->writer, batch};
    REQUIRE(write(c->pipe, &m, sizeof m) == sizeof m);
}

static void *append_all(void *context)
{
    struct child *c = context;
    AUTO(arena) *arena = arena_create(0);
    for (uint32_t b = c->ledger->acknowledged[c->writer]; b < LEDGER_BATCHES_MAX; b++) {
        struct store_receipt r;
        struct err e = {0};
        arena_reset(arena);
        struct store_batch batch = ledger_batch(arena, c->writer, b);
        say(c, SAY_SENT, b);
        if (c->is_control)
            say(c, SAY_ACKNOWLEDGED, b);
        REQUIRE(store_append(c->store, &batch, &r, &e));
        REQUIRE(r.accepted + r.duplicates >= LEDGER_BATCH && r.conflicts == 0);
        if (!c->is_control)
            say(c, SAY_ACKNOWLEDGED, b);
    }
    return NULL;
}

static void *import_all(void *context)
{
    struct child *c = context;
    AUTO(arena) *arena = arena_create(0);
    for (uint32_t b = c->ledger->acknowledged[c->writer]; b < LEDGER_BATCHES_MAX;) {
        struct store_import *import = NULL;
        struct store_receipt r;
        struct err e = {0};
        REQUIRE(store_import_begin(c->store, &import, &e));
        uint32_t end = MIN(b + IMPORT_BATCHES, LEDGER_BATCHES_MAX);
        for (uint32_t i = b; i < end; i++) {
            arena_reset(arena);
            struct store_batch batch = ledger_batch(arena, c->writer, i);
            say(c, SAY_SENT, i);
            REQUIRE(store_import_add(import, &batch, &e));
        }
        REQUIRE(store_import_finish(import, &r, &e));
        for (; b < end; b++)
            say(c, SAY_ACKNOWLEDGED, b);
        store_import_close(import);
    }
    return NULL;
}

static void *maintain_often(void *context)
{
    struct child *c = context;
    for (;;) {
        struct err e = {0};
        c->dice = hash_mix(c->dice);
        (void)!poll(&(struct pollfd){.fd = -1}, 1, (int)(c->dice % 8));
        REQUIRE(store_maintain(c->store, &e));
    }
    return NULL;
}

static struct str copy_path(struct arena *arena, struct str dir, uint64_t number)
{
    return arena_printf(arena, "%.*s/../%.*s.copy-%u", STR_ARG(dir),
                        STR_ARG(str_sub(dir, str_find_last(dir, '/') + 1, dir.len)),
                        (unsigned)(number % COPIES));
}

static void *copy_often(void *context)
{
    struct child *c = context;
    struct os *os = os_linux_create();
    for (uint32_t n = 0;; n++) {
        AUTO(arena) *arena = arena_create(0);
        struct store_backup_options plain = {0};
        struct store_backup_receipt receipt;
        struct err e = {0};
        struct str to = copy_path(arena, c->dir, n);
        remove_dir(os, to);
        say(c, SAY_COPYING, n);
        REQUIRE(store_backup(c->store, to, &plain, arena, &receipt, &e));
        say(c, SAY_COPIED, n);
    }
    return NULL;
}

static _Noreturn void child_main(struct str dir, int pipe, const struct ledger *l, uint64_t dice,
                                 bool is_control)
{
    struct os *os = os_linux_create();
    struct store *s;
    struct err e = {0};
    if (!store_open(os, dir, &options, &s, &e)) {
        fprintf(stderr, "opening: %s\n", e.text);
        abort();
    }
    static void *(*const works[])(void *) = {append_all, append_all,     append_all,
                                             import_all, maintain_often, copy_often};
    struct child children[COUNT(works)];
    pthread_t threads[COUNT(works)];
    for (uint32_t w = 0; w < COUNT(works); w++) {
        children[w] = (struct child){s, dir, l, pipe, w, dice, is_control};
        REQUIRE(pthread_create(&threads[w], NULL, works[w], &children[w]) == 0);
    }
    for (uint32_t w = 0; w < LEDGER_WRITERS; w++)
        pthread_join(threads[w], NULL);
    _exit(0);
}

/* ---- this process: listens, kills, compares ---- */

enum moment { BY_ACKNOWLEDGEMENT, BY_FILE, BY_TIME, MOMENTS };

struct life {
    pid_t child;
    int pipe, watch; /* read ends */
    uint64_t dice;
    enum moment moment;
    uint64_t count; /* of acknowledgements, of changed files, or microseconds */
    bool is_killed;
    bool is_complete;
    struct ledger *ledger;
    struct ledger copying, copied; /* what a backup must hold, at least and at most */
    uint32_t copy;
    bool has_copy;
};

static void hear_one(struct life *f, const struct message *m)
{
    struct ledger *l = f->ledger;
    switch (m->kind) {
    case SAY_SENT:
        l->sent[m->writer] = MAX(l->sent[m->writer], m->batch + 1);
        break;
    case SAY_ACKNOWLEDGED:
        l->acknowledged[m->writer] = MAX(l->acknowledged[m->writer], m->batch + 1);
        if (f->moment == BY_ACKNOWLEDGEMENT && f->count)
            f->count--;
        break;
    case SAY_COPYING:
        f->copying = *l;
        break;
    case SAY_COPIED:
        f->copied = f->copying;
        memcpy(f->copied.sent, l->sent, sizeof l->sent);
        f->copy = m->batch;
        f->has_copy = true;
        break;
    default:
        break;
    }
}

static void hear(struct life *f)
{
    struct message m[64];
    ssize_t got = read(f->pipe, m, sizeof m);
    f->is_complete = got <= 0;
    for (ssize_t i = 0; i * (ssize_t)sizeof *m < got; i++)
        hear_one(f, &m[i]);
}

static void look(struct life *f)
{
    char room[8192] __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t got = read(f->watch, room, sizeof room);
    for (ssize_t at = 0; at < got;) {
        const struct inotify_event *seen = (const void *)(room + at);
        at += (ssize_t)sizeof *seen + seen->len;
        if (f->moment == BY_FILE && f->count)
            f->count--;
    }
}

static void kill_child(struct life *f)
{
    if (f->dice % 8 == 0) { /* a pause of the whole process must do nothing */
        kill(f->child, SIGSTOP);
        usleep((useconds_t)(f->dice >> 40) % 2000);
        kill(f->child, SIGCONT);
    }
    if (f->dice >> 63)
        usleep((useconds_t)(f->dice >> 32) % 800);
    kill(f->child, SIGKILL);
    f->is_killed = true;
}

/* Until the pipe ends: the child is dead and all it said was heard. */
static void attend(struct life *f)
{
    if (f->moment == BY_TIME) {
        usleep((useconds_t)f->count);
        kill_child(f);
    }
    while (!f->is_complete) {
        struct pollfd ends[2] = {{.fd = f->pipe, .events = POLLIN},
                                 {.fd = f->watch, .events = POLLIN}};
        int ready = poll(ends, f->is_killed ? 1 : 2, LIFE_MS_MAX);
        if (ends[0].revents)
            hear(f);
        if (!f->is_killed && ends[1].revents)
            look(f);
        if (!f->is_killed && (f->count == 0 || ready <= 0))
            kill_child(f);
    }
    if (!f->is_killed)
        kill(f->child, SIGKILL);
}

struct found {
    uint64_t by[MOMENTS], half_files, logs, copies;
};

/* What the kill left behind shows that it met all kinds of work. */
static void count_files(struct os *os, struct str dir, struct found *found)
{
    AUTO(arena) *arena = arena_create(0);
    struct str *names;
    size_t count;
    struct err e = {0};
    if (!os_dir_list(os, dir, arena, &names, &count, &e))
        return;
    uint64_t logs = 0;
    for (size_t i = 0; i < count; i++) {
        found->half_files += str_ends(names[i], STR(".tmp")) || str_ends(names[i], STR(".new"));
        logs += str_starts(names[i], STR("wal-"));
    }
    found->logs += logs > 1;
}

static bool open_and_check(struct ledger *l, struct os *os, struct str dir, struct err *e)
{
    AUTO(store) *s = NULL;
    return store_open(os, dir, &options, &s, e) && ledger_check(l, s, e);
}

static bool check_copy(struct life *f, struct os *os, struct str dir, struct err *e)
{
    AUTO(arena) *arena = arena_create(0);
    return !f->has_copy || open_and_check(&f->copied, os, copy_path(arena, dir, f->copy), e) ||
           err_while(e, "the last backup");
}

static bool one_kill(struct rig *r, struct os *os, struct str dir, struct ledger *l, uint64_t seed,
                     struct found *found, struct err *e)
{
    int ends[2];
    uint64_t dice = hash_mix(seed);
    struct life f = {.dice = hash_mix(dice), .ledger = l, .moment = dice % MOMENTS};
    f.count = f.moment == BY_ACKNOWLEDGEMENT ? (dice >> 8) % 90
              : f.moment == BY_FILE          ? (dice >> 8) % 60
                                             : (dice >> 8) % 6000;
    if (r->is_control)
        f.moment = BY_ACKNOWLEDGEMENT;
    found->by[f.moment]++;
    REQUIRE(pipe(ends) == 0);
    f.watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    REQUIRE(f.watch >= 0 && inotify_add_watch(f.watch, dir.at,
                                              IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MODIFY |
                                                  IN_CLOSE_WRITE) >= 0);
    f.child = fork();
    REQUIRE(f.child >= 0);
    if (f.child == 0) {
        close(ends[0]);
        child_main(dir, ends[1], l, dice, r->is_control);
    }
    close(ends[1]);
    f.pipe = ends[0];
    attend(&f);
    int status = 0;
    REQUIRE(waitpid(f.child, &status, 0) == f.child);
    close(f.pipe);
    close(f.watch);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            return err_set(e, ERR_IO, "the process ended by itself (status %d)", status);
    count_files(os, dir, found);
    found->copies += f.has_copy;
    return check_copy(&f, os, dir, e) && open_and_check(l, os, dir, e);
}

/* Kills `kills` times over one store; stops at the first loss. */
static void one_store(struct rig *r, struct os *os, uint64_t seed, uint64_t kills,
                      struct found *found)
{
    char in_memory[] = "/dev/shm/tenure-kill-XXXXXX", on_disk[] = "/tmp/tenure-kill-XXXXXX";
    bool is_in_memory = (seed / KILLS_A_STORE) % 2 && access("/dev/shm", W_OK) == 0;
    struct str dir = str_of(mkdtemp(is_in_memory ? in_memory : on_disk));
    struct ledger l = {0};
    for (uint64_t i = 0; i < kills; i++) {
        struct err e = {0};
        if (!one_kill(r, os, dir, &l, seed + i, found, &e)) {
            rig_fail(r, seed + i, "%s", e.text);
            break;
        }
        r->passed++;
    }
    AUTO(arena) *arena = arena_create(0);
    for (uint64_t n = 0; n < COPIES; n++)
        remove_dir(os, copy_path(arena, dir, n));
    remove_dir(os, dir);
}

static bool control_sees_losses(const struct rig *r, struct os *os)
{
    struct rig control = {.name = r->name, .is_control = true, .failed = RIG_FAILURES_SHOWN};
    struct found ignored = {0};
    for (uint64_t i = 0; i < CONTROLS_MAX && control.failed == RIG_FAILURES_SHOWN; i++)
        one_store(&control, os, r->seed + i, 1, &ignored);
    printf("control: an acknowledgement before its time is found out after %llu kills\n",
           (unsigned long long)control.passed + 1);
    return control.failed > RIG_FAILURES_SHOWN;
}

int main(int argc, char **argv)
{
    struct rig r = rig_begin(argc, argv, "kill", NULL);
    AUTO(os) *os = os_linux_create();
    struct found found = {0};
    for (uint64_t i = 0; i < r.trials; i += KILLS_A_STORE)
        one_store(&r, os, r.seed + i, MIN(r.trials - i, KILLS_A_STORE), &found);
    printf("killed after an acknowledgement %llu, at a file %llu, during the start %llu; "
           "%llu half-written files left, %llu times two logs, %llu backups compared\n",
           (unsigned long long)found.by[BY_ACKNOWLEDGEMENT], (unsigned long long)found.by[BY_FILE],
           (unsigned long long)found.by[BY_TIME], (unsigned long long)found.half_files,
           (unsigned long long)found.logs, (unsigned long long)found.copies);
    if (!r.is_control && !control_sees_losses(&r, os))
        rig_fail(&r, r.seed, "the control lost nothing in %d kills: the rig is blind",
                 CONTROLS_MAX);
    return rig_end(&r);
}
