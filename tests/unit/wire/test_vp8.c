/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/wire/wire_test.h"

#include "sfu/wire/vp8.h"

#define KEY_HEAD                                                                                   \
        0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x42, 0x68, 0x01 /* 640 (scale 1) x 360 */

static const struct {
        const char *name;
        uint8_t data[24];
        size_t len;
        int result;
        struct vp8_desc want;
} cases[] = {
        { "empty", { 0 }, 0, VP8_E_SHORT, { 0 } },
        { "descriptor and nothing else", { 0x10 }, 1, VP8_E_SHORT, { 0 } },
        { "X cut", { 0x80 }, 1, VP8_E_SHORT, { 0 } },
        { "picture id cut", { 0x80, 0x80 }, 2, VP8_E_SHORT, { 0 } },
        { "long picture id cut", { 0x80, 0x80, 0x81 }, 3, VP8_E_SHORT, { 0 } },
        { "tl0picidx cut", { 0x80, 0xc0, 0x01 }, 3, VP8_E_SHORT, { 0 } },
        { "tid cut", { 0x80, 0xe0, 0x01, 0x02 }, 4, VP8_E_SHORT, { 0 } },
        { "no frame byte", { 0x80, 0x80, 0x01 }, 3, VP8_E_SHORT, { 0 } },
        { "middle of a frame", { 0x00, 0xaa }, 2, 0, { .len = 1 } },
        { "second partition",
          { 0x11, 0x00 },
          2,
          0,
          { .len = 1, .partition_start = true, .partition = 1 } },
        { "delta frame",
          { 0x30, 0x01 },
          2,
          0,
          { .len = 1, .non_reference = true, .partition_start = true, .starts_frame = true } },
        { "key frame",
          { 0x10, KEY_HEAD },
          11,
          0,
          { .len = 1,
            .partition_start = true,
            .starts_frame = true,
            .is_keyframe = true,
            .width = 640,
            .height = 360 } },
        { "key frame, head cut",
          { 0x10, KEY_HEAD },
          10,
          0,
          { .len = 1, .partition_start = true, .starts_frame = true, .is_keyframe = true } },
        { "key frame, wrong start code",
          { 0x10, 0x10, 2, 0, 0x9d, 1, 0x2b, 1, 1, 1, 1 },
          11,
          0,
          { .len = 1, .partition_start = true, .starts_frame = true, .is_keyframe = true } },
        { "everything",
          { 0x90, 0xf0, 0x92, 0x34, 0x56, 0xb7, 0x01 },
          7,
          0,
          { .len = 6,
            .partition_start = true,
            .starts_frame = true,
            .has_picture_id = true,
            .long_picture_id = true,
            .picture_id = 0x1234,
            .picture_id_offset = 2,
            .has_tl0picidx = true,
            .tl0picidx = 0x56,
            .tl0picidx_offset = 4,
            .has_tid = true,
            .tid = 2,
            .layer_sync = true,
            .has_keyidx = true,
            .keyidx = 0x17 } },
        { "short picture id and tid",
          { 0x80, 0xa0, 0x7f, 0x40, 0xaa },
          5,
          0,
          { .len = 4,
            .has_picture_id = true,
            .picture_id = 0x7f,
            .picture_id_offset = 2,
            .has_tid = true,
            .tid = 1 } },
        { "keyidx alone",
          { 0x80, 0x10, 0xff, 0xaa },
          4,
          0,
          { .len = 3, .has_keyidx = true, .keyidx = 31 } },
};

static void check_desc(const char *name, const struct vp8_desc *got, const struct vp8_desc *want)
{
        if (got->len != want->len)
                fail_msg("%s: descriptor of %zu bytes, not %zu", name, got->len, want->len);
        assert_int_equal(got->non_reference, want->non_reference);
        assert_int_equal(got->partition_start, want->partition_start);
        assert_int_equal(got->starts_frame, want->starts_frame);
        assert_int_equal(got->partition, want->partition);
        assert_int_equal(got->has_picture_id, want->has_picture_id);
        assert_int_equal(got->long_picture_id, want->long_picture_id);
        assert_int_equal(got->picture_id, want->picture_id);
        assert_int_equal(got->picture_id_offset, want->picture_id_offset);
        assert_int_equal(got->has_tl0picidx, want->has_tl0picidx);
        assert_int_equal(got->tl0picidx, want->tl0picidx);
        assert_int_equal(got->tl0picidx_offset, want->tl0picidx_offset);
        assert_int_equal(got->has_tid, want->has_tid);
        assert_int_equal(got->tid, want->tid);
        assert_int_equal(got->layer_sync, want->layer_sync);
        assert_int_equal(got->has_keyidx, want->has_keyidx);
        assert_int_equal(got->keyidx, want->keyidx);
        assert_int_equal(got->is_keyframe, want->is_keyframe);
        assert_int_equal(got->width, want->width);
        assert_int_equal(got->height, want->height);
}

static void descriptor_is_read_within_bounds(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                cleanup(wire_freep) uint8_t *data = wire_copy(cases[i].data, cases[i].len);
                struct vp8_desc desc = { .len = 99 };
                int result = vp8_parse(&desc, (struct span){ data, cases[i].len });

                if (result != cases[i].result)
                        fail_msg("%s: %d, not %d", cases[i].name, result, cases[i].result);
                if (result)
                        assert_int_equal(desc.len, 99); /* untouched on failure */
                else
                        check_desc(cases[i].name, &desc, &cases[i].want);
        }
}

static void rewritten_long_id_and_tl0_read_back(void **state)
{
        uint8_t data[] = { 0x90, 0xf0, 0x92, 0x34, 0x56, 0xb7, 0x01 };
        const uint8_t want[] = { 0x90, 0xf0, 0xff, 0xfe, 0xab, 0xb7, 0x01 };
        struct vp8_desc desc;

        (void)state;
        assert_int_equal(vp8_parse(&desc, (struct span){ data, sizeof(data) }), 0);
        vp8_set_picture_id(data, &desc, 0xfffe); /* the top bit is cut off */
        vp8_set_tl0picidx(data, &desc, 0xab);
        assert_memory_equal(data, want, sizeof(want));
}

static void rewritten_short_id_keeps_its_size(void **state)
{
        uint8_t data[] = { 0x80, 0x80, 0x05, 0xaa };
        struct vp8_desc desc;

        (void)state;
        assert_int_equal(vp8_parse(&desc, (struct span){ data, sizeof(data) }), 0);
        vp8_set_picture_id(data, &desc, 0x1281);
        assert_int_equal(data[2], 0x01);
        assert_int_equal(data[3], 0xaa);
}

static void nothing_is_rewritten_where_nothing_is(void **state)
{
        uint8_t data[] = { 0x10, 0x01 };
        struct vp8_desc desc;

        (void)state;
        assert_int_equal(vp8_parse(&desc, (struct span){ data, sizeof(data) }), 0);
        vp8_set_picture_id(data, &desc, 7);
        vp8_set_tl0picidx(data, &desc, 7);
        assert_memory_equal(data, "\x10\x01", 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(descriptor_is_read_within_bounds),
                cmocka_unit_test(rewritten_long_id_and_tl0_read_back),
                cmocka_unit_test(rewritten_short_id_keeps_its_size),
                cmocka_unit_test(nothing_is_rewritten_where_nothing_is),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
