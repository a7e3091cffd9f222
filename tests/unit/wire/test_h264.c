/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/wire/wire_test.h"

#include "sfu/wire/h264.h"
#include "sfu/wire/h264_sps.h"

static const struct {
        const char *name;
        uint8_t data[12];
        size_t len;
        bool key;
} cases[] = {
        { "empty", { 0 }, 0, false },
        { "single IDR", { 0x65, 0x88 }, 2, true },
        { "single SPS", { 0x67, 0x42 }, 2, true },
        { "single PPS", { 0x68, 0xce }, 2, false },
        { "single slice", { 0x41, 0x9a }, 2, false },
        { "STAP-A with SPS and PPS", { 0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 2 }, 9, true },
        { "STAP-A with IDR last", { 0x78, 0, 2, 0x68, 1, 0, 1, 0x65 }, 8, true },
        { "STAP-A with slices", { 0x78, 0, 2, 0x41, 1, 0, 1, 0x41 }, 8, false },
        { "STAP-A, nothing in it", { 0x78 }, 1, false },
        { "STAP-A, size cut", { 0x78, 0 }, 2, false },
        { "STAP-A, unit cut", { 0x78, 0, 9, 0x67 }, 4, false },
        { "STAP-A, empty unit before IDR", { 0x78, 0, 0, 0, 1, 0x65 }, 6, true },
        { "STAP-A, fault after SPS", { 0x78, 0, 1, 0x67, 0, 9, 1 }, 7, true },
        { "FU-A start of IDR", { 0x7c, 0x85, 1 }, 3, true },
        { "FU-A middle of IDR", { 0x7c, 0x05, 1 }, 3, false },
        { "FU-A end of IDR", { 0x7c, 0x45, 1 }, 3, false },
        { "FU-A start of slice", { 0x7c, 0x81, 1 }, 3, false },
        { "FU-A, header cut", { 0x7c }, 1, false },
};

static void key_frames_are_found(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                cleanup(wire_freep) uint8_t *data = wire_copy(cases[i].data, cases[i].len);

                if (h264_starts_keyframe((struct span){ data, cases[i].len }) != cases[i].key)
                        fail_msg("%s", cases[i].name);
        }
}

/* x264's, of a picture of 160 x 96. */
#define SPS                                                                                        \
        0x67, 0x42, 0xc0, 0x1f, 0xda, 0x0a, 0x36, 0xc0, 0x5a, 0x83, 0x03, 0x03, 0x52, 0x80, 0x00,  \
                0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x19, 0x47, 0x8c, 0x19, 0x50
enum { SPS_LEN = 26 };

static void height_is_that_of_the_parameter_set(void **state)
{
        static const struct {
                const char *name;
                uint8_t data[64];
                size_t len;
                uint16_t height;
        } rows[] = {
                { "empty", { 0 }, 0, 0 },
                { "alone", { SPS }, SPS_LEN, 96 },
                { "STAP-A, first", { 0x78, 0, SPS_LEN, SPS, 0, 1, 0x68 }, 6 + SPS_LEN, 96 },
                { "STAP-A, last", { 0x78, 0, 1, 0x68, 0, SPS_LEN, SPS }, 6 + SPS_LEN, 96 },
                { "STAP-A, cut", { 0x78, 0, SPS_LEN, SPS }, SPS_LEN, 0 },
                { "cut", { SPS }, 5, 0 },
                { "another unit", { 0x65, SPS }, 1 + SPS_LEN, 0 },
                { "FU-A", { 0x7c, 0x87, SPS }, 2 + SPS_LEN, 0 },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                cleanup(wire_freep) uint8_t *data = wire_copy(rows[i].data, rows[i].len);

                if (h264_height((struct span){ data, rows[i].len }) != rows[i].height)
                        fail_msg("%s", rows[i].name);
        }
}

static void sizes_are_read_from_sps(void **state)
{
        /* Of x264, of openh264, and one in High with a crop to 1080 lines. */
        static const struct {
                uint8_t nal[40];
                size_t len;
                uint32_t width, height;
                bool is_high;
        } rows[] = {
                { { SPS }, SPS_LEN, 160, 96, false },
                { { 0x67, 0x42, 0xc0, 0x0a, 0x8c, 0x8d, 0x42, 0x12, 0x40, 0x3c, 0x22, 0x11, 0xa8 },
                  13,
                  64,
                  64,
                  false },
                { { 0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02,
                    0x27, 0xe5, 0xc0, 0x44, 0x00, 0x00, 0x03, 0x00, 0x04,
                    0x00, 0x00, 0x03, 0x00, 0xc8, 0x3c, 0x60, 0xc6, 0x58 },
                  27,
                  1920,
                  1080,
                  true },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct h264_sps sps;

                assert_true(h264_sps_parse((struct span){ rows[i].nal, rows[i].len }, &sps));
                assert_int_equal(sps.width, rows[i].width);
                assert_int_equal(sps.height, rows[i].height);
                assert_int_equal(sps.is_high, rows[i].is_high);
                for (size_t cut = 0; cut < 6; cut++) {
                        cleanup(wire_freep) uint8_t *copy = wire_copy(rows[i].nal, cut);

                        assert_false(h264_sps_parse((struct span){ copy, cut }, &sps));
                }
        }
}

static void put_bits(uint8_t *data, size_t *at, unsigned n, uint32_t value)
{
        while (n-- > 0) {
                data[*at / 8] |= (uint8_t)((value >> n & 1) << (7 - *at % 8));
                ++*at;
        }
}

static void put_ue(uint8_t *data, size_t *at, uint32_t value)
{
        unsigned n = 32u - (unsigned)__builtin_clz(value + 1);

        put_bits(data, at, n - 1, 0);
        put_bits(data, at, n, value + 1);
}

/* One of High profile, of 64 x 64 pixels. */
static bool reads_high(uint32_t chroma_format, uint32_t luma_depth, uint32_t chroma_depth)
{
        uint8_t data[32] = { 0x67, 100, 0, 10 };
        const uint32_t head[] = { 0, chroma_format }, depths[] = { luma_depth, chroma_depth };
        struct h264_sps sps;
        size_t at = 32;

        for (size_t i = 0; i < ARRAY_LEN(head); i++)
                put_ue(data, &at, head[i]);
        put_bits(data, &at, chroma_format == 3, 0);
        for (size_t i = 0; i < ARRAY_LEN(depths); i++)
                put_ue(data, &at, depths[i]);
        put_bits(data, &at, 2, 0); /* no bypass, no scaling lists */
        put_ue(data, &at, 0);      /* frame numbers */
        put_ue(data, &at, 2);      /* order count */
        put_ue(data, &at, 1);      /* reference frames */
        put_bits(data, &at, 1, 0);
        put_ue(data, &at, 3); /* width and height */
        put_ue(data, &at, 3);
        put_bits(data, &at, 5, 0x11); /* frames only, no crop, no VUI, and the end */
        return h264_sps_parse((struct span){ data, (at + 7) / 8 }, &sps) && sps.width == 64 &&
               sps.height == 64 && sps.chroma_format == chroma_format &&
               sps.luma_depth == luma_depth && sps.chroma_depth == chroma_depth;
}

static void colours_and_depths_that_there_are_not_are_refused(void **state)
{
        (void)state;
        for (uint32_t format = 0; format <= 3; format++)
                assert_true(reads_high(format, 6, 2));
        assert_false(reads_high(4, 0, 0));
        assert_false(reads_high(1, 7, 0));
        assert_false(reads_high(1, 0, 7));
        for (uint32_t high = 256; high <= 0x10000; high <<= 4) { /* not cut to what is valid */
                assert_false(reads_high(high + 1, 0, 0));
                assert_false(reads_high(1, high, 0));
                assert_false(reads_high(1, 0, high));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(key_frames_are_found),
                cmocka_unit_test(height_is_that_of_the_parameter_set),
                cmocka_unit_test(sizes_are_read_from_sps),
                cmocka_unit_test(colours_and_depths_that_there_are_not_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
