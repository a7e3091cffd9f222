/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clips — a second or more of real media as RTP payloads, made once by GStreamer's encoders and
 *         sent as often as a test likes; and files of it read back.
 *
 * Pictures are black; those of a clip's first tenth of a second are white (a flash). Sound is
 * silence; the first tenth of a second is a tone (a beep).
 */
#ifndef TESTS_INTEGRATION_CLIPS_H
#define TESTS_INTEGRATION_CLIPS_H

#include "base/base.h"
#include "sfu/wire/job_record.h"

struct clip_payload {
        uint8_t *bytes;
        size_t len;
};

struct clip_frame {
        size_t n_payloads;
        struct clip_payload *payloads;
        bool is_keyframe;
};

struct clip {
        enum job_codec codec;
        uint32_t ts_per_frame;
        int64_t us_per_frame;
        size_t n_frames;
        struct clip_frame *frames;
};

struct clip_params {
        enum job_codec codec;
        int width, height, fps; /* of pictures; Opus has 20 ms */
        int seconds;
        int bitrate_kbps;
        bool busy; /* pictures: noise instead, which fills the bitrate */
};

/* Begins with a key frame, the only one. Fails the test when an encoder is missing. */
struct clip *clip_new(const struct clip_params *params);
struct clip *clip_free(struct clip *clip);

/* What is in a file, decoded by GStreamer as a player does. */
struct reading {
        uint32_t n_frames; /* that came out of the decoder */
        int64_t first_us, last_us, longest_gap_us;
        int width, height; /* of the last picture */
        size_t n_marks;    /* flashes or beeps: when each began */
        int64_t *marks_us; /* freed by reading_done() */
};

/* Fails the test when the file cannot be decoded without an error. */
void reading_of(struct reading *ret_reading, const char *path, enum job_codec codec);
void reading_done(struct reading *reading);

#endif
