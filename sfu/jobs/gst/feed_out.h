/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feed_out — what film and camera share: pictures and sound into layers of VP8 or H.264 and
 *            Opus, as records of a feed (sfu/wire/job_record.h) on the job's descriptor 3.
 *
 * Layer:  sfu/jobs/gst, the child's side.
 * Owner:  a job. Before it is freed nothing may come in any more.
 * Thread: feed_out_picture() and feed_out_sound() in any, the others in the main thread.
 *
 * It encodes what comes, at once, and is live whatever its source does: a source that pauses,
 * seeks or is lost is a step in time. While no picture comes the last one is sent once a
 * second, so that who joins late sees it too; without sound nothing is sent. Encoders that
 * do not keep up lose pictures, never sound, and are told of ("behind").
 *
 * Which codec, the other end says with a record; when it says another one, new encoders begin where
 * the old ones were, and neither source nor sound notices.
 */
#ifndef SFU_JOBS_GST_FEED_OUT_H
#define SFU_JOBS_GST_FEED_OUT_H

#include <gst/gst.h>

#include "sfu/api.h"
#include "sfu/jobs/child.h"
#include "sfu/jobs/gst/feed_encoders.h"

struct feed_out;

struct feed_out_params {
        enum sfu_kind picture; /* SFU_CAMERA or SFU_SCREEN */
        unsigned max_layers;   /* 1..3; 0: no pictures */
};

/* What it cannot do without; for struct job_ops. */
#define FEED_OUT_ELEMENTS FEED_ENCODERS_ELEMENTS, "opusenc"

/* Returns 0, or > 0 and the child has failed. */
must_use int feed_out_new(struct feed_out **ret_out, struct child *child,
                          const struct feed_out_params *params);
struct feed_out *feed_out_free(struct feed_out *out); /* Accepts NULL, returns NULL. */

/* As they come out of media_in.h; borrowed. */
void feed_out_picture(struct feed_out *out, GstBuffer *picture, GstCaps *caps, int64_t at_us);
void feed_out_sound(struct feed_out *out, GstBuffer *sound, int64_t at_us);

/* What struct job_ops gets from descriptor 3. */
void feed_out_on_record(struct feed_out *out, const uint8_t *data, size_t len);

#endif
