#include "app/interrupt.h"

#include <signal.h>
#include <unistd.h>

static void set_of_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
}

void interrupt_block(void)
{
    sigset_t set;

    set_of_signals(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void interrupt_unblock(void)
{
    sigset_t set;

    set_of_signals(&set);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void *wait_for_signals(void *context)
{
    struct interrupt *i = context;
    sigset_t set;
    int which = 0;

    set_of_signals(&set);
    sigwait(&set, &which);
    if (!i->is_over && i->cancel) {
        cancel_set(i->cancel);
        sigwait(&set, &which);
    }
    if (i->is_over)
        return NULL;
    _exit(128 + which);
}

void interrupt_start(struct interrupt *i, struct cancel *cancel)
{
    i->cancel = cancel;
    i->is_over = false;
    if (pthread_create(&i->thread, NULL, wait_for_signals, i) != 0)
        mem_exhausted(0);
}

void interrupt_stop(struct interrupt *i)
{
    i->is_over = true; /* pthread_cancel would load a library, and end badly without memory */
    pthread_kill(i->thread, SIGTERM);
    pthread_join(i->thread, NULL);
}
