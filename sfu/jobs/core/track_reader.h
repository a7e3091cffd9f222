/* SPDX-License-Identifier: Apache-2.0 */
/*
 * track_reader — records of one track of a tap in, frames with their times out: reorder, track_clock
 *                and depay, one behind the other.
 *
 * Layer:  jobs/core. No I/O, no clock, no threads.
 * Owner:  a job, one per participant and kind.
 * Units:  *_us: microseconds of the server's monotonic clock.
 *
 * A track may change its codec and its layer (each time: another generation), end and come again.
 */
#ifndef SFU_JOBS_CORE_TRACK_READER_H
#define SFU_JOBS_CORE_TRACK_READER_H

#include "base/base.h"
#include "sfu/jobs/core/depay.h"
#include "sfu/wire/job_record.h"

struct track_reader_config {
        bool pictures;
        int64_t hold_us;  /* how long a packet waits for those before it */
        int64_t start_us; /* see reorder.h; at most hold_us */
};

struct track_frame {
        struct depay_frame frame; /* until the next call */
        enum job_codec codec;
        int64_t time_us; /* rises strictly */
        /* As track_clock.h has them. */
        bool reported, fresh;
        int64_t off_us, left_us;
};

struct track_reader;

/* Returns 0 or -ENOMEM. */
must_use int track_reader_new(struct track_reader **ret_reader,
                              const struct track_reader_config *config);
struct track_reader *track_reader_free(struct track_reader *reader); /* NULL: nothing */
DEFINE_CLEANUP(struct track_reader *, track_reader_free)

/* Takes a copy of a JOB_RTP record. Take frames before the next one. Returns 0, an enum
 * reorder_err (it is left out) or -ENOMEM. */
must_use int track_reader_put(struct track_reader *reader, const struct job_record *record);

/* The next frame that is complete. now_us: see reorder.h. */
must_use bool track_reader_take(struct track_reader *reader, int64_t now_us,
                                struct track_frame *ret_frame);

/* As reorder_deadline_us(). */
int64_t track_reader_deadline_us(const struct track_reader *reader);

/* The track has ended: what waits comes out at the next takes. It may come again. */
void track_reader_flush(struct track_reader *reader);

#endif
