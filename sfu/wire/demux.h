/* SPDX-License-Identifier: Apache-2.0 */
/*
 * demux — tells apart what shares our one UDP port by the first bytes of a
 *         datagram (RFC 7983 §7, RFC 5761 §4).
 *
 * Layer:  wire. Pure: no I/O, clock, allocation, logging or global state.
 */
#ifndef SFU_WIRE_DEMUX_H
#define SFU_WIRE_DEMUX_H

#include "base/base.h"

enum demux_kind {
        DEMUX_UNKNOWN, /* also ZRTP and TURN channels, which we do not speak */
        DEMUX_STUN,
        DEMUX_DTLS,
        DEMUX_RTP,
        DEMUX_RTCP,
};

/* Looks at no more than two bytes, so the answer is only a direction: the
 * parser of that kind decides. len may be 0. */
enum demux_kind demux_classify(const uint8_t *data, size_t len);

#endif
