/* SPDX-License-Identifier: Apache-2.0 */
/*
 * publisher — sends a source's packets as VP8 and Opus that look real to a
 *             server and carry a pattern; answers requests for key frames.
 *
 * Layer:  load/io.
 * Owner:  the guest.
 * Thread: its owner's.
 */
#ifndef LOAD_IO_PUBLISHER_H
#define LOAD_IO_PUBLISHER_H

#include <srtp2/srtp.h>

#include "load/core/sdp.h"
#include "load/core/tally.h"
#include "sfu/wire/rtcp.h"

enum { PUBLISHER_STREAMS = SOURCE_MAX_LAYERS + 1 };

struct publisher;

struct publisher_params {
        int fd; /* connected; stays the caller's */
        srtp_t out;
        uint32_t first_ssrc;   /* of PUBLISHER_STREAMS in a row: sound, then layers */
        uint32_t first_stream; /* likewise, of patterns */
        bool transport_cc;
        bool trains; /* UDP_SEGMENT */
        struct source_config source;
        struct tally *tally;
};

must_use int publisher_new(struct publisher **ret_publisher, const struct publisher_params *params,
                           int64_t now_us);
struct publisher *publisher_free(struct publisher *publisher); /* accepts NULL */

int64_t publisher_deadline_us(const struct publisher *publisher);
void publisher_run(struct publisher *publisher, int64_t now_us);
void publisher_stop(struct publisher *publisher);

/* One checked RTCP packet of a compound. */
void publisher_on_rtcp(struct publisher *publisher, const struct rtcp_pkt *pkt);

/* Appends sender reports. */
void publisher_write_report(struct publisher *publisher, struct wr *w);

/* The number of the last packet of a pattern stream. False when it is not of
 * this publisher, or nothing was sent yet. */
bool publisher_last(const struct publisher *publisher, uint32_t stream, uint32_t *ret_number);

#endif
