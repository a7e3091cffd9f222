/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/wire/wire_test.h"

#include "sfu/wire/tcp_frame.h"

enum { MAX_FRAMES = 16, STREAM_CAP = 200 * 1024 };

struct got {
        size_t n_frames, n_long, n_bytes;
        size_t lens[MAX_FRAMES];
        uint8_t bytes[8192]; /* of all whole frames, one after the other */
};

static void feed(struct tcp_frame_reader *reader, struct got *got, const uint8_t *data, size_t len)
{
        cleanup(wire_freep) uint8_t *exact = wire_copy(data, len);
        struct span stream = { exact, len }, frame;

        for (;;) {
                enum tcp_frame_event event = tcp_frame_read(reader, &stream, &frame);

                if (event == TCP_FRAME_MORE)
                        break;
                got->n_long += event == TCP_FRAME_LONG;
                if (event != TCP_FRAME_WHOLE)
                        continue;
                assert_true(got->n_frames < MAX_FRAMES && frame.len <= TCP_FRAME_CAP);
                got->lens[got->n_frames++] = frame.len;
                memcpy(got->bytes + got->n_bytes, frame.data, frame.len);
                got->n_bytes += frame.len;
        }
        assert_int_equal(stream.len, 0);
}

static size_t put(uint8_t *at, size_t len, uint8_t fill)
{
        tcp_frame_write_head(at, len);
        memset(at + TCP_FRAME_HEAD, fill, len);
        return TCP_FRAME_HEAD + len;
}

/* An empty frame, the largest that is kept, one byte more, the largest there is. */
static size_t make_stream(uint8_t *stream, struct got *ret_expected)
{
        static const size_t lens[] = {
                3, 0, 1, TCP_FRAME_CAP, TCP_FRAME_CAP + 1, 255, 256, 65535, 2
        };
        size_t at = 0;

        memset(ret_expected, 0, sizeof(*ret_expected));
        for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
                at += put(stream + at, lens[i], (uint8_t)(i + 1));
                if (lens[i] > TCP_FRAME_CAP) {
                        ret_expected->n_long++;
                        continue;
                }
                memset(ret_expected->bytes + ret_expected->n_bytes, (int)i + 1, lens[i]);
                ret_expected->n_bytes += lens[i];
                ret_expected->lens[ret_expected->n_frames++] = lens[i];
        }
        return at;
}

static struct tcp_frame_reader *new_reader(void)
{
        struct tcp_frame_reader *reader = malloc(sizeof(*reader));

        assert_non_null(reader);
        memset(reader, 0xee, sizeof(*reader));
        tcp_frame_init(reader);
        return reader;
}

static void split_anywhere_gives_the_same_frames(void **state)
{
        uint8_t *stream = malloc(STREAM_CAP);
        struct tcp_frame_reader *reader = new_reader();
        static struct got expected, got;
        size_t len = make_stream(stream, &expected);

        (void)state;
        for (size_t cut = 0; cut <= len; cut += cut < 4096 || len - cut < 600 ? 1 : 61) {
                memset(&got, 0, sizeof(got));
                feed(reader, &got, stream, cut);
                feed(reader, &got, stream + cut, len - cut);
                assert_memory_equal(&got, &expected, sizeof(got));
        }
        free(reader);
        free(stream);
}

static void byte_by_byte_gives_the_same_frames(void **state)
{
        uint8_t *stream = malloc(STREAM_CAP);
        struct tcp_frame_reader *reader = new_reader();
        static struct got expected, got;
        size_t len = make_stream(stream, &expected);

        (void)state;
        memset(&got, 0, sizeof(got));
        for (size_t i = 0; i < len; i++)
                feed(reader, &got, stream + i, 1);
        assert_memory_equal(&got, &expected, sizeof(got));
        free(reader);
        free(stream);
}

static void cut_frame_is_waited_for(void **state)
{
        static const uint8_t stream[] = { 0, 4, 'a', 'b', 'c' };
        struct tcp_frame_reader *reader = new_reader();
        static struct got got;

        (void)state;
        memset(&got, 0, sizeof(got));
        for (size_t len = 0; len <= sizeof(stream); len++) {
                tcp_frame_init(reader);
                feed(reader, &got, stream, len);
                feed(reader, &got, stream, 0);
                assert_int_equal(got.n_frames + got.n_long, 0);
        }
        free(reader);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(split_anywhere_gives_the_same_frames),
                cmocka_unit_test(byte_by_byte_gives_the_same_frames),
                cmocka_unit_test(cut_frame_is_waited_for),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
