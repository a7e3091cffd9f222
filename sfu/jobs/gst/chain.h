/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chain — a row of GStreamer elements without a thread or clock of its own: a buffer pushed in
 *         goes through at once, what comes out at the end is handed to a function.
 *
 * Layer:  sfu/jobs/gst.
 * Owner:  whoever decodes or encodes.
 * Thread: the caller's; on_buffer is called within chain_push() and chain_end(). Elements with
 *         threads (queue, muxers) do not belong in it.
 */
#ifndef SFU_JOBS_GST_CHAIN_H
#define SFU_JOBS_GST_CHAIN_H

#include <gst/gst.h>

#include "base/base.h"

struct chain;

struct chain_params {
        const char *elements; /* as gst-launch-1.0 writes it: "vp8dec ! videoconvert" */
        const char *caps;     /* of what is pushed */
        GstCaps *fixed_caps;  /* instead of caps, borrowed; or NULL */
        /* The buffer is borrowed; time_us: of its beginning on the timeline of what was pushed (some
         * encoders shift theirs), -1: none; caps: what it is. */
        void (*on_buffer)(void *user, GstBuffer *buffer, int64_t time_us, GstCaps *caps);
        void *user;
};

/* Returns 0, or -ENOENT: an element is missing or does not take the caps. */
must_use int chain_new(struct chain **ret_chain, const struct chain_params *params);
struct chain *chain_free(struct chain *chain); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct chain *, chain_free)

/* Takes the buffer. Returns 0, or -EIO: the row does not take any more, make another. */
must_use int chain_push(struct chain *chain, GstBuffer *buffer);

/* Takes the event, for the elements behind. */
void chain_event(struct chain *chain, GstEvent *event);

/* Everything that is held inside comes out; nothing is pushed afterwards. */
void chain_end(struct chain *chain);

#endif
