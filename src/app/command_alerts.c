/* app/command_alerts: alerts in the terminal: their states, their history, and evaluating now. */
#include "app/command.h"
#include "app/site.h"
#include "codec/json.h"
#include "flow/alerts.h"

enum { PAGE = 100, HISTORY = 50 };

static struct str project_of(const struct run *run)
{
    return run_value_or(run, "--project", STR("main"));
}

static struct str member(struct json object, const char *name)
{
    struct str text = STR_NONE;

    return json_string(json_member(object, str_of(name)), &text) ? text : STR_NONE;
}

/* "firing    0.21        of 2026-01-05          until 2026-01-11T17:00:00Z" */
static bool show_finding(const struct finding *f, FILE *out, struct err *e)
{
    AUTO(json_parser) *parser = json_parser_create();
    char number[32] = "-", room[INSTANT_TEXT_BYTES];
    struct json root;
    double value;

    if (!json_parse(parser, f->body, &root, e))
        return err_while(e, "reading what an alert found");
    if (json_number(json_member(root, STR("number")), &value))
        snprintf(number, sizeof number, "%.6g", value);
    struct str start = member(root, "start"),
               why = member(json_member(root, STR("error")), "message");
    fprintf(out, "%-8.*s %12s", STR_ARG(f->state), number);
    if (start.len)
        fprintf(out, "  of %.*s", STR_ARG(start));
    fprintf(out, "  until %.*s", STR_ARG(instant_text(f->moment, room)));
    if (why.len)
        fprintf(out, "  %.*s", STR_ARG(why));
    fputc('\n', out);
    return true;
}

static bool newest(struct run *run, const struct document *d, struct finding **last, size_t *count,
                   struct err *e)
{
    struct document_key key = {d->project, d->kind, d->id};

    return finding_list(run->site->record, &key, INT64_MAX, 1, run->arena, last, count, e);
}

static bool show_alert(struct run *run, const struct document *d, struct jwrite *w, struct err *e)
{
    struct finding *last = NULL;
    size_t count = 0;

    if (!newest(run, d, &last, &count, e))
        return false;
    if (w) {
        jwrite_object(w);
        saved_write(d, w);
        jwrite_key(w, STR("latest"));
        if (count)
            alerts_finding_write(last, w);
        else
            jwrite_null(w);
        jwrite_end(w);
        return true;
    }
    fprintf(run->out, "%.*s\n  ", STR_ARG(d->name));
    if (count)
        return show_finding(last, run->out, e);
    fprintf(run->out, "not evaluated yet\n");
    return true;
}

static bool each_alert(struct run *run, struct jwrite *w, size_t *shown, struct err *e)
{
    struct document_page page = {.has_more = true};
    struct str after = STR_NONE;

    while (page.has_more) {
        if (!document_list(run->site->record, project_of(run), str_of(saved_names[SAVED_ALERT]),
                           after, PAGE, run->arena, &page, e))
            return false;
        for (size_t i = 0; i < page.count; i++)
            if (!show_alert(run, &page.list[i], w, e))
                return false;
        *shown += page.count;
        if (page.count)
            after = document_cursor(&page.list[page.count - 1], run->arena);
    }
    return true;
}

bool command_alerts(struct run *run, struct err *e)
{
    struct project_settings settings;
    BUF_AUTO out = {0};
    struct jwrite w = jwrite_to(&out);
    bool is_json = run_flag(run, "--json");
    size_t shown = 0;

    if (!project_find(run->site->projects, project_of(run), run->arena, &settings, e))
        return false;
    jwrite_object(&w);
    jwrite_key(&w, STR("alerts"));
    jwrite_array(&w);
    if (!each_alert(run, is_json ? &w : NULL, &shown, e))
        return false;
    jwrite_end(&w);
    jwrite_end(&w);
    if (is_json)
        fprintf(run->out, "%.*s\n", STR_ARG(buf_str(&out)));
    else if (!shown)
        fprintf(run->out, "No alerts. POST …/alerts makes one: docs/boards.md.\n");
    return true;
}

/* By its name, or its id. */
static bool find(struct run *run, struct str name, struct document *out, struct err *e)
{
    struct document_key key = {project_of(run), str_of(saved_names[SAVED_ALERT]), name};
    struct err ignored = {0};

    return document_find_name(run->site->record, key.project, key.kind, name, run->arena, out,
                              &ignored) ||
           document_find(run->site->record, &key, run->arena, out, e);
}

bool command_alerts_history(struct run *run, struct err *e)
{
    struct project_settings settings;
    struct finding *list = NULL;
    struct document d;
    size_t count = 0;
    BUF_AUTO out = {0};
    struct jwrite w = jwrite_to(&out);

    if (!project_find(run->site->projects, project_of(run), run->arena, &settings, e) ||
        !find(run, run->args[0], &d, e))
        return false;
    struct document_key key = {d.project, d.kind, d.id};
    if (!finding_list(run->site->record, &key, INT64_MAX, HISTORY, run->arena, &list, &count, e))
        return false;
    jwrite_object(&w);
    jwrite_key(&w, STR("history"));
    jwrite_array(&w);
    for (size_t i = 0; i < count; i++) {
        if (run_flag(run, "--json"))
            alerts_finding_write(&list[i], &w);
        else if (!show_finding(&list[i], run->out, e))
            return false;
    }
    jwrite_end(&w);
    jwrite_end(&w);
    if (run_flag(run, "--json"))
        fprintf(run->out, "%.*s\n", STR_ARG(buf_str(&out)));
    else if (!count)
        fprintf(run->out, "not evaluated yet\n");
    return true;
}

bool command_alerts_check(struct run *run, struct err *e)
{
    struct alerts_options options = {.os = run->site->os,
                                     .record = run->site->record,
                                     .projects = run->site->projects,
                                     .pool = run->site->pool,
                                     .cancel = &run->cancel->flag};
    AUTO(alerts) *alerts = alerts_create(&options);
    struct alerts_turn done;
    BUF_AUTO news = {0};

    bool ok = alerts_turn(alerts, &done, &news, e);
    fwrite(news.at, 1, news.len, run->err);
    if (!ok)
        return false;
    if (run_flag(run, "--json"))
        fprintf(run->out, "{\"alerts\":%llu,\"evaluated\":%llu,\"firing\":%llu,\"later\":%llu}\n",
                (unsigned long long)done.alerts, (unsigned long long)done.evaluated,
                (unsigned long long)done.firing, (unsigned long long)done.failed);
    else
        fprintf(run->out, "%llu alerts: %llu intervals evaluated, %llu firing\n",
                (unsigned long long)done.alerts, (unsigned long long)done.evaluated,
                (unsigned long long)done.firing);
    return true;
}
