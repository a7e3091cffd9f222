/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mkv_source — the frames of a recorded track, from its Matroska file (tracks.c), one after the other.
 *
 * Layer:  sfu/jobs/gst.
 * Owner:  a job.
 * Thread: the caller's; the file is read ahead by one of its own.
 * Units:  *_us: microseconds since the start of the part, which are the file's own times.
 *
 * The file is hostile: cut off anywhere, or none at all. Then there are fewer frames.
 */
#ifndef SFU_JOBS_GST_MKV_SOURCE_H
#define SFU_JOBS_GST_MKV_SOURCE_H

#include <gst/gst.h>

#include "base/base.h"

struct mkv_source;

/* Returns 0 or -ENOENT: an element is missing. */
must_use int mkv_source_new(struct mkv_source **ret_source, const char *path);
struct mkv_source *mkv_source_free(struct mkv_source *source); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct mkv_source *, mkv_source_free)

/* Waits for the next frame, three seconds at most. False: there is none any more. */
must_use bool mkv_source_next(struct mkv_source *source, int64_t *ret_time_us);

/* The frame that mkv_source_next() told of: the buffer is the caller's, the caps are borrowed. */
GstBuffer *mkv_source_take(struct mkv_source *source, GstCaps **ret_caps);

#endif
