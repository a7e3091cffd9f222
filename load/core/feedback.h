/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feedback — what a receiver tells the server about what arrived: transport-wide
 *            feedback, receiver reports, and which packets it misses.
 *
 * Layer:  load/core. No clock: the caller passes the time.
 * Owner:  one receiving client.
 * Units:  *_us monotonic microseconds.
 */
#ifndef LOAD_CORE_FEEDBACK_H
#define LOAD_CORE_FEEDBACK_H

#include "load/core/sdp.h"
#include "sfu/wire/rtcp.h"

enum {
        FEEDBACK_ARRIVALS = 256, /* then feedback is due at once */
        FEEDBACK_MISSING = 32,   /* losses asked for at a time, per stream */
        FEEDBACK_ASKS = 5,       /* times a packet is asked for */
        FEEDBACK_ASK_US = 60 * 1000,
};

struct feedback_stream {
        uint32_t ssrc;
        bool started;
        uint32_t first, highest; /* cycles << 16 | seq */
        uint32_t received, reported_expected, reported_received;
        uint32_t lsr;
        int64_t lsr_us;
        size_t n_missing;
        struct feedback_missing {
                uint16_t seq;
                uint8_t asked;
                int64_t due_us;
        } missing[FEEDBACK_MISSING];
};

struct feedback {
        uint32_t own_ssrc;
        size_t n_streams;
        struct feedback_stream *streams; /* LOAD_MAX_SLOTS at most; owned */

        bool started;
        uint32_t media_ssrc;
        uint16_t base_seq;
        uint8_t count;
        size_t n_arrivals; /* from base_seq on, holes are RTCP_TCC_LOST */
        int64_t arrivals_us[FEEDBACK_ARRIVALS];
};

/* Returns 0 or -ENOMEM. */
must_use int feedback_init(struct feedback *feedback, uint32_t own_ssrc,
                           const struct load_slot *slots, size_t n_slots);
void feedback_done(struct feedback *feedback);

/* A media packet (not a retransmission). Returns true when it leaves a hole. */
bool feedback_on_rtp(struct feedback *feedback, size_t stream, uint16_t seq, int64_t now_us);
void feedback_on_repair(struct feedback *feedback, size_t stream, uint16_t seq);
void feedback_on_sr(struct feedback *feedback, const struct rtcp_sr *sr, int64_t now_us);

/* Any packet with a transport-wide number. Returns true when feedback is due at once. */
bool feedback_on_transport_seq(struct feedback *feedback, uint32_t ssrc, uint16_t seq,
                               int64_t now_us);

/* Append to a compound packet; nothing when there is nothing to say. */
void feedback_write_report(struct feedback *feedback, struct wr *w, int64_t now_us);
void feedback_write_tcc(struct feedback *feedback, struct wr *w);
/* Returns how many packets were asked for. */
size_t feedback_write_nacks(struct feedback *feedback, struct wr *w, int64_t now_us);

#endif
