/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mp4_out — a program as one MP4 file that can be played whenever the writing breaks off: fragments
 *           of MP4_OUT_US, written as they are complete.
 *
 * Layer:  sfu/jobs/gst.
 * Owner:  a program.
 */
#ifndef SFU_JOBS_GST_MP4_OUT_H
#define SFU_JOBS_GST_MP4_OUT_H

#include "sfu/jobs/gst/encoder.h"

enum { MP4_OUT_US = 200000 };

struct mp4_out;

/* Makes the file; it must not be there yet. Returns 0 or -errno. */
must_use int mp4_out_new(struct mp4_out **ret_out, const char *path);
struct mp4_out *mp4_out_free(struct mp4_out *out); /* writes nothing; accepts NULL, returns NULL */
DEFINE_CLEANUP(struct mp4_out *, mp4_out_free)

/* Begins with the first key frame. Units behind the end are left out. Returns 0 or -errno. */
must_use int mp4_out_put(struct mp4_out *out, const struct encoder *encoder,
                         const struct encoded_unit *unit);

/* The picture at end_us, on the program's timeline, is not part of it any more. */
void mp4_out_end(struct mp4_out *out, int64_t end_us);
/* All of it is written. */
bool mp4_out_done(const struct mp4_out *out);
/* Writes the rest: nothing more comes. Returns 0 or -errno. */
must_use int mp4_out_flush(struct mp4_out *out);

/* Where it begins on the program's timeline, -1: not yet; where what is written ends. */
int64_t mp4_out_begin_us(const struct mp4_out *out);
int64_t mp4_out_until_us(const struct mp4_out *out);

#endif
