/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/deaths.h"

#include <string.h>

bool deaths_add(struct deaths *deaths, int64_t now_ms, int64_t *ret_again_ms)
{
        unsigned n = 0;

        memmove(&deaths->at_ms[1], &deaths->at_ms[0], (DEATHS_MAX - 1) * sizeof(deaths->at_ms[0]));
        deaths->at_ms[0] = now_ms;
        while (n < DEATHS_MAX && deaths->at_ms[n] && deaths->at_ms[n] > now_ms - DEATHS_MS)
                n++;
        *ret_again_ms = now_ms + (int64_t)(n - 1) * DEATHS_STEP_MS;
        return n < DEATHS_MAX;
}

const char *death_code(enum job_end reason, const char *error)
{
        /* Codes of sfu/jobs/lines.h; anything else is not for clients. */
        static const char *const known[] = {
                "disk-full", "unplayable", "no-video-codec",    "connect",
                "refused",   "auth",       "codec-unsupported", "timeout",
        };

        if (reason == JOB_STALLED)
                return "job-stalled";
        if (reason == JOB_CRASHED)
                return "job-crashed";
        for (size_t i = 0; i < ARRAY_LEN(known); i++)
                if (strcmp(error, known[i]) == 0)
                        return known[i];
        return reason == JOB_DONE ? "job-crashed" : "internal";
}

bool death_is_final(const char *code)
{
        return strcmp(code, "disk-full") == 0 || strcmp(code, "no-video-codec") == 0 ||
               strcmp(code, "codec-unsupported") == 0;
}
