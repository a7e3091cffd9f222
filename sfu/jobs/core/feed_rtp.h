/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feed_rtp — RTP and sender reports of what a job plays into a meeting: Opus (RFC 7587), VP8
 *            (RFC 7741) and H.264 (RFC 6184), as sfu/wire/job_record.h wants them.
 *
 * Layer:  sfu/jobs/core. No GStreamer, clock, I/O or randomness.
 * Owner:  one struct feed_stream per SSRC, embedded in its owner.
 * Thread: whoever holds the owner's lock.
 * Units:  *_us: microseconds of one clock for all streams of a feed. Their RTP times and
 *         their reports follow from it, so sound and picture agree wherever they are joined.
 *
 * Invariants:
 *  (1) sequence numbers, and for VP8 picture ids, are without a gap whatever is played:
 *      a pause or a seek is only a step in time.
 *  (2) a packet is at most FEED_PACKET_MAX bytes.
 */
#ifndef SFU_JOBS_CORE_FEED_RTP_H
#define SFU_JOBS_CORE_FEED_RTP_H

#include "base/base.h"

/* With SRTP, header extensions of the SFU and IPv6 it fits into 1280 bytes. */
enum { FEED_PACKET_MAX = 1150, FEED_REPORT_MAX = 64, FEED_SILENCE = 127 };

struct feed_stream {
        uint32_t ssrc;
        uint32_t clock_hz;
        uint32_t ts_at_zero; /* RTP time at 0 us */
        uint16_t seq;        /* of the next packet */
        uint16_t picture_id; /* of the next picture, 15 bits */
        uint32_t packets, octets;
        int64_t last_us; /* of the newest packet; -1: none yet */
};

/* seed: random; decides where numbers begin. */
void feed_stream_init(struct feed_stream *stream, uint32_t ssrc, uint32_t clock_hz, uint64_t seed);

/* Gets one packet, which lives during the call. */
typedef void (*feed_packet_fn)(void *user, const uint8_t *packet, size_t len);

/* One encoded picture in as many packets as it needs. */
void feed_vp8(struct feed_stream *stream, struct span frame, int64_t at_us, feed_packet_fn put,
              void *user);

/* One access unit as a byte stream (ITU-T H.264 Annex B). Small NAL units go together (STAP-A), so
 * parameter sets cost no packets of their own; large ones over several (FU-A). What no decoder
 * needs stays out: delimiters, filler, SEI. One without a picture is nothing. */
void feed_h264(struct feed_stream *stream, struct span frame, int64_t at_us, feed_packet_fn put,
               void *user);

/* One Opus packet. level: 0 (loudest) .. FEED_SILENCE, -dBov. Too long ones are left out. */
void feed_opus(struct feed_stream *stream, struct span packet, int64_t at_us, uint8_t level,
               feed_packet_fn put, void *user);

/* Writes a sender report (RFC 3550 §6.4.1) with its CNAME; wall_us: the same moment as now_us
 * in microseconds since 1970. Returns the bytes written to ret (FEED_REPORT_MAX). */
size_t feed_report(const struct feed_stream *stream, int64_t now_us, int64_t wall_us, uint8_t *ret);

/* RFC 6464 level of n interleaved samples; n may be 0. */
uint8_t feed_level(const int16_t *samples, size_t n);

/* Key frames that are asked for, not more often than FEED_KEY_EVERY_US. Init: zeros. */
enum { FEED_KEY_EVERY_US = 500000 };
struct feed_key {
        bool wanted, given;
        int64_t given_us;
};
void feed_key_want(struct feed_key *key);
/* True: make one now. */
bool feed_key_due(struct feed_key *key, int64_t now_us);

#endif
