/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp_queue — frames that a TCP connection has not taken yet: a ring of bytes
 *             of fixed size.
 *
 * Layer:  io.
 * Owner:  the connection embeds it, zero-initialised.
 *
 * Invariants:
 *  (1) a frame is in it whole or not at all; what a full line cannot take is
 *      the caller's loss, never memory.
 *  (2) nothing is allocated before the first frame, and an idle queue starts
 *      again at its first page.
 */
#ifndef SFU_IO_TCP_QUEUE_H
#define SFU_IO_TCP_QUEUE_H

#include <sys/uio.h>

#include "base/base.h"

enum {
        /* Half a second of 1 Mbit/s: what waits longer is better dropped and asked for. */
        TCP_QUEUE_CAP = 64 * 1024,
        /* Media leaves so much to checks, DTLS and RTCP. */
        TCP_QUEUE_KEPT = 8 * 1024,
};

struct tcp_queue { /* private but for used */
        uint8_t *bytes;
        size_t head, used;
};

void tcp_queue_done(struct tcp_queue *queue);

/* Puts one frame. False: there is no room (or no memory) and nothing changed. */
must_use bool tcp_queue_put(struct tcp_queue *queue, const uint8_t *data, size_t len, bool media);

/* What is to be written next, in one or two pieces; returns how many, 0 when empty. */
size_t tcp_queue_pieces(const struct tcp_queue *queue, struct iovec ret_pieces[2]);
void tcp_queue_took(struct tcp_queue *queue, size_t n); /* n <= used */

#endif
