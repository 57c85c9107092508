#include "app/command.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/limits.h"

const struct option common_options[] = {
    {"--data", "DIR", "the data directory (or TENURE_DATA; default ./tenure-data)"},
    {"--help", NULL, "shows this"},
    {0},
};

static const struct option *find_option(const struct command *c, struct str name)
{
    for (const struct option *o = c->options; o && o->name; o++) {
        if (str_equal(name, str_of(o->name)))
            return o;
    }
    for (const struct option *o = common_options; o->name; o++) {
        if (str_equal(name, str_of(o->name)))
            return o;
    }
    return NULL;
}

static void nearest(struct str name, const char *candidate, size_t *best, const char **found)
{
    size_t distance = str_distance(name, str_of(candidate), *best);

    if (distance < *best) {
        *best = distance;
        *found = candidate;
    }
}

static bool unknown_option(const struct command *c, struct str name, struct err *e)
{
    const char *found = NULL;
    size_t best = 4;

    for (const struct option *o = c->options; o && o->name; o++)
        nearest(name, o->name, &best, &found);
    for (const struct option *o = common_options; o->name; o++)
        nearest(name, o->name, &best, &found);
    err_set(e, ERR_USAGE, "%s has no option %.*s", c->name, (int)MIN(name.len, 60), name.at);
    if (found)
        return err_hint(e, "did you mean %s?", found);
    return err_hint(e, "`tenure %s --help` lists them", c->name);
}

static bool take_option(struct run *run, const struct str *words, size_t count, size_t *at,
                        struct err *e)
{
    struct str rest = words[*at], name, value = STR_NONE;

    str_cut(&rest, '=', &name);
    const struct option *o = find_option(run->command, name);
    if (!o)
        return unknown_option(run->command, name, e);
    if (strcmp(o->name, "--help") == 0) {
        run->wants_help = true;
        return true;
    }
    if (!o->value && rest.at)
        return err_set(e, ERR_USAGE, "%s takes no value", o->name);
    if (o->value && rest.at)
        value = rest;
    else if (o->value && *at + 1 < count)
        value = words[++*at];
    else if (o->value)
        return err_set(e, ERR_USAGE, "%s needs a value: %s %s", o->name, o->name, o->value);
    for (size_t i = 0; i < run->given_count; i++) {
        if (run->given[i].option == o)
            return err_set(e, ERR_USAGE, "%s is given twice", o->name);
    }
    REQUIRE(run->given_count < OPTIONS_MAX);
    run->given[run->given_count++] = (struct given){o, value};
    return true;
}

/* "key create" before "key": the row with the most words that fit. */
static const struct command *find_command(const struct str *words, size_t count, size_t *used)
{
    for (const struct command *c = commands; c->name; c++) {
        struct str rest = str_of(c->name), part;
        size_t n = 0;
        bool fits = true;

        while (str_cut(&rest, ' ', &part)) {
            fits = fits && n < count && str_equal(words[n], part);
            n++;
        }
        if (fits) {
            *used = n;
            return c;
        }
    }
    return NULL;
}

/* "key": the commands that begin with that word. */
static bool hint_group(struct str first, struct err *e)
{
    BUF_AUTO list = {0};

    for (const struct command *c = commands; c->name; c++) {
        struct str rest = str_of(c->name), word;
        str_cut(&rest, ' ', &word);
        if (rest.at && str_equal(word, first))
            buf_printf(&list, "%s%s", list.len ? ", " : "there are: ", c->name);
    }
    return list.len ? (err_hint(e, "%.*s", STR_ARG(buf_str(&list))), true) : false;
}

static bool unknown_command(const struct str *words, size_t count, struct err *e)
{
    struct str first = str_sub(words[0], 0, 24), second = STR_NONE;
    const char *found = NULL;
    size_t best = MIN(first.len / 2 + 1, 4); /* a short word is near to everything */
    char both[64];

    if (count > 1 && words[1].len && words[1].at[0] != '-')
        second = str_sub(words[1], 0, 24);
    err_set(e, ERR_USAGE, "there is no command \"%.*s\"", STR_ARG(first));
    if (second.len && hint_group(first, e))
        err_set(e, ERR_USAGE, "there is no command \"%.*s %.*s\"", STR_ARG(first), STR_ARG(second));
    if (hint_group(first, e) && !second.len)
        return false;
    snprintf(both, sizeof both, "%.*s %.*s", STR_ARG(first), STR_ARG(second));
    for (const struct command *c = commands; c->name && c->doc; c++) {
        bool is_pair = strchr(c->name, ' ') != NULL;
        nearest(is_pair ? str_of(both) : first, c->name, &best, &found);
    }
    if (found)
        return err_hint(e, "did you mean %s?", found);
    return e->hint[0] ? false : err_hint(e, "`tenure help` lists the commands");
}

bool command_parse(struct run *run, const struct str *words, size_t count, struct err *e)
{
    size_t used = 0;
    bool only_args = false;

    REQUIRE(count > 0);
    run->command = find_command(words, count, &used);
    if (!run->command)
        return unknown_command(words, count, e);
    for (size_t i = used; i < count; i++) {
        if (!only_args && str_equal(words[i], STR("--"))) {
            only_args = true;
        } else if (!only_args && words[i].len > 1 && words[i].at[0] == '-') {
            struct str word = words[i];
            if (str_equal(word, STR("-h")))
                run->wants_help = true;
            else if (!take_option(run, words, count, &i, e))
                return false;
        } else if (run->arg_count == MIN(run->command->args_max, (size_t)ARGS_MAX)) {
            err_set(e, ERR_USAGE, "%s does not know what to do with \"%.*s\"", run->command->name,
                    (int)MIN(words[i].len, 60), words[i].at);
            return err_hint(e, "usage: tenure %s %s", run->command->name, run->command->args);
        } else {
            run->args[run->arg_count++] = words[i];
        }
    }
    if (run->wants_help || run->arg_count >= run->command->args_min)
        return true;
    err_set(e, ERR_USAGE, "%s needs %s", run->command->name, run->command->args);
    return err_hint(e, "`tenure %s --help` shows an example", run->command->name);
}

struct str run_value(const struct run *run, const char *option)
{
    for (size_t i = 0; i < run->given_count; i++) {
        if (strcmp(run->given[i].option->name, option) == 0)
            return run->given[i].value;
    }
    return STR_NONE;
}

struct str run_value_or(const struct run *run, const char *option, struct str otherwise)
{
    struct str value = run_value(run, option);

    return value.at ? value : otherwise;
}

bool run_flag(const struct run *run, const char *option)
{
    for (size_t i = 0; i < run->given_count; i++) {
        if (strcmp(run->given[i].option->name, option) == 0)
            return true;
    }
    return false;
}

struct str run_path(struct run *run, struct str path)
{
    if (str_equal(path, STR("-")) || !path.len || path.at[0] == '/')
        return path;
    return arena_printf(run->arena, "%.*s/%.*s", STR_ARG(run->cwd), STR_ARG(path));
}

static void print_options(const struct option *options, FILE *out)
{
    for (const struct option *o = options; o && o->name; o++) {
        char head[48];
        snprintf(head, sizeof head, "%s%s%s", o->name, o->value ? " " : "",
                 o->value ? o->value : "");
        fprintf(out, "  %-24s %s\n", head, o->doc);
    }
}

void command_help(const struct command *c, FILE *out)
{
    fprintf(out, "usage: tenure %s%s%s [options]\n\n%s\n", c->name, *c->args ? " " : "", c->args,
            c->doc);
    if (c->more)
        fprintf(out, "\n%s\n", c->more);
    fprintf(out, "\noptions:\n");
    print_options(c->options, out);
    print_options(common_options, out);
    fprintf(out, "\nexample:\n  %s\n", c->example);
}

void command_overview(FILE *out)
{
    fprintf(out, "Tenure: sees each customer's whole timeline, and says who stays.\n\n"
                 "usage: tenure COMMAND [options]\n\n");
    for (const struct command *c = commands; c->name && c->doc; c++)
        fprintf(out, "  %-16s %s\n", c->name, c->doc);
    fprintf(out,
            "\n`tenure COMMAND --help` shows options and an example. Results go to standard "
            "output,\nmessages to standard error; exit codes: 0 done, 1 failed, 2 wrong usage "
            "or question,\n71 out of memory (what was acknowledged is kept: start it again).\n");
}

void command_error(const struct run *run, const struct err *e)
{
    fprintf(run->err, "tenure: %s\n", e->text);
    if (e->at[0])
        fprintf(run->err, "  at %s\n", e->at);
    if (e->hint[0])
        fprintf(run->err, "  %s\n", e->hint);
}

int command_exit(const struct run *run, bool ok, const struct err *e)
{
    bool asks = run->command && run->command->run == command_query;

    if (ok)
        return 0;
    switch (e->kind) {
    case ERR_USAGE:
        return 2;
    case ERR_INVALID:
    case ERR_UNKNOWN_NAME:
    case ERR_TOO_LARGE:
        return asks ? 2 : 1; /* a wrong question; elsewhere a bad file */
    case ERR_NOT_FOUND:
        return str_equal(str_of(e->code), STR("project.unknown")) ? 2 : 1;
    default:
        return 1;
    }
}
