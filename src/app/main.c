/*
 * tenure: the command. Opens the data directory and runs one command of the table in it, or hands
 * the command to the server that has it open.
 */
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/interrupt.h"
#include "app/relay.h"
#include "app/site.h"
#include "calendar/calendar.h"

enum { HOLDER_WAIT_MS = 3000, HOLDER_STEP_MS = 50 };

bool command_version(struct run *run, struct err *e)
{
    (void)e;
    fprintf(run->out, "tenure %s\n", TENURE_VERSION);
    return true;
}

bool command_help_for(struct run *run, struct err *e)
{
    struct run asked = {0};
    struct str words[3];

    if (run->arg_count == 0) {
        command_overview(run->out);
        return true;
    }
    for (size_t i = 0; i < run->arg_count; i++)
        words[i] = run->args[i];
    words[run->arg_count] = STR("--help");
    if (!command_parse(&asked, words, run->arg_count + 1, e))
        return false;
    command_help(asked.command, run->out);
    return true;
}

struct str run_data_dir(struct run *run)
{
    const char *set = getenv("TENURE_DATA");
    struct str dir = run_value_or(run, "--data", set && *set ? str_of(set) : STR("tenure-data"));

    dir = run_path(run, dir);
    while (dir.len > 1 && dir.at[dir.len - 1] == '/')
        dir.len--;
    return dir;
}

static struct terminal look_at_terminal(void)
{
    struct winsize size = {0};
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
    const char *language = getenv("LC_ALL");
    struct terminal t = {.out_is_terminal = isatty(STDOUT_FILENO) == 1,
                         .err_is_terminal = isatty(STDERR_FILENO) == 1};

    if (!language || !*language)
        language = getenv("LC_MESSAGES");
    if (!language || !*language)
        language = getenv("LANG");
    t.is_thai = language && strncmp(language, "th", 2) == 0;
    if (ioctl(t.out_is_terminal ? STDOUT_FILENO : STDERR_FILENO, TIOCGWINSZ, &size) == 0)
        t.width = size.ws_col;
    t.colour = t.out_is_terminal && !(no_colour && *no_colour) && term && strcmp(term, "dumb") != 0;
    return t;
}

static bool run_here(struct run *run, struct site *site, struct err *e)
{
    struct interrupt interrupt;

    run->site = site;
    interrupt_start(&interrupt, run->cancel);
    bool ok = run->command->run(run, e);
    interrupt_stop(&interrupt);
    return ok;
}

/* The holder of the lock may be a server (hand over), or another command that ends soon (wait). */
static bool run_in_site(struct run *run, const struct str *words, size_t count, int *exit_code,
                        struct err *e)
{
    AUTO(os) *os = os_linux_create();
    struct str dir = run_data_dir(run);
    enum site_use use = command_only_reads(run) ? SITE_READ_IF_MUST : SITE_WRITE;

    for (unsigned waited = 0;; waited += HOLDER_STEP_MS) {
        AUTO(site) *site = NULL;
        struct err held = {0};

        interrupt_block(); /* before the site makes threads */
        if (site_open(os, dir, use, run->command->name, &site, &held)) {
            bool ok = run_here(run, site, e);
            *exit_code = command_exit(run, ok, e);
            return ok;
        }
        interrupt_unblock(); /* what waits here, or asks a server, may be ended at any time */
        if (held.kind != ERR_BUSY) {
            *e = held;
            return false;
        }
        struct err unanswered = {0};
        if (relay_call(run, dir, words, count, exit_code, &unanswered))
            return true;
        if (unanswered.kind != ERR_BUSY) {
            *e = unanswered;
            return false;
        }
        if (use == SITE_READ_IF_MUST)
            use = SITE_READ; /* who does not answer may be one that only reads, too */
        if (waited >= HOLDER_WAIT_MS)
            break;
        usleep(HOLDER_STEP_MS * 1000);
    }
    struct str holder = site_holder(os, dir, run->arena);
    err_set(e, ERR_BUSY, "data directory %.*s is in use by %.*s, which does not answer",
            STR_ARG(dir), STR_ARG(holder));
    err_code(e, "data.in_use");
    return err_hint(e, "wait until it is done, stop it, or choose another with --data");
}

static int run_command(struct run *run, const struct str *words, size_t count)
{
    struct err e = {0};
    int exit_code = -1;
    bool ok;

    if (!command_parse(run, words, count, &e)) {
        command_error(run, &e);
        return 2;
    }
    if (run->wants_help) {
        command_help(run->command, run->out);
        return 0;
    }
    if (command_needs_site(run))
        ok = run_in_site(run, words, count, &exit_code, &e);
    else
        ok = run->command->run(run, &e);
    if (!ok)
        command_error(run, &e);
    return exit_code >= 0 ? exit_code : command_exit(run, ok, &e);
}

int main(int argc, char **argv)
{
    AUTO(arena) *arena = arena_create(0);
    struct cancel cancel = {0};
    struct run run = {.arena = arena,
                      .in = stdin,
                      .out = stdout,
                      .err = stderr,
                      .terminal = look_at_terminal(),
                      .cancel = &cancel};
    char cwd[OS_PATH_BYTES];
    size_t count = (size_t)MAX(argc - 1, 0);
    struct str *words = arena_array(arena, count + 1, sizeof *words);

    umask(077);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file at its limit is an error to report, like a full disk */
    zone_memory_from_base();
    run.cwd = arena_copy(arena, getcwd(cwd, sizeof cwd) ? str_of(cwd) : STR("/"));
    for (size_t i = 0; i < count; i++)
        words[i] = str_of(argv[i + 1]);
    if (count == 0) {
        command_overview(stderr);
        return 2;
    }
    if (str_equal(words[0], STR("--help")) || str_equal(words[0], STR("-h")))
        words[0] = STR("help");
    if (str_equal(words[0], STR("--version")))
        words[0] = STR("version");
    int code = run_command(&run, words, count);
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == 0) {
        fprintf(stderr, "tenure: the result could not be written to standard output\n");
        code = 1;
    }
    return code;
}
