/*
 * app/command (private to the room): the table of commands and what each is given.
 *
 * A command function is written once: it runs in the process that was typed, or, while a server
 * holds the data directory, inside that server with the typist's handles (app/relay.h). So it must
 * use only what `struct run` holds: never stdin, stdout, stderr, the environment, or exit().
 */
#pragma once
#include <signal.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"

struct site;
struct asking_room;

enum { OPTIONS_MAX = 24, ARGS_MAX = 64, COMMAND_TEXT_BYTES = 4 << 20 };

/* What the person at the other end sees. */
struct terminal {
    bool out_is_terminal, err_is_terminal;
    bool colour;
    bool is_thai;
    unsigned width; /* columns; 0 = not known */
};

/* Set by Ctrl-C, or when the typist goes away: the same in the two types that readers want. */
struct cancel {
    volatile sig_atomic_t signal;
    volatile bool flag;
};
static inline void cancel_set(struct cancel *c)
{
    __atomic_store_n(&c->signal, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&c->flag, true, __ATOMIC_RELAXED);
}

struct option {
    const char *name;  /* "--project" */
    const char *value; /* "NAME", or NULL for a flag */
    const char *doc;
};

struct run;

enum command_need {
    NEED_NOTHING,     /* runs where it was typed, without a data directory */
    NEED_SITE,        /* runs wherever the data directory is open */
    NEED_READ,        /* the same, and changes nothing: it may be open for reading only */
    NEED_READ_OR_ARG, /* as NEED_READ; with an argument as NEED_NOTHING */
    NEED_SERVER,      /* opens the data directory itself and keeps it */
};

struct command {
    const char *name; /* may be two words: "key create" */
    const char *args; /* for the usage line: "FILE… | -" */
    const char *doc;  /* one line */
    const char *more; /* a paragraph, or NULL */
    const char *example;
    enum command_need need;
    size_t args_min, args_max;
    const struct option *options; /* ended by a row without name; the common ones are not in it */
    bool (*run)(struct run *run, struct err *e);
};

struct given {
    const struct option *option;
    struct str value;
};

struct run {
    const struct command *command;
    struct given given[OPTIONS_MAX];
    size_t given_count;
    struct str args[ARGS_MAX];
    size_t arg_count;
    bool wants_help;

    struct site *site; /* NULL for NEED_NOTHING and NEED_SERVER */
    struct arena *arena;
    FILE *in, *out, *err;
    struct terminal terminal;
    struct str cwd; /* absolute; paths in args are relative to it */
    struct cancel *cancel;
};

extern const struct command commands[]; /* ended by a row without name */
extern const struct option common_options[];

/*
 * Reads the words after "tenure". ERR_USAGE with the nearest name for a command or option that is
 * not there, a value that is missing, too many words.
 */
MUST_USE bool command_parse(struct run *run, const struct str *words, size_t count, struct err *e);
/* The value of an option, or of its variable where it was not given; STR_NONE if neither. */
struct str run_value(const struct run *run, const char *option);
bool run_flag(const struct run *run, const char *option);
struct str run_value_or(const struct run *run, const char *option, struct str otherwise);
/* A path as the typist means it, absolute; "-" stays. */
struct str run_path(struct run *run, struct str path);

/* Is the data directory to be open when it runs? */
static inline bool command_needs_site(const struct run *run)
{
    return run->command->need == NEED_SITE || run->command->need == NEED_READ ||
           (run->command->need == NEED_READ_OR_ARG && run->arg_count == 0);
}
/* Does it leave the data directory as it is? */
static inline bool command_only_reads(const struct run *run)
{
    return run->command->need == NEED_READ || run->command->need == NEED_READ_OR_ARG;
}

void command_help(const struct command *command, FILE *out);
void command_overview(FILE *out);
/* The error as people read it: sentence, place, hint. */
void command_error(const struct run *run, const struct err *e);
/* 0 done, 1 failed, 2 wrong usage or wrong question. */
int command_exit(const struct run *run, bool ok, const struct err *e);

/* The commands, one file each subject. */
bool command_project_create(struct run *run, struct err *e);
bool command_project_set(struct run *run, struct err *e);
bool command_project_list(struct run *run, struct err *e);
bool command_key_create(struct run *run, struct err *e);
bool command_key_list(struct run *run, struct err *e);
bool command_key_revoke(struct run *run, struct err *e);
bool command_signin(struct run *run, struct err *e);
bool command_import(struct run *run, struct err *e);
bool command_query(struct run *run, struct err *e);
bool command_accounts_list(struct run *run, struct err *e);
bool command_accounts_show(struct run *run, struct err *e);
bool command_people_identity(struct run *run, struct err *e);
bool command_people_list(struct run *run, struct err *e);
bool command_people_show(struct run *run, struct err *e);
bool command_people_merge(struct run *run, struct err *e);
bool command_people_unmerge(struct run *run, struct err *e);
bool command_erase(struct run *run, struct err *e);
bool command_export(struct run *run, struct err *e);
bool command_status(struct run *run, struct err *e);
bool command_backup(struct run *run, struct err *e);
bool command_restore(struct run *run, struct err *e);
bool command_check(struct run *run, struct err *e);

/* command_names.c */
bool command_segment_list(struct run *run, struct err *e);
bool command_segment_set(struct run *run, struct err *e);
bool command_segment_import(struct run *run, struct err *e);
bool command_segment_save(struct run *run, struct err *e);
bool command_segment_remove(struct run *run, struct err *e);
bool command_definition_list(struct run *run, struct err *e);
bool command_definition_set(struct run *run, struct err *e);
bool command_definition_remove(struct run *run, struct err *e);

/* command_alerts.c */
bool command_alerts(struct run *run, struct err *e);
bool command_alerts_history(struct run *run, struct err *e);
bool command_alerts_check(struct run *run, struct err *e);

/* command_keep.c */
bool command_keep_set(struct run *run, struct err *e);
bool command_keep_list(struct run *run, struct err *e);
bool command_keep_remove(struct run *run, struct err *e);
bool command_keep_apply(struct run *run, struct err *e);
bool command_serve(struct run *run, struct err *e);
bool command_demo(struct run *run, struct err *e);
bool command_demo_report(struct run *run, struct err *e);
bool command_bench(struct run *run, struct err *e);
bool command_version(struct run *run, struct err *e);
bool command_help_for(struct run *run, struct err *e);

/* For flow/asking: as long as the command takes. */
struct asking_room run_asking(const struct run *run);

/* The data directory that the typist means, absolute. */
struct str run_data_dir(struct run *run);
