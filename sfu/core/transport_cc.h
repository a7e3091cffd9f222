/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transport_cc — remembers when a publisher's packets arrived and reports it
 *                (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).
 *
 * Layer:  core.
 * Owner:  the publishing peer; one for all its streams.
 * Thread: the worker's.
 * Units:  *_us monotonic microseconds.
 *
 * Invariants:
 *  (1) every number is reported at most once; one that comes after the message
 *      that covers it is not corrected (it was reported lost).
 *  (2) at most TRANSPORT_CC_WINDOW numbers wait; a full window is due at once.
 */
#ifndef SFU_CORE_TRANSPORT_CC_H
#define SFU_CORE_TRANSPORT_CC_H

#include "base/base.h"

enum {
        TRANSPORT_CC_WINDOW = 256,
        TRANSPORT_CC_INTERVAL_US = 100 * 1000,
        /* A fast stream is steered closer: its share of feedback stays the same. */
        TRANSPORT_CC_BUSY_US = 50 * 1000,
        TRANSPORT_CC_BUSY_PACKETS = 8,
        /* An open microphone alone needs no more: its rate hardly moves, and a
         * thousand of them would cost more feedback than media. */
        TRANSPORT_CC_SLOW_US = 250 * 1000,
};

struct transport_cc {
        bool started;
        bool fast; /* some of what waits is not sound */
        uint8_t fb_count;
        uint16_t base; /* first number not yet reported */
        uint16_t n;    /* base .. base + n - 1 wait */
        uint16_t n_arrived;
        int64_t since_us;                       /* arrival of the first that waits */
        uint32_t after_us[TRANSPORT_CC_WINDOW]; /* 1 + arrival - since_us; 0: not here */
};

/* Zero-initialise. fast, for what is not sound, on a line with room: report within
 * TRANSPORT_CC_INTERVAL_US, or TRANSPORT_CC_BUSY_US when many wait. */
void transport_cc_on_packet(struct transport_cc *tcc, uint16_t seq, bool fast, int64_t now_us);

/* When a report is due; INT64_MAX: nothing waits. */
int64_t transport_cc_deadline_us(const struct transport_cc *tcc);

struct wr;

/* Appends one message about what waits and forgets it. False: nothing waits. */
bool transport_cc_write(struct transport_cc *tcc, struct wr *w, uint32_t sender_ssrc,
                        uint32_t media_ssrc);

#endif
