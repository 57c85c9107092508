/*
 * rot: bits flip, sectors turn to zero, change places, tear or grow old, files are cut, grow, go,
 * come back as they were, or come from another project. One damage to one file is a trial; then the
 * store is opened (for reading; sometimes a copy of the disk for writing) and asked for all it
 * holds and for one of the 50 questions. The answers are the ones from before, or an error names a
 * file of the store; for damage inside a file it is that file. Where answers fail, the check finds
 * something, and where the check finds nothing, they are right. Every fourth trial damages a file
 * of a backup, whose inventory must name it.
 */
#include <signal.h>
#include <unistd.h>

#include "content.h"
#include "questions.h"
#include "rig.h"

#include "os/os_sim.h"
#include "store/inventory.h"

enum {
    TRIALS_A_WORLD = 5000,
    FILES_MAX = 48,
    OLDER_MAX = 3,
    SECTOR = 512,
    SECONDS_A_TRIAL = 60,
};

enum damage {
    FLIP_ONE,
    FLIP_MANY,
    ZERO_SECTOR,
    SWAP_SECTORS,
    TORN_SECTOR,
    CUT,
    GROW,
    GONE,
    OLDER,
    FOREIGN,
    DAMAGES
};
static const char *const damage_names[DAMAGES] = {"a flipped bit",
                                                  "flipped bits",
                                                  "a sector of zeros",
                                                  "swapped sectors",
                                                  "a torn sector",
                                                  "a cut",
                                                  "growth",
                                                  "a missing file",
                                                  "an older file",
                                                  "another project's file"};

/* One file of the store or the backup, with what may take its place. */
struct victim {
    struct str name;
    struct str whole, older[OLDER_MAX], foreign; /* empty: none */
    size_t older_count;
};

struct world {
    struct os *os;
    struct arena *arena;
    struct pool *pool;
    struct victim live[FILES_MAX], kept[FILES_MAX];
    size_t live_count, kept_count;
    struct inventory inventory;
    struct content content;
    struct rig_digest digest;
};

struct trial {
    struct rig *rig;
    struct world *world;
    uint64_t seed, throws;
    enum damage damage;
    const struct victim *victim;
    struct str bytes; /* what the file holds now */
    bool is_same;     /* the damage changed nothing */
};

/* For the handler of a crash or a hang: which trial it is. */
static volatile uint64_t now_running;
static const char *volatile rig_name = "rot";

static uint64_t throw(struct trial * t, uint64_t limit)
{
    return hash_mix(t->seed * 0x9E3779B97F4A7C15u + t->throws++) % limit;
}

/* ---- the world ---- */

static void must(bool ok, const struct err *e)
{
    if (ok)
        return;
    fprintf(stderr, "rot: the world cannot be made: %s\n", e->text);
    exit(1);
}

static void append(struct world *w, struct store *s, uint64_t from, uint64_t count)
{
    enum { BATCH = 10 };
    struct err e = {0};

    for (uint64_t k = from; k < from + count; k += BATCH) {
        struct event events[BATCH];
        struct fact facts[2] = {rig_fact(w->arena, k), rig_fact(w->arena, k + 1)};
        struct store_receipt r;
        for (uint64_t i = 0; i < BATCH; i++)
            events[i] = rig_event(w->arena, k + i);
        struct store_batch batch = {
            .events = events, .event_count = BATCH, .facts = facts, .fact_count = 2};
        must(store_append(s, &batch, &r, &e), &e);
    }
}

static struct store *open_store(struct os *os, struct str project, bool read_only, struct err *e)
{
    char dir[64];
    struct store_options options = {.project = project,
                                    .no_background = true,
                                    .read_only = read_only,
                                    .chunk_rows = 40,
                                    .seal_rows = 100};
    struct store *s = NULL;
    int len = snprintf(dir, sizeof dir, "/%.*s", STR_ARG(project));

    return store_open(os, (struct str){dir, (size_t)len}, &options, &s, e) ? s : NULL;
}

static struct str file_of(struct world *w, const char *dir, struct str name)
{
    struct str path = arena_printf(w->arena, "/%s/%.*s", dir, STR_ARG(name)), text = STR_NONE;
    struct err ignored = {0};

    return os_read_whole(w->os, path, w->arena, &text, &ignored) ? text : STR_NONE;
}

/* The files of /alpha as they are now become older versions. */
static void remember(struct world *w, struct victim *list, size_t *count)
{
    struct str *names;
    size_t name_count;
    struct err e = {0};

    must(os_dir_list(w->os, STR("/alpha"), w->arena, &names, &name_count, &e), &e);
    for (size_t i = 0; i < name_count; i++) {
        size_t at = 0;
        if (str_equal(names[i], STR("lock")) || str_equal(names[i], STR("reserve")))
            continue;
        while (at < *count && !str_equal(list[at].name, names[i]))
            at++;
        if (at == *count) {
            REQUIRE(*count < FILES_MAX);
            list[(*count)++] = (struct victim){.name = arena_copy(w->arena, names[i])};
        }
        struct victim *v = &list[at];
        REQUIRE(v->older_count < OLDER_MAX);
        v->older[v->older_count++] = file_of(w, "alpha", v->name);
    }
}

static void fill(struct world *w, const char *project, uint64_t from, bool keeps)
{
    struct err e = {0};
    struct victim older[FILES_MAX] = {0};
    size_t older_count = 0;
    struct store *s = open_store(w->os, str_of(project), false, &e);

    must(s != NULL, &e);
    append(w, s, from, 120);
    must(store_maintain(s, &e), &e);
    if (keeps)
        remember(w, older, &older_count);
    append(w, s, from + 120, 60);
    must(store_maintain(s, &e), &e);
    append(w, s, from + 180, 30);
    struct store_erasure erased;
    must(store_erase(s, rig_person(w->arena, 7), &erased, &e), &e);
    if (keeps)
        remember(w, older, &older_count);
    append(w, s, from + 210, 30);
    store_close(s);
    if (!keeps)
        return;
    struct str *names;
    size_t count;
    must(os_dir_list(w->os, STR("/alpha"), w->arena, &names, &count, &e), &e);
    for (size_t i = 0; i < count; i++) {
        struct victim v = {.name = names[i]};
        if (str_equal(names[i], STR("lock")) || str_equal(names[i], STR("reserve")))
            continue;
        for (size_t k = 0; k < older_count; k++)
            if (str_equal(older[k].name, names[i]))
                v = older[k];
        v.whole = file_of(w, "alpha", v.name);
        v.foreign = file_of(w, "beta", v.name);
        REQUIRE(w->live_count < FILES_MAX);
        w->live[w->live_count++] = v;
    }
}

static void make_backup(struct world *w)
{
    struct store_backup_options quietly = {0};
    struct store_backup_receipt r;
    struct err e = {0};
    BUF_AUTO text = {0};
    struct store *s = open_store(w->os, STR("alpha"), false, &e);

    must(s && store_backup(s, STR("/kept"), &quietly, w->arena, &r, &e), &e);
    store_close(s);
    w->inventory = (struct inventory){
        .made_by = STR("rot"), .files = r.files, .file_count = r.file_count, .bytes = r.bytes};
    inventory_put(&w->inventory, &text);
    must(os_write_whole(w->os, STR("/kept/" INVENTORY_NAME), buf_str(&text), &e), &e);
    for (size_t i = 0; i <= r.file_count; i++) {
        struct victim v = {.name = i < r.file_count ? r.files[i].name : STR(INVENTORY_NAME)};
        v.whole = file_of(w, "kept", v.name);
        for (size_t k = 0; k < w->live_count; k++)
            if (str_equal(w->live[k].name, v.name)) {
                v.foreign = w->live[k].foreign;
                v.older_count = w->live[k].older_count;
                memcpy(v.older, w->live[k].older, sizeof v.older);
            }
        REQUIRE(w->kept_count < FILES_MAX);
        w->kept[w->kept_count++] = v;
    }
}

static void world_make(struct world *w, uint64_t seed, struct pool *pool)
{
    struct err e = {0};

    *w = (struct world){.pool = pool, .arena = arena_create(0)};
    w->os = os_sim_create((struct os_sim_plan){.seed = seed});
    fill(w, "beta", seed * 1000 + 500000, false);
    fill(w, "alpha", seed * 1000, true);
    struct store *s = open_store(w->os, STR("alpha"), true, &e);
    must(s && content_of_store(s, &w->content, &e) && rig_ask_store(s, pool, &w->digest, &e), &e);
    store_close(s);
    REQUIRE(w->content.rows > 200);
    struct os *copy = os_sim_copy(w->os); /* making a backup writes a little to the store */
    struct os *kept = w->os;
    w->os = copy;
    make_backup(w);
    w->os = kept;
    for (size_t i = 0; i < w->kept_count; i++) {
        struct str path = arena_printf(w->arena, "/kept/%.*s", STR_ARG(w->kept[i].name));
        must(os_dir_make(w->os, STR("/kept"), &e) &&
                 os_write_whole(w->os, path, w->kept[i].whole, &e),
             &e);
    }
    os_destroy(copy);
}

static void world_free(struct world *w)
{
    os_destroy(w->os);
    arena_destroy(w->arena);
}

/* ---- damage ---- */

static void flip(struct trial *t, char *at, size_t len, uint64_t bits)
{
    for (uint64_t i = 0; i < bits; i++) {
        uint64_t bit = throw(t, 8 * len);
        at[bit / 8] = (char)(at[bit / 8] ^ (1 << bit % 8));
    }
}

/* A part of the file that a disk would read or lose as one. */
static struct str sector(struct trial *t, char *at, size_t len)
{
    size_t sectors = (len + SECTOR - 1) / SECTOR, n = (size_t) throw(t, sectors);

    return str_sub((struct str){at, len}, n * SECTOR, SECTOR);
}

static void swap(struct trial *t, char *at, size_t len)
{
    char spare[SECTOR];
    struct str a = sector(t, at, len), b = sector(t, at, len);
    size_t bytes = MIN(a.len, b.len);

    memcpy(spare, a.at, bytes);
    memmove((char *)a.at, b.at, bytes);
    memcpy((char *)b.at, spare, bytes);
}

/* The part behind some byte of a sector is of an older version, or of another place. */
static void tear(struct trial *t, char *at, size_t len)
{
    struct str a = sector(t, at, len);
    size_t from = (size_t) throw(t, a.len), place = (size_t)(a.at - at) + from;
    struct str other = t->victim->older_count ? t->victim->older[throw(t, t->victim->older_count)]
                                              : t->victim->foreign;

    if (place >= other.len)
        memset(at + place, 0, a.len - from);
    else
        memcpy(at + place, other.at + place, MIN(a.len - from, other.len - place));
}

static void damage_inside(struct trial *t, char *at, size_t len)
{
    struct str s;

    switch (t->damage) {
    case FLIP_ONE:
        flip(t, at, len, 1);
        return;
    case FLIP_MANY:
        flip(t, at, len, 2 + throw(t, 7));
        return;
    case ZERO_SECTOR:
        s = sector(t, at, len);
        memset((char *)s.at, 0, s.len);
        return;
    case SWAP_SECTORS:
        swap(t, at, len);
        return;
    default:
        tear(t, at, len);
    }
}

/* What stands in the file's place; at STR_NONE it is gone. */
static struct str damaged_bytes(struct trial *t, struct buf *room)
{
    const struct victim *v = t->victim;

    if (t->damage == GONE)
        return STR_NONE;
    if (t->damage == OLDER && v->older_count)
        return v->older[throw(t, v->older_count)];
    if (t->damage == FOREIGN && v->foreign.len)
        return v->foreign;
    buf_add(room, v->whole);
    if (t->damage == GROW)
        for (uint64_t n = 1 + throw(t, 900), zeros = throw(t, 3); n; n--)
            buf_add_char(room, zeros ? (char) throw(t, 256) : 0);
    else if (t->damage == CUT)
        room->len = (size_t) throw(t, room->len);
    else
        damage_inside(t, room->at, room->len);
    return buf_str(room);
}

/* ---- what must come of it ---- */

static bool names(const struct err *e, const char *name)
{
    return strstr(e->text, name) || strstr(e->hint, name);
}

static bool names_a_file(const struct err *e)
{
    static const char *const kinds[] = {"/manifest", "/erased", "/people-",    "/facts-",
                                        "/seg-",     "wal-",    "no manifest", "holds project"};
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (names(e, kinds[i]))
            return true;
    return false;
}

/* Damage inside a file is named by that file (of a manifest's last record, in the hint). Of one
 * that is gone, cut or another, what no longer fits may be another file, and that is named. */
static bool error_is_clear(const struct trial *t, const struct err *e)
{
    if (e->kind != ERR_CORRUPT && e->kind != ERR_UNSUPPORTED && e->kind != ERR_NOT_FOUND &&
        e->kind != ERR_CONFLICT)
        return false;
    bool is_inside = t->damage <= TORN_SECTOR;
    return is_inside ? names(e, t->victim->name.at) : names_a_file(e);
}

static void count_found(void *context, struct str file, struct str what)
{
    (void)file;
    (void)what;
    ++*(uint64_t *)context;
}

static uint64_t check_finds(struct os *os)
{
    uint64_t found = 0;
    struct store_check_options options = {.found = count_found, .context = &found};
    struct store_check_report r;
    struct err e = {0};

    if (!store_check_dir(os, STR("/alpha"), &options, &r, &e))
        found++;
    return found;
}

/* True: all answers are as before. False with e->kind: an error. False without: wrong. */
static bool answers_hold(struct trial *t, struct os *os, bool read_only, struct err *e)
{
    struct world *w = t->world;
    struct content content;
    struct store *s = open_store(os, STR("alpha"), read_only, e);
    AUTO(snapshot) *v = NULL;

    if (!s)
        return false;
    bool ok = store_snapshot(s, &v, e);
    if (ok && throw(t, 8) == 0) {
        struct rig_digest digest;
        rig_ask(v, w->pool, &digest);
        ok = content_of(v, &content, e);
        if (ok && rig_differs(&digest, &w->digest) < RIG_QUESTIONS)
            content.rows = 0; /* a question was wrong, though all rows are right */
    } else if (ok) {
        ok = content_of(v, &content, e);
    }
    snapshot_release(TAKE(v));
    store_close(s);
    return ok && content_equal(&content, &w->content);
}

static const char *described(const struct trial *t, char *room, size_t bytes)
{
    snprintf(room, bytes, "%s in %.*s", damage_names[t->damage], STR_ARG(t->victim->name));
    return room;
}

static bool live_is_right(struct trial *t, struct os *os, bool read_only)
{
    char room[120];
    struct err e = {0};
    bool ok = answers_hold(t, os, read_only, &e);

    if (!ok && !e.kind)
        return rig_fail(t->rig, t->seed, "%s: a wrong answer", described(t, room, sizeof room));
    if (!ok && t->is_same)
        return rig_fail(t->rig, t->seed, "no damage, and an error: %s", e.text);
    if (!ok && !error_is_clear(t, &e))
        return rig_fail(t->rig, t->seed, "%s: an unclear error: %s",
                        described(t, room, sizeof room), e.text);
    if (!ok && read_only && check_finds(os) == 0)
        return rig_fail(t->rig, t->seed, "%s: an error (%s) that the check does not find",
                        described(t, room, sizeof room), e.text);
    return true;
}

/* A backup is refused as soon as a byte of it is another, and the file is named. */
static bool kept_is_right(struct trial *t, struct os *os)
{
    AUTO(arena) *arena = arena_create(0);
    char room[120];
    struct copy_options quietly = {0};
    struct inventory v;
    struct err e = {0};
    bool ok = inventory_read(os, STR("/kept"), arena, &v, &e);

    for (size_t i = 0; ok && i < v.file_count; i++)
        ok = inventory_file_check(os, STR("/kept"), &v.files[i], &quietly, &e);
    if (ok == t->is_same && (ok || strstr(e.text, t->victim->name.at)))
        return true;
    if (ok && str_equal(t->victim->name, STR(INVENTORY_NAME)))
        return v.file_count == t->world->inventory.file_count; /* a hex digit in the other case */
    return rig_fail(t->rig, t->seed, "a backup with %s: %s", described(t, room, sizeof room),
                    ok ? "it was taken" : e.text);
}

static bool put(struct trial *t, const char *dir, struct str bytes, struct err *e)
{
    char path[120];
    int len = snprintf(path, sizeof path, "/%s/%.*s", dir, STR_ARG(t->victim->name));
    struct str at = {path, (size_t)len};

    return bytes.at ? os_write_whole(t->world->os, at, bytes, e) : os_remove(t->world->os, at, e);
}

static bool try_one(struct trial *t)
{
    struct world *w = t->world;
    bool is_kept = throw(t, 4) == 0, is_right;
    const char *dir = is_kept ? "kept" : "alpha";
    BUF_AUTO room = {0};
    struct err e = {0};

    t->victim = is_kept ? &w->kept[throw(t, w->kept_count)] : &w->live[throw(t, w->live_count)];
    t->damage = throw(t, 2) ? FLIP_ONE : (enum damage) throw(t, DAMAGES);
    t->bytes = damaged_bytes(t, &room);
    t->is_same = t->bytes.at && str_equal(t->bytes, t->victim->whole);
    must(put(t, dir, t->bytes, &e), &e);
    if (is_kept) {
        is_right = kept_is_right(t, w->os);
    } else if (throw(t, 16) == 0) {
        struct os *copy = os_sim_copy(w->os);
        is_right = live_is_right(t, copy, false);
        os_destroy(copy);
    } else {
        is_right = live_is_right(t, w->os, true);
    }
    must(put(t, dir, t->victim->whole, &e), &e);
    return is_right;
}

/* A crash or a hang is a failure like any other, but the last. */
static void on_signal(int number)
{
    char text[200];
    int len = snprintf(
        text, sizeof text, "FAILED seed %llu: signal %d\n  again: %s --trials 1 --seed %llu\n",
        (unsigned long long)now_running, number, rig_name, (unsigned long long)now_running);
    if (write(STDOUT_FILENO, text, (size_t)len) < 0)
        _exit(3);
    _exit(2);
}

int main(int argc, char **argv)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGALRM};
    struct rig rig = rig_begin(argc, argv, "rot", NULL);
    AUTO(pool) *pool = pool_create(1);
    struct world world = {0};
    uint64_t made_for = UINT64_MAX;

    for (size_t i = 0; i < COUNT(signals); i++)
        signal(signals[i], on_signal);
    for (uint64_t i = 0; i < rig.trials; i++) {
        struct trial t = {.rig = &rig, .world = &world, .seed = rig.seed + i};
        now_running = t.seed;
        alarm(SECONDS_A_TRIAL);
        if (t.seed / TRIALS_A_WORLD != made_for) {
            if (made_for != UINT64_MAX)
                world_free(&world);
            made_for = t.seed / TRIALS_A_WORLD;
            world_make(&world, made_for, pool);
        }
        rig.passed += try_one(&t);
    }
    world_free(&world);
    return rig_end(&rig);
}
