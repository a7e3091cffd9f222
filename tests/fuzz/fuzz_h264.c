/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include "sfu/wire/h264.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        /* Bytes further on may only turn "no" into "yes". */
        if (size > 0 && h264_starts_keyframe((struct span){ data, size - 1 }))
                FUZZ_CHECK(h264_starts_keyframe((struct span){ data, size }));
        else
                h264_starts_keyframe((struct span){ data, size });
        if (h264_height((struct span){ data, size }) > 0)
                FUZZ_CHECK(h264_starts_keyframe((struct span){ data, size }));
        return 0;
}
