#include "app/command.h"
#include "app/site.h"
#include "base/limits.h"
#include "codec/json.h"
#include "collect/collect.h"
#include "flow/asking.h"

static struct str project_of(const struct run *run)
{
    return run_value_or(run, "--project", STR("main"));
}

struct asking_room run_asking(const struct run *run)
{
    return (struct asking_room){.os = run->site->os,
                                .record = run->site->record,
                                .projects = run->site->projects,
                                .pool = run->site->pool,
                                .cancel = &run->cancel->flag,
                                .is_patient = true};
}

static bool import_settings(struct run *run, struct import_options *o, struct err *e)
{
    struct str format = run_value(run, "--format"), time = run_value(run, "--time-format");
    struct str *files = arena_array(run->arena, run->arg_count, sizeof *files);
    struct str rejects = run_value(run, "--rejects");

    for (size_t i = 0; i < run->arg_count; i++)
        files[i] = run_path(run, run->args[i]);
    *o = (struct import_options){
        .files = files,
        .file_count = run->arg_count,
        .standard_input = run->in,
        .messages = run->err,
        .show_progress = run->terminal.err_is_terminal,
        .map = run_value(run, "--map"),
        .types = run_value(run, "--types"),
        .time_is_given = time.at != NULL,
        .rejects = rejects.len ? run_path(run, rejects) : STR_NONE,
        .dry_run = run_flag(run, "--dry-run"),
        .strict = run_flag(run, "--strict"),
        .now_ms = os_now_ms(run->site->os),
        .cancel = &run->cancel->signal,
    };
    return (!format.at || import_format_from(format, &o->format, e)) &&
           (!time.at || import_time_from(time, &o->time, e));
}

/*
 * A large import leaves a month in several segments and the newest rows in the log; putting that in
 * order now makes the first question as quick as all later ones. What was taken in is durable
 * either way, so a failure is only worth a note.
 */
static void tidy_after(struct run *run, struct store *store, uint64_t accepted)
{
    enum { EVENTS_WORTH_IT = 1 << 18 };
    struct err e = {0};

    fflush(run->out);
    if (accepted >= EVENTS_WORTH_IT && !store_maintain(store, &e))
        fprintf(run->err, "note: everything is stored, but not yet compacted: %s\n", e.text);
}

bool command_import(struct run *run, struct err *e)
{
    struct import_options options;
    struct import_report report = {0};
    AUTO(store_import) *import = NULL;
    struct store *store = NULL;
    BUF_AUTO out = {0};

    if (!import_settings(run, &options, e) ||
        !project_store(run->site->projects, project_of(run), true, &store, e) ||
        !store_import_begin(store, &import, e))
        return false;
    bool ok = collect_import(&options, collect_store_sink(import), run->site->os, &report, e);
    if (!ok && !report.records)
        return false;
    import_report_print(&report, run_flag(run, "--json"), &out);
    fwrite(out.at, 1, out.len, run->out);
    tidy_after(run, store, report.receipt.accepted);
    return ok && (!report.is_cancelled ||
                  err_set(e, ERR_BUSY, "stopped before the end; import again to add the rest"));
}

static bool read_stream(FILE *in, const char *name, struct buf *out, struct err *e)
{
    for (;;) {
        char *at = buf_reserve(out, 16 << 10);
        size_t got = fread(at, 1, 16 << 10, in);
        out->len += got;
        if (out->len > LIMIT_QUERY_BYTES)
            return err_set(e, ERR_TOO_LARGE, "the question in %s is larger than %d bytes", name,
                           LIMIT_QUERY_BYTES);
        if (got == 0)
            return !ferror(in) || err_set(e, ERR_IO, "reading the question from %s failed", name);
    }
}

static bool question_text(struct run *run, struct buf *room, struct str *out, struct err *e)
{
    struct str arg = run->args[0];

    if (str_equal(arg, STR("-"))) {
        if (!read_stream(run->in, "standard input", room, e))
            return false;
        *out = buf_str(room);
        return true;
    }
    if (arg.len && arg.at[0] == '@') {
        struct str path = run_path(run, str_sub(arg, 1, arg.len));
        return os_read_whole(run->site->os, path, run->arena, out, e) ||
               err_while(e, "reading the question");
    }
    *out = arg;
    return true;
}

/* --why-not: the question as it is, about one person. */
static void why_not_add(struct str id, struct str *question, struct buf *room)
{
    struct str q = str_trim(*question);
    BUF_AUTO out = {0};
    struct jwrite w = jwrite_to(&out);

    if (str_starts(q, STR("{"))) {
        jwrite_object(&w);
        jwrite_key(&w, STR("why_not"));
        jwrite_object(&w);
        jwrite_pair_string(&w, "person", id);
        jwrite_end(&w);
        buf_add_char(&out, ',');
        buf_add(&out, str_sub(q, 1, q.len));
    } else {
        buf_add(&out, STR("why not \""));
        for (size_t i = 0; i < id.len; i++)
            buf_printf(&out, id.at[i] == '"' || id.at[i] == '\\' ? "\\%c" : "%c", id.at[i]);
        buf_printf(&out, "\" in %.*s", STR_ARG(q));
    }
    buf_clear(room);
    buf_add(room, buf_str(&out));
    *question = buf_str(room);
}

static bool answer(struct run *run, struct str question, struct query_stats *stats,
                   struct buf *explained, struct buf *out, struct err *e)
{
    struct asking_room room = run_asking(run);
    ASKING_AUTO asking = {0};

    if (!asking_open(&room, project_of(run), false, run->arena, &asking, e))
        return false;
    asking.context.stats = stats;
    asking.context.explain = run_flag(run, "--explain") ? explained : NULL;
    return query_answer(asking.source, &asking.context, question, out, e);
}

static bool render(struct run *run, struct str answer_json, struct buf *out, struct err *e)
{
    struct query_text_options text = {.width = run->terminal.width,
                                      .colour = run->terminal.colour,
                                      .language =
                                          run->terminal.is_thai ? QUERY_THAI : QUERY_ENGLISH};

    if (run_flag(run, "--csv"))
        return query_render_csv(answer_json, out, e);
    if (!run_flag(run, "--json"))
        return query_render_text(answer_json, &text, out, e);
    buf_add(out, answer_json);
    buf_add_char(out, '\n');
    return true;
}

bool command_query(struct run *run, struct err *e)
{
    BUF_AUTO room = {0}, answered = {0}, shown = {0}, explained = {0};
    struct query_stats stats = {0};
    struct str question;

    if (run_flag(run, "--json") && run_flag(run, "--csv"))
        return err_set(e, ERR_USAGE, "--json and --csv exclude each other");
    if (!question_text(run, &room, &question, e))
        return false;
    if (run_value(run, "--why-not").at)
        why_not_add(run_value(run, "--why-not"), &question, &room);
    bool ok = answer(run, question, &stats, &explained, &answered, e) &&
              render(run, buf_str(&answered), &shown, e);
    if (ok)
        fwrite(shown.at, 1, shown.len, run->out);
    if (run_flag(run, "--explain")) {
        query_render_stats(&stats, &explained);
        fprintf(run->err, "%.*s%s", STR_ARG(buf_str(&explained)),
                explained.len && explained.at[explained.len - 1] == '\n' ? "" : "\n");
    }
    return ok;
}

static bool project_status(struct run *run, const struct project_settings *s, struct jwrite *w,
                           struct err *e)
{
    struct store *store = NULL;
    struct store_state state;

    if (!project_store(run->site->projects, s->name, false, &store, e))
        return false;
    store_state(store, &state);
    if (run_flag(run, "--json")) {
        jwrite_object(w);
        jwrite_pair_string(w, "project", s->name);
        jwrite_pair_int(w, "events", (int64_t)state.events);
        jwrite_pair_int(w, "people", (int64_t)state.people);
        jwrite_pair_int(w, "segments", (int64_t)state.segments);
        jwrite_pair_int(w, "segment_bytes", (int64_t)state.segment_bytes);
        jwrite_pair_int(w, "log_bytes", (int64_t)state.log_bytes);
        jwrite_pair_int(w, "unsealed_events", (int64_t)state.unsealed_events);
        jwrite_pair_int(w, "torn_bytes_cut", (int64_t)state.torn_bytes_cut);
        jwrite_pair_bool(w, "stopped", state.is_stopped);
        jwrite_end(w);
        return true;
    }
    fprintf(run->out, "%-24.*s %12llu events %9llu people %9.1f MiB in %llu segments%s%s\n",
            STR_ARG(s->name), (unsigned long long)state.events, (unsigned long long)state.people,
            (double)(state.segment_bytes + state.log_bytes) / 1048576.0,
            (unsigned long long)state.segments, s->is_simulated ? "  (simulated)" : "",
            state.is_stopped ? "  (stopped after a failed write)" : "");
    return true;
}

bool command_status(struct run *run, struct err *e)
{
    struct project_settings *list = NULL;
    size_t count = 0;
    BUF_AUTO out = {0};
    struct jwrite w = jwrite_to(&out);

    if (!project_list(run->site->projects, run->arena, &list, &count, e))
        return false;
    jwrite_object(&w);
    jwrite_pair_string(&w, "data", run->site->dir);
    jwrite_pair_string(&w, "server", run->site->url);
    jwrite_key(&w, STR("projects"));
    jwrite_array(&w);
    if (!run_flag(run, "--json"))
        fprintf(run->out, "data directory %.*s, %s%.*s\n", STR_ARG(run->site->dir),
                run->site->url.len ? "served at " : "no server running", STR_ARG(run->site->url));
    for (size_t i = 0; i < count; i++) {
        if (!project_status(run, &list[i], &w, e))
            return false;
    }
    jwrite_end(&w);
    jwrite_end(&w);
    if (run_flag(run, "--json"))
        fprintf(run->out, "%.*s\n", STR_ARG(buf_str(&out)));
    return true;
}
