/*
 * store/store_backup: a store's files, as they count at one moment, copied into another directory.
 *
 * The copy is read back by nobody here: each file's hash is taken from the bytes that were read,
 * and goes into the inventory (store/inventory.h); store_check_dir then finds what was damaged
 * already.
 */
#include "store/inventory.h"
#include "store/store_capture.h"

static bool missing(const struct capture *c, const struct capture_file *f, struct err *e)
{
    err_set(e, ERR_CORRUPT, "%.*s/%.*s is missing", STR_ARG(c->dir), STR_ARG(f->name));
    return err_hint(e, "`tenure check` shows all that is damaged");
}

static bool copy_all(const struct capture *c, struct str to,
                     const struct store_backup_options *options, struct arena *arena,
                     struct store_backup_receipt *out, struct err *e)
{
    out->files = arena_array(arena, c->count, sizeof *out->files);
    for (size_t i = 0; i < c->count; i++) {
        const struct capture_file *f = &c->files[i];
        struct inventory_file *made = &out->files[out->file_count++];
        struct str path = arena_printf(arena, "%.*s/%.*s", STR_ARG(to), STR_ARG(f->name));
        struct copy_options copy = {options->progress, options->context};
        if (!f->file)
            return missing(c, f, e);
        *made = (struct inventory_file){.name = arena_copy(arena, f->name), .bytes = f->bytes};
        if (!file_copy(c->os, f->file, f->bytes, path, &copy, &made->hash, e))
            return err_while(e, "copying %.*s/%.*s", STR_ARG(c->dir), STR_ARG(f->name));
        out->bytes += f->bytes;
    }
    return true;
}

bool store_backup(struct store *s, struct str to, const struct store_backup_options *options,
                  struct arena *arena, struct store_backup_receipt *out, struct err *e)
{
    struct capture c;

    *out = (struct store_backup_receipt){0};
    bool ok = store_capture(s, &c, e);
    if (ok) {
        out->store = c.content.head.store;
        out->sequence = c.sequence;
        ok = os_dir_make(c.os, to, e) && copy_all(&c, to, options, arena, out, e) &&
             os_dir_sync(c.os, to, e);
    }
    capture_free(&c);
    return ok;
}
