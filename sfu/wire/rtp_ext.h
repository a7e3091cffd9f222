/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtp_ext — RTP header extensions (RFC 8285) and the values we use: audio level
 *           (RFC 6464), mid (RFC 9143 §15), rid (RFC 8852), abs-send-time and
 *           transport-wide sequence number (draft-holmer-rmcat-transport-wide-cc-
 *           extensions-01 §2).
 *
 * Layer:  wire. Pure: no I/O, clock, allocation, logging or global state.
 * Memory: items borrow from the datagram.
 */
#ifndef SFU_WIRE_RTP_EXT_H
#define SFU_WIRE_RTP_EXT_H

#include "base/base.h"

enum {
        RTP_EXT_ONE_BYTE = 0xbede, /* RFC 8285 §4.2 */
        RTP_EXT_TWO_BYTE = 0x1000, /* RFC 8285 §4.3; the low 4 bits are free */
        RTP_EXT_HEAD = 4,          /* profile and length */
        RTP_EXT_ONE_BYTE_MAX_ID = 14,
        RTP_EXT_ONE_BYTE_MAX_LEN = 16,
        RTP_EXT_TWO_BYTE_MAX_LEN = 255,
};

struct rtp_ext_item {
        uint8_t id;       /* 1..14 in the one-byte form, 1..255 in the other */
        struct span data; /* may be empty in the two-byte form */
};

/* Walks an extension block. Fields are private. */
struct rtp_ext_iter {
        struct rd r;
        bool two_byte;
};

/* profile and block as in struct rtp_pkt (ext_profile, ext). A profile of
 * neither form yields no items. */
struct rtp_ext_iter rtp_ext_iter_init(uint16_t profile, struct span block);

/* Takes the next item; false at the end, at an item that passes the end of the
 * block, or where RFC 8285 §4.2 says to stop (id 15, or 0 with a length). */
bool rtp_ext_next(struct rtp_ext_iter *it, struct rtp_ext_item *ret_item);

/* The first item with this id. False (and *ret_data untouched) if there is
 * none, or when id is 0 ("not negotiated"). */
bool rtp_ext_find(uint16_t profile, struct span block, uint8_t id, struct span *ret_data);

/* The following decode one item's data. False, with outputs untouched, when its
 * size or content is not what the RFC says. */

/* level: 0 (loudest) .. 127 (silence), in -dBov. */
must_use bool rtp_ext_audio_level(struct span data, uint8_t *ret_level, bool *ret_voice);
must_use bool rtp_ext_transport_seq(struct span data, uint16_t *ret_seq);

/* Microseconds of any clock as a 24-bit abs-send-time: seconds in 6.18 fixed
 * point, wraps every 64 s. now_us >= 0. */
uint32_t rtp_ext_abs_send_time_at(int64_t now_us);

/* Writes a whole block: profile, length, items in order, zeros up to a multiple of
 * 4. In the one-byte form where every item fits it, else in the two-byte form, to
 * which the receiver must have agreed (a=extmap-allow-mixed, RFC 8285 §6). Each id
 * is 1 or more and each data at most 255 bytes long (a bug of ours otherwise:
 * asserted). Writes nothing when n is 0. w->bad when it does not fit. */
void rtp_ext_write(struct wr *w, const struct rtp_ext_item *items, size_t n);

#endif
