/* SPDX-License-Identifier: Apache-2.0 */
/*
 * swarm — all clients of a run on one thread and one epoll: reads in batches,
 *         sends what sources have due, spreads feedback over time.
 *
 * Layer:  load/io.
 * Owner:  the run. Thread: the run's.
 */
#ifndef LOAD_IO_SWARM_H
#define LOAD_IO_SWARM_H

#include "load/io/guest.h"

struct swarm;

struct swarm_params {
        const struct client_identity *identity;
        struct source_config source;
        bool trains;
        struct mailbox *joined; /* struct join *: of the joiner */
        size_t max_guests;
};

must_use int swarm_new(struct swarm **ret_swarm, const struct swarm_params *params);
struct swarm *swarm_free(struct swarm *swarm); /* accepts NULL */
DEFINE_CLEANUP(struct swarm *, swarm_free)

/* Waits for something to do, until until_us at most, and does it. */
void swarm_turn(struct swarm *swarm, int64_t until_us);

/* Publishers say no more. */
void swarm_stop(struct swarm *swarm);

/* Counts what was sent to the end and did not come. After swarm_stop() and a while. */
void swarm_count_tails(struct swarm *swarm);

struct tally *swarm_tally(struct swarm *swarm);

/* When the last datagram of the server was read, for whomever; 0: never. */
int64_t swarm_heard_us(const struct swarm *swarm);

/* Joins that came back, in the order they did; those that failed before they had
 * a socket are guests in state FAILED too. */
size_t swarm_size(const struct swarm *swarm);
const struct guest *swarm_at(const struct swarm *swarm, size_t i);

#endif
