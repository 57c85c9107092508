/* app/command_erase: erasing a person, and export. */
#include "api/api.h"
#include "app/command.h"
#include "app/site.h"
#include "base/limits.h"
#include "calendar/calendar.h"
#include "codec/json.h"
#include "collect/export.h"
#include "flow/asking.h"
#include "store/scan.h"

static struct str project_of(const struct run *run)
{
    return run_value_or(run, "--project", STR("main"));
}

/* ---- erase ---- */

static void show_count(FILE *out, uint64_t n, const char *thing, const char *end)
{
    fprintf(out, "%llu %s%s%s", (unsigned long long)n, thing, n == 1 ? "" : "s", end);
}

static void show_receipt(FILE *out, const struct store_erasure *x, const struct store_forgotten *d)
{
    char room[INSTANT_TEXT_BYTES];

    if (x->was_known) {
        fputs("Erased: ", out);
        show_count(out, x->ids, "id", ", ");
        show_count(out, x->events, "event", ", ");
        show_count(out, x->traits, "trait", ", ");
        show_count(out, x->merges, "merge", ".\n");
    } else {
        fputs("Nobody had this id; it is on the list all the same, for backups that know it.\n",
              out);
    }
    fprintf(out, "asked     %.*s\n", STR_ARG(instant_text(x->asked, room)));
    if (d) {
        fprintf(out, "rewritten %.*s: ", STR_ARG(instant_text(d->done, room)));
        show_count(out, d->segments, "segment", ", ");
        fprintf(out, "%.1f MB\n", (double)d->bytes / 1e6);
    } else {
        fprintf(out, "rewritten by %.*s at the latest (--now waits for it)\n",
                STR_ARG(instant_text(x->asked + STORE_FORGET_PROMISE_MS, room)));
    }
    fprintf(out, "receipt   %s\n", x->hash);
}

bool command_erase(struct run *run, struct err *e)
{
    struct str person = run_value(run, "--person");
    struct project_settings settings;
    struct store_erasure erasure;
    struct store_forgotten done;
    struct store *store = NULL;
    BUF_AUTO out = {0};
    struct jwrite w = jwrite_to(&out);
    bool is_now = run_flag(run, "--now");
    struct asking_room room = run_asking(run);

    if (!person.len)
        return err_set(e, ERR_USAGE, "say whom to erase: --person ID");
    if (!project_find(run->site->projects, project_of(run), run->arena, &settings, e) ||
        !project_store(run->site->projects, project_of(run), false, &store, e) ||
        !asking_forget(&room, project_of(run), person, e) ||
        !store_erase(store, person, &erasure, e))
        return false;
    bool ok = !is_now || store_forget(store, &done, e);
    if (!ok)
        err_while(e, "the person is hidden from all answers, but still in files");
    const struct store_forgotten *rewritten = ok && is_now ? &done : NULL;
    if (run_flag(run, "--json")) {
        api_receipt_write(&erasure, rewritten, &w);
        fprintf(run->out, "%.*s\n", STR_ARG(buf_str(&out)));
    } else {
        show_receipt(run->out, &erasure, rewritten);
    }
    return ok;
}

/* ---- export ---- */

struct export
{
    struct run *run;
    FILE *out; /* NULL: to the file */
    struct os_file *file;
    uint64_t at; /* in the file */
    struct buf lines;
    uint64_t events, facts, total, drawn_ns;
    bool with_history, is_drawn;
};

static bool flush(struct export *x, struct err *e)
{
    struct str part = buf_str(&x->lines);
    bool ok = x->file ? os_file_write_at(x->file, x->at, &part, 1, e)
                      : fwrite(part.at, 1, part.len, x->out) == part.len ||
                            err_set(e, ERR_IO, "writing to standard output failed");
    x->at += part.len;
    buf_clear(&x->lines);
    return ok;
}

static bool move(struct export *x, struct err *e)
{
    enum { FLUSH_BYTES = 256 << 10, DRAW_EVERY_NS = 100000000 };
    if (x->lines.len < FLUSH_BYTES)
        return true;
    uint64_t now = os_monotonic_ns(x->run->site->os);
    if (x->run->terminal.err_is_terminal && now - x->drawn_ns >= DRAW_EVERY_NS) {
        x->drawn_ns = now;
        x->is_drawn = true;
        fprintf(x->run->err, "\r\033[K%llu of %llu events", (unsigned long long)x->events,
                (unsigned long long)x->total);
        fflush(x->run->err);
    }
    return flush(x, e);
}

static bool put_event(void *context, const struct event *event, struct err *e)
{
    struct export *x = context;
    export_event(event, &x->lines);
    x->events++;
    return move(x, e);
}

static bool put_fact(void *context, const struct fact *fact, struct err *e)
{
    struct export *x = context;
    export_fact(fact, x->with_history, &x->lines);
    x->facts++;
    return move(x, e);
}

/* A date is where that day begins in the project's zone. */
static bool moment(struct run *run, const char *option, struct str timezone, int64_t *ms,
                   struct err *e)
{
    struct str text = run_value(run, option);
    int year, month, day, offset;
    struct err ignored = {0};

    if (!text.at)
        return true;
    if (!date_parse(text, &year, &month, &day, &ignored))
        return instant_parse(text, ms, &offset, e) || err_while(e, "%s", option);
    AUTO(zone) *zone = NULL;
    if (!zone_open(timezone, &zone, e))
        return false;
    return zone_date(zone, year, month, day, ms) ||
           err_set(e, ERR_USAGE, "%s: there is no %.*s", option, STR_ARG(text));
}

static bool settings_of(struct run *run, const struct snapshot *v, struct str timezone,
                        struct read_options *o, struct err *e)
{
    struct str person = run_value(run, "--person");

    *o = (struct read_options){.from = INT64_MIN,
                               .to = INT64_MAX,
                               .event = run_value(run, "--event"),
                               .is_person = person.at != NULL,
                               .cancel = &run->cancel->flag};
    if (!moment(run, "--from", timezone, &o->from, e) || !moment(run, "--to", timezone, &o->to, e))
        return false;
    if (!person.at || snapshot_unit_find(v, person, &o->unit))
        return true;
    err_set(e, ERR_NOT_FOUND, "nobody has the id \"%.*s\"", (int)MIN(person.len, 80), person.at);
    return err_hint(e, "ids are compared byte for byte, with upper and lower case");
}

static bool write_all(struct export *x, const struct snapshot *v, const struct read_options *o,
                      struct err *e)
{
    bool is_part = o->from != INT64_MIN || o->to != INT64_MAX || o->event.at;
    x->total = snapshot_rows(v);
    x->with_history = o->is_person;
    return (is_part || snapshot_read_facts(v, o, put_fact, x, e)) &&
           snapshot_read(v, o, put_event, x, e) && flush(x, e) &&
           (!x->file || os_file_sync(x->file, e));
}

bool command_export(struct run *run, struct err *e)
{
    AUTO(snapshot) *snapshot = NULL;
    struct export x = {.run = run, .out = run->out};
    struct str path = run_value(run, "--output");
    struct project_settings settings;
    struct read_options options;
    struct store *store = NULL;

    if (!project_find(run->site->projects, project_of(run), run->arena, &settings, e) ||
        !project_store(run->site->projects, project_of(run), false, &store, e) ||
        !store_snapshot(store, &snapshot, e) ||
        !settings_of(run, snapshot, settings.timezone, &options, e))
        return false;
    bool to_file = path.at && !str_equal(path, STR("-"));
    bool ok = !to_file || os_file_open(run->site->os, run_path(run, path), OS_CREATE, &x.file, e);
    ok = ok && write_all(&x, snapshot, &options, e);
    os_file_close(x.file);
    buf_free(&x.lines);
    if (x.is_drawn)
        fputs("\r\033[K", run->err);
    if (ok && to_file)
        fprintf(run->err, "%llu events, and %llu lines about people and accounts\n",
                (unsigned long long)x.events, (unsigned long long)x.facts);
    return ok;
}
