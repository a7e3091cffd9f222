/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cc — send-side congestion control of one receiver's line: how many bits per
 *      second it carries, from what the receiver reports of our packets.
 *
 * Layer:  core. Sans-IO: time comes in as an argument, packets never come here at all.
 * Owner:  the subscribing media_peer; made when its first packet with a
 *         transport-wide number leaves, so a silent delegate has none.
 * Thread: the worker's.
 * Units:  *_us monotonic microseconds, *_bps bits per second; bytes are those of
 *         the IP packet (RTP + SRTP tag + 28 or 48).
 *
 * Two estimates, the smaller counts: one from one-way delay (the idea of
 * draft-ietf-rmcat-gcc-02 §5, over what is left of the queue between bursts instead
 * of over bursts: nothing here is paced; cc_delay.c), one from losses (with the line's own
 * losses told apart from congestion by trying; cc_loss.c). While the application
 * sends much less than the estimate (ALR), the estimate neither grows on that evidence nor
 * decays; probes (clusters of padding or retransmissions at a higher rate) let it climb.
 *
 * Invariants:
 *  (1) a number is acknowledged at most once; numbers that were never sent, that
 *      are older than the history or reported again change nothing.
 *  (2) receivers' clocks may have any epoch, drift or jump, and wrap. The target grows
 *      (until cc_give_up()) only on packets reported to have arrived: to 1.2 times their
 *      rate, by a probe to its own rate, and a probe's is at most CC_OVERSHOOT times what
 *      was seen before: who lies about arrivals is sent no more than was already shown,
 *      step by step, up to CC_MAX_BPS and a little above the demand.
 *  (3) cost per report is linear in the numbers it covers (RFC 8888: plus one walk through
 *      the history per message); cc_on_sent() is O(1); memory is fixed.
 */
#ifndef SFU_CORE_CC_H
#define SFU_CORE_CC_H

#include "base/base.h"

enum {
        CC_MIN_BPS = 20 * 1000,
        CC_START_BPS = 600 * 1000, /* nothing known about the line */
        CC_MAX_BPS = 30 * 1000 * 1000,
        CC_HISTORY = 1024, /* numbers under way or lately reported: 1.5 s of 5 Mbit/s */
        CC_OVERSHOOT = 3,
};

struct cc;

/* start_bps: 0, or what this participant's line carried a minute ago. */
must_use int cc_new(struct cc **ret_cc, uint64_t start_bps, int64_t now_us);
struct cc *cc_free(struct cc *cc); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct cc *, cc_free)

/* A packet leaves now; returns the transport-wide number it carries. stream and
 * rtp_seq: how RFC 8888 feedback will name it (stream: the caller's small number
 * of the SSRC). */
uint16_t cc_on_sent(struct cc *cc, size_t bytes, uint8_t stream, uint16_t rtp_seq, int64_t now_us);

/* This number's packet leaves once more, under the same number: sound is repeated byte for byte.
 * If the receiver missed it, it is lost, whatever is reported of it from now on; if it went again
 * unasked, that it arrived says nothing about losses. */
void cc_on_resent(struct cc *cc, uint16_t number, bool missed, int64_t now_us);

/* Has the cache load what cc_on_sent() will touch: first what lies in known places,
 * then, some time later, the rest. */
void cc_prefetch(const struct cc *cc, int64_t now_us);
void cc_prefetch_next(const struct cc *cc);

/* The same for what a report will touch: step 0, then 1. */
void cc_prefetch_report(const struct cc *cc, unsigned step);

/* In reports: this packet did not arrive (yet). */
#define CC_LOST INT64_MIN

/* Transport-wide feedback: arrivals_us[i] is when number base_seq + i arrived on
 * the receiver's clock (any epoch, a wrap costs a new start of the delay only), or CC_LOST. */
void cc_on_tcc(struct cc *cc, uint16_t base_seq, const int64_t *arrivals_us, size_t n,
               int64_t now_us);

/* One block of RFC 8888 feedback: the same for the RTP numbers of one stream. The
 * blocks of one message are followed by cc_on_ccfb_end(). */
void cc_on_ccfb(struct cc *cc, uint8_t stream, uint16_t base_seq, const int64_t *arrivals_us,
                size_t n, int64_t now_us);
void cc_on_ccfb_end(struct cc *cc, int64_t now_us);

/* There is no stream to probe on: what else is sent would be taken for the probe. */
void cc_cannot_probe(struct cc *cc);

/* From receiver reports: smoothed round trip. */
void cc_set_rtt(struct cc *cc, uint32_t rtt_us);

/* What is being sent on purpose, and what would be if the line carried it:
 * growing and probing stop a little above the latter. */
void cc_set_demand(struct cc *cc, uint64_t allocated_bps, uint64_t wanted_bps);

/* Nobody reports, and that is no sign of anything: what limits is elsewhere. For good;
 * reports, timeouts and probes are kept from it from now on. */
void cc_give_up(struct cc *cc);

/* What may be sent now, everything included. */
uint64_t cc_target_bps(const struct cc *cc);

/* While losses are put to the test (cc_loss.c) the target is what was delivered, and a
 * little less: so many per mille of what was being sent may be sent meanwhile. 1000: no test.
 * Who takes it off what it had granted tests the line, not its own idea of what things cost. */
uint16_t cc_test_permille(const struct cc *cc);
/* The test would take more than it may cost now: it is not made, and the next one follows after
 * two seconds. False: so much is lost, or so many were put off, that this one is made. */
bool cc_put_off_test(struct cc *cc, int64_t now_us);

/* How long the line needs for what is under way, as far as is known: what stood before
 * the newest packet reported, and what left since. It is exact while nothing overflows;
 * of what does, the share lost lately is taken off. 0: nothing waits, or no idea. */
int64_t cc_backlog_us(const struct cc *cc, int64_t now_us);

/* Feedback that stays away, growth in ALR, probe clusters: call at the deadline. */
void cc_on_timeout(struct cc *cc, int64_t now_us);
int64_t cc_deadline_us(const struct cc *cc);

/* Bytes of padding or retransmission to send at this moment, 0: none. They are
 * told by cc_on_sent() like everything else; ask again at the deadline. */
size_t cc_probe_bytes(struct cc *cc, int64_t now_us);

struct cc_info {
        uint64_t target_bps, delay_bps, loss_bps, acked_bps;
        int32_t queue_us;       /* one-way delay above the lowest of the last seconds */
        uint16_t loss_permille; /* of the last second or so */
        uint32_t rtt_us;
        bool overusing, app_limited, probing;
        uint64_t probes, overuses;
};
void cc_info(const struct cc *cc, struct cc_info *ret_info);

#endif
