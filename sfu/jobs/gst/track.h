/* SPDX-License-Identifier: Apache-2.0 */
/*
 * track — one voice, camera or screen of a program: what comes waits until it is due, is decoded,
 *         and goes into the mix or is there to be shown.
 *
 * Layer:  sfu/jobs/gst.
 * Owner:  a program.
 * Thread: the caller's.
 * Units:  *_us: microseconds on the program's timeline.
 *
 * Invariants:
 *  (1) what waits is at most TRACK_MAX_WAITING frames and TRACK_MAX_BYTES; more is dropped.
 *  (2) a decoder that fails is made anew, and costs this track's media only.
 *  (3) pictures that nobody watches are decoded late or not at all: up to TRACK_MAX_KEPT are kept
 *      until somebody does, so that she has not long to wait; a key frame makes those before it
 *      needless.
 *  (4) of pictures of more than TRACK_MAX_PIXELS, and of key frames that no picture comes of,
 *      nothing more is decoded.
 */
#ifndef SFU_JOBS_GST_TRACK_H
#define SFU_JOBS_GST_TRACK_H

#include <gst/video/video.h>

#include "sfu/jobs/core/mix.h"
#include "sfu/wire/job_record.h"

enum {
        TRACK_MAX_WAITING = 8192,
        TRACK_MAX_BYTES = 16 * 1024 * 1024,
        TRACK_MAX_KEPT = 50,
        TRACK_MAX_KEPT_BYTES = 8 * 1024 * 1024,
        TRACK_MAX_PIXELS = 16 * 1024 * 1024, /* screens have up to 5120 x 2880 */
        /* So much before its time sound is decoded: a voice shall not break off between blocks;
         * and pictures: some decoders give a picture out with the next one. */
        TRACK_LEAD_US = 80000,
};

enum track_kind { TRACK_SOUND, TRACK_CAMERA, TRACK_SCREEN };

struct track_params {
        enum track_kind kind;
        uint32_t participant;
        struct mix *mix;
};

struct track;

/* Returns 0, -ENOSPC (too many voices) or -ENOMEM. */
must_use int track_new(struct track **ret_track, const struct track_params *params);
struct track *track_free(struct track *track); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct track *, track_free)

uint32_t track_participant(const struct track *track);
enum track_kind track_kind(const struct track *track);

/* What frames of a codec are, as depay.h makes them; config: its depay_format. The caller's. */
GstCaps *track_caps(enum job_codec codec, const uint8_t *config, size_t config_len);

/* Its frames are not to be put: one of 16383 x 16383 lies in a few hundred bytes. */
bool track_is_too_large(unsigned width, unsigned height);

/* Takes the buffer: a frame, whose time is time_us, not before the one put before; flagged as a
 * delta unit unless a decoder can begin with it. caps, borrowed: as of track_caps() or of a Matroska
 * file; another stream begins with it, the first one too; NULL: it goes on. */
void track_put(struct track *track, GstBuffer *buffer, int64_t time_us, GstCaps *caps);

/* Nothing more will be put. */
void track_end(struct track *track);

/* Takes what is due at t_us; watched: its pictures are wanted. False: it has ended, and all of it
 * was shown. */
bool track_run(struct track *track, int64_t t_us, bool watched);

/* The picture to show at t_us, borrowed until the next track_run(); NULL: none, or none for long.
 * *ret_since_us is when its pictures began. */
GstBuffer *track_picture(const struct track *track, int64_t t_us, const GstVideoInfo **ret_info,
                         int64_t *ret_since_us);

#endif
