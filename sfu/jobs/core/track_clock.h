/* SPDX-License-Identifier: Apache-2.0 */
/*
 * track_clock — when each packet of a track is to be shown.
 *
 * media_us of a record is the truth in the long run: sound and picture of one participant agree
 * by it. But it steps when sender reports correct it (the first one most of all). RTP timestamps
 * are smooth, but drift and begin anew with each generation. So time goes on by RTP timestamps
 * and is pulled towards media_us by at most a twentieth of the time that passes, which nobody
 * hears or sees. Only where both differ by more than people bear (ITU-R BT.1359: sound 45 ms
 * early) it leaps forward, or goes on at half its pace until it is right again.
 *
 * Layer:  jobs/core. No I/O, no clock, no threads; no allocation.
 * Owner:  the track's, by value; zero is a new one but for rate.
 * Units:  *_us: microseconds of the server's monotonic clock.
 *
 * Invariants:
 *  (1) packets of one generation and RTP timestamp get one time; times rise strictly with each
 *      new one, whatever a sender does. (There are no B pictures in WebRTC.)
 *  (2) a time lies at most TRACK_CLOCK_EARLY_US before arrival and TRACK_CLOCK_LATE_US behind it,
 *      but for (1): what a hostile sender reports cannot make a track hours long.
 *  (3) a time is at most TRACK_CLOCK_APART_US before media_us within (2), and so much behind it
 *      only for as long as the error that was there before.
 *  (4) a pause is as long as it was.
 */
#ifndef SFU_JOBS_CORE_TRACK_CLOCK_H
#define SFU_JOBS_CORE_TRACK_CLOCK_H

#include "base/base.h"

enum {
        TRACK_CLOCK_EARLY_US = 2000000,
        TRACK_CLOCK_LATE_US = 500000,
        TRACK_CLOCK_APART_US = 40000,
};

struct track_clock {
        uint32_t rate; /* of RTP timestamps: 48000 or 90000 */
        /* Of the newest timestamp, for retime.h: */
        bool reported;
        bool fresh; /* it does not go on by timestamps */
        /* So much later than media_us says it would be by timestamps alone, and is. */
        int64_t off_us, left_us;
        /* private */
        bool started;
        uint32_t generation, ts;
        int64_t time_us;
};

struct track_clock_packet {
        uint32_t generation;
        uint32_t ts;                  /* of RTP */
        int64_t arrival_us, media_us; /* as in its record */
        bool reported;
};

/* Packets in the order of reorder.h. Returns the packet's time. */
int64_t track_clock_on_packet(struct track_clock *clock, const struct track_clock_packet *packet);

#endif
