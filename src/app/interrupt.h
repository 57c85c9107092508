/*
 * app/interrupt (private to the room): what Ctrl-C and SIGTERM do while a command runs.
 *
 * Signals are blocked in every thread before the first one is made (interrupt_block), and taken by
 * one that waits for them: no handler runs anywhere.
 */
#pragma once
#include <pthread.h>

#include "app/command.h"

void interrupt_block(void);
void interrupt_unblock(void);

/*
 * From now on the first signal sets `cancel`, which ends the command at its next safe point, and a
 * second one ends the process. Without a cancel the first one ends the process: what is stored is
 * stored, a second run completes it.
 */
struct interrupt {
    pthread_t thread;
    struct cancel *cancel;
    _Atomic bool is_over; /* the signal is interrupt_stop's own */
};
void interrupt_start(struct interrupt *i, struct cancel *cancel);
void interrupt_stop(struct interrupt *i); /* signals wait again */
