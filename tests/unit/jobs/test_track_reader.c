/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/wire/wire_test.h"

#include "sfu/jobs/core/track_reader.h"
#include "sfu/wire/rtp.h"

enum { HOLD_US = 500000, START_US = 100000, FRAME_US = 40000 };

/* A head of a VP8 key frame of 640x360, or the first bytes of another frame. */
static const uint8_t key_frame[] = { 0x10, 0x02, 0, 0x9d, 1, 0x2a, 0x80, 2, 0x68, 1 };
static const uint8_t delta_frame[] = { 0x11, 0x02, 0 };

static struct track_reader *new_reader(bool pictures)
{
        const struct track_reader_config config = { .pictures = pictures,
                                                    .hold_us = HOLD_US,
                                                    .start_us = START_US };
        struct track_reader *reader = NULL;

        assert_int_equal(track_reader_new(&reader, &config), 0);
        return reader;
}

/* Frame n of a generation, a packet, with what is in it. */
static void put_with(struct track_reader *reader, enum job_codec codec, uint32_t generation,
                     uint32_t n, const uint8_t *content, size_t len)
{
        uint8_t bytes[64];
        struct wr w = wr_init(bytes, sizeof(bytes));
        const struct rtp_pkt rtp = { .marker = true,
                                     .ts = generation * 77777 + n * 3600,
                                     .seq = (uint16_t)n };
        struct job_record record = {
                .type = JOB_RTP,
                .codec = (uint8_t)codec,
                .generation = generation,
                .ext = n,
                .starts_keyframe = content == key_frame,
                .arrival_us = (int64_t)n * FRAME_US,
                .media_us = (int64_t)n * FRAME_US,
        };
        uint8_t *at;

        rtp_put_header(wr_take(&w, RTP_HEADER), &rtp, false);
        if (codec == JOB_VP8 && len > 0)
                wr_u8(&w, 0x10);
        at = wr_take(&w, len);
        if (len > 0)
                memcpy(at, content, len);
        record.bytes = (struct span){ bytes, wr_len(&w) };
        assert_int_equal(track_reader_put(reader, &record), 0);
}

static void put(struct track_reader *reader, uint32_t generation, uint32_t n, bool key)
{
        put_with(reader, JOB_VP8, generation, n, key ? key_frame : delta_frame,
                 key ? sizeof(key_frame) : sizeof(delta_frame));
}

static void expect(struct track_reader *reader, int64_t now_us, int64_t time_us, bool key)
{
        struct track_frame frame;

        assert_true(track_reader_take(reader, now_us, &frame));
        assert_true(frame.time_us == time_us);
        assert_int_equal(frame.frame.is_keyframe, key);
}

static void expect_none(struct track_reader *reader, int64_t now_us)
{
        struct track_frame frame;

        assert_false(track_reader_take(reader, now_us, &frame));
}

static void frames_come_with_their_times(void **state)
{
        cleanup(track_reader_freep) struct track_reader *reader = new_reader(true);

        (void)state;
        put(reader, 1, 0, true);
        put(reader, 1, 1, false);
        expect_none(reader, START_US - 1);
        expect(reader, START_US, 0, true);
        expect(reader, START_US, FRAME_US, false);
        expect_none(reader, HOLD_US);
}

/* It has a number only, and whatever time: what is lost there is no loss. */
static void padding_is_no_frame(void **state)
{
        cleanup(track_reader_freep) struct track_reader *reader = new_reader(true);

        (void)state;
        put(reader, 1, 0, true);
        put_with(reader, JOB_VP8, 1, 1, NULL, 0);
        put(reader, 1, 2, false);
        expect(reader, START_US, 0, true);
        expect(reader, START_US, 2 * FRAME_US, false);
        expect_none(reader, START_US);
}

static void another_generation_may_have_another_codec(void **state)
{
        static const uint8_t opus[] = { 0x78, 1 };
        cleanup(track_reader_freep) struct track_reader *reader = new_reader(true);
        struct track_frame frame;

        (void)state;
        put(reader, 1, 0, true);
        expect(reader, START_US, 0, true);
        put(reader, 2, 10, true);
        expect(reader, 10 * FRAME_US + START_US, 10 * FRAME_US, true);
        put_with(reader, JOB_OPUS, 3, 20, opus, sizeof(opus));
        track_reader_flush(reader);
        expect_none(reader, 20 * FRAME_US); /* of pictures, and not a key frame */
        put(reader, 4, 30, true);
        track_reader_flush(reader);
        assert_true(track_reader_take(reader, 30 * FRAME_US, &frame));
        assert_int_equal(frame.codec, JOB_VP8);
}

static void who_ended_may_come_again(void **state)
{
        cleanup(track_reader_freep) struct track_reader *reader = new_reader(true);

        (void)state;
        put(reader, 1, 0, true);
        put(reader, 1, 2, false);
        track_reader_flush(reader);
        expect(reader, 0, 0, true);
        expect(reader, 0, 2 * FRAME_US, false);
        put(reader, 2, 50, true);
        put(reader, 2, 52, false);
        expect(reader, 50 * FRAME_US + START_US, 50 * FRAME_US, true);
        expect_none(reader, 50 * FRAME_US + START_US);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(frames_come_with_their_times),
                cmocka_unit_test(padding_is_no_frame),
                cmocka_unit_test(another_generation_may_have_another_codec),
                cmocka_unit_test(who_ended_may_come_again),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
