/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feed_encoders — the pipeline that makes the layers of a feed's picture: its description, as of
 *                 gst-launch-1.0.
 *
 * Layer:  sfu/jobs/gst, the child's side. Pure.
 *
 * Its elements are "src", into which pictures of the largest layer's size go, and for each layer i
 * of the plan "enc{i}" and "sink{i}". One thread for the largest layer and one for the others.
 *
 * Both codecs are for a conversation: no picture waits for a later one, and key frames come when
 * they are asked for and else every 600 pictures. H.264 is a byte stream of access units of one
 * slice, constrained baseline up to level 3.1 (job_record.h), parameter sets before each key frame.
 */
#ifndef SFU_JOBS_GST_FEED_ENCODERS_H
#define SFU_JOBS_GST_FEED_ENCODERS_H

#include "sfu/jobs/core/picture_plan.h"
#include "sfu/wire/job_record.h"

enum {
        FEED_ENCODERS_TEXT = 4096,
        /* Pictures before the encoders; the oldest is thrown away first. */
        FEED_ENCODERS_WAITING = 3,
};

/* What either codec takes. */
#define FEED_ENCODERS_ELEMENTS                                                                     \
        "appsrc", "appsink", "tee", "queue", "videoscale", "vp8enc", "x264enc"

/* codec: JOB_VP8 or JOB_H264. */
void feed_encoders_describe(char ret[FEED_ENCODERS_TEXT], const struct picture_plan *plan,
                            enum job_codec codec);

#endif
