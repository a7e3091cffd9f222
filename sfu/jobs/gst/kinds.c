/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/gst/kinds.h"

static const struct job_ops *const kinds[N_JOB_KINDS] = {
        [JOB_TRACKS] = &tracks_ops, [JOB_PROGRAM] = &program_ops, [JOB_COMPOSE] = &compose_ops,
        [JOB_FINISH] = &finish_ops, [JOB_FILM] = &film_ops,       [JOB_PROBE] = &probe_ops,
        [JOB_RTMP] = &rtmp_ops,     [JOB_CAMERA] = &camera_ops,
};

const struct job_ops *kinds_find(enum job_kind kind)
{
        return kinds[kind];
}
