/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtp — RTP fixed header and header-extension block (RFC 3550 §5.1, §5.3.1).
 *
 * Layer:  wire. Pure: no I/O, clock, allocation, logging or global state.
 * Memory: the parsed packet borrows from the datagram and must not outlive it.
 */
#ifndef SFU_WIRE_RTP_H
#define SFU_WIRE_RTP_H

#include "base/base.h"
#include "sfu/wire/rtp_ext.h"

/* Faults of the sender; the caller counts them and drops the packet. */
enum rtp_err {
        RTP_E_SHORT = 1, /* the datagram ends before the header does */
        RTP_E_VERSION,   /* version is not 2 */
        RTP_E_PADDING,   /* padding count is 0 or exceeds the payload */
};

enum { RTP_HEADER = 12 }; /* bytes without csrc list and extensions */

struct rtp_pkt {
        bool marker;
        uint8_t pt; /* payload type, 0..127 */
        uint16_t seq;
        uint32_t ts; /* units of the codec's clock rate */
        uint32_t ssrc;
        uint16_t ext_profile;  /* see rtp_ext.h; 0 if there is no extension block */
        struct span ext;       /* the block after profile and length; may be empty */
        struct span payload;   /* without padding; empty in a padding-only packet */
        size_t payload_offset; /* payload begins here in the datagram */
        uint8_t padding;       /* bytes of padding after the payload, 0 if none */
};

/* Parses one datagram. Returns 0 and fills *ret_pkt, or an enum rtp_err and
 * leaves *ret_pkt untouched. */
must_use int rtp_parse(struct rtp_pkt *ret_pkt, const uint8_t *data, size_t len);

/* Writes the RTP_HEADER bytes of *pkt (marker, pt, seq, ts, ssrc) to at; an
 * extension block follows if has_ext. */
void rtp_put_header(uint8_t *at, const struct rtp_pkt *pkt, bool has_ext);

/* Writes the header of *pkt (marker, pt, seq, ts, ssrc; nothing else of it is
 * read) with the n items as extensions, see rtp_ext_write(). The
 * caller appends the payload. w->bad is set when it does not fit. */
void rtp_write_header(struct wr *w, const struct rtp_pkt *pkt, const struct rtp_ext_item *items,
                      size_t n);

#endif
