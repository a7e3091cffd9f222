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

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(key_frames_are_found),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
