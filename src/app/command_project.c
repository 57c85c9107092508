#include "app/command.h"
#include "app/site.h"
#include "base/buf.h"
#include "codec/json.h"

static struct str project_of(const struct run *run)
{
    return run_value_or(run, "--project", STR("main"));
}

static bool week_start_from(struct str text, enum week_start *out, struct err *e)
{
    if (str_equal(text, STR("monday")))
        *out = WEEK_MONDAY;
    else if (str_equal(text, STR("sunday")))
        *out = WEEK_SUNDAY;
    else
        return err_set(e, ERR_USAGE, "--week-start is monday or sunday, not \"%.*s\"",
                       STR_ARG(text));
    return true;
}

static void print_json(struct run *run, struct buf *out)
{
    buf_add_char(out, '\n');
    fwrite(out->at, 1, out->len, run->out);
}

bool command_project_create(struct run *run, struct err *e)
{
    struct project_settings s = {.name = run->args[0], .timezone = run_value(run, "--timezone")};
    char write_key[ACCESS_KEY_BYTES + 1], secret_key[ACCESS_KEY_BYTES + 1];
    struct str week = run_value(run, "--week-start");

    if (week.at && !week_start_from(week, &s.week_start, e))
        return false;
    if (!project_create(run->site->projects, &s, e) ||
        !access_key_create(run->site->access, s.name, ACCESS_WRITE, write_key, e) ||
        !access_key_create(run->site->access, s.name, ACCESS_ADMIN, secret_key, e))
        return false;
    if (run_flag(run, "--json")) {
        BUF_AUTO out = {0};
        struct jwrite w = jwrite_to(&out);
        jwrite_object(&w);
        jwrite_pair_string(&w, "project", s.name);
        jwrite_pair_string(&w, "write_key", str_of(write_key));
        jwrite_pair_string(&w, "secret_key", str_of(secret_key));
        jwrite_end(&w);
        print_json(run, &out);
        return true;
    }
    fprintf(run->out, "project     %.*s\nwrite key   %s\nsecret key  %s\n", STR_ARG(s.name),
            write_key, secret_key);
    fprintf(run->err, "The keys are shown this once. The write key may be public (it only sends "
                      "events);\nkeep the secret key to yourself.\n");
    return true;
}

bool command_project_set(struct run *run, struct err *e)
{
    struct str zone = run_value(run, "--timezone"), week = run_value(run, "--week-start");
    struct project_settings s;

    if (!zone.at && !week.at) {
        err_set(e, ERR_USAGE, "there is nothing to change");
        return err_hint(e, "give --timezone or --week-start");
    }
    if (!project_find(run->site->projects, run->args[0], run->arena, &s, e))
        return false;
    if (zone.at)
        s.timezone = zone;
    if (week.at && !week_start_from(week, &s.week_start, e))
        return false;
    return project_change(run->site->projects, &s, e);
}

bool command_project_list(struct run *run, struct err *e)
{
    struct project_settings *list = NULL;
    size_t count = 0;

    if (!project_list(run->site->projects, run->arena, &list, &count, e))
        return false;
    if (!run_flag(run, "--json")) {
        for (size_t i = 0; i < count; i++)
            fprintf(run->out, "%-24.*s %-24.*s week starts %s%s\n", STR_ARG(list[i].name),
                    STR_ARG(list[i].timezone),
                    list[i].week_start == WEEK_SUNDAY ? "sunday" : "monday",
                    list[i].is_simulated ? "  (simulated)" : "");
        if (!count)
            fprintf(run->err, "There are no projects yet; `tenure project create NAME` or an "
                              "import makes one.\n");
        return true;
    }
    BUF_AUTO out = {0};
    struct jwrite w = jwrite_to(&out);
    jwrite_array(&w);
    for (size_t i = 0; i < count; i++) {
        char room[INSTANT_TEXT_BYTES];
        jwrite_object(&w);
        jwrite_pair_string(&w, "project", list[i].name);
        jwrite_pair_string(&w, "timezone", list[i].timezone);
        jwrite_pair_string(&w, "week_start",
                           list[i].week_start == WEEK_SUNDAY ? STR("sunday") : STR("monday"));
        jwrite_pair_bool(&w, "simulated", list[i].is_simulated);
        jwrite_pair_string(&w, "created", instant_text(list[i].created, room));
        jwrite_end(&w);
    }
    jwrite_end(&w);
    print_json(run, &out);
    return true;
}

bool command_key_create(struct run *run, struct err *e)
{
    struct str project = project_of(run), scope_name = run_value(run, "--scope");
    char text[ACCESS_KEY_BYTES + 1];
    struct project_settings s;
    enum access_scope scope;

    if (!scope_name.at) {
        err_set(e, ERR_USAGE, "key create needs --scope");
        return err_hint(e, "the scopes are write, read and admin");
    }
    if (!access_scope_from(scope_name, &scope, e) ||
        !project_find(run->site->projects, project, run->arena, &s, e) ||
        !access_key_create(run->site->access, project, scope, text, e))
        return false;
    if (!run_flag(run, "--json")) {
        fprintf(run->out, "%s\n", text);
        fprintf(run->err, "The key is shown this once.\n");
        return true;
    }
    BUF_AUTO out = {0};
    struct jwrite w = jwrite_to(&out);
    jwrite_object(&w);
    jwrite_pair_string(&w, "project", project);
    jwrite_pair_string(&w, "scope", scope_name);
    jwrite_pair_string(&w, "key", str_of(text));
    jwrite_end(&w);
    print_json(run, &out);
    return true;
}

bool command_key_list(struct run *run, struct err *e)
{
    struct str project = run_value(run, "--project");
    struct project_settings s;
    struct access_key *list = NULL;
    size_t count = 0;
    BUF_AUTO out = {0};
    struct jwrite w = jwrite_to(&out);

    if (project.at && !project_find(run->site->projects, project, run->arena, &s, e))
        return false;
    access_key_list(run->site->access, project, run->arena, &list, &count);
    jwrite_array(&w);
    for (size_t i = 0; i < count; i++) {
        char room[INSTANT_TEXT_BYTES];
        struct str created = instant_text(list[i].created, room);
        const char *scope = access_scope_names[list[i].scope];
        if (!run_flag(run, "--json")) {
            fprintf(run->out, "%.*s…  %-6s %-24.*s %.*s\n", STR_ARG(list[i].prefix), scope,
                    STR_ARG(list[i].project), STR_ARG(created));
            continue;
        }
        jwrite_object(&w);
        jwrite_pair_string(&w, "prefix", list[i].prefix);
        jwrite_pair_string(&w, "scope", str_of(scope));
        jwrite_pair_string(&w, "project", list[i].project);
        jwrite_pair_string(&w, "created", created);
        jwrite_end(&w);
    }
    jwrite_end(&w);
    if (run_flag(run, "--json"))
        print_json(run, &out);
    return true;
}

bool command_key_revoke(struct run *run, struct err *e)
{
    struct str project = project_of(run);
    struct project_settings s;

    return project_find(run->site->projects, project, run->arena, &s, e) &&
           access_key_revoke(run->site->access, project, run->args[0], e);
}

bool command_signin(struct run *run, struct err *e)
{
    char token[ACCESS_SECRET_BYTES + 1];
    struct str url = run->site->url;

    if (!access_link_create(run->site->access, token, e))
        return false;
    if (!url.len) {
        fprintf(run->err, "No server is running on this data directory; `tenure serve` starts "
                          "one.\n");
        url = STR("http://127.0.0.1:8080");
    }
    fprintf(run->out, "%.*s/signin?token=%s\n", STR_ARG(url), token);
    return true;
}
