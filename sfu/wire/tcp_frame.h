/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp_frame — datagrams in a byte stream: a length of two bytes, then as many
 *             bytes (RFC 4571 §2), as ICE-TCP carries them (RFC 6544 §3).
 *
 * The stream may be cut anywhere; the reader keeps what is missing. A frame over
 * TCP_FRAME_CAP is read to its end and told of, but not kept, as UDP does with a
 * datagram over the receive buffer.
 *
 * Layer:  wire. Pure: no I/O, clock, allocation, logging or global state.
 * Owner:  the connection embeds its reader.
 *
 * Invariants:
 *  (1) len <= want, and len <= TCP_FRAME_CAP are in data.
 *  (2) data is followed by TCP_FRAME_SPARE readable bytes, which libnice's STUN
 *      validation may look at.
 */
#ifndef SFU_WIRE_TCP_FRAME_H
#define SFU_WIRE_TCP_FRAME_H

#include "base/base.h"

enum {
        TCP_FRAME_HEAD = 2,
        TCP_FRAME_CAP = 1500,
        TCP_FRAME_SPARE = 32,
};

struct tcp_frame_reader { /* private */
        uint8_t n_head;   /* bytes of the length that have come */
        uint16_t want, len;
        uint8_t data[TCP_FRAME_CAP + TCP_FRAME_SPARE];
};

enum tcp_frame_event {
        TCP_FRAME_MORE,  /* all was taken, and no frame ended */
        TCP_FRAME_WHOLE, /* *ret_frame is one; it lasts until the next call */
        TCP_FRAME_LONG,  /* one over TCP_FRAME_CAP ended */
};

static inline void tcp_frame_init(struct tcp_frame_reader *reader)
{
        reader->n_head = 0;
        reader->want = reader->len = 0;
}

/* Takes bytes off the front of *stream until a frame ends or none is left. An
 * empty frame is whole, too. */
must_use enum tcp_frame_event tcp_frame_read(struct tcp_frame_reader *reader, struct span *stream,
                                             struct span *ret_frame);

/* The head of a frame of len <= UINT16_MAX bytes. */
static inline void tcp_frame_write_head(uint8_t ret[TCP_FRAME_HEAD], size_t len)
{
        ret[0] = (uint8_t)(len >> 8);
        ret[1] = (uint8_t)len;
}

#endif
