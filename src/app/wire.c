#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/site.h"
#include "codec/json.h"
#include "store/inventory.h"

static struct str in_dir(struct site *s, const char *name)
{
    return arena_printf(s->arena, "%.*s/%s", STR_ARG(s->dir), name);
}

/* Only looked at: nothing is made, and its rights stay as they are. */
static bool check_folder_to_read(struct site *s, struct err *e)
{
    struct stat st;
    struct str path = arena_copy(s->arena, s->dir);

    s->is_read_only = true;
    if (stat(path.at, &st) < 0 || !S_ISDIR(st.st_mode)) {
        err_set(e, ERR_NOT_FOUND, "there is no data directory %s", path.at);
        return err_hint(e, "name one with --data; one that is only read is not made");
    }
    if (access(path.at, R_OK | X_OK) == 0)
        return true;
    err_set(e, ERR_FORBIDDEN, "the data directory %s may not be read by this user", path.at);
    return err_hint(e, "change its owner, or choose another with --data");
}

/* The folder is ours alone, and can be written to. */
static bool check_folder(struct site *s, enum site_use use, struct err *e)
{
    struct stat st;
    struct str path = arena_copy(s->arena, s->dir);

    if (use == SITE_READ || (use == SITE_READ_IF_MUST && stat(path.at, &st) == 0 &&
                             S_ISDIR(st.st_mode) && access(path.at, W_OK) < 0))
        return check_folder_to_read(s, e);
    if (!os_dir_make(s->os, s->dir, e)) {
        err_while(e, "making the data directory");
        return err_hint(e, "make its parent folder, or choose another with --data");
    }
    if (stat(path.at, &st) < 0 || !S_ISDIR(st.st_mode)) {
        err_set(e, ERR_IO, "%s is not a folder", path.at);
        return err_hint(e, "choose another data directory with --data");
    }
    if (access(path.at, R_OK | W_OK | X_OK) < 0) {
        err_set(e, ERR_FORBIDDEN, "the data directory %s may not be written to by this user",
                path.at);
        return err_hint(e, "change its owner, or choose another with --data");
    }
    if ((st.st_mode & 077) && st.st_uid == geteuid())
        return chmod(path.at, 0700) == 0 ||
               err_set(e, ERR_IO, "closing %s to other users: %s", path.at, strerror(errno));
    return true;
}

static bool check_layout(struct site *s, struct str text, struct str path, struct err *e)
{
    AUTO(json_parser) *parser = json_parser_create();
    struct json root;
    int64_t layout = 0;

    if (!json_parse(parser, text, &root, e) ||
        !json_int(json_member(root, STR("layout")), &layout) || layout < 1) {
        err_set(e, ERR_CORRUPT, "%.*s is damaged: it does not name a layout", STR_ARG(path));
        return err_hint(e, "restore it, or choose another data directory with --data");
    }
    if (layout <= SITE_LAYOUT)
        return true;
    err_set(e, ERR_CONFLICT, "data directory %.*s has layout %lld; this tenure knows up to %d",
            STR_ARG(s->dir), (long long)layout, SITE_LAYOUT);
    err_code(e, "data.newer");
    return err_hint(e, "run the newer tenure that wrote it; nothing was touched");
}

/* Reads the mark of a data directory. *is_new: it has none yet and holds nothing else. */
static bool check_mark(struct site *s, bool *is_new, struct err *e)
{
    struct str path = in_dir(s, "tenure.json"), text, *names = NULL;
    size_t count = 0;

    if (os_exists(s->os, in_dir(s, INVENTORY_NAME))) {
        err_set(e, ERR_CONFLICT, "%.*s is a backup; it is not opened, so that it stays as it is",
                STR_ARG(s->dir));
        return err_hint(e, "`tenure restore %.*s --data NEW` makes a data directory of it",
                        STR_ARG(s->dir));
    }
    *is_new = !os_exists(s->os, path);
    if (!*is_new)
        return os_read_whole(s->os, path, s->arena, &text, e) && check_layout(s, text, path, e);
    if (s->is_read_only)
        return err_set(e, ERR_NOT_FOUND, "%.*s is not a Tenure data directory", STR_ARG(s->dir));
    if (!os_dir_list(s->os, s->dir, s->arena, &names, &count, e))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (str_equal(names[i], STR("lock")) || str_starts(names[i], STR("tenure.json")))
            continue; /* left by a first start that was cut short */
        err_set(e, ERR_CONFLICT, "%.*s is not a Tenure data directory: it holds %.*s",
                STR_ARG(s->dir), STR_ARG(names[i]));
        return err_hint(e, "choose an empty or new folder with --data");
    }
    return true;
}

static bool take_lock(struct site *s, const char *purpose, struct err *e)
{
    if (s->is_read_only) {
        if (os_lock_shared(s->os, in_dir(s, "lock"), &s->lock, e))
            return true;
        if (e->kind != ERR_NOT_FOUND)
            return false;
        *e = (struct err){0}; /* whoever writes makes it first */
        return true;
    }
    if (!os_lock(s->os, in_dir(s, "lock"), &s->lock, e))
        return false;
    struct str who = arena_printf(s->arena, "%ld %s\n", (long)getpid(), purpose);
    return os_file_truncate(s->lock, 0, e) && os_file_write_at(s->lock, 0, &who, 1, e);
}

static bool write_mark(struct site *s, struct err *e)
{
    BUF_AUTO out = {0};
    struct jwrite w = jwrite_to(&out);

    jwrite_object(&w);
    jwrite_pair_int(&w, "layout", SITE_LAYOUT);
    jwrite_pair_string(&w, "made_by", STR("tenure " TENURE_VERSION));
    jwrite_end(&w);
    buf_add_char(&out, '\n');
    return os_write_whole(s->os, in_dir(s, "tenure.json"), buf_str(&out), e);
}

/* For tests from outside: TENURE_SEAL_ROWS. */
static size_t seal_rows_from_environment(void)
{
    const char *set = getenv("TENURE_SEAL_ROWS");
    int64_t rows;

    return set && str_to_i64(str_of(set), &rows) && rows > 0 ? (size_t)rows : 0;
}

/* ---- the reserve: so that people can sign in, and keys can be revoked, on a full disk ---- */

enum { RESERVE_BYTES = 512 << 10, ROOMY_BYTES = 2 << 20 };

static bool spend_reserve(void *context)
{
    struct site *s = context;
    struct err ignored = {0};
    struct str path = s->reserve;

    return os_exists(s->os, path) && os_remove(s->os, path, &ignored);
}

void site_keep_reserve(struct site *s)
{
    struct err ignored = {0};
    AUTO(os_file) *file = NULL;
    uint64_t free_bytes = 0;

    if (s->is_read_only || os_exists(s->os, s->reserve) ||
        !os_free_bytes(s->os, s->dir, &free_bytes, &ignored) || free_bytes < ROOMY_BYTES)
        return;
    if (os_file_open(s->os, s->reserve, OS_WRITE, &file, &ignored) &&
        os_file_reserve(file, RESERVE_BYTES, &ignored))
        return;
    spend_reserve(s); /* half of it is none */
}

/* What the file says, with the log that a process which was killed left beside it. */
static bool copy_records(struct site *s, struct err *e)
{
    struct str path = in_dir(s, "records.db"), log_path = in_dir(s, "records.db-wal");
    AUTO(arena) *arena = arena_create(64 << 10);
    struct str db, log = STR_NONE;

    if (os_exists(s->os, in_dir(s, "records.db-journal"))) {
        err_set(e, ERR_BUSY, "%.*s was left in the middle of a change", STR_ARG(path));
        return err_hint(e, "run a command where the directory may be written to, once");
    }
    if (!os_read_whole(s->os, path, arena, &db, e) ||
        (os_exists(s->os, log_path) && !os_read_whole(s->os, log_path, arena, &log, e)))
        return false;
    return record_open_copy(path, db, log, access_migrations, access_migration_count, &s->record,
                            e);
}

static bool open_records(struct site *s, struct err *e)
{
    if (s->is_read_only)
        return copy_records(s, e);
    return record_open(in_dir(s, "records.db"), access_migrations, access_migration_count,
                       &s->record, e);
}

bool site_open(struct os *os, struct str dir, enum site_use use, const char *purpose,
               struct site **out, struct err *e)
{
    AUTO(site) *s = mem_zero(sizeof *s);
    bool is_new = false;

    s->arena = arena_create(4 << 10);
    s->os = os;
    s->dir = arena_copy(s->arena, dir);
    if (!check_folder(s, use, e) || !check_mark(s, &is_new, e) || !take_lock(s, purpose, e))
        return false;
    if (is_new && !write_mark(s, e))
        return err_while(e, "setting up the data directory");
    if (!open_records(s, e) || !access_open(os, s->record, &s->access, e))
        return err_while(e, "opening the data directory");
    s->projects = projects_create(os, s->record, in_dir(s, "projects"));
    projects_seal_rows(s->projects, seal_rows_from_environment());
    s->pool = pool_create(0);
    s->reserve = in_dir(s, "reserve");
    if (s->is_read_only) {
        projects_read_only(s->projects);
    } else {
        record_on_full(s->record, spend_reserve, s);
        site_keep_reserve(s);
    }
    *out = TAKE(s);
    return true;
}

void site_close(struct site *s)
{
    if (!s)
        return;
    pool_destroy(s->pool);
    projects_destroy(s->projects);
    access_close(s->access);
    record_close(s->record);
    os_file_close(s->lock);
    arena_destroy(s->arena);
    mem_free(s);
}

struct str site_holder(struct os *os, struct str dir, struct arena *arena)
{
    struct err ignored = {0};
    struct str path = arena_printf(arena, "%.*s/lock", STR_ARG(dir)), text = STR_NONE, pid;
    AUTO(os_file) *shared = NULL;

    if (os_lock_shared(os, path, &shared, &ignored)) /* the lock does not name those who read */
        return STR("a tenure that only reads it");
    if (!os_read_whole(os, path, arena, &text, &ignored))
        return STR("another process");
    text = str_trim(text);
    if (!str_cut(&text, ' ', &pid) || !pid.len || !text.len)
        return STR("another process");
    return arena_printf(arena, "process %.*s (tenure %.*s)", STR_ARG(pid), STR_ARG(text));
}
