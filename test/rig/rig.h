/*
 * rig: what the C rigs share: --trials N --seed S, failures with how to see them again, and the
 * last line. Trial i runs with seed S + i, so one trial of one seed repeats it (as far as real time
 * lets it be repeated).
 */
#pragma once
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

enum { RIG_SKIPPED = 77, RIG_FAILURES_SHOWN = 20 };

struct rig {
    const char *name;
    uint64_t trials, seed;
    bool is_control;  /* --control: the promise is broken on purpose; losses must be seen */
    const char *word; /* of an option that only this rig has, or NULL */
    const char *value;
    uint64_t passed, failed;
};

static inline struct rig rig_begin(int argc, char **argv, const char *name, const char *word)
{
    struct rig r = {.name = name, .trials = 100, .seed = 1, .word = word};
    for (int i = 1; i < argc; i++) {
        bool has_value = i + 1 < argc;
        if (strcmp(argv[i], "--control") == 0)
            r.is_control = true;
        else if (strcmp(argv[i], "--trials") == 0 && has_value)
            r.trials = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--seed") == 0 && has_value)
            r.seed = strtoull(argv[++i], NULL, 10);
        else if (word && strcmp(argv[i], word) == 0 && has_value)
            r.value = argv[++i];
        else {
            fprintf(stderr, "usage: %s [--trials N] [--seed S] [--control]%s%s%s\n", name,
                    word ? " [" : "", word ? word : "", word ? " VALUE]" : "");
            exit(2);
        }
    }
    return r;
}

/* One trial went wrong. Always false. */
static inline PRINTF(3, 4) bool rig_fail(struct rig *r, uint64_t seed, const char *format, ...)
{
    va_list more;
    if (r->failed++ >= RIG_FAILURES_SHOWN)
        return false;
    printf("FAILED seed %llu: ", (unsigned long long)seed);
    va_start(more, format);
    vprintf(format, more);
    va_end(more);
    printf("\n  again: %s --trials 1 --seed %llu%s%s%s%s\n", r->name, (unsigned long long)seed,
           r->value ? " " : "", r->value ? r->word : "", r->value ? " " : "",
           r->value ? r->value : "");
    fflush(stdout);
    return false;
}

static inline int rig_end(const struct rig *r)
{
    printf("%llu passed, %llu failed\n", (unsigned long long)r->passed,
           (unsigned long long)r->failed);
    return r->failed || !r->passed;
}
