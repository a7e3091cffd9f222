/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "sfu/jobs/jobs.h"

static const char *const words[N_JOB_KINDS] = {
        [JOB_TRACKS] = "tracks", [JOB_PROGRAM] = "program", [JOB_COMPOSE] = "compose",
        [JOB_FINISH] = "finish", [JOB_FILM] = "film",       [JOB_PROBE] = "probe",
        [JOB_CAMERA] = "camera", [JOB_RTMP] = "rtmp",
};

const char *job_kind_word(enum job_kind kind)
{
        assert(kind < N_JOB_KINDS);
        return words[kind];
}
