/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/wire/wire_test.h"

#include "sfu/wire/h264.h"

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

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(key_frames_are_found),
                cmocka_unit_test(height_is_that_of_the_parameter_set),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
