/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/gst/kinds.h"

/* One line a kind, in its order. */
static const struct job_ops *const kinds[N_JOB_KINDS] = {
        NULL,
};

const struct job_ops *kinds_find(enum job_kind kind)
{
        return kinds[kind];
}
