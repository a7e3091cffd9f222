/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retime — what the times of a track's file turned out to be off by.
 *
 * Until her first sender report (RFC 3550 §6.4.1; some seconds) nothing tells how long a packet was
 * under way and in her encoder, so it counts as captured when it came: picture and sound may be 50 ms
 * apart. The report says by how much that was wrong, also for what is written already. So the job
 * that writes notes it beside the file, and the one that finishes the file moves those frames.
 *
 * Layer:  sfu/jobs/core. Pure: a caller's struct, no I/O, no clock. Zero is a new one.
 * Owner:  whoever writes or finishes the file.
 * Units:  t_us: times in the file, before they are moved.
 *
 * Invariants:
 *  (1) by(t) is linear between two points, 0 before the first and behind the last.
 *  (2) points rise by t, |by| is at most RETIME_MOST_US; there are at most RETIME_POINTS.
 */
#ifndef SFU_JOBS_CORE_RETIME_H
#define SFU_JOBS_CORE_RETIME_H

#include "base/base.h"

enum {
        RETIME_POINTS = 128, /* a dozen of new connections; what comes later stays as it is */
        RETIME_MOST_US = 2500000,
        RETIME_TEXT = RETIME_POINTS * 48,
};

struct retime_point {
        int64_t t_us, by_us; /* what is at t_us belongs to t_us - by_us */
};

struct retime {
        struct retime_point points[RETIME_POINTS];
        size_t n;
        /* private */
        bool unreported, settling; /* the newest frames are; what they are off by still falls */
        int64_t since_us, last_us; /* of the first such frame, of the newest */
        int64_t step_us;           /* between two points while it settles */
};

/* Of a frame, as track_clock.h has it. */
struct retime_frame {
        int64_t t_us;
        bool reported, fresh;
        int64_t off_us, left_us;
};

/* Frames in the order of their times. True: what retime_write() says has changed. */
bool retime_on_frame(struct retime *retime, const struct retime_frame *frame);

/* Where what is at t_us belongs. */
int64_t retime_apply(const struct retime *retime, int64_t t_us);

/* A line for each point; ret_text: RETIME_TEXT bytes. Returns its length. */
size_t retime_write(const struct retime *retime, char *ret_text);

/* Returns 0, or -EBADMSG and leaves *ret_retime untouched. */
must_use int retime_read(struct retime *ret_retime, const char *text, size_t len);

#endif
