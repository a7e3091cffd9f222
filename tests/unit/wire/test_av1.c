/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/wire/wire_test.h"

#include "sfu/wire/av1.h"

static const struct {
        const char *name;
        uint8_t data[16];
        size_t len;
        int result;
        struct av1_desc want;
} cases[] = {
        { "empty", { 0 }, 0, AV1_E_SHORT, { 0 } },
        { "header and nothing else", { 0x10 }, 1, AV1_E_SHORT, { 0 } },
        { "one frame OBU", { 0x10, 0x30, 1 }, 3, 0, { 0 } },
        { "middle of an OBU", { 0xd0, 1 }, 2, 0, { .continues = true, .unfinished = true } },
        { "new sequence that continues", { 0x88, 1 }, 2, AV1_E_HEADER, { 0 } },
        { "sequence header alone", { 0x18, 0x08, 1 }, 3, 0, { .is_keyframe = true } },
        { "sequence header, then frame",
          { 0x28, 2, 0x08, 1, 0x30, 1 },
          6,
          0,
          { .is_keyframe = true } },
        { "all with lengths", { 0x08, 2, 0x08, 1, 2, 0x30, 1 }, 7, 0, { .is_keyframe = true } },
        { "delimiter first", { 0x38, 1, 0x10, 2, 0x08, 1, 0x30 }, 7, 0, { .is_keyframe = true } },
        { "delimiter alone", { 0x18, 0x10 }, 2, 0, { 0 } },
        { "sequence header without N", { 0x10, 0x08, 1 }, 3, 0, { 0 } },
        { "N without sequence header", { 0x18, 0x30, 1 }, 3, 0, { 0 } },
        { "element passes the end", { 0x28, 9, 0x08, 1 }, 4, 0, { 0 } },
        { "empty element", { 0x28, 0, 0x08 }, 3, 0, { 0 } },
        { "length without end", { 0x28, 255, 255, 255, 255, 255, 255, 255, 255, 1 }, 10, 0, { 0 } },
};

static void key_frames_are_found(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                cleanup(wire_freep) uint8_t *data = wire_copy(cases[i].data, cases[i].len);
                struct av1_desc desc;
                int r;

                memset(&desc, 0, sizeof(desc));
                r = av1_parse(&desc, (struct span){ data, cases[i].len });
                if (r != cases[i].result)
                        fail_msg("%s: %d", cases[i].name, r);
                if (memcmp(&desc, &cases[i].want, sizeof(desc)) != 0)
                        fail_msg("%s: differs", cases[i].name);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(key_frames_are_found),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
