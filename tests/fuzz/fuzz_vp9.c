/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include "sfu/wire/vp9.h"

/* A rewritten copy reads as before, except for the two values. */
static void check_rewrite(uint8_t *copy, size_t size, const struct vp9_desc *desc)
{
        struct vp9_desc again;

        vp9_set_picture_id(copy, desc, 0xabcd);
        vp9_set_tl0picidx(copy, desc, 0xef);
        FUZZ_CHECK(vp9_parse(&again, (struct span){ copy, size }) == 0);
        FUZZ_CHECK(again.len == desc->len && again.long_picture_id == desc->long_picture_id);
        FUZZ_CHECK(again.is_keyframe == desc->is_keyframe && again.sid == desc->sid);
        if (desc->has_picture_id)
                FUZZ_CHECK(again.picture_id == (desc->long_picture_id ? 0x2bcd : 0x4d));
        if (desc->has_tl0picidx)
                FUZZ_CHECK(again.tl0picidx == 0xef);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct vp9_desc desc;

        if (vp9_parse(&desc, (struct span){ data, size }) != 0)
                return 0;
        FUZZ_CHECK(desc.len > 0 && desc.len < size);
        FUZZ_CHECK(desc.picture_id <= 0x7fff && desc.tid <= 7 && desc.sid <= 7);
        FUZZ_CHECK(desc.n_diffs <= VP9_MAX_DIFFS && desc.n_spatial <= VP9_MAX_SPATIAL);
        FUZZ_CHECK(!desc.is_keyframe || (desc.starts_frame && !desc.inter_predicted));

        uint8_t *copy = malloc(size);

        FUZZ_CHECK(copy);
        memcpy(copy, data, size);
        check_rewrite(copy, size, &desc);
        free(copy);
        return 0;
}
