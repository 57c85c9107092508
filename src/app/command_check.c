/* app/command_check: everything that a data directory, or a backup, promises of its bytes. */
#include "app/backup.h"
#include "app/command.h"
#include "app/meter.h"
#include "codec/json.h"

struct checking {
    struct run *run;
    struct os *os;
    struct meter meter;
    struct str dir;
    struct str folder; /* "projects/shop": what stands before the names that are found */
    struct store_check_report sum;
    size_t projects;
    struct buf projects_json, damage_json;
    struct jwrite projects_out, damage_out;
};

static struct str in_dir(struct checking *c, struct str name)
{
    return arena_printf(c->run->arena, "%.*s/%.*s", STR_ARG(c->dir), STR_ARG(name));
}

/* ---- what is found ---- */

/* Bytes of others go to a terminal only without their control characters. */
static void put_safely(FILE *to, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        fputc(c < ' ' || c == 0x7f ? '?' : c, to);
    }
}

static void add_damage(struct checking *c, struct str file, struct str what)
{
    c->sum.damaged++;
    if (run_flag(c->run, "--json")) {
        jwrite_object(&c->damage_out);
        jwrite_pair_string(&c->damage_out, "file", file);
        jwrite_pair_string(&c->damage_out, "damage", what);
        jwrite_end(&c->damage_out);
        return;
    }
    meter_clear(&c->meter);
    fputs("damaged: ", c->run->out);
    put_safely(c->run->out, file);
    fputs(": ", c->run->out);
    put_safely(c->run->out, what);
    fputc('\n', c->run->out);
}

static void found(void *context, struct str file, struct str what)
{
    struct checking *c = context;

    add_damage(c,
               file.len
                   ? arena_printf(c->run->arena, "%.*s/%.*s", STR_ARG(c->folder), STR_ARG(file))
                   : c->folder,
               what);
}

static bool progress(void *context, uint64_t bytes)
{
    struct checking *c = context;

    return meter_move(&c->meter, bytes);
}

/* ---- projects ---- */

static void add_report(struct checking *c, struct str name, const struct store_check_report *r)
{
    struct jwrite *w = &c->projects_out;

    c->projects++;
    c->sum.files += r->files;
    c->sum.bytes += r->bytes;
    c->sum.segments += r->segments;
    c->sum.events += r->events;
    c->sum.batches += r->batches;
    c->sum.log_events += r->log_events;
    c->sum.torn_bytes += r->torn_bytes;
    jwrite_object(w);
    jwrite_pair_string(w, "project", name);
    jwrite_pair_int(w, "files", (int64_t)r->files);
    jwrite_pair_int(w, "bytes", (int64_t)r->bytes);
    jwrite_pair_int(w, "segments", (int64_t)r->segments);
    jwrite_pair_int(w, "events_in_segments", (int64_t)r->events);
    jwrite_pair_int(w, "people", (int64_t)r->people);
    jwrite_pair_int(w, "batches_in_log", (int64_t)r->batches);
    jwrite_pair_int(w, "events_in_log", (int64_t)r->log_events);
    jwrite_pair_int(w, "torn_bytes", (int64_t)r->torn_bytes);
    jwrite_pair_int(w, "damaged", (int64_t)r->damaged);
    jwrite_end(w);
}

static void begin_project(struct checking *c, struct str name)
{
    c->folder = arena_printf(c->run->arena, "projects/%.*s", STR_ARG(name));
}

/* Nobody has it open. */
static bool check_closed(struct checking *c, struct str name, struct err *e)
{
    struct store_check_options options = {found, progress, c};
    struct store_check_report report;

    begin_project(c, name);
    if (!store_check_dir(c->os, in_dir(c, c->folder), &options, &report, e)) {
        if (e->kind != ERR_NOT_FOUND)
            return false;
        add_damage(c, c->folder, str_of(e->text));
        *e = (struct err){0};
        return true;
    }
    add_report(c, name, &report);
    return true;
}

/* While a server may write to it. What cannot even be opened is read as it lies there. */
static bool check_open(struct checking *c, struct str name, struct err *e)
{
    struct store_check_options options = {found, progress, c};
    struct store_check_report report;
    struct store *store;

    begin_project(c, name);
    if (!project_store(c->run->site->projects, name, false, &store, e)) {
        if (e->kind != ERR_CORRUPT && e->kind != ERR_UNSUPPORTED)
            return false;
        *e = (struct err){0};
        return check_closed(c, name, e);
    }
    if (!store_check(store, &options, &report, e))
        return false;
    add_report(c, name, &report);
    return true;
}

/* ---- a data directory ---- */

/* A project that took no event yet has no folder, or an empty one. */
static bool is_unused(struct checking *c, struct str name)
{
    struct err ignored = {0};
    struct str *names;
    size_t count = 0;
    struct str folder = arena_printf(c->run->arena, "projects/%.*s", STR_ARG(name));

    return !os_exists(c->os, in_dir(c, folder)) ||
           (os_dir_list(c->os, in_dir(c, folder), c->run->arena, &names, &count, &ignored) &&
            count == 0);
}

static void check_records(struct checking *c, struct str name, bool ok, struct err *e)
{
    c->sum.files++;
    if (!ok)
        add_damage(c, name, str_of(e->text));
    *e = (struct err){0};
}

static bool is_listed(const struct project_settings *list, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal(list[i].name, name))
            return true;
    return false;
}

static bool check_folders(struct checking *c, const struct project_settings *list, size_t count,
                          struct err *e)
{
    struct str *names, projects = in_dir(c, STR("projects"));
    size_t name_count;

    if (!os_exists(c->os, projects))
        return true;
    if (!os_dir_list(c->os, projects, c->run->arena, &names, &name_count, e))
        return false;
    for (size_t i = 0; i < name_count; i++)
        if (!is_listed(list, count, names[i]))
            add_damage(c, arena_printf(c->run->arena, "projects/%.*s", STR_ARG(names[i])),
                       STR("records.db knows no project of this name"));
    return true;
}

static bool check_site(struct checking *c, struct err *e)
{
    struct project_settings *list;
    struct site *site = c->run->site;
    size_t count;

    check_records(c, STR("records.db"), record_check(site->record, e), e);
    if (!project_list(site->projects, c->run->arena, &list, &count, e))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (is_unused(c, list[i].name))
            continue;
        if (site->url.len ? !check_open(c, list[i].name, e) : !check_closed(c, list[i].name, e))
            return err_while(e, "checking project \"%.*s\"", STR_ARG(list[i].name));
    }
    return check_folders(c, list, count, e);
}

/* ---- a backup ---- */

static bool check_listed(struct checking *c, const struct inventory *v, struct err *e)
{
    struct copy_options options = {progress, c};

    for (size_t i = 0; i < v->file_count; i++) {
        struct err why = {0};
        c->sum.files++;
        c->sum.bytes += v->files[i].bytes;
        if (inventory_file_check(c->os, c->dir, &v->files[i], &options, &why))
            continue;
        if (why.kind == ERR_BUSY) {
            *e = why;
            return false;
        }
        add_damage(c, v->files[i].name, str_of(why.text));
    }
    return true;
}

static bool check_backup(struct checking *c, struct err *e)
{
    struct inventory v;

    if (!inventory_read(c->os, c->dir, c->run->arena, &v, e) || !check_listed(c, &v, e))
        return false;
    uint64_t files = c->sum.files, bytes = c->sum.bytes;
    check_records(c, STR("records.db"), record_check_file(in_dir(c, STR("records.db")), e), e);
    for (size_t i = 0; i < v.project_count; i++)
        if (!check_closed(c, v.projects[i].name, e))
            return err_while(e, "checking project \"%.*s\"", STR_ARG(v.projects[i].name));
    c->sum.files = files; /* the inventory names them all: not twice */
    c->sum.bytes = bytes;
    return true;
}

/* ---- the command ---- */

static void print_json(struct checking *c)
{
    BUF_AUTO out = {0};
    struct jwrite w = jwrite_to(&out);

    jwrite_end(&c->projects_out);
    jwrite_end(&c->damage_out);
    jwrite_object(&w);
    jwrite_pair_string(&w, "checked", c->dir);
    jwrite_pair_int(&w, "files", (int64_t)c->sum.files);
    jwrite_pair_int(&w, "bytes", (int64_t)c->sum.bytes);
    jwrite_key(&w, STR("projects"));
    jwrite_raw(&w, buf_str(&c->projects_json));
    jwrite_key(&w, STR("damaged"));
    jwrite_raw(&w, buf_str(&c->damage_json));
    jwrite_end(&w);
    fprintf(c->run->out, "%.*s\n", STR_ARG(buf_str(&out)));
}

static void print_text(struct checking *c)
{
    fprintf(c->run->out,
            "checked %.*s: %llu files, %.1f MB, %zu project%s, %llu events in %llu segments, "
            "%llu in the log\n",
            STR_ARG(c->dir), (unsigned long long)c->sum.files, (double)c->sum.bytes / 1e6,
            c->projects, c->projects == 1 ? "" : "s", (unsigned long long)c->sum.events,
            (unsigned long long)c->sum.segments, (unsigned long long)c->sum.log_events);
    if (c->sum.torn_bytes)
        fprintf(
            c->run->out,
            "A log ends in %llu bytes of writes that were never confirmed; that is no damage.\n",
            (unsigned long long)c->sum.torn_bytes);
    if (!c->sum.damaged)
        fprintf(c->run->out, "Nothing is damaged.\n");
}

static bool verdict(struct checking *c, struct err *e)
{
    if (!c->sum.damaged)
        return true;
    err_set(e, ERR_CORRUPT, "%.*s is damaged: %llu finding%s", STR_ARG(c->dir),
            (unsigned long long)c->sum.damaged, c->sum.damaged == 1 ? "" : "s");
    return err_hint(e, c->run->arg_count ? "use another backup"
                                         : "restore it from a backup; other projects go on");
}

bool command_check(struct run *run, struct err *e)
{
    AUTO(os) *own = run->site ? NULL : os_linux_create();
    struct os *os = run->site ? run->site->os : own;
    struct checking c = {.run = run, .os = os, .meter = {run, os, "read"}};

    c.dir = run->arg_count ? run_path(run, run->args[0]) : run->site->dir;
    while (c.dir.len > 1 && c.dir.at[c.dir.len - 1] == '/')
        c.dir.len--;
    c.projects_out = jwrite_to(&c.projects_json);
    c.damage_out = jwrite_to(&c.damage_json);
    jwrite_array(&c.projects_out);
    jwrite_array(&c.damage_out);
    bool ok = run->arg_count ? check_backup(&c, e) : check_site(&c, e);
    meter_clear(&c.meter);
    if (ok && run_flag(run, "--json"))
        print_json(&c);
    else if (ok)
        print_text(&c);
    buf_free(&c.projects_json);
    buf_free(&c.damage_json);
    return ok && verdict(&c, e);
}
