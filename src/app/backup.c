#include "app/backup.h"
#include "saved/names.h"

#define PARTIAL_MARK "partial"

static struct str in(struct arena *arena, struct str dir, struct str name)
{
    return arena_printf(arena, "%.*s/%.*s", STR_ARG(dir), STR_ARG(name));
}

/* The directory that a path stands in. */
static struct str parent_of(struct str path)
{
    while (path.len > 1 && path.at[path.len - 1] != '/')
        path.len--;
    while (path.len > 1 && path.at[path.len - 1] == '/')
        path.len--;
    return path;
}

static bool is_folder(struct os *os, struct str path, struct arena *arena, struct str **names,
                      size_t *count)
{
    struct err ignored = {0};

    return os_dir_list(os, path, arena, names, count, &ignored);
}

/* With all that is in it. */
static bool remove_tree(struct os *os, struct str path, struct arena *arena, struct err *e)
{
    struct str *names;
    size_t count;

    if (is_folder(os, path, arena, &names, &count))
        for (size_t i = 0; i < count; i++)
            if (!remove_tree(os, in(arena, path, names[i]), arena, e))
                return false;
    return os_remove(os, path, e);
}

/* ---- under another name first ---- */

struct draft {
    struct os *os;
    struct arena *arena;
    struct str dir;  /* what it will be */
    struct str path; /* where it is made */
};

/* Nothing may be in the way; a left-over of our own goes. */
static bool draft_begin(struct draft *d, struct os *os, struct str dir, struct arena *arena,
                        struct err *e)
{
    *d = (struct draft){os, arena, dir, arena_printf(arena, "%.*s.partial", STR_ARG(dir))};
    struct str mark = in(arena, d->path, STR(PARTIAL_MARK));

    if (os_exists(os, d->path)) {
        if (!os_exists(os, mark)) {
            err_set(e, ERR_CONFLICT, "%.*s is in the way", STR_ARG(d->path));
            return err_hint(e, "remove or rename it");
        }
        if (!remove_tree(os, d->path, arena, e))
            return err_while(e, "removing what an earlier run left");
    }
    return os_dir_make(os, d->path, e) && os_write_whole(os, mark, STR("not whole yet\n"), e);
}

static void draft_drop(struct draft *d)
{
    struct err ignored = {0};

    if (!remove_tree(d->os, d->path, d->arena, &ignored))
        return; /* the next run removes it */
}

/* Every folder, from the inside out. */
static bool sync_tree(struct os *os, struct str path, struct arena *arena, struct err *e)
{
    struct str *names;
    size_t count;

    if (!is_folder(os, path, arena, &names, &count))
        return true;
    for (size_t i = 0; i < count; i++)
        if (!sync_tree(os, in(arena, path, names[i]), arena, e))
            return false;
    return os_dir_sync(os, path, e);
}

static bool draft_finish(struct draft *d, struct err *e)
{
    struct str mark = in(d->arena, d->dir, STR(PARTIAL_MARK));

    if (!sync_tree(d->os, d->path, d->arena, e))
        return false;
    struct str *names;
    size_t count = 1;
    bool is_there = is_folder(d->os, d->dir, d->arena, &names, &count);
    if (is_there && !os_remove(d->os, d->dir, e)) /* it is empty */
        return false;
    return os_rename(d->os, d->path, d->dir, e) && os_dir_sync(d->os, parent_of(d->dir), e) &&
           os_remove(d->os, mark, e);
}

/* `dir` is not there, or an empty folder. */
static bool is_free(struct os *os, struct str dir, struct arena *arena)
{
    struct str *names;
    size_t count = 0;

    return !os_exists(os, dir) || (is_folder(os, dir, arena, &names, &count) && count == 0);
}

/* ---- backup ---- */

struct making {
    struct site *site;
    const struct backup_options *options;
    struct arena *arena;
    struct draft draft;
    struct inventory *inventory;
    size_t file_room, project_room;
};

static void note_file(struct making *m, struct inventory_file f)
{
    struct inventory *v = m->inventory;

    if (v->file_count == m->file_room) {
        size_t room = m->file_room ? 2 * m->file_room : 64;
        struct inventory_file *more = arena_array(m->arena, room, sizeof *more);
        if (v->file_count)
            memcpy(more, v->files, v->file_count * sizeof *more);
        v->files = more;
        m->file_room = room;
    }
    v->files[v->file_count++] = f;
    v->bytes += f.bytes;
}

/* A small file of the data directory itself. */
static bool copy_plain(struct making *m, struct str name, struct err *e)
{
    struct copy_options copy = {m->options->progress, m->options->context};
    struct inventory_file f = {.name = name};
    AUTO(os_file) *file = NULL;
    struct os *os = m->site->os;

    if (!os_file_open(os, in(m->arena, m->site->dir, name), OS_READ, &file, e) ||
        !os_file_size(file, &f.bytes, e) ||
        !file_copy(os, file, f.bytes, in(m->arena, m->draft.path, name), &copy, &f.hash, e))
        return false;
    note_file(m, f);
    return true;
}

static bool copy_records(struct making *m, struct err *e)
{
    struct copy_options none = {0};
    struct inventory_file f = {.name = STR("records.db")};
    struct str path = in(m->arena, m->draft.path, f.name);
    AUTO(os_file) *file = NULL;

    if (!record_copy(m->site->record, path, e) ||
        !os_file_open(m->site->os, path, OS_READ, &file, e) || !os_file_size(file, &f.bytes, e) ||
        !file_hash(file, f.bytes, &none, &f.hash, e) || !os_file_sync(file, e))
        return err_while(e, "copying the records database");
    note_file(m, f);
    return true;
}

static bool copy_project(struct making *m, struct str name, struct err *e)
{
    struct store_backup_options options = {m->options->progress, m->options->context};
    struct store_backup_receipt receipt;
    struct store *store;
    struct str folder = arena_printf(m->arena, "projects/%.*s", STR_ARG(name));
    struct str manifest =
        arena_printf(m->arena, "%.*s/%.*s/manifest", STR_ARG(m->site->dir), STR_ARG(folder));

    if (m->site->is_read_only && !os_exists(m->site->os, manifest))
        return true; /* it took no event yet, and nothing is made in it */
    if (!project_store(m->site->projects, name, false, &store, e) ||
        !store_backup(store, in(m->arena, m->draft.path, folder), &options, m->arena, &receipt, e))
        return err_while(e, "project \"%.*s\"", STR_ARG(name));
    for (size_t i = 0; i < receipt.file_count; i++) {
        struct inventory_file f = receipt.files[i];
        f.name = in(m->arena, folder, f.name);
        note_file(m, f);
    }
    m->inventory->projects[m->inventory->project_count++] =
        (struct inventory_project){name, receipt.store, receipt.sequence};
    return true;
}

/* Not what is remade, nor the database, which is copied by its own means. */
static bool is_plain(struct str name)
{
    return !str_equal(name, STR("lock")) && !str_equal(name, STR("socket")) &&
           !str_equal(name, STR("projects")) && !str_starts(name, STR("records.db")) &&
           !str_equal(name, STR(PARTIAL_MARK)) && !str_ends(name, STR(".tmp"));
}

/* The list of projects is read before the records: every project that is copied is in them. */
static bool copy_all(struct making *m, struct err *e)
{
    struct project_settings *list;
    size_t count, name_count;
    struct str *names;

    if (!project_list(m->site->projects, m->arena, &list, &count, e) || !copy_records(m, e) ||
        !os_dir_list(m->site->os, m->site->dir, m->arena, &names, &name_count, e))
        return false;
    for (size_t i = 0; i < name_count; i++)
        if (is_plain(names[i]) && !copy_plain(m, names[i], e))
            return false;
    m->inventory->projects = arena_array(m->arena, count, sizeof *m->inventory->projects);
    if (!os_dir_make(m->site->os, in(m->arena, m->draft.path, STR("projects")), e))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!copy_project(m, list[i].name, e))
            return false;
    return true;
}

static bool write_inventory(struct making *m, struct err *e)
{
    BUF_AUTO text = {0};

    m->inventory->made_by = STR("tenure " TENURE_VERSION);
    m->inventory->made_ms = os_now_ms(m->site->os);
    inventory_put(m->inventory, &text);
    return os_write_whole(m->site->os, in(m->arena, m->draft.path, STR(INVENTORY_NAME)),
                          buf_str(&text), e);
}

bool backup_make(struct site *site, struct str dir, const struct backup_options *options,
                 struct arena *arena, struct backup_result *out, struct err *e)
{
    *out = (struct backup_result){0};
    struct making m = {site, options, arena, .inventory = &out->inventory};

    if (str_starts(arena_printf(arena, "%.*s/", STR_ARG(dir)),
                   arena_printf(arena, "%.*s/", STR_ARG(site->dir)))) {
        err_set(e, ERR_USAGE, "a backup cannot be inside the data directory");
        return err_hint(e, "choose a directory elsewhere, best on another disk");
    }
    if (!is_free(site->os, dir, arena)) {
        err_set(e, ERR_CONFLICT, "%.*s holds something already", STR_ARG(dir));
        return err_hint(e, "give each backup a directory of its own");
    }
    if (!draft_begin(&m.draft, site->os, dir, arena, e))
        return err_while(e, "making the backup");
    if (copy_all(&m, e) && sync_tree(site->os, m.draft.path, arena, e) && write_inventory(&m, e) &&
        draft_finish(&m.draft, e))
        return true;
    draft_drop(&m.draft);
    return err_while(e, "making the backup");
}

/* ---- restore ---- */

/* All files, each compared with the inventory while it is copied. */
static bool copy_back(struct draft *d, struct str dir, const struct inventory *v,
                      const struct backup_options *options, struct err *e)
{
    struct copy_options copy = {options->progress, options->context};

    for (size_t i = 0; i < v->file_count; i++)
        if (!inventory_file_copy(d->os, dir, d->path, &v->files[i], &copy, e))
            return false;
    return true;
}

/* Sizes first, which takes moments: most damage shows before a byte is copied. */
static bool look_over(struct os *os, struct str dir, const struct inventory *v, struct err *e)
{
    for (size_t i = 0; i < v->file_count; i++)
        if (!inventory_file_look(os, dir, &v->files[i], e))
            return false;
    return true;
}

/* Nobody may be in the directory that is to be replaced. */
static bool lock_old(struct os *os, struct str data, struct arena *arena, struct os_file **lock,
                     struct err *e)
{
    if (os_lock(os, in(arena, data, STR("lock")), lock, e) || e->kind != ERR_BUSY)
        return *lock != NULL;
    err_set(e, ERR_CONFLICT, "data directory %.*s is in use", STR_ARG(data));
    err_code(e, "data.in_use");
    return err_hint(e, "stop the server first");
}

/* The new directory takes its name, the old one goes aside; or everything stays where it was. */
static bool take_place(struct draft *d, bool is_taken, struct backup_result *out, struct err *e)
{
    struct err ignored = {0};

    if (!is_taken)
        return draft_finish(d, e);
    out->put_aside = arena_printf(d->arena, "%.*s.before-restore-%lld", STR_ARG(d->dir),
                                  (long long)os_now_ms(d->os));
    if (!os_rename(d->os, d->dir, out->put_aside, e))
        return false;
    if (draft_finish(d, e))
        return true;
    if (!os_exists(d->os, d->dir) && !os_rename(d->os, out->put_aside, d->dir, &ignored))
        err_hint(e, "the old directory is %.*s", STR_ARG(out->put_aside));
    return false;
}

/* ---- who was erased since the backup was made ---- */

static bool was_erased(const void *context, struct str id)
{
    return store_was_erased((struct store *)context, id);
}

/* The ids in saved lists of people are no less theirs. */
static bool clear_lists(struct draft *d, struct str project, const struct store *store,
                        struct err *e)
{
    struct str path = arena_printf(d->arena, "%.*s/records.db", STR_ARG(d->path));
    AUTO(record) *record = NULL;

    return record_open(path, access_migrations, access_migration_count, &record, e) &&
           saved_lists_drop(record, project, was_erased, store, os_now_ms(d->os), e);
}

static bool erase_again(struct draft *d, struct str name, struct str list, bool is_asked_for,
                        struct backup_result *out, struct err *e)
{
    struct str folder =
        arena_printf(d->arena, "%.*s/projects/%.*s", STR_ARG(d->path), STR_ARG(name));
    struct store_options options = {.project = name};
    struct store_erasure erased = {0};
    AUTO(store) *store = NULL;

    if (!store_open(d->os, folder, &options, &store, e))
        return false;
    if (store_erasures_apply(store, list, &erased, e)) {
        out->erased += erased.ids;
        return clear_lists(d, name, store, e);
    }
    if (e->kind != ERR_CONFLICT || is_asked_for)
        return err_while(e, "erasing again who was erased from project \"%.*s\"", STR_ARG(name));
    *e = (struct err){0}; /* another store of that name was there: it knows nobody of this one */
    return true;
}

/* Before the directory gets its name: nobody ever sees an erased person come back. */
static bool apply_erasures(struct draft *d, struct str from, bool is_asked_for,
                           struct backup_result *out, struct err *e)
{
    const struct inventory *v = &out->inventory;

    for (size_t i = 0; from.len && i < v->project_count; i++) {
        struct str name = v->projects[i].name;
        struct str list = arena_printf(d->arena, "%.*s/projects/%.*s/" STORE_ERASURES_FILE,
                                       STR_ARG(from), STR_ARG(name));
        if (os_exists(d->os, list) && !erase_again(d, name, list, is_asked_for, out, e))
            return false;
    }
    return true;
}

static bool refuse_taken(struct str data, struct err *e)
{
    err_set(e, ERR_CONFLICT, "the data directory %.*s is not empty", STR_ARG(data));
    return err_hint(e, "choose a new one with --data, or put this one aside with --replace");
}

bool backup_restore(struct os *os, struct str dir, struct str data,
                    const struct backup_options *options, struct arena *arena,
                    struct backup_result *out, struct err *e)
{
    AUTO(os_file) *lock = NULL;
    struct draft d;

    *out = (struct backup_result){0};
    if (!inventory_read(os, dir, arena, &out->inventory, e) ||
        !look_over(os, dir, &out->inventory, e))
        return false;
    bool is_taken = !is_free(os, data, arena), is_asked_for = options->erasures.len;
    if (is_taken && !options->may_replace)
        return refuse_taken(data, e);
    if (is_taken && !lock_old(os, data, arena, &lock, e))
        return false;
    if (!draft_begin(&d, os, data, arena, e))
        return err_while(e, "restoring");
    struct str erasures = is_asked_for ? options->erasures : is_taken ? data : STR_NONE;
    if (copy_back(&d, dir, &out->inventory, options, e) &&
        apply_erasures(&d, erasures, is_asked_for, out, e) && sync_tree(os, d.path, arena, e) &&
        take_place(&d, is_taken, out, e))
        return true;
    draft_drop(&d);
    return err_while(e, "restoring %.*s", STR_ARG(dir));
}
