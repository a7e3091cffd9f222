/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/wire/wire_test.h"

#include "sfu/wire/vp9.h"

static const struct {
        const char *name;
        uint8_t data[32];
        size_t len;
        int result;
        struct vp9_desc want;
} cases[] = {
        { "empty", { 0 }, 0, VP9_E_SHORT, { 0 } },
        { "descriptor and nothing else", { 0x0c }, 1, VP9_E_SHORT, { 0 } },
        { "picture id cut", { 0x80 }, 1, VP9_E_SHORT, { 0 } },
        { "long picture id cut", { 0x80, 0x81 }, 2, VP9_E_SHORT, { 0 } },
        { "layers cut", { 0x20 }, 1, VP9_E_SHORT, { 0 } },
        { "tl0picidx cut", { 0x20, 0x00 }, 2, VP9_E_SHORT, { 0 } },
        { "bare delta frame",
          { 0x4c, 1 },
          2,
          0,
          { .len = 1, .inter_predicted = true, .starts_frame = true, .ends_frame = true } },
        { "bare key frame",
          { 0x08, 1 },
          2,
          0,
          { .len = 1, .starts_frame = true, .is_keyframe = true } },
        { "middle of a key frame", { 0x00, 1 }, 2, 0, { .len = 1 } },
        { "upper layer of a key picture",
          { 0xa9, 0x92, 0x34, 0x03, 0x07, 1 },
          6,
          0,
          { .len = 5,
            .starts_frame = true,
            .not_for_upper = true,
            .has_picture_id = true,
            .long_picture_id = true,
            .picture_id = 0x1234,
            .picture_id_offset = 1,
            .has_layers = true,
            .sid = 1,
            .inter_layer = true,
            .has_tl0picidx = true,
            .tl0picidx = 7,
            .tl0picidx_offset = 4 } },
        { "flexible mode with references",
          { 0xf4, 0x12, 0xb4, 0x03, 0x05, 0x06, 1 },
          7,
          0,
          { .len = 6,
            .inter_predicted = true,
            .flexible = true,
            .ends_frame = true,
            .has_picture_id = true,
            .picture_id = 0x12,
            .picture_id_offset = 1,
            .has_layers = true,
            .tid = 5,
            .switching_up = true,
            .sid = 2,
            .n_diffs = 3,
            .diffs = { 1, 2, 3 } } },
        { "too many references", { 0x50, 3, 5, 7, 8, 1 }, 6, VP9_E_DIFFS, { 0 } },
        { "structure with sizes and group",
          { 0x0a, 0x38, 1, 64, 0, 180, 2, 128, 1, 104, 2, 0x04, 4, 0x10, 9 },
          15,
          0,
          { .len = 14,
            .starts_frame = true,
            .has_structure = true,
            .n_spatial = 2,
            .widths = { 320, 640 },
            .heights = { 180, 360 },
            .is_keyframe = true } },
        { "structure, sizes cut", { 0x0a, 0x30, 1, 64, 0, 180, 2, 128, 1 }, 9, VP9_E_SHORT, { 0 } },
        { "structure, group cut", { 0x0a, 0x08, 2, 0x04, 4 }, 5, VP9_E_SHORT, { 0 } },
        { "structure and nothing else", { 0x0a, 0x00 }, 2, VP9_E_SHORT, { 0 } },
};

static void descriptors_are_read(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                cleanup(wire_freep) uint8_t *data = wire_copy(cases[i].data, cases[i].len);
                struct vp9_desc desc;
                int r;

                memset(&desc, 0, sizeof(desc));
                r = vp9_parse(&desc, (struct span){ data, cases[i].len });
                if (r != cases[i].result)
                        fail_msg("%s: %d", cases[i].name, r);
                if (memcmp(&desc, &cases[i].want, sizeof(desc)) != 0)
                        fail_msg("%s: differs", cases[i].name);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(descriptors_are_read),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
