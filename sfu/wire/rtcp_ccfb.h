/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtcp_ccfb — RTP congestion control feedback (RFC 8888 §3.1): which RTP packets of
 *             which stream arrived, and when.
 *
 * Layer:  wire. Pure: no I/O, clock, allocation, logging or global state.
 * Memory: blocks borrow from the datagram.
 * Units:  *_us microseconds of the receiver's clock, which the message carries in steps
 *         of 1/65536 s and wraps after 18.2 hours; arrivals in steps of 1/1024 s before it.
 */
#ifndef SFU_WIRE_RTCP_CCFB_H
#define SFU_WIRE_RTCP_CCFB_H

#include "base/base.h"
#include "sfu/wire/rtcp.h"

/* In a list of arrival times: this packet did not arrive. */
#define RTCP_CCFB_LOST INT64_MIN

enum { RTCP_CCFB_MAX_REPORTS = 16384 /* in a block */ };

struct rtcp_ccfb {
        uint32_t sender_ssrc;
        uint32_t timestamp; /* 1/65536 s */
        struct rd blocks;   /* private */
};

struct rtcp_ccfb_block {
        uint32_t ssrc;
        uint16_t begin_seq;
        size_t n;            /* packets begin_seq .. begin_seq + n - 1; may be 0 */
        struct span metrics; /* private */
};

/* Checks the whole message. Returns 0, or an enum rtcp_err and leaves *ret_ccfb alone. */
must_use int rtcp_parse_ccfb(struct rtcp_ccfb *ret_ccfb, const struct rtcp_pkt *pkt);

/* Takes the next block; false when there is none left. */
bool rtcp_ccfb_next(struct rtcp_ccfb *ccfb, struct rtcp_ccfb_block *ret_block);

/* When packet begin_seq + i (i < n) arrived, or RTCP_CCFB_LOST. One that arrived more than 8 s
 * before the message counts as 8 s, one of unknown time as the message's. */
int64_t rtcp_ccfb_arrival_us(const struct rtcp_ccfb *ccfb, const struct rtcp_ccfb_block *block,
                             size_t i);

/* A message is begun, gets its blocks, and is ended. w->bad is set when it does not fit. */
struct rtcp_ccfb_writer {
        struct wr *w;
        uint8_t *length; /* of the message, to be filled in */
        size_t start;
        int64_t report_us;
};

/* report_us: the time the message tells, >= 0 and not before any arrival. */
struct rtcp_ccfb_writer rtcp_ccfb_begin(struct wr *w, uint32_t sender_ssrc, int64_t report_us);
/* n is at most RTCP_CCFB_MAX_REPORTS. */
void rtcp_ccfb_add(struct rtcp_ccfb_writer *writer, uint32_t ssrc, uint16_t begin_seq,
                   const int64_t *arrivals_us, size_t n);
void rtcp_ccfb_end(struct rtcp_ccfb_writer *writer);

#endif
