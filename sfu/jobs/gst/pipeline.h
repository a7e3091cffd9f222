/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pipeline — a GStreamer pipeline from its description, and what goes wrong in it as the
 *            codes of lines.h.
 *
 * Layer:  sfu/jobs/gst, the child's side.
 * Owner:  a job; it may have several.
 * Thread: the child's main thread. Messages come there from the bus; callbacks too.
 */
#ifndef SFU_JOBS_GST_PIPELINE_H
#define SFU_JOBS_GST_PIPELINE_H

#include <gst/gst.h>

#include "sfu/jobs/child.h"

struct pipeline;

struct pipeline_params {
        const char *description; /* as of gst-launch-1.0; no text of a stranger in it */
        /* All may be NULL. */
        void (*on_eos)(void *user);
        /* The first error; none comes after it. NULL, or false: the job fails with it. */
        bool (*on_error)(void *user, const char *code, const char *message);
        /* Every message but errors and end of stream; borrowed. */
        void (*on_message)(void *user, GstMessage *message);
        void *user;
};

/* Returns 0, or > 0 when the description cannot be built: the job fails, an element that is
 * missing is "missing-package". In state NULL. */
must_use int pipeline_new(struct pipeline **ret_pipeline, struct child *child,
                          const struct pipeline_params *params);

/* Stops it, whatever state it is in. From no callback of its streaming threads; from those of its
 * params: yes. Accepts NULL, returns NULL. */
struct pipeline *pipeline_free(struct pipeline *pipeline);
DEFINE_CLEANUP(struct pipeline *, pipeline_free)

/* The bin itself, borrowed. */
GstElement *pipeline_bin(const struct pipeline *pipeline);

/* An element by its name= in the description; borrowed. It must exist. */
GstElement *pipeline_get(const struct pipeline *pipeline, const char *name);

/* In on_error(): the name of the element that failed, borrowed. */
const char *pipeline_culprit(const struct pipeline *pipeline);

/* What fails then comes by on_error(). */
void pipeline_set_state(struct pipeline *pipeline, GstState state);

/* In a probe of events behind a demuxer: its segment becomes the whole of time from 0, so that
 * running times are the stream's own and not counted from its first frame. */
void pipeline_plain_segment(GstPadProbeInfo *info);

/* The code of lines.h for an error of GStreamer; static. */
const char *pipeline_error_code(const GError *error);

#endif
