/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sfu/jobs/core/depay.h"
#include "sfu/jobs/core/feed_rtp.h"
#include "sfu/wire/h264.h"
#include "sfu/wire/job_record.h"
#include "sfu/wire/rtcp.h"
#include "sfu/wire/rtp.h"
#include "sfu/wire/vp8.h"

struct seen {
        size_t n, payload;
        struct rtp_pkt last, first;
        struct vp8_desc desc[200];
        uint8_t level;
        uint8_t whole[200 * 1200];
};

static void on_picture(void *user, const uint8_t *packet, size_t len)
{
        struct seen *seen = user;
        struct rtp_pkt pkt;
        struct vp8_desc *desc = &seen->desc[seen->n];

        assert_true(len <= FEED_PACKET_MAX);
        assert_int_equal(rtp_parse(&pkt, packet, len), 0);
        assert_int_equal(pkt.pt, JOB_PT_VP8);
        assert_int_equal(vp8_parse(desc, pkt.payload), 0);
        assert_true(desc->long_picture_id);
        assert_int_equal(desc->starts_frame, seen->n == 0);
        if (seen->n > 0) {
                assert_int_equal(pkt.seq, (uint16_t)(seen->last.seq + 1));
                assert_false(seen->last.marker);
        } else {
                seen->first = pkt;
        }
        memcpy(seen->whole + seen->payload, pkt.payload.data + desc->len,
               pkt.payload.len - desc->len);
        seen->payload += pkt.payload.len - desc->len;
        seen->last = pkt;
        seen->n++;
}

static void on_sound(void *user, const uint8_t *packet, size_t len)
{
        struct seen *seen = user;
        struct span data;
        bool voice;

        assert_int_equal(rtp_parse(&seen->last, packet, len), 0);
        assert_int_equal(seen->last.pt, JOB_PT_OPUS);
        assert_true(
                rtp_ext_find(seen->last.ext_profile, seen->last.ext, JOB_EXT_AUDIO_LEVEL, &data));
        assert_true(rtp_ext_audio_level(data, &seen->level, &voice));
        seen->n++;
}

static void picture_comes_out_whole_over_its_packets(void **state)
{
        static const size_t sizes[] = { 1, 500, 1134, 1135, 30000, 150000 };
        static uint8_t frame[150000];
        static struct seen seen;
        struct feed_stream stream;
        uint16_t picture_id = 0, seq = 0;

        (void)state;
        for (size_t i = 0; i < sizeof(frame); i++)
                frame[i] = (uint8_t)(i * 7 + i / 251);
        feed_stream_init(&stream, 7, 90000, 0x7fff7fff12345678);
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
                memset(&seen, 0, sizeof(seen));
                feed_vp8(&stream, (struct span){ frame, sizes[i] }, (int64_t)i * 40000, on_picture,
                         &seen);
                assert_true(seen.last.marker);
                assert_int_equal(seen.payload, sizes[i]);
                assert_memory_equal(seen.whole, frame, sizes[i]);
                assert_int_equal(seen.last.ts, 0x12345678 + i * 3600);
                assert_int_equal(seen.desc[0].picture_id, seen.desc[seen.n - 1].picture_id);
                if (i > 0) { /* across the wrap */
                        assert_int_equal(seen.desc[0].picture_id, (picture_id + 1) & 0x7fff);
                        assert_int_equal(seen.first.seq, (uint16_t)(seq + 1));
                }
                picture_id = seen.desc[0].picture_id;
                seq = seen.last.seq;
        }
        memset(&seen, 0, sizeof(seen));
        feed_vp8(&stream, (struct span){ 0 }, 0, on_picture, &seen);
        assert_int_equal(seen.n, 0);
}

/* ---- H.264 ---- */

enum { SPS = 0x67, PPS = 0x68, SEI = 0x06, DELIMITER = 0x09, IDR = 0x65, SLICE = 0x41 };
/* Of a picture of 320 x 180 (baseline, 1.3). */
static const uint8_t sps[] = { SPS,  0x42, 0xc0, 0x0d, 0xdb, 0x0a, 0x0c, 0x6c, 0x04, 0x40, 0x00,
                               0x00, 0x03, 0x00, 0x40, 0x00, 0x00, 0x0c, 0x83, 0xc5, 0x0a, 0x92 };
static const uint8_t pps[] = { PPS, 0xca, 0x83, 0xcb, 0x20 };

struct h264_seen {
        struct depay *depay;
        size_t n, n_frames, n_key_starts;
        uint8_t types[200];
        uint16_t next_seq;
        struct rtp_pkt last;
        size_t len; /* of the frame that came out */
        uint8_t frame[200000];
};

static void on_h264(void *user, const uint8_t *packet, size_t len)
{
        struct h264_seen *seen = user;
        struct depay_frame frame;
        struct rtp_pkt pkt;
        int r;

        assert_true(len <= FEED_PACKET_MAX);
        assert_int_equal(rtp_parse(&pkt, packet, len), 0);
        assert_int_equal(pkt.pt, JOB_PT_H264);
        if (seen->n > 0)
                assert_int_equal(pkt.seq, seen->next_seq);
        seen->next_seq = (uint16_t)(pkt.seq + 1);
        seen->types[seen->n++ % sizeof(seen->types)] = pkt.payload.data[0] & 0x1f;
        seen->n_key_starts += h264_starts_keyframe(pkt.payload);
        r = depay_put(seen->depay,
                      &(struct depay_packet){ .payload = pkt.payload,
                                              .ts = pkt.ts,
                                              .marker = pkt.marker,
                                              .new_stream = seen->n == 1 },
                      &frame);
        assert_true(r >= 0);
        seen->last = pkt;
        if (r != 1)
                return;
        seen->n_frames++;
        seen->len = frame.bytes.len;
        memcpy(seen->frame, frame.bytes.data, frame.bytes.len);
}

/* A unit behind a start code of 3 or 4 bytes, and behind its length as it should come out. */
struct h264_frame {
        size_t len, expected_len;
        uint8_t bytes[200000], expected[200000];
};

static void add_unit(struct h264_frame *frame, const uint8_t *unit, size_t len, bool comes_out)
{
        static const uint8_t start[] = { 0, 0, 0, 1 };
        size_t skip = frame->len > 0; /* one of 3 bytes now and then */
        uint8_t *at = frame->expected + frame->expected_len;

        memcpy(frame->bytes + frame->len, start + skip, sizeof(start) - skip);
        frame->len += sizeof(start) - skip;
        memcpy(frame->bytes + frame->len, unit, len);
        frame->len += len;
        if (!comes_out)
                return;
        for (int i = 0; i < 4; i++)
                at[i] = (uint8_t)(len >> (24 - 8 * i));
        memcpy(at + 4, unit, len);
        frame->expected_len += 4 + len;
}

/* Of any length, with no start code in it and no zero at its end. */
static void add_slice(struct h264_frame *frame, uint8_t type, size_t len)
{
        static uint8_t unit[200000];

        for (size_t i = 0; i < len; i++)
                unit[i] = (uint8_t)(0x80 + (i * 7 + i / 251) % 0x7f);
        unit[0] = type;
        add_unit(frame, unit, len, true);
}

static void add_sets(struct h264_frame *frame)
{
        static const uint8_t delimiter[] = { DELIMITER, 0x10 }, sei[] = { SEI, 5, 1, 2, 0x80 };

        add_unit(frame, delimiter, sizeof(delimiter), false);
        add_unit(frame, sps, sizeof(sps), true);
        add_unit(frame, pps, sizeof(pps), true);
        add_unit(frame, sei, sizeof(sei), false);
}

static void send_h264_frame(struct feed_stream *stream, const struct h264_frame *frame,
                            int64_t at_us, struct h264_seen *seen)
{
        size_t n_frames = seen->n_frames;

        feed_h264(stream, (struct span){ frame->bytes, frame->len }, at_us, on_h264, seen);
        assert_int_equal(seen->n_frames, n_frames + 1);
        assert_true(seen->last.marker);
        assert_int_equal(seen->len, frame->expected_len);
        assert_memory_equal(seen->frame, frame->expected, frame->expected_len);
}

static void h264_comes_out_of_our_own_depayloader_as_it_went_in(void **state)
{
        /* 1135: the largest that goes with others; 1136: in two fragments. */
        static const size_t sizes[] = { 2, 3, 500, 1134, 1135, 1136, 1138, 2272, 30000, 150000 };
        static struct h264_frame frame;
        static struct h264_seen seen;
        struct feed_stream stream;

        (void)state;
        memset(&seen, 0, sizeof(seen));
        assert_int_equal(depay_new(&seen.depay, JOB_H264), 0);
        feed_stream_init(&stream, 7, 90000, 0x7fff7fff12345678);
        for (size_t i = 0; i < 2 * ARRAY_LEN(sizes); i++) {
                frame.len = frame.expected_len = 0;
                if (i % 2 == 0)
                        add_sets(&frame);
                add_slice(&frame, i % 2 ? SLICE : IDR, sizes[i / 2]);
                send_h264_frame(&stream, &frame, (int64_t)i * 40000, &seen);
                assert_int_equal(seen.last.ts, 0x12345678 + i * 3600);
        }
        /* several slices */
        frame.len = frame.expected_len = 0;
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
                add_slice(&frame, SLICE, sizes[i]);
        send_h264_frame(&stream, &frame, 1000000, &seen);
        depay_free(seen.depay);
}

static void h264_key_frame_begins_with_its_parameter_sets_in_one_packet(void **state)
{
        enum { STAP_A = 24, FU_A = 28 };
        static struct h264_frame frame;
        static struct h264_seen seen;
        struct feed_stream stream;

        (void)state;
        memset(&seen, 0, sizeof(seen));
        frame.len = frame.expected_len = 0;
        assert_int_equal(depay_new(&seen.depay, JOB_H264), 0);
        feed_stream_init(&stream, 7, 90000, 1);
        add_sets(&frame);
        add_slice(&frame, IDR, 3000);
        send_h264_frame(&stream, &frame, 0, &seen);
        assert_int_equal(seen.n, 4);
        assert_int_equal(seen.types[0], STAP_A);
        for (int i = 1; i < 4; i++)
                assert_int_equal(seen.types[i], FU_A);
        assert_int_equal(seen.n_key_starts, 2); /* the sets, and the slice's beginning */

        frame.len = frame.expected_len = 0;
        add_slice(&frame, SLICE, 700);
        send_h264_frame(&stream, &frame, 40000, &seen);
        assert_int_equal(seen.n, 5);
        assert_int_equal(seen.types[4], SLICE & 0x1f); /* alone it is itself */
        assert_int_equal(seen.n_key_starts, 2);
        assert_int_equal(stream.packets, 5);
        depay_free(seen.depay);
}

static void on_any(void *user, const uint8_t *packet, size_t len)
{
        (void)packet;
        (void)len;
        ++*(size_t *)user;
}

static void what_is_no_picture_of_h264_is_not_sent(void **state)
{
        static const uint8_t nothing[][12] = {
                { 0 },
                { 0, 0, 1 },
                { 0, 0, 0, 1, 0, 0, 0, 1 },
                { 0, 0, 1, SPS, 1, 2, 0, 0, 1, PPS, 3, 4 },
                { 0, 0, 1, SEI, 1, 2, 0, 0, 1, DELIMITER, 1, 1 },
                { 0, 0, 1, 0x80 | IDR, 1, 2, 3, 4, 5, 6, 7, 8 }, /* forbidden_zero_bit */
                { IDR, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 },
        };
        struct feed_stream stream;
        size_t n = 0;

        (void)state;
        feed_stream_init(&stream, 7, 90000, 1);
        feed_h264(&stream, (struct span){ 0 }, 0, on_any, &n);
        for (size_t i = 0; i < ARRAY_LEN(nothing); i++)
                feed_h264(&stream, (struct span){ nothing[i], sizeof(nothing[i]) }, 0, on_any, &n);
        assert_int_equal(n, 0);
        assert_int_equal(stream.packets, 0);
        assert_int_equal(stream.last_us, -1);
}

static void sound_carries_its_level_and_marks_a_new_beginning(void **state)
{
        static struct seen seen;
        struct feed_stream stream;
        uint8_t bytes[FEED_PACKET_MAX] = { 1 };
        struct span packet = { bytes, 200 };
        uint32_t ts;

        (void)state;
        feed_stream_init(&stream, 9, 48000, 1);
        feed_opus(&stream, packet, 1000000, 30, on_sound, &seen);
        assert_true(seen.last.marker);
        assert_int_equal(seen.level, 30);
        assert_int_equal(seen.last.payload.len, 200);
        ts = seen.last.ts;
        feed_opus(&stream, packet, 1020000, 127, on_sound, &seen);
        assert_false(seen.last.marker);
        assert_int_equal(seen.last.ts - ts, 960);
        feed_opus(&stream, packet, 9020000, 0, on_sound, &seen); /* after a pause */
        assert_true(seen.last.marker);
        assert_int_equal(seen.last.ts - ts, 960 * 401);
        assert_int_equal(seen.n, 3);
        packet.len = sizeof(bytes);
        feed_opus(&stream, packet, 9040000, 0, on_sound, &seen);
        assert_int_equal(seen.n, 3);
}

/* Where sound and picture of one moment are, by their reports. */
static int64_t wall_of(const struct feed_stream *stream, uint32_t ts, int64_t now_us)
{
        uint8_t bytes[FEED_REPORT_MAX];
        size_t len = feed_report(stream, now_us, 1790000000000000 + now_us, bytes);
        struct rtcp_iter it = rtcp_iter_init(bytes, len);
        struct rtcp_pkt pkt;
        struct rtcp_sr sr;

        assert_int_equal(rtcp_check(bytes, len), 0);
        assert_true(rtcp_next(&it, &pkt));
        assert_int_equal(rtcp_parse_sr(&sr, &pkt), 0);
        assert_int_equal(sr.ssrc, stream->ssrc);
        assert_int_equal(sr.packets, stream->packets);
        return (int64_t)(sr.ntp >> 32) * 1000000 +
               (int64_t)((sr.ntp & UINT32_MAX) * 1000000 >> 32) +
               (int64_t)(int32_t)(ts - sr.rtp_ts) * 1000000 / stream->clock_hz;
}

static void reports_put_sound_and_picture_of_one_moment_together(void **state)
{
        static struct seen sound, picture;
        struct feed_stream audio, video;
        uint8_t byte = 1;

        (void)state;
        feed_stream_init(&audio, 1, 48000, 0x0123456789abcdef);
        feed_stream_init(&video, 2, 90000, 0xfedcba9876543210);
        for (int64_t day = 0; day < 3; day++) {
                int64_t at_us = day * 86400 * 1000000 + 123456;

                memset(&picture, 0, sizeof(picture));
                feed_opus(&audio, (struct span){ &byte, 1 }, at_us, 3, on_sound, &sound);
                feed_vp8(&video, (struct span){ &byte, 1 }, at_us, on_picture, &picture);
                /* reported at different times, as it happens */
                assert_in_range(wall_of(&audio, sound.last.ts, at_us + 700000) -
                                        wall_of(&video, picture.last.ts, at_us + 100000) + 100,
                                0, 200);
        }
}

static void level_is_that_of_the_signal(void **state)
{
        int16_t samples[960];

        (void)state;
        assert_int_equal(feed_level(NULL, 0), FEED_SILENCE);
        memset(samples, 0, sizeof(samples));
        assert_int_equal(feed_level(samples, 960), FEED_SILENCE);
        for (int i = 0; i < 960; i++)
                samples[i] = i % 2 ? INT16_MIN : INT16_MAX;
        assert_int_equal(feed_level(samples, 960), 0);
        for (int i = 0; i < 960; i++) /* a tone of a tenth: 20 dB, and 3 for the sine */
                samples[i] = (int16_t)(3276.7 * sin(i * 0.0654498));
        assert_int_equal(feed_level(samples, 960), 23);
        samples[0] = 1;
        memset(samples + 1, 0, sizeof(samples) - sizeof(samples[0]));
        assert_int_equal(feed_level(samples, 960), 120);
}

static void key_frames_are_given_when_wanted_but_not_often(void **state)
{
        struct feed_key key = { 0 };

        (void)state;
        assert_false(feed_key_due(&key, 0));
        feed_key_want(&key);
        assert_true(feed_key_due(&key, 0));
        assert_false(feed_key_due(&key, 1));
        feed_key_want(&key);
        assert_false(feed_key_due(&key, FEED_KEY_EVERY_US - 1));
        assert_true(feed_key_due(&key, FEED_KEY_EVERY_US)); /* late, not lost */
        assert_false(feed_key_due(&key, 9000000));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(picture_comes_out_whole_over_its_packets),
                cmocka_unit_test(h264_comes_out_of_our_own_depayloader_as_it_went_in),
                cmocka_unit_test(h264_key_frame_begins_with_its_parameter_sets_in_one_packet),
                cmocka_unit_test(what_is_no_picture_of_h264_is_not_sent),
                cmocka_unit_test(sound_carries_its_level_and_marks_a_new_beginning),
                cmocka_unit_test(reports_put_sound_and_picture_of_one_moment_together),
                cmocka_unit_test(level_is_that_of_the_signal),
                cmocka_unit_test(key_frames_are_given_when_wanted_but_not_often),
        };

        return cmocka_run_group_tests_name("feed_rtp", tests, NULL, NULL);
}
