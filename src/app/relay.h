/*
 * app/relay (private to the room): running a command inside the server that holds the data
 * directory.
 *
 * The client sends its words, its working directory, what its terminal is like, and its standard
 * handles themselves (SCM_RIGHTS) over DIR/socket; the server runs the command with those handles
 * in a thread of its own and sends back the exit code. The socket lies in a folder of mode 0700,
 * has mode 0600, and takes only the same user and root. A client that goes away cancels its
 * command.
 *
 * Message: u32 bytes that follow | texts (varint length, bytes): version, cwd, terminal, words…
 * Reply: one byte, the exit code.
 */
#pragma once
#include "app/command.h"

struct relay;

/* Server side. `site` outlives the relay. */
MUST_USE bool relay_start(struct site *site, struct relay **out, struct err *e);
void relay_stop(struct relay *r); /* cancels what runs and waits for it; NULL is fine */

/* Client side. ERR_BUSY: nobody answers at the socket. ERR_CONFLICT: the server is another version.
 * ERR_IO: the server went away before it had answered. */
MUST_USE bool relay_call(const struct run *run, struct str dir, const struct str *words,
                         size_t count, int *exit_code, struct err *e);

/* Does a server answer at the directory's socket? */
bool relay_answers(struct str dir);
