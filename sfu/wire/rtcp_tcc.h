/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtcp_tcc — transport-wide congestion control feedback
 *            (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).
 *
 * Layer:  wire. Pure: no I/O, clock, allocation, logging or global state.
 * Units:  *_us microseconds of the receiver's clock; the message carries them
 *         in steps of 250 µs, relative to a reference in steps of 64 ms.
 */
#ifndef SFU_WIRE_RTCP_TCC_H
#define SFU_WIRE_RTCP_TCC_H

#include "base/base.h"
#include "sfu/wire/rtcp.h"

/* In a list of arrival times: this packet did not arrive. */
#define RTCP_TCC_LOST INT64_MIN

enum {
        RTCP_TCC_TICK_US = 250,
        RTCP_TCC_REF_US = 64000,
        RTCP_TCC_MAX_PACKETS = 1024, /* in one message that we write */
};

struct rtcp_tcc {
        struct rtcp_fb fb;
        uint16_t base_seq; /* transport-wide number of the first packet */
        uint8_t fb_count;  /* counts the messages, wraps */
};

/* Arrival times of packets base_seq, base_seq + 1, … go to ret_arrivals_us, as
 * reference time + deltas (the reference is 24 bits with sign: it wraps every
 * 12.4 days), or RTCP_TCC_LOST. Returns 0 or an enum rtcp_err (RTCP_E_MANY when
 * there are more than cap); struct, count and list are filled on success only,
 * except that the list's entries may be overwritten. */
must_use int rtcp_parse_tcc(struct rtcp_tcc *ret_tcc, int64_t *ret_arrivals_us, size_t cap,
                            size_t *ret_n, const struct rtcp_pkt *pkt);

/* Appends a message about the first k of n packets and returns k: it is smaller
 * than n when two arrivals are more than 8 s apart, or n is more than
 * RTCP_TCC_MAX_PACKETS; send another message for the rest. 0 when none of
 * those arrived (there is nothing to say), and then nothing is written. Arrivals are
 * >= 0 or RTCP_TCC_LOST; rounded down to 250 µs without accumulating the error.
 * w->bad is set when it does not fit: at most 24 + 2 n + 2 (n / 7 + 1) bytes. */
size_t rtcp_write_tcc(struct wr *w, const struct rtcp_tcc *tcc, const int64_t *arrivals_us,
                      size_t n);

#endif
