#include <stdlib.h>
#include <sys/prctl.h>

#include "app/demo_findings.h"
#include "app/interrupt.h"
#include "app/relay.h"
#include "app/server.h"
#include "app/site.h"
#include "base/buf.h"
#include "codec/json.h"
#include "collect/company.h"

enum { BAR_COLUMNS = 40 };

/* What the company in the project was made with; kept beside the data once it is complete. */
struct made {
    int64_t seed, events; /* as asked; 0 = the usual */
    int64_t end_ms;
};

static struct str mark_path(struct run *run)
{
    return arena_printf(run->arena, "%.*s/demo.json", STR_ARG(run->site->dir));
}

static bool number_option(const struct run *run, const char *name, int64_t *out, struct err *e)
{
    struct str text = run_value(run, name);

    *out = 0;
    if (!text.at || (str_to_i64(text, out) && *out > 0))
        return true;
    return err_set(e, ERR_USAGE, "%s is a whole number above 0, not \"%.*s\"", name, STR_ARG(text));
}

/* Is there a whole company already? One made with other settings is not replaced. */
static bool read_mark(struct run *run, struct made *asked, bool *is_there, struct err *e)
{
    AUTO(json_parser) *parser = json_parser_create();
    struct str path = mark_path(run), text;
    struct made made = {0};
    struct json root;

    *is_there = os_exists(run->site->os, path);
    if (!*is_there)
        return true;
    if (!os_read_whole(run->site->os, path, run->arena, &text, e) ||
        !json_parse(parser, text, &root, e))
        return err_while(e, "reading %.*s", STR_ARG(path));
    json_int(json_member(root, STR("seed")), &made.seed);
    json_int(json_member(root, STR("events")), &made.events);
    json_int(json_member(root, STR("end_ms")), &asked->end_ms);
    if ((!asked->seed || asked->seed == made.seed) &&
        (!asked->events || asked->events == made.events))
        return true;
    err_set(e, ERR_CONFLICT, "the project \"demo\" was made with other --seed or --events");
    return err_hint(e, "leave them out, or choose another data directory with --data");
}

static bool write_mark(struct run *run, const struct made *made, struct err *e)
{
    BUF_AUTO out = {0};
    struct jwrite w = jwrite_to(&out);

    jwrite_object(&w);
    jwrite_pair_int(&w, "seed", made->seed);
    jwrite_pair_int(&w, "events", made->events);
    jwrite_pair_int(&w, "end_ms", made->end_ms);
    jwrite_end(&w);
    buf_add_char(&out, '\n');
    return os_write_whole(run->site->os, mark_path(run), buf_str(&out), e);
}

static void show_progress(void *context, unsigned permille)
{
    struct run *run = context;
    char bar[BAR_COLUMNS + 1];
    unsigned full = permille * BAR_COLUMNS / 1000;

    for (unsigned i = 0; i < BAR_COLUMNS; i++)
        bar[i] = i < full ? '#' : '.';
    bar[BAR_COLUMNS] = '\0';
    fprintf(run->err, "\rMaking a simulated company  [%s] %3u %%", bar, permille / 10);
    fflush(run->err);
}

static bool ensure_project(struct run *run, struct err *e)
{
    struct project_settings found,
        fresh = {.name = STR("demo"), .timezone = STR("Asia/Bangkok"), .is_simulated = true};

    if (!project_find(run->site->projects, STR("demo"), run->arena, &found, e)) {
        if (e->kind != ERR_NOT_FOUND)
            return false;
        *e = (struct err){0};
        return project_create(run->site->projects, &fresh, e);
    }
    if (found.is_simulated)
        return true;
    err_set(e, ERR_CONFLICT, "there is a project \"demo\" with data that is not simulated");
    return err_hint(e, "choose another data directory with --data");
}

static bool make_company(struct run *run, struct made *made, struct err *e)
{
    int64_t now = os_now_ms(run->site->os);

    made->end_ms = company_end(now);
    struct company_options options = {.seed = (uint64_t)made->seed,
                                      .events = (uint64_t)made->events,
                                      .end_ms = made->end_ms,
                                      .now_ms = now};
    bool bar = run->terminal.err_is_terminal;
    AUTO(store_import) *import = NULL;
    struct company_report report = {0};
    struct store *store = NULL;

    if (!ensure_project(run, e) ||
        !project_store(run->site->projects, STR("demo"), true, &store, e) ||
        !store_import_begin(store, &import, e))
        return false;
    if (!bar)
        fprintf(run->err, "Making a simulated company (once) …\n");
    uint64_t began = os_monotonic_ns(run->site->os);
    bool ok = company_generate(&options, collect_store_sink(import), bar ? show_progress : NULL,
                               run, &report, e);
    if (bar)
        fprintf(run->err, "\n");
    if (!ok || !store_maintain(store, e))
        return err_while(e, "making the simulated company");
    fprintf(run->err, "%llu events in %.1f s.\n", (unsigned long long)report.events,
            (double)(os_monotonic_ns(run->site->os) - began) / 1e9);
    return write_mark(run, made, e);
}

/* The company, and what there is to see in it. */
static bool show_company(struct run *run, struct err *e)
{
    struct made asked = {0};
    bool is_there = false;

    return number_option(run, "--seed", &asked.seed, e) &&
           number_option(run, "--events", &asked.events, e) &&
           read_mark(run, &asked, &is_there, e) && (is_there || make_company(run, &asked, e)) &&
           demo_findings(run, asked.end_ms, e);
}

bool command_demo_report(struct run *run, struct err *e)
{
    return show_company(run, e) && command_signin(run, e);
}

/* A server runs already: it makes and shows the company, and goes on serving. */
static bool demo_elsewhere(struct run *run, struct err *e)
{
    struct str words[1 + 2 * OPTIONS_MAX] = {STR("demo-report")};
    size_t count = 1;
    int code = 0;

    for (size_t i = 0; i < run->given_count; i++) {
        struct str name = str_of(run->given[i].option->name);
        if (!str_equal(name, STR("--seed")) && !str_equal(name, STR("--events")))
            continue;
        words[count++] = name;
        words[count++] = run->given[i].value;
    }
    if (!relay_call(run, run_data_dir(run), words, count, &code, e))
        return false;
    if (code == 0)
        return true;
    e->kind = ERR_IO; /* the server has said why, on our standard error */
    return false;
}

bool command_demo(struct run *run, struct err *e)
{
    AUTO(os) *os = os_linux_create();
    struct server_settings settings;
    AUTO(site) *site = NULL;
    struct server *server = NULL;
    struct interrupt interrupt;

    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (!server_settings(run, &settings, e))
        return false;
    if (relay_answers(run_data_dir(run)))
        return demo_elsewhere(run, e);
    if (!server_open_site(run, os, SITE_WRITE, &site, e))
        return false;
    run->site = site;
    interrupt_start(&interrupt, NULL);
    bool shown = show_company(run, e);
    interrupt_stop(&interrupt);
    if (!shown)
        return false;
    fflush(run->out);
    if (!server_start(site, &settings, &server, e))
        return false;
    bool ok = server_run(run, site, e);
    server_stop(server);
    run->site = NULL;
    return ok;
}
