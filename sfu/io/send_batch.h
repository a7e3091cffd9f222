/* SPDX-License-Identifier: Apache-2.0 */
/*
 * send_batch — the datagrams of one loop turn, written into one arena, grouped
 *              by destination and sent with as few system calls as possible.
 *
 * Layer:  io.
 * Owner:  the worker.
 * Thread: the worker's.
 *
 * Invariants:
 *  (1) between reserve and commit the bytes belong to the caller; there is one
 *      reservation at a time, and one that is not committed costs nothing.
 *  (2) order is kept within a destination, not between destinations. That is
 *      what makes a destination's packets a run that UDP_SEGMENT may carry.
 *  (3) a full arena is flushed by the next reserve; nothing waits longer than
 *      send_batch_flush() at the end of the turn.
 */
#ifndef SFU_IO_SEND_BATCH_H
#define SFU_IO_SEND_BATCH_H

#include "base/base.h"
#include "sfu/io/udp.h"

enum { SEND_MAX_LEN = 2048 };

/* A destination with its place in the present batch. Zero-initialise; set path
 * by send_target_set(). */
struct send_target {
        struct udp_path path;
        uint64_t batch; /* private: number of the batch that dest belongs to */
        uint32_t dest;
};

static inline void send_target_set(struct send_target *target, const struct udp_path *path)
{
        *target = (struct send_target){ .path = *path };
}

struct send_batch;

must_use int send_batch_new(struct send_batch **ret_batch, const struct udp_socket *socket);
struct send_batch *send_batch_free(struct send_batch *batch); /* accepts NULL; unsent is lost */
DEFINE_CLEANUP(struct send_batch *, send_batch_free)

/* len <= SEND_MAX_LEN. Never NULL; may flush what was there. */
uint8_t *send_batch_reserve(struct send_batch *batch, size_t len);

/* The first len bytes of the reservation go to target. */
void send_batch_commit(struct send_batch *batch, struct send_target *target, size_t len);

void send_batch_flush(struct send_batch *batch);

/* Datagrams the kernel did not take since the start. */
uint64_t send_batch_dropped(const struct send_batch *batch);

#endif
