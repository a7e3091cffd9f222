/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feed — a peer's transport when its media come from a job: records of a socket pair
 *        (wire/job_record.h) instead of ICE, DTLS and SRTP.
 *
 * Layer:  io.
 * Owner:  its struct peer.
 * Thread: the worker's.
 *
 * Invariants:
 *  (1) a job may push FEED_PACKETS_PER_S; what is more is dropped and counted, and
 *      one turn takes at most FEED_TURN_RECORDS from it.
 *  (2) when the job's end is closed the peer is gone: SFU_GONE_CLOSED_BY_PEER.
 *      Silence ends nothing: a film may stand still.
 */
#ifndef SFU_IO_FEED_H
#define SFU_IO_FEED_H

#include "sfu/core/sdp.h"

enum {
        FEED_PACKETS_PER_S = 4000, /* 1080p and two layers below need 600 */
        FEED_BURST = 2000,         /* key frames of all layers at once */
        FEED_TURN_RECORDS = 64,
};

struct feed;
struct peer;
struct worker;

/* Takes *fd over and leaves -1 there, or returns -errno. */
must_use int feed_new(struct feed **ret_feed, struct peer *peer, int *fd);
struct feed *feed_free(struct feed *feed); /* accepts NULL; the job reads the end */

/* Tells the job what its pictures are to be in from now on: SDP_VP8 or SDP_H264. */
void feed_want_codec(struct feed *feed, enum sdp_codec codec);

/* Room for one RTCP packet to the job, or NULL when it is too long; and off it goes. */
uint8_t *feed_reserve(struct feed *feed, size_t max_len);
void feed_commit_rtcp(struct feed *feed, size_t len);

/* False: the socket is no feed's. */
bool worker_on_feed_event(struct worker *worker, int fd);

#endif
