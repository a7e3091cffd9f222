/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kinds — the table of jobs this program can run; one file each in this folder.
 *
 * Layer:  sfu/jobs/gst, the child's side.
 */
#ifndef SFU_JOBS_GST_KINDS_H
#define SFU_JOBS_GST_KINDS_H

#include "sfu/jobs/child.h"

/* One a file. */
extern const struct job_ops compose_ops;
extern const struct job_ops finish_ops;
extern const struct job_ops camera_ops;
extern const struct job_ops film_ops;
extern const struct job_ops probe_ops;
extern const struct job_ops program_ops;
extern const struct job_ops rtmp_ops;
extern const struct job_ops tracks_ops;

/* NULL: this kind is not built in. */
const struct job_ops *kinds_find(enum job_kind kind);

#endif
