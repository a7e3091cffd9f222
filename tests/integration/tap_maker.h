/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tap_maker — what a tap would send of people who are made up: cameras and voices as GStreamer
 *             encodes and payloads them, for tests of jobs.
 *
 * Cameras are VP8 of 25 frames with a key frame every two seconds, voices are Opus.
 */
#ifndef TESTS_INTEGRATION_TAP_MAKER_H
#define TESTS_INTEGRATION_TAP_MAKER_H

#include "base/base.h"
#include "sfu/api.h"

struct made_packet {
        int64_t t_us;
        uint8_t *data;
        size_t len;
        bool key;
};

struct made_stream {
        uint32_t participant;
        enum sfu_kind kind;
        struct made_packet *packets;
        size_t n, at;
};

/* Changes the raw media of time t_us: an I420 picture, or n samples of mono. */
typedef void (*made_picture_fill)(void *user, int64_t t_us, uint8_t *i420, int width, int height);
typedef void (*made_sound_fill)(void *user, int64_t t_us, int16_t *samples, size_t n);

/* pattern: of videotestsrc. fill may be NULL. */
struct made_stream made_picture(uint32_t participant, enum sfu_kind kind, const char *pattern,
                                int width, int height, int seconds, made_picture_fill fill,
                                void *user);
struct made_stream made_sound(uint32_t participant, int seconds, made_sound_fill fill, void *user);
void made_done(struct made_stream *stream);

/* Sends what came until t_us; start_us: 0 of the streams on the monotonic clock. */
void made_send(int fd, struct made_stream *streams, size_t n, int64_t start_us, int64_t t_us);
void made_send_end(int fd, const struct made_stream *stream);

#endif
