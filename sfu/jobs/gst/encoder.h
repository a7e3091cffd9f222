/* SPDX-License-Identifier: Apache-2.0 */
/*
 * encoder — pictures and sound of a program to H.264 and AAC, each once for all who want it.
 *
 * Layer:  sfu/jobs/gst.
 * Owner:  a program, while something of it is wanted.
 * Thread: the caller's; on_unit is called within encoder_picture(), encoder_skip() and encoder_end().
 * Units:  *_us: microseconds on the program's timeline.
 *
 * Invariants:
 *  (1) units come in the order of their time over all streams.
 *  (2) a key frame at least every ENCODER_GOP_US, counted from the last time one was asked for
 *      with encoder_align(); the same ones in both picture streams.
 *  (3) no B pictures: the order of decoding is the order of showing.
 */
#ifndef SFU_JOBS_GST_ENCODER_H
#define SFU_JOBS_GST_ENCODER_H

#include "sfu/jobs/core/fmp4.h"

enum {
        ENCODER_GOP_US = 2000000,
        ENCODER_BLOCK = 960,
        /* three units of sound and a frame: one is filled, one overlaps */
        ENCODER_DELAY_US = 80000,
};

enum encoded {
        ENCODED_720,
        ENCODED_360,   /* both: only while asked for */
        ENCODED_SOUND, /* 96 kbit/s */
        ENCODED_VOICE, /* 48 kbit/s */
        N_ENCODED,
};

struct encoded_unit {
        enum encoded stream;
        bool key;
        int64_t time_us;
        struct span bytes;
};

struct encoder;

struct encoder_params {
        bool live; /* what is put in comes out within ENCODER_DELAY_US of its time */
        void (*on_unit)(void *user, const struct encoded_unit *unit);
        void *user;
};

/* Returns 0 or -ENOENT: an element is missing. */
must_use int encoder_new(struct encoder **ret_encoder, const struct encoder_params *params);
struct encoder *encoder_free(struct encoder *encoder); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct encoder *, encoder_free)

/* ENCODED_360 and ENCODED_VOICE from the next picture on, or no more. Returns 0 or -ENOENT. */
must_use int encoder_small(struct encoder *encoder, bool on);

/* The next picture is a key frame. align: and those of each ENCODER_GOP_US after it. */
void encoder_key(struct encoder *encoder, bool align);

/* ENCODER_BLOCK frames of stereo. Before the pictures of the same time. Returns 0 or -EIO. */
must_use int encoder_sound(struct encoder *encoder, int64_t time_us, const float *frames);

/* I420 of 1280x720, borrowed for the call. Returns 0 or -EIO. */
must_use int encoder_picture(struct encoder *encoder, int64_t time_us, const uint8_t *i420);

/* Live: no picture comes for this time, and no sound waits for one. */
void encoder_skip(struct encoder *encoder, int64_t time_us);

/* What is inside comes out. */
void encoder_end(struct encoder *encoder);

/* How a picture and a sound stream are described in a file; spans are borrowed from the encoder.
 * picture or sound N_ENCODED: without. Returns 0 or -EAGAIN: no unit of the picture has come. */
must_use int encoder_describe(const struct encoder *encoder, enum encoded picture,
                              enum encoded sound, struct fmp4_config *ret_config);

#endif
