/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hls_out — a program as live HLS in a folder: index.m3u8 and 720/ 360/ audio/, each with its
 *           index.m3u8, init-{first}.mp4 and segments {n}.m4s of two seconds (lines.h).
 *
 * Layer:  sfu/jobs/gst.
 * Owner:  a program.
 *
 * Invariants:
 *  (1) every file appears whole, by rename; a playlist names only what is there.
 *  (2) numbers and times of segments follow the wall clock: a job that goes on after a crash goes
 *      on with numbers and times that no player has seen before, and removes the old files when
 *      its own list is full.
 */
#ifndef SFU_JOBS_GST_HLS_OUT_H
#define SFU_JOBS_GST_HLS_OUT_H

#include "sfu/jobs/gst/encoder.h"

struct hls_out;

struct hls_out_params {
        const char *dir;  /* made when it is not there */
        int64_t start_us; /* begins with the key frame at or behind this */
        int64_t wall_us;  /* since 1970, of 0 on the program's timeline */
};

/* Returns 0 or -errno. */
must_use int hls_out_new(struct hls_out **ret_out, const struct hls_out_params *params);
struct hls_out *hls_out_free(struct hls_out *out); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct hls_out *, hls_out_free)

/* Returns 0 or -errno. */
must_use int hls_out_put(struct hls_out *out, const struct encoder *encoder,
                         const struct encoded_unit *unit);

/* Every rendition has a segment and the master playlist is written. */
bool hls_out_playable(const struct hls_out *out);
/* Where it begins on the program's timeline. */
int64_t hls_out_begin_us(const struct hls_out *out);

/* Writes what is left, and that nothing more comes. Returns 0 or -errno. */
must_use int hls_out_end(struct hls_out *out);

#endif
