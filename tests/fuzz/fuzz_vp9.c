/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include "sfu/wire/vp9.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct vp9_desc desc;

        if (vp9_parse(&desc, (struct span){ data, size }) != 0)
                return 0;
        FUZZ_CHECK(desc.len > 0 && desc.len < size);
        FUZZ_CHECK(desc.picture_id <= 0x7fff && desc.tid <= 7 && desc.sid <= 7);
        FUZZ_CHECK(desc.n_diffs <= VP9_MAX_DIFFS && desc.n_spatial <= VP9_MAX_SPATIAL);
        FUZZ_CHECK(desc.picture_id_offset < desc.len && desc.tl0picidx_offset < desc.len);
        FUZZ_CHECK(!desc.is_keyframe || (desc.starts_frame && !desc.inter_predicted));
        return 0;
}
