/*
 * flow/alerts_thread: the thread of a server that evaluates alerts, one at a time, in the
 * background: it computes in itself, at a low priority, and leaves the threads of questions alone.
 *
 * Thread: start and stop from one.
 */
#pragma once
#include "flow/alerts.h"

struct alerts_thread;

/* `tell` gets lines for the log, in the thread; may be NULL. Options' pool and cancel are the
 * thread's own. */
struct alerts_thread *alerts_thread_start(const struct alerts_options *options,
                                          void (*tell)(void *context, struct str lines),
                                          void *context);
/* Stops a question that is being asked; NULL is fine. */
void alerts_thread_stop(struct alerts_thread *t);
