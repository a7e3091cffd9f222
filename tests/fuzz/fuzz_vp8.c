/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include "sfu/wire/vp8.h"

#include <stdlib.h>
#include <string.h>

/* A rewritten copy reads as before, except for the two values. */
static void check_rewrite(uint8_t *copy, size_t size, const struct vp8_desc *desc)
{
        struct vp8_desc again;

        vp8_set_picture_id(copy, desc, 0xabcd);
        vp8_set_tl0picidx(copy, desc, 0xef);
        FUZZ_CHECK(vp8_parse(&again, (struct span){ copy, size }) == 0);
        FUZZ_CHECK(again.len == desc->len && again.long_picture_id == desc->long_picture_id);
        FUZZ_CHECK(again.is_keyframe == desc->is_keyframe && again.tid == desc->tid);
        if (desc->has_picture_id)
                FUZZ_CHECK(again.picture_id == (desc->long_picture_id ? 0x2bcd : 0x4d));
        if (desc->has_tl0picidx)
                FUZZ_CHECK(again.tl0picidx == 0xef);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct vp8_desc desc;

        if (vp8_parse(&desc, (struct span){ data, size }) != 0)
                return 0;
        FUZZ_CHECK(desc.len > 0 && desc.len < size && desc.len <= 6);
        FUZZ_CHECK(desc.picture_id <= 0x7fff && desc.tid <= 3 && desc.keyidx <= 31);
        FUZZ_CHECK(desc.width <= 0x3fff && desc.height <= 0x3fff);
        FUZZ_CHECK(!desc.is_keyframe || desc.starts_frame);

        uint8_t *copy = malloc(size);

        FUZZ_CHECK(copy);
        memcpy(copy, data, size);
        check_rewrite(copy, size, &desc);
        free(copy);
        return 0;
}
