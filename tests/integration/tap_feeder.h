/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tap_feeder — a job's tap without a server: clips as records, with the faults of a network.
 *
 * Time is virtual: as fast as the job takes it.
 */
#ifndef TESTS_INTEGRATION_TAP_FEEDER_H
#define TESTS_INTEGRATION_TAP_FEEDER_H

#include "tests/integration/clips.h"
#include "tests/integration/jobs_world.h"

enum { FEEDER_START_US = 5000000 }; /* start_us of the part */

struct feeder {
        struct world *world;
        struct owner owner;
        int fd;
        int64_t now_us;
};

/* Starts the job with this first line (its reference is taken), and a tap of ours. */
void feeder_start(struct feeder *feeder, struct world *world, enum job_kind kind, json_t *start);
/* All records are read by the job when it returns. */
void feeder_settle(struct feeder *feeder);
/* Stops the job, which must end well. */
void feeder_stop(struct feeder *feeder);
void feeder_done(struct feeder *feeder);

void feeder_send(struct feeder *feeder, const struct job_record *record);

/* One publication. */
struct feed_track {
        const struct clip *clip;
        uint32_t participant, generation;
        uint8_t kind, layer;
        /* What goes on from packet to packet. */
        uint32_t ext, ts;
        size_t next_frame;
        int64_t next_us; /* when it is captured; 0: now */
};

/* Frames of the track that are captured before until_us; each arrives 30 ms later. The clip begins
 * anew when it is over. */
void feed_until(struct feeder *feeder, struct feed_track *track, int64_t until_us);
/* The same of several at a time; loss_percent of the packets come 40 to 200 ms late. */
void feed_all_until(struct feeder *feeder, struct feed_track *tracks, size_t n, int64_t until_us,
                    int loss_percent);
/* Another stream: of another clip, or the same. */
void feed_begin(struct feed_track *track, const struct clip *clip);
void feed_end(struct feeder *feeder, const struct feed_track *track);

#endif
