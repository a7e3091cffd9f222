/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include "sfu/wire/av1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct av1_desc desc;

        if (av1_parse(&desc, (struct span){ data, size }) == 0)
                FUZZ_CHECK(size > 1 && !(desc.is_keyframe && desc.continues));
        return 0;
}
