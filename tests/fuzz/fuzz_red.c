/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include "sfu/wire/red.h"

/* What was read is written as the same bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct red_block blocks[RED_MAX_BLOCKS];
        size_t n;

        if (red_parse(blocks, &n, (struct span){ data, size }) != 0)
                return 0;
        FUZZ_CHECK(n >= 1 && n <= RED_MAX_BLOCKS);
        for (size_t i = 0; i < n; i++)
                FUZZ_CHECK(fuzz_within(blocks[i].data, data, size));

        uint8_t *copy = malloc(size);
        struct wr w = wr_init(copy, size);

        FUZZ_CHECK(copy);
        red_write(&w, blocks, n);
        FUZZ_CHECK(!w.bad && wr_len(&w) == size && memcmp(copy, data, size) == 0);
        free(copy);
        return 0;
}
