/* SPDX-License-Identifier: Apache-2.0 */
/*
 * media_in — from decoded streams to pictures and sound as a feed takes them: turned upright,
 *            progressive, of the size and rate that is sent; stereo of 48 kHz.
 *
 * Layer:  sfu/jobs/gst, the child's side.
 * Owner:  a job; freed after its pipeline.
 * Thread: media_in_take() in any; callbacks in streaming threads, one for each stream.
 *
 * The first stream of pictures and the first of sound are taken, others are left alone.
 * More than MEDIA_IN_MAX_FPS are thinned out before they cost anything.
 */
#ifndef SFU_JOBS_GST_MEDIA_IN_H
#define SFU_JOBS_GST_MEDIA_IN_H

#include <gst/gst.h>

#include "base/base.h"

enum { MEDIA_IN_MAX_FPS = 31 };

struct media_in;

#define MEDIA_IN_ELEMENTS                                                                          \
        "queue", "deinterlace", "videoconvertscale", "videoflip", "audioconvert", "audioresample", \
                "volume", "appsink"

struct media_in_params {
        GstElement *bin;  /* borrowed; its clock is the system's monotonic one */
        bool wants_video; /* false: only sound is taken */
        bool sync;        /* each comes when its time has come; else at once */
        /* at_us: of the monotonic clock. A picture is I420 with square pixels, and while a paused
         * pipeline has sought it comes too; sound is S16LE, interleaved. All borrowed. */
        void (*on_picture)(void *user, GstBuffer *picture, GstCaps *caps, int64_t at_us);
        void (*on_sound)(void *user, GstBuffer *sound, int64_t at_us);
        void *user;
};

must_use int media_in_new(struct media_in **ret_in, const struct media_in_params *params);
struct media_in *media_in_free(struct media_in *in); /* Accepts NULL, returns NULL. */

/* A new source pad of raw media, borrowed. */
void media_in_take(struct media_in *in, GstPad *pad);

void media_in_volume(struct media_in *in, int percent); /* 0..100 */

/* How many frames and buffers came so far. */
unsigned media_in_pictures(struct media_in *in);
unsigned media_in_sounds(struct media_in *in);
/* What was taken; size as the stream says, before anything is done to it. */
bool media_in_has_picture(struct media_in *in, int *ret_width, int *ret_height);
bool media_in_has_sound(struct media_in *in);

#endif
