/* SPDX-License-Identifier: Apache-2.0 */
/*
 * late_commands — commands for one worker that found its mailbox full; they are
 *                 handed over later, in their order.
 *
 * Layer:  io.
 * Owner:  struct sfu, one per worker. Zero-initialise.
 * Thread: the signalling thread's.
 *
 * Invariant: while something waits, what comes waits behind it.
 */
#ifndef SFU_IO_LATE_COMMANDS_H
#define SFU_IO_LATE_COMMANDS_H

#include "sfu/io/worker.h"

struct late_command;

struct late_commands {
        struct late_command *first, *last;
        size_t n;
};

/* Takes the command over. Without memory, or with too many waiting, it is lost: a
 * peer that should close then goes when its client is silent. */
void late_commands_post(struct late_commands *late, struct worker *worker,
                        const struct worker_command *command);

void late_commands_retry(struct late_commands *late, struct worker *worker);
void late_commands_done(struct late_commands *late);

#endif
