/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtp_recv — what a receiver must know of one incoming RTP stream: extended
 *            sequence numbers (RFC 3550 A.1), losses (A.3), jitter (A.8), the
 *            sender's clock from its reports (§6.4.1), bitrate.
 *
 * Layer:  core. Arithmetic on a caller's struct; fields are read-only outside.
 * Owner:  the incoming layer.
 * Thread: the worker's.
 * Units:  *_us monotonic microseconds; ntp: 32.32 fixed point.
 *
 * Invariants:
 *  (1) a number is reported as RTP_RECV_NEW once, while it is at most
 *      RTP_RECV_WINDOW behind the newest.
 *  (2) a jump of more than RTP_RECV_MAX_DROPOUT is believed at its second
 *      packet (RFC 3550 A.1), and then goes up: ext numbers never go back.
 */
#ifndef SFU_CORE_RTP_RECV_H
#define SFU_CORE_RTP_RECV_H

#include "base/base.h"
#include "sfu/wire/rtcp.h"
#include "sfu/wire/seq.h"

enum {
        RTP_RECV_WINDOW = 512,
        RTP_RECV_MAX_DROPOUT = 3000, /* RFC 3550 A.1 */
};

enum rtp_recv_verdict {
        RTP_RECV_NEW,
        RTP_RECV_DUPLICATE, /* or too old to tell */
        RTP_RECV_JUMP,      /* first packet after an unlikely jump: drop it */
};

/* A rate over half-second steps. */
struct rtp_rate {
        int64_t since_us;
        uint32_t bytes;
        uint32_t bps; /* of the last full step */
};

void rtp_rate_add(struct rtp_rate *rate, size_t bytes, int64_t now_us);
/* 0 when nothing came for a while. */
uint32_t rtp_rate_bps(const struct rtp_rate *rate, int64_t now_us);

struct rtp_recv {
        uint32_t clock_rate;
        struct seq16_unwrapper seq;
        uint32_t base_ext; /* the first number of the present run */
        uint32_t bad_seq;  /* where a jump would go on; over 16 bits: no jump */
        uint32_t received, expected_prior, received_prior;
        uint32_t jitter_q4; /* jitter in clock units, times 16 */
        uint32_t transit;
        bool has_transit;
        bool paused;
        uint64_t packets, bytes, recovered;
        int64_t last_us;
        uint32_t last_ts;
        struct rtp_rate rate;
        struct {
                bool valid;   /* there was one, */
                bool mapped;  /* and it tells the time of what is sent now */
                bool doubted; /* the next one does not yet: see rtp_recv_on_sr() */
                uint64_t ntp;
                uint32_t ts;
                int64_t arrival_us;
        } sr;
        uint64_t seen[RTP_RECV_WINDOW / 64];
};

struct rtp_recv_packet {
        uint16_t seq;
        uint32_t ts;
        size_t bytes;
        bool recovered; /* came by retransmission: no measure of jitter */
};

void rtp_recv_init(struct rtp_recv *recv, uint32_t clock_rate);

/* *ret_ext is filled for RTP_RECV_NEW only. */
must_use enum rtp_recv_verdict rtp_recv_on_packet(struct rtp_recv *recv,
                                                  const struct rtp_recv_packet *pkt, int64_t now_us,
                                                  uint32_t *ret_ext);

/* Packets are not listened to from now until the next one: what lies between is no loss. */
void rtp_recv_pause(struct rtp_recv *recv);

/* A packet that another rtp_recv has judged RTP_RECV_NEW under this number. */
void rtp_recv_on_relayed(struct rtp_recv *recv, const struct rtp_recv_packet *pkt, uint32_t ext,
                         int64_t arrival_us);

/* A sender report. The first one behind a pause in which timestamps stood still may be reckoned
 * from before it (Chromium's is a few hundred milliseconds wrong then): it maps nothing. */
void rtp_recv_on_sr(struct rtp_recv *recv, uint64_t ntp, uint32_t ts, int64_t now_us);

/* What another rtp_recv goes by: rtp_recv_on_relayed(). */
void rtp_recv_map(struct rtp_recv *recv, uint64_t ntp, uint32_t ts);

/* Fills everything but ssrc and starts the next interval. */
void rtp_recv_report(struct rtp_recv *recv, int64_t now_us, struct rtcp_block *ret_block);

/* Packets lost so far; duplicates never make it negative. */
uint64_t rtp_recv_lost(const struct rtp_recv *recv);

/* The sender's clock at the moment that ts names, by its last report. False
 * when there is none to go by. */
must_use bool rtp_recv_ntp_at(const struct rtp_recv *recv, uint32_t ts, uint64_t *ret_ntp);

#endif
