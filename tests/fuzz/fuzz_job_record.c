/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include "sfu/wire/job_record.h"

/* What was read is written as the same bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct job_record record;
        uint8_t head[JOB_RECORD_HEAD];

        if (job_record_parse(&record, data, size) != 0)
                return 0;
        FUZZ_CHECK(fuzz_within(record.bytes, data, size));
        FUZZ_CHECK(record.bytes.len == size - JOB_RECORD_HEAD);
        FUZZ_CHECK(record.kind < JOB_N_KINDS && record.layer < JOB_N_LAYERS);
        job_record_write(head, &record);
        FUZZ_CHECK(memcmp(head, data, sizeof(head)) == 0);
        return 0;
}
