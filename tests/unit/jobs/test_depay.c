/* SPDX-License-Identifier: Apache-2.0 */
/* Opus, VP8, VP9 and H.264; AV1 is in test_depay_av1.c. */
#include "tests/unit/wire/wire_test.h"

#include "sfu/jobs/core/depay.h"

enum { M = 1, LOSS = 2, NEW = 4 }; /* marker, after_loss, new_stream */

struct step {
        uint8_t bytes[72];
        size_t len;
        uint32_t ts;
        unsigned flags;
        int result; /* 2: a key frame */
        uint8_t frame[72];
        size_t frame_len;
};

struct scenario {
        const char *name;
        enum job_codec codec;
        uint32_t width, height;
        struct step steps[6];
};

/* The head of a VP8 key frame of 640x360 (RFC 6386 §9.1). */
#define VP8_KEY 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01
/* Of a VP9 one of 64x64, profile 0. */
#define VP9_KEY 0x82, 0x49, 0x83, 0x42, 0x20, 0x03, 0xf0, 0x03, 0xf0, 0x38
/* x264's, 64x64, baseline. */
#define SPS                                                                                        \
        0x67, 0x42, 0xc0, 0x0a, 0xda, 0x10, 0x9b, 0x01, 0x6a, 0x0c, 0x0c, 0x0d, 0x4a, 0x00, 0x00,  \
                0x03, 0x00, 0x02, 0x00, 0x00, 0x03, 0x00, 0x65, 0x1e, 0x24, 0x4d, 0x40
#define PPS 0x68, 0xce, 0x3c, 0x80
enum { SPS_LEN = 27, PPS_LEN = 4 };
#define PARAMETERS 0x78, 0, 2, 0x09, 0x10, 0, SPS_LEN, SPS, 0, PPS_LEN, PPS
#define PARAMETERS_OUT 0, 0, 0, SPS_LEN, SPS, 0, 0, 0, PPS_LEN, PPS
enum { PARAMETERS_LEN = 5 + 2 + SPS_LEN + 2 + PPS_LEN, OUT_LEN = 8 + SPS_LEN + PPS_LEN };

#define VP8_KEY_STEP                                                                               \
        {                                                                                          \
                { 0x10, VP8_KEY }, 11, 1, NEW | M, 2, { VP8_KEY }, 10                              \
        }
#define H264_KEY_STEPS                                                                             \
        { { PARAMETERS }, PARAMETERS_LEN, 1, NEW, 0 },                                             \
        {                                                                                          \
                { 0x65, 0x88, 7 }, 3, 1, M, 2, { PARAMETERS_OUT, 0, 0, 0, 3, 0x65, 0x88, 7 },      \
                        OUT_LEN + 7                                                                \
        }

static const struct scenario scenarios[] = {
        { "opus: each packet is a frame",
          JOB_OPUS,
          0,
          0,
          { { { 0x78, 1, 2 }, 3, 960, NEW, 2, { 0x78, 1, 2 }, 3 },
            { { 0 }, 0, 1920 },
            { { 0xf8, 3 }, 2, 2880, LOSS, 2, { 0xf8, 3 }, 2 } } },
        { "vp8: a frame in two packets, then a delta",
          JOB_VP8,
          640,
          360,
          { { { 0x10, VP8_KEY }, 11, 1, NEW, 0 },
            { { 0x00, 5 }, 2, 1, M, 2, { VP8_KEY, 5 }, 11 },
            { { 0x90, 0x80, 0x11, 0x31, 6 }, 5, 2, M, 1, { 0x31, 6 }, 2 } } },
        { "vp8: nothing before a key frame; a head that cannot be read is none",
          JOB_VP8,
          640,
          360,
          { { { 0x10, 0x31, 6 }, 3, 1, NEW | M, 0 },
            { { 0x10, 0x10, 2, 0, 0x9d, 1, 0x2b, 1, 1, 1, 1 }, 11, 1, M, 0 },
            VP8_KEY_STEP } },
        { "vp8: loss costs the frame it fell into, at its beginning or within",
          JOB_VP8,
          640,
          360,
          { VP8_KEY_STEP,
            { { 0x00, 6 }, 2, 2, LOSS | M, 0 },
            { { 0x10, 0x31 }, 2, 3, 0, 0 },
            { { 0x00, 6 }, 2, 3, LOSS | M, 0 },
            { { 0x10, 0x31 }, 2, 4, LOSS, 0 },
            { { 0x00, 6 }, 2, 4, M, 1, { 0x31, 6 }, 2 } } },
        { "vp8: a lost marker costs its frame",
          JOB_VP8,
          640,
          360,
          { VP8_KEY_STEP,
            { { 0x10, 0x31 }, 2, 2, 0, 0 },
            { { 0x10, 0x31, 7 }, 3, 3, LOSS | M, 1, { 0x31, 7 }, 2 } } },
        { "vp9: a frame in two packets",
          JOB_VP9,
          64,
          64,
          { { { 0x08, VP9_KEY }, 11, 1, NEW, 0 },
            { { 0x04, 5 }, 2, 1, M, 2, { VP9_KEY, 5 }, 11 },
            { { 0x4c, 0x86, 6 }, 3, 2, M, 1, { 0x86, 6 }, 2 } } },
        { "vp9: layers become a superframe",
          JOB_VP9,
          64,
          64,
          { { { 0x2c, 0, 0, VP9_KEY }, 13, 1, NEW, 0 },
            { { 0x2c, 0x03, 0, 5, 6 },
              5,
              1,
              M,
              2,
              { VP9_KEY, 5, 6, 0xd9, 10, 0, 0, 0, 2, 0, 0, 0, 0xd9 },
              22 },
            { { 0x6c, 0x03, 0, 5, 6 }, 5, 2, LOSS | M, 0 } } },
        { "h264: parameter sets stay in, delimiters do not",
          JOB_H264,
          64,
          64,
          { H264_KEY_STEPS, { { 0x41, 0x9a, 1 }, 3, 2, M, 1, { 0, 0, 0, 3, 0x41, 0x9a, 1 }, 7 } } },
        { "h264: fragments",
          JOB_H264,
          64,
          64,
          { H264_KEY_STEPS,
            { { 0x5c, 0x81, 0x9a }, 3, 2, 0, 0 },
            { { 0x5c, 0x01, 1 }, 3, 2, 0, 0 },
            { { 0x5c, 0x41, 2 }, 3, 2, M, 1, { 0, 0, 0, 4, 0x41, 0x9a, 1, 2 }, 8 } } },
        { "h264: without parameter sets nothing begins",
          JOB_H264,
          64,
          64,
          { { { 0x65, 0x88, 7 }, 3, 1, NEW | M, 0 },
            { { PARAMETERS }, PARAMETERS_LEN, 2, M, 0 },
            { { 0x65, 0x88, 7 }, 3, 3, M, 2, { 0, 0, 0, 3, 0x65, 0x88, 7 }, 7 } } },
        { "h264: loss at the beginning or within costs the frame",
          JOB_H264,
          64,
          64,
          { H264_KEY_STEPS,
            { { 0x5c, 0x01, 1 }, 3, 2, LOSS | M, 0 },
            { { 0x41, 0x12, 1 }, 3, 3, LOSS | M, 0 }, /* not the first slice */
            { { 0x5c, 0x81, 0x9a }, 3, 4, 0, 0 },
            { { 0x41, 0x9a }, 2, 4, M, 0 } } },
        { "h264: what RFC 6184 does not know costs the frame",
          JOB_H264,
          64,
          64,
          { H264_KEY_STEPS,
            { { 0x5d, 1 }, 2, 2, M, 0 },
            { { 0x78, 0, 9, 0x41 }, 4, 3, M, 0 },
            { { 0x00 }, 1, 4, M, 0 },
            { { 0 }, 0, 5, M, 0 } } },
};

static void run_step(const struct scenario *scenario, size_t i, struct depay *depay)
{
        const struct step *step = &scenario->steps[i];
        cleanup(wire_freep) uint8_t *bytes = wire_copy(step->bytes, step->len);
        const struct depay_packet packet = {
                .payload = { bytes, step->len },
                .ts = step->ts,
                .marker = step->flags & M,
                .after_loss = step->flags & LOSS,
                .new_stream = step->flags & NEW,
        };
        struct depay_frame frame = { 0 };
        int r = depay_put(depay, &packet, &frame);

        if (r != (step->result > 0))
                fail_msg("%s, packet %zu: %d", scenario->name, i, r);
        if (!r)
                return;
        if (frame.ts != step->ts || frame.is_keyframe != (step->result == 2))
                fail_msg("%s, packet %zu: key %d", scenario->name, i, frame.is_keyframe);
        if (frame.format->width != scenario->width || frame.format->height != scenario->height)
                fail_msg("%s: %ux%u", scenario->name, frame.format->width, frame.format->height);
        if (frame.bytes.len != step->frame_len ||
            memcmp(frame.bytes.data, step->frame, frame.bytes.len) != 0)
                fail_msg("%s, packet %zu: %zu bytes differ", scenario->name, i, frame.bytes.len);
}

static void payloads_become_frames(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(scenarios); i++) {
                cleanup(depay_freep) struct depay *depay = NULL;

                assert_int_equal(depay_new(&depay, scenarios[i].codec), 0);
                for (size_t k = 0; k < ARRAY_LEN(scenarios[i].steps); k++)
                        if (scenarios[i].steps[k].ts > 0)
                                run_step(&scenarios[i], k, depay);
        }
}

static void a_frame_without_end_is_bounded(void **state)
{
        static const uint8_t more[1200];
        cleanup(depay_freep) struct depay *depay = NULL;
        struct depay_packet packet = { .payload = { (const uint8_t[]){ 0x10, VP8_KEY }, 11 },
                                       .new_stream = true };
        struct depay_frame frame;

        (void)state;
        assert_int_equal(depay_new(&depay, JOB_VP8), 0);
        assert_int_equal(depay_put(depay, &packet, &frame), 0);
        packet = (struct depay_packet){ .payload = { more, sizeof(more) } };
        for (int i = 0; i < DEPAY_MAX_FRAME / 1000; i++)
                assert_int_equal(depay_put(depay, &packet, &frame), 0);
        packet.marker = true;
        assert_int_equal(depay_put(depay, &packet, &frame), 0);
}

static void opus_tells_how_long_it_is(void **state)
{
        static const struct {
                uint8_t bytes[2];
                size_t len;
                uint32_t duration_us;
        } cases[] = {
                { { 0x78 }, 1, 20000 },       { { 0x18 }, 1, 60000 }, { { 0x60 }, 1, 10000 },
                { { 0x80 }, 1, 2500 },        { { 0xf9 }, 1, 40000 }, { { 0xfb, 3 }, 2, 60000 },
                { { 0xfb, 0x83 }, 2, 60000 }, { { 0xfb, 63 }, 2, 0 }, { { 0xfb }, 1, 0 },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                cleanup(depay_freep) struct depay *depay = NULL;
                const struct depay_packet packet = { .payload = { cases[i].bytes, cases[i].len } };
                struct depay_frame frame;

                assert_int_equal(depay_new(&depay, JOB_OPUS), 0);
                assert_int_equal(depay_put(depay, &packet, &frame), 1);
                assert_int_equal(frame.duration_us, cases[i].duration_us);
        }
}

static void h264_is_set_up_by_its_parameter_sets(void **state)
{
        static const uint8_t want[] = { 1,       0x42, 0xc0, 0x0a, 0xff,    0xe1, 0,
                                        SPS_LEN, SPS,  1,    0,    PPS_LEN, PPS };
        const struct depay_packet packets[] = {
                { .payload = { (const uint8_t[]){ PARAMETERS }, PARAMETERS_LEN },
                  .new_stream = true },
                { .payload = { (const uint8_t[]){ 0x65, 0x88 }, 2 }, .marker = true },
        };
        cleanup(depay_freep) struct depay *depay = NULL;
        struct depay_frame frame;

        (void)state;
        assert_int_equal(depay_new(&depay, JOB_H264), 0);
        assert_int_equal(depay_put(depay, &packets[0], &frame), 0);
        assert_int_equal(depay_put(depay, &packets[1], &frame), 1);
        assert_int_equal(frame.format->config_len, sizeof(want));
        assert_memory_equal(frame.format->config, want, sizeof(want));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(payloads_become_frames),
                cmocka_unit_test(a_frame_without_end_is_bounded),
                cmocka_unit_test(opus_tells_how_long_it_is),
                cmocka_unit_test(h264_is_set_up_by_its_parameter_sets),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
