/* SPDX-License-Identifier: Apache-2.0 */
/* track — with what a decoder makes of real and of hostile pictures. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

#include <gst/gst.h>

#include <cmocka.h>

#include "base/clock.h"
#include "sfu/jobs/core/depay.h"
#include "sfu/jobs/gst/track.h"
#include "tests/integration/clips.h"

enum { FRAME_US = 40000 };

/* Frame by frame as the depayloader gives them; the clip is used up. */
static size_t put_clip(struct track *track, struct clip *clip, bool all_huge)
{
        /* RFC 6386 §9.1: 8000 by 8000, at its place in a key frame */
        static const uint8_t huge[] = { 0x40, 0x1f, 0x40, 0x1f };
        struct depay *depay;
        struct depay_frame frame;
        GstCaps *caps = track_caps(JOB_VP8, NULL, 0);
        size_t n = 0;

        assert_int_equal(depay_new(&depay, JOB_VP8), 0);
        for (size_t i = 0; i < clip->n_frames; i++) {
                const struct clip_frame *from = &clip->frames[all_huge ? 0 : i];

                for (size_t k = 0; k < from->n_payloads; k++) {
                        const struct depay_packet packet = {
                                .payload = { from->payloads[k].bytes, from->payloads[k].len },
                                .ts = (uint32_t)i * clip->ts_per_frame,
                                .marker = k + 1 == from->n_payloads,
                                .new_stream = i == 0 && k == 0,
                        };
                        GstBuffer *buffer;

                        if (depay_put(depay, &packet, &frame) != 1)
                                continue;
                        buffer = gst_buffer_new_memdup(frame.bytes.data, frame.bytes.len);
                        if (all_huge)
                                gst_buffer_fill(buffer, 6, huge, sizeof(huge));
                        if (!frame.is_keyframe)
                                GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
                        track_put(track, buffer, (int64_t)i * FRAME_US, n++ == 0 ? caps : NULL);
                }
        }
        gst_caps_unref(caps);
        depay_free(depay);
        clip_free(clip);
        return n;
}

static void open_camera(struct track **ret_track)
{
        const struct track_params params = { .kind = TRACK_CAMERA, .participant = 1 };

        assert_int_equal(track_new(ret_track, &params), 0);
}

static int64_t run(struct track *track, int64_t t_us, bool watched)
{
        int64_t begin_us = clock_now_us();

        (void)track_run(track, t_us, watched);
        return clock_now_us() - begin_us;
}

/* A camera without key frames, while somebody without one speaks. */
static void who_is_not_watched_is_there_at_once_when_she_is(void **state)
{
        const struct clip_params params = { .codec = JOB_VP8,
                                            .width = 1280,
                                            .height = 720,
                                            .fps = 25,
                                            .seconds = 30,
                                            .bitrate_kbps = 1000 };
        struct track *track;
        const GstVideoInfo *info;
        int64_t longest_us = 0, since_us;
        size_t n;

        (void)state;
        open_camera(&track);
        n = put_clip(track, clip_new(&params), false);
        for (size_t i = 0; i < n; i++) {
                int64_t took_us = run(track, (int64_t)i * FRAME_US, i + 1 == n);

                longest_us = took_us > longest_us ? took_us : longest_us;
        }
        printf("figure: of %zu pictures, the longest turn took %.1f ms\n", n,
               (double)longest_us / 1e3);
        assert_non_null(track_picture(track, (int64_t)n * FRAME_US, &info, &since_us));
        assert_int_equal(info->width, 1280);
        track_free(track);
}

/* Each costs a decoder a tenth of a second, and no picture comes of it. */
static void pictures_larger_than_any_screen_are_given_up(void **state)
{
        const struct clip_params params = { .codec = JOB_VP8,
                                            .width = 64,
                                            .height = 48,
                                            .fps = 25,
                                            .seconds = 4,
                                            .bitrate_kbps = 50 };
        struct track *track;
        const GstVideoInfo *info;
        int64_t since_us;
        size_t n;

        (void)state;
        assert_true(track_is_too_large(16383, 16383));
        assert_false(track_is_too_large(5120, 2880));
        open_camera(&track);
        n = put_clip(track, clip_new(&params), true);
        for (size_t i = 0; i < n; i++)
                (void)run(track, (int64_t)i * FRAME_US, true);
        assert_null(track_picture(track, (int64_t)n * FRAME_US, &info, &since_us));
        track_free(track);
}

/* Her first packet was captured before the recording began. */
static void what_was_said_before_the_beginning_takes_nobody_s_voice(void **state)
{
        const struct clip_params params = { .codec = JOB_OPUS, .seconds = 1, .bitrate_kbps = 32 };
        struct clip *clip = clip_new(&params);
        struct mix *mix;
        struct track *track;
        GstCaps *caps = track_caps(JOB_OPUS, NULL, 0);
        float block[2 * MIX_BLOCK], loudest = 0;

        (void)state;
        assert_int_equal(mix_new(&mix, 0), 0);
        assert_int_equal(track_new(&track, &(struct track_params){ .kind = TRACK_SOUND,
                                                                   .participant = 1,
                                                                   .mix = mix }),
                         0);
        for (size_t i = 0; i < 20; i++) {
                const struct clip_frame *frame = &clip->frames[i];

                track_put(track,
                          gst_buffer_new_memdup(frame->payloads[0].bytes, frame->payloads[0].len),
                          ((int64_t)i - 1) * 20000, i == 0 ? caps : NULL);
        }
        (void)run(track, 400000, true);
        for (size_t i = 0; i < 15; i++) {
                mix_read(mix, block);
                for (size_t k = 0; k < ARRAY_LEN(block); k++)
                        loudest = block[k] > loudest ? block[k] : loudest;
        }
        assert_true(loudest > 0.01F);
        gst_caps_unref(caps);
        track_free(track);
        mix_free(mix);
        clip_free(clip);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(who_is_not_watched_is_there_at_once_when_she_is),
                cmocka_unit_test(pictures_larger_than_any_screen_are_given_up),
                cmocka_unit_test(what_was_said_before_the_beginning_takes_nobody_s_voice),
        };

        signal(SIGPIPE, SIG_IGN);
        gst_init(NULL, NULL);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
