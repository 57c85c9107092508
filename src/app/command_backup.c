/* app/command_backup: backup and restore as people call them. */
#include "app/backup.h"
#include "app/command.h"
#include "app/meter.h"
#include "codec/json.h"

/* ---- what is said afterwards ---- */

static void print_projects(const struct inventory *v, struct jwrite *w)
{
    jwrite_key(w, STR("projects"));
    jwrite_array(w);
    for (size_t i = 0; i < v->project_count; i++) {
        jwrite_object(w);
        jwrite_pair_string(w, "project", v->projects[i].name);
        jwrite_pair_int(w, "sequence", (int64_t)v->projects[i].sequence);
        jwrite_end(w);
    }
    jwrite_end(w);
}

static void print_json(struct run *run, const char *what, struct str where,
                       const struct backup_result *r)
{
    BUF_AUTO out = {0};
    struct jwrite w = jwrite_to(&out);

    jwrite_object(&w);
    jwrite_pair_string(&w, what, where);
    jwrite_pair_int(&w, "files", (int64_t)r->inventory.file_count);
    jwrite_pair_int(&w, "bytes", (int64_t)r->inventory.bytes);
    jwrite_pair_int(&w, "made_ms", r->inventory.made_ms);
    print_projects(&r->inventory, &w);
    if (str_equal(str_of(what), STR("restored")))
        jwrite_pair_int(&w, "erased_again", (int64_t)r->erased);
    if (r->put_aside.len)
        jwrite_pair_string(&w, "put_aside", r->put_aside);
    jwrite_end(&w);
    fprintf(run->out, "%.*s\n", STR_ARG(buf_str(&out)));
}

static void print_text(struct run *run, const char *what, struct str where,
                       const struct backup_result *r)
{
    const struct inventory *v = &r->inventory;

    fprintf(run->out, "%s %.*s: %zu files, %.1f MB\n", what, STR_ARG(where), v->file_count,
            (double)v->bytes / 1e6);
    for (size_t i = 0; i < v->project_count; i++)
        fprintf(run->out, "  %-24.*s up to batch %llu of its log\n", STR_ARG(v->projects[i].name),
                (unsigned long long)v->projects[i].sequence);
    if (r->erased)
        fprintf(run->out, "%llu ids that were erased since are erased from it, too\n",
                (unsigned long long)r->erased);
    if (r->put_aside.len)
        fprintf(run->out, "What was there is now %.*s\n", STR_ARG(r->put_aside));
}

static struct str folder_of(struct run *run)
{
    struct str dir = run_path(run, run->args[0]);

    while (dir.len > 1 && dir.at[dir.len - 1] == '/')
        dir.len--;
    return dir;
}

bool command_backup(struct run *run, struct err *e)
{
    struct meter meter = {run, run->site->os, "copied"};
    struct backup_options options = {.progress = meter_move, .context = &meter};
    struct str dir = folder_of(run);
    struct backup_result result;

    bool ok = backup_make(run->site, dir, &options, run->arena, &result, e);
    meter_clear(&meter);
    if (ok && run_flag(run, "--json"))
        print_json(run, "backup", dir, &result);
    else if (ok)
        print_text(run, "Backup in", dir, &result);
    return ok;
}

bool command_restore(struct run *run, struct err *e)
{
    AUTO(os) *os = os_linux_create();
    struct meter meter = {run, os, "copied"};
    struct backup_options options = {
        .progress = meter_move, .context = &meter, .may_replace = run_flag(run, "--replace")};
    struct str dir = folder_of(run), data = run_data_dir(run);
    struct str erasures = run_value(run, "--erasures");
    struct backup_result result;

    options.erasures = erasures.len ? run_path(run, erasures) : STR_NONE;
    if (erasures.len && !os_exists(os, options.erasures))
        return err_set(e, ERR_NOT_FOUND, "%.*s is not there", STR_ARG(options.erasures));
    bool ok = backup_restore(os, dir, data, &options, run->arena, &result, e);
    meter_clear(&meter);
    if (ok && run_flag(run, "--json"))
        print_json(run, "restored", data, &result);
    else if (ok)
        print_text(run, "Restored into", data, &result);
    return ok;
}
