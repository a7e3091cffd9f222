/* SPDX-License-Identifier: Apache-2.0 */
/* What lies beside a recorded file; a job wrote it. */
#include "tests/fuzz/fuzz.h"

#include "sfu/jobs/core/retime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static char text[RETIME_TEXT];
        struct retime retime, again;
        size_t len;

        if (retime_read(&retime, (const char *)data, size) < 0)
                return 0;
        FUZZ_CHECK(retime.n <= RETIME_POINTS);
        len = retime_write(&retime, text);
        FUZZ_CHECK(len < sizeof(text) && retime_read(&again, text, len) == 0);
        FUZZ_CHECK(again.n == retime.n);
        for (size_t i = 0; i < retime.n; i++) {
                int64_t t_us = retime.points[i].t_us;

                FUZZ_CHECK(retime_apply(&retime, t_us) == t_us - retime.points[i].by_us);
                FUZZ_CHECK(retime_apply(&again, t_us + 1) == retime_apply(&retime, t_us + 1));
                FUZZ_CHECK(retime_apply(&again, t_us - 1) == retime_apply(&retime, t_us - 1));
        }
        return 0;
}
