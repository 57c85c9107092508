/*
 * app/meter (private to the room): bytes done, shown on the typist's terminal, and the typist's
 * Ctrl-C: the progress function of copies and checks.
 */
#pragma once
#include "app/command.h"
#include "os/os.h"

struct meter {
    struct run *run;
    struct os *os;
    const char *verb; /* "copied" */
    uint64_t done, drawn_ns;
    bool is_drawn;
};

/* `meter` is a struct meter. False: the command is to stop. */
bool meter_move(void *meter, uint64_t bytes);
/* Before anything else is written. */
void meter_clear(struct meter *m);
