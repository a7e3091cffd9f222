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
 *  (2) order is kept within a destination, not between destinations. A TCP
 *      connection has a line of its own and takes its packets at once.
 *  (3) neighbours of one destination and one length (the last may be shorter)
 *      leave as one message with UDP_SEGMENT; where the kernel refuses that
 *      message it is sent again datagram by datagram, and if it was for a reason
 *      that will stay, no more trains are made.
 *  (4) a full arena is flushed by the next reserve; nothing waits longer than
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
        uint64_t batch; /* private: number of the batch that dest belongs to */
        uint32_t dest;
        struct udp_envelope envelope; /* private */
        struct udp_path path;
};

struct send_batch;

must_use int send_batch_new(struct send_batch **ret_batch, const struct udp_socket *socket);
struct send_batch *send_batch_free(struct send_batch *batch); /* accepts NULL; unsent is lost */
DEFINE_CLEANUP(struct send_batch *, send_batch_free)

void send_target_set(const struct send_batch *batch, struct send_target *target,
                     const struct udp_path *path);

/* len <= SEND_MAX_LEN. Never NULL; may flush what was there. Aligned to 4 bytes. */
uint8_t *send_batch_reserve(struct send_batch *batch, size_t len);

/* The first len bytes (at least one) of the reservation go to target. */
void send_batch_commit(struct send_batch *batch, struct send_target *target, size_t len);

void send_batch_flush(struct send_batch *batch);

/* Since the start. */
struct send_counts {
        uint64_t dropped; /* datagrams the kernel did not take */
        uint64_t gso_messages, gso_segments, plain_messages;
};
const struct send_counts *send_batch_counts(const struct send_batch *batch);

#endif
